/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The policy for MPEG transport streams.  The Virtual Square book, 6.5. */
#include "kernel/test/ipn_net.h"

#define PACKET 188

static int ts(bool manage)
{
	int s = (int)CHECK_OK(socket(AF_IPN_STOLEN, SOCK_RAW, IPN_MPEGTS));

	if (manage)
		CHECK_OK(ipn_bind(s, NET));
	CHECK_OK(ipn_connect(s, NET));
	return s;
}

static void feed(int s, int pid)
{
	unsigned char data[PACKET] = { 0x47, 0x40 | pid >> 8, pid, 0x10 };

	CHECK_EQUAL(send(s, data, sizeof(data), 0), sizeof(data));
}

/* The PID of the next packet, or -1. */
static int heard(int s)
{
	unsigned char data[PACKET];

	if (recv(s, data, sizeof(data), MSG_DONTWAIT) != PACKET)
		return -1;
	return (data[1] << 8 | data[2]) & 0x1fff;
}

static void each_gets_the_two_streams_that_it_asked_for(void)
{
	int feeder = ts(true), film = ts(false), news = ts(false), all = ts(false);

	CHECK_OK(ioctl(film, 4444, 101 << 16 | 102));
	CHECK_OK(ioctl(news, 4444, 201 << 16 | 102));
	CHECK_OK(ioctl(all, 4444, 8192 << 16));
	feed(feeder, 101);
	feed(feeder, 102);
	feed(feeder, 201);
	feed(feeder, 8000);
	CHECK_EQUAL(heard(film), 101);
	CHECK_EQUAL(heard(film), 102);
	CHECK_EQUAL(heard(film), -1);
	CHECK_EQUAL(heard(news), 102);
	CHECK_EQUAL(heard(news), 201);
	CHECK_EQUAL(heard(news), -1);
	CHECK_EQUAL(heard(all), 101);
	CHECK_EQUAL(heard(all), 102);
	CHECK_EQUAL(heard(all), 201);
	CHECK_EQUAL(heard(all), 8000);
	CHECK_EQUAL(heard(feeder), -1);
}

static void who_changes_programs_gets_the_new_one(void)
{
	int feeder = ts(true), s = ts(false);

	feed(feeder, 0);
	CHECK_EQUAL(heard(s), 0);	/* before it asks: the list of programs */
	CHECK_OK(ioctl(s, 4444, 7 << 16 | 8));
	feed(feeder, 7);
	CHECK_OK(ioctl(s, 4444, 9 << 16 | 8191));
	feed(feeder, 7);
	feed(feeder, 9);
	feed(feeder, 8191);
	CHECK_EQUAL(heard(s), 7);
	CHECK_EQUAL(heard(s), 9);
	CHECK_EQUAL(heard(s), 8191);
	CHECK_ERRNO(ioctl(s, 4445, 1), EOPNOTSUPP);
}

static void what_is_no_packet_goes_nowhere(void)
{
	int feeder = ts(true), s = ts(false);

	CHECK_OK(ioctl(s, 4444, 8192 << 16));
	say(feeder, "no packet");
	say(feeder, "G");	/* the mark, and nothing after it */
	hears_nothing(s);
}

static void policies_do_not_mix(void)
{
	int feeder = ts(true), s = ipn_socket();

	CHECK_ERRNO(ipn_connect(s, NET), EPROTOTYPE);
	CHECK_ERRNO(ipn_bind(s, NET), EPROTOTYPE);
	close(feeder);
	CHECK_OK(ipn_bind(s, NET));	/* the network is gone: its name makes another */
}

int main(int argc, char **argv)
{
	static const struct ktap_case cases[] = {
		KTAP_CASE(each_gets_the_two_streams_that_it_asked_for),
		KTAP_CASE(who_changes_programs_gets_the_new_one),
		KTAP_CASE(what_is_no_packet_goes_nowhere),
		KTAP_CASE(policies_do_not_mix),
	};

	ktap_before = clean_names;
	return ktap_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]));
}
