/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* XXH3 over the bytes of a frame, as wide as this processor can: most of what a digest costs. Every
 * width gives the same hash.
 */
#ifndef VSQ_LAB_DIGEST_HASH_H
#define VSQ_LAB_DIGEST_HASH_H

#include <stddef.h>
#include <stdint.h>

typedef uint64_t lab_hash_fn(const void *bytes, size_t len);

uint64_t lab_hash_avx512(const void *bytes, size_t len);
uint64_t lab_hash_avx2(const void *bytes, size_t len);
uint64_t lab_hash_plain(const void *bytes, size_t len);

/* The widest of them that runs here. */
lab_hash_fn *lab_hash_choose(void);

#endif
