/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* TIME-WAIT: RFC 9293 3.6.1. When the application has let go, all that is left of a connection for
 * 2 MSL is what it takes to answer a segment that comes late, and to tell a new SYN from an old one
 * (RFC 6191): a small structure, in a table of its own and on a list in the order of their ends.
 * How many there may be is "net.ipv4.tcp_max_tw_buckets"; beyond, connections end at once.
 */
#include "stack/tcp/tcp_impl.h"

#define HASH_SIZE_MIN 64

struct tcp_wait {
	struct tcp_wait *hash_next, **hash_prev;
	struct tcp_wait *next, **prev; /* the list: the first ends first */
	struct tcp_port *port;
	struct tcp_wait *port_next, **port_prev;
	struct wire_addr local, remote;
	uint16_t remote_port, ifindex;
	uint8_t ttl, tos, rcv_wscale;
	bool ts_on : 1, reuse_addr : 1;
	uint32_t snd_nxt, rcv_nxt, rcv_wnd;
	uint32_t ts_recent, ts_offset;
	vs_time ts_recent_at;
	vs_time until;
	vs_time answered_at; /* for what lies outside the window */
};

static_assert(sizeof(struct tcp_wait) <= 160, "there may be many");

static void hash_link(struct tcp *t, struct tcp_wait *w)
{
	uint32_t h = tcp_hash(t, &w->local, w->port->number, &w->remote, w->remote_port);
	struct tcp_wait **head = &t->waits[h & (t->waits_size - 1)];

	w->hash_next = *head;
	if (w->hash_next)
		w->hash_next->hash_prev = &w->hash_next;
	w->hash_prev = head;
	*head = w;
}

/* Doubles the table, or makes it. */
static bool hash_room(struct stk *s)
{
	struct tcp *t = s->tcp;
	struct tcp_wait **old = t->waits, **bigger;
	uint32_t size = t->waits_size ? 2 * t->waits_size : HASH_SIZE_MIN;

	if (t->waits_count < t->waits_size)
		return true;
	bigger = vs_alloc(s->arena, size * sizeof(struct tcp_wait *));
	if (!bigger)
		return t->waits_size > 0;
	t->waits = bigger;
	t->waits_size = size;
	vs_free(s->arena, old, size / 2 * sizeof(struct tcp_wait *) * !!old);
	for (struct tcp_wait *w = t->wait_first; w; w = w->next)
		hash_link(t, w);
	return true;
}

static void list_append(struct tcp *t, struct tcp_wait *w)
{
	w->next = NULL;
	w->prev = t->wait_end;
	*t->wait_end = w;
	t->wait_end = &w->next;
}

static void list_remove(struct tcp *t, struct tcp_wait *w)
{
	*w->prev = w->next;
	if (w->next)
		w->next->prev = w->prev;
	else
		t->wait_end = w->prev;
}

static void release(struct stk *s, struct tcp_wait *w)
{
	*w->hash_prev = w->hash_next;
	if (w->hash_next)
		w->hash_next->hash_prev = w->hash_prev;
	list_remove(s->tcp, w);
	*w->port_prev = w->port_next;
	if (w->port_next)
		w->port_next->port_prev = w->port_prev;
	tcp_port_unused(s, w->port);
	s->tcp->waits_count--;
	vs_free(s->arena, w, sizeof(*w));
}

/* 2 MSL from now: to the end of the list, since they all last as long. */
static void restart(struct stk *s, struct tcp_wait *w)
{
	struct tcp *t = s->tcp;

	list_remove(t, w);
	list_append(t, w);
	w->until = s->now + TCP_TIME_WAIT_NS;
}

static void timer_fire(struct vs_timer *timer, void *ctx, vs_time now)
{
	struct stk *s = ctx;
	struct tcp *t = s->tcp;

	s->now = now;
	while (t->wait_first && t->wait_first->until <= now)
		release(s, t->wait_first);
	if (t->wait_first)
		vs_timer_set(&s->timers, timer, t->wait_first->until);
}

int tcp_wait_create(struct stk *s)
{
	s->tcp->wait_end = &s->tcp->wait_first;
	return vs_timer_add(&s->timers, &s->tcp->wait_timer, timer_fire);
}

void tcp_wait_destroy(struct stk *s)
{
	struct tcp *t = s->tcp;

	while (t->wait_first)
		release(s, t->wait_first);
	vs_free(s->arena, t->waits, t->waits_size * sizeof(struct tcp_wait *));
	if (t->wait_timer.fire)
		vs_timer_remove(&s->timers, &t->wait_timer);
}

void tcp_wait_begin(struct tcp_pcb *p)
{
	struct stk *s = p->stk;
	struct tcp *t = s->tcp;
	struct tcp_wait *w;

	if (t->waits_count >= t->settings.max_tw_buckets || !hash_room(s) || !p->port) {
		stk_count(s, STK_TcpTimeWaitOverflow);
		return;
	}
	w = vs_alloc(s->arena, sizeof(*w));
	if (!w) {
		stk_count(s, STK_TcpTimeWaitOverflow);
		return;
	}
	w->local = p->so.local.addr;
	w->remote = p->so.remote.addr;
	w->remote_port = p->so.remote.port;
	w->ifindex = p->so.remote.ifindex;
	w->ttl = p->so.ttl;
	w->tos = p->so.tos;
	w->rcv_wscale = p->rcv_wscale;
	w->ts_on = p->ts_on;
	w->reuse_addr = p->so.reuse_addr;
	w->snd_nxt = p->snd_nxt;
	w->rcv_nxt = p->rcv_nxt;
	w->rcv_wnd = p->rcv_wnd;
	w->ts_recent = p->ts_recent;
	w->ts_recent_at = p->ts_recent_at;
	w->ts_offset = p->ts_offset;
	w->answered_at = p->invalid_at;
	w->port = p->port;
	w->port_next = w->port->waits;
	if (w->port_next)
		w->port_next->port_prev = &w->port_next;
	w->port_prev = &w->port->waits;
	w->port->waits = w;
	hash_link(t, w);
	list_append(t, w);
	t->waits_count++;
	w->until = tcp_now(p) + TCP_TIME_WAIT_NS;
	if (!vs_timer_armed(&t->wait_timer))
		vs_timer_set(&s->timers, &t->wait_timer, w->until);
	stk_count(s, STK_TcpTimeWaits);
}

struct tcp_wait *tcp_wait_find(const struct stk *s, const struct wire_addr *local,
			       uint16_t local_port, const struct wire_addr *remote,
			       uint16_t remote_port)
{
	const struct tcp *t = s->tcp;
	uint32_t h;

	if (!t->waits_count)
		return NULL;
	h = tcp_hash(t, local, local_port, remote, remote_port);
	for (struct tcp_wait *w = t->waits[h & (t->waits_size - 1)]; w; w = w->hash_next)
		if (w->port->number == local_port && w->remote_port == remote_port &&
		    wire_addr_equal(&w->remote, remote) && wire_addr_equal(&w->local, local))
			return w;
	return NULL;
}

bool tcp_wait_conflicts(const struct tcp_port *port, const struct stk_addr *local, bool reuse,
			bool v6only)
{
	for (const struct tcp_wait *w = port->waits; w; w = w->port_next)
		if (!(reuse && w->reuse_addr) &&
		    tcp_port_covers(&local->addr, v6only, &w->local))
			return true;
	return false;
}

/* RFC 6191: our clock of timestamps has moved on since the connection's last segment, so that the
 * peer will tell new ones from old. "net.ipv4.tcp_tw_reuse": 2 is for loopback only.
 */
bool tcp_wait_may_reuse(const struct tcp_pcb *p, const struct tcp_wait *w)
{
	uint32_t reuse = tcp_settings(p)->tw_reuse;

	return w->ts_on && tcp_settings(p)->timestamps &&
	       (reuse == 1 || (reuse == 2 && !p->path.ifindex)) &&
	       tcp_now(p) - w->ts_recent_at > VS_SEC;
}

void tcp_wait_reuse(struct tcp_pcb *p, struct tcp_wait *w)
{
	p->iss = w->snd_nxt + TCP_REUSE_GAP;
	p->snd_una = p->snd_nxt = p->iss;
	p->snd.seq = p->iss + 1;
	release(p->stk, w);
}

static void answer(struct stk *s, struct tcp_wait *w)
{
	struct wire_tcp h = {.src_port = w->port->number,
			     .dst_port = w->remote_port,
			     .seq = w->snd_nxt,
			     .ack = w->rcv_nxt,
			     .flags = WIRE_TCP_ACK,
			     .window = (uint16_t)tcp_min(w->rcv_wnd >> w->rcv_wscale, 65535)};

	if (w->ts_on) {
		h.has_timestamp = true;
		h.ts_val = (uint32_t)(s->now / VS_MSEC) + w->ts_offset;
		h.ts_ecr = w->ts_recent;
	}
	tcp_send_bare(s, &w->local, &w->remote, w->ifindex, w->ttl, w->tos, &h);
}

/* Whether a SYN can only be a new one: RFC 9293 3.6.1, RFC 6191 2. */
bool tcp_syn_is_new(bool ts_on, uint32_t ts_recent, uint32_t rcv_nxt, const struct wire_tcp *h)
{
	if ((h->flags & (WIRE_TCP_SYN | WIRE_TCP_ACK | WIRE_TCP_RST)) != WIRE_TCP_SYN)
		return false;
	return ts_on && h->has_timestamp ? wire_seq_lt(ts_recent, h->ts_val)
					 : wire_seq_lt(rcv_nxt, h->seq);
}

/* RFC 9293 3.10.7.4 for this state. */
void tcp_wait_arrives(struct stk *s, struct tcp_wait *w, struct tcp_in *in)
{
	const struct wire_tcp *h = &in->h;
	bool old = w->ts_on && h->has_timestamp && wire_seq_lt(h->ts_val, w->ts_recent) &&
		   s->now - w->ts_recent_at <= TCP_PAWS_IDLE;
	struct tcp_pcb *l = NULL;

	if (tcp_syn_is_new(w->ts_on, w->ts_recent, w->rcv_nxt, h))
		l = tcp_listener_find(s, &w->local, w->port->number, in->ip->ifindex);
	if (l) {
		in->iss_after = w->snd_nxt + TCP_REUSE_GAP;
		in->has_iss_after = true;
		release(s, w);
		tcp_listen_arrives(l, in);
		return;
	}
	if (h->flags & WIRE_TCP_RST) {
		/* RFC 1337 would rather not listen; RFC 5961 3.2 only to the exact number. */
		if (!old && in->seq == w->rcv_nxt && !s->tcp->settings.rfc1337)
			release(s, w);
		return;
	}
	if (!old && in->seq == w->rcv_nxt && in->end == in->seq) {
		/* What acknowledges our last ACK's data, or a keep-alive's answer: no news. */
		if (h->has_timestamp && w->ts_on) {
			w->ts_recent = h->ts_val;
			w->ts_recent_at = s->now;
		}
		return;
	}
	/* The peer has not seen our last ACK: again, and 2 MSL anew. Other things outside the
	 * window are answered now and then.
	 */
	if (h->flags & WIRE_TCP_FIN)
		restart(s, w);
	else if (s->now - w->answered_at < s->tcp->settings.invalid_ratelimit_ms * VS_MSEC)
		return;
	w->answered_at = s->now;
	answer(s, w);
}
