/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* HyStart++, RFC 9406: slow start ends before a queue overflows, when round trips grow. Any
 * congestion control can keep one. Only for stack/tcp.
 */
#ifndef VSQ_TCP_TCP_HYSTART_H
#define VSQ_TCP_TCP_HYSTART_H

#include <stdint.h>

#include "core/base/time.h"

struct tcp_pcb;

struct tcp_hystart {
	int32_t round_min_us; /* least RTT of this round; INT32_MAX: none yet */
	int32_t last_min_us;  /* of the round before */
	int32_t baseline_us;  /* when the conservative part began */
	uint32_t window_end;  /* the round ends when this is acknowledged */
	uint8_t samples;      /* of this round, up to 255 */
	uint8_t css_rounds;   /* in conservative slow start: rounds begun; 0: in slow start */
};

void tcp_hystart_init(struct tcp_hystart *, const struct tcp_pcb *);
void tcp_hystart_rtt(struct tcp_hystart *, struct tcp_pcb *, vs_time rtt);

/* Grows p->cwnd, which is below p->ssthresh, for acked bytes. Gives the bytes that were left over
 * when it reached p->ssthresh.
 */
uint32_t tcp_hystart_acked(struct tcp_hystart *, struct tcp_pcb *, uint32_t acked);

#endif
