/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* TCP, RFC 9293: what an observer of its connections sees. */
#ifndef VSQ_TCP_TCP_H
#define VSQ_TCP_TCP_H

#include <stdbool.h>
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

/* What the sender thinks of the path: Linux's words, tcpi_ca_state. */
enum tcp_phase {
	TCP_PHASE_OPEN,	    /* nothing is missing */
	TCP_PHASE_DISORDER, /* SACKs or duplicates: something is late, or lost */
	TCP_PHASE_CWR,	    /* a router marked: the window has shrunk, nothing is lost */
	TCP_PHASE_RECOVERY, /* fast recovery */
	TCP_PHASE_LOSS,	    /* after a retransmission timeout */
	TCP_PHASES,
};

const char *tcp_phase_name(enum tcp_phase); /* "open" ... */

/* Why something left again. */
enum tcp_reason {
	TCP_REASON_NONE,
	TCP_REASON_SYN,	    /* SYN or SYN-ACK, unanswered: RFC 6298 5 */
	TCP_REASON_FAST,    /* three duplicates: RFC 5681 3.2, RFC 6675 5 (4.3) */
	TCP_REASON_PARTIAL, /* a partial ACK without SACK: RFC 6582 3.2 (3) */
	TCP_REASON_PRR,	    /* what SACK's count says is lost, as fast as RFC 9937 lets it */
	TCP_REASON_RESCUE,  /* not thought lost, but nothing else to send: RFC 6675 4 */
	TCP_REASON_RACK,    /* one that left later has arrived: RFC 8985 6.2 */
	TCP_REASON_TLP,	    /* the tail is silent: RFC 8985 7.3 */
	TCP_REASON_RTO,	    /* the timer: RFC 6298 5.4 */
	TCP_REASON_FRTO,    /* the same, and what it brings decides if it was right: RFC 5682 */
	TCP_REASON_LOSS,    /* what else the timeout marked, in slow start: RFC 5681 3.1 */
	TCP_REASON_MTU,	    /* too long for the path: RFC 1191 6.5 */
	TCP_REASON_TEXT,    /* of a SYN, and the peer did not take it: RFC 7413 4.2.1 */
	TCP_REASONS,
};

const char *tcp_reason_name(enum tcp_reason); /* "syn" ...; NULL for none */

/* Why a sample was taken. */
enum tcp_event {
	TCP_EVENT_STATE,	   /* the state has changed */
	TCP_EVENT_ACK,		   /* an acknowledgement moved snd_una */
	TCP_EVENT_DUPLICATE,	   /* it did not, but told of arrivals, or moved the window */
	TCP_EVENT_SEND,		   /* new data left: seq..seq+len */
	TCP_EVENT_FAST_RETRANSMIT, /* seq..seq+len left again: acknowledgements, or a probe */
	TCP_EVENT_RTO_RETRANSMIT,  /* ... after the timer ran out; a SYN too */
	TCP_EVENT_PROBE,	   /* zero window or keep-alive */
	TCP_EVENT_RECOVERY,	   /* fast recovery starts or ends */
};

struct tcp_sample {
	uint64_t connection; /* number of the connection within its stack, from 1 */
	int fd;		     /* -1 if it has none */
	struct stk_addr local, remote;
	enum tcp_event event;
	enum tcp_state state;
	enum tcp_phase phase;
	enum tcp_reason reason; /* of a retransmission */
	uint32_t seq, len; /* of the segment, absolute sequence numbers */
	uint32_t iss, irs; /* to make them relative */
	uint32_t snd_una, snd_nxt, snd_wnd;
	uint32_t rcv_nxt, rcv_wnd;
	uint32_t cwnd, ssthresh, in_flight; /* bytes */
	vs_time srtt, rttvar, rto;	    /* ns; srtt 0: no sample yet */
	bool in_recovery;
};

/* All that a connection knows of itself: what Linux's TCP_INFO tells, and a little more. Windows of
 * congestion are in segments, as there; times are in ns.
 */
struct tcp_details {
	enum tcp_state state;
	enum tcp_phase phase;
	bool timestamps_on, sack_on, wscale_on, ecn_on, ecn_seen, syn_data;
	bool rcv_shut, snd_shut; /* no more will come, or go */
	uint8_t snd_wscale, rcv_wscale;
	uint8_t retransmits, probes, backoff;
	uint32_t snd_mss, rcv_mss, adv_mss;
	uint32_t unacked, sacked, lost, retrans; /* segments of the scoreboard */
	uint32_t snd_cwnd, snd_ssthresh;	 /* segments; ssthresh INT32_MAX: none yet */
	uint32_t pmtu, rcv_ssthresh, rcv_space, reordering;
	uint32_t snd_wnd, rcv_wnd;
	uint32_t unsent, unacked_bytes, rcv_queued;
	uint32_t snd_buf_used, snd_buf_max, rcv_buf_used, rcv_buf_max;
	vs_time rto, ato, srtt, rttvar, min_rtt, rcv_rtt;
	vs_time since_data_sent, since_data_received, since_ack_received;
	uint32_t total_retrans, segs_in, segs_out, data_segs_in, data_segs_out;
	uint32_t delivered, delivered_ce, dsack_dups, reord_seen, rcv_ooopack;
	uint64_t bytes_acked, bytes_received, bytes_sent, bytes_retrans;
	vs_time busy, rwnd_limited, sndbuf_limited;
	uint64_t pacing_rate, delivery_rate; /* bytes per second */
	bool delivery_rate_app_limited;
};

/* 0; -EBADF, or -EOPNOTSUPP if fd is no TCP socket. */
int tcp_details(const struct stk *, int fd, struct tcp_details *);

#endif
