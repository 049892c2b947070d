/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A replay into a host: the world that its parts share. */
#ifndef VSQ_REPLAY_HOST_IMPL_H
#define VSQ_REPLAY_HOST_IMPL_H

#include "core/base/arena.h"
#include "harness/replay/story.h"
#include "stack/stk.h"

#define HOST_LEAD VS_SEC /* the stack is up for a second when the capture begins */

/* A frame of the others that is played to the host. */
struct play {
	const struct replay_frame *frame;
	struct story *story; /* NULL: of no conversation */
	size_t said_before;  /* datagrams the host had said in it */
	bool done;
};

/* The application of one conversation, by the index of its story. */
struct app {
	int fd; /* -1: none (yet) */
	bool connected;
	bool opened;   /* connect() was called */
	bool shut;     /* the stream was ended */
	bool peer_fin; /* recv() said so */
	size_t sent;   /* bytes of the stream given to the stack; datagrams said */
	size_t write;  /* the write of the story that is next */
	uint64_t received; /* bytes, or datagrams */
	size_t out;	   /* datagrams that left the stack */
	size_t played;

	/* The stack's numbers of the connection. */
	bool has_isn;
	uint32_t isn;
	uint32_t sent_max;  /* highest sequence number sent, from the ISN */
	uint32_t acked;	    /* what of it the stack was told has arrived */
	uint32_t stood_in;  /* what of it the last stand-in acknowledged or was made for */
	bool has_ts;
	uint32_t ts_delta, ts_last;
};

/* A socket that several conversations share: a listener, or a datagram socket of a port. */
struct door {
	enum story_kind kind;
	uint16_t port;
	int fd;
};

struct neighbour {
	struct wire_addr addr;
	uint8_t mac[6];
};

struct host {
	struct replay_capture capture;
	struct replay_capture outcome; /* what really went, both ways */
	struct stories captured;
	struct wire_addr addr;
	uint8_t mac[6];
	struct vs_text *account;
	struct vs_arena arena;
	struct vs_pool *pool;
	struct stk *stk;
	int ifindex;
	uint32_t mtu;
	vs_time now;
	vs_time start; /* of the capture */
	struct play *play;
	size_t plays, first; /* the first that is not done */
	struct app *app;
	struct door *door;
	size_t doors;
	struct neighbour *neighbour;
	size_t neighbours;
	uint8_t *bytes;	 /* room for the frame being played */
	size_t left_out; /* connections of which the capture does not hold everything */
	int error;
};

static inline vs_time host_time(const struct host *h, vs_time captured)
{
	return captured - h->start + HOST_LEAD;
}

static inline struct app *host_app(struct host *h, const struct story *s)
{
	return &h->app[s - h->captured.story];
}

/* Whether a conversation is replayed: a TCP connection must begin in the capture and be whole. */
bool host_takes_part(const struct story *);

/* The applications: open what must stand before the first frame; do what is due. */
int host_apps_open(struct host *);
void host_apps_run(struct host *);
vs_time host_apps_next(const struct host *); /* VS_NEVER: nothing that only waits for time */

/* Whether a frame may be played now, and the frame as the stack must see it: its numbers moved.
 * bytes has room for the frame.
 */
bool host_may_play(struct host *, const struct play *);
void host_translate(struct host *, const struct play *, uint8_t *bytes);

/* While a segment may not be played because the stack has not sent all that it acknowledges: makes
 * a bare acknowledgement of what was sent, once for each advance. Returns its length or 0.
 */
size_t host_stand_in(struct host *, const struct play *, uint8_t *bytes);

/* The same when the stack waits as well, as where a loss lay between the two hosts and the capture:
 * the next acknowledgement of the conversation that says more, as far as it was sent.
 */
size_t host_look_ahead(struct host *, const struct play *, uint8_t *bytes);

/* Looks at a frame that left the stack, and learns the numbers of its connections. */
void host_learn(struct host *, const uint8_t *bytes, size_t len);

/* Compares what the two hosts said. 0 or 1 with an account, or -ENOMEM. */
int host_differ(struct host *);

#endif
