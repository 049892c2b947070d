/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/bin/wf_trace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mgmt/mgmt.h"

#define TRACE_MAX ((size_t)256 << 20) /* bytes of a file */

static char why_text[512];

static int wrong(const char **why, int err, const char *path, const char *what)
{
	snprintf(why_text, sizeof(why_text), "%s: %s", path, what);
	*why = why_text;
	return err;
}

/* Gives the bytes of a file, terminated, for free(). */
static char *file_read(const char *path, size_t *len)
{
	FILE *file = fopen(path, "re");
	char *bytes = NULL;
	size_t size = 0;

	if (!file)
		return NULL;
	*len = 0;
	for (;;) {
		size_t n;

		if (*len + 1 >= size) {
			char *more =
				size < TRACE_MAX ? realloc(bytes, size = size * 2 + 65536) : NULL;

			if (!more) {
				errno = size < TRACE_MAX ? ENOMEM : EFBIG;
				break;
			}
			bytes = more;
		}
		n = fread(bytes + *len, 1, size - *len - 1, file);
		*len += n;
		if (n)
			continue;
		if (ferror(file))
			break;
		bytes[*len] = '\0';
		fclose(file);
		return bytes;
	}
	fclose(file);
	free(bytes);
	return NULL;
}

/* Gives the times of the lines of text, for free(); NULL when line *line is none. */
static uint32_t *times_read(char *text, size_t *count, unsigned *line)
{
	size_t lines = 1;
	uint32_t *ms;

	for (const char *s = text; *s; s++)
		lines += *s == '\n';
	ms = calloc(lines, sizeof(*ms));
	if (!ms)
		return NULL;
	*count = 0;
	*line = 0;
	for (char *next, *at = text; at; at = next) {
		uint64_t number;

		next = strchr(at, '\n');
		next = next ? next + 1 : NULL;
		at[strcspn(at, "\r\n")] = '\0';
		++*line;
		if (!*at || *at == '#')
			continue;
		if (vs_parse_uint(at, UINT32_MAX, &number) || (*count && number < ms[*count - 1])) {
			free(ms);
			return NULL;
		}
		ms[(*count)++] = (uint32_t)number;
	}
	return ms;
}

static int load_capacity(struct link *l, vs_time now, unsigned sides, const char *path, char *text,
			 const char **why)
{
	char what[96];
	unsigned line = 0;
	size_t count = 0;
	uint32_t *ms = times_read(text, &count, &line);
	int err = ms && count && ms[count - 1] ? 0 : -EINVAL;

	snprintf(what, sizeof(what),
		 "line %u: expected a time in ms, not less than the one before, and a last one "
		 "above 0",
		 line);
	for (int side = 0; side < 2 && !err; side++)
		if (sides & (1u << side))
			err = link_trace_capacity(l, now, side, ms, count);
	free(ms);
	return err ? wrong(why, err, path, err == -EINVAL ? what : strerror(-err)) : 0;
}

static int load_loss(struct link *l, unsigned sides, const char *path, const char *text, size_t len,
		     const char **why)
{
	int err = strpbrk(text, "01") ? 0 : -EINVAL;

	for (int side = 0; side < 2 && !err; side++)
		if (sides & (1u << side))
			err = link_trace_loss(l, side, text, len);
	if (err == -EINVAL)
		return wrong(why, err, path, "expected 0s and 1s, one for each packet");
	return err ? wrong(why, err, path, strerror(-err)) : 0;
}

int wf_trace_load(struct link *l, vs_time now, const char *kind, const char *value,
		  const char **why)
{
	unsigned sides = 3;
	char *text;
	size_t len;
	int err;

	if (strncmp(value, "LR", 2) == 0)
		sides = 1;
	else if (strncmp(value, "RL", 2) == 0)
		sides = 2;
	value += sides == 3 ? 0 : 2;
	value += strspn(value, " \t");
	if (strcmp(kind, "loss") != 0 && strcmp(kind, "capacity") != 0)
		return wrong(why, -EINVAL, kind, "expected loss or capacity, [LR|RL] and a path");
	text = file_read(value, &len);
	if (!text)
		return wrong(why, -errno, value, strerror(errno));
	if (*kind == 'l')
		err = load_loss(l, sides, value, text, len, why);
	else
		err = load_capacity(l, now, sides, value, text, why);
	free(text);
	return err;
}

static int trace_load(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	size_t len = strcspn(args, " \t");
	const char *why = "expected loss or capacity, [LR|RL] and a path";
	char kind[16];
	int err = -EINVAL;

	if (len < sizeof(kind)) {
		memcpy(kind, args, len);
		kind[len] = '\0';
		args += len + strspn(args + len, " \t");
		err = wf_trace_load(owner, now, kind, args, &why);
	}
	if (err)
		mgmt_line(r, "%s", why);
	return err;
}

int wf_trace_mgmt_add(struct link *l, struct mgmt *m)
{
	static const struct mgmt_command commands[] = {
		{"trace-load", "kind file", "play a trace (loss, capacity) in a file", trace_load,
		 0},
	};

	return mgmt_add(m, commands, 1, l);
}
