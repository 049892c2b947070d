/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Chance: named streams of xoshiro256** (Blackman and Vigna, 2018), seeded from (seed, name) by
 * SplitMix64. Each consumer has a stream of its own, so a draw added in one place moves no other.
 * Everything is computed in integers: every compiler and machine draws the same.
 */
#ifndef VSQ_BASE_PRNG_H
#define VSQ_BASE_PRNG_H

#include <stdbool.h>
#include <stdint.h>

struct vs_prng {
	uint64_t state[4];
};

/* A probability in units of 2^-63: 0 is never, VS_CHANCE_ALWAYS is always. */
typedef uint64_t vs_chance;

#define VS_CHANCE_ALWAYS ((vs_chance)1 << 63)

void vs_prng_seed(struct vs_prng *, uint64_t seed, const char *name);

/* num / den as a probability, rounded down; at least den is always. den is positive. */
vs_chance vs_chance_of(uint64_t num, uint64_t den);

/* Gives a number below n, each equally likely (Lemire's method); 0 when n is 0. */
uint64_t vs_prng_below(struct vs_prng *, uint64_t n);

/* Gives a standard Gaussian deviate in units of 2^-32, within 8.3 standard deviations. */
int64_t vs_prng_gauss(struct vs_prng *);

static inline uint64_t vs_prng_next(struct vs_prng *p)
{
	uint64_t *s = p->state;
	uint64_t x = s[1] * 5;
	uint64_t result = ((x << 7) | (x >> 57)) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = (s[3] << 45) | (s[3] >> 19);
	return result;
}

/* A Bernoulli trial. Certain outcomes draw as well, so a setting never shifts the stream. */
static inline bool vs_prng_chance(struct vs_prng *p, vs_chance chance)
{
	return (vs_prng_next(p) >> 1) < chance;
}

#endif
