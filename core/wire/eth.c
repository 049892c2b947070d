/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/wire/eth.h"

#include <errno.h>

int wire_eth_parse(struct wire_eth *eth, const uint8_t *bytes, size_t len)
{
	if (len < WIRE_ETH_LEN)
		return -EBADMSG;
	memcpy(eth->dst, bytes, WIRE_MAC_LEN);
	memcpy(eth->src, bytes + 6, WIRE_MAC_LEN);
	eth->type = wire_get16(bytes + 12);
	eth->tagged = eth->type == WIRE_TYPE_VLAN;
	eth->tci = 0;
	if (!eth->tagged)
		return WIRE_ETH_LEN;
	if (len < WIRE_ETH_LEN + WIRE_TAG_LEN)
		return -EBADMSG;
	eth->tci = wire_get16(bytes + 14);
	eth->type = wire_get16(bytes + 16);
	return WIRE_ETH_LEN + WIRE_TAG_LEN;
}

size_t wire_eth_emit(uint8_t *bytes, const struct wire_eth *eth)
{
	memcpy(bytes, eth->dst, WIRE_MAC_LEN);
	memcpy(bytes + 6, eth->src, WIRE_MAC_LEN);
	if (!eth->tagged) {
		wire_put16(bytes + 12, eth->type);
		return WIRE_ETH_LEN;
	}
	wire_put16(bytes + 12, WIRE_TYPE_VLAN);
	wire_put16(bytes + 14, eth->tci);
	wire_put16(bytes + 16, eth->type);
	return WIRE_ETH_LEN + WIRE_TAG_LEN;
}
