/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The protocol of iperf3, as server and as client, forward and reverse, with parallel streams. A
 * control connection carries states, one byte each, and JSON texts behind their length in four
 * bytes; each stream is a connection of its own that begins with the cookie of the test, or a flow
 * of datagrams (host_iperf3_udp.c). One test at a time.
 */
#include "stack/netif/host_iperf3.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"

static void flush_control(struct test *t)
{
	struct host *h = t->host;
	ptrdiff_t n;

	while (t->out_len) {
		n = stk_send(h->stk, host_now(h), t->control, t->out, t->out_len, 0, NULL);
		if (n <= 0)
			return;
		t->out_len -= (size_t)n;
		memmove(t->out, t->out + n, t->out_len);
	}
}

static void tell(struct test *t, const void *bytes, size_t len)
{
	if (len > sizeof(t->out) - t->out_len)
		return;
	memcpy(t->out + t->out_len, bytes, len);
	t->out_len += len;
	flush_control(t);
}

static void tell_state(struct test *t, enum state state)
{
	uint8_t byte = (uint8_t)state;

	t->state = state;
	tell(t, &byte, 1);
}

static void tell_json(struct test *t, const char *json)
{
	uint8_t len[4];

	wire_put32(len, (uint32_t)strlen(json));
	tell(t, len, sizeof(len));
	tell(t, json, strlen(json));
}

/* The number (or 1 for true) behind a key; 0 without one. */
static uint64_t json_number(const char *json, const char *key)
{
	char quoted[64];
	const char *at;

	snprintf(quoted, sizeof(quoted), "\"%s\"", key);
	at = strstr(json, quoted);
	if (!at)
		return 0;
	at += strlen(quoted);
	at += strspn(at, " :\t\n");
	return !strncmp(at, "true", 4) ? 1 : strtoull(at, NULL, 10);
}

/* Closes the streams' connections; what they moved is still to be told. */
static void close_streams(struct test *t)
{
	for (unsigned i = 0; i < t->streams; i++) {
		if (t->stream[i].fd >= 0)
			host_close(t->host, t->stream[i].fd);
		t->stream[i].fd = -1;
	}
}

/* The test is over, in one way or the other. */
static void test_end(struct test *t, bool ok)
{
	close_streams(t);
	t->streams = t->ready = 0;
	vs_timer_cancel(&t->host->timers, &t->pace);
	if (t->udp_fd >= 0)
		host_close(t->host, t->udp_fd);
	t->udp_fd = -1;
	host_close(t->host, t->control);
	t->control = -1;
	t->running = false;
	if (t->client) {
		vs_timer_remove(&t->host->timers, &t->timer);
		vs_timer_remove(&t->host->timers, &t->pace);
		host_client_done(t->host, ok);
		free(t);
	}
}

/* The streams' numbers count 1, 3, 4, ... as iperf3's do. */
static void tell_results(struct test *t)
{
	static char json[JSON_MAX];
	struct vs_text text;
	double seconds = (double)(t->ended - t->began) / (double)VS_SEC;

	vs_text_init(&text, json, sizeof(json));
	vs_text_add(&text, "{\"cpu_util_total\":0,\"cpu_util_user\":0,\"cpu_util_system\":0,"
			   "\"sender_has_retransmits\":0,\"streams\":[");
	for (unsigned i = 0; i < t->streams; i++)
		vs_text_add(&text,
			    "%s{\"id\":%u,\"bytes\":%llu,\"retransmits\":0,\"jitter\":%.9f,"
			    "\"errors\":%llu,\"packets\":%llu,\"start_time\":0,"
			    "\"end_time\":%.6f}",
			    i ? "," : "", i ? i + 2 : 1, (unsigned long long)t->stream[i].bytes,
			    (double)t->stream[i].jitter_ns / (double)VS_SEC,
			    (unsigned long long)t->stream[i].missing,
			    (unsigned long long)t->stream[i].packets, seconds);
	vs_text_add(&text, "]}");
	tell_json(t, json);
}

/* Moves what can be moved on a stream. */
static void pump(struct test *t, struct stream *st)
{
	static char block[BLOCK];
	struct host *h = t->host;
	bool send = t->client != t->reverse;
	ptrdiff_t n;

	if (send && !t->running)
		return;
	for (;;) {
		if (send)
			n = stk_send(h->stk, host_now(h), st->fd, block, sizeof(block), 0, NULL);
		else
			n = stk_recv(h->stk, host_now(h), st->fd, block, sizeof(block), 0, NULL);
		if (n <= 0)
			break;
		st->bytes += (uint64_t)n;
	}
	if (n == -EAGAIN || n == -ENOTCONN)
		return;
	host_close(h, st->fd);
	st->fd = -1;
}

static void start_running(struct test *t)
{
	t->running = true;
	t->began = host_now(t->host);
	if (t->udp) {
		iperf3_udp_run(t);
		return;
	}
	for (unsigned i = 0; i < t->streams; i++)
		pump(t, &t->stream[i]);
}

void iperf3_begin(struct test *t)
{
	tell_state(t, TEST_START);
	tell_state(t, TEST_RUNNING);
	start_running(t);
}

/* Server: reads the cookie that a stream begins with. */
static void greet(struct test *t, struct stream *st)
{
	struct host *h = t->host;
	ptrdiff_t n;

	while (st->cookie_len < COOKIE_LEN) {
		n = stk_recv(h->stk, host_now(h), st->fd, st->cookie + st->cookie_len,
			     COOKIE_LEN - st->cookie_len, 0, NULL);
		if (n <= 0)
			return;
		st->cookie_len += (size_t)n;
	}
	if (st->counted || memcmp(st->cookie, t->cookie, COOKIE_LEN))
		return;
	st->counted = true;
	if (++t->ready == t->parallel)
		iperf3_begin(t);
}

/* Client: sends the cookie that a stream begins with. */
static void introduce(struct test *t, struct stream *st)
{
	struct host *h = t->host;
	ptrdiff_t n;

	while (st->cookie_len < COOKIE_LEN) {
		n = stk_send(h->stk, host_now(h), st->fd, t->cookie + st->cookie_len,
			     COOKIE_LEN - st->cookie_len, 0, NULL);
		if (n <= 0)
			return;
		st->cookie_len += (size_t)n;
	}
}

static void stream_event(struct test *t, struct stream *st)
{
	if (st->cookie_len < COOKIE_LEN) {
		if (t->client)
			introduce(t, st);
		else
			greet(t, st);
	}
	if (st->cookie_len == COOKIE_LEN && st->fd >= 0)
		pump(t, st);
}

static void stream_add(struct test *t, int fd)
{
	struct stream *st = &t->stream[t->streams++];

	*st = (struct stream){.fd = fd};
	host_watch(t->host, fd, &t->app);
	stream_event(t, st);
}

static void server_json(struct test *t)
{
	if (t->state == PARAM_EXCHANGE) {
		t->reverse = json_number(t->in, "reverse");
		t->parallel = (unsigned)json_number(t->in, "parallel");
		t->udp = json_number(t->in, "udp");
		t->rate = json_number(t->in, "bandwidth");
		t->len = (size_t)json_number(t->in, "len");
		if (!t->parallel || t->parallel > STREAMS_MAX ||
		    !(t->udp ? iperf3_udp_open(t) : json_number(t->in, "tcp"))) {
			tell_state(t, ACCESS_DENIED);
			return;
		}
		t->expects = STATE;
		tell_state(t, CREATE_STREAMS);
	} else {
		tell_results(t);
		t->expects = STATE;
		tell_state(t, DISPLAY_RESULTS);
	}
}

static void print_results(struct test *t)
{
	uint64_t bytes = 0, packets = 0, missing = 0;
	double seconds = (double)(t->ended - t->began) / (double)VS_SEC;

	for (unsigned i = 0; i < t->streams; i++) {
		bytes += t->stream[i].bytes;
		packets += t->stream[i].packets;
		missing += t->stream[i].missing;
	}
	printf("iperf3 %s: %llu bytes in %.3f s, %.1f Mbit/s", t->reverse ? "received" : "sent",
	       (unsigned long long)bytes, seconds, (double)bytes * 8 / 1e6 / seconds);
	if (t->udp)
		printf(", %llu of %llu datagrams missing", (unsigned long long)missing,
		       (unsigned long long)packets);
	putchar('\n');
}

/* A state that the peer told; false ends the test. */
static bool on_state(struct test *t, enum state state)
{
	char json[512];
	const char *rest;

	t->state = state;
	switch (state) {
	case PARAM_EXCHANGE:
		snprintf(json, sizeof(json),
			 "{\"%s\":true,\"omit\":0,\"time\":%llu,\"num\":0,\"blockcount\":0,"
			 "\"parallel\":%u,%s\"len\":%zu,\"bandwidth\":%llu,"
			 "\"client_version\":\"3.12\"}",
			 t->udp ? "udp" : "tcp", (unsigned long long)t->seconds, t->parallel,
			 t->reverse ? "\"reverse\":true," : "", t->len,
			 (unsigned long long)t->rate);
		tell_json(t, json);
		return t->client;
	case CREATE_STREAMS:
		if (t->client && t->udp)
			iperf3_udp_connect(t);
		while (t->client && !t->udp && t->streams < t->parallel)
			stream_add(t, host_connect(t->host, STK_STREAM, t->target, &rest));
		return t->client;
	case TEST_START:
		return t->client;
	case TEST_RUNNING:
		host_timer_set(t->host, &t->timer,
			       host_now(t->host) + (vs_time)t->seconds * VS_SEC);
		start_running(t);
		return t->client;
	case TEST_END:
		t->running = false;
		t->ended = host_now(t->host);
		/* A client that receives waits for the end of its streams. */
		close_streams(t);
		tell_state(t, EXCHANGE_RESULTS);
		t->expects = JSON_LEN;
		return !t->client;
	case EXCHANGE_RESULTS:
		tell_results(t);
		t->expects = JSON_LEN;
		return t->client;
	case DISPLAY_RESULTS:
		print_results(t);
		tell_state(t, IPERF_DONE);
		return false;
	case IPERF_DONE:
	case ACCESS_DENIED:
		return false;
	}
	return false;
}

/* How many bytes make what the control connection is expected to say. */
static size_t wanted(const struct test *t)
{
	switch (t->expects) {
	case COOKIE:
		return COOKIE_LEN;
	case STATE:
		return 1;
	case JSON_LEN:
		return 4;
	case JSON:
		return t->json_len;
	}
	return 0;
}

/* Acts on a complete message in t->in; false ends the test. */
static bool control_message(struct test *t)
{
	t->in_len = 0;
	switch (t->expects) {
	case COOKIE:
		memcpy(t->cookie, t->in, COOKIE_LEN);
		tell_state(t, PARAM_EXCHANGE);
		t->expects = JSON_LEN;
		return true;
	case STATE:
		return on_state(t, (enum state)(uint8_t)t->in[0]);
	case JSON_LEN:
		t->json_len = wire_get32((const uint8_t *)t->in);
		t->expects = JSON;
		return t->json_len && t->json_len < sizeof(t->in);
	case JSON:
		t->in[t->json_len] = '\0';
		t->expects = STATE;
		if (!t->client)
			server_json(t);
		return true;
	}
	return false;
}

static void control_event(struct test *t)
{
	struct host *h = t->host;
	bool done;
	ptrdiff_t n;

	if (t->client && t->expects == COOKIE) {
		tell(t, t->cookie, COOKIE_LEN);
		t->expects = STATE;
	}
	flush_control(t);
	for (;;) {
		n = stk_recv(h->stk, host_now(h), t->control, t->in + t->in_len,
			     wanted(t) - t->in_len, 0, NULL);
		if (n == -EAGAIN || n == -ENOTCONN)
			return;
		if (n <= 0)
			break;
		t->in_len += (size_t)n;
		if (t->in_len == wanted(t) && !control_message(t))
			break;
	}
	done = t->state == IPERF_DONE;
	if (!done)
		fprintf(stderr, "stk_host: iperf3: the test ended early (state %d)\n", t->state);
	test_end(t, done);
}

static void test_event(struct host *h, struct app *app, int fd, unsigned readiness)
{
	struct test *t = (struct test *)(void *)app;

	(void)h;
	(void)readiness;
	if (fd == t->control) {
		control_event(t);
		return;
	}
	if (t->udp) {
		iperf3_udp_event(t, fd);
		return;
	}
	for (unsigned i = 0; i < t->streams; i++)
		if (t->stream[i].fd == fd)
			stream_event(t, &t->stream[i]);
}

static struct test server = {.app = {test_event}, .control = -1, .udp_fd = -1};

static void server_accept(struct host *h, struct app *app, int fd, unsigned readiness)
{
	struct test *t = &server;
	int conn;

	(void)app;
	(void)readiness;
	while ((conn = stk_accept(h->stk, host_now(h), fd, NULL)) >= 0) {
		if (t->control < 0) {
			t->control = conn;
			t->expects = COOKIE;
			t->in_len = t->out_len = 0;
			t->state = TEST_START;
			host_watch(h, conn, &t->app);
			control_event(t);
		} else if (t->state == CREATE_STREAMS && t->streams < t->parallel) {
			stream_add(t, conn);
		} else {
			uint8_t denied = ACCESS_DENIED;

			stk_send(h->stk, host_now(h), conn, &denied, 1, 0, NULL);
			host_close(h, conn);
		}
	}
}

void iperf3_serve(struct host *h, uint16_t port)
{
	static struct app app = {server_accept};

	server.host = h;
	server.port = port;
	if (vs_timer_add(&h->timers, &server.pace, iperf3_udp_pace))
		host_fail("out of memory");
	host_watch(h, host_listen(h, STK_STREAM, port), &app);
}

static void time_up(struct vs_timer *timer, void *ctx, vs_time now)
{
	struct test *t = (struct test *)(void *)((char *)timer - offsetof(struct test, timer));

	(void)ctx;
	t->running = false;
	t->ended = now;
	tell_state(t, TEST_END);
}

/* SECONDS[,reverse][,udp][,parallel=N][,rate=BIT/S] */
static void client_options(struct test *t, const char *text)
{
	char copy[128], *save, *word;

	if (strlen(text) >= sizeof(copy))
		host_fail("iperf3 '%s': too long", text);
	strcpy(copy, text);
	word = strtok_r(copy, ",", &save);
	if (!word)
		host_fail("iperf3 '%s': expected ADDRESS,PORT,SECONDS", t->target);
	t->seconds = host_number("seconds", word, 86400);
	while ((word = strtok_r(NULL, ",", &save))) {
		if (!strcmp(word, "reverse"))
			t->reverse = true;
		else if (!strcmp(word, "udp"))
			t->udp = true;
		else if (!strncmp(word, "parallel=", 9))
			t->parallel = (unsigned)host_number("parallel", word + 9, STREAMS_MAX);
		else if (!strncmp(word, "rate=", 5))
			t->rate = host_number("rate", word + 5, 100000000000);
		else
			host_fail("iperf3 '%s': expected reverse, udp, parallel=N or rate=BIT/S, "
				  "found '%s'",
				  t->target, word);
	}
	if (t->udp)
		t->len = UDP_LEN;
	if (t->udp && !t->rate)
		t->rate = UDP_RATE;
}

void iperf3_start(struct host *h, const char *arguments)
{
	struct test *t = calloc(1, sizeof(*t));
	uint64_t chance = rt_seed();
	const char *rest;

	if (!t || vs_timer_add(&h->timers, &t->timer, time_up) ||
	    vs_timer_add(&h->timers, &t->pace, iperf3_udp_pace))
		host_fail("out of memory");
	t->app.event = test_event;
	t->host = h;
	t->client = true;
	t->udp_fd = -1;
	t->parallel = 1;
	t->len = BLOCK;
	t->target = arguments;
	t->expects = COOKIE;
	t->control = host_connect(h, STK_STREAM, arguments, &rest);
	client_options(t, rest);
	for (unsigned i = 0; i < COOKIE_LEN - 1; i++) {
		t->cookie[i] = (char)('a' + chance % 26);
		chance = chance * 6364136223846793005u + 1442695040888963407u;
		chance ^= chance >> 33;
	}
	host_watch(h, t->control, &t->app);
}
