/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* VLANs: ingress, egress, tags put in and taken out, every identifier. */
#include "core/switch/vsw_test_impl.h"

/* Ports 1 and 2 without a tag and port 3 with one in VLAN 5; port 4 in VLAN 0. */
static void setup(struct bench *b)
{
	bench_init(b, (struct vsw_conf){0});
	for (int i = 1; i < 5; i++)
		assert_int_equal(plug(b, i), i - 1);
	assert_int_equal(vsw_vlan_create(b->sw, 5), 0);
	assert_int_equal(vsw_port_set_vlan(b->sw, 0, 1, 5), 0);
	assert_int_equal(vsw_port_set_vlan(b->sw, 0, 2, 5), 0);
	assert_int_equal(vsw_vlan_add_port(b->sw, 5, 3), 0);
}

static unsigned last_tci(const struct bench *b)
{
	assert_int_equal(b->last[12] << 8 | b->last[13], 0x8100);
	return (unsigned)(b->last[14] << 8 | b->last[15]);
}

static void tags_come_and_go_at_the_ports(void **state)
{
	struct bench b;

	(void)state;
	setup(&b);
	assert_string_equal(send_plain(&b, 0, 1, 0), "1:60 2:64");
	assert_int_equal(last_tci(&b), 5);
	assert_memory_equal(b.last + 6, "\x02\0\0\0\0\x01", 6);
	assert_memory_equal(b.last + 16, "\x08\x00\x00\x01\x02", 5);
	assert_string_equal(send_tagged(&b, 2, 3, 0, 0xb005), "0:60 1:60");
	assert_memory_equal(b.last + 6, "\x02\0\0\0\0\x03\x08\x00\x00\x01\x02", 11);
	assert_string_equal(send_plain(&b, 1, 2, 3), "2:64");
	assert_string_equal(send_tagged(&b, 2, 3, 2, 5), "1:60");
	/* port 3 is also in VLAN 0, without a tag */
	assert_string_equal(send_plain(&b, 2, 3, 0), "3:60");
	bench_fini(&b);
}

static void frames_of_vlans_a_port_is_not_in_stop_at_ingress(void **state)
{
	struct bench b;

	(void)state;
	setup(&b);
	assert_string_equal(send_tagged(&b, 3, 4, 0, 5), "");
	assert_string_equal(b.reason, "drop_ingress_vlan");
	assert_string_equal(send_tagged(&b, 2, 3, 0, 6), "");
	assert_string_equal(send_tagged(&b, 2, 3, 0, 4095), "");
	assert_int_equal(vsw_port_set_vlan(b.sw, 0, 4, VSW_NO_VLAN), 0);
	assert_string_equal(send_plain(&b, 3, 4, 0), "");
	assert_int_equal(b.sw->counters[VSW_DROP_INGRESS_VLAN], 4);
	assert_int_equal(b.sw->fdb.count, 0);
	/* 8.6.2: the VLAN a port has without a tag it may also name by one */
	assert_string_equal(send_tagged(&b, 0, 1, 0, 5), "1:60 2:64");
	bench_fini(&b);
}

static void a_priority_tag_leaves_the_vlan_to_the_port_and_keeps_its_priority(void **state)
{
	struct bench b;

	(void)state;
	setup(&b);
	assert_string_equal(send_tagged(&b, 0, 1, 0, 0xb000), "1:60 2:64");
	assert_int_equal(last_tci(&b), 0xb005);
	vsw_detach(b.sw, 0, 1); /* the tagged port alone: rewritten in place */
	assert_string_equal(send_tagged(&b, 0, 1, 0, 0xf000), "2:64");
	assert_int_equal(last_tci(&b), 0xf005);
	assert_string_equal(send_tagged(&b, 2, 3, 1, 0xd005), "0:60");
	/* who has VLAN 0 by tag gets priority tags */
	assert_int_equal(plug(&b, 5), 1);
	assert_int_equal(vsw_port_set_vlan(b.sw, 0, 5, 5), 0);
	assert_int_equal(vsw_vlan_add_port(b.sw, 0, 5), 0);
	assert_string_equal(send_tagged(&b, 1, 6, 0, 0x6000), "2:60 3:60");
	assert_string_equal(send_tagged(&b, 3, 7, 6, 0x4000), "1:64");
	assert_int_equal(last_tci(&b), 0x4000);
	bench_fini(&b);
}

static void only_the_outer_8100_tag_is_read(void **state)
{
	struct bench b;
	struct vs_frame *f;

	(void)state;
	setup(&b);
	f = frame_of(&b, 3, 0, 5);
	memcpy(f->data + 16, "\x81\x00\x0f\xff", 4); /* inside: whatever it says */
	vsw_input(b.sw, 0, 2, f);
	assert_string_equal(pull(&b), "0:60 1:60");
	assert_memory_equal(b.last + 12, "\x81\x00\x0f\xff", 4);
	f = frame_of(&b, 1, 0, 7);
	f->data[12] = 0x88;
	f->data[13] = 0xa8;
	vsw_input(b.sw, 0, 0, f);
	assert_string_equal(pull(&b), "1:64 2:68");
	assert_int_equal(last_tci(&b), 5);
	assert_memory_equal(b.last + 16, "\x88\xa8\x00\x07", 4);
	bench_fini(&b);
}

static void every_vlan_identifier_is_told_apart(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, (struct vsw_conf){0});
	plug(&b, 1);
	plug(&b, 2);
	plug(&b, 3);
	assert_int_equal(vsw_vlan_create(b.sw, 0), -EINVAL);
	assert_int_equal(vsw_vlan_create(b.sw, 4095), -EINVAL);
	for (unsigned v = 1; v < 4095; v++) {
		assert_int_equal(vsw_vlan_create(b.sw, v), 0);
		assert_int_equal(vsw_vlan_create(b.sw, v), -EEXIST);
		assert_int_equal(vsw_vlan_add_port(b.sw, v, 1), 0);
		assert_int_equal(vsw_port_set_vlan(b.sw, 0, 2, v), 0);
		assert_string_equal(send_tagged(&b, 0, 1, 0, (int)v), "1:60");
		assert_string_equal(send_plain(&b, 1, 2, 1), "0:64");
		assert_int_equal(last_tci(&b), v);
		assert_int_equal(found(&b, 1, v), 1);
		assert_int_equal(found(&b, 1, v ^ 256), v > 256 && (v ^ 256) < v ? 1 : -ENOENT);
	}
	bench_fini(&b);
}

static void stations_are_learned_per_vlan_and_forgotten_with_membership(void **state)
{
	struct bench b;

	(void)state;
	setup(&b);
	send_plain(&b, 2, 9, 0);
	assert_int_equal(found(&b, 9, 0), 3);
	assert_int_equal(found(&b, 9, 5), -ENOENT);
	send_tagged(&b, 2, 9, 0, 5);
	assert_int_equal(found(&b, 9, 5), 3);
	assert_int_equal(vsw_vlan_del_port(b.sw, 5, 3), 0);
	assert_int_equal(found(&b, 9, 5), -ENOENT);
	assert_int_equal(found(&b, 9, 0), 3);
	assert_string_equal(send_plain(&b, 0, 1, 9), "1:60");
	bench_fini(&b);
}

static void a_vlan_in_use_stays_and_vlan_0_always(void **state)
{
	struct bench b;

	(void)state;
	setup(&b);
	assert_int_equal(vsw_vlan_remove(b.sw, 5), -EADDRINUSE);
	assert_int_equal(vsw_vlan_remove(b.sw, 6), -ENXIO);
	assert_int_equal(vsw_vlan_remove(b.sw, 0), -EADDRINUSE);
	assert_int_equal(vsw_vlan_add_port(b.sw, 6, 1), -ENXIO);
	assert_int_equal(vsw_vlan_add_port(b.sw, 5, 9), -ENXIO);
	assert_int_equal(vsw_vlan_add_port(b.sw, 5, 32), -EINVAL);
	assert_int_equal(vsw_port_set_vlan(b.sw, 0, 1, 6), -ENXIO);
	for (unsigned i = 1; i < 4; i++)
		assert_int_equal(vsw_port_remove(b.sw, 0, i), 0);
	assert_int_equal(vsw_vlan_remove(b.sw, 5), 0);
	assert_string_equal(send_plain(&b, 3, 4, 0), "");
	bench_fini(&b);
}

static void setvlan_on_a_tagged_member_makes_it_untagged_there(void **state)
{
	struct bench b;

	(void)state;
	setup(&b);
	assert_int_equal(vsw_port_set_vlan(b.sw, 0, 3, 5), 0);
	assert_string_equal(send_plain(&b, 0, 1, 0), "1:60 2:60");
	assert_int_equal(vsw_vlan_add_port(b.sw, 5, 3), 0); /* says nothing new */
	assert_string_equal(send_plain(&b, 0, 1, 0), "1:60 2:60");
	assert_int_equal(vsw_vlan_del_port(b.sw, 5, 3), 0); /* nor this: it has no tag to lose */
	assert_string_equal(send_plain(&b, 0, 1, 0), "1:60 2:60");
	bench_fini(&b);
}

static void a_flood_copies_once_for_all_ports_of_the_other_form(void **state)
{
	struct bench b;
	uint64_t made;

	(void)state;
	bench_init(&b, (struct vsw_conf){.ports = 200});
	vsw_vlan_create(b.sw, 5);
	for (int i = 1; i < 200; i++) {
		plug(&b, i);
		if (i % 2)
			vsw_port_set_vlan(b.sw, 0, (unsigned)i, 5);
		else
			vsw_vlan_add_port(b.sw, 5, (unsigned)i);
	}
	for (int tagged = 0; tagged < 2; tagged++) {
		made = vs_pool_stats(b.pool).frames_made;
		vsw_input(b.sw, 0, tagged, frame_of(&b, 1, 0, tagged ? 5 : -1));
		assert_int_equal(vs_pool_stats(b.pool).frames_made, made + 2);
		pull(&b);
	}
	assert_int_equal(b.sw->counters[VSW_TX_FRAMES], 2 * 198);
	bench_fini(&b);
}

static void a_full_pool_costs_only_the_copies_it_could_not_make(void **state)
{
	struct bench b;
	struct vs_frame *hold[64], *f;
	unsigned held = 0;

	(void)state;
	bench_init(&b, (struct vsw_conf){0});
	vs_pool_create(&b.pool, &(struct vs_pool_conf){.bytes_max = 16384}, &b.arena);
	plug(&b, 1);
	plug(&b, 2);
	plug(&b, 3);
	vsw_vlan_create(b.sw, 5);
	vsw_port_set_vlan(b.sw, 0, 1, 5);
	vsw_port_set_vlan(b.sw, 0, 2, 5);
	vsw_vlan_add_port(b.sw, 5, 3);
	while ((f = frame_of(&b, 1, 0, -1)))
		hold[held++] = f;
	vsw_input(b.sw, 0, 0, hold[--held]);
	assert_string_equal(pull(&b), "1:60");
	assert_int_equal(b.sw->counters[VSW_COPY_DROP_MEMORY], 1);
	while (held)
		vs_frame_put(hold[--held]);
	bench_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tags_come_and_go_at_the_ports),
		cmocka_unit_test(frames_of_vlans_a_port_is_not_in_stop_at_ingress),
		cmocka_unit_test(a_priority_tag_leaves_the_vlan_to_the_port_and_keeps_its_priority),
		cmocka_unit_test(only_the_outer_8100_tag_is_read),
		cmocka_unit_test(every_vlan_identifier_is_told_apart),
		cmocka_unit_test(stations_are_learned_per_vlan_and_forgotten_with_membership),
		cmocka_unit_test(a_vlan_in_use_stays_and_vlan_0_always),
		cmocka_unit_test(setvlan_on_a_tagged_member_makes_it_untagged_there),
		cmocka_unit_test(a_flood_copies_once_for_all_ports_of_the_other_form),
		cmocka_unit_test(a_full_pool_costs_only_the_copies_it_could_not_make),
	};

	return cmocka_run_group_tests_name("vlan", tests, NULL, NULL);
}
