/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tcp-exchange: both ends send, and each closes, or resets, when it is told to: half-closed
 * connections, both closing at once, both opening at once.
 */
#include <errno.h>

#include "harness/lab/app.h"

enum side {
	FROM,
	TO,
};

static struct lab_node *node_of(struct lab_app *app, enum side side)
{
	return side == FROM ? app->from : app->to;
}

static int *socket_of(struct lab_app *app, enum side side)
{
	return side == FROM ? &app->client : &app->server;
}

/* Both are done, or one has reset it and the other has heard. */
static void settle(struct lab_app *app, vs_time now)
{
	if (!app->over[FROM] || !app->over[TO])
		return;
	if (app->bytes_received != app->p.bytes || app->back_received != app->p.response) {
		lab_app_fail(app, now, "the streams ended after %llu and %llu bytes",
			     (unsigned long long)app->bytes_received,
			     (unsigned long long)app->back_received);
		return;
	}
	lab_app_done(app, now);
}

static bool may_close(const struct lab_app *app, vs_time now, enum side side)
{
	if (side == FROM)
		return app->p.close == VS_NEVER || now >= app->p.close;
	return app->p.close_back == VS_NEVER ? app->over[TO] : now >= app->p.close_back;
}

static void heard_error(struct lab_app *app, vs_time now, enum side side, int error)
{
	vs_time other = side == FROM ? app->p.reset_back : app->p.reset;

	if (now < other) {
		lab_tcp_failed(app, now, node_of(app, side), error);
		return;
	}
	app->error_number[side] = error;
	lab_app_done(app, now);
	lab_app_close(app, now, node_of(app, side), socket_of(app, side));
}

static void send_side(struct lab_app *app, vs_time now, enum side side)
{
	struct lab_node *node = node_of(app, side);
	int fd = *socket_of(app, side), err;

	if (fd < 0 || app->shut[side])
		return;
	err = lab_tcp_send(app, now, node, fd, side == FROM ? &app->bytes_sent : &app->back_sent,
			   side == FROM ? app->p.bytes : app->p.response);
	if (!err && may_close(app, now, side)) {
		err = stk_shutdown(node->stk, now, fd, STK_SHUT_WR);
		app->shut[side] = !err;
	}
	if (err && err != -EAGAIN && err != -ENOTCONN)
		heard_error(app, now, side, -err);
}

static void receive_side(struct lab_app *app, vs_time now, enum side side)
{
	struct lab_node *node = node_of(app, side);
	uint64_t *offset = side == FROM ? &app->back_received : &app->bytes_received;
	uint64_t before = *offset;
	int got;

	if (*socket_of(app, side) < 0 || app->over[side])
		return;
	got = lab_tcp_receive(app, now, node, *socket_of(app, side), offset);
	if (side == TO)
		lab_bins_add(&app->goodput, now, (double)(*offset - before) * 8);
	if (got < 0 && got != -ENOTCONN)
		heard_error(app, now, side, -got);
	else if (got == 1)
		app->over[side] = true;
}

static void progress(struct lab_app *app, vs_time now, enum side side)
{
	receive_side(app, now, side);
	if (!app->failed)
		send_side(app, now, side);
	if (app->over[side] && app->shut[side])
		lab_app_close(app, now, node_of(app, side), socket_of(app, side));
	if (!app->failed && !app->done)
		settle(app, now);
}

static void client_event(struct lab_app *app, vs_time now, unsigned readiness)
{
	int error = readiness & STK_ERR ? lab_tcp_error(app, app->from, app->client) : 0;

	if (error)
		heard_error(app, now, FROM, error);
	else
		progress(app, now, FROM);
}

static void server_event(struct lab_app *app, vs_time now)
{
	int error = lab_tcp_error(app, app->to, app->server);

	if (app->listener >= 0)
		lab_app_close(app, now, app->to, &app->listener);
	if (error)
		heard_error(app, now, TO, error);
	else
		progress(app, now, TO);
}

static void event(struct lab_app *app, vs_time now, int fd, enum lab_role role, unsigned readiness)
{
	if (role != LAB_LISTENER && fd != (role == LAB_CLIENT ? app->client : app->server))
		return;
	lab_tcp_event(app, now, role, readiness, client_event, server_event);
}

static void reset_side(struct lab_app *app, vs_time now, enum side side)
{
	struct lab_node *node = node_of(app, side);
	int *fd = socket_of(app, side);

	if (*fd < 0)
		return;
	stk_option_set(node->stk, now, *fd, STK_SO_LINGER, 0);
	lab_app_close(app, now, node, fd);
	app->over[side] = app->shut[side] = true;
}

static void wait_for_moment(struct lab_app *app, vs_time now)
{
	const vs_time moments[] = {app->p.close, app->p.close_back, app->p.reset,
				   app->p.reset_back};
	vs_time next = VS_NEVER;

	for (int i = 0; i < 4; i++)
		if (moments[i] > now)
			next = vs_time_min(next, moments[i]);
	lab_app_tick_at(app, next);
}

static void tick(struct lab_app *app, vs_time now)
{
	if (now >= app->p.reset)
		reset_side(app, now, FROM);
	if (now >= app->p.reset_back)
		reset_side(app, now, TO);
	for (int side = FROM; side <= TO && !app->failed; side++)
		progress(app, now, side);
	if (!app->failed)
		wait_for_moment(app, now);
}

/* Neither listens: the SYNs cross (RFC 9293 3.5, figure 7). */
static void open_both(struct lab_app *app, vs_time now)
{
	struct stk_addr to = lab_app_server_address(app);
	struct stk_addr from = {.addr = *lab_node_address(app->from, app->family),
				.port = to.port};
	struct stk_addr any = {.addr = app->family == 4 ? wire_addr_any4 : wire_addr_any6,
			       .port = to.port};
	int err;

	app->p.from_port = to.port;
	app->server = lab_tcp_socket(app, now, app->to, LAB_SERVER);
	if (app->server < 0 || !lab_tcp_connect(app, now, &to))
		return;
	err = stk_bind(app->to->stk, app->server, &any);
	if (!err)
		err = stk_connect(app->to->stk, now, app->server, &from);
	if (err && err != -EINPROGRESS)
		lab_tcp_failed(app, now, app->to, -err);
}

static void start(struct lab_app *app, vs_time now)
{
	if (app->p.simultaneous)
		open_both(app, now);
	else
		lab_tcp_start(app, now);
	wait_for_moment(app, now);
}

static const char *const keys[] = {"bytes", "response",	    "close",	  "close_back", "reset",
				   "reset_back", "simultaneous", LAB_TCP_KEYS, NULL};

const struct lab_app_kind lab_app_tcp_exchange = {
	.name = "tcp-exchange",
	.keys = keys,
	.tells = LAB_TELLS_BYTES | LAB_TELLS_TCP,
	.start = start,
	.tick = tick,
	.event = event,
};
