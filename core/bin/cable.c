/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames wait in the buffers as a VDE stream has them, each behind its two bytes of length: so an
 * end that is a stream writes what is there, and the others take it apart again.
 */
#include "core/bin/cable.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "core/host/process.h"

#define CLOSED	     "%s: the switch has closed the connection"
#define HEADER	     2
#define BUFFER_SIZE  (256 * 1024)
#define PIECE	     (64 * 1024)
/* What a stream gives in one read may be nothing but frames. */
#define BUFFER_ROOM  (PIECE + HEADER + VDE_ETHBUFSIZE)
#define FRAMES_MAX   64 /* taken from one end before the other is served */

struct direction {
	struct side *from, *to;
	size_t head, tail;
	unsigned char bytes[BUFFER_SIZE];
};

struct side {
	struct cable *cable;
	struct cable_end *end;
	struct direction *gives, *takes;
	int in, out;
	unsigned events_in, events_out;
	bool out_is_own; /* opened anew, to be non-blocking for us alone */
	bool out_is_socket;
	VDESTREAM *stream; /* CABLE_STREAM: what cuts bytes into frames */
};

struct cable {
	struct rt *rt;
	struct side sides[2];
	struct direction directions[2];
	struct direction *last; /* its stream has ended: what it gave is still delivered */
	int error;
};

static void cable_end_run(struct cable *c, int error)
{
	if (error && !c->error)
		c->error = error;
	rt_stop(c->rt);
}

static size_t waiting(const struct direction *d)
{
	return d->tail - d->head;
}

/* Makes room behind what waits; whether there is enough for another piece. */
static bool has_room(struct direction *d, size_t room)
{
	if (sizeof(d->bytes) - d->tail >= room)
		return true;
	memmove(d->bytes, d->bytes + d->head, waiting(d));
	d->tail -= d->head;
	d->head = 0;
	return sizeof(d->bytes) - d->tail >= room;
}

static void frame_add(struct side *s, const unsigned char *frame, size_t len)
{
	struct direction *d = s->gives;

	if (s->end->seen)
		s->end->seen(s->end->seen_ctx, frame, len);
	d->bytes[d->tail] = (unsigned char)(len >> 8);
	d->bytes[d->tail + 1] = (unsigned char)len;
	if (d->bytes + d->tail + HEADER != frame)
		memcpy(d->bytes + d->tail + HEADER, frame, len);
	d->tail += HEADER + len;
}

static ssize_t on_frame(void *opaque, void *buf, size_t len)
{
	frame_add(opaque, buf, len);
	return (ssize_t)len;
}

static void on_stream_error(void *opaque, int type, char *format, ...)
{
	const struct side *s = opaque;

	(void)type;
	(void)format;
	process_log(LOG_WARNING, "%s: bytes that are no frame", s->end->name);
}

/* Reads what the stream has: 0, or -errno; -ESHUTDOWN at its end. */
static int stream_read(struct side *s)
{
	unsigned char piece[PIECE];
	ssize_t n = read(s->in, piece, sizeof(piece));

	if (n == 0)
		return -ESHUTDOWN;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	vdestream_recv(s->stream, piece, (size_t)n);
	return 0;
}

/* Reads frames straight into the buffer, behind the place of their length. */
static int frames_read(struct side *s)
{
	struct direction *d = s->gives;

	for (int i = 0; i < FRAMES_MAX && has_room(d, HEADER + VDE_ETHBUFSIZE); i++) {
		unsigned char *frame = d->bytes + d->tail + HEADER;
		ssize_t n = s->end->kind == CABLE_TAP
				    ? read(s->in, frame, VDE_ETHBUFSIZE)
				    : vde_recv(s->end->conn, frame, VDE_ETHBUFSIZE, MSG_DONTWAIT);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		if (n > 1)
			frame_add(s, frame, (size_t)n);
	}
	return 0;
}

static ssize_t stream_write(const struct side *s, const unsigned char *bytes, size_t len)
{
	if (s->out_is_socket)
		return send(s->out, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	/* A pipe that is ready takes this much without blocking, even if it may block. */
	if (!s->out_is_own && len > 4096)
		len = 4096;
	return write(s->out, bytes, len);
}

/* Delivers what waits for a side, until it takes no more. 0 or -errno. */
static int deliver(struct side *s)
{
	struct direction *d = s->takes;

	while (waiting(d)) {
		const unsigned char *bytes = d->bytes + d->head;
		size_t len = waiting(d);
		ssize_t n;

		if (s->end->kind == CABLE_STREAM) {
			n = stream_write(s, bytes, len);
			if (n > 0) {
				d->head += (size_t)n;
				if (!s->out_is_own && !s->out_is_socket)
					break;
				continue;
			}
		} else {
			len = (size_t)bytes[0] << 8 | bytes[1];
			n = s->end->kind == CABLE_TAP
				    ? write(s->out, bytes + HEADER, len)
				    : vde_send(s->end->conn, bytes + HEADER, len, MSG_DONTWAIT);
			/* An interface that is down, a frame it cannot carry: lost. */
			if (n >= 0 || errno == EMSGSIZE ||
			    (s->end->kind == CABLE_TAP && errno != EAGAIN)) {
				d->head += HEADER + len;
				continue;
			}
		}
		if (n == 0 || errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return -errno;
		break;
	}
	if (waiting(d) == 0)
		d->head = d->tail = 0;
	return 0;
}

/* Asks to hear of what each descriptor can do that is wanted now. */
static void set_events(struct cable *c)
{
	for (int i = 0; i < 2; i++) {
		struct side *s = &c->sides[i];
		unsigned in = !c->last && has_room(s->gives, BUFFER_ROOM) ? RT_READ : 0;
		unsigned out = waiting(s->takes) ? RT_WRITE : 0;

		if (s->in == s->out) {
			in |= out;
			out = in;
		}
		if (in != s->events_in && rt_change(c->rt, s->in, in) == 0)
			s->events_in = in;
		if (s->in != s->out && out != s->events_out && rt_change(c->rt, s->out, out) == 0)
			s->events_out = out;
	}
}

static void on_ready(void *ctx, int fd, unsigned events)
{
	struct side *s = ctx;
	struct cable *c = s->cable;
	int error = 0;

	if (fd == s->in && events & (RT_READ | RT_HUP) && !c->last &&
	    has_room(s->gives, BUFFER_ROOM)) {
		error = s->end->kind == CABLE_STREAM ? stream_read(s) : frames_read(s);
		if (error == -ESHUTDOWN) {
			c->last = s->gives;
			rt_remove(c->rt, s->in);
			error = 0;
		}
		/* The data socket may hear of a switch's end before the control socket does. */
		if (error == -ECONNRESET && s->end->kind == CABLE_PLUG)
			process_log(LOG_ERR, CLOSED, s->end->name);
		else if (error)
			process_log(LOG_ERR, "%s: %s", s->end->name, strerror(-error));
		if (!error)
			error = deliver(s->gives->to);
	}
	if (!error && fd == s->out && events & RT_WRITE)
		error = deliver(s);
	else if (!error && fd == s->out && events & RT_HUP && fd != s->in)
		error = -EPIPE;
	/* Who reads our stream is free to go; the cable ends with it. */
	if (error)
		cable_end_run(c, error == -EPIPE ? 0 : error);
	else if (c->last && !waiting(c->last))
		cable_end_run(c, 0);
	else
		set_events(c);
}

static void on_ctl(void *ctx, int fd, unsigned events)
{
	struct side *s = ctx;
	char dust[64];
	ssize_t n = recv(fd, dust, sizeof(dust), MSG_DONTWAIT);

	(void)events;
	if (n > 0 || (n < 0 && errno == EAGAIN))
		return;
	process_log(LOG_ERR, CLOSED, s->end->name);
	cable_end_run(s->cable, -ECONNRESET);
}

static void on_signal(void *ctx, int signal)
{
	(void)signal;
	cable_end_run(ctx, 0);
}

/* A descriptor of our own for standard output and the like, which does not block: the file behind
 * ours may be shared with who started us, and must keep blocking for them.
 */
static void own_out(struct side *s)
{
	char path[32];
	struct stat st;
	int fd;

	if (fstat(s->out, &st) == 0 && S_ISSOCK(st.st_mode)) {
		s->out_is_socket = true;
		return;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", s->out);
	if (S_ISREG(st.st_mode))
		return;
	fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return;
	s->out = fd;
	s->out_is_own = true;
}

static int side_open(struct cable *c, int i, struct cable_end *end)
{
	struct side *s = &c->sides[i];
	int error;

	*s = (struct side){
		.cable = c,
		.end = end,
		.gives = &c->directions[i],
		.takes = &c->directions[1 - i],
		.in = end->in,
		.out = end->out,
		.events_in = RT_READ,
	};
	c->directions[i].from = s;
	c->directions[1 - i].to = s;
	if (end->kind == CABLE_PLUG)
		s->in = s->out = vde_datafd(end->conn);
	if (end->kind == CABLE_STREAM) {
		s->stream = vdestream_open(s, -1, on_frame, on_stream_error);
		if (!s->stream)
			return -ENOMEM;
		own_out(s);
	}
	error = rt_add(c->rt, s->in, RT_READ, on_ready, s);
	if (!error && s->out != s->in)
		error = rt_add(c->rt, s->out, 0, on_ready, s);
	if (!error && end->kind == CABLE_PLUG && vde_ctlfd(end->conn) >= 0)
		error = rt_add(c->rt, vde_ctlfd(end->conn), RT_READ, on_ctl, s);
	return error;
}

static void side_close(struct side *s)
{
	if (!s->cable)
		return;
	rt_remove(s->cable->rt, s->in);
	rt_remove(s->cable->rt, s->out);
	if (s->end->kind == CABLE_PLUG)
		rt_remove(s->cable->rt, vde_ctlfd(s->end->conn));
	if (s->stream)
		vdestream_close(s->stream);
	if (s->out_is_own)
		close(s->out);
}

int cable_run(struct rt *rt, struct cable_end ends[2])
{
	struct cable *c = calloc(1, sizeof(*c));
	int error;

	if (!c)
		return -ENOMEM;
	c->rt = rt;
	signal(SIGPIPE, SIG_IGN);
	error = rt_signals(rt, on_signal, c);
	for (int i = 0; i < 2 && !error; i++) {
		error = side_open(c, i, &ends[i]);
		if (error)
			process_log(LOG_ERR, "%s: %s", ends[i].name, strerror(-error));
	}
	if (!error)
		error = rt_run(rt);
	if (!error)
		error = c->error;
	for (int i = 0; i < 2; i++)
		side_close(&c->sides[i]);
	free(c);
	return error;
}

int cable_open(struct cable_end *end, const char *url, const char *descr,
	       struct vde_open_args *args)
{
	*end = (struct cable_end){.kind = CABLE_STREAM, .in = 0, .out = 1, .name = "stdin"};
	if (strcmp(url, "-") == 0)
		return 0;
	end->kind = CABLE_PLUG;
	end->name = *url ? url : "default switch";
	end->conn = vde_open((char *)url, (char *)descr, args);
	if (end->conn)
		return 0;
	process_log(LOG_ERR, "vde_open %s: %s", end->name, strerror(errno));
	return -errno;
}

void cable_close(struct cable_end *end)
{
	if (end->kind == CABLE_PLUG && end->conn)
		vde_close(end->conn);
	end->conn = NULL;
}
