/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/host/console.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include "core/host/process.h"
#include "core/host/sock.h"

/* vdeterm ends no command with a newline: what it writes at once is the command. So a piece without
 * a newline is a command too, when nothing follows it for this long.
 */
#define PIECE_PATIENCE (50 * VS_MSEC)

struct session {
	struct console *console;
	vs_time piece_at; /* when an open piece becomes a command; VS_NEVER: there is none */
	struct mgmt_session *mgmt;
	int in, out; /* the same for a socket */
	unsigned events;
	bool terminal;
	bool silent; /* a terminal that is no terminal: no prompts */
	bool closing; /* no more input; closes once read out */
	struct session *next;
};

struct console {
	struct console_conf conf;
	int listener;
	int spare;  /* for sock_accept() */
	char *path; /* of the socket, absolute */
	struct session *sessions;
	bool told;
};

static void tell_end(struct console *c, bool shutdown)
{
	if (c->told)
		return;
	c->told = true;
	c->conf.end(c->conf.ctx, shutdown);
}

static void session_close(struct session *s)
{
	struct console *c = s->console;
	struct session **link = &c->sessions;

	while (*link != s)
		link = &(*link)->next;
	*link = s->next;
	rt_remove(c->conf.rt, s->in);
	mgmt_session_close(s->mgmt);
	if (!s->terminal)
		close(s->in);
	free(s);
}

/* A terminal is written to as if it never blocked; a peer that does not read waits for RT_WRITE. */
static ssize_t session_write(const struct session *s, const char *bytes, size_t len)
{
	if (s->terminal)
		return write(s->out, bytes, len);
	return send(s->out, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Without the prompt at the end of what a silent terminal is about to read. */
static size_t without_prompt(const struct session *s, const char *bytes, size_t len)
{
	size_t prompt_len = strlen(s->console->conf.prompt);

	if (!s->silent || len < prompt_len ||
	    memcmp(bytes + len - prompt_len, s->console->conf.prompt, prompt_len) != 0)
		return len;
	len -= prompt_len;
	return len && bytes[len - 1] == '\n' ? len - 1 : len;
}

/* Writes what the session has to say. false when it is gone. */
static bool session_flush(struct session *s)
{
	const char *bytes;
	unsigned events;
	size_t len;

	while ((len = mgmt_session_output(s->mgmt, &bytes)) != 0) {
		size_t want = without_prompt(s, bytes, len);
		ssize_t n = want ? session_write(s, bytes, want) : 0;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN && !s->terminal)
			break;
		if (n < 0) {
			session_close(s);
			return false;
		}
		mgmt_session_sent(s->mgmt, (size_t)n == want ? len : (size_t)n);
	}
	if (len == 0 && (s->closing || mgmt_session_ended(s->mgmt))) {
		if (s->terminal) {
			process_log(LOG_INFO, "EOF on stdin, cleaning up and exiting");
			tell_end(s->console, false);
		}
		session_close(s);
		return false;
	}
	events = (s->closing ? 0 : RT_READ) | (len ? RT_WRITE : 0);
	if (!s->terminal && events != s->events &&
	    rt_change(s->console->conf.rt, s->in, events) == 0)
		s->events = events;
	return true;
}

static void feed(struct session *s, const char *bytes, size_t len)
{
	struct console *c = s->console;

	s->piece_at = bytes[len - 1] == '\n' ? VS_NEVER
					     : vs_time_add(rt_now(c->conf.rt), PIECE_PATIENCE);
	mgmt_session_input(s->mgmt, rt_now(c->conf.rt), bytes, len);
	if (c->conf.after)
		c->conf.after(c->conf.ctx);
}

/* A silent terminal is fed line by line, so that each answer ends with the prompt to leave out. */
static bool feed_lines(struct session *s, const char *bytes, size_t len)
{
	while (len) {
		const char *end = memchr(bytes, '\n', len);
		size_t n = end ? (size_t)(end - bytes) + 1 : len;

		feed(s, bytes, n);
		bytes += n;
		len -= n;
		if (mgmt_shutdown_asked(s->console->conf.mgmt))
			return true;
		if (!session_flush(s))
			return false;
	}
	return true;
}

/* Everybody hears of a shutdown before it happens. */
static void after_input(struct session *s)
{
	struct console *c = s->console;

	if (!mgmt_shutdown_asked(c->conf.mgmt)) {
		session_flush(s);
		return;
	}
	console_flush(c);
	tell_end(c, true);
}

static vs_time pieces_at(void *ctx)
{
	const struct console *c = ctx;
	vs_time at = VS_NEVER;

	for (const struct session *s = c->sessions; s; s = s->next)
		at = vs_time_min(at, s->piece_at);
	return at;
}

static void pieces_run(void *ctx, vs_time now)
{
	struct console *c = ctx;
	struct session *next;

	for (struct session *s = c->sessions; s && !c->told; s = next) {
		next = s->next;
		if (now < s->piece_at)
			continue;
		feed(s, "\n", 1);
		after_input(s);
	}
}

static void on_session(void *ctx, int fd, unsigned events)
{
	struct session *s = ctx;
	char bytes[4096];
	ssize_t n = 0;

	if (events & RT_READ && !s->closing) {
		n = read(fd, bytes, sizeof(bytes));
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			return;
		if (n <= 0) {
			s->closing = true;
			if (s->piece_at != VS_NEVER)
				feed(s, "\n", 1);
		} else if (s->silent) {
			if (!feed_lines(s, bytes, (size_t)n))
				return;
		} else {
			feed(s, bytes, (size_t)n);
		}
	} else if (events & RT_HUP) {
		if (s->terminal)
			s->closing = true;
		else {
			session_close(s);
			return;
		}
	}
	after_input(s);
}

static int session_open(struct console *c, int in, int out, bool terminal)
{
	struct session *s = calloc(1, sizeof(*s));
	int error = -ENOMEM;

	if (!s)
		return error;
	*s = (struct session){
		.console = c,
		.in = in,
		.out = out,
		.events = RT_READ,
		.piece_at = VS_NEVER,
		.terminal = terminal,
		.silent = terminal && !isatty(out),
	};
	error = mgmt_session_open(c->conf.mgmt, &s->mgmt);
	if (error)
		goto no_session;
	error = rt_add(c->conf.rt, in, RT_READ, on_session, s);
	if (error)
		goto no_watch;
	s->next = c->sessions;
	c->sessions = s;
	if (terminal) {
		const char *bytes;

		mgmt_session_sent(s->mgmt, mgmt_session_output(s->mgmt, &bytes));
	}
	session_flush(s);
	return 0;

no_watch:
	mgmt_session_close(s->mgmt);
no_session:
	free(s);
	return error;
}

/* Tells who cannot be served why, in the form of an answer, and the log. */
static void refuse(int peer, int error)
{
	char line[128];
	int n = snprintf(line, sizeof(line), "%d %s%s\n", 1000 - error, strerror(-error),
			 error == -EMFILE ? " (all consoles are taken)" : "");

	process_log(LOG_WARNING, "console refused: %s",
		    error == -EMFILE ? "all consoles are taken" : strerror(-error));
	(void)!send(peer, line, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
	close(peer);
}

static void on_listener(void *ctx, int fd, unsigned events)
{
	struct console *c = ctx;
	int peer = sock_accept(fd, &c->spare), error;

	(void)events;
	if (peer == -EMFILE || peer == -ENFILE)
		process_log(LOG_WARNING, "console refused: %s", strerror(-peer));
	if (peer < 0)
		return;
	error = session_open(c, peer, peer, false);
	if (error)
		refuse(peer, error);
}

int console_create(struct console **out, const struct console_conf *conf)
{
	struct console *c = calloc(1, sizeof(*c));
	int error;

	if (!c)
		return -ENOMEM;
	c->conf = *conf;
	c->listener = -1;
	c->spare = -1;
	error = rt_engine(conf->rt, pieces_at, pieces_run, c);
	if (error)
		free(c);
	else
		*out = c;
	return error;
}

void console_destroy(struct console *c)
{
	if (!c)
		return;
	while (c->sessions)
		session_close(c->sessions);
	if (c->listener >= 0) {
		rt_remove(c->conf.rt, c->listener);
		close(c->listener);
		unlink(c->path);
	}
	if (c->spare >= 0)
		close(c->spare);
	free(c->path);
	free(c);
}

int console_listen(struct console *c, const char *path, mode_t mode, gid_t gid)
{
	char absolute[4096];
	int error = process_absolute(path, absolute, sizeof(absolute));
	int fd;

	if (error)
		return error;
	fd = sock_listen(path, mode, gid);
	if (fd < 0)
		return fd;
	c->path = strdup(absolute);
	error = c->path ? rt_add(c->conf.rt, fd, RT_READ, on_listener, c) : -ENOMEM;
	if (error) {
		unlink(path);
		close(fd);
		return error;
	}
	c->listener = fd;
	c->spare = sock_spare();
	return 0;
}

int console_terminal(struct console *c)
{
	return session_open(c, STDIN_FILENO, STDOUT_FILENO, true);
}

void console_flush(struct console *c)
{
	struct session *next;

	for (struct session *s = c->sessions; s; s = next) {
		next = s->next;
		session_flush(s);
	}
}
