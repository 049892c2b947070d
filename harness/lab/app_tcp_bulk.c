/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tcp-bulk: one stream of bytes as fast as TCP carries it; the receiver compares every byte. */
#include <errno.h>
#include <string.h>

#include "harness/lab/app.h"

static int check(struct lab_app *app)
{
	if (app->p.pause != VS_NEVER && app->p.resume <= app->p.pause)
		return lab_fail(app->lab, -EINVAL, "tcp-bulk: resume must be after pause");
	if (app->p.read && app->p.interval <= 0)
		return lab_fail(app->lab, -EINVAL, "tcp-bulk: interval=0: it must be more");
	return 0;
}

static uint64_t limit(const struct lab_app *app)
{
	/* Stopped: what was sent is all there is. */
	if (app->stopping)
		return app->bytes_sent;
	return app->p.bytes ? app->p.bytes : UINT64_MAX;
}

static void client_send(struct lab_app *app, vs_time now)
{
	int err = lab_tcp_send(app, now, app->from, app->client, &app->bytes_sent, limit(app));

	if (err == -EAGAIN || err == -ENOTCONN)
		return;
	if (!err)
		err = stk_shutdown(app->from->stk, now, app->client, STK_SHUT_WR);
	if (err)
		lab_tcp_failed(app, now, app->from, -err);
}

static void client_event(struct lab_app *app, vs_time now, unsigned readiness)
{
	if (readiness & STK_ERR) {
		int error = lab_tcp_error(app, app->from, app->client);

		if (error) {
			lab_tcp_failed(app, now, app->from, error);
			return;
		}
	}
	/* Room may have gone again since the event was made: trying tells, and asks for the next
	 * one.
	 */
	if (app->bytes_sent < limit(app))
		client_send(app, now);
	if (app->failed)
		return;
	/* The server closes when it has everything. */
	if ((readiness & STK_IN) &&
	    lab_tcp_receive(app, now, app->from, app->client, &app->back_received) == 1)
		lab_app_close(app, now, app->from, &app->client);
}

/* How many bytes the receiver may take now: it may pause, and it may be slow. */
static uint64_t allowance(struct lab_app *app, vs_time now)
{
	const struct lab_app_params *p = &app->p;

	if (now >= p->pause && now < p->resume)
		return 0;
	if (!p->read)
		return UINT64_MAX;
	if (now < app->read_at)
		return 0;
	app->read_at = now + p->interval;
	return (uint64_t)((double)p->read / 8 * (double)p->interval / (double)VS_SEC + 0.5);
}

/* When there may be more to take. */
static void look_again(struct lab_app *app, vs_time now)
{
	if (now >= app->p.pause && now < app->p.resume)
		lab_app_tick_at(app, app->p.resume);
	else if (app->p.read)
		lab_app_tick_at(app, app->read_at);
}

static void server_event(struct lab_app *app, vs_time now)
{
	uint64_t before = app->bytes_received, most = allowance(app, now);
	int got = most ? lab_tcp_receive_some(app, now, app->to, app->server,
					      &app->bytes_received, most)
		       : 0;

	look_again(app, now);

	if (app->bytes_received > before)
		lab_bins_add(&app->goodput, now, (double)(app->bytes_received - before) * 8);
	if (got < 0) {
		lab_tcp_failed(app, now, app->to, -got);
	} else if (got == 1) {
		if (app->bytes_received != app->bytes_sent) {
			lab_app_fail(app, now, "%s: the stream ended after %llu of %llu bytes",
				     app->to->name, (unsigned long long)app->bytes_received,
				     (unsigned long long)app->bytes_sent);
			return;
		}
		lab_app_done(app, now);
		lab_app_close(app, now, app->to, &app->server);
		lab_app_close(app, now, app->to, &app->listener);
	}
}

static void event(struct lab_app *app, vs_time now, int fd, enum lab_role role, unsigned readiness)
{
	(void)fd;
	lab_tcp_event(app, now, role, readiness, client_event, server_event);
}

static void tick(struct lab_app *app, vs_time now)
{
	if (app->server >= 0)
		server_event(app, now);
}

static void stop(struct lab_app *app, vs_time now)
{
	/* Whoever has sent everything has shut its side already. */
	if (app->client >= 0 && app->bytes_sent != app->p.bytes)
		client_send(app, now);
}

static const char *const keys[] = {"bytes", "read",  "interval",   "pause",
				   "resume", LAB_TCP_KEYS, NULL};

const struct lab_app_kind lab_app_tcp_bulk = {
	.name = "tcp-bulk",
	.keys = keys,
	.tells = LAB_TELLS_BYTES | LAB_TELLS_RTT | LAB_TELLS_TCP,
	.defaults = {.interval = 10 * VS_MSEC},
	.check = check,
	.start = lab_tcp_start,
	.tick = tick,
	.stop = stop,
	.event = event,
};
