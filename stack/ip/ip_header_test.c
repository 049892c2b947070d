/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What hosts and routers do with options and extension headers: RFC 791 3.1, RFC 1122 3.2.1.8, RFC
 * 1812 5.3.13, RFC 8200 4, RFC 4443 2.4 and 3.4, RFC 7112, RFC 6946, RFC 5095. Host 0 is injected
 * packets of strangers, and what it answers is looked at.
 */
#include "stack/no_tcp_for_test.h"
#include "stack/wire_for_test.h"

static struct {
	unsigned count;	   /* ICMP messages that host 0 sent, beside neighbour discovery's */
	struct wire_ip ip; /* of the last one */
	uint8_t header[60];
	uint8_t message[1500];
	int on; /* interface whose MAC it left from */
} said;

static bool watch(struct net *n, int from, const struct vs_frame *f)
{
	const uint8_t *packet = f->data + WIRE_ETH_LEN;
	const uint8_t *m;
	struct wire_ip ip;

	(void)n;
	if (from || wire_ip_parse(&ip, packet, f->len - WIRE_ETH_LEN) < 0)
		return true;
	m = packet + ip.header_len;
	if ((ip.protocol != WIRE_PROTO_ICMP && ip.protocol != WIRE_PROTO_ICMP6) ||
	    (ip.version == 6 && m[0] >= 133 && m[0] <= 137))
		return true;
	said.count++;
	said.ip = ip;
	said.on = f->data[11];
	memcpy(said.header, packet, ip.header_len > 60 ? 60 : ip.header_len);
	memcpy(said.message, m, ip.payload_len);
	return true;
}

/* Host 0 is 10.0.0.1 and 2001:db8::1, and a router to 10.0.1.0/24 and 2001:db8:1::/64. */
static void begin(struct net *n)
{
	net_pair(n, 0);
	net_interface(n, 0, 0);
	net_address(n, 0, 2, "10.0.1.1/24");
	net_address(n, 0, 2, "2001:db8:1::1/64");
	assert_int_equal(stk_set(n->host[0], 0, "net.ipv4.ip_forward", "1"), 0);
	assert_int_equal(stk_set(n->host[0], 0, "net.ipv6.conf.all.forwarding", "1"), 0);
	assert_int_equal(stk_set(n->host[0], 0, "net.ipv4.icmp_ratelimit", "0"), 0);
	assert_int_equal(stk_set(n->host[0], 0, "net.ipv6.icmp.ratelimit", "0"), 0);
	n->look = watch;
	memset(&said, 0, sizeof(said));
}

/* Sends an IP packet to host 0, to its station or a group's. Gives what it answered: 0 nothing. */
static unsigned inject(struct net *n, const uint8_t *packet, size_t len, bool group)
{
	struct vs_frame *f = vs_frame_from(n->pool, packet, len);
	struct wire_eth eth = {.dst = {2, 0, 0, 0, 0, 1}, .src = {2, 0, 0, 0, 1, 1}};
	unsigned before = said.count;

	if (group)
		memcpy(eth.dst, "\x33\x33\0\0\0\1", 6);
	eth.type = packet[0] >> 4 == 4 ? WIRE_TYPE_IP4 : WIRE_TYPE_IP6;
	f->flags |= VS_FRAME_TRUSTED;
	wire_eth_emit(vs_frame_push(f, WIRE_ETH_LEN), &eth);
	stk_input(n->host[0], n->now, 1, f);
	net_run(n, n->now + VS_SEC);
	return said.count - before;
}

/* An echo request with options, from 10.0.0.2. */
static size_t echo4(uint8_t *packet, const char *to, const uint8_t *options, size_t len)
{
	struct wire_ip ip = {.version = 4, .hop_limit = 9, .protocol = WIRE_PROTO_ICMP,
			     .src = address("10.0.0.2"), .dst = address(to)};
	size_t header = WIRE_IP4_LEN + len;

	memset(packet, 0, header + 8);
	wire_ip_emit(packet, &ip);
	memcpy(packet + WIRE_IP4_LEN, options, len);
	packet[header] = WIRE_ICMP4_ECHO;
	packet[header + 2] = 0xf7;
	packet[header + 3] = 0xff;
	ip_header4_finish(packet, header, 8);
	return header + 8;
}

static void echo_records_its_route_and_time(void **state)
{
	static const uint8_t asked[] = {7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0};
	static const uint8_t got[] = {7, 11, 8, 10, 0, 0, 1, 0, 0, 0, 0, 0};
	static const uint8_t stamps[] = {68, 20, 5, 1, 0, 0, 0, 0, 0, 0,
					 0,  0,	 0, 0, 0, 0, 0, 0, 0, 0};
	uint8_t packet[100];
	struct net n;

	(void)state;
	begin(&n);
	assert_int_equal(inject(&n, packet, echo4(packet, "10.0.0.1", asked, 12), false), 1);
	assert_int_equal(said.message[0], WIRE_ICMP4_ECHO_REPLY);
	assert_int_equal(said.ip.options_len, 12);
	assert_memory_equal(said.header + 20, got, 12);
	assert_int_equal(inject(&n, packet, echo4(packet, "10.0.0.1", stamps, 20), false), 1);
	assert_memory_equal(said.header + 20, "\x44\x14\x0d\x01\x0a\0\0\1", 8);
	/* Not ms since midnight: the high bit says so. */
	assert_true(said.header[28] & 0x80);
	net_fini(&n);
}

struct forwarded {
	uint8_t options[40];
	unsigned count;
	size_t len;
};

static bool watch_forwarded(struct net *n, int from, const struct vs_frame *f)
{
	struct forwarded *w = n->look_ctx;
	struct wire_ip ip;

	watch(n, from, f);
	if (from || f->data[11] != 2 || f->data[12] != 8 || f->data[13])
		return true;
	assert_true(wire_ip_parse(&ip, f->data + WIRE_ETH_LEN, f->len - WIRE_ETH_LEN) > 0);
	w->count++;
	w->len = ip.options_len;
	memcpy(w->options, f->data + WIRE_ETH_LEN + WIRE_IP4_LEN, ip.options_len);
	return true;
}

/* RFC 791 3.1, RFC 1812 5.2.4: a router records the address that the packet leaves from. */
static void router_records_itself_in_options(void **state)
{
	static const struct {
		uint8_t in[12], out[12];
	} good[] = {
		{{7, 11, 4}, {7, 11, 8, 10, 0, 1, 1}},
		{{7, 11, 8, 1, 2, 3, 4}, {7, 11, 12, 1, 2, 3, 4, 10, 0, 1, 1}},
		{{7, 11, 12, 1, 2, 3, 4, 5, 6, 7, 8},
		 {7, 11, 12, 1, 2, 3, 4, 5, 6, 7, 8}}, /* full */
		{{68, 12, 5, 0x01}, {68, 12, 13, 0x01, 10, 0, 1, 1}},
		{{68, 12, 5, 0x03, 10, 0, 0, 1}, {68, 12, 13, 0x03, 10, 0, 0, 1}},
		{{68, 12, 5, 0x03, 9, 0, 0, 1}, {68, 12, 5, 0x03, 9, 0, 0, 1}}, /* not us */
		{{68, 12, 13, 0xe1}, {68, 12, 13, 0xf1}},			/* overflow */
		{{148, 4, 0, 0, 1, 1, 1, 0}, {148, 4, 0, 0, 1, 1, 1, 0}},
	};
	static const struct {
		uint8_t in[12], pointer;
	} bad[] = {
		{{7, 11, 3}, 22},	     /* points before the first address */
		{{7, 11, 10}, 22},	     /* room, but not enough */
		{{1, 7, 10, 9}, 23},
		{{68, 12, 4, 0}, 22},
		{{68, 12, 5, 2}, 23},	     /* a flag that nobody defined */
		{{68, 12, 13, 0xf1}, 23},    /* nobody can count any more */
		{{68, 12, 9, 1}, 22},
	};
	struct forwarded w = {.count = 0};
	uint8_t packet[100];
	struct net n;

	(void)state;
	begin(&n);
	/* Somebody to forward to. */
	net_route(&n, 0, "10.7.0.0/16", "10.0.1.9");
	n.look = watch_forwarded;
	n.look_ctx = &w;
	for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct wire_addr hop = address("10.0.1.9");

		neigh_hear(n.host[0], n.now, ip_if(n.host[0], 2), &hop,
			   (const uint8_t[]){2, 0, 0, 0, 9, 9}, false);
		w.count = 0;
		assert_int_equal(inject(&n, packet, echo4(packet, "10.7.0.1", good[i].in, 12),
					false),
				 1); /* the packet itself, as it leaves */
		assert_int_equal(w.count, 1);
		assert_int_equal(w.len, 12);
		assert_memory_equal(w.options, good[i].out, i == 3 || i == 4 ? 8 : 12);
	}
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(inject(&n, packet, echo4(packet, "10.7.0.1", bad[i].in, 12),
					false),
				 1);
		assert_int_equal(said.message[0], WIRE_ICMP4_PARAMETER);
		assert_int_equal(said.message[1], 0);
		assert_int_equal(said.message[4], bad[i].pointer);
	}
	net_fini(&n);
}

static void source_routes_are_refused(void **state)
{
	static const uint8_t loose[] = {131, 7, 4, 10, 0, 1, 9, 0};
	static const uint8_t strict[] = {1, 137, 7, 4, 10, 0, 1, 9};
	uint8_t packet[100];
	struct net n;

	(void)state;
	begin(&n);
	assert_int_equal(inject(&n, packet, echo4(packet, "10.0.0.1", loose, 8), false), 0);
	assert_int_equal(inject(&n, packet, echo4(packet, "10.0.0.1", strict, 8), false), 0);
	assert_int_equal(counter(&n, 0, "IpInHdrErrors"), 2);
	net_fini(&n);
}

/* An IPv6 packet of these headers and bytes. */
static size_t packet6(uint8_t *packet, const char *to, uint8_t next, const uint8_t *rest,
		      size_t len)
{
	struct wire_ip ip = {.version = 6, .hop_limit = 9, .protocol = next,
			     .payload_len = (uint32_t)len, .src = address("2001:db8::2"),
			     .dst = address(to)};

	wire_ip_emit(packet, &ip);
	memcpy(packet + WIRE_IP6_LEN, rest, len);
	return WIRE_IP6_LEN + len;
}

static void expect_parameter_problem(unsigned code, uint32_t pointer)
{
	assert_int_equal(said.message[0], WIRE_ICMP6_PARAMETER);
	assert_int_equal(said.message[1], code);
	assert_int_equal(wire_get32(said.message + 4), pointer);
}

/* RFC 8200 4.2: the two highest bits of an option that is not known. */
static void unknown_options_do_as_their_bits_say(void **state)
{
	static const uint8_t kinds[] = {0x1e, 0x5e, 0x9e, 0xde};
	uint8_t headers[16] = {58, 0, 0x1e, 0, 1, 2, 0, 0, 128};
	uint8_t packet[200];
	struct net n;

	(void)state;
	begin(&n);
	/* Hop-by-hop and destination options, to us and to a group. */
	for (unsigned next = 0; next <= 60; next += 60) {
		for (unsigned i = 0; i < 4; i++) {
			headers[2] = kinds[i];
			said.count = 0;
			memset(said.message, 0, 8);
			assert_int_equal(
				inject(&n, packet,
				       packet6(packet, "2001:db8::1", (uint8_t)next, headers, 16),
				       false),
				i != 1);
			if (i == 0)
				assert_int_equal(said.message[0], WIRE_ICMP6_ECHO_REPLY);
			else if (i > 1)
				expect_parameter_problem(2, 42);
			said.count = 0;
			assert_int_equal(inject(&n, packet,
						packet6(packet, "ff02::1", (uint8_t)next, headers,
							16),
						true),
					 i == 0 || i == 2);
			if (i == 2)
				expect_parameter_problem(2, 42);
			/* A router looks only at hop-by-hop options. */
			said.count = 0;
			inject(&n, packet,
			       packet6(packet, "2001:db8:9::1", (uint8_t)next, headers, 16), false);
			assert_int_equal(said.count, next == 0 && i == 1 ? 0 : 1);
			if (next == 0 && i > 1)
				expect_parameter_problem(2, 42);
			else if (said.count)
				assert_int_equal(said.message[0], WIRE_ICMP6_UNREACHABLE);
		}
	}
	net_fini(&n);
}

/* RFC 8504 5.3. */
static void too_many_options_are_not_read_on(void **state)
{
	uint8_t headers[80] = {58, 3};
	uint8_t packet[200];
	struct net n;

	(void)state;
	begin(&n);
	for (unsigned count = 8; count <= 9; count++) {
		memset(headers + 2, 0, 30);
		for (unsigned i = 0; i < count; i++)
			headers[2 + i * 2] = 0x1e;
		headers[32] = 128;
		assert_int_equal(inject(&n, packet,
					packet6(packet, "2001:db8::1", 0, headers, 40), false),
				 count == 8);
	}
	assert_int_equal(counter(&n, 0, "IpInHdrErrors"), 1);
	net_fini(&n);
}

/* RFC 5095, RFC 8200 4.4. */
static void routing_header_is_refused_unless_it_is_used_up(void **state)
{
	uint8_t headers[32] = {58, 2, 0, 1};
	uint8_t packet[200];
	struct net n;

	(void)state;
	begin(&n);
	headers[24] = 128;
	assert_int_equal(inject(&n, packet, packet6(packet, "2001:db8::1", 43, headers, 32), false),
			 1);
	expect_parameter_problem(0, 42);
	headers[3] = 0;
	assert_int_equal(inject(&n, packet, packet6(packet, "2001:db8::1", 43, headers, 32), false),
			 1);
	assert_int_equal(said.message[0], WIRE_ICMP6_ECHO_REPLY);
	net_fini(&n);
}

static void unknown_headers_are_named(void **state)
{
	uint8_t headers[16] = {60, 0, 1, 4, 0, 0, 0, 0, 0, 0};
	uint8_t packet[200];
	struct net n;

	(void)state;
	begin(&n);
	assert_int_equal(
		inject(&n, packet, packet6(packet, "2001:db8::1", 200, headers, 16), false), 1);
	expect_parameter_problem(1, 6);
	/* Hop-by-hop options anywhere but first: RFC 8200 4.1. */
	headers[0] = 0;
	assert_int_equal(inject(&n, packet, packet6(packet, "2001:db8::1", 60, headers, 16), false),
			 1);
	expect_parameter_problem(1, 40);
	/* No next header is no error: RFC 8200 4.7. */
	assert_int_equal(inject(&n, packet, packet6(packet, "2001:db8::1", 59, headers, 16), false),
			 0);
	net_fini(&n);
}

/* RFC 7112 5, RFC 8200 4.5: every header up to the upper layer's is in the first fragment. */
static void first_fragment_has_all_headers(void **state)
{
	/* Fragment header, offset 0, more; then destination options, whose UDP header is missing.
	 */
	uint8_t short_chain[24] = {60, 0, 0, 1, 0, 0, 0, 7, 17, 0, 1, 4, 0, 0, 0, 0};
	uint8_t cut_udp[16] = {17, 0, 0, 1, 0, 0, 0, 8, 0, 5, 0, 9, 0, 20, 1, 1};
	uint8_t packet[200];
	struct net n;

	(void)state;
	begin(&n);
	assert_int_equal(inject(&n, packet, packet6(packet, "2001:db8::1", 44, short_chain, 16),
				false),
			 1);
	expect_parameter_problem(3, 0);
	assert_int_equal(counter(&n, 0, "IpReasmFails"), 1);
	assert_int_equal(vs_pool_stats(n.pool).frames_out, 0);
	/* With it the fragment is kept. */
	assert_int_equal(inject(&n, packet, packet6(packet, "2001:db8::1", 44, cut_udp, 16), false),
			 0);
	assert_int_equal(counter(&n, 0, "IpReasmFails"), 1);
	assert_int_equal(vs_pool_stats(n.pool).frames_out, 1);
	net_fini(&n);
}

/* RFC 6946: a packet with a fragment header that is no fragment is whole, whatever waits. */
static void atomic_fragments_wait_for_nothing(void **state)
{
	uint8_t piece[24] = {58, 0, 0, 1, 0, 0, 0, 7, 128, 0, 0, 0,
			     0,	 1, 0, 1, 1, 2, 3, 4, 5,   6, 7, 8};
	uint8_t atomic[16] = {58, 0, 0, 0, 0, 0, 0, 7, 128, 0, 0, 0, 0, 1, 0, 2};
	uint8_t packet[200];
	struct net n;

	(void)state;
	begin(&n);
	assert_int_equal(inject(&n, packet, packet6(packet, "2001:db8::1", 44, piece, 24), false),
			 0);
	assert_int_equal(inject(&n, packet, packet6(packet, "2001:db8::1", 44, atomic, 16), false),
			 1);
	assert_int_equal(said.message[0], WIRE_ICMP6_ECHO_REPLY);
	assert_int_equal(said.message[7], 2);
	assert_int_equal(counter(&n, 0, "IpReasmOverlaps"), 0);
	net_fini(&n);
}

/* RFC 1122 3.2.2, RFC 4443 2.4 (e): what is never answered. */
static void errors_are_not_about_errors_groups_or_nobody(void **state)
{
	uint8_t udp[8] = {0, 5, 0, 77, 0, 8, 1, 1};
	uint8_t error6[56] = {1, 4, [8] = 0x60};
	uint8_t packet[200];
	struct wire_ip ip = {.version = 4, .hop_limit = 9, .protocol = WIRE_PROTO_UDP,
			     .payload_len = 8, .src = address("10.0.0.2"),
			     .dst = address("10.0.0.1")};
	static const struct {
		const char *src, *dst;
		unsigned offset, answers;
	} cases[] = {
		{"10.0.0.2", "10.0.0.1", 0, 1},
		{"10.0.0.2", "10.0.0.255", 0, 0},
		{"10.0.0.2", "255.255.255.255", 0, 0},
		{"10.0.0.2", "224.0.0.1", 0, 0},
		{"10.0.0.255", "10.0.0.1", 0, 0},
		{"255.255.255.255", "10.0.0.1", 0, 0},
		{"0.0.0.0", "10.0.0.1", 0, 0},
		{"224.1.1.1", "10.0.0.1", 0, 0},
		{"127.0.0.1", "10.0.0.1", 0, 0},
	};
	struct net n;

	(void)state;
	begin(&n);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ip.src = address(cases[i].src);
		ip.dst = address(cases[i].dst);
		wire_ip_emit(packet, &ip);
		memcpy(packet + WIRE_IP4_LEN, udp, 8);
		assert_int_equal(inject(&n, packet, 28, false), cases[i].answers);
	}
	/* Port unreachable; then about an error, and to a group. */
	assert_int_equal(inject(&n, packet, packet6(packet, "2001:db8::1", 17, udp, 8), false), 1);
	assert_int_equal(said.message[0], WIRE_ICMP6_UNREACHABLE);
	assert_int_equal(said.message[1], 4);
	assert_int_equal(inject(&n, packet, packet6(packet, "ff02::1", 17, udp, 8), true), 0);
	assert_int_equal(
		inject(&n, packet, packet6(packet, "2001:db8:9::1", 58, error6, 56), false), 0);
	/* Its TTL is over: the same for a packet on its way. */
	n.now += VS_SEC;
	packet6(packet, "2001:db8:1::9", 17, udp, 8);
	packet[7] = 1;
	assert_int_equal(inject(&n, packet, 48, false), 1);
	assert_int_equal(said.message[0], WIRE_ICMP6_TIME_EXCEEDED);
	assert_int_equal(said.message[1], 0);
	packet6(packet, "2001:db8:1::9", 58, error6, 56);
	packet[7] = 1;
	assert_int_equal(inject(&n, packet, 96, false), 0);
	net_fini(&n);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(echo_records_its_route_and_time),
		cmocka_unit_test(router_records_itself_in_options),
		cmocka_unit_test(source_routes_are_refused),
		cmocka_unit_test(unknown_options_do_as_their_bits_say),
		cmocka_unit_test(too_many_options_are_not_read_on),
		cmocka_unit_test(routing_header_is_refused_unless_it_is_used_up),
		cmocka_unit_test(unknown_headers_are_named),
		cmocka_unit_test(first_fragment_has_all_headers),
		cmocka_unit_test(atomic_fragments_wait_for_nothing),
		cmocka_unit_test(errors_are_not_about_errors_groups_or_nobody),
	};

	return cmocka_run_group_tests_name("ip_header", tests, NULL, NULL);
}
