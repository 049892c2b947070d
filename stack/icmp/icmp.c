/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ICMP and ICMPv6: echo, and errors as they come in. RFC 792, RFC 1122 3.2.2, RFC 4443. */
#include "core/wire/icmp.h"

#include <errno.h>

#include "stack/icmp/icmp_impl.h"

int icmp_create(struct stk *s)
{
	s->icmp = vs_alloc(s->arena, sizeof(*s->icmp));
	return s->icmp ? 0 : -ENOMEM;
}

void icmp_destroy(struct stk *s)
{
	vs_free(s->arena, s->icmp, sizeof(*s->icmp));
}

/* The same with IPv4's options, which record our address. */
static int output(struct stk *s, vs_time now, const struct wire_addr *dst,
		  const struct wire_addr *src, int ifindex, uint8_t hop_limit, uint8_t tclass,
		  uint8_t *options, size_t options_len, struct vs_frame *f)
{
	bool is4 = wire_addr_is4(dst);
	struct ip_path path;
	struct ip_packet packet = {
		.dst = *dst,
		.protocol = is4 ? WIRE_PROTO_ICMP : WIRE_PROTO_ICMP6,
		.tclass = tclass,
		.hop_limit = hop_limit,
	};
	uint32_t sum = 0;
	int error = ip_path_find(s, dst, src, ifindex, &path);

	if (error) {
		stk_drop(s, -1, STK_IpOutNoRoutes, f);
		return error;
	}
	packet.src = path.src;
	/* An option that is wrong goes back as it came. */
	ip_options_record(s, now, options, options_len, &path.src);
	packet.options = options;
	packet.options_len = (uint8_t)options_len;
	if (!is4)
		sum = wire_cksum_pseudo(&packet.src, dst, WIRE_PROTO_ICMP6, f->len);
	wire_put16(f->data + 2, 0);
	wire_put16(f->data + 2, wire_cksum_fold(wire_cksum_add(sum, f->data, f->len)));
	stk_count(s, STK_IcmpOutMsgs);
	return ip_output(s, now, &path, &packet, f);
}

int icmp_output(struct stk *s, vs_time now, const struct wire_addr *dst,
		const struct wire_addr *src, int ifindex, uint8_t hop_limit, uint8_t tclass,
		struct vs_frame *f)
{
	return output(s, now, dst, src, ifindex, hop_limit, tclass, NULL, 0, f);
}

static void echo(struct stk *s, vs_time now, const struct ip_received *r, struct vs_frame *f)
{
	bool is4 = r->ip->version == 4;
	const struct wire_addr *src = &r->ip->dst;
	uint8_t options[40];
	size_t options_len = 0;

	stk_count(s, STK_IcmpInEchos);
	if ((is4 &&
	     (s->ip->set.echo_ignore_all || (r->to_group && s->ip->set.echo_ignore_broadcasts))) ||
	    (!is4 && s->ip->set.echo6_ignore_all)) {
		stk_drop(s, r->ifindex, STK_IcmpEchoIgnored, f);
		return;
	}
	if (wire_addr_is_any(&r->ip->src)) {
		stk_drop(s, r->ifindex, STK_IcmpInErrors, f);
		return;
	}
	/* RFC 1122 3.2.2.6, RFC 4443 4.2: from the address asked, unless a group was. */
	if (r->to_group && !ip_address_find(s, src))
		src = is4 ? &wire_addr_any4 : &wire_addr_any6;
	f->data[0] = is4 ? WIRE_ICMP4_ECHO_REPLY : WIRE_ICMP6_ECHO_REPLY;
	if (is4 && r->ip->options_len)
		options_len = ip_options_reflect(options,
						 f->data - r->ip->header_len + WIRE_IP4_LEN,
						 r->ip->options_len);
	output(s, now, &r->ip->src, src, wire_addr_is_link_local(&r->ip->src) ? r->ifindex : 0, 0,
	       r->ip->tclass, options, options_len, f);
}

struct meaning {
	int error;
	bool hard;
};

/* RFC 1122 4.2.3.9 and what Linux reports. */
static const struct meaning unreachable4[] = {
	{ENETUNREACH, false},  {EHOSTUNREACH, false}, {ENOPROTOOPT, true},  {ECONNREFUSED, true},
	{EMSGSIZE, false},     {EOPNOTSUPP, false},   {ENETUNREACH, true},  {EHOSTDOWN, true},
	{ENONET, true},	       {ENETUNREACH, true},   {EHOSTUNREACH, true}, {ENETUNREACH, false},
	{EHOSTUNREACH, false}, {EHOSTUNREACH, true},  {EHOSTUNREACH, true}, {EHOSTUNREACH, true},
};

static const struct meaning unreachable6[] = {
	{ENETUNREACH, false}, {EACCES, true}, {EHOSTUNREACH, false}, {EHOSTUNREACH, false},
	{ECONNREFUSED, true}, {EACCES, true}, {EACCES, true},
};

static struct meaning meaning_of(unsigned version, uint8_t type, uint8_t code)
{
	if (version == 4 && type == WIRE_ICMP4_UNREACHABLE &&
	    code < sizeof(unreachable4) / sizeof(unreachable4[0]))
		return unreachable4[code];
	if (version == 6 && type == WIRE_ICMP6_UNREACHABLE &&
	    code < sizeof(unreachable6) / sizeof(unreachable6[0]))
		return unreachable6[code];
	if (version == 6 && type == WIRE_ICMP6_TOO_BIG)
		return (struct meaning){EMSGSIZE, false};
	if (type == (version == 4 ? WIRE_ICMP4_PARAMETER : WIRE_ICMP6_PARAMETER))
		return (struct meaning){EPROTO, true};
	return (struct meaning){EHOSTUNREACH, false};
}

struct quote {
	struct ip_error e;
	uint8_t protocol;
	uint32_t sent; /* length of the packet, as its header said */
};

/* Reads the beginning of a packet of ours, which is all an error quotes. False: it is too short,
 * or a later fragment, so nobody can tell whose it is.
 */
static bool quote_read4(struct quote *q, const uint8_t *bytes, size_t len)
{
	size_t header = (bytes[0] & 0xfu) * 4;

	if (len < WIRE_IP4_LEN || bytes[0] >> 4 != 4 || header < WIRE_IP4_LEN || header + 8 > len ||
	    (wire_get16(bytes + 6) & 0x1fff))
		return false;
	q->sent = wire_get16(bytes + 2);
	q->protocol = bytes[9];
	q->e.src = wire_addr_from4(bytes + 12);
	q->e.dst = wire_addr_from4(bytes + 16);
	q->e.transport = bytes + header;
	q->e.transport_len = len - header;
	return true;
}

static bool quote_read6(struct quote *q, const uint8_t *bytes, size_t len)
{
	size_t at = WIRE_IP6_LEN;

	if (len < WIRE_IP6_LEN || bytes[0] >> 4 != 6)
		return false;
	q->sent = WIRE_IP6_LEN + wire_get16(bytes + 4);
	q->protocol = bytes[6];
	q->e.src = wire_addr_from6(bytes + 8);
	q->e.dst = wire_addr_from6(bytes + 24);
	while (q->protocol == WIRE_PROTO_HOPOPTS || q->protocol == WIRE_PROTO_ROUTING ||
	       q->protocol == WIRE_PROTO_FRAGMENT || q->protocol == WIRE_PROTO_DSTOPTS) {
		bool fragment = q->protocol == WIRE_PROTO_FRAGMENT;

		if (at + 8 > len || (fragment && (wire_get16(bytes + at + 2) & 0xfff8)))
			return false;
		q->protocol = bytes[at];
		at += fragment ? 8 : 8 + bytes[at + 1] * 8u;
	}
	if (at + 8 > len || wire_addr_is4(&q->e.src) || wire_addr_is4(&q->e.dst))
		return false;
	q->e.transport = bytes + at;
	q->e.transport_len = len - at;
	return true;
}

static void tell(struct stk *s, vs_time now, const struct quote *q)
{
	switch (q->protocol) {
	case WIRE_PROTO_TCP:
		tcp_error(s, now, &q->e);
		break;
	case WIRE_PROTO_UDP:
		udp_error(s, now, &q->e);
		break;
	case WIRE_PROTO_ICMP:
	case WIRE_PROTO_ICMP6:
		ping_error(s, now, &q->e);
		break;
	}
}

void icmp_tell_local(struct stk *s, vs_time now, const struct vs_frame *packet, int error)
{
	bool is4 = packet->data[0] >> 4 == 4;
	/* As the router that we are would say it: host, or address, unreachable. */
	struct quote q = {.e = {.error = error,
				.type = is4 ? WIRE_ICMP4_UNREACHABLE : WIRE_ICMP6_UNREACHABLE,
				.code = is4 ? WIRE_ICMP4_UNREACH_HOST : 3}};

	if (is4 ? quote_read4(&q, packet->data, packet->len)
		: quote_read6(&q, packet->data, packet->len)) {
		q.e.offender = q.e.src;
		tell(s, now, &q);
	}
}

static bool plausible(struct stk *s, const struct quote *q)
{
	if (q->protocol == WIRE_PROTO_TCP)
		return tcp_error_plausible(s, &q->e);
	return q->protocol != WIRE_PROTO_UDP || udp_error_plausible(s, &q->e);
}

static void error_input(struct stk *s, vs_time now, const struct ip_received *r,
			const struct wire_icmp *icmp, struct vs_frame *f)
{
	bool is4 = r->ip->version == 4;
	const uint8_t *bytes = f->data + WIRE_ICMP_LEN;
	size_t len = f->len - WIRE_ICMP_LEN;
	struct meaning meaning = meaning_of(r->ip->version, icmp->type, icmp->code);
	struct quote q = {.e = {.error = meaning.error,
				.hard = meaning.hard,
				.type = icmp->type,
				.code = icmp->code,
				.offender = r->ip->src}};

	/* Only about what we sent: the quoted source must be ours. */
	if (!len || !(is4 ? quote_read4(&q, bytes, len) : quote_read6(&q, bytes, len)) ||
	    !ip_is_ours(s, &q.e.src)) {
		stk_drop(s, r->ifindex, STK_IcmpInErrors, f);
		return;
	}
	if (meaning.error == EMSGSIZE) {
		q.e.mtu = is4 ? icmp->info & 0xffff : icmp->info;
		if (!plausible(s, &q)) {
			stk_drop(s, r->ifindex, STK_IcmpInErrors, f);
			return;
		}
		ip_pmtu_learn(s, now, &q.e.dst, q.e.mtu, q.sent);
		if (is4 && !q.e.mtu)
			q.e.mtu = ip_pmtu_get(s, &q.e.dst);
	}
	tell(s, now, &q);
	vs_frame_put(f);
}

/* RFC 1122 3.2.2.2: all four codes are taken as about the host, as Linux does. */
static void redirect_input(struct stk *s, vs_time now, const struct ip_received *r,
			   const struct wire_icmp *icmp, struct vs_frame *f)
{
	struct ip_interface *interface = ip_if(s, r->ifindex);
	struct quote q = {.sent = 0};
	uint8_t gateway[4];
	struct wire_addr better;

	stk_count(s, STK_IcmpInRedirects);
	if (!interface || icmp->code > 3 ||
	    !quote_read4(&q, f->data + WIRE_ICMP_LEN, f->len - WIRE_ICMP_LEN) ||
	    !ip_is_ours(s, &q.e.src)) {
		stk_drop(s, r->ifindex, STK_IcmpInErrors, f);
		return;
	}
	wire_put32(gateway, icmp->info);
	better = wire_addr_from4(gateway);
	ip_redirect_learn(s, now, interface, &r->ip->src, &q.e.dst, &better);
	vs_frame_put(f);
}

static void input4(struct stk *s, vs_time now, const struct ip_received *r,
		   const struct wire_icmp *icmp, struct vs_frame *f)
{
	switch (icmp->type) {
	case WIRE_ICMP4_ECHO:
		echo(s, now, r, f);
		return;
	case WIRE_ICMP4_ECHO_REPLY:
		stk_count(s, STK_IcmpInEchoReps);
		ping_input(s, now, r, f);
		return;
	case WIRE_ICMP4_UNREACHABLE:
	case WIRE_ICMP4_TIME_EXCEEDED:
	case WIRE_ICMP4_PARAMETER:
		error_input(s, now, r, icmp, f);
		return;
	case WIRE_ICMP4_REDIRECT:
		redirect_input(s, now, r, icmp, f);
		return;
	}
	stk_drop(s, r->ifindex, STK_IcmpInUnknown, f);
}

static void input6(struct stk *s, vs_time now, const struct ip_received *r,
		   const struct wire_icmp *icmp, struct vs_frame *f)
{
	switch (icmp->type) {
	case WIRE_ICMP6_UNREACHABLE:
	case WIRE_ICMP6_TOO_BIG:
	case WIRE_ICMP6_TIME_EXCEEDED:
	case WIRE_ICMP6_PARAMETER:
		error_input(s, now, r, icmp, f);
		return;
	case WIRE_ICMP6_ECHO:
		echo(s, now, r, f);
		return;
	case WIRE_ICMP6_ECHO_REPLY:
		stk_count(s, STK_IcmpInEchoReps);
		ping_input(s, now, r, f);
		return;
	case WIRE_ICMP6_MLD_QUERY:
	case WIRE_ICMP6_MLD_REPORT:
	case WIRE_ICMP6_MLD_DONE:
	case WIRE_ICMP6_MLD2_REPORT:
		mld_input(s, now, r, f);
		return;
	case WIRE_ICMP6_RS:
	case WIRE_ICMP6_RA:
	case WIRE_ICMP6_NS:
	case WIRE_ICMP6_NA:
	case WIRE_ICMP6_REDIRECT:
		nd_input(s, now, r, f);
		return;
	}
	stk_drop(s, r->ifindex, STK_IcmpInUnknown, f);
}

static bool cksum_ok(const struct ip_received *r, const struct vs_frame *f)
{
	if (r->ip->version == 6 || (f->flags & VS_FRAME_TRUSTED))
		return stk_cksum_ok(r, f);
	return !wire_cksum_fold(wire_cksum_add(0, f->data, f->len));
}

void icmp_input(struct stk *s, vs_time now, const struct ip_received *r, struct vs_frame *f)
{
	struct wire_icmp icmp;

	stk_count(s, STK_IcmpInMsgs);
	if (wire_icmp_parse(&icmp, f->data, f->len) < 0) {
		stk_drop(s, r->ifindex, STK_IcmpInErrors, f);
		return;
	}
	if (!cksum_ok(r, f)) {
		stk_drop(s, r->ifindex, STK_IcmpInCsumErrors, f);
		return;
	}
	/* Echo is answered in place. */
	if (f->refs > 1) {
		f = vs_frame_own(f);
		if (!f) {
			stk_drop(s, r->ifindex, STK_PoolEmpty, NULL);
			return;
		}
	}
	if (r->ip->version == 4)
		input4(s, now, r, &icmp, f);
	else
		input6(s, now, r, &icmp, f);
}
