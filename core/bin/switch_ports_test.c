/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ports over a world of paper: descriptors are numbers, the clock is set, a transport takes as
 * many frames as the test gives it room for. The switch between them is the real one, as a hub.
 */
#include "core/bin/switch_ports.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "core/host/memory.h"

#define LINES	 4
#define FRAMES	 2048
#define UNBOUND	 1000000

struct line {
	struct world *world;
	int endpoint;
	rt_fd_fn *fn;
	void *ctx;
	unsigned events;
	/* The transport. */
	unsigned pending; /* frames to be received */
	int room;	  /* frames it still takes; below 0: -error */
	int fail_at;	  /* this frame gets -ENETDOWN; 0: none */
	int recv_error;
	unsigned sends; /* calls */
	unsigned got;
	uint8_t numbers[FRAMES][2]; /* of the frames that left, in order */
	bool gone;
};

struct world {
	struct vs_arena arena;
	struct vs_pool *pool;
	struct vsw *sw;
	struct ports *ports;
	struct line line[LINES];
	vs_time now;
	unsigned made;
};

static struct world *the_world; /* rt has no context of its own here */

vs_time rt_now(const struct rt *rt)
{
	(void)rt;
	return the_world->now;
}

int rt_add(struct rt *rt, int fd, unsigned events, rt_fd_fn *fn, void *ctx)
{
	struct line *l = &the_world->line[fd];

	(void)rt;
	l->fn = fn;
	l->ctx = ctx;
	l->events = events;
	return 0;
}

int rt_change(struct rt *rt, int fd, unsigned events)
{
	(void)rt;
	assert_non_null(the_world->line[fd].fn);
	the_world->line[fd].events = events;
	return 0;
}

void rt_remove(struct rt *rt, int fd)
{
	(void)rt;
	the_world->line[fd].fn = NULL;
}

static int take(void *ctx, int fd, struct vs_frame **frames, unsigned count, bool *more)
{
	struct world *w = ctx;
	struct line *l = &w->line[fd];
	unsigned n = 0;

	if (l->recv_error)
		return l->recv_error;
	for (; n < count && l->pending; n++, l->pending--) {
		uint8_t bytes[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2};

		bytes[11] = (uint8_t)fd;
		bytes[14] = (uint8_t)(w->made >> 8);
		bytes[15] = (uint8_t)w->made++;
		frames[n] = vs_frame_from(w->pool, bytes, sizeof(bytes));
		assert_non_null(frames[n]);
	}
	*more = l->pending != 0;
	return n ? (int)n : -EAGAIN;
}

static int give(void *ctx, int fd, struct vs_frame *const *frames, unsigned count)
{
	struct world *w = ctx;
	struct line *l = &w->line[fd];
	unsigned n;

	l->sends++;
	for (n = 0; n < count; n++) {
		if (l->fail_at && (int)l->got + 1 == l->fail_at) {
			if (n == 0)
				l->fail_at = 0;
			return n ? (int)n : -ENETDOWN;
		}
		if (l->room <= 0)
			break;
		l->room--;
		assert_true(l->got < FRAMES);
		memcpy(l->numbers[l->got++], frames[n]->data + 14, 2);
	}
	return n ? (int)n : l->room < 0 ? l->room : -EAGAIN;
}

static void on_gone(void *ctx, int endpoint)
{
	struct world *w = ctx;

	for (int i = 0; i < LINES; i++)
		if (w->line[i].endpoint == endpoint)
			w->line[i].gone = true;
	ports_remove(w->ports, endpoint);
}

static int make(void **state)
{
	static struct world w;
	struct vs_pool_conf pool_conf = {0};
	struct vsw_conf conf = {.hub = true};

	memset(&w, 0, sizeof(w));
	the_world = &w;
	w.now = VS_SEC;
	host_arena_init(&w.arena, 0);
	assert_int_equal(vs_pool_create(&w.pool, &pool_conf, &w.arena), 0);
	assert_int_equal(vsw_create(&w.sw, &conf, &w.arena), 0);
	assert_int_equal(ports_create(&w.ports, NULL, w.sw), 0);
	for (int i = 0; i < LINES; i++) {
		struct transport transport = {.recv = take, .send = give, .gone = on_gone,
					      .ctx = &w, .short_is_full = true};
		struct vsw_guest who = {.any = true, .user = VSW_NONE, .module = "paper",
					.descr = ""};

		w.line[i].world = &w;
		w.line[i].room = UNBOUND;
		w.line[i].endpoint = vsw_attach(w.sw, w.now, &who);
		assert_true(w.line[i].endpoint >= 0);
		assert_int_equal(ports_add(w.ports, w.line[i].endpoint, &transport, i), 0);
	}
	*state = &w;
	return 0;
}

/* Every frame has come home once the ports are gone. */
static int unmake(void **state)
{
	struct world *w = *state;

	ports_destroy(w->ports);
	assert_int_equal(vs_pool_stats(w->pool).frames_out, 0);
	vsw_destroy(w->sw);
	vs_arena_fini(&w->arena);
	return 0;
}

static struct port_stats stats(struct world *w, int line)
{
	struct port_stats s = {0};

	assert_true(ports_stats(w->ports, w->line[line].endpoint, &s));
	return s;
}

static void event(struct world *w, int line, unsigned events)
{
	struct line *l = &w->line[line];

	assert_non_null(l->fn);
	l->fn(l->ctx, line, events);
}

/* A wake-up: a line has frames, and as long as it is read they come in. */
static void arrive(struct world *w, int line, unsigned count)
{
	w->line[line].pending += count;
	while (w->line[line].pending && w->line[line].events & RT_READ) {
		event(w, line, RT_READ);
		ports_run(w->ports, w->now);
	}
}

static void only(struct world *w, int reader)
{
	for (int i = 0; i < LINES; i++)
		if (i != reader && i != 0)
			ports_remove(w->ports, w->line[i].endpoint);
}

static void burst_leaves_every_other_port_in_its_order(void **state)
{
	struct world *w = *state;

	arrive(w, 0, 200);
	assert_int_equal(w->line[0].got, 0);
	for (int i = 1; i < LINES; i++) {
		assert_int_equal(w->line[i].got, 200);
		for (unsigned k = 0; k < 200; k++)
			assert_int_equal(w->line[i].numbers[k][1], k);
		assert_true(w->line[i].sends <= 4); /* not one for each frame */
		assert_int_equal(stats(w, i).tx_frames, 200);
	}
	assert_int_equal(stats(w, 0).rx_frames, 200);
}

static void full_port_keeps_its_frames_and_asks_to_write(void **state)
{
	struct world *w = *state;

	w->line[1].room = 10;
	arrive(w, 0, 30);
	assert_int_equal(w->line[1].got, 10);
	assert_int_equal(w->line[1].sends, 1); /* that it was short says enough */
	assert_int_equal(w->line[1].events, RT_READ | RT_WRITE);
	assert_int_equal(stats(w, 1).held, 20);
	assert_int_equal(stats(w, 1).waiting, 20);
	assert_int_equal(w->line[2].got, 30); /* nobody else is kept waiting */
	w->line[1].room = UNBOUND;
	event(w, 1, RT_WRITE);
	assert_int_equal(w->line[1].got, 30);
	for (unsigned k = 0; k < 30; k++)
		assert_int_equal(w->line[1].numbers[k][1], k);
	assert_int_equal(w->line[1].events, RT_READ);
	assert_int_equal(stats(w, 1).waiting, 0);
}

static void sender_is_held_back_above_the_mark_and_nothing_is_lost(void **state)
{
	struct world *w = *state;

	w->line[1].room = 0;
	arrive(w, 0, 1500);
	assert_int_equal(w->line[0].events, 0);
	assert_true(w->line[0].pending > 1000);
	assert_int_equal(w->line[2].events, RT_READ); /* whose frames they are not */
	while (w->line[1].got < 1500) {
		w->line[1].room = 7;
		event(w, 1, RT_WRITE);
		ports_run(w->ports, w->now);
		arrive(w, 0, 0);
	}
	assert_int_equal(w->line[0].pending, 0);
	assert_int_equal(w->line[0].events, RT_READ);
	for (unsigned k = 0; k < 1500; k++)
		assert_int_equal(w->line[1].numbers[k][0] << 8 | w->line[1].numbers[k][1], k);
	assert_int_equal(stats(w, 1).drop_full, 0);
}

static void ports_do_not_wait_for_each_other_in_a_ring(void **state)
{
	struct world *w = *state;

	w->line[0].room = w->line[1].room = w->line[2].room = w->line[3].room = 0;
	arrive(w, 0, 200); /* waits for 1, the first that is full */
	assert_int_equal(w->line[0].events & RT_READ, 0);
	arrive(w, 1, 200);
	arrive(w, 2, 200);
	arrive(w, 3, 200);
	/* Somebody is still read: each holding back the next would be for ever. */
	assert_true((w->line[1].events | w->line[2].events | w->line[3].events) & RT_READ);
}

static void who_takes_nothing_for_a_second_loses_and_holds_nobody(void **state)
{
	struct world *w = *state;

	only(w, 1);
	w->line[1].room = 0;
	arrive(w, 0, 1000);
	assert_int_equal(w->line[0].events & RT_READ, 0);
	assert_int_equal(ports_poll_at(w->ports), w->now + VS_SEC);
	w->now += VS_SEC - 1;
	ports_run(w->ports, w->now);
	assert_false(stats(w, 1).lossy);
	w->now++;
	ports_run(w->ports, w->now);
	assert_true(stats(w, 1).lossy);
	assert_int_equal(w->line[0].events, RT_READ);
	arrive(w, 0, 0);
	assert_int_equal(w->line[0].pending, 0);
	assert_int_equal(stats(w, 1).waiting, 256);
	assert_int_equal(stats(w, 1).drop_full, 1000 - 256);
	/* Awake again it is as good as any. */
	w->line[1].room = UNBOUND;
	event(w, 1, RT_WRITE);
	assert_int_equal(w->line[1].got, 256);
	assert_false(stats(w, 1).lossy);
	assert_int_equal(ports_poll_at(w->ports), VS_NEVER);
}

static void who_takes_a_queueful_in_a_second_is_waited_for(void **state)
{
	struct world *w = *state;

	only(w, 1);
	w->line[1].room = 0;
	arrive(w, 0, 1500);
	for (int i = 0; i < 32; i++) {
		w->now += VS_SEC / 8;
		w->line[1].room = 256 / 8;
		event(w, 1, RT_WRITE);
		ports_run(w->ports, w->now);
		arrive(w, 0, 0);
		assert_false(stats(w, 1).lossy);
	}
	assert_int_equal(stats(w, 1).drop_full, 0);
}

static void peer_that_is_gone_takes_its_queue_along(void **state)
{
	struct world *w = *state;

	w->line[1].room = -ECONNREFUSED;
	arrive(w, 0, 70);
	assert_int_equal(stats(w, 1).drop_gone, 70);
	assert_int_equal(stats(w, 1).waiting, 0);
	assert_int_equal(w->line[1].events, RT_READ);
	assert_int_equal(w->line[2].got, 70);
}

static void frame_that_cannot_be_sent_does_not_stop_the_next(void **state)
{
	struct world *w = *state;

	only(w, 1);
	w->line[1].fail_at = 3;
	arrive(w, 0, 1);
	arrive(w, 0, 1);
	arrive(w, 0, 5);
	assert_int_equal(stats(w, 1).drop_error, 1);
	assert_int_equal(w->line[1].got, 6);
	assert_int_equal(w->line[1].numbers[2][1], 3);
}

static void port_removed_while_others_wait_for_it_lets_them_go(void **state)
{
	struct world *w = *state;

	w->line[1].room = 0;
	arrive(w, 0, 500);
	assert_int_equal(w->line[0].events & RT_READ, 0);
	ports_remove(w->ports, w->line[1].endpoint);
	assert_int_equal(w->line[0].events, RT_READ);
	assert_int_equal(ports_poll_at(w->ports), VS_NEVER);
	arrive(w, 0, 0);
	assert_int_equal(w->line[2].got, 500);
}

static void port_removed_with_frames_of_this_wake_up_is_not_sent_to(void **state)
{
	struct world *w = *state;

	w->line[0].pending = 10;
	event(w, 0, RT_READ);
	ports_remove(w->ports, w->line[1].endpoint);
	ports_remove(w->ports, w->line[0].endpoint);
	ports_run(w->ports, w->now);
	assert_int_equal(w->line[1].sends, 0);
	assert_int_equal(w->line[2].got, 10);
	assert_int_equal(w->line[3].got, 10);
}

static void descriptor_that_is_dead_is_told(void **state)
{
	struct world *w = *state;

	w->line[1].recv_error = -EAGAIN;
	event(w, 1, RT_READ);
	assert_false(w->line[1].gone);
	w->line[1].recv_error = -EBADFD;
	event(w, 1, RT_READ);
	assert_true(w->line[1].gone);
	assert_null(w->line[1].fn);
	arrive(w, 0, 5);
	assert_int_equal(w->line[1].got, 0);
	assert_int_equal(w->line[2].got, 5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(burst_leaves_every_other_port_in_its_order),
		TEST(full_port_keeps_its_frames_and_asks_to_write),
		TEST(sender_is_held_back_above_the_mark_and_nothing_is_lost),
		TEST(ports_do_not_wait_for_each_other_in_a_ring),
		TEST(who_takes_nothing_for_a_second_loses_and_holds_nobody),
		TEST(who_takes_a_queueful_in_a_second_is_waited_for),
		TEST(peer_that_is_gone_takes_its_queue_along),
		TEST(frame_that_cannot_be_sent_does_not_stop_the_next),
		TEST(port_removed_while_others_wait_for_it_lets_them_go),
		TEST(port_removed_with_frames_of_this_wake_up_is_not_sent_to),
		TEST(descriptor_that_is_dead_is_told),
	};

	return cmocka_run_group_tests_name("switch_ports", tests, NULL, NULL);
}
