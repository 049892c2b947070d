/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* UDP sockets between hosts, in virtual time. */
#include "stack/no_tcp_for_test.h"
#include "stack/wire_for_test.h"

static int udp(struct net *n, int host, const char *addr, uint16_t port)
{
	struct stk_addr local = at(addr, port);
	int fd = stk_socket(n->host[host], STK_DGRAM);

	assert_true(fd >= 0);
	assert_int_equal(stk_bind(n->host[host], fd, &local), 0);
	return fd;
}

static void say(struct net *n, int host, int fd, const char *text, const char *to, uint16_t port)
{
	struct stk_addr dst = at(to, port);

	assert_int_equal(stk_send(n->host[host], n->now, fd, text, strlen(text), 0, &dst),
			 strlen(text));
	net_run(n, n->now + VS_MSEC);
}

static bool heard(struct net *n, int host, int fd, const char *text)
{
	char buf[256];
	ptrdiff_t len = stk_recv(n->host[host], n->now, fd, buf, sizeof(buf), 0, NULL);

	if (len == -EAGAIN)
		return false;
	assert_int_equal(len, strlen(text));
	assert_memory_equal(buf, text, strlen(text));
	return true;
}

static void closest_binding_gets_the_message(void **state)
{
	struct stk_addr peer = at("10.0.0.1", 5);
	struct net n;
	int any6, any4, one, connected, a, b;

	(void)state;
	net_pair(&n, 0);
	a = udp(&n, 0, "::", 5);
	b = udp(&n, 0, "::", 6);
	any6 = stk_socket(n.host[1], STK_DGRAM);
	stk_option_set(n.host[1], 0, any6, STK_SO_REUSEADDR, 1);
	stk_bind(n.host[1], any6, &(struct stk_addr){.port = 9});
	any4 = stk_socket(n.host[1], STK_DGRAM);
	stk_option_set(n.host[1], 0, any4, STK_SO_REUSEADDR, 1);
	assert_int_equal(stk_bind(n.host[1], any4, &(struct stk_addr){wire_addr_any4, 9, 0}), 0);
	say(&n, 0, a, "to any4", "10.0.0.2", 9);
	assert_true(heard(&n, 1, any4, "to any4"));
	say(&n, 0, a, "to any6", "2001:db8::2", 9);
	assert_true(heard(&n, 1, any6, "to any6"));
	one = stk_socket(n.host[1], STK_DGRAM);
	stk_option_set(n.host[1], 0, one, STK_SO_REUSEADDR, 1);
	peer = at("10.0.0.2", 9);
	assert_int_equal(stk_bind(n.host[1], one, &peer), 0);
	say(&n, 0, a, "to one", "10.0.0.2", 9);
	assert_true(heard(&n, 1, one, "to one"));
	connected = stk_socket(n.host[1], STK_DGRAM);
	stk_option_set(n.host[1], 0, connected, STK_SO_REUSEADDR, 1);
	assert_int_equal(stk_bind(n.host[1], connected, &peer), 0);
	peer = at("10.0.0.1", 5);
	assert_int_equal(stk_connect(n.host[1], n.now, connected, &peer), 0);
	say(&n, 0, a, "from the peer", "10.0.0.2", 9);
	say(&n, 0, b, "from another", "10.0.0.2", 9);
	assert_true(heard(&n, 1, connected, "from the peer"));
	assert_false(heard(&n, 1, connected, "nothing"));
	assert_true(heard(&n, 1, one, "from another"));
	net_fini(&n);
}

static void bindings_conflict_only_where_they_overlap(void **state)
{
	struct stk_addr any6 = at("::", 9), any4 = {wire_addr_any4, 9, 0}, one = at("10.0.0.1", 9),
			six = at("2001:db8::1", 9), not_ours = at("10.0.0.9", 9);
	struct net n;
	struct stk *s;
	int fd;

	(void)state;
	net_pair(&n, 0);
	s = n.host[0];
	fd = stk_socket(s, STK_DGRAM);
	assert_int_equal(stk_bind(s, fd, &not_ours), -EADDRNOTAVAIL);
	assert_int_equal(stk_bind(s, fd, &any4), 0);
	assert_int_equal(stk_bind(s, fd, &any4), -EINVAL);
	assert_int_equal(stk_bind(s, stk_socket(s, STK_DGRAM), &one), -EADDRINUSE);
	assert_int_equal(stk_bind(s, stk_socket(s, STK_DGRAM), &any6), -EADDRINUSE);
	assert_int_equal(stk_bind(s, stk_socket(s, STK_DGRAM), &six), 0);
	stk_close(s, 0, fd);
	assert_int_equal(stk_bind(s, stk_socket(s, STK_DGRAM), &one), 0);
	fd = stk_socket(s, STK_DGRAM);
	assert_int_equal(stk_option_set(s, 0, fd, STK_IPV6_V6ONLY, 1), 0);
	assert_int_equal(stk_bind(s, fd, &any4), -EINVAL);
	assert_int_equal(stk_bind(s, fd, &any6), -EADDRINUSE);
	net_fini(&n);
}

static void v6only_socket_hears_no_ipv4(void **state)
{
	struct stk_addr any = at("::", 9), v4 = at("10.0.0.1", 5);
	struct net n;
	int fd, a;

	(void)state;
	net_pair(&n, 0);
	a = udp(&n, 0, "::", 5);
	fd = stk_socket(n.host[1], STK_DGRAM);
	assert_int_equal(stk_option_set(n.host[1], 0, fd, STK_IPV6_V6ONLY, 1), 0);
	assert_int_equal(stk_bind(n.host[1], fd, &any), 0);
	say(&n, 0, a, "four", "10.0.0.2", 9);
	assert_false(heard(&n, 1, fd, ""));
	say(&n, 0, a, "six", "2001:db8::2", 9);
	assert_true(heard(&n, 1, fd, "six"));
	assert_int_equal(stk_send(n.host[1], n.now, fd, "x", 1, 0, &v4), -ENETUNREACH);
	net_fini(&n);
}

static void sender_is_named_and_long_messages_are_cut(void **state)
{
	struct stk_addr from;
	struct net n;
	char buf[4];
	int a, b;

	(void)state;
	net_pair(&n, 0);
	a = udp(&n, 0, "::", 5);
	b = udp(&n, 1, "::", 9);
	say(&n, 0, a, "a long message", "10.0.0.2", 9);
	say(&n, 0, a, "second", "10.0.0.2", 9);
	assert_int_equal(stk_recv(n.host[1], n.now, b, buf, 4, STK_MSG_PEEK | STK_MSG_TRUNC, &from),
			 14);
	assert_int_equal(stk_recv(n.host[1], n.now, b, buf, 4, 0, &from), 4);
	assert_memory_equal(buf, "a lo", 4);
	assert_int_equal(from.port, 5);
	assert_true(wire_addr_equal(&from.addr, &(struct wire_addr){{0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
								     255, 255, 10, 0, 0, 1}}));
	assert_true(heard(&n, 1, b, "second"));
	assert_false(heard(&n, 1, b, ""));
	net_fini(&n);
}

static void receive_queue_is_bounded_in_bytes(void **state)
{
	struct net n;
	int64_t size;
	unsigned got = 0;
	int a, b;

	(void)state;
	net_pair(&n, 0);
	a = udp(&n, 0, "::", 5);
	b = udp(&n, 1, "::", 9);
	assert_int_equal(stk_option_set(n.host[1], 0, b, STK_SO_RCVBUF, 10000), 0);
	assert_int_equal(stk_option_get(n.host[1], b, STK_SO_RCVBUF, &size), 0);
	assert_int_equal(size, 20000);
	for (unsigned i = 0; i < 200; i++)
		say(&n, 0, a, "message", "10.0.0.2", 9);
	assert_true(vs_pool_stats(n.pool).bytes_held < (size_t)1 << 20);
	while (heard(&n, 1, b, "message"))
		got++;
	assert_in_range(got, 20, 60);
	assert_int_equal(counter(&n, 1, "UdpRcvbufErrors"), 200 - got);
	net_fini(&n);
}

static void refusal_reaches_connected_sockets_alone(void **state)
{
	static const char *const peers[] = {"10.0.0.2", "2001:db8::2"};
	struct net n;

	(void)state;
	net_pair(&n, 0);
	for (unsigned i = 0; i < 2; i++) {
		struct stk_addr to = at(peers[i], 99);
		int alone = udp(&n, 0, "::", 0), fd = udp(&n, 0, "::", 0);
		unsigned ready;

		assert_int_equal(stk_connect(n.host[0], n.now, fd, &to), 0);
		net_run(&n, n.now + VS_MSEC);
		while (stk_event(n.host[0], &ready) >= 0)
			;
		say(&n, 0, alone, "hi", peers[i], 99);
		assert_int_equal(stk_event(n.host[0], &ready), -1);
		assert_int_equal(stk_send(n.host[0], n.now, fd, "hi", 2, 0, NULL), 2);
		net_run(&n, n.now + VS_MSEC);
		assert_int_equal(stk_event(n.host[0], &ready), fd);
		assert_true(ready & STK_ERR);
		assert_int_equal(stk_send(n.host[0], n.now, fd, "hi", 2, 0, NULL), -ECONNREFUSED);
		assert_int_equal(stk_send(n.host[0], n.now, fd, "hi", 2, 0, NULL), 2);
	}
	net_fini(&n);
}

static void broadcast_needs_permission_and_reaches_all(void **state)
{
	static const char *const groups[] = {"255.255.255.255", "10.0.0.255", "ff02::1"};
	struct net n;
	int a, b, c;

	(void)state;
	net_pair(&n, 0);
	a = udp(&n, 0, "::", 5);
	b = udp(&n, 1, "10.0.0.2", 9);
	(void)b;
	c = stk_socket(n.host[1], STK_DGRAM);
	stk_option_set(n.host[1], 0, c, STK_SO_REUSEADDR, 1);
	assert_int_equal(stk_bind(n.host[1], c, &(struct stk_addr){.port = 10}), 0);
	b = stk_socket(n.host[1], STK_DGRAM);
	stk_option_set(n.host[1], 0, b, STK_SO_REUSEADDR, 1);
	assert_int_equal(stk_bind(n.host[1], b, &(struct stk_addr){.port = 10}), 0);
	for (unsigned i = 0; i < 3; i++) {
		struct stk_addr to = at(groups[i], 10);

		if (i < 2) {
			stk_option_set(n.host[0], 0, a, STK_SO_BROADCAST, 0);
			assert_int_equal(stk_send(n.host[0], n.now, a, "all", 3, 0, &to), -EACCES);
			stk_option_set(n.host[0], 0, a, STK_SO_BROADCAST, 1);
		}
		say(&n, 0, a, "all", groups[i], 10);
		assert_true(heard(&n, 1, b, "all"));
		assert_true(heard(&n, 1, c, "all"));
		/* Nobody at that port: no error comes back to a group. */
		say(&n, 0, a, "all", groups[i], 77);
	}
	assert_int_equal(counter(&n, 1, "UdpNoPorts"), 3);
	assert_int_equal(counter(&n, 0, "IcmpInMsgs"), 0);
	net_fini(&n);
}

static void checksum_is_verified_and_ipv6_must_have_one(void **state)
{
	struct wire_eth eth = {.dst = {2, 0, 0, 0, 0, 1}, .src = {2, 9}, .type = WIRE_TYPE_IP6};
	struct wire_ip ip = {.version = 6,
			     .hop_limit = 3,
			     .protocol = WIRE_PROTO_UDP,
			     .payload_len = 10,
			     .src = address("2001:db8::2"),
			     .dst = address("2001:db8::1")};
	struct net n;
	int fd;

	(void)state;
	net_pair(&n, 0);
	fd = udp(&n, 0, "::", 9);
	for (unsigned i = 0; i < 6; i++) {
		uint8_t message[10] = {0, 5, 0, 9, 0, 10, 0, 0, 'h', 'i'};
		uint16_t sum;
		struct vs_frame *f;

		if (i == 3) {
			ip.version = 4;
			ip.src = address("10.0.0.2");
			ip.dst = address("10.0.0.1");
			eth.type = WIRE_TYPE_IP4;
		}
		sum = wire_cksum_fold(wire_cksum_add(
			wire_cksum_pseudo(&ip.src, &ip.dst, WIRE_PROTO_UDP, 10), message, 10));
		/* In turn: none, wrong, right. */
		wire_put16(message + 6, i % 3 == 0 ? 0 : i % 3 == 1 ? (uint16_t)(sum ^ 1) : sum);
		f = vs_frame_from(n.pool, message, 10);
		wire_ip_emit(vs_frame_push(f, i < 3 ? WIRE_IP6_LEN : WIRE_IP4_LEN), &ip);
		wire_eth_emit(vs_frame_push(f, WIRE_ETH_LEN), &eth);
		stk_input(n.host[0], n.now, 1, f);
		assert_int_equal(heard(&n, 0, fd, "hi"), i == 2 || i == 3 || i == 5);
	}
	assert_int_equal(counter(&n, 0, "UdpInCsumErrors"), 3);
	net_fini(&n);
}

static void largest_message_passes_and_larger_does_not(void **state)
{
	static char big[65536], got[65536];
	static const char *const peers[] = {"10.0.0.2", "2001:db8::2"};
	static const size_t most[] = {65507, 65487};
	struct net n;
	int a, b;

	(void)state;
	net_pair(&n, 0);
	n.border = true;
	a = udp(&n, 0, "::", 5);
	b = udp(&n, 1, "::", 9);
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)(i * 11 + i / 256);
	for (unsigned i = 0; i < 2; i++) {
		struct stk_addr to = at(peers[i], 9);

		assert_int_equal(stk_send(n.host[0], n.now, a, big, most[i] + 1, 0, &to),
				 -EMSGSIZE);
		assert_int_equal(stk_send(n.host[0], n.now, a, big, most[i], 0, &to), most[i]);
		net_run(&n, n.now + VS_MSEC);
		assert_int_equal(stk_recv(n.host[1], n.now, b, got, sizeof(got), 0, NULL), most[i]);
		assert_memory_equal(big, got, most[i]);
	}
	net_fini(&n);
}

static void shutdown_ends_reading_and_writing(void **state)
{
	struct stk_addr to = at("10.0.0.2", 9);
	struct net n;
	char c;
	int fd;

	(void)state;
	net_pair(&n, 0);
	fd = udp(&n, 0, "::", 5);
	assert_int_equal(stk_shutdown(n.host[0], 0, fd, STK_SHUT_WR), -ENOTCONN);
	assert_int_equal(stk_connect(n.host[0], 0, fd, &to), 0);
	assert_int_equal(stk_shutdown(n.host[0], 0, fd, STK_SHUT_WR), 0);
	assert_int_equal(stk_send(n.host[0], 0, fd, "x", 1, 0, NULL), -EPIPE);
	assert_int_equal(stk_recv(n.host[0], 0, fd, &c, 1, 0, NULL), -EAGAIN);
	assert_int_equal(stk_shutdown(n.host[0], 0, fd, STK_SHUT_RDWR), 0);
	assert_int_equal(stk_recv(n.host[0], 0, fd, &c, 1, 0, NULL), 0);
	assert_int_equal(stk_readiness(n.host[0], fd), STK_IN | STK_OUT | STK_HUP);
	net_fini(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(closest_binding_gets_the_message),
		cmocka_unit_test(bindings_conflict_only_where_they_overlap),
		cmocka_unit_test(v6only_socket_hears_no_ipv4),
		cmocka_unit_test(sender_is_named_and_long_messages_are_cut),
		cmocka_unit_test(receive_queue_is_bounded_in_bytes),
		cmocka_unit_test(refusal_reaches_connected_sockets_alone),
		cmocka_unit_test(broadcast_needs_permission_and_reaches_all),
		cmocka_unit_test(checksum_is_verified_and_ipv6_must_have_one),
		cmocka_unit_test(largest_message_passes_and_larger_does_not),
		cmocka_unit_test(shutdown_ends_reading_and_writing),
	};

	return cmocka_run_group_tests_name("udp", tests, NULL, NULL);
}
