/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading and writing in all their forms. Each becomes one flat buffer and one call of the stack,
 * so that the parts of a vector do not become segments of their own.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "harness/packetdrill/pkd_impl.h"

#define FLAT_MAX (1u << 30)

struct io_call {
	struct pkd_call call;
	struct pkd_file *f;
	uint8_t *bytes; /* NULL: discard */
	size_t len, done, target;
	int flags;
	struct stk_addr peer, *to;
	bool nonblocking;
	bool full; /* it waits until it is told that there is room */
	bool opening; /* the SYN has left with what there was: the rest waits for its answer */
};

size_t pkd_iov_total(const struct msghdr *msg)
{
	size_t total = 0;

	for (size_t i = 0; i < msg->msg_iovlen; i++)
		total += msg->msg_iov[i].iov_len;
	return total;
}

static ssize_t recv_attempt(struct pkd_call *c)
{
	struct io_call *io = (struct io_call *)c;
	int flags = io->flags & (MSG_PEEK | MSG_TRUNC | MSG_OOB);
	int64_t mark = 0;

	for (;;) {
		bool peek = io->flags & MSG_PEEK;
		size_t at = peek ? 0 : io->done;
		ssize_t n = stk_recv(pkd_world->stk, pkd_world->now, io->f->stk,
				     io->bytes ? io->bytes + at : NULL, io->len - at, flags,
				     &io->peer);

		if (n < 0 && n != -EAGAIN)
			return io->done ? (ssize_t)io->done : n;
		if (n > 0)
			io->done = peek ? (size_t)n : io->done + (size_t)n;
		if (n == 0 || (n > 0 && io->done >= io->target) || io->f->type != SOCK_STREAM)
			return n == -EAGAIN ? n : (ssize_t)io->done;
		/* A read ends before an urgent byte, whatever it still wants. */
		if (n > 0 && !stk_option_get(pkd_world->stk, io->f->stk, STK_ATMARK, &mark) && mark)
			return (ssize_t)io->done;
		if (n == -EAGAIN || peek)
			return -EAGAIN;
	}
}

/* Takes w locked and leaves it so. */
static ssize_t receive(struct pkd *w, struct io_call *io)
{
	bool nonblocking = io->f->nonblocking || (io->flags & MSG_DONTWAIT);
	ssize_t result;

	io->call = (struct pkd_call){.attempt = recv_attempt, .late = -EAGAIN};
	io->call.deadline = pkd_deadline(w, io->f->rcvtimeo_us);
	io->target = (size_t)io->f->rcvlowat < io->len ? (size_t)io->f->rcvlowat : io->len;
	if (io->flags & MSG_WAITALL)
		io->target = io->len;
	/* What is urgent is not waited for. */
	result = pkd_wait(w, &io->call, nonblocking || (io->flags & MSG_OOB));
	return result == -EAGAIN && io->done ? (ssize_t)io->done : result;
}

static ssize_t send_attempt(struct pkd_call *c)
{
	struct io_call *io = (struct io_call *)c;
	int flags = io->flags & (io->opening ? PKD_STK_FLAGS & ~STK_MSG_FASTOPEN : PKD_STK_FLAGS);
	bool fast = flags & STK_MSG_FASTOPEN;

	if (io->opening && !(stk_readiness(pkd_world->stk, io->f->stk) & ~(unsigned)STK_IN))
		return -EAGAIN;
	if (io->opening && io->done == io->len)
		return (ssize_t)io->done;
	if (io->full && !(stk_readiness(pkd_world->stk, io->f->stk) & ~(unsigned)STK_IN))
		return -EAGAIN;
	do {
		ssize_t n = stk_send(pkd_world->stk, pkd_world->now, io->f->stk,
				     io->bytes + io->done, io->len - io->done, flags,
				     io->opening ? NULL : io->to);

		if (n == -EINPROGRESS || (n >= 0 && fast)) {
			io->f->connecting = true;
			io->opening = true;
			io->done += n > 0 ? (size_t)n : 0;
			if (io->nonblocking)
				return n;
			/* What waits here goes with the handshake's last ACK. */
			if (io->done < io->len)
				stk_option_set(pkd_world->stk, pkd_world->now, io->f->stk,
					       STK_TCP_QUICKACK, 0);
			return -EAGAIN;
		}
		io->full = n == -EAGAIN;
		if (n < 0)
			return n == -EAGAIN || !io->done ? n : (ssize_t)io->done;
		io->done += (size_t)n;
		if (io->f->type != SOCK_STREAM || !n)
			break;
	} while (io->done < io->len);
	return (ssize_t)io->done;
}

static ssize_t transmit(struct pkd *w, struct io_call *io)
{
	bool nonblocking = io->f->nonblocking || (io->flags & MSG_DONTWAIT);
	ssize_t result;

	io->call = (struct pkd_call){.attempt = send_attempt, .late = -EAGAIN};
	io->call.deadline = pkd_deadline(w, io->f->sndtimeo_us);
	io->nonblocking = nonblocking;
	result = pkd_wait(w, &io->call, nonblocking);
	if (result == -EAGAIN && io->done)
		result = (ssize_t)io->done;
	if (result > 0 && io->f->type == SOCK_STREAM)
		pkd_mark_write(w, io->f, (size_t)result, io->flags);
	return result;
}

/* A place that nothing can be written to: nothing is read then. */
static bool has_hole(const struct msghdr *msg)
{
	for (size_t i = 0; i < msg->msg_iovlen; i++)
		if (msg->msg_iov[i].iov_len && !msg->msg_iov[i].iov_base)
			return true;
	return false;
}

static ssize_t recv_iov(int fd, struct msghdr *msg, int flags)
{
	struct pkd *w = pkd_enter();
	struct io_call io = {.flags = flags};
	size_t at = 0;
	ssize_t result;
	int error;

	io.f = pkd_socket_file(w, fd, &error);
	if (!io.f)
		return pkd_leave(w, error);
	msg->msg_flags = 0;
	if (flags & MSG_ERRQUEUE)
		return pkd_leave(w, pkd_notice_read(w, io.f, msg));
	io.len = pkd_iov_total(msg);
	if (io.len > FLAT_MAX)
		io.len = FLAT_MAX;
	if (!(flags & MSG_TRUNC) || io.f->type != SOCK_STREAM) {
		io.bytes = malloc(io.len ? io.len : 1);
		if (!io.bytes)
			return pkd_leave(w, -ENOMEM);
	}
	if (io.bytes && has_hole(msg)) {
		result = stk_readiness(w->stk, io.f->stk) & STK_IN ? -EFAULT : -EAGAIN;
		free(io.bytes);
		return pkd_leave(w, result);
	}
	result = receive(w, &io);
	for (size_t i = 0; io.bytes && result > 0 && i < msg->msg_iovlen; i++) {
		size_t left = (size_t)result - at, len = msg->msg_iov[i].iov_len;

		if (len > left)
			len = left;
		memcpy(msg->msg_iov[i].iov_base, io.bytes + at, len);
		at += len;
	}
	free(io.bytes);
	if (result >= 0 && io.f->type != SOCK_STREAM)
		pkd_addr_out(io.f, &io.peer, msg->msg_name, &msg->msg_namelen);
	else
		msg->msg_namelen = 0;
	if (result > 0)
		msg->msg_flags |= flags & MSG_OOB;
	if (result >= 0)
		pkd_recv_cmsg(w, io.f, msg);
	return pkd_leave(w, result);
}

/* A read of a descriptor that is not ours, such as a pipe's, is the kernel's. */
static bool foreign(int fd)
{
	struct pkd *w = pkd_enter();
	bool ours = pkd_file(w, fd);

	pthread_mutex_unlock(&w->lock);
	return !ours;
}

ssize_t pkd_recvmsg(void *userdata, int fd, struct msghdr *msg, int flags)
{
	(void)userdata;
	return recv_iov(fd, msg, flags);
}

ssize_t pkd_recvfrom(void *userdata, int fd, void *buf, size_t len, int flags, struct sockaddr *sa,
		     socklen_t *sa_len)
{
	struct iovec iov = {buf, len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_name = sa};
	ssize_t result;

	(void)userdata;
	msg.msg_namelen = sa_len ? *sa_len : 0;
	result = recv_iov(fd, &msg, flags);
	if (sa_len && result >= 0)
		*sa_len = msg.msg_namelen;
	return result;
}

ssize_t pkd_recv(void *userdata, int fd, void *buf, size_t len, int flags)
{
	return pkd_recvfrom(userdata, fd, buf, len, flags, NULL, NULL);
}

ssize_t pkd_readv(void *userdata, int fd, const struct iovec *iov, int count)
{
	struct msghdr msg = {.msg_iovlen = (size_t)count};

	(void)userdata;
	msg.msg_iov = (struct iovec *)(uintptr_t)iov;
	return foreign(fd) ? readv(fd, iov, count) : recv_iov(fd, &msg, 0);
}

ssize_t pkd_read(void *userdata, int fd, void *buf, size_t len)
{
	struct iovec iov = {buf, len};

	return pkd_readv(userdata, fd, &iov, 1);
}

static ssize_t send_iov(int fd, const struct msghdr *msg, int flags)
{
	struct pkd *w = pkd_enter();
	struct io_call io = {.flags = flags};
	struct stk_addr to;
	size_t at = 0;
	ssize_t result;
	int error;

	io.f = pkd_socket_file(w, fd, &error);
	if (!io.f)
		return pkd_leave(w, error);
	io.len = pkd_iov_total(msg);
	if (io.len > FLAT_MAX)
		return pkd_leave(w, -EMSGSIZE);
	if (msg->msg_name && (io.f->type != SOCK_STREAM || (flags & MSG_FASTOPEN))) {
		error = pkd_addr_in(io.f, msg->msg_name, msg->msg_namelen, &to);
		if (error)
			return pkd_leave(w, error);
		io.to = &to;
	}
	io.bytes = malloc(io.len ? io.len : 1);
	if (!io.bytes)
		return pkd_leave(w, -ENOMEM);
	for (size_t i = 0; i < msg->msg_iovlen; i++) {
		if (msg->msg_iov[i].iov_len && !msg->msg_iov[i].iov_base) {
			free(io.bytes);
			return pkd_leave(w, -EFAULT);
		}
		memcpy(io.bytes + at, msg->msg_iov[i].iov_base, msg->msg_iov[i].iov_len);
		at += msg->msg_iov[i].iov_len;
	}
	result = transmit(w, &io);
	free(io.bytes);
	return pkd_leave(w, result);
}

ssize_t pkd_sendmsg(void *userdata, int fd, const struct msghdr *msg, int flags)
{
	(void)userdata;
	return send_iov(fd, msg, flags);
}

ssize_t pkd_sendto(void *userdata, int fd, const void *buf, size_t len, int flags,
		   const struct sockaddr *sa, socklen_t sa_len)
{
	struct iovec iov = {(void *)(uintptr_t)buf, len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_namelen = sa_len};

	(void)userdata;
	msg.msg_name = (void *)(uintptr_t)sa;
	return send_iov(fd, &msg, flags);
}

ssize_t pkd_send(void *userdata, int fd, const void *buf, size_t len, int flags)
{
	return pkd_sendto(userdata, fd, buf, len, flags, NULL, 0);
}

ssize_t pkd_writev(void *userdata, int fd, const struct iovec *iov, int count)
{
	struct msghdr msg = {.msg_iovlen = (size_t)count};

	(void)userdata;
	msg.msg_iov = (struct iovec *)(uintptr_t)iov;
	return foreign(fd) ? writev(fd, iov, count) : send_iov(fd, &msg, 0);
}

ssize_t pkd_write(void *userdata, int fd, const void *buf, size_t len)
{
	struct iovec iov = {(void *)(uintptr_t)buf, len};

	return pkd_writev(userdata, fd, &iov, 1);
}

int pkd_pipe(void *userdata, int fds[2])
{
	(void)userdata;
	return pipe(fds);
}

/* packetdrill passes pointers where the script says 0, so an offset of 0 into a pipe is none. */
ssize_t pkd_splice(void *userdata, int in, loff_t *off_in, int out, loff_t *off_out, size_t len,
		   unsigned int flags)
{
	int dontwait = flags & SPLICE_F_NONBLOCK ? MSG_DONTWAIT : 0;
	uint8_t *bytes;
	ssize_t n;

	if (foreign(in) && foreign(out))
		return splice(in, off_in && *off_in ? off_in : NULL, out,
			      off_out && *off_out ? off_out : NULL, len, flags);
	if ((off_in && *off_in) || (off_out && *off_out)) {
		errno = ESPIPE;
		return -1;
	}
	/* A pipe's pages: what does not fit stays in the socket. */
	if (len > 65536)
		len = 65536;
	bytes = malloc(len ? len : 1);
	if (!bytes) {
		errno = ENOMEM;
		return -1;
	}
	if (!foreign(in)) {
		n = pkd_recv(userdata, in, bytes, len, dontwait);
		if (n > 0)
			n = pkd_write(userdata, out, bytes, (size_t)n);
	} else {
		n = read(in, bytes, len);
		if (n > 0)
			n = pkd_send(userdata, out, bytes, (size_t)n,
				     dontwait | (flags & SPLICE_F_MORE ? MSG_MORE : 0));
	}
	free(bytes);
	return n;
}

ssize_t pkd_sendfile(int out, int in, off_t *offset, size_t len)
{
	ssize_t n, sent;
	uint8_t *bytes;

	if (len > FLAT_MAX)
		len = FLAT_MAX;
	bytes = malloc(len ? len : 1);
	if (!bytes) {
		errno = ENOMEM;
		return -1;
	}
	n = offset ? pread(in, bytes, len, *offset) : read(in, bytes, len);
	sent = n > 0 ? pkd_send(NULL, out, bytes, (size_t)n, 0) : n;
	if (sent > 0 && offset)
		*offset += sent;
	else if (n > 0 && !offset && sent < n)
		lseek(in, (sent > 0 ? sent : 0) - n, SEEK_CUR);
	free(bytes);
	return sent;
}
