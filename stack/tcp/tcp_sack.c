/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The sender's side of SACK: what blocks report (RFC 2018 4), what that makes lost, and what may
 * leave besides (RFC 6675 4).
 */
#include "stack/tcp/tcp_impl.h"

#include <string.h>

/* Where to begin with a block: what the last ACK's blocks covered is marked already. Only to save
 * time; any answer between left and right that lies in a known block is right.
 */
static uint32_t unknown_from(const struct tcp_pcb *p, const struct wire_tcp_sack *block)
{
	for (unsigned i = 0; i < p->sacks_seen; i++) {
		const struct wire_tcp_sack *old = &p->sack_seen[i];

		if (wire_seq_leq(old->left, block->left) && wire_seq_lt(block->left, old->right))
			return old->right;
	}
	return block->left;
}

static uint32_t mark(struct tcp_pcb *p, const struct wire_tcp_sack *block)
{
	uint32_t before = p->board.sacked;

	for (uint32_t i = tcp_sent_find(p, unknown_from(p, block)); i < p->board.count; i++) {
		struct tcp_sent *r = tcp_sent_at(p, i);

		if (wire_seq_lt(block->right, r->end))
			break;
		if (wire_seq_lt(r->seq, block->left) || (r->flags & TCP_SENT_SACKED))
			continue;
		if (!(r->flags & TCP_SENT_REPEATED)) {
			if (!p->rack.dsack)
				tcp_rtt_sample(p, tcp_now(p) - r->at);
			if (wire_seq_leq(r->end, p->recover))
				p->original = true;
			p->rack.slow |= r->at < tcp_sent_at(p, 0)->at;
		}
		tcp_rack_delivered(p, r, true);
		tcp_sent_mark_sacked(p, r);
	}
	return p->board.sacked - before;
}

/* RFC 2883 4: the first block is a duplicate's if the ACK or the second block covers it. */
static bool is_duplicate(const struct wire_tcp *h)
{
	const struct wire_tcp_sack *first = &h->sack[0];

	if (!h->sacks || !wire_seq_lt(first->left, first->right))
		return false;
	if (wire_seq_leq(first->right, h->ack))
		return true;
	return h->sacks > 1 && wire_seq_leq(h->sack[1].left, first->left) &&
	       wire_seq_leq(first->right, h->sack[1].right);
}

/* Called before snd_una moves, with an ACK that is acceptable. */
uint32_t tcp_sack_arrives(struct tcp_pcb *p, const struct wire_tcp *h)
{
	uint32_t sacked = 0;
	unsigned seen = 0;
	struct wire_tcp_sack known[WIRE_TCP_SACKS];

	if (is_duplicate(h)) {
		tcp_rack_dsack(p);
		tcp_undo_dsack(p, &h->sack[0]);
	}
	for (unsigned i = 0; i < h->sacks && i < WIRE_TCP_SACKS; i++) {
		const struct wire_tcp_sack *block = &h->sack[i];

		/* At or below the ACK it is a duplicate's report (RFC 2883); beyond what was
		 * sent, or backwards, it is nonsense (RFC 6675 4's Update()).
		 */
		if (!wire_seq_lt(block->left, block->right) ||
		    wire_seq_lt(p->snd_nxt, block->right) || wire_seq_leq(block->left, h->ack) ||
		    wire_seq_lt(block->left, p->snd_una))
			continue;
		sacked += mark(p, block);
		known[seen++] = *block;
	}
	memcpy(p->sack_seen, known, seen * sizeof(*known));
	p->sacks_seen = (uint8_t)seen;
	return sacked;
}

/* RFC 6675 4, IsLost(): three segments SACKed above it, or more than two segments' bytes. Marks
 * from lost_seq, below which all has been judged, up to where that holds.
 */
void tcp_sack_mark_lost(struct tcp_pcb *p)
{
	uint32_t bytes = 0, limit = p->snd_una, i = p->board.count;
	unsigned segments = 0;

	while (i > 0) {
		const struct tcp_sent *r = tcp_sent_at(p, --i);

		if (!(r->flags & TCP_SENT_SACKED))
			continue;
		segments++;
		bytes += r->end - r->seq;
		if (segments >= TCP_DUP_THRESH || bytes > (TCP_DUP_THRESH - 1) * (uint32_t)p->mss) {
			limit = r->seq;
			break;
		}
		if (wire_seq_leq(r->seq, p->lost_seq))
			return;
	}
	if (wire_seq_lt(p->lost_seq, p->snd_una))
		p->lost_seq = p->snd_una;
	if (wire_seq_leq(limit, p->lost_seq))
		return;
	for (i = tcp_sent_find(p, p->lost_seq); i < p->board.count; i++) {
		struct tcp_sent *r = tcp_sent_at(p, i);

		if (wire_seq_leq(limit, r->seq))
			break;
		if (!(r->flags & TCP_SENT_AGAIN))
			tcp_sent_mark_lost(p, r);
	}
	p->lost_seq = limit;
}

/* RFC 6675 4, NextSeg() (3) and (4), for when neither a lost segment nor new data can leave: an
 * unSACKed one below the highest SACK, or once in a recovery the last of all.
 */
struct tcp_sent *tcp_sack_next(struct tcp_pcb *p)
{
	uint32_t high = p->board.count;

	while (high > 0 && !(tcp_sent_at(p, high - 1)->flags & TCP_SENT_SACKED))
		high--;
	/* Not from again_seq on: that is past what was not lost when it was looked at. */
	for (uint32_t i = 0; i < high; i++) {
		struct tcp_sent *r = tcp_sent_at(p, i);

		if (!(r->flags & (TCP_SENT_SACKED | TCP_SENT_AGAIN)))
			return r;
	}
	if (!p->rescued && high < p->board.count) {
		struct tcp_sent *r = tcp_sent_at(p, p->board.count - 1);

		p->rescued = true;
		if (!(r->flags & TCP_SENT_AGAIN))
			return r;
	}
	return NULL;
}
