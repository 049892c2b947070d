/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* TCP Fast Open, the client: RFC 7413 4.2.1. A SYN carries text when the peer has given a cookie
 * before (or none is needed), and asks for a cookie otherwise. What the SYN-ACK does not cover
 * leaves again at once; a SYN that leaves again is a plain one, because its text or its option may
 * be why it was lost (4.1.3.1, 7.1).
 */
#include "stack/tcp/tcp_impl.h"

#include <string.h>

/* Space that a SYN's text leaves for options, also for those that middleboxes add, as Linux does.
 */
#define OPTIONS_MAX (WIRE_TCP_LEN_MAX - WIRE_TCP_LEN)

/* After each black hole twice as long, up to 64 times (the setting is Linux's). */
static bool blackholed(const struct tcp_pcb *p)
{
	const struct tcp *t = p->stk->tcp;
	vs_time pause = t->settings.fastopen_blackhole_s * VS_SEC;

	if (!pause || !t->fastopen_holes)
		return false;
	return tcp_now(p) - t->fastopen_hole_at < pause << tcp_min(t->fastopen_holes - 1, 6);
}

/* Whether the SYN may carry text, and with which cookie; len -1: none, 0: a request. The peer's MSS
 * is that of its last SYN-ACK.
 */
static bool may_carry(struct tcp_pcb *p, struct tcp_cookie *c, uint16_t *mss)
{
	const struct tcp_metrics *m = tcp_metrics_find(p->stk, &p->so.remote.addr);

	*c = (struct tcp_cookie){.len = -1};
	if (m && m->mss)
		*mss = m->mss;
	if (blackholed(p))
		return false;
	if (p->fastopen_no_cookie || (tcp_settings(p)->fastopen & TCP_FASTOPEN_CLIENT_NO_COOKIE))
		return true;
	c->len = 0;
	if (!m)
		return false;
	if (m->cookie.len > 0) {
		*c = m->cookie;
		return true;
	}
	c->exp = m->try_exp == 1;
	return false;
}

static void send_syn(struct tcp_pcb *p, const struct tcp_cookie *c, uint32_t len)
{
	p->syn_fastopen = c->len >= 0;
	p->syn_fastopen_exp = c->exp;
	p->syn_data = len > 0;
	tcp_send_syn_with(p, c, len);
}

bool tcp_fastopen_connect(struct tcp_pcb *p)
{
	struct tcp_cookie c;
	uint16_t mss;

	if (may_carry(p, &c, &mss)) {
		/* The SYN waits for the first write. */
		p->fastopen_defer = true;
		return true;
	}
	send_syn(p, &c, 0);
	return false;
}

ptrdiff_t tcp_fastopen_send(struct tcp_pcb *p, const void *bytes, size_t len)
{
	uint16_t mss = tcp_mss_offer(p), peer = mss;
	struct tcp_cookie c;
	uint32_t room = 0;

	p->fastopen_defer = false;
	if (may_carry(p, &c, &peer)) {
		mss = peer < mss ? peer : mss;
		room = mss > OPTIONS_MAX ? mss - OPTIONS_MAX : 0;
	}
	room = len < room ? (uint32_t)len : room;
	room = tcp_sndbuf_write(p, bytes, room, false);
	if (room && !tcp_sent_push(p, p->iss + 1, p->iss + 1 + room)) {
		tcp_sndbuf_clear(p);
		room = 0;
	}
	if (room)
		tcp_sent_at(p, 0)->flags |= TCP_SENT_PUSH;
	p->snd_waits = room < len;
	send_syn(p, &c, room);
	return room ? (ptrdiff_t)room : -EINPROGRESS;
}

/* RFC 7413 4.1.3: the newest cookie and MSS count. An option that a peer ignored may be one that it
 * does not know: the other is tried once.
 */
static void remember(struct tcp_pcb *p, const struct wire_tcp *h)
{
	struct tcp_metrics *m = tcp_metrics_of(p->stk, &p->so.remote.addr);
	bool cookie = h->has_cookie && h->cookie_len && p->syn_fastopen;
	uint8_t try_exp = 0;

	if (!m)
		return;
	m->mss = p->mss_peer;
	if (cookie) {
		m->cookie.len = (int8_t)h->cookie_len;
		m->cookie.exp = h->cookie_exp;
		memcpy(m->cookie.bytes, h->cookie, h->cookie_len);
		return;
	}
	if (p->syn_fastopen && !p->syn_data && !p->timeouts)
		try_exp = p->syn_fastopen_exp ? 2 : 1;
	if (try_exp > m->try_exp && m->cookie.len <= 0)
		m->try_exp = try_exp;
}

void tcp_fastopen_answered(struct tcp_pcb *p, const struct tcp_in *in)
{
	if (!p->syn_fastopen && !p->syn_data)
		return;
	if (in->h.flags & WIRE_TCP_SYN)
		remember(p, &in->h);
}

void tcp_fastopen_acked(struct tcp_pcb *p, uint32_t ack)
{
	struct tcp *t = p->stk->tcp;

	if (!p->syn_data)
		return;
	if (wire_seq_lt(p->snd_una, ack)) {
		tcp_sent_acked(p, ack);
		tcp_sndbuf_acked(p, ack);
		p->snd_una = ack;
	}
	if (!p->board.count) {
		p->syn_data_acked = true;
		t->fastopen_holes = 0;
		stk_count(p->stk, STK_TcpFastOpenActive);
		return;
	}
	stk_count(p->stk, STK_TcpFastOpenActiveFail);
	for (uint32_t i = 0; i < p->board.count;)
		i = tcp_resend_all(p, i, TCP_REASON_TEXT);
}

/* Called at every timeout: the second without an answer tells that something on the way swallows
 * what comes after, or with, a SYN's text (RFC 7413 4.1.3.1).
 */
void tcp_fastopen_timeout(struct tcp_pcb *p, bool last)
{
	struct tcp *t = p->stk->tcp;

	if (!(p->syn_fastopen || p->syn_data) || !t->settings.fastopen_blackhole_s)
		return;
	if (p->timeouts != 2 && !(last && p->timeouts < 2))
		return;
	t->fastopen_holes++;
	t->fastopen_hole_at = tcp_now(p);
	stk_count(p->stk, STK_TcpFastOpenBlackhole);
}
