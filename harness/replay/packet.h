/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The IP packets of a capture, fragments put together; ARP with its two addresses. */
#ifndef VSQ_REPLAY_PACKET_H
#define VSQ_REPLAY_PACKET_H

#include "core/wire/arp.h"
#include "core/wire/ip.h"
#include "harness/replay/load.h"

struct packet {
	const struct replay_frame *frame; /* the one that completed it */
	bool arp;			  /* then only src and dst of ip, and bytes: the message */
	bool fragments;			  /* came in several frames */
	struct wire_ip ip;
	const uint8_t *bytes; /* payload of IP */
	uint32_t len;
	uint8_t *own; /* what was put together, or NULL */
};

struct packets {
	struct packet *packet;
	size_t count;
};

/* Finds the packets of a capture that is lent for as long. Tagged frames and what cannot be read
 * are passed over. 0 or -ENOMEM.
 */
int packets_find(struct packets *, const struct replay_capture *);
void packets_free(struct packets *);

#endif
