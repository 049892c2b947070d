/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A few lines as they must be; that they agree with tcpdump's is tested in harness/wire. */
#include "core/wire/print.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "core/wire/arp.h"
#include "core/wire/bpdu.h"
#include "core/wire/eth.h"
#include "core/wire/icmp.h"
#include "core/wire/ip.h"
#include "core/wire/tcp.h"
#include "core/wire/udp.h"

static char line[512];
static uint8_t frame[2000];

static const char *print(size_t len)
{
	struct vs_text t;

	vs_text_init(&t, line, sizeof(line));
	wire_print(&t, frame, len);
	return line;
}

static size_t ethernet(uint16_t type, uint16_t tci)
{
	struct wire_eth eth = {.dst = {2, 0, 0, 0, 0, 2}, .src = {2, 0, 0, 0, 0, 1}, .type = type,
			       .tagged = tci != 0, .tci = tci};

	memset(frame, 0, sizeof(frame));
	return wire_eth_emit(frame, &eth);
}

static size_t ip_header(size_t at, const char *src, const char *dst, uint8_t protocol, uint32_t len)
{
	struct wire_ip ip = {.hop_limit = 64, .protocol = protocol, .payload_len = len};

	wire_addr_parse(src, &ip.src);
	wire_addr_parse(dst, &ip.dst);
	ip.version = wire_addr_is4(&ip.src) ? 4 : 6;
	return wire_ip_emit(frame + at, &ip);
}

static size_t syn(void)
{
	struct wire_tcp tcp = {.src_port = 40000, .dst_port = 80, .seq = 1000,
			       .flags = WIRE_TCP_SYN,
			       .window = 64240, .has_mss = true, .mss = 1460,
			       .sack_permitted = true, .has_timestamp = true, .ts_val = 7,
			       .has_wscale = true, .wscale = 10};
	size_t at = ethernet(WIRE_TYPE_IP4, 0);

	at += ip_header(at, "10.0.0.1", "10.0.0.2", WIRE_PROTO_TCP, 40);
	return at + wire_tcp_emit(frame + at, &tcp);
}

static void a_syn(void **state)
{
	(void)state;
	assert_string_equal(print(syn()),
			    "02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype IPv4 (0x0800), "
			    "length 74: 10.0.0.1.40000 > 10.0.0.2.80: Flags [S], seq 1000, "
			    "win 64240, options [mss 1460,sackOK,TS val 7 ecr 0,wscale 10], "
			    "length 0");
}

static void a_tagged_request(void **state)
{
	struct wire_arp arp = {.op = WIRE_ARP_REQUEST};
	size_t at = ethernet(WIRE_TYPE_ARP, 0x400a);

	(void)state;
	wire_addr_parse("10.0.0.1", &arp.sender);
	wire_addr_parse("10.0.0.2", &arp.target);
	assert_string_equal(print(at + wire_arp_emit(frame + at, &arp)),
			    "02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype 802.1Q (0x8100), "
			    "length 46: vlan 10, p 2, ethertype ARP (0x0806), Request who-has "
			    "10.0.0.2 tell 10.0.0.1, length 28");
}

static void a_solicitation(void **state)
{
	struct wire_nd nd = {.type = WIRE_ICMP6_NS, .has_source_mac = true,
			     .source_mac = {2, 0, 0, 0, 0, 1}};
	size_t at = ethernet(WIRE_TYPE_IP6, 0);

	(void)state;
	wire_addr_parse("2001:db8::2", &nd.target);
	at += ip_header(at, "fe80::1", "ff02::1:ff00:2", WIRE_PROTO_ICMP6, 32);
	assert_non_null(strstr(print(at + wire_nd_emit(frame + at, &nd)),
			       "86: fe80::1 > ff02::1:ff00:2: ICMP6, neighbor solicitation, who "
			       "has 2001:db8::2, source 02:00:00:00:00:01, length 32"));
}

static void a_segment_that_the_capture_cut(void **state)
{
	struct wire_udp udp = {.src_port = 5000, .dst_port = 6000, .len = 1008};
	size_t at = ethernet(WIRE_TYPE_IP4, 0);

	(void)state;
	at += ip_header(at, "10.0.0.1", "10.0.0.2", WIRE_PROTO_UDP, 1008);
	at += wire_udp_emit(frame + at, &udp);
	assert_non_null(strstr(print(at + 20), "10.0.0.1.5000 > 10.0.0.2.6000: UDP, length 1000, "
				     "cut by 980"));
}

static void every_cut_header_is_said_to_be(void **state)
{
	size_t len = syn();

	(void)state;
	for (size_t cut = 0; cut < len; cut++) {
		const char *said = cut < 14 ? "[|ether]" : cut < 34 ? "[|ip]" : "[|tcp]";

		assert_non_null(strstr(print(cut), said));
	}
}

static void a_wrong_header_checksum(void **state)
{
	size_t len = syn();

	(void)state;
	frame[24] ^= 1;
	assert_non_null(strstr(print(len), "IP, bad header checksum"));
}

static void a_bridge_speaks(void **state)
{
	struct wire_bpdu bpdu = {.type = WIRE_BPDU_RST, .version = 2, .flags = 0x3c,
				 .root = {0x80, 0, 2, 0, 0, 0, 0, 1},
				 .bridge = {0x80, 0, 2, 0, 0, 0, 0, 2}, .root_path_cost = 20000,
				 .port = 0x8001, .max_age = 20 * 256, .hello_time = 2 * 256};
	size_t at = ethernet(39, 0);

	(void)state;
	memcpy(frame + at, "\x42\x42\x03", 3);
	assert_non_null(strstr(print(at + 3 + wire_bpdu_emit(frame + at + 3, &bpdu)),
			       "802.3, length 39: STP 802.1w, Rapid STP, Flags [Designated, Learn, "
			       "Forward], bridge-id 8000.02:00:00:00:00:02.8001, root-id "
			       "8000.02:00:00:00:00:01, root-pathcost 20000"));
}

static void a_short_text_is_cut_not_overrun(void **state)
{
	char small[20];
	struct vs_text t;
	size_t len = syn();

	(void)state;
	vs_text_init(&t, small, sizeof(small));
	wire_print(&t, frame, len);
	assert_true(t.cut);
	assert_string_equal(small, "02:00:00:00:00:01 >");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_syn),
		cmocka_unit_test(a_tagged_request),
		cmocka_unit_test(a_solicitation),
		cmocka_unit_test(a_segment_that_the_capture_cut),
		cmocka_unit_test(every_cut_header_is_said_to_be),
		cmocka_unit_test(a_wrong_header_checksum),
		cmocka_unit_test(a_bridge_speaks),
		cmocka_unit_test(a_short_text_is_cut_not_overrun),
	};

	return cmocka_run_group_tests_name("print", tests, NULL, NULL);
}
