/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What captures say, read back from their files; and probes, whose frames come from outside. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness/lab/test_lab.h"
#include "harness/pcap/pcap.h"

static char path[64];

static int make_path(void **state)
{
	int fd;

	(void)state;
	strcpy(path, "/tmp/vsq-capture-XXXXXX");
	fd = mkstemp(path);
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

static int remove_path(void **state)
{
	(void)state;
	return unlink(path);
}

/* What a capture holds. */
struct seen {
	unsigned frames, in, out, commented, dropped, by_queue, windows, again, nodes, nodes_in;
	int interfaces;
	vs_time last;
	char names[2][64];
};

static void look(struct seen *seen)
{
	struct cap_reader *reader;
	struct cap_frame frame;
	char why[200];
	int got;

	*seen = (struct seen){.frames = 0};
	if (cap_open(&reader, path, why, sizeof(why)))
		fail_msg("%s", why);
	while ((got = cap_next(reader, &frame)) == 1) {
		seen->frames++;
		seen->in += !!(frame.flags & CAP_IN);
		seen->out += !!(frame.flags & CAP_OUT);
		assert_true(frame.time >= seen->last);
		seen->last = frame.time;
		if (!frame.comment)
			continue;
		seen->commented++;
		seen->dropped += !strncmp(frame.comment, "dropped: ", 9);
		seen->by_queue += !strncmp(frame.comment, "dropped: drop_queue", 19);
		seen->windows += !!strstr(frame.comment, "cwnd ");
		seen->again += (frame.flags & CAP_OUT) && strstr(frame.comment, "sent again: ");
		if (strstr(frame.comment, "node 1 \"fade\"")) {
			seen->nodes++;
			seen->nodes_in += !!(frame.flags & CAP_IN);
		}
	}
	assert_int_equal(got, 0);
	seen->interfaces = cap_interfaces(reader);
	for (int i = 0; i < seen->interfaces && i < 2; i++)
		snprintf(seen->names[i], sizeof(seen->names[i]), "%s",
			 cap_interface_name(reader, i));
	cap_reader_close(reader);
}

static void both_ends_of_a_cable_are_two_capture_points(void **state)
{
	struct vsq_lab *lab = pair_new(4);
	double sent, arrived, lost, back_sent, back_arrived, again;
	struct seen seen;

	(void)state;
	must(lab, vsq_link(lab, 0, "delay", "10"));
	must(lab, vsq_link(lab, 0, "loss", "LR 3"));
	must(lab, vsq_capture(lab, 0, -1, path));
	must(lab, vsq_app(lab, "tcp-bulk", 0, 1, "bytes=100KB"));
	run(lab, 60 * VS_SEC);
	sent = metric(lab, "cable.alice-bob.lr.frames");
	arrived = metric(lab, "cable.alice-bob.lr.delivered_frames");
	lost = metric(lab, "cable.alice-bob.lr.drop_loss");
	back_sent = metric(lab, "cable.alice-bob.rl.frames");
	back_arrived = metric(lab, "cable.alice-bob.rl.delivered_frames");
	again = metric(lab, "node.alice.TcpRetransSegs");
	done(lab, NULL);
	look(&seen);
	assert_int_equal(seen.interfaces, 2);
	assert_string_equal(seen.names[0], "alice:alice-bob");
	assert_string_equal(seen.names[1], "bob:alice-bob");
	assert_true(lost > 0 && sent == arrived + lost);
	assert_int_equal(seen.out, (unsigned)(sent + back_sent));
	assert_int_equal(seen.in, (unsigned)(arrived + back_arrived + lost));
	assert_int_equal(seen.dropped, (unsigned)lost);
	assert_true(seen.windows > 60);
	assert_true(again > 0 && seen.again == (unsigned)again);
}

static void one_end_sees_what_passes_there(void **state)
{
	struct vsq_lab *lab = pair_new(4);
	struct seen seen;

	(void)state;
	must(lab, vsq_link(lab, 0, "delay", "10"));
	must(lab, vsq_capture(lab, 0, 1, path));
	must(lab, vsq_app(lab, "ping", 0, 1, "count=3"));
	/* Five seconds on, bob would ask whether alice is still there. */
	run(lab, 4 * VS_SEC);
	done(lab, NULL);
	look(&seen);
	/* A question and an answer each, and what finds the neighbour. */
	assert_int_equal(seen.interfaces, 1);
	assert_int_equal(seen.in, 4);
	assert_int_equal(seen.out, 4);
	assert_int_equal(seen.dropped, 0);
	assert_int_equal(seen.last, 2 * VS_SEC + 10 * VS_MSEC);
}

static void drops_say_why_and_in_which_node(void **state)
{
	struct vsq_lab *lab = pair_new(4);
	struct seen seen;

	(void)state;
	must(lab, vsq_link(lab, 0, "markov-numnodes", "2"));
	must(lab, vsq_link(lab, 0, "markov-name", "1,fade"));
	must(lab, vsq_link(lab, 0, "markov-setedge", "0,1,30"));
	must(lab, vsq_link(lab, 0, "markov-setedge", "1,0,30"));
	must(lab, vsq_link(lab, 0, "loss", "40[1]"));
	must(lab, vsq_link(lab, 0, "bandwidth", "125000"));
	must(lab, vsq_link(lab, 0, "bandwidth", "125000[1]"));
	must(lab, vsq_link(lab, 0, "chanbufsize", "20000"));
	must(lab, vsq_link(lab, 0, "chanbufsize", "20000[1]"));
	must(lab, vsq_capture(lab, 0, 0, path));
	must(lab, vsq_app(lab, "udp-cbr", 0, 1, "rate=2Mbit/s stop=5s"));
	run(lab, 10 * VS_SEC);
	done(lab, NULL);
	look(&seen);
	assert_true(seen.by_queue > 10);
	assert_true(seen.dropped > seen.by_queue + 10);
	assert_true(seen.nodes > 100);
}

/* The chain moves on while the datagrams are on their way: it is the first node that they met. */
static void what_arrives_says_which_node_it_met(void **state)
{
	struct vsq_lab *lab = pair_new(2);
	struct seen seen;

	(void)state;
	must(lab, vsq_link(lab, 0, "markov-numnodes", "2"));
	must(lab, vsq_link(lab, 0, "markov-name", "1,fade"));
	must(lab, vsq_link(lab, 0, "delay", "700"));
	must(lab, vsq_link(lab, 0, "delay", "700[1]"));
	must(lab, vsq_capture(lab, 0, 1, path));
	must(lab, vsq_app(lab, "udp-cbr", 0, 1, "interval=100ms count=8 size=100"));
	must(lab, vsq_at(lab, 1500 * VS_MSEC, "alice-bob markov-setnode 1"));
	run(lab, 3 * VS_SEC);
	done(lab, NULL);
	look(&seen);
	assert_true(seen.in > 1);
	assert_true(seen.last > 2 * VS_SEC);
	assert_int_equal(seen.commented, seen.frames);
	assert_int_equal(seen.nodes_in, 0);
}

static void capture_that_cannot_be_written_fails_the_run(void **state)
{
	struct vsq_lab *lab = pair_new(4);

	(void)state;
	must(lab, vsq_capture(lab, 0, 0, "/dev/full"));
	must(lab, vsq_app(lab, "ping", 0, 1, "count=7"));
	run(lab, 20 * VS_SEC);
	assert_int_equal(vsq_finish(lab), 1);
	assert_non_null(complaint(lab, "/dev/full"));
	vsq_free(lab);
}

/* An ARP request for 10.0.0.1 from 10.0.0.9, padded as on a real cable. */
static const uint8_t question[60] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0,	0, 0,  0,    9, 0x08, 0x06, 0, 1, 0x08, 0,
	6,    4,    0,	  1,	0x02, 0,    0,	  0,	0, 9,  10,   0, 0,    9,    0, 0, 0,	0,
	0,    0,    10,	  0,	0,    1,
};

static void probe_puts_frames_at_their_times_and_hears_answers(void **state)
{
	struct vsq_lab *lab = vsq_new("probe", 1);
	const uint8_t *bytes;
	int64_t time;
	size_t len;
	int probe;

	(void)state;
	must(lab, vsq_add_host(lab, "host"));
	must(lab, vsq_address(lab, 0, 1, "10.0.0.1/24"));
	probe = must(lab, vsq_add_probe(lab, "probe"));
	must(lab, vsq_join(lab, NULL, 0, 0, probe, 0));
	assert_int_equal(vsq_join(lab, NULL, 0, 0, probe, 0), -EBUSY);
	must(lab, vsq_link(lab, 0, "delay", "3"));
	must(lab, vsq_inject(lab, probe, 5 * VS_SEC, question, sizeof(question)));
	must(lab, vsq_inject(lab, probe, 4 * VS_SEC, question, sizeof(question)));
	must(lab, vsq_inject(lab, probe, 3 * VS_SEC, question, 20));
	assert_int_equal(vsq_inject(lab, 0, VS_SEC, question, sizeof(question)), -EINVAL);
	run(lab, 10 * VS_SEC);
	assert_int_equal(vsq_inject(lab, probe, VS_SEC, question, sizeof(question)), -EINVAL);
	for (int i = 0; i < 2; i++) {
		do
			assert_int_equal(vsq_heard(lab, probe, &time, &bytes, &len), 1);
		while (time < 4 * VS_SEC);
		assert_int_equal(time, (4 + i) * VS_SEC + 6 * VS_MSEC);
		assert_in_range(len, 42, 60);
		assert_memory_equal(bytes, question + 6, 6);
		assert_int_equal(bytes[21], 2);
	}
	assert_int_equal(vsq_heard(lab, probe, &time, &bytes, &len), 0);
	done(lab, NULL);
}

static void frames_not_yet_put_and_not_yet_heard_go_with_the_lab(void **state)
{
	struct vsq_lab *lab = vsq_new("probe", 1);

	(void)state;
	must(lab, vsq_add_probe(lab, "a"));
	must(lab, vsq_add_probe(lab, "b"));
	must(lab, vsq_join(lab, NULL, 0, 0, 1, 0));
	for (int i = 0; i < 10; i++)
		must(lab, vsq_inject(lab, 0, i * VS_SEC, question, sizeof(question)));
	run(lab, 5 * VS_SEC);
	assert_true(metric(lab, "lab.frames") == 6);
	done(lab, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(both_ends_of_a_cable_are_two_capture_points,
						make_path, remove_path),
		cmocka_unit_test_setup_teardown(one_end_sees_what_passes_there, make_path,
						remove_path),
		cmocka_unit_test_setup_teardown(drops_say_why_and_in_which_node, make_path,
						remove_path),
		cmocka_unit_test_setup_teardown(what_arrives_says_which_node_it_met, make_path,
						remove_path),
		cmocka_unit_test(capture_that_cannot_be_written_fails_the_run),
		cmocka_unit_test(probe_puts_frames_at_their_times_and_hears_answers),
		cmocka_unit_test(frames_not_yet_put_and_not_yet_heard_go_with_the_lab),
	};

	return cmocka_run_group_tests_name("capture", tests, NULL, NULL);
}
