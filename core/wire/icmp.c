/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/wire/icmp.h"

#include <errno.h>

int wire_icmp_parse(struct wire_icmp *icmp, const uint8_t *bytes, size_t len)
{
	if (len < WIRE_ICMP_LEN)
		return -EBADMSG;
	icmp->type = bytes[0];
	icmp->code = bytes[1];
	icmp->cksum = wire_get16(bytes + 2);
	icmp->id = wire_get16(bytes + 4);
	icmp->seq = wire_get16(bytes + 6);
	icmp->info = wire_get32(bytes + 4);
	return WIRE_ICMP_LEN;
}

size_t wire_icmp_emit(uint8_t *bytes, const struct wire_icmp *icmp)
{
	bytes[0] = icmp->type;
	bytes[1] = icmp->code;
	wire_put16(bytes + 2, 0);
	wire_put16(bytes + 4, icmp->id);
	wire_put16(bytes + 6, icmp->seq);
	return WIRE_ICMP_LEN;
}
