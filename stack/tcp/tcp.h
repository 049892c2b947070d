/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* TCP, RFC 9293: what an observer of its connections sees. */
#ifndef VSQ_TCP_TCP_H
#define VSQ_TCP_TCP_H

#include <stdint.h>

#include "core/base/time.h"
#include "stack/stk.h"

/* The states of RFC 9293 3.3.2. */
enum tcp_state {
	TCP_CLOSED,
	TCP_LISTEN,
	TCP_SYN_SENT,
	TCP_SYN_RECEIVED,
	TCP_ESTABLISHED,
	TCP_FIN_WAIT_1,
	TCP_FIN_WAIT_2,
	TCP_CLOSE_WAIT,
	TCP_CLOSING,
	TCP_LAST_ACK,
	TCP_TIME_WAIT,
};

const char *tcp_state_name(enum tcp_state);

/* Why a sample was taken. */
enum tcp_event {
	TCP_EVENT_STATE,	   /* the state has changed */
	TCP_EVENT_ACK,		   /* an acknowledgement was processed */
	TCP_EVENT_SEND,		   /* new data left: seq..seq+len */
	TCP_EVENT_FAST_RETRANSMIT, /* seq..seq+len left again: duplicate ACKs or SACK */
	TCP_EVENT_RTO_RETRANSMIT,  /* ... after the timer ran out */
	TCP_EVENT_PROBE,	   /* zero window or keep-alive */
	TCP_EVENT_RECOVERY,	   /* fast recovery starts or ends */
};

struct tcp_sample {
	uint64_t connection; /* number of the connection within its stack, from 1 */
	int fd;		     /* -1 if it has none */
	struct stk_addr local, remote;
	enum tcp_event event;
	enum tcp_state state;
	uint32_t seq, len; /* of the segment, absolute sequence numbers */
	uint32_t iss, irs; /* to make them relative */
	uint32_t snd_una, snd_nxt, snd_wnd;
	uint32_t rcv_nxt, rcv_wnd;
	uint32_t cwnd, ssthresh, in_flight; /* bytes */
	vs_time srtt, rttvar, rto;	    /* ns; srtt 0: no sample yet */
	bool in_recovery;
};

#endif
