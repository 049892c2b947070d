/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Size classes have four steps per power of two, so at most a fifth of an object is slack. */
#include "core/base/arena.h"

#include <string.h>

#include "core/base/assert.h"

#define ALIGN	   ((size_t)16)
#define CHUNK_SIZE ((size_t)64 * 1024)
#define CLASS_MAX  ((size_t)1 << 16) /* beyond: a chunk of its own */

struct vs_arena_chunk {
	struct vs_arena_chunk *next;
	struct vs_arena_chunk *prev;
	size_t size;
	size_t unused; /* keeps what follows aligned to 16 */
};

static_assert(sizeof(struct vs_arena_chunk) % 16 == 0, "objects follow the chunk header");

/* The class of a size and, in *rounded, the size every object of that class has. */
static unsigned class_of(size_t size, size_t *rounded)
{
	if (size <= 64) {
		*rounded = size ? (size + ALIGN - 1) & ~(ALIGN - 1) : ALIGN;
		return (unsigned)(*rounded / ALIGN) - 1;
	}
	unsigned log = 63 - (unsigned)__builtin_clzll((unsigned long long)size - 1);
	size_t step = ((size_t)1 << log) / 4;
	size_t base = (size_t)1 << log;
	unsigned part = (unsigned)((size - base + step - 1) / step); /* 1..4 */

	*rounded = base + part * step;
	return 4 + (log - 6) * 4 + part - 1;
}

void vs_arena_init(struct vs_arena *a, void *(*get)(size_t), void (*put)(void *), size_t size_max)
{
	memset(a, 0, sizeof(*a));
	a->get = get;
	a->put = put;
	a->size_max = size_max;
}

static struct vs_arena_chunk *chunk_add(struct vs_arena *a, size_t size)
{
	struct vs_arena_chunk *chunk;

	if (a->size_max && size > a->size_max - a->size_held)
		return NULL;
	chunk = a->get(size);
	if (!chunk)
		return NULL;
	chunk->size = size;
	chunk->prev = NULL;
	chunk->next = a->chunks;
	if (a->chunks)
		a->chunks->prev = chunk;
	a->chunks = chunk;
	a->size_held += size;
	return chunk;
}

static void *alloc_large(struct vs_arena *a, size_t size)
{
	struct vs_arena_chunk *chunk;

	if (size > SIZE_MAX / 2)
		return NULL;
	size = (size + ALIGN - 1) & ~(ALIGN - 1);
	chunk = chunk_add(a, size + sizeof(*chunk));
	if (!chunk)
		return NULL;
	a->size_used += size;
	return chunk + 1;
}

static void free_large(struct vs_arena *a, void *object)
{
	struct vs_arena_chunk *chunk = (struct vs_arena_chunk *)object - 1;

	if (chunk->prev)
		chunk->prev->next = chunk->next;
	else
		a->chunks = chunk->next;
	if (chunk->next)
		chunk->next->prev = chunk->prev;
	a->size_held -= chunk->size;
	a->size_used -= chunk->size - sizeof(*chunk);
	a->put(chunk);
}

void *vs_alloc(struct vs_arena *a, size_t size)
{
	size_t rounded;
	unsigned class;
	void *object;

	if (size > CLASS_MAX)
		return alloc_large(a, size);
	class = class_of(size, &rounded);
	object = a->free[class];
	if (object) {
		memcpy(&a->free[class], object, sizeof(void *));
		memset(object, 0, rounded);
	} else {
		if ((size_t)(a->end - a->next) < rounded) {
			size_t want = rounded > CHUNK_SIZE / 4 ? rounded : CHUNK_SIZE;
			struct vs_arena_chunk *chunk = chunk_add(a, want + sizeof(*chunk));

			if (!chunk)
				return NULL;
			a->next = (char *)(chunk + 1);
			a->end = a->next + want;
		}
		object = a->next;
		a->next += rounded;
	}
	a->size_used += rounded;
	return object;
}

void vs_free(struct vs_arena *a, void *object, size_t size)
{
	size_t rounded;
	unsigned class;

	if (!object)
		return;
	if (size > CLASS_MAX) {
		free_large(a, object);
		return;
	}
	class = class_of(size, &rounded);
	vs_assert(class < VS_ARENA_CLASSES);
	memcpy(object, &a->free[class], sizeof(void *));
	a->free[class] = object;
	a->size_used -= rounded;
}

void *vs_grow(struct vs_arena *a, void *array, size_t size, size_t count, size_t more)
{
	void *place;

	vs_assert(more >= count);
	if (size && more > SIZE_MAX / 2 / size)
		return NULL;
	place = vs_alloc(a, size * more);
	if (!place)
		return NULL;
	if (array) {
		memcpy(place, array, size * count);
		vs_free(a, array, size * count);
	}
	return place;
}

void vs_arena_fini(struct vs_arena *a)
{
	struct vs_arena_chunk *chunk = a->chunks;

	while (chunk) {
		struct vs_arena_chunk *next = chunk->next;

		a->put(chunk);
		chunk = next;
	}
	vs_arena_init(a, a->get, a->put, a->size_max);
}
