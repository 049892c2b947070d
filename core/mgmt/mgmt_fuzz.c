/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any bytes into sessions, in any pieces, as lines of scripts, with any appetite for the output.
 * What comes out must keep the protocol: whole answers, data ended by a single dot, valid JSON on
 * one line, and no byte that is not text.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/assert.h"
#include "core/base/text.h"
#include "core/host/memory.h"
#include "core/mgmt/mgmt.h"

#define OUT_MAX ((size_t)8 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

struct run {
	const char *script;
	size_t script_len;
	struct mgmt *m;
	char *out;
	size_t out_len;
	unsigned scripts; /* loaded: each of a script's lines may answer JSON of its own */
};

static int run_say(void *owner, vs_time now, struct mgmt_reply *reply, const char *args)
{
	struct run *r = owner;

	(void)now;
	mgmt_debug(r->m, 3001, "%s", args);
	mgmt_line(reply, "%s", *args ? args : "-");
	return *args == '!' ? -EIO : 0;
}

static int run_json(void *owner, vs_time now, struct mgmt_reply *reply, const char *args)
{
	(void)owner;
	mgmt_json_open(reply, NULL, *args & 1 ? '[' : '{');
	mgmt_json_open(reply, *args & 1 ? NULL : args, '{');
	mgmt_json_text(reply, args, args);
	mgmt_json_int(reply, "n", now);
	if (*args & 2)
		mgmt_json_close(reply);
	mgmt_line(reply, "%s%c%c", args, 0x1b, '\n');
	return 0;
}

static const struct mgmt_command commands[] = {
	{"say", "WORDS", "say them", run_say, 0},
	{"json", "WORDS", "build with them", run_json, MGMT_DATA},
};

static const struct mgmt_category categories[] = {{"said", "what was said", 3001}};

static int load(void *ctx, const char *path, int (*line)(void *, const char *, unsigned), void *to)
{
	struct run *r = ctx;
	char text[4000];
	unsigned number = 0;
	int error = 0;

	r->scripts++;
	if (strchr(path, 'x'))
		return -ENOENT;
	for (size_t at = 0; at < r->script_len && number < 6 && !error;) {
		size_t len = 0;

		while (at + len < r->script_len && r->script[at + len] != '\n' &&
		       len < sizeof(text) - 1)
			len++;
		memcpy(text, r->script + at, len);
		text[len] = '\0';
		error = line(to, text, ++number);
		at += len + 1;
	}
	return error;
}

static void read_out(struct run *r, struct mgmt_session *s, size_t appetite)
{
	const char *bytes;
	size_t len;

	while (appetite > 0 && (len = mgmt_session_output(s, &bytes)) > 0) {
		len = len < appetite ? len : appetite;
		vs_assert(r->out_len + len < OUT_MAX);
		memcpy(r->out + r->out_len, bytes, len);
		r->out_len += len;
		appetite -= len;
		mgmt_session_sent(s, len);
	}
}

/* Reads one JSON value; no library of anyone's. Gives where it ends, or NULL. */
static const char *json_end(const char *s, unsigned depth)
{
	char close = *s == '{' ? '}' : ']';
	bool object = *s == '{';

	if (depth > 20)
		return NULL;
	if (*s == '"') {
		for (s++; *s != '"'; s += *s == '\\' ? 2 : 1)
			if ((unsigned char)*s < 0x20 || (*s == '\\' && !s[1]))
				return NULL;
		return s + 1;
	}
	if (*s != '{' && *s != '[') {
		const char *end = s + strspn(s, "-+.0123456789truefalsn");

		return end > s ? end : NULL;
	}
	if (*++s == close)
		return s + 1;
	for (;; s++) {
		if (object && (*s != '"' || !(s = json_end(s, depth + 1)) || *s++ != ':'))
			return NULL;
		s = json_end(s, depth + 1);
		if (!s || *s != ',')
			return s && *s == close ? s + 1 : NULL;
	}
}

/* The lines of a session: answers have their form, whatever was asked. */
static void check_out(struct run *r)
{
	bool data = false, first = false, json = false;
	unsigned lines = 0;

	r->out[r->out_len] = '\0';
	vs_assert(strlen(r->out) == r->out_len);
	for (char *line = r->out, *next; *line; line = next) {
		size_t len = strcspn(line, "\n");

		next = line + len + (line[len] == '\n');
		for (size_t i = 0; i < len; i++)
			vs_assert((unsigned char)line[i] >= 0x20 && line[i] != 0x7f);
		line[len] = '\0';
		while (!data && strncmp(line, "vde$ ", 5) == 0)
			line += 5;
		if (data && strcmp(line, ".") == 0) {
			data = false;
			vs_assert(!json || lines == 1 || r->scripts);
		} else if (data) {
			if (first && line[0] == '{' && json_end(line, 0)) {
				vs_assert(*json_end(line, 0) == '\0');
				json = true;
			}
			first = false;
			lines++;
		} else if (strcmp(line, "0000 DATA END WITH '.'") == 0) {
			data = first = true;
			json = false;
			lines = 0;
		} else if (*line) {
			vs_assert(strspn(line, "0123456789") == 4 && line[4] == ' ');
			vs_assert(line[0] == '1' || line[0] == '3' || line[0] == '9');
		}
	}
	vs_assert(!data);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct run r = {.script = (const char *)bytes, .script_len = len};
	struct mgmt_conf conf = {.prompt = "vde$ ", .greeting = "", .ctx = &r, .load = load};
	struct mgmt_session *s, *listener;
	struct vs_arena arena;
	char scratch[256];
	struct vs_text why;

	if (len < 2 || len > 4096)
		return 0;
	conf.output_max = bytes[0] & 1 ? 300 : 0;
	host_arena_init(&arena, bytes[0] & 2 ? (size_t)256 << 10 : (size_t)8 << 20);
	r.out = malloc(OUT_MAX);
	vs_assert(r.out && mgmt_create(&r.m, &conf, &arena) == 0);
	vs_assert(mgmt_add(r.m, commands, 2, &r) == 0);
	vs_assert(mgmt_add_categories(r.m, categories, 1, &r) == 0);
	vs_assert(mgmt_session_open(r.m, &s) == 0 && mgmt_session_open(r.m, &listener) == 0);
	mgmt_session_input(listener, 0, "debug/add\n", 10);
	for (size_t at = 1; at < len;) {
		size_t part = 1 + bytes[at] % 64;

		part = part < len - at ? part : len - at;
		mgmt_session_input(s, (vs_time)at, (const char *)bytes + at, part);
		read_out(&r, s, bytes[at]);
		at += part;
	}
	read_out(&r, s, SIZE_MAX);
	if (bytes[0] & 4)
		mgmt_session_close(s);
	if (!(bytes[0] & 2)) {
		check_out(&r);
		r.out_len = 0;
		read_out(&r, listener, SIZE_MAX);
		check_out(&r);
	}
	vs_text_init(&why, scratch, sizeof(scratch));
	mgmt_load(r.m, 0, "script", bytes[0] & 8, &why);
	mgmt_destroy(r.m);
	vs_assert(arena.size_used == 0);
	vs_arena_fini(&arena);
	free(r.out);
	return 0;
}
