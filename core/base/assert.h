/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Assertions for our own mistakes. They stay on in every build; what a peer sends never
 * reaches one. Pure code may call vs_assert_failed(), which whoever drives it provides:
 * libhost aborts with a message, the kernel shim calls BUG().
 */
#ifndef VSQ_BASE_ASSERT_H
#define VSQ_BASE_ASSERT_H

#include <assert.h>

void vs_assert_failed(const char *file, int line, const char *expression)
	__attribute__((noreturn, cold));

#define vs_assert(expression)                                                                      \
	(__builtin_expect(!!(expression), 1) ? (void)0                                             \
					     : vs_assert_failed(__FILE__, __LINE__, #expression))

#endif
