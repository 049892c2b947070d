/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Metrics: values by name. A name is looked up once and becomes an accessor, so a condition can be
 * looked at after every event.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/lab/app.h"
#include "harness/lab/flow.h"
#include "harness/lab/lab.h"

/* Metrics of an application and of its flow: a plain counter has its place, others compute. */
struct app_metric {
	const char *name;
	unsigned tells; /* which kinds have it; 0: all */
	size_t at;	/* of a uint64_t in struct lab_app; 0: by get */
	double (*get)(const struct lab_app *);
};

static double get_done(const struct lab_app *a)
{
	return a->done;
}

static double get_failed(const struct lab_app *a)
{
	return a->failed;
}

static double get_error(const struct lab_app *a)
{
	return a->error_number[0];
}

static double get_error_back(const struct lab_app *a)
{
	return a->error_number[1];
}

static double get_duration(const struct lab_app *a)
{
	return (double)lab_app_duration(a);
}

static double get_lost(const struct lab_app *a)
{
	return (double)(a->sent - a->received);
}

static double get_loss(const struct lab_app *a)
{
	return a->sent ? 100.0 * (double)(a->sent - a->received) / (double)a->sent : NAN;
}

static double get_goodput(const struct lab_app *a)
{
	vs_time duration = lab_app_duration(a);

	return duration ? (double)a->bytes_received * 8 * (double)VS_SEC / (double)duration : NAN;
}

static double get_retransmits(const struct lab_app *a)
{
	return a->flow ? (double)(a->flow->retransmits_fast + a->flow->retransmits_rto) : 0;
}

static double get_retransmits_fast(const struct lab_app *a)
{
	return a->flow ? (double)a->flow->retransmits_fast : 0;
}

static double get_retransmits_rto(const struct lab_app *a)
{
	return a->flow ? (double)a->flow->retransmits_rto : 0;
}

static double get_segments_lost(const struct lab_app *a)
{
	return a->flow ? (double)a->flow->lost : 0;
}

static double get_cwnd(const struct lab_app *a)
{
	return a->flow && a->flow->connection ? a->flow->cwnd : NAN;
}

#define COUNTER(field) offsetof(struct lab_app, field)

static const struct app_metric app_metrics[] = {
	{"done", 0, 0, get_done},
	{"failed", 0, 0, get_failed},
	{"duration", 0, 0, get_duration},
	{"errors", 0, COUNTER(errors), NULL},
	{"error", LAB_TELLS_TCP, 0, get_error},
	{"error_back", LAB_TELLS_TCP, 0, get_error_back},
	{"corrupted", 0, COUNTER(corrupted), NULL},
	{"sent", LAB_TELLS_MESSAGES, COUNTER(sent), NULL},
	{"received", LAB_TELLS_MESSAGES, COUNTER(received), NULL},
	{"lost", LAB_TELLS_MESSAGES, 0, get_lost},
	{"loss", LAB_TELLS_MESSAGES, 0, get_loss},
	{"duplicates", LAB_TELLS_MESSAGES, COUNTER(duplicates), NULL},
	{"reordered", LAB_TELLS_MESSAGES, COUNTER(reordered), NULL},
	{"bytes_sent", LAB_TELLS_BYTES, COUNTER(bytes_sent), NULL},
	{"bytes_received", LAB_TELLS_BYTES, COUNTER(bytes_received), NULL},
	{"goodput", LAB_TELLS_BYTES, 0, get_goodput},
	{"retransmits", LAB_TELLS_TCP, 0, get_retransmits},
	{"retransmits_fast", LAB_TELLS_TCP, 0, get_retransmits_fast},
	{"retransmits_rto", LAB_TELLS_TCP, 0, get_retransmits_rto},
	{"segments_lost", LAB_TELLS_TCP, 0, get_segments_lost},
	{"cwnd", LAB_TELLS_TCP, 0, get_cwnd},
};

#define APP_METRICS (sizeof(app_metrics) / sizeof(app_metrics[0]))

static const char *const quantile_names[] = {"count", "min", "p50", "p90", "p95",
					     "p99",   "max", "mean", "stddev"};

#define QUANTILES (sizeof(quantile_names) / sizeof(quantile_names[0]))

static double access_app(const struct lab_accessor *accessor)
{
	const struct app_metric *metric = &app_metrics[accessor->arg];
	const struct lab_app *app = accessor->object;
	uint64_t value;

	if (metric->get)
		return metric->get(app);
	memcpy(&value, (const char *)app + metric->at, sizeof(value));
	return (double)value;
}

/* Segments that left again, by reason. */
static double access_resent(const struct lab_accessor *accessor)
{
	const struct lab_app *app = accessor->object;

	return app->flow ? (double)app->flow->resent[accessor->arg] : 0;
}

static double access_quantile(const struct lab_accessor *accessor)
{
	static const double fractions[] = {[2] = 0.50, [3] = 0.90, [4] = 0.95, [5] = 0.99};
	struct lab_histogram *h = lab_app_rtts(accessor->object);

	switch (accessor->arg) {
	case 0:
		return (double)h->count;
	case 1:
		return h->count ? (double)h->min : NAN;
	case 6:
		return h->count ? (double)h->max : NAN;
	case 7:
		return lab_histogram_mean(h);
	case 8:
		return lab_histogram_deviation(h);
	default:
		return lab_histogram_quantile(h, fractions[accessor->arg]);
	}
}

static double access_node(const struct lab_accessor *accessor)
{
	struct vs_counters counters = lab_node_counters(accessor->object);

	return accessor->arg < counters.count ? (double)counters.values[accessor->arg] : NAN;
}

static double access_node_drops(const struct lab_accessor *accessor)
{
	return (double)((const struct lab_node *)accessor->object)->drops;
}

/* What every cable counts, with or without a link. */
static const struct {
	const char *name;
	size_t at;
} way_metrics[] = {
	{"frames", offsetof(struct lab_way, frames)},
	{"bytes", offsetof(struct lab_way, bytes)},
	{"delivered_frames", offsetof(struct lab_way, delivered_frames)},
	{"delivered_bytes", offsetof(struct lab_way, delivered_bytes)},
};

#define WAY_METRICS (sizeof(way_metrics) / sizeof(way_metrics[0]))

static double access_way(const struct lab_accessor *accessor)
{
	uint64_t value;

	memcpy(&value, (const char *)accessor->object + way_metrics[accessor->arg].at,
	       sizeof(value));
	return (double)value;
}

static double access_link(const struct lab_accessor *accessor)
{
	const struct lab_way *way = accessor->object;
	struct vs_counters counters = lab_cable_counters(way->cable, way->direction);

	return accessor->arg < counters.count ? (double)counters.values[accessor->arg] : NAN;
}

static double access_cable_node(const struct lab_accessor *accessor)
{
	return (double)lab_cable_node(accessor->object);
}

static double get_frames(const struct vsq_lab *lab)
{
	return (double)lab->frames;
}

static double get_bytes(const struct vsq_lab *lab)
{
	return (double)lab->bytes;
}

static double get_time(const struct vsq_lab *lab)
{
	return (double)lab_now(lab);
}

static double get_events(const struct vsq_lab *lab)
{
	return (double)(lab->sim ? sim_stats(lab->sim).events : lab->events);
}

static double get_looped(const struct vsq_lab *lab)
{
	return (double)(lab->sim ? sim_stats(lab->sim).looped : lab->looped);
}

static double get_unjoined(const struct vsq_lab *lab)
{
	return (double)(lab->sim ? sim_stats(lab->sim).unjoined : lab->unjoined);
}

static double get_frames_made(const struct vsq_lab *lab)
{
	return lab->pool ? (double)vs_pool_stats(lab->pool).frames_made : 0;
}

static double get_frames_out(const struct vsq_lab *lab)
{
	return lab->pool ? (double)vs_pool_stats(lab->pool).frames_out : 0;
}

static double get_refused(const struct vsq_lab *lab)
{
	return lab->pool ? (double)vs_pool_stats(lab->pool).refused : 0;
}

static const struct {
	const char *name;
	double (*get)(const struct vsq_lab *);
} lab_metrics[] = {
	{"frames", get_frames},		{"bytes", get_bytes},
	{"time", get_time},		{"events", get_events},
	{"looped", get_looped},		{"unjoined", get_unjoined},
	{"frames_made", get_frames_made}, {"frames_out", get_frames_out},
	{"frames_refused", get_refused},
};

#define LAB_METRICS (sizeof(lab_metrics) / sizeof(lab_metrics[0]))

static double access_lab(const struct lab_accessor *accessor)
{
	return lab_metrics[accessor->arg].get(accessor->object);
}

static int find_app(struct vsq_lab *lab, const char *name, struct lab_accessor *out)
{
	char *end;
	unsigned long number = strtoul(name, &end, 10);
	struct lab_app *app;

	if (end == name || *end != '.' || number >= lab->apps.count)
		return -ENOENT;
	app = lab->apps.items[number];
	name = end + 1;
	for (unsigned i = 0; i < APP_METRICS; i++) {
		if (app_metrics[i].tells && !(app_metrics[i].tells & app->kind->tells))
			continue;
		if (!strcmp(name, app_metrics[i].name)) {
			*out = (struct lab_accessor){access_app, app, i};
			return 0;
		}
	}
	for (unsigned i = 1; (app->kind->tells & LAB_TELLS_TCP) && i < TCP_REASONS; i++)
		if (!strncmp(name, "resent.", 7) && !strcmp(name + 7, tcp_reason_name(i))) {
			*out = (struct lab_accessor){access_resent, app, i};
			return 0;
		}
	if ((app->kind->tells & LAB_TELLS_RTT) && !strncmp(name, "rtt.", 4))
		name += 4;
	else if ((app->kind->tells & LAB_TELLS_DELAY) && !strncmp(name, "delay.", 6))
		name += 6;
	else
		return -ENOENT;
	for (unsigned i = 0; i < QUANTILES; i++)
		if (!strcmp(name, quantile_names[i])) {
			*out = (struct lab_accessor){access_quantile, app, i};
			return 0;
		}
	return -ENOENT;
}

static int find_node(struct vsq_lab *lab, const char *name, struct lab_accessor *out)
{
	size_t len = strcspn(name, ".");
	struct lab_node *node = lab_node_find(lab, name, len);
	struct vs_counters counters;

	if (!node || name[len] != '.')
		return -ENOENT;
	name += len + 1;
	if (!strcmp(name, "drops")) {
		*out = (struct lab_accessor){access_node_drops, node, 0};
		return 0;
	}
	counters = lab_node_counters(node);
	for (unsigned i = 0; i < counters.count; i++)
		if (!strcmp(counters.names[i], name)) {
			*out = (struct lab_accessor){access_node, node, i};
			return 0;
		}
	return -ENOENT;
}

static int find_cable(struct vsq_lab *lab, const char *name, struct lab_accessor *out)
{
	size_t len = strcspn(name, ".");
	struct lab_cable *cable = lab_cable_find(lab, name, len);
	struct vs_counters counters;
	struct lab_way *way;

	if (!cable || name[len] != '.')
		return -ENOENT;
	name += len + 1;
	if (!strcmp(name, "node")) {
		*out = (struct lab_accessor){access_cable_node, cable, 0};
		return 0;
	}
	if (strncmp(name, "lr.", 3) && strncmp(name, "rl.", 3))
		return -ENOENT;
	way = &cable->way[name[0] == 'r'];
	name += 3;
	for (unsigned i = 0; i < WAY_METRICS; i++)
		if (!strcmp(name, way_metrics[i].name)) {
			*out = (struct lab_accessor){access_way, way, i};
			return 0;
		}
	/* A cable without faults drops nothing: its link is idle, but knows the names. */
	if (!lab->finished && lab_cable_link(cable))
		return -ENOENT;
	counters = lab_cable_counters(cable, way->direction);
	for (unsigned i = 0; i < counters.count; i++)
		if (!strcmp(counters.names[i], name)) {
			*out = (struct lab_accessor){access_link, way, i};
			return 0;
		}
	return -ENOENT;
}

int lab_metric_find(struct vsq_lab *lab, const char *name, struct lab_accessor *out)
{
	int err = -ENOENT;

	if (!strncmp(name, "app.", 4))
		err = find_app(lab, name + 4, out);
	else if (!strncmp(name, "node.", 5))
		err = find_node(lab, name + 5, out);
	else if (!strncmp(name, "cable.", 6))
		err = find_cable(lab, name + 6, out);
	else if (!strncmp(name, "lab.", 4))
		for (unsigned i = 0; i < LAB_METRICS && err; i++)
			if (!strcmp(name + 4, lab_metrics[i].name)) {
				*out = (struct lab_accessor){access_lab, lab, i};
				err = 0;
			}
	if (err)
		return lab_fail(lab, err, "there is no metric \"%s\"", name);
	return 0;
}

int vsq_metric(struct vsq_lab *lab, const char *name, double *value)
{
	struct lab_accessor accessor;
	int err = lab_metric_find(lab, name, &accessor);

	if (err)
		return err;
	*value = accessor.get(&accessor);
	if (isnan(*value))
		return lab_fail(lab, -ENODATA, "%s has no value", name);
	return 0;
}

static void name_add(struct lab_list *list, const char *a, const char *b, const char *c)
{
	char text[256], *copy;
	int len = snprintf(text, sizeof(text), "%s.%s%s", a, b, c);

	copy = lab_copy(text, (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1);
	if (copy && lab_list_add(list, copy))
		free(copy);
}

static void names_clear(struct lab_list *list)
{
	for (unsigned i = 0; i < list->count; i++)
		free(list->items[i]);
	list->count = 0;
}

static void name_app(struct lab_list *list, const struct lab_app *app)
{
	unsigned tells = app->kind->tells;
	char prefix[32];

	snprintf(prefix, sizeof(prefix), "app.%d", app->number);
	for (unsigned i = 0; i < APP_METRICS; i++)
		if (!app_metrics[i].tells || (app_metrics[i].tells & tells))
			name_add(list, prefix, app_metrics[i].name, "");
	for (unsigned i = 1; (tells & LAB_TELLS_TCP) && i < TCP_REASONS; i++)
		name_add(list, prefix, "resent.", tcp_reason_name(i));
	for (unsigned i = 0; i < QUANTILES; i++) {
		if (tells & LAB_TELLS_RTT)
			name_add(list, prefix, "rtt.", quantile_names[i]);
		if (tells & LAB_TELLS_DELAY)
			name_add(list, prefix, "delay.", quantile_names[i]);
	}
}

static void name_cable(struct lab_list *list, struct lab_cable *cable)
{
	static const char *const directions[] = {"lr", "rl"};
	char prefix[256];

	for (int d = 0; d < 2; d++) {
		struct vs_counters counters = lab_cable_counters(cable, d);

		snprintf(prefix, sizeof(prefix), "cable.%s.%s", cable->name, directions[d]);
		for (unsigned i = 0; i < WAY_METRICS; i++)
			name_add(list, prefix, way_metrics[i].name, "");
		for (unsigned i = 0; cable->faulty && i < counters.count; i++)
			name_add(list, prefix, counters.names[i], "");
	}
	snprintf(prefix, sizeof(prefix), "cable.%s", cable->name);
	if (cable->faulty)
		name_add(list, prefix, "node", "");
}

int vsq_metric_count(struct vsq_lab *lab)
{
	struct lab_list *list = &lab->metric_names;
	char prefix[128];

	names_clear(list);
	for (unsigned i = 0; i < LAB_METRICS; i++)
		name_add(list, "lab", lab_metrics[i].name, "");
	for (unsigned i = 0; i < lab->apps.count; i++)
		name_app(list, lab->apps.items[i]);
	for (unsigned i = 0; i < lab->nodes.count; i++) {
		struct lab_node *node = lab->nodes.items[i];
		struct vs_counters counters = lab_node_counters(node);

		snprintf(prefix, sizeof(prefix), "node.%s", node->name);
		name_add(list, prefix, "drops", "");
		for (unsigned c = 0; c < counters.count; c++)
			name_add(list, prefix, counters.names[c], "");
	}
	for (unsigned i = 0; i < lab->cables.count; i++)
		name_cable(list, lab->cables.items[i]);
	return (int)list->count;
}

const char *vsq_metric_name(struct vsq_lab *lab, int i)
{
	if (!lab->metric_names.count)
		vsq_metric_count(lab);
	if (i < 0 || (unsigned)i >= lab->metric_names.count) {
		lab_fail(lab, -EINVAL, "there is no metric %d: there are %u", i,
			 lab->metric_names.count);
		return NULL;
	}
	return lab->metric_names.items[i];
}

/* Series by name, where an application or a cable has them. */
static struct lab_series *series_find(struct vsq_lab *lab, const char *name)
{
	const char *rest;
	char *end;

	if (!strncmp(name, "app.", 4)) {
		unsigned long number = strtoul(name + 4, &end, 10);
		struct lab_app *app;

		if (end == name + 4 || *end != '.' || number >= lab->apps.count)
			return NULL;
		app = lab->apps.items[number];
		rest = end + 1;
		if ((app->kind->tells & LAB_TELLS_BYTES) && !strcmp(rest, "goodput"))
			return lab_bins_series(&app->goodput, lab_now(lab));
		if ((app->kind->tells & LAB_TELLS_RTT) && !strcmp(rest, "rtt"))
			return lab_app_rtt_series(app);
		if ((app->kind->tells & LAB_TELLS_DELAY) && !strcmp(rest, "delay"))
			return lab_app_rtt_series(app);
		if (app->flow && !strncmp(rest, "tcp.", 4))
			return lab_flow_series(app->flow, rest + 4);
		return NULL;
	}
	if (!strncmp(name, "cable.", 6)) {
		size_t len = strcspn(name + 6, ".");
		struct lab_cable *cable = lab_cable_find(lab, name + 6, len);

		rest = name + 6 + len;
		if (!cable || !cable->faulty)
			return NULL;
		if (!strcmp(rest, ".node"))
			return &cable->node;
		if (!strcmp(rest, ".lr.queue"))
			return &cable->way[0].queue;
		if (!strcmp(rest, ".rl.queue"))
			return &cable->way[1].queue;
	}
	return NULL;
}

int vsq_series(struct vsq_lab *lab, const char *name, const int64_t **times, const double **values,
	       size_t *count)
{
	struct lab_series *series = series_find(lab, name);

	if (!series)
		return lab_fail(lab, -ENOENT, "there is no series \"%s\"", name);
	*times = series->times;
	*values = series->values;
	*count = series->count;
	return 0;
}

int vsq_series_count(struct vsq_lab *lab)
{
	struct lab_list *list = &lab->series_names;
	char prefix[128];

	names_clear(list);
	for (unsigned i = 0; i < lab->apps.count; i++) {
		struct lab_app *app = lab->apps.items[i];
		char text[LAB_FLOW_NAME];
		const char *name;

		snprintf(prefix, sizeof(prefix), "app.%d", app->number);
		if (app->kind->tells & LAB_TELLS_BYTES)
			name_add(list, prefix, "goodput", "");
		if (app->kind->tells & LAB_TELLS_RTT)
			name_add(list, prefix, "rtt", "");
		if (app->kind->tells & LAB_TELLS_DELAY)
			name_add(list, prefix, "delay", "");
		for (unsigned s = 0; app->flow && (name = lab_flow_series_name(s, text)); s++)
			name_add(list, prefix, "tcp.", name);
	}
	for (unsigned i = 0; i < lab->cables.count; i++) {
		struct lab_cable *cable = lab->cables.items[i];

		if (!cable->faulty)
			continue;
		snprintf(prefix, sizeof(prefix), "cable.%s", cable->name);
		name_add(list, prefix, "node", "");
		name_add(list, prefix, "lr.queue", "");
		name_add(list, prefix, "rl.queue", "");
	}
	return (int)list->count;
}

const char *vsq_series_name(struct vsq_lab *lab, int i)
{
	if (!lab->series_names.count)
		vsq_series_count(lab);
	if (i < 0 || (unsigned)i >= lab->series_names.count) {
		lab_fail(lab, -EINVAL, "there is no series %d: there are %u", i,
			 lab->series_names.count);
		return NULL;
	}
	return lab->series_names.items[i];
}
