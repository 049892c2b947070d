/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A connection to a network in the kernel, of the family IPN (kvde_switch, or any other policy). */
#ifndef VSQ_PLUG_IPN_H
#define VSQ_PLUG_IPN_H

#include <stdbool.h>

#include "core/plug/conn.h"

/* Whether path is a socket's name, as a network's is; a switch's is a directory's. */
bool plug_ipn_path(const char *path);

/* Joins the network at path, at this port (-1: any), as descr: an empty text or one with its end.
 * 0, or -errno with nothing left behind: -ENOTDIR where there is no IPN, as for any other file
 * that is no switch; -ECONNREFUSED (no network has that name), -EACCES (not to be received from),
 * -EADDRINUSE (the port is another's), -EADDRNOTAVAIL (none is free), -EINVAL (no such port).
 */
int plug_open_ipn(struct vdeconn *, const char *path, int port, const char *descr);

#endif
