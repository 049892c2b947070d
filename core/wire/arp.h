/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ARP for IPv4 over Ethernet: RFC 826. */
#ifndef VSQ_WIRE_ARP_H
#define VSQ_WIRE_ARP_H

#include "core/wire/addr.h"

#define WIRE_ARP_LEN	 28
#define WIRE_ARP_REQUEST 1
#define WIRE_ARP_REPLY	 2

struct wire_arp {
	uint16_t op;
	uint8_t sender_mac[WIRE_MAC_LEN];
	uint8_t target_mac[WIRE_MAC_LEN];
	struct wire_addr sender; /* mapped */
	struct wire_addr target;
};

/* Returns WIRE_ARP_LEN, -EBADMSG when cut, -EPROTONOSUPPORT for other hardware or protocols. */
int wire_arp_parse(struct wire_arp *, const uint8_t *bytes, size_t len);
size_t wire_arp_emit(uint8_t *bytes, const struct wire_arp *);

#endif
