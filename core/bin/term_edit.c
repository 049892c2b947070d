/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A person's terminal: libedit edits the line, and while it waits for a key the peer is listened
 * to. What the peer says by itself goes above the line, which is then drawn again as it was.
 */
#include <errno.h>
#include <histedit.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "core/bin/term.h"

#define GREETING_MS	500
#define HISTORY_ENTRIES 500

struct editor {
	EditLine *el;
	History *history;
	char prompt[4200];
};

static char *prompt_text(EditLine *el)
{
	struct term *t;
	struct editor *e;

	el_get(el, EL_CLIENTDATA, &t);
	e = t->editor;
	if (t->plain && *t->peer.prompt)
		snprintf(e->prompt, sizeof(e->prompt),
			 "%.*s[%s]: ", (int)strcspn(t->peer.prompt, "$ "), t->peer.prompt, t->path);
	else
		snprintf(e->prompt, sizeof(e->prompt), "%s", t->peer.prompt);
	return e->prompt;
}

/* Clears prompt and line, which may have grown over several rows, from the row they begin in. */
void term_hide_line(struct term *t)
{
	struct editor *e = t->editor;
	struct winsize size;
	const LineInfo *line;
	size_t before;

	if (!t->editing || t->hidden)
		return;
	t->hidden = true;
	line = el_line(e->el);
	before = strlen(prompt_text(e->el)) + (size_t)(line->cursor - line->buffer);
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col && before >= size.ws_col)
		printf("\033[%zuA", before / size.ws_col);
	fputs("\r\033[J", stdout);
}

static void show_line(struct term *t)
{
	struct editor *e = t->editor;

	if (!t->hidden)
		return;
	t->hidden = false;
	fflush(stdout);
	el_set(e->el, EL_REFRESH);
}

/* One character of the terminal; the peer is served meanwhile. 0 is the end. */
static int get_character(EditLine *el, wchar_t *c)
{
	struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.events = POLLIN}};
	mbstate_t state = {0};
	struct term *t;

	el_get(el, EL_CLIENTDATA, &t);
	fds[1].fd = t->peer.fd;
	for (;;) {
		char byte;

		if (poll(fds, 2, -1) < 0)
			return -1;
		if (fds[1].revents) {
			peer_read(&t->peer);
			if (t->peer.ended)
				return 0;
			show_line(t);
		}
		if (!fds[0].revents)
			continue;
		if (read(STDIN_FILENO, &byte, 1) != 1)
			return 0;
		switch (mbrtowc(c, &byte, 1, &state)) {
		case (size_t)-1: /* no character of this locale */
			*c = (unsigned char)byte;
			return 1;
		case (size_t)-2: /* it has more bytes */
			break;
		default:
			return 1;
		}
	}
}

/* The part of a word that prefix completes to: up to the next slash, as menus go. */
static size_t step_of(const char *word, size_t prefix_len)
{
	const char *slash = strchr(word + prefix_len, '/');

	return slash ? (size_t)(slash - word) + 1 : strlen(word);
}

/* Whether word i only names a menu, or offers the same step as one before it. */
static bool is_repeated(const struct term *t, size_t i, size_t prefix_len)
{
	size_t step = step_of(t->words[i], prefix_len);

	for (size_t k = 0; k < t->words_len; k++) {
		const char *other = t->words[k];
		size_t len = strlen(t->words[i]);

		if (strncmp(other, t->words[i], len) == 0 && other[len] == '/')
			return true;
		if (k < i && strncmp(other, t->words[i], step) == 0 &&
		    step_of(other, prefix_len) == step)
			return true;
	}
	return false;
}

/* Collects the steps that continue prefix: how many, and what they have in common. */
static size_t continuations(const struct term *t, const char *prefix, size_t len, size_t *common,
			    const char **first, bool show)
{
	size_t count = 0;

	for (size_t i = 0; i < t->words_len; i++) {
		const char *word = t->words[i];
		size_t step;

		if (strncmp(word, prefix, len) != 0 || is_repeated(t, i, len))
			continue;
		step = step_of(word, len);
		if (show)
			printf("%.*s  ", (int)step, word);
		if (!count++) {
			*first = word;
			*common = step;
		}
		for (size_t k = 0; k < *common; k++)
			if (word[k] != (*first)[k] || k >= step) {
				*common = k;
				break;
			}
	}
	return count;
}

static unsigned char complete(EditLine *el, wint_t key)
{
	const LineInfo *line = el_line(el);
	size_t len = (size_t)(line->cursor - line->buffer), common = 0, count;
	const char *first = NULL;
	char prefix[256], more[256];
	struct term *t;

	(void)key;
	el_get(el, EL_CLIENTDATA, &t);
	if (len >= sizeof(prefix) || memchr(line->buffer, ' ', len))
		return CC_ERROR;
	memcpy(prefix, line->buffer, len);
	prefix[len] = '\0';
	term_learn_words(t);
	count = continuations(t, prefix, len, &common, &first, false);
	if (!count)
		return CC_REFRESH_BEEP;
	if (count > 1 && common <= len) {
		term_hide_line(t);
		continuations(t, prefix, len, &common, &first, true);
		puts("");
		show_line(t);
		return CC_REFRESH;
	}
	snprintf(more, sizeof(more), "%.*s%s", (int)(common - len), first + len,
		 count == 1 && first[common - 1] != '/' ? " " : "");
	return el_insertstr(el, more) ? CC_ERROR : CC_REFRESH;
}

static int editor_open(struct term *t, struct editor *e)
{
	HistEvent event;

	setlocale(LC_CTYPE, "");
	t->editor = e;
	e->el = el_init(t->program, stdin, stdout, stderr);
	e->history = history_init();
	if (!e->el || !e->history)
		return -ENOMEM;
	history(e->history, &event, H_SETSIZE, HISTORY_ENTRIES);
	history(e->history, &event, H_SETUNIQUE, 1);
	el_set(e->el, EL_CLIENTDATA, t);
	el_set(e->el, EL_PROMPT, prompt_text);
	el_set(e->el, EL_EDITOR, "emacs");
	el_set(e->el, EL_SIGNAL, 1);
	el_set(e->el, EL_HIST, history, e->history);
	el_set(e->el, EL_GETCFN, get_character);
	/* Of the narrow call's two texts libedit makes copies that it never frees. */
	el_wset(e->el, EL_ADDFN, L"vde-complete", L"complete a command", complete);
	el_set(e->el, EL_BIND, "^I", "vde-complete", NULL);
	el_set(e->el, EL_BIND, "^R", "em-inc-search-prev", NULL);
	el_source(e->el, NULL);
	return 0;
}

static void converse(struct term *t, struct editor *e)
{
	const char *line;
	HistEvent event;
	int len;

	while (!t->peer.ended && !t->peer.said_bye) {
		t->editing = true;
		line = el_gets(e->el, &len);
		t->editing = false;
		t->hidden = false;
		if (!line || len <= 0) {
			puts("");
			return;
		}
		if (line[strspn(line, " \t\r\n")])
			history(e->history, &event, H_ENTER, line);
		if (peer_send(&t->peer, line, (size_t)len) && *t->peer.prompt)
			peer_wait(&t->peer, -1, STDIN_FILENO);
		fflush(stdout);
	}
}

int term_edit(struct term *t)
{
	struct editor e = {0};
	int status = 0;

	peer_wait(&t->peer, GREETING_MS, STDIN_FILENO);
	fflush(stdout);
	if (editor_open(t, &e)) {
		fprintf(stderr, "%s: this terminal cannot be edited on\n", t->program);
		status = 2;
	} else {
		converse(t, &e);
	}
	if (t->peer.ended && !t->peer.said_bye && !t->peer.answered) {
		fprintf(stderr, "%s: %s: the session has ended\n", t->program, t->path);
		status = 1;
	}
	if (e.history)
		history_end(e.history);
	if (e.el)
		el_end(e.el);
	return status;
}
