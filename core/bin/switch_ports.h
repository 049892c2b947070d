/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ports: between the switch engine's endpoints and what carries their frames.
 *
 * What carries frames is a transport: a few functions and a descriptor to wait on. Datagram sockets
 * and TAP interfaces are transports; so may be anything that takes frames until it is full and
 * then becomes writable again.
 *
 * Back-pressure. A frame for a port that is full is held in the port's queue. Above a mark, the
 * port whose frame it was is not read any more, so that its sender is held back by its own
 * socket, and nothing is lost; below another mark it is read again. Two rules keep one port from
 * harming others: a port never waits, directly or through others, for one that waits for it (two
 * clients each blocked in sending would never read again); and a port that takes less than a
 * queueful in a second while others wait for it becomes lossy: what it has no room for is dropped
 * and counted, and nobody waits, until it takes frames again.
 */
#ifndef VSQ_BIN_SWITCH_PORTS_H
#define VSQ_BIN_SWITCH_PORTS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/frame.h"
#include "core/base/time.h"
#include "core/host/rt.h"
#include "core/switch/switch.h"

struct ports;

struct transport {
	/* As dgram_recv_frames(): gives up to count frames without waiting. */
	int (*recv)(void *ctx, int fd, struct vs_frame **frames, unsigned count, bool *more);
	/* As dgram_send_frames(): borrows frames and sends them without waiting. */
	int (*send)(void *ctx, int fd, struct vs_frame *const *frames, unsigned count);
	/* The descriptor is of no use any more: removes the endpoint. NULL: it never is. */
	void (*gone)(void *ctx, int endpoint);
	void *ctx;
	/* A send that took only some frames filled the peer, who will be writable again. */
	bool short_is_full;
};

struct port_stats {
	uint64_t rx_frames, tx_frames;
	uint64_t held;		/* frames that had to wait for room */
	uint64_t drop_full;	/* the queue was full, or the port lossy */
	uint64_t drop_gone;	/* the other end takes no frames any more */
	uint64_t drop_error;	/* the other end did not take this frame */
	unsigned waiting;	/* frames in the queue now */
	bool lossy;
};

int ports_create(struct ports **, struct rt *, struct vsw *);
void ports_destroy(struct ports *);

/* Connects an endpoint to a descriptor, which stays the caller's. 0 or -errno. */
int ports_add(struct ports *, int endpoint, const struct transport *, int fd);
void ports_remove(struct ports *, int endpoint);

unsigned ports_endpoints(const struct ports *); /* endpoints are below */
bool ports_stats(const struct ports *, int endpoint, struct port_stats *);

/* Pulls what the engine has for its ports and sends it: after each wake-up. */
void ports_run(struct ports *, vs_time now);
vs_time ports_poll_at(const struct ports *);

#endif
