/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Life of a connection: from tcp_pcb_init() over its states to tcp_reap(), the table that finds it,
 * and its initial sequence number.
 */
#include "stack/tcp/tcp_impl.h"

#include <string.h>

#define HASH_SIZE_MIN 64

const char *tcp_state_name(enum tcp_state state)
{
	static const char names[][16] = {
		[TCP_CLOSED] = "CLOSED",	   [TCP_LISTEN] = "LISTEN",
		[TCP_SYN_SENT] = "SYN-SENT",	   [TCP_SYN_RECEIVED] = "SYN-RECEIVED",
		[TCP_ESTABLISHED] = "ESTABLISHED", [TCP_FIN_WAIT_1] = "FIN-WAIT-1",
		[TCP_FIN_WAIT_2] = "FIN-WAIT-2",   [TCP_CLOSE_WAIT] = "CLOSE-WAIT",
		[TCP_CLOSING] = "CLOSING",	   [TCP_LAST_ACK] = "LAST-ACK",
		[TCP_TIME_WAIT] = "TIME-WAIT",
	};

	return names[state];
}

static uint64_t rotl(uint64_t x, unsigned n)
{
	return (x << n) | (x >> (64 - n));
}

static void sip_rounds(uint64_t v[4], unsigned rounds)
{
	while (rounds--) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotl(v[1], 13) ^ v[0];
		v[3] = rotl(v[3], 16) ^ v[2];
		v[0] = rotl(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = rotl(v[1], 17) ^ v[2];
		v[3] = rotl(v[3], 21) ^ v[0];
		v[2] = rotl(v[2], 32);
	}
}

static void sip_start(uint64_t v[4], const uint64_t key[2])
{
	v[0] = key[0] ^ 0x736f6d6570736575;
	v[1] = key[1] ^ 0x646f72616e646f6d;
	v[2] = key[0] ^ 0x6c7967656e657261;
	v[3] = key[1] ^ 0x7465646279746573;
}

static void sip_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_rounds(v, 2);
	v[0] ^= word;
}

static uint64_t sip_end(uint64_t v[4])
{
	v[2] ^= 0xff;
	sip_rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t tcp_siphash_bytes(const uint64_t key[2], const uint8_t *bytes, size_t len)
{
	uint64_t v[4];

	sip_start(v, key);
	for (size_t i = 0; i < len; i += 8) {
		uint64_t word = 0;

		for (unsigned k = 8; k-- > 0;)
			word = word << 8 | bytes[i + k];
		sip_word(v, word);
	}
	sip_word(v, (uint64_t)len << 56);
	return sip_end(v);
}

/* SipHash-2-4 (Aumasson and Bernstein, 2012) of the two ends: RFC 6528's F. */
uint64_t tcp_siphash(const uint64_t key[2], const struct wire_addr *a, const struct wire_addr *b,
		     uint32_t ports)
{
	uint64_t v[4], m[5];

	sip_start(v, key);
	memcpy(m, a->b, 16);
	memcpy(m + 2, b->b, 16);
	m[4] = (uint64_t)36 << 56 | ports;
	for (unsigned i = 0; i < 5; i++)
		sip_word(v, m[i]);
	return sip_end(v);
}

/* Only spreads over the table; keyed, so that nobody can choose where. */
uint32_t tcp_hash(const struct tcp *t, const struct wire_addr *local, uint16_t local_port,
			const struct wire_addr *remote, uint16_t remote_port)
{
	uint64_t w[4], x;

	memcpy(w, local->b, 16);
	memcpy(w + 2, remote->b, 16);
	x = (w[0] ^ t->key[0]) * 0x9e3779b97f4a7c15;
	x = (rotl(x, 31) ^ w[1]) * 0xbf58476d1ce4e5b9;
	x = (rotl(x, 29) ^ w[2]) * 0x94d049bb133111eb;
	x = (rotl(x, 30) ^ w[3]) * 0x9e3779b97f4a7c15;
	x = (rotl(x, 31) ^ t->key[1] ^ (uint32_t)local_port << 16 ^ remote_port) *
	    0xbf58476d1ce4e5b9;
	return (uint32_t)(x >> 32);
}

static void link_in(struct tcp_pcb **head, struct tcp_pcb *p)
{
	p->hash_next = *head;
	if (p->hash_next)
		p->hash_next->hash_prev = &p->hash_next;
	p->hash_prev = head;
	*head = p;
}

static void hash_link(struct tcp *t, struct tcp_pcb *p)
{
	uint32_t h = tcp_hash(t, &p->so.local.addr, p->so.local.port, &p->so.remote.addr,
			     p->so.remote.port);

	link_in(&t->hash[h & (t->hash_size - 1)], p);
}

/* Doubles the table. A lack of memory only makes it slower. */
static void hash_grow(struct stk *s)
{
	struct tcp *t = s->tcp;
	struct tcp_pcb **old = t->hash, **bigger;
	uint32_t size = t->hash_size;

	bigger = vs_alloc(s->arena, 2 * size * sizeof(*bigger));
	if (!bigger)
		return;
	t->hash = bigger;
	t->hash_size = 2 * size;
	for (uint32_t i = 0; i < size; i++) {
		struct tcp_pcb *next;

		for (struct tcp_pcb *p = old[i]; p; p = next) {
			next = p->hash_next;
			hash_link(t, p);
		}
	}
	vs_free(s->arena, old, size * sizeof(*old));
}

int tcp_hash_insert(struct tcp_pcb *p)
{
	struct tcp *t = p->stk->tcp;

	if (t->hash_count >= t->hash_size)
		hash_grow(p->stk);
	hash_link(t, p);
	t->hash_count++;
	return 0;
}

void tcp_hash_remove(struct tcp_pcb *p)
{
	if (!p->hash_prev)
		return;
	*p->hash_prev = p->hash_next;
	if (p->hash_next)
		p->hash_next->hash_prev = p->hash_prev;
	p->hash_prev = NULL;
	p->hash_next = NULL;
	if (p->state != TCP_LISTEN)
		p->stk->tcp->hash_count--;
}

void tcp_listener_insert(struct tcp_pcb *p)
{
	link_in(&p->stk->tcp->listeners[p->so.local.port % TCP_PORT_BUCKETS], p);
}

struct tcp_pcb *tcp_lookup(struct stk *s, const struct wire_addr *local, uint16_t local_port,
			   const struct wire_addr *remote, uint16_t remote_port)
{
	struct tcp *t = s->tcp;
	uint32_t h = tcp_hash(t, local, local_port, remote, remote_port);

	for (struct tcp_pcb *p = t->hash[h & (t->hash_size - 1)]; p; p = p->hash_next)
		if (p->so.local.port == local_port && p->so.remote.port == remote_port &&
		    wire_addr_equal(&p->so.remote.addr, remote) &&
		    wire_addr_equal(&p->so.local.addr, local))
			return p;
	return NULL;
}

/* RFC 6528: a clock of 4 us plus a keyed hash of the connection's ends. The timestamp's offset
 * (RFC 7323 7.1) is another part of the same hash, so it stays when the ends meet again.
 */
void tcp_choose_iss(struct tcp_pcb *p)
{
	uint64_t f = tcp_siphash(p->stk->tcp->key, &p->so.local.addr, &p->so.remote.addr,
				 (uint32_t)p->so.local.port << 16 | p->so.remote.port);

	p->iss = (uint32_t)(f + (uint64_t)(tcp_now(p) / (4 * VS_USEC)));
	p->ts_offset = (uint32_t)(f >> 32) + (uint32_t)p->stk->clock_ms;
	p->snd_una = p->iss;
	p->snd_nxt = p->iss;
	p->snd.seq = p->iss + 1;
}

void tcp_pcb_init(struct stk *s, struct tcp_pcb *p)
{
	const struct tcp_settings *set = &s->tcp->settings;

	p->stk = s;
	p->state = TCP_CLOSED;
	p->id = ++s->tcp->connections;
	for (unsigned d = 0; d < TCP_DEADLINES; d++)
		p->deadline[d] = VS_NEVER;
	p->sndbuf_max = set->wmem[2];
	p->rcvbuf_max = set->rmem[1]; /* grows to rmem[2] as it is used */
	p->notsent_lowat = UINT32_MAX;
	p->linger_s = -1;
	p->keep_idle_s = (uint16_t)set->keepalive_time;
	p->keep_interval_s = (uint16_t)set->keepalive_intvl;
	p->keep_count = (uint8_t)set->keepalive_probes;
	p->cc_index = (uint8_t)set->cc_index;
	p->mss = TCP_MSS_DEFAULT;
	p->mss_peer = TCP_MSS_DEFAULT;
	p->mss_rcv = TCP_MSS_DEFAULT;
	p->quick_acks = TCP_QUICK_ACKS;
	p->invalid_at = -VS_SEC;
	tcp_rtt_init(p);
}

void tcp_wake(struct tcp_pcb *p)
{
	if (!p->orphan && p->so.fd >= 0)
		stk_socket_wake(p->stk, &p->so);
}

static bool counts_as_established(enum tcp_state state)
{
	return state == TCP_ESTABLISHED || state == TCP_CLOSE_WAIT;
}

void tcp_state_set(struct tcp_pcb *p, enum tcp_state state)
{
	uint64_t *gauge = &p->stk->counters[STK_TcpCurrEstab];

	if (counts_as_established(p->state) && !counts_as_established(state))
		(*gauge)--;
	else if (!counts_as_established(p->state) && counts_as_established(state))
		(*gauge)++;
	p->state = (uint8_t)state;
	tcp_sample(p, TCP_EVENT_STATE, p->snd_nxt, 0);
}

static void buffers_clear(struct tcp_pcb *p)
{
	tcp_sndbuf_clear(p);
	tcp_sent_clear(p);
	tcp_eor_clear(p);
}

void tcp_close_now(struct tcp_pcb *p, int error)
{
	if (p->state == TCP_CLOSED)
		return;
	if (error > 0) {
		if (p->state == TCP_SYN_SENT || p->state == TCP_SYN_RECEIVED)
			stk_count(p->stk, STK_TcpAttemptFails);
		else if (counts_as_established(p->state))
			stk_count(p->stk, STK_TcpEstabResets);
		p->so.error = error;
	}
	tcp_fastopen_settled(p, false);
	tcp_hash_remove(p);
	tcp_port_release(p);
	tcp_deadlines_clear(p);
	buffers_clear(p);
	/* What has arrived can still be read. */
	if (p->orphan)
		tcp_rcvbuf_clear(p);
	p->snd_shut = true;
	tcp_state_set(p, TCP_CLOSED);
	tcp_wake(p);
}

void tcp_abort(struct tcp_pcb *p, int error)
{
	if (p->state >= TCP_SYN_RECEIVED && p->state != TCP_TIME_WAIT)
		tcp_send_reset(p);
	tcp_close_now(p, error);
}

/* tcp(7), TCP_LINGER2; never so short that a lost FIN could not be repaired. */
void tcp_fin_wait_2_orphaned(struct tcp_pcb *p)
{
	vs_time wait = (p->linger2_s ? p->linger2_s : (vs_time)tcp_settings(p)->fin_timeout);
	vs_time least = tcp_rto(p) * 7 / 2;

	if (p->linger2_s < 0) {
		tcp_abort(p, 0);
		return;
	}
	wait *= VS_SEC;
	tcp_deadline_set(p, TCP_DEADLINE_WAIT, tcp_now(p) + (wait > least ? wait : least));
}

/* The structure goes; to those who look on, the connection stays in TIME-WAIT. */
void tcp_time_wait_orphaned(struct tcp_pcb *p)
{
	if (p->ack_now)
		tcp_send_ack(p);
	tcp_wait_begin(p);
	tcp_hash_remove(p);
	tcp_port_release(p);
	tcp_deadlines_clear(p);
	p->state = TCP_CLOSED;
}

/* RFC 9293 3.6: what is left of the connection only answers. */
void tcp_time_wait(struct tcp_pcb *p)
{
	buffers_clear(p);
	tcp_deadlines_clear(p);
	tcp_state_set(p, TCP_TIME_WAIT);
	if (p->orphan) {
		tcp_time_wait_orphaned(p);
		return;
	}
	tcp_deadline_set(p, TCP_DEADLINE_WAIT, tcp_now(p) + TCP_TIME_WAIT_NS);
	tcp_wake(p);
}

void tcp_reap(struct tcp_pcb *p)
{
	if (p->state != TCP_CLOSED || !p->orphan)
		return;
	tcp_listen_forget(p);
	p->stk->tcp->orphans -= p->orphan_counted;
	tcp_rcvbuf_clear(p);
	buffers_clear(p);
	tcp_fastopen_key_free(p);
	vs_timer_remove(&p->stk->timers, &p->timer);
	stk_socket_free(p->stk, &p->so);
}

int tcp_create(struct stk *s)
{
	struct tcp *t = vs_alloc(s->arena, sizeof(*t));
	struct vs_prng prng;

	if (!t)
		return -ENOMEM;
	s->tcp = t;
	t->hash_size = HASH_SIZE_MIN;
	t->hash = vs_alloc(s->arena, t->hash_size * sizeof(*t->hash));
	t->listeners = vs_alloc(s->arena, TCP_PORT_BUCKETS * sizeof(*t->listeners));
	t->ports = vs_alloc(s->arena, TCP_PORT_BUCKETS * sizeof(*t->ports));
	if (!t->hash || !t->listeners || !t->ports || tcp_wait_create(s)) {
		tcp_destroy(s);
		return -ENOMEM;
	}
	vs_prng_seed(&prng, s->conf.seed, s->conf.name ? s->conf.name : "stk");
	vs_prng_seed(&prng, vs_prng_next(&prng), "tcp.secret");
	t->key[0] = vs_prng_next(&prng);
	t->key[1] = vs_prng_next(&prng);
	t->port_hint = (uint32_t)vs_prng_next(&prng);
	t->fastopen_keys.key[0][0] = vs_prng_next(&prng);
	t->fastopen_keys.key[0][1] = vs_prng_next(&prng);
	t->fastopen_keys.count = 1;
	t->settings = (struct tcp_settings){
		.sack = 1,
		.dsack = 1,
		.timestamps = 1,
		.window_scaling = 1,
		.rmem = {4096, 131072, 6291456},
		.wmem = {4096, 16384, 4194304},
		.initial_cwnd = 10,
		.syn_retries = 6,
		.synack_retries = 5,
		.retries2 = 15,
		.orphan_retries = 8,
		.keepalive_time = 7200,
		.keepalive_intvl = 75,
		.keepalive_probes = 9,
		.fin_timeout = 60,
		.max_syn_backlog = 1024,
		.challenge_ack_limit = 1000,
		.invalid_ratelimit_ms = 500,
		.rto_min_ms = 200,
		.min_tso_segs = 2,
		.recovery = 1,
		.early_retrans = 3,
		.frto = 2,
		.syncookies = 1,
		.ecn_fallback = 1,
		.cc_index = 1, /* CUBIC */
		.port_first = 32768,
		.port_last = 60999,
		.fastopen = TCP_FASTOPEN_CLIENT,
		.max_tw_buckets = 65536,
		.tw_reuse = 2,
		.retries1 = 3,
		.max_orphans = 65536,
		.base_mss = 1024,
		.mtu_probe_floor = TCP_MSS_MIN,
		.mtu_probe_threshold = 8,
		.mtu_probe_interval_s = 600,
	};
	return 0;
}

/* The connections are gone: the sockets abandoned them. */
void tcp_destroy(struct stk *s)
{
	struct tcp *t = s->tcp;

	if (!t)
		return;
	while (t->chunks) {
		uint8_t *chunk = t->chunks;

		memcpy(&t->chunks, chunk, sizeof(t->chunks));
		vs_free(s->arena, chunk, TCP_CHUNK);
	}
	tcp_metrics_free(s);
	tcp_wait_destroy(s);
	vs_free(s->arena, t->hash, t->hash_size * sizeof(*t->hash));
	vs_free(s->arena, t->listeners, TCP_PORT_BUCKETS * sizeof(*t->listeners));
	vs_free(s->arena, t->ports, TCP_PORT_BUCKETS * sizeof(*t->ports));
	vs_free(s->arena, t, sizeof(*t));
	s->tcp = NULL;
}
