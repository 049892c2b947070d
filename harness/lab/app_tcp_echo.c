/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tcp-echo: a message at each interval, whatever became of the last one; the server sends back
 * what comes, and the client compares it and takes the time.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/lab/app.h"

#define SIZE_MAX_ECHO (1 << 20)

/* Messages under way, at most; times of those sent are kept in a ring. */
#define UNDER_WAY (LAB_WINDOW / 64)

static_assert(sizeof(vs_time) == sizeof(uint64_t), "times share the window's words");

static int check(struct lab_app *app)
{
	if (app->p.size < 1 || app->p.size > SIZE_MAX_ECHO)
		return lab_fail(app->lab, -EINVAL, "tcp-echo: size=%llu: it must be 1 to %d",
				(unsigned long long)app->p.size, SIZE_MAX_ECHO);
	if (app->p.interval <= 0)
		return lab_fail(app->lab, -EINVAL, "tcp-echo: interval=0: it must be more");
	app->pending = malloc(LAB_SCRATCH);
	return app->pending ? 0 : -ENOMEM;
}

static void client_send(struct lab_app *app, vs_time now)
{
	int err = lab_tcp_send(app, now, app->from, app->client, &app->bytes_sent,
			       app->sent * app->p.size);

	if (err && err != -EAGAIN && err != -ENOTCONN)
		lab_app_fail(app, now, "%s: send: %s", app->from->name, strerror(-err));
}

static void finish(struct lab_app *app, vs_time now)
{
	lab_app_done(app, now);
	lab_app_tick_at(app, VS_NEVER);
	lab_app_close(app, now, app->from, &app->client);
}

static void tick(struct lab_app *app, vs_time now)
{
	bool all = app->p.count && app->sent == app->p.count;

	if (app->client < 0 || all || app->stopping)
		return;
	/* A window full of messages unanswered: this one waits for the next tick. */
	if (app->sent - app->received < UNDER_WAY) {
		app->seen[app->sent % UNDER_WAY] = (uint64_t)now;
		app->sent++;
		client_send(app, now);
	}
	lab_app_tick_at(app, now + app->p.interval);
}

static void client_receive(struct lab_app *app, vs_time now)
{
	int got = lab_tcp_receive(app, now, app->from, app->client, &app->back_received);

	while (app->received < app->sent &&
	       app->back_received >= (app->received + 1) * app->p.size) {
		lab_app_rtt(app, now, now - (vs_time)app->seen[app->received % UNDER_WAY]);
		app->received++;
	}
	if (app->received == app->sent &&
	    (app->stopping || (app->p.count && app->sent == app->p.count)))
		finish(app, now);
	else if (got)
		lab_app_fail(app, now, "%s: the server ended the connection", app->from->name);
}

static void client_event(struct lab_app *app, vs_time now, unsigned readiness)
{
	lab_tcp_messages(app, now, readiness, tick, client_send, client_receive);
}

/* Reads only when everything read before has gone back. */
static void server_event(struct lab_app *app, vs_time now)
{
	struct stk *stk = app->to->stk;

	for (;;) {
		ptrdiff_t n;

		if (!app->pending_len) {
			n = stk_recv(stk, now, app->server, app->pending, LAB_SCRATCH, 0, NULL);
			if (n == -EAGAIN)
				return;
			if (n <= 0) {
				lab_app_close(app, now, app->to, &app->server);
				lab_app_close(app, now, app->to, &app->listener);
				return;
			}
			app->pending_len = (size_t)n;
			app->bytes_received += (uint64_t)n;
			lab_bins_add(&app->goodput, now, (double)n * 8);
		}
		n = stk_send(stk, now, app->server, app->pending, app->pending_len, 0, NULL);
		if (n <= 0)
			return;
		app->pending_len -= (size_t)n;
		memmove(app->pending, app->pending + n, app->pending_len);
		app->back_sent += (uint64_t)n;
	}
}

static void event(struct lab_app *app, vs_time now, int fd, enum lab_role role, unsigned readiness)
{
	(void)fd;
	lab_tcp_event(app, now, role, readiness, client_event, server_event);
}

static void stop(struct lab_app *app, vs_time now)
{
	if (app->client >= 0 && app->received == app->sent)
		finish(app, now);
}

static const char *const keys[] = {"count", "size", "interval", LAB_TCP_KEYS, NULL};

const struct lab_app_kind lab_app_tcp_echo = {
	.name = "tcp-echo",
	.keys = keys,
	.defaults = {.count = 100, .size = 64, .interval = 100 * VS_MSEC},
	.tells = LAB_TELLS_MESSAGES | LAB_TELLS_BYTES | LAB_TELLS_RTT | LAB_TELLS_TCP,
	.check = check,
	.start = lab_tcp_start,
	.tick = tick,
	.stop = stop,
	.event = event,
};
