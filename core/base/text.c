/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/base/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/base/assert.h"

void vs_text_init(struct vs_text *t, char *bytes, size_t size)
{
	vs_assert(size > 0);
	*t = (struct vs_text){.bytes = bytes, .size = size};
	bytes[0] = '\0';
}

void vs_text_put(struct vs_text *t, const char *bytes, size_t len)
{
	size_t room = t->size - 1 - t->len;

	if (len > room) {
		len = room;
		t->cut = true;
	}
	memcpy(t->bytes + t->len, bytes, len);
	t->len += len;
	t->bytes[t->len] = '\0';
}

void vs_text_vadd(struct vs_text *t, const char *format, va_list args)
{
	size_t room = t->size - t->len;
	int n = vsnprintf(t->bytes + t->len, room, format, args);

	if (n < 0) {
		t->cut = true;
		t->bytes[t->len] = '\0';
	} else if ((size_t)n >= room) {
		t->cut = true;
		t->len = t->size - 1;
	} else {
		t->len += (size_t)n;
	}
}

void vs_text_add(struct vs_text *t, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vs_text_vadd(t, format, args);
	va_end(args);
}

/* The length of the UTF-8 sequence at s (RFC 3629), or 0 if there is none. */
static size_t utf8_len(const unsigned char *s)
{
	static const struct {
		unsigned char first_min, first_max, second_min, second_max, len;
	} form[] = {
		{0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
		{0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3},
		{0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
		{0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
	};

	for (size_t i = 0; i < sizeof(form) / sizeof(form[0]); i++) {
		if (s[0] < form[i].first_min || s[0] > form[i].first_max)
			continue;
		if (s[1] < form[i].second_min || s[1] > form[i].second_max)
			return 0;
		for (size_t k = 2; k < form[i].len; k++)
			if ((s[k] & 0xc0) != 0x80)
				return 0;
		return form[i].len;
	}
	return 0;
}

void vs_text_json(struct vs_text *t, const char *s)
{
	const unsigned char *p = (const unsigned char *)s;

	vs_text_put(t, "\"", 1);
	while (*p) {
		size_t len = 1;

		if (*p == '"' || *p == '\\')
			vs_text_add(t, "\\%c", *p);
		else if (*p == '\n')
			vs_text_put(t, "\\n", 2);
		else if (*p == '\t')
			vs_text_put(t, "\\t", 2);
		else if (*p < 0x20)
			vs_text_add(t, "\\u%04x", *p);
		else if (*p < 0x80)
			vs_text_put(t, (const char *)p, 1);
		else if ((len = utf8_len(p)) > 0)
			vs_text_put(t, (const char *)p, len);
		else
			vs_text_put(t, "\xef\xbf\xbd", 3);
		p += len ? len : 1;
	}
	vs_text_put(t, "\"", 1);
}

int vs_parse_uint(const char *s, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;

	if (*s == '\0')
		return -EINVAL;
	for (; *s; s++) {
		unsigned digit = (unsigned)(*s - '0');

		if (digit > 9)
			return -EINVAL;
		if (n > (UINT64_MAX - digit) / 10)
			return -ERANGE;
		n = n * 10 + digit;
	}
	if (n > max)
		return -ERANGE;
	*out = n;
	return 0;
}

int vs_parse_micro(const char *s, const char **end, int64_t *out)
{
	bool negative = *s == '-';
	int64_t n = 0;
	unsigned digits = 0;

	if (negative)
		s++;
	for (; *s >= '0' && *s <= '9'; s++, digits++) {
		if (n >= 100000000000)
			return -ERANGE;
		n = n * 10 + (*s - '0');
	}
	n *= 1000000;
	if (*s == '.') {
		int64_t unit = 100000;

		for (s++; *s >= '0' && *s <= '9'; s++, digits++, unit /= 10)
			n += (*s - '0') * unit;
	}
	if (!digits)
		return -EINVAL;
	*end = s;
	*out = negative ? -n : n;
	return 0;
}
