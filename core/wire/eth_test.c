/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ethernet, ARP, UDP and BPDUs: headers without surprises. */
#include "core/wire/eth.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "core/wire/arp.h"
#include "core/wire/bpdu.h"
#include "core/wire/udp.h"

static const uint8_t tagged[18] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,    0,	   0,
				   0,	 0,    1,    0x81, 0,	 0xb0, 0x0a, 0x08, 0x06};

static void a_tag_moves_the_type(void **state)
{
	uint8_t bytes[18];
	struct wire_eth eth;

	(void)state;
	assert_int_equal(wire_eth_parse(&eth, tagged, 18), 18);
	assert_true(eth.tagged);
	assert_int_equal(eth.tci, 0xb00a);
	assert_int_equal(WIRE_TCI_VID(eth.tci), 10);
	assert_int_equal(eth.type, WIRE_TYPE_ARP);
	assert_true(wire_mac_is_group(eth.dst));
	assert_false(wire_mac_is_group(eth.src));
	assert_int_equal(wire_eth_emit(bytes, &eth), 18);
	assert_memory_equal(bytes, tagged, 18);
	eth.tagged = false;
	assert_int_equal(wire_eth_emit(bytes, &eth), 14);
	assert_int_equal(wire_eth_parse(&eth, bytes, 14), 14);
	assert_false(eth.tagged);
	assert_int_equal(eth.tci, 0);
	assert_int_equal(eth.type, WIRE_TYPE_ARP);
}

static void a_cut_ethernet_header_is_refused(void **state)
{
	struct wire_eth eth;

	(void)state;
	for (size_t len = 0; len < 18; len++)
		assert_int_equal(wire_eth_parse(&eth, tagged, len), -EBADMSG);
}

static void arp_goes_there_and_back(void **state)
{
	static const uint8_t request[28] = {0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1,
					    10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2};
	uint8_t bytes[28];
	struct wire_arp arp;

	(void)state;
	assert_int_equal(wire_arp_parse(&arp, request, 28), 28);
	assert_int_equal(arp.op, WIRE_ARP_REQUEST);
	assert_true(wire_addr_is4(&arp.sender));
	assert_int_equal(arp.sender.b[15], 1);
	assert_int_equal(arp.target.b[15], 2);
	assert_int_equal(wire_arp_emit(bytes, &arp), 28);
	assert_memory_equal(bytes, request, 28);
	for (size_t len = 0; len < 28; len++)
		assert_int_equal(wire_arp_parse(&arp, request, len), -EBADMSG);
	for (int i = 0; i < 6; i++) {
		memcpy(bytes, request, 28);
		bytes[i] ^= 0x40;
		assert_int_equal(wire_arp_parse(&arp, bytes, 28), -EPROTONOSUPPORT);
	}
}

static void a_udp_length_must_be_possible(void **state)
{
	const uint8_t bytes[12] = {0x12, 0x34, 0, 53, 0, 12, 0xab, 0xcd, 1, 2, 3, 4};
	uint8_t other[12];
	struct wire_udp udp;

	(void)state;
	assert_int_equal(wire_udp_parse(&udp, bytes, 12), 8);
	assert_int_equal(udp.src_port, 0x1234);
	assert_int_equal(udp.dst_port, 53);
	assert_int_equal(udp.len, 12);
	assert_int_equal(udp.cksum, 0xabcd);
	assert_int_equal(wire_udp_emit(other, &udp), 8);
	assert_memory_equal(other, bytes, 8);
	for (size_t len = 0; len < 12; len++)
		assert_int_equal(wire_udp_parse(&udp, bytes, len), -EBADMSG);
	memcpy(other, bytes, 12);
	other[5] = 7;
	assert_int_equal(wire_udp_parse(&udp, other, 12), -EBADMSG);
	other[5] = 8;
	assert_int_equal(wire_udp_parse(&udp, other, 12), 8);
}

static void bpdus_have_three_forms(void **state)
{
	static const struct {
		uint8_t type;
		int len;
	} form[] = {{WIRE_BPDU_CONFIG, 35}, {WIRE_BPDU_RST, 36}, {WIRE_BPDU_TCN, 4}};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct wire_bpdu bpdu = {
			.version = form[i].type == WIRE_BPDU_RST ? 2 : 0,
			.type = form[i].type,
		}, back;
		uint8_t bytes[WIRE_BPDU_LEN_MAX];

		if (form[i].type != WIRE_BPDU_TCN) {
			bpdu.flags = 0x3c;
			memcpy(bpdu.root, "\x80\0\2\0\0\0\0\1", 8);
			memcpy(bpdu.bridge, "\x90\0\2\0\0\0\0\2", 8);
			bpdu.root_path_cost = 20000000;
			bpdu.port = 0x8001;
			bpdu.message_age = 256;
			bpdu.max_age = 20 * 256;
			bpdu.hello_time = 2 * 256;
			bpdu.forward_delay = 15 * 256;
		}
		assert_int_equal(wire_bpdu_emit(bytes, &bpdu), form[i].len);
		memset(&back, 0xff, sizeof(back));
		assert_int_equal(wire_bpdu_parse(&back, bytes, (size_t)form[i].len), form[i].len);
		assert_int_equal(back.type, bpdu.type);
		assert_int_equal(back.version, bpdu.version);
		assert_int_equal(back.flags, bpdu.flags);
		assert_memory_equal(back.root, bpdu.root, 8);
		assert_memory_equal(back.bridge, bpdu.bridge, 8);
		assert_int_equal(back.root_path_cost, bpdu.root_path_cost);
		assert_int_equal(back.port, bpdu.port);
		assert_int_equal(back.forward_delay, bpdu.forward_delay);
		for (size_t len = 0; len < (size_t)form[i].len; len++)
			assert_int_equal(wire_bpdu_parse(&back, bytes, len), -EBADMSG);
		bytes[3] = 0x55;
		assert_int_equal(wire_bpdu_parse(&back, bytes, sizeof(bytes)), -EBADMSG);
		bytes[0] = 1;
		bytes[3] = form[i].type;
		assert_int_equal(wire_bpdu_parse(&back, bytes, sizeof(bytes)), -EBADMSG);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tag_moves_the_type),
		cmocka_unit_test(a_cut_ethernet_header_is_refused),
		cmocka_unit_test(arp_goes_there_and_back),
		cmocka_unit_test(a_udp_length_must_be_possible),
		cmocka_unit_test(bpdus_have_three_forms),
	};

	return cmocka_run_group_tests_name("eth", tests, NULL, NULL);
}
