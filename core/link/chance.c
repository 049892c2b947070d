/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waiting for rare events without trying each time. The chance that nothing happens in n trials
 * of chance p is (1-p)^n = 2^-(n h) with the hazard h = -log2(1-p). So an exponential deviate E =
 * -log2(U) is drawn once, each trial takes h from it, and the event happens in the trial that h
 * exhausts it: exactly as often as by drawing each time, and also when p changes on the way.
 */
#include "core/link/link_impl.h"

/* -log2(x / 2^64) in units of 2^-56, for x > 0. The binary digits of a logarithm come one per
 * squaring; each squaring's rounding weighs half as much as the one before, so 56 are exact
 * within two units.
 */
static uint64_t minus_log2(uint64_t x)
{
	unsigned zeros = (unsigned)__builtin_clzll(x);
	uint64_t y = x << zeros; /* 2^63 is 1 */
	uint64_t log = 0;

	for (int i = 0; i < 56; i++) {
		unsigned __int128 square = (unsigned __int128)y * y;

		log <<= 1;
		if (square >> 127) {
			log |= 1;
			y = (uint64_t)(square >> 64);
		} else {
			y = (uint64_t)(square >> 63);
		}
	}
	return ((uint64_t)(zeros + 1) << 56) - log;
}

uint64_t link_hazard(vs_chance chance)
{
	if (chance == 0)
		return 0;
	if (chance >= VS_CHANCE_ALWAYS)
		return (uint64_t)1 << 63;
	return minus_log2((VS_CHANCE_ALWAYS - chance) << 1);
}

uint64_t link_hazard_draw(struct vs_prng *p)
{
	uint64_t x = vs_prng_next(p);

	return minus_log2(x ? x : 1);
}
