/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For tests of TCP alone: two hosts that are nothing but TCP, a wire between them that a test can
 * bend, and virtual time. Or one host, and the test plays the other by injecting segments. What
 * leaves is written down as lines that a test compares:
 *
 *      "S 0:0(0) win 64240 <mss 1460,sackOK,TS,nop,wscale 7>"    ". 1:1449(1448) ack 1"
 *      ". 1:1(0) ack 1 sack 2897:4345"    "P. 1:101(100) ack 1"    "F. 101:101(0) ack 1"
 *
 * with sequence numbers relative to each side's own start, whatever that was.
 */
#ifndef VSQ_TCP_TCP_FAKE_H
#define VSQ_TCP_TCP_FAKE_H

#include "stack/tcp/tcp_impl.h"

#define FAKE_LINE 160

struct fake;

struct fake_packet {
	struct fake_packet *next;
	vs_time at; /* arrives */
	int from;
	bool broken; /* bytes were changed */
	struct ip_packet ip;
	struct vs_frame *frame; /* of the receiver's pool */
};

struct fake_host {
	struct stk s; /* first: fakes find their host by it */
	struct vs_arena arena;
	struct fake *world;
	int number;
	struct wire_addr addr;
	uint32_t mtu;
	bool has_iss;
	uint32_t iss;
	uint32_t ts_val; /* that left last */
	struct stk_socket *sockets[4096]; /* by number */
	int sockets_next;
	unsigned sockets_live, wakes;
	unsigned doubts; /* of the neighbour: R1 */
	uint64_t counters[STK_COUNTER_COUNT];
};

struct fake {
	struct fake_host host[2];
	bool scripted; /* host 1 is the test */
	vs_time now, delay; /* one way */
	uint8_t tclass_in;  /* of what is injected */
	uint8_t tclass_out; /* of what host 0 sent last */
	struct fake_packet *packets;
	/* Gives how many copies arrive: 0 loses it. It may move p->at. NULL: 1. */
	int (*wire)(struct fake *, struct fake_packet *p, void *ctx);
	void *wire_ctx;

	char (*lines)[FAKE_LINE];
	vs_time *times;
	unsigned lines_count, lines_size, lines_read;
	bool log;
};

/* delay is one way. Both hosts are 10.0.0.1 and 10.0.0.2, or fd00::1 and fd00::2. */
struct fake *fake_new(uint64_t seed, bool ip6, bool scripted, vs_time delay);
void fake_free(struct fake *); /* asserts that pools came home */

struct tcp_pcb *fake_socket(struct fake *, int host);
struct tcp_pcb *fake_listen(struct fake *, int host, uint16_t port, int backlog);
struct tcp_pcb *fake_connect(struct fake *, int host, uint16_t port);
struct tcp_pcb *fake_accept(struct fake *, struct tcp_pcb *listener); /* NULL: none */
ptrdiff_t fake_send(struct fake *, struct tcp_pcb *, const void *, size_t, int flags);
ptrdiff_t fake_recv(struct fake *, struct tcp_pcb *, void *, size_t, int flags);
void fake_shutdown(struct fake *, struct tcp_pcb *, int how);
void fake_close(struct fake *, struct tcp_pcb *);
int fake_option(struct fake *, struct tcp_pcb *, enum stk_option, int64_t value);
void fake_set(struct fake *, const char *name, const char *value); /* both hosts */

void fake_run(struct fake *, vs_time until);
bool fake_step(struct fake *, vs_time until); /* one event; false: none before */

/* The next line that left host 0 (or either, unless scripted) must be this, at this time. Lines of
 * host 1 begin with "< ".
 */
bool fake_expect_at(struct fake *, vs_time at, const char *line); /* false: says what was */
bool fake_expect_none_left(struct fake *);
#define fake_expect(w, at, line) assert_true(fake_expect_at(w, at, line))
#define fake_expect_none(w)	 assert_true(fake_expect_none_left(w))
void fake_skip(struct fake *); /* forgets the lines so far */

/* Scripted: a segment arrives now. Numbers are relative: seq to FAKE_PEER_ISS, ack to the host's.
 * opts is a struct whose options (and window, scaled as it goes out) are used.
 */
#define FAKE_PEER_ISS 1000000u
void fake_inject(struct fake *, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len,
		 const struct wire_tcp *opts);

#endif
