/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is kept of a TCP connection that somebody looks at. */
#ifndef VSQ_LAB_FLOW_H
#define VSQ_LAB_FLOW_H

#include "core/base/text.h"
#include "harness/lab/lab.h"
#include "stack/tcp/tcp.h"

/* The plain series, then one for each reason to send again. */
#define LAB_FLOW_PLAIN	14
#define LAB_FLOW_SERIES (LAB_FLOW_PLAIN + TCP_REASONS - 1)
#define LAB_FLOW_RECENT 64 /* retransmissions whose frames may still be met on a cable */
#define LAB_FLOW_NAME	24 /* characters of a series' name */
#define LAB_FLOW_TIMED	4096 /* segments whose acknowledgement is waited for */

struct lab_timed {
	uint64_t end; /* relative */
	vs_time sent;
};

/* Something that has just left again. */
struct lab_again {
	uint32_t seq;
	vs_time at;
	enum tcp_reason reason;
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
	enum tcp_state state;
	enum tcp_phase phase;
	uint32_t snd_wnd;
	uint32_t ssthresh_last;
	vs_time srtt_last, rto_last;
	uint64_t retransmits_fast, retransmits_rto, lost;
	uint64_t resent[TCP_REASONS];
	struct lab_again recent[LAB_FLOW_RECENT];
	uint32_t recent_next;
	struct lab_histogram rtt;
	struct lab_timed *timed; /* ring */
	uint32_t timed_size;	 /* a power of two, up to LAB_FLOW_TIMED; or 0 */
	uint32_t timed_head, timed_tail;
	struct lab_series series[LAB_FLOW_SERIES];
};

struct lab_series *lab_flow_series(struct lab_flow *, const char *name);
const char *lab_flow_series_name(unsigned i, char text[LAB_FLOW_NAME]); /* NULL after the last */
void lab_flow_describe(const struct lab_flow *, struct vs_text *);

/* Why the segment at seq left again at this very instant; TCP_REASON_NONE: it did not. */
enum tcp_reason lab_flow_reason(const struct lab_flow *, vs_time now, uint32_t seq);

#endif
