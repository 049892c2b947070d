/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* LWIPv6: TCP/IP stacks inside a program, with the Berkeley interface. The names, the types and
 * the values are those of the Virtual Square book, chapter 5. lwipv6(3) tells what each call does.
 */
#ifndef _LWIPV6_H
#define _LWIPV6_H

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/types.h>
#ifdef LWIPV6DL
#include <dlfcn.h>
#include <string.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

struct stack;
struct netif;
struct iovec;

/* A function with any one argument, for lwip_event_subscribe(): without a prototype on purpose. */
#ifdef __cplusplus
typedef void (*lwipvoidfun)(void *);
#else
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wstrict-prototypes"
typedef void (*lwipvoidfun)();
#pragma GCC diagnostic pop
#endif

/* An address of either family in network order: IPv4's are mapped, ::ffff:a.b.c.d. Masks of IPv4
 * have 96 bits more than their own.
 */
struct ip_addr {
	uint32_t addr[4];
};

#ifdef LWIPV6DL
__attribute__((weak)) struct ip_addr *pip_addr_any;
#define IP_ADDR_ANY pip_addr_any
#else
extern const struct ip_addr ip_addr_any;
#define IP_ADDR_ANY ((struct ip_addr *)&ip_addr_any)
#endif

#define IP64_PREFIX (htonl(0xffff))

#define LWIP_PAIR_(high, low) htonl((uint32_t)((high) & 0xffff) << 16 | (uint32_t)((low) & 0xffff))

#define IP4_ADDRX(word, a, b, c, d)                                                                \
	((word) = LWIP_PAIR_(((a) & 0xff) << 8 | ((b) & 0xff), ((c) & 0xff) << 8 | ((d) & 0xff)))

#define LWIP_SET_(ip, w0, w1, w2, w3)                                                              \
	do {                                                                                       \
		(ip)->addr[0] = (w0);                                                              \
		(ip)->addr[1] = (w1);                                                              \
		(ip)->addr[2] = (w2);                                                              \
		(ip)->addr[3] = (w3);                                                              \
	} while (0)

#define IP6_ADDR(ip, a, b, c, d, e, f, g, h)                                                       \
	LWIP_SET_(ip, LWIP_PAIR_(a, b), LWIP_PAIR_(c, d), LWIP_PAIR_(e, f), LWIP_PAIR_(g, h))

#define IP64_ADDR(ip, a, b, c, d)                                                                  \
	LWIP_SET_(ip, 0, 0, IP64_PREFIX,                                                           \
		  LWIP_PAIR_(((a) & 0xff) << 8 | ((b) & 0xff), ((c) & 0xff) << 8 | ((d) & 0xff)))

#define IP64_MASKADDR(ip, a, b, c, d)                                                              \
	LWIP_SET_(ip, 0xffffffff, 0xffffffff, 0xffffffff,                                          \
		  LWIP_PAIR_(((a) & 0xff) << 8 | ((b) & 0xff), ((c) & 0xff) << 8 | ((d) & 0xff)))

#define IP_ADDR_IS_V4(ip)                                                                          \
	((ip)->addr[0] == 0 && (ip)->addr[1] == 0 && (ip)->addr[2] == IP64_PREFIX)

/* With LWIPV6DL defined they are pointers, which loadlwipv6dl() makes valid. */
#ifdef LWIPV6DL
#define LWIP_FN(type, name) __attribute__((weak)) type (*name)
#else
#define LWIP_FN(type, name) type name
#endif

/* Only programs that link the library statically call these. */
LWIP_FN(void, lwip_init)(void);
LWIP_FN(void, lwip_fini)(void);

/* Runs thread(arg) in a thread of its own. */
LWIP_FN(void, lwip_thread_new)(void (*thread)(void *arg), void *arg);

/* Stacks. */
#define LWIP_STACK_FLAG_FORWARDING 1 /* a router */

LWIP_FN(struct stack *, lwip_stack_new)(void);
LWIP_FN(void, lwip_stack_free)(struct stack *);
LWIP_FN(struct stack *, lwip_add_stack)(unsigned long flags);
LWIP_FN(void, lwip_del_stack)(struct stack *);
LWIP_FN(struct stack *, lwip_stack_get)(void);
LWIP_FN(void, lwip_stack_set)(struct stack *);
LWIP_FN(unsigned long, lwip_stack_flags_get)(struct stack *);
LWIP_FN(void, lwip_stack_flags_set)(struct stack *, unsigned long flags);

/* Interfaces, which begin down. */
#define NETIF_FLAG_AUTOCONF 0x800U /* IPv6 addresses from what routers advertise */
#define NETIF_STD_FLAGS	    NETIF_FLAG_AUTOCONF

#define lwip_vdeif_add(stack, arg) lwip_add_vdeif((stack), (arg), NETIF_STD_FLAGS)
#define lwip_tapif_add(stack, arg) lwip_add_tapif((stack), (arg), NETIF_STD_FLAGS)
#define lwip_ifup(netif)	   lwip_ifup_flags((netif), 0)

LWIP_FN(struct netif *, lwip_add_vdeif)(struct stack *, void *arg, int flags);
LWIP_FN(struct netif *, lwip_add_tapif)(struct stack *, void *arg, int flags);
LWIP_FN(int, lwip_ifup_flags)(struct netif *, int flags);
LWIP_FN(int, lwip_ifdown)(struct netif *);

LWIP_FN(int, lwip_add_addr)(struct netif *, struct ip_addr *addr, struct ip_addr *mask);
LWIP_FN(int, lwip_del_addr)(struct netif *, struct ip_addr *addr, struct ip_addr *mask);
LWIP_FN(int, lwip_add_route)(struct stack *, struct ip_addr *addr, struct ip_addr *mask,
		   struct ip_addr *nexthop, struct netif *, int flags);
LWIP_FN(int, lwip_del_route)(struct stack *, struct ip_addr *addr, struct ip_addr *mask,
		   struct ip_addr *nexthop, struct netif *, int flags);

/* Sockets: each call as the one of the C library without lwip_. */
LWIP_FN(int, lwip_msocket)(struct stack *, int domain, int type, int protocol);
LWIP_FN(int, lwip_socket)(int domain, int type, int protocol);
LWIP_FN(int, lwip_bind)(int s, const struct sockaddr *, socklen_t);
LWIP_FN(int, lwip_connect)(int s, const struct sockaddr *, socklen_t);
LWIP_FN(int, lwip_listen)(int s, int backlog);
LWIP_FN(int, lwip_accept)(int s, struct sockaddr *, socklen_t *);
LWIP_FN(int, lwip_shutdown)(int s, int how);
LWIP_FN(int, lwip_getsockname)(int s, struct sockaddr *, socklen_t *);
LWIP_FN(int, lwip_getpeername)(int s, struct sockaddr *, socklen_t *);
LWIP_FN(int, lwip_getsockopt)(int s, int level, int name, void *value, socklen_t *len);
LWIP_FN(int, lwip_setsockopt)(int s, int level, int name, const void *value, socklen_t len);
LWIP_FN(int, lwip_close)(int s);
LWIP_FN(int, lwip_ioctl)(int s, long request, void *arg);
LWIP_FN(int, lwip_fcntl)(int s, int command, long arg);
LWIP_FN(int, lwip_fcntl64)(int s, int command, long arg);

LWIP_FN(ssize_t, lwip_recv)(int s, void *, int len, unsigned flags);
LWIP_FN(ssize_t, lwip_read)(int s, void *, int len);
LWIP_FN(ssize_t, lwip_readv)(int s, struct iovec *, int count);
LWIP_FN(ssize_t, lwip_recvfrom)(int s, void *, int len, unsigned flags, struct sockaddr *,
		socklen_t *);
LWIP_FN(ssize_t, lwip_recvmsg)(int s, struct msghdr *, int flags);
LWIP_FN(ssize_t, lwip_send)(int s, const void *, int len, unsigned flags);
LWIP_FN(ssize_t, lwip_write)(int s, void *, int len);
LWIP_FN(ssize_t, lwip_writev)(int s, struct iovec *, int count);
LWIP_FN(ssize_t, lwip_sendto)(int s, const void *, int len, unsigned flags, const struct sockaddr *,
		    socklen_t);
LWIP_FN(ssize_t, lwip_sendmsg)(int s, const struct msghdr *, int flags);

/* Over descriptors of the library and of the kernel together. */
LWIP_FN(int, lwip_select)(int count, fd_set *in, fd_set *out, fd_set *except,
		struct timeval *timeout);
LWIP_FN(int, lwip_pselect)(int count, fd_set *in, fd_set *out, fd_set *except,
		 const struct timespec *timeout, const sigset_t *);
LWIP_FN(int, lwip_poll)(struct pollfd *, nfds_t, int timeout);
LWIP_FN(int, lwip_ppoll)(struct pollfd *, nfds_t, const struct timespec *timeout, const sigset_t *);

/* Which events of poll(2) in how a socket has. With cb, if none: cb(arg) is called once, by any
 * thread, when it has one. With arg alone: no longer.
 */
LWIP_FN(int, lwip_event_subscribe)(lwipvoidfun cb, void *arg, int s, int how);

#ifdef LWIPV6DL
/* Loads the library and gives its handle for dlclose(3), or NULL and ENOENT. */
static inline void *loadlwipv6dl(void)
{
	static const struct {
		const char *name;
		void *pointer;
	} symbols[] = {
#define LWIP_DL_(name) {#name, (void *)&name}
		LWIP_DL_(lwip_init),
		LWIP_DL_(lwip_fini),
		LWIP_DL_(lwip_thread_new),
		LWIP_DL_(lwip_stack_new),
		LWIP_DL_(lwip_stack_free),
		LWIP_DL_(lwip_add_stack),
		LWIP_DL_(lwip_del_stack),
		LWIP_DL_(lwip_stack_get),
		LWIP_DL_(lwip_stack_set),
		LWIP_DL_(lwip_stack_flags_get),
		LWIP_DL_(lwip_stack_flags_set),
		LWIP_DL_(lwip_add_vdeif),
		LWIP_DL_(lwip_add_tapif),
		LWIP_DL_(lwip_ifup_flags),
		LWIP_DL_(lwip_ifdown),
		LWIP_DL_(lwip_add_addr),
		LWIP_DL_(lwip_del_addr),
		LWIP_DL_(lwip_add_route),
		LWIP_DL_(lwip_del_route),
		LWIP_DL_(lwip_msocket),
		LWIP_DL_(lwip_socket),
		LWIP_DL_(lwip_bind),
		LWIP_DL_(lwip_connect),
		LWIP_DL_(lwip_listen),
		LWIP_DL_(lwip_accept),
		LWIP_DL_(lwip_shutdown),
		LWIP_DL_(lwip_getsockname),
		LWIP_DL_(lwip_getpeername),
		LWIP_DL_(lwip_getsockopt),
		LWIP_DL_(lwip_setsockopt),
		LWIP_DL_(lwip_close),
		LWIP_DL_(lwip_ioctl),
		LWIP_DL_(lwip_fcntl),
		LWIP_DL_(lwip_fcntl64),
		LWIP_DL_(lwip_recv),
		LWIP_DL_(lwip_read),
		LWIP_DL_(lwip_readv),
		LWIP_DL_(lwip_recvfrom),
		LWIP_DL_(lwip_recvmsg),
		LWIP_DL_(lwip_send),
		LWIP_DL_(lwip_write),
		LWIP_DL_(lwip_writev),
		LWIP_DL_(lwip_sendto),
		LWIP_DL_(lwip_sendmsg),
		LWIP_DL_(lwip_select),
		LWIP_DL_(lwip_pselect),
		LWIP_DL_(lwip_poll),
		LWIP_DL_(lwip_ppoll),
		LWIP_DL_(lwip_event_subscribe),
#undef LWIP_DL_
		{"ip_addr_any", (void *)&pip_addr_any},
	};
	void *handle = dlopen("liblwipv6.so.2", RTLD_NOW), *found;

	if (!handle) {
		errno = ENOENT;
		return NULL;
	}
	for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
		found = dlsym(handle, symbols[i].name);
		memcpy(symbols[i].pointer, &found, sizeof(found));
	}
	return handle;
}
#endif

#ifdef __cplusplus
}
#endif

#endif
