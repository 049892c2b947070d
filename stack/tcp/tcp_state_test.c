/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The state machine's rarer ways: both ends at once, resets, half-open connections, old and forged
 * segments (RFC 9293 3.5-3.6, RFC 5961, RFC 7323 5), listeners, ICMP errors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "stack/tcp/tcp_fake.h"

#define MS  VS_MSEC
#define S   VS_SEC
#define SYN WIRE_TCP_SYN
#define ACK WIRE_TCP_ACK
#define RST WIRE_TCP_RST
#define FIN WIRE_TCP_FIN

static uint8_t data[10000];

static struct tcp_pcb *connected(struct fake *w, bool ts)
{
	struct wire_tcp syn = {.window = 65535, .has_mss = true, .mss = 1000};
	struct tcp_pcb *p;

	p = fake_connect(w, 0, 80);
	if (ts) {
		syn.has_timestamp = true;
		syn.ts_val = 5000;
		syn.ts_ecr = tcp_ts_now(p);
	}
	fake_run(w, w->now + 100 * MS);
	fake_inject(w, SYN | ACK, 0, 1, 0, &syn);
	assert_int_equal(p->state, TCP_ESTABLISHED);
	fake_skip(w);
	return p;
}

static void simultaneous_open_connects_both(void **state)
{
	struct fake *w = fake_new(1, false, false, 10 * MS);
	struct tcp_pcb *a = fake_socket(w, 0), *b = fake_socket(w, 1);
	struct stk_addr at = {.addr = wire_addr_any6, .port = 1000}, to = {.port = 2000};

	(void)state;
	assert_int_equal(tcp_proto.bind(a->stk, &a->so, &at), 0);
	at.port = 2000;
	assert_int_equal(tcp_proto.bind(b->stk, &b->so, &at), 0);
	to.addr = w->host[1].addr;
	assert_int_equal(tcp_proto.connect(a->stk, 0, &a->so, &to), -EINPROGRESS);
	to = (struct stk_addr){.addr = w->host[0].addr, .port = 1000};
	assert_int_equal(tcp_proto.connect(b->stk, 0, &b->so, &to), -EINPROGRESS);
	fake_run(w, 10 * MS);
	assert_int_equal(a->state, TCP_SYN_RECEIVED);
	assert_int_equal(b->state, TCP_SYN_RECEIVED);
	fake_run(w, 1000 * MS);
	assert_int_equal(a->state, TCP_ESTABLISHED);
	assert_int_equal(b->state, TCP_ESTABLISHED);
	fake_send(w, a, "hi", 2, 0);
	fake_run(w, 1100 * MS);
	assert_int_equal(b->rcv.ready_bytes, 2);
	assert_true(a->ts_on && a->sack_on && a->wscale_on && b->ts_on);
	fake_free(w);
}

static void crossing_calls_do_not_scale_the_windows_of_their_syns(void **state)
{
	struct fake *w = fake_new(1, false, false, 10 * MS);
	struct tcp_pcb *a = fake_socket(w, 0), *b = fake_socket(w, 1);
	struct stk_addr at = {.addr = wire_addr_any6, .port = 1000}, to = {.port = 2000};
	uint32_t got = 0;

	(void)state;
	w->log = false;
	assert_int_equal(tcp_proto.bind(a->stk, &a->so, &at), 0);
	at.port = 2000;
	assert_int_equal(tcp_proto.bind(b->stk, &b->so, &at), 0);
	fake_option(w, b, STK_SO_RCVBUF, 2304);
	to.addr = w->host[1].addr;
	assert_int_equal(tcp_proto.connect(a->stk, 0, &a->so, &to), -EINPROGRESS);
	to = (struct stk_addr){.addr = w->host[0].addr, .port = 1000};
	assert_int_equal(tcp_proto.connect(b->stk, 0, &b->so, &to), -EINPROGRESS);
	fake_run(w, 1000 * MS);
	assert_int_equal(a->state, TCP_ESTABLISHED);
	assert_int_equal(a->snd_wnd_max, 2304);
	assert_int_equal(fake_send(w, a, data, sizeof(data), 0), sizeof(data));
	while (got < sizeof(data) && w->now < 2000 * MS) {
		ptrdiff_t n;

		fake_run(w, w->now + 5 * MS);
		n = fake_recv(w, b, NULL, sizeof(data), 0);
		got += n > 0 ? (uint32_t)n : 0;
	}
	assert_int_equal(got, sizeof(data));
	assert_int_equal(w->host[0].counters[STK_TcpRetransSegs], 0);
	fake_free(w);
}

static void simultaneous_close_goes_through_closing(void **state)
{
	struct fake *w = fake_new(1, false, false, 10 * MS);
	struct tcp_pcb *l = fake_listen(w, 1, 80, 5), *a = fake_connect(w, 0, 80), *b;

	(void)state;
	fake_run(w, 100 * MS);
	b = fake_accept(w, l);
	fake_shutdown(w, a, STK_SHUT_WR);
	fake_shutdown(w, b, STK_SHUT_WR);
	fake_run(w, 110 * MS);
	assert_int_equal(a->state, TCP_CLOSING);
	assert_int_equal(b->state, TCP_CLOSING);
	fake_run(w, 120 * MS);
	assert_int_equal(a->state, TCP_TIME_WAIT);
	assert_int_equal(b->state, TCP_TIME_WAIT);
	fake_run(w, 60 * S + 120 * MS);
	assert_int_equal(a->state, TCP_CLOSED);
	assert_int_equal(b->state, TCP_CLOSED);
	assert_int_equal(a->so.error, 0);
	fake_free(w);
}

static void closed_port_refuses(void **state)
{
	struct fake *w = fake_new(1, false, false, 10 * MS);
	struct tcp_pcb *a = fake_connect(w, 0, 81);

	(void)state;
	fake_run(w, 100 * MS);
	fake_expect(w, 0, "S 0:0(0) win 64240 <mss 1460,sackOK,TS,nop,wscale 7>");
	assert_int_equal(a->state, TCP_CLOSED);
	assert_int_equal(a->so.error, ECONNREFUSED);
	assert_int_equal(tcp_proto.readiness(a->stk, &a->so) & STK_ERR, STK_ERR);
	assert_int_equal(w->host[1].counters[STK_TcpOutRsts], 1);
	fake_free(w);
}

static void reset_must_be_exact_or_is_challenged(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, false);

	(void)state;
	/* Outside the window: nothing. */
	fake_inject(w, RST, 0, 0, 0, NULL);
	fake_inject(w, RST, 100000, 0, 0, NULL);
	fake_expect_none(w);
	/* Inside: RFC 5961 3.2's challenge. */
	fake_inject(w, RST, 2, 0, 0, NULL);
	fake_expect(w, 100 * MS, ". 1:1(0) ack 1");
	assert_int_equal(p->state, TCP_ESTABLISHED);
	/* ... at most one in half a second. */
	fake_inject(w, RST, 3, 0, 0, NULL);
	fake_run(w, 600 * MS - 1);
	fake_inject(w, RST, 3, 0, 0, NULL);
	fake_expect_none(w);
	fake_run(w, 600 * MS);
	fake_inject(w, RST, 3, 0, 0, NULL);
	fake_expect(w, 600 * MS, ". 1:1(0) ack 1");
	fake_inject(w, RST, 1, 0, 0, NULL);
	assert_int_equal(p->state, TCP_CLOSED);
	assert_int_equal(p->so.error, ECONNRESET);
	assert_int_equal(fake_recv(w, p, data, 1, 0), -ECONNRESET);
	assert_int_equal(fake_recv(w, p, data, 1, 0), 0);
	fake_free(w);
}

static void syn_in_a_connection_is_challenged(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, false);

	(void)state;
	fake_inject(w, SYN, 1, 0, 0, NULL);
	fake_expect(w, 100 * MS, ". 1:1(0) ack 1");
	fake_run(w, 1000 * MS);
	/* A peer that has rebooted: its SYN is far off (RFC 9293 figure 9). */
	fake_inject(w, SYN, 50000000, 0, 0, NULL);
	fake_expect(w, 1000 * MS, ". 1:1(0) ack 1");
	fake_inject(w, RST, 1, 0, 0, NULL);
	assert_int_equal(p->state, TCP_CLOSED);
	fake_free(w);
}

static void ack_of_what_was_never_sent_is_challenged(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, false);

	(void)state;
	fake_inject(w, ACK, 1, 2, 0, NULL);
	fake_expect(w, 100 * MS, ". 1:1(0) ack 1");
	fake_inject(w, ACK, 1, 0u - 70000, 10, NULL);
	fake_expect_none(w);
	assert_int_equal(p->rcv.ready_bytes, 0);
	fake_free(w);
}

static void half_open_connection_is_reset(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = fake_connect(w, 0, 80);

	(void)state;
	/* RFC 9293 figure 9: the other end still believes in an old connection. */
	fake_skip(w);
	fake_inject(w, ACK, 300, 100, 0, NULL);
	fake_expect(w, 0, "R 100:100(0)");
	assert_int_equal(p->state, TCP_SYN_SENT);
	/* A reset without a proper ACK is nobody's. */
	fake_inject(w, RST, 0, 0, 0, NULL);
	fake_inject(w, RST | ACK, 0, 2, 0, NULL);
	assert_int_equal(p->state, TCP_SYN_SENT);
	fake_inject(w, RST | ACK, 0, 1, 0, NULL);
	assert_int_equal(p->so.error, ECONNREFUSED);
	fake_free(w);
}

static void old_timestamps_are_rejected_with_an_ack(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, true);
	struct wire_tcp h = {.window = 65535, .has_timestamp = true, .ts_val = 5010};

	(void)state;
	fake_inject(w, ACK, 1, 1, 100, &h);
	fake_expect(w, 100 * MS, ". 1:1(0) ack 101");
	h.ts_val = 5009;
	fake_inject(w, ACK, 101, 1, 100, &h);
	fake_expect(w, 100 * MS, ". 1:1(0) ack 101");
	assert_int_equal(p->rcv.ready_bytes, 100);
	assert_int_equal(w->host[0].counters[STK_TcpPaws], 1);
	/* A reset needs none, and 24 days of silence make ours too old. */
	fake_run(w, 25LL * 24 * 3600 * S);
	fake_inject(w, ACK, 101, 1, 100, &h);
	assert_int_equal(p->rcv.ready_bytes, 200);
	h.ts_val = 1;
	fake_inject(w, RST, 201, 1, 0, &h);
	assert_int_equal(p->state, TCP_CLOSED);
	fake_free(w);
}

static void time_wait_is_reused_by_a_newer_syn_only(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *l = fake_listen(w, 0, 80, 5), *p;
	struct wire_tcp h = {
		.window = 65535, .dst_port = 80, .src_port = 5000, .has_mss = true, .mss = 1000};

	(void)state;
	fake_inject(w, SYN, 0, 0, 0, &h);
	fake_inject(w, ACK, 1, 1, 0, &h);
	p = fake_accept(w, l);
	fake_close(w, p);
	fake_inject(w, ACK | FIN, 1, 2, 0, &h);
	/* The structure of the connection has gone. */
	assert_int_equal(w->host[0].sockets_live, 1);
	assert_int_equal(w->host[0].s.tcp->waits_count, 1);
	fake_expect(w, 0, "S. 0:0(0) ack 1 win 64240 <mss 1460>");
	fake_expect(w, 0, "F. 1:1(0) ack 1");
	fake_expect(w, 0, ". 2:2(0) ack 2");
	fake_run(w, 1 * S);
	fake_skip(w);
	/* The FIN again: acknowledged, and 2 MSL start anew. */
	fake_inject(w, ACK | FIN, 1, 2, 0, &h);
	fake_expect(w, 1 * S, ". 2:2(0) ack 2");
	fake_run(w, 60 * S + 500 * MS);
	assert_int_equal(w->host[0].s.tcp->waits_count, 1);
	fake_inject(w, SYN, 1, 0, 0, &h);
	assert_int_equal(w->host[0].s.tcp->waits_count, 1);
	fake_skip(w);
	fake_inject(w, SYN, 70000, 0, 0, &h);
	fake_expect(w, 60 * S + 500 * MS, "S. 0:0(0) ack 70001 win 64240 <mss 1460>");
	assert_int_equal(w->host[0].sockets_live, 2);
	fake_free(w);
}

static void new_data_for_a_closed_socket_resets(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, false);

	(void)state;
	fake_close(w, p);
	fake_expect(w, 100 * MS, "F. 1:1(0) ack 1");
	fake_inject(w, ACK, 1, 2, 10, NULL);
	fake_expect(w, 100 * MS, "R. 2:2(0) ack 1");
	assert_int_equal(w->host[0].sockets_live, 0);
	fake_free(w);
}

static void close_with_unread_data_or_no_linger_resets(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, false);

	(void)state;
	fake_inject(w, ACK, 1, 1, 10, NULL);
	fake_skip(w);
	fake_close(w, p);
	fake_expect(w, 100 * MS, "R. 1:1(0) ack 11");
	assert_int_equal(w->host[0].sockets_live, 0);
	p = connected(w, false);
	fake_option(w, p, STK_SO_LINGER, 0);
	fake_close(w, p);
	fake_expect(w, 200 * MS, "R. 1:1(0) ack 1");
	assert_int_equal(w->host[0].sockets_live, 0);
	fake_free(w);
}

static void urgent_data_stay_in_the_stream(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, false);
	struct wire_tcp h = {.window = 65535, .urgent = 3};

	(void)state;
	fake_option(w, p, STK_SO_OOBINLINE, 1);
	fake_inject(w, ACK | WIRE_TCP_URG, 1, 1, 5, &h);
	assert_int_equal(p->rcv.ready_bytes, 5);
	fake_expect(w, 100 * MS, ". 1:1(0) ack 6");
	fake_free(w);
}

static void backlog_bounds_what_waits_for_accept(void **state)
{
	struct fake *w = fake_new(1, false, false, 10 * MS);
	struct tcp_pcb *l = fake_listen(w, 1, 80, 1), *c[4], *b;

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		c[i] = fake_connect(w, 0, 80);
	fake_run(w, 500 * MS);
	/* As Linux: one more than asked for. */
	assert_int_equal(l->accept_count, 2);
	assert_int_equal(l->embryos, 2);
	assert_true(w->host[1].counters[STK_TcpListenOverflows] > 0);
	b = fake_accept(w, l);
	assert_non_null(b);
	assert_int_equal(b->so.remote.port, c[0]->so.local.port);
	fake_accept(w, l);
	/* The SYN-ACK's repetition brings the ACK again. */
	fake_run(w, 5000 * MS);
	assert_int_equal(l->accept_count, 2);
	fake_close(w, l);
	fake_run(w, 5100 * MS);
	assert_int_equal(c[3]->state, TCP_CLOSED);
	assert_int_equal(w->host[1].sockets_live, 2);
	fake_free(w);
}

static void listener_meets_both_families_unless_told_otherwise(void **state)
{
	struct fake *w = fake_new(1, false, false, 10 * MS);
	struct tcp_pcb *only6 = fake_socket(w, 1), *any4 = fake_socket(w, 1), *a;
	struct stk_addr at = {.addr = wire_addr_any6, .port = 80};

	(void)state;
	only6->so.v6only = true;
	assert_int_equal(tcp_proto.bind(only6->stk, &only6->so, &at), 0);
	assert_int_equal(tcp_proto.listen(only6->stk, &only6->so, 5), 0);
	a = fake_connect(w, 0, 80);
	fake_run(w, 100 * MS);
	assert_int_equal(a->so.error, ECONNREFUSED);
	at.addr = wire_addr_any4;
	assert_int_equal(tcp_proto.bind(any4->stk, &any4->so, &at), 0);
	assert_int_equal(tcp_proto.listen(any4->stk, &any4->so, 5), 0);
	a = fake_connect(w, 0, 80);
	fake_run(w, 200 * MS);
	assert_int_equal(a->state, TCP_ESTABLISHED);
	assert_non_null(fake_accept(w, any4));
	fake_free(w);
}

static void ports_conflict_as_linux_has_it(void **state)
{
	struct fake *w = fake_new(1, false, false, 10 * MS);
	struct tcp_pcb *l = fake_listen(w, 1, 80, 5), *a, *b, *q = fake_socket(w, 1);
	struct stk_addr at = {.addr = wire_addr_any6, .port = 80};

	(void)state;
	assert_int_equal(tcp_proto.bind(q->stk, &q->so, &at), -EADDRINUSE);
	at.addr = wire_addr_any4;
	assert_int_equal(tcp_proto.bind(q->stk, &q->so, &at), -EADDRINUSE);
	a = fake_connect(w, 0, 80);
	fake_run(w, 100 * MS);
	b = fake_accept(w, l);
	fake_close(w, l);
	/* An old connection holds the port, but for those who say that they know. */
	at.addr = wire_addr_any6;
	assert_int_equal(tcp_proto.bind(q->stk, &q->so, &at), -EADDRINUSE);
	q->so.reuse_addr = true;
	b->so.reuse_addr = true;
	assert_int_equal(tcp_proto.bind(q->stk, &q->so, &at), 0);
	assert_int_equal(tcp_proto.listen(q->stk, &q->so, 5), 0);
	assert_true(a->so.local.port >= 32768 && a->so.local.port <= 60999);
	fake_free(w);
}

static void icmp_error(struct fake *w, struct tcp_pcb *p, uint32_t seq, int error, bool hard)
{
	uint8_t quoted[8] = {0};
	struct ip_error e = {.error = error,
			     .hard = hard,
			     .src = p->so.local.addr,
			     .dst = p->so.remote.addr,
			     .transport = quoted,
			     .transport_len = 8};

	wire_put16(quoted, p->so.local.port);
	wire_put16(quoted + 2, p->so.remote.port);
	wire_put32(quoted + 4, seq);
	tcp_error(p->stk, w->now, &e);
}

static void icmp_ends_what_is_opening_and_only_warns_what_is_open(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = fake_connect(w, 0, 80);

	(void)state;
	icmp_error(w, p, p->iss + 1, EHOSTUNREACH, false);
	assert_int_equal(p->state, TCP_SYN_SENT);
	icmp_error(w, p, p->iss, EHOSTUNREACH, false);
	assert_int_equal(p->state, TCP_CLOSED);
	assert_int_equal(p->so.error, EHOSTUNREACH);
	p = connected(w, false);
	fake_send(w, p, data, 100, 0);
	icmp_error(w, p, p->snd_una, EHOSTUNREACH, true);
	assert_int_equal(p->state, TCP_ESTABLISHED);
	fake_run(w, 3000 * S);
	assert_int_equal(p->so.error, EHOSTUNREACH);
	fake_free(w);
}

static void smaller_path_mtu_sends_again_in_smaller_pieces(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct wire_tcp syn = {.window = 65535, .has_mss = true, .mss = 1460};
	struct tcp_pcb *p = fake_connect(w, 0, 80);

	(void)state;
	fake_inject(w, SYN | ACK, 0, 1, 0, &syn);
	fake_skip(w);
	fake_send(w, p, data, 2920, 0);
	fake_expect(w, 0, ". 1:1461(1460) ack 1");
	fake_expect(w, 0, "P. 1461:2921(1460) ack 1");
	w->host[0].mtu = 1040;
	w->host[0].s.route_generation++;
	icmp_error(w, p, p->iss + 1, EMSGSIZE, false);
	assert_int_equal(p->mss, 1000);
	fake_expect(w, 0, ". 1:1001(1000) ack 1");
	fake_expect(w, 0, ". 1001:1461(460) ack 1");
	fake_expect(w, 0, ". 1461:2461(1000) ack 1");
	fake_expect(w, 0, "P. 2461:2921(460) ack 1");
	fake_expect_none(w);
	fake_inject(w, ACK, 1, 2921, 0, NULL);
	assert_int_equal(p->snd_una, p->snd_nxt);
	assert_int_equal(p->board.lost + p->board.again, 0);
	fake_free(w);
}

static void window_never_shrinks_and_closes_when_nobody_reads(void **state)
{
	struct fake *w = fake_new(1, false, false, 10 * MS);
	struct tcp_pcb *l = fake_listen(w, 1, 80, 5), *a, *b;
	uint32_t got = 0;

	(void)state;
	w->log = false;
	fake_option(w, l, STK_SO_RCVBUF, 20000);
	a = fake_connect(w, 0, 80);
	fake_run(w, 100 * MS);
	b = fake_accept(w, l);
	for (uint32_t edge = b->rcv_nxt + b->rcv_wnd; w->now < 20 * S;) {
		fake_send(w, a, data, sizeof(data), 0);
		fake_run(w, w->now + 5 * MS);
		assert_true(wire_seq_leq(edge, b->rcv_nxt + b->rcv_wnd));
		edge = b->rcv_nxt + b->rcv_wnd;
	}
	assert_true(b->rcv.ready_bytes <= 20000 + 128);
	assert_true(b->rcv.ready_bytes > 20000 - 1448);
	assert_int_equal(a->snd_una, a->snd_nxt);
	assert_true(a->probing);
	/* It opens at once when it is read. */
	got = (uint32_t)fake_recv(w, b, NULL, 1 << 20, 0);
	assert_true(got > 18000);
	fake_run(w, w->now + 100 * MS);
	assert_true(b->rcv.ready_bytes > 10000);
	fake_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(simultaneous_open_connects_both),
		cmocka_unit_test(crossing_calls_do_not_scale_the_windows_of_their_syns),
		cmocka_unit_test(simultaneous_close_goes_through_closing),
		cmocka_unit_test(closed_port_refuses),
		cmocka_unit_test(reset_must_be_exact_or_is_challenged),
		cmocka_unit_test(syn_in_a_connection_is_challenged),
		cmocka_unit_test(ack_of_what_was_never_sent_is_challenged),
		cmocka_unit_test(half_open_connection_is_reset),
		cmocka_unit_test(old_timestamps_are_rejected_with_an_ack),
		cmocka_unit_test(time_wait_is_reused_by_a_newer_syn_only),
		cmocka_unit_test(new_data_for_a_closed_socket_resets),
		cmocka_unit_test(close_with_unread_data_or_no_linger_resets),
		cmocka_unit_test(urgent_data_stay_in_the_stream),
		cmocka_unit_test(backlog_bounds_what_waits_for_accept),
		cmocka_unit_test(listener_meets_both_families_unless_told_otherwise),
		cmocka_unit_test(ports_conflict_as_linux_has_it),
		cmocka_unit_test(icmp_ends_what_is_opening_and_only_warns_what_is_open),
		cmocka_unit_test(smaller_path_mtu_sends_again_in_smaller_pieces),
		cmocka_unit_test(window_never_shrinks_and_closes_when_nobody_reads),
	};

	return cmocka_run_group_tests_name("tcp_state", tests, NULL, NULL);
}
