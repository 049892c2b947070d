/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tcp-bulk: one stream of bytes as fast as TCP carries it; the receiver compares every byte. */
#include <errno.h>
#include <string.h>

#include "harness/lab/app.h"

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
		lab_app_fail(app, now, "%s: send: %s", app->from->name, strerror(-err));
}

static void client_event(struct lab_app *app, vs_time now, unsigned readiness)
{
	if (readiness & STK_ERR) {
		int error = lab_tcp_error(app, app->from, app->client);

		if (error) {
			lab_app_fail(app, now, "%s: %s", app->from->name, strerror(error));
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

static void server_event(struct lab_app *app, vs_time now)
{
	uint64_t before = app->bytes_received;
	int got = lab_tcp_receive(app, now, app->to, app->server, &app->bytes_received);

	if (app->bytes_received > before)
		lab_bins_add(&app->goodput, now, (double)(app->bytes_received - before) * 8);
	if (got < 0) {
		lab_app_fail(app, now, "%s: receive: %s", app->to->name, strerror(-got));
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

static void stop(struct lab_app *app, vs_time now)
{
	/* Whoever has sent everything has shut its side already. */
	if (app->client >= 0 && app->bytes_sent != app->p.bytes)
		client_send(app, now);
}

static const char *const keys[] = {"bytes", "port", NULL};

const struct lab_app_kind lab_app_tcp_bulk = {
	.name = "tcp-bulk",
	.keys = keys,
	.tells = LAB_TELLS_BYTES | LAB_TELLS_RTT | LAB_TELLS_TCP,
	.start = lab_tcp_start,
	.stop = stop,
	.event = event,
};
