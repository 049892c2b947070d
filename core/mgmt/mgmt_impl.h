/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the parts of the management tree share: mgmt.c holds the tree and runs lines, reply.c builds
 * answers, session.c speaks the protocol, own.c has the commands every tree has.
 */
#ifndef VSQ_MGMT_IMPL_H
#define VSQ_MGMT_IMPL_H

#include <stdarg.h>

#include "core/base/text.h"
#include "core/mgmt/mgmt.h"

#define MGMT_LINE_MAX	    1023 /* bytes in a command line */
#define MGMT_IN_MAX	    (16 * 1024) /* bytes of commands that wait for output to be read */
#define MGMT_CATEGORIES_MAX 128
#define MGMT_CODES	    1000 /* 3000..3999 */
#define MGMT_NEST_MAX	    8	 /* scripts that load scripts; brackets in JSON */

/* Bytes that grow in the arena; failed once it was full, and then what came after is missing. */
struct mgmt_buf {
	struct vs_arena *arena;
	char *bytes;
	size_t size;
	size_t head; /* first byte not yet taken */
	size_t tail; /* end of what is there */
	bool failed;
};

void mgmt_buf_put(struct mgmt_buf *, const void *bytes, size_t len);
void mgmt_buf_add(struct mgmt_buf *, const char *format, ...) __attribute__((format(printf, 2, 3)));
void mgmt_buf_vadd(struct mgmt_buf *, const char *format, va_list)
	__attribute__((format(printf, 2, 0)));
void mgmt_buf_json(struct mgmt_buf *, const char *s, size_t len); /* as a string, with quotes */
void mgmt_buf_clean(struct mgmt_buf *, size_t from); /* control bytes become '?' */
void mgmt_buf_free(struct mgmt_buf *);

static inline size_t mgmt_buf_len(const struct mgmt_buf *b)
{
	return b->tail - b->head;
}

struct mgmt_entry {
	const struct mgmt_command *command;
	void *owner;
};

struct mgmt_topic {
	const struct mgmt_category *category; /* NULL: free place */
	void *owner;
};

struct mgmt {
	struct mgmt_conf conf;
	struct vs_arena *arena;
	struct mgmt_entry *commands; /* in the order of help */
	size_t commands_len, commands_size;
	struct mgmt_topic topics[MGMT_CATEGORIES_MAX];
	size_t topics_len;
	uint16_t listening[MGMT_CODES]; /* sessions per code - 3000 */
	struct mgmt_session *sessions;
	unsigned sessions_len;
	unsigned listeners; /* sessions with any category on */
	unsigned nest;	    /* scripts being run */
	bool shutdown;
};

struct mgmt_session {
	struct mgmt *m;
	struct mgmt_session *next;
	struct mgmt_buf in, out;
	vs_time now;	  /* of the latest input */
	uint64_t dropped; /* debug lines since the last one that went out */
	uint64_t topics[MGMT_CATEGORIES_MAX / 64];
	bool skipping; /* the rest of a line that was too long */
	bool running;  /* a command of this session is running */
	bool ended;
};

struct mgmt_reply {
	struct mgmt *m;
	struct mgmt_session *session;
	const struct mgmt_command *command; /* NULL when there was none of that name */
	bool json;	/* -j was asked */
	bool json_said; /* by the command itself */
	bool json_whole; /* as another tree has said it */
	bool comma;	/* before the next key or value */
	unsigned depth;
	char open[MGMT_NEST_MAX]; /* the closing bracket of each level */
	struct mgmt_buf lines, object;
};

static inline bool mgmt_topic_on(const struct mgmt_session *s, size_t topic)
{
	return s->topics[topic / 64] >> (topic % 64) & 1;
}

/* The text of an errno, in the words of the C library; "Unknown error N" goes to scratch. */
const char *mgmt_error_text(int code, char scratch[32]);

/* Whether the line holds a command at all. */
bool mgmt_line_blank(const char *line);

/* Runs one line; the answer's parts are in the reply, which the caller finishes with. Gives 0 or a
 * positive code.
 */
int mgmt_execute(struct mgmt *, vs_time now, struct mgmt_session *, const char *line,
		 struct mgmt_reply *);
void mgmt_reply_fini(struct mgmt_reply *);

/* Runs a script, with what its commands say in lines and, for each that fails, a line in why. */
int mgmt_script(struct mgmt *, vs_time now, const char *path, bool strict, struct mgmt_buf *lines,
		struct mgmt_buf *why);

/* Turns a session's category on or off. False if it was so already. */
bool mgmt_topic_set(struct mgmt_session *, size_t topic, bool on);
void mgmt_topics_forget(struct mgmt *, size_t topic);

extern const struct mgmt_command mgmt_own[];
extern const size_t mgmt_own_count;

#endif
