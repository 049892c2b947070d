/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From the name of a switch to a connection.
 *
 * The data socket is bound before the request is sent, in the switch's own directory if we may
 * write there, so that whoever may not enter the directory cannot reach the socket either. It has
 * its final mode and group before the switch hears of it. The switch answers with the path of its
 * own socket for this connection; both ends connect, so nobody else can send into either.
 */
#include "core/plug/conn.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/plug/ipn.h"
#include "core/plug/proto.h"

#define PORT_MAX    0xffffff /* 24 bits in the request */
#define PORT_ANY    (-1)
#define SOCKETS_MAX 10000 /* names tried in a directory before giving up */

struct target {
	char dir[4096]; /* "": the default places */
	char port[64];	/* what was between [ and ] */
	bool port_given;
};

/* Splits DIR[PORT]. A path that ends otherwise has no port, whatever brackets are inside. */
static int target_parse(struct target *t, const char *s)
{
	size_t len = strlen(s);
	const char *open;

	*t = (struct target){0};
	if (len && s[len - 1] == ']' && (open = strrchr(s, '['))) {
		size_t port_len = (size_t)(s + len - 1 - (open + 1));

		if (port_len == 0 || port_len >= sizeof(t->port) || memchr(open, '/', port_len + 1))
			return -EINVAL;
		memcpy(t->port, open + 1, port_len);
		t->port_given = true;
		len = (size_t)(open - s);
	}
	if (len >= sizeof(t->dir))
		return -ENAMETOOLONG;
	memcpy(t->dir, s, len);
	return 0;
}

/* The user's default switch: a symbolic link to a directory, or one whose text is a URL. */
static bool default_of_user(char *url, size_t size)
{
	static const char *const names[] = {"/.vdeplug/default", "/.vde2/default.switch"};
	const char *home = getenv("HOME");
	char path[4096];

	for (size_t i = 0; home && i < sizeof(names) / sizeof(names[0]); i++) {
		struct stat st;
		ssize_t n;

		if (snprintf(path, sizeof(path), "%s%s", home, names[i]) >= (int)sizeof(path) ||
		    lstat(path, &st) < 0)
			continue;
		n = readlink(path, url, size - 1);
		if (n > 0) {
			url[n] = '\0';
			if (strstr(url, "://") || url[0] == '/')
				return true;
		}
		if (snprintf(url, size, "%s", path) < (int)size)
			return true;
	}
	return false;
}

/* "vde://x" is x, "x" is itself; "other://x" is not ours. */
static int url_path(const char *url, const char **path)
{
	const char *colon = strstr(url, "://");

	*path = url;
	if (!colon)
		return 0;
	if (colon - url != 3 || memcmp(url, "vde", 3) != 0)
		return -EPROTONOSUPPORT;
	*path = colon + 3;
	return 0;
}

static int sun_set(struct sockaddr_un *sun, const char *dir, const char *name)
{
	int n;

	*sun = (struct sockaddr_un){.sun_family = AF_UNIX};
	n = snprintf(sun->sun_path, sizeof(sun->sun_path), "%s/%s", dir, name);
	return n < (int)sizeof(sun->sun_path) ? 0 : -ENAMETOOLONG;
}

/* Connects to the control socket of a directory: a portgroup has one of its own, named after it. */
static int dial(int ctl, const struct target *t, const char *dir, struct sockaddr_un *peer)
{
	int error;

	if (t->port_given) {
		error = sun_set(peer, dir, t->port);
		if (error)
			return error;
		if (connect(ctl, (struct sockaddr *)peer, sizeof(*peer)) == 0)
			return 0;
		if (strspn(t->port, "0123456789") != strlen(t->port))
			return -errno;
	}
	error = sun_set(peer, dir, "ctl");
	if (error)
		return error;
	if (connect(ctl, (struct sockaddr *)peer, sizeof(*peer)) < 0)
		return -errno;
	return 0;
}

/* Finds the switch: sets dir to the absolute path of its directory. */
static int find(int ctl, const struct target *t, char dir[4096], struct sockaddr_un *peer)
{
	static const char *const places[] = {"/var/run/vde.ctl", "/tmp/vde.ctl"};
	int error = -ENOENT;

	if (t->dir[0]) {
		if (!realpath(t->dir, dir))
			return -errno;
		return dial(ctl, t, dir, peer);
	}
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		int why;

		if (!realpath(places[i], dir))
			continue;
		why = dial(ctl, t, dir, peer);
		if (!why)
			return 0;
		/* A switch that is there and refuses says more than one that is not there. */
		if (error == -ENOENT)
			error = why;
	}
	return error;
}

/* Binds the data socket to a fresh name in dir, else in a directory for everybody. */
static int bind_data(struct vdeconn *conn, const char *dir)
{
	const char *const dirs[] = {dir, "/var/run", "/tmp", "/var/tmp"};
	char name[32];
	int error = -EACCES;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		for (int n = 0; n < SOCKETS_MAX; n++) {
			snprintf(name, sizeof(name), "%s.%05d-%05d", i ? "vde" : "", (int)getpid(),
				 n);
			error = sun_set(&conn->own, dirs[i], name);
			if (error)
				break;
			if (bind(conn->data, (struct sockaddr *)&conn->own, sizeof(conn->own)) == 0)
				return 0;
			error = -errno;
			if (error != -EADDRINUSE)
				break;
		}
	}
	return error;
}

/* By default the data sockets open to whom the control socket is open: so a switch that runs as
 * another user of the same group can reach ours.
 */
static int set_access(const char *path, const struct sockaddr_un *peer,
		      const struct vde_open_args *args, gid_t gid)
{
	mode_t mode = args->mode;
	struct stat st;

	if (stat(peer->sun_path, &st) < 0)
		return -errno;
	if (mode == 0)
		mode = 0700 | (st.st_mode & 0020 ? 0070 : 0) | (st.st_mode & 0002 ? 0007 : 0);
	if (args->group) {
		if (chown(path, (uid_t)-1, gid) < 0)
			return -errno;
	} else if (mode & 0070 && st.st_gid != getegid() && chown(path, (uid_t)-1, st.st_gid) < 0) {
		/* Not a member: the bits for others must do. */
		mode &= ~(mode_t)0070;
	}
	return chmod(path, mode) == 0 ? 0 : -errno;
}

/* Opens the switch's end likewise: it is ours to do only when we own it, as with a switch of the
 * same user; else the switch has chosen.
 */
static void open_peer(const char *path, const struct vde_open_args *args, gid_t gid)
{
	if (args->group && chown(path, (uid_t)-1, gid) < 0)
		return;
	if (args->mode && chmod(path, args->mode) < 0)
		return;
}

/* The description, cut so that who it is always fits behind it. */
static void describe(char out[PLUG_DESCR_MAX], const char *descr)
{
	const char *ssh = getenv("SSH_CLIENT");
	const struct passwd *user = getpwuid(getuid());
	char who[PLUG_DESCR_MAX];
	size_t len, descr_len = strlen(descr);
	int n;

	if (user)
		n = snprintf(who, sizeof(who), " user=%.40s pid=%d", user->pw_name, (int)getpid());
	else
		n = snprintf(who, sizeof(who), " user=%d pid=%d", (int)getuid(), (int)getpid());
	if (ssh && *ssh && strcspn(ssh, " \t") < 48)
		snprintf(who + n, sizeof(who) - (size_t)n, " SSH=%.*s", (int)strcspn(ssh, " \t"),
			 ssh);
	len = strlen(who);
	if (descr_len > PLUG_DESCR_MAX - 1 - len)
		descr_len = PLUG_DESCR_MAX - 1 - len;
	memcpy(out, descr, descr_len);
	memcpy(out + descr_len, who, len + 1);
}

static int ask(struct vdeconn *conn, const char *descr, long port, struct sockaddr_un *answer)
{
	struct plug_request_v3 request = {
		.magic = PLUG_MAGIC,
		.version = PLUG_VERSION,
		.type = port == 0 ? PLUG_REQ_PORT0
				  : (port == PORT_ANY ? 0 : (uint32_t)port << 8) | PLUG_REQ_NEW,
		.sock = conn->own,
	};
	size_t len, got = 0;

	describe(request.description, descr);
	len = offsetof(struct plug_request_v3, description) +
	      strnlen(request.description, sizeof(request.description));
	if (send(conn->ctl, &request, len, MSG_NOSIGNAL) < 0)
		return -errno;
	while (got < sizeof(*answer)) {
		ssize_t n = recv(conn->ctl, (char *)answer + got, sizeof(*answer) - got, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ECONNRESET; /* closed instead of answered: refused */
		got += (size_t)n;
	}
	if (answer->sun_family != AF_UNIX || answer->sun_path[0] == '\0' ||
	    !memchr(answer->sun_path, '\0', sizeof(answer->sun_path)))
		return -EPROTO;
	return 0;
}

static int port_of(const struct target *t, const struct vde_open_args *args, long *port)
{
	*port = args->port ? args->port : PORT_ANY;
	if (t->port_given && strspn(t->port, "0123456789") == strlen(t->port))
		*port = strlen(t->port) < 10 ? strtol(t->port, NULL, 10) : PORT_MAX + 1L;
	return *port < PORT_ANY || *port > PORT_MAX ? -EINVAL : 0;
}

static int group_of(const struct vde_open_args *args, gid_t *gid)
{
	const struct group *group;

	*gid = (gid_t)-1;
	if (!args->group)
		return 0;
	group = getgrnam(args->group);
	if (!group)
		return -EINVAL;
	*gid = group->gr_gid;
	return 0;
}

/* Joins a network in the kernel, where nothing of ours has a group or a mode. */
static int open_network(struct vdeconn *conn, const struct target *t, long port, const char *descr)
{
	char text[PLUG_DESCR_MAX];

	/* Portgroups are of vde_switch. */
	if (t->port_given && strspn(t->port, "0123456789") != strlen(t->port))
		return -EINVAL;
	describe(text, descr);
	return plug_open_ipn(conn, t->dir, (int)port, text);
}

int plug_open(struct vdeconn *conn, const char *url, const char *descr,
	      const struct vde_open_args *args)
{
	char dir[4096], home[4096];
	struct sockaddr_un peer, answer;
	struct target target;
	const char *path;
	gid_t gid;
	long port;
	int error;

	if (!*url && default_of_user(home, sizeof(home)))
		url = home;
	error = url_path(url, &path);
	error = error ? error : target_parse(&target, path);
	error = error ? error : port_of(&target, args, &port);
	error = error ? error : group_of(args, &gid);
	if (error)
		return error;
	if (plug_ipn_path(target.dir))
		return open_network(conn, &target, port, descr);
	conn->ctl = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (conn->ctl < 0)
		return -errno;
	conn->data = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (conn->data < 0) {
		error = -errno;
		goto no_data;
	}
	error = find(conn->ctl, &target, dir, &peer);
	if (error)
		goto no_switch;
	error = bind_data(conn, dir);
	if (error)
		goto no_switch;
	error = set_access(conn->own.sun_path, &peer, args, gid);
	error = error ? error : ask(conn, descr, port, &answer);
	if (!error && connect(conn->data, (struct sockaddr *)&answer, sizeof(answer)) < 0)
		error = -errno;
	if (error)
		goto refused;
	open_peer(answer.sun_path, args, gid);
	return 0;

refused:
	unlink(conn->own.sun_path);
no_switch:
	close(conn->data);
no_data:
	close(conn->ctl);
	return error;
}
