/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/wire/arp.h"

#include <errno.h>

/* Hardware type Ethernet, protocol type IPv4, lengths 6 and 4. */
static const uint8_t kind[6] = {0, 1, 8, 0, 6, 4};

int wire_arp_parse(struct wire_arp *arp, const uint8_t *bytes, size_t len)
{
	if (len < WIRE_ARP_LEN)
		return -EBADMSG;
	if (memcmp(bytes, kind, sizeof(kind)))
		return -EPROTONOSUPPORT;
	arp->op = wire_get16(bytes + 6);
	memcpy(arp->sender_mac, bytes + 8, WIRE_MAC_LEN);
	arp->sender = wire_addr_from4(bytes + 14);
	memcpy(arp->target_mac, bytes + 18, WIRE_MAC_LEN);
	arp->target = wire_addr_from4(bytes + 24);
	return WIRE_ARP_LEN;
}

size_t wire_arp_emit(uint8_t *bytes, const struct wire_arp *arp)
{
	memcpy(bytes, kind, sizeof(kind));
	wire_put16(bytes + 6, arp->op);
	memcpy(bytes + 8, arp->sender_mac, WIRE_MAC_LEN);
	memcpy(bytes + 14, arp->sender.b + 12, 4);
	memcpy(bytes + 18, arp->target_mac, WIRE_MAC_LEN);
	memcpy(bytes + 24, arp->target.b + 12, 4);
	return WIRE_ARP_LEN;
}
