/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of a printed line that stand in files of their own. */
#ifndef VSQ_WIRE_PRINT_IMPL_H
#define VSQ_WIRE_PRINT_IMPL_H

#include "core/base/text.h"
#include "core/wire/ip.h"

/* A payload: bytes[0..have) are there, of len that the packet says there are; have <= len. */
struct print_payload {
	const uint8_t *bytes;
	size_t have;
	size_t len;
};

/* Reads an IP header of whose packet not all need be there. Returns as wire_ip_parse(). */
int print_ip_parse(struct wire_ip *, const uint8_t *bytes, size_t have);

void print_addr(struct vs_text *, const struct wire_addr *);
void print_mac(struct vs_text *, const uint8_t mac[WIRE_MAC_LEN]);

void print_icmp4(struct vs_text *, const struct print_payload *);
void print_icmp6(struct vs_text *, const struct print_payload *);
void print_bpdu(struct vs_text *, const uint8_t *bytes, size_t len);

#endif
