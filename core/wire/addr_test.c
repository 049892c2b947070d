/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/wire/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "core/base/prng.h"

static struct wire_addr parse(const char *text)
{
	struct wire_addr a;

	assert_int_equal(wire_addr_parse(text, &a), 0);
	return a;
}

static void ipv4_is_mapped_inside_and_dotted_outside(void **state)
{
	static const uint8_t mapped[16] = {[10] = 0xff, 0xff, 10, 0, 0, 1};
	struct wire_addr a = parse("10.0.0.1"), b = parse("::ffff:10.0.0.1");
	char text[WIRE_ADDR_TEXT];

	(void)state;
	assert_memory_equal(a.b, mapped, 16);
	assert_true(wire_addr_equal(&a, &b));
	assert_true(wire_addr_is4(&a));
	assert_string_equal(wire_addr_format(&a, text), "10.0.0.1");
}

static void text_follows_rfc_5952(void **state)
{
	static const char *const pair[][2] = {
		{"2001:0db8::0001", "2001:db8::1"},
		{"2001:db8:0:0:0:0:2:1", "2001:db8::2:1"},
		{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"}, /* one group is not shortened */
		{"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},	   /* the longest run */
		{"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},	   /* the first of equals */
		{"2001:DB8::ABCD", "2001:db8::abcd"},
		{"::", "::"},
		{"::1", "::1"},
		{"1::", "1::"},
		{"0:0:0:0:0:0:0:1", "::1"},
		{"fe80::", "fe80::"},
		{"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
		{"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
		{"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"},
		{"::ffff:0:0", "0.0.0.0"},
	};
	char text[WIRE_ADDR_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(pair) / sizeof(pair[0]); i++) {
		struct wire_addr a = parse(pair[i][0]);

		assert_string_equal(wire_addr_format(&a, text), pair[i][1]);
	}
}

static void bad_text_is_refused(void **state)
{
	static const char *const bad[] = {
		"", ".", "1", "1.2.3", "1.2.3.", "1.2.3.4.", "1.2.3.256", "1.2.3.4.5", "01.2.3.4",
		"1.2.3.4 ", " 1.2.3.4", "1..3.4", "-1.2.3.4", "0x1.2.3.4", "1.2.3.1234567890123",
		":", ":::", "1:", ":1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:", "1:2:3:4:5:6:7:8:9",
		"1::2::3", "1:::2", "12345::", "g::", "1:2:3:4:5:6:7::8", "::1.2.3", "::1.2.3.4.5",
		"1:2:3:4:5:6:7:1.2.3.4", "::1.2.3.4:5", "1:2:3:4:5:6:7:8::", "::1%eth0",
	};
	struct wire_addr a;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(wire_addr_parse(bad[i], &a), -EINVAL);
	assert_int_equal(wire_addr_parse("1:2:3:4:5:6:7::", &a), 0);
	assert_int_equal(wire_addr_parse("::2:3:4:5:6:7:8", &a), 0);
}

/* Random text of the characters that addresses have: we and the C library agree on it. */
static void the_c_library_agrees(void **state)
{
	static const char alphabet[] = "0123456789abcdefABCDEF::::::....01";
	struct vs_prng p;
	int good = 0;

	(void)state;
	vs_prng_seed(&p, 1, "addr");
	for (int i = 0; i < 300000; i++) {
		char text[24];
		uint8_t theirs[16];
		struct wire_addr ours;
		size_t len = 1 + vs_prng_below(&p, 14);
		bool six = false;
		int got, expected;

		for (size_t k = 0; k < len; k++) {
			text[k] = alphabet[vs_prng_below(&p, sizeof(alphabet) - 1)];
			six |= text[k] == ':';
		}
		text[len] = '\0';
		got = wire_addr_parse(text, &ours);
		expected = inet_pton(six ? AF_INET6 : AF_INET, text, six ? theirs : theirs + 12);
		assert_int_equal(got == 0, expected == 1);
		if (got)
			continue;
		good++;
		assert_memory_equal(ours.b + (six ? 0 : 12), theirs + (six ? 0 : 12), six ? 16 : 4);
	}
	assert_true(good > 1000);
}

static void format_and_parse_are_inverse(void **state)
{
	struct vs_prng p;

	(void)state;
	vs_prng_seed(&p, 2, "addr");
	for (int i = 0; i < 20000; i++) {
		char text[WIRE_ADDR_TEXT];
		struct wire_addr a, b;

		for (int k = 0; k < 16; k++)
			a.b[k] = vs_prng_below(&p, 3) ? 0 : (uint8_t)vs_prng_next(&p);
		b = parse(wire_addr_format(&a, text));
		assert_true(wire_addr_equal(&a, &b));
		if (!wire_addr_is4(&a)) {
			assert_int_equal(inet_pton(AF_INET6, text, b.b), 1);
			assert_true(wire_addr_equal(&a, &b));
		}
	}
}

static void kinds_of_addresses(void **state)
{
	static const struct {
		const char *text;
		bool any, multicast, loopback, link_local;
	} sample[] = {
		{"::", true, false, false, false},	   {"0.0.0.0", true, false, false, false},
		{"::1", false, false, true, false},	   {"127.3.2.1", false, false, true, false},
		{"ff02::1", false, true, false, false},
		{"224.0.0.251", false, true, false, false},
		{"239.255.255.250", false, true, false, false},
		{"255.255.255.255", false, false, false, false},
		{"fe80::1", false, false, false, true},	   {"febf::1", false, false, false, true},
		{"fec0::1", false, false, false, false},
		{"169.254.1.1", false, false, false, true},
		{"10.0.0.1", false, false, false, false},
		{"2001:db8::1", false, false, false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(sample) / sizeof(sample[0]); i++) {
		struct wire_addr a = parse(sample[i].text);

		assert_int_equal(wire_addr_is_any(&a), sample[i].any);
		assert_int_equal(wire_addr_is_multicast(&a), sample[i].multicast);
		assert_int_equal(wire_addr_is_loopback(&a), sample[i].loopback);
		assert_int_equal(wire_addr_is_link_local(&a), sample[i].link_local);
	}
}

static void prefixes_are_compared_bit_by_bit(void **state)
{
	struct vs_prng p;

	(void)state;
	vs_prng_seed(&p, 3, "addr");
	for (int i = 0; i < 5000; i++) {
		struct wire_addr a, b;
		unsigned bit = (unsigned)vs_prng_below(&p, 128);

		for (int k = 0; k < 16; k++)
			a.b[k] = (uint8_t)vs_prng_next(&p);
		b = a;
		b.b[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
		for (unsigned bits = 0; bits <= 128; bits++)
			assert_int_equal(wire_addr_prefix_equal(&a, &b, bits), bits <= bit);
	}
}

static void prefixes_of_both_families_count_in_128(void **state)
{
	static const char *const bad[] = {"10.0.0.1/33", "10.0.0.1/", "10.0.0.1/ 8", "/8",
					  "::/129", "::/-1", "10.0.0.1/08", "10.0.0.1/8/8",
					  "10.0.0.1/99999999999999999999"};
	struct wire_addr a;
	unsigned bits;

	(void)state;
	assert_int_equal(wire_addr_parse_prefix("10.0.0.1/24", &a, &bits), 0);
	assert_int_equal(bits, 120);
	assert_int_equal(wire_addr_parse_prefix("0.0.0.0/0", &a, &bits), 0);
	assert_int_equal(bits, 96);
	assert_int_equal(wire_addr_parse_prefix("2001:db8::1/64", &a, &bits), 0);
	assert_int_equal(bits, 64);
	assert_int_equal(wire_addr_parse_prefix("10.0.0.1", &a, &bits), 0);
	assert_int_equal(bits, 128);
	assert_int_equal(wire_addr_parse_prefix("::1", &a, &bits), 0);
	assert_int_equal(bits, 128);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(wire_addr_parse_prefix(bad[i], &a, &bits), -EINVAL);
}

static void groups_have_their_ethernet_addresses(void **state)
{
	struct wire_addr a = parse("2001:db8::1234:5678:9abc"), group;
	char text[WIRE_ADDR_TEXT], mac_text[WIRE_MAC_TEXT];
	uint8_t mac[WIRE_MAC_LEN];

	(void)state;
	group = wire_addr_solicited_node(&a);
	assert_string_equal(wire_addr_format(&group, text), "ff02::1:ff78:9abc");
	wire_addr_multicast_mac(&group, mac);
	assert_string_equal(wire_mac_format(mac, mac_text), "33:33:ff:78:9a:bc");
	a = parse("239.255.1.2");
	wire_addr_multicast_mac(&a, mac);
	assert_string_equal(wire_mac_format(mac, mac_text), "01:00:5e:7f:01:02");
}

static void mac_addresses_are_read_strictly(void **state)
{
	static const char *const bad[] = {"", "1:2:3:4:5", "1:2:3:4:5:6:7", "1:2:3:4:5:6 ",
					  "001:2:3:4:5:6", "g:2:3:4:5:6", "1-2-3-4-5-6",
					  ":2:3:4:5:6"};
	static const uint8_t expected[] = {0, 0xa, 0xbc, 0xDE, 0xff, 1};
	uint8_t mac[WIRE_MAC_LEN];

	(void)state;
	assert_int_equal(wire_mac_parse("0:0a:bc:DE:ff:1", mac), 0);
	assert_memory_equal(mac, expected, sizeof(mac));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(wire_mac_parse(bad[i], mac), -EINVAL);
	assert_memory_equal(mac, expected, sizeof(mac));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipv4_is_mapped_inside_and_dotted_outside),
		cmocka_unit_test(text_follows_rfc_5952),
		cmocka_unit_test(bad_text_is_refused),
		cmocka_unit_test(the_c_library_agrees),
		cmocka_unit_test(format_and_parse_are_inverse),
		cmocka_unit_test(kinds_of_addresses),
		cmocka_unit_test(prefixes_are_compared_bit_by_bit),
		cmocka_unit_test(prefixes_of_both_families_count_in_128),
		cmocka_unit_test(groups_have_their_ethernet_addresses),
		cmocka_unit_test(mac_addresses_are_read_strictly),
	};

	return cmocka_run_group_tests_name("addr", tests, NULL, NULL);
}
