/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The fakes: what stack/ip and stack/socket provide, with no IP in it. */
#include "stack/tcp/tcp_fake.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/text.h"
#include "core/host/memory.h"

static struct fake_host *host_of(const struct stk *s)
{
	return (struct fake_host *)(uintptr_t)s;
}

/* What tcp calls. */

int ip_path_find(struct stk *s, const struct wire_addr *dst, const struct wire_addr *src,
		 int ifindex, struct ip_path *path)
{
	struct fake_host *h = host_of(s);

	(void)src;
	(void)ifindex;
	*path = (struct ip_path){.generation = s->route_generation,
				 .ifindex = 1,
				 .mtu = h->mtu,
				 .src = h->addr,
				 .next_hop = *dst};
	return 0;
}

static void packet_insert(struct fake *w, struct fake_packet *p)
{
	struct fake_packet **at = &w->packets;

	while (*at && (*at)->at <= p->at)
		at = &(*at)->next;
	p->next = *at;
	*at = p;
}

static void write_line(struct fake *w, int from, const struct wire_tcp *h, uint32_t len)
{
	struct fake_host *us = &w->host[from], *them = &w->host[!from];
	struct vs_text t;
	uint32_t seq = h->seq - us->iss;

	if (w->lines_count == w->lines_size) {
		w->lines_size = w->lines_size ? 2 * w->lines_size : 64;
		w->lines = realloc(w->lines, w->lines_size * sizeof(*w->lines));
		w->times = realloc(w->times, w->lines_size * sizeof(*w->times));
	}
	w->times[w->lines_count] = w->now;
	vs_text_init(&t, w->lines[w->lines_count++], FAKE_LINE);
	if (from)
		vs_text_add(&t, "< ");
	if (h->flags & WIRE_TCP_SYN)
		vs_text_add(&t, "S");
	if (h->flags & WIRE_TCP_ECE)
		vs_text_add(&t, "E");
	if (h->flags & WIRE_TCP_CWR)
		vs_text_add(&t, "W");
	if (h->flags & WIRE_TCP_FIN)
		vs_text_add(&t, "F");
	if (h->flags & WIRE_TCP_RST)
		vs_text_add(&t, "R");
	if (h->flags & WIRE_TCP_PSH)
		vs_text_add(&t, "P");
	if (h->flags & WIRE_TCP_URG)
		vs_text_add(&t, "U");
	if (h->flags & WIRE_TCP_ACK)
		vs_text_add(&t, ".");
	vs_text_add(&t, " %d:%d(%u)", (int)seq, (int)(seq + len), (unsigned)len);
	if (h->flags & WIRE_TCP_ACK)
		vs_text_add(&t, " ack %d", (int)(h->ack - them->iss));
	if (h->flags & WIRE_TCP_SYN) {
		vs_text_add(&t, " win %u <mss %u", (unsigned)h->window, (unsigned)h->mss);
		if (h->sack_permitted)
			vs_text_add(&t, ",sackOK");
		if (h->has_timestamp)
			vs_text_add(&t, ",TS");
		if (h->has_wscale)
			vs_text_add(&t, ",nop,wscale %u", (unsigned)h->wscale);
		if (h->has_cookie)
			vs_text_add(&t, h->cookie_exp ? ",FOEXP" : ",FO");
		for (unsigned i = 0; i < h->cookie_len; i++)
			vs_text_add(&t, "%s%02x", i ? "" : " ", h->cookie[i]);
		vs_text_add(&t, ">");
	}
	if (h->flags & WIRE_TCP_URG)
		vs_text_add(&t, " urg %u", (unsigned)h->urgent);
	for (unsigned i = 0; i < h->sacks; i++)
		vs_text_add(&t, "%s%d:%d", i ? "," : " sack ", (int)(h->sack[i].left - them->iss),
			    (int)(h->sack[i].right - them->iss));
}

int ip_output(struct stk *s, vs_time now, const struct ip_path *path, const struct ip_packet *ip,
	      struct vs_frame *f)
{
	struct fake_host *h = host_of(s);
	struct fake *w = h->world;
	struct fake_packet *p = calloc(1, sizeof(*p));
	struct wire_tcp tcp;
	int header_len = wire_tcp_parse(&tcp, f->data, f->len), copies = 1;

	(void)path;
	vs_assert(header_len >= WIRE_TCP_LEN);
	vs_assert(now == w->now);
	vs_assert(f->len + 20 <= h->mtu);
	if ((tcp.flags & WIRE_TCP_SYN) && (!h->has_iss || tcp.seq != h->iss)) {
		h->has_iss = true;
		h->iss = tcp.seq;
	}
	if (tcp.has_timestamp)
		h->ts_val = tcp.ts_val;
	if (!h->number)
		w->tclass_out = ip->tclass;
	if (w->log)
		write_line(w, h->number, &tcp, f->len - (uint32_t)header_len);
	p->at = now + w->delay;
	p->from = h->number;
	p->ip = *ip;
	p->frame = vs_frame_from(w->host[!h->number].s.pool, f->data, f->len);
	vs_frame_put(f);
	vs_assert(p->frame);
	if (w->wire && !w->scripted)
		copies = w->wire(w, p, w->wire_ctx);
	if (w->scripted)
		copies = 0;
	if (copies > 1) {
		struct fake_packet *again = malloc(sizeof(*again));

		*again = *p;
		again->frame = vs_frame_copy(w->host[!h->number].s.pool, p->frame);
		again->at += VS_USEC;
		packet_insert(w, again);
	}
	if (copies) {
		packet_insert(w, p);
	} else {
		vs_frame_put(p->frame);
		free(p);
	}
	return 0;
}

void neigh_confirm(struct stk *s, vs_time now, const struct ip_path *path)
{
	(void)s;
	(void)now;
	(void)path;
}

bool ip_is_broadcast(const struct stk *s, int ifindex, const struct wire_addr *addr)
{
	(void)s;
	(void)ifindex;
	(void)addr;
	return false;
}

void neigh_doubt(struct stk *s, vs_time now, const struct ip_path *path)
{
	(void)now;
	(void)path;
	((struct fake_host *)s)->doubts++;
}

void stk_drop(struct stk *s, int ifindex, enum stk_counter reason, struct vs_frame *f)
{
	(void)ifindex;
	s->counters[reason]++;
	vs_frame_put(f);
}

int stk_socket_number(struct stk *s, struct stk_socket *so)
{
	struct fake_host *h = host_of(s);

	so->fd = h->sockets_next++ % 4096;
	h->sockets[so->fd] = so;
	return so->fd;
}

struct stk_socket *stk_socket_new(struct stk *s, const struct stk_proto *proto, bool with_number)
{
	struct stk_socket *so = vs_alloc(s->arena, proto->size);

	so->proto = proto;
	so->fd = -1;
	so->local.addr = wire_addr_any6;
	so->remote.addr = wire_addr_any6;
	so->mtu_discover = 1;
	so->all_next = s->all;
	if (s->all)
		s->all->all_prev = &so->all_next;
	so->all_prev = &s->all;
	s->all = so;
	host_of(s)->sockets_live++;
	if (with_number)
		stk_socket_number(s, so);
	return so;
}

void stk_socket_free(struct stk *s, struct stk_socket *so)
{
	struct fake_host *h = host_of(s);

	*so->all_prev = so->all_next;
	if (so->all_next)
		so->all_next->all_prev = so->all_prev;
	h->sockets_live--;
	memset(so, 0xa5, so->proto->size);
	vs_free(s->arena, so, tcp_proto.size);
}

void stk_socket_wake(struct stk *s, struct stk_socket *so)
{
	(void)so;
	host_of(s)->wakes++;
}

/* The world. */

struct fake *fake_new(uint64_t seed, bool ip6, bool scripted, vs_time delay)
{
	struct fake *w = calloc(1, sizeof(*w));

	w->scripted = scripted;
	w->delay = delay;
	w->log = true;
	for (int i = 0; i < 2; i++) {
		struct fake_host *h = &w->host[i];
		struct vs_pool_conf pool = {0};

		h->world = w;
		h->number = i;
		h->mtu = 1500;
		vs_assert(wire_addr_parse(ip6 ? "fd00::1" : "10.0.0.1", &h->addr) == 0);
		h->addr.b[15] = (uint8_t)(i + 1);
		host_arena_init(&h->arena, 0);
		h->s.arena = &h->arena;
		vs_assert(vs_pool_create(&h->s.pool, &pool, &h->arena) == 0);
		h->s.conf.seed = seed;
		h->s.conf.name = i ? "host.b" : "host.a";
		h->s.counters = h->counters;
		vs_timers_init(&h->s.timers, &h->arena);
		vs_assert(tcp_create(&h->s) == 0);
	}
	if (scripted) {
		w->host[1].iss = FAKE_PEER_ISS;
		w->host[1].has_iss = true;
	}
	return w;
}

void fake_free(struct fake *w)
{
	while (w->packets) {
		struct fake_packet *p = w->packets;

		w->packets = p->next;
		vs_frame_put(p->frame);
		free(p);
	}
	for (int i = 0; i < 2; i++) {
		struct fake_host *h = &w->host[i];

		while (h->s.all) {
			struct stk_socket *so = h->s.all;

			tcp_proto.abandon(&h->s, so);
			stk_socket_free(&h->s, so);
		}
		vs_assert(h->s.tcp->hash_count == 0);
		tcp_destroy(&h->s);
		vs_assert(h->s.timers.armed == 0);
		vs_assert(h->s.timers.reserved == 0);
		vs_timers_fini(&h->s.timers);
		vs_assert(vs_pool_stats(h->s.pool).frames_out == 0);
		vs_arena_fini(&h->arena);
	}
	free(w->lines);
	free(w->times);
	free(w);
}

static struct fake_host *where(struct tcp_pcb *p)
{
	return host_of(p->stk);
}

struct tcp_pcb *fake_socket(struct fake *w, int host)
{
	struct stk *s = &w->host[host].s;
	struct stk_socket *so = stk_socket_new(s, &tcp_proto, true);

	vs_assert(tcp_proto.open(s, so) == 0);
	return tcp_of(so);
}

struct tcp_pcb *fake_listen(struct fake *w, int host, uint16_t port, int backlog)
{
	struct tcp_pcb *p = fake_socket(w, host);
	struct stk_addr at = {.addr = wire_addr_any6, .port = port};

	vs_assert(tcp_proto.bind(p->stk, &p->so, &at) == 0);
	vs_assert(tcp_proto.listen(p->stk, &p->so, backlog) == 0);
	return p;
}

struct tcp_pcb *fake_connect(struct fake *w, int host, uint16_t port)
{
	struct tcp_pcb *p = fake_socket(w, host);
	struct stk_addr to = {.addr = w->host[!host].addr, .port = port};

	vs_assert(tcp_proto.connect(p->stk, w->now, &p->so, &to) == -EINPROGRESS);
	return p;
}

struct tcp_pcb *fake_accept(struct fake *w, struct tcp_pcb *listener)
{
	int fd = tcp_proto.accept(listener->stk, w->now, &listener->so, NULL);

	return fd < 0 ? NULL : tcp_of(where(listener)->sockets[fd]);
}

ptrdiff_t fake_send(struct fake *w, struct tcp_pcb *p, const void *bytes, size_t len, int flags)
{
	return tcp_proto.send(p->stk, w->now, &p->so, bytes, len, flags, NULL);
}

ptrdiff_t fake_recv(struct fake *w, struct tcp_pcb *p, void *bytes, size_t len, int flags)
{
	return tcp_proto.recv(p->stk, w->now, &p->so, bytes, len, flags, NULL);
}

void fake_shutdown(struct fake *w, struct tcp_pcb *p, int how)
{
	vs_assert(tcp_proto.shutdown(p->stk, w->now, &p->so, how) == 0);
}

void fake_close(struct fake *w, struct tcp_pcb *p)
{
	p->so.fd = -1;
	tcp_proto.close(p->stk, w->now, &p->so);
}

int fake_option(struct fake *w, struct tcp_pcb *p, enum stk_option option, int64_t value)
{
	return tcp_proto.option_set(p->stk, w->now, &p->so, option, value);
}

void fake_set(struct fake *w, const char *name, const char *value)
{
	vs_assert(tcp_set(&w->host[0].s, name, value) == 0);
	vs_assert(tcp_set(&w->host[1].s, name, value) == 0);
}

static void arrive(struct fake *w, struct fake_packet *p)
{
	struct wire_ip ip = {.version = wire_addr_is4(&p->ip.dst) ? 4 : 6,
			     .protocol = WIRE_PROTO_TCP,
			     .tclass = p->ip.tclass,
			     .hop_limit = 64,
			     .src = p->ip.src,
			     .dst = p->ip.dst,
			     .payload_len = p->frame->len};
	struct ip_received received = {.ip = &ip, .ifindex = 1};

	tcp_input(&w->host[!p->from].s, w->now, &received, p->frame);
	free(p);
}

bool fake_step(struct fake *w, vs_time until)
{
	vs_time t[3] = {w->packets ? w->packets->at : VS_NEVER,
			vs_timers_next(&w->host[0].s.timers), vs_timers_next(&w->host[1].s.timers)};
	unsigned first = 0;

	for (unsigned i = 1; i < 3; i++)
		if (t[i] < t[first])
			first = i;
	if (t[first] > until || t[first] == VS_NEVER)
		return false;
	vs_assert(t[first] >= w->now);
	w->now = t[first];
	if (first == 0) {
		struct fake_packet *p = w->packets;

		w->packets = p->next;
		arrive(w, p);
	} else {
		struct stk *s = &w->host[first - 1].s;
		struct vs_timer *timer = vs_timers_pop(&s->timers, w->now);

		timer->fire(timer, s, w->now);
	}
	return true;
}

void fake_run(struct fake *w, vs_time until)
{
	while (fake_step(w, until))
		;
	w->now = until;
}

void fake_skip(struct fake *w)
{
	w->lines_read = w->lines_count;
}

bool fake_expect_at(struct fake *w, vs_time at, const char *line)
{
	unsigned i = w->lines_read;

	if (i == w->lines_count) {
		fprintf(stderr, "nothing left; expected %s\n", line);
		return false;
	}
	if (!strcmp(w->lines[i], line) && w->times[i] == at) {
		w->lines_read++;
		return true;
	}
	fprintf(stderr, "expected %.6f ms: %s\n", (double)at / 1e6, line);
	for (; i < w->lines_count && i < w->lines_read + 8; i++)
		fprintf(stderr, "%s %.6f ms: %s\n", i == w->lines_read ? "but    " : "and    ",
			(double)w->times[i] / 1e6, w->lines[i]);
	return false;
}

bool fake_expect_none_left(struct fake *w)
{
	if (w->lines_read == w->lines_count)
		return true;
	fprintf(stderr, "expected nothing, but %.6f ms: %s\n",
		(double)w->times[w->lines_read] / 1e6, w->lines[w->lines_read]);
	return false;
}

void fake_inject(struct fake *w, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len,
		 const struct wire_tcp *opts)
{
	struct fake_host *h = &w->host[0];
	struct tcp_pcb *p = h->s.all ? tcp_of(h->s.all) : NULL;
	struct fake_packet *packet = calloc(1, sizeof(*packet));
	struct wire_tcp tcp = opts ? *opts : (struct wire_tcp){.window = 65535};
	size_t header_len;
	uint32_t sum;

	tcp.flags = flags;
	tcp.seq = FAKE_PEER_ISS + seq;
	tcp.ack = flags & WIRE_TCP_ACK ? h->iss + ack : 0;
	if (!tcp.dst_port)
		tcp.dst_port = p->so.local.port;
	if (!tcp.src_port)
		tcp.src_port = p->so.remote.port ? p->so.remote.port : 5000;
	header_len = wire_tcp_len(&tcp);
	packet->frame = vs_frame_new(h->s.pool, header_len + len, 0);
	vs_assert(packet->frame);
	wire_tcp_emit(packet->frame->data, &tcp);
	for (uint32_t i = 0; i < len; i++)
		packet->frame->data[header_len + i] = (uint8_t)((seq + i) * 7);
	sum = wire_cksum_pseudo(&w->host[1].addr, &h->addr, WIRE_PROTO_TCP, packet->frame->len);
	sum = wire_cksum_add(sum, packet->frame->data, packet->frame->len);
	wire_put16(packet->frame->data + 16, wire_cksum_fold(sum));
	packet->from = 1;
	packet->ip =
		(struct ip_packet){.src = w->host[1].addr, .dst = h->addr, .tclass = w->tclass_in};
	arrive(w, packet);
}
