/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SYN cookies, RFC 4987 3.6; and the range that ports are taken from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "stack/tcp/tcp_fake.h"

#define MS  VS_MSEC
#define ACK WIRE_TCP_ACK
#define SYN WIRE_TCP_SYN

static const struct wire_tcp full_syn = {.window = 65535,
					 .src_port = 5000,
					 .dst_port = 80,
					 .has_mss = true,
					 .mss = 1460,
					 .sack_permitted = true,
					 .has_timestamp = true,
					 .ts_val = 77,
					 .has_wscale = true,
					 .wscale = 9};

/* A listener with room for no embryo but one, which is there. */
static struct tcp_pcb *crowded(struct fake *w)
{
	struct wire_tcp other = full_syn;
	struct tcp_pcb *l;

	fake_set(w, "net.ipv4.tcp_max_syn_backlog", "1");
	l = fake_listen(w, 0, 80, 5);
	other.src_port = 6000;
	fake_inject(w, SYN, 0, 0, 0, &other);
	assert_int_equal(l->embryos, 1);
	fake_run(w, w->now + 130 * MS);
	return l;
}

static void full_backlog_answers_with_a_cookie_and_keeps_nothing(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *l = crowded(w);
	unsigned live = w->host[0].sockets_live;

	(void)state;
	fake_skip(w);
	fake_inject(w, SYN, 0, 0, 0, &full_syn);
	assert_int_equal(w->lines_count - w->lines_read, 1);
	assert_memory_equal(w->lines[w->lines_read], "S. 0:0(0) ack 1", 15);
	assert_int_equal(w->host[0].sockets_live, live);
	assert_int_equal(l->embryos, 1);
	assert_int_equal(w->host[0].counters[STK_TcpSyncookiesSent], 1);
	fake_free(w);
}

static struct tcp_pcb *by_cookie(struct fake *w, struct tcp_pcb *l, bool ts, vs_time wait)
{
	struct wire_tcp syn = full_syn;
	struct wire_tcp h = {.window = 1000, .src_port = 5000, .dst_port = 80};

	syn.has_timestamp = ts;
	fake_inject(w, SYN, 0, 0, 0, &syn);
	if (ts) {
		/* What a peer echoes it has seen: the ISS tells which answer it was. */
		h.has_timestamp = true;
		h.ts_val = 78;
		h.ts_ecr = w->host[0].ts_val;
	}
	fake_run(w, w->now + wait);
	fake_inject(w, ACK, 1, 1, 0, &h);
	return fake_accept(w, l);
}

static void ack_of_a_cookie_makes_the_connection_with_its_options(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = by_cookie(w, crowded(w), true, 50 * MS);
	uint8_t byte = 1;

	(void)state;
	assert_non_null(p);
	assert_int_equal(p->state, TCP_ESTABLISHED);
	assert_true(p->sack_on && p->ts_on && p->wscale_on);
	assert_false(p->ecn_on);
	assert_int_equal(p->snd_wscale, 9);
	assert_int_equal(p->snd_wnd, 1000 << 9);
	assert_int_equal(p->mss, 1448);
	assert_int_equal(w->host[0].counters[STK_TcpSyncookiesRecv], 1);
	fake_skip(w);
	assert_int_equal(fake_send(w, p, &byte, 1, 0), 1);
	fake_expect(w, 180 * MS, "P. 1:2(1) ack 1");
	fake_free(w);
}

static void without_timestamps_only_the_mss_is_kept(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *p = by_cookie(w, crowded(w), false, 50 * MS);

	(void)state;
	assert_non_null(p);
	assert_false(p->sack_on || p->ts_on || p->wscale_on);
	assert_int_equal(p->mss, 1460);
	assert_int_equal(p->snd_wnd, 1000);
	fake_free(w);
}

static void cookies_grow_old(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);

	(void)state;
	assert_null(by_cookie(w, crowded(w), true, 128 * VS_SEC));
	fake_free(w);
}

static void guessed_cookie_is_refused(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *l = crowded(w);
	struct wire_tcp h = {.window = 1000, .src_port = 5000, .dst_port = 80};

	(void)state;
	fake_inject(w, SYN, 0, 0, 0, &full_syn);
	fake_inject(w, ACK, 1, 2, 0, &h);
	assert_null(fake_accept(w, l));
	fake_inject(w, ACK, 2, 1, 0, &h); /* another ISN */
	assert_null(fake_accept(w, l));
	assert_int_equal(w->host[0].counters[STK_TcpSyncookiesFailed], 2);
	assert_int_equal(w->host[0].counters[STK_TcpOutRsts], 2);
	fake_free(w);
}

static void can_be_switched_off_and_be_for_all(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);
	struct tcp_pcb *l;

	(void)state;
	fake_set(w, "net.ipv4.tcp_syncookies", "0");
	crowded(w);
	fake_skip(w);
	fake_inject(w, SYN, 0, 0, 0, &full_syn);
	fake_expect_none(w);
	fake_free(w);
	w = fake_new(1, false, true, 0);
	fake_set(w, "net.ipv4.tcp_syncookies", "2");
	l = fake_listen(w, 0, 80, 5);
	fake_inject(w, SYN, 0, 0, 0, &full_syn);
	assert_int_equal(l->embryos, 0);
	assert_int_equal(w->host[0].counters[STK_TcpSyncookiesSent], 1);
	fake_free(w);
}

static void ports_come_from_the_range(void **state)
{
	struct fake *w = fake_new(1, false, true, 0);

	(void)state;
	fake_set(w, "net.ipv4.ip_local_port_range", "4000 4003");
	for (unsigned i = 0; i < 4; i++) {
		struct tcp_pcb *p = fake_connect(w, 0, 80);

		assert_in_range(p->so.local.port, 4000, 4003);
	}
	assert_int_equal(tcp_set(&w->host[0].s, "net.ipv4.ip_local_port_range", "9 8"), -EINVAL);
	fake_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(full_backlog_answers_with_a_cookie_and_keeps_nothing),
		cmocka_unit_test(ack_of_a_cookie_makes_the_connection_with_its_options),
		cmocka_unit_test(without_timestamps_only_the_mss_is_kept),
		cmocka_unit_test(cookies_grow_old),
		cmocka_unit_test(guessed_cookie_is_refused),
		cmocka_unit_test(can_be_switched_off_and_be_for_all),
		cmocka_unit_test(ports_come_from_the_range),
	};

	return cmocka_run_group_tests_name("tcp_cookie", tests, NULL, NULL);
}
