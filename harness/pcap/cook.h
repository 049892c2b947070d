/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Frames of other link types made into Ethernet frames. */
#ifndef VSQ_PCAP_COOK_H
#define VSQ_PCAP_COOK_H

#include "harness/pcap/pcap.h"

#define COOK_ROOM 16 /* a frame grows by less */

bool cook_knows(uint32_t link_type);

/* Writes f as an Ethernet frame to out, which has room for COOK_ROOM more bytes than f, and lets f
 * show it. 0, or -EBADMSG when f is shorter than its link header.
 */
int cook_frame(uint32_t link_type, struct cap_frame *f, uint8_t *out);

#endif
