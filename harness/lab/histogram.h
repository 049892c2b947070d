/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Histogram of non-negative integers. The first thousand values are kept as they are, so their
 * percentiles are exact; beyond, each octave has 256 parts and a percentile is right to within
 * 0.2 %. Least, greatest and mean are exact always. Memory is taken when it is needed.
 */
#ifndef VSQ_LAB_HISTOGRAM_H
#define VSQ_LAB_HISTOGRAM_H

#include <stdint.h>

#define LAB_HISTOGRAM_PARTS   256
#define LAB_HISTOGRAM_OCTAVES 56
#define LAB_HISTOGRAM_EXACT   1024

struct lab_histogram {
	uint32_t *octave[LAB_HISTOGRAM_OCTAVES];
	uint64_t count;
	int64_t *exact; /* the values, while there are at most LAB_HISTOGRAM_EXACT */
	unsigned exact_size;
	int64_t min, max;
	double sum, squares;
};

void lab_histogram_add(struct lab_histogram *, int64_t value);
void lab_histogram_fini(struct lab_histogram *);

/* The value that fraction (0..1) of the values do not exceed; NaN of nothing. */
double lab_histogram_quantile(struct lab_histogram *, double fraction);
double lab_histogram_mean(const struct lab_histogram *);
double lab_histogram_deviation(const struct lab_histogram *); /* standard; NaN below 2 values */

#endif
