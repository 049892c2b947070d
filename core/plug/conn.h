/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A connection from the client's side, and how it is made. */
#ifndef VSQ_PLUG_CONN_H
#define VSQ_PLUG_CONN_H

#include <sys/un.h>

#include "core/plug/libvdeplug.h"

struct vdeconn {
	int ctl;  /* stream; its end is the end of the connection. Of IPN: what watches data */
	int data; /* datagrams, connected to the switch's data socket, or a socket of IPN */
	struct sockaddr_un own; /* where data is bound; of IPN: nowhere */
};

/* Connects to the switch of a URL. 0 or -errno, with nothing left behind. */
int plug_open(struct vdeconn *, const char *url, const char *descr, const struct vde_open_args *);

#endif
