/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Probes: a port on which frames are put at their times, and heard. What was heard is copied out
 * of the world, so it costs none of the memory for frames and is there when the lab is finished.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/lab/lab.h"

struct heard {
	struct heard *next;
	vs_time time;
	size_t len;
	uint8_t bytes[];
};

struct injection {
	struct vs_timer timer;
	struct lab_node *node;
	struct injection *next, **prev;
	size_t len;
	uint8_t bytes[];
};

struct lab_probe {
	struct heard *first, **last, *lent;
	struct injection *injections;
	uint64_t deaf; /* frames not kept for want of memory */
};

static void probe_input(void *engine, vs_time now, int port, struct vs_frame *f)
{
	struct lab_node *node = engine;
	struct heard *heard = malloc(sizeof(*heard) + f->len);

	(void)port;
	if (heard) {
		heard->next = NULL;
		heard->time = now;
		heard->len = f->len;
		memcpy(heard->bytes, f->data, f->len);
		*node->probe->last = heard;
		node->probe->last = &heard->next;
	} else {
		node->probe->deaf++;
	}
	vs_frame_put(f);
}

static void probe_run(void *engine, vs_time now)
{
	(void)engine;
	(void)now;
}

static vs_time probe_poll_at(const void *engine)
{
	(void)engine;
	return VS_NEVER;
}

static struct vs_frame *probe_output(void *engine, int *port)
{
	(void)engine;
	(void)port;
	return NULL;
}

static const struct sim_verbs probe_verbs = {
	.input = probe_input,
	.run = probe_run,
	.poll_at = probe_poll_at,
	.output = probe_output,
};

int lab_probe_create(struct lab_node *node)
{
	int err;

	node->probe = calloc(1, sizeof(*node->probe));
	if (!node->probe)
		return -ENOMEM;
	node->probe->last = &node->probe->first;
	err = sim_add(node->lab->sim, &node->engine, &probe_verbs, node, node);
	node->in_world = !err;
	return err;
}

static void injection_free(struct injection *i)
{
	sim_timer_remove(i->node->lab->sim, &i->timer);
	*i->prev = i->next;
	if (i->next)
		i->next->prev = i->prev;
	free(i);
}

static void injection_due(struct vs_timer *timer, void *ctx, vs_time now)
{
	struct injection *i = (struct injection *)timer;
	struct lab_node *node = i->node;
	struct vs_frame *f = vs_frame_from(node->lab->pool, i->bytes, i->len);

	(void)now;
	if (f && node->engine.ports && node->engine.edges[0]) {
		node->engine.frames_out++;
		sim_send(ctx, node->engine.edges[0], f);
	} else {
		vs_frame_put(f);
		node->drops++;
	}
	injection_free(i);
}

static struct lab_node *probe_at(struct vsq_lab *lab, int number)
{
	struct lab_node *node = lab_node_at(lab, number);

	if (node && node->kind != LAB_PROBE) {
		lab_fail(lab, -EINVAL, "%s is a %s, not a probe", node->name,
			 lab_kind_name(node->kind));
		return NULL;
	}
	return node;
}

int vsq_inject(struct vsq_lab *lab, int number, int64_t time, const uint8_t *bytes, size_t len)
{
	struct lab_node *node = probe_at(lab, number);
	struct injection *i;

	if (!node)
		return -EINVAL;
	if (lab->finished)
		return lab_fail(lab, -EINVAL, "this lab is finished");
	if (time < sim_now(lab->sim))
		return lab_fail(lab, -EINVAL, "%s: %.9f s is past: it is %.9f s", node->name,
				(double)time / VS_SEC, (double)sim_now(lab->sim) / VS_SEC);
	if (len > VS_FRAME_MAX)
		return lab_fail(lab, -EMSGSIZE, "%s: a frame of %zu bytes: at most %d", node->name,
				len, VS_FRAME_MAX);
	i = malloc(sizeof(*i) + len);
	if (!i || sim_timer_add(lab->sim, &i->timer, injection_due)) {
		free(i);
		return lab_fail(lab, -ENOMEM, "%s: no memory for a frame", node->name);
	}
	i->node = node;
	i->len = len;
	if (len)
		memcpy(i->bytes, bytes, len);
	i->next = node->probe->injections;
	i->prev = &node->probe->injections;
	if (i->next)
		i->next->prev = &i->next;
	node->probe->injections = i;
	sim_timer_set(lab->sim, &i->timer, time);
	return 0;
}

int vsq_heard(struct vsq_lab *lab, int number, int64_t *time, const uint8_t **bytes, size_t *len)
{
	struct lab_node *node = probe_at(lab, number);
	struct lab_probe *probe;
	struct heard *heard;

	if (!node)
		return -EINVAL;
	probe = node->probe;
	free(probe->lent);
	heard = probe->lent = probe->first;
	if (!heard)
		return 0;
	probe->first = heard->next;
	if (!probe->first)
		probe->last = &probe->first;
	*time = heard->time;
	*bytes = heard->bytes;
	*len = heard->len;
	return 1;
}

void lab_probe_stop(struct lab_node *node)
{
	while (node->probe->injections)
		injection_free(node->probe->injections);
}

void lab_probe_free(struct lab_node *node)
{
	struct lab_probe *probe = node->probe;

	if (!probe)
		return;
	while (probe->first) {
		struct heard *heard = probe->first;

		probe->first = heard->next;
		free(heard);
	}
	free(probe->lent);
	free(probe);
	node->probe = NULL;
}
