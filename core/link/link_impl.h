/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the link share. A frame's way through one direction:
 *
 *   input -> [interface: speed] -> mtu, loss, dup -> [channel: capacity, bandwidth, delay] -> due
 *
 * The interface is a line of frames that waits for its sender's own serialisation; the channel is
 * ordered by the time each frame leaves it; due is what link_output() gives. Settings are those
 * of the Markov node in which the frame enters the channel.
 *
 * Quantities are millionths of wirefilter's unit (percent, ms, bytes, bytes/s, bits per megabyte):
 * for a delay that is the nanosecond. Nothing here knows floating point.
 */
#ifndef VSQ_LINK_LINK_IMPL_H
#define VSQ_LINK_LINK_IMPL_H

#include "core/base/prng.h"
#include "core/base/queue.h"
#include "core/link/link.h"

#define LINK_MICRO	((int64_t)1000000)
#define LINK_PERCENT	(100 * LINK_MICRO) /* certainty */
#define LINK_NAME_MAX	63		   /* of a Markov node */
#define LINK_NODES_MAX	1024
#define LINK_MEGABYTE	((int64_t)1 << 20) /* wirefilter's, of noise */
#define LINK_COPIES_MAX 1000		   /* of one frame, however dup is set */
#define LINK_TRACE_MTU 1514 /* bytes that one opportunity of a trace carries */

enum link_param {
	LINK_LOSS,
	LINK_LOSTBURST,
	LINK_DELAY,
	LINK_DUP,
	LINK_BANDWIDTH,
	LINK_SPEED,
	LINK_NOISE,
	LINK_MTU,
	LINK_CAPACITY,
	LINK_REORDER,
	LINK_REORDER_DELAY,
	LINK_CORRUPT,
	LINK_ECN,
	LINK_PARAMS
};

enum link_counter {
	LINK_RX_FRAMES,
	LINK_RX_BYTES,
	LINK_TX_FRAMES,
	LINK_TX_BYTES,
	LINK_DROP_LOSS,
	LINK_DROP_BURST,
	LINK_DROP_TRACE,
	LINK_DROP_MTU,
	LINK_DROP_QUEUE,
	LINK_DROP_RATE,
	LINK_DROP_MEMORY,
	LINK_DUPLICATED,
	LINK_REORDERED,
	LINK_CORRUPTED,
	LINK_NOISE_FRAMES,
	LINK_NOISE_BITS,
	LINK_MARKED,
	LINK_COUNTERS
};

struct link_value {
	int64_t value;
	int64_t spread;
	bool gauss; /* the spread is three standard deviations; else it bounds a uniform choice */
};

/* One direction in one node; below the values, what is computed from those without spread. */
struct link_settings {
	struct link_value value[LINK_PARAMS];
	unsigned active; /* bit per parameter that can have an effect */
	vs_chance chance[LINK_PARAMS];
	vs_chance burst_enter, burst_leave;
	uint64_t noise_hazard;
};

struct link_node {
	char name[LINK_NAME_MAX + 1];
	struct link_settings side[2];
};

struct link_entry {
	vs_time at;
	uint64_t order;
	struct vs_frame *frame;
	int node; /* of the chain when it entered the channel */
};

/* Frames by the time they leave. Most leave after all that came before: those stand in a ring;
 * the others in a heap.
 */
struct link_queue {
	struct link_entry *ring;
	uint32_t ring_size, ring_head, ring_tail;
	struct link_entry *heap;
	uint32_t heap_size, heap_len;
};

/* When a rate has worked off what it was given, to 2^-32 ns: no rounding piles up. */
struct link_clock {
	vs_time free_at;
	uint32_t free_part;
	uint32_t cost_part;
	vs_time cost; /* of the last frame, for the next of the same length */
	int64_t cost_rate;
	uint32_t cost_len;
};

struct link_opportunities {
	uint32_t *ms;
	size_t count;
	vs_time start; /* of the present turn of the trace */
	size_t next;   /* the opportunity in use */
	uint32_t left; /* bytes it still carries */
};

struct link_side {
	uint64_t counters[LINK_COUNTERS];
	struct vs_prng draw[LINK_PARAMS];
	struct vs_prng spread[LINK_PARAMS];
	bool faulty;	     /* the Gilbert model's state */
	uint64_t noise_left; /* hazard until the next bit is damaged */
	struct link_clock speed, bandwidth;
	uint8_t *loss_bits; /* the recorded trace, a byte per frame */
	size_t loss_len, loss_next;
	struct link_opportunities opportunities;
	struct vs_queue interface; /* its head is being sent, until speed.free_at */
	struct link_queue channel;
	size_t channel_bytes;
	size_t held_bytes; /* interface, channel and due */
	size_t held_frames;
	vs_time fifo_at; /* no later frame leaves before this */
};

struct link_chain {
	int node;
	vs_time period;
	vs_time origin;	 /* an instant of a transition */
	vs_time next_at; /* of a change of node; decided when the node was entered */
	struct vs_prng draw;
};

struct link {
	struct vs_arena *arena;
	struct vs_trace trace;
	char *name;
	size_t name_size;
	size_t held_max;
	vs_time now;
	vs_time next_at; /* of what happens next inside, while next_known */
	uint8_t next;	 /* enum event of link.c */
	bool next_known; /* cleared by whatever enters, leaves or moves the chain */
	uint64_t order;
	bool fifo;
	bool one_way;
	struct link_side side[2];
	struct vs_queue due; /* the port of an entry has the node above its lowest bit */
	int node_met;	     /* by the frame that link_output() gave last */
	struct link_chain chain;
	struct link_node *nodes;
	uint32_t *weights; /* node_count rows of millionths of a percent; loopbacks are implied */
	int node_count;
	char why[200];

	/* Set by link_mgmt_add(): told of each change of node, and whether anyone listens. */
	struct mgmt *mgmt;
	bool (*node_observed)(const struct link *);
	void (*node_changed)(struct link *, int from, int to);
};

/* value.c: the notation of values, and draws from their spread. */
enum link_unit {
	LINK_UNIT_PERCENT,
	LINK_UNIT_COUNT,
	LINK_UNIT_MS,
	LINK_UNIT_RATE,
	LINK_UNIT_BYTES
};

#define LINK_NODE_ALL (-1)

struct link_setting {
	unsigned sides; /* bit 0: left to right, bit 1: right to left */
	int node;	/* LINK_NODE_ALL for [*]; 0 when none is given */
	struct link_value value;
};

/* Reads "[LR|RL] VALUE[UNIT][+SPREAD[UNIT]][U|N][[NODE]]". 0, -EINVAL or -ERANGE (past max). */
int link_setting_parse(const char *text, enum link_unit, int64_t max, struct link_setting *);

/* Reads one quantity with its unit and sets *end after it. */
int link_quantity_parse(const char *text, enum link_unit, const char **end, int64_t *micro);

/* Reads LR or RL, if there, and the blanks after it; returns the sides meant. */
unsigned link_sides_parse(const char **text);

void link_micro_print(struct vs_text *, int64_t micro); /* as printf's %g prints it */
int64_t link_value_draw(const struct link_value *, struct vs_prng *);

/* chance.c: waiting for rare events. Hazard is -log2 of the chance that nothing happens, in units
 * of 2^-56; what is left until an event is exponentially distributed.
 */
uint64_t link_hazard(vs_chance);
uint64_t link_hazard_draw(struct vs_prng *);

/* loss.c, noise.c: what becomes of a frame. */
bool link_lose(struct link *, int side, const struct link_settings *, enum link_counter *reason);
void link_loss_derive(struct link_settings *);
struct vs_frame *link_spoil(struct link *, int side, const struct link_settings *,
			    struct vs_frame *f); /* takes f, gives it or NULL */

/* mark.c: congestion experienced, if the packet may be told. Takes f, gives it or NULL. */
struct vs_frame *link_mark(struct link_side *, struct vs_frame *f);

/* shape.c: serialisation. */
vs_time link_clock_take(struct link_clock *, vs_time now, uint32_t len, int64_t rate);
vs_time link_opportunity_take(struct link_opportunities *, vs_time now, uint32_t len);

/* queue.c */
bool link_queue_reserve(struct link_queue *, struct vs_arena *); /* room for one more */
void link_queue_push(struct link_queue *, const struct link_entry *entry); /* takes its frame */
struct link_entry link_queue_pop(struct link_queue *); /* gives its frame */
void link_queue_fini(struct link_queue *, struct vs_arena *);

/* markov.c */
void link_chain_restart(struct link *, vs_time now); /* decides when the node is left */
void link_chain_step(struct link *);		     /* at chain.next_at */
void link_chain_enter(struct link *, vs_time now, int node);
int link_chain_resize(struct link *, vs_time now, int count);
int64_t link_chain_leaving(const struct link *, int node); /* sum of weights to other nodes */

static inline bool link_entry_before(const struct link_entry *a, const struct link_entry *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

/* Lends the entry that leaves first; NULL when there is none. */
static inline const struct link_entry *link_queue_first(const struct link_queue *q)
{
	const struct link_entry *ring = NULL;

	if (q->ring_head != q->ring_tail)
		ring = &q->ring[q->ring_head & (q->ring_size - 1)];
	if (q->heap_len && (!ring || link_entry_before(&q->heap[0], ring)))
		return &q->heap[0];
	return ring;
}

/* link.c */
void link_advance(struct link *, vs_time now);
void link_settings_derive(struct link_settings *);

static inline bool link_is_active(const struct link_settings *s, enum link_param p)
{
	return s->active & (1u << p);
}

static inline uint32_t *link_weight(const struct link *l, int from, int to)
{
	return &l->weights[(size_t)from * (size_t)l->node_count + (size_t)to];
}

#endif
