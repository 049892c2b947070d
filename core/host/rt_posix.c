/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The door to the world on Linux: one epoll, one timerfd for the earliest deadline, one signalfd.
 *
 * Each watched descriptor has a slot in a table, and each rt_add() a generation of its own which
 * epoll hands back with the event. So an event that was fetched before its descriptor was removed
 * (and perhaps its number given to another file) is recognised and ignored, and callbacks may add
 * and remove what they like.
 *
 * What epoll refuses to watch (a regular file, /dev/null) is always ready: while such a
 * descriptor is asked for, nothing waits.
 */
#include "core/host/rt.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define ENGINES_MAX 8
#define EVENTS_MAX  64

struct watch {
	rt_fd_fn *fn; /* NULL: the descriptor is not watched */
	void *ctx;
	uint32_t generation;
	unsigned events;
	bool always; /* cannot be waited for, so is always ready */
};

struct engine {
	vs_time (*poll_at)(void *ctx);
	void (*run)(void *ctx, vs_time now);
	void *ctx;
};

struct rt {
	int epoll, timer, signals;
	struct timespec start;
	vs_time now;
	vs_time timer_at; /* what the timerfd is set to; VS_NEVER: disarmed */
	bool stopped;
	uint32_t generation;
	struct watch *watches; /* by descriptor */
	size_t watches_count;
	unsigned always_count; /* always ready and asked for */
	struct engine engines[ENGINES_MAX];
	unsigned engines_count;
	void (*on_signal)(void *ctx, int signal);
	void *on_signal_ctx;
	void (*lock)(void *ctx), (*unlock)(void *ctx); /* NULL: one thread has it all */
	void *lock_ctx;
};

static vs_time clock_since(const struct timespec *start)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (t.tv_sec - start->tv_sec) * VS_SEC + (t.tv_nsec - start->tv_nsec);
}

vs_time rt_now(const struct rt *rt)
{
	return rt->now;
}

vs_time rt_read_clock(struct rt *rt)
{
	rt->now = clock_since(&rt->start);
	return rt->now;
}

uint64_t rt_seed(void)
{
	uint64_t seed;

	/* The kernel's generator gives eight bytes at once or, in a very early boot, none. */
	if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed)) {
		struct timespec t;

		clock_gettime(CLOCK_REALTIME, &t);
		seed = (uint64_t)t.tv_sec * 1000000007u ^ (uint64_t)t.tv_nsec << 20 ^
		       (uint64_t)getpid();
	}
	return seed;
}

/* The timer is edge triggered: an expiry ends one wait and need not be read away. */
static void on_timer(void *ctx, int fd, unsigned events)
{
	(void)ctx;
	(void)fd;
	(void)events;
}

static unsigned epoll_bits(unsigned events)
{
	return (events & RT_READ ? EPOLLIN : 0) | (events & RT_WRITE ? EPOLLOUT : 0);
}

static int watch_add(struct rt *rt, int fd, unsigned events, unsigned bits, rt_fd_fn *fn, void *ctx)
{
	struct epoll_event e = {.events = epoll_bits(events) | bits};
	struct watch *w;

	if (fd < 0)
		return -EBADF;
	if ((size_t)fd >= rt->watches_count) {
		size_t count = ((size_t)fd + 64) & ~(size_t)63;
		struct watch *more = realloc(rt->watches, count * sizeof(*more));

		if (!more)
			return -ENOMEM;
		memset(more + rt->watches_count, 0, (count - rt->watches_count) * sizeof(*more));
		rt->watches = more;
		rt->watches_count = count;
	}
	w = &rt->watches[fd];
	if (w->fn)
		return -EEXIST;
	*w = (struct watch){.fn = fn, .ctx = ctx, .generation = ++rt->generation, .events = events};
	e.data.u64 = (uint64_t)w->generation << 32 | (uint32_t)fd;
	if (epoll_ctl(rt->epoll, EPOLL_CTL_ADD, fd, &e) == 0)
		return 0;
	if (errno != EPERM) {
		w->fn = NULL;
		return -errno;
	}
	w->always = true;
	rt->always_count += events != 0;
	return 0;
}

int rt_add(struct rt *rt, int fd, unsigned events, rt_fd_fn *fn, void *ctx)
{
	return watch_add(rt, fd, events, 0, fn, ctx);
}

static struct watch *watch_of(const struct rt *rt, int fd)
{
	if (fd < 0 || (size_t)fd >= rt->watches_count || !rt->watches[fd].fn)
		return NULL;
	return &rt->watches[fd];
}

int rt_change(struct rt *rt, int fd, unsigned events)
{
	struct watch *w = watch_of(rt, fd);
	struct epoll_event e = {.events = epoll_bits(events)};

	if (!w)
		return -ENOENT;
	if (w->events == events)
		return 0;
	if (w->always) {
		rt->always_count += (events != 0) - (w->events != 0);
	} else {
		e.data.u64 = (uint64_t)w->generation << 32 | (uint32_t)fd;
		if (epoll_ctl(rt->epoll, EPOLL_CTL_MOD, fd, &e) < 0)
			return -errno;
	}
	w->events = events;
	return 0;
}

void rt_remove(struct rt *rt, int fd)
{
	struct watch *w = watch_of(rt, fd);

	if (!w)
		return;
	if (w->always)
		rt->always_count -= w->events != 0;
	else
		epoll_ctl(rt->epoll, EPOLL_CTL_DEL, fd, NULL);
	w->fn = NULL;
	w->always = false;
}

int rt_create(struct rt **out)
{
	struct rt *rt = calloc(1, sizeof(*rt));
	int error = -ENOMEM;

	if (!rt)
		return error;
	clock_gettime(CLOCK_MONOTONIC, &rt->start);
	rt->timer_at = VS_NEVER;
	rt->signals = -1;
	rt->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (rt->epoll < 0) {
		error = -errno;
		goto no_epoll;
	}
	rt->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (rt->timer < 0) {
		error = -errno;
		goto no_timer;
	}
	error = watch_add(rt, rt->timer, RT_READ, EPOLLET, on_timer, rt);
	if (error)
		goto no_watch;
	*out = rt;
	return 0;

no_watch:
	close(rt->timer);
no_timer:
	close(rt->epoll);
no_epoll:
	free(rt->watches);
	free(rt);
	return error;
}

void rt_destroy(struct rt *rt)
{
	if (!rt)
		return;
	if (rt->signals >= 0)
		close(rt->signals);
	close(rt->timer);
	close(rt->epoll);
	free(rt->watches);
	free(rt);
}

int rt_engine(struct rt *rt, vs_time (*poll_at)(void *ctx), void (*run)(void *ctx, vs_time now),
	      void *ctx)
{
	if (rt->engines_count == ENGINES_MAX)
		return -ENOSPC;
	rt->engines[rt->engines_count++] = (struct engine){poll_at, run, ctx};
	return 0;
}

/* Sets the timerfd for a deadline. A deadline that moves away leaves the timer where it is: an
 * early wake-up now and then is cheaper than a system call for each frame that postpones it.
 */
static int timer_arm(struct rt *rt, vs_time at)
{
	struct itimerspec spec = {0};
	vs_time t;

	if (at >= rt->timer_at)
		return 0;
	t = vs_time_add(at, rt->start.tv_nsec);
	spec.it_value.tv_sec = rt->start.tv_sec + t / VS_SEC;
	spec.it_value.tv_nsec = t % VS_SEC;
	if (timerfd_settime(rt->timer, TFD_TIMER_ABSTIME, &spec, NULL) < 0)
		return -errno;
	rt->timer_at = at;
	return 0;
}

static unsigned rt_bits(unsigned bits)
{
	return (bits & EPOLLIN ? RT_READ : 0) | (bits & EPOLLOUT ? RT_WRITE : 0) |
	       (bits & (EPOLLHUP | EPOLLERR) ? RT_HUP : 0);
}

static void serve_epoll(struct rt *rt, const struct epoll_event *events, int count)
{
	for (int i = 0; i < count && !rt->stopped; i++) {
		int fd = (int)(uint32_t)events[i].data.u64;
		struct watch *w = watch_of(rt, fd);

		if (w && w->generation == events[i].data.u64 >> 32)
			w->fn(w->ctx, fd, rt_bits(events[i].events));
	}
}

static void serve_always(struct rt *rt)
{
	for (size_t fd = 0; fd < rt->watches_count && rt->always_count && !rt->stopped; fd++) {
		struct watch *w = &rt->watches[fd];

		if (w->fn && w->always && w->events)
			w->fn(w->ctx, (int)fd, w->events);
	}
}

static vs_time next_deadline(const struct rt *rt)
{
	vs_time at = VS_NEVER;

	for (unsigned i = 0; i < rt->engines_count; i++)
		at = vs_time_min(at, rt->engines[i].poll_at(rt->engines[i].ctx));
	return at;
}

static int wait_unlocked(struct rt *rt, struct epoll_event *events, int timeout)
{
	int count;

	if (rt->unlock)
		rt->unlock(rt->lock_ctx);
	count = epoll_wait(rt->epoll, events, EVENTS_MAX, timeout);
	if (count < 0)
		count = errno == EINTR ? 0 : -errno;
	if (rt->lock)
		rt->lock(rt->lock_ctx);
	return count;
}

int rt_run(struct rt *rt)
{
	struct epoll_event events[EVENTS_MAX];
	int error = 0;

	rt_read_clock(rt);
	while (!rt->stopped) {
		vs_time at = next_deadline(rt);
		int timeout = -1, count;

		if (at <= rt->now || rt->always_count)
			timeout = 0;
		else
			error = timer_arm(rt, at);
		if (error)
			break;
		count = wait_unlocked(rt, events, timeout);
		if (count < 0) {
			error = count;
			break;
		}
		if (rt_read_clock(rt) >= rt->timer_at)
			rt->timer_at = VS_NEVER;
		serve_epoll(rt, events, count);
		serve_always(rt);
		for (unsigned i = 0; i < rt->engines_count && !rt->stopped; i++)
			rt->engines[i].run(rt->engines[i].ctx, rt->now);
	}
	rt->stopped = false;
	return error;
}

void rt_guard(struct rt *rt, void (*lock)(void *ctx), void (*unlock)(void *ctx), void *ctx)
{
	rt->lock = lock;
	rt->unlock = unlock;
	rt->lock_ctx = ctx;
}

int rt_serve(struct rt *rt)
{
	rt_read_clock(rt);
	for (unsigned i = 0; i < rt->engines_count && !rt->stopped; i++)
		rt->engines[i].run(rt->engines[i].ctx, rt->now);
	if (!rt->stopped)
		return timer_arm(rt, next_deadline(rt));
	rt->timer_at = VS_NEVER;
	return timer_arm(rt, rt->now);
}

void rt_stop(struct rt *rt)
{
	rt->stopped = true;
}

static void on_signalfd(void *ctx, int fd, unsigned events)
{
	struct rt *rt = ctx;
	struct signalfd_siginfo info;

	(void)events;
	while (read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		rt->on_signal(rt->on_signal_ctx, (int)info.ssi_signo);
}

int rt_signals(struct rt *rt, void (*fn)(void *ctx, int signal), void *ctx)
{
	sigset_t set;
	int error;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	rt->on_signal = fn;
	rt->on_signal_ctx = ctx;
	if (rt->signals >= 0)
		return 0;
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	rt->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (rt->signals < 0) {
		error = -errno;
		goto unblock;
	}
	error = rt_add(rt, rt->signals, RT_READ, on_signalfd, rt);
	if (!error)
		return 0;
	close(rt->signals);
	rt->signals = -1;
unblock:
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	return error;
}
