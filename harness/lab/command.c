/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Commands by virtual time: "sw port/setvlan 2 10", "bob set sack 0", "radio loss 20". */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"
#include "core/mgmt/mgmt.h"
#include "harness/lab/lab.h"

#define ANSWER_MAX (1 << 20)
#define WORDS_MAX  4

struct command {
	struct vs_timer timer;
	struct vsq_lab *lab;
	char *line;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* What a line is for: a node, or a cable ("cable:NAME" too), and where its command starts. */
static int find_target(struct vsq_lab *lab, const char *line, struct lab_node **node,
		       struct lab_cable **cable, const char **rest)
{
	size_t len;

	*node = NULL;
	*cable = NULL;
	while (is_blank(*line))
		line++;
	len = strcspn(line, " \t");
	if (len > 6 && !strncmp(line, "cable:", 6)) {
		*cable = lab_cable_find(lab, line + 6, len - 6);
	} else {
		*node = lab_node_find(lab, line, len);
		if (!*node)
			*cable = lab_cable_find(lab, line, len);
	}
	if (!*node && !*cable)
		return lab_fail(lab, -ENOENT, "\"%s\": there is no node or cable \"%.*s\"", line,
				(int)len, line);
	line += len;
	while (is_blank(*line))
		line++;
	if (!*line)
		return lab_fail(lab, -EINVAL, "%s: what is to be done?",
				*node ? (*node)->name : (*cable)->name);
	*rest = line;
	return 0;
}

/* Cuts a copy of the line into words; the last one takes the rest. */
static int words_of(char *copy, char *words[WORDS_MAX])
{
	int count = 0;

	while (count < WORDS_MAX) {
		while (is_blank(*copy))
			*copy++ = '\0';
		if (!*copy)
			break;
		words[count++] = copy;
		if (count < WORDS_MAX - 1)
			copy += strcspn(copy, " \t");
		else
			break;
	}
	return count;
}

static int host_link_state(struct lab_node *node, const char *interface, bool up)
{
	uint64_t number;
	int err;

	if (vs_parse_uint(interface, STK_IF_MAX, &number) || number < 1 ||
	    (int)number > node->interfaces)
		return lab_fail(node->lab, -EINVAL, "%s: interface \"%s\": there are 1 to %d",
				node->name, interface, node->interfaces);
	err = stk_if_set_up(node->stk, sim_now(node->lab->sim), (int)number, up);
	sim_touch(&node->engine);
	return err ? lab_fail(node->lab, err, "%s: %s", node->name, strerror(-err)) : 0;
}

static int host_command(struct lab_node *node, const char *line)
{
	char copy[512], *words[WORDS_MAX];
	uint64_t interface;
	int count;

	if (strlen(line) >= sizeof(copy))
		return lab_fail(node->lab, -EINVAL, "%s: a command of %zu characters", node->name,
				strlen(line));
	strcpy(copy, line);
	count = words_of(copy, words);
	if (count == 3 && !strcmp(words[0], "address") &&
	    !vs_parse_uint(words[1], STK_IF_MAX, &interface))
		return lab_node_set_address(node, (int)interface, words[2]);
	if (count == 3 && !strcmp(words[0], "route"))
		return lab_node_set_route(node, words[1], words[2]);
	if (count == 3 && !strcmp(words[0], "set"))
		return lab_node_set(node, words[1], words[2]);
	if (count == 2 && (!strcmp(words[0], "up") || !strcmp(words[0], "down")))
		return host_link_state(node, words[1], words[0][0] == 'u');
	return lab_fail(node->lab, -EINVAL,
			"%s: \"%s\": a host's commands are address INTERFACE ADDRESS, route "
			"DESTINATION GATEWAY, set NAME VALUE, up INTERFACE, down INTERFACE",
			node->name, line);
}

static bool exists(const struct lab_node *node, const char *print, unsigned number)
{
	char line[64];

	snprintf(line, sizeof(line), "%s %u", print, number);
	return mgmt_run(node->mgmt, sim_now(node->lab->sim), line, NULL) == 0;
}

/* A switch says only that something is not there: which VLAN or port its command named in vain, and
 * what would make it; "" when that is not known.
 */
static void hint(const struct lab_node *node, const char *line, char *text, size_t size)
{
	unsigned vlan, port;
	bool has_vlan = true, has_port = true;

	*text = '\0';
	if (sscanf(line, "vlan/%*s %9u %9u", &vlan, &port) != 2 &&
	    sscanf(line, "port/setvlan %9u %9u", &port, &vlan) != 2) {
		has_vlan = sscanf(line, "vlan/%*s %9u", &vlan) == 1;
		has_port = sscanf(line, "port/%*s %9u", &port) == 1;
	}
	if (has_vlan && !exists(node, "vlan/print", vlan))
		snprintf(text, size,
			 ": there is no VLAN %u on %s; create it first: \"%s vlan/create %u\"",
			 vlan, node->name, node->name, vlan);
	else if (has_port && !exists(node, "port/print", port))
		snprintf(text, size, ": there is no port %u on %s; a cable makes one, as does \"%s "
				     "port/create %u\"",
			 port, node->name, node->name, port);
}

/* Runs a line on a console; its answer goes to the lab's. node: the switch it is, or NULL. */
static int console(struct vsq_lab *lab, const char *name, struct mgmt *mgmt, const char *line,
		   struct vs_text *answer, const struct lab_node *node)
{
	int code = mgmt_run(mgmt, sim_now(lab->sim), line, answer);
	char why[192] = "";

	if (code == ENOSYS)
		return lab_fail(lab, -ENOSYS, "%s: \"%s\": there is no such command: try help",
				name, line);
	if (code == ENXIO && node)
		hint(node, line, why, sizeof(why));
	if (code)
		return lab_fail(lab, -EINVAL, "%s: \"%s\": %d %s%s", name, line, 1000 + code,
				strerror(code), why);
	return 0;
}

/* A parameter of the link, or else a command of wirefilter's console. */
static int cable_command(struct lab_cable *cable, const char *line, struct vs_text *answer)
{
	struct vsq_lab *lab = cable->lab;
	size_t len = strcspn(line, " \t");
	const char *value = line + len;
	char name[64];
	int err;

	while (is_blank(*value))
		value++;
	if (len < sizeof(name) && *value) {
		memcpy(name, line, len);
		name[len] = '\0';
		err = lab_cable_set(cable, name, value);
		if (err != -ENOENT)
			return err;
	}
	err = lab_cable_mgmt(cable);
	if (!err)
		err = console(lab, cable->name, cable->mgmt, line, answer, NULL);
	sim_touch(&cable->engine);
	return err;
}

static int run_line(struct vsq_lab *lab, const char *line, struct vs_text *answer)
{
	struct lab_cable *cable;
	struct lab_node *node;
	const char *rest;
	int err = find_target(lab, line, &node, &cable, &rest);

	if (err)
		return err;
	if (cable)
		return cable_command(cable, rest, answer);
	switch (node->kind) {
	case LAB_HOST:
	case LAB_ROUTER:
		return host_command(node, rest);
	case LAB_SWITCH:
		err = console(lab, node->name, node->mgmt, rest, answer, node);
		sim_touch(&node->engine);
		return err;
	case LAB_PROBE:
	case LAB_PEER:
		break;
	}
	return lab_fail(lab, -EINVAL, "%s: a %s has no commands", node->name,
			lab_kind_name(node->kind));
}

static void command_due(struct vs_timer *timer, void *ctx, vs_time now)
{
	struct command *command = (struct command *)timer;
	struct vsq_lab *lab = command->lab;

	(void)ctx;
	if (run_line(lab, command->line, NULL))
		lab_judge(lab, false, "at %.9g s: %s", (double)now / VS_SEC, lab->error);
}

int vsq_at(struct vsq_lab *lab, int64_t time, const char *line)
{
	struct lab_cable *cable;
	struct lab_node *node;
	struct command *command;
	const char *rest;
	int err;

	if (lab->finished)
		return lab_fail(lab, -EINVAL, "this lab is finished");
	if (!line)
		return lab_fail(lab, -EINVAL, "a command is missing");
	if (time < sim_now(lab->sim))
		return lab_fail(lab, -EINVAL, "\"%s\": %.9f s is past: it is %.9f s", line,
				(double)time / VS_SEC, (double)sim_now(lab->sim) / VS_SEC);
	err = find_target(lab, line, &node, &cable, &rest);
	if (err)
		return err;
	command = calloc(1, sizeof(*command));
	if (!command || !(command->line = lab_copy(line, strlen(line))) ||
	    sim_timer_add(lab->sim, &command->timer, command_due)) {
		if (command)
			free(command->line);
		free(command);
		return lab_fail(lab, -ENOMEM, "no memory for a command");
	}
	command->lab = lab;
	if (lab_list_add(&lab->commands, command)) {
		sim_timer_remove(lab->sim, &command->timer);
		free(command->line);
		free(command);
		return lab_fail(lab, -ENOMEM, "no memory for a command");
	}
	sim_timer_set(lab->sim, &command->timer, time);
	return 0;
}

const char *vsq_command(struct vsq_lab *lab, const char *line)
{
	struct vs_text answer;

	if (lab->finished || !line) {
		lab_fail(lab, -EINVAL, lab->finished ? "this lab is finished"
						     : "a command is missing");
		return NULL;
	}
	if (!lab->answer)
		lab->answer = malloc(ANSWER_MAX);
	if (!lab->answer) {
		lab_fail(lab, -ENOMEM, "no memory for an answer");
		return NULL;
	}
	vs_text_init(&answer, lab->answer, ANSWER_MAX);
	return run_line(lab, line, &answer) ? NULL : lab->answer;
}

void lab_commands_free(struct vsq_lab *lab)
{
	for (unsigned i = 0; i < lab->commands.count; i++) {
		struct command *command = lab->commands.items[i];

		sim_timer_remove(lab->sim, &command->timer);
		free(command->line);
		free(command);
	}
	lab_list_fini(&lab->commands);
}
