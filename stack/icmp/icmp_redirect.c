/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Redirects that a router sends: RFC 792, RFC 1812 5.2.7.2, RFC 4861 8.2. */
#include <string.h>

#include "core/wire/icmp.h"
#include "stack/icmp/icmp_impl.h"

#define REDIRECT_HOST	 1 /* RFC 1812 5.2.7.2: never for a network */
#define OPT_REDIRECTED	 4 /* RFC 4861 4.6.3 */
#define REDIRECTED_LEN	 8 /* of that option, in front of what it quotes */
#define ND_HOP_LIMIT	 255

/* Whether two addresses are in one prefix of the interface. */
static bool same_network(const struct ip_interface *interface, const struct wire_addr *a,
			 const struct wire_addr *b)
{
	for (const struct ip_address *own = interface->addresses; own; own = own->if_next)
		if (own->state == IP_VALID && wire_addr_is4(&own->addr) &&
		    wire_addr_prefix_equal(&own->addr, a, own->bits) &&
		    wire_addr_prefix_equal(&own->addr, b, own->bits))
			return true;
	return false;
}

static void redirect4(struct stk *s, vs_time now, const struct ip_received *r,
		      const struct ip_path *path, const struct vs_frame *f)
{
	if ((!s->ip->set.shared_media &&
	     !same_network(s->ip->ifs[r->ifindex], &r->ip->src, &path->next_hop)) ||
	    !icmp_redirect_allowed(s, now, r, f))
		return;
	if (icmp_send_error(s, now, r, f, WIRE_ICMP4_REDIRECT, REDIRECT_HOST, 0, 0,
			    wire_get32(path->next_hop.b + 12)))
		stk_count(s, STK_IcmpOutRedirects);
}

/* The message, with what fits of the packet behind it. Gives its length. */
static size_t emit6(uint8_t *bytes, const struct wire_nd *nd, const struct ip_received *r,
		    const struct vs_frame *f)
{
	size_t len = wire_nd_emit(bytes, nd);
	size_t most = IP_MTU_MIN6 - WIRE_IP6_LEN - len - REDIRECTED_LEN;
	size_t quoted = r->ip->header_len + f->len;

	quoted = (quoted < most ? quoted : most) & ~(size_t)7;
	memset(bytes + len, 0, REDIRECTED_LEN);
	bytes[len] = OPT_REDIRECTED;
	bytes[len + 1] = (uint8_t)((REDIRECTED_LEN + quoted) / 8);
	memcpy(bytes + len + REDIRECTED_LEN, f->data - r->ip->header_len, quoted);
	return len + REDIRECTED_LEN + quoted;
}

static void redirect6(struct stk *s, vs_time now, const struct ip_received *r,
		      const struct ip_path *path, const struct ip_path *back,
		      const struct vs_frame *f)
{
	const uint8_t *mac = neigh_mac(s, r->ifindex, &path->next_hop);
	bool on_link = wire_addr_equal(&path->next_hop, &r->ip->dst);
	struct wire_nd nd = {
		.type = WIRE_ICMP6_REDIRECT,
		.target = path->next_hop,
		.destination = r->ip->dst,
		.has_target_mac = mac,
	};
	struct ip_packet packet = {.dst = r->ip->src,
				   .protocol = WIRE_PROTO_ICMP6,
				   .hop_limit = ND_HOP_LIMIT};
	const struct ip_address *source =
		ip_source_select(s, s->ip->ifs[r->ifindex], &ip_link_local_any);
	struct vs_frame *out;

	/* The better router and we ourselves must be known by link-local addresses. */
	if ((!on_link && !wire_addr_is_link_local(&path->next_hop)) || !source ||
	    !wire_addr_is_link_local(&source->addr) || !icmp_redirect_allowed(s, now, r, f))
		return;
	if (mac)
		memcpy(nd.target_mac, mac, WIRE_MAC_LEN);
	out = vs_frame_new(s->pool, 0, IP_MTU_MIN6);
	if (!out) {
		stk_drop(s, -1, STK_PoolEmpty, NULL);
		return;
	}
	vs_frame_set_len(out, emit6(out->data, &nd, r, f));
	packet.src = source->addr;
	wire_put16(out->data + 2, wire_cksum_fold(wire_cksum_add(
					  wire_cksum_pseudo(&packet.src, &packet.dst,
							    WIRE_PROTO_ICMP6, out->len),
					  out->data, out->len)));
	stk_count(s, STK_IcmpOutMsgs);
	stk_count(s, STK_IcmpOutRedirects);
	ip_output(s, now, back, &packet, out);
}

void icmp_send_redirect(struct stk *s, vs_time now, const struct ip_received *r,
			const struct ip_path *path, const struct vs_frame *f)
{
	bool is4 = r->ip->version == 4;
	struct ip_path back;

	/* Only who is on the link can use a hop that is on it. */
	if (ip_path_find(s, &r->ip->src, is4 ? &wire_addr_any4 : &wire_addr_any6, 0, &back) ||
	    back.ifindex != r->ifindex || !wire_addr_equal(&back.next_hop, &r->ip->src))
		return;
	if (!is4)
		redirect6(s, now, r, path, &back, f);
	else if (s->ip->set.send_redirects)
		redirect4(s, now, r, path, f);
}
