/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an acceptable acknowledgement changes: RFC 9293 3.10.7.4's fifth step in ESTABLISHED. */
#include "stack/tcp/tcp_impl.h"

/* Sequence numbers that are only compared must not fall 2^31 behind. */
static void follow(uint32_t *seq, uint32_t una)
{
	if (wire_seq_lt(*seq, una))
		*seq = una;
}

/* RFC 7323 4: the echo tells which copy was answered, where Karn's rule cannot. */
static void measure_echo(struct tcp_pcb *p, const struct tcp_in *in)
{
	uint32_t ms = tcp_ts_now(p) - in->h.ts_ecr;

	if (p->ts_on && in->h.has_timestamp && in->h.ts_ecr &&
	    ms < (uint32_t)(TCP_RTO_MAX / VS_MSEC))
		tcp_rtt_sample(p, ms * VS_MSEC);
}

/* The window after the handshake, RFC 6928 and RFC 5681 3.1: one segment if the SYN was lost. */
void tcp_transfer_start(struct tcp_pcb *p, bool syn_lost)
{
	tcp_mss_update(p);
	tcp_mtu_start(p);
	p->cwnd = syn_lost ? p->mss : tcp_settings(p)->initial_cwnd * p->mss;
	p->ssthresh = INT32_MAX;
	memset(&p->rack, 0, sizeof(p->rack)); /* it may have been a listener's */
	p->recover = p->snd_una;
	p->cwr_seq = p->snd_una;
	p->lost_seq = p->snd_una;
	p->again_seq = p->snd_una;
	p->snd_sml = p->snd_una;
	p->flight_max_end = p->snd_una;
	tcp_cc(p)->init(p);
}

void tcp_established(struct tcp_pcb *p, const struct tcp_in *in)
{
	bool syn_lost = p->timeouts > 0;

	/* A child of fast open has begun before. */
	if (!p->fastopen_child)
		tcp_transfer_start(p, syn_lost);
	if (p->sent_at == VS_NEVER) {
		p->sent_at = tcp_now(p); /* by a cookie: nobody knows when our SYN left */
	} else if (!syn_lost) {
		tcp_rtt_sample(p, tcp_now(p) - p->stalled_at);
	} else {
		measure_echo(p, in); /* it lets a probe (TLP) come before the timeout */
		p->rto = 3 * VS_SEC; /* RFC 6298 5.7 */
	}
	/* Our SYN has arrived; only a client's counts as a byte. As Linux. */
	p->account.delivered++;
	p->account.bytes_acked += !p->passive;
	p->timeouts = 0;
	p->backoff = 0;
	tcp_deadline_clear(p, TCP_DEADLINE_RETRANSMIT);
	p->snd_wl1 = in->h.seq;
	p->snd_wl2 = in->h.ack;
	p->so.error = 0;
	tcp_state_set(p, TCP_ESTABLISHED);
	tcp_keepalive_restart(p);
}

/* SND.WND, by the rule that an old segment must not move it back. */
void tcp_window_arrives(struct tcp_pcb *p, const struct tcp_in *in)
{
	uint32_t wnd = tcp_in_window(p, in);

	if (!(wire_seq_lt(p->snd_wl1, in->h.seq) ||
	      (p->snd_wl1 == in->h.seq && wire_seq_leq(p->snd_wl2, in->h.ack))))
		return;
	p->snd_wnd = wnd;
	p->snd_wl1 = in->h.seq;
	p->snd_wl2 = in->h.ack;
	if (wnd > p->snd_wnd_max)
		p->snd_wnd_max = wnd;
}

static void measure(struct tcp_pcb *p, const struct tcp_in *in, vs_time sent_at)
{
	/* What came twice made the peer answer, and is not what its timestamp echoes: segments
	 * outside the window leave TS.Recent alone (RFC 7323 5.3 R2). When ACKs were lost, the time
	 * since the originals left is that of our timeouts, not of the path.
	 */
	if (p->rack.dsack)
		return;
	if (sent_at != VS_NEVER) {
		tcp_rtt_sample(p, tcp_now(p) - sent_at);
		return;
	}
	measure_echo(p, in);
}

static void advance(struct tcp_pcb *p, const struct tcp_in *in)
{
	uint32_t ack = in->h.ack;
	bool round = wire_seq_lt(p->rtt_round, ack);
	vs_time sent_at = tcp_sent_acked(p, ack);

	tcp_sndbuf_acked(p, ack);
	p->account.bytes_acked += ack - p->snd_una;
	p->snd_una = ack;
	p->timeouts = 0;
	p->push_now = false;
	follow(&p->recover, ack);
	follow(&p->cwr_seq, ack);
	follow(&p->lost_seq, ack);
	follow(&p->again_seq, ack);
	follow(&p->snd_sml, ack);
	follow(&p->flight_max_end, ack);
	follow(&p->rack.dsack_round, ack);
	if (p->rack.fack_valid)
		follow(&p->rack.fack, ack);
	measure(p, in, sent_at);
	tcp_mtu_acked(p);
	if (p->eor)
		tcp_eor_acked(p);
	if (p->snd_urgent)
		tcp_urgent_acked(p);
	if (round) {
		follow(&p->rtt_round, ack);
		neigh_confirm(p->stk, tcp_now(p), &p->path);
	}
}

/* An ACK that was overtaken still tells what it SACKs. */
void tcp_ack_late(struct tcp_pcb *p, const struct tcp_in *in)
{
	struct tcp_acked a = {.flight = p->snd_nxt - p->snd_una};

	if (!p->sack_on || !in->h.sacks || p->recovery == TCP_LOSS)
		return;
	p->original = false;
	p->rack.dsack = false;
	p->rack.reordered_now = false;
	p->rack.has_ecr = false;
	p->rack.fack_before = p->rack.fack_valid ? p->rack.fack : p->snd_una;
	a.sacked = tcp_sack_arrives(p, &in->h);
	a.delivered = a.sacked;
	if (a.sacked)
		tcp_recovery_acked(p, &a);
}

void tcp_ack_arrives(struct tcp_pcb *p, const struct tcp_in *in)
{
	uint32_t wnd = p->snd_wnd, una = p->snd_una;
	uint32_t sacked = p->board.sacked;
	struct tcp_acked a = {.flight = p->snd_nxt - una};
	/* RFC 3168 6.1.2: what left before the last reduction is of its window, all of it. */
	bool round = wire_seq_lt(p->cwr_seq, in->h.ack);

	p->original = false;
	p->account.ack_received_at = tcp_now(p);
	p->rack.dsack = false;
	p->rack.reordered_now = false;
	p->rack.slow = false;
	p->rack.fack_before = p->rack.fack_valid ? p->rack.fack : una;
	p->rack.has_ecr = p->ts_on && in->h.has_timestamp;
	p->rack.ecr = in->h.ts_ecr;
	if (p->sack_on && (in->h.sacks || p->sacks_seen))
		a.sacked = tcp_sack_arrives(p, &in->h);
	tcp_window_arrives(p, in);
	/* RFC 5681 2, duplicate acknowledgement, (a) to (e). */
	a.duplicate =
		in->h.ack == una && p->snd_nxt != una && in->end == in->h.seq && wnd == p->snd_wnd;
	a.bytes = in->h.ack - una;
	if (a.bytes)
		advance(p, in);
	a.delivered = a.bytes + p->board.sacked - sacked;
	/* Without SACK duplicates have told of most of it. */
	if (!p->sack_on && p->dup_bytes && a.bytes)
		a.delivered = a.bytes > p->dup_bytes + p->mss ? a.bytes - p->dup_bytes
							      : tcp_min(a.bytes, p->mss);
	a.marked = p->ecn_on && round && tcp_ecn_acked(p, in->h.flags, a.flight);
	/* A probe that is answered may go on for ever (RFC 9293 3.8.6.1). */
	if (p->probing) {
		p->timeouts = 0;
		/* What now may leave is not late for having waited so long. */
		if (p->snd_wnd)
			p->backoff = 0;
	}
	if (!a.bytes && !a.sacked && !a.duplicate && !p->rack.dsack) {
		if (p->snd_wnd != wnd)
			tcp_sample(p, TCP_EVENT_DUPLICATE, p->snd_una, 0);
		return;
	}
	tcp_recovery_acked(p, &a);
	/* RFC 6298 5.3; RFC 6582 4's impatient variant. */
	if (!a.bytes) {
		/* What left before the first was sent again has only now arrived: the path is that
		 * slow, and nothing can be said yet of the copy (5.3, of what SACK acknowledges).
		 */
		if (p->rack.slow)
			tcp_deadline_set(p, TCP_DEADLINE_RETRANSMIT, tcp_now(p) + tcp_rto(p));
		/* The first tells of disorder; what the others do is seen when something leaves. */
		if (p->snd_wnd != wnd || (p->sack_on ? !sacked : p->dupacks == 1))
			tcp_sample(p, TCP_EVENT_DUPLICATE, p->snd_una, 0);
		return;
	}
	if (p->snd_una == p->snd_nxt)
		tcp_deadline_clear(p, TCP_DEADLINE_RETRANSMIT);
	else if (p->recovery != TCP_RECOVERY || p->sack_on || !p->partial_seen)
		tcp_deadline_set(p, TCP_DEADLINE_RETRANSMIT, tcp_now(p) + tcp_rto(p));
	p->partial_seen = true;
	tcp_tlp_schedule(p);
	tcp_sample(p, TCP_EVENT_ACK, p->snd_una, a.bytes);
}
