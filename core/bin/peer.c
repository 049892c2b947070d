/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/bin/peer.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES ((size_t)64 << 20) /* a peer that never ends its line is no peer */

int peer_open(struct peer *p, const char *path)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int err;

	if (strlen(path) >= sizeof(to.sun_path))
		return -ENAMETOOLONG;
	strcpy(to.sun_path, path);
	p->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (p->fd < 0)
		return -errno;
	if (connect(p->fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return 0;
	err = -errno;
	close(p->fd);
	return err;
}

void peer_close(struct peer *p)
{
	close(p->fd);
	free(p->bytes);
}

/* Four digits and a blank, as every answer begins; the original's "1-01" counts too. */
static bool has_code(const char *s)
{
	return isdigit((unsigned char)s[0]) && (isdigit((unsigned char)s[1]) || s[1] == '-') &&
	       isdigit((unsigned char)s[2]) && isdigit((unsigned char)s[3]) && s[4] == ' ';
}

static enum peer_line kind_of(struct peer *p, const char *s)
{
	static const char begin[] = "0000 DATA END WITH '";

	if (p->in_data)
		return strcmp(s, p->data_end) == 0 ? PEER_END : PEER_DATA;
	if (strncmp(s, begin, strlen(begin)) == 0)
		return PEER_BEGIN;
	if (!has_code(s))
		return PEER_TEXT;
	if (*s == '1')
		return PEER_STATUS;
	if (*s == '3')
		return PEER_DEBUG;
	return strncmp(s, "9999 ", 5) == 0 ? PEER_BYE : PEER_TEXT;
}

static void take_line(struct peer *p, char *s)
{
	size_t prompt_len = strlen(p->prompt), len;
	const char *text;
	enum peer_line kind;

	/* What arrives by itself follows the prompt that was waiting. */
	while (prompt_len && !p->in_data && strncmp(s, p->prompt, prompt_len) == 0)
		s += prompt_len;
	len = strlen(s);
	if (len && s[len - 1] == '\r')
		s[--len] = '\0';
	kind = kind_of(p, s);
	text = s;
	switch (kind) {
	case PEER_BEGIN:
		len = strcspn(s + 20, "'");
		if (len >= sizeof(p->data_end))
			len = sizeof(p->data_end) - 1;
		memcpy(p->data_end, s + 20, len);
		p->data_end[len] = '\0';
		p->in_data = true;
		break;
	case PEER_END:
		p->in_data = false;
		break;
	case PEER_STATUS:
		p->answered = true;
		p->status = atoi(s) - 1000;
		text = s + 5;
		break;
	case PEER_DEBUG:
		text = s + 5;
		break;
	case PEER_BYE:
		p->answered = true;
		p->said_bye = true;
		text = s + 5;
		break;
	case PEER_DATA:
	case PEER_TEXT:
		break;
	}
	p->line(p->ctx, kind, s, text);
}

/* A prompt is what stands at the end without an end of line. The first one is learnt. */
static void look_for_prompt(struct peer *p)
{
	p->at_prompt = false;
	if (!p->len || p->in_data)
		return;
	p->bytes[p->len] = '\0';
	if (!*p->prompt && p->len < sizeof(p->prompt) && p->bytes[p->len - 1] == ' ')
		memcpy(p->prompt, p->bytes, p->len + 1);
	p->at_prompt = *p->prompt && strcmp(p->bytes, p->prompt) == 0;
}

void peer_read(struct peer *p)
{
	char *end, *at;
	ssize_t n;

	if (p->size - p->len < 4096) {
		size_t size = p->size * 2 + 16384;
		char *more = size <= LINE_MAX_BYTES ? realloc(p->bytes, size) : NULL;

		if (!more) {
			p->ended = true;
			return;
		}
		p->bytes = more;
		p->size = size;
	}
	n = read(p->fd, p->bytes + p->len, p->size - p->len - 1);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0)
		p->ended = true;
	else
		p->len += (size_t)n;
	for (at = p->bytes; (end = memchr(at, '\n', p->len - (size_t)(at - p->bytes)));
	     at = end + 1) {
		*end = '\0';
		take_line(p, at);
	}
	p->len -= (size_t)(at - p->bytes);
	memmove(p->bytes, at, p->len);
	look_for_prompt(p);
	if (p->ended && p->len && !p->at_prompt) {
		p->bytes[p->len] = '\0';
		p->len = 0;
		take_line(p, p->bytes);
	}
}

bool peer_send(struct peer *p, const char *line, size_t len)
{
	p->answered = false;
	p->at_prompt = false;
	if (!p->in_data && *p->prompt && p->len == strlen(p->prompt))
		p->len = 0;
	while (len && !p->ended) {
		ssize_t n = send(p->fd, line, len, MSG_NOSIGNAL);

		if (n > 0) {
			line += n;
			len -= (size_t)n;
		} else if (errno != EINTR) {
			p->ended = true;
		}
	}
	return !p->ended;
}

static int left_ms(const struct timespec *start, int timeout_ms)
{
	struct timespec now;
	long passed;

	if (timeout_ms < 0)
		return -1;
	clock_gettime(CLOCK_MONOTONIC, &now);
	passed = (now.tv_sec - start->tv_sec) * 1000 + (now.tv_nsec - start->tv_nsec) / 1000000;
	return passed >= timeout_ms ? 0 : timeout_ms - (int)passed;
}

void peer_wait(struct peer *p, int timeout_ms, int other)
{
	struct pollfd fds[2] = {{.fd = p->fd, .events = POLLIN}, {.fd = other, .events = POLLIN}};
	struct timespec start;

	clock_gettime(CLOCK_MONOTONIC, &start);
	while (!p->ended && !p->at_prompt) {
		int n = poll(fds, other < 0 ? 1 : 2, left_ms(&start, timeout_ms));

		if (n == 0)
			return;
		if (n < 0 && errno != EINTR)
			return;
		if (n > 0 && fds[0].revents)
			peer_read(p);
		else if (n > 0 && other >= 0 && fds[1].revents)
			return;
	}
}
