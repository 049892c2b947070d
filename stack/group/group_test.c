/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Membership of groups as a router sees it: RFC 3376, RFC 3810, RFC 2236, RFC 2710. Host 0 has the
 * sockets; host 1 sends to it and plays the querier, by messages that it sends. Every report that
 * host 0 sends is kept as text. Both families say the same in the same order at the same times.
 */
#include "core/base/text.h"
#include "core/wire/group.h"
#include "stack/group/group.h"
#include "stack/no_tcp_for_test.h"
#include "stack/wire_for_test.h"

static char seen[2048];
static struct vs_text seen_text;
static unsigned packets;

static const char *const record_names[] = {"?", "IS_IN", "IS_EX", "TO_IN", "TO_EX", "ALLOW",
					   "BLOCK"};

static struct wire_addr addr_at(const uint8_t *bytes, bool is4)
{
	return is4 ? wire_addr_from4(bytes) : wire_addr_from6(bytes);
}

static void print_addr(const uint8_t *bytes, bool is4)
{
	struct wire_addr a = addr_at(bytes, is4);

	/* Of both families only the last number, which the tests choose alike. */
	vs_text_add(&seen_text, "%u", a.b[15]);
}

static void print_report3(const uint8_t *m, bool is4)
{
	unsigned records = wire_get16(m + 6);

	m += 8;
	while (records--) {
		unsigned count = wire_get16(m + 2);

		vs_text_add(&seen_text, "%s ", record_names[m[0]]);
		print_addr(m + 4, is4);
		m += 4 + wire_group_addr_len(is4);
		for (unsigned i = 0; i < count; i++, m += wire_group_addr_len(is4)) {
			vs_text_add(&seen_text, "%c", i ? ',' : ':');
			print_addr(m, is4);
		}
		vs_text_add(&seen_text, " ");
	}
}

/* Everything that RFC 3376 4 and RFC 3810 5 demand of the packets is verified here. */
static bool watch(struct net *n, int from, const struct vs_frame *f)
{
	const uint8_t *packet = f->data + WIRE_ETH_LEN;
	bool is4 = packet[0] >> 4 == 4;
	uint8_t mac[WIRE_MAC_LEN];
	const uint8_t *m;
	struct wire_ip ip;
	uint32_t sum;

	(void)n;
	if (from || wire_ip_parse(&ip, packet, f->len - WIRE_ETH_LEN) < 0)
		return true;
	m = packet + ip.header_len;
	if (is4 ? ip.protocol != WIRE_PROTO_IGMP
		: ip.protocol != WIRE_PROTO_ICMP6 ||
			  (m[0] != WIRE_ICMP6_MLD2_REPORT && (m[0] < 130 || m[0] > 132)))
		return true;
	packets++;
	assert_int_equal(ip.hop_limit, 1);
	assert_true(ip.router_alert);
	assert_true(is4 || wire_addr_is_link_local(&ip.src));
	wire_addr_multicast_mac(&ip.dst, mac);
	assert_memory_equal(f->data, mac, WIRE_MAC_LEN);
	sum = is4 ? 0 : wire_cksum_pseudo(&ip.src, &ip.dst, WIRE_PROTO_ICMP6, ip.payload_len);
	assert_int_equal(wire_cksum_fold(wire_cksum_add(sum, m, ip.payload_len)), 0);
	assert_true(f->len <= WIRE_ETH_LEN + 1500);
	if (m[0] == WIRE_IGMP_REPORT3 || m[0] == WIRE_ICMP6_MLD2_REPORT) {
		struct wire_addr want = address(is4 ? "224.0.0.22" : "ff02::16");

		assert_memory_equal(&ip.dst, &want, 16);
		print_report3(m, is4);
		return true;
	}
	vs_text_add(&seen_text, "%s ",
		    m[0] == WIRE_IGMP_REPORT1					? "report1"
		    : m[0] == WIRE_IGMP_REPORT2 || m[0] == WIRE_ICMP6_MLD_REPORT ? "report2"
										: "leave");
	print_addr(m + (is4 ? 4 : 8), is4);
	vs_text_add(&seen_text, " ");
	return true;
}

/* Compares what was seen since the last call. */
static void expect(const char *want)
{
	assert_string_equal(seen, want);
	vs_text_init(&seen_text, seen, sizeof(seen));
	seen[0] = '\0';
}

static void begin(struct net *n)
{
	net_pair(n, 0);
	n->look = watch;
	vs_text_init(&seen_text, seen, sizeof(seen));
	seen[0] = '\0';
	packets = 0;
}

static const char *const groups[2] = {"ff0e::1:0", "239.1.1.0"};
static const char *const sources[2] = {"2001:db8::", "10.0.0.0"};

static struct stk_addr group_of(bool is4, unsigned number)
{
	struct stk_addr a = {.addr = address(groups[is4]), .ifindex = 1};

	a.addr.b[15] = (uint8_t)number;
	return a;
}

static struct wire_addr source_of(bool is4, unsigned number)
{
	struct wire_addr a = address(sources[is4]);

	a.b[15] = (uint8_t)number;
	return a;
}

/* source 0: none. */
static int group_op(struct net *n, bool is4, int fd, enum stk_group_op op, unsigned group,
		    unsigned source)
{
	struct stk_addr g = group_of(is4, group);
	struct wire_addr from = source_of(is4, source);
	int error = stk_group(n->host[0], n->now, fd, op, &g, source ? &from : NULL);

	net_settle(n);
	return error;
}

static int listener(struct net *n)
{
	struct stk_addr any = {.port = 5000};
	int fd = stk_socket(n->host[0], STK_DGRAM);

	assert_int_equal(stk_option_set(n->host[0], 0, fd, STK_SO_REUSEADDR, 1), 0);
	assert_int_equal(stk_bind(n->host[0], fd, &any), 0);
	return fd;
}

static void pass(struct net *n, vs_time span)
{
	net_run(n, n->now + span);
}

/* Sends a query from the querier, as the version has it. */
static void query(struct net *n, bool is4, unsigned version, unsigned group, uint32_t max_resp_ms,
		  const unsigned *asked, unsigned count)
{
	struct wire_group_query q = {.version = (uint8_t)version,
				     .group = group ? group_of(is4, group).addr
					      : is4 ? wire_addr_any4
						    : wire_addr_any6,
				     .max_resp_ms = max_resp_ms,
				     .robustness = 2,
				     .interval_s = 125,
				     .sources = count};
	struct wire_ip ip = {.version = is4 ? 4 : 6, .hop_limit = 1};
	struct vs_frame *f = vs_frame_new(n->pool, 0, 600);
	uint8_t list[256];
	uint32_t sum = 0;

	for (unsigned i = 0; i < count; i++) {
		struct wire_addr a = source_of(is4, asked[i]);

		wire_group_source_emit(list + i * wire_group_addr_len(is4), &a, is4);
	}
	q.source = list;
	vs_frame_set_len(f, wire_group_query_emit(f->data, &q, is4));
	ip.src = address(is4 ? "10.0.0.2" : "fe80::ff:fe00:101");
	ip.dst = group ? q.group : address(is4 ? "224.0.0.1" : "ff02::1");
	ip.protocol = is4 ? WIRE_PROTO_IGMP : WIRE_PROTO_ICMP6;
	if (!is4)
		sum = wire_cksum_pseudo(&ip.src, &ip.dst, ip.protocol, f->len);
	wire_put16(f->data + 2, wire_cksum_fold(wire_cksum_add(sum, f->data, f->len)));
	if (is4) {
		ip.payload_len = f->len + 4;
		memcpy(vs_frame_push(f, 4), "\224\4\0\0", 4);
		wire_ip_emit(vs_frame_push(f, WIRE_IP4_LEN), &ip);
		f->data[0] = 0x46;
		wire_put16(f->data + 10, 0);
		wire_put16(f->data + 10, wire_cksum_fold(wire_cksum_add(0, f->data, 24)));
	} else {
		memcpy(vs_frame_push(f, 8), "\72\0\5\2\0\0\1\0", 8);
		ip.protocol = WIRE_PROTO_HOPOPTS;
		ip.payload_len = f->len;
		wire_ip_emit(vs_frame_push(f, WIRE_IP6_LEN), &ip);
	}
	wire_eth_emit(vs_frame_push(f, WIRE_ETH_LEN),
		      &(struct wire_eth){.dst = {1, 0, 0x5e, 0, 0, 1},
					 .src = {2, 0, 0, 0, 1, 1},
					 .type = is4 ? WIRE_TYPE_IP4 : WIRE_TYPE_IP6});
	wire_addr_multicast_mac(&ip.dst, f->data);
	stk_input(n->host[0], n->now, 1, f);
	net_settle(n);
}

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

static void say(struct net *n, const char *to, unsigned ifindex, const char *text)
{
	struct stk_addr dst = at(to, 5000);
	int fd = stk_socket(n->host[1], STK_DGRAM);

	dst.ifindex = (uint16_t)ifindex;
	assert_int_equal(stk_send(n->host[1], n->now, fd, text, strlen(text), 0, &dst),
			 (int)strlen(text));
	net_settle(n);
	assert_int_equal(stk_close(n->host[1], n->now, fd), 0);
}

/* Gives whether a socket got a message, which goes. */
static bool heard(struct net *n, int fd)
{
	char text[16];

	return stk_recv(n->host[0], n->now, fd, text, sizeof(text), 0, NULL) >= 0;
}

/* RFC 3376 3.2 and Linux: the interface lets in what anybody wants, each socket what it wants. */
static void each_socket_hears_what_it_asked_for(void **state)
{
	static const char *const text[2] = {"ff0e::1:7", "239.1.1.7"};
	struct net n;

	(void)state;
	for (int is4 = 0; is4 < 2; is4++) {
		int a, b, c;

		begin(&n);
		a = listener(&n);
		b = listener(&n);
		c = listener(&n);
		say(&n, text[is4], 1, "nobody");
		assert_false(heard(&n, a));
		/* The network card already keeps it out. */
		assert_int_equal(counter(&n, 0, "EthInOther"), 1);
		assert_int_equal(group_op(&n, is4, a, STK_GROUP_JOIN, 7, 0), 0);
		assert_int_equal(group_op(&n, is4, a, STK_GROUP_JOIN, 7, 0), -EADDRINUSE);
		say(&n, text[is4], 1, "all");
		assert_true(heard(&n, a));
		assert_true(heard(&n, b)); /* IP_MULTICAST_ALL, as Linux */
		assert_true(heard(&n, c));
		assert_int_equal(
			stk_option_set(n.host[0], 0, b, STK_IP_MULTICAST_ALL, 0), 0);
		assert_int_equal(group_op(&n, is4, c, STK_GROUP_JOIN_SOURCE, 7, 9), 0);
		say(&n, text[is4], 1, "a");
		assert_true(heard(&n, a));
		assert_false(heard(&n, b));
		assert_false(heard(&n, c));
		assert_int_equal(group_op(&n, is4, c, STK_GROUP_JOIN_SOURCE, 7, 2), 0);
		assert_int_equal(group_op(&n, is4, a, STK_GROUP_BLOCK, 7, 2), 0);
		say(&n, text[is4], 1, "c");
		assert_false(heard(&n, a));
		assert_true(heard(&n, c));
		assert_int_equal(group_op(&n, is4, c, STK_GROUP_LEAVE_SOURCE, 7, 2), 0);
		say(&n, text[is4], 1, "none");
		assert_false(heard(&n, a));
		assert_false(heard(&n, c));
		assert_int_equal(counter(&n, 0, "IpInGroupFiltered"), 1);
		net_fini(&n);
	}
}

static void own_messages_to_groups_are_heard_unless_set(void **state)
{
	struct net n;

	(void)state;
	for (int is4 = 0; is4 < 2; is4++) {
		struct stk_addr g = group_of(is4, 7);
		struct stk_msg msg;
		char text[8];
		int a, b;

		begin(&n);
		a = listener(&n);
		b = stk_socket(n.host[0], STK_DGRAM);
		g.port = 5000;
		assert_int_equal(group_op(&n, is4, a, STK_GROUP_JOIN, 7, 0), 0);
		assert_int_equal(stk_send(n.host[0], n.now, b, "x", 1, 0, &g), 1);
		net_settle(&n);
		assert_int_equal(stk_recv_msg(n.host[0], n.now, a, text, 8, 0, &msg), 1);
		assert_int_equal(msg.ttl, 1); /* IP_MULTICAST_TTL */
		assert_int_equal(msg.ifindex, 1);
		assert_memory_equal(&msg.local, &g.addr, 16);
		assert_int_equal(stk_option_set(n.host[0], 0, b, STK_IP_MULTICAST_LOOP, 0), 0);
		assert_int_equal(stk_send(n.host[0], n.now, b, "x", 1, 0, &g), 1);
		net_settle(&n);
		assert_false(heard(&n, a));
		/* A TTL of 0 is for this host alone. */
		assert_int_equal(stk_option_set(n.host[0], 0, b, STK_IP_MULTICAST_LOOP, 1), 0);
		assert_int_equal(stk_option_set(n.host[0], 0, b, STK_IP_MULTICAST_TTL, 0), 0);
		n.frames = 0;
		assert_int_equal(stk_send(n.host[0], n.now, b, "x", 1, 0, &g), 1);
		net_settle(&n);
		assert_int_equal(n.frames, 0);
		assert_true(heard(&n, a));
		net_fini(&n);
	}
}

static void groups_come_and_go_with_their_interface(void **state)
{
	struct stk_addr other = group_of(true, 7);
	struct net n;
	int a;

	(void)state;
	begin(&n);
	a = listener(&n);
	net_interface(&n, 0, 0);
	other.ifindex = 2;
	assert_int_equal(stk_group(n.host[0], 0, a, STK_GROUP_JOIN, &other, NULL), 0);
	assert_int_equal(group_op(&n, true, a, STK_GROUP_JOIN, 7, 0), 0);
	pass(&n, 2 * VS_SEC);
	assert_int_equal(stk_if_set_up(n.host[0], n.now, 1, false), 0);
	vs_text_init(&seen_text, seen, sizeof(seen));
	seen[0] = '\0';
	pass(&n, 10 * VS_SEC);
	expect("");
	/* Up again it tells what it wants. */
	assert_int_equal(stk_if_set_up(n.host[0], n.now, 1, true), 0);
	net_settle(&n);
	expect("TO_EX 7 ");
	pass(&n, 2 * VS_SEC);
	assert_int_equal(stk_if_remove(n.host[0], n.now, 2), 0);
	assert_int_equal(stk_group(n.host[0], 0, a, STK_GROUP_LEAVE, &other, NULL), -EADDRNOTAVAIL);
	other.ifindex = 9;
	assert_int_equal(stk_group(n.host[0], 0, a, STK_GROUP_JOIN, &other, NULL), -ENODEV);
	other.addr = address("10.0.0.3");
	assert_int_equal(stk_group(n.host[0], 0, a, STK_GROUP_JOIN, &other, NULL), -EINVAL);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(group_op(&n, true, a, STK_GROUP_JOIN, 100 + i, 0),
				 i < 19 ? 0 : -ENOBUFS); /* igmp_max_memberships */
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
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_are_reported_twice),
		cmocka_unit_test(filters_of_sockets_make_one),
		cmocka_unit_test(queries_are_answered_within_their_time),
		cmocka_unit_test(older_queriers_are_obeyed_until_they_are_gone),
		cmocka_unit_test(a_version_can_be_forced),
		cmocka_unit_test(wrong_queries_are_counted),
		cmocka_unit_test(long_lists_take_several_reports),
		cmocka_unit_test(each_socket_hears_what_it_asked_for),
		cmocka_unit_test(own_messages_to_groups_are_heard_unless_set),
		cmocka_unit_test(groups_come_and_go_with_their_interface),
		cmocka_unit_test(solicited_node_groups_are_reported_when_set),
	};

	return cmocka_run_group_tests_name("group", tests, NULL, NULL);
}
