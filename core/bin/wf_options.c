/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/bin/wf_options.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "core/base/text.h"
#include "core/host/process.h"

static const char usage[] =
	"Usage: wirefilter [OPTION]...\n"
	"A cable with faults: between two switches (-v), in a dpipe, or one way in a pipe.\n"
	"\n"
	"  -v, --vde-plug A:B       join switch A (left) and B (right); - is stdin and stdout\n"
	"  -l, --loss P             lose P percent of the packets\n"
	"  -L, --lostburst N        in bursts of N packets on average (Gilbert)\n"
	"  -d, --delay MS           delay them\n"
	"  -D, --dup P              send P percent of them again, and of the copies too\n"
	"  -b, --bandwidth RATE     of the channel, in bytes/s (--band)\n"
	"  -s, --speed RATE         of the interfaces, in bytes/s: holds the sender back\n"
	"  -c, --chanbufsize BYTES  packets beyond that in the channel are lost (--capacity)\n"
	"  -n, --noise BITS         damaged bits per megabyte\n"
	"  -m, --mtu BYTES          longer packets are lost\n"
	"  -N, --nofifo             packets may overtake each other (--fifo=off)\n"
	"      --fifo[=on|off]\n"
	"      --reorder P          let P percent of the packets be overtaken,\n"
	"      --reorder-delay MS   by what comes in that time (10)\n"
	"      --corrupt P          change bytes of P percent of the packets\n"
	"      --trace-loss FILE    lose what a recorded trace lost: 0s and 1s\n"
	"      --trace-capacity FILE  let packets pass at recorded times: ms, a line each\n"
	"\n"
	"A value is [LR|RL]VALUE[UNIT][+SPREAD[UNIT]][U|N][[NODE]]: LR20.5 for one direction "
	"only,\n"
	"100+50 for 50 to 150 (U, uniform) or 100+50N (Gaussian), K M G for 2^10 2^20 2^30, units\n"
	"such as 500us 2s 10Mbit/s 1.5MB/s 64KiB, [2] or [*] for nodes of a Markov chain.\n"
	"An option may be repeated, for another direction or node.\n"
	"\n"
	"  -f, --rcfile FILE        run management commands first\n"
	"  -M, --mgmt SOCKET        accept management sessions there (unixterm, vdeterm)\n"
	"      --mgmtmode MODE      permissions of SOCKET, octal (0700)\n"
	"      --daemon             go to the background\n"
	"      --pidfile FILE       write the process id\n"
	"      --blink SOCKET       tell a datagram socket of each packet sent\n"
	"      --blinkid ID         and begin with ID (the process id)\n"
	"      --seed N             draw the same chances again\n"
	"  -h, --help\n"
	"  -V, --version\n";

enum {
	OPT_FIFO = 256,
	OPT_REORDER,
	OPT_REORDER_DELAY,
	OPT_CORRUPT,
	OPT_TRACE_LOSS,
	OPT_TRACE_CAPACITY,
	OPT_MGMTMODE,
	OPT_DAEMON,
	OPT_PIDFILE,
	OPT_BLINK,
	OPT_BLINKID,
	OPT_SEED
};

static const struct option long_options[] = {
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{"rcfile", required_argument, NULL, 'f'},
	{"loss", required_argument, NULL, 'l'},
	{"lostburst", required_argument, NULL, 'L'},
	{"delay", required_argument, NULL, 'd'},
	{"dup", required_argument, NULL, 'D'},
	{"bandwidth", required_argument, NULL, 'b'},
	{"band", required_argument, NULL, 'b'},
	{"speed", required_argument, NULL, 's'},
	{"chanbufsize", required_argument, NULL, 'c'},
	{"capacity", required_argument, NULL, 'c'},
	{"noise", required_argument, NULL, 'n'},
	{"mtu", required_argument, NULL, 'm'},
	{"nofifo", no_argument, NULL, 'N'},
	{"fifo", optional_argument, NULL, OPT_FIFO},
	{"reorder", required_argument, NULL, OPT_REORDER},
	{"reorder-delay", required_argument, NULL, OPT_REORDER_DELAY},
	{"corrupt", required_argument, NULL, OPT_CORRUPT},
	{"trace-loss", required_argument, NULL, OPT_TRACE_LOSS},
	{"trace-capacity", required_argument, NULL, OPT_TRACE_CAPACITY},
	{"mgmt", required_argument, NULL, 'M'},
	{"mgmtmode", required_argument, NULL, OPT_MGMTMODE},
	{"vde-plug", required_argument, NULL, 'v'},
	{"daemon", no_argument, NULL, OPT_DAEMON},
	{"pidfile", required_argument, NULL, OPT_PIDFILE},
	{"blink", required_argument, NULL, OPT_BLINK},
	{"blinkid", required_argument, NULL, OPT_BLINKID},
	{"seed", required_argument, NULL, OPT_SEED},
	{0},
};

int wf_complain(const char *format, ...)
{
	char line[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	process_log(LOG_ERR, "%s", line);
	return 1;
}

/* The parameter that an option sets, or NULL. */
static const char *parameter_of(int option)
{
	static const struct {
		int option;
		const char *name;
	} table[] = {
		{'l', "loss"},
		{'L', "lostburst"},
		{'d', "delay"},
		{'D', "dup"},
		{'b', "bandwidth"},
		{'s', "speed"},
		{'c', "chanbufsize"},
		{'n', "noise"},
		{'m', "mtu"},
		{'N', "fifo"},
		{OPT_FIFO, "fifo"},
		{OPT_REORDER, "reorder"},
		{OPT_REORDER_DELAY, "reorder-delay"},
		{OPT_CORRUPT, "corrupt"},
		{OPT_TRACE_LOSS, "trace-loss"},
		{OPT_TRACE_CAPACITY, "trace-capacity"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].option == option)
			return table[i].name;
	return NULL;
}

/* -1: go on; else the exit status. */
static int option_take(struct wf_options *o, int c)
{
	const char *name = parameter_of(c);
	uint64_t number;

	if (name) {
		const char *value = c == 'N' ? "off" : optarg ? optarg : "on";

		if (o->settings_len == WF_SETTINGS_MAX)
			return wf_complain("more than %d settings: use --rcfile", WF_SETTINGS_MAX);
		o->settings[o->settings_len++] = (struct wf_setting){name, value};
		return -1;
	}
	switch (c) {
	case 'h':
		fputs(usage, stdout);
		return 0;
	case 'V':
		puts("wirefilter (vsq)");
		return 0;
	case 'f':
		o->rcfile = optarg;
		return -1;
	case 'M':
		o->mgmt = optarg;
		return -1;
	case 'v':
		o->plugs = optarg;
		return -1;
	case OPT_MGMTMODE:
		if (process_parse_mode(optarg, &o->mgmtmode))
			return wf_complain("--mgmtmode: '%s' is not an octal mode such as 0660",
					   optarg);
		return -1;
	case OPT_DAEMON:
		o->daemon = true;
		return -1;
	case OPT_PIDFILE:
		o->pidfile = optarg;
		return -1;
	case OPT_BLINK:
		o->blink = optarg;
		return -1;
	case OPT_BLINKID:
		o->blinkid = optarg;
		return -1;
	case OPT_SEED:
		if (vs_parse_uint(optarg, UINT64_MAX, &number))
			return wf_complain("--seed: '%s' is not a number", optarg);
		o->seed = number;
		o->seeded = true;
		return -1;
	}
	fputs("Try 'wirefilter --help'.\n", stderr);
	return 1;
}

int wf_options_read(struct wf_options *o, int argc, char **argv)
{
	int c, status;

	o->mgmtmode = 0700;
	while ((c = getopt_long(argc, argv, "hVf:l:L:d:D:b:s:c:n:m:NM:v:", long_options, NULL)) >=
	       0) {
		status = option_take(o, c);
		if (status >= 0)
			return status;
	}
	if (optind < argc)
		return wf_complain("'%s' is no option; switches are given as -v A:B", argv[optind]);
	if (o->blinkid && (strlen(o->blinkid) >= 64 || !*o->blinkid))
		return wf_complain("--blinkid: 1 to 63 bytes, not %zu", strlen(o->blinkid));
	return -1;
}
