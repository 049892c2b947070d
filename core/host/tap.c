/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/host/tap.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
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
