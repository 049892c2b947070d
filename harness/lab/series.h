/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Series: values over time in bounded memory. Up to a number of points it is exact; then time is
 * divided into steps, and of each step the least and the greatest value stay, with their times.
 */
#ifndef VSQ_LAB_SERIES_H
#define VSQ_LAB_SERIES_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/time.h"

#define LAB_SERIES_POINTS 16384

struct lab_series {
	int64_t *times;
	double *values;
	unsigned count, size;
	vs_time step;	  /* 0: every point is kept */
	vs_time step_end; /* of the step that the last one or two points are in */
	unsigned in_step; /* how many of the last points are of that step: 0, 1, 2 */
	unsigned lost;	  /* points refused for want of memory */
	unsigned max;	  /* points that are kept as they are; 0: LAB_SERIES_POINTS */
};

void lab_series_add_slow(struct lab_series *, vs_time, double);
void lab_series_fini(struct lab_series *);

/* Adds a point; times do not go back. */
static inline void lab_series_add(struct lab_series *s, vs_time time, double value)
{
	/* Most points of a long series fall between the extremes of their step. */
	if (time < s->step_end && s->in_step == 2) {
		double a = s->values[s->count - 2], b = s->values[s->count - 1];

		if ((value >= a && value <= b) || (value <= a && value >= b))
			return;
		/* What only grows, or only falls, goes beyond the later one. */
		if (b > a ? value > b : b < a && value < b) {
			s->times[s->count - 1] = time;
			s->values[s->count - 1] = value;
			return;
		}
	}
	lab_series_add_slow(s, time, value);
}

/* Sums in bins of time, for rates. A bin doubles when there are too many. */
struct lab_bins {
	double *sums;
	unsigned count, size;
	vs_time width;
	struct lab_series rates; /* what lab_bins_series() lends */
};

void lab_bins_add(struct lab_bins *, vs_time, double);
void lab_bins_fini(struct lab_bins *);

/* The sum per second of each bin, at the bin's start, up to now. Lent until the next call. */
struct lab_series *lab_bins_series(struct lab_bins *, vs_time now);

#endif
