/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is told of a connection: the facts of Linux's TCP_INFO, counted as there. */
#include "stack/tcp/tcp_impl.h"

#include <errno.h>
#include <string.h>

/* Linux's chronograph: the time in which something was unacknowledged or unsent, and the parts of
 * it in which the peer's window or the send buffer was what held it up.
 */
void tcp_busy_note(struct tcp_pcb *p)
{
	struct tcp_account *a = &p->account;
	uint32_t unsent = tcp_unsent(p);
	enum tcp_busy now = TCP_IDLE;

	if (p->snd_nxt != p->snd_una || unsent)
		now = TCP_BUSY;
	if (unsent && wire_seq_lt(p->snd_una + p->snd_wnd, p->snd_nxt + tcp_min(unsent, p->mss)))
		now = TCP_RWND_LIMITED;
	else if (now == TCP_BUSY && !unsent && p->snd_waits && !tcp_sndbuf_room(p))
		now = TCP_SNDBUF_LIMITED;
	if (now == (enum tcp_busy)a->busy_now)
		return;
	if (a->busy_now != TCP_IDLE)
		a->busy[a->busy_now] += tcp_now(p) - a->busy_since;
	a->busy_since = tcp_now(p);
	a->busy_now = (uint8_t)now;
}

static vs_time busy(const struct tcp_pcb *p, enum tcp_busy kind)
{
	const struct tcp_account *a = &p->account;
	vs_time time = a->busy[kind];

	return a->busy_now == kind ? time + tcp_now(p) - a->busy_since : time;
}

static void count_board(const struct tcp_pcb *p, struct tcp_details *d)
{
	d->unacked = p->board.count;
	for (uint32_t i = 0; i < p->board.count; i++) {
		const struct tcp_sent *r = tcp_sent_at(p, i);

		d->sacked += !!(r->flags & TCP_SENT_SACKED);
		d->lost += !!(r->flags & TCP_SENT_LOST);
		d->retrans += !!(r->flags & TCP_SENT_AGAIN);
	}
	/* Without SACK duplicates stand for segments that have arrived. */
	if (!p->sack_on && p->mss)
		d->sacked = (p->dup_bytes + p->mss - 1) / p->mss;
}

static void tell_windows(const struct tcp_pcb *p, struct tcp_details *d)
{
	uint32_t mss = p->mss ? p->mss : 1;

	d->snd_mss = p->mss;
	d->rcv_mss = p->mss_rcv;
	d->adv_mss = tcp_mss_offer(p) - (p->ts_on ? TCP_TS_LEN : 0);
	d->snd_cwnd = p->cwnd ? p->cwnd / mss : tcp_settings(p)->initial_cwnd;
	d->snd_ssthresh = p->ssthresh && p->ssthresh < INT32_MAX ? p->ssthresh / mss : INT32_MAX;
	d->pmtu = p->path.mtu;
	d->rcv_ssthresh = p->rcv_clamp;
	d->rcv_space = p->tune_space ? p->tune_space : tcp_window_initial(p);
	d->reordering = p->account.reordering ? p->account.reordering : TCP_DUP_THRESH;
	d->snd_wnd = p->snd_wnd;
	d->rcv_wnd = p->rcv_wnd;
	d->unsent = p->state == TCP_LISTEN ? 0 : p->snd.len - (p->snd_nxt - p->snd_una);
	if (p->snd.len < p->snd_nxt - p->snd_una)
		d->unsent = 0; /* the FIN */
	d->unacked_bytes = p->snd.len - d->unsent;
	d->rcv_queued = p->rcv.ready_bytes;
	d->snd_buf_used = p->snd.chunks * TCP_CHUNK;
	d->snd_buf_max = p->sndbuf_max;
	d->rcv_buf_used = p->rcv.held;
	d->rcv_buf_max = p->rcvbuf_max;
}

static void tell_times(const struct tcp_pcb *p, struct tcp_details *d)
{
	const struct tcp_account *a = &p->account;
	vs_time now = tcp_now(p);

	d->rto = tcp_rto(p);
	d->ato = TCP_DELACK_NS;
	d->srtt = p->srtt;
	d->rttvar = p->srtt ? p->rtt_dev : TCP_RTO_INITIAL / 4;
	d->min_rtt = p->rtt_min;
	d->rcv_rtt = p->tune_rtt_ms * VS_MSEC;
	d->since_data_sent = a->data_segs_out ? now - p->sent_at : now;
	d->since_data_received = a->data_received_at ? now - a->data_received_at : now;
	d->since_ack_received = a->ack_received_at ? now - a->ack_received_at : now;
	d->rwnd_limited = busy(p, TCP_RWND_LIMITED);
	d->sndbuf_limited = busy(p, TCP_SNDBUF_LIMITED);
	d->busy = busy(p, TCP_BUSY) + d->rwnd_limited + d->sndbuf_limited;
	/* Twice the window a round trip in slow start, 1.2 times later, as Linux would pace. */
	if (p->srtt)
		d->pacing_rate = (uint64_t)(p->cwnd < p->ssthresh / 2 ? 200 : 120) * p->cwnd / 100 *
				 (uint64_t)VS_SEC / (uint64_t)p->srtt;
	if (a->rate_interval > 0)
		d->delivery_rate = (uint64_t)a->rate_delivered * p->mss * (uint64_t)VS_SEC /
				   (uint64_t)a->rate_interval;
	d->delivery_rate_app_limited = a->rate_app_limited;
}

int tcp_details(const struct stk *s, int fd, struct tcp_details *d)
{
	const struct tcp_account *a;
	const struct tcp_pcb *p;

	if (fd < 0 || (unsigned)fd >= s->sockets_size || !s->sockets[fd])
		return -EBADF;
	if (s->sockets[fd]->proto != &tcp_proto)
		return -EOPNOTSUPP;
	p = tcp_of(s->sockets[fd]);
	a = &p->account;
	*d = (struct tcp_details){
		.state = p->state,
		.phase = tcp_phase(p),
		.syn_data = p->syn_data_acked,
		.timestamps_on = p->ts_on,
		.sack_on = p->sack_on,
		.wscale_on = p->wscale_on,
		.ecn_on = p->ecn_on,
		.ecn_seen = a->ecn_seen,
		.rcv_shut = p->rcv_shut || p->fin_received,
		.snd_shut = p->snd_shut,
		.snd_wscale = p->snd_wscale,
		.rcv_wscale = p->rcv_wscale,
		.retransmits = p->probing ? 0 : p->timeouts,
		.probes = p->probing ? p->timeouts : p->keep_probes,
		.backoff = p->backoff,
		.total_retrans = a->total_retrans,
		.segs_in = a->segs_in,
		.segs_out = a->segs_out,
		.data_segs_in = a->data_segs_in,
		.data_segs_out = a->data_segs_out,
		.delivered = a->delivered,
		.delivered_ce = a->delivered_ce,
		.dsack_dups = a->dsack_dups,
		.reord_seen = a->reord_seen,
		.rcv_ooopack = a->rcv_ooopack,
		.bytes_acked = a->bytes_acked,
		.bytes_received = a->bytes_received,
		.bytes_sent = a->bytes_sent,
		.bytes_retrans = a->bytes_retrans,
	};
	if (p->state == TCP_LISTEN)
		return 0;
	count_board(p, d);
	tell_windows(p, d);
	tell_times(p, d);
	return 0;
}
