/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Local ports: who may bind which, ephemeral ones (RFC 6056), and listeners. */
#include "stack/tcp/tcp_impl.h"

static struct tcp_port **port_bucket(struct tcp *t, uint16_t number)
{
	return &t->ports[number % TCP_PORT_BUCKETS];
}

static struct tcp_port *port_find(struct tcp *t, uint16_t number)
{
	struct tcp_port *port = *port_bucket(t, number);

	while (port && port->number != number)
		port = port->next;
	return port;
}

static void use(struct tcp_pcb *p, struct tcp_port *port)
{
	p->port = port;
	p->port_next = port->users;
	if (p->port_next)
		p->port_next->port_prev = &p->port_next;
	p->port_prev = &port->users;
	port->users = p;
	p->so.local.port = port->number;
}

static int port_use(struct tcp_pcb *p, uint16_t number)
{
	struct tcp *t = p->stk->tcp;
	struct tcp_port *port = port_find(t, number), **bucket = port_bucket(t, number);

	if (!port) {
		port = vs_alloc(p->stk->arena, sizeof(*port));
		if (!port)
			return -ENOMEM;
		port->number = number;
		port->next = *bucket;
		if (port->next)
			port->next->prev = &port->next;
		port->prev = bucket;
		*bucket = port;
	}
	use(p, port);
	return 0;
}

void tcp_port_release(struct tcp_pcb *p)
{
	struct tcp_port *port = p->port;

	if (!port)
		return;
	*p->port_prev = p->port_next;
	if (p->port_next)
		p->port_next->port_prev = p->port_prev;
	p->port = NULL;
	p->port_next = NULL;
	p->port_prev = NULL;
	tcp_port_unused(p->stk, port);
}

void tcp_port_unused(struct stk *s, struct tcp_port *port)
{
	if (port->users || port->waits)
		return;
	*port->prev = port->next;
	if (port->next)
		port->next->prev = port->prev;
	vs_free(s->arena, port, sizeof(*port));
}

int tcp_port_share(struct tcp_pcb *child, struct tcp_pcb *listener)
{
	use(child, listener->port);
	return 0;
}

/* Whether a socket bound to a (v6only or not) meets packets to address b. */
bool tcp_port_covers(const struct wire_addr *a, bool v6only, const struct wire_addr *b)
{
	if (wire_addr_equal(a, b))
		return true;
	if (!wire_addr_is_any(a))
		return false;
	if (wire_addr_is4(a))
		return wire_addr_is4(b);
	return !v6only || !wire_addr_is4(b);
}

static bool overlap(const struct stk_socket *a, const struct stk_addr *local, bool v6only)
{
	if (a->local.ifindex && local->ifindex && a->local.ifindex != local->ifindex)
		return false;
	return tcp_port_covers(&a->local.addr, a->v6only, &local->addr) ||
	       tcp_port_covers(&local->addr, v6only, &a->local.addr);
}

/* As Linux without SO_REUSEPORT: with SO_REUSEADDR on both, all but listeners can share. */
static bool conflicts(const struct tcp_pcb *p, const struct stk_addr *local)
{
	const struct tcp_port *port = port_find(p->stk->tcp, local->port);

	for (const struct tcp_pcb *q = port ? port->users : NULL; q; q = q->port_next) {
		if (q == p || !overlap(&q->so, local, p->so.v6only))
			continue;
		if (!p->so.reuse_addr || !q->so.reuse_addr || q->state == TCP_LISTEN)
			return true;
	}
	return port && tcp_wait_conflicts(port, local, p->so.reuse_addr, p->so.v6only);
}

int tcp_port_bind(struct tcp_pcb *p, const struct stk_addr *local)
{
	const struct tcp_settings *set = tcp_settings(p);
	uint32_t range = set->port_last - set->port_first + 1;
	struct stk_addr want = *local;
	int error;

	if (local->port) {
		if (conflicts(p, local))
			return -EADDRINUSE;
		error = port_use(p, local->port);
	} else {
		uint32_t first = p->stk->tcp->port_hint++ % range, i;

		for (i = 0; i < range; i++) {
			want.port = (uint16_t)(set->port_first + (first + i) % range);
			if (!port_find(p->stk->tcp, want.port))
				break;
		}
		if (i == range)
			return -EADDRINUSE;
		error = port_use(p, want.port);
		p->port_auto = true;
	}
	if (error)
		return error;
	p->so.local = want;
	return 0;
}

/* Whether these two ends are a connection, or were one too shortly ago. */
bool tcp_port_taken(const struct tcp_pcb *p, uint16_t number)
{
	const struct wire_addr *local = &p->so.local.addr, *remote = &p->so.remote.addr;
	struct tcp_wait *w;

	if (tcp_lookup(p->stk, local, number, remote, p->so.remote.port))
		return true;
	w = tcp_wait_find(p->stk, local, number, remote, p->so.remote.port);
	return w && !tcp_wait_may_reuse(p, w);
}

/* RFC 6056 3.3.3: the search starts at a hash of both ends, so ports follow each other per peer
 * and cannot be guessed. A port may serve many connections if their peers differ, unless a socket
 * holds it by number.
 */
int tcp_port_connect(struct tcp_pcb *p)
{
	struct tcp *t = p->stk->tcp;
	const struct tcp_settings *set = &t->settings;
	uint32_t range = set->port_last - set->port_first + 1;
	uint64_t f = tcp_siphash(t->key, &p->so.remote.addr, &p->so.local.addr, p->so.remote.port);
	uint32_t first = (uint32_t)((f + t->port_hint++) % range);

	for (uint32_t i = 0; i < range; i++) {
		uint16_t number = (uint16_t)(set->port_first + (first + i) % range);
		const struct tcp_port *port = port_find(t, number);

		if (port && port->users && !port->users->port_auto)
			continue;
		if (port && tcp_port_taken(p, number))
			continue;
		p->port_auto = true;
		return port_use(p, number);
	}
	return -EADDRNOTAVAIL;
}

bool tcp_port_may_listen(const struct tcp_pcb *p)
{
	for (const struct tcp_pcb *q = p->port->users; q; q = q->port_next)
		if (q != p && q->state == TCP_LISTEN && overlap(&q->so, &p->so.local, p->so.v6only))
			return false;
	return true;
}

/* The listener that is most particular: its own address, then its family, then both. */
struct tcp_pcb *tcp_listener_find(struct stk *s, const struct wire_addr *local, uint16_t port,
				  int ifindex)
{
	struct tcp_pcb *best = NULL;
	int best_score = -1;

	for (struct tcp_pcb *p = s->tcp->listeners[port % TCP_PORT_BUCKETS]; p; p = p->hash_next) {
		const struct stk_addr *at = &p->so.local;
		int score = 0;

		if (at->port != port || (at->ifindex && at->ifindex != ifindex) ||
		    !tcp_port_covers(&at->addr, p->so.v6only, local))
			continue;
		if (!wire_addr_is_any(&at->addr))
			score += 4;
		if (wire_addr_is4(&at->addr) == wire_addr_is4(local))
			score += 2;
		if (at->ifindex)
			score += 1;
		if (score > best_score) {
			best = p;
			best_score = score;
		}
	}
	return best;
}
