/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What always holds, whatever the scenario: looked at when a run ends. Each oracle adds one
 * judgement that held, or one for each thing it found wrong.
 */
#include <inttypes.h>

#include "harness/lab/app.h"
#include "harness/lab/lab.h"
#include "core/switch/switch.h"

static uint64_t counter(struct vs_counters counters, const char *name)
{
	for (unsigned i = 0; i < counters.count; i++)
		if (!strcmp(counters.names[i], name))
			return counters.values[i];
	return 0;
}

/* A direction of a cable: what came in crossed, or went into the link; there, what came in and what
 * was copied went out, was dropped, or waits.
 */
static bool way_is_whole(const struct lab_way *way)
{
	struct lab_cable *cable = way->cable;
	uint64_t in = 0, copies = 0, out = 0, drops = 0, waiting = 0;

	if (cable->link) {
		struct vs_counters counters = link_counters(cable->link, way->direction);

		in = counter(counters, "rx_frames");
		copies = counter(counters, "duplicated");
		out = counter(counters, "tx_frames");
		drops = lab_counters_sum(counters, "drop_");
		waiting = link_queue_frames(cable->link, way->direction);
	}
	/* What is taken out of a loop may be on its way out of the link. */
	if (way->frames == way->crossed + in && in + copies == out + drops + waiting &&
	    (way->delivered_frames == way->crossed + out || sim_stats(cable->lab->sim).looped))
		return true;
	lab_judge(cable->lab, false,
		  "oracle: cable %s, %s: %" PRIu64 " frames entered and %" PRIu64
		  " left, but %" PRIu64 " crossed, and the link took %" PRIu64 ", copied %" PRIu64
		  ", gave %" PRIu64 ", dropped %" PRIu64 ", holds %" PRIu64,
		  cable->name, way->direction ? "right to left" : "left to right", way->frames,
		  way->delivered_frames, way->crossed, in, copies, out, drops, waiting);
	return false;
}

/* What nodes gave was put on cables, and what left the cables was given to nodes. */
static bool ends_are_whole(struct vsq_lab *lab)
{
	struct sim_stats stats = sim_stats(lab->sim);
	uint64_t given = 0, taken = 0, entered = stats.unjoined, left = 0;

	for (unsigned i = 0; i < lab->nodes.count; i++) {
		const struct lab_node *node = lab->nodes.items[i];

		given += node->engine.frames_out;
		taken += node->engine.frames_in;
	}
	for (unsigned i = 0; i < lab->cables.count; i++) {
		const struct lab_cable *cable = lab->cables.items[i];

		for (int d = 0; d < 2; d++) {
			entered += cable->way[d].frames;
			left += cable->way[d].delivered_frames;
		}
	}
	/* Frames taken out of a loop are somewhere on their way; the loop is told by itself. */
	if (stats.looped || (given == entered && taken == left))
		return true;
	lab_judge(lab, false,
		  "oracle: nodes gave %" PRIu64 " frames and took %" PRIu64
		  ", but %" PRIu64 " entered cables and %" PRIu64 " left them",
		  given, taken, entered, left);
	return false;
}

void oracle_links(struct vsq_lab *lab)
{
	bool whole = ends_are_whole(lab);

	for (unsigned i = 0; i < lab->cables.count; i++) {
		struct lab_cable *cable = lab->cables.items[i];
		uint64_t told;

		for (int d = 0; d < 2; d++)
			whole &= way_is_whole(&cable->way[d]);
		if (!cable->link)
			continue;
		told = lab_counters_sum(link_counters(cable->link, 0), "drop_") +
		       lab_counters_sum(link_counters(cable->link, 1), "drop_");
		if (told != cable->drops) {
			lab_judge(lab, false,
				  "oracle: cable %s counts %" PRIu64 " drops, but told of %" PRIu64,
				  cable->name, told, cable->drops);
			whole = false;
		}
	}
	if (whole)
		lab_judge(lab, true,
			  "oracle: every frame on %u cables is delivered or accounted for",
			  lab->cables.count);
}

/* A switch: what enters is forwarded, kept for itself or dropped; copies leave or are dropped. */
static bool switch_is_whole(struct lab_node *node)
{
	struct vs_counters counters = vsw_counters(node->vsw);
	uint64_t in = counter(counters, "rx_frames"), out = counter(counters, "tx_frames");
	bool whole = true;

	if (in != node->engine.frames_in || out != node->engine.frames_out) {
		lab_judge(node->lab, false,
			  "oracle: switch %s took %" PRIu64 " frames and gave %" PRIu64
			  ", but counts %" PRIu64 " and %" PRIu64,
			  node->name, node->engine.frames_in, node->engine.frames_out, in, out);
		whole = false;
	}
	if (in != counter(counters, "forwarded") + counter(counters, "bpdus") +
			  lab_counters_sum(counters, "drop_") ||
	    counter(counters, "copies") != out + lab_counters_sum(counters, "copy_drop_")) {
		lab_judge(node->lab, false,
			  "oracle: switch %s: frames are neither forwarded nor accounted for",
			  node->name);
		whole = false;
	}
	return whole;
}

/* A drop has a reason, and the counter of that name has counted it. */
static bool drops_are_counted(struct lab_node *node)
{
	struct vs_counters counters = lab_node_counters(node);
	bool whole = true;

	for (unsigned i = 0; i < LAB_REASONS && node->told[i].reason; i++) {
		const struct lab_tally *told = &node->told[i];
		uint64_t counted = counter(counters, told->reason);

		if (counted >= told->count)
			continue;
		lab_judge(node->lab, false,
			  "oracle: %s dropped %" PRIu64 " frames for %s, but counts %" PRIu64,
			  node->name, told->count, told->reason, counted);
		whole = false;
	}
	return whole;
}

void oracle_engines(struct vsq_lab *lab)
{
	bool whole = true;

	for (unsigned i = 0; i < lab->nodes.count; i++) {
		struct lab_node *node = lab->nodes.items[i];

		if (node->vsw)
			whole &= switch_is_whole(node);
		whole &= drops_are_counted(node);
	}
	if (whole)
		lab_judge(lab, true, "oracle: %u nodes account for what they took and dropped",
			  lab->nodes.count);
}

/* A frame that passes more cables than there are, several times over, goes round. */
void oracle_loops(struct vsq_lab *lab)
{
	uint64_t looped = sim_stats(lab->sim).looped;

	lab_judge(lab, looped == 0,
		  looped ? "oracle: a forwarding loop: %" PRIu64
			   " frames went round until they were taken out"
			 : "oracle: no forwarding loop",
		  looped);
}

static bool app_is_sound(struct lab_app *app)
{
	const char *wrong = NULL;

	if (app->failed && !lab_failure_expected(app))
		wrong = app->error;
	else if (app->corrupted)
		wrong = "content differs from what was sent";
	else if (app->received > app->sent)
		wrong = "more was received than was sent";
	else if (app->bytes_received > app->bytes_sent || app->back_received > app->back_sent)
		wrong = "more bytes were received than were sent";
	if (!wrong)
		return true;
	lab_judge(app->lab, false, "application %d (%s, %s to %s): %s", app->number,
		  app->kind->name, app->from->name, app->to->name, wrong);
	return false;
}

void oracle_apps(struct vsq_lab *lab)
{
	bool sound = true;

	for (unsigned i = 0; i < lab->apps.count; i++)
		sound &= app_is_sound(lab->apps.items[i]);
	if (sound && lab->apps.count)
		lab_judge(lab, true, "oracle: %u applications received nothing but what was sent",
			  lab->apps.count);
}

void oracle_memory(struct vsq_lab *lab)
{
	struct vs_pool_stats stats = {0};

	if (lab->pool)
		stats = vs_pool_stats(lab->pool);
	lab_judge(lab, stats.frames_out == 0,
		  stats.frames_out ? "oracle: %" PRIu64 " of %" PRIu64
				     " frames never came home to their pool"
				   : "oracle: the pool is whole: %" PRIu64 " of %" PRIu64
				     " frames are out",
		  stats.frames_out, stats.frames_made);
	lab_judge(lab, lab->arena.size_used == 0,
		  lab->arena.size_used
			  ? "oracle: engines kept %zu bytes"
			  : "oracle: engines gave back all their memory (%zu bytes kept)",
		  lab->arena.size_used);
}
