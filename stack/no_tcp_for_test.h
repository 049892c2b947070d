/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For unit tests of what lies beside TCP: a host without it, so that they need not link it. */
#ifndef VSQ_STACK_NO_TCP_FOR_TEST_H
#define VSQ_STACK_NO_TCP_FOR_TEST_H

#include <errno.h>

#include "stack/stk_impl.h"

const struct stk_proto tcp_proto = {.name = "none", .size = sizeof(struct stk_socket)};

int tcp_create(struct stk *s)
{
	(void)s;
	return 0;
}

void tcp_destroy(struct stk *s)
{
	(void)s;
}

void tcp_input(struct stk *s, vs_time now, const struct ip_received *r, struct vs_frame *f)
{
	(void)now;
	stk_drop(s, r->ifindex, STK_TcpNoSocket, f);
}

void tcp_error(struct stk *s, vs_time now, const struct ip_error *e)
{
	(void)s;
	(void)now;
	(void)e;
}

bool tcp_error_plausible(struct stk *s, const struct ip_error *e)
{
	(void)s;
	(void)e;
	return false;
}

int tcp_set(struct stk *s, const char *name, const char *value)
{
	(void)s;
	(void)name;
	(void)value;
	return -ENOENT;
}

int tcp_get(const struct stk *s, const char *name, char *value, size_t size)
{
	(void)s;
	(void)name;
	(void)value;
	(void)size;
	return -ENOENT;
}

int tcp_fastopen_key(struct stk_socket *so, const uint8_t *key, size_t len)
{
	(void)so;
	(void)key;
	(void)len;
	return -ENOPROTOOPT;
}

void tcp_metrics_flush(struct stk *s)
{
	(void)s;
}

int tcp_setting_name(unsigned index, char *name, size_t size)
{
	(void)index;
	(void)name;
	(void)size;
	return -ENOENT;
}

#endif
