/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A pool keeps a free list per size class and carves new frames from the arena in slabs, up to
 * its limit; after the first moments of a run a frame costs a pop and a push.
 */
#include "core/base/frame.h"

#include <errno.h>
#include <string.h>

#define SLAB_SIZE ((size_t)64 * 1024)
#define LINE	  ((size_t)64) /* of the cache: a frame's own fields are one */

/* An acknowledgement, a full segment of Ethernet, a jumbo frame, a super-frame. */
static const uint32_t class_size[] = {384, 2048, 9472, 65792};

#define CLASSES (sizeof(class_size) / sizeof(class_size[0]))

struct vs_pool {
	struct vs_arena *arena;
	size_t bytes_max;
	struct vs_pool_stats stats;
	struct vs_frame *free[CLASSES]; /* linked through data */
};

static_assert(VS_FRAME_HEADROOM + VS_FRAME_MAX <= 65792, "the largest class holds any frame");

int vs_pool_create(struct vs_pool **out, const struct vs_pool_conf *conf, struct vs_arena *arena)
{
	struct vs_pool *pool = vs_alloc(arena, sizeof(*pool));

	if (!pool)
		return -ENOMEM;
	pool->arena = arena;
	pool->bytes_max = conf->bytes_max ? conf->bytes_max : (size_t)64 << 20;
	*out = pool;
	return 0;
}

struct vs_pool_stats vs_pool_stats(const struct vs_pool *pool)
{
	return pool->stats;
}

static void free_push(struct vs_pool *pool, struct vs_frame *f)
{
	f->data = (uint8_t *)pool->free[f->size_class];
	pool->free[f->size_class] = f;
}

/* Carves one slab of frames of a class; false when the pool or its arena is full. */
static bool slab_add(struct vs_pool *pool, unsigned class)
{
	size_t each = (sizeof(struct vs_frame) + class_size[class] + LINE - 1) & ~(LINE - 1);
	size_t count = each > SLAB_SIZE / 2 ? 1 : SLAB_SIZE / each;
	char *slab;

	if (each > pool->bytes_max - pool->stats.bytes_held)
		return false;
	if (each * count > pool->bytes_max - pool->stats.bytes_held)
		count = 1;
	slab = vs_alloc(pool->arena, each * count + LINE);
	if (!slab)
		return false;
	slab += -(uintptr_t)slab % LINE;
	pool->stats.bytes_held += each * count;
	for (size_t i = count; i-- > 0;) {
		struct vs_frame *f = (struct vs_frame *)(slab + i * each);

		f->pool = pool;
		f->size = class_size[class];
		f->size_class = (uint16_t)class;
		free_push(pool, f);
	}
	return true;
}

struct vs_frame *vs_frame_new(struct vs_pool *pool, size_t len, size_t tailroom)
{
	size_t need = VS_FRAME_HEADROOM + len + tailroom;
	unsigned class = 0;
	struct vs_frame *f;

	if (len > VS_FRAME_MAX || tailroom > VS_FRAME_MAX - len) {
		pool->stats.refused++;
		return NULL;
	}
	while (class_size[class] < need)
		class++;
	if (!pool->free[class] && !slab_add(pool, class)) {
		pool->stats.refused++;
		return NULL;
	}
	f = pool->free[class];
	pool->free[class] = (struct vs_frame *)f->data;
	f->data = f->buf + VS_FRAME_HEADROOM;
	f->len = (uint32_t)len;
	f->refs = 1;
	f->id = ++pool->stats.frames_made;
	f->flags = 0;
	f->mark = 0;
	pool->stats.frames_out++;
	return f;
}

void vs_frame_free(struct vs_frame *f)
{
	vs_assert(f->refs == 0 && f->pool->stats.frames_out > 0);
	f->pool->stats.frames_out--;
	free_push(f->pool, f);
}

struct vs_frame *vs_frame_from(struct vs_pool *pool, const void *bytes, size_t len)
{
	struct vs_frame *f = vs_frame_new(pool, len, 0);

	if (f && len)
		memcpy(f->data, bytes, len);
	return f;
}

struct vs_frame *vs_frame_copy(struct vs_pool *pool, const struct vs_frame *f)
{
	struct vs_frame *copy = vs_frame_from(pool, f->data, f->len);

	if (copy) {
		copy->flags = f->flags & (uint16_t)~VS_FRAME_HASHED;
		copy->mark = f->mark;
	}
	return copy;
}

struct vs_frame *vs_frame_own(struct vs_frame *f)
{
	struct vs_frame *copy;

	if (f->refs == 1)
		return f;
	copy = vs_frame_copy(f->pool, f);
	vs_frame_put(f);
	return copy;
}
