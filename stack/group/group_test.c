/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Membership of groups as a router sees it: RFC 3376, RFC 3810, RFC 2236, RFC 2710. */
#include "stack/group/group_for_test.h"

/* RFC 3376 5.1: each change at once, and robustness - 1 times more within a second. */
static void changes_are_reported_twice(void **state)
{
	struct net n;

	(void)state;
	for (int is4 = 0; is4 < 2; is4++) {
		int fd;

		begin(&n);
		fd = listener(&n);
		assert_int_equal(group_op(&n, is4, fd, STK_GROUP_JOIN, 7, 0), 0);
		expect("TO_EX 7 ");
		pass(&n, VS_SEC);
		expect("TO_EX 7 ");
		pass(&n, 100 * VS_SEC);
		expect("");
		assert_int_equal(group_op(&n, is4, fd, STK_GROUP_BLOCK, 7, 3), 0);
		assert_int_equal(group_op(&n, is4, fd, STK_GROUP_BLOCK, 7, 4), 0);
		/* The second one takes along what is still to be told of the first. */
		expect("BLOCK 7:3 BLOCK 7:3,4 ");
		pass(&n, VS_SEC);
		expect("BLOCK 7:4 ");
		assert_int_equal(group_op(&n, is4, fd, STK_GROUP_UNBLOCK, 7, 3), 0);
		expect("ALLOW 7:3 ");
		/* What comes and goes in between is told as it ends. */
		assert_int_equal(group_op(&n, is4, fd, STK_GROUP_BLOCK, 7, 3), 0);
		expect("BLOCK 7:3 ");
		pass(&n, VS_SEC);
		expect("BLOCK 7:3 ");
		assert_int_equal(stk_close(n.host[0], n.now, fd), 0);
		net_settle(&n);
		expect("TO_IN 7 ");
		pass(&n, VS_SEC);
		expect("TO_IN 7 ");
		pass(&n, 100 * VS_SEC);
		expect("");
		net_fini(&n);
	}
}

/* RFC 3376 3.2: the examples of its text: the filters of several sockets make one. */
static void filters_of_sockets_make_one(void **state)
{
	struct net n;

	(void)state;
	for (int is4 = 0; is4 < 2; is4++) {
		struct wire_addr list[3];
		struct stk_addr g = group_of(is4, 9);
		unsigned count = 3;
		bool exclude;
		int a, b, c;

		begin(&n);
		a = listener(&n);
		b = listener(&n);
		c = listener(&n);
		/* From socket s1: INCLUDE {1, 2, 3}; s2: INCLUDE {2, 3, 4}; s3: INCLUDE {4, 5}. */
		for (unsigned i = 1; i <= 3; i++)
			assert_int_equal(group_op(&n, is4, a, STK_GROUP_JOIN_SOURCE, 9, i), 0);
		expect("ALLOW 9:1 ALLOW 9:1,2 ALLOW 9:2,3 ");
		pass(&n, 2 * VS_SEC);
		expect("ALLOW 9:3 ");
		for (unsigned i = 2; i <= 4; i++)
			assert_int_equal(group_op(&n, is4, b, STK_GROUP_JOIN_SOURCE, 9, i), 0);
		expect("ALLOW 9:4 ");
		/* s1: EXCLUDE {1, 2, 4, 5}; s2 goes on: EXCLUDE {1, 5}. */
		for (unsigned i = 0; i < 3; i++)
			list[i] = source_of(is4, i == 0 ? 1 : i == 1 ? 2 : 5);
		assert_int_equal(stk_group_filter_set(n.host[0], n.now, a, &g, true, list, 3), 0);
		net_settle(&n);
		expect("TO_EX 9:1,5 ");
		pass(&n, 2 * VS_SEC);
		expect("TO_EX 9:1,5 ");
		/* s3: EXCLUDE {1, 3}: both exclude 1 only. */
		assert_int_equal(group_op(&n, is4, c, STK_GROUP_JOIN, 9, 0), 0);
		expect("ALLOW 9:1,5 ");
		assert_int_equal(group_op(&n, is4, c, STK_GROUP_BLOCK, 9, 1), 0);
		assert_int_equal(group_op(&n, is4, c, STK_GROUP_BLOCK, 9, 3), 0);
		expect("ALLOW 9:5 BLOCK 9:1 ");
		count = 1;
		assert_int_equal(stk_group_filter_get(n.host[0], c, &g, &exclude, list, &count), 0);
		assert_true(exclude);
		assert_int_equal(count, 2);
		/* Without those who exclude, it is what the second one includes. */
		assert_int_equal(stk_close(n.host[0], n.now, a), 0);
		assert_int_equal(stk_close(n.host[0], n.now, c), 0);
		net_settle(&n);
		pass(&n, 2 * VS_SEC);
		assert_non_null(strstr(seen, "TO_IN 9:2,3,4 "));
		assert_true(ip_group_has(ip_if(n.host[0], 1), &g.addr));
		/* Who includes nobody any more is no member. */
		for (unsigned i = 2; i <= 4; i++)
			assert_int_equal(group_op(&n, is4, b, STK_GROUP_LEAVE_SOURCE, 9, i), 0);
		assert_false(ip_group_has(ip_if(n.host[0], 1), &g.addr));
		assert_int_equal(group_op(&n, is4, b, STK_GROUP_LEAVE, 9, 0), -EADDRNOTAVAIL);
		pass(&n, 2 * VS_SEC);
		assert_null(group_find(ip_if(n.host[0], 1), &g.addr));
		net_fini(&n);
	}
}

/* RFC 3376 5.2, RFC 3810 6.2. */
static void queries_are_answered_within_their_time(void **state)
{
	static const unsigned asked[] = {1, 2, 9};
	struct net n;

	(void)state;
	for (int is4 = 0; is4 < 2; is4++) {
		/* IPv6's own groups answer as well: the solicited-node ones of both addresses. */
		const char *own = is4 ? "" : "IS_EX 1 ";
		char want[128];
		int a;

		begin(&n);
		a = listener(&n);
		assert_int_equal(group_op(&n, is4, a, STK_GROUP_JOIN, 7, 0), 0);
		for (unsigned i = 1; i <= 2; i++)
			assert_int_equal(group_op(&n, is4, a, STK_GROUP_JOIN_SOURCE, 8, i), 0);
		pass(&n, 3 * VS_SEC);
		vs_text_init(&seen_text, seen, sizeof(seen));
		query(&n, is4, 3, 0, 10000, NULL, 0);
		expect("");
		pass(&n, 10 * VS_SEC + 1);
		snprintf(want, sizeof(want), "IS_IN 8:1,2 IS_EX 7 %s", own);
		expect(want);
		/* Of a group: its state; of sources: those that are wanted. */
		query(&n, is4, 3, 7, 1000, NULL, 0);
		pass(&n, VS_SEC + 1);
		expect("IS_EX 7 ");
		query(&n, is4, 3, 8, 1000, asked + 1, 2);
		pass(&n, VS_SEC + 1);
		expect("IS_IN 8:2 ");
		query(&n, is4, 3, 7, 1000, asked + 1, 2);
		pass(&n, VS_SEC + 1);
		expect("IS_IN 7:2,9 ");
		query(&n, is4, 3, 8, 1000, asked + 2, 1);
		pass(&n, VS_SEC + 1);
		expect("");
		/* Rule 4: a question about the whole group swallows those about sources. */
		query(&n, is4, 3, 8, 1000, asked, 1);
		query(&n, is4, 3, 8, 1000, NULL, 0);
		pass(&n, VS_SEC + 1);
		expect("IS_IN 8:1,2 ");
		/* Rule 5: sources add up. */
		query(&n, is4, 3, 8, 1000, asked, 1);
		query(&n, is4, 3, 8, 1000, asked + 1, 1);
		pass(&n, VS_SEC + 1);
		expect("IS_IN 8:1,2 ");
		/* Rule 1: a general answer that comes earlier is enough. */
		query(&n, is4, 3, 0, 1, NULL, 0);
		query(&n, is4, 3, 7, 10000, NULL, 0);
		pass(&n, 10 * VS_SEC + 1);
		expect(want);
		/* Of what is not received nothing is said. */
		query(&n, is4, 3, 55, 1000, NULL, 0);
		pass(&n, 2 * VS_SEC);
		expect("");
		net_fini(&n);
	}
}

/* RFC 3376 7.2, RFC 3810 8.2: an older querier is spoken to in its version until it is gone for
 * robustness * interval + its response time.
 */
static void older_queriers_are_obeyed_until_they_are_gone(void **state)
{
	struct net n;

	(void)state;
	for (int is4 = 0; is4 < 2; is4++) {
		struct stk_addr seven = group_of(is4, 7);
		int a;

		begin(&n);
		a = listener(&n);
		assert_int_equal(group_op(&n, is4, a, STK_GROUP_JOIN, 7, 0), 0);
		pass(&n, 2 * VS_SEC);
		expect("TO_EX 7 TO_EX 7 ");
		query(&n, is4, 2, 0, 10000, NULL, 0);
		pass(&n, 10 * VS_SEC + 1);
		if (is4)
			expect("report2 7 ");
		vs_text_init(&seen_text, seen, sizeof(seen));
		/* Joined: at once and once more within ten seconds; left: at once. */
		assert_int_equal(group_op(&n, is4, a, STK_GROUP_JOIN, 8, 0), 0);
		expect("report2 8 ");
		pass(&n, 10 * VS_SEC + 1);
		expect("report2 8 ");
		assert_int_equal(group_op(&n, is4, a, STK_GROUP_LEAVE, 8, 0), 0);
		expect("leave 8 ");
		/* Sources cannot be told. */
		assert_int_equal(group_op(&n, is4, a, STK_GROUP_BLOCK, 7, 3), 0);
		expect("");
		/* RFC 2236 3: another member's report is enough, and then leaving is his affair. */
		query(&n, is4, 2, 7, 10000, NULL, 0);
		group_report_heard(n.host[0], n.now, ip_if(n.host[0], 1), &seven.addr);
		pass(&n, 10 * VS_SEC + 1);
		expect("");
		assert_int_equal(group_op(&n, is4, a, STK_GROUP_LEAVE, 7, 0), 0);
		expect("");
		if (is4) {
			query(&n, true, 1, 0, 10000, NULL, 0);
			assert_int_equal(group_op(&n, true, a, STK_GROUP_JOIN, 6, 0), 0);
			expect("report1 6 ");
			assert_int_equal(group_op(&n, true, a, STK_GROUP_LEAVE, 6, 0), 0);
			expect("");
		}
		/* 2 * 125 s and 10 s after the last query. */
		pass(&n, (is4 ? 260 : 250) * VS_SEC - 1);
		vs_text_init(&seen_text, seen, sizeof(seen));
		seen[0] = '\0';
		if (is4) {
			assert_int_equal(group_op(&n, true, a, STK_GROUP_JOIN, 5, 0), 0);
			expect("report1 5 ");
			assert_int_equal(group_op(&n, true, a, STK_GROUP_LEAVE, 5, 0), 0);
		}
		pass(&n, 1 + (is4 ? 0 : 20 * VS_SEC));
		assert_int_equal(group_op(&n, is4, a, STK_GROUP_JOIN, 4, 0), 0);
		expect("TO_EX 4 ");
		net_fini(&n);
	}
}

static void a_version_can_be_forced(void **state)
{
	struct net n;
	int a;

	(void)state;
	begin(&n);
	a = listener(&n);
	assert_int_equal(stk_set(n.host[0], 0, "net.ipv4.conf.all.force_igmp_version", "2"), 0);
	assert_int_equal(stk_set(n.host[0], 0, "net.ipv6.conf.all.force_mld_version", "1"), 0);
	for (int is4 = 0; is4 < 2; is4++) {
		assert_int_equal(group_op(&n, is4, a, STK_GROUP_JOIN, 7, 0), 0);
		expect("report2 7 ");
		query(&n, is4, 3, 7, 100, NULL, 0);
		pass(&n, VS_SEC);
		expect("report2 7 ");
		pass(&n, 20 * VS_SEC);
		vs_text_init(&seen_text, seen, sizeof(seen));
		seen[0] = '\0';
	}
	net_fini(&n);
}

/* RFC 3376 9.1, RFC 3810 6.2. */
static void wrong_queries_are_counted(void **state)
{
	uint8_t mld[28] = {WIRE_ICMP6_MLD_QUERY};
	uint8_t igmp[12] = {WIRE_IGMP_QUERY};
	struct net n;

	(void)state;
	begin(&n);
	for (unsigned i = 0; i < 4; i++) {
		struct vs_frame *f = vs_frame_from(n.pool, i < 3 ? mld : igmp, i < 3 ? 28 : 12);
		struct wire_ip alert = {.src = address(i == 1 ? "2001:db8::9" : "fe80::9"),
					.hop_limit = i == 2 ? 2 : 1,
					.protocol = WIRE_PROTO_ICMP6,
					.router_alert = i == 0 ? 0 : 43,
					.version = 6};
		struct ip_received r = {.ip = &alert, .ifindex = 1};

		f->flags |= VS_FRAME_TRUSTED;
		if (i < 3) {
			mld_input(n.host[0], 0, &r, f);
			continue;
		}
		alert = (struct wire_ip){.src = address("10.0.0.2"), .dst = address("10.0.0.1"),
					 .version = 4, .router_alert = 21};
		igmp_input(n.host[0], 0, &r, f);
	}
	assert_int_equal(counter(&n, 0, "GroupInErrors"), 4);
	assert_int_equal(counter(&n, 0, "GroupInQueries"), 0);
	net_fini(&n);
}

/* RFC 3376 4.2.16: what does not fit is told in several reports. */
static void long_lists_take_several_reports(void **state)
{
	struct net n;
	int a;

	(void)state;
	begin(&n);
	a = listener(&n);
	assert_int_equal(stk_set(n.host[0], 0, "net.ipv6.mld_max_msf", "200"), 0);
	assert_int_equal(stk_if_set_mtu(n.host[0], 0, 1, 1280), 0);
	for (unsigned i = 1; i <= 200; i++)
		assert_int_equal(group_op(&n, false, a, STK_GROUP_JOIN_SOURCE, 7, i), 0);
	pass(&n, 5 * VS_SEC);
	vs_text_init(&seen_text, seen, sizeof(seen));
	seen[0] = '\0';
	packets = 0;
	query(&n, false, 3, 7, 1000, NULL, 0);
	pass(&n, 2 * VS_SEC);
	/* (1280 - 48 - 8 - 20) / 16: 75 sources in each. */
	assert_int_equal(packets, 3);
	assert_int_equal(group_op(&n, false, a, STK_GROUP_JOIN_SOURCE, 7, 201), -ENOBUFS);
	net_fini(&n);
}

/* The stack's own groups are told unasked only when it is set: a host left alone is quiet. */
static void solicited_node_groups_are_reported_when_set(void **state)
{
	struct net n;

	(void)state;
	begin(&n);
	net_address(&n, 0, 1, "2001:db8::42/64");
	net_settle(&n);
	expect("");
	assert_int_equal(stk_set(n.host[0], 0, "net.ipv6.conf.all.mld_own_reports", "1"), 0);
	net_address(&n, 0, 1, "2001:db8::43/64");
	net_settle(&n);
	expect("TO_EX 67 ");
	pass(&n, 2 * VS_SEC);
	expect("TO_EX 67 ");
	net_fini(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_are_reported_twice),
		cmocka_unit_test(filters_of_sockets_make_one),
		cmocka_unit_test(queries_are_answered_within_their_time),
		cmocka_unit_test(older_queriers_are_obeyed_until_they_are_gone),
		cmocka_unit_test(a_version_can_be_forced),
		cmocka_unit_test(wrong_queries_are_counted),
		cmocka_unit_test(long_lists_take_several_reports),
		cmocka_unit_test(solicited_node_groups_are_reported_when_set),
	};

	return cmocka_run_group_tests_name("group", tests, NULL, NULL);
}
