/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The library preloaded. packetdrill collects TCP_INFO for its code blocks with libc's
 * getsockopt(), and sends files with libc's sendfile(): for descriptors of ours they are ours. In
 * the children that a script's shell lines start, files below /proc/sys/net are the stack's
 * settings: what is written there is set, what is read is what holds.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness/packetdrill/pkd_client.h"
#include "harness/packetdrill/pkd_impl.h"

#define EXPORT __attribute__((visibility("default")))

static bool ours(int fd)
{
	struct pkd *w = pkd_world;
	bool is;

	if (!w)
		return false;
	pthread_mutex_lock(&w->lock);
	is = pkd_file(w, fd) != NULL;
	pthread_mutex_unlock(&w->lock);
	return is;
}

EXPORT int getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	if (ours(fd))
		return pkd_getsockopt(NULL, fd, level, name, value, len);
	return (int)syscall(SYS_getsockopt, fd, level, name, value, len);
}

EXPORT ssize_t sendfile(int out, int in, off_t *offset, size_t len)
{
	if (ours(out))
		return pkd_sendfile(out, in, offset, len);
	return syscall(SYS_sendfile, out, in, offset, len);
}

EXPORT ssize_t sendfile64(int out, int in, off64_t *offset, size_t len)
{
	return sendfile(out, in, offset, len);
}

/* "/proc/sys/net/ipv4/tcp_sack" is "net.ipv4.tcp_sack". */
static bool setting_of(const char *path, char *name, size_t size)
{
	if (!path || strncmp(path, "/proc/sys/net/", 14) || strlen(path) >= size)
		return false;
	if (!getenv(PKD_CLIENT_SOCKET))
		return false;
	snprintf(name, size, "%s", path + 10);
	for (char *at = name; *at; at++)
		if (*at == '/')
			*at = '.';
	return true;
}

/* Reading gives a file with the value; writing gives the way to whoever sets it. */
static int open_setting(const char *name, int flags)
{
	char value[1024];
	int fd, error;

	if ((flags & O_ACCMODE) != O_RDONLY)
		return pkd_client_writer(name);
	error = pkd_client_get(name, value, sizeof(value) - 1);
	if (error) {
		errno = -error;
		return -1;
	}
	strcat(value, "\n");
	fd = memfd_create(name, 0);
	if (fd < 0)
		return -1;
	if (write(fd, value, strlen(value)) < 0 || lseek(fd, 0, SEEK_SET) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int open_any(int folder, const char *path, int flags, mode_t mode)
{
	char name[256];

	if (setting_of(path, name, sizeof(name)))
		return open_setting(name, flags);
	return (int)syscall(SYS_openat, folder, path, flags, mode);
}

#define OPENS(function)                                                                            \
	EXPORT int function(const char *path, int flags, ...)                                      \
	{                                                                                          \
		va_list args;                                                                      \
		mode_t mode;                                                                       \
                                                                                                   \
		va_start(args, flags);                                                             \
		mode = va_arg(args, mode_t);                                                       \
		va_end(args);                                                                      \
		return open_any(AT_FDCWD, path, flags, mode);                                      \
	}

#define OPENS_AT(function)                                                                         \
	EXPORT int function(int folder, const char *path, int flags, ...)                          \
	{                                                                                          \
		va_list args;                                                                      \
		mode_t mode;                                                                       \
                                                                                                   \
		va_start(args, flags);                                                             \
		mode = va_arg(args, mode_t);                                                       \
		va_end(args);                                                                      \
		return open_any(folder, path, flags, mode);                                        \
	}

int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);

OPENS(open)
OPENS(open64)
OPENS_AT(openat)
OPENS_AT(openat64)

EXPORT int __open_2(const char *path, int flags)
{
	return open_any(AT_FDCWD, path, flags, 0);
}

EXPORT int __open64_2(const char *path, int flags)
{
	return open_any(AT_FDCWD, path, flags, 0);
}

/* libc's own fopen() does not pass through open(). */
static FILE *fopen_any(const char *path, const char *mode, const char *symbol)
{
	FILE *(*next)(const char *, const char *);
	char name[256];
	int fd;

	if (setting_of(path, name, sizeof(name))) {
		fd = open_setting(name, strchr(mode, 'r') && !strchr(mode, '+') ? O_RDONLY
										  : O_WRONLY);
		return fd < 0 ? NULL : fdopen(fd, mode);
	}
	*(void **)&next = dlsym(RTLD_NEXT, symbol);
	return next(path, mode);
}

EXPORT FILE *fopen(const char *restrict path, const char *restrict mode)
{
	return fopen_any(path, mode, "fopen");
}

EXPORT FILE *fopen64(const char *restrict path, const char *restrict mode)
{
	return fopen_any(path, mode, "fopen64");
}
