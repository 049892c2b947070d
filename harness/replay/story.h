/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What one host said in a capture, conversation by conversation: TCP connections with their
 * streams, UDP flows and echoes with their datagrams, errors and answers for its address. The same
 * code tells the captured host's story and that of the stack in its place, so both can be compared.
 */
#ifndef VSQ_REPLAY_STORY_H
#define VSQ_REPLAY_STORY_H

#include "core/wire/tcp.h"
#include "harness/replay/packet.h"

enum story_kind {
	STORY_TCP,
	STORY_UDP,
	STORY_ECHO,   /* port: the identifier; the peer asks, or the host does */
	STORY_ERROR,  /* ICMP errors that the host sent to the peer */
	STORY_ANSWER, /* ARP replies and advertisements for the host's address, to the peer */
};

/* A stretch of the stream as it was first sent. */
struct story_write {
	size_t end;	/* bytes of the stream up to here */
	uint64_t after; /* bytes of the peer that had come, in order */
	vs_time time;
	const struct replay_frame *frame;
};

struct story_range {
	uint64_t from, to;
};

struct story_tcp {
	bool begun;	   /* a SYN was seen */
	bool host_opens;   /* and it was the host's */
	bool host_syn;	   /* SYN or SYN-ACK of the host */
	bool peer_syn;
	uint32_t host_isn, peer_isn;
	struct wire_tcp syn; /* the host's */
	vs_time syn_time;
	uint8_t *stream; /* of the host */
	size_t len;	 /* without a gap */
	size_t size;
	struct story_range *sent; /* of the stream, apart and in order */
	size_t sent_count;
	struct story_write *write;
	size_t writes;
	uint64_t received;	  /* of the peer, in order */
	struct story_range *came; /* beyond that */
	size_t came_count;
	bool peer_fin;	 /* came, in order */
	uint64_t peer_fin_at;
	bool peer_fin_seen;
	bool host_fin, host_rst;
	uint64_t fin_after, rst_after;
	bool fin_after_fin, rst_after_fin; /* after the peer's */
	vs_time fin_time, rst_time;
	const struct replay_frame *fin_frame, *rst_frame;
	uint32_t acked;	     /* highest acknowledgement of the host, from the peer's ISN */
	uint32_t peer_acked; /* and of the peer, from the host's */
	bool lacks; /* somebody acknowledged what the capture does not hold: it lost frames */
};

/* A datagram, echo message, error or answer of the host. */
struct story_datagram {
	const uint8_t *bytes; /* lent by the packet */
	uint32_t len;
	size_t after; /* of the peer's, how many had come */
	vs_time time;
	const struct replay_frame *frame;
};

struct story {
	enum story_kind kind;
	struct wire_addr peer;
	uint16_t port, peer_port;
	const struct replay_frame *first;
	struct story_tcp tcp;
	struct story_datagram *said;
	size_t said_count;
	size_t heard_count;
	bool refused; /* UDP: the host answered that nobody listens */
};

struct stories {
	struct wire_addr host;
	struct packets packets;
	struct story *story;
	size_t count;
	struct story **of; /* by index of packet, NULL: of none */
};

/* 0 or -ENOMEM. The capture is lent for as long. */
int stories_tell(struct stories *, const struct replay_capture *, const struct wire_addr *host);
void stories_free(struct stories *);
struct story *stories_find(const struct stories *, enum story_kind, const struct wire_addr *peer,
			   uint16_t port, uint16_t peer_port);

/* Whether a packet is an echo request or reply; *icmp is read then. */
struct wire_icmp;
bool story_echo(const struct packet *, struct wire_icmp *, bool *request);

const char *story_kind_name(enum story_kind);

#endif
