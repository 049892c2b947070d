/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One step: the earliest timer fires, and the instant settles. Settling delivers what is in
 * transit before it turns to touched engines, so an engine that hears a hundred frames at one
 * instant is asked for its news and its deadline once.
 */
#include "harness/sim/sim.h"

#include <errno.h>
#include <string.h>

#include "core/base/assert.h"

/* No scenario has this many deliveries and events at one instant; a world that does has a loop
 * that no single frame shows.
 */
#define INSTANT_WORK_MAX ((uint64_t)16 << 20)

#define POLL_AT_STALE (-1) /* no deadline an engine could name */

struct transit {
	struct vs_frame *frame;
	struct sim_edge *edge;
};

struct sim {
	struct vs_arena *arena;
	vs_time now;
	struct vs_timers timers;
	struct transit *ring;
	uint32_t size; /* a power of two */
	uint32_t head, tail;
	uint32_t passes_max;
	struct sim_engine *touched, **touched_tail;
	uint64_t instant_work;
	int error; /* sticks: a world that lost frames is no longer the scenario's */
	struct sim_stats stats;
};

int sim_create(struct sim **out, struct vs_arena *arena)
{
	struct sim *s = vs_alloc(arena, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->arena = arena;
	s->size = 1024;
	s->ring = vs_alloc(arena, s->size * sizeof(*s->ring));
	if (!s->ring) {
		vs_free(arena, s, sizeof(*s));
		return -ENOMEM;
	}
	s->passes_max = UINT32_MAX;
	s->touched_tail = &s->touched;
	vs_timers_init(&s->timers, arena);
	*out = s;
	return 0;
}

void sim_destroy(struct sim *s)
{
	while (s->head != s->tail)
		vs_frame_put(s->ring[s->head++ & (s->size - 1)].frame);
	vs_free(s->arena, s->ring, s->size * sizeof(*s->ring));
	vs_timers_fini(&s->timers);
	vs_free(s->arena, s, sizeof(*s));
}

vs_time sim_now(const struct sim *s)
{
	return s->now;
}

struct sim_stats sim_stats(const struct sim *s)
{
	return s->stats;
}

void sim_set_passes_max(struct sim *s, uint32_t passes_max)
{
	s->passes_max = passes_max ? passes_max : UINT32_MAX;
}

int sim_timer_add(struct sim *s, struct vs_timer *timer, vs_timer_fn *fire)
{
	return vs_timer_add(&s->timers, timer, fire);
}

void sim_timer_remove(struct sim *s, struct vs_timer *timer)
{
	vs_timer_remove(&s->timers, timer);
}

void sim_timer_set(struct sim *s, struct vs_timer *timer, vs_time at)
{
	if (at != VS_NEVER && at < s->now)
		at = s->now;
	vs_timer_set(&s->timers, timer, at);
}

static inline void touch(struct sim_engine *e)
{
	if (e->touched)
		return;
	e->touched = true;
	e->touched_next = NULL;
	*e->sim->touched_tail = e;
	e->sim->touched_tail = &e->touched_next;
}

void sim_touch(struct sim_engine *e)
{
	e->pulled = false;
	touch(e);
}

static struct sim_engine *touched_pop(struct sim *s)
{
	struct sim_engine *e = s->touched;

	if (!e)
		return NULL;
	s->touched = e->touched_next;
	if (!s->touched)
		s->touched_tail = &s->touched;
	e->touched = false;
	return e;
}

static bool ring_grow(struct sim *s)
{
	struct transit *ring = vs_alloc(s->arena, 2 * (size_t)s->size * sizeof(*ring));

	if (!ring)
		return false;
	for (uint32_t i = 0; i < s->size; i++)
		ring[i] = s->ring[(s->head + i) & (s->size - 1)];
	vs_free(s->arena, s->ring, s->size * sizeof(*ring));
	s->ring = ring;
	s->head = 0;
	s->tail = s->size;
	s->size *= 2;
	return true;
}

void sim_send(struct sim *s, struct sim_edge *edge, struct vs_frame *f)
{
	if (s->tail - s->head == s->size && !ring_grow(s)) {
		s->error = -ENOMEM;
		vs_frame_put(f);
		return;
	}
	s->ring[s->tail++ & (s->size - 1)] = (struct transit){f, edge};
}

/* Puts what has left the engine in transit. */
static void pull(struct sim *s, struct sim_engine *e)
{
	struct vs_frame *f;
	int port = -1;

	while ((f = e->verbs->output(e->engine, &port))) {
		e->frames_out++;
		if (port < 0 || (unsigned)port >= e->ports || !e->edges[port]) {
			s->stats.unjoined++;
			vs_frame_put(f);
		} else if (++f->mark > s->passes_max) {
			s->stats.looped++;
			vs_frame_put(f);
		} else {
			sim_send(s, e->edges[port], f);
		}
	}
}

static void deliver(struct sim *s, struct transit *t)
{
	struct sim_edge *edge = t->edge;
	struct sim_engine *to;

	if (edge->seen && !edge->seen(edge, s->now, t->frame)) {
		vs_frame_put(t->frame);
		return;
	}
	to = edge->to;
	to->frames_in++;
	s->stats.deliveries++;
	to->verbs->input(to->engine, s->now, edge->port, t->frame);
	pull(s, to);
	to->pulled = true;
	touch(to);
}

static void rearm(struct sim *s, struct sim_engine *e)
{
	vs_time at = e->verbs->poll_at(e->engine);

	if (at == e->poll_at)
		return;
	e->poll_at = at;
	sim_timer_set(s, &e->timer, at);
}

int sim_settle(struct sim *s)
{
	struct sim_engine *e;

	while (!s->error) {
		if (s->head != s->tail) {
			struct transit t = s->ring[s->head++ & (s->size - 1)];
			uint32_t waiting = s->tail - s->head + 1;

			if (waiting > s->stats.transit_max)
				s->stats.transit_max = waiting;
			deliver(s, &t);
		} else if ((e = touched_pop(s))) {
			if ((e->verbs->news && e->verbs->news(e->ctx, s->now)) || !e->pulled)
				pull(s, e);
			rearm(s, e);
		} else {
			break;
		}
		if (++s->instant_work > INSTANT_WORK_MAX)
			s->error = -ELOOP;
	}
	return s->error;
}

/* An engine's deadline has come. Its timer stays where it is on the heap until rearm() moves it:
 * one sift instead of two, for what is most of all events.
 */
static void engine_due(struct vs_timer *timer, void *ctx, vs_time now)
{
	struct sim *s = ctx;
	struct sim_engine *e;

	e = (struct sim_engine *)((char *)timer - offsetof(struct sim_engine, timer));
	e->poll_at = POLL_AT_STALE;
	e->verbs->run(e->engine, now);
	pull(s, e);
	e->pulled = true;
	touch(e);
}

int sim_step(struct sim *s, vs_time until)
{
	vs_time next = vs_timers_next(&s->timers);
	struct vs_timer *timer;
	int err;

	if (next > until || next == VS_NEVER) {
		if (until != VS_NEVER && until > s->now) {
			s->now = until;
			s->instant_work = 0;
		}
		return 0;
	}
	if (next > s->now) {
		s->now = next;
		s->instant_work = 0;
	}
	s->stats.events++;
	timer = s->timers.heap[0].timer;
	if (timer->fire != engine_due)
		vs_timer_cancel(&s->timers, timer);
	timer->fire(timer, s, s->now);
	err = sim_settle(s);
	return err ? err : 1;
}

int sim_add(struct sim *s, struct sim_engine *e, const struct sim_verbs *verbs, void *engine,
	    void *ctx)
{
	*e = (struct sim_engine){
		.sim = s, .verbs = verbs, .engine = engine, .ctx = ctx, .poll_at = VS_NEVER};
	return vs_timer_add(&s->timers, &e->timer, engine_due);
}

void sim_remove(struct sim_engine *e)
{
	struct sim *s = e->sim;

	if (e->touched) {
		struct sim_engine **link = &s->touched;

		while (*link != e)
			link = &(*link)->touched_next;
		*link = e->touched_next;
		if (s->touched_tail == &e->touched_next)
			s->touched_tail = link;
	}
	vs_timer_remove(&s->timers, &e->timer);
	vs_free(s->arena, e->edges, e->ports * sizeof(struct sim_edge *));
	e->edges = NULL;
	e->ports = 0;
}

int sim_join(struct sim_engine *e, int port, struct sim_edge *edge)
{
	vs_assert(port >= 0);
	if ((unsigned)port >= e->ports) {
		unsigned more = e->ports ? e->ports : 4;
		struct sim_edge **edges;

		while (more <= (unsigned)port)
			more *= 2;
		edges = vs_grow(e->sim->arena, e->edges, sizeof(*edges), e->ports, more);
		if (!edges)
			return -ENOMEM;
		e->edges = edges;
		e->ports = more;
	}
	e->edges[port] = edge;
	return 0;
}
