/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Numbers with units, as parameters have them: "250ms", "20MB", "1.5Mbit/s". */
#ifndef VSQ_LAB_NUMBER_H
#define VSQ_LAB_NUMBER_H

#include <stdint.h>

/* Each reads a whole text. 0, or -EINVAL when it is no such number or does not fit. */
int lab_number_time(const char *text, int64_t *ns);	   /* without a unit: ns */
int lab_number_bytes(const char *text, uint64_t *bytes);   /* without a unit: bytes */
int lab_number_rate(const char *text, uint64_t *bits_per_s); /* without a unit: bit/s */

#endif
