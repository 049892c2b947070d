/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Options of a socket: tcp(7), socket(7). Ranges are Linux's. */
#include "stack/tcp/tcp_impl.h"

#define RCVBUF_MIN 2304
#define SNDBUF_MIN 4608
#define BUFFER_MAX (1u << 30)
#define FIN_TIMEOUT_MAX 120 /* s */
#define BACKLOG_MAX 4096 /* net.core.somaxconn */

static uint32_t within(int64_t value, uint32_t least, uint32_t most)
{
	if (value < (int64_t)least)
		return least;
	return value > (int64_t)most ? most : (uint32_t)value;
}

static int keep_option_set(struct tcp_pcb *p, enum stk_option option, int64_t value)
{
	if (option == STK_SO_KEEPALIVE) {
		p->keepalive = value != 0;
	} else {
		if (value < 1 || value > (option == STK_TCP_KEEPCNT ? 127 : 32767))
			return -EINVAL;
		if (option == STK_TCP_KEEPIDLE)
			p->keep_idle_s = (uint16_t)value;
		else if (option == STK_TCP_KEEPINTVL)
			p->keep_interval_s = (uint16_t)value;
		else
			p->keep_count = (uint8_t)value;
	}
	if (p->state != TCP_LISTEN)
		tcp_keepalive_restart(p);
	return 0;
}

/* Options that let something leave. */
static int push_option_set(struct tcp_pcb *p, enum stk_option option, int64_t value)
{
	if (option == STK_TCP_NODELAY)
		p->nodelay = value != 0;
	else
		p->cork = value != 0;
	if (option == STK_TCP_CORK && !value) {
		p->more = false;
		tcp_deadline_clear(p, TCP_DEADLINE_WAIT);
	}
	/* Setting TCP_NODELAY flushes; so does pulling the cork, Nagle notwithstanding. */
	p->push_now = option == STK_TCP_CORK ? !value : p->nodelay;
	tcp_output(p);
	p->push_now = false;
	return 0;
}

/* How often a SYN-ACK that leaves after 1, 2, 4 ... s may leave within so many seconds; and back.
 */
static uint8_t timeouts_of(int64_t seconds)
{
	int64_t wait = 1, sum = 1;
	uint8_t n = 1;

	if (seconds <= 0)
		return 0;
	while (seconds > sum && n < UINT8_MAX) {
		wait = wait < 60 ? 2 * wait : 120;
		sum += wait;
		n++;
	}
	return n;
}

static int64_t seconds_of(uint8_t timeouts)
{
	int64_t wait = 1, sum = 0;

	for (; timeouts; timeouts--) {
		sum += wait;
		wait = wait < 60 ? 2 * wait : 120;
	}
	return sum;
}

/* RFC 7413 5, appendix A; tcp(7). */
static int fastopen_option_set(struct tcp_pcb *p, enum stk_option option, int64_t value)
{
	if (option == STK_TCP_FASTOPEN_CONNECT) {
		if (value < 0 || value > 1)
			return -EINVAL;
		if (!(tcp_settings(p)->fastopen & TCP_FASTOPEN_CLIENT))
			return -EOPNOTSUPP;
		if (p->state != TCP_CLOSED)
			return -EINVAL;
		p->fastopen_connect = value != 0;
		return 0;
	}
	if (value < 0 || (p->state != TCP_CLOSED && p->state != TCP_LISTEN))
		return -EINVAL;
	if (option == STK_TCP_FASTOPEN)
		p->fastopen_max = within(value, 0, BACKLOG_MAX);
	else if (value > 1)
		return -EINVAL;
	else
		p->fastopen_no_cookie = value != 0;
	return 0;
}

int tcp_option_set(struct stk *s, vs_time now, struct stk_socket *so, enum stk_option option,
		   int64_t value)
{
	struct tcp_pcb *p = tcp_of(so);

	s->now = now;
	switch (option) {
	case STK_SO_SNDBUF:
		p->sndbuf_max = within(value, SNDBUF_MIN, BUFFER_MAX);
		p->sndbuf_fixed = true;
		if (p->snd_waits)
			tcp_sndbuf_news(p);
		return 0;
	case STK_SO_RCVBUF:
		p->rcvbuf_max = within(value, RCVBUF_MIN, BUFFER_MAX);
		p->rcvbuf_fixed = true;
		return 0;
	case STK_SO_LINGER:
		p->linger_s = value < 0 ? -1 : (int32_t)within(value, 0, INT32_MAX);
		return 0;
	case STK_SO_KEEPALIVE:
	case STK_TCP_KEEPIDLE:
	case STK_TCP_KEEPINTVL:
	case STK_TCP_KEEPCNT:
		return keep_option_set(p, option, value);
	case STK_TCP_NODELAY:
	case STK_TCP_CORK:
		return push_option_set(p, option, value);
	case STK_TCP_MAXSEG:
		if (value && (value < 88 || value > 32767))
			return -EINVAL;
		p->mss_user = (uint16_t)value;
		if (p->state > TCP_SYN_RECEIVED)
			tcp_mss_update(p);
		return 0;
	case STK_TCP_QUICKACK:
		p->no_quickack = !value;
		p->pingpong = !value;
		p->quick_acks = value ? TCP_QUICK_ACKS : 0;
		if (value && p->ack_delayed) {
			p->ack_now = true;
			tcp_output(p);
		}
		return 0;
	case STK_TCP_USER_TIMEOUT:
		if (value < 0 || value > INT32_MAX)
			return -EINVAL;
		p->user_timeout_ms = (uint32_t)value;
		return 0;
	case STK_TCP_NOTSENT_LOWAT:
		p->notsent_lowat = value <= 0 ? UINT32_MAX : within(value, 1, UINT32_MAX);
		if (p->snd_waits)
			tcp_sndbuf_news(p);
		return 0;
	case STK_SO_OOBINLINE:
		p->urgent_inline = value != 0;
		return 0;
	case STK_TCP_SYNCNT:
		if (value < 1 || value > 127)
			return -EINVAL;
		p->syn_count = (uint8_t)value;
		return 0;
	case STK_TCP_DEFER_ACCEPT:
		p->defer_accept = timeouts_of(value);
		return 0;
	case STK_TCP_LINGER2:
		p->linger2_s = value < 0 ? -1 : (int16_t)within(value, 0, FIN_TIMEOUT_MAX);
		return 0;
	case STK_TCP_FASTOPEN:
	case STK_TCP_FASTOPEN_CONNECT:
	case STK_TCP_FASTOPEN_NO_COOKIE:
		return fastopen_option_set(p, option, value);
	case STK_TCP_CC:
		if (value < 0 || value > UINT8_MAX || !tcp_cc_by_index((unsigned)value))
			return -ENOENT;
		p->cc_index = (uint8_t)value;
		tcp_cc(p)->init(p);
		return 0;
	case STK_SO_ERROR:
	case STK_SO_REUSEADDR:
	case STK_SO_BROADCAST:
	case STK_IPV6_V6ONLY:
	case STK_IP_TTL:
	case STK_IP_TOS:
	case STK_IP_MTU_DISCOVER:
	case STK_SO_REUSEPORT:
	case STK_IP_MTU:
	case STK_IP_RECVERR:
	case STK_IP_MULTICAST_IF:
	case STK_IP_MULTICAST_TTL:
	case STK_IP_MULTICAST_LOOP:
	case STK_IP_MULTICAST_ALL:
	case STK_ATMARK:
	case STK_INQ:
	case STK_OUTQ:
		return -ENOPROTOOPT;
	}
	return -ENOPROTOOPT;
}

int tcp_option_get(struct stk *s, struct stk_socket *so, enum stk_option option, int64_t *value)
{
	const struct tcp_pcb *p = tcp_of(so);

	(void)s;
	switch (option) {
	case STK_SO_SNDBUF:
		*value = p->sndbuf_max;
		return 0;
	case STK_SO_RCVBUF:
		*value = p->rcvbuf_max;
		return 0;
	case STK_SO_LINGER:
		*value = p->linger_s;
		return 0;
	case STK_SO_KEEPALIVE:
		*value = p->keepalive;
		return 0;
	case STK_TCP_KEEPIDLE:
		*value = p->keep_idle_s;
		return 0;
	case STK_TCP_KEEPINTVL:
		*value = p->keep_interval_s;
		return 0;
	case STK_TCP_KEEPCNT:
		*value = p->keep_count;
		return 0;
	case STK_TCP_NODELAY:
		*value = p->nodelay;
		return 0;
	case STK_TCP_CORK:
		*value = p->cork;
		return 0;
	case STK_TCP_MAXSEG:
		*value = p->state > TCP_SYN_RECEIVED || !p->mss_user ? p->mss : p->mss_user;
		return 0;
	case STK_TCP_QUICKACK:
		*value = !p->pingpong;
		return 0;
	case STK_TCP_USER_TIMEOUT:
		*value = p->user_timeout_ms;
		return 0;
	case STK_TCP_NOTSENT_LOWAT:
		*value = p->notsent_lowat;
		return 0;
	case STK_TCP_CC:
		*value = p->cc_index;
		return 0;
	case STK_TCP_FASTOPEN:
		*value = p->state == TCP_CLOSED || p->state == TCP_LISTEN ? p->fastopen_max : 0;
		return 0;
	case STK_TCP_FASTOPEN_CONNECT:
		*value = p->fastopen_connect;
		return 0;
	case STK_TCP_FASTOPEN_NO_COOKIE:
		*value = p->fastopen_no_cookie;
		return 0;
	case STK_INQ:
		if (p->state == TCP_LISTEN)
			return -EINVAL;
		*value = tcp_urgent_inq(p);
		return 0;
	case STK_SO_OOBINLINE:
		*value = p->urgent_inline;
		return 0;
	case STK_TCP_SYNCNT:
		*value = p->syn_count ? p->syn_count : tcp_settings(p)->syn_retries;
		return 0;
	case STK_TCP_DEFER_ACCEPT:
		*value = seconds_of(p->defer_accept);
		return 0;
	case STK_TCP_LINGER2:
		*value = p->linger2_s ? p->linger2_s : (int64_t)tcp_settings(p)->fin_timeout;
		return 0;
	case STK_ATMARK:
		*value = tcp_urgent_at_mark(p);
		return 0;
	case STK_OUTQ:
		if (p->state == TCP_LISTEN)
			return -EINVAL;
		*value = p->snd.len;
		return 0;
	case STK_SO_ERROR:
	case STK_SO_REUSEADDR:
	case STK_SO_BROADCAST:
	case STK_IPV6_V6ONLY:
	case STK_IP_TTL:
	case STK_IP_TOS:
	case STK_IP_MTU_DISCOVER:
	case STK_SO_REUSEPORT:
	case STK_IP_MTU:
	case STK_IP_RECVERR:
	case STK_IP_MULTICAST_IF:
	case STK_IP_MULTICAST_TTL:
	case STK_IP_MULTICAST_LOOP:
	case STK_IP_MULTICAST_ALL:
		return -ENOPROTOOPT;
	}
	return -ENOPROTOOPT;
}
