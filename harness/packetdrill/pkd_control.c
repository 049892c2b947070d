/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shell lines of a script run in processes of their own while packetdrill waits for them. What they
 * ask of sysctl, ip and tc reaches the stack through a socket whose name is in the environment:
 * a thread serves one request after another. A request is a line, an answer is one:
 *
 *      set NAME VALUE          OK | ERROR errno
 *      get NAME                OK VALUE | ERROR errno
 *      route PREFIX [WORD VALUE ...]
 *      flush
 *
 * The programs that ask are found first in PATH: they lie beside this library.
 */
#include <dlfcn.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "harness/packetdrill/pkd_impl.h"

#define STACK_BYTES (128 * 1024)
#define SETTLE_US   50
#define SETTLE_MAX  40000

static void reply(int fd, int error, const char *value)
{
	char line[PKD_COMMAND_MAX];
	int len = error ? snprintf(line, sizeof(line), "ERROR %d\n", -error)
			: snprintf(line, sizeof(line), "OK %s\n", value);

	if (write(fd, line, (size_t)len) < 0)
		return; /* whoever asked has gone */
}

static void serve_line(struct pkd *w, int fd, char *line)
{
	char *rest = NULL, *verb = strtok_r(line, " ", &rest), *name;
	char value[1024] = "";
	int error = -EINVAL;

	if (!verb)
		return;
	pthread_mutex_lock(&w->lock);
	if (!strcmp(verb, "flush")) {
		stk_tcp_metrics_flush(w->stk);
		error = 0;
	} else if ((name = strtok_r(NULL, " ", &rest))) {
		if (!strcmp(verb, "set"))
			error = pkd_setting_set(w, name, rest ? rest : "");
		else if (!strcmp(verb, "get"))
			error = pkd_setting_get(w, name, value, sizeof(value));
		else if (!strcmp(verb, "route"))
			error = pkd_route_set(w, name, rest);
	}
	pthread_mutex_unlock(&w->lock);
	reply(fd, error, value);
}

static void serve(struct pkd *w, int fd)
{
	char line[PKD_COMMAND_MAX];
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, line + len, sizeof(line) - 1 - len)) > 0) {
		char *end;

		len += (size_t)n;
		line[len] = '\0';
		while ((end = strchr(line, '\n'))) {
			*end++ = '\0';
			serve_line(w, fd, line);
			len -= (size_t)(end - line);
			memmove(line, end, len + 1);
		}
	}
}

static void *control_thread(void *context)
{
	struct pkd *w = context;
	struct pollfd listener = {.fd = w->control_fd, .events = POLLIN};
	int fd;

	while (poll(&listener, 1, -1) > 0) {
		pthread_mutex_lock(&w->lock);
		fd = accept(w->control_fd, NULL, NULL);
		w->serving = fd >= 0;
		pthread_mutex_unlock(&w->lock);
		if (fd < 0)
			break;
		serve(w, fd);
		close(fd);
		pthread_mutex_lock(&w->lock);
		w->serving = false;
		pthread_mutex_unlock(&w->lock);
	}
	return NULL;
}

/* A shell that wrote a setting does not wait until it is read: what it has asked for holds before
 * the script goes on. Called locked, after the child has ended.
 */
void pkd_control_settle(struct pkd *w)
{
	struct pollfd listener = {.fd = w->control_fd, .events = POLLIN};

	if (!w->control_runs)
		return;
	for (unsigned i = 0; i < SETTLE_MAX && (w->serving || poll(&listener, 1, 0) > 0); i++) {
		pthread_mutex_unlock(&w->lock);
		usleep(SETTLE_US);
		pthread_mutex_lock(&w->lock);
	}
}

static void prepend(const char *name, const char *first, char separator)
{
	const char *old = getenv(name);
	size_t size = strlen(first) + (old ? strlen(old) : 0) + 2;
	char *whole = malloc(size);

	if (!whole)
		return;
	if (old && *old)
		snprintf(whole, size, "%s%c%s", first, separator, old);
	else
		snprintf(whole, size, "%s", first);
	setenv(name, whole, 1);
	free(whole);
}

/* Children are to find our programs, and our library before libc. */
static void prepare_environment(const char *socket)
{
	char path[PATH_MAX], shims[PATH_MAX + 32];
	const char *preload = getenv("LD_PRELOAD");
	Dl_info info;

	setenv("VSQ_PACKETDRILL_SOCKET", socket, 1);
	if (!dladdr(&pkd_world, &info) || !realpath(info.dli_fname, path))
		return;
	if (!preload || !strstr(preload, "libvsq-packetdrill.so"))
		prepend("LD_PRELOAD", path, ':');
	snprintf(shims, sizeof(shims), "%s/vsq-packetdrill", dirname(path));
	prepend("PATH", shims, ':');
}

int pkd_control_start(struct pkd *w)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	char name[64];
	pthread_attr_t attr;
	int error;

	snprintf(name, sizeof(name), "vsq-packetdrill-%d", (int)getpid());
	/* Abstract: it goes with the process, however that ends. */
	memcpy(sa.sun_path + 1, name, strlen(name));
	w->control_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (w->control_fd < 0)
		return -errno;
	if (bind(w->control_fd, (struct sockaddr *)&sa,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name))) ||
	    listen(w->control_fd, 16)) {
		error = -errno;
		close(w->control_fd);
		w->control_fd = -1;
		return error;
	}
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	error = -pthread_create(&w->control, &attr, control_thread, w);
	pthread_attr_destroy(&attr);
	w->control_runs = !error;
	prepare_environment(name);
	return error;
}

void pkd_control_stop(struct pkd *w)
{
	if (w->control_fd >= 0)
		shutdown(w->control_fd, SHUT_RDWR);
	if (w->control_runs)
		pthread_join(w->control, NULL);
	if (w->control_fd >= 0)
		close(w->control_fd);
	w->control_fd = -1;
}
