/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Socket addresses as programs write them, and as the stack does. */
#include <string.h>

#include "stack/lwip/lwip_impl.h"

int lwip_addr_in(const struct lwip_socket *so, const struct sockaddr *name, socklen_t len,
		 struct stk_addr *out)
{
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;
	sa_family_t family;

	if (!name)
		return -EFAULT;
	if (len < sizeof(family))
		return -EINVAL;
	memcpy(&family, name, sizeof(family));
	if (family != so->domain && !(so->domain == AF_INET6 && family == AF_INET))
		return -EAFNOSUPPORT;
	memset(out, 0, sizeof(*out));
	if (family == AF_INET) {
		if (len < sizeof(in4))
			return -EINVAL;
		memcpy(&in4, name, sizeof(in4));
		out->addr = wire_addr_from4((const uint8_t *)&in4.sin_addr);
		out->port = ntohs(in4.sin_port);
		return 0;
	}
	if (len < sizeof(in6))
		return -EINVAL;
	memcpy(&in6, name, sizeof(in6));
	if (in6.sin6_scope_id > STK_IF_MAX)
		return -ENODEV;
	out->addr = wire_addr_from6(in6.sin6_addr.s6_addr);
	out->port = ntohs(in6.sin6_port);
	out->ifindex = (uint16_t)in6.sin6_scope_id;
	return 0;
}

void lwip_addr_out(const struct lwip_socket *so, const struct stk_addr *addr, struct sockaddr *name,
		   socklen_t *len)
{
	struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_port = htons(addr->port)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(addr->port)};
	const void *from = &in6;
	socklen_t size = sizeof(in6);

	if (!name || !len)
		return;
	if (so->domain == AF_INET) {
		memcpy(&in4.sin_addr, addr->addr.b + 12, 4);
		from = &in4;
		size = sizeof(in4);
	} else {
		memcpy(&in6.sin6_addr, addr->addr.b, 16);
		in6.sin6_scope_id = addr->ifindex;
	}
	memcpy(name, from, size < *len ? size : *len);
	*len = size;
}

int lwip_socket_name(struct lwip_socket *so)
{
	struct stk_addr any = {.addr = wire_addr_any4};
	int error = 0;

	if (so->domain == AF_INET && !so->named)
		error = stk_bind(so->stack->stk, so->number, &any);
	so->named |= !error;
	return error;
}
