/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Frames into a whole stack with open and half-open connections: a listener with its children, and
 * connections of the stack's own. The input is read as a list of things that happen. Most are
 * segments that nearly fit: the right ends, a right checksum, numbers relative to what the stack
 * said last, timestamps and SACK blocks likewise; a few are broken on purpose. After each, every
 * connection must be consistent, and whatever leaves must be a right segment; at the end, once all
 * is closed and time has passed, nothing may be left.
 */
#include <string.h>

#include "core/host/memory.h"
#include "core/wire/arp.h"
#include "core/wire/eth.h"
#include "core/wire/icmp.h"
#include "core/wire/ip.h"
#include "stack/tcp/tcp_check_for_test.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

#define FLOWS 6

static const uint8_t our_mac[WIRE_MAC_LEN] = {2, 0, 0, 0, 0, 1};
static const uint8_t peer_mac[WIRE_MAC_LEN] = {2, 0, 0, 0, 0, 9};

/* A peer's end, and what the stack has said to it. */
struct flow {
	uint16_t port, stack_port;
	uint32_t seq;	/* the peer's next number, as the stack acknowledges it */
	uint32_t first, next; /* the stack's: of its last segment, and after all it has sent */
	uint32_t ts_val; /* of the stack's last segment */
	uint32_t ts_ours;
	bool spoken; /* the stack has */
};

struct world {
	struct vs_arena arena;
	struct vs_pool *pool;
	struct stk *stk;
	struct wire_addr ours, peer;
	vs_time now;
	struct flow flow[FLOWS];
	struct vs_frame *last; /* a copy of the last segment that left */
	const uint8_t *at, *end;
};

static uint8_t next(struct world *w)
{
	return w->at < w->end ? *w->at++ : 0;
}

/* Small numbers mostly: what is near an edge finds most. */
static uint32_t number(struct world *w)
{
	uint8_t kind = next(w);

	switch (kind & 3) {
	case 0:
		return kind >> 2;
	case 1:
		return 0u - (kind >> 2);
	case 2:
		return (uint32_t)(kind >> 2) * 1448;
	}
	return (uint32_t)next(w) << 24 | (uint32_t)next(w) << 16 | (uint32_t)kind << 8 | next(w);
}

static struct stk_addr end_of(const struct wire_addr *addr, uint16_t port)
{
	return (struct stk_addr){.addr = *addr, .port = port};
}

static void give(struct world *w, struct vs_frame *f, uint16_t type)
{
	struct wire_eth eth = {.type = type};

	memcpy(eth.dst, our_mac, WIRE_MAC_LEN);
	memcpy(eth.src, peer_mac, WIRE_MAC_LEN);
	wire_eth_emit(vs_frame_push(f, WIRE_ETH_LEN), &eth);
	stk_input(w->stk, w->now, 1, f);
}

/* Takes f, a transport's packet from the peer. */
static void give_ip(struct world *w, struct vs_frame *f, uint8_t protocol, uint8_t tclass)
{
	struct wire_ip ip = {.version = 4,
			     .tclass = tclass,
			     .hop_limit = 64,
			     .protocol = protocol,
			     .header_len = WIRE_IP4_LEN,
			     .payload_len = f->len,
			     .dont_fragment = true,
			     .src = w->peer,
			     .dst = w->ours};

	wire_ip_emit(vs_frame_push(f, WIRE_IP4_LEN), &ip);
	give(w, f, WIRE_TYPE_IP4);
}

static void answer_arp(struct world *w, const struct vs_frame *asked)
{
	struct wire_arp arp, reply = {.op = WIRE_ARP_REPLY};
	struct vs_frame *f = vs_frame_new(w->pool, WIRE_ARP_LEN, 0);

	vs_assert(f && wire_arp_parse(&arp, asked->data + WIRE_ETH_LEN,
				      asked->len - WIRE_ETH_LEN) > 0);
	memcpy(reply.sender_mac, peer_mac, WIRE_MAC_LEN);
	memcpy(reply.target_mac, our_mac, WIRE_MAC_LEN);
	reply.sender = arp.target;
	reply.target = arp.sender;
	wire_arp_emit(f->data, &reply);
	give(w, f, WIRE_TYPE_ARP);
}

/* The flow of a segment that leaves; its ports are learnt when the stack was first. */
static struct flow *flow_of(struct world *w, const struct wire_tcp *h)
{
	for (unsigned i = 0; i < FLOWS; i++) {
		struct flow *flow = &w->flow[i];

		if (flow->port == h->dst_port &&
		    (flow->stack_port == h->src_port || !flow->stack_port)) {
			flow->stack_port = h->src_port;
			return flow;
		}
	}
	return NULL;
}

/* Looks at a segment that left. */
static void note(struct world *w, const struct vs_frame *f)
{
	struct wire_ip ip;
	struct wire_tcp h;
	const uint8_t *segment;
	int len = wire_ip_parse(&ip, f->data + WIRE_ETH_LEN, f->len - WIRE_ETH_LEN);
	struct flow *flow;
	uint32_t text;

	vs_assert(len == WIRE_IP4_LEN);
	if (ip.protocol != WIRE_PROTO_TCP)
		return;
	segment = f->data + WIRE_ETH_LEN + len;
	vs_assert(!wire_cksum_fold(wire_cksum_add(
		wire_cksum_pseudo(&ip.src, &ip.dst, WIRE_PROTO_TCP, ip.payload_len), segment,
		ip.payload_len)));
	len = wire_tcp_parse(&h, segment, ip.payload_len);
	vs_assert(len > 0);
	vs_frame_put(w->last);
	w->last = vs_frame_copy(w->pool, f);
	for (unsigned i = 0; i < h.sacks; i++)
		vs_assert(wire_seq_lt(h.sack[i].left, h.sack[i].right));
	flow = flow_of(w, &h);
	if (!flow || (h.flags & WIRE_TCP_RST))
		return;
	text = ip.payload_len - (uint32_t)len;
	if (h.flags & WIRE_TCP_SYN)
		flow->next = h.seq;
	if (h.flags & WIRE_TCP_ACK)
		flow->seq = h.ack;
	flow->first = h.seq;
	h.seq += text + !!(h.flags & WIRE_TCP_SYN) + !!(h.flags & WIRE_TCP_FIN);
	if (wire_seq_lt(flow->next, h.seq))
		flow->next = h.seq;
	flow->ts_val = h.ts_val;
	flow->spoken = true;
}

static void settle(struct world *w)
{
	struct vs_frame *f;
	unsigned readiness;
	int ifindex;

	while ((f = stk_output(w->stk, &ifindex))) {
		struct wire_eth eth;

		vs_assert(wire_eth_parse(&eth, f->data, f->len) == WIRE_ETH_LEN);
		if (eth.type == WIRE_TYPE_ARP)
			answer_arp(w, f);
		else if (eth.type == WIRE_TYPE_IP4)
			note(w, f);
		vs_frame_put(f);
	}
	while (stk_event(w->stk, &readiness) >= 0)
		;
	for (const struct stk_socket *so = w->stk->all; so; so = so->all_next)
		if (so->proto == &tcp_proto)
			tcp_check(tcp_of(so));
}

static void pass(struct world *w, vs_time until)
{
	vs_time at;

	while ((at = stk_poll_at(w->stk)) <= until && at != VS_NEVER) {
		w->now = at > w->now ? at : w->now;
		stk_run(w->stk, w->now);
		settle(w);
	}
	w->now = until;
	stk_run(w->stk, w->now);
	settle(w);
}

/* What a segment of the peer's carries beside its header. */
enum { TEXT = 1, STAMP = 2, BLOCKS = 4, AHEAD = 8, BROKEN = 16, MARKED = 32, RAW = 64 };

static void segment(struct world *w, struct flow *flow, struct wire_tcp *h, uint32_t len,
		    unsigned bits)
{
	size_t header = wire_tcp_len(h), raw = 0;
	struct vs_frame *f;
	uint32_t sum;

	/* Options of any bytes at all, where those that we know would stand. */
	if ((bits & RAW) && header < WIRE_TCP_LEN_MAX)
		raw = (WIRE_TCP_LEN_MAX - header) & 28;
	f = vs_frame_new(w->pool, header + raw + len, 0);
	if (!f)
		return;
	memset(f->data, 0x5a, f->len);
	wire_tcp_emit(f->data, h);
	for (size_t i = 0; i < raw; i++)
		f->data[header + i] = next(w);
	f->data[12] = (uint8_t)((header + raw) / 4 << 4);
	sum = wire_cksum_pseudo(&w->peer, &w->ours, WIRE_PROTO_TCP, f->len);
	wire_put16(f->data + 16, wire_cksum_fold(wire_cksum_add(sum, f->data, f->len)));
	if (bits & BROKEN)
		f->data[next(w) % f->len] ^= (uint8_t)(1 + next(w) % 255);
	if (h->has_timestamp)
		flow->ts_ours = h->ts_val;
	give_ip(w, f, WIRE_PROTO_TCP, bits & MARKED ? WIRE_ECN_CE : 0);
}

static void inject(struct world *w, struct flow *flow)
{
	uint8_t flags = next(w), bits = next(w);
	uint32_t base = bits & AHEAD ? flow->next : flow->first;
	struct wire_tcp h = {.src_port = flow->port,
			     .dst_port = flow->stack_port ? flow->stack_port : 80,
			     .flags = flags,
			     .seq = flow->seq + number(w),
			     .ack = base + number(w),
			     .window = (uint16_t)number(w),
			     .urgent = flags & WIRE_TCP_URG ? next(w) : 0};
	uint32_t len = bits & TEXT ? number(w) % 1461 : 0;

	if (bits & STAMP) {
		h.has_timestamp = true;
		h.ts_val = flow->ts_ours + number(w);
		h.ts_ecr = flow->ts_val + number(w);
	}
	if (flags & WIRE_TCP_SYN) {
		uint8_t options = next(w);

		h.has_mss = options & 1;
		h.mss = (uint16_t)number(w);
		h.has_wscale = options & 2;
		h.wscale = options >> 4;
		h.sack_permitted = options & 4;
		h.has_cookie = options & 8;
		h.cookie_len = h.has_cookie ? next(w) % 9 * 2 : 0;
		if (h.cookie_len == 2)
			h.cookie_len = 0;
		memset(h.cookie, flags, sizeof(h.cookie));
	} else if (bits & BLOCKS) {
		for (h.sacks = 0; h.sacks < 1 + (bits >> 7) * 2; h.sacks++) {
			uint32_t left = flow->first + number(w);

			h.sack[h.sacks] = (struct wire_tcp_sack){left, left + number(w)};
		}
	}
	segment(w, flow, &h, len, bits);
}

/* The rest of a handshake, as a peer that means well does it. */
static void open_well(struct world *w, struct flow *flow, bool passive, uint8_t options)
{
	struct wire_tcp h = {.src_port = flow->port,
			     .dst_port = flow->stack_port ? flow->stack_port : 80,
			     .seq = 1000,
			     .flags = WIRE_TCP_SYN,
			     .window = 30000,
			     .has_mss = true,
			     .mss = 1460,
			     .sack_permitted = options & 1,
			     .has_wscale = options & 2,
			     .wscale = 3,
			     .has_timestamp = options & 4,
			     .ts_val = 77,
			     .ts_ecr = flow->ts_val};

	flow->seq = 1000;
	if (!passive) {
		h.flags |= WIRE_TCP_ACK;
		h.ack = flow->next;
	}
	segment(w, flow, &h, 0, 0);
	settle(w);
	if (passive && flow->spoken && !(options & 8)) {
		h = (struct wire_tcp){.src_port = flow->port,
				      .dst_port = 80,
				      .seq = flow->seq,
				      .ack = flow->next,
				      .flags = WIRE_TCP_ACK,
				      .window = 30000,
				      .has_timestamp = options & 4,
				      .ts_val = 78,
				      .ts_ecr = flow->ts_val};
		segment(w, flow, &h, 0, 0);
		settle(w);
	}
}

/* An ICMP error about the last segment that left. */
static void icmp(struct world *w)
{
	size_t quoted;
	struct vs_frame *f;

	if (!w->last)
		return;
	quoted = w->last->len - WIRE_ETH_LEN;
	quoted = quoted < 68 ? quoted : 28u + next(w) % 41u;
	f = vs_frame_new(w->pool, 8 + quoted, 0);
	if (!f)
		return;
	memset(f->data, 0, 8);
	f->data[0] = next(w) & 1 ? 3 : next(w) % 20;
	f->data[1] = next(w) % 16;
	wire_put16(f->data + 6, (uint16_t)number(w)); /* the MTU of "fragmentation needed" */
	memcpy(f->data + 8, w->last->data + WIRE_ETH_LEN, quoted);
	wire_put16(f->data + 2, wire_cksum_fold(wire_cksum_add(0, f->data, f->len)));
	give_ip(w, f, WIRE_PROTO_ICMP, 0);
}

static void call(struct world *w)
{
	static uint8_t bytes[8192];
	uint8_t what = next(w);
	int fd = what >> 4;
	enum stk_option option;
	uint32_t value;
	struct stk_addr to = end_of(&w->peer, (uint16_t)(7 + next(w) % 2));

	switch (what & 7) {
	case 0:
		stk_accept(w->stk, w->now, 0, NULL);
		break;
	case 1:
	case 2:
		stk_send(w->stk, w->now, fd, bytes, number(w) % sizeof(bytes),
			 what & 8 ? STK_MSG_MORE : STK_MSG_CONST, NULL);
		break;
	case 3:
		stk_recv(w->stk, w->now, fd, bytes, number(w) % sizeof(bytes),
			 what & 8 ? STK_MSG_PEEK : 0, NULL);
		break;
	case 4:
		stk_shutdown(w->stk, w->now, fd, next(w) % 3);
		break;
	case 5:
		stk_close(w->stk, w->now, fd);
		break;
	case 6:
		option = (enum stk_option)(next(w) % 40);
		value = number(w);
		/* Whoever wants to wait for days may, but not here. */
		if (option == STK_TCP_USER_TIMEOUT)
			value %= 10000000;
		stk_option_set(w->stk, w->now, fd, option, value);
		break;
	case 7:
		if (what & 8)
			stk_connect(w->stk, w->now, stk_socket(w->stk, STK_STREAM), &to);
		else
			stk_send(w->stk, w->now, fd, bytes, number(w) % sizeof(bytes),
				 STK_MSG_FASTOPEN, &to);
		break;
	}
}

static void set(struct world *w, uint8_t bits)
{
	static const char *const settings[][2] = {
		{"net.ipv4.tcp_fastopen", "1027"}, {"net.ipv4.tcp_ecn", "1"},
		{"net.ipv4.tcp_recovery", "0"},	   {"net.ipv4.tcp_congestion_control", "reno"},
		{"net.ipv4.tcp_syncookies", "2"},  {"net.ipv4.tcp_mtu_probing", "2"},
		{"net.ipv4.tcp_frto", "0"},	   {"net.ipv4.tcp_max_syn_backlog", "2"},
	};

	for (unsigned i = 0; i < 8; i++)
		if (bits & 1u << i)
			stk_set(w->stk, 0, settings[i][0], settings[i][1]);
}

static void make(struct world *w, const uint8_t *input, size_t size)
{
	struct vs_pool_conf pool = {.bytes_max = (size_t)16 << 20};
	struct stk_conf conf = {.seed = 1, .name = "fuzz"};
	struct stk_if_conf interface = {.name = "eth"};
	struct stk_addr local = {.port = 80};

	memset(w, 0, sizeof(*w));
	w->at = input;
	w->end = input + size;
	host_arena_init(&w->arena, (size_t)64 << 20);
	vs_assert(!vs_pool_create(&w->pool, &pool, &w->arena));
	conf.pool = w->pool;
	vs_assert(!stk_create(&w->stk, &conf, &w->arena));
	memcpy(interface.mac, our_mac, WIRE_MAC_LEN);
	vs_assert(stk_if_add(w->stk, 0, &interface) == 1);
	vs_assert(!wire_addr_parse("10.0.0.1", &w->ours));
	vs_assert(!wire_addr_parse("10.0.0.2", &w->peer));
	vs_assert(!stk_addr_add(w->stk, 0, 1, &w->ours, 120));
	set(w, next(w));
	for (unsigned i = 0; i < FLOWS; i++)
		w->flow[i].port = (uint16_t)(i < 2 ? 7 + i : 5000 + i);
	/* 0: the listener; 1 and 2: our own connections, to the first two flows. */
	vs_assert(stk_socket(w->stk, STK_STREAM) == 0 && !stk_bind(w->stk, 0, &local) &&
		  !stk_listen(w->stk, 0, 2));
	for (int fd = 1; fd <= 2; fd++) {
		struct stk_addr to = end_of(&w->peer, w->flow[fd - 1].port);

		vs_assert(stk_socket(w->stk, STK_STREAM) == fd);
		stk_connect(w->stk, 0, fd, &to);
		settle(w);
	}
}

static void unmake(struct world *w)
{
	for (int fd = 0; fd < (int)w->stk->sockets_size; fd++)
		stk_close(w->stk, w->now, fd);
	settle(w);
	pass(w, w->now + 100000 * VS_SEC);
	for (const struct stk_socket *so = w->stk->all; so; so = so->all_next)
		vs_assert(so->proto != &tcp_proto);
	vs_assert(w->stk->counters[STK_TcpCurrEstab] == 0 && w->stk->tcp->hash_count == 0);
	vs_frame_put(w->last);
	stk_destroy(w->stk);
	vs_assert(vs_pool_stats(w->pool).frames_out == 0);
	vs_arena_fini(&w->arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct world w;
	uint8_t how;

	make(&w, input, size);
	how = next(&w);
	if (how & 1)
		open_well(&w, &w.flow[0], false, next(&w));
	if (how & 2)
		open_well(&w, &w.flow[2], true, next(&w));
	if (how & 4)
		open_well(&w, &w.flow[3], true, next(&w));
	if (how & 8)
		stk_accept(w.stk, w.now, 0, NULL);
	while (w.at < w.end) {
		uint8_t what = next(&w);

		switch (what & 7) {
		case 0:
			pass(&w, w.now + (vs_time)(what >> 3) * (what >> 3) * 10 * VS_MSEC);
			break;
		case 1:
		case 2:
			call(&w);
			break;
		case 3:
			icmp(&w);
			break;
		default:
			inject(&w, &w.flow[(what >> 3) % FLOWS]);
			break;
		}
		settle(&w);
	}
	unmake(&w);
	return 0;
}
