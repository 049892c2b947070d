/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Requirements of RFC 9293 about what is between TCP and IP: addresses, Diffserv, TTL, ICMP.
 * docs/rfc9293.md says which test proves which.
 */
#include "stack/wire_for_test.h"

#include "core/wire/tcp.h"

struct seen {
	struct wire_ip ip; /* of the last TCP segment */
	struct wire_tcp tcp;
	unsigned segments, from_a; /* all; and those that host 0 sent */
};

static bool watch(struct net *n, int from, const struct vs_frame *f)
{
	struct seen *seen = n->look_ctx;
	struct wire_eth eth;
	struct wire_ip ip;
	int at = wire_eth_parse(&eth, f->data, f->len), header;

	if (eth.type != WIRE_TYPE_IP4 && eth.type != WIRE_TYPE_IP6)
		return true;
	header = wire_ip_parse(&ip, f->data + at, f->len - (size_t)at);
	if (header < 0 || ip.protocol != WIRE_PROTO_TCP)
		return true;
	seen->segments++;
	if (from == 0) {
		seen->from_a++;
		seen->ip = ip;
		wire_tcp_parse(&seen->tcp, f->data + at + header, ip.payload_len);
	}
	return true;
}

static void begin(struct net *n, struct seen *seen)
{
	net_pair(n, 1500);
	memset(seen, 0, sizeof(*seen));
	n->look = watch;
	n->look_ctx = seen;
}

static int listening(struct net *n, int host, uint16_t port)
{
	struct stk_addr local = {.port = port};
	int fd = stk_socket(n->host[host], STK_STREAM);

	assert_int_equal(stk_bind(n->host[host], fd, &local), 0);
	assert_int_equal(stk_listen(n->host[host], fd, 5), 0);
	return fd;
}

/* A SYN to port 80 of host 1 as it may be forged, with the right checksum. */
static void syn(struct net *n, const char *src, const char *dst, bool group_mac)
{
	struct wire_tcp h = {.src_port = 5000, .dst_port = 80, .flags = WIRE_TCP_SYN,
			     .window = 1000};
	struct wire_ip ip = {.version = 4, .hop_limit = 64, .protocol = WIRE_PROTO_TCP,
			     .header_len = WIRE_IP4_LEN, .payload_len = WIRE_TCP_LEN,
			     .src = address(src), .dst = address(dst)};
	struct wire_eth eth = {.dst = {2, 0, 0, 0, 1, 1}, .src = {2, 0, 0, 0, 0, 1},
			       .type = WIRE_TYPE_IP4};
	struct vs_frame *f = vs_frame_new(n->pool, WIRE_TCP_LEN, 0);
	uint32_t sum = wire_cksum_pseudo(&ip.src, &ip.dst, WIRE_PROTO_TCP, WIRE_TCP_LEN);

	if (group_mac)
		memset(eth.dst, 0xff, sizeof(eth.dst));
	wire_tcp_emit(f->data, &h);
	wire_put16(f->data + 16, wire_cksum_fold(wire_cksum_add(sum, f->data, f->len)));
	wire_ip_emit(vs_frame_push(f, WIRE_IP4_LEN), &ip);
	wire_eth_emit(vs_frame_push(f, WIRE_ETH_LEN), &eth);
	stk_input(n->host[1], n->now, 1, f);
	net_settle(n);
}

/* MUST-57, MUST-63. */
static void syn_to_many_or_from_nobody_is_dropped_in_silence(void **state)
{
	static const char *const bad[][2] = {
		{"10.0.0.1", "10.0.0.255"}, {"10.0.0.1", "255.255.255.255"},
		{"10.0.0.1", "224.0.0.1"},  {"224.0.0.1", "10.0.0.2"},
		{"10.0.0.255", "10.0.0.2"}, {"255.255.255.255", "10.0.0.2"},
		{"0.0.0.0", "10.0.0.2"},    {"127.0.0.1", "10.0.0.2"},
		{"10.0.0.2", "10.0.0.2"},
	};
	struct seen seen;
	struct net n;

	(void)state;
	begin(&n, &seen);
	listening(&n, 1, 80);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		syn(&n, bad[i][0], bad[i][1], i < 3);
	net_run(&n, 10 * VS_SEC);
	assert_int_equal(seen.segments, 0);
	/* And one that is right is answered. */
	syn(&n, "10.0.0.1", "10.0.0.2", false);
	net_run(&n, n.now + VS_SEC);
	assert_true(seen.segments > 0);
	net_fini(&n);
}

/* MUST-46. */
static void nobody_connects_to_many(void **state)
{
	static const char *const bad[] = {"224.0.0.1", "255.255.255.255", "10.0.0.255", "ff02::1",
					  "0.0.0.0"};
	struct seen seen;
	struct net n;

	(void)state;
	begin(&n, &seen);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct stk_addr to = at(bad[i], 80);
		int fd = stk_socket(n.host[0], STK_STREAM);
		int error = stk_connect(n.host[0], n.now, fd, &to);

		assert_true(error < 0 && error != -EINPROGRESS);
	}
	net_run(&n, 5 * VS_SEC);
	assert_int_equal(seen.segments, 0);
	net_fini(&n);
}

/* MUST-43, MUST-44, MUST-45. */
static void local_address_is_asked_for_or_given_and_stays(void **state)
{
	struct stk_addr to, local;
	struct seen seen;
	struct net n;

	(void)state;
	begin(&n, &seen);
	net_address(&n, 0, 1, "10.0.0.77/24");
	listening(&n, 1, 80);
	to = at("10.0.0.2", 80);
	for (unsigned given = 0; given < 2; given++) {
		struct wire_addr want = address(given ? "10.0.0.77" : "10.0.0.1");
		int fd = stk_socket(n.host[0], STK_STREAM);

		local = at("10.0.0.77", 0);
		if (given)
			assert_int_equal(stk_bind(n.host[0], fd, &local), 0);
		assert_int_equal(stk_connect(n.host[0], n.now, fd, &to), -EINPROGRESS);
		net_run(&n, n.now + VS_SEC);
		assert_true(wire_addr_equal(&seen.ip.src, &want));
		assert_int_equal(stk_send(n.host[0], n.now, fd, "text", 4, 0, NULL), 4);
		net_run(&n, n.now + VS_SEC);
		assert_true(wire_addr_equal(&seen.ip.src, &want));
	}
	net_fini(&n);
}

/* MUST-48, MUST-49, SHLD-21, SHLD-22. */
static void diffserv_and_ttl_are_the_applications_at_any_time(void **state)
{
	struct stk_addr to;
	struct seen seen;
	struct net n;
	int fd;

	(void)state;
	begin(&n, &seen);
	listening(&n, 1, 80);
	to = at("10.0.0.2", 80);
	fd = stk_socket(n.host[0], STK_STREAM);
	assert_int_equal(stk_option_set(n.host[0], 0, fd, STK_IP_TOS, 0xb8), 0);
	assert_int_equal(stk_option_set(n.host[0], 0, fd, STK_IP_TTL, 9), 0);
	assert_int_equal(stk_connect(n.host[0], n.now, fd, &to), -EINPROGRESS);
	net_run(&n, n.now + VS_SEC);
	assert_int_equal(seen.ip.tclass, 0xb8);
	assert_int_equal(seen.ip.hop_limit, 9);
	assert_int_equal(stk_option_set(n.host[0], n.now, fd, STK_IP_TOS, 0x28), 0);
	stk_send(n.host[0], n.now, fd, "text", 4, 0, NULL);
	net_run(&n, n.now + VS_SEC);
	assert_int_equal(seen.ip.tclass, 0x28);
	net_fini(&n);
}

/* An ICMP error about the last segment that host 0 sent. */
static void icmp(struct net *n, const struct seen *seen, uint8_t type, uint8_t code)
{
	struct wire_ip ip = {.version = 4, .hop_limit = 64, .protocol = WIRE_PROTO_ICMP,
			     .header_len = WIRE_IP4_LEN, .payload_len = 8 + 28,
			     .src = seen->ip.dst, .dst = seen->ip.src};
	struct wire_eth eth = {.dst = {2, 0, 0, 0, 0, 1}, .src = {2, 0, 0, 0, 1, 1},
			       .type = WIRE_TYPE_IP4};
	struct wire_ip quoted = seen->ip;
	struct vs_frame *f = vs_frame_new(n->pool, 8 + 28, 0);

	memset(f->data, 0, f->len);
	f->data[0] = type;
	f->data[1] = code;
	quoted.header_len = WIRE_IP4_LEN;
	wire_ip_emit(f->data + 8, &quoted);
	wire_put16(f->data + 28, seen->tcp.src_port);
	wire_put16(f->data + 30, seen->tcp.dst_port);
	wire_put32(f->data + 32, seen->tcp.seq);
	wire_put16(f->data + 2, wire_cksum_fold(wire_cksum_add(0, f->data, f->len)));
	wire_ip_emit(vs_frame_push(f, WIRE_IP4_LEN), &ip);
	wire_eth_emit(vs_frame_push(f, WIRE_ETH_LEN), &eth);
	stk_input(n->host[0], n->now, 1, f);
}

static bool lose_all(struct net *n, int from, const struct vs_frame *f)
{
	watch(n, from, f);
	return false;
}

/* MUST-47, MUST-54, MUST-55, MUST-56, SHLD-25. */
static void soft_errors_end_nothing_and_are_told_when_it_times_out(void **state)
{
	struct stk_addr to;
	struct seen seen;
	struct net n;
	int64_t error;
	int fd;

	(void)state;
	begin(&n, &seen);
	listening(&n, 1, 80);
	to = at("10.0.0.2", 80);
	fd = stk_socket(n.host[0], STK_STREAM);
	assert_int_equal(stk_connect(n.host[0], n.now, fd, &to), -EINPROGRESS);
	net_run(&n, n.now + VS_SEC);
	n.look = lose_all;
	stk_send(n.host[0], n.now, fd, "text", 4, 0, NULL);
	net_settle(&n);
	icmp(&n, &seen, WIRE_ICMP4_UNREACHABLE, 1); /* host unreachable */
	/* Source quench (RFC 6633) means nothing: what was remembered stays. */
	icmp(&n, &seen, 4, 0);
	net_run(&n, n.now + 60 * VS_SEC);
	assert_int_equal(stk_send(n.host[0], n.now, fd, "more", 4, 0, NULL), 4);
	net_run(&n, n.now + 3000 * VS_SEC);
	assert_int_equal(stk_option_get(n.host[0], fd, STK_SO_ERROR, &error), 0);
	assert_int_equal(error, EHOSTUNREACH);
	net_fini(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(syn_to_many_or_from_nobody_is_dropped_in_silence),
		cmocka_unit_test(nobody_connects_to_many),
		cmocka_unit_test(local_address_is_asked_for_or_given_and_stays),
		cmocka_unit_test(diffserv_and_ttl_are_the_applications_at_any_time),
		cmocka_unit_test(soft_errors_end_nothing_and_are_told_when_it_times_out),
	};

	return cmocka_run_group_tests_name("tcp_rfc9293_ip", tests, NULL, NULL);
}
