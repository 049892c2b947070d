/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The scoreboard: one record per segment in flight, in a ring that grows by doubling. Sums of
 * bytes move with the flags, so that what is in flight is known without a walk.
 */
#include "stack/tcp/tcp_impl.h"

#include <string.h>

#define RING_MIN 2

static bool make_room(struct tcp_pcb *p)
{
	struct tcp_board *b = &p->board;
	uint32_t size = b->size ? 2 * b->size : RING_MIN;
	struct tcp_sent *ring;

	if (b->count < b->size)
		return true;
	ring = vs_alloc(p->stk->arena, size * sizeof(*ring));
	if (!ring)
		return false;
	for (uint32_t i = 0; i < b->count; i++)
		ring[i] = *tcp_sent_at(p, i);
	vs_free(p->stk->arena, b->ring, b->size * sizeof(*ring));
	b->ring = ring;
	b->size = size;
	b->head = 0;
	return true;
}

bool tcp_sent_push(struct tcp_pcb *p, uint32_t seq, uint32_t end)
{
	if (!make_room(p))
		return false;
	*tcp_sent_at(p, p->board.count++) =
		(struct tcp_sent){.seq = seq, .end = end, .at = tcp_now(p),
				  .order = ++p->sent_order};
	return true;
}

uint32_t tcp_sent_find(const struct tcp_pcb *p, uint32_t seq)
{
	uint32_t low = 0, high = p->board.count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (wire_seq_lt(seq, tcp_sent_at(p, middle)->end))
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* Takes bytes of a record out of the sums. */
static void uncount(struct tcp_board *b, const struct tcp_sent *r, uint32_t bytes)
{
	if ((r->flags & TCP_SENT_SACKED) && bytes == r->end - r->seq)
		b->sacked_segments--;
	if (r->flags & TCP_SENT_SACKED)
		b->sacked -= bytes;
	if (r->flags & TCP_SENT_LOST)
		b->lost -= bytes;
	if (r->flags & TCP_SENT_AGAIN)
		b->again -= bytes;
}

vs_time tcp_sent_acked(struct tcp_pcb *p, uint32_t ack)
{
	struct tcp_board *b = &p->board;
	vs_time at = VS_NEVER;
	bool repeated = false;

	while (b->count) {
		struct tcp_sent *r = tcp_sent_at(p, 0);

		if (wire_seq_leq(ack, r->seq))
			break;
		if (wire_seq_lt(ack, r->end)) {
			uncount(b, r, ack - r->seq);
			r->seq = ack;
			break;
		}
		if (!(r->flags & TCP_SENT_SACKED)) {
			p->account.delivered++;
			tcp_rack_delivered(p, r, false);
			if (!(r->flags & TCP_SENT_REPEATED) && wire_seq_leq(r->end, p->recover))
				p->original = true;
		}
		uncount(b, r, r->end - r->seq);
		/* A SACKed one was measured by the time of its SACK, not now. And what filled the
		 * first hole made the peer say so of all that had long waited behind it.
		 */
		repeated |= r->flags & TCP_SENT_REPEATED;
		if (at == VS_NEVER && !(r->flags & TCP_SENT_SACKED))
			at = r->at;
		b->head++;
		b->count--;
	}
	if (!b->count && b->size > TCP_RING_KEEP)
		tcp_sent_clear(p);
	return repeated ? VS_NEVER : at;
}

void tcp_sent_mark_lost(struct tcp_pcb *p, struct tcp_sent *r)
{
	if (r->flags & (TCP_SENT_SACKED | TCP_SENT_LOST))
		return;
	r->flags |= TCP_SENT_LOST;
	p->board.lost += r->end - r->seq;
	if (wire_seq_lt(r->seq, p->again_seq))
		p->again_seq = r->seq;
}

void tcp_sent_mark_sacked(struct tcp_pcb *p, struct tcp_sent *r)
{
	uncount(&p->board, r, r->end - r->seq);
	r->flags &= (uint8_t) ~(TCP_SENT_LOST | TCP_SENT_AGAIN);
	r->flags |= TCP_SENT_SACKED;
	p->board.sacked += r->end - r->seq;
	p->board.sacked_segments++;
	p->account.delivered++;
}

void tcp_sent_mark_again(struct tcp_pcb *p, struct tcp_sent *r)
{
	if (!(r->flags & TCP_SENT_AGAIN))
		p->board.again += r->end - r->seq;
	r->flags |= TCP_SENT_AGAIN | TCP_SENT_REPEATED;
	r->at = tcp_now(p);
	r->order = ++p->sent_order;
	if (r->times < UINT8_MAX)
		r->times++;
}

void tcp_sent_mark_found(struct tcp_pcb *p, struct tcp_sent *r)
{
	uncount(&p->board, r, r->end - r->seq);
	r->flags &= (uint8_t) ~(TCP_SENT_LOST | TCP_SENT_AGAIN);
}

/* After a timeout. A first record that was SACKed means that the peer threw it away (RFC 2018 8):
 * then no report of it can be believed.
 */
void tcp_sent_all_lost(struct tcp_pcb *p)
{
	struct tcp_board *b = &p->board;
	bool reneged = b->count && (tcp_sent_at(p, 0)->flags & TCP_SENT_SACKED);

	if (reneged) {
		b->sacked = 0;
		b->sacked_segments = 0;
	}
	b->lost = 0;
	b->again = 0;
	for (uint32_t i = 0; i < b->count; i++) {
		struct tcp_sent *r = tcp_sent_at(p, i);

		r->flags &= (uint8_t) ~(TCP_SENT_LOST | TCP_SENT_AGAIN);
		if (reneged)
			r->flags &= (uint8_t)~TCP_SENT_SACKED;
		if (!(r->flags & TCP_SENT_SACKED)) {
			r->flags |= TCP_SENT_LOST;
			b->lost += r->end - r->seq;
		}
	}
	p->again_seq = p->snd_una;
	p->lost_seq = p->snd_nxt;
	p->sacks_seen = 0;
}

/* The timeout was spurious: what it marked is under way. */
void tcp_sent_none_lost(struct tcp_pcb *p)
{
	for (uint32_t i = 0; i < p->board.count; i++)
		tcp_sent_at(p, i)->flags &= (uint8_t)~TCP_SENT_LOST;
	p->board.lost = 0;
	p->again_seq = p->snd_una;
	p->lost_seq = p->snd_una;
}

/* Cuts a record in two at seq: when segments have become smaller. Rare, so the rest may move. */
bool tcp_sent_split(struct tcp_pcb *p, uint32_t index, uint32_t seq)
{
	struct tcp_board *b = &p->board;
	struct tcp_sent *r;

	if (!make_room(p))
		return false;
	b->count++;
	for (uint32_t i = b->count - 1; i > index; i--)
		*tcp_sent_at(p, i) = *tcp_sent_at(p, i - 1);
	r = tcp_sent_at(p, index);
	if (r->flags & TCP_SENT_SACKED)
		b->sacked_segments++;
	r->end = seq;
	r->flags &= (uint8_t)~TCP_SENT_PUSH;
	tcp_sent_at(p, index + 1)->seq = seq;
	return true;
}

void tcp_sent_clear(struct tcp_pcb *p)
{
	struct tcp_board *b = &p->board;

	vs_free(p->stk->arena, b->ring, b->size * sizeof(*b->ring));
	memset(b, 0, sizeof(*b));
}
