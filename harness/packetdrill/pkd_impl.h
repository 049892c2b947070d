/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One stack on a virtual clock, behind packetdrill's calls. How the files fit together:
 *
 *      pkd.c            the structure of calls, and the world behind it
 *      pkd_config.c     addresses, MTU and settings: flags, packetdrill's options, the environment
 *      pkd_clock.c      the clock, packets in and out, calls that wait
 *      pkd_file.c       descriptors; socket bind listen accept connect shutdown close
 *      pkd_io.c         read ... sendmsg, sendfile, pipe, splice
 *      pkd_option.c     getsockopt, setsockopt, fcntl, ioctl;  pkd_info.c TCP_INFO and its like
 *      pkd_error.c      MSG_ERRQUEUE: time stamps, zero copy, ICMP
 *      pkd_poll.c       poll and epoll
 *      pkd_control.c    what the scripts' shell lines ask for: sysctl, ip, tc;  pkd_setting.c
 *      pkd_preload.c    the library preloaded: libc's calls for descriptors of ours
 *
 * Time. Everything that packetdrill does asks gettimeofday(), so that is what moves the clock: by
 * 1 us a call. usleep(n) moves it by n, netdev_receive() to the next timer until a packet comes
 * out. Nothing else does, so a run is the same every time.
 *
 * Threads. The one that initialises the library is the driver: it moves the clock. Calls that wait
 * are made in a second thread, which sleeps; whatever makes its call complete does the call's work
 * for it, wakes it, and then holds the clock until that thread has asked for the time.
 */
#ifndef VSQ_PACKETDRILL_PKD_IMPL_H
#define VSQ_PACKETDRILL_PKD_IMPL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/frame.h"
#include "core/base/time.h"
#include "harness/packetdrill/pkd.h"
#include "stack/stk.h"

#define PKD_FILES_MAX	1024
#define PKD_IFINDEX	1
#define PKD_EPOCH_S	1500000000 /* what gettimeofday() says when the stack's clock is 0 */
#define PKD_START	(1000 * VS_SEC)
#define PKD_IDLE_MAX	(24 * 3600 * VS_SEC) /* without a packet for so long none will come */
#define PKD_COMMAND_MAX 4096
/* Flags of send() that the stack knows by that number. */
#define PKD_STK_FLAGS	(STK_MSG_FASTOPEN | STK_MSG_MORE | STK_MSG_EOR | STK_MSG_OOB)

/* A packet that has left. */
struct pkd_packet {
	struct pkd_packet *next;
	vs_time at;
	size_t len;
	uint8_t bytes[];
};

/* A call that may have to wait: tried until it does not answer -EAGAIN. */
struct pkd_call {
	ssize_t (*attempt)(struct pkd_call *);
	vs_time deadline;
	ssize_t late; /* the result at the deadline */
	ssize_t result;
	bool done;
	pthread_t thread;
	pthread_cond_t woken;
	struct pkd_call *next;
};

/* What waits to be read with MSG_ERRQUEUE. */
struct pkd_notice {
	struct pkd_notice *next;
	vs_time at;	  /* time stamp; 0: none */
	uint32_t error;	  /* sock_extended_err */
	uint8_t origin, type, code;
	uint32_t info, data;
};

/* A write whose progress the application wants to be told of. */
struct pkd_mark {
	struct pkd_mark *next;
	uint64_t from, to; /* bytes of the stream */
	uint32_t key;
	uint32_t stamps;   /* SOF_TIMESTAMPING_TX_... still to come; 0 with zerocopy */
	bool zerocopy;
};

enum pkd_kind { PKD_NONE, PKD_SOCKET, PKD_EPOLL };

#define PKD_KEPT_MAX	  16
#define PKD_SETTINGS_KEPT 64

struct pkd_file {
	enum pkd_kind kind;
	int fd;	 /* a descriptor of the kernel's, so that the number is ours */
	int stk; /* the socket's number in the stack */
	int domain, type, protocol;
	bool nonblocking;
	bool listening, connecting, connected;
	int64_t rcvtimeo_us, sndtimeo_us; /* 0: for ever */
	int rcvlowat;
	int linger_s; /* SO_LINGER; below 0: off */
	uint8_t fastopen_key[32];
	uint8_t fastopen_key_len; /* 0: the stack's key */
	unsigned news; /* poll events since an edge was last reported */
	bool inq, timestamp, timestampns;
	uint32_t stamping;	/* SO_TIMESTAMPING */
	bool zerocopy;
	bool key_based;
	uint32_t key, zerocopies;
	uint64_t key_base;	/* stream offset that OPT_ID counts from */
	uint64_t written;	/* bytes of the stream */
	struct pkd_mark *marks;
	struct pkd_notice *notices, **notices_tail;
	struct {
		int level, name;
		int value;
	} kept[PKD_KEPT_MAX]; /* options that are remembered and change nothing */
	unsigned kept_count;
	struct pkd_watch *watches; /* of an epoll descriptor */
};

struct pkd_conf {
	struct wire_addr local[8];
	unsigned bits[8];
	unsigned locals;
	uint32_t mtu;
	uint64_t seed;
	char settings[PKD_COMMAND_MAX]; /* "name=value" with a NUL behind each */
	size_t settings_len;
};

struct pkd {
	pthread_mutex_t lock;
	pthread_t driver;
	struct vs_arena arena;
	struct vs_pool *pool;
	struct stk *stk;
	vs_time now;
	struct pkd_conf conf;
	struct pkd_packet *packets, **packets_tail;
	struct pkd_call *waiting;
	bool held; /* until held_for has asked for the time */
	pthread_t held_for;
	pthread_cond_t released;
	struct pkd_file files[PKD_FILES_MAX]; /* by descriptor */
	int by_stk[PKD_FILES_MAX];	      /* descriptor, or 0 */
	char kept[PKD_SETTINGS_KEPT][64]; /* settings that change nothing; empty: never set */
	int control_fd;
	pthread_t control;
	bool control_runs, serving;
};

/* The process's world, NULL before packetdrill_interface_init() and after free(). */
extern struct pkd *pkd_world;

/* pkd_config.c: 0, or -EINVAL after saying why on stderr. */
int pkd_configure(struct pkd_conf *, const char *flags);
int pkd_apply(struct pkd *); /* to the stack */

/* pkd_clock.c */
struct pkd *pkd_enter(void);		   /* locks */
ssize_t pkd_leave(struct pkd *, ssize_t);  /* settles, unlocks; -errno becomes -1 and errno */
ssize_t pkd_wait(struct pkd *, struct pkd_call *, bool nonblocking);
void pkd_settle(struct pkd *);
vs_time pkd_deadline(const struct pkd *, int64_t us); /* 0 us: never */
int pkd_netdev_send(void *, const void *, size_t);
int pkd_netdev_receive(void *, void *, size_t *, long long *);
int pkd_usleep(void *, useconds_t);
int pkd_gettimeofday(void *, struct timeval *, struct timezone *);

/* pkd_file.c */
struct pkd_file *pkd_file(struct pkd *, int fd); /* NULL: not ours */
struct pkd_file *pkd_socket_file(struct pkd *, int fd, int *error);
struct pkd_file *pkd_file_new(struct pkd *, enum pkd_kind);
int pkd_addr_in(const struct pkd_file *, const struct sockaddr *, socklen_t, struct stk_addr *);
void pkd_addr_out(const struct pkd_file *, const struct stk_addr *, struct sockaddr *,
		  socklen_t *);
int pkd_socket(void *, int, int, int);
int pkd_bind(void *, int, const struct sockaddr *, socklen_t);
int pkd_listen(void *, int, int);
int pkd_accept(void *, int, struct sockaddr *, socklen_t *);
int pkd_connect(void *, int, const struct sockaddr *, socklen_t);
int pkd_shutdown(void *, int, int);
int pkd_close(void *, int);
void pkd_files_close(struct pkd *);

/* pkd_io.c */
size_t pkd_iov_total(const struct msghdr *);
ssize_t pkd_read(void *, int, void *, size_t);
ssize_t pkd_readv(void *, int, const struct iovec *, int);
ssize_t pkd_recv(void *, int, void *, size_t, int);
ssize_t pkd_recvfrom(void *, int, void *, size_t, int, struct sockaddr *, socklen_t *);
ssize_t pkd_recvmsg(void *, int, struct msghdr *, int);
ssize_t pkd_write(void *, int, const void *, size_t);
ssize_t pkd_writev(void *, int, const struct iovec *, int);
ssize_t pkd_send(void *, int, const void *, size_t, int);
ssize_t pkd_sendto(void *, int, const void *, size_t, int, const struct sockaddr *, socklen_t);
ssize_t pkd_sendmsg(void *, int, const struct msghdr *, int);
int pkd_pipe(void *, int[2]);
ssize_t pkd_splice(void *, int, loff_t *, int, loff_t *, size_t, unsigned int);
ssize_t pkd_sendfile(int out, int in, off_t *, size_t);

/* pkd_option.c */
int pkd_getsockopt(void *, int, int, int, void *, socklen_t *);
int pkd_setsockopt(void *, int, int, int, const void *, socklen_t);
int pkd_fcntl(void *, int, int, ...);
int pkd_ioctl(void *, int, unsigned long, ...);

/* pkd_info.c: fill what fits in *len; 0 or -errno. */
int pkd_tcp_info(struct pkd *, struct pkd_file *, void *, socklen_t *);
int pkd_meminfo(struct pkd *, struct pkd_file *, void *, socklen_t *);

int pkd_unsent(struct pkd *, struct pkd_file *, int64_t *bytes);

/* pkd_error.c */
void pkd_mark_write(struct pkd *, struct pkd_file *, size_t len, int flags);
void pkd_marks_settle(struct pkd *);
void pkd_marks_drop(struct pkd_file *);
int pkd_stamping_set(struct pkd *, struct pkd_file *, uint32_t flags);
ssize_t pkd_notice_read(struct pkd *, struct pkd_file *, struct msghdr *); /* -EAGAIN: none */
void pkd_recv_cmsg(struct pkd *, struct pkd_file *, struct msghdr *); /* behind what was read */

/* pkd_poll.c */
int pkd_poll(void *, struct pollfd *, nfds_t, int);
int pkd_epoll_create(void *, int);
int pkd_epoll_ctl(void *, int, int, int, struct epoll_event *);
int pkd_epoll_wait(void *, int, struct epoll_event *, int, int);
unsigned pkd_events(struct pkd *, struct pkd_file *);
void pkd_watches_drop(struct pkd *, struct pkd_file *); /* a descriptor goes */

/* pkd_control.c */
int pkd_control_start(struct pkd *);
void pkd_control_stop(struct pkd *);
void pkd_control_settle(struct pkd *);

/* pkd_setting.c: 0 or -errno */
int pkd_setting_set(struct pkd *, const char *name, const char *value);
int pkd_setting_get(struct pkd *, const char *name, char *value, size_t size);
int pkd_route_set(struct pkd *, const char *prefix, char *words);

#endif
