/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a failed assertion does in a process: say where, and leave a core. */
#include "core/base/assert.h"

#include <stdio.h>
#include <stdlib.h>

void vs_assert_failed(const char *file, int line, const char *expression)
{
	fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, expression);
	abort();
}
