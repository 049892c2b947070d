/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libvdeplug: how a program joins a Virtual Distributed Ethernet. The Virtual Square book, section
 * 4.5; source and binary compatible with version 2 of the library of that name.
 *
 * A connection carries Ethernet frames, from the destination address on, without a checksum.
 * Functions that fail set errno. One connection is used by one thread at a time.
 */
#ifndef LIBVDEPLUG_H
#define LIBVDEPLUG_H

#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LIBVDEPLUG_INTERFACE_VERSION 1

#define VDE_MAXMTU     9216
#define VDE_ETHBUFSIZE (VDE_MAXMTU + 14 + 4) /* with Ethernet and 802.1Q headers */

struct vdeconn;
typedef struct vdeconn VDECONN;

/* How to connect; NULL in place of a pointer to it means all defaults. */
struct vde_open_args {
	int port;    /* port of the switch; 0: any */
	char *group; /* group that owns the data sockets; NULL: as the switch's control socket */
	mode_t mode; /* permissions of the data sockets; 0: as the switch's control socket */
};

/* Connects to a switch. vde_url is its directory or, for one in the kernel, the name of its IPN
 * network, or vde://DIRECTORY, each followed by [PORT] if that matters;
 * NULL or "" means the user's default (~/.vdeplug/default, ~/.vde2/default.switch), else
 * /var/run/vde.ctl, else /tmp/vde.ctl. descr says in the switch's port list who this is; user
 * and process are added to it. NULL with errno on failure: ENOENT (no switch there),
 * ECONNREFUSED (a switch was there), EPROTONOSUPPORT (no such kind of URL), EACCES or
 * ECONNRESET (the switch refused), EINVAL (port, group or interface version), ENOTDIR (a socket's
 * name, and no IPN), EADDRINUSE, EADDRNOTAVAIL (of IPN: the port is taken, none is free) ...
 */
#define vde_open(vde_url, descr, open_args)                                                        \
	vde_open_real((vde_url), (descr), LIBVDEPLUG_INTERFACE_VERSION, (open_args))
VDECONN *vde_open_real(char *vde_url, char *descr, int interface_version,
		       struct vde_open_args *open_args);

/* Receives a frame: its length, 1 for something to be ignored, or -1. What does not fit in len is
 * cut off. flags are those of recv(2): MSG_DONTWAIT never blocks (EAGAIN).
 */
ssize_t vde_recv(VDECONN *conn, void *buf, size_t len, int flags);

/* Sends a frame of up to VDE_ETHBUFSIZE bytes: len, or -1. flags are those of send(2). */
ssize_t vde_send(VDECONN *conn, const void *buf, size_t len, int flags);

/* For poll(2): readable when vde_recv() will not block. */
int vde_datafd(VDECONN *conn);

/* For poll(2): reads an end of file (an error, of a switch in the kernel) when the switch has
 * closed the connection; else silent.
 */
int vde_ctlfd(VDECONN *conn);

int vde_close(VDECONN *conn);

/* VDE streams carry frames over a stream of bytes, each after its length in two bytes, most
 * significant first. Where the length is impossible the rest of that input is dropped, and ferr
 * is told.
 */
struct vdestream;
typedef struct vdestream VDESTREAM;

#define PACKET_LENGTH_ERROR 1

VDESTREAM *vdestream_open(void *opaque, int fdout,
			  ssize_t (*frecv)(void *opaque, void *buf, size_t count),
			  void (*ferr)(void *opaque, int type, char *format, ...));

/* Writes a frame to fdout, all of it or none: len + 2, or -1. */
ssize_t vdestream_send(VDESTREAM *vdestream, const void *buf, size_t len);

/* Takes bytes as they came from the stream and calls frecv() for each frame they complete. */
void vdestream_recv(VDESTREAM *vdestream, unsigned char *buf, size_t len);

void vdestream_close(VDESTREAM *vdestream);

#ifdef __cplusplus
}
#endif

#endif
