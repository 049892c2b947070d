/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/packetdrill/pkd_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096

static int join(void)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	const char *name = getenv(PKD_CLIENT_SOCKET);
	int fd;

	if (!name || strlen(name) + 2 > sizeof(sa.sun_path))
		return -ENOTCONN;
	memcpy(sa.sun_path + 1, name, strlen(name));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&sa,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name)))) {
		close(fd);
		return -ENOTCONN;
	}
	return fd;
}

int pkd_client_ask(const char *request, char *value, size_t size)
{
	char line[LINE_MAX_BYTES];
	size_t len = 0;
	ssize_t n = 0;
	int fd = join();

	if (fd < 0)
		return fd;
	snprintf(line, sizeof(line), "%s\n", request);
	if (write(fd, line, strlen(line)) == (ssize_t)strlen(line))
		while (len < sizeof(line) - 1 && !memchr(line, '\n', len) &&
		       (n = read(fd, line + len, sizeof(line) - 1 - len)) > 0)
			len += (size_t)n;
	close(fd);
	line[len] = '\0';
	line[strcspn(line, "\n")] = '\0';
	if (!strncmp(line, "OK ", 3)) {
		if (value)
			snprintf(value, size, "%s", line + 3);
		return 0;
	}
	if (!strncmp(line, "ERROR ", 6))
		return -atoi(line + 6);
	return -ENOTCONN;
}

int pkd_client_get(const char *name, char *value, size_t size)
{
	char request[512];

	snprintf(request, sizeof(request), "get %s", name);
	return pkd_client_ask(request, value, size);
}

int pkd_client_set(const char *name, const char *value)
{
	char request[LINE_MAX_BYTES];

	snprintf(request, sizeof(request), "set %s %s", name, value);
	return pkd_client_ask(request, NULL, 0);
}

int pkd_client_writer(const char *name)
{
	char value[8], begin[512];
	int error = pkd_client_get(name, value, sizeof(value));
	int fd = error ? error : join();

	if (fd >= 0) {
		/* The value and the line's end follow from whoever writes to the "file". */
		snprintf(begin, sizeof(begin), "set %s ", name);
		if (write(fd, begin, strlen(begin)) == (ssize_t)strlen(begin))
			return fd;
		close(fd);
		fd = -EPIPE;
	}
	errno = -fd;
	return -1;
}
