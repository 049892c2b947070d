/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The menu vlan. */
#include <errno.h>

#include "core/switch/vsw_mgmt_impl.h"

static int run_create(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	unsigned vlan;

	(void)now, (void)r;
	if (vsw_arg(&args, 1, VSW_NO_VLAN - 1, &vlan) != 0 || vsw_arg_end(args) != 0)
		return -EINVAL;
	return vsw_vlan_create(owner, vlan);
}

static int run_remove(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	unsigned vlan;

	(void)now, (void)r;
	if (vsw_arg(&args, 0, VSW_NO_VLAN - 1, &vlan) != 0 || vsw_arg_end(args) != 0)
		return -EINVAL;
	return vsw_vlan_remove(owner, vlan);
}

static int arg_both(struct vsw *sw, const char *args, unsigned *vlan, unsigned *port)
{
	if (vsw_arg(&args, 0, VSW_NO_VLAN - 1, vlan) != 0 ||
	    vsw_arg(&args, 1, sw->ports_len - 1, port) != 0)
		return -EINVAL;
	return vsw_arg_end(args);
}

static int run_addport(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	unsigned vlan, port;
	int error = arg_both(owner, args, &vlan, &port);

	(void)now, (void)r;
	return error ? error : vsw_vlan_add_port(owner, vlan, port);
}

static int run_delport(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	unsigned vlan, port;
	int error = arg_both(owner, args, &vlan, &port);

	(void)now, (void)r;
	return error ? error : vsw_vlan_del_port(owner, vlan, port);
}

/* In the original's words a port without endpoints is Learning, as it forwards nothing. */
static const char *status_of(const struct vsw *sw, unsigned vlan, unsigned port, bool active)
{
	switch (vsw_state(sw, vlan, port)) {
	case VSW_BLOCKING:
		return "Discarding";
	case VSW_LEARNING:
		return "Learning";
	case VSW_FORWARDING:
		break;
	}
	return active ? "Forwarding" : "Learning";
}

static void say_vlan(struct vsw *sw, struct mgmt_reply *r, unsigned vlan, bool inactive)
{
	const struct vsw_vlan *v = sw->vlans[vlan];

	mgmt_line(r, "VLAN %04u", vlan);
	mgmt_json_open(r, NULL, '{');
	mgmt_json_int(r, "vlan", vlan);
	mgmt_json_open(r, "ports", '[');
	for (unsigned i = 0; i < sw->ports_len; i++) {
		bool tagged = vsw_bit(v->tagged, i), active = vsw_bit(sw->active, i);

		if (!vsw_bit(v->member, i) || !(inactive || active))
			continue;
		mgmt_line(r, " -- Port %04u tagged=%d active=%d status=%s", i, tagged, active,
			  status_of(sw, vlan, i, active));
		mgmt_json_open(r, NULL, '{');
		mgmt_json_int(r, "port", i);
		mgmt_json_bool(r, "tagged", tagged);
		mgmt_json_bool(r, "active", active);
		mgmt_json_text(r, "status", status_of(sw, vlan, i, active));
		mgmt_json_close(r);
	}
	mgmt_json_close(r);
	mgmt_json_close(r);
}

static int print(struct vsw *sw, struct mgmt_reply *r, const char *args, bool inactive)
{
	unsigned vlan;
	bool given;

	if (vsw_arg_maybe(args, VSW_NO_VLAN - 1, &vlan, &given) != 0)
		return -EINVAL;
	if (given && !sw->vlans[vlan])
		return -ENXIO;
	mgmt_json_open(r, "vlans", '[');
	for (unsigned i = given ? vlan : 0; i < (given ? vlan + 1 : VSW_VLANS); i++)
		if (sw->vlans[i])
			say_vlan(sw, r, i, inactive);
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

const struct mgmt_command vsw_mgmt_vlan[] = {
	{"vlan", "", "VLAN MANAGEMENT MENU", NULL, MGMT_MENU},
	{"vlan/create", "N", "create the VLAN with tag N", run_create, 0},
	{"vlan/remove", "N", "remove the VLAN with tag N", run_remove, 0},
	{"vlan/addport", "N PORT", "add port to the vlan N (tagged)", run_addport, 0},
	{"vlan/delport", "N PORT", "add port to the vlan N (tagged)", run_delport, 0},
	{"vlan/print", "[N]", "print the list of defined vlan", run_print, MGMT_DATA},
	{"vlan/allprint", "[N]", "print the list of defined vlan (including inactive port)",
	 run_allprint, MGMT_DATA},
};

const size_t vsw_mgmt_vlan_count = sizeof(vsw_mgmt_vlan) / sizeof(vsw_mgmt_vlan[0]);
