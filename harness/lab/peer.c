/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "harness/lab/peer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/wire/arp.h"
#include "core/wire/bytes.h"
#include "core/wire/cksum.h"
#include "core/wire/eth.h"
#include "core/wire/icmp.h"
#include "core/wire/ip.h"

static const char *const counter_names[] = {
#define X(name) #name,
	PEER_COUNTERS(X)
#undef X
};

struct vs_counters lab_peer_counters(const struct lab_peer *p)
{
	return (struct vs_counters){counter_names, p->counters, PEER_COUNTER_COUNT};
}

static bool is_ours(const struct lab_peer *p, const struct wire_addr *addr)
{
	for (unsigned i = 0; i < p->addrs; i++)
		if (wire_addr_equal(&p->addr[i], addr))
			return true;
	return false;
}

static void learn(struct lab_peer *p, const struct wire_addr *addr, const uint8_t *mac)
{
	unsigned i;

	for (i = 0; i < p->neighbours; i++)
		if (wire_addr_equal(&p->neighbour[i].addr, addr))
			break;
	if (i == PEER_NEIGHBOURS)
		i = 0;
	else if (i == p->neighbours)
		p->neighbours++;
	p->neighbour[i].addr = *addr;
	memcpy(p->neighbour[i].mac, mac, WIRE_MAC_LEN);
}

static const uint8_t *find(const struct lab_peer *p, const struct wire_addr *addr)
{
	for (unsigned i = 0; i < p->neighbours; i++)
		if (wire_addr_equal(&p->neighbour[i].addr, addr))
			return p->neighbour[i].mac;
	return NULL;
}

/* Takes f, whose data is what Ethernet carries. */
static void send_frame(struct lab_peer *p, const uint8_t *mac, uint16_t type, struct vs_frame *f)
{
	struct wire_eth eth = {.type = type};

	memcpy(eth.dst, mac, WIRE_MAC_LEN);
	memcpy(eth.src, p->mac, WIRE_MAC_LEN);
	wire_eth_emit(vs_frame_push(f, WIRE_ETH_LEN), &eth);
	if (vs_queue_reserve(&p->out, vs_queue_len(&p->out) + 1, &p->node->lab->arena)) {
		vs_frame_put(f);
		return;
	}
	vs_queue_push(&p->out, 0, f);
	sim_touch(&p->node->engine);
}

void peer_send(struct lab_peer *p, const struct wire_addr *src, const struct wire_addr *dst,
	       const uint8_t mac[WIRE_MAC_LEN], uint8_t protocol, uint8_t tclass,
	       struct vs_frame *f)
{
	bool four = wire_addr_is4(src);
	struct wire_ip ip = {
		.version = four ? 4 : 6,
		.tclass = tclass,
		.hop_limit = protocol == WIRE_PROTO_ICMP6 ? 255 : 64,
		.protocol = protocol,
		.payload_len = f->len,
		.src = *src,
		.dst = *dst,
		.dont_fragment = true,
	};
	size_t at = protocol == WIRE_PROTO_TCP ? 16 : 2;
	uint32_t sum = 0;

	wire_put16(f->data + at, 0);
	if (protocol != WIRE_PROTO_ICMP)
		sum = wire_cksum_pseudo(src, dst, protocol, f->len);
	wire_put16(f->data + at, wire_cksum_fold(wire_cksum_add(sum, f->data, f->len)));
	f->flags |= VS_FRAME_TRUSTED;
	wire_ip_emit(vs_frame_push(f, four ? WIRE_IP4_LEN : WIRE_IP6_LEN), &ip);
	send_frame(p, mac, four ? WIRE_TYPE_IP4 : WIRE_TYPE_IP6, f);
}

static void send_arp(struct lab_peer *p, uint16_t op, const struct wire_addr *sender,
		     const struct wire_addr *target, const uint8_t *mac)
{
	static const uint8_t everybody[WIRE_MAC_LEN] = {255, 255, 255, 255, 255, 255};
	struct vs_frame *f = vs_frame_new(p->node->lab->pool, WIRE_ARP_LEN, 0);
	struct wire_arp arp = {.op = op, .sender = *sender, .target = *target};

	if (!f)
		return;
	memcpy(arp.sender_mac, p->mac, WIRE_MAC_LEN);
	if (mac)
		memcpy(arp.target_mac, mac, WIRE_MAC_LEN);
	wire_arp_emit(f->data, &arp);
	send_frame(p, mac ? mac : everybody, WIRE_TYPE_ARP, f);
}

static void arp_arrives(struct lab_peer *p, const uint8_t *bytes, size_t len)
{
	struct wire_arp arp;

	if (wire_arp_parse(&arp, bytes, len) < 0)
		return;
	learn(p, &arp.sender, arp.sender_mac);
	if (arp.op == WIRE_ARP_REQUEST && is_ours(p, &arp.target))
		send_arp(p, WIRE_ARP_REPLY, &arp.target, &arp.sender, arp.sender_mac);
}

static void send_nd(struct lab_peer *p, const struct wire_nd *nd, const struct wire_addr *src,
		    const struct wire_addr *dst, const uint8_t *mac)
{
	uint8_t bytes[128] = {0};
	size_t len = wire_nd_emit(bytes, nd);
	struct vs_frame *f = vs_frame_from(p->node->lab->pool, bytes, len);

	if (f)
		peer_send(p, src, dst, mac, WIRE_PROTO_ICMP6, 0, f);
}

static void solicitation_arrives(struct lab_peer *p, const struct wire_ip *ip, const uint8_t *mac,
				 const uint8_t *bytes, size_t len)
{
	struct wire_nd in, out = {.type = WIRE_ICMP6_NA,
				  .flags = WIRE_ND_SOLICITED | WIRE_ND_OVERRIDE,
				  .has_target_mac = true};

	if (wire_nd_parse(&in, bytes, len) < 0 || !is_ours(p, &in.target) ||
	    wire_addr_is_any(&ip->src))
		return;
	out.target = in.target;
	memcpy(out.target_mac, p->mac, WIRE_MAC_LEN);
	send_nd(p, &out, &in.target, &ip->src, mac);
}

static void echo_arrives(struct lab_peer *p, const struct wire_ip *ip, const uint8_t *mac,
			 const uint8_t *bytes, size_t len)
{
	struct vs_frame *f = vs_frame_from(p->node->lab->pool, bytes, len);

	if (!f)
		return;
	f->data[0] = ip->version == 4 ? WIRE_ICMP4_ECHO_REPLY : WIRE_ICMP6_ECHO_REPLY;
	peer_send(p, &ip->dst, &ip->src, mac, ip->protocol, 0, f);
}

static void ip_arrives(struct lab_peer *p, vs_time now, const struct vs_frame *f, int at,
		       const uint8_t *mac)
{
	const uint8_t *bytes;
	struct wire_ip ip;
	int header = wire_ip_parse(&ip, f->data + at, f->len - (size_t)at);
	uint32_t sum = 0;

	if (header < 0 || ip.fragment_offset || ip.more_fragments)
		return;
	bytes = f->data + at + header;
	if (ip.protocol != WIRE_PROTO_ICMP)
		sum = wire_cksum_pseudo(&ip.src, &ip.dst, ip.protocol, ip.payload_len);
	if (!(f->flags & VS_FRAME_TRUSTED) &&
	    wire_cksum_fold(wire_cksum_add(sum, bytes, ip.payload_len))) {
		peer_count(p, PEER_BadSums);
		return;
	}
	if (ip.protocol == WIRE_PROTO_ICMP6 && ip.payload_len && bytes[0] == WIRE_ICMP6_NS) {
		solicitation_arrives(p, &ip, mac, bytes, ip.payload_len);
		return;
	}
	if (!is_ours(p, &ip.dst))
		return;
	learn(p, &ip.src, mac);
	if (ip.protocol == WIRE_PROTO_TCP)
		peer_tcp_input(p, now, &ip, mac, bytes, ip.payload_len);
	else if (ip.payload_len >= WIRE_ICMP_LEN &&
		 ((ip.protocol == WIRE_PROTO_ICMP && bytes[0] == WIRE_ICMP4_ECHO) ||
		  (ip.protocol == WIRE_PROTO_ICMP6 && bytes[0] == WIRE_ICMP6_ECHO)))
		echo_arrives(p, &ip, mac, bytes, ip.payload_len);
}

static void peer_input(void *engine, vs_time now, int port, struct vs_frame *f)
{
	struct lab_peer *p = engine;
	struct wire_eth eth;
	int at = wire_eth_parse(&eth, f->data, f->len);

	(void)port;
	if (at >= 0 && eth.type == WIRE_TYPE_ARP)
		arp_arrives(p, f->data + at, f->len - (size_t)at);
	else if (at >= 0 && (eth.type == WIRE_TYPE_IP4 || eth.type == WIRE_TYPE_IP6) &&
		 (wire_mac_is_group(eth.dst) || !memcmp(eth.dst, p->mac, WIRE_MAC_LEN)))
		ip_arrives(p, now, f, at, eth.src);
	vs_frame_put(f);
}

static void peer_run(void *engine, vs_time now)
{
	peer_tcp_run(engine, now);
}

static vs_time peer_poll_at(const void *engine)
{
	return peer_tcp_poll_at(engine);
}

static struct vs_frame *peer_output(void *engine, int *port)
{
	return vs_queue_pop(&((struct lab_peer *)engine)->out, port);
}

static const struct sim_verbs peer_verbs = {
	.input = peer_input,
	.run = peer_run,
	.poll_at = peer_poll_at,
	.output = peer_output,
};

int lab_peer_create(struct lab_node *node)
{
	struct lab_peer *p = calloc(1, sizeof(*p));
	uint8_t mac[WIRE_MAC_LEN] = {0x02, 0x70, (uint8_t)(node->number >> 16),
				     (uint8_t)(node->number >> 8), (uint8_t)node->number, 1};
	int err;

	if (!p)
		return -ENOMEM;
	p->node = node;
	node->peer = p;
	memcpy(p->mac, mac, sizeof(mac));
	err = vs_queue_init(&p->out, 16, &node->lab->arena);
	if (err)
		return err;
	err = sim_add(node->lab->sim, &node->engine, &peer_verbs, p, node);
	node->in_world = !err;
	return err;
}

void lab_peer_stop(struct lab_node *node)
{
	struct lab_peer *p = node->peer;

	peer_tcp_free(p);
	while (p->plays) {
		struct lab_role_play *play = p->plays;

		p->plays = play->next;
		free(play);
	}
	vs_queue_fini(&p->out, &node->lab->arena);
	free(p);
	node->peer = NULL;
}

int lab_peer_address(struct lab_node *node, const struct wire_addr *addr)
{
	struct lab_peer *p = node->peer;

	if (p->addrs == PEER_ADDRS)
		return -ENOSPC;
	p->addr[p->addrs++] = *addr;
	return 0;
}

int lab_peer_play(struct lab_peer *p, const struct lab_role_play *play)
{
	struct lab_role_play *copy;

	for (copy = p->plays; copy; copy = copy->next)
		if (copy->port == play->port)
			return -EADDRINUSE;
	copy = malloc(sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	*copy = *play;
	copy->next = p->plays;
	p->plays = copy;
	return 0;
}

static void ask(struct lab_peer *p, const struct wire_addr *src, const struct wire_addr *whom)
{
	struct wire_nd nd = {.type = WIRE_ICMP6_NS, .target = *whom, .has_source_mac = true};
	struct wire_addr group;
	uint8_t mac[WIRE_MAC_LEN];

	if (wire_addr_is4(whom)) {
		send_arp(p, WIRE_ARP_REQUEST, src, whom, NULL);
		return;
	}
	memcpy(nd.source_mac, p->mac, WIRE_MAC_LEN);
	group = wire_addr_solicited_node(whom);
	wire_addr_multicast_mac(&group, mac);
	send_nd(p, &nd, src, &group, mac);
}

int lab_peer_syn(struct lab_peer *p, const struct wire_addr *to, uint16_t port, uint64_t number)
{
	const uint8_t *mac = find(p, to);
	struct wire_tcp h = {.src_port = (uint16_t)(1024 + number % 60000),
			     .dst_port = port,
			     .seq = (uint32_t)(number * 2654435761u),
			     .flags = WIRE_TCP_SYN,
			     .window = 65535,
			     .has_mss = true,
			     .mss = 1460};
	const struct wire_addr *own = NULL;
	struct vs_frame *f;

	for (unsigned i = 0; i < p->addrs; i++)
		if (wire_addr_is4(&p->addr[i]) == wire_addr_is4(to))
			own = &p->addr[i];
	if (!own)
		return -EADDRNOTAVAIL;
	if (!mac) {
		ask(p, own, to);
		return -EAGAIN;
	}
	f = vs_frame_new(p->node->lab->pool, wire_tcp_len(&h), 0);
	if (!f)
		return -ENOMEM;
	wire_tcp_emit(f->data, &h);
	peer_count(p, PEER_SynsOut);
	peer_send(p, own, to, mac, WIRE_PROTO_TCP, 0, f);
	return 0;
}
