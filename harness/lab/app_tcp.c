/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "harness/lab/app.h"
#include "harness/lab/flow.h"

int lab_tcp_socket(struct lab_app *app, vs_time now, struct lab_node *node, enum lab_role role)
{
	const struct lab_app_params *p = &app->p;
	const struct {
		enum stk_option option;
		uint64_t value;
	} options[] = {
		{STK_SO_REUSEADDR, role != LAB_CLIENT},
		{STK_TCP_NODELAY, p->nodelay},
		{STK_SO_KEEPALIVE, p->keepalive},
		{STK_TCP_USER_TIMEOUT, (uint64_t)(p->user_timeout / VS_MSEC)},
		{STK_TCP_MAXSEG, p->maxseg},
		{STK_SO_SNDBUF, p->sndbuf},
		{STK_SO_RCVBUF, p->rcvbuf},
	};
	int fd = lab_app_socket(app, now, node, STK_STREAM, role);

	for (size_t i = 0; fd >= 0 && i < sizeof(options) / sizeof(options[0]); i++) {
		int err = options[i].value
				  ? stk_option_set(node->stk, now, fd, options[i].option,
						   (int64_t)options[i].value)
				  : 0;

		if (err) {
			lab_app_fail(app, now, "%s: a socket's option: %s", node->name,
				     strerror(-err));
			return -1;
		}
	}
	return fd;
}

bool lab_tcp_connect(struct lab_app *app, vs_time now, const struct stk_addr *to)
{
	struct stk_addr own = {.addr = wire_addr_is4(&to->addr) ? wire_addr_any4 : wire_addr_any6,
			       .port = (uint16_t)app->p.from_port};
	int err = 0;

	app->client = lab_tcp_socket(app, now, app->from, LAB_CLIENT);
	if (app->client < 0)
		return false;
	app->flow = lab_flow_new(app, app->from, app->client);
	if (own.port)
		err = stk_bind(app->from->stk, app->client, &own);
	if (!err)
		err = stk_connect(app->from->stk, now, app->client, to);
	if (!err || err == -EINPROGRESS)
		return true;
	lab_tcp_failed(app, now, app->from, -err);
	return false;
}

void lab_tcp_failed(struct lab_app *app, vs_time now, struct lab_node *node, int error)
{
	int *number = &app->error_number[node != app->from];

	if (!*number)
		*number = error;
	lab_app_fail(app, now, "%s: %s", node->name, strerror(error));
}

void lab_tcp_start(struct lab_app *app, vs_time now)
{
	struct stk_addr at = lab_app_server_address(app);
	int err;

	app->listener = lab_tcp_socket(app, now, app->to, LAB_LISTENER);
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
	lab_tcp_connect(app, now, &at);
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

void lab_tcp_messages(struct lab_app *app, vs_time now, unsigned readiness,
		      void (*begin)(struct lab_app *, vs_time now),
		      void (*send)(struct lab_app *, vs_time now),
		      void (*receive)(struct lab_app *, vs_time now))
{
	int error = readiness & STK_ERR ? lab_tcp_error(app, app->from, app->client) : 0;

	if (error) {
		lab_tcp_failed(app, now, app->from, error);
		return;
	}
	if (app->sent)
		send(app, now);
	else if (readiness & STK_OUT)
		begin(app, now);
	if ((readiness & STK_IN) && !app->failed && app->client >= 0)
		receive(app, now);
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

int lab_tcp_receive_some(struct lab_app *app, vs_time now, struct lab_node *node, int fd,
			 uint64_t *offset, uint64_t most)
{
	struct vsq_lab *lab = app->lab;

	while (most) {
		size_t len = most < LAB_SCRATCH ? (size_t)most : LAB_SCRATCH;
		ptrdiff_t got = stk_recv(node->stk, now, fd, lab->scratch, len, 0, NULL);

		if (got <= 0)
			return got == 0 ? 1 : got == -EAGAIN ? 0 : (int)got;
		if (memcmp(lab->scratch, lab_pattern(lab, *offset), (size_t)got))
			app->corrupted++;
		*offset += (uint64_t)got;
		most -= (uint64_t)got;
	}
	return 0;
}

int lab_tcp_receive(struct lab_app *app, vs_time now, struct lab_node *node, int fd,
		    uint64_t *offset)
{
	return lab_tcp_receive_some(app, now, node, fd, offset, UINT64_MAX);
}
