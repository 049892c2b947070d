/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* TAP and TUN interfaces of the host. */
#ifndef VSQ_HOST_TAP_H
#define VSQ_HOST_TAP_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/frame.h"

#define TAP_NAME_MAX 16 /* with the terminator */

/* Opens the TAP interface called name, or a TUN interface, making it if it is not there. A name
 * with %d, or an empty one, lets the kernel choose; opened, if not NULL, receives the name in use.
 * Reads and writes are whole frames without a header of their own (IFF_NO_PI). Gives a descriptor
 * that does not block and is closed on exec, or -errno (-EPERM without the right to make one,
 * -EBUSY when another program holds it, -EINVAL when it is an interface of another kind,
 * -ENAMETOOLONG).
 */
int tap_open(const char *name, bool tun, char opened[TAP_NAME_MAX]);

#define TAP_FRAME_MAX 9234 /* the longest frame received: an MTU of 9216, headers and a tag */

/* Receives without waiting up to count frames of the pool; gives them. *more tells whether there
 * may be others. Returns their number, -EAGAIN when there was none, -ENOBUFS when the pool is
 * full, or another -errno (-EBADFD: the interface is gone).
 */
int tap_recv_frames(int fd, struct vs_pool *, struct vs_frame **frames, unsigned count,
		    bool *more);

/* Sends up to count frames, which it borrows: how many were taken, or -errno for the first. */
int tap_send_frames(int fd, struct vs_frame *const *frames, unsigned count);

#endif
