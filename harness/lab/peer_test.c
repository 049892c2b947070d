/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Peers and exchanges: what they do is what the other side sees, and it survives. */
#include <errno.h>

#include "harness/lab/test_lab.h"

/* alice and a peer, the cable between them, a ping that makes them neighbours. */
static struct vsq_lab *peer_new(void)
{
	struct vsq_lab *lab = vsq_new("peer", 1);

	must(lab, vsq_add_host(lab, "alice"));
	must(lab, vsq_add_peer(lab, "mallory"));
	for (int i = 0; i < 2; i++) {
		must(lab, vsq_address(lab, i, 1, i ? "10.0.0.2/24" : "10.0.0.1/24"));
		must(lab, vsq_address(lab, i, 1, i ? "2001:db8::2/64" : "2001:db8::1/64"));
	}
	must(lab, vsq_join(lab, NULL, 0, 0, 1, 0));
	must(lab, vsq_link(lab, 0, "delay", "50"));
	must(lab, vsq_app(lab, "ping", 0, 1, "count=1 family=4"));
	must(lab, vsq_app(lab, "ping", 0, 1, "count=1 family=6"));
	return lab;
}

static void a_plain_peer_takes_a_stream_and_answers_in_both_families(void **state)
{
	struct vsq_lab *lab = peer_new();

	(void)state;
	must(lab, vsq_app(lab, "tcp-peer", 0, 1, "start=2s bytes=100KB response=20KB family=4"));
	must(lab, vsq_app(lab, "tcp-peer", 0, 1, "start=2s bytes=100KB response=20KB family=6"));
	run(lab, 60 * VS_SEC);
	assert_true(metric(lab, "app.0.received") == 1 && metric(lab, "app.1.received") == 1);
	for (int app = 2; app < 4; app++) {
		char name[40];

		snprintf(name, sizeof(name), "app.%d.done", app);
		assert_true(metric(lab, name) == 1);
		snprintf(name, sizeof(name), "app.%d.bytes_received", app);
		assert_true(metric(lab, name) == 100000);
		snprintf(name, sizeof(name), "app.%d.retransmits", app);
		assert_true(metric(lab, name) == 0);
	}
	assert_true(metric(lab, "node.mallory.Repeated") == 0);
	assert_true(metric(lab, "node.mallory.BeyondWindow") == 0);
	done(lab, NULL);
}

/* What was lost comes again, and the peer knows that it came again. */
static void a_plain_peer_survives_loss(void **state)
{
	struct vsq_lab *lab = peer_new();

	(void)state;
	must(lab, vsq_app(lab, "tcp-peer", 0, 1, "start=2s bytes=300KB response=50KB"));
	must(lab, vsq_at(lab, 1900 * VS_MSEC, "alice-mallory loss 4"));
	must(lab, vsq_at(lab, 1900 * VS_MSEC, "alice-mallory dup 4"));
	run(lab, 300 * VS_SEC);
	assert_true(metric(lab, "app.2.done") == 1);
	assert_true(metric(lab, "app.2.bytes_received") == 300000);
	assert_true(metric(lab, "node.mallory.Repeated") > 0);
	done(lab, NULL);
}

static void every_act_leaves_the_host_alive(void **state)
{
	static const struct {
		const char *act;
		const char *error; /* of the metric "error"; NULL: the stream arrives */
		const char *counter; /* of the host; at least one */
	} acts[] = {
		{"stretch", NULL, NULL},
		{"divide", NULL, NULL},
		{"optimistic", NULL, "TcpChallengeAck"},
		{"beyond", NULL, "TcpChallengeAck"},
		{"duplicate", NULL, NULL},
		{"silent", "ETIMEDOUT", "TcpTimeouts"},
		{"shrink hold=2s", NULL, NULL},
		{"zero hold=2s", NULL, "TcpZeroWindowProbes"},
		{"lost-update hold=2s", NULL, "TcpZeroWindowProbes"},
		{"deaf", "ETIMEDOUT", "TcpTimeouts"},
		{"renege", NULL, NULL},
		{"false-dsack", NULL, NULL},
		{"echo-ce", NULL, NULL},
		{"blind-rst", NULL, "TcpChallengeAck"},
		{"exact-rst", "ECONNRESET", NULL},
		{"blind-syn", NULL, "TcpChallengeAck"},
		{"blind-data", NULL, "TcpChallengeAck"},
		{"outside", NULL, "TcpOutOfWindow"},
		{"stale", NULL, "TcpPaws"},
		{"garbage", NULL, NULL},
		{"forget", "ECONNRESET", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		struct vsq_lab *lab = peer_new();
		char text[160];

		must(lab, vsq_setting(lab, 0, "net.ipv4.tcp_retries2", "3"));
		snprintf(text, sizeof(text), "start=2s bytes=100KB after=5 act=%s", acts[i].act);
		must(lab, vsq_app(lab, "tcp-peer", 0, 1, text));
		if (acts[i].error)
			must(lab, vsq_expect(lab, "app.2.error", "==",
					     strcmp(acts[i].error, "ETIMEDOUT") ? ECONNRESET
										: ETIMEDOUT));
		else
			must(lab, vsq_expect(lab, "app.2.done", "==", 1));
		run(lab, 120 * VS_SEC);
		if (acts[i].counter) {
			snprintf(text, sizeof(text), "node.alice.%s", acts[i].counter);
			assert_true(metric(lab, text) >= 1);
		}
		done(lab, NULL);
	}
}

static void a_flood_fills_the_backlog_and_no_more(void **state)
{
	struct vsq_lab *lab = peer_new();

	(void)state;
	must(lab, vsq_add_host(lab, "carol"));
	must(lab, vsq_address(lab, 2, 1, "10.9.0.1/24"));
	must(lab, vsq_address(lab, 0, 2, "10.9.0.2/24"));
	must(lab, vsq_join(lab, NULL, 0, 0, 2, 0));
	must(lab, vsq_route(lab, 2, "default", "10.9.0.2"));
	must(lab, vsq_setting(lab, 0, "net.ipv4.tcp_max_syn_backlog", "64"));
	must(lab, vsq_app(lab, "tcp-bulk", 2, 0, "start=3s bytes=100KB port=80"));
	assert_int_equal(vsq_app(lab, "syn-flood", 1, 0, "start=2s count=0"), -EINVAL);
	must(lab, vsq_app(lab, "syn-flood", 1, 0, "start=3001ms count=500 port=80"));
	run(lab, 60 * VS_SEC);
	assert_true(metric(lab, "app.2.done") == 1);
	assert_true(metric(lab, "node.mallory.SynsOut") == 500);
	done(lab, NULL);
}

static void both_ends_may_open_close_and_reset(void **state)
{
	struct vsq_lab *lab = pair_new(1);

	(void)state;
	must(lab, vsq_link(lab, 0, "delay", "10"));
	must(lab, vsq_app(lab, "tcp-exchange", 0, 1, "bytes=50KB response=70KB"));
	must(lab, vsq_app(lab, "tcp-exchange", 0, 1,
			  "bytes=5KB response=7KB simultaneous=1 start=1s"));
	must(lab, vsq_app(lab, "tcp-exchange", 0, 1,
			  "bytes=5KB start=2s close=3s close_back=3s"));
	must(lab, vsq_app(lab, "tcp-exchange", 0, 1, "bytes=5KB start=4s close=60s reset=5s"));
	must(lab, vsq_app(lab, "tcp-exchange", 0, 1, "bytes=5KB start=4s close=60s reset_back=5s"));
	run(lab, 20 * VS_SEC);
	for (int app = 0; app < 5; app++) {
		char name[40];

		snprintf(name, sizeof(name), "app.%d.done", app);
		assert_true(metric(lab, name) == 1);
	}
	assert_true(metric(lab, "app.2.duration") == 1.01 * VS_SEC);
	assert_true(metric(lab, "app.3.error_back") == ECONNRESET);
	assert_true(metric(lab, "app.3.error") == 0);
	assert_true(metric(lab, "app.4.error") == ECONNRESET);
	assert_true(metric(lab, "node.alice.TcpPassiveOpens") == 0);
	done(lab, NULL);
}

static void a_slow_reader_reads_at_its_rate(void **state)
{
	struct vsq_lab *lab = pair_new(1);

	(void)state;
	must(lab, vsq_link(lab, 0, "delay", "10"));
	must(lab, vsq_app(lab, "tcp-bulk", 0, 1, "bytes=100KB read=80kbit/s rcvbuf=20KB"));
	must(lab, vsq_app(lab, "tcp-bulk", 0, 1, "bytes=100KB pause=0s resume=5s rcvbuf=20KB"));
	run(lab, 60 * VS_SEC);
	assert_true(metric(lab, "app.0.duration") >= 9.9 * VS_SEC);
	assert_true(metric(lab, "app.0.duration") <= 10.3 * VS_SEC);
	assert_true(metric(lab, "app.1.duration") >= 5.0 * VS_SEC);
	assert_true(metric(lab, "app.1.duration") <= 6.0 * VS_SEC);
	done(lab, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_peer_takes_a_stream_and_answers_in_both_families),
		cmocka_unit_test(a_plain_peer_survives_loss),
		cmocka_unit_test(every_act_leaves_the_host_alive),
		cmocka_unit_test(a_flood_fills_the_backlog_and_no_more),
		cmocka_unit_test(both_ends_may_open_close_and_reset),
		cmocka_unit_test(a_slow_reader_reads_at_its_rate),
	};

	return cmocka_run_group_tests_name("peer", tests, NULL, NULL);
}
