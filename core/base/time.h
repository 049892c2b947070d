/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Time as every engine sees it: nanoseconds since the run began, given as an argument. */
#ifndef VSQ_BASE_TIME_H
#define VSQ_BASE_TIME_H

#include <stdint.h>

typedef int64_t vs_time;

#define VS_NEVER INT64_MAX
#define VS_USEC	 ((vs_time)1000)
#define VS_MSEC	 ((vs_time)1000000)
#define VS_SEC	 ((vs_time)1000000000)

static inline vs_time vs_time_min(vs_time a, vs_time b)
{
	return a < b ? a : b;
}

/* a + b, where VS_NEVER stays VS_NEVER and nothing overflows. b is not negative. */
static inline vs_time vs_time_add(vs_time a, vs_time b)
{
	return a > VS_NEVER - b ? VS_NEVER : a + b;
}

#endif
