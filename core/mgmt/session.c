/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sessions: bytes of a console in, bytes for it out.
 *
 * Debug lines go out between answers, never inside one: an answer joins the output whole. A session
 * that does not read costs bounded memory: beyond output_max its debug lines are dropped and
 * counted, its commands wait in the input, and when that is full too the session ends.
 */
#include <errno.h>
#include <string.h>

#include "core/base/assert.h"
#include "core/mgmt/mgmt_impl.h"

int mgmt_session_open(struct mgmt *m, struct mgmt_session **out)
{
	struct mgmt_session *s;

	if (m->sessions_len == m->conf.sessions_max)
		return -EMFILE;
	s = vs_alloc(m->arena, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->m = m;
	s->in.arena = s->out.arena = m->arena;
	mgmt_buf_add(&s->out, "%s%s", m->conf.greeting, m->conf.prompt);
	if (s->out.failed) {
		mgmt_buf_free(&s->out);
		vs_free(m->arena, s, sizeof(*s));
		return -ENOMEM;
	}
	s->next = m->sessions;
	m->sessions = s;
	m->sessions_len++;
	*out = s;
	return 0;
}

void mgmt_session_close(struct mgmt_session *s)
{
	struct mgmt *m = s->m;
	struct mgmt_session **link = &m->sessions;

	vs_assert(!s->running);
	for (size_t i = 0; i < m->topics_len; i++)
		mgmt_topic_set(s, i, false);
	while (*link != s)
		link = &(*link)->next;
	*link = s->next;
	m->sessions_len--;
	mgmt_buf_free(&s->in);
	mgmt_buf_free(&s->out);
	vs_free(m->arena, s, sizeof(*s));
}

/* The arena had no room for the output: the session cannot be served any more. */
static bool out_failed(struct mgmt_session *s)
{
	if (s->out.failed)
		s->ended = true;
	return s->out.failed;
}

static void put_status(struct mgmt_session *s, int code)
{
	char scratch[32];

	mgmt_buf_add(&s->out, "%04d %s\n", 1000 + code, mgmt_error_text(code, scratch));
}

static void put_prompt(struct mgmt_session *s)
{
	mgmt_buf_add(&s->out, "\n%s", s->m->conf.prompt);
}

/* Says how many debug lines are missing, once there is room again. */
static void put_dropped(struct mgmt_session *s)
{
	if (s->dropped && mgmt_buf_len(&s->out) < s->m->conf.output_max) {
		mgmt_buf_add(&s->out, "3000 debug: %llu lines dropped\n",
			     (unsigned long long)s->dropped);
		s->dropped = 0;
	}
}

static void run_line(struct mgmt_session *s, const char *line)
{
	struct mgmt_reply r;
	int code;

	if (mgmt_line_blank(line)) {
		put_prompt(s);
		return;
	}
	s->running = true;
	code = mgmt_execute(s->m, s->now, s, line, &r);
	s->running = false;
	put_dropped(s);
	if (s->ended) {
		mgmt_buf_add(&s->out, "9999 END OF SESSION");
		mgmt_reply_fini(&r);
		return;
	}
	if (r.json || r.lines.tail || (r.command && r.command->flags & MGMT_DATA)) {
		const struct mgmt_buf *data = r.json ? &r.object : &r.lines;

		mgmt_buf_add(&s->out, "0000 DATA END WITH '.'\n");
		mgmt_buf_put(&s->out, data->bytes, data->tail);
		mgmt_buf_add(&s->out, r.json ? "\n.\n" : ".\n");
	}
	put_status(s, code);
	put_prompt(s);
	mgmt_reply_fini(&r);
}

/* One line as it came, of len bytes without its end. */
static void take_line(struct mgmt_session *s, const char *bytes, size_t len)
{
	char line[MGMT_LINE_MAX + 1];

	if (len && bytes[len - 1] == '\r')
		len--;
	if (len > MGMT_LINE_MAX) {
		mgmt_buf_add(&s->out, "%d Argument list too long (a line has at most %d bytes)\n",
			     1000 + E2BIG, MGMT_LINE_MAX);
		put_prompt(s);
		return;
	}
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)bytes[i];

		if ((c >= 0x20 && c != 0x7f) || c == '\t')
			continue;
		mgmt_buf_add(&s->out, "%d Invalid argument (byte 0x%02x in a command)\n",
			     1000 + EINVAL, c);
		put_prompt(s);
		return;
	}
	memcpy(line, bytes, len);
	line[len] = '\0';
	run_line(s, line);
}

/* Runs the lines that are complete, as long as the answers are being read. */
static void work(struct mgmt_session *s)
{
	while (!s->ended && mgmt_buf_len(&s->out) < s->m->conf.output_max) {
		const char *bytes = s->in.bytes + s->in.head;
		size_t len = mgmt_buf_len(&s->in);
		const char *end = len ? memchr(bytes, '\n', len) : NULL;

		if (end) {
			s->in.head += (size_t)(end - bytes) + 1;
			if (!s->skipping)
				take_line(s, bytes, (size_t)(end - bytes));
			s->skipping = false;
		} else if (len > MGMT_LINE_MAX + 1) {
			if (!s->skipping)
				take_line(s, bytes, len);
			s->skipping = true;
			s->in.head = s->in.tail;
		} else {
			break;
		}
		if (out_failed(s))
			break;
	}
	if (s->in.head == s->in.tail)
		s->in.head = s->in.tail = 0;
}

void mgmt_session_input(struct mgmt_session *s, vs_time now, const char *bytes, size_t len)
{
	s->now = now;
	while (len && !s->ended) {
		size_t room = MGMT_IN_MAX - mgmt_buf_len(&s->in);
		size_t part = len < room ? len : room;

		if (!part || s->in.failed) {
			mgmt_buf_add(&s->out, "%d No buffer space available (answers unread)\n",
				     1000 + ENOBUFS);
			s->ended = true;
			break;
		}
		mgmt_buf_put(&s->in, bytes, part);
		bytes += part;
		len -= part;
		work(s);
	}
}

size_t mgmt_session_output(struct mgmt_session *s, const char **bytes)
{
	if (!s->ended)
		put_dropped(s);
	*bytes = s->out.bytes + s->out.head;
	return mgmt_buf_len(&s->out);
}

void mgmt_session_sent(struct mgmt_session *s, size_t len)
{
	vs_assert(len <= mgmt_buf_len(&s->out));
	s->out.head += len;
	if (s->out.head == s->out.tail)
		s->out.head = s->out.tail = 0;
	if (mgmt_buf_len(&s->in))
		work(s);
}

bool mgmt_session_ended(const struct mgmt_session *s)
{
	return s->ended;
}

bool mgmt_topic_set(struct mgmt_session *s, size_t topic, bool on)
{
	const struct mgmt_category *category = s->m->topics[topic].category;
	bool listened = s->topics[0] | s->topics[1];

	if (!category || mgmt_topic_on(s, topic) == on)
		return false;
	s->topics[topic / 64] ^= (uint64_t)1 << (topic % 64);
	s->m->listening[category->code - 3000] += on ? 1 : -1;
	s->m->listeners -= listened;
	s->m->listeners += (s->topics[0] | s->topics[1]) != 0;
	return true;
}

void mgmt_topics_forget(struct mgmt *m, size_t topic)
{
	for (struct mgmt_session *s = m->sessions; s; s = s->next)
		mgmt_topic_set(s, topic, false);
}

bool mgmt_debugging(const struct mgmt *m, unsigned code)
{
	return code - 3000 < MGMT_CODES && m->listening[code - 3000];
}

static size_t topic_of(const struct mgmt *m, unsigned code)
{
	size_t topic = 0;

	while (topic < m->topics_len &&
	       (!m->topics[topic].category || m->topics[topic].category->code != code))
		topic++;
	return topic;
}

/* Ends the line and sends it to whoever listens; the text leaves room for its end. */
static void debug_send(struct mgmt *m, size_t topic, struct vs_text *text)
{
	for (size_t i = 0; i < text->len; i++)
		if ((unsigned char)text->bytes[i] < 0x20 || text->bytes[i] == 0x7f)
			text->bytes[i] = '?';
	text->bytes[text->len++] = '\n';
	for (struct mgmt_session *s = m->sessions; s; s = s->next) {
		if (s->ended || !mgmt_topic_on(s, topic))
			continue;
		put_dropped(s);
		if (s->dropped || mgmt_buf_len(&s->out) >= m->conf.output_max)
			s->dropped++;
		else
			mgmt_buf_put(&s->out, text->bytes, text->len);
		out_failed(s);
	}
}

void mgmt_debug(struct mgmt *m, unsigned code, const char *format, ...)
{
	size_t topic = topic_of(m, code);
	char line[1024];
	struct vs_text text;
	va_list args;

	if (!mgmt_debugging(m, code))
		return;
	vs_text_init(&text, line, sizeof(line) - 1);
	vs_text_add(&text, "%04u %s ", code, m->topics[topic].category->path);
	va_start(args, format);
	vs_text_vadd(&text, format, args);
	va_end(args);
	debug_send(m, topic, &text);
}

void mgmt_debug_as(struct mgmt *m, unsigned code, unsigned shown, const char *format, ...)
{
	char line[1024];
	struct vs_text text;
	va_list args;

	if (!mgmt_debugging(m, code))
		return;
	vs_text_init(&text, line, sizeof(line) - 1);
	vs_text_add(&text, "%04u ", shown);
	va_start(args, format);
	vs_text_vadd(&text, format, args);
	va_end(args);
	debug_send(m, topic_of(m, code), &text);
}

int mgmt_listen(struct mgmt_reply *r, unsigned code, bool on)
{
	struct mgmt *m = r->m;
	struct mgmt_session *s = r->session;
	size_t topic = topic_of(m, code);

	if (!s || topic == m->topics_len)
		return -EINVAL;
	if (on && !mgmt_topic_on(s, topic) && m->listeners == m->conf.debug_max &&
	    !(s->topics[0] | s->topics[1]))
		return -ENOSPC;
	mgmt_topic_set(s, topic, on);
	return 0;
}
