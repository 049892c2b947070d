/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The smallest world a link can live in, for its tests. */
#ifndef VSQ_LINK_LINK_TEST_H
#define VSQ_LINK_LINK_TEST_H

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/assert.h"
#include "core/host/memory.h"
#include "core/link/link.h"

struct world {
	struct vs_arena arena;
	struct vs_pool *pool;
	struct link *link;
	uint64_t sent; /* numbers the frames: their first 8 bytes */
};

static inline void world_open_traced(struct world *w, uint64_t seed, const struct vs_trace *trace)
{
	memset(w, 0, sizeof(*w));
	host_arena_init(&w->arena, 0);
	assert_int_equal(
		vs_pool_create(&w->pool, &(struct vs_pool_conf){.bytes_max = 1 << 28}, &w->arena),
		0);
	assert_int_equal(link_create(&w->link,
				     &(struct link_conf){.seed = seed, .name = "t", .trace = trace},
				     &w->arena),
			 0);
}

static inline void world_open(struct world *w, uint64_t seed)
{
	world_open_traced(w, seed, NULL);
}

static inline uint64_t world_count(const struct world *w, int port, const char *name)
{
	struct vs_counters c = link_counters(w->link, port);

	for (unsigned i = 0; i < c.count; i++)
		if (!strcmp(c.names[i], name))
			return c.values[i];
	fail_msg("no counter %s", name);
	return 0;
}

/* Every frame that came, and every copy, has gone out, was dropped for a reason or is held. */
static inline void world_conserves(const struct world *w)
{
	for (int port = 0; port < 2; port++) {
		struct vs_counters c = link_counters(w->link, port);
		uint64_t in = 0, out = link_queue_frames(w->link, port);

		for (unsigned i = 0; i < c.count; i++) {
			if (!strcmp(c.names[i], "rx_frames") || !strcmp(c.names[i], "duplicated"))
				in += c.values[i];
			if (!strcmp(c.names[i], "tx_frames") || !strncmp(c.names[i], "drop_", 5))
				out += c.values[i];
		}
		assert_int_equal(in, out);
	}
}

static inline void world_close(struct world *w)
{
	world_conserves(w);
	link_destroy(w->link);
	assert_int_equal(vs_pool_stats(w->pool).frames_out, 0);
	vs_arena_fini(&w->arena);
}

static inline void world_set(struct world *w, vs_time now, const char *name, const char *value)
{
	const char *why = "";

	if (link_set(w->link, now, name, value, &why))
		fail_msg("%s %s: %s", name, value, why);
}

static inline void world_send(struct world *w, vs_time now, int port, size_t len)
{
	struct vs_frame *f = vs_frame_new(w->pool, len, 0);

	assert_non_null(f);
	memset(f->data, 0, len);
	memcpy(f->data, &w->sent, len < 8 ? len : 8);
	w->sent++;
	link_input(w->link, now, port, f);
}

/* Runs to the next frame that leaves by `until`: its time, number and port; VS_NEVER if none. */
static inline vs_time world_next(struct world *w, vs_time until, uint64_t *number, int *port)
{
	struct vs_frame *f;
	vs_time at;
	int out = -1;

	do {
		at = link_poll_at(w->link);
		if (at > until || at == VS_NEVER)
			return VS_NEVER;
		link_run(w->link, at);
	} while (!(f = link_output(w->link, &out)));
	if (number) {
		*number = 0;
		memcpy(number, f->data, f->len < 8 ? f->len : 8);
	}
	if (port)
		*port = out;
	vs_frame_put(f);
	return at;
}

#endif
