/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The captured host's story and the stack's, side by side. What is compared and what is tolerated
 * stands in replay.h; here each rule is a function, and the first that finds something tells it.
 */
#include <errno.h>
#include <string.h>

#include "core/wire/icmp.h"
#include "harness/replay/host_impl.h"
#include "harness/replay/story_tcp.h"

#define FLAGS_COMPARED (WIRE_TCP_SYN | WIRE_TCP_ACK | WIRE_TCP_FIN | WIRE_TCP_RST)
#define ACCOUNT_BYTES  16 /* of two streams, around the first byte that differs */

struct pair {
	struct host *h;
	const struct story *was; /* the captured host's */
	const struct story *is;	 /* the stack's */
};

static void tell_conversation(const struct pair *p)
{
	char host[WIRE_ADDR_TEXT], peer[WIRE_ADDR_TEXT];

	wire_addr_format(&p->h->addr, host);
	wire_addr_format(&p->was->peer, peer);
	if (p->was->kind == STORY_TCP || p->was->kind == STORY_UDP)
		vs_text_add(p->h->account, "%s %s.%u - %s.%u: ", story_kind_name(p->was->kind),
			    host, p->was->port, peer, p->was->peer_port);
	else if (p->was->kind == STORY_ECHO)
		vs_text_add(p->h->account, "echo %s - %s, id %u: ", host, peer, p->was->port);
	else
		vs_text_add(p->h->account, "%s of %s to %s: ", story_kind_name(p->was->kind), host,
			    peer);
}

static void tell_frames(const struct pair *p, const struct replay_frame *was,
			const struct replay_frame *is)
{
	vs_text_add(p->h->account, "the captured host sent\n");
	if (was)
		replay_tell(p->h->account, &p->h->capture, was);
	else
		vs_text_add(p->h->account, "    nothing of the kind\n");
	vs_text_add(p->h->account, "and ours\n");
	if (is)
		replay_tell(p->h->account, &p->h->outcome, is);
	else
		vs_text_add(p->h->account, "    nothing of the kind\n");
}

static const struct replay_frame *syn_of(const struct stories *ss, const struct story *s)
{
	for (size_t i = 0; i < ss->packets.count; i++) {
		const struct packet *p = &ss->packets.packet[i];

		if (ss->of[i] == s && wire_addr_equal(&p->ip.src, &ss->host) &&
		    p->len >= WIRE_TCP_LEN && p->bytes[13] & WIRE_TCP_SYN)
			return p->frame;
	}
	return NULL;
}

static int syns_differ(const struct pair *p, const struct stories *now)
{
	const struct wire_tcp *a = &p->was->tcp.syn, *b = &p->is->tcp.syn;
	const char *what = NULL;

	if (p->was->tcp.host_syn != p->is->tcp.host_syn)
		what = "only one of them sent a SYN";
	else if (!p->was->tcp.host_syn)
		return 0;
	else if ((a->flags ^ b->flags) & FLAGS_COMPARED)
		what = "the flags of the SYN differ";
	else if (a->has_mss != b->has_mss || a->mss != b->mss)
		what = "the MSS differs";
	else if (a->sack_permitted != b->sack_permitted)
		what = "only one permits SACK";
	else if (a->has_timestamp != b->has_timestamp)
		what = "only one has timestamps";
	else if (a->has_wscale != b->has_wscale)
		what = "only one scales its window";
	if (!what)
		return 0;
	tell_conversation(p);
	vs_text_add(p->h->account, "%s; ", what);
	tell_frames(p, syn_of(&p->h->captured, p->was),
		    syn_of(now, p->is));
	return 1;
}

static void tell_bytes(struct vs_text *t, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len && i < ACCOUNT_BYTES; i++)
		vs_text_add(t, "%s%02x", i ? " " : "", bytes[i]);
}

static int streams_differ(const struct pair *p)
{
	const struct story_tcp *a = &p->was->tcp, *b = &p->is->tcp;
	size_t least = a->len < b->len ? a->len : b->len, i = 0;
	const struct story_write *was, *is;

	while (i < least && a->stream[i] == b->stream[i])
		i++;
	if (i == a->len && i == b->len)
		return 0;
	was = story_tcp_write_of(a, i);
	is = story_tcp_write_of(b, i);
	tell_conversation(p);
	if (i < least) {
		vs_text_add(p->h->account, "byte %zu of the stream differs (", i);
		tell_bytes(p->h->account, a->stream + i, a->len - i);
		vs_text_add(p->h->account, " was, ");
		tell_bytes(p->h->account, b->stream + i, b->len - i);
		vs_text_add(p->h->account, " is); ");
	} else {
		vs_text_add(p->h->account, "the stream has %zu bytes instead of %zu; ", b->len,
			    a->len);
	}
	tell_frames(p, was ? was->frame : NULL, is ? is->frame : NULL);
	return 1;
}

/* Nothing is said before what it answered had come. */
static int order_differs(const struct pair *p)
{
	const struct story_tcp *a = &p->was->tcp, *b = &p->is->tcp;
	size_t k = 0;

	for (size_t i = 0; i < b->writes; i++) {
		size_t begin = i ? b->write[i - 1].end : 0;

		while (k < a->writes && a->write[k].end <= begin)
			k++;
		if (k == a->writes || b->write[i].after >= a->write[k].after)
			continue;
		tell_conversation(p);
		vs_text_add(p->h->account, "data was sent after %llu bytes of the peer instead of "
			    "%llu; ", (unsigned long long)b->write[i].after,
			    (unsigned long long)a->write[k].after);
		tell_frames(p, a->write[k].frame, b->write[i].frame);
		return 1;
	}
	return 0;
}

static int ends_differ(const struct pair *p)
{
	const struct story_tcp *a = &p->was->tcp, *b = &p->is->tcp;
	const char *what = NULL;

	/* Which of both a host that goes away sends last depends on when it is told. */
	if (a->host_rst != b->host_rst && !(a->host_fin && b->host_fin))
		what = "only one of them reset the connection";
	else if (a->host_fin != b->host_fin && !(a->host_rst && b->host_rst))
		what = "only one of them ended its stream";
	else if (a->host_fin && b->host_fin && b->fin_after < a->fin_after)
		what = "the stream was ended before the peer's data had come";
	else if (a->host_fin && b->host_fin && a->fin_after_fin && !b->fin_after_fin)
		what = "the stream was ended before the peer's";
	if (what) {
		tell_conversation(p);
		vs_text_add(p->h->account, "%s; ", what);
		tell_frames(p, a->host_rst ? a->rst_frame : a->fin_frame,
			    b->host_rst ? b->rst_frame : b->fin_frame);
		return 1;
	}
	if (b->acked >= a->acked)
		return 0;
	tell_conversation(p);
	vs_text_add(p->h->account, "%u bytes of the peer were acknowledged instead of %u\n",
		    b->acked, a->acked);
	return 1;
}

/* To one who asks it alone a host may leave out its address and the flag (RFC 4861 7.2.4). */
static bool same_advertisement(const struct story_datagram *a, const struct story_datagram *b)
{
	struct wire_nd x, y;

	if (wire_nd_parse(&x, a->bytes, a->len) < 0 || wire_nd_parse(&y, b->bytes, b->len) < 0)
		return false;
	return !((x.flags ^ y.flags) & (WIRE_ND_ROUTER | WIRE_ND_SOLICITED)) &&
	       wire_addr_equal(&x.target, &y.target) &&
	       (!x.has_target_mac || !y.has_target_mac ||
		!memcmp(x.target_mac, y.target_mac, WIRE_MAC_LEN));
}

/* Whether two datagrams say the same, by the rules of their kind. */
static bool same_datagram(enum story_kind kind, const struct story_datagram *a,
			  const struct story_datagram *b, bool four)
{
	uint32_t least = WIRE_ICMP_LEN + (four ? 28 : 48);
	uint32_t head = 4; /* of ICMP: type, code and checksum */

	switch (kind) {
	case STORY_TCP:
	case STORY_UDP:
		return a->len == b->len && !memcmp(a->bytes, b->bytes, a->len);
	case STORY_ECHO:
		return a->len == b->len && !memcmp(a->bytes, b->bytes, 2) &&
		       !memcmp(a->bytes + head, b->bytes + head, a->len - head);
	case STORY_ERROR:
		/* Type, code, and the addresses and first bytes of the packet it quotes. */
		if (memcmp(a->bytes, b->bytes, 2) || memcmp(a->bytes + 4, b->bytes + 4, 4))
			return false;
		if (a->len < least || b->len < least)
			return a->len == b->len;
		if (four)
			return a->bytes[17] == b->bytes[17] &&
			       !memcmp(a->bytes + 20, b->bytes + 20, 12);
		return a->bytes[14] == b->bytes[14] && !memcmp(a->bytes + 16, b->bytes + 16, 36);
	case STORY_ANSWER:
		return four ? a->len == b->len && !memcmp(a->bytes, b->bytes, a->len) :
			      same_advertisement(a, b);
	}
	return false;
}

static int datagrams_differ(const struct pair *p)
{
	bool four = wire_addr_is4(&p->h->addr);
	size_t is_count = p->is ? p->is->said_count : 0;

	for (size_t i = 0; i < p->was->said_count || i < is_count; i++) {
		const struct story_datagram *a = i < p->was->said_count ? &p->was->said[i] : NULL;
		const struct story_datagram *b = i < is_count ? &p->is->said[i] : NULL;

		if (a && b && same_datagram(p->was->kind, a, b, four))
			continue;
		tell_conversation(p);
		vs_text_add(p->h->account, "message %zu differs; ", i + 1);
		tell_frames(p, a ? a->frame : NULL, b ? b->frame : NULL);
		return 1;
	}
	return 0;
}

static int conversation_differs(const struct pair *p, const struct stories *now)
{
	int differs;

	if (p->was->kind != STORY_TCP)
		return datagrams_differ(p);
	if (!p->is) {
		if (!p->was->tcp.host_syn && !p->was->tcp.host_rst)
			return 0;
		tell_conversation(p);
		vs_text_add(p->h->account, "our host said nothing; ");
		tell_frames(p, syn_of(&p->h->captured, p->was), NULL);
		return 1;
	}
	differs = syns_differ(p, now);
	if (!differs)
		differs = order_differs(p);
	if (!differs)
		differs = streams_differ(p);
	if (!differs)
		differs = ends_differ(p);
	return differs;
}

/* A frame that could never be played waited for something that the stack did not send. */
static void tell_waiting(struct host *h)
{
	if (h->first == h->plays)
		return;
	vs_text_add(h->account, "this frame of the others could not be played, as it answers what "
		    "our host had not sent:\n");
	replay_tell(h->account, &h->capture, h->play[h->first].frame);
}

/* 0, or -ENODATA when there was nothing of the host's to compare: that is no success. */
static int tell_counts(struct host *h)
{
	size_t count[STORY_ANSWER + 1] = {0}, bytes = 0, datagrams = 0;

	for (size_t i = 0; i < h->captured.count; i++) {
		const struct story *s = &h->captured.story[i];

		if (!host_takes_part(s))
			continue;
		count[s->kind]++;
		bytes += s->tcp.len;
		datagrams += s->said_count;
	}
	if (!count[STORY_TCP] && !datagrams) {
		vs_text_add(h->account, "there is nothing to compare: of %zu connections the "
			    "capture lacks the beginning or something between\n", h->left_out);
		return -ENODATA;
	}
	vs_text_add(h->account, "%zu frames played; the same as captured: %zu TCP connections (%zu "
		    "bytes sent), %zu UDP flows, %zu echo sequences, %zu messages of these and of "
		    "ICMP and neighbours", h->plays, count[STORY_TCP], bytes, count[STORY_UDP],
		    count[STORY_ECHO], datagrams);
	if (h->left_out)
		vs_text_add(h->account, "; left out: %zu connections that began before the capture "
			    "or of which it lacks something", h->left_out);
	vs_text_add(h->account, "\n");
	return 0;
}

int host_differ(struct host *h)
{
	struct stories now;
	int differs = stories_tell(&now, &h->outcome, &h->addr);

	if (differs)
		return differs;
	for (size_t i = 0; i < h->captured.count && !differs; i++) {
		struct pair p = {.h = h, .was = &h->captured.story[i]};

		if (!host_takes_part(p.was))
			continue;
		p.is = stories_find(&now, p.was->kind, &p.was->peer, p.was->port, p.was->peer_port);
		differs = conversation_differs(&p, &now);
	}
	if (h->first < h->plays)
		differs = 1;
	if (differs)
		tell_waiting(h);
	else
		differs = tell_counts(h);
	stories_free(&now);
	return differs;
}
