/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* TCP's own structures, only for stack/tcp. How the files fit together:
 *
 *      tcp_socket.c          what applications call        tcp_settings.c  "net.ipv4.tcp_..."
 *      tcp_pcb.c tcp_port.c  life of a connection; who owns which port
 *      tcp_input.c           a segment arrives: the steps of RFC 9293 3.10.7 in their order
 *      tcp_listen.c          ... in LISTEN and SYN-RECEIVED of a passive open
 *      tcp_cookie.c          ... without a child, when there are too many
 *      tcp_fastopen.c tcp_fastopen_listen.c   text in a SYN, going out and coming in
 *      tcp_wait.c            what is left of a connection in TIME-WAIT
 *      tcp_metrics.c         ... for which peers are remembered
 *      tcp_ack.c             ... its acknowledgement: what left, what the window is
 *      tcp_recovery.c        what is lost and when it leaves again; tcp_sack.c, tcp_rack.c tell it
 *      tcp_prr.c             ... how fast cwnd shrinks; tcp_undo.c takes back what was needless
 *      tcp_ecn.c             congestion that routers mark instead of dropping
 *      tcp_reno.c tcp_cubic.c tcp_hystart.c   how much may be in flight: struct tcp_cc
 *      tcp_output.c          a segment leaves; tcp_options.c writes its options
 *      tcp_sndbuf.c          bytes not yet acknowledged; tcp_sent.c the segments they left in
 *      tcp_rcvbuf.c          frames received, in order and not; the window offered
 *      tcp_tune.c            ... which follows how fast the application reads
 *      tcp_details.c         what is told of a connection
 *      tcp_timer.c tcp_rtt.c deadlines of a connection on one timer; RFC 6298
 *      tcp_eor.c             ends of records that segments respect
 *      tcp_urgent.c          urgent data
 *      tcp_mtu.c             path MTU without ICMP
 *      tcp_error.c           ICMP errors          tcp_trace.c  what observers see
 *
 * A function may close a connection but never frees it: entry points (input, timers, sockets,
 * errors) end with tcp_reap(), which does.
 */
#ifndef VSQ_TCP_TCP_IMPL_H
#define VSQ_TCP_TCP_IMPL_H

#include <errno.h>
#include <string.h>

#include "core/wire/cksum.h"
#include "core/wire/tcp.h"
#include "stack/stk_impl.h"
#include "stack/tcp/tcp.h"

#define TCP_WSCALE_MAX	 14		       /* RFC 7323 2.3 */
#define TCP_MSS_DEFAULT	 536		       /* RFC 9293 3.7.1, IPv4 */
#define TCP_MSS_DEFAULT6 1220
#define TCP_MSS_MIN	 48		       /* what a peer or a router may force on us */
#define TCP_TS_LEN	 12		       /* nop, nop, timestamp */
#define TCP_DUP_THRESH	 3		       /* RFC 5681 3.2 */
#define TCP_TIME_WAIT_NS (60 * VS_SEC)
#define TCP_REUSE_GAP	 65537 /* from TIME-WAIT's last number to the next connection's first */
#define TCP_RTO_INITIAL	 (1 * VS_SEC)	       /* RFC 6298 2.1 */
#define TCP_RTO_MAX	 (120 * VS_SEC)
#define TCP_DELACK_NS	 (40 * VS_MSEC)
#define TCP_CORK_NS	 (200 * VS_MSEC)
#define TCP_QUICK_ACKS	 16		       /* immediate ACKs at the start and after idle */
#define TCP_PAWS_IDLE	 (24 * 24 * 3600 * VS_SEC) /* RFC 7323 5.5 */

struct tcp_pcb;

/* A fast open option (RFC 7413 2, 4.1.1). */
struct tcp_cookie {
	int8_t len; /* -1: no option; 0: a request */
	bool exp;   /* in its experimental form */
	uint8_t bytes[WIRE_TCP_COOKIE_MAX];
};

/* "net.ipv4.tcp_fastopen": Linux's bits. */
#define TCP_FASTOPEN_CLIENT	      0x1
#define TCP_FASTOPEN_SERVER	      0x2
#define TCP_FASTOPEN_CLIENT_NO_COOKIE 0x4
#define TCP_FASTOPEN_SERVER_NO_COOKIE 0x200
#define TCP_FASTOPEN_SERVER_ALL	      0x400 /* every listener, with its backlog as limit */

struct tcp_fastopen_keys {
	uint64_t key[2][2]; /* the one in use, and one that was */
	uint8_t count;
};

/* Where records end that must not share a segment with what follows (MSG_EOR). */
struct tcp_eor {
	uint32_t size, count;
	uint32_t end[]; /* sequence numbers, rising */
};

/* Of the urgent byte that a peer has announced. */
enum tcp_urgent {
	TCP_URGENT_NONE,
	TCP_URGENT_AWAITED, /* its place is known, it is not here yet */
	TCP_URGENT_HERE,    /* not yet read out of band */
	TCP_URGENT_TAKEN,   /* read; its place in the stream is still a mark */
};

/* RFC 4821's search, in bytes of packets. */
struct tcp_mtu {
	bool on;
	uint16_t low, high; /* what is known to pass; what may */
	uint16_t probe;	    /* in flight from probe_seq to probe_end; 0: none */
	uint32_t probe_seq, probe_end;
	vs_time since; /* of the last finding */
};

/* What is remembered of a peer. */
struct tcp_metrics {
	struct wire_addr peer;
	uint64_t used; /* order of use */
	struct tcp_cookie cookie;
	uint16_t mss;	 /* of its last SYN-ACK */
	uint8_t try_exp; /* 1: ask in the experimental form next; 2: that did not help */
};

/* A segment in flight, a record of the scoreboard. seq..end counts a FIN. */
struct tcp_sent {
	uint32_t seq;
	uint32_t end;
	vs_time at; /* when it last left */
	uint8_t flags;
	uint8_t times;	/* retransmissions, saturating */
	uint32_t order; /* of leaving: many may leave in one instant */
};

#define TCP_SENT_SACKED	 0x1 /* the peer holds it; never together with the next two */
#define TCP_SENT_LOST	 0x2 /* thought to have left the network */
#define TCP_SENT_AGAIN	 0x4 /* retransmitted, and that copy is in flight */
#define TCP_SENT_REPEATED 0x8 /* was ever retransmitted: Karn's rule */
#define TCP_SENT_PUSH	 0x20 /* left with PSH: the end of a write */

/* The records of snd_una..snd_nxt in order, and their sums in bytes. */
struct tcp_board {
	struct tcp_sent *ring;
	uint32_t size; /* a power of two, or 0 */
	uint32_t head;
	uint32_t count;
	uint32_t sacked, lost, again;
	uint32_t sacked_segments;
};

/* RFC 8985's variables. */
struct tcp_rack {
	vs_time at;   /* when the youngest segment that arrived had left */
	vs_time rtt;  /* of the last that arrived */
	uint32_t order; /* of the youngest */
	uint32_t fack; /* highest end that arrived */
	uint32_t fack_before; /* ... before the present ACK; snd_una: none */
	uint32_t ecr; /* the ACK's timestamp echo */
	uint32_t dsack_round;
	uint32_t tlp_end;
	uint8_t reo_steps, reo_persist;
	bool has_ecr, fack_valid;
	bool dsack; /* this ACK brought one */
	bool reordered, reordered_now; /* ever; and as this ACK tells */
	bool slow; /* this ACK SACKs what left before the first left for the last time */
	bool tlp_out;	/* a probe is not yet accounted for */
	bool tlp_again; /* ... and it was a retransmission */
};

/* Up to TCP_CHUNK bytes that the application wrote: a copy of ours, or the application's own that
 * never change (STK_MSG_CONST).
 */
struct tcp_chunk {
	const uint8_t *bytes;
	uint8_t *own; /* NULL: the application's */
};

/* Bytes that the application wrote and the peer has not acknowledged, in chunks. */
struct tcp_sndbuf {
	struct tcp_chunk *chunk; /* ring */
	uint32_t size;	 /* of the ring: a power of two, or 0 */
	uint32_t head;
	uint32_t chunks;
	uint32_t seq;	/* of the first byte held */
	uint32_t len;	/* bytes held */
	uint32_t start; /* where in the first chunk it is */
};

#define TCP_CHUNK 4096

/* Rings that became larger are given back when they are empty: a connection that is idle keeps
 * little of what it needed for its window.
 */
#define TCP_RING_KEEP 64

/* What was received: frames whose data is payload only. */
struct tcp_piece {
	struct vs_frame *frame;
	uint32_t seq;
	uint32_t len;
};

struct tcp_pieces {
	struct tcp_piece *ring;
	uint32_t size; /* a power of two, or 0 */
	uint32_t head;
	uint32_t count;
};

struct tcp_rcvbuf {
	struct tcp_pieces ready; /* in order, from the next byte to read */
	struct tcp_pieces early; /* behind a gap: sorted, without overlap */
	struct wire_tcp_sack *ranges; /* the runs of `early`, sorted; RFC 2018's blocks */
	uint32_t ranges_size, ranges_count;
	uint32_t ready_bytes;
	uint32_t early_bytes;
	uint32_t held; /* bytes of memory in all frames here */
};

/* Deadlines; the connection's one timer stands at or before the first of them. */
enum tcp_deadline {
	TCP_DEADLINE_PROBE,	 /* TLP: before the next, which it puts off when both are due */
	TCP_DEADLINE_RETRANSMIT, /* RFC 6298, SYN and FIN too; or the zero window probe */
	TCP_DEADLINE_REORDER,	 /* RACK's reordering window */
	TCP_DEADLINE_ACK,	 /* delayed ACK */
	TCP_DEADLINE_KEEP,	 /* keep-alive */
	TCP_DEADLINE_WAIT,	 /* 2 MSL; orphans in FIN-WAIT-2; cork */
	TCP_DEADLINES,
};

enum tcp_recovery {
	TCP_OPEN,     /* nothing is thought lost */
	TCP_RECOVERY, /* RFC 6582 or 6675: until snd_una reaches recover */
	TCP_LOSS,     /* after a retransmission timeout: until snd_una reaches recover */
};

/* RFC 5682: is the timeout's loss real? */
enum tcp_frto {
	TCP_FRTO_NONE,
	TCP_FRTO_WAIT, /* step 2: for the first ACK after the retransmission */
	TCP_FRTO_NEW,  /* step 3: new data have left, or are about to */
};

/* Congestion control. Windows are in bytes; p->cwnd and p->ssthresh are theirs to move. */
struct tcp_cc {
	const char *name;
	void (*init)(struct tcp_pcb *);
	/* acked bytes left the network in an ACK while not in TCP_RECOVERY, cwnd was in the way. */
	void (*acked)(struct tcp_pcb *, uint32_t acked);
	/* A loss: gives the new ssthresh. flight is what was in flight, in bytes. */
	uint32_t (*lost)(struct tcp_pcb *, uint32_t flight);
	/* An RTT was measured, ns; may be NULL. */
	void (*rtt)(struct tcp_pcb *, vs_time rtt);
	/* A retransmission timeout; after lost(). May be NULL. */
	void (*timeout)(struct tcp_pcb *);
};

extern const struct tcp_cc tcp_reno, tcp_cubic;

#define TCP_CC_WORDS 10
const struct tcp_cc *tcp_cc_by_index(unsigned index); /* NULL: none */

/* What is only counted: tcp_details() tells it. Why bytes wait is known to be one of three. */
enum tcp_busy { TCP_IDLE, TCP_BUSY, TCP_RWND_LIMITED, TCP_SNDBUF_LIMITED, TCP_BUSY_KINDS };

struct tcp_account {
	uint64_t bytes_acked, bytes_received, bytes_sent, bytes_retrans;
	uint32_t segs_in, segs_out, data_segs_in, data_segs_out;
	uint32_t total_retrans, delivered, delivered_ce, dsack_dups, reord_seen, rcv_ooopack;
	vs_time data_received_at, ack_received_at;
	vs_time busy_since, busy[TCP_BUSY_KINDS];
	uint8_t busy_now; /* enum tcp_busy */
	uint16_t reordering; /* segments; 0: none seen, so 3 */
	bool ecn_seen;
	/* The rate of delivery (draft-cheng-iccrg-delivery-rate-estimation): the last sample. */
	uint32_t rate_delivered;
	vs_time rate_interval;
	vs_time delivered_at, first_sent_at;
	uint32_t app_limited;
	bool rate_app_limited;
};

struct tcp_pcb {
	struct stk_socket so; /* first: the sockets see no more */
	struct stk *stk;
	struct tcp_pcb *hash_next, **hash_prev; /* connections by both ends, or listeners */
	struct tcp_port *port;			/* that owns so.local.port */
	struct tcp_pcb *port_next, **port_prev;
	struct ip_path path;

	uint8_t state;	  /* enum tcp_state */
	uint8_t recovery; /* enum tcp_recovery */

	/* Agreed in the handshake. */
	bool sack_on : 1, ts_on : 1, wscale_on : 1;
	uint8_t snd_wscale, rcv_wscale;

	/* What the application asked for. */
	bool nodelay : 1, cork : 1, more : 1, keepalive : 1, no_quickack : 1;
	bool rcvbuf_fixed : 1, sndbuf_fixed : 1;
	/* What it did. */
	bool orphan : 1;	  /* no socket: closed, or not yet accepted */
	bool snd_shut : 1;	  /* nothing more will be written: a FIN follows the data */
	bool rcv_shut : 1;	  /* nothing will be read */
	bool snd_waits : 1;	  /* it found no room: tell it, until a write fits whole */
	bool port_auto : 1;	  /* the port was not asked for by number */
	bool passive : 1;	  /* came from a listener */
	bool embryo : 1;	  /* ... whose handshake is not over */
	bool bare_acked : 1;	  /* ... but for data, which the listener waits for */
	bool accepted : 1;
	bool orphan_counted : 1;

	/* Fast open. */
	bool fastopen_connect : 1;	 /* asked for: connect() waits for the first write ... */
	bool fastopen_defer : 1;	 /* ... and does now */
	bool fastopen_no_cookie : 1; /* asked for */
	bool fastopen_child : 1;	 /* made by a SYN alone */
	bool fastopen_pending : 1;	 /* counts at its listener */
	bool syn_fastopen : 1, syn_fastopen_exp : 1; /* our SYN had the option */
	bool syn_data : 1;   /* ... text */
	bool syn_data_acked; /* which arrived; a server's: text came */

	/* Flags of the machine. */
	bool fin_received : 1;
	bool fin_early : 1;	  /* a FIN at fin_seq waits for what is before it */
	bool ack_now : 1, ack_delayed : 1;
	bool pingpong : 1;	  /* the application answers: ACKs can ride */
	bool cwnd_limited : 1;
	bool probing : 1;	  /* the retransmit deadline is a zero window probe's */
	bool partial_seen : 1; /* RFC 6582: a partial ACK has restarted the timer */
	bool rescued : 1;	  /* RFC 6675 rule 4 */
	bool push_now : 1;	  /* small segments may leave: a timer says so */
	bool resending : 1;	  /* what leaves has left before */
	bool original : 1;	  /* this ACK reports what left only once, before the timeout */
	bool undo_armed : 1, undo_sent : 1;
	uint8_t frto;	  /* enum tcp_frto */
	bool ecn_on : 1;	  /* agreed */
	bool snd_urgent : 1;	  /* up to snd_up */
	bool urgent_inline : 1;	  /* SO_OOBINLINE */
	uint8_t urgent;		  /* enum tcp_urgent, at rcv_up */
	uint8_t urgent_byte;
	bool ecn_echo : 1;	  /* CE has come: every ACK says so until CWR */
	bool cwr_due : 1;	  /* the next new data say that cwnd was reduced */
	bool cwr : 1;		  /* ... and PRR is reducing it, until cwr_seq */

	/* RFC 9293 3.3.1. */
	uint32_t snd_una, snd_nxt, snd_wnd, snd_wl1, snd_wl2, iss;
	uint32_t rcv_nxt, rcv_wnd, irs;
	uint32_t snd_wnd_max; /* largest seen */
	uint32_t snd_tail;    /* from here on writes still join: tcp_write() */
	uint32_t snd_sml;     /* end of the last small segment sent (Minshall's Nagle) */
	uint32_t rcv_wup;     /* rcv_nxt when we last sent an ACK */
	uint32_t fin_seq;     /* with fin_early */
	uint32_t snd_up;      /* after the last urgent byte */
	uint32_t rcv_up;      /* of the urgent byte */
	int soft_error;	      /* ICMP's last advice, for when the connection times out */

	uint16_t mss;	    /* payload of a full segment without SACK blocks */
	uint16_t mss_peer;  /* what the peer announced */
	uint16_t mss_user;  /* TCP_MAXSEG; 0: none */
	uint16_t mss_rcv;   /* largest payload seen */
	uint8_t quick_acks; /* immediate ACKs left */
	uint8_t timeouts;   /* in a row, of whatever the retransmit deadline is */
	uint8_t backoff;    /* doublings of rto */
	uint8_t dupacks;
	uint8_t keep_probes;
	uint8_t sacks;	    /* blocks in sack[], newest first */
	uint8_t sacks_seen;
	uint8_t cc_index;
	bool dsack;	    /* dsack_block goes first in the next ACK */

	struct tcp_mtu mtu;

	/* RFC 7323. */
	uint32_t ts_offset, ts_recent;
	vs_time ts_recent_at;

	/* RFC 6298, ns. */
	vs_time srtt, rttvar, rto;
	vs_time rtt_dev, rtt_dev_max; /* of the present round */
	vs_time rtt_min;
	uint32_t rtt_round; /* the round ends when this is acknowledged */

	/* Congestion. */
	uint32_t cwnd, ssthresh, recover;
	uint32_t cwnd_acked;	/* bytes acknowledged since cwnd last grew */
	uint32_t flight_max;	/* in the present window */
	uint32_t flight_max_end;
	uint32_t dup_bytes;	/* without SACK: what duplicate ACKs say has arrived */
	uint32_t lost_seq;	/* SACK: below it, losses are marked */
	uint32_t again_seq;	/* lost records below have left again */
	uint32_t prr_delivered, prr_out, prr_flight; /* RFC 9937 6.1, bytes */
	uint32_t cwr_seq;	/* ECN: one reduction until this is acknowledged */
	uint32_t undo_cwnd, undo_ssthresh; /* before the reduction */
	uint32_t undo_ts;	/* of the first retransmission since */
	uint32_t undo_again;	/* retransmissions since whose duplicate was not reported */
	uint32_t sent_order;	/* of the last segment with data */
	uint64_t cc_words[TCP_CC_WORDS];

	struct tcp_board board;
	union {
		struct tcp_rack rack;
		/* A listener: its children. */
		struct {
			struct tcp_pcb *children; /* all that were not accepted */
			struct tcp_pcb *accept_first, *accept_last;
			uint32_t backlog, accept_count, embryos;
			uint32_t fastopen_count, fastopen_resets; /* that have proved nothing */
			vs_time fastopen_reset_at;
		};
	};
	struct tcp_sndbuf snd;
	struct tcp_rcvbuf rcv;
	struct wire_tcp_sack sack[WIRE_TCP_SACKS]; /* to send */
	struct wire_tcp_sack dsack_block;
	struct wire_tcp_sack sack_seen[WIRE_TCP_SACKS]; /* of the last ACK */

	uint32_t sndbuf_max, rcvbuf_max; /* bytes */
	uint32_t rcv_clamp;		 /* the window grows up to this as data come */
	uint32_t tune_rtt_ms, tune_at_ms; /* of the peer's data; when this round began */
	uint32_t tune_read, tune_space;	  /* bytes read in it; and in the best before */
	uint32_t notsent_lowat;
	int32_t linger_s;		 /* -1: off */
	uint32_t user_timeout_ms;
	uint16_t keep_idle_s, keep_interval_s;
	uint8_t keep_count;
	uint8_t syn_count;    /* TCP_SYNCNT; 0: the setting's */
	uint8_t defer_accept; /* a listener's, in timeouts of the SYN-ACK */
	int16_t linger2_s;    /* of FIN-WAIT-2: -1 none, 0 the setting's */
	struct tcp_eor *eor; /* NULL: none */

	vs_time deadline[TCP_DEADLINES]; /* VS_NEVER: none */
	struct vs_timer timer;
	vs_time received_at; /* the last segment */
	vs_time sent_at;     /* the last data */
	vs_time stalled_at;  /* since when nothing was acknowledged, while timeouts > 0 */
	vs_time invalid_at;  /* the last ACK to an unacceptable segment */
	uint64_t id;
	struct tcp_account account;

	/* A child: its place at its listener. */
	struct tcp_pcb *listener;
	struct tcp_pcb *child_next, **child_prev;
	struct tcp_pcb *accept_next;
	uint32_t fastopen_max; /* 0: none without a handshake */
	struct tcp_fastopen_keys *fastopen_keys; /* of its own; NULL: the stack's */
};

/* Who uses a local port. */
struct tcp_port {
	struct tcp_port *next, **prev;
	struct tcp_pcb *users;
	struct tcp_wait *waits;
	uint16_t number;
};

struct tcp_settings {
	uint32_t sack, dsack, timestamps, window_scaling;
	uint32_t rmem[3], wmem[3];
	uint32_t initial_cwnd;
	uint32_t syn_retries, synack_retries, retries2, orphan_retries;
	uint32_t keepalive_time, keepalive_intvl, keepalive_probes;
	uint32_t fin_timeout;
	uint32_t max_syn_backlog;
	uint32_t slow_start_after_idle;
	uint32_t challenge_ack_limit;
	uint32_t invalid_ratelimit_ms;
	uint32_t rto_min_ms;
	uint32_t min_tso_segs;
	uint32_t recovery, early_retrans; /* RACK, TLP */
	uint32_t rfc1337;
	uint32_t frto;
	uint32_t syncookies;
	uint32_t ecn, ecn_fallback;
	uint32_t cc_index;
	uint32_t port_first, port_last;
	uint32_t fastopen, fastopen_blackhole_s;
	uint32_t max_tw_buckets, tw_reuse;
	uint32_t mtu_probing, base_mss, mtu_probe_floor;
	uint32_t mtu_probe_threshold, mtu_probe_interval_s;
	uint32_t retries1, max_orphans;
};

struct tcp {
	struct tcp_settings settings;
	uint64_t key[2]; /* of every hash and of the initial sequence numbers */
	struct tcp_pcb **hash;
	uint32_t hash_size, hash_count;
	struct tcp_pcb **listeners; /* by port */
	struct tcp_port **ports;
	uint8_t *chunks; /* free ones, linked through their first bytes */
	uint32_t chunks_free;
	uint32_t port_hint;
	uint32_t orphans; /* that applications have closed, in any state but TIME-WAIT */
	uint64_t connections;
	uint32_t challenges;  /* sent in the second that began at challenge_at */
	vs_time challenge_at;
	vs_time cookie_at; /* the last SYN cookie left */
	bool cookies;	   /* ever */
	struct tcp_fastopen_keys fastopen_keys;
	uint32_t fastopen_holes; /* in a row; the last at fastopen_hole_at */
	vs_time fastopen_hole_at;
	struct tcp_wait **waits; /* by both ends */
	uint32_t waits_size, waits_count;
	struct tcp_wait *wait_first, **wait_end; /* in the order they end */
	struct vs_timer wait_timer;
	struct tcp_metrics *metrics;
	uint32_t metrics_size, metrics_count;
	uint64_t metrics_used;
};

#define TCP_PORT_BUCKETS 256

/* A received segment. */
struct tcp_in {
	struct wire_tcp h;
	uint32_t seq; /* of the first byte that counts, SYN included */
	uint32_t end; /* after the last, FIN included */
	uint32_t len; /* payload */
	const struct ip_received *ip;
	struct vs_frame *f; /* data is the payload; NULL once taken */
	uint32_t iss_after; /* with has_iss_after: where TIME-WAIT's reuse starts */
	bool has_iss_after;
	bool syn; /* came with it, even if the SYN is done with and no longer in h */
};

static inline struct tcp_pcb *tcp_of(const struct stk_socket *so)
{
	return (struct tcp_pcb *)(uintptr_t)so;
}

/* RFC 7323 2.2: a SYN's window is never scaled; nor is that of the SYN-ACK which ends an opening by
 * both at once, when the scale is agreed already.
 */
static inline uint32_t tcp_in_window(const struct tcp_pcb *p, const struct tcp_in *in)
{
	return in->syn ? in->h.window : (uint32_t)in->h.window << p->snd_wscale;
}

static inline vs_time tcp_now(const struct tcp_pcb *p)
{
	return p->stk->now;
}

static inline const struct tcp_settings *tcp_settings(const struct tcp_pcb *p)
{
	return &p->stk->tcp->settings;
}

static inline uint32_t tcp_min(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static inline uint32_t tcp_max(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static inline const struct tcp_cc *tcp_cc(const struct tcp_pcb *p)
{
	return tcp_cc_by_index(p->cc_index);
}

/* tcp_pcb.c */
void tcp_pcb_init(struct stk *, struct tcp_pcb *);
int tcp_hash_insert(struct tcp_pcb *); /* 0 or -ENOMEM */
void tcp_hash_remove(struct tcp_pcb *);
struct tcp_pcb *tcp_lookup(struct stk *, const struct wire_addr *local, uint16_t local_port,
			   const struct wire_addr *remote, uint16_t remote_port);
uint64_t tcp_siphash(const uint64_t key[2], const struct wire_addr *a, const struct wire_addr *b,
		     uint32_t ports);
uint32_t tcp_hash(const struct tcp *, const struct wire_addr *local, uint16_t local_port,
		  const struct wire_addr *remote, uint16_t remote_port);
uint64_t tcp_siphash_bytes(const uint64_t key[2], const uint8_t *, size_t len); /* len % 8 == 0 */
void tcp_choose_iss(struct tcp_pcb *); /* RFC 6528; and the timestamp's offset */
void tcp_state_set(struct tcp_pcb *, enum tcp_state);
/* Closes at once; error, if positive, goes to the socket. Sends nothing. */
void tcp_close_now(struct tcp_pcb *, int error);
void tcp_abort(struct tcp_pcb *, int error); /* the same with an RST */
/* Our FIN is acknowledged and nobody will read on: how long to wait for the peer's. */
void tcp_fin_wait_2_orphaned(struct tcp_pcb *);
void tcp_time_wait(struct tcp_pcb *);
void tcp_time_wait_orphaned(struct tcp_pcb *); /* from there on without p */
void tcp_reap(struct tcp_pcb *); /* frees p if it is closed and nobody's */
void tcp_wake(struct tcp_pcb *);

/* tcp_trace.c: for whoever looks on (struct stk_conf). */
void tcp_sample_take(struct tcp_pcb *, enum tcp_event, enum tcp_reason, uint32_t seq,
		     uint32_t len);
enum tcp_phase tcp_phase(const struct tcp_pcb *);
enum tcp_event tcp_reason_event(enum tcp_reason);

static inline void tcp_sample_again(struct tcp_pcb *p, enum tcp_reason reason, uint32_t seq,
				    uint32_t len)
{
	if (p->stk->conf.tcp_sample)
		tcp_sample_take(p, tcp_reason_event(reason), reason, seq, len);
}

static inline void tcp_sample(struct tcp_pcb *p, enum tcp_event event, uint32_t seq, uint32_t len)
{
	if (p->stk->conf.tcp_sample)
		tcp_sample_take(p, event, TCP_REASON_NONE, seq, len);
}

/* tcp_port.c */
int tcp_port_bind(struct tcp_pcb *, const struct stk_addr *);
int tcp_port_connect(struct tcp_pcb *); /* an ephemeral port for so.local and so.remote */
int tcp_port_share(struct tcp_pcb *child, struct tcp_pcb *listener);
void tcp_port_release(struct tcp_pcb *);
bool tcp_port_taken(const struct tcp_pcb *, uint16_t number);
void tcp_port_unused(struct stk *, struct tcp_port *); /* frees it if that is so */
bool tcp_port_covers(const struct wire_addr *a, bool v6only, const struct wire_addr *b);
void tcp_listener_insert(struct tcp_pcb *);
bool tcp_port_may_listen(const struct tcp_pcb *);
struct tcp_pcb *tcp_listener_find(struct stk *, const struct wire_addr *local, uint16_t port,
				  int ifindex);

/* tcp_input.c */
void tcp_challenge(struct tcp_pcb *); /* RFC 5961 7: a rate-limited ACK */

/* tcp_listen.c */
struct tcp_pcb *tcp_listen_child(struct tcp_pcb *listener, const struct tcp_in *);
void tcp_listen_link(struct tcp_pcb *listener, struct tcp_pcb *child);
void tcp_segment_arrives(struct tcp_pcb *, struct tcp_in *); /* any state but SYN-SENT */
void tcp_listen_arrives(struct tcp_pcb *listener, struct tcp_in *);
bool tcp_listen_established(struct tcp_pcb *child); /* false: no room, ignore the ACK */
void tcp_listen_forget(struct tcp_pcb *child);	    /* it left for good */
void tcp_listen_close(struct tcp_pcb *listener);

/* tcp_wait.c */
struct tcp_wait;
int tcp_wait_create(struct stk *);
void tcp_wait_destroy(struct stk *);
void tcp_wait_begin(struct tcp_pcb *); /* before p gives back its port */
struct tcp_wait *tcp_wait_find(const struct stk *, const struct wire_addr *local,
			       uint16_t local_port, const struct wire_addr *remote,
			       uint16_t remote_port); /* NULL: none */
void tcp_wait_arrives(struct stk *, struct tcp_wait *, struct tcp_in *);
bool tcp_wait_conflicts(const struct tcp_port *, const struct stk_addr *local, bool reuse,
			bool v6only);
bool tcp_wait_may_reuse(const struct tcp_pcb *, const struct tcp_wait *);
void tcp_wait_reuse(struct tcp_pcb *, struct tcp_wait *); /* after tcp_choose_iss(); ends it */
bool tcp_syn_is_new(bool ts_on, uint32_t ts_recent, uint32_t rcv_nxt, const struct wire_tcp *);

/* tcp_eor.c */
void tcp_eor_write(struct tcp_pcb *); /* what is written ends a record */
/* How much of len bytes from seq on lies before the next end. */
uint32_t tcp_eor_cut(const struct tcp_pcb *, uint32_t seq, uint32_t len);
bool tcp_eor_at(const struct tcp_pcb *, uint32_t seq); /* one ends just before seq */
void tcp_eor_acked(struct tcp_pcb *);
void tcp_eor_clear(struct tcp_pcb *);

/* tcp_urgent.c */
void tcp_urgent_write(struct tcp_pcb *); /* the last byte written is urgent */
void tcp_urgent_mark(const struct tcp_pcb *, struct wire_tcp *);
void tcp_urgent_acked(struct tcp_pcb *);
void tcp_urgent_arrives(struct tcp_pcb *, const struct tcp_in *);
bool tcp_urgent_at_mark(const struct tcp_pcb *);
uint32_t tcp_urgent_readable(const struct tcp_pcb *); /* bytes, the urgent one not */
uint32_t tcp_urgent_inq(const struct tcp_pcb *);      /* the same, up to a mark ahead */
size_t tcp_urgent_read(struct tcp_pcb *, void *, size_t len, bool peek); /* the stream */
ptrdiff_t tcp_urgent_recv(struct tcp_pcb *, void *, size_t len, bool peek); /* MSG_OOB */

/* tcp_mtu.c */
void tcp_mtu_start(struct tcp_pcb *);
uint16_t tcp_mtu_mss(const struct tcp_pcb *, uint16_t mss); /* what of it is known to pass */
void tcp_mtu_timeout(struct tcp_pcb *);
/* How long a probe of the next data is that leaves now, 0: none does. mss and unsent: bytes. */
uint32_t tcp_mtu_probe_len(struct tcp_pcb *, uint32_t mss, uint32_t unsent);
void tcp_mtu_resent(struct tcp_pcb *, const struct tcp_sent *);
void tcp_mtu_acked(struct tcp_pcb *);
bool tcp_mtu_probe_lost(struct tcp_pcb *); /* true: that was all that was lost */
void tcp_mtu_shrunk(struct tcp_pcb *);

/* tcp_metrics.c */
const struct tcp_metrics *tcp_metrics_find(struct stk *,
					   const struct wire_addr *peer);	/* or NULL */
struct tcp_metrics *tcp_metrics_of(struct stk *, const struct wire_addr *peer); /* makes them */
void tcp_metrics_free(struct stk *);

/* tcp_fastopen.c */
/* The first SYN of connect(), with a request; true: it waits for a write that may go with it. */
bool tcp_fastopen_connect(struct tcp_pcb *);
/* The first SYN, with what of the bytes fits: how many, or -EINPROGRESS for none. */
ptrdiff_t tcp_fastopen_send(struct tcp_pcb *, const void *, size_t len);
void tcp_fastopen_answered(struct tcp_pcb *, const struct tcp_in *syn_ack);
void tcp_fastopen_acked(struct tcp_pcb *, uint32_t ack); /* of the SYN's text, once connected */
void tcp_fastopen_timeout(struct tcp_pcb *, bool last);

/* tcp_fastopen_listen.c */
/* Whether the SYN makes a connection at once; answer: what the SYN-ACK says. */
bool tcp_fastopen_syn(struct tcp_pcb *listener, const struct tcp_in *, struct tcp_cookie *answer);
void tcp_fastopen_child(struct tcp_pcb *, struct tcp_in *); /* takes in->f if there is text */
void tcp_fastopen_settled(struct tcp_pcb *, bool reset);
int tcp_fastopen_keys_read(struct tcp_fastopen_keys *, const uint8_t *, size_t len);
void tcp_fastopen_key_free(struct tcp_pcb *);

/* tcp_ack.c */
void tcp_ack_arrives(struct tcp_pcb *, const struct tcp_in *);
void tcp_ack_late(struct tcp_pcb *, const struct tcp_in *); /* below snd_una */
void tcp_window_arrives(struct tcp_pcb *, const struct tcp_in *);
void tcp_established(struct tcp_pcb *, const struct tcp_in *); /* variables after the handshake */
void tcp_transfer_start(struct tcp_pcb *, bool syn_lost); /* those that sending needs */

/* tcp_recovery.c */
struct tcp_acked {
	uint32_t bytes;	    /* snd_una moved by */
	uint32_t sacked;    /* newly reported by SACK */
	uint32_t flight;    /* before */
	uint32_t delivered; /* newly known to have arrived, either way */
	bool duplicate;	    /* RFC 5681 2 */
	bool marked;	    /* ECN has just shrunk cwnd */
};
void tcp_recovery_acked(struct tcp_pcb *, const struct tcp_acked *);
void tcp_recovery_leave(struct tcp_pcb *);
void tcp_recovery_timeout(struct tcp_pcb *);
void tcp_recovery_reorder(struct tcp_pcb *); /* RACK's timer */
void tcp_recovery_send(struct tcp_pcb *); /* what is lost, as far as cwnd allows */
bool tcp_retransmit_first(struct tcp_pcb *, enum tcp_reason);
uint32_t tcp_in_flight(const struct tcp_pcb *);

/* tcp_sack.c */
uint32_t tcp_sack_arrives(struct tcp_pcb *, const struct wire_tcp *); /* newly SACKed bytes */
void tcp_sack_mark_lost(struct tcp_pcb *);
struct tcp_sent *tcp_sack_next(struct tcp_pcb *); /* RFC 6675 rules 3 and 4 */

/* tcp_prr.c */
void tcp_prr_enter(struct tcp_pcb *, const struct tcp_acked *);
void tcp_prr_cwr(struct tcp_pcb *, uint32_t flight);
void tcp_prr_acked(struct tcp_pcb *, uint32_t delivered, bool safe);

static inline bool tcp_prr_on(const struct tcp_pcb *p)
{
	return p->recovery == TCP_RECOVERY || p->cwr;
}

/* tcp_undo.c */
void tcp_undo_arm(struct tcp_pcb *); /* before the windows shrink */
void tcp_undo_sent(struct tcp_pcb *); /* a segment has left again */
void tcp_undo_dsack(struct tcp_pcb *, const struct wire_tcp_sack *);
bool tcp_undo_try(struct tcp_pcb *, bool advanced); /* true: it was all needless */
void tcp_undo(struct tcp_pcb *);
void tcp_frto_timeout(struct tcp_pcb *, bool first);
bool tcp_frto_acked(struct tcp_pcb *, const struct tcp_acked *); /* true: it was spurious */

/* tcp_cookie.c */
void tcp_cookie_send(struct tcp_pcb *listener, const struct tcp_in *);
bool tcp_cookie_arrives(struct tcp_pcb *listener, struct tcp_in *); /* true: it was one */

/* tcp_ecn.c */
void tcp_ecn_syn(const struct tcp_pcb *, struct wire_tcp *);
void tcp_ecn_agree(struct tcp_pcb *, const struct wire_tcp *syn);
void tcp_ecn_data(struct tcp_pcb *, const struct tcp_in *);
bool tcp_ecn_acked(struct tcp_pcb *, uint8_t flags, uint32_t flight); /* true: cwnd shrank */

/* tcp_rack.c */
bool tcp_rack_on(const struct tcp_pcb *);
void tcp_rack_delivered(struct tcp_pcb *, const struct tcp_sent *, bool sacked);
void tcp_rack_dsack(struct tcp_pcb *);
void tcp_rack_recovered(struct tcp_pcb *);
void tcp_rack_detect(struct tcp_pcb *);
void tcp_tlp_schedule(struct tcp_pcb *);
void tcp_tlp_probe(struct tcp_pcb *);
bool tcp_tlp_acked(struct tcp_pcb *, bool duplicate); /* true: it repaired a loss */

/* tcp_sent.c */
bool tcp_sent_push(struct tcp_pcb *, uint32_t seq, uint32_t end);
uint32_t tcp_sent_find(const struct tcp_pcb *, uint32_t seq); /* index: first that ends after */
/* Drops what ack covers. Gives when the oldest of them that was not SACKed left; VS_NEVER if there
 * is none, or one of all left more than once.
 */
vs_time tcp_sent_acked(struct tcp_pcb *, uint32_t ack);
void tcp_sent_mark_lost(struct tcp_pcb *, struct tcp_sent *);
void tcp_sent_mark_sacked(struct tcp_pcb *, struct tcp_sent *);
void tcp_sent_mark_again(struct tcp_pcb *, struct tcp_sent *);
void tcp_sent_mark_found(struct tcp_pcb *, struct tcp_sent *); /* it is in flight, once */
void tcp_sent_all_lost(struct tcp_pcb *);
void tcp_sent_none_lost(struct tcp_pcb *);
bool tcp_sent_split(struct tcp_pcb *, uint32_t index, uint32_t seq);
void tcp_sent_clear(struct tcp_pcb *);

static inline struct tcp_sent *tcp_sent_at(const struct tcp_pcb *p, uint32_t index)
{
	return &p->board.ring[(p->board.head + index) & (p->board.size - 1)];
}

/* tcp_output.c */
void tcp_output(struct tcp_pcb *); /* everything that may leave now */
void tcp_send_ack(struct tcp_pcb *);
void tcp_send_probe(struct tcp_pcb *); /* an old byte's place: makes the peer answer */
void tcp_send_syn(struct tcp_pcb *);   /* SYN or SYN-ACK, by state */
/* The same with a fast open option and the first len bytes of text. */
void tcp_send_syn_with(struct tcp_pcb *, const struct tcp_cookie *, uint32_t len);
void tcp_send_reset(struct tcp_pcb *);
/* A header alone, from no connection. */
void tcp_send_bare(struct stk *, const struct wire_addr *src, const struct wire_addr *dst,
		   int ifindex, uint8_t ttl, uint8_t tos, const struct wire_tcp *);
/* Answers a segment that no connection wants: RFC 9293 3.10.7.1. */
void tcp_refuse(struct stk *, const struct tcp_in *);
bool tcp_resend(struct tcp_pcb *, struct tcp_sent *, enum tcp_reason);
/* Sends again, at once and in segments that fit, what for reasons of its own never was in flight:
 * no loss. Gives the index of what follows.
 */
uint32_t tcp_resend_all(struct tcp_pcb *, uint32_t index, enum tcp_reason);
uint32_t tcp_unsent(const struct tcp_pcb *); /* bytes, a FIN not counted */
void tcp_output_timer(struct tcp_pcb *);     /* retransmission or probe, as it must be now */
int tcp_path_refresh(struct tcp_pcb *);

/* tcp_options.c */
void tcp_options_syn(const struct tcp_pcb *, struct wire_tcp *);
void tcp_options_segment(const struct tcp_pcb *, struct wire_tcp *);
unsigned tcp_options_len(const struct tcp_pcb *); /* of tcp_options_segment() */
void tcp_options_agree(struct tcp_pcb *, const struct wire_tcp *syn);
void tcp_mss_update(struct tcp_pcb *);
uint16_t tcp_mss_offer(const struct tcp_pcb *);
uint32_t tcp_window_initial(const struct tcp_pcb *);
uint32_t tcp_ts_at(const struct tcp_pcb *, vs_time at); /* of what leaves then */
uint32_t tcp_ts_now(const struct tcp_pcb *);

/* tcp_sndbuf.c */
uint32_t tcp_sndbuf_room(const struct tcp_pcb *);
uint32_t tcp_room_to_send(const struct tcp_pcb *); /* ... and TCP_NOTSENT_LOWAT lets in */
bool tcp_writable(const struct tcp_pcb *);
void tcp_sndbuf_news(struct tcp_pcb *);		   /* with snd_waits, after anything changed */
uint32_t tcp_sndbuf_write(struct tcp_pcb *, const void *, uint32_t len, bool constant);
/* Copies len bytes from seq on and adds them to the checksum's sum. */
uint32_t tcp_sndbuf_read(const struct tcp_pcb *, uint32_t seq, void *to, uint32_t len,
			 uint32_t sum);
void tcp_sndbuf_acked(struct tcp_pcb *, uint32_t ack);
void tcp_sndbuf_clear(struct tcp_pcb *);

/* tcp_rcvbuf.c */
void tcp_rcvbuf_arrives(struct tcp_pcb *, struct tcp_in *); /* takes in->f when it keeps it */
bool tcp_rcvbuf_append(struct tcp_pcb *, struct vs_frame *f); /* in order; takes f if true */
size_t tcp_rcvbuf_read(struct tcp_pcb *, void *, size_t len, bool peek);
size_t tcp_rcvbuf_peek(const struct tcp_pcb *, size_t skip, void *, size_t len);
void tcp_rcvbuf_clear(struct tcp_pcb *);
uint32_t tcp_rcv_window(struct tcp_pcb *); /* to offer now: moves rcv_wnd */
uint32_t tcp_rcv_space(const struct tcp_pcb *);
void tcp_rcv_duplicate(struct tcp_pcb *, uint32_t left, uint32_t right); /* RFC 2883 */

/* tcp_tune.c */
void tcp_tune_rtt(struct tcp_pcb *, const struct tcp_in *); /* data have come */
void tcp_tune_read(struct tcp_pcb *, size_t bytes);	    /* the application has read */

/* tcp_sockopt.c */
int tcp_option_set(struct stk *, vs_time now, struct stk_socket *, enum stk_option, int64_t);
int tcp_option_get(struct stk *, struct stk_socket *, enum stk_option, int64_t *);

/* tcp_details.c */
void tcp_busy_note(struct tcp_pcb *); /* why bytes wait may have changed */

/* tcp_timer.c */
void tcp_timer_fire(struct vs_timer *, void *ctx, vs_time now);
void tcp_deadline_set(struct tcp_pcb *, enum tcp_deadline, vs_time at);
void tcp_deadlines_clear(struct tcp_pcb *);
void tcp_keepalive_restart(struct tcp_pcb *);

/* tcp_rtt.c */
void tcp_rtt_init(struct tcp_pcb *);
void tcp_rtt_sample(struct tcp_pcb *, vs_time rtt);
vs_time tcp_rto(const struct tcp_pcb *); /* with back-off */

static inline void tcp_deadline_clear(struct tcp_pcb *p, enum tcp_deadline d)
{
	p->deadline[d] = VS_NEVER;
}

#endif
