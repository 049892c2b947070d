/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* TCP Fast Open, the server: RFC 7413 4.1.2, 4.2.2. A SYN with a cookie that proves its sender's
 * address makes a connection at once, whose text can be read and that may be answered before the
 * handshake is over. A listener has a limit of those in SYN-RECEIVED; one that was reset counts on
 * for a minute, since resets may be the echo of forged SYNs (5.1).
 *
 * The cookie is Linux's: the first eight bytes of SipHash-2-4 over both addresses. With a second,
 * older key its cookies are taken as well, and answered with new ones.
 */
#include "stack/tcp/tcp_impl.h"

#include <string.h>

#define COOKIE_LEN   8
#define RESETS_COUNT (60 * VS_SEC)

static void cookie_make(const uint64_t key[2], const struct tcp_in *in, struct tcp_cookie *c)
{
	const struct wire_ip *ip = in->ip->ip;
	uint8_t ends[32];
	uint64_t hash;

	if (wire_addr_is4(&ip->src)) {
		memcpy(ends, ip->src.b + 12, 4);
		memcpy(ends + 4, ip->dst.b + 12, 4);
		hash = tcp_siphash_bytes(key, ends, 8);
	} else {
		memcpy(ends, ip->src.b, 16);
		memcpy(ends + 16, ip->dst.b, 16);
		hash = tcp_siphash_bytes(key, ends, 32);
	}
	c->len = COOKIE_LEN;
	for (unsigned i = 0; i < COOKIE_LEN; i++)
		c->bytes[i] = (uint8_t)(hash >> 8 * i);
}

/* Which key made the cookie: 0, 1, or -1 none. Leaves the one that is right today in c. */
static int cookie_key(const struct tcp_pcb *listener, const struct tcp_in *in, struct tcp_cookie *c)
{
	const struct tcp_fastopen_keys *keys = listener->fastopen_keys;
	int found = -1;

	if (!keys)
		keys = &listener->stk->tcp->fastopen_keys;
	for (unsigned i = keys->count; i-- > 0;) {
		cookie_make(keys->key[i], in, c);
		if (in->h.cookie_len == COOKIE_LEN &&
		    !memcmp(in->h.cookie, c->bytes, COOKIE_LEN))
			found = (int)i;
	}
	return found;
}

/* There is room for one more that has proved nothing. */
static bool has_room(struct tcp_pcb *l)
{
	if (l->fastopen_count >= l->fastopen_max && l->fastopen_resets &&
	    tcp_now(l) - l->fastopen_reset_at >= RESETS_COUNT) {
		l->fastopen_count -= l->fastopen_resets;
		l->fastopen_resets = 0;
	}
	if (l->fastopen_count < l->fastopen_max)
		return true;
	stk_count(l->stk, STK_TcpFastOpenListenOverflow);
	return false;
}

bool tcp_fastopen_syn(struct tcp_pcb *listener, const struct tcp_in *in, struct tcp_cookie *answer)
{
	uint32_t set = tcp_settings(listener)->fastopen;
	const struct wire_tcp *h = &in->h;
	int key;

	*answer = (struct tcp_cookie){.len = -1};
	if (h->has_cookie && !h->cookie_len)
		stk_count(listener->stk, STK_TcpFastOpenCookieReqd);
	if (!(set & TCP_FASTOPEN_SERVER) || (!h->has_cookie && !in->len) ||
	    !listener->fastopen_max || !has_room(listener))
		return false;
	if ((set & TCP_FASTOPEN_SERVER_NO_COOKIE) || listener->fastopen_no_cookie)
		return true;
	if (!h->has_cookie)
		return false;
	answer->exp = h->cookie_exp;
	key = cookie_key(listener, in, answer);
	if (key < 0) {
		if (h->cookie_len)
			stk_count(listener->stk, STK_TcpFastOpenPassiveFail);
		return false;
	}
	if (key == 0)
		answer->len = -1; /* it has the right one */
	return true;
}

void tcp_fastopen_child(struct tcp_pcb *p, struct tcp_in *in)
{
	p->fastopen_child = true;
	p->fastopen_pending = true;
	p->listener->fastopen_count++;
	/* Our SYN has its own timer: what counts as in flight is text. */
	p->snd_una = p->iss + 1;
	p->snd_nxt = p->iss + 1;
	tcp_transfer_start(p, false);
	stk_count(p->stk, STK_TcpFastOpenPassive);
	if (!in->len)
		return;
	p->mss_rcv = (uint16_t)tcp_min(in->len, 65535);
	if (tcp_rcvbuf_append(p, in->f)) {
		in->f = NULL;
		p->syn_data_acked = true;
	}
}

/* The handshake is over, one way or the other. */
void tcp_fastopen_settled(struct tcp_pcb *p, bool reset)
{
	struct tcp_pcb *l = p->listener;

	if (!p->fastopen_pending)
		return;
	p->fastopen_pending = false;
	if (reset) {
		l->fastopen_resets++;
		l->fastopen_reset_at = tcp_now(p);
	} else {
		l->fastopen_count--;
	}
	if (p->accepted)
		tcp_listen_forget(p);
}

/* Four words of 32 bits a key, each little-endian in the key's bytes. */
int tcp_fastopen_keys_read(struct tcp_fastopen_keys *keys, const uint8_t *bytes, size_t len)
{
	if (len != 16 && len != 32)
		return -EINVAL;
	keys->count = (uint8_t)(len / 16);
	for (size_t i = 0; i < len / 8; i++) {
		uint64_t word = 0;

		for (unsigned k = 8; k-- > 0;)
			word = word << 8 | bytes[8 * i + k];
		keys->key[i / 2][i % 2] = word;
	}
	return 0;
}

int tcp_fastopen_key(struct stk_socket *so, const uint8_t *bytes, size_t len)
{
	struct tcp_pcb *p = tcp_of(so);
	struct tcp_fastopen_keys keys;
	int error = tcp_fastopen_keys_read(&keys, bytes, len);

	if (error)
		return error;
	if (!p->fastopen_keys)
		p->fastopen_keys = vs_alloc(p->stk->arena, sizeof(keys));
	if (!p->fastopen_keys)
		return -ENOMEM;
	*p->fastopen_keys = keys;
	return 0;
}

void tcp_fastopen_key_free(struct tcp_pcb *p)
{
	vs_free(p->stk->arena, p->fastopen_keys, sizeof(*p->fastopen_keys));
	p->fastopen_keys = NULL;
}
