/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A heap with four children per node: the keys stand in the array, so a sift reads one cache line
 * a level and touches the timers only to tell them where they are.
 */
#include "core/base/timer.h"

#include <errno.h>

#include "core/base/assert.h"

#define WAYS 4

void vs_timers_init(struct vs_timers *t, struct vs_arena *arena)
{
	*t = (struct vs_timers){.arena = arena};
}

void vs_timers_fini(struct vs_timers *t)
{
	vs_free(t->arena, t->heap, t->size * sizeof(*t->heap));
	vs_timers_init(t, t->arena);
}

int vs_timer_add(struct vs_timers *t, struct vs_timer *timer, vs_timer_fn *fire)
{
	if (t->reserved == t->size) {
		uint32_t more = t->size ? t->size * 2 : 8;
		struct vs_timers_node *heap;

		heap = vs_grow(t->arena, t->heap, sizeof(*heap), t->size, more);
		if (!heap)
			return -ENOMEM;
		t->heap = heap;
		t->size = more;
	}
	t->reserved++;
	*timer = (struct vs_timer){.fire = fire, .at = VS_NEVER};
	return 0;
}

static bool before(const struct vs_timers_node *a, const struct vs_timers_node *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void place(struct vs_timers *t, uint32_t i, struct vs_timers_node node)
{
	t->heap[i] = node;
	node.timer->slot = i + 1;
}

static void sift_up(struct vs_timers *t, uint32_t i, struct vs_timers_node node)
{
	while (i > 0) {
		uint32_t parent = (i - 1) / WAYS;

		if (!before(&node, &t->heap[parent]))
			break;
		place(t, i, t->heap[parent]);
		i = parent;
	}
	place(t, i, node);
}

static void sift_down(struct vs_timers *t, uint32_t i, struct vs_timers_node node)
{
	for (;;) {
		uint32_t first = i * WAYS + 1;
		uint32_t last = first + WAYS < t->armed ? first + WAYS : t->armed;
		uint32_t least = first;

		if (first >= t->armed)
			break;
		for (uint32_t child = first + 1; child < last; child++)
			if (before(&t->heap[child], &t->heap[least]))
				least = child;
		if (!before(&t->heap[least], &node))
			break;
		place(t, i, t->heap[least]);
		i = least;
	}
	place(t, i, node);
}

/* Puts node where slot i is free, whichever way it has to go. */
static void sift(struct vs_timers *t, uint32_t i, struct vs_timers_node node)
{
	if (i > 0 && before(&node, &t->heap[(i - 1) / WAYS]))
		sift_up(t, i, node);
	else
		sift_down(t, i, node);
}

void vs_timer_set(struct vs_timers *t, struct vs_timer *timer, vs_time at)
{
	struct vs_timers_node node = {.at = at, .order = ++t->order, .timer = timer};

	if (at == VS_NEVER) {
		vs_timer_cancel(t, timer);
		return;
	}
	timer->at = at;
	timer->order = node.order;
	if (timer->slot) {
		sift(t, timer->slot - 1, node);
	} else {
		vs_assert(t->armed < t->reserved);
		sift_up(t, t->armed++, node);
	}
}

void vs_timer_cancel(struct vs_timers *t, struct vs_timer *timer)
{
	uint32_t i = timer->slot;
	struct vs_timers_node last;

	if (!i)
		return;
	timer->slot = 0;
	timer->at = VS_NEVER;
	last = t->heap[--t->armed];
	if (i - 1 != t->armed)
		sift(t, i - 1, last);
}

void vs_timer_remove(struct vs_timers *t, struct vs_timer *timer)
{
	vs_timer_cancel(t, timer);
	vs_assert(t->reserved > 0);
	t->reserved--;
}

struct vs_timer *vs_timers_pop(struct vs_timers *t, vs_time now)
{
	struct vs_timer *timer;

	if (!t->armed || t->heap[0].at > now)
		return NULL;
	timer = t->heap[0].timer;
	vs_timer_cancel(t, timer);
	return timer;
}

void vs_timers_run(struct vs_timers *t, void *ctx, vs_time now)
{
	struct vs_timer *timer;

	while ((timer = vs_timers_pop(t, now)))
		timer->fire(timer, ctx, now);
}
