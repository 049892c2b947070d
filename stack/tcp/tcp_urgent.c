/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Urgent data, RFC 9293 3.8.5, as RFC 6093 found them: the pointer tells the byte after the last
 * urgent one, and there is one urgent byte, which is taken out of the stream unless the socket
 * wants it inline (SO_OOBINLINE). Reading stops at the mark, so that SIOCATMARK can find it.
 */
#include "stack/tcp/tcp_impl.h"

/* Sending. The pointer is 16 bits: of what lies further ahead it says "not here". */
void tcp_urgent_write(struct tcp_pcb *p)
{
	p->snd_up = p->snd.seq + p->snd.len;
	p->snd_urgent = true;
}

void tcp_urgent_mark(const struct tcp_pcb *p, struct wire_tcp *h)
{
	uint32_t ahead = p->snd_up - h->seq;

	if (!wire_seq_lt(h->seq, p->snd_up))
		return;
	h->flags |= WIRE_TCP_URG;
	h->urgent = (uint16_t)tcp_min(ahead, 0xffff);
}

void tcp_urgent_acked(struct tcp_pcb *p)
{
	if (!wire_seq_lt(p->snd_una, p->snd_up))
		p->snd_urgent = false;
}

/* Receiving. */
static uint32_t unread(const struct tcp_pcb *p)
{
	return p->rcv_nxt - p->fin_received - p->rcv.ready_bytes;
}

/* Sixth: check the URG bit. */
void tcp_urgent_arrives(struct tcp_pcb *p, const struct tcp_in *in)
{
	uint32_t up = in->h.seq + in->h.urgent - 1, at = up - in->h.seq;

	if ((in->h.flags & WIRE_TCP_URG) && !p->fin_received && !wire_seq_lt(up, p->rcv_nxt) &&
	    (p->urgent == TCP_URGENT_NONE || wire_seq_lt(p->rcv_up, up))) {
		/* A byte that was taken out may not come back when its mark goes. */
		if (p->urgent != TCP_URGENT_NONE && !p->urgent_inline && p->rcv_up == unread(p))
			tcp_rcvbuf_read(p, NULL, p->rcv.ready_bytes > 0, false);
		p->urgent = TCP_URGENT_AWAITED;
		p->rcv_up = up;
		tcp_wake(p);
	}
	at = p->rcv_up - in->h.seq;
	if (p->urgent != TCP_URGENT_AWAITED || at >= in->len)
		return;
	p->urgent = TCP_URGENT_HERE;
	p->urgent_byte = in->f->data[at];
	tcp_wake(p);
}

bool tcp_urgent_at_mark(const struct tcp_pcb *p)
{
	return p->urgent != TCP_URGENT_NONE && p->rcv_up == unread(p);
}

uint32_t tcp_urgent_readable(const struct tcp_pcb *p)
{
	uint32_t hole = !p->urgent_inline && tcp_urgent_at_mark(p) && p->rcv.ready_bytes;

	return p->rcv.ready_bytes - hole;
}

uint32_t tcp_urgent_inq(const struct tcp_pcb *p)
{
	uint32_t ahead = p->rcv_up - unread(p);

	if (p->urgent == TCP_URGENT_NONE || p->urgent_inline || ahead >= p->rcv.ready_bytes)
		return p->rcv.ready_bytes;
	return ahead;
}

size_t tcp_urgent_read(struct tcp_pcb *p, void *bytes, size_t len, bool peek)
{
	uint32_t ahead, hole = 0;
	size_t done;

	if (p->urgent == TCP_URGENT_NONE)
		return tcp_rcvbuf_read(p, bytes, len, peek);
	ahead = p->rcv_up - unread(p);
	if (ahead && ahead < p->rcv.ready_bytes) {
		len = len < ahead ? len : ahead;
	} else if (!ahead && p->rcv.ready_bytes && len) {
		hole = !p->urgent_inline;
		if (peek)
			return tcp_rcvbuf_peek(p, hole, bytes, len);
		tcp_rcvbuf_read(p, NULL, hole, false);
	}
	done = tcp_rcvbuf_read(p, bytes, len, peek);
	if (!peek && wire_seq_lt(p->rcv_up, unread(p)))
		p->urgent = TCP_URGENT_NONE;
	return done;
}

ptrdiff_t tcp_urgent_recv(struct tcp_pcb *p, void *bytes, size_t len, bool peek)
{
	if (p->urgent_inline || p->urgent == TCP_URGENT_NONE || p->urgent == TCP_URGENT_TAKEN)
		return -EINVAL;
	if (p->urgent == TCP_URGENT_AWAITED)
		return p->state == TCP_CLOSED || p->rcv_shut ? 0 : -EAGAIN;
	if (!peek)
		p->urgent = TCP_URGENT_TAKEN;
	if (!len)
		return 0;
	*(uint8_t *)bytes = p->urgent_byte;
	return 1;
}
