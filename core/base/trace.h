/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an engine tells an observer. An observer only looks: it must not call the engine, keep the
 * frame or change it. Engines take one at creation; NULL costs a branch.
 */
#ifndef VSQ_BASE_TRACE_H
#define VSQ_BASE_TRACE_H

#include <stdint.h>

#include "core/base/frame.h"
#include "core/base/time.h"

struct vs_trace {
	void *ctx;

	/* A frame is dropped. port is where it came from (-1: made here); reason is the name of
	 * the counter that counts it. Called once for each counted drop; f is NULL when there is
	 * nothing to show, as when the pool was full before the frame was made.
	 */
	void (*drop)(void *ctx, vs_time now, int port, const struct vs_frame *f,
		     const char *reason);

	/* A quantity has changed ("markov.node", "queue.bytes", "fdb.entries" ...). May be NULL. */
	void (*value)(void *ctx, vs_time now, int port, const char *name, int64_t value);
};

static inline void vs_trace_drop(const struct vs_trace *t, vs_time now, int port,
				 const struct vs_frame *f, const char *reason)
{
	if (t && t->drop)
		t->drop(t->ctx, now, port, f, reason);
}

static inline void vs_trace_value(const struct vs_trace *t, vs_time now, int port,
				  const char *name, int64_t value)
{
	if (t && t->value)
		t->value(t->ctx, now, port, name, value);
}

#endif
