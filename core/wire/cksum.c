/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The sum is indifferent to byte order (RFC 1071 2.B) and to the width of the words it is made of
 * (2.C), since 2^16, 2^32 and 2^64 are all 1 modulo 2^16 - 1. So the bytes are added as they lie,
 * as 32-bit halves in two 64-bit lanes that cannot overflow, and swapped once at the end.
 */
#include "core/wire/cksum.h"

#include <stdbool.h>

typedef uint64_t lanes __attribute__((vector_size(16)));

#define WIDE (sizeof(lanes) * 4)

/* Folds to 16 bits. */
static inline uint32_t fold64(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + ((sum >> 16) & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint32_t)((sum & 0xffff) + (sum >> 16));
}

/* Adds with the carry brought round. */
static inline uint64_t add_round(uint64_t sum, uint64_t word)
{
	sum += word;
	return sum + (sum < word);
}

/* The sum of the bytes in their own order; copies them if asked, which is known when this is
 * inlined.
 */
static inline __attribute__((always_inline)) uint64_t native_sum(bool copy, uint8_t *to,
								 const uint8_t *from, size_t len)
{
	uint64_t sum = 0, word;

	if (len >= WIDE) {
		lanes low[2] = {{0}}, high[2] = {{0}}, a, b, c, d;

		/* Written out: an array of vectors in a loop would go through memory. */
		do {
			memcpy(&a, from, 16);
			memcpy(&b, from + 16, 16);
			memcpy(&c, from + 32, 16);
			memcpy(&d, from + 48, 16);
			if (copy) {
				memcpy(to, &a, 16);
				memcpy(to + 16, &b, 16);
				memcpy(to + 32, &c, 16);
				memcpy(to + 48, &d, 16);
				to += WIDE;
			}
			low[0] += (a & 0xffffffff) + (b & 0xffffffff);
			high[0] += (a >> 32) + (b >> 32);
			low[1] += (c & 0xffffffff) + (d & 0xffffffff);
			high[1] += (c >> 32) + (d >> 32);
			from += WIDE;
			len -= WIDE;
		} while (len >= WIDE);
		low[0] += low[1] + high[0] + high[1];
		sum = add_round(low[0][0], low[0][1]);
	}
	for (; len >= 8; len -= 8, from += 8) {
		memcpy(&word, from, 8);
		if (copy) {
			memcpy(to, &word, 8);
			to += 8;
		}
		sum = add_round(sum, word);
	}
	if (len & 4) {
		uint32_t half;

		memcpy(&half, from, 4);
		if (copy) {
			memcpy(to, &half, 4);
			to += 4;
		}
		from += 4;
		sum = add_round(sum, half);
	}
	if (len & 2) {
		uint16_t quarter;

		memcpy(&quarter, from, 2);
		if (copy) {
			memcpy(to, &quarter, 2);
			to += 2;
		}
		from += 2;
		sum = add_round(sum, quarter);
	}
	if (len & 1) {
		if (copy)
			*to = *from;
		sum = add_round(sum, *from);
	}
	return sum;
}

static inline uint32_t add_native(uint32_t sum, uint64_t native)
{
	uint32_t swapped = __builtin_bswap16((uint16_t)fold64(native));

	return fold64((uint64_t)sum + swapped);
}

uint32_t wire_cksum_add(uint32_t sum, const void *bytes, size_t len)
{
	return add_native(sum, native_sum(false, NULL, bytes, len));
}

uint32_t wire_cksum_copy(uint32_t sum, void *to, const void *from, size_t len)
{
	return add_native(sum, native_sum(true, to, from, len));
}

uint32_t wire_cksum_pseudo(const struct wire_addr *src, const struct wire_addr *dst,
			   uint8_t protocol, uint32_t len)
{
	uint64_t a[2], b[2], sum;

	memcpy(a, src->b, 16);
	memcpy(b, dst->b, 16);
	if (wire_addr_is4(src)) {
		/* The mapped prefix must not count: the four bytes on the wire are the last. */
		sum = (a[1] >> 32) + (b[1] >> 32);
	} else {
		sum = add_round(add_round(a[0], a[1]), add_round(b[0], b[1]));
	}
	return add_native(fold64((uint64_t)protocol + len), sum);
}

uint16_t wire_cksum_fold(uint32_t sum)
{
	return (uint16_t)~fold64(sum);
}

uint16_t wire_cksum_update16(uint16_t cksum, uint16_t before, uint16_t after)
{
	return (uint16_t)~fold64((uint64_t)(uint16_t)~cksum + (uint16_t)~before + after);
}

uint16_t wire_cksum_update32(uint16_t cksum, uint32_t before, uint32_t after)
{
	return (uint16_t)~fold64((uint64_t)(uint16_t)~cksum + (uint32_t)~before + after);
}
