/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Frames: the one buffer that travels through engines. A frame is counted by reference, has room
 * in front for headers, and belongs to the pool of its world; it is copied at the border of a
 * world and nowhere else.
 *
 * Who holds the only reference may write to the frame; who shares it may only read
 * (vs_frame_own() makes a frame one's own). A frame sits in as many queues as it has references:
 * queues hold pointers (queue.h), the frame holds no link.
 */
#ifndef VSQ_BASE_FRAME_H
#define VSQ_BASE_FRAME_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/assert.h"

#define VS_FRAME_HEADROOM 128	/* Ethernet + tag + IPv6 + TCP with all its options */
#define VS_FRAME_MAX	  65550 /* an Ethernet header and the largest IP packet */

struct vs_pool;

struct vs_frame {
	uint8_t *data;	      /* first byte, the Ethernet destination */
	uint32_t len;	      /* bytes from data */
	uint32_t refs;	      /* holders */
	uint64_t id;	      /* which of its pool this is, for traces; copies get their own */
	struct vs_pool *pool; /* where it returns to */
	uint32_t size;	      /* bytes in buf */
	uint16_t size_class;
	uint16_t flags; /* VS_FRAME_... */
	uint32_t mark;	/* for whoever drives the engines; engines carry it along, copies too */
	uint64_t hash;	/* for whoever drives the engines, with VS_FRAME_HASHED */
	uint8_t buf[] __attribute__((aligned(16)));
};

static_assert(offsetof(struct vs_frame, buf) == 64, "a line of the cache");

/* The checksums of the packet were made in this process and the frame was not changed since, so
 * they need not be verified. Whoever changes a byte clears it; production borders never set it.
 */
#define VS_FRAME_TRUSTED 0x1

/* Whoever drives the engines has put a hash of the bytes into the frame as it entered a link. A
 * link that changes a byte clears it; elsewhere it means nothing. Copies do not have it.
 */
#define VS_FRAME_HASHED 0x2

struct vs_pool_conf {
	size_t bytes_max; /* memory for frames at most; 0: 64 MiB */
};

/* Counts of a pool. frames_out is 0 when every frame came home. */
struct vs_pool_stats {
	uint64_t frames_made; /* vs_frame_new() and copies since creation */
	uint64_t frames_out;  /* frames not yet returned */
	uint64_t refused;     /* calls that found the pool full */
	size_t bytes_held;    /* memory carved for frames */
};

/* Makes a pool in the arena. 0 or -ENOMEM. It goes with its arena. */
int vs_pool_create(struct vs_pool **, const struct vs_pool_conf *, struct vs_arena *);
struct vs_pool_stats vs_pool_stats(const struct vs_pool *);

/* Gives a frame of len bytes, unset, with VS_FRAME_HEADROOM in front and at least tailroom more
 * bytes behind; NULL when the pool is full or len + tailroom exceeds VS_FRAME_MAX.
 */
struct vs_frame *vs_frame_new(struct vs_pool *, size_t len, size_t tailroom);

/* Gives a frame with these bytes, or NULL as vs_frame_new(). */
struct vs_frame *vs_frame_from(struct vs_pool *, const void *bytes, size_t len);

/* Lends f, gives a copy of it in the pool, or NULL. Flags and mark go along. */
struct vs_frame *vs_frame_copy(struct vs_pool *, const struct vs_frame *f);

/* Takes f, gives a frame with its bytes that nobody else holds: f itself, or a copy; NULL when
 * the pool is full (f is put all the same).
 */
struct vs_frame *vs_frame_own(struct vs_frame *f);

void vs_frame_free(struct vs_frame *f); /* for vs_frame_put() only */

/* Gives one more reference. */
static inline struct vs_frame *vs_frame_ref(struct vs_frame *f)
{
	f->refs++;
	return f;
}

/* Takes one reference; the last one returns the frame to its pool. NULL is fine. */
static inline void vs_frame_put(struct vs_frame *f)
{
	if (f && --f->refs == 0)
		vs_frame_free(f);
}

static inline size_t vs_frame_headroom(const struct vs_frame *f)
{
	return (size_t)(f->data - f->buf);
}

static inline size_t vs_frame_tailroom(const struct vs_frame *f)
{
	return f->size - vs_frame_headroom(f) - f->len;
}

/* Opens n bytes in front and returns their place. The room must be there. */
static inline uint8_t *vs_frame_push(struct vs_frame *f, size_t n)
{
	vs_assert(n <= vs_frame_headroom(f));
	f->data -= n;
	f->len += (uint32_t)n;
	return f->data;
}

/* Removes n bytes in front; there must be as many. */
static inline void vs_frame_pull(struct vs_frame *f, size_t n)
{
	vs_assert(n <= f->len);
	f->data += n;
	f->len -= (uint32_t)n;
}

/* Sets the length, up to what the buffer holds. */
static inline void vs_frame_set_len(struct vs_frame *f, size_t len)
{
	vs_assert(len <= f->size - vs_frame_headroom(f));
	f->len = (uint32_t)len;
}

#endif
