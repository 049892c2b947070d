/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lossy and lossless networks, and the messages out of band that tell who is there.  The Virtual
 * Square book, 6.3. */
#include "kernel/test/ipn_net.h"

static void lossy_drops_what_a_full_queue_cannot_take(void)
{
	int a = ipn_peer(NET), b = ipn_join(NET), c = ipn_join(NET);
	char text[20];

	for (int i = 0; i < 12; i++) {
		snprintf(text, sizeof(text), "%d", i);
		say(a, text);
		hears(c, text);			/* who keeps up misses nothing */
	}
	for (int i = 0; i < 8; i++) {
		snprintf(text, sizeof(text), "%d", i);
		hears(b, text);
	}
	hears_nothing(b);
	say(a, "again");
	hears(b, "again");
}

static void lossless_holds_the_sender_when_the_pool_is_full(void)
{
	int a = ipn_lossless(NET, 4), b = ipn_join(NET);

	for (int i = 0; i < 4; i++)
		say(a, "x");
	CHECK_ERRNO(send(a, "x", 1, MSG_DONTWAIT), EAGAIN);
	CHECK_EQUAL(events(a), 0);
	hears(b, "x");
	CHECK_EQUAL(events(a), POLLOUT);
	say(a, "y");
	CHECK_ERRNO(send(a, "x", 1, MSG_DONTWAIT), EAGAIN);
}

static void one_late_reader_holds_everybody(void)
{
	int a = ipn_lossless(NET, 2), b = ipn_join(NET), c = ipn_join(NET);

	say(a, "1");
	say(a, "2");
	hears(b, "1");
	hears(b, "2");
	CHECK_ERRNO(send(a, "3", 1, MSG_DONTWAIT), EAGAIN);	/* c has read nothing */
	CHECK_ERRNO(send(b, "3", 1, MSG_DONTWAIT), EAGAIN);
	hears(c, "1");
	say(b, "3");
	hears(c, "2");
	hears(c, "3");
	hears(a, "3");
}

static void a_blocked_sender_wakes_when_there_is_room(void)
{
	int a = ipn_lossless(NET, 1), b = ipn_join(NET);

	say(a, "1");
	if (fork() == 0) {
		usleep(50000);
		hears(b, "1");
		_exit(0);
	}
	say(a, "2");
	hears(b, "2");
}

static void a_blocked_sender_wakes_when_the_late_reader_leaves(void)
{
	int a = ipn_lossless(NET, 1), ready[2];
	char go;

	CHECK_OK(pipe(ready));
	if (fork() == 0) {
		ipn_join(NET);
		CHECK_OK(write(ready[1], "g", 1));
		usleep(100000);
		_exit(0);		/* its socket goes with it, and what is in its queue */
	}
	CHECK_OK(read(ready[0], &go, 1));
	say(a, "1");
	say(a, "2");
	say(a, "3");
}

static void ignore(int number)
{
	(void)number;
}

static void a_signal_and_a_time_limit_end_the_wait_of_a_sender(void)
{
	struct timeval limit = { .tv_usec = 100000 };
	struct sigaction action = { .sa_handler = ignore };
	int a = ipn_lossless(NET, 1), b = ipn_join(NET);

	say(a, "1");
	CHECK_OK(setsockopt(a, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)));
	CHECK_ERRNO(send(a, "2", 1, 0), EAGAIN);
	limit = (struct timeval){ 0 };
	CHECK_OK(setsockopt(a, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)));
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	if (fork() == 0) {
		usleep(50000);
		kill(getppid(), SIGUSR1);
		_exit(0);
	}
	CHECK_ERRNO(send(a, "2", 1, 0), EINTR);
	hears(b, "1");
	hears_nothing(b);
}

static void without_readers_nobody_is_held(void)
{
	int a = ipn_lossless(NET, 1), b = ipn_socket();

	for (int i = 0; i < 100; i++)
		say(a, "into the void");
	CHECK_OK(shutdown(b, SHUT_RD));
	CHECK_OK(ipn_connect(b, NET));
	for (int i = 0; i < 100; i++)
		say(a, "to the deaf");
}

/* Every message of every writer reaches every reader once and in the writer's order. */
#define WRITERS 3
#define READERS 4
#define EACH    300

struct word {
	int writer, number;
};

static void read_all(int s)
{
	int next[WRITERS] = { 0 };

	for (int i = 0; i < WRITERS * EACH; i++) {
		struct word word;

		CHECK_EQUAL(recv(s, &word, sizeof(word), 0), sizeof(word));
		CHECK(word.writer >= 0 && word.writer < WRITERS);
		CHECK_EQUAL(word.number, next[word.writer]);
		next[word.writer]++;
	}
	hears_nothing(s);
	_exit(0);
}

static void lossless_loses_nothing_with_many_writers_and_readers(void)
{
	int keep = ipn_lossless(NET, 16), status;

	CHECK_OK(shutdown(keep, SHUT_RD));
	for (int i = 0; i < READERS; i++) {
		int s = ipn_socket();

		CHECK_OK(shutdown(s, SHUT_WR));
		CHECK_OK(ipn_connect(s, NET));
		if (fork() == 0)
			read_all(s);
		close(s);
	}
	for (int i = 0; i < WRITERS; i++)
		if (fork() == 0) {
			int s = ipn_socket();

			CHECK_OK(shutdown(s, SHUT_RD));
			CHECK_OK(ipn_connect(s, NET));
			for (int n = 0; n < EACH; n++) {
				struct word word = { i, n };

				CHECK_EQUAL(send(s, &word, sizeof(word), 0), sizeof(word));
			}
			_exit(0);
		}
	while (wait(&status) > 0)
		CHECK_EQUAL(status, 0);
}

/* The last message out of band about numbers; -1 when there is none. */
static struct numnode_oob numbers(int s)
{
	struct numnode_oob numbers = { .level = -1 };
	struct iovec part = { &numbers, sizeof(numbers) };

	for (;;) {
		struct msghdr msg = { .msg_iov = &part, .msg_iovlen = 1 };
		struct pollfd p = { .fd = s, .events = POLLPRI };

		if (CHECK_OK(poll(&p, 1, 0)) == 0)
			return numbers;
		CHECK_EQUAL(CHECK_OK(recvmsg(s, &msg, 0)), sizeof(numbers));
		CHECK(msg.msg_flags & MSG_OOB);
		CHECK_EQUAL(numbers.level, 0);
		CHECK_EQUAL(numbers.tag, IPN_OOB_NUMNODE_TAG);
	}
}

static int watcher(void)
{
	int s = ipn_socket();

	CHECK_OK(ipn_set(s, IPN_SO_HANDLE_OOB, 1));
	CHECK_OK(ipn_set(s, IPN_SO_WANT_OOB_NUMNODES, 1));
	CHECK_OK(shutdown(s, SHUT_RD));
	CHECK_OK(ipn_bind(s, NET));
	CHECK_OK(connect(s, NULL, 0));
	return s;
}

static void numbers_of_readers_and_writers_are_told_out_of_band(void)
{
	int s = watcher(), a, b;
	struct numnode_oob n = numbers(s);

	CHECK_EQUAL(n.numreaders, 0);
	CHECK_EQUAL(n.numwriters, 1);
	a = ipn_join(NET);
	n = numbers(s);
	CHECK_EQUAL(n.numreaders, 1);
	CHECK_EQUAL(n.numwriters, 2);
	b = ipn_socket();
	CHECK_OK(shutdown(b, SHUT_WR));
	CHECK_OK(ipn_connect(b, NET));
	n = numbers(s);
	CHECK_EQUAL(n.numreaders, 2);
	CHECK_EQUAL(n.numwriters, 2);
	CHECK_OK(shutdown(a, SHUT_RD));
	CHECK_EQUAL(numbers(s).numreaders, 1);
	close(b);
	n = numbers(s);
	CHECK_EQUAL(n.numreaders, 0);
	CHECK_EQUAL(n.numwriters, 2);
	CHECK_EQUAL(numbers(s).level, -1);
}

static void who_does_not_ask_is_told_nothing(void)
{
	int a = ipn_peer(NET), b;

	CHECK_OK(ipn_set(a, IPN_SO_WANT_OOB_NUMNODES, 1));
	b = ipn_join(NET);
	hears_nothing(a);
	CHECK_OK(ipn_set(a, IPN_SO_HANDLE_OOB, 1));
	close(b);
	CHECK(events(a) & POLLPRI);
}

static void out_of_band_comes_before_what_waits(void)
{
	int a = ipn_peer(NET), b = ipn_join(NET), c;
	struct numnode_oob n;

	CHECK_OK(ipn_set(a, IPN_SO_HANDLE_OOB, 1));
	CHECK_OK(ipn_set(a, IPN_SO_WANT_OOB_NUMNODES, 1));
	say(b, "waits");
	CHECK_ERRNO(recv(a, &n, sizeof(n), MSG_OOB | MSG_DONTWAIT), EAGAIN);
	c = ipn_join(NET);
	CHECK_EQUAL(recv(a, &n, sizeof(n), MSG_OOB), sizeof(n));
	CHECK_EQUAL(n.numreaders, 3);
	close(c);
	CHECK_EQUAL(recv(a, &n, sizeof(n), 0), sizeof(n));
	CHECK_EQUAL(n.numreaders, 2);
	hears(a, "waits");
	CHECK_ERRNO(send(a, "x", 1, MSG_OOB), EOPNOTSUPP);
}

static void out_of_band_needs_no_room_in_the_pool_and_is_bounded(void)
{
	int a = ipn_lossless(NET, 1), b = ipn_join(NET);
	struct numnode_oob n, last = { 0 };
	int count = 0;

	CHECK_OK(ipn_set(b, IPN_SO_HANDLE_OOB, 1));
	CHECK_OK(ipn_set(b, IPN_SO_WANT_OOB_NUMNODES, 1));
	say(a, "full");
	for (int i = 0; i < 100; i++)
		close(ipn_join(NET));
	ipn_join(NET);
	while (recv(b, &n, sizeof(n), MSG_OOB | MSG_DONTWAIT) == sizeof(n)) {
		last = n;
		count++;
	}
	CHECK(count > 0 && count <= 32);
	CHECK_EQUAL(last.numreaders, 3);	/* the newest is never the one that is dropped */
	hears(b, "full");
}

/* Members come, talk, and die at random; none may take the others along. */
#define MEMBERS 200

static void member(unsigned int seed)
{
	int s = ipn_socket();
	char data[64] = "";

	alarm(0);
	srand(seed);
	signal(SIGPIPE, SIG_IGN);
	if (ipn_connect(s, NET) < 0)
		_exit(0);
	for (int i = rand() % 40; i > 0; i--) {
		if (rand() % 3 == 0)
			send(s, data, 1 + rand() % sizeof(data), MSG_DONTWAIT);
		recv(s, data, sizeof(data), rand() % 4 ? MSG_DONTWAIT : 0);
	}
	if (rand() % 2)
		shutdown(s, rand() % 3);
	if (rand() % 8 == 0)
		pause();	/* reads no more: holds everybody until it is killed */
	_exit(0);
}

static void two_hundred_members_die_at_random_and_nothing_stalls(void)
{
	pid_t pids[MEMBERS] = { 0 };
	int keep = ipn_socket(), sent = 0;

	CHECK_OK(ipn_set(keep, IPN_SO_NUMNODES, MEMBERS + 1));
	CHECK_OK(ipn_set(keep, IPN_SO_FLAGS, IPN_FLAG_LOSSLESS));
	CHECK_OK(ipn_set(keep, IPN_SO_MSGPOOLSIZE, 64));
	CHECK_OK(ipn_bind(keep, NET));
	CHECK_OK(shutdown(keep, SHUT_RD));
	CHECK_OK(connect(keep, NULL, 0));
	srand(1);
	for (int round = 0; round < 600; round++) {
		int i = rand() % MEMBERS;

		if (pids[i]) {
			kill(pids[i], SIGKILL);
			waitpid(pids[i], NULL, 0);
		}
		pids[i] = fork();
		if (pids[i] == 0)
			member(round);
		if (send(keep, "tick", 4, MSG_DONTWAIT) == 4)
			sent++;
	}
	for (int i = 0; i < MEMBERS; i++)
		if (pids[i]) {
			kill(pids[i], SIGKILL);
			waitpid(pids[i], NULL, 0);
		}
	CHECK(sent > 0);
	/* All gone: the pool is whole again. */
	for (int i = 0; i < 200; i++)
		CHECK_EQUAL(send(keep, "x", 1, MSG_DONTWAIT), 1);
}

int main(int argc, char **argv)
{
	static const struct ktap_case cases[] = {
		KTAP_CASE(lossy_drops_what_a_full_queue_cannot_take),
		KTAP_CASE(lossless_holds_the_sender_when_the_pool_is_full),
		KTAP_CASE(one_late_reader_holds_everybody),
		KTAP_CASE(a_blocked_sender_wakes_when_there_is_room),
		KTAP_CASE(a_blocked_sender_wakes_when_the_late_reader_leaves),
		KTAP_CASE(a_signal_and_a_time_limit_end_the_wait_of_a_sender),
		KTAP_CASE(without_readers_nobody_is_held),
		KTAP_CASE(lossless_loses_nothing_with_many_writers_and_readers),
		KTAP_CASE(numbers_of_readers_and_writers_are_told_out_of_band),
		KTAP_CASE(who_does_not_ask_is_told_nothing),
		KTAP_CASE(out_of_band_comes_before_what_waits),
		KTAP_CASE(out_of_band_needs_no_room_in_the_pool_and_is_bounded),
		KTAP_CASE(two_hundred_members_die_at_random_and_nothing_stalls),
	};

	ktap_before = clean_names;
	return ktap_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]));
}
