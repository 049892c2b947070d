/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/wire/tcp.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "core/base/prng.h"
#include "core/wire/bytes.h"

/* A segment of Linux: SYN with mss, sackOK, timestamps, nop, wscale. */
static const uint8_t linux_syn[40] = {
	0x9c, 0x40, 0x00, 0x50, 0x11, 0x22, 0x33, 0x44, 0, 0, 0, 0, 0xa0, 0x02, 0xfa, 0xf0, 0, 0,
	0,    0,    2,	  4,	0x05, 0xb4, 4,	  2,	8, 10, 1, 2, 3,	   4,	 0,    0,    0, 0,
	1,    3,    3,	  7,
};

static void the_syn_of_linux_is_read_and_written(void **state)
{
	uint8_t bytes[WIRE_TCP_LEN_MAX];
	struct wire_tcp tcp;

	(void)state;
	assert_int_equal(wire_tcp_parse(&tcp, linux_syn, 40), 40);
	assert_int_equal(tcp.src_port, 40000);
	assert_int_equal(tcp.dst_port, 80);
	assert_int_equal(tcp.seq, 0x11223344);
	assert_int_equal(tcp.flags, WIRE_TCP_SYN);
	assert_int_equal(tcp.window, 64240);
	assert_true(tcp.has_mss && tcp.sack_permitted && tcp.has_timestamp && tcp.has_wscale);
	assert_int_equal(tcp.mss, 1460);
	assert_int_equal(tcp.wscale, 7);
	assert_int_equal(tcp.ts_val, 0x01020304);
	assert_int_equal(tcp.ts_ecr, 0);
	assert_int_equal(wire_tcp_emit(bytes, &tcp), 40);
	assert_memory_equal(bytes, linux_syn, 40);
}

static struct wire_tcp random_segment(struct vs_prng *p)
{
	struct wire_tcp tcp = {
		.src_port = (uint16_t)vs_prng_next(p),
		.dst_port = (uint16_t)vs_prng_next(p),
		.seq = (uint32_t)vs_prng_next(p),
		.ack = (uint32_t)vs_prng_next(p),
		.flags = (uint8_t)vs_prng_next(p),
		.window = (uint16_t)vs_prng_next(p),
		.urgent = (uint16_t)vs_prng_next(p),
		.has_mss = vs_prng_next(p) & 1,
		.has_wscale = vs_prng_next(p) & 1,
		.has_timestamp = vs_prng_next(p) & 1,
		.sack_permitted = vs_prng_next(p) & 1,
		.has_cookie = vs_prng_below(p, 4) == 0,
		.sacks = (uint8_t)vs_prng_below(p, 5),
	};

	if (tcp.has_mss)
		tcp.mss = (uint16_t)vs_prng_next(p);
	if (tcp.has_wscale)
		tcp.wscale = (uint8_t)vs_prng_below(p, 15);
	if (tcp.has_timestamp) {
		tcp.ts_val = (uint32_t)vs_prng_next(p);
		tcp.ts_ecr = (uint32_t)vs_prng_next(p);
	}
	if (tcp.has_cookie && vs_prng_next(p) & 1) {
		tcp.cookie_len = (uint8_t)(4 + 2 * vs_prng_below(p, 7));
		memset(tcp.cookie, (int)vs_prng_below(p, 256), tcp.cookie_len);
		tcp.cookie_exp = vs_prng_next(p) & 1;
	}
	for (unsigned i = 0; i < tcp.sacks; i++) {
		tcp.sack[i].left = (uint32_t)vs_prng_next(p);
		tcp.sack[i].right = (uint32_t)vs_prng_next(p);
	}
	return tcp;
}

static void every_mixture_of_options_goes_there_and_back(void **state)
{
	struct vs_prng p;

	(void)state;
	vs_prng_seed(&p, 1, "tcp");
	for (int i = 0; i < 50000; i++) {
		struct wire_tcp tcp = random_segment(&p), back;
		uint8_t bytes[WIRE_TCP_LEN_MAX + 8];
		size_t len;

		memset(bytes, 0xa5, sizeof(bytes));
		len = wire_tcp_emit(bytes, &tcp);
		assert_true(len <= WIRE_TCP_LEN_MAX && len % 4 == 0);
		assert_int_equal(len, wire_tcp_len(&tcp));
		for (size_t k = len; k < sizeof(bytes); k++)
			assert_int_equal(bytes[k], 0xa5);
		assert_int_equal(wire_tcp_parse(&back, bytes, sizeof(bytes)), len);
		assert_int_equal(back.seq, tcp.seq);
		assert_int_equal(back.ack, tcp.ack);
		assert_int_equal(back.flags, tcp.flags);
		assert_int_equal(back.window, tcp.window);
		assert_int_equal(back.urgent, tcp.urgent);
		assert_int_equal(back.has_mss, tcp.has_mss);
		assert_int_equal(back.mss, tcp.mss);
		assert_int_equal(back.has_wscale, tcp.has_wscale);
		assert_int_equal(back.wscale, tcp.wscale);
		assert_int_equal(back.has_timestamp, tcp.has_timestamp);
		assert_int_equal(back.ts_val, tcp.ts_val);
		assert_int_equal(back.ts_ecr, tcp.ts_ecr);
		assert_int_equal(back.sack_permitted, tcp.sack_permitted);
		assert_int_equal(back.has_cookie, tcp.has_cookie);
		assert_int_equal(back.cookie_len, tcp.cookie_len);
		assert_int_equal(back.cookie_exp, tcp.cookie_exp);
		assert_memory_equal(back.cookie, tcp.cookie, tcp.cookie_len);
		assert_true(back.sacks <= tcp.sacks);
		if (back.sacks < tcp.sacks)
			assert_true(len + 8 > WIRE_TCP_LEN_MAX ||
				    (!back.sacks && len + 12 > WIRE_TCP_LEN_MAX));
		for (unsigned k = 0; k < back.sacks; k++) {
			assert_int_equal(back.sack[k].left, tcp.sack[k].left);
			assert_int_equal(back.sack[k].right, tcp.sack[k].right);
		}
	}
}

static void three_sack_blocks_fit_beside_a_timestamp(void **state)
{
	struct wire_tcp tcp = {.flags = WIRE_TCP_ACK, .has_timestamp = true, .sacks = 4};

	(void)state;
	assert_int_equal(wire_tcp_len(&tcp), 20 + 12 + 4 + 3 * 8);
	tcp.has_timestamp = false;
	assert_int_equal(wire_tcp_len(&tcp), 20 + 4 + 4 * 8);
}

/* The short way for nop, nop, timestamp reads what the long way would. */
static void the_short_way_is_the_long_way(void **state)
{
	struct wire_tcp tcp = {.has_timestamp = true, .ts_val = 5, .ts_ecr = 6}, back;
	uint8_t bytes[36];

	(void)state;
	assert_int_equal(wire_tcp_emit(bytes, &tcp), 32);
	assert_int_equal(wire_tcp_parse(&back, bytes, 32), 32);
	assert_true(back.has_timestamp && back.ts_val == 5 && back.ts_ecr == 6);
	/* The same options and one word more go the long way. */
	memset(bytes + 32, 1, 4);
	bytes[12] = 9 << 4;
	assert_int_equal(wire_tcp_parse(&back, bytes, 36), 36);
	assert_true(back.has_timestamp && back.ts_val == 5 && back.ts_ecr == 6);
}

static void cut_and_impossible_headers_are_refused(void **state)
{
	uint8_t bytes[40];
	struct wire_tcp tcp;

	(void)state;
	for (size_t len = 0; len < 40; len++)
		assert_int_equal(wire_tcp_parse(&tcp, linux_syn, len), -EBADMSG);
	memcpy(bytes, linux_syn, 40);
	for (int offset = 0; offset < 5; offset++) {
		bytes[12] = (uint8_t)(offset << 4);
		assert_int_equal(wire_tcp_parse(&tcp, bytes, 40), -EBADMSG);
	}
}

static void parse_options(struct wire_tcp *tcp, const char *options, size_t len)
{
	uint8_t bytes[60] = {[12] = (uint8_t)((20 + len) / 4 << 4)};

	memcpy(bytes + 20, options, len);
	assert_int_equal(wire_tcp_parse(tcp, bytes, sizeof(bytes)), 20 + len);
}

static void malformed_options_end_the_list(void **state)
{
	struct wire_tcp tcp;

	(void)state;
	parse_options(&tcp, "\2\4\5\264\3\0\1\1", 8); /* a length of 0 */
	assert_true(tcp.has_mss && !tcp.has_wscale);
	parse_options(&tcp, "\1\1\1\2", 4); /* no length */
	assert_false(tcp.has_mss);
	parse_options(&tcp, "\1\1\2\4", 4); /* beyond the header */
	assert_false(tcp.has_mss);
	parse_options(&tcp, "\0\2\4\5\264\1\1\1", 8); /* behind the end */
	assert_false(tcp.has_mss);
}

static void unknown_options_are_passed_over(void **state)
{
	struct wire_tcp tcp;

	(void)state;
	parse_options(&tcp, "\376\4\xf9\x88\2\4\5\264", 8);
	assert_true(tcp.has_mss && tcp.mss == 1460);
	parse_options(&tcp, "\2\3\5\1\3\3\16\1", 8); /* an mss of one byte is none */
	assert_false(tcp.has_mss);
	assert_true(tcp.has_wscale && tcp.wscale == 14);
	parse_options(&tcp, "\3\3\17\1", 4); /* RFC 7323 2.3: 15 means 14 */
	assert_int_equal(tcp.wscale, 14);
	parse_options(&tcp, "\42\2\1\1", 4);
	assert_true(tcp.has_cookie && tcp.cookie_len == 0);
	parse_options(&tcp, "\42\4\1\1", 4); /* a cookie of two bytes is none */
	assert_false(tcp.has_cookie);
	parse_options(&tcp, "\376\10\371\211\1\2\3\4", 8); /* RFC 7413 A.2 */
	assert_true(tcp.has_cookie && tcp.cookie_exp && tcp.cookie_len == 4);
	parse_options(&tcp, "\376\10\371\210\1\2\3\4", 8); /* another experiment */
	assert_false(tcp.has_cookie);
}

static void sequence_numbers_wrap(void **state)
{
	(void)state;
	assert_true(wire_seq_lt(0xffffffff, 0));
	assert_false(wire_seq_lt(0, 0xffffffff));
	assert_true(wire_seq_leq(5, 5));
	assert_false(wire_seq_lt(5, 5));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_syn_of_linux_is_read_and_written),
		cmocka_unit_test(every_mixture_of_options_goes_there_and_back),
		cmocka_unit_test(three_sack_blocks_fit_beside_a_timestamp),
		cmocka_unit_test(the_short_way_is_the_long_way),
		cmocka_unit_test(cut_and_impossible_headers_are_refused),
		cmocka_unit_test(malformed_options_end_the_list),
		cmocka_unit_test(unknown_options_are_passed_over),
		cmocka_unit_test(sequence_numbers_wrap),
	};

	return cmocka_run_group_tests_name("tcp header", tests, NULL, NULL);
}
