/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The words are those of tcpdump -n -e -S, as far as they say something: one who reads the one
 * reads the other. Sequence numbers are absolute, as no frame knows of another.
 */
#include "core/wire/print.h"

#include <errno.h>

#include "core/wire/arp.h"
#include "core/wire/bpdu.h"
#include "core/wire/eth.h"
#include "core/wire/print_impl.h"
#include "core/wire/tcp.h"
#include "core/wire/udp.h"

#define TAGS_MAX 8

void print_addr(struct vs_text *t, const struct wire_addr *a)
{
	char text[WIRE_ADDR_TEXT];

	vs_text_add(t, "%s", wire_addr_format(a, text));
}

void print_mac(struct vs_text *t, const uint8_t mac[WIRE_MAC_LEN])
{
	char text[WIRE_MAC_TEXT];

	vs_text_add(t, "%s", wire_mac_format(mac, text));
}

static void print_arp(struct vs_text *t, const uint8_t *bytes, size_t len)
{
	struct wire_arp arp;
	int got = wire_arp_parse(&arp, bytes, len);

	if (got < 0) {
		vs_text_add(t, len < WIRE_ARP_LEN ? "[|arp]" : "ARP of another network");
		return;
	}
	switch (arp.op) {
	case WIRE_ARP_REQUEST:
		vs_text_add(t, "Request who-has ");
		print_addr(t, &arp.target);
		vs_text_add(t, " tell ");
		print_addr(t, &arp.sender);
		break;
	case WIRE_ARP_REPLY:
		vs_text_add(t, "Reply ");
		print_addr(t, &arp.sender);
		vs_text_add(t, " is-at ");
		print_mac(t, arp.sender_mac);
		break;
	default:
		vs_text_add(t, "ARP operation %u of ", arp.op);
		print_addr(t, &arp.sender);
	}
	vs_text_add(t, ", length %zu", len);
}

static void print_flags(struct vs_text *t, uint8_t flags)
{
	static const char letters[8] = "FSRP.UEW";

	vs_text_put(t, "[", 1);
	for (int i = 0; i < 8; i++)
		if (flags & 1 << i)
			vs_text_put(t, &letters[i], 1);
	vs_text_add(t, "%s]", flags ? "" : "none");
}

static void print_tcp_options(struct vs_text *t, const struct wire_tcp *tcp)
{
	const char *between = ", options [";

	if (tcp->has_mss) {
		vs_text_add(t, "%smss %u", between, tcp->mss);
		between = ",";
	}
	if (tcp->sack_permitted) {
		vs_text_add(t, "%ssackOK", between);
		between = ",";
	}
	if (tcp->has_timestamp) {
		vs_text_add(t, "%sTS val %u ecr %u", between, tcp->ts_val, tcp->ts_ecr);
		between = ",";
	}
	if (tcp->has_wscale) {
		vs_text_add(t, "%swscale %u", between, tcp->wscale);
		between = ",";
	}
	if (tcp->sacks) {
		vs_text_add(t, "%ssack %u ", between, tcp->sacks);
		for (unsigned i = 0; i < tcp->sacks; i++)
			vs_text_add(t, "{%u:%u}", tcp->sack[i].left, tcp->sack[i].right);
		between = ",";
	}
	if (tcp->has_cookie) {
		vs_text_add(t, "%s%stfo", between, tcp->cookie_exp ? "exp-" : "");
		for (unsigned i = 0; i < tcp->cookie_len; i++)
			vs_text_add(t, "%s%02x", i ? "" : " cookie ", tcp->cookie[i]);
		between = ",";
	}
	if (between[1] == '\0')
		vs_text_put(t, "]", 1);
}

static void print_ports(struct vs_text *t, const struct wire_ip *ip, unsigned src, unsigned dst)
{
	print_addr(t, &ip->src);
	vs_text_add(t, ".%u > ", src);
	print_addr(t, &ip->dst);
	vs_text_add(t, ".%u: ", dst);
}

static void print_hosts(struct vs_text *t, const struct wire_ip *ip)
{
	print_addr(t, &ip->src);
	vs_text_add(t, " > ");
	print_addr(t, &ip->dst);
	vs_text_add(t, ": ");
}

static void print_tcp(struct vs_text *t, const struct wire_ip *ip, const struct print_payload *p)
{
	struct wire_tcp tcp;
	int header = wire_tcp_parse(&tcp, p->bytes, p->have);
	size_t len;

	if (header < 0) {
		print_hosts(t, ip);
		vs_text_add(t, "[|tcp]");
		return;
	}
	len = p->len - (size_t)header;
	print_ports(t, ip, tcp.src_port, tcp.dst_port);
	vs_text_add(t, "Flags ");
	print_flags(t, tcp.flags);
	if (len || tcp.flags & (WIRE_TCP_SYN | WIRE_TCP_FIN | WIRE_TCP_RST))
		vs_text_add(t, ", seq %u", tcp.seq);
	if (len)
		vs_text_add(t, ":%u", (uint32_t)(tcp.seq + len));
	if (tcp.flags & WIRE_TCP_ACK)
		vs_text_add(t, ", ack %u", tcp.ack);
	vs_text_add(t, ", win %u", tcp.window);
	if (tcp.flags & WIRE_TCP_URG)
		vs_text_add(t, ", urg %u", tcp.urgent);
	print_tcp_options(t, &tcp);
	vs_text_add(t, ", length %zu", len);
}

static void print_udp(struct vs_text *t, const struct wire_ip *ip, const struct print_payload *p)
{
	struct wire_udp udp;
	size_t len = p->have < WIRE_UDP_LEN ? p->have : p->len; /* the header must be there */

	if (wire_udp_parse(&udp, p->bytes, len) < 0) {
		print_hosts(t, ip);
		vs_text_add(t, "[|udp]");
		return;
	}
	print_ports(t, ip, udp.src_port, udp.dst_port);
	vs_text_add(t, "UDP, length %u", udp.len - WIRE_UDP_LEN);
}

static const char *protocol_name(unsigned protocol)
{
	switch (protocol) {
	case WIRE_PROTO_ICMP:
		return "ICMP";
	case WIRE_PROTO_IGMP:
		return "igmp";
	case WIRE_PROTO_TCP:
		return "tcp";
	case WIRE_PROTO_UDP:
		return "udp";
	case WIRE_PROTO_ICMP6:
		return "ICMP6";
	case WIRE_PROTO_NONE:
		return "no next header";
	default:
		return NULL;
	}
}

static void print_other(struct vs_text *t, const struct wire_ip *ip, const struct print_payload *p)
{
	const char *name = protocol_name(ip->protocol);

	print_hosts(t, ip);
	if (ip->fragment_offset)
		vs_text_add(t, "fragment of ");
	if (name)
		vs_text_add(t, "%s", name);
	else
		vs_text_add(t, "ip-proto-%u", ip->protocol);
	vs_text_add(t, ", length %zu", p->len);
}

/* All that reads a cut packet's header is its first bytes, unless IPv6 headers follow. */
int print_ip_parse(struct wire_ip *ip, const uint8_t *bytes, size_t have)
{
	size_t header, len;

	if (have >= WIRE_IP4_LEN && bytes[0] >> 4 == 4) {
		header = (bytes[0] & 0xfu) * 4;
		len = wire_get16(bytes + 2);
		if (have >= header && len > have)
			return wire_ip_parse(ip, bytes, len);
	} else if (have >= WIRE_IP6_LEN && bytes[0] >> 4 == 6) {
		len = WIRE_IP6_LEN + wire_get16(bytes + 4);
		if (len > have && bytes[6] != WIRE_PROTO_HOPOPTS &&
		    bytes[6] != WIRE_PROTO_ROUTING && bytes[6] != WIRE_PROTO_FRAGMENT &&
		    bytes[6] != WIRE_PROTO_DSTOPTS)
			return wire_ip_parse(ip, bytes, len);
	}
	return wire_ip_parse(ip, bytes, have);
}

static void print_ip(struct vs_text *t, const uint8_t *bytes, size_t have)
{
	struct print_payload p;
	struct wire_ip ip;
	int header = print_ip_parse(&ip, bytes, have);

	if (header < 0) {
		vs_text_add(t, header == -EILSEQ ? "IP, bad header checksum" : "[|ip]");
		return;
	}
	p.bytes = bytes + header;
	p.len = ip.payload_len;
	p.have = have - (size_t)header < p.len ? have - (size_t)header : p.len;
	if (ip.fragment_offset) {
		print_other(t, &ip, &p);
	} else if (ip.protocol == WIRE_PROTO_TCP) {
		print_tcp(t, &ip, &p);
	} else if (ip.protocol == WIRE_PROTO_UDP) {
		print_udp(t, &ip, &p);
	} else if (ip.protocol == WIRE_PROTO_ICMP && ip.version == 4) {
		print_hosts(t, &ip);
		print_icmp4(t, &p);
	} else if (ip.protocol == WIRE_PROTO_ICMP6 && ip.version == 6) {
		print_hosts(t, &ip);
		print_icmp6(t, &p);
	} else {
		print_other(t, &ip, &p);
	}
	if (ip.fragment_offset || ip.more_fragments)
		vs_text_add(t, ", frag (id %u, offset %u%s)", ip.id, ip.fragment_offset,
			    ip.more_fragments ? ", more" : "");
	if ((ip.tclass & 3) == WIRE_ECN_CE)
		vs_text_add(t, ", CE");
	if (p.have < p.len)
		vs_text_add(t, ", cut by %zu", p.len - p.have);
}

static void print_llc(struct vs_text *t, const uint8_t *bytes, size_t len, unsigned said)
{
	if (len > said)
		len = said; /* what follows is padding */
	if (len >= 3 && bytes[0] == 0x42 && bytes[1] == 0x42 && bytes[2] == 0x03)
		print_bpdu(t, bytes + 3, len - 3);
	else if (len >= 3)
		vs_text_add(t, "LLC, dsap 0x%02x, ssap 0x%02x, ctrl 0x%02x", bytes[0], bytes[1],
			    bytes[2]);
	else
		vs_text_add(t, "[|llc]");
}

static const char *type_name(unsigned type)
{
	switch (type) {
	case WIRE_TYPE_IP4:
		return "IPv4";
	case WIRE_TYPE_IP6:
		return "IPv6";
	case WIRE_TYPE_ARP:
		return "ARP";
	case WIRE_TYPE_VLAN:
		return "802.1Q";
	case WIRE_TYPE_QINQ:
		return "802.1Q-QinQ";
	default:
		return "Unknown";
	}
}

/* The tags in front of the payload; moves *at behind them and sets *type to what follows. */
static bool print_tags(struct vs_text *t, const uint8_t *bytes, size_t len, size_t *at,
		       unsigned *type)
{
	for (int i = 0; *type == WIRE_TYPE_VLAN || *type == WIRE_TYPE_QINQ; i++) {
		unsigned tci;

		if (len - *at < WIRE_TAG_LEN || i == TAGS_MAX) {
			vs_text_add(t, "[|vlan]");
			return false;
		}
		tci = wire_get16(bytes + *at);
		*type = wire_get16(bytes + *at + 2);
		*at += WIRE_TAG_LEN;
		vs_text_add(t, "vlan %u, p %u%s, ", WIRE_TCI_VID(tci), tci >> 13,
			    tci & 0x1000 ? ", DEI" : "");
		if (*type >= WIRE_TYPE_MIN)
			vs_text_add(t, "ethertype %s (0x%04x), ", type_name(*type), *type);
	}
	return true;
}

void wire_print(struct vs_text *t, const uint8_t *bytes, size_t len)
{
	size_t at = WIRE_ETH_LEN;
	unsigned type;

	if (len < WIRE_ETH_LEN) {
		vs_text_add(t, "[|ether], length %zu", len);
		return;
	}
	print_mac(t, bytes + 6);
	vs_text_add(t, " > ");
	print_mac(t, bytes);
	type = wire_get16(bytes + 12);
	if (type < WIRE_TYPE_MIN)
		vs_text_add(t, ", 802.3, length %u: ", type);
	else
		vs_text_add(t, ", ethertype %s (0x%04x), length %zu: ", type_name(type), type, len);
	if (!print_tags(t, bytes, len, &at, &type))
		return;
	if (type == WIRE_TYPE_IP4 || type == WIRE_TYPE_IP6)
		print_ip(t, bytes + at, len - at);
	else if (type == WIRE_TYPE_ARP)
		print_arp(t, bytes + at, len - at);
	else if (type < WIRE_TYPE_MIN)
		print_llc(t, bytes + at, len - at, type);
	else
		vs_text_add(t, "%zu bytes", len - at);
}
