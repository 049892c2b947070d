/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Neighbour discovery: the messages of RFC 4861 4.1 to 4.5 and their options, 4.6. */
#include "core/wire/icmp.h"

#include <errno.h>

#define OPT_SOURCE_MAC 1
#define OPT_TARGET_MAC 2
#define OPT_PREFIX     3
#define OPT_MTU	       5
#define OPT_ROUTE      24 /* RFC 4191 2.3 */
#define OPT_DNS	       25 /* RFC 8106 5.1 */

#define PREFIX_ON_LINK	  0x80
#define PREFIX_AUTONOMOUS 0x40

/* The length of the part before the options; 0 for another type. */
static size_t fixed_len(uint8_t type)
{
	switch (type) {
	case WIRE_ICMP6_RS:
		return 8;
	case WIRE_ICMP6_RA:
		return 16;
	case WIRE_ICMP6_NS:
	case WIRE_ICMP6_NA:
		return 24;
	case WIRE_ICMP6_REDIRECT:
		return 40;
	default:
		return 0;
	}
}

static void parse_prefix(struct wire_nd *nd, const uint8_t *option)
{
	struct wire_nd_prefix *p;

	if (nd->prefixes == WIRE_ND_PREFIX_MAX)
		return;
	p = &nd->prefix[nd->prefixes++];
	p->bits = option[2];
	p->on_link = option[3] & PREFIX_ON_LINK;
	p->autonomous = option[3] & PREFIX_AUTONOMOUS;
	p->valid_s = wire_get32(option + 4);
	p->preferred_s = wire_get32(option + 8);
	p->prefix = wire_addr_from6(option + 16);
}

/* RFC 4191 2.3: of the prefix only as much is there as its length needs. */
static void parse_route(struct wire_nd *nd, const uint8_t *option, size_t len)
{
	struct wire_nd_route *r;
	uint8_t prefix[16] = {0};
	unsigned bits = option[2];

	if (bits > 128 || len > 24 || len < (bits > 64 ? 24u : bits ? 16u : 8u) ||
	    nd->routes == WIRE_ND_ROUTE_MAX)
		return;
	memcpy(prefix, option + 8, len - 8);
	r = &nd->route[nd->routes++];
	r->bits = (uint8_t)bits;
	r->preference = option[3] >> 3 & 3;
	r->lifetime_s = wire_get32(option + 4);
	r->prefix = wire_addr_from6(prefix);
}

static void parse_dns(struct wire_nd *nd, const uint8_t *option, size_t len)
{
	for (size_t at = 8; at + 16 <= len && nd->dns_servers < WIRE_ND_DNS_MAX; at += 16)
		nd->dns[nd->dns_servers++] = (struct wire_nd_dns){wire_addr_from6(option + at),
								  wire_get32(option + 4)};
}

/* Takes what is known from one option; one of an unexpected length is passed over as well. */
static void parse_option(struct wire_nd *nd, const uint8_t *option, size_t len)
{
	switch (option[0]) {
	case OPT_SOURCE_MAC:
		if (len == 8) {
			nd->has_source_mac = true;
			memcpy(nd->source_mac, option + 2, WIRE_MAC_LEN);
		}
		break;
	case OPT_TARGET_MAC:
		if (len == 8) {
			nd->has_target_mac = true;
			memcpy(nd->target_mac, option + 2, WIRE_MAC_LEN);
		}
		break;
	case OPT_PREFIX:
		if (len == 32)
			parse_prefix(nd, option);
		break;
	case OPT_MTU:
		if (len == 8)
			nd->mtu = wire_get32(option + 4);
		break;
	case OPT_ROUTE:
		parse_route(nd, option, len);
		break;
	case OPT_DNS:
		if (len >= 24 && len % 16 == 8)
			parse_dns(nd, option, len);
		break;
	default:
		break;
	}
}

static void parse_fixed(struct wire_nd *nd, const uint8_t *bytes)
{
	switch (nd->type) {
	case WIRE_ICMP6_RA:
		nd->hop_limit = bytes[4];
		nd->flags = bytes[5];
		nd->router_lifetime_s = wire_get16(bytes + 6);
		nd->reachable_ms = wire_get32(bytes + 8);
		nd->retrans_ms = wire_get32(bytes + 12);
		break;
	case WIRE_ICMP6_NA:
		nd->flags = bytes[4];
		nd->target = wire_addr_from6(bytes + 8);
		break;
	case WIRE_ICMP6_NS:
		nd->target = wire_addr_from6(bytes + 8);
		break;
	case WIRE_ICMP6_REDIRECT:
		nd->target = wire_addr_from6(bytes + 8);
		nd->destination = wire_addr_from6(bytes + 24);
		break;
	default:
		break;
	}
}

int wire_nd_parse(struct wire_nd *nd, const uint8_t *bytes, size_t len)
{
	size_t at;

	if (!len)
		return -EBADMSG;
	memset(nd, 0, sizeof(*nd));
	nd->type = bytes[0];
	at = fixed_len(nd->type);
	if (!at || len < at)
		return -EBADMSG;
	parse_fixed(nd, bytes);
	while (at < len) {
		size_t option_len;

		if (len - at < 8)
			return -EBADMSG;
		option_len = bytes[at + 1] * (size_t)8;
		if (!option_len || option_len > len - at)
			return -EBADMSG;
		parse_option(nd, bytes + at, option_len);
		at += option_len;
	}
	return (int)at;
}

static size_t emit_mac(uint8_t *bytes, uint8_t type, const uint8_t mac[WIRE_MAC_LEN])
{
	bytes[0] = type;
	bytes[1] = 1;
	memcpy(bytes + 2, mac, WIRE_MAC_LEN);
	return 8;
}

static size_t emit_prefix(uint8_t *bytes, const struct wire_nd_prefix *p)
{
	memset(bytes, 0, 32);
	bytes[0] = OPT_PREFIX;
	bytes[1] = 4;
	bytes[2] = p->bits;
	bytes[3] = (uint8_t)((p->on_link ? PREFIX_ON_LINK : 0) |
			     (p->autonomous ? PREFIX_AUTONOMOUS : 0));
	wire_put32(bytes + 4, p->valid_s);
	wire_put32(bytes + 8, p->preferred_s);
	memcpy(bytes + 16, p->prefix.b, 16);
	return 32;
}

static size_t emit_route(uint8_t *bytes, const struct wire_nd_route *r)
{
	memset(bytes, 0, 24);
	bytes[0] = OPT_ROUTE;
	bytes[1] = 3;
	bytes[2] = r->bits;
	bytes[3] = (uint8_t)(r->preference << 3);
	wire_put32(bytes + 4, r->lifetime_s);
	memcpy(bytes + 8, r->prefix.b, 16);
	return 24;
}

static size_t emit_dns(uint8_t *bytes, const struct wire_nd_dns *d)
{
	memset(bytes, 0, 8);
	bytes[0] = OPT_DNS;
	bytes[1] = 3;
	wire_put32(bytes + 4, d->lifetime_s);
	memcpy(bytes + 8, d->server.b, 16);
	return 24;
}

size_t wire_nd_emit(uint8_t *bytes, const struct wire_nd *nd)
{
	size_t at = fixed_len(nd->type);

	memset(bytes, 0, at);
	bytes[0] = nd->type;
	if (nd->type == WIRE_ICMP6_RA) {
		bytes[4] = nd->hop_limit;
		bytes[5] = nd->flags;
		wire_put16(bytes + 6, nd->router_lifetime_s);
		wire_put32(bytes + 8, nd->reachable_ms);
		wire_put32(bytes + 12, nd->retrans_ms);
	} else if (nd->type != WIRE_ICMP6_RS) {
		if (nd->type == WIRE_ICMP6_NA)
			bytes[4] = nd->flags;
		memcpy(bytes + 8, nd->target.b, 16);
		if (nd->type == WIRE_ICMP6_REDIRECT)
			memcpy(bytes + 24, nd->destination.b, 16);
	}
	if (nd->has_source_mac)
		at += emit_mac(bytes + at, OPT_SOURCE_MAC, nd->source_mac);
	if (nd->has_target_mac)
		at += emit_mac(bytes + at, OPT_TARGET_MAC, nd->target_mac);
	if (nd->mtu) {
		bytes[at] = OPT_MTU;
		bytes[at + 1] = 1;
		wire_put16(bytes + at + 2, 0);
		wire_put32(bytes + at + 4, nd->mtu);
		at += 8;
	}
	for (unsigned i = 0; i < nd->prefixes; i++)
		at += emit_prefix(bytes + at, &nd->prefix[i]);
	for (unsigned i = 0; i < nd->routes; i++)
		at += emit_route(bytes + at, &nd->route[i]);
	for (unsigned i = 0; i < nd->dns_servers; i++)
		at += emit_dns(bytes + at, &nd->dns[i]);
	return at;
}
