/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vde_plug: a plug of a switch whose other side is a VDE stream, a second plug, or the stream of a
 * command. The Virtual Square book, section 4.3.
 *
 * As a login shell it serves a tunnel broker: users may run it through ssh, and nothing else.
 */
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "core/base/text.h"
#include "core/bin/cable.h"
#include "core/bin/iplog.h"
#include "core/host/process.h"

#define IPLOG_GROUP "vdeplug_iplog"
#define WORDS_MAX   64

enum { OPT_PORT = 256, OPT_PORT2 };

static const char short_options[] = "+dp:lLhg:G:m:M:D:";

static const struct option long_options[] = {
	{"daemon", no_argument, NULL, 'd'},
	{"pidfile", required_argument, NULL, 'p'},
	{"log", no_argument, NULL, 'l'},
	{"iplog", no_argument, NULL, 'L'},
	{"help", no_argument, NULL, 'h'},
	{"group", required_argument, NULL, 'g'},
	{"group2", required_argument, NULL, 'G'},
	{"mod", required_argument, NULL, 'm'},
	{"mode", required_argument, NULL, 'm'},
	{"mod2", required_argument, NULL, 'M'},
	{"mode2", required_argument, NULL, 'M'},
	{"port", required_argument, NULL, OPT_PORT},
	{"port2", required_argument, NULL, OPT_PORT2},
	{"descr", required_argument, NULL, 'D'},
	{NULL, 0, NULL, 0},
};

static const char help[] =
	"Usage:\n"
	"  vde_plug [OPTIONS] [SWITCH]                    a VDE stream on stdin and stdout\n"
	"  vde_plug [OPTIONS] SWITCH SWITCH               a cable between two switches\n"
	"  vde_plug [OPTIONS] [SWITCH] = COMMAND [ARGS]   the VDE stream of a command\n"
	"SWITCH is a switch's directory, or vde://DIRECTORY, either with [PORT] behind it; '' or\n"
	"none is the default switch: ~/.vde2/default.switch, /var/run/vde.ctl, /tmp/vde.ctl.\n"
	"'-' is a VDE stream on stdin and stdout.\n"
	"  -d, --daemon          run in the background\n"
	"  -p, --pidfile FILE    write the process id to FILE\n"
	"  -l, --log             log start and stop to syslog\n"
	"  -L, --iplog           -l, and the IP addresses seen from the other side\n"
	"  -g, --group GROUP     group of the data sockets (-G, --group2: of the second switch)\n"
	"  -m, --mod MODE        their permissions, octal (-M, --mod2: of the second switch)\n"
	"      --port PORT       port of the switch (--port2: of the second); better SWITCH[PORT]\n"
	"  -D, --descr TEXT      what the switch's port list calls this (default \"vdeplug:\")\n"
	"  -h, --help            show this help and exit\n";

struct plug {
	struct vde_open_args args[2];
	const char *descr, *pid_file;
	const char *urls[2];
	int urls_count;
	char **command; /* NULL: none */
	bool daemon, log, iplog;
	bool broker; /* a login shell: what could reach beyond the switch is refused */
	pid_t child;
};

static int complain(const char *what, const char *value)
{
	process_log(LOG_ERR, "%s '%s'", what, value);
	return -EINVAL;
}

static int parse_port(const char *text, int *port)
{
	uint64_t value;

	if (vs_parse_uint(text, 0xffffff, &value))
		return complain("not a port:", text);
	*port = (int)value;
	return 0;
}

static int parse_mode(const char *text, mode_t *mode)
{
	if (process_parse_mode(text, mode) || *mode == 0)
		return complain("not an octal mode:", text);
	return 0;
}

static int parse_option(struct plug *p, int option)
{
	switch (option) {
	case 'd':
		p->daemon = true;
		return 0;
	case 'p':
		p->pid_file = optarg;
		return 0;
	case 'l':
		p->log = true;
		return 0;
	case 'L':
		p->log = p->iplog = true;
		return 0;
	case 'g':
		p->args[0].group = optarg;
		return 0;
	case 'G':
		p->args[1].group = optarg;
		return 0;
	case 'm':
		return parse_mode(optarg, &p->args[0].mode);
	case 'M':
		return parse_mode(optarg, &p->args[1].mode);
	case OPT_PORT:
		return parse_port(optarg, &p->args[0].port);
	case OPT_PORT2:
		return parse_port(optarg, &p->args[1].port);
	case 'D':
		p->descr = optarg;
		return 0;
	case 'h':
		fputs(help, stdout);
		return 1;
	}
	fputs("Try 'vde_plug --help'.\n", stderr);
	return -EINVAL;
}

static int parse(struct plug *p, int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, short_options, long_options, NULL)) != -1) {
		int done = parse_option(p, option);

		if (done)
			return done;
	}
	for (; optind < argc; optind++) {
		if (strcmp(argv[optind], "=") == 0) {
			if (!argv[optind + 1])
				return complain("no command after", "=");
			if (p->urls_count > 1)
				return complain("a second switch and a command:", argv[optind + 1]);
			p->command = argv + optind + 1;
			break;
		}
		if (p->urls_count == 2)
			return complain("a third switch:", argv[optind]);
		p->urls[p->urls_count++] = argv[optind];
	}
	if (p->broker && (p->command || p->daemon || p->pid_file))
		return complain("not allowed in a tunnel broker:",
				p->command ? "=" : p->daemon ? "--daemon" : "--pidfile");
	if (p->urls_count == 2 && strcmp(p->urls[0], "-") == 0 && strcmp(p->urls[1], "-") == 0)
		return complain("both ends are", "-");
	return 0;
}

/* Starts the command with its standard input and output as the other end of ours. */
static int spawn(struct plug *p, struct cable_end *end)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	p->child = fork();
	if (p->child < 0) {
		int error = -errno;

		close(pair[0]);
		close(pair[1]);
		return error;
	}
	if (p->child == 0) {
		if (dup2(pair[1], STDIN_FILENO) >= 0 && dup2(pair[1], STDOUT_FILENO) >= 0)
			execvp(p->command[0], p->command);
		process_log(LOG_ERR, "%s: %s", p->command[0], strerror(errno));
		_exit(127);
	}
	close(pair[1]);
	*end = (struct cable_end){.kind = CABLE_STREAM, .in = pair[0], .out = pair[0]};
	end->name = p->command[0];
	return 0;
}

static void log_event(const struct plug *p, const char *what)
{
	const char *ssh = getenv("SSH_CLIENT"), *user = getenv("USER");

	if (p->log)
		process_log(LOG_INFO, "%s: user %s %s%s", what, user ? user : "?",
			    ssh ? "SSH_CLIENT=" : "local", ssh ? ssh : "");
}

static int open_ends(struct plug *p, struct cable_end ends[2])
{
	int error = cable_open(&ends[0], p->urls[0] ? p->urls[0] : "", p->descr, &p->args[0]);

	if (error)
		return error;
	if (p->command)
		error = spawn(p, &ends[1]);
	else if (p->urls_count == 2)
		error = cable_open(&ends[1], p->urls[1], p->descr, &p->args[1]);
	else if (ends[0].kind == CABLE_STREAM)
		error = cable_open(&ends[1], "", p->descr, &p->args[1]);
	else
		error = cable_open(&ends[1], "-", NULL, NULL);
	if (error)
		cable_close(&ends[0]);
	return error;
}

static int run(struct plug *p)
{
	struct cable_end ends[2] = {{0}};
	char pid_file[PATH_MAX] = "";
	struct rt *rt = NULL;
	int error = open_ends(p, ends);

	if (error)
		return error;
	if (p->pid_file)
		error = process_absolute(p->pid_file, pid_file, sizeof(pid_file));
	if (!error && p->daemon)
		error = process_daemonize_pidfile(pid_file[0] ? pid_file : NULL);
	if (!error && (p->log || p->daemon))
		process_log_syslog();
	if (!error && pid_file[0] && !p->daemon)
		error = process_pidfile(pid_file);
	if (!error && p->iplog) {
		ends[1].seen = iplog_frame;
		ends[1].seen_ctx = iplog_new();
		error = ends[1].seen_ctx ? 0 : -ENOMEM;
	}
	error = error ? error : rt_create(&rt);
	if (error) {
		process_log(LOG_ERR, "%s: %s", pid_file[0] ? pid_file : "cannot start",
			    strerror(-error));
	} else {
		log_event(p, "START");
		error = cable_run(rt, ends);
		log_event(p, "STOP");
	}
	rt_destroy(rt);
	free(ends[1].seen_ctx);
	for (int i = 0; i < 2; i++)
		cable_close(&ends[i]);
	if (p->command) {
		close(ends[1].in);
		waitpid(p->child, NULL, 0);
	}
	if (pid_file[0])
		unlink(pid_file);
	return error;
}

static int refuse(const char *command)
{
	fputs("This is a Virtual Distributed Ethernet (vde) tunnel broker.\n"
	      "This is not a login shell, only vde_plug can be executed\n",
	      stderr);
	process_log_syslog();
	process_log(LOG_WARNING, "refused \"%s\" of user %s (%s)", command,
		    getenv("USER") ? getenv("USER") : "?",
		    getenv("SSH_CLIENT") ? getenv("SSH_CLIENT") : "local");
	return EXIT_FAILURE;
}

/* `ssh broker vde_plug ARGS` runs the login shell with -c "vde_plug ARGS". The words are split at
 * blanks and mean nothing else: no quotes, no other shell.
 */
static int split(char *line, char *words[WORDS_MAX + 1])
{
	char *rest = NULL;
	int count = 0;

	for (char *word = strtok_r(line, " \t", &rest); word && count < WORDS_MAX;
	     word = strtok_r(NULL, " \t", &rest))
		words[count++] = word;
	words[count] = NULL;
	return count;
}

static bool user_is_logged(void)
{
	const struct group *group = getgrnam(IPLOG_GROUP);

	return group && process_in_group(getuid(), group->gr_gid);
}

int main(int argc, char **argv)
{
	struct plug p = {.descr = "vdeplug:"};
	char *words[WORDS_MAX + 1], *line;
	int done;

	process_log_init("vde_plug");
	if (argc == 1 && argv[0][0] == '-')
		return refuse("login");
	if (argc == 3 && strcmp(argv[1], "-c") == 0) {
		const char *slash;

		line = strdup(argv[2]);
		if (!line)
			return EXIT_FAILURE;
		argc = split(line, words);
		argv = words;
		slash = argc ? strrchr(argv[0], '/') : NULL;
		if (!argc || strcmp(slash ? slash + 1 : argv[0], "vde_plug") != 0)
			return refuse(argc ? argv[0] : "");
		p.broker = p.log = true;
		p.iplog = user_is_logged();
	}
	done = parse(&p, argc, argv);
	if (done)
		return done < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	return run(&p) ? EXIT_FAILURE : EXIT_SUCCESS;
}
