/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The engine's life and verbs. Every verb leaves its frames in the output queue; timers of all
 * protocols stand on one heap. Output of one protocol never enters another one directly: what a
 * host sends to itself waits for stk_run().
 */
#include "stack/stk.h"

#include <errno.h>
#include <string.h>

#include "stack/ip/ip.h"

#define OUTPUT_START 16

static const char *const counter_names[STK_COUNTER_COUNT] = {
#define X(name) #name,
	STK_COUNTERS(X)
#undef X
};

static int create_parts(struct stk *s)
{
	int error = ip_create(s);

	if (error)
		return error;
	error = neigh_create(s);
	if (error)
		goto ip;
	error = icmp_create(s);
	if (error)
		goto neigh;
	error = udp_create(s);
	if (error)
		goto icmp;
	error = tcp_create(s);
	if (error)
		goto udp;
	return 0;
udp:
	udp_destroy(s);
icmp:
	icmp_destroy(s);
neigh:
	neigh_destroy(s);
ip:
	ip_destroy(s);
	return error;
}

static void free_base(struct stk *s)
{
	vs_queue_fini(&s->output, s->arena);
	vs_timers_fini(&s->timers);
	if (s->conf.name)
		vs_free(s->arena, (void *)(uintptr_t)s->conf.name, strlen(s->conf.name) + 1);
	vs_free(s->arena, s->counters, STK_COUNTER_COUNT * sizeof(*s->counters));
	vs_free(s->arena, s->sockets, s->sockets_size * sizeof(struct stk_socket *));
	vs_free(s->arena, s, sizeof(*s));
}

void stk_set_clock(struct stk *s, int64_t ahead_ms)
{
	s->clock_ms = ahead_ms;
}

int stk_create(struct stk **out, const struct stk_conf *conf, struct vs_arena *arena)
{
	const char *given = conf->name ? conf->name : "stack";
	struct stk *s = vs_alloc(arena, sizeof(*s));
	char *name;
	int error = -ENOMEM;

	if (!s)
		return -ENOMEM;
	s->arena = arena;
	s->pool = conf->pool;
	s->conf = *conf;
	s->conf.name = NULL;
	if (!s->conf.sockets_max)
		s->conf.sockets_max = 65536;
	s->route_generation = 1;
	s->events_tail = &s->events;
	vs_timers_init(&s->timers, arena);
	name = vs_alloc(arena, strlen(given) + 1);
	if (name)
		memcpy(name, given, strlen(given) + 1);
	s->conf.name = name;
	s->counters = vs_alloc(arena, STK_COUNTER_COUNT * sizeof(*s->counters));
	if (!name || !s->counters || vs_queue_init(&s->output, OUTPUT_START, arena))
		goto base;
	error = create_parts(s);
	if (error)
		goto base;
	*out = s;
	return 0;
base:
	free_base(s);
	return error;
}

void stk_destroy(struct stk *s)
{
	struct stk_socket *so;

	/* A transport may free the socket it abandons, and others with it, or leave that to us. */
	while ((so = s->all)) {
		so->proto->abandon(s, so);
		if (s->all == so)
			stk_socket_free(s, so);
	}
	tcp_destroy(s);
	udp_destroy(s);
	icmp_destroy(s);
	neigh_destroy(s);
	ip_destroy(s);
	free_base(s);
}

void stk_input(struct stk *s, vs_time now, int ifindex, struct vs_frame *f)
{
	struct ip_interface *interface = ip_if(s, ifindex);

	s->now = now;
	if (!interface || !interface->up) {
		stk_drop(s, ifindex, STK_IfDown, f);
		return;
	}
	ip_eth_input(s, now, interface, f);
}

void stk_run(struct stk *s, vs_time now)
{
	s->now = now;
	vs_timers_run(&s->timers, s, now);
}

vs_time stk_poll_at(const struct stk *s)
{
	return vs_timers_next(&s->timers);
}

struct vs_frame *stk_output(struct stk *s, int *ifindex)
{
	return vs_queue_pop(&s->output, ifindex);
}

void stk_emit(struct stk *s, int ifindex, struct vs_frame *f)
{
	/* The queue grows with the longest burst there ever was; whoever drives us empties it. */
	if (vs_queue_full(&s->output) &&
	    (s->output.size >= IP_OUTPUT_MAX ||
	     vs_queue_reserve(&s->output, s->output.size * 2, s->arena))) {
		stk_drop(s, -1, STK_OutputFull, f);
		return;
	}
	vs_queue_push(&s->output, ifindex, f);
}

void stk_drop(struct stk *s, int ifindex, enum stk_counter reason, struct vs_frame *f)
{
	stk_count(s, reason);
	vs_trace_drop(s->conf.trace, s->now, ifindex, f, counter_names[reason]);
	vs_frame_put(f);
}

struct vs_counters stk_counters(const struct stk *s)
{
	return (struct vs_counters){counter_names, s->counters, STK_COUNTER_COUNT};
}
