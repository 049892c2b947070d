/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every parser on any bytes. What was parsed and emitted is parsed and emitted to the same bytes;
 * lengths stay inside; the line is printable; checksums agree with the plain definition.
 */
#include <stdlib.h>

#include "core/base/assert.h"
#include "core/wire/arp.h"
#include "core/wire/bpdu.h"
#include "core/wire/cksum.h"
#include "core/wire/eth.h"
#include "core/wire/group.h"
#include "core/wire/icmp.h"
#include "core/wire/ip.h"
#include "core/wire/print.h"
#include "core/wire/tcp.h"
#include "core/wire/udp.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static uint8_t first[66000], second[66000];

/* Parses, emits, and does both again: the two emissions must be equal. */
#define ROUND(name, got, bytes, len)                                                               \
	do {                                                                                       \
		struct wire_##name a, b;                                                           \
		size_t emitted;                                                                    \
		got = wire_##name##_parse(&a, bytes, len);                                         \
		if (got < 0)                                                                       \
			break;                                                                     \
		vs_assert((size_t)got <= (len));                                                   \
		emitted = wire_##name##_emit(first, &a);                                           \
		vs_assert(wire_##name##_parse(&b, first, sizeof(first)) == (int)emitted);          \
		vs_assert(wire_##name##_emit(second, &b) == emitted);                              \
		vs_assert(!memcmp(first, second, emitted));                                        \
	} while (0)

static void check_ip(const uint8_t *bytes, size_t len)
{
	struct wire_ip ip, again;
	size_t emitted;

	if (wire_ip_parse(&ip, bytes, len) < 0)
		return;
	vs_assert(ip.header_len + ip.payload_len <= len);
	vs_assert(ip.next_header_at < ip.header_len && bytes[ip.next_header_at] == ip.protocol);
	vs_assert(!ip.fragment_header || ip.fragment_header + 8 <= ip.header_len);
	vs_assert(!ip.router_alert || ip.router_alert <= ip.header_len);
	if (ip.version == 6 && !ip.fragment_offset && !ip.more_fragments)
		ip.id = 0; /* of an atomic fragment, whose header is not emitted */
	if (ip.version == 6 &&
	    (ip.protocol == WIRE_PROTO_HOPOPTS || ip.protocol == WIRE_PROTO_DSTOPTS ||
	     ip.protocol == WIRE_PROTO_ROUTING || ip.protocol == WIRE_PROTO_FRAGMENT))
		return; /* what is emitted would be walked further */
	emitted = wire_ip_emit(first, &ip);
	memset(first + emitted, 0, ip.payload_len);
	vs_assert(wire_ip_parse(&again, first, emitted + ip.payload_len) == (int)emitted);
	vs_assert(again.payload_len == ip.payload_len && again.protocol == ip.protocol);
	vs_assert(wire_addr_equal(&again.src, &ip.src) && wire_addr_equal(&again.dst, &ip.dst));
	vs_assert(wire_ip_emit(second, &again) == emitted && !memcmp(first, second, emitted));
}

/* A header of exactly nop, nop, timestamp takes the short way: a nop more must change nothing. */
static void check_tcp(const uint8_t *bytes, size_t len)
{
	struct wire_tcp a, b;
	uint8_t longer[36];

	if (wire_tcp_parse(&a, bytes, len) != 32 || memcmp(bytes + 20, "\1\1\10\12", 4))
		return;
	memcpy(longer, bytes, 32);
	memset(longer + 32, 1, 4);
	longer[12] = 9 << 4;
	vs_assert(wire_tcp_parse(&b, longer, 36) == 36);
	vs_assert(a.has_timestamp && b.has_timestamp);
	vs_assert(a.ts_val == b.ts_val && a.ts_ecr == b.ts_ecr && a.sacks == b.sacks);
}

static void check_cksum(const uint8_t *bytes, size_t len)
{
	uint64_t sum = 0;
	size_t shift = len ? bytes[0] % 16 : 0;

	if (len > 60000)
		return;
	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	vs_assert(wire_cksum_fold(wire_cksum_add(0, bytes, len)) == (uint16_t)~sum);
	vs_assert(wire_cksum_fold(wire_cksum_copy(0, first + shift, bytes, len)) == (uint16_t)~sum);
	vs_assert(!len || !memcmp(first + shift, bytes, len));
}

static void check_print(const uint8_t *bytes, size_t len)
{
	char line[1000];
	struct vs_text t;

	vs_text_init(&t, line, sizeof(line));
	wire_print(&t, bytes, len);
	vs_assert(t.len > 0 && !t.cut && strlen(line) == t.len);
	for (size_t i = 0; i < t.len; i++)
		vs_assert(line[i] >= ' ' && line[i] <= '~');
}

static void check_addr(const uint8_t *bytes, size_t len)
{
	char text[60], again[WIRE_ADDR_TEXT];
	struct wire_addr a, b;
	unsigned bits;

	if (len >= sizeof(text))
		len = sizeof(text) - 1;
	memcpy(text, bytes, len);
	text[len] = '\0';
	if (!wire_addr_parse(text, &a)) {
		vs_assert(!wire_addr_parse(wire_addr_format(&a, again), &b));
		vs_assert(wire_addr_equal(&a, &b));
	}
	if (!wire_addr_parse_prefix(text, &a, &bits))
		vs_assert(bits <= 128 && wire_addr_prefix_equal(&a, &a, bits));
}

/* Puts the right checksum into the IPv4 header at at, if there is one: random bytes never have it,
 * and what lies behind it would never be reached.
 */
static void mend(uint8_t *bytes, size_t len, size_t at)
{
	size_t header;

	if (len < at + 20 || bytes[at] >> 4 != 4)
		return;
	header = (bytes[at] & 0xfu) * 4;
	if (header < 20 || at + header > len)
		return;
	wire_put16(bytes + at + 10, 0);
	wire_put16(bytes + at + 10, wire_cksum_fold(wire_cksum_add(0, bytes + at, header)));
}

static void check_all(const uint8_t *bytes, size_t len)
{
	int got;

	ROUND(eth, got, bytes, len);
	ROUND(arp, got, bytes, len);
	ROUND(udp, got, bytes, len);
	ROUND(tcp, got, bytes, len);
	ROUND(icmp, got, bytes, len);
	ROUND(bpdu, got, bytes, len);
	check_ip(bytes, len);
	check_tcp(bytes, len);
	check_cksum(bytes, len);
	check_print(bytes, len);
	check_addr(bytes, len);
}

/* Neighbour discovery is emitted without what it passed over, so its length shrinks once. */
static void check_nd(const uint8_t *bytes, size_t len)
{
	struct wire_nd a, b;
	size_t emitted;

	if (wire_nd_parse(&a, bytes, len) < 0)
		return;
	emitted = wire_nd_emit(first, &a);
	vs_assert(emitted <= WIRE_ND_LEN_MAX);
	vs_assert(wire_nd_parse(&b, first, emitted) == (int)emitted);
	vs_assert(wire_nd_emit(second, &b) == emitted && !memcmp(first, second, emitted));
}

/* What is read of a query is all there is to it: written again it is read as the same. */
static void check_group(const uint8_t *bytes, size_t len, bool is4)
{
	struct wire_group_query a, b;
	size_t emitted;

	if (wire_group_query_parse(&a, bytes, len, is4) < 0)
		return;
	for (unsigned i = 0; i < a.sources; i++)
		wire_group_query_source(&a, i, is4);
	emitted = wire_group_query_emit(first, &a, is4);
	vs_assert(emitted <= len);
	vs_assert(wire_group_query_parse(&b, first, emitted, is4) == (int)emitted);
	vs_assert(a.version == b.version && a.max_resp_ms == b.max_resp_ms &&
		  a.interval_s == b.interval_s && a.sources == b.sources);
	vs_assert(wire_group_query_emit(second, &b, is4) == emitted &&
		  !memcmp(first, second, emitted));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const size_t layer[] = {0, 14, 18, 34, 54};
	uint8_t *copy = malloc(len ? len : 1);

	if (!copy)
		return 0;
	if (len)
		memcpy(copy, bytes, len);
	check_all(bytes, len);
	mend(copy, len, 0);
	check_ip(copy, len);
	mend(copy, len, 14);
	mend(copy, len, 18);
	check_print(copy, len);
	/* The layers of a frame as if each were on its own. */
	for (size_t i = 1; i < sizeof(layer) / sizeof(layer[0]) && layer[i] < len; i++) {
		check_all(copy + layer[i], len - layer[i]);
		check_nd(copy + layer[i], len - layer[i]);
		check_group(copy + layer[i], len - layer[i], true);
		check_group(copy + layer[i], len - layer[i], false);
	}
	check_group(bytes, len, true);
	check_group(bytes, len, false);
	check_nd(bytes, len);
	free(copy);
	return 0;
}
