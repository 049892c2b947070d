/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The send buffer: a ring of pointers to chunks, copies or the application's own bytes. Nothing is
 * held for a connection that has nothing to send; the stack keeps some free chunks, because the
 * arena would clear them each time.
 */
#include "stack/tcp/tcp_impl.h"

#include <string.h>

#define RING_MIN	2
#define CHUNKS_FREE_MAX 256

static uint8_t *chunk_new(struct stk *s)
{
	struct tcp *t = s->tcp;
	uint8_t *chunk = t->chunks;

	if (!chunk)
		return vs_alloc(s->arena, TCP_CHUNK);
	memcpy(&t->chunks, chunk, sizeof(t->chunks));
	t->chunks_free--;
	return chunk;
}

static void chunk_free(struct stk *s, uint8_t *chunk)
{
	struct tcp *t = s->tcp;

	if (t->chunks_free >= CHUNKS_FREE_MAX) {
		vs_free(s->arena, chunk, TCP_CHUNK);
		return;
	}
	memcpy(chunk, &t->chunks, sizeof(t->chunks));
	t->chunks = chunk;
	t->chunks_free++;
}

/* The limit follows twice the congestion window, so that memory is held only where it is used. */
uint32_t tcp_sndbuf_room(const struct tcp_pcb *p)
{
	uint32_t limit = p->sndbuf_max;

	if (!p->sndbuf_fixed) {
		uint64_t want = 2 * (uint64_t)tcp_max(p->cwnd, 10u * p->mss);

		if (want < p->stk->tcp->settings.wmem[1])
			want = p->stk->tcp->settings.wmem[1];
		if (want < limit)
			limit = (uint32_t)want;
	}
	return p->snd.len < limit ? limit - p->snd.len : 0;
}

uint32_t tcp_room_to_send(const struct tcp_pcb *p)
{
	return tcp_unsent(p) >= p->notsent_lowat ? 0 : tcp_sndbuf_room(p);
}

/* Worth a write: half of what is held is free, and what is unsent has fallen by half below its mark
 * (Linux's rule, lest every byte that leaves wakes the writer).
 */
bool tcp_writable(const struct tcp_pcb *p)
{
	uint32_t room = tcp_sndbuf_room(p);

	if (p->notsent_lowat != UINT32_MAX && 2 * (uint64_t)tcp_unsent(p) >= p->notsent_lowat)
		return false;
	return room && room >= p->snd.len / 2;
}

/* Tells who waits that there is room, a third of the limit at least (Linux's rule). The news may be
 * stale when it is looked at: a loss shrinks the limit below what is held. So it is given again
 * with whatever makes room next, until a write has fitted.
 */
void tcp_sndbuf_news(struct tcp_pcb *p)
{
	if (tcp_writable(p))
		tcp_wake(p);
}

static struct tcp_chunk *chunk_at(const struct tcp_sndbuf *b, uint32_t index)
{
	return &b->chunk[(b->head + index) & (b->size - 1)];
}

/* Makes a chunk of our own out of the application's, from the first byte that is still held. */
static bool chunk_own(struct tcp_pcb *p, struct tcp_chunk *chunk, uint32_t from, uint32_t to)
{
	uint8_t *own = chunk_new(p->stk);

	if (!own)
		return false;
	if (from < to)
		memcpy(own + from, chunk->bytes + from, to - from);
	chunk->own = own;
	chunk->bytes = own;
	return true;
}

/* A place for one more chunk, which is nobody's yet. */
static struct tcp_chunk *add_chunk(struct tcp_pcb *p)
{
	struct tcp_sndbuf *b = &p->snd;

	if (b->chunks == b->size) {
		uint32_t size = b->size ? 2 * b->size : RING_MIN;
		struct tcp_chunk *ring = vs_alloc(p->stk->arena, size * sizeof(*ring));

		if (!ring)
			return NULL;
		for (uint32_t i = 0; i < b->chunks; i++)
			ring[i] = *chunk_at(b, i);
		vs_free(p->stk->arena, b->chunk, b->size * sizeof(*ring));
		b->chunk = ring;
		b->size = size;
		b->head = 0;
	}
	return chunk_at(b, b->chunks);
}

/* Where the byte at place `at` goes, or is when it is one of the application's that follows in its
 * memory the one before; NULL for want of memory.
 */
static struct tcp_chunk *chunk_to_write(struct tcp_pcb *p, uint32_t at, const uint8_t *bytes,
					bool constant)
{
	struct tcp_sndbuf *b = &p->snd;
	uint32_t in = at % TCP_CHUNK;
	struct tcp_chunk *chunk;

	if (at < b->chunks * TCP_CHUNK) {
		chunk = chunk_at(b, at / TCP_CHUNK);
		if (chunk->own || (constant && chunk->bytes + in == bytes))
			return chunk;
		return chunk_own(p, chunk, at < TCP_CHUNK ? b->start : 0, in) ? chunk : NULL;
	}
	chunk = add_chunk(p);
	if (!chunk)
		return NULL;
	*chunk = (struct tcp_chunk){.bytes = bytes};
	if (!constant && !chunk_own(p, chunk, 0, 0))
		return NULL;
	b->chunks++;
	return chunk;
}

uint32_t tcp_sndbuf_write(struct tcp_pcb *p, const void *bytes, uint32_t len, bool constant)
{
	struct tcp_sndbuf *b = &p->snd;
	uint32_t done = 0;

	while (done < len) {
		uint32_t at = b->start + b->len, in = at % TCP_CHUNK;
		uint32_t part = tcp_min(len - done, TCP_CHUNK - in);
		const uint8_t *from = (const uint8_t *)bytes + done;
		struct tcp_chunk *chunk = chunk_to_write(p, at, from, constant);

		if (!chunk)
			break;
		if (chunk->own)
			memcpy(chunk->own + in, from, part);
		b->len += part;
		done += part;
	}
	return done;
}

uint32_t tcp_sndbuf_read(const struct tcp_pcb *p, uint32_t seq, void *to, uint32_t len,
			 uint32_t sum)
{
	const struct tcp_sndbuf *b = &p->snd;
	uint32_t at = b->start + (seq - b->seq), done = 0;

	vs_assert(seq - b->seq + len <= b->len);
	while (done < len) {
		const uint8_t *from = chunk_at(b, at / TCP_CHUNK)->bytes;
		uint32_t part = tcp_min(len - done, TCP_CHUNK - at % TCP_CHUNK);
		uint32_t piece =
			wire_cksum_copy(0, (uint8_t *)to + done, from + at % TCP_CHUNK, part);

		/* Bytes at an odd place stand in the other half of their words (RFC 1071 2B). */
		piece = (uint16_t)~wire_cksum_fold(piece);
		if (done & 1)
			piece = (piece >> 8 | piece << 8) & 0xffff;
		sum += piece;
		done += part;
		at += part;
	}
	return sum;
}

/* The first chunk is acknowledged. */
static void chunk_leave(struct tcp_pcb *p)
{
	struct tcp_chunk *chunk = chunk_at(&p->snd, 0);

	if (chunk->own)
		chunk_free(p->stk, chunk->own);
	p->snd.head++;
	p->snd.chunks--;
}

void tcp_sndbuf_acked(struct tcp_pcb *p, uint32_t ack)
{
	struct tcp_sndbuf *b = &p->snd;
	uint32_t bytes = ack - b->seq;

	if ((int32_t)bytes <= 0)
		return;
	/* The FIN has a number but no byte. */
	bytes = tcp_min(bytes, b->len);
	b->seq += bytes;
	b->len -= bytes;
	b->start += bytes;
	while (b->chunks && (b->start >= TCP_CHUNK || !b->len)) {
		chunk_leave(p);
		b->start = b->start >= TCP_CHUNK ? b->start - TCP_CHUNK : 0;
	}
	if (b->len)
		return;
	b->start = 0;
	if (b->size > TCP_RING_KEEP)
		tcp_sndbuf_clear(p);
}

void tcp_sndbuf_clear(struct tcp_pcb *p)
{
	struct tcp_sndbuf *b = &p->snd;
	uint32_t seq = b->seq;

	while (b->chunks)
		chunk_leave(p);
	vs_free(p->stk->arena, b->chunk, b->size * sizeof(*b->chunk));
	memset(b, 0, sizeof(*b));
	b->seq = seq;
}
