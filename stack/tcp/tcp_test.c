/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opening, closing and what happens between two TCPs on a good wire, to the nanosecond. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "stack/tcp/tcp_fake.h"

#define MS VS_MSEC

static void handshake_offers_what_linux_does(void **state)
{
	struct fake *w = fake_new(1, false, false, 10 * MS);
	struct tcp_pcb *l = fake_listen(w, 1, 80, 5), *a, *b;

	(void)state;
	a = fake_connect(w, 0, 80);
	fake_run(w, 1000 * MS);
	fake_expect(w, 0, "S 0:0(0) win 64240 <mss 1460,sackOK,TS,nop,wscale 7>");
	fake_expect(w, 10 * MS, "< S. 0:0(0) ack 1 win 64240 <mss 1460,sackOK,TS,nop,wscale 7>");
	fake_expect(w, 20 * MS, ". 1:1(0) ack 1");
	fake_expect_none(w);
	assert_int_equal(a->state, TCP_ESTABLISHED);
	assert_int_equal(a->srtt, 20 * MS);
	assert_int_equal(a->rto, 220 * MS);
	b = fake_accept(w, l);
	assert_non_null(b);
	assert_int_equal(b->state, TCP_ESTABLISHED);
	assert_int_equal(b->srtt, 20 * MS);
	assert_int_equal(b->cwnd, 10 * 1448);
	assert_null(fake_accept(w, l));
	fake_free(w);
}

static void close_goes_through_every_state(void **state)
{
	struct fake *w = fake_new(1, false, false, 10 * MS);
	struct tcp_pcb *l = fake_listen(w, 1, 80, 5), *a, *b;
	char buf[8];

	(void)state;
	a = fake_connect(w, 0, 80);
	fake_run(w, 100 * MS);
	b = fake_accept(w, l);
	fake_skip(w);
	assert_int_equal(fake_send(w, a, "hello", 5, 0), 5);
	fake_shutdown(w, a, STK_SHUT_WR);
	assert_int_equal(a->state, TCP_FIN_WAIT_1);
	fake_run(w, 110 * MS);
	assert_int_equal(b->state, TCP_CLOSE_WAIT);
	assert_int_equal(fake_recv(w, b, buf, 8, 0), 5);
	assert_int_equal(fake_recv(w, b, buf, 8, 0), 0);
	/* The ACK waits for an answer that could carry it. */
	fake_run(w, 150 * MS);
	assert_int_equal(a->state, TCP_FIN_WAIT_1);
	fake_run(w, 160 * MS);
	assert_int_equal(a->state, TCP_FIN_WAIT_2);
	assert_int_equal(fake_send(w, a, "x", 1, 0), -EPIPE);
	/* The other direction still carries. */
	assert_int_equal(fake_send(w, b, "bye", 3, 0), 3);
	fake_run(w, 170 * MS);
	assert_int_equal(fake_recv(w, a, buf, 8, 0), 3);
	fake_run(w, 200 * MS);
	fake_close(w, b);
	assert_int_equal(b->state, TCP_LAST_ACK);
	fake_run(w, 210 * MS);
	assert_int_equal(a->state, TCP_TIME_WAIT);
	assert_int_equal(w->host[1].sockets_live, 2);
	fake_run(w, 220 * MS);
	assert_int_equal(w->host[1].sockets_live, 1);
	/* What is left of it lasts 2 MSL from the close on. */
	fake_close(w, a);
	assert_int_equal(w->host[0].sockets_live, 0);
	fake_run(w, 220 * MS + 60 * VS_SEC - 1);
	assert_int_equal(w->host[0].s.tcp->waits_count, 1);
	fake_run(w, 220 * MS + 60 * VS_SEC);
	assert_int_equal(w->host[0].s.tcp->waits_count, 0);

	fake_expect(w, 100 * MS, "P. 1:6(5) ack 1");
	fake_expect(w, 100 * MS, "F. 6:6(0) ack 1");
	fake_expect(w, 110 * MS, "< . 1:1(0) ack 6");
	fake_expect(w, 150 * MS, "< . 1:1(0) ack 7");
	fake_expect(w, 160 * MS, "< P. 1:4(3) ack 7");
	fake_expect(w, 170 * MS, ". 7:7(0) ack 4");
	fake_expect(w, 200 * MS, "< F. 4:4(0) ack 7");
	fake_expect(w, 210 * MS, ". 7:7(0) ack 5");
	fake_expect_none(w);
	fake_free(w);
}

static void bulk_arrives_intact(void **state)
{
	struct fake *w = fake_new(1, true, false, 50 * MS);
	struct tcp_pcb *l = fake_listen(w, 1, 80, 5), *a, *b = NULL;
	uint32_t sent = 0, got = 0, size = 20 << 20;
	uint8_t *data = malloc(size), buf[65536];

	(void)state;
	w->log = false;
	for (uint32_t i = 0; i < size; i++)
		data[i] = (uint8_t)(i * 2654435761u >> 13);
	a = fake_connect(w, 0, 80);
	while (got < size) {
		ptrdiff_t n;

		assert_true(fake_step(w, 60 * VS_SEC));
		if (a->state == TCP_ESTABLISHED &&
		    (n = fake_send(w, a, data + sent, size - sent, 0)) > 0)
			sent += (uint32_t)n;
		if (!b)
			b = fake_accept(w, l);
		while (b && (n = fake_recv(w, b, buf, sizeof(buf), 0)) > 0) {
			assert_memory_equal(buf, data + got, n);
			got += (uint32_t)n;
		}
	}
	/* Slow start from ten segments: 20 MB in about ten round trips. */
	assert_true(w->now < 1500 * MS);
	assert_int_equal(w->host[0].counters[STK_TcpRetransSegs], 0);
	fake_close(w, a);
	fake_close(w, b);
	fake_run(w, w->now + 70 * VS_SEC);
	assert_int_equal(w->host[0].sockets_live, 0);
	free(data);
	fake_free(w);
}

struct seen {
	unsigned events[TCP_EVENT_RECOVERY + 1];
	enum tcp_state last;
	uint32_t acked;
};

static void look(void *ctx, vs_time now, const struct tcp_sample *sample)
{
	struct seen *seen = ctx;

	assert_true(now >= 0);
	assert_int_equal(sample->local.port ? sample->remote.port : 80, 80);
	seen->events[sample->event]++;
	seen->last = sample->state;
	if (sample->event == TCP_EVENT_ACK)
		seen->acked += sample->len;
	if (sample->event == TCP_EVENT_SEND)
		assert_true(sample->in_flight >= sample->len && sample->cwnd > 0);
}

static void observer_sees_states_data_acks_and_repetitions(void **state)
{
	struct fake *w = fake_new(1, false, false, 10 * MS);
	struct tcp_pcb *l = fake_listen(w, 1, 80, 5), *a, *b;
	struct seen seen = {.last = TCP_CLOSED};

	(void)state;
	w->host[0].s.conf.tcp_ctx = &seen;
	w->host[0].s.conf.tcp_sample = look;
	a = fake_connect(w, 0, 80);
	assert_int_equal(seen.last, TCP_SYN_SENT);
	fake_run(w, 100 * MS);
	assert_int_equal(seen.last, TCP_ESTABLISHED);
	b = fake_accept(w, l);
	fake_send(w, a, "0123456789", 10, 0);
	fake_run(w, 200 * MS);
	assert_int_equal(seen.events[TCP_EVENT_SEND], 1);
	assert_int_equal(seen.acked, 10);
	/* The peer is gone without a word: repetitions. */
	tcp_close_now(b, 0);
	w->host[1].s.conf.tcp_sample = NULL;
	w->scripted = true;
	fake_send(w, a, "0123456789", 10, 0);
	fake_run(w, 1000 * MS);
	assert_true(seen.events[TCP_EVENT_RTO_RETRANSMIT] >= 1);
	assert_true(seen.events[TCP_EVENT_RECOVERY] >= 1);
	fake_close(w, a);
	assert_int_equal(seen.last, TCP_FIN_WAIT_1);
	fake_free(w);
}

static void settings_are_read_strictly_and_given_back(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct stk *s = &w->host[0].s;
	char value[64];

	(void)state;
	assert_int_equal(tcp_set(s, "net.ipv4.tcp_rmem", " 4096\t8192 16384"), 0);
	assert_int_equal(tcp_get(s, "net.ipv4.tcp_rmem", value, sizeof(value)), 0);
	assert_string_equal(value, "4096\t8192\t16384");
	assert_int_equal(tcp_set(s, "net.ipv4.tcp_rmem", "4096 8192"), -EINVAL);
	assert_int_equal(tcp_set(s, "net.ipv4.tcp_rmem", "4096 8192 1"), -EINVAL);
	assert_int_equal(tcp_set(s, "net.ipv4.tcp_sack", "2"), -EINVAL);
	assert_int_equal(tcp_set(s, "net.ipv4.tcp_sack", "1 1"), -EINVAL);
	assert_int_equal(tcp_set(s, "net.ipv4.tcp_sack", ""), -EINVAL);
	assert_int_equal(tcp_set(s, "net.ipv4.tcp_nonsense", "1"), -ENOENT);
	assert_int_equal(tcp_get(s, "net.ipv4.udp_mem", value, sizeof(value)), -ENOENT);
	assert_int_equal(tcp_get(s, "net.ipv4.tcp_congestion_control", value, 64), 0);
	assert_string_equal(value, "cubic");
	assert_int_equal(tcp_set(s, "net.ipv4.tcp_congestion_control", "vegas"), -EINVAL);
	assert_int_equal(tcp_get(s, "net.ipv4.tcp_available_congestion_control", value, 64), 0);
	assert_string_equal(value, "reno cubic");
	fake_free(w);
}

static void syn_offers_only_what_is_switched_on(void **state)
{
	struct fake *w = fake_new(1, true, false, 10 * MS);

	(void)state;
	fake_listen(w, 1, 80, 5);
	assert_int_equal(tcp_set(&w->host[0].s, "net.ipv4.tcp_timestamps", "0"), 0);
	fake_connect(w, 0, 80);
	fake_run(w, 100 * MS);
	fake_expect(w, 0, "S 0:0(0) win 64800 <mss 1440,sackOK,nop,wscale 7>");
	/* The answer repeats only what was offered. */
	fake_expect(w, 10 * MS, "< S. 0:0(0) ack 1 win 64800 <mss 1440,sackOK,nop,wscale 7>");
	fake_skip(w);
	assert_int_equal(tcp_set(&w->host[0].s, "net.ipv4.tcp_sack", "0"), 0);
	assert_int_equal(tcp_set(&w->host[0].s, "net.ipv4.tcp_window_scaling", "0"), 0);
	fake_connect(w, 0, 80);
	fake_run(w, 200 * MS);
	fake_expect(w, 100 * MS, "S 0:0(0) win 64800 <mss 1440>");
	fake_expect(w, 110 * MS, "< S. 0:0(0) ack 1 win 64800 <mss 1440>");
	fake_free(w);
}

static void idle_window_restarts_only_if_asked(void **state)
{
	struct fake *w = fake_new(1, false, false, 10 * MS);
	struct tcp_pcb *a;

	(void)state;
	fake_listen(w, 1, 80, 5);
	a = fake_connect(w, 0, 80);
	fake_run(w, 100 * MS);
	a->cwnd = 100 * 1448;
	fake_run(w, 10 * VS_SEC);
	fake_send(w, a, "x", 1, 0);
	assert_int_equal(a->cwnd, 100 * 1448);
	fake_run(w, 20 * VS_SEC);
	fake_set(w, "net.ipv4.tcp_slow_start_after_idle", "1");
	fake_send(w, a, "x", 1, 0);
	assert_int_equal(a->cwnd, 10 * 1448);
	fake_free(w);
}

static void initial_sequence_numbers_follow_clock_and_ends(void **state)
{
	struct fake *w = fake_new(1, false, true, 0), *other = fake_new(2, false, true, 0);
	struct tcp_pcb *p = fake_socket(w, 0), *q = fake_socket(other, 0);
	uint32_t iss;

	(void)state;
	p->so.local.port = q->so.local.port = 1000;
	p->so.remote.port = q->so.remote.port = 80;
	tcp_choose_iss(p);
	tcp_choose_iss(q);
	iss = p->iss;
	assert_int_not_equal(iss, q->iss); /* another seed */
	p->stk->now = 4 * MS;
	tcp_choose_iss(p);
	assert_int_equal(p->iss, iss + 1000); /* RFC 6528: 4 us */
	p->so.remote.port = 81;
	tcp_choose_iss(p);
	assert_true(p->iss - iss > 100000 && iss - p->iss > 100000);
	p->so.local.port = q->so.local.port = 0;
	fake_free(w);
	fake_free(other);
}

static void thousand_connections_leave_nothing_behind(void **state)
{
	struct fake *w = fake_new(1, false, false, 10 * MS);
	struct tcp_pcb *l = fake_listen(w, 1, 80, 2000), *c[1000], *b;
	size_t used = w->host[0].arena.size_used;
	unsigned closed = 0;

	(void)state;
	w->log = false;
	for (unsigned i = 0; i < 1000; i++)
		c[i] = fake_connect(w, 0, 80);
	fake_run(w, 1000 * MS);
	assert_int_equal(l->accept_count, 1000);
	assert_int_equal(w->host[0].counters[STK_TcpCurrEstab], 1000);
	/* An idle connection costs its structure (with its counts), its port and its timer. */
	assert_true((w->host[0].arena.size_used - used) / 1000 < 2000);
	for (unsigned i = 0; i < 1000; i++)
		fake_close(w, c[i]);
	fake_run(w, 2000 * MS);
	while ((b = fake_accept(w, l))) {
		assert_int_equal(b->state, TCP_CLOSE_WAIT);
		fake_close(w, b);
		closed++;
	}
	assert_int_equal(closed, 1000);
	fake_run(w, 70 * VS_SEC);
	assert_int_equal(w->host[0].sockets_live, 0);
	assert_int_equal(w->host[1].sockets_live, 1);
	assert_int_equal(w->host[0].counters[STK_TcpCurrEstab], 0);
	fake_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(handshake_offers_what_linux_does),
		cmocka_unit_test(close_goes_through_every_state),
		cmocka_unit_test(bulk_arrives_intact),
		cmocka_unit_test(observer_sees_states_data_acks_and_repetitions),
		cmocka_unit_test(settings_are_read_strictly_and_given_back),
		cmocka_unit_test(syn_offers_only_what_is_switched_on),
		cmocka_unit_test(idle_window_restarts_only_if_asked),
		cmocka_unit_test(initial_sequence_numbers_follow_clock_and_ends),
		cmocka_unit_test(thousand_connections_leave_nothing_behind),
	};

	return cmocka_run_group_tests_name("tcp", tests, NULL, NULL);
}
