/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kvde_switch: makes a switch in the kernel, joins interfaces to it, and is its console. Frames
 * never come here. The Virtual Square book, section 6.4.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "core/base/text.h"
#include "core/bin/kvde_net.h"
#include "core/bin/kvde_tree.h"
#include "core/bin/script.h"
#include "core/bin/switch_options.h"
#include "core/host/console.h"
#include "core/host/memory.h"
#include "core/host/process.h"

#define PROMPT	       "vde$ "
#define ROOT_NET       "/var/run/kvde.ctl"
#define USER_NET       "/tmp/kvde.ctl"
#define PORTS_MAX      4096
#define INTERFACES_MAX 64

enum { OPT_MGMTMODE = 256 };

static const char short_options[] = "hvn:s:m:g:t:G:dp:f:M:";

static const struct option long_options[] = {
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'v'},
	{"numports", required_argument, NULL, 'n'},
	{"sock", required_argument, NULL, 's'},
	{"mode", required_argument, NULL, 'm'},
	{"group", required_argument, NULL, 'g'},
	{"tap", required_argument, NULL, 't'},
	{"grab", required_argument, NULL, 'G'},
	{"daemon", no_argument, NULL, 'd'},
	{"pidfile", required_argument, NULL, 'p'},
	{"rcfile", required_argument, NULL, 'f'},
	{"mgmt", required_argument, NULL, 'M'},
	{"mgmtmode", required_argument, NULL, OPT_MGMTMODE},
	{NULL, 0, NULL, 0},
};

static const char help[] =
	"Usage: kvde_switch [OPTIONS]\n"
	"Runs a VDE switch in the kernel (modules ipn and kvde_switch).\n"
	"  -h, --help           show this help and exit\n"
	"  -v, --version        show the version and exit\n"
	"  -n, --numports N     number of ports, with port 0 (default 32)\n"
	"  -s, --sock PATH      name of the switch's network (default /var/run/kvde.ctl for root,\n"
	"                       else /tmp/kvde.ctl)\n"
	"  -m, --mode MODE      its permissions, octal: r receives, w sends, x manages\n"
	"                       (default 0700)\n"
	"  -g, --group GROUP    its group\n"
	"  -t, --tap TAP        make the interface TAP and join it; may be given several times\n"
	"  -G, --grab IF        join the interface IF of the host; may be given several times\n"
	"  -d, --daemon         run in the background\n"
	"  -p, --pidfile FILE   write the process id to FILE\n"
	"  -f, --rcfile FILE    commands to run first\n"
	"  -M, --mgmt SOCK      management socket\n"
	"      --mgmtmode MODE  its permissions, octal (default 0600)\n";

struct interface {
	const char *name;
	bool tap;
	int fd;
};

struct kvde {
	unsigned ports;
	const char *sock, *pid_file, *rc_file, *mgmt_path;
	mode_t mode, mgmt_mode;
	gid_t gid;
	bool daemon;
	struct interface interfaces[INTERFACES_MAX];
	unsigned interfaces_count;
	char path[PATH_MAX];
	int fd; /* keeps the network */
	struct rt *rt;
	struct vs_arena arena;
	struct mgmt *mgmt;
	struct kvde_tree *tree;
	struct console *console;
};

static int complain(const char *option, const char *value, const char *allowed)
{
	process_log(LOG_ERR, "%s: '%s' is not %s", option, value, allowed);
	return -EINVAL;
}

static int parse_ports(struct kvde *k, const char *text)
{
	uint64_t value;

	if (vs_parse_uint(text, PORTS_MAX, &value) || value < 2)
		return complain("--numports", text, "a number from 2 to 4096");
	k->ports = (unsigned)value;
	return 0;
}

static int parse_mode(const char *option, const char *text, mode_t *mode)
{
	return process_parse_mode(text, mode) ? complain(option, text, "an octal mode") : 0;
}

static int parse_interface(struct kvde *k, const char *name, bool tap)
{
	if (k->interfaces_count == INTERFACES_MAX)
		return complain(tap ? "--tap" : "--grab", name, "one of the 64 that may join");
	k->interfaces[k->interfaces_count++] = (struct interface){name, tap, -1};
	return 0;
}

static int parse_option(struct kvde *k, int option, const char *value)
{
	uint32_t id;

	switch (option) {
	case 'n':
		return parse_ports(k, value);
	case 's':
		k->sock = value;
		return 0;
	case 'm':
		return parse_mode("--mode", value, &k->mode);
	case 'g':
		if (process_group_id(value, &id))
			return complain("--group", value, "a group of this system");
		k->gid = id;
		return 0;
	case 't':
	case 'G':
		return parse_interface(k, value, option == 't');
	case 'd':
		k->daemon = true;
		return 0;
	case 'p':
		k->pid_file = value;
		return 0;
	case 'f':
		k->rc_file = value;
		return 0;
	case 'M':
		k->mgmt_path = value;
		return 0;
	case OPT_MGMTMODE:
		return parse_mode("--mgmtmode", value, &k->mgmt_mode);
	case 'h':
		fputs(help, stdout);
		return 1;
	case 'v':
		printf("%s\n%s\n", SWITCH_VERSION, SWITCH_COPYRIGHT);
		return 1;
	}
	fputs("Try 'kvde_switch --help'.\n", stderr);
	return -EINVAL;
}

static int parse(struct kvde *k, int argc, char **argv)
{
	int option, done;

	while ((option = getopt_long(argc, argv, short_options, long_options, NULL)) != -1) {
		done = parse_option(k, option, optarg);
		if (done)
			return done;
	}
	if (optind < argc)
		return complain("argument", argv[optind], "known; every argument is an option");
	return 0;
}

static int run_showinfo(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	const struct kvde *k = owner;

	if (*args)
		return -EINVAL;
	mgmt_line(r, "%s, in the kernel", SWITCH_VERSION);
	mgmt_line(r, "pid %d uptime %lld", (int)getpid(), (long long)(now / VS_SEC));
	mgmt_line(r, "network %s perm 0%03o", k->path, (unsigned)k->mode);
	mgmt_json_text(r, "version", SWITCH_VERSION);
	mgmt_json_int(r, "pid", getpid());
	mgmt_json_int(r, "uptime", now / VS_SEC);
	mgmt_json_text(r, "network", k->path);
	if (k->mgmt_path) {
		mgmt_line(r, "mgmt %s perm 0%03o", k->mgmt_path, (unsigned)k->mgmt_mode);
		mgmt_json_text(r, "mgmt", k->mgmt_path);
	}
	return 0;
}

static const struct mgmt_command commands[] = {
	{"showinfo", "", "show switch version and info", run_showinfo, MGMT_DATA},
};

static void on_end(void *ctx, bool shutdown)
{
	struct kvde *k = ctx;

	if (shutdown)
		process_log(LOG_INFO, "Shutdown from mgmt command");
	rt_stop(k->rt);
}

static void on_signal(void *ctx, int signal)
{
	struct kvde *k = ctx;

	process_log(LOG_INFO, "Caught signal %d, cleaning up and exiting", signal);
	rt_stop(k->rt);
}

static int open_network(struct kvde *k)
{
	int error = process_absolute(k->sock ? k->sock : geteuid() ? USER_NET : ROOT_NET, k->path,
				     sizeof(k->path));

	if (!error) {
		k->fd = kvde_net_create(k->path, k->ports);
		error = k->fd < 0 ? k->fd : 0;
	}
	if (error == -EAFNOSUPPORT || error == -EPROTONOSUPPORT)
		process_log(LOG_ERR, "the kernel has no %s: is the module %s loaded?",
			    error == -EAFNOSUPPORT ? "IPN" : "switch",
			    error == -EAFNOSUPPORT ? "ipn" : "kvde_switch");
	else if (error)
		process_log(LOG_ERR, "%s: %s", k->path, strerror(-error));
	return error;
}

static int join_interfaces(struct kvde *k)
{
	for (unsigned n = 0; n < k->interfaces_count; n++) {
		struct interface *i = &k->interfaces[n];

		i->fd = kvde_net_interface(k->path, i->name, i->tap);
		if (i->fd < 0) {
			process_log(LOG_ERR, "%s %s: %s", i->tap ? "tap" : "grab", i->name,
				    strerror(-i->fd));
			return i->fd;
		}
	}
	return 0;
}

static int open_console(struct kvde *k)
{
	struct mgmt_conf mgmt = {
		.prompt = PROMPT,
		.greeting = SWITCH_VERSION "\n" SWITCH_COPYRIGHT "\n\n",
		.sessions_max = CONSOLE_SESSIONS,
		.load = script_read,
	};
	struct console_conf console = {.prompt = PROMPT, .ctx = k, .end = on_end};
	int error = rt_create(&k->rt);

	error = error ? error : mgmt_create(&k->mgmt, &mgmt, &k->arena);
	error = error ? error : mgmt_add(k->mgmt, commands, 1, k);
	error = error ? error : kvde_tree_create(&k->tree, k->mgmt, k->fd);
	console.rt = k->rt;
	console.mgmt = k->mgmt;
	error = error ? error : console_create(&k->console, &console);
	if (error)
		process_log(LOG_ERR, "cannot start: %s", strerror(-error));
	if (!error && k->mgmt_path) {
		error = console_listen(k->console, k->mgmt_path, k->mgmt_mode, (gid_t)-1);
		if (error)
			process_log(LOG_ERR, "mgmt bind %s: %s", k->mgmt_path, strerror(-error));
	}
	return error;
}

static int load_rc(struct kvde *k)
{
	char why[1024];
	int error = 0;

	if (k->rc_file)
		error = script_load(k->mgmt, rt_now(k->rt), k->rc_file, why, sizeof(why));
	if (error)
		process_log(LOG_ERR, "%s", why);
	return error;
}

/* The network opens to others once it is as it was asked to be. */
static int open_to_all(struct kvde *k)
{
	int error = kvde_net_open(k->path, k->mode, k->gid);

	if (error)
		process_log(LOG_ERR, "%s: %s", k->path, strerror(-error));
	return error;
}

/* Goes to the background, or takes the terminal; then nothing can fail any more. */
static int settle(struct kvde *k, char *pid_file, size_t size)
{
	int error = 0;

	if (k->pid_file)
		error = process_absolute(k->pid_file, pid_file, size);
	if (!error && k->daemon) {
		error = process_daemonize_pidfile(pid_file[0] ? pid_file : NULL);
		if (!error)
			process_log_syslog();
	}
	error = error ? error : rt_signals(k->rt, on_signal, k);
	if (!error && k->pid_file && !k->daemon)
		error = process_pidfile(pid_file);
	if (!error && !k->daemon)
		error = console_terminal(k->console);
	if (error)
		process_log(LOG_ERR, "%s: %s", k->pid_file ? k->pid_file : "console",
			    strerror(-error));
	return error;
}

/* The name goes first, so that nobody joins what is about to end. */
static void clean(struct kvde *k)
{
	console_destroy(k->console);
	if (k->fd >= 0)
		unlink(k->path);
	for (unsigned n = 0; n < k->interfaces_count; n++)
		if (k->interfaces[n].fd >= 0)
			close(k->interfaces[n].fd);
	if (k->mgmt)
		mgmt_destroy(k->mgmt);
	kvde_tree_destroy(k->tree);
	rt_destroy(k->rt);
	if (k->fd >= 0)
		close(k->fd);
	vs_arena_fini(&k->arena);
}

int main(int argc, char **argv)
{
	static struct kvde k = {
		.ports = 32,
		.mode = 0700,
		.mgmt_mode = 0600,
		.gid = (gid_t)-1,
		.fd = -1,
	};
	char pid_file[PATH_MAX] = "";
	int error;

	process_log_init("kvde_switch");
	error = parse(&k, argc, argv);
	if (error)
		return error < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	host_arena_init(&k.arena, 0);
	error = open_network(&k);
	error = error ? error : open_console(&k);
	error = error ? error : join_interfaces(&k);
	error = error ? error : load_rc(&k);
	error = error ? error : open_to_all(&k);
	error = error ? error : settle(&k, pid_file, sizeof(pid_file));
	if (!error)
		error = rt_run(k.rt);
	clean(&k);
	if (pid_file[0])
		unlink(pid_file);
	return error ? EXIT_FAILURE : EXIT_SUCCESS;
}
