/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the peer does not take at once waits here, up to a bound; meanwhile the filter reads less
 * from the other end, so a sender that can be held back is.
 */
#include "core/bin/wf_end.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/queue.h"
#include "core/host/dgram.h"
#include "core/host/memory.h"

#define PENDING_MAX 16384 /* frames; beyond that they are dropped */
#define BATCHES_MAX 8	  /* read in one wake-up, for the sake of the others */
#define STREAM_SIZE 65536

struct wf_end {
	struct wf_end_conf conf;
	struct vs_arena arena;
	struct vs_queue pending;
	uint64_t dropped;
	int in, out;
	bool reading, writing, ended;
	VDECONN *vde; /* NULL: a stream */
	struct dgram_rx *rx;
	unsigned batch; /* frames to read at once: one when the link holds senders back */
	VDESTREAM *stream;
	uint8_t *bytes; /* of frames on their way into the stream */
	size_t bytes_from, bytes_to;
};

static void end_of_input(struct wf_end *e)
{
	if (e->ended)
		return;
	e->ended = true;
	wf_end_read(e, false);
	e->conf.ended(e->conf.ctx, e->conf.port);
}

/* The peer can take no more: whoever waits for that must not wait for ever. */
static void output_failed(struct wf_end *e)
{
	struct vs_frame *f;
	int port;

	while ((f = vs_queue_pop(&e->pending, &port))) {
		e->dropped++;
		vs_frame_put(f);
	}
	e->bytes_from = e->bytes_to = 0;
}

static void watch(struct wf_end *e)
{
	struct rt *rt = e->conf.rt;

	if (e->in == e->out) {
		rt_change(rt, e->in, (e->reading ? RT_READ : 0) | (e->writing ? RT_WRITE : 0));
		return;
	}
	if (e->in >= 0)
		rt_change(rt, e->in, e->reading ? RT_READ : 0);
	if (e->out >= 0)
		rt_change(rt, e->out, e->writing ? RT_WRITE : 0);
}

void wf_end_read(struct wf_end *e, bool wanted)
{
	wanted = wanted && !e->ended;
	if (e->reading == wanted)
		return;
	e->reading = wanted;
	watch(e);
}

static void wait_writable(struct wf_end *e, bool wanted)
{
	if (e->writing == wanted)
		return;
	e->writing = wanted;
	watch(e);
}

static void read_datagrams(struct wf_end *e)
{
	struct vs_frame *frames[DGRAM_BATCH];
	bool more = true;

	for (int i = 0; i < BATCHES_MAX && more && e->conf.ready(e->conf.ctx, e->conf.port); i++) {
		int count = dgram_recv_frames(e->rx, e->in, frames, e->batch, &more);

		for (int k = 0; k < count; k++)
			e->conf.frame(e->conf.ctx, e->conf.port, frames[k]);
		if (count < 0 && count != -EAGAIN && count != -EINTR)
			break;
		if (!e->conf.ready(e->conf.ctx, e->conf.port))
			e->batch = 1;
		else if (e->batch < DGRAM_BATCH)
			e->batch *= 2;
	}
}

static ssize_t stream_frame(void *opaque, void *bytes, size_t len)
{
	struct wf_end *e = opaque;
	struct vs_frame *f;

	if (len < 14)
		return (ssize_t)len;
	f = vs_frame_from(e->conf.pool, bytes, len);
	if (f)
		e->conf.frame(e->conf.ctx, e->conf.port, f);
	else
		e->dropped++;
	return (ssize_t)len;
}

static void read_stream(struct wf_end *e)
{
	unsigned char bytes[STREAM_SIZE];
	ssize_t n = read(e->in, bytes, sizeof(bytes));

	if (n > 0)
		vdestream_recv(e->stream, bytes, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		end_of_input(e);
}

static void on_data(void *ctx, int fd, unsigned events)
{
	struct wf_end *e = ctx;

	if (fd == e->out && events & (RT_WRITE | RT_HUP))
		wf_end_flush(e);
	if (fd == e->out && fd != e->in && events & RT_HUP)
		end_of_input(e); /* nobody reads what we write */
	if (fd == e->in && events & (RT_READ | RT_HUP)) {
		if (e->vde)
			read_datagrams(e);
		else if (e->reading || events & RT_HUP)
			read_stream(e);
	}
}

/* The control connection says nothing; when it ends the switch is gone. */
static void on_control(void *ctx, int fd, unsigned events)
{
	struct wf_end *e = ctx;
	char bytes[256];
	ssize_t n = read(fd, bytes, sizeof(bytes));

	(void)events;
	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	rt_remove(e->conf.rt, fd);
	output_failed(e);
	end_of_input(e);
}

static int end_new(struct wf_end **out, const struct wf_end_conf *conf)
{
	struct wf_end *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	e->conf = *conf;
	e->in = e->out = -1;
	e->batch = 1;
	host_arena_init(&e->arena, 0);
	if (vs_queue_init(&e->pending, 256, &e->arena)) {
		free(e);
		return -ENOMEM;
	}
	*out = e;
	return 0;
}

int wf_end_vde(struct wf_end **out, const struct wf_end_conf *conf, VDECONN *vde)
{
	struct wf_end *e;
	int err = end_new(&e, conf);

	if (err)
		return err;
	e->vde = vde;
	err = dgram_rx_create(&e->rx, conf->pool, VDE_ETHBUFSIZE);
	if (!err)
		err = rt_add(conf->rt, vde_datafd(vde), RT_READ, on_data, e);
	if (!err) {
		e->in = e->out = vde_datafd(vde);
		e->reading = true;
		err = rt_add(conf->rt, vde_ctlfd(vde), RT_READ, on_control, e);
	}
	if (err) {
		wf_end_destroy(e);
		return err;
	}
	*out = e;
	return 0;
}

int wf_end_stream(struct wf_end **out, const struct wf_end_conf *conf, int in, int to)
{
	struct wf_end *e;
	int err = end_new(&e, conf);

	if (err)
		return err;
	err = -ENOMEM;
	e->bytes = malloc(STREAM_SIZE);
	e->stream = vdestream_open(e, to, stream_frame, NULL);
	if (e->bytes && e->stream)
		err = 0;
	if (!err && in >= 0) {
		fcntl(in, F_SETFL, fcntl(in, F_GETFL) | O_NONBLOCK);
		err = rt_add(conf->rt, in, RT_READ, on_data, e);
		if (!err)
			e->in = in;
		e->reading = !err;
	}
	if (!err && to >= 0) {
		fcntl(to, F_SETFL, fcntl(to, F_GETFL) | O_NONBLOCK);
		if (to != in)
			err = rt_add(conf->rt, to, 0, on_data, e);
		if (!err)
			e->out = to;
	}
	if (err) {
		wf_end_destroy(e);
		return err;
	}
	*out = e;
	return 0;
}

void wf_end_destroy(struct wf_end *e)
{
	if (!e)
		return;
	if (e->in >= 0)
		rt_remove(e->conf.rt, e->in);
	if (e->out >= 0)
		rt_remove(e->conf.rt, e->out);
	if (e->vde) {
		rt_remove(e->conf.rt, vde_ctlfd(e->vde));
		vde_close(e->vde);
	}
	dgram_rx_destroy(e->rx);
	if (e->stream)
		vdestream_close(e->stream);
	free(e->bytes);
	vs_queue_fini(&e->pending, &e->arena);
	vs_arena_fini(&e->arena);
	free(e);
}

void wf_end_send(struct wf_end *e, struct vs_frame *f)
{
	if (e->out < 0 || vs_queue_len(&e->pending) >= PENDING_MAX ||
	    (vs_queue_full(&e->pending) &&
	     vs_queue_reserve(&e->pending, vs_queue_len(&e->pending) + 1, &e->arena))) {
		e->dropped++;
		vs_frame_put(f);
		return;
	}
	vs_queue_push(&e->pending, 0, f);
}

static void flush_datagrams(struct wf_end *e)
{
	struct vs_queue *q = &e->pending;

	while (vs_queue_len(q)) {
		struct vs_frame *frames[DGRAM_BATCH];
		unsigned count = 0;
		int sent;

		for (; count < DGRAM_BATCH && count < vs_queue_len(q); count++)
			frames[count] = q->ring[(q->head + count) & (q->size - 1)].frame;
		sent = dgram_send_frames(e->out, frames, count);
		if (sent == -EAGAIN || sent == -ENOBUFS) {
			wait_writable(e, true);
			return;
		}
		if (sent == -EINTR)
			continue;
		if (sent < 0) { /* this frame (too long for the peer), or the peer is going */
			e->dropped++;
			sent = 1;
		}
		for (int i = 0; i < sent; i++) {
			int port;

			vs_frame_put(vs_queue_pop(q, &port));
		}
	}
	wait_writable(e, false);
}

/* Moves frames that wait into the bytes that go out next, each after its length. */
static void stream_fill(struct wf_end *e)
{
	struct vs_queue *q = &e->pending;

	while (vs_queue_len(q)) {
		struct vs_frame *f = q->ring[q->head & (q->size - 1)].frame;
		int port;

		if (f->len > VDE_ETHBUFSIZE) {
			e->dropped++;
			vs_frame_put(vs_queue_pop(q, &port));
			continue;
		}
		if (STREAM_SIZE - e->bytes_to < f->len + 2)
			return;
		e->bytes[e->bytes_to++] = (uint8_t)(f->len >> 8);
		e->bytes[e->bytes_to++] = (uint8_t)f->len;
		memcpy(e->bytes + e->bytes_to, f->data, f->len);
		e->bytes_to += f->len;
		vs_frame_put(vs_queue_pop(q, &port));
	}
}

static void flush_stream(struct wf_end *e)
{
	for (;;) {
		ssize_t n;

		if (e->bytes_from == e->bytes_to)
			e->bytes_from = e->bytes_to = 0;
		stream_fill(e);
		if (e->bytes_from == e->bytes_to)
			break;
		n = write(e->out, e->bytes + e->bytes_from, e->bytes_to - e->bytes_from);
		if (n > 0) {
			e->bytes_from += (size_t)n;
		} else if (errno == EAGAIN) {
			wait_writable(e, true);
			return;
		} else if (errno != EINTR) {
			output_failed(e);
			end_of_input(e);
			break;
		}
	}
	wait_writable(e, false);
}

void wf_end_flush(struct wf_end *e)
{
	if (e->out < 0)
		return;
	if (e->vde)
		flush_datagrams(e);
	else
		flush_stream(e);
}

size_t wf_end_pending(const struct wf_end *e)
{
	return vs_queue_len(&e->pending) + (e->bytes_from != e->bytes_to);
}

uint64_t wf_end_dropped(const struct wf_end *e)
{
	return e->dropped;
}
