/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A TAP device as an interface of a stack: what the kernel sends on it comes in here. */
#include <errno.h>
#include <stdint.h>
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

int netif_add_tap(struct netif_world *w, const char *name, const struct stk_if_conf *conf)
{
	int fd = tap_open(name, false, NULL);

	return fd < 0 ? fd : netif_add(w, &tap, (void *)(intptr_t)fd, fd, -1, conf);
}
