/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The queue of errors that a socket asked for (STK_IP_RECVERR). Only for stack/. */
#ifndef VSQ_STACK_ERRORS_H
#define VSQ_STACK_ERRORS_H

#include "stack/stk_impl.h"

#define STK_ORIGIN_LOCAL 1
#define STK_ORIGIN_ICMP	 2
#define STK_ORIGIN_ICMP6 3

int socket_errors_enable(struct stk *, struct stk_socket *, bool on); /* 0 or -ENOMEM */
bool socket_errors_waiting(const struct stk_socket *);

/* Queues an error, if the socket wants to know and there is room; bytes are of the message. */
void socket_errors_push(struct stk *, struct stk_socket *, const struct stk_error *,
			const struct stk_addr *peer, const void *bytes, size_t len);

/* The same of an ICMP error; port is the peer's, and the message begins header_len bytes behind the
 * transport's header.
 */
void socket_errors_push_icmp(struct stk *, struct stk_socket *, const struct ip_error *,
			     uint16_t port, size_t header_len);

/* Gives the oldest: bytes copied, or -EAGAIN. */
ptrdiff_t socket_errors_recv(struct stk_socket *, void *buf, size_t len, struct stk_msg *);

#endif
