/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Urgent data: RFC 9293 3.8.5, RFC 6093, and what sockets make of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "stack/tcp/tcp_fake.h"

#define MS  VS_MSEC
#define ACK WIRE_TCP_ACK
#define URG WIRE_TCP_URG

static uint8_t data[100000];

static struct tcp_pcb *connected(struct fake *w)
{
	struct wire_tcp syn = {.window = 65535, .has_mss = true, .mss = 1000};
	struct tcp_pcb *p = fake_connect(w, 0, 80);

	fake_run(w, w->now + 100 * MS);
	fake_inject(w, WIRE_TCP_SYN | ACK, 0, 1, 0, &syn);
	fake_skip(w);
	return p;
}

/* len bytes of the peer's from seq on; pointer 0: none. Byte n of the stream is 7 n. */
static void text(struct fake *w, uint32_t seq, uint32_t len, uint16_t pointer)
{
	struct wire_tcp h = {.window = 65535, .urgent = pointer};

	fake_inject(w, pointer ? ACK | URG : ACK, seq, 1, len, &h);
}

static int64_t get(struct tcp_pcb *p, enum stk_option option)
{
	int64_t value = -1;

	assert_int_equal(tcp_proto.option_get(p->stk, &p->so, option, &value), 0);
	return value;
}

static unsigned ready(struct tcp_pcb *p)
{
	return tcp_proto.readiness(p->stk, &p->so);
}

static void last_byte_of_a_write_is_pointed_behind(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w);

	(void)state;
	fake_send(w, p, data, 1500, 0);
	fake_expect(w, 100 * MS, ". 1:1001(1000) ack 1");
	fake_expect(w, 100 * MS, "P. 1001:1501(500) ack 1");
	/* Nagle does not keep urgent data back. */
	assert_int_equal(fake_send(w, p, data, 10, STK_MSG_OOB), 10);
	fake_expect(w, 100 * MS, "PU. 1501:1511(10) ack 1 urg 10");
	fake_inject(w, ACK, 1, 1501, 0, NULL);
	fake_send(w, p, data, 10, 0);
	fake_expect(w, 100 * MS, "P. 1511:1521(10) ack 1");
	/* What leaves again says it again; once acknowledged it is over. */
	while (w->lines_read == w->lines_count && fake_step(w, 1000 * MS))
		;
	fake_expect(w, w->now, "PU. 1501:1511(10) ack 1 urg 10");
	fake_inject(w, ACK, 1, 1521, 0, NULL);
	assert_false(p->snd_urgent);
	fake_free(w);
}

static void pointer_is_said_before_the_data_may_leave(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w);
	struct wire_tcp h = {.window = 1000};

	(void)state;
	fake_inject(w, ACK, 1, 1, 0, &h);
	fake_send(w, p, data, 1500, STK_MSG_OOB);
	fake_expect(w, 100 * MS, "U. 1:1001(1000) ack 1 urg 1500");
	fake_expect_none(w);
	fake_free(w);
}

static void urgent_byte_is_taken_out_of_the_stream(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w);
	uint8_t in[100];

	(void)state;
	assert_int_equal(fake_recv(w, p, in, 1, STK_MSG_OOB), -EINVAL);
	text(w, 1, 10, 5); /* the fifth: number 5 */
	assert_int_equal(ready(p) & (STK_IN | STK_PRI), STK_IN | STK_PRI);
	assert_int_equal(get(p, STK_INQ), 4);
	assert_false(get(p, STK_ATMARK));
	assert_int_equal(fake_recv(w, p, in, 100, 0), 4);
	assert_true(get(p, STK_ATMARK));
	assert_int_equal(fake_recv(w, p, in, 1, STK_MSG_OOB | STK_MSG_PEEK), 1);
	assert_int_equal(in[0], 5 * 7);
	assert_int_equal(fake_recv(w, p, in, 1, STK_MSG_OOB), 1);
	assert_int_equal(fake_recv(w, p, in, 1, STK_MSG_OOB), -EINVAL);
	assert_int_equal(ready(p) & STK_PRI, 0);
	/* Peeking leaves the mark where it is. */
	assert_int_equal(fake_recv(w, p, in, 3, STK_MSG_PEEK), 3);
	assert_int_equal(in[0], 6 * 7);
	assert_true(get(p, STK_ATMARK));
	assert_int_equal(fake_recv(w, p, in, 100, 0), 5);
	assert_int_equal(in[0], 6 * 7);
	assert_int_equal(in[4], 10 * 7);
	assert_false(get(p, STK_ATMARK));
	assert_int_equal(p->urgent, TCP_URGENT_NONE);
	fake_free(w);
}

static void inline_it_stays_and_reading_stops_before_it(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w);
	uint8_t in[100];

	(void)state;
	fake_option(w, p, STK_SO_OOBINLINE, 1);
	text(w, 1, 10, 5);
	assert_int_equal(get(p, STK_INQ), 10);
	assert_int_equal(fake_recv(w, p, in, 100, 0), 4);
	assert_true(get(p, STK_ATMARK));
	assert_int_equal(fake_recv(w, p, in, 1, STK_MSG_OOB), -EINVAL);
	assert_int_equal(fake_recv(w, p, in, 100, 0), 6);
	assert_int_equal(in[0], 5 * 7);
	assert_false(get(p, STK_ATMARK));
	fake_free(w);
}

static void byte_may_come_after_its_announcement(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w);
	uint8_t in[100];

	(void)state;
	text(w, 1, 10, 15);
	assert_int_equal(ready(p) & STK_PRI, 0);
	assert_int_equal(fake_recv(w, p, in, 1, STK_MSG_OOB), -EAGAIN);
	assert_int_equal(fake_recv(w, p, in, 100, 0), 10);
	/* Not even with the URG bit. */
	text(w, 11, 5, 0);
	assert_int_equal(ready(p) & STK_PRI, STK_PRI);
	assert_int_equal(fake_recv(w, p, in, 1, STK_MSG_OOB), 1);
	assert_int_equal(in[0], 15 * 7);
	assert_int_equal(fake_recv(w, p, in, 100, 0), 4);
	/* All that is left is its place: nothing to read, and the mark. */
	assert_int_equal(ready(p) & STK_IN, 0);
	assert_true(get(p, STK_ATMARK));
	assert_int_equal(fake_recv(w, p, in, 100, 0), -EAGAIN);
	text(w, 16, 3, 0);
	assert_int_equal(fake_recv(w, p, in, 100, 0), 3);
	assert_int_equal(in[0], 16 * 7);
	fake_free(w);
}

static void later_pointer_replaces_and_an_older_one_does_not(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = connected(w);
	uint8_t in[100];

	(void)state;
	text(w, 1, 10, 3);
	text(w, 11, 10, 2); /* number 12 */
	assert_int_equal(p->rcv_up, p->irs + 12);
	/* Number 3 is text again. */
	assert_int_equal(fake_recv(w, p, in, 100, 0), 11);
	assert_int_equal(in[2], 3 * 7);
	assert_int_equal(fake_recv(w, p, in, 1, STK_MSG_OOB), 1);
	assert_int_equal(in[0], 12 * 7);
	text(w, 11, 10, 1); /* an old segment */
	assert_int_equal(p->rcv_up, p->irs + 12);
	assert_int_equal(fake_recv(w, p, in, 100, 0), 8);
	fake_free(w);
}

static void both_ends_of_it_work_together(void **state)
{
	struct fake *w = fake_new(1, true, false, 10 * MS);
	struct tcp_pcb *l = fake_listen(w, 1, 80, 5), *a = fake_connect(w, 0, 80), *b;
	uint8_t in[100];

	(void)state;
	fake_run(w, 100 * MS);
	b = fake_accept(w, l);
	fake_send(w, a, "abc", 3, STK_MSG_OOB);
	fake_send(w, a, "def", 3, 0);
	fake_run(w, 200 * MS);
	assert_int_equal(fake_recv(w, b, in, 100, STK_MSG_OOB), 1);
	assert_int_equal(in[0], 'c');
	assert_int_equal(fake_recv(w, b, in, 100, 0), 2);
	assert_int_equal(fake_recv(w, b, in, 100, 0), 3);
	assert_memory_equal(in, "def", 3);
	fake_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(last_byte_of_a_write_is_pointed_behind),
		cmocka_unit_test(pointer_is_said_before_the_data_may_leave),
		cmocka_unit_test(urgent_byte_is_taken_out_of_the_stream),
		cmocka_unit_test(inline_it_stays_and_reading_stops_before_it),
		cmocka_unit_test(byte_may_come_after_its_announcement),
		cmocka_unit_test(later_pointer_replaces_and_an_older_one_does_not),
		cmocka_unit_test(both_ends_of_it_work_together),
	};

	return cmocka_run_group_tests_name("tcp_urgent", tests, NULL, NULL);
}
