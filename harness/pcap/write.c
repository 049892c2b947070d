/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writing pcapng. A file is a section header, an interface description per capture point, an
 * enhanced packet block per frame, and at the end the interface statistics; everything in the
 * byte order of this machine, which the section header tells. Nothing in it depends on the date or
 * the place, so equal runs make equal files.
 */
#include "harness/pcap/pcap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/pcap/pcapng.h"

#define BUFFER_SIZE (256 * 1024)

struct point {
	uint64_t frames;
	uint64_t dropped;
	vs_time first;
	vs_time last;
};

struct cap_writer {
	FILE *file;
	int error; /* the first one, as -errno */
	int points;
	int points_size;
	struct point *point;
	uint8_t *block; /* one block as it is built */
	size_t len;
	size_t size;
};

/* Makes room for more bytes of the block; remembers the error when there is none. */
static bool room(struct cap_writer *w, size_t more)
{
	uint8_t *block;
	size_t size = w->size ? w->size : 4096;

	while (size - w->len < more)
		size *= 2;
	if (size != w->size) {
		block = realloc(w->block, size);
		if (!block) {
			w->error = w->error ? w->error : -ENOMEM;
			return false;
		}
		w->block = block;
		w->size = size;
	}
	return !w->error;
}

static void put(struct cap_writer *w, const void *bytes, size_t len)
{
	if (len && room(w, len)) {
		memcpy(w->block + w->len, bytes, len);
		w->len += len;
	}
}

static void put16(struct cap_writer *w, unsigned v)
{
	uint16_t v16 = (uint16_t)v;

	put(w, &v16, sizeof(v16));
}

static void put32(struct cap_writer *w, uint32_t v)
{
	put(w, &v, sizeof(v));
}

/* Bytes, and zeros up to a multiple of four. */
static void put_padded(struct cap_writer *w, const void *bytes, size_t len)
{
	static const uint8_t zeros[4];

	put(w, bytes, len);
	put(w, zeros, -len & 3);
}

static void put_option(struct cap_writer *w, unsigned code, const void *value, size_t len)
{
	if (len > UINT16_MAX)
		len = UINT16_MAX;
	put16(w, code);
	put16(w, (unsigned)len);
	put_padded(w, value, len);
}

static void put_text_option(struct cap_writer *w, unsigned code, const char *text)
{
	if (text && *text)
		put_option(w, code, text, strlen(text));
}

/* Times in blocks are two words, the high one first. */
static void put_time(struct cap_writer *w, vs_time time)
{
	uint64_t t = time < 0 ? 0 : (uint64_t)time;

	put32(w, (uint32_t)(t >> 32));
	put32(w, (uint32_t)t);
}

static void put_time_option(struct cap_writer *w, unsigned code, vs_time time)
{
	put16(w, code);
	put16(w, 8);
	put_time(w, time);
}

static void begin(struct cap_writer *w, uint32_t type)
{
	w->len = 0;
	put32(w, type);
	put32(w, 0); /* the length, known at the end */
}

/* Ends the options and the block and writes it. */
static int end(struct cap_writer *w, bool options)
{
	uint32_t len;

	if (options)
		put32(w, 0);
	put32(w, 0);
	if (w->error)
		return w->error;
	len = (uint32_t)w->len;
	memcpy(w->block + 4, &len, 4);
	memcpy(w->block + len - 4, &len, 4);
	if (fwrite(w->block, 1, len, w->file) != len)
		w->error = errno ? -errno : -EIO;
	return w->error;
}

int cap_create(struct cap_writer **out, const char *path, const char *comment)
{
	struct cap_writer *w = calloc(1, sizeof(*w));
	uint64_t unknown = UINT64_MAX;
	int error;

	if (!w)
		return -ENOMEM;
	w->file = fopen(path, "wbe");
	if (!w->file) {
		error = -errno;
		free(w);
		return error;
	}
	setvbuf(w->file, NULL, _IOFBF, BUFFER_SIZE);
	begin(w, PCAPNG_SECTION);
	put32(w, PCAPNG_MAGIC);
	put16(w, 1);
	put16(w, 0);
	put(w, &unknown, sizeof(unknown));
	put_text_option(w, PCAPNG_COMMENT, comment);
	put_text_option(w, PCAPNG_SECTION_APPLICATION, "vsq");
	end(w, true);
	*out = w;
	return 0;
}

int cap_interface(struct cap_writer *w, const char *name, const char *description)
{
	const uint8_t nanoseconds = 9;

	if (w->points == w->points_size) {
		int size = w->points_size ? w->points_size * 2 : 8;
		struct point *point = realloc(w->point, (size_t)size * sizeof(*point));

		if (!point) {
			w->error = w->error ? w->error : -ENOMEM;
			return w->error;
		}
		w->point = point;
		w->points_size = size;
	}
	w->point[w->points] = (struct point){0};
	begin(w, PCAPNG_INTERFACE);
	put16(w, PCAPNG_ETHERNET);
	put16(w, 0);
	put32(w, CAP_FRAME_MAX);
	put_text_option(w, PCAPNG_INTERFACE_NAME, name);
	put_text_option(w, PCAPNG_INTERFACE_DESCRIPTION, description);
	put_option(w, PCAPNG_INTERFACE_RESOLUTION, &nanoseconds, 1);
	if (end(w, true))
		return w->error;
	return w->points++;
}

int cap_write(struct cap_writer *w, int interface, vs_time time, const void *bytes, size_t len,
	      unsigned flags, const char *comment)
{
	uint32_t direction = flags & (CAP_IN | CAP_OUT);
	struct point *point;

	if (interface < 0 || interface >= w->points || len > CAP_FRAME_MAX)
		return -EINVAL;
	point = &w->point[interface];
	begin(w, PCAPNG_PACKET);
	put32(w, (uint32_t)interface);
	put_time(w, time);
	put32(w, (uint32_t)len);
	put32(w, (uint32_t)len);
	put_padded(w, bytes, len);
	put_text_option(w, PCAPNG_COMMENT, comment);
	if (direction)
		put_option(w, PCAPNG_PACKET_FLAGS, &direction, sizeof(direction));
	if (end(w, direction || (comment && *comment)))
		return w->error;
	if (!point->frames++)
		point->first = time;
	point->last = time;
	if (flags & CAP_DROPPED)
		point->dropped++;
	return 0;
}

int cap_flush(struct cap_writer *w)
{
	if (!w->error && fflush(w->file))
		w->error = -errno;
	return w->error;
}

static void put_statistics(struct cap_writer *w, int interface)
{
	const struct point *point = &w->point[interface];

	begin(w, PCAPNG_STATISTICS);
	put32(w, (uint32_t)interface);
	put_time(w, point->last);
	put_time_option(w, PCAPNG_STATISTICS_START, point->first);
	put_time_option(w, PCAPNG_STATISTICS_END, point->last);
	put_option(w, PCAPNG_STATISTICS_RECEIVED, &point->frames, 8);
	put_option(w, PCAPNG_STATISTICS_DROPPED, &point->dropped, 8);
	end(w, true);
}

int cap_close(struct cap_writer *w)
{
	int error;

	if (!w)
		return 0;
	for (int i = 0; i < w->points; i++)
		put_statistics(w, i);
	if (fclose(w->file) && !w->error)
		w->error = -errno;
	error = w->error;
	free(w->point);
	free(w->block);
	free(w);
	return error;
}
