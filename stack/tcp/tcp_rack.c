/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* RACK-TLP, RFC 8985, for connections with SACK. RACK judges by time: a segment is lost when one
 * that left later has arrived and a reordering window has passed. That finds lost retransmissions
 * as well, which counting duplicates (RFC 6675) cannot. TLP asks for a SACK when the tail of a
 * flight is silent, before the timeout would throw the window away.
 */
#include "stack/tcp/tcp_impl.h"

#define REO_PERSIST 16 /* recoveries for which a widened window stays */

bool tcp_rack_on(const struct tcp_pcb *p)
{
	return p->sack_on && (tcp_settings(p)->recovery & 1);
}

/* 6.2 step 2, for a segment that an ACK or a SACK has just reported. */
void tcp_rack_delivered(struct tcp_pcb *p, const struct tcp_sent *r, bool sacked)
{
	struct tcp_rack *k = &p->rack;
	vs_time rtt = tcp_now(p) - r->at;

	if (r->flags & TCP_SENT_REPEATED) {
		uint32_t ts = tcp_ts_at(p, r->at);

		/* The report may be about the copy before. Behind a hole the echo says nothing: the
		 * receiver repeats what came before the hole (RFC 7323 4.3).
		 */
		if (rtt < p->rtt_min || (!sacked && k->has_ecr && wire_seq_lt(k->ecr, ts)))
			return;
	} else if (wire_seq_lt(r->end, k->fack_before)) {
		/* Step 3. What one ACK reports, it may be the first after some that were lost, says
		 * nothing of the order in which it arrived.
		 */
		uint32_t far = (k->fack_before - r->seq + p->mss - 1) / p->mss;

		k->reordered = true;
		p->account.reord_seen += !k->reordered_now;
		k->reordered_now = true;
		if (far > tcp_max(p->account.reordering, TCP_DUP_THRESH))
			p->account.reordering = (uint16_t)tcp_min(far, 300);
	}
	if (!k->fack_valid || wire_seq_lt(k->fack, r->end)) {
		k->fack = r->end;
		k->fack_valid = true;
	}
	k->rtt = rtt;
	if (wire_seq_lt(k->order, r->order)) {
		k->at = r->at;
		k->order = r->order;
	}
}

/* Step 4. */
static vs_time reordering_window(const struct tcp_pcb *p)
{
	const struct tcp_rack *k = &p->rack;
	vs_time window;

	if (!k->reordered &&
	    (p->recovery != TCP_OPEN || p->board.sacked_segments >= TCP_DUP_THRESH))
		return 0;
	if (p->rtt_min == VS_NEVER)
		return 0;
	window = p->rtt_min / 4 * (1 + k->reo_steps);
	return window < p->srtt ? window : p->srtt;
}

/* A duplicate's report: what we sent again was not lost, so wait longer; once a round trip. */
void tcp_rack_dsack(struct tcp_pcb *p)
{
	struct tcp_rack *k = &p->rack;

	k->dsack = true;
	p->account.dsack_dups++;
	k->reo_persist = REO_PERSIST;
	if (wire_seq_lt(p->snd_una, k->dsack_round))
		return;
	k->dsack_round = p->snd_nxt;
	if (k->reo_steps < UINT8_MAX)
		k->reo_steps++;
}

void tcp_rack_recovered(struct tcp_pcb *p)
{
	struct tcp_rack *k = &p->rack;

	if (k->reo_persist && --k->reo_persist == 0)
		k->reo_steps = 0;
}

static void lose(struct tcp_pcb *p, struct tcp_sent *r)
{
	if (r->flags & TCP_SENT_AGAIN) {
		r->flags &= (uint8_t)~TCP_SENT_AGAIN;
		p->board.again -= r->end - r->seq;
		if (wire_seq_lt(r->seq, p->again_seq))
			p->again_seq = r->seq;
	}
	tcp_sent_mark_lost(p, r);
}

/* Past the block of the last ACK that the record lies in, if there is one: to save time. */
static uint32_t past_block(const struct tcp_pcb *p, uint32_t index)
{
	uint32_t seq = tcp_sent_at(p, index)->seq;

	for (unsigned i = 0; i < p->sacks_seen; i++)
		if (wire_seq_leq(p->sack_seen[i].left, seq) &&
		    wire_seq_lt(seq, p->sack_seen[i].right)) {
			uint32_t next = tcp_sent_find(p, p->sack_seen[i].right);

			return next > index ? next : index + 1;
		}
	return index + 1;
}

/* Step 5: marks what is lost, and sets the timer for what may soon be. */
void tcp_rack_detect(struct tcp_pcb *p)
{
	const struct tcp_rack *k = &p->rack;
	vs_time window = reordering_window(p), wait = 0;

	for (uint32_t i = 0; i < p->board.count;) {
		struct tcp_sent *r = tcp_sent_at(p, i);
		vs_time left;

		if (r->flags & TCP_SENT_SACKED) {
			i = past_block(p, i);
			continue;
		}
		i++;
		if ((r->flags & (TCP_SENT_LOST | TCP_SENT_AGAIN)) == TCP_SENT_LOST)
			continue;
		if (!wire_seq_lt(r->order, k->order)) {
			/* What left only once left in order: the rest is younger still. */
			if (!(r->flags & TCP_SENT_REPEATED))
				break;
			continue;
		}
		left = r->at + k->rtt + window - tcp_now(p);
		if (left <= 0)
			lose(p, r);
		else if (left > wait)
			wait = left;
	}
	if (wait)
		tcp_deadline_set(p, TCP_DEADLINE_REORDER, tcp_now(p) + wait);
	else
		tcp_deadline_clear(p, TCP_DEADLINE_REORDER);
}

/* 7.2: when to probe; not while something is known to be missing. Where the timeout would come
 * first, the probe takes its place: a lost tail is then found without giving up the window.
 */
void tcp_tlp_schedule(struct tcp_pcb *p)
{
	vs_time at = tcp_now(p) + (p->srtt ? 2 * p->srtt : VS_SEC);

	tcp_deadline_clear(p, TCP_DEADLINE_PROBE);
	if (p->state < TCP_ESTABLISHED || !tcp_rack_on(p) || !tcp_settings(p)->early_retrans ||
	    p->recovery != TCP_OPEN || p->board.sacked || p->rack.tlp_out ||
	    p->snd_nxt == p->snd_una)
		return;
	/* A lone segment may meet a delayed ACK. */
	if (p->srtt)
		at += p->board.count == 1 ? 200 * VS_MSEC : 2 * VS_MSEC;
	at = vs_time_min(at, p->deadline[TCP_DEADLINE_RETRANSMIT]);
	tcp_deadline_set(p, TCP_DEADLINE_PROBE, at);
}

/* 7.3: new data if there is some, or the last segment once more. */
void tcp_tlp_probe(struct tcp_pcb *p)
{
	struct tcp_rack *k = &p->rack;
	uint32_t nxt = p->snd_nxt, cwnd = p->cwnd;

	if (!p->board.count || p->recovery != TCP_OPEN || k->tlp_out)
		return;
	p->cwnd = tcp_in_flight(p) + p->mss;
	tcp_output(p);
	p->cwnd = cwnd;
	k->tlp_again = p->snd_nxt == nxt;
	if (k->tlp_again &&
	    !tcp_resend(p, tcp_sent_at(p, p->board.count - 1), TCP_REASON_TLP))
		return;
	k->tlp_out = true;
	k->tlp_end = p->snd_nxt;
	tcp_deadline_clear(p, TCP_DEADLINE_PROBE);
	tcp_deadline_set(p, TCP_DEADLINE_RETRANSMIT, tcp_now(p) + tcp_rto(p));
}

/* 7.4: the probe may itself have repaired a loss, which must count as one. */
bool tcp_tlp_acked(struct tcp_pcb *p, bool duplicate)
{
	struct tcp_rack *k = &p->rack;

	if (!k->tlp_out || wire_seq_lt(p->snd_una, k->tlp_end))
		return false;
	if (!k->tlp_again || k->dsack) {
		k->tlp_out = false;
		return false;
	}
	if (wire_seq_lt(k->tlp_end, p->snd_una)) {
		k->tlp_out = false;
		return true;
	}
	if (duplicate)
		k->tlp_out = false;
	return false;
}
