/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The socket family: names, permissions, broadcast, shutdown, options.  The Virtual Square book,
 * 6.1 and 6.3. */
#include <sys/stat.h>

#include "kernel/test/ipn_net.h"

static void each_hears_all_others_and_not_itself(void)
{
	int a = ipn_peer(NET), b = ipn_peer(NET), c = ipn_join(NET);

	say(a, "from a");
	say(b, "from b");
	hears(a, "from b");
	hears_nothing(a);
	hears(b, "from a");
	hears_nothing(b);
	hears(c, "from a");
	hears(c, "from b");
	hears_nothing(c);
}

static void messages_keep_their_borders(void)
{
	int a = ipn_peer(NET), b = ipn_join(NET);
	char data[1514], back[1514];

	memset(data, 7, sizeof(data));
	say(a, "x");
	CHECK_EQUAL(send(a, data, sizeof(data), 0), sizeof(data));
	CHECK_EQUAL(write(a, "end", 3), 3);
	hears(b, "x");
	CHECK_EQUAL(read(b, back, sizeof(back)), sizeof(back));
	CHECK(memcmp(data, back, sizeof(data)) == 0);
	hears(b, "end");
	CHECK_ERRNO(send(a, data, sizeof(data) + 1, 0), EMSGSIZE);
}

static void a_short_buffer_cuts_the_message_and_says_so(void)
{
	int a = ipn_peer(NET), b = ipn_join(NET);
	char data[4];
	struct iovec part = { data, sizeof(data) };
	struct msghdr msg = { .msg_iov = &part, .msg_iovlen = 1 };

	say(a, "0123456789");
	say(a, "next");
	CHECK_EQUAL(recv(b, data, sizeof(data), MSG_PEEK | MSG_TRUNC), 10);
	CHECK_EQUAL(recvmsg(b, &msg, 0), 4);
	CHECK(msg.msg_flags & MSG_TRUNC);
	CHECK(memcmp(data, "0123", 4) == 0);
	hears(b, "next");
}

static void the_name_is_a_socket_with_the_mode_and_the_umask(void)
{
	int s = ipn_socket();
	struct stat st;

	umask(022);
	CHECK_OK(ipn_bind(s, NET));
	CHECK_OK(stat(NET, &st));
	CHECK(S_ISSOCK(st.st_mode));
	CHECK_EQUAL(st.st_mode & 07777, 0755);
	s = ipn_socket();
	CHECK_OK(ipn_set(s, IPN_SO_MODE, 0764));
	CHECK_OK(ipn_bind(s, NET "2"));
	CHECK_OK(stat(NET "2", &st));
	CHECK_EQUAL(st.st_mode & 07777, 0744);
	CHECK_EQUAL(ipn_get(s, IPN_SO_MODE), 0744);
}

static void connect_needs_a_network_that_is_there(void)
{
	int s = ipn_socket(), fd;

	CHECK_ERRNO(ipn_connect(s, NET), ENOENT);
	CHECK_ERRNO(connect(s, NULL, 0), EINVAL);
	fd = CHECK_OK(open(NET, O_CREAT | O_WRONLY, 0777));
	close(fd);
	CHECK_ERRNO(ipn_connect(s, NET), ENOTSOCK);
	CHECK_ERRNO(ipn_bind(s, NET), EADDRINUSE);
	unlink(NET);
	fd = ipn_peer(NET);
	close(fd);
	CHECK_ERRNO(ipn_connect(s, NET), ECONNREFUSED);
	CHECK_OK(ipn_bind(s, NET));	/* the name of a network that ended makes another */
}

static void bad_addresses_are_refused(void)
{
	struct sockaddr_un sun = ipn_address(NET);
	int s = ipn_socket();

	CHECK_ERRNO(bind(s, (struct sockaddr *)&sun, 2), EINVAL);
	CHECK_ERRNO(bind(s, (struct sockaddr *)&sun, 0), EINVAL);
	sun.sun_family = AF_INET;
	CHECK_ERRNO(bind(s, (struct sockaddr *)&sun, sizeof(sun)), EAFNOSUPPORT);
	sun = ipn_address("");
	CHECK_ERRNO(bind(s, (struct sockaddr *)&sun, sizeof(sun)), EINVAL);
	CHECK_ERRNO(ipn_bind(s, "/nowhere/at/all"), ENOENT);
	/* A path that fills its field has no end of its own. */
	memset(sun.sun_path, '/', sizeof(sun.sun_path));
	memcpy(sun.sun_path + sizeof(sun.sun_path) - 7, "tmp/ipn", 7);
	CHECK_OK(bind(s, (struct sockaddr *)&sun, sizeof(sun)));
	CHECK_ERRNO(ipn_bind(s, NET "2"), EINVAL);	/* once is enough */
}

static void only_raw_sockets_of_known_policies_exist(void)
{
	CHECK_ERRNO(socket(AF_IPN_STOLEN, SOCK_STREAM, 0), ESOCKTNOSUPPORT);
	CHECK_ERRNO(socket(AF_IPN_STOLEN, SOCK_RAW, 31), EPROTONOSUPPORT);
	CHECK_ERRNO(socket(AF_IPN_STOLEN, SOCK_RAW, 9999), EPROTONOSUPPORT);
	CHECK_ERRNO(socket(AF_IPN, SOCK_RAW, IPN_BROADCAST), EAFNOSUPPORT);
	CHECK_OK(socket(AF_IPN_STOLEN, SOCK_RAW, IPN_ANY));
}

static void nobody_listens_or_accepts(void)
{
	int s = ipn_peer(NET);

	CHECK_ERRNO(listen(s, 5), EOPNOTSUPP);
	CHECK_ERRNO(accept(s, NULL, NULL), EOPNOTSUPP);
}

static void who_is_not_connected_neither_sends_nor_hears(void)
{
	int a = ipn_peer(NET), s = ipn_socket();
	char data[10];

	CHECK_ERRNO(send(s, "x", 1, 0), ENOTCONN);
	CHECK_OK(ipn_bind(s, NET));
	say(a, "not for those who only manage");
	CHECK_ERRNO(send(s, "x", 1, 0), ENOTCONN);
	CHECK_ERRNO(recv(s, data, sizeof(data), 0), ENOTCONN);
	CHECK_OK(ipn_connect(s, NET));		/* the same name again is as good as none */
	CHECK_ERRNO(connect(s, NULL, 0), EISCONN);
	hears_nothing(s);
	say(a, "now");
	hears(s, "now");
}

static void a_bound_socket_connects_to_its_own_network_only(void)
{
	int other = ipn_peer(NET "2"), s = ipn_socket();

	CHECK_OK(ipn_bind(s, NET));
	CHECK_ERRNO(ipn_connect(s, NET "2"), EINVAL);
	CHECK_OK(connect(s, NULL, 0));
	say(s, "here");
	hears_nothing(other);
}

static void shut_for_reading_hears_nothing_and_reads_an_end(void)
{
	int a = ipn_peer(NET), b = ipn_join(NET);
	char data[10];

	CHECK_OK(shutdown(b, SHUT_RD));
	say(a, "x");
	CHECK_EQUAL(recv(b, data, sizeof(data), 0), 0);
	CHECK(events(b) & POLLRDHUP);
	say(b, "still speaks");
	hears(a, "still speaks");
}

static void shut_for_writing_sends_nothing(void)
{
	int a = ipn_peer(NET), b = ipn_socket();

	CHECK_OK(shutdown(b, SHUT_WR));
	CHECK_OK(ipn_connect(b, NET));
	CHECK_ERRNO(send(b, "x", 1, MSG_NOSIGNAL), EPIPE);
	signal(SIGPIPE, SIG_IGN);
	CHECK_ERRNO(write(b, "x", 1), EPIPE);
	CHECK(!(events(b) & POLLOUT));
	say(a, "still hears");
	hears(b, "still hears");
}

static void shutdown_wakes_a_reader(void)
{
	int a = ipn_peer(NET);
	char data[10];

	if (fork() == 0) {
		usleep(50000);
		shutdown(a, SHUT_RD);
		_exit(0);
	}
	CHECK_EQUAL(recv(a, data, sizeof(data), 0), 0);
}

/* Runs the rest as somebody else. */
static void become(int uid)
{
	CHECK_OK(setgid(uid));
	CHECK_OK(setuid(uid));
}

static void permissions_decide_who_hears_speaks_and_manages(void)
{
	int owner = ipn_socket(), s;

	umask(0);
	CHECK_OK(ipn_set(owner, IPN_SO_MODE, 0744));
	CHECK_OK(ipn_bind(owner, NET));
	CHECK_OK(connect(owner, NULL, 0));
	become(1000);
	s = ipn_join(NET);			/* r: hears, and is shut for writing by itself */
	say(owner, "to all");
	hears(s, "to all");
	CHECK_ERRNO(send(s, "x", 1, MSG_NOSIGNAL), EPIPE);
	s = ipn_socket();
	CHECK_ERRNO(ipn_bind(s, NET), EACCES);	/* no x */
}

static void write_permission_alone_lets_speak_alone(void)
{
	int owner = ipn_socket(), s;
	char data[10];

	umask(0);
	CHECK_OK(ipn_set(owner, IPN_SO_MODE, 0702));
	CHECK_OK(ipn_bind(owner, NET));
	CHECK_OK(connect(owner, NULL, 0));
	become(1000);
	s = ipn_join(NET);
	say(s, "heard");
	hears(owner, "heard");
	say(owner, "not heard");
	CHECK_EQUAL(recv(s, data, sizeof(data), 0), 0);
}

static void without_permission_nobody_connects(void)
{
	int owner = ipn_socket(), s;

	umask(0);
	CHECK_OK(ipn_set(owner, IPN_SO_MODE, 0701));
	CHECK_OK(ipn_bind(owner, NET));
	become(1000);
	s = ipn_socket();
	CHECK_ERRNO(ipn_connect(s, NET), EACCES);
	CHECK_OK(ipn_bind(s, NET));		/* x: manages, and no more */
	CHECK_ERRNO(connect(s, NULL, 0), EACCES);
	s = ipn_socket();
	CHECK_ERRNO(ipn_bind(s, "/proc/ipn"), ENOENT);
	CHECK_ERRNO(ipn_bind(s, "/test/ipn"), EACCES);
}

static void an_unlinked_network_lives_with_those_who_have_it(void)
{
	int a = ipn_peer(NET), b = ipn_join(NET), c;

	CHECK_OK(unlink(NET));
	c = ipn_socket();
	CHECK_ERRNO(ipn_connect(c, NET), ENOENT);
	say(a, "still here");
	hears(b, "still here");
	CHECK_OK(ipn_bind(c, NET));		/* another network of the same name */
	CHECK_OK(connect(c, NULL, 0));
	say(c, "elsewhere");
	hears_nothing(a);
	hears_nothing(b);
	CHECK_OK(ipn_connect(ipn_socket(), NET));
}

static void a_renamed_or_linked_name_is_the_same_network(void)
{
	int a = ipn_peer(NET), b, c;

	CHECK_OK(rename(NET, NET "2"));
	b = ipn_join(NET "2");
	CHECK_OK(symlink(NET "2", NET));
	c = ipn_join(NET);
	say(a, "same");
	hears(b, "same");
	hears(c, "same");
}

static void options_before_bind_make_the_network(void)
{
	int s = ipn_socket(), t;
	char data[3001] = "";

	CHECK_EQUAL(ipn_get(s, IPN_SO_MTU), 1514);
	CHECK_EQUAL(ipn_get(s, IPN_SO_NUMNODES), 32);
	CHECK_EQUAL(ipn_get(s, IPN_SO_MSGPOOLSIZE), 8);
	CHECK_EQUAL(ipn_get(s, IPN_SO_FLAGS), 0);
	CHECK_EQUAL(ipn_get(s, IPN_SO_PORT), IPN_PORTNO_ANY);
	CHECK_OK(ipn_set(s, IPN_SO_MTU, 3000));
	CHECK_OK(ipn_set(s, IPN_SO_NUMNODES, 2));
	CHECK_OK(ipn_bind(s, NET));
	CHECK_OK(connect(s, NULL, 0));
	CHECK_ERRNO(ipn_set(s, IPN_SO_MTU, 100), EISCONN);
	t = ipn_join(NET);
	CHECK_EQUAL(ipn_get(t, IPN_SO_MTU), 3000);
	CHECK_EQUAL(send(s, data, 3000, 0), 3000);
	CHECK_EQUAL(recv(t, data, sizeof(data), 0), 3000);
	CHECK_ERRNO(send(s, data, 3001, 0), EMSGSIZE);
	CHECK_ERRNO(ipn_connect(ipn_socket(), NET), EADDRNOTAVAIL);
	close(t);
	CHECK_OK(ipn_connect(ipn_socket(), NET));
}

static void the_number_of_nodes_changes_while_it_runs(void)
{
	int s = ipn_socket(), t, u = ipn_socket();

	CHECK_OK(ipn_set(s, IPN_SO_NUMNODES, 2));
	CHECK_OK(ipn_bind(s, NET));
	CHECK_OK(connect(s, NULL, 0));
	t = ipn_join(NET);
	CHECK_ERRNO(ipn_connect(u, NET), EADDRNOTAVAIL);
	CHECK_ERRNO(ipn_set(t, IPN_SO_CHANGE_NUMNODES, 3), EPERM);
	CHECK_OK(ipn_set(s, IPN_SO_CHANGE_NUMNODES, 3));
	CHECK_OK(ipn_connect(u, NET));
	CHECK_ERRNO(ipn_set(s, IPN_SO_CHANGE_NUMNODES, 2), EBUSY);
	CHECK_ERRNO(ipn_set(s, IPN_SO_CHANGE_NUMNODES, 0), EINVAL);
	CHECK_ERRNO(ipn_set(s, IPN_SO_CHANGE_NUMNODES, 1 << 30), EINVAL);
	close(u);
	CHECK_OK(ipn_set(s, IPN_SO_CHANGE_NUMNODES, 2));
	say(s, "after all");
	hears(t, "after all");
}

static void a_port_is_chosen_or_given(void)
{
	int a = ipn_peer(NET), b = ipn_socket(), c = ipn_socket(), d;

	CHECK_EQUAL(ipn_get(a, IPN_SO_PORT), 0);
	CHECK_OK(ipn_set(b, IPN_SO_PORT, 7));
	CHECK_OK(ipn_connect(b, NET));
	CHECK_EQUAL(ipn_get(b, IPN_SO_PORT), 7);
	CHECK_ERRNO(ipn_set(b, IPN_SO_PORT, 8), EISCONN);
	CHECK_OK(ipn_set(c, IPN_SO_PORT, 7));
	CHECK_ERRNO(ipn_connect(c, NET), EADDRINUSE);
	CHECK_OK(ipn_set(c, IPN_SO_PORT, 32));
	CHECK_ERRNO(ipn_connect(c, NET), EINVAL);
	CHECK_ERRNO(ipn_set(c, IPN_SO_PORT, -2), EINVAL);
	d = ipn_join(NET);
	CHECK_EQUAL(ipn_get(d, IPN_SO_PORT), 1);
}

static void a_description_is_kept(void)
{
	char text[IPN_DESCRLEN + 1];
	socklen_t len = sizeof(text);
	int s = ipn_socket();

	CHECK_OK(setsockopt(s, 0, IPN_SO_DESCR, "a node", 7));
	CHECK_OK(getsockopt(s, 0, IPN_SO_DESCR, text, &len));
	CHECK_EQUAL(len, 7);
	CHECK(strcmp(text, "a node") == 0);
	CHECK_ERRNO(setsockopt(s, 0, IPN_SO_DESCR, text, sizeof(text)), EINVAL);
}

static void unknown_options_are_refused(void)
{
	int s = ipn_socket();

	CHECK_ERRNO(ipn_set(s, 77, 1), ENOPROTOOPT);
	CHECK_ERRNO(ipn_set(s, 0x90, 1), ENOPROTOOPT);
	CHECK_ERRNO(setsockopt(s, 6, IPN_SO_MTU, &s, sizeof(s)), ENOPROTOOPT);
	CHECK_ERRNO(setsockopt(s, 0, IPN_SO_MTU, &s, 1), EINVAL);
	CHECK_ERRNO(setsockopt(s, 0, IPN_SO_MTU, NULL, 4), EFAULT);
	CHECK_ERRNO(ipn_set(s, IPN_SO_MTU, 0), EINVAL);
	CHECK_ERRNO(ipn_set(s, IPN_SO_MTU, 1 << 30), EINVAL);
	CHECK_ERRNO(ipn_set(s, IPN_SO_MSGPOOLSIZE, -1), EINVAL);
	CHECK_ERRNO(ipn_set(s, IPN_SO_FLAGS, 2), EINVAL);
	CHECK_ERRNO(ioctl(s, 12345, 0), ENOTTY);
}

static void any_policy_joins_what_there_is(void)
{
	int a = ipn_peer(NET), s = CHECK_OK(socket(AF_IPN_STOLEN, SOCK_RAW, IPN_ANY));

	CHECK_OK(ipn_connect(s, NET));
	say(a, "x");
	hears(s, "x");
	s = CHECK_OK(socket(AF_IPN_STOLEN, SOCK_RAW, IPN_ANY));
	CHECK_OK(ipn_bind(s, NET "2"));
	CHECK_OK(connect(s, NULL, 0));
	a = ipn_join(NET "2");
	say(a, "broadcast");
	hears(s, "broadcast");
}

static void poll_tells_what_can_be_done(void)
{
	int a = ipn_peer(NET), b = ipn_join(NET), s = ipn_socket(), pending;

	CHECK_EQUAL(events(s), POLLHUP);
	CHECK_EQUAL(events(b), POLLOUT);
	say(a, "12345");
	CHECK_EQUAL(events(b), POLLOUT | POLLIN);
	CHECK_OK(ioctl(b, FIONREAD, &pending));
	CHECK_EQUAL(pending, 5);
	hears(b, "12345");
	CHECK_EQUAL(events(b), POLLOUT);
}

/* A handler that does nothing, and no SA_RESTART. */
static void ignore(int number)
{
	(void)number;
}

static void a_blocked_reader_wakes_for_a_message_a_signal_and_a_time(void)
{
	struct timeval limit = { .tv_usec = 100000 };
	struct sigaction action = { .sa_handler = ignore };
	int a = ipn_peer(NET), b = ipn_join(NET);
	char data[10];

	if (fork() == 0) {
		usleep(50000);
		say(a, "late");
		_exit(0);
	}
	CHECK_EQUAL(recv(b, data, sizeof(data), 0), 4);
	CHECK_OK(setsockopt(b, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)));
	CHECK_ERRNO(recv(b, data, sizeof(data), 0), EAGAIN);
	limit = (struct timeval){ 0 };
	CHECK_OK(setsockopt(b, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)));
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	if (fork() == 0) {
		usleep(50000);
		kill(getppid(), SIGUSR1);
		_exit(0);
	}
	CHECK_ERRNO(recv(b, data, sizeof(data), 0), EINTR);
}

static void a_socket_knows_its_name(void)
{
	struct sockaddr_un sun;
	socklen_t len = sizeof(sun);
	int s = ipn_peer(NET);

	CHECK_OK(getsockname(s, (struct sockaddr *)&sun, &len));
	CHECK_EQUAL(sun.sun_family, AF_IPN_STOLEN);
	CHECK(strcmp(sun.sun_path, NET) == 0);
	CHECK_ERRNO(getpeername(s, (struct sockaddr *)&sun, &len), EOPNOTSUPP);
}

static void proc_shows_the_network_and_its_nodes(void)
{
	int a = ipn_peer(NET), b = ipn_join(NET), fd;
	char text[4096] = "";

	CHECK_OK(setsockopt(b, 0, IPN_SO_DESCR, "my node", 8));
	say(a, "x");
	fd = CHECK_OK(open("/proc/net/ipn", O_RDONLY));
	CHECK_OK(read(fd, text, sizeof(text) - 1));
	CHECK(strstr(text, NET " protocol=1 flags=lossy maxports=32 mtu=1514 pool=8 pending=1 "
		     "readers=2 writers=2\n"));
	CHECK(strstr(text, "\tport=1 dir=rw uid=0 queued=1 oob=0 dropped=0 descr=my\\040node\n"));
}

int main(int argc, char **argv)
{
	static const struct ktap_case cases[] = {
		KTAP_CASE(each_hears_all_others_and_not_itself),
		KTAP_CASE(messages_keep_their_borders),
		KTAP_CASE(a_short_buffer_cuts_the_message_and_says_so),
		KTAP_CASE(the_name_is_a_socket_with_the_mode_and_the_umask),
		KTAP_CASE(connect_needs_a_network_that_is_there),
		KTAP_CASE(bad_addresses_are_refused),
		KTAP_CASE(only_raw_sockets_of_known_policies_exist),
		KTAP_CASE(nobody_listens_or_accepts),
		KTAP_CASE(who_is_not_connected_neither_sends_nor_hears),
		KTAP_CASE(a_bound_socket_connects_to_its_own_network_only),
		KTAP_CASE(shut_for_reading_hears_nothing_and_reads_an_end),
		KTAP_CASE(shut_for_writing_sends_nothing),
		KTAP_CASE(shutdown_wakes_a_reader),
		KTAP_CASE(permissions_decide_who_hears_speaks_and_manages),
		KTAP_CASE(write_permission_alone_lets_speak_alone),
		KTAP_CASE(without_permission_nobody_connects),
		KTAP_CASE(an_unlinked_network_lives_with_those_who_have_it),
		KTAP_CASE(a_renamed_or_linked_name_is_the_same_network),
		KTAP_CASE(options_before_bind_make_the_network),
		KTAP_CASE(the_number_of_nodes_changes_while_it_runs),
		KTAP_CASE(a_port_is_chosen_or_given),
		KTAP_CASE(a_description_is_kept),
		KTAP_CASE(unknown_options_are_refused),
		KTAP_CASE(any_policy_joins_what_there_is),
		KTAP_CASE(poll_tells_what_can_be_done),
		KTAP_CASE(a_blocked_reader_wakes_for_a_message_a_signal_and_a_time),
		KTAP_CASE(a_socket_knows_its_name),
		KTAP_CASE(proc_shows_the_network_and_its_nodes),
	};

	ktap_before = clean_names;
	return ktap_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]));
}
