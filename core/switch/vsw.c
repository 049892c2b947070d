/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The way of a frame through the switch, in the order of IEEE 802.1Q-2018 8.6: ingress, learning,
 * forwarding, egress, with the frame in the form each port is due, tagged or not. A frame is copied
 * at most once, when ports of both forms are due; everyone else takes a reference.
 */
#include <errno.h>

#include "core/base/assert.h"
#include "core/switch/vsw_impl.h"
#include "core/wire/bytes.h"
#include "core/wire/eth.h"

const char *const vsw_counter_names[] = {
	"rx_frames", "rx_bytes", "tx_frames", "tx_bytes", "forwarded", "flooded", "bpdus", "copies",
	"mirrored", "fdb_learned", "fdb_moved", "fdb_move_refused", "fdb_expired", "fdb_full",
	"drop_runt", "drop_too_long", "drop_no_endpoint", "drop_ingress_vlan", "drop_blocking",
	"drop_learning", "drop_reserved", "drop_own", "drop_same_port", "drop_egress",
	"drop_nobody", "copy_drop_queue", "copy_drop_memory", "copy_drop_closed",
};

static_assert(sizeof(vsw_counter_names) / sizeof(vsw_counter_names[0]) == VSW_COUNTERS,
	      "every counter has a name");

/* A frame on its way. */
struct passage {
	vs_time now;
	struct vs_frame *f; /* as it came */
	struct vs_frame *form[2]; /* for ports without and with a tag; NULL: not made yet */
	unsigned port;
	unsigned vlan;
	uint16_t tci; /* as it came; PCP and DEI stay */
	bool tagged;  /* so it came */
};

static void station_removed(void *ctx, const struct fdb_entry *e)
{
	struct vsw *sw = ctx;

	vsw_tell_station(sw, VSW_HASH_GONE, e->key, e->port);
}

int vsw_create(struct vsw **out, const struct vsw_conf *conf, struct vs_arena *arena)
{
	struct vsw *sw = vs_alloc(arena, sizeof(*sw));
	int error;

	if (!sw)
		return -ENOMEM;
	sw->conf = *conf;
	sw->arena = arena;
	if (!sw->conf.mtu)
		sw->conf.mtu = WIRE_ETH_MTU_MAX;
	if (!sw->conf.priority)
		sw->conf.priority = 0x8000;
	error = fdb_init(&sw->fdb, conf->hash_size ? conf->hash_size : 128, arena);
	if (error)
		goto no_fdb;
	sw->fdb.gc_interval = conf->gc_interval ? conf->gc_interval : 2 * VS_SEC;
	sw->fdb.expire = conf->expire ? conf->expire : 100 * VS_SEC;
	sw->fdb.persistence = conf->persistence ? conf->persistence : 3 * VS_SEC;
	sw->fdb.removed = station_removed;
	sw->fdb.ctx = sw;
	error = vs_queue_init(&sw->queue, VSW_QUEUE_MIN, arena);
	if (error)
		goto no_queue;
	error = vsw_ports_init(sw, conf->ports ? conf->ports : 32);
	if (!error)
		error = vsw_vlan_make(sw, 0);
	if (error)
		goto no_ports;
	*out = sw;
	return 0;

no_ports:
	vsw_ports_fini(sw);
	vs_queue_fini(&sw->queue, arena);
no_queue:
	fdb_fini(&sw->fdb);
no_fdb:
	vs_free(arena, sw, sizeof(*sw));
	return error;
}

void vsw_destroy(struct vsw *sw)
{
	if (!sw)
		return;
	for (unsigned i = 0; i < VSW_VLANS; i++)
		vsw_vlan_free(sw, i);
	vsw_ports_fini(sw);
	vs_queue_fini(&sw->queue, sw->arena);
	fdb_fini(&sw->fdb);
	vs_free(sw->arena, sw, sizeof(*sw));
}

void vsw_set_bpdu(struct vsw *sw, vsw_bpdu_fn *fn, void *ctx)
{
	sw->bpdu = fn;
	sw->bpdu_ctx = ctx;
}

int vsw_set_hub(struct vsw *sw, bool hub)
{
	sw->conf.hub = hub;
	return 0;
}

/* Drops the frame as a whole. */
static void drop(struct vsw *sw, struct passage *p, enum vsw_counter why)
{
	sw->counters[why]++;
	if (p->port)
		sw->ports[p->port].counters[VSW_PORT_RX_DROPS]++;
	vs_trace_drop(sw->conf.trace, p->now, p->port ? (int)p->port : -1, p->f,
		      vsw_counter_names[why]);
}

static void copy_drop(struct vsw *sw, vs_time now, unsigned port, const struct vs_frame *f,
		      enum vsw_counter why)
{
	sw->counters[why]++;
	sw->ports[port].counters[VSW_PORT_TX_DROPS]++;
	vs_trace_drop(sw->conf.trace, now, (int)port, f, vsw_counter_names[why]);
}

/* Puts a copy for each endpoint of a port in the output. Lends f; NULL: there was no memory for it.
 */
static void put(struct vsw *sw, struct passage *p, unsigned port, struct vs_frame *f)
{
	struct vsw_port *to = &sw->ports[port];
	bool any = false;

	for (int32_t n = to->first; n >= 0; n = sw->endpoints[n].next) {
		sw->counters[VSW_COPIES]++;
		if (!f) {
			copy_drop(sw, p->now, port, p->f, VSW_COPY_DROP_MEMORY);
		} else if (vs_queue_full(&sw->queue)) {
			copy_drop(sw, p->now, port, f, VSW_COPY_DROP_QUEUE);
		} else {
			vs_queue_push(&sw->queue, n, vs_frame_ref(f));
			any = true;
			if (sw->mgmt)
				vsw_tell_packet(sw, VSW_PACKET_OUT, port, n, f);
		}
	}
	if (any) {
		to->counters[VSW_PORT_TX_FRAMES]++;
		to->counters[VSW_PORT_TX_BYTES] += f->len;
	}
}

static void mirror(struct vsw *sw, struct passage *p, unsigned port, struct vs_frame *f)
{
	uint64_t had = sw->counters[VSW_COPIES];

	put(sw, p, port, f);
	sw->counters[VSW_MIRRORED] += sw->counters[VSW_COPIES] - had;
}

static void deliver(struct vsw *sw, struct passage *p, unsigned port, struct vs_frame *f)
{
	put(sw, p, port, f);
	if (sw->ports[port].mirror_out)
		mirror(sw, p, sw->ports[port].mirror_out, f);
}

/* Gives a reference to the frame as ports with or without a tag are due it, or NULL. Only the first
 * 12 bytes move; the bytes are copied if someone else holds the frame too.
 */
static struct vs_frame *reshape(struct passage *p, bool tagged)
{
	uint16_t tci = (uint16_t)((p->tci & 0xf000) | p->vlan);
	struct vs_frame *f = p->f;

	vs_frame_ref(f);
	if (p->tagged == tagged && (!tagged || tci == p->tci))
		return f;
	/* Ours are the reference just taken and the one the frame came with, which go together. */
	if (f->refs > 2 || (tagged && !p->tagged && vs_frame_headroom(f) < WIRE_TAG_LEN)) {
		struct vs_frame *copy = vs_frame_copy(f->pool, f);

		vs_frame_put(f);
		f = copy;
		if (!f)
			return NULL;
	}
	f->flags &= (uint16_t)~VS_FRAME_TRUSTED;
	if (tagged && !p->tagged) {
		vs_frame_push(f, WIRE_TAG_LEN);
		memmove(f->data, f->data + WIRE_TAG_LEN, 12);
		wire_put16(f->data + 12, WIRE_TYPE_VLAN);
	} else if (!tagged) {
		memmove(f->data + WIRE_TAG_LEN, f->data, 12);
		vs_frame_pull(f, WIRE_TAG_LEN);
	}
	if (tagged)
		wire_put16(f->data + 14, tci);
	return f;
}

/* Makes the forms that are due. The one like the frame itself comes first, for that holds the bytes
 * as they are: making the other then copies, and without it works in place.
 */
static void shape(struct passage *p, bool plain, bool tagged)
{
	bool due[2] = {plain, tagged};
	bool same = p->tagged;

	if (due[same])
		p->form[same] = reshape(p, same);
	/* A new priority tag was written in place: what the other form starts from is unharmed, for
	 * it takes only the addresses and what follows the tag.
	 */
	if (due[!same])
		p->form[!same] = reshape(p, !same);
}

static void unicast(struct vsw *sw, struct passage *p, const struct vsw_vlan *v, unsigned port)
{
	bool tagged = vsw_bit(v->tagged, port);

	shape(p, !tagged, tagged);
	deliver(sw, p, port, p->form[tagged]);
	sw->counters[VSW_FORWARDED]++;
}

static void flood(struct vsw *sw, struct passage *p, const struct vsw_vlan *v)
{
	uint64_t plain = 0, tagged = 0;
	uint32_t own = p->port / 64;

	for (uint32_t w = 0; w < sw->words; w++) {
		uint64_t due = v->flood[w];

		if (w == own)
			due &= ~((uint64_t)1 << (p->port % 64));
		plain |= due & ~v->tagged[w];
		tagged |= due & v->tagged[w];
	}
	if (!(plain | tagged)) {
		drop(sw, p, VSW_DROP_NOBODY);
		return;
	}
	shape(p, plain, tagged);
	for (uint32_t w = 0; w < sw->words; w++) {
		uint64_t due = v->flood[w];

		if (w == own)
			due &= ~((uint64_t)1 << (p->port % 64));
		for (; due; due &= due - 1) {
			unsigned bit = (unsigned)__builtin_ctzll(due);

			deliver(sw, p, w * 64 + bit, p->form[v->tagged[w] >> bit & 1]);
		}
	}
	sw->counters[VSW_FORWARDED]++;
	sw->counters[VSW_FLOODED]++;
}

/* A hub repeats what it hears, whatever it is. */
static void hub(struct vsw *sw, struct passage *p)
{
	bool any = false;

	for (uint32_t w = 0; w < sw->words; w++) {
		uint64_t due = sw->active[w];

		if (w == p->port / 64)
			due &= ~((uint64_t)1 << (p->port % 64));
		any |= due != 0;
		for (; due; due &= due - 1)
			deliver(sw, p, w * 64 + (unsigned)__builtin_ctzll(due), p->f);
	}
	if (any) {
		sw->counters[VSW_FORWARDED]++;
		sw->counters[VSW_FLOODED]++;
	} else {
		drop(sw, p, VSW_DROP_NOBODY);
	}
}

/* 802.1Q 8.6.1 and 6.9: the VLAN of a frame. False if the port may not send in it. */
static bool classify(struct vsw *sw, struct passage *p)
{
	const struct vsw_port *from = &sw->ports[p->port];
	unsigned vid = WIRE_TCI_VID(p->tci);

	/* A tag that says only a priority leaves the VLAN to the port, unless the port has
	 * VLAN 0 by tag.
	 */
	if (!p->tagged || (vid == 0 && !vsw_bit(sw->vlans[0]->tagged, p->port))) {
		p->vlan = from->vlan;
		return from->untagged;
	}
	p->vlan = vid;
	return vid != VSW_NO_VLAN && sw->vlans[vid] && vsw_bit(sw->vlans[vid]->member, p->port);
}

/* 8.6.3: 01-80-C2-00-00-00 to 0F. */
static bool is_reserved(const uint8_t *mac)
{
	static const uint8_t prefix[5] = {0x01, 0x80, 0xc2, 0x00, 0x00};

	return memcmp(mac, prefix, 5) == 0 && mac[5] < 0x10;
}

void vsw_fdb_told(struct vsw *sw, enum fdb_learned what, uint64_t key, unsigned port)
{
	switch (what) {
	case FDB_KNOWN:
		break;
	case FDB_NEW:
		sw->counters[VSW_FDB_LEARNED]++;
		vsw_tell_station(sw, VSW_HASH_NEW, key, port);
		break;
	case FDB_MOVED:
		sw->counters[VSW_FDB_MOVED]++;
		break;
	case FDB_REFUSED:
		sw->counters[VSW_FDB_MOVE_REFUSED]++;
		break;
	case FDB_FULL:
		sw->counters[VSW_FDB_FULL]++;
		break;
	}
}

static void learn(struct vsw *sw, struct passage *p)
{
	const uint8_t *src = p->f->data + 6;
	uint64_t key;
	enum fdb_learned what;

	if (wire_mac_is_group(src) || memcmp(src, sw->conf.mac, 6) == 0)
		return;
	key = fdb_key(src, p->vlan);
	what = fdb_learn(&sw->fdb, key, p->port, p->now);
	if (what != FDB_KNOWN) {
		vsw_fdb_told(sw, what, key, p->port);
		vs_trace_value(sw->conf.trace, p->now, (int)p->port, "fdb.entries",
			       sw->fdb.count);
	}
}

static void forward(struct vsw *sw, struct passage *p)
{
	const struct vsw_vlan *v = sw->vlans[p->vlan];
	const uint8_t *dst = p->f->data;
	const struct fdb_entry *e;

	if (wire_mac_is_group(dst)) {
		flood(sw, p, v);
		return;
	}
	/* Age before lookup: a frame at the very tick must flood, not follow a ghost. */
	e = fdb_lookup(&sw->fdb, fdb_key(dst, p->vlan));
	if (!e || fdb_expired(&sw->fdb, e, p->now))
		flood(sw, p, v);
	else if (e->port == p->port)
		drop(sw, p, VSW_DROP_SAME_PORT);
	else if (!vsw_bit(v->flood, e->port))
		drop(sw, p, VSW_DROP_EGRESS);
	else
		unicast(sw, p, v, e->port);
}

/* What a switch, unlike a hub, looks at. */
static void relay(struct vsw *sw, struct passage *p)
{
	static const uint8_t no_mac[6];
	const uint8_t *dst = p->f->data;
	const struct vsw_vlan *v;

	if (!classify(sw, p)) {
		drop(sw, p, VSW_DROP_INGRESS_VLAN);
		return;
	}
	if (is_reserved(dst)) {
		if (dst[5] == 0 && sw->bpdu &&
		    sw->bpdu(sw->bpdu_ctx, p->now, p->port, p->vlan, p->f))
			sw->counters[VSW_BPDUS]++;
		else
			drop(sw, p, VSW_DROP_RESERVED);
		return;
	}
	v = sw->vlans[p->vlan];
	if (vsw_bit(v->blocked, p->port)) {
		drop(sw, p, VSW_DROP_BLOCKING);
		return;
	}
	learn(sw, p);
	if (vsw_bit(v->held, p->port))
		drop(sw, p, VSW_DROP_LEARNING);
	else if (memcmp(dst, sw->conf.mac, 6) == 0 && memcmp(dst, no_mac, 6) != 0)
		drop(sw, p, VSW_DROP_OWN);
	else
		forward(sw, p);
}

/* Reads the header. False if there is none, or more than the MTU behind it. */
static bool read_header(struct vsw *sw, struct passage *p)
{
	const struct vs_frame *f = p->f;
	size_t header = WIRE_ETH_LEN;

	if (f->len >= WIRE_ETH_LEN && wire_get16(f->data + 12) == WIRE_TYPE_VLAN) {
		header += WIRE_TAG_LEN;
		p->tagged = true;
	}
	if (f->len < header) {
		drop(sw, p, VSW_DROP_RUNT);
		return false;
	}
	if (f->len > header + sw->conf.mtu) {
		drop(sw, p, VSW_DROP_TOO_LONG);
		return false;
	}
	if (p->tagged)
		p->tci = wire_get16(f->data + 14);
	return true;
}

void vsw_input(struct vsw *sw, vs_time now, int endpoint, struct vs_frame *f)
{
	struct passage p = {.now = now, .f = f};
	int port = vsw_port_of(sw, endpoint);

	sw->counters[VSW_RX_FRAMES]++;
	sw->counters[VSW_RX_BYTES] += f->len;
	if (port < 0) {
		drop(sw, &p, VSW_DROP_NO_ENDPOINT);
		vs_frame_put(f);
		return;
	}
	p.port = (unsigned)port;
	sw->ports[port].counters[VSW_PORT_RX_FRAMES]++;
	sw->ports[port].counters[VSW_PORT_RX_BYTES] += f->len;
	if (sw->mgmt)
		vsw_tell_packet(sw, VSW_PACKET_IN, p.port, endpoint, f);
	if (sw->ports[port].mirror_in)
		mirror(sw, &p, sw->ports[port].mirror_in, f);
	if (!read_header(sw, &p))
		;
	else if (sw->conf.hub)
		hub(sw, &p);
	else
		relay(sw, &p);
	vs_frame_put(p.form[0]);
	vs_frame_put(p.form[1]);
	vs_frame_put(f);
}

struct vs_frame *vsw_output(struct vsw *sw, int *endpoint)
{
	struct vs_frame *f = vs_queue_pop(&sw->queue, endpoint);

	if (f) {
		sw->counters[VSW_TX_FRAMES]++;
		sw->counters[VSW_TX_BYTES] += f->len;
	}
	return f;
}

void vsw_queue_purge(struct vsw *sw, vs_time now, int endpoint)
{
	uint32_t waiting = vs_queue_len(&sw->queue);

	while (waiting-- > 0) {
		int to = -1;
		struct vs_frame *f = vs_queue_pop(&sw->queue, &to);

		if (to != endpoint) {
			vs_queue_push(&sw->queue, to, f);
			continue;
		}
		copy_drop(sw, now, (unsigned)sw->endpoints[endpoint].port, f,
			  VSW_COPY_DROP_CLOSED);
		vs_frame_put(f);
	}
}

void vsw_run(struct vsw *sw, vs_time now)
{
	if (now < fdb_collect_at(&sw->fdb))
		return;
	sw->counters[VSW_FDB_EXPIRED] += fdb_collect(&sw->fdb, now);
	vs_trace_value(sw->conf.trace, now, -1, "fdb.entries", sw->fdb.count);
}

vs_time vsw_poll_at(const struct vsw *sw)
{
	return fdb_collect_at(&sw->fdb);
}

int vsw_find(const struct vsw *sw, vs_time now, const uint8_t mac[6], unsigned vlan)
{
	const struct fdb_entry *e = fdb_lookup(&sw->fdb, fdb_key(mac, vlan));

	return e && !fdb_expired(&sw->fdb, e, now) ? (int)e->port : -ENOENT;
}

struct vs_counters vsw_counters(const struct vsw *sw)
{
	return (struct vs_counters){vsw_counter_names, sw->counters, VSW_COUNTERS};
}
