/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/wire/icmp.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void echo_goes_there_and_back(void **state)
{
	struct wire_icmp icmp = {.type = WIRE_ICMP4_ECHO, .id = 0x1234, .seq = 7}, back;
	uint8_t bytes[8];

	(void)state;
	assert_int_equal(wire_icmp_emit(bytes, &icmp), 8);
	assert_int_equal(wire_icmp_parse(&back, bytes, 8), 8);
	assert_int_equal(back.type, WIRE_ICMP4_ECHO);
	assert_int_equal(back.id, 0x1234);
	assert_int_equal(back.seq, 7);
	assert_int_equal(back.info, 0x12340007);
	for (size_t len = 0; len < 8; len++)
		assert_int_equal(wire_icmp_parse(&back, bytes, len), -EBADMSG);
}

static struct wire_nd everything(uint8_t type)
{
	struct wire_nd nd = {.type = type, .has_source_mac = true,
			     .source_mac = {2, 0, 0, 0, 0, 1}};

	if (type == WIRE_ICMP6_RA) {
		nd.flags = 0xc0;
		nd.hop_limit = 64;
		nd.router_lifetime_s = 1800;
		nd.reachable_ms = 30000;
		nd.retrans_ms = 1000;
		nd.mtu = 1400;
		nd.prefixes = WIRE_ND_PREFIX_MAX;
		for (unsigned i = 0; i < nd.prefixes; i++) {
			struct wire_nd_prefix *p = &nd.prefix[i];

			wire_addr_parse("2001:db8::", &p->prefix);
			p->prefix.b[6] = (uint8_t)i;
			p->bits = 64;
			p->on_link = i & 1;
			p->autonomous = i & 2;
			p->valid_s = 86400 + i;
			p->preferred_s = 3600 + i;
		}
		nd.routes = 2;
		nd.route[0] = (struct wire_nd_route){.bits = 48, .preference = 1, .lifetime_s = 9};
		nd.route[1] = (struct wire_nd_route){.preference = 3, .lifetime_s = UINT32_MAX};
		wire_addr_parse("2001:db8:7::", &nd.route[0].prefix);
		nd.dns_servers = 2;
		for (unsigned i = 0; i < 2; i++) {
			wire_addr_parse("2001:db8::53", &nd.dns[i].server);
			nd.dns[i].server.b[9] = (uint8_t)i;
			nd.dns[i].lifetime_s = 600 + i;
		}
	} else if (type != WIRE_ICMP6_RS) {
		wire_addr_parse("2001:db8::2", &nd.target);
		nd.has_target_mac = true;
		memcpy(nd.target_mac, "\2\0\0\0\0\2", 6);
		if (type == WIRE_ICMP6_NA)
			nd.flags = WIRE_ND_SOLICITED | WIRE_ND_OVERRIDE;
		if (type == WIRE_ICMP6_REDIRECT)
			wire_addr_parse("2001:db8::9", &nd.destination);
	}
	return nd;
}

static void every_message_goes_there_and_back(void **state)
{
	(void)state;
	for (uint8_t type = WIRE_ICMP6_RS; type <= WIRE_ICMP6_REDIRECT; type++) {
		struct wire_nd nd = everything(type), back;
		uint8_t bytes[WIRE_ND_LEN_MAX], again[WIRE_ND_LEN_MAX];
		size_t len = wire_nd_emit(bytes, &nd);

		assert_true(len <= WIRE_ND_LEN_MAX && len % 8 == 0);
		assert_int_equal(wire_nd_parse(&back, bytes, len), len);
		assert_int_equal(back.flags, nd.flags);
		assert_true(wire_addr_equal(&back.target, &nd.target));
		assert_true(wire_addr_equal(&back.destination, &nd.destination));
		assert_int_equal(back.has_source_mac, nd.has_source_mac);
		assert_int_equal(back.has_target_mac, nd.has_target_mac);
		assert_memory_equal(back.source_mac, nd.source_mac, 6);
		assert_memory_equal(back.target_mac, nd.target_mac, 6);
		assert_int_equal(back.mtu, nd.mtu);
		assert_int_equal(back.prefixes, nd.prefixes);
		assert_int_equal(back.routes, nd.routes);
		assert_memory_equal(back.route, nd.route, sizeof(nd.route));
		assert_int_equal(back.dns_servers, nd.dns_servers);
		assert_memory_equal(back.dns, nd.dns, sizeof(nd.dns));
		assert_int_equal(back.router_lifetime_s, nd.router_lifetime_s);
		assert_int_equal(wire_nd_emit(again, &back), len);
		assert_memory_equal(again, bytes, len);
		for (size_t cut = 0; cut < len; cut++)
			if (cut % 8)
				assert_int_equal(wire_nd_parse(&back, bytes, cut), -EBADMSG);
	}
}

static void an_option_of_length_zero_condemns_the_message(void **state)
{
	struct wire_nd nd = everything(WIRE_ICMP6_NS);
	uint8_t bytes[WIRE_ND_LEN_MAX];
	size_t len = wire_nd_emit(bytes, &nd);

	(void)state;
	bytes[25] = 0;
	assert_int_equal(wire_nd_parse(&nd, bytes, len), -EBADMSG);
	bytes[25] = 200;
	assert_int_equal(wire_nd_parse(&nd, bytes, len), -EBADMSG);
}

static void unknown_options_and_lengths_are_passed_over(void **state)
{
	/* A nonce, then a source address of two units, then one as it should be. */
	static const uint8_t bytes[56] = {135, [24] = 14, 1, [32] = 1, 2,
					  [48] = 1, 1, 2, 0, 0, 0, 0, 9};
	struct wire_nd nd;

	(void)state;
	assert_int_equal(wire_nd_parse(&nd, bytes, 48), 48);
	assert_false(nd.has_source_mac);
	assert_int_equal(wire_nd_parse(&nd, bytes, 56), 56);
	assert_true(nd.has_source_mac);
	assert_int_equal(nd.source_mac[5], 9);
}

static void more_prefixes_than_there_is_room_for_are_passed_over(void **state)
{
	uint8_t bytes[16 + 32 * 12] = {134};
	struct wire_nd nd;

	(void)state;
	for (int i = 0; i < 12; i++) {
		bytes[16 + 32 * i] = 3;
		bytes[17 + 32 * i] = 4;
		bytes[18 + 32 * i] = (uint8_t)i;
	}
	assert_int_equal(wire_nd_parse(&nd, bytes, sizeof(bytes)), sizeof(bytes));
	assert_int_equal(nd.prefixes, WIRE_ND_PREFIX_MAX);
	assert_int_equal(nd.prefix[7].bits, 7);
}

static void other_types_are_not_neighbour_discovery(void **state)
{
	uint8_t bytes[64] = {0};
	struct wire_nd nd;

	(void)state;
	for (int type = 0; type < 256; type++) {
		bytes[0] = (uint8_t)type;
		if (type < WIRE_ICMP6_RS || type > WIRE_ICMP6_REDIRECT)
			assert_int_equal(wire_nd_parse(&nd, bytes, 64), -EBADMSG);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(echo_goes_there_and_back),
		cmocka_unit_test(every_message_goes_there_and_back),
		cmocka_unit_test(an_option_of_length_zero_condemns_the_message),
		cmocka_unit_test(unknown_options_and_lengths_are_passed_over),
		cmocka_unit_test(more_prefixes_than_there_is_room_for_are_passed_over),
		cmocka_unit_test(other_types_are_not_neighbour_discovery),
	};

	return cmocka_run_group_tests_name("icmp", tests, NULL, NULL);
}
