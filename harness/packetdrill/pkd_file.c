/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptors, and the calls that make, join and end sockets. Every number that we give out is an
 * open descriptor of the kernel's, so that nobody else gets it, and so that libc's close() of what
 * a script left open succeeds.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/packetdrill/pkd_impl.h"
#include "stack/tcp/tcp.h"

struct pkd_file *pkd_file(struct pkd *w, int fd)
{
	if (fd < 0 || fd >= PKD_FILES_MAX || w->files[fd].kind == PKD_NONE)
		return NULL;
	return &w->files[fd];
}

struct pkd_file *pkd_socket_file(struct pkd *w, int fd, int *error)
{
	struct pkd_file *f = pkd_file(w, fd);

	*error = f ? -ENOTSOCK : -EBADF;
	return f && f->kind == PKD_SOCKET ? f : NULL;
}

struct pkd_file *pkd_file_new(struct pkd *w, enum pkd_kind kind)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct pkd_file *f;

	if (fd < 0)
		return NULL;
	if (fd >= PKD_FILES_MAX) {
		close(fd);
		return NULL;
	}
	f = &w->files[fd];
	*f = (struct pkd_file){.kind = kind, .fd = fd, .stk = -1, .rcvlowat = 1, .linger_s = -1};
	f->notices_tail = &f->notices;
	return f;
}

static void file_drop(struct pkd *w, struct pkd_file *f)
{
	pkd_watches_drop(w, f);
	pkd_marks_drop(f);
	close(f->fd);
	f->kind = PKD_NONE;
}

/* Joins a descriptor with a socket of the stack. */
static struct pkd_file *socket_file_new(struct pkd *w, int stk, int domain, int type)
{
	struct pkd_file *f = stk < PKD_FILES_MAX ? pkd_file_new(w, PKD_SOCKET) : NULL;

	if (!f) {
		stk_close(w->stk, w->now, stk);
		return NULL;
	}
	f->stk = stk;
	f->domain = domain;
	f->type = type & 0xf;
	f->nonblocking = type & SOCK_NONBLOCK;
	w->by_stk[stk] = f->fd;
	return f;
}

int pkd_addr_in(const struct pkd_file *f, const struct sockaddr *sa, socklen_t len,
		struct stk_addr *addr)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)sa;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)sa;

	*addr = (struct stk_addr){0};
	if (len < sizeof(sa->sa_family))
		return -EINVAL;
	if (sa->sa_family == AF_INET && f->domain == AF_INET) {
		if (len < sizeof(*in))
			return -EINVAL;
		addr->addr = wire_addr_from4((const uint8_t *)&in->sin_addr);
		addr->port = ntohs(in->sin_port);
		return 0;
	}
	if (sa->sa_family == AF_INET6 && f->domain == AF_INET6) {
		if (len < 24)
			return -EINVAL;
		addr->addr = wire_addr_from6(in6->sin6_addr.s6_addr);
		addr->port = ntohs(in6->sin6_port);
		if (wire_addr_is_link_local(&addr->addr) && len >= sizeof(*in6))
			addr->ifindex = (uint16_t)in6->sin6_scope_id;
		return 0;
	}
	return -EAFNOSUPPORT;
}

void pkd_addr_out(const struct pkd_file *f, const struct stk_addr *addr, struct sockaddr *sa,
		  socklen_t *len)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(addr->port)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(addr->port)};
	socklen_t whole = f->domain == AF_INET ? sizeof(in) : sizeof(in6);

	if (!sa || !len)
		return;
	memcpy(&in.sin_addr, addr->addr.b + 12, 4);
	memcpy(&in6.sin6_addr, addr->addr.b, 16);
	in6.sin6_scope_id = addr->ifindex;
	memcpy(sa, f->domain == AF_INET ? (void *)&in : (void *)&in6, *len < whole ? *len : whole);
	*len = whole;
}

static int stk_type(int domain, int type, int protocol)
{
	if (domain != AF_INET && domain != AF_INET6)
		return -EAFNOSUPPORT;
	if (type == SOCK_STREAM && (!protocol || protocol == IPPROTO_TCP))
		return STK_STREAM;
	if (type == SOCK_DGRAM && (!protocol || protocol == IPPROTO_UDP))
		return STK_DGRAM;
	if (type == SOCK_DGRAM && (protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6))
		return STK_PING;
	return -EPROTONOSUPPORT;
}

int pkd_socket(void *userdata, int domain, int type, int protocol)
{
	struct pkd *w = pkd_enter();
	int kind = stk_type(domain, type & 0xf, protocol), stk;
	struct pkd_file *f;

	(void)userdata;
	if (kind < 0)
		return (int)pkd_leave(w, kind);
	stk = stk_socket(w->stk, kind);
	if (stk < 0)
		return (int)pkd_leave(w, stk);
	f = socket_file_new(w, stk, domain, type);
	if (!f)
		return (int)pkd_leave(w, -EMFILE);
	f->protocol = protocol ? protocol : (kind == STK_STREAM ? IPPROTO_TCP : IPPROTO_UDP);
	return (int)pkd_leave(w, f->fd);
}

int pkd_bind(void *userdata, int fd, const struct sockaddr *sa, socklen_t len)
{
	struct pkd *w = pkd_enter();
	struct stk_addr addr;
	int error;
	struct pkd_file *f = pkd_socket_file(w, fd, &error);

	(void)userdata;
	if (f)
		error = pkd_addr_in(f, sa, len, &addr);
	if (!error)
		error = stk_bind(w->stk, f->stk, &addr);
	return (int)pkd_leave(w, error);
}

int pkd_listen(void *userdata, int fd, int backlog)
{
	struct pkd *w = pkd_enter();
	int error;
	struct pkd_file *f = pkd_socket_file(w, fd, &error);

	(void)userdata;
	if (f) {
		error = stk_listen(w->stk, f->stk, backlog);
		f->listening = f->listening || !error;
	}
	return (int)pkd_leave(w, error);
}

struct accept_call {
	struct pkd_call call;
	struct pkd_file *f;
	struct stk_addr peer;
};

static ssize_t accept_attempt(struct pkd_call *c)
{
	struct accept_call *a = (struct accept_call *)c;

	return stk_accept(pkd_world->stk, pkd_world->now, a->f->stk, &a->peer);
}

int pkd_accept(void *userdata, int fd, struct sockaddr *sa, socklen_t *len)
{
	struct pkd *w = pkd_enter();
	struct accept_call a = {.call = {.attempt = accept_attempt, .late = -EAGAIN}};
	struct pkd_file *f;
	int error;
	ssize_t stk;

	(void)userdata;
	a.f = pkd_socket_file(w, fd, &error);
	if (!a.f)
		return (int)pkd_leave(w, error);
	a.call.deadline = pkd_deadline(w, a.f->rcvtimeo_us);
	stk = pkd_wait(w, &a.call, a.f->nonblocking);
	if (stk < 0)
		return (int)pkd_leave(w, stk);
	f = socket_file_new(w, (int)stk, a.f->domain, a.f->type);
	if (!f)
		return (int)pkd_leave(w, -EMFILE);
	f->protocol = a.f->protocol;
	f->rcvlowat = a.f->rcvlowat;
	f->connected = true;
	f->inq = a.f->inq;
	f->linger_s = a.f->linger_s;
	f->stamping = a.f->stamping;
	f->zerocopy = a.f->zerocopy;
	pkd_addr_out(f, &a.peer, sa, len);
	return (int)pkd_leave(w, f->fd);
}

struct connect_call {
	struct pkd_call call;
	struct pkd_file *f;
};

/* Connected or failed: until then neither can be seen in the socket. */
static ssize_t connect_attempt(struct pkd_call *c)
{
	struct connect_call *a = (struct connect_call *)c;
	unsigned ready = stk_readiness(pkd_world->stk, a->f->stk);
	int64_t error = 0;

	if (!(ready & (STK_OUT | STK_ERR | STK_HUP | STK_IN)))
		return -EAGAIN;
	a->f->connecting = false;
	stk_option_get(pkd_world->stk, a->f->stk, STK_SO_ERROR, &error);
	if (error)
		return -error;
	a->f->connected = true;
	return 0;
}

static int again(struct pkd *w, struct pkd_file *f)
{
	struct connect_call c = {.f = f};

	if (!f->connecting)
		return -EISCONN;
	return connect_attempt(&c.call) == -EAGAIN ? -EALREADY : f->connected ? -EISCONN : 0;
	(void)w;
}

/* AF_UNSPEC: the connection ends with a reset, and the descriptor has a socket as new. */
static int disconnect(struct pkd *w, struct pkd_file *f)
{
	int stk = stk_socket(w->stk, stk_type(f->domain, f->type, f->protocol));

	if (stk < 0 || stk >= PKD_FILES_MAX)
		return -ENOBUFS;
	w->by_stk[f->stk] = 0;
	stk_option_set(w->stk, w->now, f->stk, STK_SO_LINGER, 0);
	stk_close(w->stk, w->now, f->stk);
	f->stk = stk;
	f->connecting = f->connected = f->listening = false;
	w->by_stk[stk] = f->fd;
	return 0;
}

int pkd_connect(void *userdata, int fd, const struct sockaddr *sa, socklen_t len)
{
	struct pkd *w = pkd_enter();
	struct connect_call c = {.call = {.attempt = connect_attempt, .late = -EINPROGRESS}};
	struct stk_addr addr;
	int error;

	(void)userdata;
	c.f = pkd_socket_file(w, fd, &error);
	if (!c.f)
		return (int)pkd_leave(w, error);
	if (len >= sizeof(sa->sa_family) && sa->sa_family == AF_UNSPEC) {
		return (int)pkd_leave(w, disconnect(w, c.f));
	}
	error = pkd_addr_in(c.f, sa, len, &addr);
	if (error)
		return (int)pkd_leave(w, error);
	if (c.f->connecting && c.f->nonblocking)
		return (int)pkd_leave(w, again(w, c.f));
	if (!c.f->connecting) {
		error = stk_connect(w->stk, w->now, c.f->stk, &addr);
		if (error != -EINPROGRESS) {
			c.f->connected = !error;
			return (int)pkd_leave(w, error);
		}
		c.f->connecting = true;
	}
	if (c.f->nonblocking)
		return (int)pkd_leave(w, -EINPROGRESS);
	pkd_settle(w);
	c.call.deadline = pkd_deadline(w, c.f->sndtimeo_us);
	return (int)pkd_leave(w, pkd_wait(w, &c.call, false));
}

int pkd_shutdown(void *userdata, int fd, int how)
{
	struct pkd *w = pkd_enter();
	int error;
	struct pkd_file *f = pkd_socket_file(w, fd, &error);

	(void)userdata;
	if (f)
		error = stk_shutdown(w->stk, w->now, f->stk, how);
	return (int)pkd_leave(w, error);
}

struct close_call {
	struct pkd_call call;
	int stk;
};

/* Until the peer has acknowledged everything and our end of the stream (socket(7), SO_LINGER). */
static ssize_t close_attempt(struct pkd_call *c)
{
	struct close_call *a = (struct close_call *)c;
	struct tcp_details d;

	if (tcp_details(pkd_world->stk, a->stk, &d))
		return 0;
	return d.state == TCP_FIN_WAIT_1 || d.state == TCP_CLOSING || d.state == TCP_LAST_ACK
		       ? -EAGAIN
		       : 0;
}

/* The descriptor is gone already; also a non-blocking one's close() waits. Nobody would read what
 * has come: then the connection is reset at once, as without the option.
 */
static void linger(struct pkd *w, int stk, int seconds)
{
	struct close_call a = {.call = {.attempt = close_attempt}, .stk = stk};
	struct tcp_details d;

	if (tcp_details(w->stk, stk, &d) || d.rcv_queued ||
	    stk_shutdown(w->stk, w->now, stk, STK_SHUT_RDWR))
		return;
	a.call.deadline = w->now + seconds * VS_SEC;
	pkd_settle(w);
	pkd_wait(w, &a.call, false);
}

int pkd_close(void *userdata, int fd)
{
	struct pkd *w = pkd_enter();
	struct pkd_file *f = pkd_file(w, fd);
	int error = 0;

	(void)userdata;
	if (!f) {
		pthread_mutex_unlock(&w->lock);
		return close(fd);
	}
	if (f->kind == PKD_SOCKET) {
		int stk = f->stk, seconds = f->linger_s;

		w->by_stk[stk] = 0;
		file_drop(w, f);
		if (seconds > 0)
			linger(w, stk, seconds);
		error = stk_close(w->stk, w->now, stk);
	} else {
		file_drop(w, f);
	}
	return (int)pkd_leave(w, error);
}

void pkd_files_close(struct pkd *w)
{
	for (int fd = 0; fd < PKD_FILES_MAX; fd++) {
		struct pkd_file *f = &w->files[fd];

		if (f->kind == PKD_NONE)
			continue;
		/* The script's driver may have closed the descriptor already. */
		pkd_watches_drop(w, f);
		pkd_marks_drop(f);
		f->kind = PKD_NONE;
	}
}
