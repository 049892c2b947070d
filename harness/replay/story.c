/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "harness/replay/story.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/wire/icmp.h"
#include "core/wire/udp.h"
#include "harness/replay/story_tcp.h"

const char *story_kind_name(enum story_kind kind)
{
	switch (kind) {
	case STORY_TCP:
		return "TCP";
	case STORY_UDP:
		return "UDP";
	case STORY_ECHO:
		return "echo";
	case STORY_ERROR:
		return "ICMP error";
	case STORY_ANSWER:
		return "neighbour answer";
	}
	return "";
}

struct story *stories_find(const struct stories *ss, enum story_kind kind,
			   const struct wire_addr *peer, uint16_t port, uint16_t peer_port)
{
	/* The last one: a pair of ports may be used again. */
	for (size_t i = ss->count; i-- > 0;) {
		struct story *s = &ss->story[i];

		if (s->kind == kind && s->port == port && s->peer_port == peer_port &&
		    wire_addr_equal(&s->peer, peer))
			return s;
	}
	return NULL;
}

static struct story *story_of(struct stories *ss, const struct packet *p, enum story_kind kind,
			      const struct wire_addr *peer, uint16_t port, uint16_t peer_port)
{
	struct story *s = stories_find(ss, kind, peer, port, peer_port);

	if (s)
		return s;
	s = &ss->story[ss->count++]; /* there is room for one per packet */
	*s = (struct story){.kind = kind, .peer = *peer, .port = port, .peer_port = peer_port,
			    .first = p->frame};
	return s;
}

static int say(struct story *s, const struct packet *p, const uint8_t *bytes, uint32_t len)
{
	struct story_datagram *said = realloc(s->said, (s->said_count + 1) * sizeof(*said));

	if (!said)
		return -ENOMEM;
	s->said = said;
	said[s->said_count++] = (struct story_datagram){.bytes = bytes, .len = len,
							.after = s->heard_count,
							.time = p->frame->time, .frame = p->frame};
	return 0;
}

bool story_echo(const struct packet *p, struct wire_icmp *icmp, bool *request)
{
	if (p->arp || p->ip.protocol != (p->ip.version == 4 ? WIRE_PROTO_ICMP : WIRE_PROTO_ICMP6) ||
	    wire_icmp_parse(icmp, p->bytes, p->len) < 0)
		return false;
	if (p->ip.version == 4) {
		*request = icmp->type == WIRE_ICMP4_ECHO;
		return *request || icmp->type == WIRE_ICMP4_ECHO_REPLY;
	}
	*request = icmp->type == WIRE_ICMP6_ECHO;
	return *request || icmp->type == WIRE_ICMP6_ECHO_REPLY;
}

static bool is_error(const struct packet *p, const struct wire_icmp *icmp)
{
	if (p->ip.version == 6)
		return icmp->type < WIRE_ICMP6_ECHO;
	return icmp->type == WIRE_ICMP4_UNREACHABLE || icmp->type == WIRE_ICMP4_TIME_EXCEEDED ||
	       icmp->type == WIRE_ICMP4_PARAMETER;
}

/* A port unreachable about a datagram: the flow had nobody who listened. */
static void refuse(struct stories *ss, const struct packet *p, const struct wire_icmp *icmp)
{
	const uint8_t *ports;
	struct wire_ip ip;
	struct story *s;
	int header;

	if (icmp->code != (p->ip.version == 4 ? WIRE_ICMP4_UNREACH_PORT : 4) ||
	    icmp->type != (p->ip.version == 4 ? WIRE_ICMP4_UNREACHABLE : WIRE_ICMP6_UNREACHABLE))
		return;
	header = wire_ip_parse(&ip, p->bytes + WIRE_ICMP_LEN, p->len - WIRE_ICMP_LEN);
	if (header < 0 || ip.protocol != WIRE_PROTO_UDP ||
	    p->len - WIRE_ICMP_LEN - (uint32_t)header < WIRE_UDP_LEN)
		return;
	ports = p->bytes + WIRE_ICMP_LEN + header;
	s = stories_find(ss, STORY_UDP, &ip.src, wire_get16(ports + 2), wire_get16(ports));
	if (s)
		s->refused = true;
}

static int add_icmp(struct stories *ss, const struct packet *p, size_t i, bool from_host,
		    const struct wire_addr *peer)
{
	struct wire_icmp icmp;
	struct wire_nd nd;
	struct story *s;
	bool request;

	if (story_echo(p, &icmp, &request)) {
		s = story_of(ss, p, STORY_ECHO, peer, icmp.id, 0);
		ss->of[i] = s;
		if (from_host)
			return say(s, p, p->bytes, p->len);
		s->heard_count++;
		return 0;
	}
	if (!from_host || wire_icmp_parse(&icmp, p->bytes, p->len) < 0)
		return 0;
	if (is_error(p, &icmp)) {
		refuse(ss, p, &icmp);
		return say(story_of(ss, p, STORY_ERROR, peer, 0, 0), p, p->bytes, p->len);
	}
	/* A solicited advertisement is an answer. */
	if (p->ip.version == 6 && icmp.type == WIRE_ICMP6_NA &&
	    wire_nd_parse(&nd, p->bytes, p->len) > 0 && nd.flags & WIRE_ND_SOLICITED &&
	    wire_addr_equal(&nd.target, &ss->host))
		return say(story_of(ss, p, STORY_ANSWER, peer, 0, 0), p, p->bytes, p->len);
	return 0;
}

static int add_udp(struct stories *ss, const struct packet *p, size_t i, bool from_host,
		   const struct wire_addr *peer)
{
	struct wire_udp udp;
	struct story *s;

	if (wire_udp_parse(&udp, p->bytes, p->len) < 0)
		return 0;
	s = story_of(ss, p, STORY_UDP, peer, from_host ? udp.src_port : udp.dst_port,
		     from_host ? udp.dst_port : udp.src_port);
	ss->of[i] = s;
	if (from_host)
		return say(s, p, p->bytes + WIRE_UDP_LEN, udp.len - WIRE_UDP_LEN);
	s->heard_count++;
	return 0;
}

static int add_tcp(struct stories *ss, const struct packet *p, size_t i, bool from_host,
		   const struct wire_addr *peer)
{
	struct wire_tcp tcp;
	struct story *s;
	int header = wire_tcp_parse(&tcp, p->bytes, p->len);

	if (header < 0)
		return 0;
	s = story_of(ss, p, STORY_TCP, peer, from_host ? tcp.src_port : tcp.dst_port,
		     from_host ? tcp.dst_port : tcp.src_port);
	ss->of[i] = s;
	return story_tcp_add(&s->tcp, p, &tcp, (size_t)header, from_host);
}

static int add(struct stories *ss, const struct packet *p, size_t i)
{
	bool from_host = wire_addr_equal(&p->ip.src, &ss->host);
	const struct wire_addr *peer = from_host ? &p->ip.dst : &p->ip.src;

	if (p->arp) {
		if (from_host && wire_get16(p->bytes + 6) == WIRE_ARP_REPLY &&
		    !wire_addr_equal(peer, &ss->host))
			return say(story_of(ss, p, STORY_ANSWER, peer, 0, 0), p, p->bytes,
				   WIRE_ARP_LEN);
		return 0;
	}
	if (!from_host && !wire_addr_equal(&p->ip.dst, &ss->host))
		return 0;
	if (wire_addr_is_multicast(peer))
		return 0;
	switch (p->ip.protocol) {
	case WIRE_PROTO_TCP:
		return add_tcp(ss, p, i, from_host, peer);
	case WIRE_PROTO_UDP:
		return add_udp(ss, p, i, from_host, peer);
	case WIRE_PROTO_ICMP:
	case WIRE_PROTO_ICMP6:
		return add_icmp(ss, p, i, from_host, peer);
	default:
		return 0;
	}
}

int stories_tell(struct stories *ss, const struct replay_capture *c, const struct wire_addr *host)
{
	int error;

	*ss = (struct stories){.host = *host};
	error = packets_find(&ss->packets, c);
	if (error)
		return error;
	ss->story = calloc(ss->packets.count + 1, sizeof(*ss->story));
	ss->of = calloc(ss->packets.count + 1, sizeof(struct story *));
	if (!ss->story || !ss->of)
		error = -ENOMEM;
	for (size_t i = 0; i < ss->packets.count && !error; i++)
		error = add(ss, &ss->packets.packet[i], i);
	for (size_t i = 0; i < ss->count; i++)
		story_tcp_end(&ss->story[i].tcp);
	if (error)
		stories_free(ss);
	return error;
}

void stories_free(struct stories *ss)
{
	for (size_t i = 0; i < ss->count; i++) {
		story_tcp_free(&ss->story[i].tcp);
		free(ss->story[i].said);
	}
	free(ss->story);
	free(ss->of);
	packets_free(&ss->packets);
	*ss = (struct stories){0};
}
