/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Streams are counted in 32 bits from the ISN, which is enough for captures below 2 GB each way. */
#include "harness/replay/story_tcp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STREAM_MAX ((uint64_t)1 << 31)

/* Joins [from, to) to ranges that are apart and in order. 0 or -ENOMEM. */
static int range_add(struct story_range **ranges, size_t *count, uint64_t from, uint64_t to)
{
	struct story_range *r;
	size_t first = 0, last;

	while (first < *count && (*ranges)[first].to < from)
		first++;
	last = first;
	while (last < *count && (*ranges)[last].from <= to) {
		if ((*ranges)[last].from < from)
			from = (*ranges)[last].from;
		if ((*ranges)[last].to > to)
			to = (*ranges)[last].to;
		last++;
	}
	if (last == first) {
		r = realloc(*ranges, (*count + 1) * sizeof(*r));
		if (!r)
			return -ENOMEM;
		*ranges = r;
	}
	r = *ranges;
	memmove(r + first + 1, r + last, (*count - last) * sizeof(*r));
	*count = *count - (last - first) + 1;
	r[first] = (struct story_range){from, to};
	return 0;
}

/* The end of what is there without a gap. */
static uint64_t contiguous(const struct story_range *ranges, size_t count)
{
	return count && ranges[0].from == 0 ? ranges[0].to : 0;
}

static int stream_put(struct story_tcp *t, uint64_t at, const uint8_t *bytes, size_t len)
{
	if (at + len > t->size) {
		size_t size = t->size ? t->size : 4096;
		uint8_t *stream;

		while (size < at + len)
			size *= 2;
		stream = realloc(t->stream, size);
		if (!stream)
			return -ENOMEM;
		t->stream = stream;
		t->size = size;
	}
	memcpy(t->stream + at, bytes, len);
	return 0;
}

/* Data of the host. What is new becomes a write; a retransmission does not. */
static int host_data(struct story_tcp *t, const struct packet *p, uint64_t at,
		     const uint8_t *bytes, size_t len)
{
	size_t before = t->writes ? t->write[t->writes - 1].end : 0;
	struct story_write *write;
	int error = stream_put(t, at, bytes, len);

	if (!error)
		error = range_add(&t->sent, &t->sent_count, at, at + len);
	if (error)
		return error;
	t->len = (size_t)contiguous(t->sent, t->sent_count);
	if (at + len <= before)
		return 0;
	write = realloc(t->write, (t->writes + 1) * sizeof(*write));
	if (!write)
		return -ENOMEM;
	t->write = write;
	write[t->writes++] = (struct story_write){.end = (size_t)(at + len), .after = t->received,
						  .time = p->frame->time, .frame = p->frame};
	return 0;
}

static void peer_progress(struct story_tcp *t)
{
	t->received = contiguous(t->came, t->came_count);
	if (t->peer_fin_seen && t->received >= t->peer_fin_at)
		t->peer_fin = true;
}

static void note_acked(uint32_t *most, uint32_t acked)
{
	if (acked < STREAM_MAX && acked > *most)
		*most = acked;
}

static int from_peer(struct story_tcp *t, const struct wire_tcp *tcp, uint32_t at, size_t len)
{
	int error = 0;

	if (tcp->flags & WIRE_TCP_ACK && t->host_syn)
		note_acked(&t->peer_acked, tcp->ack - t->host_isn);
	if (tcp->flags & WIRE_TCP_SYN) {
		if (!t->begun && !(tcp->flags & WIRE_TCP_ACK))
			t->begun = true;
		t->peer_syn = true;
		t->peer_isn = tcp->seq;
		return 0;
	}
	if (!t->peer_syn || at >= STREAM_MAX)
		return 0;
	if (len)
		error = range_add(&t->came, &t->came_count, at, at + len);
	if (tcp->flags & WIRE_TCP_FIN) {
		t->peer_fin_seen = true;
		t->peer_fin_at = at + len;
	}
	peer_progress(t);
	return error;
}

static void host_ends(struct story_tcp *t, const struct packet *p, const struct wire_tcp *tcp)
{
	if (tcp->flags & WIRE_TCP_FIN && !t->host_fin) {
		t->host_fin = true;
		t->fin_after = t->received;
		t->fin_after_fin = t->peer_fin;
		t->fin_time = p->frame->time;
		t->fin_frame = p->frame;
	}
	if (tcp->flags & WIRE_TCP_RST && !t->host_rst) {
		t->host_rst = true;
		t->rst_after = t->received;
		t->rst_after_fin = t->peer_fin;
		t->rst_time = p->frame->time;
		t->rst_frame = p->frame;
	}
}

static int from_host_side(struct story_tcp *t, const struct packet *p, const struct wire_tcp *tcp,
			  uint32_t at, const uint8_t *bytes, size_t len)
{
	if (tcp->flags & WIRE_TCP_ACK && t->peer_syn)
		note_acked(&t->acked, tcp->ack - t->peer_isn);
	if (tcp->flags & WIRE_TCP_SYN) {
		if (!t->begun && !(tcp->flags & WIRE_TCP_ACK))
			t->begun = t->host_opens = true;
		if (!t->host_syn) {
			t->host_syn = true;
			t->host_isn = tcp->seq;
			t->syn = *tcp;
			t->syn_time = p->frame->time;
		}
		return 0;
	}
	host_ends(t, p, tcp);
	if (!t->host_syn || !len || at >= STREAM_MAX)
		return 0;
	return host_data(t, p, at, bytes, len);
}

int story_tcp_add(struct story_tcp *t, const struct packet *p, const struct wire_tcp *tcp,
		  size_t header, bool from_host)
{
	uint32_t at = tcp->seq - (from_host ? t->host_isn : t->peer_isn) - 1;
	size_t len = p->len - header;

	if (from_host)
		return from_host_side(t, p, tcp, at, p->bytes + header, len);
	return from_peer(t, tcp, at, len);
}

void story_tcp_end(struct story_tcp *t)
{
	/* A SYN and a FIN count one each. */
	t->lacks = t->acked > 1 + t->received + t->peer_fin_seen ||
		   t->peer_acked > 1 + t->len + t->host_fin;
}

const struct story_write *story_tcp_write_of(const struct story_tcp *t, size_t at)
{
	for (size_t i = 0; i < t->writes; i++)
		if (t->write[i].end > at)
			return &t->write[i];
	return NULL;
}

void story_tcp_free(struct story_tcp *t)
{
	free(t->stream);
	free(t->sent);
	free(t->came);
	free(t->write);
}
