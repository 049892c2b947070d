/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/link/link_test.h"

#include "core/wire/cksum.h"
#include "core/wire/eth.h"
#include "core/wire/ip.h"

/* Sends one frame and tells how long it takes to the other side. */
static vs_time crossing(struct world *w, vs_time now, int port, size_t len)
{
	vs_time at;
	int out;

	world_send(w, now, port, len);
	at = world_next(w, VS_NEVER, NULL, &out);
	if (at == VS_NEVER)
		return -1;
	assert_int_equal(out, !port);
	return at - now;
}

static void a_link_without_settings_is_a_perfect_cable(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, 1);
	assert_int_equal(link_poll_at(w.link), VS_NEVER);
	assert_int_equal(crossing(&w, 5, LINK_LEFT, 60), 0);
	assert_int_equal(crossing(&w, 5, LINK_RIGHT, 1514), 0);
	assert_int_equal(world_count(&w, 0, "tx_bytes"), 60);
	assert_int_equal(world_count(&w, 1, "tx_bytes"), 1514);
	world_close(&w);
}

static void delay_is_exact_and_per_direction(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, 1);
	world_set(&w, 0, "delay", "LR 100");
	world_set(&w, 0, "delay", "RL500us");
	assert_int_equal(crossing(&w, 7, LINK_LEFT, 60), 100 * VS_MSEC);
	assert_int_equal(crossing(&w, VS_SEC, LINK_RIGHT, 60), 500 * VS_USEC);
	world_set(&w, VS_SEC, "delay", "0");
	assert_int_equal(crossing(&w, 2 * VS_SEC, LINK_LEFT, 60), 0);
	world_close(&w);
}

static void bandwidth_is_shared_by_the_frames_of_a_direction(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, 1);
	world_set(&w, 0, "bandwidth", "1Mbit/s");
	world_set(&w, 0, "delay", "10");
	for (int i = 0; i < 4; i++)
		world_send(&w, 0, LINK_LEFT, 125);
	for (int i = 1; i <= 4; i++) {
		vs_time at = link_poll_at(w.link);
		int port;

		assert_int_equal(at, i * VS_MSEC + 10 * VS_MSEC);
		link_run(w.link, at);
		vs_frame_put(link_output(w.link, &port));
	}
	world_close(&w);
}

static void thirds_of_a_nanosecond_do_not_pile_up(void **state)
{
	struct world w;
	vs_time at = 0;

	(void)state;
	world_open(&w, 1);
	world_set(&w, 0, "bandwidth", "3GB/s");
	for (int i = 0; i < 3000; i++)
		world_send(&w, 0, LINK_LEFT, 100);
	for (int i = 0; i < 3000; i++) {
		int port;

		at = link_poll_at(w.link);
		link_run(w.link, at);
		vs_frame_put(link_output(w.link, &port));
	}
	assert_in_range(at, 99999, 100000);
	world_close(&w);
}

static void speed_serialises_before_the_channel_and_holds_the_sender(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, 1);
	world_set(&w, 0, "speed", "LR 1MB/s");
	world_set(&w, 0, "chanbufsize", "1000");
	assert_true(link_ready(w.link, LINK_LEFT));
	for (int i = 0; i < 3; i++)
		world_send(&w, 0, LINK_LEFT, 1000);
	assert_false(link_ready(w.link, LINK_LEFT));
	assert_true(link_ready(w.link, LINK_RIGHT));
	assert_int_equal(link_queue_frames(w.link, LINK_LEFT), 3);
	for (int i = 1; i <= 3; i++) {
		int port;

		assert_int_equal(link_poll_at(w.link), i * VS_MSEC);
		link_run(w.link, i * VS_MSEC);
		vs_frame_put(link_output(w.link, &port));
	}
	assert_true(link_ready(w.link, LINK_LEFT));
	assert_int_equal(world_count(&w, 0, "drop_queue"), 0);
	world_close(&w);
}

static void capacity_counts_the_bytes_that_wait(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, 1);
	world_set(&w, 0, "delay", "1");
	world_set(&w, 0, "chanbufsize", "LR 1000");
	for (int i = 0; i < 5; i++)
		world_send(&w, 0, LINK_LEFT, 300);
	for (int i = 0; i < 5; i++)
		world_send(&w, 0, LINK_RIGHT, 300);
	assert_int_equal(world_count(&w, 0, "drop_queue"), 2);
	assert_int_equal(world_count(&w, 1, "drop_queue"), 0);
	/* At the very instant they leave there is room again. */
	world_send(&w, VS_MSEC, LINK_LEFT, 1000);
	assert_int_equal(world_count(&w, 0, "drop_queue"), 2);
	world_conserves(&w);
	world_close(&w);
}

static void mtu_drops_what_is_longer(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, 1);
	world_set(&w, 0, "mtu", "RL 1000");
	assert_int_equal(crossing(&w, 0, LINK_RIGHT, 1000), 0);
	assert_int_equal(crossing(&w, 0, LINK_RIGHT, 1001), -1);
	assert_int_equal(crossing(&w, 0, LINK_LEFT, 1001), 0);
	assert_int_equal(world_count(&w, 1, "drop_mtu"), 1);
	world_close(&w);
}

static void fifo_holds_back_and_without_it_frames_overtake(void **state)
{
	for (int fifo = 0; fifo < 2; fifo++) {
		struct world w;
		int overtaken = 0;
		uint64_t last = 0, number;

		(void)state;
		world_open(&w, 3);
		world_set(&w, 0, "fifo", fifo ? "on" : "off");
		world_set(&w, 0, "delay", "10+10");
		for (int i = 0; i < 1000; i++)
			world_send(&w, i * VS_USEC, LINK_LEFT, 60);
		for (int i = 0; i < 1000; i++) {
			int port;
			struct vs_frame *f;

			while (!(f = link_output(w.link, &port)))
				link_run(w.link, link_poll_at(w.link));
			memcpy(&number, f->data, 8);
			overtaken += number < last;
			last = number;
			vs_frame_put(f);
		}
		if (fifo)
			assert_int_equal(overtaken, 0);
		else
			assert_true(overtaken > 100);
		world_close(&w);
	}
}

static void a_reordered_frame_is_overtaken_even_in_fifo(void **state)
{
	struct world w;
	int port;
	struct vs_frame *f;
	uint64_t number;

	(void)state;
	world_open(&w, 1);
	world_set(&w, 0, "reorder", "100");
	world_set(&w, 0, "reorder-delay", "3ms");
	world_send(&w, 0, LINK_LEFT, 60);
	world_set(&w, 0, "reorder", "0");
	world_send(&w, 0, LINK_LEFT, 60);
	f = link_output(w.link, &port);
	memcpy(&number, f->data, 8);
	vs_frame_put(f);
	assert_int_equal(number, 1);
	assert_int_equal(link_poll_at(w.link), 3 * VS_MSEC);
	link_run(w.link, 3 * VS_MSEC);
	vs_frame_put(link_output(w.link, &port));
	assert_int_equal(world_count(&w, 0, "reordered"), 1);
	world_close(&w);
}

static void certain_loss_loses_all_and_says_why(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, 1);
	world_set(&w, 0, "loss", "LR 100%");
	for (int i = 0; i < 10; i++)
		assert_int_equal(crossing(&w, 0, LINK_LEFT, 60), -1);
	assert_int_equal(world_count(&w, 0, "drop_loss"), 10);
	world_set(&w, 0, "lostburst", "3");
	for (int i = 0; i < 10; i++)
		assert_int_equal(crossing(&w, 0, LINK_LEFT, 60), -1);
	assert_int_equal(world_count(&w, 0, "drop_burst"), 10);
	world_close(&w);
}

static void a_loss_trace_is_played_and_played_again(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, 1);
	world_set(&w, 0, "trace-loss", "LR 00101");
	for (int i = 0; i < 20; i++)
		assert_int_equal(crossing(&w, 0, LINK_LEFT, 60), i % 5 == 2 || i % 5 == 4 ? -1 : 0);
	assert_int_equal(world_count(&w, 0, "drop_trace"), 8);
	world_set(&w, 0, "trace-loss", "off");
	assert_int_equal(crossing(&w, 0, LINK_LEFT, 60), 0);
	assert_int_equal(link_trace_loss(w.link, 0, "0102", 4), -EINVAL);
	world_close(&w);
}

static void a_capacity_trace_gives_its_opportunities(void **state)
{
	static const struct {
		vs_time sent, got;
		size_t len;
	} steps[] = {
		{0, 5, 1514},	  /* the opportunity at 5 */
		{0, 7, 1514},	  /* the one at 7 */
		{8, 10, 700},	  /* half of the first of two at 10 */
		{8, 10, 1000},	  /* the rest of it, and of the second */
		{8, 15, 1514},	  /* what is left of the second, and the next turn's first */
		{100, 100, 3000}, /* both of the instant itself */
		{101, 107, 3000}, /* the first two of the eleventh turn */
	};
	struct world w;

	(void)state;
	world_open(&w, 1);
	world_set(&w, 0, "trace-capacity", "LR 5,7,10,10");
	for (size_t i = 0, k = 0; k < sizeof(steps) / sizeof(steps[0]); k++) {
		for (; i < sizeof(steps) / sizeof(steps[0]) && steps[i].sent < steps[k].got; i++)
			world_send(&w, steps[i].sent * VS_MSEC, LINK_LEFT, steps[i].len);
		if (i == k) {
			world_send(&w, steps[i].sent * VS_MSEC, LINK_LEFT, steps[i].len);
			i++;
		}
		assert_int_equal(world_next(&w, VS_SEC, NULL, NULL), steps[k].got * VS_MSEC);
	}
	assert_int_equal(link_trace_capacity(w.link, 0, 0, (uint32_t[]){3, 2}, 2), -EINVAL);
	assert_int_equal(link_trace_capacity(w.link, 0, 0, (uint32_t[]){0}, 1), -EINVAL);
	world_close(&w);
}

static void a_shared_frame_is_never_changed(void **state)
{
	struct world w;
	struct vs_frame *f, *out;
	int port;

	(void)state;
	world_open(&w, 1);
	world_set(&w, 0, "corrupt", "100");
	f = vs_frame_from(w.pool, "0123456789abcdef", 16);
	f->flags = VS_FRAME_TRUSTED;
	f->mark = 77;
	link_input(w.link, 0, LINK_LEFT, vs_frame_ref(f));
	out = link_output(w.link, &port);
	assert_non_null(out);
	assert_memory_equal(f->data, "0123456789abcdef", 16);
	assert_memory_not_equal(out->data, f->data, 16);
	assert_int_equal(out->len, 16);
	assert_int_equal(out->mark, 77);
	assert_int_equal(out->flags & VS_FRAME_TRUSTED, 0);
	assert_int_equal(f->flags, VS_FRAME_TRUSTED);
	vs_frame_put(out);
	vs_frame_put(f);
	world_close(&w);
}

/* A packet of 100 bytes in IPv4 or IPv6, with an ECN field. */
static struct vs_frame *packet(struct world *w, int version, unsigned ecn)
{
	struct wire_ip ip = {.version = (uint8_t)version,
			     .tclass = (uint8_t)(0x28 << 2 | ecn),
			     .hop_limit = 64,
			     .protocol = 17,
			     .payload_len = 60};
	struct wire_eth eth = {.type = version == 4 ? WIRE_TYPE_IP4 : WIRE_TYPE_IP6};
	struct vs_frame *f = vs_frame_new(w->pool, 114, 0);

	if (version == 4)
		ip.src = ip.dst = wire_addr_any4;
	memset(f->data, 0, 114);
	wire_eth_emit(f->data, &eth);
	wire_ip_emit(f->data + WIRE_ETH_LEN, &ip);
	f->flags = VS_FRAME_TRUSTED;
	return f;
}

/* RFC 3168 5: CE only where the ends have agreed, only when the queue is long; nothing is lost, and
 * the header's checksum is right.
 */
static void a_long_queue_marks_what_may_be_marked(void **state)
{
	(void)state;
	for (int version = 4; version <= 6; version += 2) {
		struct world w;
		struct vs_frame *out;
		int port;

		world_open(&w, 1);
		world_set(&w, 0, "bandwidth", "114000");
		world_set(&w, 0, "ecn", "300");
		/* Two fit below the threshold, then Not-ECT, ECT(1), ECT(0), CE do not. */
		for (unsigned i = 0; i < 6; i++)
			link_input(w.link, 0, 0, packet(&w, version, i < 2 ? 2 : i - 2));
		for (unsigned i = 0; i < 6; i++) {
			static const unsigned expected[] = {2, 2, 0, 3, 3, 3};
			struct wire_ip ip;

			link_run(w.link, (i + 1) * VS_MSEC);
			out = link_output(w.link, &port);
			assert_non_null(out);
			assert_true(wire_ip_parse(&ip, out->data + 14, out->len - 14) > 0);
			assert_int_equal(ip.tclass, 0x28 << 2 | expected[i]);
			assert_int_equal(out->flags, VS_FRAME_TRUSTED);
			if (version == 4)
				assert_int_equal(wire_cksum_fold(wire_cksum_add(0, out->data + 14,
										20)),
						 0);
			vs_frame_put(out);
		}
		assert_int_equal(world_count(&w, 0, "marked"), 2);
		/* What is no packet passes. */
		for (int i = 0; i < 5; i++)
			world_send(&w, 10 * VS_MSEC, 0, 114);
		link_run(w.link, VS_SEC);
		assert_int_equal(world_count(&w, 0, "tx_frames"), 6);
		world_close(&w);
	}
}

static void the_same_seed_gives_the_same_frames(void **state)
{
	uint64_t hash[3];

	(void)state;
	for (int run = 0; run < 3; run++) {
		struct world w;
		uint64_t h = 14695981039346656037u;

		world_open(&w, run < 2 ? 42 : 43);
		world_set(&w, 0, "loss", "10");
		world_set(&w, 0, "delay", "10+5N");
		world_set(&w, 0, "dup", "5");
		world_set(&w, 0, "noise", "10000");
		world_set(&w, 0, "fifo", "off");
		for (int i = 0; i < 2000; i++) {
			struct vs_frame *f;
			int port;

			world_send(&w, i * 100 * VS_USEC, i & 1, 200);
			while ((f = link_output(w.link, &port))) {
				h = (h ^ (uint64_t)port ^ (uint64_t)i) * 1099511628211u;
				for (uint32_t k = 0; k < f->len; k++)
					h = (h ^ f->data[k]) * 1099511628211u;
				vs_frame_put(f);
			}
		}
		hash[run] = h;
		world_close(&w);
	}
	assert_int_equal(hash[0], hash[1]);
	assert_int_not_equal(hash[0], hash[2]);
}

static void held_bytes_are_bounded_and_the_rest_is_dropped(void **state)
{
	struct world w;
	struct link *l;

	(void)state;
	world_open(&w, 1);
	assert_int_equal(link_create(&l, &(struct link_conf){.queue_bytes_max = 10000}, &w.arena),
			 0);
	assert_int_equal(link_set(l, 0, "delay", "1000", NULL), 0);
	for (int i = 0; i < 20; i++)
		link_input(l, 0, 0, vs_frame_new(w.pool, 1000, 0));
	assert_int_equal(link_queue_frames(l, 0), 10);
	assert_int_equal(link_queue_bytes(l, 0), 10000);
	link_destroy(l);
	world_close(&w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_link_without_settings_is_a_perfect_cable),
		cmocka_unit_test(delay_is_exact_and_per_direction),
		cmocka_unit_test(bandwidth_is_shared_by_the_frames_of_a_direction),
		cmocka_unit_test(thirds_of_a_nanosecond_do_not_pile_up),
		cmocka_unit_test(speed_serialises_before_the_channel_and_holds_the_sender),
		cmocka_unit_test(capacity_counts_the_bytes_that_wait),
		cmocka_unit_test(mtu_drops_what_is_longer),
		cmocka_unit_test(fifo_holds_back_and_without_it_frames_overtake),
		cmocka_unit_test(a_reordered_frame_is_overtaken_even_in_fifo),
		cmocka_unit_test(certain_loss_loses_all_and_says_why),
		cmocka_unit_test(a_loss_trace_is_played_and_played_again),
		cmocka_unit_test(a_capacity_trace_gives_its_opportunities),
		cmocka_unit_test(a_shared_frame_is_never_changed),
		cmocka_unit_test(a_long_queue_marks_what_may_be_marked),
		cmocka_unit_test(the_same_seed_gives_the_same_frames),
		cmocka_unit_test(held_bytes_are_bounded_and_the_rest_is_dropped),
	};

	return cmocka_run_group_tests_name("link", tests, NULL, NULL);
}
