/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Routing, source selection and forwarding: what ways are found, and what a router does. */
#include "stack/no_tcp_for_test.h"
#include "stack/wire_for_test.h"

static struct ip_path path_to(struct net *n, int host, const char *text)
{
	struct wire_addr dst = address(text);
	struct ip_path path;

	assert_int_equal(ip_path_find(n->host[host], &dst,
				      wire_addr_is4(&dst) ? &wire_addr_any4 : &wire_addr_any6, 0,
				      &path),
			 0);
	return path;
}

static void expect_way(struct net *n, const char *to, int ifindex, const char *next_hop,
		       const char *src)
{
	struct ip_path path = path_to(n, 0, to);
	struct wire_addr hop = address(next_hop), from = address(src);

	assert_int_equal(path.ifindex, ifindex);
	assert_memory_equal(&path.next_hop, &hop, sizeof(hop));
	assert_memory_equal(&path.src, &from, sizeof(from));
}

static void longest_prefix_wins_then_the_lowest_metric(void **state)
{
	struct stk_route route = {.bits = 96, .dst = wire_addr_any4, .metric = 50};
	struct net n;

	(void)state;
	net_init(&n, 1);
	net_interface(&n, 0, 0);
	net_interface(&n, 0, 0);
	net_address(&n, 0, 1, "10.0.0.1/24");
	net_address(&n, 0, 2, "10.0.1.1/24");
	net_route(&n, 0, "0.0.0.0/0", "10.0.0.254");
	net_route(&n, 0, "192.0.2.0/24", "10.0.1.254");
	net_route(&n, 0, "192.0.2.128/25", "10.0.0.253");
	expect_way(&n, "10.0.0.7", 1, "10.0.0.7", "10.0.0.1");
	expect_way(&n, "10.0.1.7", 2, "10.0.1.7", "10.0.1.1");
	expect_way(&n, "8.8.8.8", 1, "10.0.0.254", "10.0.0.1");
	expect_way(&n, "192.0.2.1", 2, "10.0.1.254", "10.0.1.1");
	expect_way(&n, "192.0.2.200", 1, "10.0.0.253", "10.0.0.1");
	/* A default route of a greater metric waits until the better one goes. */
	route.via = address("10.0.1.253");
	assert_int_equal(stk_route_add(n.host[0], 0, &route), 0);
	assert_int_equal(stk_route_add(n.host[0], 0, &route), -EEXIST);
	expect_way(&n, "8.8.8.8", 1, "10.0.0.254", "10.0.0.1");
	assert_int_equal(stk_if_set_up(n.host[0], 0, 1, false), 0);
	expect_way(&n, "8.8.8.8", 2, "10.0.1.253", "10.0.1.1");
	assert_int_equal(stk_if_set_up(n.host[0], 0, 1, true), 0);
	expect_way(&n, "8.8.8.8", 1, "10.0.0.254", "10.0.0.1");
	route.metric = 0;
	route.via = wire_addr_any4;
	assert_int_equal(stk_route_remove(n.host[0], 0, &route), 0);
	assert_int_equal(stk_route_remove(n.host[0], 0, &route), -ESRCH);
	expect_way(&n, "8.8.8.8", 2, "10.0.1.253", "10.0.1.1");
	net_fini(&n);
}

static void bad_routes_and_addresses_are_refused(void **state)
{
	struct stk_route route = {.bits = 120};
	struct wire_addr addr = address("224.0.0.5");
	struct net n;

	(void)state;
	net_init(&n, 1);
	net_interface(&n, 0, 0);
	net_address(&n, 0, 1, "10.0.0.1/24");
	route.dst = address("192.0.2.0");
	route.via = address("10.9.9.9");
	assert_int_equal(stk_route_add(n.host[0], 0, &route), -ENETUNREACH);
	route.via = address("fe80::1");
	assert_int_equal(stk_route_add(n.host[0], 0, &route), -EINVAL);
	route.via = address("10.0.0.1");
	assert_int_equal(stk_route_add(n.host[0], 0, &route), -EINVAL);
	route.via = wire_addr_any4;
	assert_int_equal(stk_route_add(n.host[0], 0, &route), -EINVAL);
	route.ifindex = 9;
	assert_int_equal(stk_route_add(n.host[0], 0, &route), -ENODEV);
	assert_int_equal(stk_addr_add(n.host[0], 0, 1, &addr, 120), -EINVAL);
	addr = address("10.0.0.1");
	assert_int_equal(stk_addr_add(n.host[0], 0, 1, &addr, 120), -EEXIST);
	assert_int_equal(stk_addr_add(n.host[0], 0, 2, &addr, 120), -ENODEV);
	assert_int_equal(stk_addr_add(n.host[0], 0, 1, &addr, 129), -EINVAL);
	assert_int_equal(stk_addr_remove(n.host[0], 0, 1, &addr), 0);
	assert_int_equal(stk_addr_remove(n.host[0], 0, 1, &addr), -EADDRNOTAVAIL);
	net_fini(&n);
}

/* RFC 6724 5 and its examples in 10.1. */
static void source_is_chosen_by_scope_label_and_prefix(void **state)
{
	struct net n;

	(void)state;
	net_init(&n, 1);
	net_interface(&n, 0, 0);
	net_address(&n, 0, 1, "2001:db8:1::1/64");
	net_address(&n, 0, 1, "2001:db8:2::1/64");
	net_address(&n, 0, 1, "fd00:1::1/64");
	net_address(&n, 0, 1, "10.0.0.1/24");
	net_address(&n, 0, 1, "10.0.5.1/24");
	net_route(&n, 0, "::/0", "2001:db8:1::fe");
	net_route(&n, 0, "0.0.0.0/0", "10.0.0.254");
	expect_way(&n, "2001:db8:1::5", 1, "2001:db8:1::5", "2001:db8:1::1");
	expect_way(&n, "2001:db8:2::5", 1, "2001:db8:2::5", "2001:db8:2::1");
	expect_way(&n, "fd00:9::9", 1, "2001:db8:1::fe", "fd00:1::1");
	expect_way(&n, "2001:db8:3::5", 1, "2001:db8:1::fe", "2001:db8:2::1");
	expect_way(&n, "fe80::5", 1, "fe80::5", "fe80::ff:fe00:1");
	expect_way(&n, "ff02::5", 1, "ff02::5", "fe80::ff:fe00:1");
	expect_way(&n, "ff0e::5", 1, "ff0e::5", "2001:db8:1::1");
	expect_way(&n, "10.0.5.9", 1, "10.0.5.9", "10.0.5.1");
	expect_way(&n, "10.0.5.255", 1, "10.0.5.255", "10.0.5.1");
	/* What is ours stays here. */
	expect_way(&n, "10.0.5.1", 0, "10.0.5.1", "10.0.5.1");
	net_fini(&n);
}

/* Host 0 - router 1 - host 2; the second link carries far_mtu bytes. */
static void routed(struct net *n, uint32_t far_mtu)
{
	net_init(n, 3);
	net_join(n, 0, net_interface(n, 0, 0), 1, net_interface(n, 1, 0));
	net_join(n, 1, net_interface(n, 1, far_mtu), 2, net_interface(n, 2, far_mtu));
	net_address(n, 0, 1, "10.0.0.1/24");
	net_address(n, 1, 1, "10.0.0.254/24");
	net_address(n, 1, 2, "10.0.1.254/24");
	net_address(n, 2, 1, "10.0.1.1/24");
	net_address(n, 0, 1, "2001:db8::1/64");
	net_address(n, 1, 1, "2001:db8::fe/64");
	net_address(n, 1, 2, "2001:db8:1::fe/64");
	net_address(n, 2, 1, "2001:db8:1::1/64");
	net_route(n, 0, "0.0.0.0/0", "10.0.0.254");
	net_route(n, 0, "::/0", "2001:db8::fe");
	net_route(n, 2, "0.0.0.0/0", "10.0.1.254");
	net_route(n, 2, "::/0", "2001:db8:1::fe");
	assert_int_equal(stk_set(n->host[1], 0, "net.ipv4.ip_forward", "1"), 0);
	assert_int_equal(stk_set(n->host[1], 0, "net.ipv6.conf.all.forwarding", "1"), 0);
}

static int udp(struct net *n, int host, uint16_t port)
{
	struct stk_addr any = at("::", port);
	int fd = stk_socket(n->host[host], STK_DGRAM);

	assert_int_equal(stk_bind(n->host[host], fd, &any), 0);
	return fd;
}

static const char *const far_ends[] = {"10.0.1.1", "2001:db8:1::1"};

static void router_forwards_and_counts_hops(void **state)
{
	struct net n;
	int64_t error;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct stk_addr to = at(far_ends[i], 9);
		int fd, far;

		routed(&n, 0);
		fd = udp(&n, 0, 5);
		far = udp(&n, 2, 9);
		assert_int_equal(stk_connect(n.host[0], n.now, fd, &to), 0);
		assert_int_equal(stk_send(n.host[0], n.now, fd, "hi", 2, 0, NULL), 2);
		net_run(&n, n.now + VS_SEC);
		assert_int_equal(counter(&n, 1, "IpForwDatagrams"), 1);
		assert_int_equal(stk_readiness(n.host[2], far), STK_IN | STK_OUT);
		/* A hop limit of 1 ends at the router, which says so. */
		assert_int_equal(stk_option_set(n.host[0], n.now, fd, STK_IP_TTL, 1), 0);
		assert_int_equal(stk_option_set(n.host[0], n.now, fd, STK_IP_RECVERR, 1), 0);
		assert_int_equal(stk_send(n.host[0], n.now, fd, "hi", 2, 0, NULL), 2);
		net_run(&n, n.now + VS_SEC);
		assert_int_equal(counter(&n, 1, "IpForwDatagrams"), 1);
		assert_int_equal(stk_option_get(n.host[0], fd, STK_SO_ERROR, &error), 0);
		assert_int_equal(error, EHOSTUNREACH);
		net_fini(&n);
	}
}

static void host_that_is_no_router_drops_what_is_not_for_it(void **state)
{
	struct stk_addr to = at("10.0.1.1", 9);
	struct net n;

	(void)state;
	routed(&n, 0);
	assert_int_equal(stk_set(n.host[1], 0, "net.ipv4.ip_forward", "0"), 0);
	stk_send(n.host[0], n.now, udp(&n, 0, 5), "hi", 2, 0, &to);
	net_run(&n, n.now + VS_SEC);
	assert_int_equal(counter(&n, 1, "IpInAddrErrors"), 1);
	assert_int_equal(counter(&n, 2, "IpInReceives"), 0);
	net_fini(&n);
}

static void router_without_a_route_or_a_neighbour_says_so(void **state)
{
	static const char *const nowhere[] = {"192.0.2.1", "2001:db8:9::1", "10.0.1.77",
					      "2001:db8:1::77"};
	static const int errors[] = {ENETUNREACH, ENETUNREACH, EHOSTUNREACH, EHOSTUNREACH};
	struct net n;
	int64_t error;

	(void)state;
	routed(&n, 0);
	for (unsigned i = 0; i < 4; i++) {
		struct stk_addr to = at(nowhere[i], 9);
		int fd = udp(&n, 0, (uint16_t)(5 + i));

		assert_int_equal(stk_option_set(n.host[0], n.now, fd, STK_IP_RECVERR, 1), 0);
		assert_int_equal(stk_connect(n.host[0], n.now, fd, &to), 0);
		assert_int_equal(stk_send(n.host[0], n.now, fd, "hi", 2, 0, NULL), 2);
		net_run(&n, n.now + 5 * VS_SEC);
		assert_int_equal(stk_option_get(n.host[0], fd, STK_SO_ERROR, &error), 0);
		assert_int_equal(error, errors[i]);
	}
	net_fini(&n);
}

static void path_mtu_is_learnt_used_and_forgotten(void **state)
{
	static char big[1400];
	struct net n;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct stk_addr to = at(far_ends[i], 9);
		int fd, far;
		int64_t error;

		routed(&n, 1300);
		fd = udp(&n, 0, 5);
		far = udp(&n, 2, 9);
		assert_int_equal(stk_connect(n.host[0], n.now, fd, &to), 0);
		assert_int_equal(path_to(&n, 0, far_ends[i]).mtu, 1500);
		assert_int_equal(stk_send(n.host[0], n.now, fd, big, sizeof(big), 0, NULL), 1400);
		net_run(&n, n.now + VS_SEC);
		assert_int_equal(counter(&n, 2, "UdpInDatagrams"), 0);
		assert_int_equal(path_to(&n, 0, far_ends[i]).mtu, 1300);
		/* As Linux: IPv4's socket hears of it once, IPv6's if it may not fragment. */
		assert_int_equal(stk_option_get(n.host[0], fd, STK_SO_ERROR, &error), 0);
		assert_int_equal(error, i ? 0 : EMSGSIZE);
		/* The next one is fragmented, which is no error; */
		assert_int_equal(stk_send(n.host[0], n.now, fd, big, sizeof(big), 0, NULL), 1400);
		net_run(&n, n.now + VS_SEC);
		assert_int_equal(stk_recv(n.host[2], n.now, far, big, sizeof(big), 0, NULL), 1400);
		/* unless the socket wants none. */
		assert_int_equal(stk_option_set(n.host[0], n.now, fd, STK_IP_MTU_DISCOVER, 2), 0);
		assert_int_equal(stk_send(n.host[0], n.now, fd, big, sizeof(big), 0, NULL),
				 -EMSGSIZE);
		assert_int_equal(stk_option_get(n.host[0], fd, STK_SO_ERROR, &error), 0);
		assert_int_equal(error, 0);
		net_run(&n, n.now + 597 * VS_SEC);
		assert_int_equal(path_to(&n, 0, far_ends[i]).mtu, 1300);
		net_run(&n, n.now + 3 * VS_SEC);
		assert_int_equal(path_to(&n, 0, far_ends[i]).mtu, 1500);
		net_fini(&n);
	}
}

static void router_fragments_what_ipv4_lets_it(void **state)
{
	static char big[1400], got[1400];
	struct stk_addr to = at("10.0.1.1", 9);
	struct net n;
	int fd, far;

	(void)state;
	routed(&n, 600);
	fd = udp(&n, 0, 5);
	far = udp(&n, 2, 9);
	for (unsigned i = 0; i < sizeof(big); i++)
		big[i] = (char)(i * 3);
	assert_int_equal(stk_option_set(n.host[0], n.now, fd, STK_IP_MTU_DISCOVER, 0), 0);
	assert_int_equal(stk_send(n.host[0], n.now, fd, big, sizeof(big), 0, &to), 1400);
	net_run(&n, n.now + VS_SEC);
	assert_int_equal(counter(&n, 1, "IpFragCreates"), 3);
	assert_int_equal(stk_recv(n.host[2], n.now, far, got, sizeof(got), 0, NULL), 1400);
	assert_memory_equal(big, got, sizeof(big));
	net_fini(&n);
}

static void errors_are_limited_in_rate(void **state)
{
	struct stk_addr to = at("10.0.0.2", 99);
	struct net n;
	int fd;

	(void)state;
	net_pair(&n, 0);
	fd = udp(&n, 0, 5);
	for (unsigned i = 0; i < 20; i++)
		stk_send(n.host[0], n.now, fd, "hi", 2, 0, &to);
	net_run(&n, n.now + VS_MSEC);
	assert_int_equal(counter(&n, 1, "UdpNoPorts"), 20);
	assert_int_equal(counter(&n, 1, "IcmpOutMsgs"), 6);
	assert_int_equal(counter(&n, 1, "IcmpOutRateLimit"), 14);
	net_run(&n, n.now + VS_SEC);
	stk_send(n.host[0], n.now, fd, "hi", 2, 0, &to);
	stk_send(n.host[0], n.now, fd, "hi", 2, 0, &to);
	net_run(&n, n.now + VS_MSEC);
	assert_int_equal(counter(&n, 1, "IcmpOutMsgs"), 7);
	net_fini(&n);
}

/* Gives host 0 a router's word about a UDP packet from port 5 that it may have sent. */
static void say_too_big(struct net *n)
{
	struct wire_ip quoted = {.version = 4,
				 .protocol = WIRE_PROTO_UDP,
				 .header_len = WIRE_IP4_LEN,
				 .payload_len = 1400,
				 .src = address("10.0.0.1"),
				 .dst = address("10.0.0.2"),
				 .hop_limit = 9};
	struct wire_addr dst = quoted.src;
	struct vs_frame *f = vs_frame_new(n->pool, WIRE_ICMP_LEN + WIRE_IP4_LEN + 8, 0);
	uint8_t *b = f->data;

	memset(b, 0, f->len);
	b[0] = WIRE_ICMP4_UNREACHABLE;
	b[1] = WIRE_ICMP4_UNREACH_NEEDFRAG;
	wire_put16(b + 6, 1000);
	wire_ip_emit(b + WIRE_ICMP_LEN, &quoted);
	wire_put16(b + WIRE_ICMP_LEN + WIRE_IP4_LEN, 5);
	wire_put16(b + WIRE_ICMP_LEN + WIRE_IP4_LEN + 2, 9);
	assert_int_equal(icmp_output(n->host[1], n->now, &dst, &wire_addr_any4, 0, 0, 0, f), 0);
	net_settle(n);
}

static void path_mtu_of_packets_nobody_sent_is_not_believed(void **state)
{
	struct net n;

	(void)state;
	net_pair(&n, 0);
	say_too_big(&n);
	assert_int_equal(path_to(&n, 0, "10.0.0.2").mtu, 1500);
	assert_int_equal(counter(&n, 0, "IcmpInErrors"), 1);
	udp(&n, 0, 5);
	say_too_big(&n);
	assert_int_equal(path_to(&n, 0, "10.0.0.2").mtu, 1000);
	net_fini(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(longest_prefix_wins_then_the_lowest_metric),
		cmocka_unit_test(bad_routes_and_addresses_are_refused),
		cmocka_unit_test(source_is_chosen_by_scope_label_and_prefix),
		cmocka_unit_test(router_forwards_and_counts_hops),
		cmocka_unit_test(host_that_is_no_router_drops_what_is_not_for_it),
		cmocka_unit_test(router_without_a_route_or_a_neighbour_says_so),
		cmocka_unit_test(path_mtu_is_learnt_used_and_forgotten),
		cmocka_unit_test(router_fragments_what_ipv4_lets_it),
		cmocka_unit_test(errors_are_limited_in_rate),
		cmocka_unit_test(path_mtu_of_packets_nobody_sent_is_not_believed),
	};

	return cmocka_run_group_tests_name("ip", tests, NULL, NULL);
}
