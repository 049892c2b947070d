/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dpipe: pipes in both directions between commands. The Virtual Square book, section 4.3.
 *
 *	a = b		stdout of a to stdin of b, and of b to a
 *	a = b = c	b speaks to a on its stdin and stdout, to c on two more descriptors, whose
 *			numbers are in ALTERNATE_STDIN and ALTERNATE_STDOUT
 *	a =} b }= c	b stands in the pipe from left to right alone
 *	a ={ b {= c	b stands in the pipe from right to left alone
 *
 * So a line of commands is two-way commands, with one-way ones between them. Between two neighbours
 * of the first kind the pipe to the right runs through the } commands, the pipe to the left through
 * the { commands in reverse.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "core/host/process.h"

enum way { BOTH_WAYS, RIGHTWARDS, LEFTWARDS };

struct command {
	char **argv;
	enum way way;
	/* Descriptors, or -1: towards the left (standard) and towards the right (alternate, but
	 * standard for the first command). A one-way command has left_in and left_out only.
	 */
	int left_in, left_out, right_in, right_out;
	pid_t pid;
};

static const char help[] =
	"Usage: dpipe [OPTIONS] COMMAND [ARGS] = COMMAND [ARGS] [= COMMAND [ARGS]]...\n"
	"Connects the output of each command to the input of the other.\n"
	"  a = b = c      b speaks to c on the descriptors ALTERNATE_STDIN and ALTERNATE_STDOUT\n"
	"  a =} b }= c    b processes what flows from left to right only\n"
	"  a ={ b {= c    b processes what flows from right to left only\n"
	"  -p, --pidfile FILE     write the process id to FILE\n"
	"  -P, --pgrpfile FILE    write the process group id to FILE, negative as kill takes it\n"
	"  -d, --daemon           run in the background\n"
	"  -n, --nowrapproc       no process of dpipe's own: the last command is the parent\n"
	"  -N, --nowrapnoclean    as -n, and leave the files of -p and -P behind\n"
	"  -h, --help             show this help and exit\n";

struct options {
	const char *pid_file, *group_file;
	bool daemon, no_wrap, no_clean;
	struct command *commands;
	int count;
};

static const struct options *running; /* whose commands a signal is passed on to */

/* "=", with a bracket before it, behind it, or both: sets what the commands beside it are. */
static bool separator(const char *word, enum way *before, enum way *behind)
{
	*before = *behind = BOTH_WAYS;
	if (*word == '}' || *word == '{')
		*before = *word++ == '}' ? RIGHTWARDS : LEFTWARDS;
	if (*word++ != '=')
		return false;
	if (*word == '}' || *word == '{')
		*behind = *word++ == '}' ? RIGHTWARDS : LEFTWARDS;
	return *word == '\0';
}

static int wrong(const char *what, const char *word)
{
	process_log(LOG_ERR, "%s '%s'", what, word);
	return -EINVAL;
}

/* Cuts the line into commands, in place: separators become the ends of argument lists. */
static int parse_commands(struct options *o, char **argv)
{
	enum way before, behind = BOTH_WAYS;
	struct command *c;

	if (!*argv)
		return wrong("no command; try", "dpipe --help");
	for (;;) {
		c = &o->commands[o->count++];
		*c = (struct command){argv, behind, -1, -1, -1, -1, 0};
		while (*argv && !separator(*argv, &before, &behind))
			argv++;
		if (*c->argv == NULL || argv == c->argv)
			return wrong("no command before", *argv ? *argv : "the end of the line");
		if (!*argv)
			break;
		if (before != c->way)
			return wrong("a command must have the same bracket on both sides:", *argv);
		*argv++ = NULL;
	}
	if (c->way != BOTH_WAYS)
		return wrong("the last command is in both pipes:", c->argv[0]);
	if (o->count < 2)
		return wrong("nothing to connect with:", c->argv[0]);
	return 0;
}

static int parse(struct options *o, int argc, char **argv)
{
	static const struct option long_options[] = {
		{"pidfile", required_argument, NULL, 'p'},
		{"pgrpfile", required_argument, NULL, 'P'},
		{"daemon", no_argument, NULL, 'd'},
		{"nowrapproc", no_argument, NULL, 'n'},
		{"nowrapnoclean", no_argument, NULL, 'N'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "+p:P:dnNh", long_options, NULL)) != -1) {
		switch (option) {
		case 'p':
			o->pid_file = optarg;
			break;
		case 'P':
			o->group_file = optarg;
			break;
		case 'd':
			o->daemon = true;
			break;
		case 'N':
			o->no_clean = true;
			o->no_wrap = true;
			break;
		case 'n':
			o->no_wrap = true;
			break;
		case 'h':
			fputs(help, stdout);
			return 1;
		default:
			fputs("Try 'dpipe --help'.\n", stderr);
			return -EINVAL;
		}
	}
	o->commands = calloc((size_t)argc + 1, sizeof(*o->commands));
	if (!o->commands)
		return -ENOMEM;
	return parse_commands(o, argv + optind);
}

static int join(int *out, int *in)
{
	int fds[2];

	/* Above the numbers that standard and alternate descriptors will get. */
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	*in = fcntl(fds[0], F_DUPFD_CLOEXEC, 10);
	*out = fcntl(fds[1], F_DUPFD_CLOEXEC, 10);
	close(fds[0]);
	close(fds[1]);
	return *in < 0 || *out < 0 ? -errno : 0;
}

/* The pipes between the two-way commands at `left` and `right`. */
static int connect_pair(struct command *commands, int left, int right)
{
	struct command *from = &commands[left], *to = &commands[right];
	int *out = &from->right_out, *in = &from->right_in, error = 0;

	for (int i = left + 1; i < right && !error; i++) {
		if (commands[i].way != RIGHTWARDS)
			continue;
		error = join(out, &commands[i].left_in);
		out = &commands[i].left_out;
	}
	error = error ? error : join(out, &to->left_in);
	for (int i = left + 1; i < right && !error; i++) {
		if (commands[i].way != LEFTWARDS)
			continue;
		error = join(&commands[i].left_out, in);
		in = &commands[i].left_in;
	}
	return error ? error : join(&to->left_out, in);
}

static int connect_all(struct options *o)
{
	int left = 0, error = 0;

	for (int i = 1; i < o->count && !error; i++) {
		if (o->commands[i].way != BOTH_WAYS)
			continue;
		error = connect_pair(o->commands, left, i);
		left = i;
	}
	return error;
}

static void put(int fd, int number)
{
	if (dup2(fd, number) < 0) {
		process_log(LOG_ERR, "dup2: %s", strerror(errno));
		_exit(126);
	}
}

/* Becomes the command. The pipes of others close themselves. */
static void become(const struct command *c, bool first)
{
	sigset_t none;

	if (first) {
		put(c->right_in, STDIN_FILENO);
		put(c->right_out, STDOUT_FILENO);
	} else {
		put(c->left_in, STDIN_FILENO);
		put(c->left_out, STDOUT_FILENO);
		if (c->right_in >= 0) {
			put(c->right_in, 3);
			put(c->right_out, 4);
			setenv("ALTERNATE_STDIN", "3", 1);
			setenv("ALTERNATE_STDOUT", "4", 1);
		}
	}
	sigemptyset(&none);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvp(c->argv[0], c->argv);
	process_log(LOG_ERR, "%s: %s", c->argv[0], strerror(errno));
	_exit(127);
}

static void close_pipes(const struct options *o)
{
	for (int i = 0; i < o->count; i++) {
		const struct command *c = &o->commands[i];
		const int fds[] = {c->left_in, c->left_out, c->right_in, c->right_out};

		for (int k = 0; k < 4; k++)
			if (fds[k] >= 0)
				close(fds[k]);
	}
}

static void pass_on(const struct options *o, int signal)
{
	for (int i = 0; i < o->count; i++)
		if (o->commands[i].pid > 0)
			kill(o->commands[i].pid, signal);
}

static void on_signal(int signal)
{
	int saved = errno;

	pass_on(running, signal);
	errno = saved;
}

/* Waits for every command; the status is the last one's that failed, from left to right. */
static int wait_all(struct options *o)
{
	int left = 0, status, code = EXIT_SUCCESS;

	for (int i = 0; i < o->count; i++)
		left += o->commands[i].pid > 0;
	while (left) {
		pid_t pid = wait(&status);

		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0)
			break;
		for (int i = 0; i < o->count; i++) {
			if (o->commands[i].pid != pid)
				continue;
			o->commands[i].pid = 0;
			left--;
			if (WIFEXITED(status) && WEXITSTATUS(status))
				code = WEXITSTATUS(status);
		}
	}
	return code;
}

static int write_number(const char *path, long number)
{
	FILE *file;

	if (!path)
		return 0;
	file = fopen(path, "we");
	if (!file)
		return wrong(strerror(errno), path);
	fprintf(file, "%ld\n", number);
	return fclose(file) == 0 ? 0 : wrong(strerror(errno), path);
}

static void clean(const struct options *o)
{
	if (o->pid_file)
		unlink(o->pid_file);
	if (o->group_file)
		unlink(o->group_file);
}

/* With -n this process becomes the last command, so another one waits for its end. */
static int clean_later(const struct options *o)
{
	int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
	struct pollfd pfd = {.fd = self, .events = POLLIN};
	pid_t pid;

	if (self < 0)
		return -errno;
	pid = fork();
	if (pid != 0) {
		close(self);
		return pid < 0 ? -errno : 0;
	}
	close_pipes(o);
	setsid();
	for (int fd = 0; fd < 3; fd++)
		close(fd);
	while (poll(&pfd, 1, -1) < 0 && errno == EINTR)
		;
	clean(o);
	_exit(0);
}

/* The commands' own paths count from where they were typed. */
static int daemonize_here(void)
{
	int here = open(".", O_PATH | O_CLOEXEC), error;

	if (here < 0)
		return -errno;
	error = process_daemonize();
	if (!error && fchdir(here) < 0)
		error = -errno;
	close(here);
	return error;
}

/* Daemon, process group, files. Paths keep their meaning in another directory. */
static int settle(struct options *o)
{
	static char pid_file[PATH_MAX], group_file[PATH_MAX];
	int error = 0;

	if (o->pid_file) {
		error = process_absolute(o->pid_file, pid_file, sizeof(pid_file));
		o->pid_file = pid_file;
	}
	if (!error && o->group_file) {
		error = process_absolute(o->group_file, group_file, sizeof(group_file));
		o->group_file = group_file;
	}
	if (!error && o->daemon)
		error = daemonize_here();
	else if (!error && o->group_file && getpgrp() != getpid() && setpgid(0, 0) < 0)
		error = -errno;
	if (error) {
		process_log(LOG_ERR, "cannot start: %s", strerror(-error));
		return error;
	}
	error = write_number(o->pid_file, getpid());
	return error ? error : write_number(o->group_file, -(long)getpgrp());
}

static int start(struct options *o, int count)
{
	for (int i = 0; i < count; i++) {
		struct command *c = &o->commands[i];

		c->pid = fork();
		if (c->pid < 0) {
			process_log(LOG_ERR, "fork: %s", strerror(errno));
			pass_on(o, SIGTERM);
			return -EAGAIN;
		}
		if (c->pid == 0)
			become(c, i == 0);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct options o = {0};
	struct sigaction action = {.sa_handler = on_signal};
	sigset_t passed, before;
	int code;

	process_log_init(argv[0]);
	code = parse(&o, argc, argv);
	if (code)
		return code < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	if (settle(&o))
		return EXIT_FAILURE;
	code = connect_all(&o);
	if (code) {
		process_log(LOG_ERR, "pipe: %s", strerror(-code));
		clean(&o);
		return EXIT_FAILURE;
	}
	if (o.no_wrap) {
		if (!o.no_clean && (o.pid_file || o.group_file))
			clean_later(&o);
		if (start(&o, o.count - 1))
			return EXIT_FAILURE;
		become(&o.commands[o.count - 1], false);
	}
	running = &o;
	sigemptyset(&passed);
	sigaddset(&passed, SIGTERM);
	sigaddset(&passed, SIGINT);
	sigaddset(&passed, SIGHUP);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	/* A signal waits until every command is there to get it, and is a command, not our copy. */
	sigprocmask(SIG_BLOCK, &passed, &before);
	code = start(&o, o.count) ? EXIT_FAILURE : 0;
	sigprocmask(SIG_SETMASK, &before, NULL);
	close_pipes(&o);
	if (wait_all(&o) != 0 && code == 0)
		code = EXIT_FAILURE;
	clean(&o);
	free(o.commands);
	return code;
}
