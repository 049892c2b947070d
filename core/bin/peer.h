/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The terminals' side of a management session (core/mgmt/mgmt.h): what comes from the socket, line
 * by line and named. It knows answers, debug lines that arrive between them, and prompts, also
 * those of peers that are no management session: then every line is PEER_TEXT.
 */
#ifndef VSQ_BIN_PEER_H
#define VSQ_BIN_PEER_H

#include <stdbool.h>
#include <stddef.h>

enum peer_line {
	PEER_TEXT,   /* greetings and whatever else */
	PEER_BEGIN,  /* 0000 DATA END WITH '.' */
	PEER_DATA,   /* a line of data */
	PEER_END,    /* . */
	PEER_STATUS, /* 1NNN: the end of an answer */
	PEER_DEBUG,  /* 3NNN: came by itself */
	PEER_BYE,    /* 9999 END OF SESSION */
};

struct peer {
	int fd;
	char *bytes; /* not yet a line */
	size_t len, size;
	char prompt[64]; /* as the peer writes it; "" until it has */
	bool at_prompt;	 /* it waits for a command */
	bool in_data;
	char data_end[32];
	bool answered; /* since peer_send() */
	int status;    /* of the last answer: 0 or an errno */
	bool said_bye;
	bool ended; /* end of file, or an error */

	/* text has no code and no end of line; lent for the call. */
	void (*line)(void *ctx, enum peer_line kind, const char *raw, const char *text);
	void *ctx;
};

/* Connects to a UNIX socket. 0 or -errno. */
int peer_open(struct peer *, const char *path);
void peer_close(struct peer *);

/* Reads what there is, waiting for it if need be, and calls line() for each whole line. */
void peer_read(struct peer *);

/* Sends a command line. False when the peer has gone. */
bool peer_send(struct peer *, const char *line, size_t len);

/* Reads until the peer has answered, or waits for a command, for at most timeout_ms (-1: for ever).
 * Descriptor other, unless -1, ends the wait when it becomes readable.
 */
void peer_wait(struct peer *, int timeout_ms, int other);

#endif
