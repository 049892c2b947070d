/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "harness/lab/app.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"
#include "harness/lab/flow.h"
#include "harness/lab/number.h"
#include "harness/lab/peer.h"

#define PORT_BASE 5001

static const struct lab_app_kind *const kinds[] = {
	&lab_app_ping,	   &lab_app_udp_cbr, &lab_app_tcp_bulk, &lab_app_tcp_request_response,
	&lab_app_tcp_echo, &lab_app_tcp_exchange, &lab_app_tcp_peer, &lab_app_syn_flood,
};

enum unit {
	UNIT_TIME,
	UNIT_BYTES,
	UNIT_RATE,
	UNIT_COUNT,
	UNIT_FLAG,
	UNIT_ACT,
};

/* Every parameter, by name. */
static const struct {
	const char *name;
	size_t at;
	enum unit unit;
} params[] = {
	{"start", offsetof(struct lab_app_params, start), UNIT_TIME},
	{"stop", offsetof(struct lab_app_params, stop), UNIT_TIME},
	{"interval", offsetof(struct lab_app_params, interval), UNIT_TIME},
	{"bytes", offsetof(struct lab_app_params, bytes), UNIT_BYTES},
	{"size", offsetof(struct lab_app_params, size), UNIT_BYTES},
	{"request", offsetof(struct lab_app_params, request), UNIT_BYTES},
	{"response", offsetof(struct lab_app_params, response), UNIT_BYTES},
	{"rate", offsetof(struct lab_app_params, rate), UNIT_RATE},
	{"count", offsetof(struct lab_app_params, count), UNIT_COUNT},
	{"requests", offsetof(struct lab_app_params, requests), UNIT_COUNT},
#define PARAM(name, unit) {#name, offsetof(struct lab_app_params, name), unit}
	PARAM(port, UNIT_COUNT),
	PARAM(from_port, UNIT_COUNT),
	PARAM(writes, UNIT_COUNT),
	PARAM(nodelay, UNIT_FLAG),
	PARAM(keepalive, UNIT_FLAG),
	PARAM(simultaneous, UNIT_FLAG),
	PARAM(user_timeout, UNIT_TIME),
	PARAM(maxseg, UNIT_BYTES),
	PARAM(sndbuf, UNIT_BYTES),
	PARAM(rcvbuf, UNIT_BYTES),
	PARAM(read, UNIT_RATE),
	PARAM(pause, UNIT_TIME),
	PARAM(resume, UNIT_TIME),
	PARAM(close, UNIT_TIME),
	PARAM(close_back, UNIT_TIME),
	PARAM(reset, UNIT_TIME),
	PARAM(reset_back, UNIT_TIME),
	PARAM(act, UNIT_ACT),
	PARAM(n, UNIT_COUNT),
	PARAM(after, UNIT_COUNT),
	PARAM(window, UNIT_BYTES),
	PARAM(mss, UNIT_BYTES),
	PARAM(hold, UNIT_TIME),
#undef PARAM
};

static bool kind_has(const struct lab_app_kind *kind, const char *key)
{
	if (!strcmp(key, "start") || !strcmp(key, "stop"))
		return true;
	for (const char *const *k = kind->keys; *k; k++)
		if (!strcmp(*k, key))
			return true;
	return false;
}

static int unknown_key(struct vsq_lab *lab, const struct lab_app_kind *kind, const char *key)
{
	char allowed[256];
	struct vs_text text;

	vs_text_init(&text, allowed, sizeof(allowed));
	vs_text_add(&text, "start, stop, family");
	for (const char *const *k = kind->keys; *k; k++)
		vs_text_add(&text, ", %s", *k);
	return lab_fail(lab, -EINVAL, "%s has no parameter \"%s\": it has %s", kind->name, key,
			allowed);
}

static int set_family(struct vsq_lab *lab, const struct lab_app_kind *kind,
		      struct lab_app_params *p, const char *value)
{
	if (!strcmp(value, "any"))
		p->family = 0;
	else if (!strcmp(value, "4") || !strcmp(value, "6"))
		p->family = value[0] - '0';
	else
		return lab_fail(lab, -EINVAL, "%s: family=%s: it must be 4, 6 or any", kind->name,
				value);
	return 0;
}

static int read_act(const char *value, uint64_t *act)
{
	const char *name;

	for (unsigned i = 0; (name = lab_act_name(i)); i++)
		if (!strcmp(name, value)) {
			*act = i;
			return 0;
		}
	return -EINVAL;
}

static int set_param(struct vsq_lab *lab, const struct lab_app_kind *kind,
		     struct lab_app_params *p, const char *key, const char *value)
{
	static const char *const wants[] = {
		"a time such as 1500000, 10ms or 2s", "a size such as 1000 or 20MB",
		"a rate such as 500000 or 2Mbit/s", "a number", "0 or 1",
		"an act of a peer, such as plain or shrink"};

	if (!strcmp(key, "family"))
		return set_family(lab, kind, p, value);
	for (size_t i = 0; i < sizeof(params) / sizeof(params[0]); i++) {
		void *place = (char *)p + params[i].at;
		int err = -EINVAL;

		if (strcmp(key, params[i].name) || !kind_has(kind, key))
			continue;
		switch (params[i].unit) {
		case UNIT_TIME:
			err = lab_number_time(value, place);
			break;
		case UNIT_BYTES:
			err = lab_number_bytes(value, place);
			break;
		case UNIT_RATE:
			err = lab_number_rate(value, place);
			break;
		case UNIT_COUNT:
			err = vs_parse_uint(value, INT64_MAX, place);
			break;
		case UNIT_FLAG:
			err = vs_parse_uint(value, 1, place);
			break;
		case UNIT_ACT:
			err = read_act(value, place);
			break;
		}
		if (err)
			return lab_fail(lab, -EINVAL, "%s: %s=%s: it must be %s", kind->name, key,
					value, wants[params[i].unit]);
		return 0;
	}
	return unknown_key(lab, kind, key);
}

static int parse_params(struct vsq_lab *lab, const struct lab_app_kind *kind,
			struct lab_app_params *p, const char *text)
{
	while (text && *text) {
		size_t len = strcspn(text, " \t\n");
		char pair[160], *equals;
		int err;

		if (len == 0) {
			text++;
			continue;
		}
		if (len >= sizeof(pair))
			return lab_fail(lab, -EINVAL, "%s: a parameter of %zu characters",
					kind->name, len);
		memcpy(pair, text, len);
		pair[len] = '\0';
		text += len;
		equals = strchr(pair, '=');
		if (!equals)
			return lab_fail(lab, -EINVAL, "%s: \"%s\": parameters are key=value",
					kind->name, pair);
		*equals = '\0';
		err = set_param(lab, kind, p, pair, equals + 1);
		if (err)
			return err;
	}
	if (p->stop < p->start)
		return lab_fail(lab, -EINVAL, "%s: it stops before it starts", kind->name);
	if (p->port > 65535 || p->from_port > 65535)
		return lab_fail(lab, -EINVAL, "%s: port=%llu: it must be 1 to 65535", kind->name,
				(unsigned long long)(p->port > 65535 ? p->port : p->from_port));
	if (p->maxseg > INT32_MAX || p->sndbuf > INT32_MAX || p->rcvbuf > INT32_MAX)
		return lab_fail(lab, -EINVAL, "%s: a size beyond 2^31", kind->name);
	return 0;
}

static struct lab_app *app_of_start(struct vs_timer *timer)
{
	return (struct lab_app *)((char *)timer - offsetof(struct lab_app, start_timer));
}

static void touch_ends(struct lab_app *app)
{
	sim_touch(&app->from->engine);
	sim_touch(&app->to->engine);
}

static void start_due(struct vs_timer *timer, void *ctx, vs_time now)
{
	struct lab_app *app = app_of_start(timer);

	(void)ctx;
	app->started = true;
	app->began = now;
	if (lab_app_check(app)) {
		lab_app_fail(app, now, "%s", app->lab->error);
		return;
	}
	app->kind->start(app, now);
	touch_ends(app);
}

static void tick_due(struct vs_timer *timer, void *ctx, vs_time now)
{
	struct lab_app *app;

	(void)ctx;
	app = (struct lab_app *)((char *)timer - offsetof(struct lab_app, tick_timer));
	if (app->failed)
		return;
	app->kind->tick(app, now);
	touch_ends(app);
}

static void stop_due(struct vs_timer *timer, void *ctx, vs_time now)
{
	struct lab_app *app;

	(void)ctx;
	app = (struct lab_app *)((char *)timer - offsetof(struct lab_app, stop_timer));
	if (app->failed || app->done || !app->started)
		return;
	app->stopping = true;
	if (app->kind->stop)
		app->kind->stop(app, now);
	touch_ends(app);
}

static int app_timers(struct lab_app *app)
{
	struct sim *sim = app->lab->sim;

	if (sim_timer_add(sim, &app->start_timer, start_due))
		return -ENOMEM;
	if (sim_timer_add(sim, &app->tick_timer, tick_due)) {
		sim_timer_remove(sim, &app->start_timer);
		return -ENOMEM;
	}
	if (sim_timer_add(sim, &app->stop_timer, stop_due)) {
		sim_timer_remove(sim, &app->start_timer);
		sim_timer_remove(sim, &app->tick_timer);
		return -ENOMEM;
	}
	app->timers_added = true;
	return 0;
}

static const struct lab_app_kind *kind_find(struct vsq_lab *lab, const char *name)
{
	for (size_t i = 0; name && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kinds[i]->name, name))
			return kinds[i];
	lab_fail(lab, -EINVAL,
		 "there is no application \"%s\": there are ping, udp-cbr, tcp-bulk, "
		 "tcp-request-response, tcp-echo, tcp-exchange, tcp-peer, syn-flood",
		 name ? name : "");
	return NULL;
}

static bool may_be_end(const struct lab_app_kind *kind, int side, const struct lab_node *node)
{
	if (kind->peer == side + 1 || (side && kind->to_anyone && node->kind == LAB_PEER))
		return node->kind == LAB_PEER;
	return lab_node_is_host(node);
}

int vsq_app(struct vsq_lab *lab, const char *name, int from, int to, const char *parameters)
{
	const struct lab_app_kind *kind = kind_find(lab, name);
	struct lab_node *ends[2] = {lab_node_at(lab, from), lab_node_at(lab, to)};
	struct lab_app *app;
	int err;

	if (!kind || !ends[0] || !ends[1])
		return -EINVAL;
	if (lab->finished)
		return lab_fail(lab, -EINVAL, "this lab is finished");
	for (int i = 0; i < 2; i++)
		if (!may_be_end(kind, i, ends[i]))
			return lab_fail(lab, -EINVAL, "%s: %s is a %s, not a %s", name,
					ends[i]->name, lab_kind_name(ends[i]->kind),
					kind->peer == i + 1 ? "peer" : "host");
	app = calloc(1, sizeof(*app));
	if (!app)
		return lab_fail(lab, -ENOMEM, "no memory for an application");
	app->lab = lab;
	app->number = (int)lab->apps.count;
	app->kind = kind;
	app->from = ends[0];
	app->to = ends[1];
	app->client = app->listener = app->server = -1;
	app->p = kind->defaults;
	app->p.stop = app->p.pause = app->p.resume = VS_NEVER;
	app->p.close = app->p.close_back = app->p.reset = app->p.reset_back = VS_NEVER;
	err = parse_params(lab, kind, &app->p, parameters);
	if (!err && app->p.port == 0)
		app->p.port = (uint64_t)(PORT_BASE + app->number % (65536 - PORT_BASE));
	if (!err && app->p.start < sim_now(lab->sim))
		err = lab_fail(lab, -EINVAL, "%s: its start is past", name);
	if (!err && kind->check)
		err = kind->check(app);
	if (!err)
		err = app_timers(app);
	if (!err)
		err = lab_list_add(&lab->apps, app);
	if (err) {
		lab_app_free(app);
		return err == -ENOMEM ? lab_fail(lab, err, "no memory for an application") : err;
	}
	sim_timer_set(lab->sim, &app->start_timer, app->p.start);
	if (app->p.stop != VS_NEVER)
		sim_timer_set(lab->sim, &app->stop_timer, app->p.stop);
	return app->number;
}

int vsq_app_count(struct vsq_lab *lab)
{
	return (int)lab->apps.count;
}

const char *vsq_app_kind(struct vsq_lab *lab, int number)
{
	struct lab_app *app = lab_app_at(lab, number);

	return app ? app->kind->name : NULL;
}

int vsq_app_end(struct vsq_lab *lab, int number, int side)
{
	struct lab_app *app = lab_app_at(lab, number);

	if (!app)
		return -EINVAL;
	if (side != 0 && side != 1)
		return lab_fail(lab, -EINVAL, "an application has ends 0 and 1, not %d", side);
	return side ? app->to->number : app->from->number;
}

int lab_app_check(struct lab_app *app)
{
	static const int families[] = {4, 6};

	for (int i = 0; i < 2; i++) {
		int family = families[i];

		if (app->p.family && app->p.family != family)
			continue;
		if (!lab_node_address(app->from, family) || !lab_node_address(app->to, family))
			continue;
		app->family = family;
		app->address = *lab_node_address(app->to, family);
		return 0;
	}
	return lab_fail(app->lab, -EINVAL, "application %d (%s): %s and %s have no %s in common",
			app->number, app->kind->name, app->from->name, app->to->name,
			app->p.family == 4   ? "IPv4 addresses"
			: app->p.family == 6 ? "IPv6 addresses"
					     : "address family");
}

void lab_app_fail(struct lab_app *app, vs_time now, const char *format, ...)
{
	va_list args;

	if (app->failed)
		return;
	app->failed = true;
	app->ended = now;
	va_start(args, format);
	vsnprintf(app->error, sizeof(app->error), format, args);
	va_end(args);
	sim_timer_set(app->lab->sim, &app->tick_timer, VS_NEVER);
}

void lab_app_done(struct lab_app *app, vs_time now)
{
	if (app->done || app->failed)
		return;
	app->done = true;
	app->ended = now;
}

void lab_app_finish(struct lab_app *app)
{
	if (!app->started)
		app->began = app->ended = sim_now(app->lab->sim);
	else if (!app->done && !app->failed)
		app->ended = sim_now(app->lab->sim);
}

void lab_app_stop(struct lab_app *app)
{
	struct sim *sim = app->lab->sim;

	if (app->timers_added) {
		sim_timer_remove(sim, &app->start_timer);
		sim_timer_remove(sim, &app->tick_timer);
		sim_timer_remove(sim, &app->stop_timer);
		app->timers_added = false;
	}
}

void lab_app_free(struct lab_app *app)
{
	lab_app_stop(app);
	lab_flow_free(app->flow);
	lab_histogram_fini(&app->rtt);
	lab_series_fini(&app->rtt_series);
	lab_bins_fini(&app->goodput);
	free(app->pending);
	free(app);
}

void lab_app_event(struct lab_app *app, vs_time now, struct lab_node *node, int fd, int role,
		   unsigned readiness)
{
	(void)node;
	if (!app->failed)
		app->kind->event(app, now, fd, (enum lab_role)role, readiness);
}

void lab_app_tick_at(struct lab_app *app, vs_time at)
{
	sim_timer_set(app->lab->sim, &app->tick_timer, at);
}

void lab_app_rtt(struct lab_app *app, vs_time now, vs_time rtt)
{
	lab_histogram_add(&app->rtt, rtt);
	lab_series_add(&app->rtt_series, now, (double)rtt);
}

struct lab_histogram *lab_app_rtts(struct lab_app *app)
{
	return app->kind == &lab_app_tcp_bulk && app->flow ? &app->flow->rtt : &app->rtt;
}

struct lab_series *lab_app_rtt_series(struct lab_app *app)
{
	if (app->kind == &lab_app_tcp_bulk && app->flow)
		return lab_flow_series(app->flow, "rtt");
	return &app->rtt_series;
}

vs_time lab_app_duration(const struct lab_app *app)
{
	if (!app->started)
		return 0;
	if (app->done || app->failed || app->lab->finished)
		return app->ended - app->began;
	return lab_now(app->lab) - app->began;
}

bool lab_app_arrived(struct lab_app *app, uint64_t number)
{
	uint64_t *word = &app->seen[number % LAB_WINDOW / 64];
	uint64_t bit = (uint64_t)1 << number % 64;

	if (number >= app->highest) {
		/* What falls out of the window is forgotten. */
		for (uint64_t n = app->highest; n < number && n < app->highest + LAB_WINDOW; n++)
			app->seen[n % LAB_WINDOW / 64] &= ~((uint64_t)1 << n % 64);
		app->highest = number + 1;
		*word |= bit;
	} else if (number + LAB_WINDOW < app->highest || (*word & bit)) {
		app->duplicates++;
		return false;
	} else {
		app->reordered++;
		*word |= bit;
	}
	app->received++;
	return true;
}

int lab_app_socket(struct lab_app *app, vs_time now, struct lab_node *node, int type,
		   enum lab_role role)
{
	int fd = stk_socket(node->stk, type);

	if (fd < 0) {
		lab_app_fail(app, now, "%s: socket: %s", node->name, strerror(-fd));
		return -1;
	}
	if (lab_socket_watch(node, fd, app, role)) {
		stk_close(node->stk, now, fd);
		lab_app_fail(app, now, "%s: no memory", node->name);
		return -1;
	}
	return fd;
}

void lab_app_close(struct lab_app *app, vs_time now, struct lab_node *node, int *fd)
{
	(void)app;
	if (*fd < 0)
		return;
	lab_socket_forget(node, *fd);
	stk_close(node->stk, now, *fd);
	*fd = -1;
}

struct stk_addr lab_app_server_address(const struct lab_app *app)
{
	return (struct stk_addr){.addr = app->address, .port = (uint16_t)app->p.port};
}
