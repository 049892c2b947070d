/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The channel's frames, by the time they leave and then by the order in which they came. */
#include "core/link/link_impl.h"

#define WAYS  4
#define FIRST 16 /* entries, at the first frame that has to wait; then doubling */

static bool ring_grow(struct link_queue *q, struct vs_arena *arena)
{
	uint32_t size = q->ring_size ? q->ring_size * 2 : FIRST;
	uint32_t len = q->ring_tail - q->ring_head;
	struct link_entry *ring = vs_alloc(arena, size * sizeof(*ring));

	if (!ring)
		return false;
	for (uint32_t i = 0; i < len; i++)
		ring[i] = q->ring[(q->ring_head + i) & (q->ring_size - 1)];
	vs_free(arena, q->ring, q->ring_size * sizeof(*ring));
	q->ring = ring;
	q->ring_size = size;
	q->ring_head = 0;
	q->ring_tail = len;
	return true;
}

bool link_queue_reserve(struct link_queue *q, struct vs_arena *arena)
{
	if (q->ring_tail - q->ring_head == q->ring_size && !ring_grow(q, arena))
		return false;
	if (q->heap_len == q->heap_size) {
		uint32_t size = q->heap_size ? q->heap_size * 2 : FIRST;
		struct link_entry *heap;

		heap = vs_grow(arena, q->heap, sizeof(*heap), q->heap_size, size);
		if (!heap)
			return false;
		q->heap = heap;
		q->heap_size = size;
	}
	return true;
}

static void heap_push(struct link_queue *q, struct link_entry entry)
{
	uint32_t i = q->heap_len++;

	while (i > 0 && link_entry_before(&entry, &q->heap[(i - 1) / WAYS])) {
		q->heap[i] = q->heap[(i - 1) / WAYS];
		i = (i - 1) / WAYS;
	}
	q->heap[i] = entry;
}

static void heap_pop(struct link_queue *q)
{
	struct link_entry last = q->heap[--q->heap_len];
	uint32_t i = 0;

	for (;;) {
		uint32_t first = i * WAYS + 1, least = first;

		if (first >= q->heap_len)
			break;
		for (uint32_t k = first + 1; k < first + WAYS && k < q->heap_len; k++)
			if (link_entry_before(&q->heap[k], &q->heap[least]))
				least = k;
		if (!link_entry_before(&q->heap[least], &last))
			break;
		q->heap[i] = q->heap[least];
		i = least;
	}
	q->heap[i] = last;
}

/* Room must have been reserved. */
void link_queue_push(struct link_queue *q, const struct link_entry *entry)
{
	if (q->ring_head == q->ring_tail ||
	    q->ring[(q->ring_tail - 1) & (q->ring_size - 1)].at <= entry->at)
		q->ring[q->ring_tail++ & (q->ring_size - 1)] = *entry;
	else
		heap_push(q, *entry);
}

/* Gives the entry that leaves first; there must be one. */
struct link_entry link_queue_pop(struct link_queue *q)
{
	const struct link_entry *place = link_queue_first(q);
	struct link_entry first = *place;

	if (q->heap_len && place == &q->heap[0])
		heap_pop(q);
	else
		q->ring_head++;
	return first;
}

void link_queue_fini(struct link_queue *q, struct vs_arena *arena)
{
	while (link_queue_first(q))
		vs_frame_put(link_queue_pop(q).frame);
	vs_free(arena, q->ring, q->ring_size * sizeof(*q->ring));
	vs_free(arena, q->heap, q->heap_size * sizeof(*q->heap));
	*q = (struct link_queue){0};
}
