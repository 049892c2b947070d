/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The groups of an interface, and the filter of each, which its members' wishes make: RFC 3376 3.2,
 * RFC 3810 4.2.
 */
#include "stack/group/group.h"

#include <errno.h>
#include <string.h>

struct ip_group *group_find(const struct ip_interface *interface, const struct wire_addr *addr)
{
	struct ip_group *g = interface->groups;

	while (g && !wire_addr_equal(&g->addr, addr))
		g = g->next;
	return g;
}

bool ip_group_has(const struct ip_interface *interface, const struct wire_addr *addr)
{
	const struct ip_group *g = group_find(interface, addr);

	return g && group_received(g);
}

bool ip_group_has_mac(const struct ip_interface *interface, const uint8_t mac[WIRE_MAC_LEN])
{
	for (const struct ip_group *g = interface->groups; g; g = g->next)
		if (!memcmp(g->mac, mac, WIRE_MAC_LEN) && group_received(g))
			return true;
	return false;
}

static const struct group_source *source_find(const struct ip_group *g, const struct wire_addr *a)
{
	for (unsigned i = 0; i < g->count; i++)
		if (wire_addr_equal(&g->sources[i].addr, a))
			return &g->sources[i];
	return NULL;
}

bool ip_group_accepts(const struct ip_interface *interface, const struct wire_addr *addr,
		      const struct wire_addr *src)
{
	const struct ip_group *g = group_find(interface, addr);
	const struct group_source *source = g ? source_find(g, src) : NULL;

	return g && (g->exclude != (source && source->listed));
}

struct ip_group *group_get(struct stk *s, struct ip_interface *interface,
			   const struct wire_addr *addr)
{
	struct ip_group *g = group_find(interface, addr);

	if (g)
		return g;
	g = vs_alloc(s->arena, sizeof(*g));
	if (!g)
		return NULL;
	g->addr = *addr;
	g->answer_at = VS_NEVER;
	wire_addr_multicast_mac(addr, g->mac);
	g->next = interface->groups;
	interface->groups = g;
	return g;
}

void group_forget_if_idle(struct stk *s, struct ip_interface *interface, struct ip_group *g)
{
	struct ip_group **p = &interface->groups;

	if (g->users || g->members || g->mode_left || g->count)
		return;
	while (*p != g)
		p = &(*p)->next;
	*p = g->next;
	vs_free(s->arena, g->sources, g->size * sizeof(*g->sources));
	vs_free(s->arena, g, sizeof(*g));
}

static bool member_lists(const struct group_member *m, const struct wire_addr *a)
{
	for (unsigned i = 0; i < m->count; i++)
		if (wire_addr_equal(&m->sources[i], a))
			return true;
	return false;
}

/* Whether the merged filter lists a source that some member lists: in EXCLUDE mode when every
 * excluding member excludes it and nobody includes it.
 */
static bool merged_lists(const struct ip_group *g, bool exclude, const struct wire_addr *a)
{
	if (exclude && g->users)
		return false;
	for (const struct group_member *m = g->members; m; m = m->group_next) {
		bool lists = member_lists(m, a);

		if (exclude && lists != m->exclude)
			return false;
		if (!exclude && lists)
			return true;
	}
	return exclude;
}

static void add(struct group_source *to, unsigned *count, const struct group_source *source)
{
	for (unsigned i = 0; i < *count; i++)
		if (wire_addr_equal(&to[i].addr, &source->addr))
			return;
	to[(*count)++] = *source;
}

/* Fills the sources of the new filter, and behind them those whose going is still to be told. */
static unsigned fill(const struct ip_group *g, bool exclude, uint8_t robustness,
		     struct group_source *to)
{
	bool same = exclude == g->exclude;
	unsigned count = 0;

	for (const struct group_member *m = g->members; m; m = m->group_next) {
		for (unsigned i = 0; i < m->count; i++) {
			const struct group_source *had = source_find(g, &m->sources[i]);
			struct group_source now = {.addr = m->sources[i], .listed = true};

			if (!merged_lists(g, exclude, &now.addr))
				continue;
			/* A change of mode tells of all sources by itself. */
			now.left = !same ? 0 : had && had->listed ? had->left : robustness;
			now.asked = had && had->asked;
			add(to, &count, &now);
		}
	}
	for (unsigned i = 0; same && i < g->count; i++) {
		struct group_source gone = g->sources[i];

		if (gone.listed)
			gone.left = robustness;
		gone.listed = false;
		if (gone.left)
			add(to, &count, &gone);
	}
	return count;
}

int group_merge(struct stk *s, vs_time now, struct ip_interface *interface, struct ip_group *g)
{
	bool is4 = wire_addr_is4(&g->addr), was_received = group_received(g);
	bool exclude = g->users, changed;
	uint8_t robustness = interface->group_link->querier[is4].robustness;
	struct group_source *sources = NULL;
	unsigned size = g->count, count = 0;

	for (const struct group_member *m = g->members; m; m = m->group_next) {
		exclude = exclude || m->exclude;
		size += m->count;
	}
	if (size) {
		sources = vs_alloc(s->arena, size * sizeof(*sources));
		if (!sources)
			return -ENOMEM;
		count = fill(g, exclude, robustness, sources);
	}
	changed = exclude != g->exclude;
	if (changed)
		g->mode_left = robustness;
	vs_free(s->arena, g->sources, g->size * sizeof(*g->sources));
	g->sources = sources;
	g->size = size;
	g->count = count;
	g->exclude = exclude;
	g->listed = 0;
	for (unsigned i = 0; i < count; i++) {
		g->listed += sources[i].listed;
		changed = changed || sources[i].left == robustness;
	}
	if (changed)
		group_changed(s, now, interface, g, was_received);
	group_forget_if_idle(s, interface, g);
	return 0;
}

int ip_group_join(struct stk *s, vs_time now, struct ip_interface *interface,
		  const struct wire_addr *addr)
{
	struct ip_group *g = group_get(s, interface, addr);
	int error;

	if (!g)
		return -ENOMEM;
	if (g->users++)
		return 0;
	error = group_merge(s, now, interface, g);
	if (error) {
		g->users--;
		group_forget_if_idle(s, interface, g);
	}
	return error;
}

void ip_group_leave(struct stk *s, vs_time now, struct ip_interface *interface,
		    const struct wire_addr *addr)
{
	struct ip_group *g = group_find(interface, addr);

	/* Without memory for the new filter the old one goes on: it lets in too much. */
	if (g && !--g->users)
		group_merge(s, now, interface, g);
}
