/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tcp-request-response: on one connection a request, its answer, the next request. The time from
 * request to whole answer is what counts. The server answers by bytes: after each `request` bytes
 * it owes `response` more.
 */
#include <errno.h>
#include <string.h>

#include "harness/lab/app.h"

static int check(struct lab_app *app)
{
	struct lab_app_params *p = &app->p;

	if (!p->request || !p->response)
		return lab_fail(app->lab, -EINVAL,
				"tcp-request-response: request and response must be at least 1");
	if (p->request > (uint64_t)1 << 40 || p->response > (uint64_t)1 << 40)
		return lab_fail(app->lab, -EINVAL,
				"tcp-request-response: request and response are at most 2^40");
	return 0;
}

static void tcp_failed(struct lab_app *app, vs_time now, struct lab_node *node, int err)
{
	if (err && err != -EAGAIN && err != -ENOTCONN)
		lab_tcp_failed(app, now, node, -err);
}

/* Sends what is missing of the requests made so far. */
static void client_send(struct lab_app *app, vs_time now)
{
	uint64_t end = app->sent * app->p.request, start = end - app->p.request;
	int err = 0;

	/* In so many writes, each of which TCP may send by itself. */
	for (uint64_t i = 1; i <= app->p.writes && !err; i++) {
		uint64_t upto = start + app->p.request * i / app->p.writes;

		if (app->bytes_sent < upto)
			err = lab_tcp_send(app, now, app->from, app->client, &app->bytes_sent,
					   upto);
	}
	tcp_failed(app, now, app->from, err);
}

static void next_request(struct lab_app *app, vs_time now)
{
	if (app->stopping || (app->p.requests && app->received == app->p.requests)) {
		lab_app_done(app, now);
		lab_app_close(app, now, app->from, &app->client);
		return;
	}
	app->sent++;
	app->asked = now;
	client_send(app, now);
}

static void client_receive(struct lab_app *app, vs_time now)
{
	int got = lab_tcp_receive(app, now, app->from, app->client, &app->back_received);

	if (got) {
		lab_app_fail(app, now, "%s: the server ended the connection", app->from->name);
		return;
	}
	if (app->received == app->sent || app->back_received < app->sent * app->p.response)
		return;
	app->received++;
	lab_app_rtt(app, now, now - app->asked);
	if (app->p.interval)
		lab_app_tick_at(app, now + app->p.interval);
	else
		next_request(app, now);
}

static void client_event(struct lab_app *app, vs_time now, unsigned readiness)
{
	lab_tcp_messages(app, now, readiness, next_request, client_send, client_receive);
}

static void server_event(struct lab_app *app, vs_time now)
{
	uint64_t before = app->bytes_received;
	int got = lab_tcp_receive(app, now, app->to, app->server, &app->bytes_received);

	lab_bins_add(&app->goodput, now, (double)(app->bytes_received - before) * 8);
	if (got) {
		lab_app_close(app, now, app->to, &app->server);
		lab_app_close(app, now, app->to, &app->listener);
		return;
	}
	tcp_failed(app, now, app->to,
		   lab_tcp_send(app, now, app->to, app->server, &app->back_sent,
				app->bytes_received / app->p.request * app->p.response));
}

static void event(struct lab_app *app, vs_time now, int fd, enum lab_role role, unsigned readiness)
{
	(void)fd;
	lab_tcp_event(app, now, role, readiness, client_event, server_event);
}

static void stop(struct lab_app *app, vs_time now)
{
	/* Between two requests there is nobody to hear of it but us. */
	if (app->client >= 0 && app->received == app->sent)
		next_request(app, now);
}

static const char *const keys[] = {"requests", "request", "response", "interval",
				   "writes",   LAB_TCP_KEYS, NULL};

const struct lab_app_kind lab_app_tcp_request_response = {
	.name = "tcp-request-response",
	.keys = keys,
	.defaults = {.requests = 100, .request = 64, .response = 1024, .writes = 1},
	.tells = LAB_TELLS_MESSAGES | LAB_TELLS_BYTES | LAB_TELLS_RTT | LAB_TELLS_TCP,
	.check = check,
	.start = lab_tcp_start,
	.tick = next_request,
	.stop = stop,
	.event = event,
};
