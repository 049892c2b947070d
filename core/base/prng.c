/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/base/prng.h"

#include "core/base/assert.h"
#include "core/base/gauss_table.h"

static uint64_t splitmix64(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

void vs_prng_seed(struct vs_prng *p, uint64_t seed, const char *name)
{
	uint64_t state = seed;
	uint64_t hash = splitmix64(&state);

	/* Absorb the name a byte at a time, its end included: "a" + "b" is not "ab". */
	do {
		state = hash ^ (uint8_t)*name;
		hash = splitmix64(&state) + hash * 31;
	} while (*name++);
	state = hash;
	for (int i = 0; i < 4; i++)
		p->state[i] = splitmix64(&state);
}

vs_chance vs_chance_of(uint64_t num, uint64_t den)
{
	vs_assert(den > 0);
	if (num >= den)
		return VS_CHANCE_ALWAYS;
	return (vs_chance)(((unsigned __int128)num << 63) / den);
}

uint64_t vs_prng_below(struct vs_prng *p, uint64_t n)
{
	unsigned __int128 m = (unsigned __int128)vs_prng_next(p) * n;

	if ((uint64_t)m < n) {
		uint64_t reject = -n % n;

		while ((uint64_t)m < reject)
			m = (unsigned __int128)vs_prng_next(p) * n;
	}
	return (uint64_t)(m >> 64);
}

/* The tail probability is read as a binary fraction: its leading zeros choose the octave, the five
 * bits after the leading one the step, the rest interpolates. A second word gives the sign and
 * fresh low bits, so the tail is as smooth as the middle.
 */
int64_t vs_prng_gauss(struct vs_prng *p)
{
	uint64_t u = vs_prng_next(p);
	uint64_t v = vs_prng_next(p);
	unsigned octave = u ? (unsigned)__builtin_clzll(u) : 63;
	unsigned step;
	int64_t from, to, x;
	uint64_t fraction;

	if (octave >= GAUSS_OCTAVES)
		octave = GAUSS_OCTAVES - 1;
	step = (unsigned)(v >> 58) & (GAUSS_PER_OCTAVE - 1);
	fraction = (v >> 20) & 0xffffffff;
	from = gauss_table[octave][step];
	to = gauss_table[octave][step + 1];
	x = from - (int64_t)(((uint64_t)(from - to) * fraction) >> 32);
	return v & 1 ? x : -x;
}
