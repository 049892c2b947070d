/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Options of sockets that change what leaves when: tcp(7). The peer is the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "stack/tcp/tcp_fake.h"

#define MS  VS_MSEC
#define S   VS_SEC
#define SYN WIRE_TCP_SYN
#define ACK WIRE_TCP_ACK
#define FIN WIRE_TCP_FIN
#define RST WIRE_TCP_RST

static uint8_t data[20000];

static struct tcp_pcb *connected(struct fake *w)
{
	struct wire_tcp syn = {.window = 65535, .has_mss = true, .mss = 1000};
	struct tcp_pcb *p = fake_connect(w, 0, 80);

	fake_run(w, w->now + 100 * MS);
	fake_inject(w, SYN | ACK, 0, 1, 0, &syn);
	fake_skip(w);
	return p;
}

static int64_t get(struct tcp_pcb *p, enum stk_option option)
{
	int64_t value = -1;

	assert_int_equal(tcp_proto.option_get(p->stk, &p->so, option, &value), 0);
	return value;
}

static void syn_count_bounds_how_often_a_syn_leaves(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = fake_connect(w, 0, 80);

	(void)state;
	assert_int_equal(get(p, STK_TCP_SYNCNT), 6);
	assert_int_equal(fake_option(w, p, STK_TCP_SYNCNT, 0), -EINVAL);
	assert_int_equal(fake_option(w, p, STK_TCP_SYNCNT, 128), -EINVAL);
	assert_int_equal(fake_option(w, p, STK_TCP_SYNCNT, 1), 0);
	assert_int_equal(get(p, STK_TCP_SYNCNT), 1);
	fake_run(w, 3 * S - 1);
	assert_int_equal(p->state, TCP_SYN_SENT);
	assert_int_equal(w->lines_count, 2);
	fake_run(w, 3 * S);
	assert_int_equal(p->state, TCP_CLOSED);
	assert_int_equal(p->so.error, ETIMEDOUT);
	fake_free(w);
}

static void listener_waits_for_data_if_asked_to(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *l = fake_listen(w, 0, 80, 5);
	struct wire_tcp h = {
		.window = 65535, .dst_port = 80, .src_port = 5000, .has_mss = true, .mss = 1000};

	(void)state;
	/* 1, 2 and 4 s after: seven seconds. */
	fake_option(w, l, STK_TCP_DEFER_ACCEPT, 4);
	assert_int_equal(get(l, STK_TCP_DEFER_ACCEPT), 7);
	fake_inject(w, SYN, 0, 0, 0, &h);
	fake_skip(w);
	h.has_mss = false;
	fake_inject(w, ACK, 1, 1, 0, &h);
	assert_null(l->accept_first);
	/* It has answered, so our SYN does not leave again; until data come. */
	fake_run(w, 2 * S);
	fake_expect_none(w);
	fake_inject(w, ACK, 1, 1, 10, &h);
	assert_non_null(fake_accept(w, l));
	fake_expect(w, 2 * S, ". 1:1(0) ack 11");

	/* Or until it has waited long enough: then a bare ACK will do. */
	w->host[0].has_iss = false;
	h.src_port = 5001;
	h.has_mss = true;
	h.mss = 1000;
	fake_inject(w, SYN, 0, 0, 0, &h);
	h.has_mss = false;
	fake_inject(w, ACK, 1, 1, 0, &h);
	fake_skip(w);
	fake_run(w, 9 * S - 1);
	fake_expect_none(w);
	fake_run(w, 9 * S);
	fake_expect(w, 9 * S, "S. 0:0(0) ack 1 win 64240 <mss 1460>");
	fake_inject(w, ACK, 1, 1, 0, &h);
	assert_non_null(fake_accept(w, l));
	fake_free(w);
}

/* The state in which close() has left it, with its FIN acknowledged. */
static struct tcp_pcb *half_closed(struct fake *w, int64_t linger2)
{
	struct tcp_pcb *p = connected(w);

	fake_option(w, p, STK_TCP_LINGER2, linger2);
	fake_close(w, p);
	fake_inject(w, ACK, 1, 2, 0, NULL);
	fake_skip(w);
	return p;
}

static void fin_wait_2_of_nobody_ends_after_its_time(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);

	(void)state;
	half_closed(w, 0);
	fake_run(w, w->now + 60 * S - 1);
	assert_int_equal(w->host[0].sockets_live, 1);
	fake_run(w, w->now + 1);
	assert_int_equal(w->host[0].sockets_live, 0);
	fake_free(w);

	w = fake_new(1, false, true, 0);
	half_closed(w, 5);
	fake_run(w, w->now + 5 * S - 1);
	assert_int_equal(w->host[0].sockets_live, 1);
	fake_run(w, w->now + 1);
	assert_int_equal(w->host[0].sockets_live, 0);
	fake_free(w);

	/* At once, and the peer is told. */
	w = fake_new(1, false, true, 0);
	connected(w);
	{
		struct tcp_pcb *p = tcp_of(w->host[0].s.all);

		fake_option(w, p, STK_TCP_LINGER2, -7);
		assert_int_equal(get(p, STK_TCP_LINGER2), -1);
		fake_close(w, p);
		fake_expect(w, 100 * MS, "F. 1:1(0) ack 1");
		fake_inject(w, ACK, 1, 2, 0, NULL);
		fake_expect(w, 100 * MS, "R. 2:2(0) ack 1");
		assert_int_equal(w->host[0].sockets_live, 0);
	}
	fake_free(w);
}

static void records_share_no_segment(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w);

	(void)state;
	/* Held together by a closed window. */
	fake_inject(w, ACK, 1, 1, 0, &(struct wire_tcp){.window = 0});
	fake_skip(w);
	fake_send(w, p, data, 400, STK_MSG_EOR);
	fake_send(w, p, data, 1, STK_MSG_EOR);
	fake_send(w, p, data, 1400, STK_MSG_EOR);
	fake_send(w, p, data, 100, 0);
	fake_send(w, p, data, 100, 0);
	fake_skip(w);
	fake_inject(w, ACK, 1, 1, 0, NULL);
	fake_expect(w, 100 * MS, "P. 1:401(400) ack 1");
	fake_expect(w, 100 * MS, "P. 401:402(1) ack 1");
	fake_expect(w, 100 * MS, ". 402:1402(1000) ack 1");
	fake_expect(w, 100 * MS, "P. 1402:1802(400) ack 1");
	/* Nagle holds the last, which is small and ends nothing. */
	fake_expect_none(w);
	fake_inject(w, ACK, 1, 1802, 0, NULL);
	fake_expect(w, 100 * MS, "P. 1802:2002(200) ack 1");
	fake_inject(w, ACK, 1, 2002, 0, NULL);
	assert_null(p->eor);
	fake_free(w);
}

static void cork_holds_what_is_small_for_200_ms(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w);

	(void)state;
	fake_option(w, p, STK_TCP_NODELAY, 1);
	fake_option(w, p, STK_TCP_CORK, 1);
	fake_send(w, p, data, 1500, 0);
	fake_expect(w, 100 * MS, ". 1:1001(1000) ack 1");
	fake_run(w, 300 * MS - 1);
	fake_inject(w, ACK, 1, 1001, 0, NULL);
	fake_expect_none(w);
	fake_run(w, 300 * MS);
	fake_expect(w, 300 * MS, "P. 1001:1501(500) ack 1");
	/* Pulled, it lets all go. */
	fake_send(w, p, data, 10, 0);
	fake_expect_none(w);
	fake_option(w, p, STK_TCP_CORK, 0);
	fake_expect(w, 300 * MS, "P. 1501:1511(10) ack 1");
	/* MSG_MORE is a cork for one write. */
	fake_send(w, p, data, 10, STK_MSG_MORE);
	fake_expect_none(w);
	fake_send(w, p, data, 10, 0);
	fake_expect(w, 300 * MS, "P. 1511:1531(20) ack 1");
	fake_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(syn_count_bounds_how_often_a_syn_leaves),
		cmocka_unit_test(listener_waits_for_data_if_asked_to),
		cmocka_unit_test(fin_wait_2_of_nobody_ends_after_its_time),
		cmocka_unit_test(records_share_no_segment),
		cmocka_unit_test(cork_holds_what_is_small_for_200_ms),
	};

	return cmocka_run_group_tests_name("tcp_sockopt", tests, NULL, NULL);
}
