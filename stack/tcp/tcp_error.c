/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ICMP errors about our segments: RFC 1122 4.2.3.9, RFC 5927 (a quoted sequence number must be in
 * flight), RFC 1191 and 8201 (a smaller path MTU).
 */
#include "stack/tcp/tcp_impl.h"

/* The path has shrunk: what was too long leaves again at once, in smaller pieces (RFC 1191 6.5).
 * It was not lost to congestion, so cwnd stays.
 */
static void path_shrunk(struct tcp_pcb *p)
{
	uint32_t mtu = p->path.mtu;
	uint16_t before = p->mss;

	if (tcp_path_refresh(p))
		return;
	tcp_mtu_shrunk(p);
	tcp_mss_update(p);
	if (p->state == TCP_SYN_SENT && p->syn_data && p->path.mtu < mtu) {
		/* The SYN's text was too long: without it, at once (RFC 7413 4.2.1). */
		stk_count(p->stk, STK_TcpRetransSegs);
		tcp_send_syn(p);
	}
	if (p->mss >= before || p->state <= TCP_SYN_RECEIVED)
		return;
	for (uint32_t i = 0; i < p->board.count;) {
		const struct tcp_sent *r = tcp_sent_at(p, i);

		/* What waits to leave again will be cut when it does. */
		if (r->end - r->seq <= p->mss || (r->flags & TCP_SENT_SACKED) ||
		    (r->flags & (TCP_SENT_LOST | TCP_SENT_AGAIN)) == TCP_SENT_LOST)
			i++;
		else
			i = tcp_resend_all(p, i, TCP_REASON_MTU);
	}
	tcp_output(p);
}

static bool in_flight(const struct tcp_pcb *p, uint32_t seq)
{
	/* A child of fast open counts its SYN apart. */
	uint32_t first = p->state == TCP_SYN_RECEIVED ? p->iss : p->snd_una;

	return !wire_seq_lt(seq, first) && wire_seq_lt(seq, p->snd_nxt);
}

bool tcp_error_plausible(struct stk *s, const struct ip_error *e)
{
	const struct tcp_pcb *p;
	uint32_t seq;

	if (e->transport_len < 8)
		return false;
	p = tcp_lookup(s, &e->src, wire_get16(e->transport), &e->dst, wire_get16(e->transport + 2));
	seq = wire_get32(e->transport + 4);
	return p && p->state != TCP_TIME_WAIT && in_flight(p, seq);
}

void tcp_error(struct stk *s, vs_time now, const struct ip_error *e)
{
	struct tcp_pcb *p;
	uint32_t seq;

	s->now = now;
	if (e->transport_len < 8)
		return;
	p = tcp_lookup(s, &e->src, wire_get16(e->transport), &e->dst, wire_get16(e->transport + 2));
	if (!p || p->state == TCP_TIME_WAIT)
		return;
	seq = wire_get32(e->transport + 4);
	if (!in_flight(p, seq))
		return;
	if (e->error == EMSGSIZE) {
		path_shrunk(p);
	} else if (p->state == TCP_SYN_SENT || p->state == TCP_SYN_RECEIVED) {
		/* RFC 5461: while opening, any unreachability is reason enough to stop; not for a
		 * child of fast open that is in use.
		 */
		if (p->fastopen_child && p->accepted)
			p->soft_error = e->error;
		else if (e->hard || p->fastopen_child || p->state == TCP_SYN_SENT)
			tcp_close_now(p, e->error);
	} else {
		/* RFC 5927 4: even a hard one is only remembered once connected. */
		p->soft_error = e->error;
	}
	tcp_reap(p);
}
