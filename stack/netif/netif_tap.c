/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A TAP device as an interface of a stack: what the kernel sends on it comes in here. */
#include <errno.h>
#include <net/if.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/host/tap.h"
#include "stack/netif/netif_impl.h"

static int fd_of(void *handle)
{
	return (int)(intptr_t)handle;
}

static ssize_t tap_receive(void *handle, void *buf, size_t len)
{
	ssize_t got = read(fd_of(handle), buf, len);

	return got < 0 ? -errno : got;
}

static ssize_t tap_send(void *handle, const void *buf, size_t len)
{
	ssize_t sent = write(fd_of(handle), buf, len);

	return sent < 0 ? -errno : sent;
}

static void tap_close(void *handle)
{
	close(fd_of(handle));
}

static const struct netif_kind tap = {tap_receive, tap_send, tap_close};

/* Linux throws away what it would send on a TAP until its link watch has noticed that somebody
 * opened it, which takes milliseconds, at times a second. Waits for that, so that the first answer
 * is not lost, if the device is up at all.
 */
static void wait_until_it_runs(const char *name)
{
	static const struct timespec pause = {.tv_nsec = 1000000};
	struct ifreq request = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	memcpy(request.ifr_name, name, strlen(name));
	for (unsigned tries = 0; tries < 2000; tries++) {
		if (ioctl(fd, SIOCGIFFLAGS, &request) < 0 || !(request.ifr_flags & IFF_UP) ||
		    (request.ifr_flags & IFF_RUNNING))
			break;
		nanosleep(&pause, NULL);
	}
	close(fd);
}

int netif_add_tap(struct netif_world *w, const char *name, const struct stk_if_conf *conf)
{
	char opened[TAP_NAME_MAX];
	int fd = tap_open(name, false, opened);

	if (fd < 0)
		return fd;
	wait_until_it_runs(opened);
	return netif_add(w, &tap, (void *)(intptr_t)fd, fd, -1, conf);
}
