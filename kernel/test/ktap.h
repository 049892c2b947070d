/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A test program for a guest: cases with names that are claims, each in a process of its own with
 * a time limit, told as KTAP.  `PROGRAM --list` names them without running any, so that each can be
 * a test of its own outside; `PROGRAM NAME...` runs some.
 *
 *	static void a_claim(void) { CHECK(1 + 1 == 2); CHECK_ERRNO(close(-1), EBADF); }
 *	int main(int argc, char **argv)
 *	{
 *		static const struct ktap_case cases[] = { KTAP_CASE(a_claim), };
 *		return ktap_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]));
 *	}
 */
#ifndef KERNEL_TEST_KTAP_H
#define KERNEL_TEST_KTAP_H

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct ktap_case {
	const char *name;
	void (*run)(void);
};

#define KTAP_CASE(function) { #function, function }
#define KTAP_SECONDS 30	/* bounds a hang of one case */
#define KTAP_SKIP    4	/* the status of a case that cannot be run here */

/* What must be true: ends the case when it is not, and says where. */
#define CHECK(what) ktap_check((what), #what, __FILE__, __LINE__, 0)
/* A call that must succeed (>= 0); its value. */
#define CHECK_OK(call) ktap_ok((long)(call), #call, __FILE__, __LINE__)
/* A call that must fail with this errno. */
#define CHECK_ERRNO(call, error) \
	ktap_errno((long)(call), error, #call " fails with " #error, __FILE__, __LINE__)
/* Two numbers that must be equal. */
#define CHECK_EQUAL(a, b) ktap_equal((long)(a), (long)(b), #a " == " #b, __FILE__, __LINE__)

static inline void ktap_check(bool holds, const char *what, const char *file, int line, int error)
{
	if (holds)
		return;
	printf("# %s:%d: not so: %s", file, line, what);
	if (error)
		printf(": %s", strerror(error));
	printf("\n");
	fflush(stdout);
	_exit(1);
}

static inline long ktap_ok(long value, const char *what, const char *file, int line)
{
	ktap_check(value >= 0, what, file, line, errno);
	return value;
}

static inline void ktap_errno(long value, int wanted, const char *what, const char *file, int line)
{
	int found = errno; /* here: arguments are evaluated in any order */

	if (value < 0 && found == wanted)
		return;
	printf("# it gave %ld: %s\n", value, value < 0 ? strerror(found) : "no error");
	ktap_check(false, what, file, line, 0);
}

static inline void ktap_equal(long a, long b, const char *what, const char *file, int line)
{
	if (a != b)
		printf("# %ld and %ld\n", a, b);
	ktap_check(a == b, what, file, line, 0);
}

/* Ends the case: it cannot be run here, because of WHY. */
static inline void ktap_skip(const char *why)
{
	printf("# skipped: %s\n", why);
	fflush(stdout);
	_exit(KTAP_SKIP);
}

/* What to do before each case, in its process. */
static void (*ktap_before)(void) __attribute__((unused));

static inline int ktap_run(const struct ktap_case *one)
{
	int status;
	pid_t child, done;

	fflush(stdout);
	child = fork();
	if (child < 0)
		return -1;
	if (child == 0) {
		setpgid(0, 0);
		alarm(KTAP_SECONDS);
		if (ktap_before)
			ktap_before();
		one->run();
		fflush(stdout);
		_exit(0);
	}
	/* Who lost its parent is ours: it goes at once, as it would with init. */
	do
		done = waitpid(-1, &status, 0);
	while (done != child && (done > 0 || errno == EINTR));
	/* What a case left behind must not meet the next one. */
	if (kill(-child, SIGKILL) == 0)
		while (waitpid(-child, NULL, 0) > 0)
			continue;
	return status;
}

static inline int ktap_main(int argc, char **argv, const struct ktap_case *cases, size_t count)
{
	size_t chosen = 0, number = 0, failed = 0;
	bool all = argc < 2;

	setvbuf(stdout, NULL, _IOLBF, 0);
	prctl(PR_SET_CHILD_SUBREAPER, 1);	/* what a case leaves behind is waited for here */
	if (!all && strcmp(argv[1], "--list") == 0) {
		for (size_t i = 0; i < count; i++)
			puts(cases[i].name);
		return 0;
	}
	for (size_t i = 0; i < count; i++)
		for (int j = 1; all || j < argc; j++)
			if (all || strcmp(argv[j], cases[i].name) == 0) {
				chosen++;
				break;
			}
	printf("KTAP version 1\n1..%zu\n", chosen);
	for (size_t i = 0; i < count; i++) {
		bool wanted = all;
		int status;

		for (int j = 1; j < argc; j++)
			wanted |= strcmp(argv[j], cases[i].name) == 0;
		if (!wanted)
			continue;
		status = ktap_run(&cases[i]);
		number++;
		if (WIFSIGNALED(status))
			printf("# ended by signal %d%s\n", WTERMSIG(status),
			       WTERMSIG(status) == SIGALRM ? ": took too long" : "");
		if (status == 0) {
			printf("ok %zu - %s\n", number, cases[i].name);
		} else if (WIFEXITED(status) && WEXITSTATUS(status) == KTAP_SKIP) {
			printf("ok %zu - %s # SKIP\n", number, cases[i].name);
		} else {
			printf("not ok %zu - %s\n", number, cases[i].name);
			failed++;
		}
	}
	return failed || chosen == 0 ? 1 : 0;
}

#endif
