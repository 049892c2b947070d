/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Redirects that were received: RFC 1122 3.2.2.2, RFC 4861 8.3. What a router says about one
 * destination is kept beside the routes, for as long as the route that it corrects is the one in
 * use, for gc_timeout at most, and until the better hop fails. A router obeys none: RFC 1812
 * 5.2.7.2, RFC 4861 8.2.
 */
#include <errno.h>

#include "stack/ip/ip.h"

#define REDIRECTS_MAX 256

static void expire(struct vs_timer *timer, void *ctx, vs_time now)
{
	struct stk *s = ctx;
	vs_time next = VS_NEVER;

	for (struct ip_redirect **p = &s->ip->redirects; *p;) {
		struct ip_redirect *entry = *p;

		if (entry->expires > now) {
			next = vs_time_min(next, entry->expires);
			p = &entry->next;
			continue;
		}
		*p = entry->next;
		s->ip->redirects_count--;
		vs_free(s->arena, entry, sizeof(*entry));
		ip_changed(s);
	}
	vs_timer_set(&s->timers, timer, next);
}

int ip_redirect_init(struct stk *s)
{
	return vs_timer_add(&s->timers, &s->ip->redirect_timer, expire);
}

/* Forgets the entries by a gateway (NULL: by any) on an interface (0: on any). */
static void drop(struct stk *s, int ifindex, const struct wire_addr *gateway)
{
	for (struct ip_redirect **p = &s->ip->redirects; *p;) {
		struct ip_redirect *entry = *p;

		if ((ifindex && entry->ifindex != ifindex) ||
		    (gateway && !wire_addr_equal(&entry->gateway, gateway))) {
			p = &entry->next;
			continue;
		}
		*p = entry->next;
		s->ip->redirects_count--;
		vs_free(s->arena, entry, sizeof(*entry));
		ip_changed(s);
	}
}

void ip_redirect_fini(struct stk *s)
{
	drop(s, 0, NULL);
	vs_timer_remove(&s->timers, &s->ip->redirect_timer);
}

void ip_redirect_drop(struct stk *s, int ifindex, const struct wire_addr *gateway)
{
	drop(s, ifindex, gateway);
}

const struct wire_addr *ip_redirect_find(const struct stk *s, const struct wire_addr *dst,
					 const struct stk_route *route)
{
	for (const struct ip_redirect *entry = s->ip->redirects; entry; entry = entry->next)
		if (entry->ifindex == route->ifindex && wire_addr_equal(&entry->dst, dst) &&
		    wire_addr_equal(&entry->router, &route->via))
			return &entry->gateway;
	return NULL;
}

bool ip_on_link(const struct ip_interface *interface, const struct wire_addr *addr)
{
	for (const struct ip_address *a = interface->addresses; a; a = a->if_next)
		if (a->state == IP_VALID && wire_addr_is4(&a->addr) == wire_addr_is4(addr) &&
		    wire_addr_prefix_equal(&a->addr, addr, a->bits))
			return true;
	return false;
}

/* RFC 1122 3.2.2.2, with Linux's settings: on a link that several networks share any unicast
 * address may be the better hop; otherwise it must be on the network, and if secure, one of our
 * default routers.
 */
static bool acceptable4(const struct stk *s, const struct ip_interface *interface,
			const struct wire_addr *gateway)
{
	if (wire_addr_is_any(gateway) || wire_addr_is_loopback(gateway) ||
	    gateway->b[12] >= 224 || ip_is_broadcast(s, interface->ifindex, gateway))
		return false;
	if (s->ip->set.shared_media)
		return true;
	return ip_on_link(interface, gateway) &&
	       (!s->ip->set.secure_redirects ||
		ip_route_is_default_via(s, interface->ifindex, gateway));
}

/* RFC 4861 8.1: another router by its link-local address, or the destination itself. */
static bool acceptable6(const struct wire_addr *dst, const struct wire_addr *gateway)
{
	return wire_addr_is_link_local(gateway) ||
	       (wire_addr_equal(gateway, dst) && !wire_addr_is_multicast(dst));
}

static struct ip_redirect *entry_for(struct stk *s, const struct wire_addr *dst, int ifindex)
{
	struct ip_redirect **p = &s->ip->redirects, *entry;

	for (; *p; p = &(*p)->next)
		if ((*p)->ifindex == ifindex && wire_addr_equal(&(*p)->dst, dst))
			break;
	/* The oldest, which is the last, makes room. */
	if (!*p && s->ip->redirects_count >= REDIRECTS_MAX)
		for (p = &s->ip->redirects; (*p)->next; p = &(*p)->next)
			;
	entry = *p;
	if (entry) {
		*p = entry->next;
	} else {
		entry = vs_alloc(s->arena, sizeof(*entry));
		if (!entry)
			return NULL;
		s->ip->redirects_count++;
	}
	entry->next = s->ip->redirects;
	s->ip->redirects = entry;
	return entry;
}

bool ip_redirect_learn(struct stk *s, vs_time now, struct ip_interface *interface,
		       const struct wire_addr *from, const struct wire_addr *dst,
		       const struct wire_addr *gateway)
{
	bool is4 = wire_addr_is4(dst);
	const struct ip_settings *set = &s->ip->set;
	struct ip_redirect *entry;
	struct ip_path path;
	struct stk_route route;

	if (is4 ? !set->accept_redirects4 || set->forwarding4
		: !set->accept_redirects6 || set->forwarding6)
		return false;
	/* Only who we send it to may say where it should go, and not to himself or to us. */
	if (ip_path_find(s, dst, is4 ? &wire_addr_any4 : &wire_addr_any6, 0, &path) ||
	    path.ifindex != interface->ifindex || !wire_addr_equal(&path.next_hop, from) ||
	    wire_addr_equal(gateway, from) || ip_is_ours(s, gateway) ||
	    ip_route_for(s, dst, interface->ifindex, &route) || wire_addr_is_any(&route.via))
		return false;
	if (is4 ? !acceptable4(s, interface, gateway) : !acceptable6(dst, gateway))
		return false;
	entry = entry_for(s, dst, interface->ifindex);
	if (!entry)
		return false;
	entry->dst = *dst;
	entry->gateway = *gateway;
	entry->router = route.via;
	entry->ifindex = interface->ifindex;
	entry->expires = vs_time_add(now, set->redirect_timeout_s * VS_SEC);
	if (!vs_timer_armed(&s->ip->redirect_timer))
		vs_timer_set(&s->timers, &s->ip->redirect_timer, entry->expires);
	ip_changed(s);
	stk_count(s, STK_IpRedirectsObeyed);
	return true;
}
