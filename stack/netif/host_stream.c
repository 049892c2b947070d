/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small TCP and UDP services: echo (RFC 862), discard (RFC 863), and a bulk sender. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stack/netif/host.h"
#include "stack/tcp/tcp.h"

#define CHUNK 65536

struct echo {
	struct app app;
	size_t have, sent; /* of buf: bytes to send back, bytes sent back */
	char buf[CHUNK];
};

static void echo_end(struct host *h, struct echo *e, int fd)
{
	host_close(h, fd);
	free(e);
}

static void echo_event(struct host *h, struct app *app, int fd, unsigned readiness)
{
	struct echo *e = (struct echo *)(void *)app;
	ptrdiff_t n;

	(void)readiness;
	for (;;) {
		if (e->sent < e->have) {
			n = stk_send(h->stk, host_now(h), fd, e->buf + e->sent, e->have - e->sent,
				     0, NULL);
			if (n == -EAGAIN)
				return;
			if (n < 0)
				break;
			e->sent += (size_t)n;
			continue;
		}
		n = stk_recv(h->stk, host_now(h), fd, e->buf, sizeof(e->buf), 0, NULL);
		if (n == -EAGAIN)
			return;
		if (n <= 0)
			break;
		e->have = (size_t)n;
		e->sent = 0;
	}
	echo_end(h, e, fd);
}

static void echo_open(struct host *h, int fd)
{
	struct echo *e = calloc(1, sizeof(*e));

	if (!e)
		host_fail("out of memory");
	e->app.event = echo_event;
	host_watch(h, fd, &e->app);
}

void echo_serve(struct host *h, uint16_t port)
{
	host_serve(h, port, echo_open);
}

static void udp_echo_event(struct host *h, struct app *app, int fd, unsigned readiness)
{
	static char buf[CHUNK];
	struct stk_addr from;
	ptrdiff_t n;

	(void)app;
	(void)readiness;
	while ((n = stk_recv(h->stk, host_now(h), fd, buf, sizeof(buf), 0, &from)) >= 0)
		stk_send(h->stk, host_now(h), fd, buf, (size_t)n, 0, &from);
}

void udp_echo_serve(struct host *h, uint16_t port)
{
	static struct app app = {udp_echo_event};

	host_watch(h, host_listen(h, STK_DGRAM, port), &app);
}

static void discard_event(struct host *h, struct app *app, int fd, unsigned readiness)
{
	static char buf[CHUNK];
	ptrdiff_t n;

	(void)app;
	(void)readiness;
	do {
		n = stk_recv(h->stk, host_now(h), fd, buf, sizeof(buf), 0, NULL);
	} while (n > 0);
	if (n != -EAGAIN)
		host_close(h, fd);
}

static void discard_open(struct host *h, int fd)
{
	static struct app app = {discard_event};

	host_watch(h, fd, &app);
}

void discard_serve(struct host *h, uint16_t port)
{
	host_serve(h, port, discard_open);
}

/* The sender: bytes as the HTTP server's, then the end; it waits for the peer to close too, and, as
 * no kernel goes on sending when this program has ended, until the peer has everything.
 */
struct sender {
	struct app app;
	struct host *host;
	int fd;
	uint64_t left, at;
	bool shut;
	vs_time began;
	struct vs_timer look; /* at the end: is it acknowledged? */
};

#define LOOK_NS (5 * VS_MSEC)

static void send_end(struct host *h, struct sender *c, int fd, const char *error)
{
	if (error)
		fprintf(stderr, "stk_host: send: %s\n", error);
	else
		printf("sent %llu bytes in %.3f s\n", (unsigned long long)c->at,
		       (double)(host_now(h) - c->began) / (double)VS_SEC);
	host_close(h, fd);
	vs_timer_remove(&h->timers, &c->look);
	free(c);
	host_client_done(h, !error);
}

/* Ends when our FIN is acknowledged. */
static void look(struct vs_timer *timer, void *ctx, vs_time now)
{
	struct sender *c = (struct sender *)(void *)((char *)timer - offsetof(struct sender, look));
	struct tcp_details d;

	(void)ctx;
	if (tcp_details(c->host->stk, c->fd, &d) || d.state == TCP_CLOSED ||
	    d.state == TCP_TIME_WAIT)
		send_end(c->host, c, c->fd, NULL);
	else
		host_timer_set(c->host, timer, now + LOOK_NS);
}

static void send_event(struct host *h, struct app *app, int fd, unsigned readiness)
{
	struct sender *c = (struct sender *)(void *)app;
	char buf[16384];
	int64_t error;
	ptrdiff_t n;

	if ((readiness & STK_ERR) && !stk_option_get(h->stk, fd, STK_SO_ERROR, &error) && error) {
		send_end(h, c, fd, strerror((int)error));
		return;
	}
	while (c->left) {
		size_t want = c->left < sizeof(buf) ? (size_t)c->left : sizeof(buf);

		for (size_t i = 0; i < want; i++)
			buf[i] = (char)((c->at + i) % 251);
		n = stk_send(h->stk, host_now(h), fd, buf, want, 0, NULL);
		if (n == -EAGAIN || n == -ENOTCONN)
			return;
		if (n < 0) {
			send_end(h, c, fd, strerror((int)-n));
			return;
		}
		c->at += (uint64_t)n;
		c->left -= (uint64_t)n;
	}
	if (!c->shut)
		stk_shutdown(h->stk, host_now(h), fd, STK_SHUT_WR);
	c->shut = true;
	do {
		n = stk_recv(h->stk, host_now(h), fd, buf, sizeof(buf), 0, NULL);
	} while (n > 0);
	if (n < 0 && n != -EAGAIN)
		send_end(h, c, fd, strerror((int)-n));
	else if (!n)
		look(&c->look, h, host_now(h));
}

void send_start(struct host *h, const char *arguments)
{
	struct sender *c = calloc(1, sizeof(*c));
	const char *bytes;
	int fd = host_connect(h, STK_STREAM, arguments, &bytes);

	if (!c || vs_timer_add(&h->timers, &c->look, look))
		host_fail("out of memory");
	c->app.event = send_event;
	c->host = h;
	c->fd = fd;
	c->began = host_now(h);
	c->left = host_number("bytes", bytes, UINT64_MAX / 2);
	host_watch(h, fd, &c->app);
}
