/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The neighbour table: which station has an address of the link. One table and one state machine,
 * neighbour unreachability detection (RFC 4861 7.3), for ARP (RFC 826) and ND. Only for
 * stack/neigh.
 */
#ifndef VSQ_STACK_NEIGH_IMPL_H
#define VSQ_STACK_NEIGH_IMPL_H

#include "stack/ip/ip.h"

#define NEIGH_BUCKETS	  64
#define NEIGH_FAILED_TIME (60 * VS_SEC) /* routes by it are passed over; as Linux's gc_stale_time */
#define NEIGH_WAITING_MAX 96 /* frames per neighbour: two datagrams of 64 KB in fragments */

/* INCOMPLETE  the question is out, as a group; frames wait. An answer: REACHABLE (or STALE); after
 *	       solicit_multicast questions without one: FAILED.
 * REACHABLE   confirmed less than the reachable time ago. Use after that: as STALE.
 * STALE       the address is known, not confirmed. Use: DELAY.
 * DELAY       used; for delay_probe_s a transport may confirm it, then: PROBE.
 * PROBE       questions go to the station itself; after solicit_unicast without answer: FAILED.
 * FAILED      nobody there; the next use starts again at INCOMPLETE.
 * In every state but INCOMPLETE and FAILED mac is valid, frames go out at once, and none wait.
 */
enum neigh_state {
	NEIGH_INCOMPLETE,
	NEIGH_REACHABLE,
	NEIGH_STALE,
	NEIGH_DELAY,
	NEIGH_PROBE,
	NEIGH_FAILED,
};

struct neighbour {
	struct wire_addr addr;
	int ifindex;
	enum neigh_state state;
	uint8_t mac[WIRE_MAC_LEN];
	bool router;
	unsigned probes;	 /* questions sent in this state */
	vs_time reachable_until; /* of REACHABLE */
	vs_time failed_at;	 /* of FAILED */
	bool silent;		 /* it has failed, and was not reached since */
	struct vs_queue waiting; /* a ring only while frames wait */
	struct vs_timer timer;
	struct neighbour *next;
};

struct neigh {
	struct neighbour *buckets[NEIGH_BUCKETS];
	unsigned count;
	unsigned silent;	 /* entries that are */
	unsigned hand;		 /* bucket where the search for one to give up goes on */
	uint32_t reachable_part; /* of the base reachable time, in 1/65536: RFC 4861 6.3.2 */
	struct vs_prng dad;	 /* chance for the times of probes */
};

struct neighbour *neigh_find(const struct stk *, int ifindex, const struct wire_addr *);

/* What a message taught about a neighbour. */
struct neigh_news {
	const struct wire_addr *addr;
	const uint8_t *mac; /* NULL: it did not say */
	bool answer;	    /* an advertisement or ARP reply; otherwise a question from there */
	bool solicited, override, router; /* of an answer */
	bool create;			  /* make an entry if there is none */
};

void neigh_learn(struct stk *, vs_time now, struct ip_interface *, const struct neigh_news *);

/* Asks for an address: mac of whom to ask, NULL for everyone. */
void arp_ask(struct stk *, struct ip_interface *, const struct wire_addr *target,
	     const uint8_t *mac);
void nd_ask(struct stk *, vs_time now, struct ip_interface *, const struct wire_addr *target,
	    const uint8_t *mac);

/* A question from nobody (0.0.0.0 or ::) about an address, and an announcement of one of ours. */
void arp_probe(struct stk *, const struct ip_interface *, const struct wire_addr *target);
void arp_announce(struct stk *, const struct ip_interface *, const struct wire_addr *);
void nd_probe(struct stk *, vs_time now, struct ip_interface *, const struct wire_addr *target);

/* Somebody else has, or asks for himself about, an address that may be ours. */
void dad_conflict(struct stk *, vs_time now, struct ip_interface *, struct ip_address *);

#endif
