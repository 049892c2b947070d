/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Groups: a listener that prints what it hears, and a speaker; and a trace of the routers on the
 * way to an address, as traceroute makes it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stack/netif/host.h"

#define SPEAK_INTERVAL (100 * VS_MSEC)
#define TRACE_PATIENCE (3 * VS_SEC)
#define TRACE_HOPS     30
#define TRACE_PORT     33434

/* Reads "ADDRESS" out of the next part of a list; what says what it is. */
static struct wire_addr part_address(char **rest, const char *what)
{
	char *text = strsep(rest, ",");
	struct wire_addr addr;

	if (!text || wire_addr_parse(text, &addr))
		host_fail("'%s': expected %s", text ? text : "", what);
	return addr;
}

static void listener_event(struct host *h, struct app *app, int fd, unsigned readiness)
{
	char text[1500], group[WIRE_ADDR_TEXT], from[WIRE_ADDR_TEXT];
	struct stk_msg msg;
	ptrdiff_t n;

	(void)app;
	(void)readiness;
	while ((n = stk_recv_msg(h->stk, host_now(h), fd, text, sizeof(text), 0, &msg)) >= 0)
		printf("%s from %s: %.*s\n", wire_addr_format(&msg.local, group),
		       wire_addr_format(&msg.peer.addr, from), (int)n, text);
	fflush(stdout);
}

void group_listen(struct host *h, const char *arguments)
{
	struct app *app = calloc(1, sizeof(*app));
	char *copy = strdup(arguments), *rest = copy, *port;
	struct stk_addr group = {.ifindex = (uint16_t)h->ifindex};
	int fd, error;

	if (!app || !copy)
		host_fail("out of memory");
	group.addr = part_address(&rest, "a group");
	port = strsep(&rest, ",");
	fd = host_listen(h, STK_DGRAM, (uint16_t)host_number("port", port ? port : "", 65535));
	if (!rest) {
		error = stk_group(h->stk, host_now(h), fd, STK_GROUP_JOIN, &group, NULL);
		if (error)
			host_fail("join '%s': %s", arguments, strerror(-error));
	}
	while (rest) {
		struct wire_addr source = part_address(&rest, "a source");

		error = stk_group(h->stk, host_now(h), fd, STK_GROUP_JOIN_SOURCE, &group, &source);
		if (error)
			host_fail("join '%s': %s", arguments, strerror(-error));
	}
	free(copy);
	app->event = listener_event;
	host_watch(h, fd, app);
}

struct speaker {
	struct app app;
	struct host *host;
	struct vs_timer timer;
	struct stk_addr to;
	unsigned left;
	int fd;
	char text[64];
};

static void speaker_tick(struct vs_timer *timer, void *ctx, vs_time now)
{
	struct speaker *s =
		(struct speaker *)(void *)((char *)timer - offsetof(struct speaker, timer));
	struct host *h = ctx;
	ptrdiff_t n = stk_send(h->stk, now, s->fd, s->text, strlen(s->text), 0, &s->to);

	if (n < 0)
		host_fail("say: %s", strerror((int)-n));
	if (--s->left) {
		vs_timer_set(&h->timers, timer, now + SPEAK_INTERVAL);
		return;
	}
	host_close(h, s->fd);
	vs_timer_remove(&h->timers, timer);
	host_client_done(h, true);
	free(s);
}

void group_say_start(struct host *h, const char *arguments)
{
	struct speaker *s = calloc(1, sizeof(*s));
	char *copy = strdup(arguments), *rest = copy, *port, *text, *count;

	if (!s || !copy)
		host_fail("out of memory");
	s->to.addr = part_address(&rest, "a group");
	s->to.ifindex = (uint16_t)h->ifindex;
	port = strsep(&rest, ",");
	text = strsep(&rest, ",");
	count = strsep(&rest, ",");
	s->to.port = (uint16_t)host_number("port", port ? port : "", 65535);
	s->left = count ? (unsigned)host_number("count", count, 1000) : 1;
	if (!text || strlen(text) >= sizeof(s->text) || !s->left)
		host_fail("say '%s': expected GROUP,PORT,TEXT[,COUNT]", arguments);
	strcpy(s->text, text);
	free(copy);
	s->host = h;
	s->fd = stk_socket(h->stk, STK_DGRAM);
	if (s->fd < 0 || vs_timer_add(&h->timers, &s->timer, speaker_tick))
		host_fail("out of memory");
	stk_option_set(h->stk, host_now(h), s->fd, STK_SO_BROADCAST, 1);
	host_timer_set(h, &s->timer, host_now(h));
}

struct tracer {
	struct app app;
	struct host *host;
	struct vs_timer timer;
	struct wire_addr to;
	int fd, hops;
};

static void trace_end(struct tracer *t, bool there)
{
	struct host *h = t->host;

	host_close(h, t->fd);
	vs_timer_remove(&h->timers, &t->timer);
	host_client_done(h, there);
	free(t);
}

/* The next hop limit, or the end. */
static void trace_next(struct tracer *t)
{
	struct host *h = t->host;
	struct stk_msg msg = {.peer = {.addr = t->to}, .tos = -1};
	ptrdiff_t n;

	if (++t->hops > TRACE_HOPS) {
		trace_end(t, false);
		return;
	}
	msg.ttl = t->hops;
	msg.peer.port = (uint16_t)(TRACE_PORT + t->hops);
	n = stk_send_msg(h->stk, host_now(h), t->fd, "trace", 5, 0, &msg);
	if (n < 0)
		host_fail("trace: %s", strerror((int)-n));
	host_timer_set(h, &t->timer, host_now(h) + TRACE_PATIENCE);
}

static void trace_tick(struct vs_timer *timer, void *ctx, vs_time now)
{
	struct tracer *t =
		(struct tracer *)(void *)((char *)timer - offsetof(struct tracer, timer));

	(void)ctx;
	(void)now;
	printf("%d *\n", t->hops);
	trace_next(t);
}

static void trace_event(struct host *h, struct app *app, int fd, unsigned readiness)
{
	struct tracer *t = (struct tracer *)(void *)app;
	char text[64], who[WIRE_ADDR_TEXT];
	struct stk_msg msg;

	(void)readiness;
	while (stk_recv_msg(h->stk, host_now(h), fd, text, sizeof(text), STK_MSG_ERRQUEUE, &msg) >=
	       0) {
		/* An answer to a question of earlier says nothing new. */
		if (msg.peer.port != TRACE_PORT + t->hops)
			continue;
		printf("%d %s\n", t->hops, wire_addr_format(&msg.error.offender, who));
		if (wire_addr_equal(&msg.error.offender, &t->to)) {
			trace_end(t, true);
			return;
		}
		trace_next(t);
	}
}

void trace_start(struct host *h, const char *arguments)
{
	struct tracer *t = calloc(1, sizeof(*t));

	if (!t)
		host_fail("out of memory");
	if (wire_addr_parse(arguments, &t->to))
		host_fail("trace '%s': expected an address", arguments);
	t->host = h;
	t->app.event = trace_event;
	t->fd = stk_socket(h->stk, STK_DGRAM);
	if (t->fd < 0 || vs_timer_add(&h->timers, &t->timer, trace_tick))
		host_fail("out of memory");
	stk_option_set(h->stk, host_now(h), t->fd, STK_IP_RECVERR, 1);
	host_watch(h, t->fd, &t->app);
	trace_next(t);
}
