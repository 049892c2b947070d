/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Interfaces, addresses and routes of a stack. */
#include <stdio.h>
#include <string.h>

#include "stack/lwip/lwip_impl.h"

typedef int add_fn(struct netif_world *, const char *name, const struct stk_if_conf *);

/* A unicast address that is administered locally. */
static void choose_mac(uint8_t mac[WIRE_MAC_LEN])
{
	uint64_t random = rt_seed();

	memcpy(mac, &random, WIRE_MAC_LEN);
	mac[0] = (uint8_t)((mac[0] & 0xfc) | 0x02);
}

static struct netif *add(struct stack *stack, add_fn *kind, const char *arg, const char *prefix,
			 unsigned *count, int flags)
{
	struct netif *netif = calloc(1, sizeof(*netif));
	char name[STK_NAME_MAX];
	struct stk_if_conf conf = {.name = name};
	vs_time now;
	int ifindex;

	if (!netif)
		return NULL;
	choose_mac(conf.mac);
	now = lwip_stack_enter(stack);
	snprintf(name, sizeof(name), "%s%u", prefix, *count);
	if (flags & (int)NETIF_FLAG_AUTOCONF) {
		stk_set(stack->stk, now, "net.ipv6.conf.all.accept_ra", "1");
		stk_set(stack->stk, now, "net.ipv6.conf.all.autoconf", "1");
	}
	ifindex = kind(stack->world, arg ? arg : "", &conf);
	if (ifindex > 0) {
		stk_if_set_up(stack->stk, now, ifindex, false);
		++*count;
		*netif = (struct netif){stack->netifs, stack, ifindex};
		stack->netifs = netif;
	}
	lwip_stack_leave(stack);
	if (ifindex > 0)
		return netif;
	free(netif);
	errno = -ifindex;
	return NULL;
}

static bool flags_are_known(int flags)
{
	if (!(flags & ~(int)NETIF_FLAG_AUTOCONF))
		return true;
	errno = EINVAL;
	return false;
}

LWIP_EXPORT struct netif *lwip_add_vdeif(struct stack *stack, void *arg, int flags)
{
	if (!flags_are_known(flags))
		return NULL;
	return add(stack, netif_add_vde, arg, "vd", &stack->vde_count, flags);
}

LWIP_EXPORT struct netif *lwip_add_tapif(struct stack *stack, void *arg, int flags)
{
	if (!flags_are_known(flags))
		return NULL;
	return add(stack, netif_add_tap, arg, "tp", &stack->tap_count, flags);
}

static int set_up(struct netif *netif, bool up)
{
	vs_time now = lwip_stack_enter(netif->stack);
	int error = stk_if_set_up(netif->stack->stk, now, netif->ifindex, up);

	lwip_stack_leave(netif->stack);
	return lwip_result(error);
}

LWIP_EXPORT int lwip_ifup_flags(struct netif *netif, int flags)
{
	if (flags)
		return lwip_result(-EINVAL);
	return set_up(netif, true);
}

LWIP_EXPORT int lwip_ifdown(struct netif *netif)
{
	return set_up(netif, false);
}

static struct wire_addr from_ip_addr(const struct ip_addr *ip)
{
	struct wire_addr addr;

	memcpy(addr.b, ip->addr, sizeof(addr.b));
	return addr;
}

/* How many bits a mask has, or -EINVAL when it has a hole. */
static int bits_of(const struct ip_addr *mask)
{
	struct wire_addr m = from_ip_addr(mask);
	int bits = 0;

	while (bits < 128 && m.b[bits / 8] & 0x80 >> bits % 8)
		bits++;
	for (int i = bits; i < 128; i++)
		if (m.b[i / 8] & 0x80 >> i % 8)
			return -EINVAL;
	return bits;
}

LWIP_EXPORT int lwip_add_addr(struct netif *netif, struct ip_addr *ip, struct ip_addr *mask)
{
	struct wire_addr addr = from_ip_addr(ip);
	int bits = bits_of(mask), error;
	vs_time now;

	if (bits < 0)
		return lwip_result(bits);
	now = lwip_stack_enter(netif->stack);
	error = stk_addr_add(netif->stack->stk, now, netif->ifindex, &addr, (unsigned)bits);
	lwip_stack_leave(netif->stack);
	return lwip_result(error);
}

LWIP_EXPORT int lwip_del_addr(struct netif *netif, struct ip_addr *ip, struct ip_addr *mask)
{
	struct wire_addr addr = from_ip_addr(ip);
	vs_time now;
	int error;

	(void)mask; /* an interface has an address once */
	now = lwip_stack_enter(netif->stack);
	error = stk_addr_remove(netif->stack->stk, now, netif->ifindex, &addr);
	lwip_stack_leave(netif->stack);
	return lwip_result(error);
}

/* "Any" with an empty mask is the default route of the family that the next hop has. */
static int make_route(struct stk_route *route, const struct ip_addr *ip, const struct ip_addr *mask,
		      const struct ip_addr *nexthop, const struct netif *netif)
{
	int bits = bits_of(mask);

	if (bits < 0)
		return bits;
	*route = (struct stk_route){.dst = from_ip_addr(ip),
				    .bits = (unsigned)bits,
				    .via = nexthop ? from_ip_addr(nexthop) : wire_addr_any6,
				    .ifindex = netif ? netif->ifindex : 0};
	if (!bits && wire_addr_is4(&route->via)) {
		route->dst = wire_addr_any4;
		route->bits = 96;
	}
	return 0;
}

typedef int route_fn(struct stk *, vs_time, const struct stk_route *);

static int change_route(struct stack *stack, route_fn *change, const struct stk_route *route)
{
	vs_time now = lwip_stack_enter(stack);
	int error = change(stack->stk, now, route);

	lwip_stack_leave(stack);
	return lwip_result(error);
}

LWIP_EXPORT int lwip_add_route(struct stack *stack, struct ip_addr *ip, struct ip_addr *mask,
			       struct ip_addr *nexthop, struct netif *netif, int flags)
{
	struct stk_route route;
	int error = flags ? -EINVAL : make_route(&route, ip, mask, nexthop, netif);

	return error ? lwip_result(error) : change_route(stack, stk_route_add, &route);
}

LWIP_EXPORT int lwip_del_route(struct stack *stack, struct ip_addr *ip, struct ip_addr *mask,
			       struct ip_addr *nexthop, struct netif *netif, int flags)
{
	struct stk_route route;
	int error = flags ? -EINVAL : make_route(&route, ip, mask, nexthop, netif);

	return error ? lwip_result(error) : change_route(stack, stk_route_remove, &route);
}
