/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Management: a tree of commands, the protocol of vde_switch's consoles, and debug output that
 * arrives by itself. It knows no sockets: a session takes bytes in and gives bytes out.
 *
 * An answer is `1000 Success`, or `NNNN text` with 1000 + errno, or `0000 DATA END WITH '.'`,
 * lines, `.` and then `1000 Success`. Any command with -j as its first argument answers the same
 * facts as one line of JSON between `0000 DATA END WITH '.'` and `.`. Debug lines start with a code
 * 3NNN.
 */
#ifndef VSQ_MGMT_MGMT_H
#define VSQ_MGMT_MGMT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/time.h"

struct mgmt;
struct mgmt_session;
struct mgmt_reply;

struct mgmt_conf {
	const char *prompt;	/* "vde$ " */
	const char *greeting;	/* whole lines, each with its \n, and an empty one; may be "" */
	unsigned sessions_max;	/* 0: 16 */
	unsigned debug_max;	/* sessions that may listen to debug output; 0: 16 */
	size_t output_max;	/* bytes a session may hold unread before debug lines are dropped
				 * (and a line says how many) and its commands wait; 0: 1 MiB */
	bool help_short;	/* help in wirefilter's two columns instead of three */
	void *ctx;
	/* Reads a script for `load`: calls line() for each of its lines. 0 or -errno. */
	int (*load)(void *ctx, const char *path,
		    int (*line)(void *line_ctx, const char *text, unsigned number), void *line_ctx);
};

/* How a command runs. args is what follows the path, without leading and trailing blanks.
 * Returns 0, -errno, or a code of its own from 1 up (for `1000 + code`).
 */
typedef int mgmt_fn(void *owner, vs_time now, struct mgmt_reply *, const char *args);

#define MGMT_MENU   0x1 /* a heading in help: "============" */
#define MGMT_DATA   0x2 /* answers data, also when there is none to show */
#define MGMT_SECRET 0x4 /* not in help; an alias */
#define MGMT_FIRST  0x8 /* in help, before the tree's own commands */

struct mgmt_command {
	const char *path;   /* "port/setvlan" */
	const char *syntax; /* "N VLAN" */
	const char *help;
	mgmt_fn *run;
	unsigned flags;
};

int mgmt_create(struct mgmt **, const struct mgmt_conf *, struct vs_arena *);
void mgmt_destroy(struct mgmt *);

/* Adds commands, lent for the life of the tree; owner is given to each. 0, -EEXIST, -ENOMEM. The
 * tree itself has help, logout, shutdown, load, and the debug menu. Help lists commands in the
 * order they were added, but those outside menus stand between shutdown and load.
 */
int mgmt_add(struct mgmt *, const struct mgmt_command *, size_t count, void *owner);
void mgmt_remove(struct mgmt *, void *owner); /* every command and category of an owner */

/* Debug categories ("hash/+", help): sessions subscribe to a category or, by a prefix, several. */
struct mgmt_category {
	const char *path;
	const char *help;
	unsigned code; /* 3NNN */
};

int mgmt_add_categories(struct mgmt *, const struct mgmt_category *, size_t count, void *owner);

/* Whether anyone listens to a category: asked before anything is formatted. */
bool mgmt_debugging(const struct mgmt *, unsigned code);

/* Sends `3NNN path text` to whoever listens to the category; the format makes the text. */
void mgmt_debug(struct mgmt *, unsigned code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same to the listeners of a category, as `SHOWN text`: for output whose code says more than
 * what it is about, as wirefilter's.
 */
void mgmt_debug_as(struct mgmt *, unsigned code, unsigned shown, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Turns a category on or off for the session a command came from. 0, -EINVAL (a script has no
 * session; no such category), -ENOSPC (debug_max sessions listen already).
 */
int mgmt_listen(struct mgmt_reply *, unsigned code, bool on);

/* Sessions. Input is bytes as they come (lines of up to 1,023; longer is an error answer); output
 * is pulled. A session whose peer is a person's terminal differs in nothing.
 */
int mgmt_session_open(struct mgmt *, struct mgmt_session **); /* 0, -EMFILE or -ENOMEM */
void mgmt_session_close(struct mgmt_session *);
void mgmt_session_input(struct mgmt_session *, vs_time now, const char *bytes, size_t len);
size_t mgmt_session_output(struct mgmt_session *, const char **bytes); /* lends; 0: nothing */
void mgmt_session_sent(struct mgmt_session *, size_t len);	       /* that much was written */
bool mgmt_session_ended(const struct mgmt_session *); /* after logout: close it once read out */
bool mgmt_shutdown_asked(const struct mgmt *);

/* Runs one command line without a session, as rc files and the lab do; the answer's data lines
 * (or JSON, with -j) go to text, if not NULL. Returns the code: 0 for success, else errno.
 */
struct vs_text;
int mgmt_run(struct mgmt *, vs_time now, const char *line, struct vs_text *text);

/* Runs a script of commands through conf.load: blank lines and lines from # on are nothing. The
 * first failing line stops it when strict; otherwise all are run. Those that failed are described
 * in *why, a line each (path:line: text: error). 0, or what the first failure was as -errno.
 */
int mgmt_load(struct mgmt *, vs_time now, const char *path, bool strict, struct vs_text *why);

/* Completion: calls each() for every command whose path starts with prefix, menus as "menu/". */
void mgmt_complete(const struct mgmt *, const char *prefix,
		   void (*each)(void *ctx, const char *path), void *ctx);

/* What a command says. mgmt_line() is one line of text; the mgmt_json functions build the same
 * facts for -j. A command may call both kinds: those that the session did not ask for cost
 * nothing. Keys and values nest as they are opened and closed: a first call with a key opens the
 * outermost object by itself, a first mgmt_json_open() without one says what the outermost is, and
 * what is open at the end is closed. A command that says no JSON answers {"lines": [...]}. Bytes
 * that could break a line of the protocol are shown as '?'.
 */
bool mgmt_wants_json(const struct mgmt_reply *);
void mgmt_line(struct mgmt_reply *, const char *format, ...) __attribute__((format(printf, 2, 3)));
void mgmt_json_open(struct mgmt_reply *, const char *key, char bracket); /* '{' or '['; key NULL
									  * in arrays */
void mgmt_json_close(struct mgmt_reply *);
void mgmt_json_int(struct mgmt_reply *, const char *key, int64_t value);
void mgmt_json_text(struct mgmt_reply *, const char *key, const char *value);
void mgmt_json_bool(struct mgmt_reply *, const char *key, bool value);
void mgmt_json_micro(struct mgmt_reply *, const char *key, int64_t millionths);

/* For a command that another tree has run: that one's whole answer to -j, instead of the above. */
void mgmt_json_answer(struct mgmt_reply *, const char *json, size_t len);

/* The session a command came from, for commands about sessions; NULL for scripts. */
struct mgmt_session *mgmt_reply_session(const struct mgmt_reply *);

#endif
