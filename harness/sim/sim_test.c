/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "harness/sim/sim.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/base/queue.h"
#include "core/host/memory.h"

/* An engine that sends each frame on by the next port after a delay, and keeps a log. */
struct relay {
	struct sim_engine engine;
	struct vs_queue waiting, out;
	vs_time delay, due;
	unsigned ports;
	unsigned heard;
	vs_time last;
	unsigned news;
	bool recursed, within;
};

static void relay_run(void *engine, vs_time now)
{
	struct relay *r = engine;
	struct vs_frame *f;
	int port;

	if (r->due > now)
		return;
	r->due = VS_NEVER;
	while ((f = vs_queue_pop(&r->waiting, &port)))
		vs_queue_push(&r->out, port, f);
}

static void relay_input(void *engine, vs_time now, int port, struct vs_frame *f)
{
	struct relay *r = engine;

	if (r->within)
		r->recursed = true;
	r->within = true;
	r->heard++;
	r->last = now;
	vs_queue_push(&r->waiting, (port + 1) % (int)r->ports, f);
	r->due = now + r->delay;
	relay_run(r, now);
	r->within = false;
}

static vs_time relay_poll_at(const void *engine)
{
	const struct relay *r = engine;

	return r->due;
}

static struct vs_frame *relay_output(void *engine, int *port)
{
	struct relay *r = engine;

	return vs_queue_pop(&r->out, port);
}

static bool relay_news(void *ctx, vs_time now)
{
	struct relay *r = ctx;

	(void)now;
	r->news++;
	return false;
}

static const struct sim_verbs relay_verbs = {
	.input = relay_input,
	.run = relay_run,
	.poll_at = relay_poll_at,
	.output = relay_output,
	.news = relay_news,
};

struct world {
	struct vs_arena arena;
	struct vs_pool *pool;
	struct sim *sim;
	struct relay relay[2];
	struct sim_edge edge[2];
};

static void relay_init(struct world *w, unsigned i, vs_time delay, unsigned ports)
{
	struct relay *r = &w->relay[i];

	*r = (struct relay){.delay = delay, .due = VS_NEVER, .ports = ports};
	assert_int_equal(vs_queue_init(&r->waiting, 16, &w->arena), 0);
	assert_int_equal(vs_queue_init(&r->out, 16, &w->arena), 0);
	assert_int_equal(sim_add(w->sim, &r->engine, &relay_verbs, r, r), 0);
}

/* Two relays, each sending back what it hears: a frame bounces for ever. */
static void world_init(struct world *w, vs_time delay)
{
	host_arena_init(&w->arena, 0);
	assert_int_equal(vs_pool_create(&w->pool, &(struct vs_pool_conf){0}, &w->arena), 0);
	assert_int_equal(sim_create(&w->sim, &w->arena), 0);
	for (unsigned i = 0; i < 2; i++) {
		relay_init(w, i, delay, 1);
		w->edge[i] = (struct sim_edge){.to = &w->relay[!i].engine, .port = 0};
		assert_int_equal(sim_join(&w->relay[i].engine, 0, &w->edge[i]), 0);
	}
}

static void world_fini(struct world *w)
{
	for (unsigned i = 0; i < 2; i++) {
		sim_remove(&w->relay[i].engine);
		vs_queue_fini(&w->relay[i].waiting, &w->arena);
		vs_queue_fini(&w->relay[i].out, &w->arena);
	}
	sim_destroy(w->sim);
	assert_int_equal(vs_pool_stats(w->pool).frames_out, 0);
	vs_arena_fini(&w->arena);
}

static void clock_jumps_from_event_to_event(void **state)
{
	struct world w;
	unsigned steps = 0;

	(void)state;
	world_init(&w, 7 * VS_MSEC);
	sim_send(w.sim, &w.edge[0], vs_frame_from(w.pool, "x", 1));
	assert_int_equal(sim_settle(w.sim), 0);
	while (sim_step(w.sim, 70 * VS_MSEC) == 1) {
		steps++;
		assert_int_equal(sim_now(w.sim), steps * 7 * VS_MSEC);
	}
	assert_int_equal(steps, 10);
	assert_int_equal(sim_now(w.sim), 70 * VS_MSEC);
	assert_int_equal(w.relay[1].heard, 6);
	assert_int_equal(w.relay[0].heard, 5);
	assert_int_equal(w.relay[1].last, 70 * VS_MSEC);
	assert_int_equal(sim_stats(w.sim).deliveries, 11);
	world_fini(&w);
}

static void idle_world_stands_at_the_time_asked_for(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 0);
	assert_int_equal(sim_step(w.sim, 5 * VS_SEC), 0);
	assert_int_equal(sim_now(w.sim), 5 * VS_SEC);
	assert_int_equal(sim_step(w.sim, VS_NEVER), 0);
	assert_int_equal(sim_now(w.sim), 5 * VS_SEC);
	world_fini(&w);
}

static void frame_that_goes_on_for_ever_is_taken_out_and_counted(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 0);
	sim_set_passes_max(w.sim, 100);
	sim_send(w.sim, &w.edge[0], vs_frame_from(w.pool, "x", 1));
	assert_int_equal(sim_settle(w.sim), 0);
	assert_int_equal(sim_stats(w.sim).looped, 1);
	assert_int_equal(w.relay[0].heard + w.relay[1].heard, 101);
	world_fini(&w);
}

static void no_engine_is_entered_while_it_works(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 0);
	sim_set_passes_max(w.sim, 50);
	for (unsigned i = 0; i < 10; i++)
		sim_send(w.sim, &w.edge[i & 1], vs_frame_from(w.pool, "x", 1));
	assert_int_equal(sim_settle(w.sim), 0);
	assert_false(w.relay[0].recursed || w.relay[1].recursed);
	/* News once an instant, however many frames came. */
	assert_int_equal(w.relay[0].news, 1);
	assert_int_equal(sim_stats(w.sim).looped, 10);
	world_fini(&w);
}

static void frame_for_a_port_without_a_cable_is_counted(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 0);
	assert_int_equal(sim_join(&w.relay[1].engine, 0, NULL), 0);
	sim_send(w.sim, &w.edge[0], vs_frame_from(w.pool, "x", 1));
	assert_int_equal(sim_settle(w.sim), 0);
	assert_int_equal(sim_stats(w.sim).unjoined, 1);
	assert_int_equal(w.relay[1].engine.frames_in, 1);
	assert_int_equal(w.relay[1].engine.frames_out, 1);
	world_fini(&w);
}

static bool stop_all(struct sim_edge *edge, vs_time now, struct vs_frame *f)
{
	(void)edge;
	(void)now;
	(void)f;
	return false;
}

static void edge_may_stop_a_frame(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 0);
	w.edge[1].seen = stop_all;
	sim_send(w.sim, &w.edge[0], vs_frame_from(w.pool, "x", 1));
	assert_int_equal(sim_settle(w.sim), 0);
	assert_int_equal(w.relay[0].heard, 0);
	assert_int_equal(w.relay[1].heard, 1);
	world_fini(&w);
}

static void transit_grows_with_the_frames_in_it(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 0);
	sim_set_passes_max(w.sim, 3);
	for (unsigned i = 0; i < 5000; i++)
		sim_send(w.sim, &w.edge[0], vs_frame_from(w.pool, "x", 1));
	assert_int_equal(sim_settle(w.sim), 0);
	assert_int_equal(sim_stats(w.sim).transit_max, 5000);
	assert_int_equal(sim_stats(w.sim).looped, 5000);
	world_fini(&w);
}

struct alarm {
	struct vs_timer timer;
	unsigned fired;
	vs_time at;
};

static void alarm_fire(struct vs_timer *timer, void *ctx, vs_time now)
{
	struct alarm *a = (struct alarm *)timer;

	a->fired++;
	a->at = now;
	if (a->fired < 3)
		sim_timer_set(ctx, timer, now - 1);
}

static void timer_for_the_past_fires_now(void **state)
{
	struct alarm a = {.fired = 0};
	struct world w;

	(void)state;
	world_init(&w, 0);
	assert_int_equal(sim_timer_add(w.sim, &a.timer, alarm_fire), 0);
	sim_timer_set(w.sim, &a.timer, 3 * VS_SEC);
	while (sim_step(w.sim, VS_NEVER) == 1)
		;
	assert_int_equal(a.fired, 3);
	assert_int_equal(a.at, 3 * VS_SEC);
	sim_timer_remove(w.sim, &a.timer);
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clock_jumps_from_event_to_event),
		cmocka_unit_test(idle_world_stands_at_the_time_asked_for),
		cmocka_unit_test(frame_that_goes_on_for_ever_is_taken_out_and_counted),
		cmocka_unit_test(no_engine_is_entered_while_it_works),
		cmocka_unit_test(frame_for_a_port_without_a_cable_is_counted),
		cmocka_unit_test(edge_may_stop_a_frame),
		cmocka_unit_test(transit_grows_with_the_frames_in_it),
		cmocka_unit_test(timer_for_the_past_fires_now),
	};

	return cmocka_run_group_tests_name("sim", tests, NULL, NULL);
}
