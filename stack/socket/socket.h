/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Helpers that every kind of socket uses. Only for stack/. */
#ifndef VSQ_STACK_SOCKET_H
#define VSQ_STACK_SOCKET_H

#include "stack/stk_impl.h"

/* The pending error as -errno, which is then no longer pending; or 0. */
static inline int stk_socket_error(struct stk_socket *so)
{
	int error = so->error;

	so->error = 0;
	return -error;
}

/* Whether a socket bound to bound (any, or one address) receives what is sent to addr. */
static inline bool stk_socket_covers(const struct stk_socket *so, const struct wire_addr *addr)
{
	const struct wire_addr *bound = &so->local.addr;

	if (wire_addr_equal(bound, &wire_addr_any6))
		return !so->v6only || !wire_addr_is4(addr);
	if (wire_addr_equal(bound, &wire_addr_any4))
		return wire_addr_is4(addr);
	return wire_addr_equal(bound, addr);
}

#endif
