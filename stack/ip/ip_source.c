/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Source address selection: RFC 6724 5. Of its rules those that concern addresses as this host has
 * them: 1 (same address), 2 (scope), 3 (not deprecated), 6 (label), 7 (temporary or not, as
 * net.ipv6.conf.all.use_tempaddr says) and 8 (longest matching prefix). Rule 5 holds by
 * construction, since candidates are those of the interface that the packet leaves by.
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

/* Whether a is a better source than b to reach dst. */
static bool better(const struct stk *s, const struct ip_address *a, const struct ip_address *b,
		   const struct wire_addr *dst)
{
	unsigned scope_a = scope_of(&a->addr), scope_b = scope_of(&b->addr);
	unsigned scope_dst = scope_of(dst);
	bool label_a, label_b;
	unsigned match_a, match_b;

	if (wire_addr_equal(&a->addr, dst) || wire_addr_equal(&b->addr, dst))
		return wire_addr_equal(&a->addr, dst);
	if (scope_a != scope_b)
		return scope_a < scope_b ? scope_a >= scope_dst : scope_b < scope_dst;
	if (a->deprecated != b->deprecated)
		return b->deprecated;
	label_a = label_of(&a->addr) == label_of(dst);
	label_b = label_of(&b->addr) == label_of(dst);
	if (label_a != label_b)
		return label_a;
	if ((a->kind == IP_TEMPORARY) != (b->kind == IP_TEMPORARY))
		return (a->kind == IP_TEMPORARY) == (s->ip->set.use_tempaddr == 2);
	match_a = common_bits(&a->addr, dst);
	match_b = common_bits(&b->addr, dst);
	/* Bits beyond the source's own prefix do not count. */
	match_a = match_a < a->bits ? match_a : a->bits;
	match_b = match_b < b->bits ? match_b : b->bits;
	return match_a > match_b;
}

const struct ip_address *ip_source_select(const struct stk *s, const struct ip_interface *interface,
					  const struct wire_addr *dst)
{
	const struct ip_address *best = NULL;

	for (const struct ip_address *a = interface->addresses; a; a = a->if_next) {
		if (wire_addr_is4(&a->addr) != wire_addr_is4(dst) || a->state != IP_VALID)
			continue;
		if (!best || better(s, a, best, dst))
			best = a;
	}
	return best;
}
