/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* VLANs: who is a member, by tag or without, and what the spanning tree allows. IEEE 802.1Q-2018
 * 8.4, 8.8.10. Sets of ports are bits in words, so a flood visits 64 ports at a time.
 */
#include <errno.h>

#include "core/base/assert.h"
#include "core/switch/vsw_impl.h"

#define SETS 5

/* One piece of memory holds the sets one after the other. */
static void lay_out(struct vsw_vlan *v, uint64_t *bits, uint32_t words)
{
	v->words = words;
	v->member = bits;
	v->tagged = bits + words;
	v->blocked = bits + 2 * (size_t)words;
	v->held = bits + 3 * (size_t)words;
	v->flood = bits + 4 * (size_t)words;
}

static size_t sets_size(uint32_t words)
{
	return SETS * (size_t)words * sizeof(uint64_t);
}

int vsw_vlan_make(struct vsw *sw, unsigned vlan)
{
	struct vsw_vlan *v = vs_alloc(sw->arena, sizeof(*v));
	uint64_t *bits = vs_alloc(sw->arena, sets_size(sw->words));

	if (!v || !bits) {
		vs_free(sw->arena, v, sizeof(*v));
		vs_free(sw->arena, bits, sets_size(sw->words));
		return -ENOMEM;
	}
	lay_out(v, bits, sw->words);
	sw->vlans[vlan] = v;
	return 0;
}

void vsw_vlan_free(struct vsw *sw, unsigned vlan)
{
	struct vsw_vlan *v = sw->vlans[vlan];

	if (!v)
		return;
	vs_free(sw->arena, v->member, sets_size(v->words));
	vs_free(sw->arena, v, sizeof(*v));
	sw->vlans[vlan] = NULL;
}

static int widen(struct vsw *sw, struct vsw_vlan *v, uint32_t words)
{
	struct vsw_vlan old = *v;
	uint64_t *bits;

	if (v->words >= words)
		return 0;
	bits = vs_alloc(sw->arena, sets_size(words));
	if (!bits)
		return -ENOMEM;
	lay_out(v, bits, words);
	memcpy(v->member, old.member, old.words * sizeof(*bits));
	memcpy(v->tagged, old.tagged, old.words * sizeof(*bits));
	memcpy(v->blocked, old.blocked, old.words * sizeof(*bits));
	memcpy(v->held, old.held, old.words * sizeof(*bits));
	memcpy(v->flood, old.flood, old.words * sizeof(*bits));
	vs_free(sw->arena, old.member, sets_size(old.words));
	return 0;
}

/* A failure half way leaves some sets wider than needed, which harms nobody. */
int vsw_vlans_widen(struct vsw *sw, uint32_t words)
{
	for (unsigned i = 0; i < VSW_VLANS; i++)
		if (sw->vlans[i] && widen(sw, sw->vlans[i], words) != 0)
			return -ENOMEM;
	return 0;
}

void vsw_vlan_refresh(struct vsw *sw, struct vsw_vlan *v, unsigned port)
{
	vsw_bit_set(v->flood, port, vsw_bit(v->member, port) && vsw_bit(sw->active, port) &&
					    !vsw_bit(v->held, port));
}

void vsw_vlans_refresh(struct vsw *sw, unsigned port)
{
	for (unsigned i = 0; i < VSW_VLANS; i++)
		if (sw->vlans[i])
			vsw_vlan_refresh(sw, sw->vlans[i], port);
}

static void set_member(struct vsw *sw, unsigned vlan, unsigned port, bool member, bool tagged)
{
	struct vsw_vlan *v = sw->vlans[vlan];

	vsw_bit_set(v->member, port, member);
	vsw_bit_set(v->tagged, port, member && tagged);
	if (!member) {
		vsw_bit_set(v->blocked, port, false);
		vsw_bit_set(v->held, port, false);
		fdb_flush_port_vlan(&sw->fdb, port, vlan);
	}
	vsw_vlan_refresh(sw, v, port);
}

void vsw_vlans_leave(struct vsw *sw, unsigned port)
{
	for (unsigned i = 0; i < VSW_VLANS; i++)
		if (sw->vlans[i] && vsw_bit(sw->vlans[i]->member, port))
			set_member(sw, i, port, false, false);
	sw->ports[port].vlan = VSW_NO_VLAN;
	sw->ports[port].untagged = NULL;
}

int vsw_vlan_create(struct vsw *sw, unsigned vlan)
{
	if (vlan == 0 || vlan >= VSW_NO_VLAN)
		return -EINVAL;
	if (sw->vlans[vlan])
		return -EEXIST;
	return vsw_vlan_make(sw, vlan);
}

/* VLAN 0 is where ports begin, so it is always in use; the original removed it when it was empty,
 * and crashed at the next port.
 */
int vsw_vlan_remove(struct vsw *sw, unsigned vlan)
{
	if (vlan >= VSW_NO_VLAN)
		return -EINVAL;
	if (vlan == 0)
		return -EADDRINUSE;
	if (!sw->vlans[vlan])
		return -ENXIO;
	for (uint32_t i = 0; i < sw->words; i++)
		if (sw->vlans[vlan]->member[i])
			return -EADDRINUSE;
	vsw_vlan_free(sw, vlan);
	return 0;
}

static int check(const struct vsw *sw, unsigned vlan, unsigned port)
{
	if (vlan >= VSW_NO_VLAN || !vsw_port_valid(sw, port))
		return -EINVAL;
	return sw->vlans[vlan] && sw->ports[port].exists ? 0 : -ENXIO;
}

int vsw_vlan_add_port(struct vsw *sw, unsigned vlan, unsigned port)
{
	int error = check(sw, vlan, port);

	/* As in the original: who is in it without a tag stays so. */
	if (!error && sw->ports[port].vlan != vlan)
		set_member(sw, vlan, port, true, true);
	return error;
}

int vsw_vlan_del_port(struct vsw *sw, unsigned vlan, unsigned port)
{
	int error = check(sw, vlan, port);

	if (!error && sw->ports[port].vlan != vlan)
		set_member(sw, vlan, port, false, false);
	return error;
}

int vsw_port_set_vlan(struct vsw *sw, vs_time now, unsigned port, unsigned vlan)
{
	struct vsw_port *p;

	(void)now;
	if (!vsw_port_valid(sw, port) || vlan > VSW_NO_VLAN)
		return -EINVAL;
	p = &sw->ports[port];
	if (!p->exists || (vlan != VSW_NO_VLAN && !sw->vlans[vlan]))
		return -ENXIO;
	if (p->vlan == vlan)
		return 0;
	if (p->untagged)
		set_member(sw, p->vlan, port, false, false);
	p->vlan = (uint16_t)vlan;
	p->untagged = vlan == VSW_NO_VLAN ? NULL : sw->vlans[vlan];
	if (p->untagged)
		set_member(sw, vlan, port, true, false);
	return 0;
}

enum vsw_state vsw_state(const struct vsw *sw, unsigned vlan, unsigned port)
{
	const struct vsw_vlan *v = sw->vlans[vlan];

	if (vsw_bit(v->blocked, port))
		return VSW_BLOCKING;
	return vsw_bit(v->held, port) ? VSW_LEARNING : VSW_FORWARDING;
}

int vsw_set_state(struct vsw *sw, unsigned vlan, unsigned port, enum vsw_state state)
{
	int error = check(sw, vlan, port);
	struct vsw_vlan *v;

	if (error)
		return error;
	v = sw->vlans[vlan];
	if (!vsw_bit(v->member, port))
		return -ENXIO;
	vsw_bit_set(v->blocked, port, state == VSW_BLOCKING);
	vsw_bit_set(v->held, port, state != VSW_FORWARDING);
	if (state == VSW_BLOCKING)
		fdb_flush_port_vlan(&sw->fdb, port, vlan);
	vsw_vlan_refresh(sw, v, port);
	return 0;
}
