/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ports: numbers, guests, access control by the book, closing. */
#include "core/switch/vsw_test_impl.h"

static int closed[8], closed_len;

static void note_closed(void *ctx, int endpoint)
{
	(void)ctx;
	closed[closed_len++] = endpoint;
}

/* User 1000 is in groups 100 and 101, user 1001 in none. */
static bool in_group(void *ctx, uint32_t user, uint32_t group)
{
	(void)ctx;
	return user == 1000 && (group == 100 || group == 101);
}

static int attach(struct bench *b, int port, uint32_t user)
{
	struct vsw_guest guest = {.port = port, .any = port == 0, .user = user};

	return vsw_attach(b->sw, 0, &guest);
}

static void numbers_are_checked_at_both_ends(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, (struct vsw_conf){0});
	assert_int_equal(vsw_port_create(b.sw, 0), -EINVAL);
	assert_int_equal(vsw_port_create(b.sw, 1), 0);
	assert_int_equal(vsw_port_create(b.sw, 1), -EEXIST);
	assert_int_equal(vsw_port_create(b.sw, 31), 0);
	assert_int_equal(vsw_port_create(b.sw, 32), -EINVAL);
	assert_int_equal(vsw_port_create(b.sw, UINT32_MAX), -EINVAL);
	assert_int_equal(attach(&b, -1, 0), -ENXIO);
	assert_int_equal(attach(&b, 32, 0), -ENXIO);
	assert_int_equal(attach(&b, INT32_MAX, 0), -ENXIO);
	assert_int_equal(vsw_port_remove(b.sw, 0, 2), -ENXIO);
	assert_int_equal(vsw_port_remove(b.sw, 0, 32), -EINVAL);
	assert_int_equal(vsw_port_set_user(b.sw, 2, 0), -ENXIO);
	assert_int_equal(vsw_port_of(b.sw, -1), -ENOENT);
	assert_int_equal(vsw_port_of(b.sw, 5), -ENOENT);
	assert_int_equal(vsw_port_counters(b.sw, 2).count, 0);
	assert_int_equal(vsw_port_counters(b.sw, 1).count, VSW_PORT_COUNTERS);
	bench_fini(&b);
}

static void guests_without_a_wish_get_the_first_free_allocatable_port(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, (struct vsw_conf){.ports = 5});
	vsw_port_create(b.sw, 1); /* created by hand: not for them */
	assert_int_equal(vsw_port_of(b.sw, attach(&b, 0, 0)), 2);
	assert_int_equal(vsw_port_of(b.sw, attach(&b, 0, 0)), 3);
	assert_int_equal(vsw_port_of(b.sw, attach(&b, 0, 0)), 4);
	assert_int_equal(attach(&b, 0, 0), -EMFILE);
	vsw_port_set_allocatable(b.sw, 1, true);
	assert_int_equal(vsw_port_of(b.sw, attach(&b, 0, 0)), 1);
	vsw_detach(b.sw, 0, 1);
	assert_true(b.sw->ports[3].exists); /* as the original: the port stays, inactive */
	assert_int_equal(vsw_port_of(b.sw, attach(&b, 0, 0)), 3);
	/* by number they may join one that is in use */
	assert_int_equal(vsw_port_of(b.sw, attach(&b, 2, 0)), 2);
	bench_fini(&b);
}

static void access_is_decided_by_the_rules_of_the_book_in_order(void **state)
{
	struct bench b;
	static const struct {
		uint32_t user, group, asks;
		bool allowed;
	} rule[] = {
		{VSW_NONE, VSW_NONE, 1001, true},   {1000, VSW_NONE, 0, true},
		{1000, VSW_NONE, 1000, true},	    {1000, VSW_NONE, 1001, false},
		{VSW_NONE, 100, 1000, true},	    {VSW_NONE, 100, 1001, false},
		{VSW_NONE, 100, 0, true},	    {VSW_NONE, 102, 1000, false},
		{1001, 101, 1000, true},	    {1001, 101, 1001, true},
		{1001, 101, 1002, false},	    {1001, 101, VSW_NONE, true},
	};

	(void)state;
	bench_init(&b, (struct vsw_conf){.in_group = in_group});
	vsw_port_create(b.sw, 7);
	for (size_t i = 0; i < sizeof(rule) / sizeof(rule[0]); i++) {
		vsw_port_set_user(b.sw, 7, rule[i].user);
		vsw_port_set_group(b.sw, 7, rule[i].group);
		int n = attach(&b, 7, rule[i].asks);

		assert_int_equal(n, rule[i].allowed ? 0 : -EACCES);
		vsw_detach(b.sw, 0, n);
	}
	vsw_port_set_allocatable(b.sw, 7, true);
	vsw_set_ports(b.sw, 8);
	for (unsigned i = 1; i < 7; i++)
		vsw_port_create(b.sw, i);
	assert_int_equal(attach(&b, 0, 1002), -EMFILE); /* the one free port is not for them */
	assert_int_equal(vsw_port_of(b.sw, attach(&b, 0, 1001)), 7);
	bench_fini(&b);
}

static void removing_a_port_frees_its_endpoints_and_tells_the_world(void **state)
{
	struct bench b;

	(void)state;
	closed_len = 0;
	bench_init(&b, (struct vsw_conf){.closed = note_closed});
	for (int i = 0; i < 3; i++)
		plug(&b, 2);
	plug(&b, 3);
	send_plain(&b, 1, 1, 0);
	vsw_input(b.sw, 0, 3, frame_of(&b, 2, 0, -1)); /* three copies wait for port 2 */
	assert_int_equal(vsw_port_remove(b.sw, 0, 2), 0);
	assert_int_equal(closed_len, 3);
	assert_int_equal(closed[0] + closed[1] + closed[2], 0 + 1 + 2);
	assert_string_equal(pull(&b), "");
	assert_int_equal(b.sw->counters[VSW_COPY_DROP_CLOSED], 3);
	assert_int_equal(found(&b, 1, 0), -ENOENT);
	vsw_detach(b.sw, 0, closed[0]); /* what a world may still do: nothing happens */
	assert_string_equal(send_plain(&b, 1, 1, 0), "");
	assert_string_equal(b.reason, "drop_no_endpoint");
	assert_string_equal(send_plain(&b, 3, 2, 1), "");
	assert_int_equal(plug(&b, 2), closed[2]);
	bench_fini(&b);
}

static void an_endpoint_is_closed_only_by_its_own_port(void **state)
{
	struct bench b;

	(void)state;
	closed_len = 0;
	bench_init(&b, (struct vsw_conf){.closed = note_closed});
	plug(&b, 1);
	plug(&b, 2);
	assert_int_equal(vsw_endpoint_close(b.sw, 0, 1, 1), -ENXIO);
	assert_int_equal(vsw_endpoint_close(b.sw, 0, 1, 99), -ENXIO);
	assert_int_equal(vsw_endpoint_close(b.sw, 0, 1, UINT32_MAX), -ENXIO);
	assert_int_equal(vsw_endpoint_close(b.sw, 0, 3, 1), -ENXIO);
	assert_int_equal(vsw_endpoint_close(b.sw, 0, 2, 1), 0);
	assert_int_equal(closed_len, 1);
	assert_int_equal(vsw_endpoint_close(b.sw, 0, 2, 1), -ENXIO);
	bench_fini(&b);
}

static void the_number_of_ports_grows_and_shrinks_while_frames_flow(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, (struct vsw_conf){.ports = 4});
	vsw_vlan_create(b.sw, 9);
	plug(&b, 1);
	plug(&b, 3);
	vsw_vlan_add_port(b.sw, 9, 1);
	assert_int_equal(vsw_set_ports(b.sw, 1), -EINVAL);
	assert_int_equal(vsw_set_ports(b.sw, VSW_PORTS_MAX + 1), -EINVAL);
	assert_int_equal(vsw_set_ports(b.sw, 3), -EADDRINUSE);
	assert_int_equal(vsw_set_ports(b.sw, 5000), 0);
	assert_int_equal(plug(&b, 4999), 2);
	vsw_vlan_add_port(b.sw, 9, 4999);
	assert_string_equal(send_tagged(&b, 0, 1, 0, 9), "2:64");
	assert_string_equal(send_plain(&b, 2, 2, 0), "0:60 1:60");
	assert_int_equal(vsw_set_ports(b.sw, 4999), -EADDRINUSE);
	assert_int_equal(vsw_port_remove(b.sw, 0, 4999), 0);
	assert_int_equal(vsw_set_ports(b.sw, 4), 0);
	assert_int_equal(plug(&b, 4), -ENXIO);
	assert_string_equal(send_plain(&b, 0, 1, 2), "1:60");
	vsw_vlan_create(b.sw, 10);
	assert_int_equal(vsw_set_ports(b.sw, 300), 0);
	assert_int_equal(plug(&b, 299), 2);
	assert_int_equal(vsw_vlan_add_port(b.sw, 10, 299), 0);
	assert_int_equal(vsw_vlan_add_port(b.sw, 10, 1), 0);
	assert_string_equal(send_tagged(&b, 2, 5, 0, 10), "0:64");
	bench_fini(&b);
}

static void descriptions_are_cut_at_their_length(void **state)
{
	struct bench b;
	char descr[300];
	struct vsw_guest guest = {.any = true, .user = VSW_NONE, .descr = descr,
				  .module = "a module with a long name"};

	(void)state;
	memset(descr, 'd', sizeof(descr)); /* and no end */
	bench_init(&b, (struct vsw_conf){0});
	assert_int_equal(vsw_attach(b.sw, 0, &guest), 0);
	assert_int_equal(strlen(b.sw->endpoints[0].descr), VSW_DESCR_MAX);
	assert_int_equal(strlen(b.sw->endpoints[0].module), VSW_MODULE_MAX - 1);
	bench_fini(&b);
}

static void an_arena_that_is_full_refuses_and_changes_nothing(void **state)
{
	struct bench b;
	int n = 0;

	(void)state;
	bench_init(&b, (struct vsw_conf){0});
	b.arena.size_max = b.arena.size_held;
	while (vs_alloc(&b.arena, 64))
		;
	while (vs_alloc(&b.arena, 16))
		;
	while (n >= 0)
		n = plug(&b, 1);
	assert_int_equal(n, -ENOMEM);
	assert_int_equal(vsw_set_ports(b.sw, 60000), -ENOMEM);
	assert_int_equal(b.sw->ports_len, 32);
	assert_int_equal(vsw_vlan_create(b.sw, 7), -ENOMEM);
	assert_int_equal(vsw_vlan_remove(b.sw, 7), -ENXIO);
	assert_int_equal(fdb_resize(&b.sw->fdb, 65536), -ENOMEM);
	assert_int_equal(b.sw->fdb.hash_size, 128);
	bench_fini(&b);
}

static void creation_in_too_small_an_arena_unwinds(void **state)
{
	struct vsw_conf conf = {.ports = 1000};
	struct vs_arena arena;
	struct vsw *sw;
	size_t size = 0;
	int error = -ENOMEM;

	(void)state;
	while (error == -ENOMEM) {
		host_arena_init(&arena, size += 4096);
		error = vsw_create(&sw, &conf, &arena);
		if (!error)
			vsw_destroy(sw);
		assert_int_equal(arena.size_used, 0);
		vs_arena_fini(&arena);
	}
	assert_int_equal(error, 0);
	assert_true(size > 4096 * 20);
	host_arena_init(&arena, 0);
	assert_int_equal(vsw_create(&sw, &(struct vsw_conf){.ports = 1}, &arena), -EINVAL);
	assert_int_equal(vsw_create(&sw, &(struct vsw_conf){.hash_size = 1 << 20}, &arena),
			 -EINVAL);
	assert_int_equal(arena.size_used, 0);
	vs_arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_checked_at_both_ends),
		cmocka_unit_test(guests_without_a_wish_get_the_first_free_allocatable_port),
		cmocka_unit_test(access_is_decided_by_the_rules_of_the_book_in_order),
		cmocka_unit_test(removing_a_port_frees_its_endpoints_and_tells_the_world),
		cmocka_unit_test(an_endpoint_is_closed_only_by_its_own_port),
		cmocka_unit_test(the_number_of_ports_grows_and_shrinks_while_frames_flow),
		cmocka_unit_test(descriptions_are_cut_at_their_length),
		cmocka_unit_test(an_arena_that_is_full_refuses_and_changes_nothing),
		cmocka_unit_test(creation_in_too_small_an_arena_unwinds),
	};

	return cmocka_run_group_tests_name("port", tests, NULL, NULL);
}
