/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "harness/pcap/pcap.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static char path[] = "/tmp/vsq-pcap-test-XXXXXX";
static uint8_t frame[300];

static int setup(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	for (size_t i = 0; i < sizeof(frame); i++)
		frame[i] = (uint8_t)i;
	return fd < 0 ? -1 : close(fd);
}

static int teardown(void **state)
{
	(void)state;
	return unlink(path);
}

/* Two capture points, 300 frames of every length; every third says something. */
static void write_sample(void)
{
	struct cap_writer *w;

	assert_int_equal(cap_create(&w, path, "a sample"), 0);
	assert_int_equal(cap_interface(w, "alice.eth0", NULL), 0);
	for (int i = 0; i < 300; i++) {
		char comment[40];

		if (i == 100)
			assert_int_equal(cap_interface(w, "bob.eth0", "the far end"), 1);
		snprintf(comment, sizeof(comment), "drop_loss (node fade) %d", i);
		assert_int_equal(cap_write(w, i >= 100 && i % 2, i * VS_SEC + 123456789, frame,
					   (size_t)i,
					   (i % 2 ? CAP_IN : CAP_OUT) | (i % 3 ? 0 : CAP_DROPPED),
					   i % 3 ? NULL : comment),
				 0);
	}
	assert_int_equal(cap_close(w), 0);
}

static void what_is_written_is_read(void **state)
{
	struct cap_reader *r;
	struct cap_frame f;
	char why[200];

	(void)state;
	write_sample();
	assert_int_equal(cap_open(&r, path, why, sizeof(why)), 0);
	for (int i = 0; i < 300; i++) {
		char comment[40];

		assert_int_equal(cap_next(r, &f), 1);
		assert_int_equal(f.interface, i >= 100 && i % 2);
		assert_int_equal(f.time, i * VS_SEC + 123456789);
		assert_int_equal(f.len, i);
		assert_int_equal(f.wire_len, i);
		assert_int_equal(f.flags, i % 2 ? CAP_IN : CAP_OUT);
		assert_memory_equal(f.bytes, frame, f.len);
		snprintf(comment, sizeof(comment), "drop_loss (node fade) %d", i);
		if (i % 3)
			assert_null(f.comment);
		else
			assert_string_equal(f.comment, comment);
	}
	assert_int_equal(cap_next(r, &f), 0);
	assert_int_equal(cap_interfaces(r), 2);
	assert_string_equal(cap_interface_name(r, 0), "alice.eth0");
	assert_string_equal(cap_interface_name(r, 1), "bob.eth0");
	cap_reader_close(r);
}

static void libpcap_reads_the_same(void **state)
{
	char why[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *header;
	const u_char *bytes;
	pcap_t *p;

	(void)state;
	write_sample();
	p = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, why);
	assert_non_null(p);
	for (int i = 0; i < 300; i++) {
		assert_int_equal(pcap_next_ex(p, &header, &bytes), 1);
		assert_int_equal(header->ts.tv_sec, i);
		assert_int_equal(header->ts.tv_usec, 123456789);
		assert_int_equal(header->caplen, i);
		assert_memory_equal(bytes, frame, (size_t)i);
	}
	assert_int_equal(pcap_next_ex(p, &header, &bytes), PCAP_ERROR_BREAK);
	pcap_close(p);
}

static void equal_calls_make_equal_files(void **state)
{
	static uint8_t a[200000], b[200000];
	size_t len;
	FILE *file;

	(void)state;
	for (int i = 0; i < 2; i++) {
		write_sample();
		file = fopen(path, "rb");
		assert_non_null(file);
		len = fread(i ? b : a, 1, sizeof(a), file);
		fclose(file);
	}
	assert_true(len > 40000 && len < sizeof(a));
	assert_memory_equal(a, b, len);
}

static void a_full_disk_is_reported_at_the_close(void **state)
{
	struct cap_writer *w;

	(void)state;
	assert_int_equal(cap_create(&w, "/dev/full", NULL), 0);
	assert_int_equal(cap_interface(w, "x", NULL), 0);
	assert_int_equal(cap_write(w, 0, 0, frame, 60, 0, NULL), 0); /* in the buffer */
	assert_int_equal(cap_close(w), -ENOSPC);
}

static void a_full_disk_is_reported_by_later_writes(void **state)
{
	struct cap_writer *w;
	int error = 0;

	(void)state;
	assert_int_equal(cap_create(&w, "/dev/full", NULL), 0);
	assert_int_equal(cap_interface(w, "x", NULL), 0);
	for (int i = 0; i < 10000 && !error; i++)
		error = cap_write(w, 0, i, frame, 300, 0, NULL);
	assert_int_equal(error, -ENOSPC);
	assert_int_equal(cap_write(w, 0, 0, frame, 60, 0, NULL), -ENOSPC);
	assert_int_equal(cap_flush(w), -ENOSPC);
	assert_int_equal(cap_close(w), -ENOSPC);
}

static void a_folder_that_does_not_exist_is_an_error(void **state)
{
	struct cap_writer *w;
	struct cap_reader *r;
	char why[200];

	(void)state;
	assert_int_equal(cap_create(&w, "/nowhere/x.pcapng", NULL), -ENOENT);
	assert_int_equal(cap_open(&r, "/nowhere/x.pcapng", why, sizeof(why)), -ENOENT);
	assert_string_equal(why, "/nowhere/x.pcapng: No such file or directory");
	assert_int_equal(cap_close(NULL), 0);
	cap_reader_close(NULL);
}

static void a_frame_of_no_interface_is_refused(void **state)
{
	struct cap_writer *w;

	(void)state;
	assert_int_equal(cap_create(&w, path, NULL), 0);
	assert_int_equal(cap_write(w, 0, 0, frame, 60, 0, NULL), -EINVAL);
	assert_int_equal(cap_interface(w, NULL, NULL), 0);
	assert_int_equal(cap_write(w, 1, 0, frame, 60, 0, NULL), -EINVAL);
	assert_int_equal(cap_write(w, -1, 0, frame, 60, 0, NULL), -EINVAL);
	assert_int_equal(cap_write(w, 0, 0, frame, CAP_FRAME_MAX + 1, 0, NULL), -EINVAL);
	assert_int_equal(cap_close(w), 0);
}

/* Reads the file to its end; returns what cap_open() or the last cap_next() did. */
static int read_all(int *frames)
{
	struct cap_reader *r;
	struct cap_frame f;
	char why[200];
	int got = cap_open(&r, path, why, sizeof(why));

	*frames = 0;
	if (got)
		return got;
	while ((got = cap_next(r, &f)) > 0)
		++*frames;
	if (got < 0)
		assert_true(strlen(cap_error(r)) > strlen(path) + 2);
	cap_reader_close(r);
	return got;
}

static void a_capture_cut_anywhere_gives_the_frames_before(void **state)
{
	int frames, before = 0;
	off_t len;

	(void)state;
	write_sample();
	assert_int_equal(read_all(&frames), 0);
	assert_int_equal(frames, 300);
	for (len = 0; len < 4000; len += 3) {
		int got;

		write_sample();
		assert_int_equal(truncate(path, len), 0);
		got = read_all(&frames);
		assert_true(got == -EBADMSG || (got == 0 && len % 4 == 0));
		assert_true(frames >= before && frames < 300);
		before = frames;
	}
	assert_true(before > 20);
}

/* Bytes of a good capture changed at random: any answer is right, but there is one. */
static void noise_in_a_capture_crashes_nothing(void **state)
{
	static uint8_t good[60000], bad[60000];
	uint32_t chance = 1;
	size_t len;
	FILE *file;
	int frames;

	(void)state;
	write_sample();
	file = fopen(path, "rb");
	assert_non_null(file);
	len = fread(good, 1, sizeof(good), file);
	fclose(file);
	if (len > 6000)
		len = 6000; /* enough of it: two interfaces are described, ninety frames written */
	for (int i = 0; i < 3000; i++) {
		memcpy(bad, good, len);
		for (int k = 0; k < 4; k++) {
			chance = chance * 1664525 + 1013904223;
			bad[(chance >> 8) % len] = (uint8_t)(chance >> 24);
			chance = chance * 1664525 + 1013904223;
			bad[(chance >> 8) % 200] ^= (uint8_t)(1 << (chance >> 29));
		}
		file = fopen(path, "wb");
		assert_non_null(file);
		fwrite(bad, 1, len, file);
		fclose(file);
		read_all(&frames);
		assert_true(frames <= 300);
	}
}

static void put_file(const void *bytes, size_t len)
{
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	fclose(file);
}

static void what_is_no_capture_is_refused(void **state)
{
	int frames;

	(void)state;
	put_file("[lab]\nname = \"x\"\n", 17);
	assert_int_equal(read_all(&frames), -EBADMSG);
	put_file("", 0);
	assert_int_equal(read_all(&frames), -EBADMSG);
	put_file("\x0a\x0d\x0d\x0a", 4);
	assert_int_equal(read_all(&frames), -EBADMSG);
}

/* Writes a pcap file of one packet by libpcap itself. */
static void write_pcap(int link_type, const void *bytes, unsigned len, unsigned wire_len)
{
	pcap_t *p = pcap_open_dead_with_tstamp_precision(link_type, 65535,
							 PCAP_TSTAMP_PRECISION_NANO);
	struct pcap_pkthdr header = {.ts = {7, 89}, .caplen = len, .len = wire_len};
	pcap_dumper_t *d = pcap_dump_open(p, path);

	assert_non_null(d);
	pcap_dump((u_char *)d, &header, bytes);
	pcap_dump_close(d);
	pcap_close(p);
}

static struct cap_reader *open_sample(void)
{
	struct cap_reader *r;
	char why[200];

	assert_int_equal(cap_open(&r, path, why, sizeof(why)), 0);
	return r;
}

static void pcap_files_are_read_to_the_nanosecond(void **state)
{
	struct cap_reader *r;
	struct cap_frame f;

	(void)state;
	write_pcap(DLT_EN10MB, frame, 60, 1500);
	r = open_sample();
	assert_int_equal(cap_next(r, &f), 1);
	assert_int_equal(f.time, 7 * VS_SEC + 89);
	assert_int_equal(f.len, 60);
	assert_int_equal(f.wire_len, 1500);
	assert_memory_equal(f.bytes, frame, 60);
	assert_int_equal(cap_next(r, &f), 0);
	cap_reader_close(r);
}

static void cooked_and_raw_captures_become_ethernet(void **state)
{
	static const uint8_t sll[] = {0, 4, 0, 1, 0, 6, 0xaa, 1, 2, 3, 4, 5, 0, 0, 8, 6, 'A', 'R'};
	static const uint8_t as_ethernet[] = {2, 0, 0, 0, 0, 2, 0xaa, 1, 2, 3, 4, 5, 8, 6, 'A',
					      'R'};
	static const uint8_t raw[40] = {[0] = 0x60, [24] = 0xff, 0x02, [39] = 0xfb};
	static const uint8_t to_group[] = {0x33, 0x33, 0, 0, 0, 0xfb, 2, 0, 0, 0, 0, 1, 0x86, 0xdd};
	struct cap_reader *r;
	struct cap_frame f;

	(void)state;
	write_pcap(DLT_LINUX_SLL, sll, sizeof(sll), sizeof(sll));
	r = open_sample();
	assert_int_equal(cap_next(r, &f), 1);
	assert_int_equal(f.len, sizeof(as_ethernet));
	assert_int_equal(f.flags, CAP_OUT);
	assert_memory_equal(f.bytes, as_ethernet, f.len);
	cap_reader_close(r);
	write_pcap(DLT_RAW, raw, sizeof(raw), sizeof(raw));
	r = open_sample();
	assert_int_equal(cap_next(r, &f), 1);
	assert_int_equal(f.len, 14 + sizeof(raw));
	assert_memory_equal(f.bytes, to_group, sizeof(to_group));
	assert_memory_equal(f.bytes + 14, raw, sizeof(raw));
	cap_reader_close(r);
}

static void other_link_types_are_named(void **state)
{
	struct cap_reader *r;
	struct cap_frame f;

	(void)state;
	write_pcap(DLT_IEEE802_11_RADIO, frame, 60, 60);
	r = open_sample();
	assert_int_equal(cap_next(r, &f), -EPROTONOSUPPORT);
	assert_non_null(strstr(cap_error(r), "link type 127 is not supported"));
	cap_reader_close(r);
}

static void times_of_every_resolution_are_nanoseconds(void **state)
{
	static const struct {
		uint8_t resolution;
		uint32_t high, low;
		vs_time time;
	} sample[] = {
		{6, 0, 1500000, 1500 * VS_MSEC}, {3, 0, 2500, 2500 * VS_MSEC},
		{9, 1, 0, 4294967296},		 {12, 0, 5000000, 5000},
		{0x80 | 10, 0, 1536, 1500 * VS_MSEC},
		{0, 0xffffffff, 0xffffffff, VS_NEVER - 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(sample) / sizeof(sample[0]); i++) {
		const uint8_t r = sample[i].resolution;
		const uint32_t blocks[] = {
			0x0a0d0d0a, 28, 0x1a2b3c4d, 1, 0xffffffff, 0xffffffff, 28,
			1, 28, 1, 0, 9 | 1 << 16, r, 28,
			6, 36, 0, sample[i].high, sample[i].low, 4, 4, 0x04030201, 36,
		};
		struct cap_reader *reader;
		struct cap_frame f;

		put_file(blocks, sizeof(blocks));
		reader = open_sample();
		assert_int_equal(cap_next(reader, &f), 1);
		assert_int_equal(f.time, sample[i].time);
		assert_int_equal(f.len, 4);
		assert_memory_equal(f.bytes, "\1\2\3\4", 4);
		assert_int_equal(cap_next(reader, &f), 0);
		cap_reader_close(reader);
	}
}

static void the_other_byte_order_is_read(void **state)
{
	uint32_t blocks[] = {
		0x0a0d0d0a, 28, 0x1a2b3c4d, 0x00010000, 0xffffffff, 0xffffffff, 28,
		1, 20, 1 << 16, 0, 20,
		6, 36, 0, 0, 1500000, 4, 60, 0x01020304, 36,
	};
	struct cap_reader *r;
	struct cap_frame f;

	(void)state;
	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++)
		blocks[i] = __builtin_bswap32(blocks[i]);
	put_file(blocks, sizeof(blocks));
	r = open_sample();
	assert_int_equal(cap_next(r, &f), 1);
	assert_int_equal(f.time, 1500 * VS_MSEC);
	assert_int_equal(f.len, 4);
	assert_int_equal(f.wire_len, 60);
	assert_memory_equal(f.bytes, "\1\2\3\4", 4);
	cap_reader_close(r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(libpcap_reads_the_same),
		cmocka_unit_test(equal_calls_make_equal_files),
		cmocka_unit_test(a_full_disk_is_reported_at_the_close),
		cmocka_unit_test(a_full_disk_is_reported_by_later_writes),
		cmocka_unit_test(a_folder_that_does_not_exist_is_an_error),
		cmocka_unit_test(a_frame_of_no_interface_is_refused),
		cmocka_unit_test(a_capture_cut_anywhere_gives_the_frames_before),
		cmocka_unit_test(noise_in_a_capture_crashes_nothing),
		cmocka_unit_test(what_is_no_capture_is_refused),
		cmocka_unit_test(pcap_files_are_read_to_the_nanosecond),
		cmocka_unit_test(cooked_and_raw_captures_become_ethernet),
		cmocka_unit_test(other_link_types_are_named),
		cmocka_unit_test(times_of_every_resolution_are_nanoseconds),
		cmocka_unit_test(the_other_byte_order_is_read),
	};

	return cmocka_run_group_tests_name("pcap", tests, setup, teardown);
}
