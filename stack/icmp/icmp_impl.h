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
	struct icmp_rate redirects[RATE_PEERS];
	vs_time all_credit, all_at; /* the same for all destinations together */
	bool limited;		    /* all_credit has begun to count */
};

/* Whether a redirect about f may be sent now: when RFC 1122 3.2.2 and RFC 4443 2.4 do not forbid it
 * and the rate is not exceeded.
 */
bool icmp_redirect_allowed(struct stk *, vs_time now, const struct ip_received *,
			   const struct vs_frame *f);

#endif
