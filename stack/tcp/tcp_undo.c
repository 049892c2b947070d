/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Taking back what was needless. A reduction is remembered with the windows before it; it is undone
 * when it turns out that nothing was lost:
 *
 *      Eifel (RFC 3522, 4015)   an ACK echoes a timestamp older than the first retransmission's
 *      DSACK (RFC 2883, 3708)   every retransmission was reported as a duplicate
 *      F-RTO (RFC 5682)         after a timeout, an original arrives that never left again
 */
#include "stack/tcp/tcp_impl.h"

/* What left again before this reduction and is not yet answered will be, and its ACK must not look
 * like that of an original: the first of its copies is the first retransmission.
 */
static void remember_copies(struct tcp_pcb *p)
{
	vs_time first = VS_NEVER;

	for (uint32_t i = 0; i < p->board.count; i++) {
		const struct tcp_sent *r = tcp_sent_at(p, i);

		if ((r->flags & (TCP_SENT_REPEATED | TCP_SENT_SACKED)) != TCP_SENT_REPEATED)
			continue;
		p->undo_again += r->times;
		first = vs_time_min(first, r->at);
	}
	p->undo_sent = first != VS_NEVER;
	if (p->undo_sent)
		p->undo_ts = tcp_ts_at(p, first);
}

void tcp_undo_arm(struct tcp_pcb *p)
{
	p->undo_armed = true;
	p->undo_again = 0;
	remember_copies(p);
	p->undo_cwnd = p->cwnd;
	p->undo_ssthresh = p->ssthresh;
}

void tcp_undo_sent(struct tcp_pcb *p)
{
	if (!p->undo_armed)
		return;
	p->undo_again++;
	if (p->undo_sent)
		return;
	p->undo_sent = true;
	p->undo_ts = tcp_ts_now(p);
}

void tcp_undo_dsack(struct tcp_pcb *p, const struct wire_tcp_sack *block)
{
	if (p->undo_armed && p->undo_again && wire_seq_leq(block->right, p->snd_nxt))
		p->undo_again--;
}

void tcp_undo(struct tcp_pcb *p)
{
	p->undo_armed = false;
	p->cwnd = tcp_max(p->cwnd, p->undo_cwnd);
	p->ssthresh = tcp_max(p->ssthresh, p->undo_ssthresh);
	p->cwnd_acked = 0;
	p->cwr_due = false;
	p->cwr = false;
	p->backoff = 0;
	if (p->recovery == TCP_OPEN)
		return;
	tcp_sent_none_lost(p);
	/* leave() would end a recovery at ssthresh. */
	p->recovery = TCP_LOSS;
	tcp_recovery_leave(p);
}

bool tcp_undo_try(struct tcp_pcb *p, bool advanced)
{
	if (!p->undo_armed || !p->undo_sent)
		return false;
	if (advanced && p->rack.has_ecr && p->rack.ecr && wire_seq_lt(p->rack.ecr, p->undo_ts)) {
		stk_count(p->stk, STK_TcpFullUndo);
	} else if (!p->undo_again && p->rack.dsack) {
		stk_count(p->stk, STK_TcpDsackUndo);
	} else {
		return false;
	}
	if (p->recovery == TCP_LOSS)
		stk_count(p->stk, STK_TcpSpuriousRtos);
	else if (p->recovery == TCP_RECOVERY)
		p->rack.reordered = true; /* it came late, behind what had left after it */
	tcp_undo(p);
	return true;
}

/* RFC 5682 2.1 and 3.1, (1): called before recover moves. */
void tcp_frto_timeout(struct tcp_pcb *p, bool first)
{
	p->frto = tcp_settings(p)->frto && (first || p->timeouts > 1) ? TCP_FRTO_WAIT
								      : TCP_FRTO_NONE;
}

bool tcp_frto_acked(struct tcp_pcb *p, const struct tcp_acked *a)
{
	if (p->frto == TCP_FRTO_NONE)
		return false;
	/* (3) b: it was there all the time. */
	if (p->original && p->undo_armed) {
		stk_count(p->stk, STK_TcpSpuriousRtos);
		tcp_undo(p);
		return true;
	}
	if (p->frto == TCP_FRTO_NEW) {
		/* (3) a: the loss is real, and the two new ones may not keep it waiting. */
		if (a->sacked || a->duplicate) {
			p->frto = TCP_FRTO_NONE;
			p->cwnd = tcp_max(p->cwnd, 3u * p->mss);
		}
		return false;
	}
	/* (2) */
	if (a->bytes && wire_seq_lt(p->snd_una, p->recover))
		p->frto = TCP_FRTO_NEW;
	else if (a->duplicate)
		p->frto = TCP_FRTO_NONE;
	return false;
}
