/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/host/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define FILES_MAX 64

struct place {
	char dir[32], path[64];
};

static int make(void **state)
{
	static struct place p;

	strcpy(p.dir, "/tmp/sockXXXXXX");
	assert_non_null(mkdtemp(p.dir));
	snprintf(p.path, sizeof(p.path), "%s/s", p.dir);
	*state = &p;
	return 0;
}

static int unmake(void **state)
{
	struct place *p = *state;

	unlink(p->path);
	return rmdir(p->dir);
}

static int client(const char *path)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_int_equal(sock_connect(fd, path), 0);
	return fd;
}

static void listener_has_the_mode_asked_for_whatever_the_umask(void **state)
{
	struct place *p = *state;
	mode_t old = umask(077);
	int fd = sock_listen(p->path, 0666, (gid_t)-1);
	struct stat st;

	umask(old);
	assert_true(fd >= 0);
	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0666);
	close(fd);
}

static void live_listener_is_not_replaced_and_a_dead_one_is(void **state)
{
	struct place *p = *state;
	int first = sock_listen(p->path, 0600, (gid_t)-1), second;

	assert_int_equal(sock_listen(p->path, 0600, (gid_t)-1), -EADDRINUSE);
	assert_false(sock_dead(p->path, SOCK_STREAM));
	close(first);
	assert_true(sock_dead(p->path, SOCK_STREAM));
	second = sock_listen(p->path, 0600, (gid_t)-1);
	assert_true(second >= 0);
	close(second);
}

static void file_in_the_way_stays(void **state)
{
	struct place *p = *state;
	int file = open(p->path, O_CREAT | O_WRONLY, 0600), fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	close(file);
	assert_int_equal(sock_listen(p->path, 0600, (gid_t)-1), -ENOTSOCK);
	assert_int_equal(sock_bind(fd, p->path, 0600, (uid_t)-1, (gid_t)-1), -ENOTSOCK);
	assert_int_equal(access(p->path, F_OK), 0);
	close(fd);
}

static void name_that_is_no_socket_address_is_refused(void **state)
{
	char name[200];

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(sock_listen(name, 0600, (gid_t)-1), -ENAMETOOLONG);
	assert_int_equal(sock_listen("/nonexistent/s", 0600, (gid_t)-1), -ENOENT);
}

static void accepted_connection_does_not_block_and_knows_its_user(void **state)
{
	struct place *p = *state;
	int fd = sock_listen(p->path, 0600, (gid_t)-1), spare = sock_spare(), peer, ours;

	assert_int_equal(sock_accept(fd, &spare), -EAGAIN);
	peer = client(p->path);
	ours = sock_accept(fd, &spare);
	assert_true(ours >= 0);
	assert_true(fcntl(ours, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(ours, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(sock_peer_user(ours), geteuid());
	close(ours);
	close(peer);
	close(spare);
	close(fd);
}

/* A connection left in the queue would keep the listener ready and its owner awake for ever. */
static void out_of_descriptors_a_connection_is_refused_not_left(void **state)
{
	struct place *p = *state;
	int fd = sock_listen(p->path, 0600, (gid_t)-1), spare = sock_spare();
	int peer = client(p->path), filler[FILES_MAX], count = 0;
	struct rlimit had, few;
	char byte;

	getrlimit(RLIMIT_NOFILE, &had);
	few = had;
	few.rlim_cur = FILES_MAX;
	setrlimit(RLIMIT_NOFILE, &few);
	while (count < FILES_MAX && (filler[count] = dup(fd)) >= 0)
		count++;
	assert_int_equal(sock_accept(fd, &spare), -EMFILE);
	assert_true(spare >= 0);
	assert_int_equal(recv(peer, &byte, 1, MSG_DONTWAIT), 0);
	while (count)
		close(filler[--count]);
	setrlimit(RLIMIT_NOFILE, &had);
	assert_int_equal(sock_accept(fd, &spare), -EAGAIN);
	close(peer);
	close(spare);
	close(fd);
}

static void only_the_owner_of_a_socket_may_have_it_connected(void **state)
{
	struct place *p = *state;
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0), from = socket(AF_UNIX, SOCK_DGRAM, 0);
	char link[80], byte = 0;
	uid_t me = getuid();

	assert_int_equal(sock_bind(fd, p->path, 0600, (uid_t)-1, (gid_t)-1), 0);
	assert_int_equal(sock_connect_owned(from, p->path, me + 1), -EPERM);
	assert_int_equal(sock_connect_owned(from, p->path, me), 0);
	assert_int_equal(send(from, "x", 1, 0), 1);
	assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), 1);
	assert_int_equal(byte, 'x');
	assert_int_equal(sock_connect_owned(from, p->path, 0), 0);
	snprintf(link, sizeof(link), "%s.link", p->path);
	assert_int_equal(symlink(p->path, link), 0);
	assert_int_equal(sock_connect_owned(from, link, me), -ENOTSOCK);
	unlink(link);
	assert_int_equal(sock_connect_owned(from, link, me), -ENOENT);
	assert_int_equal(sock_connect_owned(from, p->dir, me), -ENOTSOCK);
	close(from);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			listener_has_the_mode_asked_for_whatever_the_umask, make, unmake),
		cmocka_unit_test_setup_teardown(live_listener_is_not_replaced_and_a_dead_one_is,
						make, unmake),
		cmocka_unit_test_setup_teardown(file_in_the_way_stays, make, unmake),
		cmocka_unit_test(name_that_is_no_socket_address_is_refused),
		cmocka_unit_test_setup_teardown(
			accepted_connection_does_not_block_and_knows_its_user, make, unmake),
		cmocka_unit_test_setup_teardown(
			out_of_descriptors_a_connection_is_refused_not_left, make, unmake),
		cmocka_unit_test_setup_teardown(
			only_the_owner_of_a_socket_may_have_it_connected, make, unmake),
	};

	return cmocka_run_group_tests_name("sock", tests, NULL, NULL);
}
