/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Random frames, moments and calls, into a router with open sockets of every kind. Whatever comes:
 * no crash, every frame that leaves can be read, and the pool comes back whole. The input is a list
 * of records: a byte that says what, two bytes of length, and that many bytes.
 *
 *   0  a frame as it is      1  an IP packet for us, its IPv4 checksum set right, and trusted
 *   2  time passes           3  a call on a socket           4  an interface goes down or up
 *   5  what leaves next comes back in, as if it were for us  6  a setting
 *   7  a message of ICMPv6 from a neighbour: discovery, listeners, redirects
 *   8  a message of IGMP		 9  a fragment		10  a call about groups
 *  11  from now on a host, no router, with everything on that a host can have on
 */
#include <string.h>

#include "core/base/assert.h"
#include "core/host/memory.h"
#include "core/wire/eth.h"
#include "stack/ip/ip.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define OPTIONS (STK_IP_MULTICAST_ALL + 1)

static const uint8_t our_mac[WIRE_MAC_LEN] = {2, 0, 0, 0, 0, 1};

struct world {
	struct vs_arena arena;
	struct vs_pool *pool;
	struct stk *stk;
	vs_time now;
	bool reflect;
};

static void address(struct world *w, int ifindex, const char *text)
{
	struct wire_addr addr;
	unsigned bits;

	vs_assert(!wire_addr_parse_prefix(text, &addr, &bits));
	vs_assert(!stk_addr_add(w->stk, 0, ifindex, &addr, bits));
}

static void open_sockets(struct world *w)
{
	static const int types[] = {STK_STREAM, STK_STREAM, STK_DGRAM, STK_DGRAM, STK_PING};
	struct stk_addr peer = {.port = 7};

	vs_assert(!wire_addr_parse("10.0.0.2", &peer.addr));
	for (unsigned i = 0; i < 5; i++) {
		struct stk_addr local = {.port = (uint16_t)(7 + i)};
		int fd = stk_socket(w->stk, types[i]);

		vs_assert(fd == (int)i);
		vs_assert(!stk_bind(w->stk, fd, &local));
		if (i == 0)
			vs_assert(!stk_listen(w->stk, fd, 4));
		if (i == 1 || i == 3)
			stk_connect(w->stk, 0, fd, &peer);
	}
}

static void make(struct world *w)
{
	struct vs_pool_conf pool = {.bytes_max = (size_t)4 << 20};
	struct stk_conf conf = {.seed = 1, .name = "fuzz", .forwarding = true};
	struct stk_if_conf interface = {.name = "eth"};
	struct stk_route route = {.bits = 96, .ifindex = 2, .dst = wire_addr_any4};

	memset(w, 0, sizeof(*w));
	host_arena_init(&w->arena, (size_t)16 << 20);
	vs_assert(!vs_pool_create(&w->pool, &pool, &w->arena));
	conf.pool = w->pool;
	vs_assert(!stk_create(&w->stk, &conf, &w->arena));
	memcpy(interface.mac, our_mac, WIRE_MAC_LEN);
	vs_assert(stk_if_add(w->stk, 0, &interface) == 1);
	interface.mac[5] = 2;
	interface.mtu = 1280;
	vs_assert(stk_if_add(w->stk, 0, &interface) == 2);
	address(w, 1, "10.0.0.1/24");
	address(w, 1, "2001:db8::1/64");
	address(w, 2, "10.0.1.1/24");
	address(w, 2, "2001:db8:1::1/64");
	vs_assert(!wire_addr_parse("10.0.1.2", &route.via));
	vs_assert(!stk_route_add(w->stk, 0, &route));
	open_sockets(w);
}

/* Takes f: looks at a frame that left. */
static void left(struct world *w, struct vs_frame *f, int ifindex)
{
	struct wire_eth eth;
	struct wire_ip ip;
	int len = wire_eth_parse(&eth, f->data, f->len);

	vs_assert(len == WIRE_ETH_LEN && (ifindex == 1 || ifindex == 2));
	vs_assert(f->len <= WIRE_ETH_LEN + (ifindex == 1 ? 1500 : 1280));
	if (eth.type == WIRE_TYPE_IP4)
		vs_assert(wire_ip_parse(&ip, f->data + len, f->len - (size_t)len) > 0);
	if (w->reflect) {
		w->reflect = false;
		memcpy(f->data, our_mac, WIRE_MAC_LEN);
		stk_input(w->stk, w->now, 1, f);
	} else {
		vs_frame_put(f);
	}
}

static void settle(struct world *w)
{
	struct vs_frame *f;
	unsigned readiness;
	int ifindex, fd;

	while ((f = stk_output(w->stk, &ifindex)))
		left(w, f, ifindex);
	while ((fd = stk_event(w->stk, &readiness)) >= 0)
		vs_assert(stk_readiness(w->stk, fd) == readiness);
}

static void pass(struct world *w, const uint8_t *arg, size_t len)
{
	vs_time until = w->now + (len > 1 ? wire_get16(arg) * 10 * VS_MSEC : VS_MSEC);

	for (unsigned i = 0; i < 200; i++) {
		vs_time next = stk_poll_at(w->stk);

		if (next > until)
			break;
		w->now = next > w->now ? next : w->now;
		stk_run(w->stk, w->now);
		settle(w);
	}
	w->now = until;
	stk_run(w->stk, w->now);
}

static void frame(struct world *w, const uint8_t *arg, size_t len, bool cooked)
{
	struct vs_frame *f = vs_frame_from(w->pool, arg, len);
	struct wire_eth eth = {.src = {2, 0, 0, 0, 0, 9}};

	if (!f)
		return;
	if (cooked) {
		size_t header = len ? (arg[0] & 0xfu) * 4 : 0;

		memcpy(eth.dst, our_mac, WIRE_MAC_LEN);
		eth.type = len && arg[0] >> 4 == 6 ? WIRE_TYPE_IP6 : WIRE_TYPE_IP4;
		if (eth.type == WIRE_TYPE_IP4 && header >= WIRE_IP4_LEN && header <= len) {
			wire_put16(f->data + 10, 0);
			wire_put16(f->data + 10,
				   wire_cksum_fold(wire_cksum_add(0, f->data, header)));
		}
		f->flags |= VS_FRAME_TRUSTED;
		wire_eth_emit(vs_frame_push(f, WIRE_ETH_LEN), &eth);
	}
	stk_input(w->stk, w->now, 1, f);
}

static void call(struct world *w, const uint8_t *arg, size_t len)
{
	static uint8_t buf[70000];
	struct stk_addr addr = {.port = 7};
	int fd = len > 1 ? arg[1] % 12 : 0;
	int64_t value = len > 2 ? arg[2] : 0;
	struct stk_msg msg = {.ttl = len > 20 ? arg[20] : -1, .tos = -1};

	if (len >= 18)
		memcpy(addr.addr.b, arg + 2, 16);
	switch (len ? arg[0] % 13 : 0) {
	case 0:
		stk_socket(w->stk, 1 + fd % 3);
		break;
	case 1:
		stk_bind(w->stk, fd, &addr);
		break;
	case 2:
		stk_connect(w->stk, w->now, fd, &addr);
		break;
	case 3:
		stk_send(w->stk, w->now, fd, arg, len, 0, NULL);
		break;
	case 4:
		stk_send(w->stk, w->now, fd, buf, len > 19 ? wire_get16(arg + 18) : 8, 0, &addr);
		break;
	case 5:
		stk_recv(w->stk, w->now, fd, buf, sizeof(buf), (int)(value & STK_MSG_PEEK), &addr);
		break;
	case 6:
		stk_close(w->stk, w->now, fd);
		break;
	case 7:
		stk_shutdown(w->stk, w->now, fd, (int)value % 3);
		break;
	case 8:
		stk_accept(w->stk, w->now, fd, &addr);
		break;
	case 9:
		stk_option_set(w->stk, w->now, fd, (enum stk_option)(value % OPTIONS), len);
		break;
	case 10:
		stk_option_get(w->stk, fd, (enum stk_option)(value % OPTIONS), &value);
		break;
	case 11:
		stk_recv_msg(w->stk, w->now, fd, buf, sizeof(buf),
			     value & 1 ? STK_MSG_ERRQUEUE : 0, &msg);
		break;
	case 12:
		msg.peer = addr;
		stk_send_msg(w->stk, w->now, fd, buf, len > 19 ? wire_get16(arg + 18) : 8, 0, &msg);
		break;
	}
}

/* Puts an IP header in front of f and lets it in, as from a neighbour. */
static void let_in(struct world *w, const struct wire_ip *ip, const uint8_t *mac,
		   struct vs_frame *f)
{
	struct wire_eth eth = {.src = {2, 0, 0, 0, 0, 9}};

	wire_ip_emit(vs_frame_push(f, ip->header_len), ip);
	memcpy(eth.dst, mac, WIRE_MAC_LEN);
	eth.type = ip->version == 4 ? WIRE_TYPE_IP4 : WIRE_TYPE_IP6;
	f->flags |= VS_FRAME_TRUSTED;
	wire_eth_emit(vs_frame_push(f, WIRE_ETH_LEN), &eth);
	stk_input(w->stk, w->now, 1, f);
}

/* arg: where from and to; then the message, whose checksum nobody reads. */
static void message6(struct world *w, const uint8_t *arg, size_t len)
{
	static const char *const to[] = {"ff02::1", "fe80::ff:fe00:1", "2001:db8::1",
					 "ff02::1:ff00:1"};
	static const char *const from[] = {"fe80::2", "fe80::3", "::", "2001:db8::2"};
	struct wire_ip ip = {.version = 6, .protocol = WIRE_PROTO_ICMP6, .hop_limit = 255,
			     .header_len = WIRE_IP6_LEN};
	struct vs_frame *f = len > 1 ? vs_frame_from(w->pool, arg + 1, len - 1) : NULL;
	bool listener = len > 1 && ((arg[1] >= 130 && arg[1] <= 132) || arg[1] == 143);
	uint8_t mac[WIRE_MAC_LEN];

	if (!f)
		return;
	vs_assert(!wire_addr_parse(to[arg[0] & 3], &ip.dst));
	vs_assert(!wire_addr_parse(from[arg[0] >> 2 & 3], &ip.src));
	memcpy(mac, our_mac, sizeof(mac));
	if (listener) {
		memcpy(vs_frame_push(f, 8), "\72\0\5\2\0\0\1\0", 8);
		ip.protocol = WIRE_PROTO_HOPOPTS;
		ip.hop_limit = 1;
	}
	if (wire_addr_is_multicast(&ip.dst))
		wire_addr_multicast_mac(&ip.dst, mac);
	ip.payload_len = f->len;
	let_in(w, &ip, mac, f);
}

static void igmp(struct world *w, const uint8_t *arg, size_t len)
{
	struct wire_ip ip = {.version = 4, .protocol = WIRE_PROTO_IGMP, .hop_limit = 1};
	struct vs_frame *f = len > 1 ? vs_frame_from(w->pool, arg + 1, len - 1) : NULL;
	uint8_t mac[WIRE_MAC_LEN], *header;
	struct wire_eth eth = {.src = {2, 0, 0, 0, 0, 9}, .type = WIRE_TYPE_IP4};
	size_t payload = len - 1;

	if (!f)
		return;
	vs_assert(!wire_addr_parse("10.0.0.2", &ip.src));
	vs_assert(!wire_addr_parse("224.0.0.1", &ip.dst));
	if ((arg[0] & 1) && len >= 9)
		memcpy(ip.dst.b + 12, arg + 5, 4);
	memcpy(vs_frame_push(f, 4), "\224\4\0\0", 4);
	header = vs_frame_push(f, WIRE_IP4_LEN);
	wire_ip_emit(header, &ip);
	ip_header4_finish(header, 24, payload);
	wire_addr_multicast_mac(&ip.dst, mac);
	memcpy(eth.dst, mac, WIRE_MAC_LEN);
	f->flags |= VS_FRAME_TRUSTED;
	wire_eth_emit(vs_frame_push(f, WIRE_ETH_LEN), &eth);
	stk_input(w->stk, w->now, 1, f);
}

/* arg: family, more, source; offset in eights; identification; protocol; bytes. */
static void fragment(struct world *w, const uint8_t *arg, size_t len)
{
	bool is4 = len && arg[0] & 1;
	struct wire_ip ip = {.version = is4 ? 4 : 6, .hop_limit = 9};
	struct vs_frame *f = len > 5 ? vs_frame_from(w->pool, arg + 5, len - 5) : NULL;

	if (!f)
		return;
	vs_assert(!wire_addr_parse(is4 ? "10.0.0.2" : "2001:db8::2", &ip.src));
	vs_assert(!wire_addr_parse(is4 ? "10.0.0.1" : "2001:db8::1", &ip.dst));
	ip.src.b[15] += arg[0] >> 2 & 7;
	ip.more_fragments = arg[0] & 2;
	ip.fragment_offset = (uint16_t)(wire_get16(arg + 1) << 3);
	ip.id = arg[3];
	ip.protocol = arg[4];
	ip.payload_len = f->len;
	ip.header_len = is4 ? WIRE_IP4_LEN
			: ip.fragment_offset || ip.more_fragments
				? WIRE_IP6_LEN + WIRE_FRAGMENT_LEN
				: WIRE_IP6_LEN;
	let_in(w, &ip, our_mac, f);
}

/* arg: socket, what, group, source. */
static void group(struct world *w, const uint8_t *arg, size_t len)
{
	struct stk_addr g = {.ifindex = len > 4 ? arg[4] % 4 : 1};
	struct wire_addr source, list[8];
	unsigned count = 8;
	bool exclude;

	if (len < 4)
		return;
	vs_assert(!wire_addr_parse(arg[2] & 0x80 ? "239.0.0.0" : "ff0e::", &g.addr));
	vs_assert(!wire_addr_parse(arg[2] & 0x80 ? "10.0.0.0" : "2001:db8::", &source));
	g.addr.b[15] = arg[2] & 7;
	source.b[15] = arg[3] & 15;
	for (unsigned i = 0; i < 8; i++) {
		list[i] = source;
		list[i].b[15] += (uint8_t)i;
	}
	if (arg[1] % 8 < 6)
		stk_group(w->stk, w->now, arg[0] % 12, (enum stk_group_op)(arg[1] % 8), &g,
			  &source);
	else if (arg[1] % 8 == 6)
		stk_group_filter_set(w->stk, w->now, arg[0] % 12, &g, arg[3] & 16, list,
				     arg[3] >> 5);
	else
		stk_group_filter_get(w->stk, arg[0] % 12, &g, &exclude, list, &count);
}

static void everything_on(struct world *w)
{
	static const char *const settings[][2] = {
		{"net.ipv4.ip_forward", "0"},
		{"net.ipv6.conf.all.forwarding", "0"},
		{"net.ipv6.conf.all.accept_dad", "2"},
		{"net.ipv4.conf.all.acd", "1"},
		{"net.ipv6.conf.all.accept_ra_rt_info_max_plen", "128"},
		{"net.ipv6.conf.all.use_tempaddr", "2"},
		{"net.ipv6.conf.all.addr_gen_mode", "3"},
		{"net.ipv6.conf.all.mld_own_reports", "1"},
		{"net.ipv6.conf.all.accept_ra", "1"},
	};
	struct stk_route route = {.bits = 112};
	struct wire_addr addr;

	/* Somebody to be redirected by. */
	vs_assert(!wire_addr_parse("10.9.0.0", &route.dst));
	vs_assert(!wire_addr_parse("10.0.0.2", &route.via));
	stk_route_add(w->stk, w->now, &route);
	for (unsigned i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		vs_assert(!stk_set(w->stk, w->now, settings[i][0], settings[i][1]));
	vs_assert(!wire_addr_parse("10.0.0.77", &addr));
	stk_addr_add(w->stk, w->now, 1, &addr, 120);
	vs_assert(!wire_addr_parse("2001:db8::77", &addr));
	stk_addr_add(w->stk, w->now, 1, &addr, 64);
}

static void setting(struct world *w, const uint8_t *arg, size_t len)
{
	char name[64] = "", value[64];
	size_t n = len < sizeof(name) - 1 ? len : sizeof(name) - 1;
	char *cut;

	memcpy(name, arg, n);
	name[n] = '\0';
	cut = strchr(name, '=');
	if (cut) {
		*cut = '\0';
		stk_set(w->stk, w->now, name, cut + 1);
	}
	stk_get(w->stk, name, value, sizeof(value));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct world w;

	make(&w);
	settle(&w);
	while (size >= 3) {
		unsigned what = bytes[0] % 12;
		size_t len = wire_get16(bytes + 1);
		const uint8_t *arg = bytes + 3;

		len = len < size - 3 ? len : size - 3;
		if (what <= 1)
			frame(&w, arg, len, what == 1);
		else if (what == 2)
			pass(&w, arg, len);
		else if (what == 3)
			call(&w, arg, len);
		else if (what == 4)
			stk_if_set_up(w.stk, w.now, 1 + (len ? arg[0] & 1 : 0),
				      len > 1 && arg[1] & 1);
		else if (what == 5)
			w.reflect = true;
		else if (what == 6)
			setting(&w, arg, len);
		else if (what == 7)
			message6(&w, arg, len);
		else if (what == 8)
			igmp(&w, arg, len);
		else if (what == 9)
			fragment(&w, arg, len);
		else if (what == 10)
			group(&w, arg, len);
		else
			everything_on(&w);
		settle(&w);
		bytes = arg + len;
		size -= 3 + len;
	}
	stk_destroy(w.stk);
	vs_assert(vs_pool_stats(w.pool).frames_out == 0);
	vs_arena_fini(&w.arena);
	return 0;
}
