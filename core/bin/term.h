/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A terminal for a peer: a person's with line editing, or a script's. unixterm and vdeterm are this
 * with another look.
 */
#ifndef VSQ_BIN_TERM_H
#define VSQ_BIN_TERM_H

#include "core/bin/peer.h"

struct term {
	const char *program;
	const char *path;
	bool plain; /* codes and the marks of data are hidden, the prompt says where one is */
	struct peer peer;
	bool editing;	     /* a prompt and a line stand on the screen */
	bool hidden;	     /* they did, and must be shown again */
	bool silent;	     /* help is being read for completion */
	bool failed;	     /* a command was refused */
	const char *command; /* a script's, for its errors */
	void *editor;	     /* term_edit.c's */
	char **words;	     /* commands, for completion */
	size_t words_len;
	bool words_known;
};

/* Runs the program: its exit status. */
int term_main(struct term *, int argc, char **argv, const char *usage);

/* term_edit.c: a person's terminal. Returns the exit status. */
int term_edit(struct term *);
void term_hide_line(struct term *); /* before something is written over the line being edited */

/* Asks the peer for its commands, once. */
void term_learn_words(struct term *);

#endif
