/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Neighbour discovery's solicitations and advertisements: RFC 4861 7.1, 7.2. Router discovery is
 * stack/config's.
 */
#include "core/wire/eth.h"
#include "core/wire/icmp.h"
#include "stack/neigh/neigh_impl.h"

#define ND_HOP_LIMIT 255

static const struct wire_addr all_nodes = {{[0] = 0xff, [1] = 0x02, [15] = 1}};

void nd_send(struct stk *s, vs_time now, struct ip_interface *interface,
	     const struct wire_addr *src, const struct wire_addr *dst, const uint8_t *mac,
	     const struct wire_nd *nd)
{
	struct vs_frame *f = vs_frame_new(s->pool, 0, WIRE_ND_LEN_MAX);
	struct wire_ip ip = {
		.version = 6,
		.hop_limit = ND_HOP_LIMIT,
		.protocol = WIRE_PROTO_ICMP6,
		.src = *src,
		.dst = *dst,
	};

	if (!f) {
		stk_drop(s, -1, STK_PoolEmpty, NULL);
		return;
	}
	vs_frame_set_len(f, wire_nd_emit(f->data, nd));
	f->flags |= VS_FRAME_TRUSTED;
	wire_put16(f->data + 2, wire_cksum_fold(wire_cksum_add(
					wire_cksum_pseudo(src, dst, WIRE_PROTO_ICMP6, f->len),
					f->data, f->len)));
	ip.payload_len = f->len;
	wire_ip_emit(vs_frame_push(f, WIRE_IP6_LEN), &ip);
	stk_count(s, STK_IcmpOutMsgs);
	stk_count(s, STK_IpOutRequests);
	if (mac)
		neigh_send(s, interface, mac, WIRE_TYPE_IP6, f);
	else
		neigh_output(s, now, interface, dst, f);
}

void nd_ask(struct stk *s, vs_time now, struct ip_interface *interface,
	    const struct wire_addr *target, const uint8_t *mac)
{
	const struct ip_address *source = ip_source_select(s, interface, target);
	struct wire_addr group = wire_addr_solicited_node(target);
	struct wire_nd nd = {.type = WIRE_ICMP6_NS, .target = *target};

	if (!source)
		return;
	nd.has_source_mac = true;
	memcpy(nd.source_mac, interface->mac, WIRE_MAC_LEN);
	nd_send(s, now, interface, &source->addr, mac ? target : &group, mac, &nd);
}

void nd_probe(struct stk *s, vs_time now, struct ip_interface *interface,
	      const struct wire_addr *target)
{
	struct wire_addr group = wire_addr_solicited_node(target);
	struct wire_nd nd = {.type = WIRE_ICMP6_NS, .target = *target};

	nd_send(s, now, interface, &wire_addr_any6, &group, NULL, &nd);
}

static void solicited(struct stk *s, vs_time now, struct ip_interface *interface,
		      const struct wire_ip *ip, const struct wire_nd *nd)
{
	struct ip_address *a = ip_address_on(interface, &nd->target);
	bool probe = wire_addr_is_any(&ip->src); /* duplicate address detection: RFC 4862 5.4.3 */
	struct neigh_news news = {
		.addr = &ip->src,
		.mac = nd->has_source_mac ? nd->source_mac : NULL,
		.create = true,
	};
	struct wire_nd reply = {
		.type = WIRE_ICMP6_NA,
		.flags = WIRE_ND_OVERRIDE,
		.target = nd->target,
		.has_target_mac = true,
	};

	/* RFC 4862 5.4.3: who else asks from nowhere wants it too; other questions wait. */
	if (a && a->state != IP_VALID) {
		if (probe)
			dad_conflict(s, now, interface, a);
		return;
	}
	if (!ip_address_find(s, &nd->target))
		return;
	if (!probe)
		neigh_learn(s, now, interface, &news);
	if (!probe)
		reply.flags |= WIRE_ND_SOLICITED;
	if (s->ip->set.forwarding6)
		reply.flags |= WIRE_ND_ROUTER;
	memcpy(reply.target_mac, interface->mac, WIRE_MAC_LEN);
	nd_send(s, now, interface, &nd->target, probe ? &all_nodes : &ip->src, NULL, &reply);
}

static void advertised(struct stk *s, vs_time now, struct ip_interface *interface,
		       const struct wire_nd *nd)
{
	struct ip_address *a = ip_address_on(interface, &nd->target);
	struct neigh_news news = {
		.addr = &nd->target,
		.mac = nd->has_target_mac ? nd->target_mac : NULL,
		.answer = true,
		.solicited = nd->flags & WIRE_ND_SOLICITED,
		.override = nd->flags & WIRE_ND_OVERRIDE,
		.router = nd->flags & WIRE_ND_ROUTER,
	};

	/* RFC 4862 5.4.4. For an address that is ours already it is nobody's to take away. */
	if (a) {
		if (a->state == IP_TENTATIVE)
			dad_conflict(s, now, interface, a);
		return;
	}
	neigh_learn(s, now, interface, &news);
}

/* RFC 4861 8.3: the better hop, and its station, of which it is known what it is. */
static void redirected(struct stk *s, vs_time now, struct ip_interface *interface,
		       const struct wire_ip *ip, const struct wire_nd *nd)
{
	stk_count(s, STK_IcmpInRedirects);
	if (ip_redirect_learn(s, now, interface, &ip->src, &nd->destination, &nd->target) &&
	    nd->has_target_mac)
		neigh_hear(s, now, interface, &nd->target, nd->target_mac,
			   !wire_addr_equal(&nd->target, &nd->destination));
}

/* RFC 4861 6.1.1, 6.1.2, 7.1.1, 7.1.2, 8.1. Mapped addresses are IPv4's inside, and nobody's here.
 */
static bool valid(const struct wire_ip *ip, const struct wire_nd *nd)
{
	struct wire_addr group = wire_addr_solicited_node(&nd->target);

	if (wire_addr_is_multicast(&nd->target) || wire_addr_is4(&nd->target) ||
	    wire_addr_is4(&nd->destination))
		return false;
	if (nd->type == WIRE_ICMP6_REDIRECT)
		return wire_addr_is_link_local(&ip->src) &&
		       !wire_addr_is_multicast(&nd->destination);
	if (nd->type == WIRE_ICMP6_RS)
		return !wire_addr_is_any(&ip->src) || !nd->has_source_mac;
	if (nd->type == WIRE_ICMP6_RA)
		return wire_addr_is_link_local(&ip->src);
	if (nd->type == WIRE_ICMP6_NS && wire_addr_is_any(&ip->src))
		return wire_addr_equal(&ip->dst, &group) && !nd->has_source_mac;
	if (nd->type == WIRE_ICMP6_NA && wire_addr_is_multicast(&ip->dst))
		return !(nd->flags & WIRE_ND_SOLICITED);
	return true;
}

void nd_input(struct stk *s, vs_time now, const struct ip_received *r, struct vs_frame *f)
{
	struct ip_interface *interface = ip_if(s, r->ifindex);
	struct wire_nd nd;

	stk_count(s, STK_NdInMsgs);
	if (!interface || r->ip->hop_limit != ND_HOP_LIMIT || f->data[1] ||
	    wire_nd_parse(&nd, f->data, f->len) < 0 || !valid(r->ip, &nd)) {
		stk_drop(s, r->ifindex, STK_NdInErrors, f);
		return;
	}
	vs_frame_put(f);
	if (nd.type == WIRE_ICMP6_NS)
		solicited(s, now, interface, r->ip, &nd);
	else if (nd.type == WIRE_ICMP6_NA)
		advertised(s, now, interface, &nd);
	else if (nd.type == WIRE_ICMP6_RA)
		ra_input(s, now, interface, &r->ip->src, &nd);
	else if (nd.type == WIRE_ICMP6_REDIRECT)
		redirected(s, now, interface, r->ip, &nd);
	else if (s->ip->set.forwarding6 && nd.has_source_mac)
		neigh_hear(s, now, interface, &r->ip->src, nd.source_mac, false);
}
