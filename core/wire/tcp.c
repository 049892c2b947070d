/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/wire/tcp.h"

#include <errno.h>

#include "core/wire/bytes.h"

#define OPT_END		   0
#define OPT_NOP		   1
#define OPT_MSS		   2
#define OPT_WSCALE	   3
#define OPT_SACK_PERMITTED 4
#define OPT_SACK	   5
#define OPT_TIMESTAMP	   8
#define OPT_FASTOPEN	   34
#define OPT_EXPERIMENT	   254 /* RFC 6994: two bytes say whose */

#define MAGIC_FASTOPEN 0xf989 /* RFC 7413 A.2 */

#define WSCALE_MAX 14 /* RFC 7323 2.3: use 14 instead of what is more */

/* nop, nop, timestamp, 10: how nearly every segment of today begins its options (RFC 7323 A). */
static const uint8_t usual[4] = {OPT_NOP, OPT_NOP, OPT_TIMESTAMP, 10};

static void parse_sack(struct wire_tcp *tcp, const uint8_t *value, unsigned len)
{
	if (len % 8 || len / 8 > WIRE_TCP_SACKS)
		return;
	tcp->sacks = (uint8_t)(len / 8);
	for (unsigned i = 0; i < tcp->sacks; i++) {
		tcp->sack[i].left = wire_get32(value + i * 8);
		tcp->sack[i].right = wire_get32(value + i * 8 + 4);
	}
}

/* RFC 7413 4.1.1: no cookie asks for one; else an even number of bytes from 4 to 16. */
static void parse_fastopen(struct wire_tcp *tcp, const uint8_t *value, unsigned len, bool exp)
{
	if (len && (len < 4 || len > WIRE_TCP_COOKIE_MAX || len % 2))
		return;
	tcp->has_cookie = true;
	tcp->cookie_exp = exp;
	tcp->cookie_len = (uint8_t)len;
	memcpy(tcp->cookie, value, len);
}

static void parse_option(struct wire_tcp *tcp, uint8_t kind, const uint8_t *value, unsigned len)
{
	switch (kind) {
	case OPT_MSS:
		if (len == 2) {
			tcp->has_mss = true;
			tcp->mss = wire_get16(value);
		}
		break;
	case OPT_WSCALE:
		if (len == 1) {
			tcp->has_wscale = true;
			tcp->wscale = *value < WSCALE_MAX ? *value : WSCALE_MAX;
		}
		break;
	case OPT_SACK_PERMITTED:
		if (len == 0)
			tcp->sack_permitted = true;
		break;
	case OPT_SACK:
		parse_sack(tcp, value, len);
		break;
	case OPT_TIMESTAMP:
		if (len == 8) {
			tcp->has_timestamp = true;
			tcp->ts_val = wire_get32(value);
			tcp->ts_ecr = wire_get32(value + 4);
		}
		break;
	case OPT_FASTOPEN:
		parse_fastopen(tcp, value, len, false);
		break;
	case OPT_EXPERIMENT:
		if (len >= 2 && wire_get16(value) == MAGIC_FASTOPEN)
			parse_fastopen(tcp, value + 2, len - 2, true);
		break;
	default:
		break;
	}
}

static void parse_options(struct wire_tcp *tcp, const uint8_t *bytes, unsigned at, unsigned end)
{
	while (at < end && bytes[at] != OPT_END) {
		unsigned len;

		if (bytes[at] == OPT_NOP) {
			at++;
			continue;
		}
		if (at + 1 >= end)
			return;
		len = bytes[at + 1];
		if (len < 2 || at + len > end)
			return;
		parse_option(tcp, bytes[at], bytes + at + 2, len - 2);
		at += len;
	}
}

int wire_tcp_parse(struct wire_tcp *tcp, const uint8_t *bytes, size_t len)
{
	unsigned end;

	if (len < WIRE_TCP_LEN)
		return -EBADMSG;
	end = (bytes[12] >> 4) * 4u;
	if (end < WIRE_TCP_LEN || end > len)
		return -EBADMSG;
	wire_tcp_init(tcp);
	tcp->src_port = wire_get16(bytes);
	tcp->dst_port = wire_get16(bytes + 2);
	tcp->seq = wire_get32(bytes + 4);
	tcp->ack = wire_get32(bytes + 8);
	tcp->flags = bytes[13];
	tcp->window = wire_get16(bytes + 14);
	tcp->cksum = wire_get16(bytes + 16);
	tcp->urgent = wire_get16(bytes + 18);
	if (end == WIRE_TCP_LEN + 12 && !memcmp(bytes + WIRE_TCP_LEN, usual, sizeof(usual))) {
		tcp->has_timestamp = true;
		tcp->ts_val = wire_get32(bytes + 24);
		tcp->ts_ecr = wire_get32(bytes + 28);
	} else if (end > WIRE_TCP_LEN) {
		parse_options(tcp, bytes, WIRE_TCP_LEN, end);
	}
	return (int)end;
}

/* The length of everything but SACK blocks, and how many of those fit behind it. */
static unsigned layout(const struct wire_tcp *tcp, unsigned *sacks)
{
	unsigned len = WIRE_TCP_LEN, room;

	if (tcp->has_mss)
		len += 4;
	if (tcp->has_timestamp)
		len += 12;
	else if (tcp->sack_permitted)
		len += 4;
	if (tcp->has_wscale)
		len += 4;
	if (tcp->has_cookie)
		len += (2u + 2 * tcp->cookie_exp + tcp->cookie_len + 3) & ~3u;
	room = len + 4 < WIRE_TCP_LEN_MAX ? (WIRE_TCP_LEN_MAX - 4 - len) / 8 : 0;
	*sacks = tcp->sacks < room ? tcp->sacks : room;
	return len;
}

size_t wire_tcp_len(const struct wire_tcp *tcp)
{
	unsigned sacks, len = layout(tcp, &sacks);

	return len + (sacks ? 4 + 8 * sacks : 0);
}

static uint8_t *emit_sack(uint8_t *p, const struct wire_tcp *tcp, unsigned sacks)
{
	*p++ = OPT_NOP;
	*p++ = OPT_NOP;
	*p++ = OPT_SACK;
	*p++ = (uint8_t)(2 + 8 * sacks);
	for (unsigned i = 0; i < sacks; i++, p += 8) {
		wire_put32(p, tcp->sack[i].left);
		wire_put32(p + 4, tcp->sack[i].right);
	}
	return p;
}

static uint8_t *emit_fastopen(uint8_t *p, const struct wire_tcp *tcp)
{
	unsigned len = 2u + 2 * tcp->cookie_exp + tcp->cookie_len;

	*p++ = tcp->cookie_exp ? OPT_EXPERIMENT : OPT_FASTOPEN;
	*p++ = (uint8_t)len;
	if (tcp->cookie_exp) {
		wire_put16(p, MAGIC_FASTOPEN);
		p += 2;
	}
	memcpy(p, tcp->cookie, tcp->cookie_len);
	p += tcp->cookie_len;
	for (; len % 4; len++)
		*p++ = OPT_NOP;
	return p;
}

static uint8_t *emit_options(uint8_t *p, const struct wire_tcp *tcp, unsigned sacks)
{
	if (tcp->has_mss) {
		*p++ = OPT_MSS;
		*p++ = 4;
		wire_put16(p, tcp->mss);
		p += 2;
	}
	if (tcp->has_timestamp || tcp->sack_permitted) {
		*p++ = tcp->sack_permitted && tcp->has_timestamp ? OPT_SACK_PERMITTED : OPT_NOP;
		*p++ = tcp->sack_permitted && tcp->has_timestamp ? 2 : OPT_NOP;
		*p++ = tcp->has_timestamp ? OPT_TIMESTAMP : OPT_SACK_PERMITTED;
		*p++ = tcp->has_timestamp ? 10 : 2;
	}
	if (tcp->has_timestamp) {
		wire_put32(p, tcp->ts_val);
		wire_put32(p + 4, tcp->ts_ecr);
		p += 8;
	}
	if (tcp->has_wscale) {
		*p++ = OPT_NOP;
		*p++ = OPT_WSCALE;
		*p++ = 3;
		*p++ = tcp->wscale;
	}
	if (sacks)
		p = emit_sack(p, tcp, sacks);
	return tcp->has_cookie ? emit_fastopen(p, tcp) : p;
}

size_t wire_tcp_emit(uint8_t *bytes, const struct wire_tcp *tcp)
{
	unsigned sacks, len = layout(tcp, &sacks);

	len += sacks ? 4 + 8 * sacks : 0;
	wire_put16(bytes, tcp->src_port);
	wire_put16(bytes + 2, tcp->dst_port);
	wire_put32(bytes + 4, tcp->seq);
	wire_put32(bytes + 8, tcp->ack);
	bytes[12] = (uint8_t)(len / 4 << 4);
	bytes[13] = tcp->flags;
	wire_put16(bytes + 14, tcp->window);
	wire_put16(bytes + 16, 0);
	wire_put16(bytes + 18, tcp->urgent);
	if (len > WIRE_TCP_LEN)
		emit_options(bytes + WIRE_TCP_LEN, tcp, sacks);
	return len;
}
