/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wirefilter: a cable with faults between two plugs. The Virtual Square book, chapter 4. The faults
 * are core/link's; this program joins that engine to switches or streams, to consoles and the
 * clock.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "core/bin/script.h"
#include "core/bin/wf_end.h"
#include "core/bin/wf_trace.h"
#include "core/host/console.h"
#include "core/host/memory.h"
#include "core/host/process.h"
#include "core/link/link.h"

#define PEER_PENDING_MAX 256 /* frames that wait for a peer before the other end is held back */
#define SETTINGS_MAX	 256

struct setting {
	const char *option; /* as the user gave it */
	const char *name;
	const char *value;
};

struct wf_options {
	const char *rcfile, *mgmt, *plugs, *pidfile, *blink, *blinkid;
	mode_t mgmtmode;
	bool daemon, seeded;
	uint64_t seed;
	struct setting settings[SETTINGS_MAX]; /* in the order of the command line */
	size_t settings_len;
};

struct wf {
	struct wf_options opt;
	char mgmt_path[4096], pid_path[4096];
	VDECONN *vde[2]; /* until an end takes them */
	struct vs_arena arena;
	struct vs_pool *pool;
	struct rt *rt;
	struct link *link;
	struct mgmt *mgmt;
	struct console *console;
	struct wf_end *ends[2];
	bool one_way;
	bool input_ended[2];
	int failed; /* a switch went away */
	bool pid_written;
	int blink;
	struct sockaddr_un blink_to;
	char blink_id[64];
};

#define PROMPT "VDEwf$ "

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

static int complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Says what is wrong; returns the exit status that says so. */
static int complain(const char *format, ...)
{
	va_list args;

	fputs("wirefilter: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
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

		if (o->settings_len == SETTINGS_MAX)
			return complain("more than %d settings: use --rcfile", SETTINGS_MAX);
		o->settings[o->settings_len++] = (struct setting){name, name, value};
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
			return complain("--mgmtmode: '%s' is not an octal mode such as 0660",
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
			return complain("--seed: '%s' is not a number", optarg);
		o->seed = number;
		o->seeded = true;
		return -1;
	}
	fputs("Try 'wirefilter --help'.\n", stderr);
	return 1;
}

static int options_read(struct wf_options *o, int argc, char **argv)
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
		return complain("'%s' is no option; switches are given as -v A:B", argv[optind]);
	if (o->blinkid && (strlen(o->blinkid) >= 64 || !*o->blinkid))
		return complain("--blinkid: 1 to 63 bytes, not %zu", strlen(o->blinkid));
	return -1;
}

/* Opens one of A:B; an empty name or - is a stream, NULL. */
static int plug_open(struct wf *wf, int side, char *name)
{
	if (strcmp(name, "-") == 0)
		return 0;
	wf->vde[side] = vde_open(name, "wirefilter", NULL);
	if (!wf->vde[side])
		return complain("%s: %s", *name ? name : "the default switch", strerror(errno));
	return 0;
}

/* Splits A:B where a colon does not belong to a URL. */
static int plugs_open(struct wf *wf)
{
	char *a = strdup(wf->opt.plugs), *b;
	int status;

	if (!a)
		return complain("%s", strerror(ENOMEM));
	b = strchr(a, ':');
	while (b && strncmp(b, "://", 3) == 0)
		b = strchr(b + 3, ':');
	if (!b) {
		status = complain("-v: '%s' is not two plugs, A:B", a);
		free(a);
		return status;
	}
	*b++ = '\0';
	if (strcmp(a, "-") == 0 && strcmp(b, "-") == 0)
		status = complain("-v: only one of the plugs can be -");
	else if ((status = plug_open(wf, 0, a)) == 0)
		status = plug_open(wf, 1, b);
	if (!status)
		fprintf(stderr, "wirefilter: bidirectional vdeplug filter L=%s R=%s starting...\n",
			*a ? a : "DEFAULT", *b ? b : "DEFAULT");
	free(a);
	return status;
}

static bool is_stream(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode));
}

/* Without -v the left side is stdin and stdout, the right one 3 and 4, as dpipe hands them out;
 * with only stdin and stdout the filter has one direction.
 */
static int streams_check(struct wf *wf)
{
	if (!is_stream(STDIN_FILENO))
		return complain("Error on stdin: it is not a pipe (use -v A:B, or a dpipe)");
	if (!is_stream(STDOUT_FILENO))
		return complain("Error on stdout: it is not a pipe (use -v A:B, or a dpipe)");
	wf->one_way = !is_stream(3) || !is_stream(4);
	fprintf(stderr, "wirefilter: %sdirectional filter starting...\n",
		wf->one_way ? "mono" : "bi");
	return 0;
}

static void blink(struct wf *wf, int side, size_t len)
{
	char text[128];
	int n;

	if (wf->blink < 0)
		return;
	/* The original counts the packet with its two bytes of length. */
	n = snprintf(text, sizeof(text), "%s %s %zu\n", wf->blink_id, side ? "RL" : "LR", len + 2);
	(void)!sendto(wf->blink, text, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL,
		      (struct sockaddr *)&wf->blink_to, sizeof(wf->blink_to));
}

static int blink_open(struct wf *wf)
{
	wf->blink = -1;
	if (!wf->opt.blink)
		return 0;
	if (strlen(wf->opt.blink) >= sizeof(wf->blink_to.sun_path))
		return complain("--blink: '%s' is too long for a socket", wf->opt.blink);
	wf->blink_to.sun_family = AF_UNIX;
	strcpy(wf->blink_to.sun_path, wf->opt.blink);
	wf->blink = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (wf->blink < 0)
		return complain("--blink: %s", strerror(errno));
	if (wf->opt.blinkid)
		snprintf(wf->blink_id, sizeof(wf->blink_id), "%s", wf->opt.blinkid);
	else
		snprintf(wf->blink_id, sizeof(wf->blink_id), "%d", (int)getpid());
	return 0;
}

static void on_frame(void *ctx, int port, struct vs_frame *f)
{
	struct wf *wf = ctx;

	link_input(wf->link, rt_now(wf->rt), port, f);
}

static bool on_ready(void *ctx, int port)
{
	struct wf *wf = ctx;

	return link_ready(wf->link, port) && !wf->input_ended[port] &&
	       (!wf->ends[!port] || wf_end_pending(wf->ends[!port]) < PEER_PENDING_MAX);
}

static void on_ended(void *ctx, int port)
{
	struct wf *wf = ctx;

	wf->input_ended[port] = true;
	if (wf->vde[port]) {
		process_log(LOG_ERR, "the %s switch has closed the connection",
			    port ? "right" : "left");
		wf->failed = 1;
		rt_stop(wf->rt);
	}
}

static vs_time poll_at(void *ctx)
{
	struct wf *wf = ctx;

	return link_poll_at(wf->link);
}

/* Frames that were on the way when their sender ended still arrive; then there is no more to do. */
static void stop_when_drained(struct wf *wf)
{
	for (int side = 0; side < 2; side++)
		if (wf->input_ended[side] && !link_queue_frames(wf->link, side) &&
		    !wf_end_pending(wf->ends[!side]))
			rt_stop(wf->rt);
}

static void run(void *ctx, vs_time now)
{
	struct wf *wf = ctx;
	struct vs_frame *f;
	int port;

	link_run(wf->link, now);
	while ((f = link_output(wf->link, &port))) {
		blink(wf, !port, f->len);
		wf_end_send(wf->ends[port], f);
	}
	for (int side = 0; side < 2; side++)
		wf_end_flush(wf->ends[side]);
	for (int side = 0; side < 2; side++)
		wf_end_read(wf->ends[side], on_ready(wf, side));
	console_flush(wf->console);
	stop_when_drained(wf);
}

static void on_signal(void *ctx, int number)
{
	struct wf *wf = ctx;

	(void)number;
	rt_stop(wf->rt);
}

static void on_console_end(void *ctx, bool shutdown)
{
	struct wf *wf = ctx;

	(void)shutdown;
	rt_stop(wf->rt);
}

static int settings_apply(struct wf *wf)
{
	struct wf_options *o = &wf->opt;
	char why_bytes[4096];
	struct vs_text why;

	vs_text_init(&why, why_bytes, sizeof(why_bytes));
	if (o->rcfile && mgmt_load(wf->mgmt, 0, o->rcfile, true, &why)) {
		if (why.len && why_bytes[why.len - 1] == '\n')
			why_bytes[why.len - 1] = '\0';
		return complain("rc command error: %s", *why_bytes ? why_bytes : o->rcfile);
	}
	for (size_t i = 0; i < o->settings_len; i++) {
		const struct setting *s = &o->settings[i];
		const char *text = "";
		int err;

		if (strncmp(s->name, "trace-", 6) == 0)
			err = wf_trace_load(wf->link, 0, s->name + 6, s->value, &text);
		else
			err = link_set(wf->link, 0, s->name, s->value, &text);
		if (err)
			return complain("%s", text);
	}
	return 0;
}

static int engine_create(struct wf *wf)
{
	struct link_conf conf = {
		.seed = wf->opt.seeded ? wf->opt.seed : rt_seed(),
		.name = "wirefilter",
		.one_way = wf->one_way,
	};
	struct mgmt_conf mgmt = {
		.prompt = PROMPT,
		.greeting = "\nVDE wirefilter V.2.3.2 (vsq)\n(C) the vsq authors - GPLv2\n\n",
		.help_short = true,
		.load = script_read,
	};
	int err;

	host_arena_init(&wf->arena, 0);
	err = vs_pool_create(&wf->pool, &(struct vs_pool_conf){.bytes_max = (size_t)512 << 20},
			     &wf->arena);
	if (!err)
		err = link_create(&wf->link, &conf, &wf->arena);
	if (!err)
		err = mgmt_create(&wf->mgmt, &mgmt, &wf->arena);
	if (!err)
		err = link_mgmt_add(wf->link, wf->mgmt);
	if (!err)
		err = wf_trace_mgmt_add(wf->link, wf->mgmt);
	return err ? complain("%s", strerror(-err)) : 0;
}

static int end_create(struct wf *wf, int side)
{
	struct wf_end_conf conf = {wf->rt, wf->pool, side, wf, on_frame, on_ready, on_ended};
	int in = STDIN_FILENO, out = STDOUT_FILENO;

	if (wf->vde[side])
		return wf_end_vde(&wf->ends[side], &conf, wf->vde[side]);
	if (!wf->opt.plugs && wf->one_way) {
		in = side ? -1 : STDIN_FILENO;
		out = side ? STDOUT_FILENO : -1;
	} else if (!wf->opt.plugs && side) {
		in = 3;
		out = 4;
	}
	return wf_end_stream(&wf->ends[side], &conf, in, out);
}

/* What is made in the process that stays: after it went to the background. */
static int world_create(struct wf *wf)
{
	bool console = wf->opt.plugs && wf->vde[0] && wf->vde[1] && !wf->opt.daemon;
	struct console_conf conf = {
		.mgmt = wf->mgmt, .prompt = PROMPT, .ctx = wf, .end = on_console_end};
	int err = rt_create(&wf->rt);

	conf.rt = wf->rt;
	if (!err)
		err = rt_signals(wf->rt, on_signal, wf);
	for (int side = 0; side < 2 && !err; side++)
		err = end_create(wf, side);
	if (!err)
		err = rt_engine(wf->rt, poll_at, run, wf);
	if (!err)
		err = console_create(&wf->console, &conf);
	if (err)
		return complain("%s", strerror(-err));
	if (wf->opt.mgmt) {
		err = console_listen(wf->console, wf->mgmt_path, wf->opt.mgmtmode, (gid_t)-1);
		if (err)
			return complain("--mgmt %s: %s", wf->opt.mgmt, strerror(-err));
	}
	if (console)
		err = console_terminal(wf->console);
	return err ? complain("%s", strerror(-err)) : 0;
}

static int paths_make(struct wf *wf)
{
	if (wf->opt.mgmt && process_absolute(wf->opt.mgmt, wf->mgmt_path, sizeof(wf->mgmt_path)))
		return complain("--mgmt: '%s' is too long", wf->opt.mgmt);
	if (wf->opt.pidfile &&
	    process_absolute(wf->opt.pidfile, wf->pid_path, sizeof(wf->pid_path)))
		return complain("--pidfile: '%s' is too long", wf->opt.pidfile);
	return 0;
}

static int start(struct wf *wf)
{
	int status, err = 0;

	if ((status = paths_make(wf)) ||
	    (status = wf->opt.plugs ? plugs_open(wf) : streams_check(wf)) ||
	    (status = engine_create(wf)) || (status = settings_apply(wf)))
		return status;
	if (wf->opt.daemon) {
		if (!wf->opt.plugs || !wf->vde[0] || !wf->vde[1])
			return complain("--daemon: stdin and stdout are in use as a plug");
		err = process_daemonize();
		process_log_syslog();
	}
	if (!err && wf->opt.pidfile && (err = process_pidfile(wf->pid_path)))
		return complain("--pidfile %s: %s", wf->opt.pidfile, strerror(-err));
	if (err)
		return complain("--daemon: %s", strerror(-err));
	wf->pid_written = wf->opt.pidfile != NULL;
	if ((status = blink_open(wf)) || (status = world_create(wf)))
		return status;
	err = rt_run(wf->rt);
	return err ? complain("%s", strerror(-err)) : wf->failed;
}

static void stop(struct wf *wf)
{
	if (wf->pid_written)
		unlink(wf->pid_path);
	console_destroy(wf->console);
	for (int side = 0; side < 2; side++) {
		if (!wf->ends[side] && wf->vde[side])
			vde_close(wf->vde[side]);
		wf_end_destroy(wf->ends[side]);
	}
	mgmt_destroy(wf->mgmt);
	link_destroy(wf->link);
	rt_destroy(wf->rt);
	vs_arena_fini(&wf->arena);
	if (wf->blink >= 0)
		close(wf->blink);
}

int main(int argc, char **argv)
{
	static struct wf wf = {.blink = -1};
	int status;

	process_log_init("wirefilter");
	signal(SIGPIPE, SIG_IGN);
	status = options_read(&wf.opt, argc, argv);
	if (status >= 0)
		return status;
	status = start(&wf);
	stop(&wf);
	return status;
}
