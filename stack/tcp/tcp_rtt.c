/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The retransmission timeout: RFC 6298, with a sample for nearly every ACK. Because many samples
 * come in a round trip, the deviation that counts is the largest of the present one: it rises at
 * once and falls by a quarter of the difference once a round (RFC 7323 appendix G's concern).
 */
#include "stack/tcp/tcp_impl.h"

void tcp_rtt_init(struct tcp_pcb *p)
{
	p->srtt = 0;
	p->rttvar = 0;
	p->rto = TCP_RTO_INITIAL;
	p->rtt_min = VS_NEVER;
}

static vs_time rto_floor(const struct tcp_pcb *p)
{
	return tcp_settings(p)->rto_min_ms * VS_MSEC;
}

void tcp_rtt_sample(struct tcp_pcb *p, vs_time rtt)
{
	vs_time floor = rto_floor(p) / 4, error;

	if (rtt < 1)
		rtt = 1;
	if (rtt < p->rtt_min)
		p->rtt_min = rtt;
	if (!p->srtt) {
		/* 2.2 */
		p->srtt = rtt;
		p->rtt_dev = rtt / 2;
		p->rttvar = p->rtt_dev > floor ? p->rtt_dev : floor;
		p->rtt_dev_max = p->rttvar;
		p->rtt_round = p->snd_nxt;
	} else {
		/* 2.3 */
		error = rtt > p->srtt ? rtt - p->srtt : p->srtt - rtt;
		p->rtt_dev += (error - p->rtt_dev) / 4;
		p->srtt += (rtt - p->srtt) / 8;
		if (p->rtt_dev > p->rtt_dev_max) {
			p->rtt_dev_max = p->rtt_dev;
			if (p->rtt_dev_max > p->rttvar)
				p->rttvar = p->rtt_dev_max;
		}
		if (wire_seq_lt(p->rtt_round, p->snd_una)) {
			if (p->rtt_dev_max < p->rttvar)
				p->rttvar -= (p->rttvar - p->rtt_dev_max) / 4;
			p->rtt_round = p->snd_nxt;
			p->rtt_dev_max = floor;
		}
	}
	p->rto = p->srtt + 4 * p->rttvar;
	if (p->rto > TCP_RTO_MAX)
		p->rto = TCP_RTO_MAX;
	p->backoff = 0;
	if (tcp_cc(p)->rtt)
		tcp_cc(p)->rtt(p, rtt);
}

vs_time tcp_rto(const struct tcp_pcb *p)
{
	vs_time rto = p->rto;

	for (unsigned i = 0; i < p->backoff && rto < TCP_RTO_MAX; i++)
		rto *= 2;
	return rto < TCP_RTO_MAX ? rto : TCP_RTO_MAX;
}
