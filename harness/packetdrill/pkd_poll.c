/* SPDX-License-Identifier: GPL-2.0-or-later */
/* poll and epoll, level- and edge-triggered. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "harness/packetdrill/pkd_impl.h"
#include "stack/tcp/tcp.h"

/* What an epoll descriptor looks at. An edge-triggered one is told of when something has happened
 * since it last was; `seen` takes those events from the socket.
 */
struct pkd_watch {
	struct pkd_watch *next;
	int fd;
	struct epoll_event event;
	unsigned fresh; /* events since the last report */
	bool disabled;	/* EPOLLONESHOT */
};

/* Both have the same bits. */
static_assert((unsigned)EPOLLIN == POLLIN && (unsigned)EPOLLOUT == POLLOUT &&
		      (unsigned)EPOLLPRI == POLLPRI &&
		      (unsigned)EPOLLRDHUP == POLLRDHUP && (unsigned)EPOLLHUP == POLLHUP,
	      "poll and epoll agree");

/* As Linux's tcp_poll() tells a socket's state. */
unsigned pkd_events(struct pkd *w, struct pkd_file *f)
{
	unsigned ready = stk_readiness(w->stk, f->stk), events = 0;
	struct tcp_details d;

	if (ready & STK_IN)
		events |= POLLIN | POLLRDNORM;
	if (ready & STK_PRI)
		events |= POLLPRI;
	if (ready & STK_OUT)
		events |= POLLOUT | POLLWRNORM;
	if ((ready & STK_ERR) || f->notices)
		events |= POLLERR;
	if (f->type != SOCK_STREAM || tcp_details(w->stk, f->stk, &d))
		return events;
	if (d.state == TCP_LISTEN)
		return ready & STK_IN ? POLLIN | POLLRDNORM : 0;
	if ((d.rcv_shut && d.snd_shut) || d.state == TCP_CLOSED)
		events |= POLLHUP;
	if (d.rcv_shut)
		events |= POLLIN | POLLRDNORM | POLLRDHUP;
	if (d.snd_shut && d.state != TCP_SYN_SENT)
		events |= POLLOUT | POLLWRNORM;
	if (f->rcvlowat > 1 && (int64_t)d.rcv_queued < f->rcvlowat && !d.rcv_shut)
		events &= ~(unsigned)(POLLIN | POLLRDNORM);
	return events;
}

struct poll_call {
	struct pkd_call call;
	struct pollfd *fds;
	nfds_t count;
};

static ssize_t poll_attempt(struct pkd_call *c)
{
	struct poll_call *p = (struct poll_call *)c;
	int found = 0;

	for (nfds_t i = 0; i < p->count; i++) {
		struct pollfd *at = &p->fds[i];
		struct pkd_file *f = at->fd < 0 ? NULL : pkd_file(pkd_world, at->fd);

		at->revents = 0;
		if (f && f->kind == PKD_SOCKET)
			at->revents = (short)(pkd_events(pkd_world, f) &
					      ((unsigned)at->events | POLLERR | POLLHUP));
		else if (at->fd >= 0)
			at->revents = POLLNVAL;
		found += at->revents != 0;
	}
	return found ? found : -EAGAIN;
}

static void until(struct pkd *w, struct pkd_call *c, int timeout_ms)
{
	c->deadline = timeout_ms < 0 ? VS_NEVER : w->now + timeout_ms * VS_MSEC;
}

int pkd_poll(void *userdata, struct pollfd *fds, nfds_t count, int timeout_ms)
{
	struct pkd *w = pkd_enter();
	struct poll_call p = {.call = {.attempt = poll_attempt}, .fds = fds, .count = count};
	ssize_t result;

	(void)userdata;
	until(w, &p.call, timeout_ms);
	result = pkd_wait(w, &p.call, timeout_ms == 0);
	return (int)pkd_leave(w, result == -EAGAIN ? 0 : result);
}

int pkd_epoll_create(void *userdata, int size)
{
	struct pkd *w = pkd_enter();
	struct pkd_file *f;

	(void)userdata;
	if (size <= 0)
		return (int)pkd_leave(w, -EINVAL);
	f = pkd_file_new(w, PKD_EPOLL);
	return (int)pkd_leave(w, f ? f->fd : -EMFILE);
}

static struct pkd_watch **watch_at(struct pkd_file *epoll, int fd)
{
	struct pkd_watch **at = &epoll->watches;

	while (*at && (*at)->fd != fd)
		at = &(*at)->next;
	return at;
}

static void watch_set(struct pkd *w, struct pkd_watch *watch, const struct epoll_event *event)
{
	watch->event = *event;
	watch->event.events |= EPOLLERR | EPOLLHUP;
	watch->disabled = false;
	watch->fresh = pkd_events(w, &w->files[watch->fd]);
}

static int control(struct pkd *w, struct pkd_file *epoll, int op, int fd,
		   const struct epoll_event *event)
{
	struct pkd_watch **at = watch_at(epoll, fd), *watch = *at;

	if (op == EPOLL_CTL_ADD && watch)
		return -EEXIST;
	if (op != EPOLL_CTL_ADD && !watch)
		return -ENOENT;
	if (op == EPOLL_CTL_DEL) {
		*at = watch->next;
		free(watch);
		return 0;
	}
	if (op == EPOLL_CTL_ADD) {
		watch = calloc(1, sizeof(*watch));
		if (!watch)
			return -ENOMEM;
		watch->fd = fd;
		*at = watch;
	} else if (op != EPOLL_CTL_MOD) {
		return -EINVAL;
	}
	watch_set(w, watch, event);
	return 0;
}

int pkd_epoll_ctl(void *userdata, int epfd, int op, int fd, struct epoll_event *event)
{
	struct pkd *w = pkd_enter();
	struct pkd_file *epoll = pkd_file(w, epfd), *f = pkd_file(w, fd);

	(void)userdata;
	if (!epoll || !f)
		return (int)pkd_leave(w, -EBADF);
	if (epoll->kind != PKD_EPOLL || f->kind != PKD_SOCKET)
		return (int)pkd_leave(w, -EINVAL);
	return (int)pkd_leave(w, control(w, epoll, op, fd, event));
}

struct epoll_call {
	struct pkd_call call;
	struct pkd_file *epoll;
	struct epoll_event *events;
	int count;
};

/* News of sockets go to every watch before any is reported. */
static void news_take(struct pkd *w)
{
	for (int fd = 0; fd < PKD_FILES_MAX; fd++) {
		struct pkd_file *epoll = &w->files[fd];

		if (epoll->kind != PKD_EPOLL)
			continue;
		for (struct pkd_watch *at = epoll->watches; at; at = at->next)
			at->fresh |= w->files[at->fd].news;
	}
	for (int fd = 0; fd < PKD_FILES_MAX; fd++)
		w->files[fd].news = 0;
}

static ssize_t epoll_attempt(struct pkd_call *c)
{
	struct epoll_call *e = (struct epoll_call *)c;
	int found = 0;

	news_take(pkd_world);
	for (struct pkd_watch *at = e->epoll->watches; at && found < e->count; at = at->next) {
		unsigned ready = pkd_events(pkd_world, &pkd_world->files[at->fd]);

		ready &= at->event.events;
		if (!ready || at->disabled)
			continue;
		if ((at->event.events & EPOLLET) && !(at->fresh & at->event.events))
			continue;
		at->fresh = 0;
		at->disabled = at->event.events & EPOLLONESHOT;
		e->events[found].events = ready;
		e->events[found++].data = at->event.data;
	}
	return found ? found : -EAGAIN;
}

int pkd_epoll_wait(void *userdata, int epfd, struct epoll_event *events, int count,
		   int timeout_ms)
{
	struct pkd *w = pkd_enter();
	struct epoll_call e = {.call = {.attempt = epoll_attempt}, .events = events};
	ssize_t result;

	(void)userdata;
	e.count = count;
	e.epoll = pkd_file(w, epfd);
	if (!e.epoll)
		return (int)pkd_leave(w, -EBADF);
	if (e.epoll->kind != PKD_EPOLL || count <= 0)
		return (int)pkd_leave(w, -EINVAL);
	until(w, &e.call, timeout_ms);
	result = pkd_wait(w, &e.call, timeout_ms == 0);
	return (int)pkd_leave(w, result == -EAGAIN ? 0 : result);
}

void pkd_watches_drop(struct pkd *w, struct pkd_file *f)
{
	while (f->watches) {
		struct pkd_watch *next = f->watches->next;

		free(f->watches);
		f->watches = next;
	}
	for (int fd = 0; fd < PKD_FILES_MAX; fd++) {
		struct pkd_watch **at;

		if (w->files[fd].kind != PKD_EPOLL)
			continue;
		at = watch_at(&w->files[fd], f->fd);
		if (*at) {
			struct pkd_watch *gone = *at;

			*at = gone->next;
			free(gone);
		}
	}
}
