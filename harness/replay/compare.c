/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two captures, frame by frame. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/pcap/pcap.h"
#include "harness/replay/load.h"
#include "harness/replay/replay.h"

#define LOOK_AHEAD 64 /* frames searched for one that seems missing */

/* The frames of one interface, or of all, that count. */
struct sequence {
	const struct replay_capture *capture;
	const struct replay_frame **frame;
	size_t count;
};

static int select_frames(struct sequence *s, const struct replay_capture *c, const char *name)
{
	*s = (struct sequence){.capture = c};
	s->frame = malloc((c->count + 1) * sizeof(const struct replay_frame *));
	if (!s->frame)
		return -ENOMEM;
	for (size_t i = 0; i < c->count; i++) {
		const struct replay_frame *f = &c->frame[i];

		if (f->flags == CAP_IN || (name && strcmp(c->interface[f->interface], name)))
			continue;
		s->frame[s->count++] = f;
	}
	return 0;
}

static bool equal(const struct replay_frame *a, const struct replay_frame *b)
{
	uint32_t len = a->len < b->len ? a->len : b->len;

	/* A frame that one of the captures cut is compared as far as it goes. */
	return a->wire_len == b->wire_len && !memcmp(a->bytes, b->bytes, len);
}

static bool stands_soon(const struct sequence *s, size_t from, const struct replay_frame *f)
{
	for (size_t i = from; i < s->count && i < from + LOOK_AHEAD; i++)
		if (equal(s->frame[i], f))
			return true;
	return false;
}

static void tell_first_byte(struct vs_text *account, const struct replay_frame *came,
			    const struct replay_frame *expected)
{
	uint32_t i = 0;

	while (i < came->len && i < expected->len && came->bytes[i] == expected->bytes[i])
		i++;
	if (i < came->len && i < expected->len)
		vs_text_add(account, "the first difference is byte %u: 0x%02x came, 0x%02x was "
			    "expected\n", i, came->bytes[i], expected->bytes[i]);
	else
		vs_text_add(account, "%u bytes came, %u were expected\n", came->wire_len,
			    expected->wire_len);
}

static void tell_place(struct vs_text *account, const char *name, size_t i)
{
	if (name)
		vs_text_add(account, "%s: ", name);
	vs_text_add(account, "frame %zu of the outcome ", i + 1);
}

static int differ(struct vs_text *account, const char *name, size_t i, const struct sequence *came,
		  const struct sequence *expected)
{
	const struct replay_frame *a = i < came->count ? came->frame[i] : NULL;
	const struct replay_frame *b = i < expected->count ? expected->frame[i] : NULL;

	tell_place(account, name, i);
	if (a && (!b || stands_soon(came, i + 1, b))) {
		vs_text_add(account, "was not expected:\n");
		replay_tell(account, came->capture, a);
	} else if (b && (!a || stands_soon(expected, i + 1, a))) {
		vs_text_add(account, "is missing:\n");
		replay_tell(account, expected->capture, b);
	} else if (a && b) {
		vs_text_add(account, "differs. It came as\n");
		replay_tell(account, came->capture, a);
		vs_text_add(account, "and was expected as\n");
		replay_tell(account, expected->capture, b);
		tell_first_byte(account, a, b);
	}
	return 1;
}

static int late(struct vs_text *account, const char *name, size_t i, const struct sequence *came,
		const struct replay_frame *expected, int64_t tolerance)
{
	const struct replay_frame *f = came->frame[i];

	tell_place(account, name, i);
	vs_text_add(account, "came %lld ns %s than expected; %lld ns are tolerated:\n",
		    (long long)llabs(f->time - expected->time),
		    f->time > expected->time ? "later" : "earlier", (long long)tolerance);
	replay_tell(account, came->capture, f);
	return 1;
}

/* Compares the frames of one interface of that name, or all. */
static int compare_sequence(const struct replay_capture *outcome,
			    const struct replay_capture *expect, const char *name,
			    int64_t tolerance, struct vs_text *account)
{
	struct sequence came, expected = {0};
	int differs = select_frames(&came, outcome, name);

	if (!differs)
		differs = select_frames(&expected, expect, name);
	for (size_t i = 0; !differs && (i < came.count || i < expected.count); i++) {
		if (i >= came.count || i >= expected.count ||
		    !equal(came.frame[i], expected.frame[i]))
			differs = differ(account, name, i, &came, &expected);
		else if (tolerance >= 0 &&
			 llabs(came.frame[i]->time - expected.frame[i]->time) > tolerance)
			differs = late(account, name, i, &came, expected.frame[i], tolerance);
	}
	free(came.frame);
	free(expected.frame);
	return differs;
}

static bool has_interface(const struct replay_capture *c, const char *name)
{
	for (int i = 0; i < c->interfaces; i++)
		if (!strcmp(c->interface[i], name))
			return true;
	return false;
}

/* Whether the interfaces of both have names in common: then they are compared one by one. */
static bool share_names(const struct replay_capture *a, const struct replay_capture *b)
{
	for (int i = 0; i < a->interfaces; i++)
		if (*a->interface[i] && has_interface(b, a->interface[i]))
			return true;
	return false;
}

static int compare_named(const struct replay_capture *outcome, const struct replay_capture *expect,
			 int64_t tolerance, struct vs_text *account)
{
	int differs = 0;

	for (int i = 0; i < expect->interfaces && !differs; i++)
		differs = compare_sequence(outcome, expect, expect->interface[i], tolerance,
					   account);
	/* What came at an interface that nobody expected. */
	for (int i = 0; i < outcome->interfaces && !differs; i++)
		if (!has_interface(expect, outcome->interface[i]))
			differs = compare_sequence(outcome, expect, outcome->interface[i],
						   tolerance, account);
	return differs;
}

int vsq_replay_compare(const char *outcome, const char *expect, int64_t tolerance, char *account,
		       size_t size)
{
	struct replay_capture came, expected;
	struct vs_text t;
	int result;

	vs_text_init(&t, account, size);
	result = replay_load(&came, outcome, &t);
	if (result)
		return result;
	result = replay_load(&expected, expect, &t);
	if (!result) {
		if (share_names(&came, &expected))
			result = compare_named(&came, &expected, tolerance, &t);
		else
			result = compare_sequence(&came, &expected, NULL, tolerance, &t);
		replay_unload(&expected);
	}
	replay_unload(&came);
	return result;
}
