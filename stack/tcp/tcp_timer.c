/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A connection has several deadlines and one timer in the stack's heap. The timer stands at or
 * before the earliest deadline: one that moves later, as the retransmission's does with every ACK,
 * leaves the heap alone, and a timer that fires too early only looks and goes back.
 */
#include "stack/tcp/tcp_impl.h"

void tcp_deadline_set(struct tcp_pcb *p, enum tcp_deadline d, vs_time at)
{
	p->deadline[d] = at;
	if (at < p->timer.at || !vs_timer_armed(&p->timer))
		vs_timer_set(&p->stk->timers, &p->timer, at);
}

void tcp_deadlines_clear(struct tcp_pcb *p)
{
	for (unsigned d = 0; d < TCP_DEADLINES; d++)
		p->deadline[d] = VS_NEVER;
	vs_timer_cancel(&p->stk->timers, &p->timer);
}

void tcp_keepalive_restart(struct tcp_pcb *p)
{
	p->keep_probes = 0;
	if (!p->keepalive || p->state < TCP_ESTABLISHED || p->state == TCP_TIME_WAIT)
		tcp_deadline_clear(p, TCP_DEADLINE_KEEP);
	else
		tcp_deadline_set(p, TCP_DEADLINE_KEEP, p->received_at + p->keep_idle_s * VS_SEC);
}

static void give_up(struct tcp_pcb *p)
{
	stk_count(p->stk, STK_TcpAbortOnTimeout);
	tcp_close_now(p, p->soft_error ? p->soft_error : ETIMEDOUT);
}

/* RFC 9293 3.8.3: how long without an answer is too long. Counts the time-outs. */
static bool exhausted(struct tcp_pcb *p, uint32_t retries)
{
	vs_time user = p->user_timeout_ms * VS_MSEC;

	if (p->timeouts == 0 && p->state > TCP_SYN_RECEIVED)
		p->stalled_at = p->board.count ? tcp_sent_at(p, 0)->at : tcp_now(p);
	if (user && p->state > TCP_SYN_RECEIVED)
		return tcp_now(p) - p->stalled_at >= user;
	return p->timeouts >= retries;
}

/* The next time, doubled (RFC 6298 5.5), but not beyond what the user will wait. */
static void back_off(struct tcp_pcb *p)
{
	vs_time at, user = p->user_timeout_ms * VS_MSEC;

	if (p->timeouts < UINT8_MAX)
		p->timeouts++;
	if (p->backoff < 32)
		p->backoff++;
	at = tcp_now(p) + tcp_rto(p);
	if (user && p->state > TCP_SYN_RECEIVED && p->stalled_at + user < at)
		at = p->stalled_at + user;
	tcp_deadline_set(p, TCP_DEADLINE_RETRANSMIT, at);
}

/* Of what nobody holds, fewer; "net.ipv4.tcp_orphan_retries" 0 means 8, as in Linux. */
static uint32_t retries_of(const struct tcp_pcb *p)
{
	const struct tcp_settings *set = tcp_settings(p);

	if (!p->orphan)
		return set->retries2;
	return set->orphan_retries ? set->orphan_retries : 8;
}

static void probe(struct tcp_pcb *p)
{
	uint32_t nxt = p->snd_nxt;

	if (exhausted(p, retries_of(p))) {
		give_up(p);
		return;
	}
	/* A window that is there, but small, may be used now (RFC 9293 3.8.6.2.1). */
	p->push_now = true;
	tcp_output(p);
	p->push_now = false;
	if (p->snd_nxt != nxt)
		return;
	stk_count(p->stk, STK_TcpZeroWindowProbes);
	tcp_send_probe(p);
	back_off(p);
}

static void retransmit(struct tcp_pcb *p)
{
	const struct tcp_settings *set = tcp_settings(p);
	uint32_t retries = retries_of(p);

	if (p->state == TCP_SYN_SENT || p->state == TCP_SYN_RECEIVED) {
		uint32_t defer = p->bare_acked ? p->listener->defer_accept : 0;

		retries = p->passive ? set->synack_retries
				     : p->syn_count ? p->syn_count
						    : set->syn_retries;
		if (exhausted(p, tcp_max(retries, defer))) {
			tcp_fastopen_timeout(p, true);
			give_up(p);
			return;
		}
		back_off(p);
		/* Who has answered and has nothing to say is asked again only in the end. */
		if (p->timeouts < defer)
			return;
		tcp_fastopen_timeout(p, false);
		stk_count(p->stk, STK_TcpTimeouts);
		stk_count(p->stk, STK_TcpRetransSegs);
		p->account.total_retrans++;
		tcp_send_syn(p);
		tcp_sample_again(p, TCP_REASON_SYN, p->iss, 1);
		return;
	}
	if (p->probing) {
		probe(p);
		return;
	}
	if (!p->board.count)
		return;
	if (exhausted(p, retries)) {
		give_up(p);
		return;
	}
	stk_count(p->stk, STK_TcpTimeouts);
	back_off(p);
	tcp_fastopen_timeout(p, false);
	tcp_mtu_timeout(p);
	/* RFC 9293 3.8.3 (b), R1: the way itself may be dead. */
	if (p->timeouts == set->retries1)
		neigh_doubt(p->stk, tcp_now(p), &p->path);
	tcp_recovery_timeout(p);
	tcp_retransmit_first(p, p->frto == TCP_FRTO_NONE ? TCP_REASON_RTO : TCP_REASON_FRTO);
}

static void keep_alive(struct tcp_pcb *p)
{
	vs_time idle = tcp_now(p) - p->received_at, wait = p->keep_idle_s * VS_SEC;

	if (!p->keepalive)
		return;
	if (idle < wait || p->snd_nxt != p->snd_una || tcp_unsent(p)) {
		/* What waits for an ACK has its own timer. */
		tcp_deadline_set(p, TCP_DEADLINE_KEEP,
				 idle < wait ? p->received_at + wait : tcp_now(p) + wait);
		return;
	}
	if (p->user_timeout_ms ? idle >= p->user_timeout_ms * VS_MSEC && p->keep_probes
			       : p->keep_probes >= p->keep_count) {
		stk_count(p->stk, STK_TcpAbortOnTimeout);
		tcp_abort(p, p->soft_error ? p->soft_error : ETIMEDOUT);
		return;
	}
	p->keep_probes++;
	stk_count(p->stk, STK_TcpKeepAlive);
	tcp_send_probe(p);
	tcp_deadline_set(p, TCP_DEADLINE_KEEP, tcp_now(p) + p->keep_interval_s * VS_SEC);
}

static void due(struct tcp_pcb *p, enum tcp_deadline d)
{
	switch (d) {
	case TCP_DEADLINE_RETRANSMIT:
		retransmit(p);
		break;
	case TCP_DEADLINE_REORDER:
		if (p->board.count)
			tcp_recovery_reorder(p);
		break;
	case TCP_DEADLINE_PROBE:
		tcp_tlp_probe(p);
		break;
	case TCP_DEADLINE_ACK:
		if (!p->ack_delayed)
			break;
		stk_count(p->stk, STK_TcpDelayedAcks);
		p->ack_now = true;
		tcp_output(p);
		break;
	case TCP_DEADLINE_KEEP:
		keep_alive(p);
		break;
	case TCP_DEADLINE_WAIT:
		if (p->state == TCP_TIME_WAIT || p->state == TCP_FIN_WAIT_2) {
			tcp_close_now(p, 0);
			break;
		}
		/* Corked data have waited long enough. */
		p->more = false;
		p->push_now = true;
		tcp_output(p);
		p->push_now = false;
		break;
	case TCP_DEADLINES:
		break;
	}
}

void tcp_timer_fire(struct vs_timer *timer, void *ctx, vs_time now)
{
	struct tcp_pcb *p = (struct tcp_pcb *)((char *)timer - offsetof(struct tcp_pcb, timer));
	vs_time next = VS_NEVER;

	((struct stk *)ctx)->now = now;
	for (unsigned d = 0; d < TCP_DEADLINES; d++) {
		if (p->deadline[d] > now)
			continue;
		p->deadline[d] = VS_NEVER;
		due(p, d);
	}
	for (unsigned d = 0; d < TCP_DEADLINES; d++)
		next = vs_time_min(next, p->deadline[d]);
	vs_timer_set(&p->stk->timers, &p->timer, next);
	tcp_reap(p);
}
