/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ping sockets: echo for applications, as Linux has them. The port is the identifier; a message is
 * an ICMP header and its data, of which the stack sets identifier and checksum.
 */
#include <errno.h>
#include <string.h>

#include "core/wire/icmp.h"
#include "stack/icmp/icmp_impl.h"
#include "stack/socket/dgram.h"
#include "stack/socket/errors.h"
#include "stack/socket/socket.h"

struct ping_socket {
	struct stk_socket so; /* first: what the sockets know */
	struct dgram_queue queue;
	struct ping_socket *next, **prev; /* by identifier */
};

static struct ping_socket *ping_of(struct stk_socket *so)
{
	return (struct ping_socket *)(void *)so;
}

static int ping_open(struct stk *s, struct stk_socket *so)
{
	ping_of(so)->queue.bytes_max = (size_t)s->ip->set.rmem_default;
	return 0;
}

static bool used(struct stk *s, uint16_t port, const void *ctx)
{
	const struct ping_socket *p = s->icmp->ping[port % PING_BUCKETS];

	(void)ctx;
	while (p && p->so.local.port != port)
		p = p->next;
	return p;
}

static void unlink_ping(struct ping_socket *p)
{
	if (!p->prev)
		return;
	*p->prev = p->next;
	if (p->next)
		p->next->prev = p->prev;
	p->prev = NULL;
}

static int ping_bind(struct stk *s, struct stk_socket *so, const struct stk_addr *addr)
{
	struct ping_socket *p = ping_of(so), **bucket;
	int port = addr->port;

	if (p->prev)
		return -EINVAL;
	if (!port)
		port = stk_port_pick(s, used, NULL);
	else if (used(s, addr->port, NULL))
		return -EADDRINUSE;
	if (port < 0)
		return port;
	so->local = *addr;
	so->local.port = (uint16_t)port;
	bucket = &s->icmp->ping[port % PING_BUCKETS];
	p->next = *bucket;
	p->prev = bucket;
	if (*bucket)
		(*bucket)->prev = &p->next;
	*bucket = p;
	return 0;
}

static int ping_connect(struct stk *s, vs_time now, struct stk_socket *so,
			const struct stk_addr *addr)
{
	struct ip_path path;
	int error = ip_path_find(s, &addr->addr, &so->local.addr, addr->ifindex, &path);

	(void)now;
	if (error)
		return error;
	so->remote = *addr;
	return 0;
}

static ptrdiff_t ping_send(struct stk *s, vs_time now, struct stk_socket *so, const void *buf,
			   size_t len, int flags, const struct stk_addr *to)
{
	const struct stk_addr *dst = to ? to : &so->remote;
	const uint8_t *message = buf;
	bool is4 = wire_addr_is4(&dst->addr);
	bool group = wire_addr_is_multicast(&dst->addr);
	int ifindex = dst->ifindex ? dst->ifindex : group ? so->multicast_ifindex : 0;
	struct vs_frame *f;
	int error;

	(void)flags;
	if (!to && wire_addr_is_any(&so->remote.addr))
		return -EDESTADDRREQ;
	if (len < WIRE_ICMP_LEN || message[1] ||
	    message[0] != (is4 ? WIRE_ICMP4_ECHO : WIRE_ICMP6_ECHO))
		return -EINVAL;
	if (len > IP_MTU_LOOP - ip_header_size(is4))
		return -EMSGSIZE;
	if (is4 && ip_is_broadcast(s, 0, &dst->addr) && !so->broadcast)
		return -EACCES;
	if (!so->local.port) {
		error = ping_bind(s, so, &so->local);
		if (error)
			return error;
	}
	f = vs_frame_from(s->pool, buf, len);
	if (!f) {
		stk_drop(s, -1, STK_PoolEmpty, NULL);
		return -ENOBUFS;
	}
	wire_put16(f->data + 4, so->local.port);
	error = icmp_output(s, now, &dst->addr, &so->local.addr,
			    ifindex ? ifindex : so->local.ifindex,
			    group ? so->multicast_ttl : so->ttl, so->tos, f);
	return error ? error : (ptrdiff_t)len;
}

static ptrdiff_t ping_recv(struct stk *s, vs_time now, struct stk_socket *so, void *buf, size_t len,
			   int flags, struct stk_addr *from)
{
	int error = stk_socket_error(so);

	(void)s;
	(void)now;
	return error ? error : dgram_recv(&ping_of(so)->queue, buf, len, flags, from);
}

static ptrdiff_t ping_recv_msg(struct stk *s, vs_time now, struct stk_socket *so, void *buf,
			       size_t len, int flags, struct stk_msg *msg)
{
	int error = stk_socket_error(so);

	(void)s;
	(void)now;
	return error ? error : dgram_recv_msg(&ping_of(so)->queue, buf, len, flags, msg);
}

static void ping_abandon(struct stk *s, struct stk_socket *so)
{
	unlink_ping(ping_of(so));
	dgram_fini(s, &ping_of(so)->queue);
}

static void ping_close(struct stk *s, vs_time now, struct stk_socket *so)
{
	(void)now;
	ping_abandon(s, so);
	stk_socket_free(s, so);
}

static int ping_option_set(struct stk *s, vs_time now, struct stk_socket *so,
			   enum stk_option option, int64_t value)
{
	(void)now;
	if (option != STK_SO_RCVBUF)
		return -ENOPROTOOPT;
	ping_of(so)->queue.bytes_max = dgram_rcvbuf(s, value);
	return 0;
}

static int ping_option_get(struct stk *s, struct stk_socket *so, enum stk_option option,
			   int64_t *value)
{
	(void)s;
	if (option == STK_SO_RCVBUF)
		*value = (int64_t)ping_of(so)->queue.bytes_max;
	else if (option == STK_INQ)
		*value = (int64_t)dgram_next_len(&ping_of(so)->queue);
	else
		return -ENOPROTOOPT;
	return 0;
}

static unsigned ping_readiness(const struct stk *s, const struct stk_socket *so)
{
	(void)s;
	return STK_OUT |
	       (dgram_empty(&((const struct ping_socket *)(const void *)so)->queue) ? 0 : STK_IN);
}

const struct stk_proto ping_proto = {
	.name = "ping",
	.size = sizeof(struct ping_socket),
	.open = ping_open,
	.bind = ping_bind,
	.connect = ping_connect,
	.send = ping_send,
	.recv = ping_recv,
	.recv_msg = ping_recv_msg,
	.close = ping_close,
	.option_set = ping_option_set,
	.option_get = ping_option_get,
	.readiness = ping_readiness,
	.abandon = ping_abandon,
};

/* The socket with this identifier that may hear from there at that address of ours. */
static struct ping_socket *find(const struct stk *s, uint16_t id, const struct wire_addr *ours,
				const struct wire_addr *theirs)
{
	struct ping_socket *p = s->icmp->ping[id % PING_BUCKETS];

	for (; p; p = p->next)
		if (p->so.local.port == id &&
		    (wire_addr_is_any(&p->so.local.addr) ||
		     wire_addr_equal(&p->so.local.addr, ours)) &&
		    (wire_addr_is_any(&p->so.remote.addr) ||
		     wire_addr_is_multicast(&p->so.remote.addr) ||
		     wire_addr_equal(&p->so.remote.addr, theirs)))
			return p;
	return NULL;
}

void ping_input(struct stk *s, vs_time now, const struct ip_received *r, struct vs_frame *f)
{
	struct ping_socket *p = find(s, wire_get16(f->data + 4), &r->ip->dst, &r->ip->src);
	struct dgram_info info = dgram_info_of(r);

	(void)now;
	if (!p) {
		stk_drop(s, r->ifindex, STK_PingNoSocket, f);
		return;
	}
	info.from.ifindex = (uint16_t)r->ifindex;
	if (!dgram_push(s, &p->queue, f, &info)) {
		stk_drop(s, r->ifindex, STK_PingRcvbufErrors, f);
		return;
	}
	stk_socket_wake(s, &p->so);
}

void ping_error(struct stk *s, vs_time now, const struct ip_error *e)
{
	struct ping_socket *p;
	bool is4 = wire_addr_is4(&e->dst);

	(void)now;
	if (e->transport[0] != (is4 ? WIRE_ICMP4_ECHO : WIRE_ICMP6_ECHO))
		return;
	p = find(s, wire_get16(e->transport + 4), &e->src, &e->dst);
	/* What is too big is fragmented the next time. */
	if (!p)
		return;
	socket_errors_push_icmp(s, &p->so, e, 0, 0);
	if (e->error == EMSGSIZE)
		return;
	p->so.error = e->error;
	stk_socket_wake(s, &p->so);
}
