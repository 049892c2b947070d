/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Stateless address autoconfiguration: RFC 4862 5.5. The interface's part of an address is its MAC
 * (RFC 4291 appendix A) or opaque and stable (RFC 7217); temporary ones (RFC 8981) are chance.
 */
#include <errno.h>

#include "core/wire/icmp.h"
#include "stack/ip/ip.h"

#define TWO_HOURS	 (7200 * VS_SEC)
#define INFINITE	 UINT32_MAX
#define IDGEN_RETRIES	 3 /* RFC 7217 6, RFC 8981 3.8 */
#define ADDRESSES_MAX	 16 /* of SLAAC, per interface: as Linux's max_addresses */

static uint64_t rotate(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

/* One round of SipHash (Aumasson and Bernstein, 2012). */
static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

/* SipHash-2-4 of whole words: the pseudorandom function of RFC 7217 5. */
static uint64_t prf(uint64_t k0, uint64_t k1, const uint64_t *words, unsigned count)
{
	uint64_t v[4] = {k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du,
			 k0 ^ 0x6c7967656e657261u, k1 ^ 0x7465646279746573u};

	for (unsigned i = 0; i <= count; i++) {
		uint64_t m = i < count ? words[i] : (uint64_t)count * 8 << 56;

		v[3] ^= m;
		sip_round(v);
		sip_round(v);
		v[0] ^= m;
	}
	v[2] ^= 0xff;
	for (unsigned i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static uint64_t get64(const uint8_t *b)
{
	return (uint64_t)wire_get32(b) << 32 | wire_get32(b + 4);
}

static void put64(uint8_t *b, uint64_t x)
{
	wire_put32(b, (uint32_t)(x >> 32));
	wire_put32(b + 4, (uint32_t)x);
}

/* RFC 5453: subnet-router anycast, and the ranges set aside. */
static bool reserved(uint64_t iid)
{
	return !iid || iid >> 24 == 0x02005efffeu || (iid >= 0xfdffffffffffff80u &&
						       iid <= 0xfdffffffffffffffu);
}

static uint64_t stable_iid(const struct stk *s, const struct wire_addr *prefix,
			   const uint8_t mac[WIRE_MAC_LEN], unsigned tries)
{
	const struct wire_addr *secret = &s->ip->set.stable_secret;
	uint64_t words[3], iid;
	unsigned extra = 0;

	if (s->ip->set.addr_gen_mode < 2)
		return (uint64_t)(wire_get16(mac) ^ 0x0200) << 48 | (uint64_t)mac[2] << 40 |
		       (uint64_t)0xfffe << 24 | (uint64_t)mac[3] << 16 | wire_get16(mac + 4);
	words[0] = get64(prefix->b);
	words[1] = (uint64_t)wire_get16(mac) << 32 | wire_get32(mac + 2);
	do {
		bool given = s->ip->set.addr_gen_mode == 2 && !wire_addr_is_any(secret);

		words[2] = (uint64_t)extra++ << 32 | tries;
		iid = prf(given ? get64(secret->b) : s->conf.seed, given ? get64(secret->b + 8)
									 : s->ip->hash_key,
			  words, 3);
	} while (reserved(iid));
	return iid;
}

struct wire_addr slaac_link_local(const struct stk *s, const uint8_t mac[WIRE_MAC_LEN],
				  unsigned tries)
{
	struct wire_addr addr = {{0xfe, 0x80}};

	put64(addr.b + 8, stable_iid(s, &addr, mac, tries));
	return addr;
}

static vs_time until_of(vs_time now, uint32_t seconds)
{
	return seconds == INFINITE ? VS_NEVER : vs_time_add(now, seconds * VS_SEC);
}

/* RFC 8981 3.8: the time that making a successor may take. */
static vs_time regen_advance(const struct stk *s, const struct ip_interface *interface)
{
	return 2 * VS_SEC +
	       IDGEN_RETRIES * s->ip->set.dad_transmits * ip_retrans_time(s, interface, false);
}

static unsigned count_of(const struct ip_interface *interface)
{
	unsigned count = 0;

	for (const struct ip_address *a = interface->addresses; a; a = a->if_next)
		count += a->kind >= IP_STABLE;
	return count;
}

/* RFC 8981 3.4: a temporary address beside a stable one. */
static void add_temporary(struct stk *s, vs_time now, struct ip_interface *interface,
			  const struct ip_address *public, unsigned tries)
{
	vs_time preferred = s->ip->set.temp_preferred_s * VS_SEC;
	vs_time desync =
		(vs_time)vs_prng_below(&s->ip->temporary, (uint64_t)preferred * 2 / 5 + 1);
	struct ip_address like = {.addr = public->addr,
				  .bits = public->bits,
				  .kind = IP_TEMPORARY,
				  .router = public->router,
				  .tries = (uint8_t)tries};
	uint64_t iid;

	like.preferred_max = now + preferred - desync;
	like.valid_max = now + s->ip->set.temp_valid_s * VS_SEC;
	like.preferred_until = vs_time_min(like.preferred_max, public->preferred_until);
	like.valid_until = vs_time_min(like.valid_max, public->valid_until);
	if (tries >= IDGEN_RETRIES || count_of(interface) >= ADDRESSES_MAX ||
	    like.preferred_until <= now + regen_advance(s, interface))
		return;
	do
		iid = vs_prng_next(&s->ip->temporary);
	while (reserved(iid));
	put64(like.addr.b + 8, iid);
	ip_address_add(s, now, interface->ifindex, &like, NULL);
}

static struct ip_address *public_of(const struct ip_interface *interface,
				    const struct wire_addr *prefix)
{
	struct ip_address *a = interface->addresses;

	while (a && !(a->kind == IP_STABLE && wire_addr_prefix_equal(&a->addr, prefix, 64)))
		a = a->if_next;
	return a;
}

static void lifetimes(struct ip_address *a, vs_time preferred, vs_time valid)
{
	a->preferred_until = preferred;
	a->valid_until = valid;
	a->deprecated = false; /* slaac_run() knows better, if so */
}

/* RFC 4862 5.5.3 (e). */
static void refresh(struct stk *s, vs_time now, struct ip_interface *interface,
		    struct ip_address *public, const struct wire_nd_prefix *o)
{
	vs_time valid = until_of(now, o->valid_s), preferred = until_of(now, o->preferred_s);
	vs_time most = vs_time_add(now, TWO_HOURS);

	if (valid <= most && valid <= public->valid_until)
		valid = vs_time_min(public->valid_until, most);
	lifetimes(public, preferred, valid);
	for (struct ip_address *a = interface->addresses; a; a = a->if_next)
		if (a->kind == IP_TEMPORARY &&
		    wire_addr_prefix_equal(&a->addr, &public->addr, 64)) {
			a->router = public->router;
			lifetimes(a, vs_time_min(a->preferred_max, preferred),
				  vs_time_min(a->valid_max, valid));
		}
	ip_changed(s);
}

void slaac_prefix(struct stk *s, vs_time now, struct ip_interface *interface,
		  const struct wire_addr *router, const struct wire_nd_prefix *o)
{
	struct ip_address like = {
		.addr = o->prefix, .bits = 64, .kind = IP_STABLE, .router = *router};
	struct ip_address *public;

	/* RFC 4862 5.5.3 (b), (c), (d). */
	if (o->preferred_s > o->valid_s || o->bits != 64)
		return;
	public = public_of(interface, &o->prefix);
	if (public) {
		public->router = *router;
		refresh(s, now, interface, public, o);
		return;
	}
	if (!o->valid_s || count_of(interface) >= ADDRESSES_MAX)
		return;
	lifetimes(&like, until_of(now, o->preferred_s), until_of(now, o->valid_s));
	put64(like.addr.b + 8, stable_iid(s, &o->prefix, interface->mac, 0));
	if (!ip_address_add(s, now, interface->ifindex, &like, &public) &&
	    s->ip->set.use_tempaddr)
		add_temporary(s, now, interface, public, 0);
}

/* Gives when the address wants to be looked at again; it may be gone after that. */
static vs_time run_one(struct stk *s, vs_time now, struct ip_interface *interface,
		       struct ip_address *a)
{
	vs_time renew = VS_NEVER;

	if (a->valid_until <= now) {
		stk_addr_remove(s, now, interface->ifindex, &a->addr);
		return VS_NEVER;
	}
	if (a->preferred_until <= now && !a->deprecated) {
		a->deprecated = true;
		ip_changed(s);
	}
	if (a->kind == IP_TEMPORARY && !a->renewed && s->ip->set.use_tempaddr &&
	    a->preferred_until == a->preferred_max) {
		const struct ip_address *public = public_of(interface, &a->addr);

		renew = a->preferred_until - regen_advance(s, interface);
		if (renew <= now) {
			a->renewed = true;
			renew = VS_NEVER;
			if (public)
				add_temporary(s, now, interface, public, 0);
		}
	}
	return vs_time_min(renew, a->deprecated ? a->valid_until : a->preferred_until);
}

vs_time slaac_run(struct stk *s, vs_time now, struct ip_interface *interface)
{
	struct ip_address *a = interface->addresses, *after;
	vs_time next = VS_NEVER;

	/* A successor is added at the end, so the next one is read after the work. */
	while (a) {
		bool goes = a->kind >= IP_STABLE && a->valid_until <= now;

		after = a->if_next;
		if (a->kind >= IP_STABLE)
			next = vs_time_min(next, run_one(s, now, interface, a));
		a = goes ? after : a->if_next;
	}
	return next;
}

void slaac_duplicate(struct stk *s, vs_time now, struct ip_interface *interface,
		     struct ip_address *a)
{
	struct ip_address like = *a;
	bool opaque = s->ip->set.addr_gen_mode >= 2 && a->kind != IP_MANUAL;
	const struct ip_address *public;

	if (wire_addr_is4(&a->addr) || (!opaque && a->kind != IP_TEMPORARY))
		return;
	if (++like.tries >= IDGEN_RETRIES)
		return;
	if (a->kind == IP_TEMPORARY) {
		public = public_of(interface, &a->addr);
		stk_addr_remove(s, now, interface->ifindex, &like.addr);
		if (public)
			add_temporary(s, now, interface, public, like.tries);
	} else {
		struct wire_addr had = a->addr;

		stk_addr_remove(s, now, interface->ifindex, &had);
		interface->off6 = false;
		put64(like.addr.b + 8, stable_iid(s, &had, interface->mac, like.tries));
		like.state = IP_VALID;
		like.if_next = like.hash_next = NULL;
		ip_address_add(s, now, interface->ifindex, &like, NULL);
	}
	slaac_changed(s, now, interface);
}
