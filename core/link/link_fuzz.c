/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Random settings, frames and moments. Whatever comes: each frame that went in is out, dropped for
 * a reason or held, frames of a direction leave in order when they must, and the pool comes back
 * whole. The input is a script: a letter and its argument, up to the end of the line.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/assert.h"
#include "core/host/memory.h"
#include "core/link/link.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static const char *const names[] = {
	"loss",		  "lostburst", "ecn",
	"delay",	  "dup",
	"bandwidth",	  "speed",
	"noise",	  "mtu",
	"chanbufsize",	  "fifo",
	"reorder",	  "reorder-delay",
	"corrupt",	  "markov-numnodes",
	"markov-time",	  "markov-name",
	"markov-setnode", "markov-setedge",
	"trace-loss",	  "trace-capacity",
	"what",
};

struct drops {
	uint64_t count;
};

static void on_drop(void *ctx, vs_time now, int port, const struct vs_frame *f, const char *reason)
{
	struct drops *d = ctx;

	(void)now;
	(void)f;
	vs_assert(port == 0 || port == 1);
	vs_assert(!strncmp(reason, "drop_", 5));
	d->count++;
}

static void on_value(void *ctx, vs_time now, int port, const char *name, int64_t value)
{
	(void)ctx;
	(void)now;
	vs_assert(value >= 0 && name[0] && port >= -1);
}

static uint64_t conserves(const struct link *l)
{
	uint64_t drops = 0;

	for (int port = 0; port < 2; port++) {
		struct vs_counters c = link_counters(l, port);
		uint64_t in = 0, out = link_queue_frames(l, port);

		for (unsigned i = 0; i < c.count; i++) {
			if (!strcmp(c.names[i], "rx_frames") || !strcmp(c.names[i], "duplicated"))
				in += c.values[i];
			if (!strcmp(c.names[i], "tx_frames"))
				out += c.values[i];
			if (!strncmp(c.names[i], "drop_", 5)) {
				out += c.values[i];
				drops += c.values[i];
			}
		}
		vs_assert(in == out);
	}
	return drops;
}

struct state {
	struct link *link;
	struct vs_pool *pool;
	vs_time now;
};

static void drain(struct state *s)
{
	struct vs_frame *f;
	int port;

	while ((f = link_output(s->link, &port))) {
		vs_assert(port == 0 || port == 1);
		vs_frame_put(f);
	}
}

static void step(struct state *s, const char *line, size_t len)
{
	unsigned long n = strtoul(line + 1, NULL, 10);

	if (*line >= 'a' && *line < 'a' + (int)(sizeof(names) / sizeof(names[0]))) {
		const char *why = NULL;

		if (link_set(s->link, s->now, names[*line - 'a'], line + 1, &why))
			vs_assert(why && *why);
		return;
	}
	switch (*line) {
	case '>':
	case '<':
		for (unsigned long i = 0; i < 1 + len % 8; i++) {
			struct vs_frame *f = vs_frame_new(s->pool, n % 2000, 0);

			if (!f)
				break;
			memset(f->data, 0, f->len);
			link_input(s->link, s->now, *line == '<', f);
		}
		break;
	case '+':
		s->now += (vs_time)(n % 1000000) * 1000;
		link_run(s->link, s->now);
		drain(s);
		break;
	case '@':
		for (unsigned long i = 0; i < n % 64; i++) {
			vs_time at = link_poll_at(s->link);

			if (at > s->now + VS_SEC)
				break;
			s->now = at > s->now ? at : s->now;
			link_run(s->link, s->now);
			drain(s);
		}
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct drops drops = {0};
	struct vs_trace trace = {.ctx = &drops, .drop = on_drop, .value = on_value};
	struct link_conf conf = {
		.seed = 1, .name = "fuzz", .queue_bytes_max = 20000, .trace = &trace};
	struct vs_arena arena;
	struct state s = {0};

	host_arena_init(&arena, (size_t)64 << 20);
	vs_assert(!vs_pool_create(&s.pool, &(struct vs_pool_conf){.bytes_max = 1 << 20}, &arena));
	vs_assert(!link_create(&s.link, &conf, &arena));
	while (size) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t len = end ? (size_t)(end - data) : size;
		char line[256];

		if (len && len < sizeof(line)) {
			memcpy(line, data, len);
			line[len] = '\0';
			step(&s, line, len);
			vs_assert(conserves(s.link) == drops.count);
		}
		data += len + !!end;
		size -= len + !!end;
	}
	link_destroy(s.link);
	vs_assert(vs_pool_stats(s.pool).frames_out == 0);
	vs_arena_fini(&arena);
	return 0;
}
