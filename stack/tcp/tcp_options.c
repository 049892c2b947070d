/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Options: what we offer, what was agreed, and how much room they leave. wire_tcp_emit() knows
 * their order and padding.
 */
#include "stack/tcp/tcp_impl.h"

#include <string.h>

uint32_t tcp_ts_at(const struct tcp_pcb *p, vs_time at)
{
	return (uint32_t)(at / VS_MSEC) + p->ts_offset;
}

uint32_t tcp_ts_now(const struct tcp_pcb *p)
{
	return tcp_ts_at(p, tcp_now(p));
}

static uint16_t path_mss(const struct tcp_pcb *p)
{
	uint32_t headers = (wire_addr_is4(&p->so.remote.addr) ? 20 : 40) + WIRE_TCP_LEN;
	uint32_t mtu = p->path.mtu ? p->path.mtu : 1500;

	return (uint16_t)(mtu < headers + TCP_MSS_MIN ? TCP_MSS_MIN
						      : tcp_min(mtu - headers, 65535));
}

/* RFC 9293 3.7.1, RFC 6691: without the options that a segment may carry. */
uint16_t tcp_mss_offer(const struct tcp_pcb *p)
{
	uint16_t mss = path_mss(p);

	return p->mss_user && p->mss_user < mss ? p->mss_user : mss;
}

/* What the SYN offers: whole segments, as far as 16 bits and half of the initial buffer go (the
 * other half is what frames weigh besides their payload).
 */
uint32_t tcp_window_initial(const struct tcp_pcb *p)
{
	uint32_t mss = tcp_mss_offer(p), most = tcp_min(65535, tcp_settings(p)->rmem[1] / 2);

	return most < mss ? most : most / mss * mss;
}

void tcp_mss_update(struct tcp_pcb *p)
{
	uint16_t mss = tcp_mss_offer(p);

	if (p->mss_peer < mss)
		mss = p->mss_peer;
	mss = tcp_mtu_mss(p, mss);
	if (p->ts_on)
		mss -= TCP_TS_LEN;
	p->mss = mss;
}

static uint8_t wscale_for(const struct tcp_pcb *p)
{
	uint32_t most = tcp_max(tcp_settings(p)->rmem[2], p->rcvbuf_max);
	uint8_t scale = 0;

	while (scale < TCP_WSCALE_MAX && most > 65535u << scale)
		scale++;
	return scale;
}

void tcp_options_syn(const struct tcp_pcb *p, struct wire_tcp *h)
{
	const struct tcp_settings *set = tcp_settings(p);
	bool answer = p->state == TCP_SYN_RECEIVED; /* offers only what the SYN did */

	h->has_mss = true;
	h->mss = tcp_mss_offer(p);
	h->sack_permitted = answer ? p->sack_on : set->sack != 0;
	h->has_timestamp = answer ? p->ts_on : set->timestamps != 0;
	if (h->has_timestamp) {
		h->ts_val = tcp_ts_now(p);
		h->ts_ecr = answer ? p->ts_recent : 0;
	}
	h->has_wscale = answer ? p->wscale_on : set->window_scaling != 0;
	h->wscale = wscale_for(p);
}

void tcp_options_agree(struct tcp_pcb *p, const struct wire_tcp *syn)
{
	const struct tcp_settings *set = tcp_settings(p);

	if (syn->has_mss)
		p->mss_peer = syn->mss < TCP_MSS_MIN ? TCP_MSS_MIN : syn->mss;
	else
		p->mss_peer =
			wire_addr_is4(&p->so.remote.addr) ? TCP_MSS_DEFAULT : TCP_MSS_DEFAULT6;
	p->sack_on = syn->sack_permitted && set->sack;
	p->ts_on = syn->has_timestamp && set->timestamps;
	if (p->ts_on) {
		p->ts_recent = syn->ts_val;
		p->ts_recent_at = tcp_now(p);
	}
	p->wscale_on = syn->has_wscale && set->window_scaling;
	if (p->wscale_on) {
		/* RFC 7323 2.3: more than 14 is taken as 14. */
		p->snd_wscale = syn->wscale > TCP_WSCALE_MAX ? TCP_WSCALE_MAX : syn->wscale;
		p->rcv_wscale = wscale_for(p);
	}
	tcp_mss_update(p);
}

void tcp_options_segment(const struct tcp_pcb *p, struct wire_tcp *h)
{
	unsigned most = p->ts_on ? 3 : 4, n = 0;

	if (p->ts_on) {
		h->has_timestamp = true;
		h->ts_val = tcp_ts_now(p);
		h->ts_ecr = p->ts_recent;
	}
	if (p->dsack)
		h->sack[n++] = p->dsack_block;
	for (unsigned i = 0; i < p->sacks && n < most; i++)
		h->sack[n++] = p->sack[i];
	h->sacks = (uint8_t)n;
}

unsigned tcp_options_len(const struct tcp_pcb *p)
{
	unsigned most = p->ts_on ? 3 : 4;
	unsigned n = p->sacks + (p->dsack ? 1u : 0u);

	if (n > most)
		n = most;
	return (p->ts_on ? TCP_TS_LEN : 0) + (n ? 4 + 8 * n : 0);
}
