/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the lab counts with: histograms, series, rates, numbers with units. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/base/prng.h"
#include "harness/lab/histogram.h"
#include "harness/lab/number.h"
#include "harness/lab/series.h"

static void few_values_have_exact_percentiles(void **state)
{
	struct lab_histogram h = {.count = 0};

	(void)state;
	assert_true(isnan(lab_histogram_quantile(&h, 0.5)));
	assert_true(isnan(lab_histogram_mean(&h)));
	for (int i = 1000; i >= 1; i--)
		lab_histogram_add(&h, i * 1000003);
	assert_true(lab_histogram_quantile(&h, 0.5) == 500.0 * 1000003);
	assert_true(lab_histogram_quantile(&h, 0.99) == 990.0 * 1000003);
	assert_true(lab_histogram_quantile(&h, 1) == 1000.0 * 1000003);
	assert_true(lab_histogram_quantile(&h, 0) == 1000003.0);
	lab_histogram_fini(&h);
}

static void many_values_have_percentiles_within_a_part(void **state)
{
	struct lab_histogram h = {.count = 0};
	struct vs_prng chance;

	(void)state;
	vs_prng_seed(&chance, 1, "test");
	for (int i = 0; i < 100000; i++)
		lab_histogram_add(&h, (int64_t)vs_prng_below(&chance, 1000000000));
	for (int percent = 1; percent < 100; percent++) {
		double found = lab_histogram_quantile(&h, percent / 100.0);

		assert_true(fabs(found / (percent * 1e7) - 1) < 0.05);
	}
	assert_int_equal(h.count, 100000);
	assert_true(lab_histogram_quantile(&h, 1) == (double)h.max);
	lab_histogram_fini(&h);
}

static void equal_values_stay_themselves(void **state)
{
	static const int64_t values[] = {0, 1, 255, 256, 257, 511, 512, 20000000, INT64_MAX};

	(void)state;
	for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
		struct lab_histogram h = {.count = 0};

		for (int i = 0; i < 5000; i++)
			lab_histogram_add(&h, values[v]);
		assert_true(lab_histogram_quantile(&h, 0.5) == (double)values[v]);
		lab_histogram_fini(&h);
	}
}

static void short_series_is_exact(void **state)
{
	struct lab_series s = {.count = 0};

	(void)state;
	for (int i = 0; i < 1000; i++)
		lab_series_add(&s, i, i * 2.0);
	assert_int_equal(s.count, 1000);
	for (int i = 0; i < 1000; i++)
		assert_true(s.times[i] == i && s.values[i] == i * 2.0);
	lab_series_fini(&s);
}

static void long_series_is_bounded_and_keeps_its_extremes(void **state)
{
	struct lab_series s = {.count = 0};
	double least = INFINITY, greatest = -INFINITY;

	(void)state;
	for (int64_t i = 0; i < 3000000; i++) {
		double value = i == 1234567 ? 1e9 : i == 2345678 ? -1e9 : (double)(i % 1000);

		lab_series_add(&s, i * 1000, value);
	}
	assert_in_range(s.count, 1000, 16384);
	for (unsigned i = 0; i < s.count; i++) {
		if (i)
			assert_true(s.times[i] >= s.times[i - 1]);
		least = fmin(least, s.values[i]);
		greatest = fmax(greatest, s.values[i]);
		if (s.values[i] == 1e9)
			assert_int_equal(s.times[i], 1234567000);
		if (s.values[i] == -1e9)
			assert_int_equal(s.times[i], 2345678000);
	}
	assert_true(greatest == 1e9 && least == -1e9);
	assert_int_equal(s.lost, 0);
	lab_series_fini(&s);
}

static void rates_are_sums_per_second(void **state)
{
	struct lab_bins b = {.count = 0};
	struct lab_series *rates;

	(void)state;
	for (vs_time t = 0; t < 10 * VS_SEC; t += VS_MSEC)
		lab_bins_add(&b, t, 5);
	rates = lab_bins_series(&b, 10 * VS_SEC);
	assert_int_equal(rates->count, 100);
	for (unsigned i = 0; i < rates->count; i++)
		assert_true(rates->values[i] == 5000);
	/* A day later bins have grown, and nothing is lost. */
	lab_bins_add(&b, 86400 * VS_SEC, 7);
	rates = lab_bins_series(&b, 86400 * VS_SEC);
	assert_in_range(rates->count, 2, 4096);
	assert_true(rates->values[0] * (double)b.width / 1e9 == 50000);
	lab_bins_fini(&b);
}

static void numbers_have_units(void **state)
{
	int64_t ns;
	uint64_t n;

	(void)state;
	assert_int_equal(lab_number_time("1500", &ns), 0);
	assert_int_equal(ns, 1500);
	assert_int_equal(lab_number_time("1.5ms", &ns), 0);
	assert_int_equal(ns, 1500000);
	assert_int_equal(lab_number_time("60s", &ns), 0);
	assert_int_equal(ns, 60 * VS_SEC);
	assert_int_equal(lab_number_bytes("20MB", &n), 0);
	assert_int_equal(n, 20000000);
	assert_int_equal(lab_number_bytes("64KiB", &n), 0);
	assert_int_equal(n, 65536);
	assert_int_equal(lab_number_rate("2.5Mbit/s", &n), 0);
	assert_int_equal(n, 2500000);
	assert_int_equal(lab_number_rate("2 Mbit/s", &n), -EINVAL);
	assert_int_equal(lab_number_time("-1s", &ns), -EINVAL);
	assert_int_equal(lab_number_time("", &ns), -EINVAL);
	assert_int_equal(lab_number_time("s", &ns), -EINVAL);
	assert_int_equal(lab_number_time("999999999999h", &ns), -EINVAL);
	assert_int_equal(lab_number_bytes("1e6", &n), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(few_values_have_exact_percentiles),
		cmocka_unit_test(many_values_have_percentiles_within_a_part),
		cmocka_unit_test(equal_values_stay_themselves),
		cmocka_unit_test(short_series_is_exact),
		cmocka_unit_test(long_series_is_bounded_and_keeps_its_extremes),
		cmocka_unit_test(rates_are_sums_per_second),
		cmocka_unit_test(numbers_have_units),
	};

	return cmocka_run_group_tests_name("values", tests, NULL, NULL);
}
