/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/plug/libvdeplug.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct ear {
	unsigned frames, errors;
	size_t len[8];
	unsigned char bytes[8][32];
	int pipe[2];
	VDESTREAM *stream;
};

static ssize_t hear(void *opaque, void *buf, size_t count)
{
	struct ear *ear = opaque;

	assert_true(ear->frames < 8);
	ear->len[ear->frames] = count;
	memcpy(ear->bytes[ear->frames++], buf, count < 32 ? count : 32);
	return (ssize_t)count;
}

static void wrong(void *opaque, int type, char *format, ...)
{
	struct ear *ear = opaque;

	assert_int_equal(type, PACKET_LENGTH_ERROR);
	assert_non_null(format);
	ear->errors++;
}

static int make(void **state)
{
	static struct ear ear;

	memset(&ear, 0, sizeof(ear));
	assert_int_equal(pipe(ear.pipe), 0);
	ear.stream = vdestream_open(&ear, ear.pipe[1], hear, wrong);
	assert_non_null(ear.stream);
	*state = &ear;
	return 0;
}

static int unmake(void **state)
{
	struct ear *ear = *state;

	vdestream_close(ear->stream);
	close(ear->pipe[0]);
	close(ear->pipe[1]);
	return 0;
}

static unsigned char two[] = "\0\5hello\0\3abc";
#define TWO (sizeof(two) - 1)

static void heard_both(const struct ear *ear)
{
	assert_int_equal(ear->frames, 2);
	assert_int_equal(ear->len[0], 5);
	assert_memory_equal(ear->bytes[0], "hello", 5);
	assert_int_equal(ear->len[1], 3);
	assert_memory_equal(ear->bytes[1], "abc", 3);
}

static void frames_arrive_however_the_bytes_are_cut(void **state)
{
	struct ear *ear = *state;

	for (size_t cut = 1; cut <= TWO; cut++) {
		ear->frames = 0;
		for (size_t at = 0; at < TWO; at += cut)
			vdestream_recv(ear->stream, two + at, cut < TWO - at ? cut : TWO - at);
		heard_both(ear);
	}
	assert_int_equal(ear->errors, 0);
}

static void an_impossible_length_drops_that_piece_only(void **state)
{
	struct ear *ear = *state;
	unsigned char text[] = "Warning: a message of ssh\n";

	vdestream_recv(ear->stream, text, sizeof(text) - 1);
	assert_int_equal(ear->errors, 1);
	vdestream_recv(ear->stream, text, 1);
	vdestream_recv(ear->stream, text + 1, 3);
	assert_int_equal(ear->errors, 2);
	vdestream_recv(ear->stream, two, TWO);
	heard_both(ear);
}

static void a_length_of_zero_is_no_frame(void **state)
{
	struct ear *ear = *state;
	unsigned char zeros[] = "\0\0\0\0\0\3abc";

	vdestream_recv(ear->stream, zeros, 9);
	assert_int_equal(ear->frames, 1);
	assert_int_equal(ear->len[0], 3);
}

static void what_is_sent_is_received(void **state)
{
	static unsigned char frame[VDE_ETHBUFSIZE], wire[VDE_ETHBUFSIZE + 2];
	struct ear *ear = *state;

	for (size_t i = 0; i < sizeof(frame); i++)
		frame[i] = (unsigned char)i;
	assert_int_equal(vdestream_send(ear->stream, frame, sizeof(frame)), sizeof(frame) + 2);
	assert_int_equal(read(ear->pipe[0], wire, sizeof(wire)), sizeof(wire));
	assert_int_equal(wire[0], sizeof(frame) >> 8);
	assert_int_equal(wire[1], sizeof(frame) & 0xff);
	assert_memory_equal(wire + 2, frame, sizeof(frame));
	vdestream_recv(ear->stream, wire, sizeof(wire));
	assert_int_equal(ear->len[0], sizeof(frame));
}

static void a_frame_too_long_is_refused_whole(void **state)
{
	static unsigned char frame[VDE_ETHBUFSIZE + 1];
	struct ear *ear = *state;

	assert_int_equal(vdestream_send(ear->stream, frame, sizeof(frame)), -1);
	assert_int_equal(errno, EMSGSIZE);
}

/* A full pipe that does not block takes nothing of a frame rather than half of it. */
static void a_full_pipe_takes_whole_frames_only(void **state)
{
	static unsigned char frame[2000], wire[2002];
	struct ear *ear = *state;
	unsigned sent = 0;
	ssize_t n;

	memset(frame, 7, sizeof(frame));
	assert_int_equal(fcntl(ear->pipe[1], F_SETFL, O_NONBLOCK), 0);
	while ((n = vdestream_send(ear->stream, frame, sizeof(frame))) == 2002)
		sent++;
	assert_int_equal(n, -1);
	assert_int_equal(errno, EAGAIN);
	assert_true(sent > 10);
	close(ear->pipe[1]);
	ear->pipe[1] = -1;
	for (unsigned i = 0; i < sent; i++) {
		assert_int_equal(read(ear->pipe[0], wire, sizeof(wire)), sizeof(wire));
		ear->frames = 0;
		vdestream_recv(ear->stream, wire, sizeof(wire));
		assert_int_equal(ear->frames, 1);
	}
	assert_int_equal(read(ear->pipe[0], wire, sizeof(wire)), 0);
}

#define test(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(frames_arrive_however_the_bytes_are_cut),
		test(an_impossible_length_drops_that_piece_only),
		test(a_length_of_zero_is_no_frame),
		test(what_is_sent_is_received),
		test(a_frame_too_long_is_refused_whole),
		test(a_full_pipe_takes_whole_frames_only),
	};

	return cmocka_run_group_tests_name("vdestream", tests, NULL, NULL);
}
