/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The filtering database by itself. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/host/memory.h"
#include "core/switch/fdb.h"

static void setup(struct fdb *t, struct vs_arena *arena, uint32_t hash_size)
{
	host_arena_init(arena, 0);
	assert_int_equal(fdb_init(t, hash_size, arena), 0);
	t->gc_interval = 1;
	t->expire = 1000;
	t->persistence = 10;
}

static void teardown(struct fdb *t, struct vs_arena *arena)
{
	fdb_fini(t);
	assert_int_equal(arena->size_used, 0);
	vs_arena_fini(arena);
}

/* Every entry can be found, and from its chain only. */
static void check(const struct fdb *t)
{
	uint32_t linked = 0;

	for (uint32_t i = 0; i < t->max; i++)
		for (uint32_t at = t->index[i]; at; at = t->entries[at - 1].next) {
			assert_int_equal(fdb_hash(t, t->entries[at - 1].key), i);
			linked++;
		}
	assert_int_equal(linked, t->count);
	for (uint32_t i = 0; i < t->count; i++)
		assert_ptr_equal(fdb_lookup(t, t->entries[i].key), &t->entries[i]);
}

static void a_full_table_learns_no_more_and_forgets_nobody(void **state)
{
	struct vs_arena arena;
	struct fdb t;
	uint32_t learned = 0, full = 0;

	(void)state;
	setup(&t, &arena, 2);
	assert_int_equal(t.max, 64);
	for (uint64_t key = 1; key <= 500; key++) {
		enum fdb_learned what = fdb_learn(&t, key << 16, 1, 5);

		learned += what == FDB_NEW;
		full += what == FDB_FULL;
	}
	assert_int_equal(learned, t.count);
	assert_int_equal(learned + full, 500);
	assert_int_equal(learned, 64);
	check(&t);
	assert_int_equal(fdb_learn(&t, 1 << 16, 1, 6), FDB_KNOWN);
	teardown(&t, &arena);
}

static void chosen_addresses_cannot_make_chains_long(void **state)
{
	struct vs_arena arena;
	struct fdb t;
	uint32_t learned = 0;

	(void)state;
	setup(&t, &arena, 128);
	for (uint64_t key = 0; learned < FDB_CHAIN_MAX + 3; key += 1 << 16)
		if (fdb_hash(&t, key) == 77) {
			assert_int_equal(fdb_learn(&t, key, 1, 5),
					 learned < FDB_CHAIN_MAX ? FDB_NEW : FDB_FULL);
			learned++;
		}
	check(&t);
	teardown(&t, &arena);
}

static void sizes_round_up_and_have_bounds(void **state)
{
	struct vs_arena arena;
	struct fdb t;

	(void)state;
	setup(&t, &arena, 100);
	assert_int_equal(t.hash_size, 128);
	assert_int_equal(fdb_resize(&t, 0), -EINVAL);
	assert_int_equal(fdb_resize(&t, FDB_HASH_SIZE_MAX + 1), -EINVAL);
	assert_int_equal(fdb_resize(&t, 1), 0);
	assert_int_equal(t.max, 32);
	assert_int_equal(fdb_resize(&t, FDB_HASH_SIZE_MAX), 0);
	assert_int_equal(t.max, FDB_ENTRIES_MAX);
	teardown(&t, &arena);
}

static void a_smaller_table_keeps_those_heard_last(void **state)
{
	struct vs_arena arena;
	struct fdb t;

	(void)state;
	setup(&t, &arena, 4);
	for (uint64_t i = 0; i < 100; i++)
		assert_int_equal(fdb_learn(&t, i << 16, 1, (vs_time)(i * 37 % 100)), FDB_NEW);
	assert_int_equal(fdb_resize(&t, 1), 0);
	assert_int_equal(t.count, 32);
	for (uint32_t i = 0; i < t.count; i++)
		assert_true(t.entries[i].seen >= 68);
	check(&t);
	assert_int_equal(fdb_resize(&t, 64), 0);
	assert_int_equal(t.count, 32);
	check(&t);
	teardown(&t, &arena);
}

static void removal_anywhere_leaves_the_rest_found(void **state)
{
	struct vs_arena arena;
	struct fdb t;

	(void)state;
	setup(&t, &arena, 8);
	for (uint64_t i = 0; i < 200; i++)
		fdb_learn(&t, i * 7919 << 16 | (i & 3), (uint32_t)(i % 5), (vs_time)i);
	fdb_flush_port(&t, 3);
	check(&t);
	assert_int_equal(t.count, 160);
	fdb_flush_port_vlan(&t, 4, 2);
	check(&t);
	assert_int_equal(t.count, 150);
	assert_int_equal(fdb_collect(&t, 1099), 75);
	check(&t);
	for (uint32_t i = 0; i < t.count; i++)
		assert_true(t.entries[i].seen >= 100);
	fdb_flush(&t);
	assert_int_equal(t.count, 0);
	check(&t);
	assert_true(fdb_collect_at(&t) == VS_NEVER);
	teardown(&t, &arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_table_learns_no_more_and_forgets_nobody),
		cmocka_unit_test(chosen_addresses_cannot_make_chains_long),
		cmocka_unit_test(sizes_round_up_and_have_bounds),
		cmocka_unit_test(a_smaller_table_keeps_those_heard_last),
		cmocka_unit_test(removal_anywhere_leaves_the_rest_found),
	};

	return cmocka_run_group_tests_name("fdb", tests, NULL, NULL);
}
