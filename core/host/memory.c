/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/host/memory.h"

#include <stdlib.h>

static void *get(size_t size)
{
	return calloc(1, size);
}

void host_arena_init(struct vs_arena *arena, size_t size_max)
{
	vs_arena_init(arena, get, free, size_max);
}
