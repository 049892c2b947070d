/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stack/neigh/neigh_impl.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "core/wire/eth.h"
#include "core/wire/icmp.h"

#define UNREACH6_ADDRESS 3 /* RFC 4443 3.1 */

static const uint8_t everyone[WIRE_MAC_LEN] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

int neigh_create(struct stk *s)
{
	static const char suffix[] = ".neigh";
	struct vs_prng chance;
	char name[64];
	size_t len = strlen(s->conf.name);

	s->neigh = vs_alloc(s->arena, sizeof(*s->neigh));
	if (!s->neigh)
		return -ENOMEM;
	len = len < sizeof(name) - sizeof(suffix) ? len : sizeof(name) - sizeof(suffix);
	memcpy(name, s->conf.name, len);
	memcpy(name + len, suffix, sizeof(suffix));
	vs_prng_seed(&chance, s->conf.seed, name);
	s->neigh->reachable_part = 32768 + (uint32_t)vs_prng_below(&chance, 65537);
	s->neigh->dad = chance;
	return 0;
}

static struct neighbour **bucket_of(const struct stk *s, int ifindex, const struct wire_addr *addr)
{
	return &s->neigh->buckets[(ip_hash(s, addr) + (unsigned)ifindex) % NEIGH_BUCKETS];
}

struct neighbour *neigh_find(const struct stk *s, int ifindex, const struct wire_addr *addr)
{
	struct neighbour *n = *bucket_of(s, ifindex, addr);

	while (n && !(n->ifindex == ifindex && wire_addr_equal(&n->addr, addr)))
		n = n->next;
	return n;
}

vs_time neigh_failed_at(const struct stk *s, int ifindex, const struct wire_addr *addr)
{
	const struct neighbour *n = s->neigh->silent ? neigh_find(s, ifindex, addr) : NULL;

	return n && n->silent && s->now - n->failed_at < NEIGH_FAILED_TIME ? n->failed_at
									   : VS_NEVER;
}

const uint8_t *neigh_mac(const struct stk *s, int ifindex, const struct wire_addr *addr)
{
	const struct neighbour *n = neigh_find(s, ifindex, addr);

	return n && n->state != NEIGH_INCOMPLETE && n->state != NEIGH_FAILED ? n->mac : NULL;
}

void neigh_hear(struct stk *s, vs_time now, struct ip_interface *interface,
		const struct wire_addr *addr, const uint8_t *mac, bool router)
{
	struct neigh_news news = {.addr = addr, .mac = mac, .router = router, .create = true};

	neigh_learn(s, now, interface, &news);
}

static void silent_set(struct stk *s, struct neighbour *n, bool silent)
{
	if (n->silent == silent)
		return;
	n->silent = silent;
	s->neigh->silent += silent ? 1 : -1u;
	ip_changed(s);
}

static void forget(struct stk *s, struct neighbour **p)
{
	struct neighbour *n = *p;

	*p = n->next;
	silent_set(s, n, false);
	vs_queue_fini(&n->waiting, s->arena);
	vs_timer_remove(&s->timers, &n->timer);
	vs_free(s->arena, n, sizeof(*n));
	s->neigh->count--;
}

void neigh_flush(struct stk *s, int ifindex)
{
	struct vs_frame *f;
	int port;

	for (unsigned i = 0; i < NEIGH_BUCKETS; i++) {
		struct neighbour **p = &s->neigh->buckets[i];

		while (*p) {
			if (ifindex && (*p)->ifindex != ifindex) {
				p = &(*p)->next;
				continue;
			}
			while ((f = vs_queue_pop(&(*p)->waiting, &port)))
				stk_drop(s, -1, STK_IfDown, f);
			forget(s, p);
		}
	}
}

void neigh_destroy(struct stk *s)
{
	for (unsigned i = 0; i < NEIGH_BUCKETS; i++)
		while (s->neigh->buckets[i])
			forget(s, &s->neigh->buckets[i]);
	vs_free(s->arena, s->neigh, sizeof(*s->neigh));
}

void neigh_send(struct stk *s, const struct ip_interface *interface,
		const uint8_t mac[WIRE_MAC_LEN], uint16_t type, struct vs_frame *f)
{
	uint8_t *header = vs_frame_push(f, WIRE_ETH_LEN);

	memcpy(header, mac, WIRE_MAC_LEN);
	memcpy(header + WIRE_MAC_LEN, interface->mac, WIRE_MAC_LEN);
	wire_put16(header + 12, type);
	stk_emit(s, interface->ifindex, f);
}

static void send_packet(struct stk *s, const struct ip_interface *interface,
			const uint8_t mac[WIRE_MAC_LEN], struct vs_frame *f)
{
	neigh_send(s, interface, mac, f->data[0] >> 4 == 4 ? WIRE_TYPE_IP4 : WIRE_TYPE_IP6, f);
}

static void send_waiting(struct stk *s, const struct ip_interface *interface, struct neighbour *n)
{
	struct vs_frame *f;
	int port;

	while ((f = vs_queue_pop(&n->waiting, &port)))
		send_packet(s, interface, n->mac, f);
	vs_queue_fini(&n->waiting, s->arena);
}

static vs_time reachable_time(const struct stk *s, const struct neighbour *n)
{
	uint32_t advertised = s->ip->ifs[n->ifindex]->reachable_ms6;

	int64_t base = advertised && !wire_addr_is4(&n->addr) ? advertised
							      : s->ip->set.reachable_ms;

	return base * s->neigh->reachable_part / 65536 * VS_MSEC;
}

static void ask(struct stk *s, vs_time now, struct neighbour *n, bool group)
{
	struct ip_interface *interface = s->ip->ifs[n->ifindex];
	const uint8_t *mac = group ? NULL : n->mac;

	n->probes++;
	vs_timer_set(&s->timers, &n->timer,
		     now + ip_retrans_time(s, interface, wire_addr_is4(&n->addr)));
	if (wire_addr_is4(&n->addr))
		arp_ask(s, interface, &n->addr, mac);
	else
		nd_ask(s, now, interface, &n->addr, mac);
}

/* The only place where a state changes; what a state begins with is done here. */
static void set_state(struct stk *s, vs_time now, struct neighbour *n, enum neigh_state state)
{
	n->state = state;
	n->probes = 0;
	vs_timer_cancel(&s->timers, &n->timer);
	switch (state) {
	case NEIGH_INCOMPLETE:
		ask(s, now, n, true);
		break;
	case NEIGH_REACHABLE:
		n->reachable_until = vs_time_add(now, reachable_time(s, n));
		silent_set(s, n, false);
		break;
	case NEIGH_DELAY:
		vs_timer_set(&s->timers, &n->timer,
			     vs_time_add(now, s->ip->set.delay_probe_s * VS_SEC));
		break;
	case NEIGH_PROBE:
		ask(s, now, n, false);
		break;
	case NEIGH_FAILED:
		n->failed_at = now;
		silent_set(s, n, true);
		break;
	case NEIGH_STALE: /* it was heard */
		silent_set(s, n, false);
		break;
	}
	if (state != NEIGH_INCOMPLETE && state != NEIGH_FAILED)
		send_waiting(s, s->ip->ifs[n->ifindex], n);
}

/* Tells who sent a packet that its next hop is not there: RFC 1122 3.2.2.1, RFC 4861 7.2.2. */
static void bounce(struct stk *s, vs_time now, struct vs_frame *f)
{
	struct wire_ip ip;

	if (wire_ip_parse(&ip, f->data, f->len) > 0) {
		if (ip_is_ours(s, &ip.src)) {
			icmp_tell_local(s, now, f, EHOSTUNREACH);
		} else {
			struct ip_received r = {.ip = &ip};

			vs_frame_pull(f, ip.header_len);
			icmp_send_error(s, now, &r, f, WIRE_ICMP4_UNREACHABLE,
					WIRE_ICMP4_UNREACH_HOST, WIRE_ICMP6_UNREACHABLE,
					UNREACH6_ADDRESS, 0);
			vs_frame_push(f, ip.header_len);
		}
	}
	stk_drop(s, -1, STK_IpNeighFailed, f);
}

static void fail(struct stk *s, vs_time now, struct neighbour *n)
{
	/* A transport that is told may send again, to this very neighbour: the queue is ours. */
	struct vs_queue waiting = n->waiting;
	struct vs_frame *f;
	int port;

	n->waiting = (struct vs_queue){0};
	set_state(s, now, n, NEIGH_FAILED);
	/* RFC 4861 7.3.3: the next hop is determined anew, without what led here. */
	ip_redirect_drop(s, n->ifindex, &n->addr);
	ip_changed(s);
	while ((f = vs_queue_pop(&waiting, &port)))
		bounce(s, now, f);
	vs_queue_fini(&waiting, s->arena);
}

static void fire(struct vs_timer *timer, void *ctx, vs_time now)
{
	struct stk *s = ctx;
	struct neighbour *n =
		(struct neighbour *)(void *)((char *)timer - offsetof(struct neighbour, timer));

	switch (n->state) {
	case NEIGH_INCOMPLETE:
		if (n->probes < s->ip->set.solicit_multicast)
			ask(s, now, n, true);
		else
			fail(s, now, n);
		break;
	case NEIGH_DELAY:
		set_state(s, now, n, NEIGH_PROBE);
		break;
	case NEIGH_PROBE:
		if (n->probes < s->ip->set.solicit_unicast)
			ask(s, now, n, false);
		else
			fail(s, now, n);
		break;
	case NEIGH_REACHABLE:
	case NEIGH_STALE:
	case NEIGH_FAILED:
		break;
	}
}

/* Gives up one neighbour that nothing waits for, preferring those in no use. */
static bool make_room(struct stk *s)
{
	for (unsigned pass = 0; pass < 2; pass++) {
		for (unsigned i = 0; i < NEIGH_BUCKETS; i++) {
			unsigned b = s->neigh->hand++ % NEIGH_BUCKETS;

			for (struct neighbour **p = &s->neigh->buckets[b]; *p; p = &(*p)->next) {
				bool idle =
					(*p)->state == NEIGH_STALE || (*p)->state == NEIGH_FAILED;

				if ((idle || pass) && !vs_queue_len(&(*p)->waiting)) {
					forget(s, p);
					return true;
				}
			}
		}
	}
	return false;
}

static struct neighbour *add(struct stk *s, int ifindex, const struct wire_addr *addr)
{
	struct neighbour *n, **bucket = bucket_of(s, ifindex, addr);

	if (s->neigh->count >= s->ip->set.neigh_max && !make_room(s))
		return NULL;
	n = vs_alloc(s->arena, sizeof(*n));
	if (!n)
		return NULL;
	if (vs_timer_add(&s->timers, &n->timer, fire)) {
		vs_free(s->arena, n, sizeof(*n));
		return NULL;
	}
	n->addr = *addr;
	n->ifindex = ifindex;
	n->state = NEIGH_FAILED;
	n->next = *bucket;
	*bucket = n;
	s->neigh->count++;
	return n;
}

/* Takes f. The queue is bounded and the oldest goes first: RFC 4861 7.2.2. */
static void wait(struct stk *s, struct neighbour *n, struct vs_frame *f)
{
	struct vs_frame *oldest;
	int port;

	if (vs_queue_len(&n->waiting) >= NEIGH_WAITING_MAX) {
		oldest = vs_queue_pop(&n->waiting, &port);
		stk_drop(s, -1, STK_IpNeighQueueDrop, oldest);
	}
	if (vs_queue_full(&n->waiting) &&
	    vs_queue_reserve(&n->waiting, n->waiting.size ? n->waiting.size * 2 : 4, s->arena)) {
		stk_drop(s, -1, STK_IpNeighQueueDrop, f);
		return;
	}
	vs_queue_push(&n->waiting, -1, f);
}

static void send_group(struct stk *s, const struct ip_interface *interface,
		       const struct wire_addr *next_hop, struct vs_frame *f)
{
	uint8_t mac[WIRE_MAC_LEN];

	wire_addr_multicast_mac(next_hop, mac);
	send_packet(s, interface, wire_addr_is_multicast(next_hop) ? mac : everyone, f);
}

void neigh_output(struct stk *s, vs_time now, struct ip_interface *interface,
		  const struct wire_addr *next_hop, struct vs_frame *f)
{
	struct neighbour *n = neigh_find(s, interface->ifindex, next_hop);

	if (!n) {
		if (wire_addr_is_multicast(next_hop) ||
		    ip_is_broadcast(s, interface->ifindex, next_hop)) {
			send_group(s, interface, next_hop, f);
			return;
		}
		n = add(s, interface->ifindex, next_hop);
		if (!n) {
			stk_drop(s, -1, STK_IpNeighQueueDrop, f);
			return;
		}
	}
	switch (n->state) {
	case NEIGH_REACHABLE:
		if (now <= n->reachable_until)
			break;
		/* fallthrough */
	case NEIGH_STALE:
		set_state(s, now, n, NEIGH_DELAY);
		break;
	case NEIGH_FAILED:
		wait(s, n, f);
		set_state(s, now, n, NEIGH_INCOMPLETE);
		return;
	case NEIGH_INCOMPLETE:
		wait(s, n, f);
		return;
	case NEIGH_DELAY:
	case NEIGH_PROBE:
		break;
	}
	send_packet(s, interface, n->mac, f);
}

void neigh_doubt(struct stk *s, vs_time now, const struct ip_path *path)
{
	struct neighbour *n = path->ifindex ? neigh_find(s, path->ifindex, &path->next_hop) : NULL;

	/* RFC 4861 7.3.3: what leaves next begins to verify it. */
	if (n && n->state == NEIGH_REACHABLE)
		set_state(s, now, n, NEIGH_STALE);
}

void neigh_confirm(struct stk *s, vs_time now, const struct ip_path *path)
{
	struct neighbour *n = path->ifindex ? neigh_find(s, path->ifindex, &path->next_hop) : NULL;

	if (!n || n->state == NEIGH_INCOMPLETE || n->state == NEIGH_FAILED)
		return;
	if (n->state == NEIGH_REACHABLE)
		n->reachable_until = vs_time_add(now, reachable_time(s, n));
	else
		set_state(s, now, n, NEIGH_REACHABLE);
}

/* RFC 4861 7.2.5: an answer, to an entry that has a MAC already. */
static void learn_answer(struct stk *s, vs_time now, struct neighbour *n,
			 const struct neigh_news *news)
{
	bool other = news->mac && memcmp(news->mac, n->mac, WIRE_MAC_LEN);

	if (other && !news->override) {
		if (n->state == NEIGH_REACHABLE)
			set_state(s, now, n, NEIGH_STALE);
		return;
	}
	if (other)
		memcpy(n->mac, news->mac, WIRE_MAC_LEN);
	if (news->solicited)
		set_state(s, now, n, NEIGH_REACHABLE);
	else if (other)
		set_state(s, now, n, NEIGH_STALE);
	/* RFC 4861 7.2.5: a router that has become a host is on no list any more. */
	if (n->router && !news->router && !wire_addr_is4(&n->addr))
		ra_router_gone(s, s->ip->ifs[n->ifindex], &n->addr);
	n->router = news->router;
}

void neigh_learn(struct stk *s, vs_time now, struct ip_interface *interface,
		 const struct neigh_news *news)
{
	struct neighbour *n = neigh_find(s, interface->ifindex, news->addr);

	if (news->mac && wire_mac_is_group(news->mac))
		return;
	if (!n && news->create && news->mac)
		n = add(s, interface->ifindex, news->addr);
	if (!n)
		return;
	if (n->state == NEIGH_INCOMPLETE || n->state == NEIGH_FAILED) {
		/* An entry that failed learns from questions, not from answers nobody asked for. */
		if (!news->mac || (n->state == NEIGH_FAILED && news->answer && !news->create))
			return;
		memcpy(n->mac, news->mac, WIRE_MAC_LEN);
		n->router = news->router;
		set_state(s, now, n,
			  news->answer && news->solicited ? NEIGH_REACHABLE : NEIGH_STALE);
	} else if (news->answer) {
		learn_answer(s, now, n, news);
	} else if (news->mac && memcmp(news->mac, n->mac, WIRE_MAC_LEN)) {
		memcpy(n->mac, news->mac, WIRE_MAC_LEN);
		set_state(s, now, n, NEIGH_STALE);
	}
	n->router = n->router || news->router;
}
