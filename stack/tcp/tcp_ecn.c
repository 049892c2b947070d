/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Explicit Congestion Notification, RFC 3168: routers mark (CE) instead of dropping, the receiver
 * echoes it (ECE) until the sender says that it has slowed down (CWR).
 */
#include "stack/tcp/tcp_impl.h"

#define ECN_MASK 3
#define CE	 3

/* 6.1.1: asks in a SYN if tcp_ecn is 1, answers in a SYN-ACK. A SYN that was lost may have met a
 * middlebox that does not like the bits: the next goes without (6.1.1.1).
 */
void tcp_ecn_syn(const struct tcp_pcb *p, struct wire_tcp *h)
{
	const struct tcp_settings *set = tcp_settings(p);

	if (h->flags & WIRE_TCP_ACK) {
		if (p->ecn_on)
			h->flags |= WIRE_TCP_ECE;
	} else if (set->ecn == 1 && !(p->timeouts && set->ecn_fallback)) {
		h->flags |= WIRE_TCP_ECE | WIRE_TCP_CWR;
	}
}

/* A SYN asks with both bits; a SYN-ACK agrees with ECE alone. */
void tcp_ecn_agree(struct tcp_pcb *p, const struct wire_tcp *syn)
{
	const struct tcp_settings *set = tcp_settings(p);
	uint8_t bits = syn->flags & (WIRE_TCP_ECE | WIRE_TCP_CWR);

	if (syn->flags & WIRE_TCP_ACK)
		p->ecn_on = set->ecn == 1 && !(p->timeouts && set->ecn_fallback) &&
			    bits == WIRE_TCP_ECE;
	else
		p->ecn_on = set->ecn && bits == (WIRE_TCP_ECE | WIRE_TCP_CWR);
}

/* 6.1.3: data have come, in order or not. */
void tcp_ecn_data(struct tcp_pcb *p, const struct tcp_in *in)
{
	if (in->h.flags & WIRE_TCP_CWR)
		p->ecn_echo = false;
	if (in->ip->ip->tclass & ECN_MASK)
		p->account.ecn_seen = true;
	if ((in->ip->ip->tclass & ECN_MASK) != CE)
		return;
	if (!p->ecn_echo)
		p->ack_now = true;
	p->ecn_echo = true;
}

/* 6.1.2: a mark is a loss that needs no retransmission. Called once a window at most. */
bool tcp_ecn_acked(struct tcp_pcb *p, uint8_t flags, uint32_t flight)
{
	if (!(flags & WIRE_TCP_ECE) || p->recovery != TCP_OPEN || (flags & WIRE_TCP_SYN))
		return false;
	p->undo_armed = false;
	p->ssthresh = tcp_cc(p)->lost(p, tcp_min(flight, p->cwnd));
	p->cwnd_acked = 0;
	tcp_prr_cwr(p, flight);
	p->cwr_seq = p->snd_nxt;
	p->cwr_due = true;
	stk_count(p->stk, STK_TcpEcnReduced);
	tcp_sample(p, TCP_EVENT_RECOVERY, p->snd_una, 0);
	return true;
}
