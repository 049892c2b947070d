/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The calls a program makes on a connection. */
#include "core/plug/libvdeplug.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/plug/conn.h"

#define ETH_HEADER 14

#define api __attribute__((visibility("default")))

api VDECONN *vde_open_real(char *vde_url, char *descr, int interface_version,
			   struct vde_open_args *open_args)
{
	struct vde_open_args args = {0};
	struct vdeconn *conn;
	int error;

	if (interface_version != LIBVDEPLUG_INTERFACE_VERSION) {
		errno = EINVAL;
		return NULL;
	}
	if (open_args)
		args = *open_args;
	conn = calloc(1, sizeof(*conn));
	if (!conn)
		return NULL;
	error = plug_open(conn, vde_url ? vde_url : "", descr ? descr : "", &args);
	if (error) {
		free(conn);
		errno = -error;
		return NULL;
	}
	return conn;
}

/* Less than an Ethernet header is nothing to act on, and 0 would look like an end of file. */
api ssize_t vde_recv(VDECONN *conn, void *buf, size_t len, int flags)
{
	ssize_t n;

	if (!conn) {
		errno = EBADF;
		return -1;
	}
	n = recv(conn->data, buf, len, flags);
	if (n < 0 || n >= ETH_HEADER)
		return n;
	errno = EAGAIN;
	return 1;
}

api ssize_t vde_send(VDECONN *conn, const void *buf, size_t len, int flags)
{
	if (!conn) {
		errno = EBADF;
		return -1;
	}
	if (len > VDE_ETHBUFSIZE) {
		errno = EMSGSIZE;
		return -1;
	}
	return send(conn->data, buf, len, flags | MSG_NOSIGNAL);
}

api int vde_datafd(VDECONN *conn)
{
	if (conn)
		return conn->data;
	errno = EBADF;
	return -1;
}

api int vde_ctlfd(VDECONN *conn)
{
	if (conn)
		return conn->ctl;
	errno = EBADF;
	return -1;
}

api int vde_close(VDECONN *conn)
{
	if (!conn) {
		errno = EBADF;
		return -1;
	}
	if (conn->own.sun_path[0])
		unlink(conn->own.sun_path);
	close(conn->data);
	close(conn->ctl);
	free(conn);
	return 0;
}
