/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interfaces of a network: TAP, GRAB and what persists.  The Virtual Square book, 6.1 and 6.3. */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>

#include "kernel/test/ipn_net.h"

#define FRAME 60

static void netdev_request(int s, unsigned long request, const char *name, int kind, int error)
{
	struct ifreq ifr = { .ifr_flags = kind };

	strncpy(ifr.ifr_name, name, IFNAMSIZ - 1);
	if (error)
		CHECK_ERRNO(ioctl(s, request, &ifr), error);
	else
		CHECK_OK(ioctl(s, request, &ifr));
}

static int bound(const char *path)
{
	int s = ipn_socket();

	CHECK_OK(ipn_bind(s, path));
	return s;
}

static int tap(const char *path, const char *name)
{
	int s = bound(path);

	netdev_request(s, IPN_CONN_NETDEV, name, IPN_NODEFLAG_TAP, 0);
	return s;
}

static void up(const char *name)
{
	struct ifreq ifr = { 0 };
	int s = CHECK_OK(socket(AF_INET, SOCK_DGRAM, 0));

	strncpy(ifr.ifr_name, name, IFNAMSIZ - 1);
	CHECK_OK(ioctl(s, SIOCGIFFLAGS, &ifr));
	ifr.ifr_flags |= IFF_UP;
	CHECK_OK(ioctl(s, SIOCSIFFLAGS, &ifr));
	close(s);
}

/* What enters and leaves this host by an interface. */
static int packets(const char *name)
{
	struct sockaddr_ll ll = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int s = CHECK_OK(socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)));
	struct timeval limit = { .tv_sec = 5 };

	ll.sll_ifindex = if_nametoindex(name);
	CHECK(ll.sll_ifindex > 0);
	CHECK_OK(bind(s, (struct sockaddr *)&ll, sizeof(ll)));
	CHECK_OK(setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)));
	return s;
}

static void frame(unsigned char *data, unsigned char mark)
{
	memset(data, mark, FRAME);
	memset(data, 0xff, 6);
	memcpy(data + 6, "\x02\x00\x00\x00\x00\x09\x88\xb5", 8);
}

static void send_frame(int s, unsigned char mark)
{
	unsigned char data[FRAME];

	frame(data, mark);
	CHECK_EQUAL(CHECK_OK(send(s, data, sizeof(data), 0)), sizeof(data));
}

/* The next frame of ours is this one; waits a while, since interfaces hand over in softirq. */
static void hears_frame(int s, unsigned char mark)
{
	unsigned char data[2000], wanted[FRAME];
	struct timeval limit = { .tv_sec = 5 };
	ssize_t len;

	frame(wanted, mark);
	CHECK_OK(setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)));
	do
		len = CHECK_OK(recv(s, data, sizeof(data), 0));
	while (len < 14 || memcmp(data + 12, wanted + 12, 2));
	CHECK_EQUAL(len, FRAME);
	CHECK(memcmp(data, wanted, FRAME) == 0);
}

static void a_tap_is_a_node_with_an_interface(void)
{
	int t = tap(NET, "test0"), a = ipn_join(NET), p;

	up("test0");
	p = packets("test0");
	send_frame(a, 1);
	hears_frame(p, 1);
	send_frame(p, 2);
	hears_frame(a, 2);
	CHECK_ERRNO(send(t, "x", 1, 0), EOPNOTSUPP);
	CHECK_ERRNO(recv(t, &p, 1, 0), EOPNOTSUPP);
	CHECK_ERRNO(connect(t, NULL, 0), EISCONN);
	close(t);
	CHECK_EQUAL(if_nametoindex("test0"), 0);
	send_frame(a, 3);
}

static void a_tap_without_a_name_gets_one(void)
{
	struct ifreq ifr = { .ifr_flags = IPN_NODEFLAG_TAP };
	int s = bound(NET);

	CHECK_OK(ioctl(s, IPN_CONN_NETDEV, &ifr));
	CHECK(strcmp(ifr.ifr_name, "ipn0") == 0);
	CHECK(if_nametoindex("ipn0") > 0);
}

static void two_taps_of_a_network_are_one_wire(void)
{
	int p, q;

	tap(NET, "test0");
	tap(NET, "test1");
	up("test0");
	up("test1");
	p = packets("test0");
	q = packets("test1");
	send_frame(p, 5);
	hears_frame(q, 5);
}

static void a_full_lossless_network_holds_a_taps_queue(void)
{
	int keep = ipn_lossless(NET, 2), t = bound(NET), p;

	netdev_request(t, IPN_CONN_NETDEV, "test0", IPN_NODEFLAG_TAP, 0);
	up("test0");
	p = packets("test0");
	for (int i = 0; i < 6; i++)
		send_frame(p, i);
	usleep(20000);
	for (int i = 0; i < 6; i++)
		hears_frame(keep, i);	/* none was lost, though two have room */
	hears_nothing(keep);
}

static void requests_at_the_wrong_time_are_refused(void)
{
	int s = ipn_socket(), t;

	netdev_request(s, IPN_CONN_NETDEV, "test0", IPN_NODEFLAG_TAP, EINVAL);
	CHECK_ERRNO(ioctl(s, IPN_SETPERSIST, 1), EINVAL);
	s = ipn_peer(NET);
	netdev_request(s, IPN_CONN_NETDEV, "test0", IPN_NODEFLAG_TAP, EISCONN);
	netdev_request(s, IPN_JOIN_NETDEV, "lo", 0, EISCONN);
	s = bound(NET);
	netdev_request(s, IPN_CONN_NETDEV, "test0", 0, EINVAL);
	netdev_request(s, IPN_CONN_NETDEV, "test0", 0x30, EINVAL);
	netdev_request(s, IPN_CONN_NETDEV, "a/b", IPN_NODEFLAG_TAP, EINVAL);
	netdev_request(s, IPN_CONN_NETDEV, "nowhere", IPN_NODEFLAG_GRAB, ENODEV);
	netdev_request(s, IPN_CONN_NETDEV, "lo", IPN_NODEFLAG_GRAB, EINVAL);
	netdev_request(s, IPN_CONN_NETDEV, "lo", IPN_NODEFLAG_TAP, EEXIST);
	CHECK_ERRNO(ioctl(s, IPN_CONN_NETDEV, NULL), EFAULT);
	t = ipn_socket();
	netdev_request(t, IPN_JOIN_NETDEV, "lo", 0, EADDRNOTAVAIL);
	netdev_request(t, IPN_JOIN_NETDEV, "nowhere", 0, ENODEV);
	CHECK_OK(connect(s, NULL, 0));		/* what was refused left nothing behind */
	CHECK_EQUAL(ipn_get(s, IPN_SO_PORT), 1);
}

static void interfaces_need_the_right_to_configure_the_network(void)
{
	int s;

	CHECK_OK(setuid(1000));
	s = bound(NET);
	netdev_request(s, IPN_CONN_NETDEV, "test0", IPN_NODEFLAG_TAP, EPERM);
	netdev_request(ipn_socket(), IPN_JOIN_NETDEV, "lo", 0, EPERM);
	netdev_request(ipn_socket(), IPN_CLRPERSIST_NETDEV, "lo", 0, EPERM);
}

/* Two interfaces with a wire between them: one is grabbed, the other is the world. */
static void wire(void)
{
	if (if_nametoindex("v0") == 0)
		CHECK_EQUAL(system("ip link add v0 type veth && ip link set veth0 name v1"), 0);
	up("v0");
	up("v1");
}

static int grab(const char *path, const char *name)
{
	int s = bound(path);

	netdev_request(s, IPN_CONN_NETDEV, name, IPN_NODEFLAG_GRAB, 0);
	return s;
}

static void a_grabbed_interface_is_the_networks(void)
{
	int g, a, p;

	wire();
	g = grab(NET, "v0");
	a = ipn_join(NET);
	p = packets("v1");
	send_frame(p, 7);
	hears_frame(a, 7);
	send_frame(a, 8);
	hears_frame(p, 8);
	netdev_request(bound(NET), IPN_CONN_NETDEV, "v0", IPN_NODEFLAG_GRAB, EBUSY);
	close(g);
	send_frame(p, 9);
	usleep(10000);
	hears_nothing(a);
	grab(NET, "v0");
	send_frame(p, 10);
	hears_frame(a, 10);
}

static void a_tap_and_a_grabbed_interface_are_a_bridge(void)
{
	int p, q;

	wire();
	grab(NET, "v0");
	tap(NET, "test0");
	up("test0");
	p = packets("v1");
	q = packets("test0");
	send_frame(p, 11);
	hears_frame(q, 11);
	send_frame(q, 12);
	hears_frame(p, 12);
}

static void a_grabbed_interface_may_go_away(void)
{
	int g, a;

	wire();
	g = grab(NET, "v0");
	a = ipn_join(NET);
	CHECK_EQUAL(system("ip link del v1"), 0);
	CHECK_EQUAL(if_nametoindex("v0"), 0);
	send_frame(a, 1);
	close(g);
	send_frame(a, 2);
	/* Without a socket its node goes with it. */
	wire();
	g = grab(NET, "v0");
	CHECK_OK(ioctl(g, IPN_SETPERSIST, 1));
	close(g);
	CHECK_EQUAL(system("ip link del v1"), 0);
	for (int i = 0; system("grep -q persist /proc/net/ipn") == 0; i++) {
		CHECK(i < 100);
		usleep(10000);
	}
	send_frame(a, 3);
}

static void large_packets_of_a_grabbed_interface_are_cut_to_frames(void)
{
	unsigned char data[2000];
	int a, total = 0, s, t, one = 1;
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(9) };

	/* A UDP datagram with segmentation left to the device crosses veth as one packet. */
	wire();
	CHECK_EQUAL(system("ip addr add 10.9.0.1/24 dev v1 && "
			   "arp -i v1 -s 10.9.0.2 02:00:00:00:00:02"), 0);
	grab(NET, "v0");
	a = ipn_join(NET);
	s = CHECK_OK(socket(AF_INET, SOCK_DGRAM, 0));
	in.sin_addr.s_addr = htonl(0x0a090002);
	t = 1000;
	CHECK_OK(setsockopt(s, 17, 103, &t, sizeof(t)));	/* UDP_SEGMENT */
	CHECK_OK(setsockopt(s, SOL_SOCKET, SO_BROADCAST, &one, sizeof(one)));
	memset(data, 0x55, sizeof(data));
	CHECK_EQUAL(sendto(s, data, 2000, 0, (struct sockaddr *)&in, sizeof(in)), 2000);
	for (int i = 0; i < 2; i++) {
		uint32_t sum = 0;
		ssize_t len = CHECK_OK(recv(a, data, sizeof(data), 0));

		if (data[12] != 8 || data[23] != 17) {
			i--;
			continue;
		}
		CHECK_EQUAL(len, 14 + 20 + 8 + 1000);
		/* The checksum is there, over pseudo header and all. */
		for (int n = 26; n < len; n += 2)
			sum += data[n] << 8 | data[n + 1];
		sum += 17 + 1008;
		while (sum >> 16)
			sum = (sum & 0xffff) + (sum >> 16);
		CHECK_EQUAL(sum, 0xffff);
		total += len - 42;
	}
	CHECK_EQUAL(total, 2000);
}

static void a_persistent_tap_outlives_its_socket(void)
{
	int t = tap(NET, "keep0"), a, p, s;

	CHECK_OK(ioctl(t, IPN_SETPERSIST, 1));
	close(t);
	up("keep0");
	p = packets("keep0");
	a = ipn_join(NET);		/* the network is kept by its interface */
	send_frame(a, 1);
	hears_frame(p, 1);
	s = ipn_socket();
	netdev_request(s, IPN_JOIN_NETDEV, "keep0", 0, 0);
	netdev_request(ipn_socket(), IPN_JOIN_NETDEV, "keep0", 0, EADDRNOTAVAIL);
	CHECK_OK(ioctl(s, IPN_SETPERSIST, 0));
	send_frame(p, 2);
	hears_frame(a, 2);
	close(s);
	CHECK_EQUAL(if_nametoindex("keep0"), 0);
}

static void persistence_is_given_and_taken_by_name_or_index(void)
{
	struct ifreq ifr = { 0 };
	int t = tap(NET, "keep0");

	netdev_request(ipn_socket(), IPN_SETPERSIST_NETDEV, "keep0", 0, 0);
	close(t);
	CHECK(if_nametoindex("keep0") > 0);
	ifr.ifr_ifindex = if_nametoindex("keep0");
	CHECK_OK(ioctl(ipn_socket(), IPN_CLRPERSIST_NETDEV, &ifr));
	CHECK_EQUAL(if_nametoindex("keep0"), 0);
	CHECK_ERRNO(ipn_connect(ipn_socket(), NET), ECONNREFUSED);	/* it was the last node */
}

static void a_socket_that_polls_may_take_an_interface_over(void)
{
	int t = tap(NET, "keep0"), s = ipn_socket();
	struct pollfd p = { .fd = s, .events = POLLIN };

	CHECK_OK(ioctl(t, IPN_SETPERSIST, 1));
	close(t);
	if (fork() == 0) {
		for (int i = 0; i < 100; i++)
			poll(&p, 1, 1);
		_exit(0);
	}
	netdev_request(s, IPN_JOIN_NETDEV, "keep0", 0, 0);
	wait(NULL);
	CHECK_OK(ioctl(s, IPN_SETPERSIST, 0));
}

static void a_network_spans_network_namespaces(void)
{
	int a = ipn_peer(NET), b;

	CHECK_OK(unshare(CLONE_NEWNET));
	b = ipn_join(NET);		/* the same name, the same network */
	say(a, "through");
	hears(b, "through");
	tap(NET, "test0");		/* the interface is of the namespace of its socket */
	CHECK(if_nametoindex("test0") > 0);
	up("test0");
	send_frame(packets("test0"), 4);
	hears_frame(a, 4);
}

static void left_over_for_the_module_to_clear(void)
{
	int t = tap(NET, "left0");

	CHECK_OK(ioctl(t, IPN_SETPERSIST, 1));
}

int main(int argc, char **argv)
{
	static const struct ktap_case cases[] = {
		KTAP_CASE(a_tap_is_a_node_with_an_interface),
		KTAP_CASE(a_tap_without_a_name_gets_one),
		KTAP_CASE(two_taps_of_a_network_are_one_wire),
		KTAP_CASE(a_full_lossless_network_holds_a_taps_queue),
		KTAP_CASE(requests_at_the_wrong_time_are_refused),
		KTAP_CASE(interfaces_need_the_right_to_configure_the_network),
		KTAP_CASE(a_grabbed_interface_is_the_networks),
		KTAP_CASE(a_tap_and_a_grabbed_interface_are_a_bridge),
		KTAP_CASE(a_grabbed_interface_may_go_away),
		KTAP_CASE(large_packets_of_a_grabbed_interface_are_cut_to_frames),
		KTAP_CASE(a_persistent_tap_outlives_its_socket),
		KTAP_CASE(persistence_is_given_and_taken_by_name_or_index),
		KTAP_CASE(a_socket_that_polls_may_take_an_interface_over),
		KTAP_CASE(a_network_spans_network_namespaces),
		KTAP_CASE(left_over_for_the_module_to_clear),
	};

	ktap_before = clean_names;
	return ktap_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]));
}
