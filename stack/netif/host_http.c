/* SPDX-License-Identifier: GPL-2.0-or-later */
/* As much of HTTP/1.1 (RFC 9112) as curl and Python's http.server need: GET of bodies of a length
 * that the path names, connections that are kept, and a client that prints the body.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"
#include "stack/netif/host.h"

#define REQUEST_MAX 8192

struct http {
	struct app app;
	char in[REQUEST_MAX];
	size_t in_len;
	char head[256]; /* of the response, and how much of it is sent */
	size_t head_len, head_sent;
	uint64_t body, body_sent;
	bool answering, last;
};

static void http_end(struct host *h, struct http *c, int fd)
{
	host_close(h, fd);
	free(c);
}

/* Reads the request in c->in, whose head is complete, and prepares the answer. */
static void answer(struct http *c)
{
	char path[256];
	const char *status = "200 OK";
	uint64_t body = 0;

	c->last = strstr(c->in, "onnection: close");
	if (sscanf(c->in, "GET %255s HTTP/1.", path) != 1)
		status = "400 Bad Request";
	else if (strncmp(path, "/bytes/", 7) || vs_parse_uint(path + 7, 1ull << 40, &body))
		status = "404 Not Found";
	c->head_len = (size_t)snprintf(c->head, sizeof(c->head),
				       "HTTP/1.1 %s\r\nContent-Type: application/octet-stream\r\n"
				       "Content-Length: %llu\r\n\r\n",
				       status, (unsigned long long)body);
	c->head_sent = 0;
	c->body = body;
	c->body_sent = 0;
	c->answering = true;
}

/* Sends what it can of the answer: 0, or as stk_send(). */
static ptrdiff_t send_answer(struct host *h, struct http *c, int fd)
{
	char buf[16384];
	ptrdiff_t n;

	while (c->head_sent < c->head_len) {
		n = stk_send(h->stk, host_now(h), fd, c->head + c->head_sent,
			     c->head_len - c->head_sent, c->body ? STK_MSG_MORE : 0, NULL);
		if (n < 0)
			return n;
		c->head_sent += (size_t)n;
	}
	while (c->body_sent < c->body) {
		uint64_t left = c->body - c->body_sent;
		size_t want = left < sizeof(buf) ? (size_t)left : sizeof(buf);

		for (size_t i = 0; i < want; i++)
			buf[i] = (char)((c->body_sent + i) % 251);
		n = stk_send(h->stk, host_now(h), fd, buf, want, 0, NULL);
		if (n < 0)
			return n;
		c->body_sent += (uint64_t)n;
	}
	c->answering = false;
	return 0;
}

static void http_event(struct host *h, struct app *app, int fd, unsigned readiness)
{
	struct http *c = (struct http *)(void *)app;
	ptrdiff_t n;
	char *end;

	(void)readiness;
	for (;;) {
		if (c->answering) {
			n = send_answer(h, c, fd);
			if (n == -EAGAIN)
				return;
			if (n < 0 || c->last)
				break;
		}
		c->in[c->in_len] = '\0';
		end = strstr(c->in, "\r\n\r\n");
		if (end) {
			answer(c);
			c->in_len -= (size_t)(end + 4 - c->in);
			memmove(c->in, end + 4, c->in_len);
			continue;
		}
		if (c->in_len == sizeof(c->in) - 1)
			break;
		n = stk_recv(h->stk, host_now(h), fd, c->in + c->in_len,
			     sizeof(c->in) - 1 - c->in_len, 0, NULL);
		if (n == -EAGAIN)
			return;
		if (n <= 0)
			break;
		c->in_len += (size_t)n;
	}
	http_end(h, c, fd);
}

static void http_open(struct host *h, int fd)
{
	struct http *c = calloc(1, sizeof(*c));

	if (!c)
		host_fail("out of memory");
	c->app.event = http_event;
	host_watch(h, fd, &c->app);
}

void http_serve(struct host *h, uint16_t port)
{
	host_serve(h, port, http_open);
}

/* The client: asks with Connection: close, and writes the body to stdout. */
struct get {
	struct app app;
	char request[512];
	size_t request_len, request_sent;
	char head[REQUEST_MAX];
	size_t head_len;
	bool in_body;
	uint64_t expected, got;
};

static void get_end(struct host *h, struct get *g, int fd, const char *error)
{
	if (error)
		fprintf(stderr, "stk_host: get: %s\n", error);
	host_close(h, fd);
	free(g);
	host_client_done(h, !error);
}

/* Takes bytes of the response. NULL, or what is wrong with them. */
static const char *get_bytes(struct get *g, const char *bytes, size_t len)
{
	const char *length;
	char *end;
	size_t take;

	if (!g->in_body) {
		take = sizeof(g->head) - 1 - g->head_len;
		take = len < take ? len : take;
		memcpy(g->head + g->head_len, bytes, take);
		g->head_len += take;
		g->head[g->head_len] = '\0';
		end = strstr(g->head, "\r\n\r\n");
		if (!end)
			return take < len ? "the response's head is too long" : NULL;
		if (!strstr(g->head, " 200 "))
			return "the response is not 200";
		length = strcasestr(g->head, "\r\ncontent-length:");
		if (!length)
			return "the response has no length";
		g->expected = strtoull(length + 17, NULL, 10);
		g->in_body = true;
		take -= g->head_len - (size_t)(end + 4 - g->head);
		bytes += take;
		len -= take;
	}
	g->got += len;
	return fwrite(bytes, 1, len, stdout) == len ? NULL : "stdout takes no more";
}

static void get_event(struct host *h, struct app *app, int fd, unsigned readiness)
{
	static char buf[65536];
	struct get *g = (struct get *)(void *)app;
	const char *wrong = NULL;
	ptrdiff_t n;

	(void)readiness;
	while (g->request_sent < g->request_len) {
		n = stk_send(h->stk, host_now(h), fd, g->request + g->request_sent,
			     g->request_len - g->request_sent, 0, NULL);
		if (n == -EAGAIN || n == -ENOTCONN)
			return;
		if (n < 0) {
			get_end(h, g, fd, strerror((int)-n));
			return;
		}
		g->request_sent += (size_t)n;
	}
	while (!wrong && (n = stk_recv(h->stk, host_now(h), fd, buf, sizeof(buf), 0, NULL)) > 0)
		wrong = get_bytes(g, buf, (size_t)n);
	if (!wrong && n == -EAGAIN)
		return;
	if (!wrong && n < 0)
		wrong = strerror((int)-n);
	if (!wrong && (!g->in_body || g->got != g->expected))
		wrong = "the response was cut";
	get_end(h, g, fd, wrong);
}

void http_get_start(struct host *h, const char *arguments)
{
	struct get *g = calloc(1, sizeof(*g));
	const char *path;
	int fd = host_connect(h, STK_STREAM, arguments, &path);

	if (!g)
		host_fail("out of memory");
	if (*path != '/' || strlen(path) > 256)
		host_fail("get '%s': expected ADDRESS,PORT,PATH", arguments);
	g->app.event = get_event;
	g->request_len = (size_t)snprintf(
		g->request, sizeof(g->request),
		"GET %s HTTP/1.1\r\nHost: peer\r\nConnection: close\r\n\r\n", path);
	host_watch(h, fd, &g->app);
}
