/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Forwarding: what a router does with a packet that is not for it. RFC 1812 5.2, RFC 8200 3 and 5,
 * RFC 4443 3.
 */
#include <errno.h>

#include "core/wire/icmp.h"
#include "stack/ip/ip.h"

#define UNREACH4_NET	 0
#define UNREACH6_NOROUTE 0
#define UNREACH6_SCOPE	 2 /* beyond scope of source address: RFC 4443 3.1 */
#define EXCEEDED_TRANSIT 0

/* Packets that stay on their link: RFC 4291 2.5.2 and 2.5.6, RFC 3927 7, RFC 1812 5.3.7. */
static bool stays_on_link(const struct wire_ip *ip)
{
	if (wire_addr_is_any(&ip->src) || wire_addr_is_link_local(&ip->dst) ||
	    wire_addr_is_loopback(&ip->dst))
		return true;
	/* IPv4's class E and 0/8. */
	return ip->version == 4 && (ip->dst.b[12] >= 240 || !ip->dst.b[12]);
}

static void too_big(struct stk *s, vs_time now, const struct ip_received *r, uint32_t mtu,
		    struct vs_frame *f)
{
	icmp_send_error(s, now, r, f, WIRE_ICMP4_UNREACHABLE, WIRE_ICMP4_UNREACH_NEEDFRAG,
			WIRE_ICMP6_TOO_BIG, 0, mtu);
	stk_drop(s, r->ifindex, STK_IpFragFails, f);
}

/* Lets the options record the address that the packet leaves from: RFC 1812 5.2.4. False: they are
 * wrong, f is taken, and its source was told (5.3.13.1).
 */
static bool record(struct stk *s, vs_time now, const struct ip_received *r,
		   const struct ip_path *path, struct vs_frame *f)
{
	uint8_t *header = f->data - r->ip->header_len;
	unsigned wrong = ip_options_record(s, now, header + WIRE_IP4_LEN, r->ip->options_len,
					   &path->src);

	if (wrong) {
		icmp_send_error(s, now, r, f, WIRE_ICMP4_PARAMETER, 0, 0, 0, wrong);
		stk_drop(s, r->ifindex, STK_IpInHdrErrors, f);
		return false;
	}
	ip_header4_finish(header, r->ip->header_len, f->len);
	return true;
}

void ip_forward(struct stk *s, vs_time now, const struct ip_received *r, struct vs_frame *f)
{
	struct wire_ip ip = *r->ip;
	struct ip_path path;
	bool is4 = ip.version == 4;

	if (stays_on_link(&ip)) {
		stk_drop(s, r->ifindex, STK_IpInAddrErrors, f);
		return;
	}
	if (ip.hop_limit <= 1) {
		icmp_send_error(s, now, r, f, WIRE_ICMP4_TIME_EXCEEDED, EXCEEDED_TRANSIT,
				WIRE_ICMP6_TIME_EXCEEDED, EXCEEDED_TRANSIT, 0);
		stk_drop(s, r->ifindex, STK_IpInHdrErrors, f);
		return;
	}
	if (ip_path_find(s, &ip.dst, is4 ? &wire_addr_any4 : &wire_addr_any6, 0, &path) ||
	    !path.ifindex) {
		icmp_send_error(s, now, r, f, WIRE_ICMP4_UNREACHABLE, UNREACH4_NET,
				WIRE_ICMP6_UNREACHABLE, UNREACH6_NOROUTE, 0);
		stk_drop(s, r->ifindex, STK_IpInNoRoutes, f);
		return;
	}
	if (wire_addr_is_link_local(&ip.src) && path.ifindex != r->ifindex) {
		if (!is4)
			icmp_send_error(s, now, r, f, 0, 0, WIRE_ICMP6_UNREACHABLE, UNREACH6_SCOPE,
					0);
		stk_drop(s, r->ifindex, STK_IpInAddrErrors, f);
		return;
	}
	/* RFC 2644: no directed broadcasts from elsewhere. */
	if (ip_is_broadcast(s, path.ifindex, &ip.dst)) {
		stk_drop(s, r->ifindex, STK_IpInAddrErrors, f);
		return;
	}
	if (is4 && ip.options_len && !record(s, now, r, &path, f))
		return;
	path.mtu = ip_if_mtu(s->ip->ifs[path.ifindex], is4);
	if (ip.header_len + ip.payload_len > path.mtu && ip.dont_fragment) {
		too_big(s, now, r, path.mtu, f);
		return;
	}
	if (path.ifindex == r->ifindex)
		icmp_send_redirect(s, now, r, &path, f);
	stk_count(s, STK_IpForwDatagrams);
	ip.hop_limit--;
	if (ip.header_len + ip.payload_len > path.mtu) {
		ip_fragment(s, now, &path, &ip, f);
		return;
	}
	wire_ip_decrement(vs_frame_push(f, ip.header_len));
	neigh_output(s, now, s->ip->ifs[path.ifindex], &path.next_hop, f);
}
