/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls with arguments that nobody should give, in orders that nobody should use, from several
 * processes at once: whatever they answer, the kernel has nothing to complain about after them.
 * The seed is printed; IPN_FUZZ_SEED repeats it. */
#include <net/if.h>
#include <sys/mman.h>
#include <time.h>

#include "kernel/test/ipn_net.h"

#define CALLS   3000
#define WORKERS 4
#define SOCKETS 6

static const unsigned long requests[] = {
	IPN_SETPERSIST_NETDEV, IPN_CLRPERSIST_NETDEV, IPN_CONN_NETDEV, IPN_JOIN_NETDEV,
	IPN_SETPERSIST, IPN_REGISTER_CHRDEV, IPN_UNREGISTER_CHRDEV, IPN_CHRDEV_PERSIST,
	IPN_JOIN_CHRDEV, 21531 /* FIONREAD */, 4444,
};
static const int options[] = {
	IPN_SO_PORT, IPN_SO_DESCR, IPN_SO_CHANGE_NUMNODES, IPN_SO_HANDLE_OOB,
	IPN_SO_WANT_OOB_NUMNODES, IPN_SO_MTU, IPN_SO_NUMNODES, IPN_SO_MSGPOOLSIZE, IPN_SO_FLAGS,
	IPN_SO_MODE, 5, 0x85, -1, 0x7fffffff,
};
static const char *const names[] = { "fz0", "fz1", "v0", "v1", "lo", "", "a/b", "fz%d" };
static const int numbers[] = { 0, 1, -1, 2, 8, 31, 32, 1514, 4096, 65536, 0x7fffffff, -0x7fffffff };
static unsigned int seed;

static unsigned int pick(unsigned int count)
{
	seed = seed * 1103515245u + 12345u;
	return (seed >> 16) % count;
}

#define ONE_OF(list) (list)[pick(sizeof(list) / sizeof((list)[0]))]

/* Memory that is sometimes none, sometimes ends too early. */
static void *somewhere(void *good, size_t size)
{
	static char *edge;

	if (!edge) {
		edge = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		munmap(edge + 4096, 4096);
	}
	switch (pick(12)) {
	case 0:
		return NULL;
	case 1:
		return (void *)0xffffffff81000000ul;
	case 2:
		return memcpy(edge + 4096 - size / 2, good, size / 2);
	}
	return good;
}

static void some_ioctl(int s)
{
	union {
		struct ifreq ifr;
		struct chrdevreq chrdev;
		unsigned char bytes[128];
	} arg;
	unsigned long request = ONE_OF(requests);

	for (size_t i = 0; i < sizeof(arg); i++)
		arg.bytes[i] = pick(4) ? 0 : pick(256);
	if (request == IPN_REGISTER_CHRDEV || request == IPN_JOIN_CHRDEV) {
		arg.chrdev.major = pick(3) ? 0 : ONE_OF(numbers);
		arg.chrdev.minor = pick(3) ? 0 : ONE_OF(numbers);
		arg.chrdev.count = pick(3) ? 2 : ONE_OF(numbers);
		strcpy(arg.chrdev.name, ONE_OF(names));
	} else {
		strcpy(arg.ifr.ifr_name, ONE_OF(names));
		if (pick(8))
			arg.ifr.ifr_flags = pick(2) ? IPN_NODEFLAG_TAP : IPN_NODEFLAG_GRAB;
	}
	if (request == IPN_SETPERSIST || request == IPN_CHRDEV_PERSIST)
		ioctl(s, request, (unsigned long)pick(2));
	else
		ioctl(s, request, somewhere(&arg, sizeof(arg)));
}

static void some_option(int s)
{
	unsigned char data[256] = { 0 };
	socklen_t len = pick(3) ? 4 : pick(300);
	int number = ONE_OF(numbers);

	memcpy(data, &number, sizeof(number));
	if (pick(2))
		setsockopt(s, pick(8) ? 0 : 1 + pick(300), ONE_OF(options), somewhere(data, 256),
			   len > 256 ? 256 : len);
	else
		getsockopt(s, 0, ONE_OF(options), somewhere(data, 256), &len);
}

static void some_message(int s)
{
	char data[3000];
	struct pollfd p = { .fd = s, .events = POLLIN | POLLOUT | POLLPRI };
	size_t len = pick(3) ? pick(100) : pick(sizeof(data));
	int flags = MSG_DONTWAIT | MSG_NOSIGNAL;

	flags |= (pick(9) ? 0 : MSG_OOB) | (pick(9) ? 0 : MSG_PEEK);
	memset(data, 0x47, len);
	if (pick(2))
		send(s, somewhere(data, sizeof(data)), len, flags);
	else
		recv(s, somewhere(data, sizeof(data)), len, flags);
	if (pick(8) == 0)
		poll(&p, 1, 0);
}

static void some_call(int *sockets, int policy)
{
	int *s = &sockets[pick(SOCKETS)];
	struct sockaddr_un sun = ipn_address(pick(2) ? NET : NET "2");
	struct ifreq ifr = { 0 };

	switch (pick(12)) {
	case 0:
		close(*s);
		*s = socket(AF_IPN_STOLEN, SOCK_RAW, pick(4) ? policy : (int)pick(34));
		break;
	case 1:
		bind(*s, (struct sockaddr *)&sun, pick(6) ? sizeof(sun) : pick(sizeof(sun)));
		break;
	case 2:
		connect(*s, pick(2) ? NULL : (struct sockaddr *)&sun, pick(2) ? 0 : sizeof(sun));
		break;
	case 3:
		if (pick(6) == 0)
			shutdown(*s, pick(4));
		break;
	case 4:
		unlink(pick(8) ? "/tmp/none" : NET);
		break;
	case 5:
		strcpy(ifr.ifr_name, pick(2) ? "fz0" : "fz1");
		ifr.ifr_flags = IFF_UP;
		ioctl(sockets[SOCKETS], SIOCSIFFLAGS, &ifr);
		break;
	case 6:
	case 7:
		some_ioctl(*s);
		break;
	case 8:
	case 9:
		some_option(*s);
		break;
	default:
		some_message(*s);
	}
}

static void work(int policy)
{
	int sockets[SOCKETS + 1];

	alarm(0);
	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < SOCKETS; i++)
		sockets[i] = socket(AF_IPN_STOLEN, SOCK_RAW, policy);
	sockets[SOCKETS] = socket(AF_INET, SOCK_DGRAM, 0);
	for (int i = 0; i < CALLS; i++)
		some_call(sockets, policy);
	_exit(0);
}

/* What persists goes: interfaces by index, devices by what sysfs knows of them. */
static void nothing_persists(void)
{
	struct chrdevreq what = { .count = 1 };
	FILE *list;

	for (int i = 1; i < 2000; i++) {
		struct ifreq ifr = { .ifr_ifindex = i };
		int s = ipn_socket();

		ioctl(s, IPN_CLRPERSIST_NETDEV, &ifr);
		close(s);
	}
	list = popen("cat /sys/class/ipn/*/dev 2>/dev/null", "r");
	while (fscanf(list, "%u:%u", &what.major, &what.minor) == 2) {
		int s = (int)CHECK_OK(socket(AF_IPN_STOLEN, SOCK_RAW, IPN_ANY));

		if (ioctl(s, IPN_JOIN_CHRDEV, &what) == 0)
			CHECK_OK(ioctl(s, IPN_CHRDEV_PERSIST, 0));
		close(s);
	}
	pclose(list);
	CHECK_EQUAL(system("test ! -s /proc/net/ipn || { cat /proc/net/ipn; false; }"), 0);
}

static void all_at_once(int policy)
{
	const char *given = getenv("IPN_FUZZ_SEED");
	unsigned int first = given ? (unsigned int)atol(given) : (unsigned int)time(NULL);
	int status;

	alarm(0);
	printf("# IPN_FUZZ_SEED=%u\n", first);
	for (int i = 0; i < WORKERS; i++) {
		seed = first + i;
		if (fork() == 0)
			work(policy);
	}
	while (wait(&status) > 0)
		CHECK_EQUAL(status, 0);
	nothing_persists();
	/* It all still works. */
	clean_names();
	status = ipn_peer(NET);
	say(ipn_join(NET), "after all that");
	hears(status, "after all that");
}

static void calls_at_random_on_broadcast_networks(void)
{
	all_at_once(IPN_BROADCAST);
}

static void calls_at_random_on_switches(void)
{
	int s = socket(AF_IPN_STOLEN, SOCK_RAW, IPN_VDESWITCH);

	if (s < 0)
		ktap_skip("kvde_switch.ko is not loaded");
	close(s);
	all_at_once(IPN_VDESWITCH);
}

int main(int argc, char **argv)
{
	static const struct ktap_case cases[] = {
		KTAP_CASE(calls_at_random_on_broadcast_networks),
		KTAP_CASE(calls_at_random_on_switches),
	};

	ktap_before = clean_names;
	return ktap_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]));
}
