/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Noise damages each bit by itself with the chance of (bits per megabyte) / 2^23; corruption hits
 * a whole frame. A frame that others hold is copied before the first byte changes.
 */
#include "core/link/link_impl.h"

/* Takes *f when it must be copied; false: there was no memory for that, and *f is gone. */
static bool make_own(struct vs_frame **f)
{
	*f = vs_frame_own(*f);
	if (!*f)
		return false;
	(*f)->flags &= (uint16_t)~(VS_FRAME_TRUSTED | VS_FRAME_HASHED);
	return true;
}

static uint64_t noise_hazard(struct link_side *side, const struct link_settings *s)
{
	const struct link_value *noise = &s->value[LINK_NOISE];
	int64_t bits;

	if (!noise->spread)
		return s->noise_hazard;
	bits = link_value_draw(noise, &side->spread[LINK_NOISE]);
	if (bits <= 0)
		return 0;
	return link_hazard(
		vs_chance_of((uint64_t)bits, (uint64_t)(8 * LINK_MEGABYTE * LINK_MICRO)));
}

static bool add_noise(struct link_side *side, const struct link_settings *s, struct vs_frame **f)
{
	uint64_t hazard = noise_hazard(side, s);
	uint64_t bits = (uint64_t)(*f)->len * 8, at = 0;
	bool hit = false;

	if (!hazard)
		return true;
	for (;;) {
		uint64_t unharmed = side->noise_left / hazard;

		if (unharmed >= bits - at) {
			side->noise_left -= (bits - at) * hazard;
			break;
		}
		at += unharmed;
		if (!hit && !make_own(f))
			return false;
		hit = true;
		(*f)->data[at / 8] ^= (uint8_t)(0x80 >> at % 8);
		side->counters[LINK_NOISE_BITS]++;
		side->noise_left = link_hazard_draw(&side->draw[LINK_NOISE]);
		at++;
	}
	side->counters[LINK_NOISE_FRAMES] += hit;
	return true;
}

/* Changes up to sixteen bytes in a row, each for certain. */
static bool corrupt(struct link_side *side, const struct link_settings *s, struct vs_frame **f)
{
	struct vs_prng *p = &side->draw[LINK_CORRUPT];
	vs_chance chance = s->chance[LINK_CORRUPT];
	uint64_t from, count;

	if (s->value[LINK_CORRUPT].spread) {
		int64_t part =
			link_value_draw(&s->value[LINK_CORRUPT], &side->spread[LINK_CORRUPT]);

		chance = vs_chance_of(part > 0 ? (uint64_t)part : 0, (uint64_t)LINK_PERCENT);
	}
	if (!vs_prng_chance(p, chance) || !(*f)->len)
		return true;
	if (!make_own(f))
		return false;
	from = vs_prng_below(p, (*f)->len);
	count = 1 + vs_prng_below(p, 16);
	for (uint64_t i = from; i < from + count && i < (*f)->len; i++)
		(*f)->data[i] ^= (uint8_t)(1 + vs_prng_below(p, 255));
	side->counters[LINK_CORRUPTED]++;
	return true;
}

struct vs_frame *link_spoil(struct link *l, int index, const struct link_settings *s,
			    struct vs_frame *f)
{
	struct link_side *side = &l->side[index];

	if (link_is_active(s, LINK_NOISE) && !add_noise(side, s, &f))
		return NULL;
	if (link_is_active(s, LINK_CORRUPT) && !corrupt(side, s, &f))
		return NULL;
	return f;
}
