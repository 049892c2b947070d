/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A frame as one line, in the manner of tcpdump -n -e. */
#ifndef VSQ_WIRE_PRINT_H
#define VSQ_WIRE_PRINT_H

#include "core/base/text.h"

/* Adds a line without its end for the Ethernet frame in bytes. Whatever the bytes hold, the line is
 * printable ASCII; a header that is cut is said to be.
 */
void wire_print(struct vs_text *, const uint8_t *bytes, size_t len);

#endif
