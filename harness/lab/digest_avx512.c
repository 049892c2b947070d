/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compiled with AVX512, for the processors that have it; an empty file for others. */
#include "harness/lab/digest_hash.h"

#ifdef __x86_64__
#define XXH_VECTOR XXH_AVX512
#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t lab_hash_avx512(const void *bytes, size_t len)
{
	return XXH3_64bits(bytes, len);
}
#endif
