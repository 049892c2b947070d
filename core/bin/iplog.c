/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/bin/iplog.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "core/host/process.h"

#define SEEN_MAX 1024 /* addresses remembered; a power of two */

struct address {
	int family; /* 0: none */
	unsigned char bytes[16];
};

struct iplog {
	struct address seen[SEEN_MAX];
};

struct iplog *iplog_new(void)
{
	return calloc(1, sizeof(struct iplog));
}

/* The source address of a frame, if it is IPv4, ARP or IPv6: its family, and where it is. */
static int source_of(const unsigned char *frame, size_t len, const unsigned char **at)
{
	size_t type_at = 12;
	unsigned type;

	while (len >= type_at + 2) {
		type = (unsigned)frame[type_at] << 8 | frame[type_at + 1];
		if (type == 0x8100) {
			type_at += 4;
			continue;
		}
		frame += type_at + 2;
		len -= type_at + 2;
		if (type == 0x0800 && len >= 20) {
			*at = frame + 12;
			return AF_INET;
		}
		if (type == 0x0806 && len >= 28) {
			*at = frame + 14;
			return AF_INET;
		}
		if (type == 0x86dd && len >= 40) {
			*at = frame + 8;
			return AF_INET6;
		}
		break;
	}
	return 0;
}

void iplog_frame(void *ctx, const unsigned char *frame, size_t len)
{
	struct iplog *log = ctx;
	struct address a = {0};
	const unsigned char *at;
	char text[INET6_ADDRSTRLEN];
	uint32_t hash = 2166136261u;
	size_t size;

	a.family = source_of(frame, len, &at);
	if (a.family == 0)
		return;
	size = a.family == AF_INET ? 4 : 16;
	memcpy(a.bytes, at, size);
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ a.bytes[i]) * 16777619u;
	hash &= SEEN_MAX - 1;
	if (memcmp(&log->seen[hash], &a, sizeof(a)) == 0)
		return;
	log->seen[hash] = a;
	if (inet_ntop(a.family, a.bytes, text, sizeof(text)))
		process_log(LOG_INFO, "user %s IP %s", getenv("USER") ? getenv("USER") : "?", text);
}
