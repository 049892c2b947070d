/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vde_plug2tap: a cable between a switch, or a VDE stream, and a TAP interface of the host. The
 * Virtual Square book, section 4.3.
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
#include "core/bin/cable.h"
#include "core/host/process.h"
#include "core/host/tap.h"

static const char short_options[] = "p:g:m:s:dP:h";

static const struct option long_options[] = {
	{"port", required_argument, NULL, 'p'},
	{"group", required_argument, NULL, 'g'},
	{"mode", required_argument, NULL, 'm'},
	{"mod", required_argument, NULL, 'm'},
	{"sock", required_argument, NULL, 's'},
	{"daemon", no_argument, NULL, 'd'},
	{"pidfile", required_argument, NULL, 'P'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static const char help[] =
	"Usage: vde_plug2tap [OPTIONS] TAP\n"
	"Joins the TAP interface of that name to a switch.\n"
	"  -s, --sock SWITCH     the switch (default ~/.vde2/default.switch, /var/run/vde.ctl,\n"
	"                        /tmp/vde.ctl); '-' is a VDE stream on stdin and stdout\n"
	"  -p, --port PORT       port of the switch\n"
	"  -g, --group GROUP     group of the data sockets\n"
	"  -m, --mode MODE       their permissions, octal (also --mod)\n"
	"  -d, --daemon          run in the background\n"
	"  -P, --pidfile FILE    write the process id to FILE\n"
	"  -h, --help            show this help and exit\n";

struct options {
	struct vde_open_args args;
	const char *sock, *pid_file, *tap;
	bool daemon;
};

static int parse_option(struct options *o, int option)
{
	uint64_t port;

	switch (option) {
	case 'p':
		if (vs_parse_uint(optarg, 0xffffff, &port)) {
			process_log(LOG_ERR, "not a port: '%s'", optarg);
			return -EINVAL;
		}
		o->args.port = (int)port;
		return 0;
	case 'g':
		o->args.group = optarg;
		return 0;
	case 'm':
		if (process_parse_mode(optarg, &o->args.mode) || o->args.mode == 0) {
			process_log(LOG_ERR, "not an octal mode: '%s'", optarg);
			return -EINVAL;
		}
		return 0;
	case 's':
		o->sock = optarg;
		return 0;
	case 'd':
		o->daemon = true;
		return 0;
	case 'P':
		o->pid_file = optarg;
		return 0;
	case 'h':
		fputs(help, stdout);
		return 1;
	}
	fputs("Try 'vde_plug2tap --help'.\n", stderr);
	return -EINVAL;
}

static int parse(struct options *o, int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, short_options, long_options, NULL)) != -1) {
		int done = parse_option(o, option);

		if (done)
			return done;
	}
	if (optind != argc - 1) {
		process_log(LOG_ERR, "%s", optind == argc ? "no name of a TAP interface"
							  : "more than one TAP interface");
		return -EINVAL;
	}
	o->tap = argv[optind];
	return 0;
}

static int settle(const struct options *o, char *pid_file, size_t size)
{
	int error = 0;

	if (o->pid_file)
		error = process_absolute(o->pid_file, pid_file, size);
	if (!error && o->daemon) {
		error = process_daemonize_pidfile(pid_file[0] ? pid_file : NULL);
		if (!error)
			process_log_syslog();
	}
	if (!error && o->pid_file && !o->daemon)
		error = process_pidfile(pid_file);
	if (error)
		process_log(LOG_ERR, "%s: %s", o->pid_file ? o->pid_file : "daemon",
			    strerror(-error));
	return error;
}

int main(int argc, char **argv)
{
	struct options o = {.sock = ""};
	struct cable_end ends[2] = {{0}};
	char pid_file[PATH_MAX] = "";
	struct rt *rt = NULL;
	int error;

	process_log_init(argv[0]);
	error = parse(&o, argc, argv);
	if (error)
		return error < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	ends[1] = (struct cable_end){.kind = CABLE_TAP, .name = o.tap};
	ends[1].in = ends[1].out = tap_open(o.tap, false, NULL);
	if (ends[1].in < 0) {
		process_log(LOG_ERR, "tap %s: %s", o.tap, strerror(-ends[1].in));
		return EXIT_FAILURE;
	}
	error = cable_open(&ends[0], o.sock, "vde_plug2tap:", &o.args);
	if (error)
		return EXIT_FAILURE;
	error = settle(&o, pid_file, sizeof(pid_file));
	error = error ? error : rt_create(&rt);
	error = error ? error : cable_run(rt, ends);
	rt_destroy(rt);
	cable_close(&ends[0]);
	close(ends[1].in);
	if (pid_file[0])
		unlink(pid_file);
	return error ? EXIT_FAILURE : EXIT_SUCCESS;
}
