/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sim: a world of engines under one clock that jumps from event to event; the virtual twin of
 * core/host/rt.h. It reads no clock and draws no chance: what happens is a function of what was
 * put in.
 *
 * At one instant nothing recurses: frames that leave an engine wait in transit, first in first
 * out, and engines that were touched wait in a list for their news and their next deadline. An
 * engine has one timer in the heap, moved only when its poll_at() has changed.
 */
#ifndef VSQ_SIM_SIM_H
#define VSQ_SIM_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/frame.h"
#include "core/base/time.h"
#include "core/base/timer.h"

struct sim;
struct sim_engine;

/* The verbs of an engine. news, if not NULL, is called once an instant when the engine was
 * touched, before its output is pulled: a host hands out its sockets' events there, and says
 * whether it had any.
 */
struct sim_verbs {
	void (*input)(void *engine, vs_time now, int port, struct vs_frame *f); /* takes f */
	void (*run)(void *engine, vs_time now);
	vs_time (*poll_at)(const void *engine);
	struct vs_frame *(*output)(void *engine, int *port); /* gives a frame or NULL */
	bool (*news)(void *ctx, vs_time now);
};

/* Where a port's frames go: one direction of a junction. Whoever owns it may change `to` and
 * `port` between instants. seen, if not NULL, looks at each frame that passes; false stops it
 * there (the frame is put), which `seen` has counted. Of the frame it may write what is for the
 * driver: mark and hash.
 */
struct sim_edge {
	struct sim_engine *to;
	int port;
	bool (*seen)(struct sim_edge *, vs_time now, struct vs_frame *f);
};

/* An engine in its world; embedded by whoever owns the engine. */
struct sim_engine {
	struct sim *sim;
	const struct sim_verbs *verbs;
	void *engine;		 /* first argument of the verbs */
	void *ctx;		 /* of news() */
	struct sim_edge **edges; /* by port */
	unsigned ports;		 /* places in edges */
	struct vs_timer timer;
	vs_time poll_at; /* what the timer stands for */
	bool touched;
	bool pulled; /* since it was touched nothing but its deadline is left to ask for */
	struct sim_engine *touched_next;
	uint64_t frames_in, frames_out; /* given to input(), taken from output() */
};

/* Counts of a world. */
struct sim_stats {
	uint64_t events;     /* timers fired */
	uint64_t deliveries; /* frames given to an engine */
	uint64_t unjoined;   /* frames for a port where nothing is joined */
	uint64_t looped;     /* frames taken out because they went on for ever */
	size_t transit_max;  /* most frames in transit at once */
};

/* Makes a world in the arena, which must outlive it; now is 0. 0 or -ENOMEM. */
int sim_create(struct sim **, struct vs_arena *);
void sim_destroy(struct sim *); /* after its engines */

/* Adds an engine; the caller fills nothing but gives its verbs. 0 or -ENOMEM. */
int sim_add(struct sim *, struct sim_engine *, const struct sim_verbs *, void *engine, void *ctx);

/* Forgets an engine: no frame for it may be in transit. */
void sim_remove(struct sim_engine *);

/* What leaves the engine's port goes along edge, lent until it is replaced. 0 or -ENOMEM. */
int sim_join(struct sim_engine *, int port, struct sim_edge *edge);

vs_time sim_now(const struct sim *);
struct sim_stats sim_stats(const struct sim *);

/* A frame may pass edges this many times before it counts as looping (0, at first: no limit).
 * vs_frame.mark counts, for a frame and all who share it.
 */
void sim_set_passes_max(struct sim *, uint32_t passes_max);

/* Timers of the world: fire() gets the sim as ctx. What it does to an engine by other verbs than
 * those of sim_verbs must be followed by sim_touch().
 */
int sim_timer_add(struct sim *, struct vs_timer *, vs_timer_fn *fire);
void sim_timer_remove(struct sim *, struct vs_timer *);
void sim_timer_set(struct sim *, struct vs_timer *, vs_time at);

/* The engine's output has to be pulled, and its deadline asked for. */
void sim_touch(struct sim_engine *);

/* Puts a frame on an edge now. Takes f. */
void sim_send(struct sim *, struct sim_edge *, struct vs_frame *f);

/* Lets the present instant come to rest: nothing in transit, no engine touched. 0; -ENOMEM when
 * frames could not be held in transit; -ELOOP when an instant does not end.
 */
int sim_settle(struct sim *);

/* Fires the next event not after until, and settles. Gives 1; 0 when there is none (the clock then
 * stands at until, unless that is VS_NEVER); or -errno as sim_settle().
 */
int sim_step(struct sim *, vs_time until);

#endif
