/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The TCP part of a story. */
#ifndef VSQ_REPLAY_STORY_TCP_H
#define VSQ_REPLAY_STORY_TCP_H

#include "harness/replay/story.h"

/* Takes a segment in; header is the length of TCP's. 0 or -ENOMEM. */
int story_tcp_add(struct story_tcp *, const struct packet *, const struct wire_tcp *,
		  size_t header, bool from_host);
void story_tcp_end(struct story_tcp *); /* once the last was taken in */
void story_tcp_free(struct story_tcp *);

/* The write that byte `at` of the stream was first sent by, NULL when it was not. */
const struct story_write *story_tcp_write_of(const struct story_tcp *, size_t at);

#endif
