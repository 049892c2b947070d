/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* TIME-WAIT as a small rest of a connection: RFC 9293 3.6.1, RFC 6191, RFC 1337; and what a
 * connection costs that does nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "stack/tcp/tcp_fake.h"

#define MS  VS_MSEC
#define S   VS_SEC
#define SYN WIRE_TCP_SYN
#define ACK WIRE_TCP_ACK
#define RST WIRE_TCP_RST
#define FIN WIRE_TCP_FIN

#define IDLE_MAX 1500 /* bytes */

static struct wire_tcp from_peer(bool ts, uint32_t val)
{
	return (struct wire_tcp){.window = 65535,
				 .dst_port = 80,
				 .src_port = 5000,
				 .has_mss = true,
				 .mss = 1000,
				 .has_timestamp = ts,
				 .ts_val = val};
}

/* Our end has closed first, the peer then: only the rest is there, since now. */
static struct tcp_pcb *waiting(struct fake *w, bool ts)
{
	struct tcp_pcb *l = fake_listen(w, 0, 80, 5), *p;
	struct wire_tcp h = from_peer(ts, 1000);

	fake_inject(w, SYN, 0, 0, 0, &h);
	h.ts_ecr = w->host[0].ts_val;
	h.has_mss = false;
	fake_inject(w, ACK, 1, 1, 0, &h);
	p = fake_accept(w, l);
	fake_close(w, p);
	fake_inject(w, ACK | FIN, 1, 2, 0, &h);
	assert_int_equal(w->host[0].s.tcp->waits_count, 1);
	assert_int_equal(w->host[0].sockets_live, 1);
	fake_skip(w);
	return l;
}

static unsigned waits(const struct fake *w)
{
	return w->host[0].s.tcp->waits_count;
}

static void late_segments_are_answered_and_only_a_fin_prolongs(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct wire_tcp h = from_peer(false, 0);

	(void)state;
	waiting(w, false);
	h.has_mss = false;
	fake_run(w, 30 * S);
	/* Old text, out of the window: answered, but not at any rate. */
	fake_inject(w, ACK, 1, 1, 1, &h);
	fake_expect(w, 30 * S, ". 2:2(0) ack 2");
	fake_inject(w, ACK, 1, 1, 1, &h);
	fake_expect_none(w);
	/* An ACK of the next number is no news. */
	fake_inject(w, ACK, 2, 2, 0, &h);
	fake_expect_none(w);
	fake_inject(w, ACK | FIN, 1, 2, 0, &h);
	fake_expect(w, 30 * S, ". 2:2(0) ack 2");
	fake_run(w, 90 * S - 1);
	assert_int_equal(waits(w), 1);
	fake_run(w, 90 * S);
	assert_int_equal(waits(w), 0);
	fake_free(w);
}

static void timestamps_tell_a_new_syn_by_time(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct wire_tcp h = from_peer(true, 1000);

	(void)state;
	waiting(w, true);
	/* A greater number, but no later: an old duplicate (RFC 6191 2). */
	fake_inject(w, SYN, 70000, 0, 0, &h);
	assert_int_equal(waits(w), 1);
	assert_memory_equal(w->lines[w->lines_read], ". 2:2(0) ack 2", 14);
	fake_skip(w);
	/* Later, though with a smaller number. */
	h.ts_val = 1001;
	fake_inject(w, SYN, 0u - 5, 0, 0, &h);
	assert_int_equal(waits(w), 0);
	assert_memory_equal(w->lines[w->lines_read], "S. 0:0(0) ack -4", 16);
	fake_free(w);
}

static void reset_ends_it_unless_told_otherwise(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct fake *w = fake_new(1, false, true, 0);
		struct wire_tcp h = from_peer(false, 0);

		fake_set(w, "net.ipv4.tcp_rfc1337", i ? "1" : "0");
		waiting(w, false);
		h.has_mss = false;
		fake_inject(w, RST, 1, 0, 0, &h);
		assert_int_equal(waits(w), 1);
		fake_inject(w, RST, 2, 0, 0, &h);
		assert_int_equal(waits(w), i);
		fake_expect_none(w);
		fake_free(w);
	}
}

static void beyond_the_limit_connections_end_at_once(void **state)
{
	struct fake *w = fake_new(1, false, false, 10 * MS);
	struct tcp_pcb *l, *c[10], *b;

	(void)state;
	fake_set(w, "net.ipv4.tcp_max_tw_buckets", "6");
	l = fake_listen(w, 1, 80, 20);
	for (unsigned i = 0; i < 10; i++)
		c[i] = fake_connect(w, 0, 80);
	fake_run(w, 100 * MS);
	for (unsigned i = 0; i < 10; i++)
		fake_close(w, c[i]);
	fake_run(w, 200 * MS);
	while ((b = fake_accept(w, l)))
		fake_close(w, b);
	fake_run(w, 1 * S);
	assert_int_equal(waits(w), 6);
	assert_int_equal(w->host[0].counters[STK_TcpTimeWaitOverflow], 4);
	assert_int_equal(w->host[0].sockets_live, 0);
	fake_run(w, 70 * S);
	assert_int_equal(waits(w), 0);
	fake_free(w);
}

/* A port of a rest is not free for others; to the same peer it is when timestamps have moved. */
static void port_is_kept_and_reused_safely(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct stk_addr at = {.port = 80}, peer = {.port = 5000};
	struct tcp_pcb *p, *q;
	uint32_t iss;

	(void)state;
	at.addr = wire_addr_any6;
	peer.addr = w->host[1].addr;
	fake_set(w, "net.ipv4.tcp_tw_reuse", "1");
	q = waiting(w, true);
	fake_close(w, q);
	p = fake_socket(w, 0);
	assert_int_equal(tcp_proto.bind(p->stk, &p->so, &at), -EADDRINUSE);
	iss = w->host[0].iss;
	q = fake_socket(w, 0);
	q->so.reuse_addr = true;
	assert_int_equal(tcp_proto.bind(q->stk, &q->so, &at), -EADDRINUSE);
	fake_close(w, p);
	fake_close(w, q);
	fake_run(w, w->now + 60 * S);
	assert_int_equal(waits(w), 0);

	/* Now one that had SO_REUSEADDR. */
	p = fake_socket(w, 0);
	p->so.reuse_addr = true;
	assert_int_equal(tcp_proto.bind(p->stk, &p->so, &at), 0);
	assert_int_equal(tcp_proto.listen(p->stk, &p->so, 5), 0);
	w->host[0].has_iss = false;
	{
		struct wire_tcp h = from_peer(true, 200000);

		fake_inject(w, SYN, 0, 0, 0, &h);
		h.has_mss = false;
		h.ts_ecr = w->host[0].ts_val;
		fake_inject(w, ACK, 1, 1, 0, &h);
		q = fake_accept(w, p);
		fake_close(w, q);
		fake_inject(w, ACK | FIN, 1, 2, 0, &h);
	}
	assert_int_equal(waits(w), 1);
	iss = w->host[0].iss;
	fake_close(w, p);
	p = fake_socket(w, 0);
	p->so.reuse_addr = true;
	assert_int_equal(tcp_proto.bind(p->stk, &p->so, &at), 0);
	fake_run(w, w->now + 1 * S);
	assert_int_equal(tcp_proto.connect(p->stk, w->now, &p->so, &peer), -EADDRNOTAVAIL);
	fake_run(w, w->now + 1 * MS);
	assert_int_equal(tcp_proto.connect(p->stk, w->now, &p->so, &peer), -EINPROGRESS);
	assert_int_equal(waits(w), 0);
	assert_int_equal(p->iss, iss + 2 + TCP_REUSE_GAP);
	fake_free(w);
}

/* 10,000 on one stack, in both directions, found by hash; then as many rests. The figures are
 * printed; what is asserted is that they stay small.
 */
static void ten_thousand_connections_cost_little(void **state)
{
	enum { COUNT = 10000 };
	struct fake *w = fake_new(1, false, false, 10 * MS);
	struct tcp_pcb *l = fake_listen(w, 1, 80, COUNT), **c = calloc(COUNT, sizeof(*c)), *b;
	size_t *used = &w->host[0].arena.size_used, idle, rests;
	char byte;

	(void)state;
	w->log = false;
	for (unsigned i = 0; i < COUNT; i++)
		c[i] = fake_connect(w, 0, 80);
	fake_run(w, 500 * MS);
	assert_int_equal(l->accept_count, COUNT);
	/* Each has carried something. */
	for (unsigned i = 0; i < COUNT; i++)
		assert_int_equal(fake_send(w, c[i], "x", 1, 0), 1);
	fake_run(w, 1000 * MS);
	idle = *used;
	for (unsigned i = 0; i < COUNT; i++)
		fake_close(w, c[i]);
	fake_run(w, 1500 * MS);
	while ((b = fake_accept(w, l))) {
		assert_int_equal(fake_recv(w, b, &byte, 1, 0), 1);
		fake_close(w, b);
	}
	fake_run(w, 2000 * MS);
	assert_int_equal(waits(w), COUNT);
	assert_int_equal(w->host[0].sockets_live, 0);
	rests = *used;
	fake_run(w, 70 * S);
	assert_int_equal(waits(w), 0);
	/* Less what the stack keeps: frames, free chunks of send buffers, tables. */
	idle -= *used;
	rests -= *used;
	print_message("an idle connection: %zu bytes (struct %zu); in TIME-WAIT: %zu\n",
		      idle / COUNT, sizeof(struct tcp_pcb), rests / COUNT);
	assert_true(idle / COUNT < IDLE_MAX);
	assert_true(rests / COUNT < 300);
	free(c);
	fake_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(late_segments_are_answered_and_only_a_fin_prolongs),
		cmocka_unit_test(timestamps_tell_a_new_syn_by_time),
		cmocka_unit_test(reset_ends_it_unless_told_otherwise),
		cmocka_unit_test(beyond_the_limit_connections_end_at_once),
		cmocka_unit_test(port_is_kept_and_reused_safely),
		cmocka_unit_test(ten_thousand_connections_cost_little),
	};

	return cmocka_run_group_tests_name("tcp_wait", tests, NULL, NULL);
}
