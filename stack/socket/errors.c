/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Errors that wait to be read one by one: IP_RECVERR, IPV6_RECVERR of ip(7) and ipv6(7). Each keeps
 * what was quoted of the message that it is about.
 */
#include "stack/socket/errors.h"

#include <errno.h>
#include <string.h>

#define ERRORS_MAX 16 /* waiting; what comes then is lost */

struct waiting {
	struct stk_error error;
	struct stk_addr peer; /* where the message went */
	struct vs_frame *f;   /* the message, as far as it was quoted */
};

struct socket_errors {
	unsigned head, tail;
	struct waiting ring[ERRORS_MAX];
};

int socket_errors_enable(struct stk *s, struct stk_socket *so, bool on)
{
	struct socket_errors *q = so->errors;

	if (on && !q) {
		so->errors = vs_alloc(s->arena, sizeof(*q));
		return so->errors ? 0 : -ENOMEM;
	}
	if (on || !q)
		return 0;
	for (; q->head != q->tail; q->head++)
		vs_frame_put(q->ring[q->head % ERRORS_MAX].f);
	vs_free(s->arena, q, sizeof(*q));
	so->errors = NULL;
	return 0;
}

bool socket_errors_waiting(const struct stk_socket *so)
{
	return so->errors && so->errors->head != so->errors->tail;
}

void socket_errors_push(struct stk *s, struct stk_socket *so, const struct stk_error *error,
			const struct stk_addr *peer, const void *bytes, size_t len)
{
	struct socket_errors *q = so->errors;
	struct vs_frame *f;

	if (!q || q->tail - q->head >= ERRORS_MAX)
		return;
	f = vs_frame_from(s->pool, bytes, len);
	if (f)
		q->ring[q->tail++ % ERRORS_MAX] = (struct waiting){*error, *peer, f};
}

void socket_errors_push_icmp(struct stk *s, struct stk_socket *so, const struct ip_error *e,
			     uint16_t port, size_t header_len)
{
	bool is4 = wire_addr_is4(&e->dst);
	struct stk_addr peer = {.addr = e->dst, .port = port};
	struct stk_error error = {.error = e->error,
				  .origin = is4 ? STK_ORIGIN_ICMP : STK_ORIGIN_ICMP6,
				  .type = e->type,
				  .code = e->code,
				  .info = e->mtu,
				  .offender = e->offender};

	if (e->transport_len >= header_len)
		socket_errors_push(s, so, &error, &peer, e->transport + header_len,
				   e->transport_len - header_len);
}

ptrdiff_t socket_errors_recv(struct stk_socket *so, void *buf, size_t len, struct stk_msg *msg)
{
	struct socket_errors *q = so->errors;
	struct waiting *first;
	size_t copied;

	if (!socket_errors_waiting(so))
		return -EAGAIN;
	first = &q->ring[q->head++ % ERRORS_MAX];
	copied = first->f->len < len ? first->f->len : len;
	if (copied)
		memcpy(buf, first->f->data, copied);
	*msg = (struct stk_msg){.peer = first->peer,
				.local = so->local.addr,
				.flags = STK_MSG_ERRQUEUE |
					 (copied < first->f->len ? STK_MSG_TRUNC : 0),
				.error = first->error};
	vs_frame_put(first->f);
	/* The next one is what is pending now. */
	so->error = socket_errors_waiting(so) ? q->ring[q->head % ERRORS_MAX].error.error : 0;
	return (ptrdiff_t)copied;
}
