/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Path MTU discovery: RFC 1191 and RFC 8201. What routers said fits is kept by destination for ten
 * minutes, after which a larger packet may be tried again.
 */
#include <errno.h>

#include "stack/ip/ip.h"

/* RFC 1191 7.1: what to try when a router does not say what fits. */
static const uint16_t plateaus[] = {32000, 17914, 8166, 4352, 2002, 1492, 1006, 508};

static void expire(struct vs_timer *timer, void *ctx, vs_time now)
{
	struct stk *s = ctx;
	vs_time next = VS_NEVER;

	for (unsigned i = 0; i < IP_PMTU_BUCKETS; i++) {
		struct ip_pmtu **p = &s->ip->pmtu[i];

		while (*p) {
			struct ip_pmtu *entry = *p;

			if (entry->expires > now) {
				next = vs_time_min(next, entry->expires);
				p = &entry->next;
				continue;
			}
			*p = entry->next;
			s->ip->pmtu_count--;
			vs_free(s->arena, entry, sizeof(*entry));
		}
	}
	ip_changed(s);
	vs_timer_set(&s->timers, timer, next);
}

int ip_pmtu_init(struct stk *s)
{
	return vs_timer_add(&s->timers, &s->ip->pmtu_timer, expire);
}

void ip_pmtu_fini(struct stk *s)
{
	for (unsigned i = 0; i < IP_PMTU_BUCKETS; i++) {
		struct ip_pmtu *entry;

		while ((entry = s->ip->pmtu[i])) {
			s->ip->pmtu[i] = entry->next;
			vs_free(s->arena, entry, sizeof(*entry));
		}
	}
	vs_timer_remove(&s->timers, &s->ip->pmtu_timer);
}

static struct ip_pmtu *find(const struct stk *s, const struct wire_addr *dst)
{
	struct ip_pmtu *entry = s->ip->pmtu[ip_hash(s, dst) % IP_PMTU_BUCKETS];

	while (entry && !wire_addr_equal(&entry->dst, dst))
		entry = entry->next;
	return entry;
}

uint32_t ip_pmtu_get(const struct stk *s, const struct wire_addr *dst)
{
	const struct ip_pmtu *entry = s->ip->pmtu_count ? find(s, dst) : NULL;

	return entry ? entry->mtu : 0;
}

/* The destination that would be forgotten first is. */
static void make_room(struct stk *s)
{
	struct ip_pmtu **first = NULL, *entry;

	for (unsigned i = 0; i < IP_PMTU_BUCKETS; i++)
		for (struct ip_pmtu **p = &s->ip->pmtu[i]; *p; p = &(*p)->next)
			if (!first || (*p)->expires < (*first)->expires)
				first = p;
	entry = *first;
	*first = entry->next;
	s->ip->pmtu_count--;
	vs_free(s->arena, entry, sizeof(*entry));
}

void ip_pmtu_learn(struct stk *s, vs_time now, const struct wire_addr *dst, uint32_t mtu,
		   uint32_t sent)
{
	bool is4 = wire_addr_is4(dst);
	struct ip_pmtu *entry = find(s, dst);

	for (size_t i = 0; is4 && !mtu && i < sizeof(plateaus) / sizeof(plateaus[0]); i++)
		if (plateaus[i] < sent)
			mtu = plateaus[i];
	if (is4 && mtu < IP_PMTU_MIN4)
		mtu = IP_PMTU_MIN4;
	/* RFC 8201 4: less than IPv6's minimum is not to be believed. */
	if (mtu < (is4 ? IP_PMTU_MIN4 : IP_MTU_MIN6) || (entry && entry->mtu < mtu))
		return;
	if (!entry) {
		struct ip_pmtu **bucket = &s->ip->pmtu[ip_hash(s, dst) % IP_PMTU_BUCKETS];

		if (s->ip->pmtu_count >= IP_PMTU_MAX)
			make_room(s);
		entry = vs_alloc(s->arena, sizeof(*entry));
		if (!entry)
			return;
		entry->dst = *dst;
		entry->next = *bucket;
		*bucket = entry;
		s->ip->pmtu_count++;
	}
	entry->mtu = mtu;
	entry->expires = vs_time_add(now, s->ip->set.mtu_expires_s * VS_SEC);
	if (!vs_timer_armed(&s->ip->pmtu_timer))
		vs_timer_set(&s->timers, &s->ip->pmtu_timer, entry->expires);
	ip_changed(s);
}
