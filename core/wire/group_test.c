/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* IGMP and MLD messages, byte by byte as their RFCs draw them. */
#include "core/wire/group.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "core/wire/icmp.h"

static void versions_of_queries_are_told_by_their_lengths(void **state)
{
	static const uint8_t v1[8] = {0x11, 0};
	static const uint8_t v2[8] = {0x11, 100, 0, 0, 224, 1, 2, 3};
	static const uint8_t v3[16] = {0x11, 0x8a, 0, 0, 224, 1, 2, 3, 3, 0x9f, 0, 1, 10, 0, 0, 9};
	uint8_t mld[44] = {130, 0, 0, 0, 0x27, 0x10, 0, 0, 0xff, 0x0e, [23] = 9};
	struct wire_addr group, source;
	struct wire_group_query q;

	(void)state;
	assert_int_equal(wire_group_query_parse(&q, v1, 8, true), 8);
	assert_int_equal(q.version, 1);
	assert_int_equal(q.max_resp_ms, 10000);
	assert_true(wire_addr_is_any(&q.group));
	assert_int_equal(wire_group_query_parse(&q, v2, 8, true), 8);
	assert_int_equal(q.version, 2);
	assert_int_equal(q.max_resp_ms, 10000);
	assert_int_equal(wire_addr_parse("224.1.2.3", &group), 0);
	assert_memory_equal(&q.group, &group, sizeof(group));
	assert_int_equal(wire_group_query_parse(&q, v3, 16, true), 16);
	assert_int_equal(q.version, 3);
	/* RFC 3376 4.1.1: (mant | 0x10) << (exp + 3). */
	assert_int_equal(q.max_resp_ms, (0x1a << 3) * 100);
	assert_int_equal(q.interval_s, 0x1f << 4);
	assert_int_equal(q.robustness, 3);
	assert_int_equal(q.sources, 1);
	source = wire_group_query_source(&q, 0, true);
	assert_int_equal(wire_addr_parse("10.0.0.9", &group), 0);
	assert_memory_equal(&source, &group, sizeof(group));
	/* RFC 3376 7.1: of another length it is none; nor with fewer sources than it says. */
	assert_int_equal(wire_group_query_parse(&q, v3, 11, true), -EBADMSG);
	assert_int_equal(wire_group_query_parse(&q, v3, 15, true), -EBADMSG);
	assert_int_equal(wire_group_query_parse(&q, v3, 7, true), -EBADMSG);
	assert_int_equal(wire_group_query_parse(&q, mld, 24, false), 24);
	assert_int_equal(q.version, 2);
	assert_int_equal(q.max_resp_ms, 10000);
	assert_int_equal(wire_group_query_parse(&q, mld, 27, false), -EBADMSG);
	wire_put16(mld + 4, 0x9234);
	mld[27] = 1;
	assert_int_equal(wire_group_query_parse(&q, mld, 44, false), 44);
	assert_int_equal(q.version, 3);
	assert_int_equal(q.max_resp_ms, 0x1234 << 4);
	assert_int_equal(wire_group_query_parse(&q, mld, 43, false), -EBADMSG);
}

static void queries_go_there_and_back(void **state)
{
	static const uint32_t numbers[] = {1, 127, 128, 31744, 200, 1000};
	static const uint8_t sources[32] = {32, 1, 13, 184, [15] = 1, 32, 1, 13, 184, [31] = 2};
	uint8_t bytes[64], again[64];

	(void)state;
	for (unsigned is4 = 0; is4 < 2; is4++) {
		for (unsigned i = 0; i < 6; i++) {
			struct wire_group_query q = {.version = 3, .robustness = 2, .sources = 2};
			struct wire_group_query back;
			size_t len;

			q.max_resp_ms = numbers[i] * 100;
			q.interval_s = numbers[i];
			q.source = sources;
			len = wire_group_query_emit(bytes, &q, is4);
			assert_int_equal(wire_group_query_parse(&back, bytes, len, is4), len);
			assert_true(back.interval_s <= numbers[i]);
			assert_true(back.interval_s >= numbers[i] - numbers[i] / 16);
			assert_int_equal(wire_group_query_emit(again, &back, is4), len);
			assert_memory_equal(bytes, again, len);
		}
	}
}

/* RFC 3376 4.2, RFC 3810 5.2. */
static void reports_are_laid_out_as_drawn(void **state)
{
	static const uint8_t want[] = {0x22, 0, 0, 0, 0, 0, 0, 1, 6,  0,
				       0,    1, 232, 1, 2, 3, 10, 0, 0, 7};
	static const uint8_t leave[8] = {0x17, 0, 0, 0, 232, 1, 2, 3};
	struct wire_addr group, source;
	uint8_t bytes[64];
	size_t at;

	(void)state;
	assert_int_equal(wire_addr_parse("232.1.2.3", &group), 0);
	assert_int_equal(wire_addr_parse("10.0.0.7", &source), 0);
	at = wire_group_report_emit(bytes, 1, true);
	at += wire_group_record_emit(bytes + at, WIRE_GROUP_BLOCK, &group, 1, true);
	at += wire_group_source_emit(bytes + at, &source, true);
	assert_int_equal(at, sizeof(want));
	assert_memory_equal(bytes, want, sizeof(want));
	assert_int_equal(wire_group_emit(bytes, WIRE_IGMP_LEAVE, &group, true), 8);
	assert_memory_equal(bytes, leave, 8);
	assert_int_equal(wire_addr_parse("ff0e::7", &group), 0);
	assert_int_equal(wire_group_emit(bytes, WIRE_ICMP6_MLD_DONE, &group, false), 24);
	assert_int_equal(bytes[0], WIRE_ICMP6_MLD_DONE);
	assert_memory_equal(bytes + 8, group.b, 16);
	assert_int_equal(wire_group_report_emit(bytes, 2, false), 8);
	assert_int_equal(bytes[0], WIRE_ICMP6_MLD2_REPORT);
	assert_int_equal(wire_group_record_emit(bytes, 1, &group, 0, false), 20);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions_of_queries_are_told_by_their_lengths),
		cmocka_unit_test(queries_go_there_and_back),
		cmocka_unit_test(reports_are_laid_out_as_drawn),
	};

	return cmocka_run_group_tests_name("group", tests, NULL, NULL);
}
