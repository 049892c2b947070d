/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "harness/lab/series.h"

#include <stdlib.h>
#include <string.h>

#define BINS_MAX   4096
#define BIN_WIDTH  (100 * VS_MSEC)

static unsigned points_max(const struct lab_series *s)
{
	return s->max ? s->max : LAB_SERIES_POINTS;
}

static int series_grow(struct lab_series *s)
{
	unsigned size = s->size ? s->size * 2 : 64;
	int64_t *times = realloc(s->times, size * sizeof(*times));
	double *values;

	if (!times)
		return -1;
	s->times = times;
	values = realloc(s->values, size * sizeof(*values));
	if (!values)
		return -1;
	s->values = values;
	s->size = size;
	return 0;
}

static void append(struct lab_series *s, vs_time time, double value)
{
	s->times[s->count] = time;
	s->values[s->count] = value;
	s->count++;
}

/* Adds a point when time is divided in steps: it stays if it is an extreme of its step so far. */
static void add_stepped(struct lab_series *s, vs_time time, double value)
{
	unsigned last = s->count - 1;

	if (time >= s->step_end || s->in_step == 0) {
		s->step_end = (time / s->step + 1) * s->step;
		s->in_step = 1;
		append(s, time, value);
	} else if (s->in_step == 1) {
		s->in_step = 2;
		append(s, time, value);
	} else {
		double a = s->values[last - 1], b = s->values[last];

		if ((value >= a && value <= b) || (value <= a && value >= b))
			return;
		/* The new point is beyond one of the two: keep the other one, then it. */
		if ((value > a) == (b > a)) {
			s->times[last] = time;
			s->values[last] = value;
		} else {
			s->times[last - 1] = s->times[last];
			s->values[last - 1] = b;
			s->times[last] = time;
			s->values[last] = value;
		}
	}
}

/* Takes longer steps, so that at most half of the points stay. */
static void thin_out(struct lab_series *s)
{
	unsigned count = s->count;
	vs_time span = s->times[count - 1] - s->times[0];

	do {
		s->step = s->step ? s->step * 2 : span / (points_max(s) / 8) + 1;
	} while (span / s->step + 2 > points_max(s) / 4);
	s->count = 0;
	s->in_step = 0;
	s->step_end = INT64_MIN;
	/* Never overtakes what it reads: each point adds at most one. */
	for (unsigned i = 0; i < count; i++)
		add_stepped(s, s->times[i], s->values[i]);
}

void lab_series_add_slow(struct lab_series *s, vs_time time, double value)
{
	if (s->count == points_max(s))
		thin_out(s);
	if (s->count == s->size && series_grow(s)) {
		s->lost++;
		return;
	}
	if (s->step)
		add_stepped(s, time, value);
	else
		append(s, time, value);
}

void lab_series_fini(struct lab_series *s)
{
	free(s->times);
	free(s->values);
	*s = (struct lab_series){.max = s->max};
}

static void bins_halve(struct lab_bins *b)
{
	for (unsigned i = 0; i < b->count; i++) {
		double sum = b->sums[i];

		if (i % 2 == 0)
			b->sums[i / 2] = sum;
		else
			b->sums[i / 2] += sum;
	}
	b->count = (b->count + 1) / 2;
	b->width *= 2;
}

void lab_bins_add(struct lab_bins *b, vs_time time, double amount)
{
	uint64_t bin;

	if (!b->width)
		b->width = BIN_WIDTH;
	while ((bin = (uint64_t)(time / b->width)) >= BINS_MAX)
		bins_halve(b);
	if (bin >= b->size) {
		unsigned size = b->size ? b->size : 64;
		double *sums;

		while (size <= bin)
			size *= 2;
		sums = realloc(b->sums, size * sizeof(*sums));
		if (!sums)
			return;
		b->sums = sums;
		b->size = size;
	}
	while (b->count <= bin)
		b->sums[b->count++] = 0;
	b->sums[bin] += amount;
}

struct lab_series *lab_bins_series(struct lab_bins *b, vs_time now)
{
	lab_series_fini(&b->rates);
	for (unsigned i = 0; i < b->count; i++) {
		vs_time start = (vs_time)i * b->width;
		vs_time width = b->width;

		/* The last bin may not have run its length. */
		if (i + 1 == b->count && now > start && now < start + width)
			width = now - start;
		lab_series_add(&b->rates, start, b->sums[i] * (double)VS_SEC / (double)width);
	}
	return &b->rates;
}

void lab_bins_fini(struct lab_bins *b)
{
	free(b->sums);
	lab_series_fini(&b->rates);
	memset(b, 0, sizeof(*b));
}
