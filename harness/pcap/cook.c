/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "harness/pcap/cook.h"

#include <errno.h>
#include <string.h>

#include "core/wire/eth.h"
#include "harness/pcap/pcapng.h"

/* Linux's kinds of packets (packet(7)). */
#define PACKET_BROADCAST 1
#define PACKET_OUTGOING	 4

#define LEN_SLL	 16
#define LEN_SLL2 20
#define LEN_NULL 4

bool cook_knows(uint32_t link_type)
{
	switch (link_type) {
	case PCAPNG_NULL:
	case PCAPNG_LOOP:
	case PCAPNG_RAW:
	case PCAPNG_IPV4:
	case PCAPNG_IPV6:
	case PCAPNG_LINUX_SLL:
	case PCAPNG_LINUX_SLL2:
		return true;
	default:
		return false;
	}
}

/* The group address of the packet's destination, where that says it. */
static void group_of(struct wire_eth *eth, const uint8_t *packet, uint32_t len)
{
	struct wire_addr dst;

	if (eth->type == WIRE_TYPE_IP4 && len >= 20)
		dst = wire_addr_from4(packet + 16);
	else if (eth->type == WIRE_TYPE_IP6 && len >= 40)
		dst = wire_addr_from6(packet + 24);
	else
		return;
	if (wire_addr_is_multicast(&dst))
		wire_addr_multicast_mac(&dst, eth->dst);
	else if (wire_addr_is4(&dst) && wire_get32(dst.b + 12) == UINT32_MAX)
		memset(eth->dst, 0xff, WIRE_MAC_LEN);
}

static void direction_of(struct wire_eth *eth, struct cap_frame *f, unsigned kind)
{
	if (!f->flags)
		f->flags = kind == PACKET_OUTGOING ? CAP_OUT : CAP_IN;
	if (kind == PACKET_BROADCAST)
		memset(eth->dst, 0xff, WIRE_MAC_LEN);
}

/* Reads the link header; returns its length. */
static uint32_t header_of(uint32_t link_type, struct cap_frame *f, struct wire_eth *eth)
{
	const uint8_t *b = f->bytes;
	uint32_t skip = link_type == PCAPNG_NULL || link_type == PCAPNG_LOOP ? LEN_NULL : 0;

	if (link_type == PCAPNG_LINUX_SLL && f->len >= LEN_SLL) {
		if (wire_get16(b + 4) == WIRE_MAC_LEN)
			memcpy(eth->src, b + 6, WIRE_MAC_LEN);
		direction_of(eth, f, wire_get16(b));
		eth->type = wire_get16(b + 14);
		return LEN_SLL;
	}
	if (link_type == PCAPNG_LINUX_SLL2 && f->len >= LEN_SLL2) {
		if (b[11] == WIRE_MAC_LEN)
			memcpy(eth->src, b + 12, WIRE_MAC_LEN);
		direction_of(eth, f, b[10]);
		eth->type = wire_get16(b);
		return LEN_SLL2;
	}
	if (link_type == PCAPNG_LINUX_SLL || link_type == PCAPNG_LINUX_SLL2 || f->len <= skip)
		return UINT32_MAX;
	eth->type = b[skip] >> 4 == 6 ? WIRE_TYPE_IP6 : WIRE_TYPE_IP4;
	return skip;
}

int cook_frame(uint32_t link_type, struct cap_frame *f, uint8_t *out)
{
	struct wire_eth eth = {.dst = {2, 0, 0, 0, 0, 2}, .src = {2, 0, 0, 0, 0, 1}};
	uint32_t skip = header_of(link_type, f, &eth), len;

	if (skip > f->len || skip > f->wire_len)
		return -EBADMSG;
	len = f->len - skip;
	group_of(&eth, f->bytes + skip, len);
	if (eth.type < WIRE_TYPE_MIN) /* "802.2 frames" and the like: an 802.3 length */
		eth.type = (uint16_t)(len < WIRE_TYPE_MIN ? len : 0);
	wire_eth_emit(out, &eth);
	memcpy(out + WIRE_ETH_LEN, f->bytes + skip, len);
	f->bytes = out;
	f->len = len + WIRE_ETH_LEN;
	f->wire_len = f->wire_len - skip + WIRE_ETH_LEN;
	return 0;
}
