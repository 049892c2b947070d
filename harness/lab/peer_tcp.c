/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a peer keeps of a connection, and segments made by hand. The bookkeeping is honest, so that
 * the acts have something to lie about: what arrived, what was offered, what came again.
 */
#include <stdlib.h>
#include <string.h>

#include "core/wire/bytes.h"
#include "core/wire/ip.h"
#include "harness/lab/app.h"
#include "harness/lab/peer.h"

#define WSCALE	   7
#define RESEND	   VS_SEC
#define OPTIONS	   20 /* bytes of an act's garbage */
#define TIMESTAMPS ((uint32_t)1 << 30) /* where the peer's clock stands at 0 */

static struct peer_conn *conn_find(struct lab_peer *p, const struct wire_ip *ip,
				   const struct wire_tcp *h)
{
	struct peer_conn *c;

	for (c = p->conns; c; c = c->next)
		if (c->local_port == h->dst_port && c->remote_port == h->src_port &&
		    wire_addr_equal(&c->remote, &ip->src) && wire_addr_equal(&c->local, &ip->dst))
			return c;
	return NULL;
}

void peer_tcp_free(struct lab_peer *p)
{
	while (p->conns) {
		struct peer_conn *c = p->conns;

		p->conns = c->next;
		free(c);
	}
}

void peer_window(struct peer_conn *c, uint32_t bytes)
{
	c->window = bytes;
}

/* Fills in the window, and remembers what it promises. */
static void offer(struct peer_conn *c, struct wire_tcp *h)
{
	uint32_t field = c->window >> c->rcv_wscale;

	if (h->flags & WIRE_TCP_SYN)
		field = c->window;
	h->window = (uint16_t)(field < 65535 ? field : 65535);
	field = (uint32_t)h->window << (h->flags & WIRE_TCP_SYN ? 0 : c->rcv_wscale);
	if (wire_seq_lt(c->edge, h->ack + field))
		c->edge = h->ack + field;
}

void peer_segment_send(struct lab_peer *p, vs_time now, struct peer_conn *c,
		       const struct peer_segment *segment)
{
	struct vsq_lab *lab = p->node->lab;
	struct wire_tcp h = segment->h;
	uint8_t garbage[OPTIONS];
	uint32_t extra = peer_act_garbage(c, garbage);
	struct vs_frame *f;
	size_t header;

	h.src_port = c->local_port;
	h.dst_port = c->remote_port;
	if (c->ts_on) {
		h.has_timestamp = true;
		h.ts_val = TIMESTAMPS + (uint32_t)(now / VS_MSEC);
		if (segment->stale)
			h.ts_val -= 1 << 20;
		h.ts_ecr = c->ts_recent;
	}
	if (h.flags & WIRE_TCP_ACK)
		offer(c, &h);
	header = wire_tcp_len(&h);
	f = vs_frame_new(lab->pool, header + extra + segment->len, 0);
	if (!f)
		return;
	wire_tcp_emit(f->data, &h);
	memcpy(f->data + header, garbage, extra);
	f->data[12] = (uint8_t)((header + extra) / 4 << 4);
	header += extra;
	if (segment->rubbish)
		memset(f->data + header, 0xbd, segment->len);
	else if (segment->len)
		memcpy(f->data + header, lab_pattern(lab, h.seq - c->iss - 1), segment->len);
	peer_count(p, PEER_SegsOut);
	peer_send(p, &c->local, &c->remote, c->mac, WIRE_PROTO_TCP, 0, f);
}

void peer_ack(struct lab_peer *p, vs_time now, struct peer_conn *c, uint32_t ack)
{
	struct peer_segment s = {.h = {.seq = c->snd_nxt, .ack = ack, .flags = WIRE_TCP_ACK}};

	if (c->play->act == LAB_ACT_ECHO_CE && c->ecn_on)
		s.h.flags |= WIRE_TCP_ECE;
	if (c->sack_on && c->play->act == LAB_ACT_FALSE_DSACK)
		s.h.sack[s.h.sacks++] = c->last;
	for (unsigned i = 0; c->sack_on && i < c->early_count && s.h.sacks < 3; i++)
		s.h.sack[s.h.sacks++] = c->early[i];
	c->unacked = 0;
	c->ack_at = VS_NEVER;
	peer_segment_send(p, now, c, &s);
}

/* Everything of the response that fits the other side's window, from snd_nxt on; then the end. */
static void send_response(struct lab_peer *p, vs_time now, struct peer_conn *c)
{
	uint32_t end = c->iss + 1 + (uint32_t)c->play->response;
	uint32_t mss = c->play->mss - (c->ts_on ? 12 : 0);
	struct lab_app *app = c->play->app;

	while (wire_seq_lt(c->snd_nxt, end)) {
		uint32_t room = c->snd_una + c->snd_wnd - c->snd_nxt, len = end - c->snd_nxt;
		struct peer_segment s = {
			.h = {.seq = c->snd_nxt, .ack = c->rcv_nxt, .flags = WIRE_TCP_ACK}};

		len = len < mss ? len : mss;
		if ((int32_t)room < (int32_t)len)
			break;
		s.len = len;
		peer_segment_send(p, now, c, &s);
		c->snd_nxt += len;
		if (app->back_sent < c->snd_nxt - c->iss - 1)
			app->back_sent = c->snd_nxt - c->iss - 1;
	}
	if (c->fin_in && !c->fin_out && c->snd_nxt == end && peer_act_closes(c)) {
		struct peer_segment s = {.h = {.seq = c->snd_nxt,
					       .ack = c->rcv_nxt,
					       .flags = WIRE_TCP_ACK | WIRE_TCP_FIN}};

		peer_segment_send(p, now, c, &s);
		c->fin_out = true;
		c->snd_nxt++;
	}
	if (c->snd_nxt == c->snd_una)
		c->resend_at = VS_NEVER;
	else if (c->resend_at == VS_NEVER)
		c->resend_at = now + RESEND;
}

static void refuse(struct lab_peer *p, vs_time now, const struct wire_ip *ip,
		   const struct wire_tcp *in, const uint8_t *mac, uint32_t end)
{
	struct peer_conn nobody = {.local = ip->dst,
				   .remote = ip->src,
				   .local_port = in->dst_port,
				   .remote_port = in->src_port};
	struct peer_segment s = {.h = {.seq = in->ack, .ack = end, .flags = WIRE_TCP_RST}};

	if (!(in->flags & WIRE_TCP_ACK)) {
		s.h.seq = 0;
		s.h.flags |= WIRE_TCP_ACK;
	}
	memcpy(nobody.mac, mac, sizeof(nobody.mac));
	peer_segment_send(p, now, &nobody, &s);
}

static void send_syn_ack(struct lab_peer *p, vs_time now, struct peer_conn *c,
			 const struct wire_tcp *syn)
{
	struct peer_segment s = {.h = {.seq = c->iss,
				       .ack = c->rcv_nxt,
				       .flags = WIRE_TCP_SYN | WIRE_TCP_ACK,
				       .has_mss = true,
				       .mss = c->play->mss}};

	s.h.sack_permitted = c->sack_on;
	s.h.has_wscale = syn->has_wscale;
	s.h.wscale = c->rcv_wscale;
	if (c->ecn_on)
		s.h.flags |= WIRE_TCP_ECE;
	peer_segment_send(p, now, c, &s);
}

static void syn_arrives(struct lab_peer *p, vs_time now, const struct wire_ip *ip,
			const struct wire_tcp *h, const uint8_t *mac)
{
	struct lab_role_play *play = p->plays;
	struct peer_conn *c;

	while (play && play->port != h->dst_port)
		play = play->next;
	if (!play) {
		refuse(p, now, ip, h, mac, h->seq + 1);
		return;
	}
	c = calloc(1, sizeof(*c));
	if (!c)
		return;
	*c = (struct peer_conn){
		.next = p->conns,
		.play = play,
		.local = ip->dst,
		.remote = ip->src,
		.local_port = h->dst_port,
		.remote_port = h->src_port,
		.ts_on = h->has_timestamp,
		.sack_on = h->sack_permitted,
		.ecn_on = play->act == LAB_ACT_ECHO_CE && (h->flags & WIRE_TCP_ECE),
		.snd_wscale = h->has_wscale ? h->wscale : 0,
		.rcv_wscale = h->has_wscale && play->window > 65535 ? WSCALE : 0,
		.irs = h->seq,
		.rcv_nxt = h->seq + 1,
		.edge = h->seq + 1,
		.iss = h->seq ^ 0x5a5a5a5a,
		.snd_wnd = h->window,
		.ts_recent = h->ts_val,
		.window = play->window,
		.ack_at = VS_NEVER,
		.act_at = VS_NEVER,
		.resend_at = VS_NEVER,
	};
	c->snd_una = c->iss;
	c->snd_nxt = c->iss + 1;
	memcpy(c->mac, mac, sizeof(c->mac));
	p->conns = c;
	send_syn_ack(p, now, c, h);
}

/* Notes a range behind a gap; the newest is told first (RFC 2018 4). */
static void early_add(struct peer_conn *c, uint32_t left, uint32_t right)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < c->early_count; i++) {
		struct wire_tcp_sack e = c->early[i];

		if (wire_seq_leq(e.left, right) && wire_seq_leq(left, e.right)) {
			left = wire_seq_lt(e.left, left) ? e.left : left;
			right = wire_seq_lt(right, e.right) ? e.right : right;
		} else {
			c->early[kept++] = e;
		}
	}
	if (kept == PEER_EARLY)
		kept--;
	memmove(c->early + 1, c->early, kept * sizeof(c->early[0]));
	c->early[0] = (struct wire_tcp_sack){left, right};
	c->early_count = kept + 1;
}

/* Moves rcv_nxt over what has been waiting. */
static void early_take(struct peer_conn *c)
{
	for (unsigned i = 0; i < c->early_count;) {
		struct wire_tcp_sack e = c->early[i];

		if (wire_seq_lt(c->rcv_nxt, e.left)) {
			i++;
			continue;
		}
		if (wire_seq_lt(c->rcv_nxt, e.right))
			c->rcv_nxt = e.right;
		c->early[i] = c->early[--c->early_count];
		i = 0;
	}
}

static bool came_before(const struct peer_conn *c, uint32_t left, uint32_t right)
{
	if (wire_seq_leq(right, c->rcv_nxt))
		return true;
	for (unsigned i = 0; i < c->early_count; i++)
		if (wire_seq_leq(c->early[i].left, left) && wire_seq_leq(right, c->early[i].right))
			return true;
	return false;
}

static void count_data(struct lab_peer *p, const struct peer_conn *c, const struct wire_tcp *h,
		       uint32_t len)
{
	/* Timestamps and SACK blocks take their part of a full one. */
	uint32_t full = c->play->mss > 80 ? c->play->mss - 40u : c->play->mss;

	peer_count(p, PEER_DataIn);
	if (came_before(c, h->seq, h->seq + len))
		peer_count(p, PEER_Repeated);
	if (wire_seq_lt(c->edge, h->seq + len))
		peer_count(p, PEER_BeyondWindow);
	if (len < full && !(h->flags & (WIRE_TCP_PSH | WIRE_TCP_FIN)))
		peer_count(p, PEER_Small);
}

static void data_arrive(struct lab_peer *p, vs_time now, struct peer_conn *c,
			const struct wire_tcp *h, const uint8_t *bytes, uint32_t len)
{
	uint32_t before = c->rcv_nxt, left = h->seq, right = h->seq + len;
	struct lab_app *app = c->play->app;

	if (len) {
		c->segments++;
		c->unacked++;
		c->last = (struct wire_tcp_sack){left, right};
		count_data(p, c, h, len);
		app->corrupted +=
			!!memcmp(bytes, lab_pattern(app->lab, left - c->irs - 1), len);
	}
	if (wire_seq_lt(c->edge, right))
		right = c->edge; /* the rest was not asked for */
	if (wire_seq_leq(left, c->rcv_nxt)) {
		if (wire_seq_lt(c->rcv_nxt, right))
			c->rcv_nxt = right;
		early_take(c);
	} else if (wire_seq_lt(left, right)) {
		early_add(c, left, right);
	}
	app->bytes_received += c->rcv_nxt - before;
	lab_bins_add(&app->goodput, now, (double)(c->rcv_nxt - before) * 8);
	if (h->flags & WIRE_TCP_FIN) {
		c->fin_known = true;
		c->fin_seq = h->seq + len;
	}
	if (c->fin_known && !c->fin_in && c->rcv_nxt == c->fin_seq) {
		c->rcv_nxt++;
		c->fin_in = true;
	}
	peer_act_data(p, now, c, c->rcv_nxt != before);
}

static void ack_arrives(struct peer_conn *c, const struct wire_tcp *h)
{
	c->snd_wnd = (uint32_t)h->window << c->snd_wscale;
	if (wire_seq_lt(c->snd_una, h->ack) && wire_seq_leq(h->ack, c->snd_nxt)) {
		c->snd_una = h->ack;
		c->resend_at = VS_NEVER; /* what is left waits anew */
	}
	if (c->fin_out && c->snd_una == c->snd_nxt)
		c->closed = true;
}

static void count(struct lab_peer *p, const struct wire_ip *ip, const struct wire_tcp *h,
		  uint32_t len)
{
	peer_count(p, PEER_SegsIn);
	p->counters[PEER_SynsIn] += !!(h->flags & WIRE_TCP_SYN);
	p->counters[PEER_FinsIn] += !!(h->flags & WIRE_TCP_FIN);
	p->counters[PEER_RstsIn] += !!(h->flags & WIRE_TCP_RST);
	p->counters[PEER_CeIn] += (ip->tclass & 3) == WIRE_ECN_CE;
	if (!(h->flags & WIRE_TCP_SYN)) {
		p->counters[PEER_EceIn] += !!(h->flags & WIRE_TCP_ECE);
		p->counters[PEER_CwrIn] += !!(h->flags & WIRE_TCP_CWR);
	}
	if (h->sacks)
		peer_count(p, PEER_SacksIn);
	if (!len && !(h->flags & (WIRE_TCP_SYN | WIRE_TCP_FIN | WIRE_TCP_RST)))
		peer_count(p, PEER_AcksIn);
}

void peer_tcp_input(struct lab_peer *p, vs_time now, const struct wire_ip *ip, const uint8_t *mac,
		    const uint8_t *bytes, size_t size)
{
	struct wire_tcp h;
	int header = wire_tcp_parse(&h, bytes, size);
	struct peer_conn *c;
	uint32_t len;

	if (header < 0)
		return;
	len = (uint32_t)size - (uint32_t)header;
	count(p, ip, &h, len);
	c = conn_find(p, ip, &h);
	if (!c) {
		if ((h.flags & (WIRE_TCP_SYN | WIRE_TCP_ACK)) == WIRE_TCP_SYN)
			syn_arrives(p, now, ip, &h, mac);
		else if (!(h.flags & (WIRE_TCP_SYN | WIRE_TCP_RST)))
			refuse(p, now, ip, &h, mac, h.seq + len);
		else
			peer_count(p, PEER_Unwanted);
		return;
	}
	if (h.has_timestamp && wire_seq_leq(c->ts_recent, h.ts_val) &&
	    wire_seq_leq(h.seq, c->rcv_nxt))
		c->ts_recent = h.ts_val;
	if (h.flags & WIRE_TCP_SYN) {
		send_syn_ack(p, now, c, &h);
		return;
	}
	if (h.flags & WIRE_TCP_RST) {
		c->closed = true;
		c->ack_at = c->act_at = c->resend_at = VS_NEVER;
		return;
	}
	if (c->closed && c->acted && c->play->act == LAB_ACT_FORGET) {
		refuse(p, now, ip, &h, mac, h.seq + len);
		return;
	}
	ack_arrives(c, &h);
	if (len || (h.flags & WIRE_TCP_FIN)) {
		data_arrive(p, now, c, &h, bytes + header, len);
	} else if (h.seq != c->rcv_nxt) {
		/* A probe, of a window or of the connection: it wants an answer. */
		peer_count(p, PEER_ProbesIn);
		if (peer_act_answers(c))
			peer_ack(p, now, c, c->rcv_nxt);
	}
	if (!c->closed)
		send_response(p, now, c);
}

void peer_tcp_run(struct lab_peer *p, vs_time now)
{
	for (struct peer_conn *c = p->conns; c; c = c->next) {
		if (c->act_at <= now) {
			c->act_at = VS_NEVER;
			peer_act_due(p, now, c);
		}
		if (c->ack_at <= now)
			peer_ack(p, now, c, c->rcv_nxt);
		if (c->resend_at <= now) {
			c->snd_nxt = c->snd_una;
			c->fin_out = false;
			c->resend_at = VS_NEVER;
			send_response(p, now, c);
		}
	}
}

vs_time peer_tcp_poll_at(const struct lab_peer *p)
{
	vs_time at = VS_NEVER;

	for (const struct peer_conn *c = p->conns; c; c = c->next) {
		at = vs_time_min(at, c->ack_at);
		at = vs_time_min(at, c->act_at);
		at = vs_time_min(at, c->resend_at);
	}
	return at;
}
