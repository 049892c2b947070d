/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Echo and errors between hosts, in virtual time. */
#include "stack/wire_for_test.h"

#include "stack/no_tcp_for_test.h"

static int ping_socket(struct net *n, int host)
{
	int fd = stk_socket(n->host[host], STK_PING);

	assert_true(fd >= 0);
	return fd;
}

static ptrdiff_t ping(struct net *n, int host, int fd, const char *to, size_t size)
{
	static uint8_t message[65536];
	struct stk_addr dst = at(to, 0);

	memset(message, 0, WIRE_ICMP_LEN);
	for (size_t i = WIRE_ICMP_LEN; i < size + WIRE_ICMP_LEN; i++)
		message[i] = (uint8_t)(i * 7);
	message[0] = wire_addr_is4(&dst.addr) ? WIRE_ICMP4_ECHO : WIRE_ICMP6_ECHO;
	message[7] = 1;
	return stk_send(n->host[host], n->now, fd, message, size + WIRE_ICMP_LEN, 0, &dst);
}

/* Whether the answer is there, whole and unchanged. */
static bool answered(struct net *n, int host, int fd, size_t size)
{
	static uint8_t message[65536];
	struct stk_addr from;
	ptrdiff_t len = stk_recv(n->host[host], n->now, fd, message, sizeof(message), 0, &from);

	if (len == -EAGAIN)
		return false;
	assert_int_equal(len, size + WIRE_ICMP_LEN);
	assert_int_equal(message[0],
			 wire_addr_is4(&from.addr) ? WIRE_ICMP4_ECHO_REPLY : WIRE_ICMP6_ECHO_REPLY);
	for (size_t i = WIRE_ICMP_LEN; i < size + WIRE_ICMP_LEN; i++)
		assert_int_equal(message[i], (uint8_t)(i * 7));
	return true;
}

static void echo_is_answered_in_both_families_and_all_sizes(void **state)
{
	static const size_t sizes[] = {0, 1, 56, 1452, 1453, 1472, 1473, 8000, 60000, 65487};
	static const char *const peers[] = {"10.0.0.2", "2001:db8::2"};
	struct net n;
	int fd;

	(void)state;
	net_pair(&n, 0);
	fd = ping_socket(&n, 0);
	n.border = true;
	for (unsigned p = 0; p < 2; p++) {
		for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			unsigned ready;

			assert_int_equal(ping(&n, 0, fd, peers[p], sizes[i]), sizes[i] + 8);
			net_run(&n, n.now + VS_SEC);
			assert_int_equal(stk_event(n.host[0], &ready), fd);
			assert_int_equal(ready, STK_IN | STK_OUT);
			assert_true(answered(&n, 0, fd, sizes[i]));
		}
	}
	assert_int_equal(counter(&n, 1, "IcmpInEchos"), 20);
	assert_int_equal(counter(&n, 1, "IcmpInCsumErrors"), 0);
	net_fini(&n);
}

static void host_answers_itself_over_loopback(void **state)
{
	static const char *const own[] = {"10.0.0.1", "2001:db8::1", "127.0.0.1", "::1"};
	struct net n;
	int fd;

	(void)state;
	net_pair(&n, 0);
	fd = ping_socket(&n, 0);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(ping(&n, 0, fd, own[i], 3000), 3008);
		net_run(&n, n.now + 1);
		assert_true(answered(&n, 0, fd, 3000));
	}
	assert_int_equal(n.frames, 0);
	net_fini(&n);
}

static bool spoil(struct net *n, int from, const struct vs_frame *f)
{
	struct vs_frame *writable = (struct vs_frame *)(uintptr_t)f;

	(void)n;
	if (from == 0 && f->data[12] == 0x08 && f->data[13] == 0)
		writable->data[f->len - 1] ^= 1;
	return true;
}

static void wrong_checksum_is_dropped_unless_the_frame_is_trusted(void **state)
{
	struct net n;
	int fd;

	(void)state;
	net_pair(&n, 0);
	fd = ping_socket(&n, 0);
	n.look = spoil;
	n.border = true;
	ping(&n, 0, fd, "10.0.0.2", 56);
	net_run(&n, VS_SEC);
	assert_int_equal(counter(&n, 1, "IcmpInCsumErrors"), 1);
	n.border = false;
	ping(&n, 0, fd, "10.0.0.2", 56);
	net_run(&n, 2 * VS_SEC);
	assert_int_equal(counter(&n, 1, "IcmpInEchos"), 1);
	net_fini(&n);
}

/* A frame as a stranger with MAC 02:ff:ff:ff:ff:ff would send it to host 0. */
static void inject(struct net *n, uint16_t type, const uint8_t *packet, size_t len)
{
	struct vs_frame *f = vs_frame_from(n->pool, packet, len);
	struct wire_eth eth = {.dst = {2, 0, 0, 0, 0, 1}, .src = {2, 255, 255, 255, 255, 255}};

	eth.type = type;
	wire_eth_emit(vs_frame_push(f, WIRE_ETH_LEN), &eth);
	stk_input(n->host[0], n->now, 1, f);
}

static size_t icmp6_packet(uint8_t *packet, const struct wire_ip *ip, const uint8_t *message)
{
	wire_ip_emit(packet, ip);
	memcpy(packet + WIRE_IP6_LEN, message, ip->payload_len);
	wire_put16(packet + WIRE_IP6_LEN + 2, 0);
	wire_put16(packet + WIRE_IP6_LEN + 2,
		   wire_cksum_fold(wire_cksum_add(
			   wire_cksum_pseudo(&ip->src, &ip->dst, WIRE_PROTO_ICMP6, ip->payload_len),
			   packet + WIRE_IP6_LEN, ip->payload_len)));
	return WIRE_IP6_LEN + ip->payload_len;
}

static void redirects_change_nothing(void **state)
{
	struct wire_ip ip = {.version = 6,
			     .hop_limit = 255,
			     .protocol = WIRE_PROTO_ICMP6,
			     .src = address("fe80::99"),
			     .dst = address("2001:db8::1")};
	struct wire_nd nd = {.type = WIRE_ICMP6_REDIRECT,
			     .target = address("fe80::99"),
			     .destination = address("2001:db8::2")};
	uint8_t message[512], packet[600];
	struct ip_path before, after;
	struct wire_addr dst = address("2001:db8::2");
	struct net n;

	(void)state;
	net_pair(&n, 0);
	assert_int_equal(ip_path_find(n.host[0], &dst, &wire_addr_any6, 0, &before), 0);
	ip.payload_len = (uint32_t)wire_nd_emit(message, &nd);
	inject(&n, WIRE_TYPE_IP6, packet, icmp6_packet(packet, &ip, message));
	assert_int_equal(counter(&n, 0, "IcmpInRedirects"), 1);
	/* Not from the link: it is not even looked at. */
	ip.hop_limit = 254;
	inject(&n, WIRE_TYPE_IP6, packet, icmp6_packet(packet, &ip, message));
	assert_int_equal(counter(&n, 0, "IcmpInRedirects"), 1);
	assert_int_equal(counter(&n, 0, "NdInErrors"), 1);
	assert_int_equal(ip_path_find(n.host[0], &dst, &wire_addr_any6, 0, &after), 0);
	assert_memory_equal(&before, &after, sizeof(before));
	net_fini(&n);
}

static void bad_input_is_counted_by_its_reason(void **state)
{
	uint8_t packet[64] = {0x45, 0, 0, 28, 0, 0, 0, 0, 64, 1, 0, 0, 10, 0, 0, 9, 10, 0, 0, 1, 8};
	struct net n;

	(void)state;
	net_pair(&n, 0);
	inject(&n, WIRE_TYPE_IP4, packet, 28); /* no header checksum */
	assert_int_equal(counter(&n, 0, "IpInHdrErrors"), 1);
	inject(&n, WIRE_TYPE_IP4, packet, 10); /* cut */
	assert_int_equal(counter(&n, 0, "IpInHdrErrors"), 2);
	inject(&n, WIRE_TYPE_IP6, packet, 28); /* another version than the frame says */
	assert_int_equal(counter(&n, 0, "IpInHdrErrors"), 3);
	wire_put16(packet + 10, wire_cksum_fold(wire_cksum_add(0, packet, 20)));
	inject(&n, WIRE_TYPE_IP4, packet, 28);
	assert_int_equal(counter(&n, 0, "IcmpInCsumErrors"), 1);
	inject(&n, 0x1234, packet, 28);
	assert_int_equal(counter(&n, 0, "EthInUnknownType"), 1);
	packet[12] = 224; /* a multicast source */
	wire_put16(packet + 10, 0);
	wire_put16(packet + 10, wire_cksum_fold(wire_cksum_add(0, packet, 20)));
	inject(&n, WIRE_TYPE_IP4, packet, 28);
	assert_int_equal(counter(&n, 0, "IpInAddrErrors"), 1);
	inject(&n, WIRE_TYPE_ARP, packet, 28);
	assert_int_equal(counter(&n, 0, "ArpInErrors"), 1);
	net_fini(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(echo_is_answered_in_both_families_and_all_sizes),
		cmocka_unit_test(host_answers_itself_over_loopback),
		cmocka_unit_test(wrong_checksum_is_dropped_unless_the_frame_is_trusted),
		cmocka_unit_test(redirects_change_nothing),
		cmocka_unit_test(bad_input_is_counted_by_its_reason),
	};

	return cmocka_run_group_tests_name("icmp", tests, NULL, NULL);
}
