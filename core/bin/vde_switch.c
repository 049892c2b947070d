/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vde_switch: the switch engine between the sockets of its guests, the host's TAP interfaces and
 * its consoles. The Virtual Square book, section 4.3.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "core/bin/script.h"
#include "core/bin/switch_guests.h"
#include "core/bin/switch_options.h"
#include "core/bin/switch_ports.h"
#include "core/host/console.h"
#include "core/host/dgram.h"
#include "core/host/memory.h"
#include "core/host/process.h"
#include "core/host/rt.h"
#include "core/host/tap.h"
#include "core/mgmt/mgmt.h"
#include "core/switch/switch.h"

#define PROMPT	 "vde$ "
#define ROOT_DIR "/var/run/vde.ctl"
#define USER_DIR "/tmp/vde.ctl"

struct tap {
	char name[TAP_NAME_MAX];
	int fd, endpoint;
	struct world *world;
};

struct world {
	struct switch_options options;
	struct rt *rt;
	struct vs_arena arena;
	struct vs_pool *pool;
	struct vsw *sw;
	struct mgmt *mgmt;
	struct console *console;
	struct dgram_rx *rx;
	struct ports *ports;
	struct guests *guests;
	struct tap taps[SWITCH_TAPS_MAX];
	unsigned taps_count;
	uint8_t mac[6];
};

static int user_id(void *ctx, const char *name, uint32_t *id)
{
	(void)ctx;
	return process_user_id(name, id);
}

static int group_id(void *ctx, const char *name, uint32_t *id)
{
	(void)ctx;
	return process_group_id(name, id);
}

static void user_name(void *ctx, uint32_t id, char name[VSW_NAME_MAX])
{
	(void)ctx;
	process_user_name(id, name, VSW_NAME_MAX);
}

static void group_name(void *ctx, uint32_t id, char name[VSW_NAME_MAX])
{
	(void)ctx;
	process_group_name(id, name, VSW_NAME_MAX);
}

static bool in_group(void *ctx, uint32_t user, uint32_t group)
{
	(void)ctx;
	return process_in_group(user, group);
}

static void tap_close(struct world *w, struct tap *tap)
{
	if (tap->fd < 0)
		return;
	ports_remove(w->ports, tap->endpoint);
	close(tap->fd);
	tap->fd = -1;
}

/* port/epclose and port/remove: the endpoint is gone, its connection goes too. */
static void endpoint_closed(void *ctx, int endpoint)
{
	struct world *w = ctx;

	for (unsigned i = 0; i < w->taps_count; i++)
		if (w->taps[i].fd >= 0 && w->taps[i].endpoint == endpoint)
			tap_close(w, &w->taps[i]);
	if (w->guests)
		guests_endpoint_closed(w->guests, endpoint);
}

static int tap_port_recv(void *ctx, int fd, struct vs_frame **frames, unsigned count, bool *more)
{
	const struct tap *tap = ctx;

	return tap_recv_frames(fd, tap->world->pool, frames, count, more);
}

static int tap_port_send(void *ctx, int fd, struct vs_frame *const *frames, unsigned count)
{
	(void)ctx;
	return tap_send_frames(fd, frames, count);
}

/* Somebody has deleted the interface. */
static void tap_port_gone(void *ctx, int endpoint)
{
	struct tap *tap = ctx;
	struct world *w = tap->world;

	process_log(LOG_WARNING, "tap %s: the interface is gone, port %04d is closed", tap->name,
		    vsw_port_of(w->sw, endpoint));
	tap_close(w, tap);
	vsw_detach(w->sw, rt_now(w->rt), endpoint);
}

static int tap_join(struct world *w, const char *name)
{
	struct tap *tap = &w->taps[w->taps_count];
	struct transport transport = {
		.recv = tap_port_recv,
		.send = tap_port_send,
		.gone = tap_port_gone,
		.ctx = tap,
	};
	struct vsw_guest who = {.any = true, .user = VSW_NONE, .module = "tuntap"};
	int error;

	tap->world = w;
	tap->fd = tap_open(name, false, tap->name);
	if (tap->fd < 0)
		return tap->fd;
	who.descr = tap->name;
	tap->endpoint = vsw_attach(w->sw, rt_now(w->rt), &who);
	error = tap->endpoint < 0 ? tap->endpoint
				  : ports_add(w->ports, tap->endpoint, &transport, tap->fd);
	if (error) {
		close(tap->fd);
		return error;
	}
	w->taps_count++;
	return 0;
}

static int run_ds_showinfo(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	struct world *w = owner;
	char mode[16];

	(void)now;
	if (*args)
		return -EINVAL;
	snprintf(mode, sizeof(mode), "0%03o", (unsigned)w->options.mode);
	mgmt_line(r, "ctl dir %s", guests_dir(w->guests));
	mgmt_line(r, "std mode %s", mode);
	mgmt_json_text(r, "ctl_dir", guests_dir(w->guests));
	mgmt_json_text(r, "mode", mode);
	return 0;
}

static int run_ds_print(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	struct world *w = owner;
	struct dgram_stats rx = dgram_rx_stats(w->rx);
	struct port_stats s;
	int port;

	(void)now;
	if (*args)
		return -EINVAL;
	mgmt_line(r, "Received but no frame: runt %llu oversize %llu no memory %llu",
		  (unsigned long long)rx.runt, (unsigned long long)rx.oversize,
		  (unsigned long long)rx.no_frame);
	mgmt_json_int(r, "runt", (int64_t)rx.runt);
	mgmt_json_int(r, "oversize", (int64_t)rx.oversize);
	mgmt_json_int(r, "no_memory", (int64_t)rx.no_frame);
	mgmt_json_open(r, "endpoints", '[');
	for (int e = 0; (unsigned)e < ports_endpoints(w->ports); e++) {
		if (!ports_stats(w->ports, e, &s))
			continue;
		port = vsw_port_of(w->sw, e);
		mgmt_line(r,
			  "Port %04d endpoint ID %04d in %llu out %llu waiting %u held %llu "
			  "dropped full %llu gone %llu error %llu%s",
			  port, e, (unsigned long long)s.rx_frames, (unsigned long long)s.tx_frames,
			  s.waiting, (unsigned long long)s.held, (unsigned long long)s.drop_full,
			  (unsigned long long)s.drop_gone, (unsigned long long)s.drop_error,
			  s.lossy ? " LOSSY" : "");
		mgmt_json_open(r, NULL, '{');
		mgmt_json_int(r, "port", port);
		mgmt_json_int(r, "endpoint", e);
		mgmt_json_int(r, "rx_frames", (int64_t)s.rx_frames);
		mgmt_json_int(r, "tx_frames", (int64_t)s.tx_frames);
		mgmt_json_int(r, "waiting", s.waiting);
		mgmt_json_int(r, "held", (int64_t)s.held);
		mgmt_json_int(r, "drop_full", (int64_t)s.drop_full);
		mgmt_json_int(r, "drop_gone", (int64_t)s.drop_gone);
		mgmt_json_int(r, "drop_error", (int64_t)s.drop_error);
		mgmt_json_bool(r, "lossy", s.lossy);
		mgmt_json_close(r);
	}
	mgmt_json_close(r);
	return 0;
}

static int run_showinfo(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	const struct world *w = owner;
	const uint8_t *m = w->mac;
	char mac[18];

	if (*args)
		return -EINVAL;
	snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4],
		 m[5]);
	mgmt_line(r, "%s", SWITCH_VERSION);
	mgmt_line(r, "%s", SWITCH_COPYRIGHT);
	mgmt_line(r, "%s", "");
	mgmt_line(r, "pid %d MAC %s uptime %lld", (int)getpid(), mac, (long long)(now / VS_SEC));
	mgmt_json_text(r, "version", SWITCH_VERSION);
	mgmt_json_int(r, "pid", getpid());
	mgmt_json_text(r, "mac", mac);
	mgmt_json_int(r, "uptime", now / VS_SEC);
	if (w->options.mgmt) {
		mgmt_line(r, "mgmt %s perm 0%03o", w->options.mgmt, (unsigned)w->options.mgmt_mode);
		mgmt_json_text(r, "mgmt", w->options.mgmt);
	}
	return 0;
}

/* There are no plugins yet: the list is empty, and answers that as the original does. */
static int run_plugin_list(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	(void)owner;
	(void)now;
	if (*args)
		return -EINVAL;
	mgmt_line(r, "%-22s %s", "NAME", "HELP");
	mgmt_line(r, "%-22s %s", "------------", "----");
	mgmt_json_open(r, "plugins", '[');
	mgmt_json_close(r);
	return -ENOENT;
}

static int run_plugin_add(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	(void)owner;
	(void)now;
	(void)r;
	if (!*args)
		return -EINVAL;
	return access(args, F_OK) == 0 ? -EOPNOTSUPP : -ENOENT;
}

static int run_plugin_del(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	(void)owner;
	(void)now;
	(void)r;
	return *args ? -ENOENT : -EINVAL;
}

static const struct mgmt_command commands[] = {
	{"ds", "============", "DATA SOCKET MENU", NULL, MGMT_MENU | MGMT_FIRST},
	{"ds/showinfo", "", "show ds info", run_ds_showinfo, MGMT_DATA | MGMT_FIRST},
	{"ds/print", "", "print the sockets: frames in, out, held and dropped", run_ds_print,
	 MGMT_DATA | MGMT_FIRST},
	{"showinfo", "", "show switch version and info", run_showinfo, MGMT_DATA},
};

static const struct mgmt_command plugin_commands[] = {
	{"plugin", "============", "PLUGINS MENU", NULL, MGMT_MENU},
	{"plugin/list", "", "list plugins", run_plugin_list, MGMT_DATA},
	{"plugin/add", "library", "load a plugin", run_plugin_add, 0},
	{"plugin/del", "name", "unload a plugin", run_plugin_del, 0},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void on_end(void *ctx, bool shutdown)
{
	struct world *w = ctx;

	if (shutdown)
		process_log(LOG_INFO, "Shutdown from mgmt command");
	rt_stop(w->rt);
}

static void on_signal(void *ctx, int signal)
{
	struct world *w = ctx;

	process_log(LOG_INFO, "Caught signal %d, cleaning up and exiting", signal);
	rt_stop(w->rt);
}

static vs_time world_poll_at(void *ctx)
{
	const struct world *w = ctx;

	return vs_time_min(vsw_poll_at(w->sw), ports_poll_at(w->ports));
}

static void world_run(void *ctx, vs_time now)
{
	struct world *w = ctx;

	if (now >= vsw_poll_at(w->sw))
		vsw_run(w->sw, now);
	ports_run(w->ports, now);
	console_flush(w->console);
}

/* 00:ff and four bytes of chance: the range that the original uses, unicast. */
static void choose_mac(struct world *w)
{
	uint64_t chance = rt_seed();

	if (w->options.mac_given) {
		memcpy(w->mac, w->options.mac, sizeof(w->mac));
		return;
	}
	w->mac[1] = 0xff;
	memcpy(w->mac + 2, &chance, 4);
}

static int world_create(struct world *w)
{
	struct vs_pool_conf pool_conf = {0};
	struct mgmt_conf mgmt_conf = {
		.prompt = PROMPT,
		.greeting = SWITCH_VERSION "\n" SWITCH_COPYRIGHT "\n\n",
		.sessions_max = CONSOLE_SESSIONS,
		.debug_max = w->options.debug_max,
		.ctx = w,
		.load = script_read,
	};
	struct vsw_conf vsw_conf = {
		.ports = w->options.ports,
		.hash_size = w->options.hash_size,
		.hub = w->options.hub,
		.priority = w->options.priority,
		.ctx = w,
		.user_id = user_id,
		.group_id = group_id,
		.user_name = user_name,
		.group_name = group_name,
		.in_group = in_group,
		.closed = endpoint_closed,
	};
	struct console_conf console_conf = {.prompt = PROMPT, .ctx = w, .end = on_end};
	int error;

	host_arena_init(&w->arena, 0);
	choose_mac(w);
	memcpy(vsw_conf.mac, w->mac, sizeof(w->mac));
	error = rt_create(&w->rt);
	error = error ? error : vs_pool_create(&w->pool, &pool_conf, &w->arena);
	error = error ? error : mgmt_create(&w->mgmt, &mgmt_conf, &w->arena);
	error = error ? error : vsw_create(&w->sw, &vsw_conf, &w->arena);
	error = error ? error : dgram_rx_create(&w->rx, w->pool, TAP_FRAME_MAX);
	error = error ? error : ports_create(&w->ports, w->rt, w->sw);
	error = error ? error : mgmt_add(w->mgmt, commands, COUNT(commands), w);
	error = error ? error : mgmt_add(w->mgmt, plugin_commands, COUNT(plugin_commands), w);
	error = error ? error : vsw_mgmt_add(w->sw, w->mgmt);
	console_conf.rt = w->rt;
	console_conf.mgmt = w->mgmt;
	error = error ? error : console_create(&w->console, &console_conf);
	error = error ? error : rt_engine(w->rt, world_poll_at, world_run, w);
	if (error)
		process_log(LOG_ERR, "cannot start: %s", strerror(-error));
	return error;
}

static void world_destroy(struct world *w)
{
	console_destroy(w->console);
	guests_destroy(w->guests);
	for (unsigned i = 0; i < w->taps_count; i++)
		tap_close(w, &w->taps[i]);
	ports_destroy(w->ports);
	dgram_rx_destroy(w->rx);
	if (w->sw)
		vsw_destroy(w->sw);
	if (w->mgmt)
		mgmt_destroy(w->mgmt);
	rt_destroy(w->rt);
	vs_arena_fini(&w->arena);
}

static int open_guests(struct world *w)
{
	const struct switch_options *o = &w->options;
	struct guests_conf conf = {
		.rt = w->rt,
		.sw = w->sw,
		.ports = w->ports,
		.rx = w->rx,
		.dir = o->dir ? o->dir : geteuid() == 0 ? ROOT_DIR : USER_DIR,
		.mode = o->mode,
		.dir_mode = o->dir_mode,
		.gid = o->gid,
	};
	const char *what;
	int error = guests_create(&w->guests, &conf, &what);

	if (error)
		process_log(LOG_ERR, "%s '%s%s': %s", what, conf.dir,
			    strstr(what, "socket") ? "/ctl" : "", strerror(-error));
	return error;
}

static int open_mgmt(struct world *w)
{
	const struct switch_options *o = &w->options;
	int error;

	if (!o->mgmt)
		return 0;
	error = console_listen(w->console, o->mgmt, o->mgmt_mode, o->mgmt_gid);
	if (error)
		process_log(LOG_ERR, "mgmt bind %s: %s", o->mgmt, strerror(-error));
	return error;
}

static int open_taps(struct world *w)
{
	for (unsigned i = 0; i < w->options.taps_count; i++) {
		int error = tap_join(w, w->options.taps[i]);

		if (error) {
			process_log(LOG_ERR, "tap %s: %s", w->options.taps[i], strerror(-error));
			return error;
		}
	}
	return 0;
}

/* The file given must be there and right; those for everybody may not be there, and a fault in
 * them is told but does not keep the switch from working.
 */
static int load_rc(struct world *w)
{
	static const char *const in_home[] = {"/.vde2/vde_switch.rc", "/.vderc"};
	const char *home = getenv("HOME");
	char path[PATH_MAX] = "/etc/vde2/vde_switch.rc", line[1024];
	int error;

	if (w->options.rc_file) {
		error = script_load(w->mgmt, rt_now(w->rt), w->options.rc_file, line, sizeof(line));
		if (error)
			process_log(LOG_ERR, "%s", line);
		return error;
	}
	for (size_t i = 0; home && i < COUNT(in_home); i++) {
		char user[PATH_MAX];

		if (snprintf(user, sizeof(user), "%s%s", home, in_home[i]) < (int)sizeof(user) &&
		    access(user, R_OK) == 0) {
			memcpy(path, user, sizeof(path));
			break;
		}
	}
	if (access(path, R_OK) == 0 &&
	    script_load(w->mgmt, rt_now(w->rt), path, line, sizeof(line)))
		process_log(LOG_WARNING, "%s", line);
	return 0;
}

static int start_fstp(struct world *w)
{
	if (w->options.fstp && mgmt_run(w->mgmt, rt_now(w->rt), "fstp/setfstp 1", NULL))
		process_log(LOG_WARNING, "--fstp: this switch has no spanning tree yet; it does not"
					 " break loops");
	return 0;
}

/* Goes to the background, or takes the terminal; then nothing can fail any more. */
static int settle(struct world *w, char *pid_file, size_t size)
{
	const struct switch_options *o = &w->options;
	int error = 0;

	if (o->pid_file)
		error = process_absolute(o->pid_file, pid_file, size);
	if (!error && o->daemon) {
		error = process_daemonize_pidfile(pid_file[0] ? pid_file : NULL);
		if (!error)
			process_log_syslog();
	}
	error = error ? error : rt_signals(w->rt, on_signal, w);
	if (!error && o->pid_file && !o->daemon)
		error = process_pidfile(pid_file);
	if (error)
		process_log(LOG_ERR, "%s: %s", o->pid_file ? o->pid_file : "daemon",
			    strerror(-error));
	if (!error && !o->daemon) {
		error = console_terminal(w->console);
		if (error)
			process_log(LOG_ERR, "stdin: %s", strerror(-error));
	}
	return error;
}

int main(int argc, char **argv)
{
	static struct world w;
	char pid_file[PATH_MAX] = "";
	int error;

	/* Sockets must not become somebody's standard output. */
	do
		error = open("/dev/null", O_RDWR);
	while (error >= 0 && error <= STDERR_FILENO);
	if (error >= 0)
		close(error);
	process_log_init(argv[0]);
	process_files_max();
	error = switch_options_parse(&w.options, argc, argv);
	if (error)
		return error < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	error = world_create(&w);
	error = error ? error : open_guests(&w);
	error = error ? error : open_mgmt(&w);
	error = error ? error : open_taps(&w);
	error = error ? error : start_fstp(&w);
	error = error ? error : load_rc(&w);
	error = error ? error : settle(&w, pid_file, sizeof(pid_file));
	if (!error)
		error = rt_run(w.rt);
	world_destroy(&w);
	if (pid_file[0])
		unlink(pid_file);
	return error ? EXIT_FAILURE : EXIT_SUCCESS;
}
