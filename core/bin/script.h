/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VSQ_BIN_SCRIPT_H
#define VSQ_BIN_SCRIPT_H

#include <stddef.h>

#include "core/base/time.h"

struct mgmt;

/* For mgmt_conf.load: gives the lines of a file, without their ends. 0, what line() said, or
 * -errno. */
int script_read(void *ctx, const char *path,
		int (*line)(void *line_ctx, const char *text, unsigned number), void *line_ctx);

/* Runs a script up to its first fault. 0, or -errno with what to say in why, one line. */
int script_load(struct mgmt *, vs_time now, const char *path, char *why, size_t size);

#endif
