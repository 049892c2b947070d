/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ARP: RFC 826, with what RFC 5227 says about probes, announcements and conflicts. */
#include "core/wire/arp.h"

#include "core/wire/eth.h"
#include "stack/neigh/neigh_impl.h"

static const uint8_t everyone[WIRE_MAC_LEN] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

static void arp_send(struct stk *s, const struct ip_interface *interface,
		     const struct wire_arp *arp, const uint8_t *mac)
{
	struct vs_frame *f = vs_frame_new(s->pool, WIRE_ARP_LEN, 0);

	if (!f) {
		stk_drop(s, -1, STK_PoolEmpty, NULL);
		return;
	}
	f->flags |= VS_FRAME_TRUSTED;
	wire_arp_emit(f->data, arp);
	neigh_send(s, interface, mac, WIRE_TYPE_ARP, f);
}

void arp_ask(struct stk *s, struct ip_interface *interface, const struct wire_addr *target,
	     const uint8_t *mac)
{
	const struct ip_address *source = ip_source_select(s, interface, target);
	struct wire_arp arp = {.op = WIRE_ARP_REQUEST, .target = *target};

	memcpy(arp.sender_mac, interface->mac, WIRE_MAC_LEN);
	arp.sender = source ? source->addr : wire_addr_any4;
	arp_send(s, interface, &arp, mac ? mac : everyone);
}

void arp_probe(struct stk *s, const struct ip_interface *interface, const struct wire_addr *target)
{
	struct wire_arp arp = {
		.op = WIRE_ARP_REQUEST,
		.sender = wire_addr_any4,
		.target = *target,
	};

	memcpy(arp.sender_mac, interface->mac, WIRE_MAC_LEN);
	arp_send(s, interface, &arp, everyone);
}

void arp_announce(struct stk *s, const struct ip_interface *interface, const struct wire_addr *addr)
{
	struct wire_arp arp = {.op = WIRE_ARP_REQUEST, .sender = *addr, .target = *addr};

	memcpy(arp.sender_mac, interface->mac, WIRE_MAC_LEN);
	arp_send(s, interface, &arp, everyone);
}

/* RFC 5227 2.1.1 and 2.4. Gives whether the packet's sender has an address of ours. */
static bool conflicts(struct stk *s, vs_time now, struct ip_interface *interface,
		      const struct wire_arp *arp)
{
	struct ip_address *a = ip_address_on(interface, &arp->sender);

	if (!memcmp(arp->sender_mac, interface->mac, WIRE_MAC_LEN))
		return a || ip_address_find(s, &arp->sender);
	/* Two that ask for themselves about one address: neither may have it. */
	if (!a && wire_addr_is_any(&arp->sender)) {
		a = ip_address_on(interface, &arp->target);
		if (a && a->state == IP_TENTATIVE)
			dad_conflict(s, now, interface, a);
		return false;
	}
	/* It is counted and not believed. */
	if (!a && !ip_address_find(s, &arp->sender))
		return false;
	stk_count(s, STK_ArpConflicts);
	if (a)
		dad_conflict(s, now, interface, a);
	return true;
}

static void answer(struct stk *s, const struct ip_interface *interface,
		   const struct wire_arp *asked)
{
	struct wire_arp arp = {
		.op = WIRE_ARP_REPLY,
		.sender = asked->target,
		.target = asked->sender,
	};

	memcpy(arp.sender_mac, interface->mac, WIRE_MAC_LEN);
	memcpy(arp.target_mac, asked->sender_mac, WIRE_MAC_LEN);
	arp_send(s, interface, &arp, asked->sender_mac);
}

void arp_input(struct stk *s, vs_time now, struct ip_interface *interface, struct vs_frame *f)
{
	struct wire_arp arp;
	struct neigh_news news = {.addr = &arp.sender, .mac = arp.sender_mac};
	bool probe, announcement, for_us;

	if (wire_arp_parse(&arp, f->data, f->len) < 0 ||
	    (arp.op != WIRE_ARP_REQUEST && arp.op != WIRE_ARP_REPLY) ||
	    wire_mac_is_group(arp.sender_mac) || wire_addr_is_multicast(&arp.sender) ||
	    wire_addr_is_loopback(&arp.sender) || wire_addr_is_loopback(&arp.target) ||
	    ip_is_broadcast(s, interface->ifindex, &arp.sender)) {
		stk_drop(s, interface->ifindex, STK_ArpInErrors, f);
		return;
	}
	vs_frame_put(f);
	probe = wire_addr_is_any(&arp.sender);
	announcement = wire_addr_equal(&arp.sender, &arp.target);
	for_us = ip_address_find(s, &arp.target);
	if (conflicts(s, now, interface, &arp))
		return;
	news.answer = arp.op == WIRE_ARP_REPLY;
	news.override = true;
	news.solicited = news.answer && !announcement &&
			 !memcmp(arp.target_mac, interface->mac, WIRE_MAC_LEN);
	/* Who asks for us will be talked to; what others tell each other is not worth an entry. */
	news.create = for_us && arp.op == WIRE_ARP_REQUEST;
	if (!probe)
		neigh_learn(s, now, interface, &news);
	if (for_us && arp.op == WIRE_ARP_REQUEST)
		answer(s, interface, &arp);
}
