/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Timers: thousands per engine on one heap; arming, re-arming and cancelling are O(log n), the
 * next deadline is O(1). Timers of one instant fire in the order they were armed, so a run is
 * reproducible. Room is reserved when a timer is added, so arming never fails.
 */
#ifndef VSQ_BASE_TIMER_H
#define VSQ_BASE_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/time.h"

struct vs_timer;

/* ctx is the one given to vs_timers_run(); the timer is disarmed before it is called. */
typedef void vs_timer_fn(struct vs_timer *, void *ctx, vs_time now);

struct vs_timer {
	vs_time at;	 /* when it fires; meaningful while armed */
	uint64_t order;	 /* breaks ties: armed earlier, fires earlier */
	uint32_t slot;	 /* place in the heap + 1; 0: not armed */
	vs_timer_fn *fire;
};

struct vs_timers_node {
	vs_time at;
	uint64_t order;
	struct vs_timer *timer;
};

struct vs_timers {
	struct vs_arena *arena;
	struct vs_timers_node *heap;
	uint32_t armed;	   /* nodes in the heap */
	uint32_t reserved; /* timers added */
	uint32_t size;	   /* nodes allocated */
	uint64_t order;	   /* last one given */
};

void vs_timers_init(struct vs_timers *, struct vs_arena *);
void vs_timers_fini(struct vs_timers *);

/* Adds a timer, disarmed. 0 or -ENOMEM. It must be removed before its memory goes. */
int vs_timer_add(struct vs_timers *, struct vs_timer *, vs_timer_fn *fire);
void vs_timer_remove(struct vs_timers *, struct vs_timer *);

/* Arms the timer for a time, moving it if it is armed; VS_NEVER cancels. */
void vs_timer_set(struct vs_timers *, struct vs_timer *, vs_time at);
void vs_timer_cancel(struct vs_timers *, struct vs_timer *);

static inline bool vs_timer_armed(const struct vs_timer *timer)
{
	return timer->slot != 0;
}

/* When the next timer fires; VS_NEVER when none is armed. */
static inline vs_time vs_timers_next(const struct vs_timers *t)
{
	return t->armed ? t->heap[0].at : VS_NEVER;
}

/* Fires every timer due at now or before, also those armed meanwhile for a time not after now. */
void vs_timers_run(struct vs_timers *, void *ctx, vs_time now);

/* Takes the first timer due at now or before off the heap, without firing it; NULL if none is. */
struct vs_timer *vs_timers_pop(struct vs_timers *, vs_time now);

#endif
