/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The interface through which packetdrill tests a stack in a shared object
 * (--so_filename=libvsq-packetdrill.so --so_flags=...): it fills a structure of calls, each of
 * which gets userdata first and is otherwise the POSIX call of its name. The order of the members
 * is packetdrill's and must not change.
 */
#ifndef VSQ_PACKETDRILL_PKD_H
#define VSQ_PACKETDRILL_PKD_H

#include <poll.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>

struct packetdrill_interface {
	void *userdata;
	void (*free)(void *);
	int (*socket)(void *, int domain, int type, int protocol);
	int (*bind)(void *, int fd, const struct sockaddr *, socklen_t);
	int (*listen)(void *, int fd, int backlog);
	int (*accept)(void *, int fd, struct sockaddr *, socklen_t *);
	int (*connect)(void *, int fd, const struct sockaddr *, socklen_t);
	ssize_t (*read)(void *, int fd, void *, size_t);
	ssize_t (*readv)(void *, int fd, const struct iovec *, int count);
	ssize_t (*recv)(void *, int fd, void *, size_t, int flags);
	ssize_t (*recvfrom)(void *, int fd, void *, size_t, int flags, struct sockaddr *,
			    socklen_t *);
	ssize_t (*recvmsg)(void *, int fd, struct msghdr *, int flags);
	ssize_t (*write)(void *, int fd, const void *, size_t);
	ssize_t (*writev)(void *, int fd, const struct iovec *, int count);
	ssize_t (*send)(void *, int fd, const void *, size_t, int flags);
	ssize_t (*sendto)(void *, int fd, const void *, size_t, int flags, const struct sockaddr *,
			  socklen_t);
	ssize_t (*sendmsg)(void *, int fd, const struct msghdr *, int flags);
	int (*fcntl)(void *, int fd, int command, ...);
	int (*ioctl)(void *, int fd, unsigned long request, ...);
	int (*close)(void *, int fd);
	int (*shutdown)(void *, int fd, int how);
	int (*getsockopt)(void *, int fd, int level, int name, void *, socklen_t *);
	int (*setsockopt)(void *, int fd, int level, int name, const void *, socklen_t);
	int (*poll)(void *, struct pollfd *, nfds_t count, int timeout_ms);

	/* A bare IP packet enters the stack. It never waits. 0 or -1. */
	int (*netdev_send)(void *, const void *packet, size_t len);
	/* The next packet that leaves, with its time on gettimeofday's clock; waits for it, which
	 * moves the clock. A length of 0 says that none can ever come.
	 */
	int (*netdev_receive)(void *, void *packet, size_t *len, long long *time_usecs);
	int (*usleep)(void *, useconds_t usecs);
	int (*gettimeofday)(void *, struct timeval *, struct timezone *);

	int (*epoll_create)(void *, int size);
	int (*epoll_ctl)(void *, int epfd, int op, int fd, struct epoll_event *);
	int (*epoll_wait)(void *, int epfd, struct epoll_event *, int count, int timeout_ms);
	int (*pipe)(void *, int fds[2]);
	ssize_t (*splice)(void *, int fd_in, loff_t *off_in, int fd_out, loff_t *off_out,
			  size_t len, unsigned int flags);
};

void packetdrill_interface_init(const char *flags, struct packetdrill_interface *);

#endif
