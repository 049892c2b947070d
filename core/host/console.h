/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Consoles: what connects a management tree (core/mgmt) to people. A listening socket for any
 * number of sessions, and the terminal of a program in the foreground.
 *
 * Whom the tree has no session for is told so in an answer's form, as is the log.
 *
 * The terminal shows no greeting; its prompt appears after the first line, and only on a real
 * terminal: a script on standard input reads answers alone.
 */
#ifndef VSQ_HOST_CONSOLE_H
#define VSQ_HOST_CONSOLE_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/host/rt.h"
#include "core/mgmt/mgmt.h"

struct console;

/* The sessions_max a program gives its tree: 64 consoles on the socket, and the terminal. */
#define CONSOLE_SESSIONS 65

struct console_conf {
	struct rt *rt;
	struct mgmt *mgmt;
	const char *prompt; /* that of the tree */
	void *ctx;
	/* The terminal has reached its end, or a session has asked for shutdown. */
	void (*end)(void *ctx, bool shutdown);
	void (*after)(void *ctx); /* after every input: an engine may have output; or NULL */
};

int console_create(struct console **, const struct console_conf *);

/* Ends every session, closes and removes the socket. */
void console_destroy(struct console *);

/* Opens the management socket: 0 or what sock_listen() answers. At most one. */
int console_listen(struct console *, const char *path, mode_t mode, gid_t gid);

/* Serves standard input and output as a session that ends with the program. 0 or -errno. */
int console_terminal(struct console *);

/* Writes what debug output has come meanwhile; after each wake-up. */
void console_flush(struct console *);

#endif
