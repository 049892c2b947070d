/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ports, their endpoints, and who may use them. */
#include <errno.h>

#include "core/base/assert.h"
#include "core/switch/vsw_impl.h"

const char *const vsw_port_counter_names[] = {
	"rx_frames", "rx_bytes", "tx_frames", "tx_bytes", "rx_drops", "tx_drops",
};

static_assert(sizeof(vsw_port_counter_names) / sizeof(vsw_port_counter_names[0]) ==
		      VSW_PORT_COUNTERS,
	      "every counter of a port has a name");

int vsw_ports_init(struct vsw *sw, unsigned ports)
{
	if (ports < 2 || ports > VSW_PORTS_MAX)
		return -EINVAL;
	sw->ports = vs_alloc(sw->arena, ports * sizeof(*sw->ports));
	sw->words = sw->active_words = (ports + 63) / 64;
	sw->active = vs_alloc(sw->arena, sw->words * sizeof(*sw->active));
	sw->ports_len = sw->ports_size = ports;
	sw->endpoints_free = -1;
	return sw->ports && sw->active ? 0 : -ENOMEM;
}

static void endpoint_forget(struct vsw *sw, struct vsw_endpoint *e)
{
	vs_free(sw->arena, e->descr, e->descr_size);
	e->descr = NULL;
	e->descr_size = 0;
}

void vsw_ports_fini(struct vsw *sw)
{
	for (uint32_t i = 0; i < sw->endpoints_size; i++)
		endpoint_forget(sw, &sw->endpoints[i]);
	vs_free(sw->arena, sw->endpoints, sw->endpoints_size * sizeof(*sw->endpoints));
	vs_free(sw->arena, sw->ports, sw->ports_size * sizeof(*sw->ports));
	vs_free(sw->arena, sw->active, sw->active_words * sizeof(*sw->active));
}

/* Growing may fail half way: then arrays are longer than needed and the number is as it was. */
int vsw_set_ports(struct vsw *sw, unsigned ports)
{
	uint32_t words = (ports + 63) / 64;

	if (ports < 2 || ports > VSW_PORTS_MAX)
		return -EINVAL;
	for (unsigned i = ports; i < sw->ports_len; i++)
		if (sw->ports[i].exists)
			return -EADDRINUSE;
	if (ports > sw->ports_size) {
		struct vsw_port *more = vs_grow(sw->arena, sw->ports, sizeof(*more),
						sw->ports_size, ports);

		if (!more)
			return -ENOMEM;
		sw->ports = more;
		sw->ports_size = ports;
	}
	if (words > sw->active_words) {
		uint64_t *more = vs_grow(sw->arena, sw->active, sizeof(*more), sw->active_words,
					 words);

		if (!more)
			return -ENOMEM;
		sw->active = more;
		sw->active_words = words;
	}
	if (vsw_vlans_widen(sw, words) != 0)
		return -ENOMEM;
	sw->words = words;
	sw->ports_len = ports;
	return 0;
}

static void port_make(struct vsw *sw, unsigned port, bool allocatable)
{
	struct vsw_port *p = &sw->ports[port];

	*p = (struct vsw_port){.exists = true, .allocatable = allocatable, .vlan = VSW_NO_VLAN,
			       .first = -1, .user = VSW_NONE, .group = VSW_NONE};
	vsw_port_set_vlan(sw, 0, port, 0);
	vsw_tell_port(sw, VSW_PORT_NEW, port, -1);
}

int vsw_port_create(struct vsw *sw, unsigned port)
{
	if (!vsw_port_valid(sw, port))
		return -EINVAL;
	if (sw->ports[port].exists)
		return -EEXIST;
	port_make(sw, port, false);
	return 0;
}

int vsw_port_remove(struct vsw *sw, vs_time now, unsigned port)
{
	struct vsw_port *p;

	if (!vsw_port_valid(sw, port))
		return -EINVAL;
	p = &sw->ports[port];
	if (!p->exists)
		return -ENXIO;
	while (p->first >= 0)
		vsw_endpoint_close(sw, now, port, (unsigned)p->first);
	vsw_vlans_leave(sw, port);
	for (unsigned i = 0; i < sw->ports_len; i++) {
		if (sw->ports[i].mirror_in == port)
			sw->ports[i].mirror_in = 0;
		if (sw->ports[i].mirror_out == port)
			sw->ports[i].mirror_out = 0;
	}
	memset(p, 0, sizeof(*p));
	return 0;
}

static int check(const struct vsw *sw, unsigned port)
{
	if (!vsw_port_valid(sw, port))
		return -EINVAL;
	return sw->ports[port].exists ? 0 : -ENXIO;
}

int vsw_port_set_allocatable(struct vsw *sw, unsigned port, bool allocatable)
{
	int error = check(sw, port);

	if (!error)
		sw->ports[port].allocatable = allocatable;
	return error;
}

int vsw_port_set_user(struct vsw *sw, unsigned port, uint32_t user)
{
	int error = check(sw, port);

	if (!error)
		sw->ports[port].user = user;
	return error;
}

int vsw_port_set_group(struct vsw *sw, unsigned port, uint32_t group)
{
	int error = check(sw, port);

	if (!error)
		sw->ports[port].group = group;
	return error;
}

int vsw_mirror(struct vsw *sw, unsigned from, unsigned to, bool in, bool out)
{
	int error = check(sw, from);
	struct vsw_port *p;

	if (!error)
		error = check(sw, to);
	if (!error && (from == to || to == 0))
		error = -EINVAL;
	if (error)
		return error;
	p = &sw->ports[from];
	if (in || p->mirror_in == to)
		p->mirror_in = in ? to : 0;
	if (out || p->mirror_out == to)
		p->mirror_out = out ? to : 0;
	return 0;
}

/* The access control of the book, chapter 4, in its order. */
bool vsw_may_use(const struct vsw *sw, const struct vsw_port *p, uint32_t user)
{
	if (user == VSW_NONE)
		return true;
	if (p->user == VSW_NONE && p->group == VSW_NONE)
		return true;
	if (user == 0 || user == p->user)
		return true;
	return p->group != VSW_NONE && sw->conf.in_group &&
	       sw->conf.in_group(sw->conf.ctx, user, p->group);
}

/* The first port that nobody has, is open to guests without a wish, and lets this one in. */
static int port_pick(const struct vsw *sw, uint32_t user)
{
	for (unsigned i = 1; i < sw->ports_len; i++) {
		const struct vsw_port *p = &sw->ports[i];

		if (!p->exists || (p->allocatable && p->first < 0 && vsw_may_use(sw, p, user)))
			return (int)i;
	}
	return -EMFILE;
}

/* Room for one more endpoint, and in the queue for floods to all. 0 or -ENOMEM. */
static int endpoint_room(struct vsw *sw)
{
	uint32_t size = sw->endpoints_size ? sw->endpoints_size * 2 : 16;
	struct vsw_endpoint *more;

	if (sw->endpoints_free >= 0)
		return 0;
	if (vs_queue_reserve(&sw->queue, size * 4, sw->arena) != 0)
		return -ENOMEM;
	more = vs_grow(sw->arena, sw->endpoints, sizeof(*more), sw->endpoints_size, size);
	if (!more)
		return -ENOMEM;
	sw->endpoints = more;
	for (uint32_t i = size; i-- > sw->endpoints_size;) {
		more[i].port = -1;
		more[i].next = sw->endpoints_free;
		sw->endpoints_free = (int32_t)i;
	}
	sw->endpoints_size = size;
	return 0;
}

static int endpoint_fill(struct vsw *sw, struct vsw_endpoint *e, const struct vsw_guest *guest)
{
	const char *module = guest->module ? guest->module : "";
	const char *descr = guest->descr ? guest->descr : "";
	size_t len = strnlen(descr, VSW_DESCR_MAX);

	e->descr = vs_alloc(sw->arena, len + 1);
	if (!e->descr)
		return -ENOMEM;
	e->descr_size = (uint32_t)len + 1;
	memcpy(e->descr, descr, len);
	e->user = guest->user;
	len = strnlen(module, sizeof(e->module) - 1);
	memset(e->module, 0, sizeof(e->module));
	memcpy(e->module, module, len);
	return 0;
}

/* Called when the first endpoint comes or the last one has gone. */
static void port_activate(struct vsw *sw, unsigned port, bool active)
{
	vsw_bit_set(sw->active, port, active);
	vsw_vlans_refresh(sw, port);
	if (!active)
		fdb_flush_port(&sw->fdb, port);
}

int vsw_attach(struct vsw *sw, vs_time now, const struct vsw_guest *guest)
{
	int port = guest->any ? port_pick(sw, guest->user) : guest->port;
	struct vsw_endpoint *e;
	int32_t *link;
	int n;

	(void)now;
	if (port < 0)
		return guest->any ? port : -ENXIO;
	if ((unsigned)port >= sw->ports_len)
		return -ENXIO;
	if (sw->ports[port].exists && !vsw_may_use(sw, &sw->ports[port], guest->user))
		return -EACCES;
	if (endpoint_room(sw) != 0)
		return -ENOMEM;
	n = sw->endpoints_free;
	e = &sw->endpoints[n];
	if (endpoint_fill(sw, e, guest) != 0)
		return -ENOMEM;
	if (!sw->ports[port].exists)
		port_make(sw, (unsigned)port, true);
	sw->endpoints_free = e->next;
	sw->endpoints_live++;
	e->port = port;
	e->next = -1;
	for (link = &sw->ports[port].first; *link >= 0; link = &sw->endpoints[*link].next)
		;
	*link = n;
	if (sw->ports[port].first == n)
		port_activate(sw, (unsigned)port, true);
	vsw_tell_port(sw, VSW_EP_NEW, (unsigned)port, n);
	vsw_tell_port(sw, VSW_PORT_DESCR, (unsigned)port, n);
	return n;
}

static bool live(const struct vsw *sw, int endpoint)
{
	return endpoint >= 0 && (uint32_t)endpoint < sw->endpoints_size &&
	       sw->endpoints[endpoint].port >= 0;
}

void vsw_detach(struct vsw *sw, vs_time now, int endpoint)
{
	struct vsw_endpoint *e;
	unsigned port;
	int32_t *link;

	if (!live(sw, endpoint))
		return;
	e = &sw->endpoints[endpoint];
	port = (unsigned)e->port;
	for (link = &sw->ports[port].first; *link != endpoint; link = &sw->endpoints[*link].next)
		;
	*link = e->next;
	vsw_queue_purge(sw, now, endpoint);
	vsw_tell_port(sw, VSW_EP_GONE, port, endpoint);
	endpoint_forget(sw, e);
	e->port = -1;
	e->next = sw->endpoints_free;
	sw->endpoints_free = endpoint;
	sw->endpoints_live--;
	if (sw->ports[port].first < 0) {
		vsw_tell_port(sw, VSW_PORT_GONE, port, -1);
		port_activate(sw, port, false);
	}
}

int vsw_endpoint_close(struct vsw *sw, vs_time now, unsigned port, unsigned endpoint)
{
	int error = check(sw, port);

	if (error)
		return error;
	if (endpoint > INT32_MAX || !live(sw, (int)endpoint) ||
	    sw->endpoints[endpoint].port != (int32_t)port)
		return -ENXIO;
	vsw_detach(sw, now, (int)endpoint);
	if (sw->conf.closed)
		sw->conf.closed(sw->conf.ctx, (int)endpoint);
	return 0;
}

int vsw_port_of(const struct vsw *sw, int endpoint)
{
	return live(sw, endpoint) ? sw->endpoints[endpoint].port : -ENOENT;
}

void vsw_reset_counters(struct vsw *sw, unsigned port)
{
	memset(sw->ports[port].counters, 0, sizeof(sw->ports[port].counters));
}

struct vs_counters vsw_port_counters(const struct vsw *sw, unsigned port)
{
	struct vs_counters c = {vsw_port_counter_names, NULL, 0};

	if (vsw_port_exists(sw, port)) {
		c.values = sw->ports[port].counters;
		c.count = VSW_PORT_COUNTERS;
	}
	return c;
}
