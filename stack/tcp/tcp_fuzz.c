/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Segments near the window into a connection: each step of the input makes one, or calls the
 * socket, or lets time pass. After every step the connection must be consistent; at the end nothing
 * may be left.
 */
#include "stack/tcp/tcp_check_for_test.h"
#include "stack/tcp/tcp_fake.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

struct reader {
	const uint8_t *at, *end;
};

static uint8_t next(struct reader *r)
{
	return r->at < r->end ? *r->at++ : 0;
}

/* Small numbers mostly: what is near an edge finds most. */
static uint32_t number(struct reader *r)
{
	uint8_t kind = next(r);

	switch (kind & 3) {
	case 0:
		return kind >> 2;
	case 1:
		return 0u - (kind >> 2);
	case 2:
		return (uint32_t)(kind >> 2) * 1000;
	}
	return (uint32_t)next(r) << 24 | (uint32_t)next(r) << 16 | (uint32_t)kind << 8 | next(r);
}

static struct tcp_pcb *live(struct fake *w)
{
	return w->host[0].s.all ? tcp_of(w->host[0].s.all) : NULL;
}

static void check_consistent(struct fake *w)
{
	const struct tcp_pcb *p = live(w);

	if (p)
		tcp_check(p);
}

static void inject(struct fake *w, struct reader *r)
{
	const struct tcp_pcb *p = live(w);
	uint8_t flags = next(r), bits = next(r);
	uint32_t seq = p->rcv_nxt - FAKE_PEER_ISS + number(r);
	uint32_t ack = (bits & 1 ? p->snd_nxt : p->snd_una) - w->host[0].iss + number(r);
	uint32_t len = bits & 2 ? number(r) % 1400 : 0;
	struct wire_tcp h = {.window = (uint16_t)number(r)};

	if (p->state <= TCP_SYN_SENT)
		seq = number(r);
	if (bits & 4) {
		h.has_timestamp = true;
		h.ts_val = p->ts_recent + number(r);
		h.ts_ecr = tcp_ts_now(p);
	}
	if (flags & WIRE_TCP_SYN) {
		h.has_mss = bits & 8;
		h.mss = (uint16_t)number(r);
		h.has_wscale = bits & 16;
		h.wscale = next(r);
		h.sack_permitted = bits & 32;
	} else {
		for (h.sacks = 0; h.sacks < (bits >> 3 & 3); h.sacks++) {
			uint32_t left = p->snd_una + number(r);

			h.sack[h.sacks] = (struct wire_tcp_sack){left, left + number(r)};
		}
	}
	fake_inject(w, flags, seq, ack, len, &h);
}

static void step(struct fake *w, struct reader *r)
{
	static const uint8_t zeros[5000];
	uint8_t what = next(r);
	struct tcp_pcb *p = live(w);
	uint8_t buf[3000];

	switch (what & 7) {
	case 0:
		fake_run(w, w->now + (vs_time)(what >> 3) * (what >> 3) * 10 * VS_MSEC);
		break;
	case 1:
		if (!p->orphan)
			fake_send(w, p, zeros, number(r) % sizeof(zeros),
				  what & 8 ? STK_MSG_MORE : 0);
		break;
	case 2:
		if (!p->orphan)
			fake_recv(w, p, buf, number(r) % sizeof(buf), what & 8 ? STK_MSG_PEEK : 0);
		break;
	case 3:
		if (!p->orphan && (what & 0xf8) == 0x80)
			fake_close(w, p);
		else if (!p->orphan && p->state > TCP_SYN_SENT && (what & 0xf0) == 0x10)
			fake_shutdown(w, p, (what >> 3 & 1) ? STK_SHUT_WR : STK_SHUT_RD);
		break;
	default:
		inject(w, r);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct reader r = {input, input + size};
	struct fake *w = fake_new(1, false, true, 0);
	uint8_t how = next(&r);
	struct tcp_pcb *p = fake_connect(w, 0, 80);

	w->log = false;
	if (how & 1) {
		struct wire_tcp syn = {.window = 20000,
				       .has_mss = true,
				       .mss = 1000,
				       .sack_permitted = how & 2,
				       .has_wscale = how & 4,
				       .wscale = how >> 6,
				       .has_timestamp = how & 8,
				       .ts_val = 7};

		fake_inject(w, WIRE_TCP_SYN | WIRE_TCP_ACK, 0, 1, 0, &syn);
	}
	if (how & 16)
		fake_option(w, p, STK_SO_RCVBUF, 5000);
	while (r.at < r.end && live(w)) {
		step(w, &r);
		check_consistent(w);
	}
	p = live(w);
	if (p && !p->orphan)
		fake_close(w, p);
	fake_run(w, w->now + 100000 * VS_SEC);
	vs_assert(!live(w));
	fake_free(w);
	return 0;
}
