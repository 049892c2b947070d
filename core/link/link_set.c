/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Settings by name, in wirefilter's notation. Each is read whole before anything changes. */
#include <errno.h>
#include <string.h>

#include "core/link/link_impl.h"

static const struct param {
	const char *name;
	enum link_param param;
	enum link_unit unit;
	int64_t min; /* of a value that is not 0 */
	int64_t max;
	const char *range;
	const char *example;
} params[] = {
	{"loss", LINK_LOSS, LINK_UNIT_PERCENT, 0, LINK_PERCENT, "0 to 100 percent", "LR 2.5"},
	{"lostburst", LINK_LOSTBURST, LINK_UNIT_COUNT, LINK_MICRO, LINK_MICRO *LINK_MICRO,
	 "0 (off), or 1 to 10^6 frames", "5"},
	{"delay", LINK_DELAY, LINK_UNIT_MS, 0, LINK_MICRO * 1000000000, "0 to 10^9 ms",
	 "100+10N[4], 20ms+5msN or LR 500us"},
	{"dup", LINK_DUP, LINK_UNIT_PERCENT, 0, LINK_PERCENT - 1, "less than 100 percent", "RL 10"},
	{"bandwidth", LINK_BANDWIDTH, LINK_UNIT_RATE, LINK_MICRO,
	 LINK_MICRO *LINK_MICRO *LINK_MICRO, "0 (off), or 1 to 10^12 bytes/s",
	 "128+64K or 10Mbit/s"},
	{"speed", LINK_SPEED, LINK_UNIT_RATE, LINK_MICRO, LINK_MICRO *LINK_MICRO *LINK_MICRO,
	 "0 (off), or 1 to 10^12 bytes/s", "1M or 100Mbit/s"},
	{"noise", LINK_NOISE, LINK_UNIT_COUNT, 0, 8 * LINK_MEGABYTE *LINK_MICRO,
	 "0 to 8388608 bits per megabyte", "100"},
	{"mtu", LINK_MTU, LINK_UNIT_BYTES, 0, LINK_MICRO * 1000000000, "0 to 10^9 bytes", "1500"},
	{"chanbufsize", LINK_CAPACITY, LINK_UNIT_BYTES, 0, LINK_MICRO *LINK_MICRO *LINK_MICRO,
	 "0 to 10^12 bytes", "64K or 100kB"},
	{"reorder", LINK_REORDER, LINK_UNIT_PERCENT, 0, LINK_PERCENT, "0 to 100 percent", "5"},
	{"reorder-delay", LINK_REORDER_DELAY, LINK_UNIT_MS, 0, LINK_MICRO * 1000000000,
	 "0 to 10^9 ms", "10 or 2ms+1ms"},
	{"corrupt", LINK_CORRUPT, LINK_UNIT_PERCENT, 0, LINK_PERCENT, "0 to 100 percent", "0.1"},
	{"ecn", LINK_ECN, LINK_UNIT_BYTES, 0, LINK_MICRO *LINK_MICRO *LINK_MICRO,
	 "0 to 10^12 bytes", "30K or 30kB"},
};

static const struct {
	const char *alias, *name;
} aliases[] = {
	{"capacity", "chanbufsize"},
	{"band", "bandwidth"},
	{"setedge", "markov-setedge"},
};

static int wrong(struct link *l, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int wrong(struct link *l, int err, const char *format, ...)
{
	struct vs_text text;
	va_list args;

	vs_text_init(&text, l->why, sizeof(l->why));
	va_start(args, format);
	vs_text_vadd(&text, format, args);
	va_end(args);
	return err;
}

/* Computes what does not change from frame to frame. */
void link_settings_derive(struct link_settings *s)
{
	static const enum link_param shares[] = {LINK_LOSS, LINK_DUP, LINK_REORDER, LINK_CORRUPT};
	uint64_t noise = (uint64_t)s->value[LINK_NOISE].value;

	s->active = 0;
	for (unsigned p = 0; p < LINK_PARAMS; p++)
		if (s->value[p].value || s->value[p].spread)
			s->active |= 1u << p;
	for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++)
		s->chance[shares[i]] =
			vs_chance_of((uint64_t)s->value[shares[i]].value, (uint64_t)LINK_PERCENT);
	s->noise_hazard =
		link_hazard(vs_chance_of(noise, (uint64_t)(8 * LINK_MEGABYTE * LINK_MICRO)));
	link_loss_derive(s);
}

static int set_value(struct link *l, const struct param *param, const char *text)
{
	struct link_setting set;
	int err = link_setting_parse(text, param->unit, param->max, &set);
	int from, to;

	if (!err && set.value.value && set.value.value < param->min)
		err = -ERANGE;
	if (err == -ERANGE)
		return wrong(l, err, "%s: '%s' is out of range: it takes %s", param->name, text,
			     param->range);
	if (err)
		return wrong(
			l, err,
			"%s: '%s' is not [LR|RL] VALUE[+SPREAD][U|N][[NODE]], as in %s; it takes "
			"%s",
			param->name, text, param->example, param->range);
	if (set.node >= l->node_count)
		return wrong(l, -EINVAL, "%s: '%s' names node %d, but the nodes are 0 to %d",
			     param->name, text, set.node, l->node_count - 1);
	from = set.node == LINK_NODE_ALL ? 0 : set.node;
	to = set.node == LINK_NODE_ALL ? l->node_count - 1 : set.node;
	for (int node = from; node <= to; node++)
		for (int side = 0; side < 2; side++)
			if (set.sides & (1u << side)) {
				l->nodes[node].side[side].value[param->param] = set.value;
				link_settings_derive(&l->nodes[node].side[side]);
			}
	return 0;
}

static int set_fifo(struct link *l, vs_time now, const char *text)
{
	static const char *const words[] = {"0", "off", "false", "FALSE",
					    "1", "on",	"true",	 "TRUE"};

	(void)now;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(text, words[i])) {
			l->fifo = i >= 4;
			return 0;
		}
	return wrong(l, -EINVAL, "fifo: '%s' is neither on (1, true) nor off (0, false)", text);
}

/* Reads a whole number below end, and the comma or blanks after it. */
static int number_read(const char **text, unsigned end, int *out)
{
	const char *s = *text;
	unsigned n = 0;

	if (*s < '0' || *s > '9')
		return -EINVAL;
	for (; *s >= '0' && *s <= '9'; s++)
		if ((n = n * 10 + (unsigned)(*s - '0')) > 1000000)
			return -EINVAL;
	if (n >= end)
		return -EINVAL;
	while (*s == ' ' || *s == '\t')
		s++;
	if (*s == ',')
		s++;
	while (*s == ' ' || *s == '\t')
		s++;
	*text = s;
	*out = (int)n;
	return 0;
}

static int set_numnodes(struct link *l, vs_time now, const char *text)
{
	const char *s = text;
	int count, err;

	if (number_read(&s, LINK_NODES_MAX + 1, &count) || *s || count < 1)
		return wrong(l, -EINVAL,
			     "markov-numnodes: '%s' is not a number of nodes from 1 to %d", text,
			     LINK_NODES_MAX);
	if (count == l->node_count)
		return 0;
	err = link_chain_resize(l, now, count);
	if (err)
		return wrong(l, err, "markov-numnodes: no memory for %d nodes", count);
	return 0;
}

static int set_time(struct link *l, vs_time now, const char *text)
{
	const char *end;
	int64_t period;

	if (link_quantity_parse(text, LINK_UNIT_MS, &end, &period) || *end || period <= 0)
		return wrong(
			l, -EINVAL,
			"markov-time: '%s' is not a time above 0 in ms or with its unit (100, 2s)",
			text);
	l->chain.period = period;
	l->chain.origin = now;
	link_chain_restart(l, now);
	return 0;
}

static int set_name(struct link *l, vs_time now, const char *text)
{
	const char *s = text;
	size_t len;
	int node;

	(void)now;
	if (number_read(&s, (unsigned)l->node_count, &node))
		return wrong(l, -EINVAL,
			     "markov-name: '%s' is not NODE,NAME with a node from 0 to %d", text,
			     l->node_count - 1);
	len = strlen(s);
	if (len > LINK_NAME_MAX)
		return wrong(l, -EINVAL, "markov-name: a name has at most %d bytes", LINK_NAME_MAX);
	memcpy(l->nodes[node].name, s, len + 1);
	return 0;
}

static int set_node(struct link *l, vs_time now, const char *text)
{
	const char *s = text;
	int node;

	if (number_read(&s, (unsigned)l->node_count, &node) || *s)
		return wrong(l, -EINVAL, "markov-setnode: '%s' is not a node from 0 to %d", text,
			     l->node_count - 1);
	link_chain_enter(l, now, node);
	return 0;
}

static int set_edge(struct link *l, vs_time now, const char *text)
{
	const char *s = text, *end;
	int64_t weight, leaving;
	int from, to;

	if (number_read(&s, (unsigned)l->node_count, &from) ||
	    number_read(&s, (unsigned)l->node_count, &to) ||
	    link_quantity_parse(s, LINK_UNIT_PERCENT, &end, &weight) || *end)
		return wrong(l, -EINVAL,
			     "markov-setedge: '%s' is not FROM,TO,PERCENT with nodes from 0 to %d",
			     text, l->node_count - 1);
	if (from == to)
		return wrong(
			l, -EINVAL,
			"markov-setedge: '%s': the edge from a node to itself is what the others "
			"leave of 100 percent",
			text);
	leaving = link_chain_leaving(l, from) - *link_weight(l, from, to);
	if (weight > LINK_PERCENT - leaving) {
		struct vs_text t;

		vs_text_init(&t, l->why, sizeof(l->why));
		vs_text_add(&t,
			    "markov-setedge: '%s': the edges from node %d would have more than 100 "
			    "percent; ",
			    text, from);
		link_micro_print(&t, LINK_PERCENT - leaving);
		vs_text_add(&t, " are left");
		return -EINVAL;
	}
	*link_weight(l, from, to) = (uint32_t)weight;
	if (from == l->chain.node)
		link_chain_restart(l, now);
	return 0;
}

int link_trace_loss(struct link *l, int direction, const char *bits, size_t len)
{
	struct link_side *side = &l->side[direction];
	uint8_t *place = NULL;
	size_t count = 0;

	for (size_t i = 0; i < len; i++) {
		if (bits[i] == '0' || bits[i] == '1')
			count++;
		else if (!strchr(" \t\r\n", bits[i]) || !bits[i])
			return wrong(l, -EINVAL, "trace-loss: byte %zu is neither 0 nor 1", i + 1);
	}
	if (count) {
		place = vs_alloc(l->arena, count);
		if (!place)
			return wrong(l, -ENOMEM, "trace-loss: no memory for %zu frames", count);
	}
	vs_free(l->arena, side->loss_bits, side->loss_len);
	side->loss_bits = place;
	side->loss_len = count;
	side->loss_next = 0;
	for (size_t i = 0, k = 0; i < len; i++)
		if (bits[i] == '0' || bits[i] == '1')
			place[k++] = bits[i] == '1';
	return 0;
}

int link_trace_capacity(struct link *l, vs_time now, int direction, const uint32_t *ms,
			size_t count)
{
	struct link_opportunities *o = &l->side[direction].opportunities;
	uint32_t *place = NULL;

	for (size_t i = 1; i < count; i++)
		if (ms[i] < ms[i - 1])
			return wrong(
				l, -EINVAL,
				"trace-capacity: time %zu, %u ms, is less than the one before, %u",
				i + 1, ms[i], ms[i - 1]);
	if (count && !ms[count - 1])
		return wrong(l, -EINVAL, "trace-capacity: the last time must be above 0 ms");
	if (count) {
		place = vs_alloc(l->arena, count * sizeof(*place));
		if (!place)
			return wrong(l, -ENOMEM, "trace-capacity: no memory for %zu times", count);
		memcpy(place, ms, count * sizeof(*place));
	}
	link_advance(l, now);
	vs_free(l->arena, o->ms, o->count * sizeof(*o->ms));
	*o = (struct link_opportunities){
		.ms = place, .count = count, .start = l->now, .left = LINK_TRACE_MTU};
	return 0;
}

static int set_trace_loss(struct link *l, vs_time now, const char *text)
{
	unsigned sides = link_sides_parse(&text);
	int err = 0;

	(void)now;
	if (!*text)
		return wrong(l, -EINVAL, "trace-loss: [LR|RL] and 0s and 1s, or off");
	for (int side = 0; side < 2 && !err; side++)
		if (sides & (1u << side))
			err = link_trace_loss(l, side, text,
					      strcmp(text, "off") ? strlen(text) : 0);
	return err;
}

/* The times of the list at text; with ms NULL they are only counted. -1: it is no such list. */
static long times_read(const char *text, uint32_t *ms)
{
	long count = 0;

	while (*text) {
		uint64_t n = 0;

		if (*text < '0' || *text > '9')
			return -1;
		for (; *text >= '0' && *text <= '9'; text++)
			if ((n = n * 10 + (uint64_t)(*text - '0')) > UINT32_MAX)
				return -1;
		if (ms)
			ms[count] = (uint32_t)n;
		count++;
		while (*text && strchr(", \t\r\n", *text))
			text++;
	}
	return count;
}

static int set_trace_capacity(struct link *l, vs_time now, const char *text)
{
	unsigned sides = link_sides_parse(&text);
	bool off = !strcmp(text, "off");
	long count = off ? 0 : times_read(text, NULL);
	size_t size = (size_t)(count > 0 ? count : 0) * sizeof(uint32_t);
	uint32_t *ms = NULL;
	int err = 0;

	if (!off && count <= 0)
		return wrong(l, -EINVAL,
			     "trace-capacity: [LR|RL] and times in ms, ascending, or off");
	if (size) {
		ms = vs_alloc(l->arena, size);
		if (!ms)
			return wrong(l, -ENOMEM, "trace-capacity: no memory for %ld times", count);
		times_read(text, ms);
	}
	for (int side = 0; side < 2 && !err; side++)
		if (sides & (1u << side))
			err = link_trace_capacity(l, now, side, ms, (size_t)count);
	vs_free(l->arena, ms, size);
	return err;
}

static const struct {
	const char *name;
	int (*set)(struct link *, vs_time now, const char *text);
} others[] = {
	{"fifo", set_fifo},
	{"markov-numnodes", set_numnodes},
	{"markov-time", set_time},
	{"markov-name", set_name},
	{"markov-setnode", set_node},
	{"markov-setedge", set_edge},
	{"trace-loss", set_trace_loss},
	{"trace-capacity", set_trace_capacity},
};

static int set(struct link *l, vs_time now, const char *name, const char *value)
{
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
		if (!strcmp(name, aliases[i].alias))
			name = aliases[i].name;
	for (size_t i = 0; i < sizeof(params) / sizeof(params[0]); i++)
		if (!strcmp(name, params[i].name))
			return set_value(l, &params[i], value);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (!strcmp(name, others[i].name))
			return others[i].set(l, now, value);
	return wrong(
		l, -ENOENT,
		"no parameter '%s': loss lostburst delay dup bandwidth speed chanbufsize noise mtu "
		"fifo reorder reorder-delay corrupt ecn trace-... markov-...",
		name);
}

int link_set(struct link *l, vs_time now, const char *name, const char *value, const char **why)
{
	int err;

	link_advance(l, now);
	while (*value == ' ' || *value == '\t')
		value++;
	err = set(l, l->now, name, value);
	if (err && why)
		*why = l->why;
	return err;
}
