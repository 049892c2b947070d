/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CUBIC: RFC 9438, with HyStart++ for slow start. All in integers: windows in bytes, times of the
 * cubic function in ms, so that every machine computes the same.
 *
 *      W_cubic(t) = C (t - K)^3 + W_max      C = 0.4 segments/s^3, beta = 0.7
 */
#include "stack/tcp/tcp_hystart.h"
#include "stack/tcp/tcp_impl.h"

#define SPAN_MAX_MS 200000 /* (t - K)^3 * 0.4 * mss stays within 63 bits */

struct cubic {
	vs_time epoch; /* when this congestion avoidance began; 0: it has not */
	vs_time last;  /* when the window was last looked at */
	uint64_t part; /* of a byte's growth, in units of 1 / cwnd */
	uint32_t w_max;
	uint32_t w_est; /* 4.3: what Reno would have */
	uint32_t prior; /* cwnd before the last loss */
	uint32_t k_ms;
	uint32_t est_part;
	bool timed_out;
	struct tcp_hystart hystart;
};

static_assert(sizeof(struct cubic) <= TCP_CC_WORDS * 8, "the state fits its place");

static struct cubic *cubic_of(struct tcp_pcb *p)
{
	return (struct cubic *)p->cc_words;
}

static uint32_t cube_root(uint64_t x)
{
	uint64_t root = 0;

	for (int bit = 20; bit >= 0; bit--) {
		uint64_t try = root | (uint64_t)1 << bit;

		if (try * try * try <= x)
			root = try;
	}
	return (uint32_t)root;
}

static void cubic_init(struct tcp_pcb *p)
{
	memset(p->cc_words, 0, sizeof(p->cc_words));
	tcp_hystart_init(&cubic_of(p)->hystart, p);
}

/* 4.2: a new epoch starts at the present window. */
static void begin(struct tcp_pcb *p, struct cubic *c)
{
	c->epoch = tcp_now(p);
	c->last = c->epoch;
	c->part = 0;
	c->est_part = 0;
	c->w_est = p->cwnd;
	c->k_ms = 0;
	/* 4.8: after a timeout, or without a loss to look back to, the plateau is here. */
	if (c->timed_out || c->w_max <= p->cwnd)
		c->w_max = p->cwnd;
	else
		c->k_ms = cube_root((uint64_t)(c->w_max - p->cwnd) * 2500000000u / p->mss);
	c->timed_out = false;
}

/* Eqn 1, in bytes. */
static int64_t w_cubic(const struct tcp_pcb *p, const struct cubic *c, int64_t t_ms)
{
	int64_t d = t_ms - (int64_t)c->k_ms;

	if (d > SPAN_MAX_MS)
		d = SPAN_MAX_MS;
	if (d < -SPAN_MAX_MS)
		d = -SPAN_MAX_MS;
	return (int64_t)c->w_max + d * d * d / 10 * 4 / 1000000000 * p->mss +
	       d * d * d / 10 * 4 % 1000000000 * p->mss / 1000000000;
}

/* Eqn 4: alpha is 3 (1 - beta) / (1 + beta) = 9/17 until the old window is reached, then 1. */
static void estimate(struct tcp_pcb *p, struct cubic *c, uint32_t acked)
{
	uint64_t grow = (uint64_t)acked * p->mss;

	if (c->w_est < c->prior)
		grow = grow * 9 / 17;
	grow += c->est_part;
	c->w_est += (uint32_t)(grow / p->cwnd);
	c->est_part = (uint32_t)(grow % p->cwnd);
}

static void cubic_acked(struct tcp_pcb *p, uint32_t acked)
{
	struct cubic *c = cubic_of(p);
	vs_time now = tcp_now(p);
	int64_t t_ms, target;

	if (p->cwnd < p->ssthresh) {
		acked = tcp_hystart_acked(&c->hystart, p, acked);
		if (!acked)
			return;
	}
	if (!c->epoch)
		begin(p, c);
	/* 5.8: time in which the window was not in the way does not count. */
	if (now - c->last > p->srtt)
		c->epoch += now - c->last - p->srtt;
	c->last = now;
	estimate(p, c, acked);
	t_ms = (now - c->epoch) / VS_MSEC;
	if (w_cubic(p, c, t_ms) < c->w_est) {
		p->cwnd = tcp_max(p->cwnd, c->w_est);
		return;
	}
	/* 4.4 and 4.5: towards where the curve is a round trip ahead. */
	target = w_cubic(p, c, t_ms + p->srtt / VS_MSEC);
	if (target > (int64_t)p->cwnd * 3 / 2)
		target = (int64_t)p->cwnd * 3 / 2;
	if (target <= p->cwnd)
		return;
	c->part += (uint64_t)(target - p->cwnd) * acked;
	acked = (uint32_t)(c->part / p->cwnd);
	c->part -= (uint64_t)acked * p->cwnd;
	p->cwnd += acked;
}

/* 4.6 and 4.7 (fast convergence). */
static uint32_t cubic_lost(struct tcp_pcb *p, uint32_t flight)
{
	struct cubic *c = cubic_of(p);

	(void)flight;
	c->epoch = 0;
	c->prior = p->cwnd;
	c->w_max = p->cwnd < c->w_max ? (uint32_t)((uint64_t)p->cwnd * 17 / 20) : p->cwnd;
	/* cwnd, not what was in flight: it grows only while it is in the way. As Linux. */
	return tcp_max((uint32_t)((uint64_t)p->cwnd * 7 / 10), 2u * p->mss);
}

static void cubic_timeout(struct tcp_pcb *p)
{
	struct cubic *c = cubic_of(p);

	c->timed_out = true;
	tcp_hystart_init(&c->hystart, p);
}

static void cubic_rtt(struct tcp_pcb *p, vs_time rtt)
{
	if (p->cwnd < p->ssthresh)
		tcp_hystart_rtt(&cubic_of(p)->hystart, p, rtt);
}

const struct tcp_cc tcp_cubic = {
	.name = "cubic",
	.init = cubic_init,
	.acked = cubic_acked,
	.lost = cubic_lost,
	.rtt = cubic_rtt,
	.timeout = cubic_timeout,
};
