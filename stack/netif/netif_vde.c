/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A plug of a VDE switch as an interface of a stack. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "core/plug/libvdeplug.h"
#include "stack/netif/netif_impl.h"

static ssize_t vde_receive(void *handle, void *buf, size_t len)
{
	ssize_t got = vde_recv(handle, buf, len, MSG_DONTWAIT);

	/* 1 is libvdeplug's word for something to be ignored. */
	return got < 0 ? -errno : got == 1 ? 0 : got;
}

static ssize_t vde_transmit(void *handle, const void *buf, size_t len)
{
	ssize_t sent = vde_send(handle, buf, len, MSG_DONTWAIT);

	return sent < 0 ? -errno : sent;
}

static void vde_hang_up(void *handle)
{
	vde_close(handle);
}

static const struct netif_kind vde = {vde_receive, vde_transmit, vde_hang_up};

int netif_add_vde(struct netif_world *w, const char *vnl, const struct stk_if_conf *conf)
{
	char description[] = "vsq stack";
	char *url = strdup(vnl);
	VDECONN *conn;
	int fd;

	if (!url)
		return -ENOMEM;
	conn = vde_open(url, description, NULL);
	free(url);
	if (!conn)
		return errno ? -errno : -ECONNREFUSED;
	fd = vde_datafd(conn);
	/* Debian's vde_recv() does not look at its flags. */
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	return netif_add(w, &vde, conn, fd, vde_ctlfd(conn), conf);
}
