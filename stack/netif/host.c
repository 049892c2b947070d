/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stack/netif/host.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"

static const char usage[] =
	"usage: stk_host INTERFACE... [OPTION]... [SERVER]... [CLIENT]...\n"
	"A host of vsq's TCP/IP stack on a TAP device or a VDE switch. It prints \"ready\", "
	"serves\n"
	"until SIGTERM, or, if there are clients, until these are through.\n"
	"  interface: --tap NAME | --vde VNL; before it --mtu N, --mac M; after it --addr A/BITS "
	"...\n"
	"  --link NAME=VALUE         a cable with faults before the interface: seed=1, loss=1, "
	"delay=20+5N ...\n"
	"  --route PREFIX,GATEWAY    --set NAME=VALUE    --forward    --counters (at the end)\n"
	"  --settings                prints every setting and its value, and ends\n"
	"  servers: --echo PORT  --udp-echo PORT  --discard PORT  --http PORT  --iperf3-server "
	"PORT\n"
	"           http: /bytes/N answers N bytes, each its offset modulo 251\n"
	"           --listen GROUP,PORT[,SOURCE...]  prints what it hears in a group\n"
	"  clients: --trace ADDRESS (routers on the way)    --say GROUP,PORT,TEXT[,COUNT]\n"
	"           --ping ADDRESS[,COUNT[,SIZE]]   --get ADDRESS,PORT,PATH (body to stdout)\n"
	"           --send ADDRESS,PORT,BYTES\n"
	"           --iperf3 ADDRESS,PORT,SECONDS[,reverse][,udp][,parallel=N][,rate=BIT/S]\n";

void host_fail(const char *format, ...)
{
	va_list args;

	fputs("stk_host: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(2);
}

uint64_t host_number(const char *what, const char *text, uint64_t max)
{
	uint64_t n;

	if (vs_parse_uint(text, max, &n))
		host_fail("%s '%s': expected a number up to %llu", what, text,
			  (unsigned long long)max);
	return n;
}

void host_watch(struct host *h, int fd, struct app *app)
{
	if ((size_t)fd >= h->apps_size) {
		size_t more = (size_t)fd * 2 + 16;
		struct app **apps = realloc(h->apps, more * sizeof(struct app *));

		if (!apps)
			host_fail("out of memory");
		memset(apps + h->apps_size, 0, (more - h->apps_size) * sizeof(struct app *));
		h->apps = apps;
		h->apps_size = more;
	}
	h->apps[fd] = app;
}

void host_close(struct host *h, int fd)
{
	host_watch(h, fd, NULL);
	stk_close(h->stk, host_now(h), fd);
}

static void on_event(void *ctx, int fd, unsigned readiness)
{
	struct host *h = ctx;
	struct app *app = (size_t)fd < h->apps_size ? h->apps[fd] : NULL;

	if (app)
		app->event(h, app, fd, readiness);
}

static void on_alarm(void *ctx, vs_time now)
{
	struct host *h = ctx;

	vs_timers_run(&h->timers, h, now);
	netif_alarm(h->world, vs_timers_next(&h->timers), on_alarm);
}

void host_timer_set(struct host *h, struct vs_timer *timer, vs_time at)
{
	vs_timer_set(&h->timers, timer, at);
	netif_alarm(h->world, vs_timers_next(&h->timers), on_alarm);
}

static void on_signal(void *ctx, int signal)
{
	struct host *h = ctx;

	(void)signal;
	rt_stop(h->rt);
}

static void on_down(void *ctx, int ifindex)
{
	struct host *h = ctx;

	fprintf(stderr, "stk_host: interface %d was closed by its other side\n", ifindex);
	h->status = 1;
	rt_stop(h->rt);
}

void host_client_done(struct host *h, bool ok)
{
	if (!ok)
		h->status = 1;
	if (!--h->clients) {
		/* What was sent last, a FIN, still has to leave. */
		fflush(stdout);
		rt_stop(h->rt);
	}
}

int host_listen(struct host *h, int type, uint16_t port)
{
	struct stk_addr any = {.port = port};
	int fd = stk_socket(h->stk, type), error;

	if (fd < 0)
		host_fail("socket: %s", strerror(-fd));
	stk_option_set(h->stk, host_now(h), fd, STK_SO_REUSEADDR, 1);
	error = stk_bind(h->stk, fd, &any);
	if (!error && type == STK_STREAM)
		error = stk_listen(h->stk, fd, 128);
	if (error)
		host_fail("port %u: %s", port, strerror(-error));
	return fd;
}

struct server {
	struct app app;
	void (*open)(struct host *, int fd);
};

static void server_event(struct host *h, struct app *app, int fd, unsigned readiness)
{
	struct server *server = (struct server *)(void *)app;
	int conn;

	(void)readiness;
	while ((conn = stk_accept(h->stk, host_now(h), fd, NULL)) >= 0)
		server->open(h, conn);
}

void host_serve(struct host *h, uint16_t port, void (*open)(struct host *, int fd))
{
	struct server *server = calloc(1, sizeof(*server));

	if (!server)
		host_fail("out of memory");
	*server = (struct server){{server_event}, open};
	host_watch(h, host_listen(h, STK_STREAM, port), &server->app);
}

int host_connect(struct host *h, int type, const char *text, const char **rest)
{
	char address[WIRE_ADDR_TEXT + 8], port[8];
	struct stk_addr to = {0};
	size_t first = strcspn(text, ","), second;
	const char *after = text + first + (text[first] == ',');
	int fd, error;

	second = strcspn(after, ",");
	if (first >= sizeof(address) || !second || second >= sizeof(port))
		host_fail("'%s': expected ADDRESS,PORT", text);
	memcpy(address, text, first);
	address[first] = '\0';
	memcpy(port, after, second);
	port[second] = '\0';
	if (wire_addr_parse(address, &to.addr))
		host_fail("'%s': expected an address, found '%s'", text, address);
	to.port = (uint16_t)host_number("port", port, 65535);
	*rest = after + second + (after[second] == ',');
	fd = stk_socket(h->stk, type);
	if (fd < 0)
		host_fail("socket: %s", strerror(-fd));
	if (wire_addr_is_link_local(&to.addr))
		to.ifindex = (uint16_t)h->ifindex;
	error = stk_connect(h->stk, host_now(h), fd, &to);
	if (error && error != -EINPROGRESS)
		host_fail("connect to '%s': %s", text, strerror(-error));
	return fd;
}

/* The command line. */

enum option_code {
	OPT_TAP = 256,
	OPT_VDE,
	OPT_MTU,
	OPT_MAC,
	OPT_ADDR,
	OPT_LINK,
	OPT_ROUTE,
	OPT_SET,
	OPT_FORWARD,
	OPT_COUNTERS,
	OPT_SETTINGS,
	OPT_ECHO,
	OPT_UDP_ECHO,
	OPT_DISCARD,
	OPT_HTTP,
	OPT_IPERF3_SERVER,
	OPT_PING,
	OPT_GET,
	OPT_SEND,
	OPT_IPERF3,
	OPT_LISTEN,
	OPT_SAY,
	OPT_TRACE,
	OPT_HELP,
};

static const struct option options[] = {
	{"tap", 1, NULL, OPT_TAP},
	{"vde", 1, NULL, OPT_VDE},
	{"mtu", 1, NULL, OPT_MTU},
	{"mac", 1, NULL, OPT_MAC},
	{"addr", 1, NULL, OPT_ADDR},
	{"route", 1, NULL, OPT_ROUTE},
	{"link", 1, NULL, OPT_LINK},
	{"set", 1, NULL, OPT_SET},
	{"forward", 0, NULL, OPT_FORWARD},
	{"counters", 0, NULL, OPT_COUNTERS},
	{"settings", 0, NULL, OPT_SETTINGS},
	{"echo", 1, NULL, OPT_ECHO},
	{"udp-echo", 1, NULL, OPT_UDP_ECHO},
	{"discard", 1, NULL, OPT_DISCARD},
	{"http", 1, NULL, OPT_HTTP},
	{"iperf3-server", 1, NULL, OPT_IPERF3_SERVER},
	{"ping", 1, NULL, OPT_PING},
	{"get", 1, NULL, OPT_GET},
	{"send", 1, NULL, OPT_SEND},
	{"iperf3", 1, NULL, OPT_IPERF3},
	{"listen", 1, NULL, OPT_LISTEN},
	{"say", 1, NULL, OPT_SAY},
	{"trace", 1, NULL, OPT_TRACE},
	{"help", 0, NULL, OPT_HELP},
	{NULL, 0, NULL, 0},
};

static void add_interface(struct host *h, bool tap, const char *where, struct stk_if_conf *conf)
{
	static const uint8_t none[WIRE_MAC_LEN];
	uint8_t made[WIRE_MAC_LEN] = {0x02, 0x76, 0x73, 0x71};
	uint64_t chance = rt_seed();

	if (!memcmp(conf->mac, none, WIRE_MAC_LEN)) {
		memcpy(made + 4, &chance, 2);
		memcpy(conf->mac, made, WIRE_MAC_LEN);
	}
	conf->name = "eth";
	h->ifindex =
		tap ? netif_add_tap(h->world, where, conf) : netif_add_vde(h->world, where, conf);
	if (h->ifindex < 0)
		host_fail("%s: %s", where, strerror(-h->ifindex));
	memset(conf, 0, sizeof(*conf));
}

static void add_address(struct host *h, const char *text)
{
	struct wire_addr addr;
	unsigned bits;
	int error;

	if (wire_addr_parse_prefix(text, &addr, &bits))
		host_fail("'%s': expected an address with its prefix length, as 10.0.0.1/24", text);
	error = stk_addr_add(h->stk, host_now(h), h->ifindex, &addr, bits);
	if (error)
		host_fail("address %s: %s", text, strerror(-error));
}

static void add_route(struct host *h, const char *text)
{
	struct stk_route route = {0};
	char prefix[WIRE_ADDR_TEXT + 8];
	size_t len = strcspn(text, ",");
	int error;

	if (!text[len] || len >= sizeof(prefix))
		host_fail("'%s': expected PREFIX,GATEWAY", text);
	memcpy(prefix, text, len);
	prefix[len] = '\0';
	if (wire_addr_parse(text + len + 1, &route.via))
		host_fail("'%s': expected a gateway's address", text + len + 1);
	if (!strcmp(prefix, "default"))
		strcpy(prefix, wire_addr_is4(&route.via) ? "0.0.0.0/0" : "::/0");
	if (wire_addr_parse_prefix(prefix, &route.dst, &route.bits))
		host_fail("'%s': expected a prefix", prefix);
	error = stk_route_add(h->stk, host_now(h), &route);
	if (error)
		host_fail("route %s: %s", text, strerror(-error));
}

static void set(struct host *h, const char *name, const char *value)
{
	int error = stk_set(h->stk, host_now(h), name, value);

	if (error)
		host_fail("setting %s=%s: %s", name, value, strerror(-error));
}

static void set_pair(struct host *h, char *text)
{
	char *value = strchr(text, '=');

	if (!value)
		host_fail("'%s': expected NAME=VALUE", text);
	*value++ = '\0';
	set(h, text, value);
}

static void set_link(struct host *h, char *text)
{
	char *value = strchr(text, '=');
	const char *why;

	if (!value)
		host_fail("'%s': expected NAME=VALUE", text);
	*value++ = '\0';
	if (netif_link_set(h->world, h->ifindex, text, value, &why))
		host_fail("link %s=%s: %s", text, value, why);
}

static void print_counters(const struct host *h)
{
	struct vs_counters c = stk_counters(h->stk);

	for (unsigned i = 0; i < c.count; i++)
		if (c.values[i])
			printf("%s %llu\n", c.names[i], (unsigned long long)c.values[i]);
	if (netif_dropped(h->world))
		printf("NetifBacklogDrop %llu\n", (unsigned long long)netif_dropped(h->world));
}

/* Every setting with its value, a line each; then the program is through. */
static void print_settings(const struct host *h) __attribute__((noreturn));
static void print_settings(const struct host *h)
{
	char name[80], value[128];

	for (unsigned i = 0; !stk_setting_name(i, name, sizeof(name)); i++)
		if (!stk_get(h->stk, name, value, sizeof(value)))
			printf("%s = %s\n", name, value);
	exit(0);
}

static void client(struct host *h, int code, const char *arguments)
{
	h->clients++;
	if (code == OPT_PING)
		ping_start(h, arguments);
	else if (code == OPT_GET)
		http_get_start(h, arguments);
	else if (code == OPT_SEND)
		send_start(h, arguments);
	else if (code == OPT_SAY)
		group_say_start(h, arguments);
	else if (code == OPT_TRACE)
		trace_start(h, arguments);
	else
		iperf3_start(h, arguments);
}

static bool server(struct host *h, int code, const char *argument)
{
	void (*serve)(struct host *, uint16_t) = code == OPT_ECHO	     ? echo_serve
						 : code == OPT_UDP_ECHO	     ? udp_echo_serve
						 : code == OPT_DISCARD	     ? discard_serve
						 : code == OPT_HTTP	     ? http_serve
						 : code == OPT_IPERF3_SERVER ? iperf3_serve
									     : NULL;

	if (serve)
		serve(h, (uint16_t)host_number("port", argument, 65535));
	return serve;
}

/* Acts on the arguments in their order; returns whether counters are wanted. */
static bool configure(struct host *h, int argc, char **argv)
{
	struct stk_if_conf conf = {0};
	bool counters = false;
	int code;

	while ((code = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (code == OPT_TAP || code == OPT_VDE) {
			add_interface(h, code == OPT_TAP, optarg, &conf);
		} else if (code == OPT_MTU) {
			conf.mtu = (uint32_t)host_number("mtu", optarg, 65535);
		} else if (code == OPT_MAC) {
			if (wire_mac_parse(optarg, conf.mac))
				host_fail("'%s': expected a MAC, as 02:00:00:00:00:01", optarg);
		} else if (code == OPT_ADDR) {
			add_address(h, optarg);
		} else if (code == OPT_LINK) {
			set_link(h, optarg);
		} else if (code == OPT_ROUTE) {
			add_route(h, optarg);
		} else if (code == OPT_SET) {
			set_pair(h, optarg);
		} else if (code == OPT_FORWARD) {
			set(h, "net.ipv4.ip_forward", "1");
			set(h, "net.ipv6.conf.all.forwarding", "1");
		} else if (code == OPT_COUNTERS) {
			counters = true;
		} else if (code == OPT_LISTEN) {
			group_listen(h, optarg);
		} else if (code == OPT_SETTINGS) {
			print_settings(h);
		} else if (code == OPT_HELP) {
			fputs(usage, stdout);
			exit(0);
		} else if (code == '?') {
			fputs(usage, stderr);
			exit(2);
		} else if (!server(h, code, optarg)) {
			client(h, code, optarg);
		}
	}
	if (optind < argc)
		host_fail("'%s': unexpected argument", argv[optind]);
	if (!h->ifindex)
		host_fail("no interface: expected --tap NAME or --vde VNL");
	return counters;
}

int main(int argc, char **argv)
{
	static struct host h;
	struct vs_pool_conf pool = {.bytes_max = (size_t)256 << 20};
	struct stk_conf conf = {.seed = rt_seed(), .name = "host"};
	bool counters;
	int error;

	host_arena_init(&h.arena, 0);
	vs_timers_init(&h.timers, &h.arena);
	error = rt_create(&h.rt);
	if (!error)
		error = vs_pool_create(&h.pool, &pool, &h.arena);
	conf.pool = h.pool;
	if (!error)
		error = stk_create(&h.stk, &conf, &h.arena);
	if (!error)
		error = netif_create(&h.world, h.rt, h.stk, h.pool, on_event, &h);
	if (!error)
		error = rt_signals(h.rt, on_signal, &h);
	if (error)
		host_fail("%s", strerror(-error));
	netif_on_down(h.world, on_down);
	counters = configure(&h, argc, argv);
	fputs("ready\n", h.clients ? stderr : stdout);
	fflush(stdout);
	error = rt_run(h.rt);
	if (error)
		host_fail("%s", strerror(-error));
	if (counters)
		print_counters(&h);
	netif_destroy(h.world);
	stk_destroy(h.stk);
	rt_destroy(h.rt);
	vs_timers_fini(&h.timers);
	vs_arena_fini(&h.arena);
	free(h.apps);
	return h.status;
}
