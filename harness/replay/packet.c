/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "harness/replay/packet.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/wire/eth.h"

#define PARTS_MAX 64 /* packets being put together; the oldest gives way */
#define UNITS	  8192 /* a fragment's offset counts eights */

struct part {
	bool used;
	struct wire_ip ip; /* of the first fragment seen */
	uint8_t *bytes;	   /* 65,536 */
	uint8_t have[UNITS / 8 + 1];
	uint32_t units; /* different ones that came */
	uint32_t len;	/* 0 until the last fragment came */
};

static bool same_packet(const struct wire_ip *a, const struct wire_ip *b)
{
	return a->version == b->version && a->id == b->id &&
	       (a->version == 6 || a->protocol == b->protocol) &&
	       wire_addr_equal(&a->src, &b->src) && wire_addr_equal(&a->dst, &b->dst);
}

static struct part *part_of(struct part *parts, const struct wire_ip *ip, unsigned *oldest)
{
	struct part *part;

	for (int i = 0; i < PARTS_MAX; i++)
		if (parts[i].used && same_packet(&parts[i].ip, ip))
			return &parts[i];
	part = &parts[(*oldest)++ % PARTS_MAX];
	if (!part->bytes)
		part->bytes = malloc(65536);
	if (!part->bytes)
		return NULL;
	part->used = true;
	part->ip = *ip;
	part->units = part->len = 0;
	memset(part->have, 0, sizeof(part->have));
	return part;
}

/* Takes a fragment in. 1 when that completes the packet. */
static int part_add(struct part *part, const struct wire_ip *ip, const uint8_t *bytes)
{
	uint32_t first = ip->fragment_offset / 8u, count = (ip->payload_len + 7) / 8;

	if (ip->fragment_offset + ip->payload_len > 65535)
		return 0;
	if (!ip->fragment_offset)
		part->ip = *ip;
	memcpy(part->bytes + ip->fragment_offset, bytes, ip->payload_len);
	for (uint32_t u = first; u < first + count; u++) {
		if (part->have[u / 8] & 1 << u % 8)
			continue;
		part->have[u / 8] |= (uint8_t)(1 << u % 8);
		part->units++;
	}
	if (!ip->more_fragments)
		part->len = ip->fragment_offset + ip->payload_len;
	return part->len && part->units == (part->len + 7) / 8;
}

static int read_ip(struct packet *p, struct part *parts, unsigned *oldest, const uint8_t *bytes,
		   size_t len)
{
	struct part *part;
	int header = wire_ip_parse(&p->ip, bytes, len);

	if (header < 0)
		return 0;
	p->bytes = bytes + header;
	p->len = p->ip.payload_len;
	if (!p->ip.fragment_offset && !p->ip.more_fragments)
		return 1;
	part = part_of(parts, &p->ip, oldest);
	if (!part)
		return -ENOMEM;
	if (!part_add(part, &p->ip, p->bytes))
		return 0;
	p->own = malloc(part->len);
	if (!p->own)
		return -ENOMEM;
	memcpy(p->own, part->bytes, part->len);
	p->ip = part->ip;
	p->bytes = p->own;
	p->len = p->ip.payload_len = part->len;
	p->fragments = true;
	part->used = false;
	return 1;
}

/* Reads a frame. 1 when *p is a packet, 0 when there is none (yet), -ENOMEM. */
static int read_frame(struct packet *p, const struct replay_frame *f, struct part *parts,
		      unsigned *oldest)
{
	struct wire_eth eth;
	struct wire_arp arp;
	int header = wire_eth_parse(&eth, f->bytes, f->len);

	*p = (struct packet){.frame = f};
	if (header < 0 || eth.tagged)
		return 0;
	if (eth.type == WIRE_TYPE_IP4 || eth.type == WIRE_TYPE_IP6)
		return read_ip(p, parts, oldest, f->bytes + header, f->len - (size_t)header);
	if (eth.type != WIRE_TYPE_ARP)
		return 0;
	p->bytes = f->bytes + header;
	p->len = f->len - (uint32_t)header;
	if (wire_arp_parse(&arp, p->bytes, p->len) < 0)
		return 0;
	p->arp = true;
	p->ip.src = arp.sender;
	p->ip.dst = arp.target;
	return 1;
}

int packets_find(struct packets *ps, const struct replay_capture *c)
{
	struct part *parts = calloc(PARTS_MAX, sizeof(*parts));
	unsigned oldest = 0;
	int got = 0;

	*ps = (struct packets){.packet = calloc(c->count + 1, sizeof(*ps->packet))};
	if (!parts || !ps->packet)
		got = -ENOMEM;
	for (size_t i = 0; i < c->count && got >= 0; i++) {
		got = read_frame(&ps->packet[ps->count], &c->frame[i], parts, &oldest);
		if (got > 0)
			ps->count++;
	}
	for (int i = 0; parts && i < PARTS_MAX; i++)
		free(parts[i].bytes);
	free(parts);
	if (got < 0)
		packets_free(ps);
	return got < 0 ? got : 0;
}

void packets_free(struct packets *ps)
{
	for (size_t i = 0; i < ps->count; i++)
		free(ps->packet[i].own);
	free(ps->packet);
	*ps = (struct packets){0};
}
