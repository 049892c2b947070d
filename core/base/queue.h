/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Queue: a ring of frames with the port each is for; how engines hold their output. */
#ifndef VSQ_BASE_QUEUE_H
#define VSQ_BASE_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/frame.h"

struct vs_queue_entry {
	struct vs_frame *frame;
	int32_t port;
};

struct vs_queue {
	struct vs_queue_entry *ring;
	uint32_t size; /* a power of two */
	uint32_t head; /* next to leave */
	uint32_t tail; /* next free place */
};

/* Makes room for at least entries frames. 0 or -ENOMEM. */
int vs_queue_init(struct vs_queue *, uint32_t entries, struct vs_arena *);

/* Makes room for at least entries, keeping what is queued. 0 or -ENOMEM. */
int vs_queue_reserve(struct vs_queue *, uint32_t entries, struct vs_arena *);

/* Puts every frame and gives the ring back. */
void vs_queue_fini(struct vs_queue *, struct vs_arena *);

static inline uint32_t vs_queue_len(const struct vs_queue *q)
{
	return q->tail - q->head;
}

static inline bool vs_queue_full(const struct vs_queue *q)
{
	return vs_queue_len(q) == q->size;
}

/* Takes f. The queue must not be full. */
static inline void vs_queue_push(struct vs_queue *q, int port, struct vs_frame *f)
{
	vs_assert(!vs_queue_full(q));
	q->ring[q->tail++ & (q->size - 1)] = (struct vs_queue_entry){f, port};
}

/* Gives the oldest frame and sets *port, or NULL. */
static inline struct vs_frame *vs_queue_pop(struct vs_queue *q, int *port)
{
	struct vs_queue_entry *entry;

	if (q->head == q->tail)
		return NULL;
	entry = &q->ring[q->head++ & (q->size - 1)];
	*port = entry->port;
	return entry->frame;
}

#endif
