/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/base/text.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void what_does_not_fit_is_cut_and_said_to_be(void **state)
{
	char bytes[9] = "xxxxxxxx";
	struct vs_text t;

	(void)state;
	vs_text_init(&t, bytes, 8);
	assert_string_equal(bytes, "");
	vs_text_add(&t, "%d,", 123);
	assert_false(t.cut);
	vs_text_put(&t, "abc", 3);
	assert_string_equal(bytes, "123,abc");
	assert_false(t.cut); /* exactly full */
	vs_text_put(&t, "d", 1);
	assert_true(t.cut);
	vs_text_add(&t, "more");
	assert_string_equal(bytes, "123,abc");
	assert_int_equal(t.len, 7);
	assert_int_equal(bytes[8], '\0');
	vs_text_init(&t, bytes, 8);
	vs_text_add(&t, "%s", "longer than eight");
	assert_true(t.cut);
	assert_string_equal(bytes, "longer ");
	vs_text_init(&t, bytes, 1);
	vs_text_add(&t, "x");
	assert_true(t.cut && t.len == 0);
}

static void assert_json(const char *text, const char *expected)
{
	char bytes[100];
	struct vs_text t;

	vs_text_init(&t, bytes, sizeof(bytes));
	vs_text_json(&t, text);
	assert_string_equal(bytes, expected);
}

static void json_strings_are_escaped_and_always_utf8(void **state)
{
	(void)state;
	assert_json("", "\"\"");
	assert_json("a\"b\\c", "\"a\\\"b\\\\c\"");
	assert_json("\n\t\x01\x1f", "\"\\n\\t\\u0001\\u001f\"");
	assert_json("gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\"");
	assert_json("\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xe2\x82\xac\xf0\x9f\x98\x80\"");
	assert_json("\xff", "\"\xef\xbf\xbd\"");
	assert_json("\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\"");		 /* overlong */
	assert_json("\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""); /* a surrogate */
	assert_json("\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\"");		 /* cut */
	assert_json("\xf4\x90\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

static void unsigned_numbers_are_read_whole(void **state)
{
	static const char *const bad[] = {"", " 1", "1 ", "+1", "-1", "0x10", "1.0", "one"};
	uint64_t n;

	(void)state;
	assert_int_equal(vs_parse_uint("0", 10, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(vs_parse_uint("18446744073709551615", UINT64_MAX, &n), 0);
	assert_true(n == UINT64_MAX);
	assert_int_equal(vs_parse_uint("18446744073709551616", UINT64_MAX, &n), -ERANGE);
	assert_int_equal(vs_parse_uint("99999999999999999999999", UINT64_MAX, &n), -ERANGE);
	assert_int_equal(vs_parse_uint("11", 10, &n), -ERANGE);
	assert_int_equal(vs_parse_uint("010", 10, &n), 0);
	assert_int_equal(n, 10);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(vs_parse_uint(bad[i], 100, &n), -EINVAL);
}

static void fractions_are_read_in_millionths(void **state)
{
	static const struct {
		const char *text;
		int64_t micro;
		const char *rest;
	} good[] = {
		{"12", 12000000, ""},	  {"0.25", 250000, ""},	     {"-3.5ms", -3500000, "ms"},
		{".5", 500000, ""},	  {"5.", 5000000, ""},	     {"0.0000019", 1, ""},
		{"1.2.3", 1200000, ".3"}, {"100+10N", 100000000, "+10N"},
		{"999999999999", 999999999999000000, ""},
	};
	static const char *const bad[] = {"", ".", "-", "-.", "x", "+1", " 1"};
	const char *end;
	int64_t micro;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(vs_parse_micro(good[i].text, &end, &micro), 0);
		assert_int_equal(micro, good[i].micro);
		assert_string_equal(end, good[i].rest);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(vs_parse_micro(bad[i], &end, &micro), -EINVAL);
	assert_int_equal(vs_parse_micro("1000000000000", &end, &micro), -ERANGE);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_does_not_fit_is_cut_and_said_to_be),
		cmocka_unit_test(json_strings_are_escaped_and_always_utf8),
		cmocka_unit_test(unsigned_numbers_are_read_whole),
		cmocka_unit_test(fractions_are_read_in_millionths),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
