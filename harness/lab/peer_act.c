/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The acts: what a peer says when data arrive. The numbers in the table are n where none is given;
 * the RFC named beside an act says what the other side must make of it.
 */
#include <string.h>

#include "harness/lab/app.h"
#include "harness/lab/peer.h"

#define STRETCH_WAIT (200 * VS_MSEC)

static const struct {
	const char *name;
	uint64_t n;
} acts[LAB_ACTS] = {
	[LAB_ACT_PLAIN] = {"plain", 0},
	[LAB_ACT_STRETCH] = {"stretch", 8},		/* segments for an ACK; RFC 2525 2.13 */
	[LAB_ACT_DIVIDE] = {"divide", 10},		/* ACKs for a segment; RFC 5681 3.1 */
	[LAB_ACT_OPTIMISTIC] = {"optimistic", 2896},	/* bytes ahead; RFC 9293 3.10.7.4 */
	[LAB_ACT_BEYOND] = {"beyond", 1000000},		/* bytes ahead; RFC 5961 5 */
	[LAB_ACT_DUPLICATE] = {"duplicate", 50},	/* more ACKs; RFC 5681 3.2 */
	[LAB_ACT_SILENT] = {"silent", 0},		/* RFC 9293 3.8.3 */
	[LAB_ACT_SHRINK] = {"shrink", 2896},		/* bytes left; RFC 9293 3.8.6 */
	[LAB_ACT_ZERO] = {"zero", 0},			/* RFC 9293 3.8.6.1 */
	[LAB_ACT_LOST_UPDATE] = {"lost-update", 0},	/* it opens, but does not say so */
	[LAB_ACT_DEAF] = {"deaf", 0},			/* zero, and probes are not answered */
	[LAB_ACT_RENEGE] = {"renege", 3},		/* SACKs first; RFC 2018 8 */
	[LAB_ACT_FALSE_DSACK] = {"false-dsack", 0},	/* RFC 2883 */
	[LAB_ACT_ECHO_CE] = {"echo-ce", 0},		/* RFC 3168 6.1.2 */
	[LAB_ACT_BLIND_RST] = {"blind-rst", 100},	/* beyond the number; RFC 5961 3.2 */
	[LAB_ACT_EXACT_RST] = {"exact-rst", 0},		/* RFC 5961 3.2 */
	[LAB_ACT_BLIND_SYN] = {"blind-syn", 100},	/* RFC 5961 4.2 */
	[LAB_ACT_BLIND_DATA] = {"blind-data", 1 << 30}, /* how old its ACK is; RFC 5961 5.2 */
	[LAB_ACT_OUTSIDE] = {"outside", 1 << 22},	/* beyond the number; RFC 9293 3.10.7.4 */
	[LAB_ACT_STALE] = {"stale", 0},			/* RFC 7323 5 */
	[LAB_ACT_GARBAGE] = {"garbage", 0},		/* RFC 9293 3.1, MUST-7 */
	[LAB_ACT_FORGET] = {"forget", 0},		/* RFC 9293 3.5.1 */
	[LAB_ACT_HALF] = {"half", 0},			/* it never closes; RFC 9293 3.6 */
};

const char *lab_act_name(enum lab_act act)
{
	return act < LAB_ACTS ? acts[act].name : NULL;
}

static uint32_t number(const struct peer_conn *c)
{
	return (uint32_t)(c->play->n ? c->play->n : acts[c->play->act].n);
}

uint32_t peer_act_garbage(const struct peer_conn *c, uint8_t *options)
{
	/* Unknown kinds, one with a length that is not there, one that says it has none. */
	static const uint8_t garbage[20] = {253, 4, 0xba, 0xd0, 77, 6, 1,   2,	3, 4,
					    1,	 1, 2,	  1,	99, 0, 254, 33, 8, 40};

	if (!c->play || c->play->act != LAB_ACT_GARBAGE)
		return 0;
	memcpy(options, garbage, sizeof(garbage));
	return sizeof(garbage);
}

bool peer_act_answers(const struct peer_conn *c)
{
	return c->play->act != LAB_ACT_SILENT && !(c->acting && c->play->act == LAB_ACT_DEAF);
}

bool peer_act_closes(const struct peer_conn *c)
{
	return c->play->act != LAB_ACT_HALF && peer_act_answers(c);
}

static void window_closes(struct lab_peer *p, vs_time now, struct peer_conn *c, uint32_t left)
{
	peer_window(c, left);
	if (c->play->pause)
		c->act_at = now + c->play->pause;
	peer_ack(p, now, c, c->rcv_nxt);
}

/* A segment that no peer of an honest connection sends, where alice's window is. */
static void intrude(struct lab_peer *p, vs_time now, struct peer_conn *c)
{
	struct peer_segment s = {
		.h = {.seq = c->snd_nxt, .ack = c->rcv_nxt, .flags = WIRE_TCP_ACK},
		.rubbish = true,
	};

	switch (c->play->act) {
	case LAB_ACT_EXACT_RST:
	case LAB_ACT_BLIND_RST:
		s.h.seq += number(c);
		s.h.flags = WIRE_TCP_RST;
		break;
	case LAB_ACT_BLIND_SYN:
		s.h.seq += number(c);
		s.h.flags = WIRE_TCP_SYN;
		break;
	case LAB_ACT_BLIND_DATA:
		s.h.ack -= number(c);
		s.len = 100;
		break;
	case LAB_ACT_OUTSIDE:
		s.len = 100;
		s.h.seq -= 200;
		peer_segment_send(p, now, c, &s);
		s.h.seq = c->snd_nxt + number(c);
		break;
	case LAB_ACT_STALE:
		s.len = 100;
		s.stale = true;
		break;
	default:
		return;
	}
	peer_segment_send(p, now, c, &s);
}

/* Once: at the data segment that the play names. */
static void begin(struct lab_peer *p, vs_time now, struct peer_conn *c)
{
	c->acting = true;
	switch (c->play->act) {
	case LAB_ACT_DUPLICATE:
		for (uint32_t i = 0; i < number(c); i++)
			peer_ack(p, now, c, c->rcv_nxt);
		break;
	case LAB_ACT_SHRINK:
		window_closes(p, now, c, number(c));
		break;
	case LAB_ACT_ZERO:
	case LAB_ACT_LOST_UPDATE:
	case LAB_ACT_DEAF:
		window_closes(p, now, c, 0);
		break;
	case LAB_ACT_FORGET:
		c->closed = c->acted = true;
		c->resend_at = VS_NEVER;
		break;
	default:
		intrude(p, now, c);
		break;
	}
}

/* Throws away what was SACKed, after the other side has heard of it. */
static void renege(struct lab_peer *p, vs_time now, struct peer_conn *c)
{
	peer_ack(p, now, c, c->rcv_nxt);
	if (c->acted || !c->early_count || ++c->told < number(c))
		return;
	c->early_count = 0;
	c->acted = true;
}

static void pieces(struct lab_peer *p, vs_time now, struct peer_conn *c)
{
	uint32_t from = c->last.left, to = c->rcv_nxt, n = number(c);

	if (wire_seq_lt(to, from) || to == from) {
		peer_ack(p, now, c, to);
		return;
	}
	for (uint32_t i = 1; i <= n; i++)
		peer_ack(p, now, c, from + (uint32_t)((uint64_t)(to - from) * i / n));
}

void peer_act_data(struct lab_peer *p, vs_time now, struct peer_conn *c, bool advanced)
{
	enum lab_act act = c->play->act;
	bool begins = !c->acting && c->segments >= c->play->at;

	(void)advanced;
	if (begins)
		begin(p, now, c);
	if (c->closed || (c->acting && (act == LAB_ACT_DEAF || act == LAB_ACT_SILENT)))
		return;
	if (!c->acting) {
		peer_ack(p, now, c, c->rcv_nxt);
		return;
	}
	switch (act) {
	case LAB_ACT_STRETCH:
		if (c->unacked >= number(c) || c->fin_in)
			peer_ack(p, now, c, c->rcv_nxt);
		else if (c->ack_at == VS_NEVER)
			c->ack_at = now + STRETCH_WAIT;
		break;
	case LAB_ACT_DIVIDE:
		pieces(p, now, c);
		break;
	case LAB_ACT_OPTIMISTIC:
		peer_ack(p, now, c, c->fin_in ? c->rcv_nxt : c->rcv_nxt + number(c));
		break;
	case LAB_ACT_BEYOND:
		peer_ack(p, now, c, c->rcv_nxt);
		peer_ack(p, now, c, c->rcv_nxt + number(c));
		break;
	case LAB_ACT_RENEGE:
		renege(p, now, c);
		break;
	default:
		peer_ack(p, now, c, c->rcv_nxt);
		break;
	}
}

void peer_act_due(struct lab_peer *p, vs_time now, struct peer_conn *c)
{
	peer_window(c, c->play->window);
	if (c->play->act != LAB_ACT_LOST_UPDATE)
		peer_ack(p, now, c, c->rcv_nxt);
}
