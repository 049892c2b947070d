/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What messages tell beside their bytes, errors and who gets them, ports that are shared: ip(7),
 * ipv6(7), socket(7), RFC 1122 4.1.3.
 */
#include "stack/no_tcp_for_test.h"
#include "stack/wire_for_test.h"

static const char *const ours[2] = {"2001:db8::1", "10.0.0.1"};
static const char *const theirs[2] = {"2001:db8::2", "10.0.0.2"};

static void option(struct net *n, int host, int fd, enum stk_option which, int64_t value)
{
	assert_int_equal(stk_option_set(n->host[host], n->now, fd, which, value), 0);
}

static int bound(struct net *n, int host, uint16_t port)
{
	struct stk_addr any = {.port = port};
	int fd = stk_socket(n->host[host], STK_DGRAM);

	assert_int_equal(stk_bind(n->host[host], fd, &any), 0);
	return fd;
}

static void say(struct net *n, int host, int fd, const char *to, uint16_t port)
{
	struct stk_addr dst = at(to, port);

	assert_int_equal(stk_send(n->host[host], n->now, fd, "hello", 5, 0, &dst), 5);
	net_settle(n);
}

static void a_message_tells_how_it_came(void **state)
{
	struct stk_msg in, out = {.ttl = 77, .tos = 0xb9};
	char text[8];
	struct net n;

	(void)state;
	for (int is4 = 0; is4 < 2; is4++) {
		struct wire_addr to = address(is4 ? "10.0.0.12" : "2001:db8::12");
		struct wire_addr from = address(is4 ? "10.0.0.11" : "2001:db8::11");
		int a, b;

		net_pair(&n, 0);
		net_address(&n, 0, 1, is4 ? "10.0.0.11/24" : "2001:db8::11/64");
		net_address(&n, 1, 1, is4 ? "10.0.0.12/24" : "2001:db8::12/64");
		a = bound(&n, 0, 4000);
		b = bound(&n, 1, 5000);
		out.peer = (struct stk_addr){.addr = to, .port = 5000};
		out.local = from;
		assert_int_equal(stk_send_msg(n.host[0], 0, a, "hello", 5, 0, &out), 5);
		net_settle(&n);
		assert_int_equal(stk_recv_msg(n.host[1], 0, b, text, 3, 0, &in), 3);
		assert_memory_equal(&in.local, &to, 16);
		assert_memory_equal(&in.peer.addr, &from, 16);
		assert_int_equal(in.peer.port, 4000);
		assert_int_equal(in.ifindex, 1);
		assert_int_equal(in.ttl, 77);
		assert_int_equal(in.tos, 0xb9);
		assert_int_equal(in.flags, STK_MSG_TRUNC);
		/* A source that is not ours, an interface that is not there. */
		out.local = address(is4 ? "10.0.0.99" : "2001:db8::99");
		assert_int_equal(stk_send_msg(n.host[0], 0, a, "x", 1, 0, &out), -EADDRNOTAVAIL);
		out.local = wire_addr_any6;
		out.ifindex = 7;
		assert_true(stk_send_msg(n.host[0], 0, a, "x", 1, 0, &out) < 0);
		out.ifindex = 0;
		out.ttl = 256;
		assert_int_equal(stk_send_msg(n.host[0], 0, a, "x", 1, 0, &out), -EINVAL);
		out.ttl = 77;
		net_fini(&n);
	}
}

/* RFC 1122 4.1.3.3, and Linux: a refused port is told once, to a connected socket. */
static void a_refused_port_is_told_once(void **state)
{
	struct net n;

	(void)state;
	for (int is4 = 0; is4 < 2; is4++) {
		struct stk_addr peer = at(theirs[is4], 9);
		char text[8];
		int a, b;

		net_pair(&n, 0);
		a = stk_socket(n.host[0], STK_DGRAM);
		b = stk_socket(n.host[0], STK_DGRAM);
		assert_int_equal(stk_connect(n.host[0], 0, a, &peer), 0);
		say(&n, 0, b, theirs[is4], 9);
		assert_int_equal(stk_recv(n.host[0], 0, b, text, 8, 0, NULL), -EAGAIN);
		assert_int_equal(stk_send(n.host[0], 0, a, "x", 1, 0, NULL), 1);
		net_settle(&n);
		assert_true(stk_readiness(n.host[0], a) & STK_ERR);
		assert_int_equal(stk_send(n.host[0], 0, a, "x", 1, 0, NULL), -ECONNREFUSED);
		assert_int_equal(stk_send(n.host[0], 0, a, "x", 1, 0, NULL), 1);
		net_settle(&n);
		assert_int_equal(stk_recv(n.host[0], 0, a, text, 8, 0, NULL), -ECONNREFUSED);
		assert_int_equal(stk_recv(n.host[0], 0, a, text, 8, 0, NULL), -EAGAIN);
		net_fini(&n);
	}
}

/* Soft errors (nobody at the address) are told only to who queues errors. */
static void soft_errors_are_for_who_asked(void **state)
{
	static const char *const nobody[2] = {"2001:db8::99", "10.0.0.99"};
	struct net n;

	(void)state;
	for (int is4 = 0; is4 < 2; is4++) {
		struct stk_addr peer = at(nobody[is4], 9);
		struct wire_addr self = address(ours[is4]);
		struct stk_msg msg;
		char text[8];
		int a, b;

		net_pair(&n, 0);
		a = stk_socket(n.host[0], STK_DGRAM);
		b = stk_socket(n.host[0], STK_DGRAM);
		option(&n, 0, b, STK_IP_RECVERR, 1);
		assert_int_equal(stk_connect(n.host[0], 0, a, &peer), 0);
		assert_int_equal(stk_send(n.host[0], 0, a, "x", 1, 0, NULL), 1);
		say(&n, 0, b, nobody[is4], 9);
		net_run(&n, 5 * VS_SEC);
		assert_int_equal(stk_recv(n.host[0], 0, a, text, 8, 0, NULL), -EAGAIN);
		assert_true(stk_readiness(n.host[0], b) & STK_ERR);
		assert_int_equal(stk_recv(n.host[0], 0, b, text, 8, 0, NULL), -EHOSTUNREACH);
		assert_int_equal(
			stk_recv_msg(n.host[0], 0, b, text, 8, STK_MSG_ERRQUEUE, &msg), 5);
		assert_memory_equal(text, "hello", 5);
		assert_int_equal(msg.error.error, EHOSTUNREACH);
		assert_memory_equal(&msg.error.offender, &self, 16);
		assert_memory_equal(&msg.peer.addr, &peer.addr, 16);
		assert_int_equal(
			stk_recv_msg(n.host[0], 0, b, text, 8, STK_MSG_ERRQUEUE, &msg), -EAGAIN);
		net_fini(&n);
	}
}

/* A traceroute: each router says who it is, the end refuses the port. */
static void error_queue_names_routers_on_the_way(void **state)
{
	struct net n;

	(void)state;
	for (int is4 = 0; is4 < 2; is4++) {
		static const char *const far[2] = {"2001:db8:1::2", "10.0.1.2"};
		struct wire_addr router = address(theirs[is4]), end = address(far[is4]);
		struct stk_msg msg, out = {.peer = at(far[is4], 33434), .tos = -1};
		char text[8];
		int a;

		net_init(&n, 3);
		assert_int_equal(stk_set(n.host[1], 0, "net.ipv4.ip_forward", "1"), 0);
		assert_int_equal(stk_set(n.host[1], 0, "net.ipv6.conf.all.forwarding", "1"), 0);
		net_join(&n, 0, net_interface(&n, 0, 0), 1, net_interface(&n, 1, 0));
		net_join(&n, 1, net_interface(&n, 1, 0), 2, net_interface(&n, 2, 0));
		net_address(&n, 0, 1, is4 ? "10.0.0.1/24" : "2001:db8::1/64");
		net_address(&n, 1, 1, is4 ? "10.0.0.2/24" : "2001:db8::2/64");
		net_address(&n, 1, 2, is4 ? "10.0.1.1/24" : "2001:db8:1::1/64");
		net_address(&n, 2, 1, is4 ? "10.0.1.2/24" : "2001:db8:1::2/64");
		net_route(&n, 0, is4 ? "0.0.0.0/0" : "::/0", theirs[is4]);
		net_route(&n, 2, is4 ? "0.0.0.0/0" : "::/0", is4 ? "10.0.1.1" : "2001:db8:1::1");
		a = bound(&n, 0, 4000);
		option(&n, 0, a, STK_IP_RECVERR, 1);
		for (int ttl = 1; ttl <= 2; ttl++) {
			out.ttl = ttl;
			assert_int_equal(stk_send_msg(n.host[0], 0, a, "probe", 5, 0, &out), 5);
			net_settle(&n);
			assert_int_equal(
				stk_recv_msg(n.host[0], 0, a, text, 8, STK_MSG_ERRQUEUE, &msg), 5);
			assert_memory_equal(text, "probe", 5);
			assert_memory_equal(&msg.error.offender, ttl == 1 ? &router : &end, 16);
			assert_int_equal(msg.error.type, ttl == 1 ? (is4 ? 11 : 3) : is4 ? 3 : 1);
			assert_int_equal(msg.error.code, ttl == 1 ? 0 : is4 ? 3 : 4);
			assert_int_equal(msg.error.error,
					 ttl == 1 ? EHOSTUNREACH : ECONNREFUSED);
			assert_int_equal(msg.peer.port, 33434);
			assert_int_equal(msg.flags, STK_MSG_ERRQUEUE);
		}
		net_fini(&n);
	}
}

static void what_may_not_be_fragmented_tells_what_fits(void **state)
{
	static char big[3000];
	struct stk_msg msg;
	struct net n;

	(void)state;
	for (int is4 = 0; is4 < 2; is4++) {
		struct stk_addr peer = at(theirs[is4], 9);
		int64_t mtu;
		int a;

		net_pair(&n, 0);
		a = stk_socket(n.host[0], STK_DGRAM);
		option(&n, 0, a, STK_IP_RECVERR, 1);
		option(&n, 0, a, STK_IP_MTU_DISCOVER, 2);
		assert_int_equal(stk_option_get(n.host[0], a, STK_IP_MTU, &mtu), -ENOTCONN);
		assert_int_equal(stk_connect(n.host[0], 0, a, &peer), 0);
		assert_int_equal(stk_option_get(n.host[0], a, STK_IP_MTU, &mtu), 0);
		assert_int_equal(mtu, 1500);
		assert_int_equal(stk_send(n.host[0], 0, a, big, sizeof(big), 0, NULL), -EMSGSIZE);
		assert_int_equal(stk_recv_msg(n.host[0], 0, a, big, 8, STK_MSG_ERRQUEUE, &msg), 8);
		assert_int_equal(msg.error.origin, 1);
		assert_int_equal(msg.error.info, 1500);
		net_fini(&n);
	}
}

static void error_queue_is_bounded(void **state)
{
	struct stk_msg msg;
	unsigned told = 0;
	char text[8];
	struct net n;
	int a;

	(void)state;
	net_pair(&n, 0);
	assert_int_equal(stk_set(n.host[1], 0, "net.ipv4.icmp_ratelimit", "0"), 0);
	a = stk_socket(n.host[0], STK_DGRAM);
	option(&n, 0, a, STK_IP_RECVERR, 1);
	for (unsigned i = 0; i < 40; i++) {
		struct stk_addr dst = at(theirs[1], 9);

		stk_send(n.host[0], 0, a, "hello", 5, 0, &dst);
		net_settle(&n);
	}
	while (stk_recv_msg(n.host[0], 0, a, text, 8, STK_MSG_ERRQUEUE, &msg) > 0)
		told++;
	assert_int_equal(told, 16);
	/* What was not read is given back. */
	say(&n, 0, a, theirs[1], 9);
	assert_int_equal(stk_close(n.host[0], 0, a), 0);
	net_fini(&n);
}

static void who_shares_a_port_shares_what_arrives(void **state)
{
	struct stk_addr any = {.port = 5000};
	int fd[4], taken[4] = {0}, client;
	char text[8];
	struct net n;

	(void)state;
	net_pair(&n, 0);
	for (unsigned i = 0; i < 4; i++) {
		fd[i] = stk_socket(n.host[1], STK_DGRAM);
		if (i)
			assert_int_equal(stk_bind(n.host[1], fd[i], &any), -EADDRINUSE);
		option(&n, 1, fd[i], STK_SO_REUSEPORT, 1);
		assert_int_equal(stk_bind(n.host[1], fd[i], &any), 0);
	}
	for (unsigned i = 0; i < 200; i++) {
		client = stk_socket(n.host[0], STK_DGRAM);
		say(&n, 0, client, theirs[1], 5000);
		say(&n, 0, client, theirs[1], 5000);
		assert_int_equal(stk_close(n.host[0], 0, client), 0);
		for (unsigned k = 0; k < 4; k++) {
			if (stk_recv(n.host[1], 0, fd[k], text, 8, 0, NULL) < 0)
				continue;
			/* The second message of a peer goes where the first one went. */
			assert_int_equal(stk_recv(n.host[1], 0, fd[k], text, 8, 0, NULL), 5);
			taken[k]++;
		}
	}
	assert_int_equal(taken[0] + taken[1] + taken[2] + taken[3], 200);
	for (unsigned k = 0; k < 4; k++)
		assert_in_range(taken[k], 20, 100);
	net_fini(&n);
}

static void broadcasts_need_leave_and_are_heard_here_too(void **state)
{
	struct stk_addr all = at("10.0.0.255", 5000);
	char text[8];
	struct net n;
	int a, b, c;

	(void)state;
	net_pair(&n, 0);
	a = stk_socket(n.host[0], STK_DGRAM);
	b = bound(&n, 1, 5000);
	c = bound(&n, 0, 5000);
	assert_int_equal(stk_send(n.host[0], 0, a, "hello", 5, 0, &all), -EACCES);
	option(&n, 0, a, STK_SO_BROADCAST, 1);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(stk_send(n.host[0], 0, a, "hello", 5, 0, &all), 5);
		net_settle(&n);
		assert_int_equal(stk_recv(n.host[1], 0, b, text, 8, 0, NULL), 5);
		assert_int_equal(stk_recv(n.host[0], 0, c, text, 8, 0, NULL), 5);
		all.addr = address("255.255.255.255");
	}
	net_fini(&n);
}

static void options_of_ip_are_kept_and_read(void **state)
{
	static const struct {
		enum stk_option which;
		int64_t initial, good, bad;
	} options[] = {
		{STK_IP_TTL, 64, 9, 256},
		{STK_IP_TOS, 0, 0x10, 256},
		{STK_IP_MULTICAST_TTL, 1, 0, 256},
		{STK_IP_MULTICAST_LOOP, 1, 0, -1000},
		{STK_IP_MULTICAST_ALL, 1, 0, -1000},
		{STK_IP_MULTICAST_IF, 0, 1, 2},
		{STK_IP_RECVERR, 0, 1, -1000},
		{STK_SO_REUSEPORT, 0, 1, -1000},
	};
	struct net n;
	int fd;

	(void)state;
	net_pair(&n, 0);
	fd = stk_socket(n.host[0], STK_DGRAM);
	for (unsigned i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		int64_t value;

		assert_int_equal(stk_option_get(n.host[0], fd, options[i].which, &value), 0);
		assert_int_equal(value, options[i].initial);
		option(&n, 0, fd, options[i].which, options[i].good);
		if (options[i].bad != -1000)
			assert_true(stk_option_set(n.host[0], 0, fd, options[i].which,
						   options[i].bad) < 0);
		assert_int_equal(stk_option_get(n.host[0], fd, options[i].which, &value), 0);
		assert_int_equal(value, options[i].good);
	}
	/* -1 is the default again: IP_TTL, IPV6_UNICAST_HOPS, IPV6_MULTICAST_HOPS. */
	option(&n, 0, fd, STK_IP_TTL, -1);
	option(&n, 0, fd, STK_IP_MULTICAST_TTL, -1);
	option(&n, 0, fd, STK_IP_RECVERR, 0);
	assert_int_equal(stk_option_set(n.host[0], 0, fd, STK_IP_MTU, 1400), -ENOPROTOOPT);
	net_fini(&n);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_tells_how_it_came),
		cmocka_unit_test(a_refused_port_is_told_once),
		cmocka_unit_test(soft_errors_are_for_who_asked),
		cmocka_unit_test(error_queue_names_routers_on_the_way),
		cmocka_unit_test(what_may_not_be_fragmented_tells_what_fits),
		cmocka_unit_test(error_queue_is_bounded),
		cmocka_unit_test(who_shares_a_port_shares_what_arrives),
		cmocka_unit_test(broadcasts_need_leave_and_are_heard_here_too),
		cmocka_unit_test(options_of_ip_are_kept_and_read),
	};

	return cmocka_run_group_tests_name("udp_msg", tests, NULL, NULL);
}
