/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where a stack meets the world in a program: its interfaces are TAP devices or plugs of a VDE
 * switch, its time is rt's. The application is called back when its sockets have news, and may use
 * the stack's verbs there; what these send leaves at the end of the wake-up.
 */
#ifndef VSQ_STACK_NETIF_H
#define VSQ_STACK_NETIF_H

#include "core/host/rt.h"
#include "stack/stk.h"

struct netif_world;

/* A socket has news: readiness as stk_event() gives it. */
typedef void netif_event_fn(void *ctx, int fd, unsigned readiness);
typedef void netif_alarm_fn(void *ctx, vs_time now);

/* Makes a world around a stack that the caller keeps and nobody else drives; frames that come in
 * are made in pool. 0 or -errno.
 */
int netif_create(struct netif_world **, struct rt *, struct stk *, struct vs_pool *,
		 netif_event_fn *, void *ctx);

/* Closes every interface. rt must not run any more. */
void netif_destroy(struct netif_world *);

/* Calls the application once at a time of its own choice; VS_NEVER cancels. */
void netif_alarm(struct netif_world *, vs_time at, netif_alarm_fn *);

/* Adds an interface: a TAP device by name (core/host/tap.h), or a VDE switch by its path or VNL.
 * Gives the ifindex, or -errno.
 */
int netif_add_tap(struct netif_world *, const char *name, const struct stk_if_conf *);
int netif_add_vde(struct netif_world *, const char *vnl, const struct stk_if_conf *);

/* Puts a cable with faults (core/link/link.h: left is outside, right the stack) before an
 * interface, or changes a parameter of it. The parameter "seed", if it comes first, makes its
 * faults the same each time. On an error *why lends a sentence. 0 or as link_set().
 */
int netif_link_set(struct netif_world *, int ifindex, const char *name, const char *value,
		   const char **why);

/* Frames that were lost because an interface took no more and its backlog was full. */
uint64_t netif_dropped(const struct netif_world *);

/* Calls down() when the other side of an interface has closed it; it is down by then. */
void netif_on_down(struct netif_world *, void (*down)(void *ctx, int ifindex));

#endif
