/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ethernet II and IEEE 802.3 framing, IEEE 802.1Q tags. */
#ifndef VSQ_WIRE_ETH_H
#define VSQ_WIRE_ETH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/wire/addr.h"

#define WIRE_ETH_LEN	 14
#define WIRE_TAG_LEN	 4
#define WIRE_ETH_MTU_MAX 9216 /* largest payload that VDE carries */
#define WIRE_ETH_MIN	 60   /* smallest frame on a real cable, without its check sequence */

#define WIRE_TYPE_IP4	0x0800
#define WIRE_TYPE_ARP	0x0806
#define WIRE_TYPE_VLAN	0x8100
#define WIRE_TYPE_QINQ	0x88a8
#define WIRE_TYPE_IP6	0x86dd
#define WIRE_TYPE_MIN	0x0600 /* below: an 802.3 length */

struct wire_eth {
	uint8_t dst[WIRE_MAC_LEN];
	uint8_t src[WIRE_MAC_LEN];
	uint16_t type; /* after a tag, if there is one */
	bool tagged;
	uint16_t tci; /* 802.1Q: PCP, DEI, VID; 0 without a tag */
};

#define WIRE_TCI_VID(tci) ((tci) & 0xfff)

/* Returns the header's length (14 or 18), or -EBADMSG when it is cut. */
int wire_eth_parse(struct wire_eth *, const uint8_t *bytes, size_t len);

/* Writes the header and returns its length. */
size_t wire_eth_emit(uint8_t *bytes, const struct wire_eth *);

static inline bool wire_mac_is_group(const uint8_t mac[WIRE_MAC_LEN])
{
	return mac[0] & 1;
}

#endif
