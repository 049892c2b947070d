/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A cable between two ends that carry frames: a plug of a switch, a VDE stream on two descriptors,
 * or a TAP interface.
 *
 * Each direction has a buffer of its own, and an end is not read while the buffer behind it is
 * full; nothing blocks, so neither direction can stop the other.
 */
#ifndef VSQ_BIN_CABLE_H
#define VSQ_BIN_CABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/host/rt.h"
#include "core/plug/libvdeplug.h"

enum cable_kind { CABLE_PLUG, CABLE_STREAM, CABLE_TAP };

struct cable_end {
	enum cable_kind kind;
	VDECONN *conn;	/* CABLE_PLUG */
	int in, out;	/* CABLE_STREAM: two descriptors; CABLE_TAP: the same */
	const char *name; /* for messages */

	/* Called for each frame that this end gives; may be NULL. */
	void (*seen)(void *ctx, const unsigned char *frame, size_t len);
	void *seen_ctx;
};

/* Opens the switch of a URL as an end; "-" is the VDE stream on standard input and output. 0, or
 * -errno, told.
 */
int cable_open(struct cable_end *, const char *url, const char *descr,
	       struct vde_open_args *args);
void cable_close(struct cable_end *);

/* Joins the ends until a stream ends, a switch closes, or a signal comes. 0 when a stream ended
 * or a signal came; -ECONNRESET when a switch closed; another -errno. What went wrong is told.
 */
int cable_run(struct rt *, struct cable_end ends[2]);

#endif
