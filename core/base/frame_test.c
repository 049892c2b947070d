/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Frames, their pools, and the queues that hold them. */
#include "core/base/frame.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "core/base/prng.h"
#include "core/base/queue.h"
#include "core/host/memory.h"

static struct vs_arena arena;

static struct vs_pool *pool_of(size_t bytes_max)
{
	struct vs_pool_conf conf = {.bytes_max = bytes_max};
	struct vs_pool *pool;

	assert_int_equal(vs_pool_create(&pool, &conf, &arena), 0);
	return pool;
}

static int setup(void **state)
{
	(void)state;
	host_arena_init(&arena, 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	vs_arena_fini(&arena);
	return 0;
}

static void every_length_has_its_headroom_and_tailroom(void **state)
{
	struct vs_pool *pool = pool_of(0);

	(void)state;
	for (size_t len = 0; len <= VS_FRAME_MAX; len = len * 3 / 2 + 1) {
		size_t tailroom = len % 100 < VS_FRAME_MAX - len ? len % 100 : 0;
		struct vs_frame *f = vs_frame_new(pool, len, tailroom);

		assert_non_null(f);
		assert_int_equal(f->len, len);
		assert_int_equal(vs_frame_headroom(f), VS_FRAME_HEADROOM);
		assert_true(vs_frame_tailroom(f) >= tailroom);
		assert_int_equal(f->refs, 1);
		assert_int_equal(f->flags, 0);
		assert_int_equal(f->mark, 0);
		memset(f->buf, 0x5a, f->size); /* all of it is ours */
		vs_frame_put(f);
	}
	assert_non_null(vs_frame_new(pool, VS_FRAME_MAX, 0));
	assert_null(vs_frame_new(pool, VS_FRAME_MAX + 1, 0));
	assert_null(vs_frame_new(pool, 1000, VS_FRAME_MAX));
	assert_null(vs_frame_new(pool, 0, SIZE_MAX));
	assert_int_equal(vs_pool_stats(pool).refused, 3);
	assert_int_equal(vs_pool_stats(pool).frames_out, 1);
}

static void headers_are_pushed_and_pulled(void **state)
{
	struct vs_pool *pool = pool_of(0);
	struct vs_frame *f = vs_frame_from(pool, "payload", 7);

	(void)state;
	memcpy(vs_frame_push(f, 4), "head", 4);
	assert_int_equal(f->len, 11);
	assert_memory_equal(f->data, "headpayload", 11);
	vs_frame_pull(f, 8);
	assert_memory_equal(f->data, "oad", 3);
	vs_frame_set_len(f, 2);
	assert_int_equal(f->len, 2);
	vs_frame_push(f, vs_frame_headroom(f));
	assert_int_equal(vs_frame_headroom(f), 0);
	vs_frame_put(f);
	assert_int_equal(vs_pool_stats(pool).frames_out, 0);
}

static void the_last_reference_brings_a_frame_home(void **state)
{
	struct vs_pool *pool = pool_of(0);
	struct vs_frame *f = vs_frame_new(pool, 60, 0);

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_ptr_equal(vs_frame_ref(f), f);
	for (int i = 0; i < 100; i++) {
		vs_frame_put(f);
		assert_int_equal(vs_pool_stats(pool).frames_out, 1);
	}
	vs_frame_put(f);
	assert_int_equal(vs_pool_stats(pool).frames_out, 0);
	assert_ptr_equal(vs_frame_new(pool, 60, 0), f); /* and it is used again */
	vs_frame_put(NULL);
}

static void owning_copies_only_what_is_shared(void **state)
{
	struct vs_pool *pool = pool_of(0);
	struct vs_frame *f = vs_frame_from(pool, "shared", 6), *own;

	(void)state;
	f->flags = VS_FRAME_TRUSTED;
	f->mark = 77;
	assert_ptr_equal(vs_frame_own(f), f);
	vs_frame_ref(f);
	own = vs_frame_own(f);
	assert_ptr_not_equal(own, f);
	assert_int_equal(f->refs, 1);
	assert_int_equal(own->refs, 1);
	assert_int_equal(own->flags, VS_FRAME_TRUSTED);
	assert_int_equal(own->mark, 77);
	assert_int_not_equal(own->id, f->id);
	own->data[0] = 'S';
	assert_memory_equal(f->data, "shared", 6);
	assert_memory_equal(own->data, "Shared", 6);
	vs_frame_put(own);
	vs_frame_put(f);
	assert_int_equal(vs_pool_stats(pool).frames_out, 0);
}

static void a_full_pool_refuses_and_recovers(void **state)
{
	struct vs_pool *pool = pool_of(100000);
	struct vs_frame *held[200], *f;
	int count = 0;

	(void)state;
	while (count < 200 && (f = vs_frame_new(pool, 1514, 0)))
		held[count++] = f;
	assert_true(count > 20 && count < 66);
	assert_true(vs_pool_stats(pool).bytes_held <= 100000);
	assert_int_equal(vs_pool_stats(pool).refused, 1);
	/* Owning a shared frame in a full pool takes the reference all the same. */
	vs_frame_ref(held[0]);
	assert_null(vs_frame_own(held[0]));
	assert_int_equal(held[0]->refs, 1);
	assert_null(vs_frame_copy(pool, held[0]));
	vs_frame_put(held[--count]);
	f = vs_frame_new(pool, 1514, 0);
	assert_non_null(f);
	held[count++] = f;
	while (count)
		vs_frame_put(held[--count]);
	assert_int_equal(vs_pool_stats(pool).frames_out, 0);
}

static void ids_are_those_of_the_pool(void **state)
{
	struct vs_pool *a = pool_of(0), *b = pool_of(0);

	(void)state;
	for (uint64_t i = 1; i < 100; i++) {
		struct vs_frame *f = vs_frame_new(a, i, 0);

		assert_int_equal(f->id, i);
		vs_frame_put(f);
	}
	assert_int_equal(vs_frame_new(b, 0, 0)->id, 1);
}

static void a_queue_is_first_in_first_out_while_it_grows(void **state)
{
	struct vs_pool *pool = pool_of(0);
	struct vs_prng p;
	struct vs_queue q;
	uint32_t pushed = 0, popped = 0;

	(void)state;
	vs_prng_seed(&p, 1, "queue");
	assert_int_equal(vs_queue_init(&q, 0, &arena), 0);
	q.head = q.tail = UINT32_MAX - 5; /* its counters wrap */
	for (int i = 0; i < 20000; i++) {
		struct vs_frame *f;
		int port;

		if (vs_prng_below(&p, 100) < 52) {
			if (vs_queue_full(&q))
				assert_int_equal(vs_queue_reserve(&q, q.size + 1, &arena), 0);
			f = vs_frame_new(pool, 4, 0);
			f->mark = pushed;
			vs_queue_push(&q, (int)(pushed++ % 7) - 1, f);
		} else {
			f = vs_queue_pop(&q, &port);
			assert_int_equal(f == NULL, pushed == popped);
			if (!f)
				continue;
			assert_int_equal(f->mark, popped);
			assert_int_equal(port, (int)(popped++ % 7) - 1);
			vs_frame_put(f);
		}
		assert_int_equal(vs_queue_len(&q), pushed - popped);
	}
	assert_true(q.size >= 128 && (q.size & (q.size - 1)) == 0);
	vs_queue_fini(&q, &arena);
	assert_int_equal(vs_pool_stats(pool).frames_out, 0);
}

static void a_queue_that_cannot_grow_keeps_what_it_holds(void **state)
{
	struct vs_pool *pool = pool_of(0);
	struct vs_arena small;
	struct vs_queue q;
	int port;

	(void)state;
	host_arena_init(&small, 70000);
	assert_int_equal(vs_queue_init(&q, 8, &small), 0);
	vs_queue_push(&q, 3, vs_frame_new(pool, 4, 0));
	assert_int_equal(vs_queue_reserve(&q, 1 << 20, &small), -ENOMEM);
	assert_int_equal(vs_queue_reserve(&q, UINT32_MAX, &small), -ENOMEM);
	assert_int_equal(vs_queue_reserve(&q, 4, &small), 0);
	assert_int_equal(q.size, 8);
	vs_frame_put(vs_queue_pop(&q, &port));
	assert_int_equal(port, 3);
	assert_null(vs_queue_pop(&q, &port));
	vs_queue_fini(&q, &small);
	vs_arena_fini(&small);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_length_has_its_headroom_and_tailroom),
		cmocka_unit_test(headers_are_pushed_and_pulled),
		cmocka_unit_test(the_last_reference_brings_a_frame_home),
		cmocka_unit_test(owning_copies_only_what_is_shared),
		cmocka_unit_test(a_full_pool_refuses_and_recovers),
		cmocka_unit_test(ids_are_those_of_the_pool),
		cmocka_unit_test(a_queue_is_first_in_first_out_while_it_grows),
		cmocka_unit_test(a_queue_that_cannot_grow_keeps_what_it_holds),
	};

	return cmocka_run_group_tests_name("frame", tests, setup, teardown);
}
