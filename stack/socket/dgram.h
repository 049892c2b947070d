/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What sockets of messages have in common: a bounded queue of frames as they came, by reference. */
#ifndef VSQ_STACK_DGRAM_H
#define VSQ_STACK_DGRAM_H

#include "stack/stk_impl.h"

struct dgram_info {
	struct stk_addr from;
	struct wire_addr to; /* where it was sent */
	int ifindex;	     /* where it came in */
	uint8_t ttl, tos;
};

struct dgram {
	struct vs_frame *frame; /* data: the message */
	struct dgram_info info;
};

struct dgram_queue {
	struct dgram *ring;
	uint32_t size; /* a power of two, or 0 */
	uint32_t head, tail;
	size_t bytes;	  /* of buffers held: the frames' own size, not the messages' */
	size_t bytes_max; /* STK_SO_RCVBUF */
};

/* Takes f. False when there is no room; then f stays the caller's. */
bool dgram_push(struct stk *, struct dgram_queue *, struct vs_frame *f,
		const struct dgram_info *);

/* As stk_recv(); -EAGAIN when there is nothing. */
ptrdiff_t dgram_recv(struct dgram_queue *, void *buf, size_t len, int flags, struct stk_addr *from);

/* As stk_recv_msg(). */
ptrdiff_t dgram_recv_msg(struct dgram_queue *, void *buf, size_t len, int flags, struct stk_msg *);

/* What is told of a packet that came; from is as far as the packet knows it. */
static inline struct dgram_info dgram_info_of(const struct ip_received *r)
{
	return (struct dgram_info){.from = {.addr = r->ip->src},
				   .to = r->ip->dst,
				   .ifindex = r->ifindex,
				   .ttl = r->ip->hop_limit,
				   .tos = r->ip->tclass};
}

void dgram_fini(struct stk *, struct dgram_queue *);

static inline bool dgram_empty(const struct dgram_queue *q)
{
	return q->head == q->tail;
}

/* Bytes of the message that is next; 0 without one. */
static inline size_t dgram_next_len(const struct dgram_queue *q)
{
	return dgram_empty(q) ? 0 : q->ring[q->head & (q->size - 1)].frame->len;
}

/* STK_SO_RCVBUF as socket(7) has it: doubled, and not beyond net.core.rmem_max. */
size_t dgram_rcvbuf(const struct stk *, int64_t asked);

#endif
