/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/wire/ip.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "core/base/prng.h"
#include "core/wire/cksum.h"

static struct wire_ip header4(uint32_t payload_len)
{
	struct wire_ip ip = {.version = 4, .hop_limit = 64, .protocol = WIRE_PROTO_UDP, .id = 77,
			     .tclass = 0x12, .payload_len = payload_len, .dont_fragment = true};

	wire_addr_parse("10.0.0.1", &ip.src);
	wire_addr_parse("10.0.0.2", &ip.dst);
	return ip;
}

static struct wire_ip header6(uint32_t payload_len)
{
	struct wire_ip ip = {.version = 6, .hop_limit = 255, .protocol = WIRE_PROTO_ICMP6,
			     .tclass = 0xb9, .flow = 0x12345, .payload_len = payload_len};

	wire_addr_parse("fe80::1", &ip.src);
	wire_addr_parse("ff02::1", &ip.dst);
	return ip;
}

static void both_families_go_there_and_back(void **state)
{
	struct vs_prng p;

	(void)state;
	vs_prng_seed(&p, 1, "ip");
	for (int i = 0; i < 10000; i++) {
		struct wire_ip ip = i % 2 ? header6(0) : header4(0), back;
		uint8_t bytes[2000];
		int len;

		ip.tclass = (uint8_t)vs_prng_next(&p);
		ip.hop_limit = (uint8_t)vs_prng_next(&p);
		ip.payload_len = (uint32_t)vs_prng_below(&p, 1900);
		if (ip.version == 4)
			ip.dont_fragment = vs_prng_next(&p) & 1;
		if (vs_prng_next(&p) & 1) {
			ip.more_fragments = vs_prng_next(&p) & 1;
			ip.fragment_offset = (uint16_t)(vs_prng_next(&p) & 0xfff8);
			ip.id = (uint32_t)vs_prng_next(&p);
		}
		len = (int)wire_ip_emit(bytes, &ip);
		assert_int_equal(wire_ip_parse(&back, bytes, (size_t)len + ip.payload_len), len);
		assert_int_equal(back.version, ip.version);
		assert_int_equal(back.tclass, ip.tclass);
		assert_int_equal(back.hop_limit, ip.hop_limit);
		assert_int_equal(back.protocol, ip.protocol);
		assert_int_equal(back.payload_len, ip.payload_len);
		assert_int_equal(back.header_len, len);
		assert_int_equal(back.fragment_offset, ip.fragment_offset);
		assert_int_equal(back.more_fragments, ip.more_fragments);
		assert_true(wire_addr_equal(&back.src, &ip.src));
		assert_true(wire_addr_equal(&back.dst, &ip.dst));
		if (ip.version == 4) {
			assert_int_equal(back.id, ip.id & 0xffff);
			assert_int_equal(back.dont_fragment, ip.dont_fragment);
			assert_int_equal(back.next_header_at, 9);
		} else {
			bool fragment = ip.fragment_offset || ip.more_fragments;

			assert_int_equal(back.flow, ip.flow);
			assert_int_equal(back.id, fragment ? ip.id : 0);
			assert_int_equal(back.fragment_header, fragment ? 40 : 0);
			assert_int_equal(back.next_header_at, fragment ? 40 : 6);
			assert_true(back.dont_fragment);
		}
		if (ip.payload_len)
			assert_int_equal(wire_ip_parse(&back, bytes,
						       (size_t)len + ip.payload_len - 1), -EBADMSG);
	}
}

static void padding_behind_a_packet_is_no_payload(void **state)
{
	struct wire_ip ip = header4(10), back;
	uint8_t bytes[60] = {0};

	(void)state;
	wire_ip_emit(bytes, &ip);
	assert_int_equal(wire_ip_parse(&back, bytes, 46), 20);
	assert_int_equal(back.payload_len, 10);
}

static void every_cut_header_is_refused(void **state)
{
	struct wire_ip ip = header4(0), back;
	uint8_t bytes[60];
	size_t len;

	(void)state;
	for (int i = 0; i < 2; i++) {
		len = wire_ip_emit(bytes, &ip);
		for (size_t cut = 0; cut < len; cut++)
			assert_int_equal(wire_ip_parse(&back, bytes, cut), -EBADMSG);
		ip = header6(0);
		ip.more_fragments = true;
	}
	bytes[0] = 0x50;
	assert_int_equal(wire_ip_parse(&back, bytes, 60), -EBADMSG);
}

static void every_flipped_bit_of_an_ipv4_header_is_noticed(void **state)
{
	struct wire_ip ip = header4(0), back;
	uint8_t bytes[20];

	(void)state;
	wire_ip_emit(bytes, &ip);
	for (int bit = 0; bit < 160; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_true(wire_ip_parse(&back, bytes, 20) < 0);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	bytes[10] ^= 1;
	assert_int_equal(wire_ip_parse(&back, bytes, 20), -EILSEQ);
}

/* Writes an IPv4 header with these options, padded. */
static size_t with_options(uint8_t *bytes, const uint8_t *options, size_t len)
{
	struct wire_ip ip = header4(0);
	size_t header = 20 + ((len + 3) & ~(size_t)3);

	wire_ip_emit(bytes, &ip);
	memset(bytes + 20, 0, header - 20);
	memcpy(bytes + 20, options, len);
	bytes[0] = (uint8_t)(0x40 | header / 4);
	wire_put16(bytes + 2, (uint16_t)header);
	wire_put16(bytes + 10, 0);
	wire_put16(bytes + 10, wire_cksum_fold(wire_cksum_add(0, bytes, header)));
	return header;
}

static void ipv4_options_are_walked(void **state)
{
	static const uint8_t alert[] = {1, 1, 148, 4, 0, 0}, empty[] = {1, 7, 1, 0},
			     beyond[] = {1, 1, 7, 9}, cut[] = {1, 1, 1, 7}, ended[] = {0, 7, 1, 0};
	uint8_t bytes[60];
	struct wire_ip ip;
	size_t len;

	(void)state;
	len = with_options(bytes, alert, sizeof(alert));
	assert_int_equal(wire_ip_parse(&ip, bytes, len), 28);
	assert_int_equal(ip.options_len, 8);
	assert_int_equal(ip.router_alert, 20 + 2 + 1);
	len = with_options(bytes, empty, sizeof(empty));
	assert_int_equal(wire_ip_parse(&ip, bytes, len), -EBADMSG);
	len = with_options(bytes, beyond, sizeof(beyond));
	assert_int_equal(wire_ip_parse(&ip, bytes, len), -EBADMSG);
	len = with_options(bytes, cut, sizeof(cut));
	assert_int_equal(wire_ip_parse(&ip, bytes, len), -EBADMSG);
	len = with_options(bytes, ended, sizeof(ended));
	assert_int_equal(wire_ip_parse(&ip, bytes, len), 24);
}

/* An IPv6 header in front of what is given, whose first header is of a type. */
static size_t in_front_of(uint8_t *bytes, uint8_t type, const uint8_t *rest, size_t len)
{
	struct wire_ip ip = header6((uint32_t)len);

	ip.protocol = type;
	wire_ip_emit(bytes, &ip);
	memcpy(bytes + 40, rest, len);
	return 40 + len;
}

static void ipv6_extension_headers_are_walked(void **state)
{
	/* Hop-by-hop with a router alert, routing with nothing left, destination options. */
	static const uint8_t chain[] = {43, 0, 5, 2, 0, 0, 1, 0, 60, 0, 0, 0, 0, 0, 0, 0,
					6,  0, 1, 4, 0, 0, 0, 0, 'T', 'C', 'P'};
	uint8_t bytes[100];
	struct wire_ip ip;
	size_t len = in_front_of(bytes, WIRE_PROTO_HOPOPTS, chain, sizeof(chain));

	(void)state;
	assert_int_equal(wire_ip_parse(&ip, bytes, len), 64);
	assert_int_equal(ip.protocol, WIRE_PROTO_TCP);
	assert_int_equal(ip.payload_len, 3);
	assert_int_equal(ip.next_header_at, 56);
	assert_int_equal(ip.router_alert, 42 + 1);
	assert_false(ip.routing_nonzero);
	assert_int_equal(ip.unrecognized_option, 0);
	for (size_t cut = 40; cut < 64; cut++) {
		wire_put16(bytes + 4, (uint16_t)(cut - 40));
		assert_int_equal(wire_ip_parse(&ip, bytes, cut), -EBADMSG);
	}
}

static void what_a_node_must_refuse_is_told(void **state)
{
	static const uint8_t routing[] = {58, 0, 0, 1, 0, 0, 0, 0};
	static const uint8_t option[] = {58, 0, 1, 0, 0x9e, 0, 0xde, 0};
	static const uint8_t skip[] = {58, 0, 0x1e, 4, 0, 0, 0, 0};
	static const uint8_t late[] = {0, 0, 1, 4, 0, 0, 0, 0, 58, 0, 1, 4, 0, 0, 0, 0};
	static const uint8_t bad[] = {58, 0, 1, 9, 0, 0, 0, 0};
	uint8_t bytes[100];
	struct wire_ip ip;
	size_t len;

	(void)state;
	len = in_front_of(bytes, WIRE_PROTO_ROUTING, routing, sizeof(routing));
	assert_int_equal(wire_ip_parse(&ip, bytes, len), 48);
	assert_true(ip.routing_nonzero);
	assert_int_equal(ip.unrecognized_at, 42);
	len = in_front_of(bytes, WIRE_PROTO_DSTOPTS, option, sizeof(option));
	assert_int_equal(wire_ip_parse(&ip, bytes, len), 48);
	assert_int_equal(ip.unrecognized_option, 0x9e);
	assert_int_equal(ip.unrecognized_at, 44);
	len = in_front_of(bytes, WIRE_PROTO_DSTOPTS, skip, sizeof(skip));
	assert_int_equal(wire_ip_parse(&ip, bytes, len), 48);
	assert_int_equal(ip.unrecognized_option, 0);
	/* Hop-by-hop options anywhere but first are an unknown protocol. */
	len = in_front_of(bytes, WIRE_PROTO_DSTOPTS, late, sizeof(late));
	assert_int_equal(wire_ip_parse(&ip, bytes, len), 48);
	assert_int_equal(ip.protocol, WIRE_PROTO_HOPOPTS);
	assert_int_equal(ip.next_header_at, 40);
	len = in_front_of(bytes, WIRE_PROTO_DSTOPTS, bad, sizeof(bad));
	assert_int_equal(wire_ip_parse(&ip, bytes, len), -EBADMSG);
}

static void a_fragment_ends_the_walk_and_an_atomic_one_does_not(void **state)
{
	uint8_t rest[] = {60, 0, 0, 1, 0, 0, 0, 9, 58, 0, 1, 4, 0, 0, 0, 0}, bytes[100];
	struct wire_ip ip;
	size_t len = in_front_of(bytes, WIRE_PROTO_FRAGMENT, rest, sizeof(rest));

	(void)state;
	assert_int_equal(wire_ip_parse(&ip, bytes, len), 48);
	assert_int_equal(ip.protocol, WIRE_PROTO_DSTOPTS);
	assert_true(ip.more_fragments);
	assert_int_equal(ip.id, 9);
	rest[3] = 0;
	len = in_front_of(bytes, WIRE_PROTO_FRAGMENT, rest, sizeof(rest));
	assert_int_equal(wire_ip_parse(&ip, bytes, len), 56);
	assert_int_equal(ip.protocol, WIRE_PROTO_ICMP6);
	assert_int_equal(ip.fragment_header, 40);
	rest[0] = WIRE_PROTO_FRAGMENT;
	len = in_front_of(bytes, WIRE_PROTO_FRAGMENT, rest, sizeof(rest));
	assert_int_equal(wire_ip_parse(&ip, bytes, len), -EBADMSG);
}

static void changes_in_place_keep_the_checksum(void **state)
{
	struct vs_prng p;

	(void)state;
	vs_prng_seed(&p, 2, "ip");
	for (int i = 0; i < 5000; i++) {
		struct wire_ip ip = i % 2 ? header6(0) : header4(0), back;
		unsigned ecn = (unsigned)vs_prng_below(&p, 4);
		uint8_t bytes[40];
		size_t len;

		ip.tclass = (uint8_t)vs_prng_next(&p);
		ip.hop_limit = (uint8_t)(1 + vs_prng_below(&p, 255));
		ip.id = (uint32_t)vs_prng_next(&p);
		len = wire_ip_emit(bytes, &ip);
		wire_ip_decrement(bytes);
		wire_ip_set_ecn(bytes, ecn);
		assert_int_equal(wire_ip_parse(&back, bytes, len), len);
		assert_int_equal(back.hop_limit, ip.hop_limit - 1);
		assert_int_equal(back.tclass, (ip.tclass & ~3u) | ecn);
		assert_int_equal(back.flow, ip.flow);
		assert_int_equal(back.protocol, ip.protocol);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_families_go_there_and_back),
		cmocka_unit_test(padding_behind_a_packet_is_no_payload),
		cmocka_unit_test(every_cut_header_is_refused),
		cmocka_unit_test(every_flipped_bit_of_an_ipv4_header_is_noticed),
		cmocka_unit_test(ipv4_options_are_walked),
		cmocka_unit_test(ipv6_extension_headers_are_walked),
		cmocka_unit_test(what_a_node_must_refuse_is_told),
		cmocka_unit_test(a_fragment_ends_the_walk_and_an_atomic_one_does_not),
		cmocka_unit_test(changes_in_place_keep_the_checksum),
	};

	return cmocka_run_group_tests_name("ip", tests, NULL, NULL);
}
