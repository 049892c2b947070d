/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Answers are built whole before a byte of them goes out, so nothing can come between their lines,
 * and an answer that memory did not suffice for is an error instead of a torn one.
 */
#include <stdio.h>
#include <string.h>

#include "core/base/assert.h"
#include "core/mgmt/mgmt_impl.h"

/* Room for len more bytes at the tail. */
static bool buf_room(struct mgmt_buf *b, size_t len)
{
	size_t size = b->size ? b->size : 512;
	char *bytes;

	if (b->failed)
		return false;
	if (b->size - b->tail >= len)
		return true;
	if (b->head >= len && b->head >= b->size / 2) {
		memmove(b->bytes, b->bytes + b->head, b->tail - b->head);
		b->tail -= b->head;
		b->head = 0;
		return true;
	}
	while (size - b->tail < len)
		size *= 2;
	bytes = vs_grow(b->arena, b->bytes, 1, b->size, size);
	if (!bytes) {
		b->failed = true;
		return false;
	}
	b->bytes = bytes;
	b->size = size;
	return true;
}

void mgmt_buf_put(struct mgmt_buf *b, const void *bytes, size_t len)
{
	if (len && buf_room(b, len)) {
		memcpy(b->bytes + b->tail, bytes, len);
		b->tail += len;
	}
}

void mgmt_buf_vadd(struct mgmt_buf *b, const char *format, va_list args)
{
	va_list again;
	int n;

	va_copy(again, args);
	n = buf_room(b, 128) ? vsnprintf(b->bytes + b->tail, 128, format, args) : 0;
	if (n < 0)
		b->failed = true;
	else if (n < 128)
		b->tail += (size_t)n;
	else if (buf_room(b, (size_t)n + 1))
		b->tail += (size_t)vsnprintf(b->bytes + b->tail, (size_t)n + 1, format, again);
	va_end(again);
}

void mgmt_buf_add(struct mgmt_buf *b, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	mgmt_buf_vadd(b, format, args);
	va_end(args);
}

/* s is terminated at len or later; what follows len is not part of it. */
void mgmt_buf_json(struct mgmt_buf *b, const char *s, size_t len)
{
	char piece[64];
	struct vs_text text;

	/* A byte becomes six at most, and a character of UTF-8 must not be cut: so the text is
	 * turned in one go when it is short, as nearly all are, and by way of a copy when not.
	 */
	if (len < sizeof(piece)) {
		char copy[sizeof(piece)];
		char out[6 * sizeof(piece) + 3];

		memcpy(copy, s, len);
		copy[len] = '\0';
		vs_text_init(&text, out, sizeof(out));
		vs_text_json(&text, copy);
		mgmt_buf_put(b, out, text.len);
		return;
	}
	char *copy = vs_alloc(b->arena, len + 1);

	if (!copy || !buf_room(b, 6 * len + 3)) {
		b->failed = true;
	} else {
		memcpy(copy, s, len);
		vs_text_init(&text, b->bytes + b->tail, 6 * len + 3);
		vs_text_json(&text, copy);
		b->tail += text.len;
	}
	vs_free(b->arena, copy, len + 1);
}

void mgmt_buf_clean(struct mgmt_buf *b, size_t from)
{
	for (size_t i = from; i < b->tail; i++)
		if ((unsigned char)b->bytes[i] < 0x20 || b->bytes[i] == 0x7f)
			b->bytes[i] = '?';
}

void mgmt_buf_free(struct mgmt_buf *b)
{
	vs_free(b->arena, b->bytes, b->size);
	*b = (struct mgmt_buf){.arena = b->arena};
}

void mgmt_reply_fini(struct mgmt_reply *r)
{
	mgmt_buf_free(&r->lines);
	mgmt_buf_free(&r->object);
}

bool mgmt_wants_json(const struct mgmt_reply *r)
{
	return r->json;
}

struct mgmt_session *mgmt_reply_session(const struct mgmt_reply *r)
{
	return r->session;
}

void mgmt_line(struct mgmt_reply *r, const char *format, ...)
{
	size_t from = r->lines.tail;
	va_list args;

	if (r->json && r->json_said)
		return;
	va_start(args, format);
	mgmt_buf_vadd(&r->lines, format, args);
	va_end(args);
	/* Buffers of answers are never taken from, so from still is where the line began. */
	mgmt_buf_clean(&r->lines, from);
	mgmt_buf_put(&r->lines, "\n", 1);
}

static void json_push(struct mgmt_reply *r, char bracket)
{
	vs_assert(r->depth < MGMT_NEST_MAX && (bracket == '{' || bracket == '['));
	mgmt_buf_put(&r->object, &bracket, 1);
	r->open[r->depth++] = bracket == '{' ? '}' : ']';
	r->comma = false;
}

/* What stands before a value: a comma, a key. False if nobody wants the value. */
static bool json_key(struct mgmt_reply *r, const char *key)
{
	if (!r->json)
		return false;
	if (r->depth == 0) {
		vs_assert(!r->json_said && key); /* one outermost value */
		json_push(r, '{');
	}
	r->json_said = true;
	vs_assert((r->open[r->depth - 1] == '}') == (key != NULL));
	if (r->comma)
		mgmt_buf_put(&r->object, ",", 1);
	r->comma = true;
	if (key) {
		mgmt_buf_json(&r->object, key, strlen(key));
		mgmt_buf_put(&r->object, ":", 1);
	}
	return true;
}

void mgmt_json_open(struct mgmt_reply *r, const char *key, char bracket)
{
	if (r->json && r->depth == 0 && !key) {
		vs_assert(!r->json_said);
		r->json_said = true;
		json_push(r, bracket);
	} else if (json_key(r, key)) {
		json_push(r, bracket);
	}
}

void mgmt_json_close(struct mgmt_reply *r)
{
	if (!r->json)
		return;
	vs_assert(r->depth > 0);
	mgmt_buf_put(&r->object, &r->open[--r->depth], 1);
	r->comma = true;
}

void mgmt_json_int(struct mgmt_reply *r, const char *key, int64_t value)
{
	if (json_key(r, key))
		mgmt_buf_add(&r->object, "%lld", (long long)value);
}

void mgmt_json_text(struct mgmt_reply *r, const char *key, const char *value)
{
	if (json_key(r, key))
		mgmt_buf_json(&r->object, value, strlen(value));
}

void mgmt_json_bool(struct mgmt_reply *r, const char *key, bool value)
{
	if (json_key(r, key))
		mgmt_buf_add(&r->object, "%s", value ? "true" : "false");
}

void mgmt_json_micro(struct mgmt_reply *r, const char *key, int64_t millionths)
{
	uint64_t size = millionths < 0 ? 0 - (uint64_t)millionths : (uint64_t)millionths;
	unsigned long long whole = size / 1000000, part = size % 1000000;
	int digits = 6;

	if (!json_key(r, key))
		return;
	mgmt_buf_add(&r->object, "%s%llu", millionths < 0 ? "-" : "", whole);
	if (!part)
		return;
	for (; part % 10 == 0; part /= 10)
		digits--;
	mgmt_buf_add(&r->object, ".%0*llu", digits, part);
}

void mgmt_json_answer(struct mgmt_reply *r, const char *json, size_t len)
{
	if (!r->json)
		return;
	vs_assert(!r->json_said);
	r->json_said = r->json_whole = true;
	mgmt_buf_put(&r->object, json, len);
}
