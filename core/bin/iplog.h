/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A log of the IP addresses that frames come from: each address once, until so many others have
 * been seen that it is forgotten.
 */
#ifndef VSQ_BIN_IPLOG_H
#define VSQ_BIN_IPLOG_H

#include <stddef.h>

struct iplog;

struct iplog *iplog_new(void); /* NULL: no memory */

/* Looks at one frame; a struct iplog is its ctx. Fits cable_end.seen. */
void iplog_frame(void *ctx, const unsigned char *frame, size_t len);

#endif
