/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loss: independent, in bursts after Gilbert, or as a recorded trace says.
 *
 * Gilbert's chain has two states, good and faulty; it moves once per frame and a frame that finds
 * it faulty is lost. A burst of mean length b needs the faulty state left with chance 1/b; then
 * the stationary share of the faulty state is l when it is entered with chance l/(b(1-l)). (The
 * Virtual Square book prints l/(b-(1-l)), which loses more than l.) Where that exceeds certainty
 * no chain has both l and b; then l holds, and bursts are as short as l allows.
 */
#include "core/link/link_impl.h"

struct gilbert {
	vs_chance enter, leave;
};

static vs_chance chance_of(unsigned __int128 num, unsigned __int128 den)
{
	if (num >= den)
		return VS_CHANCE_ALWAYS;
	while (num >> 64) {
		num >>= 1;
		den >>= 1;
	}
	return (vs_chance)((num << 63) / den);
}

/* loss in millionths of a percent, burst in millionths of a frame. */
static struct gilbert gilbert_of(int64_t loss, int64_t burst)
{
	struct gilbert g;
	unsigned __int128 good = (unsigned __int128)(LINK_PERCENT - loss);

	if (loss <= 0)
		return (struct gilbert){0, VS_CHANCE_ALWAYS};
	if (loss >= LINK_PERCENT)
		return (struct gilbert){VS_CHANCE_ALWAYS, 0};
	if (burst < LINK_MICRO)
		burst = LINK_MICRO;
	g.leave = chance_of(LINK_MICRO, (unsigned __int128)burst);
	g.enter = chance_of((unsigned __int128)loss * LINK_MICRO, (unsigned __int128)burst * good);
	if (g.enter == VS_CHANCE_ALWAYS)
		g.leave = chance_of(good, (unsigned __int128)loss);
	return g;
}

void link_loss_derive(struct link_settings *s)
{
	struct gilbert g = gilbert_of(s->value[LINK_LOSS].value, s->value[LINK_LOSTBURST].value);

	s->burst_enter = g.enter;
	s->burst_leave = g.leave;
}

static bool lose_in_burst(struct link_side *side, const struct link_settings *s)
{
	const struct link_value *loss = &s->value[LINK_LOSS];
	const struct link_value *burst = &s->value[LINK_LOSTBURST];
	struct gilbert g = {s->burst_enter, s->burst_leave};

	if (loss->spread || burst->spread)
		g = gilbert_of(link_value_draw(loss, &side->spread[LINK_LOSS]),
			       link_value_draw(burst, &side->spread[LINK_LOSTBURST]));
	if (vs_prng_chance(&side->draw[LINK_LOSTBURST], side->faulty ? g.leave : g.enter))
		side->faulty = !side->faulty;
	return side->faulty;
}

/* Decides about one frame; sets *reason when it is lost. */
bool link_lose(struct link *l, int index, const struct link_settings *s, enum link_counter *reason)
{
	struct link_side *side = &l->side[index];
	vs_chance chance = s->chance[LINK_LOSS];

	if (side->loss_len) {
		bool lost = side->loss_bits[side->loss_next];

		if (++side->loss_next == side->loss_len)
			side->loss_next = 0;
		*reason = LINK_DROP_TRACE;
		if (lost)
			return true;
	}
	if (!link_is_active(s, LINK_LOSS)) {
		side->faulty = false;
		return false;
	}
	if (link_is_active(s, LINK_LOSTBURST)) {
		*reason = LINK_DROP_BURST;
		return lose_in_burst(side, s);
	}
	side->faulty = false;
	*reason = LINK_DROP_LOSS;
	if (s->value[LINK_LOSS].spread) {
		int64_t loss = link_value_draw(&s->value[LINK_LOSS], &side->spread[LINK_LOSS]);

		chance = vs_chance_of(loss > 0 ? (uint64_t)loss : 0, (uint64_t)LINK_PERCENT);
	}
	return vs_prng_chance(&side->draw[LINK_LOSS], chance);
}
