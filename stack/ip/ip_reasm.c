/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reassembly of both families: RFC 791 3.2, RFC 8200 4.5.
 *
 * As in RFC 815, a datagram in pieces is one buffer of the largest size, and what is still missing
 * is described by a list of holes that stands in the holes themselves. A hole begins at a multiple
 * of 8, and so has room for its descriptor. A fragment either fits into one hole, or repeats bytes
 * that are there already (then it is a duplicate and ignored), or overlaps: then the whole datagram
 * is dropped, for both families (RFC 5722, RFC 1858).
 *
 * The header of the first fragment is kept in the headroom, where it stands at the end.
 */
#include <errno.h>
#include <string.h>

#include "core/wire/icmp.h"
#include "stack/ip/ip.h"

#define PAYLOAD_MAX	    65535u
#define NO_HOLE		    UINT32_MAX
#define HEADER_MAX	    VS_FRAME_HEADROOM
#define EXCEEDED_REASSEMBLY 1 /* the code, of both families */
#define PARAM6_HEADER	    0
#define PARAM6_CHAIN	    3 /* RFC 7112 5 */

/* What stands at the first byte of a hole. */
struct hole {
	uint32_t next; /* place of the next hole, or NO_HOLE */
	uint32_t end;  /* one past the last byte missing */
};

struct ip_reasm {
	struct ip_reasm *next;
	struct wire_addr src, dst;
	uint32_t id;
	uint8_t protocol; /* IPv4: part of the key */
	int ifindex;
	bool has_first, trusted;
	uint8_t ecn_seen;   /* bit per code point of RFC 3168 */
	uint32_t holes;	    /* first hole */
	uint32_t total;	    /* length, 0 while the last fragment is missing */
	uint32_t seen_end;  /* furthest byte that came */
	struct vs_frame *f; /* data: the payload; header in front of it once has_first */
	struct wire_ip first;
	struct vs_timer timer;
};

static struct hole hole_read(const struct ip_reasm *q, uint32_t at)
{
	struct hole hole;

	memcpy(&hole, q->f->data + at, sizeof(hole));
	return hole;
}

static void hole_write(struct ip_reasm *q, uint32_t at, struct hole hole)
{
	memcpy(q->f->data + at, &hole, sizeof(hole));
}

/* Makes *link (the list's head, or NO_HOLE's place in the hole at prev) point to at. */
static void hole_relink(struct ip_reasm *q, uint32_t prev, uint32_t at)
{
	struct hole hole;

	if (prev == NO_HOLE) {
		q->holes = at;
		return;
	}
	hole = hole_read(q, prev);
	hole.next = at;
	hole_write(q, prev, hole);
}

/* Takes the entry out of the list and gives its frame to whoever asked. */
static struct vs_frame *release(struct stk *s, struct ip_reasm *q)
{
	struct ip_reasm **p = &s->ip->reasm;
	struct vs_frame *f = q->f;

	while (*p != q)
		p = &(*p)->next;
	*p = q->next;
	vs_timer_cancel(&s->timers, &q->timer);
	q->next = s->ip->reasm_free;
	q->f = NULL;
	s->ip->reasm_free = q;
	return f;
}

/* RFC 792, RFC 4443 3.3: who sent the first fragment is told that the rest did not come. */
static void time_out(struct vs_timer *timer, void *ctx, vs_time now)
{
	struct stk *s = ctx;
	struct ip_reasm *q =
		(struct ip_reasm *)(void *)((char *)timer - offsetof(struct ip_reasm, timer));
	struct ip_received r = {.ip = &q->first, .ifindex = q->ifindex};
	int ifindex = q->ifindex;

	if (q->has_first) {
		/* The first fragment ends where the first hole begins. */
		vs_frame_set_len(q->f, q->holes == NO_HOLE ? 0 : q->holes);
		icmp_send_error(s, now, &r, q->f, WIRE_ICMP4_TIME_EXCEEDED, EXCEEDED_REASSEMBLY,
				WIRE_ICMP6_TIME_EXCEEDED, EXCEEDED_REASSEMBLY, 0);
	}
	stk_count(s, STK_IpReasmFails);
	stk_drop(s, ifindex, STK_IpReasmTimeout, release(s, q));
}

void ip_reasm_fini(struct stk *s)
{
	struct ip_reasm *q;

	while (s->ip->reasm)
		vs_frame_put(release(s, s->ip->reasm));
	while ((q = s->ip->reasm_free)) {
		s->ip->reasm_free = q->next;
		vs_timer_remove(&s->timers, &q->timer);
		vs_free(s->arena, q, sizeof(*q));
	}
}

static unsigned count_of(const struct stk *s, const struct wire_addr *src)
{
	unsigned count = 0;

	for (const struct ip_reasm *q = s->ip->reasm; q; q = q->next)
		count += wire_addr_equal(&q->src, src);
	return count;
}

/* Bounded memory, and nobody's to fill: the source with the most datagrams in pieces, of the
 * family, loses its oldest, whoever comes. Older entries stand later, and of equals the oldest
 * goes.
 */
static void make_room(struct stk *s, bool is4)
{
	struct ip_reasm *victim = NULL;
	unsigned most = 0;

	for (struct ip_reasm *q = s->ip->reasm; q; q = q->next) {
		unsigned count = wire_addr_is4(&q->src) == is4 ? count_of(s, &q->src) : 0;

		if (count && count >= most) {
			victim = q;
			most = count;
		}
	}
	if (victim)
		stk_drop(s, victim->ifindex, STK_IpReasmFails, release(s, victim));
}

static struct ip_reasm *entry_new(struct stk *s, bool is4)
{
	int64_t bytes = is4 ? s->ip->set.frag_bytes : s->ip->set.frag6_bytes;
	unsigned count = 0, most = (unsigned)(bytes / (PAYLOAD_MAX + 1));
	struct ip_reasm *q;

	for (q = s->ip->reasm; q; q = q->next)
		count += wire_addr_is4(&q->src) == is4;
	if (!most)
		return NULL;
	if (count >= most || count >= IP_REASM_MAX)
		make_room(s, is4);
	q = s->ip->reasm_free;
	if (q) {
		s->ip->reasm_free = q->next;
		return q;
	}
	q = vs_alloc(s->arena, sizeof(*q));
	if (!q)
		return NULL;
	if (vs_timer_add(&s->timers, &q->timer, time_out)) {
		vs_free(s->arena, q, sizeof(*q));
		return NULL;
	}
	return q;
}

static struct ip_reasm *entry_for(struct stk *s, vs_time now, const struct ip_received *r)
{
	const struct wire_ip *ip = r->ip;
	uint8_t protocol = ip->version == 4 ? ip->protocol : 0;
	struct ip_reasm *q;
	struct vs_frame *buffer;
	int64_t wait_s = ip->version == 4 ? s->ip->set.frag_time_s : s->ip->set.frag6_time_s;

	for (q = s->ip->reasm; q; q = q->next)
		if (q->id == ip->id && q->protocol == protocol &&
		    wire_addr_equal(&q->src, &ip->src) && wire_addr_equal(&q->dst, &ip->dst))
			return q;
	buffer = vs_frame_new(s->pool, PAYLOAD_MAX, 0);
	if (!buffer)
		return NULL;
	q = entry_new(s, ip->version == 4);
	if (!q) {
		vs_frame_put(buffer);
		return NULL;
	}
	q->src = ip->src;
	q->dst = ip->dst;
	q->id = ip->id;
	q->protocol = protocol;
	q->ifindex = r->ifindex;
	q->has_first = false;
	q->trusted = true;
	q->ecn_seen = 0;
	q->total = 0;
	q->seen_end = 0;
	q->f = buffer;
	q->holes = 0;
	hole_write(q, 0, (struct hole){.next = NO_HOLE, .end = PAYLOAD_MAX});
	vs_timer_set(&s->timers, &q->timer, vs_time_add(now, wait_s * VS_SEC));
	q->next = s->ip->reasm;
	s->ip->reasm = q;
	return q;
}

enum fit { FITS, DUPLICATE, OVERLAPS };

/* Copies bytes [at, end) into the hole where they belong. */
static enum fit fill(struct ip_reasm *q, uint32_t at, uint32_t end, bool last, const uint8_t *bytes)
{
	uint32_t prev = NO_HOLE, here = q->holes;
	struct hole hole, left, right;

	for (; here != NO_HOLE; prev = here, here = hole.next) {
		hole = hole_read(q, here);
		if (end <= here || at >= hole.end)
			continue;
		if (at < here || end > hole.end || (last && hole.next != NO_HOLE))
			return OVERLAPS;
		break;
	}
	if (here == NO_HOLE)
		return memcmp(q->f->data + at, bytes, end - at) ? OVERLAPS : DUPLICATE;
	left = (struct hole){.next = hole.next, .end = at};
	right = (struct hole){.next = hole.next, .end = hole.end};
	memcpy(q->f->data + at, bytes, end - at);
	/* Behind the last fragment nothing is missing. */
	if (end < hole.end && !last) {
		hole_write(q, end, right);
		left.next = end;
	}
	if (here < at) {
		hole_write(q, here, left);
		hole_relink(q, prev, here);
	} else {
		hole_relink(q, prev, left.next);
	}
	return FITS;
}

/* Keeps the header of the first fragment; IPv6's without the fragment header. */
static bool keep_header(struct ip_reasm *q, const struct wire_ip *ip, const uint8_t *header)
{
	uint32_t len = ip->version == 4 ? ip->header_len : ip->fragment_header;
	uint8_t *kept = q->f->data - len;

	if (len > HEADER_MAX)
		return false;
	memcpy(kept, header, len);
	q->first = *ip;
	q->first.header_len = (uint16_t)len;
	q->first.more_fragments = false;
	q->has_first = true;
	if (ip->version == 6) {
		unsigned at = WIRE_IP6_LEN, named_at = 6;

		/* The header before it names what the fragment header named. */
		while (at < ip->fragment_header) {
			named_at = at;
			at += 8 + header[at + 1] * 8u;
		}
		kept[named_at] = header[ip->fragment_header];
		q->first.protocol = header[ip->fragment_header];
		q->first.next_header_at = (uint16_t)named_at;
		q->first.fragment_header = 0;
	}
	return true;
}

/* Everything is there: gives the packet with a header that says so, or NULL when it is too long. */
static struct vs_frame *complete(struct stk *s, struct ip_reasm *q)
{
	struct wire_ip first = q->first;
	uint32_t total = q->total;
	unsigned ecn = q->ecn_seen;
	bool trusted = q->trusted;
	int ifindex = q->ifindex;
	struct vs_frame *f = release(s, q);
	uint8_t *header;

	/* RFC 3168 5.3: one CE marks them all, unless some were not ECN-capable. */
	if (first.header_len + total > 65535 ||
	    ((ecn & 1u << WIRE_ECN_CE) && (ecn & 1u << WIRE_ECN_NOT))) {
		stk_drop(s, ifindex, STK_IpReasmFails, f);
		return NULL;
	}
	vs_frame_set_len(f, total);
	header = vs_frame_push(f, first.header_len);
	f->flags = trusted ? VS_FRAME_TRUSTED : 0;
	if (first.version == 4) {
		wire_put16(header + 2, (uint16_t)f->len);
		wire_put16(header + 6, 0);
		wire_put16(header + 10, 0);
		wire_put16(header + 10,
			   wire_cksum_fold(wire_cksum_add(0, header, first.header_len)));
	} else {
		wire_put16(header + 4, (uint16_t)(f->len - WIRE_IP6_LEN));
	}
	if (ecn & 1u << WIRE_ECN_CE)
		wire_ip_set_ecn(header, WIRE_ECN_CE);
	stk_count(s, STK_IpReasmOKs);
	return f;
}

/* RFC 8200 4.5: lengths that cannot be are answered, of IPv6. */
static bool lengths_possible(struct stk *s, vs_time now, const struct ip_received *r,
			     struct vs_frame *f, uint32_t at, uint32_t len)
{
	const struct wire_ip *ip = r->ip;
	uint32_t pointer = 0;

	if (ip->more_fragments && len % 8)
		pointer = 4; /* the payload length */
	else if (at + len > PAYLOAD_MAX)
		pointer = ip->fragment_header + 2u;
	else if (len)
		return true;
	if (pointer && ip->version == 6) {
		vs_frame_pull(f, ip->header_len);
		icmp_send_error(s, now, r, f, 0, 0, WIRE_ICMP6_PARAMETER, PARAM6_HEADER, pointer);
	}
	stk_drop(s, r->ifindex, STK_IpReasmFails, f);
	return false;
}

/* What a header of the upper layer needs at least, to tell whose the packet is. */
static size_t upper_len(uint8_t protocol)
{
	switch (protocol) {
	case WIRE_PROTO_TCP:
		return 20;
	case WIRE_PROTO_UDP:
	case WIRE_PROTO_ICMP6:
		return 8;
	}
	return 0;
}

/* RFC 7112 5, RFC 8200 4.5: IPv6's first fragment has every header up to the upper layer's. */
static bool chain_complete(const uint8_t *header, size_t at, size_t len, uint8_t protocol)
{
	while (protocol == WIRE_PROTO_HOPOPTS || protocol == WIRE_PROTO_ROUTING ||
	       protocol == WIRE_PROTO_DSTOPTS) {
		if (at + 8 > len)
			return false;
		protocol = header[at];
		at += 8 + header[at + 1] * 8u;
	}
	return at + upper_len(protocol) <= len;
}

/* Whether a first fragment may be one; if not, f is taken and its source told. */
static bool first_complete(struct stk *s, vs_time now, const struct ip_received *r,
			   struct vs_frame *f)
{
	const struct wire_ip *ip = r->ip;

	if (ip->version == 4 || ip->fragment_offset ||
	    chain_complete(f->data, ip->fragment_header + WIRE_FRAGMENT_LEN, f->len,
			   f->data[ip->fragment_header]))
		return true;
	vs_frame_pull(f, ip->header_len);
	icmp_send_error(s, now, r, f, 0, 0, WIRE_ICMP6_PARAMETER, PARAM6_CHAIN, 0);
	stk_drop(s, r->ifindex, STK_IpReasmFails, f);
	return false;
}

struct vs_frame *ip_reasm(struct stk *s, vs_time now, const struct ip_received *r,
			  struct vs_frame *f)
{
	const struct wire_ip *ip = r->ip;
	uint32_t start =
		ip->version == 4 ? ip->header_len : ip->fragment_header + WIRE_FRAGMENT_LEN;
	uint32_t at = ip->fragment_offset, len = f->len - start, end = at + len;
	bool last = !ip->more_fragments;
	struct ip_reasm *q;
	enum fit fit = OVERLAPS;

	stk_count(s, STK_IpReasmReqds);
	if (!lengths_possible(s, now, r, f, at, len) || !first_complete(s, now, r, f))
		return NULL;
	q = entry_for(s, now, r);
	if (!q) {
		stk_drop(s, r->ifindex, STK_IpReasmFails, f);
		return NULL;
	}
	if ((!q->total || (end <= q->total && (!last || end == q->total))) &&
	    (!last || end >= q->seen_end))
		fit = fill(q, at, end, last, f->data + start);
	if (fit == FITS && !at && !keep_header(q, ip, f->data))
		fit = OVERLAPS;
	if (fit == OVERLAPS) {
		stk_count(s, STK_IpReasmFails);
		vs_frame_put(release(s, q));
		stk_drop(s, r->ifindex, STK_IpReasmOverlaps, f);
		return NULL;
	}
	q->ecn_seen |= (uint8_t)(1u << (ip->tclass & 3));
	q->trusted = q->trusted && (f->flags & VS_FRAME_TRUSTED);
	q->seen_end = end > q->seen_end ? end : q->seen_end;
	if (last)
		q->total = end;
	vs_frame_put(f);
	return q->holes == NO_HOLE && q->has_first ? complete(s, q) : NULL;
}
