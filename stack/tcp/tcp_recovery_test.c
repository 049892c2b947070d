/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loss recovery, segment by segment: RFC 5681 3.2, RFC 6582, RFC 6675, RFC 2018 and 2883. The peer
 * is the test; segments are 1,000 bytes, the round trip is 100 ms.
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

static uint8_t data[200000];

static struct tcp_pcb *connected(struct fake *w, bool sack)
{
	struct wire_tcp syn = {
		.window = 65535, .has_mss = true, .mss = 1000, .sack_permitted = sack};
	struct tcp_pcb *p;

	fake_set(w, "net.ipv4.tcp_congestion_control", "reno");
	fake_set(w, "net.ipv4.tcp_recovery", "0");
	fake_set(w, "net.ipv4.tcp_early_retrans", "0");
	p = fake_connect(w, 0, 80);
	fake_run(w, w->now + 100 * MS);
	fake_inject(w, WIRE_TCP_SYN | ACK, 0, 1, 0, &syn);
	assert_int_equal(p->state, TCP_ESTABLISHED);
	fake_skip(w);
	return p;
}

/* The ACK in thousands, and up to two SACK blocks, also in thousands. */
static void ack(struct fake *w, uint32_t k, uint32_t l1, uint32_t r1, uint32_t l2, uint32_t r2)
{
	struct wire_tcp h = {.window = 65535};
	uint32_t iss = w->host[0].iss + 1;

	if (r1)
		h.sack[h.sacks++] = (struct wire_tcp_sack){iss + l1 * 1000, iss + r1 * 1000};
	if (r2)
		h.sack[h.sacks++] = (struct wire_tcp_sack){iss + l2 * 1000, iss + r2 * 1000};
	fake_inject(w, ACK, 1, 1 + k * 1000, 0, &h);
}

/* New segments, which leave in bursts of two. */
static void sent_new(struct fake *w, vs_time at, unsigned first, unsigned last)
{
	char line[64];

	for (unsigned i = first; i < last; i++) {
		snprintf(line, sizeof(line), "%s %u:%u(1000) ack 1", (i - first) % 2 ? "P." : ".",
			 1 + i * 1000, 1001 + i * 1000);
		fake_expect(w, at, line);
	}
}

/* Segments first..last, in thousands, left at this time, one by one or again. */
static void sent(struct fake *w, vs_time at, unsigned first, unsigned last)
{
	char line[64];

	for (unsigned i = first; i < last; i++) {
		snprintf(line, sizeof(line), ". %u:%u(1000) ack 1", 1 + i * 1000, 1001 + i * 1000);
		fake_expect(w, at, line);
	}
}

static void third_duplicate_ack_sends_again_at_once(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, false);

	(void)state;
	fake_send(w, p, data, 40000, 0);
	sent_new(w, 100 * MS, 0, 10);
	fake_expect_none(w);
	fake_run(w, 200 * MS);
	ack(w, 0, 0, 0, 0, 0);
	/* RFC 3042: the first two let one new segment out each. */
	sent(w, 200 * MS, 10, 11);
	fake_expect_none(w);
	ack(w, 0, 0, 0, 0, 0);
	sent(w, 200 * MS, 11, 12);
	assert_int_equal(p->cwnd, 10000);
	ack(w, 0, 0, 0, 0, 0);
	sent(w, 200 * MS, 0, 1);
	fake_expect_none(w);
	assert_int_equal(p->recovery, TCP_RECOVERY);
	assert_int_equal(p->ssthresh, 5000);
	assert_int_equal(p->recover - p->iss, 12001);
	/* Each further duplicate stands for a segment that left: 12 out, 5 may be. */
	for (unsigned i = 0; i < 4; i++)
		ack(w, 0, 0, 0, 0, 0);
	fake_expect_none(w);
	ack(w, 0, 0, 0, 0, 0);
	sent(w, 200 * MS, 12, 13);
	/* All is there: the window is the half. */
	ack(w, 12, 0, 0, 0, 0);
	assert_int_equal(p->recovery, TCP_OPEN);
	assert_int_equal(p->cwnd, 2000);
	assert_int_equal(w->host[0].counters[STK_TcpFastRetrans], 1);
	assert_int_equal(w->host[0].counters[STK_TcpRenoRecovery], 1);
	assert_int_equal(w->host[0].counters[STK_TcpTimeouts], 0);
	fake_free(w);
}

static void newreno_partial_ack_sends_the_next_hole(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, false);

	(void)state;
	fake_send(w, p, data, 10000, 0);
	fake_run(w, 200 * MS);
	fake_skip(w);
	/* 0 and 4 are lost; eight arrive. */
	for (unsigned i = 0; i < 8; i++)
		ack(w, 0, 0, 0, 0, 0);
	sent(w, 200 * MS, 0, 1);
	fake_expect_none(w);
	fake_run(w, 300 * MS);
	ack(w, 4, 0, 0, 0, 0);
	sent(w, 300 * MS, 4, 5);
	fake_expect_none(w);
	assert_int_equal(p->recovery, TCP_RECOVERY);
	ack(w, 10, 0, 0, 0, 0);
	assert_int_equal(p->recovery, TCP_OPEN);
	assert_int_equal(w->host[0].counters[STK_TcpFastRetrans], 2);
	fake_free(w);
}

static void sack_recovery_fills_the_holes_and_only_them(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, true);

	(void)state;
	fake_send(w, p, data, 10000, 0);
	fake_run(w, 200 * MS);
	fake_skip(w);
	/* 0, 3 and 4 are lost. */
	ack(w, 0, 1, 2, 0, 0);
	ack(w, 0, 1, 3, 0, 0);
	fake_expect_none(w);
	ack(w, 0, 5, 6, 1, 3);
	/* Three SACKed above the first: it is lost; the others are not yet. */
	sent(w, 200 * MS, 0, 1);
	fake_expect_none(w);
	assert_int_equal(p->ssthresh, 5000);
	/* RFC 9937: six in flight besides the retransmission; it goes down to five by and by. */
	assert_int_equal(p->cwnd, 7000);
	ack(w, 0, 5, 7, 1, 3);
	fake_expect_none(w);
	/* With 5..8 SACKed the other two are lost as well. */
	ack(w, 0, 5, 8, 1, 3);
	sent(w, 200 * MS, 3, 5);
	fake_expect_none(w);
	ack(w, 0, 5, 10, 1, 3);
	fake_expect_none(w);
	fake_run(w, 300 * MS);
	ack(w, 3, 5, 10, 0, 0);
	fake_expect_none(w);
	ack(w, 10, 0, 0, 0, 0);
	fake_expect_none(w);
	assert_int_equal(p->recovery, TCP_OPEN);
	assert_int_equal(p->cwnd, 5000);
	assert_int_equal(w->host[0].counters[STK_TcpRetransSegs], 3);
	assert_int_equal(w->host[0].counters[STK_TcpSackRecovery], 1);
	fake_free(w);
}

static void three_small_segments_sacked_are_enough(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, true);
	struct wire_tcp h = {.window = 65535, .sacks = 1};

	(void)state;
	fake_option(w, p, STK_TCP_NODELAY, 1);
	for (unsigned i = 0; i < 5; i++)
		fake_send(w, p, data, 100, 0);
	fake_run(w, 200 * MS);
	fake_skip(w);
	h.sack[0] = (struct wire_tcp_sack){p->snd_una + 100, p->snd_una + 300};
	fake_inject(w, ACK, 1, 1, 0, &h);
	fake_expect_none(w);
	h.sack[0].right += 100;
	fake_inject(w, ACK, 1, 1, 0, &h);
	fake_expect(w, 200 * MS, "P. 1:101(100) ack 1");
	/* NextSeg() (4): there is nothing new, so the last leaves once more, and only once. */
	fake_expect(w, 200 * MS, "P. 401:501(100) ack 1");
	fake_inject(w, ACK, 1, 1, 0, &h);
	fake_expect_none(w);
	fake_free(w);
}

static void rescue_is_the_last_segment_once_a_recovery(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, true);

	(void)state;
	fake_send(w, p, data, 10000, 0);
	fake_run(w, 200 * MS);
	fake_skip(w);
	/* 0, 8 and 9 are lost. Nothing is new, no hole below the highest SACK is left: NextSeg()
	 * (4). */
	ack(w, 0, 1, 4, 0, 0);
	sent(w, 200 * MS, 0, 1);
	ack(w, 0, 1, 7, 0, 0);
	fake_expect(w, 200 * MS, "P. 9001:10001(1000) ack 1");
	ack(w, 0, 1, 8, 0, 0);
	fake_expect_none(w);
	/* It arrives, and shows the hole before it: without it a timeout would have. */
	fake_run(w, 300 * MS);
	ack(w, 8, 9, 10, 0, 0);
	sent(w, 300 * MS, 8, 9);
	fake_expect_none(w);
	fake_run(w, 400 * MS);
	ack(w, 10, 0, 0, 0, 0);
	assert_int_equal(p->recovery, TCP_OPEN);
	assert_int_equal(w->host[0].counters[STK_TcpTimeouts], 0);
	/* The next recovery has its own. */
	p->cwnd = 10000;
	fake_send(w, p, data, 8000, 0);
	fake_skip(w);
	ack(w, 10, 11, 17, 0, 0);
	sent(w, 400 * MS, 10, 11);
	fake_expect(w, 400 * MS, "P. 17001:18001(1000) ack 1");
	fake_expect_none(w);
	fake_free(w);
}

static void sacked_segments_are_not_sent_again_after_a_timeout(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, true);

	(void)state;
	fake_send(w, p, data, 4000, 0);
	fake_run(w, 200 * MS);
	fake_skip(w);
	ack(w, 0, 1, 3, 0, 0);
	fake_run(w, 400 * MS);
	sent(w, 400 * MS, 0, 1);
	fake_expect_none(w);
	assert_int_equal(p->recovery, TCP_LOSS);
	assert_int_equal(p->cwnd, 1000);
	fake_run(w, 500 * MS);
	ack(w, 3, 0, 0, 0, 0);
	fake_expect(w, 500 * MS, "P. 3001:4001(1000) ack 1");
	fake_expect_none(w);
	ack(w, 4, 0, 0, 0, 0);
	assert_int_equal(p->recovery, TCP_OPEN);
	fake_free(w);
}

static void a_peer_that_reneges_is_not_believed(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, true);

	(void)state;
	fake_send(w, p, data, 4000, 0);
	fake_run(w, 200 * MS);
	ack(w, 0, 1, 3, 0, 0);
	fake_run(w, 400 * MS);
	ack(w, 1, 0, 0, 0, 0);
	fake_run(w, 500 * MS);
	fake_skip(w);
	assert_int_equal(p->board.sacked, 2000);
	/* The first in flight was SACKed, but is asked for by the timeout. */
	fake_run(w, 5 * S);
	assert_int_equal(p->board.sacked, 0);
	ack(w, 4, 0, 0, 0, 0);
	assert_int_equal(p->snd_una, p->snd_nxt);
	fake_free(w);
}

static void slow_start_follows_a_timeout(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, false);

	(void)state;
	fake_send(w, p, data, 10000, 0);
	sent_new(w, 100 * MS, 0, 9);
	fake_skip(w);
	fake_run(w, 400 * MS);
	sent(w, 400 * MS, 0, 1);
	fake_expect_none(w);
	assert_int_equal(p->ssthresh, 5000);
	fake_run(w, 500 * MS);
	ack(w, 1, 0, 0, 0, 0);
	sent(w, 500 * MS, 1, 3);
	fake_expect_none(w);
	ack(w, 3, 0, 0, 0, 0);
	sent(w, 500 * MS, 3, 7);
	fake_expect_none(w);
	fake_free(w);
}

static void window_grows_by_a_segment_a_round_in_congestion_avoidance(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, false);

	(void)state;
	p->ssthresh = 10000;
	for (unsigned i = 1; i <= 21; i++) {
		fake_send(w, p, data, 200000, 0);
		ack(w, i, 0, 0, 0, 0);
		assert_int_equal(p->cwnd, i < 10 ? 10000 : i < 21 ? 11000 : 12000);
	}
	fake_free(w);
}

static void window_that_is_not_used_does_not_grow(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, false);

	(void)state;
	for (unsigned i = 1; i <= 50; i++) {
		fake_send(w, p, data, 1000, 0);
		ack(w, i, 0, 0, 0, 0);
	}
	assert_int_equal(p->cwnd, 10000);
	fake_free(w);
}

/* The receiver's side. */

static void sack_blocks_report_the_newest_first(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, true);

	(void)state;
	fake_inject(w, ACK, 1001, 1, 1000, NULL);
	fake_expect(w, 100 * MS, ". 1:1(0) ack 1 sack 1001:2001");
	fake_inject(w, ACK, 3001, 1, 1000, NULL);
	fake_expect(w, 100 * MS, ". 1:1(0) ack 1 sack 3001:4001,1001:2001");
	fake_inject(w, ACK, 5001, 1, 1000, NULL);
	fake_expect(w, 100 * MS, ". 1:1(0) ack 1 sack 5001:6001,3001:4001,1001:2001");
	fake_inject(w, ACK, 7001, 1, 1000, NULL);
	fake_expect(w, 100 * MS, ". 1:1(0) ack 1 sack 7001:8001,5001:6001,3001:4001,1001:2001");
	/* Joins two. */
	fake_inject(w, ACK, 4001, 1, 1000, NULL);
	fake_expect(w, 100 * MS, ". 1:1(0) ack 1 sack 3001:6001,7001:8001,1001:2001");
	fake_inject(w, ACK, 1, 1, 1000, NULL);
	fake_expect(w, 100 * MS, ". 1:1(0) ack 2001 sack 3001:6001,7001:8001");
	fake_inject(w, ACK, 2001, 1, 1000, NULL);
	fake_expect(w, 100 * MS, ". 1:1(0) ack 6001 sack 7001:8001");
	fake_inject(w, ACK | WIRE_TCP_FIN, 8001, 1, 0, NULL);
	fake_expect(w, 100 * MS, ". 1:1(0) ack 6001 sack 7001:8002");
	fake_inject(w, ACK, 6001, 1, 1000, NULL);
	fake_expect(w, 100 * MS, ". 1:1(0) ack 8002");
	assert_int_equal(p->state, TCP_CLOSE_WAIT);
	assert_int_equal(p->rcv.ready_bytes, 8000);
	for (uint32_t i = 1; i <= 8000; i++) {
		uint8_t byte;

		assert_int_equal(fake_recv(w, p, &byte, 1, 0), 1);
		assert_int_equal(byte, (uint8_t)(i * 7));
	}
	assert_int_equal(fake_recv(w, p, data, 1, 0), 0);
	assert_int_equal(p->rcv.held, 0);
	fake_free(w);
}

static void dsack_reports_what_came_twice(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);

	(void)state;
	connected(w, true);
	fake_inject(w, ACK, 1, 1, 1000, NULL);
	fake_skip(w);
	/* RFC 2883 4.1.1: below the ACK. */
	fake_inject(w, ACK, 1, 1, 1000, NULL);
	fake_expect(w, 100 * MS, ". 1:1(0) ack 1001 sack 1:1001");
	/* 4.1.2, 4.1.3: among the early, with the run that holds it. */
	fake_inject(w, ACK, 2001, 1, 2000, NULL);
	fake_expect(w, 100 * MS, ". 1:1(0) ack 1001 sack 2001:4001");
	fake_inject(w, ACK, 2501, 1, 1000, NULL);
	fake_expect(w, 100 * MS, ". 1:1(0) ack 1001 sack 2501:3501,2001:4001");
	/* 4.2.1: part of it is new. */
	fake_inject(w, ACK, 501, 1, 1000, NULL);
	fake_expect(w, 100 * MS, ". 1:1(0) ack 1501 sack 501:1001,2001:4001");
	/* Once only. */
	fake_inject(w, ACK, 1501, 1, 100, NULL);
	fake_expect(w, 100 * MS, ". 1:1(0) ack 1601 sack 2001:4001");
	fake_free(w);
}

static void early_segments_of_any_shape_are_put_together(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, true);
	uint8_t byte;

	(void)state;
	fake_inject(w, ACK, 101, 1, 50, NULL);
	fake_inject(w, ACK, 201, 1, 50, NULL);
	fake_inject(w, ACK, 51, 1, 300, NULL); /* covers both */
	fake_inject(w, ACK, 341, 1, 60, NULL); /* overlaps the end */
	fake_inject(w, ACK, 21, 1, 100, NULL); /* overlaps the start */
	fake_inject(w, ACK, 1, 1, 40, NULL);
	assert_int_equal(p->rcv.ready_bytes, 400);
	for (uint32_t i = 1; i <= 400; i++) {
		assert_int_equal(fake_recv(w, p, &byte, 1, 0), 1);
		assert_int_equal(byte, (uint8_t)(i * 7));
	}
	assert_int_equal(p->rcv.early.count + p->rcv.ranges_count, 0);
	fake_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(third_duplicate_ack_sends_again_at_once),
		cmocka_unit_test(newreno_partial_ack_sends_the_next_hole),
		cmocka_unit_test(sack_recovery_fills_the_holes_and_only_them),
		cmocka_unit_test(three_small_segments_sacked_are_enough),
		cmocka_unit_test(rescue_is_the_last_segment_once_a_recovery),
		cmocka_unit_test(sacked_segments_are_not_sent_again_after_a_timeout),
		cmocka_unit_test(a_peer_that_reneges_is_not_believed),
		cmocka_unit_test(slow_start_follows_a_timeout),
		cmocka_unit_test(window_grows_by_a_segment_a_round_in_congestion_avoidance),
		cmocka_unit_test(window_that_is_not_used_does_not_grow),
		cmocka_unit_test(sack_blocks_report_the_newest_first),
		cmocka_unit_test(dsack_reports_what_came_twice),
		cmocka_unit_test(early_segments_of_any_shape_are_put_together),
	};

	return cmocka_run_group_tests_name("tcp_recovery", tests, NULL, NULL);
}
