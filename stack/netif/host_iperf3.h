/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A test of iperf3, for the files that carry it: host_iperf3.c (control, TCP streams) and
 * host_iperf3_udp.c.
 */
#ifndef VSQ_STACK_HOST_IPERF3_H
#define VSQ_STACK_HOST_IPERF3_H

#include "stack/netif/host.h"

#define COOKIE_LEN  37 /* with its terminator */
#define JSON_MAX    16384
#define STREAMS_MAX 64
#define BLOCK	    131072
#define UDP_LEN	    1400    /* of our datagrams: they fit IPv6 in 1500 bytes */
#define UDP_RATE    1048576 /* bit/s, iperf3's own default */

enum state {
	TEST_START = 1,
	TEST_RUNNING = 2,
	TEST_END = 4,
	PARAM_EXCHANGE = 9,
	CREATE_STREAMS = 10,
	EXCHANGE_RESULTS = 13,
	DISPLAY_RESULTS = 14,
	IPERF_DONE = 16,
	ACCESS_DENIED = 255,
};

struct stream {
	int fd; /* -1: closed */
	uint64_t bytes;
	size_t cookie_len; /* received (server) or sent (client) so far */
	bool counted;	   /* the server has seen its cookie */
	char cookie[COOKIE_LEN];

	/* UDP */
	struct stk_addr peer; /* of a server's stream: they share a socket */
	uint64_t packets;     /* sent, or the highest number received */
	uint64_t missing;
	int64_t transit_ns, jitter_ns; /* RFC 3550 A.8 */
};

/* A test. What the control connection's next bytes are is what `expects` says. */
struct test {
	struct app app;
	struct host *host;
	bool client, reverse, running;
	int control; /* -1: no test */
	enum { COOKIE, STATE, JSON_LEN, JSON } expects;
	enum state state;
	char cookie[COOKIE_LEN];
	char in[JSON_MAX];
	size_t in_len, json_len;
	char out[JSON_MAX + 16]; /* not yet sent to the control connection */
	size_t out_len;
	unsigned parallel, ready;
	unsigned streams;
	struct stream stream[STREAMS_MAX];
	vs_time began, ended;
	uint64_t seconds;
	struct vs_timer timer;
	const char *target;

	bool udp;
	int udp_fd;    /* of a server's streams; -1: none */
	uint16_t port; /* of the server */
	uint64_t rate; /* bit/s of a UDP stream */
	size_t len;    /* of a datagram */
	struct vs_timer pace;
};

/* host_iperf3.c */
void iperf3_begin(struct test *); /* every stream is there: the server says so */

/* host_iperf3_udp.c */
bool iperf3_udp_open(struct test *);	    /* server: for its streams */
void iperf3_udp_connect(struct test *);	    /* client: its next stream */
void iperf3_udp_event(struct test *, int fd); /* datagrams have come */
void iperf3_udp_run(struct test *);	    /* the sender sends from now on */
void iperf3_udp_pace(struct vs_timer *, void *ctx, vs_time now); /* what t->pace fires */

#endif

