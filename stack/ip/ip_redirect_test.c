/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Redirects, sent by a router and obeyed by a host: RFC 1122 3.2.2.2, RFC 1812 5.2.7.2, RFC 4861 8.
 * Host 0 is the host, host 1 its default router, host 2 the better one, all on one hub; host 3 is
 * behind host 2.
 */
#include "stack/no_tcp_for_test.h"
#include "stack/wire_for_test.h"

static void forward(struct net *n, int host)
{
	assert_int_equal(stk_set(n->host[host], 0, "net.ipv4.ip_forward", "1"), 0);
	assert_int_equal(stk_set(n->host[host], 0, "net.ipv6.conf.all.forwarding", "1"), 0);
}

static void set(struct net *n, int host, const char *name, const char *value)
{
	assert_int_equal(stk_set(n->host[host], n->now, name, value), 0);
}

static unsigned frames_of[4];

static bool watch(struct net *n, int from, const struct vs_frame *f)
{
	(void)n;
	(void)f;
	frames_of[from]++;
	return true;
}

static void begin(struct net *n)
{
	static const char *const lan4[] = {"10.0.0.1/24", "10.0.0.2/24", "10.0.0.3/24"};
	static const char *const lan6[] = {"2001:db8::1/64", "2001:db8::2/64", "2001:db8::3/64"};

	net_init(n, 4);
	forward(n, 1);
	forward(n, 2);
	for (int i = 0; i < 3; i++) {
		net_interface(n, i, 0);
		net_address(n, i, 1, lan4[i]);
		net_address(n, i, 1, lan6[i]);
	}
	net_join(n, 0, 1, 1, 1);
	net_join(n, 0, 1, 2, 1);
	net_join(n, 1, 1, 2, 1);
	net_join(n, 2, net_interface(n, 2, 0), 3, net_interface(n, 3, 0));
	net_address(n, 2, 2, "10.0.1.1/24");
	net_address(n, 2, 2, "2001:db8:1::1/64");
	net_address(n, 3, 1, "10.0.1.2/24");
	net_address(n, 3, 1, "2001:db8:1::2/64");
	net_route(n, 0, "0.0.0.0/0", "10.0.0.2");
	net_route(n, 1, "10.0.1.0/24", "10.0.0.3");
	net_route(n, 3, "0.0.0.0/0", "10.0.1.1");
	net_route(n, 3, "::/0", "2001:db8:1::1");
	for (int i = 0; i < 2; i++) {
		struct stk_route r = {.ifindex = 1};

		/* IPv6's routers are known by their link-local addresses. */
		r.via = address(i ? "fe80::ff:fe00:201" : "fe80::ff:fe00:101");
		r.dst = address(i ? "2001:db8:1::" : "::");
		r.bits = i ? 64 : 0;
		assert_int_equal(stk_route_add(n->host[i], 0, &r), 0);
	}
	n->look = watch;
}

static void expect_hop(struct net *n, const char *to, const char *hop)
{
	struct wire_addr dst = address(to), want = address(hop);
	struct ip_path p;

	assert_int_equal(ip_path_find(n->host[0], &dst,
				      wire_addr_is4(&dst) ? &wire_addr_any4 : &wire_addr_any6, 0,
				      &p),
			 0);
	assert_memory_equal(&p.next_hop, &want, sizeof(want));
}

static void say(struct net *n, const char *to)
{
	struct stk_addr peer = at(to, 9);
	int fd = stk_socket(n->host[0], STK_DGRAM);

	assert_int_equal(stk_send(n->host[0], n->now, fd, "x", 1, 0, &peer), 1);
	net_settle(n);
	assert_int_equal(stk_close(n->host[0], n->now, fd), 0);
}

static const struct {
	const char *to, *router, *better;
} families[] = {
	{"10.0.1.2", "10.0.0.2", "10.0.0.3"},
	{"2001:db8:1::2", "fe80::ff:fe00:101", "fe80::ff:fe00:201"},
};

static void host_takes_the_better_router_until_it_is_too_old(void **state)
{
	struct net n;

	(void)state;
	for (int i = 0; i < 2; i++) {
		unsigned sent;

		begin(&n);
		expect_hop(&n, families[i].to, families[i].router);
		say(&n, families[i].to);
		/* The packet that caused it was forwarded all the same. */
		assert_int_equal(counter(&n, 3, "UdpNoPorts"), 1);
		assert_int_equal(counter(&n, 1, "IcmpOutRedirects"), 1);
		assert_int_equal(counter(&n, 0, "IcmpInRedirects"), 1);
		assert_int_equal(counter(&n, 0, "IpRedirectsObeyed"), 1);
		expect_hop(&n, families[i].to, families[i].better);
		sent = frames_of[1];
		say(&n, families[i].to);
		assert_int_equal(frames_of[1], sent);
		assert_int_equal(counter(&n, 3, "UdpNoPorts"), 2);
		/* About this destination, and no other one. */
		expect_hop(&n, i ? "2001:db8:1::3" : "10.0.1.3", families[i].router);
		net_run(&n, n.now + 300 * VS_SEC - 1);
		expect_hop(&n, families[i].to, families[i].better);
		net_run(&n, n.now + 1);
		expect_hop(&n, families[i].to, families[i].router);
		net_fini(&n);
	}
}

static void host_returns_to_its_router_when_the_better_one_fails(void **state)
{
	struct net n;

	(void)state;
	for (int i = 0; i < 2; i++) {
		begin(&n);
		say(&n, families[i].to);
		expect_hop(&n, families[i].to, families[i].better);
		assert_int_equal(stk_if_set_up(n.host[2], n.now, 1, false), 0);
		/* Neighbour unreachability detection: RFC 4861 7.3.3. */
		net_run(&n, n.now + 60 * VS_SEC);
		say(&n, families[i].to);
		net_run(&n, n.now + 10 * VS_SEC);
		expect_hop(&n, families[i].to, families[i].router);
		net_fini(&n);
	}
}

static void a_host_that_is_at_the_link_is_reached_directly(void **state)
{
	struct stk_route host = {.ifindex = 1, .bits = 128};
	struct net n;

	(void)state;
	for (int i = 0; i < 2; i++) {
		begin(&n);
		/* Host 0 thinks that host 2 is behind the router. */
		host.via = address(families[i].router);
		host.dst = address(i ? "2001:db8::3" : "10.0.0.3");
		assert_int_equal(stk_route_add(n.host[0], 0, &host), 0);
		say(&n, i ? "2001:db8::3" : "10.0.0.3");
		assert_int_equal(counter(&n, 0, "IpRedirectsObeyed"), 1);
		expect_hop(&n, i ? "2001:db8::3" : "10.0.0.3", i ? "2001:db8::3" : "10.0.0.3");
		net_fini(&n);
	}
}

static void settings_decide_who_sends_and_who_obeys(void **state)
{
	struct net n;

	(void)state;
	begin(&n);
	set(&n, 1, "net.ipv4.conf.all.send_redirects", "0");
	say(&n, "10.0.1.2");
	assert_int_equal(counter(&n, 1, "IcmpOutRedirects"), 0);
	set(&n, 1, "net.ipv4.conf.all.send_redirects", "1");
	set(&n, 0, "net.ipv4.conf.all.accept_redirects", "0");
	set(&n, 0, "net.ipv6.conf.all.accept_redirects", "0");
	say(&n, "10.0.1.2");
	say(&n, "2001:db8:1::2");
	assert_int_equal(counter(&n, 0, "IcmpInRedirects"), 2);
	assert_int_equal(counter(&n, 0, "IpRedirectsObeyed"), 0);
	/* RFC 1812 5.2.7.2: a router obeys none. */
	set(&n, 0, "net.ipv4.conf.all.accept_redirects", "1");
	set(&n, 0, "net.ipv4.ip_forward", "1");
	say(&n, "10.0.1.2");
	assert_int_equal(counter(&n, 0, "IcmpInRedirects"), 3);
	assert_int_equal(counter(&n, 0, "IpRedirectsObeyed"), 0);
	set(&n, 0, "net.ipv4.ip_forward", "0");
	/* Not on a shared medium, and secure: the better one must be a default router of ours. */
	set(&n, 0, "net.ipv4.conf.all.shared_media", "0");
	say(&n, "10.0.1.2");
	assert_int_equal(counter(&n, 0, "IpRedirectsObeyed"), 0);
	set(&n, 0, "net.ipv4.conf.all.secure_redirects", "0");
	say(&n, "10.0.1.2");
	assert_int_equal(counter(&n, 0, "IpRedirectsObeyed"), 1);
	net_fini(&n);
}

/* RFC 1812 4.3.2.8, RFC 4861 8.2: a limited rate; Linux's: six at once, then one a second. */
static void redirects_are_limited_in_rate(void **state)
{
	struct net n;

	(void)state;
	for (int i = 0; i < 2; i++) {
		begin(&n);
		set(&n, 0, "net.ipv4.conf.all.accept_redirects", "0");
		set(&n, 0, "net.ipv6.conf.all.accept_redirects", "0");
		for (unsigned k = 0; k < 20; k++)
			say(&n, families[i].to);
		assert_int_equal(counter(&n, 1, "IcmpOutRedirects"), 6);
		assert_int_equal(counter(&n, 1, "IpForwDatagrams"), 20);
		net_fini(&n);
	}
}

static void only_the_first_hop_is_believed_and_only_sense(void **state)
{
	static const struct {
		const char *from, *to, *gateway;
	} bad4[] = {
		{"10.0.0.3", "10.0.1.2", "10.0.0.9"},	/* not from who it was sent to */
		{"10.0.0.2", "10.0.1.2", "10.0.0.2"},	/* himself */
		{"10.0.0.2", "10.0.1.2", "10.0.0.1"},	/* us */
		{"10.0.0.2", "10.0.1.2", "0.0.0.0"},	/* nobody */
		{"10.0.0.2", "10.0.1.2", "224.0.0.5"},	/* a group */
		{"10.0.0.2", "10.0.1.2", "10.0.0.255"}, /* everybody */
		{"10.0.0.2", "10.0.1.2", "127.0.0.1"},
		{"10.0.0.2", "10.0.0.9", "10.0.0.3"},	/* needs no router */
		{"fe80::ff:fe00:101", "2001:db8:1::2", "2001:db8::3"}, /* a router's global one */
		{"fe80::ff:fe00:101", "2001:db8::9", "fe80::ff:fe00:201"},
		{"fe80::ff:fe00:201", "2001:db8:1::2", "fe80::9"},
	};
	struct net n;

	(void)state;
	begin(&n);
	for (unsigned i = 0; i < sizeof(bad4) / sizeof(bad4[0]); i++) {
		struct wire_addr from = address(bad4[i].from), to = address(bad4[i].to);
		struct wire_addr gateway = address(bad4[i].gateway);

		assert_false(ip_redirect_learn(n.host[0], 0, ip_if(n.host[0], 1), &from, &to,
					       &gateway));
	}
	net_fini(&n);
}

/* RFC 1812 5.2.7.2, RFC 4861 8.2: who sent the packet must be on the link himself. */
static void who_is_behind_a_router_is_not_redirected(void **state)
{
	struct net n;

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct stk_addr far = at(i ? "2001:db8:7::7" : "10.0.7.7", 9);

		begin(&n);
		/* From host 3 by host 2 to host 1, who sends it back to the link. */
		net_route(&n, 2, i ? "2001:db8:7::/64" : "10.0.7.0/24",
			  i ? "fe80::ff:fe00:101" : "10.0.0.2");
		net_route(&n, 1, i ? "2001:db8:7::/64" : "10.0.7.0/24", i ? "fe80::9" : "10.0.0.9");
		assert_int_equal(stk_send(n.host[3], 0, stk_socket(n.host[3], STK_DGRAM), "x", 1, 0,
					  &far),
				 1);
		net_settle(&n);
		assert_int_equal(counter(&n, 1, "IpForwDatagrams"), 1);
		assert_int_equal(counter(&n, 1, "IcmpOutRedirects"), 0);
		net_fini(&n);
	}
}

/* What is remembered is bounded, and the newest stays. */
static void a_flood_of_redirects_takes_no_more_memory(void **state)
{
	struct wire_addr from = address("10.0.0.2"), to = address("10.0.1.0");
	struct wire_addr better = address("10.0.0.3");
	struct net n;
	size_t used;

	(void)state;
	begin(&n);
	for (unsigned i = 0; i < 300; i++) {
		wire_put16(to.b + 14, (uint16_t)(0x1000 + i));
		assert_true(ip_redirect_learn(n.host[0], 0, ip_if(n.host[0], 1), &from, &to,
					      &better));
	}
	used = n.arena.size_used;
	for (unsigned i = 300; i < 3000; i++) {
		wire_put16(to.b + 14, (uint16_t)(0x1000 + i));
		assert_true(ip_redirect_learn(n.host[0], 0, ip_if(n.host[0], 1), &from, &to,
					      &better));
	}
	assert_int_equal(n.arena.size_used, used);
	expect_hop(&n, "10.0.27.183", "10.0.0.3"); /* 0x1000 + 2999 */
	net_fini(&n);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(host_takes_the_better_router_until_it_is_too_old),
		cmocka_unit_test(host_returns_to_its_router_when_the_better_one_fails),
		cmocka_unit_test(a_host_that_is_at_the_link_is_reached_directly),
		cmocka_unit_test(settings_decide_who_sends_and_who_obeys),
		cmocka_unit_test(redirects_are_limited_in_rate),
		cmocka_unit_test(only_the_first_hop_is_believed_and_only_sense),
		cmocka_unit_test(who_is_behind_a_router_is_not_redirected),
		cmocka_unit_test(a_flood_of_redirects_takes_no_more_memory),
	};

	return cmocka_run_group_tests_name("ip_redirect", tests, NULL, NULL);
}
