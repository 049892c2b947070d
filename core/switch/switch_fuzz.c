/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any operations and frames, against a model of the switch that is only arrays: who is in which
 * VLAN, who was heard where and when. Each frame must reach exactly the endpoints the model says,
 * in its order and in its form; and at the end the books must balance and the pool be whole.
 */
#include <errno.h>
#include <stdlib.h>

#include "core/base/assert.h"
#include "core/host/memory.h"
#include "core/switch/vsw_impl.h"

#define PORTS	  80 /* more than a word of bits */
#define ENDPOINTS 16
#define STATIONS  8
#define VLANS	  6
#define EXPIRE	  (20 * VS_SEC)
#define PERSIST	  (3 * VS_SEC)

static const unsigned vid_of[VLANS] = {0, 1, 5, 257, 261, 4094};

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

struct model_port {
	bool exists, allocatable;
	int vlan; /* index; -1: none */
	bool tagged[VLANS];
	enum vsw_state state[VLANS];
	int endpoints[ENDPOINTS]; /* in the order they came */
	unsigned endpoints_len;
	unsigned mirror_in, mirror_out;
};

struct model {
	struct model_port ports[PORTS];
	unsigned ports_len;
	bool vlans[VLANS];
	bool hub;
	int port_of[ENDPOINTS + 1]; /* -1: not there */
	unsigned endpoints_len;
	struct {
		unsigned port; /* 0: never heard */
		vs_time seen;
	} heard[VLANS][STATIONS];
};

struct copy {
	int endpoint;
	int tci; /* -1: none */
};

struct run {
	const uint8_t *bytes;
	size_t len;
	vs_time now;
	struct vs_arena arena;
	struct vs_pool *pool;
	struct vsw *sw;
	struct model m;
	struct copy due[PORTS * ENDPOINTS];
	unsigned due_len;
	bool forwarded; /* someone was due the frame, mirrors apart */
};

static unsigned take(struct run *r, unsigned below)
{
	if (r->len == 0)
		return 0;
	r->len--;
	return *r->bytes++ % below;
}

static bool member(const struct model_port *p, unsigned v)
{
	return p->exists && (p->vlan == (int)v || p->tagged[v]);
}

static void forget(struct model *m, unsigned port, int vlan)
{
	for (unsigned v = 0; v < VLANS; v++)
		for (unsigned s = 0; s < STATIONS; s++)
			if (m->heard[v][s].port == port && (vlan < 0 || (unsigned)vlan == v))
				m->heard[v][s].port = 0;
}

static void leave(struct model *m, unsigned port, unsigned v)
{
	if (member(&m->ports[port], v))
		return;
	m->ports[port].state[v] = VSW_FORWARDING;
	forget(m, port, (int)v);
}

static void model_make(struct model *m, unsigned port, bool allocatable)
{
	m->ports[port] = (struct model_port){.exists = true, .allocatable = allocatable};
	for (unsigned v = 0; v < VLANS; v++)
		m->ports[port].state[v] = VSW_FORWARDING;
}

static void model_detach(struct model *m, int endpoint)
{
	struct model_port *p = &m->ports[m->port_of[endpoint]];
	unsigned at = 0;

	while (p->endpoints[at] != endpoint)
		at++;
	for (p->endpoints_len--; at < p->endpoints_len; at++)
		p->endpoints[at] = p->endpoints[at + 1];
	if (p->endpoints_len == 0)
		forget(m, (unsigned)m->port_of[endpoint], -1);
	m->port_of[endpoint] = -1;
	m->endpoints_len--;
}

static void put(struct run *r, unsigned port, int tci)
{
	const struct model_port *p = &r->m.ports[port];

	for (unsigned i = 0; i < p->endpoints_len; i++)
		r->due[r->due_len++] = (struct copy){p->endpoints[i], tci};
}

/* Nothing leaves by a port without endpoints, so nothing of it is mirrored either. */
static void deliver(struct run *r, unsigned port, int tci)
{
	if (!r->m.ports[port].endpoints_len)
		return;
	r->forwarded = true;
	put(r, port, tci);
	if (r->m.ports[port].mirror_out)
		put(r, r->m.ports[port].mirror_out, tci);
}

static bool forwards(const struct model *m, unsigned port, unsigned v)
{
	const struct model_port *p = &m->ports[port];

	return member(p, v) && p->endpoints_len && p->state[v] == VSW_FORWARDING;
}

static void model_learn(struct run *r, unsigned port, unsigned v, unsigned src)
{
	bool old = r->m.heard[v][src].port &&
		   r->now - r->m.heard[v][src].seen < EXPIRE;

	if (old && r->m.heard[v][src].port != port &&
	    r->now - r->m.heard[v][src].seen < PERSIST)
		return;
	r->m.heard[v][src].port = port;
	r->m.heard[v][src].seen = r->now;
}

/* dst is a station, or STATIONS for everyone. */
static void model_input(struct run *r, unsigned port, unsigned src, bool group_src, unsigned dst,
			int tci)
{
	struct model *m = &r->m;
	const struct model_port *from = &m->ports[port];
	int vid = tci < 0 ? -1 : tci & 0xfff;
	unsigned v = 0;

	if (from->mirror_in)
		put(r, from->mirror_in, tci);
	if (m->hub) {
		for (unsigned i = 1; i < m->ports_len; i++)
			if (i != port)
				deliver(r, i, tci);
		return;
	}
	if (vid < 0 || (vid == 0 && !from->tagged[0])) {
		if (from->vlan < 0)
			return;
		v = (unsigned)from->vlan;
	} else {
		while (v < VLANS && vid_of[v] != (unsigned)vid)
			v++;
		if (v == VLANS || !member(from, v))
			return;
	}
	if (from->state[v] == VSW_BLOCKING)
		return;
	if (!group_src)
		model_learn(r, port, v, src);
	if (from->state[v] == VSW_LEARNING)
		return;
	for (unsigned i = 1; i < m->ports_len; i++) {
		bool known = dst < STATIONS && m->heard[v][dst].port &&
			     r->now - m->heard[v][dst].seen < EXPIRE;

		if (i == port || !forwards(m, i, v) || (known && m->heard[v][dst].port != i))
			continue;
		deliver(r, i, m->ports[i].tagged[v]
				      ? (int)(vid_of[v] | (tci < 0 ? 0 : (unsigned)tci & 0xf000))
				      : -1);
	}
}

static void check_copy(struct vs_frame *f, const struct copy *due, const uint8_t *addresses,
		       uint8_t mark)
{
	size_t at = 12;

	vs_assert(memcmp(f->data, addresses, 12) == 0);
	if (due->tci >= 0) {
		vs_assert(f->len == 19 && f->data[12] == 0x81 && f->data[13] == 0);
		vs_assert((f->data[14] << 8 | f->data[15]) == due->tci);
		at += 4;
	}
	vs_assert(f->len == at + 3);
	vs_assert(f->data[at] == 0x08 && f->data[at + 1] == 0x06 && f->data[at + 2] == mark);
}

static void do_frame(struct run *r)
{
	static const unsigned vids[8] = {0, 1, 5, 257, 261, 4094, 4095, 2};
	int endpoint = (int)take(r, ENDPOINTS + 1), to;
	unsigned src = take(r, STATIONS), dst = take(r, STATIONS + 1), tag = take(r, 32);
	int tci = tag < 16 ? -1 : (int)(vids[tag & 7] | (tag & 8 ? 0xb000 : 0));
	bool group_src = tag == 15, shared = take(r, 4) == 0;
	uint8_t mark = (uint8_t)r->len, bytes[19] = {2, 0, 0, 0, 0, (uint8_t)dst,
						     2, 0, 0, 0, 0, (uint8_t)src};
	struct vs_frame *f, *held = NULL;
	size_t len = 12;
	uint64_t before;

	if (dst == STATIONS)
		memset(bytes, 0xff, 6);
	bytes[6] |= group_src;
	if (tci >= 0) {
		bytes[len++] = 0x81;
		bytes[len++] = 0;
		bytes[len++] = (uint8_t)(tci >> 8);
		bytes[len++] = (uint8_t)tci;
	}
	bytes[len++] = 0x08;
	bytes[len++] = 0x06;
	bytes[len++] = mark;
	f = vs_frame_from(r->pool, bytes, len);
	if (shared)
		held = vs_frame_ref(f);
	r->due_len = 0;
	r->forwarded = false;
	before = r->sw->counters[VSW_FORWARDED];
	if (endpoint < ENDPOINTS && r->m.port_of[endpoint] >= 0)
		model_input(r, (unsigned)r->m.port_of[endpoint], src, group_src, dst, tci);
	vsw_input(r->sw, r->now, endpoint, f);
	vs_assert(r->sw->counters[VSW_FORWARDED] == before + r->forwarded);
	for (unsigned i = 0; i < r->due_len; i++) {
		f = vsw_output(r->sw, &to);
		vs_assert(f && to == r->due[i].endpoint);
		check_copy(f, &r->due[i], bytes, mark);
		vs_frame_put(f);
	}
	vs_assert(!vsw_output(r->sw, &to));
	if (shared) {
		vs_assert(held->refs == 1 && held->len == len);
		vs_assert(memcmp(held->data, bytes, len) == 0);
		vs_frame_put(held);
	}
}

static void do_attach(struct run *r)
{
	struct model *m = &r->m;
	unsigned port = take(r, PORTS + 2);
	struct vsw_guest guest = {.port = (int)port, .any = port == 0, .user = VSW_NONE};
	int n;

	if (m->endpoints_len == ENDPOINTS)
		return;
	for (unsigned i = 1; guest.any && port == 0 && i < m->ports_len; i++)
		if (!m->ports[i].exists || (m->ports[i].allocatable && !m->ports[i].endpoints_len))
			port = i;
	n = vsw_attach(r->sw, r->now, &guest);
	if (port == 0 || port >= m->ports_len) {
		vs_assert(n == (guest.any ? -EMFILE : -ENXIO));
		return;
	}
	vs_assert(n >= 0 && n < ENDPOINTS && m->port_of[n] < 0);
	if (!m->ports[port].exists)
		model_make(m, port, true);
	m->port_of[n] = (int)port;
	m->endpoints_len++;
	m->ports[port].endpoints[m->ports[port].endpoints_len++] = n;
}

static void do_detach(struct run *r)
{
	int n = (int)take(r, ENDPOINTS);

	vsw_detach(r->sw, r->now, n);
	if (r->m.port_of[n] >= 0)
		model_detach(&r->m, n);
}

/* 0, or why nothing may be done to the port. */
static int usable(const struct model *m, unsigned port)
{
	if (port == 0 || port >= m->ports_len)
		return -EINVAL;
	return m->ports[port].exists ? 0 : -ENXIO;
}

static void do_port(struct run *r)
{
	struct model *m = &r->m;
	unsigned what = take(r, 4), port = take(r, PORTS + 2), n;
	int error = usable(m, port);

	if (what == 0) {
		vs_assert(vsw_port_create(r->sw, port) ==
			  (error == -ENXIO ? 0 : error ? error : -EEXIST));
		if (error == -ENXIO)
			model_make(m, port, false);
	} else if (what == 1) {
		vs_assert(vsw_port_remove(r->sw, r->now, port) == error);
		if (error)
			return;
		while (m->ports[port].endpoints_len)
			model_detach(m, m->ports[port].endpoints[0]);
		m->ports[port].exists = false;
		forget(m, port, -1);
		for (unsigned i = 1; i < m->ports_len; i++) {
			m->ports[i].mirror_in *= m->ports[i].mirror_in != port;
			m->ports[i].mirror_out *= m->ports[i].mirror_out != port;
		}
	} else if (what == 2) {
		vs_assert(vsw_port_set_allocatable(r->sw, port, port & 1) == error);
		if (!error)
			m->ports[port].allocatable = port & 1;
	} else {
		error = port < 2 || port > PORTS ? -EINVAL : 0;
		for (n = port; !error && n < m->ports_len; n++)
			if (m->ports[n].exists)
				error = -EADDRINUSE;
		if (port <= PORTS) {
			vs_assert(vsw_set_ports(r->sw, port) == error);
			m->ports_len = error ? m->ports_len : port;
		}
	}
}

static void do_vlan(struct run *r)
{
	struct model *m = &r->m;
	unsigned what = take(r, 5), port = take(r, PORTS + 2), v = take(r, VLANS + 1);
	int error = usable(m, port), old;
	unsigned vid = v < VLANS ? vid_of[v] : VSW_NO_VLAN;
	bool used = false;

	if (what == 0) {
		old = v == 0 || v == VLANS ? -EINVAL : m->vlans[v] ? -EEXIST : 0;
		vs_assert(vsw_vlan_create(r->sw, vid) == old);
		m->vlans[v % VLANS] |= old == 0;
		return;
	}
	if (what == 1) {
		for (unsigned i = 1; i < m->ports_len && v < VLANS; i++)
			used |= member(&m->ports[i], v);
		old = v == VLANS	? -EINVAL
		      : v == 0		? -EADDRINUSE
		      : !m->vlans[v]	? -ENXIO
		      : used		? -EADDRINUSE
					: 0;
		vs_assert(vsw_vlan_remove(r->sw, vid) == old);
		if (!old)
			m->vlans[v] = false;
		return;
	}
	if (what == 2) {
		if (!error && v < VLANS && !m->vlans[v])
			error = -ENXIO;
		vs_assert(vsw_port_set_vlan(r->sw, r->now, port, vid) == error);
		if (error)
			return;
		old = m->ports[port].vlan;
		m->ports[port].vlan = v < VLANS ? (int)v : -1;
		if (v < VLANS)
			m->ports[port].tagged[v] = false;
		if (old >= 0)
			leave(m, port, (unsigned)old);
		return;
	}
	if (v == VLANS)
		error = -EINVAL;
	else if (!error && !m->vlans[v])
		error = -ENXIO;
	if (what == 3)
		vs_assert(vsw_vlan_add_port(r->sw, vid, port) == error);
	else
		vs_assert(vsw_vlan_del_port(r->sw, vid, port) == error);
	if (error || m->ports[port].vlan == (int)v)
		return;
	m->ports[port].tagged[v] = what == 3;
	leave(m, port, v);
}

static void do_other(struct run *r)
{
	struct model *m = &r->m;
	unsigned what = take(r, 5), port = take(r, PORTS), n = take(r, PORTS), k = take(r, 8);
	int error = usable(m, port);

	if (what == 0) {
		m->hub = n == 0;
		vsw_set_hub(r->sw, m->hub);
	} else if (what == 1) {
		if (!error)
			error = usable(m, n);
		if (!error && port == n)
			error = -EINVAL;
		vs_assert(vsw_mirror(r->sw, port, n, k & 1, k & 2) == error);
		if (error)
			return;
		if (k & 1 || m->ports[port].mirror_in == n)
			m->ports[port].mirror_in = k & 1 ? n : 0;
		if (k & 2 || m->ports[port].mirror_out == n)
			m->ports[port].mirror_out = k & 2 ? n : 0;
	} else if (what == 2) {
		enum vsw_state state = (enum vsw_state)(n % 3);

		k %= VLANS;
		if (!error && !member(&m->ports[port], k))
			error = -ENXIO;
		vs_assert(vsw_set_state(r->sw, vid_of[k], port, state) == error);
		if (error)
			return;
		m->ports[port].state[k] = state;
		if (state == VSW_BLOCKING)
			forget(m, port, (int)k);
	} else if (what == 3) {
		vs_assert(fdb_resize(&r->sw->fdb, 2u << k) == 0);
	} else {
		r->now += (vs_time)(n * k) * (VS_SEC / 16);
		if (n & 1)
			vsw_run(r->sw, r->now);
	}
}

static void check_books(const struct run *r)
{
	const uint64_t *c = r->sw->counters;
	uint64_t drops = 0, copies = 0;

	for (unsigned i = 0; i < VSW_COUNTERS; i++) {
		drops += strncmp(vsw_counter_names[i], "drop_", 5) == 0 ? c[i] : 0;
		copies += strncmp(vsw_counter_names[i], "copy_drop_", 10) == 0 ? c[i] : 0;
	}
	vs_assert(c[VSW_RX_FRAMES] == c[VSW_FORWARDED] + c[VSW_BPDUS] + drops);
	vs_assert(c[VSW_COPIES] == c[VSW_TX_FRAMES] + copies);
	for (unsigned v = 0; v < VLANS; v++)
		for (unsigned s = 0; s < STATIONS; s++) {
			uint8_t mac[6] = {2, 0, 0, 0, 0, (uint8_t)s};
			bool known = r->m.heard[v][s].port &&
				     r->now - r->m.heard[v][s].seen < EXPIRE;

			vs_assert(vsw_find(r->sw, r->now, mac, vid_of[v]) ==
				  (known ? (int)r->m.heard[v][s].port : -ENOENT));
		}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct vsw_conf conf = {.ports = 6, .hash_size = 64, .expire = EXPIRE,
				.persistence = PERSIST};
	struct run *r = calloc(1, sizeof(*r));

	vs_assert(r);
	r->bytes = bytes;
	r->len = len;
	r->m.ports_len = 6;
	r->m.vlans[0] = true;
	for (int i = 0; i <= ENDPOINTS; i++)
		r->m.port_of[i] = -1;
	host_arena_init(&r->arena, 0);
	vs_assert(vs_pool_create(&r->pool, &(struct vs_pool_conf){0}, &r->arena) == 0);
	vs_assert(vsw_create(&r->sw, &conf, &r->arena) == 0);
	while (r->len) {
		unsigned what = take(r, 16);

		if (what < 8)
			do_frame(r);
		else if (what < 10)
			do_attach(r);
		else if (what < 11)
			do_detach(r);
		else if (what < 12)
			do_port(r);
		else if (what < 14)
			do_vlan(r);
		else
			do_other(r);
	}
	check_books(r);
	vsw_destroy(r->sw);
	vs_assert(vs_pool_stats(r->pool).frames_out == 0);
	vs_arena_fini(&r->arena);
	free(r);
	return 0;
}
