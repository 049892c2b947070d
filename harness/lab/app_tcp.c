/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "harness/lab/app.h"
#include "harness/lab/flow.h"

void lab_tcp_start(struct lab_app *app, vs_time now)
{
	struct stk_addr at = lab_app_server_address(app);
	int err;

	app->listener = lab_app_socket(app, now, app->to, STK_STREAM, LAB_LISTENER);
	if (app->listener < 0)
		return;
	err = stk_bind(app->to->stk, app->listener, &at);
	if (!err)
		err = stk_listen(app->to->stk, app->listener, 16);
	if (err) {
		lab_app_fail(app, now, "%s: TCP port %u: %s", app->to->name, at.port,
			     strerror(-err));
		return;
	}
	app->client = lab_app_socket(app, now, app->from, STK_STREAM, LAB_CLIENT);
	if (app->client < 0)
		return;
	app->flow = lab_flow_new(app, app->from, app->client);
	err = stk_connect(app->from->stk, now, app->client, &at);
	if (err && err != -EINPROGRESS)
		lab_app_fail(app, now, "%s: connect: %s", app->from->name, strerror(-err));
}

static void tcp_accept(struct lab_app *app, vs_time now)
{
	int fd;

	while ((fd = stk_accept(app->to->stk, now, app->listener, NULL)) >= 0) {
		/* One connection each: somebody else's is none of ours. */
		if (app->server >= 0 || lab_socket_watch(app->to, fd, app, LAB_SERVER)) {
			stk_close(app->to->stk, now, fd);
			continue;
		}
		app->server = fd;
	}
}

void lab_tcp_event(struct lab_app *app, vs_time now, enum lab_role role, unsigned readiness,
		   void (*client)(struct lab_app *, vs_time now, unsigned readiness),
		   void (*server)(struct lab_app *, vs_time now))
{
	switch (role) {
	case LAB_CLIENT:
		client(app, now, readiness);
		break;
	case LAB_LISTENER:
		tcp_accept(app, now);
		if (app->server >= 0)
			server(app, now);
		break;
	case LAB_SERVER:
		server(app, now);
		break;
	}
}

int lab_tcp_error(struct lab_app *app, struct lab_node *node, int fd)
{
	int64_t error = 0;

	(void)app;
	if (stk_option_get(node->stk, fd, STK_SO_ERROR, &error))
		return 0;
	return (int)error;
}

int lab_tcp_send(struct lab_app *app, vs_time now, struct lab_node *node, int fd, uint64_t *offset,
		 uint64_t limit)
{
	while (*offset < limit) {
		size_t len = limit - *offset < LAB_SCRATCH ? (size_t)(limit - *offset)
							   : LAB_SCRATCH;
		ptrdiff_t sent;

		sent = stk_send(node->stk, now, fd, lab_pattern(app->lab, *offset), len,
				STK_MSG_CONST, NULL);
		if (sent < 0)
			return (int)sent;
		*offset += (uint64_t)sent;
	}
	return 0;
}

int lab_tcp_receive(struct lab_app *app, vs_time now, struct lab_node *node, int fd,
		    uint64_t *offset)
{
	struct vsq_lab *lab = app->lab;

	for (;;) {
		ptrdiff_t got = stk_recv(node->stk, now, fd, lab->scratch, LAB_SCRATCH, 0, NULL);

		if (got <= 0)
			return got == 0 ? 1 : got == -EAGAIN ? 0 : (int)got;
		if (memcmp(lab->scratch, lab_pattern(lab, *offset), (size_t)got))
			app->corrupted++;
		*offset += (uint64_t)got;
	}
}
