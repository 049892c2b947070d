/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ping: one request a tenth of a second, and the times until the answers. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/wire/icmp.h"
#include "stack/netif/host.h"

#define INTERVAL (100 * VS_MSEC)
#define PATIENCE (5 * VS_SEC) /* after the last request */

struct pinger {
	struct app app;
	struct host *host;
	struct vs_timer timer;
	int fd;
	struct stk_addr to;
	char text[WIRE_ADDR_TEXT];
	unsigned count, sent, got, wrong;
	size_t size;
	vs_time sent_at, least, most;
};

static uint8_t *message(const struct pinger *p, uint16_t seq)
{
	static uint8_t bytes[65536];
	struct wire_icmp icmp = {.seq = seq};

	icmp.type = wire_addr_is4(&p->to.addr) ? WIRE_ICMP4_ECHO : WIRE_ICMP6_ECHO;
	wire_icmp_emit(bytes, &icmp);
	for (size_t i = 0; i < p->size; i++)
		bytes[WIRE_ICMP_LEN + i] = (uint8_t)(i + seq);
	return bytes;
}

static void ping_end(struct pinger *p)
{
	struct host *h = p->host;

	printf("%s: %u sent, %u received, %u wrong", p->text, p->sent, p->got, p->wrong);
	if (p->got)
		printf(", rtt %.3f..%.3f ms", (double)p->least / 1e6, (double)p->most / 1e6);
	printf("\n");
	host_close(h, p->fd);
	vs_timer_remove(&h->timers, &p->timer);
	host_client_done(h, p->got == p->count && !p->wrong);
	free(p);
}

static void ping_tick(struct vs_timer *timer, void *ctx, vs_time now)
{
	struct pinger *p =
		(struct pinger *)(void *)((char *)timer - offsetof(struct pinger, timer));
	struct host *h = ctx;
	ptrdiff_t n;

	if (p->sent == p->count) {
		ping_end(p);
		return;
	}
	p->sent_at = now;
	n = stk_send(h->stk, now, p->fd, message(p, (uint16_t)++p->sent), p->size + WIRE_ICMP_LEN,
		     0, &p->to);
	if (n < 0)
		fprintf(stderr, "stk_host: ping %s: %s\n", p->text, strerror((int)-n));
	vs_timer_set(&h->timers, timer, now + (p->sent == p->count ? PATIENCE : INTERVAL));
}

static void ping_event(struct host *h, struct app *app, int fd, unsigned readiness)
{
	static uint8_t got[65536];
	struct pinger *p = (struct pinger *)(void *)app;
	ptrdiff_t n;

	(void)readiness;
	while ((n = stk_recv(h->stk, host_now(h), fd, got, sizeof(got), 0, NULL)) != -EAGAIN) {
		uint16_t seq = wire_get16(got + 6);
		vs_time rtt = host_now(h) - p->sent_at;

		if (n < 0) {
			fprintf(stderr, "stk_host: ping %s: %s\n", p->text, strerror((int)-n));
			continue;
		}
		if ((size_t)n != p->size + WIRE_ICMP_LEN ||
		    memcmp(message(p, seq) + WIRE_ICMP_LEN, got + WIRE_ICMP_LEN, p->size)) {
			p->wrong++;
			continue;
		}
		p->got++;
		if (seq == p->sent) {
			p->least = !p->least || rtt < p->least ? rtt : p->least;
			p->most = rtt > p->most ? rtt : p->most;
		}
	}
	if (p->got == p->count)
		ping_end(p);
}

void ping_start(struct host *h, const char *arguments)
{
	struct pinger *p = calloc(1, sizeof(*p));
	char *copy = strdup(arguments), *rest = copy, *address, *count, *size;

	if (!p || !copy)
		host_fail("out of memory");
	address = strsep(&rest, ",");
	count = strsep(&rest, ",");
	size = strsep(&rest, ",");
	if (wire_addr_parse(address, &p->to.addr))
		host_fail("ping '%s': expected an address", arguments);
	p->count = count ? (unsigned)host_number("count", count, 65535) : 4;
	p->size = size ? host_number("size", size, 65500) : 56;
	if (!p->count)
		host_fail("ping '%s': a count of 0", arguments);
	free(copy);
	if (wire_addr_is_link_local(&p->to.addr))
		p->to.ifindex = (uint16_t)h->ifindex;
	wire_addr_format(&p->to.addr, p->text);
	p->host = h;
	p->app.event = ping_event;
	p->fd = stk_socket(h->stk, STK_PING);
	if (p->fd < 0 || vs_timer_add(&h->timers, &p->timer, ping_tick))
		host_fail("out of memory");
	stk_option_set(h->stk, host_now(h), p->fd, STK_SO_RCVBUF, 1 << 20);
	host_watch(h, p->fd, &p->app);
	host_timer_set(h, &p->timer, host_now(h));
}
