/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Packetization-layer path MTU discovery: RFC 4821, RFC 8899, for paths whose routers drop what is
 * too long and say nothing. Segments of new data that are longer than the others probe the path:
 * one that arrives moves the size up, one that is lost while nothing else is was too long and is no
 * congestion (RFC 4821 7.6). "net.ipv4.tcp_mtu_probing": 1 begins when timeouts in a row hint at a
 * black hole (7.7), 2 with the connection; both from tcp_base_mss. Sizes here are of whole packets.
 *
 * Probing needs SACK, which alone tells that only the probe was lost.
 */
#include "stack/tcp/tcp_impl.h"

#define SEGMENTS_BEHIND 4 /* that must follow a probe, for its loss to be seen by their SACKs */
#define WINDOW_MIN	11

static uint32_t headers(const struct tcp_pcb *p)
{
	return (wire_addr_is4(&p->so.remote.addr) ? 20 : 40) + WIRE_TCP_LEN;
}

static uint16_t ceiling(const struct tcp_pcb *p)
{
	uint32_t most = tcp_min(tcp_mss_offer(p), p->mss_peer) + headers(p);

	return (uint16_t)tcp_min(most, 65535);
}

static void search(struct tcp_pcb *p, uint32_t low)
{
	struct tcp_mtu *m = &p->mtu;

	m->on = true;
	m->high = ceiling(p);
	m->low = (uint16_t)tcp_min(low, m->high);
	m->probe = 0;
	m->since = tcp_now(p);
	tcp_mss_update(p);
}

void tcp_mtu_start(struct tcp_pcb *p)
{
	if (tcp_settings(p)->mtu_probing > 1)
		search(p, tcp_settings(p)->base_mss + headers(p));
}

uint16_t tcp_mtu_mss(const struct tcp_pcb *p, uint16_t mss)
{
	uint32_t known = p->mtu.low - headers(p);

	return p->mtu.on && known < mss ? (uint16_t)known : mss;
}

/* RFC 4821 7.7: nothing has arrived for several timeouts, so it may be the size. Each further one
 * halves it, down to tcp_mtu_probe_floor.
 */
void tcp_mtu_timeout(struct tcp_pcb *p)
{
	const struct tcp_settings *set = tcp_settings(p);
	uint32_t mss = set->base_mss;

	if (!set->mtu_probing || p->timeouts <= set->retries1)
		return;
	if (p->mtu.on)
		mss = tcp_max(tcp_min(mss, (p->mtu.low - headers(p)) / 2),
			      tcp_max(set->mtu_probe_floor, TCP_MSS_MIN));
	search(p, mss + headers(p));
}

uint32_t tcp_mtu_probe_len(struct tcp_pcb *p, uint32_t mss, uint32_t unsent)
{
	const struct tcp_settings *set = tcp_settings(p);
	struct tcp_mtu *m = &p->mtu;
	uint32_t edge = p->snd_una + p->snd_wnd, flight = tcp_in_flight(p), extra, len, all;

	if (!m->on || m->probe || !p->sack_on || p->recovery != TCP_OPEN || p->board.sacked ||
	    p->sacks || p->cwnd < WINDOW_MIN * mss)
		return 0;
	if (m->low + set->mtu_probe_threshold > m->high) {
		/* RFC 4821 7.3: found; the path may change for the better. */
		if (m->high < ceiling(p) &&
		    tcp_now(p) - m->since >= set->mtu_probe_interval_s * VS_SEC)
			search(p, m->low);
		return 0;
	}
	extra = (m->high - m->low + 1u) / 2;
	len = mss + extra;
	all = len + SEGMENTS_BEHIND * mss;
	if (unsent < all || wire_seq_lt(edge, p->snd_nxt + all) || flight + len > p->cwnd)
		return 0;
	m->probe = (uint16_t)(m->low + extra);
	m->probe_seq = p->snd_nxt;
	m->probe_end = p->snd_nxt + len;
	return len;
}

/* What is sent again tells nothing of the probe any more. */
void tcp_mtu_resent(struct tcp_pcb *p, const struct tcp_sent *r)
{
	if (p->mtu.probe && wire_seq_leq(r->seq, p->mtu.probe_seq) &&
	    wire_seq_lt(p->mtu.probe_seq, r->end))
		p->mtu.probe = 0;
}

void tcp_mtu_acked(struct tcp_pcb *p)
{
	struct tcp_mtu *m = &p->mtu;

	if (!m->probe || wire_seq_lt(p->snd_una, m->probe_end))
		return;
	m->low = m->probe;
	m->probe = 0;
	m->since = tcp_now(p);
	stk_count(p->stk, STK_TcpMtupSuccess);
	tcp_mss_update(p);
}

/* It was too long: the search goes on below, and its bytes leave at once, cut. */
static void failed(struct tcp_pcb *p, uint32_t index)
{
	p->mtu.high = p->mtu.probe - 1;
	p->mtu.probe = 0;
	p->mtu.since = tcp_now(p);
	stk_count(p->stk, STK_TcpMtupFail);
	tcp_resend_all(p, index, TCP_REASON_MTU);
	p->dupacks = 0;
}

bool tcp_mtu_probe_lost(struct tcp_pcb *p)
{
	const struct tcp_sent *r;
	uint32_t index;

	if (!p->mtu.probe)
		return false;
	index = tcp_sent_find(p, p->mtu.probe_seq);
	r = tcp_sent_at(p, index);
	if (index >= p->board.count || !(r->flags & TCP_SENT_LOST) ||
	    p->board.lost != r->end - r->seq)
		return false;
	failed(p, index);
	return true;
}

/* A router has said so. */
void tcp_mtu_shrunk(struct tcp_pcb *p)
{
	struct tcp_mtu *m = &p->mtu;

	if (!m->on)
		return;
	if (m->probe > p->path.mtu) {
		m->probe = (uint16_t)(p->path.mtu + 1);
		failed(p, tcp_sent_find(p, m->probe_seq));
	}
	m->high = (uint16_t)tcp_min(m->high, ceiling(p));
	m->low = (uint16_t)tcp_min(m->low, m->high);
}
