/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "harness/replay/load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/wire/print.h"
#include "harness/pcap/pcap.h"

static int add(struct replay_capture *c, const struct cap_frame *f)
{
	struct replay_frame *frame;

	if (c->count == c->size) {
		size_t size = c->size ? c->size * 2 : 256;

		frame = realloc(c->frame, size * sizeof(*frame));
		if (!frame)
			return -ENOMEM;
		c->frame = frame;
		c->size = size;
	}
	frame = &c->frame[c->count];
	*frame = (struct replay_frame){
		.time = f->time,
		.bytes = malloc(f->len ? f->len : 1),
		.len = f->len,
		.wire_len = f->wire_len,
		.interface = f->interface,
		.flags = f->flags,
		.number = (unsigned)c->count + 1,
	};
	if (!frame->bytes)
		return -ENOMEM;
	memcpy(frame->bytes, f->bytes, f->len);
	c->count++;
	return 0;
}

static int name_interfaces(struct replay_capture *c, const struct cap_reader *r)
{
	int count = cap_interfaces(r);

	c->interface = calloc((size_t)count + 1, sizeof(*c->interface));
	if (!c->interface)
		return -ENOMEM;
	for (; c->interfaces < count; c->interfaces++) {
		c->interface[c->interfaces] = strdup(cap_interface_name(r, c->interfaces));
		if (!c->interface[c->interfaces])
			return -ENOMEM;
	}
	return 0;
}

/* Frames of one time keep their order, so the order is total and the same everywhere. */
static int by_time(const void *a, const void *b)
{
	const struct replay_frame *x = a, *y = b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

int replay_load(struct replay_capture *c, const char *path, struct vs_text *account)
{
	struct cap_reader *r;
	struct cap_frame f;
	char why[512];
	int got;

	*c = (struct replay_capture){.path = path};
	got = cap_open(&r, path, why, sizeof(why));
	if (got) {
		vs_text_add(account, "%s\n", why);
		return got;
	}
	while ((got = cap_next(r, &f)) > 0) {
		got = add(c, &f);
		if (got)
			break;
	}
	if (got == -ENOMEM)
		vs_text_add(account, "%s: no memory for %zu frames\n", path, c->count);
	else if (got)
		vs_text_add(account, "%s\n", cap_error(r));
	else
		got = name_interfaces(c, r);
	cap_reader_close(r);
	if (got)
		replay_unload(c);
	else if (c->count)
		qsort(c->frame, c->count, sizeof(*c->frame), by_time);
	return got;
}

void replay_unload(struct replay_capture *c)
{
	for (size_t i = 0; i < c->count; i++)
		free(c->frame[i].bytes);
	for (int i = 0; i < c->interfaces; i++)
		free(c->interface[i]);
	free(c->frame);
	free(c->interface);
	*c = (struct replay_capture){.path = c->path};
}

void replay_tell(struct vs_text *account, const struct replay_capture *c,
		 const struct replay_frame *f)
{
	vs_time since = f->time - (c->count ? c->frame[0].time : 0);

	vs_text_add(account, "    frame %u, %lld.%09lld s: ", f->number,
		    (long long)(since / VS_SEC), (long long)(since % VS_SEC));
	wire_print(account, f->bytes, f->len);
	vs_text_add(account, "\n");
}

int replay_settings(const char *settings, void *ctx, int (*each)(void *ctx, char *line))
{
	char *copy, *line, *rest;
	int error = 0;

	if (!settings)
		return 0;
	copy = strdup(settings);
	if (!copy)
		return -ENOMEM;
	for (line = strtok_r(copy, "\n", &rest); line && !error;
	     line = strtok_r(NULL, "\n", &rest)) {
		size_t len;

		line += strspn(line, " \t");
		len = strlen(line);
		while (len && strchr(" \t\r", line[len - 1]))
			line[--len] = '\0';
		if (len && *line != '#')
			error = each(ctx, line);
	}
	free(copy);
	return error;
}
