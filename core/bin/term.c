/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/bin/term.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define GREETING_MS 500	 /* a peer without a prompt says nothing first */
#define HELP_MS	    3000 /* completion is not worth a longer wait */

static void say(struct term *t, const char *text)
{
	term_hide_line(t);
	puts(text);
}

static void learn_word(struct term *t, const char *line)
{
	size_t len = strcspn(line, " \t");
	char **more;

	if (!len || line[0] == '-' || strncmp(line, "COMMAND ", 8) == 0)
		return;
	more = realloc(t->words, (t->words_len + 1) * sizeof(*more));
	if (!more)
		return;
	t->words = more;
	more[t->words_len] = strndup(line, len);
	t->words_len += more[t->words_len] != NULL;
}

/* What a plain terminal shows of each kind of line; the other one shows all of it. */
static void on_line(void *ctx, enum peer_line kind, const char *raw, const char *text)
{
	struct term *t = ctx;
	bool script = t->command != NULL;

	if (t->silent && kind != PEER_DEBUG) {
		if (kind == PEER_DATA)
			learn_word(t, raw);
		return;
	}
	switch (kind) {
	case PEER_STATUS:
		if (t->peer.status != 0 && !(t->command && !strcmp(t->command, "logout")))
			t->failed = true;
		if (t->plain && script) {
			if (t->peer.status != 0)
				fprintf(stderr, "%s: %s: %s\n", t->program, t->command, text);
			return;
		}
		break;
	case PEER_BEGIN:
	case PEER_END:
	case PEER_BYE:
		if (t->plain)
			return;
		break;
	case PEER_TEXT:
		/* Between an answer and the prompt the peer puts an empty line. */
		if (script || (!*raw && t->peer.answered))
			return;
		break;
	case PEER_DATA:
	case PEER_DEBUG:
		break;
	}
	say(t, t->plain ? text : raw);
}

void term_learn_words(struct term *t)
{
	if (t->words_known)
		return;
	t->words_known = true;
	t->silent = true;
	if (peer_send(&t->peer, "help\n", 5))
		peer_wait(&t->peer, HELP_MS, -1);
	t->silent = false;
}

/* A script for a peer that speaks no protocol: bytes there, bytes back, until it has no more. */
static int copy_through(struct term *t)
{
	struct pollfd fds[2] = {{.fd = t->peer.fd, .events = POLLIN},
				{.fd = STDIN_FILENO, .events = POLLIN}};
	char bytes[16384];

	if (t->peer.len)
		fwrite(t->peer.bytes, 1, t->peer.len, stdout);
	for (;;) {
		ssize_t n;

		fflush(stdout);
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return 1;
		if (fds[0].revents) {
			n = read(t->peer.fd, bytes, sizeof(bytes));
			if (n <= 0)
				return 0;
			fwrite(bytes, 1, (size_t)n, stdout);
		}
		if (fds[1].revents) {
			n = read(STDIN_FILENO, bytes, sizeof(bytes));
			if (n <= 0) {
				fds[1].fd = -1;
				shutdown(t->peer.fd, SHUT_WR);
			} else if (!peer_send(&t->peer, bytes, (size_t)n)) {
				return 1;
			}
		}
	}
}

/* Commands from a file or pipe, each when the one before is answered. */
static int script(struct term *t)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	t->command = "";
	peer_wait(&t->peer, GREETING_MS, -1);
	if (!t->peer.at_prompt && !t->peer.ended)
		return copy_through(t);
	while (!t->peer.said_bye && (len = getline(&line, &size, stdin)) > 0) {
		char command[64];
		size_t blanks = strspn(line, " \t\r\n");

		if (line[blanks] == '\0' || line[blanks] == '#')
			continue;
		snprintf(command, sizeof(command), "%.*s", (int)strcspn(line + blanks, " \t\r\n"),
			 line + blanks);
		t->command = command;
		peer_send(&t->peer, line, (size_t)len);
		if (line[len - 1] != '\n')
			peer_send(&t->peer, "\n", 1);
		peer_wait(&t->peer, -1, -1);
		fflush(stdout);
		t->command = "";
		if (t->peer.ended && strcmp(command, "logout") != 0 && !t->peer.said_bye) {
			fprintf(stderr, "%s: %s: %s: the session has ended\n", t->program, t->path,
				command);
			t->failed = true;
		}
		if (t->peer.ended)
			break;
	}
	free(line);
	return t->failed;
}

int term_main(struct term *t, int argc, char **argv, const char *usage)
{
	static const struct option options[] = {
		{"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'}, {0}};
	int c, err, status;

	while ((c = getopt_long(argc, argv, "hV", options, NULL)) >= 0) {
		if (c == 'h')
			fputs(usage, stdout);
		else if (c == 'V')
			printf("%s (vsq)\n", t->program);
		else
			fputs(usage, stderr);
		return c == '?' ? 2 : 0;
	}
	if (optind + 1 != argc) {
		fputs(usage, stderr);
		return 2;
	}
	t->path = argv[optind];
	t->peer.line = on_line;
	t->peer.ctx = t;
	err = peer_open(&t->peer, t->path);
	if (err) {
		fprintf(stderr, "%s: %s: %s\n", t->program, t->path, strerror(-err));
		return 2;
	}
	status = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) ? term_edit(t) : script(t);
	fflush(stdout);
	peer_close(&t->peer);
	for (size_t i = 0; i < t->words_len; i++)
		free(t->words[i]);
	free(t->words);
	return status;
}
