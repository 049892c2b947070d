/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/host/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 64

static int name_set(struct sockaddr_un *sun, const char *path)
{
	size_t len = strlen(path);

	*sun = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (len == 0)
		return -EINVAL;
	if (len >= sizeof(sun->sun_path))
		return -ENAMETOOLONG;
	memcpy(sun->sun_path, path, len);
	return 0;
}

int sock_connect(int fd, const char *path)
{
	struct sockaddr_un sun;
	int error = name_set(&sun, path);

	if (error)
		return error;
	return connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0 ? 0 : -errno;
}

int sock_connect_owned(int fd, const char *path, uid_t user)
{
	int file = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	char same[32];
	struct stat st;
	int error = 0;

	if (file < 0)
		return -errno;
	if (fstat(file, &st) < 0)
		error = -errno;
	else if (!S_ISSOCK(st.st_mode))
		error = -ENOTSOCK;
	else if (user != 0 && st.st_uid != user)
		error = -EPERM;
	if (!error) {
		/* By its descriptor: the name may lead elsewhere by now. */
		snprintf(same, sizeof(same), "/proc/self/fd/%d", file);
		error = sock_connect(fd, same);
	}
	close(file);
	return error;
}

bool sock_dead(const char *path, int type)
{
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool dead;

	if (fd < 0)
		return false;
	dead = sock_connect(fd, path) == -ECONNREFUSED;
	close(fd);
	return dead;
}

/* Makes room for a socket at path: nothing is there, or what a dead process left. */
static int path_clear(const char *path, int type)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -ENOTSOCK;
	if (!sock_dead(path, type))
		return -EADDRINUSE;
	return unlink(path) == 0 || errno == ENOENT ? 0 : -errno;
}

/* The umask keeps everybody out until the socket has the mode and the owners it shall have. */
static int bind_closed(int fd, const char *path, mode_t mode, uid_t uid, gid_t gid)
{
	struct sockaddr_un sun;
	int error = name_set(&sun, path);
	mode_t old;

	if (error)
		return error;
	old = umask(0777);
	error = bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0 ? 0 : -errno;
	umask(old);
	if (error)
		return error;
	if ((uid != (uid_t)-1 || gid != (gid_t)-1) && chown(path, uid, gid) < 0)
		error = -errno;
	if (!error && chmod(path, mode) < 0)
		error = -errno;
	if (error)
		unlink(path);
	return error;
}

int sock_bind(int fd, const char *path, mode_t mode, uid_t uid, gid_t gid)
{
	int error = path_clear(path, SOCK_DGRAM);

	return error ? error : bind_closed(fd, path, mode, uid, gid);
}

int sock_listen(const char *path, mode_t mode, gid_t gid)
{
	int error = path_clear(path, SOCK_STREAM);
	int fd;

	if (error)
		return error;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	error = bind_closed(fd, path, mode, (uid_t)-1, gid);
	if (error)
		goto no_bind;
	if (listen(fd, BACKLOG) == 0)
		return fd;
	error = -errno;
	unlink(path);
no_bind:
	close(fd);
	return error;
}

int sock_spare(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

int sock_accept(int listener, int *spare)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int error;

	if (fd >= 0)
		return fd;
	error = -errno;
	if ((error != -EMFILE && error != -ENFILE) || *spare < 0)
		return error;
	close(*spare);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		close(fd);
	*spare = sock_spare();
	return error;
}

uid_t sock_peer_user(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return (uid_t)-1;
	return cred.uid;
}
