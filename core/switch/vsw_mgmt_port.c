/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The menu port. */
#include <errno.h>

#include "core/base/text.h"
#include "core/switch/vsw_mgmt_impl.h"

/* Ports are numbered 1 to Numports - 1; what lies beyond is an argument that means nothing. */
static int arg_port(struct vsw *sw, const char **args, unsigned *port)
{
	return vsw_arg(args, 1, sw->ports_len - 1, port) == 0 ? 0 : -EINVAL;
}

static int run_showinfo(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	struct vsw *sw = owner;

	(void)now;
	if (vsw_arg_end(args) != 0)
		return -EINVAL;
	mgmt_line(r, "Numports=%u", sw->ports_len);
	mgmt_line(r, "HUB=%s", sw->conf.hub ? "true" : "false");
	mgmt_line(r, "counters=true");
	mgmt_json_int(r, "numports", sw->ports_len);
	mgmt_json_bool(r, "hub", sw->conf.hub);
	mgmt_json_bool(r, "counters", true);
	mgmt_json_int(r, "mtu", sw->conf.mtu);
	return 0;
}

static int run_setnumports(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	unsigned n;

	(void)now, (void)r;
	if (vsw_arg(&args, 2, VSW_PORTS_MAX, &n) != 0 || vsw_arg_end(args) != 0)
		return -EINVAL;
	return vsw_set_ports(owner, n);
}

static int run_sethub(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	unsigned on;

	(void)now, (void)r;
	if (vsw_arg(&args, 0, 1, &on) != 0 || vsw_arg_end(args) != 0)
		return -EINVAL;
	return vsw_set_hub(owner, on);
}

static int run_setvlan(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	unsigned port, vlan;

	(void)r;
	if (arg_port(owner, &args, &port) != 0 || vsw_arg(&args, 0, VSW_NO_VLAN, &vlan) != 0 ||
	    vsw_arg_end(args) != 0)
		return -EINVAL;
	return vsw_port_set_vlan(owner, now, port, vlan);
}

static int run_createauto(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	struct vsw *sw = owner;
	unsigned port = 1;

	(void)now;
	if (vsw_arg_end(args) != 0)
		return -EINVAL;
	while (port < sw->ports_len && sw->ports[port].exists)
		port++;
	if (port == sw->ports_len)
		return -ENOSPC;
	mgmt_line(r, "Port %04u", port);
	mgmt_json_int(r, "port", port);
	return vsw_port_create(sw, port);
}

static int run_create(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	unsigned port;

	(void)now, (void)r;
	if (arg_port(owner, &args, &port) != 0 || vsw_arg_end(args) != 0)
		return -EINVAL;
	return vsw_port_create(owner, port);
}

/* As in the original, a port that someone uses is not pulled away under them: first epclose. */
static int run_remove(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	struct vsw *sw = owner;
	unsigned port;

	(void)r;
	if (arg_port(sw, &args, &port) != 0 || vsw_arg_end(args) != 0)
		return -EINVAL;
	if (sw->ports[port].exists && sw->ports[port].first >= 0)
		return -EADDRINUSE;
	return vsw_port_remove(sw, now, port);
}

static int run_allocatable(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	unsigned port, on;

	(void)now, (void)r;
	if (arg_port(owner, &args, &port) != 0 || vsw_arg(&args, 0, 1, &on) != 0 ||
	    vsw_arg_end(args) != 0)
		return -EINVAL;
	return vsw_port_set_allocatable(owner, port, on);
}

/* A name the world knows, a number, or NONE. */
static int arg_identity(struct vsw *sw, const char **args,
			int (*id_of)(void *ctx, const char *name, uint32_t *id), uint32_t *id)
{
	char word[64];
	uint64_t n;

	if (!vsw_arg_word(args, word, sizeof(word)))
		return -EINVAL;
	if (strcmp(word, "NONE") == 0)
		*id = VSW_NONE;
	else if (id_of && id_of(sw->conf.ctx, word, id) == 0)
		return 0;
	else if (vs_parse_uint(word, VSW_NONE - 1, &n) == 0)
		*id = (uint32_t)n;
	else
		return -EINVAL;
	return 0;
}

static int run_setuser(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	struct vsw *sw = owner;
	unsigned port;
	uint32_t id;

	(void)now, (void)r;
	if (arg_port(sw, &args, &port) != 0 ||
	    arg_identity(sw, &args, sw->conf.user_id, &id) != 0 || vsw_arg_end(args) != 0)
		return -EINVAL;
	return vsw_port_set_user(sw, port, id);
}

static int run_setgroup(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	struct vsw *sw = owner;
	unsigned port;
	uint32_t id;

	(void)now, (void)r;
	if (arg_port(sw, &args, &port) != 0 ||
	    arg_identity(sw, &args, sw->conf.group_id, &id) != 0 || vsw_arg_end(args) != 0)
		return -EINVAL;
	return vsw_port_set_group(sw, port, id);
}

static int run_epclose(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	unsigned port, endpoint;

	(void)r;
	if (arg_port(owner, &args, &port) != 0 || vsw_arg(&args, 0, INT32_MAX, &endpoint) != 0 ||
	    vsw_arg_end(args) != 0)
		return -EINVAL;
	return vsw_endpoint_close(owner, now, port, endpoint);
}

static int run_resetcounter(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	struct vsw *sw = owner;
	unsigned port;
	bool given;

	(void)now, (void)r;
	if (vsw_arg_maybe(args, sw->ports_len - 1, &port, &given) != 0)
		return -EINVAL;
	if (given && !sw->ports[port].exists)
		return -ENXIO;
	for (unsigned i = given ? port : 0; i < (given ? port + 1 : sw->ports_len); i++)
		vsw_reset_counters(sw, i);
	return 0;
}

static int run_mirror(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	static const char *const way[] = {"off", "in", "out", "both"};
	unsigned from, to;
	char word[8];

	(void)now, (void)r;
	if (arg_port(owner, &args, &from) != 0 || arg_port(owner, &args, &to) != 0 ||
	    !vsw_arg_word(&args, word, sizeof(word)) || vsw_arg_end(args) != 0)
		return -EINVAL;
	for (unsigned i = 0; i < 4; i++)
		if (strcmp(word, way[i]) == 0)
			return vsw_mirror(owner, from, to, i & 1, i & 2);
	return -EINVAL;
}

typedef void name_fn(void *ctx, uint32_t id, char name[VSW_NAME_MAX]);

static const char *name_of(struct vsw *sw, name_fn *of, uint32_t id, char name[VSW_NAME_MAX])
{
	struct vs_text text;

	vs_text_init(&text, name, VSW_NAME_MAX);
	if (id == VSW_NONE)
		vs_text_add(&text, "NONE");
	else if (of)
		of(sw->conf.ctx, id, name);
	else
		vs_text_add(&text, "%u", id);
	name[VSW_NAME_MAX - 1] = '\0';
	return name;
}

static void say_endpoints(struct vsw *sw, struct mgmt_reply *r, const struct vsw_port *p)
{
	mgmt_json_open(r, "endpoints", '[');
	for (int32_t n = p->first; n >= 0; n = sw->endpoints[n].next) {
		const struct vsw_endpoint *e = &sw->endpoints[n];

		mgmt_line(r, "  -- endpoint ID %04d module %-12s: %s", n, e->module, e->descr);
		mgmt_json_open(r, NULL, '{');
		mgmt_json_int(r, "id", n);
		mgmt_json_text(r, "module", e->module);
		mgmt_json_text(r, "descr", e->descr);
		mgmt_json_close(r);
	}
	mgmt_json_close(r);
}

static void say_traffic(struct mgmt_reply *r, const char *way, uint64_t frames, uint64_t bytes)
{
	mgmt_line(r, "%s pkts %10llu          bytes %20llu", way, (unsigned long long)frames,
		  (unsigned long long)bytes);
}

static void say_port(struct vsw *sw, struct mgmt_reply *r, unsigned n)
{
	const struct vsw_port *p = &sw->ports[n];
	const uint64_t *c = p->counters;
	char current[VSW_NAME_MAX], user[VSW_NAME_MAX], group[VSW_NAME_MAX];

	name_of(sw, sw->conf.user_name,
		p->first >= 0 ? sw->endpoints[p->first].user : VSW_NONE, current);
	name_of(sw, sw->conf.user_name, p->user, user);
	name_of(sw, sw->conf.group_name, p->group, group);
	mgmt_line(r, "Port %04u untagged_vlan=%04u %s - %sUnnamed Allocatable", n, p->vlan,
		  p->first >= 0 ? "ACTIVE" : "INACTIVE", p->allocatable ? "" : "NOT ");
	mgmt_line(r, " Current User: %s Access Control: (User: %s - Group: %s)", current, user,
		  group);
	say_traffic(r, " IN: ", c[VSW_PORT_RX_FRAMES], c[VSW_PORT_RX_BYTES]);
	say_traffic(r, " OUT:", c[VSW_PORT_TX_FRAMES], c[VSW_PORT_TX_BYTES]);
	if (p->mirror_in || p->mirror_out)
		mgmt_line(r, " Mirror: in to port %04u out to port %04u", p->mirror_in,
			  p->mirror_out);
	mgmt_json_open(r, NULL, '{');
	mgmt_json_int(r, "port", n);
	mgmt_json_int(r, "untagged_vlan", p->vlan);
	mgmt_json_bool(r, "active", p->first >= 0);
	mgmt_json_bool(r, "allocatable", p->allocatable);
	mgmt_json_text(r, "current_user", current);
	mgmt_json_text(r, "user", user);
	mgmt_json_text(r, "group", group);
	mgmt_json_int(r, "mirror_in", p->mirror_in);
	mgmt_json_int(r, "mirror_out", p->mirror_out);
	for (unsigned i = 0; i < VSW_PORT_COUNTERS; i++)
		mgmt_json_int(r, vsw_port_counter_names[i], (int64_t)c[i]);
	say_endpoints(sw, r, p);
	mgmt_json_close(r);
}

static int print(struct vsw *sw, struct mgmt_reply *r, const char *args, bool inactive)
{
	unsigned port;
	bool given;

	if (vsw_arg_maybe(args, sw->ports_len - 1, &port, &given) != 0)
		return -EINVAL;
	if (given && (!sw->ports[port].exists || (!inactive && sw->ports[port].first < 0)))
		return -ENXIO;
	mgmt_json_open(r, "ports", '[');
	for (unsigned i = given ? port : 0; i < (given ? port + 1 : sw->ports_len); i++)
		if (sw->ports[i].exists && (inactive || sw->ports[i].first >= 0))
			say_port(sw, r, i);
	return 0;
}

static int run_print(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	(void)now;
	return print(owner, r, args, false);
}

static int run_allprint(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	(void)now;
	return print(owner, r, args, true);
}

static int run_counters(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	struct vsw *sw = owner;

	(void)now;
	if (vsw_arg_end(args) != 0)
		return -EINVAL;
	for (unsigned i = 0; i < VSW_COUNTERS; i++) {
		mgmt_line(r, "%-20s %20llu", vsw_counter_names[i],
			  (unsigned long long)sw->counters[i]);
		mgmt_json_int(r, vsw_counter_names[i], (int64_t)sw->counters[i]);
	}
	return 0;
}

const struct mgmt_command vsw_mgmt_port[] = {
	{"port", "", "PORT STATUS MENU", NULL, MGMT_MENU},
	{"port/showinfo", "", "show port info", run_showinfo, MGMT_DATA},
	{"port/setnumports", "N", "set the number of ports", run_setnumports, 0},
	{"port/sethub", "0/1", "1=HUB 0=switch", run_sethub, 0},
	{"port/setvlan", "N VLAN", "set port VLAN (untagged)", run_setvlan, 0},
	{"port/createauto", "",
	 "create a port with an automatically allocated id (inactive|notallocatable)",
	 run_createauto, MGMT_DATA},
	{"port/create", "N", "create the port N (inactive|notallocatable)", run_create, 0},
	{"port/remove", "N", "remove the port N", run_remove, 0},
	{"port/allocatable", "N 0/1", "Is the port allocatable as unnamed? 1=Y 0=N",
	 run_allocatable, 0},
	{"port/setuser", "N user", "access control: set user", run_setuser, 0},
	{"port/setgroup", "N user", "access control: set group", run_setgroup, 0},
	{"port/epclose", "N ID", "remove the endpoint port N/id ID", run_epclose, 0},
	{"port/resetcounter", "[N]", "reset the port (N) counters", run_resetcounter, 0},
	{"port/print", "[N]", "print the port/endpoint table", run_print, MGMT_DATA},
	{"port/allprint", "[N]", "print the port/endpoint table (including inactive port)",
	 run_allprint, MGMT_DATA},
	{"port/mirror", "N PORT HOW", "copy traffic of port N to PORT: HOW=in|out|both|off",
	 run_mirror, 0},
	{"port/counters", "", "print the counters of the switch, drops by reason", run_counters,
	 MGMT_DATA},
};

const size_t vsw_mgmt_port_count = sizeof(vsw_mgmt_port) / sizeof(vsw_mgmt_port[0]);
