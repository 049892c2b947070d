/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* TCP Fast Open, RFC 7413, the client, segment by segment: the peer is the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "stack/tcp/tcp_fake.h"

#define MS  VS_MSEC
#define S   VS_SEC
#define SYN WIRE_TCP_SYN
#define ACK WIRE_TCP_ACK
#define RST WIRE_TCP_RST

#define SYN_LINE "S 0:0(0) win 64240 <mss 1460,sackOK,nop,wscale 7"

static uint8_t data[20000];

static const struct wire_tcp answer = {
	.window = 14600, .has_mss = true, .mss = 1460, .sack_permitted = true};

static struct wire_tcp with_cookie(const char *cookie, uint8_t len, bool exp)
{
	struct wire_tcp h = answer;

	h.has_cookie = true;
	h.cookie_exp = exp;
	h.cookie_len = len;
	memcpy(h.cookie, cookie, len);
	return h;
}

static struct fake *world(void)
{
	struct fake *w = fake_new(1, false, true, 0);

	fake_set(w, "net.ipv4.tcp_timestamps", "0");
	fake_set(w, "net.ipv4.tcp_congestion_control", "reno");
	return w;
}

static ptrdiff_t send_to(struct fake *w, struct tcp_pcb *p, size_t len)
{
	struct stk_addr to = {.addr = w->host[1].addr, .port = 80};

	return tcp_proto.send(p->stk, w->now, &p->so, data, len, STK_MSG_FASTOPEN, &to);
}

/* The peer closed nothing: the connection goes as if it had been reset. */
static void done(struct fake *w, struct tcp_pcb *p)
{
	fake_option(w, p, STK_SO_LINGER, 0);
	fake_close(w, p);
	fake_skip(w);
	w->host[0].has_iss = false;
}

/* A connection that asks for a cookie and is given this one (len 0: none). */
static void warm(struct fake *w, const char *cookie, uint8_t len, uint16_t mss)
{
	struct tcp_pcb *p = fake_socket(w, 0);
	struct wire_tcp h = with_cookie(cookie, len, false);

	h.has_cookie = len > 0;
	h.mss = mss;
	assert_int_equal(send_to(w, p, 0), -EINPROGRESS);
	fake_expect(w, w->now, SYN_LINE ",FO>");
	fake_run(w, w->now + 10 * MS);
	fake_inject(w, SYN | ACK, 0, 1, 0, &h);
	assert_int_equal(p->state, TCP_ESTABLISHED);
	fake_expect(w, w->now, ". 1:1(0) ack 1");
	assert_false(p->syn_data_acked);
	done(w, p);
}

static void cookie_is_asked_for_and_the_next_syn_carries_text(void **state)
{
	struct fake *w = world();
	struct tcp_pcb *p;
	struct wire_tcp h = with_cookie("\x12\x34\x56\x78", 4, false);

	(void)state;
	warm(w, "\xab\xcd\x12\x34", 4, 1460);
	p = fake_socket(w, 0);
	assert_int_equal(send_to(w, p, 1000), 1000);
	fake_expect(w, w->now,
		    "S 0:1000(1000) win 64240 <mss 1460,sackOK,nop,wscale 7,FO abcd1234>");
	/* Not while it connects. */
	assert_int_equal(send_to(w, p, 1000), -EALREADY);
	assert_int_equal(fake_send(w, p, data, 1000, 0), -EAGAIN);
	fake_run(w, w->now + 50 * MS);
	h.mss = 940;
	fake_inject(w, SYN | ACK, 0, 1001, 0, &h);
	fake_expect(w, w->now, ". 1001:1001(0) ack 1");
	fake_expect_none(w);
	assert_int_equal(p->state, TCP_ESTABLISHED);
	assert_true(p->syn_data_acked);
	assert_int_equal(p->srtt, 50 * MS);
	assert_int_equal(w->host[0].counters[STK_TcpFastOpenActive], 1);
	/* MSG_FASTOPEN says nothing once connected. */
	assert_int_equal(send_to(w, p, 500), 500);
	fake_expect(w, w->now, "P. 1001:1501(500) ack 1");
	done(w, p);

	/* The new cookie and the new MSS count, less all that options might take. */
	p = fake_socket(w, 0);
	assert_int_equal(send_to(w, p, 2000), 900);
	fake_expect(w, w->now, "S 0:900(900) win 64240 <mss 1460,sackOK,nop,wscale 7,FO 12345678>");
	done(w, p);
	fake_free(w);
}

static void text_that_the_peer_did_not_take_leaves_at_once(void **state)
{
	struct fake *w = world();
	struct tcp_pcb *p;
	struct wire_tcp h = answer;

	(void)state;
	warm(w, "\xab\xcd\x12\x34", 4, 1460);
	p = fake_socket(w, 0);
	assert_int_equal(send_to(w, p, 4000), 1420);
	fake_skip(w);
	fake_run(w, w->now + 10 * MS);
	h.mss = 1000;
	h.window = 65535;
	/* A part of it, and in smaller segments. */
	fake_inject(w, SYN | ACK, 0, 101, 0, &h);
	fake_expect(w, w->now, ". 101:1101(1000) ack 1");
	fake_expect(w, w->now, "P. 1101:1421(320) ack 1");
	fake_expect_none(w);
	assert_false(p->syn_data_acked);
	assert_int_equal(p->cwnd, 10000);
	assert_int_equal(tcp_in_flight(p), 1320);
	assert_int_equal(w->host[0].counters[STK_TcpFastOpenActiveFail], 1);
	/* That was no loss; a loss of it is one. */
	fake_send(w, p, data, 4000, 0);
	fake_skip(w);
	fake_run(w, w->now + 10 * MS);
	h = (struct wire_tcp){.window = 65535, .sacks = 1};
	h.sack[0] = (struct wire_tcp_sack){p->iss + 1101, p->iss + 5421};
	fake_inject(w, ACK, 1, 101, 0, &h);
	fake_expect(w, w->now, ". 101:1101(1000) ack 1");
	assert_int_equal(p->recovery, TCP_RECOVERY);
	fake_inject(w, ACK, 1, 5421, 0, NULL);
	assert_int_equal(p->board.count, 0);
	assert_int_equal(p->board.lost + p->board.again, 0);
	done(w, p);
	/* The cookie is still good. */
	p = fake_socket(w, 0);
	assert_int_equal(send_to(w, p, 18), 18);
	fake_expect(w, w->now, "S 0:18(18) win 64240 <mss 1460,sackOK,nop,wscale 7,FO abcd1234>");
	done(w, p);
	fake_free(w);
}

static void syn_that_leaves_again_is_plain(void **state)
{
	struct fake *w = world();
	struct tcp_pcb *p;
	vs_time start;

	(void)state;
	warm(w, "\xab\xcd\x12\x34", 4, 1460);
	p = fake_socket(w, 0);
	assert_int_equal(send_to(w, p, 1000), 1000);
	start = w->now;
	fake_skip(w);
	fake_run(w, start + 1 * S);
	fake_expect(w, start + 1 * S, SYN_LINE ">");
	fake_run(w, start + 1020 * MS);
	fake_inject(w, SYN | ACK, 0, 1, 0, &answer);
	fake_expect(w, start + 1020 * MS, "P. 1:1001(1000) ack 1");
	assert_false(p->syn_data_acked);
	fake_inject(w, ACK, 1, 1001, 0, NULL);
	assert_int_equal(p->snd.len, 0);
	done(w, p);
	fake_free(w);
}

static void without_quick_acks_the_handshake_ends_with_the_first_text(void **state)
{
	struct fake *w = world();
	struct tcp_pcb *p;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		p = fake_socket(w, 0);
		tcp_proto.option_set(p->stk, w->now, &p->so, STK_TCP_QUICKACK, 0);
		assert_int_equal(send_to(w, p, 1000), -EINPROGRESS);
		fake_skip(w);
		fake_run(w, w->now + 10 * MS);
		fake_inject(w, SYN | ACK, 0, 1, 0, &answer);
		fake_expect_none(w);
		if (i) {
			/* Nothing to say: as late as any other. */
			fake_run(w, w->now + 40 * MS);
			fake_expect(w, w->now, ". 1:1(0) ack 1");
		} else {
			fake_send(w, p, data, 1000, 0);
			fake_expect(w, w->now, "P. 1:1001(1000) ack 1");
			fake_expect_none(w);
		}
		done(w, p);
	}
	fake_free(w);
}

static void answer_beyond_the_text_is_refused(void **state)
{
	struct fake *w = world();
	struct tcp_pcb *p;
	struct wire_tcp h = with_cookie("\xba\xdc\x00\xce", 4, false);

	(void)state;
	warm(w, "\xab\xcd\x12\x34", 4, 840);
	p = fake_socket(w, 0);
	assert_int_equal(send_to(w, p, 100), 100);
	fake_skip(w);
	fake_inject(w, SYN | ACK, 0, 100101, 0, &h);
	fake_expect(w, w->now, "R 100101:100101(0)");
	assert_int_equal(p->state, TCP_SYN_SENT);
	done(w, p);
	/* And nothing was learnt from it. */
	p = fake_socket(w, 0);
	assert_int_equal(send_to(w, p, 2000), 800);
	fake_expect(w, w->now, "S 0:800(800) win 64240 <mss 1460,sackOK,nop,wscale 7,FO abcd1234>");
	done(w, p);
	fake_free(w);
}

static void peer_that_ignores_the_option_is_asked_in_its_old_form_once(void **state)
{
	struct fake *w = world();
	struct wire_tcp h;
	struct tcp_pcb *p;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		p = fake_socket(w, 0);
		assert_int_equal(send_to(w, p, 1000), -EINPROGRESS);
		fake_expect(w, w->now, i == 1 ? SYN_LINE ",FOEXP>" : SYN_LINE ",FO>");
		fake_inject(w, SYN | ACK, 0, 1, 0, &answer);
		done(w, p);
	}
	tcp_metrics_flush(&w->host[0].s);
	/* A peer that knows only the old form gives its cookie in it. */
	for (unsigned i = 0; i < 2; i++) {
		p = fake_socket(w, 0);
		send_to(w, p, 1000);
		fake_expect(w, w->now, i ? SYN_LINE ",FOEXP>" : SYN_LINE ",FO>");
		h = i ? with_cookie("\x12\x34\xab\xcd", 4, true) : answer;
		fake_inject(w, SYN | ACK, 0, 1, 0, &h);
		done(w, p);
	}
	p = fake_socket(w, 0);
	assert_int_equal(send_to(w, p, 1000), 1000);
	fake_expect(w, w->now,
		    "S 0:1000(1000) win 64240 <mss 1460,sackOK,nop,wscale 7,FOEXP 1234abcd>");
	done(w, p);
	fake_free(w);
}

static void without_cookies_text_goes_at_once_and_none_is_kept(void **state)
{
	struct fake *w = world();
	struct tcp_pcb *p = fake_socket(w, 0);
	struct wire_tcp h = with_cookie("\xab\xcd\x12\x34", 4, false);

	(void)state;
	fake_set(w, "net.ipv4.tcp_fastopen", "0x5");
	assert_int_equal(send_to(w, p, 1000), 1000);
	fake_expect(w, w->now, "S 0:1000(1000) win 64240 <mss 1460,sackOK,nop,wscale 7>");
	h.mss = 940;
	fake_inject(w, SYN | ACK, 0, 1001, 0, &h);
	assert_true(p->syn_data_acked);
	done(w, p);
	/* The socket may say so as well; the MSS was learnt, the cookie was not asked for. */
	fake_set(w, "net.ipv4.tcp_fastopen", "1");
	p = fake_socket(w, 0);
	assert_int_equal(fake_option(w, p, STK_TCP_FASTOPEN_NO_COOKIE, 1), 0);
	assert_int_equal(send_to(w, p, 1900), 900);
	fake_expect(w, w->now, "S 0:900(900) win 64240 <mss 1460,sackOK,nop,wscale 7>");
	done(w, p);
	p = fake_socket(w, 0);
	assert_int_equal(send_to(w, p, 1900), -EINPROGRESS);
	fake_expect(w, w->now, SYN_LINE ",FO>");
	done(w, p);
	fake_set(w, "net.ipv4.tcp_fastopen", "0");
	p = fake_socket(w, 0);
	assert_int_equal(send_to(w, p, 1000), -EOPNOTSUPP);
	assert_int_equal(fake_option(w, p, STK_TCP_FASTOPEN_CONNECT, 1), -EOPNOTSUPP);
	done(w, p);
	fake_free(w);
}

static void connect_may_wait_for_the_first_write(void **state)
{
	struct fake *w = world();
	struct stk_addr to = {.addr = w->host[1].addr, .port = 80};
	struct tcp_pcb *p;
	uint8_t byte;

	(void)state;
	warm(w, "\xab\xcd\x12\x34", 4, 1460);
	p = fake_socket(w, 0);
	assert_int_equal(fake_option(w, p, STK_TCP_FASTOPEN_CONNECT, 1), 0);
	assert_int_equal(tcp_proto.connect(p->stk, w->now, &p->so, &to), 0);
	fake_expect_none(w);
	assert_int_equal(tcp_proto.connect(p->stk, w->now, &p->so, &to), -EISCONN);
	assert_int_equal(tcp_proto.readiness(p->stk, &p->so), STK_OUT);
	assert_int_equal(fake_recv(w, p, &byte, 1, 0), -EAGAIN);
	assert_int_equal(fake_send(w, p, data, 1000, 0), 1000);
	fake_expect(w, w->now,
		    "S 0:1000(1000) win 64240 <mss 1460,sackOK,nop,wscale 7,FO abcd1234>");
	assert_int_equal(tcp_proto.connect(p->stk, w->now, &p->so, &to), -EALREADY);
	done(w, p);
	/* A write of nothing is a plain connect, with the cookie. */
	p = fake_socket(w, 0);
	fake_option(w, p, STK_TCP_FASTOPEN_CONNECT, 1);
	assert_int_equal(tcp_proto.connect(p->stk, w->now, &p->so, &to), 0);
	assert_int_equal(fake_send(w, p, data, 0, 0), -EINPROGRESS);
	fake_expect(w, w->now, SYN_LINE ",FO abcd1234>");
	done(w, p);
	/* Without a cookie connect() asks for one at once. */
	tcp_metrics_flush(&w->host[0].s);
	p = fake_socket(w, 0);
	fake_option(w, p, STK_TCP_FASTOPEN_CONNECT, 1);
	assert_int_equal(tcp_proto.connect(p->stk, w->now, &p->so, &to), -EINPROGRESS);
	fake_expect(w, w->now, SYN_LINE ",FO>");
	done(w, p);
	fake_free(w);
}

static void too_long_for_the_path_it_leaves_without_text(void **state)
{
	struct fake *w = world();
	struct tcp_pcb *p;
	uint8_t quote[8] = {0};
	struct ip_error e = {.error = EMSGSIZE, .mtu = 800, .transport = quote, .transport_len = 8};

	(void)state;
	warm(w, "\xab\xcd\x12\x34", 4, 1040);
	p = fake_socket(w, 0);
	assert_int_equal(send_to(w, p, 9999), 1000);
	fake_skip(w);
	w->host[0].mtu = 800;
	w->host[0].s.route_generation++;
	e.src = w->host[0].addr;
	e.dst = w->host[1].addr;
	wire_put16(quote, p->so.local.port);
	wire_put16(quote + 2, 80);
	wire_put32(quote + 4, p->iss);
	tcp_error(&w->host[0].s, w->now, &e);
	fake_expect(w, w->now, "S 0:0(0) win 64240 <mss 760,sackOK,nop,wscale 7>");
	fake_run(w, w->now + 20 * MS);
	fake_inject(w, SYN | ACK, 0, 1, 0, &answer);
	fake_expect(w, w->now, ". 1:761(760) ack 1");
	fake_expect(w, w->now, "P. 761:1001(240) ack 1");
	assert_int_equal(p->cwnd, 7600);
	done(w, p);
	fake_free(w);
}

static void both_may_open_with_text_at_once(void **state)
{
	struct fake *w = world();
	struct tcp_pcb *p;
	struct wire_tcp h = with_cookie("\x87\x65\x43\x21", 4, false);

	(void)state;
	warm(w, "\xab\xcd\x12\x34", 4, 1460);
	p = fake_socket(w, 0);
	assert_int_equal(send_to(w, p, 1000), 1000);
	fake_skip(w);
	/* Of a SYN that crosses ours only the SYN is taken. */
	fake_inject(w, SYN, 0, 0, 500, &h);
	fake_expect(w, w->now, "S. 0:0(0) ack 1 win 64240 <mss 1460,sackOK>");
	assert_int_equal(p->state, TCP_SYN_RECEIVED);
	fake_run(w, w->now + 45 * MS);
	fake_inject(w, SYN | ACK, 0, 1001, 0, &answer);
	assert_int_equal(p->state, TCP_ESTABLISHED);
	assert_int_equal(p->snd.len, 0);
	fake_skip(w);
	fake_inject(w, ACK, 1, 1001, 500, NULL);
	fake_expect(w, w->now, ". 1001:1001(0) ack 501");
	done(w, p);
	fake_free(w);
}

static void black_hole_stops_it_for_a_time_that_doubles(void **state)
{
	struct fake *w = world();
	struct tcp_pcb *p;

	(void)state;
	fake_set(w, "net.ipv4.tcp_fastopen_blackhole_timeout_sec", "100");
	warm(w, "\xab\xcd\x12\x34", 4, 1460);
	for (unsigned i = 1; i <= 2; i++) {
		p = fake_socket(w, 0);
		assert_int_equal(send_to(w, p, 100), 100);
		fake_run(w, w->now + 4 * S);
		assert_int_equal(w->host[0].counters[STK_TcpFastOpenBlackhole], i);
		done(w, p);
		p = fake_socket(w, 0);
		assert_int_equal(send_to(w, p, 100), -EINPROGRESS);
		fake_expect(w, w->now, SYN_LINE ">");
		done(w, p);
		fake_run(w, w->now + 99 * S);
		p = fake_socket(w, 0);
		assert_int_equal(send_to(w, p, 100), i == 1 ? 100 : -EINPROGRESS);
		done(w, p);
		fake_run(w, w->now + 100 * S);
	}
	/* What arrives ends it. */
	p = fake_socket(w, 0);
	assert_int_equal(send_to(w, p, 100), 100);
	fake_inject(w, SYN | ACK, 0, 101, 0, &answer);
	assert_int_equal(w->host[0].s.tcp->fastopen_holes, 0);
	done(w, p);
	fake_free(w);
}

static void syn_ack_with_a_foreign_echo_is_refused(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = fake_connect(w, 0, 80);
	struct wire_tcp h = answer;

	(void)state;
	fake_skip(w);
	fake_run(w, 10 * MS);
	h.has_timestamp = true;
	h.ts_val = 1000;
	h.ts_ecr = w->host[0].ts_val + 9999;
	fake_inject(w, SYN | ACK, 0, 1, 0, &h);
	fake_expect(w, 10 * MS, "R 1:1(0)");
	assert_int_equal(p->state, TCP_SYN_SENT);
	h.ts_ecr = w->host[0].ts_val;
	fake_inject(w, SYN | ACK, 0, 1, 0, &h);
	assert_int_equal(p->state, TCP_ESTABLISHED);
	fake_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cookie_is_asked_for_and_the_next_syn_carries_text),
		cmocka_unit_test(text_that_the_peer_did_not_take_leaves_at_once),
		cmocka_unit_test(syn_that_leaves_again_is_plain),
		cmocka_unit_test(without_quick_acks_the_handshake_ends_with_the_first_text),
		cmocka_unit_test(answer_beyond_the_text_is_refused),
		cmocka_unit_test(peer_that_ignores_the_option_is_asked_in_its_old_form_once),
		cmocka_unit_test(without_cookies_text_goes_at_once_and_none_is_kept),
		cmocka_unit_test(connect_may_wait_for_the_first_write),
		cmocka_unit_test(too_long_for_the_path_it_leaves_without_text),
		cmocka_unit_test(both_may_open_with_text_at_once),
		cmocka_unit_test(black_hole_stops_it_for_a_time_that_doubles),
		cmocka_unit_test(syn_ack_with_a_foreign_echo_is_refused),
	};

	return cmocka_run_group_tests_name("tcp_fastopen", tests, NULL, NULL);
}
