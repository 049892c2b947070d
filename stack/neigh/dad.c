/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether an address is anybody else's, before it is used: duplicate address detection (RFC 4862
 * 5.4) and IPv4 address conflict detection (RFC 5227). Both ask a few times from no address, and
 * take silence for leave. IPv4 then announces the address, and defends it as long as it lives.
 */
#include <errno.h>
#include <stddef.h>

#include "core/wire/eth.h"
#include "stack/neigh/neigh_impl.h"

/* RFC 5227 1.1. */
#define PROBE_NUM	  3
#define PROBE_MIN	  (1 * VS_SEC)
#define PROBE_MAX	  (2 * VS_SEC)
#define ANNOUNCE_WAIT	  (2 * VS_SEC)
#define ANNOUNCE_NUM	  2
#define ANNOUNCE_INTERVAL (2 * VS_SEC)
#define DEFEND_INTERVAL	  (10 * VS_SEC)

#define DELAY_MAX (1 * VS_SEC) /* RFC 4861 10, RFC 5227 1.1: before the first question */

struct dad {
	struct vs_timer timer; /* first */
	struct ip_address *address;
	unsigned probes, announcements; /* sent */
};

static vs_time chance_below(struct stk *s, vs_time span)
{
	return (vs_time)vs_prng_below(&s->neigh->dad, (uint64_t)span);
}

void dad_stop(struct stk *s, struct ip_address *a)
{
	struct dad *d = a->dad;

	if (d) {
		vs_timer_remove(&s->timers, &d->timer);
		vs_free(s->arena, d, sizeof(*d));
	}
	a->dad = NULL;
	if (a->state != IP_VALID)
		ip_changed(s);
	a->state = IP_VALID;
}

static void again(struct stk *s, struct dad *d, vs_time at)
{
	vs_timer_set(&s->timers, &d->timer, at);
}

/* RFC 5227 2.1.1, 2.3. */
static void step4(struct stk *s, vs_time now, struct ip_interface *interface, struct dad *d)
{
	struct ip_address *a = d->address;

	if (d->probes < PROBE_NUM) {
		arp_probe(s, interface, &a->addr);
		d->probes++;
		again(s, d,
		      now + (d->probes < PROBE_NUM
				     ? PROBE_MIN + chance_below(s, PROBE_MAX - PROBE_MIN)
				     : ANNOUNCE_WAIT));
		return;
	}
	a->state = IP_VALID;
	ip_changed(s);
	arp_announce(s, interface, &a->addr);
	if (++d->announcements < ANNOUNCE_NUM)
		again(s, d, now + ANNOUNCE_INTERVAL);
	else
		dad_stop(s, a);
}

/* RFC 4862 5.4.2. */
static void step6(struct stk *s, vs_time now, struct ip_interface *interface, struct dad *d)
{
	if (d->probes < s->ip->set.dad_transmits) {
		nd_probe(s, now, interface, &d->address->addr);
		d->probes++;
		again(s, d, now + ip_retrans_time(s, interface, false));
		return;
	}
	dad_stop(s, d->address);
}

static void fire(struct vs_timer *timer, void *ctx, vs_time now)
{
	struct dad *d = (struct dad *)(void *)timer;
	struct stk *s = ctx;
	struct ip_interface *interface = s->ip->ifs[d->address->ifindex];

	if (wire_addr_is4(&d->address->addr))
		step4(s, now, interface, d);
	else
		step6(s, now, interface, d);
}

int dad_start(struct stk *s, vs_time now, struct ip_address *a)
{
	const struct ip_settings *set = &s->ip->set;
	struct dad *d;

	/* RFC 3927 and RFC 5227 leave out what is not on a shared link. */
	if (wire_addr_is_loopback(&a->addr) || !s->ip->ifs[a->ifindex]->up ||
	    (wire_addr_is4(&a->addr) ? !set->acd : !set->accept_dad || !set->dad_transmits))
		return 0;
	d = vs_alloc(s->arena, sizeof(*d));
	if (!d)
		return -ENOMEM;
	if (vs_timer_add(&s->timers, &d->timer, fire)) {
		vs_free(s->arena, d, sizeof(*d));
		return -ENOMEM;
	}
	d->address = a;
	a->dad = d;
	a->state = IP_TENTATIVE;
	a->conflict_at = 0;
	again(s, d, now + chance_below(s, DELAY_MAX));
	return 0;
}

static void give_up(struct stk *s, struct ip_interface *interface, struct ip_address *a)
{
	dad_stop(s, a);
	a->state = IP_DUPLICATE;
	stk_count(s, STK_AddrDuplicates);
	if (!wire_addr_is4(&a->addr) && wire_addr_is_link_local(&a->addr) &&
	    s->ip->set.accept_dad == 2)
		interface->off6 = true;
	ip_changed(s);
}

void dad_conflict(struct stk *s, vs_time now, struct ip_interface *interface, struct ip_address *a)
{
	if (a->state == IP_TENTATIVE) {
		give_up(s, interface, a);
		slaac_duplicate(s, now, interface, a);
		return;
	}
	if (a->state != IP_VALID || !s->ip->set.acd || !wire_addr_is4(&a->addr))
		return;
	/* RFC 5227 2.4: (b) defend it once in a while, (c) or for ever. */
	if (!a->conflict_at || now - a->conflict_at >= DEFEND_INTERVAL) {
		a->conflict_at = now ? now : 1;
		arp_announce(s, interface, &a->addr);
	} else if (s->ip->set.acd == 1) {
		give_up(s, interface, a);
	}
}
