/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "harness/lab/histogram.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Values below 256 have an octave of their own, exact; then each doubling has one, of whose values
 * the eight bits below the top one say the part.
 */
static unsigned place(uint64_t value, unsigned *part)
{
	unsigned octave = 0;

	if (value >= LAB_HISTOGRAM_PARTS) {
		octave = 56 - (unsigned)__builtin_clzll(value);
		value >>= octave - 1;
	}
	*part = (unsigned)value % LAB_HISTOGRAM_PARTS;
	return octave;
}

/* Keeps a value as it is, while there are few. */
static void keep_exact(struct lab_histogram *h, int64_t value)
{
	if (h->count == h->exact_size) {
		unsigned size = h->exact_size ? h->exact_size * 2 : 32;
		int64_t *exact = realloc(h->exact, size * sizeof(*exact));

		/* Without it the octaves answer. */
		if (!exact)
			return;
		h->exact = exact;
		h->exact_size = size;
	}
	h->exact[h->count] = value;
}

void lab_histogram_add(struct lab_histogram *h, int64_t value)
{
	uint64_t v = value < 0 ? 0 : (uint64_t)value;
	unsigned part, octave = place(v, &part);

	if (!h->octave[octave]) {
		h->octave[octave] = calloc(LAB_HISTOGRAM_PARTS, sizeof(uint32_t));
		if (!h->octave[octave])
			return;
	}
	h->octave[octave][part]++;
	if (h->count < LAB_HISTOGRAM_EXACT)
		keep_exact(h, (int64_t)v);
	if (h->count == 0 || (int64_t)v < h->min)
		h->min = (int64_t)v;
	if (h->count == 0 || (int64_t)v > h->max)
		h->max = (int64_t)v;
	h->count++;
	h->sum += (double)v;
	h->squares += (double)v * (double)v;
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

double lab_histogram_quantile(struct lab_histogram *h, double fraction)
{
	uint64_t rank = (uint64_t)ceil(fraction * (double)h->count), seen = 0;

	if (!h->count)
		return NAN;
	if (rank < 1)
		rank = 1;
	if (h->count <= LAB_HISTOGRAM_EXACT && h->count <= h->exact_size) {
		qsort(h->exact, h->count, sizeof(*h->exact), compare);
		return (double)h->exact[rank - 1];
	}
	if (rank == 1)
		return (double)h->min;
	if (rank == h->count)
		return (double)h->max;
	for (unsigned octave = 0; octave < LAB_HISTOGRAM_OCTAVES; octave++) {
		if (!h->octave[octave])
			continue;
		for (unsigned part = 0; part < LAB_HISTOGRAM_PARTS; part++) {
			double middle;

			seen += h->octave[octave][part];
			if (seen < rank)
				continue;
			middle = part;
			if (octave)
				middle = ldexp(LAB_HISTOGRAM_PARTS + part + 0.5, (int)octave - 1);
			if (octave == 1)
				middle = LAB_HISTOGRAM_PARTS + part;
			return fmin(fmax(middle, (double)h->min), (double)h->max);
		}
	}
	return (double)h->max;
}

double lab_histogram_mean(const struct lab_histogram *h)
{
	return h->count ? h->sum / (double)h->count : NAN;
}

double lab_histogram_deviation(const struct lab_histogram *h)
{
	double mean, variance;

	if (h->count < 2)
		return NAN;
	mean = h->sum / (double)h->count;
	variance = (h->squares - mean * h->sum) / (double)(h->count - 1);
	return variance > 0 ? sqrt(variance) : 0;
}

void lab_histogram_fini(struct lab_histogram *h)
{
	for (unsigned i = 0; i < LAB_HISTOGRAM_OCTAVES; i++)
		free(h->octave[i]);
	free(h->exact);
	memset(h, 0, sizeof(*h));
}
