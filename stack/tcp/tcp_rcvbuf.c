/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What was received: frames by reference, their data cut to the payload. In order they wait to be
 * read; behind a gap they wait, sorted, for it to be filled, and their runs are what we report as
 * SACK blocks (RFC 2018), the newest first. Also the window that we offer.
 */
#include "stack/tcp/tcp_impl.h"

#include <string.h>

#define RING_MIN  2
#define SMALL_LEN 512 /* up to this, bytes move into the frame before them */

static struct tcp_piece *piece_at(const struct tcp_pieces *q, uint32_t index)
{
	return &q->ring[(q->head + index) & (q->size - 1)];
}

static bool pieces_room(struct tcp_pcb *p, struct tcp_pieces *q)
{
	uint32_t size = q->size ? 2 * q->size : RING_MIN;
	struct tcp_piece *ring;

	if (q->count < q->size)
		return true;
	ring = vs_alloc(p->stk->arena, size * sizeof(*ring));
	if (!ring)
		return false;
	for (uint32_t i = 0; i < q->count; i++)
		ring[i] = *piece_at(q, i);
	vs_free(p->stk->arena, q->ring, q->size * sizeof(*ring));
	q->ring = ring;
	q->size = size;
	q->head = 0;
	return true;
}

static void pieces_insert(struct tcp_pieces *q, uint32_t index, struct tcp_piece piece)
{
	q->count++;
	for (uint32_t i = q->count - 1; i > index; i--)
		*piece_at(q, i) = *piece_at(q, i - 1);
	*piece_at(q, index) = piece;
}

static void pieces_remove(struct tcp_pieces *q, uint32_t index)
{
	if (index == 0) {
		q->head++;
	} else {
		for (uint32_t i = index; i + 1 < q->count; i++)
			*piece_at(q, i) = *piece_at(q, i + 1);
	}
	q->count--;
}

static void pieces_clear(struct tcp_pcb *p, struct tcp_pieces *q)
{
	for (uint32_t i = 0; i < q->count; i++)
		vs_frame_put(piece_at(q, i)->frame);
	vs_free(p->stk->arena, q->ring, q->size * sizeof(*q->ring));
	memset(q, 0, sizeof(*q));
}

/* An empty ring that has become large is not kept. */
static void pieces_trim(struct tcp_pcb *p, struct tcp_pieces *q)
{
	if (!q->count && q->size > TCP_RING_KEEP)
		pieces_clear(p, q);
}

static uint32_t cost(const struct vs_frame *f)
{
	return f->size + (uint32_t)sizeof(*f);
}

void tcp_rcvbuf_clear(struct tcp_pcb *p)
{
	struct tcp_rcvbuf *b = &p->rcv;

	pieces_clear(p, &b->ready);
	pieces_clear(p, &b->early);
	vs_free(p->stk->arena, b->ranges, b->ranges_size * sizeof(*b->ranges));
	memset(b, 0, sizeof(*b));
	p->sacks = 0;
}

/* Puts f behind what can be read. What is small moves into the frame before it, so that a peer
 * that sends byte by byte does not make us hold a frame for each.
 */
static bool ready_push(struct tcp_pcb *p, struct vs_frame *f)
{
	struct tcp_rcvbuf *b = &p->rcv;
	struct tcp_pieces *q = &b->ready;
	struct vs_frame *last = q->count ? piece_at(q, q->count - 1)->frame : NULL;

	if (last && f->len <= SMALL_LEN && last->refs == 1 && vs_frame_tailroom(last) >= f->len) {
		memcpy(last->data + last->len, f->data, f->len);
		vs_frame_set_len(last, last->len + f->len);
		b->ready_bytes += f->len;
		vs_frame_put(f);
		return true;
	}
	if (!pieces_room(p, q))
		return false;
	*piece_at(q, q->count++) = (struct tcp_piece){.frame = f};
	b->held += cost(f);
	b->ready_bytes += f->len;
	return true;
}

bool tcp_rcvbuf_append(struct tcp_pcb *p, struct vs_frame *f)
{
	uint32_t len = f->len;

	if (p->rcv_shut)
		vs_frame_put(f);
	else if (!ready_push(p, f))
		return false;
	p->rcv_nxt += len;
	p->account.bytes_received += len;
	p->rcv_wnd -= len < p->rcv_wnd ? len : p->rcv_wnd;
	return true;
}

size_t tcp_rcvbuf_read(struct tcp_pcb *p, void *bytes, size_t len, bool peek)
{
	struct tcp_rcvbuf *b = &p->rcv;
	size_t done = 0;

	for (uint32_t i = 0; done < len && i < b->ready.count;) {
		struct vs_frame *f = piece_at(&b->ready, i)->frame;
		size_t part = f->len < len - done ? f->len : len - done;

		if (bytes)
			memcpy((uint8_t *)bytes + done, f->data, part);
		done += part;
		if (peek) {
			i++;
			continue;
		}
		b->ready_bytes -= (uint32_t)part;
		vs_frame_pull(f, part);
		if (!f->len) {
			b->held -= cost(f);
			pieces_remove(&b->ready, 0);
			vs_frame_put(f);
		}
	}
	pieces_trim(p, &b->ready);
	return done;
}

size_t tcp_rcvbuf_peek(const struct tcp_pcb *p, size_t skip, void *bytes, size_t len)
{
	const struct tcp_rcvbuf *b = &p->rcv;
	size_t done = 0;

	for (uint32_t i = 0; done < len && i < b->ready.count; i++) {
		const struct vs_frame *f = piece_at(&b->ready, i)->frame;
		size_t start = skip < f->len ? skip : f->len;
		size_t part = f->len - start < len - done ? f->len - start : len - done;

		if (bytes)
			memcpy((uint8_t *)bytes + done, f->data + start, part);
		done += part;
		skip -= start;
	}
	return done;
}

/* The newest block goes first; blocks that it has swallowed, or that rcv_nxt has, go away. */
static void sacks_put(struct tcp_pcb *p, struct wire_tcp_sack block)
{
	struct wire_tcp_sack kept[WIRE_TCP_SACKS];
	unsigned n = 0;

	if (wire_seq_lt(p->rcv_nxt, block.right))
		kept[n++] = block;
	for (unsigned i = 0; i < p->sacks && n < WIRE_TCP_SACKS; i++) {
		const struct wire_tcp_sack *old = &p->sack[i];

		if (wire_seq_leq(old->right, p->rcv_nxt) ||
		    (wire_seq_leq(block.left, old->left) && wire_seq_leq(old->right, block.right)))
			continue;
		kept[n++] = *old;
	}
	memcpy(p->sack, kept, n * sizeof(*kept));
	p->sacks = (uint8_t)n;
}

/* Joins left..right with the ranges it meets and gives the run that it is now part of. */
static bool ranges_add(struct tcp_pcb *p, uint32_t left, uint32_t right,
		       struct wire_tcp_sack *whole)
{
	struct tcp_rcvbuf *b = &p->rcv;
	uint32_t first, last = b->ranges_count;

	while (last > 0 && wire_seq_lt(right, b->ranges[last - 1].left))
		last--;
	for (first = last; first > 0 && wire_seq_leq(left, b->ranges[first - 1].right); first--) {
		if (wire_seq_lt(b->ranges[first - 1].left, left))
			left = b->ranges[first - 1].left;
		if (wire_seq_lt(right, b->ranges[first - 1].right))
			right = b->ranges[first - 1].right;
	}
	if (first == last && b->ranges_count == b->ranges_size) {
		uint32_t size = b->ranges_size ? 2 * b->ranges_size : RING_MIN;
		struct wire_tcp_sack *more;

		more = vs_grow(p->stk->arena, b->ranges, sizeof(*more), b->ranges_size, size);
		if (!more)
			return false;
		b->ranges = more;
		b->ranges_size = size;
	}
	memmove(b->ranges + first + 1, b->ranges + last,
		(b->ranges_count - last) * sizeof(*b->ranges));
	b->ranges_count = b->ranges_count - (last - first) + 1;
	b->ranges[first] = *whole = (struct wire_tcp_sack){left, right};
	return true;
}

/* Drops the ranges that rcv_nxt has reached. */
static void ranges_trim(struct tcp_pcb *p)
{
	struct tcp_rcvbuf *b = &p->rcv;
	uint32_t gone = 0;

	while (gone < b->ranges_count && wire_seq_leq(b->ranges[gone].right, p->rcv_nxt))
		gone++;
	if (!gone)
		return;
	b->ranges_count -= gone;
	memmove(b->ranges, b->ranges + gone, b->ranges_count * sizeof(*b->ranges));
}

/* RFC 2883 4: the next ACK says what came twice; with the run around it, if that is early. */
void tcp_rcv_duplicate(struct tcp_pcb *p, uint32_t left, uint32_t right)
{
	if (!p->sack_on || !tcp_settings(p)->dsack)
		return;
	p->dsack = true;
	p->dsack_block = (struct wire_tcp_sack){left, right};
}

/* The index of the first early piece that ends after seq. */
static uint32_t early_find(const struct tcp_pieces *q, uint32_t seq)
{
	uint32_t low = 0, high = q->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct tcp_piece *e = piece_at(q, middle);

		if (wire_seq_lt(seq, e->seq + e->len))
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static void early_remove(struct tcp_pcb *p, uint32_t index)
{
	struct tcp_piece *e = piece_at(&p->rcv.early, index);

	p->rcv.held -= cost(e->frame);
	p->rcv.early_bytes -= e->len;
	vs_frame_put(e->frame);
	pieces_remove(&p->rcv.early, index);
}

/* Cuts the new segment to what is not here yet, and drops what it covers whole. False when
 * nothing is left of it.
 */
static bool early_cut(struct tcp_pcb *p, struct tcp_in *in, uint32_t index)
{
	struct tcp_pieces *q = &p->rcv.early;
	struct tcp_piece *e;

	if (index < q->count) {
		e = piece_at(q, index);
		if (wire_seq_leq(e->seq, in->seq)) {
			uint32_t known = tcp_min(e->seq + e->len - in->seq, in->len);

			tcp_rcv_duplicate(p, in->seq, in->seq + known);
			if (known == in->len)
				return false;
			vs_frame_pull(in->f, known);
			in->seq += known;
			in->len -= known;
			index++;
		}
	}
	while (index < q->count) {
		uint32_t right = in->seq + in->len;

		e = piece_at(q, index);
		if (wire_seq_leq(right, e->seq))
			break;
		if (wire_seq_lt(right, e->seq + e->len)) {
			tcp_rcv_duplicate(p, e->seq, right);
			in->len = e->seq - in->seq;
			vs_frame_set_len(in->f, in->len);
			break;
		}
		tcp_rcv_duplicate(p, e->seq, e->seq + e->len);
		early_remove(p, index);
	}
	return in->len > 0;
}

static void early_insert(struct tcp_pcb *p, struct tcp_in *in)
{
	struct tcp_rcvbuf *b = &p->rcv;
	uint32_t index = early_find(&b->early, in->seq);
	struct wire_tcp_sack whole;

	if (in->len) {
		/* Frames may be far larger than what they carry: their memory counts as well. */
		if (b->held / 2 >= p->rcvbuf_max || !pieces_room(p, &b->early)) {
			stk_drop(p->stk, in->ip->ifindex, STK_TcpOfoDrop, in->f);
			in->f = NULL;
			return;
		}
		if (!early_cut(p, in, index))
			return;
		index = early_find(&b->early, in->seq);
	}
	if (!ranges_add(p, in->seq, in->end, &whole)) {
		stk_drop(p->stk, in->ip->ifindex, STK_TcpOfoDrop, in->f);
		in->f = NULL;
		return;
	}
	stk_count(p->stk, STK_TcpOfoQueue);
	p->account.rcv_ooopack++;
	if (p->sack_on)
		sacks_put(p, whole);
	if (in->end != in->seq + in->len && !p->fin_early && (in->h.flags & WIRE_TCP_FIN)) {
		p->fin_early = true;
		p->fin_seq = in->end - 1;
	}
	if (!in->len)
		return;
	pieces_insert(&b->early, index,
		      (struct tcp_piece){.frame = in->f, .seq = in->seq, .len = in->len});
	b->held += cost(in->f);
	b->early_bytes += in->len;
	in->f = NULL;
}

/* Moves what is no longer early behind what is ready. */
static void early_drain(struct tcp_pcb *p)
{
	struct tcp_rcvbuf *b = &p->rcv;

	while (b->early.count) {
		struct tcp_piece e = *piece_at(&b->early, 0);
		uint32_t known = p->rcv_nxt - e.seq;

		if (wire_seq_lt(p->rcv_nxt, e.seq))
			break;
		if (known >= e.len) {
			early_remove(p, 0);
			continue;
		}
		vs_frame_pull(e.frame, known);
		b->held -= cost(e.frame);
		b->early_bytes -= e.len;
		pieces_remove(&b->early, 0);
		if (!tcp_rcvbuf_append(p, e.frame)) {
			vs_frame_put(e.frame);
			break;
		}
	}
	pieces_trim(p, &b->early);
	ranges_trim(p);
	sacks_put(p, (struct wire_tcp_sack){p->rcv_nxt, p->rcv_nxt});
}

void tcp_rcvbuf_arrives(struct tcp_pcb *p, struct tcp_in *in)
{
	if (wire_seq_lt(p->rcv_nxt, in->seq)) {
		early_insert(p, in);
		return;
	}
	if (in->len) {
		if (!tcp_rcvbuf_append(p, in->f)) {
			stk_drop(p->stk, in->ip->ifindex, STK_TcpOfoDrop, in->f);
			in->f = NULL;
			in->h.flags &= (uint8_t)~WIRE_TCP_FIN;
			return;
		}
		in->f = NULL;
	}
	if (p->rcv.ranges_count) {
		const struct wire_tcp_sack *first = &p->rcv.ranges[0];

		/* What was early has come again. */
		if (wire_seq_lt(first->left, p->rcv_nxt))
			tcp_rcv_duplicate(p, first->left,
					  wire_seq_lt(p->rcv_nxt, first->right) ? p->rcv_nxt
										 : first->right);
		early_drain(p);
	}
}

uint32_t tcp_rcv_space(const struct tcp_pcb *p)
{
	uint32_t used = p->rcv.ready_bytes;

	return used < p->rcvbuf_max ? p->rcvbuf_max - used : 0;
}

/* RFC 9293 3.8.6.2.2: the right edge moves only by a segment or half the buffer, and never back. */
uint32_t tcp_rcv_window(struct tcp_pcb *p)
{
	uint32_t space = tcp_min(tcp_rcv_space(p), p->rcv_clamp);
	uint32_t unit = 1u << p->rcv_wscale;
	uint32_t step = tcp_min(p->rcvbuf_max / 2, p->mss_rcv);

	space = tcp_min(space, 65535u << p->rcv_wscale) & ~(unit - 1);
	/* What the shift cuts off stays acceptable (RFC 7323 2.4), but is not promised again:
	 * rounded up, the edge would creep on with every segment that nobody reads.
	 */
	if (space >= p->rcv_wnd + step)
		p->rcv_wnd = space;
	return p->rcv_wnd >> p->rcv_wscale;
}
