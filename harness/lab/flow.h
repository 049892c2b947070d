/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is kept of a TCP connection that somebody looks at. */
#ifndef VSQ_LAB_FLOW_H
#define VSQ_LAB_FLOW_H

#include "harness/lab/lab.h"
#include "stack/tcp/tcp.h"

#define LAB_FLOW_SERIES 11
#define LAB_FLOW_TIMED	4096 /* segments whose acknowledgement is waited for */

struct lab_timed {
	uint64_t end; /* relative */
	vs_time sent;
};

struct lab_flow {
	struct lab_app *app;
	struct lab_node *node; /* the sender; NULL once it is gone */
	struct lab_flow *next; /* of the node */
	uint64_t connection;   /* in its stack; 0: no sample yet */
	struct stk_addr local, remote;
	uint32_t iss;
	uint64_t high; /* greatest relative sequence number sent */
	uint32_t cwnd, ssthresh, in_flight;
	uint32_t ssthresh_last;
	vs_time srtt_last, rto_last;
	uint64_t retransmits_fast, retransmits_rto, lost;
	struct lab_histogram rtt;
	struct lab_timed timed[LAB_FLOW_TIMED];
	uint32_t timed_head, timed_tail;
	struct lab_series series[LAB_FLOW_SERIES];
};

#endif
