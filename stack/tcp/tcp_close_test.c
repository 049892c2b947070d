/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How connections end: RFC 9293 3.6, 3.10.7.3-4 (resets in every state, second), lost FINs, both
 * at once, and those that nobody holds any more. The peer is the test, unless there are two hosts.
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
#define FIN WIRE_TCP_FIN
#define RST WIRE_TCP_RST

static uint8_t data[20000];

/* A connection of ours in this state; *next is what the peer sends next, *una what it has not
 * acknowledged yet.
 */
static struct tcp_pcb *in_state(struct fake *w, enum tcp_state state, uint32_t *next)
{
	struct wire_tcp syn = {.window = 65535, .has_mss = true, .mss = 1000};
	struct tcp_pcb *p = fake_connect(w, 0, 80);

	*next = 1;
	if (state == TCP_SYN_SENT)
		return p;
	if (state == TCP_SYN_RECEIVED) {
		fake_inject(w, SYN, 0, 0, 0, &syn);
		return p;
	}
	fake_inject(w, SYN | ACK, 0, 1, 0, &syn);
	if (state == TCP_CLOSE_WAIT || state == TCP_LAST_ACK) {
		fake_inject(w, FIN | ACK, 1, 1, 0, NULL);
		*next = 2;
	}
	if (state != TCP_ESTABLISHED && state != TCP_CLOSE_WAIT)
		fake_shutdown(w, p, STK_SHUT_WR);
	if (state == TCP_FIN_WAIT_2 || state == TCP_TIME_WAIT)
		fake_inject(w, ACK, 1, 2, 0, NULL);
	if (state == TCP_CLOSING)
		fake_inject(w, FIN | ACK, 1, 1, 0, NULL);
	if (state == TCP_TIME_WAIT)
		fake_inject(w, FIN | ACK, 1, 2, 0, NULL);
	if (state == TCP_CLOSING || state == TCP_TIME_WAIT)
		*next = 2;
	return p;
}

static void reset_closes_every_state_with_its_error(void **state)
{
	static const struct {
		enum tcp_state state;
		int error;
	} each[] = {
		{TCP_SYN_SENT, ECONNREFUSED},	{TCP_SYN_RECEIVED, ECONNREFUSED},
		{TCP_ESTABLISHED, ECONNRESET},	{TCP_FIN_WAIT_1, ECONNRESET},
		{TCP_FIN_WAIT_2, ECONNRESET},	{TCP_CLOSE_WAIT, EPIPE},
		{TCP_CLOSING, 0},		{TCP_LAST_ACK, 0},
		{TCP_TIME_WAIT, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(each) / sizeof(*each); i++) {
		struct fake *w = fake_new(1, false, true, 0);
		uint32_t next;
		struct tcp_pcb *p = in_state(w, each[i].state, &next);

		assert_int_equal(p->state, each[i].state);
		fake_skip(w);
		/* Not to another number, nor in SYN-SENT without our number. */
		if (each[i].state == TCP_SYN_SENT)
			fake_inject(w, RST, 0, 0, 0, NULL);
		else
			fake_inject(w, RST, next + 70000, 0, 0, NULL);
		assert_int_equal(p->state, each[i].state);
		fake_inject(w, each[i].state == TCP_SYN_SENT ? RST | ACK : RST, next, 1, 0, NULL);
		assert_int_equal(p->state, TCP_CLOSED);
		assert_int_equal(p->so.error, each[i].error);
		/* A reset is never answered. */
		fake_expect_none(w);
		fake_free(w);
	}
}

static void segment_of_no_connection_is_reset_in_its_own_numbers(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct wire_tcp h = {.window = 100, .dst_port = 81, .src_port = 5000};

	(void)state;
	fake_inject(w, ACK, 5, 7, 3, &h);
	fake_expect(w, 0, "R 7:7(0)");
	fake_inject(w, SYN | FIN, 5, 0, 3, &h);
	assert_memory_equal(w->lines[w->lines_read], "R. ", 3);
	assert_non_null(strstr(w->lines[w->lines_read], "ack 10"));
	fake_skip(w);
	fake_inject(w, RST | ACK, 5, 7, 0, &h);
	fake_inject(w, RST, 5, 0, 0, &h);
	fake_expect_none(w);
	fake_free(w);
}

static void fin_leaves_again_until_it_is_acknowledged(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	uint32_t next;
	struct tcp_pcb *p = in_state(w, TCP_ESTABLISHED, &next);
	unsigned fins = 0;

	(void)state;
	fake_set(w, "net.ipv4.tcp_early_retrans", "0");
	fake_send(w, p, data, 10, 0);
	fake_inject(w, ACK, 1, 11, 0, NULL);
	fake_skip(w);
	fake_shutdown(w, p, STK_SHUT_WR);
	fake_run(w, 2 * S);
	for (; w->lines_read < w->lines_count; w->lines_read++)
		fins += !strcmp(w->lines[w->lines_read], "F. 11:11(0) ack 1");
	/* At 0, 200, 600 and 1,400 ms. */
	assert_int_equal(fins, 4);
	fake_inject(w, ACK, 1, 12, 0, NULL);
	assert_int_equal(p->state, TCP_FIN_WAIT_2);
	fake_run(w, 60 * S);
	fake_expect_none(w);
	/* While the socket is held, the peer may take its time: text still comes. */
	fake_inject(w, ACK, 1, 12, 100, NULL);
	assert_int_equal(p->rcv.ready_bytes, 100);
	fake_free(w);
}

static int second_lost(struct fake *w, struct fake_packet *packet, void *ctx)
{
	int *seen = ctx;

	(void)w;
	(void)packet;
	return ++*seen == 2 || *seen == 3 ? 0 : 1;
}

static void both_close_at_once_though_fins_are_lost(void **state)
{
	struct fake *w = fake_new(1, false, false, 10 * MS);
	struct tcp_pcb *l = fake_listen(w, 1, 80, 5), *a = fake_connect(w, 0, 80), *b;
	int seen = 0;

	(void)state;
	fake_run(w, 100 * MS);
	b = fake_accept(w, l);
	w->wire = second_lost;
	w->wire_ctx = &seen;
	fake_shutdown(w, a, STK_SHUT_WR);
	fake_shutdown(w, b, STK_SHUT_WR);
	fake_run(w, 5 * S);
	assert_true(a->state == TCP_TIME_WAIT || a->state == TCP_CLOSED);
	assert_true(b->state == TCP_TIME_WAIT || b->state == TCP_CLOSED);
	assert_true(a->state == TCP_TIME_WAIT || b->state == TCP_TIME_WAIT);
	assert_int_equal(a->so.error, 0);
	assert_int_equal(b->so.error, 0);
	fake_free(w);
}

static void orphan_gives_up_sooner(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	uint32_t next;
	struct tcp_pcb *p = in_state(w, TCP_ESTABLISHED, &next);

	(void)state;
	fake_set(w, "net.ipv4.tcp_orphan_retries", "2");
	fake_set(w, "net.ipv4.tcp_early_retrans", "0");
	fake_skip(w);
	fake_close(w, p);
	assert_int_equal(w->host[0].s.tcp->orphans, 1);
	fake_run(w, 10 * S);
	assert_int_equal(w->lines_count - w->lines_read, 3);
	assert_int_equal(w->host[0].sockets_live, 0);
	assert_int_equal(w->host[0].s.tcp->orphans, 0);
	assert_int_equal(w->host[0].counters[STK_TcpAbortOnTimeout], 1);
	fake_free(w);
}

static void beyond_the_limit_of_orphans_close_resets(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	uint32_t next;
	struct tcp_pcb *p = in_state(w, TCP_ESTABLISHED, &next);

	(void)state;
	fake_set(w, "net.ipv4.tcp_max_orphans", "0");
	fake_skip(w);
	fake_close(w, p);
	fake_expect(w, 0, "R. 1:1(0) ack 1");
	assert_int_equal(w->host[0].sockets_live, 0);
	fake_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reset_closes_every_state_with_its_error),
		cmocka_unit_test(segment_of_no_connection_is_reset_in_its_own_numbers),
		cmocka_unit_test(fin_leaves_again_until_it_is_acknowledged),
		cmocka_unit_test(both_close_at_once_though_fins_are_lost),
		cmocka_unit_test(orphan_gives_up_sooner),
		cmocka_unit_test(beyond_the_limit_of_orphans_close_resets),
	};

	return cmocka_run_group_tests_name("tcp_close", tests, NULL, NULL);
}
