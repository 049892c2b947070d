/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Character devices of a network.  The Virtual Square book, 6.1. */
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "kernel/test/ipn_net.h"

static struct chrdevreq request(const char *name, unsigned int major, int count)
{
	struct chrdevreq what = { .major = major, .count = count };

	strcpy(what.name, name);
	return what;
}

static int device(const char *name, int flags)
{
	char path[80];

	snprintf(path, sizeof(path), "/dev/%s", name);
	return (int)CHECK_OK(open(path, flags));
}

static void a_device_is_a_node_that_is_read_and_written(void)
{
	struct chrdevreq what = request("ipnbus", 0, 1);
	int s = ipn_peer(NET), d;
	struct pollfd p;
	char data[10];

	CHECK_OK(ioctl(s, IPN_REGISTER_CHRDEV, &what));
	CHECK(what.major > 0);
	d = device("ipnbus", O_RDWR | O_NONBLOCK);
	say(s, "to the device");
	CHECK_EQUAL(read(d, data, 6), 6);
	CHECK(memcmp(data, "to the", 6) == 0);
	CHECK_ERRNO(read(d, data, 6), EAGAIN);
	CHECK_EQUAL(write(d, "back", 4), 4);
	hears(s, "back");
	p = (struct pollfd){ .fd = d, .events = POLLIN | POLLOUT };
	CHECK_EQUAL(poll(&p, 1, 0), 1);
	CHECK_EQUAL(p.revents, POLLOUT);
}

static void how_it_is_opened_shuts_the_other_direction(void)
{
	struct chrdevreq what = request("ipnbus", 0, 1);
	int s = ipn_peer(NET), r, w;
	char data[10];

	CHECK_OK(ioctl(s, IPN_REGISTER_CHRDEV, &what));
	r = device("ipnbus", O_RDONLY | O_NONBLOCK);
	w = device("ipnbus", O_WRONLY);
	CHECK_EQUAL(write(w, "w", 1), 1);
	CHECK_EQUAL(read(r, data, 10), 1);
	hears(s, "w");
	CHECK_ERRNO(write(r, "x", 1), EBADF);
	CHECK_ERRNO(read(w, data, 1), EBADF);
}

static void a_range_has_numbered_names_in_dev_and_sysfs(void)
{
	struct chrdevreq what = request("ipnport", 0, 3);
	int s = ipn_peer(NET);
	struct stat st;

	what.minor = 5;
	CHECK_OK(ioctl(s, IPN_REGISTER_CHRDEV, &what));
	CHECK_OK(stat("/dev/ipnport2", &st));
	CHECK_EQUAL(major(st.st_rdev), what.major);
	CHECK_EQUAL(minor(st.st_rdev), 7);
	CHECK_OK(access("/sys/class/ipn/ipnport0/uevent", R_OK));
	device("ipnport1", O_RDWR);
	CHECK_ERRNO(open("/dev/ipnport3", O_RDWR), ENOENT);
	CHECK_EQUAL(system("grep -q 'port=1 .*chrdev=[0-9]*:6' /proc/net/ipn"), 0);
}

static void a_range_is_unregistered_as_a_whole(void)
{
	struct chrdevreq what = request("ipnbus", 0, 2);
	int s = ipn_peer(NET), d;

	CHECK_ERRNO(ioctl(s, IPN_UNREGISTER_CHRDEV), ENODEV);
	CHECK_OK(ioctl(s, IPN_REGISTER_CHRDEV, &what));
	CHECK_ERRNO(ioctl(s, IPN_REGISTER_CHRDEV, &what), EBUSY);
	d = device("ipnbus1", O_RDWR);
	CHECK_OK(ioctl(s, IPN_UNREGISTER_CHRDEV));
	CHECK_ERRNO(open("/dev/ipnbus0", O_RDWR), ENOENT);
	CHECK_EQUAL(write(d, "open still", 10), 10);	/* who has it has it */
	hears(s, "open still");
	what.major = 0;
	CHECK_OK(ioctl(s, IPN_REGISTER_CHRDEV, &what));
}

static void bad_requests_are_refused(void)
{
	struct chrdevreq what = request("ipnbus", 0, 0);
	int s = ipn_peer(NET), t = ipn_peer(NET "2");

	CHECK_ERRNO(ioctl(s, IPN_REGISTER_CHRDEV, &what), EINVAL);
	what = request("ipnbus", 0, 1 << 30);
	CHECK_ERRNO(ioctl(s, IPN_REGISTER_CHRDEV, &what), EINVAL);
	what = request("a/b", 0, 1);
	CHECK_ERRNO(ioctl(s, IPN_REGISTER_CHRDEV, &what), EINVAL);
	what = request("", 0, 1);
	CHECK_ERRNO(ioctl(s, IPN_REGISTER_CHRDEV, &what), EINVAL);
	memset(what.name, 'x', sizeof(what.name));
	CHECK_ERRNO(ioctl(s, IPN_REGISTER_CHRDEV, &what), EINVAL);
	what = request("ipnbus", 1, 1);		/* the major of mem */
	CHECK_ERRNO(ioctl(s, IPN_REGISTER_CHRDEV, &what), EBUSY);
	what = request("ipnbus", 0, 1);
	CHECK_ERRNO(ioctl(ipn_socket(), IPN_REGISTER_CHRDEV, &what), EINVAL);
	CHECK_OK(ioctl(s, IPN_REGISTER_CHRDEV, &what));
	what.major = 0;
	CHECK_ERRNO(ioctl(t, IPN_REGISTER_CHRDEV, &what), EEXIST);	/* the name is taken */
	CHECK_ERRNO(ioctl(t, IPN_REGISTER_CHRDEV, NULL), EFAULT);
	CHECK_OK(setuid(1000));
	CHECK_ERRNO(ioctl(s, IPN_UNREGISTER_CHRDEV), EPERM);
}

static void devices_end_with_their_network_unless_it_persists(void)
{
	struct chrdevreq what = request("ipnbus", 0, 1);
	int s = ipn_peer(NET), d;

	CHECK_ERRNO(ioctl(s, IPN_CHRDEV_PERSIST, 1), ENODEV);
	CHECK_OK(ioctl(s, IPN_REGISTER_CHRDEV, &what));
	d = device("ipnbus", O_RDWR);
	close(s);
	CHECK_OK(access("/dev/ipnbus", F_OK));		/* d keeps it */
	close(d);
	CHECK_ERRNO(open("/dev/ipnbus", O_RDWR), ENOENT);
	s = ipn_peer(NET);
	what.major = 0;
	CHECK_OK(ioctl(s, IPN_REGISTER_CHRDEV, &what));
	CHECK_OK(ioctl(s, IPN_CHRDEV_PERSIST, 1));
	CHECK_OK(ioctl(s, IPN_CHRDEV_PERSIST, 1));
	close(s);
	close(device("ipnbus", O_RDWR));
	CHECK_OK(unlink(NET));
	s = ipn_socket();	/* the name is gone: only the device leads there */
	CHECK_OK(ioctl(s, IPN_JOIN_CHRDEV, &what));
	CHECK_ERRNO(ioctl(s, IPN_JOIN_CHRDEV, &what), EISCONN);
	CHECK_OK(connect(s, NULL, 0));
	d = device("ipnbus", O_RDWR);
	CHECK_EQUAL(write(d, "x", 1), 1);
	hears(s, "x");
	CHECK_OK(ioctl(s, IPN_CHRDEV_PERSIST, 0));
	close(s);
	close(d);
	CHECK_ERRNO(open("/dev/ipnbus", O_RDWR), ENOENT);
	CHECK_ERRNO(ioctl(ipn_socket(), IPN_JOIN_CHRDEV, &what), EADDRNOTAVAIL);
}

static void a_full_network_refuses_to_open(void)
{
	struct chrdevreq what = request("ipnbus", 0, 1);
	int s = ipn_socket();

	CHECK_OK(ipn_set(s, IPN_SO_NUMNODES, 1));
	CHECK_OK(ipn_bind(s, NET));
	CHECK_OK(ioctl(s, IPN_REGISTER_CHRDEV, &what));
	device("ipnbus", O_RDWR);
	CHECK_ERRNO(open("/dev/ipnbus", O_RDWR), EADDRNOTAVAIL);
}

static void left_over_for_the_module_to_clear(void)
{
	struct chrdevreq what = request("ipnleft", 0, 2);
	int s = ipn_peer(NET);

	CHECK_OK(ioctl(s, IPN_REGISTER_CHRDEV, &what));
	CHECK_OK(ioctl(s, IPN_CHRDEV_PERSIST, 1));
}

int main(int argc, char **argv)
{
	static const struct ktap_case cases[] = {
		KTAP_CASE(a_device_is_a_node_that_is_read_and_written),
		KTAP_CASE(how_it_is_opened_shuts_the_other_direction),
		KTAP_CASE(a_range_has_numbered_names_in_dev_and_sysfs),
		KTAP_CASE(a_range_is_unregistered_as_a_whole),
		KTAP_CASE(bad_requests_are_refused),
		KTAP_CASE(devices_end_with_their_network_unless_it_persists),
		KTAP_CASE(a_full_network_refuses_to_open),
		KTAP_CASE(left_over_for_the_module_to_clear),
	};

	ktap_before = clean_names;
	return ktap_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]));
}
