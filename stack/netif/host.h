/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stk_host: a host made of the stack, on TAP devices or VDE switches, with small servers and
 * clients to talk to real peers. Each application is an object with an event function; sockets
 * belong to applications.
 */
#ifndef VSQ_STACK_HOST_H
#define VSQ_STACK_HOST_H

#include "core/base/timer.h"
#include "core/host/memory.h"
#include "stack/netif/netif.h"

struct host;
struct app;

typedef void app_event_fn(struct host *, struct app *, int fd, unsigned readiness);

/* The beginning of every application's structure, which is from malloc() and its own to free. */
struct app {
	app_event_fn *event;
};

struct host {
	struct rt *rt;
	struct vs_arena arena;
	struct vs_pool *pool;
	struct stk *stk;
	struct netif_world *world;
	struct app **apps; /* by socket */
	size_t apps_size;
	struct vs_timers timers; /* of applications; ctx is the host */
	unsigned clients;	 /* not yet finished */
	int status;		 /* of the process */
	int ifindex;		 /* of the last interface added */
};

static inline vs_time host_now(const struct host *h)
{
	return rt_now(h->rt);
}

/* Gives the events of a socket to an application; NULL: to nobody. */
void host_watch(struct host *, int fd, struct app *);

/* Closes the socket and gives its events to nobody. */
void host_close(struct host *, int fd);

void host_timer_set(struct host *, struct vs_timer *, vs_time at);

/* A client is through; the last one ends the program. ok false makes it fail. */
void host_client_done(struct host *, bool ok);

/* A socket that listens on any address, or an exit with a message. */
int host_listen(struct host *, int type, uint16_t port);

/* Serves connections: open() gets each one that was accepted. */
void host_serve(struct host *, uint16_t port, void (*open)(struct host *, int fd));

/* "ADDRESS,PORT[,REST]": connects a new socket of a type there, and lends REST or "". */
int host_connect(struct host *, int type, const char *text, const char **rest);

/* Prints what is wrong and ends the program with status 2. */
void host_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* Reads a number up to max out of an argument, or fails. */
uint64_t host_number(const char *what, const char *text, uint64_t max);

/* The applications. Servers take a port, clients their arguments as the usage text says. */
void echo_serve(struct host *, uint16_t port);
void udp_echo_serve(struct host *, uint16_t port);
void discard_serve(struct host *, uint16_t port);
void http_serve(struct host *, uint16_t port);
void iperf3_serve(struct host *, uint16_t port);
void group_listen(struct host *, const char *arguments);
void group_say_start(struct host *, const char *arguments);
void trace_start(struct host *, const char *arguments);
void ping_start(struct host *, const char *arguments);
void http_get_start(struct host *, const char *arguments);
void send_start(struct host *, const char *arguments);
void iperf3_start(struct host *, const char *arguments);

#endif
