/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/wire/addr.h"

#include <errno.h>
#include <stdio.h>

const struct wire_addr wire_addr_any6;
const struct wire_addr wire_addr_any4 = {{[10] = 0xff, [11] = 0xff}};

bool wire_addr_is_any(const struct wire_addr *a)
{
	return wire_addr_equal(a, &wire_addr_any6) || wire_addr_equal(a, &wire_addr_any4);
}

bool wire_addr_is_multicast(const struct wire_addr *a)
{
	return wire_addr_is4(a) ? (a->b[12] & 0xf0) == 0xe0 : a->b[0] == 0xff;
}

bool wire_addr_is_loopback(const struct wire_addr *a)
{
	static const struct wire_addr one = {{[15] = 1}};

	return wire_addr_is4(a) ? a->b[12] == 127 : wire_addr_equal(a, &one);
}

bool wire_addr_is_link_local(const struct wire_addr *a)
{
	if (wire_addr_is4(a))
		return a->b[12] == 169 && a->b[13] == 254;
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

bool wire_addr_prefix_equal(const struct wire_addr *a, const struct wire_addr *b, unsigned bits)
{
	unsigned bytes, rest;

	if (bits >= 128)
		return wire_addr_equal(a, b);
	bytes = bits / 8;
	rest = bits % 8;
	if (memcmp(a->b, b->b, bytes))
		return false;
	return !rest || !((a->b[bytes] ^ b->b[bytes]) >> (8 - rest));
}

struct wire_addr wire_addr_solicited_node(const struct wire_addr *a)
{
	struct wire_addr group = {{[0] = 0xff, [1] = 0x02, [11] = 0x01, [12] = 0xff}};

	memcpy(group.b + 13, a->b + 13, 3);
	return group;
}

void wire_addr_multicast_mac(const struct wire_addr *a, uint8_t mac[WIRE_MAC_LEN])
{
	if (wire_addr_is4(a)) {
		static const uint8_t prefix[3] = {0x01, 0x00, 0x5e};

		memcpy(mac, prefix, 3);
		memcpy(mac + 3, a->b + 13, 3);
		mac[3] &= 0x7f;
	} else {
		mac[0] = 0x33;
		mac[1] = 0x33;
		memcpy(mac + 2, a->b + 12, 4);
	}
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Reads four decimal numbers, without leading zeros: others read those as octal. */
static int parse4(const char *s, uint8_t bytes[4])
{
	for (int i = 0; i < 4; i++) {
		unsigned n = 0, digits = 0;

		for (; *s >= '0' && *s <= '9'; s++, digits++) {
			if (digits && n == 0)
				return -EINVAL;
			n = n * 10 + (unsigned)(*s - '0');
			if (n > 255)
				return -EINVAL;
		}
		if (!digits || *s++ != (i < 3 ? '.' : '\0'))
			return -EINVAL;
		bytes[i] = (uint8_t)n;
	}
	return 0;
}

/* RFC 4291 2.2: eight groups, of which "::" may stand for one or more, and the last two of which
 * may be written as an IPv4 address.
 */
static int parse6(const char *s, uint8_t bytes[16])
{
	int at = 0, gap = -1;

	memset(bytes, 0, 16);
	if (s[0] == ':') {
		if (s[1] != ':')
			return -EINVAL;
		gap = 0;
		s += 2;
	}
	while (*s) {
		const char *group = s;
		unsigned n = 0;
		int digits = 0;

		for (; hex_digit(*s) >= 0 && digits < 4; s++, digits++)
			n = n << 4 | (unsigned)hex_digit(*s);
		if (*s == '.') {
			if (at > 12 || parse4(group, bytes + at))
				return -EINVAL;
			at += 4;
			break;
		}
		if (!digits || at > 14)
			return -EINVAL;
		wire_put16(bytes + at, (uint16_t)n);
		at += 2;
		if (!*s)
			break;
		if (*s++ != ':' || !*s)
			return -EINVAL;
		if (*s == ':') {
			if (gap >= 0)
				return -EINVAL;
			gap = at;
			s++;
		}
	}
	if (gap < 0)
		return at == 16 ? 0 : -EINVAL;
	if (at > 14)
		return -EINVAL;
	memmove(bytes + 16 - (at - gap), bytes + gap, (size_t)(at - gap));
	memset(bytes + gap, 0, (size_t)(16 - at));
	return 0;
}

int wire_addr_parse(const char *text, struct wire_addr *a)
{
	uint8_t bytes[16];

	if (!strchr(text, ':')) {
		if (parse4(text, bytes))
			return -EINVAL;
		*a = wire_addr_from4(bytes);
	} else {
		if (parse6(text, bytes))
			return -EINVAL;
		*a = wire_addr_from6(bytes);
	}
	return 0;
}

int wire_addr_parse_prefix(const char *text, struct wire_addr *a, unsigned *bits)
{
	const char *slash = strchr(text, '/');
	char part[WIRE_ADDR_TEXT];
	unsigned max, n = 0;
	struct wire_addr addr;
	size_t len = slash ? (size_t)(slash - text) : strlen(text);

	if (len >= sizeof(part))
		return -EINVAL;
	memcpy(part, text, len);
	part[len] = '\0';
	if (wire_addr_parse(part, &addr))
		return -EINVAL;
	max = strchr(part, ':') ? 128 : 32;
	if (slash) {
		const char *s = slash + 1;

		if (!*s || (s[0] == '0' && s[1]))
			return -EINVAL;
		for (; *s; s++) {
			if (*s < '0' || *s > '9')
				return -EINVAL;
			n = n * 10 + (unsigned)(*s - '0');
			if (n > max)
				return -EINVAL;
		}
	} else {
		n = max;
	}
	*a = addr;
	*bits = 128 - max + n;
	return 0;
}

/* Finds the first longest run of at least two zero groups (RFC 5952 4.2). */
static void zero_run(const uint8_t bytes[16], int *first, int *count)
{
	int length = 0;

	*first = -1;
	*count = 1;
	for (int i = 0; i < 8; i++) {
		length = wire_get16(bytes + 2 * i) ? 0 : length + 1;
		if (length > *count) {
			*count = length;
			*first = i + 1 - length;
		}
	}
}

char *wire_addr_format(const struct wire_addr *a, char text[WIRE_ADDR_TEXT])
{
	int first, count, n = 0;

	if (wire_addr_is4(a)) {
		snprintf(text, WIRE_ADDR_TEXT, "%u.%u.%u.%u", a->b[12], a->b[13], a->b[14],
			 a->b[15]);
		return text;
	}
	zero_run(a->b, &first, &count);
	for (int i = 0; i < 8; i++) {
		if (i == first) {
			n += snprintf(text + n, (size_t)(WIRE_ADDR_TEXT - n), "::");
			i += count - 1;
			continue;
		}
		n += snprintf(text + n, (size_t)(WIRE_ADDR_TEXT - n), "%s%x",
			      i && i != first + count ? ":" : "", wire_get16(a->b + 2 * i));
	}
	return text;
}

int wire_mac_parse(const char *text, uint8_t mac[WIRE_MAC_LEN])
{
	uint8_t bytes[WIRE_MAC_LEN];

	for (int i = 0; i < WIRE_MAC_LEN; i++) {
		int n = hex_digit(*text);

		if (n < 0)
			return -EINVAL;
		text++;
		if (hex_digit(*text) >= 0)
			n = n << 4 | hex_digit(*text++);
		if (*text++ != (i < WIRE_MAC_LEN - 1 ? ':' : '\0'))
			return -EINVAL;
		bytes[i] = (uint8_t)n;
	}
	memcpy(mac, bytes, WIRE_MAC_LEN);
	return 0;
}

char *wire_mac_format(const uint8_t mac[WIRE_MAC_LEN], char text[WIRE_MAC_TEXT])
{
	snprintf(text, WIRE_MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		 mac[3], mac[4], mac[5]);
	return text;
}
