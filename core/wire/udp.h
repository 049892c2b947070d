/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* UDP: RFC 768. */
#ifndef VSQ_WIRE_UDP_H
#define VSQ_WIRE_UDP_H

#include <stddef.h>
#include <stdint.h>

#define WIRE_UDP_LEN 8

struct wire_udp {
	uint16_t src_port;
	uint16_t dst_port;
	uint16_t len; /* header and payload */
	uint16_t cksum; /* 0: none (IPv4 only) */
};

/* Returns WIRE_UDP_LEN, or -EBADMSG when cut or when len is impossible. */
int wire_udp_parse(struct wire_udp *, const uint8_t *bytes, size_t len);
size_t wire_udp_emit(uint8_t *bytes, const struct wire_udp *);

#endif
