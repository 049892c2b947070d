/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an observer sees of a connection: its variables whenever they have changed, and of each
 * segment that left again, why. Nobody looks: a branch each.
 */
#include "stack/tcp/tcp_impl.h"

const char *tcp_phase_name(enum tcp_phase phase)
{
	static const char *const names[] = {"open", "disorder", "cwr", "recovery", "loss"};

	return phase < TCP_PHASES ? names[phase] : "";
}

const char *tcp_reason_name(enum tcp_reason reason)
{
	static const char *const names[] = {NULL,   "syn", "fast", "partial", "prr",  "rescue",
					    "rack", "tlp", "rto",  "frto",    "loss", "mtu",
					    "text"};

	static_assert(sizeof(names) / sizeof(*names) == TCP_REASONS, "one name each");
	return reason < TCP_REASONS ? names[reason] : NULL;
}

enum tcp_event tcp_reason_event(enum tcp_reason reason)
{
	bool timer = reason == TCP_REASON_SYN || reason == TCP_REASON_RTO ||
		     reason == TCP_REASON_FRTO || reason == TCP_REASON_LOSS;

	return timer ? TCP_EVENT_RTO_RETRANSMIT : TCP_EVENT_FAST_RETRANSMIT;
}

enum tcp_phase tcp_phase(const struct tcp_pcb *p)
{
	switch ((enum tcp_recovery)p->recovery) {
	case TCP_RECOVERY:
		return TCP_PHASE_RECOVERY;
	case TCP_LOSS:
		return TCP_PHASE_LOSS;
	case TCP_OPEN:
		break;
	}
	if (p->ecn_on && wire_seq_lt(p->snd_una, p->cwr_seq))
		return TCP_PHASE_CWR;
	return p->board.sacked || p->dupacks ? TCP_PHASE_DISORDER : TCP_PHASE_OPEN;
}

void tcp_sample_take(struct tcp_pcb *p, enum tcp_event event, enum tcp_reason reason, uint32_t seq,
		     uint32_t len)
{
	const struct stk_conf *conf = &p->stk->conf;
	struct tcp_sample sample = {
		.connection = p->id,
		.fd = p->so.fd,
		.local = p->so.local,
		.remote = p->so.remote,
		.event = event,
		.state = p->state,
		.phase = tcp_phase(p),
		.reason = reason,
		.seq = seq,
		.len = len,
		.iss = p->iss,
		.irs = p->irs,
		.snd_una = p->snd_una,
		.snd_nxt = p->snd_nxt,
		.snd_wnd = p->snd_wnd,
		.rcv_nxt = p->rcv_nxt,
		.rcv_wnd = p->rcv_wnd,
		.cwnd = p->cwnd,
		.ssthresh = p->ssthresh,
		.in_flight = tcp_in_flight(p),
		.srtt = p->srtt,
		.rttvar = p->rttvar,
		.rto = tcp_rto(p),
		.in_recovery = p->recovery != TCP_OPEN,
	};

	conf->tcp_sample(conf->tcp_ctx, tcp_now(p), &sample);
}
