/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reassembly, against every order, overlaps, gaps and time, in virtual time. */
#include "stack/no_tcp_for_test.h"
#include "stack/wire_for_test.h"

#define PAYLOAD 4000
#define PIECES_MAX 64 /* datagrams: net.ipv4.ipfrag_high_thresh over 64 KB */

static uint8_t datagram[WIRE_UDP_LEN + PAYLOAD];

/* A datagram for port 9 whose checksum nobody looks at: its fragments are trusted. */
static void datagram_make(void)
{
	struct wire_udp udp = {5, 9, sizeof(datagram), 1};

	wire_udp_emit(datagram, &udp);
	for (unsigned i = 0; i < PAYLOAD; i++)
		datagram[WIRE_UDP_LEN + i] = (uint8_t)(i * 13 + i / 256);
}

struct piece {
	unsigned from, to; /* bytes of the datagram */
	bool more;
	uint8_t xor ; /* spoils the bytes */
	uint8_t ecn;
};

static const char *sender; /* NULL: host 1 */

static void send_piece(struct net *n, unsigned version, uint32_t id, struct piece p)
{
	struct wire_ip ip = {
		.version = (uint8_t)version,
		.hop_limit = 64,
		.tclass = p.ecn,
		.protocol = WIRE_PROTO_UDP,
		.payload_len = p.to - p.from,
		.fragment_offset = (uint16_t)p.from,
		.more_fragments = p.more,
		.id = id,
		.src = address(sender	      ? sender
			       : version == 4 ? "10.0.0.2"
					      : "2001:db8::2"),
		.dst = address(version == 4 ? "10.0.0.1" : "2001:db8::1"),
	};
	struct wire_eth eth = {.dst = {2, 0, 0, 0, 0, 1}, .src = {2, 0, 0, 0, 1, 1}};
	size_t header = version == 4 ? WIRE_IP4_LEN : WIRE_IP6_LEN + WIRE_FRAGMENT_LEN;
	struct vs_frame *f = vs_frame_from(n->pool, datagram + p.from, p.to - p.from);

	for (unsigned i = 0; i < f->len; i++)
		f->data[i] ^= p.xor ;
	f->flags |= VS_FRAME_TRUSTED;
	wire_ip_emit(vs_frame_push(f, header), &ip);
	eth.type = version == 4 ? WIRE_TYPE_IP4 : WIRE_TYPE_IP6;
	wire_eth_emit(vs_frame_push(f, WIRE_ETH_LEN), &eth);
	stk_input(n->host[0], n->now, 1, f);
}

static int begin(struct net *n)
{
	struct stk_addr any = at("::", 9);
	int fd;

	net_pair(n, 0);
	datagram_make();
	fd = stk_socket(n->host[0], STK_DGRAM);
	assert_int_equal(stk_bind(n->host[0], fd, &any), 0);
	return fd;
}

/* Whether the whole datagram came, unchanged. */
static bool came(struct net *n, int fd)
{
	static uint8_t got[65536];
	ptrdiff_t len = stk_recv(n->host[0], n->now, fd, got, sizeof(got), 0, NULL);

	if (len == -EAGAIN)
		return false;
	assert_int_equal(len, PAYLOAD);
	assert_memory_equal(got, datagram + WIRE_UDP_LEN, PAYLOAD);
	return true;
}

static void pieces_come_in_any_order(void **state)
{
	static const unsigned cut[] = {0, 1000, 1008, 2400, 3200, WIRE_UDP_LEN + PAYLOAD};
	struct net n;
	int fd;
	uint32_t id = 0;

	(void)state;
	fd = begin(&n);
	/* All 120 orders of 5 pieces, by the factorial number system. */
	for (unsigned version = 4; version <= 6; version += 2) {
		for (unsigned order = 0; order < 120; order++) {
			unsigned left[5] = {0, 1, 2, 3, 4}, rest = order;

			id++;
			for (unsigned k = 5; k > 0; k--) {
				unsigned pick = rest % k, i = left[pick];

				rest /= k;
				memmove(left + pick, left + pick + 1,
					(k - 1 - pick) * sizeof(*left));
				assert_false(came(&n, fd));
				send_piece(&n, version, id,
					   (struct piece){cut[i], cut[i + 1], i < 4, 0, 0});
			}
			assert_true(came(&n, fd));
		}
	}
	assert_int_equal(counter(&n, 0, "IpReasmOKs"), 240);
	assert_int_equal(vs_pool_stats(n.pool).frames_out, 0);
	net_fini(&n);
}

static void duplicates_are_ignored_and_overlaps_kill(void **state)
{
	struct net n;
	int fd;

	(void)state;
	fd = begin(&n);
	for (unsigned version = 4; version <= 6; version += 2) {
		uint64_t overlaps = counter(&n, 0, "IpReasmOverlaps");

		/* The same bytes again, and a part of them: nothing happens. */
		send_piece(&n, version, 1, (struct piece){0, 2000, true, 0, 0});
		send_piece(&n, version, 1, (struct piece){0, 2000, true, 0, 0});
		send_piece(&n, version, 1, (struct piece){800, 1600, true, 0, 0});
		send_piece(&n, version, 1, (struct piece){2000, 4008, false, 0, 0});
		assert_true(came(&n, fd));
		/* Other bytes for a place that is filled; */
		send_piece(&n, version, 2, (struct piece){0, 2000, true, 0, 0});
		send_piece(&n, version, 2, (struct piece){800, 1600, true, 1, 0});
		assert_int_equal(counter(&n, 0, "IpReasmOverlaps"), ++overlaps);
		send_piece(&n, version, 2, (struct piece){2000, 4008, false, 0, 0});
		assert_false(came(&n, fd));
		/* bytes across the edge of a hole; */
		send_piece(&n, version, 3, (struct piece){0, 2000, true, 0, 0});
		send_piece(&n, version, 3, (struct piece){1992, 4008, false, 0, 0});
		assert_int_equal(counter(&n, 0, "IpReasmOverlaps"), ++overlaps);
		/* two ends; bytes beyond the end; an end before bytes that came. */
		send_piece(&n, version, 4, (struct piece){2000, 4008, false, 0, 0});
		send_piece(&n, version, 4, (struct piece){2000, 4000, false, 0, 0});
		assert_int_equal(counter(&n, 0, "IpReasmOverlaps"), ++overlaps);
		send_piece(&n, version, 5, (struct piece){1000, 2000, false, 0, 0});
		send_piece(&n, version, 5, (struct piece){2000, 3000, true, 0, 0});
		assert_int_equal(counter(&n, 0, "IpReasmOverlaps"), ++overlaps);
		send_piece(&n, version, 6, (struct piece){2000, 3000, true, 0, 0});
		send_piece(&n, version, 6, (struct piece){1000, 1900, false, 0, 0});
		assert_int_equal(counter(&n, 0, "IpReasmOverlaps"), ++overlaps);
		assert_false(came(&n, fd));
	}
	net_fini(&n);
}

static bool see_time_exceeded(struct net *n, int from, const struct vs_frame *f)
{
	unsigned *seen = n->look_ctx;

	if (from == 0 && wire_get16(f->data + 12) == WIRE_TYPE_IP4 && f->data[23] == 1 &&
	    f->data[34] == WIRE_ICMP4_TIME_EXCEEDED && f->data[35] == 1)
		++*seen;
	if (from == 0 && wire_get16(f->data + 12) == WIRE_TYPE_IP6 && f->data[20] == 58 &&
	    f->data[54] == WIRE_ICMP6_TIME_EXCEEDED && f->data[55] == 1)
		++*seen;
	return true;
}

static void what_stays_incomplete_ends_at_its_time(void **state)
{
	unsigned seen = 0;
	struct net n;
	int fd;

	(void)state;
	fd = begin(&n);
	n.look = see_time_exceeded;
	n.look_ctx = &seen;
	send_piece(&n, 4, 1, (struct piece){0, 2000, true, 0, 0});
	send_piece(&n, 4, 2, (struct piece){2000, 4008, false, 0, 0});
	send_piece(&n, 6, 1, (struct piece){0, 2000, true, 0, 0});
	send_piece(&n, 6, 2, (struct piece){2000, 4008, false, 0, 0});
	net_run(&n, 30 * VS_SEC - 1);
	assert_int_equal(counter(&n, 0, "IpReasmTimeout"), 0);
	net_run(&n, 30 * VS_SEC);
	assert_int_equal(counter(&n, 0, "IpReasmTimeout"), 2);
	net_run(&n, 60 * VS_SEC);
	assert_int_equal(counter(&n, 0, "IpReasmTimeout"), 4);
	/* Who sent a first fragment is told; of the others nobody knows what they were. */
	assert_int_equal(seen, 2);
	send_piece(&n, 4, 1, (struct piece){2000, 4008, false, 0, 0});
	assert_false(came(&n, fd));
	net_fini(&n);
}

static void memory_for_pieces_is_bounded(void **state)
{
	struct net n;
	int fd;

	(void)state;
	fd = begin(&n);
	for (uint32_t id = 1; id <= 200; id++) {
		send_piece(&n, 4, id, (struct piece){0, 2000, true, 0, 0});
		assert_true(vs_pool_stats(n.pool).frames_out <= PIECES_MAX + 1);
	}
	assert_int_equal(counter(&n, 0, "IpReasmFails"), 200 - PIECES_MAX);
	/* The newest are the ones that were kept. */
	send_piece(&n, 4, 200, (struct piece){2000, 4008, false, 0, 0});
	assert_true(came(&n, fd));
	send_piece(&n, 4, 200 - PIECES_MAX, (struct piece){2000, 4008, false, 0, 0});
	assert_false(came(&n, fd));
	net_fini(&n);
}

/* A source that fills the memory with beginnings loses its own, not those of others. */
static void nobody_pushes_out_the_pieces_of_others(void **state)
{
	struct net n;
	int fd;

	(void)state;
	for (unsigned version = 4; version <= 6; version += 2) {
		fd = begin(&n);
		send_piece(&n, version, 1, (struct piece){0, 2000, true, 0, 0});
		sender = version == 4 ? "10.0.0.66" : "2001:db8::66";
		for (uint32_t id = 1; id <= 500; id++)
			send_piece(&n, version, id, (struct piece){0, 2000, true, 0, 0});
		sender = NULL;
		send_piece(&n, version, 1, (struct piece){2000, 4008, false, 0, 0});
		assert_true(came(&n, fd));
		/* The other family has its own memory. */
		send_piece(&n, 10 - version, 1, (struct piece){0, 2000, true, 0, 0});
		send_piece(&n, 10 - version, 1, (struct piece){2000, 4008, false, 0, 0});
		assert_true(came(&n, fd));
		net_fini(&n);
	}
	/* As little as is allowed. */
	fd = begin(&n);
	assert_int_equal(stk_set(n.host[0], 0, "net.ipv4.ipfrag_high_thresh", "65536"), 0);
	send_piece(&n, 4, 1, (struct piece){0, 2000, true, 0, 0});
	send_piece(&n, 4, 2, (struct piece){0, 2000, true, 0, 0});
	assert_int_equal(vs_pool_stats(n.pool).frames_out, 1);
	assert_int_equal(stk_set(n.host[0], 0, "net.ipv4.ipfrag_high_thresh", "0"), 0);
	send_piece(&n, 4, 3, (struct piece){0, 2000, true, 0, 0});
	send_piece(&n, 4, 3, (struct piece){2000, 4008, false, 0, 0});
	assert_false(came(&n, fd));
	net_fini(&n);
}

static void impossible_lengths_are_refused(void **state)
{
	struct net n;
	int fd;

	(void)state;
	fd = begin(&n);
	for (unsigned version = 4; version <= 6; version += 2) {
		send_piece(&n, version, 1, (struct piece){0, 1001, true, 0, 0});
		send_piece(&n, version, 2, (struct piece){8, 8, true, 0, 0});
	}
	assert_int_equal(counter(&n, 0, "IpReasmFails"), 4);
	assert_int_equal(vs_pool_stats(n.pool).frames_out, vs_queue_len(&n.host[0]->output) + 1);
	assert_false(came(&n, fd));
	net_fini(&n);
}

static void congestion_mark_of_one_piece_marks_the_whole(void **state)
{
	struct stk_addr any = at("::", 10);
	struct net n;
	int fd;

	(void)state;
	fd = begin(&n);
	assert_int_equal(stk_bind(n.host[0], stk_socket(n.host[0], STK_DGRAM), &any), 0);
	/* Not seen by a UDP socket, but CE among pieces that cannot carry it is a fault. */
	send_piece(&n, 4, 1, (struct piece){0, 2000, true, 0, WIRE_ECN_CE});
	send_piece(&n, 4, 1, (struct piece){2000, 4008, false, 0, WIRE_ECN_ECT0});
	assert_true(came(&n, fd));
	send_piece(&n, 4, 2, (struct piece){0, 2000, true, 0, WIRE_ECN_CE});
	send_piece(&n, 4, 2, (struct piece){2000, 4008, false, 0, WIRE_ECN_NOT});
	assert_false(came(&n, fd));
	net_fini(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_come_in_any_order),
		cmocka_unit_test(duplicates_are_ignored_and_overlaps_kill),
		cmocka_unit_test(what_stays_incomplete_ends_at_its_time),
		cmocka_unit_test(memory_for_pieces_is_bounded),
		cmocka_unit_test(nobody_pushes_out_the_pieces_of_others),
		cmocka_unit_test(impossible_lengths_are_refused),
		cmocka_unit_test(congestion_mark_of_one_piece_marks_the_whole),
	};

	return cmocka_run_group_tests_name("ip_reasm", tests, NULL, NULL);
}
