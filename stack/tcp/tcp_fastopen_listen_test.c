/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* TCP Fast Open, RFC 7413, the server, segment by segment: the peer is the test. */
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
#define FIN WIRE_TCP_FIN

static uint8_t data[20000];

/* What this key gives for 192.0.2.1 to 192.168.0.1, in Linux too. */
#define KEY "a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4"
static const uint8_t right[] = {0x30, 0x21, 0xb9, 0xd8, 0x89, 0x01, 0x7e, 0xeb};

static struct wire_tcp syn(const uint8_t *cookie, uint8_t len)
{
	struct wire_tcp h = {.window = 32792,
			     .src_port = 5000,
			     .dst_port = 80,
			     .has_mss = true,
			     .mss = 1000,
			     .sack_permitted = true};

	h.has_cookie = cookie || !len;
	h.cookie_len = len;
	if (len && cookie)
		memcpy(h.cookie, cookie, len);
	return h;
}

static struct wire_tcp segment(void)
{
	return (struct wire_tcp){.window = 32792, .src_port = 5000, .dst_port = 80};
}

static struct fake *world(const char *mask, const char *key)
{
	struct fake *w = fake_new(1, false, true, 0);

	assert_int_equal(wire_addr_parse("192.168.0.1", &w->host[0].addr), 0);
	assert_int_equal(wire_addr_parse("192.0.2.1", &w->host[1].addr), 0);
	fake_set(w, "net.ipv4.tcp_congestion_control", "reno");
	fake_set(w, "net.ipv4.tcp_fastopen", mask);
	fake_set(w, "net.ipv4.tcp_fastopen_key", key);
	return w;
}

static struct tcp_pcb *listening(struct fake *w, int most)
{
	struct tcp_pcb *l = fake_listen(w, 0, 80, 5);

	assert_int_equal(fake_option(w, l, STK_TCP_FASTOPEN, most), 0);
	return l;
}

/* A child that a SYN with ten bytes has made. */
static struct tcp_pcb *made(struct fake *w, struct tcp_pcb *l)
{
	struct wire_tcp h = syn(right, 8);

	fake_inject(w, SYN, 0, 0, 10, &h);
	fake_expect(w, w->now, "S. 0:0(0) ack 11 win 64240 <mss 1460,sackOK>");
	assert_non_null(l->accept_first);
	return l->accept_first;
}

static void cookie_is_the_keyed_hash_of_both_addresses(void **state)
{
	struct fake *w = world("0x2", KEY);
	struct wire_tcp h = syn(NULL, 0);
	char text[80];

	(void)state;
	listening(w, 5);
	fake_inject(w, SYN, 0, 0, 0, &h);
	fake_expect(w, 0, "S. 0:0(0) ack 1 win 64240 <mss 1460,sackOK,FO 3021b9d889017eeb>");
	assert_int_equal(w->host[0].counters[STK_TcpFastOpenCookieReqd], 1);
	assert_int_equal(tcp_get(&w->host[0].s, "net.ipv4.tcp_fastopen_key", text, sizeof(text)),
			 0);
	assert_string_equal(text, KEY);
	fake_free(w);

	/* Asked for in the experimental form, it is given so. */
	w = world("0x2", "a0bf63f7-ed803d81-cd641d30-cebc4a90");
	assert_int_equal(wire_addr_parse("192.168.0.2", &w->host[0].addr), 0);
	assert_int_equal(wire_addr_parse("10.248.0.2", &w->host[1].addr), 0);
	listening(w, 5);
	h.cookie_exp = true;
	fake_inject(w, SYN, 0, 0, 0, &h);
	fake_expect(w, 0, "S. 0:0(0) ack 1 win 64240 <mss 1460,sackOK,FOEXP 00abaaabe8e954c2>");
	fake_free(w);
}

static void text_of_a_syn_with_its_cookie_is_read_and_answered_at_once(void **state)
{
	struct fake *w = world("0x2", KEY);
	struct tcp_pcb *l = listening(w, 5), *p;
	struct wire_tcp h = segment();
	uint8_t in[100];

	(void)state;
	made(w, l);
	p = fake_accept(w, l);
	assert_non_null(p);
	assert_int_equal(p->state, TCP_SYN_RECEIVED);
	assert_true(p->syn_data_acked);
	assert_int_equal(tcp_proto.readiness(p->stk, &p->so), STK_IN | STK_OUT);
	assert_int_equal(fake_recv(w, p, in, 100, 0), 10);
	/* The handshake is not over, but the answer leaves, as far as the SYN's window goes. */
	fake_run(w, 100 * MS);
	assert_int_equal(fake_send(w, p, data, 1500, 0), 1500);
	fake_expect(w, 100 * MS, ". 1:1001(1000) ack 11");
	fake_expect(w, 100 * MS, "P. 1001:1501(500) ack 11");
	/* The SYN-ACK alone leaves again, until it is answered. */
	fake_run(w, 1000 * MS);
	fake_expect(w, 1000 * MS, "S. 0:0(0) ack 11 win 64240 <mss 1460,sackOK>");
	fake_expect_none(w);
	fake_run(w, 1100 * MS);
	fake_inject(w, ACK, 11, 1001, 0, &h);
	assert_int_equal(p->state, TCP_ESTABLISHED);
	assert_int_equal(p->snd_una - p->iss, 1001);
	fake_inject(w, ACK, 11, 1501, 0, &h);
	assert_int_equal(p->snd.len, 0);
	assert_int_equal(l->fastopen_count, 0);
	assert_null(p->listener);
	fake_free(w);
}

static void wrong_cookie_is_answered_with_the_right_one(void **state)
{
	struct fake *w = world("0x2", KEY);
	struct tcp_pcb *l = listening(w, 5);
	struct wire_tcp h = syn((const uint8_t *)"\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa", 8);

	(void)state;
	fake_inject(w, SYN, 0, 0, 10, &h);
	fake_expect(w, 0, "S. 0:0(0) ack 1 win 64240 <mss 1460,sackOK,FO 3021b9d889017eeb>");
	assert_null(l->accept_first);
	assert_int_equal(l->embryos, 1);
	assert_int_equal(w->host[0].counters[STK_TcpFastOpenPassiveFail], 1);
	/* Again it is without. */
	fake_run(w, 1 * S);
	fake_expect(w, 1 * S, "S. 0:0(0) ack 1 win 64240 <mss 1460,sackOK>");
	fake_free(w);
}

static void cookie_of_the_key_before_is_good_and_replaced(void **state)
{
	struct fake *w = world("0x2", "00000001-00000002-00000003-00000004," KEY);
	struct tcp_pcb *l = listening(w, 5);
	struct wire_tcp h = syn(right, 8);

	(void)state;
	fake_inject(w, SYN, 0, 0, 10, &h);
	assert_memory_equal(w->lines[0], "S. 0:0(0) ack 11 win", 20);
	assert_non_null(strstr(w->lines[0], ",FO "));
	assert_null(strstr(w->lines[0], "3021b9d889017eeb"));
	assert_non_null(l->accept_first);
	fake_free(w);
}

static void listener_may_have_a_key_of_its_own(void **state)
{
	struct fake *w = world("0x2", "00000001-00000002-00000003-00000004");
	struct tcp_pcb *l = listening(w, 5);
	uint8_t key[16];

	(void)state;
	for (unsigned i = 0; i < 16; i++)
		key[i] = (uint8_t)(0xa1 + 0x11 * (i / 4));
	assert_int_equal(tcp_fastopen_key(&l->so, key, 15), -EINVAL);
	assert_int_equal(tcp_fastopen_key(&l->so, key, 16), 0);
	made(w, l);
	fake_free(w);
}

static void without_the_bit_or_the_option_text_is_not_taken(void **state)
{
	struct wire_tcp h = syn(right, 8);

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct fake *w = world(i ? "0x1" : "0x2", KEY);
		struct tcp_pcb *l = fake_listen(w, 0, 80, 5);

		if (i)
			fake_option(w, l, STK_TCP_FASTOPEN, 5);
		fake_inject(w, SYN, 0, 0, 10, &h);
		fake_expect(w, 0, "S. 0:0(0) ack 1 win 64240 <mss 1460,sackOK>");
		assert_null(l->accept_first);
		fake_free(w);
	}
}

static void servers_may_go_without_cookies(void **state)
{
	struct wire_tcp h = syn(NULL, 1);

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct fake *w = world(i == 0 ? "0x202" : i == 1 ? "0x2" : "0x602", KEY);
		struct tcp_pcb *l = fake_listen(w, 0, 80, 5);

		if (i < 2)
			fake_option(w, l, STK_TCP_FASTOPEN, 5);
		if (i == 1)
			assert_int_equal(fake_option(w, l, STK_TCP_FASTOPEN_NO_COOKIE, 1), 0);
		assert_false(h.has_cookie && h.cookie_len);
		h.has_cookie = false;
		h.cookie_len = 0;
		fake_inject(w, SYN, 0, 0, 1000, &h);
		fake_expect(w, 0, "S. 0:0(0) ack 1001 win 64240 <mss 1460,sackOK>");
		assert_non_null(l->accept_first);
		fake_free(w);
	}
}

static void no_more_than_the_limit_have_proved_nothing(void **state)
{
	struct fake *w = world("0x2", KEY);
	struct tcp_pcb *l = listening(w, 1), *p;
	struct wire_tcp h = syn(right, 8), ack = segment();

	(void)state;
	made(w, l);
	h.src_port = 5001;
	fake_inject(w, SYN, 0, 0, 10, &h);
	assert_int_equal(w->host[0].counters[STK_TcpFastOpenListenOverflow], 1);
	assert_int_equal(l->embryos, 1);
	/* Accepted, it still counts; answered, it does not. */
	p = fake_accept(w, l);
	assert_int_equal(l->fastopen_count, 1);
	w->host[0].iss = p->iss;
	fake_inject(w, ACK, 11, 1, 0, &ack);
	assert_int_equal(p->state, TCP_ESTABLISHED);
	assert_int_equal(l->fastopen_count, 0);
	fake_free(w);
}

static void child_that_is_reset_is_still_accepted_and_counts_for_a_minute(void **state)
{
	struct fake *w = world("0x2", KEY);
	struct tcp_pcb *l = listening(w, 1), *p;
	struct wire_tcp h = segment();
	uint8_t in[100];

	(void)state;
	made(w, l);
	fake_inject(w, RST | ACK, 11, 0, 0, &h);
	p = fake_accept(w, l);
	assert_non_null(p);
	assert_int_equal(p->state, TCP_CLOSED);
	assert_int_equal(fake_recv(w, p, in, 100, 0), 10);
	assert_int_equal(fake_recv(w, p, in, 100, 0), -ECONNRESET);
	assert_int_equal(l->fastopen_count, 1);
	h = syn(right, 8);
	h.src_port = 5001;
	fake_inject(w, SYN, 0, 0, 10, &h);
	assert_int_equal(l->embryos, 1);
	fake_run(w, 60 * S);
	h.src_port = 5002;
	fake_inject(w, SYN, 0, 0, 10, &h);
	assert_non_null(l->accept_first);
	assert_int_equal(l->fastopen_count, 1);
	fake_free(w);
}

static void fin_and_close_meet_the_unfinished_handshake(void **state)
{
	struct fake *w = world("0x2", KEY);
	struct tcp_pcb *l = listening(w, 5), *p;
	struct wire_tcp h = segment();
	uint8_t in[100];

	(void)state;
	made(w, l);
	fake_inject(w, FIN | ACK, 11, 1, 0, &h);
	fake_expect(w, 0, ". 1:1(0) ack 12");
	p = fake_accept(w, l);
	assert_int_equal(p->state, TCP_CLOSE_WAIT);
	assert_int_equal(fake_recv(w, p, in, 100, 0), 10);
	fake_close(w, p);
	fake_expect(w, 0, "F. 1:1(0) ack 12");
	fake_inject(w, ACK, 12, 2, 0, &h);
	fake_free(w);

	/* Our FIN needs no answer to our SYN. */
	w = world("0x2", KEY);
	l = listening(w, 5);
	made(w, l);
	p = fake_accept(w, l);
	assert_int_equal(fake_recv(w, p, in, 100, 0), 10);
	fake_close(w, p);
	fake_expect(w, 0, "F. 1:1(0) ack 11");
	fake_inject(w, ACK, 11, 2, 0, &h);
	assert_int_equal(p->state, TCP_FIN_WAIT_2);
	assert_int_equal(l->fastopen_count, 0);
	fake_free(w);
}

static void closing_resets_what_was_not_read(void **state)
{
	struct fake *w = world("0x2", KEY);
	struct tcp_pcb *l = listening(w, 5), *p;

	(void)state;
	made(w, l);
	p = fake_accept(w, l);
	fake_close(w, p);
	fake_expect(w, 0, "R. 1:1(0) ack 11");
	fake_skip(w);
	w->host[0].has_iss = false;
	made(w, l);
	fake_close(w, l);
	fake_expect(w, 0, "R. 1:1(0) ack 11");
	fake_free(w);
}

static void both_ends_of_it_work_together(void **state)
{
	struct fake *w = fake_new(1, true, false, 10 * MS);
	struct tcp_pcb *l, *a, *b;
	struct stk_addr to = {.addr = w->host[1].addr, .port = 80};
	uint8_t in[100];

	(void)state;
	fake_set(w, "net.ipv4.tcp_fastopen", "3");
	l = fake_listen(w, 1, 80, 5);
	fake_option(w, l, STK_TCP_FASTOPEN, 5);
	a = fake_socket(w, 0);
	assert_int_equal(tcp_proto.send(a->stk, w->now, &a->so, "hello", 5, STK_MSG_FASTOPEN, &to),
			 -EINPROGRESS);
	fake_run(w, 100 * MS);
	assert_non_null(fake_accept(w, l));
	a = fake_socket(w, 0);
	assert_int_equal(tcp_proto.send(a->stk, w->now, &a->so, "hello", 5, STK_MSG_FASTOPEN, &to),
			 5);
	/* Half a round trip instead of one and a half. */
	fake_run(w, 110 * MS);
	b = fake_accept(w, l);
	assert_non_null(b);
	assert_int_equal(fake_recv(w, b, in, 100, 0), 5);
	assert_memory_equal(in, "hello", 5);
	assert_int_equal(fake_send(w, b, "world", 5, 0), 5);
	fake_run(w, 120 * MS);
	assert_int_equal(fake_recv(w, a, in, 100, 0), 5);
	fake_run(w, 200 * MS);
	assert_int_equal(b->state, TCP_ESTABLISHED);
	assert_int_equal(b->snd.len, 0);
	fake_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cookie_is_the_keyed_hash_of_both_addresses),
		cmocka_unit_test(text_of_a_syn_with_its_cookie_is_read_and_answered_at_once),
		cmocka_unit_test(wrong_cookie_is_answered_with_the_right_one),
		cmocka_unit_test(cookie_of_the_key_before_is_good_and_replaced),
		cmocka_unit_test(listener_may_have_a_key_of_its_own),
		cmocka_unit_test(without_the_bit_or_the_option_text_is_not_taken),
		cmocka_unit_test(servers_may_go_without_cookies),
		cmocka_unit_test(no_more_than_the_limit_have_proved_nothing),
		cmocka_unit_test(child_that_is_reset_is_still_accepted_and_counts_for_a_minute),
		cmocka_unit_test(fin_and_close_meet_the_unfinished_handshake),
		cmocka_unit_test(closing_resets_what_was_not_read),
		cmocka_unit_test(both_ends_of_it_work_together),
	};

	return cmocka_run_group_tests_name("tcp_fastopen_listen", tests, NULL, NULL);
}
