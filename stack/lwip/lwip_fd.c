/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Descriptors: the table from the program's descriptor to the socket, and what a descriptor shows.
 *
 * One byte that we have written makes it readable; it is not writable while what we have filled it
 * with lies in the pair. Both change only when the socket's readiness does.
 */
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "stack/lwip/lwip_impl.h"

static pthread_rwlock_t table_lock = PTHREAD_RWLOCK_INITIALIZER;
static struct lwip_socket **table; /* by descriptor */
static size_t table_size;

int lwip_socket_new(struct lwip_socket **out, struct stack *stack, int domain, int type,
		    int protocol, bool cloexec)
{
	struct lwip_socket *so = calloc(1, sizeof(*so));
	int pair[2], small = 1;

	if (!so)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		free(so);
		return -errno;
	}
	if (!cloexec)
		fcntl(pair[0], F_SETFD, 0);
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	*so = (struct lwip_socket){.stack = stack,
				   .domain = domain,
				   .type = type,
				   .protocol = protocol,
				   .user = pair[0],
				   .far = pair[1],
				   .number = -1,
				   .writable = true,
				   .receive_timeout = VS_NEVER,
				   .send_timeout = VS_NEVER};
	atomic_init(&so->users, 1);
	atomic_fetch_add(&stack->users, 1);
	*out = so;
	return 0;
}

int lwip_socket_attach(struct lwip_socket *so, int number)
{
	struct stack *stack = so->stack;

	if ((size_t)number >= stack->sockets_size) {
		size_t size = (size_t)number * 2 + 16;
		struct lwip_socket **more = realloc(stack->sockets, size * sizeof(so));

		if (!more)
			return -ENOMEM;
		memset(more + stack->sockets_size, 0, (size - stack->sockets_size) * sizeof(so));
		stack->sockets = more;
		stack->sockets_size = size;
	}
	stack->sockets[number] = so;
	so->number = number;
	return 0;
}

void lwip_socket_detach(struct lwip_socket *so)
{
	so->stack->sockets[so->number] = NULL;
	so->number = -1;
	lwip_notices_drop(so);
	lwip_socket_show(so);
}

int lwip_socket_publish(struct lwip_socket *so)
{
	size_t fd = (size_t)so->user;
	int result = so->user;

	pthread_rwlock_wrlock(&table_lock);
	if (fd >= table_size) {
		size_t size = fd * 2 + 64;
		struct lwip_socket **more = realloc(table, size * sizeof(*table));

		if (more) {
			memset(more + table_size, 0, (size - table_size) * sizeof(*table));
			table = more;
			table_size = size;
		}
	}
	if (fd < table_size)
		table[fd] = so;
	else
		result = -ENOMEM;
	pthread_rwlock_unlock(&table_lock);
	return result;
}

struct lwip_socket *lwip_socket_get(int fd)
{
	struct lwip_socket *so = NULL;

	pthread_rwlock_rdlock(&table_lock);
	if (fd >= 0 && (size_t)fd < table_size)
		so = table[fd];
	if (so)
		atomic_fetch_add(&so->users, 1);
	pthread_rwlock_unlock(&table_lock);
	if (!so)
		errno = EBADF;
	return so;
}

struct lwip_socket *lwip_socket_withdraw(int fd)
{
	struct lwip_socket *so = NULL;

	pthread_rwlock_wrlock(&table_lock);
	if (fd >= 0 && (size_t)fd < table_size) {
		so = table[fd];
		table[fd] = NULL;
	}
	pthread_rwlock_unlock(&table_lock);
	if (!so)
		errno = EBADF;
	return so;
}

/* The number of the descriptor is given back only here, when no thread waits for it any more. */
void lwip_socket_put(struct lwip_socket *so)
{
	int error = errno;

	if (atomic_fetch_sub(&so->users, 1) != 1)
		return;
	close(so->user);
	close(so->far);
	lwip_stack_put(so->stack);
	free(so);
	errno = error;
}

int lwip_enter(struct lwip_socket *so, vs_time *now)
{
	struct stack *stack = so->stack;

	pthread_mutex_lock(&stack->lock);
	if (so->number < 0) {
		lwip_stack_unlock(stack);
		return -EBADF;
	}
	*now = rt_read_clock(stack->rt);
	return 0;
}

void lwip_leave(struct lwip_socket *so)
{
	rt_serve(so->stack->rt);
	lwip_socket_show(so);
	lwip_stack_unlock(so->stack);
}

static void show_readable(struct lwip_socket *so, bool readable)
{
	char byte = 0;

	if (so->readable == readable)
		return;
	if (readable)
		send(so->far, &byte, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	else
		recv(so->user, &byte, 1, MSG_DONTWAIT);
	so->readable = readable;
}

static void show_writable(struct lwip_socket *so, bool writable)
{
	char filling[1024] = {0};

	if (so->writable == writable)
		return;
	if (writable)
		while (recv(so->far, filling, sizeof(filling), MSG_DONTWAIT) > 0)
			continue;
	else
		while (send(so->user, filling, sizeof(filling), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
			continue;
	so->writable = writable;
}

/* An error or a hang-up ends every wait, for either direction. */
void lwip_socket_show(struct lwip_socket *so)
{
	unsigned now = so->number < 0 ? STK_HUP : stk_readiness(so->stack->stk, so->number);

	show_readable(so, now & (STK_IN | STK_ERR | STK_HUP));
	show_writable(so, now & (STK_OUT | STK_ERR | STK_HUP));
	if (so->notices && so->number >= 0)
		lwip_notices_find(so, lwip_socket_look(so));
}

static vs_time monotonic(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * VS_SEC + t.tv_nsec;
}

vs_time lwip_deadline(vs_time timeout)
{
	return timeout == VS_NEVER ? VS_NEVER : vs_time_add(monotonic(), timeout);
}

int lwip_wait(struct lwip_socket *so, short events, vs_time deadline)
{
	struct pollfd fd = {.fd = so->user, .events = events};
	struct timespec left = {0};
	int count;

	if (deadline != VS_NEVER) {
		vs_time now = monotonic();

		if (now >= deadline)
			return -EAGAIN;
		left.tv_sec = (deadline - now) / VS_SEC;
		left.tv_nsec = (deadline - now) % VS_SEC;
	}
	count = ppoll(&fd, 1, deadline == VS_NEVER ? NULL : &left, NULL);
	if (count < 0)
		return -errno;
	return count ? 0 : -EAGAIN;
}

short lwip_socket_look(const struct lwip_socket *so)
{
	unsigned now = stk_readiness(so->stack->stk, so->number);

	return (short)((now & STK_IN ? POLLIN | POLLRDNORM : 0) |
		       (now & STK_OUT ? POLLOUT | POLLWRNORM : 0) |
		       (now & STK_ERR ? POLLERR : 0) | (now & STK_HUP ? POLLHUP : 0) |
		       (now & STK_PRI ? POLLPRI : 0));
}

short lwip_socket_events(struct lwip_socket *so)
{
	short events = POLLNVAL;

	pthread_mutex_lock(&so->stack->lock);
	if (so->number >= 0)
		events = lwip_socket_look(so);
	lwip_stack_unlock(so->stack);
	return events;
}
