/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The engine's verbs, and the way of a frame through a direction. */
#include "core/link/link.h"

#include <errno.h>
#include <string.h>

#include "core/link/link_impl.h"

#define NAME_MAX_LINK 127
#define FETCH_MAX     1536
#define READY_AHEAD   (2 * VS_MSEC) /* of work for an interface */

static const char *const param_names[LINK_PARAMS] = {
	[LINK_LOSS] = "loss",
	[LINK_LOSTBURST] = "lostburst",
	[LINK_DELAY] = "delay",
	[LINK_DUP] = "dup",
	[LINK_BANDWIDTH] = "bandwidth",
	[LINK_SPEED] = "speed",
	[LINK_NOISE] = "noise",
	[LINK_MTU] = "mtu",
	[LINK_CAPACITY] = "capacity",
	[LINK_REORDER] = "reorder",
	[LINK_REORDER_DELAY] = "reorder-delay",
	[LINK_CORRUPT] = "corrupt",
	[LINK_ECN] = "ecn",
};

static const char *const counter_names[LINK_COUNTERS] = {
	[LINK_RX_FRAMES] = "rx_frames",	      [LINK_RX_BYTES] = "rx_bytes",
	[LINK_TX_FRAMES] = "tx_frames",	      [LINK_TX_BYTES] = "tx_bytes",
	[LINK_DROP_LOSS] = "drop_loss",	      [LINK_DROP_BURST] = "drop_burst",
	[LINK_DROP_TRACE] = "drop_trace",     [LINK_DROP_MTU] = "drop_mtu",
	[LINK_DROP_QUEUE] = "drop_queue",     [LINK_DROP_RATE] = "drop_rate",
	[LINK_DROP_MEMORY] = "drop_memory",   [LINK_DUPLICATED] = "duplicated",
	[LINK_REORDERED] = "reordered",	      [LINK_CORRUPTED] = "corrupted",
	[LINK_NOISE_FRAMES] = "noise_frames", [LINK_NOISE_BITS] = "noise_bits",
	[LINK_MARKED] = "marked",
};

static void seed_stream(const struct link *l, struct vs_prng *p, uint64_t seed, const char *side,
			const char *purpose, const char *suffix)
{
	char bytes[NAME_MAX_LINK + 64];
	struct vs_text name;

	vs_text_init(&name, bytes, sizeof(bytes));
	vs_text_add(&name, "link.%s.%s%s%s", l->name, side, purpose, suffix);
	vs_assert(!name.cut);
	vs_prng_seed(p, seed, bytes);
}

static void seed_all(struct link *l, uint64_t seed)
{
	static const char *const side_names[2] = {"lr.", "rl."};

	seed_stream(l, &l->chain.draw, seed, "markov", "", "");
	for (int i = 0; i < 2; i++) {
		struct link_side *side = &l->side[i];

		for (int p = 0; p < LINK_PARAMS; p++) {
			const char *name = param_names[p];

			seed_stream(l, &side->draw[p], seed, side_names[i], name, "");
			seed_stream(l, &side->spread[p], seed, side_names[i], name, ".spread");
		}
		side->noise_left = link_hazard_draw(&side->draw[LINK_NOISE]);
	}
}

int link_create(struct link **out, const struct link_conf *conf, struct vs_arena *arena)
{
	const char *name = conf->name ? conf->name : "";
	struct link *l;
	int err = -ENOMEM;

	if (strlen(name) > NAME_MAX_LINK)
		return -ENAMETOOLONG;
	l = vs_alloc(arena, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->arena = arena;
	if (conf->trace)
		l->trace = *conf->trace;
	l->held_max = conf->queue_bytes_max ? conf->queue_bytes_max : (size_t)64 << 20;
	l->fifo = true;
	l->one_way = conf->one_way;
	l->chain.period = 100 * VS_MSEC;
	l->chain.next_at = VS_NEVER;
	l->name_size = strlen(name) + 1;
	l->name = vs_alloc(arena, l->name_size);
	if (!l->name)
		goto fail;
	memcpy(l->name, name, l->name_size);
	seed_all(l, conf->seed);
	err = link_chain_resize(l, 0, 1);
	for (int i = 0; i < 2 && !err; i++)
		err = vs_queue_init(&l->side[i].interface, 1, arena);
	if (!err)
		err = vs_queue_init(&l->due, 16, arena);
	if (err)
		goto fail;
	*out = l;
	return 0;
fail:
	link_destroy(l);
	return err;
}

void link_destroy(struct link *l)
{
	size_t nodes;

	if (!l)
		return;
	nodes = (size_t)l->node_count;
	for (int i = 0; i < 2; i++) {
		struct link_side *side = &l->side[i];
		struct link_opportunities *o = &side->opportunities;

		vs_queue_fini(&side->interface, l->arena);
		link_queue_fini(&side->channel, l->arena);
		vs_free(l->arena, side->loss_bits, side->loss_len);
		vs_free(l->arena, o->ms, o->count * sizeof(*o->ms));
	}
	vs_queue_fini(&l->due, l->arena);
	vs_free(l->arena, l->nodes, nodes * sizeof(*l->nodes));
	vs_free(l->arena, l->weights, nodes * nodes * sizeof(*l->weights));
	vs_free(l->arena, l->name, l->name_size);
	vs_free(l->arena, l, sizeof(*l));
}

/* Takes f, which may be NULL. len is what was counted when it came. */
static void drop(struct link *l, vs_time now, int index, struct vs_frame *f,
		 enum link_counter reason)
{
	l->side[index].counters[reason]++;
	vs_trace_drop(&l->trace, now, index, f, counter_names[reason]);
	vs_frame_put(f);
}

static void hold(struct link *l, int index, uint32_t len)
{
	l->side[index].held_bytes += len;
	l->side[index].held_frames++;
}

static void release(struct link *l, int index, uint32_t len)
{
	vs_assert(l->side[index].held_frames > 0 && l->side[index].held_bytes >= len);
	l->side[index].held_bytes -= len;
	l->side[index].held_frames--;
}

/* Room in due for every frame that is held, so what leaves the channel always finds its place. */
static bool due_reserve(struct link *l)
{
	size_t frames = l->side[0].held_frames + l->side[1].held_frames + 1;

	return frames <= l->due.size || !vs_queue_reserve(&l->due, (uint32_t)frames, l->arena);
}

/* Takes f, which entered at side index while the chain was in node; there is room. */
static void due_push(struct link *l, int index, int node, struct vs_frame *f)
{
	vs_queue_push(&l->due, node << 1 | !index, f);
}

static int64_t draw(struct link_side *side, const struct link_settings *s, enum link_param p)
{
	const struct link_value *value = &s->value[p];

	return value->spread ? link_value_draw(value, &side->spread[p]) : value->value;
}

static bool happens(struct link_side *side, const struct link_settings *s, enum link_param p)
{
	vs_chance chance = s->chance[p];

	if (s->value[p].spread) {
		int64_t part = draw(side, s, p);

		chance = vs_chance_of(part > 0 ? (uint64_t)part : 0, (uint64_t)LINK_PERCENT);
	}
	return vs_prng_chance(&side->draw[p], chance);
}

/* When a frame that enters the channel now leaves it; -1 when a drawn rate lets nothing pass. */
static vs_time leaves_at(struct link *l, struct link_side *side, const struct link_settings *s,
			 vs_time now, uint32_t len)
{
	vs_time at = now;

	if (link_is_active(s, LINK_BANDWIDTH)) {
		int64_t rate = draw(side, s, LINK_BANDWIDTH);

		if (rate <= 0)
			return -1;
		at = link_clock_take(&side->bandwidth, now, len, rate);
	}
	if (side->opportunities.count) {
		vs_time chance = link_opportunity_take(&side->opportunities, now, len);

		at = at > chance ? at : chance;
	}
	if (link_is_active(s, LINK_DELAY)) {
		int64_t delay = draw(side, s, LINK_DELAY);

		at = vs_time_add(at, delay > 0 ? delay : 0);
	}
	if (link_is_active(s, LINK_REORDER) && happens(side, s, LINK_REORDER)) {
		int64_t delay = 10 * VS_MSEC;

		if (link_is_active(s, LINK_REORDER_DELAY))
			delay = draw(side, s, LINK_REORDER_DELAY);
		side->counters[LINK_REORDERED]++;
		return vs_time_add(at, delay > 0 ? delay : 0);
	}
	if (l->fifo) {
		at = at > side->fifo_at ? at : side->fifo_at;
		side->fifo_at = at;
	}
	return at;
}

/* One copy of a frame enters the channel. Takes f. */
static void channel_enter(struct link *l, int index, const struct link_settings *s, vs_time now,
			  struct vs_frame *f)
{
	struct link_side *side = &l->side[index];
	uint32_t len = f->len;
	vs_time at;

	if (link_is_active(s, LINK_CAPACITY)) {
		int64_t bytes = draw(side, s, LINK_CAPACITY) / LINK_MICRO;

		if ((int64_t)side->channel_bytes + len > bytes) {
			drop(l, now, index, f, LINK_DROP_QUEUE);
			return;
		}
	}
	if (side->held_bytes + len > l->held_max) {
		drop(l, now, index, f, LINK_DROP_QUEUE);
		return;
	}
	if (!due_reserve(l) || !link_queue_reserve(&side->channel, l->arena)) {
		drop(l, now, index, f, LINK_DROP_MEMORY);
		return;
	}
	at = leaves_at(l, side, s, now, len);
	if (at < 0) {
		drop(l, now, index, f, LINK_DROP_RATE);
		return;
	}
	if (link_is_active(s, LINK_ECN) &&
	    (int64_t)side->channel_bytes + len > draw(side, s, LINK_ECN) / LINK_MICRO)
		f = link_mark(side, f);
	if (f)
		f = link_spoil(l, index, s, f);
	if (!f) {
		drop(l, now, index, NULL, LINK_DROP_MEMORY);
		return;
	}
	hold(l, index, len);
	if (at <= now) {
		due_push(l, index, l->chain.node, f);
		return;
	}
	l->next_known = false;
	link_queue_push(&side->channel, &(struct link_entry){at, ++l->order, f, l->chain.node});
	side->channel_bytes += len;
	vs_trace_value(&l->trace, now, index, "queue.bytes", (int64_t)side->channel_bytes);
}

/* A frame has come through the interface. Takes f. */
static void channel_offer(struct link *l, int index, vs_time now, struct vs_frame *f)
{
	struct link_side *side = &l->side[index];
	const struct link_settings *s = &l->nodes[l->chain.node].side[index];
	enum link_counter reason;

	if (link_is_active(s, LINK_MTU) &&
	    f->len > (s->value[LINK_MTU].value - s->value[LINK_MTU].spread) / LINK_MICRO) {
		drop(l, now, index, f, LINK_DROP_MTU);
		return;
	}
	if (link_lose(l, index, s, &reason)) {
		drop(l, now, index, f, reason);
		return;
	}
	/* The draw is repeated for every copy, so p gives p/(1-p) extra ones, as the original. */
	if (link_is_active(s, LINK_DUP))
		for (int copies = 1; copies < LINK_COPIES_MAX && happens(side, s, LINK_DUP);
		     copies++) {
			side->counters[LINK_DUPLICATED]++;
			channel_enter(l, index, s, now, vs_frame_ref(f));
		}
	channel_enter(l, index, s, now, f);
}

/* Starts sending the frame at the interface's head; false when the rate drawn lets nothing pass. */
static bool interface_start(struct link *l, int index, vs_time now, uint32_t len)
{
	struct link_side *side = &l->side[index];
	const struct link_settings *s = &l->nodes[l->chain.node].side[index];
	int64_t rate = 0;

	if (link_is_active(s, LINK_SPEED)) {
		rate = draw(side, s, LINK_SPEED);
		if (rate <= 0)
			return false;
		link_clock_take(&side->speed, now, len, rate);
	} else if (side->speed.free_at < now) {
		side->speed.free_at = now;
		side->speed.free_part = 0;
	}
	return true;
}

/* Starts the next frame that waits, dropping those that drew no rate. */
static void interface_next(struct link *l, int index, vs_time now)
{
	struct link_side *side = &l->side[index];

	l->next_known = false;
	while (vs_queue_len(&side->interface)) {
		struct vs_queue *q = &side->interface;
		struct vs_frame *f = q->ring[q->head & (q->size - 1)].frame;
		int port;

		/* A long line holds more than a cache does: fetch the frame that follows. */
		if (vs_queue_len(q) > 1)
			__builtin_prefetch(q->ring[(q->head + 1) & (q->size - 1)].frame);
		if (interface_start(l, index, now, f->len))
			return;
		vs_queue_pop(q, &port);
		release(l, index, f->len);
		drop(l, now, index, f, LINK_DROP_RATE);
	}
}

static void interface_done(struct link *l, int index)
{
	struct link_side *side = &l->side[index];
	vs_time now = side->speed.free_at;
	int port;
	struct vs_frame *f = vs_queue_pop(&side->interface, &port);

	release(l, index, f->len);
	channel_offer(l, index, now, f);
	interface_next(l, index, now);
}

/* Takes f: it waits for the interface, or goes straight on when that has no speed to keep. */
static void interface_enter(struct link *l, int index, vs_time now, struct vs_frame *f)
{
	struct link_side *side = &l->side[index];
	const struct link_settings *s = &l->nodes[l->chain.node].side[index];
	bool idle = vs_queue_len(&side->interface) == 0;

	if (idle && !link_is_active(s, LINK_SPEED)) {
		channel_offer(l, index, now, f);
		return;
	}
	if (side->held_bytes + f->len > l->held_max) {
		drop(l, now, index, f, LINK_DROP_QUEUE);
		return;
	}
	if (!due_reserve(l) ||
	    vs_queue_reserve(&side->interface, vs_queue_len(&side->interface) + 1, l->arena)) {
		drop(l, now, index, f, LINK_DROP_MEMORY);
		return;
	}
	hold(l, index, f->len);
	vs_queue_push(&side->interface, 0, f);
	if (idle)
		interface_next(l, index, now);
}

/* What happens next inside the link. At one instant the chain moves first, then frames leave, then
 * frames enter: a frame that enters at the tick meets the new node and the emptier queue.
 */
enum event { EVENT_CHAIN, EVENT_LEAVE_0, EVENT_LEAVE_1, EVENT_INTERFACE_0, EVENT_INTERFACE_1 };

static vs_time find_event(const struct link *l, enum event *event)
{
	vs_time at = l->chain.next_at;
	const struct link_entry *first = NULL;

	*event = EVENT_CHAIN;
	for (int i = 0; i < 2; i++) {
		const struct link_entry *entry = link_queue_first(&l->side[i].channel);

		if (!entry || entry->at > at || (entry->at == at && !first))
			continue;
		if (first && entry->at == at && entry->order > first->order)
			continue;
		at = entry->at;
		first = entry;
		*event = i ? EVENT_LEAVE_1 : EVENT_LEAVE_0;
	}
	for (int i = 0; i < 2; i++) {
		const struct link_side *side = &l->side[i];

		if (vs_queue_len(&side->interface) && side->speed.free_at < at) {
			at = side->speed.free_at;
			*event = i ? EVENT_INTERFACE_1 : EVENT_INTERFACE_0;
		}
	}
	return at;
}

/* The same, remembered: engines are asked far more often than something happens in them. */
static vs_time next_event(struct link *l, enum event *event)
{
	if (!l->next_known) {
		l->next_at = find_event(l, event);
		l->next = (uint8_t)*event;
		l->next_known = true;
	}
	*event = l->next;
	return l->next_at;
}

/* A channel holds more than a cache does: the frame that leaves next is fetched now. */
static void fetch_next(const struct link_side *side)
{
	const struct link_entry *next = link_queue_first(&side->channel);

	if (!next)
		return;
	for (uint32_t at = 0; at < next->frame->len && at < FETCH_MAX; at += 64)
		__builtin_prefetch(next->frame->data + at);
}

static void channel_leave(struct link *l, int index, vs_time now)
{
	struct link_side *side = &l->side[index];
	struct link_entry left = link_queue_pop(&side->channel);

	l->next_known = false;
	vs_assert(side->channel_bytes >= left.frame->len);
	side->channel_bytes -= left.frame->len;
	due_push(l, index, left.node, left.frame);
	fetch_next(side);
	vs_trace_value(&l->trace, now, index, "queue.bytes", (int64_t)side->channel_bytes);
}

void link_advance(struct link *l, vs_time now)
{
	enum event event;
	vs_time at;

	while ((at = next_event(l, &event)) <= now && at != VS_NEVER) {
		if (at > l->now)
			l->now = at;
		switch (event) {
		case EVENT_CHAIN:
			link_chain_step(l);
			break;
		case EVENT_LEAVE_0:
		case EVENT_LEAVE_1:
			channel_leave(l, event == EVENT_LEAVE_1, at);
			break;
		case EVENT_INTERFACE_0:
		case EVENT_INTERFACE_1:
			interface_done(l, event == EVENT_INTERFACE_1);
			break;
		}
	}
	if (now > l->now)
		l->now = now;
}

void link_input(struct link *l, vs_time now, int port, struct vs_frame *f)
{
	vs_assert(port == LINK_LEFT || port == LINK_RIGHT);
	link_advance(l, now);
	l->side[port].counters[LINK_RX_FRAMES]++;
	l->side[port].counters[LINK_RX_BYTES] += f->len;
	interface_enter(l, port, l->now, f);
	link_advance(l, l->now);
}

void link_run(struct link *l, vs_time now)
{
	link_advance(l, now);
}

/* The chain moves when somebody looks, unless somebody watches it all the time. */
vs_time link_poll_at(const struct link *l)
{
	enum event event;
	vs_time at;

	if (vs_queue_len(&l->due))
		return l->now;
	event = l->next;
	at = l->next_known ? l->next_at : find_event(l, &event);
	if (event != EVENT_CHAIN || l->trace.value || (l->node_observed && l->node_observed(l)))
		return at;
	at = VS_NEVER;
	for (int i = 0; i < 2; i++) {
		const struct link_side *side = &l->side[i];
		const struct link_entry *entry = link_queue_first(&side->channel);

		if (entry)
			at = vs_time_min(at, entry->at);
		if (vs_queue_len(&side->interface))
			at = vs_time_min(at, side->speed.free_at);
	}
	return at;
}

struct vs_frame *link_output(struct link *l, int *port)
{
	struct vs_frame *f = vs_queue_pop(&l->due, port);

	if (f) {
		uint64_t *counters;

		l->node_met = *port >> 1;
		*port &= 1;
		counters = l->side[!*port].counters;
		release(l, !*port, f->len);
		counters[LINK_TX_FRAMES]++;
		counters[LINK_TX_BYTES] += f->len;
	}
	return f;
}

bool link_ready(const struct link *l, int port)
{
	const struct link_side *side = &l->side[port];
	uint32_t frames = vs_queue_len(&side->interface);

	return frames < 2 || frames < READY_AHEAD / (side->speed.cost + 1);
}

int link_node(const struct link *l)
{
	return l->chain.node;
}

int link_node_met(const struct link *l)
{
	return l->node_met;
}

const char *link_node_name(const struct link *l, int node)
{
	return node >= 0 && node < l->node_count ? l->nodes[node].name : NULL;
}

size_t link_queue_bytes(const struct link *l, int port)
{
	return l->side[port].held_bytes;
}

size_t link_queue_frames(const struct link *l, int port)
{
	return l->side[port].held_frames;
}

struct vs_counters link_counters(const struct link *l, int port)
{
	return (struct vs_counters){counter_names, l->side[port].counters, LINK_COUNTERS};
}
