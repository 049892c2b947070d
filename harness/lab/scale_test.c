/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Many hosts on many switches, and routers between networks: what a lab is for. */
#include <errno.h>

#include "harness/lab/test_lab.h"

/* A tree of switches, three branches each, hosts dealt out to them; host i is node switches + i. */
static struct vsq_lab *campus_new(int switches, int hosts, uint64_t seed)
{
	struct vsq_lab *lab = vsq_new("campus", seed);
	char text[64];

	for (int i = 0; i < switches; i++) {
		snprintf(text, sizeof(text), "s%d", i);
		must(lab, vsq_add_switch(lab, text, 64));
		if (i)
			must(lab, vsq_join(lab, NULL, (i - 1) / 3, 0, i, 0));
	}
	for (int i = 0; i < hosts; i++) {
		int node;

		snprintf(text, sizeof(text), "h%d", i);
		node = must(lab, vsq_add_host(lab, text));
		snprintf(text, sizeof(text), "10.0.%d.%d/16", i / 250, i % 250 + 1);
		must(lab, vsq_address(lab, node, 1, text));
		must(lab, vsq_join(lab, NULL, node, 0, i % switches, 0));
	}
	return lab;
}

static void campus_run(uint64_t seed, char digest[33])
{
	enum { SWITCHES = 10, HOSTS = 100 };
	struct vsq_lab *lab = campus_new(SWITCHES, HOSTS, seed);

	for (int i = 0; i < HOSTS / 2; i++)
		must(lab, vsq_app(lab, "ping", SWITCHES + i, SWITCHES + HOSTS - 1 - i,
				  "count=10 interval=500ms"));
	run(lab, 20 * VS_SEC);
	for (int i = 0; i < HOSTS / 2; i++) {
		char name[32];

		snprintf(name, sizeof(name), "app.%d.received", i);
		assert_true(metric(lab, name) == 10);
	}
	/* Learnt addresses keep answers off the other cables. */
	assert_true(metric(lab, "cable.h0-s0.rl.frames") < 4 * HOSTS);
	done(lab, digest);
}

static void every_host_of_a_campus_reaches_its_peer(void **state)
{
	char first[33], second[33];

	(void)state;
	campus_run(1, first);
	campus_run(1, second);
	assert_string_equal(first, second);
}

static void routers_carry_both_families_and_tell_of_ttl(void **state)
{
	struct vsq_lab *lab = vsq_new("routed", 1);
	int a, b, r1, r2;

	(void)state;
	a = must(lab, vsq_add_host(lab, "a"));
	b = must(lab, vsq_add_host(lab, "b"));
	r1 = must(lab, vsq_add_router(lab, "r1"));
	r2 = must(lab, vsq_add_router(lab, "r2"));
	must(lab, vsq_join(lab, NULL, a, 0, r1, 0));
	must(lab, vsq_join(lab, NULL, r1, 0, r2, 0));
	must(lab, vsq_join(lab, NULL, r2, 0, b, 0));
	must(lab, vsq_address(lab, a, 1, "10.1.0.2/24"));
	must(lab, vsq_address(lab, r1, 1, "10.1.0.1/24"));
	must(lab, vsq_address(lab, r1, 2, "10.9.0.1/24"));
	must(lab, vsq_address(lab, r2, 1, "10.9.0.2/24"));
	must(lab, vsq_address(lab, r2, 2, "10.2.0.1/24"));
	must(lab, vsq_address(lab, b, 1, "10.2.0.2/24"));
	must(lab, vsq_address(lab, a, 1, "2001:db8:1::2/64"));
	must(lab, vsq_address(lab, r1, 1, "2001:db8:1::1/64"));
	must(lab, vsq_address(lab, r1, 2, "2001:db8:9::1/64"));
	must(lab, vsq_address(lab, r2, 1, "2001:db8:9::2/64"));
	must(lab, vsq_address(lab, r2, 2, "2001:db8:2::1/64"));
	must(lab, vsq_address(lab, b, 1, "2001:db8:2::2/64"));
	must(lab, vsq_route(lab, a, "default", "10.1.0.1"));
	must(lab, vsq_route(lab, b, "default", "10.2.0.1"));
	must(lab, vsq_route(lab, r1, "10.2.0.0/24", "10.9.0.2"));
	must(lab, vsq_route(lab, r2, "10.1.0.0/24", "10.9.0.1"));
	must(lab, vsq_route(lab, a, "default", "2001:db8:1::1"));
	must(lab, vsq_route(lab, b, "default", "2001:db8:2::1"));
	must(lab, vsq_route(lab, r1, "2001:db8:2::/64", "2001:db8:9::2"));
	must(lab, vsq_route(lab, r2, "2001:db8:1::/64", "2001:db8:9::1"));
	must(lab, vsq_app(lab, "ping", a, b, "count=5 family=4"));
	must(lab, vsq_app(lab, "ping", a, b, "count=5 family=6"));
	must(lab, vsq_app(lab, "tcp-bulk", b, a, "bytes=1MB family=6"));
	run(lab, 30 * VS_SEC);
	assert_true(metric(lab, "app.0.received") == 5);
	assert_true(metric(lab, "app.1.received") == 5);
	assert_true(metric(lab, "app.2.done") == 1);
	assert_true(metric(lab, "node.r1.IpForwDatagrams") > 700);
	done(lab, NULL);
}

/* Two routers that send a network to each other: the TTL ends it, and hosts hear of it. */
static void routing_loop_ends_by_ttl(void **state)
{
	struct vsq_lab *lab = vsq_new("ring", 1);
	int a, r1, r2, b;

	(void)state;
	a = must(lab, vsq_add_host(lab, "a"));
	r1 = must(lab, vsq_add_router(lab, "r1"));
	r2 = must(lab, vsq_add_router(lab, "r2"));
	b = must(lab, vsq_add_host(lab, "b"));
	must(lab, vsq_join(lab, NULL, a, 0, r1, 0));
	must(lab, vsq_join(lab, NULL, r1, 0, r2, 0));
	must(lab, vsq_address(lab, a, 1, "10.1.0.2/24"));
	must(lab, vsq_address(lab, r1, 1, "10.1.0.1/24"));
	must(lab, vsq_address(lab, r1, 2, "10.9.0.1/24"));
	must(lab, vsq_address(lab, r2, 1, "10.9.0.2/24"));
	must(lab, vsq_address(lab, b, 1, "10.2.0.2/24"));
	must(lab, vsq_route(lab, a, "default", "10.1.0.1"));
	must(lab, vsq_route(lab, r1, "10.2.0.0/24", "10.9.0.2"));
	must(lab, vsq_route(lab, r2, "default", "10.9.0.1"));
	must(lab, vsq_app(lab, "ping", a, b, "count=3"));
	run(lab, 30 * VS_SEC);
	assert_true(metric(lab, "app.0.received") == 0);
	assert_true(metric(lab, "app.0.errors") == 3);
	assert_in_range((unsigned)metric(lab, "node.r1.IpForwDatagrams"), 90, 100);
	vsq_free(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_host_of_a_campus_reaches_its_peer),
		cmocka_unit_test(routers_carry_both_families_and_tell_of_ttl),
		cmocka_unit_test(routing_loop_ends_by_ttl),
	};

	return cmocka_run_group_tests_name("scale", tests, NULL, NULL);
}
