/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* wirefilter's commands over a link, with its words, and the same facts as JSON. What the original
 * does not have is shown only where it is set, so that scripts find the lines they know.
 */
#include <errno.h>
#include <string.h>

#include "core/link/link_impl.h"
#include "core/mgmt/mgmt.h"

#define DEBUG_NODE 3800 /* the code of a debug line is this plus the node entered */

static int answer(struct mgmt_reply *r, int err, const char *why)
{
	if (err)
		mgmt_line(r, "%s", why);
	return err;
}

#define SETTER(fn, name)                                                                           \
	static int fn(void *owner, vs_time now, struct mgmt_reply *r, const char *args)            \
	{                                                                                          \
		const char *why = "";                                                              \
		int err = link_set(owner, now, name, args, &why);                                  \
                                                                                                   \
		return answer(r, err, why);                                                        \
	}

SETTER(set_loss, "loss")
SETTER(set_lostburst, "lostburst")
SETTER(set_delay, "delay")
SETTER(set_dup, "dup")
SETTER(set_bandwidth, "bandwidth")
SETTER(set_speed, "speed")
SETTER(set_noise, "noise")
SETTER(set_mtu, "mtu")
SETTER(set_chanbufsize, "chanbufsize")
SETTER(set_fifo, "fifo")
SETTER(set_reorder, "reorder")
SETTER(set_reorder_delay, "reorder-delay")
SETTER(set_corrupt, "corrupt")
SETTER(set_ecn, "ecn")
SETTER(set_trace_loss, "trace-loss")
SETTER(set_trace_capacity, "trace-capacity")
SETTER(set_numnodes, "markov-numnodes")
SETTER(set_node, "markov-setnode")
SETTER(set_name, "markov-name")
SETTER(set_time, "markov-time")
SETTER(set_edge, "markov-setedge")

/* The node that args names, the current one when there are none, or -1. */
static int node_of(const struct link *l, const char *args)
{
	uint64_t node;

	if (!*args)
		return l->chain.node;
	return vs_parse_uint(args, (uint64_t)l->node_count - 1, &node) ? -1 : (int)node;
}

/* "100+50N": as the original writes a value. */
static void value_print(struct vs_text *t, const struct link_value *v)
{
	link_micro_print(t, v->value);
	vs_text_put(t, "+", 1);
	link_micro_print(t, v->spread);
	vs_text_put(t, v->gauss ? "N" : "U", 1);
}

static void value_json(struct mgmt_reply *r, const char *key, const struct link_value *v)
{
	mgmt_json_open(r, key, '{');
	mgmt_json_micro(r, "value", v->value);
	mgmt_json_micro(r, "spread", v->spread);
	mgmt_json_text(r, "distribution", v->gauss ? "N" : "U");
	mgmt_json_close(r);
}

static const struct row {
	enum link_param param;
	bool original;
	const char *title;
	const char *key;
} rows[] = {
	{LINK_LOSS, true, "Loss  ", "loss"},
	{LINK_LOSTBURST, true, "Lburst", "lostburst"},
	{LINK_DELAY, true, "Delay ", "delay"},
	{LINK_DUP, true, "Dup   ", "dup"},
	{LINK_BANDWIDTH, true, "Bandw ", "bandwidth"},
	{LINK_SPEED, true, "Speed ", "speed"},
	{LINK_NOISE, true, "Noise ", "noise"},
	{LINK_MTU, true, "MTU   ", "mtu"},
	{LINK_CAPACITY, true, "Cap.  ", "chanbufsize"},
	{LINK_REORDER, false, "Reord.", "reorder"},
	{LINK_REORDER_DELAY, false, "Rdelay", "reorder-delay"},
	{LINK_CORRUPT, false, "Corr. ", "corrupt"},
	{LINK_ECN, false, "ECN   ", "ecn"},
};

static void show_parameter(const struct link *l, const struct link_node *n, const struct row *row,
			   struct mgmt_reply *r)
{
	const struct link_value *v[2] = {&n->side[0].value[row->param],
					 &n->side[1].value[row->param]};
	char bytes[2][64];
	struct vs_text t[2];

	mgmt_json_open(r, row->key, '{');
	value_json(r, "LR", v[0]);
	value_json(r, "RL", v[1]);
	mgmt_json_close(r);
	if (!row->original && !link_is_active(&n->side[0], row->param) &&
	    !link_is_active(&n->side[1], row->param))
		return;
	for (int i = 0; i < 2; i++) {
		vs_text_init(&t[i], bytes[i], sizeof(bytes[i]));
		if (row->param == LINK_MTU)
			link_micro_print(&t[i], v[i]->value - v[i]->spread);
		else
			value_print(&t[i], v[i]);
	}
	if (l->one_way)
		mgmt_line(r, "%s %s", row->title, bytes[0]);
	else if (row->param == LINK_MTU)
		mgmt_line(r, "%s L->R %s     R->L %s   ", row->title, bytes[0], bytes[1]);
	else
		mgmt_line(r, "%s L->R %s   R->L %s", row->title, bytes[0], bytes[1]);
}

static void show_traces(const struct link *l, struct mgmt_reply *r)
{
	const struct link_side *s = l->side;

	if (s[0].loss_len || s[1].loss_len)
		mgmt_line(r, "Trace of losses      L->R %zu frames   R->L %zu frames",
			  s[0].loss_len, s[1].loss_len);
	if (s[0].opportunities.count || s[1].opportunities.count)
		mgmt_line(r, "Trace of capacity    L->R %zu times   R->L %zu times",
			  s[0].opportunities.count, s[1].opportunities.count);
	mgmt_json_open(r, "trace", '{');
	for (int i = 0; i < 2; i++) {
		mgmt_json_open(r, i ? "RL" : "LR", '{');
		mgmt_json_int(r, "loss_frames", (int64_t)s[i].loss_len);
		mgmt_json_int(r, "capacity_times", (int64_t)s[i].opportunities.count);
		mgmt_json_close(r);
	}
	mgmt_json_close(r);
}

static int showinfo(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	struct link *l = owner;
	char period[32];
	struct vs_text t;
	int node;

	link_advance(l, now);
	node = node_of(l, args);
	if (node < 0)
		return -EINVAL;
	vs_text_init(&t, period, sizeof(period));
	link_micro_print(&t, l->chain.period);
	mgmt_line(r, "WireFilter: %s", l->one_way ? "monodirectional" : "bidirectional");
	if (l->node_count > 1)
		mgmt_line(r, "Node %d \"%s\" (0,..,%d) Markov-time %s", node, l->nodes[node].name,
			  l->node_count - 1, period);
	mgmt_json_int(r, "node", node);
	mgmt_json_text(r, "name", l->nodes[node].name);
	mgmt_json_int(r, "current", l->chain.node);
	mgmt_json_int(r, "nodes", l->node_count);
	mgmt_json_micro(r, "markov_time_ms", l->chain.period);
	mgmt_json_open(r, "parameters", '{');
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		show_parameter(l, &l->nodes[node], &rows[i], r);
	mgmt_json_close(r);
	if (l->one_way)
		mgmt_line(r, "Current Delay Queue size:   %zu", link_queue_bytes(l, 0));
	else
		mgmt_line(r, "Current Delay Queue size:   L->R %zu      R->L %zu   ",
			  link_queue_bytes(l, 0), link_queue_bytes(l, 1));
	mgmt_line(r, "Fifoness %s", l->fifo ? "TRUE" : "FALSE");
	mgmt_line(r, "Waiting packets in delay queues %zu",
		  link_queue_frames(l, 0) + link_queue_frames(l, 1));
	mgmt_json_bool(r, "fifo", l->fifo);
	for (int i = 0; i < 2; i++) {
		mgmt_json_open(r, i ? "queue_RL" : "queue_LR", '{');
		mgmt_json_int(r, "bytes", (int64_t)link_queue_bytes(l, i));
		mgmt_json_int(r, "frames", (int64_t)link_queue_frames(l, i));
		mgmt_json_close(r);
	}
	show_traces(l, r);
	return 0;
}

static int showcounters(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	struct link *l = owner;
	struct vs_counters c[2];

	if (*args)
		return -EINVAL;
	link_advance(l, now);
	for (int i = 0; i < 2; i++) {
		c[i] = link_counters(l, i);
		mgmt_json_open(r, i ? "RL" : "LR", '{');
		for (unsigned k = 0; k < c[i].count; k++)
			mgmt_json_int(r, c[i].names[k], (int64_t)c[i].values[k]);
		mgmt_json_close(r);
	}
	for (unsigned k = 0; k < c[0].count; k++)
		mgmt_line(r, "%-13s L->R %llu   R->L %llu", c[0].names[k],
			  (unsigned long long)c[0].values[k], (unsigned long long)c[1].values[k]);
	return 0;
}

static void show_edge(const struct link *l, struct mgmt_reply *r, int from, int to, int64_t weight)
{
	char bytes[32];
	struct vs_text t;

	vs_text_init(&t, bytes, sizeof(bytes));
	link_micro_print(&t, weight);
	mgmt_line(r, "Edge %d ->%d  \"%s\"->\"%s\" weigth %s", from, to, l->nodes[from].name,
		  l->nodes[to].name, bytes);
	mgmt_json_open(r, NULL, '{');
	mgmt_json_int(r, "from", from);
	mgmt_json_int(r, "to", to);
	mgmt_json_micro(r, "weight", weight);
	mgmt_json_close(r);
}

static int showedges(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	struct link *l = owner;
	int from;

	link_advance(l, now);
	from = node_of(l, args);
	if (from < 0)
		return -EINVAL;
	mgmt_json_open(r, "edges", '[');
	for (int to = 0; to < l->node_count; to++) {
		int64_t weight = *link_weight(l, from, to);

		if (to == from)
			weight = LINK_PERCENT - link_chain_leaving(l, from);
		if (weight)
			show_edge(l, r, from, to, weight);
	}
	mgmt_json_close(r);
	return 0;
}

static int showcurrent(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	struct link *l = owner;

	if (*args)
		return -EINVAL;
	link_advance(l, now);
	mgmt_line(r, "Current Markov Node %d \"%s\" (0,..,%d)", l->chain.node,
		  l->nodes[l->chain.node].name, l->node_count - 1);
	mgmt_json_int(r, "node", l->chain.node);
	mgmt_json_text(r, "name", l->nodes[l->chain.node].name);
	mgmt_json_int(r, "nodes", l->node_count);
	return 0;
}

/* The chain moves on before anybody listens: what happened until then was not asked for. */
static int markov_debug(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	uint64_t level = 0;

	if (*args && vs_parse_uint(args, INT32_MAX, &level))
		return -EINVAL;
	link_advance(owner, now);
	return mgmt_listen(r, DEBUG_NODE, level > 0);
}

static bool node_observed(const struct link *l)
{
	return mgmt_debugging(l->mgmt, DEBUG_NODE);
}

static void node_changed(struct link *l, int from, int to)
{
	const char *name = link_node_name(l, from);

	mgmt_debug_as(l->mgmt, DEBUG_NODE, DEBUG_NODE + (unsigned)to % 200,
		      "Node %d \"%s\" -> %d \"%s\"", from, name ? name : "", to, l->nodes[to].name);
}

static const struct mgmt_command commands[] = {
	{"showinfo", "[n]", "show status and parameter values", showinfo, MGMT_DATA},
	{"showcounters", "", "show what was counted", showcounters, MGMT_DATA},
	{"loss", "", "set loss percentage", set_loss, 0},
	{"lostburst", "", "mean length of lost packet bursts", set_lostburst, 0},
	{"delay", "", "set delay ms", set_delay, 0},
	{"dup", "", "set dup packet percentage", set_dup, 0},
	{"bandwidth", "", "set channel bandwidth bytes/sec", set_bandwidth, 0},
	{"speed", "", "set interface speed bytes/sec", set_speed, 0},
	{"noise", "", "set noise factor bits/Mbyte", set_noise, 0},
	{"mtu", "", "set channel MTU (bytes)", set_mtu, 0},
	{"chanbufsize", "", "set channel buffer size (bytes)", set_chanbufsize, 0},
	{"capacity", "", "set channel buffer size (bytes)", set_chanbufsize, MGMT_SECRET},
	{"fifo", "", "set channel fifoness", set_fifo, 0},
	{"reorder", "", "set percentage of packets that are overtaken", set_reorder, 0},
	{"reorder-delay", "", "set for how many ms they are (0: 10)", set_reorder_delay, 0},
	{"corrupt", "", "set percentage of corrupted packets", set_corrupt, 0},
	{"ecn", "", "set the queue that marks packets (bytes)", set_ecn, 0},
	{"trace-loss", "01..|off", "play a recorded trace of losses", set_trace_loss, 0},
	{"trace-capacity", "ms,..|off", "play a trace of delivery times", set_trace_capacity, 0},
	{"markov-numnodes", "n", "markov mode: set number of states", set_numnodes, 0},
	{"markov-setnode", "n", "markov mode: set current state", set_node, 0},
	{"markov-name", "n,name", "markov mode: set state's name", set_name, 0},
	{"markov-time", "ms", "markov mode: transition period", set_time, 0},
	{"markov-setedge", "n1,n2,w", "markov mode: set edge weight", set_edge, 0},
	{"setedge", "n1,n2,w", "markov mode: set edge weight", set_edge, 0},
	{"showedges", "n", "markov mode: show edge weights", showedges, MGMT_DATA},
	{"showcurrent", "", "markov mode: show current state", showcurrent, MGMT_DATA},
	{"markov-debug", "n", "markov mode: set debug level", markov_debug, 0},
};

static const struct mgmt_category categories[] = {
	{"markov/node", "Markov chain: the node has changed", DEBUG_NODE},
};

int link_mgmt_add(struct link *l, struct mgmt *m)
{
	int err = mgmt_add(m, commands, sizeof(commands) / sizeof(commands[0]), l);

	if (err)
		return err;
	err = mgmt_add_categories(m, categories, 1, l);
	if (err) {
		mgmt_remove(m, l);
		return err;
	}
	l->mgmt = m;
	l->node_observed = node_observed;
	l->node_changed = node_changed;
	return 0;
}
