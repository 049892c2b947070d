/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/base/prng.h"

static int chunks; /* held from the system */

static void *get(size_t size)
{
	chunks++;
	return calloc(1, size);
}

static void put(void *memory)
{
	chunks--;
	free(memory);
}

static void *get_nothing(size_t size)
{
	(void)size;
	return NULL;
}

static void objects_are_aligned_zeroed_and_apart(void **state)
{
	static const size_t size[] = {0,   1,	 15,   16,    17,    64,    65,
				      100, 1000, 4096, 65536, 65537, 300000};
	struct vs_arena a;
	char *object[13];

	(void)state;
	vs_arena_init(&a, get, put, 0);
	for (int i = 0; i < 13; i++) {
		object[i] = vs_alloc(&a, size[i]);
		assert_non_null(object[i]);
		assert_int_equal((uintptr_t)object[i] % 16, 0);
		for (size_t k = 0; k < size[i]; k++)
			assert_int_equal(object[i][k], 0);
		memset(object[i], i + 1, size[i]);
	}
	for (int i = 0; i < 13; i++)
		for (size_t k = 0; k < size[i]; k++)
			assert_int_equal(object[i][k], i + 1);
	vs_arena_fini(&a);
	assert_int_equal(chunks, 0);
}

static void a_freed_object_is_used_again_and_is_zero(void **state)
{
	struct vs_arena a;
	size_t held;

	(void)state;
	vs_arena_init(&a, get, put, 0);
	for (size_t size = 1; size < 70000; size = size * 5 / 4 + 1) {
		char *first = vs_alloc(&a, size);

		memset(first, 0xff, size);
		vs_free(&a, first, size);
		held = a.size_held;
		for (int i = 0; i < 100; i++) {
			char *again = vs_alloc(&a, size);

			if (size <= 65536)
				assert_ptr_equal(again, first);
			for (size_t k = 0; k < size; k++)
				assert_int_equal(again[k], 0);
			memset(again, 0xff, size);
			vs_free(&a, again, size);
		}
		assert_int_equal(a.size_held, held);
		assert_int_equal(a.size_used, 0);
	}
	vs_arena_fini(&a);
}

static void a_large_object_goes_back_to_the_system(void **state)
{
	struct vs_arena a;
	void *x, *y, *z;
	int before;

	(void)state;
	vs_arena_init(&a, get, put, 0);
	x = vs_alloc(&a, 100000);
	y = vs_alloc(&a, 200000);
	z = vs_alloc(&a, 300000);
	before = chunks;
	vs_free(&a, y, 200000); /* in the middle of the list, at its end, at its head */
	vs_free(&a, x, 100000);
	vs_free(&a, z, 300000);
	assert_int_equal(chunks, before - 3);
	assert_int_equal(a.size_held, 0);
	vs_free(&a, NULL, 5);
	vs_arena_fini(&a);
}

static void a_full_arena_refuses_and_goes_on(void **state)
{
	struct vs_arena a;
	void *object;

	(void)state;
	vs_arena_init(&a, get, put, 200000);
	assert_null(vs_alloc(&a, 300000));
	object = vs_alloc(&a, 150000);
	assert_non_null(object);
	assert_null(vs_alloc(&a, 60000));
	assert_null(vs_alloc(&a, 100));
	vs_free(&a, object, 150000);
	assert_non_null(vs_alloc(&a, 100));
	assert_true(a.size_held <= 200000);
	assert_null(vs_alloc(&a, SIZE_MAX));
	assert_null(vs_alloc(&a, SIZE_MAX - 100));
	vs_arena_fini(&a);
	vs_arena_init(&a, get_nothing, put, 0);
	assert_null(vs_alloc(&a, 16));
	assert_null(vs_alloc(&a, 100000));
	vs_arena_fini(&a);
}

static void an_array_grows_with_what_it_holds(void **state)
{
	struct vs_arena a;
	uint32_t *array = NULL, *more;
	uint32_t count = 0;

	(void)state;
	vs_arena_init(&a, get, put, 4 << 20);
	for (uint32_t size = 1; size < 100000; size *= 3) {
		array = vs_grow(&a, array, sizeof(*array), count, size);
		assert_non_null(array);
		for (uint32_t i = 0; i < size; i++)
			assert_int_equal(array[i], i < count ? i : 0);
		for (uint32_t i = 0; i < size; i++)
			array[i] = i;
		count = size;
	}
	more = vs_grow(&a, array, sizeof(*array), count, 100000000);
	assert_null(more);
	assert_null(vs_grow(&a, array, sizeof(*array), count, SIZE_MAX / 2));
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(array[i], i);
	vs_arena_fini(&a);
	assert_int_equal(chunks, 0);
}

/* Random objects come and go; each keeps its own pattern, and the accounts agree. */
static void thousands_of_random_calls_never_mix_objects(void **state)
{
	static struct {
		unsigned char *at;
		size_t size;
		unsigned char pattern;
	} live[300];
	struct vs_arena a;
	struct vs_prng p;

	(void)state;
	memset(live, 0, sizeof(live));
	vs_arena_init(&a, get, put, 0);
	vs_prng_seed(&p, 1, "arena");
	for (int i = 0; i < 50000; i++) {
		size_t n = vs_prng_below(&p, 300);

		if (live[n].at) {
			for (size_t k = 0; k < live[n].size; k += 61)
				assert_int_equal(live[n].at[k], live[n].pattern);
			vs_free(&a, live[n].at, live[n].size);
			live[n].at = NULL;
		} else {
			size_t size = 1 + vs_prng_below(&p, 1u << vs_prng_below(&p, 18));

			live[n].at = vs_alloc(&a, size);
			live[n].size = size;
			live[n].pattern = (unsigned char)i;
			assert_int_equal(live[n].at[0] | live[n].at[size - 1], 0);
			memset(live[n].at, live[n].pattern, size);
		}
	}
	for (size_t n = 0; n < 300; n++)
		if (live[n].at)
			vs_free(&a, live[n].at, live[n].size);
	assert_int_equal(a.size_used, 0);
	vs_arena_fini(&a);
	assert_int_equal(chunks, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_are_aligned_zeroed_and_apart),
		cmocka_unit_test(a_freed_object_is_used_again_and_is_zero),
		cmocka_unit_test(a_large_object_goes_back_to_the_system),
		cmocka_unit_test(a_full_arena_refuses_and_goes_on),
		cmocka_unit_test(an_array_grows_with_what_it_holds),
		cmocka_unit_test(thousands_of_random_calls_never_mix_objects),
	};

	return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
