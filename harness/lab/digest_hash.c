/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compiled with the instructions that every processor of its kind has. */
#include "harness/lab/digest_hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t lab_hash_plain(const void *bytes, size_t len)
{
	return XXH3_64bits(bytes, len);
}

lab_hash_fn *lab_hash_choose(void)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("avx512f"))
		return lab_hash_avx512;
	if (__builtin_cpu_supports("avx2"))
		return lab_hash_avx2;
#endif
	return lab_hash_plain;
}
