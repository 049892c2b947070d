/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every bound is about four standard errors; seeds are fixed, so a test that passes always does. */
#include "core/base/prng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#define DRAWS 1000000

static double sample[DRAWS];

static void the_generator_is_xoshiro256starstar(void **state)
{
	/* The published sequence from the state 1, 2, 3, 4. */
	static const uint64_t expected[] = {
		11520, 0, 1509978240, 1215971899390074240, 1216172134540287360,
		607988272756665600, 16172922978634559625u, 8476171486693032832,
		10595114339597558777u, 2904607092377533576,
	};
	struct vs_prng p = {{1, 2, 3, 4}};

	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		assert_true(vs_prng_next(&p) == expected[i]);
}

static void equal_names_and_seeds_are_equal_streams(void **state)
{
	struct vs_prng a, b, c, d;

	(void)state;
	vs_prng_seed(&a, 7, "link.x.loss");
	vs_prng_seed(&b, 7, "link.x.loss");
	vs_prng_seed(&c, 8, "link.x.loss");
	vs_prng_seed(&d, 7, "link.x.losT");
	for (int i = 0; i < 1000; i++) {
		uint64_t x = vs_prng_next(&a);

		assert_true(x == vs_prng_next(&b));
		assert_false(x == vs_prng_next(&c));
		assert_false(x == vs_prng_next(&d));
	}
}

static int compare_words(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void near_seeds_and_names_collide_never(void **state)
{
	static uint64_t first[200 * 200];
	struct vs_prng p;
	size_t n = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 200; seed++) {
		for (int name = 0; name < 200; name++) {
			char text[] = {(char)('a' + name % 20), (char)('a' + name / 20), '\0'};

			vs_prng_seed(&p, seed, name % 3 ? text : text + 1 - name % 2);
			if (name % 3 == 0)
				vs_prng_seed(&p, seed + 1000, text);
			first[n++] = vs_prng_next(&p);
		}
	}
	qsort(first, n, sizeof(first[0]), compare_words);
	for (size_t i = 1; i < n; i++)
		assert_false(first[i] == first[i - 1]);
}

/* The correlation of two streams over many draws is that of independent ones. */
static void streams_are_independent(void **state)
{
	static const char *const name[] = {"link.a.lr.loss", "link.a.rl.loss",
					   "link.a.lr.delay", "a"};

	(void)state;
	for (int i = 0; i < 4; i++) {
		for (int k = 0; k < 4; k++) {
			struct vs_prng p, q;
			double sum = 0;
			const int draws = 100000;

			if (i == k)
				continue;
			vs_prng_seed(&p, 1, name[i]);
			vs_prng_seed(&q, 1, name[k]);
			for (int n = 0; n < draws; n++) {
				double x = (double)vs_prng_next(&p) * 0x1p-64 - 0.5;
				double y = (double)vs_prng_next(&q) * 0x1p-64 - 0.5;

				sum += x * y * 12;
			}
			assert_true(fabs(sum / draws) < 4 / sqrt(draws));
		}
	}
}

static void every_number_below_n_is_equally_likely(void **state)
{
	static const uint64_t n[] = {1, 2, 3, 10, 1000};
	static uint32_t count[1000];
	struct vs_prng p;

	(void)state;
	vs_prng_seed(&p, 3, "below");
	for (size_t i = 0; i < sizeof(n) / sizeof(n[0]); i++) {
		double expected = (double)DRAWS / (double)n[i], chi = 0, degrees = (double)n[i] - 1;

		for (uint64_t k = 0; k < n[i]; k++)
			count[k] = 0;
		for (int k = 0; k < DRAWS; k++) {
			uint64_t x = vs_prng_below(&p, n[i]);

			assert_true(x < n[i]);
			count[x]++;
		}
		for (uint64_t k = 0; k < n[i]; k++)
			chi += (count[k] - expected) * (count[k] - expected) / expected;
		assert_true(chi <= degrees + 4 * sqrt(2 * degrees) + 8);
		if (n[i] > 100) /* nor is it too even */
			assert_true(chi >= degrees - 4 * sqrt(2 * degrees));
	}
	assert_int_equal(vs_prng_below(&p, 0), 0);
}

/* Two thirds of 2^64: taking a remainder would make the lower half twice as likely. */
static void numbers_below_a_large_n_are_not_biased(void **state)
{
	const uint64_t n = UINT64_MAX / 3 * 2;
	struct vs_prng p;
	int low = 0;

	(void)state;
	vs_prng_seed(&p, 4, "below");
	for (int i = 0; i < DRAWS; i++) {
		uint64_t x = vs_prng_below(&p, n);

		assert_true(x < n);
		low += x < n / 2;
	}
	assert_true(fabs(low - DRAWS / 2.) < 4 * sqrt(DRAWS / 4.));
}

static void a_chance_comes_as_often_as_it_says(void **state)
{
	static const uint64_t ppm[] = {1, 1000, 100000, 500000, 999000};
	struct vs_prng p;

	(void)state;
	vs_prng_seed(&p, 5, "chance");
	for (size_t i = 0; i < sizeof(ppm) / sizeof(ppm[0]); i++) {
		vs_chance chance = vs_chance_of(ppm[i], 1000000);
		double expected = (double)ppm[i] * DRAWS / 1e6;
		int hits = 0;

		for (int k = 0; k < DRAWS; k++)
			hits += vs_prng_chance(&p, chance);
		assert_true(fabs(hits - expected) <=
			    4 * sqrt(expected * (1 - (double)ppm[i] / 1e6)) + 1);
	}
}

static void never_and_always_are_certain_and_draw_all_the_same(void **state)
{
	struct vs_prng p, q;

	(void)state;
	vs_prng_seed(&p, 6, "chance");
	q = p;
	for (int i = 0; i < 100000; i++) {
		assert_false(vs_prng_chance(&p, 0));
		assert_true(vs_prng_chance(&p, VS_CHANCE_ALWAYS));
	}
	for (int i = 0; i < 200000; i++)
		vs_prng_next(&q);
	assert_true(vs_prng_next(&p) == vs_prng_next(&q));
	assert_true(vs_chance_of(0, 5) == 0);
	assert_true(vs_chance_of(5, 5) == VS_CHANCE_ALWAYS);
	assert_true(vs_chance_of(6, 5) == VS_CHANCE_ALWAYS);
	assert_true(vs_chance_of(1, 2) == VS_CHANCE_ALWAYS / 2);
	assert_true(vs_chance_of(UINT64_MAX - 1, UINT64_MAX) < VS_CHANCE_ALWAYS);
}

static void draw_gauss(void)
{
	struct vs_prng p;

	vs_prng_seed(&p, 7, "gauss");
	for (int i = 0; i < DRAWS; i++)
		sample[i] = (double)vs_prng_gauss(&p) * 0x1p-32;
}

static void gaussian_moments_are_those_of_the_normal_distribution(void **state)
{
	double m[5] = {0};

	(void)state;
	draw_gauss();
	for (int i = 0; i < DRAWS; i++)
		for (int k = 1; k <= 4; k++)
			m[k] += pow(sample[i], k) / DRAWS;
	assert_true(fabs(m[1]) < 4 * sqrt(1. / DRAWS));
	assert_true(fabs(m[2] - 1) < 4 * sqrt(2. / DRAWS));
	assert_true(fabs(m[3]) < 4 * sqrt(15. / DRAWS));
	assert_true(fabs(m[4] - 3) < 4 * sqrt(96. / DRAWS));
}

static int compare_doubles(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Kolmogorov and Smirnov's distance; 1.95 / sqrt(n) is passed once in a thousand by chance. */
static void gaussian_draws_lie_on_the_normal_distribution(void **state)
{
	double distance = 0;

	(void)state;
	draw_gauss();
	qsort(sample, DRAWS, sizeof(sample[0]), compare_doubles);
	for (int i = 0; i < DRAWS; i++) {
		double phi = 0.5 * erfc(-sample[i] / sqrt(2));
		double above = (i + 1.) / DRAWS - phi, below = phi - (double)i / DRAWS;

		distance = fmax(distance, fmax(above, below));
	}
	assert_true(distance < 1.95 / sqrt(DRAWS));
}

static void gaussian_tails_are_as_thick_as_they_should_be(void **state)
{
	int beyond[5] = {0};

	(void)state;
	draw_gauss();
	for (int i = 0; i < DRAWS; i++) {
		assert_true(fabs(sample[i]) < 8.4);
		for (int k = 1; k <= 4; k++)
			beyond[k] += fabs(sample[i]) > k;
	}
	for (int k = 1; k <= 4; k++) {
		double expected = DRAWS * erfc(k / sqrt(2));

		assert_true(fabs(beyond[k] - expected) < 4 * sqrt(expected));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_generator_is_xoshiro256starstar),
		cmocka_unit_test(equal_names_and_seeds_are_equal_streams),
		cmocka_unit_test(near_seeds_and_names_collide_never),
		cmocka_unit_test(streams_are_independent),
		cmocka_unit_test(every_number_below_n_is_equally_likely),
		cmocka_unit_test(numbers_below_a_large_n_are_not_biased),
		cmocka_unit_test(a_chance_comes_as_often_as_it_says),
		cmocka_unit_test(never_and_always_are_certain_and_draw_all_the_same),
		cmocka_unit_test(gaussian_moments_are_those_of_the_normal_distribution),
		cmocka_unit_test(gaussian_draws_lie_on_the_normal_distribution),
		cmocka_unit_test(gaussian_tails_are_as_thick_as_they_should_be),
	};

	return cmocka_run_group_tests_name("prng", tests, NULL, NULL);
}
