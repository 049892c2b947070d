/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Routing: the longest prefix, then the lowest metric, then the oldest route (RFC 1812 5.2.4.3).
 * Routes hang in a hash table by prefix, and a count per prefix length says which lengths are worth
 * a look-up. What was found is remembered by destination until anything changes.
 */
#include <errno.h>
#include <string.h>

#include "stack/ip/ip.h"

static struct wire_addr prefix_of(const struct wire_addr *addr, unsigned bits)
{
	struct wire_addr prefix = *addr;

	if (bits < 128) {
		unsigned byte = bits / 8;

		prefix.b[byte] &= (uint8_t)(0xff00u >> (bits % 8));
		memset(prefix.b + byte + 1, 0, 15 - byte);
	}
	return prefix;
}

static struct ip_route **bucket_of(const struct stk *s, const struct wire_addr *prefix,
				   unsigned bits)
{
	return &s->ip->routes[(ip_hash(s, prefix) + bits) % IP_BUCKETS];
}

static bool same_prefix(const struct ip_route *route, const struct wire_addr *prefix, unsigned bits)
{
	return route->r.bits == bits && wire_addr_equal(&route->r.dst, prefix);
}

int ip_route_insert(struct stk *s, const struct stk_route *r, const struct ip_address *owner)
{
	struct ip_route *route, **p;

	route = vs_alloc(s->arena, sizeof(*route));
	if (!route)
		return -ENOMEM;
	route->r = *r;
	route->r.dst = prefix_of(&r->dst, r->bits);
	route->owner = owner;
	p = bucket_of(s, &route->r.dst, r->bits);
	while (*p && (*p)->r.metric <= r->metric)
		p = &(*p)->next;
	route->next = *p;
	*p = route;
	s->ip->routes_of_length[r->bits]++;
	ip_changed(s);
	return 0;
}

static void unlink_route(struct stk *s, struct ip_route **p)
{
	struct ip_route *route = *p;

	*p = route->next;
	s->ip->routes_of_length[route->r.bits]--;
	vs_free(s->arena, route, sizeof(*route));
	ip_changed(s);
}

static void drop_matching(struct stk *s, int ifindex, const struct ip_address *owner)
{
	for (unsigned i = 0; i < IP_BUCKETS; i++) {
		struct ip_route **p = &s->ip->routes[i];

		while (*p) {
			if ((owner && (*p)->owner == owner) || (*p)->r.ifindex == ifindex)
				unlink_route(s, p);
			else
				p = &(*p)->next;
		}
	}
}

void ip_route_drop_owner(struct stk *s, const struct ip_address *owner)
{
	drop_matching(s, -1, owner);
}

void ip_route_drop_if(struct stk *s, int ifindex)
{
	drop_matching(s, ifindex, NULL);
}

void ip_route_fini(struct stk *s)
{
	for (unsigned i = 0; i < IP_BUCKETS; i++)
		while (s->ip->routes[i])
			unlink_route(s, &s->ip->routes[i]);
}

static bool usable(const struct stk *s, const struct ip_route *route,
		   const struct wire_addr *prefix, unsigned bits, int ifindex)
{
	return same_prefix(route, prefix, bits) && (!ifindex || route->r.ifindex == ifindex) &&
	       s->ip->ifs[route->r.ifindex]->up;
}

/* A route whose next hop does not answer is passed over while there is another one to the same
 * prefix; when none answers they take turns: RFC 1122 3.3.1.5, RFC 4861 6.3.6, RFC 4191 3.2.
 */
static const struct ip_route *lookup(const struct stk *s, const struct wire_addr *dst, int ifindex)
{
	/* IPv4's routes are those of 96 bits and more whose prefix is mapped. */
	unsigned least = wire_addr_is4(dst) ? 96 : 0;

	for (unsigned bits = 129; bits-- > least;) {
		const struct ip_route *silent = NULL;
		vs_time failed, silent_since = VS_NEVER;
		struct wire_addr prefix;

		if (!s->ip->routes_of_length[bits])
			continue;
		prefix = prefix_of(dst, bits);
		for (const struct ip_route *route = *bucket_of(s, &prefix, bits); route;
		     route = route->next) {
			if (!usable(s, route, &prefix, bits, ifindex))
				continue;
			failed = wire_addr_is_any(&route->r.via)
					 ? VS_NEVER
					 : neigh_failed_at(s, route->r.ifindex, &route->r.via);
			if (failed == VS_NEVER)
				return route;
			if (failed < silent_since) {
				silent = route;
				silent_since = failed;
			}
		}
		if (silent)
			return silent;
	}
	return NULL;
}

int ip_route_for(const struct stk *s, const struct wire_addr *dst, int ifindex,
		 struct stk_route *r)
{
	const struct ip_route *route = lookup(s, dst, ifindex);

	if (!route)
		return -ENETUNREACH;
	*r = route->r;
	return 0;
}

bool ip_route_is_default_via(const struct stk *s, int ifindex, const struct wire_addr *gateway)
{
	bool is4 = wire_addr_is4(gateway);
	const struct wire_addr *any = is4 ? &wire_addr_any4 : &wire_addr_any6;

	for (const struct ip_route *route = *bucket_of(s, any, is4 ? 96 : 0); route;
	     route = route->next)
		if (same_prefix(route, any, is4 ? 96 : 0) && route->r.ifindex == ifindex &&
		    wire_addr_equal(&route->r.via, gateway))
			return true;
	return false;
}

int stk_route_add(struct stk *s, vs_time now, const struct stk_route *r)
{
	struct stk_route full = *r;
	const struct ip_route *on_link;
	bool direct = wire_addr_is_any(&r->via);

	s->now = now;
	if (r->bits > 128 || (wire_addr_is4(&r->dst) && r->bits < 96) ||
	    wire_addr_is_multicast(&r->via) ||
	    (!direct && wire_addr_is4(&r->via) != wire_addr_is4(&r->dst)))
		return -EINVAL;
	if (r->ifindex && !ip_if(s, r->ifindex))
		return -ENODEV;
	if (!direct && ip_is_ours(s, &r->via))
		return -EINVAL;
	if (!r->ifindex) {
		if (direct)
			return -EINVAL;
		on_link = lookup(s, &r->via, 0);
		if (!on_link || !wire_addr_is_any(&on_link->r.via))
			return -ENETUNREACH;
		full.ifindex = on_link->r.ifindex;
	}
	full.dst = prefix_of(&r->dst, r->bits);
	for (const struct ip_route *route = *bucket_of(s, &full.dst, full.bits); route;
	     route = route->next)
		if (same_prefix(route, &full.dst, full.bits) && route->r.metric == full.metric &&
		    route->r.ifindex == full.ifindex && wire_addr_equal(&route->r.via, &full.via))
			return -EEXIST;
	return ip_route_insert(s, &full, NULL);
}

int stk_route_remove(struct stk *s, vs_time now, const struct stk_route *r)
{
	struct wire_addr dst;

	s->now = now;
	if (r->bits > 128)
		return -EINVAL;
	dst = prefix_of(&r->dst, r->bits);
	for (struct ip_route **p = bucket_of(s, &dst, r->bits); *p; p = &(*p)->next) {
		const struct stk_route *have = &(*p)->r;

		if (same_prefix(*p, &dst, r->bits) && have->metric == r->metric &&
		    (!r->ifindex || have->ifindex == r->ifindex) &&
		    (wire_addr_is_any(&r->via) || wire_addr_equal(&have->via, &r->via))) {
			unlink_route(s, p);
			return 0;
		}
	}
	return -ESRCH;
}

/* The interface for a destination that only a link gives a meaning to: the one that is asked for,
 * or the first that is up and has an address of the family.
 */
static struct ip_interface *link_for(const struct stk *s, const struct wire_addr *dst, int ifindex)
{
	struct ip_interface *interface = ip_if(s, ifindex);

	if (ifindex)
		return interface && interface->up ? interface : NULL;
	for (int i = 1; i <= STK_IF_MAX; i++) {
		interface = s->ip->ifs[i];
		if (interface && interface->up && ip_source_select(s, interface, dst))
			return interface;
	}
	return NULL;
}

/* Sets interface and next hop of the path. */
static int find_hop(const struct stk *s, const struct wire_addr *dst, int ifindex,
		    struct ip_path *path)
{
	const struct ip_route *route = lookup(s, dst, ifindex);
	bool group = wire_addr_is_multicast(dst) || ip_is_broadcast(s, -1, dst);
	const struct wire_addr *better;
	struct ip_interface *interface;

	path->next_hop = *dst;
	if (group && (!route || ifindex || wire_addr_is_link_local(dst))) {
		interface = link_for(s, dst, ifindex);
		if (!interface)
			return -ENETUNREACH;
		path->ifindex = interface->ifindex;
		return 0;
	}
	if (!route)
		return -ENETUNREACH;
	path->ifindex = route->r.ifindex;
	better = ip_redirect_find(s, dst, &route->r);
	if (!group && !wire_addr_is_any(&route->r.via))
		path->next_hop = better ? *better : route->r.via;
	return 0;
}

static int find_source(const struct stk *s, const struct wire_addr *dst, struct ip_path *path)
{
	const struct ip_address *a = ip_source_select_via(s, s->ip->ifs[path->ifindex], dst,
							  &path->next_hop);

	/* An interface without an address of its own borrows one. */
	for (int i = 1; !a && i <= STK_IF_MAX; i++)
		if (s->ip->ifs[i] && s->ip->ifs[i]->up)
			a = ip_source_select(s, s->ip->ifs[i], dst);
	if (!a)
		return -EADDRNOTAVAIL;
	path->src = a->addr;
	return 0;
}

static int find_path(const struct stk *s, const struct wire_addr *dst, const struct wire_addr *src,
		     int ifindex, struct ip_path *path)
{
	bool any = wire_addr_is_any(src);
	uint32_t known;
	int error;

	path->generation = s->route_generation;
	path->src = *src;
	if (wire_addr_is_any(dst))
		return -ENETUNREACH;
	if (!any && (wire_addr_is4(src) != wire_addr_is4(dst) || !ip_is_ours(s, src)))
		return -EADDRNOTAVAIL;
	if (ip_is_ours(s, dst)) {
		path->ifindex = 0;
		path->mtu = IP_MTU_LOOP;
		path->next_hop = *dst;
		if (any)
			path->src = *dst;
		return 0;
	}
	error = find_hop(s, dst, ifindex, path);
	if (!error && any)
		error = find_source(s, dst, path);
	if (error)
		return error;
	path->mtu = ip_if_mtu(s->ip->ifs[path->ifindex], wire_addr_is4(dst));
	known = ip_pmtu_get(s, dst);
	if (known && known < path->mtu)
		path->mtu = known;
	return 0;
}

int ip_path_find(struct stk *s, const struct wire_addr *dst, const struct wire_addr *src,
		 int ifindex, struct ip_path *path)
{
	struct ip_remembered *r =
		&s->ip->remembered[(ip_hash(s, dst) ^ (uint64_t)src->b[15]) % IP_PATHS];
	int error;

	if (r->path.generation == s->route_generation && r->ifindex == ifindex &&
	    wire_addr_equal(&r->dst, dst) && wire_addr_equal(&r->src, src)) {
		*path = r->path;
		return 0;
	}
	error = find_path(s, dst, src, ifindex, path);
	if (error)
		return error;
	*r = (struct ip_remembered){.dst = *dst, .src = *src, .ifindex = ifindex, .path = *path};
	return 0;
}
