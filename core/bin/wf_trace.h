/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Recorded traces from files: losses as 0s and 1s, capacity as times in ms, a line each. */
#ifndef VSQ_BIN_WF_TRACE_H
#define VSQ_BIN_WF_TRACE_H

#include "core/link/link.h"

/* Plays the trace of that kind ("loss", "capacity") in the file named by "[LR|RL] PATH". 0, or
 * -errno and *why lends a sentence until the next call.
 */
int wf_trace_load(struct link *, vs_time now, const char *kind, const char *value,
		  const char **why);

/* Adds the command trace-load KIND [LR|RL] PATH. */
int wf_trace_mgmt_add(struct link *, struct mgmt *);

#endif
