/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What applications call: RFC 9293 3.10.1-3.10.6, as sockets. */
#include "stack/tcp/tcp_impl.h"

#include <string.h>

static int tcp_open(struct stk *s, struct stk_socket *so)
{
	struct tcp_pcb *p = tcp_of(so);
	int error;

	if (p->stk)
		return 0;
	error = vs_timer_add(&s->timers, &p->timer, tcp_timer_fire);
	if (error)
		return error;
	tcp_pcb_init(s, p);
	return 0;
}

static int tcp_bind(struct stk *s, struct stk_socket *so, const struct stk_addr *addr)
{
	struct tcp_pcb *p = tcp_of(so);

	(void)s;
	if (p->state != TCP_CLOSED || p->port)
		return -EINVAL;
	return tcp_port_bind(p, addr);
}

static int tcp_listen(struct stk *s, struct stk_socket *so, int backlog)
{
	struct tcp_pcb *p = tcp_of(so);

	(void)s;
	if (p->state != TCP_CLOSED && p->state != TCP_LISTEN)
		return -EINVAL;
	p->backlog = backlog < 0 ? 0 : (uint32_t)backlog;
	if (!p->fastopen_max && (tcp_settings(p)->fastopen & TCP_FASTOPEN_SERVER) &&
	    (tcp_settings(p)->fastopen & TCP_FASTOPEN_SERVER_ALL))
		p->fastopen_max = p->backlog;
	if (p->state == TCP_LISTEN)
		return 0;
	if (!p->port) {
		int error = tcp_port_bind(p, &so->local);

		if (error)
			return error;
	} else if (!tcp_port_may_listen(p)) {
		return -EADDRINUSE;
	}
	p->children = p->accept_first = p->accept_last = NULL;
	p->accept_count = p->embryos = 0;
	p->fastopen_count = p->fastopen_resets = 0;
	tcp_state_set(p, TCP_LISTEN);
	tcp_listener_insert(p);
	return 0;
}

/* RFC 9293 3.10.1, but for the SYN. */
static int start_connect(struct stk *s, struct stk_socket *so, const struct stk_addr *to)
{
	struct tcp_pcb *p = tcp_of(so);
	struct wire_addr bound = so->local.addr;
	struct tcp_wait *w;
	int error;

	if (p->fastopen_defer)
		return -EISCONN;
	if (p->state == TCP_SYN_SENT || p->state == TCP_SYN_RECEIVED)
		return -EALREADY;
	if (p->state != TCP_CLOSED)
		return p->state == TCP_LISTEN ? -EOPNOTSUPP : -EISCONN;
	/* RFC 9293 3.9.2.3: a connection is with one other. */
	if (wire_addr_is_any(&to->addr) || wire_addr_is_multicast(&to->addr) ||
	    ip_is_broadcast(s, 0, &to->addr) || !to->port)
		return -ENETUNREACH;
	if (wire_addr_is4(&to->addr) && so->v6only)
		return -ENETUNREACH;
	error = ip_path_find(s, &to->addr, &bound, to->ifindex, &p->path);
	if (error)
		return error;
	so->remote = *to;
	so->local.addr = p->path.src;
	error = 0;
	if (!p->port)
		error = tcp_port_connect(p);
	else if (tcp_port_taken(p, so->local.port))
		error = -EADDRNOTAVAIL;
	if (error) {
		so->local.addr = bound;
		memset(&so->remote, 0, sizeof(so->remote));
		return error;
	}
	tcp_choose_iss(p);
	w = tcp_wait_find(s, &so->local.addr, so->local.port, &to->addr, to->port);
	if (w)
		tcp_wait_reuse(p, w);
	p->rcv_clamp = tcp_window_initial(p);
	p->snd_shut = false;
	p->fin_received = false;
	tcp_rtt_init(p);
	tcp_hash_insert(p);
	stk_count(s, STK_TcpActiveOpens);
	tcp_state_set(p, TCP_SYN_SENT);
	return 0;
}

static int tcp_connect(struct stk *s, vs_time now, struct stk_socket *so, const struct stk_addr *to)
{
	struct tcp_pcb *p = tcp_of(so);
	int error;

	s->now = now;
	error = start_connect(s, so, to);
	if (error)
		return error;
	if (!p->fastopen_connect)
		tcp_send_syn(p);
	else if (tcp_fastopen_connect(p))
		return 0;
	return -EINPROGRESS;
}

/* connect() and write() in one, RFC 7413 4.2.1; not for a connection that is there already. */
static ptrdiff_t send_fast(struct stk *s, struct stk_socket *so, const void *bytes, size_t len,
			   const struct stk_addr *to)
{
	struct tcp_pcb *p = tcp_of(so);

	if (!(tcp_settings(p)->fastopen & TCP_FASTOPEN_CLIENT))
		return -EOPNOTSUPP;
	if (!p->fastopen_defer) {
		int error = to ? start_connect(s, so, to) : -EINVAL;

		if (error)
			return error;
	}
	return tcp_fastopen_send(p, bytes, len);
}

static int tcp_accept(struct stk *s, vs_time now, struct stk_socket *so, struct stk_addr *peer)
{
	struct tcp_pcb *p = tcp_of(so), *child = p->accept_first;
	int fd;

	s->now = now;
	if (p->state != TCP_LISTEN)
		return -EINVAL;
	if (!child)
		return -EAGAIN;
	fd = stk_socket_number(s, &child->so);
	if (fd < 0)
		return fd;
	p->accept_first = child->accept_next;
	if (!p->accept_first)
		p->accept_last = NULL;
	p->accept_count--;
	child->accepted = true;
	if (!child->fastopen_pending)
		tcp_listen_forget(child);
	if (peer)
		*peer = child->so.remote;
	tcp_wake(child);
	if (p->accept_first)
		tcp_wake(p);
	return fd;
}


static bool may_write(const struct tcp_pcb *p)
{
	return p->state == TCP_ESTABLISHED || p->state == TCP_CLOSE_WAIT ||
	       (p->state == TCP_SYN_RECEIVED && p->fastopen_child);
}

/* How many bytes are gathered at the tail before more is asked for: half of the peer's largest
 * window, whole segments.
 */
static uint32_t write_goal(const struct tcp_pcb *p)
{
	uint32_t half = p->snd_wnd_max / 2, goal = half ? tcp_min(half, 65535) : 65535;

	return p->mss && goal > p->mss ? goal / p->mss * p->mss : tcp_max(p->mss, 1);
}

/* As in Linux, the limits of the buffer decide whether a new tail may begin, and a tail that has
 * begun is filled: so what a write takes at most does not depend on how it is cut into writes.
 */
static ptrdiff_t tcp_write(struct tcp_pcb *p, const uint8_t *bytes, size_t len, int flags)
{
	uint32_t goal = write_goal(p), end = p->snd.seq + p->snd.len;
	size_t done = 0;

	while (done < len) {
		uint32_t from = wire_seq_lt(p->snd_tail, p->snd_nxt) ? p->snd_nxt : p->snd_tail;
		uint32_t tail = tcp_unsent(p) ? end - from : 0, part;

		if (!tail || tail >= goal) {
			if (!tcp_room_to_send(p))
				break;
			p->snd_tail = end;
			tail = 0;
		}
		part = len - done < goal - tail ? (uint32_t)(len - done) : goal - tail;
		part = tcp_sndbuf_write(p, bytes + done, part, flags & STK_MSG_CONST);
		if (!part)
			return done ? (ptrdiff_t)done : -ENOMEM;
		done += part;
		end += part;
		p->more = done < len || (flags & STK_MSG_MORE);
		if (done < len)
			tcp_output(p);
	}
	p->snd_waits = done < len;
	p->more = flags & STK_MSG_MORE;
	if (!done && len)
		return -EAGAIN;
	if ((flags & STK_MSG_EOR) && done == len)
		tcp_eor_write(p);
	if ((flags & STK_MSG_OOB) && done)
		tcp_urgent_write(p);
	tcp_output(p);
	return (ptrdiff_t)done;
}

static ptrdiff_t tcp_send(struct stk *s, vs_time now, struct stk_socket *so, const void *bytes,
			  size_t len, int flags, const struct stk_addr *to)
{
	struct tcp_pcb *p = tcp_of(so);
	s->now = now;
	if (so->error) {
		int error = so->error;

		so->error = 0;
		return -error;
	}
	if (p->fastopen_defer || ((flags & STK_MSG_FASTOPEN) && !p->snd_shut &&
				  (p->state == TCP_CLOSED || p->state == TCP_SYN_SENT)))
		return send_fast(s, so, bytes, len, to);
	if (p->state == TCP_SYN_SENT || (p->state == TCP_SYN_RECEIVED && !p->fastopen_child)) {
		p->snd_waits = true;
		return -EAGAIN;
	}
	if (p->snd_shut || !may_write(p))
		return -EPIPE;
	return tcp_write(p, bytes, len, flags);
}

/* Reading makes room: the peer is told when the window has at least doubled, by two segments or
 * half the buffer (RFC 9293 3.8.6.2.2).
 */
static void window_update(struct tcp_pcb *p)
{
	uint32_t space = tcp_min(tcp_rcv_space(p), p->rcv_clamp);

	if (p->state != TCP_ESTABLISHED && p->state != TCP_FIN_WAIT_1 && p->state != TCP_FIN_WAIT_2)
		return;
	if (p->fin_received || space < 2 * p->rcv_wnd ||
	    space - p->rcv_wnd <
		    tcp_min(tcp_min(2u * p->mss_rcv, p->rcv_clamp), p->rcvbuf_max / 2))
		return;
	p->ack_now = true;
	tcp_output(p);
}

static ptrdiff_t tcp_recv(struct stk *s, vs_time now, struct stk_socket *so, void *bytes,
			  size_t len, int flags, struct stk_addr *from)
{
	struct tcp_pcb *p = tcp_of(so);
	size_t done;

	s->now = now;
	if (from)
		*from = so->remote;
	if (p->state == TCP_LISTEN)
		return -ENOTCONN;
	if (flags & STK_MSG_OOB)
		return tcp_urgent_recv(p, bytes, len, flags & STK_MSG_PEEK);
	done = tcp_urgent_read(p, bytes, len, flags & STK_MSG_PEEK);
	if (done) {
		if (!(flags & STK_MSG_PEEK)) {
			tcp_tune_read(p, done);
			window_update(p);
		}
		return (ptrdiff_t)done;
	}
	if (p->fin_received || p->rcv_shut || !len)
		return 0;
	if (so->error) {
		int error = so->error;

		so->error = 0;
		return -error;
	}
	if (p->state == TCP_CLOSED)
		return p->so.remote.port ? 0 : -ENOTCONN;
	return -EAGAIN;
}

/* No more will be written: RFC 9293 3.10.4, CLOSE. */
static void shut_send(struct tcp_pcb *p)
{
	p->snd_shut = true;
	p->more = false;
	p->cork = false;
	switch ((enum tcp_state)p->state) {
	case TCP_ESTABLISHED:
		tcp_deadline_clear(p, TCP_DEADLINE_WAIT);
		tcp_state_set(p, TCP_FIN_WAIT_1);
		break;
	case TCP_CLOSE_WAIT:
		tcp_deadline_clear(p, TCP_DEADLINE_WAIT);
		tcp_state_set(p, TCP_LAST_ACK);
		break;
	case TCP_CLOSED:
	case TCP_LISTEN:
	case TCP_SYN_SENT:
	case TCP_SYN_RECEIVED:
	case TCP_FIN_WAIT_1:
	case TCP_FIN_WAIT_2:
	case TCP_CLOSING:
	case TCP_LAST_ACK:
	case TCP_TIME_WAIT:
		break;
	}
	tcp_output(p);
}

static int tcp_shutdown(struct stk *s, vs_time now, struct stk_socket *so, int how)
{
	struct tcp_pcb *p = tcp_of(so);

	s->now = now;
	if (p->state == TCP_CLOSED || p->state == TCP_LISTEN || p->state == TCP_SYN_SENT)
		return -ENOTCONN;
	if (how != STK_SHUT_RD && how != STK_SHUT_WR && how != STK_SHUT_RDWR)
		return -EINVAL;
	if (how != STK_SHUT_WR) {
		p->rcv_shut = true;
		tcp_rcvbuf_read(p, NULL, SIZE_MAX, false);
	}
	if (how != STK_SHUT_RD && !p->snd_shut)
		shut_send(p);
	tcp_wake(p);
	return 0;
}

static void tcp_close(struct stk *s, vs_time now, struct stk_socket *so)
{
	struct tcp_pcb *p = tcp_of(so);
	bool unread = p->rcv.ready_bytes > 0;

	s->now = now;
	p->orphan = true;
	p->keepalive = false;
	switch ((enum tcp_state)p->state) {
	case TCP_CLOSED:
		tcp_port_release(p);
		break;
	case TCP_LISTEN:
		tcp_listen_close(p);
		tcp_close_now(p, 0);
		break;
	case TCP_SYN_SENT:
		tcp_close_now(p, 0);
		break;
	case TCP_TIME_WAIT:
		/* The small rest lasts as long as it would have, and a little longer. */
		tcp_time_wait_orphaned(p);
		break;
	case TCP_SYN_RECEIVED:
	case TCP_ESTABLISHED:
	case TCP_FIN_WAIT_1:
	case TCP_FIN_WAIT_2:
	case TCP_CLOSE_WAIT:
	case TCP_CLOSING:
	case TCP_LAST_ACK:
		/* What was not read is lost: the peer must not believe otherwise (RFC 2525 2.17).
		 */
		if (unread || p->linger_s == 0 || s->tcp->orphans >= tcp_settings(p)->max_orphans) {
			tcp_abort(p, 0);
			break;
		}
		p->orphan_counted = true;
		s->tcp->orphans++;
		if (p->state == TCP_FIN_WAIT_2)
			tcp_fin_wait_2_orphaned(p);
		if (!p->snd_shut)
			shut_send(p);
		break;
	}
	tcp_reap(p);
}

static unsigned tcp_readiness(const struct stk *s, const struct stk_socket *so)
{
	const struct tcp_pcb *p = tcp_of(so);
	bool closed = p->state == TCP_CLOSED && so->remote.port;
	unsigned ready = 0;

	(void)s;
	if (p->state == TCP_LISTEN)
		return p->accept_first ? STK_IN : 0;
	if (so->error)
		ready |= STK_ERR;
	if (tcp_urgent_readable(p) || p->fin_received || p->rcv_shut || closed || so->error)
		ready |= STK_IN;
	if (p->urgent == TCP_URGENT_HERE)
		ready |= STK_PRI;
	if (closed || so->error || p->fastopen_defer ||
	    (may_write(p) && !p->snd_shut && tcp_writable(p)))
		ready |= STK_OUT;
	if (closed || p->state == TCP_TIME_WAIT || (p->snd_shut && p->fin_received))
		ready |= STK_HUP;
	return ready;
}

static void tcp_abandon(struct stk *s, struct stk_socket *so)
{
	struct tcp_pcb *p = tcp_of(so);

	if (!p->stk)
		return;
	tcp_hash_remove(p);
	tcp_port_release(p);
	tcp_rcvbuf_clear(p);
	tcp_sndbuf_clear(p);
	tcp_sent_clear(p);
	tcp_fastopen_key_free(p);
	tcp_eor_clear(p);
	vs_timer_remove(&s->timers, &p->timer);
	p->state = TCP_CLOSED;
	p->stk = NULL;
}

const struct stk_proto tcp_proto = {
	.name = "TCP",
	.size = sizeof(struct tcp_pcb),
	.open = tcp_open,
	.bind = tcp_bind,
	.listen = tcp_listen,
	.connect = tcp_connect,
	.accept = tcp_accept,
	.send = tcp_send,
	.recv = tcp_recv,
	.shutdown = tcp_shutdown,
	.close = tcp_close,
	.option_set = tcp_option_set,
	.option_get = tcp_option_get,
	.readiness = tcp_readiness,
	.abandon = tcp_abandon,
};
