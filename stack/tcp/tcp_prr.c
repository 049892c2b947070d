/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Proportional Rate Reduction, RFC 9937: in fast recovery the window falls to ssthresh by sending
 * in proportion to what arrives, so that the clock of ACKs never stops and no burst follows.
 * For connections with SACK, where what has arrived is known; in bytes.
 */
#include "stack/tcp/tcp_impl.h"

/* 6.2, on entry: what was SACKed before this ACK will not be delivered again. */
void tcp_prr_enter(struct tcp_pcb *p, const struct tcp_acked *a)
{
	uint32_t before = p->board.sacked > a->sacked ? p->board.sacked - a->sacked : 0;

	p->prr_delivered = 0;
	p->prr_out = 0;
	p->prr_flight = tcp_max(p->snd_nxt - p->snd_una + a->bytes - before, 1);
	tcp_prr_acked(p, a->delivered, false);
}

/* Section 4: the window of a mark (ECN) falls in the same way. */
void tcp_prr_cwr(struct tcp_pcb *p, uint32_t flight)
{
	p->cwr = true;
	p->prr_delivered = 0;
	p->prr_out = 0;
	p->prr_flight = tcp_max(flight, 1);
}

/* 6.2, on every ACK. safe: snd_una has advanced and nothing more is lost. */
void tcp_prr_acked(struct tcp_pcb *p, uint32_t delivered, bool safe)
{
	uint32_t flight = tcp_in_flight(p);
	uint64_t may;

	p->prr_delivered += delivered;
	if (flight > p->ssthresh) {
		may = ((uint64_t)p->prr_delivered * p->ssthresh + p->prr_flight - 1) /
		      p->prr_flight;
		may = may > p->prr_out ? may - p->prr_out : 0;
	} else {
		may = p->prr_delivered > p->prr_out ? p->prr_delivered - p->prr_out : 0;
		if (may < delivered)
			may = delivered;
		if (safe)
			may += p->mss;
		if (may > p->ssthresh - flight)
			may = p->ssthresh - flight;
	}
	/* The first retransmission leaves whatever the sums say. */
	if (!p->prr_out && may < p->mss)
		may = p->mss;
	p->cwnd = tcp_max(flight + (uint32_t)may, p->mss);
}
