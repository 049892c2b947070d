/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sending: from a transport to the neighbour's queue. */
#include <errno.h>

#include "stack/ip/ip.h"

/* Takes f, whose options, if any, are in front of its data, puts the header in front of all and
 * gives it to the link.
 */
static void send_whole(struct stk *s, vs_time now, const struct ip_path *path,
		       const struct wire_ip *ip, struct vs_frame *f)
{
	size_t payload_len = f->len;
	uint8_t *header = vs_frame_push(f, ip->header_len);

	wire_ip_emit(header, ip);
	if (ip->options_len)
		ip_header4_finish(header, ip->header_len, payload_len);
	if (path->ifindex)
		neigh_output(s, now, s->ip->ifs[path->ifindex], &path->next_hop, f);
	else
		ip_loop(s, now, 0, f);
}

/* What goes to a group (or broadcast) that is received on the interface is heard here too. */
static void loop_copy(struct stk *s, vs_time now, const struct ip_interface *interface,
		      const struct wire_ip *ip, const struct vs_frame *f)
{
	struct wire_ip whole = *ip;
	struct vs_frame *copy;

	if (wire_addr_is_multicast(&ip->dst) && !ip_group_has(interface, &ip->dst))
		return;
	copy = vs_frame_from(s->pool, f->data, f->len);
	if (!copy) {
		stk_drop(s, -1, STK_PoolEmpty, NULL);
		return;
	}
	copy->flags = f->flags;
	copy->mark = f->mark;
	wire_ip_emit(vs_frame_push(copy, ip->header_len), &whole);
	ip_loop(s, now, interface->ifindex, copy);
}

/* RFC 6864: the identification means something only for packets that may be fragmented. */
static void set_id(struct stk *s, struct wire_ip *ip, bool fragment)
{
	if (ip->version == 6)
		ip->id = fragment ? s->ip->id6_next++ : 0;
	else
		ip->id = ip->dont_fragment ? 0 : s->ip->id_next++;
}

int ip_output(struct stk *s, vs_time now, const struct ip_path *path, const struct ip_packet *p,
	      struct vs_frame *f)
{
	bool is4 = wire_addr_is4(&p->dst);
	struct ip_interface *interface = ip_if(s, path->ifindex);
	struct wire_ip ip = {
		.version = is4 ? 4 : 6,
		.tclass = p->tclass,
		.hop_limit = p->hop_limit,
		.protocol = p->protocol,
		.flow = p->flow,
		.header_len = (uint16_t)ip_header_size(is4),
		.payload_len = f->len,
		.src = p->src,
		.dst = p->dst,
		.dont_fragment = p->dont_fragment,
	};
	uint32_t total;

	if (is4) {
		ip.options_len = p->options_len;
		ip.header_len = (uint16_t)(ip.header_len + p->options_len);
	}
	total = ip.header_len + f->len;
	stk_count(s, STK_IpOutRequests);
	if (path->ifindex && (!interface || !interface->up)) {
		stk_drop(s, -1, STK_IfDown, f);
		return -ENETDOWN;
	}
	if (total > IP_MTU_LOOP || (total > path->mtu && p->dont_fragment)) {
		stk_drop(s, -1, STK_IpFragFails, f);
		return -EMSGSIZE;
	}
	if (f->refs > 1) {
		f = vs_frame_own(f);
		if (!f) {
			stk_drop(s, -1, STK_PoolEmpty, NULL);
			return -ENOBUFS;
		}
	}
	if (!ip.hop_limit && !is4 && interface)
		ip.hop_limit = interface->hop_limit6;
	if (!ip.hop_limit)
		ip.hop_limit = (uint8_t)(is4 ? s->ip->set.ttl : s->ip->set.hop_limit);
	if (ip.options_len)
		memcpy(f->data - ip.options_len, p->options, ip.options_len);
	f->flags |= VS_FRAME_TRUSTED;
	set_id(s, &ip, total > path->mtu);
	if (p->loop && interface)
		loop_copy(s, now, interface, &ip, f);
	if (p->stay_here) {
		vs_frame_put(f);
		return 0;
	}
	if (total > path->mtu)
		return ip_fragment(s, now, path, &ip, f);
	send_whole(s, now, path, &ip, f);
	return 0;
}
