/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Internet addresses: 128 bits for both families. An IPv4 address is ::ffff:a.b.c.d inside
 * (RFC 4291 2.5.5.2) and has four bytes on the wire only.
 */
#ifndef VSQ_WIRE_ADDR_H
#define VSQ_WIRE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/wire/bytes.h"

#define WIRE_MAC_LEN  6
#define WIRE_ADDR_TEXT 46 /* the longest address as text, with its terminator */
#define WIRE_MAC_TEXT  18

struct wire_addr {
	uint8_t b[16];
} __attribute__((aligned(8)));

extern const struct wire_addr wire_addr_any6; /* :: */
extern const struct wire_addr wire_addr_any4; /* ::ffff:0.0.0.0 */

static inline bool wire_addr_equal(const struct wire_addr *a, const struct wire_addr *b)
{
	uint64_t x[2], y[2];

	memcpy(x, a->b, 16);
	memcpy(y, b->b, 16);
	return !((x[0] ^ y[0]) | (x[1] ^ y[1]));
}

static inline bool wire_addr_is4(const struct wire_addr *a)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	return !memcmp(a->b, mapped, 12);
}

static inline struct wire_addr wire_addr_from4(const uint8_t bytes[4])
{
	struct wire_addr a = {{[10] = 0xff, [11] = 0xff}};

	memcpy(a.b + 12, bytes, 4);
	return a;
}

static inline struct wire_addr wire_addr_from6(const uint8_t bytes[16])
{
	struct wire_addr a;

	memcpy(a.b, bytes, 16);
	return a;
}

bool wire_addr_is_any(const struct wire_addr *);	/* either family */
bool wire_addr_is_multicast(const struct wire_addr *); /* either family; not 255.255.255.255 */
bool wire_addr_is_loopback(const struct wire_addr *);
bool wire_addr_is_link_local(const struct wire_addr *); /* fe80::/10, 169.254.0.0/16 */

/* Whether the first bits of a and b agree. bits counts in 128: IPv4's /24 is 120. */
bool wire_addr_prefix_equal(const struct wire_addr *a, const struct wire_addr *b, unsigned bits);

/* ff02::1:ffXX:XXXX for an address (RFC 4291 2.7.1). */
struct wire_addr wire_addr_solicited_node(const struct wire_addr *);

/* The Ethernet group address of an IP multicast address (RFC 1112 6.4, RFC 2464 7). */
void wire_addr_multicast_mac(const struct wire_addr *, uint8_t mac[WIRE_MAC_LEN]);

/* Reads "10.0.0.1", "2001:db8::1" or "::ffff:10.0.0.1". 0 or -EINVAL. */
int wire_addr_parse(const char *text, struct wire_addr *);

/* Reads an address with an optional /bits; *bits counts in 128 and is 128 without one. */
int wire_addr_parse_prefix(const char *text, struct wire_addr *, unsigned *bits);

/* Writes RFC 5952 text, or dotted quads for IPv4. Returns text. */
char *wire_addr_format(const struct wire_addr *, char text[WIRE_ADDR_TEXT]);

int wire_mac_parse(const char *text, uint8_t mac[WIRE_MAC_LEN]); /* aa:bb:cc:dd:ee:ff */
char *wire_mac_format(const uint8_t mac[WIRE_MAC_LEN], char text[WIRE_MAC_TEXT]);

#endif
