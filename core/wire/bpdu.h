/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bridge protocol data units: IEEE 802.1D-2004 9.3 (configuration, topology change, RST). */
#ifndef VSQ_WIRE_BPDU_H
#define VSQ_WIRE_BPDU_H

#include <stddef.h>
#include <stdint.h>

#define WIRE_BPDU_CONFIG 0x00
#define WIRE_BPDU_RST	 0x02
#define WIRE_BPDU_TCN	 0x80
#define WIRE_BPDU_LEN_MAX 36

struct wire_bpdu {
	uint8_t version; /* 0: STP, 2: RSTP */
	uint8_t type;
	uint8_t flags;
	uint8_t root[8];
	uint32_t root_path_cost;
	uint8_t bridge[8];
	uint16_t port;
	uint16_t message_age; /* in 1/256 s, as the next three */
	uint16_t max_age;
	uint16_t hello_time;
	uint16_t forward_delay;
};

/* Reads what follows the LLC header 42 42 03. Returns the length of the BPDU, -EBADMSG when cut or
 * unknown.
 */
int wire_bpdu_parse(struct wire_bpdu *, const uint8_t *bytes, size_t len);
size_t wire_bpdu_emit(uint8_t *bytes, const struct wire_bpdu *);

#endif
