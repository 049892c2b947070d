/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Router discovery and SLAAC: RFC 4861 6.3, RFC 4862 5.5, RFC 7217, RFC 8981, against their times.
 * Host 1 plays the router, by messages it sends.
 */
#include "stack/no_tcp_for_test.h"
#include "stack/wire_for_test.h"

#define ALL "net.ipv6.conf.all."

static unsigned solicitations;

static bool watch(struct net *n, int from, const struct vs_frame *f)
{
	(void)n;
	solicitations += !from && wire_get16(f->data + 12) == WIRE_TYPE_IP6 &&
			 f->data[20] == WIRE_PROTO_ICMP6 && f->data[54] == WIRE_ICMP6_RS;
	return true;
}

static void set(struct net *n, const char *name, const char *value)
{
	assert_int_equal(stk_set(n->host[0], n->now, name, value), 0);
}

static void begin(struct net *n, const char *mode)
{
	net_init(n, 2);
	solicitations = 0;
	n->look = watch;
	set(n, ALL "accept_ra", "1");
	set(n, ALL "addr_gen_mode", mode);
	net_join(n, 0, net_interface(n, 0, 0), 1, net_interface(n, 1, 0));
}

static struct wire_nd offer(uint32_t valid_s, uint32_t preferred_s)
{
	struct wire_nd nd = {.type = WIRE_ICMP6_RA, .router_lifetime_s = 1800, .prefixes = 1};

	nd.prefix[0] = (struct wire_nd_prefix){.prefix = address("2001:db8:1::"),
					       .bits = 64,
					       .on_link = true,
					       .autonomous = true,
					       .valid_s = valid_s,
					       .preferred_s = preferred_s};
	return nd;
}

static void advertise_from(struct net *n, const char *router, const struct wire_nd *nd)
{
	struct wire_addr src = address(router), all_nodes = address("ff02::1");

	nd_send(n->host[1], n->now, ip_if(n->host[1], 1), &src, &all_nodes, NULL, nd);
	net_settle(n);
}

static void advertise(struct net *n, const struct wire_nd *nd)
{
	advertise_from(n, "fe80::ff:fe00:101", nd);
}

/* Gives the first dynamic address with, or without, that flag. */
static bool dynamic(struct net *n, unsigned flag, bool with, struct stk_addr_info *info)
{
	for (unsigned i = 0; !stk_addr_info(n->host[0], 1, i, info); i++)
		if ((info->flags & STK_ADDR_DYNAMIC) && !(info->flags & flag) == !with)
			return true;
	return false;
}

static int path(struct net *n, const char *text, struct ip_path *p)
{
	struct wire_addr dst = address(text);

	return ip_path_find(n->host[0], &dst, &wire_addr_any6, 0, p);
}

static void expect_hop(struct net *n, const char *hop)
{
	struct wire_addr want = address(hop);
	struct ip_path p;

	assert_int_equal(path(n, "2001:db8:ffff::1", &p), 0);
	assert_memory_equal(&p.next_hop, &want, sizeof(want));
}

/* Sends something there, and lets neighbour discovery take its three seconds. */
static void ask_for(struct net *n, const char *text)
{
	struct stk_addr to = at(text, 9);
	int fd = stk_socket(n->host[0], STK_DGRAM);

	assert_int_equal(stk_send(n->host[0], n->now, fd, "x", 1, 0, &to), 1);
	net_run(n, n->now + 4 * VS_SEC);
	assert_int_equal(stk_close(n->host[0], n->now, fd), 0);
}

static void host_solicits_until_a_router_offers_itself(void **state)
{
	struct wire_nd nd = offer(3600, 1800);
	struct net n;

	(void)state;
	begin(&n, "0");
	net_run(&n, VS_SEC);
	assert_int_equal(solicitations, 1);
	/* 4, 8, 16 s, give or take a tenth: RFC 7559. */
	net_run(&n, 6 * VS_SEC);
	assert_int_equal(solicitations, 2);
	net_run(&n, 14500 * VS_MSEC);
	assert_int_equal(solicitations, 3);
	advertise(&n, &nd);
	net_run(&n, 600 * VS_SEC);
	assert_int_equal(solicitations, 3);
	assert_int_equal(stk_if_set_up(n.host[0], n.now, 1, false), 0);
	assert_int_equal(stk_if_set_up(n.host[0], n.now, 1, true), 0);
	net_run(&n, 601 * VS_SEC);
	assert_int_equal(solicitations, 4);
	net_fini(&n);
}

static void nothing_is_solicited_or_believed_unless_set(void **state)
{
	struct wire_nd nd = offer(3600, 1800);
	struct stk_addr_info info;
	struct ip_path p;
	struct net n;

	(void)state;
	net_init(&n, 2);
	solicitations = 0;
	n.look = watch;
	net_join(&n, 0, net_interface(&n, 0, 0), 1, net_interface(&n, 1, 0));
	advertise(&n, &nd);
	net_run(&n, 20 * VS_SEC);
	assert_int_equal(solicitations, 0);
	assert_false(dynamic(&n, 0, false, &info));
	assert_int_equal(path(&n, "2001:db8:ffff::1", &p), -ENETUNREACH);
	net_fini(&n);
}

static void advertisement_sets_what_rfc4861_6_3_4_says(void **state)
{
	struct wire_nd nd = offer(3600, 1800);
	struct ip_path p;
	struct net n;

	(void)state;
	begin(&n, "0");
	nd.hop_limit = 33;
	nd.mtu = 1400;
	nd.reachable_ms = 7000;
	nd.retrans_ms = 200;
	advertise(&n, &nd);
	assert_int_equal(path(&n, "2001:db8:ffff::1", &p), 0);
	assert_int_equal(p.mtu, 1400);
	assert_int_equal(ip_if(n.host[0], 1)->hop_limit6, 33);
	assert_int_equal(ip_if(n.host[0], 1)->reachable_ms6, 7000);
	assert_int_equal(ip_if(n.host[0], 1)->retrans_ms6, 200);
	/* Zeros leave things as they are; an MTU that cannot be is passed over. */
	nd.hop_limit = 0;
	nd.mtu = 1279;
	nd.reachable_ms = nd.retrans_ms = 0;
	advertise(&n, &nd);
	nd.mtu = 1501;
	advertise(&n, &nd);
	assert_int_equal(path(&n, "2001:db8:ffff::1", &p), 0);
	assert_int_equal(p.mtu, 1400);
	assert_int_equal(ip_if(n.host[0], 1)->hop_limit6, 33);
	net_fini(&n);
}

static void routers_are_preferred_expire_and_withdraw(void **state)
{
	struct wire_nd high = offer(3600, 1800), low = high;
	struct ip_path p;
	struct net n;

	(void)state;
	begin(&n, "0");
	low.router_lifetime_s = 9000;
	low.flags = 0x18;
	high.flags = 0x08;
	high.router_lifetime_s = 100;
	high.prefixes = 0;
	advertise_from(&n, "fe80::10", &low);
	expect_hop(&n, "fe80::10");
	advertise_from(&n, "fe80::20", &high);
	expect_hop(&n, "fe80::20");
	net_run(&n, n.now + 100 * VS_SEC - 1);
	expect_hop(&n, "fe80::20");
	net_run(&n, n.now + 1);
	expect_hop(&n, "fe80::10");
	/* One that does not answer gives way to any other, and comes back when it advertises. */
	advertise_from(&n, "fe80::20", &high);
	ask_for(&n, "2001:db8:ffff::1");
	expect_hop(&n, "fe80::10");
	/* When none answers they take turns: RFC 4861 6.3.6. */
	ask_for(&n, "2001:db8:ffff::1");
	expect_hop(&n, "fe80::20");
	ask_for(&n, "2001:db8:ffff::1");
	expect_hop(&n, "fe80::10");
	high.has_source_mac = true;
	advertise_from(&n, "fe80::20", &high);
	expect_hop(&n, "fe80::20");
	high.router_lifetime_s = low.router_lifetime_s = 0;
	advertise_from(&n, "fe80::20", &high);
	advertise_from(&n, "fe80::10", &low);
	assert_int_equal(path(&n, "2001:db8:ffff::1", &p), -ENETUNREACH);
	/* The prefix is on link all the same, for its own time. */
	assert_int_equal(path(&n, "2001:db8:1::77", &p), 0);
	net_run(&n, n.now + 3601 * VS_SEC);
	assert_int_equal(path(&n, "2001:db8:1::77", &p), -ENETUNREACH);
	net_fini(&n);
}

/* RFC 4191 2.3, 3.1. */
static void specific_routes_are_learnt_as_far_as_set(void **state)
{
	struct wire_nd one = offer(3600, 1800), two = one;
	struct wire_addr first = address("fe80::10"), second = address("fe80::20");
	struct ip_path p;
	struct net n;

	(void)state;
	begin(&n, "0");
	two.router_lifetime_s = 9000;
	two.routes = 1;
	two.route[0] = (struct wire_nd_route){.prefix = address("2001:db8:7::"),
					      .bits = 48,
					      .lifetime_s = 100};
	one.flags = 0x08;
	advertise_from(&n, "fe80::10", &one);
	advertise_from(&n, "fe80::20", &two);
	assert_int_equal(path(&n, "2001:db8:7::1", &p), 0);
	assert_memory_equal(&p.next_hop, &first, sizeof(first));
	set(&n, ALL "accept_ra_rt_info_max_plen", "64");
	advertise_from(&n, "fe80::20", &two);
	assert_int_equal(path(&n, "2001:db8:7::1", &p), 0);
	assert_memory_equal(&p.next_hop, &second, sizeof(second));
	expect_hop(&n, "fe80::10");
	/* 2.2: a preference of 10 condemns the option. */
	two.route[0].preference = 2;
	two.route[0].lifetime_s = 10000;
	advertise_from(&n, "fe80::20", &two);
	net_run(&n, n.now + 100 * VS_SEC);
	assert_int_equal(path(&n, "2001:db8:7::1", &p), 0);
	assert_memory_equal(&p.next_hop, &first, sizeof(first));
	/* ::/0 overrides what the header says. */
	two.route[0] = (struct wire_nd_route){.prefix = wire_addr_any6, .preference = 1,
					      .lifetime_s = 200};
	one.flags = 0;
	advertise_from(&n, "fe80::10", &one);
	advertise_from(&n, "fe80::20", &two);
	expect_hop(&n, "fe80::20");
	set(&n, ALL "accept_ra_rtr_pref", "0");
	advertise_from(&n, "fe80::20", &two);
	expect_hop(&n, "fe80::10");
	net_fini(&n);
}

/* RFC 8106 5.1. */
static void name_servers_are_known_for_their_lifetimes(void **state)
{
	struct wire_nd nd = offer(3600, 1800);
	struct wire_addr router = address("fe80::ff:fe00:101");
	struct stk_dns_info info;
	struct net n;

	(void)state;
	begin(&n, "0");
	nd.dns_servers = 2;
	nd.dns[0] = (struct wire_nd_dns){address("2001:db8::53"), 100};
	nd.dns[1] = (struct wire_nd_dns){address("2001:db8::54"), UINT32_MAX};
	advertise(&n, &nd);
	assert_int_equal(stk_dns_info(n.host[0], 1, 0, &info), 0);
	assert_memory_equal(&info.server, &nd.dns[0].server, 16);
	assert_memory_equal(&info.router, &router, 16);
	assert_int_equal(info.until, n.now + 100 * VS_SEC);
	assert_int_equal(stk_dns_info(n.host[0], 1, 1, &info), 0);
	assert_int_equal(info.until, VS_NEVER);
	assert_int_equal(stk_dns_info(n.host[0], 1, 2, &info), -ENOENT);
	assert_int_equal(stk_dns_info(n.host[0], 2, 0, &info), -ENODEV);
	net_run(&n, n.now + 100 * VS_SEC);
	assert_int_equal(stk_dns_info(n.host[0], 1, 0, &info), 0);
	assert_memory_equal(&info.server, &nd.dns[1].server, 16);
	assert_int_equal(stk_dns_info(n.host[0], 1, 1, &info), -ENOENT);
	/* A lifetime of 0 withdraws it; of too many, those that last longest stay. */
	nd.dns[1].lifetime_s = 0;
	advertise(&n, &nd);
	nd.dns_servers = 8;
	for (unsigned i = 0; i < 8; i++)
		nd.dns[i] = (struct wire_nd_dns){address("2001:db8:5::"), 200 + i};
	for (unsigned i = 0; i < 8; i++)
		nd.dns[i].server.b[15] = (uint8_t)i;
	advertise(&n, &nd);
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(stk_dns_info(n.host[0], 1, i, &info), 0);
		assert_int_equal(info.server.b[5], 5);
	}
	net_fini(&n);
}

static void address_lives_by_the_lifetimes_of_its_prefix(void **state)
{
	struct wire_addr eui = address("2001:db8:1::ff:fe00:1");
	struct wire_nd nd = offer(20000, 1800);
	struct stk_addr_info info;
	struct net n;

	(void)state;
	begin(&n, "0");
	advertise(&n, &nd);
	assert_true(dynamic(&n, STK_ADDR_TEMPORARY, false, &info));
	assert_memory_equal(&info.addr, &eui, sizeof(eui));
	assert_int_equal(info.valid_until, n.now + 20000 * VS_SEC);
	/* RFC 4862 5.5.3 (e): nobody shortens it to less than two hours at a stroke. */
	nd.prefix[0].valid_s = 60;
	nd.prefix[0].preferred_s = 30;
	advertise(&n, &nd);
	assert_true(dynamic(&n, 0, false, &info));
	assert_int_equal(info.valid_until, n.now + 7200 * VS_SEC);
	assert_int_equal(info.preferred_until, n.now + 30 * VS_SEC);
	net_run(&n, n.now + 30 * VS_SEC);
	assert_true(dynamic(&n, STK_ADDR_DEPRECATED, true, &info));
	net_run(&n, 7200 * VS_SEC - 1);
	assert_true(dynamic(&n, STK_ADDR_DEPRECATED, true, &info));
	net_run(&n, 7200 * VS_SEC);
	assert_false(dynamic(&n, 0, false, &info));
	/* Prefixes that make no address: (c) preferred longer than valid, (d) no 64 bits. */
	nd = offer(10, 20);
	advertise(&n, &nd);
	nd = offer(20, 10);
	nd.prefix[0].bits = 63;
	advertise(&n, &nd);
	assert_false(dynamic(&n, 0, false, &info));
	net_fini(&n);
}

static void opaque_address_is_stable_and_avoids_a_duplicate(void **state)
{
	struct wire_nd nd = offer(20000, 1800);
	struct stk_addr_info first, again;
	struct net n;

	(void)state;
	for (unsigned run = 0; run < 2; run++) {
		begin(&n, "3");
		advertise(&n, &nd);
		assert_true(dynamic(&n, 0, false, run ? &again : &first));
		net_fini(&n);
	}
	assert_memory_equal(&first.addr, &again.addr, sizeof(first.addr));
	assert_int_not_equal(wire_get16(first.addr.b + 11), 0xfffe);
	/* Somebody has just that address: the next one of the sequence is taken. */
	begin(&n, "3");
	set(&n, ALL "accept_dad", "1");
	assert_int_equal(stk_addr_add(n.host[1], 0, 1, &first.addr, 64), 0);
	advertise(&n, &nd);
	net_run(&n, 10 * VS_SEC);
	assert_true(dynamic(&n, 0, false, &again));
	assert_memory_not_equal(&first.addr, &again.addr, sizeof(first.addr));
	assert_int_equal(again.flags, STK_ADDR_DYNAMIC);
	net_fini(&n);
}

static void temporary_address_is_renewed_before_it_is_deprecated(void **state)
{
	struct wire_nd nd = offer(UINT32_MAX, UINT32_MAX);
	struct stk_addr_info first, next;
	struct ip_path p;
	struct net n;

	(void)state;
	begin(&n, "0");
	set(&n, ALL "use_tempaddr", "2");
	advertise(&n, &nd);
	assert_true(dynamic(&n, STK_ADDR_TEMPORARY, true, &first));
	assert_int_equal(first.valid_until, 172800 * VS_SEC);
	assert_in_range(first.preferred_until, 86400 * VS_SEC * 3 / 5, 86400 * VS_SEC);
	assert_int_equal(path(&n, "2001:db8:1::77", &p), 0);
	assert_memory_equal(&p.src, &first.addr, sizeof(p.src));
	set(&n, ALL "use_tempaddr", "1");
	ip_changed(n.host[0]);
	assert_int_equal(path(&n, "2001:db8:1::77", &p), 0);
	assert_memory_not_equal(&p.src, &first.addr, sizeof(p.src));
	set(&n, ALL "use_tempaddr", "2");
	/* RFC 8981 3.8: 2 s and three tries of a second ahead. */
	net_run(&n, first.preferred_until - 5 * VS_SEC - 1);
	assert_int_equal(stk_addr_info(n.host[0], 1, 3, &next), -ENOENT);
	net_run(&n, n.now + 1);
	assert_int_equal(stk_addr_info(n.host[0], 1, 3, &next), 0);
	assert_int_equal(next.flags, STK_ADDR_DYNAMIC | STK_ADDR_TEMPORARY);
	net_run(&n, first.preferred_until);
	assert_int_equal(path(&n, "2001:db8:1::77", &p), 0);
	assert_memory_equal(&p.src, &next.addr, sizeof(p.src));
	net_run(&n, 10 * 86400 * VS_SEC);
	assert_true(dynamic(&n, STK_ADDR_TEMPORARY, true, &next));
	net_fini(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(host_solicits_until_a_router_offers_itself),
		cmocka_unit_test(nothing_is_solicited_or_believed_unless_set),
		cmocka_unit_test(advertisement_sets_what_rfc4861_6_3_4_says),
		cmocka_unit_test(routers_are_preferred_expire_and_withdraw),
		cmocka_unit_test(specific_routes_are_learnt_as_far_as_set),
		cmocka_unit_test(name_servers_are_known_for_their_lifetimes),
		cmocka_unit_test(address_lives_by_the_lifetimes_of_its_prefix),
		cmocka_unit_test(opaque_address_is_stable_and_avoids_a_duplicate),
		cmocka_unit_test(temporary_address_is_renewed_before_it_is_deprecated),
	};

	return cmocka_run_group_tests_name("ra", tests, NULL, NULL);
}
