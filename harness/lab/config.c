/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How nodes are configured: addresses, routes and settings. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/base/text.h"
#include "core/mgmt/mgmt.h"
#include "core/wire/addr.h"
#include "harness/lab/lab.h"
#include "harness/lab/number.h"
#include "harness/lab/peer.h"

static int need_host(struct lab_node *node, const char *what)
{
	if (lab_node_is_host(node))
		return 0;
	return lab_fail(node->lab, -EINVAL, "%s is a %s: only hosts and routers have %s",
			node->name, lab_kind_name(node->kind), what);
}

int lab_node_set_address(struct lab_node *node, int interface, const char *text)
{
	struct wire_addr addr;
	unsigned bits;
	int err = node->kind == LAB_PEER ? 0 : need_host(node, "addresses");

	if (err)
		return err;
	if (interface < 1 || interface > STK_IF_MAX)
		return lab_fail(node->lab, -EINVAL, "%s: interface %d: it must be 1 to %d",
				node->name, interface, STK_IF_MAX);
	if (!text || wire_addr_parse_prefix(text, &addr, &bits))
		return lab_fail(node->lab, -EINVAL,
				"%s: \"%s\" is not an address like 10.0.0.1/24 or 2001:db8::1/64",
				node->name, text ? text : "");
	err = node->kind == LAB_PEER ? 0 : lab_node_interfaces(node, interface);
	if (err)
		return err;
	if (node->kind == LAB_PEER)
		err = lab_peer_address(node, &addr);
	else
		err = stk_addr_add(node->stk, sim_now(node->lab->sim), interface, &addr, bits);
	if (err)
		return lab_fail(node->lab, err, "%s: address %s: %s", node->name, text,
				strerror(-err));
	if (!node->has_address[!wire_addr_is4(&addr)] && !wire_addr_is_link_local(&addr)) {
		node->has_address[!wire_addr_is4(&addr)] = true;
		node->address[!wire_addr_is4(&addr)] = addr;
	}
	sim_touch(&node->engine);
	return 0;
}

int vsq_address(struct vsq_lab *lab, int number, int interface, const char *address)
{
	struct lab_node *node = lab_node_at(lab, number);

	return node ? lab_node_set_address(node, interface, address) : -EINVAL;
}

int lab_node_set_route(struct lab_node *node, const char *destination, const char *gateway)
{
	struct stk_route route = {.metric = 0};
	int err = need_host(node, "routes");

	if (err)
		return err;
	if (!gateway || wire_addr_parse(gateway, &route.via))
		return lab_fail(node->lab, -EINVAL, "%s: gateway \"%s\" is not an address",
				node->name, gateway ? gateway : "");
	if (destination && !strcmp(destination, "default")) {
		bool four = wire_addr_is4(&route.via);

		route.dst = four ? wire_addr_any4 : wire_addr_any6;
		route.bits = four ? 96 : 0;
	} else if (!destination || wire_addr_parse_prefix(destination, &route.dst, &route.bits)) {
		return lab_fail(node->lab, -EINVAL,
				"%s: route to \"%s\": it must be default or like 10.1.0.0/16",
				node->name, destination ? destination : "");
	}
	err = stk_route_add(node->stk, sim_now(node->lab->sim), &route);
	if (err)
		return lab_fail(node->lab, err, "%s: route to %s via %s: %s", node->name,
				destination, gateway, strerror(-err));
	sim_touch(&node->engine);
	return 0;
}

int vsq_route(struct vsq_lab *lab, int number, const char *destination, const char *gateway)
{
	struct lab_node *node = lab_node_at(lab, number);

	return node ? lab_node_set_route(node, destination, gateway) : -EINVAL;
}

static const struct {
	const char *name, *full;
} short_names[] = {
	{"cc", "net.ipv4.tcp_congestion_control"},
	{"sack", "net.ipv4.tcp_sack"},
	{"timestamps", "net.ipv4.tcp_timestamps"},
	{"window_scaling", "net.ipv4.tcp_window_scaling"},
	{"ecn", "net.ipv4.tcp_ecn"},
	{"rmem", "net.ipv4.tcp_rmem"},
	{"wmem", "net.ipv4.tcp_wmem"},
	{"ttl", "net.ipv4.ip_default_ttl"},
	{"forwarding", "net.ipv4.ip_forward"},
};

static int set_mtu(struct lab_node *node, const char *value)
{
	uint64_t mtu;
	int err = 0;

	if (vs_parse_uint(value, 65535, &mtu) || mtu < 68)
		return lab_fail(node->lab, -EINVAL, "%s: mtu \"%s\": it must be 68 to 65535",
				node->name, value);
	for (int i = 1; i <= node->interfaces && !err; i++)
		err = stk_if_set_mtu(node->stk, sim_now(node->lab->sim), i, (uint32_t)mtu);
	if (err)
		return lab_fail(node->lab, err, "%s: mtu %s: %s", node->name, value,
				strerror(-err));
	node->mtu = (uint32_t)mtu;
	return 0;
}

/* A time with a sign: "+3s", "-20ms". */
static int set_clock(struct lab_node *node, const char *value)
{
	bool behind = *value == '-';
	vs_time ahead;

	if (lab_number_time(value + (*value == '-' || *value == '+'), &ahead))
		return lab_fail(node->lab, -EINVAL, "%s: clock \"%s\": it must be like 3s or -20ms",
				node->name, value);
	stk_set_clock(node->stk, (behind ? -ahead : ahead) / VS_MSEC);
	return 0;
}

static int set_host(struct lab_node *node, const char *name, const char *value)
{
	const char *full = name;
	int err;

	if (!strcmp(name, "mtu"))
		return set_mtu(node, value);
	if (!strcmp(name, "clock"))
		return set_clock(node, value);
	for (size_t i = 0; i < sizeof(short_names) / sizeof(short_names[0]); i++)
		if (!strcmp(name, short_names[i].name))
			full = short_names[i].full;
	err = stk_set(node->stk, sim_now(node->lab->sim), full, value);
	sim_touch(&node->engine);
	if (err == -ENOENT)
		return lab_fail(node->lab, err,
				"%s: there is no setting \"%s\": there are mtu, cc, sack, "
				"timestamps, window_scaling, ecn, rmem, wmem, ttl, forwarding, "
				"clock, and "
				"Linux's names",
				node->name, name);
	if (err)
		return lab_fail(node->lab, err, "%s: %s: \"%s\": %s", node->name, name, value,
				strerror(-err));
	return 0;
}

static int set_switch(struct lab_node *node, const char *name, const char *value)
{
	static const struct {
		const char *name, *command;
	} settings[] = {
		{"hub", "port/sethub"},	     {"ports", "port/setnumports"},
		{"expire", "hash/setexpire"}, {"gc", "hash/setgcint"},
		{"persistence", "hash/setminper"},
	};
	char line[128];
	int code;

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		if (strcmp(name, settings[i].name))
			continue;
		snprintf(line, sizeof(line), "%s %s", settings[i].command, value);
		code = mgmt_run(node->mgmt, sim_now(node->lab->sim), line, NULL);
		sim_touch(&node->engine);
		if (code)
			return lab_fail(node->lab, -EINVAL, "%s: %s: \"%s\": %s", node->name, name,
					value, strerror(code));
		return 0;
	}
	return lab_fail(node->lab, -ENOENT,
			"%s: there is no setting \"%s\": a switch has hub, ports, expire, gc and "
			"persistence",
			node->name, name);
}

int lab_node_set(struct lab_node *node, const char *name, const char *value)
{
	switch (node->kind) {
	case LAB_HOST:
	case LAB_ROUTER:
		return set_host(node, name, value);
	case LAB_SWITCH:
		return set_switch(node, name, value);
	case LAB_PROBE:
	case LAB_PEER:
		break;
	}
	return lab_fail(node->lab, -ENOENT, "%s: a %s has no settings", node->name,
			lab_kind_name(node->kind));
}

static int set_lab(struct vsq_lab *lab, const char *name, const char *value)
{
	uint64_t bytes;

	if (strcmp(name, "memory"))
		return lab_fail(lab, -ENOENT, "there is no setting \"%s\": the lab has memory",
				name);
	if (lab_number_bytes(value, &bytes) || bytes < 65536 || bytes > SIZE_MAX / 2)
		return lab_fail(lab, -EINVAL, "memory \"%s\": it must be a size from 64KiB", value);
	if (lab->pool)
		return lab_fail(lab, -EBUSY, "memory must be set before the first node is added");
	lab->memory = (size_t)bytes;
	return 0;
}

int vsq_setting(struct vsq_lab *lab, int number, const char *name, const char *value)
{
	struct lab_node *node;

	if (!name || !value)
		return lab_fail(lab, -EINVAL, "a setting needs a name and a value");
	if (number == -1)
		return set_lab(lab, name, value);
	node = lab_node_at(lab, number);
	return node ? lab_node_set(node, name, value) : -EINVAL;
}
