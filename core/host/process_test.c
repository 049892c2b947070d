/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/host/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[32], path[64];

static int make(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/procXXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/pid", dir);
	return 0;
}

static int unmake(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

static long pid_in_file(void)
{
	FILE *file = fopen(path, "re");
	long pid = 0;
	char end = 0;

	if (!file)
		return -1;
	if (fscanf(file, "%ld%c", &pid, &end) != 2 || end != '\n' || fgetc(file) != EOF)
		pid = -1;
	fclose(file);
	return pid;
}

/* What a daemon finds about itself. */
struct daemon {
	pid_t pid, session;
	bool at_root, silent;
};

static bool is_null(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && major(st.st_rdev) == 1 &&
	       minor(st.st_rdev) == 3;
}

static void look(struct daemon *d)
{
	char cwd[PATH_MAX] = "";

	*d = (struct daemon){.pid = getpid(), .session = getsid(0)};
	d->at_root = getcwd(cwd, sizeof(cwd)) && strcmp(cwd, "/") == 0;
	d->silent = is_null(0) && is_null(1) && is_null(2);
}

static void parent_ends_when_the_daemon_is_at_work(void **state)
{
	struct daemon d;
	int fds[2], status;
	pid_t child;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		int error = process_daemonize_pidfile(path);

		look(&d);
		if (error || write(fds[1], &d, sizeof(d)) != (ssize_t)sizeof(d))
			_exit(9);
		_exit(0);
	}
	close(fds[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	/* Whoever waited for the parent may use the file at once. */
	assert_true(pid_in_file() > 0);
	assert_int_equal(read(fds[0], &d, sizeof(d)), sizeof(d));
	assert_int_equal(pid_in_file(), d.pid);
	assert_int_not_equal(d.pid, child);
	assert_int_equal(d.session, d.pid);
	assert_true(d.at_root);
	assert_true(d.silent);
	close(fds[0]);
}

static void daemon_without_its_pid_file_is_told_and_changes_nothing(void **state)
{
	struct daemon before, after;
	int error;

	(void)state;
	look(&before);
	error = process_daemonize_pidfile("/nonexistent/pid");
	look(&after);
	assert_int_equal(error, -ENOENT);
	assert_int_equal(after.pid, before.pid);
	assert_int_equal(after.session, before.session);
	assert_int_equal(after.at_root, before.at_root);
	assert_int_equal(after.silent, before.silent);
}

static void pid_file_holds_the_pid_alone(void **state)
{
	FILE *file = fopen(path, "we");

	(void)state;
	fputs("what a longer, older one held\n", file);
	fclose(file);
	assert_int_equal(process_pidfile(path), 0);
	assert_int_equal(pid_in_file(), getpid());
	assert_int_equal(process_pidfile(dir), -EISDIR);
	assert_int_equal(process_pidfile("/nonexistent/pid"), -ENOENT);
}

static void path_is_absolute_without_being_looked_up(void **state)
{
	char cwd[PATH_MAX], want[PATH_MAX + 8], out[PATH_MAX + 8];

	(void)state;
	assert_int_equal(process_absolute("/a/../b", out, sizeof(out)), 0);
	assert_string_equal(out, "/a/../b");
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	snprintf(want, sizeof(want), "%s/x", cwd);
	assert_int_equal(process_absolute("x", out, sizeof(out)), 0);
	assert_string_equal(out, want);
	assert_int_equal(process_absolute("/1234", out, 6), 0);
	assert_int_equal(process_absolute("/12345", out, 6), -ENAMETOOLONG);
}

static void users_and_groups_are_names_or_numbers(void **state)
{
	char name[64];
	uint32_t id = 7;

	(void)state;
	assert_int_equal(process_user_id("root", &id), 0);
	assert_int_equal(id, 0);
	assert_int_equal(process_group_id("root", &id), 0);
	assert_int_equal(id, 0);
	assert_int_equal(process_user_id("3987654321", &id), 0);
	assert_true(id == 3987654321u);
	assert_int_equal(process_user_id("4294967295", &id), -ENOENT); /* nobody: (uid_t)-1 */
	assert_int_equal(process_user_id("no such user", &id), -ENOENT);
	assert_int_equal(process_group_id("-1", &id), -ENOENT);
	process_user_name(0, name, sizeof(name));
	assert_string_equal(name, "root");
	process_user_name(3987654321u, name, sizeof(name));
	assert_string_equal(name, "3987654321");
	process_group_name(3987654321u, name, sizeof(name));
	assert_string_equal(name, "3987654321");
	assert_true(process_in_group(0, 0));
	assert_false(process_in_group(0, 3987654321u));
	assert_false(process_in_group(3987654321u, 0));
}

static void modes_are_octal(void **state)
{
	static const char *const wrong[] = {"", "8", "0x1", "-1", "77777", "000000", "6 ", "10000"};
	mode_t mode = 0;

	(void)state;
	assert_int_equal(process_parse_mode("0640", &mode), 0);
	assert_int_equal(mode, 0640);
	assert_int_equal(process_parse_mode("07777", &mode), 0);
	assert_int_equal(mode, 07777);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(process_parse_mode(wrong[i], &mode), -EINVAL);
}

static void as_many_files_as_it_may(void **state)
{
	struct rlimit had, limit;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &had), 0);
	limit = had;
	limit.rlim_cur = 64;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	process_files_max();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_true(limit.rlim_cur == limit.rlim_max);
	setrlimit(RLIMIT_NOFILE, &had);
}

static void log_says_who_speaks(void **state)
{
	char line[128] = "";
	int fds[2], old = dup(STDERR_FILENO);
	ssize_t n;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	process_log_init("/usr/bin/some_switch");
	dup2(fds[1], STDERR_FILENO);
	process_log(LOG_WARNING, "port %d: %s", 3, "full");
	dup2(old, STDERR_FILENO);
	n = read(fds[0], line, sizeof(line) - 1);
	assert_true(n > 0);
	assert_string_equal(line, "some_switch: port 3: full\n");
	close(fds[0]);
	close(fds[1]);
	close(old);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(parent_ends_when_the_daemon_is_at_work, make,
						unmake),
		cmocka_unit_test(daemon_without_its_pid_file_is_told_and_changes_nothing),
		cmocka_unit_test_setup_teardown(pid_file_holds_the_pid_alone, make, unmake),
		cmocka_unit_test(path_is_absolute_without_being_looked_up),
		cmocka_unit_test(users_and_groups_are_names_or_numbers),
		cmocka_unit_test(modes_are_octal),
		cmocka_unit_test(as_many_files_as_it_may),
		cmocka_unit_test(log_says_who_speaks),
	};

	return cmocka_run_group_tests_name("process", tests, NULL, NULL);
}
