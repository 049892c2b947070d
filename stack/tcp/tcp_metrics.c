/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is remembered of peers between connections, for fast open: the cookie that a peer gave, the
 * segment size it announced, and whether to try the experimental option (RFC 7413 4.1.3). A small
 * table; the peer that was not asked for longest makes room.
 */
#include "stack/tcp/tcp_impl.h"

#define METRICS_MIN 8
#define METRICS_MAX 256

static struct tcp_metrics *find(const struct tcp *t, const struct wire_addr *peer)
{
	for (uint32_t i = 0; i < t->metrics_count; i++)
		if (wire_addr_equal(&t->metrics[i].peer, peer))
			return &t->metrics[i];
	return NULL;
}

const struct tcp_metrics *tcp_metrics_find(struct stk *s, const struct wire_addr *peer)
{
	struct tcp_metrics *m = find(s->tcp, peer);

	if (m)
		m->used = ++s->tcp->metrics_used;
	return m;
}

static struct tcp_metrics *oldest(const struct tcp *t)
{
	struct tcp_metrics *m = &t->metrics[0];

	for (uint32_t i = 1; i < t->metrics_count; i++)
		if (t->metrics[i].used < m->used)
			m = &t->metrics[i];
	return m;
}

struct tcp_metrics *tcp_metrics_of(struct stk *s, const struct wire_addr *peer)
{
	struct tcp *t = s->tcp;
	struct tcp_metrics *m = find(t, peer);

	if (m)
		return m;
	if (t->metrics_count == t->metrics_size && t->metrics_size < METRICS_MAX) {
		uint32_t size = t->metrics_size ? 2 * t->metrics_size : METRICS_MIN;
		struct tcp_metrics *more =
			vs_grow(s->arena, t->metrics, sizeof(*more), t->metrics_size, size);

		if (more) {
			t->metrics = more;
			t->metrics_size = size;
		}
	}
	if (t->metrics_count < t->metrics_size)
		m = &t->metrics[t->metrics_count++];
	else if (t->metrics_count)
		m = oldest(t);
	else
		return NULL;
	*m = (struct tcp_metrics){.peer = *peer, .used = ++t->metrics_used, .cookie.len = -1};
	return m;
}

void tcp_metrics_flush(struct stk *s)
{
	s->tcp->metrics_count = 0;
}

void tcp_metrics_free(struct stk *s)
{
	struct tcp *t = s->tcp;

	vs_free(s->arena, t->metrics, t->metrics_size * sizeof(*t->metrics));
	t->metrics = NULL;
	t->metrics_count = t->metrics_size = 0;
}
