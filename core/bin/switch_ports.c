/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/bin/switch_ports.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BATCH	   64	/* frames of one system call */
#define QUEUE_SIZE 1024 /* frames a port holds at most; a power of two */
#define QUEUE_HIGH 128	/* above, who sends to it is not read */
#define QUEUE_LOW  32	/* at and below, everybody is read again */
#define QUEUE_LOSSY 256 /* frames a lossy port holds; and what it must take in a second */

#define CHECK_INTERVAL VS_SEC

struct port {
	struct ports *ports;
	struct transport transport;
	int endpoint, fd;
	unsigned events;
	bool dirty;   /* in ports->dirty */
	bool blocked; /* the transport was full: RT_WRITE will tell */
	bool lossy;
	unsigned taken; /* frames taken in this interval */
	vs_time blocked_since;
	struct port *waits_for;	   /* not read until that one has room; NULL: read */
	struct port *waiters;	   /* who waits for this one */
	struct port *waiters_next; /* in the list of waits_for */
	struct port_stats stats;
	unsigned head, tail; /* of the queue; tail - head frames */
	struct vs_frame *queue[QUEUE_SIZE];
};

struct ports {
	struct rt *rt;
	struct vsw *sw;
	struct port **by_endpoint;
	int endpoints;	     /* size of by_endpoint */
	struct port **dirty; /* ports with frames to send and room, as far as is known */
	int dirty_count;
	unsigned blocked_count;
	vs_time check_at;
};

static unsigned queue_len(const struct port *p)
{
	return p->tail - p->head;
}

static void set_events(struct port *p)
{
	unsigned events = (p->waits_for ? 0 : RT_READ) | (p->blocked ? RT_WRITE : 0);

	if (events != p->events && rt_change(p->ports->rt, p->fd, events) == 0)
		p->events = events;
}

/* Whether a waits, directly or through others, for b. */
static bool waits(const struct port *a, const struct port *b)
{
	for (; a; a = a->waits_for)
		if (a == b)
			return true;
	return false;
}

static void wait_for(struct port *from, struct port *to)
{
	if (from->waits_for || to->lossy || waits(to, from))
		return;
	from->waits_for = to;
	from->waiters_next = to->waiters;
	to->waiters = from;
	set_events(from);
}

static void wait_no_more(struct port *from)
{
	struct port **link = &from->waits_for->waiters;

	while (*link != from)
		link = &(*link)->waiters_next;
	*link = from->waiters_next;
	from->waits_for = NULL;
	set_events(from);
}

static void release_waiters(struct port *to)
{
	while (to->waiters)
		wait_no_more(to->waiters);
}

static void set_blocked(struct port *p, bool blocked)
{
	struct ports *ps = p->ports;

	if (p->blocked == blocked)
		return;
	p->blocked = blocked;
	if (blocked) {
		p->blocked_since = rt_now(ps->rt);
		p->taken = 0;
		if (ps->blocked_count++ == 0)
			ps->check_at = vs_time_add(p->blocked_since, CHECK_INTERVAL);
	} else {
		p->lossy = false;
		if (--ps->blocked_count == 0)
			ps->check_at = VS_NEVER;
	}
	set_events(p);
}

static void queue_drop(struct port *p, uint64_t *count)
{
	while (queue_len(p)) {
		vs_frame_put(p->queue[p->head++ & (QUEUE_SIZE - 1)]);
		++*count;
	}
}

/* Sends what is queued, until the transport is full. */
static void flush(struct port *p)
{
	while (queue_len(p)) {
		unsigned at = p->head & (QUEUE_SIZE - 1);
		unsigned count = queue_len(p);
		int sent;

		if (count > QUEUE_SIZE - at)
			count = QUEUE_SIZE - at;
		if (count > BATCH)
			count = BATCH;
		sent = p->transport.send(p->transport.ctx, p->fd, p->queue + at, count);
		if (sent == -EINTR)
			continue;
		if (sent == -EAGAIN) {
			p->stats.held += queue_len(p);
			set_blocked(p, true);
			break;
		}
		if (sent == -ECONNREFUSED || sent == -EPIPE || sent == -ENOTCONN) {
			queue_drop(p, &p->stats.drop_gone);
			break;
		}
		if (sent < 0) { /* this one frame cannot be sent, as to an interface that is down */
			vs_frame_put(p->queue[p->head++ & (QUEUE_SIZE - 1)]);
			p->stats.drop_error++;
			continue;
		}
		for (int i = 0; i < sent; i++)
			vs_frame_put(p->queue[p->head++ & (QUEUE_SIZE - 1)]);
		p->stats.tx_frames += (unsigned)sent;
		p->taken += (unsigned)sent;
		/* Asking again would only cost a call to hear so. */
		if ((unsigned)sent < count && p->transport.short_is_full) {
			p->stats.held += queue_len(p);
			set_blocked(p, true);
			break;
		}
	}
	if (queue_len(p) <= QUEUE_LOW)
		release_waiters(p);
	if (queue_len(p) == 0)
		set_blocked(p, false);
}

static void enqueue(struct ports *ps, struct port *p, struct vs_frame *f, struct port *from)
{
	unsigned len = queue_len(p);

	if (len == QUEUE_SIZE || (p->lossy && len >= QUEUE_LOSSY)) {
		p->stats.drop_full++;
		vs_frame_put(f);
		return;
	}
	p->queue[p->tail++ & (QUEUE_SIZE - 1)] = f;
	if (!p->dirty && !p->blocked) {
		p->dirty = true;
		ps->dirty[ps->dirty_count++] = p;
	}
	if (len >= QUEUE_HIGH && from)
		wait_for(from, p);
}

static struct port *port_of(const struct ports *ps, int endpoint)
{
	return endpoint >= 0 && endpoint < ps->endpoints ? ps->by_endpoint[endpoint] : NULL;
}

/* Takes the engine's output to the queues; from is whose input it was, NULL: nobody's. */
static void pull(struct ports *ps, struct port *from)
{
	struct vs_frame *f;
	int endpoint;

	while ((f = vsw_output(ps->sw, &endpoint))) {
		struct port *p = port_of(ps, endpoint);

		if (p)
			enqueue(ps, p, f, from);
		else
			vs_frame_put(f);
	}
}

/* Errors of a descriptor that will never carry a frame again; waiting for it would not wait. */
static bool is_gone(int error)
{
	return error == -EBADFD || error == -EBADF || error == -ENODEV || error == -ENXIO;
}

static void receive(struct port *p)
{
	struct ports *ps = p->ports;
	struct vs_frame *frames[BATCH];
	vs_time now = rt_now(ps->rt);
	int count;
	bool more;

	count = p->transport.recv(p->transport.ctx, p->fd, frames, BATCH, &more);
	if (count < 0 && p->transport.gone && is_gone(count)) {
		p->transport.gone(p->transport.ctx, p->endpoint); /* p is no more */
		return;
	}
	for (int i = 0; i < count; i++) {
		p->stats.rx_frames++;
		vsw_input(ps->sw, now, p->endpoint, frames[i]);
		pull(ps, p);
	}
}

static void on_port(void *ctx, int fd, unsigned events)
{
	struct port *p = ctx;

	(void)fd;
	if (events & RT_WRITE && p->blocked)
		flush(p);
	if (events & RT_HUP || (events & RT_READ && !p->waits_for))
		receive(p);
}

int ports_create(struct ports **out, struct rt *rt, struct vsw *sw)
{
	struct ports *ps = calloc(1, sizeof(*ps));

	if (!ps)
		return -ENOMEM;
	ps->rt = rt;
	ps->sw = sw;
	ps->check_at = VS_NEVER;
	*out = ps;
	return 0;
}

void ports_destroy(struct ports *ps)
{
	if (!ps)
		return;
	for (int i = 0; i < ps->endpoints; i++)
		ports_remove(ps, i);
	free(ps->by_endpoint);
	free(ps->dirty);
	free(ps);
}

static int make_room(struct ports *ps, int endpoint)
{
	int count = (endpoint + 32) & ~31;
	struct port **by_endpoint, **dirty;

	if (endpoint < ps->endpoints)
		return 0;
	by_endpoint = realloc(ps->by_endpoint, (size_t)count * sizeof(struct port *));
	if (!by_endpoint)
		return -ENOMEM;
	ps->by_endpoint = by_endpoint;
	dirty = realloc(ps->dirty, (size_t)count * sizeof(struct port *));
	if (!dirty)
		return -ENOMEM;
	ps->dirty = dirty;
	while (ps->endpoints < count)
		ps->by_endpoint[ps->endpoints++] = NULL;
	return 0;
}

int ports_add(struct ports *ps, int endpoint, const struct transport *transport, int fd)
{
	struct port *p;
	int error = make_room(ps, endpoint);

	if (error)
		return error;
	vs_assert(!ps->by_endpoint[endpoint]);
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->ports = ps;
	p->transport = *transport;
	p->endpoint = endpoint;
	p->fd = fd;
	p->events = RT_READ;
	error = rt_add(ps->rt, fd, RT_READ, on_port, p);
	if (error) {
		free(p);
		return error;
	}
	ps->by_endpoint[endpoint] = p;
	return 0;
}

void ports_remove(struct ports *ps, int endpoint)
{
	struct port *p = port_of(ps, endpoint);

	if (!p)
		return;
	ps->by_endpoint[endpoint] = NULL;
	for (int i = 0; i < ps->dirty_count; i++)
		if (ps->dirty[i] == p)
			ps->dirty[i--] = ps->dirty[--ps->dirty_count];
	if (p->waits_for)
		wait_no_more(p);
	release_waiters(p);
	set_blocked(p, false);
	rt_remove(ps->rt, p->fd);
	queue_drop(p, &p->stats.drop_gone);
	free(p);
}

unsigned ports_endpoints(const struct ports *ps)
{
	return (unsigned)ps->endpoints;
}

bool ports_stats(const struct ports *ps, int endpoint, struct port_stats *stats)
{
	const struct port *p = port_of(ps, endpoint);

	if (!p)
		return false;
	*stats = p->stats;
	stats->waiting = queue_len(p);
	stats->lossy = p->lossy;
	return true;
}

/* Once a second while a port is full: who has taken too little becomes lossy, or stays so. */
static void check(struct ports *ps, vs_time now)
{
	for (int i = 0; i < ps->endpoints; i++) {
		struct port *p = ps->by_endpoint[i];

		if (!p || !p->blocked || now - p->blocked_since < CHECK_INTERVAL)
			continue;
		p->lossy = p->taken < QUEUE_LOSSY;
		p->taken = 0;
		if (p->lossy)
			release_waiters(p);
	}
	ps->check_at = vs_time_add(now, CHECK_INTERVAL);
}

void ports_run(struct ports *ps, vs_time now)
{
	pull(ps, NULL);
	for (int i = 0; i < ps->dirty_count; i++) {
		struct port *p = ps->dirty[i];

		p->dirty = false;
		if (!p->blocked)
			flush(p);
	}
	ps->dirty_count = 0;
	if (now >= ps->check_at)
		check(ps, now);
}

vs_time ports_poll_at(const struct ports *ps)
{
	return ps->check_at;
}
