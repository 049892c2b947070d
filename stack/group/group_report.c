/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What routers are told, and when: RFC 3376 5 and 7, RFC 3810 6 and 8, and of older versions RFC
 * 2236 3 and RFC 2710 4. A change is reported at once and robustness - 1 times more, at random
 * within the unsolicited report interval; a query is answered at random within its time. One timer
 * per interface does both families.
 */
#include <errno.h>
#include <string.h>

#include "core/wire/group.h"
#include "stack/group/group.h"

#define ROBUSTNESS_MAX	 7
#define QUERY_INTERVAL_S 125 /* RFC 3376 8.2 */

static const struct wire_addr all_nodes = {{[0] = 0xff, [1] = 0x02, [15] = 1}};
static const struct wire_addr all_routers = {{[0] = 0xff, [1] = 0x02, [15] = 2}};
static const struct wire_addr all_hosts4 = {{[10] = 0xff, [11] = 0xff, [12] = 224, [15] = 1}};

/* What is never reported: RFC 3376 6, RFC 3810 6. */
static bool reported(const struct stk *s, const struct ip_group *g)
{
	const uint8_t *b = g->addr.b;

	if (wire_addr_is4(&g->addr))
		return !wire_addr_equal(&g->addr, &all_hosts4) &&
		       (s->ip->set.igmp_link_local || b[12] != 224 || b[13] || b[14]);
	return !wire_addr_equal(&g->addr, &all_nodes) && (b[1] & 0xf) > 1 &&
	       (s->ip->set.forwarding6 || !wire_addr_equal(&g->addr, &all_routers));
}

/* The stack's own groups are only reported unasked when that is set. */
static bool volunteered(const struct stk *s, const struct ip_group *g)
{
	return reported(s, g) && (g->members || !g->users || s->ip->set.mld_own_reports);
}

static vs_time soon(struct group_link *link, vs_time now, vs_time span)
{
	return now + 1 + (vs_time)vs_prng_below(&link->chance, span > 0 ? (uint64_t)span : 1);
}

static vs_time unsolicited(const struct stk *s, bool is4, unsigned version)
{
	const struct ip_settings *set = &s->ip->set;

	return (is4 ? version < 3 ? set->igmp2_unsolicited_ms : set->igmp3_unsolicited_ms
		    : version < 3 ? set->mld1_unsolicited_ms : set->mld2_unsolicited_ms) *
	       VS_MSEC;
}

/* RFC 3376 7.2.1, RFC 3810 8.2.1: the version of the oldest querier that was heard lately. */
static uint8_t version_of(const struct stk *s, vs_time now, const struct group_querier *q, bool is4)
{
	int64_t forced = is4 ? s->ip->set.force_igmp : s->ip->set.force_mld;

	if (forced)
		return (uint8_t)(is4 ? forced : forced + 1);
	if (q->v1_until > now)
		return 1;
	return q->v2_until > now ? 2 : 3;
}

void group_prune(struct ip_group *g)
{
	for (unsigned i = g->count; i-- > 0;)
		if (!g->sources[i].listed && !g->sources[i].left && !g->sources[i].asked)
			g->sources[i] = g->sources[--g->count];
}

static void forget_changes(struct ip_group *g)
{
	g->mode_left = g->repeats = 0;
	for (unsigned i = 0; i < g->count; i++)
		g->sources[i].left = 0;
	group_prune(g);
}

/* No query waits for an answer about the group any more. */
static void answered(struct ip_group *g)
{
	g->answer_at = VS_NEVER;
	g->answer_sources = false;
	for (unsigned i = 0; i < g->count; i++)
		g->sources[i].asked = false;
	group_prune(g);
}

/* Gives the version to speak; when it has changed, nothing pending counts any more. */
static uint8_t mode(struct stk *s, vs_time now, struct ip_interface *interface, bool is4)
{
	struct group_querier *q = &interface->group_link->querier[is4];
	uint8_t version = version_of(s, now, q, is4);
	struct ip_group *g, *next;

	if (version == q->mode)
		return version;
	q->mode = version;
	q->general_at = q->change_at = VS_NEVER;
	for (g = interface->groups; g; g = next) {
		next = g->next;
		if (wire_addr_is4(&g->addr) != is4)
			continue;
		answered(g);
		forget_changes(g);
		group_forget_if_idle(s, interface, g);
	}
	return version;
}

static bool pick_listed(const struct ip_group *g, const struct group_source *source)
{
	(void)g;
	return source->listed;
}

static bool pick_allow(const struct ip_group *g, const struct group_source *source)
{
	return source->left && source->listed != g->exclude;
}

static bool pick_block(const struct ip_group *g, const struct group_source *source)
{
	return source->left && source->listed == g->exclude;
}

/* RFC 3376 5.2: of what was asked, what is wanted. */
static bool pick_asked(const struct ip_group *g, const struct group_source *source)
{
	return source->asked && source->listed != g->exclude;
}

static bool any(const struct ip_group *g, group_pick_fn *pick)
{
	for (unsigned i = 0; i < g->count; i++)
		if (pick(g, &g->sources[i]))
			return true;
	return false;
}

/* Reports what changed, once; gives whether it is to be reported again. */
static bool report_change(struct group_report *report, struct ip_group *g)
{
	bool again = false;

	if (g->mode_left) {
		group_report_add(report, g->exclude ? WIRE_GROUP_TO_EX : WIRE_GROUP_TO_IN, g,
				 pick_listed);
		again = --g->mode_left;
	} else {
		if (any(g, pick_allow))
			group_report_add(report, WIRE_GROUP_ALLOW, g, pick_allow);
		if (any(g, pick_block))
			group_report_add(report, WIRE_GROUP_BLOCK, g, pick_block);
	}
	for (unsigned i = 0; i < g->count; i++) {
		g->sources[i].left -= g->sources[i].left ? 1 : 0;
		again = again || g->sources[i].left;
	}
	group_prune(g);
	return again;
}

static struct group_report report_of(struct stk *s, struct ip_interface *interface, bool is4)
{
	return (struct group_report){.s = s, .interface = interface, .is4 = is4};
}

/* Every change of the family that is still to be told. */
static void report_changes(struct stk *s, vs_time now, struct ip_interface *interface, bool is4)
{
	struct group_link *link = interface->group_link;
	struct group_report report = report_of(s, interface, is4);
	struct ip_group *g, *next;
	bool again = false;

	for (g = interface->groups; g; g = next) {
		next = g->next;
		if (wire_addr_is4(&g->addr) != is4)
			continue;
		again |= report_change(&report, g);
		group_forget_if_idle(s, interface, g);
	}
	group_report_send(&report);
	link->querier[is4].change_at =
		again ? soon(link, now, unsolicited(s, is4, 3)) : VS_NEVER;
}

static void report_state(struct group_report *report, struct ip_group *g)
{
	if (g->answer_sources && g->answer_at != VS_NEVER) {
		if (any(g, pick_asked))
			group_report_add(report, WIRE_GROUP_IS_IN, g, pick_asked);
	} else if (group_received(g)) {
		group_report_add(report, g->exclude ? WIRE_GROUP_IS_EX : WIRE_GROUP_IS_IN, g,
				 pick_listed);
	}
}

static void answer(struct stk *s, vs_time now, struct ip_interface *interface, bool is4)
{
	struct group_querier *q = &interface->group_link->querier[is4];
	struct group_report report = report_of(s, interface, is4);
	struct ip_group *g, *next;

	for (g = interface->groups; g; g = next) {
		next = g->next;
		if (wire_addr_is4(&g->addr) != is4 || g->answer_at > now)
			continue;
		if (reported(s, g))
			report_state(&report, g);
		answered(g);
		group_forget_if_idle(s, interface, g);
	}
	if (q->general_at <= now) {
		q->general_at = VS_NEVER;
		for (g = interface->groups; g; g = g->next)
			if (wire_addr_is4(&g->addr) == is4 && reported(s, g) && group_received(g))
				group_report_add(&report,
						 g->exclude ? WIRE_GROUP_IS_EX : WIRE_GROUP_IS_IN,
						 g, pick_listed);
	}
	group_report_send(&report);
}

/* Versions 1 and 2: each group by itself. */
static void answer_old(struct stk *s, vs_time now, struct ip_interface *interface, bool is4,
		       unsigned version)
{
	struct group_link *link = interface->group_link;

	for (struct ip_group *g = interface->groups; g; g = g->next) {
		if (wire_addr_is4(&g->addr) != is4 || g->answer_at > now)
			continue;
		g->answer_at = VS_NEVER;
		group_send(s, interface, version, false, &g->addr);
		g->last_reporter = true;
		if (g->repeats && --g->repeats)
			g->answer_at = soon(link, now, unsolicited(s, is4, version));
	}
}

static void arm(struct stk *s, struct ip_interface *interface)
{
	struct group_link *link = interface->group_link;
	vs_time next = VS_NEVER;

	for (unsigned i = 0; i < 2; i++)
		next = vs_time_min(next, vs_time_min(link->querier[i].general_at,
						     link->querier[i].change_at));
	for (const struct ip_group *g = interface->groups; g; g = g->next)
		next = vs_time_min(next, g->answer_at);
	vs_timer_set(&s->timers, &link->timer, next);
}

/* The interface is down: nothing waits. */
static void quiet(struct stk *s, struct ip_interface *interface)
{
	struct ip_group *g, *next;

	for (unsigned i = 0; i < 2; i++) {
		interface->group_link->querier[i].general_at = VS_NEVER;
		interface->group_link->querier[i].change_at = VS_NEVER;
	}
	for (g = interface->groups; g; g = next) {
		next = g->next;
		answered(g);
		forget_changes(g);
		group_forget_if_idle(s, interface, g);
	}
}

static void fire(struct vs_timer *timer, void *ctx, vs_time now)
{
	struct group_link *link = (struct group_link *)(void *)timer;
	struct stk *s = ctx;
	struct ip_interface *interface = s->ip->ifs[link->ifindex];

	if (!interface->up)
		quiet(s, interface);
	for (unsigned is4 = 0; is4 < 2 && interface->up; is4++) {
		uint8_t version = mode(s, now, interface, is4);

		if (version < 3) {
			answer_old(s, now, interface, is4, version);
			continue;
		}
		if (link->querier[is4].change_at <= now)
			report_changes(s, now, interface, is4);
		answer(s, now, interface, is4);
	}
	arm(s, interface);
}

/* RFC 2236 3, RFC 2710 4: joined and left, as versions 1 and 2 have it. */
static void changed_old(struct stk *s, vs_time now, struct ip_interface *interface,
			struct ip_group *g, bool was_received, unsigned version)
{
	struct group_link *link = interface->group_link;
	bool is4 = wire_addr_is4(&g->addr);

	forget_changes(g);
	if (group_received(g) == was_received)
		return;
	g->answer_at = VS_NEVER;
	if (!was_received) {
		group_send(s, interface, version, false, &g->addr);
		g->last_reporter = true;
		g->repeats = (uint8_t)(link->querier[is4].robustness - 1);
		if (g->repeats)
			g->answer_at = soon(link, now, unsolicited(s, is4, version));
	} else if (g->last_reporter && version > 1) {
		group_send(s, interface, version, true, &g->addr);
		g->last_reporter = false;
	}
}

void group_changed(struct stk *s, vs_time now, struct ip_interface *interface, struct ip_group *g,
		   bool was_received)
{
	struct group_link *link = interface->group_link;
	bool is4 = wire_addr_is4(&g->addr);
	uint8_t version;

	if (!interface->up || !volunteered(s, g)) {
		answered(g);
		forget_changes(g);
		return;
	}
	version = version_of(s, now, &link->querier[is4], is4);
	link->querier[is4].mode = version;
	if (version < 3) {
		changed_old(s, now, interface, g, was_received, version);
	} else {
		struct group_report report = report_of(s, interface, is4);

		if (report_change(&report, g) && link->querier[is4].change_at == VS_NEVER)
			link->querier[is4].change_at = soon(link, now, unsolicited(s, is4, 3));
		group_report_send(&report);
	}
	arm(s, interface);
}

void group_link_up(struct stk *s, vs_time now, struct ip_interface *interface)
{
	struct ip_group *g, *next;

	for (g = interface->groups; g; g = next) {
		next = g->next;
		if (!group_received(g))
			continue;
		g->mode_left = interface->group_link->querier[wire_addr_is4(&g->addr)].robustness;
		group_changed(s, now, interface, g, false);
		group_forget_if_idle(s, interface, g);
	}
}

/* Marks the sources of a query for the pending answer; false: there are too many. */
static bool mark(struct stk *s, struct ip_group *g, bool is4, const struct wire_group_query *q)
{
	unsigned size = g->count + q->sources;

	if (size > GROUP_ASKED_MAX + g->listed)
		return false;
	if (size > g->size) {
		struct group_source *more =
			vs_grow(s->arena, g->sources, sizeof(*more), g->size, size);

		if (!more)
			return false;
		g->sources = more;
		g->size = size;
	}
	for (unsigned i = 0; i < q->sources; i++) {
		struct wire_addr a = wire_group_query_source(q, i, is4);
		unsigned at = 0;

		while (at < g->count && !wire_addr_equal(&g->sources[at].addr, &a))
			at++;
		if (at == g->count)
			g->sources[g->count++] = (struct group_source){.addr = a};
		g->sources[at].asked = true;
	}
	return true;
}

/* RFC 3376 5.2, rules 3 to 5. */
static void query_group(struct stk *s, struct ip_group *g, bool is4,
			const struct wire_group_query *q, vs_time at)
{
	bool pending = g->answer_at != VS_NEVER;

	if (!q->sources || (pending && !g->answer_sources) || !mark(s, g, is4, q))
		g->answer_sources = false;
	else
		g->answer_sources = true;
	g->answer_at = vs_time_min(g->answer_at, at);
}

/* Notes who asks: RFC 3376 4.1.6, 4.1.7, 7.2.1, 8.12. */
static void hear_querier(vs_time now, struct group_querier *querier,
			 const struct wire_group_query *q)
{
	vs_time until;

	if (q->version == 3) {
		if (q->robustness)
			querier->robustness = q->robustness;
		if (q->interval_s)
			querier->interval_s = q->interval_s;
		return;
	}
	until = now + querier->robustness * (vs_time)querier->interval_s * VS_SEC +
		q->max_resp_ms * VS_MSEC;
	if (q->version == 1)
		querier->v1_until = until;
	else
		querier->v2_until = until;
}

void group_query(struct stk *s, vs_time now, struct ip_interface *interface, bool is4,
		 const struct wire_group_query *q)
{
	struct group_link *link = interface->group_link;
	struct group_querier *querier = &link->querier[is4];
	bool general = wire_addr_is_any(&q->group);
	vs_time at = soon(link, now, q->max_resp_ms * VS_MSEC);
	uint8_t version;

	hear_querier(now, querier, q);
	version = mode(s, now, interface, is4);
	if (version == 3 && querier->general_at <= at)
		return;
	if (version == 3 && general) {
		querier->general_at = at;
		arm(s, interface);
		return;
	}
	for (struct ip_group *g = interface->groups; g; g = g->next) {
		if (wire_addr_is4(&g->addr) != is4 || !reported(s, g) || !group_received(g) ||
		    !(general || wire_addr_equal(&g->addr, &q->group)))
			continue;
		if (version == 3) {
			query_group(s, g, is4, q, at);
		} else {
			/* A timer of its own: reports of others may silence it. */
			g->answer_at = vs_time_min(
				g->answer_at, soon(link, now, q->max_resp_ms * VS_MSEC));
		}
	}
	arm(s, interface);
}

void group_report_heard(struct stk *s, vs_time now, struct ip_interface *interface,
			const struct wire_addr *group)
{
	struct ip_group *g = group_find(interface, group);

	/* RFC 2236 3: one member's report is enough. Version 3 listens to none: RFC 3376 5. */
	if (!g || version_of(s, now, &interface->group_link->querier[wire_addr_is4(group)],
			     wire_addr_is4(group)) > 2)
		return;
	g->answer_at = VS_NEVER;
	g->repeats = 0;
	g->last_reporter = false;
	arm(s, interface);
}

int group_link_init(struct stk *s, struct ip_interface *interface)
{
	struct group_link *link = vs_alloc(s->arena, sizeof(*link));

	if (!link)
		return -ENOMEM;
	if (vs_timer_add(&s->timers, &link->timer, fire)) {
		vs_free(s->arena, link, sizeof(*link));
		return -ENOMEM;
	}
	link->ifindex = interface->ifindex;
	vs_prng_seed(&link->chance, s->conf.seed ^ wire_get32(interface->mac + 2), "group.report");
	for (unsigned is4 = 0; is4 < 2; is4++) {
		int64_t robustness = is4 ? s->ip->set.igmp_qrv : s->ip->set.mld_qrv;

		link->querier[is4] = (struct group_querier){.mode = 3,
							    .robustness = (uint8_t)robustness,
							    .interval_s = QUERY_INTERVAL_S,
							    .general_at = VS_NEVER,
							    .change_at = VS_NEVER};
		link->querier[is4].mode = version_of(s, s->now, &link->querier[is4], is4);
	}
	interface->group_link = link;
	return 0;
}

void group_link_fini(struct stk *s, struct ip_interface *interface)
{
	if (!interface->group_link)
		return;
	vs_timer_remove(&s->timers, &interface->group_link->timer);
	vs_free(s->arena, interface->group_link, sizeof(*interface->group_link));
	interface->group_link = NULL;
}
