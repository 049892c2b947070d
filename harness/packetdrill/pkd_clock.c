/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The clock, the network device, and calls that wait. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/wire/arp.h"
#include "core/wire/cksum.h"
#include "core/wire/eth.h"
#include "core/wire/icmp.h"
#include "core/wire/ip.h"
#include "harness/packetdrill/pkd_impl.h"

/* The other end of the cable: it answers for every neighbour. */
static const uint8_t peer_mac[WIRE_MAC_LEN] = {2, 0, 0, 0, 0, 2};
static const uint8_t our_mac[WIRE_MAC_LEN] = {2, 0, 0, 0, 0, 1};

static void to_stack(struct pkd *w, uint16_t type, const void *bytes, size_t len)
{
	struct wire_eth eth = {.type = type};
	struct vs_frame *f = vs_frame_new(w->pool, WIRE_ETH_LEN + len, 0);

	if (!f)
		return;
	memcpy(eth.dst, our_mac, WIRE_MAC_LEN);
	memcpy(eth.src, peer_mac, WIRE_MAC_LEN);
	wire_eth_emit(f->data, &eth);
	memcpy(f->data + WIRE_ETH_LEN, bytes, len);
	stk_input(w->stk, w->now, PKD_IFINDEX, f);
}

static void answer_arp(struct pkd *w, const uint8_t *bytes, size_t len)
{
	uint8_t reply[WIRE_ARP_LEN];
	struct wire_addr asked;
	struct wire_arp arp;

	if (wire_arp_parse(&arp, bytes, len) < 0 || arp.op != WIRE_ARP_REQUEST ||
	    wire_addr_equal(&arp.sender, &arp.target))
		return;
	asked = arp.target;
	arp.target = arp.sender;
	arp.sender = asked;
	arp.op = WIRE_ARP_REPLY;
	memcpy(arp.target_mac, our_mac, WIRE_MAC_LEN);
	memcpy(arp.sender_mac, peer_mac, WIRE_MAC_LEN);
	wire_arp_emit(reply, &arp);
	to_stack(w, WIRE_TYPE_ARP, reply, sizeof(reply));
}

static void answer_solicitation(struct pkd *w, const struct wire_ip *ip, const uint8_t *bytes)
{
	struct wire_nd nd = {.type = WIRE_ICMP6_NA}, asked;
	struct wire_ip head = {.version = 6, .hop_limit = 255, .protocol = WIRE_PROTO_ICMP6};
	uint8_t packet[WIRE_IP6_LEN + 512];
	size_t len;
	uint32_t sum;

	if (wire_nd_parse(&asked, bytes, ip->payload_len) < 0 || wire_addr_is_any(&ip->src))
		return;
	nd.flags = WIRE_ND_SOLICITED | WIRE_ND_OVERRIDE;
	nd.target = asked.target;
	nd.has_target_mac = true;
	memcpy(nd.target_mac, peer_mac, WIRE_MAC_LEN);
	len = wire_nd_emit(packet + WIRE_IP6_LEN, &nd);
	head.src = asked.target;
	head.dst = ip->src;
	head.payload_len = (uint32_t)len;
	wire_ip_emit(packet, &head);
	sum = wire_cksum_pseudo(&head.src, &head.dst, WIRE_PROTO_ICMP6, (uint32_t)len);
	sum = wire_cksum_add(sum, packet + WIRE_IP6_LEN, len);
	wire_put16(packet + WIRE_IP6_LEN + 2, wire_cksum_fold(sum));
	to_stack(w, WIRE_TYPE_IP6, packet, WIRE_IP6_LEN + len);
}

/* Whether a packet is for the script's eyes: what keeps the link going is not. */
static bool shown(struct pkd *w, const uint8_t *bytes, size_t len)
{
	struct wire_ip ip;
	int header = wire_ip_parse(&ip, bytes, len);

	if (header < 0 || ip.protocol == WIRE_PROTO_IGMP)
		return false;
	if (ip.version == 4 || ip.protocol != WIRE_PROTO_ICMP6 || !ip.payload_len)
		return true;
	bytes += header;
	if (bytes[0] == WIRE_ICMP6_NS)
		answer_solicitation(w, &ip, bytes);
	return bytes[0] < WIRE_ICMP6_MLD_QUERY || bytes[0] == 128 || bytes[0] == 129;
}

static void keep(struct pkd *w, const uint8_t *bytes, size_t len)
{
	struct pkd_packet *p = malloc(sizeof(*p) + len);

	if (!p)
		return;
	p->next = NULL;
	p->at = w->now;
	p->len = len;
	memcpy(p->bytes, bytes, len);
	*w->packets_tail = p;
	w->packets_tail = &p->next;
}

static void collect(struct pkd *w)
{
	struct vs_frame *f;
	int ifindex;

	while ((f = stk_output(w->stk, &ifindex))) {
		struct wire_eth eth;
		int header = wire_eth_parse(&eth, f->data, f->len);
		const uint8_t *bytes = f->data + header;
		size_t len = f->len - (size_t)header;

		if (header > 0 && eth.type == WIRE_TYPE_ARP)
			answer_arp(w, bytes, len);
		else if (header > 0 && shown(w, bytes, len))
			keep(w, bytes, len);
		vs_frame_put(f);
	}
}

/* Edges for epoll. */
static void notice_news(struct pkd *w)
{
	unsigned ready;
	int stk;

	while ((stk = stk_event(w->stk, &ready)) >= 0) {
		struct pkd_file *f = stk < PKD_FILES_MAX && w->by_stk[stk]
					     ? &w->files[w->by_stk[stk]]
					     : NULL;

		if (f)
			f->news |= pkd_events(w, f);
	}
}

/* The clock stands still until whoever was woken has asked for the time, as packetdrill does
 * behind every call that waited. Real time ends the wait of one that never asks.
 */
static void hold(struct pkd *w, pthread_t thread)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += 2;
	w->held = true;
	w->held_for = thread;
	while (w->held && !pthread_cond_timedwait(&w->released, &w->lock, &end))
		;
	w->held = false;
}

void pkd_settle(struct pkd *w)
{
	struct pkd_call **at;

again:
	while (stk_poll_at(w->stk) <= w->now) {
		stk_run(w->stk, w->now);
		collect(w);
	}
	collect(w);
	pkd_marks_settle(w);
	notice_news(w);
	for (at = &w->waiting; *at; at = &(*at)->next) {
		struct pkd_call *c = *at;

		c->result = c->attempt(c);
		if (c->result == -EAGAIN && c->deadline <= w->now)
			c->result = c->late;
		else if (c->result == -EAGAIN)
			continue;
		*at = c->next;
		c->done = true;
		collect(w);
		pthread_cond_signal(&c->woken);
		hold(w, c->thread);
		goto again;
	}
}

static vs_time next_at(const struct pkd *w)
{
	vs_time next = stk_poll_at(w->stk);

	for (const struct pkd_call *c = w->waiting; c; c = c->next)
		next = vs_time_min(next, c->deadline);
	return next;
}

/* Moves the clock, timer by timer. */
static void advance(struct pkd *w, vs_time until)
{
	pkd_settle(w);
	for (;;) {
		vs_time next = next_at(w);

		if (next > until)
			break;
		if (next > w->now)
			w->now = next;
		pkd_settle(w);
	}
	if (w->now < until)
		w->now = until;
}

struct pkd *pkd_enter(void)
{
	struct pkd *w = pkd_world;

	pthread_mutex_lock(&w->lock);
	pkd_control_settle(w);
	return w;
}

ssize_t pkd_leave(struct pkd *w, ssize_t result)
{
	pkd_settle(w);
	pthread_mutex_unlock(&w->lock);
	if (result >= 0)
		return result;
	errno = (int)-result;
	return -1;
}

vs_time pkd_deadline(const struct pkd *w, int64_t us)
{
	return us ? w->now + us * VS_USEC : VS_NEVER;
}

/* The driver itself waits: nobody else would move the clock. */
static ssize_t wait_driving(struct pkd *w, struct pkd_call *c)
{
	for (;;) {
		vs_time next = vs_time_min(next_at(w), c->deadline);

		if (next == VS_NEVER || next > w->now + PKD_IDLE_MAX)
			return -EDEADLK;
		advance(w, next);
		c->result = c->attempt(c);
		if (c->result != -EAGAIN)
			return c->result;
		if (w->now >= c->deadline)
			return c->late;
	}
}

ssize_t pkd_wait(struct pkd *w, struct pkd_call *c, bool nonblocking)
{
	struct pkd_call **at = &w->waiting;

	c->result = c->attempt(c);
	if (c->result != -EAGAIN || nonblocking)
		return c->result;
	if (pthread_equal(pthread_self(), w->driver))
		return wait_driving(w, c);
	pthread_cond_init(&c->woken, NULL);
	c->thread = pthread_self();
	c->next = NULL;
	while (*at)
		at = &(*at)->next;
	*at = c;
	/* What has just been tried may have sent something. */
	collect(w);
	while (!c->done)
		pthread_cond_wait(&c->woken, &w->lock);
	pthread_cond_destroy(&c->woken);
	return c->result;
}

int pkd_netdev_send(void *userdata, const void *packet, size_t len)
{
	struct pkd *w = pkd_enter();

	(void)userdata;
	pkd_settle(w);
	if (len)
		to_stack(w, *(const uint8_t *)packet >> 4 == 6 ? WIRE_TYPE_IP6 : WIRE_TYPE_IP4,
			 packet, len);
	return (int)pkd_leave(w, 0);
}

static long long usecs(vs_time at)
{
	return PKD_EPOCH_S * 1000000ll + at / VS_USEC;
}

int pkd_netdev_receive(void *userdata, void *packet, size_t *len, long long *time_usecs)
{
	struct pkd *w = pkd_enter();
	vs_time until = w->now + PKD_IDLE_MAX;
	struct pkd_packet *p;

	(void)userdata;
	pkd_settle(w);
	while (!w->packets && next_at(w) <= until)
		advance(w, next_at(w));
	p = w->packets;
	if (!p) {
		*len = 0;
		*time_usecs = usecs(w->now);
		return (int)pkd_leave(w, 0);
	}
	w->packets = p->next;
	if (!w->packets)
		w->packets_tail = &w->packets;
	if (p->len < *len)
		*len = p->len;
	memcpy(packet, p->bytes, *len);
	*time_usecs = usecs(p->at);
	free(p);
	return (int)pkd_leave(w, 0);
}

int pkd_usleep(void *userdata, useconds_t us)
{
	struct pkd *w = pkd_enter();

	(void)userdata;
	advance(w, w->now + us * VS_USEC);
	return (int)pkd_leave(w, 0);
}

int pkd_gettimeofday(void *userdata, struct timeval *tv, struct timezone *tz)
{
	struct pkd *w = pkd_enter();
	long long us;

	(void)userdata;
	(void)tz;
	if (w->held && pthread_equal(w->held_for, pthread_self())) {
		us = usecs(w->now);
		w->held = false;
		pthread_cond_signal(&w->released);
		pthread_mutex_unlock(&w->lock);
	} else {
		advance(w, w->now + VS_USEC);
		us = usecs(w->now);
		pkd_leave(w, 0);
	}
	tv->tv_sec = us / 1000000;
	tv->tv_usec = us % 1000000;
	return 0;
}
