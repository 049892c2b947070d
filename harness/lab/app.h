/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Applications: what hosts do. app.c is what they have in common, each kind has a file. An
 * application is entered by its timers and by events of its sockets, never from another one.
 */
#ifndef VSQ_LAB_APP_H
#define VSQ_LAB_APP_H

#include "harness/lab/lab.h"

struct lab_app_params {
	vs_time start, stop; /* stop: VS_NEVER: never */
	int family;	     /* 4, 6, 0: any */
	uint64_t bytes, count, size, rate, port, requests, request, response;
	vs_time interval;

	/* TCP. Moments are virtual times; VS_NEVER: none. */
	uint64_t from_port, writes, nodelay, keepalive, maxseg, sndbuf, rcvbuf, simultaneous;
	vs_time user_timeout;
	uint64_t read;	       /* bit/s that the receiver takes; 0: all there is */
	vs_time pause, resume; /* the receiver does not read */
	vs_time close, close_back, reset, reset_back;

	/* Peers. */
	uint64_t act, n, after, window, mss;
	vs_time hold;
};

/* Sockets of an application. */
enum lab_role {
	LAB_CLIENT,
	LAB_LISTENER,
	LAB_SERVER,
};

/* What a kind can tell. */
#define LAB_TELLS_MESSAGES 0x01 /* sent, received, lost, loss, duplicates, reordered */
#define LAB_TELLS_BYTES	   0x02 /* bytes_sent, bytes_received, goodput */
#define LAB_TELLS_RTT	   0x04
#define LAB_TELLS_DELAY	   0x08 /* one way */
#define LAB_TELLS_TCP	   0x10

struct lab_app_kind {
	const char *name;
	const char *const *keys; /* parameters beside the common ones; NULL-terminated */
	int peer;		 /* which end is a peer's: 1 from, 2 to; 0: none */
	bool to_anyone;		 /* to may be a peer as well */
	struct lab_app_params defaults;
	unsigned tells;
	/* NULL where a kind has nothing to do. check: 0, or -EINVAL with an error kept. */
	int (*check)(struct lab_app *);
	void (*start)(struct lab_app *, vs_time now);
	void (*tick)(struct lab_app *, vs_time now);
	void (*stop)(struct lab_app *, vs_time now);
	void (*event)(struct lab_app *, vs_time now, int fd, enum lab_role, unsigned readiness);
};

extern const struct lab_app_kind lab_app_ping, lab_app_udp_cbr, lab_app_tcp_bulk,
	lab_app_tcp_request_response, lab_app_tcp_echo, lab_app_tcp_exchange, lab_app_tcp_peer,
	lab_app_syn_flood;

/* The parameters that all of TCP's have. */
#define LAB_TCP_KEYS                                                                               \
	"port", "from_port", "nodelay", "keepalive", "user_timeout", "maxseg", "sndbuf", "rcvbuf"

#define LAB_WINDOW 4096 /* messages whose arrival is remembered, to tell duplicates */

struct lab_app {
	struct vsq_lab *lab;
	int number;
	const struct lab_app_kind *kind;
	struct lab_node *from, *to;
	struct lab_app_params p;
	int family; /* 4 or 6: what it came to */
	struct wire_addr address; /* of `to` */

	struct vs_timer start_timer, tick_timer, stop_timer;
	bool timers_added, started, stopping, done, failed;
	char error[160];
	int error_number[2]; /* of the sockets at from, at to; positive, 0: none */
	vs_time began, ended;
	bool shut[2], over[2]; /* exchange: an end has closed; has read all of the other's */

	int client, listener, server; /* sockets; -1: none */
	struct lab_flow *flow;	      /* of the client's connection; NULL: not TCP */

	uint64_t sent, received, duplicates, reordered, corrupted, errors;
	uint64_t bytes_sent, bytes_received; /* payload, from the client to the server */
	uint64_t back_sent, back_received;   /* payload, from the server to the client */
	uint64_t highest;		     /* greatest message number received + 1 */
	vs_time read_at;		     /* when a slow receiver takes more */
	vs_time asked;			     /* when the request under way was sent */
	uint8_t *pending;		     /* echo server: bytes not yet sent back */
	size_t pending_len;
	uint64_t seen[LAB_WINDOW / 64];
	struct lab_histogram rtt; /* or one-way delay */
	struct lab_series rtt_series;
	struct lab_bins goodput;
};

/* app.c */
int lab_app_check(struct lab_app *);  /* can it start? 0, or -EINVAL with an error kept */
void lab_app_finish(struct lab_app *); /* the run is over: settles its times */
void lab_app_stop(struct lab_app *);   /* the world is going: timers and flow */
void lab_app_free(struct lab_app *);
void lab_app_event(struct lab_app *, vs_time now, struct lab_node *, int fd, int role,
		   unsigned readiness);
void lab_app_done(struct lab_app *, vs_time now);
void lab_app_fail(struct lab_app *, vs_time now, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void lab_app_tick_at(struct lab_app *, vs_time at);
void lab_app_rtt(struct lab_app *, vs_time now, vs_time rtt);
struct lab_histogram *lab_app_rtts(struct lab_app *);
struct lab_series *lab_app_rtt_series(struct lab_app *);
vs_time lab_app_duration(const struct lab_app *); /* so far */

/* Counts the arrival of message `number`: false for one that came before. */
bool lab_app_arrived(struct lab_app *, uint64_t number);

/* A socket of one of the application's nodes, watched; fails the application and gives -1. */
int lab_app_socket(struct lab_app *, vs_time now, struct lab_node *, int type, enum lab_role);
void lab_app_close(struct lab_app *, vs_time now, struct lab_node *, int *fd);
struct stk_addr lab_app_server_address(const struct lab_app *);

/* app_tcp.c: what applications over TCP share. */
void lab_tcp_start(struct lab_app *, vs_time now); /* listens at `to`, connects from `from` */

/* Hands news of a socket to the side that it is of, accepting the connection first. */
void lab_tcp_event(struct lab_app *, vs_time now, enum lab_role, unsigned readiness,
		   void (*client)(struct lab_app *, vs_time now, unsigned readiness),
		   void (*server)(struct lab_app *, vs_time now));

/* News of a client that sends messages: the first when it is connected, by begin(); then send()
 * goes on with what is unsent and receive() takes what came.
 */
void lab_tcp_messages(struct lab_app *, vs_time now, unsigned readiness,
		      void (*begin)(struct lab_app *, vs_time now),
		      void (*send)(struct lab_app *, vs_time now),
		      void (*receive)(struct lab_app *, vs_time now));
int lab_tcp_error(struct lab_app *, struct lab_node *, int fd); /* pending, positive; 0: none */

/* A socket with the application's options; -1: the application has failed. */
int lab_tcp_socket(struct lab_app *, vs_time now, struct lab_node *, enum lab_role);
bool lab_tcp_connect(struct lab_app *, vs_time now, const struct stk_addr *to); /* from's socket */

/* An error of a socket: kept for the metrics "error" and "error_back", fails the application. */
void lab_tcp_failed(struct lab_app *, vs_time now, struct lab_node *, int error);

/* Sends the pattern from *offset up to limit; counts in *offset. Returns 0, or -EAGAIN when not
 * all could be sent yet, or -errno.
 */
int lab_tcp_send(struct lab_app *, vs_time now, struct lab_node *, int fd, uint64_t *offset,
		 uint64_t limit);

/* Receives what is there, checks it against the pattern from *offset on. Returns 1 at the end of
 * the stream, 0 otherwise, or -errno.
 */
int lab_tcp_receive(struct lab_app *, vs_time now, struct lab_node *, int fd, uint64_t *offset);
int lab_tcp_receive_some(struct lab_app *, vs_time now, struct lab_node *, int fd,
			 uint64_t *offset, uint64_t most);

#endif
