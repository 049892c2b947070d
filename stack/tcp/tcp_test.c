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
	fake_run(w, 120 * MS);
	assert_int_equal(a->state, TCP_FIN_WAIT_2);
	assert_int_equal(fake_send(w, a, "x", 1, 0), -EPIPE);
	/* The other direction still carries. */
	assert_int_equal(fake_send(w, b, "bye", 3, 0), 3);
	fake_run(w, 130 * MS);
	assert_int_equal(fake_recv(w, a, buf, 8, 0), 3);
	fake_run(w, 200 * MS);
	fake_close(w, b);
	assert_int_equal(b->state, TCP_LAST_ACK);
	fake_run(w, 210 * MS);
	assert_int_equal(a->state, TCP_TIME_WAIT);
	assert_int_equal(w->host[1].sockets_live, 2);
	fake_run(w, 220 * MS);
	assert_int_equal(w->host[1].sockets_live, 1);
	fake_close(w, a);
	fake_run(w, 210 * MS + 60 * VS_SEC - 1);
	assert_int_equal(w->host[0].sockets_live, 1);
	fake_run(w, 210 * MS + 60 * VS_SEC);
	assert_int_equal(w->host[0].sockets_live, 0);

	fake_expect(w, 100 * MS, "P. 1:6(5) ack 1");
	fake_expect(w, 100 * MS, "F. 6:6(0) ack 1");
	fake_expect(w, 110 * MS, "< . 1:1(0) ack 6");
	fake_expect(w, 110 * MS, "< . 1:1(0) ack 7");
	fake_expect(w, 120 * MS, "< P. 1:4(3) ack 7");
	fake_expect(w, 130 * MS, ". 7:7(0) ack 4");
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(handshake_offers_what_linux_does),
		cmocka_unit_test(close_goes_through_every_state),
		cmocka_unit_test(bulk_arrives_intact),
	};

	return cmocka_run_group_tests_name("tcp", tests, NULL, NULL);
}
