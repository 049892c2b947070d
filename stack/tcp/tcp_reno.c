/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reno's congestion avoidance: RFC 5681 3.1, counting bytes (RFC 3465). */
#include "stack/tcp/tcp_impl.h"

static void reno_init(struct tcp_pcb *p)
{
	p->cwnd_acked = 0;
}

static void reno_acked(struct tcp_pcb *p, uint32_t acked)
{
	if (p->cwnd < p->ssthresh) {
		uint32_t room = p->ssthresh - p->cwnd;

		if (acked <= room) {
			p->cwnd += acked;
			return;
		}
		p->cwnd = p->ssthresh;
		acked -= room;
	}
	/* A segment for each window acknowledged (RFC 5681 eqn 3, exact). */
	p->cwnd_acked += acked;
	while (p->cwnd_acked >= p->cwnd) {
		p->cwnd_acked -= p->cwnd;
		p->cwnd += p->mss;
	}
}

/* RFC 5681 eqn 4. */
static uint32_t reno_lost(struct tcp_pcb *p, uint32_t flight)
{
	return tcp_max(flight / 2, 2u * p->mss);
}

const struct tcp_cc tcp_reno = {
	.name = "reno",
	.init = reno_init,
	.acked = reno_acked,
	.lost = reno_lost,
};

const struct tcp_cc *tcp_cc_by_index(unsigned index)
{
	switch (index) {
	case 0:
		return &tcp_reno;
	case 1:
		return &tcp_cubic;
	}
	return NULL;
}
