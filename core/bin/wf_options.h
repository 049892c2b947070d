/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wirefilter's command line. */
#ifndef VSQ_BIN_WF_OPTIONS_H
#define VSQ_BIN_WF_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define WF_SETTINGS_MAX 256

struct wf_setting {
	const char *name; /* of a parameter; trace-loss and trace-capacity name files here */
	const char *value;
};

struct wf_options {
	const char *rcfile, *mgmt, *plugs, *pidfile, *blink, *blinkid;
	mode_t mgmtmode;
	bool daemon, seeded;
	uint64_t seed;
	struct wf_setting settings[WF_SETTINGS_MAX]; /* in the order of the command line */
	size_t settings_len;
};

/* Reads the command line. -1 to go on; else the exit status, and everything has been said. */
int wf_options_read(struct wf_options *, int argc, char **argv);

/* Says what is wrong on standard error; returns the exit status that says so, 1. */
int wf_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
