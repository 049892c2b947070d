/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For the stack's unit tests: a few hosts joined by cables without faults, under a virtual clock,
 * and a place to look at frames and lose them. It is included once by each test program.
 */
#ifndef VSQ_STACK_WIRE_FOR_TEST_H
#define VSQ_STACK_WIRE_FOR_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs those before it. */
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/host/memory.h"
#include "core/wire/arp.h"
#include "core/wire/eth.h"
#include "core/wire/icmp.h"
#include "core/wire/udp.h"
#include "stack/ip/ip.h"

#define HOSTS_MAX  4
#define CABLES_MAX 4

struct cable {
	int host[2];
	int ifindex[2];
};

struct net {
	struct vs_arena arena;
	struct vs_pool *pool;
	struct stk *host[HOSTS_MAX];
	int hosts;
	struct cable cable[CABLES_MAX];
	int cables;
	vs_time now;
	unsigned frames; /* carried so far */

	/* Looks at each frame; false loses it. */
	bool (*look)(struct net *, int from, const struct vs_frame *f);
	void *look_ctx;
	bool border; /* frames lose their trust on the way, as at a production border */
};

static inline void net_init(struct net *n, int hosts)
{
	struct vs_pool_conf pool = {0};

	memset(n, 0, sizeof(*n));
	host_arena_init(&n->arena, 0);
	assert_int_equal(vs_pool_create(&n->pool, &pool, &n->arena), 0);
	n->hosts = hosts;
	for (int i = 0; i < hosts; i++) {
		char name[] = {'h', 'o', 's', 't', (char)('0' + i), '\0'};
		struct stk_conf conf = {.seed = 1, .name = name, .pool = n->pool};

		assert_int_equal(stk_create(&n->host[i], &conf, &n->arena), 0);
	}
}

/* Everything must come home. */
static inline void net_fini(struct net *n)
{
	struct vs_frame *f;
	int port;

	for (int i = 0; i < n->hosts; i++) {
		while ((f = stk_output(n->host[i], &port)))
			vs_frame_put(f);
		stk_destroy(n->host[i]);
	}
	assert_int_equal(vs_pool_stats(n->pool).frames_out, 0);
	vs_arena_fini(&n->arena);
}

static inline int net_interface(struct net *n, int host, uint32_t mtu)
{
	struct stk_if_conf conf = {.name = "eth", .mtu = mtu};
	int ifindex;

	conf.mac[0] = 2;
	conf.mac[4] = (uint8_t)host;
	for (ifindex = 1; ip_if(n->host[host], ifindex); ifindex++)
		;
	conf.mac[5] = (uint8_t)ifindex;
	assert_int_equal(stk_if_add(n->host[host], n->now, &conf), ifindex);
	return ifindex;
}

static inline void net_join(struct net *n, int a, int if_a, int b, int if_b)
{
	n->cable[n->cables++] = (struct cable){{a, b}, {if_a, if_b}};
}

static inline struct wire_addr address(const char *text)
{
	struct wire_addr a;

	assert_int_equal(wire_addr_parse(text, &a), 0);
	return a;
}

static inline void net_address(struct net *n, int host, int ifindex, const char *text)
{
	struct wire_addr a;
	unsigned bits;

	assert_int_equal(wire_addr_parse_prefix(text, &a, &bits), 0);
	assert_int_equal(stk_addr_add(n->host[host], n->now, ifindex, &a, bits), 0);
}

static inline void net_route(struct net *n, int host, const char *to, const char *via)
{
	struct stk_route route = {.via = address(via)};

	assert_int_equal(wire_addr_parse_prefix(to, &route.dst, &route.bits), 0);
	assert_int_equal(stk_route_add(n->host[host], n->now, &route), 0);
}

/* Two hosts, 10.0.0.1 and .2, 2001:db8::1 and ::2, on one cable. */
static inline void net_pair(struct net *n, uint32_t mtu)
{
	net_init(n, 2);
	net_join(n, 0, net_interface(n, 0, mtu), 1, net_interface(n, 1, mtu));
	net_address(n, 0, 1, "10.0.0.1/24");
	net_address(n, 1, 1, "10.0.0.2/24");
	net_address(n, 0, 1, "2001:db8::1/64");
	net_address(n, 1, 1, "2001:db8::2/64");
}

/* An interface with several cables is on a hub: each of them gets the frame. */
static inline void net_carry(struct net *n, int host, int ifindex, struct vs_frame *f)
{
	n->frames++;
	if (n->look && !n->look(n, host, f)) {
		vs_frame_put(f);
		return;
	}
	if (n->border)
		f->flags &= (uint16_t)~VS_FRAME_TRUSTED;
	for (int i = 0; i < n->cables; i++) {
		for (int side = 0; side < 2; side++) {
			const struct cable *c = &n->cable[i];

			if (c->host[side] == host && c->ifindex[side] == ifindex)
				stk_input(n->host[c->host[!side]], n->now, c->ifindex[!side],
					  vs_frame_ref(f));
		}
	}
	vs_frame_put(f);
}

/* Carries frames until no host has any, at one instant. */
static inline void net_settle(struct net *n)
{
	bool moved;

	do {
		moved = false;
		for (int i = 0; i < n->hosts; i++) {
			struct vs_frame *f;
			int ifindex;

			if (stk_poll_at(n->host[i]) <= n->now)
				stk_run(n->host[i], n->now);
			while ((f = stk_output(n->host[i], &ifindex))) {
				net_carry(n, i, ifindex, f);
				moved = true;
			}
		}
	} while (moved);
}

static inline void net_run(struct net *n, vs_time until)
{
	for (;;) {
		vs_time next = VS_NEVER;

		net_settle(n);
		for (int i = 0; i < n->hosts; i++)
			next = vs_time_min(next, stk_poll_at(n->host[i]));
		if (next > until)
			break;
		n->now = next;
		for (int i = 0; i < n->hosts; i++)
			stk_run(n->host[i], n->now);
	}
	n->now = until;
}

static inline uint64_t counter(const struct net *n, int host, const char *name)
{
	struct vs_counters c = stk_counters(n->host[host]);

	for (unsigned i = 0; i < c.count; i++)
		if (!strcmp(c.names[i], name))
			return c.values[i];
	fail_msg("no counter %s", name);
	return 0;
}

static inline struct stk_addr at(const char *text, uint16_t port)
{
	return (struct stk_addr){.addr = address(text), .port = port};
}

#endif
