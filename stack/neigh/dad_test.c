/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Duplicate addresses: RFC 4862 5.4 and RFC 5227, against their times. */
#include "stack/neigh/neigh_impl.h"

#include "stack/no_tcp_for_test.h"
#include "stack/wire_for_test.h"

#define DAD "net.ipv6.conf.all.accept_dad"
#define ACD "net.ipv4.conf.all.acd"

struct sight {
	unsigned ns, arp_probes, announcements;
	vs_time at[16]; /* of probes */
	bool deaf;
};

static bool watch(struct net *n, int from, const struct vs_frame *f)
{
	struct sight *s = n->look_ctx;
	uint16_t type = wire_get16(f->data + 12);
	static const uint8_t zero[16];
	bool probe = false;

	if (type == WIRE_TYPE_ARP && f->data[21] == WIRE_ARP_REQUEST) {
		probe = !memcmp(f->data + 28, zero, 4);
		s->arp_probes += probe;
		s->announcements += !memcmp(f->data + 28, f->data + 38, 4);
	} else if (type == WIRE_TYPE_IP6 && f->data[54] == WIRE_ICMP6_NS) {
		probe = !memcmp(f->data + 22, zero, 16);
		s->ns += probe;
	}
	if (probe)
		s->at[(s->ns + s->arp_probes - 1) % 16] = n->now;
	(void)from;
	return !s->deaf;
}

static void begin(struct net *n, struct sight *s, const char *setting, const char *value)
{
	memset(s, 0, sizeof(*s));
	net_init(n, 2);
	n->look = watch;
	n->look_ctx = s;
	for (int i = 0; i < 2; i++)
		assert_int_equal(stk_set(n->host[i], 0, setting, value), 0);
	net_join(n, 0, net_interface(n, 0, 0), 1, net_interface(n, 1, 0));
}

static unsigned flags_of(const struct net *n, int host, const char *text)
{
	struct wire_addr addr = address(text);
	struct stk_addr_info info;

	for (unsigned i = 0; !stk_addr_info(n->host[host], 1, i, &info); i++)
		if (wire_addr_equal(&info.addr, &addr))
			return info.flags;
	fail_msg("no address %s", text);
	return 0;
}

static void addresses_are_usable_at_once_unless_set(void **state)
{
	struct sight s;
	struct net n;

	(void)state;
	begin(&n, &s, DAD, "0");
	net_address(&n, 0, 1, "2001:db8::1/64");
	net_address(&n, 0, 1, "10.0.0.1/24");
	assert_int_equal(flags_of(&n, 0, "2001:db8::1"), 0);
	assert_int_equal(flags_of(&n, 0, "10.0.0.1"), 0);
	net_run(&n, 20 * VS_SEC);
	assert_int_equal(n.frames, 0);
	net_fini(&n);
}

static void address_nobody_has_is_ours_a_second_after_the_question(void **state)
{
	struct wire_addr a = address("2001:db8::1");
	struct sight s;
	struct net n;

	(void)state;
	begin(&n, &s, DAD, "1");
	/* The link-local addresses ask as well: let them be done. */
	net_run(&n, 3 * VS_SEC);
	assert_int_equal(s.ns, 2);
	net_address(&n, 0, 1, "2001:db8::1/64");
	assert_int_equal(flags_of(&n, 0, "2001:db8::1"), STK_ADDR_TENTATIVE);
	assert_false(ip_is_ours(n.host[0], &a));
	while (s.ns == 2)
		net_run(&n, n.now + VS_MSEC);
	assert_true(s.at[2] - 3 * VS_SEC < VS_SEC);
	net_run(&n, s.at[2] + VS_SEC - 1);
	assert_int_equal(flags_of(&n, 0, "2001:db8::1"), STK_ADDR_TENTATIVE);
	net_run(&n, n.now + 1);
	assert_int_equal(flags_of(&n, 0, "2001:db8::1"), 0);
	assert_true(ip_is_ours(n.host[0], &a));
	net_fini(&n);
}

static void address_somebody_has_is_not_taken(void **state)
{
	struct stk_addr bound = at("2001:db8::1", 7);
	struct sight s;
	struct net n;

	(void)state;
	begin(&n, &s, DAD, "1");
	net_address(&n, 1, 1, "2001:db8::1/64");
	net_run(&n, 3 * VS_SEC);
	net_address(&n, 0, 1, "2001:db8::1/64");
	net_run(&n, 6 * VS_SEC);
	assert_int_equal(flags_of(&n, 0, "2001:db8::1"), STK_ADDR_DUPLICATE);
	assert_int_equal(flags_of(&n, 1, "2001:db8::1"), 0);
	assert_int_equal(counter(&n, 0, "AddrDuplicates"), 1);
	assert_int_equal(stk_bind(n.host[0], stk_socket(n.host[0], STK_DGRAM), &bound),
			 -EADDRNOTAVAIL);
	/* The link is brought up again when the other has gone: now it is free. */
	assert_int_equal(stk_addr_remove(n.host[1], n.now, 1, &bound.addr), 0);
	assert_int_equal(stk_if_set_up(n.host[0], n.now, 1, false), 0);
	assert_int_equal(stk_if_set_up(n.host[0], n.now, 1, true), 0);
	net_run(&n, 10 * VS_SEC);
	assert_int_equal(flags_of(&n, 0, "2001:db8::1"), 0);
	net_fini(&n);
}

static void two_that_ask_at_once_both_give_way(void **state)
{
	struct sight s;
	struct net n;

	(void)state;
	begin(&n, &s, DAD, "1");
	assert_int_equal(stk_set(n.host[0], 0, "net.ipv6.conf.all.dad_transmits", "3"), 0);
	assert_int_equal(stk_set(n.host[1], 0, "net.ipv6.conf.all.dad_transmits", "3"), 0);
	net_address(&n, 0, 1, "2001:db8::1/64");
	net_address(&n, 1, 1, "2001:db8::1/64");
	net_run(&n, 9 * VS_SEC);
	/* The first one that hears the other gives way without a word, and so never tells. */
	assert_true(flags_of(&n, 0, "2001:db8::1") | flags_of(&n, 1, "2001:db8::1"));
	assert_true(counter(&n, 0, "AddrDuplicates") + counter(&n, 1, "AddrDuplicates") >= 1);
	net_fini(&n);
}

static void duplicate_link_local_address_turns_ipv6_off_if_set(void **state)
{
	struct wire_addr same = address("fe80::1");
	struct sight s;
	struct net n;

	(void)state;
	begin(&n, &s, DAD, "2");
	assert_int_equal(stk_addr_add(n.host[1], 0, 1, &same, 64), 0);
	net_run(&n, 4 * VS_SEC);
	assert_int_equal(stk_addr_add(n.host[0], n.now, 1, &same, 64), 0);
	net_run(&n, 8 * VS_SEC);
	assert_true(ip_if(n.host[0], 1)->off6);
	assert_false(ip_if(n.host[1], 1)->off6);
	net_fini(&n);
}

static void ipv4_probes_thrice_and_announces_twice(void **state)
{
	struct sight s;
	struct net n;

	(void)state;
	begin(&n, &s, ACD, "1");
	net_address(&n, 0, 1, "10.0.0.1/24");
	net_run(&n, VS_SEC);
	assert_int_equal(s.arp_probes, 1);
	net_run(&n, 5 * VS_SEC);
	assert_int_equal(s.arp_probes, 3);
	for (unsigned i = 0; i < 2; i++)
		assert_in_range(s.at[i + 1] - s.at[i], VS_SEC, 2 * VS_SEC);
	net_run(&n, s.at[2] + 2 * VS_SEC - 1);
	assert_int_equal(flags_of(&n, 0, "10.0.0.1"), STK_ADDR_TENTATIVE);
	assert_int_equal(s.announcements, 0);
	net_run(&n, n.now + 1);
	assert_int_equal(flags_of(&n, 0, "10.0.0.1"), 0);
	assert_int_equal(s.announcements, 1);
	net_run(&n, n.now + 20 * VS_SEC);
	assert_int_equal(s.announcements, 2);
	assert_int_equal(s.arp_probes, 3);
	/* Another host that wants it hears that it is taken. */
	net_address(&n, 1, 1, "10.0.0.1/24");
	net_run(&n, n.now + 10 * VS_SEC);
	assert_int_equal(flags_of(&n, 1, "10.0.0.1"), STK_ADDR_DUPLICATE);
	assert_int_equal(flags_of(&n, 0, "10.0.0.1"), 0);
	net_fini(&n);
}

static void usurp(struct net *n)
{
	struct ip_interface other = {.ifindex = 1, .mac = {2, 0, 0, 0, 0, 99}};
	struct wire_addr addr = address("10.0.0.1");

	/* The other host's verb, under another station's name. */
	arp_announce(n->host[1], &other, &addr);
	net_settle(n);
}

static void address_is_defended_once_in_ten_seconds(void **state)
{
	struct sight s;
	struct net n;

	(void)state;
	for (unsigned forever = 0; forever < 2; forever++) {
		begin(&n, &s, ACD, forever ? "2" : "1");
		net_address(&n, 0, 1, "10.0.0.1/24");
		net_run(&n, 20 * VS_SEC);
		s.announcements = 0;
		usurp(&n);
		assert_int_equal(s.announcements, 2); /* theirs and ours */
		net_run(&n, n.now + 10 * VS_SEC);
		usurp(&n);
		assert_int_equal(s.announcements, 4);
		assert_int_equal(flags_of(&n, 0, "10.0.0.1"), 0);
		net_run(&n, n.now + 9 * VS_SEC);
		usurp(&n);
		assert_int_equal(s.announcements, 5);
		assert_int_equal(flags_of(&n, 0, "10.0.0.1"),
				 forever ? 0 : STK_ADDR_DUPLICATE);
		assert_int_equal(counter(&n, 0, "ArpConflicts"), 3);
		net_fini(&n);
	}
}

static void address_that_goes_while_asked_about_leaves_nothing(void **state)
{
	struct wire_addr a = address("2001:db8::1");
	struct sight s;
	struct net n;

	(void)state;
	begin(&n, &s, DAD, "1");
	net_address(&n, 0, 1, "2001:db8::1/64");
	assert_int_equal(stk_addr_remove(n.host[0], 0, 1, &a), 0);
	assert_int_equal(stk_if_remove(n.host[1], 0, 1), 0);
	net_run(&n, 9 * VS_SEC);
	assert_int_equal(s.ns, 1);
	net_fini(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_usable_at_once_unless_set),
		cmocka_unit_test(address_nobody_has_is_ours_a_second_after_the_question),
		cmocka_unit_test(address_somebody_has_is_not_taken),
		cmocka_unit_test(two_that_ask_at_once_both_give_way),
		cmocka_unit_test(duplicate_link_local_address_turns_ipv6_off_if_set),
		cmocka_unit_test(ipv4_probes_thrice_and_announces_twice),
		cmocka_unit_test(address_is_defended_once_in_ten_seconds),
		cmocka_unit_test(address_that_goes_while_asked_about_leaves_nothing),
	};

	return cmocka_run_group_tests_name("dad", tests, NULL, NULL);
}
