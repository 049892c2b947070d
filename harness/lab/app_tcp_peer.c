/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tcp-peer: a host connects to a peer that breaks the rules (peer.h), sends it a stream, and reads
 * what it answers. syn-flood: a peer asks a host for connections that it never uses.
 */
#include <errno.h>
#include <string.h>

#include "harness/lab/app.h"
#include "harness/lab/peer.h"

static int check_peer(struct lab_app *app)
{
	const struct lab_app_params *p = &app->p;

	if (p->mss < 1 || p->mss > 65535)
		return lab_fail(app->lab, -EINVAL, "tcp-peer: mss=%llu: it must be 1 to 65535",
				(unsigned long long)p->mss);
	if (p->window > 65535 << 7)
		return lab_fail(app->lab, -EINVAL, "tcp-peer: window=%llu: it is at most %d",
				(unsigned long long)p->window, 65535 << 7);
	if (p->bytes > UINT32_MAX / 4 || p->response > UINT32_MAX / 4)
		return lab_fail(app->lab, -EINVAL, "tcp-peer: a stream of at most 2^30 bytes");
	return 0;
}

static void start_peer(struct lab_app *app, vs_time now)
{
	struct stk_addr to = lab_app_server_address(app);
	const struct lab_role_play play = {
		.app = app,
		.port = to.port,
		.act = (enum lab_act)app->p.act,
		.n = app->p.n,
		.at = app->p.after,
		.pause = app->p.hold,
		.window = (uint32_t)app->p.window,
		.mss = (uint16_t)app->p.mss,
		.response = app->p.response,
	};
	int err = lab_peer_play(app->to->peer, &play);

	if (err) {
		lab_app_fail(app, now, "%s: TCP port %u: %s", app->to->name, to.port,
			     strerror(-err));
		return;
	}
	lab_tcp_connect(app, now, &to);
}

static void send_stream(struct lab_app *app, vs_time now)
{
	int err;

	if (app->client < 0 || app->shut[0])
		return;
	err = lab_tcp_send(app, now, app->from, app->client, &app->bytes_sent, app->p.bytes);
	if (!err) {
		err = stk_shutdown(app->from->stk, now, app->client, STK_SHUT_WR);
		app->shut[0] = !err;
	}
	if (err && err != -EAGAIN && err != -ENOTCONN)
		lab_tcp_failed(app, now, app->from, -err);
}

static void event_peer(struct lab_app *app, vs_time now, int fd, enum lab_role role,
		       unsigned readiness)
{
	int error = readiness & STK_ERR ? lab_tcp_error(app, app->from, fd) : 0, got = 0;

	(void)role;
	if (error) {
		lab_tcp_failed(app, now, app->from, error);
		return;
	}
	if (readiness & STK_IN)
		got = lab_tcp_receive(app, now, app->from, fd, &app->back_received);
	if (got < 0) {
		lab_tcp_failed(app, now, app->from, -got);
		return;
	}
	send_stream(app, now);
	if (got != 1 || app->failed)
		return;
	lab_app_close(app, now, app->from, &app->client);
	if (app->back_received == app->p.response)
		lab_app_done(app, now);
	else
		lab_app_fail(app, now, "%s: the answer ended after %llu bytes", app->from->name,
			     (unsigned long long)app->back_received);
}

static const char *const peer_keys[] = {"bytes", "response", "act", "n",	"after",
					"hold",	 "window",   "mss", LAB_TCP_KEYS, NULL};

const struct lab_app_kind lab_app_tcp_peer = {
	.name = "tcp-peer",
	.keys = peer_keys,
	.peer = 2,
	.defaults = {.window = 65535, .mss = 1460},
	.tells = LAB_TELLS_BYTES | LAB_TELLS_TCP,
	.check = check_peer,
	.start = start_peer,
	.event = event_peer,
};

static int check_flood(struct lab_app *app)
{
	if (app->p.interval > 0 && app->p.count)
		return 0;
	return lab_fail(app->lab, -EINVAL, "syn-flood: interval and count must be more than 0");
}

static void flood(struct lab_app *app, vs_time now)
{
	int err = lab_peer_syn(app->from->peer, &app->address, (uint16_t)app->p.port, app->sent);

	if (err && err != -EAGAIN) {
		lab_app_fail(app, now, "%s: %s", app->from->name, strerror(-err));
		return;
	}
	app->sent += !err;
	if (app->sent == app->p.count || app->stopping)
		lab_app_done(app, now);
	else
		lab_app_tick_at(app, now + app->p.interval);
}

static void event_flood(struct lab_app *app, vs_time now, int fd, enum lab_role role,
			unsigned readiness)
{
	(void)app, (void)now, (void)fd, (void)role, (void)readiness;
}

static const char *const flood_keys[] = {"count", "interval", "port", NULL};

const struct lab_app_kind lab_app_syn_flood = {
	.name = "syn-flood",
	.keys = flood_keys,
	.peer = 1,
	.defaults = {.count = 1000, .interval = VS_MSEC},
	.check = check_flood,
	.start = flood,
	.tick = flood,
	.event = event_flood,
};
