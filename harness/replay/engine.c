/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A capture through an engine that passes frames on: a switch or a link. The clock is the
 * capture's own, so the outcome lies on the same axis as what went in.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/trace.h"
#include "core/host/memory.h"
#include "core/link/link.h"
#include "core/mgmt/mgmt.h"
#include "core/switch/switch.h"
#include "core/wire/addr.h"
#include "harness/pcap/pcap.h"
#include "harness/replay/load.h"
#include "harness/replay/replay.h"

#define STATIONS_MAX 1024
#define ARENA_MAX    ((size_t)1 << 30)

struct through {
	struct replay_capture capture;
	struct vs_arena arena;
	struct vs_pool *pool;
	struct vs_trace trace;
	struct vsw *vsw;
	struct link *link;
	struct mgmt *mgmt;
	struct cap_writer *writer;
	struct vs_text *account;
	vs_time start;
	unsigned ports;
	int *endpoint; /* of the switch, by port - 1 */
	uint8_t (*station)[WIRE_MAC_LEN]; /* by port - 1, of a capture of one interface */
	uint64_t in, out, dropped;
	int error;
};

static void write_frame(struct through *w, vs_time now, unsigned port, const struct vs_frame *f,
			unsigned flags, const char *comment)
{
	if (w->writer && !w->error)
		w->error = cap_write(w->writer, (int)port, w->start + now, f->data, f->len, flags,
				     comment);
}

static int port_of_endpoint(const struct through *w, int endpoint)
{
	for (unsigned i = 0; i < w->ports; i++)
		if (w->endpoint[i] == endpoint)
			return (int)i;
	return -1;
}

static void dropped(void *ctx, vs_time now, int port, const struct vs_frame *f, const char *reason)
{
	struct through *w = ctx;
	char comment[128];

	w->dropped++;
	if (!f || port < 0)
		return;
	if (w->link) {
		const char *node = link_node_name(w->link, link_node(w->link));

		snprintf(comment, sizeof(comment), "%s (node %d%s%s)", reason, link_node(w->link),
			 node && *node ? " " : "", node ? node : "");
	} else {
		snprintf(comment, sizeof(comment), "%s", reason);
		port = port - 1; /* the switch says its port */
	}
	if (port >= 0 && (unsigned)port < w->ports)
		write_frame(w, now, (unsigned)port, f, CAP_IN | CAP_DROPPED, comment);
}

/* The port that a frame enters at, from 0; -1 when it does not. */
static int port_of_frame(struct through *w, const struct replay_frame *f)
{
	if (w->capture.interfaces > 1)
		return f->flags == CAP_OUT || f->interface >= (int)w->ports ? -1 : f->interface;
	if (f->len < 12)
		return 0;
	for (unsigned i = 0; i < (w->link ? 1 : w->ports); i++)
		if (!memcmp(w->station[i], f->bytes + WIRE_MAC_LEN, WIRE_MAC_LEN))
			return (int)i;
	return w->link ? LINK_RIGHT : -1;
}

/* Learns the stations of a capture of one interface, of a link only the left one; counts ports. */
static int find_ports(struct through *w, unsigned most, bool to_link)
{
	w->station = calloc(most, WIRE_MAC_LEN);
	w->endpoint = calloc(most, sizeof(*w->endpoint));
	if (!w->station || !w->endpoint)
		return -ENOMEM;
	if (w->capture.interfaces > 1) {
		w->ports = (unsigned)w->capture.interfaces;
		if (w->ports <= most)
			return 0;
		vs_text_add(w->account, "%s: %u interfaces, but there are %u ports\n",
			    w->capture.path, w->ports, most);
		return -EINVAL;
	}
	for (size_t i = 0; i < w->capture.count; i++) {
		const struct replay_frame *f = &w->capture.frame[i];
		unsigned k = 0;

		if (f->len < 12 || (to_link && w->ports))
			continue;
		while (k < w->ports && memcmp(w->station[k], f->bytes + WIRE_MAC_LEN, WIRE_MAC_LEN))
			k++;
		if (k < w->ports)
			continue;
		if (w->ports == most) {
			vs_text_add(w->account, "%s: more than %u stations\n", w->capture.path,
				    most);
			return -EINVAL;
		}
		memcpy(w->station[w->ports++], f->bytes + WIRE_MAC_LEN, WIRE_MAC_LEN);
	}
	if (to_link)
		w->ports = 2;
	return 0;
}

static vs_time poll_at(const struct through *w)
{
	return w->vsw ? vsw_poll_at(w->vsw) : link_poll_at(w->link);
}

static void pull(struct through *w, vs_time now)
{
	struct vs_frame *f;
	int port;

	while ((f = w->vsw ? vsw_output(w->vsw, &port) : link_output(w->link, &port))) {
		if (w->vsw)
			port = port_of_endpoint(w, port);
		w->out++;
		if (port >= 0)
			write_frame(w, now, (unsigned)port, f, CAP_OUT, NULL);
		vs_frame_put(f);
	}
}

static void run_until(struct through *w, vs_time until)
{
	vs_time at;

	while ((at = poll_at(w)) <= until && at != VS_NEVER) {
		if (w->vsw)
			vsw_run(w->vsw, at);
		else
			link_run(w->link, at);
		pull(w, at);
	}
}

/* What is still on its way arrives. A Markov chain or a table's ageing would go on for ever. */
static void drain(struct through *w, vs_time now)
{
	while (w->link && poll_at(w) != VS_NEVER &&
	       (link_queue_frames(w->link, LINK_LEFT) || link_queue_frames(w->link, LINK_RIGHT))) {
		now = poll_at(w);
		run_until(w, now);
	}
}

static int feed(struct through *w)
{
	vs_time now = 0;

	for (size_t i = 0; i < w->capture.count; i++) {
		const struct replay_frame *r = &w->capture.frame[i];
		int port = port_of_frame(w, r);
		struct vs_frame *f;

		if (port < 0)
			continue;
		if (r->len < r->wire_len) {
			vs_text_add(w->account, "%s: the capture cut this frame, so it cannot be "
				    "replayed:\n", w->capture.path);
			replay_tell(w->account, &w->capture, r);
			return -EBADMSG;
		}
		now = r->time - w->start;
		run_until(w, now);
		f = vs_frame_from(w->pool, r->bytes, r->len);
		if (!f) {
			vs_text_add(w->account, "%s: frame %u is too long, or there is no memory\n",
				    w->capture.path, r->number);
			return -ENOMEM;
		}
		w->in++;
		if (w->vsw)
			vsw_input(w->vsw, now, w->endpoint[port], f);
		else
			link_input(w->link, now, port, f);
		pull(w, now);
	}
	drain(w, now);
	return 0;
}

static int set_link(void *ctx, char *line)
{
	struct through *w = ctx;
	const char *why = "no such parameter, or a bad value";
	char *value = line + strcspn(line, " \t");
	int error;

	if (*value)
		*value++ = '\0';
	value += strspn(value, " \t");
	error = link_set(w->link, 0, line, value, &why);
	if (error)
		vs_text_add(w->account, "%s %s: %s\n", line, value, why);
	return error == -ENOMEM ? error : error ? -EINVAL : 0;
}

static int command_switch(void *ctx, char *line)
{
	struct through *w = ctx;
	int code = mgmt_run(w->mgmt, 0, line, NULL);

	if (code)
		vs_text_add(w->account, "%s: %s\n", line, strerror(code));
	return code ? -EINVAL : 0;
}

static int make_link(struct through *w, const char *settings, uint64_t seed)
{
	struct link_conf conf = {.seed = seed, .name = "replay", .trace = &w->trace};
	int error = link_create(&w->link, &conf, &w->arena);

	if (error)
		return error;
	return replay_settings(settings, w, set_link);
}

static int make_switch(struct through *w, const char *settings)
{
	struct vsw_conf conf = {.ports = w->ports + 1 > 32 ? w->ports + 1 : 32,
				.trace = &w->trace};
	struct mgmt_conf mgmt = {.prompt = "vde$ ", .greeting = ""};
	int error = vsw_create(&w->vsw, &conf, &w->arena);

	if (!error)
		error = mgmt_create(&w->mgmt, &mgmt, &w->arena);
	if (!error)
		error = vsw_mgmt_add(w->vsw, w->mgmt);
	for (unsigned i = 0; i < w->ports && !error; i++) {
		struct vsw_guest guest = {.port = (int)i + 1, .user = VSW_NONE,
					  .module = "replay", .descr = ""};

		w->endpoint[i] = vsw_attach(w->vsw, 0, &guest);
		if (w->endpoint[i] < 0)
			error = w->endpoint[i];
	}
	return error ? error : replay_settings(settings, w, command_switch);
}

static int open_outcome(struct through *w, const char *out)
{
	char name[24];
	int error = cap_create(&w->writer, out, NULL);

	for (unsigned i = 0; i < w->ports && error >= 0; i++) {
		snprintf(name, sizeof(name), "port %u", i + 1);
		error = cap_interface(w->writer, w->link ? (i ? "right" : "left") : name, NULL);
	}
	if (error < 0)
		vs_text_add(w->account, "%s: %s\n", out, strerror(-error));
	return error < 0 ? error : 0;
}

static int begin(struct through *w, const char *capture)
{
	struct vs_pool_conf pool = {.bytes_max = ARENA_MAX / 2};
	int error;

	host_arena_init(&w->arena, ARENA_MAX);
	w->trace = (struct vs_trace){.ctx = w, .drop = dropped};
	error = replay_load(&w->capture, capture, w->account);
	if (error)
		return error;
	w->start = w->capture.count ? w->capture.frame[0].time : 0;
	return vs_pool_create(&w->pool, &pool, &w->arena);
}

static void finish(struct through *w)
{
	if (w->mgmt)
		mgmt_destroy(w->mgmt);
	if (w->vsw)
		vsw_destroy(w->vsw);
	if (w->link)
		link_destroy(w->link);
	vs_arena_fini(&w->arena);
	replay_unload(&w->capture);
	free(w->station);
	free(w->endpoint);
}

/* The run proper, once the engine is made: to the outcome, and from there to the comparison. */
static int go(struct through *w, const char *out, const char *expect, int64_t tolerance,
	      char *account, size_t size)
{
	char temporary[] = "/tmp/vsq-replay-XXXXXX";
	int error, closed, fd;

	if (!out && expect) {
		fd = mkstemp(temporary);
		if (fd < 0)
			return -errno;
		close(fd);
		out = temporary;
	}
	error = out ? open_outcome(w, out) : 0;
	if (!error)
		error = feed(w);
	closed = cap_close(w->writer);
	w->writer = NULL;
	if (!error && closed) {
		error = closed;
		vs_text_add(w->account, "%s: %s\n", out, strerror(-error));
	}
	if (!error && expect)
		error = vsq_replay_compare(out, expect, tolerance, account, size);
	if (out == temporary)
		unlink(temporary);
	if (!error)
		vs_text_add(w->account, "%llu frames in, %llu out, %llu dropped%s\n",
			    (unsigned long long)w->in, (unsigned long long)w->out,
			    (unsigned long long)w->dropped, expect ? "; as expected" : "");
	return error;
}

static int through(struct through *w, bool to_switch, const char *capture, const char *settings,
		   uint64_t seed)
{
	int error = begin(w, capture);

	if (!error)
		error = find_ports(w, to_switch ? STATIONS_MAX : 2, !to_switch);
	if (!error)
		error = to_switch ? make_switch(w, settings) : make_link(w, settings, seed);
	return error;
}

int vsq_replay_switch(const char *capture, const char *settings, const char *out,
		      const char *expect, int64_t tolerance, char *account, size_t size)
{
	struct through w = {0};
	struct vs_text t;
	int error;

	vs_text_init(&t, account, size);
	w.account = &t;
	error = through(&w, true, capture, settings, 0);
	if (!error)
		error = go(&w, out, expect, tolerance, account, size);
	finish(&w);
	return error;
}

int vsq_replay_link(const char *capture, const char *settings, uint64_t seed, const char *out,
		    const char *expect, int64_t tolerance, char *account, size_t size)
{
	struct through w = {0};
	struct vs_text t;
	int error;

	vs_text_init(&t, account, size);
	w.account = &t;
	error = through(&w, false, capture, settings, seed);
	if (!error)
		error = go(&w, out, expect, tolerance, account, size);
	finish(&w);
	return error;
}
