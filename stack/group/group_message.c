/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* IGMP and MLD messages, out and in: RFC 3376 4 and 9, RFC 3810 5 and 6, RFC 2236 2, RFC 2710 3.
 * Each carries a router alert (RFC 2113, RFC 2711) and stays on its link.
 */
#include <string.h>

#include "core/wire/eth.h"
#include "core/wire/group.h"
#include "core/wire/icmp.h"
#include "stack/group/group.h"

#define HEADER4		 24   /* with the router alert */
#define HEADER6		 48   /* the same: a hop-by-hop header */
#define TOS_CONTROL	 0xc0 /* RFC 3376 4: internetwork control */
#define RECORD_LEN(is4)	 (4 + wire_group_addr_len(is4))

static const struct wire_addr all_hosts4 = {{[10] = 0xff, [11] = 0xff, [12] = 224, [15] = 1}};
static const struct wire_addr all_routers4 = {{[10] = 0xff, [11] = 0xff, [12] = 224, [15] = 2}};
static const struct wire_addr all_igmp3 = {{[10] = 0xff, [11] = 0xff, [12] = 224, [15] = 22}};
static const struct wire_addr all_routers6 = {{[0] = 0xff, [1] = 0x02, [15] = 2}};
static const struct wire_addr all_mld2 = {{[0] = 0xff, [1] = 0x02, [15] = 0x16}};

/* The IPv4 header with a router alert in front of the message. */
static void header4(struct vs_frame *f, const struct wire_ip *ip)
{
	static const uint8_t alert[4] = {148, 4, 0, 0};
	struct wire_ip shorter = *ip;
	uint8_t *header = vs_frame_push(f, HEADER4);

	shorter.payload_len += sizeof(alert);
	wire_ip_emit(header, &shorter);
	memcpy(header + WIRE_IP4_LEN, alert, sizeof(alert));
	header[0] = 0x40 | HEADER4 / 4;
	wire_put16(header + 10, 0);
	wire_put16(header + 10, wire_cksum_fold(wire_cksum_add(0, header, HEADER4)));
}

static void header6(struct vs_frame *f, const struct wire_ip *ip)
{
	static const uint8_t alert[8] = {WIRE_PROTO_ICMP6, 0, 5, 2, 0, 0, 1, 0};
	struct wire_ip longer = *ip;

	memcpy(vs_frame_push(f, sizeof(alert)), alert, sizeof(alert));
	longer.protocol = WIRE_PROTO_HOPOPTS;
	longer.payload_len = f->len;
	wire_ip_emit(vs_frame_push(f, WIRE_IP6_LEN), &longer);
}

/* The source: RFC 3376 4.2.13, RFC 3810 5.2.13: nobody, as long as no address is there. */
static struct wire_addr source_for(const struct stk *s, const struct ip_interface *interface,
				   bool is4)
{
	const struct ip_address *a = ip_source_select(s, interface,
						      is4 ? &all_igmp3 : &ip_link_local_any);

	if (!a || (!is4 && !wire_addr_is_link_local(&a->addr)))
		return is4 ? wire_addr_any4 : wire_addr_any6;
	return a->addr;
}

/* Takes f, a message without its checksum. */
static void emit(struct stk *s, const struct ip_interface *interface, const struct wire_addr *dst,
		 struct vs_frame *f)
{
	bool is4 = wire_addr_is4(dst);
	struct wire_ip ip = {.version = is4 ? 4 : 6,
			     .hop_limit = 1,
			     .tclass = is4 ? TOS_CONTROL : 0,
			     .protocol = is4 ? WIRE_PROTO_IGMP : WIRE_PROTO_ICMP6,
			     .src = source_for(s, interface, is4),
			     .dst = *dst,
			     .payload_len = f->len,
			     .dont_fragment = true};
	uint8_t mac[WIRE_MAC_LEN];
	uint32_t sum = is4 ? 0 : wire_cksum_pseudo(&ip.src, dst, WIRE_PROTO_ICMP6, f->len);

	f->flags |= VS_FRAME_TRUSTED;
	wire_put16(f->data + 2, wire_cksum_fold(wire_cksum_add(sum, f->data, f->len)));
	if (is4)
		header4(f, &ip);
	else
		header6(f, &ip);
	stk_count(s, STK_IpOutRequests);
	stk_count(s, STK_GroupOutReports);
	wire_addr_multicast_mac(dst, mac);
	neigh_send(s, interface, mac, is4 ? WIRE_TYPE_IP4 : WIRE_TYPE_IP6, f);
}

void group_send(struct stk *s, struct ip_interface *interface, unsigned version, bool leave,
		const struct wire_addr *group)
{
	bool is4 = wire_addr_is4(group);
	uint8_t type = is4 ? leave	      ? WIRE_IGMP_LEAVE
			     : version == 1 ? WIRE_IGMP_REPORT1
					    : WIRE_IGMP_REPORT2
			   : leave ? WIRE_ICMP6_MLD_DONE
				   : WIRE_ICMP6_MLD_REPORT;
	struct vs_frame *f = vs_frame_new(s->pool, is4 ? 8 : 24, 0);

	if (!f) {
		stk_drop(s, -1, STK_PoolEmpty, NULL);
		return;
	}
	wire_group_emit(f->data, type, group, is4);
	emit(s, interface, !leave ? group : is4 ? &all_routers4 : &all_routers6, f);
}

static bool begin(struct group_report *report)
{
	uint32_t mtu = ip_if_mtu(report->interface, report->is4);

	report->most = (mtu < 1500 ? mtu : 1500) - (report->is4 ? HEADER4 : HEADER6);
	report->records = 0;
	report->f = vs_frame_new(report->s->pool, 0, report->most);
	if (!report->f) {
		stk_drop(report->s, -1, STK_PoolEmpty, NULL);
		return false;
	}
	vs_frame_set_len(report->f, WIRE_GROUP_REPORT_LEN);
	return true;
}

void group_report_send(struct group_report *report)
{
	if (!report->f)
		return;
	wire_group_report_emit(report->f->data, report->records, report->is4);
	emit(report->s, report->interface, report->is4 ? &all_igmp3 : &all_mld2, report->f);
	report->f = NULL;
}

static size_t room(const struct group_report *report)
{
	return report->f ? report->most - report->f->len : 0;
}

void group_report_add(struct group_report *report, uint8_t type, const struct ip_group *g,
		      group_pick_fn *pick)
{
	size_t each = wire_group_addr_len(report->is4), header = RECORD_LEN(report->is4);
	unsigned left = 0, at = 0;

	for (unsigned i = 0; i < g->count; i++)
		left += pick(g, &g->sources[i]);
	do {
		unsigned count;
		uint8_t *place;

		/* RFC 3376 4.2.16: what does not fit goes into another report. */
		if (room(report) < header + left * each)
			group_report_send(report);
		if (!report->f && !begin(report))
			return;
		count = (unsigned)((room(report) - header) / each);
		count = left < count ? left : count;
		place = report->f->data + report->f->len;
		vs_frame_set_len(report->f, report->f->len + header + count * each);
		place += wire_group_record_emit(place, type, &g->addr, count, report->is4);
		report->records++;
		left -= count;
		for (; count; at++) {
			if (!pick(g, &g->sources[at]))
				continue;
			place += wire_group_source_emit(place, &g->sources[at].addr, report->is4);
			count--;
		}
		/* Of what is excluded the rest is left out: two records would cancel out. */
	} while (left && type != WIRE_GROUP_IS_EX && type != WIRE_GROUP_TO_EX);
}

/* RFC 3376 9.1. */
static bool query_allowed4(const struct ip_received *r, const struct wire_group_query *q)
{
	if (q->version > 1 && !r->ip->router_alert)
		return false;
	return !wire_addr_is_any(&q->group) || wire_addr_equal(&r->ip->dst, &all_hosts4);
}

/* Takes f. */
static void query_input(struct stk *s, vs_time now, const struct ip_received *r, struct vs_frame *f)
{
	bool is4 = r->ip->version == 4;
	struct ip_interface *interface = ip_if(s, r->ifindex);
	struct wire_group_query q;

	if (!interface || wire_group_query_parse(&q, f->data, f->len, is4) < 0 ||
	    (is4 && !query_allowed4(r, &q)) ||
	    (!wire_addr_is_any(&q.group) && !wire_addr_is_multicast(&q.group)) ||
	    wire_addr_is4(&q.group) != is4) {
		stk_drop(s, r->ifindex, STK_GroupInErrors, f);
		return;
	}
	stk_count(s, STK_GroupInQueries);
	group_query(s, now, interface, is4, &q);
	vs_frame_put(f);
}

void igmp_input(struct stk *s, vs_time now, const struct ip_received *r, struct vs_frame *f)
{
	struct ip_interface *interface = ip_if(s, r->ifindex);
	struct wire_addr group;

	if (f->len < 8 || (!(f->flags & VS_FRAME_TRUSTED) &&
			   wire_cksum_fold(wire_cksum_add(0, f->data, f->len)))) {
		stk_drop(s, r->ifindex, STK_GroupInErrors, f);
		return;
	}
	if (f->data[0] == WIRE_IGMP_QUERY) {
		query_input(s, now, r, f);
		return;
	}
	group = wire_addr_from4(f->data + 4);
	if (interface && (f->data[0] == WIRE_IGMP_REPORT1 || f->data[0] == WIRE_IGMP_REPORT2))
		group_report_heard(s, now, interface, &group);
	vs_frame_put(f);
}

void mld_input(struct stk *s, vs_time now, const struct ip_received *r, struct vs_frame *f)
{
	struct ip_interface *interface = ip_if(s, r->ifindex);
	struct wire_addr group;

	/* RFC 3810 6.2, RFC 2710 3: from the link, or from nobody yet (RFC 3590). */
	if (r->ip->hop_limit != 1 || !r->ip->router_alert || f->len < 24 ||
	    !(wire_addr_is_link_local(&r->ip->src) ||
	      (wire_addr_is_any(&r->ip->src) && f->data[0] != WIRE_ICMP6_MLD_QUERY))) {
		stk_drop(s, r->ifindex, STK_GroupInErrors, f);
		return;
	}
	if (f->data[0] == WIRE_ICMP6_MLD_QUERY) {
		query_input(s, now, r, f);
		return;
	}
	group = wire_addr_from6(f->data + 8);
	if (interface && f->data[0] == WIRE_ICMP6_MLD_REPORT && !wire_addr_is4(&group))
		group_report_heard(s, now, interface, &group);
	vs_frame_put(f);
}
