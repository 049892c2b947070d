/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wirefilter: a cable with faults between two plugs. The Virtual Square book, chapter 4. The faults
 * are core/link's; this program joins that engine to switches or streams, to consoles and the
 * clock.
 */
#include <errno.h>
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
#include "core/bin/wf_options.h"
#include "core/bin/wf_trace.h"
#include "core/host/console.h"
#include "core/host/memory.h"
#include "core/host/process.h"
#include "core/link/link.h"

#define PEER_PENDING_MAX 256 /* frames that wait for a peer before the other end is held back */

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

/* Opens one of A:B; an empty name or - is a stream, NULL. */
static int plug_open(struct wf *wf, int side, char *name)
{
	if (strcmp(name, "-") == 0)
		return 0;
	wf->vde[side] = vde_open(name, "wirefilter", NULL);
	if (!wf->vde[side])
		return wf_complain("%s: %s", *name ? name : "the default switch", strerror(errno));
	return 0;
}

/* Splits A:B where a colon does not belong to a URL. */
static int plugs_open(struct wf *wf)
{
	char *a = strdup(wf->opt.plugs), *b;
	int status;

	if (!a)
		return wf_complain("%s", strerror(ENOMEM));
	b = strchr(a, ':');
	while (b && strncmp(b, "://", 3) == 0)
		b = strchr(b + 3, ':');
	if (!b) {
		status = wf_complain("-v: '%s' is not two plugs, A:B", a);
		free(a);
		return status;
	}
	*b++ = '\0';
	if (strcmp(a, "-") == 0 && strcmp(b, "-") == 0)
		status = wf_complain("-v: only one of the plugs can be -");
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
		return wf_complain("Error on stdin: it is not a pipe (use -v A:B, or a dpipe)");
	if (!is_stream(STDOUT_FILENO))
		return wf_complain("Error on stdout: it is not a pipe (use -v A:B, or a dpipe)");
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
		return wf_complain("--blink: '%s' is too long for a socket", wf->opt.blink);
	wf->blink_to.sun_family = AF_UNIX;
	strcpy(wf->blink_to.sun_path, wf->opt.blink);
	wf->blink = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (wf->blink < 0)
		return wf_complain("--blink: %s", strerror(errno));
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
	char why[1024];

	if (o->rcfile && script_load(wf->mgmt, 0, o->rcfile, why, sizeof(why)))
		return wf_complain("rc command error: %s", why);
	for (size_t i = 0; i < o->settings_len; i++) {
		const struct wf_setting *s = &o->settings[i];
		const char *text = "";
		int err;

		if (strncmp(s->name, "trace-", 6) == 0)
			err = wf_trace_load(wf->link, 0, s->name + 6, s->value, &text);
		else
			err = link_set(wf->link, 0, s->name, s->value, &text);
		if (err)
			return wf_complain("%s", text);
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
		.sessions_max = CONSOLE_SESSIONS,
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
	return err ? wf_complain("%s", strerror(-err)) : 0;
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

static int world_create(struct wf *wf)
{
	struct console_conf conf = {
		.mgmt = wf->mgmt, .prompt = PROMPT, .ctx = wf, .end = on_console_end};
	int err = rt_create(&wf->rt);

	conf.rt = wf->rt;
	for (int side = 0; side < 2 && !err; side++)
		err = end_create(wf, side);
	if (!err)
		err = rt_engine(wf->rt, poll_at, run, wf);
	if (!err)
		err = console_create(&wf->console, &conf);
	if (err)
		return wf_complain("%s", strerror(-err));
	if (wf->opt.mgmt) {
		err = console_listen(wf->console, wf->mgmt_path, wf->opt.mgmtmode, (gid_t)-1);
		if (err)
			return wf_complain("--mgmt %s: %s", wf->opt.mgmt, strerror(-err));
	}
	return 0;
}

static int paths_make(struct wf *wf)
{
	if (wf->opt.mgmt && process_absolute(wf->opt.mgmt, wf->mgmt_path, sizeof(wf->mgmt_path)))
		return wf_complain("--mgmt: '%s' is too long", wf->opt.mgmt);
	if (wf->opt.pidfile &&
	    process_absolute(wf->opt.pidfile, wf->pid_path, sizeof(wf->pid_path)))
		return wf_complain("--pidfile: '%s' is too long", wf->opt.pidfile);
	return 0;
}

/* Goes to the background, or takes the terminal: what can fail has been done before, so that who
 * starts a daemon hears of it. Signals come to the process that asks for them.
 */
static int settle(struct wf *wf)
{
	const struct wf_options *o = &wf->opt;
	bool plugs = o->plugs && wf->vde[0] && wf->vde[1];
	int err = 0;

	if (o->daemon) {
		err = process_daemonize_pidfile(o->pidfile ? wf->pid_path : NULL);
		if (!err)
			process_log_syslog();
	} else if (o->pidfile) {
		err = process_pidfile(wf->pid_path);
	}
	if (err)
		return wf_complain("%s: %s", o->pidfile ? o->pidfile : "--daemon", strerror(-err));
	wf->pid_written = o->pidfile != NULL;
	err = rt_signals(wf->rt, on_signal, wf);
	if (!err && plugs && !o->daemon)
		err = console_terminal(wf->console);
	return err ? wf_complain("%s", strerror(-err)) : 0;
}

static int start(struct wf *wf)
{
	int status, err;

	if ((status = paths_make(wf)) ||
	    (status = wf->opt.plugs ? plugs_open(wf) : streams_check(wf)) ||
	    (status = engine_create(wf)) || (status = settings_apply(wf)))
		return status;
	if (wf->opt.daemon && (!wf->opt.plugs || !wf->vde[0] || !wf->vde[1]))
		return wf_complain("--daemon: stdin and stdout are in use as a plug");
	if ((status = world_create(wf)) || (status = settle(wf)) || (status = blink_open(wf)))
		return status;
	err = rt_run(wf->rt);
	return err ? wf_complain("%s", strerror(-err)) : wf->failed;
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
	status = wf_options_read(&wf.opt, argc, argv);
	if (status >= 0)
		return status;
	status = start(&wf);
	stop(&wf);
	return status;
}
