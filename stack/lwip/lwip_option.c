/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Socket options by their Linux names. What the engine does not have is ENOPROTOOPT. */
#include <limits.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/time.h>

#include "stack/lwip/lwip_impl.h"

static const struct option {
	int level, name;
	enum stk_option option;
} options[] = {
	{SOL_SOCKET, SO_ERROR, STK_SO_ERROR},
	{SOL_SOCKET, SO_SNDBUF, STK_SO_SNDBUF},
	{SOL_SOCKET, SO_RCVBUF, STK_SO_RCVBUF},
	{SOL_SOCKET, SO_REUSEADDR, STK_SO_REUSEADDR},
	{SOL_SOCKET, SO_REUSEPORT, STK_SO_REUSEPORT},
	{SOL_SOCKET, SO_KEEPALIVE, STK_SO_KEEPALIVE},
	{SOL_SOCKET, SO_BROADCAST, STK_SO_BROADCAST},
	{SOL_SOCKET, SO_OOBINLINE, STK_SO_OOBINLINE},
	{IPPROTO_IP, IP_TTL, STK_IP_TTL},
	{IPPROTO_IP, IP_TOS, STK_IP_TOS},
	{IPPROTO_IP, IP_MTU, STK_IP_MTU},
	{IPPROTO_IP, IP_MTU_DISCOVER, STK_IP_MTU_DISCOVER},
	{IPPROTO_IP, IP_MULTICAST_TTL, STK_IP_MULTICAST_TTL},
	{IPPROTO_IP, IP_MULTICAST_LOOP, STK_IP_MULTICAST_LOOP},
	{IPPROTO_IP, IP_MULTICAST_ALL, STK_IP_MULTICAST_ALL},
	{IPPROTO_IPV6, IPV6_V6ONLY, STK_IPV6_V6ONLY},
	{IPPROTO_IPV6, IPV6_UNICAST_HOPS, STK_IP_TTL},
	{IPPROTO_IPV6, IPV6_TCLASS, STK_IP_TOS},
	{IPPROTO_IPV6, IPV6_MTU, STK_IP_MTU},
	{IPPROTO_IPV6, IPV6_MTU_DISCOVER, STK_IP_MTU_DISCOVER},
	{IPPROTO_IPV6, IPV6_MULTICAST_IF, STK_IP_MULTICAST_IF},
	{IPPROTO_IPV6, IPV6_MULTICAST_HOPS, STK_IP_MULTICAST_TTL},
	{IPPROTO_IPV6, IPV6_MULTICAST_LOOP, STK_IP_MULTICAST_LOOP},
	{IPPROTO_TCP, TCP_NODELAY, STK_TCP_NODELAY},
	{IPPROTO_TCP, TCP_MAXSEG, STK_TCP_MAXSEG},
	{IPPROTO_TCP, TCP_CORK, STK_TCP_CORK},
	{IPPROTO_TCP, TCP_QUICKACK, STK_TCP_QUICKACK},
	{IPPROTO_TCP, TCP_USER_TIMEOUT, STK_TCP_USER_TIMEOUT},
	{IPPROTO_TCP, TCP_KEEPIDLE, STK_TCP_KEEPIDLE},
	{IPPROTO_TCP, TCP_KEEPINTVL, STK_TCP_KEEPINTVL},
	{IPPROTO_TCP, TCP_KEEPCNT, STK_TCP_KEEPCNT},
	{IPPROTO_TCP, TCP_NOTSENT_LOWAT, STK_TCP_NOTSENT_LOWAT},
	{IPPROTO_TCP, TCP_FASTOPEN, STK_TCP_FASTOPEN},
	{IPPROTO_TCP, TCP_FASTOPEN_CONNECT, STK_TCP_FASTOPEN_CONNECT},
	{IPPROTO_TCP, TCP_SYNCNT, STK_TCP_SYNCNT},
	{IPPROTO_TCP, TCP_DEFER_ACCEPT, STK_TCP_DEFER_ACCEPT},
	{IPPROTO_TCP, TCP_LINGER2, STK_TCP_LINGER2},
};

static const struct option *option_of(int level, int name)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (options[i].level == level && options[i].name == name)
			return &options[i];
	return NULL;
}

static int set_number(struct lwip_socket *so, vs_time now, enum stk_option option, const void *from,
		      socklen_t len)
{
	int value;

	if (len < sizeof(value))
		return -EINVAL;
	memcpy(&value, from, sizeof(value));
	return stk_option_set(so->stack->stk, now, so->number, option, value);
}

static int set_linger(struct lwip_socket *so, vs_time now, const void *from, socklen_t len)
{
	struct linger linger;

	if (len < sizeof(linger))
		return -EINVAL;
	memcpy(&linger, from, sizeof(linger));
	return stk_option_set(so->stack->stk, now, so->number, STK_SO_LINGER,
			      linger.l_onoff ? linger.l_linger : -1);
}

/* No time at all is no limit. */
static int set_timeout(vs_time *timeout, const void *from, socklen_t len)
{
	struct timeval t;

	if (len < sizeof(t))
		return -EINVAL;
	memcpy(&t, from, sizeof(t));
	if (t.tv_usec < 0 || t.tv_usec >= 1000000)
		return -EDOM;
	if (t.tv_sec < 0 || t.tv_sec > INT_MAX || (!t.tv_sec && !t.tv_usec))
		*timeout = VS_NEVER;
	else
		*timeout = t.tv_sec * VS_SEC + t.tv_usec * 1000;
	return 0;
}

static int set(struct lwip_socket *so, vs_time now, int level, int name, const void *from,
	       socklen_t len)
{
	const struct option *option = option_of(level, name);

	if (option)
		return set_number(so, now, option->option, from, len);
	if (level != SOL_SOCKET)
		return -ENOPROTOOPT;
	switch (name) {
	case SO_LINGER:
		return set_linger(so, now, from, len);
	case SO_RCVTIMEO:
		return set_timeout(&so->receive_timeout, from, len);
	case SO_SNDTIMEO:
		return set_timeout(&so->send_timeout, from, len);
	default:
		return -ENOPROTOOPT;
	}
}

LWIP_EXPORT int lwip_setsockopt(int s, int level, int name, const void *value, socklen_t len)
{
	struct lwip_socket *so = lwip_socket_get(s);
	vs_time now;
	int error;

	if (!so)
		return -1;
	error = value ? lwip_enter(so, &now) : -EFAULT;
	if (!error) {
		error = set(so, now, level, name, value, len);
		lwip_leave(so);
	}
	lwip_socket_put(so);
	return lwip_result(error);
}

/* Gives what fits, as Linux does. */
static int give(void *to, socklen_t *len, const void *value, socklen_t size)
{
	if (*len > size)
		*len = size;
	memcpy(to, value, *len);
	return 0;
}

static int get_number(struct lwip_socket *so, enum stk_option option, int *number)
{
	int64_t value = 0;
	int error = stk_option_get(so->stack->stk, so->number, option, &value);

	*number = value > INT_MAX ? INT_MAX : (int)value;
	return error;
}

static int give_timeout(vs_time timeout, void *to, socklen_t *len)
{
	struct timeval t = {0};

	if (timeout != VS_NEVER) {
		t.tv_sec = timeout / VS_SEC;
		t.tv_usec = timeout % VS_SEC / 1000;
	}
	return give(to, len, &t, sizeof(t));
}

static int get(struct lwip_socket *so, int level, int name, void *to, socklen_t *len)
{
	const struct option *option = option_of(level, name);
	struct linger linger = {0};
	int number = 0, error = 0;

	if (option) {
		error = get_number(so, option->option, &number);
		return error ? error : give(to, len, &number, sizeof(number));
	}
	if (level != SOL_SOCKET)
		return -ENOPROTOOPT;
	switch (name) {
	case SO_LINGER:
		error = get_number(so, STK_SO_LINGER, &number);
		linger.l_onoff = number >= 0;
		linger.l_linger = number >= 0 ? number : 0;
		return error ? error : give(to, len, &linger, sizeof(linger));
	case SO_RCVTIMEO:
		return give_timeout(so->receive_timeout, to, len);
	case SO_SNDTIMEO:
		return give_timeout(so->send_timeout, to, len);
	case SO_TYPE:
		return give(to, len, &so->type, sizeof(so->type));
	case SO_DOMAIN:
		return give(to, len, &so->domain, sizeof(so->domain));
	case SO_PROTOCOL:
		return give(to, len, &so->protocol, sizeof(so->protocol));
	default:
		return -ENOPROTOOPT;
	}
}

LWIP_EXPORT int lwip_getsockopt(int s, int level, int name, void *value, socklen_t *len)
{
	struct lwip_socket *so = lwip_socket_get(s);
	vs_time now;
	int error;

	if (!so)
		return -1;
	error = value && len ? lwip_enter(so, &now) : -EFAULT;
	if (!error) {
		error = get(so, level, name, value, len);
		lwip_leave(so);
	}
	lwip_socket_put(so);
	return lwip_result(error);
}
