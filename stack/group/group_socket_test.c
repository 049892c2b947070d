/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What sockets hear of the groups they have joined, by their filters (RFC 3376 3.2). */
#include "stack/group/group_for_test.h"

static void say(struct net *n, const char *to, unsigned ifindex, const char *text)
{
	struct stk_addr dst = at(to, 5000);
	int fd = stk_socket(n->host[1], STK_DGRAM);

	dst.ifindex = (uint16_t)ifindex;
	assert_int_equal(stk_send(n->host[1], n->now, fd, text, strlen(text), 0, &dst),
			 (int)strlen(text));
	net_settle(n);
	assert_int_equal(stk_close(n->host[1], n->now, fd), 0);
}

/* Gives whether a socket got a message, which goes. */
static bool heard(struct net *n, int fd)
{
	char text[16];

	return stk_recv(n->host[0], n->now, fd, text, sizeof(text), 0, NULL) >= 0;
}

/* RFC 3376 3.2 and Linux: the interface lets in what anybody wants, each socket what it wants. */
static void each_socket_hears_what_it_asked_for(void **state)
{
	static const char *const text[2] = {"ff0e::1:7", "239.1.1.7"};
	struct net n;

	(void)state;
	for (int is4 = 0; is4 < 2; is4++) {
		int a, b, c;

		begin(&n);
		a = listener(&n);
		b = listener(&n);
		c = listener(&n);
		say(&n, text[is4], 1, "nobody");
		assert_false(heard(&n, a));
		/* The network card already keeps it out. */
		assert_int_equal(counter(&n, 0, "EthInOther"), 1);
		assert_int_equal(group_op(&n, is4, a, STK_GROUP_JOIN, 7, 0), 0);
		assert_int_equal(group_op(&n, is4, a, STK_GROUP_JOIN, 7, 0), -EADDRINUSE);
		say(&n, text[is4], 1, "all");
		assert_true(heard(&n, a));
		assert_true(heard(&n, b)); /* IP_MULTICAST_ALL, as Linux */
		assert_true(heard(&n, c));
		assert_int_equal(
			stk_option_set(n.host[0], 0, b, STK_IP_MULTICAST_ALL, 0), 0);
		assert_int_equal(group_op(&n, is4, c, STK_GROUP_JOIN_SOURCE, 7, 9), 0);
		say(&n, text[is4], 1, "a");
		assert_true(heard(&n, a));
		assert_false(heard(&n, b));
		assert_false(heard(&n, c));
		assert_int_equal(group_op(&n, is4, c, STK_GROUP_JOIN_SOURCE, 7, 2), 0);
		assert_int_equal(group_op(&n, is4, a, STK_GROUP_BLOCK, 7, 2), 0);
		say(&n, text[is4], 1, "c");
		assert_false(heard(&n, a));
		assert_true(heard(&n, c));
		assert_int_equal(group_op(&n, is4, c, STK_GROUP_LEAVE_SOURCE, 7, 2), 0);
		say(&n, text[is4], 1, "none");
		assert_false(heard(&n, a));
		assert_false(heard(&n, c));
		assert_int_equal(counter(&n, 0, "IpInGroupFiltered"), 1);
		net_fini(&n);
	}
}

static void own_messages_to_groups_are_heard_unless_set(void **state)
{
	struct net n;

	(void)state;
	for (int is4 = 0; is4 < 2; is4++) {
		struct stk_addr g = group_of(is4, 7);
		struct stk_msg msg;
		char text[8];
		int a, b;

		begin(&n);
		a = listener(&n);
		b = stk_socket(n.host[0], STK_DGRAM);
		g.port = 5000;
		assert_int_equal(group_op(&n, is4, a, STK_GROUP_JOIN, 7, 0), 0);
		assert_int_equal(stk_send(n.host[0], n.now, b, "x", 1, 0, &g), 1);
		net_settle(&n);
		assert_int_equal(stk_recv_msg(n.host[0], n.now, a, text, 8, 0, &msg), 1);
		assert_int_equal(msg.ttl, 1); /* IP_MULTICAST_TTL */
		assert_int_equal(msg.ifindex, 1);
		assert_memory_equal(&msg.local, &g.addr, 16);
		assert_int_equal(stk_option_set(n.host[0], 0, b, STK_IP_MULTICAST_LOOP, 0), 0);
		assert_int_equal(stk_send(n.host[0], n.now, b, "x", 1, 0, &g), 1);
		net_settle(&n);
		assert_false(heard(&n, a));
		/* A TTL of 0 is for this host alone. */
		assert_int_equal(stk_option_set(n.host[0], 0, b, STK_IP_MULTICAST_LOOP, 1), 0);
		assert_int_equal(stk_option_set(n.host[0], 0, b, STK_IP_MULTICAST_TTL, 0), 0);
		n.frames = 0;
		assert_int_equal(stk_send(n.host[0], n.now, b, "x", 1, 0, &g), 1);
		net_settle(&n);
		assert_int_equal(n.frames, 0);
		assert_true(heard(&n, a));
		net_fini(&n);
	}
}

static void groups_come_and_go_with_their_interface(void **state)
{
	struct stk_addr other = group_of(true, 7);
	struct net n;
	int a;

	(void)state;
	begin(&n);
	a = listener(&n);
	net_interface(&n, 0, 0);
	other.ifindex = 2;
	assert_int_equal(stk_group(n.host[0], 0, a, STK_GROUP_JOIN, &other, NULL), 0);
	assert_int_equal(group_op(&n, true, a, STK_GROUP_JOIN, 7, 0), 0);
	pass(&n, 2 * VS_SEC);
	assert_int_equal(stk_if_set_up(n.host[0], n.now, 1, false), 0);
	vs_text_init(&seen_text, seen, sizeof(seen));
	seen[0] = '\0';
	pass(&n, 10 * VS_SEC);
	expect("");
	/* Up again it tells what it wants. */
	assert_int_equal(stk_if_set_up(n.host[0], n.now, 1, true), 0);
	net_settle(&n);
	expect("TO_EX 7 ");
	pass(&n, 2 * VS_SEC);
	assert_int_equal(stk_if_remove(n.host[0], n.now, 2), 0);
	assert_int_equal(stk_group(n.host[0], 0, a, STK_GROUP_LEAVE, &other, NULL), -EADDRNOTAVAIL);
	other.ifindex = 9;
	assert_int_equal(stk_group(n.host[0], 0, a, STK_GROUP_JOIN, &other, NULL), -ENODEV);
	other.addr = address("10.0.0.3");
	assert_int_equal(stk_group(n.host[0], 0, a, STK_GROUP_JOIN, &other, NULL), -EINVAL);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(group_op(&n, true, a, STK_GROUP_JOIN, 100 + i, 0),
				 i < 19 ? 0 : -ENOBUFS); /* igmp_max_memberships */
	net_fini(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_socket_hears_what_it_asked_for),
		cmocka_unit_test(own_messages_to_groups_are_heard_unless_set),
		cmocka_unit_test(groups_come_and_go_with_their_interface),
	};

	return cmocka_run_group_tests_name("group_socket", tests, NULL, NULL);
}
