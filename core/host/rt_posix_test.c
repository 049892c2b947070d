/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/host/rt.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct world {
	struct rt *rt;
	int a[2], b[2]; /* socket pairs; the first end is watched */
	unsigned calls_a, calls_b, signal;
	unsigned events;
	vs_time at, ran;
	unsigned runs;
};

static int make(void **state)
{
	static struct world w;

	w = (struct world){.at = VS_NEVER};
	assert_int_equal(rt_create(&w.rt), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, w.a), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, w.b), 0);
	*state = &w;
	return 0;
}

static int unmake(void **state)
{
	struct world *w = *state;

	rt_destroy(w->rt);
	for (int i = 0; i < 2; i++) {
		close(w->a[i]);
		close(w->b[i]);
	}
	return 0;
}

static void note_a(void *ctx, int fd, unsigned events)
{
	struct world *w = ctx;

	(void)fd;
	w->calls_a++;
	w->events = events;
	rt_stop(w->rt);
}

static void note_b(void *ctx, int fd, unsigned events)
{
	struct world *w = ctx;

	(void)fd;
	w->calls_b++;
	w->events = events;
	rt_stop(w->rt);
}

static void a_descriptor_with_bytes_is_called_back(void **state)
{
	struct world *w = *state;

	assert_int_equal(rt_add(w->rt, w->a[0], RT_READ, note_a, w), 0);
	assert_int_equal(rt_add(w->rt, w->b[0], RT_READ, note_b, w), 0);
	assert_int_equal(write(w->b[1], "x", 1), 1);
	assert_int_equal(rt_run(w->rt), 0);
	assert_int_equal(w->calls_a, 0);
	assert_int_equal(w->calls_b, 1);
	assert_int_equal(w->events, RT_READ);
}

static void a_hang_up_is_told_unasked(void **state)
{
	struct world *w = *state;

	assert_int_equal(rt_add(w->rt, w->a[0], 0, note_a, w), 0);
	close(w->a[1]);
	w->a[1] = -1;
	assert_int_equal(rt_run(w->rt), 0);
	assert_true(w->events & RT_HUP);
}

static void remove_both(void *ctx, int fd, unsigned events)
{
	struct world *w = ctx;

	(void)fd;
	(void)events;
	w->calls_a++;
	rt_remove(w->rt, w->a[0]);
	rt_remove(w->rt, w->b[0]);
	rt_remove(w->rt, w->b[0]);
}

/* Both are ready in the same wake-up; the first one called removes the other. */
static void a_removed_descriptor_is_not_called(void **state)
{
	struct world *w = *state;

	assert_int_equal(rt_add(w->rt, w->a[0], RT_READ, remove_both, w), 0);
	assert_int_equal(rt_add(w->rt, w->b[0], RT_READ, remove_both, w), 0);
	assert_int_equal(write(w->a[1], "x", 1), 1);
	assert_int_equal(write(w->b[1], "x", 1), 1);
	assert_int_equal(rt_add(w->rt, w->a[1], RT_WRITE, note_b, w), 0);
	assert_int_equal(rt_run(w->rt), 0);
	assert_int_equal(rt_run(w->rt), 0);
	assert_int_equal(w->calls_a, 1);
	assert_int_equal(rt_change(w->rt, w->b[0], RT_READ), -ENOENT);
}

/* A number that was closed and given to another file in the same wake-up is another descriptor. */
static void replace_b(void *ctx, int fd, unsigned events)
{
	struct world *w = ctx;
	int other = fd == w->a[0] ? w->b[0] : w->a[0];
	int pair[2];

	(void)events;
	w->calls_a++;
	rt_remove(w->rt, other);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(dup2(pair[0], other), other);
	close(pair[0]);
	assert_int_equal(rt_add(w->rt, other, RT_READ, note_b, w), 0);
	rt_remove(w->rt, fd);
	close(pair[1]);
	assert_int_equal(rt_add(w->rt, fd, RT_WRITE, note_a, w), 0);
}

static void a_reused_number_does_not_inherit_events(void **state)
{
	struct world *w = *state;

	assert_int_equal(rt_add(w->rt, w->a[0], RT_READ, replace_b, w), 0);
	assert_int_equal(rt_add(w->rt, w->b[0], RT_READ, replace_b, w), 0);
	assert_int_equal(write(w->a[1], "x", 1), 1);
	assert_int_equal(write(w->b[1], "x", 1), 1);
	assert_int_equal(rt_run(w->rt), 0);
	assert_true(w->calls_a >= 1);
	/* The new file behind the number was told of its own hang-up, never of the old bytes. */
	assert_true(w->calls_b == 0 || w->events & RT_HUP);
}

static void a_file_that_cannot_be_polled_is_always_ready(void **state)
{
	struct world *w = *state;
	int fd = open("/dev/null", O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(rt_add(w->rt, fd, RT_READ, note_a, w), 0);
	assert_int_equal(rt_run(w->rt), 0);
	assert_int_equal(rt_run(w->rt), 0);
	assert_int_equal(w->calls_a, 2);
	assert_int_equal(rt_change(w->rt, fd, 0), 0);
	assert_int_equal(rt_add(w->rt, w->b[0], RT_WRITE, note_b, w), 0);
	assert_int_equal(rt_run(w->rt), 0);
	assert_int_equal(w->calls_a, 2);
	assert_int_equal(w->calls_b, 1);
	rt_remove(w->rt, fd);
	close(fd);
}

static vs_time engine_at(void *ctx)
{
	const struct world *w = ctx;

	return w->at;
}

static void engine_run(void *ctx, vs_time now)
{
	struct world *w = ctx;

	w->runs++;
	if (now < w->at)
		return;
	w->ran = now;
	w->at = VS_NEVER;
	rt_stop(w->rt);
}

static void an_engine_runs_at_its_deadline_and_not_before(void **state)
{
	struct world *w = *state;

	assert_int_equal(rt_engine(w->rt, engine_at, engine_run, w), 0);
	for (int i = 0; i < 5; i++) {
		vs_time at = rt_read_clock(w->rt) + 200 * VS_USEC;

		w->at = at;
		assert_int_equal(rt_run(w->rt), 0);
		assert_true(w->ran >= at);
	}
}

static vs_time later(void *ctx)
{
	(void)ctx;
	return 3600 * VS_SEC;
}

static void later_run(void *ctx, vs_time now)
{
	(void)ctx;
	assert_true(now < 3600 * VS_SEC);
}

static void the_earliest_of_several_deadlines_counts(void **state)
{
	struct world *w = *state;

	assert_int_equal(rt_engine(w->rt, later, later_run, w), 0);
	assert_int_equal(rt_engine(w->rt, engine_at, engine_run, w), 0);
	for (int i = 2; i < 8; i++)
		assert_int_equal(rt_engine(w->rt, later, later_run, w), 0);
	assert_int_equal(rt_engine(w->rt, later, later_run, w), -ENOSPC);
	w->at = rt_read_clock(w->rt) + VS_MSEC;
	assert_int_equal(rt_run(w->rt), 0);
	assert_int_equal(w->at, VS_NEVER);
}

static void note_signal(void *ctx, int number)
{
	struct world *w = ctx;

	w->signal = (unsigned)number;
	rt_stop(w->rt);
}

static void a_signal_becomes_a_call(void **state)
{
	struct world *w = *state;

	assert_int_equal(rt_signals(w->rt, note_signal, w), 0);
	assert_int_equal(raise(SIGHUP), 0);
	assert_int_equal(rt_run(w->rt), 0);
	assert_int_equal(w->signal, SIGHUP);
	assert_int_equal(raise(SIGTERM), 0);
	assert_int_equal(rt_run(w->rt), 0);
	assert_int_equal(w->signal, SIGTERM);
}

static void hold(void *ctx)
{
	pthread_mutex_lock(ctx);
}

static void let_go(void *ctx)
{
	pthread_mutex_unlock(ctx);
}

struct runner {
	struct rt *rt;
	pthread_mutex_t lock;
	pthread_cond_t ran_twice;
	vs_time at;
	unsigned runs;
};

static vs_time runner_at(void *ctx)
{
	return ((struct runner *)ctx)->at;
}

static void runner_run(void *ctx, vs_time now)
{
	struct runner *r = ctx;

	if (now < r->at)
		return;
	r->at = VS_NEVER;
	r->runs++;
	pthread_cond_signal(&r->ran_twice);
}

static void *runner_thread(void *ctx)
{
	struct runner *r = ctx;

	hold(&r->lock);
	rt_run(r->rt);
	let_go(&r->lock);
	return NULL;
}

/* The first deadline is served by the thread that sets it, the second by the one that waits. */
static void another_thread_may_set_a_deadline_and_stop(void **state)
{
	struct world *w = *state;
	struct runner r = {.rt = w->rt,
			   .lock = PTHREAD_MUTEX_INITIALIZER,
			   .ran_twice = PTHREAD_COND_INITIALIZER,
			   .at = VS_NEVER};
	pthread_t thread;

	rt_guard(w->rt, hold, let_go, &r.lock);
	assert_int_equal(rt_engine(w->rt, runner_at, runner_run, &r), 0);
	assert_int_equal(pthread_create(&thread, NULL, runner_thread, &r), 0);
	hold(&r.lock);
	r.at = rt_read_clock(w->rt);
	assert_int_equal(rt_serve(w->rt), 0);
	assert_int_equal(r.runs, 1);
	r.at = rt_read_clock(w->rt) + VS_SEC / 100;
	assert_int_equal(rt_serve(w->rt), 0);
	while (r.runs < 2)
		pthread_cond_wait(&r.ran_twice, &r.lock);
	rt_stop(w->rt);
	assert_int_equal(rt_serve(w->rt), 0);
	let_go(&r.lock);
	pthread_join(thread, NULL);
}

static void bad_descriptors_are_refused(void **state)
{
	struct world *w = *state;

	assert_int_equal(rt_add(w->rt, -1, RT_READ, note_a, w), -EBADF);
	assert_int_equal(rt_add(w->rt, 900, RT_READ, note_a, w), -EBADF);
	assert_int_equal(rt_add(w->rt, w->a[0], RT_READ, note_a, w), 0);
	assert_int_equal(rt_add(w->rt, w->a[0], RT_READ, note_a, w), -EEXIST);
	rt_remove(w->rt, -1);
	rt_remove(w->rt, 900);
	assert_int_equal(rt_change(w->rt, 900, RT_READ), -ENOENT);
}

#define test(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_descriptor_with_bytes_is_called_back),
		test(a_hang_up_is_told_unasked),
		test(a_removed_descriptor_is_not_called),
		test(a_reused_number_does_not_inherit_events),
		test(a_file_that_cannot_be_polled_is_always_ready),
		test(an_engine_runs_at_its_deadline_and_not_before),
		test(the_earliest_of_several_deadlines_counts),
		test(a_signal_becomes_a_call),
		test(another_thread_may_set_a_deadline_and_stop),
		test(bad_descriptors_are_refused),
	};

	return cmocka_run_group_tests_name("rt_posix", tests, NULL, NULL);
}
