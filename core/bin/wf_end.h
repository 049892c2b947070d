/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An end of a wirefilter: a plug in a switch, or a pair of byte streams that carry VDE frames. */
#ifndef VSQ_BIN_WF_END_H
#define VSQ_BIN_WF_END_H

#include "core/base/frame.h"
#include "core/host/rt.h"
#include "core/plug/libvdeplug.h"

struct wf_end;

struct wf_end_conf {
	struct rt *rt;
	struct vs_pool *pool;
	int port;
	void *ctx;
	void (*frame)(void *ctx, int port, struct vs_frame *f); /* takes f */
	bool (*ready)(void *ctx, int port); /* whether another frame may come now */
	void (*ended)(void *ctx, int port); /* nothing will come any more */
};

/* Takes the connection. 0 or -errno. */
int wf_end_vde(struct wf_end **, const struct wf_end_conf *, VDECONN *);

/* in or out may be -1: then the end only sends, or only receives. 0 or -errno. */
int wf_end_stream(struct wf_end **, const struct wf_end_conf *, int in, int out);
void wf_end_destroy(struct wf_end *);

void wf_end_send(struct wf_end *, struct vs_frame *f); /* takes f; it leaves with wf_end_flush() */
void wf_end_flush(struct wf_end *);
size_t wf_end_pending(const struct wf_end *); /* frames that the peer has not taken yet */
uint64_t wf_end_dropped(const struct wf_end *);
void wf_end_read(struct wf_end *, bool wanted);

#endif
