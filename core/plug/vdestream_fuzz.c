/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any bytes, cut anywhere: what a stream without an impossible length carries must come out the
 * same as from a plain reading of it in one piece. The first byte of the input is the cut.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/plug/libvdeplug.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sum {
	unsigned frames, errors;
	uint64_t hash;
};

static ssize_t hear(void *opaque, void *buf, size_t count)
{
	struct sum *sum = opaque;

	sum->frames++;
	for (size_t i = 0; i < count; i++)
		sum->hash = (sum->hash ^ ((unsigned char *)buf)[i]) * 0x100000001b3u;
	sum->hash = (sum->hash ^ count) * 0x100000001b3u;
	return (ssize_t)count;
}

static void wrong(void *opaque, int type, char *format, ...)
{
	(void)type;
	(void)format;
	((struct sum *)opaque)->errors++;
}

static struct sum model(const uint8_t *data, size_t size)
{
	struct sum sum = {0};
	size_t at = 0;

	while (size - at >= 2) {
		size_t len = (size_t)data[at] << 8 | data[at + 1];

		at += 2;
		if (len > VDE_ETHBUFSIZE) {
			sum.errors++;
			break;
		}
		if (len > size - at)
			break;
		if (len)
			hear(&sum, (void *)(uintptr_t)(data + at), len);
		at += len;
	}
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sum want, got = {0};
	VDESTREAM *stream;
	size_t cut;

	if (size == 0)
		return 0;
	cut = data[0] ? data[0] : size;
	want = model(data + 1, size - 1);
	stream = vdestream_open(&got, -1, hear, wrong);
	for (size_t at = 1; at < size && !got.errors; at += cut) {
		size_t n = cut < size - at ? cut : size - at;
		unsigned char *piece = malloc(n);

		memcpy(piece, data + at, n);
		vdestream_recv(stream, piece, n);
		free(piece);
	}
	vdestream_close(stream);
	if (got.errors != want.errors || got.frames != want.frames || got.hash != want.hash)
		abort();
	return 0;
}
