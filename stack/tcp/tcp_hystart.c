/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stack/tcp/tcp_hystart.h"

#include "stack/tcp/tcp_impl.h"

/* RFC 9406 4.3's constants. */
#define MIN_RTT_THRESH_US  4000
#define MAX_RTT_THRESH_US  16000
#define RTT_DIVISOR	   8
#define RTT_SAMPLES	   8
#define CSS_GROWTH_DIVISOR 4
#define CSS_ROUNDS	   5

void tcp_hystart_init(struct tcp_hystart *h, const struct tcp_pcb *p)
{
	*h = (struct tcp_hystart){
		.round_min_us = INT32_MAX, .last_min_us = INT32_MAX, .window_end = p->snd_nxt};
}

static void next_round(struct tcp_hystart *h, struct tcp_pcb *p)
{
	h->last_min_us = h->round_min_us;
	h->round_min_us = INT32_MAX;
	h->samples = 0;
	h->window_end = p->snd_nxt;
	if (!h->css_rounds)
		return;
	if (h->css_rounds++ >= CSS_ROUNDS)
		p->ssthresh = p->cwnd;
}

/* 4.2: longer round trips start the conservative part; shorter ones than then end it again. */
static void judge(struct tcp_hystart *h)
{
	int32_t thresh = h->last_min_us / RTT_DIVISOR;

	if (h->samples < RTT_SAMPLES || h->last_min_us == INT32_MAX)
		return;
	if (h->css_rounds) {
		if (h->round_min_us < h->baseline_us)
			h->css_rounds = 0;
		return;
	}
	if (thresh < MIN_RTT_THRESH_US)
		thresh = MIN_RTT_THRESH_US;
	if (thresh > MAX_RTT_THRESH_US)
		thresh = MAX_RTT_THRESH_US;
	if (h->round_min_us - thresh < h->last_min_us)
		return;
	h->baseline_us = h->round_min_us;
	h->css_rounds = 1;
}

void tcp_hystart_rtt(struct tcp_hystart *h, struct tcp_pcb *p, vs_time rtt)
{
	int32_t us = rtt < (INT32_MAX - 1) * VS_USEC ? (int32_t)(rtt / VS_USEC) : INT32_MAX - 1;

	if (wire_seq_leq(h->window_end, p->snd_una))
		next_round(h, p);
	if (us < h->round_min_us)
		h->round_min_us = us;
	if (h->samples < UINT8_MAX)
		h->samples++;
	judge(h);
}

uint32_t tcp_hystart_acked(struct tcp_hystart *h, struct tcp_pcb *p, uint32_t acked)
{
	uint32_t room = p->ssthresh - p->cwnd;
	uint32_t grow = h->css_rounds ? acked / CSS_GROWTH_DIVISOR : acked;

	if (grow <= room) {
		p->cwnd += grow;
		return 0;
	}
	p->cwnd = p->ssthresh;
	return grow - room;
}
