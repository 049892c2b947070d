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

extern const struct ip_addr ip_addr_any;
#define IP_ADDR_ANY ((struct ip_addr *)&ip_addr_any)

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

/* Only programs that link the library statically call these. */
void lwip_init(void);
void lwip_fini(void);

/* Runs thread(arg) in a thread of its own. */
void lwip_thread_new(void (*thread)(void *arg), void *arg);

/* Stacks. */
#define LWIP_STACK_FLAG_FORWARDING 1 /* a router */

struct stack *lwip_stack_new(void);
void lwip_stack_free(struct stack *);
struct stack *lwip_add_stack(unsigned long flags);
void lwip_del_stack(struct stack *);
struct stack *lwip_stack_get(void);
void lwip_stack_set(struct stack *);
unsigned long lwip_stack_flags_get(struct stack *);
void lwip_stack_flags_set(struct stack *, unsigned long flags);

/* Interfaces, which begin down. */
#define NETIF_FLAG_AUTOCONF 0x800U /* IPv6 addresses from what routers advertise */
#define NETIF_STD_FLAGS	    NETIF_FLAG_AUTOCONF

#define lwip_vdeif_add(stack, arg) lwip_add_vdeif((stack), (arg), NETIF_STD_FLAGS)
#define lwip_tapif_add(stack, arg) lwip_add_tapif((stack), (arg), NETIF_STD_FLAGS)
#define lwip_ifup(netif)	   lwip_ifup_flags((netif), 0)

struct netif *lwip_add_vdeif(struct stack *, void *arg, int flags);
struct netif *lwip_add_tapif(struct stack *, void *arg, int flags);
int lwip_ifup_flags(struct netif *, int flags);
int lwip_ifdown(struct netif *);

int lwip_add_addr(struct netif *, struct ip_addr *addr, struct ip_addr *mask);
int lwip_del_addr(struct netif *, struct ip_addr *addr, struct ip_addr *mask);
int lwip_add_route(struct stack *, struct ip_addr *addr, struct ip_addr *mask,
		   struct ip_addr *nexthop, struct netif *, int flags);
int lwip_del_route(struct stack *, struct ip_addr *addr, struct ip_addr *mask,
		   struct ip_addr *nexthop, struct netif *, int flags);

/* Sockets: each call as the one of the C library without lwip_. */
int lwip_msocket(struct stack *, int domain, int type, int protocol);
int lwip_socket(int domain, int type, int protocol);
int lwip_bind(int s, const struct sockaddr *, socklen_t);
int lwip_connect(int s, const struct sockaddr *, socklen_t);
int lwip_listen(int s, int backlog);
int lwip_accept(int s, struct sockaddr *, socklen_t *);
int lwip_shutdown(int s, int how);
int lwip_getsockname(int s, struct sockaddr *, socklen_t *);
int lwip_getpeername(int s, struct sockaddr *, socklen_t *);
int lwip_getsockopt(int s, int level, int name, void *value, socklen_t *len);
int lwip_setsockopt(int s, int level, int name, const void *value, socklen_t len);
int lwip_close(int s);
int lwip_ioctl(int s, long request, void *arg);
int lwip_fcntl(int s, int command, long arg);
int lwip_fcntl64(int s, int command, long arg);

ssize_t lwip_recv(int s, void *, int len, unsigned flags);
ssize_t lwip_read(int s, void *, int len);
ssize_t lwip_readv(int s, struct iovec *, int count);
ssize_t lwip_recvfrom(int s, void *, int len, unsigned flags, struct sockaddr *, socklen_t *);
ssize_t lwip_recvmsg(int s, struct msghdr *, int flags);
ssize_t lwip_send(int s, const void *, int len, unsigned flags);
ssize_t lwip_write(int s, void *, int len);
ssize_t lwip_writev(int s, struct iovec *, int count);
ssize_t lwip_sendto(int s, const void *, int len, unsigned flags, const struct sockaddr *,
		    socklen_t);
ssize_t lwip_sendmsg(int s, const struct msghdr *, int flags);

/* Over descriptors of the library and of the kernel together. */
int lwip_select(int count, fd_set *in, fd_set *out, fd_set *except, struct timeval *timeout);
int lwip_pselect(int count, fd_set *in, fd_set *out, fd_set *except,
		 const struct timespec *timeout, const sigset_t *);
int lwip_poll(struct pollfd *, nfds_t, int timeout);
int lwip_ppoll(struct pollfd *, nfds_t, const struct timespec *timeout, const sigset_t *);

/* Which events of poll(2) in how a socket has. With cb, if none: cb(arg) is called once, by any
 * thread, when it has one. With arg alone: no longer.
 */
int lwip_event_subscribe(lwipvoidfun cb, void *arg, int s, int how);

#ifdef __cplusplus
}
#endif

#endif
