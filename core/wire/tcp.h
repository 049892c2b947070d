/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* TCP segments: RFC 9293 3.1, options of RFC 7323, 2018, 7413 and 6994. */
#ifndef VSQ_WIRE_TCP_H
#define VSQ_WIRE_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WIRE_TCP_LEN	 20
#define WIRE_TCP_LEN_MAX 60
#define WIRE_TCP_SACKS	 4
#define WIRE_TCP_COOKIE_MAX 16

#define WIRE_TCP_FIN 0x01
#define WIRE_TCP_SYN 0x02
#define WIRE_TCP_RST 0x04
#define WIRE_TCP_PSH 0x08
#define WIRE_TCP_ACK 0x10
#define WIRE_TCP_URG 0x20
#define WIRE_TCP_ECE 0x40
#define WIRE_TCP_CWR 0x80

struct wire_tcp_sack {
	uint32_t left;
	uint32_t right;
};

struct wire_tcp {
	uint16_t src_port;
	uint16_t dst_port;
	uint32_t seq;
	uint32_t ack;
	uint8_t flags;
	uint16_t window; /* as sent, not scaled */
	uint16_t cksum;
	uint16_t urgent;

	/* Options. */
	bool has_mss, has_wscale, has_timestamp, sack_permitted, has_cookie;
	bool cookie_exp; /* in the experimental option that fast open began with (RFC 7413 A.2) */
	uint16_t mss;
	uint8_t wscale;
	uint32_t ts_val;
	uint32_t ts_ecr;
	uint8_t sacks;	    /* blocks in sack[] */
	uint8_t cookie_len; /* fast open; 0 with has_cookie is a request */

	/* What the two lengths say counts, no more. */
	struct wire_tcp_sack sack[WIRE_TCP_SACKS];
	uint8_t cookie[WIRE_TCP_COOKIE_MAX];
};

/* A header without options. Most segments have no block and no cookie: their places are left. */
static inline void wire_tcp_init(struct wire_tcp *tcp)
{
	memset(tcp, 0, offsetof(struct wire_tcp, sack));
}

/* Returns the header's length, or -EBADMSG when it is cut or its offset is impossible. Malformed
 * options end the list (RFC 9293 3.1: no crash, MUST-7); unknown ones are passed over.
 */
int wire_tcp_parse(struct wire_tcp *, const uint8_t *bytes, size_t len);

/* Writes the header with a zero checksum and the options that are set, in the order and padding
 * that Linux uses (mss, sackOK, TS, nop, wscale; nop, nop, TS; nop, nop, sack), as many SACK
 * blocks as fit. Returns the length.
 */
size_t wire_tcp_emit(uint8_t *bytes, const struct wire_tcp *);

/* The length that wire_tcp_emit() would return. */
size_t wire_tcp_len(const struct wire_tcp *);

/* Sequence numbers: RFC 9293 3.4. */
static inline bool wire_seq_lt(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static inline bool wire_seq_leq(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) <= 0;
}

#endif
