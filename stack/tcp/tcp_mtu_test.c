/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Packetization-layer path MTU discovery, RFC 4821: a wire that silently drops what is too long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "stack/tcp/tcp_fake.h"

#define MS VS_MSEC
#define S  VS_SEC

static uint8_t data[100000];

struct hole {
	uint32_t mtu;
	unsigned dropped;
	unsigned lose; /* of those that are not too long: the nth is lost, too */
	unsigned seen;
};

static int wire(struct fake *w, struct fake_packet *packet, void *ctx)
{
	struct hole *h = ctx;

	(void)w;
	if (packet->frame->len + 20 > h->mtu) {
		h->dropped++;
		return 0;
	}
	return packet->from == 0 && ++h->seen == h->lose ? 0 : 1;
}

static struct fake *world(struct hole *h, const char *probing)
{
	struct fake *w = fake_new(1, false, false, 10 * MS);

	fake_set(w, "net.ipv4.tcp_mtu_probing", probing);
	w->wire = wire;
	w->wire_ctx = h;
	w->log = false;
	return w;
}

/* Sends total bytes, which must arrive whole by the time given; gives when they had. */
static vs_time transfer(struct fake *w, struct tcp_pcb *a, struct tcp_pcb *b, size_t total,
			vs_time until)
{
	static uint8_t in[100000];
	size_t sent = 0, got = 0;

	do {
		ptrdiff_t n = sent < total ? fake_send(w, a, data,
						       total - sent < sizeof(data)
							       ? total - sent
							       : sizeof(data),
						       0)
					   : 0;

		sent += n > 0 ? (size_t)n : 0;
		while ((n = fake_recv(w, b, in, sizeof(in), 0)) > 0)
			got += (size_t)n;
	} while (got < total && fake_step(w, until));
	assert_int_equal(got, total);
	return w->now;
}

static struct tcp_pcb *joined(struct fake *w, struct tcp_pcb **b)
{
	struct tcp_pcb *l = fake_listen(w, 1, 80, 5), *a = fake_connect(w, 0, 80);

	fake_run(w, w->now + 100 * MS);
	*b = fake_accept(w, l);
	assert_non_null(*b);
	return a;
}

static void black_hole_without_probing_swallows_everything(void **state)
{
	struct hole h = {.mtu = 1400};
	struct fake *w = world(&h, "0");
	struct tcp_pcb *b, *a = joined(w, &b);

	(void)state;
	fake_send(w, a, data, 10000, 0);
	fake_run(w, 60 * S);
	assert_int_equal(b->rcv.ready_bytes, 0);
	fake_free(w);
}

static void black_hole_is_found_after_timeouts_and_the_size_searched(void **state)
{
	struct hole h = {.mtu = 1400};
	struct fake *w = world(&h, "1");
	struct tcp_pcb *b, *a = joined(w, &b);
	vs_time end;

	(void)state;
	assert_int_equal(a->mss, 1448);
	end = transfer(w, a, b, 3000000, 60 * S);
	/* Three timeouts say nothing, the fourth tries less: 220 ms, 440, 880, 1760. */
	assert_true(end > 3 * S && end < 8 * S);
	assert_int_equal(w->host[0].counters[STK_TcpTimeouts], 4);
	/* Within the threshold of the truth: 1400 less headers and timestamps. */
	assert_true(a->mtu.low <= 1400 && a->mtu.low > 1400 - 8);
	assert_int_equal(a->mss, a->mtu.low - 52);
	assert_true(w->host[0].counters[STK_TcpMtupSuccess] >= 3);
	assert_true(w->host[0].counters[STK_TcpMtupFail] >= 3);
	fake_free(w);
}

static void probes_that_are_lost_are_no_congestion(void **state)
{
	struct hole h = {.mtu = 1300};
	struct fake *w = world(&h, "2");
	struct tcp_pcb *b, *a = joined(w, &b);

	(void)state;
	/* From the start small; no timeout, no recovery. */
	assert_int_equal(a->mss, 1024 - 12);
	transfer(w, a, b, 3000000, 60 * S);
	assert_int_equal(w->host[0].counters[STK_TcpTimeouts], 0);
	assert_int_equal(w->host[0].counters[STK_TcpSackRecovery], 0);
	assert_int_equal(h.dropped, w->host[0].counters[STK_TcpMtupFail]);
	assert_true(a->mtu.low <= 1300 && a->mtu.low > 1300 - 8);
	assert_int_equal(a->ssthresh, INT32_MAX);
	fake_free(w);
}

static void free_path_is_searched_to_its_end(void **state)
{
	struct hole h = {.mtu = 9000};
	struct fake *w = world(&h, "2");
	struct tcp_pcb *b, *a = joined(w, &b);

	(void)state;
	transfer(w, a, b, 3000000, 60 * S);
	assert_int_equal(h.dropped, 0);
	assert_true(a->mtu.low > 1500 - 8 && a->mtu.low <= 1500);
	fake_free(w);
}

static void loss_beside_the_probe_is_congestion(void **state)
{
	struct hole h = {.mtu = 1300, .lose = 40};
	struct fake *w = world(&h, "2");
	struct tcp_pcb *b, *a = joined(w, &b);

	(void)state;
	transfer(w, a, b, 3000000, 60 * S);
	assert_int_equal(w->host[0].counters[STK_TcpSackRecovery], 1);
	assert_int_equal(w->host[0].counters[STK_TcpTimeouts], 0);
	assert_true(a->mtu.low <= 1300 && a->mtu.low > 1300 - 8);
	fake_free(w);
}

static void path_that_has_grown_is_found_after_the_interval(void **state)
{
	struct hole h = {.mtu = 1300};
	struct fake *w = world(&h, "2");
	struct tcp_pcb *b, *a = joined(w, &b);

	(void)state;
	transfer(w, a, b, 1000000, 60 * S);
	h.mtu = 1500;
	/* One probe a round trip. */
	for (unsigned i = 0; i < 10; i++)
		transfer(w, a, b, 50000, w->now + 60 * S);
	assert_true(a->mtu.low < 1310);
	fake_run(w, w->now + 600 * S);
	for (unsigned i = 0; i < 10; i++)
		transfer(w, a, b, 50000, w->now + 60 * S);
	assert_true(a->mtu.low > 1500 - 8);
	fake_free(w);
}

static void dead_path_is_tried_with_less_down_to_the_floor(void **state)
{
	struct hole h = {.mtu = 1500};
	struct fake *w = world(&h, "1");
	struct tcp_pcb *b, *a = joined(w, &b);

	(void)state;
	fake_set(w, "net.ipv4.tcp_mtu_probe_floor", "200");
	h.mtu = 0;
	fake_send(w, a, data, 10000, 0);
	fake_run(w, 300 * S);
	assert_int_equal(a->mss, 200 - 12);
	fake_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(black_hole_without_probing_swallows_everything),
		cmocka_unit_test(black_hole_is_found_after_timeouts_and_the_size_searched),
		cmocka_unit_test(probes_that_are_lost_are_no_congestion),
		cmocka_unit_test(free_path_is_searched_to_its_end),
		cmocka_unit_test(loss_beside_the_probe_is_congestion),
		cmocka_unit_test(path_that_has_grown_is_found_after_the_interval),
		cmocka_unit_test(dead_path_is_tried_with_less_down_to_the_floor),
	};

	return cmocka_run_group_tests_name("tcp_mtu", tests, NULL, NULL);
}
