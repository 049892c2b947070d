/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When things leave if nobody answers: RFC 6298, zero window probes, keep-alive, delayed ACKs,
 * corks. The peer is the test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "stack/tcp/tcp_fake.h"

#define MS  VS_MSEC
#define S   VS_SEC
#define ACK WIRE_TCP_ACK

/* Connected without timestamps to a peer with this MSS and window; RTT is 100 ms. */
static struct tcp_pcb *connected(struct fake *w, uint16_t window, bool sack)
{
	struct wire_tcp syn = {
		.window = window, .has_mss = true, .mss = 1000, .sack_permitted = sack};
	struct tcp_pcb *p;

	fake_set(w, "net.ipv4.tcp_congestion_control", "reno");
	p = fake_connect(w, 0, 80);
	fake_run(w, w->now + 100 * MS);
	fake_inject(w, WIRE_TCP_SYN | ACK, 0, 1, 0, &syn);
	assert_int_equal(p->state, TCP_ESTABLISHED);
	assert_int_equal(p->rto, 300 * MS);
	fake_skip(w);
	return p;
}

static void inject_ack(struct fake *w, uint32_t seq, uint32_t ack, uint16_t window)
{
	struct wire_tcp h = {.window = window};

	fake_inject(w, ACK, seq, ack, 0, &h);
}

static uint8_t data[100000];

static void syn_is_repeated_at_1_3_7_15_31_63_s_and_given_up_at_127(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = fake_connect(w, 0, 80);
	vs_time at[] = {0, 1, 3, 7, 15, 31, 63};

	(void)state;
	fake_run(w, 127 * S - 1);
	assert_int_equal(p->state, TCP_SYN_SENT);
	fake_run(w, 127 * S);
	for (unsigned i = 0; i < 7; i++)
		fake_expect(w, at[i] * S, "S 0:0(0) win 64240 <mss 1460,sackOK,TS,nop,wscale 7>");
	fake_expect_none(w);
	assert_int_equal(p->state, TCP_CLOSED);
	assert_int_equal(p->so.error, ETIMEDOUT);
	fake_free(w);
}

static void syn_ack_is_repeated_five_times(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct wire_tcp syn = {.window = 1000, .dst_port = 80};
	vs_time at[] = {0, 1, 3, 7, 15, 31};

	(void)state;
	fake_listen(w, 0, 80, 5);
	fake_inject(w, WIRE_TCP_SYN, 0, 0, 0, &syn);
	assert_int_equal(w->host[0].sockets_live, 2);
	fake_run(w, 200 * S);
	for (unsigned i = 0; i < 6; i++)
		fake_expect(w, at[i] * S, "S. 0:0(0) ack 1 win 64240 <mss 1460>");
	fake_expect_none(w);
	assert_int_equal(w->host[0].sockets_live, 1);
	fake_free(w);
}

static void data_is_repeated_with_doubling_timeouts(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, 65535, false);
	vs_time at = 100 * MS, rto = 300 * MS;

	(void)state;
	assert_int_equal(fake_send(w, p, data, 500, 0), 500);
	fake_run(w, 400 * S);
	fake_expect(w, at, "P. 1:501(500) ack 1");
	for (unsigned i = 0; i < 20; i++) {
		at += rto;
		if (at > 400 * S)
			break;
		fake_expect(w, at, "P. 1:501(500) ack 1");
		rto = rto * 2 < 120 * S ? rto * 2 : 120 * S;
	}
	fake_expect_none(w);
	/* RFC 5681 eqn 4: only the first timeout halves. */
	assert_int_equal(p->ssthresh, 2000);
	assert_int_equal(p->cwnd, 1000);
	fake_run(w, 3000 * S);
	assert_int_equal(p->state, TCP_CLOSED);
	assert_int_equal(p->so.error, ETIMEDOUT);
	fake_free(w);
}

static void karn_a_repeated_segment_is_no_sample_and_backoff_stays(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, 65535, false);

	(void)state;
	fake_send(w, p, data, 500, 0);
	fake_run(w, 500 * MS);
	inject_ack(w, 1, 501, 65535);
	assert_int_equal(p->srtt, 100 * MS);
	assert_int_equal(tcp_rto(p), 600 * MS);
	/* The next one leaves once, and is measured. */
	fake_send(w, p, data, 500, 0);
	fake_run(w, 600 * MS);
	inject_ack(w, 1, 1001, 65535);
	assert_int_equal(p->srtt, 100 * MS);
	assert_int_equal(tcp_rto(p), 300 * MS);
	fake_free(w);
}

static void after_a_lost_syn_the_window_is_one_segment_and_rto_3_s(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct wire_tcp syn = {.window = 65535, .has_mss = true, .mss = 1000};
	struct tcp_pcb *p = fake_connect(w, 0, 80);

	(void)state;
	fake_run(w, 1500 * MS);
	fake_inject(w, WIRE_TCP_SYN | ACK, 0, 1, 0, &syn);
	assert_int_equal(p->cwnd, 1000);
	assert_int_equal(tcp_rto(p), 3 * S);
	fake_free(w);
}

static void echo_tells_the_round_trip_of_a_repeated_syn(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct wire_tcp syn = {.window = 65535,
			       .has_mss = true,
			       .mss = 1012,
			       .sack_permitted = true,
			       .has_timestamp = true,
			       .ts_val = 1};
	struct tcp_pcb *p = fake_connect(w, 0, 80);

	(void)state;
	fake_run(w, 1 * S);
	syn.ts_ecr = tcp_ts_now(p);
	fake_run(w, 1100 * MS);
	fake_inject(w, WIRE_TCP_SYN | ACK, 0, 1, 0, &syn);
	assert_int_equal(p->state, TCP_ESTABLISHED);
	assert_int_equal(p->srtt, 100 * MS);
	/* RFC 6298 5.7 as always; but a probe (RFC 8985 7.2) may come earlier. */
	assert_int_equal(p->rto, 3 * S);
	fake_send(w, p, data, 1000, 0);
	fake_skip(w);
	fake_run(w, 2 * S);
	fake_expect(w, 1500 * MS, "P. 1:1001(1000) ack 1");
	fake_free(w);
}

static void zero_window_is_probed_with_back_off_for_as_long_as_it_is_answered(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, 1000, false);
	vs_time at, rto = 300 * MS;

	(void)state;
	fake_send(w, p, data, 1500, 0);
	fake_run(w, 200 * MS);
	fake_expect(w, 100 * MS, ". 1:1001(1000) ack 1");
	inject_ack(w, 1, 1001, 0);
	assert_int_equal(p->probing, true);
	at = 200 * MS;
	for (unsigned i = 0; i < 20; i++) {
		at += rto;
		fake_run(w, at);
		fake_expect(w, at, ". 1000:1000(0) ack 1");
		inject_ack(w, 1, 1001, 0);
		rto = rto * 2 < 120 * S ? rto * 2 : 120 * S;
	}
	assert_int_equal(p->state, TCP_ESTABLISHED);
	/* The window opens. */
	fake_run(w, at + 1 * MS);
	inject_ack(w, 1, 1001, 2000);
	fake_expect(w, at + 1 * MS, "P. 1001:1501(500) ack 1");
	fake_expect_none(w);
	fake_free(w);
}

static void sliver_of_a_window_is_used_only_after_the_timer(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, 1000, false);

	(void)state;
	fake_send(w, p, data, 2000, 0);
	fake_run(w, 200 * MS);
	fake_skip(w);
	/* 100 bytes: less than half of the largest window. */
	inject_ack(w, 1, 1001, 100);
	fake_run(w, 500 * MS - 1);
	fake_expect_none(w);
	fake_run(w, 500 * MS);
	fake_expect(w, 500 * MS, "P. 1001:1101(100) ack 1");
	fake_free(w);
}

static void sliver_behind_a_window_long_closed_is_used_within_a_second(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, 1000, false);

	(void)state;
	fake_send(w, p, data, 2000, 0);
	fake_run(w, 200 * MS);
	inject_ack(w, 1, 1001, 0);
	/* Probed eight times: the next would leave a minute from now. */
	for (vs_time rto = 300 * MS; rto < 60 * S; rto *= 2) {
		fake_run(w, w->now + rto);
		inject_ack(w, 1, 1001, 0);
	}
	assert_int_equal(p->backoff, 8);
	fake_skip(w);
	fake_run(w, 100 * S);
	inject_ack(w, 1, 1001, 100);
	fake_run(w, 100 * S + 100 * MS);
	/* Its time does not begin anew when the same is said again. */
	inject_ack(w, 1, 1001, 100);
	fake_run(w, 101 * S);
	fake_expect(w, 100 * S + 300 * MS, "P. 1001:1101(100) ack 1");
	/* Nor is its repetition that of a probe. */
	fake_expect(w, 100 * S + 600 * MS, ". 1001:1101(100) ack 1");
	fake_expect_none(w);
	fake_free(w);
}

/* RFC 9293 3.10.7.4: at a window of zero only what begins at RCV.NXT is heard. */
static void acks_come_from_where_the_peer_has_drawn_back_its_window(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, 65535, false);
	struct wire_tcp h = {.window = 0};

	(void)state;
	fake_send(w, p, data, 3000, 0);
	fake_run(w, 200 * MS);
	inject_ack(w, 1, 1001, 0); /* 2,000 bytes are under way, and may no more be */
	fake_skip(w);
	fake_inject(w, ACK, 1, 1001, 2000, &h);
	fake_run(w, 201 * MS);
	fake_expect(w, 200 * MS, ". 1001:1001(0) ack 2001");
	inject_ack(w, 2001, 1001, 65535);
	fake_skip(w);
	fake_inject(w, ACK, 2001, 1001, 2000, &(struct wire_tcp){.window = 65535});
	fake_run(w, 202 * MS);
	fake_expect(w, 201 * MS, ". 3001:3001(0) ack 4001");
	fake_free(w);
}

static void keep_alive_probes_and_then_resets(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, 65535, false);

	(void)state;
	fake_option(w, p, STK_SO_KEEPALIVE, 1);
	fake_option(w, p, STK_TCP_KEEPIDLE, 60);
	fake_option(w, p, STK_TCP_KEEPINTVL, 10);
	fake_option(w, p, STK_TCP_KEEPCNT, 3);
	fake_run(w, 65 * S);
	fake_expect(w, 60 * S + 100 * MS, ". 0:0(0) ack 1");
	inject_ack(w, 1, 1, 65535);
	fake_run(w, 200 * S);
	/* 60 s after the answer, then every 10 s, and the reset. */
	fake_expect(w, 125 * S, ". 0:0(0) ack 1");
	fake_expect(w, 135 * S, ". 0:0(0) ack 1");
	fake_expect(w, 145 * S, ". 0:0(0) ack 1");
	fake_expect(w, 155 * S, "R. 1:1(0) ack 1");
	fake_expect_none(w);
	assert_int_equal(p->so.error, ETIMEDOUT);
	fake_free(w);
}

static void user_timeout_ends_a_connection_that_is_not_answered(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, 65535, false);

	(void)state;
	fake_option(w, p, STK_TCP_USER_TIMEOUT, 3000);
	fake_send(w, p, data, 100, 0);
	fake_run(w, 3100 * MS - 1);
	assert_int_equal(p->state, TCP_ESTABLISHED);
	fake_run(w, 3100 * MS);
	assert_int_equal(p->state, TCP_CLOSED);
	assert_int_equal(p->so.error, ETIMEDOUT);
	fake_free(w);
}

static void acks_are_quick_at_the_start_then_wait_40_ms_or_a_second_segment(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, 65535, false);
	uint32_t seq = 1;
	char line[64];

	(void)state;
	/* The handshake's ACK was the first of the quick ones. */
	for (unsigned i = 0; i < TCP_QUICK_ACKS - 1; i++, seq += 1000) {
		fake_inject(w, ACK, seq, 1, 1000, NULL);
		snprintf(line, sizeof(line), ". 1:1(0) ack %u", seq + 1000);
		fake_expect(w, 100 * MS, line);
	}
	fake_inject(w, ACK, seq, 1, 1000, NULL);
	fake_expect_none(w);
	fake_run(w, 140 * MS);
	snprintf(line, sizeof(line), ". 1:1(0) ack %u", seq + 1000);
	fake_expect(w, 140 * MS, line);
	fake_inject(w, ACK, seq + 1000, 1, 1000, NULL);
	fake_run(w, 150 * MS);
	fake_expect_none(w);
	fake_inject(w, ACK, seq + 2000, 1, 1000, NULL);
	snprintf(line, sizeof(line), ". 1:1(0) ack %u", seq + 3000);
	fake_expect(w, 150 * MS, line);
	assert_int_equal(p->rcv.ready_bytes, seq + 3000 - 1);
	fake_run(w, 400 * MS);
	fake_expect_none(w);
	fake_free(w);
}

static void cork_holds_a_small_segment_for_200_ms_or_until_it_is_pulled(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, 65535, false);

	(void)state;
	fake_send(w, p, data, 300, STK_MSG_MORE);
	fake_run(w, 200 * MS);
	fake_send(w, p, data, 800, STK_MSG_MORE);
	fake_expect(w, 200 * MS, ". 1:1001(1000) ack 1");
	fake_run(w, 300 * MS - 1);
	fake_expect_none(w);
	fake_run(w, 300 * MS);
	fake_expect(w, 300 * MS, "P. 1001:1101(100) ack 1");
	inject_ack(w, 1, 1101, 65535);
	fake_option(w, p, STK_TCP_CORK, 1);
	fake_send(w, p, data, 10, 0);
	fake_expect_none(w);
	fake_option(w, p, STK_TCP_CORK, 0);
	fake_expect(w, 300 * MS, "P. 1101:1111(10) ack 1");
	fake_expect_none(w);
	fake_free(w);
}

static void nagle_holds_the_second_small_segment_and_nodelay_does_not(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, 65535, false);

	(void)state;
	fake_send(w, p, data, 10, 0);
	fake_send(w, p, data, 10, 0);
	fake_send(w, p, data, 10, 0);
	fake_expect(w, 100 * MS, "P. 1:11(10) ack 1");
	fake_expect_none(w);
	inject_ack(w, 1, 11, 65535);
	fake_expect(w, 100 * MS, "P. 11:31(20) ack 1");
	fake_send(w, p, data, 10, 0);
	fake_expect_none(w);
	fake_option(w, p, STK_TCP_NODELAY, 1);
	fake_expect(w, 100 * MS, "P. 31:41(10) ack 1");
	fake_send(w, p, data, 10, 0);
	fake_expect(w, 100 * MS, "P. 41:51(10) ack 1");
	fake_expect_none(w);
	fake_free(w);
}

static void fin_is_repeated_and_the_orphan_gives_up(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, 65535, false);

	(void)state;
	fake_close(w, p);
	fake_run(w, 1100 * MS);
	fake_expect(w, 100 * MS, "F. 1:1(0) ack 1");
	fake_expect(w, 400 * MS, "F. 1:1(0) ack 1");
	fake_expect(w, 1000 * MS, "F. 1:1(0) ack 1");
	fake_expect_none(w);
	fake_run(w, 400 * S);
	assert_int_equal(w->host[0].sockets_live, 0);
	fake_free(w);
}

static void orphan_in_fin_wait_2_goes_after_60_s(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, 65535, false);

	(void)state;
	fake_close(w, p);
	inject_ack(w, 1, 2, 65535);
	assert_int_equal(p->state, TCP_FIN_WAIT_2);
	fake_run(w, 60 * S + 100 * MS - 1);
	assert_int_equal(w->host[0].sockets_live, 1);
	fake_run(w, 60 * S + 100 * MS);
	assert_int_equal(w->host[0].sockets_live, 0);
	fake_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(syn_is_repeated_at_1_3_7_15_31_63_s_and_given_up_at_127),
		cmocka_unit_test(syn_ack_is_repeated_five_times),
		cmocka_unit_test(data_is_repeated_with_doubling_timeouts),
		cmocka_unit_test(karn_a_repeated_segment_is_no_sample_and_backoff_stays),
		cmocka_unit_test(after_a_lost_syn_the_window_is_one_segment_and_rto_3_s),
		cmocka_unit_test(echo_tells_the_round_trip_of_a_repeated_syn),
		cmocka_unit_test(zero_window_is_probed_with_back_off_for_as_long_as_it_is_answered),
		cmocka_unit_test(sliver_of_a_window_is_used_only_after_the_timer),
		cmocka_unit_test(sliver_behind_a_window_long_closed_is_used_within_a_second),
		cmocka_unit_test(acks_come_from_where_the_peer_has_drawn_back_its_window),
		cmocka_unit_test(keep_alive_probes_and_then_resets),
		cmocka_unit_test(user_timeout_ends_a_connection_that_is_not_answered),
		cmocka_unit_test(acks_are_quick_at_the_start_then_wait_40_ms_or_a_second_segment),
		cmocka_unit_test(cork_holds_a_small_segment_for_200_ms_or_until_it_is_pulled),
		cmocka_unit_test(nagle_holds_the_second_small_segment_and_nodelay_does_not),
		cmocka_unit_test(fin_is_repeated_and_the_orphan_gives_up),
		cmocka_unit_test(orphan_in_fin_wait_2_goes_after_60_s),
	};

	return cmocka_run_group_tests_name("tcp_timer", tests, NULL, NULL);
}
