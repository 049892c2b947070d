/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fragmentation: RFC 791 2.3, RFC 8200 4.5. Senders do it for both families, routers for IPv4. */
#include <errno.h>
#include <string.h>

#include "stack/ip/ip.h"

#define OPT_COPIED 0x80 /* RFC 791 3.1: the option goes into every fragment */

/* Writes the options that belong into a fragment behind the first, padded. Returns their length. */
static size_t copied_options(uint8_t *to, const uint8_t *options, size_t len)
{
	size_t at = 0, copied = 0;

	while (at < len && options[at]) {
		size_t one = options[at] == 1 ? 1 : options[at + 1];

		if (options[at] & OPT_COPIED) {
			memcpy(to + copied, options + at, one);
			copied += one;
		}
		at += one;
	}
	while (copied % 4)
		to[copied++] = 0;
	return copied;
}

/* Puts the header of a fragment in front of it. options: IPv4's, of a packet that is forwarded. */
static void put_header(struct vs_frame *piece, const struct wire_ip *ip, const uint8_t *options,
		       size_t options_len)
{
	uint8_t *header = vs_frame_push(piece, ip->header_len);

	wire_ip_emit(header, ip);
	if (!options_len)
		return;
	memcpy(header + WIRE_IP4_LEN, options, options_len);
	ip_header4_finish(header, ip->header_len, ip->payload_len);
}

int ip_fragment(struct stk *s, vs_time now, const struct ip_path *path, const struct wire_ip *ip,
		struct vs_frame *f)
{
	struct wire_ip part = *ip;
	uint8_t options[40], later[40];
	size_t options_len = ip->version == 4 ? ip->options_len : 0, later_len;
	size_t header_len = ip->version == 4 ? ip->header_len : WIRE_IP6_LEN + WIRE_FRAGMENT_LEN;
	size_t chunk, at = 0;

	chunk = path->mtu > header_len ? (path->mtu - header_len) & ~(size_t)7 : 0;
	/* Under an MTU of less than IPv6's minimum no IPv6 passes at all. */
	if (!chunk || (ip->version == 6 && path->mtu < IP_MTU_MIN6)) {
		stk_drop(s, -1, STK_IpFragFails, f);
		return -EMSGSIZE;
	}
	memcpy(options, f->data - options_len, options_len);
	later_len = copied_options(later, options, options_len);
	while (at < f->len) {
		size_t len = f->len - at < chunk ? f->len - at : chunk;
		size_t piece_options = at ? later_len : options_len;
		struct vs_frame *piece = vs_frame_from(s->pool, f->data + at, len);

		if (!piece) {
			stk_count(s, STK_IpFragFails);
			stk_drop(s, -1, STK_PoolEmpty, f);
			return at ? 0 : -ENOBUFS;
		}
		piece->flags = f->flags;
		piece->mark = f->mark;
		part.fragment_offset = (uint16_t)(ip->fragment_offset + at);
		part.more_fragments = ip->more_fragments || at + len < f->len;
		part.payload_len = (uint32_t)len;
		part.header_len =
			(uint16_t)(ip->version == 4 ? WIRE_IP4_LEN + piece_options : header_len);
		put_header(piece, &part, at ? later : options, piece_options);
		stk_count(s, STK_IpFragCreates);
		neigh_output(s, now, s->ip->ifs[path->ifindex], &path->next_hop, piece);
		at += len;
	}
	stk_count(s, STK_IpFragOKs);
	vs_frame_put(f);
	return 0;
}
