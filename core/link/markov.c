/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The Markov chain of the link's states. Transitions come every period; most keep the node, so
 * how many do is drawn at once when a node is entered (a geometric number), and then which of the
 * others follows. Nothing has to wake up meanwhile, and a period of a microsecond costs no more
 * than one of a second.
 */
#include <errno.h>
#include <string.h>

#include "core/link/link_impl.h"

int64_t link_chain_leaving(const struct link *l, int node)
{
	int64_t sum = 0;

	for (int to = 0; to < l->node_count; to++)
		if (to != node)
			sum += *link_weight(l, node, to);
	return sum;
}

/* Decides when the present node is left, given that it was not left up to now. The chain forgets,
 * so this may be asked anew whenever its edges or period change.
 */
void link_chain_restart(struct link *l, vs_time now)
{
	struct link_chain *c = &l->chain;
	int64_t leaving = link_chain_leaving(l, c->node);
	unsigned __int128 after;
	uint64_t hazard, stays;

	l->next_known = false;
	c->next_at = VS_NEVER;
	if (leaving <= 0)
		return;
	hazard = link_hazard(vs_chance_of((uint64_t)leaving, (uint64_t)LINK_PERCENT));
	stays = link_hazard_draw(&c->draw) / hazard;
	after = (unsigned __int128)((uint64_t)((now - c->origin) / c->period) + 1 + stays);
	after *= (uint64_t)c->period;
	if (after < (unsigned __int128)(VS_NEVER - c->origin))
		c->next_at = c->origin + (vs_time)after;
}

void link_chain_enter(struct link *l, vs_time now, int node)
{
	int from = l->chain.node;

	l->chain.node = node;
	link_chain_restart(l, now);
	if (node == from)
		return;
	vs_trace_value(&l->trace, now, -1, "markov.node", node);
	if (l->node_changed)
		l->node_changed(l, from, node);
}

void link_chain_step(struct link *l)
{
	struct link_chain *c = &l->chain;
	uint64_t draw = vs_prng_below(&c->draw, (uint64_t)link_chain_leaving(l, c->node));
	int to = -1;

	do {
		to++;
		if (to == c->node)
			continue;
		if (draw < *link_weight(l, c->node, to))
			break;
		draw -= *link_weight(l, c->node, to);
	} while (to < l->node_count - 1);
	link_chain_enter(l, c->next_at, to);
}

/* New nodes have no edges; the weights of edges to nodes that go fall to the loopback, which is
 * implied; when the current node goes, node 0 follows it (the book, chapter 4).
 */
int link_chain_resize(struct link *l, vs_time now, int count)
{
	size_t old_count = (size_t)l->node_count, new_count = (size_t)count;
	size_t kept = old_count < new_count ? old_count : new_count;
	struct link_node *nodes = vs_alloc(l->arena, new_count * sizeof(*nodes));
	uint32_t *weights = vs_alloc(l->arena, new_count * new_count * sizeof(*weights));

	if (!nodes || !weights) {
		vs_free(l->arena, nodes, new_count * sizeof(*nodes));
		vs_free(l->arena, weights, new_count * new_count * sizeof(*weights));
		return -ENOMEM;
	}
	if (l->nodes)
		memcpy(nodes, l->nodes, kept * sizeof(*nodes));
	for (size_t from = 0; l->weights && from < kept; from++)
		memcpy(weights + from * new_count, l->weights + from * old_count,
		       kept * sizeof(*weights));
	vs_free(l->arena, l->nodes, old_count * sizeof(*nodes));
	vs_free(l->arena, l->weights, old_count * old_count * sizeof(*weights));
	l->nodes = nodes;
	l->weights = weights;
	l->node_count = count;
	link_chain_enter(l, now, l->chain.node < count ? l->chain.node : 0);
	return 0;
}
