/* SPDX-License-Identifier: GPL-2.0-or-later */
/* iperf3's UDP streams. A stream begins with a word from the client and the server's answer; then
 * the sender paces datagrams that carry when they left and their number, and the receiver counts
 * what is missing and the jitter. A server's streams share a socket and differ by their peer.
 */
#include <stdio.h>
#include <string.h>

#include "stack/netif/host_iperf3.h"

#define HEADER	  12 /* seconds, microseconds, number */
#define LEN_MAX	  65507
#define PACE_NS	  (1 * VS_MSEC)
#define BURST_MAX 256 /* datagrams of a stream in one go */

static const uint8_t hello[4] = {0x39, 0x38, 0x37, 0x36}; /* what iperf3 says, byte by byte */
static const uint8_t answer[4] = {0x36, 0x37, 0x38, 0x39};

bool iperf3_udp_open(struct test *t)
{
	if (t->len < HEADER || t->len > LEN_MAX || t->udp_fd >= 0)
		return false;
	t->udp_fd = host_listen(t->host, STK_DGRAM, t->port);
	host_watch(t->host, t->udp_fd, &t->app);
	return true;
}

void iperf3_udp_connect(struct test *t)
{
	struct stream *st = &t->stream[t->streams++];
	const char *rest;

	*st = (struct stream){.fd = host_connect(t->host, STK_DGRAM, t->target, &rest)};
	host_watch(t->host, st->fd, &t->app);
	stk_send(t->host->stk, host_now(t->host), st->fd, hello, sizeof(hello), 0, NULL);
}

static bool same_peer(const struct stk_addr *a, const struct stk_addr *b)
{
	return wire_addr_equal(&a->addr, &b->addr) && a->port == b->port;
}

static struct stream *stream_of(struct test *t, int fd, const struct stk_addr *from)
{
	for (unsigned i = 0; i < t->streams; i++)
		if (t->client ? t->stream[i].fd == fd : same_peer(&t->stream[i].peer, from))
			return &t->stream[i];
	return NULL;
}

/* Server: a new peer is a new stream. */
static void greet(struct test *t, const struct stk_addr *from)
{
	if (t->state != CREATE_STREAMS || t->streams == t->parallel)
		return;
	t->stream[t->streams++] = (struct stream){.fd = -1, .peer = *from};
	stk_send(t->host->stk, host_now(t->host), t->udp_fd, answer, sizeof(answer), 0, from);
	if (t->streams == t->parallel)
		iperf3_begin(t);
}

static void count(struct test *t, struct stream *st, const uint8_t *datagram, size_t len)
{
	uint64_t number = wire_get32(datagram + 8);
	int64_t sent = wire_get32(datagram) * VS_SEC + wire_get32(datagram + 4) * VS_USEC;
	int64_t transit = host_now(t->host) - sent, change = transit - st->transit_ns;

	st->bytes += len;
	if (number > st->packets) {
		st->missing += number - st->packets - 1;
		st->packets = number;
	} else if (st->missing) {
		st->missing--; /* it is late, not lost */
	}
	if (st->transit_ns)
		st->jitter_ns += ((change < 0 ? -change : change) - st->jitter_ns) / 16;
	st->transit_ns = transit;
}

void iperf3_udp_event(struct test *t, int fd)
{
	static uint8_t buf[LEN_MAX];
	struct stk_addr from;
	struct stream *st;
	ptrdiff_t n;

	while ((n = stk_recv(t->host->stk, host_now(t->host), fd, buf, sizeof(buf), 0, &from)) >=
	       0) {
		st = stream_of(t, fd, &from);
		if (!st)
			greet(t, &from);
		else if (n >= HEADER)
			count(t, st, buf, (size_t)n);
		else if (t->client && t->state == CREATE_STREAMS && !st->counted) {
			/* The server knows this stream; one after the other. */
			st->counted = true;
			if (t->streams < t->parallel)
				iperf3_udp_connect(t);
		}
	}
}

/* Sends what is due on a stream by now, as far as the socket takes it. */
static void send_due(struct test *t, struct stream *st, vs_time now)
{
	static uint8_t buf[LEN_MAX];
	uint64_t due = (uint64_t)((now - t->began) / VS_USEC) * (t->rate / 8) / 1000000;
	int fd = t->client ? st->fd : t->udp_fd;

	for (unsigned n = 0; n < BURST_MAX && st->bytes < due; n++) {
		wire_put32(buf, (uint32_t)(now / VS_SEC));
		wire_put32(buf + 4, (uint32_t)(now % VS_SEC / VS_USEC));
		wire_put32(buf + 8, (uint32_t)(st->packets + 1));
		if (stk_send(t->host->stk, now, fd, buf, t->len, 0,
			     t->client ? NULL : &st->peer) < 0)
			return;
		st->packets++;
		st->bytes += t->len;
	}
}

void iperf3_udp_pace(struct vs_timer *timer, void *ctx, vs_time now)
{
	struct test *t = (struct test *)(void *)((char *)timer - offsetof(struct test, pace));

	(void)ctx;
	if (!t->running)
		return;
	for (unsigned i = 0; i < t->streams; i++)
		send_due(t, &t->stream[i], now);
	host_timer_set(t->host, timer, now + PACE_NS);
}

void iperf3_udp_run(struct test *t)
{
	if (!t->rate)
		t->rate = 1000000000;
	if (t->client != t->reverse)
		host_timer_set(t->host, &t->pace, host_now(t->host) + PACE_NS);
}
