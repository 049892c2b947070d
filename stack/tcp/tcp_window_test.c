/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Receive buffers of a few segments, or less than one: who reads is sent more at once, and a buffer
 * that is far smaller than what was offered first costs a pause for each window, never a back-off.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "stack/tcp/tcp_fake.h"

#define MS VS_MSEC
#define S  VS_SEC

#define SIZE 100000

struct flow {
	uint32_t mtu;
	uint32_t rcvbuf;
	bool late;     /* the buffer is made small when the window was offered already */
	vs_time pause; /* before the first reading */
	uint32_t part; /* of bytes, read in each millisecond */
};

static uint8_t data[SIZE], got[SIZE];

/* How long the reading of SIZE bytes takes, after the pause. */
static vs_time took(const struct flow *f)
{
	struct fake *w = fake_new(1, false, false, MS);
	struct tcp_pcb *l, *a, *b;
	uint32_t sent = 0, done = 0;
	vs_time start;

	for (uint32_t i = 0; i < SIZE; i++)
		data[i] = (uint8_t)(i * 2654435761u >> 13);
	w->log = false;
	w->host[0].mtu = w->host[1].mtu = f->mtu;
	l = fake_listen(w, 1, 80, 5);
	if (!f->late)
		fake_option(w, l, STK_SO_RCVBUF, f->rcvbuf);
	a = fake_connect(w, 0, 80);
	fake_run(w, 10 * MS);
	b = fake_accept(w, l);
	assert_non_null(b);
	if (f->late)
		fake_option(w, b, STK_SO_RCVBUF, f->rcvbuf);
	for (vs_time at = w->now; w->now < at + f->pause; fake_run(w, w->now + MS)) {
		ptrdiff_t n = fake_send(w, a, data + sent, SIZE - sent, 0);

		sent += n > 0 ? (uint32_t)n : 0;
	}
	start = w->now;
	while (done < SIZE && w->now < start + 10000 * S) {
		ptrdiff_t n = sent < SIZE ? fake_send(w, a, data + sent, SIZE - sent, 0) : 0;

		sent += n > 0 ? (uint32_t)n : 0;
		n = fake_recv(w, b, got + done,
			      f->part < SIZE - done ? f->part : SIZE - done, 0);
		done += n > 0 ? (uint32_t)n : 0;
		fake_run(w, w->now + MS);
	}
	assert_int_equal(done, SIZE);
	assert_memory_equal(got, data, SIZE);
	start = w->now - start;
	fake_free(w);
	return start;
}

static const uint32_t mtus[] = {576, 1500, 9000}, buffers[] = {2304, 3000, 4000, 8000};

static void who_reads_is_sent_more_at_once(void **state)
{
	(void)state;
	for (unsigned m = 0; m < 3; m++) {
		for (unsigned b = 0; b < 4; b++) {
			struct flow f = {.mtu = mtus[m], .rcvbuf = buffers[b], .pause = 20 * MS};

			/* Half the buffer or a segment a round trip, 2 ms; or as it is read. */
			f.part = SIZE;
			assert_in_range(took(&f), 1, 200 * MS);
			f.part = 100;
			assert_in_range(took(&f), 1000 * MS, 1010 * MS);
			/* The probes of a closed window have backed off, and do not count. */
			f.pause = 100 * S;
			assert_in_range(took(&f), 1000 * MS, 1010 * MS);
			f.part = SIZE;
			assert_in_range(took(&f), 1, 200 * MS);
		}
	}
}

/* The 64240 bytes that were offered first are taken; what follows are slivers to the sender. */
static void buffer_made_small_later_costs_an_override_time_a_window(void **state)
{
	(void)state;
	for (unsigned m = 0; m < 3; m++) {
		for (unsigned b = 0; b < 4; b++) {
			struct flow f = {.mtu = mtus[m], .rcvbuf = buffers[b], .late = true};
			uint32_t windows = (SIZE - 64240) / f.rcvbuf + 1;

			f.part = SIZE;
			f.pause = 20 * MS;
			assert_in_range(took(&f), 1, (windows * 204 + 50) * MS);
			f.pause = 100 * S;
			assert_in_range(took(&f), 1, (windows * 204 + 50) * MS);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_reads_is_sent_more_at_once),
		cmocka_unit_test(buffer_made_small_later_costs_an_override_time_a_window),
	};

	return cmocka_run_group_tests_name("tcp_window", tests, NULL, NULL);
}
