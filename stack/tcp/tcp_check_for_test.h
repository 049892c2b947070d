/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is true of a connection between any two events, for fuzz targets. */
#ifndef VSQ_TCP_TCP_CHECK_FOR_TEST_H
#define VSQ_TCP_TCP_CHECK_FOR_TEST_H

#include "stack/tcp/tcp_impl.h"

static inline void tcp_check(const struct tcp_pcb *p)
{
	uint32_t sacked = 0, lost = 0, again = 0;

	if (p->state <= TCP_SYN_SENT || p->state == TCP_SYN_RECEIVED)
		return;
	vs_assert(wire_seq_leq(p->snd_una, p->snd_nxt));
	for (uint32_t i = 0; i < p->board.count; i++) {
		const struct tcp_sent *r = tcp_sent_at(p, i);

		vs_assert(wire_seq_lt(r->seq, r->end));
		vs_assert(i ? r->seq == tcp_sent_at(p, i - 1)->end : r->seq == p->snd_una);
		sacked += r->flags & TCP_SENT_SACKED ? r->end - r->seq : 0;
		lost += r->flags & TCP_SENT_LOST ? r->end - r->seq : 0;
		again += r->flags & TCP_SENT_AGAIN ? r->end - r->seq : 0;
	}
	vs_assert(sacked == p->board.sacked && lost == p->board.lost && again == p->board.again);
	for (uint32_t i = 0; i < p->rcv.ranges_count; i++) {
		vs_assert(wire_seq_lt(p->rcv_nxt, p->rcv.ranges[i].left));
		vs_assert(wire_seq_lt(p->rcv.ranges[i].left, p->rcv.ranges[i].right));
		vs_assert(!i || wire_seq_lt(p->rcv.ranges[i - 1].right, p->rcv.ranges[i].left));
	}
	if (p->snd_nxt != p->snd_una && p->state != TCP_TIME_WAIT)
		vs_assert(p->deadline[TCP_DEADLINE_RETRANSMIT] != VS_NEVER);
}

#endif
