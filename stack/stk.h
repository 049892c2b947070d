/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Stack: a TCP/IP host. One engine for both families: addresses are 128 bits, IPv4's are mapped
 * (core/wire/addr.h), and there is one TCP, one UDP and one routing table. Any number per process.
 *
 * Frames enter and leave by interface, sockets are used by number, and nothing blocks: a call that
 * would have to wait answers -EAGAIN (or -EINPROGRESS), and stk_event() tells later when it is
 * worth calling again. After any verb the driver pulls output until there is none.
 *
 * Memory follows use: a TCP connection that is idle holds about 1,400 bytes, what is left of one in
 * TIME-WAIT about 200 (tcp_wait_test prints both, for 10,000 on one stack).
 */
#ifndef VSQ_STACK_STK_H
#define VSQ_STACK_STK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/counter.h"
#include "core/base/frame.h"
#include "core/base/time.h"
#include "core/base/trace.h"
#include "core/wire/addr.h"

struct stk;
struct tcp_sample; /* stack/tcp/tcp.h */

#define STK_IF_MAX   64
#define STK_NAME_MAX 16

struct stk_conf {
	uint64_t seed;
	const char *name;	      /* names the streams of chance: "host.alice"; copied */
	struct vs_pool *pool;	      /* where frames that start here come from */
	unsigned sockets_max;	      /* 0: 65,536 */
	bool forwarding;	      /* a router */
	const struct vs_trace *trace; /* port: the interface */

	/* Looks on while TCP works: called whenever a connection's variables have changed or it
	 * retransmits. May be NULL. It must not call the stack.
	 */
	void *tcp_ctx;
	void (*tcp_sample)(void *tcp_ctx, vs_time now, const struct tcp_sample *);
};

/* How far the host's clock is ahead of now (below 0: behind), in ms: others see it in the
 * timestamps of TCP connections made from then on.
 */
void stk_set_clock(struct stk *, int64_t ahead_ms);

int stk_create(struct stk **, const struct stk_conf *, struct vs_arena *);

/* Ends every connection silently (nothing is sent) and gives everything back. */
void stk_destroy(struct stk *);

/* The engine verbs. */
void stk_input(struct stk *, vs_time now, int ifindex, struct vs_frame *f); /* takes f */
void stk_run(struct stk *, vs_time now);
vs_time stk_poll_at(const struct stk *);
struct vs_frame *stk_output(struct stk *, int *ifindex);

/* Gives the next socket that has news, and its readiness: STK_IN ...; -1 when there is none. A
 * socket is given once for any number of changes.
 */
int stk_event(struct stk *, unsigned *readiness);

#define STK_IN	0x1 /* data, a connection to accept, or the end of the stream */
#define STK_OUT 0x2 /* room to send; connected */
#define STK_ERR 0x4 /* an error is pending (STK_SO_ERROR) */
#define STK_HUP 0x8 /* both directions are shut */
#define STK_PRI 0x10 /* an urgent byte, for STK_MSG_OOB */

/* Interfaces. Numbers start at 1 (0: loopback's place, and "any" in a socket address). */
struct stk_if_conf {
	const char *name; /* "eth0" */
	uint8_t mac[WIRE_MAC_LEN];
	uint32_t mtu; /* 0: 1500 */
};

int stk_if_add(struct stk *, vs_time now, const struct stk_if_conf *); /* ifindex or -errno */
int stk_if_remove(struct stk *, vs_time now, int ifindex);
int stk_if_set_mtu(struct stk *, vs_time now, int ifindex, uint32_t mtu); /* from 68 */
int stk_if_set_up(struct stk *, vs_time now, int ifindex, bool up); /* added interfaces are up */

/* Addresses; bits counts in 128 (IPv4's /24 is 120). An IPv6 interface gets its link-local address
 * (EUI-64) when it is added. The route to the prefix comes and goes with the address.
 */
int stk_addr_add(struct stk *, vs_time now, int ifindex, const struct wire_addr *, unsigned bits);
int stk_addr_remove(struct stk *, vs_time now, int ifindex, const struct wire_addr *);

#define STK_ADDR_TENTATIVE 0x1 /* being asked about; not yet usable */
#define STK_ADDR_DUPLICATE 0x2 /* somebody else's: not usable */
#define STK_ADDR_DEPRECATED 0x4 /* its preferred lifetime is over */
#define STK_ADDR_DYNAMIC 0x8 /* made from a prefix that a router advertised */
#define STK_ADDR_TEMPORARY 0x10
#define STK_ADDR_HOME 0x20 /* preferred as a source to what moves with us: RFC 6724 5 */

/* Sets which of STK_ADDR_DEPRECATED and STK_ADDR_HOME an address is that was added here. */
int stk_addr_set_flags(struct stk *, vs_time now, int ifindex, const struct wire_addr *,
		       unsigned flags);

struct stk_addr_info {
	struct wire_addr addr;
	unsigned bits;
	unsigned flags; /* STK_ADDR_... */
	vs_time preferred_until, valid_until; /* VS_NEVER: for ever */
};

/* The addresses of an interface in the order they were added, from index 0. -ENOENT past the last.
 */
int stk_addr_info(const struct stk *, int ifindex, unsigned index, struct stk_addr_info *);

/* Servers of the domain name system that routers advertised on an interface (RFC 8106), by index
 * from 0. -ENOENT past the last.
 */
struct stk_dns_info {
	struct wire_addr server, router; /* router: who said so, link-local */
	vs_time until;
};

int stk_dns_info(const struct stk *, int ifindex, unsigned index, struct stk_dns_info *);

/* Routes by longest prefix, then metric. via :: (any) is on-link. */
struct stk_route {
	struct wire_addr dst;
	unsigned bits;
	struct wire_addr via;
	int ifindex; /* 0: found from via */
	uint32_t metric;
};

int stk_route_add(struct stk *, vs_time now, const struct stk_route *);
int stk_route_remove(struct stk *, vs_time now, const struct stk_route *);

/* Settings by their Linux names ("net.ipv4.tcp_sack", "net.ipv4.ip_default_ttl",
 * "net.ipv4.tcp_wmem" ...); docs/settings.md lists them all. -ENOENT for an unknown one, -EINVAL
 *for a bad value.
 *
 * What would delay or change a host that is left alone is off, other than in Linux, until set; a
 * setting that concerns how an address begins must be made before the address (and for the
 * link-local one, the interface) is added.
 *
 *   net.ipv6.conf.all.accept_dad    0: addresses are usable at once. 1: duplicate address detection
 *				     (RFC 4862 5.4); 2: and IPv6 stops on an interface whose
 *				     link-local address is a duplicate
 *   net.ipv4.conf.all.acd	     not Linux's: IPv4 address conflict detection (RFC 5227).
 *				     1: an address is given up at a second conflict within 10 s;
 *				     2: it is defended for ever
 *   net.ipv6.conf.all.accept_ra     0: routers' advertisements are not for us. 1: routers are
 *				     solicited and obeyed, unless we forward; 2: also then
 *   net.ipv6.conf.all.autoconf	     with accept_ra: addresses from advertised prefixes (RFC 4862)
 *   net.ipv6.conf.all.use_tempaddr  and temporary ones (RFC 8981): 1, used for new connections: 2
 *   net.ipv6.conf.all.addr_gen_mode 0: from the MAC; 1: and no link-local address; 2, 3: stable
 *				     and opaque (RFC 7217), by stable_secret or, without one, seed
 */
int stk_set(struct stk *, vs_time now, const char *name, const char *value);
int stk_get(const struct stk *, const char *name, char *value, size_t size);

/* Gives the name of each setting there is, by index from 0; -ENOENT past the last, -ENOSPC. */
int stk_setting_name(unsigned index, char *name, size_t size);

struct vs_counters stk_counters(const struct stk *); /* Linux's SNMP names: "TcpRetransSegs" ... */

/* Sockets. */
struct stk_addr {
	struct wire_addr addr;
	uint16_t port;	  /* host order */
	uint16_t ifindex; /* scope of a link-local address; 0: any */
};

#define STK_STREAM 1 /* TCP */
#define STK_DGRAM  2 /* UDP */
#define STK_PING                                                                                   \
	3 /* ICMP echo, as Linux's ping sockets: port is the identifier, a message                 \
	   * starts with the ICMP header (the stack sets identifier and checksum) */

#define STK_MSG_OOB   0x01 /* a stream's urgent byte: the last sent, or the one announced */
#define STK_MSG_PEEK  0x02
#define STK_MSG_ERRQUEUE 0x2000 /* stk_recv_msg(): an error that was queued (STK_IP_RECVERR) */
#define STK_MSG_TRUNC 0x20   /* recv: the real length; with buf NULL: discard the data */
#define STK_MSG_EOR   0x80   /* a record ends: what follows leaves in other segments */
#define STK_MSG_MORE  0x8000 /* more follows: do not send a partial segment yet */
#define STK_MSG_CONST                                                                              \
	0x4000000 /* a stream's bytes stay as they are for the stack's life, so they are           \
		   * not copied when they are written */
#define STK_MSG_FASTOPEN                                                                           \
	0x20000000 /* send, with an address: connects, and the data go with the SYN if the         \
		    * peer has given a cookie before (RFC 7413); else -EINPROGRESS */

#define STK_SHUT_RD   0
#define STK_SHUT_WR   1
#define STK_SHUT_RDWR 2

enum stk_option {
	STK_SO_ERROR, /* get: the pending error as a positive errno, and clear it */
	STK_SO_SNDBUF,
	STK_SO_RCVBUF,
	STK_SO_REUSEADDR,
	STK_SO_KEEPALIVE,
	STK_SO_LINGER, /* s; -1: off */
	STK_SO_BROADCAST,
	STK_IPV6_V6ONLY,
	STK_IP_TTL,	     /* both families */
	STK_IP_TOS,	     /* both families: DSCP and ECN */
	STK_IP_MTU_DISCOVER, /* Linux's IP_PMTUDISC_...: 0 don't, 1 want, 2 do */
	STK_TCP_NODELAY,
	STK_TCP_MAXSEG,
	STK_TCP_CORK,
	STK_TCP_QUICKACK,
	STK_TCP_USER_TIMEOUT, /* ms */
	STK_TCP_KEEPIDLE,     /* s */
	STK_TCP_KEEPINTVL,    /* s */
	STK_TCP_KEEPCNT,
	STK_TCP_NOTSENT_LOWAT,
	STK_INQ,    /* get: bytes that can be received */
	STK_OUTQ,   /* get: bytes not yet acknowledged */
	STK_TCP_FASTOPEN,	    /* listener: how many may come by their SYN alone; 0: none */
	STK_TCP_FASTOPEN_CONNECT,   /* connect() gives 0, and the first write goes with the SYN */
	STK_TCP_FASTOPEN_NO_COOKIE, /* RFC 7413's cookies are not needed here */
	STK_TCP_CC, /* congestion control: index in "net.ipv4.tcp_available_..." */
	STK_TCP_SYNCNT,	      /* SYNs that may leave again; 0 for get: the setting */
	STK_TCP_DEFER_ACCEPT, /* s that a listener waits for a child's first data */
	STK_TCP_LINGER2,      /* s in FIN-WAIT-2 after close; -1: none, 0: the setting's */
	STK_SO_OOBINLINE, /* urgent bytes stay in the stream (RFC 6093) */
	STK_ATMARK,	  /* get: the next byte of the stream is the urgent one's place */
	STK_SO_REUSEPORT,
	STK_IP_MTU,	       /* get: of the path of a connected socket */
	STK_IP_RECVERR,	       /* errors are queued for STK_MSG_ERRQUEUE; both families */
	STK_IP_MULTICAST_IF,   /* ifindex where messages to groups leave; 0: by the routes */
	STK_IP_MULTICAST_TTL,  /* of messages to groups, 1 unless set; 0: they stay here */
	STK_IP_MULTICAST_LOOP, /* whether this host hears its own, 1 unless set */
	STK_IP_MULTICAST_ALL,  /* hears groups that others here have joined, 1 unless set */
};

int stk_socket(struct stk *, int type); /* a number from 0, or -EMFILE, -ENOMEM, -EINVAL */
int stk_bind(struct stk *, int fd, const struct stk_addr *);
int stk_listen(struct stk *, int fd, int backlog);
int stk_connect(struct stk *, vs_time now, int fd, const struct stk_addr *); /* -EINPROGRESS */
int stk_accept(struct stk *, vs_time now, int fd, struct stk_addr *peer);    /* a new socket */
int stk_shutdown(struct stk *, vs_time now, int fd, int how);

/* Closes the socket; TCP goes on in the background until the peer has everything. */
int stk_close(struct stk *, vs_time now, int fd);

/* As send(2) and recv(2): bytes moved, 0 at the end of the stream, or -errno. to and from may be
 * NULL. Of a datagram that is longer than len the rest is lost.
 */
ptrdiff_t stk_send(struct stk *, vs_time now, int fd, const void *buf, size_t len, int flags,
		   const struct stk_addr *to);
ptrdiff_t stk_recv(struct stk *, vs_time now, int fd, void *buf, size_t len, int flags,
		   struct stk_addr *from);

/* A message with all that sendmsg(2) and recvmsg(2) would tell in ancillary data: IP_PKTINFO,
 * IPV6_PKTINFO, IP_TTL, IPV6_HOPLIMIT, IP_TOS, IPV6_TCLASS, and of the error queue IP_RECVERR.
 */
struct stk_error {
	int error;	/* errno */
	uint8_t origin; /* Linux's SO_EE_ORIGIN_...: 1 local, 2 ICMP, 3 ICMPv6 */
	uint8_t type, code;
	uint32_t info;		   /* MTU */
	struct wire_addr offender; /* who told */
};

struct stk_msg {
	struct stk_addr peer;	/* from, or to: port 0 when sending: the connected peer */
	struct wire_addr local; /* where it was sent to; when sending its source, any: chosen */
	int ifindex;		/* where it came in, or leaves; 0: any */
	int ttl, tos;		/* when sending, -1: the socket's */
	unsigned flags;		/* received: STK_MSG_TRUNC, STK_MSG_ERRQUEUE */
	struct stk_error error; /* with STK_MSG_ERRQUEUE: peer is where the message was sent to */
};

ptrdiff_t stk_send_msg(struct stk *, vs_time now, int fd, const void *buf, size_t len, int flags,
		       const struct stk_msg *);
ptrdiff_t stk_recv_msg(struct stk *, vs_time now, int fd, void *buf, size_t len, int flags,
		       struct stk_msg *);

/* Multicast groups of a socket (RFC 3376 2, RFC 3678), as these options do:
 *
 *   JOIN	    MCAST_JOIN_GROUP, IP_ADD_MEMBERSHIP, IPV6_JOIN_GROUP: from every source
 *   LEAVE	    MCAST_LEAVE_GROUP, IP_DROP_MEMBERSHIP, IPV6_LEAVE_GROUP
 *   JOIN_SOURCE    MCAST_JOIN_SOURCE_GROUP, IP_ADD_SOURCE_MEMBERSHIP: from this one (too)
 *   LEAVE_SOURCE   MCAST_LEAVE_SOURCE_GROUP, IP_DROP_SOURCE_MEMBERSHIP
 *   BLOCK, UNBLOCK MCAST_BLOCK_SOURCE, IP_BLOCK_SOURCE: from all but this one
 *
 * The group's ifindex says where; 0: STK_IP_MULTICAST_IF, or the route to it. source is NULL
 * without a source. 0, -EINVAL (no group; the other filter mode), -ENODEV, -EADDRINUSE (a member
 * already), -EADDRNOTAVAIL (no member; the source is there, or not), -ENOBUFS (too many), -ENOMEM.
 */
enum stk_group_op {
	STK_GROUP_JOIN,
	STK_GROUP_LEAVE,
	STK_GROUP_JOIN_SOURCE,
	STK_GROUP_LEAVE_SOURCE,
	STK_GROUP_BLOCK,
	STK_GROUP_UNBLOCK,
};

int stk_group(struct stk *, vs_time now, int fd, enum stk_group_op, const struct stk_addr *group,
	      const struct wire_addr *source);

/* MCAST_MSFILTER: the whole filter of a member at once. get: *count is the room in sources, and
 * becomes how many there are.
 */
int stk_group_filter_set(struct stk *, vs_time now, int fd, const struct stk_addr *group,
			 bool exclude, const struct wire_addr *sources, unsigned count);
int stk_group_filter_get(struct stk *, int fd, const struct stk_addr *group, bool *exclude,
			 struct wire_addr *sources, unsigned *count);

int stk_option_set(struct stk *, vs_time now, int fd, enum stk_option, int64_t value);
int stk_option_get(struct stk *, int fd, enum stk_option, int64_t *value);
int stk_local(const struct stk *, int fd, struct stk_addr *);
int stk_peer(const struct stk *, int fd, struct stk_addr *);

/* A listener's own keys for fast open's cookies: 16 bytes, or 32 with one whose cookies are still
 * taken ("net.ipv4.tcp_fastopen_key" is the stack's).
 */
int stk_fastopen_key(struct stk *, int fd, const uint8_t *key, size_t len);
void stk_tcp_metrics_flush(struct stk *); /* forgets peers' cookies: `ip tcp_metrics flush all` */
unsigned stk_readiness(const struct stk *, int fd);

#endif
