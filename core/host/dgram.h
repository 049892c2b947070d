/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Datagrams in batches: received straight into frames of a pool, many with one system call, and
 * sent straight out of them.
 */
#ifndef VSQ_HOST_DGRAM_H
#define VSQ_HOST_DGRAM_H

#include <stdint.h>

#include "core/base/frame.h"

#define DGRAM_BATCH 64

/* Counts of what could not become a frame. */
struct dgram_stats {
	uint64_t oversize; /* longer than len_max */
	uint64_t runt;	   /* shorter than an Ethernet header, and empty ones */
	uint64_t no_frame; /* the pool was full: left in the socket, or lost if it was jumbo */
};

/* A receiver. It keeps frames ready to receive into; one serves any number of sockets, one after
 * the other.
 */
struct dgram_rx;

/* len_max: the longest frame taken, at most VS_FRAME_MAX. 0 or -errno. */
int dgram_rx_create(struct dgram_rx **, struct vs_pool *, uint32_t len_max);
void dgram_rx_destroy(struct dgram_rx *);
struct dgram_stats dgram_rx_stats(const struct dgram_rx *);

/* Receives without waiting up to count (at most DGRAM_BATCH) datagrams; gives frames. *more tells
 * whether there may be others. Returns the number of frames, which may be 0 although datagrams
 * were received; -EAGAIN when there was none; another -errno.
 */
int dgram_recv_frames(struct dgram_rx *, int fd, struct vs_frame **frames, unsigned count,
		      bool *more);

/* Sends without waiting, on a connected socket, up to count frames, which it borrows. Returns how
 * many were sent, or -errno when the first could not be: -EAGAIN when the peer's queue is full.
 */
int dgram_send_frames(int fd, struct vs_frame *const *frames, unsigned count);

#endif
