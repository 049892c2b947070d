/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The recorded captures into engines and into our stack, in both roles. */
#include "harness/replay/replay.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "harness/pcap/pcap.h"
#include "harness/replay/host_impl.h"

static char one[] = "/tmp/vsq-replay-test-XXXXXX", other[] = "/tmp/vsq-replay-test-XXXXXX";
static char account[8192];

static int setup(void **state)
{
	int a = mkstemp(one), b = mkstemp(other);

	(void)state;
	return a < 0 || b < 0 || close(a) || close(b);
}

static int teardown(void **state)
{
	(void)state;
	return unlink(one) | unlink(other);
}

static void assert_host(int expected, const char *capture, const char *address,
			const char *settings)
{
	int got = vsq_replay_host(capture, address, settings, 1, NULL, account, sizeof(account));

	if (got != expected)
		print_error("%s as %s:\n%s", capture, address, account);
	assert_int_equal(got, expected);
}

static void assert_says(const char *text)
{
	if (!strstr(account, text))
		print_error("not said: %s\n%s", text, account);
	assert_non_null(strstr(account, text));
}

static void our_stack_serves_curl_as_linux_did(void **state)
{
	(void)state;
	assert_host(0, "fixtures/curl-v4.pcap", "10.9.0.2", NULL);
	assert_says("1 TCP connections (21499 bytes sent)");
	assert_host(0, "fixtures/curl-v6.pcap", "2001:db8:9::2", NULL);
	assert_says("1 TCP connections (21499 bytes sent)");
}

static void our_stack_fetches_as_curl_on_linux_did(void **state)
{
	(void)state;
	assert_host(0, "fixtures/curl-v4.pcap", "10.9.0.1", NULL);
	assert_says("(80 bytes sent)");
	assert_host(0, "fixtures/curl-v6.pcap", "2001:db8:9::1", NULL);
}

static void both_ends_of_iperf3_are_played(void **state)
{
	(void)state;
	assert_host(0, "fixtures/iperf3.pcap", "10.9.0.1", NULL);
	assert_says("2 TCP connections (131548 bytes sent)");
	assert_host(0, "fixtures/iperf3.pcap", "10.9.0.2", NULL);
}

static void losses_are_survived_at_either_end_wherever_it_was_captured(void **state)
{
	(void)state;
	for (int end = 0; end < 2; end++) {
		const char *capture = end ? "fixtures/lossy-client.pcap" :
					    "fixtures/lossy-server.pcap";

		assert_host(0, capture, "10.9.0.2", NULL);
		assert_says("(165147 bytes sent)");
		assert_host(0, capture, "10.9.0.1", NULL);
	}
}

static void pings_dns_and_neighbours_are_answered_alike(void **state)
{
	static const char *const run[][2] = {
		{"ping", "10.9.0.1"}, {"ping", "10.9.0.2"}, {"ping", "2001:db8:9::1"},
		{"ping", "2001:db8:9::2"}, {"dig", "10.9.0.1"}, {"dig", "10.9.0.2"},
		{"arping", "10.9.0.2"}, {"neighbours", "10.9.0.1"}, {"neighbours", "10.9.0.2"},
		{"neighbours", "2001:db8:9::1"}, {"neighbours", "2001:db8:9::2"},
		{"errors", "10.9.1.1"}, {"errors", "2001:db8:9:1::1"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(run) / sizeof(run[0]); i++) {
		char path[64];

		snprintf(path, sizeof(path), "fixtures/%s.pcap", run[i][0]);
		assert_host(0, path, run[i][1], NULL);
	}
}

static void what_a_host_offers_is_compared(void **state)
{
	(void)state;
	assert_host(1, "fixtures/curl-v4.pcap", "10.9.0.2", "net.ipv4.tcp_sack 0");
	assert_says("only one permits SACK; the captured host sent\n    frame 4,");
	assert_host(1, "fixtures/curl-v4.pcap", "10.9.0.1", "net.ipv4.tcp_timestamps=0");
	assert_says("only one has timestamps");
	assert_host(1, "fixtures/curl-v6.pcap", "2001:db8:9::2", "# smaller\n\n  mtu 1400 \n");
	assert_says("the MSS differs");
	assert_says("mss 1340");
	assert_host(1, "fixtures/curl-v6.pcap", "2001:db8:9::2", "mtu=1400");
	assert_says("mss 1340");
	assert_host(1, "fixtures/ping.pcap", "10.9.0.2", "net.ipv4.icmp_echo_ignore_all 1");
	assert_says("echo 10.9.0.2 - 10.9.0.1");
	assert_says("nothing of the kind");
}

static void bad_input_is_named(void **state)
{
	(void)state;
	assert_host(-EINVAL, "fixtures/curl-v4.pcap", "10.9.0.2", "net.ipv4.tcp_sock 0");
	assert_says("net.ipv4.tcp_sock 0: the stack has no such setting");
	assert_host(-EINVAL, "fixtures/curl-v4.pcap", "10.9.0.2", "mtu many");
	assert_says("mtu many: an MTU is a number");
	assert_host(-EINVAL, "fixtures/curl-v4.pcap", "10.9.0.3", NULL);
	assert_says("fixtures/curl-v4.pcap: no packet comes from 10.9.0.3");
	assert_host(-EINVAL, "fixtures/curl-v4.pcap", "10.9.0", NULL);
	assert_says("10.9.0: not an IPv4 or IPv6 address");
	assert_host(-ENOENT, "fixtures/none.pcap", "10.9.0.2", NULL);
	assert_host(-EBADMSG, "fixtures/README.md", "10.9.0.2", NULL);
}

/* Copies a capture through change(), which may change a frame or leave it out (false). */
static void rewrite(const char *from, bool (*change)(uint8_t *bytes, uint32_t len, int number))
{
	static uint8_t bytes[CAP_FRAME_MAX];
	struct cap_reader *r;
	struct cap_writer *w;
	struct cap_frame f;

	assert_int_equal(cap_open(&r, from, account, sizeof(account)), 0);
	assert_int_equal(cap_create(&w, one, NULL), 0);
	assert_int_equal(cap_interface(w, "eth0", NULL), 0);
	for (int number = 1; cap_next(r, &f) > 0; number++) {
		memcpy(bytes, f.bytes, f.len);
		if (change(bytes, f.len, number))
			cap_write(w, 0, f.time, bytes, f.len, 0, NULL);
	}
	cap_reader_close(r);
	assert_int_equal(cap_close(w), 0);
}

/* The first ICMP echo reply says something else at its end. */
static bool other_reply(uint8_t *bytes, uint32_t len, int number)
{
	(void)number;
	if (len == 98 && bytes[23] == 1 && bytes[34] == 0)
		bytes[97] ^= 1;
	return true;
}

static void a_different_echo_is_found(void **state)
{
	(void)state;
	rewrite("fixtures/ping.pcap", other_reply);
	assert_host(1, one, "10.9.0.2", NULL);
	assert_says("echo 10.9.0.2 - 10.9.0.1");
	assert_says("message 1 differs");
	assert_says("ICMP echo reply");
}

/* Compares a capture with itself after change(), as if that were what our stack had said. */
static int differ_after(const char *capture, const char *address,
			bool (*change)(uint8_t *bytes, uint32_t len, int number))
{
	struct host h = {0};
	struct vs_text t;
	int differs;

	rewrite(capture, change);
	vs_text_init(&t, account, sizeof(account));
	h.account = &t;
	assert_int_equal(wire_addr_parse(address, &h.addr), 0);
	assert_int_equal(replay_load(&h.capture, capture, &t), 0);
	assert_int_equal(replay_load(&h.outcome, one, &t), 0);
	assert_int_equal(stories_tell(&h.captured, &h.capture, &h.addr), 0);
	differs = host_differ(&h);
	stories_free(&h.captured);
	replay_unload(&h.capture);
	replay_unload(&h.outcome);
	return differs;
}

static bool nothing(uint8_t *bytes, uint32_t len, int number)
{
	(void)bytes;
	(void)len;
	(void)number;
	return true;
}

static bool from_server(const uint8_t *bytes)
{
	return bytes[11] == 2 && bytes[23] == 6;
}

/* The tenth byte of the server's first full segment, which follows 189 bytes of header. */
static bool other_byte(uint8_t *bytes, uint32_t len, int number)
{
	if (len == 1514 && number == 10)
		bytes[66 + 9] ^= 0x20;
	return true;
}

static bool without_fin(uint8_t *bytes, uint32_t len, int number)
{
	(void)len;
	(void)number;
	if (from_server(bytes))
		bytes[47] &= 0xfe;
	return true;
}

static bool with_reset(uint8_t *bytes, uint32_t len, int number)
{
	(void)len;
	if (from_server(bytes) && number > 30)
		bytes[47] = 0x14;
	return true;
}

static bool silent_from_the_middle(uint8_t *bytes, uint32_t len, int number)
{
	(void)len;
	return !from_server(bytes) || number < 20;
}

static bool without_acknowledgement(uint8_t *bytes, uint32_t len, int number)
{
	(void)len;
	(void)number;
	if (from_server(bytes) && !(bytes[47] & 0x02))
		memcpy(bytes + 42, "\0\0\0\0", 4);
	return true;
}

static void each_rule_for_streams_finds_its_difference(void **state)
{
	static const char capture[] = "fixtures/curl-v4.pcap";

	(void)state;
	assert_int_equal(differ_after(capture, "10.9.0.2", nothing), 0);
	assert_int_equal(differ_after(capture, "10.9.0.2", other_byte), 1);
	assert_says("byte 198 of the stream differs");
	assert_int_equal(differ_after(capture, "10.9.0.2", without_fin), 1);
	assert_says("only one of them ended its stream");
	assert_int_equal(differ_after(capture, "10.9.0.2", with_reset), 1);
	assert_int_equal(differ_after(capture, "10.9.0.2", silent_from_the_middle), 1);
	assert_says("bytes instead of 21499");
	assert_int_equal(differ_after(capture, "10.9.0.2", without_acknowledgement), 1);
	assert_says("bytes of the peer were acknowledged instead of");
}

static bool without_resets(uint8_t *bytes, uint32_t len, int number)
{
	(void)number;
	return !(len == 54 && bytes[23] == 6 && bytes[47] & 0x04);
}

static void a_host_that_kept_silent_is_not_ours(void **state)
{
	(void)state;
	rewrite("fixtures/errors.pcap", without_resets);
	assert_host(1, one, "10.9.2.1", NULL);
}

static bool not_the_beginning(uint8_t *bytes, uint32_t len, int number)
{
	(void)bytes;
	(void)len;
	return number <= 2 || number > 10;
}

static void connections_that_began_before_are_left_out(void **state)
{
	(void)state;
	rewrite("fixtures/curl-v4.pcap", not_the_beginning);
	assert_host(0, one, "10.9.0.2", NULL);
	assert_says("left out: 1 connections that began before the capture");
}

static bool without_one(uint8_t *bytes, uint32_t len, int number)
{
	(void)bytes;
	(void)len;
	return number != 14; /* data of the server */
}

static void connections_of_which_frames_were_not_captured_are_left_out(void **state)
{
	(void)state;
	rewrite("fixtures/curl-v4.pcap", without_one);
	assert_host(0, one, "10.9.0.2", NULL);
	assert_says("left out: 1 connections");
}

/* The client said nothing else: to find it unchanged would be to have compared nothing. */
static void a_capture_with_nothing_to_compare_is_an_error(void **state)
{
	(void)state;
	rewrite("fixtures/curl-v4.pcap", without_one);
	assert_host(-ENODATA, one, "10.9.0.1", NULL);
	assert_says("nothing to compare");
}

static bool first_half(uint8_t *bytes, uint32_t len, int number)
{
	(void)bytes;
	(void)len;
	return number <= 20;
}

static void a_capture_that_ends_early_is_played_as_far_as_it_goes(void **state)
{
	(void)state;
	rewrite("fixtures/curl-v4.pcap", first_half);
	assert_host(0, one, "10.9.0.2", NULL);
	assert_host(0, one, "10.9.0.1", NULL);
}

/* Noise in any frame may make the stories differ, but crashes nothing. */
static int noisy_number, noisy_at;

static bool with_noise(uint8_t *bytes, uint32_t len, int number)
{
	if (number == noisy_number)
		bytes[12 + (uint32_t)noisy_at % (len - 12)] ^= (uint8_t)(1 + noisy_at * 37);
	return true;
}

static void noise_in_a_capture_crashes_nothing(void **state)
{
	(void)state;
	for (noisy_number = 1; noisy_number <= 16; noisy_number++) {
		for (noisy_at = 0; noisy_at < 56; noisy_at += 3) {
			rewrite("fixtures/dig.pcap", with_noise);
			vsq_replay_host(one, "10.9.0.1", NULL, 1, NULL, account, sizeof(account));
			vsq_replay_host(one, "10.9.0.2", NULL, 1, NULL, account, sizeof(account));
			vsq_replay_switch(one, NULL, NULL, NULL, -1, account, sizeof(account));
		}
	}
}

static void equal_seeds_make_equal_outcomes(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++)
		assert_int_equal(vsq_replay_host("fixtures/lossy-server.pcap", "10.9.0.2", NULL, 5,
						 i ? other : one, account, sizeof(account)), 0);
	assert_int_equal(vsq_replay_compare(one, other, 0, account, sizeof(account)), 0);
	assert_int_equal(vsq_replay_host("fixtures/lossy-server.pcap", "10.9.0.2", NULL, 6, other,
					 account, sizeof(account)), 0);
	assert_int_equal(vsq_replay_compare(one, other, -1, account, sizeof(account)), 1);
}

static int through_link(const char *settings, const char *out, const char *expect)
{
	return vsq_replay_link("fixtures/curl-v4.pcap", settings, 1, out, expect, 0, account,
			       sizeof(account));
}

static void a_link_changes_what_it_is_told_to(void **state)
{
	(void)state;
	/* Nothing is lost: what comes out is what went in, 20 ms later. */
	assert_int_equal(through_link("delay 20", one, NULL), 0);
	assert_says("42 frames in, 42 out, 0 dropped");
	assert_int_equal(vsq_replay_compare(one, "fixtures/curl-v4.pcap", 20000000, account,
					    sizeof(account)), 0);
	assert_int_equal(vsq_replay_compare(one, "fixtures/curl-v4.pcap", 19999999, account,
					    sizeof(account)), 1);
	assert_says("came 20000000 ns later than expected; 19999999 ns are tolerated");
	assert_int_equal(through_link("delay 20", NULL, one), 0);
	assert_says("as expected");
	assert_int_equal(through_link("delay 20\nloss LR 30", other, one), 1);
	assert_says("is missing");
	assert_int_equal(through_link("delay 21", NULL, one), 1);
	assert_int_equal(through_link("dalay 20", NULL, NULL), -EINVAL);
	assert_says("dalay 20: ");
}

static void drops_are_in_the_outcome_with_their_reason(void **state)
{
	struct cap_reader *r;
	struct cap_frame f;
	int dropped = 0, out = 0;

	(void)state;
	assert_int_equal(through_link("loss 30", one, NULL), 0);
	assert_int_equal(cap_open(&r, one, account, sizeof(account)), 0);
	while (cap_next(r, &f) > 0) {
		out += f.flags == CAP_OUT;
		dropped += f.flags == CAP_IN;
		if (f.flags == CAP_IN)
			assert_string_equal(f.comment, "drop_loss (node 0)");
	}
	assert_int_equal(out + dropped, 42);
	assert_true(dropped > 3);
	cap_reader_close(r);
}

static int through_switch(const char *capture, const char *settings, const char *out,
			  const char *expect)
{
	return vsq_replay_switch(capture, settings, out, expect, 0, account, sizeof(account));
}

static void a_switch_learns_from_a_capture(void **state)
{
	(void)state;
	assert_int_equal(through_switch("fixtures/neighbours.pcap", NULL, one, NULL), 0);
	assert_says("25 frames in, 25 out, 0 dropped");
	assert_int_equal(through_switch("fixtures/neighbours.pcap", NULL, NULL, one), 0);
	assert_int_equal(through_switch("fixtures/neighbours.pcap",
					"vlan/create 5\nport/setvlan 2 5", NULL, one), 1);
	assert_says("is missing");
	assert_int_equal(through_switch("fixtures/neighbours.pcap", "vlan/make 5", NULL, NULL),
			 -EINVAL);
	assert_says("vlan/make 5: ");
}

static void tagged_frames_need_their_vlan(void **state)
{
	(void)state;
	assert_int_equal(through_switch("fixtures/vlan.pcapng", NULL, NULL, NULL), 0);
	assert_says("16 frames in, 8 out, 12 dropped");
	assert_int_equal(through_switch("fixtures/vlan.pcapng",
					"vlan/create 10\nvlan/addport 10 1\nvlan/addport 10 2\n"
					"vlan/create 20\nvlan/addport 20 3\nvlan/addport 20 4",
					one, NULL), 0);
	assert_says("16 frames in, 20 out, 0 dropped");
}

static void a_capture_that_cannot_be_written_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(through_link("delay 1", "/dev/full", NULL), -ENOSPC);
	assert_says("/dev/full: No space left on device");
	assert_int_equal(vsq_replay_host("fixtures/curl-v4.pcap", "10.9.0.2", NULL, 1,
					 "/nowhere/x", account, sizeof(account)), -ENOENT);
	assert_says("/nowhere/x: No such file");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(our_stack_serves_curl_as_linux_did),
		cmocka_unit_test(our_stack_fetches_as_curl_on_linux_did),
		cmocka_unit_test(both_ends_of_iperf3_are_played),
		cmocka_unit_test(losses_are_survived_at_either_end_wherever_it_was_captured),
		cmocka_unit_test(pings_dns_and_neighbours_are_answered_alike),
		cmocka_unit_test(what_a_host_offers_is_compared),
		cmocka_unit_test(bad_input_is_named),
		cmocka_unit_test(a_different_echo_is_found),
		cmocka_unit_test(each_rule_for_streams_finds_its_difference),
		cmocka_unit_test(a_host_that_kept_silent_is_not_ours),
		cmocka_unit_test(connections_that_began_before_are_left_out),
		cmocka_unit_test(connections_of_which_frames_were_not_captured_are_left_out),
		cmocka_unit_test(a_capture_with_nothing_to_compare_is_an_error),
		cmocka_unit_test(a_capture_that_ends_early_is_played_as_far_as_it_goes),
		cmocka_unit_test(noise_in_a_capture_crashes_nothing),
		cmocka_unit_test(equal_seeds_make_equal_outcomes),
		cmocka_unit_test(a_link_changes_what_it_is_told_to),
		cmocka_unit_test(drops_are_in_the_outcome_with_their_reason),
		cmocka_unit_test(a_switch_learns_from_a_capture),
		cmocka_unit_test(tagged_frames_need_their_vlan),
		cmocka_unit_test(a_capture_that_cannot_be_written_is_an_error),
	};

	return cmocka_run_group_tests_name("replay", tests, setup, teardown);
}
