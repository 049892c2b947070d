/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The notation of wirefilter's values: "LR 100+10N[4]", with units if one likes.
 *
 * A letter K, M or G alone is the original's 2^10, 2^20 or 2^30 of the original's unit. A unit
 * written out is decimal, as in the SI, or binary with an i: MB/s, Mbit/s, KiB. A unit after only
 * one of value and spread holds for both, as in the original's 128+64K.
 */
#include "core/link/link_impl.h"

#include <errno.h>
#include <string.h>

struct unit {
	enum link_unit kind;
	const char *name;
	int64_t num, den;
};

static const struct unit units[] = {
	{LINK_UNIT_PERCENT, "%", 1, 1},
	{LINK_UNIT_MS, "ns", 1, 1000000},
	{LINK_UNIT_MS, "us", 1, 1000},
	{LINK_UNIT_MS, "\xc2\xb5s", 1, 1000},
	{LINK_UNIT_MS, "ms", 1, 1},
	{LINK_UNIT_MS, "s", 1000, 1},
	{LINK_UNIT_MS, "min", 60000, 1},
	{LINK_UNIT_RATE, "bit/s", 1, 8},
	{LINK_UNIT_RATE, "kbit/s", 125, 1},
	{LINK_UNIT_RATE, "Mbit/s", 125000, 1},
	{LINK_UNIT_RATE, "Gbit/s", 125000000, 1},
	{LINK_UNIT_RATE, "bps", 1, 8},
	{LINK_UNIT_RATE, "kbps", 125, 1},
	{LINK_UNIT_RATE, "Mbps", 125000, 1},
	{LINK_UNIT_RATE, "Gbps", 125000000, 1},
	{LINK_UNIT_RATE, "B/s", 1, 1},
	{LINK_UNIT_RATE, "kB/s", 1000, 1},
	{LINK_UNIT_RATE, "KB/s", 1000, 1},
	{LINK_UNIT_RATE, "MB/s", 1000000, 1},
	{LINK_UNIT_RATE, "GB/s", 1000000000, 1},
	{LINK_UNIT_RATE, "KiB/s", 1 << 10, 1},
	{LINK_UNIT_RATE, "MiB/s", 1 << 20, 1},
	{LINK_UNIT_RATE, "GiB/s", 1 << 30, 1},
	{LINK_UNIT_BYTES, "B", 1, 1},
	{LINK_UNIT_BYTES, "kB", 1000, 1},
	{LINK_UNIT_BYTES, "KB", 1000, 1},
	{LINK_UNIT_BYTES, "MB", 1000000, 1},
	{LINK_UNIT_BYTES, "GB", 1000000000, 1},
	{LINK_UNIT_BYTES, "KiB", 1 << 10, 1},
	{LINK_UNIT_BYTES, "MiB", 1 << 20, 1},
	{LINK_UNIT_BYTES, "GiB", 1 << 30, 1},
};

static const struct unit original_units[] = {
	{LINK_UNIT_COUNT, "K", 1 << 10, 1},
	{LINK_UNIT_COUNT, "M", 1 << 20, 1},
	{LINK_UNIT_COUNT, "G", 1 << 30, 1},
};

static const struct unit *unit_find(enum link_unit kind, const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (units[i].kind == kind && strlen(units[i].name) == len &&
		    !memcmp(units[i].name, name, len))
			return &units[i];
	for (size_t i = 0; i < sizeof(original_units) / sizeof(original_units[0]); i++)
		if (len == 1 && *original_units[i].name == *name)
			return &original_units[i];
	return NULL;
}

static bool is_unit_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '/' || c == '%' ||
	       (unsigned char)c >= 0x80;
}

/* A number and what follows it: a unit, and perhaps the letter of a distribution. */
struct quantity {
	int64_t micro;
	const struct unit *unit; /* NULL: none given */
	char distribution;	 /* 'U', 'N' or 0 */
};

static int quantity_read(const char **text, enum link_unit kind, struct quantity *q)
{
	const char *s = *text, *end;
	size_t len = 0;
	int err;

	*q = (struct quantity){0};
	if (*s < '0' || *s > '9')
		if (*s != '.')
			return -EINVAL;
	err = vs_parse_micro(s, &end, &q->micro);
	if (err)
		return err;
	while (is_unit_byte(end[len]))
		len++;
	*text = end + len;
	if (len && (end[len - 1] == 'U' || end[len - 1] == 'N'))
		q->distribution = end[--len];
	if (!len)
		return 0;
	q->unit = unit_find(kind, end, len);
	return q->unit ? 0 : -EINVAL;
}

static int scale(int64_t *micro, const struct unit *unit, int64_t max)
{
	__int128 scaled = *micro;

	if (unit)
		scaled = scaled * unit->num / unit->den;
	if (scaled > max)
		return -ERANGE;
	*micro = (int64_t)scaled;
	return 0;
}

int link_quantity_parse(const char *text, enum link_unit kind, const char **end, int64_t *micro)
{
	struct quantity q;
	int err = quantity_read(&text, kind, &q);

	if (!err && q.distribution)
		err = -EINVAL;
	if (!err)
		err = scale(&q.micro, q.unit, INT64_MAX / 2);
	if (err)
		return err;
	*end = text;
	*micro = q.micro;
	return 0;
}

static const char *blanks(const char *s)
{
	while (*s == ' ' || *s == '\t')
		s++;
	return s;
}

unsigned link_sides_parse(const char **text)
{
	const char *s = blanks(*text);
	unsigned sides = 3;

	if ((s[0] == 'L' || s[0] == 'l') && (s[1] == 'R' || s[1] == 'r'))
		sides = 1;
	else if ((s[0] == 'R' || s[0] == 'r') && (s[1] == 'L' || s[1] == 'l'))
		sides = 2;
	*text = blanks(sides == 3 ? s : s + 2);
	return sides;
}

static int node_read(const char **text, int *node)
{
	const char *s = blanks(*text);
	int n = 0;

	*node = 0;
	if (*s == '[') {
		s = blanks(s + 1);
		if (*s == '*') {
			n = LINK_NODE_ALL;
			s++;
		} else {
			if (*s < '0' || *s > '9')
				return -EINVAL;
			for (; *s >= '0' && *s <= '9'; s++)
				if ((n = n * 10 + (*s - '0')) > LINK_NODES_MAX)
					return -EINVAL;
		}
		s = blanks(s);
		if (*s++ != ']')
			return -EINVAL;
		*node = n;
	}
	*text = blanks(s);
	return 0;
}

int link_setting_parse(const char *text, enum link_unit kind, int64_t max, struct link_setting *out)
{
	struct quantity value, spread = {0};
	struct link_setting set = {.sides = link_sides_parse(&text)};
	int err = quantity_read(&text, kind, &value);

	if (err)
		return err;
	text = blanks(text);
	if (*text == '+') {
		if (value.distribution)
			return -EINVAL;
		text = blanks(text + 1);
		err = quantity_read(&text, kind, &spread);
		if (err)
			return err;
	} else {
		spread.distribution = value.distribution;
	}
	err = node_read(&text, &set.node);
	if (err)
		return err;
	if (*text)
		return -EINVAL;
	err = scale(&value.micro, value.unit ? value.unit : spread.unit, max);
	if (!err)
		err = scale(&spread.micro, spread.unit ? spread.unit : value.unit, max);
	if (err)
		return err;
	set.value = (struct link_value){value.micro, spread.micro, spread.distribution == 'N'};
	*out = set;
	return 0;
}

/* printf's %g: six significant digits without trailing zeros, and the exponent's form from 10^6
 * up and below 10^-4.
 */
void link_micro_print(struct vs_text *t, int64_t micro)
{
	uint64_t n = micro < 0 ? -(uint64_t)micro : (uint64_t)micro;
	uint64_t unit = 1; /* the weight of the last of six digits */
	int exponent = -6; /* of the first digit */
	char digits[8];
	int len = 6;

	if (micro < 0)
		vs_text_put(t, "-", 1);
	if (n == 0) {
		vs_text_put(t, "0", 1);
		return;
	}
	for (uint64_t rest = n; rest >= 10; rest /= 10)
		exponent++;
	for (int i = exponent + 6; i > 5; i--)
		unit *= 10;
	n = n / unit + (n % unit * 2 > unit || (n % unit * 2 == unit && n / unit % 2));
	for (int i = exponent + 6; i < 5; i++)
		n *= 10;
	if (n == 1000000) {
		n = 100000;
		exponent++;
	}
	for (int i = 6; i-- > 0; n /= 10)
		digits[i] = (char)('0' + n % 10);
	while (len > 1 && digits[len - 1] == '0')
		len--;
	if (exponent >= 6 || exponent < -4) {
		vs_text_put(t, digits, 1);
		if (len > 1) {
			vs_text_put(t, ".", 1);
			vs_text_put(t, digits + 1, (size_t)len - 1);
		}
		vs_text_add(t, "e%c%02d", exponent < 0 ? '-' : '+',
			    exponent < 0 ? -exponent : exponent);
		return;
	}
	if (exponent < 0)
		vs_text_add(t, "0.%.*s", -exponent - 1, "000");
	for (int i = 0; i < len || i <= exponent; i++) {
		if (i == exponent + 1 && exponent >= 0)
			vs_text_put(t, ".", 1);
		vs_text_put(t, i < len ? &digits[i] : "0", 1);
	}
}

int64_t link_value_draw(const struct link_value *v, struct vs_prng *p)
{
	if (!v->spread)
		return v->value;
	if (v->gauss) {
		__int128 off = (__int128)vs_prng_gauss(p) * v->spread;

		/* Rounded to the nearest, so that the mean is not half a unit low. */
		return v->value + (int64_t)((off + 3 * ((__int128)1 << 31)) / 3 >> 32);
	}
	return v->value - v->spread + (int64_t)vs_prng_below(p, 2 * (uint64_t)v->spread + 1);
}
