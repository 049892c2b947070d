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
	uint16_t before = p->mss;

	if (tcp_path_refresh(p))
		return;
	tcp_mss_update(p);
	if (p->mss >= before || p->state <= TCP_SYN_RECEIVED)
		return;
	for (uint32_t i = 0; i < p->board.count; i++) {
		struct tcp_sent *r = tcp_sent_at(p, i);

		if (r->end - r->seq > p->mss)
			tcp_sent_mark_lost(p, r);
	}
	for (uint32_t i = 0; i < p->board.count; i++) {
		struct tcp_sent *r = tcp_sent_at(p, i);

		if ((r->flags & (TCP_SENT_LOST | TCP_SENT_AGAIN)) == TCP_SENT_LOST &&
		    !tcp_resend(p, r, TCP_REASON_MTU))
			break;
	}
	tcp_output(p);
}

bool tcp_error_plausible(struct stk *s, const struct ip_error *e)
{
	const struct tcp_pcb *p;
	uint32_t seq;

	if (e->transport_len < 8)
		return false;
	p = tcp_lookup(s, &e->src, wire_get16(e->transport), &e->dst, wire_get16(e->transport + 2));
	seq = wire_get32(e->transport + 4);
	return p && p->state != TCP_TIME_WAIT && !wire_seq_lt(seq, p->snd_una) &&
	       wire_seq_lt(seq, p->snd_nxt);
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
	if (wire_seq_lt(seq, p->snd_una) || !wire_seq_lt(seq, p->snd_nxt))
		return;
	if (e->error == EMSGSIZE) {
		path_shrunk(p);
	} else if (p->state == TCP_SYN_SENT || p->state == TCP_SYN_RECEIVED) {
		/* RFC 5461: while opening, any unreachability is reason enough to stop. */
		if (e->hard || p->state == TCP_SYN_SENT)
			tcp_close_now(p, e->error);
	} else {
		/* RFC 5927 4: even a hard one is only remembered once connected. */
		p->soft_error = e->error;
	}
	tcp_reap(p);
}
