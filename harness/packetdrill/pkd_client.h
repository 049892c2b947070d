/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asking the stack of the packetdrill process above us: for the programs that stand for sysctl, ip
 * and tc, and for the preloaded library in children. Its requests are in pkd_control.c.
 */
#ifndef VSQ_PACKETDRILL_PKD_CLIENT_H
#define VSQ_PACKETDRILL_PKD_CLIENT_H

#include <stddef.h>

#define PKD_CLIENT_SOCKET "VSQ_PACKETDRILL_SOCKET"

/* A line without its end, and the answer's value. 0 or -errno: -ENOTCONN when nobody is there. */
int pkd_client_ask(const char *request, char *value, size_t size);
int pkd_client_get(const char *name, char *value, size_t size);
int pkd_client_set(const char *name, const char *value);

/* A descriptor: what is written to it, up to its end, is set. -1 and errno. */
int pkd_client_writer(const char *name);

#endif
