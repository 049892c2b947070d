/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading captures. pcapng is read here, since libpcap hides the capture points, their names and
 * the comments, and refuses files whose interfaces differ; pcap, of which there are many dialects,
 * is left to libpcap. The file is somebody else's: every length in it is checked.
 */
#include "harness/pcap/pcap.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/pcap/cook.h"
#include "harness/pcap/pcapng.h"

#define BLOCK_MAX  ((uint32_t)16 << 20)
#define POINTS_MAX 65536
#define WHY_SIZE   512
#define SNAP_NONE  0

struct point {
	uint32_t link_type;
	uint32_t snap;
	uint8_t resolution; /* if_tsresol as it stands in the file */
	int64_t offset_s;
	char *name;
};

struct cap_reader {
	char *path;
	FILE *file;
	pcap_t *pcap; /* NULL: pcapng */
	uint64_t at;  /* of the block being read */
	bool swap;
	int points;
	int points_size;
	int section; /* first point of this section */
	struct point *point;
	uint8_t *block;
	uint32_t block_size;
	uint8_t *cooked;
	char comment[UINT16_MAX + 1];
	char why[WHY_SIZE];
};

static int fail(struct cap_reader *r, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(struct cap_reader *r, int error, const char *format, ...)
{
	int n = snprintf(r->why, sizeof(r->why), "%s: ", r->path);
	va_list args;

	if (n < 0 || n >= WHY_SIZE)
		n = 0;
	va_start(args, format);
	vsnprintf(r->why + n, (size_t)(WHY_SIZE - n), format, args);
	va_end(args);
	return error;
}

static uint16_t get16(const struct cap_reader *r, const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return r->swap ? __builtin_bswap16(v) : v;
}

static uint32_t get32(const struct cap_reader *r, const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return r->swap ? __builtin_bswap32(v) : v;
}

static uint64_t get64(const struct cap_reader *r, const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return r->swap ? __builtin_bswap64(v) : v;
}

static struct point *point_add(struct cap_reader *r, uint32_t link_type, uint32_t snap)
{
	struct point *point;

	if (r->points == r->points_size) {
		int size = r->points_size ? r->points_size * 2 : 4;

		if (size > POINTS_MAX)
			return NULL;
		point = realloc(r->point, (size_t)size * sizeof(*point));
		if (!point)
			return NULL;
		r->point = point;
		r->points_size = size;
	}
	point = &r->point[r->points++];
	*point = (struct point){.link_type = link_type, .snap = snap, .resolution = 6};
	return point;
}

/* Reads exactly len bytes. 1, or 0 when the file ends before the first and that is allowed. */
static int take(struct cap_reader *r, uint8_t *bytes, size_t len, bool may_end)
{
	size_t got = fread(bytes, 1, len, r->file);

	if (got == len)
		return 1;
	if (ferror(r->file))
		return fail(r, -EIO, "cannot be read: %s", strerror(errno));
	if (!got && may_end)
		return 0;
	return fail(r, -EBADMSG, "ends inside the block at byte %llu",
		    (unsigned long long)r->at);
}

/* Calls each for the options in bytes[0..len). Options that are cut end the list. */
static void options(struct cap_reader *r, const uint8_t *bytes, uint32_t len, void *ctx,
		    void (*each)(struct cap_reader *, void *ctx, unsigned code,
				 const uint8_t *value, unsigned len))
{
	while (len >= 4) {
		unsigned code = get16(r, bytes), value_len = get16(r, bytes + 2);
		uint32_t padded = (value_len + 3) & ~3u;

		if (code == PCAPNG_END || padded > len - 4)
			return;
		each(r, ctx, code, bytes + 4, value_len);
		bytes += 4 + padded;
		len -= 4 + padded;
	}
}

/* Reads the next block, its body to r->block. 1, 0 at the end of the file, or an error. */
static int block_next(struct cap_reader *r, uint32_t *type, uint32_t *body)
{
	uint8_t head[12];
	uint32_t len, have = 8;
	int got = take(r, head, 8, true);

	if (got <= 0)
		return got;
	*type = get32(r, head);
	if (*type == PCAPNG_SECTION) {
		uint32_t magic;

		got = take(r, head + 8, 4, false);
		if (got <= 0)
			return got;
		memcpy(&magic, head + 8, 4);
		if (magic != PCAPNG_MAGIC && __builtin_bswap32(magic) != PCAPNG_MAGIC)
			return fail(r, -EBADMSG, "no byte order magic in the section at byte %llu",
				    (unsigned long long)r->at);
		r->swap = magic != PCAPNG_MAGIC;
		have = 12;
	}
	len = get32(r, head + 4);
	if (len < have + 4 || len % 4 || len > BLOCK_MAX)
		return fail(r, -EBADMSG, "impossible length %u of the block at byte %llu", len,
			    (unsigned long long)r->at);
	if (len > r->block_size) {
		uint8_t *block = realloc(r->block, len);

		if (!block)
			return fail(r, -ENOMEM, "no memory for a block of %u bytes", len);
		r->block = block;
		r->block_size = len;
	}
	got = take(r, r->block, len - have, false);
	if (got <= 0)
		return got;
	if (get32(r, r->block + len - have - 4) != len)
		return fail(r, -EBADMSG, "the block at byte %llu has two lengths",
			    (unsigned long long)r->at);
	*body = len - have - 4;
	r->at += len;
	return 1;
}

static void interface_option(struct cap_reader *r, void *ctx, unsigned code, const uint8_t *value,
			     unsigned len)
{
	struct point *point = ctx;

	if (code == PCAPNG_INTERFACE_NAME && !point->name)
		point->name = strndup((const char *)value, len);
	else if (code == PCAPNG_INTERFACE_RESOLUTION && len == 1)
		point->resolution = *value;
	else if (code == PCAPNG_INTERFACE_OFFSET && len == 8)
		point->offset_s = (int64_t)get64(r, value);
}

static int interface_block(struct cap_reader *r, uint32_t body)
{
	struct point *point;

	if (body < 8)
		return fail(r, -EBADMSG, "an interface description is too short");
	point = point_add(r, get16(r, r->block), get32(r, r->block + 4));
	if (!point)
		return fail(r, -ENOMEM, "too many interfaces");
	options(r, r->block + 8, body - 8, point, interface_option);
	return 0;
}

/* A time of an interface in ns, cut to what vs_time holds. */
static vs_time time_of(const struct point *point, uint64_t ticks)
{
	unsigned r = point->resolution & 0x7f;
	__int128 ns = ticks;

	if (point->resolution & 0x80) {
		ns = ns * VS_SEC >> r;
	} else {
		for (; r < 9; r++)
			ns *= 10;
		for (; r > 9 && ns; r--)
			ns /= 10;
	}
	ns += (__int128)point->offset_s * VS_SEC;
	if (ns < 0)
		return 0;
	return ns < VS_NEVER ? (vs_time)ns : VS_NEVER - 1;
}

static void packet_option(struct cap_reader *r, void *ctx, unsigned code, const uint8_t *value,
			  unsigned len)
{
	struct cap_frame *f = ctx;

	if (code == PCAPNG_COMMENT && !f->comment) {
		memcpy(r->comment, value, len);
		r->comment[len] = '\0';
		f->comment = r->comment;
	} else if (code == PCAPNG_PACKET_FLAGS && len == 4) {
		f->flags = get32(r, value) & (CAP_IN | CAP_OUT);
	}
}

/* The interface of this section, or NULL. */
static const struct point *point_of(const struct cap_reader *r, struct cap_frame *f, uint32_t id)
{
	if (id >= (uint32_t)(r->points - r->section))
		return NULL;
	f->interface = r->section + (int)id;
	return &r->point[f->interface];
}

/* Reads the enhanced packet block, or its forerunner, which has two 16-bit words in front. */
static int packet_block(struct cap_reader *r, struct cap_frame *f, uint32_t type, uint32_t body)
{
	const uint8_t *b = r->block;
	const struct point *point;
	uint32_t padded;

	if (body < 20)
		return fail(r, -EBADMSG, "a packet block is too short");
	point = point_of(r, f, type == PCAPNG_PACKET ? get32(r, b) : get16(r, b));
	if (!point)
		return fail(r, -EBADMSG, "a packet of an interface that was not described");
	f->len = get32(r, b + 12);
	f->wire_len = get32(r, b + 16);
	padded = (f->len + 3) & ~3u;
	if (f->len > CAP_FRAME_MAX || padded > body - 20)
		return fail(r, -EBADMSG, "a packet is longer than its block");
	f->time = time_of(point, (uint64_t)get32(r, b + 4) << 32 | get32(r, b + 8));
	f->bytes = b + 20;
	options(r, b + 20 + padded, body - 20 - padded, f, packet_option);
	return 1;
}

static int simple_block(struct cap_reader *r, struct cap_frame *f, uint32_t body)
{
	const struct point *point = point_of(r, f, 0);

	if (body < 4 || !point)
		return fail(r, -EBADMSG, "a packet block is too short or has no interface");
	f->wire_len = get32(r, r->block);
	f->len = f->wire_len;
	if (point->snap != SNAP_NONE && f->len > point->snap)
		f->len = point->snap;
	if (f->len > CAP_FRAME_MAX || f->len > body - 4)
		return fail(r, -EBADMSG, "a packet is longer than its block");
	f->bytes = r->block + 4;
	return 1;
}

static int next_pcapng(struct cap_reader *r, struct cap_frame *f)
{
	uint32_t type = 0, body = 0;
	int got;

	while ((got = block_next(r, &type, &body)) > 0) {
		switch (type) {
		case PCAPNG_SECTION:
			r->section = r->points;
			break;
		case PCAPNG_INTERFACE:
			got = interface_block(r, body);
			if (got < 0)
				return got;
			break;
		case PCAPNG_PACKET:
		case PCAPNG_PACKET_OLD:
			return packet_block(r, f, type, body);
		case PCAPNG_PACKET_SIMPLE:
			return simple_block(r, f, body);
		default:
			break; /* names, statistics, secrets ... */
		}
	}
	return got;
}

static int next_pcap(struct cap_reader *r, struct cap_frame *f)
{
	struct pcap_pkthdr *header;
	const u_char *bytes;
	int got = pcap_next_ex(r->pcap, &header, &bytes);

	if (got == PCAP_ERROR_BREAK)
		return 0;
	if (got != 1)
		return fail(r, -EBADMSG, "%s", pcap_geterr(r->pcap));
	f->time = (vs_time)header->ts.tv_sec * VS_SEC + header->ts.tv_usec;
	f->bytes = bytes;
	f->len = header->caplen;
	f->wire_len = header->len;
	if (f->time < 0 || f->len > CAP_FRAME_MAX)
		return fail(r, -EBADMSG, "an impossible time or length");
	return 1;
}

int cap_next(struct cap_reader *r, struct cap_frame *f)
{
	const struct point *point;
	int got;

	*f = (struct cap_frame){0};
	got = r->pcap ? next_pcap(r, f) : next_pcapng(r, f);
	if (got <= 0)
		return got;
	point = &r->point[f->interface];
	if (point->link_type == PCAPNG_ETHERNET)
		return 1;
	if (!cook_knows(point->link_type))
		return fail(r, -EPROTONOSUPPORT, "link type %u is not supported (Ethernet, Linux "
			    "cooked, raw IP and BSD loopback are)", point->link_type);
	if (!r->cooked)
		r->cooked = malloc(CAP_FRAME_MAX + COOK_ROOM);
	if (!r->cooked)
		return fail(r, -ENOMEM, "no memory");
	if (cook_frame(point->link_type, f, r->cooked))
		return fail(r, -EBADMSG, "a frame is shorter than its link header");
	return 1;
}

static int open_pcap(struct cap_reader *r)
{
	char why[PCAP_ERRBUF_SIZE];
	int type;

	r->pcap = pcap_fopen_offline_with_tstamp_precision(r->file, PCAP_TSTAMP_PRECISION_NANO,
							   why);
	if (!r->pcap)
		return fail(r, -EBADMSG, "not a capture: %s", why);
	r->file = NULL; /* pcap_close() closes it */
	type = pcap_datalink(r->pcap);
	if (type == DLT_RAW)
		type = PCAPNG_RAW;
	if (!point_add(r, (uint32_t)type, 0))
		return fail(r, -ENOMEM, "no memory");
	return 0;
}

int cap_open(struct cap_reader **out, const char *path, char *why, size_t size)
{
	struct cap_reader *r = calloc(1, sizeof(*r));
	uint32_t magic = 0;
	size_t got;
	int error = 0;

	if (r)
		r->path = strdup(path);
	if (!r || !r->path) {
		snprintf(why, size, "%s: no memory", path);
		free(r);
		return -ENOMEM;
	}
	r->file = fopen(path, "rbe");
	if (!r->file) {
		error = fail(r, -errno, "%s", strerror(errno));
	} else {
		got = fread(&magic, 1, sizeof(magic), r->file);
		if (got != sizeof(magic))
			error = fail(r, -EBADMSG, "not a capture: %s", ferror(r->file) ?
				     strerror(errno) : "it has no four bytes");
		else if (fseek(r->file, 0, SEEK_SET))
			error = fail(r, -errno, "cannot be read again from its start: %s",
				     strerror(errno));
		else if (magic != PCAPNG_SECTION)
			error = open_pcap(r);
	}
	if (error) {
		snprintf(why, size, "%s", r->why);
		cap_reader_close(r);
		return error;
	}
	*out = r;
	return 0;
}

const char *cap_error(const struct cap_reader *r)
{
	return r->why;
}

int cap_interfaces(const struct cap_reader *r)
{
	return r->points;
}

const char *cap_interface_name(const struct cap_reader *r, int interface)
{
	if (interface < 0 || interface >= r->points || !r->point[interface].name)
		return "";
	return r->point[interface].name;
}

void cap_reader_close(struct cap_reader *r)
{
	if (!r)
		return;
	if (r->pcap)
		pcap_close(r->pcap);
	if (r->file)
		fclose(r->file);
	for (int i = 0; i < r->points; i++)
		free(r->point[i].name);
	free(r->point);
	free(r->block);
	free(r->cooked);
	free(r->path);
	free(r);
}
