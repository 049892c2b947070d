/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/bin/switch_guests.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "core/host/process.h"
#include "core/host/sock.h"
#include "core/plug/proto.h"

struct guest {
	struct guests *guests;
	int ctl;
	int data;     /* -1: not yet asked for */
	int endpoint; /* -1: none, or closed by the engine */
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)]; /* of data; "": not bound */
	size_t got; /* bytes of the request */
	union {
		uint32_t word[2];
		struct plug_request_v1 v1;
		struct plug_request_v3 v3;
		char bytes[sizeof(struct plug_request_v1) + 1];
	} request;
	struct guest *next;
};

static_assert(sizeof(struct plug_request_v1) >= sizeof(struct plug_request_v3), "the longest");

struct guests {
	struct guests_conf conf;
	char dir[PATH_MAX];
	char ctl_path[PATH_MAX + 4];
	int listener;
	int spare; /* for sock_accept() */
	struct guest *list;
};

static void guest_close(struct guest *g)
{
	struct guests *gs = g->guests;
	struct guest **link = &gs->list;

	while (*link != g)
		link = &(*link)->next;
	*link = g->next;
	if (g->endpoint >= 0) {
		ports_remove(gs->conf.ports, g->endpoint);
		vsw_detach(gs->conf.sw, rt_now(gs->conf.rt), g->endpoint);
	}
	rt_remove(gs->conf.rt, g->ctl);
	if (g->path[0])
		unlink(g->path);
	if (g->data >= 0)
		close(g->data);
	close(g->ctl);
	free(g);
}

void guests_endpoint_closed(struct guests *gs, int endpoint)
{
	for (struct guest *g = gs->list; g; g = g->next) {
		if (g->endpoint != endpoint)
			continue;
		ports_remove(gs->conf.ports, endpoint);
		g->endpoint = -1;
		guest_close(g);
		return;
	}
}

static int data_recv(void *ctx, int fd, struct vs_frame **frames, unsigned count, bool *more)
{
	return dgram_recv_frames(ctx, fd, frames, count, more);
}

static int data_send(void *ctx, int fd, struct vs_frame *const *frames, unsigned count)
{
	(void)ctx;
	return dgram_send_frames(fd, frames, count);
}

/* What a request asks for. */
struct wish {
	int port;
	bool any;
	struct sockaddr_un sock;
	char description[PLUG_DESCR_MAX];
};

/* Reads a request: 0 when it is whole, -EAGAIN when more must come, -EINVAL. The description has
 * no length of its own: it is what came with the rest.
 */
static int request_read(const struct guest *g, struct wish *wish)
{
	const char *description;
	uint32_t type;
	size_t head;

	if (g->got >= sizeof(uint32_t) && g->request.word[0] != PLUG_MAGIC) {
		process_log(LOG_WARNING, "Request without the magic number: closed");
		return -EINVAL;
	}
	if (g->got < 2 * sizeof(uint32_t))
		return -EAGAIN;
	if (g->request.word[1] == PLUG_VERSION) {
		head = offsetof(struct plug_request_v3, description);
		type = g->request.v3.type;
		wish->sock = g->request.v3.sock;
		description = g->request.v3.description;
	} else if (g->request.word[1] < 2) {
		head = offsetof(struct plug_request_v1, description);
		type = g->request.v1.type;
		wish->sock = g->request.v1.sock;
		description = g->request.v1.description;
	} else {
		process_log(LOG_ERR,
			    "Request for a version %u port, which this vde_switch doesn't support",
			    g->request.word[1]);
		return -EINVAL;
	}
	if (g->got < head)
		return -EAGAIN;
	if ((type & 0xff) > PLUG_REQ_PORT0) {
		process_log(LOG_WARNING, "Bad request type: %u", type & 0xff);
		return -EINVAL;
	}
	wish->port = (int)(type >> 8);
	wish->any = wish->port == 0 && (type & 0xff) == PLUG_REQ_NEW;
	if (g->got - head < sizeof(wish->description))
		head = g->got - head;
	else
		head = sizeof(wish->description) - 1;
	memcpy(wish->description, description, head);
	wish->description[head] = '\0';
	for (char *c = wish->description; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	return 0;
}

/* Makes the data socket and connects it to the guest's, which must be the guest's own: nobody shall
 * have frames sent into another's.
 */
static int data_connect(struct guest *g, const struct sockaddr_un *sock, uid_t user)
{
	if (user == (uid_t)-1)
		return -EPERM;
	if (sock->sun_family != AF_UNIX || sock->sun_path[0] != '/' ||
	    !memchr(sock->sun_path, '\0', sizeof(sock->sun_path)))
		return -EINVAL;
	g->data = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return g->data < 0 ? -errno : sock_connect_owned(g->data, sock->sun_path, user);
}

/* Names the data socket of a guest on a port and tells the guest. */
static int data_open(struct guest *g, int port, uid_t user)
{
	struct guests *gs = g->guests;
	struct sockaddr_un answer = {.sun_family = AF_UNIX};
	int error;

	if (snprintf(answer.sun_path, sizeof(answer.sun_path), "%s/%03d.%d", gs->dir, port,
		     g->data) >= (int)sizeof(answer.sun_path))
		return -ENAMETOOLONG;
	/* Only root may give a socket away; else the mode decides who may use it. */
	error = sock_bind(g->data, answer.sun_path, gs->conf.mode,
			  geteuid() == 0 ? user : (uid_t)-1, gs->conf.gid);
	if (error)
		return error;
	memcpy(g->path, answer.sun_path, sizeof(g->path));
	if (send(g->ctl, &answer, sizeof(answer), MSG_NOSIGNAL) != (ssize_t)sizeof(answer))
		return errno ? -errno : -EIO;
	return 0;
}

/* Serves a whole request. Who is refused finds the connection closed. */
static int admit(struct guest *g, const struct wish *wish)
{
	struct guests *gs = g->guests;
	struct transport transport = {
		.recv = data_recv, .send = data_send, .ctx = gs->conf.rx, .short_is_full = true};
	uid_t user = sock_peer_user(g->ctl);
	struct vsw_guest who = {
		.port = wish->port,
		.any = wish->any,
		.user = user,
		.module = "unix prog",
		.descr = wish->description,
	};
	int error = data_connect(g, &wish->sock, user);

	if (error) {
		process_log(LOG_WARNING, "client data socket: %s", strerror(-error));
		return error;
	}
	g->endpoint = vsw_attach(gs->conf.sw, rt_now(gs->conf.rt), &who);
	if (g->endpoint < 0) {
		error = g->endpoint;
		process_log(LOG_INFO, "refused \"%s\": %s", wish->description, strerror(-error));
		g->endpoint = -1;
		return error;
	}
	error = data_open(g, vsw_port_of(gs->conf.sw, g->endpoint), user);
	error = error ? error : ports_add(gs->conf.ports, g->endpoint, &transport, g->data);
	if (error)
		process_log(LOG_WARNING, "data socket for \"%s\": %s", wish->description,
			    strerror(-error));
	return error;
}

/* The control stream: the request, then silence until its end. */
static void on_ctl(void *ctx, int fd, unsigned events)
{
	struct guest *g = ctx;
	struct wish wish;
	char dust[512];
	ssize_t n;
	int error;

	(void)events;
	if (g->data >= 0) {
		n = recv(fd, dust, sizeof(dust), 0);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			guest_close(g);
		return;
	}
	n = recv(fd, g->request.bytes + g->got, sizeof(g->request.bytes) - g->got, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		guest_close(g);
		return;
	}
	g->got += (size_t)n;
	error = request_read(g, &wish);
	if (error == -EAGAIN)
		return;
	if (error || admit(g, &wish))
		guest_close(g);
}

static void on_listener(void *ctx, int fd, unsigned events)
{
	struct guests *gs = ctx;
	int ctl = sock_accept(fd, &gs->spare);
	struct guest *g;

	(void)events;
	if (ctl < 0) {
		if (ctl == -EMFILE || ctl == -ENFILE)
			process_log(LOG_WARNING, "guest refused: %s", strerror(-ctl));
		return;
	}
	g = calloc(1, sizeof(*g));
	if (!g) {
		close(ctl);
		return;
	}
	g->guests = gs;
	g->ctl = ctl;
	g->data = -1;
	g->endpoint = -1;
	if (rt_add(gs->conf.rt, ctl, RT_READ, on_ctl, g)) {
		close(ctl);
		free(g);
		return;
	}
	g->next = gs->list;
	gs->list = g;
}

/* Whether a name is that of a data socket of a switch or of a guest: PPP.N, .PID-NNNNN. */
static bool data_name(const char *name)
{
	size_t digits = strspn(name, "0123456789");
	const char *rest = name + digits;

	if (digits == 0 && *name == '.') {
		size_t pid = strspn(name + 1, "0123456789");

		rest = name + 1 + pid;
		return pid && *rest == '-' && rest[1] &&
		       rest[1 + strspn(rest + 1, "0123456789")] == '\0';
	}
	return digits >= 3 && *rest == '.' && rest[1] &&
	       rest[1 + strspn(rest + 1, "0123456789")] == '\0';
}

/* Removes what a switch that died, and its guests, have left in the directory. */
static void sweep(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char name[PATH_MAX + 256];

		if (!data_name(entry->d_name))
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		if (sock_dead(name, SOCK_DGRAM))
			unlink(name);
	}
	if (dir)
		closedir(dir);
}

static int directory(struct guests *gs, const char **what)
{
	struct stat st;

	*what = "Cannot create ctl directory";
	if (mkdir(gs->conf.dir, 0700) < 0 && errno != EEXIST)
		return -errno;
	if (stat(gs->conf.dir, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	*what = "Cannot resolve ctl dir path";
	if (!realpath(gs->conf.dir, gs->dir))
		return -errno;
	*what = "Cannot use ctl dir path";
	if (strlen(gs->dir) + sizeof("/000.000000") > sizeof(((struct sockaddr_un *)0)->sun_path))
		return -ENAMETOOLONG;
	snprintf(gs->ctl_path, sizeof(gs->ctl_path), "%s/ctl", gs->dir);
	return 0;
}

static int directory_access(struct guests *gs, const char **what)
{
	*what = "Could not set the VDE ctl directory's group";
	if (gs->conf.gid != (gid_t)-1 && chown(gs->dir, (uid_t)-1, gs->conf.gid) < 0)
		return -errno;
	/* In a directory of somebody else who lets us make sockets, the mode is theirs. */
	*what = "Could not set the VDE ctl directory's permissions";
	if (chmod(gs->dir, gs->conf.dir_mode) < 0 && errno != EPERM)
		return -errno;
	return 0;
}

int guests_create(struct guests **out, const struct guests_conf *conf, const char **what)
{
	struct guests *gs = calloc(1, sizeof(*gs));
	int error;

	*what = "memory";
	if (!gs)
		return -ENOMEM;
	gs->conf = *conf;
	gs->spare = sock_spare();
	error = directory(gs, what);
	if (error)
		goto no_listener;
	*what = "Could not bind to socket";
	gs->listener = sock_listen(gs->ctl_path, conf->mode, conf->gid);
	if (gs->listener < 0) {
		error = gs->listener;
		goto no_listener;
	}
	sweep(gs->dir);
	error = directory_access(gs, what);
	error = error ? error : rt_add(conf->rt, gs->listener, RT_READ, on_listener, gs);
	if (error)
		goto no_watch;
	*out = gs;
	return 0;

no_watch:
	close(gs->listener);
	unlink(gs->ctl_path);
no_listener:
	if (gs->spare >= 0)
		close(gs->spare);
	free(gs);
	return error;
}

void guests_destroy(struct guests *gs)
{
	if (!gs)
		return;
	while (gs->list)
		guest_close(gs->list);
	rt_remove(gs->conf.rt, gs->listener);
	close(gs->listener);
	if (gs->spare >= 0)
		close(gs->spare);
	unlink(gs->ctl_path);
	rmdir(gs->dir);
	free(gs);
}

const char *guests_dir(const struct guests *gs)
{
	return gs->dir;
}
