/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The stack as a whole, with TCP in it: life, events, options, settings, and bytes end to end. */
#include "stack/wire_for_test.h"

#define BULK (3u << 20)

static int listener(struct net *n, int host, const char *addr, uint16_t port)
{
	struct stk_addr local = at(addr, port);
	int fd = stk_socket(n->host[host], STK_STREAM);

	assert_true(fd >= 0);
	assert_int_equal(stk_bind(n->host[host], fd, &local), 0);
	assert_int_equal(stk_listen(n->host[host], fd, 8), 0);
	return fd;
}

static void bulk(struct net *n, const char *to)
{
	struct stk *a = n->host[0], *b = n->host[1];
	struct stk_addr peer = at(to, 80);
	int l = listener(n, 1, "::", 80), c, server;
	static uint8_t buf[65536];
	uint64_t sent = 0, got = 0;
	ptrdiff_t k;

	c = stk_socket(a, STK_STREAM);
	assert_int_equal(stk_connect(a, n->now, c, &peer), -EINPROGRESS);
	net_run(n, n->now + VS_SEC);
	assert_true(stk_readiness(a, c) & STK_OUT);
	server = stk_accept(b, n->now, l, &peer);
	assert_true(server >= 0);
	while (got < BULK) {
		for (size_t i = 0; i < sizeof(buf); i++)
			buf[i] = (uint8_t)((sent + i) % 251);
		if (sent < BULK) {
			size_t want = BULK - sent < sizeof(buf) ? BULK - sent : sizeof(buf);

			k = stk_send(a, n->now, c, buf, want, 0, NULL);
			assert_true(k > 0 || k == -EAGAIN);
			if (k > 0)
				sent += (uint64_t)k;
		}
		net_run(n, n->now + VS_MSEC);
		while ((k = stk_recv(b, n->now, server, buf, sizeof(buf), 0, NULL)) > 0) {
			for (ptrdiff_t i = 0; i < k; i++)
				assert_int_equal(buf[i], (uint8_t)((got + (uint64_t)i) % 251));
			got += (uint64_t)k;
		}
		assert_int_equal(k, -EAGAIN);
	}
	assert_int_equal(stk_close(a, n->now, c), 0);
	net_run(n, n->now + VS_SEC);
	assert_int_equal(stk_recv(b, n->now, server, buf, sizeof(buf), 0, NULL), 0);
	assert_int_equal(stk_close(b, n->now, server), 0);
	assert_int_equal(stk_close(b, n->now, l), 0);
	net_run(n, n->now + 200 * VS_SEC);
	assert_int_equal(counter(n, 0, "TcpRetransSegs"), 0);
}

static void bytes_arrive_over_both_families(void **state)
{
	struct net n;

	(void)state;
	net_pair(&n, 0);
	n.border = true;
	bulk(&n, "10.0.0.2");
	bulk(&n, "2001:db8::2");
	net_fini(&n);
}

static void bytes_arrive_over_loopback_too(void **state)
{
	struct net n;
	struct stk_addr peer = at("127.0.0.1", 7);
	struct stk *s;
	char buf[8];
	int l, c, a;

	(void)state;
	net_pair(&n, 0);
	s = n.host[0];
	l = listener(&n, 0, "::", 7);
	c = stk_socket(s, STK_STREAM);
	assert_int_equal(stk_connect(s, n.now, c, &peer), -EINPROGRESS);
	net_run(&n, VS_SEC);
	a = stk_accept(s, n.now, l, NULL);
	assert_true(a >= 0);
	assert_int_equal(stk_send(s, n.now, c, "hello", 5, 0, NULL), 5);
	net_run(&n, 2 * VS_SEC);
	assert_int_equal(stk_recv(s, n.now, a, buf, sizeof(buf), 0, NULL), 5);
	assert_memory_equal(buf, "hello", 5);
	net_fini(&n);
}

static void connection_to_nobody_fails_as_the_network_says(void **state)
{
	struct net n;
	struct stk_addr refused = at("10.0.0.2", 9), absent = at("10.0.0.77", 9),
			nowhere = at("192.0.2.1", 9);
	int64_t error;
	int c;

	(void)state;
	net_pair(&n, 0);
	c = stk_socket(n.host[0], STK_STREAM);
	assert_int_equal(stk_connect(n.host[0], n.now, c, &nowhere), -ENETUNREACH);
	assert_int_equal(stk_connect(n.host[0], n.now, c, &refused), -EINPROGRESS);
	net_run(&n, VS_SEC);
	assert_int_equal(stk_option_get(n.host[0], c, STK_SO_ERROR, &error), 0);
	assert_int_equal(error, ECONNREFUSED);
	stk_close(n.host[0], n.now, c);
	c = stk_socket(n.host[0], STK_STREAM);
	assert_int_equal(stk_connect(n.host[0], n.now, c, &absent), -EINPROGRESS);
	net_run(&n, n.now + 300 * VS_SEC);
	assert_int_equal(stk_option_get(n.host[0], c, STK_SO_ERROR, &error), 0);
	assert_true(error == EHOSTUNREACH || error == ETIMEDOUT);
	net_fini(&n);
}

static void stack_with_everything_open_goes_without_a_trace(void **state)
{
	struct net n;
	struct stk_addr peer = at("10.0.0.2", 80), any = at("::", 5353);
	int c, u;
	size_t used;

	(void)state;
	net_pair(&n, 0);
	used = n.arena.size_used;
	listener(&n, 1, "::", 80);
	for (int i = 0; i < 20; i++) {
		c = stk_socket(n.host[0], STK_STREAM);
		assert_int_equal(stk_connect(n.host[0], n.now, c, &peer), -EINPROGRESS);
		net_run(&n, n.now + 10 * VS_MSEC);
		stk_send(n.host[0], n.now, c, "data", 4, 0, NULL);
	}
	u = stk_socket(n.host[0], STK_DGRAM);
	assert_int_equal(stk_bind(n.host[0], u, &any), 0);
	assert_true(n.arena.size_used > used);
	net_fini(&n); /* frames are counted there */
}

static void numbers_are_the_lowest_free_and_bounded(void **state)
{
	struct vs_pool_conf pool_conf = {0};
	struct vs_arena arena;
	struct vs_pool *pool;
	struct stk *s;
	struct stk_conf conf = {.seed = 3, .name = "h", .sockets_max = 9};

	(void)state;
	host_arena_init(&arena, 0);
	vs_pool_create(&pool, &pool_conf, &arena);
	conf.pool = pool;
	assert_int_equal(stk_create(&s, &conf, &arena), 0);
	for (int i = 0; i < 9; i++)
		assert_int_equal(stk_socket(s, i % 2 ? STK_STREAM : STK_DGRAM), i);
	assert_int_equal(stk_socket(s, STK_DGRAM), -EMFILE);
	assert_int_equal(stk_close(s, 0, 4), 0);
	assert_int_equal(stk_close(s, 0, 2), 0);
	assert_int_equal(stk_close(s, 0, 2), -EBADF);
	assert_int_equal(stk_socket(s, STK_STREAM), 2);
	assert_int_equal(stk_socket(s, STK_PING), 4);
	assert_int_equal(stk_socket(s, 99), -EINVAL);
	stk_destroy(s);
	vs_arena_fini(&arena);
}

static void settings_have_linux_names_and_bounds(void **state)
{
	struct net n;
	char value[32];

	(void)state;
	net_init(&n, 1);
	assert_int_equal(stk_get(n.host[0], "net.ipv4.ip_default_ttl", value, sizeof(value)), 0);
	assert_string_equal(value, "64");
	assert_int_equal(stk_set(n.host[0], 0, "net.ipv4.ip_default_ttl", "32"), 0);
	assert_int_equal(stk_get(n.host[0], "net.ipv4.ip_default_ttl", value, sizeof(value)), 0);
	assert_string_equal(value, "32");
	assert_int_equal(stk_set(n.host[0], 0, "net.ipv4.ip_default_ttl", "0"), -EINVAL);
	assert_int_equal(stk_set(n.host[0], 0, "net.ipv4.ip_default_ttl", "256"), -EINVAL);
	assert_int_equal(stk_set(n.host[0], 0, "net.ipv4.ip_default_ttl", "6x"), -EINVAL);
	assert_int_equal(stk_set(n.host[0], 0, "net.ipv4.no_such", "1"), -ENOENT);
	assert_int_equal(stk_set(n.host[0], 0, "net.ipv4.ip_local_port_range", "100 200"), 0);
	assert_int_equal(stk_get(n.host[0], "net.ipv4.ip_local_port_range", value, sizeof(value)),
			 0);
	assert_string_equal(value, "100\t200");
	assert_int_equal(stk_set(n.host[0], 0, "net.ipv4.ip_local_port_range", "200 100"), -EINVAL);
	assert_int_equal(stk_set(n.host[0], 0, "net.ipv4.ip_local_port_range", "200"), -EINVAL);
	assert_int_equal(stk_get(n.host[0], "net.ipv4.tcp_sack", value, sizeof(value)), 0);
	assert_int_equal(stk_get(n.host[0], "net.ipv4.ip_default_ttl", value, 2), -ENOSPC);
	net_fini(&n);
}

static void ephemeral_ports_run_out_exactly(void **state)
{
	struct net n;
	struct stk_addr any = at("::", 0), local;
	bool seen[3] = {false, false, false};

	(void)state;
	net_pair(&n, 0);
	assert_int_equal(stk_set(n.host[0], 0, "net.ipv4.ip_local_port_range", "100 102"), 0);
	for (int i = 0; i < 3; i++) {
		int fd = stk_socket(n.host[0], STK_DGRAM);

		assert_int_equal(stk_bind(n.host[0], fd, &any), 0);
		assert_int_equal(stk_local(n.host[0], fd, &local), 0);
		assert_in_range(local.port, 100, 102);
		assert_false(seen[local.port - 100]);
		seen[local.port - 100] = true;
	}
	assert_int_equal(stk_bind(n.host[0], stk_socket(n.host[0], STK_DGRAM), &any), -EADDRINUSE);
	net_fini(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_arrive_over_both_families),
		cmocka_unit_test(bytes_arrive_over_loopback_too),
		cmocka_unit_test(connection_to_nobody_fails_as_the_network_says),
		cmocka_unit_test(stack_with_everything_open_goes_without_a_trace),
		cmocka_unit_test(numbers_are_the_lowest_free_and_bounded),
		cmocka_unit_test(settings_have_linux_names_and_bounds),
		cmocka_unit_test(ephemeral_ports_run_out_exactly),
	};

	return cmocka_run_group_tests_name("stk", tests, NULL, NULL);
}
