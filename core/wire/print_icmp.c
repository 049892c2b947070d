/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/wire/icmp.h"
#include "core/wire/print_impl.h"
#include "core/wire/tcp.h"
#include "core/wire/udp.h"

/* The packet that an error is about, as far as the error quotes it. */
struct quoted {
	bool there;
	bool ports;
	struct wire_ip ip;
	unsigned dst_port;
};

static void quoted_parse(struct quoted *q, const struct print_payload *p)
{
	int header;

	*q = (struct quoted){0};
	if (p->have <= WIRE_ICMP_LEN)
		return;
	header = print_ip_parse(&q->ip, p->bytes + WIRE_ICMP_LEN, p->have - WIRE_ICMP_LEN);
	if (header < 0)
		return;
	q->there = true;
	if (p->have - WIRE_ICMP_LEN - (size_t)header < 4 || q->ip.fragment_offset ||
	    (q->ip.protocol != WIRE_PROTO_TCP && q->ip.protocol != WIRE_PROTO_UDP))
		return;
	q->ports = true;
	q->dst_port = wire_get16(p->bytes + WIRE_ICMP_LEN + header + 2);
}

static void print_quoted(struct vs_text *t, const struct quoted *q)
{
	if (q->there)
		print_addr(t, &q->ip.dst);
	else
		vs_text_add(t, "[|ip]");
}

static void print_quoted_port(struct vs_text *t, const struct quoted *q)
{
	print_quoted(t, q);
	if (q->ports)
		vs_text_add(t, " %s port %u", q->ip.protocol == WIRE_PROTO_TCP ? "tcp" : "udp",
			    q->dst_port);
	else if (q->there)
		vs_text_add(t, " protocol %u port", q->ip.protocol);
}

static void print_unreachable4(struct vs_text *t, const struct wire_icmp *icmp,
			       const struct quoted *q)
{
	switch (icmp->code) {
	case WIRE_ICMP4_UNREACH_NET:
		vs_text_add(t, "net ");
		print_quoted(t, q);
		break;
	case WIRE_ICMP4_UNREACH_HOST:
		vs_text_add(t, "host ");
		print_quoted(t, q);
		break;
	case WIRE_ICMP4_UNREACH_PROTO:
		print_quoted(t, q);
		vs_text_add(t, " protocol %u", q->ip.protocol);
		break;
	case WIRE_ICMP4_UNREACH_PORT:
		print_quoted_port(t, q);
		break;
	case WIRE_ICMP4_UNREACH_NEEDFRAG:
		print_quoted(t, q);
		vs_text_add(t, " unreachable - need to frag (mtu %u)", icmp->seq);
		return;
	default:
		print_quoted(t, q);
		vs_text_add(t, " (code %u)", icmp->code);
	}
	vs_text_add(t, " unreachable");
}

void print_icmp4(struct vs_text *t, const struct print_payload *p)
{
	struct wire_icmp icmp;
	struct wire_addr gateway;
	struct quoted q;

	if (wire_icmp_parse(&icmp, p->bytes, p->have) < 0) {
		vs_text_add(t, "[|icmp]");
		return;
	}
	quoted_parse(&q, p);
	vs_text_add(t, "ICMP ");
	switch (icmp.type) {
	case WIRE_ICMP4_ECHO:
	case WIRE_ICMP4_ECHO_REPLY:
		vs_text_add(t, "echo %s, id %u, seq %u",
			    icmp.type == WIRE_ICMP4_ECHO ? "request" : "reply", icmp.id, icmp.seq);
		break;
	case WIRE_ICMP4_UNREACHABLE:
		print_unreachable4(t, &icmp, &q);
		break;
	case WIRE_ICMP4_REDIRECT:
		gateway = wire_addr_from4(p->bytes + 4);
		vs_text_add(t, "redirect ");
		print_quoted(t, &q);
		vs_text_add(t, " to %s ", icmp.code & 1 ? "host" : "net");
		print_addr(t, &gateway);
		break;
	case WIRE_ICMP4_TIME_EXCEEDED:
		vs_text_add(t, icmp.code ? "ip reassembly time exceeded" :
					   "time exceeded in-transit");
		break;
	case WIRE_ICMP4_PARAMETER:
		vs_text_add(t, "parameter problem - octet %u", p->bytes[4]);
		break;
	default:
		vs_text_add(t, "type-#%u, code %u", icmp.type, icmp.code);
	}
	vs_text_add(t, ", length %zu", p->len);
}

static void print_unreachable6(struct vs_text *t, const struct wire_icmp *icmp,
			       const struct quoted *q)
{
	static const char *const why[] = {"route", "prohibited", "beyond scope",
					  "address"};

	vs_text_add(t, "destination unreachable, ");
	if (icmp->code < sizeof(why) / sizeof(why[0])) {
		vs_text_add(t, "unreachable %s ", why[icmp->code]);
		print_quoted(t, q);
	} else if (icmp->code == 4) {
		vs_text_add(t, "unreachable port, ");
		print_quoted_port(t, q);
	} else {
		vs_text_add(t, "code %u, ", icmp->code);
		print_quoted(t, q);
	}
}

static void print_nd_flags(struct vs_text *t, uint8_t flags)
{
	static const struct {
		uint8_t bit;
		const char *name;
	} flag[] = {{WIRE_ND_ROUTER, "router"}, {WIRE_ND_SOLICITED, "solicited"},
		    {WIRE_ND_OVERRIDE, "override"}};
	const char *between = ", Flags [";

	for (size_t i = 0; i < sizeof(flag) / sizeof(flag[0]); i++) {
		if (!(flags & flag[i].bit))
			continue;
		vs_text_add(t, "%s%s", between, flag[i].name);
		between = ", ";
	}
	vs_text_add(t, "%s", between[2] ? ", Flags [none]" : "]");
}

static void print_nd(struct vs_text *t, const struct print_payload *p)
{
	static const char *const name[] = {"router solicitation", "router advertisement",
					   "neighbor solicitation", "neighbor advertisement",
					   "redirect"};
	struct wire_nd nd;

	vs_text_add(t, "%s", name[p->bytes[0] - WIRE_ICMP6_RS]);
	if (p->have < p->len || wire_nd_parse(&nd, p->bytes, p->len) < 0) {
		vs_text_add(t, " [|nd]");
		return;
	}
	if (nd.type == WIRE_ICMP6_NS) {
		vs_text_add(t, ", who has ");
		print_addr(t, &nd.target);
	} else if (nd.type == WIRE_ICMP6_NA) {
		vs_text_add(t, ", tgt is ");
		print_addr(t, &nd.target);
		print_nd_flags(t, nd.flags);
	} else if (nd.type == WIRE_ICMP6_REDIRECT) {
		vs_text_add(t, ", ");
		print_addr(t, &nd.destination);
		vs_text_add(t, " to ");
		print_addr(t, &nd.target);
	} else if (nd.type == WIRE_ICMP6_RA) {
		vs_text_add(t, ", hop limit %u, lifetime %us", nd.hop_limit, nd.router_lifetime_s);
		for (unsigned i = 0; i < nd.prefixes; i++) {
			vs_text_add(t, ", prefix ");
			print_addr(t, &nd.prefix[i].prefix);
			vs_text_add(t, "/%u", nd.prefix[i].bits);
		}
		if (nd.mtu)
			vs_text_add(t, ", mtu %u", nd.mtu);
	}
	if (nd.has_source_mac) {
		vs_text_add(t, ", source ");
		print_mac(t, nd.source_mac);
	}
	if (nd.has_target_mac) {
		vs_text_add(t, ", target ");
		print_mac(t, nd.target_mac);
	}
}

static void print_mld(struct vs_text *t, const struct print_payload *p, const char *what)
{
	struct wire_addr group;

	vs_text_add(t, "multicast listener %s", what);
	if (p->have < 24)
		return;
	group = wire_addr_from6(p->bytes + 8);
	vs_text_add(t, ", addr: ");
	print_addr(t, &group);
}

void print_icmp6(struct vs_text *t, const struct print_payload *p)
{
	struct wire_icmp icmp;
	struct quoted q;

	if (wire_icmp_parse(&icmp, p->bytes, p->have) < 0) {
		vs_text_add(t, "[|icmp6]");
		return;
	}
	quoted_parse(&q, p);
	vs_text_add(t, "ICMP6, ");
	switch (icmp.type) {
	case WIRE_ICMP6_UNREACHABLE:
		print_unreachable6(t, &icmp, &q);
		break;
	case WIRE_ICMP6_TOO_BIG:
		vs_text_add(t, "packet too big, mtu %u", icmp.info);
		break;
	case WIRE_ICMP6_TIME_EXCEEDED:
		vs_text_add(t, "time exceeded %s for ", icmp.code ? "(reassembly)" : "in-transit");
		print_quoted(t, &q);
		break;
	case WIRE_ICMP6_PARAMETER:
		vs_text_add(t, "parameter problem, code %u, octet %u", icmp.code, icmp.info);
		break;
	case WIRE_ICMP6_ECHO:
	case WIRE_ICMP6_ECHO_REPLY:
		vs_text_add(t, "echo %s, id %u, seq %u",
			    icmp.type == WIRE_ICMP6_ECHO ? "request" : "reply", icmp.id, icmp.seq);
		break;
	case WIRE_ICMP6_MLD_QUERY:
		print_mld(t, p, "query");
		break;
	case WIRE_ICMP6_MLD_REPORT:
		print_mld(t, p, "report");
		break;
	case WIRE_ICMP6_MLD_DONE:
		print_mld(t, p, "done");
		break;
	case WIRE_ICMP6_RS:
	case WIRE_ICMP6_RA:
	case WIRE_ICMP6_NS:
	case WIRE_ICMP6_NA:
	case WIRE_ICMP6_REDIRECT:
		print_nd(t, p);
		break;
	case WIRE_ICMP6_MLD2_REPORT:
		vs_text_add(t, "multicast listener report v2, %u group record(s)", icmp.seq);
		break;
	default:
		vs_text_add(t, "type-#%u, code %u", icmp.type, icmp.code);
	}
	vs_text_add(t, ", length %zu", p->len);
}
