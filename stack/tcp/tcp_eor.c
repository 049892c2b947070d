/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ends of records: what was sent with MSG_EOR shares no segment with what follows, as Linux has it
 * for those who count segments. Nothing is held for a connection that does not use it.
 */
#include "stack/tcp/tcp_impl.h"

#include <string.h>

static size_t size_of(uint32_t count)
{
	return sizeof(struct tcp_eor) + count * sizeof(uint32_t);
}

void tcp_eor_write(struct tcp_pcb *p)
{
	struct tcp_eor *old = p->eor, *e = old;

	if (!old || old->count == old->size) {
		uint32_t size = old ? 2 * old->size : 6;

		e = vs_alloc(p->stk->arena, size_of(size));
		if (!e)
			return; /* a segment will be longer than was asked for */
		if (old)
			memcpy(e, old, size_of(old->count));
		tcp_eor_clear(p);
		e->size = size;
		p->eor = e;
	}
	e->end[e->count++] = p->snd.seq + p->snd.len;
}

uint32_t tcp_eor_cut(const struct tcp_pcb *p, uint32_t seq, uint32_t len)
{
	const struct tcp_eor *e = p->eor;

	for (uint32_t i = 0; i < e->count; i++)
		if (wire_seq_lt(seq, e->end[i]))
			return tcp_min(len, e->end[i] - seq);
	return len;
}

bool tcp_eor_at(const struct tcp_pcb *p, uint32_t seq)
{
	for (uint32_t i = 0; i < p->eor->count; i++)
		if (p->eor->end[i] == seq)
			return true;
	return false;
}

void tcp_eor_acked(struct tcp_pcb *p)
{
	struct tcp_eor *e = p->eor;
	uint32_t gone = 0;

	while (gone < e->count && wire_seq_leq(e->end[gone], p->snd_una))
		gone++;
	e->count -= gone;
	memmove(e->end, e->end + gone, e->count * sizeof(*e->end));
	if (!e->count)
		tcp_eor_clear(p);
}

void tcp_eor_clear(struct tcp_pcb *p)
{
	if (p->eor)
		vs_free(p->stk->arena, p->eor, size_of(p->eor->size));
	p->eor = NULL;
}
