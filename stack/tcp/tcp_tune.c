/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The receive buffer follows the application (dynamic right-sizing, as Linux does it): what it
 * reads in a round trip is what the peer could send in one, so a buffer of twice that, and some for
 * the next doubling of the peer's window, never is in the way; and a connection that is idle, or
 * whose application reads slowly, is not promised megabytes.
 */
#include "stack/tcp/tcp_impl.h"

#define RTT_MAX_MS 10000 /* an echo that is older was of an idle time */

static uint32_t now_ms(const struct tcp_pcb *p)
{
	return (uint32_t)(tcp_now(p) / VS_MSEC);
}

/* A receiver sees the round trip in the echo of its own timestamps (RFC 7323 4.1). */
void tcp_tune_rtt(struct tcp_pcb *p, const struct tcp_in *in)
{
	uint32_t ms = tcp_ts_now(p) - in->h.ts_ecr;

	if (!in->h.ts_ecr || ms > RTT_MAX_MS || in->len < p->mss_rcv)
		return;
	ms = tcp_max(ms, 1);
	/* Echoes that waited for the peer's application are too long: shorter ones count more. */
	if (!p->tune_rtt_ms || ms < p->tune_rtt_ms)
		p->tune_rtt_ms = ms;
	else
		p->tune_rtt_ms += (ms - p->tune_rtt_ms + 7) / 8;
}

void tcp_tune_read(struct tcp_pcb *p, size_t bytes)
{
	uint32_t rtt = p->tune_rtt_ms ? p->tune_rtt_ms : (uint32_t)(p->srtt / VS_MSEC) + 1;
	uint32_t most = tcp_settings(p)->rmem[2];
	uint64_t want;

	p->tune_read = bytes < UINT32_MAX - p->tune_read ? p->tune_read + (uint32_t)bytes
							  : UINT32_MAX;
	if (now_ms(p) - p->tune_at_ms < rtt)
		return;
	if (p->tune_read > p->tune_space) {
		/* A peer in slow start doubles: room for two more rounds of it. */
		want = 4 * (uint64_t)p->tune_read + 32 * (uint64_t)p->mss_rcv;
		if (want > most)
			want = most;
		if (!p->rcvbuf_fixed && want > p->rcvbuf_max)
			p->rcvbuf_max = (uint32_t)want;
		p->tune_space = p->tune_read;
	}
	p->tune_read = 0;
	p->tune_at_ms = now_ms(p);
}
