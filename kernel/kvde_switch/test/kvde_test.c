/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The switch in the kernel: it learns, ages, keeps VLANs apart, controls access, and answers the
 * management commands of vde_switch.  The Virtual Square book, chapter 4 and 6.4. */
#include <net/if.h>
#include <stdarg.h>

#include "kernel/test/ipn_net.h"
#include "kernel/uapi/net/kvde_switch.h"

#define FRAME 60

static int keeper; /* a bound socket, for management */

static int kvde(void)
{
	return (int)CHECK_OK(socket(AF_IPN_STOLEN, SOCK_RAW, IPN_VDESWITCH));
}

static void network(void)
{
	keeper = kvde();
	CHECK_OK(ipn_set(keeper, IPN_SO_MSGPOOLSIZE, 64));
	CHECK_OK(ipn_bind(keeper, NET));
}

static int plug(int port)
{
	int s = kvde();

	CHECK_OK(ipn_set(s, IPN_SO_PORT, port));
	CHECK_OK(ipn_connect(s, NET));
	return s;
}

static char answer[65536];

/* Runs a command; its code, and its lines in answer. */
static int command(const char *format, ...)
{
	struct kvde_command c = { .text = (uintptr_t)answer, .text_len = sizeof(answer) - 1 };
	char line[200];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	c.line = (uintptr_t)line;
	c.line_len = strlen(line);
	CHECK_OK(ioctl(keeper, KVDE_COMMAND, &c));
	answer[c.text_len] = '\0';
	return c.code;
}

static void must(const char *line)
{
	int code = command("%s", line);

	if (code)
		printf("# %s: %s\n", line, strerror(code));
	CHECK_EQUAL(code, 0);
}

/* A frame from station FROM to station TO (0: all), untagged or of a VLAN. */
static size_t make(unsigned char *data, int to, int from, int vlan, int mark)
{
	unsigned char *at = data + 12;

	memset(data, mark, FRAME + 4);
	memset(data, to ? 0 : 0xff, 6);
	if (to)
		data[0] = 2, data[5] = to;
	memcpy(data + 6, "\2\0\0\0\0", 5);
	data[11] = from;
	if (vlan) {
		at[0] = 0x81, at[1] = 0, at[2] = vlan >> 8, at[3] = vlan;
		at += 4;
	}
	at[0] = 0x88, at[1] = 0xb5;
	return FRAME + (vlan ? 4 : 0);
}

static void put(int s, int to, int from, int vlan, int mark)
{
	unsigned char data[FRAME + 4];
	size_t len = make(data, to, from, vlan, mark);

	CHECK_EQUAL(CHECK_OK(send(s, data, len, 0)), len);
}

static void arrives(int s, int to, int from, int vlan, int mark)
{
	unsigned char data[FRAME + 4], back[2000];
	size_t len = make(data, to, from, vlan, mark);

	CHECK_EQUAL(CHECK_OK(recv(s, back, sizeof(back), MSG_DONTWAIT)), len);
	CHECK(memcmp(data, back, len) == 0);
}

static void stations_are_learnt_and_unknown_ones_flooded_to(void)
{
	int a, b, c;

	network();
	a = plug(1);
	b = plug(2);
	c = plug(3);
	put(a, 22, 11, 0, 1);
	arrives(b, 22, 11, 0, 1);
	arrives(c, 22, 11, 0, 1);
	put(b, 11, 22, 0, 2);		/* 11 is known by now */
	arrives(a, 11, 22, 0, 2);
	hears_nothing(c);
	put(a, 22, 11, 0, 3);
	arrives(b, 22, 11, 0, 3);
	hears_nothing(c);
	put(a, 0, 11, 0, 4);
	arrives(b, 0, 11, 0, 4);
	arrives(c, 0, 11, 0, 4);
	hears_nothing(a);
	must("hash/find 02:00:00:00:00:16");
	CHECK(strstr(answer, "Addr: 02:00:00:00:00:16 VLAN 0000 to port: 002"));
}

static void a_station_that_moves_is_found_where_it_is(void)
{
	int a, b, c;

	network();
	a = plug(1);
	b = plug(2);
	c = plug(3);
	must("hash/setminper 0");
	put(a, 0, 11, 0, 1);
	put(b, 0, 11, 0, 2);
	arrives(b, 0, 11, 0, 1);
	arrives(a, 0, 11, 0, 2);
	arrives(c, 0, 11, 0, 1);
	arrives(c, 0, 11, 0, 2);
	put(c, 11, 33, 0, 3);
	arrives(b, 11, 33, 0, 3);
	hears_nothing(a);
}

static void stations_are_forgotten_in_time(void)
{
	int a, b, c;

	network();
	must("hash/setexpire 1");
	must("hash/setgcint 1");
	must("hash/setminper 0");
	a = plug(1);
	b = plug(2);
	c = plug(3);
	put(a, 0, 11, 0, 1);
	arrives(b, 0, 11, 0, 1);
	arrives(c, 0, 11, 0, 1);
	must("hash/print");
	CHECK(strstr(answer, "02:00:00:00:00:0b"));
	usleep(2500000);
	must("hash/print");
	CHECK(!strstr(answer, "02:00:00:00:00:0b"));
	put(b, 11, 22, 0, 2);
	arrives(a, 11, 22, 0, 2);
	arrives(c, 11, 22, 0, 2);		/* it floods again */
}

static void vlans_are_kept_apart_and_tags_come_and_go(void)
{
	int a, b, trunk, other;

	network();
	a = plug(1);
	b = plug(2);
	trunk = plug(3);
	other = plug(4);
	must("vlan/create 10");
	must("port/setvlan 1 10");
	must("port/setvlan 2 10");
	must("vlan/addport 10 3");
	put(a, 0, 11, 0, 1);
	arrives(b, 0, 11, 0, 1);
	arrives(trunk, 0, 11, 10, 1);
	hears_nothing(other);
	put(trunk, 0, 33, 10, 2);
	arrives(a, 0, 33, 0, 2);
	arrives(b, 0, 33, 0, 2);
	hears_nothing(other);
	put(trunk, 0, 33, 20, 3);	/* no such VLAN */
	hears_nothing(a);
	hears_nothing(other);
	put(other, 0, 44, 10, 4);	/* not a member */
	hears_nothing(a);
	hears_nothing(trunk);
	put(trunk, 0, 33, 0, 5);	/* untagged: the default VLAN */
	arrives(other, 0, 33, 0, 5);
	hears_nothing(a);
	must("vlan/delport 10 3");
	put(a, 0, 11, 0, 6);
	arrives(b, 0, 11, 0, 6);
	hears_nothing(trunk);
}

static void a_hub_repeats_everything(void)
{
	int a, b, c;

	network();
	a = plug(1);
	b = plug(2);
	c = plug(3);
	must("port/sethub 1");
	put(a, 0, 11, 0, 1);
	put(b, 11, 22, 0, 2);
	arrives(c, 0, 11, 0, 1);
	arrives(c, 11, 22, 0, 2);
	arrives(a, 11, 22, 0, 2);
}

static void a_mirror_sees_what_a_port_says(void)
{
	int a, b, spy;

	network();
	a = plug(1);
	b = plug(2);
	spy = plug(3);
	put(a, 0, 11, 0, 1);
	put(b, 0, 22, 0, 1);
	arrives(spy, 0, 11, 0, 1);
	arrives(spy, 0, 22, 0, 1);
	must("port/mirror 1 3 both");
	put(a, 22, 11, 0, 2);
	arrives(spy, 22, 11, 0, 2);
	put(b, 11, 22, 0, 3);
	arrives(spy, 11, 22, 0, 3);
}

static void commands_fail_as_those_of_vde_switch(void)
{
	network();
	CHECK_EQUAL(command("port/print 99"), EINVAL);
	CHECK_EQUAL(command("vlan/create 0"), EINVAL);
	CHECK_EQUAL(command("no/such"), ENOSYS);
	must("vlan/create 7");
	CHECK_EQUAL(command("vlan/create 7"), EEXIST);
	must("port/showinfo");
	CHECK(strstr(answer, "Numports=32\n"));
	must("hash/showinfo -j");
	CHECK(answer[0] == '{' && strstr(answer, "128"));
	must("");
}

static void only_who_manages_commands_and_arguments_are_checked(void)
{
	struct kvde_command c = { 0 };
	char line[] = "port/print", text[10];
	int s;

	network();
	s = plug(1);
	CHECK_ERRNO(ioctl(s, KVDE_COMMAND, &c), EPERM);
	CHECK_ERRNO(ioctl(keeper, KVDE_COMMAND, NULL), EFAULT);
	CHECK_ERRNO(ioctl(keeper, 4444, 1), ENOTTY);
	c = (struct kvde_command){ .line = 1, .line_len = 10 };
	CHECK_ERRNO(ioctl(keeper, KVDE_COMMAND, &c), EFAULT);
	c.line_len = 1024;
	CHECK_ERRNO(ioctl(keeper, KVDE_COMMAND, &c), EINVAL);
	c = (struct kvde_command){ .line = (uintptr_t)line, .line_len = 10, .text_len = 1U << 31 };
	CHECK_ERRNO(ioctl(keeper, KVDE_COMMAND, &c), EINVAL);
	c = (struct kvde_command){ .line = (uintptr_t)line, .line_len = 10,
				   .text = (uintptr_t)text, .text_len = sizeof(text) };
	CHECK_OK(ioctl(keeper, KVDE_COMMAND, &c));
	CHECK_EQUAL(c.text_len, sizeof(text));
	CHECK_EQUAL(c.cut, 1);
}

static void ports_are_given_and_controlled(void)
{
	int a, b, c;

	network();
	a = kvde();
	CHECK_OK(ipn_connect(a, NET));
	CHECK_EQUAL(ipn_get(a, IPN_SO_PORT), 1);
	b = kvde();
	CHECK_OK(ipn_set(b, IPN_SO_PORT, 1));
	CHECK_ERRNO(ipn_connect(b, NET), EADDRINUSE);
	CHECK_OK(ipn_set(b, IPN_SO_PORT, 0));	/* the management's own */
	CHECK_ERRNO(ipn_connect(b, NET), ENXIO);
	must("port/create 5");
	must("port/setuser 5 1000");
	must("port/allocatable 5 1");
	c = fork();
	if (c == 0) {
		CHECK_OK(setgid(1001));
		CHECK_OK(setuid(1001));
		b = kvde();
		CHECK_OK(ipn_set(b, IPN_SO_PORT, 5));
		CHECK_ERRNO(ipn_connect(b, NET), EACCES);
		_exit(0);
	}
	CHECK_OK(waitpid(c, &a, 0));
	CHECK_EQUAL(a, 0);
}

static void a_closed_endpoint_reads_an_end(void)
{
	int a, b;
	char data[10];

	network();
	a = plug(1);
	b = plug(2);
	must("port/print 1");
	CHECK_EQUAL(command("port/epclose 1 0"), 0);
	CHECK_EQUAL(recv(a, data, sizeof(data), 0), 0);
	CHECK_ERRNO(send(a, "x", 1, MSG_NOSIGNAL), EPIPE);
	put(b, 0, 22, 0, 1);
	close(a);
	a = plug(1);
	put(b, 0, 22, 0, 2);
	arrives(a, 0, 22, 0, 2);
}

static void the_number_of_ports_changes(void)
{
	int a, b;

	network();
	a = plug(1);
	CHECK_OK(ipn_set(keeper, IPN_SO_CHANGE_NUMNODES, 300));
	must("port/showinfo");
	CHECK(strstr(answer, "Numports=300\n"));
	b = plug(299);
	put(a, 0, 11, 0, 1);
	arrives(b, 0, 11, 0, 1);
	CHECK_ERRNO(ipn_set(keeper, IPN_SO_CHANGE_NUMNODES, 200), EBUSY);
	close(b);
	CHECK_ERRNO(ipn_set(keeper, IPN_SO_CHANGE_NUMNODES, 200), EADDRINUSE);
	must("port/remove 299");	/* a port stays until it is removed */
	CHECK_OK(ipn_set(keeper, IPN_SO_CHANGE_NUMNODES, 200));
	put(a, 0, 11, 0, 2);
}

static void a_flood_reaches_two_hundred_ports(void)
{
	int sockets[200];

	keeper = kvde();
	CHECK_OK(ipn_set(keeper, IPN_SO_NUMNODES, 201));
	CHECK_OK(ipn_bind(keeper, NET));
	for (int i = 0; i < 200; i++) {
		sockets[i] = kvde();
		CHECK_OK(ipn_connect(sockets[i], NET));
	}
	put(sockets[0], 0, 1, 0, 9);
	for (int i = 1; i < 200; i++)
		arrives(sockets[i], 0, 1, 0, 9);
}

static void runts_and_rubbish_are_counted_drops(void)
{
	int a, b;

	network();
	a = plug(1);
	b = plug(2);
	CHECK_EQUAL(send(a, "short", 5, 0), 5);
	CHECK_EQUAL(send(a, "", 0, 0), 0);
	hears_nothing(b);
	put(a, 0, 11, 0, 1);
	arrives(b, 0, 11, 0, 1);
}

static void a_tap_is_a_port_of_the_switch(void)
{
	struct ifreq ifr = { .ifr_name = "kv0", .ifr_flags = IPN_NODEFLAG_TAP };
	int t, a;

	network();
	t = kvde();
	CHECK_OK(ipn_bind(t, NET));
	CHECK_OK(ioctl(t, IPN_CONN_NETDEV, &ifr));
	a = plug(5);
	put(a, 0, 11, 0, 1);
	must("port/print");
	CHECK(strstr(answer, "tap"));
	close(t);
}

static void talkers_on_all_processors_at_once_lose_nothing_they_should_hear(void)
{
	int sockets[6], status;

	network();
	for (int i = 0; i < 6; i++)
		sockets[i] = plug(i + 1);
	for (int i = 0; i < 6; i++)
		put(sockets[i], 0, i + 1, 0, 1);
	for (int i = 0; i < 6; i++)
		for (int n = 0; n < 5; n++) {
			char data[100];

			CHECK_OK(recv(sockets[i], data, sizeof(data), MSG_DONTWAIT));
		}
	/* Each sends to the next, who answers; all at once, and VLANs come and go meanwhile. */
	for (int i = 0; i < 6; i++)
		if (fork() == 0) {
			char data[100];

			for (int n = 0; n < 500; n++) {
				put(sockets[i], (i + 1) % 6 + 1, i + 1, 0, n);
				CHECK_EQUAL(recv(sockets[i], data, sizeof(data), 0), FRAME);
				CHECK_EQUAL((unsigned char)data[FRAME - 1], n & 0xff);
			}
			_exit(0);
		}
	for (int n = 0; n < 50; n++) {
		CHECK_EQUAL(command("vlan/create %d", 100 + n), 0);
		must("port/print");
		CHECK_EQUAL(command("vlan/remove %d", 100 + n), 0);
	}
	while (wait(&status) > 0)
		CHECK_EQUAL(status, 0);
}

int main(int argc, char **argv)
{
	static const struct ktap_case cases[] = {
		KTAP_CASE(stations_are_learnt_and_unknown_ones_flooded_to),
		KTAP_CASE(a_station_that_moves_is_found_where_it_is),
		KTAP_CASE(stations_are_forgotten_in_time),
		KTAP_CASE(vlans_are_kept_apart_and_tags_come_and_go),
		KTAP_CASE(a_hub_repeats_everything),
		KTAP_CASE(a_mirror_sees_what_a_port_says),
		KTAP_CASE(commands_fail_as_those_of_vde_switch),
		KTAP_CASE(only_who_manages_commands_and_arguments_are_checked),
		KTAP_CASE(ports_are_given_and_controlled),
		KTAP_CASE(a_closed_endpoint_reads_an_end),
		KTAP_CASE(the_number_of_ports_changes),
		KTAP_CASE(a_flood_reaches_two_hundred_ports),
		KTAP_CASE(runts_and_rubbish_are_counted_drops),
		KTAP_CASE(a_tap_is_a_port_of_the_switch),
		KTAP_CASE(talkers_on_all_processors_at_once_lose_nothing_they_should_hear),
	};

	ktap_before = clean_names;
	return ktap_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]));
}
