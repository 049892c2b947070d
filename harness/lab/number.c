/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "harness/lab/number.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "core/base/text.h"

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit times[] = {
	{"", 1},	       {"ns", 1},	      {"us", 1000},
	{"ms", 1000000},       {"s", 1000000000},     {"m", 60000000000},
	{"min", 60000000000}, {"h", 3600000000000}, {NULL, 0},
};

static const struct unit sizes[] = {
	{"", 1},	  {"B", 1},	    {"KB", 1000},	 {"kB", 1000},
	{"MB", 1000000},  {"GB", 1000000000}, {"KiB", 1024},	 {"MiB", 1048576},
	{"GiB", 1 << 30}, {NULL, 0},
};

static const struct unit rates[] = {
	{"", 1},
	{"bit/s", 1},
	{"kbit/s", 1000},
	{"Kbit/s", 1000},
	{"Mbit/s", 1000000},
	{"Gbit/s", 1000000000},
	{NULL, 0},
};

static int number(const char *text, const struct unit *unit, uint64_t max, uint64_t *out)
{
	const char *end = text;
	uint64_t whole = 0;
	uint64_t value;
	int64_t micro;

	/* Digits alone may be larger than what a fraction's reading holds. */
	if (!vs_parse_uint(text, max, out))
		return 0;
	if (vs_parse_micro(text, &end, &micro) || micro < 0)
		return -EINVAL;
	for (; unit->name; unit++)
		if (!strcmp(unit->name, end))
			break;
	if (!unit->name)
		return -EINVAL;
	whole = (uint64_t)micro / 1000000;
	if (whole > max / unit->factor)
		return -EINVAL;
	/* The fraction has at most six digits, so this is exact up to the unit's own grain. */
	value = whole * unit->factor + (uint64_t)micro % 1000000 * unit->factor / 1000000;
	if (value > max)
		return -EINVAL;
	*out = value;
	return 0;
}

int lab_number_time(const char *text, int64_t *ns)
{
	uint64_t value;
	int err = number(text, times, INT64_MAX, &value);

	if (!err)
		*ns = (int64_t)value;
	return err;
}

int lab_number_bytes(const char *text, uint64_t *bytes)
{
	return number(text, sizes, INT64_MAX, bytes);
}

int lab_number_rate(const char *text, uint64_t *bits_per_s)
{
	return number(text, rates, INT64_MAX, bits_per_s);
}
