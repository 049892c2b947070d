/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Cables: a join of two ports. Without a fault frames pass straight from one node to the other; the
 * first parameter that is set puts a link engine in between. Whatever passes is counted, hashed,
 * and written to captures here.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"
#include "core/mgmt/mgmt.h"
#include "harness/lab/lab.h"

static void link_verb_input(void *engine, vs_time now, int port, struct vs_frame *f)
{
	link_input(engine, now, port, f);
}

static void link_verb_run(void *engine, vs_time now)
{
	link_run(engine, now);
}

static vs_time link_verb_poll_at(const void *engine)
{
	return link_poll_at(engine);
}

static struct vs_frame *link_verb_output(void *engine, int *port)
{
	return link_output(engine, port);
}

static const struct sim_verbs link_verbs = {
	.input = link_verb_input,
	.run = link_verb_run,
	.poll_at = link_verb_poll_at,
	.output = link_verb_output,
};

static void count_delivered(struct lab_way *way, const struct vs_frame *f)
{
	way->delivered_frames++;
	way->delivered_bytes += f->len;
	way->cable->lab->frames++;
	way->cable->lab->bytes += f->len;
}

/* A frame passes a cable without faults: it enters and leaves at one instant. */
static bool way_cross(struct sim_edge *edge, vs_time now, struct vs_frame *f)
{
	struct lab_way *way = (struct lab_way *)edge;
	struct lab_cable *cable = way->cable;

	way->frames++;
	way->bytes += f->len;
	way->crossed++;
	count_delivered(way, f);
	lab_digest_frame(cable->lab->digest, LAB_CROSSES, cable->number, way->direction, now, f);
	if (cable->captures.count) {
		lab_capture_frame(cable, way->direction, true, now, f);
		lab_capture_frame(cable, !way->direction, false, now, f);
	}
	return true;
}

static bool way_enter(struct sim_edge *edge, vs_time now, struct vs_frame *f)
{
	struct lab_way *way = (struct lab_way *)edge;
	struct lab_cable *cable = way->cable;

	way->frames++;
	way->bytes += f->len;
	lab_digest_hash(cable->lab->digest, f);
	lab_digest_frame(cable->lab->digest, LAB_ENTERS, cable->number, way->direction, now, f);
	if (cable->captures.count)
		lab_capture_frame(cable, way->direction, true, now, f);
	return true;
}

static bool way_leave(struct sim_edge *edge, vs_time now, struct vs_frame *f)
{
	struct lab_way *way;
	struct lab_cable *cable;

	way = (struct lab_way *)((char *)edge - offsetof(struct lab_way, leave));
	cable = way->cable;
	count_delivered(way, f);
	lab_digest_frame(cable->lab->digest, LAB_LEAVES, cable->number, way->direction, now, f);
	if (cable->captures.count)
		lab_capture_frame(cable, !way->direction, false, now, f);
	return true;
}

static void link_dropped(void *ctx, vs_time now, int port, const struct vs_frame *f,
			 const char *reason)
{
	struct lab_cable *cable = ctx;
	int direction = port == LINK_RIGHT;

	cable->drops++;
	lab_digest_frame(cable->lab->digest, LAB_DROPS, cable->number, direction, now, f);
	if (!f)
		return;
	lab_flow_lost(cable->lab, now, f);
	if (cable->captures.count)
		lab_capture_drop(cable, direction, now, f, reason);
}

static void link_valued(void *ctx, vs_time now, int port, const char *name, int64_t value)
{
	struct lab_cable *cable = ctx;

	/* Every frame changes the queue: its name, once known, is known by its place. */
	if (name == cable->queue_name || !strcmp(name, "queue.bytes")) {
		cable->queue_name = name;
		lab_series_add(&cable->way[port == LINK_RIGHT].queue, now, (double)value);
	} else if (!strcmp(name, "markov.node")) {
		lab_series_add(&cable->node, now, (double)value);
	}
}

int lab_cable_node(const struct lab_cable *cable)
{
	return cable->link ? link_node(cable->link) : 0;
}

int lab_cable_link(struct lab_cable *cable)
{
	struct vsq_lab *lab = cable->lab;
	struct link_conf conf = {
		.seed = lab->seed, .name = cable->name, .trace = &cable->trace};
	int err;

	if (cable->link || lab->finished)
		return cable->link ? 0 : -EINVAL;
	err = link_create(&cable->link, &conf, &lab->arena);
	if (err)
		return lab_fail(lab, err, "%s: %s", cable->name, strerror(-err));
	err = sim_add(lab->sim, &cable->engine, &link_verbs, cable->link, cable);
	cable->in_world = !err;
	for (int d = 0; d < 2 && !err; d++) {
		struct lab_way *way = &cable->way[d];

		way->leave.to = &cable->end[!d]->engine;
		way->leave.port = cable->port[!d];
		way->leave.seen = way_leave;
		/* What leaves at the link's port d came by the other way. */
		err = sim_join(&cable->engine, d, &cable->way[!d].leave);
	}
	if (err)
		return lab_fail(lab, err, "%s: %s", cable->name, strerror(-err));
	return 0;
}

/* From now on frames go through the link. */
static void put_link_between(struct lab_cable *cable)
{
	if (cable->faulty)
		return;
	cable->faulty = true;
	lab_series_add(&cable->node, sim_now(cable->lab->sim), link_node(cable->link));
	for (int d = 0; d < 2; d++) {
		struct sim_edge *enter = &cable->way[d].enter;

		enter->to = &cable->engine;
		enter->port = d;
		enter->seen = way_enter;
	}
}

int lab_cable_set(struct lab_cable *cable, const char *parameter, const char *value)
{
	struct vsq_lab *lab = cable->lab;
	const char *why = NULL;
	int err = lab_cable_link(cable);

	if (err)
		return err;
	err = link_set(cable->link, sim_now(lab->sim), parameter, value, &why);
	if (err)
		return lab_fail(lab, err, "%s: %s \"%s\": %s", cable->name, parameter, value,
				why ? why : strerror(-err));
	if (!strcmp(parameter, "dup"))
		lab->duplicates = true;
	put_link_between(cable);
	sim_touch(&cable->engine);
	return 0;
}

int vsq_link(struct vsq_lab *lab, int number, const char *parameter, const char *value)
{
	struct lab_cable *cable = lab_cable_at(lab, number);

	if (!cable)
		return -EINVAL;
	if (!parameter || !value)
		return lab_fail(lab, -EINVAL, "%s: a parameter needs a name and a value",
				cable->name);
	return lab_cable_set(cable, parameter, value);
}

/* Reads ascending milliseconds, one a line, and gives them malloc()ed. */
static int read_capacity(struct lab_cable *cable, const char *text, size_t len, uint32_t **out,
			 size_t *out_count)
{
	size_t count = 0, lines = 0;
	uint32_t *ms;

	for (size_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	ms = malloc((lines + 1) * sizeof(*ms));
	if (!ms)
		return lab_fail(cable->lab, -ENOMEM, "%s: no memory", cable->name);
	for (size_t i = 0, line = 1; i < len; line++) {
		uint64_t value = 0;
		size_t digits = 0;

		while (i < len && text[i] >= '0' && text[i] <= '9' && value <= UINT32_MAX) {
			value = value * 10 + (uint64_t)(text[i++] - '0');
			digits++;
		}
		while (i < len && (text[i] == ' ' || text[i] == '\t' || text[i] == '\r'))
			i++;
		if ((i < len && text[i] != '\n') || value > UINT32_MAX ||
		    (digits && count && ms[count - 1] > value)) {
			free(ms);
			return lab_fail(cable->lab, -EINVAL,
					"%s: capacity trace, line %zu: milliseconds, not "
					"descending, one a line",
					cable->name, line);
		}
		if (digits)
			ms[count++] = (uint32_t)value;
		i++;
	}
	*out = ms;
	*out_count = count;
	return 0;
}

static int set_loss_trace(struct lab_cable *cable, int direction, const char *text, size_t len)
{
	char *bits = malloc(len + 1);
	size_t count = 0;
	int err;

	if (!bits)
		return lab_fail(cable->lab, -ENOMEM, "%s: no memory", cable->name);
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '0' || text[i] == '1') {
			bits[count++] = text[i];
		} else if (!strchr(" \t\r\n", text[i]) || !text[i]) {
			free(bits);
			return lab_fail(cable->lab, -EINVAL,
					"%s: loss trace, byte %zu: only 0, 1 and blanks are "
					"allowed",
					cable->name, i + 1);
		}
	}
	bits[count] = '\0';
	err = link_trace_loss(cable->link, direction, bits, count);
	free(bits);
	return err;
}

int vsq_link_trace(struct vsq_lab *lab, int number, int direction, const char *kind,
		   const char *text, size_t len)
{
	struct lab_cable *cable = lab_cable_at(lab, number);
	size_t count = 0;
	uint32_t *ms = NULL;
	int err;

	if (!cable)
		return -EINVAL;
	if (direction != 0 && direction != 1)
		return lab_fail(lab, -EINVAL, "%s: direction %d: it must be 0 or 1", cable->name,
				direction);
	err = lab_cable_link(cable);
	if (err)
		return err;
	lab->error[0] = '\0';
	if (!strcmp(kind, "loss")) {
		err = set_loss_trace(cable, direction, text, len);
	} else if (!strcmp(kind, "capacity")) {
		err = read_capacity(cable, text, len, &ms, &count);
		if (err)
			return err;
		err = link_trace_capacity(cable->link, sim_now(lab->sim), direction, ms, count);
		free(ms);
	} else {
		return lab_fail(lab, -EINVAL, "%s: trace \"%s\": it must be loss or capacity",
				cable->name, kind);
	}
	if (err)
		return lab->error[0] ? err
				     : lab_fail(lab, err, "%s: %s trace: %s", cable->name, kind,
						strerror(-err));
	put_link_between(cable);
	sim_touch(&cable->engine);
	return 0;
}

int lab_cable_mgmt(struct lab_cable *cable)
{
	struct mgmt_conf console = {.prompt = "VDEwf$ ", .greeting = ""};
	int err = lab_cable_link(cable);

	if (err || cable->mgmt)
		return err;
	err = mgmt_create(&cable->mgmt, &console, &cable->lab->arena);
	if (!err)
		err = link_mgmt_add(cable->link, cable->mgmt);
	if (err)
		return lab_fail(cable->lab, err, "%s: %s", cable->name, strerror(-err));
	put_link_between(cable);
	return 0;
}

struct vs_counters lab_cable_counters(struct lab_cable *cable, int direction)
{
	struct lab_counters *kept = &cable->counters[direction];

	if (cable->link)
		return link_counters(cable->link, direction);
	return (struct vs_counters){kept->names, kept->values, kept->count};
}

static int join(struct lab_cable *cable, int a, int port_a, int b, int port_b)
{
	struct vsq_lab *lab = cable->lab;
	int ends[2] = {a, b}, ports[2] = {port_a, port_b};

	for (int side = 0; side < 2; side++) {
		struct lab_way *way = &cable->way[side];
		int port;

		way->cable = cable;
		way->direction = side;
		way->enter.seen = way_cross;
		cable->end[side] = lab->nodes.items[ends[side]];
		port = lab_node_plug(cable->end[side], ports[side], &way->enter);
		if (port < 0) {
			if (side == 1)
				lab_node_unplug(cable->end[0], cable->port[0]);
			return port;
		}
		cable->port[side] = port;
	}
	for (int side = 0; side < 2; side++) {
		cable->way[side].enter.to = &cable->end[!side]->engine;
		cable->way[side].enter.port = cable->port[!side];
	}
	return 0;
}

int vsq_join(struct vsq_lab *lab, const char *name, int a, int port_a, int b, int port_b)
{
	struct lab_node *left = lab_node_at(lab, a), *right = lab_node_at(lab, b);
	struct lab_cable *cable;
	char own[160];
	int err;

	if (!left || !right)
		return -EINVAL;
	if (lab->finished)
		return lab_fail(lab, -EINVAL, "this lab is finished");
	if (!name || !*name) {
		/* "a-b", and with a number behind it from the second one on. */
		snprintf(own, sizeof(own), "%s-%s", left->name, right->name);
		for (unsigned i = 2; lab_cable_find(lab, own, strlen(own)); i++)
			snprintf(own, sizeof(own), "%s-%s-%u", left->name, right->name, i);
		name = own;
	} else {
		err = lab_check_name(lab, name, "cable");
		if (err)
			return err;
		if (lab_cable_find(lab, name, strlen(name)))
			return lab_fail(lab, -EEXIST, "there is a cable \"%s\" already", name);
	}
	cable = calloc(1, sizeof(*cable));
	if (!cable || !(cable->name = lab_copy(name, strlen(name)))) {
		free(cable);
		return lab_fail(lab, -ENOMEM, "no memory for cable %s", name);
	}
	cable->lab = lab;
	cable->number = (int)lab->cables.count;
	cable->trace = (struct vs_trace){.ctx = cable, .drop = link_dropped, .value = link_valued};
	err = join(cable, a, port_a, b, port_b);
	if (!err && lab_list_add(&lab->cables, cable)) {
		err = lab_fail(lab, -ENOMEM, "no memory for cable %s", name);
		lab_node_unplug(cable->end[0], cable->port[0]);
		lab_node_unplug(cable->end[1], cable->port[1]);
	}
	if (err) {
		free(cable->name);
		free(cable);
		return err;
	}
	return cable->number;
}

int vsq_cable_count(struct vsq_lab *lab)
{
	return (int)lab->cables.count;
}

const char *vsq_cable_name(struct vsq_lab *lab, int number)
{
	struct lab_cable *cable = lab_cable_at(lab, number);

	return cable ? cable->name : NULL;
}

int vsq_cable_end(struct vsq_lab *lab, int number, int side)
{
	struct lab_cable *cable = lab_cable_at(lab, number);

	if (!cable)
		return -EINVAL;
	if (side != 0 && side != 1)
		return lab_fail(lab, -EINVAL, "a cable has sides 0 and 1, not %d", side);
	return cable->end[side]->number;
}

int vsq_cable(struct vsq_lab *lab, const char *name)
{
	struct lab_cable *cable = lab_cable_find(lab, name, strlen(name));

	if (!cable)
		return lab_fail(lab, -ENOENT, "there is no cable \"%s\"", name);
	return cable->number;
}

void lab_cable_stop(struct lab_cable *cable)
{
	if (cable->link)
		for (int d = 0; d < 2; d++)
			lab_counters_keep(&cable->counters[d], link_counters(cable->link, d));
	if (cable->in_world)
		sim_remove(&cable->engine);
	cable->in_world = false;
	if (cable->mgmt)
		mgmt_destroy(cable->mgmt);
	if (cable->link)
		link_destroy(cable->link);
	cable->mgmt = NULL;
	cable->link = NULL;
}

void lab_cable_free(struct lab_cable *cable)
{
	lab_cable_stop(cable);
	for (int d = 0; d < 2; d++) {
		free(cable->counters[d].values);
		lab_series_fini(&cable->way[d].queue);
	}
	lab_series_fini(&cable->node);
	lab_list_fini(&cable->captures);
	free(cable->name);
	free(cable);
}
