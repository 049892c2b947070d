/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bytes and messages in and out. Each call tries, and where it may, waits and tries again. */
#include <limits.h>
#include <string.h>
#include <sys/uio.h>

#include "stack/lwip/lwip_impl.h"

#define SEND_FLAGS    (MSG_OOB | MSG_EOR | MSG_MORE | MSG_FASTOPEN)
#define RECEIVE_FLAGS (MSG_OOB | MSG_PEEK | MSG_TRUNC)

struct transfer {
	struct lwip_socket *so;
	char *buf;
	size_t len;
	int flags;		   /* as the program gave them */
	const struct stk_addr *to; /* or NULL */
	struct stk_addr from;
	bool truncated;
	bool nonblock;
};

static ptrdiff_t send_now(struct transfer *t, size_t done)
{
	struct lwip_socket *so = t->so;
	ptrdiff_t sent = 0;
	vs_time now;
	int error = lwip_enter(so, &now);

	if (error)
		return error;
	t->nonblock = so->nonblock || t->flags & MSG_DONTWAIT;
	if (so->type == SOCK_DGRAM)
		sent = lwip_socket_name(so);
	if (!sent)
		sent = stk_send(so->stack->stk, now, so->number, t->buf + done, t->len - done,
				t->flags & SEND_FLAGS, t->to);
	lwip_leave(so);
	return sent;
}

/* A stream takes everything, unless a signal or the time ends it first. */
static ptrdiff_t send_all(struct transfer *t)
{
	vs_time deadline = lwip_deadline(t->so->send_timeout);
	size_t done = 0;
	ptrdiff_t sent;

	for (;;) {
		sent = send_now(t, done);
		if (sent >= 0) {
			done += (size_t)sent;
			if (done >= t->len || t->so->type != SOCK_STREAM)
				return (ptrdiff_t)done;
			continue;
		}
		if (sent == -EAGAIN && !t->nonblock)
			sent = lwip_wait(t->so, POLLOUT, deadline);
		if (sent)
			return done ? (ptrdiff_t)done : sent;
	}
}

static ptrdiff_t receive_now(struct transfer *t, size_t done)
{
	struct lwip_socket *so = t->so;
	struct stk_msg msg = {0};
	ptrdiff_t got;
	vs_time now;
	int error = lwip_enter(so, &now);

	if (error)
		return error;
	t->nonblock = so->nonblock || t->flags & MSG_DONTWAIT;
	if (so->type == SOCK_STREAM) {
		got = stk_recv(so->stack->stk, now, so->number, t->buf + done, t->len - done,
			       t->flags & RECEIVE_FLAGS, &t->from);
	} else {
		got = stk_recv_msg(so->stack->stk, now, so->number, t->buf, t->len,
				   t->flags & RECEIVE_FLAGS, &msg);
		t->from = msg.peer;
		t->truncated = msg.flags & STK_MSG_TRUNC;
	}
	lwip_leave(so);
	return got;
}

static ptrdiff_t receive(struct transfer *t)
{
	bool all = t->flags & MSG_WAITALL && t->so->type == SOCK_STREAM &&
		   !(t->flags & (MSG_PEEK | MSG_OOB));
	vs_time deadline = lwip_deadline(t->so->receive_timeout);
	size_t done = 0;
	ptrdiff_t got;

	for (;;) {
		got = receive_now(t, done);
		if (got >= 0) {
			done += (size_t)got;
			if (!all || !got || done >= t->len)
				return (ptrdiff_t)done;
			continue;
		}
		if (got == -EAGAIN && !t->nonblock)
			got = lwip_wait(t->so, POLLIN, deadline);
		if (got)
			return done ? (ptrdiff_t)done : got;
	}
}

static ssize_t finish(struct lwip_socket *so, ptrdiff_t result)
{
	lwip_socket_put(so);
	if (result >= 0)
		return result;
	errno = (int)-result;
	return -1;
}

LWIP_EXPORT ssize_t lwip_sendto(int s, const void *buf, int len, unsigned flags,
				const struct sockaddr *name, socklen_t name_len)
{
	struct lwip_socket *so = lwip_socket_get(s);
	struct stk_addr to;
	struct transfer t = {so, (char *)(uintptr_t)buf, (size_t)len, (int)flags, .to = NULL};
	ptrdiff_t result = len < 0 ? -EINVAL : 0;

	if (!so)
		return -1;
	if (!result && name) {
		result = lwip_addr_in(so, name, name_len, &to);
		t.to = &to;
	}
	return finish(so, result ? result : send_all(&t));
}

LWIP_EXPORT ssize_t lwip_send(int s, const void *buf, int len, unsigned flags)
{
	return lwip_sendto(s, buf, len, flags, NULL, 0);
}

LWIP_EXPORT ssize_t lwip_write(int s, void *buf, int len)
{
	return lwip_sendto(s, buf, len, 0, NULL, 0);
}

LWIP_EXPORT ssize_t lwip_recvfrom(int s, void *buf, int len, unsigned flags,
				  struct sockaddr *name, socklen_t *name_len)
{
	struct lwip_socket *so = lwip_socket_get(s);
	struct transfer t = {so, buf, (size_t)len, (int)flags, .to = NULL};
	ptrdiff_t result;

	if (!so)
		return -1;
	result = len < 0 ? -EINVAL : receive(&t);
	if (result >= 0 && so->type == SOCK_DGRAM)
		lwip_addr_out(so, &t.from, name, name_len);
	else if (result >= 0 && name_len)
		*name_len = 0;
	return finish(so, result);
}

LWIP_EXPORT ssize_t lwip_recv(int s, void *buf, int len, unsigned flags)
{
	return lwip_recvfrom(s, buf, len, flags, NULL, NULL);
}

LWIP_EXPORT ssize_t lwip_read(int s, void *buf, int len)
{
	return lwip_recvfrom(s, buf, len, 0, NULL, NULL);
}

/* The length of a vector, or -errno. */
static ptrdiff_t length_of(const struct iovec *vector, size_t count)
{
	size_t sum = 0;

	if (count > IOV_MAX)
		return -EMSGSIZE;
	for (size_t i = 0; i < count; i++) {
		if (vector[i].iov_len > INT_MAX - sum)
			return -EINVAL;
		sum += vector[i].iov_len;
	}
	return (ptrdiff_t)sum;
}

/* A message is one piece for the stack, so a vector is gathered before and spread after. */
LWIP_EXPORT ssize_t lwip_sendmsg(int s, const struct msghdr *msg, int flags)
{
	ptrdiff_t len = length_of(msg->msg_iov, msg->msg_iovlen);
	char *buf, *at;
	ssize_t result;

	if (len >= 0 && msg->msg_controllen)
		len = -EOPNOTSUPP;
	if (len < 0)
		return lwip_result((int)len);
	buf = at = malloc((size_t)len + 1);
	if (!buf)
		return -1;
	for (size_t i = 0; i < msg->msg_iovlen; i++) {
		memcpy(at, msg->msg_iov[i].iov_base, msg->msg_iov[i].iov_len);
		at += msg->msg_iov[i].iov_len;
	}
	result = lwip_sendto(s, buf, (int)len, (unsigned)flags, msg->msg_name, msg->msg_namelen);
	free(buf);
	return result;
}

static void spread(const struct msghdr *msg, const char *buf, size_t len)
{
	for (size_t i = 0; i < msg->msg_iovlen && len; i++) {
		size_t part = msg->msg_iov[i].iov_len < len ? msg->msg_iov[i].iov_len : len;

		memcpy(msg->msg_iov[i].iov_base, buf, part);
		buf += part;
		len -= part;
	}
}

LWIP_EXPORT ssize_t lwip_recvmsg(int s, struct msghdr *msg, int flags)
{
	ptrdiff_t len = length_of(msg->msg_iov, msg->msg_iovlen), result;
	struct lwip_socket *so;
	struct transfer t;

	if (len < 0)
		return lwip_result((int)len);
	so = lwip_socket_get(s);
	if (!so)
		return -1;
	t = (struct transfer){so, malloc((size_t)len + 1), (size_t)len, flags, .to = NULL};
	result = t.buf ? receive(&t) : -ENOMEM;
	if (result >= 0) {
		spread(msg, t.buf, (size_t)(result < len ? result : len));
		if (so->type == SOCK_DGRAM)
			lwip_addr_out(so, &t.from, msg->msg_name, &msg->msg_namelen);
		else
			msg->msg_namelen = 0;
		msg->msg_controllen = 0;
		msg->msg_flags = t.truncated ? MSG_TRUNC : 0;
	}
	free(t.buf);
	return finish(so, result);
}

LWIP_EXPORT ssize_t lwip_writev(int s, struct iovec *vector, int count)
{
	struct msghdr msg = {.msg_iov = vector, .msg_iovlen = (size_t)count};

	return lwip_sendmsg(s, &msg, 0);
}

LWIP_EXPORT ssize_t lwip_readv(int s, struct iovec *vector, int count)
{
	struct msghdr msg = {.msg_iov = vector, .msg_iovlen = (size_t)count};

	return lwip_recvmsg(s, &msg, 0);
}
