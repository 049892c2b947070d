/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/base/queue.h"

#include <errno.h>

int vs_queue_init(struct vs_queue *q, uint32_t entries, struct vs_arena *arena)
{
	*q = (struct vs_queue){0};
	return vs_queue_reserve(q, entries ? entries : 1, arena);
}

int vs_queue_reserve(struct vs_queue *q, uint32_t entries, struct vs_arena *arena)
{
	uint32_t size = q->size ? q->size : 1;
	uint32_t count = vs_queue_len(q);
	struct vs_queue_entry *ring;

	if (entries <= q->size)
		return 0;
	if (entries > 1u << 30)
		return -ENOMEM;
	while (size < entries)
		size *= 2;
	ring = vs_alloc(arena, size * sizeof(*ring));
	if (!ring)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		ring[i] = q->ring[(q->head + i) & (q->size - 1)];
	vs_free(arena, q->ring, q->size * sizeof(*ring));
	*q = (struct vs_queue){.ring = ring, .size = size, .head = 0, .tail = count};
	return 0;
}

void vs_queue_fini(struct vs_queue *q, struct vs_arena *arena)
{
	struct vs_frame *f;
	int port;

	while ((f = vs_queue_pop(q, &port)))
		vs_frame_put(f);
	vs_free(arena, q->ring, q->size * sizeof(*q->ring));
	*q = (struct vs_queue){0};
}
