/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* RACK and TLP, RFC 8985, segment by segment. The peer is the test; segments are 1,000 bytes, the
 * round trip is 100 ms.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "stack/tcp/tcp_fake.h"

#define MS  VS_MSEC
#define ACK WIRE_TCP_ACK

static uint8_t data[200000];

static struct tcp_pcb *connected(struct fake *w)
{
	struct wire_tcp syn = {
		.window = 65535, .has_mss = true, .mss = 1000, .sack_permitted = true};
	struct tcp_pcb *p;

	fake_set(w, "net.ipv4.tcp_congestion_control", "reno");
	p = fake_connect(w, 0, 80);
	fake_run(w, w->now + 100 * MS);
	fake_inject(w, WIRE_TCP_SYN | ACK, 0, 1, 0, &syn);
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

static void sent(struct fake *w, vs_time at, unsigned first, unsigned last, bool push)
{
	char line[64];

	for (unsigned i = first; i < last; i++) {
		snprintf(line, sizeof(line), "%s %u:%u(1000) ack 1",
			 push && i == last - 1 ? "P." : ".", 1 + i * 1000, 1001 + i * 1000);
		fake_expect(w, at, line);
	}
}

static void lost_retransmission_leaves_again_without_a_timeout(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w);

	(void)state;
	fake_send(w, p, data, 20000, 0);
	sent_new(w, 100 * MS, 0, 10);
	fake_run(w, 200 * MS);
	ack(w, 0, 1, 4, 0, 0);
	/* Three SACKed: the first is lost, and the window is five. */
	sent(w, 200 * MS, 0, 1, false);
	ack(w, 0, 1, 10, 0, 0);
	sent_new(w, 200 * MS, 10, 14);
	fake_expect_none(w);
	/* What left after the retransmission arrives, it does not. */
	fake_run(w, 300 * MS);
	ack(w, 0, 1, 11, 0, 0);
	sent(w, 300 * MS, 0, 1, false);
	fake_run(w, 310 * MS);
	assert_int_equal(w->host[0].counters[STK_TcpTimeouts], 0);
	assert_int_equal(w->host[0].counters[STK_TcpRetransSegs], 2);
	fake_free(w);
}

/* RFC 8985 6.2's RACK_sent_after(), when time does not tell: what left in the same instant, but
 * before the retransmission, says nothing about it.
 */
static void order_within_an_instant_is_that_of_leaving(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w);

	(void)state;
	fake_send(w, p, data, 20000, 0);
	sent_new(w, 100 * MS, 0, 10);
	fake_run(w, 200 * MS);
	ack(w, 2, 0, 0, 0, 0);
	sent_new(w, 200 * MS, 10, 14);
	ack(w, 2, 3, 6, 0, 0);
	sent(w, 200 * MS, 2, 3, false);
	fake_run(w, 300 * MS);
	ack(w, 2, 3, 11, 0, 0);
	ack(w, 2, 3, 14, 0, 0);
	assert_int_equal(w->host[0].counters[STK_TcpRetransSegs], 1);
	ack(w, 14, 0, 0, 0, 0);
	assert_int_equal(w->host[0].counters[STK_TcpRetransSegs], 1);
	assert_int_equal(w->host[0].counters[STK_TcpTimeouts], 0);
	fake_free(w);
}

static void reordering_once_seen_is_waited_for(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w);

	(void)state;
	fake_send(w, p, data, 4000, 0);
	fake_run(w, 200 * MS);
	/* The first comes after the third. */
	ack(w, 0, 1, 3, 0, 0);
	ack(w, 3, 0, 0, 0, 0);
	ack(w, 4, 0, 0, 0, 0);
	assert_true(p->rack.reordered);
	fake_skip(w);
	fake_send(w, p, data, 6000, 0);
	sent_new(w, 200 * MS, 4, 10);
	fake_run(w, 300 * MS);
	ack(w, 4, 5, 9, 0, 0);
	/* Four SACKed above, but a quarter of the round trip is granted. */
	fake_expect_none(w);
	fake_run(w, 325 * MS - 1);
	fake_expect_none(w);
	fake_run(w, 325 * MS);
	sent(w, 325 * MS, 4, 5, false);
	assert_int_equal(p->recovery, TCP_RECOVERY);
	fake_free(w);
}

static void one_ack_for_much_is_no_reordering(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w);

	(void)state;
	fake_send(w, p, data, 10000, 0);
	fake_run(w, 200 * MS);
	/* The ACKs of 0, 1 and 5 were delayed or lost: this one reports all, the highest first. */
	ack(w, 2, 7, 8, 5, 6);
	assert_false(p->rack.reordered);
	assert_int_equal(p->board.sacked, 2000);
	/* What arrives now, below what has been reported before, did not come in order. */
	ack(w, 2, 3, 4, 7, 8);
	assert_true(p->rack.reordered);
	fake_free(w);
}

static void silent_tail_is_probed_after_two_round_trips(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w);

	(void)state;
	fake_send(w, p, data, 4000, 0);
	sent_new(w, 100 * MS, 0, 4);
	fake_run(w, 302 * MS - 1);
	fake_expect_none(w);
	fake_run(w, 302 * MS);
	sent(w, 302 * MS, 3, 4, true);
	fake_expect_none(w);
	/* The probe's SACK shows that all before it is lost. */
	fake_run(w, 402 * MS);
	ack(w, 0, 3, 4, 0, 0);
	/* RFC 9937: one has arrived, so one leaves; then two, as nothing more is lost. */
	sent(w, 402 * MS, 0, 1, false);
	fake_expect_none(w);
	assert_int_equal(p->recovery, TCP_RECOVERY);
	fake_run(w, 502 * MS);
	ack(w, 1, 3, 4, 0, 0);
	sent(w, 502 * MS, 1, 3, false);
	assert_int_equal(w->host[0].counters[STK_TcpTimeouts], 0);
	fake_free(w);
}

static void probe_is_new_data_if_there_is_some(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w);

	(void)state;
	fake_send(w, p, data, 20000, 0);
	fake_run(w, 302 * MS - 1);
	fake_skip(w);
	fake_run(w, 302 * MS);
	sent(w, 302 * MS, 10, 11, false);
	fake_expect_none(w);
	/* Not a second time, and the timeout follows. */
	fake_run(w, 602 * MS);
	sent(w, 602 * MS, 0, 1, false);
	assert_int_equal(w->host[0].counters[STK_TcpTimeouts], 1);
	fake_free(w);
}

static void probe_takes_the_place_of_a_timeout_that_would_come_first(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w);

	(void)state;
	/* A lone segment: 2 SRTT and 200 ms are 400 ms, the timeout is 300 ms. */
	fake_send(w, p, data, 1000, 0);
	sent(w, 100 * MS, 0, 1, true);
	fake_run(w, 400 * MS - 1);
	fake_expect_none(w);
	fake_run(w, 400 * MS);
	sent(w, 400 * MS, 0, 1, true);
	assert_true(p->rack.tlp_out);
	assert_int_equal(p->recovery, TCP_OPEN);
	assert_int_equal(p->cwnd, 10000);
	assert_int_equal(w->host[0].counters[STK_TcpTimeouts], 0);
	/* One probe; the timeout begins anew with it. */
	fake_run(w, 700 * MS);
	sent(w, 700 * MS, 0, 1, true);
	fake_expect_none(w);
	assert_int_equal(w->host[0].counters[STK_TcpTimeouts], 1);
	fake_free(w);
}

static void loss_that_the_probe_repaired_counts_as_one(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w);

	(void)state;
	fake_send(w, p, data, 10000, 0);
	fake_run(w, 200 * MS);
	ack(w, 9, 0, 0, 0, 0);
	/* One segment is out: its ACK may be delayed, so the timeout comes first. */
	fake_run(w, 500 * MS);
	fake_skip(w);
	ack(w, 10, 0, 0, 0, 0);
	p->cwnd = 10000;
	p->ssthresh = 100000;
	fake_send(w, p, data, 2000, 0);
	fake_run(w, 600 * MS);
	fake_run(w, 702 * MS);
	fake_skip(w);
	assert_true(p->rack.tlp_out && p->rack.tlp_again);
	/* New data go out, and an ACK beyond the probe shows that its first copy was lost. */
	fake_send(w, p, data, 1000, 0);
	ack(w, 13, 0, 0, 0, 0);
	assert_false(p->rack.tlp_out);
	assert_int_equal(p->ssthresh, 2000);
	assert_int_equal(p->cwnd, 2000);
	fake_free(w);
}

static void duplicate_report_of_the_probe_means_no_loss(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w);

	(void)state;
	fake_send(w, p, data, 4000, 0);
	fake_run(w, 302 * MS);
	ack(w, 4, 0, 0, 0, 0);
	ack(w, 4, 3, 4, 0, 0);
	assert_false(p->rack.tlp_out);
	assert_int_equal(p->cwnd, 10000);
	assert_int_equal(p->recovery, TCP_OPEN);
	fake_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lost_retransmission_leaves_again_without_a_timeout),
		cmocka_unit_test(order_within_an_instant_is_that_of_leaving),
		cmocka_unit_test(reordering_once_seen_is_waited_for),
		cmocka_unit_test(one_ack_for_much_is_no_reordering),
		cmocka_unit_test(silent_tail_is_probed_after_two_round_trips),
		cmocka_unit_test(probe_is_new_data_if_there_is_some),
		cmocka_unit_test(probe_takes_the_place_of_a_timeout_that_would_come_first),
		cmocka_unit_test(loss_that_the_probe_repaired_counts_as_one),
		cmocka_unit_test(duplicate_report_of_the_probe_means_no_loss),
	};

	return cmocka_run_group_tests_name("tcp_rack", tests, NULL, NULL);
}
