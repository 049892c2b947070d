/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/host/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "core/base/text.h"

/* What this process calls itself: its voice is one, as its stderr is. */
static const char *log_name = "vsq";
static bool log_to_syslog;

/* What the child does before its parent ends. */
static int settle_down(const char *pid_file)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), error = 0;

	if (null < 0)
		return -errno;
	if (setsid() < 0)
		error = -errno;
	if (!error && pid_file)
		error = process_pidfile(pid_file);
	if (!error && chdir("/") < 0)
		error = -errno;
	for (int fd = 0; fd < 3 && !error; fd++)
		if (dup2(null, fd) < 0)
			error = -errno;
	if (null > 2)
		close(null);
	return error;
}

int process_daemonize_pidfile(const char *pid_file)
{
	int fds[2], error = 0;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid < 0) {
		error = -errno;
		close(fds[0]);
		close(fds[1]);
		return error;
	}
	close(fds[pid > 0]);
	if (pid == 0) {
		error = settle_down(pid_file);
		if (write(fds[1], &error, sizeof(error)) != (ssize_t)sizeof(error) || error)
			_exit(1);
		close(fds[1]);
		return 0;
	}
	/* Whoever started us finds the daemon at work when this process ends. */
	if (read(fds[0], &error, sizeof(error)) != (ssize_t)sizeof(error))
		error = -ECHILD;
	if (!error)
		_exit(0);
	waitpid(pid, NULL, 0);
	close(fds[0]);
	return error;
}

int process_daemonize(void)
{
	return process_daemonize_pidfile(NULL);
}

void process_files_max(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int process_pidfile(const char *path)
{
	char line[16];
	int n = snprintf(line, sizeof(line), "%d\n", (int)getpid());
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	int error = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, line, (size_t)n) != n)
		error = errno ? -errno : -EIO;
	if (close(fd) < 0 && !error)
		error = -errno;
	return error;
}

int process_absolute(const char *path, char *out, size_t size)
{
	char cwd[4096] = "";
	int n;

	if (path[0] != '/' && !getcwd(cwd, sizeof(cwd)))
		return -errno;
	n = snprintf(out, size, "%s%s%s", cwd, path[0] == '/' ? "" : "/", path);
	return n < (int)size ? 0 : -ENAMETOOLONG;
}

void process_log_init(const char *name)
{
	const char *slash = strrchr(name, '/');

	log_name = slash ? slash + 1 : name;
}

void process_log_syslog(void)
{
	openlog(log_name, LOG_PID, LOG_DAEMON);
	log_to_syslog = true;
}

void process_log(int priority, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (log_to_syslog) {
		vsyslog(priority, format, args);
	} else {
		char line[1024];

		vsnprintf(line, sizeof(line), format, args);
		fprintf(stderr, "%s: %s\n", log_name, line);
	}
	va_end(args);
}

static bool number(const char *text, uint32_t *id)
{
	uint64_t value;

	if (vs_parse_uint(text, UINT32_MAX - 1, &value))
		return false;
	*id = (uint32_t)value;
	return true;
}

int process_user_id(const char *name, uint32_t *id)
{
	const struct passwd *user = getpwnam(name);

	if (!user)
		return number(name, id) ? 0 : -ENOENT;
	*id = user->pw_uid;
	return 0;
}

int process_group_id(const char *name, uint32_t *id)
{
	const struct group *group = getgrnam(name);

	if (!group)
		return number(name, id) ? 0 : -ENOENT;
	*id = group->gr_gid;
	return 0;
}

void process_user_name(uint32_t id, char *name, size_t size)
{
	const struct passwd *user = getpwuid(id);

	if (user)
		snprintf(name, size, "%s", user->pw_name);
	else
		snprintf(name, size, "%u", (unsigned)id);
}

void process_group_name(uint32_t id, char *name, size_t size)
{
	const struct group *group = getgrgid(id);

	if (group)
		snprintf(name, size, "%s", group->gr_name);
	else
		snprintf(name, size, "%u", (unsigned)id);
}

bool process_in_group(uint32_t user, uint32_t group)
{
	const struct passwd *who = getpwuid(user);
	gid_t *groups;
	int count = 64;
	bool found = false;

	if (!who)
		return false;
	groups = calloc((size_t)count, sizeof(*groups));
	if (groups && getgrouplist(who->pw_name, who->pw_gid, groups, &count) < 0 && count > 0) {
		free(groups);
		groups = calloc((size_t)count, sizeof(*groups));
		if (groups && getgrouplist(who->pw_name, who->pw_gid, groups, &count) < 0)
			count = 0;
	}
	for (int i = 0; groups && i < count; i++)
		found |= groups[i] == group;
	free(groups);
	return found;
}

int process_parse_mode(const char *text, mode_t *mode)
{
	size_t len = strlen(text);

	if (len == 0 || len > 5 || strspn(text, "01234567") != len)
		return -EINVAL;
	*mode = (mode_t)strtoul(text, NULL, 8);
	return *mode <= 07777 ? 0 : -EINVAL;
}
