/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The run of a replay into a host: one clock, the stack, its application, the others' frames, and
 * a neighbourhood that answers for everybody who speaks in the capture.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/host/memory.h"
#include "core/wire/arp.h"
#include "core/wire/cksum.h"
#include "core/wire/eth.h"
#include "core/wire/icmp.h"
#include "harness/pcap/pcap.h"
#include "harness/replay/host_impl.h"
#include "harness/replay/replay.h"

#define ARENA_MAX  ((size_t)1 << 30)
#define WAIT_MAX   (120 * VS_SEC) /* for what a frame of the others acknowledges */
#define PATIENCE   (10 * VS_MSEC) /* with a stack that waits for what the others will say later */
#define AFTERWARDS (5 * VS_SEC)	  /* for what the stack has still to say */

static const uint8_t own_mac[6] = {2, 0, 0, 0, 0, 0x0a};
static const uint8_t other_mac[6] = {2, 0, 0, 0, 0, 0x0b};

/* Keeps a frame of the outcome. */
static void record(struct host *h, const uint8_t *bytes, size_t len, unsigned flags)
{
	struct replay_capture *c = &h->outcome;
	struct replay_frame *frame;

	if (h->error)
		return;
	if (c->count == c->size) {
		size_t size = c->size ? c->size * 2 : 256;

		frame = realloc(c->frame, size * sizeof(*frame));
		if (!frame) {
			h->error = -ENOMEM;
			return;
		}
		c->frame = frame;
		c->size = size;
	}
	frame = &c->frame[c->count];
	*frame = (struct replay_frame){.time = h->start + h->now - HOST_LEAD, .len = (uint32_t)len,
				       .wire_len = (uint32_t)len, .flags = flags,
				       .number = (unsigned)c->count + 1};
	frame->bytes = malloc(len ? len : 1);
	if (!frame->bytes) {
		h->error = -ENOMEM;
		return;
	}
	memcpy(frame->bytes, bytes, len);
	c->count++;
}

static void give(struct host *h, const uint8_t *bytes, size_t len)
{
	struct vs_frame *f = vs_frame_from(h->pool, bytes, len);

	record(h, bytes, len, CAP_IN);
	if (f)
		stk_input(h->stk, h->now, h->ifindex, f);
	else
		h->error = -ENOMEM;
}

static const struct neighbour *neighbour_of(const struct host *h, const struct wire_addr *addr)
{
	for (size_t i = 0; i < h->neighbours; i++)
		if (wire_addr_equal(&h->neighbour[i].addr, addr))
			return &h->neighbour[i];
	return NULL;
}

static void answer_arp(struct host *h, const uint8_t *message, size_t len)
{
	uint8_t bytes[WIRE_ETH_LEN + WIRE_ARP_LEN];
	const struct neighbour *n;
	struct wire_arp arp;
	struct wire_eth eth = {.type = WIRE_TYPE_ARP};

	if (wire_arp_parse(&arp, message, len) < 0 || arp.op != WIRE_ARP_REQUEST)
		return;
	n = neighbour_of(h, &arp.target);
	if (!n)
		return;
	memcpy(eth.dst, h->mac, 6);
	memcpy(eth.src, n->mac, 6);
	arp.op = WIRE_ARP_REPLY;
	arp.target = arp.sender;
	arp.sender = n->addr;
	memcpy(arp.target_mac, h->mac, 6);
	memcpy(arp.sender_mac, n->mac, 6);
	wire_eth_emit(bytes, &eth);
	wire_arp_emit(bytes + WIRE_ETH_LEN, &arp);
	give(h, bytes, sizeof(bytes));
}

static void answer_nd(struct host *h, const struct wire_ip *asked, const uint8_t *message)
{
	uint8_t bytes[WIRE_ETH_LEN + WIRE_IP6_LEN + 32];
	uint8_t *icmp = bytes + WIRE_ETH_LEN + WIRE_IP6_LEN;
	struct wire_ip ip = {.version = 6, .hop_limit = 255, .protocol = WIRE_PROTO_ICMP6,
			     .dst = asked->src};
	struct wire_eth eth = {.type = WIRE_TYPE_IP6};
	const struct neighbour *n;
	struct wire_nd nd;
	size_t len;

	if (wire_nd_parse(&nd, message, asked->payload_len) < 0 || nd.type != WIRE_ICMP6_NS ||
	    wire_addr_is_any(&asked->src))
		return;
	n = neighbour_of(h, &nd.target);
	if (!n)
		return;
	memcpy(eth.dst, h->mac, 6);
	memcpy(eth.src, n->mac, 6);
	nd = (struct wire_nd){.type = WIRE_ICMP6_NA, .flags = WIRE_ND_SOLICITED | WIRE_ND_OVERRIDE,
			      .target = n->addr, .has_target_mac = true};
	memcpy(nd.target_mac, n->mac, 6);
	len = wire_nd_emit(icmp, &nd);
	ip.src = n->addr;
	ip.payload_len = (uint32_t)len;
	wire_put16(icmp + 2, wire_cksum_fold(wire_cksum_add(
				     wire_cksum_pseudo(&ip.src, &ip.dst, WIRE_PROTO_ICMP6,
						       (uint32_t)len), icmp, len)));
	wire_eth_emit(bytes, &eth);
	wire_ip_emit(bytes + WIRE_ETH_LEN, &ip);
	give(h, bytes, WIRE_ETH_LEN + WIRE_IP6_LEN + len);
}

/* What the stack asks its neighbours is answered at once. */
static void answer(struct host *h, const uint8_t *bytes, size_t len)
{
	struct wire_eth eth;
	struct wire_ip ip;
	int header = wire_eth_parse(&eth, bytes, len), ip_header;

	if (header < 0)
		return;
	bytes += header;
	len -= (size_t)header;
	if (eth.type == WIRE_TYPE_ARP)
		answer_arp(h, bytes, len);
	if (eth.type != WIRE_TYPE_IP6)
		return;
	ip_header = wire_ip_parse(&ip, bytes, len);
	if (ip_header > 0 && ip.protocol == WIRE_PROTO_ICMP6)
		answer_nd(h, &ip, bytes + ip_header);
}

static void pull(struct host *h)
{
	struct vs_frame *f;
	int ifindex;

	while ((f = stk_output(h->stk, &ifindex))) {
		record(h, f->data, f->len, CAP_OUT);
		host_learn(h, f->data, f->len);
		answer(h, f->data, f->len);
		vs_frame_put(f);
	}
}

/* Plays what is due and may be played. Returns whether anything was. */
static bool play_due(struct host *h)
{
	uint8_t *bytes = h->bytes;
	bool any = false;

	for (size_t i = h->first; i < h->plays && !h->error; i++) {
		struct play *p = &h->play[i];
		bool waits = false;

		if (host_time(h, p->frame->time) > h->now)
			break;
		if (p->done)
			continue;
		/* A conversation keeps its order. */
		for (size_t k = h->first; p->story && k < i && !waits; k++)
			waits = !h->play[k].done && h->play[k].story == p->story;
		if (waits)
			continue;
		p->done = host_may_play(h, p);
		if (p->done) {
			memcpy(bytes, p->frame->bytes, p->frame->len);
			host_translate(h, p, bytes);
			give(h, bytes, p->frame->len);
		} else {
			size_t len = host_stand_in(h, p, bytes);

			if (!len)
				continue;
			give(h, bytes, len);
		}
		any = true;
		pull(h);
		host_apps_run(h);
		pull(h);
	}
	while (h->first < h->plays && h->play[h->first].done)
		h->first++;
	return any;
}

/* Once nothing happens by itself: helps the conversations on whose frames wait. */
static bool look_ahead(struct host *h)
{
	for (size_t i = h->first; i < h->plays; i++) {
		const struct play *p = &h->play[i];
		size_t len;

		if (host_time(h, p->frame->time) > h->now)
			break;
		len = p->done ? 0 : host_look_ahead(h, p, h->bytes);
		if (!len)
			continue;
		give(h, h->bytes, len);
		return true;
	}
	return false;
}

/* The next moment at which anything can happen. */
static vs_time next_moment(const struct host *h)
{
	vs_time next = vs_time_min(stk_poll_at(h->stk), host_apps_next(h));

	for (size_t i = h->first; i < h->plays; i++) {
		vs_time at = host_time(h, h->play[i].frame->time);

		if (at > h->now)
			return vs_time_min(next, at);
	}
	return next;
}

static void run(struct host *h)
{
	vs_time quiet = VS_NEVER; /* when to stop once all is played */

	while (!h->error) {
		vs_time next;

		stk_run(h->stk, h->now);
		pull(h);
		host_apps_run(h);
		pull(h);
		while (play_due(h))
			;
		if (h->first == h->plays && quiet == VS_NEVER && host_apps_next(h) == VS_NEVER)
			quiet = h->now + AFTERWARDS;
		next = next_moment(h);
		if ((next == VS_NEVER || next > h->now + PATIENCE) && look_ahead(h))
			continue;
		if (next <= h->now)
			next = h->now + 1; /* a timer that fires at once must not hold the clock */
		if (next == VS_NEVER || next > quiet)
			return;
		if (h->first < h->plays &&
		    next > host_time(h, h->play[h->first].frame->time) + WAIT_MAX)
			return;
		h->now = next;
	}
}

/* Whether a frame is for the host from somebody else, or for everybody. */
static bool concerns(const struct host *h, const struct replay_frame *f)
{
	struct wire_eth eth;
	struct wire_arp arp;
	struct wire_icmp icmp;
	struct wire_ip ip;
	int header = wire_eth_parse(&eth, f->bytes, f->len), ip_header;
	const uint8_t *bytes = f->bytes + header;
	size_t len;

	if (header < 0 || eth.tagged)
		return false;
	len = f->len - (size_t)header;
	if (eth.type == WIRE_TYPE_ARP)
		return wire_arp_parse(&arp, bytes, len) > 0 && arp.op == WIRE_ARP_REQUEST &&
		       !wire_addr_equal(&arp.sender, &h->addr);
	if (eth.type != WIRE_TYPE_IP4 && eth.type != WIRE_TYPE_IP6)
		return false;
	ip_header = wire_ip_parse(&ip, bytes, len);
	if (ip_header < 0 || wire_addr_equal(&ip.src, &h->addr))
		return false;
	/* Answers to the captured host's own questions; the neighbourhood gives ours. */
	if (ip.protocol == WIRE_PROTO_ICMP6 && ip.version == 6 &&
	    wire_icmp_parse(&icmp, bytes + ip_header, ip.payload_len) > 0 &&
	    icmp.type == WIRE_ICMP6_NA)
		return false;
	return wire_addr_equal(&ip.dst, &h->addr) || wire_mac_is_group(eth.dst);
}

static void learn_neighbour(struct host *h, const struct wire_addr *addr, const uint8_t *mac)
{
	struct neighbour *n;

	if (wire_addr_equal(addr, &h->addr) || wire_addr_is_any(addr) ||
	    wire_addr_is_multicast(addr) || neighbour_of(h, addr))
		return;
	n = &h->neighbour[h->neighbours++]; /* room for one per packet */
	n->addr = *addr;
	memcpy(n->mac, mac, 6);
	if (!memcmp(mac, h->mac, 6)) /* both of a cooked capture have the same */
		memcpy(n->mac, other_mac, 6);
}

/* The host's address on the cable, and who else is there. */
static int learn_addresses(struct host *h)
{
	const struct packets *ps = &h->captured.packets;
	bool found = false;

	h->neighbour = calloc(ps->count + 1, sizeof(*h->neighbour));
	if (!h->neighbour)
		return -ENOMEM;
	memcpy(h->mac, own_mac, 6);
	for (size_t i = 0; i < ps->count && !found; i++) {
		const struct packet *p = &ps->packet[i];

		if (!wire_addr_equal(&p->ip.src, &h->addr))
			continue;
		found = true;
		if (!wire_mac_is_group(p->frame->bytes + 6))
			memcpy(h->mac, p->frame->bytes + 6, 6);
	}
	for (size_t i = 0; i < ps->count; i++)
		learn_neighbour(h, &ps->packet[i].ip.src, ps->packet[i].frame->bytes + 6);
	/* And who never spoke, but whom the host knew how to reach: somebody behind a router. */
	for (size_t i = 0; i < ps->count; i++) {
		const struct packet *p = &ps->packet[i];

		if (!p->arp && wire_addr_equal(&p->ip.src, &h->addr) &&
		    !wire_mac_is_group(p->frame->bytes))
			learn_neighbour(h, &p->ip.dst, p->frame->bytes);
	}
	if (!found) {
		char text[WIRE_ADDR_TEXT];

		vs_text_add(h->account, "%s: no packet comes from %s\n", h->capture.path,
			    wire_addr_format(&h->addr, text));
		return -EINVAL;
	}
	return 0;
}

/* Lines up the frames to play, each with its conversation. */
static int line_up(struct host *h)
{
	const struct stories *ss = &h->captured;
	size_t *said = calloc(ss->count + 1, sizeof(*said));
	size_t k = 0;
	int error = 0;

	h->play = calloc(h->capture.count + 1, sizeof(*h->play));
	if (!h->play || !said)
		error = -ENOMEM;
	for (size_t i = 0; i < h->capture.count && !error; i++) {
		const struct replay_frame *f = &h->capture.frame[i];
		struct story *s = NULL;

		if (k < ss->packets.count && ss->packets.packet[k].frame == f) {
			s = ss->of[k];
			if (s && wire_addr_equal(&ss->packets.packet[k].ip.src, &h->addr))
				said[s - ss->story]++;
			k++;
		}
		if (!concerns(h, f) || (s && !host_takes_part(s)))
			continue;
		if (f->len < f->wire_len) {
			vs_text_add(h->account, "%s: the capture cut this frame, so it cannot be "
				    "replayed:\n", h->capture.path);
			replay_tell(h->account, &h->capture, f);
			error = -EBADMSG;
		}
		h->play[h->plays++] = (struct play){
			.frame = f, .story = s, .said_before = s ? said[s - ss->story] : 0};
	}
	free(said);
	for (size_t i = 0; i < ss->count; i++)
		h->left_out += !host_takes_part(&ss->story[i]);
	return error;
}

/* The MTU that the captured host must have had, as far as it shows: 1500, or what its MSS says. */
static uint32_t mtu_of(const struct host *h)
{
	uint32_t head = WIRE_TCP_LEN + (wire_addr_is4(&h->addr) ? WIRE_IP4_LEN : WIRE_IP6_LEN);
	uint32_t mtu = 1500;

	for (size_t i = 0; i < h->captured.count; i++) {
		const struct story *s = &h->captured.story[i];

		if (s->kind == STORY_TCP && s->tcp.host_syn && s->tcp.syn.has_mss &&
		    s->tcp.syn.mss + head > mtu)
			mtu = s->tcp.syn.mss + head;
	}
	return mtu < 65535 ? mtu : 65535;
}

static bool is_mtu(const char *line)
{
	return !strncmp(line, "mtu", 3) && line[3] && strchr(" \t=", line[3]);
}

static int set_mtu(void *ctx, char *line)
{
	struct host *h = ctx;
	uint64_t mtu;

	if (!is_mtu(line))
		return 0;
	if (vs_parse_uint(line + 4 + strspn(line + 4, " \t="), 65535, &mtu) || mtu < 68) {
		vs_text_add(h->account, "%s: an MTU is a number from 68 to 65535\n", line);
		return -EINVAL;
	}
	h->mtu = (uint32_t)mtu;
	return 0;
}

static int set_stack(void *ctx, char *line)
{
	struct host *h = ctx;
	char *value = line + strcspn(line, " \t=");
	int error;

	if (is_mtu(line))
		return 0;
	if (*value)
		*value++ = '\0';
	value += strspn(value, " \t=");
	error = stk_set(h->stk, 0, line, value);
	if (error)
		vs_text_add(h->account, "%s %s: %s\n", line, value,
			    error == -ENOENT ? "the stack has no such setting" : strerror(-error));
	return error ? -EINVAL : 0;
}

static int make_stack(struct host *h, const char *settings, uint64_t seed)
{
	struct vs_pool_conf pool = {.bytes_max = ARENA_MAX / 4};
	struct stk_if_conf interface = {.name = "eth0"};
	struct stk_route everywhere = {.bits = 0};
	struct stk_conf conf = {.seed = seed, .name = "replay"};
	int error = vs_pool_create(&h->pool, &pool, &h->arena);

	if (error)
		return error;
	h->mtu = mtu_of(h);
	error = replay_settings(settings, h, set_mtu);
	if (error)
		return error;
	conf.pool = h->pool;
	memcpy(interface.mac, h->mac, 6);
	interface.mtu = h->mtu;
	error = stk_create(&h->stk, &conf, &h->arena);
	if (error)
		return error;
	error = replay_settings(settings, h, set_stack);
	if (error)
		return error;
	h->ifindex = stk_if_add(h->stk, 0, &interface);
	if (h->ifindex < 0)
		return h->ifindex;
	error = stk_addr_add(h->stk, 0, h->ifindex, &h->addr, 128);
	/* Everybody is on this cable: routers of the capture answer for those behind them. */
	everywhere.ifindex = h->ifindex;
	if (wire_addr_is4(&h->addr)) {
		everywhere.dst = everywhere.via = wire_addr_any4;
		everywhere.bits = 96;
	}
	return error ? error : stk_route_add(h->stk, 0, &everywhere);
}

static int prepare(struct host *h, const char *capture, const char *address, const char *settings,
		   uint64_t seed)
{
	int error;

	host_arena_init(&h->arena, ARENA_MAX);
	if (wire_addr_parse(address, &h->addr)) {
		vs_text_add(h->account, "%s: not an IPv4 or IPv6 address\n", address);
		return -EINVAL;
	}
	error = replay_load(&h->capture, capture, h->account);
	if (error)
		return error;
	h->outcome.path = "the outcome";
	h->start = h->capture.count ? h->capture.frame[0].time : 0;
	error = stories_tell(&h->captured, &h->capture, &h->addr);
	if (error)
		return error;
	error = learn_addresses(h);
	if (!error)
		error = line_up(h);
	if (!error)
		error = make_stack(h, settings, seed);
	if (error)
		return error;
	h->app = calloc(h->captured.count + 1, sizeof(*h->app));
	h->door = calloc(h->captured.count + 1, sizeof(*h->door));
	h->bytes = malloc(CAP_FRAME_MAX);
	if (!h->app || !h->door || !h->bytes)
		return -ENOMEM;
	return host_apps_open(h);
}

static int write_outcome(struct host *h, const char *out)
{
	struct cap_writer *w;
	int error = cap_create(&w, out, NULL);

	if (!error) {
		int n = cap_interface(w, "host", NULL);

		for (size_t i = 0; i < h->outcome.count && n >= 0; i++) {
			const struct replay_frame *f = &h->outcome.frame[i];

			cap_write(w, n, f->time, f->bytes, f->len, f->flags, NULL);
		}
		error = cap_close(w);
	}
	if (error)
		vs_text_add(h->account, "%s: %s\n", out, strerror(-error));
	return error;
}

static void finish(struct host *h)
{
	if (h->stk)
		stk_destroy(h->stk);
	vs_arena_fini(&h->arena);
	stories_free(&h->captured);
	replay_unload(&h->capture);
	replay_unload(&h->outcome);
	free(h->play);
	free(h->app);
	free(h->door);
	free(h->neighbour);
	free(h->bytes);
}

int vsq_replay_host(const char *capture, const char *address, const char *settings, uint64_t seed,
		    const char *out, char *account, size_t size)
{
	struct host h = {0};
	struct vs_text t;
	int error;

	vs_text_init(&t, account, size);
	h.account = &t;
	error = prepare(&h, capture, address, settings, seed);
	if (!error) {
		run(&h);
		error = h.error;
	}
	if (!error && out)
		error = write_outcome(&h, out);
	if (!error)
		error = host_differ(&h);
	else if (error == -ENOMEM && !t.len)
		vs_text_add(&t, "%s: no memory\n", capture);
	finish(&h);
	return error;
}
