/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Errors that are sent: when they may be (RFC 1122 3.2.2, RFC 1812 4.3.2.7, RFC 4443 2.4) and how
 * often.
 */
#include <errno.h>
#include <string.h>

#include "core/wire/icmp.h"
#include "stack/icmp/icmp_impl.h"

#define QUOTE4_MAX (576 - WIRE_IP4_LEN - WIRE_ICMP_LEN) /* RFC 1812 4.3.2.3 */
#define QUOTE6_MAX (IP_MTU_MIN6 - WIRE_IP6_LEN - WIRE_ICMP_LEN)

#define PARAM6_OPTION 2

/* Whether the packet is itself an ICMP error, or cannot be told not to be. */
static bool about_an_error(const struct wire_ip *ip, const struct vs_frame *f)
{
	if (ip->protocol == WIRE_PROTO_ICMP && ip->version == 4)
		return !f->len || (f->data[0] != WIRE_ICMP4_ECHO &&
				   f->data[0] != WIRE_ICMP4_ECHO_REPLY && f->data[0] < 13);
	if (ip->protocol == WIRE_PROTO_ICMP6 && ip->version == 6)
		return !f->len || f->data[0] < 128 || f->data[0] == WIRE_ICMP6_REDIRECT;
	return false;
}

static bool may_send(const struct stk *s, const struct ip_received *r, const struct vs_frame *f,
		     uint8_t type6, uint8_t code6)
{
	const struct wire_ip *ip = r->ip;

	if (ip->fragment_offset || about_an_error(ip, f))
		return false;
	if (wire_addr_is_any(&ip->src) || wire_addr_is_multicast(&ip->src) ||
	    ip_is_broadcast(s, 0, &ip->src))
		return false;
	if (!r->to_group && !wire_addr_is_multicast(&ip->dst))
		return true;
	/* RFC 4443 2.4 (e.3): two kinds are meant for multicast too. */
	return ip->version == 6 && (type6 == WIRE_ICMP6_TOO_BIG ||
				    (type6 == WIRE_ICMP6_PARAMETER && code6 == PARAM6_OPTION));
}

/* Adds to credit what passed since *at, at most most, and takes cost from it if it can. */
static bool spend(vs_time *credit, vs_time *at, vs_time now, vs_time most, vs_time cost)
{
	*credit = vs_time_min(vs_time_add(*credit, now - *at), most);
	*at = now;
	if (*credit < cost)
		return false;
	*credit -= cost;
	return true;
}

static bool rate_allows(struct stk *s, vs_time now, const struct wire_addr *dst, bool redirect)
{
	const struct ip_settings *set = &s->ip->set;
	struct icmp *icmp = s->icmp;
	struct icmp_rate *rate =
		&(redirect ? icmp->redirects : icmp->rate)[ip_hash(s, dst) % RATE_PEERS];
	vs_time period = (wire_addr_is4(dst) ? set->icmp_rate_ms : set->icmp6_rate_ms) * VS_MSEC;
	vs_time all_period = set->icmp_msgs_per_sec ? VS_SEC / set->icmp_msgs_per_sec : 0;

	if (!icmp->limited) {
		icmp->limited = true;
		icmp->all_credit = set->icmp_msgs_burst * all_period;
		icmp->all_at = now;
	}
	if (!wire_addr_equal(&rate->dst, dst))
		*rate = (struct icmp_rate){.dst = *dst, .credit = RATE_BURST * period, .at = now};
	return spend(&rate->credit, &rate->at, now, RATE_BURST * period, period) &&
	       spend(&icmp->all_credit, &icmp->all_at, now, set->icmp_msgs_burst * all_period,
		     all_period);
}

static bool allowed(struct stk *s, vs_time now, const struct ip_received *r,
		    const struct vs_frame *f, uint8_t type6, uint8_t code6)
{
	if (!may_send(s, r, f, type6, code6))
		return false;
	if (rate_allows(s, now, &r->ip->src, false))
		return true;
	stk_count(s, STK_IcmpOutRateLimit);
	return false;
}

bool icmp_redirect_allowed(struct stk *s, vs_time now, const struct ip_received *r,
			   const struct vs_frame *f)
{
	return may_send(s, r, f, WIRE_ICMP6_REDIRECT, 0) && rate_allows(s, now, &r->ip->src, true);
}

bool icmp_send_error(struct stk *s, vs_time now, const struct ip_received *r,
		     const struct vs_frame *f, uint8_t type4, uint8_t code4, uint8_t type6,
		     uint8_t code6, uint32_t info)
{
	const struct wire_ip *ip = r->ip;
	bool is4 = ip->version == 4;
	bool too_big = is4 ? type4 == WIRE_ICMP4_UNREACHABLE && code4 == WIRE_ICMP4_UNREACH_NEEDFRAG
			   : type6 == WIRE_ICMP6_TOO_BIG;
	size_t quoted = ip->header_len + f->len, most = is4 ? QUOTE4_MAX : QUOTE6_MAX;
	const struct wire_addr *src = &ip->dst;
	struct vs_frame *out;

	/* Path MTU discovery does not wait; Linux spares it too. Redirects have their own limit. */
	if (too_big || (is4 && type4 == WIRE_ICMP4_REDIRECT)
		    ? !may_send(s, r, f, type6, code6)
		    : !allowed(s, now, r, f, type6, code6))
		return false;
	if (quoted > most)
		quoted = most;
	out = vs_frame_new(s->pool, WIRE_ICMP_LEN + quoted, 0);
	if (!out) {
		stk_drop(s, -1, STK_PoolEmpty, NULL);
		return false;
	}
	memset(out->data, 0, WIRE_ICMP_LEN);
	out->data[0] = is4 ? type4 : type6;
	out->data[1] = is4 ? code4 : code6;
	/* IPv4: RFC 1191 4 (the MTU), RFC 792 (the gateway; the pointer is one byte). */
	wire_put32(out->data + 4, is4 && type4 == WIRE_ICMP4_PARAMETER ? info << 24 : info);
	memcpy(out->data + WIRE_ICMP_LEN, f->data - ip->header_len, quoted);
	if (!ip_is_ours(s, src))
		src = is4 ? &wire_addr_any4 : &wire_addr_any6;
	if (!icmp_output(s, now, &ip->src, src, wire_addr_is_link_local(&ip->src) ? r->ifindex : 0,
			 0, is4 ? 0xc0 : 0, out))
		return true;
	stk_count(s, STK_IcmpOutErrors);
	return false;
}
