/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sockets: numbers, and the verbs' way to the transports. What all kinds have in common is decided
 * here; a transport sees only arguments that can be right.
 */
#include "stack/socket/socket.h"

#include <errno.h>
#include <string.h>

#include "stack/group/group.h"
#include "stack/ip/ip.h"
#include "stack/socket/errors.h"

#define SOCKETS_START 8

struct stk_socket *stk_socket_of(const struct stk *s, int fd)
{
	return fd >= 0 && (unsigned)fd < s->sockets_size ? s->sockets[fd] : NULL;
}

struct stk_socket *stk_socket_new(struct stk *s, const struct stk_proto *proto, bool with_number)
{
	struct stk_socket *so = vs_alloc(s->arena, proto->size);

	if (!so)
		return NULL;
	so->proto = proto;
	so->fd = -1;
	so->mtu_discover = 1; /* IP_PMTUDISC_WANT */
	so->multicast_ttl = 1;
	so->all_next = s->all;
	so->all_prev = &s->all;
	if (s->all)
		s->all->all_prev = &so->all_next;
	s->all = so;
	if (with_number && stk_socket_number(s, so) < 0) {
		stk_socket_free(s, so);
		return NULL;
	}
	return so;
}

int stk_socket_number(struct stk *s, struct stk_socket *so)
{
	unsigned fd = s->sockets_lowest;

	while (fd < s->sockets_size && s->sockets[fd])
		fd++;
	if (fd >= s->conf.sockets_max)
		return -EMFILE;
	if (fd == s->sockets_size) {
		unsigned more = s->sockets_size ? s->sockets_size * 2 : SOCKETS_START;
		struct stk_socket **grown;

		grown = vs_grow(s->arena, s->sockets, sizeof(so), s->sockets_size, more);
		if (!grown)
			return -EMFILE;
		s->sockets = grown;
		s->sockets_size = more;
	}
	s->sockets[fd] = so;
	s->sockets_lowest = fd + 1;
	so->fd = (int)fd;
	return so->fd;
}

static void number_drop(struct stk *s, struct stk_socket *so)
{
	if (so->fd < 0)
		return;
	s->sockets[so->fd] = NULL;
	if ((unsigned)so->fd < s->sockets_lowest)
		s->sockets_lowest = (unsigned)so->fd;
	so->fd = -1;
}

/* Events: a list with the sockets that have news, oldest first. */

void stk_socket_wake(struct stk *s, struct stk_socket *so)
{
	if (so->event_queued || so->fd < 0)
		return;
	so->event_queued = true;
	so->event_next = NULL;
	so->event_prev = s->events_tail;
	*s->events_tail = so;
	s->events_tail = &so->event_next;
}

static void event_drop(struct stk *s, struct stk_socket *so)
{
	if (!so->event_queued)
		return;
	so->event_queued = false;
	*so->event_prev = so->event_next;
	if (so->event_next)
		so->event_next->event_prev = so->event_prev;
	else
		s->events_tail = so->event_prev;
}

static unsigned readiness_of(const struct stk *s, const struct stk_socket *so)
{
	return so->proto->readiness(s, so) |
	       (so->error || socket_errors_waiting(so) ? STK_ERR : 0);
}

int stk_event(struct stk *s, unsigned *readiness)
{
	struct stk_socket *so = s->events;

	if (!so)
		return -1;
	event_drop(s, so);
	*readiness = readiness_of(s, so);
	return so->fd;
}

void stk_socket_free(struct stk *s, struct stk_socket *so)
{
	group_socket_fini(s, so);
	socket_errors_enable(s, so, false);
	number_drop(s, so);
	event_drop(s, so);
	*so->all_prev = so->all_next;
	if (so->all_next)
		so->all_next->all_prev = so->all_prev;
	vs_free(s->arena, so, so->proto->size);
}

int stk_port_pick(struct stk *s, bool (*used)(struct stk *, uint16_t port, const void *ctx),
		  const void *ctx)
{
	uint32_t low = (uint32_t)s->ip->set.port_low;
	uint32_t count = (uint32_t)s->ip->set.port_high - low + 1;
	uint32_t start = (uint32_t)vs_prng_below(&s->ports, count);

	for (uint32_t i = 0; i < count; i++) {
		uint16_t port = (uint16_t)(low + (start + i) % count);

		if (!used(s, port, ctx))
			return port;
	}
	return -EADDRINUSE;
}

/* The verbs. */

int stk_socket(struct stk *s, int type)
{
	const struct stk_proto *proto = NULL;
	struct stk_socket *so;
	int error = 0;

	if (type == STK_STREAM)
		proto = &tcp_proto;
	else if (type == STK_DGRAM)
		proto = &udp_proto;
	else if (type == STK_PING)
		proto = &ping_proto;
	if (!proto)
		return -EINVAL;
	so = stk_socket_new(s, proto, false);
	if (!so)
		return -ENOMEM;
	if (stk_socket_number(s, so) < 0)
		error = -EMFILE;
	else if (proto->open)
		error = proto->open(s, so);
	if (!error)
		return so->fd;
	stk_socket_free(s, so);
	return error;
}

int stk_bind(struct stk *s, int fd, const struct stk_addr *addr)
{
	struct stk_socket *so = stk_socket_of(s, fd);
	bool stream;

	if (!so)
		return -EBADF;
	if (!so->proto->bind)
		return -EOPNOTSUPP;
	if (so->v6only && wire_addr_is4(&addr->addr))
		return -EINVAL;
	if (addr->ifindex && !ip_if(s, addr->ifindex))
		return -ENODEV;
	stream = so->proto == &tcp_proto;
	/* Messages are also received at the addresses of groups. */
	if (!wire_addr_is_any(&addr->addr) && !ip_is_ours(s, &addr->addr) &&
	    (stream ||
	     !(wire_addr_is_multicast(&addr->addr) || ip_is_broadcast(s, 0, &addr->addr))))
		return -EADDRNOTAVAIL;
	return so->proto->bind(s, so, addr);
}

int stk_listen(struct stk *s, int fd, int backlog)
{
	struct stk_socket *so = stk_socket_of(s, fd);

	if (!so)
		return -EBADF;
	return so->proto->listen ? so->proto->listen(s, so, backlog) : -EOPNOTSUPP;
}

int stk_connect(struct stk *s, vs_time now, int fd, const struct stk_addr *addr)
{
	struct stk_socket *so = stk_socket_of(s, fd);

	s->now = now;
	if (!so)
		return -EBADF;
	if (!so->proto->connect)
		return -EOPNOTSUPP;
	if (so->v6only && wire_addr_is4(&addr->addr))
		return -ENETUNREACH;
	return so->proto->connect(s, now, so, addr);
}

int stk_accept(struct stk *s, vs_time now, int fd, struct stk_addr *peer)
{
	struct stk_socket *so = stk_socket_of(s, fd);

	s->now = now;
	if (!so)
		return -EBADF;
	return so->proto->accept ? so->proto->accept(s, now, so, peer) : -EOPNOTSUPP;
}

int stk_shutdown(struct stk *s, vs_time now, int fd, int how)
{
	struct stk_socket *so = stk_socket_of(s, fd);

	s->now = now;
	if (!so)
		return -EBADF;
	if (how < STK_SHUT_RD || how > STK_SHUT_RDWR)
		return -EINVAL;
	return so->proto->shutdown ? so->proto->shutdown(s, now, so, how) : -EOPNOTSUPP;
}

int stk_close(struct stk *s, vs_time now, int fd)
{
	struct stk_socket *so = stk_socket_of(s, fd);

	s->now = now;
	if (!so)
		return -EBADF;
	number_drop(s, so);
	event_drop(s, so);
	so->proto->close(s, now, so);
	return 0;
}

ptrdiff_t stk_send(struct stk *s, vs_time now, int fd, const void *buf, size_t len, int flags,
		   const struct stk_addr *to)
{
	struct stk_socket *so = stk_socket_of(s, fd);

	s->now = now;
	if (!so)
		return -EBADF;
	if (to && so->v6only && wire_addr_is4(&to->addr))
		return -ENETUNREACH;
	return so->proto->send(s, now, so, buf, len, flags, to);
}

ptrdiff_t stk_recv(struct stk *s, vs_time now, int fd, void *buf, size_t len, int flags,
		   struct stk_addr *from)
{
	struct stk_socket *so = stk_socket_of(s, fd);

	s->now = now;
	if (!so)
		return -EBADF;
	return so->proto->recv(s, now, so, buf, len, flags, from);
}

ptrdiff_t stk_send_msg(struct stk *s, vs_time now, int fd, const void *buf, size_t len, int flags,
		       const struct stk_msg *msg)
{
	struct stk_socket *so = stk_socket_of(s, fd);
	const struct stk_addr *to = msg->peer.port ? &msg->peer : NULL;

	s->now = now;
	if (!so)
		return -EBADF;
	if (to && so->v6only && wire_addr_is4(&to->addr))
		return -ENETUNREACH;
	if (!so->proto->send_msg)
		return so->proto->send(s, now, so, buf, len, flags, to);
	return so->proto->send_msg(s, now, so, buf, len, flags, msg);
}

ptrdiff_t stk_recv_msg(struct stk *s, vs_time now, int fd, void *buf, size_t len, int flags,
		       struct stk_msg *msg)
{
	struct stk_socket *so = stk_socket_of(s, fd);

	s->now = now;
	if (!so)
		return -EBADF;
	if (flags & STK_MSG_ERRQUEUE)
		return socket_errors_recv(so, buf, len, msg);
	if (so->proto->recv_msg)
		return so->proto->recv_msg(s, now, so, buf, len, flags, msg);
	*msg = (struct stk_msg){.ttl = -1, .tos = -1};
	return so->proto->recv(s, now, so, buf, len, flags, &msg->peer);
}

static int set_number(uint8_t *to, int64_t value, int64_t max)
{
	if (value < 0 || value > max)
		return -EINVAL;
	*to = (uint8_t)value;
	return 0;
}

/* Options of IP and of groups, which every kind of socket has; -ENOPROTOOPT: another one. */
static int ip_option_set(struct stk *s, struct stk_socket *so, enum stk_option option,
			 int64_t value)
{
	if (option == STK_IP_TTL && value == -1) {
		so->ttl = 0; /* the default again */
		return 0;
	}
	if (option == STK_IP_TTL)
		return value ? set_number(&so->ttl, value, 255) : -EINVAL;
	if (option == STK_IP_TOS)
		return set_number(&so->tos, value, 255);
	if (option == STK_IP_MTU_DISCOVER)
		return set_number(&so->mtu_discover, value, 2);
	if (option == STK_IP_RECVERR)
		return socket_errors_enable(s, so, value);
	if (option == STK_IP_MULTICAST_TTL)
		return set_number(&so->multicast_ttl, value == -1 ? 1 : value, 255);
	if (option == STK_IP_MULTICAST_LOOP)
		so->multicast_quiet = !value;
	else if (option == STK_IP_MULTICAST_ALL)
		so->multicast_only = !value;
	else if (option != STK_IP_MULTICAST_IF)
		return -ENOPROTOOPT;
	else if (value && (value < 0 || value > STK_IF_MAX || !ip_if(s, (int)value)))
		return -EADDRNOTAVAIL;
	else
		so->multicast_ifindex = (uint16_t)value;
	return 0;
}

int stk_option_set(struct stk *s, vs_time now, int fd, enum stk_option option, int64_t value)
{
	struct stk_socket *so = stk_socket_of(s, fd);
	int error;

	s->now = now;
	if (!so)
		return -EBADF;
	if (option == STK_SO_ERROR || option == STK_INQ || option == STK_OUTQ ||
	    option == STK_IP_MTU)
		return -ENOPROTOOPT;
	if (option == STK_SO_REUSEADDR) {
		so->reuse_addr = value;
		return 0;
	}
	if (option == STK_SO_REUSEPORT) {
		so->reuse_port = value;
		return 0;
	}
	if (option == STK_SO_BROADCAST) {
		so->broadcast = value;
		return 0;
	}
	if (option == STK_IPV6_V6ONLY) {
		if (so->local.port)
			return -EINVAL;
		so->v6only = value;
		return 0;
	}
	error = ip_option_set(s, so, option, value);
	if (error != -ENOPROTOOPT)
		return error;
	if (!so->proto->option_set)
		return -ENOPROTOOPT;
	return so->proto->option_set(s, now, so, option, value);
}

static int path_mtu(struct stk *s, const struct stk_socket *so, int64_t *value)
{
	struct ip_path path;

	if (wire_addr_is_any(&so->remote.addr))
		return -ENOTCONN;
	if (ip_path_find(s, &so->remote.addr, &so->local.addr, so->remote.ifindex, &path))
		return -ENOTCONN;
	*value = path.mtu;
	return 0;
}

static int ip_option_get(struct stk *s, const struct stk_socket *so, enum stk_option option,
			 int64_t *value)
{
	if (option == STK_IP_TTL)
		*value = so->ttl ? so->ttl : s->ip->set.ttl;
	else if (option == STK_IP_TOS)
		*value = so->tos;
	else if (option == STK_IP_MTU_DISCOVER)
		*value = so->mtu_discover;
	else if (option == STK_IP_MTU)
		return path_mtu(s, so, value);
	else if (option == STK_IP_RECVERR)
		*value = so->errors ? 1 : 0;
	else if (option == STK_IP_MULTICAST_IF)
		*value = so->multicast_ifindex;
	else if (option == STK_IP_MULTICAST_TTL)
		*value = so->multicast_ttl;
	else if (option == STK_IP_MULTICAST_LOOP)
		*value = !so->multicast_quiet;
	else if (option == STK_IP_MULTICAST_ALL)
		*value = !so->multicast_only;
	else
		return -ENOPROTOOPT;
	return 0;
}

int stk_fastopen_key(struct stk *s, int fd, const uint8_t *key, size_t len)
{
	struct stk_socket *so = stk_socket_of(s, fd);

	if (!so)
		return -EBADF;
	return so->proto == &tcp_proto ? tcp_fastopen_key(so, key, len) : -ENOPROTOOPT;
}

void stk_tcp_metrics_flush(struct stk *s)
{
	tcp_metrics_flush(s);
}

int stk_option_get(struct stk *s, int fd, enum stk_option option, int64_t *value)
{
	struct stk_socket *so = stk_socket_of(s, fd);
	int error;

	if (!so)
		return -EBADF;
	if (option == STK_SO_ERROR) {
		*value = -stk_socket_error(so);
		return 0;
	}
	if (option == STK_SO_REUSEADDR || option == STK_SO_REUSEPORT ||
	    option == STK_SO_BROADCAST || option == STK_IPV6_V6ONLY) {
		*value = option == STK_SO_REUSEADDR   ? so->reuse_addr
			 : option == STK_SO_REUSEPORT ? so->reuse_port
			 : option == STK_SO_BROADCAST ? so->broadcast
						      : so->v6only;
		return 0;
	}
	error = ip_option_get(s, so, option, value);
	if (error != -ENOPROTOOPT)
		return error;
	return so->proto->option_get ? so->proto->option_get(s, so, option, value)
				     : -ENOPROTOOPT;
}

int stk_local(const struct stk *s, int fd, struct stk_addr *addr)
{
	const struct stk_socket *so = stk_socket_of(s, fd);

	if (!so)
		return -EBADF;
	*addr = so->local;
	return 0;
}

int stk_peer(const struct stk *s, int fd, struct stk_addr *addr)
{
	const struct stk_socket *so = stk_socket_of(s, fd);

	if (!so)
		return -EBADF;
	if (wire_addr_is_any(&so->remote.addr))
		return -ENOTCONN;
	*addr = so->remote;
	return 0;
}

unsigned stk_readiness(const struct stk *s, int fd)
{
	const struct stk_socket *so = stk_socket_of(s, fd);

	return so ? readiness_of(s, so) : 0;
}
