/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The run's hash: XXH3, 128 bits, over a record for each passage of a frame: which cable and
 * direction, when, how long, and the hash of its bytes. A frame that enters a link is recorded
 * without its bytes; they count where it leaves the link or is dropped in it.
 */
#include "harness/lab/lab.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "harness/lab/digest_hash.h"

#define RECORDS 64

/* What passes, in the order it is hashed. */
struct record {
	uint64_t where; /* cable, direction and kind of passage */
	uint64_t time;
	uint64_t len;
	uint64_t content;
};

struct lab_digest {
	XXH3_state_t *state;
	lab_hash_fn *hash; /* of a frame's bytes */
	unsigned count; /* records not yet hashed */
	struct record record[RECORDS];
};

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "records are hashed as they lie");

struct lab_digest *lab_digest_new(void)
{
	struct lab_digest *digest = calloc(1, sizeof(*digest));

	if (!digest)
		return NULL;
	digest->state = XXH3_createState();
	if (!digest->state) {
		free(digest);
		return NULL;
	}
	XXH3_128bits_reset(digest->state);
	digest->hash = lab_hash_choose();
	return digest;
}

void lab_digest_free(struct lab_digest *digest)
{
	if (!digest)
		return;
	XXH3_freeState(digest->state);
	free(digest);
}

static void hash_records(struct lab_digest *digest)
{
	XXH3_128bits_update(digest->state, digest->record,
			    digest->count * sizeof(digest->record[0]));
	digest->count = 0;
}

/* A frame that enters a link has just been made and is in the cache; where it leaves, after all
 * that was sent meanwhile, it is not. So its bytes are read when it enters; they count later.
 */
void lab_digest_hash(struct lab_digest *digest, struct vs_frame *f)
{
	f->hash = digest->hash(f->data, f->len);
	f->flags |= VS_FRAME_HASHED;
}

static uint64_t content(struct lab_digest *digest, enum lab_passage passage,
			const struct vs_frame *f)
{
	switch (passage) {
	case LAB_ENTERS:
		return 0;
	case LAB_LEAVES:
	case LAB_DROPS:
		if (f->flags & VS_FRAME_HASHED)
			return f->hash;
		break;
	case LAB_CROSSES:
		break;
	}
	return digest->hash(f->data, f->len);
}

void lab_digest_frame(struct lab_digest *digest, enum lab_passage passage, int cable, int direction,
		      vs_time now, const struct vs_frame *f)
{
	digest->record[digest->count++] = (struct record){
		.where = (uint64_t)(uint32_t)cable << 8 | (uint64_t)(direction & 1) << 4 | passage,
		.time = (uint64_t)now,
		.len = f ? f->len : 0,
		.content = f ? content(digest, passage, f) : 0,
	};
	if (digest->count == RECORDS)
		hash_records(digest);
}

void lab_digest_text(struct lab_digest *digest, char text[33])
{
	XXH128_canonical_t canonical;

	hash_records(digest);
	XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(digest->state));
	for (unsigned i = 0; i < sizeof(canonical.digest); i++)
		sprintf(text + 2 * (size_t)i, "%02x", canonical.digest[i]);
}
