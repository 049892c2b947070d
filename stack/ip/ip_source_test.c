/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Source address selection: the examples of RFC 6724 10.1, and each rule of 5 by itself. Both
 * candidates are given in both orders, so that none wins by being first.
 */
#include "stack/no_tcp_for_test.h"
#include "stack/wire_for_test.h"

struct candidate {
	const char *text;
	unsigned flags; /* STK_ADDR_... */
	const char *router;
};

struct row {
	const char *dst;
	struct candidate a, b; /* a wins */
	const char *next_hop;
};

static void add(struct net *n, const struct candidate *c)
{
	struct ip_interface *interface = ip_if(n->host[0], 1);
	struct ip_address *a;
	struct wire_addr addr;
	unsigned bits;

	assert_int_equal(wire_addr_parse_prefix(c->text, &addr, &bits), 0);
	assert_int_equal(stk_addr_add(n->host[0], 0, 1, &addr, bits), 0);
	assert_int_equal(stk_addr_set_flags(n->host[0], 0, 1, &addr,
					    c->flags & (STK_ADDR_DEPRECATED | STK_ADDR_HOME)),
			 0);
	a = ip_address_on(interface, &addr);
	if (c->flags & STK_ADDR_TEMPORARY)
		a->kind = IP_TEMPORARY;
	if (c->router)
		a->router = address(c->router);
}

static void expect(const struct row *row)
{
	for (unsigned order = 0; order < 2; order++) {
		struct wire_addr dst = address(row->dst), hop = wire_addr_any6, want;
		const struct ip_address *got;
		unsigned bits;
		struct net n;

		net_init(&n, 1);
		assert_int_equal(
			stk_set(n.host[0], 0, "net.ipv6.conf.all.addr_gen_mode", "1"), 0);
		assert_int_equal(stk_set(n.host[0], 0, "net.ipv6.conf.all.use_tempaddr", "2"), 0);
		net_interface(&n, 0, 0);
		add(&n, order ? &row->b : &row->a);
		add(&n, order ? &row->a : &row->b);
		if (row->next_hop)
			hop = address(row->next_hop);
		got = ip_source_select_via(n.host[0], ip_if(n.host[0], 1), &dst, &hop);
		assert_non_null(got);
		assert_int_equal(wire_addr_parse_prefix(row->a.text, &want, &bits), 0);
		if (!wire_addr_equal(&got->addr, &want))
			fail_msg("to %s: not %s", row->dst, row->a.text);
		net_fini(&n);
	}
}

#define DEPRECATED .flags = STK_ADDR_DEPRECATED
#define HOME	   .flags = STK_ADDR_HOME
#define TEMPORARY  .flags = STK_ADDR_TEMPORARY

static void examples_of_rfc6724(void **state)
{
	static const struct row rows[] = {
		/* Prefer appropriate scope. */
		{"2001:db8:1::1", {.text = "2001:db8:3::1/64"}, {.text = "fe80::1/64"}, NULL},
		{"ff05::1", {.text = "2001:db8:3::1/64"}, {.text = "fe80::1/64"}, NULL},
		/* Prefer same address. */
		{"2001:db8:1::1",
		 {.text = "2001:db8:1::1/64", DEPRECATED},
		 {.text = "2001:db8:2::1/64"},
		 NULL},
		/* Prefer appropriate scope. */
		{"fe80::1", {.text = "fe80::2/64", DEPRECATED}, {.text = "2001:db8:1::1/64"}, NULL},
		/* Longest matching prefix. */
		{"2001:db8:1::1", {.text = "2001:db8:1::2/64"}, {.text = "2001:db8:3::2/64"}, NULL},
		/* Prefer home address. */
		{"2001:db8:1::1",
		 {.text = "2001:db8:3::2/64", HOME},
		 {.text = "2001:db8:1::2/64"},
		 NULL},
		/* Prefer matching label. */
		{"2002:c633:6401::1",
		 {.text = "2002:c633:6401::d5e3:7953:13eb:22e8/64", TEMPORARY},
		 {.text = "2001:db8:1::2/64"},
		 NULL},
		/* Prefer temporary address. */
		{"2001:db8:1::d5e3:0:0:1",
		 {.text = "2001:db8:1::d5e3:7953:13eb:22e8/64", TEMPORARY},
		 {.text = "2001:db8:1::2/64"},
		 NULL},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect(&rows[i]);
}

/* Each rule of RFC 6724 5 decides against all those behind it. */
static void each_rule_outweighs_the_next(void **state)
{
	static const struct row rows[] = {
		/* 1 over 2: fe80::1 has the smaller scope, and cannot reach. */
		{"2001:db8::1",
		 {.text = "2001:db8::1/64", DEPRECATED},
		 {.text = "2001:db8::2/64", HOME},
		 NULL},
		/* 2 over 3. */
		{"2001:db8::1",
		 {.text = "2001:db8:9::9/64", DEPRECATED},
		 {.text = "fe80::9/64"},
		 NULL},
		{"fe80::5", {.text = "fe80::9/64", DEPRECATED}, {.text = "2001:db8::2/64"}, NULL},
		/* 3 over 4, */
		{"2001:db8::1",
		 {.text = "2001:db8:9::9/64"},
		 {.text = "2001:db8::2/64", .flags = STK_ADDR_DEPRECATED | STK_ADDR_HOME},
		 NULL},
		/* 4 over 5.5, */
		{"2001:db8::1",
		 {.text = "2001:db8:9::9/64", HOME},
		 {.text = "2001:db8::2/64", .router = "fe80::77"},
		 "fe80::77"},
		/* 5.5 over 6, */
		{"fd00::1",
		 {.text = "2001:db8:9::9/64", .router = "fe80::77"},
		 {.text = "fd00::2/64"},
		 "fe80::77"},
		/* 6 over 7, */
		{"fd00::1", {.text = "fd01::2/64"}, {.text = "2001:db8::2/64", TEMPORARY}, NULL},
		/* 7 over 8. */
		{"2001:db8::1",
		 {.text = "2001:db8:9::9/64", TEMPORARY},
		 {.text = "2001:db8::2/64"},
		 NULL},
		/* 8: bits beyond the prefix of the source do not count; IPv4 by the same rules. */
		{"10.1.2.3", {.text = "10.1.0.9/16"}, {.text = "10.2.0.9/16"}, NULL},
		{"10.1.2.3", {.text = "10.2.0.9/16"}, {.text = "169.254.1.1/16"}, NULL},
		{"169.254.1.9", {.text = "169.254.1.1/16"}, {.text = "10.2.0.9/16"}, NULL},
		/* Teredo, ULA, 6to4 keep to themselves (2.1). */
		{"2001:0:1::1", {.text = "2001:0:9::1/64"}, {.text = "2001:db8::1/64"}, NULL},
		{"2001:db8::1", {.text = "2001:db8:9::1/64"}, {.text = "2001:0:9::1/64"}, NULL},
		{"2002::1", {.text = "2002:9::1/64"}, {.text = "2001:db8::1/64"}, NULL},
		{"2001:db8::1", {.text = "2001:db8:9::1/64"}, {.text = "fd00::1/64"}, NULL},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect(&rows[i]);
}

/* Addresses of other interfaces are no candidates: rule 5. */
static void source_is_of_the_interface_that_is_left_by(void **state)
{
	struct wire_addr dst = address("2001:db8:1::9"), want = address("2001:db8:2::1");
	struct stk_route route = {.dst = dst, .bits = 128, .ifindex = 2};
	struct ip_path path;
	struct net n;

	(void)state;
	net_init(&n, 1);
	net_interface(&n, 0, 0);
	net_interface(&n, 0, 0);
	net_address(&n, 0, 1, "2001:db8:1::1/64");
	net_address(&n, 0, 2, "2001:db8:2::1/64");
	assert_int_equal(stk_route_add(n.host[0], 0, &route), 0);
	assert_int_equal(ip_path_find(n.host[0], &dst, &wire_addr_any6, 0, &path), 0);
	assert_int_equal(path.ifindex, 2);
	assert_memory_equal(&path.src, &want, 16);
	net_fini(&n);
}

static void flags_are_for_what_was_added_here(void **state)
{
	struct wire_addr a = address("2001:db8::1");
	struct stk_addr_info info;
	struct net n;

	(void)state;
	net_pair(&n, 0);
	assert_int_equal(stk_addr_set_flags(n.host[0], 0, 9, &a, 0), -ENODEV);
	assert_int_equal(stk_addr_set_flags(n.host[0], 0, 1, &a, STK_ADDR_TEMPORARY), -EINVAL);
	assert_int_equal(stk_addr_set_flags(n.host[0], 0, 1, &a, STK_ADDR_HOME), 0);
	assert_int_equal(stk_addr_info(n.host[0], 1, 2, &info), 0);
	assert_memory_equal(&info.addr, &a, 16);
	assert_int_equal(info.flags, STK_ADDR_HOME);
	a.b[15] = 9;
	assert_int_equal(stk_addr_set_flags(n.host[0], 0, 1, &a, 0), -EADDRNOTAVAIL);
	net_fini(&n);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(examples_of_rfc6724),
		cmocka_unit_test(each_rule_outweighs_the_next),
		cmocka_unit_test(source_is_of_the_interface_that_is_left_by),
		cmocka_unit_test(flags_are_for_what_was_added_here),
	};

	return cmocka_run_group_tests_name("ip_source", tests, NULL, NULL);
}
