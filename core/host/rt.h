/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one door to clock, waiting and descriptors. A program makes one struct rt, gives it
 * descriptors and a deadline, and is called back; the clock is read once per wake-up. The lab's
 * harness/sim is the virtual twin.
 */
#ifndef VSQ_HOST_RT_H
#define VSQ_HOST_RT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/time.h"

struct rt;

#define RT_READ	 0x1
#define RT_WRITE 0x2
#define RT_HUP	 0x4 /* reported always; never asked for */

typedef void rt_fd_fn(void *ctx, int fd, unsigned events);

int rt_create(struct rt **);
void rt_destroy(struct rt *);

/* ns since rt_create(), CLOCK_MONOTONIC, as read when the present wake-up began. */
vs_time rt_now(const struct rt *);
vs_time rt_read_clock(struct rt *); /* reads it anew: for long work in one wake-up */

/* A seed from the system, for production programs. */
uint64_t rt_seed(void);

/* Watches a descriptor; events may be 0 for hang-ups only. 0 or -errno. */
int rt_add(struct rt *, int fd, unsigned events, rt_fd_fn *, void *ctx);
int rt_change(struct rt *, int fd, unsigned events);
void rt_remove(struct rt *, int fd); /* safe from within a callback, also for other descriptors */

/* Before each wait poll_at() is asked for the next deadline, and after each wake-up's descriptors
 * run() is called with the time. At most 8 pairs.
 */
int rt_engine(struct rt *, vs_time (*poll_at)(void *ctx), void (*run)(void *ctx, vs_time now),
	      void *ctx);

/* Waits and calls back until rt_stop(); SIGTERM, SIGINT and SIGHUP, if rt_signals() was called,
 * go to fn instead of ending the process. 0 or -errno.
 */
int rt_run(struct rt *);
void rt_stop(struct rt *);
int rt_signals(struct rt *, void (*fn)(void *ctx, int signal), void *ctx);

/* For a loop that threads share. rt_run() is then called with the lock held and gives it back while
 * it waits; other threads, with the lock, may call anything here but rt_run() and rt_destroy(), and
 * end with rt_serve(): it runs the engines as a wake-up does, and whoever waits in rt_run() keeps
 * the deadline that they now have, or sees rt_stop(). 0 or -errno.
 */
void rt_guard(struct rt *, void (*lock)(void *ctx), void (*unlock)(void *ctx), void *ctx);
int rt_serve(struct rt *);

/* Deadlines are kept by timerfd, not by epoll's milliseconds: to within scheduling latency. */

#endif
