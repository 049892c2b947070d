/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A switch on a bench: endpoints named by number, frames named by their addresses, and at the end
 * the books balanced: every frame forwarded or dropped for one reason, every copy out or dropped,
 * the pool whole.
 */
#ifndef VSQ_SWITCH_VSW_TEST_IMPL_H
#define VSQ_SWITCH_VSW_TEST_IMPL_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/text.h"
#include "core/host/memory.h"
#include "core/switch/vsw_impl.h"

struct bench {
	struct vs_arena arena;
	struct vs_pool *pool;
	struct vsw *sw;
	vs_time now;
	char heard[4096]; /* "endpoint:len " for each copy, in order */
	uint8_t last[16384]; /* bytes of the latest copy */
	size_t last_len;
	uint64_t traced; /* drops */
	char reason[32]; /* of the latest */
	struct vs_trace trace;
};

static inline void bench_traced(void *ctx, vs_time now, int port, const struct vs_frame *f,
				const char *reason)
{
	struct bench *b = ctx;

	(void)now, (void)port, (void)f;
	b->traced++;
	snprintf(b->reason, sizeof(b->reason), "%s", reason);
}

static inline void bench_init(struct bench *b, struct vsw_conf conf)
{
	memset(b, 0, sizeof(*b));
	b->trace.ctx = b;
	b->trace.drop = bench_traced;
	conf.trace = &b->trace;
	host_arena_init(&b->arena, 0);
	assert_int_equal(vs_pool_create(&b->pool, &(struct vs_pool_conf){0}, &b->arena), 0);
	assert_int_equal(vsw_create(&b->sw, &conf, &b->arena), 0);
}

static inline uint64_t bench_sum(const struct bench *b, const char *prefix)
{
	struct vs_counters c = vsw_counters(b->sw);
	uint64_t sum = 0;

	for (unsigned i = 0; i < c.count; i++)
		if (strncmp(c.names[i], prefix, strlen(prefix)) == 0)
			sum += c.values[i];
	return sum;
}

static inline void bench_balance(const struct bench *b)
{
	const uint64_t *c = b->sw->counters;

	assert_int_equal(c[VSW_RX_FRAMES],
			 c[VSW_FORWARDED] + c[VSW_BPDUS] + bench_sum(b, "drop_"));
	assert_int_equal(c[VSW_COPIES], c[VSW_TX_FRAMES] + vs_queue_len(&b->sw->queue) +
						bench_sum(b, "copy_drop_"));
	assert_int_equal(b->traced, bench_sum(b, "drop_") + bench_sum(b, "copy_drop_"));
}

static inline void bench_fini(struct bench *b)
{
	bench_balance(b);
	vsw_destroy(b->sw);
	assert_int_equal(vs_pool_stats(b->pool).frames_out, 0);
	vs_arena_fini(&b->arena);
}

static inline int plug(struct bench *b, int port)
{
	struct vsw_guest guest = {.port = port, .any = port == 0, .user = VSW_NONE,
				  .module = "test", .descr = "a guest"};

	return vsw_attach(b->sw, b->now, &guest);
}

static inline const char *pull(struct bench *b)
{
	struct vs_text text;
	struct vs_frame *f;
	int endpoint;

	vs_text_init(&text, b->heard, sizeof(b->heard));
	while ((f = vsw_output(b->sw, &endpoint))) {
		vs_text_add(&text, "%s%d:%u", text.len ? " " : "", endpoint, (unsigned)f->len);
		memcpy(b->last, f->data, f->len);
		b->last_len = f->len;
		vs_frame_put(f);
	}
	return b->heard;
}

/* A frame from station src to dst (0: everyone) with this tag (-1: none) and 46 bytes of payload.
 */
static inline struct vs_frame *frame_of(struct bench *b, unsigned src, unsigned dst, int tci)
{
	uint8_t bytes[64] = {2, 0, 0, 0, (uint8_t)(dst >> 8), (uint8_t)dst,
			     2, 0, 0, 0, (uint8_t)(src >> 8), (uint8_t)src};
	size_t at = 12;

	if (dst == 0)
		memset(bytes, 0xff, 6);
	if (tci >= 0) {
		bytes[at++] = 0x81;
		bytes[at++] = 0x00;
		bytes[at++] = (uint8_t)(tci >> 8);
		bytes[at++] = (uint8_t)tci;
	}
	bytes[at++] = 0x08;
	bytes[at++] = 0x00;
	for (int i = 0; i < 46; i++)
		bytes[at++] = (uint8_t)i;
	return vs_frame_from(b->pool, bytes, at);
}

/* Sends it and says who heard what. */
static inline const char *send_tagged(struct bench *b, int endpoint, unsigned src, unsigned dst,
				      int tci)
{
	vsw_input(b->sw, b->now, endpoint, frame_of(b, src, dst, tci));
	return pull(b);
}

static inline const char *send_plain(struct bench *b, int endpoint, unsigned src, unsigned dst)
{
	return send_tagged(b, endpoint, src, dst, -1);
}

static inline int found(const struct bench *b, unsigned station, unsigned vlan)
{
	uint8_t mac[6] = {2, 0, 0, 0, (uint8_t)(station >> 8), (uint8_t)station};

	return vsw_find(b->sw, b->now, mac, vlan);
}

#endif
