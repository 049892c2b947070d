/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/wire/bpdu.h"

#include <errno.h>

#include "core/wire/bytes.h"

#define LEN_TCN	   4
#define LEN_CONFIG 35
#define LEN_RST	   36 /* with the length of a version 1 protocol, which is 0 */

static size_t len_of(uint8_t type)
{
	switch (type) {
	case WIRE_BPDU_TCN:
		return LEN_TCN;
	case WIRE_BPDU_CONFIG:
		return LEN_CONFIG;
	case WIRE_BPDU_RST:
		return LEN_RST;
	default:
		return 0;
	}
}

int wire_bpdu_parse(struct wire_bpdu *bpdu, const uint8_t *bytes, size_t len)
{
	size_t need;

	if (len < LEN_TCN || wire_get16(bytes) != 0)
		return -EBADMSG;
	memset(bpdu, 0, sizeof(*bpdu));
	bpdu->version = bytes[2];
	bpdu->type = bytes[3];
	need = len_of(bpdu->type);
	if (!need || len < need)
		return -EBADMSG;
	if (bpdu->type == WIRE_BPDU_TCN)
		return LEN_TCN;
	bpdu->flags = bytes[4];
	memcpy(bpdu->root, bytes + 5, 8);
	bpdu->root_path_cost = wire_get32(bytes + 13);
	memcpy(bpdu->bridge, bytes + 17, 8);
	bpdu->port = wire_get16(bytes + 25);
	bpdu->message_age = wire_get16(bytes + 27);
	bpdu->max_age = wire_get16(bytes + 29);
	bpdu->hello_time = wire_get16(bytes + 31);
	bpdu->forward_delay = wire_get16(bytes + 33);
	return (int)need;
}

size_t wire_bpdu_emit(uint8_t *bytes, const struct wire_bpdu *bpdu)
{
	wire_put16(bytes, 0);
	bytes[2] = bpdu->version;
	bytes[3] = bpdu->type;
	if (bpdu->type == WIRE_BPDU_TCN)
		return LEN_TCN;
	bytes[4] = bpdu->flags;
	memcpy(bytes + 5, bpdu->root, 8);
	wire_put32(bytes + 13, bpdu->root_path_cost);
	memcpy(bytes + 17, bpdu->bridge, 8);
	wire_put16(bytes + 25, bpdu->port);
	wire_put16(bytes + 27, bpdu->message_age);
	wire_put16(bytes + 29, bpdu->max_age);
	wire_put16(bytes + 31, bpdu->hello_time);
	wire_put16(bytes + 33, bpdu->forward_delay);
	if (bpdu->type != WIRE_BPDU_RST)
		return LEN_CONFIG;
	bytes[35] = 0;
	return LEN_RST;
}
