/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Segments leave: RFC 9293 3.8.6 (what may), 3.7.4 (Nagle), RFC 5681 (how much). Every segment is
 * built by transmit(), from the send buffer straight into the frame, summed on the way.
 */
#include "stack/tcp/tcp_impl.h"

#define ECT0	  2 /* RFC 3168 5 */
#define BURST_MAX 44 /* 64 KiB of full segments */

static uint32_t fin_seq(const struct tcp_pcb *p)
{
	return p->snd.seq + p->snd.len;
}

/* Whether our FIN has left (and so has a sequence number). */
static bool fin_sent(const struct tcp_pcb *p)
{
	return p->snd_shut && wire_seq_lt(fin_seq(p), p->snd_nxt);
}

uint32_t tcp_unsent(const struct tcp_pcb *p)
{
	return fin_sent(p) ? 0 : fin_seq(p) - p->snd_nxt;
}

/* Looks the path up again when the stack's routes have changed, and follows its MTU. */
int tcp_path_refresh(struct tcp_pcb *p)
{
	int error;

	if (p->path.generation == p->stk->route_generation && p->path.mtu)
		return 0;
	error = ip_path_find(p->stk, &p->so.remote.addr, &p->so.local.addr, p->so.remote.ifindex,
			     &p->path);
	if (error)
		return error;
	tcp_mss_update(p);
	return 0;
}

/* Takes f, which holds the TCP header and payload; sum is the payload's. */
static int send_frame(struct stk *s, const struct ip_path *path, const struct stk_socket *so,
		      const struct wire_addr *src, const struct wire_addr *dst, size_t header_len,
		      uint32_t sum, uint8_t ecn, struct vs_frame *f)
{
	struct ip_packet ip = {
		.src = *src,
		.dst = *dst,
		.protocol = WIRE_PROTO_TCP,
		.tclass = so ? (so->tos & 0xfc) | ecn : 0,
		.hop_limit = so ? so->ttl : 0,
		.dont_fragment = !so || so->mtu_discover != 0,
	};

	/* The header's length is a multiple of four, so the payload's sum needs no shift. */
	sum += wire_cksum_pseudo(src, dst, WIRE_PROTO_TCP, f->len);
	sum = wire_cksum_add(sum, f->data, header_len);
	wire_put16(f->data + 16, wire_cksum_fold(sum));
	f->flags |= VS_FRAME_TRUSTED;
	stk_count(s, STK_TcpOutSegs);
	return ip_output(s, s->now, path, &ip, f);
}

/* Fills in what every segment of a connection says and sends it. */
static bool transmit(struct tcp_pcb *p, struct wire_tcp *h, uint32_t len)
{
	/* RFC 3168 6.1.4, 6.1.5: new data, and nothing else, may be marked on the way. */
	bool fresh = len && p->ecn_on && h->seq + len == p->snd_nxt && !p->resending;
	uint32_t text = h->seq + !!(h->flags & WIRE_TCP_SYN);
	size_t header_len;
	struct vs_frame *f;
	uint32_t sum = 0;

	h->src_port = p->so.local.port;
	h->dst_port = p->so.remote.port;
	if (h->flags & WIRE_TCP_ACK)
		h->ack = p->rcv_nxt;
	header_len = wire_tcp_len(h);
	f = vs_frame_new(p->stk->pool, header_len + len, 0);
	if (!f) {
		stk_count(p->stk, STK_PoolEmpty);
		return false;
	}
	wire_tcp_emit(f->data, h);
	if (len)
		sum = tcp_sndbuf_read(p, text, f->data + header_len, len, 0);
	p->account.segs_out++;
	p->account.data_segs_out += len > 0;
	p->account.bytes_sent += len;
	if (p->resending)
		p->account.bytes_retrans += len;
	send_frame(p->stk, &p->path, &p->so, &p->so.local.addr, &p->so.remote.addr, header_len, sum,
		   fresh ? ECT0 : 0, f);
	return true;
}

/* After anything that carried an ACK. */
static void ack_sent(struct tcp_pcb *p)
{
	p->ack_now = false;
	p->ack_delayed = false;
	p->dsack = false;
	p->rcv_wup = p->rcv_nxt;
	tcp_deadline_clear(p, TCP_DEADLINE_ACK);
	if (p->quick_acks)
		p->quick_acks--;
}

static bool send_segment(struct tcp_pcb *p, uint32_t seq, uint32_t len, uint8_t flags)
{
	struct wire_tcp h;

	wire_tcp_init(&h);
	h.seq = seq;
	h.flags = flags;
	if (p->ecn_echo)
		h.flags |= WIRE_TCP_ECE;
	tcp_options_segment(p, &h);
	h.window = (uint16_t)tcp_rcv_window(p);
	if (p->snd_urgent)
		tcp_urgent_mark(p, &h);
	if (!transmit(p, &h, len))
		return false;
	ack_sent(p);
	return true;
}

/* The number of a segment without text. If the peer has drawn back its window, what was sent beyond
 * it is not there for the peer, and an ACK from snd_nxt would be outside and not be heard: both
 * sides could then wait for each other's window. What the peer's shift cut off is no drawing back.
 */
static uint32_t bare_seq(const struct tcp_pcb *p)
{
	uint32_t edge = p->snd_una + p->snd_wnd;

	if (!wire_seq_lt(edge, p->snd_nxt) ||
	    (p->wscale_on && p->snd_nxt - edge < 1U << p->snd_wscale))
		return p->snd_nxt;
	return edge;
}

void tcp_send_ack(struct tcp_pcb *p)
{
	if (tcp_path_refresh(p) == 0)
		send_segment(p, bare_seq(p), 0, WIRE_TCP_ACK);
}

void tcp_send_probe(struct tcp_pcb *p)
{
	if (tcp_path_refresh(p) == 0)
		send_segment(p, p->snd_una - 1, 0, WIRE_TCP_ACK);
	tcp_sample(p, TCP_EVENT_PROBE, p->snd_una - 1, 0);
}

void tcp_send_syn_with(struct tcp_pcb *p, const struct tcp_cookie *c, uint32_t len)
{
	bool answer = p->state == TCP_SYN_RECEIVED;
	struct wire_tcp h = {.seq = p->iss, .flags = WIRE_TCP_SYN | (answer ? WIRE_TCP_ACK : 0)};
	uint8_t scale = p->rcv_wscale;

	if (tcp_path_refresh(p) == 0) {
		tcp_options_syn(p, &h);
		tcp_ecn_syn(p, &h);
		h.has_cookie = c->len >= 0;
		if (h.has_cookie) {
			h.cookie_len = (uint8_t)c->len;
			h.cookie_exp = c->exp;
			memcpy(h.cookie, c->bytes, sizeof(h.cookie));
		}
		/* The window of a SYN is never scaled (RFC 7323 2.2). */
		p->rcv_wscale = 0;
		h.window = (uint16_t)tcp_rcv_window(p);
		p->rcv_wscale = scale;
		transmit(p, &h, len);
	}
	p->sent_at = tcp_now(p);
	if (!p->timeouts)
		p->stalled_at = tcp_now(p); /* the first */
	if (wire_seq_leq(p->snd_nxt, p->iss + len))
		p->snd_nxt = p->iss + 1 + len;
	p->ack_now = false;
	tcp_deadline_set(p, TCP_DEADLINE_RETRANSMIT, tcp_now(p) + tcp_rto(p));
}

void tcp_send_syn(struct tcp_pcb *p)
{
	static const struct tcp_cookie none = {.len = -1};

	tcp_send_syn_with(p, &none, 0);
}

void tcp_send_reset(struct tcp_pcb *p)
{
	struct wire_tcp h = {.seq = bare_seq(p), .flags = WIRE_TCP_RST | WIRE_TCP_ACK};

	if (tcp_path_refresh(p) == 0 && transmit(p, &h, 0))
		stk_count(p->stk, STK_TcpOutRsts);
}

void tcp_send_bare(struct stk *s, const struct wire_addr *src, const struct wire_addr *dst,
		   int ifindex, uint8_t ttl, uint8_t tos, const struct wire_tcp *h)
{
	struct stk_socket so = {.ttl = ttl, .tos = tos, .mtu_discover = 1};
	struct ip_path path;
	struct vs_frame *f;

	if (ip_path_find(s, dst, src, ifindex, &path))
		return;
	f = vs_frame_new(s->pool, wire_tcp_len(h), 0);
	if (!f) {
		stk_count(s, STK_PoolEmpty);
		return;
	}
	wire_tcp_emit(f->data, h);
	send_frame(s, &path, &so, src, dst, f->len, 0, 0, f);
}

void tcp_refuse(struct stk *s, const struct tcp_in *in)
{
	const struct wire_ip *ip = in->ip->ip;
	struct wire_tcp h = {.src_port = in->h.dst_port, .dst_port = in->h.src_port};

	if ((in->h.flags & WIRE_TCP_RST) || in->ip->to_group)
		return;
	if (in->h.flags & WIRE_TCP_ACK) {
		h.seq = in->h.ack;
		h.flags = WIRE_TCP_RST;
	} else {
		h.ack = in->end;
		h.flags = WIRE_TCP_RST | WIRE_TCP_ACK;
	}
	stk_count(s, STK_TcpOutRsts);
	tcp_send_bare(s, &ip->dst, &ip->src,
		      wire_addr_is_link_local(&ip->src) ? in->ip->ifindex : 0, 0, 0, &h);
}

/* Sends a segment again, cut to what a segment may hold now. */
bool tcp_resend(struct tcp_pcb *p, struct tcp_sent *r, enum tcp_reason reason)
{
	uint32_t mss = p->mss + (p->ts_on ? TCP_TS_LEN : 0) - tcp_options_len(p);
	uint32_t index = tcp_sent_find(p, r->seq);
	uint32_t fin = p->snd_shut && r->end == fin_seq(p) + 1;
	uint32_t len = r->end - r->seq - fin;
	uint8_t flags = WIRE_TCP_ACK;
	bool sent;

	tcp_mtu_resent(p, r);
	if (len > mss) {
		if (!tcp_sent_split(p, index, r->seq + mss))
			return false;
		r = tcp_sent_at(p, index);
		len = mss;
		fin = 0;
	}
	if (fin)
		flags |= WIRE_TCP_FIN;
	if (len && (r->flags & TCP_SENT_PUSH))
		flags |= WIRE_TCP_PSH;
	p->resending = true;
	sent = send_segment(p, r->seq, len, flags);
	p->resending = false;
	if (!sent)
		return false;
	if (tcp_prr_on(p))
		p->prr_out += len;
	tcp_undo_sent(p);
	p->account.total_retrans++;
	stk_count(p->stk, STK_TcpRetransSegs);
	stk_count(p->stk, tcp_reason_event(reason) == TCP_EVENT_FAST_RETRANSMIT
				  ? STK_TcpFastRetrans
				  : STK_TcpSlowStartRetrans);
	tcp_sent_mark_again(p, r);
	tcp_sample_again(p, reason, r->seq, r->end - r->seq);
	return true;
}

uint32_t tcp_resend_all(struct tcp_pcb *p, uint32_t index, enum tcp_reason reason)
{
	uint32_t end = tcp_sent_at(p, index)->end;

	while (index < p->board.count && wire_seq_lt(tcp_sent_at(p, index)->seq, end)) {
		if (!tcp_resend(p, tcp_sent_at(p, index), reason))
			return p->board.count; /* out of memory: the timeout finds it */
		tcp_sent_mark_found(p, tcp_sent_at(p, index));
		index++;
	}
	return index;
}

/* RFC 9293 3.7.4 as Minshall refined it: one small segment may be in flight, not two. */
static bool small_may_leave(struct tcp_pcb *p)
{
	if (p->push_now || p->snd_urgent || (p->snd_shut && !fin_sent(p)))
		return true;
	if (p->cork || p->more) {
		if (p->deadline[TCP_DEADLINE_WAIT] == VS_NEVER)
			tcp_deadline_set(p, TCP_DEADLINE_WAIT, tcp_now(p) + TCP_CORK_NS);
		return false;
	}
	return p->nodelay || !wire_seq_lt(p->snd_una, p->snd_sml);
}

/* How many bytes the next segment carries: 0 when none may leave. */
static uint32_t next_len(struct tcp_pcb *p, uint32_t mss, uint32_t unsent)
{
	uint32_t edge = p->snd_una + p->snd_wnd, flight = tcp_in_flight(p);
	uint32_t room = wire_seq_lt(p->snd_nxt, edge) ? edge - p->snd_nxt : 0;
	uint32_t len = tcp_min(tcp_min(unsent, mss), room);
	uint32_t record = p->eor ? tcp_eor_cut(p, p->snd_nxt, len) : len;

	if (!len)
		return 0;
	if (record < len) {
		/* More follows behind its end, so it is not small. */
		len = record;
	} else if (len < mss) {
		/* RFC 9293 3.8.6.2.1: a sliver of a window is not worth a segment. */
		if (len < unsent && len < p->snd_wnd_max / 2 && !p->push_now)
			return 0;
		if (len == unsent && !small_may_leave(p))
			return 0;
	}
	if (flight && flight + len > p->cwnd) {
		p->cwnd_limited = true;
		return 0;
	}
	return len;
}

static void note_new(struct tcp_pcb *p, uint32_t seq, uint32_t len)
{
	uint32_t flight = tcp_in_flight(p);

	if (flight > p->flight_max || wire_seq_leq(p->flight_max_end, p->snd_una)) {
		p->flight_max = flight;
		p->flight_max_end = p->snd_nxt;
		p->cwnd_limited = false;
	}
	/* What follows data so soon is an answer. */
	if (p->account.data_received_at &&
	    tcp_now(p) - p->account.data_received_at < TCP_DELACK_NS)
		p->pingpong = true;
	p->sent_at = tcp_now(p);
	tcp_sample(p, TCP_EVENT_SEND, seq, len);
}

/* RFC 5681 4.1, if asked for: after a pause the window says less with every timeout's time. */
static void restart_after_idle(struct tcp_pcb *p)
{
	uint32_t initial = tcp_settings(p)->initial_cwnd * p->mss;
	vs_time idle = tcp_now(p) - p->sent_at, rto = p->rto;

	if (!tcp_settings(p)->slow_start_after_idle || p->snd_una != p->snd_nxt || idle <= rto)
		return;
	p->ssthresh = tcp_max(p->ssthresh, p->cwnd / 4 * 3);
	while ((idle -= rto) > 0 && p->cwnd > initial)
		p->cwnd = tcp_max(p->cwnd / 2, initial);
}

/* How many full segments leave as one burst, which PSH ends (so that a receiver who gathers them
 * waits no longer): two, or a millisecond's worth, and at most half of cwnd. As Linux does it.
 */
static uint32_t burst_segments(const struct tcp_pcb *p, uint32_t mss)
{
	uint64_t rate = (uint64_t)(p->cwnd < p->ssthresh / 2 ? 200 : 120) * p->cwnd / 100;
	uint32_t edge = p->snd_una + p->snd_wnd, flight = tcp_in_flight(p), segments = BURST_MAX;
	vs_time rtt = p->srtt;

	if (rtt)
		segments = (uint32_t)(rate * (uint64_t)VS_SEC / 1024 / (uint64_t)rtt / mss);
	segments = tcp_min(tcp_max(segments, tcp_settings(p)->min_tso_segs), BURST_MAX);
	segments = tcp_min(segments, tcp_max(p->cwnd / p->mss / 2, 1));
	segments = tcp_min(segments, p->cwnd > flight ? (p->cwnd - flight) / p->mss : 0);
	segments = tcp_min(segments, tcp_unsent(p) / mss);
	return wire_seq_lt(p->snd_nxt, edge) ? tcp_min(segments, (edge - p->snd_nxt) / mss) : 0;
}

static void send_new(struct tcp_pcb *p)
{
	uint32_t mss = p->mss + (p->ts_on ? TCP_TS_LEN : 0) - tcp_options_len(p);
	uint32_t burst = 0, left = 0;

	if (tcp_unsent(p) && next_len(p, mss, tcp_unsent(p)))
		restart_after_idle(p);
	for (;;) {
		uint32_t unsent = tcp_unsent(p), seq = p->snd_nxt;
		uint32_t len = unsent ? next_len(p, mss, unsent) : 0;
		uint32_t probe =
			p->mtu.on && len && !p->eor ? tcp_mtu_probe_len(p, mss, unsent) : 0;
		bool last = len == unsent;
		uint32_t fin = last && p->snd_shut && !fin_sent(p);
		uint8_t flags = WIRE_TCP_ACK;

		len = probe ? probe : len;
		/* The FIN needs a window, too, but no room in cwnd. */
		if (fin && !wire_seq_lt(seq + len, p->snd_una + p->snd_wnd))
			fin = 0;
		if (!len && !fin)
			return;
		if (!left)
			burst = left = burst_segments(p, mss);
		if (left && --left == 0 && burst > 1)
			flags |= WIRE_TCP_PSH;
		last = len && ((last && !p->more) || (p->eor && tcp_eor_at(p, seq + len)));
		if (last || (len && p->probing && p->push_now))
			flags |= WIRE_TCP_PSH;
		if (fin)
			flags |= WIRE_TCP_FIN;
		if (len && p->cwr_due)
			flags |= WIRE_TCP_CWR;
		if (!tcp_sent_push(p, seq, seq + len + fin))
			return;
		if (last)
			tcp_sent_at(p, p->board.count - 1)->flags |= TCP_SENT_PUSH;
		p->snd_nxt = seq + len + fin;
		if (!send_segment(p, seq, len, flags)) {
			p->snd_nxt = seq;
			p->board.count--;
			return;
		}
		if (len && len < mss)
			p->snd_sml = seq + len;
		if (len)
			p->cwr_due = false;
		if (tcp_prr_on(p))
			p->prr_out += len;
		note_new(p, seq, len + fin);
	}
}

/* RFC 6298 5.1, and the probe of a window that is closed (RFC 9293 3.8.6.1). */
void tcp_output_timer(struct tcp_pcb *p)
{
	vs_time *deadline = &p->deadline[TCP_DEADLINE_RETRANSMIT];
	bool waits = tcp_unsent(p) || (p->snd_shut && !fin_sent(p));
	vs_time sliver_at;

	if (p->state == TCP_SYN_RECEIVED)
		return; /* our SYN's */
	if (p->snd_nxt != p->snd_una) {
		if (p->probing || *deadline == VS_NEVER) {
			p->probing = false;
			tcp_deadline_set(p, TCP_DEADLINE_RETRANSMIT, tcp_now(p) + tcp_rto(p));
		}
		return;
	}
	if (!waits || p->deadline[TCP_DEADLINE_WAIT] != VS_NEVER) {
		p->probing = false;
		*deadline = VS_NEVER;
		return;
	}
	if (!p->probing || *deadline == VS_NEVER) {
		p->probing = true;
		tcp_deadline_set(p, TCP_DEADLINE_RETRANSMIT, tcp_now(p) + tcp_rto(p));
	}
	/* RFC 9293 3.8.6.2.1: a sliver of a window is used after 0.1 to 1 s, however long it
	 * was closed before.
	 */
	sliver_at = tcp_now(p) + vs_time_min(tcp_rto(p), VS_SEC);
	if (p->snd_wnd && sliver_at < *deadline)
		tcp_deadline_set(p, TCP_DEADLINE_RETRANSMIT, sliver_at);
}

static bool may_send_data(const struct tcp_pcb *p)
{
	switch ((enum tcp_state)p->state) {
	case TCP_ESTABLISHED:
	case TCP_CLOSE_WAIT:
	case TCP_FIN_WAIT_1:
	case TCP_CLOSING:
	case TCP_LAST_ACK:
		return true;
	case TCP_SYN_RECEIVED:
		return p->fastopen_child;
	case TCP_CLOSED:
	case TCP_LISTEN:
	case TCP_SYN_SENT:
	case TCP_FIN_WAIT_2:
	case TCP_TIME_WAIT:
		return false;
	}
	return false;
}

static void send_beyond(struct tcp_pcb *p)
{
	struct tcp_sent *r;

	uint32_t most = tcp_min(p->mss, p->snd_nxt - p->snd_una);

	while (tcp_in_flight(p) + most <= p->cwnd && (r = tcp_sack_next(p)))
		if (!tcp_resend(p, r, TCP_REASON_RESCUE))
			return;
}

void tcp_output(struct tcp_pcb *p)
{
	if (may_send_data(p)) {
		uint32_t nxt = p->snd_nxt;

		if (p->board.count + tcp_unsent(p) || p->snd_shut) {
			if (tcp_path_refresh(p) == 0) {
				if (p->recovery != TCP_OPEN && p->frto != TCP_FRTO_NEW)
					tcp_recovery_send(p);
				send_new(p);
				/* RFC 5682 2.1 (2) b: without new data there is no telling. */
				if (p->frto == TCP_FRTO_NEW && p->snd_nxt == p->recover) {
					p->frto = TCP_FRTO_NONE;
					tcp_recovery_send(p);
				}
				if (p->recovery == TCP_RECOVERY && p->sack_on && !tcp_rack_on(p) &&
				    p->snd_nxt == nxt && p->board.count)
					send_beyond(p);
			}
		}
		tcp_output_timer(p);
		if (p->snd_nxt != nxt)
			tcp_tlp_schedule(p);
		tcp_busy_note(p);
	}
	if (p->ack_now && p->state > TCP_SYN_RECEIVED)
		tcp_send_ack(p);
	if (p->snd_waits)
		tcp_sndbuf_news(p);
}
