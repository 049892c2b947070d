/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "core/link/link_impl.h"
#include "core/link/link_test.h"

static void values_are_read_as_the_original_reads_them(void **state)
{
	static const struct {
		const char *text;
		enum link_unit unit;
		unsigned sides;
		int node;
		int64_t value, spread;
		bool gauss;
	} cases[] = {
		{"20", LINK_UNIT_PERCENT, 3, 0, 20000000, 0, false},
		{"LR20.5", LINK_UNIT_PERCENT, 1, 0, 20500000, 0, false},
		{"RL 10", LINK_UNIT_PERCENT, 2, 0, 10000000, 0, false},
		{"10%", LINK_UNIT_PERCENT, 3, 0, 10000000, 0, false},
		{"10%[2]", LINK_UNIT_PERCENT, 3, 2, 10000000, 0, false},
		{"100+10N[4]", LINK_UNIT_MS, 3, 4, 100000000, 10000000, true},
		{"1000+500U", LINK_UNIT_MS, 3, 0, 1000000000, 500000000, false},
		{" LR 100 + 50 N ", LINK_UNIT_MS, 0, 0, 0, 0, false}, /* refused: see below */
		{"20ms+5msN", LINK_UNIT_MS, 3, 0, 20000000, 5000000, true},
		{"20+5msN", LINK_UNIT_MS, 3, 0, 20000000, 5000000, true},
		{"20ms+5", LINK_UNIT_MS, 3, 0, 20000000, 5000000, false},
		{"2s+5ms", LINK_UNIT_MS, 3, 0, 2000000000, 5000000, false},
		{"500us", LINK_UNIT_MS, 3, 0, 500000, 0, false},
		{"3ns", LINK_UNIT_MS, 3, 0, 3, 0, false},
		{"128K", LINK_UNIT_RATE, 3, 0, 131072000000, 0, false},
		{"128+64K", LINK_UNIT_RATE, 3, 0, 131072000000, 65536000000, false},
		{"128+64KN[*]", LINK_UNIT_RATE, 3, LINK_NODE_ALL, 131072000000, 65536000000, true},
		{"100Mbit/s", LINK_UNIT_RATE, 3, 0, 12500000000000, 0, false},
		{"1.5MB/s", LINK_UNIT_RATE, 3, 0, 1500000000000, 0, false},
		{"8bps", LINK_UNIT_RATE, 3, 0, 1000000, 0, false},
		{"64KB", LINK_UNIT_BYTES, 3, 0, 64000000000, 0, false},
		{"64KiB", LINK_UNIT_BYTES, 3, 0, 65536000000, 0, false},
		{"7K", LINK_UNIT_COUNT, 3, 0, 7168000000, 0, false},
		{"0.5U", LINK_UNIT_COUNT, 3, 0, 500000, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct link_setting set = {0};
		int err = link_setting_parse(cases[i].text, cases[i].unit, INT64_MAX / 2, &set);

		if (!cases[i].sides) {
			assert_int_equal(err, -EINVAL);
			continue;
		}
		if (err)
			fail_msg("'%s' is refused", cases[i].text);
		assert_int_equal(set.sides, cases[i].sides);
		assert_int_equal(set.node, cases[i].node);
		assert_int_equal(set.value.value, cases[i].value);
		assert_int_equal(set.value.spread, cases[i].spread);
		assert_int_equal(set.value.gauss, cases[i].gauss);
	}
}

static void what_is_no_value_is_refused_and_changes_nothing(void **state)
{
	static const char *const cases[][2] = {
		{"delay", ""},
		{"delay", "LR"},
		{"delay", "abc"},
		{"delay", "10 20"},
		{"delay", "-5"},
		{"delay", "10+"},
		{"delay", "10+-5"},
		{"delay", "10N+5"},
		{"delay", "5["},
		{"delay", "5[x]"},
		{"delay", "5[1]"},
		{"delay", "5[0]x"},
		{"delay", "5B"},
		{"delay", "5KM"},
		{"delay", "1e3"},
		{"delay", "9999999999999999"},
		{"loss", "100.000001"},
		{"loss", "50ms"},
		{"dup", "100"},
		{"lostburst", "0.5"},
		{"bandwidth", "0.5"},
		{"bandwidth", "1MB"},
		{"mtu", "abc"},
		{"noise", "10M"},
		{"fifo", "7"},
		{"fifo", ""},
		{"fifo", "LR 1"},
		{"markov-numnodes", "0"},
		{"markov-numnodes", "1025"},
		{"markov-numnodes", "x"},
		{"markov-time", "0"},
		{"markov-time", "x"},
		{"markov-name", "1,x"},
		{"markov-setnode", "1"},
		{"markov-setedge", "0,1,5"},
		{"trace-loss", "LR 012"},
		{"trace-loss", ""},
		{"trace-capacity", "LR 5,4"},
		{"trace-capacity", "0"},
		{"trace-capacity", "a"},
	};
	struct world w;
	const char *why;

	(void)state;
	world_open(&w, 1);
	world_set(&w, 0, "delay", "7");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		why = NULL;
		if (!link_set(w.link, 0, cases[i][0], cases[i][1], &why))
			fail_msg("%s '%s' is accepted", cases[i][0], cases[i][1]);
		assert_non_null(why);
		assert_non_null(strstr(why, cases[i][0]));
	}
	assert_int_equal(link_set(w.link, 0, "speling", "1", &why), -ENOENT);
	world_send(&w, 0, LINK_LEFT, 60);
	assert_int_equal(world_next(&w, VS_NEVER, NULL, NULL), 7 * VS_MSEC);
	world_close(&w);
}

static void numbers_print_as_printf_prints_them(void **state)
{
	struct vs_prng p;

	(void)state;
	vs_prng_seed(&p, 1, "values");
	for (int i = 0; i < 200000; i++) {
		uint64_t scale = 1;
		char ours[64], theirs[64];
		struct vs_text t;
		int64_t micro;
		uint64_t head;

		for (uint64_t k = vs_prng_below(&p, 18); k > 0; k--)
			scale *= 10;
		micro = (int64_t)vs_prng_below(&p, scale * 9);
		for (head = (uint64_t)micro; head >= 10000000; head /= 10)
			;
		if (head >= 1000000 && head % 10 == 5)
			continue; /* half way: a binary fraction falls to either side */
		vs_text_init(&t, ours, sizeof(ours));
		link_micro_print(&t, micro);
		snprintf(theirs, sizeof(theirs), "%g", (double)micro / 1e6);
		assert_string_equal(ours, theirs);
	}
}

static void gaussian_and_uniform_spread_keep_their_bounds_and_centre(void **state)
{
	struct link_value u = {.value = 100, .spread = 1}, n = {100, 3000000, true};
	int seen[3] = {0};
	struct vs_prng p;
	int64_t sum = 0;

	(void)state;
	vs_prng_seed(&p, 1, "spread");
	for (int i = 0; i < 30000; i++) {
		int64_t x = link_value_draw(&u, &p);

		assert_in_range(x, 99, 101);
		seen[x - 99]++;
		sum += link_value_draw(&n, &p);
	}
	for (int i = 0; i < 3; i++)
		assert_in_range(seen[i], 10000 - 250, 10000 + 250);
	assert_true(sum / 30000 > -20000 && sum / 30000 < 20000);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_read_as_the_original_reads_them),
		cmocka_unit_test(what_is_no_value_is_refused_and_changes_nothing),
		cmocka_unit_test(numbers_print_as_printf_prints_them),
		cmocka_unit_test(gaussian_and_uniform_spread_keep_their_bounds_and_centre),
	};

	return cmocka_run_group_tests_name("link values", tests, NULL, NULL);
}
