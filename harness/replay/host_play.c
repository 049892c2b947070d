/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The others' segments as the stack must see them. Their own sequence numbers stay; what they
 * acknowledge is the captured host's, and is moved by the difference of the two ISNs; the
 * timestamps they echo likewise.
 */
#include <string.h>

#include "core/wire/cksum.h"
#include "core/wire/eth.h"
#include "core/wire/icmp.h"
#include "core/wire/udp.h"
#include "harness/replay/host_impl.h"

#define OPT_SACK      5
#define OPT_TIMESTAMP 8

/* Finds the transport header of a whole packet in an Ethernet frame. */
static uint8_t *transport(uint8_t *bytes, size_t len, struct wire_ip *ip)
{
	struct wire_eth eth;
	int header = wire_eth_parse(&eth, bytes, len), ip_header;

	if (header < 0 || eth.tagged || (eth.type != WIRE_TYPE_IP4 && eth.type != WIRE_TYPE_IP6))
		return NULL;
	ip_header = wire_ip_parse(ip, bytes + header, len - (size_t)header);
	if (ip_header < 0 || ip->fragment_offset)
		return NULL;
	return bytes + header + ip_header;
}

/* What a segment needs to have been sent: its acknowledgement and the ends of its SACK blocks,
 * counted from the captured ISN.
 */
static uint32_t needs(const struct wire_tcp *tcp, uint32_t isn)
{
	uint32_t most = tcp->ack - isn;

	for (unsigned i = 0; i < tcp->sacks; i++)
		if ((int32_t)(tcp->sack[i].right - isn - most) > 0)
			most = tcp->sack[i].right - isn;
	return most;
}

bool host_may_play(struct host *h, const struct play *p)
{
	const struct app *a;
	struct wire_tcp tcp;
	struct wire_ip ip;
	const uint8_t *segment;

	if (!p->story)
		return true;
	a = host_app(h, p->story);
	if (p->story->kind != STORY_TCP)
		return a->out >= p->said_before;
	segment = transport(p->frame->bytes, p->frame->len, &ip);
	if (!segment || wire_tcp_parse(&tcp, segment, ip.payload_len) < 0 ||
	    !(tcp.flags & WIRE_TCP_ACK) || !p->story->tcp.host_syn)
		return true;
	return a->has_isn && (int32_t)(needs(&tcp, p->story->tcp.host_isn) - a->sent_max) <= 0;
}

static void renew_cksum(const struct wire_ip *ip, uint8_t *segment, uint8_t *field)
{
	uint32_t sum = wire_cksum_pseudo(&ip->src, &ip->dst, ip->protocol, ip->payload_len);

	wire_put16(field, 0);
	wire_put16(field, wire_cksum_fold(wire_cksum_add(sum, segment, ip->payload_len)));
}

/* The part of a captured SACK block that was sent, in captured numbers. */
static bool clip(const struct app *a, uint32_t isn, struct wire_tcp_sack *sack)
{
	if ((int32_t)(sack->right - isn - a->sent_max) > 0)
		sack->right = isn + a->sent_max;
	return (int32_t)(sack->right - sack->left) > 0;
}

/* A bare acknowledgement as the frame's, of no more than was sent. 0: it cannot be made of it. */
static size_t acknowledge(struct host *h, const struct play *p, uint8_t *bytes)
{
	struct app *a = host_app(h, p->story);
	uint32_t isn = p->story->tcp.host_isn, delta = a->isn - isn;
	struct wire_tcp tcp;
	struct wire_ip ip;
	uint8_t *segment;
	unsigned sacks = 0;
	size_t head;

	memcpy(bytes, p->frame->bytes, p->frame->len);
	memcpy(bytes, h->mac, WIRE_MAC_LEN);
	segment = transport(bytes, p->frame->len, &ip);
	if (!segment || wire_tcp_parse(&tcp, segment, ip.payload_len) < 0 ||
	    tcp.flags & (WIRE_TCP_SYN | WIRE_TCP_RST))
		return 0;
	head = (size_t)(segment - bytes) - (ip.version == 4 ? WIRE_IP4_LEN : WIRE_IP6_LEN);
	if (head != WIRE_ETH_LEN)
		return 0; /* options of IP are not emitted */
	if ((int32_t)(tcp.ack - isn - a->sent_max) > 0)
		tcp.ack = isn + a->sent_max;
	if ((int32_t)(tcp.ack - isn - a->acked) > 0)
		a->acked = tcp.ack - isn;
	tcp.ack += delta;
	for (unsigned i = 0; i < tcp.sacks; i++) {
		if (!clip(a, isn, &tcp.sack[i]))
			continue;
		tcp.sack[sacks++] = (struct wire_tcp_sack){tcp.sack[i].left + delta,
							   tcp.sack[i].right + delta};
	}
	tcp.sacks = (uint8_t)sacks;
	tcp.flags = WIRE_TCP_ACK;
	if (tcp.has_timestamp && a->has_ts) {
		tcp.ts_ecr += a->ts_delta;
		if ((int32_t)(tcp.ts_ecr - a->ts_last) > 0)
			tcp.ts_ecr = a->ts_last;
	}
	ip.payload_len = (uint32_t)wire_tcp_emit(segment, &tcp);
	wire_ip_emit(bytes + head, &ip);
	renew_cksum(&ip, segment, segment + 16);
	return (size_t)(segment - bytes) + ip.payload_len;
}

size_t host_stand_in(struct host *h, const struct play *p, uint8_t *bytes)
{
	struct app *a = host_app(h, p->story);

	if (p->story->kind != STORY_TCP || !a->has_isn || a->stood_in == a->sent_max)
		return 0;
	a->stood_in = a->sent_max;
	return acknowledge(h, p, bytes);
}

size_t host_look_ahead(struct host *h, const struct play *p, uint8_t *bytes)
{
	const struct play *end = h->play + h->plays;
	const struct app *a = host_app(h, p->story);
	struct wire_tcp tcp;
	struct wire_ip ip;

	if (p->story->kind != STORY_TCP || !a->has_isn || a->acked == a->sent_max)
		return 0;
	for (const struct play *q = p; q < end; q++) {
		const uint8_t *segment;

		if (q->done || q->story != p->story)
			continue;
		segment = transport(q->frame->bytes, q->frame->len, &ip);
		if (segment && wire_tcp_parse(&tcp, segment, ip.payload_len) > 0 &&
		    tcp.flags & WIRE_TCP_ACK && !(tcp.flags & (WIRE_TCP_SYN | WIRE_TCP_RST)) &&
		    (int32_t)(tcp.ack - p->story->tcp.host_isn - a->acked) > 0)
			return acknowledge(h, q, bytes);
	}
	return 0;
}

static void move32(uint8_t *at, uint32_t delta)
{
	wire_put32(at, wire_get32(at) + delta);
}

/* An echo of a time that the stack has not reached would be a lie: the captured host may have
 * been faster.
 */
static void move_echo(const struct app *a, uint8_t *at)
{
	uint32_t echo = wire_get32(at) + a->ts_delta;

	if ((int32_t)(echo - a->ts_last) > 0)
		echo = a->ts_last;
	wire_put32(at, echo);
}

static void move_options(const struct app *a, uint8_t *segment, unsigned end, uint32_t delta)
{
	unsigned at = WIRE_TCP_LEN;

	while (at < end && segment[at]) {
		unsigned len = 1;

		if (segment[at] != 1) {
			if (at + 1 >= end || segment[at + 1] < 2 || at + segment[at + 1] > end)
				return;
			len = segment[at + 1];
		}
		if (segment[at] == OPT_TIMESTAMP && len == 10 && a->has_ts)
			move_echo(a, segment + at + 6);
		for (unsigned k = 2; segment[at] == OPT_SACK && k + 4 <= len; k += 4)
			move32(segment + at + k, delta);
		at += len;
	}
}

static void translate_tcp(struct host *h, const struct play *p, const struct wire_ip *ip,
			  uint8_t *segment)
{
	struct wire_tcp tcp;
	int end = wire_tcp_parse(&tcp, segment, ip->payload_len);
	struct app *a = p->story ? host_app(h, p->story) : NULL;
	uint32_t delta;

	if (end < 0)
		return;
	if (a && a->has_isn && p->story->tcp.host_syn && tcp.flags & WIRE_TCP_ACK) {
		if ((int32_t)(tcp.ack - p->story->tcp.host_isn - a->acked) > 0)
			a->acked = tcp.ack - p->story->tcp.host_isn;
		delta = a->isn - p->story->tcp.host_isn;
		move32(segment + 8, delta);
		move_options(a, segment, (unsigned)end, delta);
	}
	renew_cksum(ip, segment, segment + 16);
}

void host_translate(struct host *h, const struct play *p, uint8_t *bytes)
{
	struct wire_udp udp;
	struct wire_ip ip;
	uint8_t *segment;

	if (!wire_mac_is_group(bytes))
		memcpy(bytes, h->mac, WIRE_MAC_LEN);
	segment = transport(bytes, p->frame->len, &ip);
	if (!segment || ip.more_fragments)
		return;
	if (ip.protocol == WIRE_PROTO_TCP)
		translate_tcp(h, p, &ip, segment);
	else if (ip.protocol == WIRE_PROTO_UDP &&
		 wire_udp_parse(&udp, segment, ip.payload_len) > 0 && udp.cksum &&
		 udp.len == ip.payload_len)
		renew_cksum(&ip, segment, segment + 6);
}

static void learn_tcp(struct host *h, const struct wire_ip *ip, const uint8_t *segment)
{
	struct wire_tcp tcp;
	struct story *s;
	struct app *a;
	uint32_t end;
	int header = wire_tcp_parse(&tcp, segment, ip->payload_len);

	if (header < 0)
		return;
	s = stories_find(&h->captured, STORY_TCP, &ip->dst, tcp.src_port, tcp.dst_port);
	if (!s)
		return;
	a = host_app(h, s);
	if (tcp.flags & WIRE_TCP_SYN && !a->has_isn) {
		a->has_isn = true;
		a->isn = tcp.seq;
		a->has_ts = tcp.has_timestamp && s->tcp.syn.has_timestamp;
		a->ts_delta = tcp.ts_val - s->tcp.syn.ts_val;
	}
	if (!a->has_isn)
		return;
	if (tcp.has_timestamp)
		a->ts_last = tcp.ts_val;
	end = tcp.seq - a->isn + ip->payload_len - (uint32_t)header +
	      (tcp.flags & WIRE_TCP_SYN ? 1 : 0) + (tcp.flags & WIRE_TCP_FIN ? 1 : 0);
	if (tcp.flags & WIRE_TCP_RST)
		return;
	if ((int32_t)(end - a->sent_max) > 0)
		a->sent_max = end;
}

void host_learn(struct host *h, const uint8_t *bytes, size_t len)
{
	struct packet p = {0};
	struct wire_icmp icmp;
	struct wire_udp udp;
	struct story *s = NULL;
	bool request;

	/* The parsers only read. */
	p.bytes = transport((uint8_t *)(uintptr_t)bytes, len, &p.ip);
	if (!p.bytes)
		return;
	p.len = p.ip.payload_len;
	if (p.ip.protocol == WIRE_PROTO_TCP) {
		learn_tcp(h, &p.ip, p.bytes);
		return;
	}
	if (p.ip.protocol == WIRE_PROTO_UDP && p.len >= WIRE_UDP_LEN) {
		udp.src_port = wire_get16(p.bytes);
		udp.dst_port = wire_get16(p.bytes + 2);
		s = stories_find(&h->captured, STORY_UDP, &p.ip.dst, udp.src_port, udp.dst_port);
	} else if (story_echo(&p, &icmp, &request)) {
		s = stories_find(&h->captured, STORY_ECHO, &p.ip.dst, icmp.id, 0);
	}
	if (s)
		host_app(h, s)->out++;
}
