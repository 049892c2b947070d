/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* VDE streams: two bytes of length, most significant first, then the frame. The Virtual Square
 * book, section 4.5.
 *
 * Bytes come in pieces of any size, so the two bytes of length and the frame are gathered until
 * they are whole. A stream may carry what is not ours (a warning of ssh, say): its letters read as
 * an impossible length, and then the rest of that piece is dropped, for frames are written whole
 * and the next piece most likely begins with one.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/plug/libvdeplug.h"

#define HEADER 2

#define api __attribute__((visibility("default")))

struct vdestream {
	void *opaque;
	int fdout;
	ssize_t (*frecv)(void *opaque, void *buf, size_t count);
	void (*ferr)(void *opaque, int type, char *format, ...);
	size_t held; /* bytes in the buffer, from the first byte of a header */
	unsigned char buffer[HEADER + VDE_ETHBUFSIZE];
};

api VDESTREAM *vdestream_open(void *opaque, int fdout,
			      ssize_t (*frecv)(void *opaque, void *buf, size_t count),
			      void (*ferr)(void *opaque, int type, char *format, ...))
{
	struct vdestream *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->opaque = opaque;
	s->fdout = fdout;
	s->frecv = frecv;
	s->ferr = ferr;
	return s;
}

/* Half a frame would put the stream out of step for good: what was begun is finished, waiting on
 * a descriptor that does not block.
 */
api ssize_t vdestream_send(VDESTREAM *s, const void *buf, size_t len)
{
	unsigned char header[HEADER] = {(unsigned char)(len >> 8), (unsigned char)len};
	size_t done = 0;

	if (len > VDE_ETHBUFSIZE) {
		errno = EMSGSIZE;
		return -1;
	}
	while (done < HEADER + len) {
		size_t from_header = done < HEADER ? HEADER - done : 0;
		size_t from_frame = done < HEADER ? 0 : done - HEADER;
		struct iovec iov[2] = {
			{header + HEADER - from_header, from_header},
			{(char *)buf + from_frame, len - from_frame},
		};
		ssize_t n = writev(s->fdout, iov, 2);

		if (n >= 0) {
			done += (size_t)n;
			continue;
		}
		if (errno == EAGAIN && done) {
			struct pollfd pfd = {.fd = s->fdout, .events = POLLOUT};

			if (poll(&pfd, 1, -1) < 0 && errno != EINTR)
				return -1;
		} else if (errno != EINTR) {
			return -1;
		}
	}
	return (ssize_t)done;
}

static size_t header_len(const unsigned char *header)
{
	return (size_t)header[0] << 8 | header[1];
}

/* Whether a length can be one; tells the owner when not. */
static int possible(struct vdestream *s, size_t frame_len, size_t left)
{
	if (frame_len <= VDE_ETHBUFSIZE)
		return 1;
	if (s->ferr)
		s->ferr(s->opaque, PACKET_LENGTH_ERROR, "size %d expected size %d",
			(int)(left > INT_MAX ? INT_MAX : left), (int)frame_len);
	return 0;
}

/* Adds to the held bytes until there are want of them, or no more to add. */
static size_t gather(struct vdestream *s, const unsigned char *buf, size_t len, size_t want)
{
	size_t n = want - s->held < len ? want - s->held : len;

	memcpy(s->buffer + s->held, buf, n);
	s->held += n;
	return n;
}

api void vdestream_recv(VDESTREAM *s, unsigned char *buf, size_t len)
{
	while (len) {
		unsigned char *frame;
		size_t frame_len, n;

		/* Whole in this piece, with nothing held before it: given without a copy. */
		if (s->held == 0 && len >= HEADER && header_len(buf) <= len - HEADER) {
			frame_len = header_len(buf);
			frame = buf + HEADER;
			if (!possible(s, frame_len, len - HEADER))
				return;
			buf += HEADER + frame_len;
			len -= HEADER + frame_len;
			if (frame_len)
				s->frecv(s->opaque, frame, frame_len);
			continue;
		}
		if (s->held < HEADER) {
			n = gather(s, buf, len, HEADER);
			buf += n;
			len -= n;
			if (s->held < HEADER)
				return;
		}
		frame_len = header_len(s->buffer);
		if (!possible(s, frame_len, len)) {
			s->held = 0;
			return;
		}
		n = gather(s, buf, len, HEADER + frame_len);
		buf += n;
		len -= n;
		if (s->held < HEADER + frame_len)
			return;
		s->held = 0;
		if (frame_len)
			s->frecv(s->opaque, s->buffer + HEADER, frame_len);
	}
}

api void vdestream_close(VDESTREAM *s)
{
	free(s);
}
