/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Networks in the kernel. The Virtual Square book, section 6.4: the data descriptor is a socket of
 * the network itself, which has no control socket beside it. What takes its place is an epoll
 * descriptor: silent until the network has shut the socket, as after the command port/remove, and
 * then readable, though what it reads is an error.
 */
#include "core/plug/ipn.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/uapi/net/af_ipn.h"

bool plug_ipn_path(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

static int join(int data, const char *path, int port, const char *descr)
{
	struct sockaddr_un sun = {.sun_family = AF_IPN_STOLEN};
	struct pollfd shut = {.fd = data, .events = POLLRDHUP};

	if (strlen(path) >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	strcpy(sun.sun_path, path);
	if (setsockopt(data, 0, IPN_SO_DESCR, descr, (socklen_t)strlen(descr) + 1) < 0 ||
	    setsockopt(data, 0, IPN_SO_PORT, &port, sizeof(port)) < 0 ||
	    connect(data, (const struct sockaddr *)&sun, sizeof(sun)) < 0)
		return -errno;
	/* Without the r permission it is deaf: that would look like the network's end. */
	if (poll(&shut, 1, 0) < 0)
		return -errno;
	return shut.revents & POLLRDHUP ? -EACCES : 0;
}

/* A descriptor that is readable once data is shut. */
static int watch(int data)
{
	struct epoll_event event = {.events = EPOLLRDHUP};
	int fd = epoll_create1(EPOLL_CLOEXEC), error;

	if (fd < 0)
		return -errno;
	if (epoll_ctl(fd, EPOLL_CTL_ADD, data, &event) == 0)
		return fd;
	error = -errno;
	close(fd);
	return error;
}

int plug_open_ipn(struct vdeconn *conn, const char *path, int port, const char *descr)
{
	int error;

	conn->data = socket(AF_IPN_STOLEN, SOCK_RAW | SOCK_CLOEXEC, IPN_ANY);
	if (conn->data < 0)
		return errno == EAFNOSUPPORT || errno == ESOCKTNOSUPPORT ? -ENOTDIR : -errno;
	error = join(conn->data, path, port, descr);
	if (!error) {
		conn->ctl = watch(conn->data);
		if (conn->ctl >= 0)
			return 0;
		error = conn->ctl;
	}
	close(conn->data);
	return error;
}
