/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TCP_INFO as Linux lays it out, and SO_MEMINFO. */
#include <errno.h>
#include <string.h>

#include "harness/packetdrill/pkd_impl.h"
#include "stack/tcp/tcp.h"

/* struct tcp_info of Linux 6.1, which is longer than that of older C libraries: callers get as
 * much as they have room for.
 */
struct info {
	uint8_t state, ca_state, retransmits, probes, backoff, options;
	uint8_t wscales; /* low half: of what we send */
	uint8_t flags;	 /* 1: delivery_rate_app_limited; 6: fastopen_client_fail */
	uint32_t rto, ato, snd_mss, rcv_mss;
	uint32_t unacked, sacked, lost, retrans, fackets;
	uint32_t last_data_sent, last_ack_sent, last_data_recv, last_ack_recv;
	uint32_t pmtu, rcv_ssthresh, rtt, rttvar, snd_ssthresh, snd_cwnd, advmss, reordering;
	uint32_t rcv_rtt, rcv_space, total_retrans;
	uint64_t pacing_rate, max_pacing_rate, bytes_acked, bytes_received;
	uint32_t segs_out, segs_in, notsent_bytes, min_rtt, data_segs_in, data_segs_out;
	uint64_t delivery_rate, busy_time, rwnd_limited, sndbuf_limited;
	uint32_t delivered, delivered_ce;
	uint64_t bytes_sent, bytes_retrans;
	uint32_t dsack_dups, reord_seen, rcv_ooopack, snd_wnd, rcv_wnd, rehash;
	uint16_t total_rto, total_rto_recoveries;
	uint32_t total_rto_time;
};

static_assert(offsetof(struct info, pacing_rate) == 104, "Linux: include/uapi/linux/tcp.h");
static_assert(offsetof(struct info, delivery_rate) == 160, "Linux: include/uapi/linux/tcp.h");
static_assert(offsetof(struct info, snd_wnd) == 228, "Linux: include/uapi/linux/tcp.h");

#define OPT_TIMESTAMPS 1
#define OPT_SACK       2
#define OPT_WSCALE     4
#define OPT_ECN	       8
#define OPT_ECN_SEEN   16
#define OPT_SYN_DATA   32

/* Linux's numbers of the states. */
static uint8_t state_number(enum tcp_state state)
{
	static const uint8_t numbers[] = {
		[TCP_CLOSED] = 7,     [TCP_LISTEN] = 10,     [TCP_SYN_SENT] = 2,
		[TCP_SYN_RECEIVED] = 3, [TCP_ESTABLISHED] = 1, [TCP_FIN_WAIT_1] = 4,
		[TCP_FIN_WAIT_2] = 5, [TCP_CLOSE_WAIT] = 8,  [TCP_CLOSING] = 11,
		[TCP_LAST_ACK] = 9,   [TCP_TIME_WAIT] = 7, /* as the socket sees it */
	};

	return numbers[state];
}

static uint32_t us(vs_time t)
{
	return (uint32_t)(t / VS_USEC);
}

static uint32_t ms(vs_time t)
{
	return (uint32_t)(t / VS_MSEC);
}

static void fill_times(struct info *i, const struct tcp_details *d)
{
	i->rto = us(d->rto);
	i->ato = us(d->ato);
	i->last_data_sent = ms(d->since_data_sent);
	i->last_data_recv = ms(d->since_data_received);
	i->last_ack_recv = ms(d->since_ack_received);
	i->rtt = us(d->srtt);
	i->rttvar = us(d->rttvar);
	i->rcv_rtt = us(d->rcv_rtt);
	i->min_rtt = d->min_rtt == VS_NEVER ? UINT32_MAX : us(d->min_rtt);
	i->busy_time = (uint64_t)(d->busy / VS_USEC);
	i->rwnd_limited = (uint64_t)(d->rwnd_limited / VS_USEC);
	i->sndbuf_limited = (uint64_t)(d->sndbuf_limited / VS_USEC);
	i->pacing_rate = d->pacing_rate ? d->pacing_rate : UINT64_MAX;
	i->max_pacing_rate = UINT64_MAX;
	i->delivery_rate = d->delivery_rate;
	i->flags = d->delivery_rate_app_limited;
}

static void fill(struct info *i, const struct tcp_details *d)
{
	i->ca_state = (uint8_t)d->phase;
	i->retransmits = d->retransmits;
	i->probes = d->probes;
	i->backoff = d->backoff;
	i->options = (uint8_t)((d->timestamps_on ? OPT_TIMESTAMPS : 0) |
			       (d->sack_on ? OPT_SACK : 0) | (d->wscale_on ? OPT_WSCALE : 0) |
			       (d->ecn_on ? OPT_ECN : 0) | (d->ecn_seen ? OPT_ECN_SEEN : 0) |
			       (d->syn_data ? OPT_SYN_DATA : 0));
	i->wscales = (uint8_t)(d->snd_wscale | d->rcv_wscale << 4);
	i->snd_mss = d->snd_mss;
	i->rcv_mss = d->rcv_mss;
	i->unacked = d->unacked;
	i->sacked = d->sacked;
	i->lost = d->lost;
	i->retrans = d->retrans;
	i->pmtu = d->pmtu;
	i->rcv_ssthresh = d->rcv_ssthresh;
	i->snd_ssthresh = d->snd_ssthresh;
	i->snd_cwnd = d->snd_cwnd;
	i->advmss = d->adv_mss;
	i->reordering = d->reordering;
	i->rcv_space = d->rcv_space;
	i->total_retrans = d->total_retrans;
	i->bytes_acked = d->bytes_acked;
	i->bytes_received = d->bytes_received;
	i->segs_out = d->segs_out;
	i->segs_in = d->segs_in;
	i->notsent_bytes = d->unsent;
	i->data_segs_in = d->data_segs_in;
	i->data_segs_out = d->data_segs_out;
	i->delivered = d->delivered;
	i->delivered_ce = d->delivered_ce;
	i->bytes_sent = d->bytes_sent;
	i->bytes_retrans = d->bytes_retrans;
	i->dsack_dups = d->dsack_dups;
	i->reord_seen = d->reord_seen;
	i->rcv_ooopack = d->rcv_ooopack;
	i->snd_wnd = d->snd_wnd;
	i->rcv_wnd = d->rcv_wnd;
}

int pkd_tcp_info(struct pkd *w, struct pkd_file *f, void *value, socklen_t *len)
{
	struct info i = {0};
	struct tcp_details d;
	int error;

	stk_run(w->stk, w->now); /* what is told is of now */
	error = tcp_details(w->stk, f->stk, &d);
	if (error)
		return error;
	i.state = state_number(d.state);
	if (d.state != TCP_LISTEN) {
		fill(&i, &d);
		fill_times(&i, &d);
	}
	if (*len > sizeof(i))
		*len = sizeof(i);
	memcpy(value, &i, *len);
	return 0;
}

/* In the order of linux/sock_diag.h. Our buffers are chunks and frames, not Linux's, so what they
 * weigh is ours; what packetdrill's scripts compare are the limits.
 */
int pkd_meminfo(struct pkd *w, struct pkd_file *f, void *value, socklen_t *len)
{
	struct tcp_details d = {0};
	uint32_t info[9] = {0};

	if (f->type == SOCK_STREAM && tcp_details(w->stk, f->stk, &d))
		return -EOPNOTSUPP;
	info[0] = d.rcv_buf_used;
	info[1] = d.rcv_buf_max;
	info[2] = d.snd_buf_used;
	info[3] = d.snd_buf_max;
	info[5] = d.snd_buf_used;
	if (*len > sizeof(info))
		*len = sizeof(info);
	memcpy(value, info, *len);
	return 0;
}

int pkd_unsent(struct pkd *w, struct pkd_file *f, int64_t *bytes)
{
	struct tcp_details d;
	int error = tcp_details(w->stk, f->stk, &d);

	if (error)
		return error;
	if (d.state == TCP_LISTEN)
		return -EINVAL;
	*bytes = d.unsent;
	return 0;
}
