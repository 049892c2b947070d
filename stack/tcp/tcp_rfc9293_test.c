/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Requirements of RFC 9293 (its appendix B) that no mechanism's own tests prove; docs/rfc9293.md
 * says which test proves which.
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

static uint8_t data[70000];

static struct tcp_pcb *connected(struct fake *w, const struct wire_tcp *options)
{
	struct wire_tcp syn = options ? *options : (struct wire_tcp){.window = 65535};
	struct tcp_pcb *p = fake_connect(w, 0, 80);

	if (!options) {
		syn.has_mss = true;
		syn.mss = 1000;
	}
	fake_run(w, w->now + 100 * MS);
	fake_inject(w, SYN | ACK, 0, 1, 0, &syn);
	assert_int_equal(p->state, TCP_ESTABLISHED);
	fake_skip(w);
	return p;
}

/* MUST-1, REC-1. */
static void windows_have_32_bits_and_no_sign(void **state)
{
	struct wire_tcp syn = {.window = 65535, .has_wscale = true, .wscale = 14};
	struct wire_tcp h = {.window = 65535};
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, &syn);

	(void)state;
	fake_inject(w, ACK, 1, 1, 0, &h);
	assert_int_equal(p->snd_wnd, 65535u << 14);
	/* And without scaling: the highest bit is no sign. */
	fake_free(w);
	w = fake_new(1, false, true, 0);
	p = connected(w, NULL);
	h.window = 0x8000;
	fake_inject(w, ACK, 1, 1, 0, &h);
	assert_int_equal(p->snd_wnd, 0x8000);
	fake_send(w, p, data, 1000, 0);
	fake_expect(w, 100 * MS, "P. 1:1001(1000) ack 1");
	fake_free(w);
}

/* MUST-15, MUST-16. */
static void without_an_option_segments_have_536_or_1220_bytes(void **state)
{
	(void)state;
	for (unsigned ip6 = 0; ip6 < 2; ip6++) {
		struct wire_tcp syn = {.window = 65535};
		struct fake *w = fake_new(1, ip6, true, 0);
		struct tcp_pcb *p = connected(w, &syn);

		fake_send(w, p, data, 3000, 0);
		fake_expect(w, 100 * MS, ip6 ? ". 1:1221(1220) ack 1" : ". 1:537(536) ack 1");
		fake_free(w);
	}
}

/* The window is full and its first segment is lost: what the peer says meanwhile still counts. */
static void ack_from_the_right_edge_counts(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, NULL);
	uint32_t edge;

	(void)state;
	fake_send(w, p, data, 1000, 0);
	edge = p->rcv_nxt + p->rcv_wnd - FAKE_PEER_ISS;
	fake_inject(w, ACK, edge, 1001, 0, NULL);
	assert_int_equal(tcp_in_flight(p), 0);
	fake_inject(w, ACK, edge + 1, 1001, 0, NULL);
	assert_int_equal(p->stk->counters[STK_TcpOutOfWindow], 1);
	fake_free(w);
}

/* MUST-20, MUST-21, SHLD-10, SHLD-11. */
static void third_retransmission_doubts_the_way_and_the_last_ends(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, NULL);

	(void)state;
	fake_send(w, p, data, 100, 0);
	while (p->timeouts < 2)
		assert_true(fake_step(w, VS_NEVER - 1));
	assert_int_equal(w->host[0].doubts, 0);
	while (p->timeouts < 3)
		assert_true(fake_step(w, VS_NEVER - 1));
	assert_int_equal(w->host[0].doubts, 1);
	fake_run(w, w->now + 100 * S);
	assert_int_equal(p->state, TCP_ESTABLISHED);
	fake_run(w, w->now + 1000 * S);
	assert_int_equal(p->state, TCP_CLOSED);
	assert_int_equal(p->so.error, ETIMEDOUT);
	assert_int_equal(w->host[0].doubts, 1);
	fake_free(w);
}

/* MUST-23: the default is Linux's and shorter. */
static void seventh_syn_makes_it_three_minutes(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p;

	(void)state;
	fake_set(w, "net.ipv4.tcp_syn_retries", "7");
	p = fake_connect(w, 0, 80);
	fake_run(w, 180 * S);
	assert_int_equal(p->state, TCP_SYN_SENT);
	fake_run(w, 255 * S);
	assert_int_equal(p->state, TCP_CLOSED);
	assert_int_equal(p->so.error, ETIMEDOUT);
	fake_free(w);
}

/* MUST-66: a window of zero takes resets and urgent pointers. */
static void closed_window_still_hears_resets(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, NULL);
	uint32_t seq = 1;

	(void)state;
	fake_option(w, p, STK_SO_RCVBUF, 2000);
	while (p->rcv_wnd >= 1000) {
		fake_inject(w, ACK, seq, 1, 1000, NULL);
		seq += 1000;
	}
	if (p->rcv_wnd) {
		uint32_t rest = p->rcv_wnd;

		fake_inject(w, ACK, seq, 1, rest, NULL);
		seq += rest;
	}
	assert_int_equal(p->rcv_wnd, 0);
	fake_inject(w, RST, seq, 0, 0, NULL);
	assert_int_equal(p->state, TCP_CLOSED);
	assert_int_equal(p->so.error, ECONNRESET);
	fake_free(w);
}

/* SHLD-2: what a reset carries is no reason not to believe it. */
static void reset_may_carry_text(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, NULL);

	(void)state;
	fake_inject(w, RST | ACK, 1, 1, 20, NULL);
	assert_int_equal(p->state, TCP_CLOSED);
	assert_int_equal(p->so.error, ECONNRESET);
	fake_free(w);
}

/* MUST-12: a stream that ended says 0, one that was aborted says why. */
static void application_learns_how_it_was_closed(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, NULL);
	uint8_t buf[10];

	(void)state;
	fake_inject(w, FIN | ACK, 1, 1, 0, NULL);
	assert_int_equal(fake_recv(w, p, buf, sizeof(buf), 0), 0);
	assert_int_equal(p->so.error, 0);
	fake_free(w);
	w = fake_new(1, false, true, 0);
	p = connected(w, NULL);
	fake_inject(w, RST, 1, 0, 0, NULL);
	assert_int_equal(fake_recv(w, p, buf, sizeof(buf), 0), -ECONNRESET);
	fake_free(w);
}

/* MUST-34, SHLD-15 to SHLD-17, MAY-7. */
static void window_that_shrinks_stops_new_data_and_nothing_else(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w, NULL);
	struct wire_tcp h = {.window = 1500};

	(void)state;
	fake_send(w, p, data, 20000, 0);
	fake_skip(w);
	fake_inject(w, ACK, 1, 1001, 0, &h);
	assert_int_equal(p->snd_wnd, 1500);
	/* Ten thousand are out, of which 1,500 are allowed: no new ones, the old again in time. */
	fake_run(w, w->now + 5 * S);
	assert_true(wire_seq_lt(p->snd_una + p->snd_wnd, p->snd_nxt));
	assert_int_equal(p->snd_nxt - p->iss, 10001);
	assert_true(p->stk->counters[STK_TcpRetransSegs] > 0);
	/* It is repeated within the window and acknowledged; what is beyond ends nothing. */
	h.window = 0;
	for (unsigned i = 0; i < 50; i++) {
		fake_inject(w, ACK, 1, 2501, 0, &h);
		fake_run(w, w->now + 10 * S);
	}
	assert_int_equal(p->state, TCP_ESTABLISHED);
	h.window = 65535;
	fake_inject(w, ACK, 1, 10001, 0, &h);
	assert_true(wire_seq_lt(p->iss + 10001, p->snd_nxt));
	fake_free(w);
}

/* MUST-41, MUST-42. */
static void listener_does_not_meddle_with_what_opens(void **state)
{
	struct fake *w = fake_new(1, false, false, 10 * MS);
	struct tcp_pcb *p, *listener = fake_socket(w, 0);
	struct stk_addr at = {.addr = wire_addr_any6};

	(void)state;
	fake_listen(w, 1, 80, 5);
	p = fake_connect(w, 0, 80);
	at.port = p->so.local.port;
	listener->so.reuse_addr = p->so.reuse_addr = true;
	assert_int_equal(tcp_proto.bind(listener->stk, &listener->so, &at), 0);
	assert_int_equal(tcp_proto.listen(listener->stk, &listener->so, 5), 0);
	assert_int_equal(p->state, TCP_SYN_SENT);
	fake_run(w, 1000 * MS);
	assert_int_equal(p->state, TCP_ESTABLISHED);
	assert_int_equal(listener->state, TCP_LISTEN);
	assert_null(fake_accept(w, listener));
	fake_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows_have_32_bits_and_no_sign),
		cmocka_unit_test(without_an_option_segments_have_536_or_1220_bytes),
		cmocka_unit_test(ack_from_the_right_edge_counts),
		cmocka_unit_test(third_retransmission_doubts_the_way_and_the_last_ends),
		cmocka_unit_test(seventh_syn_makes_it_three_minutes),
		cmocka_unit_test(closed_window_still_hears_resets),
		cmocka_unit_test(reset_may_carry_text),
		cmocka_unit_test(application_learns_how_it_was_closed),
		cmocka_unit_test(window_that_shrinks_stops_new_data_and_nothing_else),
		cmocka_unit_test(listener_does_not_meddle_with_what_opens),
	};

	return cmocka_run_group_tests_name("tcp_rfc9293", tests, NULL, NULL);
}
