/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/base/timer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "core/base/prng.h"
#include "core/host/memory.h"

#define TIMERS 400

/* The timers, and beside them what a reader can trust: a table that is searched from end to end. */
static struct {
	struct vs_timers t;
	struct vs_timer timer[TIMERS];
	vs_time at[TIMERS]; /* VS_NEVER: not armed */
	uint64_t order[TIMERS];
	uint64_t last_order;
	int fired[TIMERS * 4];
	int fired_count;
	struct vs_prng p;
} w;

static struct vs_arena arena;

static void fire(struct vs_timer *timer, void *ctx, vs_time now)
{
	(void)now;
	assert_ptr_equal(ctx, &w);
	assert_false(vs_timer_armed(timer));
	w.fired[w.fired_count++] = (int)(timer - w.timer);
}

static int setup(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	host_arena_init(&arena, 0);
	vs_timers_init(&w.t, &arena);
	for (int i = 0; i < TIMERS; i++) {
		w.at[i] = VS_NEVER;
		if (vs_timer_add(&w.t, &w.timer[i], fire))
			return -1;
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (int i = 0; i < TIMERS; i++)
		vs_timer_remove(&w.t, &w.timer[i]);
	assert_int_equal(w.t.armed, 0);
	assert_int_equal(w.t.reserved, 0);
	vs_timers_fini(&w.t);
	assert_int_equal(arena.size_used, 0);
	vs_arena_fini(&arena);
	return 0;
}

/* The armed timer that is due first, -1 when there is none. */
static int model_first(void)
{
	int first = -1;

	for (int i = 0; i < TIMERS; i++) {
		if (w.at[i] == VS_NEVER)
			continue;
		if (first < 0 || w.at[i] < w.at[first] ||
		    (w.at[i] == w.at[first] && w.order[i] < w.order[first]))
			first = i;
	}
	return first;
}

static void model_run(vs_time now)
{
	int first, n = 0;

	w.fired_count = 0;
	vs_timers_run(&w.t, &w, now);
	while ((first = model_first()) >= 0 && w.at[first] <= now) {
		assert_true(n < w.fired_count);
		assert_int_equal(w.fired[n++], first);
		w.at[first] = VS_NEVER;
	}
	assert_int_equal(n, w.fired_count);
}

static void thousands_of_random_operations_agree_with_the_model(void **state)
{
	vs_time now = 0;

	(void)state;
	vs_prng_seed(&w.p, 1, "timer");
	for (int step = 0; step < 30000; step++) {
		int i = (int)vs_prng_below(&w.p, TIMERS), first;
		/* Few different times, so that many are equal. */
		vs_time at = now + (vs_time)vs_prng_below(&w.p, 40) - 3;

		switch (vs_prng_below(&w.p, 8)) {
		case 0:
			vs_timer_cancel(&w.t, &w.timer[i]);
			w.at[i] = VS_NEVER;
			break;
		case 1:
			now += (vs_time)vs_prng_below(&w.p, 5);
			model_run(now);
			break;
		case 2:
			vs_timer_set(&w.t, &w.timer[i], VS_NEVER);
			w.at[i] = VS_NEVER;
			break;
		case 3:
			vs_timer_remove(&w.t, &w.timer[i]);
			assert_int_equal(vs_timer_add(&w.t, &w.timer[i], fire), 0);
			w.at[i] = VS_NEVER;
			break;
		default:
			vs_timer_set(&w.t, &w.timer[i], at);
			w.at[i] = at;
			w.order[i] = ++w.last_order;
		}
		first = model_first();
		assert_int_equal(vs_timers_next(&w.t), first < 0 ? VS_NEVER : w.at[first]);
		assert_int_equal(vs_timer_armed(&w.timer[i]), w.at[i] != VS_NEVER);
	}
	model_run(VS_NEVER - 1);
}

static void ties_fire_in_the_order_they_were_armed(void **state)
{
	(void)state;
	for (int i = 0; i < TIMERS; i++)
		vs_timer_set(&w.t, &w.timer[i * 7 % TIMERS], 5);
	vs_timer_set(&w.t, &w.timer[0], 5); /* armed anew: now it is the last */
	vs_timers_run(&w.t, &w, 4);
	assert_int_equal(w.fired_count, 0);
	vs_timers_run(&w.t, &w, 5);
	assert_int_equal(w.fired_count, TIMERS);
	for (int i = 1; i < TIMERS; i++)
		assert_int_equal(w.fired[i - 1], i * 7 % TIMERS);
	assert_int_equal(w.fired[TIMERS - 1], 0);
}

static void fire_again(struct vs_timer *timer, void *ctx, vs_time now)
{
	fire(timer, ctx, now);
	if (w.fired_count < 10)
		vs_timer_set(&w.t, timer, timer->at == VS_NEVER ? now - 1 : now);
}

static void a_timer_armed_meanwhile_for_the_past_fires_in_the_same_run(void **state)
{
	(void)state;
	w.timer[3].fire = fire_again;
	vs_timer_set(&w.t, &w.timer[3], 100);
	vs_timers_run(&w.t, &w, 100);
	assert_int_equal(w.fired_count, 10);
	assert_int_equal(vs_timers_next(&w.t), VS_NEVER);
}

static void fire_and_cancel_the_next(struct vs_timer *timer, void *ctx, vs_time now)
{
	fire(timer, ctx, now);
	vs_timer_cancel(&w.t, timer + 1);
}

static void a_timer_cancelled_meanwhile_does_not_fire(void **state)
{
	(void)state;
	w.timer[3].fire = fire_and_cancel_the_next;
	for (int i = 0; i < 6; i++)
		vs_timer_set(&w.t, &w.timer[i], 100);
	vs_timers_run(&w.t, &w, 100);
	assert_int_equal(w.fired_count, 5);
	assert_int_equal(w.fired[4], 5);
}

static void popping_takes_without_firing(void **state)
{
	(void)state;
	vs_timer_set(&w.t, &w.timer[1], 10);
	vs_timer_set(&w.t, &w.timer[2], 9);
	assert_null(vs_timers_pop(&w.t, 8));
	assert_ptr_equal(vs_timers_pop(&w.t, 10), &w.timer[2]);
	assert_ptr_equal(vs_timers_pop(&w.t, 10), &w.timer[1]);
	assert_null(vs_timers_pop(&w.t, 10));
	assert_int_equal(w.fired_count, 0);
}

static void adding_fails_only_for_want_of_memory(void **state)
{
	static struct vs_timer timer[20000];
	struct vs_arena small;
	struct vs_timers t;
	int count = 0;

	(void)state;
	host_arena_init(&small, 200000);
	vs_timers_init(&t, &small);
	while (count < 20000 && vs_timer_add(&t, &timer[count], fire) == 0)
		count++;
	assert_true(count > 100 && count < 20000);
	for (int i = 0; i < count; i++) /* arming never fails */
		vs_timer_set(&t, &timer[i], count - i);
	assert_int_equal(vs_timers_next(&t), 1);
	vs_arena_fini(&small);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(thousands_of_random_operations_agree_with_the_model,
						setup, teardown),
		cmocka_unit_test_setup_teardown(ties_fire_in_the_order_they_were_armed, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			a_timer_armed_meanwhile_for_the_past_fires_in_the_same_run, setup,
			teardown),
		cmocka_unit_test_setup_teardown(a_timer_cancelled_meanwhile_does_not_fire, setup,
						teardown),
		cmocka_unit_test_setup_teardown(popping_takes_without_firing, setup, teardown),
		cmocka_unit_test(adding_fails_only_for_want_of_memory),
	};

	return cmocka_run_group_tests_name("timer", tests, NULL, NULL);
}
