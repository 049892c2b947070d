/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The network of a switch in the kernel: a bound socket that keeps it, and those of the interfaces
 * that join it.
 */
#ifndef VSQ_BIN_KVDE_NET_H
#define VSQ_BIN_KVDE_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define KVDE_NET_MTU 1518 /* bytes of the largest frame: one with a VLAN tag */

/* Makes the network at path, for its user only, with this many ports. A socket, or -errno:
 * -EADDRINUSE when path is in use, -EAFNOSUPPORT, -EPROTONOSUPPORT without the kernel's modules.
 */
int kvde_net_create(const char *path, unsigned ports);

/* Joins an interface: a new one, tap, or one that is there. A socket that keeps it, or -errno. */
int kvde_net_interface(const char *path, const char *name, bool tap);

/* Opens the network to a group, unless it is (gid_t)-1, and to whom mode says. 0 or -errno. */
int kvde_net_open(const char *path, mode_t mode, gid_t gid);

/* Runs a command: its code, or -errno. Text takes what it says, *len bytes of at most size. */
int kvde_net_command(int fd, const char *line, char *text, size_t size, size_t *len);

#endif
