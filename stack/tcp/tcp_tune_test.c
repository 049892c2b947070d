/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The receive buffer follows the application; and closing with SO_LINGER. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "stack/tcp/tcp_fake.h"

#define MS VS_MSEC

static uint8_t data[1 << 20];

struct pair {
	struct fake *w;
	struct tcp_pcb *from, *to;
};

static struct pair pair(vs_time delay)
{
	struct pair x = {.w = fake_new(1, false, false, delay)};
	struct tcp_pcb *l = fake_listen(x.w, 1, 80, 5);

	x.w->log = false;
	x.from = fake_connect(x.w, 0, 80);
	fake_run(x.w, x.w->now + 4 * delay);
	x.to = fake_accept(x.w, l);
	assert_non_null(x.to);
	return x;
}

/* The sender always has something; the receiver reads or does not. */
static uint64_t run(struct pair *x, vs_time until, bool reads)
{
	uint64_t bytes = 0;
	ptrdiff_t n;

	while (x->w->now < until) {
		fake_send(x->w, x->from, data, sizeof(data), 0);
		while (reads && (n = fake_recv(x->w, x->to, data, sizeof(data), 0)) > 0)
			bytes += (uint64_t)n;
		fake_run(x->w, x->w->now + MS);
	}
	return bytes;
}

static void buffer_grows_with_what_is_read_in_a_round_trip(void **state)
{
	struct pair x = pair(50 * MS);

	(void)state;
	assert_int_equal(x.to->rcvbuf_max, 131072);
	run(&x, 3 * VS_SEC, true);
	/* No link limits them: the window goes up to tcp_rmem's third. */
	assert_int_equal(x.to->rcvbuf_max, 6291456);
	assert_true(x.from->snd_wnd > 3000000);
	assert_in_range(x.to->tune_rtt_ms, 99, 110);
	fake_free(x.w);
}

static void buffer_stays_when_nobody_reads(void **state)
{
	struct pair x = pair(50 * MS);

	(void)state;
	run(&x, 3 * VS_SEC, false);
	assert_int_equal(x.to->rcvbuf_max, 131072);
	assert_true(x.to->rcv.ready_bytes > 120000 && x.to->rcv.ready_bytes <= 131072);
	/* And it is opened again, without a loss. */
	run(&x, 5 * VS_SEC, true);
	assert_int_equal(x.to->rcvbuf_max, 6291456);
	fake_free(x.w);
}

static void buffer_set_by_the_application_stays(void **state)
{
	struct pair x = pair(50 * MS);

	(void)state;
	fake_option(x.w, x.to, STK_SO_RCVBUF, 100000);
	run(&x, 2 * VS_SEC, true);
	assert_int_equal(x.to->rcvbuf_max, 100000);
	fake_free(x.w);
}

static void close_with_a_linger_time_delivers_all_and_resets_nothing(void **state)
{
	struct pair x = pair(50 * MS);

	(void)state;
	fake_option(x.w, x.from, STK_SO_LINGER, 1);
	assert_int_equal(fake_send(x.w, x.from, data, 25000, 0), 25000);
	fake_close(x.w, x.from);
	/* The peer reads only after that second. */
	fake_run(x.w, x.w->now + 3 * VS_SEC);
	assert_int_equal(fake_recv(x.w, x.to, data, sizeof(data), 0), 25000);
	assert_int_equal(x.to->state, TCP_CLOSE_WAIT);
	assert_int_equal(x.w->host[0].counters[STK_TcpOutRsts], 0);
	fake_close(x.w, x.to);
	fake_run(x.w, x.w->now + 100 * VS_SEC);
	fake_free(x.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buffer_grows_with_what_is_read_in_a_round_trip),
		cmocka_unit_test(buffer_stays_when_nobody_reads),
		cmocka_unit_test(buffer_set_by_the_application_stays),
		cmocka_unit_test(close_with_a_linger_time_delivers_all_and_resets_nothing),
	};

	return cmocka_run_group_tests_name("tcp_tune", tests, NULL, NULL);
}
