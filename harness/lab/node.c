/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Nodes: the engines of a lab by name, and how each kind is made, joined and ended. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mgmt/mgmt.h"
#include "core/switch/switch.h"
#include "core/wire/addr.h"
#include "harness/lab/app.h"
#include "harness/lab/lab.h"
#include "harness/lab/peer.h"

const char *lab_kind_name(enum lab_kind kind)
{
	switch (kind) {
	case LAB_HOST:
		return "host";
	case LAB_ROUTER:
		return "router";
	case LAB_SWITCH:
		return "switch";
	case LAB_PROBE:
		return "probe";
	case LAB_PEER:
		return "peer";
	}
	return "";
}

bool lab_node_is_host(const struct lab_node *node)
{
	return node->kind == LAB_HOST || node->kind == LAB_ROUTER;
}

static void node_dropped(void *ctx, vs_time now, int port, const struct vs_frame *f,
			 const char *reason)
{
	struct lab_node *node = ctx;
	struct lab_tally *tally = node->told;

	(void)now;
	(void)port;
	(void)f;
	node->drops++;
	while (tally->reason && tally->reason != reason && tally < &node->told[LAB_REASONS - 1])
		tally++;
	if (!tally->reason)
		tally->reason = reason;
	if (tally->reason != reason)
		return; /* more reasons than places: these go without an oracle */
	tally->count++;
	if (tally > node->told && tally->count > tally[-1].count) {
		struct lab_tally before = tally[-1];

		tally[-1] = *tally;
		*tally = before;
	}
}

/* Gives every socket with news to the application it belongs to. */
static bool host_news(void *ctx, vs_time now)
{
	struct lab_node *node = ctx;
	unsigned readiness;
	bool any = false;
	int fd;

	while ((fd = stk_event(node->stk, &readiness)) >= 0) {
		struct lab_socket *socket;

		any = true;
		if ((unsigned)fd >= node->sockets_size)
			continue;
		socket = &node->sockets[fd];
		if (socket->app)
			lab_app_event(socket->app, now, node, fd, socket->role, readiness);
	}
	return any;
}

static void host_input(void *engine, vs_time now, int port, struct vs_frame *f)
{
	stk_input(engine, now, port, f);
}

static void host_run(void *engine, vs_time now)
{
	stk_run(engine, now);
}

static vs_time host_poll_at(const void *engine)
{
	return stk_poll_at(engine);
}

/* A host starts its frames anew: only a bridge or a router can make a loop. */
static struct vs_frame *host_output(void *engine, int *port)
{
	struct vs_frame *f = stk_output(engine, port);

	if (f)
		f->mark = 0;
	return f;
}

static struct vs_frame *router_output(void *engine, int *port)
{
	return stk_output(engine, port);
}

static const struct sim_verbs host_verbs = {
	.input = host_input,
	.run = host_run,
	.poll_at = host_poll_at,
	.output = host_output,
	.news = host_news,
};

static const struct sim_verbs router_verbs = {
	.input = host_input,
	.run = host_run,
	.poll_at = host_poll_at,
	.output = router_output,
	.news = host_news,
};

static void switch_input(void *engine, vs_time now, int port, struct vs_frame *f)
{
	vsw_input(engine, now, port, f);
}

static void switch_run(void *engine, vs_time now)
{
	vsw_run(engine, now);
}

static vs_time switch_poll_at(const void *engine)
{
	return vsw_poll_at(engine);
}

static struct vs_frame *switch_output(void *engine, int *port)
{
	return vsw_output(engine, port);
}

static const struct sim_verbs switch_verbs = {
	.input = switch_input,
	.run = switch_run,
	.poll_at = switch_poll_at,
	.output = switch_output,
};

/* The pool is made with the first node, when its size is settled. */
static int need_pool(struct vsq_lab *lab)
{
	struct vs_pool_conf conf = {.bytes_max = lab->memory};

	return lab->pool ? 0 : vs_pool_create(&lab->pool, &conf, &lab->frames_arena);
}

static int make_host(struct lab_node *node)
{
	struct vsq_lab *lab = node->lab;
	char stream[80];
	struct stk_conf conf = {
		.seed = lab->seed,
		.name = stream,
		.pool = lab->pool,
		.forwarding = node->kind == LAB_ROUTER,
		.trace = &node->trace,
		.tcp_ctx = node,
		.tcp_sample = lab_flow_sample,
	};
	int err;

	snprintf(stream, sizeof(stream), "host.%s", node->name);
	err = stk_create(&node->stk, &conf, &lab->arena);
	if (err)
		return err;
	err = sim_add(lab->sim, &node->engine,
		      node->kind == LAB_ROUTER ? &router_verbs : &host_verbs, node->stk, node);
	node->in_world = !err;
	return err;
}

static int make_switch(struct lab_node *node, unsigned ports)
{
	struct vsq_lab *lab = node->lab;
	struct vsw_conf conf = {
		.ports = ports,
		.mac = {0x02, 0x73, 0x77, (uint8_t)(node->number >> 16),
			(uint8_t)(node->number >> 8), (uint8_t)node->number},
		.trace = &node->trace,
	};
	struct mgmt_conf console = {.prompt = "vde$ ", .greeting = ""};
	int err;

	err = vsw_create(&node->vsw, &conf, &lab->arena);
	if (!err)
		err = mgmt_create(&node->mgmt, &console, &lab->arena);
	if (!err)
		err = vsw_mgmt_add(node->vsw, node->mgmt);
	if (!err)
		err = sim_add(lab->sim, &node->engine, &switch_verbs, node->vsw, node);
	node->in_world = !err;
	return err;
}

static int node_add(struct vsq_lab *lab, const char *name, enum lab_kind kind, unsigned ports)
{
	struct lab_node *node;
	int err;

	if (lab->finished)
		return lab_fail(lab, -EINVAL, "this lab is finished");
	err = lab_check_name(lab, name, lab_kind_name(kind));
	if (err)
		return err;
	if (lab_node_find(lab, name, strlen(name)))
		return lab_fail(lab, -EEXIST, "there is a node \"%s\" already", name);
	node = calloc(1, sizeof(*node));
	if (!node || need_pool(lab)) {
		free(node);
		return lab_fail(lab, -ENOMEM, "no memory for %s", name);
	}
	node->lab = lab;
	node->number = (int)lab->nodes.count;
	node->kind = kind;
	node->trace = (struct vs_trace){.ctx = node, .drop = node_dropped};
	node->name = lab_copy(name, strlen(name));
	err = node->name ? 0 : -ENOMEM;
	if (!err && lab_node_is_host(node))
		err = make_host(node);
	else if (!err && kind == LAB_SWITCH)
		err = make_switch(node, ports);
	else if (!err && kind == LAB_PEER)
		err = lab_peer_create(node);
	else if (!err)
		err = lab_probe_create(node);
	if (!err)
		err = lab_list_add(&lab->nodes, node);
	if (err) {
		lab_node_free(node);
		return lab_fail(lab, err, "%s \"%s\": %s", lab_kind_name(kind), name,
				strerror(-err));
	}
	sim_touch(&node->engine);
	return node->number;
}

int vsq_add_host(struct vsq_lab *lab, const char *name)
{
	return node_add(lab, name, LAB_HOST, 0);
}

int vsq_add_router(struct vsq_lab *lab, const char *name)
{
	return node_add(lab, name, LAB_ROUTER, 0);
}

int vsq_add_switch(struct vsq_lab *lab, const char *name, unsigned ports)
{
	return node_add(lab, name, LAB_SWITCH, ports);
}

int vsq_add_peer(struct vsq_lab *lab, const char *name)
{
	return node_add(lab, name, LAB_PEER, 0);
}

int vsq_add_probe(struct vsq_lab *lab, const char *name)
{
	return node_add(lab, name, LAB_PROBE, 0);
}

int vsq_node(struct vsq_lab *lab, const char *name)
{
	struct lab_node *node = lab_node_find(lab, name, strlen(name));

	if (!node)
		return lab_fail(lab, -ENOENT, "there is no node \"%s\"", name);
	return node->number;
}

int vsq_node_count(struct vsq_lab *lab)
{
	return (int)lab->nodes.count;
}

const char *vsq_node_name(struct vsq_lab *lab, int number)
{
	struct lab_node *node = lab_node_at(lab, number);

	return node ? node->name : NULL;
}

const char *vsq_node_kind(struct vsq_lab *lab, int number)
{
	struct lab_node *node = lab_node_at(lab, number);

	return node ? lab_kind_name(node->kind) : NULL;
}

struct vs_counters lab_node_counters(const struct lab_node *node)
{
	if (node->stk)
		return stk_counters(node->stk);
	if (node->vsw)
		return vsw_counters(node->vsw);
	if (node->peer)
		return lab_peer_counters(node->peer);
	return (struct vs_counters){node->counters.names, node->counters.values,
				    node->counters.count};
}

void lab_node_stop(struct lab_node *node)
{
	if (node->stk || node->vsw || node->peer)
		lab_counters_keep(&node->counters, lab_node_counters(node));
	while (node->flows) {
		struct lab_flow *flow = node->flows;

		lab_flow_detach(flow);
	}
	if (node->in_world)
		sim_remove(&node->engine);
	node->in_world = false;
	if (node->probe)
		lab_probe_stop(node);
	if (node->peer)
		lab_peer_stop(node);
	if (node->mgmt)
		mgmt_destroy(node->mgmt);
	if (node->vsw)
		vsw_destroy(node->vsw);
	if (node->stk)
		stk_destroy(node->stk);
	node->mgmt = NULL;
	node->vsw = NULL;
	node->stk = NULL;
}

void lab_node_free(struct lab_node *node)
{
	lab_node_stop(node);
	lab_probe_free(node);
	free(node->counters.values);
	free(node->sockets);
	free(node->name);
	free(node);
}

/* Makes sure that a socket number has a place. */
static struct lab_socket *socket_place(struct lab_node *node, int fd)
{
	if ((unsigned)fd >= node->sockets_size) {
		unsigned size = node->sockets_size ? node->sockets_size : 4;
		struct lab_socket *sockets;

		while (size <= (unsigned)fd)
			size *= 2;
		sockets = realloc(node->sockets, size * sizeof(*sockets));
		if (!sockets)
			return NULL;
		memset(sockets + node->sockets_size, 0,
		       (size - node->sockets_size) * sizeof(*sockets));
		node->sockets = sockets;
		node->sockets_size = size;
	}
	return &node->sockets[fd];
}

int lab_socket_watch(struct lab_node *node, int fd, struct lab_app *app, int role)
{
	struct lab_socket *socket = socket_place(node, fd);

	if (!socket)
		return -ENOMEM;
	socket->app = app;
	socket->role = role;
	return 0;
}

void lab_socket_forget(struct lab_node *node, int fd)
{
	if (fd >= 0 && (unsigned)fd < node->sockets_size)
		node->sockets[fd] = (struct lab_socket){0};
}

/* Makes interfaces up to a number. 0 or -errno. */
int lab_node_interfaces(struct lab_node *node, int interface)
{
	struct vsq_lab *lab = node->lab;

	while (node->interfaces < interface) {
		char name[STK_NAME_MAX];
		struct stk_if_conf conf = {
			.name = name,
			.mac = {0x02, 0x76, (uint8_t)(node->number >> 16),
				(uint8_t)(node->number >> 8), (uint8_t)node->number,
				(uint8_t)(node->interfaces + 1)},
			.mtu = node->mtu,
		};
		int got;

		snprintf(name, sizeof(name), "eth%d", node->interfaces);
		got = stk_if_add(node->stk, sim_now(lab->sim), &conf);
		if (got < 0)
			return lab_fail(lab, got, "%s: interface %d: %s", node->name,
					node->interfaces + 1, strerror(-got));
		if (got != node->interfaces + 1)
			return lab_fail(lab, -EPROTO, "%s: interface %d came out as %d", node->name,
					node->interfaces + 1, got);
		node->interfaces = got;
		sim_touch(&node->engine);
	}
	return 0;
}

static int plug_host(struct lab_node *node, int port, struct sim_edge *edge)
{
	int interface = port, err;

	if (port == 0)
		for (interface = 1; interface <= node->interfaces; interface++)
			if (!node->interface[interface - 1].joined)
				break;
	if (interface < 1 || interface > STK_IF_MAX)
		return lab_fail(node->lab, -EINVAL, "%s: interface %d: a host has 1 to %d",
				node->name, interface, STK_IF_MAX);
	if (node->interface[interface - 1].joined)
		return lab_fail(node->lab, -EBUSY, "%s: interface %d has a cable already",
				node->name, interface);
	err = lab_node_interfaces(node, interface);
	if (!err)
		err = sim_join(&node->engine, interface, edge);
	if (err)
		return err;
	node->interface[interface - 1].joined = true;
	return interface;
}

static int plug_switch(struct lab_node *node, int port, struct sim_edge *edge)
{
	struct vsw_guest guest = {
		.port = port,
		.any = port == 0,
		.user = VSW_NONE,
		.module = "lab",
		.descr = ((struct lab_way *)edge)->cable->name,
	};
	int endpoint = vsw_attach(node->vsw, sim_now(node->lab->sim), &guest);
	int err;

	if (endpoint == -EMFILE)
		return lab_fail(node->lab, endpoint, "%s: no port is free", node->name);
	if (endpoint < 0)
		return lab_fail(node->lab, endpoint, "%s: port %d: %s", node->name, port,
				strerror(-endpoint));
	err = sim_join(&node->engine, endpoint, edge);
	return err ? err : endpoint;
}

int lab_node_plug(struct lab_node *node, int port, struct sim_edge *edge)
{
	int err;

	switch (node->kind) {
	case LAB_HOST:
	case LAB_ROUTER:
		return plug_host(node, port, edge);
	case LAB_SWITCH:
		return plug_switch(node, port, edge);
	case LAB_PROBE:
	case LAB_PEER:
		if (port > 0)
			return lab_fail(node->lab, -EINVAL, "%s: a %s has one port, 0, not %d",
					node->name, lab_kind_name(node->kind), port);
		if (node->engine.ports && node->engine.edges[0])
			return lab_fail(node->lab, -EBUSY, "%s: a %s has one cable, not two",
					node->name, lab_kind_name(node->kind));
		err = sim_join(&node->engine, 0, edge);
		return err;
	}
	return -EINVAL;
}

void lab_node_unplug(struct lab_node *node, int port)
{
	sim_join(&node->engine, port, NULL);
	if (lab_node_is_host(node))
		node->interface[port - 1].joined = false;
	else if (node->kind == LAB_SWITCH)
		vsw_detach(node->vsw, sim_now(node->lab->sim), port);
}

const struct wire_addr *lab_node_address(const struct lab_node *node, int family)
{
	return node->has_address[family == 6] ? &node->address[family == 6] : NULL;
}
