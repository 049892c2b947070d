/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loss recovery: fast retransmit and fast recovery with SACK (RFC 6675) and without (RFC 5681,
 * 6582), and what follows a timeout (RFC 6298 5.4-5.6, RFC 5681 eqn 4).
 *
 * Without SACK every duplicate ACK says that a full segment has arrived somewhere: dup_bytes
 * shrinks what counts as in flight, which is the same as NewReno's inflated window, and leaves
 * cwnd to mean one thing.
 */
#include "stack/tcp/tcp_impl.h"

uint32_t tcp_in_flight(const struct tcp_pcb *p)
{
	const struct tcp_board *b = &p->board;
	uint32_t gone = b->sacked + b->lost + p->dup_bytes;
	uint32_t out = p->snd_nxt - p->snd_una + b->again;

	return out > gone ? out - gone : 0;
}

static void dup_bytes_set(struct tcp_pcb *p, uint32_t bytes)
{
	uint32_t out = p->snd_nxt - p->snd_una;

	/* The first segment is missing, or the ACK would have been none. */
	out = out > p->mss ? out - p->mss : 0;
	p->dup_bytes = tcp_min(bytes, out);
}

bool tcp_retransmit_first(struct tcp_pcb *p, enum tcp_reason reason)
{
	struct tcp_sent *r;

	if (!p->board.count)
		return false;
	r = tcp_sent_at(p, 0);
	if (!tcp_resend(p, r, reason))
		return false;
	p->again_seq = tcp_sent_at(p, 0)->end;
	return true;
}

/* The first that is lost and has not left again. */
static void retransmit_lost(struct tcp_pcb *p)
{
	for (uint32_t i = 0; i < p->board.count; i++) {
		struct tcp_sent *r = tcp_sent_at(p, i);

		if ((r->flags & (TCP_SENT_LOST | TCP_SENT_AGAIN)) != TCP_SENT_LOST)
			continue;
		if (tcp_resend(p, r, tcp_rack_on(p) ? TCP_REASON_RACK : TCP_REASON_FAST))
			p->again_seq = tcp_sent_at(p, i)->end;
		return;
	}
}

static void mark_lost(struct tcp_pcb *p)
{
	if (tcp_rack_on(p))
		tcp_rack_detect(p);
	else if (p->board.sacked)
		tcp_sack_mark_lost(p);
}

static void enter(struct tcp_pcb *p, const struct tcp_acked *a)
{
	if (p->recovery == TCP_OPEN)
		tcp_undo_arm(p);
	p->recovery = TCP_RECOVERY;
	p->cwr = false;
	p->recover = p->snd_nxt;
	p->partial_seen = false;
	p->rescued = false;
	/* RFC 3168 6.1.2: a mark and a loss in one window are one event. */
	if (!wire_seq_lt(p->snd_una, p->cwr_seq))
		p->ssthresh = tcp_cc(p)->lost(p, tcp_min(a->flight, p->cwnd));
	p->cwr_due = p->ecn_on;
	p->cwnd_acked = 0;
	stk_count(p->stk, p->sack_on ? STK_TcpSackRecovery : STK_TcpRenoRecovery);
	if (!p->board.lost)
		tcp_sent_mark_lost(p, tcp_sent_at(p, 0));
	if (p->sack_on)
		tcp_prr_enter(p, a);
	else
		p->cwnd = p->ssthresh;
	tcp_deadline_clear(p, TCP_DEADLINE_PROBE);
	tcp_sample(p, TCP_EVENT_RECOVERY, p->snd_una, 0);
	/* RFC 6675 5 (4.3), RFC 5681 3.2 (3): the first leaves whatever the window says. */
	retransmit_lost(p);
	tcp_deadline_set(p, TCP_DEADLINE_RETRANSMIT, tcp_now(p) + tcp_rto(p));
}

static void leave(struct tcp_pcb *p)
{
	uint32_t flight = tcp_in_flight(p);

	if (p->recovery == TCP_RECOVERY) {
		/* RFC 6582 3.2 (3) option 1, against a burst. */
		p->cwnd = p->ssthresh;
		if (!p->sack_on)
			p->cwnd = tcp_min(p->ssthresh, tcp_max(flight, p->mss) + p->mss);
	}
	p->recovery = TCP_OPEN;
	p->frto = TCP_FRTO_NONE;
	p->dupacks = 0;
	p->dup_bytes = 0;
	p->cwnd_limited = true;
	tcp_rack_recovered(p);
	tcp_sample(p, TCP_EVENT_RECOVERY, p->snd_una, 0);
}

void tcp_recovery_leave(struct tcp_pcb *p)
{
	leave(p);
}

/* The window shrinks after a mark; the reduction ends when what left after it has arrived. */
static void cwr_acked(struct tcp_pcb *p, const struct tcp_acked *a)
{
	if (a->bytes && wire_seq_leq(p->cwr_seq, p->snd_una)) {
		p->cwnd = p->ssthresh;
		p->cwr = false;
	} else if (a->delivered) {
		tcp_prr_acked(p, a->delivered, a->bytes > 0);
	}
}

static void open_acked(struct tcp_pcb *p, const struct tcp_acked *a)
{
	if (a->bytes) {
		p->dupacks = 0;
		p->dup_bytes = 0;
	} else if (a->duplicate || a->sacked) {
		if (p->dupacks < UINT8_MAX)
			p->dupacks++;
		if (!p->sack_on)
			dup_bytes_set(p, p->dup_bytes + p->mss);
	}
	if (p->sack_on && p->board.sacked)
		mark_lost(p);
	if (!p->board.count)
		return;
	if (!p->board.lost && (p->dupacks < TCP_DUP_THRESH || tcp_rack_on(p)))
		return;
	/* RFC 6582 3.2 (2): not again for what a timeout has sent again. */
	if (!p->sack_on && wire_seq_lt(p->snd_una, p->recover))
		return;
	if (!tcp_mtu_probe_lost(p))
		enter(p, a);
}

static void recovery_acked(struct tcp_pcb *p, const struct tcp_acked *a)
{
	if (!p->sack_on) {
		uint32_t bytes = p->dup_bytes;

		if (a->bytes)
			bytes = bytes + p->mss > a->bytes ? bytes + p->mss - a->bytes : 0;
		else if (a->duplicate)
			bytes += p->mss;
		dup_bytes_set(p, bytes);
	}
	if (tcp_undo_try(p, a->bytes > 0))
		return;
	if (wire_seq_leq(p->recover, p->snd_una)) {
		leave(p);
		return;
	}
	if (p->sack_on) {
		uint32_t flight = tcp_in_flight(p);

		mark_lost(p);
		/* The first is missing still: a partial ACK says so without SACK's help. */
		if (a->bytes && !p->board.sacked && !tcp_rack_on(p))
			tcp_sent_mark_lost(p, tcp_sent_at(p, 0));
		tcp_prr_acked(p, a->delivered, a->bytes && tcp_in_flight(p) >= flight);
	} else if (a->bytes) {
		/* RFC 6582 3.2 (3): a partial ACK: the next one is lost as well. */
		tcp_sent_mark_lost(p, tcp_sent_at(p, 0));
		if (!(tcp_sent_at(p, 0)->flags & TCP_SENT_AGAIN))
			tcp_retransmit_first(p, TCP_REASON_PARTIAL);
	}
}

void tcp_recovery_reorder(struct tcp_pcb *p)
{
	tcp_rack_detect(p);
	if (p->recovery == TCP_OPEN && p->board.lost && !tcp_mtu_probe_lost(p)) {
		struct tcp_acked a = {.flight = p->snd_nxt - p->snd_una};

		enter(p, &a);
	}
	tcp_output(p);
}

void tcp_recovery_acked(struct tcp_pcb *p, const struct tcp_acked *a)
{
	/* What SACKs report counts in slow start too once the path is known to reorder. */
	bool grows = (a->bytes || p->account.reordering) && a->delivered && !a->marked;

	if (tcp_tlp_acked(p, a->duplicate && !a->sacked) && p->recovery == TCP_OPEN) {
		/* RFC 8985 7.4.2: one segment was lost, and has been repaired. */
		p->ssthresh = tcp_cc(p)->lost(p, tcp_min(a->flight, p->cwnd));
		p->cwnd = p->ssthresh;
		p->cwnd_acked = 0;
	}
	switch ((enum tcp_recovery)p->recovery) {
	case TCP_OPEN:
		/* Late reports that all was there twice undo as well. */
		tcp_undo_try(p, false);
		if (p->cwr) {
			cwr_acked(p, a);
			grows = false;
		}
		open_acked(p, a);
		break;
	case TCP_RECOVERY:
		recovery_acked(p, a);
		grows = false;
		break;
	case TCP_LOSS:
		if (tcp_undo_try(p, a->bytes > 0) || tcp_frto_acked(p, a))
			break;
		if (wire_seq_leq(p->recover, p->snd_una))
			leave(p);
		else if (p->sack_on)
			mark_lost(p);
		break;
	}
	/* Only a window that was in the way may grow (RFC 7661 2; Linux's rule in slow start). */
	if (p->cwnd < p->ssthresh)
		grows = grows && (p->cwnd < 2 * p->flight_max || p->cwnd_limited);
	else
		grows = grows && p->cwnd_limited;
	if (grows && p->recovery != TCP_RECOVERY)
		tcp_cc(p)->acked(p, a->delivered);
}

void tcp_recovery_timeout(struct tcp_pcb *p)
{
	bool first = p->recovery != TCP_LOSS;

	if (p->recovery == TCP_OPEN)
		tcp_undo_arm(p);
	/* RFC 5681 eqn 4: once for each loss, however often the same segment times out. */
	if (p->recovery == TCP_OPEN || (p->recovery == TCP_RECOVERY && p->timeouts <= 1) ||
	    !(tcp_sent_at(p, 0)->flags & TCP_SENT_REPEATED)) {
		p->ssthresh = tcp_cc(p)->lost(p, tcp_min(p->snd_nxt - p->snd_una, p->cwnd));
		if (tcp_cc(p)->timeout)
			tcp_cc(p)->timeout(p);
	}
	p->cwnd = p->mss;
	p->cwnd_acked = 0;
	p->cwnd_limited = true;
	p->cwr = false;
	p->cwr_due = p->ecn_on;
	p->recovery = TCP_LOSS;
	tcp_frto_timeout(p, first);
	p->recover = p->snd_nxt;
	p->dupacks = 0;
	p->dup_bytes = 0;
	tcp_sent_all_lost(p);
	p->rack.tlp_out = false;
	tcp_deadline_clear(p, TCP_DEADLINE_PROBE);
	tcp_deadline_clear(p, TCP_DEADLINE_REORDER);
	tcp_sample(p, TCP_EVENT_RECOVERY, p->snd_una, 0);
}

/* Rule 1 of RFC 6675's NextSeg(), and what a timeout marked. */
void tcp_recovery_send(struct tcp_pcb *p)
{
	enum tcp_reason reason = p->recovery == TCP_LOSS ? TCP_REASON_LOSS
				 : tcp_rack_on(p)	 ? TCP_REASON_RACK
							 : TCP_REASON_PRR;

	if (p->board.lost <= 0)
		return;
	for (uint32_t i = tcp_sent_find(p, p->again_seq); i < p->board.count; i++) {
		struct tcp_sent *r = tcp_sent_at(p, i);

		if (!(r->flags & TCP_SENT_LOST) || (r->flags & TCP_SENT_AGAIN)) {
			p->again_seq = r->end;
			continue;
		}
		if (tcp_in_flight(p) + tcp_min(p->mss, r->end - r->seq) > p->cwnd) {
			p->cwnd_limited = true;
			return;
		}
		if (!tcp_resend(p, r, reason))
			return;
		p->again_seq = tcp_sent_at(p, i)->end;
	}
}
