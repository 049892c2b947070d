/* SPDX-License-Identifier: GPL-2.0-or-later */
/* link_taps: our cable with faults between two TAP devices, so that two stacks of Linux meet over
 * the very engine that the lab and stk_host use. It says "ready", carries frames until SIGTERM, and
 * then prints what each direction counted.
 */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/text.h"
#include "core/host/memory.h"
#include "core/host/rt.h"
#include "core/host/tap.h"
#include "core/link/link.h"

#define BATCH 64 /* frames read from one device in one wake-up */

static const char usage[] =
	"usage: link_taps [--seed N] LEFT RIGHT NAME=VALUE...\n"
	"A cable with faults between the TAP devices LEFT and RIGHT, until SIGTERM; parameters as\n"
	"wirefilter's: loss=1, delay=\"LR 20+5N\", bandwidth=20Mbit/s, fifo=off ...\n";

struct wire {
	struct rt *rt;
	struct vs_arena arena;
	struct vs_pool *pool;
	struct link *link;
	int fd[2];
	uint64_t refused; /* frames that a device did not take */
};

static void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

static void fail(const char *format, ...)
{
	va_list args;

	fputs("link_taps: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(2);
}

static void ready(void *ctx, int fd, unsigned events)
{
	struct wire *w = ctx;
	struct vs_frame *frames[BATCH];
	bool more;
	int n;

	(void)events;
	n = tap_recv_frames(fd, w->pool, frames, BATCH, &more);
	if (n < 0 && n != -EAGAIN && n != -EINTR && n != -ENOBUFS)
		fail("a device went away: %s", strerror(-n));
	for (int i = 0; i < n; i++)
		link_input(w->link, rt_now(w->rt), fd == w->fd[LINK_RIGHT], frames[i]);
}

static vs_time poll_at(void *ctx)
{
	return link_poll_at(((struct wire *)ctx)->link);
}

static void run(void *ctx, vs_time now)
{
	struct wire *w = ctx;
	struct vs_frame *f;
	int port;

	link_run(w->link, now);
	while ((f = link_output(w->link, &port))) {
		w->refused += tap_send_frames(w->fd[port], &f, 1) != 1;
		vs_frame_put(f);
	}
}

static void on_signal(void *ctx, int signal)
{
	(void)signal;
	rt_stop(((struct wire *)ctx)->rt);
}

static void set(struct wire *w, char *text)
{
	char *value = strchr(text, '=');
	const char *why;

	if (!value)
		fail("'%s': expected NAME=VALUE", text);
	*value++ = '\0';
	if (link_set(w->link, rt_now(w->rt), text, value, &why))
		fail("%s=%s: %s", text, value, why);
}

static void join(struct wire *w, int port, const char *name)
{
	int error;

	w->fd[port] = tap_open(name, false, NULL);
	if (w->fd[port] < 0)
		fail("%s: %s", name, strerror(-w->fd[port]));
	error = rt_add(w->rt, w->fd[port], RT_READ, ready, w);
	if (error)
		fail("%s: %s", name, strerror(-error));
}

static void print_counters(const struct wire *w)
{
	static const char *const direction[] = {"LR", "RL"};

	for (int port = 0; port < 2; port++) {
		struct vs_counters c = link_counters(w->link, port);

		for (unsigned i = 0; i < c.count; i++)
			if (c.values[i])
				printf("%s.%s %llu\n", direction[port], c.names[i],
				       (unsigned long long)c.values[i]);
	}
	if (w->refused)
		printf("refused %llu\n", (unsigned long long)w->refused);
}

static uint64_t seed_option(int argc, char **argv)
{
	static const struct option options[] = {
		{"seed", 1, NULL, 's'}, {"help", 0, NULL, 'h'}, {NULL, 0, NULL, 0}};
	uint64_t seed = rt_seed();
	int code;

	while ((code = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (code == 'h') {
			fputs(usage, stdout);
			exit(0);
		}
		if (code != 's') {
			fputs(usage, stderr);
			exit(2);
		}
		if (vs_parse_uint(optarg, UINT64_MAX, &seed))
			fail("--seed '%s': expected a number", optarg);
	}
	return seed;
}

int main(int argc, char **argv)
{
	struct wire w = {.refused = 0};
	struct link_conf conf = {.seed = seed_option(argc, argv), .name = "taps"};
	int error;

	if (argc - optind < 2) {
		fputs(usage, stderr);
		return 2;
	}
	host_arena_init(&w.arena, 0);
	error = rt_create(&w.rt);
	if (!error)
		error = rt_engine(w.rt, poll_at, run, &w);
	if (!error)
		error = rt_signals(w.rt, on_signal, &w);
	if (!error)
		error = vs_pool_create(
			&w.pool, &(struct vs_pool_conf){.bytes_max = (size_t)256 << 20}, &w.arena);
	if (!error)
		error = link_create(&w.link, &conf, &w.arena);
	if (error)
		fail("%s", strerror(-error));
	join(&w, LINK_LEFT, argv[optind]);
	join(&w, LINK_RIGHT, argv[optind + 1]);
	for (int i = optind + 2; i < argc; i++)
		set(&w, argv[i]);
	puts("ready");
	fflush(stdout);
	error = rt_run(w.rt);
	if (error)
		fail("%s", strerror(-error));
	print_counters(&w);
	link_destroy(w.link);
	rt_destroy(w.rt);
	close(w.fd[LINK_LEFT]);
	close(w.fd[LINK_RIGHT]);
	vs_arena_fini(&w.arena);
	return 0;
}
