/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Captures: what passes a cable, as each end would see it, with the reasons in comments. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"
#include "harness/lab/flow.h"
#include "harness/lab/lab.h"
#include "harness/pcap/pcap.h"

struct lab_capture {
	char *path;
	struct cap_writer *writer;
	int interface[2]; /* by side; -1: not of this capture */
};

static int add_side(struct lab_capture *capture, struct lab_cable *cable, int side)
{
	const struct lab_node *node = cable->end[side];
	char name[80], description[256];
	int interface;

	snprintf(name, sizeof(name), "%s:%s", node->name, cable->name);
	snprintf(description, sizeof(description), "%s end of cable %s, at %s %s",
		 side ? "right" : "left", cable->name, lab_kind_name(node->kind), node->name);
	interface = cap_interface(capture->writer, name, description);
	if (interface < 0)
		return interface;
	capture->interface[side] = interface;
	return 0;
}

int vsq_capture(struct vsq_lab *lab, int number, int side, const char *path)
{
	struct lab_cable *cable = lab_cable_at(lab, number);
	struct lab_capture *capture;
	char comment[256];
	int err;

	if (!cable)
		return -EINVAL;
	if (side < -1 || side > 1)
		return lab_fail(lab, -EINVAL, "%s: side %d: it must be 0, 1, or -1 for both",
				cable->name, side);
	if (!path || !*path)
		return lab_fail(lab, -EINVAL, "%s: a capture needs a path", cable->name);
	if (lab->finished)
		return lab_fail(lab, -EINVAL, "this lab is finished");
	capture = calloc(1, sizeof(*capture));
	if (!capture || !(capture->path = lab_copy(path, strlen(path)))) {
		free(capture);
		return lab_fail(lab, -ENOMEM, "no memory for a capture");
	}
	capture->interface[0] = capture->interface[1] = -1;
	snprintf(comment, sizeof(comment), "vsq lab \"%s\", seed %" PRIu64 ", virtual time",
		 lab->name, lab->seed);
	err = cap_create(&capture->writer, path, comment);
	for (int s = 0; s < 2 && !err; s++)
		if (side == -1 || side == s)
			err = add_side(capture, cable, s);
	if (!err)
		err = lab_list_add(&lab->captures, capture);
	if (err) {
		lab_capture_free(capture);
		return lab_fail(lab, err, "%s: %s", path, strerror(-err));
	}
	err = lab_list_add(&cable->captures, capture);
	return err ? lab_fail(lab, err, "no memory for a capture") : 0;
}

static void describe_node(const struct lab_cable *cable, int node, struct vs_text *text)
{
	const char *name = link_node_name(cable->link, node);

	vs_text_add(text, "node %d", node);
	if (name && *name)
		vs_text_add(text, " \"%s\"", name);
}

/* Says what a frame met: the Markov node and the queue before it, and how its connection is. */
static void describe(struct lab_cable *cable, int direction, vs_time now, const struct vs_frame *f,
		     struct vs_text *text)
{
	uint32_t seq, len;
	struct lab_flow *flow = lab_flow_of(cable->lab, f, &seq, &len);
	const char *reason = NULL;

	if (cable->link) {
		describe_node(cable, link_node(cable->link), text);
		vs_text_add(text, ", queue %zu bytes %zu frames",
			    link_queue_bytes(cable->link, direction),
			    link_queue_frames(cable->link, direction));
	}
	if (!flow)
		return;
	vs_text_add(text, "%s", text->len ? "; " : "");
	lab_flow_describe(flow, text);
	/* Further away an original may still be on its way while the copy leaves. */
	if (flow->node == cable->end[direction])
		reason = tcp_reason_name(lab_flow_reason(flow, now, seq));
	if (reason)
		vs_text_add(text, "; sent again: %s", reason);
}

void lab_capture_frame(struct lab_cable *cable, int side, bool sent, vs_time now,
		       const struct vs_frame *f)
{
	char bytes[384];
	struct vs_text text;

	vs_text_init(&text, bytes, sizeof(bytes));
	if (sent)
		describe(cable, side, now, f, &text);
	else if (cable->faulty)
		describe_node(cable, link_node_met(cable->link), &text);
	for (unsigned i = 0; i < cable->captures.count; i++) {
		struct lab_capture *capture = cable->captures.items[i];

		if (capture->interface[side] >= 0 && capture->writer)
			cap_write(capture->writer, capture->interface[side], now, f->data, f->len,
				  sent ? CAP_OUT : CAP_IN, text.len ? bytes : NULL);
	}
}

void lab_capture_drop(struct lab_cable *cable, int direction, vs_time now,
		      const struct vs_frame *f, const char *reason)
{
	char bytes[512];
	struct vs_text text;

	vs_text_init(&text, bytes, sizeof(bytes));
	vs_text_add(&text, "dropped: %s on %s %s; ", reason, cable->name,
		    direction ? "right to left" : "left to right");
	describe(cable, direction, now, f, &text);
	for (unsigned i = 0; i < cable->captures.count; i++) {
		struct lab_capture *capture = cable->captures.items[i];
		int side = capture->interface[!direction] >= 0 ? !direction : direction;

		if (capture->writer)
			cap_write(capture->writer, capture->interface[side], now, f->data, f->len,
				  (side == direction ? CAP_OUT : CAP_IN) | CAP_DROPPED, bytes);
	}
}

void lab_captures_close(struct vsq_lab *lab)
{
	for (unsigned i = 0; i < lab->captures.count; i++) {
		struct lab_capture *capture = lab->captures.items[i];
		int err = cap_close(capture->writer);

		capture->writer = NULL;
		if (err)
			lab_judge(lab, false, "capture %s: %s", capture->path, strerror(-err));
	}
}

void lab_capture_free(struct lab_capture *capture)
{
	cap_close(capture->writer);
	free(capture->path);
	free(capture);
}
