/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The switch in the kernel (policy IPN_VDESWITCH of net/af_ipn.h): its management.  Its commands
 * are those of vde_switch's menus hash, port and vlan; users and groups are numbers.
 */
#ifndef NET_KVDE_SWITCH_H
#define NET_KVDE_SWITCH_H

#ifdef __KERNEL__
#include <linux/ioctl.h>
#else
#include <sys/ioctl.h>
#endif
#include <linux/types.h>

#define KVDE_LINE_MAX 1023
#define KVDE_TEXT_MAX (1 << 20)

/* Runs one command, on a socket that is bound to the network. */
struct kvde_command {
	__u64 line;	/* const char *: "port/print", or "port/print -j" for JSON */
	__u64 text;	/* char *: takes the lines of the answer */
	__u32 line_len;	/* up to KVDE_LINE_MAX */
	__u32 text_len;	/* room for the answer, up to KVDE_TEXT_MAX; then how long it is */
	__s32 code;	/* of the answer: 0, or an errno */
	__u32 cut;	/* 1: the answer had not room enough */
};

#define KVDE_COMMAND _IOWR('I', 220, struct kvde_command)

#endif
