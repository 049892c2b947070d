/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ECN, RFC 3168 6.1, by its clauses. In lines E is ECE and W is CWR. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "stack/tcp/tcp_fake.h"

#define MS  VS_MSEC
#define ACK WIRE_TCP_ACK

static uint8_t data[200000];

#define ECE WIRE_TCP_ECE
#define CWR WIRE_TCP_CWR

static struct tcp_pcb *connected(struct fake *w, uint8_t answer)
{
	struct wire_tcp syn = {
		.window = 65535, .has_mss = true, .mss = 1000, .sack_permitted = true};
	struct tcp_pcb *p;

	fake_set(w, "net.ipv4.tcp_congestion_control", "reno");
	p = fake_connect(w, 0, 80);
	fake_run(w, w->now + 100 * MS);
	fake_inject(w, WIRE_TCP_SYN | ACK | answer, 0, 1, 0, &syn);
	assert_int_equal(p->state, TCP_ESTABLISHED);
	fake_skip(w);
	return p;
}

static void is_off_unless_asked(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, ECE);

	(void)state;
	assert_memory_equal(w->lines[0], "S 0", 3);
	assert_false(p->ecn_on);
	fake_send(w, p, data, 1000, 0);
	assert_int_equal(w->tclass_out, 0);
	fake_free(w);
}

static void syn_asks_with_both_bits_and_syn_ack_agrees_with_one(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);

	(void)state;
	fake_set(w, "net.ipv4.tcp_ecn", "1");
	assert_true(connected(w, ECE)->ecn_on);
	assert_memory_equal(w->lines[0], "SEW 0", 5);
	fake_free(w);
	/* A peer that only reflects the bits does not mean it. */
	w = fake_new(1, false, true, 0);
	fake_set(w, "net.ipv4.tcp_ecn", "1");
	assert_false(connected(w, ECE | CWR)->ecn_on);
	fake_free(w);
}

static void listener_agrees_when_it_is_asked(void **state)
{
	struct wire_tcp syn = {.window = 65535, .has_mss = true, .mss = 1000};
	struct fake *w = fake_new(1, false, true, 0);

	(void)state;
	fake_set(w, "net.ipv4.tcp_ecn", "2");
	fake_listen(w, 0, 80, 5);
	syn.dst_port = 80;
	fake_inject(w, WIRE_TCP_SYN | ECE | CWR, 0, 0, 0, &syn);
	assert_memory_equal(w->lines[0], "SE. 0", 5);
	assert_int_equal(w->tclass_out, 0);
	syn.src_port = 5001;
	fake_inject(w, WIRE_TCP_SYN, 0, 0, 0, &syn);
	assert_memory_equal(w->lines[1], "S. ", 3);
	fake_free(w);
}

static void a_lost_syn_is_repeated_without_the_bits(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);

	(void)state;
	fake_set(w, "net.ipv4.tcp_ecn", "1");
	fake_connect(w, 0, 80);
	fake_run(w, 1500 * MS);
	assert_memory_equal(w->lines[0], "SEW 0", 5);
	assert_memory_equal(w->lines[1], "S 0", 3);
	fake_free(w);
}

static void only_new_data_are_marked_capable(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p;

	(void)state;
	fake_set(w, "net.ipv4.tcp_ecn", "1");
	fake_set(w, "net.ipv4.tcp_early_retrans", "0");
	p = connected(w, ECE);
	assert_int_equal(w->tclass_out, 0); /* the pure ACK */
	fake_send(w, p, data, 1000, 0);
	assert_int_equal(w->tclass_out, 2);
	fake_run(w, 500 * MS);
	assert_int_equal(w->host[0].counters[STK_TcpRetransSegs], 1);
	assert_int_equal(w->tclass_out, 0);
	fake_free(w);
}

static void a_mark_is_echoed_until_the_peer_says_cwr(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p;

	(void)state;
	fake_set(w, "net.ipv4.tcp_ecn", "1");
	p = connected(w, ECE);
	w->tclass_in = 3;
	fake_inject(w, ACK, 1, 1, 1000, NULL);
	fake_expect(w, 100 * MS, "E. 1:1(0) ack 1001");
	w->tclass_in = 2;
	fake_inject(w, ACK, 1001, 1, 1000, NULL);
	fake_expect(w, 100 * MS, "E. 1:1(0) ack 2001");
	fake_inject(w, ACK | CWR, 2001, 1, 1000, NULL);
	fake_expect(w, 100 * MS, ". 1:1(0) ack 3001");
	assert_false(p->ecn_echo);
	/* CWR on a segment that is marked itself starts again. */
	w->tclass_in = 3;
	fake_inject(w, ACK | CWR, 3001, 1, 1000, NULL);
	fake_expect(w, 100 * MS, "E. 1:1(0) ack 4001");
	fake_free(w);
}

static void an_echo_shrinks_the_window_once_a_round_and_cwr_answers(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p;

	(void)state;
	fake_set(w, "net.ipv4.tcp_ecn", "1");
	p = connected(w, ECE);
	fake_send(w, p, data, 15000, 0);
	fake_run(w, 200 * MS);
	fake_skip(w);
	fake_inject(w, ACK | ECE, 1, 1001, 0, NULL);
	assert_int_equal(p->ssthresh, 5000);
	/* In proportion (RFC 9937): one leaves at once and tells, then one for two that arrive. */
	fake_expect(w, 200 * MS, "W. 10001:11001(1000) ack 1");
	assert_int_equal(w->tclass_out, 2);
	fake_inject(w, ACK | ECE, 1, 3001, 0, NULL);
	fake_expect_none(w);
	fake_inject(w, ACK | ECE, 1, 4001, 0, NULL);
	fake_expect(w, 200 * MS, ". 11001:12001(1000) ack 1");
	fake_inject(w, ACK, 1, 10001, 0, NULL);
	assert_int_equal(p->cwnd, 5000);
	assert_int_equal(w->host[0].counters[STK_TcpEcnReduced], 1);
	assert_int_equal(w->host[0].counters[STK_TcpRetransSegs], 0);
	fake_skip(w);
	/* A new round, a new mark. */
	fake_inject(w, ACK | ECE, 1, 12001, 0, NULL);
	assert_int_equal(w->host[0].counters[STK_TcpEcnReduced], 2);
	assert_in_range(p->ssthresh, 2000, 2500);
	fake_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_off_unless_asked),
		cmocka_unit_test(syn_asks_with_both_bits_and_syn_ack_agrees_with_one),
		cmocka_unit_test(listener_agrees_when_it_is_asked),
		cmocka_unit_test(a_lost_syn_is_repeated_without_the_bits),
		cmocka_unit_test(only_new_data_are_marked_capable),
		cmocka_unit_test(a_mark_is_echoed_until_the_peer_says_cwr),
		cmocka_unit_test(an_echo_shrinks_the_window_once_a_round_and_cwr_answers),
	};

	return cmocka_run_group_tests_name("tcp_ecn", tests, NULL, NULL);
}
