/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Text: a bounded line builder, and the reading of numbers, without locale and without surprise. */
#ifndef VSQ_BASE_TEXT_H
#define VSQ_BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Text that grows in bytes[0..size) and is always terminated; what does not fit is cut. */
struct vs_text {
	char *bytes;
	size_t size;
	size_t len; /* without the terminator */
	bool cut;   /* something did not fit */
};

void vs_text_init(struct vs_text *, char *bytes, size_t size);
void vs_text_add(struct vs_text *, const char *format, ...) __attribute__((format(printf, 2, 3)));
void vs_text_vadd(struct vs_text *, const char *format, va_list)
	__attribute__((format(printf, 2, 0)));
void vs_text_put(struct vs_text *, const char *bytes, size_t len);

/* Adds s as a JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. */
void vs_text_json(struct vs_text *, const char *s);

/* Reads a whole unsigned decimal number up to max. 0, -EINVAL or -ERANGE. */
int vs_parse_uint(const char *s, uint64_t max, uint64_t *out);

/* Reads a decimal fraction ("12", "0.25", "-3.5") from s, as a count of 10^-6, up to 12 digits
 * before the point; digits past the sixth decimal are dropped. Sets *end after it. 0, -EINVAL or
 * -ERANGE.
 */
int vs_parse_micro(const char *s, const char **end, int64_t *out);

#endif
