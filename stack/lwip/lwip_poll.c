/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waiting for many descriptors: the kernel waits for all of them, whoever they belong to, and of
 * ours the stack tells what exactly there is.
 */
#include <string.h>
#include <sys/time.h>

#include "stack/lwip/lwip_impl.h"

#define ALWAYS (POLLERR | POLLHUP | POLLNVAL)

struct round {
	nfds_t count;
	struct pollfd *fds;	      /* the program's */
	struct pollfd *kernel;	      /* what the kernel is asked */
	struct lwip_socket **sockets; /* NULL: the kernel's own descriptor */
};

/* Our descriptor is readable and writable upon errors too, which nobody has to ask for. */
static short ask(short events)
{
	short out = events & (POLLOUT | POLLWRNORM) ? POLLOUT : 0;

	return (short)(out | (events & (POLLIN | POLLRDNORM) || !out ? POLLIN : 0));
}

static int round_begin(struct round *r, struct pollfd *fds, nfds_t count)
{
	*r = (struct round){.count = count,
			    .fds = fds,
			    .kernel = calloc(count + 1, sizeof(*fds)),
			    .sockets = calloc(count + 1, sizeof(*r->sockets))};
	if (!r->kernel || !r->sockets) {
		free(r->kernel);
		free(r->sockets);
		return -ENOMEM;
	}
	for (nfds_t i = 0; i < count; i++) {
		r->kernel[i] = fds[i];
		r->sockets[i] = lwip_socket_get(fds[i].fd);
		if (r->sockets[i])
			r->kernel[i].events = ask(fds[i].events);
	}
	return 0;
}

static void round_end(struct round *r)
{
	for (nfds_t i = 0; i < r->count; i++)
		if (r->sockets[i])
			lwip_socket_put(r->sockets[i]);
	free(r->kernel);
	free(r->sockets);
}

/* Fills in what there is of ours; how many. */
static int look_at_ours(struct round *r)
{
	int ready = 0;

	for (nfds_t i = 0; i < r->count; i++) {
		if (!r->sockets[i])
			continue;
		r->fds[i].revents = lwip_socket_events(r->sockets[i]) &
				    (short)(r->fds[i].events | ALWAYS);
		ready += r->fds[i].revents != 0;
	}
	return ready;
}

/* What woke the kernel's wait but is not what the program waits for must not wake it again: that
 * is data in the eyes of one who asks for urgent data alone.
 */
static void ignore_what_is_not_asked(struct round *r)
{
	for (nfds_t i = 0; i < r->count; i++)
		if (r->sockets[i] && r->kernel[i].revents && !r->fds[i].revents &&
		    !(r->fds[i].events & (POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM)))
			r->kernel[i].events = 0;
}

static int wait_once(struct round *r, vs_time left, const sigset_t *mask)
{
	struct timespec t = {.tv_sec = left / VS_SEC, .tv_nsec = left % VS_SEC};
	int ready = 0, ours;

	if (ppoll(r->kernel, r->count, left == VS_NEVER ? NULL : &t, mask) < 0)
		return -errno;
	ours = look_at_ours(r);
	for (nfds_t i = 0; i < r->count; i++) {
		if (r->sockets[i])
			continue;
		r->fds[i].revents = r->kernel[i].revents;
		ready += r->fds[i].revents != 0;
	}
	ignore_what_is_not_asked(r);
	return ready + ours;
}

static int wait_for_any(struct round *r, vs_time timeout, const sigset_t *mask)
{
	vs_time deadline = lwip_deadline(timeout), left = timeout;
	int ready;

	if (look_at_ours(r))
		return wait_once(r, 0, mask);
	for (;;) {
		ready = wait_once(r, left, mask);
		if (ready || deadline == VS_NEVER) {
			if (ready)
				return ready;
			continue;
		}
		left = deadline - lwip_deadline(0);
		if (left <= 0)
			return 0;
	}
}

static int poll_for(struct pollfd *fds, nfds_t count, vs_time timeout, const sigset_t *mask)
{
	struct round r;
	int result = round_begin(&r, fds, count);

	if (!result) {
		result = wait_for_any(&r, timeout, mask);
		round_end(&r);
	}
	return lwip_result(result);
}

/* A timespec in ns; below 0 when it is none. */
static vs_time time_of(const struct timespec *t)
{
	if (!t)
		return VS_NEVER;
	if (t->tv_sec < 0 || t->tv_nsec < 0 || t->tv_nsec >= VS_SEC)
		return -1;
	return t->tv_sec > INT32_MAX ? VS_NEVER : t->tv_sec * VS_SEC + t->tv_nsec;
}

LWIP_EXPORT int lwip_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
			   const sigset_t *mask)
{
	vs_time t = time_of(timeout);

	return t < 0 ? lwip_result(-EINVAL) : poll_for(fds, count, t, mask);
}

LWIP_EXPORT int lwip_poll(struct pollfd *fds, nfds_t count, int timeout)
{
	return poll_for(fds, count, timeout < 0 ? VS_NEVER : timeout * (VS_SEC / 1000), NULL);
}

#define IN_SET	   (POLLIN | POLLHUP | POLLERR)
#define OUT_SET	   (POLLOUT | POLLERR)
#define EXCEPT_SET POLLPRI

static bool take(fd_set *set, int fd)
{
	bool in = set && FD_ISSET(fd, set);

	if (in)
		FD_CLR(fd, set);
	return in;
}

static int put(fd_set *set, const struct pollfd *p, short asked, short shows)
{
	if (!(p->events & asked) || !(p->revents & shows))
		return 0;
	FD_SET(p->fd, set);
	return 1;
}

LWIP_EXPORT int lwip_pselect(int count, fd_set *in, fd_set *out, fd_set *except,
			     const struct timespec *timeout, const sigset_t *mask)
{
	struct pollfd fds[FD_SETSIZE];
	fd_set asked_in, asked_out, asked_except;
	nfds_t used = 0;
	int ready;

	if (count < 0 || count > FD_SETSIZE)
		return lwip_result(-EINVAL);
	FD_ZERO(&asked_in);
	asked_out = asked_except = asked_in;
	if (in)
		asked_in = *in;
	if (out)
		asked_out = *out;
	if (except)
		asked_except = *except;
	for (int fd = 0; fd < count; fd++) {
		short events = (short)((take(&asked_in, fd) ? POLLIN : 0) |
				       (take(&asked_out, fd) ? POLLOUT : 0) |
				       (take(&asked_except, fd) ? POLLPRI : 0));

		if (events)
			fds[used++] = (struct pollfd){.fd = fd, .events = events};
	}
	ready = lwip_ppoll(fds, used, timeout, mask);
	if (ready < 0)
		return -1;
	for (nfds_t i = 0; i < used; i++)
		if (fds[i].revents & POLLNVAL)
			return lwip_result(-EBADF);
	ready = 0;
	if (in)
		FD_ZERO(in);
	if (out)
		FD_ZERO(out);
	if (except)
		FD_ZERO(except);
	for (nfds_t i = 0; i < used; i++)
		ready += put(in, &fds[i], POLLIN, IN_SET) + put(out, &fds[i], POLLOUT, OUT_SET) +
			 put(except, &fds[i], POLLPRI, EXCEPT_SET);
	return ready;
}

LWIP_EXPORT int lwip_select(int count, fd_set *in, fd_set *out, fd_set *except,
			    struct timeval *timeout)
{
	struct timespec t;

	if (!timeout)
		return lwip_pselect(count, in, out, except, NULL, NULL);
	if (timeout->tv_sec < 0 || timeout->tv_usec < 0)
		return lwip_result(-EINVAL);
	t.tv_sec = timeout->tv_sec + timeout->tv_usec / 1000000;
	t.tv_nsec = timeout->tv_usec % 1000000 * 1000;
	return lwip_pselect(count, in, out, except, &t, NULL);
}
