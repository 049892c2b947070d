/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/wire/udp.h"

#include <errno.h>

#include "core/wire/bytes.h"

int wire_udp_parse(struct wire_udp *udp, const uint8_t *bytes, size_t len)
{
	if (len < WIRE_UDP_LEN)
		return -EBADMSG;
	udp->src_port = wire_get16(bytes);
	udp->dst_port = wire_get16(bytes + 2);
	udp->len = wire_get16(bytes + 4);
	udp->cksum = wire_get16(bytes + 6);
	if (udp->len < WIRE_UDP_LEN || udp->len > len)
		return -EBADMSG;
	return WIRE_UDP_LEN;
}

size_t wire_udp_emit(uint8_t *bytes, const struct wire_udp *udp)
{
	wire_put16(bytes, udp->src_port);
	wire_put16(bytes + 2, udp->dst_port);
	wire_put16(bytes + 4, udp->len);
	wire_put16(bytes + 6, udp->cksum);
	return WIRE_UDP_LEN;
}
