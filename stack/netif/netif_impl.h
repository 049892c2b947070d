/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the kinds of interfaces give to the world. Only for stack/netif. */
#ifndef VSQ_STACK_NETIF_IMPL_H
#define VSQ_STACK_NETIF_IMPL_H

#include <sys/types.h>

#include "stack/netif/netif.h"

/* A kind of interface. Neither call blocks: -EAGAIN says that it would, any other error of receive
 * that the other side is gone. receive may give 0: nothing to see this time.
 */
struct netif_kind {
	ssize_t (*receive)(void *handle, void *buf, size_t len);
	ssize_t (*send)(void *handle, const void *buf, size_t len);
	void (*close)(void *handle);
};

/* Adds an interface of a kind to the stack and rt; takes handle, also when it fails. data_fd is
 * readable when a frame can be received, gone_fd (or -1) when the other side has closed.
 */
int netif_add(struct netif_world *, const struct netif_kind *, void *handle, int data_fd,
	      int gone_fd, const struct stk_if_conf *);

#endif
