/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The way of frames: learning, flooding, filtering, hub, mirrors, bounds. */
#include "core/switch/vsw_test_impl.h"

static void floods_the_unknown_and_unicasts_the_known(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, (struct vsw_conf){0});
	for (int i = 0; i < 3; i++)
		assert_int_equal(plug(&b, i + 1), i);
	assert_string_equal(send_plain(&b, 0, 1, 2), "1:60 2:60");
	assert_int_equal(found(&b, 1, 0), 1);
	assert_int_equal(found(&b, 2, 0), -ENOENT);
	assert_string_equal(send_plain(&b, 1, 2, 1), "0:60");
	assert_string_equal(send_plain(&b, 0, 1, 2), "1:60");
	assert_string_equal(send_plain(&b, 2, 3, 0), "0:60 1:60");
	assert_string_equal(send_plain(&b, 0, 7, 1), "");
	assert_string_equal(b.reason, "drop_same_port");
	bench_fini(&b);
}

static void a_flood_takes_references_and_no_copies(void **state)
{
	struct bench b;
	uint64_t made;

	(void)state;
	bench_init(&b, (struct vsw_conf){.ports = 4001});
	for (int i = 1; i <= 4000; i++)
		assert_true(plug(&b, i) >= 0);
	made = vs_pool_stats(b.pool).frames_made;
	vsw_input(b.sw, 0, 17, frame_of(&b, 1, 0, -1));
	assert_int_equal(vs_pool_stats(b.pool).frames_made, made + 1);
	assert_int_equal(vs_queue_len(&b.sw->queue), 3999);
	pull(&b);
	assert_int_equal(b.sw->counters[VSW_TX_FRAMES], 3999);
	bench_fini(&b);
}

static void entry_ages_out_exactly_at_its_time(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, (struct vsw_conf){.expire = 10 * VS_SEC, .gc_interval = 3 * VS_SEC});
	plug(&b, 1);
	plug(&b, 2);
	plug(&b, 3);
	assert_int_equal(vsw_poll_at(b.sw), VS_NEVER);
	b.now = 7;
	send_plain(&b, 0, 1, 0);
	assert_int_equal(vsw_poll_at(b.sw), 12 * VS_SEC);
	b.now = 10 * VS_SEC + 6;
	assert_string_equal(send_plain(&b, 1, 2, 1), "0:60");
	/* Age before lookup: a frame at the very tick must flood, not follow a ghost. */
	b.now = 10 * VS_SEC + 7;
	assert_string_equal(send_plain(&b, 1, 2, 1), "0:60 2:60");
	assert_int_equal(found(&b, 1, 0), -ENOENT);
	assert_int_equal(b.sw->fdb.count, 2);
	vsw_run(b.sw, 12 * VS_SEC - 1);
	assert_int_equal(b.sw->fdb.count, 2);
	vsw_run(b.sw, 12 * VS_SEC);
	assert_int_equal(b.sw->fdb.count, 1);
	assert_int_equal(b.sw->counters[VSW_FDB_EXPIRED], 1);
	assert_int_equal(vsw_poll_at(b.sw), 21 * VS_SEC);
	vsw_run(b.sw, 21 * VS_SEC);
	assert_int_equal(vsw_poll_at(b.sw), VS_NEVER);
	bench_fini(&b);
}

static void a_station_may_not_move_before_the_minimum_persistence(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, (struct vsw_conf){.persistence = 3 * VS_SEC});
	plug(&b, 1);
	plug(&b, 2);
	plug(&b, 3);
	send_plain(&b, 0, 1, 0);
	b.now = 3 * VS_SEC - 1;
	assert_string_equal(send_plain(&b, 1, 1, 0), "0:60 2:60");
	assert_int_equal(found(&b, 1, 0), 1);
	assert_int_equal(b.sw->counters[VSW_FDB_MOVE_REFUSED], 1);
	b.now = 3 * VS_SEC;
	send_plain(&b, 1, 1, 0);
	assert_int_equal(found(&b, 1, 0), 2);
	assert_int_equal(b.sw->counters[VSW_FDB_MOVED], 1);
	bench_fini(&b);
}

static void group_sources_and_the_own_address_are_never_learned(void **state)
{
	struct bench b;
	struct vs_frame *f;

	(void)state;
	bench_init(&b, (struct vsw_conf){.mac = {2, 0, 0, 0, 0, 9}});
	plug(&b, 1);
	plug(&b, 2);
	f = frame_of(&b, 1, 0, -1);
	f->data[6] |= 1;
	vsw_input(b.sw, 0, 0, f);
	assert_string_equal(pull(&b), "1:60");
	send_plain(&b, 0, 9, 0);
	assert_int_equal(b.sw->fdb.count, 0);
	assert_string_equal(send_plain(&b, 0, 1, 9), "");
	assert_string_equal(b.reason, "drop_own");
	bench_fini(&b);
}

static bool read_bpdu(void *ctx, vs_time now, unsigned port, unsigned vlan,
		      const struct vs_frame *f)
{
	(void)now, (void)f;
	*(unsigned *)ctx = port << 16 | vlan;
	return true;
}

static void reserved_groups_stop_here_unless_it_is_a_hub(void **state)
{
	struct bench b;
	unsigned told = 0;

	(void)state;
	bench_init(&b, (struct vsw_conf){0});
	plug(&b, 1);
	plug(&b, 2);
	for (unsigned i = 0; i < 0x12; i++) {
		struct vs_frame *f = frame_of(&b, 1, 0, -1);
		const uint8_t group[6] = {0x01, 0x80, 0xc2, 0, 0, (uint8_t)i};

		memcpy(f->data, group, 6);
		vsw_input(b.sw, 0, 0, f);
		assert_string_equal(pull(&b), i < 0x10 ? "" : "1:60");
	}
	assert_int_equal(b.sw->counters[VSW_DROP_RESERVED], 16);
	vsw_set_bpdu(b.sw, read_bpdu, &told);
	for (int hub = 0; hub < 2; hub++) {
		struct vs_frame *f = frame_of(&b, 1, 0, -1);

		memcpy(f->data, "\x01\x80\xc2\x00\x00\x00", 6);
		vsw_set_hub(b.sw, hub);
		vsw_input(b.sw, 0, 0, f);
		assert_string_equal(pull(&b), hub ? "1:60" : "");
	}
	assert_int_equal(told, 1 << 16);
	assert_int_equal(b.sw->counters[VSW_BPDUS], 1);
	bench_fini(&b);
}

static void a_hub_repeats_everything_to_everyone_and_learns_nothing(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, (struct vsw_conf){.hub = true});
	plug(&b, 1);
	assert_string_equal(send_plain(&b, 0, 1, 2), "");
	assert_string_equal(b.reason, "drop_nobody");
	plug(&b, 2);
	plug(&b, 3);
	vsw_vlan_create(b.sw, 5);
	vsw_port_set_vlan(b.sw, 0, 2, 5);
	assert_string_equal(send_plain(&b, 1, 1, 2), "0:60 2:60");
	assert_string_equal(send_tagged(&b, 0, 2, 1, 0x2fff), "1:64 2:64");
	assert_int_equal(b.sw->fdb.count, 0);
	bench_fini(&b);
}

static void a_port_has_many_endpoints_that_do_not_hear_each_other(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, (struct vsw_conf){0});
	plug(&b, 1);
	plug(&b, 2);
	plug(&b, 2);
	plug(&b, 2);
	assert_string_equal(send_plain(&b, 0, 1, 0), "1:60 2:60 3:60");
	assert_string_equal(send_plain(&b, 2, 2, 0), "0:60");
	assert_int_equal(b.sw->ports[2].counters[VSW_PORT_TX_FRAMES], 1);
	assert_int_equal(b.sw->ports[2].counters[VSW_PORT_TX_BYTES], 60);
	assert_int_equal(b.sw->ports[2].counters[VSW_PORT_RX_FRAMES], 1);
	assert_int_equal(vsw_port_of(b.sw, 2), 2);
	vsw_detach(b.sw, 0, 2);
	assert_int_equal(vsw_port_of(b.sw, 2), -ENOENT);
	assert_string_equal(send_plain(&b, 0, 1, 0), "1:60 3:60");
	assert_string_equal(send_plain(&b, 2, 2, 0), "");
	assert_string_equal(b.reason, "drop_no_endpoint");
	bench_fini(&b);
}

static void stations_of_a_port_go_when_its_last_endpoint_goes(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, (struct vsw_conf){0});
	plug(&b, 1);
	plug(&b, 2);
	plug(&b, 2);
	send_plain(&b, 0, 1, 0);
	send_plain(&b, 1, 2, 0);
	vsw_detach(b.sw, 0, 1);
	assert_int_equal(found(&b, 2, 0), 2);
	vsw_detach(b.sw, 0, 2);
	assert_int_equal(found(&b, 2, 0), -ENOENT);
	assert_int_equal(found(&b, 1, 0), 1);
	bench_fini(&b);
}

static void frames_waiting_for_an_endpoint_that_goes_are_counted_drops(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, (struct vsw_conf){0});
	for (int i = 1; i < 4; i++)
		plug(&b, i);
	vsw_input(b.sw, 0, 0, frame_of(&b, 1, 0, -1));
	vsw_input(b.sw, 0, 1, frame_of(&b, 2, 0, -1));
	vsw_detach(b.sw, 0, 2);
	assert_int_equal(plug(&b, 9), 2); /* the number is used again at once */
	assert_string_equal(pull(&b), "1:60 0:60");
	assert_int_equal(b.sw->counters[VSW_COPY_DROP_CLOSED], 2);
	bench_fini(&b);
}

static void what_is_not_pulled_is_kept_up_to_a_bound(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, (struct vsw_conf){0});
	plug(&b, 1);
	plug(&b, 2);
	for (int i = 0; i < VSW_QUEUE_MIN + 5; i++)
		vsw_input(b.sw, 0, 0, frame_of(&b, 1, 0, -1));
	assert_int_equal(b.sw->counters[VSW_COPY_DROP_QUEUE], 5);
	assert_int_equal(b.sw->ports[2].counters[VSW_PORT_TX_DROPS], 5);
	bench_balance(&b);
	bench_fini(&b); /* with frames still waiting */
}

static void bounds_of_length_are_exact_and_nothing_is_padded(void **state)
{
	struct bench b;
	static const struct {
		size_t len;
		int tci;
		const char *reason;
	} frames[] = {
		{0, -1, "drop_runt"},
		{13, -1, "drop_runt"},
		{14, -1, ""},
		{17, 5, "drop_runt"},
		{18, 0, ""},
		{14 + 9216, -1, ""},
		{15 + 9216, -1, "drop_too_long"},
		{18 + 9216, 0, ""},
		{19 + 9216, 0, "drop_too_long"},
	};

	(void)state;
	bench_init(&b, (struct vsw_conf){0});
	plug(&b, 1);
	plug(&b, 2);
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		struct vs_frame *model = frame_of(&b, 1, 0, frames[i].tci);
		struct vs_frame *f = vs_frame_new(b.pool, frames[i].len, 0);
		bool passes = *frames[i].reason == '\0';

		memset(f->data, 0xa5, f->len);
		memcpy(f->data, model->data, f->len < model->len ? f->len : model->len);
		vs_frame_put(model);
		b.reason[0] = '\0';
		b.last_len = 0;
		vsw_input(b.sw, 0, 0, f);
		pull(&b);
		assert_string_equal(b.reason, frames[i].reason);
		assert_int_equal(b.last_len,
				 passes ? frames[i].len - (frames[i].tci >= 0 ? 4 : 0) : 0);
	}
	bench_fini(&b);
}

static void mirrors_copy_what_enters_and_leaves_as_it_was_on_the_wire(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, (struct vsw_conf){0});
	for (int i = 1; i < 4; i++)
		plug(&b, i);
	vsw_vlan_create(b.sw, 5);
	vsw_vlan_create(b.sw, 6);
	vsw_port_set_vlan(b.sw, 0, 3, 6); /* hears nothing of its own */
	vsw_port_set_vlan(b.sw, 0, 1, 5);
	vsw_vlan_add_port(b.sw, 5, 2);
	assert_int_equal(vsw_mirror(b.sw, 1, 1, true, true), -EINVAL);
	assert_int_equal(vsw_mirror(b.sw, 1, 9, true, true), -ENXIO);
	assert_int_equal(vsw_mirror(b.sw, 1, 3, true, false), 0);
	assert_int_equal(vsw_mirror(b.sw, 2, 3, true, true), 0);
	assert_string_equal(send_plain(&b, 0, 1, 0), "2:60 1:64 2:64");
	assert_string_equal(send_tagged(&b, 1, 2, 1, 5), "2:64 0:60");
	/* also what is then dropped */
	assert_string_equal(send_tagged(&b, 1, 2, 1, 77), "2:64");
	assert_string_equal(b.reason, "drop_ingress_vlan");
	assert_int_equal(vsw_mirror(b.sw, 2, 3, false, false), 0);
	assert_string_equal(send_tagged(&b, 1, 2, 1, 5), "0:60");
	assert_int_equal(vsw_mirror(b.sw, 1, 3, true, true), 0);
	assert_int_equal(vsw_port_remove(b.sw, 0, 3), 0);
	assert_string_equal(send_plain(&b, 0, 1, 2), "1:64");
	plug(&b, 3); /* the port is there again, the mirrors are not */
	assert_string_equal(send_plain(&b, 0, 1, 2), "1:64");
	assert_string_equal(send_tagged(&b, 1, 2, 1, 5), "0:60");
	bench_fini(&b);
}

static void a_frame_for_ports_without_endpoints_is_a_counted_drop(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, (struct vsw_conf){0});
	plug(&b, 1);
	plug(&b, 3);
	vsw_detach(b.sw, 0, 1);
	vsw_port_create(b.sw, 2);
	assert_string_equal(send_plain(&b, 0, 1, 0), "");
	assert_string_equal(b.reason, "drop_nobody");
	bench_fini(&b);
}

static void states_of_the_spanning_tree_stop_frames_and_learning(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, (struct vsw_conf){0});
	for (int i = 1; i < 4; i++)
		plug(&b, i);
	send_plain(&b, 0, 1, 0);
	assert_int_equal(vsw_set_state(b.sw, 0, 1, VSW_BLOCKING), 0);
	assert_int_equal(found(&b, 1, 0), -ENOENT);
	assert_string_equal(send_plain(&b, 0, 1, 0), "");
	assert_string_equal(b.reason, "drop_blocking");
	assert_int_equal(found(&b, 1, 0), -ENOENT);
	assert_string_equal(send_plain(&b, 1, 2, 0), "2:60");
	vsw_set_state(b.sw, 0, 1, VSW_LEARNING);
	assert_string_equal(send_plain(&b, 0, 1, 0), "");
	assert_string_equal(b.reason, "drop_learning");
	assert_int_equal(found(&b, 1, 0), 1);
	assert_string_equal(send_plain(&b, 1, 2, 1), "");
	assert_string_equal(b.reason, "drop_egress");
	vsw_set_state(b.sw, 0, 1, VSW_FORWARDING);
	assert_string_equal(send_plain(&b, 1, 2, 1), "0:60");
	assert_int_equal(vsw_set_state(b.sw, 7, 1, VSW_BLOCKING), -ENXIO);
	bench_fini(&b);
}

static void a_shared_frame_is_never_written_to(void **state)
{
	struct bench b;
	struct vs_frame *f;
	uint8_t before[64];

	(void)state;
	bench_init(&b, (struct vsw_conf){0});
	plug(&b, 1);
	plug(&b, 2);
	vsw_vlan_create(b.sw, 5);
	vsw_port_set_vlan(b.sw, 0, 1, 5);
	vsw_vlan_add_port(b.sw, 5, 2);
	f = frame_of(&b, 1, 0, -1);
	memcpy(before, f->data, 60);
	vsw_input(b.sw, 0, 0, vs_frame_ref(f));
	assert_string_equal(pull(&b), "1:64");
	assert_int_equal(f->refs, 1);
	assert_int_equal(f->len, 60);
	assert_memory_equal(before, f->data, 60);
	vs_frame_put(f);
	/* one's own is turned in place */
	f = frame_of(&b, 1, 0, -1);
	f->flags = VS_FRAME_TRUSTED;
	uint64_t made = vs_pool_stats(b.pool).frames_made;
	vsw_input(b.sw, 0, 0, f);
	assert_int_equal(vs_pool_stats(b.pool).frames_made, made);
	assert_string_equal(pull(&b), "1:64");
	bench_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(floods_the_unknown_and_unicasts_the_known),
		cmocka_unit_test(a_flood_takes_references_and_no_copies),
		cmocka_unit_test(entry_ages_out_exactly_at_its_time),
		cmocka_unit_test(a_station_may_not_move_before_the_minimum_persistence),
		cmocka_unit_test(group_sources_and_the_own_address_are_never_learned),
		cmocka_unit_test(reserved_groups_stop_here_unless_it_is_a_hub),
		cmocka_unit_test(a_hub_repeats_everything_to_everyone_and_learns_nothing),
		cmocka_unit_test(a_port_has_many_endpoints_that_do_not_hear_each_other),
		cmocka_unit_test(stations_of_a_port_go_when_its_last_endpoint_goes),
		cmocka_unit_test(frames_waiting_for_an_endpoint_that_goes_are_counted_drops),
		cmocka_unit_test(what_is_not_pulled_is_kept_up_to_a_bound),
		cmocka_unit_test(bounds_of_length_are_exact_and_nothing_is_padded),
		cmocka_unit_test(mirrors_copy_what_enters_and_leaves_as_it_was_on_the_wire),
		cmocka_unit_test(a_frame_for_ports_without_endpoints_is_a_counted_drop),
		cmocka_unit_test(states_of_the_spanning_tree_stop_frames_and_learning),
		cmocka_unit_test(a_shared_frame_is_never_written_to),
	};

	return cmocka_run_group_tests_name("vsw", tests, NULL, NULL);
}
