/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Neighbours: ARP and ND against the state machine's times, in virtual time. */
#include "stack/neigh/neigh_impl.h"

#include "stack/no_tcp_for_test.h"
#include "stack/wire_for_test.h"

struct sight {
	unsigned requests, unicast_requests, replies;
	bool deaf; /* nothing gets through */
};

static bool watch(struct net *n, int from, const struct vs_frame *f)
{
	struct sight *s = n->look_ctx;
	uint16_t type = wire_get16(f->data + 12);
	bool ask, answer;

	ask = (type == WIRE_TYPE_ARP && f->data[21] == WIRE_ARP_REQUEST) ||
	      (type == WIRE_TYPE_IP6 && f->data[20] == 58 && f->data[54] == WIRE_ICMP6_NS);
	answer = (type == WIRE_TYPE_ARP && f->data[21] == WIRE_ARP_REPLY) ||
		 (type == WIRE_TYPE_IP6 && f->data[20] == 58 && f->data[54] == WIRE_ICMP6_NA);
	/* Host 1, having answered, in its turn asks whether host 0 is still there. */
	s->requests += ask && from == 0;
	s->unicast_requests += ask && from == 0 && !wire_mac_is_group(f->data);
	s->replies += answer;
	return !s->deaf;
}

static int udp_to(struct net *n, const char *text)
{
	struct stk_addr peer = at(text, 9);
	int fd = stk_socket(n->host[0], STK_DGRAM);

	assert_int_equal(stk_connect(n->host[0], n->now, fd, &peer), 0);
	return fd;
}

static void say(struct net *n, int fd)
{
	assert_int_equal(stk_send(n->host[0], n->now, fd, "x", 1, 0, NULL), 1);
	net_settle(n);
}

static enum neigh_state state_of(struct net *n, const char *text)
{
	struct wire_addr addr = address(text);
	struct neighbour *entry = neigh_find(n->host[0], 1, &addr);

	assert_non_null(entry);
	return entry->state;
}

/* Somebody at .2 who listens at port 9, so that nothing but UDP and ND is on the wire. */
static void begin(struct net *n, struct sight *s)
{
	struct stk_addr any = at("::", 9);

	net_pair(n, 0);
	memset(s, 0, sizeof(*s));
	n->look = watch;
	n->look_ctx = s;
	assert_int_equal(stk_bind(n->host[1], stk_socket(n->host[1], STK_DGRAM), &any), 0);
}

static void neighbour_lives_by_the_states_of_rfc4861(void **state)
{
	static const char *const peers[] = {"10.0.0.2", "2001:db8::2"};
	struct sight s;
	struct net n;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct ip_path path;
		struct wire_addr dst = address(peers[i]);
		int fd;

		begin(&n, &s);
		fd = udp_to(&n, peers[i]);
		say(&n, fd);
		assert_int_equal(s.requests, 1);
		assert_int_equal(s.replies, 1);
		assert_int_equal(state_of(&n, peers[i]), NEIGH_REACHABLE);
		/* 45 s is more than any reachable time. */
		net_run(&n, n.now + 46 * VS_SEC);
		say(&n, fd);
		assert_int_equal(state_of(&n, peers[i]), NEIGH_DELAY);
		net_run(&n, n.now + 5 * VS_SEC - 1);
		assert_int_equal(s.unicast_requests, 0);
		net_run(&n, n.now + 1);
		assert_int_equal(s.unicast_requests, 1);
		assert_int_equal(state_of(&n, peers[i]), NEIGH_REACHABLE);
		/* A transport's confirmation spares the question. */
		net_run(&n, n.now + 46 * VS_SEC);
		say(&n, fd);
		assert_int_equal(state_of(&n, peers[i]), NEIGH_DELAY);
		assert_int_equal(ip_path_find(n.host[0], &dst,
					      i ? &wire_addr_any6 : &wire_addr_any4, 0, &path),
				 0);
		neigh_confirm(n.host[0], n.now, &path);
		assert_int_equal(state_of(&n, peers[i]), NEIGH_REACHABLE);
		/* Deaf: DELAY, three questions to the station, one a second, then FAILED. */
		net_run(&n, n.now + 46 * VS_SEC);
		s.deaf = true;
		say(&n, fd);
		s.unicast_requests = 0;
		net_run(&n, n.now + 7 * VS_SEC);
		assert_int_equal(s.unicast_requests, 3);
		assert_int_equal(state_of(&n, peers[i]), NEIGH_PROBE);
		net_run(&n, n.now + VS_SEC);
		assert_int_equal(state_of(&n, peers[i]), NEIGH_FAILED);
		/* And it comes back when it hears again. */
		s.deaf = false;
		say(&n, fd);
		assert_int_equal(state_of(&n, peers[i]), NEIGH_REACHABLE);
		net_fini(&n);
	}
}

static void absent_neighbour_is_reported_after_three_questions(void **state)
{
	static const char *const absent[] = {"10.0.0.99", "2001:db8::99"};
	struct sight s;
	struct net n;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		int64_t error;
		int fd;

		begin(&n, &s);
		fd = udp_to(&n, absent[i]);
		assert_int_equal(stk_option_set(n.host[0], 0, fd, STK_IP_RECVERR, 1), 0);
		for (unsigned k = 0; k < 5; k++)
			say(&n, fd);
		net_run(&n, n.now + 3 * VS_SEC - 1);
		assert_int_equal(s.requests, 3);
		assert_int_equal(stk_readiness(n.host[0], fd) & STK_ERR, 0);
		net_run(&n, n.now + 1);
		assert_int_equal(s.requests, 3);
		assert_int_equal(stk_option_get(n.host[0], fd, STK_SO_ERROR, &error), 0);
		assert_int_equal(error, EHOSTUNREACH);
		assert_int_equal(counter(&n, 0, "IpNeighFailed"), 5);
		net_fini(&n);
	}
}

/* Inside, a mapped address is IPv4's: asked for by ND it must not be found (RFC 4942 2.2). */
static void mapped_addresses_are_nobodys_in_discovery(void **state)
{
	static const uint8_t types[] = {WIRE_ICMP6_NS, WIRE_ICMP6_NA, WIRE_ICMP6_REDIRECT};
	struct sight s;
	struct net n;

	(void)state;
	begin(&n, &s);
	for (unsigned i = 0; i < 3; i++) {
		struct wire_addr src = address("fe80::ff:fe00:101"),
				 dst = address("fe80::ff:fe00:1");
		struct wire_nd nd = {.type = types[i], .target = address("10.0.0.1")};

		nd_send(n.host[1], 0, ip_if(n.host[1], 1), &src, &dst,
			(const uint8_t[]){2, 0, 0, 0, 0, 1}, &nd);
		net_settle(&n);
		assert_int_equal(counter(&n, 0, "NdInErrors"), i + 1);
	}
	assert_int_equal(s.replies, 1); /* the one above */
	net_fini(&n);
}

static void queue_of_an_unresolved_neighbour_is_bounded(void **state)
{
	struct sight s;
	struct net n;
	int fd;

	(void)state;
	begin(&n, &s);
	s.deaf = true;
	fd = udp_to(&n, "10.0.0.2");
	for (unsigned i = 0; i < NEIGH_WAITING_MAX + 10; i++)
		say(&n, fd);
	assert_int_equal(counter(&n, 0, "IpNeighQueueDrop"), 10);
	s.deaf = false;
	net_run(&n, n.now + VS_SEC);
	assert_int_equal(counter(&n, 1, "UdpInDatagrams"), NEIGH_WAITING_MAX);
	net_fini(&n);
}

static void full_table_gives_up_the_idle(void **state)
{
	struct sight s;
	struct net n;

	(void)state;
	begin(&n, &s);
	assert_int_equal(stk_set(n.host[0], 0, "net.ipv4.neigh.default.gc_thresh3", "10"), 0);
	for (unsigned i = 0; i < 40; i++) {
		char text[32];

		snprintf(text, sizeof(text), "10.0.0.%u", 100 + i);
		say(&n, udp_to(&n, text));
		/* All wait for an answer: nobody is given up, and what is too much is dropped. */
		assert_true(n.host[0]->neigh->count <= 10);
	}
	assert_int_equal(counter(&n, 0, "IpNeighQueueDrop"), 30);
	net_run(&n, n.now + 5 * VS_SEC);
	say(&n, udp_to(&n, "10.0.0.2"));
	assert_int_equal(state_of(&n, "10.0.0.2"), NEIGH_REACHABLE);
	net_fini(&n);
}

static void arp_to_host0(struct net *n, uint16_t op, const char *sender, const char *target,
			 uint8_t mac_last, bool to_us)
{
	struct wire_arp arp = {.op = op, .sender = address(sender), .target = address(target)};
	struct wire_eth eth = {.dst = {2, 0, 0, 0, 0, 1}, .type = WIRE_TYPE_ARP};
	struct vs_frame *f = vs_frame_new(n->pool, WIRE_ARP_LEN, 0);

	arp.sender_mac[0] = 2;
	arp.sender_mac[5] = mac_last;
	memcpy(eth.src, arp.sender_mac, WIRE_MAC_LEN);
	if (to_us)
		memcpy(arp.target_mac, eth.dst, WIRE_MAC_LEN);
	wire_arp_emit(f->data, &arp);
	wire_eth_emit(vs_frame_push(f, WIRE_ETH_LEN), &eth);
	stk_input(n->host[0], n->now, 1, f);
}

static bool knows(struct net *n, const char *text)
{
	struct wire_addr addr = address(text);

	return neigh_find(n->host[0], 1, &addr);
}

static void arp_learns_only_from_whom_it_deals_with(void **state)
{
	struct wire_addr addr = address("10.0.0.50");
	struct sight s;
	struct net n;

	(void)state;
	begin(&n, &s);
	s.deaf = true;
	/* A probe (RFC 5227) is answered and teaches nothing. */
	arp_to_host0(&n, WIRE_ARP_REQUEST, "0.0.0.0", "10.0.0.1", 50, false);
	net_settle(&n);
	assert_int_equal(s.replies, 1);
	assert_false(knows(&n, "0.0.0.0"));
	/* Announcements, others' talk and answers that nobody asked for make no entry. */
	arp_to_host0(&n, WIRE_ARP_REQUEST, "10.0.0.50", "10.0.0.50", 50, false);
	arp_to_host0(&n, WIRE_ARP_REQUEST, "10.0.0.50", "10.0.0.60", 50, false);
	arp_to_host0(&n, WIRE_ARP_REPLY, "10.0.0.50", "10.0.0.1", 50, true);
	assert_false(knows(&n, "10.0.0.50"));
	/* A request for us does, */
	arp_to_host0(&n, WIRE_ARP_REQUEST, "10.0.0.50", "10.0.0.1", 50, false);
	assert_int_equal(state_of(&n, "10.0.0.50"), NEIGH_STALE);
	/* and then an announcement moves it. */
	arp_to_host0(&n, WIRE_ARP_REQUEST, "10.0.0.50", "10.0.0.50", 51, false);
	assert_int_equal(neigh_find(n.host[0], 1, &addr)->mac[5], 51);
	/* Somebody with our address is counted and not believed. */
	arp_to_host0(&n, WIRE_ARP_REQUEST, "10.0.0.1", "10.0.0.1", 66, false);
	assert_int_equal(counter(&n, 0, "ArpConflicts"), 1);
	assert_false(knows(&n, "10.0.0.1"));
	net_fini(&n);
}

static void interface_going_down_forgets_its_neighbours(void **state)
{
	struct sight s;
	struct net n;

	(void)state;
	begin(&n, &s);
	say(&n, udp_to(&n, "10.0.0.2"));
	say(&n, udp_to(&n, "10.0.0.99"));
	assert_int_equal(stk_if_set_up(n.host[0], n.now, 1, false), 0);
	assert_int_equal(n.host[0]->neigh->count, 0);
	assert_int_equal(stk_if_set_up(n.host[0], n.now, 1, true), 0);
	say(&n, udp_to(&n, "10.0.0.2"));
	assert_int_equal(state_of(&n, "10.0.0.2"), NEIGH_REACHABLE);
	assert_int_equal(stk_if_remove(n.host[0], n.now, 1), 0);
	assert_int_equal(n.host[0]->neigh->count, 0);
	net_run(&n, n.now + 100 * VS_SEC);
	net_fini(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(neighbour_lives_by_the_states_of_rfc4861),
		cmocka_unit_test(absent_neighbour_is_reported_after_three_questions),
		cmocka_unit_test(mapped_addresses_are_nobodys_in_discovery),
		cmocka_unit_test(queue_of_an_unresolved_neighbour_is_bounded),
		cmocka_unit_test(full_table_gives_up_the_idle),
		cmocka_unit_test(arp_learns_only_from_whom_it_deals_with),
		cmocka_unit_test(interface_going_down_forgets_its_neighbours),
	};

	return cmocka_run_group_tests_name("neigh", tests, NULL, NULL);
}
