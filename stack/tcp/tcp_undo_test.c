/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PRR (RFC 9937), F-RTO (RFC 5682) and the undoing of what was needless (RFC 3522, 4015, 3708).
 * Segments are 1,000 bytes without timestamps, the round trip is 100 ms.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "stack/tcp/tcp_fake.h"

#define MS  VS_MSEC
#define ACK WIRE_TCP_ACK

static uint8_t data[200000];

static struct tcp_pcb *connected(struct fake *w, bool sack, bool ts)
{
	struct wire_tcp syn = {.window = 65535,
			       .has_mss = true,
			       .mss = ts ? 1012 : 1000,
			       .sack_permitted = sack,
			       .has_timestamp = ts,
			       .ts_val = 1};
	struct tcp_pcb *p;

	fake_set(w, "net.ipv4.tcp_congestion_control", "reno");
	fake_set(w, "net.ipv4.tcp_early_retrans", "0");
	p = fake_connect(w, 0, 80);
	fake_run(w, w->now + 100 * MS);
	syn.ts_ecr = tcp_ts_now(p);
	fake_inject(w, WIRE_TCP_SYN | ACK, 0, 1, 0, &syn);
	assert_int_equal(p->state, TCP_ESTABLISHED);
	fake_skip(w);
	return p;
}

/* Thousands; the echo is of the time echo_ms, if the connection has timestamps. */
static void ack(struct fake *w, struct tcp_pcb *p, uint32_t k, uint32_t left, uint32_t right,
		uint32_t echo_ms)
{
	struct wire_tcp h = {.window = 65535};

	if (right)
		h.sack[h.sacks++] = (struct wire_tcp_sack){p->iss + 1 + left * 1000,
							   p->iss + 1 + right * 1000};
	if (p->ts_on) {
		h.has_timestamp = true;
		h.ts_val = 2;
		h.ts_ecr = echo_ms + p->ts_offset;
	}
	fake_inject(w, ACK, 1, 1 + k * 1000, 0, &h);
}

static void prr_sends_in_proportion_down_to_ssthresh(void **state)
{
	struct fake *w;
	struct tcp_pcb *p;
	unsigned before;

	(void)state;
	w = fake_new(1, false, true, 0);
	fake_set(w, "net.ipv4.tcp_initial_cwnd", "20");
	p = connected(w, true, false);
	fake_send(w, p, data, 40000, 0);
	assert_int_equal(p->snd_nxt - p->snd_una, 20000);
	fake_run(w, 200 * MS);
	for (uint32_t i = 2; i <= 4; i++)
		ack(w, p, 0, 1, i, 0);
	assert_int_equal(p->recovery, TCP_RECOVERY);
	assert_int_equal(p->ssthresh, 10000);
	assert_int_equal(p->prr_flight, 20000);
	/* Two more have left for the first two (RFC 3042). Now one for every other that arrives. */
	fake_skip(w);
	before = w->lines_count;
	for (uint32_t i = 5; i <= 20; i++) {
		ack(w, p, 0, 1, i, 0);
		assert_true(p->prr_out <= p->prr_delivered + 1000);
		assert_true(tcp_in_flight(p) + 1000 > p->ssthresh);
	}
	assert_int_equal(w->lines_count - before, 7);
	assert_int_equal(tcp_in_flight(p), 10000);
	ack(w, p, 29, 0, 0, 0);
	assert_int_equal(p->recovery, TCP_OPEN);
	assert_int_equal(p->cwnd, 10000);
	fake_free(w);
}

static void prr_grows_back_by_one_more_than_arrived_when_it_is_safe(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, true, false);

	(void)state;
	fake_send(w, p, data, 40000, 0);
	fake_run(w, 200 * MS);
	/* 0..6 are lost at once: nothing is in flight but what is sent again. */
	ack(w, p, 0, 7, 10, 0);
	assert_int_equal(p->board.lost, 7000);
	assert_int_equal(p->ssthresh, 5000);
	/* Three arrived: three leave. */
	assert_int_equal(tcp_in_flight(p), 3000);
	fake_run(w, 300 * MS);
	ack(w, p, 1, 7, 10, 0);
	assert_int_equal(tcp_in_flight(p), 4000);
	ack(w, p, 2, 7, 10, 0);
	assert_int_equal(tcp_in_flight(p), 5000);
	ack(w, p, 3, 7, 10, 0);
	assert_int_equal(tcp_in_flight(p), 5000);
	fake_free(w);
}

static void frto_finds_a_spurious_timeout_with_two_new_segments(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, false, false);

	(void)state;
	fake_send(w, p, data, 40000, 0);
	fake_skip(w);
	fake_run(w, 400 * MS);
	assert_int_equal(p->recovery, TCP_LOSS);
	assert_int_equal(p->cwnd, 1000);
	fake_expect(w, 400 * MS, ". 1:1001(1000) ack 1");
	/* (2) b: the first ACK lets new data out, not what the timeout marked. */
	ack(w, p, 1, 0, 0, 0);
	fake_expect(w, 400 * MS, ". 10001:11001(1000) ack 1");
	fake_expect(w, 400 * MS, ". 11001:12001(1000) ack 1");
	fake_expect_none(w);
	/* (3) b: the second is for what left once. */
	ack(w, p, 2, 0, 0, 0);
	assert_int_equal(p->recovery, TCP_OPEN);
	assert_true(p->cwnd >= 10000);
	assert_int_equal(p->board.lost, 0);
	assert_int_equal(w->host[0].counters[STK_TcpSpuriousRtos], 1);
	assert_int_equal(w->host[0].counters[STK_TcpRetransSegs], 1);
	fake_free(w);
}

static void frto_believes_in_the_loss_after_a_duplicate(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, false, false);

	(void)state;
	fake_send(w, p, data, 40000, 0);
	fake_run(w, 400 * MS);
	ack(w, p, 1, 0, 0, 0);
	fake_skip(w);
	ack(w, p, 1, 0, 0, 0);
	fake_expect(w, 400 * MS, ". 1001:2001(1000) ack 1");
	assert_int_equal(p->recovery, TCP_LOSS);
	assert_int_equal(w->host[0].counters[STK_TcpSpuriousRtos], 0);
	fake_free(w);
}

static void frto_sends_what_is_lost_if_there_is_nothing_new(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, false, false);

	(void)state;
	fake_send(w, p, data, 5000, 0);
	fake_run(w, 400 * MS);
	fake_skip(w);
	ack(w, p, 1, 0, 0, 0);
	fake_expect(w, 400 * MS, ". 1001:2001(1000) ack 1");
	fake_expect(w, 400 * MS, ". 2001:3001(1000) ack 1");
	assert_int_equal(p->frto, TCP_FRTO_NONE);
	fake_free(w);
}

static void frto_can_be_switched_off(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, false, false);

	(void)state;
	fake_set(w, "net.ipv4.tcp_frto", "0");
	fake_send(w, p, data, 40000, 0);
	fake_run(w, 400 * MS);
	fake_skip(w);
	ack(w, p, 1, 0, 0, 0);
	fake_expect(w, 400 * MS, ". 1001:2001(1000) ack 1");
	fake_free(w);
}

static void eifel_undoes_a_timeout_by_the_first_echo(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, true, true);

	(void)state;
	fake_send(w, p, data, 10000, 0);
	fake_run(w, 410 * MS);
	assert_int_equal(p->recovery, TCP_LOSS);
	/* The echo is of the first copy, which left at 100 ms. */
	ack(w, p, 1, 0, 0, 100);
	assert_int_equal(p->recovery, TCP_OPEN);
	assert_true(p->cwnd >= 10000);
	assert_int_equal(p->ssthresh, INT32_MAX);
	assert_int_equal(w->host[0].counters[STK_TcpFullUndo], 1);
	assert_int_equal(w->host[0].counters[STK_TcpSpuriousRtos], 1);
	fake_free(w);
}

/* The copy has taken the place of the original, so RFC 8985's step 3 cannot see that it was late;
 * but what is undone was reordering, and RACK waits from now on.
 */
static void needless_fast_retransmit_teaches_rack_to_wait(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, true, true);

	(void)state;
	fake_send(w, p, data, 10000, 0);
	fake_run(w, 200 * MS);
	for (uint32_t i = 2; i <= 4; i++)
		ack(w, p, 0, 1, i, 100);
	assert_int_equal(p->recovery, TCP_RECOVERY);
	assert_false(p->rack.reordered);
	ack(w, p, 4, 0, 0, 100);
	assert_int_equal(p->recovery, TCP_OPEN);
	assert_int_equal(w->host[0].counters[STK_TcpFullUndo], 1);
	assert_true(p->rack.reordered);
	fake_free(w);
}

static void eifel_leaves_a_real_timeout_alone(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, true, true);

	(void)state;
	fake_send(w, p, data, 10000, 0);
	fake_run(w, 410 * MS);
	fake_run(w, 500 * MS);
	ack(w, p, 1, 0, 0, 450);
	assert_int_equal(p->recovery, TCP_LOSS);
	assert_int_equal(p->ssthresh, 5000);
	assert_int_equal(w->host[0].counters[STK_TcpFullUndo], 0);
	fake_free(w);
}

static void retransmission_before_a_reduction_is_no_original(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p;
	uint32_t ssthresh;

	(void)state;
	fake_set(w, "net.ipv4.tcp_initial_cwnd", "20");
	p = connected(w, true, true);
	fake_send(w, p, data, 100000, 0);
	fake_run(w, 200 * MS);
	/* 0 is lost; 20 and 21, and others in proportion, leave meanwhile. */
	for (uint32_t i = 2; i <= 20; i++)
		ack(w, p, 0, 1, i, 100);
	assert_int_equal(p->recovery, TCP_RECOVERY);
	assert_int_equal(p->recover, p->iss + 1 + 22000);
	assert_true(wire_seq_lt(p->iss + 1 + 24000, p->snd_nxt));
	/* Then 22, above what this recovery is about: it leaves again at 300 ms. */
	fake_run(w, 300 * MS);
	ack(w, p, 0, 1, 22, 100);
	ack(w, p, 0, 23, 24, 100);
	assert_true(tcp_sent_at(p, 22)->flags & TCP_SENT_AGAIN);
	/* 0 has arrived: this recovery ends, the next begins, and 24 leaves again in it, later. */
	ack(w, p, 22, 23, 24, 200);
	fake_run(w, 320 * MS);
	for (uint32_t i = 26; i <= 29; i++)
		ack(w, p, 22, 25, i, 200);
	assert_int_equal(p->recovery, TCP_RECOVERY);
	assert_true(tcp_sent_at(p, 2)->flags & TCP_SENT_AGAIN);
	ssthresh = p->ssthresh;
	/* The echo is that of 22's second copy. */
	fake_run(w, 400 * MS);
	ack(w, p, 24, 25, 29, 300);
	assert_int_equal(p->recovery, TCP_RECOVERY);
	assert_int_equal(p->ssthresh, ssthresh);
	assert_int_equal(w->host[0].counters[STK_TcpFullUndo], 0);
	fake_free(w);
}

static void dsack_for_all_that_left_again_undoes_fast_recovery(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, true, false);

	(void)state;
	fake_send(w, p, data, 10000, 0);
	fake_run(w, 200 * MS);
	ack(w, p, 0, 1, 4, 0);
	assert_int_equal(p->recovery, TCP_RECOVERY);
	assert_int_equal(p->ssthresh, 5000);
	/* The original came late; then the retransmission, of no use. */
	ack(w, p, 10, 0, 0, 0);
	assert_int_equal(p->recovery, TCP_OPEN);
	assert_int_equal(p->cwnd, 5000);
	fake_run(w, 300 * MS);
	ack(w, p, 10, 0, 1, 0);
	assert_int_equal(p->cwnd, 10000);
	assert_int_equal(p->ssthresh, INT32_MAX);
	assert_int_equal(w->host[0].counters[STK_TcpDsackUndo], 1);
	/* A second report of the same undoes nothing more. */
	ack(w, p, 10, 0, 1, 0);
	assert_int_equal(w->host[0].counters[STK_TcpDsackUndo], 1);
	fake_free(w);
}

/* All ACKs were lost, and the fifth copy of the first segment makes the peer answer. It echoes what
 * came before that copy (RFC 7323 5.3 R2): the time since is that of our timeouts.
 */
static void answer_to_a_duplicate_measures_no_round_trip(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, true, true);
	struct wire_tcp h = {
		.window = 65535, .has_timestamp = true, .ts_val = 2, .ts_ecr = 100, .sacks = 2};

	(void)state;
	fake_send(w, p, data, 4000, 0);
	fake_run(w, 9000 * MS);
	assert_int_equal(p->timeouts, 4);
	assert_int_equal(tcp_rto(p), 4800 * MS);
	ack(w, p, 4, 0, 1, 100);
	assert_int_equal(p->snd.len, 0);
	assert_int_equal(p->srtt, 100 * MS);
	assert_int_equal(tcp_rto(p), 300 * MS);
	/* What it reports besides came long ago, too. */
	fake_send(w, p, data, 2000, 0);
	fake_run(w, 9200 * MS);
	h.ts_ecr += p->ts_offset;
	h.sack[0] = (struct wire_tcp_sack){p->iss + 3001, p->iss + 4001};
	h.sack[1] = (struct wire_tcp_sack){p->iss + 5001, p->iss + 6001};
	fake_inject(w, ACK, 1, 4001, 0, &h);
	assert_int_equal(p->board.sacked, 1000);
	assert_int_equal(p->srtt, 100 * MS);
	fake_free(w);
}

static void what_a_retransmission_uncovers_is_no_sample(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, true, true);

	(void)state;
	fake_send(w, p, data, 2000, 0);
	fake_run(w, 410 * MS);
	assert_int_equal(p->recovery, TCP_LOSS);
	/* 1 had arrived long ago, but the ACK that said so was lost. The echo: 400 ms. */
	fake_run(w, 420 * MS);
	ack(w, p, 2, 0, 0, 400);
	assert_int_equal(p->srtt, 90 * MS);
	fake_free(w);
}

static void slow_sacks_put_the_timeout_off(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, true, false);
	vs_time rto;

	(void)state;
	fake_send(w, p, data, 20000, 0);
	fake_run(w, 200 * MS);
	for (uint32_t i = 2; i <= 4; i++)
		ack(w, p, 0, 1, i, 0);
	assert_true(tcp_sent_at(p, 0)->flags & TCP_SENT_AGAIN);
	rto = p->deadline[TCP_DEADLINE_RETRANSMIT] - w->now;
	/* The queue on the path grows: 4, which left before the copy of 0 did, comes only now. */
	fake_run(w, 450 * MS);
	ack(w, p, 0, 1, 5, 0);
	assert_true(p->deadline[TCP_DEADLINE_RETRANSMIT] > 450 * MS + rto);
	/* What left after the copy of 0 says nothing for it. */
	rto = p->deadline[TCP_DEADLINE_RETRANSMIT];
	fake_run(w, 460 * MS);
	ack(w, p, 0, 10, 11, 0);
	assert_int_equal(p->deadline[TCP_DEADLINE_RETRANSMIT], rto);
	fake_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prr_sends_in_proportion_down_to_ssthresh),
		cmocka_unit_test(prr_grows_back_by_one_more_than_arrived_when_it_is_safe),
		cmocka_unit_test(frto_finds_a_spurious_timeout_with_two_new_segments),
		cmocka_unit_test(frto_believes_in_the_loss_after_a_duplicate),
		cmocka_unit_test(frto_sends_what_is_lost_if_there_is_nothing_new),
		cmocka_unit_test(frto_can_be_switched_off),
		cmocka_unit_test(eifel_undoes_a_timeout_by_the_first_echo),
		cmocka_unit_test(answer_to_a_duplicate_measures_no_round_trip),
		cmocka_unit_test(needless_fast_retransmit_teaches_rack_to_wait),
		cmocka_unit_test(eifel_leaves_a_real_timeout_alone),
		cmocka_unit_test(retransmission_before_a_reduction_is_no_original),
		cmocka_unit_test(dsack_for_all_that_left_again_undoes_fast_recovery),
		cmocka_unit_test(what_a_retransmission_uncovers_is_no_sample),
		cmocka_unit_test(slow_sacks_put_the_timeout_off),
	};

	return cmocka_run_group_tests_name("tcp_undo", tests, NULL, NULL);
}
