/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Multicast groups: who of this host wants what from which sources, and what routers are told about
 * it. One table and one state machine for IGMP (RFC 2236, 3376) and MLD (RFC 2710, 3810), which
 * differ in their messages (group_message.c) and in nothing else: MLDv1 is version 2 here, and
 * MLDv2 is version 3. Only for stack/.
 *
 *      sockets' filters -> group_socket.c -> group.c: one filter per group and interface
 *		       queries -> group_report.c: what is to be reported, and when
 *				  group_message.c: reports and queries as IGMP and MLD
 */
#ifndef VSQ_STACK_GROUP_H
#define VSQ_STACK_GROUP_H

#include "stack/ip/ip.h"

#define GROUP_ASKED_MAX 64 /* sources a pending answer remembers; beyond: all of the group */

struct wire_group_query;

struct group_source {
	struct wire_addr addr;
	bool listed;  /* in the filter now; else it was, and that is still to be reported */
	bool asked;   /* the pending answer is about it */
	uint8_t left; /* reports of its change still to be sent: RFC 3376 5.1 */
};

/* What a socket wants of one group on one interface. */
struct group_member {
	struct ip_group *group;
	int ifindex;
	bool exclude;
	unsigned count, size;
	struct wire_addr *sources;
	struct group_member *socket_next, *group_next;
};

/* A group as an interface has it: RFC 3376 3.2. It stays after the last member until its leaving
 * has been reported often enough.
 */
struct ip_group {
	struct wire_addr addr;
	uint8_t mac[WIRE_MAC_LEN];
	unsigned users; /* the stack's own: they want every source */
	struct group_member *members;
	bool exclude; /* filter mode; INCLUDE of nothing: not received */
	unsigned count, size, listed;
	struct group_source *sources;

	uint8_t mode_left;  /* reports of the filter's mode still to be sent */
	vs_time answer_at;  /* a query waits for an answer: VS_NEVER: none does */
	bool answer_sources; /* about the sources that are marked */
	bool last_reporter; /* versions 1 and 2: RFC 2236 6 */
	uint8_t repeats;    /* the same: unsolicited reports still to be sent */
	struct ip_group *next;
};

/* One family's querying on an interface: RFC 3376 7.2, RFC 3810 8.2. */
struct group_querier {
	vs_time v1_until, v2_until; /* an older querier is there; 0: was never */
	uint8_t mode;		    /* version that was spoken last */
	uint8_t robustness;
	uint32_t interval_s;
	vs_time general_at; /* a general query waits for an answer */
	vs_time change_at;  /* changes are to be reported again */
};

struct group_link {
	struct vs_timer timer; /* first */
	int ifindex;
	struct group_querier querier[2]; /* IPv6, IPv4 */
	struct vs_prng chance;
};

/* group.c. */
struct ip_group *group_find(const struct ip_interface *, const struct wire_addr *);
struct ip_group *group_get(struct stk *, struct ip_interface *, const struct wire_addr *);
/* The members' wishes have changed: the filter is made anew. It may free the group. 0 or -ENOMEM.
 */
int group_merge(struct stk *, vs_time now, struct ip_interface *, struct ip_group *);
void group_forget_if_idle(struct stk *, struct ip_interface *, struct ip_group *);
static inline bool group_received(const struct ip_group *g)
{
	return g->exclude || g->listed;
}

/* group_socket.c: leaves every group. */
void group_socket_fini(struct stk *, struct stk_socket *);
/* Whether a socket wants what src sent to a group that came in by an interface. */
bool group_socket_wants(const struct stk_socket *, int ifindex, const struct wire_addr *group,
			const struct wire_addr *src);

/* group_report.c. */
void group_link_fini(struct stk *, struct ip_interface *);
/* Forgets of a group's sources what is neither in the filter, nor to be reported, nor asked about.
 */
void group_prune(struct ip_group *);
/* What a group's filter was is no more. */
void group_changed(struct stk *, vs_time now, struct ip_interface *, struct ip_group *,
		   bool was_received);
void group_query(struct stk *, vs_time now, struct ip_interface *, bool is4,
		 const struct wire_group_query *);
void group_report_heard(struct stk *, vs_time now, struct ip_interface *,
			const struct wire_addr *group);

/* group_message.c. */
struct group_report {
	struct stk *s;
	struct ip_interface *interface;
	bool is4;
	struct vs_frame *f; /* the message so far; NULL: none begun */
	unsigned records;
	size_t most; /* bytes that fit */
};

typedef bool group_pick_fn(const struct ip_group *, const struct group_source *);

/* Adds a record about the sources that pick takes; sends what is full. */
void group_report_add(struct group_report *, uint8_t type, const struct ip_group *,
		      group_pick_fn *pick);
void group_report_send(struct group_report *);
/* A report (leave: the end of membership) of version 1 or 2. */
void group_send(struct stk *, struct ip_interface *, unsigned version, bool leave,
		const struct wire_addr *group);

#endif
