/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ICMP's own state: ping sockets by identifier, and the limits on errors that are sent. Only for
 * stack/icmp.
 */
#ifndef VSQ_STACK_ICMP_IMPL_H
#define VSQ_STACK_ICMP_IMPL_H

#include "stack/ip/ip.h"

#define PING_BUCKETS 64
#define RATE_PEERS   64 /* destinations whose errors are counted apart */
#define RATE_BURST   6	/* errors to one destination at once, as Linux */

struct ping_socket;

/* Errors to one destination: a bucket of time, of which each error takes one period. */
struct icmp_rate {
	struct wire_addr dst;
	vs_time credit;
	vs_time at; /* when credit was reckoned; 0: never used */
};

struct icmp {
	struct ping_socket *ping[PING_BUCKETS];
	struct icmp_rate rate[RATE_PEERS];
	vs_time all_credit, all_at; /* the same for all destinations together */
	bool limited;		    /* all_credit has begun to count */
};

#endif
