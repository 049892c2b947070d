/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ICMP (RFC 792), ICMPv6 (RFC 4443) and neighbour discovery's messages (RFC 4861 4). */
#ifndef VSQ_WIRE_ICMP_H
#define VSQ_WIRE_ICMP_H

#include "core/wire/addr.h"

#define WIRE_ICMP_LEN 8 /* the header that all types used here share */

#define WIRE_ICMP4_ECHO_REPLY	 0
#define WIRE_ICMP4_UNREACHABLE	 3
#define WIRE_ICMP4_REDIRECT	 5
#define WIRE_ICMP4_ECHO		 8
#define WIRE_ICMP4_TIME_EXCEEDED 11
#define WIRE_ICMP4_PARAMETER	 12

#define WIRE_ICMP4_UNREACH_NET	  0
#define WIRE_ICMP4_UNREACH_HOST	  1
#define WIRE_ICMP4_UNREACH_PROTO  2
#define WIRE_ICMP4_UNREACH_PORT	  3
#define WIRE_ICMP4_UNREACH_NEEDFRAG 4

#define WIRE_ICMP6_UNREACHABLE	  1
#define WIRE_ICMP6_TOO_BIG	  2
#define WIRE_ICMP6_TIME_EXCEEDED  3
#define WIRE_ICMP6_PARAMETER	  4
#define WIRE_ICMP6_ECHO		  128
#define WIRE_ICMP6_ECHO_REPLY	  129
#define WIRE_ICMP6_MLD_QUERY	  130
#define WIRE_ICMP6_MLD_REPORT	  131
#define WIRE_ICMP6_MLD_DONE	  132
#define WIRE_ICMP6_RS		  133
#define WIRE_ICMP6_RA		  134
#define WIRE_ICMP6_NS		  135
#define WIRE_ICMP6_NA		  136
#define WIRE_ICMP6_REDIRECT	  137
#define WIRE_ICMP6_MLD2_REPORT	  143

struct wire_icmp {
	uint8_t type;
	uint8_t code;
	uint16_t cksum;
	uint16_t id;	/* echo; high half of info otherwise */
	uint16_t seq;
	uint32_t info;	/* the same four bytes: MTU, pointer, gateway, flags */
};

/* Returns WIRE_ICMP_LEN or -EBADMSG. The checksum is the caller's to verify. */
int wire_icmp_parse(struct wire_icmp *, const uint8_t *bytes, size_t len);

/* Writes type, code, a zero checksum, id and seq. Returns WIRE_ICMP_LEN. */
size_t wire_icmp_emit(uint8_t *bytes, const struct wire_icmp *);

/* Neighbour discovery: the fixed part and the options that this project uses. */
#define WIRE_ND_PREFIX_MAX 8
#define WIRE_ND_ROUTE_MAX  8
#define WIRE_ND_DNS_MAX	   8
#define WIRE_ND_LEN_MAX	   1024 /* of wire_nd_emit() */
#define WIRE_ND_ROUTER	  0x80 /* flags of an advertisement */
#define WIRE_ND_SOLICITED 0x40
#define WIRE_ND_OVERRIDE  0x20

struct wire_nd_prefix {
	struct wire_addr prefix;
	uint8_t bits;
	bool on_link;
	bool autonomous;
	uint32_t valid_s;
	uint32_t preferred_s;
};

/* RFC 4191 2.3: more specific routes. */
struct wire_nd_route {
	struct wire_addr prefix;
	uint8_t bits;
	uint8_t preference; /* two bits: 01 high, 00 medium, 11 low, 10 reserved */
	uint32_t lifetime_s;
};

/* RFC 8106 5.1: servers of the domain name system. */
struct wire_nd_dns {
	struct wire_addr server;
	uint32_t lifetime_s;
};

struct wire_nd {
	uint8_t type;	/* WIRE_ICMP6_RS .. WIRE_ICMP6_REDIRECT */
	uint8_t flags;	/* NA: R, S, O; RA: M, O, preference */
	struct wire_addr target;      /* NS, NA, redirect */
	struct wire_addr destination; /* redirect */
	bool has_source_mac, has_target_mac;
	uint8_t source_mac[WIRE_MAC_LEN];
	uint8_t target_mac[WIRE_MAC_LEN];
	/* RA */
	uint8_t hop_limit;
	uint16_t router_lifetime_s;
	uint32_t reachable_ms;
	uint32_t retrans_ms;
	uint32_t mtu; /* 0: no option */
	unsigned prefixes;
	struct wire_nd_prefix prefix[WIRE_ND_PREFIX_MAX];
	unsigned routes;
	struct wire_nd_route route[WIRE_ND_ROUTE_MAX];
	unsigned dns_servers;
	struct wire_nd_dns dns[WIRE_ND_DNS_MAX];
};

/* Reads a whole ICMPv6 message of types 133..137 with its options. Returns its length; -EBADMSG
 * when cut, or when an option has length 0 (RFC 4861 4.6). Unknown options are passed over.
 */
int wire_nd_parse(struct wire_nd *, const uint8_t *bytes, size_t len);

/* Writes the message with the options that are set and a zero checksum, at most
 * WIRE_ND_LEN_MAX bytes. Returns the length.
 */
size_t wire_nd_emit(uint8_t *bytes, const struct wire_nd *);

#endif
