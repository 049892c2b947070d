/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of vde_switch: the options of table 4.1 of the Virtual Square book, and those of
 * today's vde_switch.
 */
#ifndef VSQ_BIN_SWITCH_OPTIONS_H
#define VSQ_BIN_SWITCH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define SWITCH_VERSION	 "VDE switch V.3.0 (vsq)"
#define SWITCH_COPYRIGHT "(C) the vsq authors - GPLv2 or later"
#define SWITCH_TAPS_MAX	 64
#define SWITCH_PORTS_MAX 65536

struct switch_options {
	unsigned ports;	    /* 0: the default */
	unsigned hash_size; /* 0: the default */
	uint16_t priority;  /* 0: the default */
	bool hub, fstp, mac_given, daemon;
	uint8_t mac[6];
	const char *dir; /* NULL: the default of this user */
	mode_t mode, dir_mode;
	gid_t gid;	      /* (gid_t)-1: none */
	const char *pid_file; /* NULL: none, and so on */
	const char *rc_file;
	const char *mgmt;
	mode_t mgmt_mode;
	gid_t mgmt_gid;
	unsigned debug_max; /* 0: the default */
	const char *taps[SWITCH_TAPS_MAX];
	unsigned taps_count;
};

/* 0: go on; 1: done, as after --help; -EINVAL, told on stderr. */
int switch_options_parse(struct switch_options *, int argc, char **argv);

#endif
