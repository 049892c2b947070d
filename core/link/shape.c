/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Serialisation: what a rate, or a recorded trace of delivery opportunities, makes of frames that
 * want to leave one after another.
 */
#include "core/link/link_impl.h"

/* The time a frame of len bytes takes at rate, in millionths of bytes per second, is
 * len * 10^15 / rate ns; 32 more bits keep what a nanosecond cannot say.
 */
static void clock_cost(struct link_clock *c, uint32_t len, int64_t rate)
{
	unsigned __int128 cost = (unsigned __int128)len * 1000000000000000u;

	cost = (cost << 32) / (uint64_t)rate;
	if (cost >> 94) /* past 2^62 ns: two lifetimes of any run */
		cost = (unsigned __int128)1 << 94;
	c->cost = (vs_time)(cost >> 32);
	c->cost_part = (uint32_t)cost;
	c->cost_rate = rate;
	c->cost_len = len;
}

/* Returns when the last bit of a frame that wants to go now has gone. */
vs_time link_clock_take(struct link_clock *c, vs_time now, uint32_t len, int64_t rate)
{
	uint32_t part;

	if (rate != c->cost_rate || len != c->cost_len)
		clock_cost(c, len, rate);
	if (c->free_at < now) {
		c->free_at = now;
		c->free_part = 0;
	}
	part = c->free_part + c->cost_part;
	c->free_at = vs_time_add(c->free_at, c->cost + (part < c->free_part));
	c->free_part = part;
	return c->free_at;
}

static vs_time opportunity_at(const struct link_opportunities *o)
{
	return vs_time_add(o->start, o->ms[o->next] * VS_MSEC);
}

static void opportunity_next(struct link_opportunities *o)
{
	if (++o->next == o->count) {
		o->next = 0;
		o->start = vs_time_add(o->start, o->ms[o->count - 1] * VS_MSEC);
	}
	o->left = LINK_TRACE_MTU;
}

/* Moves to the first opportunity not before now; those that passed unused are lost. */
static void opportunity_seek(struct link_opportunities *o, vs_time now)
{
	vs_time period = o->ms[o->count - 1] * VS_MSEC;
	size_t low = 0, high = o->count - 1;

	if (opportunity_at(o) >= now)
		return;
	if (now - o->start > period)
		o->start += (now - o->start - 1) / period * period;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (o->start + o->ms[middle] * VS_MSEC >= now)
			high = middle;
		else
			low = middle + 1;
	}
	o->next = low;
	o->left = LINK_TRACE_MTU;
}

vs_time link_opportunity_take(struct link_opportunities *o, vs_time now, uint32_t len)
{
	opportunity_seek(o, now);
	while (len > o->left) {
		len -= o->left;
		opportunity_next(o);
	}
	o->left -= len;
	/* A spent opportunity is left behind at once, or a frame of no bytes could still use it. */
	vs_time at = opportunity_at(o);

	if (!o->left)
		opportunity_next(o);
	return at;
}
