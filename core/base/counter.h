/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counters with names. An engine keeps an array of values indexed by an enum of its own and lends
 * this view of it; the names say what was counted, and for drops why.
 */
#ifndef VSQ_BASE_COUNTER_H
#define VSQ_BASE_COUNTER_H

#include <stdint.h>

struct vs_counters {
	const char *const *names; /* "rx_frames", "drop_vlan_ingress" ...; count of them */
	const uint64_t *values;
	unsigned count;
};

#endif
