/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SYN cookies (RFC 4987 3.6): when a listener has too many embryos, our initial sequence number
 * holds all that there is to remember, and no memory is kept until the peer has proved that it is
 * where it says.
 *
 *      31..27 minute, mod 32   26..24 MSS, by table   23..0 keyed hash of ends, ISN, minute, MSS
 *
 * The other options fit into the low six bits of our timestamp, if the peer has timestamps, as
 * Linux does it: 3..0 window scale (15: none), 4 SACK, 5 ECN.
 */
#include "stack/tcp/tcp_impl.h"

#define MINUTE	    (64 * VS_SEC)
#define MINUTES_MAX 2 /* that a cookie is good for */
#define NO_WSCALE   15
#define TS_SACK	    0x10
#define TS_ECN	    0x20
#define TS_BITS	    0x3f

static const uint16_t mss_table[8] = {TCP_MSS_MIN, 536, 1220, 1300, 1440, 1460, 4312, 8940};

static uint32_t hash24(const struct tcp *t, const struct tcp_in *in, uint32_t isn, uint32_t high)
{
	const struct wire_ip *ip = in->ip->ip;
	uint64_t key[2] = {t->key[0] ^ ((uint64_t)isn << 32 | high), ~t->key[1]};

	return (uint32_t)(tcp_siphash(key, &ip->dst, &ip->src,
				      (uint32_t)in->h.dst_port << 16 | in->h.src_port) &
			  0xffffff);
}

static uint32_t minute_of(vs_time now)
{
	return (uint32_t)(now / MINUTE) & 31;
}

/* The timestamp that says the options, not later than now. */
static uint32_t ts_with(const struct tcp_pcb *p)
{
	uint32_t now = tcp_ts_now(p) - p->ts_offset;
	uint32_t bits = p->wscale_on ? p->snd_wscale : NO_WSCALE;
	uint32_t ts;

	if (p->sack_on)
		bits |= TS_SACK;
	if (p->ecn_on)
		bits |= TS_ECN;
	ts = (now & ~(uint32_t)TS_BITS) | bits;
	return ts > now ? ts - TS_BITS - 1 : ts;
}

void tcp_cookie_send(struct tcp_pcb *listener, const struct tcp_in *in)
{
	struct tcp *t = listener->stk->tcp;
	struct tcp_pcb *p = tcp_listen_child(listener, in);
	uint32_t index = 0, high;

	if (!p)
		return;
	tcp_choose_iss(p);
	p->irs = in->h.seq;
	p->rcv_nxt = in->h.seq + 1;
	p->rcv_clamp = tcp_window_initial(p);
	tcp_options_agree(p, &in->h);
	if (p->ts_on) {
		tcp_ecn_agree(p, &in->h);
		p->ts_offset += ts_with(p) - (tcp_ts_now(p) - p->ts_offset);
	} else {
		p->sack_on = false;
		p->wscale_on = false;
	}
	while (index < 7 && mss_table[index + 1] <= p->mss_peer)
		index++;
	high = minute_of(tcp_now(p)) << 3 | index;
	p->iss = high << 24 | hash24(t, in, in->h.seq, high);
	p->snd_una = p->iss;
	p->state = TCP_SYN_RECEIVED;
	tcp_send_syn(p);
	stk_count(p->stk, STK_TcpSyncookiesSent);
	t->cookie_at = tcp_now(p);
	t->cookies = true;
	/* It never was. */
	tcp_deadlines_clear(p);
	p->state = TCP_CLOSED;
	tcp_reap(p);
}

/* What the SYN must have said. */
static void recall(const struct tcp_pcb *p, const struct tcp_in *in, uint32_t index,
		   struct wire_tcp *syn)
{
	uint32_t bits = in->h.ts_ecr - p->ts_offset;

	*syn = (struct wire_tcp){.flags = WIRE_TCP_SYN, .has_mss = true, .mss = mss_table[index]};
	if (!in->h.has_timestamp || !tcp_settings(p)->timestamps)
		return;
	syn->has_timestamp = true;
	syn->ts_val = in->h.ts_val;
	syn->sack_permitted = bits & TS_SACK;
	syn->wscale = bits & NO_WSCALE;
	syn->has_wscale = syn->wscale != NO_WSCALE;
	if (bits & TS_ECN)
		syn->flags |= WIRE_TCP_ECE | WIRE_TCP_CWR;
}

static bool right(const struct stk *s, const struct tcp_in *in)
{
	uint32_t cookie = in->h.ack - 1, high = cookie >> 24;
	uint32_t age = (minute_of(s->now) - (high >> 3)) & 31;

	return age < MINUTES_MAX &&
	       (cookie & 0xffffff) == hash24(s->tcp, in, in->h.seq - 1, high);
}

bool tcp_cookie_arrives(struct tcp_pcb *listener, struct tcp_in *in)
{
	struct stk *s = listener->stk;
	struct wire_tcp syn;
	struct tcp_pcb *p;

	/* Only while there are some: a guess has one chance in some millions then. */
	if (!tcp_settings(listener)->syncookies || !s->tcp->cookies ||
	    s->now - s->tcp->cookie_at > MINUTES_MAX * MINUTE)
		return false;
	if (!right(s, in)) {
		stk_count(s, STK_TcpSyncookiesFailed);
		return false;
	}
	if (listener->accept_count > listener->backlog) {
		/* It will come again with data. */
		stk_count(s, STK_TcpListenOverflows);
		return true;
	}
	p = tcp_listen_child(listener, in);
	if (!p)
		return true;
	tcp_listen_link(listener, p);
	tcp_port_share(p, listener);
	stk_count(s, STK_TcpPassiveOpens);
	stk_count(s, STK_TcpSyncookiesRecv);
	tcp_choose_iss(p);
	recall(p, in, (in->h.ack - 1) >> 24 & 7, &syn);
	p->iss = in->h.ack - 1;
	p->snd_una = p->iss;
	p->snd_nxt = p->iss + 1;
	p->snd.seq = p->iss + 1;
	p->irs = in->h.seq - 1;
	p->rcv_nxt = in->h.seq;
	p->rcv_wup = p->rcv_nxt;
	p->rcv_clamp = tcp_window_initial(p);
	tcp_options_agree(p, &syn);
	tcp_ecn_agree(p, &syn);
	tcp_rcv_window(p);
	p->received_at = s->now;
	p->sent_at = VS_NEVER;
	tcp_hash_insert(p);
	tcp_state_set(p, TCP_SYN_RECEIVED);
	tcp_segment_arrives(p, in);
	return true;
}
