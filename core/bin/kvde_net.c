/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/bin/kvde_net.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/host/sock.h"
#include "kernel/uapi/net/af_ipn.h"
#include "kernel/uapi/net/kvde_switch.h"

#define QUEUE 128 /* frames that wait for a node; what comes then is lost */

static int address(const char *path, struct sockaddr_un *sun)
{
	*sun = (struct sockaddr_un){.sun_family = AF_IPN_STOLEN};
	if (strlen(path) >= sizeof(sun->sun_path))
		return -ENAMETOOLONG;
	strcpy(sun->sun_path, path);
	return 0;
}

/* Whether somebody has a network, or listens, at path: what is left over is refused. */
static bool in_use(const char *path, const struct sockaddr_un *sun)
{
	int fd = socket(AF_IPN_STOLEN, SOCK_RAW | SOCK_CLOEXEC, IPN_ANY);
	struct stat st;
	bool used;

	if (fd < 0)
		return false;
	used = connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) == 0 ||
	       (errno != ENOENT && errno != ECONNREFUSED);
	close(fd);
	return used || (lstat(path, &st) == 0 && !sock_dead(path, SOCK_STREAM));
}

static int set(int fd, int option, int value)
{
	return setsockopt(fd, 0, option, &value, sizeof(value));
}

static int bound(const struct sockaddr_un *sun, int ports)
{
	int fd = socket(AF_IPN_STOLEN, SOCK_RAW | SOCK_CLOEXEC, IPN_VDESWITCH), error;

	if (fd < 0)
		return -errno;
	if (set(fd, IPN_SO_NUMNODES, ports) == 0 && set(fd, IPN_SO_MTU, KVDE_NET_MTU) == 0 &&
	    set(fd, IPN_SO_MSGPOOLSIZE, QUEUE) == 0 && set(fd, IPN_SO_MODE, 0700) == 0 &&
	    bind(fd, (const struct sockaddr *)sun, sizeof(*sun)) == 0)
		return fd;
	error = -errno;
	close(fd);
	return error;
}

int kvde_net_create(const char *path, unsigned ports)
{
	struct sockaddr_un sun;
	int error = address(path, &sun);

	if (!error && in_use(path, &sun))
		error = -EADDRINUSE;
	return error ? error : bound(&sun, (int)ports);
}

int kvde_net_interface(const char *path, const char *name, bool tap)
{
	struct ifreq ifr = {.ifr_flags = tap ? IPN_NODEFLAG_TAP : IPN_NODEFLAG_GRAB};
	struct sockaddr_un sun;
	int fd, error = address(path, &sun);

	if (!error && strlen(name) >= sizeof(ifr.ifr_name))
		error = -ENAMETOOLONG;
	if (error)
		return error;
	strcpy(ifr.ifr_name, name);
	fd = bound(&sun, 1);
	if (fd < 0)
		return fd;
	setsockopt(fd, 0, IPN_SO_DESCR, name, (socklen_t)strlen(name) + 1);
	if (ioctl(fd, IPN_CONN_NETDEV, &ifr) == 0)
		return fd;
	error = -errno;
	close(fd);
	return error;
}

int kvde_net_open(const char *path, mode_t mode, gid_t gid)
{
	if (gid != (gid_t)-1 && chown(path, (uid_t)-1, gid) < 0)
		return -errno;
	return chmod(path, mode) == 0 ? 0 : -errno;
}

int kvde_net_command(int fd, const char *line, char *text, size_t size, size_t *len)
{
	struct kvde_command c = {
		.line = (uintptr_t)line,
		.line_len = (uint32_t)strlen(line),
		.text = (uintptr_t)text,
		.text_len = (uint32_t)(size < KVDE_TEXT_MAX ? size : KVDE_TEXT_MAX),
	};

	*len = 0;
	if (c.line_len > KVDE_LINE_MAX)
		return -E2BIG;
	if (ioctl(fd, KVDE_COMMAND, &c) < 0)
		return -errno;
	*len = c.text_len;
	return c.cut ? -EMSGSIZE : c.code;
}
