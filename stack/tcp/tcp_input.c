/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A segment arrives: RFC 9293 3.10.7, its steps in their order, with RFC 7323's PAWS and RFC 5961's
 * defences where they belong. What a peer sends never fails: it is used, answered, or counted.
 */
#include "stack/tcp/tcp_impl.h"

/* Drops the segment, counted. */
static void drop(struct tcp_pcb *p, struct tcp_in *in, enum stk_counter reason)
{
	stk_drop(p->stk, in->ip->ifindex, reason, in->f);
	in->f = NULL;
}

void tcp_challenge(struct tcp_pcb *p)
{
	struct tcp *t = p->stk->tcp;
	vs_time now = tcp_now(p);

	if (now - t->challenge_at >= VS_SEC) {
		t->challenge_at = now;
		t->challenges = 0;
	}
	if (now - p->invalid_at < t->settings.invalid_ratelimit_ms * VS_MSEC)
		return;
	if (t->challenges >= t->settings.challenge_ack_limit)
		return;
	t->challenges++;
	p->invalid_at = now;
	stk_count(p->stk, STK_TcpChallengeAck);
	p->ack_now = true;
}

/* A pure ACK to what lies outside the window, so that two confused ends do not chat (the limit is
 * Linux's); data and SYNs are answered always.
 */
static void answer_unacceptable(struct tcp_pcb *p, const struct tcp_in *in)
{
	vs_time now = tcp_now(p);
	vs_time limit = tcp_settings(p)->invalid_ratelimit_ms * VS_MSEC;

	if (in->end == in->seq) {
		if (now - p->invalid_at < limit)
			return;
		p->invalid_at = now;
	}
	p->ack_now = true;
}

static bool acceptable(const struct tcp_pcb *p, const struct tcp_in *in)
{
	uint32_t edge = p->rcv_nxt + p->rcv_wnd;

	/* With a window of zero the next number still brings valid ACKs and RSTs. */
	if (in->seq == p->rcv_nxt)
		return true;
	/* Who has filled the window acknowledges from its right edge; if what is before was lost,
	 * what it says must not be (Linux accepts it, too).
	 */
	if (in->end == in->seq)
		return wire_seq_lt(p->rcv_nxt, in->seq) && wire_seq_leq(in->seq, edge);
	return wire_seq_lt(p->rcv_nxt, in->end) && wire_seq_lt(in->seq, edge);
}

/* RFC 7323 5.3 R1: an old timestamp, except on RST, unless ours is too old to compare. */
static bool paws_rejects(const struct tcp_pcb *p, const struct tcp_in *in)
{
	return p->ts_on && in->h.has_timestamp && wire_seq_lt(in->h.ts_val, p->ts_recent) &&
	       tcp_now(p) - p->ts_recent_at <= TCP_PAWS_IDLE;
}

/* R3, with RFC 7323 4.3's rule for delayed ACKs. */
static void ts_arrives(struct tcp_pcb *p, const struct tcp_in *in)
{
	if (!p->ts_on || !in->h.has_timestamp || wire_seq_lt(p->rcv_wup, in->seq))
		return;
	if (wire_seq_lt(in->h.ts_val, p->ts_recent) &&
	    tcp_now(p) - p->ts_recent_at <= TCP_PAWS_IDLE)
		return;
	p->ts_recent = in->h.ts_val;
	p->ts_recent_at = tcp_now(p);
}

/* First: check the sequence number. False ends the processing. */
static bool check_sequence(struct tcp_pcb *p, struct tcp_in *in)
{
	bool paws = !(in->h.flags & WIRE_TCP_RST) && paws_rejects(p, in);

	if (!paws && acceptable(p, in)) {
		ts_arrives(p, in);
		return true;
	}
	if (in->h.flags & WIRE_TCP_RST) {
		drop(p, in, STK_TcpOutOfWindow);
		return false;
	}
	if (p->state == TCP_TIME_WAIT && (in->h.flags & WIRE_TCP_FIN)) {
		/* The peer has not seen our last ACK: RFC 9293 3.10.7.4, eighth. */
		tcp_deadline_set(p, TCP_DEADLINE_WAIT, tcp_now(p) + TCP_TIME_WAIT_NS);
		p->ack_now = true;
	} else if (in->h.flags & WIRE_TCP_SYN) {
		tcp_challenge(p); /* RFC 5961 4 */
	} else {
		answer_unacceptable(p, in);
	}
	if (in->len && wire_seq_leq(in->end, p->rcv_nxt)) {
		if (!p->fin_received)
			tcp_rcv_duplicate(p, in->seq, in->seq + in->len);
		drop(p, in, paws ? STK_TcpPaws : STK_TcpRcvDup);
	} else {
		drop(p, in, paws ? STK_TcpPaws : STK_TcpOutOfWindow);
	}
	return false;
}

/* Second: check the RST bit, as RFC 5961 3.2 and Linux do: exactly the next number, or a challenge;
 * the end of what was received early counts as well (the peer may have closed after it).
 */
static bool check_reset(struct tcp_pcb *p, struct tcp_in *in)
{
	uint32_t high = p->rcv_nxt;
	int error = ECONNRESET;

	if (!(in->h.flags & WIRE_TCP_RST))
		return true;
	if (p->rcv.ranges_count)
		high = p->rcv.ranges[p->rcv.ranges_count - 1].right;
	if (in->h.seq != p->rcv_nxt && in->h.seq != high) {
		tcp_challenge(p);
		return false;
	}
	if (p->state == TCP_TIME_WAIT && tcp_settings(p)->rfc1337)
		return false;
	if (p->state == TCP_SYN_RECEIVED && !p->passive)
		error = ECONNREFUSED;
	else if (p->state == TCP_CLOSE_WAIT)
		error = EPIPE;
	else if (p->state == TCP_TIME_WAIT || p->state == TCP_LAST_ACK || p->state == TCP_CLOSING)
		error = 0;
	tcp_fastopen_settled(p, true);
	tcp_close_now(p, error);
	return false;
}

/* Fourth: check the SYN bit. In SYN-RECEIVED the peer's SYN comes again when our answer was lost,
 * and as its SYN-ACK when both have opened at once.
 */
static bool check_syn(struct tcp_pcb *p, struct tcp_in *in)
{
	if (!(in->h.flags & WIRE_TCP_SYN))
		return true;
	tcp_challenge(p); /* RFC 5961 4.2 */
	return false;
}

/* Fifth: check the ACK field. */
static bool check_ack(struct tcp_pcb *p, struct tcp_in *in)
{
	uint32_t ack = in->h.ack;

	if (!(in->h.flags & WIRE_TCP_ACK))
		return false;
	if (p->state == TCP_SYN_RECEIVED) {
		if (wire_seq_leq(ack, p->iss) || wire_seq_lt(p->snd_nxt, ack)) {
			tcp_refuse(p->stk, in);
			return false;
		}
		/* TCP_DEFER_ACCEPT: the listener wants children that have data. */
		if (p->embryo && p->timeouts < p->listener->defer_accept && in->end == p->rcv_nxt) {
			p->bare_acked = true;
			return false;
		}
		if (p->embryo && !tcp_listen_established(p))
			return false;
		p->snd_una = p->iss + 1;
		p->snd_wnd = tcp_in_window(p, in);
		p->snd_wnd_max = p->snd_wnd;
		tcp_established(p, in);
		tcp_fastopen_settled(p, false);
		tcp_fastopen_acked(p, ack);
		if (p->snd_shut)
			tcp_state_set(p, TCP_FIN_WAIT_1);
		tcp_wake(p->listener && !p->accepted ? p->listener : p);
	}
	/* RFC 5961 5.2: too old to be anybody's but a guesser's. */
	if (wire_seq_lt(p->snd_nxt, ack) || wire_seq_lt(ack, p->snd_una - p->snd_wnd_max)) {
		tcp_challenge(p);
		return false;
	}
	if (wire_seq_lt(ack, p->snd_una)) {
		/* An old duplicate says little that is new, but may carry text. */
		tcp_ack_late(p, in);
		return true;
	}
	tcp_ack_arrives(p, in);
	if (!p->snd_shut || p->snd.len || p->snd_una != p->snd.seq + 1)
		return true;
	/* Our FIN is acknowledged. */
	if (p->state == TCP_FIN_WAIT_1) {
		tcp_state_set(p, TCP_FIN_WAIT_2);
		tcp_deadlines_clear(p);
		tcp_keepalive_restart(p);
		if (p->orphan)
			tcp_fin_wait_2_orphaned(p);
		if (p->state == TCP_CLOSED)
			return false;
	} else if (p->state == TCP_CLOSING) {
		tcp_time_wait(p);
	} else if (p->state == TCP_LAST_ACK) {
		tcp_close_now(p, 0);
		return false;
	}
	return true;
}

/* RFC 9293 3.8.6.3, with quick ACKs at the start and when the peer needs to know. */
static void schedule_ack(struct tcp_pcb *p)
{
	if (p->rcv_nxt - p->rcv_wup > p->mss_rcv || p->rcv.ranges_count || p->dsack ||
	    p->fin_received || (p->quick_acks && !p->pingpong && !p->no_quickack)) {
		p->ack_now = true;
	} else if (!p->ack_delayed) {
		p->ack_delayed = true;
		tcp_deadline_set(p, TCP_DEADLINE_ACK, tcp_now(p) + TCP_DELACK_NS);
	}
}

/* A stream ends once: a FIN below early text, or another than the first, is none, and text above a
 * FIN does not exist.
 */
static uint32_t stream_edge(const struct tcp_pcb *p, struct tcp_in *in)
{
	const struct tcp_rcvbuf *b = &p->rcv;
	uint32_t edge = p->rcv_nxt + p->rcv_wnd;

	if ((in->h.flags & WIRE_TCP_FIN) &&
	    (p->fin_early ? in->end - 1 != p->fin_seq
			  : b->ranges_count &&
				    wire_seq_lt(in->end, b->ranges[b->ranges_count - 1].right))) {
		in->h.flags &= (uint8_t)~WIRE_TCP_FIN;
		in->end--;
	}
	if (p->fin_early && !(in->h.flags & WIRE_TCP_FIN) && wire_seq_lt(p->fin_seq, edge))
		edge = p->fin_seq;
	return edge;
}

/* Cuts the segment to the window. */
static void trim(struct tcp_pcb *p, struct tcp_in *in)
{
	uint32_t edge = stream_edge(p, in);

	if (wire_seq_lt(in->seq, p->rcv_nxt)) {
		uint32_t known = tcp_min(p->rcv_nxt - in->seq, in->len);

		if (known)
			tcp_rcv_duplicate(p, in->seq, in->seq + known);
		vs_frame_pull(in->f, known);
		in->seq += known;
		in->len -= known;
	}
	if (wire_seq_lt(edge, in->end)) {
		uint32_t beyond = in->end - edge;

		if (in->h.flags & WIRE_TCP_FIN) {
			in->h.flags &= (uint8_t)~WIRE_TCP_FIN;
			beyond--;
		}
		beyond = tcp_min(beyond, in->len);
		in->len -= beyond;
		vs_frame_set_len(in->f, in->len);
		in->end = in->seq + in->len;
		p->ack_now = true;
	}
}

static void note_data(struct tcp_pcb *p, const struct tcp_in *in)
{
	uint32_t len = in->len, most = tcp_rcv_space(p);

	if (p->ts_on)
		tcp_tune_rtt(p, in);
	/* After a pause the peer starts slowly: tell it at once again. */
	if (tcp_now(p) - p->received_at > tcp_rto(p))
		p->quick_acks = TCP_QUICK_ACKS;
	if (len > p->mss_rcv)
		p->mss_rcv = (uint16_t)tcp_min(len, 65535);
	/* The window opens as data come, two segments for each, while there is room; but an ACK
	 * that moves the window is no duplicate (RFC 5681 2): a peer without SACK lives on those.
	 */
	if (p->rcv_clamp < most && len > p->mss_rcv / 2 && (p->sack_on || in->seq == p->rcv_nxt))
		p->rcv_clamp = tcp_min(p->rcv_clamp + 2u * p->mss_rcv, most);
}

/* Seventh: process the segment text. False when the connection is gone. */
static bool process_text(struct tcp_pcb *p, struct tcp_in *in)
{
	if (p->state != TCP_ESTABLISHED && p->state != TCP_FIN_WAIT_1 && p->state != TCP_FIN_WAIT_2)
		return true;
	if (p->orphan && in->len && wire_seq_lt(p->rcv_nxt, in->seq + in->len)) {
		/* Nobody will read it (RFC 9293 3.6.1). */
		drop(p, in, STK_TcpNoSocket);
		tcp_abort(p, 0);
		return false;
	}
	trim(p, in);
	if (in->end == in->seq) {
		p->ack_now = true;
		return true;
	}
	note_data(p, in);
	if (p->ecn_on)
		tcp_ecn_data(p, in);
	tcp_rcvbuf_arrives(p, in);
	schedule_ack(p);
	if (p->rcv.ready_bytes)
		tcp_wake(p);
	return true;
}

/* The peer has closed first: our own FIN is likely to follow and can carry the ACK, so that is
 * delayed like any other, as in Linux; but not of a peer that has sent nothing at all.
 */
static void fin_answer(struct tcp_pcb *p)
{
	p->pingpong = true;
	if (p->rcv_nxt - p->rcv_wup > p->mss_rcv || !p->account.data_segs_in || p->ecn_echo) {
		p->ack_now = true;
		return;
	}
	p->ack_now = false;
	if (!p->ack_delayed) {
		p->ack_delayed = true;
		tcp_deadline_set(p, TCP_DEADLINE_ACK, tcp_now(p) + TCP_DELACK_NS);
	}
}

/* Eighth: check the FIN bit. */
static void process_fin(struct tcp_pcb *p)
{
	p->rcv_nxt++;
	p->account.bytes_received++;
	if (p->rcv_wnd)
		p->rcv_wnd--;
	p->fin_received = true;
	p->fin_early = false;
	/* Nothing can be early any more, nor is it worth telling that something came twice. */
	p->rcv.ranges_count = 0;
	p->sacks = 0;
	p->dsack = false;
	switch ((enum tcp_state)p->state) {
	case TCP_SYN_RECEIVED:
	case TCP_ESTABLISHED:
		fin_answer(p);
		tcp_state_set(p, TCP_CLOSE_WAIT);
		break;
	case TCP_FIN_WAIT_1:
		p->ack_now = true;
		tcp_state_set(p, TCP_CLOSING);
		break;
	case TCP_FIN_WAIT_2:
		p->ack_now = true;
		tcp_time_wait(p);
		break;
	case TCP_CLOSED:
	case TCP_LISTEN:
	case TCP_SYN_SENT:
	case TCP_CLOSE_WAIT:
	case TCP_CLOSING:
	case TCP_LAST_ACK:
	case TCP_TIME_WAIT:
		p->ack_now = true;
		break;
	}
	tcp_wake(p);
}

static bool echo_is_ours(const struct tcp_pcb *p, uint32_t ecr)
{
	uint32_t first = (uint32_t)(p->stalled_at / VS_MSEC) + p->ts_offset;

	return wire_seq_leq(first, ecr) && wire_seq_leq(ecr, tcp_ts_now(p));
}

/* 3.10.7.3: the SYN-SENT state. */
static void syn_sent_arrives(struct tcp_pcb *p, struct tcp_in *in)
{
	const struct wire_tcp *h = &in->h;
	bool ack = h->flags & WIRE_TCP_ACK;

	/* First: the ACK bit; and that the echo is of one of our SYNs (RFC 7323 5.3 R1's purpose).
	 */
	if (ack && (wire_seq_leq(h->ack, p->iss) || wire_seq_lt(p->snd_nxt, h->ack) ||
		    (h->has_timestamp && h->ts_ecr && !echo_is_ours(p, h->ts_ecr)))) {
		tcp_refuse(p->stk, in);
		drop(p, in, STK_TcpOutOfWindow);
		return;
	}
	/* Second: the RST bit. */
	if (h->flags & WIRE_TCP_RST) {
		if (ack)
			tcp_close_now(p, ECONNREFUSED);
		return;
	}
	/* Fourth: the SYN bit. */
	if (!(h->flags & WIRE_TCP_SYN))
		return;
	p->irs = h->seq;
	p->rcv_nxt = h->seq + 1;
	p->rcv_wup = p->rcv_nxt;
	in->seq++;
	tcp_options_agree(p, h);
	tcp_ecn_agree(p, h);
	p->snd_wnd = tcp_in_window(p, in);
	p->snd_wnd_max = p->snd_wnd;
	p->received_at = tcp_now(p);
	if (!ack) {
		/* Both have opened at once. */
		p->snd_wl1 = h->seq;
		p->snd_wl2 = p->iss;
		p->timeouts = 0;
		p->fastopen_defer = false;
		tcp_state_set(p, TCP_SYN_RECEIVED);
		tcp_send_syn(p);
		return;
	}
	p->snd_una = p->iss + 1;
	tcp_fastopen_answered(p, in);
	tcp_established(p, in);
	p->ack_now = !p->pingpong; /* with the SYN's text, if that leaves again */
	if (p->pingpong) {
		/* Who answers soon (TCP_QUICKACK 0) saves an ACK, as in Linux. */
		p->ack_delayed = true;
		tcp_deadline_set(p, TCP_DEADLINE_ACK, tcp_now(p) + TCP_DELACK_NS);
	}
	tcp_fastopen_acked(p, h->ack);
	tcp_wake(p);
	if (in->len && process_text(p, in) && (in->h.flags & WIRE_TCP_FIN) &&
	    p->rcv_nxt + 1 == in->end)
		process_fin(p);
}

/* A SYN of the peer's while we are in SYN-RECEIVED: its first again, or its SYN-ACK when both have
 * opened at once. True when the rest of the segment counts.
 */
static bool syn_again(struct tcp_pcb *p, struct tcp_in *in)
{
	if (!(in->h.flags & WIRE_TCP_ACK)) {
		if (p->ts_on && in->h.has_timestamp)
			p->ts_recent = in->h.ts_val;
		tcp_send_syn(p);
		return false;
	}
	in->h.flags &= (uint8_t)~WIRE_TCP_SYN;
	in->h.seq++;
	in->seq++;
	return true;
}

/* 3.10.7.4: other states. */
static void arrives(struct tcp_pcb *p, struct tcp_in *in)
{
	if (p->state == TCP_SYN_RECEIVED && (in->h.flags & WIRE_TCP_SYN) &&
	    !(in->h.flags & WIRE_TCP_RST) && in->h.seq == p->irs && !syn_again(p, in))
		return;
	if (!check_sequence(p, in) || !check_reset(p, in) || !check_syn(p, in))
		return;
	p->received_at = p->received_at ? p->received_at : tcp_now(p);
	if (!check_ack(p, in))
		return;
	/* Sixth: check the URG bit. */
	if ((in->h.flags & WIRE_TCP_URG) || p->urgent == TCP_URGENT_AWAITED)
		tcp_urgent_arrives(p, in);
	if (in->len || (in->h.flags & WIRE_TCP_FIN)) {
		if (p->fin_received)
			return;
		if (!process_text(p, in))
			return;
		if (p->fin_early ? p->rcv_nxt == p->fin_seq
				 : (in->h.flags & WIRE_TCP_FIN) && p->rcv_nxt + 1 == in->end)
			process_fin(p);
	}
	p->received_at = tcp_now(p);
	p->keep_probes = 0;
}

void tcp_segment_arrives(struct tcp_pcb *p, struct tcp_in *in)
{
	arrives(p, in);
	tcp_output(p);
	tcp_reap(p);
}

/* The two cases that bulk transfer is made of: an ACK for new data, and the next data. What the
 * steps would check holds, so only their effects remain.
 */
static bool arrives_as_predicted(struct tcp_pcb *p, struct tcp_in *in)
{
	if (p->state != TCP_ESTABLISHED || in->h.seq != p->rcv_nxt ||
	    (in->h.flags & ~WIRE_TCP_PSH) != WIRE_TCP_ACK || p->urgent ||
	    p->ts_on != in->h.has_timestamp ||
	    (p->ts_on && wire_seq_lt(in->h.ts_val, p->ts_recent)))
		return false;
	if (!in->len) {
		if (!wire_seq_lt(p->snd_una, in->h.ack) || wire_seq_lt(p->snd_nxt, in->h.ack))
			return false;
		ts_arrives(p, in);
		tcp_ack_arrives(p, in);
	} else {
		if (in->h.ack != p->snd_una || in->len > p->rcv_wnd || p->rcv.ranges_count ||
		    in->h.sacks || p->rcv_shut || in->f->len != in->len ||
		    p->snd_wnd != tcp_in_window(p, in))
			return false;
		ts_arrives(p, in);
		p->snd_wl1 = in->h.seq;
		note_data(p, in);
		if (p->ecn_on)
			tcp_ecn_data(p, in);
		if (!tcp_rcvbuf_append(p, in->f)) {
			drop(p, in, STK_TcpOfoDrop);
			return true;
		}
		in->f = NULL;
		schedule_ack(p);
		tcp_wake(p);
	}
	p->received_at = tcp_now(p);
	p->keep_probes = 0;
	return true;
}

/* RFC 9293 3.6.1, RFC 6191: a SYN that can only be new ends TIME-WAIT, if someone listens. */
static struct tcp_pcb *reopen(struct tcp_pcb *p, struct tcp_in *in)
{
	const struct wire_tcp *h = &in->h;
	struct tcp_pcb *listener;

	if (!tcp_syn_is_new(p->ts_on, p->ts_recent, p->rcv_nxt, h))
		return NULL;
	listener = tcp_listener_find(p->stk, &p->so.local.addr, p->so.local.port, in->ip->ifindex);
	if (!listener)
		return NULL;
	in->iss_after = p->snd_nxt + TCP_REUSE_GAP;
	in->has_iss_after = true;
	tcp_close_now(p, 0);
	tcp_reap(p);
	return listener;
}

static bool cksum_right(const struct ip_received *ip, const struct vs_frame *f)
{
	uint32_t sum;

	if (f->flags & VS_FRAME_TRUSTED)
		return true;
	sum = wire_cksum_pseudo(&ip->ip->src, &ip->ip->dst, WIRE_PROTO_TCP, f->len);
	return wire_cksum_fold(wire_cksum_add(sum, f->data, f->len)) == 0;
}

static void deliver(struct stk *s, struct tcp_in *in)
{
	const struct wire_ip *ip = in->ip->ip;
	struct tcp_pcb *p = tcp_lookup(s, &ip->dst, in->h.dst_port, &ip->src, in->h.src_port);
	struct tcp_pcb *listener = NULL;
	struct tcp_wait *w = NULL;

	if (!p)
		w = tcp_wait_find(s, &ip->dst, in->h.dst_port, &ip->src, in->h.src_port);
	if (w) {
		tcp_wait_arrives(s, w, in);
		return;
	}
	if (p && p->state == TCP_TIME_WAIT)
		listener = reopen(p, in);
	else if (!p)
		listener = tcp_listener_find(s, &ip->dst, in->h.dst_port, in->ip->ifindex);
	if (listener) {
		tcp_listen_arrives(listener, in);
		return;
	}
	if (!p) {
		/* 3.10.7.1: the connection does not exist. */
		tcp_refuse(s, in);
		stk_drop(s, in->ip->ifindex, STK_TcpNoSocket, in->f);
		in->f = NULL;
		return;
	}
	p->account.segs_in++;
	if (in->len) {
		p->account.data_segs_in++;
		p->account.data_received_at = s->now;
	}
	if (p->state == TCP_SYN_SENT)
		syn_sent_arrives(p, in);
	else if (!arrives_as_predicted(p, in))
		arrives(p, in);
	tcp_output(p);
	tcp_reap(p);
}

void tcp_input(struct stk *s, vs_time now, const struct ip_received *ip, struct vs_frame *f)
{
	struct tcp_in in;
	int header_len;

	s->now = now;
	stk_count(s, STK_TcpInSegs);
	if (!cksum_right(ip, f)) {
		stk_count(s, STK_TcpInErrs);
		stk_drop(s, ip->ifindex, STK_TcpInCsumErrors, f);
		return;
	}
	header_len = wire_tcp_parse(&in.h, f->data, f->len);
	if (header_len < 0 || ip->to_group || wire_addr_is_multicast(&ip->ip->src) ||
	    wire_addr_is_any(&ip->ip->src)) {
		stk_drop(s, ip->ifindex, STK_TcpInErrs, f);
		return;
	}
	vs_frame_pull(f, (size_t)header_len);
	in.ip = ip;
	in.f = f;
	in.iss_after = 0;
	in.has_iss_after = false;
	in.syn = in.h.flags & WIRE_TCP_SYN;
	in.len = f->len;
	in.seq = in.h.seq;
	in.end = in.seq + in.len + !!(in.h.flags & WIRE_TCP_SYN) + !!(in.h.flags & WIRE_TCP_FIN);
	deliver(s, &in);
	vs_frame_put(in.f);
}
