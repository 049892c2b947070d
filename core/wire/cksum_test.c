/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/wire/cksum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "core/base/prng.h"

/* RFC 1071 as it is told: 16-bit words in network order, carries brought round at the end. */
static uint16_t model(const uint8_t *bytes, size_t len, uint64_t sum)
{
	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	if (len % 2)
		sum += (uint32_t)bytes[len - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void fill(struct vs_prng *p, uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)vs_prng_next(p);
}

static void the_example_of_rfc_1071(void **state)
{
	static const uint8_t bytes[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};

	(void)state;
	assert_int_equal(wire_cksum_fold(wire_cksum_add(0, bytes, sizeof(bytes))), 0x220d);
}

static void every_length_at_every_alignment_agrees_with_the_model(void **state)
{
	uint8_t bytes[700], copy[700];
	struct vs_prng p;

	(void)state;
	vs_prng_seed(&p, 1, "cksum");
	for (size_t len = 0; len <= 600; len++) {
		size_t from = vs_prng_below(&p, 16), to = vs_prng_below(&p, 16);
		uint32_t start = (uint32_t)vs_prng_next(&p);

		fill(&p, bytes, sizeof(bytes));
		memset(copy, 0xa5, sizeof(copy));
		assert_int_equal(wire_cksum_fold(wire_cksum_add(start, bytes + from, len)),
				 model(bytes + from, len, start));
		assert_int_equal(
			wire_cksum_fold(wire_cksum_copy(start, copy + to, bytes + from, len)),
			model(bytes + from, len, start));
		assert_memory_equal(copy + to, bytes + from, len);
		for (size_t i = 0; i < sizeof(copy); i++)
			if (i < to || i >= to + len)
				assert_int_equal(copy[i], 0xa5);
	}
}

static void all_ones_and_all_zeros_do_not_overflow(void **state)
{
	static uint8_t bytes[65536];

	(void)state;
	memset(bytes, 0xff, sizeof(bytes));
	for (size_t len = 0; len <= sizeof(bytes); len = len * 2 + 1)
		assert_int_equal(wire_cksum_fold(wire_cksum_add(0xffffffff, bytes, len)),
				 model(bytes, len, 0xffffffff));
	memset(bytes, 0, sizeof(bytes));
	assert_int_equal(wire_cksum_fold(wire_cksum_add(0, bytes, sizeof(bytes))), 0xffff);
}

static void pieces_add_up_to_the_whole(void **state)
{
	uint8_t bytes[2000];
	struct vs_prng p;

	(void)state;
	vs_prng_seed(&p, 2, "cksum");
	fill(&p, bytes, sizeof(bytes));
	for (int i = 0; i < 2000; i++) {
		size_t cut = vs_prng_below(&p, 1000) & ~(size_t)1;
		size_t len = cut + vs_prng_below(&p, 1000);
		uint32_t sum = wire_cksum_add(0, bytes, cut);

		assert_int_equal(wire_cksum_fold(wire_cksum_add(sum, bytes + cut, len - cut)),
				 model(bytes, len, 0));
	}
}

static void data_with_its_own_checksum_folds_to_zero(void **state)
{
	uint8_t bytes[64];
	struct vs_prng p;

	(void)state;
	vs_prng_seed(&p, 3, "cksum");
	for (int i = 0; i < 1000; i++) {
		uint32_t at = (uint32_t)vs_prng_below(&p, 32) * 2;

		fill(&p, bytes, sizeof(bytes));
		wire_put16(bytes + at, 0);
		wire_put16(bytes + at, wire_cksum_fold(wire_cksum_add(0, bytes, sizeof(bytes))));
		assert_int_equal(wire_cksum_fold(wire_cksum_add(0, bytes, sizeof(bytes))), 0);
		bytes[at] ^= 0x10;
		assert_int_not_equal(wire_cksum_fold(wire_cksum_add(0, bytes, sizeof(bytes))), 0);
	}
}

static void pseudo_headers_agree_with_their_bytes(void **state)
{
	uint8_t six[40] = {0}, four[12] = {0};
	struct wire_addr a, b;
	struct vs_prng p;

	(void)state;
	vs_prng_seed(&p, 4, "cksum");
	for (int i = 0; i < 1000; i++) {
		uint32_t len = (uint32_t)vs_prng_below(&p, 65536);

		fill(&p, six, 32);
		a = wire_addr_from6(six);
		b = wire_addr_from6(six + 16);
		wire_put32(six + 32, len);
		six[39] = 58;
		assert_int_equal(wire_cksum_fold(wire_cksum_pseudo(&a, &b, 58, len)),
				 model(six, 40, 0));
		fill(&p, four, 8);
		a = wire_addr_from4(four);
		b = wire_addr_from4(four + 4);
		four[9] = 6;
		wire_put16(four + 10, (uint16_t)len);
		assert_int_equal(wire_cksum_fold(wire_cksum_pseudo(&a, &b, 6, len)),
				 model(four, 12, 0));
	}
}

static void an_update_is_what_a_new_sum_would_be(void **state)
{
	uint8_t bytes[40];
	struct vs_prng p;

	(void)state;
	vs_prng_seed(&p, 5, "cksum");
	for (int i = 0; i < 10000; i++) {
		size_t at = vs_prng_below(&p, 18) * 2;
		uint16_t before, after = (uint16_t)vs_prng_next(&p);
		uint32_t before32, after32 = (uint32_t)vs_prng_next(&p);
		uint16_t cksum;

		fill(&p, bytes, sizeof(bytes));
		cksum = model(bytes, sizeof(bytes), 0);
		before = wire_get16(bytes + at);
		wire_put16(bytes + at, after);
		cksum = wire_cksum_update16(cksum, before, after);
		assert_int_equal(cksum, model(bytes, sizeof(bytes), 0));
		before32 = wire_get32(bytes + at);
		wire_put32(bytes + at, after32);
		assert_int_equal(wire_cksum_update32(cksum, before32, after32),
				 model(bytes, sizeof(bytes), 0));
	}
}

static void the_example_of_rfc_1624(void **state)
{
	(void)state;
	/* Section 4: where the older equation gives 0xffff instead. */
	assert_int_equal(wire_cksum_update16(0xdd2f, 0x5555, 0x3285), 0x0000);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_rfc_1071),
		cmocka_unit_test(every_length_at_every_alignment_agrees_with_the_model),
		cmocka_unit_test(all_ones_and_all_zeros_do_not_overflow),
		cmocka_unit_test(pieces_add_up_to_the_whole),
		cmocka_unit_test(data_with_its_own_checksum_folds_to_zero),
		cmocka_unit_test(pseudo_headers_agree_with_their_bytes),
		cmocka_unit_test(an_update_is_what_a_new_sum_would_be),
		cmocka_unit_test(the_example_of_rfc_1624),
	};

	return cmocka_run_group_tests_name("cksum", tests, NULL, NULL);
}
