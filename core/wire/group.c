/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/wire/group.h"

#include <errno.h>

#include "core/wire/icmp.h"

#define QUERY3_LEN4 12
#define QUERY3_LEN6 28
#define V1_RESP_MS  10000 /* RFC 3376 8.3: what version 1 had instead of a field */

static struct wire_addr get_addr(const uint8_t *bytes, bool is4)
{
	return is4 ? wire_addr_from4(bytes) : wire_addr_from6(bytes);
}

static size_t put_addr(uint8_t *bytes, const struct wire_addr *addr, bool is4)
{
	memcpy(bytes, is4 ? addr->b + 12 : addr->b, wire_group_addr_len(is4));
	return wire_group_addr_len(is4);
}

/* RFC 3376 4.1.1, 4.1.7: small numbers are themselves, large ones floating. */
static uint32_t decode8(uint8_t code)
{
	return code < 128 ? code : (uint32_t)((code & 0xf) | 0x10) << ((code >> 4 & 7) + 3);
}

/* RFC 3810 5.1.3. */
static uint32_t decode16(uint16_t code)
{
	return code < 32768 ? code : (uint32_t)((code & 0xfff) | 0x1000) << ((code >> 12 & 7) + 3);
}

/* The largest code whose number is at most n. */
static uint8_t encode8(uint32_t n)
{
	unsigned exp = 0;

	if (n < 128)
		return (uint8_t)n;
	while (exp < 7 && n >> (exp + 3) > 0x1f)
		exp++;
	n >>= exp + 3;
	return (uint8_t)(0x80 | exp << 4 | ((n > 0x1f ? 0x1f : n) & 0xf));
}

static uint16_t encode16(uint32_t n)
{
	unsigned exp = 0;

	if (n < 32768)
		return (uint16_t)n;
	while (exp < 7 && n >> (exp + 3) > 0x1fff)
		exp++;
	n >>= exp + 3;
	return (uint16_t)(0x8000 | exp << 12 | ((n > 0x1fff ? 0x1fff : n) & 0xfff));
}

int wire_group_query_parse(struct wire_group_query *q, const uint8_t *bytes, size_t len, bool is4)
{
	size_t short_len = is4 ? 8 : 24, long_len = is4 ? QUERY3_LEN4 : QUERY3_LEN6;
	const uint8_t *more;

	memset(q, 0, sizeof(*q));
	/* RFC 3376 7.1, RFC 3810 8.1: what is neither the one nor the other is nothing. */
	if (len != short_len && len < long_len)
		return -EBADMSG;
	if (bytes[0] != (is4 ? WIRE_IGMP_QUERY : WIRE_ICMP6_MLD_QUERY))
		return -EBADMSG;
	q->group = get_addr(bytes + short_len - wire_group_addr_len(is4), is4);
	if (len == short_len) {
		q->version = is4 && !bytes[1] ? 1 : 2;
		q->max_resp_ms = !is4	     ? wire_get16(bytes + 4)
				 : bytes[1] ? bytes[1] * 100u
					    : V1_RESP_MS;
		return (int)len;
	}
	more = bytes + short_len;
	q->version = 3;
	q->max_resp_ms = is4 ? decode8(bytes[1]) * 100 : decode16(wire_get16(bytes + 4));
	q->robustness = more[0] & 7;
	q->interval_s = decode8(more[1]);
	q->sources = wire_get16(more + 2);
	q->source = more + 4;
	if ((len - long_len) / wire_group_addr_len(is4) < q->sources)
		return -EBADMSG;
	return (int)len;
}

struct wire_addr wire_group_query_source(const struct wire_group_query *q, unsigned i, bool is4)
{
	return get_addr(q->source + i * wire_group_addr_len(is4), is4);
}

size_t wire_group_query_emit(uint8_t *bytes, const struct wire_group_query *q, bool is4)
{
	size_t at = is4 ? 8 : 24;

	memset(bytes, 0, is4 ? QUERY3_LEN4 : QUERY3_LEN6);
	bytes[0] = is4 ? WIRE_IGMP_QUERY : WIRE_ICMP6_MLD_QUERY;
	/* Before version 3 every code was itself. */
	if (!is4)
		wire_put16(bytes + 4, q->version < 3 ? (uint16_t)q->max_resp_ms
						     : encode16(q->max_resp_ms));
	else if (q->version > 1)
		bytes[1] = q->version < 3 ? (uint8_t)(q->max_resp_ms / 100)
					  : encode8(q->max_resp_ms / 100);
	put_addr(bytes + at - wire_group_addr_len(is4), &q->group, is4);
	if (q->version < 3)
		return at;
	bytes[at] = q->robustness & 7;
	bytes[at + 1] = encode8(q->interval_s);
	wire_put16(bytes + at + 2, (uint16_t)q->sources);
	memcpy(bytes + at + 4, q->source ? q->source : bytes,
	       q->sources * wire_group_addr_len(is4));
	return at + 4 + q->sources * wire_group_addr_len(is4);
}

size_t wire_group_emit(uint8_t *bytes, uint8_t type, const struct wire_addr *group, bool is4)
{
	size_t len = is4 ? 8 : 24;

	memset(bytes, 0, len);
	bytes[0] = type;
	put_addr(bytes + len - wire_group_addr_len(is4), group, is4);
	return len;
}

size_t wire_group_report_emit(uint8_t *bytes, unsigned count, bool is4)
{
	memset(bytes, 0, WIRE_GROUP_REPORT_LEN);
	bytes[0] = is4 ? WIRE_IGMP_REPORT3 : WIRE_ICMP6_MLD2_REPORT;
	wire_put16(bytes + 6, (uint16_t)count);
	return WIRE_GROUP_REPORT_LEN;
}

size_t wire_group_record_emit(uint8_t *bytes, uint8_t type, const struct wire_addr *group,
			      unsigned sources, bool is4)
{
	bytes[0] = type;
	bytes[1] = 0;
	wire_put16(bytes + 2, (uint16_t)sources);
	return 4 + put_addr(bytes + 4, group, is4);
}

size_t wire_group_source_emit(uint8_t *bytes, const struct wire_addr *source, bool is4)
{
	return put_addr(bytes, source, is4);
}
