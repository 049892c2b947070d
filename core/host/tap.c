/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/host/tap.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

static_assert(TAP_NAME_MAX == IFNAMSIZ, "names of interfaces");

int tap_open(const char *name, bool tun, char opened[TAP_NAME_MAX])
{
	struct ifreq request = {0};
	int fd, error;

	if (strlen(name) >= sizeof(request.ifr_name))
		return -ENAMETOOLONG;
	memcpy(request.ifr_name, name, strlen(name));
	request.ifr_flags = (short)((tun ? IFF_TUN : IFF_TAP) | IFF_NO_PI);
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (ioctl(fd, TUNSETIFF, &request) < 0) {
		error = -errno;
		close(fd);
		return error;
	}
	if (opened)
		memcpy(opened, request.ifr_name, TAP_NAME_MAX);
	return fd;
}

#define ROOM 1792u /* what a frame of the second size class holds behind its headroom */

/* One frame; what a usual one cannot hold goes through spill. */
static int recv_one(int fd, struct vs_pool *pool, struct vs_frame **out)
{
	uint8_t spill[TAP_FRAME_MAX - ROOM];
	struct vs_frame *f = vs_frame_new(pool, 0, ROOM), *jumbo;
	struct iovec iov[2];
	ssize_t n;

	if (!f)
		return -ENOBUFS;
	iov[0] = (struct iovec){f->data, ROOM};
	iov[1] = (struct iovec){spill, sizeof(spill)};
	n = readv(fd, iov, 2);
	if (n <= 0) {
		vs_frame_put(f);
		return n < 0 ? -errno : -EAGAIN;
	}
	if ((size_t)n <= ROOM) {
		vs_frame_set_len(f, (size_t)n);
		*out = f;
		return 0;
	}
	jumbo = vs_frame_new(pool, (size_t)n, 0);
	if (jumbo) {
		memcpy(jumbo->data, f->data, ROOM);
		memcpy(jumbo->data + ROOM, spill, (size_t)n - ROOM);
	}
	vs_frame_put(f);
	*out = jumbo;
	return jumbo ? 0 : -ENOBUFS;
}

int tap_recv_frames(int fd, struct vs_pool *pool, struct vs_frame **frames, unsigned count,
		    bool *more)
{
	unsigned got = 0;
	int error = 0;

	while (got < count && !error) {
		error = recv_one(fd, pool, &frames[got]);
		got += !error;
	}
	*more = !error;
	return got || error == -EINTR ? (int)got : error;
}

int tap_send_frames(int fd, struct vs_frame *const *frames, unsigned count)
{
	unsigned sent = 0;

	while (sent < count) {
		if (write(fd, frames[sent]->data, frames[sent]->len) < 0)
			return sent ? (int)sent : -errno;
		sent++;
	}
	return (int)sent;
}
