/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sockets: made, named, connected, accepted and closed. */
#include <fcntl.h>
#include <sys/ioctl.h>

#include "stack/lwip/lwip_impl.h"

static int kind_of(int domain, int type, int protocol)
{
	if (domain != AF_INET && domain != AF_INET6)
		return -EAFNOSUPPORT;
	if (type != SOCK_STREAM && type != SOCK_DGRAM)
		return -ESOCKTNOSUPPORT;
	if (protocol && protocol != (type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP))
		return -EPROTONOSUPPORT;
	return type == SOCK_STREAM ? STK_STREAM : STK_DGRAM;
}

/* With the lock: a socket in the stack for one that the program is to get. */
static int open_number(struct lwip_socket *so, vs_time now, int number)
{
	int error;

	if (number < 0)
		return number;
	error = lwip_socket_attach(so, number);
	if (error)
		stk_close(so->stack->stk, now, number);
	return error;
}

/* Takes a socket that the program cannot get after all. */
static int give_up(struct lwip_socket *so, int error)
{
	vs_time now;

	if (!lwip_enter(so, &now)) {
		int number = so->number;

		lwip_socket_detach(so);
		stk_close(so->stack->stk, now, number);
		lwip_stack_leave(so->stack);
	}
	lwip_socket_put(so);
	return lwip_result(error);
}

LWIP_EXPORT int lwip_msocket(struct stack *stack, int domain, int type, int protocol)
{
	int flags = type & (SOCK_NONBLOCK | SOCK_CLOEXEC);
	int kind = kind_of(domain, type & ~flags, protocol);
	struct lwip_socket *so;
	vs_time now;
	int error;

	if (!stack)
		stack = lwip_stack_get();
	if (!stack)
		return lwip_result(-ENONET);
	if (kind < 0)
		return lwip_result(kind);
	error = lwip_socket_new(&so, stack, domain, type & ~flags,
				kind == STK_STREAM ? IPPROTO_TCP : IPPROTO_UDP,
				flags & SOCK_CLOEXEC);
	if (error)
		return lwip_result(error);
	now = lwip_stack_enter(stack);
	so->nonblock = flags & SOCK_NONBLOCK;
	error = open_number(so, now, stk_socket(stack->stk, kind));
	if (!error)
		lwip_socket_show(so);
	lwip_stack_leave(stack);
	if (!error)
		error = lwip_socket_publish(so);
	return error < 0 ? give_up(so, error) : error;
}

LWIP_EXPORT int lwip_socket(int domain, int type, int protocol)
{
	return lwip_msocket(NULL, domain, type, protocol);
}

LWIP_EXPORT int lwip_bind(int s, const struct sockaddr *name, socklen_t len)
{
	struct lwip_socket *so = lwip_socket_get(s);
	struct stk_addr addr;
	vs_time now;
	int error;

	if (!so)
		return -1;
	error = lwip_addr_in(so, name, len, &addr);
	if (!error)
		error = lwip_enter(so, &now);
	if (!error) {
		error = stk_bind(so->stack->stk, so->number, &addr);
		so->named |= !error;
		lwip_leave(so);
	}
	lwip_socket_put(so);
	return lwip_result(error);
}

/* Waits until a connection that was begun is there, or has failed. */
static int await_connection(struct lwip_socket *so)
{
	vs_time now, deadline = lwip_deadline(so->send_timeout);
	int64_t pending = 0;
	unsigned ready;
	int error;

	do {
		error = lwip_wait(so, POLLOUT, deadline);
		if (error)
			return error == -EAGAIN ? -EINPROGRESS : error;
		error = lwip_enter(so, &now);
		if (error)
			return error;
		ready = stk_readiness(so->stack->stk, so->number);
		error = stk_option_get(so->stack->stk, so->number, STK_SO_ERROR, &pending);
		lwip_leave(so);
		if (error || pending)
			return error ? error : -(int)pending;
	} while (!(ready & (STK_OUT | STK_HUP)));
	return ready & STK_OUT ? 0 : -ECONNABORTED;
}

LWIP_EXPORT int lwip_connect(int s, const struct sockaddr *name, socklen_t len)
{
	struct lwip_socket *so = lwip_socket_get(s);
	bool nonblock = false;
	struct stk_addr addr;
	vs_time now;
	int error;

	if (!so)
		return -1;
	error = lwip_addr_in(so, name, len, &addr);
	if (!error)
		error = lwip_enter(so, &now);
	if (!error) {
		error = stk_connect(so->stack->stk, now, so->number, &addr);
		nonblock = so->nonblock;
		so->named |= !error || error == -EINPROGRESS;
		lwip_leave(so);
	}
	if ((error == -EINPROGRESS || error == -EALREADY) && !nonblock)
		error = await_connection(so);
	lwip_socket_put(so);
	return lwip_result(error);
}

LWIP_EXPORT int lwip_listen(int s, int backlog)
{
	struct lwip_socket *so = lwip_socket_get(s);
	vs_time now;
	int error;

	if (!so)
		return -1;
	error = lwip_enter(so, &now);
	if (!error) {
		error = lwip_socket_name(so);
		if (!error)
			error = stk_listen(so->stack->stk, so->number, backlog);
		lwip_leave(so);
	}
	lwip_socket_put(so);
	return lwip_result(error);
}

/* One try: fresh gets the connection. */
static int accept_now(struct lwip_socket *so, struct lwip_socket *fresh, struct stk_addr *peer,
		      bool *nonblock)
{
	vs_time now;
	int error = lwip_enter(so, &now);

	if (error)
		return error;
	*nonblock = so->nonblock;
	error = open_number(fresh, now, stk_accept(so->stack->stk, now, so->number, peer));
	if (!error) {
		fresh->named = true;
		lwip_socket_show(fresh);
	}
	lwip_leave(so);
	return error;
}

LWIP_EXPORT int lwip_accept(int s, struct sockaddr *name, socklen_t *len)
{
	struct lwip_socket *so = lwip_socket_get(s), *fresh;
	struct stk_addr peer = {0};
	bool nonblock = false;
	vs_time deadline;
	int error;

	if (!so)
		return -1;
	error = lwip_socket_new(&fresh, so->stack, so->domain, so->type, so->protocol, false);
	if (error) {
		lwip_socket_put(so);
		return lwip_result(error);
	}
	deadline = lwip_deadline(so->receive_timeout);
	while ((error = accept_now(so, fresh, &peer, &nonblock)) == -EAGAIN && !nonblock) {
		error = lwip_wait(so, POLLIN, deadline);
		if (error)
			break;
	}
	lwip_socket_put(so);
	if (!error) {
		lwip_addr_out(fresh, &peer, name, len);
		error = lwip_socket_publish(fresh);
	}
	return error < 0 ? give_up(fresh, error) : error;
}

LWIP_EXPORT int lwip_shutdown(int s, int how)
{
	struct lwip_socket *so = lwip_socket_get(s);
	vs_time now;
	int error;

	if (!so)
		return -1;
	error = lwip_enter(so, &now);
	if (!error) {
		error = stk_shutdown(so->stack->stk, now, so->number, how);
		lwip_leave(so);
	}
	lwip_socket_put(so);
	return lwip_result(error);
}

typedef int name_fn(const struct stk *, int number, struct stk_addr *);

static int get_name(int s, name_fn *get, struct sockaddr *name, socklen_t *len)
{
	struct lwip_socket *so = lwip_socket_get(s);
	struct stk_addr addr = {0};
	vs_time now;
	int error;

	if (!so)
		return -1;
	error = name && len ? lwip_enter(so, &now) : -EFAULT;
	if (!error) {
		error = get(so->stack->stk, so->number, &addr);
		lwip_leave(so);
	}
	if (!error)
		lwip_addr_out(so, &addr, name, len);
	lwip_socket_put(so);
	return lwip_result(error);
}

LWIP_EXPORT int lwip_getsockname(int s, struct sockaddr *name, socklen_t *len)
{
	return get_name(s, stk_local, name, len);
}

LWIP_EXPORT int lwip_getpeername(int s, struct sockaddr *name, socklen_t *len)
{
	return get_name(s, stk_peer, name, len);
}

/* Threads that wait for the socket leave with EBADF. */
LWIP_EXPORT int lwip_close(int s)
{
	struct lwip_socket *so = lwip_socket_withdraw(s);

	if (!so)
		return -1;
	give_up(so, 0);
	return 0;
}

static int in_queue(struct lwip_socket *so, int *bytes)
{
	int64_t value = 0;
	int error = stk_option_get(so->stack->stk, so->number, STK_INQ, &value);

	*bytes = (int)value;
	return error;
}

LWIP_EXPORT int lwip_ioctl(int s, long request, void *arg)
{
	struct lwip_socket *so = lwip_socket_get(s);
	vs_time now;
	int error;

	if (!so)
		return -1;
	error = arg ? lwip_enter(so, &now) : -EFAULT;
	if (!error) {
		if (request == FIONREAD)
			error = in_queue(so, arg);
		else if (request == FIONBIO)
			so->nonblock = *(const int *)arg;
		else
			error = -ENOTTY;
		lwip_leave(so);
	}
	lwip_socket_put(so);
	return lwip_result(error);
}

static int descriptor_flags(const struct lwip_socket *so, int command, long arg)
{
	int result = fcntl(so->user, command, arg);

	return result < 0 ? -errno : result;
}

LWIP_EXPORT int lwip_fcntl(int s, int command, long arg)
{
	struct lwip_socket *so = lwip_socket_get(s);
	vs_time now;
	int result;

	if (!so)
		return -1;
	result = lwip_enter(so, &now);
	if (!result) {
		if (command == F_GETFL)
			result = O_RDWR | (so->nonblock ? O_NONBLOCK : 0);
		else if (command == F_SETFL)
			so->nonblock = arg & O_NONBLOCK;
		else if (command == F_GETFD || command == F_SETFD)
			result = descriptor_flags(so, command, arg);
		else
			result = -EINVAL;
		lwip_leave(so);
	}
	lwip_socket_put(so);
	return lwip_result(result);
}

LWIP_EXPORT int lwip_fcntl64(int s, int command, long arg)
{
	return lwip_fcntl(s, command, arg);
}
