/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Arenas whose memory is the heap of the process. */
#ifndef VSQ_HOST_MEMORY_H
#define VSQ_HOST_MEMORY_H

#include "core/base/arena.h"

/* An arena over calloc() and free(), of at most size_max bytes (0: no limit of its own). */
void host_arena_init(struct vs_arena *, size_t size_max);

#endif
