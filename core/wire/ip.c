/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/wire/ip.h"

#include <errno.h>

#include "core/wire/cksum.h"

#define IP4_DF	   0x4000
#define IP4_MF	   0x2000
#define IP4_OFFSET 0x1fff

#define OPT4_END	  0
#define OPT4_NOP	  1
#define OPT4_ROUTER_ALERT 148 /* RFC 2113 */

#define OPT6_PAD1	  0
#define OPT6_PADN	  1
#define OPT6_ROUTER_ALERT 5 /* RFC 2711 */

static int parse4_options(struct wire_ip *ip, const uint8_t *bytes)
{
	unsigned at = WIRE_IP4_LEN;

	while (at < ip->header_len && bytes[at] != OPT4_END) {
		unsigned len = 1;

		if (bytes[at] != OPT4_NOP) {
			if (at + 1 >= ip->header_len)
				return -EBADMSG;
			len = bytes[at + 1];
			if (len < 2 || at + len > ip->header_len)
				return -EBADMSG;
			if (bytes[at] == OPT4_ROUTER_ALERT && len == 4 && !ip->router_alert)
				ip->router_alert = (uint16_t)(at + 1);
		}
		at += len;
	}
	return 0;
}

static int parse4(struct wire_ip *ip, const uint8_t *bytes, size_t len)
{
	unsigned total, fragment;

	if (len < WIRE_IP4_LEN)
		return -EBADMSG;
	ip->header_len = (uint16_t)((bytes[0] & 0xf) * 4);
	total = wire_get16(bytes + 2);
	if (ip->header_len < WIRE_IP4_LEN || ip->header_len > total || total > len)
		return -EBADMSG;
	if (wire_cksum_fold(wire_cksum_add(0, bytes, ip->header_len)))
		return -EILSEQ;
	fragment = wire_get16(bytes + 6);
	ip->tclass = bytes[1];
	ip->hop_limit = bytes[8];
	ip->protocol = bytes[9];
	ip->payload_len = total - ip->header_len;
	ip->src = wire_addr_from4(bytes + 12);
	ip->dst = wire_addr_from4(bytes + 16);
	ip->id = wire_get16(bytes + 4);
	ip->fragment_offset = (uint16_t)((fragment & IP4_OFFSET) * 8);
	ip->more_fragments = fragment & IP4_MF;
	ip->dont_fragment = fragment & IP4_DF;
	ip->next_header_at = 9;
	ip->options_len = (uint16_t)(ip->header_len - WIRE_IP4_LEN);
	if (ip->options_len && parse4_options(ip, bytes))
		return -EBADMSG;
	return ip->header_len;
}

/* Reads the options of a hop-by-hop or destination options header, RFC 8200 4.2: bytes[at..end). */
static int parse6_options(struct wire_ip *ip, const uint8_t *bytes, unsigned at, unsigned end,
			  bool hop_by_hop)
{
	while (at < end) {
		uint8_t type = bytes[at];
		unsigned len = 1;

		if (type != OPT6_PAD1) {
			if (at + 1 >= end)
				return -EBADMSG;
			len = 2u + bytes[at + 1];
			if (at + len > end)
				return -EBADMSG;
			if (type != OPT6_PADN)
				*(hop_by_hop ? &ip->hop_options : &ip->dst_options) += 1;
			if (type == OPT6_ROUTER_ALERT && hop_by_hop && len == 4) {
				if (!ip->router_alert)
					ip->router_alert = (uint16_t)(at + 1);
			} else if (type != OPT6_PADN && (type & 0xc0) && !ip->unrecognized_option) {
				ip->unrecognized_option = type;
				ip->unrecognized_at = (uint16_t)at;
			}
		}
		at += len;
	}
	return 0;
}

/* Reads the fragment header at at; returns whether the walk goes on behind it, as it does for an
 * atomic fragment (RFC 6946). What stands behind the header of a true one belongs to the packet
 * that it is a part of.
 */
static bool parse6_fragment(struct wire_ip *ip, const uint8_t *bytes, unsigned at)
{
	unsigned field = wire_get16(bytes + at + 2);

	ip->fragment_header = (uint16_t)at;
	ip->fragment_offset = (uint16_t)(field & 0xfff8);
	ip->more_fragments = field & 1;
	ip->id = wire_get32(bytes + at + 4);
	return !ip->fragment_offset && !ip->more_fragments;
}

static int parse6_extensions(struct wire_ip *ip, const uint8_t *bytes, unsigned end)
{
	unsigned at = WIRE_IP6_LEN;
	bool walk = true;

	while (walk) {
		unsigned next = at;

		switch (ip->protocol) {
		case WIRE_PROTO_HOPOPTS:
			/* Only directly behind the IPv6 header (RFC 8200 4.1); elsewhere it is a
			 * protocol that nobody knows.
			 */
			if (at != WIRE_IP6_LEN) {
				walk = false;
				break;
			}
			/* fallthrough */
		case WIRE_PROTO_DSTOPTS:
		case WIRE_PROTO_ROUTING:
			if (at + 8 > end)
				return -EBADMSG;
			next = at + 8 + bytes[at + 1] * 8u;
			if (next > end)
				return -EBADMSG;
			if (ip->protocol != WIRE_PROTO_ROUTING) {
				if (parse6_options(ip, bytes, at + 2, next,
						   ip->protocol == WIRE_PROTO_HOPOPTS))
					return -EBADMSG;
			} else if (bytes[at + 3] && !ip->routing_nonzero) {
				ip->routing_nonzero = true;
				if (!ip->unrecognized_option)
					ip->unrecognized_at = (uint16_t)(at + 2);
			}
			break;
		case WIRE_PROTO_FRAGMENT:
			if (at + WIRE_FRAGMENT_LEN > end || ip->fragment_header)
				return -EBADMSG;
			next = at + WIRE_FRAGMENT_LEN;
			walk = parse6_fragment(ip, bytes, at);
			break;
		default:
			walk = false;
		}
		if (next != at) {
			ip->protocol = bytes[at];
			ip->next_header_at = (uint16_t)at;
			at = next;
		}
	}
	ip->header_len = (uint16_t)at;
	return 0;
}

static int parse6(struct wire_ip *ip, const uint8_t *bytes, size_t len)
{
	unsigned end;

	if (len < WIRE_IP6_LEN)
		return -EBADMSG;
	end = WIRE_IP6_LEN + wire_get16(bytes + 4);
	if (end > len || end > UINT16_MAX)
		return -EBADMSG;
	ip->tclass = (uint8_t)(wire_get16(bytes) >> 4);
	ip->flow = wire_get32(bytes) & 0xfffff;
	ip->protocol = bytes[6];
	ip->hop_limit = bytes[7];
	ip->src = wire_addr_from6(bytes + 8);
	ip->dst = wire_addr_from6(bytes + 24);
	ip->dont_fragment = true;
	ip->next_header_at = 6;
	if (parse6_extensions(ip, bytes, end))
		return -EBADMSG;
	ip->payload_len = end - ip->header_len;
	return ip->header_len;
}

int wire_ip_parse(struct wire_ip *ip, const uint8_t *bytes, size_t len)
{
	if (!len)
		return -EBADMSG;
	memset(ip, 0, sizeof(*ip));
	ip->version = bytes[0] >> 4;
	if (ip->version == 4)
		return parse4(ip, bytes, len);
	if (ip->version == 6)
		return parse6(ip, bytes, len);
	return -EBADMSG;
}

static size_t emit4(uint8_t *bytes, const struct wire_ip *ip)
{
	unsigned fragment = ip->fragment_offset / 8u;

	if (ip->more_fragments)
		fragment |= IP4_MF;
	if (ip->dont_fragment)
		fragment |= IP4_DF;
	bytes[0] = 0x45;
	bytes[1] = ip->tclass;
	wire_put16(bytes + 2, (uint16_t)(WIRE_IP4_LEN + ip->payload_len));
	wire_put16(bytes + 4, (uint16_t)ip->id);
	wire_put16(bytes + 6, (uint16_t)fragment);
	bytes[8] = ip->hop_limit;
	bytes[9] = ip->protocol;
	wire_put16(bytes + 10, 0);
	memcpy(bytes + 12, ip->src.b + 12, 4);
	memcpy(bytes + 16, ip->dst.b + 12, 4);
	wire_put16(bytes + 10, wire_cksum_fold(wire_cksum_add(0, bytes, WIRE_IP4_LEN)));
	return WIRE_IP4_LEN;
}

static size_t emit6(uint8_t *bytes, const struct wire_ip *ip)
{
	bool fragment = ip->fragment_offset || ip->more_fragments;
	size_t len = WIRE_IP6_LEN + (fragment ? WIRE_FRAGMENT_LEN : 0);

	wire_put32(bytes, 6u << 28 | (uint32_t)ip->tclass << 20 | (ip->flow & 0xfffff));
	wire_put16(bytes + 4, (uint16_t)(len - WIRE_IP6_LEN + ip->payload_len));
	bytes[6] = fragment ? WIRE_PROTO_FRAGMENT : ip->protocol;
	bytes[7] = ip->hop_limit;
	memcpy(bytes + 8, ip->src.b, 16);
	memcpy(bytes + 24, ip->dst.b, 16);
	if (fragment) {
		bytes[40] = ip->protocol;
		bytes[41] = 0;
		wire_put16(bytes + 42, (uint16_t)((ip->fragment_offset & 0xfff8) |
						  (ip->more_fragments ? 1 : 0)));
		wire_put32(bytes + 44, ip->id);
	}
	return len;
}

size_t wire_ip_emit(uint8_t *bytes, const struct wire_ip *ip)
{
	return ip->version == 4 ? emit4(bytes, ip) : emit6(bytes, ip);
}

/* Sets the 16-bit word at at of an IPv4 header, which is at an even place. */
static void change4(uint8_t *bytes, unsigned at, uint16_t after)
{
	uint16_t before = wire_get16(bytes + at);

	wire_put16(bytes + at, after);
	wire_put16(bytes + 10, wire_cksum_update16(wire_get16(bytes + 10), before, after));
}

void wire_ip_decrement(uint8_t *bytes)
{
	if (bytes[0] >> 4 == 4)
		change4(bytes, 8, (uint16_t)(wire_get16(bytes + 8) - 0x100));
	else
		bytes[7]--;
}

void wire_ip_set_ecn(uint8_t *bytes, unsigned ecn)
{
	if (bytes[0] >> 4 == 4)
		change4(bytes, 0, (uint16_t)((wire_get16(bytes) & ~3u) | (ecn & 3)));
	else
		bytes[1] = (uint8_t)((bytes[1] & ~0x30u) | (ecn & 3) << 4);
}
