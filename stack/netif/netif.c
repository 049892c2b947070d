/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stack/netif/netif.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/queue.h"
#include "core/base/text.h"
#include "core/host/memory.h"
#include "core/link/link.h"
#include "stack/netif/netif_impl.h"

#define BATCH	    64	 /* frames read from one interface in one wake-up */
#define BACKLOG_MAX 1024 /* frames that wait for an interface that takes no more now */
#define HEADER_MAX  18	 /* Ethernet and a tag */

struct netif {
	struct netif_world *world;
	const struct netif_kind *kind;
	void *handle;
	int ifindex, data_fd, gone_fd; /* data_fd -1: closed */
	uint32_t frame_max;
	struct vs_queue backlog;
	uint64_t dropped; /* the backlog was full */
	struct link *link; /* the cable before it, or NULL */
};

struct netif_world {
	struct rt *rt;
	struct stk *stk;
	struct vs_pool *pool;
	struct vs_arena arena;		   /* of backlogs and cables */
	struct netif *ifs[STK_IF_MAX + 1]; /* all of 1..ifs_last */
	int ifs_last;
	netif_event_fn *event;
	void *ctx;
	netif_alarm_fn *alarm;
	vs_time alarm_at;
	void (*down)(void *ctx, int ifindex);
};

static void close_netif(struct netif *i)
{
	if (i->data_fd < 0)
		return;
	rt_remove(i->world->rt, i->data_fd);
	if (i->gone_fd >= 0)
		rt_remove(i->world->rt, i->gone_fd);
	i->kind->close(i->handle);
	i->data_fd = i->gone_fd = -1;
	vs_queue_fini(&i->backlog, &i->world->arena);
}

static void lost(struct netif *i)
{
	struct netif_world *w = i->world;

	close_netif(i);
	stk_if_set_up(w->stk, rt_now(w->rt), i->ifindex, false);
	if (w->down)
		w->down(w->ctx, i->ifindex);
}

/* Takes f, unless the interface takes no more now: then false. */
static bool transmit(struct netif *i, struct vs_frame *f)
{
	ssize_t sent = i->kind->send(i->handle, f->data, f->len);

	if (sent == -EAGAIN || sent == -ENOBUFS)
		return false;
	/* Other errors concern this frame alone (a TAP that is down), or show when reading. */
	vs_frame_put(f);
	return true;
}

/* Takes f: to the outside, at once or when there is room. */
static void to_outside(struct netif *i, struct vs_frame *f)
{
	if (i->data_fd < 0) {
		vs_frame_put(f);
		return;
	}
	if (vs_queue_len(&i->backlog) >= BACKLOG_MAX) {
		i->dropped++;
		vs_frame_put(f);
		return;
	}
	if (!vs_queue_len(&i->backlog)) {
		if (transmit(i, f))
			return;
		rt_change(i->world->rt, i->data_fd, RT_READ | RT_WRITE);
	}
	if (vs_queue_full(&i->backlog) &&
	    vs_queue_reserve(&i->backlog, i->backlog.size * 2 + 1, &i->world->arena)) {
		i->dropped++;
		vs_frame_put(f);
		return;
	}
	vs_queue_push(&i->backlog, 0, f);
}

static void flush(struct netif *i)
{
	struct vs_queue *q = &i->backlog;
	int port;

	while (vs_queue_len(q)) {
		if (!transmit(i, q->ring[q->head & (q->size - 1)].frame))
			return;
		vs_queue_pop(q, &port);
	}
	rt_change(i->world->rt, i->data_fd, RT_READ);
}

/* Reads one frame. False when there is no more to read now. */
static bool receive(struct netif *i)
{
	struct netif_world *w = i->world;
	struct vs_frame *f = vs_frame_new(w->pool, i->frame_max, 0);
	ssize_t len;

	if (!f)
		return false;
	len = i->kind->receive(i->handle, f->data, i->frame_max);
	if (len > 0) {
		/* What comes from outside may have been spoilt there: it is not trusted. */
		vs_frame_set_len(f, (size_t)len);
		if (i->link)
			link_input(i->link, rt_now(w->rt), LINK_LEFT, f);
		else
			stk_input(w->stk, rt_now(w->rt), i->ifindex, f);
		return true;
	}
	vs_frame_put(f);
	if (len < 0 && len != -EAGAIN && len != -EINTR)
		lost(i);
	return len == 0;
}

static void ready(void *ctx, int fd, unsigned events)
{
	struct netif *i = ctx;

	(void)fd;
	if (events & RT_WRITE)
		flush(i);
	if (events & (RT_READ | RT_HUP))
		for (unsigned n = 0; n < BATCH; n++)
			if (!receive(i))
				return;
}

static void gone(void *ctx, int fd, unsigned events)
{
	(void)fd;
	(void)events;
	lost(ctx);
}

static vs_time poll_at(void *ctx)
{
	const struct netif_world *w = ctx;
	vs_time at = vs_time_min(stk_poll_at(w->stk), w->alarm_at);

	for (int i = 1; i <= w->ifs_last; i++)
		if (w->ifs[i]->link)
			at = vs_time_min(at, link_poll_at(w->ifs[i]->link));
	return at;
}

/* Moves what comes out of the cable. */
static void run_link(struct netif *i, vs_time now)
{
	struct netif_world *w = i->world;
	struct vs_frame *f;
	int port;

	link_run(i->link, now);
	while ((f = link_output(i->link, &port))) {
		if (port == LINK_LEFT)
			to_outside(i, f);
		else
			stk_input(w->stk, now, i->ifindex, f);
	}
}

static void run(void *ctx, vs_time now)
{
	struct netif_world *w = ctx;
	struct vs_frame *f;
	unsigned readiness;
	int fd, ifindex;
	bool moved;

	stk_run(w->stk, now);
	if (w->alarm_at <= now) {
		w->alarm_at = VS_NEVER;
		w->alarm(w->ctx, now);
	}
	do {
		moved = false;
		for (int i = 1; i <= w->ifs_last; i++)
			if (w->ifs[i]->link)
				run_link(w->ifs[i], now);
		while ((fd = stk_event(w->stk, &readiness)) >= 0)
			w->event(w->ctx, fd, readiness);
		while ((f = stk_output(w->stk, &ifindex))) {
			if (!w->ifs[ifindex]->link) {
				to_outside(w->ifs[ifindex], f);
				continue;
			}
			link_input(w->ifs[ifindex]->link, now, LINK_RIGHT, f);
			moved = true;
		}
	} while (moved);
}

int netif_create(struct netif_world **out, struct rt *rt, struct stk *stk, struct vs_pool *pool,
		 netif_event_fn *event, void *ctx)
{
	struct netif_world *w = calloc(1, sizeof(*w));
	int error;

	if (!w)
		return -ENOMEM;
	w->rt = rt;
	w->stk = stk;
	w->pool = pool;
	w->event = event;
	w->ctx = ctx;
	w->alarm_at = VS_NEVER;
	host_arena_init(&w->arena, 0);
	error = rt_engine(rt, poll_at, run, w);
	if (error) {
		free(w);
		return error;
	}
	*out = w;
	return 0;
}

void netif_destroy(struct netif_world *w)
{
	for (int i = 1; i <= w->ifs_last; i++) {
		close_netif(w->ifs[i]);
		if (w->ifs[i]->link)
			link_destroy(w->ifs[i]->link);
		free(w->ifs[i]);
	}
	vs_arena_fini(&w->arena);
	free(w);
}

void netif_alarm(struct netif_world *w, vs_time at, netif_alarm_fn *alarm)
{
	w->alarm_at = at;
	w->alarm = alarm;
}

uint64_t netif_dropped(const struct netif_world *w)
{
	uint64_t sum = 0;

	for (int i = 1; i <= w->ifs_last; i++)
		sum += w->ifs[i]->dropped;
	return sum;
}

void netif_on_down(struct netif_world *w, void (*down)(void *ctx, int ifindex))
{
	w->down = down;
}

int netif_add(struct netif_world *w, const struct netif_kind *kind, void *handle, int data_fd,
	      int gone_fd, const struct stk_if_conf *conf)
{
	struct netif *i = calloc(1, sizeof(*i));
	uint32_t mtu = conf->mtu ? conf->mtu : 1500;
	int error = -ENOMEM;

	if (!i)
		goto handle;
	*i = (struct netif){.world = w,
			    .kind = kind,
			    .handle = handle,
			    .data_fd = data_fd,
			    .gone_fd = gone_fd,
			    .frame_max = mtu + HEADER_MAX};
	if (i->frame_max > VS_FRAME_MAX)
		i->frame_max = VS_FRAME_MAX;
	error = i->ifindex = stk_if_add(w->stk, rt_now(w->rt), conf);
	if (error < 0)
		goto interface;
	error = rt_add(w->rt, data_fd, RT_READ, ready, i);
	if (error)
		goto stk;
	if (gone_fd >= 0)
		error = rt_add(w->rt, gone_fd, RT_READ, gone, i);
	if (error)
		goto data;
	vs_assert(i->ifindex == w->ifs_last + 1);
	w->ifs_last = i->ifindex;
	w->ifs[i->ifindex] = i;
	return i->ifindex;
data:
	rt_remove(w->rt, data_fd);
stk:
	stk_if_remove(w->stk, rt_now(w->rt), i->ifindex);
	interface : free(i);
handle:
	kind->close(handle);
	return error;
}

int netif_link_set(struct netif_world *w, int ifindex, const char *name, const char *value,
		   const char **why)
{
	struct link_conf conf = {.seed = rt_seed(), .name = "netif"};
	struct netif *i = ifindex > 0 && ifindex <= w->ifs_last ? w->ifs[ifindex] : NULL;
	int error;

	*why = "there is no such interface";
	if (!i)
		return -ENODEV;
	if (!strcmp(name, "seed")) {
		*why = "the seed is a number, and comes before any other parameter";
		if (i->link || vs_parse_uint(value, UINT64_MAX, &conf.seed))
			return -EINVAL;
	}
	*why = "out of memory";
	if (!i->link) {
		error = link_create(&i->link, &conf, &w->arena);
		if (error)
			return error;
	}
	return strcmp(name, "seed") ? link_set(i->link, rt_now(w->rt), name, value, why) : 0;
}
