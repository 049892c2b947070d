/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The canary: one test that passes and one that must fail. `make check` counts it as passed when
 * the failure was seen; if it ever is not, no other result means anything.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

static void one_is_one(void **state)
{
	(void)state;
	assert_int_equal(1, 1);
}

static void one_is_two(void **state)
{
	(void)state;
	assert_int_equal(1, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_is_one),
		cmocka_unit_test(one_is_two),
	};

	return cmocka_run_group_tests_name("canary", tests, NULL, NULL);
}
