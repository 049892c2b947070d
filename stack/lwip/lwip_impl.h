/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the parts of LWIPv6 know of each other. Only for stack/lwip.
 *
 * A stack is an engine, the world around it and a thread that runs them, under one lock. A call of
 * the interface takes the lock, uses the engine's verb, lets out what it caused, and gives the
 * lock back; nobody waits with it.
 *
 * A socket's descriptor is one end of a pair of local sockets. The library keeps it readable and
 * writable as the socket is, so that every wait, the kernel's and the library's own, is a wait on
 * that descriptor.
 */
#ifndef VSQ_STACK_LWIP_IMPL_H
#define VSQ_STACK_LWIP_IMPL_H

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "core/base/arena.h"
#include "core/host/rt.h"
#include "stack/lwip/lwipv6.h"
#include "stack/netif/netif.h"
#include "stack/stk.h"

#define LWIP_EXPORT __attribute__((visibility("default")))

struct lwip_notice;

struct lwip_socket {
	struct stack *stack;
	int domain, type, protocol;
	int user, far;	   /* the pair: the program's descriptor, and ours */
	atomic_uint users; /* references */

	/* Under the stack's lock. */
	int number;	       /* in the stack; -1: closed, or the stack has gone */
	bool readable, writable; /* what the descriptor shows */
	bool nonblock;
	bool named; /* bound or connected: its family is settled */
	vs_time receive_timeout, send_timeout; /* VS_NEVER: none */
	struct lwip_notice *notices;	       /* callbacks that wait for an event */
};

struct netif {
	struct netif *next;
	struct stack *stack;
	int ifindex;
};

struct stack {
	pthread_mutex_t lock;
	atomic_uint users; /* references: its sockets, and the program */
	pthread_t thread;
	pid_t process;
	struct vs_arena arena;
	struct vs_pool *pool;
	struct rt *rt;
	struct stk *stk;
	struct netif_world *world;
	struct netif *netifs;
	unsigned vde_count, tap_count;
	unsigned long flags;
	struct lwip_socket **sockets; /* by number */
	size_t sockets_size;
	struct lwip_notice *due; /* callbacks to be made when the lock is given back */
	struct stack *next; /* of all stacks */
};

/* -errno as the C library tells it. */
static inline int lwip_result(int result)
{
	if (result >= 0)
		return result;
	errno = -result;
	return -1;
}

/* Stacks: lwip_stack.c. */
vs_time lwip_stack_enter(struct stack *); /* locks; the time */
void lwip_stack_leave(struct stack *);	  /* lets out what was caused, and unlocks */
void lwip_stack_unlock(struct stack *);	  /* unlocks, and makes the callbacks that are due */
void lwip_stack_put(struct stack *);	  /* gives back a reference */

/* Descriptors: lwip_fd.c. */

/* Makes a socket without a number; -EMFILE ... */
int lwip_socket_new(struct lwip_socket **, struct stack *, int domain, int type, int protocol,
		    bool cloexec);
/* With the lock: the socket has this number from now on. 0 or -ENOMEM. */
int lwip_socket_attach(struct lwip_socket *, int number);
int lwip_socket_publish(struct lwip_socket *);	  /* gives the descriptor, or -ENOMEM */
struct lwip_socket *lwip_socket_get(int fd);	  /* with a reference; NULL and errno: EBADF */
void lwip_socket_put(struct lwip_socket *);	  /* gives back a reference */
struct lwip_socket *lwip_socket_withdraw(int fd); /* out of the table, with its reference */

/* Locks the stack of a socket: 0, or -EBADF when it was closed meanwhile (and not locked). */
int lwip_enter(struct lwip_socket *, vs_time *now);
void lwip_leave(struct lwip_socket *);

void lwip_socket_show(struct lwip_socket *); /* with the lock: the descriptor becomes as it is */
void lwip_socket_detach(struct lwip_socket *); /* with the lock: whoever waits for it leaves */

/* Waits without the lock until the descriptor has one of these poll(2) events, or until *deadline
 * of CLOCK_MONOTONIC in ns. 0, -EINTR, or -EAGAIN when it is too late.
 */
int lwip_wait(struct lwip_socket *, short events, vs_time deadline);
vs_time lwip_deadline(vs_time timeout); /* that many ns from now; VS_NEVER stays */

/* The poll(2) events that a socket has now; look: with the lock. */
short lwip_socket_events(struct lwip_socket *);
short lwip_socket_look(const struct lwip_socket *);

/* Callbacks, with the lock: those of a socket that wait for one of these events become due; all of
 * a socket are forgotten. And without the lock: makes, and takes, what was due.
 */
void lwip_notices_find(struct lwip_socket *, short events);
void lwip_notices_drop(struct lwip_socket *);
void lwip_notices_call(struct lwip_notice *due);

/* Addresses: lwip_addr.c. */
int lwip_addr_in(const struct lwip_socket *, const struct sockaddr *, socklen_t,
		 struct stk_addr *);
void lwip_addr_out(const struct lwip_socket *, const struct stk_addr *, struct sockaddr *,
		   socklen_t *);

/* With the lock: an IPv4 socket that has no name yet gets 0.0.0.0, not ::. */
int lwip_socket_name(struct lwip_socket *);

#endif
