/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests of groups share. Host 0 has the sockets; host 1 sends to it and plays the querier
 * of any version, by messages that it sends. Every report that host 0 sends is kept as text, in
 * which both families say the same.
 */
#ifndef VSQ_STACK_GROUP_GROUP_FOR_TEST_H
#define VSQ_STACK_GROUP_GROUP_FOR_TEST_H

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

static inline struct wire_addr addr_at(const uint8_t *bytes, bool is4)
{
	return is4 ? wire_addr_from4(bytes) : wire_addr_from6(bytes);
}

static inline void print_addr(const uint8_t *bytes, bool is4)
{
	struct wire_addr a = addr_at(bytes, is4);

	/* Of both families only the last number, which the tests choose alike. */
	vs_text_add(&seen_text, "%u", a.b[15]);
}

static inline void print_report3(const uint8_t *m, bool is4)
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
static inline bool watch(struct net *n, int from, const struct vs_frame *f)
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
static inline void expect(const char *want)
{
	assert_string_equal(seen, want);
	vs_text_init(&seen_text, seen, sizeof(seen));
	seen[0] = '\0';
}

static inline void begin(struct net *n)
{
	net_pair(n, 0);
	n->look = watch;
	vs_text_init(&seen_text, seen, sizeof(seen));
	seen[0] = '\0';
	packets = 0;
}

static const char *const groups[2] = {"ff0e::1:0", "239.1.1.0"};
static const char *const sources[2] = {"2001:db8::", "10.0.0.0"};

static inline struct stk_addr group_of(bool is4, unsigned number)
{
	struct stk_addr a = {.addr = address(groups[is4]), .ifindex = 1};

	a.addr.b[15] = (uint8_t)number;
	return a;
}

static inline struct wire_addr source_of(bool is4, unsigned number)
{
	struct wire_addr a = address(sources[is4]);

	a.b[15] = (uint8_t)number;
	return a;
}

/* source 0: none. */
static inline int group_op(struct net *n, bool is4, int fd, enum stk_group_op op, unsigned group,
		    unsigned source)
{
	struct stk_addr g = group_of(is4, group);
	struct wire_addr from = source_of(is4, source);
	int error = stk_group(n->host[0], n->now, fd, op, &g, source ? &from : NULL);

	net_settle(n);
	return error;
}

static inline int listener(struct net *n)
{
	struct stk_addr any = {.port = 5000};
	int fd = stk_socket(n->host[0], STK_DGRAM);

	assert_int_equal(stk_option_set(n->host[0], 0, fd, STK_SO_REUSEADDR, 1), 0);
	assert_int_equal(stk_bind(n->host[0], fd, &any), 0);
	return fd;
}

static inline void pass(struct net *n, vs_time span)
{
	net_run(n, n->now + span);
}

/* Sends a query from the querier, as the version has it. */
static inline void query(struct net *n, bool is4, unsigned version, unsigned group,
			 uint32_t max_resp_ms, const unsigned *asked, unsigned count)
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

#endif
