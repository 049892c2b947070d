/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A lab: its memory, its clock, and how it ends. Frames live in an arena of their own, so at the
 * end both can be weighed: the pool must be whole, and the engines must have given everything back.
 */
#include "harness/lab/lab.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/prng.h"
#include "core/host/memory.h"
#include "harness/lab/app.h"

#define MEMORY_DEFAULT ((size_t)256 << 20)
#define PROGRESS_EVENTS 4096

const char *vsq_version(void)
{
	return VSQ_VERSION;
}

int lab_list_add(struct lab_list *list, void *item)
{
	if (list->count == list->size) {
		unsigned size = list->size ? list->size * 2 : 16;
		void **items = realloc(list->items, size * sizeof(*items));

		if (!items)
			return -ENOMEM;
		list->items = items;
		list->size = size;
	}
	list->items[list->count++] = item;
	return 0;
}

void lab_list_fini(struct lab_list *list)
{
	free(list->items);
	memset(list, 0, sizeof(*list));
}

char *lab_copy(const char *text, size_t len)
{
	char *copy = malloc(len + 1);

	if (copy) {
		memcpy(copy, text, len);
		copy[len] = '\0';
	}
	return copy;
}

int lab_fail(struct vsq_lab *lab, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(lab->error, sizeof(lab->error), format, args);
	va_end(args);
	return err;
}

const char *vsq_error(const struct vsq_lab *lab)
{
	return lab->error;
}

vs_time lab_now(const struct vsq_lab *lab)
{
	return lab->sim ? sim_now(lab->sim) : lab->end;
}

int64_t vsq_now(const struct vsq_lab *lab)
{
	return lab_now(lab);
}

static bool pattern_fill(struct vsq_lab *lab)
{
	struct vs_prng chance;

	/* The same in every lab: what applications send is no matter of the seed. */
	vs_prng_seed(&chance, 0, "lab.pattern");
	lab->pattern = malloc(LAB_PATTERN + LAB_SCRATCH);
	lab->scratch = malloc(LAB_SCRATCH);
	if (!lab->pattern || !lab->scratch)
		return false;
	for (size_t i = 0; i < LAB_PATTERN; i++)
		lab->pattern[i] = (uint8_t)(vs_prng_next(&chance) >> 56);
	for (size_t i = 0; i < LAB_SCRATCH; i++)
		lab->pattern[LAB_PATTERN + i] = lab->pattern[i % LAB_PATTERN];
	return true;
}

const uint8_t *lab_pattern(const struct vsq_lab *lab, uint64_t offset)
{
	return lab->pattern + offset % LAB_PATTERN;
}

struct vsq_lab *vsq_new(const char *name, uint64_t seed)
{
	struct vsq_lab *lab = calloc(1, sizeof(*lab));

	if (!lab)
		return NULL;
	lab->seed = seed;
	lab->memory = MEMORY_DEFAULT;
	host_arena_init(&lab->frames_arena, 0);
	host_arena_init(&lab->arena, 0);
	lab->name = lab_copy(name ? name : "", strlen(name ? name : ""));
	lab->digest = lab_digest_new();
	if (!lab->name || !lab->digest || !pattern_fill(lab) ||
	    sim_create(&lab->sim, &lab->arena)) {
		vsq_free(lab);
		return NULL;
	}
	return lab;
}

/* Ends every engine; what they leave behind is the oracles' to see. */
static void engines_stop(struct vsq_lab *lab)
{
	for (unsigned i = 0; i < lab->apps.count; i++)
		lab_app_stop(lab->apps.items[i]);
	for (unsigned i = 0; i < lab->nodes.count; i++)
		lab_node_stop(lab->nodes.items[i]);
	for (unsigned i = 0; i < lab->cables.count; i++)
		lab_cable_stop(lab->cables.items[i]);
	lab_commands_free(lab);
	if (lab->sim) {
		struct sim_stats stats = sim_stats(lab->sim);

		lab->end = sim_now(lab->sim);
		lab->looped = stats.looped;
		lab->unjoined = stats.unjoined;
		lab->events = stats.events;
		sim_destroy(lab->sim);
		lab->sim = NULL;
	}
}

static void strings_free(struct lab_list *list)
{
	for (unsigned i = 0; i < list->count; i++)
		free(list->items[i]);
	lab_list_fini(list);
}

void vsq_free(struct vsq_lab *lab)
{
	if (!lab)
		return;
	engines_stop(lab);
	for (unsigned i = 0; i < lab->apps.count; i++)
		lab_app_free(lab->apps.items[i]);
	for (unsigned i = 0; i < lab->nodes.count; i++)
		lab_node_free(lab->nodes.items[i]);
	for (unsigned i = 0; i < lab->cables.count; i++)
		lab_cable_free(lab->cables.items[i]);
	for (unsigned i = 0; i < lab->captures.count; i++)
		lab_capture_free(lab->captures.items[i]);
	for (unsigned i = 0; i < lab->judgements.count; i++)
		free(((struct lab_judgement *)lab->judgements.items[i])->text);
	strings_free(&lab->judgements);
	strings_free(&lab->metric_names);
	strings_free(&lab->series_names);
	lab_expectations_free(lab);
	lab_list_fini(&lab->apps);
	lab_list_fini(&lab->nodes);
	lab_list_fini(&lab->cables);
	lab_list_fini(&lab->captures);
	lab_digest_free(lab->digest);
	vs_arena_fini(&lab->arena);
	vs_arena_fini(&lab->frames_arena);
	free(lab->answer);
	free(lab->pattern);
	free(lab->scratch);
	free(lab->name);
	free(lab);
}

/* Before anything moves: how often a frame may pass a cable, and whether applications can start. */
static int lab_start(struct vsq_lab *lab)
{
	uint32_t passes = 64 + 8 * lab->cables.count * (lab->duplicates ? 64 : 1);

	sim_set_passes_max(lab->sim, passes);
	if (lab->started)
		return 0;
	for (unsigned i = 0; i < lab->apps.count; i++) {
		int err = lab_app_check(lab->apps.items[i]);

		if (err)
			return err;
	}
	lab->started = true;
	return 0;
}

static int run_failed(struct vsq_lab *lab, int err)
{
	if (err == -ELOOP)
		return lab_fail(lab, err,
				"time stands still at %.9f s: something goes on for ever, as a "
				"tcp-bulk without an end does over cables without delay or speed",
				(double)sim_now(lab->sim) / VS_SEC);
	return lab_fail(lab, err, "no memory for frames on their way at %.9f s",
			(double)sim_now(lab->sim) / VS_SEC);
}

int vsq_run(struct vsq_lab *lab, int64_t until, const char *condition,
	    int (*progress)(void *ctx, int64_t now), void *ctx)
{
	struct lab_condition stop = {.terms = 0};
	unsigned events = 0;
	int err;

	if (lab->finished)
		return lab_fail(lab, -EINVAL, "this lab is finished: it cannot run on");
	if (until < sim_now(lab->sim))
		return lab_fail(lab, -EINVAL, "until: %.9f s is past: it is %.9f s",
				(double)until / VS_SEC, (double)sim_now(lab->sim) / VS_SEC);
	err = lab_start(lab);
	if (!err && condition)
		err = lab_condition_parse(lab, condition, &stop);
	if (err)
		return err;
	err = sim_settle(lab->sim);
	if (err)
		return run_failed(lab, err);
	for (;;) {
		if (stop.terms && lab_condition_holds(&stop))
			return 1;
		err = sim_step(lab->sim, until);
		if (err <= 0)
			break;
		if (progress && ++events % PROGRESS_EVENTS == 0 &&
		    progress(ctx, sim_now(lab->sim)))
			return 0;
	}
	return err ? run_failed(lab, err) : 0;
}

void lab_judge(struct vsq_lab *lab, bool held, const char *format, ...)
{
	struct lab_judgement *judgement = calloc(1, sizeof(*judgement));
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (!judgement)
		return;
	judgement->held = held;
	judgement->text = lab_copy(text, strlen(text));
	if (!judgement->text || lab_list_add(&lab->judgements, judgement)) {
		free(judgement->text);
		free(judgement);
	}
}

int vsq_finish(struct vsq_lab *lab)
{
	int failed = 0;

	if (!lab->finished) {
		for (unsigned i = 0; i < lab->apps.count; i++)
			lab_app_finish(lab->apps.items[i]);
		lab_expectations_judge(lab);
		oracle_links(lab);
		oracle_engines(lab);
		oracle_loops(lab);
		oracle_apps(lab);
		engines_stop(lab);
		lab->finished = true;
		oracle_memory(lab);
		lab_captures_close(lab);
	}
	for (unsigned i = 0; i < lab->judgements.count; i++)
		failed += !((struct lab_judgement *)lab->judgements.items[i])->held;
	return failed;
}

int vsq_judgement_count(struct vsq_lab *lab)
{
	return (int)lab->judgements.count;
}

const char *vsq_judgement(struct vsq_lab *lab, int i, int *held)
{
	struct lab_judgement *judgement;

	if (i < 0 || (unsigned)i >= lab->judgements.count) {
		lab_fail(lab, -EINVAL, "there is no judgement %d", i);
		return NULL;
	}
	judgement = lab->judgements.items[i];
	if (held)
		*held = judgement->held;
	return judgement->text;
}

const char *vsq_digest(struct vsq_lab *lab)
{
	static_assert(sizeof(lab->digest_text) == 33, "32 digits");
	lab_digest_text(lab->digest, lab->digest_text);
	return lab->digest_text;
}

int lab_check_name(struct vsq_lab *lab, const char *name, const char *what)
{
	size_t len = name ? strlen(name) : 0;

	if (len == 0 || len > 64)
		return lab_fail(lab, -EINVAL, "a %s's name has 1 to 64 characters, not %zu", what,
				len);
	for (const char *c = name; *c; c++)
		if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
		      (*c >= '0' && *c <= '9') || *c == '_' || *c == '-'))
			return lab_fail(lab, -EINVAL,
					"%s \"%s\": a name has letters, digits, _ and - only", what,
					name);
	return 0;
}

struct lab_node *lab_node_at(struct vsq_lab *lab, int node)
{
	if (node < 0 || (unsigned)node >= lab->nodes.count) {
		lab_fail(lab, -EINVAL, "there is no node %d: there are %u", node, lab->nodes.count);
		return NULL;
	}
	return lab->nodes.items[node];
}

struct lab_cable *lab_cable_at(struct vsq_lab *lab, int cable)
{
	if (cable < 0 || (unsigned)cable >= lab->cables.count) {
		lab_fail(lab, -EINVAL, "there is no cable %d: there are %u", cable,
			 lab->cables.count);
		return NULL;
	}
	return lab->cables.items[cable];
}

struct lab_app *lab_app_at(struct vsq_lab *lab, int app)
{
	if (app < 0 || (unsigned)app >= lab->apps.count) {
		lab_fail(lab, -EINVAL, "there is no application %d: there are %u", app,
			 lab->apps.count);
		return NULL;
	}
	return lab->apps.items[app];
}

struct lab_node *lab_node_find(struct vsq_lab *lab, const char *name, size_t len)
{
	for (unsigned i = 0; i < lab->nodes.count; i++) {
		struct lab_node *node = lab->nodes.items[i];

		if (!strncmp(node->name, name, len) && !node->name[len])
			return node;
	}
	return NULL;
}

struct lab_cable *lab_cable_find(struct vsq_lab *lab, const char *name, size_t len)
{
	for (unsigned i = 0; i < lab->cables.count; i++) {
		struct lab_cable *cable = lab->cables.items[i];

		if (!strncmp(cable->name, name, len) && !cable->name[len])
			return cable;
	}
	return NULL;
}

void lab_counters_keep(struct lab_counters *keep, struct vs_counters counters)
{
	keep->values = malloc((counters.count ? counters.count : 1) * sizeof(*keep->values));
	if (!keep->values)
		return;
	if (counters.count)
		memcpy(keep->values, counters.values, counters.count * sizeof(*keep->values));
	keep->names = counters.names;
	keep->count = counters.count;
}

uint64_t lab_counters_sum(struct vs_counters counters, const char *prefix)
{
	size_t len = strlen(prefix);
	uint64_t sum = 0;

	for (unsigned i = 0; i < counters.count; i++)
		if (!strncmp(counters.names[i], prefix, len))
			sum += counters.values[i];
	return sum;
}
