/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reception: from a frame to a transport. RFC 791, RFC 1122 3.2, RFC 8200, RFC 894, RFC 2464. */
#include <errno.h>
#include <string.h>

#include "core/wire/eth.h"
#include "core/wire/icmp.h"
#include "stack/ip/ip.h"

#define OPT4_LSRR 131 /* source routes: RFC 791 3.1 */
#define OPT4_SSRR 137

#define PARAM6_HEADER 0 /* codes of ICMPv6's parameter problem: RFC 4443 3.4 */
#define PARAM6_NEXT   1
#define PARAM6_OPTION 2

void ip_eth_input(struct stk *s, vs_time now, struct ip_interface *interface, struct vs_frame *f)
{
	struct wire_eth eth;
	int len = wire_eth_parse(&eth, f->data, f->len);
	bool group;

	if (len < 0) {
		stk_drop(s, interface->ifindex, STK_EthInTruncated, f);
		return;
	}
	group = wire_mac_is_group(eth.dst);
	if (group) {
		static const uint8_t broadcast[WIRE_MAC_LEN] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

		if (memcmp(eth.dst, broadcast, WIRE_MAC_LEN) &&
		    !ip_group_has_mac(interface, eth.dst)) {
			stk_drop(s, interface->ifindex, STK_EthInOther, f);
			return;
		}
	} else if (memcmp(eth.dst, interface->mac, WIRE_MAC_LEN)) {
		stk_drop(s, interface->ifindex, STK_EthInOther, f);
		return;
	}
	/* A tag that only gives a priority (802.1Q 6.9) belongs to no VLAN. */
	if (eth.tagged && WIRE_TCI_VID(eth.tci)) {
		stk_drop(s, interface->ifindex, STK_EthInVlan, f);
		return;
	}
	if (eth.type != WIRE_TYPE_IP4 && eth.type != WIRE_TYPE_IP6 && eth.type != WIRE_TYPE_ARP) {
		stk_drop(s, interface->ifindex, STK_EthInUnknownType, f);
		return;
	}
	if (eth.type == WIRE_TYPE_IP6 && interface->off6) {
		stk_drop(s, interface->ifindex, STK_IfDown, f);
		return;
	}
	if (f->refs > 1) {
		f = vs_frame_own(f);
		if (!f) {
			stk_drop(s, interface->ifindex, STK_PoolEmpty, NULL);
			return;
		}
	}
	vs_frame_pull(f, (size_t)len);
	if (eth.type == WIRE_TYPE_ARP)
		arp_input(s, now, interface, f);
	else if (f->len && f->data[0] >> 4 == (eth.type == WIRE_TYPE_IP4 ? 4 : 6))
		ip_input(s, now, interface->ifindex, group, f);
	else
		stk_drop(s, interface->ifindex, STK_IpInHdrErrors, f);
}

/* Whether a packet may come from there: RFC 1122 3.2.1.3, RFC 4291 2.7, 2.5.3. */
static bool source_allowed(const struct stk *s, const struct wire_ip *ip, int ifindex)
{
	if (wire_addr_is_multicast(&ip->src))
		return false;
	/* Loopback and our own addresses stay inside, so outside they are forged. */
	if (ifindex && (ip_is_ours(s, &ip->src) || wire_addr_is_loopback(&ip->dst)))
		return false;
	if (ip->version == 4)
		return !ip_is_broadcast(s, ifindex ? ifindex : -1, &ip->src);
	/* A mapped address never is on the wire (RFC 4942 2.2): it would pass for IPv4 here. */
	return !wire_addr_is4(&ip->src) && !wire_addr_is4(&ip->dst);
}

enum place { HERE, HERE_GROUP, ELSEWHERE, NOWHERE };

static enum place place_of(const struct stk *s, const struct wire_ip *ip, int ifindex)
{
	static const struct wire_addr all_routers = {{[0] = 0xff, [1] = 0x02, [15] = 2}};
	const struct ip_address *a = ip_address_find(s, &ip->dst);
	struct ip_interface *interface = ip_if(s, ifindex);

	if (a) {
		/* Link-local: it must be this link's. */
		while (ifindex && a && wire_addr_is_link_local(&a->addr) &&
		       (a->ifindex != ifindex || a->state != IP_VALID ||
			!wire_addr_equal(&a->addr, &ip->dst)))
			a = a->hash_next;
		return a ? HERE : NOWHERE;
	}
	if (!interface)
		return wire_addr_is_loopback(&ip->dst) ? HERE : NOWHERE;
	if (wire_addr_is_multicast(&ip->dst)) {
		if (!s->ip->set.forwarding6 && wire_addr_equal(&ip->dst, &all_routers))
			return NOWHERE;
		return ip_group_has(interface, &ip->dst) ? HERE_GROUP : NOWHERE;
	}
	if (ip->version == 4 && ip_is_broadcast(s, ifindex, &ip->dst))
		return HERE_GROUP;
	return wire_addr_is_any(&ip->dst) ? NOWHERE : ELSEWHERE;
}

/* RFC 1122 3.2.1.8: this host takes no part in source routing. */
static bool source_routed(const struct wire_ip *ip, const uint8_t *header)
{
	unsigned at = WIRE_IP4_LEN, end = WIRE_IP4_LEN + ip->options_len;

	while (at < end && header[at]) {
		if (header[at] == OPT4_LSRR || header[at] == OPT4_SSRR)
			return true;
		at += header[at] == 1 ? 1 : header[at + 1];
	}
	return false;
}

/* Whether a packet's IPv6 options and routing headers let it be processed; if not, f is taken and
 * answered as RFC 8200 4.2 and 4.4 say. A router looks only at hop-by-hop options.
 */
static bool extensions_pass(struct stk *s, vs_time now, const struct ip_received *r,
			    struct vs_frame *f, bool here)
{
	const struct wire_ip *ip = r->ip;
	const uint8_t *header = f->data - ip->header_len;
	unsigned hop_by_hop_end = WIRE_IP6_LEN;
	unsigned action = ip->unrecognized_option >> 6;

	/* RFC 8504 5.3: who fills a packet with options wants our time. */
	if (ip->hop_options > s->ip->set.hop_options_max ||
	    (here && ip->dst_options > s->ip->set.dst_options_max)) {
		stk_drop(s, r->ifindex, STK_IpInHdrErrors, f);
		return false;
	}
	if (header[6] == WIRE_PROTO_HOPOPTS)
		hop_by_hop_end += 8 + header[WIRE_IP6_LEN + 1] * 8u;
	if (action && (here || ip->unrecognized_at < hop_by_hop_end)) {
		if (action == 2 || (action == 3 && !wire_addr_is_multicast(&ip->dst)))
			icmp_send_error(s, now, r, f, 0, 0, WIRE_ICMP6_PARAMETER, PARAM6_OPTION,
					ip->unrecognized_at);
		stk_drop(s, r->ifindex, STK_IpInHdrErrors, f);
		return false;
	}
	if (ip->routing_nonzero && here) {
		/* No routing type is known here (type 0: RFC 5095). */
		if (!ip->unrecognized_option)
			icmp_send_error(s, now, r, f, 0, 0, WIRE_ICMP6_PARAMETER, PARAM6_HEADER,
					ip->unrecognized_at);
		stk_drop(s, r->ifindex, STK_IpInHdrErrors, f);
		return false;
	}
	return true;
}

static void unknown_protocol(struct stk *s, vs_time now, const struct ip_received *r,
			     struct vs_frame *f)
{
	if (r->ip->version == 4 || r->ip->protocol != WIRE_PROTO_NONE)
		icmp_send_error(s, now, r, f, WIRE_ICMP4_UNREACHABLE, WIRE_ICMP4_UNREACH_PROTO,
				WIRE_ICMP6_PARAMETER, PARAM6_NEXT, r->ip->next_header_at);
	stk_drop(s, r->ifindex, STK_IpInUnknownProtos, f);
}

static void deliver(struct stk *s, vs_time now, const struct ip_received *r, struct vs_frame *f)
{
	stk_count(s, STK_IpInDelivers);
	switch (r->ip->protocol) {
	case WIRE_PROTO_TCP:
		tcp_input(s, now, r, f);
		return;
	case WIRE_PROTO_UDP:
		udp_input(s, now, r, f);
		return;
	case WIRE_PROTO_ICMP:
		if (r->ip->version == 4) {
			icmp_input(s, now, r, f);
			return;
		}
		break;
	case WIRE_PROTO_IGMP:
		if (r->ip->version == 4) {
			igmp_input(s, now, r, f);
			return;
		}
		break;
	case WIRE_PROTO_ICMP6:
		if (r->ip->version == 6) {
			icmp_input(s, now, r, f);
			return;
		}
		break;
	}
	unknown_protocol(s, now, r, f);
}

/* A packet that is for us: its fragments are joined, and the whole is read anew. */
static void local(struct stk *s, vs_time now, struct ip_received *r, struct wire_ip *ip,
		  struct vs_frame *f)
{
	if (ip->fragment_offset || ip->more_fragments) {
		vs_frame_push(f, ip->header_len);
		f = ip_reasm(s, now, r, f);
		if (!f)
			return;
		if (wire_ip_parse(ip, f->data, f->len) < 0) {
			stk_drop(s, r->ifindex, STK_IpInHdrErrors, f);
			return;
		}
		vs_frame_pull(f, ip->header_len);
	}
	if (ip->version == 6 && !extensions_pass(s, now, r, f, true))
		return;
	deliver(s, now, r, f);
}

static void input(struct stk *s, vs_time now, int ifindex, bool link_group, bool own,
		  struct vs_frame *f)
{
	struct wire_ip ip;
	struct ip_received r = {.ip = &ip, .ifindex = ifindex, .to_group = link_group};
	int len = wire_ip_parse(&ip, f->data, f->len);
	bool router;

	stk_count(s, STK_IpInReceives);
	if (len < 0) {
		stk_drop(s, ifindex, STK_IpInHdrErrors, f);
		return;
	}
	if (!own && !source_allowed(s, &ip, ifindex)) {
		stk_drop(s, ifindex, STK_IpInAddrErrors, f);
		return;
	}
	if (ip.options_len && source_routed(&ip, f->data)) {
		stk_drop(s, ifindex, STK_IpInHdrErrors, f);
		return;
	}
	/* What follows the packet is padding of the link. */
	vs_frame_set_len(f, ip.header_len + ip.payload_len);
	vs_frame_pull(f, ip.header_len);
	switch (place_of(s, &ip, ifindex)) {
	case HERE_GROUP:
		r.to_group = true;
		/* Filters are for what sockets get, not for a querier. */
		if (wire_addr_is_multicast(&ip.dst) && ip.protocol != WIRE_PROTO_IGMP &&
		    ip.protocol != WIRE_PROTO_ICMP6 &&
		    !ip_group_accepts(ip_if(s, ifindex), &ip.dst, &ip.src)) {
			stk_drop(s, ifindex, STK_IpInGroupFiltered, f);
			return;
		}
		local(s, now, &r, &ip, f);
		return;
	case HERE:
		/* RFC 1122 3.3.6: a broadcast of the link with an address that is not. */
		if (link_group && ip.version == 4) {
			stk_drop(s, ifindex, STK_IpInAddrErrors, f);
			return;
		}
		local(s, now, &r, &ip, f);
		return;
	case ELSEWHERE:
		router = ip.version == 4 ? s->ip->set.forwarding4 : s->ip->set.forwarding6;
		if (router && !link_group) {
			if (ip.version == 4 || extensions_pass(s, now, &r, f, false))
				ip_forward(s, now, &r, f);
			return;
		}
		break;
	case NOWHERE:
		break;
	}
	stk_drop(s, ifindex, STK_IpInAddrErrors, f);
}

void ip_input(struct stk *s, vs_time now, int ifindex, bool link_group, struct vs_frame *f)
{
	input(s, now, ifindex, link_group, false, f);
}

void ip_input_own(struct stk *s, vs_time now, int ifindex, struct vs_frame *f)
{
	/* What came by the queue to ourselves may be of any source of ours. */
	input(s, now, ifindex, false, ifindex != 0, f);
}
