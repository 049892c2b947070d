/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* IPv4 (RFC 791) and IPv6 (RFC 8200) headers, read into one structure for both families. */
#ifndef VSQ_WIRE_IP_H
#define VSQ_WIRE_IP_H

#include "core/wire/addr.h"

#define WIRE_IP4_LEN 20
#define WIRE_IP6_LEN 40
#define WIRE_FRAGMENT_LEN 8

#define WIRE_PROTO_HOPOPTS  0
#define WIRE_PROTO_ICMP	    1
#define WIRE_PROTO_IGMP	    2
#define WIRE_PROTO_TCP	    6
#define WIRE_PROTO_UDP	    17
#define WIRE_PROTO_ROUTING  43
#define WIRE_PROTO_FRAGMENT 44
#define WIRE_PROTO_ICMP6    58
#define WIRE_PROTO_NONE	    59
#define WIRE_PROTO_DSTOPTS  60

#define WIRE_ECN_NOT 0
#define WIRE_ECN_ECT1 1
#define WIRE_ECN_ECT0 2
#define WIRE_ECN_CE 3

struct wire_ip {
	uint8_t version;     /* 4 or 6 */
	uint8_t tclass;	     /* TOS or traffic class: DSCP and ECN */
	uint8_t hop_limit;   /* TTL */
	uint8_t protocol;    /* of the payload: after the extension headers that were walked */
	uint32_t flow;	     /* IPv6 flow label */
	uint16_t header_len; /* all of it: IPv4 options, IPv6 extension headers up to protocol */
	uint32_t payload_len; /* after header_len; what follows in the frame is padding */
	struct wire_addr src;
	struct wire_addr dst;

	/* Fragmentation; offset 0 and !more is a whole packet. */
	uint32_t id;
	uint16_t fragment_offset; /* bytes */
	bool more_fragments;
	bool dont_fragment;	 /* IPv4's flag; always true of IPv6 */
	uint16_t fragment_header; /* IPv6: where the fragment header is, 0 without one */
	uint16_t next_header_at; /* IPv6: where the byte is that names protocol; for ICMP errors */

	uint16_t options_len;	   /* IPv4 */
	uint16_t router_alert;	   /* offset of a router alert option + 1, 0 without one */
	uint8_t unrecognized_option; /* IPv6: first option type that asks for a drop, else 0 */
	uint16_t unrecognized_at;
	uint16_t hop_options, dst_options; /* IPv6: how many that are not padding */
	bool routing_nonzero; /* IPv6 routing header with segments left: RFC 8200 4.4 */
};

/* Reads either family by its version, walks IPv6 extension headers, verifies IPv4's checksum.
 * Returns the header's length; -EBADMSG when something is cut or impossible (also a payload
 * length beyond len), -EILSEQ for a wrong IPv4 checksum.
 */
int wire_ip_parse(struct wire_ip *, const uint8_t *bytes, size_t len);

/* Writes the header for payload_len bytes of protocol: 20 bytes of IPv4 or 40 of IPv6, and 8 more
 * when an IPv6 packet has a fragment offset or more_fragments. Options are not written. Returns
 * the length.
 */
size_t wire_ip_emit(uint8_t *bytes, const struct wire_ip *);

/* Decrements TTL or hop limit in place, with IPv4's checksum (RFC 1624). */
void wire_ip_decrement(uint8_t *bytes);

/* Sets the ECN bits in place, with IPv4's checksum. */
void wire_ip_set_ecn(uint8_t *bytes, unsigned ecn);

#endif
