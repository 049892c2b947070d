/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Peers: TCP receivers that break the rules on purpose, and make SYNs by the dozen. A peer is no
 * stack: it answers ARP, ND and pings, takes what comes in order of its sequence numbers, and what
 * it says back is decided by its act. What it has seen of the other side is counted.
 *
 *      peer.c      the engine: frames in and out, neighbours, pings
 *      peer_tcp.c  connections: what has arrived, and segments made by hand
 *      peer_act.c  the acts: what is said when
 */
#ifndef VSQ_LAB_PEER_H
#define VSQ_LAB_PEER_H

#include "core/base/queue.h"
#include "core/wire/tcp.h"
#include "harness/lab/lab.h"

enum lab_act {
	LAB_ACT_PLAIN,
	LAB_ACT_STRETCH,
	LAB_ACT_DIVIDE,
	LAB_ACT_OPTIMISTIC,
	LAB_ACT_BEYOND,
	LAB_ACT_DUPLICATE,
	LAB_ACT_SILENT,
	LAB_ACT_SHRINK,
	LAB_ACT_ZERO,
	LAB_ACT_LOST_UPDATE,
	LAB_ACT_DEAF,
	LAB_ACT_RENEGE,
	LAB_ACT_FALSE_DSACK,
	LAB_ACT_ECHO_CE,
	LAB_ACT_BLIND_RST,
	LAB_ACT_EXACT_RST,
	LAB_ACT_BLIND_SYN,
	LAB_ACT_BLIND_DATA,
	LAB_ACT_OUTSIDE,
	LAB_ACT_STALE,
	LAB_ACT_GARBAGE,
	LAB_ACT_FORGET,
	LAB_ACT_HALF,
	LAB_ACTS,
};

const char *lab_act_name(enum lab_act); /* "plain" ...; NULL after the last */

/* What a port of a peer does. */
struct lab_role_play {
	struct lab_app *app; /* whose bytes they are */
	uint16_t port;
	enum lab_act act;
	uint64_t n;	   /* the act's own number; 0: its default */
	uint64_t at;	   /* after how many data segments it begins; 0: at once */
	vs_time pause;	   /* for how long; 0: for ever */
	uint32_t window;   /* bytes offered */
	uint16_t mss;	   /* announced */
	uint64_t response; /* bytes that it sends */
	struct lab_role_play *next;
};

#define PEER_EARLY 8 /* ranges behind a gap */

struct peer_conn {
	struct peer_conn *next;
	struct lab_role_play *play;
	struct wire_addr local, remote;
	uint16_t local_port, remote_port;
	uint8_t mac[WIRE_MAC_LEN];
	bool fin_known, fin_in, fin_out, acting, acted, closed;
	bool ts_on, sack_on, ecn_on;
	uint8_t snd_wscale, rcv_wscale;
	uint32_t irs, iss, rcv_nxt, snd_nxt, snd_una, snd_end;
	uint32_t snd_wnd; /* theirs, bytes */
	uint32_t ts_recent;
	uint32_t window;  /* ours, bytes, as it is now */
	uint32_t edge;	  /* the furthest that was offered */
	uint32_t fin_seq; /* with fin_known */
	uint32_t told;	  /* SACKs, before they are forgotten */
	struct wire_tcp_sack early[PEER_EARLY];
	unsigned early_count;
	uint64_t segments; /* with data */
	unsigned unacked;
	struct wire_tcp_sack last; /* the last data segment */
	vs_time ack_at, act_at, resend_at; /* VS_NEVER: none */
};

/* X(name, what) */
#define PEER_COUNTERS(X)                                                                           \
	X(SegsIn) X(DataIn) X(AcksIn) X(SynsIn) X(FinsIn) X(RstsIn) X(Repeated) X(Small)           \
	X(BeyondWindow) X(ProbesIn) X(EceIn) X(CwrIn) X(CeIn) X(SegsOut) X(SynsOut) X(Unwanted)    \
	X(BadSums) X(SacksIn)

enum peer_counter {
#define X(name) PEER_##name,
	PEER_COUNTERS(X)
#undef X
		PEER_COUNTER_COUNT
};

struct peer_neighbour {
	struct wire_addr addr;
	uint8_t mac[WIRE_MAC_LEN];
};

#define PEER_ADDRS	4
#define PEER_NEIGHBOURS 16

struct lab_peer {
	struct lab_node *node;
	uint8_t mac[WIRE_MAC_LEN];
	struct wire_addr addr[PEER_ADDRS];
	unsigned addrs;
	struct peer_neighbour neighbour[PEER_NEIGHBOURS];
	unsigned neighbours;
	struct lab_role_play *plays;
	struct peer_conn *conns;
	struct vs_queue out;
	uint64_t counters[PEER_COUNTER_COUNT];
};

/* peer.c, for the lab. */
int lab_peer_create(struct lab_node *);
void lab_peer_stop(struct lab_node *);
int lab_peer_address(struct lab_node *, const struct wire_addr *); /* 0 or -ENOSPC */
struct vs_counters lab_peer_counters(const struct lab_peer *);
int lab_peer_play(struct lab_peer *, const struct lab_role_play *); /* copied; 0, -EADDRINUSE */

/* A SYN from a port that depends on number; its answer is ignored. -EAGAIN: the neighbour is being
 * asked for its MAC.
 */
int lab_peer_syn(struct lab_peer *, const struct wire_addr *to, uint16_t port, uint64_t number);

/* peer.c, for its other files. f holds the transport's header and payload, checksum unset. Takes
 * f.
 */
void peer_send(struct lab_peer *, const struct wire_addr *src, const struct wire_addr *dst,
	       const uint8_t mac[WIRE_MAC_LEN], uint8_t protocol, uint8_t tclass,
	       struct vs_frame *f);

static inline void peer_count(struct lab_peer *p, enum peer_counter c)
{
	p->counters[c]++;
}

/* peer_tcp.c */
struct wire_ip;
void peer_tcp_input(struct lab_peer *, vs_time now, const struct wire_ip *, const uint8_t *mac,
		    const uint8_t *bytes, size_t len);
void peer_tcp_run(struct lab_peer *, vs_time now);
vs_time peer_tcp_poll_at(const struct lab_peer *);
void peer_tcp_free(struct lab_peer *);

/* Sends a segment: flags, numbers and options as in h (ports, timestamps, window filled in unless
 * raw), then len bytes of the stream at h->seq, or of rubbish.
 */
struct peer_segment {
	struct wire_tcp h;
	uint32_t len;
	bool rubbish; /* bytes that nobody asked for */
	bool stale;   /* with a timestamp of long ago */
};
void peer_segment_send(struct lab_peer *, vs_time now, struct peer_conn *,
		       const struct peer_segment *);
void peer_ack(struct lab_peer *, vs_time now, struct peer_conn *, uint32_t ack);
void peer_window(struct peer_conn *, uint32_t bytes); /* what is offered from now on */

/* peer_act.c */
void peer_act_syn(struct peer_conn *, struct wire_tcp *answer);
void peer_act_data(struct lab_peer *, vs_time now, struct peer_conn *, bool advanced);
void peer_act_due(struct lab_peer *, vs_time now, struct peer_conn *);
bool peer_act_answers(const struct peer_conn *); /* what lies outside the stream */
bool peer_act_closes(const struct peer_conn *);	 /* with a FIN, when it has read one */
uint32_t peer_act_garbage(const struct peer_conn *, uint8_t *options); /* bytes: 0 or 20 */

#endif
