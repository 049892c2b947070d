/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Callbacks when a socket has news. They are called without the lock, by whichever thread caused
 * the news, so that they may use the library.
 */
#include "stack/lwip/lwip_impl.h"

struct lwip_notice {
	struct lwip_notice *next;
	void (*call)(void *arg);
	void *arg;
	const struct lwip_socket *so; /* who it is; not to be followed */
	short how;
};

static void append(struct lwip_notice **list, struct lwip_notice *notice)
{
	while (*list)
		list = &(*list)->next;
	notice->next = NULL;
	*list = notice;
}

void lwip_notices_find(struct lwip_socket *so, short events)
{
	struct lwip_notice **at = &so->notices, *notice;

	while ((notice = *at)) {
		if (notice->how & events) {
			*at = notice->next;
			append(&so->stack->due, notice);
		} else {
			at = &notice->next;
		}
	}
}

void lwip_notices_drop(struct lwip_socket *so)
{
	struct lwip_notice *notice;

	while ((notice = so->notices)) {
		so->notices = notice->next;
		free(notice);
	}
}

void lwip_notices_call(struct lwip_notice *due)
{
	struct lwip_notice *notice;

	while ((notice = due)) {
		due = notice->next;
		notice->call(notice->arg);
		free(notice);
	}
}

static void cancel(struct lwip_notice **at, const struct lwip_socket *so, const void *arg)
{
	struct lwip_notice *notice;

	while ((notice = *at)) {
		if (notice->so == so && notice->arg == arg) {
			*at = notice->next;
			free(notice);
		} else {
			at = &notice->next;
		}
	}
}

/* The compatible type has no prototype; what is called takes one pointer. */
LWIP_EXPORT int lwip_event_subscribe(lwipvoidfun cb, void *arg, int fd, int how)
{
	struct lwip_socket *so = lwip_socket_get(fd);
	struct lwip_notice *notice = cb ? malloc(sizeof(*notice)) : NULL;
	int happened = -ENOMEM;
	vs_time now;

	if (so && (notice || !cb))
		happened = lwip_enter(so, &now);
	if (so && !happened) {
		happened = lwip_socket_look(so) & how;
		if (!cb && arg) {
			cancel(&so->notices, so, arg);
			cancel(&so->stack->due, so, arg);
		} else if (cb && !happened) {
			*notice = (struct lwip_notice){
				NULL, (void (*)(void *))cb, arg, so, (short)how};
			append(&so->notices, notice);
			notice = NULL;
		}
		lwip_leave(so);
	}
	free(notice);
	if (!so)
		return -1;
	lwip_socket_put(so);
	return lwip_result(happened);
}
