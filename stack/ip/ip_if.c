/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Interfaces, their addresses, and the groups they receive. The host is weak (RFC 1122 3.3.4.2, as
 * Linux): an address of ours is ours on every interface, except link-local ones.
 */
#include <errno.h>
#include <string.h>

#include "core/wire/eth.h"
#include "stack/ip/ip.h"

static const struct wire_addr all_nodes = {{[0] = 0xff, [1] = 0x02, [15] = 1}};
static const struct wire_addr all_routers = {{[0] = 0xff, [1] = 0x02, [15] = 2}};
static const struct wire_addr all_hosts4 = {{[10] = 0xff, [11] = 0xff, [12] = 224, [15] = 1}};

static void loop_fire(struct vs_timer *timer, void *ctx, vs_time now)
{
	struct stk *s = ctx;
	uint32_t count = vs_queue_len(&s->ip->loop);
	struct vs_frame *f;
	int port;

	(void)timer;
	/* What these packets cause goes behind them and waits for its own turn. */
	while (count-- && (f = vs_queue_pop(&s->ip->loop, &port)))
		ip_input_own(s, now, port, f);
}

int ip_create(struct stk *s)
{
	struct vs_prng chance;
	int error;

	s->ip = vs_alloc(s->arena, sizeof(*s->ip));
	if (!s->ip)
		return -ENOMEM;
	stk_settings_init(s);
	vs_prng_seed(&s->ports, s->conf.seed, s->conf.name);
	chance = s->ports;
	s->ip->hash_key = vs_prng_next(&chance);
	s->ip->id_next = (uint16_t)vs_prng_next(&chance);
	s->ip->id6_next = (uint32_t)vs_prng_next(&chance);
	s->ip->temporary = chance;
	error = vs_queue_init(&s->ip->loop, 4, s->arena);
	if (error)
		goto ip;
	error = vs_timer_add(&s->timers, &s->ip->loop_timer, loop_fire);
	if (error)
		goto loop;
	error = ip_pmtu_init(s);
	if (error)
		goto timer;
	error = ip_redirect_init(s);
	if (error)
		goto pmtu;
	return 0;
pmtu:
	ip_pmtu_fini(s);
timer:
	vs_timer_remove(&s->timers, &s->ip->loop_timer);
loop:
	vs_queue_fini(&s->ip->loop, s->arena);
ip:
	vs_free(s->arena, s->ip, sizeof(*s->ip));
	return error;
}

static void if_free(struct stk *s, struct ip_interface *interface)
{
	/* Nothing is said any more. */
	interface->up = false;
	ra_fini(s, interface);
	while (interface->addresses)
		stk_addr_remove(s, s->now, interface->ifindex, &interface->addresses->addr);
	if (interface->group_link)
		ip_groups_fini(s, interface);
	ip_redirect_drop(s, interface->ifindex, NULL);
	ip_route_drop_if(s, interface->ifindex);
	s->ip->ifs[interface->ifindex] = NULL;
	vs_free(s->arena, interface, sizeof(*interface));
}

void ip_destroy(struct stk *s)
{
	for (int i = 1; i <= STK_IF_MAX; i++)
		if (s->ip->ifs[i])
			if_free(s, s->ip->ifs[i]);
	ip_reasm_fini(s);
	ip_redirect_fini(s);
	ip_pmtu_fini(s);
	ip_route_fini(s);
	vs_timer_remove(&s->timers, &s->ip->loop_timer);
	vs_queue_fini(&s->ip->loop, s->arena);
	vs_free(s->arena, s->ip, sizeof(*s->ip));
}

void ip_loop(struct stk *s, vs_time now, int ifindex, struct vs_frame *f)
{
	struct vs_queue *loop = &s->ip->loop;

	if (vs_queue_full(loop) &&
	    (loop->size >= IP_OUTPUT_MAX || vs_queue_reserve(loop, loop->size * 2, s->arena))) {
		stk_drop(s, 0, STK_OutputFull, f);
		return;
	}
	vs_queue_push(loop, ifindex, f);
	if (!vs_timer_armed(&s->ip->loop_timer))
		vs_timer_set(&s->timers, &s->ip->loop_timer, now);
}

/* Interfaces. */

int stk_if_add(struct stk *s, vs_time now, const struct stk_if_conf *conf)
{
	uint32_t mtu = conf->mtu ? conf->mtu : 1500;
	struct ip_address link_local = {.bits = 64, .kind = IP_LINK_LOCAL};
	struct ip_interface *interface;
	int ifindex = 1, error;

	s->now = now;
	if (mtu < IP_MTU_MIN4 || mtu > IP_MTU_LOOP || wire_mac_is_group(conf->mac) ||
	    (conf->name && strlen(conf->name) >= STK_NAME_MAX))
		return -EINVAL;
	while (ifindex <= STK_IF_MAX && s->ip->ifs[ifindex])
		ifindex++;
	if (ifindex > STK_IF_MAX)
		return -ENFILE;
	interface = vs_alloc(s->arena, sizeof(*interface));
	if (!interface)
		return -ENOMEM;
	interface->ifindex = ifindex;
	interface->up = true;
	interface->mtu = mtu;
	memcpy(interface->mac, conf->mac, WIRE_MAC_LEN);
	if (conf->name)
		memcpy(interface->name, conf->name, strlen(conf->name) + 1);
	s->ip->ifs[ifindex] = interface;
	ip_changed(s);
	error = group_link_init(s, interface);
	if (!error)
		error = ip_group_join(s, now, interface, &all_nodes);
	if (!error)
		error = ip_group_join(s, now, interface, &all_hosts4);
	if (!error)
		error = ip_group_join(s, now, interface, &all_routers);
	link_local.addr = slaac_link_local(s, conf->mac, 0);
	if (!error && mtu >= IP_MTU_MIN6 && s->ip->set.addr_gen_mode != 1)
		error = ip_address_add(s, now, ifindex, &link_local, NULL);
	if (!error)
		error = ra_start(s, now, interface);
	if (error) {
		if_free(s, interface);
		return error;
	}
	return ifindex;
}

int stk_if_remove(struct stk *s, vs_time now, int ifindex)
{
	struct ip_interface *interface = ip_if(s, ifindex);

	s->now = now;
	if (!interface)
		return -ENODEV;
	neigh_flush(s, ifindex);
	if_free(s, interface);
	ip_changed(s);
	return 0;
}

int stk_if_set_up(struct stk *s, vs_time now, int ifindex, bool up)
{
	struct ip_interface *interface = ip_if(s, ifindex);

	s->now = now;
	if (!interface)
		return -ENODEV;
	if (interface->up == up)
		return 0;
	interface->up = up;
	ip_changed(s);
	if (!up) {
		neigh_flush(s, ifindex);
		ip_redirect_drop(s, ifindex, NULL);
	}
	interface->off6 = false;
	for (struct ip_address *a = interface->addresses; a; a = a->if_next) {
		int error;

		dad_stop(s, a);
		error = up ? dad_start(s, now, a) : 0;
		if (error)
			return error;
	}
	if (!up)
		return 0;
	group_link_up(s, now, interface);
	return ra_start(s, now, interface);
}

int stk_if_set_mtu(struct stk *s, vs_time now, int ifindex, uint32_t mtu)
{
	struct ip_interface *interface = ip_if(s, ifindex);

	s->now = now;
	if (!interface)
		return -ENODEV;
	if (mtu < IP_MTU_MIN4 || mtu > IP_MTU_LOOP)
		return -EINVAL;
	interface->mtu = mtu;
	ip_changed(s);
	return 0;
}

/* Addresses. */

struct ip_address *ip_address_find(const struct stk *s, const struct wire_addr *addr)
{
	struct ip_address *a = s->ip->addresses[ip_hash(s, addr) % IP_BUCKETS];

	while (a && !(a->state == IP_VALID && wire_addr_equal(&a->addr, addr)))
		a = a->hash_next;
	return a;
}

struct ip_address *ip_address_on(const struct ip_interface *interface, const struct wire_addr *addr)
{
	struct ip_address *a = interface->addresses;

	while (a && !wire_addr_equal(&a->addr, addr))
		a = a->if_next;
	return a;
}

bool ip_is_ours(const struct stk *s, const struct wire_addr *addr)
{
	return ip_address_find(s, addr) || wire_addr_is_loopback(addr);
}

static bool broadcast_of(const struct ip_interface *interface, const struct wire_addr *addr)
{
	for (const struct ip_address *a = interface->addresses; a; a = a->if_next) {
		unsigned host = 128 - a->bits;
		uint32_t ones = host >= 32 ? UINT32_MAX : (1u << host) - 1;

		/* RFC 3021: the two addresses of a /31 are both hosts. */
		if (host >= 2 && wire_addr_is4(&a->addr) &&
		    wire_addr_prefix_equal(&a->addr, addr, a->bits) &&
		    (wire_get32(addr->b + 12) & ones) == ones)
			return true;
	}
	return false;
}

bool ip_is_broadcast(const struct stk *s, int ifindex, const struct wire_addr *addr)
{
	if (!wire_addr_is4(addr))
		return false;
	if (wire_get32(addr->b + 12) == UINT32_MAX)
		return true;
	if (ifindex)
		return ip_if(s, ifindex) && broadcast_of(ip_if(s, ifindex), addr);
	for (int i = 1; i <= STK_IF_MAX; i++)
		if (s->ip->ifs[i] && broadcast_of(s->ip->ifs[i], addr))
			return true;
	return false;
}

static int address_link(struct stk *s, struct ip_interface *interface, struct ip_address *a)
{
	struct ip_address **bucket = &s->ip->addresses[ip_hash(s, &a->addr) % IP_BUCKETS];
	struct ip_address **last = &interface->addresses;
	struct wire_addr group = wire_addr_solicited_node(&a->addr);
	bool is4 = wire_addr_is4(&a->addr);
	struct stk_route route = {.dst = a->addr, .bits = a->bits, .ifindex = a->ifindex};
	int error;

	route.via = is4 ? wire_addr_any4 : wire_addr_any6;
	if (!is4) {
		route.metric = 256; /* as Linux gives the prefix routes of IPv6 */
		error = ip_group_join(s, s->now, interface, &group);
		if (error)
			return error;
	}
	if (a->bits < 128 && a->kind <= IP_LINK_LOCAL) {
		error = ip_route_insert(s, &route, a);
		if (error) {
			if (!is4)
				ip_group_leave(s, s->now, interface, &group);
			return error;
		}
	}
	while (*last)
		last = &(*last)->if_next;
	*last = a;
	a->hash_next = *bucket;
	*bucket = a;
	return 0;
}

int ip_address_add(struct stk *s, vs_time now, int ifindex, const struct ip_address *like,
		   struct ip_address **out)
{
	const struct wire_addr *addr = &like->addr;
	struct ip_interface *interface = ip_if(s, ifindex);
	unsigned bits = like->bits;
	struct ip_address *a;
	int error;

	s->now = now;
	if (!interface)
		return -ENODEV;
	if (bits > 128 || (wire_addr_is4(addr) && bits < 97) || !bits || wire_addr_is_any(addr) ||
	    wire_addr_is_multicast(addr) || ip_is_broadcast(s, -1, addr))
		return -EINVAL;
	/* A link-local address may be on several links, any other one on one. */
	for (a = s->ip->addresses[ip_hash(s, addr) % IP_BUCKETS]; a; a = a->hash_next)
		if (wire_addr_equal(&a->addr, addr) &&
		    (a->ifindex == ifindex || !wire_addr_is_link_local(addr)))
			return -EEXIST;
	a = vs_alloc(s->arena, sizeof(*a));
	if (!a)
		return -ENOMEM;
	*a = *like;
	a->ifindex = ifindex;
	if (a->kind <= IP_LINK_LOCAL)
		a->preferred_until = a->valid_until = VS_NEVER;
	error = address_link(s, interface, a);
	if (error) {
		vs_free(s->arena, a, sizeof(*a));
		return error;
	}
	error = dad_start(s, now, a);
	if (error)
		stk_addr_remove(s, now, ifindex, addr);
	else if (out)
		*out = a;
	ip_changed(s);
	return error;
}

int stk_addr_add(struct stk *s, vs_time now, int ifindex, const struct wire_addr *addr,
		 unsigned bits)
{
	struct ip_address like = {.addr = *addr, .bits = bits};

	return ip_address_add(s, now, ifindex, &like, NULL);
}

int stk_addr_info(const struct stk *s, int ifindex, unsigned index, struct stk_addr_info *info)
{
	const struct ip_interface *interface = ip_if(s, ifindex);
	const struct ip_address *a = interface ? interface->addresses : NULL;

	if (!interface)
		return -ENODEV;
	while (a && index--)
		a = a->if_next;
	if (!a)
		return -ENOENT;
	*info = (struct stk_addr_info){.addr = a->addr,
				       .bits = a->bits,
				       .preferred_until = a->preferred_until,
				       .valid_until = a->valid_until};
	info->flags = (a->state == IP_TENTATIVE ? STK_ADDR_TENTATIVE : 0) |
		      (a->state == IP_DUPLICATE ? STK_ADDR_DUPLICATE : 0) |
		      (a->deprecated ? STK_ADDR_DEPRECATED : 0) |
		      (a->kind >= IP_STABLE ? STK_ADDR_DYNAMIC : 0) |
		      (a->kind == IP_TEMPORARY ? STK_ADDR_TEMPORARY : 0) |
		      (a->home ? STK_ADDR_HOME : 0);
	return 0;
}

int stk_addr_set_flags(struct stk *s, vs_time now, int ifindex, const struct wire_addr *addr,
		       unsigned flags)
{
	const struct ip_interface *interface = ip_if(s, ifindex);
	struct ip_address *a = interface ? ip_address_on(interface, addr) : NULL;

	s->now = now;
	if (!interface)
		return -ENODEV;
	if (!a || a->kind >= IP_STABLE)
		return -EADDRNOTAVAIL;
	if (flags & ~(unsigned)(STK_ADDR_DEPRECATED | STK_ADDR_HOME))
		return -EINVAL;
	a->deprecated = flags & STK_ADDR_DEPRECATED;
	a->home = flags & STK_ADDR_HOME;
	ip_changed(s);
	return 0;
}

int stk_addr_remove(struct stk *s, vs_time now, int ifindex, const struct wire_addr *addr)
{
	struct ip_interface *interface = ip_if(s, ifindex);
	struct ip_address **p, **h, *a;

	s->now = now;
	if (!interface)
		return -ENODEV;
	for (p = &interface->addresses; *p; p = &(*p)->if_next)
		if (wire_addr_equal(&(*p)->addr, addr))
			break;
	a = *p;
	if (!a)
		return -EADDRNOTAVAIL;
	dad_stop(s, a);
	*p = a->if_next;
	h = &s->ip->addresses[ip_hash(s, addr) % IP_BUCKETS];
	while (*h != a)
		h = &(*h)->hash_next;
	*h = a->hash_next;
	if (!wire_addr_is4(addr)) {
		struct wire_addr group = wire_addr_solicited_node(addr);

		ip_group_leave(s, s->now, interface, &group);
	}
	ip_route_drop_owner(s, a);
	vs_free(s->arena, a, sizeof(*a));
	ip_changed(s);
	return 0;
}
