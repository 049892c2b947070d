/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Arena: where engines get their memory, at creation and when they are configured, never per
 * frame. Memory comes in chunks from whoever owns the arena, goes back to free lists by size
 * class when an object goes, and is all released together at the end.
 */
#ifndef VSQ_BASE_ARENA_H
#define VSQ_BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

#define VS_ARENA_CLASSES 48

struct vs_arena_chunk;

struct vs_arena {
	/* The owner's allocator: zeroed memory aligned for any type, or NULL. */
	void *(*get)(size_t size);
	void (*put)(void *memory);
	size_t size_max;  /* bytes this arena may hold in chunks; 0: as many as get() gives */
	size_t size_held; /* bytes in chunks */
	size_t size_used; /* bytes in objects that live, rounded up to their classes */
	struct vs_arena_chunk *chunks;
	char *next, *end; /* the unused part of the newest chunk */
	void *free[VS_ARENA_CLASSES];
};

void vs_arena_init(struct vs_arena *, void *(*get)(size_t), void (*put)(void *), size_t size_max);

/* Gives size bytes of zeros aligned to 16, or NULL when the arena is full. */
void *vs_alloc(struct vs_arena *, size_t size);

/* Takes what vs_alloc() gave for the same size; NULL is fine. */
void vs_free(struct vs_arena *, void *object, size_t size);

/* Moves an array of count objects to a place for more (size each), zeroing what is new. Gives the
 * new place, or NULL, which leaves the old one as it was.
 */
void *vs_grow(struct vs_arena *, void *array, size_t size, size_t count, size_t more);

/* Releases every chunk; every object of the arena is gone. */
void vs_arena_fini(struct vs_arena *);

#endif
