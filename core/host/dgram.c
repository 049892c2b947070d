/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Each frame kept ready has room for an Ethernet frame of the usual size; behind it every slot has
 * a spill for the rest of a jumbo frame, which is then copied together. So a frame costs the
 * memory of its kind and only jumbo frames cost a copy.
 */
#include "core/host/dgram.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define ETH_HEADER 14
#define ROOM	   1792u /* what a frame of the second size class holds behind its headroom */

struct dgram_rx {
	struct vs_pool *pool;
	uint32_t len_max, spill_size;
	struct dgram_stats stats;
	struct vs_frame *frame[DGRAM_BATCH]; /* ready to receive into; NULL: to be made */
	struct iovec iov[DGRAM_BATCH][2];
	struct mmsghdr msg[DGRAM_BATCH];
	uint8_t *spill; /* spill_size for each slot */
};

int dgram_rx_create(struct dgram_rx **out, struct vs_pool *pool, uint32_t len_max)
{
	struct dgram_rx *rx = calloc(1, sizeof(*rx));

	vs_assert(len_max <= VS_FRAME_MAX);
	if (!rx)
		return -ENOMEM;
	rx->pool = pool;
	rx->len_max = len_max;
	rx->spill_size = len_max > ROOM ? len_max - ROOM : 0;
	rx->spill = malloc((size_t)DGRAM_BATCH * rx->spill_size + 1);
	if (!rx->spill) {
		free(rx);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < DGRAM_BATCH; i++) {
		rx->iov[i][0].iov_len = len_max < ROOM ? len_max : ROOM;
		rx->iov[i][1].iov_base = rx->spill + (size_t)i * rx->spill_size;
		rx->iov[i][1].iov_len = rx->spill_size;
		rx->msg[i].msg_hdr.msg_iov = rx->iov[i];
		rx->msg[i].msg_hdr.msg_iovlen = rx->spill_size ? 2 : 1;
	}
	*out = rx;
	return 0;
}

void dgram_rx_destroy(struct dgram_rx *rx)
{
	if (!rx)
		return;
	for (unsigned i = 0; i < DGRAM_BATCH; i++)
		vs_frame_put(rx->frame[i]);
	free(rx->spill);
	free(rx);
}

struct dgram_stats dgram_rx_stats(const struct dgram_rx *rx)
{
	return rx->stats;
}

/* Fills the first slots, up to count or as far as the pool goes. */
static unsigned prepare(struct dgram_rx *rx, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (rx->frame[i])
			continue;
		rx->frame[i] = vs_frame_new(rx->pool, 0, ROOM);
		if (!rx->frame[i])
			return i;
		rx->iov[i][0].iov_base = rx->frame[i]->data;
	}
	return count;
}

/* The frame of a slot that has received, or NULL, counted. */
static struct vs_frame *finish(struct dgram_rx *rx, unsigned slot)
{
	struct vs_frame *f = rx->frame[slot], *jumbo;
	uint32_t len = rx->msg[slot].msg_len;

	rx->frame[slot] = NULL;
	if (rx->msg[slot].msg_hdr.msg_flags & MSG_TRUNC) {
		rx->stats.oversize++;
	} else if (len < ETH_HEADER) {
		rx->stats.runt++;
	} else if (len <= ROOM) {
		vs_frame_set_len(f, len);
		return f;
	} else {
		jumbo = vs_frame_new(rx->pool, len, 0);
		if (jumbo) {
			memcpy(jumbo->data, f->data, ROOM);
			memcpy(jumbo->data + ROOM, rx->iov[slot][1].iov_base, len - ROOM);
		} else {
			rx->stats.no_frame++;
		}
		vs_frame_put(f);
		return jumbo;
	}
	vs_frame_put(f);
	return NULL;
}

int dgram_recv_frames(struct dgram_rx *rx, int fd, struct vs_frame **frames, unsigned count,
		      bool *more)
{
	unsigned made = 0, n;
	int got;

	vs_assert(count <= DGRAM_BATCH);
	*more = true;
	n = prepare(rx, count);
	if (n == 0) {
		rx->stats.no_frame++;
		return 0;
	}
	got = recvmmsg(fd, rx->msg, n, MSG_DONTWAIT, NULL);
	if (got < 0) {
		*more = errno == EINTR;
		return -errno;
	}
	*more = (unsigned)got == n;
	for (int i = 0; i < got; i++) {
		struct vs_frame *f = finish(rx, (unsigned)i);

		if (f)
			frames[made++] = f;
	}
	return (int)made;
}

/* One send() for each, not a sendmmsg(): that copies and checks a header and a vector for every
 * datagram, which costs 20 to 50 ns more than entering the kernel anew.
 */
int dgram_send_frames(int fd, struct vs_frame *const *frames, unsigned count)
{
	vs_assert(count > 0);
	for (unsigned i = 0; i < count; i++)
		if (send(fd, frames[i]->data, frames[i]->len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			return i ? (int)i : -errno;
	return (int)count;
}
