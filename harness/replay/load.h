/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A capture in memory, and the account of a replay. */
#ifndef VSQ_REPLAY_LOAD_H
#define VSQ_REPLAY_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/text.h"
#include "core/base/time.h"

struct replay_frame {
	vs_time time; /* as in the capture */
	uint8_t *bytes;
	uint32_t len;
	uint32_t wire_len;
	int interface;
	unsigned flags; /* CAP_IN, CAP_OUT */
	unsigned number; /* in the capture, from 1 */
};

struct replay_capture {
	const char *path; /* lent */
	struct replay_frame *frame;
	size_t count;
	size_t size;
	char **interface; /* names */
	int interfaces;
};

/* Reads a capture in the order of its times. 0, or -errno with a line in the account. */
int replay_load(struct replay_capture *, const char *path, struct vs_text *account);
void replay_unload(struct replay_capture *);

/* Adds a frame as a line of its own: where it stands in its capture and what it says. */
void replay_tell(struct vs_text *account, const struct replay_capture *,
		 const struct replay_frame *);

/* Calls each line of settings that is not blank; a line starting with # is not either. Stops at the
 * first that does not return 0, and returns that.
 */
int replay_settings(const char *settings, void *ctx, int (*each)(void *ctx, char *line));

#endif
