/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/host/dgram.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/host/memory.h"

#define LEN_MAX 9234

struct pair {
	struct vs_arena arena;
	struct vs_pool *pool;
	struct dgram_rx *rx;
	int fd[2];
};

static int make(void **state)
{
	static struct pair p;
	struct vs_pool_conf conf = {0};

	host_arena_init(&p.arena, 0);
	assert_int_equal(vs_pool_create(&p.pool, &conf, &p.arena), 0);
	assert_int_equal(dgram_rx_create(&p.rx, p.pool, LEN_MAX), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, p.fd), 0);
	*state = &p;
	return 0;
}

static int unmake(void **state)
{
	struct pair *p = *state;

	dgram_rx_destroy(p->rx);
	close(p->fd[0]);
	close(p->fd[1]);
	vs_arena_fini(&p->arena);
	return 0;
}

static void send_bytes(struct pair *p, size_t len)
{
	uint8_t bytes[LEN_MAX + 100] = {0};

	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(i * 7 + len);
	assert_int_equal(send(p->fd[0], bytes, len, MSG_DONTWAIT), len);
}

/* Lengths about the border between a usual frame's room and the spill, and the longest. */
static void frames_of_every_kind_arrive_whole(void **state)
{
	static const size_t lengths[] = {14, 60, 1514, 1791, 1792, 1793, 9000, LEN_MAX};
	struct pair *p = *state;
	struct vs_frame *frames[DGRAM_BATCH];
	bool more;

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		send_bytes(p, lengths[i]);
	assert_int_equal(dgram_recv_frames(p->rx, p->fd[1], frames, DGRAM_BATCH, &more), 8);
	assert_false(more);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		assert_int_equal(frames[i]->len, lengths[i]);
		for (size_t k = 0; k < lengths[i]; k++)
			assert_int_equal(frames[i]->data[k], (uint8_t)(k * 7 + lengths[i]));
		vs_frame_put(frames[i]);
	}
	assert_int_equal(dgram_recv_frames(p->rx, p->fd[1], frames, 1, &more), -EAGAIN);
	assert_false(more);
}

static void what_is_no_frame_is_counted_by_its_reason(void **state)
{
	struct pair *p = *state;
	struct vs_frame *frames[DGRAM_BATCH];
	bool more;

	send_bytes(p, 0);
	send_bytes(p, 13);
	send_bytes(p, LEN_MAX + 1);
	send_bytes(p, 14);
	assert_int_equal(dgram_recv_frames(p->rx, p->fd[1], frames, DGRAM_BATCH, &more), 1);
	assert_int_equal(frames[0]->len, 14);
	vs_frame_put(frames[0]);
	assert_int_equal(dgram_rx_stats(p->rx).runt, 2);
	assert_int_equal(dgram_rx_stats(p->rx).oversize, 1);
	assert_int_equal(dgram_rx_stats(p->rx).no_frame, 0);
}

static void more_is_told_while_a_batch_is_full(void **state)
{
	struct pair *p = *state;
	struct vs_frame *frames[DGRAM_BATCH];
	bool more;

	for (int i = 0; i < 3; i++)
		send_bytes(p, 60);
	assert_int_equal(dgram_recv_frames(p->rx, p->fd[1], frames, 2, &more), 2);
	assert_true(more);
	assert_int_equal(dgram_recv_frames(p->rx, p->fd[1], frames + 2, 2, &more), 1);
	assert_false(more);
	for (int i = 0; i < 3; i++)
		vs_frame_put(frames[i]);
}

static void sending_stops_where_the_peer_is_full_and_goes_on_from_there(void **state)
{
	struct pair *p = *state;
	struct vs_frame *out[DGRAM_BATCH], *in[DGRAM_BATCH];
	int sent = 0, got = 0, n;
	bool more;

	for (int i = 0; i < DGRAM_BATCH; i++) {
		out[i] = vs_frame_new(p->pool, 60, 0);
		memset(out[i]->data, i, 60);
	}
	while (sent < DGRAM_BATCH) {
		n = dgram_send_frames(p->fd[0], out + sent, (unsigned)(DGRAM_BATCH - sent));
		if (n > 0) {
			sent += n;
			continue;
		}
		assert_int_equal(n, -EAGAIN);
		n = dgram_recv_frames(p->rx, p->fd[1], in + got, 4, &more);
		assert_true(n > 0);
		got += n;
	}
	while (got < DGRAM_BATCH) {
		n = dgram_recv_frames(p->rx, p->fd[1], in + got, 1, &more);
		assert_int_equal(n, 1);
		got++;
	}
	for (int i = 0; i < DGRAM_BATCH; i++) {
		assert_int_equal(in[i]->data[59], i);
		vs_frame_put(in[i]);
		vs_frame_put(out[i]);
	}
}

static void peer_that_is_gone_is_an_error(void **state)
{
	struct pair *p = *state;
	struct vs_frame *f = vs_frame_new(p->pool, 60, 0);
	int gone = p->fd[1];

	p->fd[1] = dup(p->fd[0]);
	close(gone);
	assert_int_equal(dgram_send_frames(p->fd[0], &f, 1), -ECONNREFUSED);
	vs_frame_put(f);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)
	const struct CMUnitTest tests[] = {
		TEST(frames_of_every_kind_arrive_whole),
		TEST(what_is_no_frame_is_counted_by_its_reason),
		TEST(more_is_told_while_a_batch_is_full),
		TEST(sending_stops_where_the_peer_is_full_and_goes_on_from_there),
		TEST(peer_that_is_gone_is_an_error),
	};

	return cmocka_run_group_tests_name("dgram", tests, NULL, NULL);
}
