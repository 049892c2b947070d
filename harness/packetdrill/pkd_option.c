/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options of sockets: socket(7), ip(7), tcp(7). A table tells which option of ours one of Linux's
 * is; those that change nothing here are remembered, so that what was set can be got.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "harness/packetdrill/pkd_impl.h"

#define PKD_FASTOPEN_NO_COOKIE 34 /* not in older headers */

#ifndef TCP_FASTOPEN_KEY
#define TCP_FASTOPEN_KEY 33
#endif

#ifndef SO_ZEROCOPY
#define SO_ZEROCOPY 60
#endif

static const struct {
	int level, name;
	enum stk_option option;
} table[] = {
	{SOL_SOCKET, SO_REUSEADDR, STK_SO_REUSEADDR},
	{SOL_SOCKET, SO_KEEPALIVE, STK_SO_KEEPALIVE},
	{SOL_SOCKET, SO_BROADCAST, STK_SO_BROADCAST},
	{SOL_SOCKET, SO_OOBINLINE, STK_SO_OOBINLINE},
	{SOL_SOCKET, SO_REUSEPORT, STK_SO_REUSEPORT},
	{IPPROTO_IPV6, IPV6_V6ONLY, STK_IPV6_V6ONLY},
	{IPPROTO_IPV6, IPV6_UNICAST_HOPS, STK_IP_TTL},
	{IPPROTO_IPV6, IPV6_TCLASS, STK_IP_TOS},
	{IPPROTO_IP, IP_TTL, STK_IP_TTL},
	{IPPROTO_IP, IP_TOS, STK_IP_TOS},
	{IPPROTO_IP, IP_MTU_DISCOVER, STK_IP_MTU_DISCOVER},
	{IPPROTO_IPV6, IPV6_MTU_DISCOVER, STK_IP_MTU_DISCOVER},
	{IPPROTO_IP, IP_MTU, STK_IP_MTU},
	{IPPROTO_IPV6, IPV6_MTU, STK_IP_MTU},
	{IPPROTO_IP, IP_RECVERR, STK_IP_RECVERR},
	{IPPROTO_IPV6, IPV6_RECVERR, STK_IP_RECVERR},
	{IPPROTO_TCP, TCP_NODELAY, STK_TCP_NODELAY},
	{IPPROTO_TCP, TCP_MAXSEG, STK_TCP_MAXSEG},
	{IPPROTO_TCP, TCP_CORK, STK_TCP_CORK},
	{IPPROTO_TCP, TCP_QUICKACK, STK_TCP_QUICKACK},
	{IPPROTO_TCP, TCP_USER_TIMEOUT, STK_TCP_USER_TIMEOUT},
	{IPPROTO_TCP, TCP_KEEPIDLE, STK_TCP_KEEPIDLE},
	{IPPROTO_TCP, TCP_KEEPINTVL, STK_TCP_KEEPINTVL},
	{IPPROTO_TCP, TCP_KEEPCNT, STK_TCP_KEEPCNT},
	{IPPROTO_TCP, TCP_NOTSENT_LOWAT, STK_TCP_NOTSENT_LOWAT},
	{IPPROTO_TCP, TCP_SYNCNT, STK_TCP_SYNCNT},
	{IPPROTO_TCP, TCP_DEFER_ACCEPT, STK_TCP_DEFER_ACCEPT},
	{IPPROTO_TCP, TCP_LINGER2, STK_TCP_LINGER2},
	{IPPROTO_TCP, TCP_FASTOPEN, STK_TCP_FASTOPEN},
	{IPPROTO_TCP, TCP_FASTOPEN_CONNECT, STK_TCP_FASTOPEN_CONNECT},
	{IPPROTO_TCP, PKD_FASTOPEN_NO_COOKIE, STK_TCP_FASTOPEN_NO_COOKIE},
};

static bool find(int level, int name, enum stk_option *option)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		if (table[i].level == level && table[i].name == name) {
			*option = table[i].option;
			return true;
		}
	return false;
}

/* Of the algorithms that the stack has, by their index. */
static int congestion_set(struct pkd *w, struct pkd_file *f, const char *value, socklen_t len)
{
	static const char *const names[] = {"reno", "cubic"};

	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strnlen(value, len) == strlen(names[i]) &&
		    !memcmp(value, names[i], strlen(names[i])))
			return stk_option_set(w->stk, w->now, f->stk, STK_TCP_CC, i);
	return -ENOENT;
}

static int congestion_get(struct pkd *w, struct pkd_file *f, char *value, socklen_t *len)
{
	static const char *const names[] = {"reno", "cubic"};
	char name[16] = "";
	int64_t index = 0;
	int error = stk_option_get(w->stk, f->stk, STK_TCP_CC, &index);

	if (error)
		return error;
	strncpy(name, names[index], sizeof(name) - 1);
	if (*len > sizeof(name))
		*len = sizeof(name);
	memcpy(value, name, *len);
	return 0;
}

static int give(void *value, socklen_t *len, const void *from, socklen_t size)
{
	if (*len > size)
		*len = size;
	memcpy(value, from, *len);
	return 0;
}

/* A listener's own keys for cookies: 16 bytes, or 32 with the one before. */
static int key_set(struct pkd *w, struct pkd_file *f, const void *value, socklen_t len)
{
	int error = stk_fastopen_key(w->stk, f->stk, value, len);

	if (error)
		return error;
	memcpy(f->fastopen_key, value, len);
	f->fastopen_key_len = (uint8_t)len;
	return 0;
}

/* Without its own it has the stack's, which is told as words: "x-x-x-x,x-x-x-x". */
static int key_get(struct pkd *w, const struct pkd_file *f, void *value, socklen_t *len)
{
	uint8_t key[sizeof(f->fastopen_key)];
	size_t key_len = f->fastopen_key_len;
	char text[128], *at = text;

	memcpy(key, f->fastopen_key, sizeof(key));
	if (!key_len && stk_get(w->stk, "net.ipv4.tcp_fastopen_key", text, sizeof(text)))
		return -ENOPROTOOPT;
	while (!f->fastopen_key_len && *at && key_len < sizeof(key)) {
		uint32_t word = (uint32_t)strtoul(at, &at, 16);

		for (unsigned i = 0; i < 4; i++)
			key[key_len++] = (uint8_t)(word >> 8 * i);
		at += *at != '\0';
	}
	return give(value, len, key, (socklen_t)key_len);
}

static int remember(struct pkd_file *f, int level, int name, int value)
{
	for (unsigned i = 0; i < f->kept_count; i++)
		if (f->kept[i].level == level && f->kept[i].name == name) {
			f->kept[i].value = value;
			return 0;
		}
	if (f->kept_count == PKD_KEPT_MAX)
		return -ENOBUFS;
	f->kept[f->kept_count].level = level;
	f->kept[f->kept_count].name = name;
	f->kept[f->kept_count++].value = value;
	return 0;
}

static bool harmless(int level, int name)
{
	if (level == SOL_SOCKET)
		return name == SO_PRIORITY || name == SO_MARK || name == SO_DONTROUTE ||
		       name == SO_BUSY_POLL || name == SO_INCOMING_CPU ||
		       name == SO_MAX_PACING_RATE || name == SO_RCVLOWAT || name == SO_DEBUG ||
		       name == SO_NO_CHECK || name == SO_TXTIME;
	if (level == IPPROTO_TCP)
		return name == TCP_THIN_LINEAR_TIMEOUTS || name == TCP_THIN_DUPACK ||
		       name == TCP_SAVE_SYN || name == TCP_TX_DELAY || name == TCP_WINDOW_CLAMP;
	if (level == IPPROTO_IPV6)
		return name == IPV6_AUTOFLOWLABEL || name == IPV6_RECVTCLASS ||
		       name == IPV6_RECVHOPLIMIT || name == IPV6_FREEBIND;
	return level == IPPROTO_IP &&
	       (name == IP_RECVTOS || name == IP_RECVTTL || name == IP_FREEBIND ||
		name == IP_TRANSPARENT || name == IP_BIND_ADDRESS_NO_PORT);
}

static int socket_set(struct pkd *w, struct pkd_file *f, int name, const void *value,
		      socklen_t len, int number)
{
	const struct linger *linger = value;
	const struct timeval *tv = value;

	switch (name) {
	case SO_SNDBUF:
	case SO_SNDBUFFORCE:
		return stk_option_set(w->stk, w->now, f->stk, STK_SO_SNDBUF, 2 * (int64_t)number);
	case SO_RCVBUF:
	case SO_RCVBUFFORCE:
		return stk_option_set(w->stk, w->now, f->stk, STK_SO_RCVBUF, 2 * (int64_t)number);
	case SO_LINGER:
		if (len < sizeof(*linger))
			return -EINVAL;
		f->linger_s = linger->l_onoff ? linger->l_linger : -1;
		return stk_option_set(w->stk, w->now, f->stk, STK_SO_LINGER, f->linger_s);
	case SO_RCVTIMEO:
	case SO_SNDTIMEO:
		if (len < sizeof(*tv))
			return -EINVAL;
		*(name == SO_RCVTIMEO ? &f->rcvtimeo_us : &f->sndtimeo_us) =
			(int64_t)tv->tv_sec * 1000000 + tv->tv_usec;
		return 0;
	case SO_RCVLOWAT:
		f->rcvlowat = number < 0 ? INT32_MAX : number ? number : 1;
		return remember(f, SOL_SOCKET, name, f->rcvlowat);
	case SO_TIMESTAMPING:
		return pkd_stamping_set(w, f, (uint32_t)number);
	case SO_TIMESTAMP:
		f->timestamp = number;
		return 0;
	case SO_TIMESTAMPNS:
		f->timestampns = number;
		return 0;
	case SO_ZEROCOPY:
		if (number != 0 && number != 1)
			return -EINVAL;
		f->zerocopy = number;
		return 0;
	default:
		return harmless(SOL_SOCKET, name) ? remember(f, SOL_SOCKET, name, number)
						  : -ENOPROTOOPT;
	}
}

static int option_set(struct pkd *w, struct pkd_file *f, int level, int name, const void *value,
		      socklen_t len)
{
	enum stk_option option;
	int number = 0;

	if (level == IPPROTO_TCP && f->type != SOCK_STREAM)
		return -ENOPROTOOPT;
	if (level == IPPROTO_TCP && name == TCP_CONGESTION)
		return len ? congestion_set(w, f, value, len) : -EINVAL;
	if (level == IPPROTO_TCP && name == TCP_FASTOPEN_KEY)
		return key_set(w, f, value, len);
	if (len >= sizeof(number))
		memcpy(&number, value, sizeof(number));
	else if (len && level != SOL_SOCKET && level != IPPROTO_TCP)
		number = *(const uint8_t *)value;
	else
		return -EINVAL;
	if (find(level, name, &option))
		return stk_option_set(w->stk, w->now, f->stk, option, number);
	if (level == SOL_SOCKET)
		return socket_set(w, f, name, value, len, number);
	if (level == IPPROTO_TCP && name == TCP_INQ) {
		if (number != 0 && number != 1)
			return -EINVAL;
		f->inq = number;
		return 0;
	}
	return harmless(level, name) ? remember(f, level, name, number) : -ENOPROTOOPT;
}

int pkd_setsockopt(void *userdata, int fd, int level, int name, const void *value, socklen_t len)
{
	struct pkd *w = pkd_enter();
	int error;
	struct pkd_file *f = pkd_socket_file(w, fd, &error);

	(void)userdata;
	if (f)
		error = option_set(w, f, level, name, value, len);
	return (int)pkd_leave(w, error);
}

static int give_number(void *value, socklen_t *len, int64_t number)
{
	int small = number > INT32_MAX ? -1 : (int)number;

	return give(value, len, &small, sizeof(small));
}

static int number_get(struct pkd *w, struct pkd_file *f, enum stk_option option, void *value,
		      socklen_t *len)
{
	int64_t number = 0;
	int error = stk_option_get(w->stk, f->stk, option, &number);

	return error ? error : give_number(value, len, number);
}

static int socket_get(struct pkd *w, struct pkd_file *f, int name, void *value, socklen_t *len)
{
	struct linger linger = {0};
	struct timeval tv;
	int64_t number = 0;

	switch (name) {
	case SO_ERROR:
		return number_get(w, f, STK_SO_ERROR, value, len);
	case SO_SNDBUF:
		return number_get(w, f, STK_SO_SNDBUF, value, len);
	case SO_RCVBUF:
		return number_get(w, f, STK_SO_RCVBUF, value, len);
	case SO_LINGER:
		stk_option_get(w->stk, f->stk, STK_SO_LINGER, &number);
		linger.l_onoff = number >= 0;
		linger.l_linger = number >= 0 ? (int)number : 0;
		return give(value, len, &linger, sizeof(linger));
	case SO_RCVTIMEO:
	case SO_SNDTIMEO:
		number = name == SO_RCVTIMEO ? f->rcvtimeo_us : f->sndtimeo_us;
		tv = (struct timeval){number / 1000000, number % 1000000};
		return give(value, len, &tv, sizeof(tv));
	case SO_RCVLOWAT:
		return give_number(value, len, f->rcvlowat);
	case SO_TYPE:
		return give_number(value, len, f->type);
	case SO_DOMAIN:
		return give_number(value, len, f->domain);
	case SO_PROTOCOL:
		return give_number(value, len, f->protocol);
	case SO_ACCEPTCONN:
		return give_number(value, len, f->listening);
	case SO_TIMESTAMPING:
		return give_number(value, len, f->stamping);
	case SO_ZEROCOPY:
		return give_number(value, len, f->zerocopy);
	case SO_MEMINFO:
		return pkd_meminfo(w, f, value, len);
	default:
		return -ENOPROTOOPT;
	}
}

static int option_get(struct pkd *w, struct pkd_file *f, int level, int name, void *value,
		      socklen_t *len)
{
	enum stk_option option;
	int error = -ENOPROTOOPT;

	if (level == IPPROTO_TCP && f->type != SOCK_STREAM)
		return -ENOPROTOOPT;
	if (find(level, name, &option))
		return number_get(w, f, option, value, len);
	if (level == SOL_SOCKET)
		error = socket_get(w, f, name, value, len);
	else if (level == IPPROTO_TCP && name == TCP_CONGESTION)
		error = congestion_get(w, f, value, len);
	else if (level == IPPROTO_TCP && name == TCP_FASTOPEN_KEY)
		return key_get(w, f, value, len);
	else if (level == IPPROTO_TCP && name == TCP_INFO)
		error = pkd_tcp_info(w, f, value, len);
	else if (level == IPPROTO_TCP && name == TCP_INQ)
		error = give_number(value, len, f->inq);
	/* Neither Reno nor CUBIC tells anything: Linux answers with no bytes. */
	else if (level == IPPROTO_TCP && name == TCP_CC_INFO)
		return *len = 0, 0;
	if (error != -ENOPROTOOPT)
		return error;
	for (unsigned i = 0; i < f->kept_count; i++)
		if (f->kept[i].level == level && f->kept[i].name == name)
			return give_number(value, len, f->kept[i].value);
	return harmless(level, name) ? give_number(value, len, 0) : -ENOPROTOOPT;
}

int pkd_getsockopt(void *userdata, int fd, int level, int name, void *value, socklen_t *len)
{
	struct pkd *w = pkd_enter();
	int error;
	struct pkd_file *f = pkd_socket_file(w, fd, &error);

	(void)userdata;
	if (f)
		error = option_get(w, f, level, name, value, len);
	return (int)pkd_leave(w, error);
}

int pkd_fcntl(void *userdata, int fd, int command, ...)
{
	struct pkd *w = pkd_enter();
	struct pkd_file *f = pkd_file(w, fd);
	va_list args;
	int argument;

	(void)userdata;
	va_start(args, command);
	argument = va_arg(args, int);
	va_end(args);
	if (!f) {
		pthread_mutex_unlock(&w->lock);
		return fcntl(fd, command, argument);
	}
	switch (command) {
	case F_GETFL:
		return (int)pkd_leave(w, O_RDWR | (f->nonblocking ? O_NONBLOCK : 0));
	case F_SETFL:
		f->nonblocking = argument & O_NONBLOCK;
		return (int)pkd_leave(w, 0);
	default:
		pthread_mutex_unlock(&w->lock);
		return fcntl(fd, command, argument);
	}
}

int pkd_ioctl(void *userdata, int fd, unsigned long request, ...)
{
	struct pkd *w = pkd_enter();
	struct pkd_file *f;
	int64_t number = 0;
	int error;
	va_list args;
	int *value;

	(void)userdata;
	va_start(args, request);
	value = va_arg(args, int *);
	va_end(args);
	f = pkd_socket_file(w, fd, &error);
	if (!f)
		return (int)pkd_leave(w, error);
	switch (request) {
	case FIONBIO:
		f->nonblocking = *value;
		return (int)pkd_leave(w, 0);
	case SIOCINQ:
		error = stk_option_get(w->stk, f->stk, STK_INQ, &number);
		break;
	case SIOCOUTQ:
		error = stk_option_get(w->stk, f->stk, STK_OUTQ, &number);
		break;
	case SIOCATMARK:
		error = stk_option_get(w->stk, f->stk, STK_ATMARK, &number);
		break;
	case SIOCOUTQNSD:
		error = pkd_unsent(w, f, &number);
		break;
	default:
		error = -ENOTTY;
		break;
	}
	if (!error)
		*value = (int)number;
	return (int)pkd_leave(w, error);
}
