/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Socket calls in any order on three stacks that share a cable with loss, duplicates and delay,
 * against a model that a reader can check: what state a socket is in as far as its calls tell,
 * what a connection was given to carry in each direction, and who may have broken it. The model
 * says what each call answers. At the end everything is closed on a good cable: streams that nobody
 * broke arrived whole, no connection, timer or frame is left.
 *
 * The input is a list of calls, a few bytes each.
 */
#include <errno.h>
#include <string.h>

#include "core/base/assert.h"
#include "core/base/prng.h"
#include "core/host/memory.h"
#include "stack/stk.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

#define STACKS	 3
#define SOCKETS	 24 /* numbers on each stack */
#define STREAMS	 64 /* connections in one input */
#define FRAMES	 512
#define PORTS	 4 /* that are asked for by number: 80 and on */
#define SEND_MAX 20000

enum kind { FREE, FRESH, BOUND, LISTENER, CALLING, JOINED, DEAD };

/* One direction of a connection. */
struct way {
	uint64_t given; /* bytes that the sender's stack took */
	uint64_t got;	/* bytes that the receiver has read */
	bool ended;	/* the sender said so, by shutdown or close */
	bool end_seen;
};

/* A connection. Its two ends are known by the caller's address, which no other one has. */
struct stream {
	struct way way[2]; /* 0: from the caller */
	struct stk_addr caller, called;
	bool accepted;
	bool crossed; /* both called at once, or one socket called itself */
	bool broken; /* somebody closed with bytes unread, or lingered for nothing, or refused */
	bool open[2]; /* the caller's socket, the called one's */
};

struct model {
	enum kind kind;
	int stream; /* -1 */
	int side;   /* of the stream */
	bool shut_read, shut_write;
	bool failed; /* an error was told */
	bool linger;
	bool deaf; /* bytes that came after its reader had shut: TCP keeps or drops them */
	struct stk_addr local;
};

struct carried {
	struct vs_frame *frame; /* NULL: a free place */
	vs_time at;
	uint64_t order;
	int to;
};

struct world {
	struct vs_arena arena;
	struct vs_pool *pool;
	struct stk *stk[STACKS];
	struct wire_addr addr[STACKS];
	struct model socket[STACKS][SOCKETS];
	struct stream stream[STREAMS];
	int streams;
	struct carried carried[FRAMES];
	uint64_t order;
	unsigned loss, twice, spread; /* of 256; spread in ms */
	unsigned run; /* frames lost in a row */
	struct vs_prng chance;
	vs_time now;
	const uint8_t *at, *end;
	uint8_t pattern[SEND_MAX + 251];
};

static uint8_t next(struct world *w)
{
	return w->at < w->end ? *w->at++ : 0;
}

/* The byte at a place of any stream is known from the place alone, modulo a prime. */
static const uint8_t *pattern(const struct world *w, uint64_t at)
{
	return w->pattern + at % 251;
}

/* The cable. */

static void carry(struct world *w, int from, struct vs_frame *f)
{
	unsigned copies = 1;

	/* Eight in a row would be the fault of the cable, not of its frames. */
	if (vs_prng_below(&w->chance, 256) < w->loss && w->run < 3) {
		w->run++;
		vs_frame_put(f);
		return;
	}
	w->run = 0;
	if (vs_prng_below(&w->chance, 256) < w->twice)
		copies = 2;
	f->flags &= (uint16_t)~VS_FRAME_TRUSTED;
	for (int to = 0; to < STACKS; to++) {
		for (unsigned i = 0; to != from && i < copies; i++) {
			struct carried *c = w->carried;
			vs_time delay = VS_MSEC;

			while (c < w->carried + FRAMES && c->frame)
				c++;
			if (c == w->carried + FRAMES)
				break; /* a full queue */
			if (w->spread)
				delay += (vs_time)vs_prng_below(&w->chance, w->spread) * VS_MSEC;
			*c = (struct carried){vs_frame_ref(f), w->now + delay, ++w->order, to};
		}
	}
	vs_frame_put(f);
}

static void pull(struct world *w)
{
	for (int i = 0; i < STACKS; i++) {
		struct vs_frame *f;
		unsigned readiness;
		int ifindex;

		while ((f = stk_output(w->stk[i], &ifindex)))
			carry(w, i, f);
		while (stk_event(w->stk[i], &readiness) >= 0)
			;
	}
}

static struct carried *first_carried(struct world *w)
{
	struct carried *first = NULL;

	for (struct carried *c = w->carried; c < w->carried + FRAMES; c++)
		if (c->frame && (!first || c->at < first->at ||
				 (c->at == first->at && c->order < first->order)))
			first = c;
	return first;
}

static bool step(struct world *w, vs_time until)
{
	struct carried *c = first_carried(w);
	vs_time at = c ? c->at : VS_NEVER;

	for (int i = 0; i < STACKS; i++)
		at = vs_time_min(at, stk_poll_at(w->stk[i]));
	if (at > until || at == VS_NEVER)
		return false;
	w->now = at > w->now ? at : w->now;
	if (c && c->at <= w->now) {
		struct vs_frame *f = c->frame;

		c->frame = NULL;
		stk_input(w->stk[c->to], w->now, 1, f);
	} else {
		for (int i = 0; i < STACKS; i++)
			stk_run(w->stk[i], w->now);
	}
	pull(w);
	return true;
}

static void pass(struct world *w, vs_time until)
{
	while (step(w, until))
		;
	w->now = until;
}

/* The model. */

static bool same(const struct stk_addr *a, const struct stk_addr *b)
{
	return a->port == b->port && wire_addr_equal(&a->addr, &b->addr);
}

static struct stream *stream_of(struct world *w, const struct model *m)
{
	return m->stream < 0 ? NULL : &w->stream[m->stream];
}

/* What a socket reads; one that called itself reads what it wrote. */
static struct way *way_in(struct stream *s, const struct model *m)
{
	return &s->way[same(&s->caller, &s->called) ? m->side : !m->side];
}

/* Whether an error may come to a socket: something broke its connection, or the cable may have. */
static void may_fail(struct world *w, struct model *m, int error)
{
	struct stream *s = stream_of(w, m);

	vs_assert(s);
	switch (error) {
	case -ECONNRESET:
	case -EPIPE:
		vs_assert(s->broken);
		break;
	case -ECONNREFUSED:
		/* Nobody listens there, or no longer. */
		vs_assert(s->crossed || (m->side == 0 && !s->accepted));
		break;
	case -ETIMEDOUT:
	case -EHOSTUNREACH:
		/* Only a cable that loses, or a peer that is gone. */
		vs_assert(w->loss || s->broken || !s->accepted);
		break;
	default:
		vs_assert(!"an error that nothing here makes");
	}
	s->broken = true;
	m->failed = true;
}

static void break_stream(struct stream *s)
{
	if (s)
		s->broken = true;
}

static void call_socket(struct world *w, int i)
{
	int lowest = 0, fd;

	while (lowest < SOCKETS && w->socket[i][lowest].kind != FREE)
		lowest++;
	if (lowest == SOCKETS)
		return;
	fd = stk_socket(w->stk[i], STK_STREAM);
	vs_assert(fd == lowest);
	w->socket[i][fd] = (struct model){.kind = FRESH, .stream = -1};
}

/* Whether a listener or a socket that is only bound has the port; others may hold it, too. */
static bool port_held(const struct world *w, int i, uint16_t port)
{
	for (int fd = 0; fd < SOCKETS; fd++) {
		const struct model *m = &w->socket[i][fd];

		if ((m->kind == BOUND || m->kind == LISTENER) && m->local.port == port)
			return true;
	}
	return false;
}

static void call_bind(struct world *w, int i, int fd)
{
	struct model *m = &w->socket[i][fd];
	struct stk_addr local = {.port = (uint16_t)(80 + next(w) % PORTS)};
	bool held = port_held(w, i, local.port);
	int error = stk_bind(w->stk[i], fd, &local);

	if (m->kind == FREE) {
		vs_assert(error == -EBADF);
	} else if (m->kind == CALLING || m->kind == JOINED || m->kind == DEAD) {
		/* Its connection may be gone, and its port kept or not. */
		vs_assert(!error || error == -EINVAL || error == -EADDRINUSE);
	} else if (m->kind != FRESH) {
		vs_assert(error == -EINVAL);
	} else if (held) {
		vs_assert(error == -EADDRINUSE);
	} else {
		/* Connections that came by a listener, or their rests, may have the port. */
		vs_assert(!error || error == -EADDRINUSE);
	}
	if (error || m->kind != FRESH)
		return;
	m->kind = BOUND;
	m->local = local;
}

static void call_listen(struct world *w, int i, int fd)
{
	struct model *m = &w->socket[i][fd];
	int error = stk_listen(w->stk[i], fd, 1 + next(w) % 4);

	switch (m->kind) {
	case FREE:
		vs_assert(error == -EBADF);
		return;
	case FRESH:
	case BOUND:
	case LISTENER:
		vs_assert(!error);
		m->kind = LISTENER;
		vs_assert(!stk_local(w->stk[i], fd, &m->local));
		return;
	case CALLING:
	case JOINED:
	case DEAD:
		/* One that is closed may listen; the model leaves it at that. */
		vs_assert(!error || error == -EINVAL || error == -EADDRINUSE);
		if (!error)
			stk_close(w->stk[i], w->now, fd);
		if (!error && stream_of(w, m)) {
			struct stream *s = stream_of(w, m);

			s->open[m->side] = false;
			s->way[m->side].ended = true;
			break_stream(s);
		}
		if (!error)
			*m = (struct model){.kind = FREE, .stream = -1};
		return;
	}
}

/* A connection begins, or the other half of one: whom it calls has called it. */
static void call_new(struct world *w, int i, int fd, const struct stk_addr *called)
{
	struct model *m = &w->socket[i][fd];
	struct stream *s = &w->stream[w->streams];
	struct stk_addr caller;

	vs_assert(!stk_local(w->stk[i], fd, &caller));
	m->kind = CALLING;
	m->side = 0;
	for (int k = 0; k < w->streams; k++) {
		struct stream *other = &w->stream[k];

		if (other->accepted || !other->open[0] || other->broken ||
		    !same(&other->caller, called) || !same(&other->called, &caller))
			continue;
		other->accepted = other->crossed = other->open[1] = true;
		m->stream = k;
		m->side = 1;
		return;
	}
	*s = (struct stream){.caller = caller, .called = *called, .open = {true, false}};
	s->accepted = s->crossed = same(&caller, called);
	m->stream = w->streams++;
}

static void call_connect(struct world *w, int i, int fd)
{
	struct model *m = &w->socket[i][fd];
	uint8_t to = next(w);
	struct stk_addr called = {.addr = w->addr[to % STACKS],
				  .port = (uint16_t)(80 + to / STACKS % PORTS)};
	int error;

	if (m->kind <= BOUND && m->kind != FREE && w->streams == STREAMS)
		return;
	error = stk_connect(w->stk[i], w->now, fd, &called);
	switch (m->kind) {
	case FREE:
		vs_assert(error == -EBADF);
		return;
	case LISTENER:
		vs_assert(error == -EOPNOTSUPP);
		return;
	case CALLING:
		vs_assert(error == -EALREADY || error == -EISCONN || error == -EINPROGRESS ||
			  error == -EADDRNOTAVAIL);
		/* It was refused meanwhile and calls once more: not the same connection. */
		if (error == -EINPROGRESS)
			break;
		return;
	case JOINED:
		vs_assert(error == -EISCONN || error == -EINPROGRESS ||
			  error == -EADDRNOTAVAIL);
		if (error == -EINPROGRESS)
			break;
		return;
	case DEAD:
		if (error != -EINPROGRESS)
			return;
		break;
	case FRESH:
	case BOUND:
		vs_assert(error == -EINPROGRESS || error == -EADDRNOTAVAIL);
		if (error)
			break;
		return;
	}
	if (error != -EINPROGRESS)
		return;
	if (stream_of(w, m)) {
		/* A socket that calls again after its connection broke: told nothing more of. */
		struct stream *old = stream_of(w, m);

		/* Calls that crossed may have been refused before they met. */
		vs_assert(old->broken || old->way[0].ended || old->way[1].ended || w->loss ||
			  !old->accepted || (old->crossed && m->kind == CALLING));
		old->open[m->side] = false;
		break_stream(old);
		stk_close(w->stk[i], w->now, fd);
		*m = (struct model){.kind = FREE, .stream = -1};
		return;
	}
	call_new(w, i, fd, &called);
}

static void call_accept(struct world *w, int i, int fd)
{
	struct model *m = &w->socket[i][fd], *child;
	struct stk_addr peer;
	int lowest = 0, got;

	while (lowest < SOCKETS && w->socket[i][lowest].kind != FREE)
		lowest++;
	if (lowest == SOCKETS)
		return;
	got = stk_accept(w->stk[i], w->now, fd, &peer);
	if (m->kind != LISTENER) {
		vs_assert(got == (m->kind == FREE ? -EBADF : -EINVAL));
		return;
	}
	if (got == -EAGAIN)
		return;
	vs_assert(got == lowest);
	child = &w->socket[i][got];
	for (int k = w->streams - 1; k >= 0; k--) {
		struct stream *s = &w->stream[k];

		if (!same(&s->caller, &peer) || s->called.port != m->local.port ||
		    !wire_addr_equal(&s->called.addr, &w->addr[i]))
			continue;
		/* The one that has these ends now is the last of them that was called, or one of
		 * before whose caller is gone.
		 */
		if (s->accepted && !s->crossed)
			continue;
		/* A call that crossed another one, or was to itself, can also find a listener that
		 * has come to where the called one was.
		 */
		if (s->crossed)
			break_stream(s);
		s->accepted = true;
		s->open[1] = true;
		*child = (struct model){.kind = JOINED, .stream = k, .side = 1};
		return;
	}
	vs_assert(!"accepted somebody who never called");
}

static void call_send(struct world *w, int i, int fd)
{
	struct model *m = &w->socket[i][fd];
	struct stream *s = stream_of(w, m);
	size_t len = (size_t)next(w) * next(w) % SEND_MAX;
	int flags = next(w) & 1 ? STK_MSG_MORE : 0;
	struct way *way = s ? &s->way[m->side] : NULL;
	bool ready = m->kind != FREE && (stk_readiness(w->stk[i], fd) & STK_OUT);
	ptrdiff_t sent = stk_send(w->stk[i], w->now, fd, pattern(w, way ? way->given : 0), len,
				  flags, NULL);

	switch (m->kind) {
	case FREE:
		vs_assert(sent == -EBADF);
		return;
	case FRESH:
	case BOUND:
	case LISTENER:
		vs_assert(sent == -EPIPE);
		return;
	case CALLING:
	case JOINED:
	case DEAD:
		break;
	}
	if (sent >= 0) {
		vs_assert(!m->shut_write && (size_t)sent <= len);
		way->given += (uint64_t)sent;
		m->kind = JOINED;
	} else if (sent == -EAGAIN) {
		vs_assert(!ready || !len);
	} else if (sent == -EPIPE) {
		vs_assert(m->shut_write || m->failed || s->broken || w->loss || !s->accepted);
	} else {
		may_fail(w, m, (int)sent);
	}
}

static void check_text(struct world *w, struct way *way, const uint8_t *bytes, size_t len)
{
	vs_assert(way->got + len <= way->given);
	for (size_t i = 0; i < len; i++)
		vs_assert(bytes[i] == pattern(w, way->got)[i]);
}

static void read_some(struct world *w, int i, int fd, size_t len, int flags)
{
	static uint8_t bytes[SEND_MAX];
	struct model *m = &w->socket[i][fd];
	struct stream *s = stream_of(w, m);
	struct way *way = s ? way_in(s, m) : NULL;
	bool ready = m->kind != FREE && (stk_readiness(w->stk[i], fd) & STK_IN);
	ptrdiff_t got = stk_recv(w->stk[i], w->now, fd, bytes, len, flags, NULL);

	switch (m->kind) {
	case FREE:
		vs_assert(got == -EBADF);
		return;
	case FRESH:
	case BOUND:
	case LISTENER:
		vs_assert(got == -ENOTCONN || (m->kind != LISTENER && !len && got == 0));
		return;
	case CALLING:
	case JOINED:
	case DEAD:
		break;
	}
	if (got > 0) {
		m->kind = JOINED;
		if (m->shut_read) {
			m->deaf = true;
			return;
		}
		if (m->deaf)
			return;
		check_text(w, way, bytes, (size_t)got);
		if (!(flags & STK_MSG_PEEK))
			way->got += (uint64_t)got;
	} else if (got == 0 && len) {
		/* The end: of all that was given, unless something broke. */
		vs_assert(m->shut_read || m->failed || s->broken || w->loss || !s->accepted ||
			  (way->ended && way->got == way->given));
		way->end_seen = true;
	} else if (got == -EAGAIN) {
		vs_assert(!ready);
	} else if (got < 0) {
		may_fail(w, m, (int)got);
	}
}

static void call_recv(struct world *w, int i, int fd)
{
	size_t len = (size_t)next(w) * next(w) % SEND_MAX;

	read_some(w, i, fd, len, next(w) & 3 ? 0 : STK_MSG_PEEK);
}

static void call_shutdown(struct world *w, int i, int fd)
{
	struct model *m = &w->socket[i][fd];
	struct stream *s = stream_of(w, m);
	int how = next(w) % 3;
	int error = stk_shutdown(w->stk[i], w->now, fd, how);

	switch (m->kind) {
	case FREE:
		vs_assert(error == -EBADF);
		return;
	case FRESH:
	case BOUND:
	case LISTENER:
		vs_assert(error == -ENOTCONN);
		return;
	case CALLING:
	case JOINED:
	case DEAD:
		break;
	}
	if (error) {
		vs_assert(error == -ENOTCONN);
		return;
	}
	if (how != STK_SHUT_WR)
		m->shut_read = true;
	if (how != STK_SHUT_RD) {
		m->shut_write = true;
		s->way[m->side].ended = true;
	}
}

static void call_close(struct world *w, int i, int fd)
{
	struct model *m = &w->socket[i][fd];
	struct stream *s = stream_of(w, m);
	int64_t unread = 0;
	int error;

	if (m->kind == CALLING || m->kind == JOINED || m->kind == DEAD)
		stk_option_get(w->stk[i], fd, STK_INQ, &unread);
	error = stk_close(w->stk[i], w->now, fd);
	vs_assert(error == (m->kind == FREE ? -EBADF : 0));
	if (m->kind == LISTENER) {
		/* Who has called and was not accepted is refused. */
		for (int k = 0; k < w->streams; k++)
			if (!w->stream[k].accepted &&
			    w->stream[k].called.port == m->local.port &&
			    wire_addr_equal(&w->stream[k].called.addr, &w->addr[i]))
				break_stream(&w->stream[k]);
	}
	if (s) {
		struct way *in = way_in(s, m);

		s->way[m->side].ended = true;
		s->open[m->side] = false;
		/* What is unread, or will come and find nobody, breaks it. */
		if (unread || m->linger || m->kind == CALLING || !in->ended ||
		    in->got < in->given)
			break_stream(s);
	}
	*m = (struct model){.kind = FREE, .stream = -1};
}

static void call_option(struct world *w, int i, int fd)
{
	static const enum stk_option options[] = {
		STK_SO_SNDBUF,	    STK_SO_RCVBUF,	STK_TCP_NODELAY,       STK_TCP_CORK,
		STK_TCP_QUICKACK,   STK_SO_KEEPALIVE,	STK_TCP_NOTSENT_LOWAT, STK_TCP_MAXSEG,
		STK_IP_TOS,	    STK_IP_MTU_DISCOVER, STK_TCP_CC,	       STK_SO_REUSEADDR,
		STK_SO_LINGER,
	};
	static const int64_t values[] = {0, 1, 100, 2000, 5000, 65536, -1, 255};
	struct model *m = &w->socket[i][fd];
	uint8_t which = next(w);
	enum stk_option option = options[which % 13];
	int64_t value = values[which / 13 % 8];
	int error;

	/* Ports that are shared by consent are not modelled. */
	if (option == STK_SO_REUSEADDR)
		value = 0;
	error = stk_option_set(w->stk[i], w->now, fd, option, value);
	if (m->kind == FREE)
		vs_assert(error == -EBADF);
	else
		vs_assert(!error || error == -EINVAL || error == -ENOENT);
	if (m->kind != FREE && !error && option == STK_SO_LINGER)
		m->linger = value == 0;
}

static void check_readiness(struct world *w, int i, int fd)
{
	const struct model *m = &w->socket[i][fd];
	unsigned ready;

	if (m->kind == FREE)
		return;
	ready = stk_readiness(w->stk[i], fd);
	if (m->kind == FRESH || m->kind == BOUND)
		vs_assert(!(ready & (STK_IN | STK_ERR)));
	if (m->kind == LISTENER)
		vs_assert(!(ready & ~(unsigned)STK_IN));
}

static void call(struct world *w)
{
	uint8_t what = next(w), who = next(w);
	int i = who % STACKS, fd = who / STACKS % 12;

	switch (what % 13) {
	case 0:
		call_socket(w, i);
		break;
	case 1:
		call_bind(w, i, fd);
		break;
	case 2:
		call_listen(w, i, fd);
		break;
	case 3:
		call_connect(w, i, fd);
		break;
	case 4:
		call_accept(w, i, fd);
		break;
	case 5:
	case 6:
		call_send(w, i, fd);
		break;
	case 7:
	case 8:
		call_recv(w, i, fd);
		break;
	case 9:
		call_shutdown(w, i, fd);
		break;
	case 10:
		call_close(w, i, fd);
		break;
	case 11:
		call_option(w, i, fd);
		break;
	case 12:
		pass(w, w->now + (vs_time)who * who * VS_MSEC);
		break;
	}
	pull(w);
	check_readiness(w, i, fd);
	/* A little time goes by with most calls. */
	if (what & 0x80)
		pass(w, w->now + 5 * VS_MSEC);
}

static void make(struct world *w, const uint8_t *input, size_t size)
{
	static const char *const addresses[STACKS] = {"10.0.0.1", "10.0.0.2", "2001:db8::1"};
	static const char *const others[STACKS] = {"2001:db8::2", "2001:db8::3", "10.0.0.3"};
	struct vs_pool_conf pool = {.bytes_max = (size_t)32 << 20};

	memset(w, 0, sizeof(*w));
	w->at = input;
	w->end = input + size;
	host_arena_init(&w->arena, (size_t)128 << 20);
	vs_assert(!vs_pool_create(&w->pool, &pool, &w->arena));
	vs_prng_seed(&w->chance, next(w), "cable");
	w->loss = next(w) % 64;
	w->twice = next(w) % 64;
	w->spread = next(w) % 32;
	for (size_t i = 0; i < sizeof(w->pattern); i++)
		w->pattern[i] = (uint8_t)(i % 251);
	for (int i = 0; i < STACKS; i++) {
		char name[] = {'s', (char)('0' + i), '\0'};
		struct stk_conf conf = {.seed = 1, .name = name, .pool = w->pool};
		struct stk_if_conf interface = {.name = "eth", .mac = {2, 0, 0, 0, 0, (uint8_t)i}};
		struct wire_addr other;

		vs_assert(!stk_create(&w->stk[i], &conf, &w->arena));
		vs_assert(stk_if_add(w->stk[i], 0, &interface) == 1);
		vs_assert(!wire_addr_parse(addresses[i], &w->addr[i]));
		vs_assert(!wire_addr_parse(others[i], &other));
		vs_assert(!stk_addr_add(w->stk[i], 0, 1, &w->addr[i], i == 2 ? 64 : 120));
		vs_assert(!stk_addr_add(w->stk[i], 0, 1, &other, i == 2 ? 120 : 64));
		for (int fd = 0; fd < SOCKETS; fd++)
			w->socket[i][fd].stream = -1;
	}
}

/* Reads what comes to every socket until nothing does. */
static void drain(struct world *w)
{
	for (int round = 0; round < 400; round++) {
		for (int i = 0; i < STACKS; i++)
			for (int fd = 0; fd < SOCKETS; fd++)
				if (w->socket[i][fd].kind == JOINED)
					read_some(w, i, fd, SEND_MAX, 0);
		pull(w);
		pass(w, w->now + (round < 200 ? 50 * VS_MSEC : 5 * VS_SEC));
	}
}

/* Everything that was given is read by whoever may, and then all is closed. */
static void finish(struct world *w)
{
	unsigned loss = w->loss;

	w->loss = w->twice = w->spread = 0;
	if (!loss)
		drain(w);
	w->loss = loss; /* what it lost may still be felt */
	for (int i = 0; i < STACKS; i++)
		for (int fd = 0; fd < SOCKETS; fd++) {
			struct model *m = &w->socket[i][fd];
			struct stream *s = stream_of(w, m);
			struct way *in = s ? way_in(s, m) : NULL;

			if (m->kind == JOINED && !loss && s->accepted && !s->broken &&
			    !m->shut_read && !m->failed && !m->deaf)
				vs_assert(in->got == in->given && (!in->ended || in->end_seen));
		}
	for (int i = 0; i < STACKS; i++)
		for (int fd = 0; fd < SOCKETS; fd++)
			call_close(w, i, fd);
	pull(w);
	w->loss = 0;
	pass(w, w->now + 100000 * VS_SEC);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	static struct world w;

	make(&w, input, size);
	while (w.at < w.end)
		call(&w);
	finish(&w);
	for (int i = 0; i < STACKS; i++) {
		struct vs_counters c = stk_counters(w.stk[i]);

		for (unsigned k = 0; k < c.count; k++)
			vs_assert(strcmp(c.names[k], "TcpCurrEstab") || !c.values[k]);
		vs_assert(stk_poll_at(w.stk[i]) == VS_NEVER);
	}
	vs_assert(!first_carried(&w) && vs_pool_stats(w.pool).frames_out == 0);
	for (int i = 0; i < STACKS; i++)
		stk_destroy(w.stk[i]);
	vs_assert(vs_pool_stats(w.pool).frames_out == 0);
	vs_arena_fini(&w.arena);
	return 0;
}
