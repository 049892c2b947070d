/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The switch says itself what it can do, by its command help: so this program has the commands of
 * the module that is loaded, and they need not be written down twice.
 */
#include "core/bin/kvde_tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/bin/kvde_net.h"

#define ANSWER_MAX (1 << 20)

struct proxy {
	struct kvde_tree *tree;
	struct mgmt_command command;
	struct proxy *next;
	char path[64], syntax[64], help[128];
};

struct kvde_tree {
	int fd;
	struct proxy *proxies;
	char answer[ANSWER_MAX];
};

static int run(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	struct proxy *proxy = owner;
	struct kvde_tree *tree = proxy->tree;
	char line[2048], *at = tree->answer, *end;
	size_t len;
	int code;

	(void)now;
	snprintf(line, sizeof(line), "%s%s%s%s", proxy->path, mgmt_wants_json(r) ? " -j" : "",
		 *args ? " " : "", args);
	code = kvde_net_command(tree->fd, line, tree->answer, sizeof(tree->answer), &len);
	if (mgmt_wants_json(r)) {
		if (code >= 0 && len)
			mgmt_json_answer(r, tree->answer, len - 1);
		return code;
	}
	for (; (end = memchr(at, '\n', len)); at = end + 1) {
		mgmt_line(r, "%.*s", (int)(end - at), at);
		len -= (size_t)(end - at) + 1;
	}
	return code;
}

/* Copies the string that follows key in JSON; gives what is behind it, or NULL. */
static const char *string_after(const char *json, const char *key, char *out, size_t size)
{
	const char *at = strstr(json, key);
	size_t len = 0;

	if (!at)
		return NULL;
	for (at += strlen(key); *at && *at != '"'; at++) {
		if (*at == '\\' && at[1])
			at++;
		if (len + 1 < size)
			out[len++] = *at;
	}
	out[len] = '\0';
	return at;
}

/* Adds the command that the JSON of help describes next; gives what is behind it. */
static int add_next(struct kvde_tree *tree, struct mgmt *m, const char **json)
{
	struct proxy *p = calloc(1, sizeof(*p));
	const char *at;
	int error;

	if (!p)
		return -ENOMEM;
	p->tree = tree;
	p->next = tree->proxies;
	tree->proxies = p;
	at = string_after(*json, "\"path\":\"", p->path, sizeof(p->path));
	if (!at)
		return -ENOENT;
	p->command = (struct mgmt_command){.path = p->path, .syntax = p->syntax, .help = p->help};
	if (strncmp(at, "\",\"menu\":true", 13) == 0)
		p->command.flags = MGMT_MENU;
	else
		p->command.run = run;
	at = string_after(at, "\"syntax\":\"", p->syntax, sizeof(p->syntax));
	at = at ? string_after(at, "\"help\":\"", p->help, sizeof(p->help)) : NULL;
	if (!at)
		return -EPROTO;
	if (strncmp(at, "\",\"data\":true", 13) == 0)
		p->command.flags |= MGMT_DATA;
	*json = at;
	error = mgmt_add(m, &p->command, 1, p);
	return error == -EEXIST ? 0 : error; /* every tree has its own help, load ... */
}

int kvde_tree_create(struct kvde_tree **out, struct mgmt *m, int fd)
{
	struct kvde_tree *tree = calloc(1, sizeof(*tree));
	const char *json;
	size_t len;
	int error;

	if (!tree)
		return -ENOMEM;
	tree->fd = fd;
	*out = tree;
	error = kvde_net_command(fd, "help -j", tree->answer, sizeof(tree->answer) - 1, &len);
	if (error)
		return error > 0 ? -error : error;
	tree->answer[len] = '\0';
	json = tree->answer;
	do
		error = add_next(tree, m, &json);
	while (!error);
	return error == -ENOENT ? 0 : error;
}

void kvde_tree_destroy(struct kvde_tree *tree)
{
	struct proxy *next;

	if (!tree)
		return;
	for (struct proxy *p = tree->proxies; p; p = next) {
		next = p->next;
		free(p);
	}
	free(tree);
}
