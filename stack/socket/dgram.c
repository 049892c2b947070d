/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stack/socket/dgram.h"

#include <errno.h>
#include <string.h>

#include "stack/ip/ip.h"

#define RCVBUF_MIN 2304 /* socket(7) */

bool dgram_push(struct stk *s, struct dgram_queue *q, struct vs_frame *f,
		const struct dgram_info *info)
{
	uint32_t count = q->tail - q->head;

	/* One message is always let in, however large. */
	if (count && q->bytes + f->size > q->bytes_max)
		return false;
	if (count == q->size) {
		uint32_t size = q->size ? q->size * 2 : 4;
		struct dgram *ring = vs_alloc(s->arena, size * sizeof(*ring));

		if (!ring)
			return false;
		for (uint32_t i = 0; i < count; i++)
			ring[i] = q->ring[(q->head + i) & (q->size - 1)];
		vs_free(s->arena, q->ring, q->size * sizeof(*ring));
		q->ring = ring;
		q->size = size;
		q->head = 0;
		q->tail = count;
	}
	q->ring[q->tail++ & (q->size - 1)] = (struct dgram){f, *info};
	q->bytes += f->size;
	return true;
}

ptrdiff_t dgram_recv_msg(struct dgram_queue *q, void *buf, size_t len, int flags,
			 struct stk_msg *msg)
{
	struct dgram *first;
	size_t whole, copied;

	if (dgram_empty(q))
		return -EAGAIN;
	first = &q->ring[q->head & (q->size - 1)];
	whole = first->frame->len;
	copied = whole < len ? whole : len;
	if (buf && copied)
		memcpy(buf, first->frame->data, copied);
	*msg = (struct stk_msg){.peer = first->info.from,
				.local = first->info.to,
				.ifindex = first->info.ifindex,
				.ttl = first->info.ttl,
				.tos = first->info.tos,
				.flags = copied < whole ? STK_MSG_TRUNC : 0};
	if (!(flags & STK_MSG_PEEK)) {
		q->bytes -= first->frame->size;
		q->head++;
		vs_frame_put(first->frame);
	}
	return (ptrdiff_t)(flags & STK_MSG_TRUNC ? whole : copied);
}

ptrdiff_t dgram_recv(struct dgram_queue *q, void *buf, size_t len, int flags, struct stk_addr *from)
{
	struct stk_msg msg;
	ptrdiff_t got = dgram_recv_msg(q, buf, len, flags, &msg);

	if (from && got >= 0)
		*from = msg.peer;
	return got;
}

void dgram_fini(struct stk *s, struct dgram_queue *q)
{
	for (; q->head != q->tail; q->head++)
		vs_frame_put(q->ring[q->head & (q->size - 1)].frame);
	vs_free(s->arena, q->ring, q->size * sizeof(*q->ring));
	*q = (struct dgram_queue){0};
}

size_t dgram_rcvbuf(const struct stk *s, int64_t asked)
{
	int64_t most = s->ip->set.rmem_max;

	if (asked > most)
		asked = most;
	asked *= 2;
	return (size_t)(asked < RCVBUF_MIN ? RCVBUF_MIN : asked);
}
