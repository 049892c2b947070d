/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tree of commands is a list in the order of help: names hold their menus ("port/print"), as in
 * the original, and nothing but completion looks at the slash.
 */
#include "core/mgmt/mgmt.h"

#include <errno.h>
#include <string.h>

#include "core/base/assert.h"
#include "core/mgmt/mgmt_impl.h"

int mgmt_create(struct mgmt **out, const struct mgmt_conf *conf, struct vs_arena *arena)
{
	struct mgmt *m = vs_alloc(arena, sizeof(*m));
	int error;

	if (!m)
		return -ENOMEM;
	m->conf = *conf;
	m->arena = arena;
	if (!m->conf.sessions_max)
		m->conf.sessions_max = 16;
	if (!m->conf.debug_max)
		m->conf.debug_max = 16;
	if (!m->conf.output_max)
		m->conf.output_max = (size_t)1 << 20;
	if (!m->conf.prompt)
		m->conf.prompt = "";
	if (!m->conf.greeting)
		m->conf.greeting = "";
	error = mgmt_add(m, mgmt_own, mgmt_own_count, m);
	if (error) {
		vs_free(arena, m, sizeof(*m));
		return error;
	}
	*out = m;
	return 0;
}

void mgmt_destroy(struct mgmt *m)
{
	if (!m)
		return;
	while (m->sessions)
		mgmt_session_close(m->sessions);
	vs_free(m->arena, m->commands, m->commands_size * sizeof(*m->commands));
	vs_free(m->arena, m, sizeof(*m));
}

static const struct mgmt_entry *find(const struct mgmt *m, const char *path, size_t len)
{
	for (size_t i = 0; i < m->commands_len; i++) {
		const char *name = m->commands[i].command->path;

		if (strncmp(name, path, len) == 0 && name[len] == '\0')
			return &m->commands[i];
	}
	return NULL;
}

/* The part of help a command belongs to; the tree's own are in parts 1, 3 and 4. */
static unsigned part_of(const struct mgmt_entry *e)
{
	const struct mgmt_command *c = e->command;

	if (c->flags & MGMT_FIRST)
		return 0;
	if (c >= mgmt_own && c < mgmt_own + mgmt_own_count)
		return strcmp(c->path, "load") == 0 || strncmp(c->path, "debug", 5) == 0 ? 3 : 1;
	return c->flags & MGMT_MENU || strchr(c->path, '/') ? 4 : 2;
}

int mgmt_add(struct mgmt *m, const struct mgmt_command *commands, size_t count, void *owner)
{
	size_t had = m->commands_len;

	for (size_t i = 0; i < count; i++)
		if (find(m, commands[i].path, strlen(commands[i].path)))
			return -EEXIST;
	if (m->commands_size - had < count) {
		size_t size = m->commands_size * 2 + count;
		struct mgmt_entry *more =
			vs_grow(m->arena, m->commands, sizeof(*more), m->commands_size, size);

		if (!more)
			return -ENOMEM;
		m->commands = more;
		m->commands_size = size;
	}
	for (size_t i = 0; i < count; i++) {
		struct mgmt_entry entry = {&commands[i], owner};
		size_t at = m->commands_len++;

		for (; at > 0 && part_of(&m->commands[at - 1]) > part_of(&entry); at--)
			m->commands[at] = m->commands[at - 1];
		m->commands[at] = entry;
	}
	return 0;
}

void mgmt_remove(struct mgmt *m, void *owner)
{
	size_t kept = 0;

	for (size_t i = 0; i < m->commands_len; i++)
		if (m->commands[i].owner != owner)
			m->commands[kept++] = m->commands[i];
	m->commands_len = kept;
	for (size_t i = 0; i < m->topics_len; i++) {
		if (!m->topics[i].category || m->topics[i].owner != owner)
			continue;
		mgmt_topics_forget(m, i);
		m->topics[i] = (struct mgmt_topic){NULL, NULL};
	}
}

int mgmt_add_categories(struct mgmt *m, const struct mgmt_category *categories, size_t count,
			void *owner)
{
	size_t spare = MGMT_CATEGORIES_MAX - m->topics_len, at = 0;

	for (size_t k = 0; k < m->topics_len; k++) {
		spare += !m->topics[k].category;
		for (size_t i = 0; i < count && m->topics[k].category; i++)
			if (categories[i].code == m->topics[k].category->code)
				return -EEXIST;
	}
	if (spare < count)
		return -ENOSPC;
	for (size_t i = 0; i < count; i++) {
		vs_assert(categories[i].code > 3000 && categories[i].code < 3000 + MGMT_CODES);
		while (at < m->topics_len && m->topics[at].category)
			at++;
		if (at == m->topics_len)
			m->topics_len++;
		m->topics[at] = (struct mgmt_topic){&categories[i], owner};
	}
	return 0;
}

void mgmt_complete(const struct mgmt *m, const char *prefix,
		   void (*each)(void *ctx, const char *path), void *ctx)
{
	size_t len = strlen(prefix);

	for (size_t i = 0; i < m->commands_len; i++) {
		const struct mgmt_command *c = m->commands[i].command;
		char menu[64];
		struct vs_text text;

		if (c->flags & MGMT_SECRET)
			continue;
		vs_text_init(&text, menu, sizeof(menu));
		vs_text_add(&text, "%s%s", c->path, c->flags & MGMT_MENU ? "/" : "");
		if (strncmp(menu, prefix, len) == 0)
			each(ctx, menu);
	}
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v';
}

bool mgmt_line_blank(const char *line)
{
	while (is_blank(*line))
		line++;
	return *line == '\0' || *line == '#';
}

/* What -j answers when the command said lines, or failed before it said all. */
static void json_finish(struct mgmt_reply *r, int code)
{
	char scratch[32];

	if (r->json_whole)
		return;
	if (code) {
		r->object.tail = 0;
		mgmt_buf_add(&r->object, "{\"code\":%d,\"error\":", 1000 + code);
		mgmt_buf_json(&r->object, mgmt_error_text(code, scratch),
			      strlen(mgmt_error_text(code, scratch)));
	} else if (r->json_said) {
		while (r->depth > 0)
			mgmt_json_close(r);
		return;
	} else {
		mgmt_buf_put(&r->object, "{", 1);
	}
	if (!code || mgmt_buf_len(&r->lines)) {
		const char *line = r->lines.bytes, *end = line + r->lines.tail;

		mgmt_buf_add(&r->object, "%s\"lines\":[", code ? "," : "");
		for (bool first = true; line < end; first = false) {
			size_t len = (size_t)((const char *)memchr(line, '\n',
								   (size_t)(end - line)) - line);

			if (!first)
				mgmt_buf_put(&r->object, ",", 1);
			mgmt_buf_json(&r->object, line, len);
			line += len + 1;
		}
		mgmt_buf_put(&r->object, "]", 1);
	}
	mgmt_buf_put(&r->object, "}", 1);
}

int mgmt_execute(struct mgmt *m, vs_time now, struct mgmt_session *session, const char *line,
		 struct mgmt_reply *r)
{
	char args[MGMT_LINE_MAX + 1];
	const struct mgmt_entry *entry;
	size_t len = 0;
	int code;

	*r = (struct mgmt_reply){
		.m = m, .session = session, .lines.arena = m->arena, .object.arena = m->arena};
	while (is_blank(*line))
		line++;
	while (line[len] && !is_blank(line[len]))
		len++;
	entry = find(m, line, len);
	if (entry && entry->command->run)
		r->command = entry->command;
	for (line += len; is_blank(*line); line++)
		;
	if (strncmp(line, "-j", 2) == 0 && (line[2] == '\0' || is_blank(line[2]))) {
		r->json = true;
		for (line += 2; is_blank(*line); line++)
			;
	}
	len = strlen(line);
	while (len > 0 && is_blank(line[len - 1]))
		len--;
	if (len > MGMT_LINE_MAX) {
		code = E2BIG;
	} else if (!r->command) {
		code = ENOSYS;
	} else {
		memcpy(args, line, len);
		args[len] = '\0';
		code = r->command->run(entry->owner, now, r, args);
		code = code < 0 ? -code : code;
	}
	if (r->json)
		json_finish(r, code);
	if (r->lines.failed || r->object.failed) {
		mgmt_reply_fini(r);
		r->lines.failed = r->object.failed = r->json = false;
		return ENOMEM;
	}
	return code;
}

int mgmt_run(struct mgmt *m, vs_time now, const char *line, struct vs_text *text)
{
	struct mgmt_reply r;
	int code;

	if (mgmt_line_blank(line))
		return 0;
	code = mgmt_execute(m, now, NULL, line, &r);
	if (text && r.json) {
		vs_text_put(text, r.object.bytes, r.object.tail);
		vs_text_put(text, "\n", 1);
	} else if (text && r.lines.tail) {
		vs_text_put(text, r.lines.bytes, r.lines.tail);
	}
	mgmt_reply_fini(&r);
	return code;
}

struct script {
	struct mgmt *m;
	vs_time now;
	const char *path;
	bool strict;
	struct mgmt_buf *lines, *why;
	int first; /* failure */
};

static int script_line(void *ctx, const char *text, unsigned number)
{
	struct script *s = ctx;
	struct mgmt_reply r;
	char scratch[32];
	size_t from = s->why->tail;
	int code;

	if (mgmt_line_blank(text))
		return 0;
	code = mgmt_execute(s->m, s->now, NULL, text, &r);
	if (r.json && r.object.tail) {
		mgmt_buf_put(s->lines, r.object.bytes, r.object.tail);
		mgmt_buf_put(s->lines, "\n", 1);
	} else {
		mgmt_buf_put(s->lines, r.lines.bytes, r.lines.tail);
	}
	mgmt_reply_fini(&r);
	if (!code)
		return 0;
	mgmt_buf_add(s->why, "%s:%u: %.*s: %s", s->path, number, (int)strcspn(text, "\r\n"), text,
		     mgmt_error_text(code, scratch));
	mgmt_buf_clean(s->why, from);
	mgmt_buf_put(s->why, "\n", 1);
	if (!s->first)
		s->first = code;
	return s->strict ? -code : 0;
}

int mgmt_script(struct mgmt *m, vs_time now, const char *path, bool strict, struct mgmt_buf *lines,
		struct mgmt_buf *why)
{
	struct script s = {m, now, path, strict, lines, why, 0};
	int error;

	if (!m->conf.load)
		return -ENOSYS;
	if (m->nest == MGMT_NEST_MAX)
		return -ELOOP;
	m->nest++;
	error = m->conf.load(m->conf.ctx, path, script_line, &s);
	m->nest--;
	return s.first ? -s.first : error;
}

int mgmt_load(struct mgmt *m, vs_time now, const char *path, bool strict, struct vs_text *why)
{
	struct mgmt_buf lines = {.arena = m->arena}, errors = {.arena = m->arena};
	int error = mgmt_script(m, now, path, strict, &lines, &errors);
	char scratch[32];

	if (why && errors.tail)
		vs_text_put(why, errors.bytes, errors.tail);
	else if (why && error)
		vs_text_add(why, "%s: %s\n", path, mgmt_error_text(-error, scratch));
	mgmt_buf_free(&lines);
	mgmt_buf_free(&errors);
	return error;
}

bool mgmt_shutdown_asked(const struct mgmt *m)
{
	return m->shutdown;
}
