/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What comes with MSG_ERRQUEUE: when bytes left and were acknowledged (SO_TIMESTAMPING), and when
 * a buffer sent with MSG_ZEROCOPY is free again. Both follow from how far the stream has come,
 * which is looked at whenever something happened; on a virtual clock nothing happens in between.
 */
#include <errno.h>
#include <time.h>

#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "harness/packetdrill/pkd_impl.h"
#include "stack/tcp/tcp.h"

#ifndef MSG_ZEROCOPY
#define MSG_ZEROCOPY 0x4000000
#endif
#ifndef TCP_CM_INQ
#define TCP_CM_INQ 36
#endif

#define STAMPS_TX                                                                                  \
	(SOF_TIMESTAMPING_TX_SCHED | SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_TX_ACK)

static void notify(struct pkd_file *f, const struct pkd_notice *notice)
{
	struct pkd_notice *n = malloc(sizeof(*n));

	if (!n)
		return;
	*n = *notice;
	n->next = NULL;
	*f->notices_tail = n;
	f->notices_tail = &n->next;
	f->news |= POLLERR;
}

void pkd_mark_write(struct pkd *w, struct pkd_file *f, size_t len, int flags)
{
	uint32_t stamps = f->stamping & STAMPS_TX;
	struct pkd_mark *m, **at = &f->marks;
	bool zerocopy = f->zerocopy && (flags & MSG_ZEROCOPY);

	f->written += len;
	if (!stamps && !zerocopy)
		return;
	for (unsigned i = 0; i < 2; i++) {
		if (!(i ? zerocopy : stamps != 0))
			continue;
		m = calloc(1, sizeof(*m));
		if (!m)
			return;
		m->from = f->written - len;
		m->to = f->written;
		m->zerocopy = i;
		m->stamps = i ? 0 : stamps;
		m->key = i ? f->zerocopies++ : (uint32_t)(f->written - 1 - f->key_base);
		while (*at)
			at = &(*at)->next;
		*at = m;
	}
	(void)w;
}

static void stamp(struct pkd *w, struct pkd_file *f, struct pkd_mark *m, uint32_t flag,
		  uint32_t info)
{
	struct pkd_notice n = {.at = w->now, .error = ENOMSG, .info = info};

	if (!(m->stamps & flag))
		return;
	m->stamps &= ~flag;
	n.origin = SO_EE_ORIGIN_TIMESTAMPING;
	if (f->stamping & SOF_TIMESTAMPING_OPT_ID)
		n.data = m->key;
	notify(f, &n);
}

/* Completions of writes that follow each other are one notice with the range of their numbers. */
static void zerocopy_done(struct pkd_file *f, const struct pkd_mark *m)
{
	struct pkd_notice n = {.origin = SO_EE_ORIGIN_ZEROCOPY, .info = m->key, .data = m->key};

	for (struct pkd_notice *last = f->notices; last; last = last->next)
		if (!last->next && last->origin == SO_EE_ORIGIN_ZEROCOPY &&
		    last->data + 1 == m->key) {
			last->data = m->key;
			return;
		}
	/* Frames take the bytes: they were copied after all. */
	n.code = SO_EE_CODE_ZEROCOPY_COPIED;
	notify(f, &n);
}

static void marks_follow(struct pkd *w, struct pkd_file *f)
{
	struct pkd_mark **at = &f->marks;
	struct tcp_details d;
	uint64_t sent, acked;

	if (tcp_details(w->stk, f->stk, &d))
		return;
	sent = f->written - d.unsent;
	acked = sent - d.unacked_bytes;
	while (*at) {
		struct pkd_mark *m = *at;

		if (sent >= m->to) {
			stamp(w, f, m, SOF_TIMESTAMPING_TX_SCHED, SCM_TSTAMP_SCHED);
			stamp(w, f, m, SOF_TIMESTAMPING_TX_SOFTWARE, SCM_TSTAMP_SND);
		}
		if (acked >= m->to)
			stamp(w, f, m, SOF_TIMESTAMPING_TX_ACK, SCM_TSTAMP_ACK);
		if (m->zerocopy ? acked < m->to : m->stamps != 0) {
			at = &m->next;
			continue;
		}
		if (m->zerocopy)
			zerocopy_done(f, m);
		*at = m->next;
		free(m);
	}
}

void pkd_marks_settle(struct pkd *w)
{
	for (int fd = 0; fd < PKD_FILES_MAX; fd++)
		if (w->files[fd].kind == PKD_SOCKET && w->files[fd].marks)
			marks_follow(w, &w->files[fd]);
}

void pkd_marks_drop(struct pkd_file *f)
{
	while (f->marks) {
		struct pkd_mark *next = f->marks->next;

		free(f->marks);
		f->marks = next;
	}
	while (f->notices) {
		struct pkd_notice *next = f->notices->next;

		free(f->notices);
		f->notices = next;
	}
}

/* With OPT_ID the bytes are counted from where it was asked for. */
int pkd_stamping_set(struct pkd *w, struct pkd_file *f, uint32_t flags)
{
	struct tcp_details d;

	if (f->type == SOCK_STREAM && (flags & SOF_TIMESTAMPING_OPT_ID) &&
	    !(f->stamping & SOF_TIMESTAMPING_OPT_ID)) {
		if (tcp_details(w->stk, f->stk, &d) || d.state == TCP_CLOSED ||
		    d.state == TCP_LISTEN)
			return -EINVAL;
		f->key_base = f->written - d.unsent - d.unacked_bytes;
	}
	f->stamping = flags;
	return 0;
}

static void cmsg_put(struct msghdr *msg, size_t *used, int level, int type, const void *data,
		     size_t len)
{
	struct cmsghdr *c = (struct cmsghdr *)((char *)msg->msg_control + *used);

	if (!msg->msg_control || *used + CMSG_SPACE(len) > msg->msg_controllen) {
		msg->msg_flags |= MSG_CTRUNC;
		return;
	}
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), data, len);
	*used += CMSG_SPACE(len);
}

static struct timespec wall(vs_time at)
{
	return (struct timespec){PKD_EPOCH_S + at / VS_SEC, at % VS_SEC};
}

/* What came back about a message (IP_RECVERR), with as much of it as was told and has room. */
static ssize_t queued_read(struct pkd *w, struct pkd_file *f, struct msghdr *msg)
{
	struct {
		struct sock_extended_err err;
		struct sockaddr_in6 offender;
	} e = {0};
	uint8_t bytes[1024];
	size_t used = 0, at = 0, room = pkd_iov_total(msg);
	bool is4 = f->domain == AF_INET;
	socklen_t len = sizeof(e.offender);
	struct stk_addr offender = {0};
	struct stk_msg m;
	ssize_t n;

	if (room > sizeof(bytes))
		room = sizeof(bytes);
	n = stk_recv_msg(w->stk, w->now, f->stk, bytes, room, STK_MSG_ERRQUEUE, &m);
	if (n < 0)
		return n;
	for (size_t i = 0; i < msg->msg_iovlen && at < (size_t)n; i++) {
		size_t part = msg->msg_iov[i].iov_len;

		if (part > (size_t)n - at)
			part = (size_t)n - at;
		memcpy(msg->msg_iov[i].iov_base, bytes + at, part);
		at += part;
	}
	pkd_addr_out(f, &m.peer, msg->msg_name, &msg->msg_namelen);
	e.err.ee_errno = (uint32_t)m.error.error;
	e.err.ee_origin = m.error.origin;
	e.err.ee_type = m.error.type;
	e.err.ee_code = m.error.code;
	e.err.ee_info = m.error.info;
	offender.addr = m.error.offender;
	if (m.error.origin != SO_EE_ORIGIN_LOCAL)
		pkd_addr_out(f, &offender, (struct sockaddr *)&e.offender, &len);
	cmsg_put(msg, &used, is4 ? IPPROTO_IP : IPPROTO_IPV6, is4 ? IP_RECVERR : IPV6_RECVERR, &e,
		 sizeof(e.err) + (is4 ? 16 : 28));
	msg->msg_controllen = used;
	msg->msg_flags |= MSG_ERRQUEUE | (m.flags & STK_MSG_TRUNC ? MSG_TRUNC : 0);
	return n;
}

ssize_t pkd_notice_read(struct pkd *w, struct pkd_file *f, struct msghdr *msg)
{
	struct {
		struct sock_extended_err err;
		struct sockaddr_in6 offender;
	} e = {0};
	struct pkd_notice *n = f->notices;
	struct timespec stamps[3] = {0};
	size_t used = 0, len = sizeof(e.err) + (f->domain == AF_INET ? 16 : 28);

	if (!n)
		return queued_read(w, f, msg);
	f->notices = n->next;
	if (!f->notices)
		f->notices_tail = &f->notices;
	if (n->at) {
		stamps[0] = wall(n->at);
		cmsg_put(msg, &used, SOL_SOCKET, SO_TIMESTAMPING, stamps, sizeof(stamps));
	}
	e.err.ee_errno = n->error;
	e.err.ee_origin = n->origin;
	e.err.ee_type = n->type;
	e.err.ee_code = n->code;
	e.err.ee_info = n->info;
	e.err.ee_data = n->data;
	cmsg_put(msg, &used, f->domain == AF_INET ? IPPROTO_IP : IPPROTO_IPV6,
		 f->domain == AF_INET ? IP_RECVERR : IPV6_RECVERR, &e, len);
	msg->msg_controllen = used;
	msg->msg_flags |= MSG_ERRQUEUE;
	/* The bytes themselves would come along, were there room for them. */
	if (n->at && !(f->stamping & SOF_TIMESTAMPING_OPT_TSONLY))
		msg->msg_flags |= MSG_TRUNC;
	free(n);
	return 0;
}

void pkd_recv_cmsg(struct pkd *w, struct pkd_file *f, struct msghdr *msg)
{
	struct tcp_details d;
	size_t used = 0;
	int bytes;

	if (f->inq && f->type == SOCK_STREAM && !tcp_details(w->stk, f->stk, &d)) {
		/* The end of the stream counts as one, so that it is not waited for. */
		bytes = (int)d.rcv_queued;
		if (!bytes && d.rcv_shut)
			bytes = 1;
		cmsg_put(msg, &used, IPPROTO_TCP, TCP_CM_INQ, &bytes, sizeof(bytes));
	}
	msg->msg_controllen = used;
}
