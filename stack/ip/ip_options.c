/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* IPv4's options that a packet collects on its way, record route and timestamp: RFC 791 3.1, RFC
 * 1122 3.2.1.8, RFC 1812 5.3.13. Source routes are refused (ip_input.c), the rest passes unread.
 */
#include "stack/ip/ip.h"

#define OPT_NOP	   1
#define OPT_ROUTE  7
#define OPT_TIME   68
#define TIME_ONLY  0 /* flags of a timestamp option */
#define TIME_ADDR  1
#define TIME_GIVEN 3

/* Writes our address at a pointer of an option (1 is its first byte). */
static void put_address(uint8_t *option, unsigned pointer, const struct wire_addr *mine)
{
	memcpy(option + pointer - 1, mine->b + 12, 4);
}

/* 0, or the option's byte that is wrong, from 1. */
static unsigned record_route(uint8_t *option, const struct wire_addr *mine)
{
	unsigned len = option[1], pointer = len > 2 ? option[2] : 0;

	if (pointer < 4 || (pointer <= len && pointer + 3 > len))
		return 3;
	if (pointer <= len) {
		put_address(option, pointer, mine);
		option[2] = (uint8_t)(pointer + 4);
	}
	return 0;
}

/* RFC 791: a time that is not of the day, in ms, has its high bit set: engines know none else. */
static uint32_t time_of(vs_time now)
{
	return (uint32_t)(now / VS_MSEC) | 0x80000000u;
}

static unsigned timestamp(const struct stk *s, vs_time now, uint8_t *option,
			  const struct wire_addr *mine)
{
	unsigned len = option[1], pointer = len > 3 ? option[2] : 0, kind, each;
	struct wire_addr given;

	if (pointer < 5)
		return 3;
	kind = option[3] & 0xf;
	each = kind == TIME_ONLY ? 4 : 8;
	if (kind != TIME_ONLY && kind != TIME_ADDR && kind != TIME_GIVEN)
		return 4;
	if (pointer > len) {
		/* Full: those that found no room are counted. */
		if (option[3] >> 4 == 15)
			return 4;
		option[3] += kind == TIME_GIVEN ? 0 : 0x10;
		return 0;
	}
	if (pointer + each - 1 > len)
		return 3;
	if (kind == TIME_GIVEN) {
		given = wire_addr_from4(option + pointer - 1);
		if (!ip_is_ours(s, &given))
			return 0;
	} else if (kind == TIME_ADDR) {
		put_address(option, pointer, mine);
	}
	wire_put32(option + pointer - 1 + each - 4, time_of(now));
	option[2] = (uint8_t)(pointer + each);
	return 0;
}

unsigned ip_options_record(const struct stk *s, vs_time now, uint8_t *options, size_t len,
			   const struct wire_addr *mine)
{
	size_t at = 0;

	while (at < len && options[at]) {
		unsigned wrong = 0;

		if (options[at] == OPT_ROUTE)
			wrong = record_route(options + at, mine);
		else if (options[at] == OPT_TIME)
			wrong = timestamp(s, now, options + at, mine);
		if (wrong)
			return WIRE_IP4_LEN + (unsigned)at + wrong - 1;
		at += options[at] == OPT_NOP ? 1 : options[at + 1];
	}
	return 0;
}

size_t ip_options_reflect(uint8_t *to, const uint8_t *options, size_t len)
{
	size_t at = 0, copied = 0;

	while (at < len && options[at]) {
		size_t one = options[at] == OPT_NOP ? 1 : options[at + 1];

		if (options[at] == OPT_ROUTE || options[at] == OPT_TIME) {
			memcpy(to + copied, options + at, one);
			copied += one;
		}
		at += one;
	}
	while (copied % 4)
		to[copied++] = 0;
	return copied;
}

void ip_header4_finish(uint8_t *header, size_t header_len, size_t payload_len)
{
	header[0] = (uint8_t)(0x40 | header_len / 4);
	wire_put16(header + 2, (uint16_t)(header_len + payload_len));
	wire_put16(header + 10, 0);
	wire_put16(header + 10, wire_cksum_fold(wire_cksum_add(0, header, header_len)));
}
