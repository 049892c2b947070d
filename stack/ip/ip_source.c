/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Source address selection: RFC 6724 5, all its rules, and labels by its default policy table. Rule
 * 5 (the outgoing interface) holds by construction: candidates are those of the interface that the
 * packet leaves by.
 */
#include "stack/ip/ip.h"

const struct wire_addr ip_link_local_any = {{0xfe, 0x80}};

/* RFC 4007, RFC 6724 3.1 and, for mapped addresses, 3.2. */
static unsigned scope_of(const struct wire_addr *a)
{
	if (!wire_addr_is4(a) && a->b[0] == 0xff)
		return a->b[1] & 0xf;
	return wire_addr_is_link_local(a) || wire_addr_is_loopback(a) ? 0x2 : 0xe;
}

/* RFC 6724 2.1: labels of the default policy table. */
static unsigned label_of(const struct wire_addr *a)
{
	if (wire_addr_is_loopback(a) && !wire_addr_is4(a))
		return 0;
	if (wire_addr_is4(a))
		return 4;
	switch (wire_get16(a->b)) {
	case 0x2002: /* 6to4 */
		return 2;
	case 0x2001: /* Teredo is 2001::/32 */
		return wire_get16(a->b + 2) ? 1 : 5;
	case 0x3ffe:
		return 12;
	}
	if ((a->b[0] & 0xfe) == 0xfc)
		return 13;
	return 1;
}

static unsigned common_bits(const struct wire_addr *a, const struct wire_addr *b)
{
	for (unsigned i = 0; i < 16; i++) {
		unsigned differ = a->b[i] ^ b->b[i];

		if (differ)
			return i * 8 + (unsigned)__builtin_clz(differ) - 24;
	}
	return 128;
}

/* Rule 7: as net.ipv6.conf.all.use_tempaddr says; RFC 6724 has temporary ones preferred. */
static bool wanted_temporary(const struct stk *s, const struct ip_address *a)
{
	return (a->kind == IP_TEMPORARY) == (s->ip->set.use_tempaddr == 2);
}

/* Rule 5.5: whether the next hop is who advertised the address's prefix. */
static bool of_next_hop(const struct ip_address *a, const struct wire_addr *next_hop)
{
	return next_hop && wire_addr_equal(&a->router, next_hop);
}

/* Rule 8. Bits beyond the source's own prefix do not count. */
static unsigned matching(const struct ip_address *a, const struct wire_addr *dst)
{
	unsigned bits = common_bits(&a->addr, dst);

	return bits < a->bits ? bits : a->bits;
}

/* Whether a is a better source than b to reach dst. */
static bool better(const struct stk *s, const struct ip_address *a, const struct ip_address *b,
		   const struct wire_addr *dst, const struct wire_addr *next_hop)
{
	unsigned scope_a = scope_of(&a->addr), scope_b = scope_of(&b->addr);
	unsigned scope_dst = scope_of(dst);
	bool label_a = label_of(&a->addr) == label_of(dst);
	bool label_b = label_of(&b->addr) == label_of(dst);

	/* 1: the same address; 2: the smallest scope that reaches; 3: not deprecated; 4: home. */
	if (wire_addr_equal(&a->addr, dst) || wire_addr_equal(&b->addr, dst))
		return wire_addr_equal(&a->addr, dst);
	if (scope_a != scope_b)
		return scope_a < scope_b ? scope_a >= scope_dst : scope_b < scope_dst;
	if (a->deprecated != b->deprecated)
		return b->deprecated;
	if (a->home != b->home)
		return a->home;
	if (of_next_hop(a, next_hop) != of_next_hop(b, next_hop))
		return of_next_hop(a, next_hop);
	if (label_a != label_b)
		return label_a;
	if ((a->kind == IP_TEMPORARY) != (b->kind == IP_TEMPORARY))
		return wanted_temporary(s, a);
	return matching(a, dst) > matching(b, dst);
}

const struct ip_address *ip_source_select_via(const struct stk *s,
					      const struct ip_interface *interface,
					      const struct wire_addr *dst,
					      const struct wire_addr *next_hop)
{
	const struct ip_address *best = NULL;

	for (const struct ip_address *a = interface->addresses; a; a = a->if_next) {
		if (wire_addr_is4(&a->addr) != wire_addr_is4(dst) || a->state != IP_VALID)
			continue;
		if (!best || better(s, a, best, dst, next_hop))
			best = a;
	}
	return best;
}

const struct ip_address *ip_source_select(const struct stk *s, const struct ip_interface *interface,
					  const struct wire_addr *dst)
{
	return ip_source_select_via(s, interface, dst, NULL);
}
