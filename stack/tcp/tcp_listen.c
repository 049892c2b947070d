/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Passive opens: LISTEN (RFC 9293 3.10.7.2), the children in SYN-RECEIVED, and the queue of those
 * that wait to be accepted.
 *
 * A child belongs to its listener until it is accepted. While it is an embryo nobody has it
 * (orphan, so it goes when it fails); in the queue it stays even if the peer resets it, for
 * accept() to give and the application to find out.
 */
#include "stack/tcp/tcp_impl.h"

void tcp_listen_link(struct tcp_pcb *listener, struct tcp_pcb *child)
{
	child->listener = listener;
	child->child_next = listener->children;
	if (child->child_next)
		child->child_next->child_prev = &child->child_next;
	child->child_prev = &listener->children;
	listener->children = child;
	listener->embryos++;
	child->embryo = true;
}

void tcp_listen_forget(struct tcp_pcb *child)
{
	struct tcp_pcb *listener = child->listener;

	if (!listener)
		return;
	if (child->fastopen_pending)
		listener->fastopen_count--;
	child->fastopen_pending = false;
	*child->child_prev = child->child_next;
	if (child->child_next)
		child->child_next->child_prev = child->child_prev;
	child->listener = NULL;
	if (child->embryo)
		listener->embryos--;
	child->embryo = false;
}

/* What accept() hands over behaves as its listener was told to. */
static void inherit(struct tcp_pcb *child, const struct tcp_pcb *listener)
{
	child->so.ttl = listener->so.ttl;
	child->so.tos = listener->so.tos;
	child->so.mtu_discover = listener->so.mtu_discover;
	child->so.reuse_addr = listener->so.reuse_addr;
	child->so.v6only = listener->so.v6only;
	child->nodelay = listener->nodelay;
	child->cork = listener->cork;
	child->keepalive = listener->keepalive;
	child->rcvbuf_fixed = listener->rcvbuf_fixed;
	child->sndbuf_fixed = listener->sndbuf_fixed;
	child->rcvbuf_max = listener->rcvbuf_max;
	child->sndbuf_max = listener->sndbuf_max;
	child->notsent_lowat = listener->notsent_lowat;
	child->linger_s = listener->linger_s;
	child->user_timeout_ms = listener->user_timeout_ms;
	child->keep_idle_s = listener->keep_idle_s;
	child->keep_interval_s = listener->keep_interval_s;
	child->keep_count = listener->keep_count;
	child->mss_user = listener->mss_user;
	child->linger2_s = listener->linger2_s;
	child->urgent_inline = listener->urgent_inline;
	child->fastopen_no_cookie = listener->fastopen_no_cookie;
	child->cc_index = listener->cc_index;
}

struct tcp_pcb *tcp_listen_child(struct tcp_pcb *listener, const struct tcp_in *in)
{
	struct stk *s = listener->stk;
	struct stk_socket *so = stk_socket_new(s, &tcp_proto, false);
	const struct wire_ip *ip = in->ip->ip;
	struct tcp_pcb *p;

	if (!so)
		return NULL;
	p = tcp_of(so);
	if (!p->stk && tcp_proto.open(s, so)) {
		stk_socket_free(s, so);
		return NULL;
	}
	inherit(p, listener);
	so->local = (struct stk_addr){.addr = ip->dst, .port = in->h.dst_port};
	so->remote = (struct stk_addr){.addr = ip->src, .port = in->h.src_port};
	if (wire_addr_is_link_local(&ip->src)) {
		so->remote.ifindex = (uint16_t)in->ip->ifindex;
		so->local.ifindex = (uint16_t)in->ip->ifindex;
	}
	p->orphan = true;
	p->passive = true;
	if (tcp_path_refresh(p)) {
		tcp_reap(p);
		return NULL;
	}
	return p;
}

void tcp_listen_arrives(struct tcp_pcb *listener, struct tcp_in *in)
{
	struct stk *s = listener->stk;
	struct tcp_cookie cookie;
	struct tcp_pcb *p;
	bool full, fast;

	/* First: RST. Second: ACK. Third: SYN. */
	if (in->h.flags & WIRE_TCP_RST)
		return;
	if (in->h.flags & WIRE_TCP_ACK) {
		if ((in->h.flags & WIRE_TCP_SYN) || !tcp_cookie_arrives(listener, in))
			tcp_refuse(s, in);
		return;
	}
	if (!(in->h.flags & WIRE_TCP_SYN))
		return;
	full = listener->embryos >= tcp_settings(listener)->max_syn_backlog;
	if (listener->accept_count <= listener->backlog && tcp_settings(listener)->syncookies &&
	    (full || tcp_settings(listener)->syncookies == 2)) {
		tcp_cookie_send(listener, in);
		return;
	}
	if (listener->accept_count > listener->backlog || full) {
		stk_drop(s, in->ip->ifindex, STK_TcpListenOverflows, in->f);
		in->f = NULL;
		return;
	}
	fast = tcp_fastopen_syn(listener, in, &cookie);
	p = tcp_listen_child(listener, in);
	if (!p) {
		stk_drop(s, in->ip->ifindex, STK_TcpAbortOnMemory, in->f);
		in->f = NULL;
		return;
	}
	tcp_listen_link(listener, p);
	tcp_port_share(p, listener);
	stk_count(s, STK_TcpPassiveOpens);
	tcp_choose_iss(p);
	if (in->has_iss_after) {
		p->iss = p->snd_una = p->snd_nxt = in->iss_after;
		p->snd.seq = p->iss + 1;
	}
	p->irs = in->h.seq;
	p->rcv_nxt = in->h.seq + 1;
	p->rcv_wup = p->rcv_nxt;
	p->rcv_clamp = tcp_window_initial(p);
	tcp_options_agree(p, &in->h);
	tcp_ecn_agree(p, &in->h);
	p->snd_wnd = in->h.window;
	p->snd_wnd_max = in->h.window;
	p->received_at = s->now;
	tcp_hash_insert(p);
	tcp_state_set(p, TCP_SYN_RECEIVED);
	/* Text of other SYNs is not kept: the peer sends it again after our SYN-ACK. */
	if (fast && tcp_listen_established(p))
		tcp_fastopen_child(p, in);
	tcp_send_syn_with(p, &cookie, 0);
	if (p->fastopen_child)
		tcp_wake(listener);
}

bool tcp_listen_established(struct tcp_pcb *child)
{
	struct tcp_pcb *listener = child->listener;

	if (listener->accept_count > listener->backlog) {
		stk_count(child->stk, STK_TcpListenOverflows);
		return false;
	}
	listener->embryos--;
	child->embryo = false;
	child->orphan = false;
	child->accept_next = NULL;
	if (listener->accept_last)
		listener->accept_last->accept_next = child;
	else
		listener->accept_first = child;
	listener->accept_last = child;
	listener->accept_count++;
	return true;
}

void tcp_listen_close(struct tcp_pcb *listener)
{
	struct tcp_pcb *child;

	listener->accept_first = NULL;
	listener->accept_last = NULL;
	listener->accept_count = 0;
	while ((child = listener->children)) {
		tcp_listen_forget(child);
		if (child->accepted)
			continue;
		child->orphan = true;
		tcp_abort(child, 0);
		tcp_reap(child);
	}
}
