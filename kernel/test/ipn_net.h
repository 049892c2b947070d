/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of IPN share: sockets on a path of their own, and messages that must arrive. */
#ifndef KERNEL_TEST_IPN_NET_H
#define KERNEL_TEST_IPN_NET_H

#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "kernel/test/ktap.h"
#include "kernel/uapi/net/af_ipn.h"

#define NET "/tmp/ipn"

/* Each case starts without the names that another left. */
static inline void clean_names(void)
{
	unlink(NET);
	unlink(NET "2");
}

static inline struct sockaddr_un ipn_address(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_IPN_STOLEN };

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	return sun;
}

static inline int ipn_socket(void)
{
	return (int)CHECK_OK(socket(AF_IPN_STOLEN, SOCK_RAW, IPN_BROADCAST));
}

static inline int ipn_bind(int s, const char *path)
{
	struct sockaddr_un sun = ipn_address(path);

	return bind(s, (struct sockaddr *)&sun, sizeof(sun));
}

static inline int ipn_connect(int s, const char *path)
{
	struct sockaddr_un sun = ipn_address(path);

	return connect(s, (struct sockaddr *)&sun, sizeof(sun));
}

static inline int ipn_set(int s, int name, int value)
{
	return setsockopt(s, 0, name, &value, sizeof(value));
}

static inline int ipn_get(int s, int name)
{
	socklen_t len = sizeof(int);
	int value = -1;

	CHECK_OK(getsockopt(s, 0, name, &value, &len));
	CHECK_EQUAL(len, sizeof(int));
	return value;
}

/* A socket that manages the network at PATH and takes part in it. */
static inline int ipn_peer(const char *path)
{
	int s = ipn_socket();

	CHECK_OK(ipn_bind(s, path));
	CHECK_OK(connect(s, NULL, 0));
	return s;
}

/* A socket that only takes part. */
static inline int ipn_join(const char *path)
{
	int s = ipn_socket();

	CHECK_OK(ipn_connect(s, path));
	return s;
}

static inline int ipn_lossless(const char *path, int pool)
{
	int s = ipn_socket();

	CHECK_OK(ipn_set(s, IPN_SO_FLAGS, IPN_FLAG_LOSSLESS));
	CHECK_OK(ipn_set(s, IPN_SO_MSGPOOLSIZE, pool));
	CHECK_OK(ipn_bind(s, path));
	CHECK_OK(connect(s, NULL, 0));
	return s;
}

static inline void say(int s, const char *text)
{
	CHECK_EQUAL(CHECK_OK(send(s, text, strlen(text), 0)), strlen(text));
}

/* The next message is this one, and is there already. */
static inline void hears(int s, const char *text)
{
	char data[2000];
	ssize_t len = recv(s, data, sizeof(data), MSG_DONTWAIT);

	CHECK_OK(len);
	if (len != (ssize_t)strlen(text) || memcmp(data, text, len)) {
		printf("# wanted \"%s\", heard \"%.*s\"\n", text, (int)len, data);
		CHECK(!"the right message");
	}
}

static inline void hears_nothing(int s)
{
	char data[2000];

	CHECK_ERRNO(recv(s, data, sizeof(data), MSG_DONTWAIT), EAGAIN);
}

static inline short events(int s)
{
	struct pollfd p = { .fd = s, .events = POLLIN | POLLOUT | POLLPRI | POLLRDHUP };

	CHECK_OK(poll(&p, 1, 0));
	return p.revents;
}

#endif
