/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* UDP: RFC 768, RFC 1122 4.1, RFC 8200 8.1, RFC 8085.
 *
 * A socket with a port hangs in a table by it, and a connected one also in a table by both ports
 * and the peer. What arrives goes to the connected socket it fits, else to the socket bound most
 * closely; what was sent to a group goes to every socket that fits.
 */
#include "core/wire/udp.h"

#include <errno.h>
#include <string.h>

#include "core/wire/icmp.h"
#include "stack/group/group.h"
#include "stack/ip/ip.h"
#include "stack/socket/dgram.h"
#include "stack/socket/errors.h"
#include "stack/socket/socket.h"

#define UDP_BUCKETS 256

struct udp_socket {
	struct stk_socket so; /* first: what the sockets know */
	struct dgram_queue queue;
	struct ip_path path; /* to the peer of a connected socket */
	bool connected;
	bool shut_rd, shut_wr;
	bool implicit_source; /* connect() chose the address, and connect() may choose anew */
	struct udp_socket *port_next, **port_prev; /* prev NULL: not in this table */
	struct udp_socket *peer_next, **peer_prev;
};

struct udp {
	struct udp_socket *ports[UDP_BUCKETS];
	struct udp_socket *peers[UDP_BUCKETS];
};

int udp_create(struct stk *s)
{
	s->udp = vs_alloc(s->arena, sizeof(*s->udp));
	return s->udp ? 0 : -ENOMEM;
}

void udp_destroy(struct stk *s)
{
	vs_free(s->arena, s->udp, sizeof(*s->udp));
}

static struct udp_socket *udp_of(struct stk_socket *so)
{
	return (struct udp_socket *)(void *)so;
}

static struct udp_socket **port_bucket(const struct stk *s, uint16_t port)
{
	return &s->udp->ports[port % UDP_BUCKETS];
}

static struct udp_socket **peer_bucket(const struct stk *s, uint16_t port,
				       const struct wire_addr *peer, uint16_t peer_port)
{
	uint64_t h = ip_hash(s, peer) ^ ((uint64_t)port << 16 | peer_port) * 0x9e3779b97f4a7c15u;

	return &s->udp->peers[(h >> 24) % UDP_BUCKETS];
}

static void ports_enter(struct stk *s, struct udp_socket *u)
{
	struct udp_socket **bucket = port_bucket(s, u->so.local.port);

	u->port_next = *bucket;
	u->port_prev = bucket;
	if (*bucket)
		(*bucket)->port_prev = &u->port_next;
	*bucket = u;
}

static void ports_leave(struct udp_socket *u)
{
	if (!u->port_prev)
		return;
	*u->port_prev = u->port_next;
	if (u->port_next)
		u->port_next->port_prev = u->port_prev;
	u->port_prev = NULL;
}

static void peers_enter(struct stk *s, struct udp_socket *u)
{
	struct udp_socket **bucket =
		peer_bucket(s, u->so.local.port, &u->so.remote.addr, u->so.remote.port);

	u->peer_next = *bucket;
	u->peer_prev = bucket;
	if (*bucket)
		(*bucket)->peer_prev = &u->peer_next;
	*bucket = u;
}

static void peers_leave(struct udp_socket *u)
{
	if (!u->peer_prev)
		return;
	*u->peer_prev = u->peer_next;
	if (u->peer_next)
		u->peer_next->peer_prev = u->peer_prev;
	u->peer_prev = NULL;
}

/* Binding. */

static bool overlap(const struct stk_socket *a, const struct stk_socket *b)
{
	if (a->local.ifindex && b->local.ifindex && a->local.ifindex != b->local.ifindex)
		return false;
	if (wire_addr_is_any(&a->local.addr) && wire_addr_is_any(&b->local.addr))
		return stk_socket_covers(a, &wire_addr_any4) ==
			       stk_socket_covers(b, &wire_addr_any4) ||
		       (!wire_addr_is4(&a->local.addr) && !wire_addr_is4(&b->local.addr));
	return wire_addr_is_any(&a->local.addr) ? stk_socket_covers(a, &b->local.addr)
						: stk_socket_covers(b, &a->local.addr);
}

/* Whether another socket has the port in a way that keeps so from having it too. */
static bool conflict(struct stk *s, uint16_t port, const void *ctx)
{
	const struct stk_socket *so = ctx;
	const struct udp_socket *u = *port_bucket(s, port);

	for (; u; u = u->port_next)
		if (&u->so != so && u->so.local.port == port && overlap(&u->so, so) &&
		    !(u->so.reuse_addr && so->reuse_addr) &&
		    !(u->so.reuse_port && so->reuse_port))
			return true;
	return false;
}

/* An ephemeral port is one that nobody has, whoever may share it. */
static bool used(struct stk *s, uint16_t port, const void *ctx)
{
	const struct udp_socket *u = *port_bucket(s, port);

	(void)ctx;
	while (u && u->so.local.port != port)
		u = u->port_next;
	return u;
}

static int udp_bind(struct stk *s, struct stk_socket *so, const struct stk_addr *addr)
{
	struct udp_socket *u = udp_of(so);
	struct stk_addr before = so->local;
	int port = addr->port;

	if (so->local.port)
		return -EINVAL;
	so->local = *addr;
	if (!port)
		port = stk_port_pick(s, used, NULL);
	else if (conflict(s, addr->port, so))
		port = -EADDRINUSE;
	if (port < 0) {
		so->local = before;
		return port;
	}
	so->local.port = (uint16_t)port;
	u->implicit_source = wire_addr_is_any(&addr->addr);
	ports_enter(s, u);
	return 0;
}

static int udp_open(struct stk *s, struct stk_socket *so)
{
	udp_of(so)->queue.bytes_max = (size_t)s->ip->set.rmem_default;
	return 0;
}

static int may_send_to(const struct stk *s, const struct stk_socket *so,
		       const struct wire_addr *dst)
{
	return !so->broadcast && ip_is_broadcast(s, 0, dst) ? -EACCES : 0;
}

static int udp_connect(struct stk *s, vs_time now, struct stk_socket *so,
		       const struct stk_addr *addr)
{
	struct udp_socket *u = udp_of(so);
	struct wire_addr any = wire_addr_is4(&addr->addr) ? wire_addr_any4 : wire_addr_any6;
	struct stk_addr unbound = {.addr = wire_addr_any6};
	bool choose = u->implicit_source || wire_addr_is_any(&so->local.addr);
	struct ip_path path;
	int error;

	(void)now;
	error = may_send_to(s, so, &addr->addr);
	if (!error)
		error = ip_path_find(s, &addr->addr, choose ? &any : &so->local.addr,
				     addr->ifindex ? addr->ifindex : so->local.ifindex, &path);
	if (!error && !so->local.port)
		error = udp_bind(s, so, &unbound);
	if (error)
		return error;
	peers_leave(u);
	u->implicit_source = choose;
	so->local.addr = path.src;
	so->remote = *addr;
	u->path = path;
	u->connected = true;
	peers_enter(s, u);
	stk_socket_wake(s, so);
	return 0;
}

/* Sending. */

/* Finds the way for a message; a connected socket keeps its own as long as it is valid. */
static int path_for(struct stk *s, struct udp_socket *u, const struct stk_msg *msg,
		    struct ip_path *path)
{
	bool connected = !msg->peer.port, group;
	const struct stk_addr *dst = connected ? &u->so.remote : &msg->peer;
	bool is4 = wire_addr_is4(&dst->addr), chosen = !wire_addr_is_any(&msg->local);
	const struct wire_addr *src = chosen ? &msg->local : &u->so.local.addr;
	int ifindex = msg->ifindex ? msg->ifindex : dst->ifindex;
	int error;

	if (connected && !ifindex && !chosen && u->path.generation == s->route_generation) {
		*path = u->path;
		return 0;
	}
	group = wire_addr_is_multicast(&dst->addr);
	if (!ifindex && group)
		ifindex = u->so.multicast_ifindex;
	if (!ifindex)
		ifindex = u->so.local.ifindex;
	/* A socket bound to a group still sends from an address. */
	if (wire_addr_is_any(src) || (!chosen && !ip_is_ours(s, src)))
		src = is4 ? &wire_addr_any4 : &wire_addr_any6;
	error = ip_path_find(s, &dst->addr, src, ifindex, path);
	if (!error && connected && !msg->ifindex && !chosen)
		u->path = *path;
	return error;
}

/* Gives the message with its header, or NULL. */
static struct vs_frame *compose(struct stk *s, const struct stk_socket *so,
				const struct stk_addr *dst, const struct ip_path *path,
				const void *buf, size_t len)
{
	struct vs_frame *f = vs_frame_new(s->pool, WIRE_UDP_LEN + len, 0);
	struct wire_udp udp;
	uint16_t cksum;

	if (!f) {
		stk_drop(s, -1, STK_PoolEmpty, NULL);
		return NULL;
	}
	udp = (struct wire_udp){so->local.port, dst->port, (uint16_t)f->len, 0};
	wire_udp_emit(f->data, &udp);
	cksum = wire_cksum_fold(wire_cksum_copy(
		wire_cksum_add(wire_cksum_pseudo(&path->src, &dst->addr, WIRE_PROTO_UDP, f->len),
			       f->data, WIRE_UDP_LEN),
		f->data + WIRE_UDP_LEN, buf, len));
	wire_put16(f->data + 6, cksum ? cksum : 0xffff); /* 0 would say: none */
	return f;
}

/* How the packet is to travel, as the socket and the message have it. */
static struct ip_packet packet_for(const struct stk *s, const struct stk_socket *so,
				   const struct stk_msg *msg, const struct wire_addr *dst,
				   const struct ip_path *path, size_t len)
{
	bool group = wire_addr_is_multicast(dst);
	int ttl = msg->ttl >= 0 ? msg->ttl : group ? so->multicast_ttl : so->ttl;
	struct ip_packet packet = {.dst = *dst,
				   .src = path->src,
				   .protocol = WIRE_PROTO_UDP,
				   .tclass = msg->tos >= 0 ? (uint8_t)msg->tos : so->tos,
				   .hop_limit = (uint8_t)ttl};

	packet.loop = (group && !so->multicast_quiet) || ip_is_broadcast(s, path->ifindex, dst);
	packet.stay_here = group && !ttl;
	packet.dont_fragment = so->mtu_discover == 2 || (so->mtu_discover == 1 && len <= path->mtu);
	return packet;
}

/* ip(7): who does not let it be fragmented reads in the error queue what would have fit. */
static void tell_too_long(struct stk *s, struct stk_socket *so, const struct stk_addr *dst,
			  uint32_t mtu, const void *buf, size_t len)
{
	struct stk_error error = {.error = EMSGSIZE, .origin = STK_ORIGIN_LOCAL, .info = mtu};

	socket_errors_push(s, so, &error, dst, buf, len < 1024 ? len : 1024);
}

static int check_send(struct stk *s, struct udp_socket *u, const struct stk_addr *dst,
		      const struct stk_msg *msg, size_t len)
{
	struct stk_addr unbound = {.addr = wire_addr_any6};
	int error = stk_socket_error(&u->so);

	if (error)
		return error;
	if (u->shut_wr)
		return -EPIPE;
	if (!msg->peer.port && !u->connected)
		return -EDESTADDRREQ;
	if (len > IP_MTU_LOOP - ip_header_size(wire_addr_is4(&dst->addr)) - WIRE_UDP_LEN)
		return -EMSGSIZE;
	if (msg->ttl > 255 || msg->tos > 255)
		return -EINVAL;
	error = may_send_to(s, &u->so, &dst->addr);
	if (!error && !u->so.local.port)
		error = udp_bind(s, &u->so, &unbound);
	return error;
}

static ptrdiff_t udp_send_msg(struct stk *s, vs_time now, struct stk_socket *so, const void *buf,
			      size_t len, int flags, const struct stk_msg *msg)
{
	struct udp_socket *u = udp_of(so);
	const struct stk_addr *dst = msg->peer.port ? &msg->peer : &so->remote;
	struct ip_packet packet;
	struct ip_path path;
	struct vs_frame *f;
	int error = check_send(s, u, dst, msg, len);

	(void)flags;
	if (error)
		return error;
	error = path_for(s, u, msg, &path);
	if (error) {
		if (error == -ENETUNREACH)
			stk_count(s, STK_IpOutNoRoutes);
		return error;
	}
	f = compose(s, so, dst, &path, buf, len);
	if (!f)
		return -ENOBUFS;
	packet = packet_for(s, so, msg, &dst->addr, &path,
			    f->len + ip_header_size(wire_addr_is4(&dst->addr)));
	stk_count(s, STK_UdpOutDatagrams);
	error = ip_output(s, now, &path, &packet, f);
	if (error == -EMSGSIZE && so->errors)
		tell_too_long(s, so, dst, path.mtu, buf, len);
	return error ? error : (ptrdiff_t)len;
}

static ptrdiff_t udp_send(struct stk *s, vs_time now, struct stk_socket *so, const void *buf,
			  size_t len, int flags, const struct stk_addr *to)
{
	struct stk_msg msg = {.ttl = -1, .tos = -1};

	if (to && !to->port)
		return -EINVAL;
	if (to)
		msg.peer = *to;
	return udp_send_msg(s, now, so, buf, len, flags, &msg);
}

/* Receiving. */

static bool fits_peer(const struct udp_socket *u, const struct wire_addr *peer, uint16_t port)
{
	return !u->connected ||
	       (u->so.remote.port == port && wire_addr_equal(&u->so.remote.addr, peer));
}

/* How closely a socket without a peer is bound to what a message was sent to; 0: not at all. */
static int score_of(const struct udp_socket *u, const struct wire_addr *ours, uint16_t port,
		    int ifindex)
{
	if (u->connected || u->so.local.port != port || !stk_socket_covers(&u->so, ours) ||
	    (u->so.local.ifindex && ifindex && u->so.local.ifindex != ifindex))
		return 0;
	return 1 + (u->so.local.ifindex ? 1 : 0) + (wire_addr_is_any(&u->so.local.addr) ? 0 : 4) +
	       (wire_addr_equal(&u->so.local.addr, &wire_addr_any4) ? 2 : 0);
}

static struct udp_socket *find(const struct stk *s, const struct wire_addr *ours, uint16_t port,
			       const struct wire_addr *peer, uint16_t peer_port, int ifindex)
{
	struct udp_socket *u = *peer_bucket(s, port, peer, peer_port), *best = NULL;
	unsigned sharers = 0, turn;
	int best_score = 0;

	for (; u; u = u->peer_next)
		if (u->so.local.port == port && fits_peer(u, peer, peer_port) &&
		    wire_addr_equal(&u->so.local.addr, ours))
			return u;
	for (u = *port_bucket(s, port); u; u = u->port_next) {
		int score = score_of(u, ours, port, ifindex);

		if (score > best_score) {
			best = u;
			best_score = score;
		}
	}
	if (!best || !best->so.reuse_port)
		return best;
	/* SO_REUSEPORT: those who share a port share what arrives, each peer going to one. */
	for (u = best; u; u = u->port_next)
		sharers += u->so.reuse_port && score_of(u, ours, port, ifindex) == best_score;
	turn = (unsigned)((ip_hash(s, peer) ^ peer_port * 0x9e3779b97f4a7c15u) >> 32) % sharers;
	for (u = best; u; u = u->port_next)
		if (u->so.reuse_port && score_of(u, ours, port, ifindex) == best_score && !turn--)
			return u;
	return best;
}

/* Takes f. */
static void receive(struct stk *s, struct udp_socket *u, const struct dgram_info *info,
		    struct vs_frame *f)
{
	if (u->shut_rd) {
		vs_frame_put(f);
		return;
	}
	if (!dgram_push(s, &u->queue, f, info)) {
		stk_drop(s, info->ifindex, STK_UdpRcvbufErrors, f);
		return;
	}
	stk_count(s, STK_UdpInDatagrams);
	stk_socket_wake(s, &u->so);
}

/* Takes f: gives a reference to every socket that fits. */
static void receive_group(struct stk *s, const struct ip_received *r, uint16_t port,
			  const struct dgram_info *info, struct vs_frame *f)
{
	bool group = wire_addr_is_multicast(&r->ip->dst), found = false;

	for (struct udp_socket *u = *port_bucket(s, port); u; u = u->port_next) {
		if (u->so.local.port != port || !stk_socket_covers(&u->so, &r->ip->dst) ||
		    !fits_peer(u, &info->from.addr, info->from.port) ||
		    (u->so.local.ifindex && u->so.local.ifindex != r->ifindex) ||
		    (group && !group_socket_wants(&u->so, r->ifindex, &r->ip->dst, &r->ip->src)))
			continue;
		receive(s, u, info, vs_frame_ref(f));
		found = true;
	}
	if (found)
		vs_frame_put(f);
	else
		stk_drop(s, r->ifindex, STK_UdpNoPorts, f);
}

void udp_input(struct stk *s, vs_time now, const struct ip_received *r, struct vs_frame *f)
{
	struct dgram_info info = dgram_info_of(r);
	struct udp_socket *u;
	struct wire_udp udp;

	if (wire_udp_parse(&udp, f->data, f->len) < 0) {
		stk_drop(s, r->ifindex, STK_UdpInErrors, f);
		return;
	}
	vs_frame_set_len(f, udp.len);
	/* RFC 8200 8.1: IPv6 does not let a sender leave the checksum out. */
	if (udp.cksum ? !stk_cksum_ok(r, f) : r->ip->version == 6) {
		stk_drop(s, r->ifindex, STK_UdpInCsumErrors, f);
		return;
	}
	info.from.port = udp.src_port;
	if (wire_addr_is_link_local(&info.from.addr))
		info.from.ifindex = (uint16_t)r->ifindex;
	if (r->to_group && !ip_address_find(s, &r->ip->dst)) {
		vs_frame_pull(f, WIRE_UDP_LEN);
		receive_group(s, r, udp.dst_port, &info, f);
		return;
	}
	u = find(s, &r->ip->dst, udp.dst_port, &r->ip->src, udp.src_port, r->ifindex);
	if (!u) {
		icmp_send_error(s, now, r, f, WIRE_ICMP4_UNREACHABLE, WIRE_ICMP4_UNREACH_PORT,
				WIRE_ICMP6_UNREACHABLE, 4, 0);
		stk_drop(s, r->ifindex, STK_UdpNoPorts, f);
		return;
	}
	vs_frame_pull(f, WIRE_UDP_LEN);
	receive(s, u, &info, f);
}

/* RFC 1122 4.1.3.3, and as Linux: who queues errors is told all of them; others only what is hard,
 * and only if connected, since they could not say of which message.
 */
void udp_error(struct stk *s, vs_time now, const struct ip_error *e)
{
	uint16_t port = wire_get16(e->transport), peer_port = wire_get16(e->transport + 2);
	struct udp_socket *u = find(s, &e->src, port, &e->dst, peer_port, 0);
	bool is4 = wire_addr_is4(&e->dst), hard = e->hard;

	(void)now;
	if (!u)
		return;
	if (e->error == EMSGSIZE) {
		/* What is too big is fragmented the next time, if the owner lets it be. */
		hard = is4 ? u->so.mtu_discover != 0 : u->so.mtu_discover == 2;
		if (is4 && !hard)
			return;
	}
	if (u->so.errors)
		socket_errors_push_icmp(s, &u->so, e, peer_port, WIRE_UDP_LEN);
	else if (!hard || !u->connected)
		return;
	u->so.error = e->error;
	stk_socket_wake(s, &u->so);
}

bool udp_error_plausible(const struct stk *s, const struct ip_error *e)
{
	return find(s, &e->src, wire_get16(e->transport), &e->dst, wire_get16(e->transport + 2), 0);
}

static ptrdiff_t udp_recv_msg(struct stk *s, vs_time now, struct stk_socket *so, void *buf,
			      size_t len, int flags, struct stk_msg *msg)
{
	struct udp_socket *u = udp_of(so);
	int error = stk_socket_error(so);
	ptrdiff_t got;

	(void)s;
	(void)now;
	if (error)
		return error;
	got = dgram_recv_msg(&u->queue, buf, len, flags, msg);
	return got == -EAGAIN && u->shut_rd ? 0 : got;
}

static ptrdiff_t udp_recv(struct stk *s, vs_time now, struct stk_socket *so, void *buf, size_t len,
			  int flags, struct stk_addr *from)
{
	struct stk_msg msg = {.flags = 0};
	ptrdiff_t got = udp_recv_msg(s, now, so, buf, len, flags, &msg);

	if (from && got >= 0)
		*from = msg.peer;
	return got;
}

static int udp_shutdown(struct stk *s, vs_time now, struct stk_socket *so, int how)
{
	struct udp_socket *u = udp_of(so);

	(void)now;
	if (!u->connected)
		return -ENOTCONN;
	u->shut_rd = u->shut_rd || how != STK_SHUT_WR;
	u->shut_wr = u->shut_wr || how != STK_SHUT_RD;
	stk_socket_wake(s, so);
	return 0;
}

static void udp_abandon(struct stk *s, struct stk_socket *so)
{
	ports_leave(udp_of(so));
	peers_leave(udp_of(so));
	dgram_fini(s, &udp_of(so)->queue);
}

static void udp_close(struct stk *s, vs_time now, struct stk_socket *so)
{
	(void)now;
	udp_abandon(s, so);
	stk_socket_free(s, so);
}

static int udp_option_set(struct stk *s, vs_time now, struct stk_socket *so, enum stk_option option,
			  int64_t value)
{
	(void)now;
	/* Messages leave at once: the send buffer is a formality, which programs insist on. */
	if (option == STK_SO_SNDBUF)
		return 0;
	if (option != STK_SO_RCVBUF)
		return -ENOPROTOOPT;
	udp_of(so)->queue.bytes_max = dgram_rcvbuf(s, value);
	return 0;
}

static int udp_option_get(struct stk *s, struct stk_socket *so, enum stk_option option,
			  int64_t *value)
{
	if (option == STK_SO_RCVBUF)
		*value = (int64_t)udp_of(so)->queue.bytes_max;
	else if (option == STK_SO_SNDBUF)
		*value = s->ip->set.rmem_default;
	else if (option == STK_INQ)
		*value = (int64_t)dgram_next_len(&udp_of(so)->queue);
	else if (option == STK_OUTQ)
		*value = 0;
	else
		return -ENOPROTOOPT;
	return 0;
}

static unsigned udp_readiness(const struct stk *s, const struct stk_socket *so)
{
	const struct udp_socket *u = (const struct udp_socket *)(const void *)so;
	unsigned ready = STK_OUT;

	(void)s;
	if (!dgram_empty(&u->queue) || u->shut_rd)
		ready |= STK_IN;
	if (u->shut_rd && u->shut_wr)
		ready |= STK_HUP;
	return ready;
}

const struct stk_proto udp_proto = {
	.name = "udp",
	.size = sizeof(struct udp_socket),
	.open = udp_open,
	.bind = udp_bind,
	.connect = udp_connect,
	.send = udp_send,
	.recv = udp_recv,
	.send_msg = udp_send_msg,
	.recv_msg = udp_recv_msg,
	.shutdown = udp_shutdown,
	.close = udp_close,
	.option_set = udp_option_set,
	.option_get = udp_option_get,
	.readiness = udp_readiness,
	.abandon = udp_abandon,
};
