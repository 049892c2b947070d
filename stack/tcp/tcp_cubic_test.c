/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CUBIC against RFC 9438's formulas in floating point, and HyStart++'s way out of slow start. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "stack/tcp/tcp_fake.h"

#define MS  VS_MSEC
#define MSS 1000

static struct tcp_pcb *sender(struct fake *w)
{
	struct tcp_pcb *p = fake_socket(w, 0);

	p->mss = MSS;
	p->cc_index = 1;
	tcp_cubic.init(p);
	return p;
}

static void loss(struct tcp_pcb *p)
{
	p->ssthresh = tcp_cubic.lost(p, p->cwnd);
	p->cwnd = p->ssthresh;
}

/* A round trip in which the whole window is acknowledged, segment by segment, in even steps. */
static void round_trip(struct fake *w, struct tcp_pcb *p)
{
	uint32_t segments = p->cwnd / MSS;
	vs_time start = w->now;

	for (uint32_t i = 1; i <= segments; i++) {
		w->now = start + p->srtt * i / segments;
		p->stk->now = w->now;
		tcp_cubic.acked(p, MSS);
	}
}

static void window_follows_the_cubic_curve_through_its_plateau(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = sender(w);
	double k = cbrt(1000 * 0.3 / 0.4);
	vs_time begun;

	(void)state;
	p->srtt = 100 * MS;
	p->cwnd = 1000 * MSS;
	p->ssthresh = 1;
	w->now = p->stk->now = 1000 * MS;
	loss(p);
	assert_int_equal(p->cwnd, 700 * MSS);
	begun = w->now;
	while (w->now < begun + (vs_time)(k * 1.5 * VS_SEC)) {
		double t = (double)(w->now - begun) / VS_SEC;
		double curve = 0.4 * pow(t - k, 3) + 1000;

		/* The window lags the curve by part of a round trip. */
		assert_true(p->cwnd / (double)MSS > curve - 15);
		assert_true(p->cwnd / (double)MSS < curve + 15);
		round_trip(w, p);
	}
	assert_true(p->cwnd > 1000 * MSS);
	fake_free(w);
}

static void second_loss_below_the_plateau_lowers_it(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = sender(w);

	(void)state;
	p->srtt = 100 * MS;
	p->cwnd = 1000 * MSS;
	loss(p);
	p->cwnd = 900 * MSS;
	loss(p);
	/* 4.7: W_max = 900 (1 + 0.7) / 2. */
	assert_int_equal(p->cwnd, 630 * MSS);
	p->ssthresh = 1;
	for (unsigned i = 0; i < 100; i++)
		round_trip(w, p);
	/* After 10 s: past K = cbrt(135 / 0.4) = 7 s. */
	assert_true(p->cwnd > 765 * MSS && p->cwnd < 800 * MSS);
	fake_free(w);
}

static void short_round_trips_grow_as_reno_does(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = sender(w);

	(void)state;
	p->srtt = 1 * MS;
	p->cwnd = 20 * MSS;
	loss(p);
	p->ssthresh = 1;
	for (unsigned i = 0; i < 60; i++)
		round_trip(w, p);
	/* 6 segments back to 20 at 9/17 a round trip take 11 rounds, the other 49 give one each. */
	assert_in_range(p->cwnd / MSS, 60, 72);
	fake_free(w);
}

static void idle_time_does_not_count(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = sender(w);
	uint32_t before;

	(void)state;
	p->srtt = 100 * MS;
	p->cwnd = 100 * MSS;
	loss(p);
	p->ssthresh = 1;
	for (unsigned i = 0; i < 10; i++)
		round_trip(w, p);
	before = p->cwnd;
	w->now += 100 * VS_SEC;
	round_trip(w, p);
	assert_true(p->cwnd < before + 3 * MSS);
	fake_free(w);
}

/* A round: n RTT samples, then the window doubles (or what is allowed). */
static void slow_start_round(struct tcp_pcb *p, vs_time rtt)
{
	uint32_t acked = p->cwnd;

	p->snd_una = p->snd_nxt;
	p->snd_nxt += p->cwnd;
	for (unsigned i = 0; i < 8; i++)
		tcp_cubic.rtt(p, rtt);
	tcp_cubic.acked(p, acked);
}

static void longer_round_trips_end_slow_start_in_five_gentle_rounds(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = sender(w);

	(void)state;
	p->srtt = 80 * MS;
	p->ssthresh = INT32_MAX;
	p->cwnd = 10 * MSS;
	for (unsigned i = 0; i < 3; i++)
		slow_start_round(p, 80 * MS);
	assert_int_equal(p->cwnd, 80 * MSS);
	/* 80 ms / 8 = 10 ms more: the queue grows. */
	slow_start_round(p, 89 * MS);
	assert_int_equal(p->cwnd, 160 * MSS);
	slow_start_round(p, 101 * MS);
	assert_int_equal(p->cwnd, 200 * MSS);
	/* It was only a hiccup: on as before. */
	slow_start_round(p, 80 * MS);
	assert_int_equal(p->cwnd, 400 * MSS);
	slow_start_round(p, 95 * MS);
	assert_int_equal(p->cwnd, 500 * MSS);
	for (unsigned i = 0; i < 4; i++)
		slow_start_round(p, 99 * MS);
	assert_int_equal(p->ssthresh, INT32_MAX);
	slow_start_round(p, 99 * MS);
	assert_true(p->ssthresh < 2000 * MSS);
	fake_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(window_follows_the_cubic_curve_through_its_plateau),
		cmocka_unit_test(second_loss_below_the_plateau_lowers_it),
		cmocka_unit_test(short_round_trips_grow_as_reno_does),
		cmocka_unit_test(idle_time_does_not_count),
		cmocka_unit_test(longer_round_trips_end_slow_start_in_five_gentle_rounds),
	};

	return cmocka_run_group_tests_name("tcp_cubic", tests, NULL, NULL);
}
