/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two TCPs over a wire that loses, repeats, reorders and corrupts, with settings drawn by chance:
 * whatever happens, every byte arrives once and in order, both ends close, nothing is left.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "core/base/prng.h"
#include "stack/tcp/tcp_fake.h"

#define SEEDS 400

struct wire {
	struct vs_prng prng;
	uint64_t loss, repeat, corrupt, delay; /* per thousand; delay: extra, up to this many us */
};

static bool hit(struct wire *x, uint64_t per_thousand)
{
	return vs_prng_below(&x->prng, 1000) < per_thousand;
}

static int bad_wire(struct fake *w, struct fake_packet *p, void *ctx)
{
	struct wire *x = ctx;

	(void)w;
	if (hit(x, x->loss))
		return 0;
	if (hit(x, x->corrupt)) {
		p->frame->data[vs_prng_below(&x->prng, p->frame->len)] ^=
			(uint8_t)(1 + vs_prng_below(&x->prng, 255));
	}
	if (x->delay)
		p->at += (vs_time)vs_prng_below(&x->prng, x->delay) * VS_USEC;
	return hit(x, x->repeat) ? 2 : 1;
}

/* One direction: what was written and what was read of it. */
struct flow {
	struct tcp_pcb *from, *to;
	uint32_t size, written, read;
	bool shut;
	uint8_t salt;
};

static uint8_t byte_at(const struct flow *f, uint32_t i)
{
	return (uint8_t)((i * 2654435761u >> 11) + f->salt);
}

static void flow_step(struct fake *w, struct flow *f, struct vs_prng *prng)
{
	uint8_t buf[20000];
	ptrdiff_t n = 1;

	while (n > 0 && f->from && f->written < f->size) {
		uint32_t len = 1 + (uint32_t)vs_prng_below(prng, sizeof(buf));

		len = len < f->size - f->written ? len : f->size - f->written;
		for (uint32_t i = 0; i < len; i++)
			buf[i] = byte_at(f, f->written + i);
		n = fake_send(w, f->from, buf, len, 0);
		assert_true(n > 0 || n == -EAGAIN);
		f->written += n > 0 ? (uint32_t)n : 0;
	}
	if (f->from && f->written == f->size && !f->shut && f->from->state > TCP_SYN_RECEIVED) {
		f->shut = true;
		fake_shutdown(w, f->from, STK_SHUT_WR);
	}
	/* Readers are slow at times, so windows close. */
	if (!f->to || vs_prng_below(prng, 4))
		return;
	n = fake_recv(w, f->to, buf, 1 + vs_prng_below(prng, sizeof(buf)), 0);
	assert_true(n >= 0 || n == -EAGAIN || n == -ENOTCONN);
	for (ptrdiff_t i = 0; i < n; i++)
		assert_int_equal(buf[i], byte_at(f, f->read + (uint32_t)i));
	f->read += n > 0 ? (uint32_t)n : 0;
}

static void settings_by_chance(struct fake *w, struct vs_prng *prng)
{
	fake_set(w, "net.ipv4.tcp_sack", vs_prng_below(prng, 3) ? "1" : "0");
	fake_set(w, "net.ipv4.tcp_timestamps", vs_prng_below(prng, 3) ? "1" : "0");
	fake_set(w, "net.ipv4.tcp_window_scaling", vs_prng_below(prng, 3) ? "1" : "0");
	fake_set(w, "net.ipv4.tcp_retries2", "100");
	fake_set(w, "net.ipv4.tcp_syn_retries", "100");
	fake_set(w, "net.ipv4.tcp_synack_retries", "100");
	if (!vs_prng_below(prng, 3))
		fake_set(w, "net.ipv4.tcp_rmem", "4096 8192 20000");
	fake_set(w, "net.ipv4.tcp_recovery", vs_prng_below(prng, 3) ? "1" : "0");
	fake_set(w, "net.ipv4.tcp_congestion_control", vs_prng_below(prng, 2) ? "cubic" : "reno");
	if (!vs_prng_below(prng, 4))
		w->host[1].mtu = 600;
}

static void run_seed(uint64_t seed)
{
	struct fake *w = fake_new(seed, seed & 1, false, 5 * VS_MSEC);
	struct vs_prng prng;
	struct wire x = {0};
	struct flow there = {.salt = 1}, back = {.salt = 77};
	struct tcp_pcb *l, *a, *b = NULL;

	w->log = false;
	vs_prng_seed(&prng, seed, "test");
	vs_prng_seed(&x.prng, seed, "wire");
	x.loss = vs_prng_below(&prng, 3) * vs_prng_below(&prng, 100);
	x.repeat = vs_prng_below(&prng, 2) * vs_prng_below(&prng, 100);
	x.corrupt = vs_prng_below(&prng, 2) * vs_prng_below(&prng, 50);
	x.delay = vs_prng_below(&prng, 2) * vs_prng_below(&prng, 20000);
	w->wire = bad_wire;
	w->wire_ctx = &x;
	settings_by_chance(w, &prng);
	l = fake_listen(w, 1, 80, 5);
	a = fake_connect(w, 0, 80);
	there.size = (uint32_t)vs_prng_below(&prng, 200000);
	back.size = (uint32_t)vs_prng_below(&prng, 2) * (uint32_t)vs_prng_below(&prng, 200000);
	there.from = back.to = a;
	for (;;) {
		if (b || a->state > TCP_SYN_RECEIVED) {
			flow_step(w, &there, &prng);
			flow_step(w, &back, &prng);
		}
		if (!b && (b = fake_accept(w, l)))
			there.to = back.from = b;
		if (b && there.read == there.size && back.read == back.size && there.shut &&
		    back.shut && a->fin_received && b->fin_received)
			break;
		if (!fake_step(w, 100000 * VS_SEC)) {
			/* A reader that dozed while all was quiet. */
			assert_non_null(b);
			assert_true(a->rcv.ready_bytes || b->rcv.ready_bytes ||
				    there.written < there.size || back.written < back.size);
		}
	}
	fake_close(w, a);
	fake_close(w, b);
	fake_close(w, l);
	fake_run(w, w->now + 100000 * VS_SEC);
	assert_int_equal(w->host[0].sockets_live, 0);
	assert_int_equal(w->host[1].sockets_live, 0);
	fake_free(w);
}

static void every_byte_arrives_over_a_bad_wire(void **state)
{
	const char *one = getenv("SEED");

	(void)state;
	if (one) {
		run_seed(strtoull(one, NULL, 0));
		return;
	}
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		if (getenv("VERBOSE"))
			print_message("seed %u\n", (unsigned)seed);
		run_seed(seed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte_arrives_over_a_bad_wire),
	};

	return cmocka_run_group_tests_name("tcp_random", tests, NULL, NULL);
}
