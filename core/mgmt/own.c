/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The commands every tree has: help, logout, shutdown, load and the debug menu. */
#include <errno.h>
#include <string.h>

#include "core/base/assert.h"
#include "core/mgmt/mgmt_impl.h"

static int run_help(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	struct mgmt *m = owner;
	size_t len = strlen(args);

	(void)now;
	if (m->conf.help_short) {
		mgmt_line(r, "COMMAND      HELP");
		mgmt_line(r, "------------ ------------");
	} else {
		mgmt_line(r, "COMMAND PATH       SYNTAX          HELP");
		mgmt_line(r, "------------       --------------  ------------");
	}
	mgmt_json_open(r, "commands", '[');
	for (size_t i = 0; i < m->commands_len; i++) {
		const struct mgmt_command *c = m->commands[i].command;
		bool menu = c->flags & MGMT_MENU;
		const char *syntax = c->syntax ? c->syntax : "";

		if (c->flags & MGMT_SECRET || strncmp(c->path, args, len) != 0)
			continue;
		if (m->conf.help_short && !menu && *syntax)
			mgmt_line(r, "%s %-*s %s", c->path, 17 - (int)strlen(c->path), syntax,
				  c->help);
		else if (m->conf.help_short)
			mgmt_line(r, "%-12s %s", c->path, c->help);
		else
			mgmt_line(r, "%-18s %-15s %s", c->path, menu ? "============" : syntax,
				  c->help);
		mgmt_json_open(r, NULL, '{');
		mgmt_json_text(r, "path", c->path);
		mgmt_json_bool(r, "menu", menu);
		mgmt_json_text(r, "syntax", menu ? "" : syntax);
		mgmt_json_text(r, "help", c->help);
		mgmt_json_bool(r, "data", c->flags & MGMT_DATA);
		mgmt_json_close(r);
	}
	return 0;
}

static int run_logout(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	(void)owner, (void)now, (void)args;
	if (!r->session)
		return -EINVAL;
	r->session->ended = true;
	return 0;
}

static int run_shutdown(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	struct mgmt *m = owner;

	(void)now, (void)args;
	m->shutdown = true;
	if (r->session)
		r->session->ended = true;
	return 0;
}

static int run_load(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	struct mgmt *m = owner;
	struct mgmt_buf why = {.arena = m->arena};
	int error;

	if (!*args)
		return -ENOENT;
	error = mgmt_script(m, now, args, false, &r->lines, &why);
	if (why.failed)
		r->lines.failed = true;
	else
		mgmt_buf_put(&r->lines, why.bytes, why.tail);
	mgmt_buf_free(&why);
	return error;
}

static int run_debug_list(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	struct mgmt *m = owner;

	(void)now, (void)args;
	mgmt_line(r, "CATEGORY               TAG STATUS HELP");
	mgmt_line(r, "------------           --- ------ ----");
	mgmt_json_open(r, "categories", '[');
	for (size_t i = 0; i < m->topics_len; i++) {
		const struct mgmt_category *c = m->topics[i].category;
		bool on = r->session && mgmt_topic_on(r->session, i);

		if (!c)
			continue;
		mgmt_line(r, "%-22s %03u %-6s %s", c->path, c->code - 3000, on ? "ON" : "OFF",
			  c->help);
		mgmt_json_open(r, NULL, '{');
		mgmt_json_text(r, "path", c->path);
		mgmt_json_int(r, "code", c->code);
		mgmt_json_bool(r, "on", on);
		mgmt_json_text(r, "help", c->help);
		mgmt_json_close(r);
	}
	return 0;
}

/* A category by its name or, by how names begin, several; none given: all. */
static int debug_set(struct mgmt *m, struct mgmt_reply *r, const char *args, bool on)
{
	size_t len = strlen(args);
	bool any = false, changed = false;

	if (!r->session)
		return -EINVAL;
	for (size_t i = 0; i < m->topics_len; i++) {
		if (!m->topics[i].category)
			continue;
		if (strncmp(m->topics[i].category->path, args, len) != 0)
			continue;
		any = true;
		if (on && !mgmt_topic_on(r->session, i) && m->listeners == m->conf.debug_max &&
		    !(r->session->topics[0] | r->session->topics[1]))
			return -ENOSPC;
		changed |= mgmt_topic_set(r->session, i, on);
	}
	if (!any)
		return -EINVAL;
	return changed ? 0 : on ? -EEXIST : -ENOENT;
}

static int run_debug_add(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	(void)now;
	return debug_set(owner, r, args, true);
}

static int run_debug_del(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	(void)now;
	return debug_set(owner, r, args, false);
}

const struct mgmt_command mgmt_own[] = {
	{"help", "[arg]", "Help (limited to arg when specified)", run_help, MGMT_DATA},
	{"logout", "", "logout from this mgmt terminal", run_logout, 0},
	{"shutdown", "", "shutdown of the switch", run_shutdown, 0},
	{"load", "path", "load a configuration script", run_load, 0},
	{"debug", "", "DEBUG MENU", NULL, MGMT_MENU},
	{"debug/list", "", "list debug categories", run_debug_list, MGMT_DATA},
	{"debug/add", "dbgpath", "enable debug info for a given category", run_debug_add, 0},
	{"debug/del", "dbgpath", "disable debug info for a given category", run_debug_del, 0},
};

const size_t mgmt_own_count = sizeof(mgmt_own) / sizeof(mgmt_own[0]);
static_assert(MGMT_CATEGORIES_MAX == 128, "debug_set() looks at two words");
