/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The application that the captured host must have had: what it opened, when it wrote (at its own
 * time, and not before it had received what came before), when it closed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/wire/icmp.h"
#include "harness/replay/host_impl.h"

#define BUFFER_BYTES (4 << 20)

bool host_takes_part(const struct story *s)
{
	return s->kind != STORY_TCP || (s->tcp.begun && !s->tcp.lacks);
}

/* Whether the captured host took the connection; else a closed port answers by itself. */
static bool accepts(const struct story *s)
{
	return s->kind == STORY_TCP && host_takes_part(s) && !s->tcp.host_opens && s->tcp.host_syn;
}

static int socket_at(struct host *h, int type, uint16_t port)
{
	struct stk_addr addr = {.addr = h->addr, .port = port};
	int fd = stk_socket(h->stk, type);
	int error;

	if (fd < 0)
		return fd;
	stk_option_set(h->stk, h->now, fd, STK_SO_RCVBUF, BUFFER_BYTES);
	stk_option_set(h->stk, h->now, fd, STK_SO_SNDBUF, BUFFER_BYTES);
	if (type == STK_STREAM) {
		stk_option_set(h->stk, h->now, fd, STK_SO_REUSEADDR, 1);
		stk_option_set(h->stk, h->now, fd, STK_TCP_NODELAY, 1);
	}
	error = stk_bind(h->stk, fd, &addr);
	return error ? error : fd;
}

/* A program may have asked for smaller segments than the MTU allows (dig does): so does ours. */
static void limit_mss(struct host *h, int fd, const struct story *s)
{
	uint32_t ip = wire_addr_is4(&h->addr) ? WIRE_IP4_LEN : WIRE_IP6_LEN;
	uint32_t most = h->mtu - WIRE_TCP_LEN - ip;

	if (s->tcp.syn.has_mss && s->tcp.syn.mss < most)
		stk_option_set(h->stk, h->now, fd, STK_TCP_MAXSEG, s->tcp.syn.mss);
}

static struct door *door_of(const struct host *h, enum story_kind kind, uint16_t port)
{
	for (size_t i = 0; i < h->doors; i++)
		if (h->door[i].kind == kind && h->door[i].port == port)
			return &h->door[i];
	return NULL;
}

static int door_open(struct host *h, const struct story *s)
{
	enum story_kind kind = s->kind;
	uint16_t port = s->port;
	static const int type[] = {[STORY_TCP] = STK_STREAM, [STORY_UDP] = STK_DGRAM,
				   [STORY_ECHO] = STK_PING};
	int fd;

	if (door_of(h, kind, port))
		return 0;
	fd = socket_at(h, type[kind], port);
	if (fd >= 0 && kind == STORY_TCP) {
		int error;

		limit_mss(h, fd, s);
		error = stk_listen(h->stk, fd, 128);
		if (error)
			fd = error;
	}
	if (fd < 0) {
		vs_text_add(h->account, "the stack gave no %s socket for port %u: %s\n",
			    story_kind_name(kind), port, strerror(-fd));
		return fd;
	}
	h->door[h->doors++] = (struct door){.kind = kind, .port = port, .fd = fd};
	return 0;
}

/* Whether the host asked in an echo conversation: then something of its own opened it. */
static bool asks(const struct host *h, const struct story_datagram *said)
{
	uint8_t request = wire_addr_is4(&h->addr) ? WIRE_ICMP4_ECHO : WIRE_ICMP6_ECHO;

	return said->len && said->bytes[0] == request;
}

int host_apps_open(struct host *h)
{
	int error = 0;

	for (size_t i = 0; i < h->captured.count && !error; i++) {
		const struct story *s = &h->captured.story[i];

		h->app[i].fd = -1;
		if (accepts(s) || (s->kind == STORY_UDP && !s->refused) ||
		    (s->kind == STORY_ECHO && s->said_count && asks(h, &s->said[0])))
			error = door_open(h, s);
	}
	return error;
}

static void connect_out(struct host *h, const struct story *s, struct app *a)
{
	struct stk_addr peer = {.addr = s->peer, .port = s->peer_port};
	int fd = socket_at(h, STK_STREAM, s->port);
	int error = fd;

	a->opened = true;
	if (fd >= 0) {
		limit_mss(h, fd, s);
		error = stk_connect(h->stk, h->now, fd, &peer);
	}
	if (error && error != -EINPROGRESS) {
		h->error = error;
		vs_text_add(h->account, "the stack does not connect from port %u: %s\n", s->port,
			    strerror(-error));
		return;
	}
	a->fd = fd;
}

static void accept_all(struct host *h)
{
	for (size_t i = 0; i < h->doors; i++) {
		const struct door *door = &h->door[i];
		struct stk_addr peer;
		int fd;

		while (door->kind == STORY_TCP &&
		       (fd = stk_accept(h->stk, h->now, door->fd, &peer)) >= 0) {
			struct story *s = stories_find(&h->captured, STORY_TCP, &peer.addr,
						       door->port, peer.port);

			if (!s) {
				stk_close(h->stk, h->now, fd);
				continue;
			}
			stk_option_set(h->stk, h->now, fd, STK_TCP_NODELAY, 1);
			host_app(h, s)->fd = fd;
			host_app(h, s)->connected = true;
		}
	}
}

static void receive_stream(struct host *h, struct app *a)
{
	ptrdiff_t got;

	while ((got = stk_recv(h->stk, h->now, a->fd, NULL, 1 << 20, STK_MSG_TRUNC, NULL)) > 0)
		a->received += (uint64_t)got;
	if (got == 0)
		a->peer_fin = true;
}

static void receive_datagrams(struct host *h)
{
	struct stk_addr from;
	uint8_t byte;

	for (size_t i = 0; i < h->doors; i++) {
		const struct door *door = &h->door[i];

		while (door->kind != STORY_TCP &&
		       stk_recv(h->stk, h->now, door->fd, &byte, 1, 0, &from) >= 0) {
			struct story *s = stories_find(&h->captured, door->kind, &from.addr,
						       door->port,
						       door->kind == STORY_UDP ? from.port : 0);

			if (s)
				host_app(h, s)->received++;
		}
	}
}

static bool due(const struct host *h, vs_time captured)
{
	return host_time(h, captured) <= h->now;
}

/* Writes what the captured host had written by now. Returns whether all is written. */
static bool write_stream(struct host *h, const struct story_tcp *t, struct app *a)
{
	for (; a->write < t->writes; a->write++) {
		const struct story_write *w = &t->write[a->write];
		size_t end = w->end < t->len ? w->end : t->len;
		ptrdiff_t sent;

		if (a->sent >= end)
			continue;
		if (!due(h, w->time) || a->received < w->after)
			return false;
		sent = stk_send(h->stk, h->now, a->fd, t->stream + a->sent, end - a->sent, 0, NULL);
		if (sent > 0)
			a->sent += (size_t)sent;
		if (a->sent < end)
			return false;
	}
	return true;
}

static void end_stream(struct host *h, const struct story_tcp *t, struct app *a)
{
	if (t->host_fin && !a->shut && due(h, t->fin_time) && a->received >= t->fin_after &&
	    (a->peer_fin || !t->fin_after_fin)) {
		stk_shutdown(h->stk, h->now, a->fd, STK_SHUT_WR);
		a->shut = true;
	}
	/* A reset is the program's doing: it left while there was something to receive. */
	if (t->host_rst && due(h, t->rst_time) && a->received >= t->rst_after) {
		stk_option_set(h->stk, h->now, a->fd, STK_SO_LINGER, 0);
		stk_close(h->stk, h->now, a->fd);
		a->fd = -1;
		a->shut = true;
	}
}

static void run_stream(struct host *h, const struct story *s, struct app *a)
{
	if (s->tcp.host_opens && !a->opened && due(h, s->tcp.syn_time))
		connect_out(h, s, a);
	if (a->fd < 0)
		return;
	if (!a->connected && stk_readiness(h->stk, a->fd) & STK_OUT)
		a->connected = true;
	if (!a->connected)
		return;
	receive_stream(h, a);
	if (write_stream(h, &s->tcp, a))
		end_stream(h, &s->tcp, a);
}

static void run_datagrams(struct host *h, const struct story *s, struct app *a)
{
	const struct door *door = door_of(h, s->kind, s->port);
	struct stk_addr to = {.addr = s->peer, .port = s->peer_port};

	while (door && a->sent < s->said_count) {
		const struct story_datagram *d = &s->said[a->sent];

		if (s->kind == STORY_ECHO && !asks(h, d)) {
			a->sent++; /* the stack answers by itself */
			continue;
		}
		if (!due(h, d->time) || a->received < d->after)
			return;
		if (stk_send(h->stk, h->now, door->fd, d->bytes, d->len, 0, &to) < 0)
			return;
		a->sent++;
	}
}

void host_apps_run(struct host *h)
{
	unsigned readiness;

	while (stk_event(h->stk, &readiness) >= 0)
		; /* every conversation is looked at below */
	accept_all(h);
	receive_datagrams(h);
	for (size_t i = 0; i < h->captured.count && !h->error; i++) {
		const struct story *s = &h->captured.story[i];

		if (s->kind == STORY_TCP && host_takes_part(s))
			run_stream(h, s, &h->app[i]);
		else if (s->kind == STORY_UDP || s->kind == STORY_ECHO)
			run_datagrams(h, s, &h->app[i]);
	}
}

/* The next time something could be due; what is due already waits for the stack. */
static vs_time later(const struct host *h, vs_time captured, vs_time best)
{
	vs_time at = host_time(h, captured);

	return at > h->now && at < best ? at : best;
}

vs_time host_apps_next(const struct host *h)
{
	vs_time best = VS_NEVER;

	for (size_t i = 0; i < h->captured.count; i++) {
		const struct story *s = &h->captured.story[i];
		const struct app *a = &h->app[i];

		if (s->kind == STORY_TCP && host_takes_part(s)) {
			if (a->write < s->tcp.writes)
				best = later(h, s->tcp.write[a->write].time, best);
			if (s->tcp.host_opens && !a->opened)
				best = later(h, s->tcp.syn_time, best);
			if (s->tcp.host_fin && !a->shut)
				best = later(h, s->tcp.fin_time, best);
			if (s->tcp.host_rst)
				best = later(h, s->tcp.rst_time, best);
		} else if (a->sent < s->said_count &&
			   (s->kind == STORY_UDP || s->kind == STORY_ECHO)) {
			best = later(h, s->said[a->sent].time, best);
		}
	}
	return best;
}
