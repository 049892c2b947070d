/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/switch/fdb.h"

#include <errno.h>
#include <string.h>

#include "core/base/assert.h"

static uint32_t entries_for(uint32_t hash_size)
{
	uint32_t max = hash_size * FDB_PER_HASH_SIZE;

	return max > FDB_ENTRIES_MAX ? FDB_ENTRIES_MAX : max;
}

/* Makes the arrays of an empty table. */
static int make(struct fdb *t, uint32_t hash_size)
{
	uint32_t size = 1, bits = 0;

	if (hash_size == 0 || hash_size > FDB_HASH_SIZE_MAX)
		return -EINVAL;
	while (size < hash_size)
		size *= 2;
	t->hash_size = size;
	t->max = entries_for(size);
	while ((uint32_t)1 << bits < t->max)
		bits++;
	t->shift = 64 - bits;
	t->count = 0;
	t->entries = vs_alloc(t->arena, t->max * sizeof(*t->entries));
	t->index = vs_alloc(t->arena, ((size_t)1 << bits) * sizeof(*t->index));
	if (t->entries && t->index)
		return 0;
	fdb_fini(t);
	return -ENOMEM;
}

int fdb_init(struct fdb *t, uint32_t hash_size, struct vs_arena *arena)
{
	memset(t, 0, sizeof(*t));
	t->arena = arena;
	return make(t, hash_size);
}

void fdb_fini(struct fdb *t)
{
	vs_free(t->arena, t->entries, t->max * sizeof(*t->entries));
	vs_free(t->arena, t->index, ((size_t)1 << (64 - t->shift)) * sizeof(*t->index));
	t->entries = NULL;
	t->index = NULL;
}

/* The link that points to the entry at a place. */
static uint32_t *link_of(struct fdb *t, uint32_t place)
{
	uint32_t *link = &t->index[fdb_hash(t, t->entries[place].key)];

	while (*link != place + 1) {
		vs_assert(*link);
		link = &t->entries[*link - 1].next;
	}
	return link;
}

static void remove_at(struct fdb *t, uint32_t place)
{
	uint32_t last = t->count - 1;
	struct fdb_entry gone = t->entries[place];

	*link_of(t, place) = gone.next;
	if (place != last) {
		*link_of(t, last) = place + 1;
		t->entries[place] = t->entries[last];
	}
	t->count--;
	if (t->removed)
		t->removed(t->ctx, &gone);
}

static enum fdb_learned insert(struct fdb *t, uint64_t key, uint32_t port, vs_time now)
{
	uint32_t *first = &t->index[fdb_hash(t, key)];
	unsigned chain = 0;

	for (uint32_t at = *first; at; at = t->entries[at - 1].next)
		chain++;
	if (t->count == t->max || chain >= FDB_CHAIN_MAX)
		return FDB_FULL;
	if (t->count == 0 || now < t->oldest)
		t->oldest = now;
	t->entries[t->count] = (struct fdb_entry){key, now, port, *first};
	*first = ++t->count;
	return FDB_NEW;
}

enum fdb_learned fdb_learn_slow(struct fdb *t, uint64_t key, uint32_t port, vs_time now)
{
	struct fdb_entry *e = fdb_lookup(t, key);

	if (e && fdb_expired(t, e, now)) {
		remove_at(t, (uint32_t)(e - t->entries));
		e = NULL;
	}
	if (!e)
		return insert(t, key, port, now);
	if (now - e->seen < t->persistence)
		return FDB_REFUSED;
	e->port = port;
	e->seen = now;
	return FDB_MOVED;
}

int fdb_resize(struct fdb *t, uint32_t hash_size)
{
	struct fdb old = *t;
	vs_time since = INT64_MIN;
	int error = make(t, hash_size);

	if (error) {
		*t = old;
		return error;
	}
	/* Halve the span of ages until those left fit. */
	if (old.count > t->max) {
		vs_time from = old.oldest, to = old.oldest;
		uint32_t fit;

		for (uint32_t i = 0; i < old.count; i++)
			to = old.entries[i].seen > to ? old.entries[i].seen : to;
		while (from <= to) {
			since = from + (to - from) / 2;
			fit = 0;
			for (uint32_t i = 0; i < old.count; i++)
				fit += old.entries[i].seen >= since;
			if (fit > t->max)
				from = since + 1;
			else
				to = since - 1;
		}
		since = from;
	}
	for (uint32_t i = 0; i < old.count; i++) {
		const struct fdb_entry *e = &old.entries[i];

		if (e->seen < since || insert(t, e->key, e->port, e->seen) == FDB_FULL)
			if (t->removed)
				t->removed(t->ctx, e);
	}
	fdb_fini(&old);
	return 0;
}

void fdb_flush_port(struct fdb *t, uint32_t port)
{
	for (uint32_t i = t->count; i-- > 0;)
		if (t->entries[i].port == port)
			remove_at(t, i);
}

void fdb_flush_port_vlan(struct fdb *t, uint32_t port, unsigned vlan)
{
	for (uint32_t i = t->count; i-- > 0;)
		if (t->entries[i].port == port && (t->entries[i].key & 0xffff) == vlan)
			remove_at(t, i);
}

void fdb_flush(struct fdb *t)
{
	while (t->count)
		remove_at(t, t->count - 1);
}

uint32_t fdb_collect(struct fdb *t, vs_time now)
{
	uint32_t had = t->count;

	t->oldest = VS_NEVER;
	for (uint32_t i = t->count; i-- > 0;)
		if (fdb_expired(t, &t->entries[i], now))
			remove_at(t, i);
		else if (t->entries[i].seen < t->oldest)
			t->oldest = t->entries[i].seen;
	return had - t->count;
}

vs_time fdb_collect_at(const struct fdb *t)
{
	vs_time at = vs_time_add(t->oldest, t->expire);

	if (!t->count || at == VS_NEVER)
		return VS_NEVER;
	if (at % t->gc_interval > 0)
		at = vs_time_add(at, t->gc_interval - at % t->gc_interval);
	return at;
}
