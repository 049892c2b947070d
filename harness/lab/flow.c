/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Flows: what one TCP connection is seen doing, from its sender's samples and from frames dropped
 * on cables. Sequence numbers are relative to the first byte of the stream.
 */
#include "harness/lab/flow.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/wire/eth.h"
#include "core/wire/ip.h"
#include "core/wire/tcp.h"
#include "harness/lab/app.h"
#include "harness/lab/lab.h"

static const char *const series_names[] = {
	"cwnd", "ssthresh", "in_flight",       "srtt",		 "rto",	 "seq",	  "ack",
	"rtt",	"window",   "retransmit_fast", "retransmit_rto", "lost", "state", "phase",
};

enum {
	CWND,
	SSTHRESH,
	IN_FLIGHT,
	SRTT,
	RTO,
	SEQ,
	ACK,
	RTT,
	WINDOW,
	FAST,
	TIMEOUT,
	LOST,
	STATE,
	PHASE,
};

static_assert(sizeof(series_names) / sizeof(series_names[0]) == LAB_FLOW_PLAIN, "one name each");

/* "cwnd" ...; those of reasons follow as "resent.fast" ... */
const char *lab_flow_series_name(unsigned i, char text[LAB_FLOW_NAME])
{
	if (i >= LAB_FLOW_SERIES)
		return NULL;
	if (i < LAB_FLOW_PLAIN)
		return series_names[i];
	snprintf(text, LAB_FLOW_NAME, "resent.%s", tcp_reason_name(i - LAB_FLOW_PLAIN + 1));
	return text;
}

struct lab_series *lab_flow_series(struct lab_flow *flow, const char *name)
{
	char text[LAB_FLOW_NAME];

	for (unsigned i = 0; i < LAB_FLOW_SERIES; i++)
		if (!strcmp(lab_flow_series_name(i, text), name))
			return &flow->series[i];
	return NULL;
}

/* Points of each series of a flow: with many flows fewer, so that a run's memory stays bounded and
 * what is written again and again stays in the processor's cache.
 */
static unsigned flow_points(const struct vsq_lab *lab)
{
	unsigned points = LAB_SERIES_POINTS;

	while (points > 1024 && (uint64_t)points * lab->apps.count > 16 * LAB_SERIES_POINTS)
		points /= 2;
	return points;
}

struct lab_flow *lab_flow_new(struct lab_app *app, struct lab_node *node, int fd)
{
	struct lab_flow *flow;

	if ((unsigned)fd >= node->sockets_size)
		return NULL;
	flow = calloc(1, sizeof(*flow));
	if (!flow)
		return NULL;
	flow->app = app;
	flow->node = node;
	for (unsigned i = 0; i < LAB_FLOW_SERIES; i++)
		flow->series[i].max = flow_points(node->lab);
	flow->next = node->flows;
	node->flows = flow;
	node->sockets[fd].flow = flow;
	return flow;
}

void lab_flow_detach(struct lab_flow *flow)
{
	struct lab_flow **link;

	if (!flow->node)
		return;
	for (link = &flow->node->flows; *link != flow; link = &(*link)->next)
		;
	*link = flow->next;
	for (unsigned fd = 0; fd < flow->node->sockets_size; fd++)
		if (flow->node->sockets[fd].flow == flow)
			flow->node->sockets[fd].flow = NULL;
	flow->node = NULL;
}

void lab_flow_free(struct lab_flow *flow)
{
	if (!flow)
		return;
	lab_flow_detach(flow);
	for (unsigned i = 0; i < LAB_FLOW_SERIES; i++)
		lab_series_fini(&flow->series[i]);
	lab_histogram_fini(&flow->rtt);
	free(flow->timed);
	free(flow);
}

/* The connection of a sample: by its socket, or by its number once it has none. */
static struct lab_flow *flow_of_sample(struct lab_node *node, const struct tcp_sample *s)
{
	struct lab_flow *flow;

	if (s->fd >= 0 && (unsigned)s->fd < node->sockets_size && node->sockets[s->fd].flow) {
		flow = node->sockets[s->fd].flow;
		flow->connection = s->connection;
		return flow;
	}
	for (flow = node->flows; flow; flow = flow->next)
		if (flow->connection == s->connection)
			return flow;
	return NULL;
}

/* 64 bits of a sequence number near the last one, so streams longer than 4 GB have a graph. */
static uint64_t unwrap(struct lab_flow *flow, uint32_t relative)
{
	int32_t ahead = (int32_t)(relative - (uint32_t)flow->high);

	if (ahead < 0 && (uint64_t) - (int64_t)ahead > flow->high)
		return 0;
	return flow->high + (uint64_t)(int64_t)ahead;
}

/* The ring is as long as the window needs: what goes round in it stays in the cache. */
static bool timed_grow(struct lab_flow *flow)
{
	uint32_t size = flow->timed_size ? 2 * flow->timed_size : 32;
	struct lab_timed *timed;

	if (size > LAB_FLOW_TIMED)
		return false;
	timed = malloc(size * sizeof(*timed));
	if (!timed)
		return false;
	for (uint32_t i = flow->timed_head; i != flow->timed_tail; i++)
		timed[i & (size - 1)] = flow->timed[i & (flow->timed_size - 1)];
	free(flow->timed);
	flow->timed = timed;
	flow->timed_size = size;
	return true;
}

/* Remembers when data left, to see when it is acknowledged. What leaves in recovery is
 * acknowledged with the hole before it, and what was sent twice is ambiguous (RFC 6298 3): both
 * say nothing about the path.
 */
static void timing_sent(struct lab_flow *flow, vs_time now, const struct tcp_sample *s,
			uint64_t end)
{
	if (s->in_recovery ||
	    (flow->timed_tail - flow->timed_head == flow->timed_size && !timed_grow(flow)))
		return;
	flow->timed[flow->timed_tail++ & (flow->timed_size - 1)] = (struct lab_timed){end, now};
}

static void timing_acked(struct lab_flow *flow, vs_time now, uint64_t ack)
{
	vs_time sent = -1;

	while (flow->timed_head != flow->timed_tail &&
	       flow->timed[flow->timed_head & (flow->timed_size - 1)].end <= ack)
		sent = flow->timed[flow->timed_head++ & (flow->timed_size - 1)].sent;
	if (sent < 0)
		return;
	/* The newest segment that the acknowledgement covers: the one that called for it. */
	lab_histogram_add(&flow->rtt, now - sent);
	lab_series_add(&flow->series[RTT], now, (double)(now - sent));
}

static void retransmitted(struct lab_flow *flow, vs_time now, const struct tcp_sample *s, int kind)
{
	uint64_t start = unwrap(flow, s->seq - s->iss - 1);

	flow->timed_head = flow->timed_tail;
	flow->resent[s->reason]++;
	flow->recent[flow->recent_next++ % LAB_FLOW_RECENT] =
		(struct lab_again){s->seq, now, s->reason};
	lab_series_add(&flow->series[kind], now, (double)start);
	lab_series_add(&flow->series[LAB_FLOW_PLAIN + s->reason - 1], now, (double)start);
	if (kind == FAST)
		flow->retransmits_fast++;
	else
		flow->retransmits_rto++;
}

void lab_flow_sample(void *ctx, vs_time now, const struct tcp_sample *s)
{
	struct lab_node *node = ctx;
	struct lab_flow *flow;
	uint64_t end;

	if (!node->flows || !(flow = flow_of_sample(node, s)))
		return;
	flow->local = s->local;
	flow->remote = s->remote;
	flow->iss = s->iss;
	switch (s->event) {
	case TCP_EVENT_SEND:
		end = unwrap(flow, s->seq + s->len - s->iss - 1);
		if (end > flow->high)
			flow->high = end;
		lab_series_add(&flow->series[SEQ], now, (double)end);
		timing_sent(flow, now, s, end);
		break;
	case TCP_EVENT_ACK:
		end = unwrap(flow, s->snd_una - s->iss - 1);
		lab_series_add(&flow->series[ACK], now, (double)end);
		timing_acked(flow, now, end);
		break;
	case TCP_EVENT_FAST_RETRANSMIT:
		retransmitted(flow, now, s, FAST);
		break;
	case TCP_EVENT_RTO_RETRANSMIT:
		retransmitted(flow, now, s, TIMEOUT);
		break;
	case TCP_EVENT_STATE:
	case TCP_EVENT_DUPLICATE:
	case TCP_EVENT_PROBE:
	case TCP_EVENT_RECOVERY:
		break;
	}
	if (s->state != flow->state || !flow->series[STATE].count)
		lab_series_add(&flow->series[STATE], now, s->state);
	flow->state = s->state;
	if (s->phase != flow->phase || !flow->series[PHASE].count)
		lab_series_add(&flow->series[PHASE], now, s->phase);
	flow->phase = s->phase;
	if (s->snd_wnd != flow->snd_wnd)
		lab_series_add(&flow->series[WINDOW], now, s->snd_wnd);
	flow->snd_wnd = s->snd_wnd;
	/* A value holds until the next one; the last state tells when all of them end. */
	if (s->cwnd != flow->cwnd || s->event == TCP_EVENT_STATE)
		lab_series_add(&flow->series[CWND], now, s->cwnd);
	flow->cwnd = s->cwnd;
	if (s->in_flight != flow->in_flight || s->event == TCP_EVENT_STATE)
		lab_series_add(&flow->series[IN_FLIGHT], now, s->in_flight);
	flow->in_flight = s->in_flight;
	flow->ssthresh = s->ssthresh;
	if (s->ssthresh != flow->ssthresh_last && s->ssthresh < INT32_MAX)
		lab_series_add(&flow->series[SSTHRESH], now, s->ssthresh);
	flow->ssthresh_last = s->ssthresh;
	if (s->srtt != flow->srtt_last && s->srtt > 0)
		lab_series_add(&flow->series[SRTT], now, (double)s->srtt);
	flow->srtt_last = s->srtt;
	if (s->rto != flow->rto_last)
		lab_series_add(&flow->series[RTO], now, (double)s->rto);
	flow->rto_last = s->rto;
}

static bool flow_sends(const struct lab_flow *flow, const struct wire_ip *ip,
		       const struct wire_tcp *tcp)
{
	return flow->local.port == tcp->src_port && flow->remote.port == tcp->dst_port &&
	       wire_addr_equal(&flow->local.addr, &ip->src) &&
	       wire_addr_equal(&flow->remote.addr, &ip->dst);
}

struct lab_flow *lab_flow_of(struct vsq_lab *lab, const struct vs_frame *f, uint32_t *seq,
			     uint32_t *len)
{
	struct wire_eth eth;
	struct wire_ip ip;
	struct wire_tcp tcp;
	const uint8_t *bytes = f->data;
	int at = wire_eth_parse(&eth, bytes, f->len), header;

	if (at < 0 || (eth.type != WIRE_TYPE_IP4 && eth.type != WIRE_TYPE_IP6))
		return NULL;
	header = wire_ip_parse(&ip, bytes + at, f->len - (size_t)at);
	if (header < 0 || ip.protocol != WIRE_PROTO_TCP || ip.fragment_offset)
		return NULL;
	at += header;
	header = wire_tcp_parse(&tcp, bytes + at, ip.payload_len);
	if (header < 0)
		return NULL;
	for (unsigned i = 0; i < lab->apps.count; i++) {
		struct lab_app *app = lab->apps.items[i];

		if (app->flow && flow_sends(app->flow, &ip, &tcp)) {
			*seq = tcp.seq;
			*len = ip.payload_len - (uint32_t)header;
			return app->flow;
		}
	}
	return NULL;
}

void lab_flow_lost(struct vsq_lab *lab, vs_time now, const struct vs_frame *f)
{
	uint32_t seq, len;
	struct lab_flow *flow = lab_flow_of(lab, f, &seq, &len);

	if (!flow || !len)
		return;
	flow->lost++;
	lab_series_add(&flow->series[LOST], now, (double)unwrap(flow, seq - flow->iss - 1));
}

enum tcp_reason lab_flow_reason(const struct lab_flow *flow, vs_time now, uint32_t seq)
{
	for (unsigned i = 0; i < LAB_FLOW_RECENT; i++)
		if (flow->recent[i].seq == seq && flow->recent[i].at == now)
			return flow->recent[i].reason;
	return TCP_REASON_NONE;
}

void lab_flow_describe(const struct lab_flow *flow, struct vs_text *text)
{
	vs_text_add(text, "cwnd %u, ", flow->cwnd);
	if (flow->ssthresh < INT32_MAX)
		vs_text_add(text, "ssthresh %u, ", flow->ssthresh);
	vs_text_add(text, "in flight %u, window %u", flow->in_flight, flow->snd_wnd);
	if (flow->srtt_last)
		vs_text_add(text, ", srtt %.3f ms, rto %.3f ms", (double)flow->srtt_last / 1e6,
			    (double)flow->rto_last / 1e6);
	vs_text_add(text, ", %s", tcp_phase_name(flow->phase));
	if (flow->state != TCP_ESTABLISHED)
		vs_text_add(text, ", %s", tcp_state_name(flow->state));
}
