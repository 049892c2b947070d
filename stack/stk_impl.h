/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the folders of the stack share: the engine's structure, and the contracts between the IP
 * layer, the transports and the sockets. Only for stack/.
 *
 *      socket/   numbers -> struct stk_socket -> the transport's struct stk_proto
 *      tcp/ udp/ icmp/   above ip_output(), below their own *_input()
 *      ip/       routing, output, input, fragments;   neigh/  ARP and ND below it
 */
#ifndef VSQ_STACK_STK_IMPL_H
#define VSQ_STACK_STK_IMPL_H

#include "core/base/prng.h"
#include "core/base/queue.h"
#include "core/base/timer.h"
#include "core/wire/cksum.h"
#include "core/wire/ip.h"
#include "stack/stk.h"

struct stk_socket;
struct group_member;
struct socket_errors;

/* What a transport gives to the sockets. A socket's structure starts with struct stk_socket and
 * is `size` bytes from the stack's arena. Functions that a transport lacks are NULL: -EOPNOTSUPP.
 */
struct stk_proto {
	const char *name;
	size_t size;
	int (*open)(struct stk *, struct stk_socket *);
	/* The address is checked to be ours (or any); port 0 asks for an ephemeral one. */
	int (*bind)(struct stk *, struct stk_socket *, const struct stk_addr *);
	int (*listen)(struct stk *, struct stk_socket *, int backlog);
	int (*connect)(struct stk *, vs_time now, struct stk_socket *, const struct stk_addr *);
	int (*accept)(struct stk *, vs_time now, struct stk_socket *, struct stk_addr *peer);
	ptrdiff_t (*send)(struct stk *, vs_time now, struct stk_socket *, const void *, size_t,
			  int flags, const struct stk_addr *);
	ptrdiff_t (*recv)(struct stk *, vs_time now, struct stk_socket *, void *, size_t, int flags,
			  struct stk_addr *);
	/* NULL: send and recv tell all there is. */
	ptrdiff_t (*send_msg)(struct stk *, vs_time now, struct stk_socket *, const void *, size_t,
			      int flags, const struct stk_msg *);
	ptrdiff_t (*recv_msg)(struct stk *, vs_time now, struct stk_socket *, void *, size_t,
			      int flags, struct stk_msg *);
	int (*shutdown)(struct stk *, vs_time now, struct stk_socket *, int how);
	/* The number is gone; the structure may live on until the transport frees it with
	 * stk_socket_free().
	 */
	void (*close)(struct stk *, vs_time now, struct stk_socket *);
	int (*option_set)(struct stk *, vs_time now, struct stk_socket *, enum stk_option, int64_t);
	int (*option_get)(struct stk *, struct stk_socket *, enum stk_option, int64_t *);
	unsigned (*readiness)(const struct stk *, const struct stk_socket *);
	/* Removes the socket from the transport's tables at once, silently: stk_destroy(). */
	void (*abandon)(struct stk *, struct stk_socket *);
};

struct stk_socket {
	const struct stk_proto *proto;
	int fd;			/* -1 once closed or not yet accepted */
	int error;		/* pending, positive errno */
	struct stk_addr local;	/* any and 0 until bound */
	struct stk_addr remote; /* any and 0 until connected */
	uint8_t ttl;		/* 0: the stack's default */
	uint8_t tos;
	uint8_t mtu_discover;
	bool reuse_addr, reuse_port, v6only, broadcast;
	bool multicast_quiet, multicast_only; /* IP_MULTICAST_LOOP and _ALL are off */
	uint8_t multicast_ttl;
	uint16_t multicast_ifindex;
	struct group_member *groups;	/* stack/group */
	struct socket_errors *errors;	/* STK_IP_RECVERR; socket/errors.c */
	bool event_queued;
	struct stk_socket *event_next, **event_prev;
	struct stk_socket *all_next, **all_prev; /* every socket of the stack */
};

/* Gives a socket with a number (or without: a connection not yet accepted), or NULL. */
struct stk_socket *stk_socket_new(struct stk *, const struct stk_proto *, bool with_number);
int stk_socket_number(struct stk *, struct stk_socket *); /* gives it one: fd or -EMFILE */
struct stk_socket *stk_socket_of(const struct stk *, int fd); /* or NULL */
void stk_socket_free(struct stk *, struct stk_socket *);
void stk_socket_wake(struct stk *, struct stk_socket *); /* it has news for stk_event() */

/* An ephemeral port of net.ipv4.ip_local_port_range that used() denies to be in use: RFC 6056
 * 3.3.1, simple port randomization. A port or -EADDRINUSE.
 */
int stk_port_pick(struct stk *, bool (*used)(struct stk *, uint16_t port, const void *ctx),
		  const void *ctx);

/* A way to a destination, as a connection may keep it: valid while generation is the stack's
 * route_generation, which every change of routes, addresses, interfaces or path MTU moves on.
 */
struct ip_path {
	uint32_t generation;
	int ifindex;		   /* 0: loopback, an address of ours */
	uint32_t mtu;		   /* of the path: interface, or learnt by ICMP */
	struct wire_addr src;	   /* what source selection chose */
	struct wire_addr next_hop;
};

/* Finds the way to dst. src, unless any, is kept as the source and must be ours. 0, -ENETUNREACH,
 * -EADDRNOTAVAIL. ifindex 0: any.
 */
int ip_path_find(struct stk *, const struct wire_addr *dst, const struct wire_addr *src,
		 int ifindex, struct ip_path *);

struct ip_packet {
	struct wire_addr src;
	struct wire_addr dst;
	uint8_t protocol;
	uint8_t tclass;
	uint8_t hop_limit; /* 0: the default */
	bool dont_fragment;
	bool loop;	/* to a group or broadcast: we hear it too, if we listen there */
	const uint8_t *options; /* IPv4's, lent; a multiple of 4 */
	uint8_t options_len;
	bool stay_here; /* and nobody else does: a TTL of 0 */
	uint32_t flow;
};

/* Takes f, whose data is the transport's header and payload with its checksum in place, adds the
 * headers and queues it behind neighbour resolution. When it is longer than the path's MTU it is
 * fragmented, or -EMSGSIZE with dont_fragment. 0 or -errno; f is taken in any case.
 */
int ip_output(struct stk *, vs_time now, const struct ip_path *, const struct ip_packet *,
	      struct vs_frame *f);

/* What transports get. f->data is the transport's header, f->len excludes padding; ip was read from
 * in front of it (still there, ip->header_len bytes before data, for ICMP errors). Each takes f.
 */
struct ip_received {
	const struct wire_ip *ip;
	int ifindex;
	bool to_group; /* broadcast or multicast, of the link or of IP */
};

void tcp_input(struct stk *, vs_time now, const struct ip_received *, struct vs_frame *f);
void udp_input(struct stk *, vs_time now, const struct ip_received *, struct vs_frame *f);
void icmp_input(struct stk *, vs_time now, const struct ip_received *, struct vs_frame *f);
void igmp_input(struct stk *, vs_time now, const struct ip_received *, struct vs_frame *f);
void mld_input(struct stk *, vs_time now, const struct ip_received *, struct vs_frame *f);

/* An ICMP error about a packet that a transport sent: its header as it was quoted. */
struct ip_error {
	int error;		/* what a socket reports: EHOSTUNREACH, EMSGSIZE ... */
	bool hard;		/* RFC 1122 4.2.3.9: would abort a connection */
	uint32_t mtu;		/* with EMSGSIZE: what fits, 0 unknown */
	uint8_t type, code;	/* of ICMP */
	struct wire_addr offender; /* who sent it */
	struct wire_addr src, dst; /* of the quoted packet: src is ours */
	const uint8_t *transport;  /* at least 8 quoted bytes */
	size_t transport_len;
};

void tcp_error(struct stk *, vs_time now, const struct ip_error *);
void udp_error(struct stk *, vs_time now, const struct ip_error *);

/* Whether the quoted packet can be one that was sent: whoever does not see our packets cannot
 * guess a sequence number in flight (RFC 5927 4.1, RFC 8201 4), so path MTUs are learnt only then.
 */
bool tcp_error_plausible(struct stk *, const struct ip_error *);
bool udp_error_plausible(const struct stk *, const struct ip_error *);

/* Sends "port unreachable" and its like about a received packet, unless RFC 1122 3.2.2 or RFC 4443
 * 2.4 forbid it; rate-limited. info is what stands behind the checksum: MTU, gateway, or pointer.
 * Says whether it was sent.
 */
bool icmp_send_error(struct stk *, vs_time now, const struct ip_received *,
		     const struct vs_frame *f, uint8_t type4, uint8_t code4, uint8_t type6,
		     uint8_t code6, uint32_t info);

/* Tells the neighbour table that the peer is alive (RFC 4861 7.3.1: hints from TCP). */
void neigh_confirm(struct stk *, vs_time now, const struct ip_path *);

/* Or that it may not be: it is verified, and routes by it are left if it does not answer. */
void neigh_doubt(struct stk *, vs_time now, const struct ip_path *);

/* Whether an address is ours; and the transports' registration with the engine. */
bool ip_is_ours(const struct stk *, const struct wire_addr *);

/* 255.255.255.255, or the broadcast address of a prefix of the interface (0: any, -1: none). */
bool ip_is_broadcast(const struct stk *, int ifindex, const struct wire_addr *);


extern const struct stk_proto tcp_proto, udp_proto, ping_proto;

/* Each protocol keeps its state in the stack behind a pointer of its own. */
int tcp_create(struct stk *);
void tcp_destroy(struct stk *);

struct tcp;
struct udp;
struct icmp;
struct ip;
struct neigh;

struct stk {
	struct vs_arena *arena;
	struct vs_pool *pool;
	struct stk_conf conf;	/* name points to a copy */
	vs_time now;		/* of the verb that runs */
	int64_t clock_ms;	/* what its clock is ahead */
	struct vs_timers timers; /* every timer of every protocol; ctx of a timer is the stk */
	struct vs_queue output;	/* frames for the interfaces */
	uint32_t route_generation;
	uint64_t *counters;	/* indexed by enum stk_counter */

	struct stk_socket **sockets; /* by number */
	unsigned sockets_size;
	struct stk_socket *all;
	struct stk_socket *events, **events_tail;
	unsigned sockets_lowest; /* no number below is free */
	struct vs_prng ports;	 /* chance for ephemeral ports */

	struct ip *ip;
	struct neigh *neigh;
	struct icmp *icmp;
	struct udp *udp;
	struct tcp *tcp;
};

/* Counters by Linux's SNMP names. X(name). */
#define STK_COUNTERS(X) \
	X(IpInReceives) X(IpInHdrErrors) X(IpInAddrErrors) X(IpForwDatagrams) \
	X(IpInUnknownProtos) X(IpInDiscards) X(IpInDelivers) X(IpOutRequests) X(IpOutDiscards) \
	X(IpOutNoRoutes) X(IpReasmTimeout) X(IpReasmReqds) X(IpReasmOKs) X(IpReasmFails) \
	X(IpFragOKs) X(IpFragFails) X(IpFragCreates) X(IpInTruncatedPkts) X(IpNeighFailed) \
	X(IpNeighQueueDrop) X(ArpInErrors) X(EthInOther) X(EthInTruncated) X(EthInUnknownType) \
	X(IfDown) X(PoolEmpty) X(OutputFull) X(ArpConflicts) X(EthInVlan) \
	X(GroupInQueries) X(GroupInErrors) X(GroupOutReports) X(IpInGroupFiltered) \
	X(IpRedirectsObeyed) X(IcmpOutRedirects) \
	X(IpInNoRoutes) X(IpReasmOverlaps) X(AddrDuplicates) \
	X(IcmpInMsgs) X(IcmpInErrors) X(IcmpInCsumErrors) X(IcmpInEchos) X(IcmpInEchoReps) \
	X(IcmpOutMsgs) X(IcmpOutErrors) X(IcmpOutRateLimit) X(IcmpInRedirects) X(IcmpInUnknown) \
	X(IcmpEchoIgnored) X(NdInMsgs) X(NdInErrors) X(PingNoSocket) X(PingRcvbufErrors) \
	X(UdpInDatagrams) X(UdpNoPorts) X(UdpInErrors) X(UdpOutDatagrams) X(UdpRcvbufErrors) \
	X(UdpInCsumErrors) \
	X(TcpActiveOpens) X(TcpPassiveOpens) X(TcpAttemptFails) X(TcpEstabResets) X(TcpCurrEstab) \
	X(TcpInSegs) X(TcpOutSegs) X(TcpRetransSegs) X(TcpInErrs) X(TcpOutRsts) X(TcpInCsumErrors) \
	X(TcpTimeouts) X(TcpFastRetrans) X(TcpSlowStartRetrans) X(TcpSackRecovery) \
	X(TcpRenoRecovery) X(TcpOfoQueue) X(TcpOfoDrop) X(TcpRcvDup) X(TcpPaws) X(TcpChallengeAck) \
	X(TcpListenOverflows) X(TcpZeroWindowProbes) X(TcpDelayedAcks) X(TcpAbortOnTimeout) \
	X(TcpAbortOnMemory) X(TcpOutOfWindow) X(TcpNoSocket) X(TcpKeepAlive) \
	X(TcpFullUndo) X(TcpDsackUndo) X(TcpSpuriousRtos) X(TcpEcnReduced) X(TcpSyncookiesSent) \
	X(TcpSyncookiesRecv) X(TcpSyncookiesFailed) X(TcpFastOpenActive) \
	X(TcpFastOpenActiveFail) X(TcpFastOpenPassive) X(TcpFastOpenPassiveFail) \
	X(TcpFastOpenListenOverflow) X(TcpFastOpenCookieReqd) X(TcpFastOpenBlackhole) \
	X(TcpTimeWaits) X(TcpTimeWaitOverflow) X(TcpMtupSuccess) \
	X(TcpMtupFail)

enum stk_counter {
#define X(name) STK_##name,
	STK_COUNTERS(X)
#undef X
	STK_COUNTER_COUNT
};

static inline void stk_count(struct stk *s, enum stk_counter c)
{
	s->counters[c]++;
}

/* Takes f: counts a drop by its reason and tells the observer. */
void stk_drop(struct stk *, int ifindex, enum stk_counter reason, struct vs_frame *f);

/* Whether the checksum of a received transport's header and payload is right: it covers the
 * pseudo-header, and is not computed again for a frame that never left this process.
 */
static inline bool stk_cksum_ok(const struct ip_received *r, const struct vs_frame *f)
{
	if (f->flags & VS_FRAME_TRUSTED)
		return true;
	return !wire_cksum_fold(wire_cksum_add(
		wire_cksum_pseudo(&r->ip->src, &r->ip->dst, r->ip->protocol, f->len), f->data,
		f->len));
}

int tcp_fastopen_key(struct stk_socket *, const uint8_t *key, size_t len);
void tcp_metrics_flush(struct stk *);

/* Settings that transports read; the names are Linux's. A table in stk_settings.c. */
int tcp_set(struct stk *, const char *name, const char *value); /* "net.ipv4.tcp_..." */
int tcp_get(const struct stk *, const char *name, char *value, size_t size);
int tcp_setting_name(unsigned index, char *name, size_t size); /* as stk_setting_name() */

#endif
