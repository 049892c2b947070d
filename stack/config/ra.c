/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Router discovery, the host's side: RFC 4861 6.3, with the preferences of RFC 4191 and RFC 7559's
 * patience in soliciting. Routers and prefixes on link become routes, and go with their lifetimes;
 * one timer per interface looks after all of them and SLAAC's addresses.
 */
#include <errno.h>
#include <stddef.h>

#include "core/wire/icmp.h"
#include "stack/ip/ip.h"

#define ROUTERS_MAX  16
#define PREFIXES_MAX 32
#define ROUTES_MAX   32
#define DNS_MAX	     8

#define METRIC_ROUTER 1024 /* as Linux's; the preference moves it by one */
#define METRIC_PREFIX 256
#define INFINITE      UINT32_MAX

struct ra_router {
	struct wire_addr addr;
	vs_time until;
	int metric; /* of its route; 0: free place */
};

struct ra_prefix {
	struct wire_addr prefix;
	unsigned bits; /* 0: free place */
	bool routed;   /* by us: a manual address may have brought the same route */
	vs_time until;
};

/* A more specific route: RFC 4191 2.3. */
struct ra_route {
	struct wire_addr prefix, router;
	unsigned bits;
	int metric; /* 0: free place */
	vs_time until;
};

struct ra {
	struct vs_timer timer; /* first */
	int ifindex;
	unsigned solicited; /* questions sent */
	vs_time solicit_at, interval;
	struct vs_prng chance;
	struct ra_router routers[ROUTERS_MAX];
	struct ra_prefix prefixes[PREFIXES_MAX];
	struct ra_route routes[ROUTES_MAX];
	struct stk_dns_info dns[DNS_MAX]; /* until 0: free place */
};

static bool listens(const struct stk *s)
{
	return s->ip->set.accept_ra == 2 || (s->ip->set.accept_ra && !s->ip->set.forwarding6);
}

static vs_time until_of(vs_time now, uint32_t seconds)
{
	return seconds == INFINITE ? VS_NEVER : vs_time_add(now, seconds * VS_SEC);
}

static void router_route(struct stk *s, const struct ra *ra, struct ra_router *r, int metric)
{
	struct stk_route route = {.dst = wire_addr_any6, .via = r->addr, .ifindex = ra->ifindex};

	if (r->metric == metric)
		return;
	route.metric = (uint32_t)r->metric;
	if (r->metric)
		stk_route_remove(s, s->now, &route);
	route.metric = (uint32_t)metric;
	r->metric = metric;
	if (metric)
		stk_route_add(s, s->now, &route);
}

static struct ra_router *router_find(struct ra *ra, const struct wire_addr *addr)
{
	for (unsigned i = 0; i < ROUTERS_MAX; i++)
		if (ra->routers[i].metric && wire_addr_equal(&ra->routers[i].addr, addr))
			return &ra->routers[i];
	return NULL;
}

/* RFC 4191 2.1: the metric for a preference; 10 is reserved, and as medium. */
static int metric_of(const struct stk *s, unsigned preference)
{
	static const int preferences[] = {0, 1, 0, -1};

	return METRIC_ROUTER - (s->ip->set.accept_ra_rtr_pref ? preferences[preference & 3] : 0);
}

/* RFC 4861 6.3.4: the default router list; RFC 4191 2.2: with preferences. The lifetime is in
 * seconds, INFINITE only as a route option has it.
 */
static void router_learn(struct stk *s, vs_time now, struct ra *ra, const struct wire_addr *src,
			 uint32_t lifetime_s, unsigned preference)
{
	struct ra_router *r = router_find(ra, src);

	for (unsigned i = 0; !r && i < ROUTERS_MAX; i++)
		if (!ra->routers[i].metric)
			r = &ra->routers[i];
	if (!r)
		return;
	if (!lifetime_s) {
		if (r->metric)
			router_route(s, ra, r, 0);
		return;
	}
	r->addr = *src;
	r->until = until_of(now, lifetime_s);
	router_route(s, ra, r, metric_of(s, preference));
}

void ra_router_gone(struct stk *s, struct ip_interface *interface, const struct wire_addr *addr)
{
	struct ra_router *r = interface->ra ? router_find(interface->ra, addr) : NULL;

	if (r)
		router_route(s, interface->ra, r, 0);
}

static void prefix_route(struct stk *s, const struct ra *ra, struct ra_prefix *p, bool add)
{
	struct stk_route route = {.dst = p->prefix,
				  .bits = p->bits,
				  .via = wire_addr_any6,
				  .ifindex = ra->ifindex,
				  .metric = METRIC_PREFIX};

	if (add)
		p->routed = !stk_route_add(s, s->now, &route);
	else if (p->routed)
		stk_route_remove(s, s->now, &route);
}

/* RFC 4861 6.3.4: the prefix list. */
static void prefix_learn(struct stk *s, vs_time now, struct ra *ra, const struct wire_nd_prefix *o)
{
	struct ra_prefix *p = NULL;

	for (unsigned i = 0; i < PREFIXES_MAX; i++) {
		struct ra_prefix *have = &ra->prefixes[i];

		if (have->bits && have->bits == o->bits &&
		    wire_addr_prefix_equal(&have->prefix, &o->prefix, o->bits))
			p = have;
	}
	if (p && !o->valid_s) {
		prefix_route(s, ra, p, false);
		p->bits = 0;
		return;
	}
	for (unsigned i = 0; !p && o->valid_s && i < PREFIXES_MAX; i++) {
		if (ra->prefixes[i].bits)
			continue;
		p = &ra->prefixes[i];
		p->prefix = o->prefix;
		p->bits = o->bits;
		prefix_route(s, ra, p, true);
	}
	if (p)
		p->until = until_of(now, o->valid_s);
}

static void route_set(struct stk *s, const struct ra *ra, struct ra_route *r, int metric)
{
	struct stk_route route = {
		.dst = r->prefix, .bits = r->bits, .via = r->router, .ifindex = ra->ifindex};

	if (r->metric == metric)
		return;
	route.metric = (uint32_t)r->metric;
	if (r->metric)
		stk_route_remove(s, s->now, &route);
	route.metric = (uint32_t)metric;
	r->metric = metric;
	if (metric)
		stk_route_add(s, s->now, &route);
}

/* RFC 4191 3.1: a host of type C, for the prefixes of lengths that the settings let in. */
static void route_learn(struct stk *s, vs_time now, struct ra *ra, const struct wire_addr *src,
			const struct wire_nd_route *o)
{
	struct ra_route *r = NULL, *unused = NULL;

	if (wire_addr_is4(&o->prefix) || o->bits < s->ip->set.accept_ra_rt_min ||
	    o->bits > s->ip->set.accept_ra_rt_max || o->preference == 2)
		return;
	/* A default route here stands for the one in the header. */
	if (!o->bits) {
		router_learn(s, now, ra, src, o->lifetime_s, o->preference);
		return;
	}
	for (unsigned i = 0; i < ROUTES_MAX; i++) {
		struct ra_route *have = &ra->routes[i];

		if (!have->metric)
			unused = have;
		else if (have->bits == o->bits && wire_addr_equal(&have->router, src) &&
			 wire_addr_prefix_equal(&have->prefix, &o->prefix, o->bits))
			r = have;
	}
	r = r ? r : unused;
	if (!r || (!o->lifetime_s && !r->metric))
		return;
	if (!r->metric)
		*r = (struct ra_route){.prefix = o->prefix, .router = *src, .bits = o->bits};
	r->until = until_of(now, o->lifetime_s);
	route_set(s, ra, r, o->lifetime_s ? metric_of(s, o->preference) : 0);
}

/* RFC 8106 5.1, 6.1: of too many servers those that would go first make room. */
static void dns_learn(vs_time now, struct ra *ra, const struct wire_addr *src,
		      const struct wire_nd_dns *o)
{
	vs_time until = o->lifetime_s ? until_of(now, o->lifetime_s) : 0;
	struct stk_dns_info *place = &ra->dns[0];

	for (unsigned i = 0; i < DNS_MAX; i++) {
		struct stk_dns_info *have = &ra->dns[i];

		if (have->until && wire_addr_equal(&have->server, &o->server)) {
			place = have;
			break;
		}
		if (have->until < place->until)
			place = have;
	}
	if (until || wire_addr_equal(&place->server, &o->server))
		*place = (struct stk_dns_info){.server = o->server, .router = *src, .until = until};
}

int stk_dns_info(const struct stk *s, int ifindex, unsigned index, struct stk_dns_info *info)
{
	const struct ip_interface *interface = ip_if(s, ifindex);

	if (!interface)
		return -ENODEV;
	for (unsigned i = 0; interface->ra && i < DNS_MAX; i++) {
		if (!interface->ra->dns[i].until || index--)
			continue;
		*info = interface->ra->dns[i];
		return 0;
	}
	return -ENOENT;
}

static void solicit(struct stk *s, vs_time now, struct ip_interface *interface, struct ra *ra)
{
	static const struct wire_addr all_routers = {{[0] = 0xff, [1] = 0x02, [15] = 2}};
	const struct ip_address *source = ip_source_select(s, interface, &all_routers);
	struct wire_nd nd = {.type = WIRE_ICMP6_RS, .has_source_mac = source};
	vs_time most = s->ip->set.solicit_interval_max_s * VS_SEC;

	ra->solicit_at = VS_NEVER;
	if (!interface->up || !listens(s) || ra->solicited >= s->ip->set.solicitations)
		return;
	memcpy(nd.source_mac, interface->mac, WIRE_MAC_LEN);
	nd_send(s, now, interface, source ? &source->addr : &wire_addr_any6, &all_routers, NULL,
		&nd);
	/* RFC 7559 2, with RFC 8415 15's doubling and its tenth of chance. */
	if (ra->solicited++)
		ra->interval = vs_time_min(ra->interval * 2, most);
	ra->solicit_at = now + ra->interval - ra->interval / 10 +
			 (vs_time)vs_prng_below(&ra->chance, (uint64_t)ra->interval / 5);
}

static void arm(struct stk *s, vs_time now, struct ip_interface *interface)
{
	struct ra *ra = interface->ra;
	vs_time next = vs_time_min(ra->solicit_at, slaac_run(s, now, interface));

	for (unsigned i = 0; i < ROUTERS_MAX; i++)
		if (ra->routers[i].metric)
			next = vs_time_min(next, ra->routers[i].until);
	for (unsigned i = 0; i < PREFIXES_MAX; i++)
		if (ra->prefixes[i].bits)
			next = vs_time_min(next, ra->prefixes[i].until);
	for (unsigned i = 0; i < ROUTES_MAX; i++)
		if (ra->routes[i].metric)
			next = vs_time_min(next, ra->routes[i].until);
	for (unsigned i = 0; i < DNS_MAX; i++)
		if (ra->dns[i].until)
			next = vs_time_min(next, ra->dns[i].until);
	vs_timer_set(&s->timers, &ra->timer, next);
}

void slaac_changed(struct stk *s, vs_time now, struct ip_interface *interface)
{
	if (interface->ra)
		arm(s, now, interface);
}

/* Lets go of what was advertised for a time that is over. */
static void expire(struct stk *s, vs_time now, struct ra *ra)
{
	for (unsigned i = 0; i < ROUTERS_MAX; i++)
		if (ra->routers[i].metric && ra->routers[i].until <= now)
			router_route(s, ra, &ra->routers[i], 0);
	for (unsigned i = 0; i < ROUTES_MAX; i++)
		if (ra->routes[i].metric && ra->routes[i].until <= now)
			route_set(s, ra, &ra->routes[i], 0);
	for (unsigned i = 0; i < PREFIXES_MAX; i++) {
		if (!ra->prefixes[i].bits || ra->prefixes[i].until > now)
			continue;
		prefix_route(s, ra, &ra->prefixes[i], false);
		ra->prefixes[i].bits = 0;
	}
	for (unsigned i = 0; i < DNS_MAX; i++)
		if (ra->dns[i].until <= now)
			ra->dns[i].until = 0;
}

static void fire(struct vs_timer *timer, void *ctx, vs_time now)
{
	struct ra *ra = (struct ra *)(void *)timer;
	struct stk *s = ctx;
	struct ip_interface *interface = s->ip->ifs[ra->ifindex];

	expire(s, now, ra);
	if (ra->solicit_at <= now)
		solicit(s, now, interface, ra);
	arm(s, now, interface);
}

int ra_start(struct stk *s, vs_time now, struct ip_interface *interface)
{
	struct ra *ra = interface->ra;
	uint64_t delay = (uint64_t)(s->ip->set.solicit_delay_s * VS_SEC);

	if (!listens(s) || !interface->up)
		return 0;
	if (!ra) {
		ra = vs_alloc(s->arena, sizeof(*ra));
		if (!ra)
			return -ENOMEM;
		if (vs_timer_add(&s->timers, &ra->timer, fire)) {
			vs_free(s->arena, ra, sizeof(*ra));
			return -ENOMEM;
		}
		ra->ifindex = interface->ifindex;
		vs_prng_seed(&ra->chance, s->conf.seed ^ wire_get32(interface->mac + 2),
			     "router.solicitation");
		interface->ra = ra;
	}
	ra->solicited = 0;
	ra->interval = s->ip->set.solicit_interval_s * VS_SEC;
	ra->solicit_at = now + (vs_time)vs_prng_below(&ra->chance, delay);
	arm(s, now, interface);
	return 0;
}

void ra_fini(struct stk *s, struct ip_interface *interface)
{
	struct ra *ra = interface->ra;

	if (!ra)
		return;
	/* The routes go with the interface. */
	vs_timer_remove(&s->timers, &ra->timer);
	vs_free(s->arena, ra, sizeof(*ra));
	interface->ra = NULL;
}

/* RFC 4861 6.3.4: what holds for everything on the link. */
static void parameters(struct stk *s, struct ip_interface *interface, const struct wire_nd *nd)
{
	if (nd->hop_limit && nd->hop_limit >= s->ip->set.accept_ra_min_hop_limit)
		interface->hop_limit6 = nd->hop_limit;
	/* RFC 4861 6.2.1: an hour at most. */
	if (nd->reachable_ms && nd->reachable_ms <= 3600000)
		interface->reachable_ms6 = nd->reachable_ms;
	if (nd->retrans_ms && nd->retrans_ms <= 3600000)
		interface->retrans_ms6 = nd->retrans_ms;
	if (s->ip->set.accept_ra_mtu && nd->mtu >= IP_MTU_MIN6 && nd->mtu <= interface->mtu &&
	    nd->mtu != interface->mtu6) {
		interface->mtu6 = nd->mtu;
		ip_changed(s);
	}
}

void ra_input(struct stk *s, vs_time now, struct ip_interface *interface,
	      const struct wire_addr *src, const struct wire_nd *nd)
{
	struct ra *ra = interface->ra;

	if (!ra || !listens(s))
		return;
	/* RFC 4861 6.3.4: where it is, and that it is a router. */
	neigh_hear(s, now, interface, src, nd->has_source_mac ? nd->source_mac : NULL, true);
	parameters(s, interface, nd);
	if (s->ip->set.accept_ra_defrtr)
		router_learn(s, now, ra, src, nd->router_lifetime_s, nd->flags >> 3 & 3);
	for (unsigned i = 0; i < nd->routes; i++)
		route_learn(s, now, ra, src, &nd->route[i]);
	for (unsigned i = 0; i < nd->dns_servers; i++)
		dns_learn(now, ra, src, &nd->dns[i]);
	for (unsigned i = 0; s->ip->set.accept_ra_pinfo && i < nd->prefixes; i++) {
		const struct wire_nd_prefix *o = &nd->prefix[i];

		if (o->bits > 128 || wire_addr_is_link_local(&o->prefix) ||
		    wire_addr_is_multicast(&o->prefix) || wire_addr_is4(&o->prefix))
			continue;
		if (o->on_link && o->bits)
			prefix_learn(s, now, ra, o);
		if (o->autonomous && s->ip->set.autoconf)
			slaac_prefix(s, now, interface, src, o);
	}
	/* RFC 4861 6.3.7: one that offers itself ends the asking. */
	if (nd->router_lifetime_s)
		ra->solicit_at = VS_NEVER;
	arm(s, now, interface);
}
