/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A lab as its users see it: seeds and digests, commands at their times, expectations, oracles. */
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "harness/lab/test_lab.h"

/* A bulk transfer and pings over a bad cable. */
static void bad_cable_run(uint64_t seed, char digest[33])
{
	struct vsq_lab *lab = pair_new(seed);

	must(lab, vsq_link(lab, 0, "delay", "10+2N"));
	must(lab, vsq_link(lab, 0, "loss", "3"));
	must(lab, vsq_app(lab, "tcp-bulk", 0, 1, "bytes=300KB"));
	must(lab, vsq_app(lab, "ping", 1, 0, "family=6 interval=100ms count=20"));
	run(lab, 60 * VS_SEC);
	assert_true(metric(lab, "app.0.done") == 1);
	assert_true(metric(lab, "app.0.bytes_received") == 300000);
	assert_true(metric(lab, "cable.alice-bob.lr.drop_loss") > 0);
	done(lab, digest);
}

static void same_seed_gives_the_same_digest(void **state)
{
	char first[33], second[33];

	(void)state;
	bad_cable_run(7, first);
	bad_cable_run(7, second);
	assert_string_equal(first, second);
	assert_int_equal(strlen(first), 32);
}

static void other_seed_gives_another_digest(void **state)
{
	char first[33], second[33];

	(void)state;
	bad_cable_run(7, first);
	bad_cable_run(8, second);
	assert_string_not_equal(first, second);
}

/* One datagram between two hosts that know each other, a ping before it. */
static void one_datagram_run(const char *delay, const char *address, int from, char digest[33])
{
	struct vsq_lab *lab = vsq_new("one", 1);

	must(lab, vsq_add_host(lab, "a"));
	must(lab, vsq_add_host(lab, "b"));
	must(lab, vsq_address(lab, 0, 1, "10.0.0.1/24"));
	must(lab, vsq_address(lab, 1, 1, address));
	must(lab, vsq_join(lab, NULL, 0, 0, 1, 0));
	must(lab, vsq_link(lab, 0, "delay", delay));
	must(lab, vsq_app(lab, "udp-cbr", from, !from, "count=1 port=9"));
	run(lab, 5 * VS_SEC);
	done(lab, digest);
}

static void digest_sees_time_content_and_direction(void **state)
{
	char digest[4][33];

	(void)state;
	one_datagram_run("10", "10.0.0.2/24", 0, digest[0]);
	one_datagram_run("11", "10.0.0.2/24", 0, digest[1]);
	one_datagram_run("10", "10.0.0.3/24", 0, digest[2]);
	one_datagram_run("10", "10.0.0.2/24", 1, digest[3]);
	for (int i = 0; i < 4; i++)
		for (int j = 0; j < i; j++)
			assert_string_not_equal(digest[i], digest[j]);
}

/* The last frame is lost or not: nothing else happens afterwards that would tell. */
static void digest_sees_a_loss(void **state)
{
	char digest[2][33];

	(void)state;
	for (int lost = 0; lost < 2; lost++) {
		struct vsq_lab *lab = pair_new(1);

		must(lab, vsq_link(lab, 0, "loss", "0"));
		must(lab, vsq_app(lab, "udp-cbr", 0, 1, "interval=1s count=3 port=9"));
		if (lost)
			must(lab, vsq_at(lab, 3 * VS_SEC / 2, "alice-bob loss LR 100"));
		run(lab, 2 * VS_SEC + VS_SEC / 2);
		done(lab, digest[lost]);
	}
	assert_string_not_equal(digest[0], digest[1]);
}

static void *run_in_thread(void *digest)
{
	bad_cable_run(9, digest);
	return NULL;
}

static void two_threads_run_two_labs(void **state)
{
	char digest[3][33];
	pthread_t thread[2];

	(void)state;
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, run_in_thread, digest[i]), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	bad_cable_run(9, digest[2]);
	assert_string_equal(digest[0], digest[2]);
	assert_string_equal(digest[1], digest[2]);
}

static void running_in_pieces_changes_nothing(void **state)
{
	char digest[2][33];

	(void)state;
	for (int pieces = 0; pieces < 2; pieces++) {
		struct vsq_lab *lab = pair_new(3);

		must(lab, vsq_link(lab, 0, "delay", "7"));
		must(lab, vsq_app(lab, "udp-cbr", 0, 1, "rate=500kbit/s stop=5s"));
		for (int64_t t = VS_SEC / 3; pieces && t < 8 * VS_SEC; t += VS_SEC / 3)
			run(lab, t);
		run(lab, 10 * VS_SEC);
		assert_int_equal(vsq_now(lab), 10 * VS_SEC);
		done(lab, digest[pieces]);
	}
	assert_string_equal(digest[0], digest[1]);
}

static void ping_measures_the_cable_exactly(void **state)
{
	struct vsq_lab *lab = pair_new(1);
	const int64_t *times;
	const double *values;
	size_t count;

	(void)state;
	must(lab, vsq_link(lab, 0, "delay", "LR 30"));
	must(lab, vsq_link(lab, 0, "delay", "RL 12"));
	must(lab, vsq_app(lab, "ping", 0, 1, "count=5 start=1s"));
	must(lab, vsq_app(lab, "ping", 0, 1, "count=5 start=1s family=6"));
	run(lab, 30 * VS_SEC);
	for (int i = 0; i < 2; i++) {
		char name[32];

		snprintf(name, sizeof(name), "app.%d.rtt.p50", i);
		assert_true(metric(lab, name) == 42.0 * VS_MSEC);
		snprintf(name, sizeof(name), "app.%d.loss", i);
		assert_true(metric(lab, name) == 0);
	}
	must(lab, vsq_series(lab, "app.0.rtt", &times, &values, &count));
	assert_int_equal(count, 5);
	assert_int_equal(times[4], 5 * VS_SEC + 42 * VS_MSEC);
	assert_true(values[4] == 42.0 * VS_MSEC);
	done(lab, NULL);
}

static void condition_stops_the_run(void **state)
{
	struct vsq_lab *lab = pair_new(1);

	(void)state;
	must(lab, vsq_app(lab, "ping", 0, 1, "count=5"));
	assert_int_equal(vsq_run(lab, 60 * VS_SEC, "app.0.received >= 3 and app.0.failed == 0",
				 NULL, NULL),
			 1);
	assert_int_equal(vsq_now(lab), 2 * VS_SEC);
	assert_int_equal(vsq_run(lab, 60 * VS_SEC, "app.0.received", NULL, NULL), -EINVAL);
	assert_int_equal(vsq_run(lab, 60 * VS_SEC, "app.7.done >= 1", NULL, NULL), -ENOENT);
	assert_non_null(strstr(vsq_error(lab), "app.7.done"));
	assert_int_equal(vsq_run(lab, 60 * VS_SEC, "app.0.done >= 1", NULL, NULL), 1);
	done(lab, NULL);
}

static int stop_at_once(void *ctx, int64_t now)
{
	*(int64_t *)ctx = now;
	return 1;
}

static void progress_may_stop_the_run(void **state)
{
	struct vsq_lab *lab = pair_new(1);
	int64_t told = -1;

	(void)state;
	must(lab, vsq_app(lab, "udp-cbr", 0, 1, "rate=10Mbit/s"));
	assert_int_equal(vsq_run(lab, 60 * VS_SEC, NULL, stop_at_once, &told), 0);
	assert_true(told > 0 && told < 60 * VS_SEC);
	assert_int_equal(vsq_now(lab), told);
	done(lab, NULL);
}

static void expectations_are_judged_at_the_end(void **state)
{
	struct vsq_lab *lab = pair_new(1);

	(void)state;
	must(lab, vsq_app(lab, "ping", 0, 1, "count=5"));
	must(lab, vsq_expect(lab, "app.0.received", "==", 5));
	must(lab, vsq_expect(lab, "app.0.received", ">", 5));
	must(lab, vsq_expect(lab, "app.3.received", ">", 5));
	assert_int_equal(vsq_expect(lab, "app.0.received", "=>", 5), -EINVAL);
	assert_non_null(strstr(vsq_error(lab), ">="));
	run(lab, 10 * VS_SEC);
	assert_int_equal(vsq_finish(lab), 2);
	assert_non_null(complaint(lab, "expected app.0.received > 5: it is 5"));
	assert_non_null(complaint(lab, "there is no metric \"app.3.received\""));
	/* What was measured is still there. */
	assert_true(metric(lab, "app.0.received") == 5);
	assert_true(metric(lab, "node.bob.IcmpInEchos") == 5);
	assert_int_equal(vsq_run(lab, 20 * VS_SEC, NULL, NULL, NULL), -EINVAL);
	vsq_free(lab);
}

static void expectation_about_no_samples_fails(void **state)
{
	struct vsq_lab *lab = pair_new(1);
	double value;

	(void)state;
	must(lab, vsq_link(lab, 0, "loss", "100"));
	must(lab, vsq_app(lab, "ping", 0, 1, "count=5"));
	must(lab, vsq_expect(lab, "app.0.rtt.p50", "<", 1e9));
	run(lab, 30 * VS_SEC);
	assert_int_equal(vsq_metric(lab, "app.0.rtt.p50", &value), -ENODATA);
	assert_true(metric(lab, "app.0.loss") == 100);
	assert_int_equal(vsq_finish(lab), 1);
	assert_non_null(complaint(lab, "app.0.rtt.p50 has no value"));
	vsq_free(lab);
}

static void every_metric_and_series_can_be_read(void **state)
{
	struct vsq_lab *lab = pair_new(1);
	int metrics, series, cwnd = 0;

	(void)state;
	must(lab, vsq_link(lab, 0, "loss", "2"));
	must(lab, vsq_app(lab, "tcp-bulk", 0, 1, "bytes=100KB"));
	must(lab, vsq_app(lab, "udp-cbr", 1, 0, "count=10"));
	run(lab, 20 * VS_SEC);
	for (int finished = 0; finished < 2; finished++) {
		metrics = vsq_metric_count(lab);
		assert_in_range(metrics, 100, 1000);
		for (int i = 0; i < metrics; i++) {
			double value;
			int err = vsq_metric(lab, vsq_metric_name(lab, i), &value);

			assert_true(err == 0 || err == -ENODATA);
		}
		series = vsq_series_count(lab);
		for (int i = 0; i < series; i++) {
			const int64_t *times;
			const double *values;
			size_t count;

			must(lab, vsq_series(lab, vsq_series_name(lab, i), &times, &values,
					     &count));
			for (size_t k = 1; k < count; k++)
				assert_true(times[k] >= times[k - 1]);
			if (!strcmp(vsq_series_name(lab, i), "app.0.tcp.cwnd") && count > 10)
				cwnd++;
		}
		if (!finished)
			assert_int_equal(vsq_finish(lab), 0);
	}
	assert_int_equal(cwnd, 2);
	vsq_free(lab);
}

/* Two hosts on one switch; bob's port moves to another VLAN and back. */
static void vlan_change_cuts_connectivity_exactly_then(void **state)
{
	struct vsq_lab *lab = pair_new(1);
	int carol, sw;

	(void)state;
	carol = must(lab, vsq_add_host(lab, "carol"));
	must(lab, vsq_address(lab, carol, 1, "10.0.0.3/24"));
	must(lab, vsq_add_host(lab, "dave"));
	must(lab, vsq_address(lab, carol + 1, 1, "10.0.0.4/24"));
	sw = must(lab, vsq_add_switch(lab, "sw", 0));
	must(lab, vsq_join(lab, NULL, carol, 0, sw, 1));
	must(lab, vsq_join(lab, NULL, sw, 2, carol + 1, 0));
	must(lab, vsq_app(lab, "ping", carol, carol + 1, "interval=100ms stop=30s"));
	must(lab, vsq_at(lab, 0, "sw vlan/create 10"));
	must(lab, vsq_at(lab, 10 * VS_SEC, "sw port/setvlan 2 10"));
	must(lab, vsq_at(lab, 20 * VS_SEC, "sw port/setvlan 2 0"));
	run(lab, 10 * VS_SEC - 1);
	assert_true(metric(lab, "app.0.received") == 100);
	run(lab, 20 * VS_SEC - 1);
	assert_true(metric(lab, "app.0.received") == 100);
	run(lab, 60 * VS_SEC);
	assert_true(metric(lab, "app.0.sent") == 300);
	/* Once back, the neighbours may have to find each other again. */
	assert_true(metric(lab, "app.0.received") >= 180);
	done(lab, NULL);
}

static void failed_command_is_a_judgement(void **state)
{
	struct vsq_lab *lab = pair_new(1);

	(void)state;
	assert_int_equal(vsq_at(lab, VS_SEC, "nobody port/print"), -ENOENT);
	assert_non_null(strstr(vsq_error(lab), "nobody"));
	assert_int_equal(vsq_at(lab, VS_SEC, "alice"), -EINVAL);
	must(lab, vsq_at(lab, VS_SEC, "alice dance"));
	must(lab, vsq_at(lab, 2 * VS_SEC, "alice-bob loss many"));
	run(lab, 3 * VS_SEC);
	assert_int_equal(vsq_finish(lab), 2);
	assert_non_null(complaint(lab, "at 1 s: alice: \"dance\""));
	assert_non_null(complaint(lab, "at 2 s: alice-bob: loss \"many\""));
	vsq_free(lab);
}

static void failed_command_of_a_switch_says_what_is_missing(void **state)
{
	struct vsq_lab *lab = pair_new(1);
	int sw;

	(void)state;
	sw = must(lab, vsq_add_switch(lab, "sw", 0));
	must(lab, vsq_add_host(lab, "carol"));
	must(lab, vsq_join(lab, NULL, sw, 2, sw + 1, 0));
	must(lab, vsq_at(lab, VS_SEC, "sw port/setvlan 2 10"));
	must(lab, vsq_at(lab, VS_SEC, "sw vlan/addport 11 2"));
	must(lab, vsq_at(lab, VS_SEC, "sw vlan/remove 12"));
	must(lab, vsq_at(lab, VS_SEC, "sw vlan/create 10"));
	must(lab, vsq_at(lab, VS_SEC, "sw vlan/addport 10 7"));
	must(lab, vsq_at(lab, VS_SEC, "sw port/setvlan 8 10"));
	must(lab, vsq_at(lab, VS_SEC, "sw vlan/create 10"));
	run(lab, 2 * VS_SEC);
	assert_int_equal(vsq_finish(lab), 6);
	assert_non_null(complaint(lab, "at 1 s: sw: \"port/setvlan 2 10\": 1006 No such device or "
				       "address: there is no VLAN 10 on sw; create it first: \"sw "
				       "vlan/create 10\""));
	assert_non_null(complaint(lab, "no VLAN 11 on sw"));
	assert_non_null(complaint(lab, "no VLAN 12 on sw"));
	assert_non_null(complaint(lab, "\"vlan/addport 10 7\": 1006 No such device or address: "
				       "there is no port 7 on sw; a cable makes one"));
	assert_non_null(complaint(lab, "no port 8 on sw"));
	assert_non_null(complaint(lab, "sw: \"vlan/create 10\": 1017 File exists"));
	vsq_free(lab);
}

static void commands_reach_hosts_and_links(void **state)
{
	struct vsq_lab *lab = pair_new(1);
	const char *answer;

	(void)state;
	must(lab, vsq_at(lab, 5 * VS_SEC + 1, "alice-bob loss 100"));
	must(lab, vsq_at(lab, 10 * VS_SEC + 1, "alice-bob loss 0"));
	must(lab, vsq_at(lab, 15 * VS_SEC + 1, "bob down 1"));
	must(lab, vsq_app(lab, "ping", 0, 1, "count=20"));
	run(lab, 40 * VS_SEC);
	assert_true(metric(lab, "app.0.received") == 11);
	answer = vsq_command(lab, "alice-bob showinfo");
	assert_non_null(answer);
	assert_non_null(strstr(answer, "Loss"));
	assert_null(vsq_command(lab, "alice-bob showinf"));
	assert_non_null(strstr(vsq_error(lab), "showinf"));
	done(lab, NULL);
}

/* Two switches joined twice: a broadcast would go round for ever. */
static void loop_is_taken_out_and_told(void **state)
{
	struct vsq_lab *lab = vsq_new("loop", 1);
	int a, b, host;

	(void)state;
	a = must(lab, vsq_add_switch(lab, "a", 0));
	b = must(lab, vsq_add_switch(lab, "b", 0));
	host = must(lab, vsq_add_host(lab, "host"));
	must(lab, vsq_address(lab, host, 1, "10.0.0.1/24"));
	must(lab, vsq_add_host(lab, "other"));
	must(lab, vsq_address(lab, host + 1, 1, "10.0.0.2/24"));
	must(lab, vsq_join(lab, NULL, a, 0, b, 0));
	must(lab, vsq_join(lab, NULL, a, 0, b, 0));
	must(lab, vsq_join(lab, NULL, host, 0, a, 0));
	must(lab, vsq_join(lab, NULL, host + 1, 0, b, 0));
	must(lab, vsq_app(lab, "ping", host, host + 1, "count=1"));
	run(lab, 30 * VS_SEC);
	assert_true(metric(lab, "lab.looped") > 0);
	assert_true(vsq_finish(lab) >= 1);
	assert_non_null(complaint(lab, "a forwarding loop"));
	vsq_free(lab);
}

static void exhausted_pool_is_counted_and_whole_again(void **state)
{
	struct vsq_lab *lab = vsq_new("small", 1);

	(void)state;
	must(lab, vsq_setting(lab, -1, "memory", "128KiB"));
	must(lab, vsq_add_host(lab, "alice"));
	must(lab, vsq_add_host(lab, "bob"));
	assert_int_equal(vsq_setting(lab, -1, "memory", "1MB"), -EBUSY);
	must(lab, vsq_address(lab, 0, 1, "10.0.0.1/24"));
	must(lab, vsq_address(lab, 1, 1, "10.0.0.2/24"));
	must(lab, vsq_join(lab, NULL, 0, 0, 1, 0));
	must(lab, vsq_link(lab, 0, "delay", "1000"));
	must(lab, vsq_app(lab, "udp-cbr", 0, 1, "rate=8Mbit/s size=1000 stop=10s"));
	run(lab, 20 * VS_SEC);
	assert_true(metric(lab, "lab.frames_refused") > 0);
	assert_true(metric(lab, "node.alice.PoolEmpty") > 0);
	assert_true(metric(lab, "app.0.received") > 0);
	assert_true(metric(lab, "app.0.lost") > 0);
	done(lab, NULL);
}

static void bad_input_is_told_in_words(void **state)
{
	struct vsq_lab *lab = pair_new(1);

	(void)state;
	assert_int_equal(vsq_add_host(lab, "alice"), -EEXIST);
	assert_non_null(strstr(vsq_error(lab), "alice"));
	assert_int_equal(vsq_add_host(lab, "a b"), -EINVAL);
	assert_int_equal(vsq_add_host(lab, ""), -EINVAL);
	assert_int_equal(vsq_add_host(lab, NULL), -EINVAL);
	assert_int_equal(vsq_address(lab, 0, 1, "10.0.0.300/24"), -EINVAL);
	assert_non_null(strstr(vsq_error(lab), "10.0.0.300/24"));
	assert_int_equal(vsq_address(lab, 5, 1, "10.0.0.3/24"), -EINVAL);
	assert_int_equal(vsq_address(lab, 0, 0, "10.0.0.3/24"), -EINVAL);
	assert_int_equal(vsq_route(lab, 0, "default", "here"), -EINVAL);
	assert_int_equal(vsq_link(lab, 0, "losss", "1"), -ENOENT);
	assert_non_null(strstr(vsq_error(lab), "losss"));
	assert_int_equal(vsq_link(lab, 0, "loss", "many"), -EINVAL);
	assert_non_null(strstr(vsq_error(lab), "many"));
	assert_int_equal(vsq_link(lab, 3, "loss", "1"), -EINVAL);
	assert_int_equal(vsq_join(lab, NULL, 0, 1, 1, 2), -EBUSY);
	assert_int_equal(vsq_join(lab, "alice-bob", 0, 0, 1, 0), -EEXIST);
	assert_int_equal(vsq_app(lab, "pong", 0, 1, ""), -EINVAL);
	assert_non_null(strstr(vsq_error(lab), "tcp-bulk"));
	assert_int_equal(vsq_app(lab, "ping", 0, 1, "bytes=3"), -EINVAL);
	assert_non_null(strstr(vsq_error(lab), "count"));
	assert_int_equal(vsq_app(lab, "ping", 0, 1, "count=x"), -EINVAL);
	assert_int_equal(vsq_app(lab, "ping", 0, 1, "count"), -EINVAL);
	assert_int_equal(vsq_app(lab, "ping", 0, 1, "start=2s stop=1s"), -EINVAL);
	assert_int_equal(vsq_setting(lab, 0, "mtu", "12"), -EINVAL);
	assert_int_equal(vsq_setting(lab, 0, "color", "red"), -ENOENT);
	assert_int_equal(vsq_capture(lab, 0, -1, "/nonexistent/x.pcapng"), -ENOENT);
	assert_int_equal(vsq_metric_count(lab) > 0, 1);
	done(lab, NULL);
}

static void application_without_a_common_family_cannot_start(void **state)
{
	struct vsq_lab *lab = vsq_new("families", 1);

	(void)state;
	must(lab, vsq_add_host(lab, "four"));
	must(lab, vsq_add_host(lab, "six"));
	must(lab, vsq_address(lab, 0, 1, "10.0.0.1/24"));
	must(lab, vsq_address(lab, 1, 1, "2001:db8::1/64"));
	must(lab, vsq_join(lab, NULL, 0, 0, 1, 0));
	must(lab, vsq_app(lab, "ping", 0, 1, ""));
	assert_int_equal(vsq_run(lab, VS_SEC, NULL, NULL, NULL), -EINVAL);
	assert_non_null(strstr(vsq_error(lab), "four and six"));
	vsq_free(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_seed_gives_the_same_digest),
		cmocka_unit_test(other_seed_gives_another_digest),
		cmocka_unit_test(digest_sees_time_content_and_direction),
		cmocka_unit_test(digest_sees_a_loss),
		cmocka_unit_test(two_threads_run_two_labs),
		cmocka_unit_test(running_in_pieces_changes_nothing),
		cmocka_unit_test(ping_measures_the_cable_exactly),
		cmocka_unit_test(condition_stops_the_run),
		cmocka_unit_test(progress_may_stop_the_run),
		cmocka_unit_test(expectations_are_judged_at_the_end),
		cmocka_unit_test(expectation_about_no_samples_fails),
		cmocka_unit_test(every_metric_and_series_can_be_read),
		cmocka_unit_test(vlan_change_cuts_connectivity_exactly_then),
		cmocka_unit_test(failed_command_is_a_judgement),
		cmocka_unit_test(failed_command_of_a_switch_says_what_is_missing),
		cmocka_unit_test(commands_reach_hosts_and_links),
		cmocka_unit_test(loop_is_taken_out_and_told),
		cmocka_unit_test(exhausted_pool_is_counted_and_whole_again),
		cmocka_unit_test(bad_input_is_told_in_words),
		cmocka_unit_test(application_without_a_common_family_cannot_start),
	};

	return cmocka_run_group_tests_name("lab", tests, NULL, NULL);
}
