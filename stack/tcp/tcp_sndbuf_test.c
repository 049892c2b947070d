/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An application that writes only when it is told that it can: it must be told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "stack/tcp/tcp_fake.h"

#define MS  VS_MSEC
#define ACK WIRE_TCP_ACK

static uint8_t data[200000];

static struct tcp_pcb *connected(struct fake *w, const char *initial_cwnd, uint16_t window)
{
	struct wire_tcp syn = {
		.window = window, .has_mss = true, .mss = 1000, .sack_permitted = true};
	struct tcp_pcb *p;

	fake_set(w, "net.ipv4.tcp_congestion_control", "reno");
	fake_set(w, "net.ipv4.tcp_recovery", "0");
	fake_set(w, "net.ipv4.tcp_early_retrans", "0");
	fake_set(w, "net.ipv4.tcp_initial_cwnd", initial_cwnd);
	p = fake_connect(w, 0, 80);
	fake_run(w, w->now + 100 * MS);
	fake_inject(w, WIRE_TCP_SYN | ACK, 0, 1, 0, &syn);
	assert_int_equal(p->state, TCP_ESTABLISHED);
	return p;
}

/* Thousands: the ACK, the window, a SACK block. */
static void ack(struct fake *w, uint32_t k, uint16_t window, uint32_t left, uint32_t right)
{
	struct wire_tcp h = {.window = (uint16_t)(window * 1000u)};
	uint32_t iss = w->host[0].iss + 1;

	if (right)
		h.sack[h.sacks++] = (struct wire_tcp_sack){iss + left * 1000, iss + right * 1000};
	fake_inject(w, ACK, 1, 1 + k * 1000, 0, &h);
}

static bool writable(const struct tcp_pcb *p)
{
	return tcp_proto.readiness(p->stk, &p->so) & STK_OUT;
}

static void news_is_given_again_when_a_loss_made_the_first_stale(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, "40", 10000);
	unsigned wakes;

	(void)state;
	assert_int_equal(fake_send(w, p, data, 100000, 0), 80000);
	ack(w, 10, 10, 0, 0);
	ack(w, 20, 20, 0, 0);
	assert_int_equal(p->snd.len, 60000);
	/* This ACK makes room, and says that a segment is lost: the limit falls to 20,000. */
	ack(w, 30, 20, 31, 34);
	assert_int_equal(p->recovery, TCP_RECOVERY);
	assert_int_equal(p->snd.len, 50000);
	assert_false(writable(p));
	wakes = w->host[0].wakes;
	/* The peer has it all, at last. */
	while (p->snd.len)
		ack(w, (p->snd_nxt - p->iss) / 1000, 40, 0, 0);
	assert_int_equal(tcp_in_flight(p), 0);
	assert_int_equal(p->snd.len, 0);
	assert_true(writable(p));
	assert_true(w->host[0].wakes > wakes);
	fake_free(w);
}

static void writable_news_after_a_timeouts_ack_empties_the_buffer(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, "40", 10000);
	unsigned wakes;

	(void)state;
	assert_int_equal(fake_send(w, p, data, 100000, 0), 80000);
	ack(w, 10, 10, 0, 0);
	ack(w, 20, 20, 0, 0);
	ack(w, 30, 50, 31, 34);
	fake_run(w, w->now + 2000 * MS);
	assert_int_equal(p->recovery, TCP_LOSS);
	assert_false(writable(p));
	wakes = w->host[0].wakes;
	/* In LOSS the window is one segment; then one ACK covers all that was sent. */
	ack(w, (p->snd_nxt - p->iss) / 1000, 50, 0, 0);
	while (p->snd.len)
		ack(w, (p->snd_nxt - p->iss) / 1000, 50, 0, 0);
	assert_int_equal(tcp_in_flight(p), 0);
	assert_true(writable(p));
	assert_true(w->host[0].wakes > wakes);
	fake_free(w);
}

static void not_sent_low_water_is_news_when_data_leave(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, "10", 60000);
	unsigned wakes;

	(void)state;
	assert_int_equal(fake_option(w, p, STK_TCP_NOTSENT_LOWAT, 5000), 0);
	/* Half of the peer's window begins while nothing waits, and is filled once. */
	assert_int_equal(fake_send(w, p, data, 100000, 0), 40000);
	wakes = w->host[0].wakes;
	while (2 * tcp_unsent(p) >= 5000) {
		assert_false(writable(p));
		assert_int_equal(w->host[0].wakes, wakes);
		ack(w, (p->snd_nxt - p->iss) / 1000, 60, 0, 0);
	}
	assert_true(w->host[0].wakes > wakes);
	assert_true(writable(p));
	fake_free(w);
}

static void one_whole_write_ends_the_news(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, "10", 60000);
	unsigned wakes;

	(void)state;
	assert_int_equal(fake_send(w, p, data, 100000, 0), 40000);
	ack(w, 10, 60, 0, 0);
	assert_int_equal(fake_send(w, p, data, 1000, 0), 1000);
	wakes = w->host[0].wakes;
	ack(w, 20, 60, 0, 0);
	assert_int_equal(w->host[0].wakes, wakes);
	fake_free(w);
}

/* Bytes of the application's own and copies, in pieces of odd lengths, with what is acknowledged
 * going meanwhile: what is held reads as it was written.
 */
static void constant_bytes_are_not_copied_and_read_the_same(void **state)
{
	static uint8_t constant[100000], held[200000], got[200000];
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, "40", 60000);
	struct tcp_sndbuf *b = &p->snd;
	size_t all = b->len, from = 0, copied = 0;
	struct vs_prng prng;

	(void)state;
	vs_prng_seed(&prng, 7, "sndbuf");
	for (size_t i = 0; i < sizeof(constant); i++)
		constant[i] = (uint8_t)(i * 31 + (i >> 8));
	for (unsigned i = 0; i < 400; i++) {
		size_t len = 1 + vs_prng_below(&prng, i % 3 ? 900 : 9000), sent;
		bool lent = vs_prng_below(&prng, 4), goes_on = vs_prng_below(&prng, 4);
		uint8_t passing[9000];

		from = goes_on && from + len < sizeof(constant) ? from
								: vs_prng_below(&prng, 50000);
		memcpy(passing, constant + from, len);
		sent = tcp_sndbuf_write(p, lent ? constant + from : passing, (uint32_t)len, lent);
		assert_int_equal(sent, len);
		memset(passing, 0xee, sizeof(passing));
		memcpy(held + all, constant + from, len);
		all += len;
		from += len;
		tcp_sndbuf_read(p, b->seq, got, b->len, 0);
		assert_memory_equal(got, held + all - b->len, b->len);
		if (b->len > 30000) {
			tcp_sndbuf_acked(p, b->seq + (uint32_t)vs_prng_below(&prng, b->len + 1));
			memmove(held, held + all - b->len, b->len);
			all = b->len;
		}
	}
	for (uint32_t i = 0; i < b->chunks; i++)
		copied += b->chunk[(b->head + i) & (b->size - 1)].own != NULL;
	assert_true(copied < b->chunks);
	fake_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(news_is_given_again_when_a_loss_made_the_first_stale),
		cmocka_unit_test(writable_news_after_a_timeouts_ack_empties_the_buffer),
		cmocka_unit_test(not_sent_low_water_is_news_when_data_leave),
		cmocka_unit_test(one_whole_write_ends_the_news),
		cmocka_unit_test(constant_bytes_are_not_copied_and_read_the_same),
	};

	return cmocka_run_group_tests_name("tcp_sndbuf", tests, NULL, NULL);
}
