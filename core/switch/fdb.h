/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Filtering database: where a station was last heard. IEEE 802.1Q-2018 8.8, with the aging, garbage
 * collection and minimum persistence of vde_switch.
 *
 * Entries stand dense in an array, found through chains in a hashed index. What makes it O(1) also
 * for an adversary who picks addresses: a chain has at most FDB_CHAIN_MAX entries, and a station
 * for which there is no room is not learned, so frames for it flood.
 */
#ifndef VSQ_SWITCH_FDB_H
#define VSQ_SWITCH_FDB_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/time.h"

#define FDB_CHAIN_MAX	  24
#define FDB_PER_HASH_SIZE 32 /* stations for each unit of the hash size */
#define FDB_HASH_SIZE_MAX (1u << 16)
#define FDB_ENTRIES_MAX	  (1u << 20)

struct fdb_entry {
	uint64_t key; /* address << 16 | VLAN */
	vs_time seen;
	uint32_t port;
	uint32_t next; /* in its chain: place + 1; 0: the last */
};

struct fdb {
	struct vs_arena *arena;
	struct fdb_entry *entries;
	uint32_t *index; /* first of a chain: place + 1 */
	uint32_t count, max;
	uint32_t shift; /* 64 - bits of the index */
	uint32_t hash_size;
	vs_time oldest; /* no entry was seen before */
	vs_time gc_interval, expire, persistence;

	/* Told of each station that leaves; may be NULL. */
	void (*removed)(void *ctx, const struct fdb_entry *);
	void *ctx;
};

enum fdb_learned {
	FDB_KNOWN,   /* it was there: seen anew */
	FDB_NEW,
	FDB_MOVED,   /* to another port */
	FDB_REFUSED, /* heard elsewhere too recently: it stays where it was */
	FDB_FULL,
};

int fdb_init(struct fdb *, uint32_t hash_size, struct vs_arena *); /* 0, -EINVAL, -ENOMEM */
void fdb_fini(struct fdb *);

/* Changes the size, rounded up to a power of two; if not all fit, those heard last stay. */
int fdb_resize(struct fdb *, uint32_t hash_size);

static inline uint64_t fdb_key(const uint8_t mac[6], unsigned vlan)
{
	return (uint64_t)mac[0] << 56 | (uint64_t)mac[1] << 48 | (uint64_t)mac[2] << 40 |
	       (uint64_t)mac[3] << 32 | (uint64_t)mac[4] << 24 | (uint64_t)mac[5] << 16 | vlan;
}

static inline uint32_t fdb_hash(const struct fdb *t, uint64_t key)
{
	return (uint32_t)((key * 0x9e3779b97f4a7c15u) >> t->shift);
}

static inline bool fdb_expired(const struct fdb *t, const struct fdb_entry *e, vs_time now)
{
	return now - e->seen >= t->expire;
}

/* The station's entry, also when it has expired but was not collected yet; or NULL. */
static inline struct fdb_entry *fdb_lookup(const struct fdb *t, uint64_t key)
{
	uint32_t at = t->index[fdb_hash(t, key)];

	while (at && t->entries[at - 1].key != key)
		at = t->entries[at - 1].next;
	return at ? &t->entries[at - 1] : NULL;
}

enum fdb_learned fdb_learn_slow(struct fdb *, uint64_t key, uint32_t port, vs_time now);

/* Notes that the station was heard on the port. */
static inline enum fdb_learned fdb_learn(struct fdb *t, uint64_t key, uint32_t port, vs_time now)
{
	struct fdb_entry *e = fdb_lookup(t, key);

	if (e && e->port == port && !fdb_expired(t, e, now)) {
		e->seen = now;
		return FDB_KNOWN;
	}
	return fdb_learn_slow(t, key, port, now);
}

/* Forgets: all of a port, all of a port in a VLAN, everything. */
void fdb_flush_port(struct fdb *, uint32_t port);
void fdb_flush_port_vlan(struct fdb *, uint32_t port, unsigned vlan);
void fdb_flush(struct fdb *);

/* Collects what has expired; gives how many. Due at multiples of gc_interval when something may
 * have expired; VS_NEVER when the table is empty.
 */
uint32_t fdb_collect(struct fdb *, vs_time now);
vs_time fdb_collect_at(const struct fdb *);

#endif
