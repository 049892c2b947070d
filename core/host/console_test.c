/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Consoles over real sockets and a clock that is set: the test says when a descriptor is ready. */
#include "core/host/console.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/host/memory.h"
#include "core/host/process.h"
#include "core/host/sock.h"

#define FILES	 256
#define SESSIONS 3

struct world {
	struct vs_arena arena;
	struct mgmt *mgmt;
	struct console *console;
	char dir[32], path[64];
	vs_time now;
	struct {
		rt_fd_fn *fn;
		void *ctx;
		unsigned events;
	} watch[FILES];
	int listener;
	vs_time (*poll_at)(void *ctx);
	void (*run)(void *ctx, vs_time now);
	void *engine;
	unsigned ends, shutdowns;
};

static struct world *w;

vs_time rt_now(const struct rt *rt)
{
	(void)rt;
	return w->now;
}

int rt_add(struct rt *rt, int fd, unsigned events, rt_fd_fn *fn, void *ctx)
{
	(void)rt;
	assert_true(fd >= 0 && fd < FILES && !w->watch[fd].fn);
	w->watch[fd].fn = fn;
	w->watch[fd].ctx = ctx;
	w->watch[fd].events = events;
	if (w->listener < 0)
		w->listener = fd;
	return 0;
}

int rt_change(struct rt *rt, int fd, unsigned events)
{
	(void)rt;
	assert_non_null(w->watch[fd].fn);
	w->watch[fd].events = events;
	return 0;
}

void rt_remove(struct rt *rt, int fd)
{
	(void)rt;
	w->watch[fd].fn = NULL;
}

int rt_engine(struct rt *rt, vs_time (*poll_at)(void *ctx), void (*run)(void *ctx, vs_time now),
	      void *ctx)
{
	(void)rt;
	w->poll_at = poll_at;
	w->run = run;
	w->engine = ctx;
	return 0;
}

static void on_end(void *ctx, bool shutdown)
{
	(void)ctx;
	w->ends++;
	w->shutdowns += shutdown;
}

static int make(void **state)
{
	static struct world world;
	struct mgmt_conf conf = {
		.prompt = "vde$ ", .greeting = "hello\n\n", .sessions_max = SESSIONS};
	struct console_conf console_conf = {.prompt = "vde$ ", .end = on_end};

	(void)state;
	memset(&world, 0, sizeof(world));
	w = &world;
	w->now = VS_SEC;
	w->listener = -1;
	strcpy(w->dir, "/tmp/consXXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->path, sizeof(w->path), "%s/mgmt", w->dir);
	host_arena_init(&w->arena, 0);
	assert_int_equal(mgmt_create(&w->mgmt, &conf, &w->arena), 0);
	console_conf.mgmt = w->mgmt;
	assert_int_equal(console_create(&w->console, &console_conf), 0);
	assert_int_equal(console_listen(w->console, w->path, 0600, (gid_t)-1), 0);
	return 0;
}

/* Sessions, socket and descriptors are gone with the console. */
static int unmake(void **state)
{
	struct stat st;

	(void)state;
	console_destroy(w->console);
	for (int fd = 0; fd < FILES; fd++)
		assert_null(w->watch[fd].fn);
	assert_int_equal(lstat(w->path, &st), -1);
	mgmt_destroy(w->mgmt);
	vs_arena_fini(&w->arena);
	return rmdir(w->dir);
}

static void event(int fd, unsigned events)
{
	assert_non_null(w->watch[fd].fn);
	w->watch[fd].fn(w->watch[fd].ctx, fd, events);
}

/* A client, and the descriptor of its session on our side (-1: refused). */
struct client {
	int fd, session;
};

static struct client client(void)
{
	struct client c = {socket(AF_UNIX, SOCK_STREAM, 0), -1};
	bool had[FILES];

	for (int fd = 0; fd < FILES; fd++)
		had[fd] = w->watch[fd].fn;
	assert_int_equal(sock_connect(c.fd, w->path), 0);
	event(w->listener, RT_READ);
	for (int fd = 0; fd < FILES; fd++)
		if (w->watch[fd].fn && !had[fd])
			c.session = fd;
	return c;
}

/* What has come, as text; "EOF" when that is all there will ever be. */
static const char *heard(struct client c)
{
	static char text[1 << 16];
	ssize_t n = recv(c.fd, text, sizeof(text) - 1, MSG_DONTWAIT);

	if (n == 0)
		return "EOF";
	text[n < 0 ? 0 : n] = '\0';
	return text;
}

static void say(struct client c, const char *text)
{
	assert_int_equal(write(c.fd, text, strlen(text)), strlen(text));
	event(c.session, RT_READ);
}

static void visitor_is_greeted_and_answered(void **state)
{
	struct client c = client();

	(void)state;
	assert_string_equal(heard(c), "hello\n\nvde$ ");
	say(c, "nonsense\n");
	assert_string_equal(heard(c), "1038 Function not implemented\n\nvde$ ");
	say(c, "\n\n");
	assert_string_equal(heard(c), "\nvde$ \nvde$ ");
	close(c.fd);
	event(c.session, RT_READ | RT_HUP);
	assert_null(w->watch[c.session].fn);
}

static void piece_without_an_end_is_a_command_after_50_ms(void **state)
{
	struct client c = client();

	(void)state;
	heard(c);
	say(c, "non");
	assert_int_equal(w->poll_at(w->engine), w->now + 50 * VS_MSEC);
	w->now += 30 * VS_MSEC;
	say(c, "sense");
	assert_int_equal(w->poll_at(w->engine), w->now + 50 * VS_MSEC);
	w->now += 50 * VS_MSEC - 1;
	w->run(w->engine, w->now);
	assert_string_equal(heard(c), "");
	w->run(w->engine, ++w->now);
	assert_string_equal(heard(c), "1038 Function not implemented\n\nvde$ ");
	assert_int_equal(w->poll_at(w->engine), VS_NEVER);
	say(c, "whole\n");
	assert_int_equal(w->poll_at(w->engine), VS_NEVER);
	close(c.fd);
}

static void commands_before_the_end_of_input_are_answered(void **state)
{
	struct client c = client();

	(void)state;
	heard(c);
	say(c, "first\nsecond");
	shutdown(c.fd, SHUT_WR);
	event(c.session, RT_READ);
	assert_string_equal(heard(c), "1038 Function not implemented\n\nvde$ "
				      "1038 Function not implemented\n\nvde$ ");
	assert_string_equal(heard(c), "EOF");
	assert_null(w->watch[c.session].fn);
	close(c.fd);
}

static void logout_ends_its_session_alone(void **state)
{
	struct client a = client(), b = client();

	(void)state;
	heard(a);
	heard(b);
	say(a, "logout\n");
	assert_string_equal(heard(a), "9999 END OF SESSION");
	assert_string_equal(heard(a), "EOF");
	say(b, "x\n");
	assert_string_equal(heard(b), "1038 Function not implemented\n\nvde$ ");
	assert_int_equal(w->ends, 0);
	close(a.fd);
	close(b.fd);
}

static void one_too_many_is_told_and_the_next_place_is_used(void **state)
{
	struct client c[SESSIONS], refused;

	(void)state;
	for (int i = 0; i < SESSIONS; i++)
		c[i] = client();
	process_log_init("console_test");
	refused = client();
	assert_int_equal(refused.session, -1);
	assert_string_equal(heard(refused), "1024 Too many open files (all consoles are taken)\n");
	assert_string_equal(heard(refused), "EOF");
	close(refused.fd);
	close(c[0].fd);
	event(c[0].session, RT_HUP);
	c[0] = client();
	assert_string_equal(heard(c[0]), "hello\n\nvde$ ");
	for (int i = 0; i < SESSIONS; i++)
		close(c[i].fd);
}

static void who_does_not_read_is_waited_for_and_loses_nothing(void **state)
{
	struct client c = client();
	size_t got = 0, asked = 0, each;
	const char *text;

	(void)state;
	heard(c);
	say(c, "help\n");
	each = strlen(heard(c));
	for (; !(w->watch[c.session].events & RT_WRITE); asked++) {
		assert_true(asked < 10000);
		say(c, "help\n");
	}
	while (got < asked * each) {
		text = heard(c);
		assert_true(*text);
		got += strlen(text);
		if (w->watch[c.session].events & RT_WRITE)
			event(c.session, RT_WRITE);
	}
	assert_int_equal(got, asked * each);
	assert_int_equal(w->watch[c.session].events, RT_READ);
	close(c.fd);
}

static void everybody_hears_of_a_shutdown_once(void **state)
{
	struct client a = client(), b = client();

	(void)state;
	heard(a);
	heard(b);
	say(a, "shutdown\n");
	assert_int_equal(w->ends, 1);
	assert_int_equal(w->shutdowns, 1);
	assert_string_equal(heard(a), "9999 END OF SESSION");
	say(b, "shutdown\n");
	assert_int_equal(w->ends, 1);
	close(a.fd);
	close(b.fd);
}

static void name_in_use_is_refused(void **state)
{
	struct console_conf conf = {.prompt = "vde$ ", .mgmt = w->mgmt, .end = on_end};
	struct console *other;

	(void)state;
	assert_int_equal(console_create(&other, &conf), 0);
	assert_int_equal(console_listen(other, w->path, 0600, (gid_t)-1), -EADDRINUSE);
	console_destroy(other);
	close(client().fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(visitor_is_greeted_and_answered),
		TEST(piece_without_an_end_is_a_command_after_50_ms),
		TEST(commands_before_the_end_of_input_are_answered),
		TEST(logout_ends_its_session_alone),
		TEST(one_too_many_is_told_and_the_next_place_is_used),
		TEST(who_does_not_read_is_waited_for_and_loses_nothing),
		TEST(everybody_hears_of_a_shutdown_once),
		TEST(name_in_use_is_refused),
	};

	return cmocka_run_group_tests_name("console", tests, NULL, NULL);
}
