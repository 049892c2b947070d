/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The applications, over good and bad cables; what they measure is known beforehand. */
#include <errno.h>

#include "harness/lab/test_lab.h"

static double of_app(struct vsq_lab *lab, int app, const char *what)
{
	char name[64];

	snprintf(name, sizeof(name), "app.%d.%s", app, what);
	return metric(lab, name);
}

static void bulk_arrives_whole_over_a_bad_cable(void **state)
{
	double lost = 0;

	(void)state;
	for (uint64_t seed = 11; seed <= 18; seed++) {
		struct vsq_lab *lab = pair_new(seed);

		must(lab, vsq_link(lab, 0, "delay", "20+10U"));
		must(lab, vsq_link(lab, 0, "fifo", "0"));
		must(lab, vsq_link(lab, 0, "loss", "4"));
		must(lab, vsq_link(lab, 0, "dup", "3"));
		must(lab, vsq_link(lab, 0, "noise", "20"));
		must(lab, vsq_app(lab, "tcp-bulk", 0, 1, "bytes=200KB"));
		must(lab, vsq_app(lab, "tcp-bulk", 1, 0, "bytes=200KB family=6"));
		assert_int_equal(vsq_run(lab, 600 * VS_SEC, "app.0.done >= 1 and app.1.done >= 1",
					 NULL, NULL),
				 1);
		for (int app = 0; app < 2; app++) {
			assert_true(of_app(lab, app, "bytes_received") == 200000);
			assert_true(of_app(lab, app, "corrupted") == 0);
			assert_true(of_app(lab, app, "retransmits") > 0);
			lost += of_app(lab, app, "segments_lost");
		}
		done(lab, NULL);
	}
	assert_true(lost > 0);
}

static void bulk_fills_a_good_cable(void **state)
{
	struct vsq_lab *lab = pair_new(1);
	double share;

	(void)state;
	must(lab, vsq_link(lab, 0, "delay", "5"));
	must(lab, vsq_link(lab, 0, "speed", "1250000"));
	must(lab, vsq_app(lab, "tcp-bulk", 0, 1, "stop=20s"));
	run(lab, 30 * VS_SEC);
	assert_true(of_app(lab, 0, "done") == 1);
	/* 1,448 of 1,514 bytes are payload. */
	share = of_app(lab, 0, "goodput") / 10e6;
	assert_true(share > 0.90 && share <= 1448.0 / 1514);
	done(lab, NULL);
}

static void round_trips_of_segments_are_those_of_the_cable(void **state)
{
	struct vsq_lab *lab = pair_new(1);

	(void)state;
	must(lab, vsq_link(lab, 0, "delay", "25"));
	must(lab, vsq_link(lab, 0, "loss", "LR 2"));
	must(lab, vsq_app(lab, "tcp-bulk", 0, 1, "bytes=1MB"));
	run(lab, 120 * VS_SEC);
	assert_true(of_app(lab, 0, "rtt.count") > 50);
	/* A segment whose acknowledgement was delayed takes up to 40 ms more. */
	assert_true(of_app(lab, 0, "rtt.min") == 50.0 * VS_MSEC);
	assert_true(of_app(lab, 0, "rtt.p50") == 50.0 * VS_MSEC);
	assert_true(of_app(lab, 0, "rtt.max") <= 90.0 * VS_MSEC);
	done(lab, NULL);
}

static void requests_are_answered_one_round_trip_each(void **state)
{
	struct vsq_lab *lab = pair_new(1);

	(void)state;
	must(lab, vsq_link(lab, 0, "delay", "15"));
	must(lab, vsq_app(lab, "tcp-request-response", 0, 1, "requests=40"));
	must(lab, vsq_app(lab, "tcp-request-response", 0, 1,
			  "requests=5 request=20000 response=50000 interval=1s family=6"));
	run(lab, 60 * VS_SEC);
	assert_true(of_app(lab, 0, "received") == 40);
	assert_true(of_app(lab, 0, "rtt.max") == 30.0 * VS_MSEC);
	assert_true(of_app(lab, 1, "received") == 5);
	assert_true(of_app(lab, 1, "bytes_received") == 100000);
	assert_true(of_app(lab, 1, "done") == 1);
	done(lab, NULL);
}

static void echo_brings_every_message_back(void **state)
{
	struct vsq_lab *lab = pair_new(1);

	(void)state;
	must(lab, vsq_link(lab, 0, "delay", "15"));
	must(lab, vsq_app(lab, "tcp-echo", 0, 1, "count=30"));
	must(lab, vsq_app(lab, "tcp-echo", 1, 0, "count=4 size=300000 interval=5s"));
	run(lab, 120 * VS_SEC);
	assert_true(of_app(lab, 0, "received") == 30);
	assert_true(of_app(lab, 0, "rtt.max") == 30.0 * VS_MSEC);
	assert_true(of_app(lab, 1, "received") == 4);
	assert_true(of_app(lab, 1, "bytes_received") == 1200000);
	done(lab, NULL);
}

static void datagrams_tell_loss_copies_and_delay(void **state)
{
	struct vsq_lab *lab = pair_new(5);
	double lost, duplicates;

	(void)state;
	must(lab, vsq_link(lab, 0, "delay", "LR 33"));
	must(lab, vsq_link(lab, 0, "loss", "LR 10"));
	must(lab, vsq_link(lab, 0, "dup", "LR 5"));
	must(lab, vsq_app(lab, "udp-cbr", 0, 1, "rate=800kbit/s size=1000 count=2000"));
	run(lab, 60 * VS_SEC);
	lost = of_app(lab, 0, "lost");
	duplicates = of_app(lab, 0, "duplicates");
	assert_true(of_app(lab, 0, "sent") == 2000);
	assert_true(lost > 150 && lost < 250);
	assert_true(duplicates > 50 && duplicates < 150);
	assert_true(of_app(lab, 0, "delay.p50") == 33.0 * VS_MSEC);
	assert_true(of_app(lab, 0, "duration") >= 20.0 * VS_SEC);
	assert_true(of_app(lab, 0, "loss") == lost / 20);
	done(lab, NULL);
}

static void datagrams_at_a_rate_take_their_time(void **state)
{
	struct vsq_lab *lab = pair_new(5);
	const int64_t *times;
	const double *values;
	size_t count;

	(void)state;
	must(lab, vsq_app(lab, "udp-cbr", 0, 1, "rate=1Mbit/s size=1250 start=2s stop=12s"));
	run(lab, 60 * VS_SEC);
	assert_true(of_app(lab, 0, "sent") == 1000);
	must(lab, vsq_series(lab, "app.0.goodput", &times, &values, &count));
	assert_int_equal(count, 120);
	for (size_t i = 20; i < count; i++)
		assert_true(values[i] == 1e6);
	done(lab, NULL);
}

static void refused_connection_fails_the_application(void **state)
{
	struct vsq_lab *lab = pair_new(5);

	(void)state;
	/* Two servers on one port: the second one cannot listen. */
	must(lab, vsq_link(lab, 0, "delay", "5"));
	must(lab, vsq_app(lab, "tcp-bulk", 0, 1, "port=80"));
	must(lab, vsq_app(lab, "tcp-bulk", 0, 1, "port=80"));
	run(lab, VS_SEC);
	assert_true(of_app(lab, 1, "failed") == 1);
	assert_int_equal(vsq_finish(lab), 1);
	assert_non_null(complaint(lab, "TCP port 80"));
	vsq_free(lab);
}

static void dead_cable_fails_no_oracle(void **state)
{
	struct vsq_lab *lab = pair_new(5);

	(void)state;
	must(lab, vsq_app(lab, "tcp-bulk", 0, 1, ""));
	must(lab, vsq_link(lab, 0, "delay", "5"));
	must(lab, vsq_at(lab, 3 * VS_SEC, "alice-bob loss 100"));
	run(lab, 30 * VS_SEC);
	assert_true(of_app(lab, 0, "retransmits_rto") >= 3);
	assert_true(of_app(lab, 0, "done") == 0);
	done(lab, NULL);
}

/* What the flow's series say agrees with its counters, and with where the cable dropped. */
static void series_of_a_flow_agree_with_its_counters(void **state)
{
	struct vsq_lab *lab = pair_new(2);
	const int64_t *times;
	const double *values;
	size_t lost, fast, rto, acks;

	(void)state;
	must(lab, vsq_link(lab, 0, "delay", "10"));
	must(lab, vsq_link(lab, 0, "loss", "LR 2"));
	must(lab, vsq_app(lab, "tcp-bulk", 0, 1, "bytes=500KB"));
	run(lab, 60 * VS_SEC);
	must(lab, vsq_series(lab, "app.0.tcp.retransmit_fast", &times, &values, &fast));
	must(lab, vsq_series(lab, "app.0.tcp.retransmit_rto", &times, &values, &rto));
	assert_true((double)fast == of_app(lab, 0, "retransmits_fast"));
	assert_true((double)rto == of_app(lab, 0, "retransmits_rto"));
	assert_true((double)(fast + rto) == metric(lab, "node.alice.TcpRetransSegs"));
	must(lab, vsq_series(lab, "app.0.tcp.lost", &times, &values, &lost));
	assert_true((double)lost == of_app(lab, 0, "segments_lost"));
	for (size_t i = 0; i < lost; i++)
		assert_true(values[i] >= 0 && values[i] < 500000);
	must(lab, vsq_series(lab, "app.0.tcp.ack", &times, &values, &acks));
	assert_true(values[acks - 1] == 500001); /* the stream and its FIN */
	done(lab, NULL);
}

/* Every retransmission has a reason, and the phases are those that recovery went through. */
static void every_retransmission_has_a_reason(void **state)
{
	static const char *const reasons[] = {"syn",  "fast", "partial", "prr",	 "rescue", "rack",
					      "tlp",  "rto",  "frto",	 "loss", "mtu",
					      "text"};
	struct vsq_lab *lab = pair_new(2);
	double sum = 0, phases[5] = {0};
	const int64_t *times;
	const double *values;
	size_t count;

	(void)state;
	must(lab, vsq_link(lab, 0, "delay", "10"));
	must(lab, vsq_app(lab, "ping", 0, 1, "count=1"));
	must(lab, vsq_app(lab, "tcp-bulk", 0, 1, "bytes=2MB start=1s"));
	must(lab, vsq_at(lab, 500 * VS_MSEC, "alice-bob trace-loss LR 1000000000000000000000000"));
	must(lab, vsq_at(lab, 2200 * VS_MSEC, "alice-bob trace-loss LR off"));
	must(lab, vsq_at(lab, 2200 * VS_MSEC, "alice-bob loss LR 100"));
	must(lab, vsq_at(lab, 3400 * VS_MSEC, "alice-bob loss LR 4"));
	run(lab, 60 * VS_SEC);
	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++) {
		char name[40];

		snprintf(name, sizeof(name), "app.1.tcp.resent.%s", reasons[i]);
		must(lab, vsq_series(lab, name, &times, &values, &count));
		assert_true((double)count == of_app(lab, 1, name + strlen("app.1.tcp.")));
		sum += (double)count;
	}
	assert_true(of_app(lab, 1, "done") == 1);
	assert_true(sum == of_app(lab, 1, "retransmits") && sum > 20);
	assert_true(sum == metric(lab, "node.alice.TcpRetransSegs"));
	assert_true(of_app(lab, 1, "resent.rack") > 0 && of_app(lab, 1, "resent.frto") > 0);
	must(lab, vsq_series(lab, "app.1.tcp.phase", &times, &values, &count));
	for (size_t i = 0; i < count; i++)
		phases[(int)values[i]]++;
	assert_true(phases[0] > 0 && phases[1] > 0 && phases[2] == 0 && phases[3] > 0);
	assert_true(phases[4] > 0);
	must(lab, vsq_series(lab, "app.1.tcp.state", &times, &values, &count));
	assert_true(values[0] == 2 && values[1] == 4 && values[count - 1] == 10);
	done(lab, NULL);
}

/* A datagram for bob's udp-cbr, from nowhere: UDP without a checksum, so only the application can
 * tell that its content was never sent.
 */
static void content_that_was_never_sent_is_told(void **state)
{
	static const uint8_t header[42] = {
		0x02, 0x76, 0, 0, 1, 1, 0x02, 9, 9, 9, 9, 9, 0x08, 0x00,       /* to bob */
		0x45, 0, 0x04, 0x04, 0, 0, 0, 0, 64, 17, 0x62, 0xdf, 10, 0, 0, 9, 10, 0, 0, 2,
		0, 7, 0, 9, 0x03, 0xf0, 0, 0,				       /* port 9 */
	};
	struct vsq_lab *lab = vsq_new("alien", 1);
	uint8_t frame[1042] = {0};
	int sw, probe;

	(void)state;
	must(lab, vsq_add_host(lab, "alice"));
	must(lab, vsq_add_host(lab, "bob"));
	must(lab, vsq_address(lab, 0, 1, "10.0.0.1/24"));
	must(lab, vsq_address(lab, 1, 1, "10.0.0.2/24"));
	sw = must(lab, vsq_add_switch(lab, "sw", 0));
	probe = must(lab, vsq_add_probe(lab, "probe"));
	for (int i = 0; i < 2; i++)
		must(lab, vsq_join(lab, NULL, i, 0, sw, 0));
	must(lab, vsq_join(lab, NULL, probe, 0, sw, 0));
	must(lab, vsq_app(lab, "udp-cbr", 0, 1, "port=9 count=20 interval=100ms"));
	memcpy(frame, header, sizeof(header));
	must(lab, vsq_inject(lab, probe, VS_SEC, frame, sizeof(frame)));
	run(lab, 10 * VS_SEC);
	assert_true(of_app(lab, 0, "received") == 20);
	assert_true(of_app(lab, 0, "corrupted") == 1);
	assert_int_equal(vsq_finish(lab), 1);
	assert_non_null(complaint(lab, "content differs"));
	vsq_free(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bulk_arrives_whole_over_a_bad_cable),
		cmocka_unit_test(bulk_fills_a_good_cable),
		cmocka_unit_test(round_trips_of_segments_are_those_of_the_cable),
		cmocka_unit_test(requests_are_answered_one_round_trip_each),
		cmocka_unit_test(echo_brings_every_message_back),
		cmocka_unit_test(datagrams_tell_loss_copies_and_delay),
		cmocka_unit_test(datagrams_at_a_rate_take_their_time),
		cmocka_unit_test(refused_connection_fails_the_application),
		cmocka_unit_test(dead_cable_fails_no_oracle),
		cmocka_unit_test(series_of_a_flow_agree_with_its_counters),
		cmocka_unit_test(every_retransmission_has_a_reason),
		cmocka_unit_test(content_that_was_never_sent_is_told),
	};

	return cmocka_run_group_tests_name("app", tests, NULL, NULL);
}
