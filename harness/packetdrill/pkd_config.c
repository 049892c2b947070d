/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the stack is: its addresses, MTU and settings. They come, the later the stronger, from
 * packetdrill's own options on its command line and atop its script (--local_ip ... --mtu), and
 * from --so_flags:
 *
 *      local=ADDRESS[/BITS]   mtu=BYTES   seed=NUMBER   net.ipv4.NAME=VALUE
 *
 * separated by commas; a value with blanks is written with colons (net.ipv4.tcp_rmem=4096:1:2).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"
#include "harness/packetdrill/pkd_impl.h"

#define ARGUMENTS_MAX 65536

static int bad(const char *item, const char *expected)
{
	fprintf(stderr, "libvsq-packetdrill: %s: expected %s\n", item, expected);
	return -EINVAL;
}

static int add_local(struct pkd_conf *c, const char *text)
{
	if (c->locals == sizeof(c->local) / sizeof(*c->local))
		return bad(text, "at most 8 local addresses");
	if (strchr(text, '/')) {
		if (wire_addr_parse_prefix(text, &c->local[c->locals], &c->bits[c->locals]))
			return bad(text, "an address with /BITS");
	} else {
		if (wire_addr_parse(text, &c->local[c->locals]))
			return bad(text, "an address");
		c->bits[c->locals] = wire_addr_is4(&c->local[c->locals]) ? 112 : 48;
	}
	c->locals++;
	return 0;
}

static int add_number(const char *item, const char *text, uint64_t most, uint64_t *number)
{
	return vs_parse_uint(text, most, number) ? bad(item, "a number") : 0;
}

static int add_setting(struct pkd_conf *c, const char *item)
{
	size_t len = strlen(item) + 1;

	if (c->settings_len + len > sizeof(c->settings))
		return bad(item, "fewer settings");
	for (size_t i = 0; i < len; i++)
		c->settings[c->settings_len++] = item[i] == ':' ? ' ' : item[i];
	return 0;
}

static int add_flag(struct pkd_conf *c, const char *item)
{
	const char *value = strchr(item, '=');
	uint64_t number = 0;
	int error;

	if (!value++)
		return bad(item, "NAME=VALUE");
	if (!strncmp(item, "local=", 6))
		return add_local(c, value);
	if (!strncmp(item, "net.", 4))
		return add_setting(c, item);
	if (!strncmp(item, "mtu=", 4)) {
		error = add_number(item, value, 65535, &number);
		c->mtu = (uint32_t)number;
		return error;
	}
	if (!strncmp(item, "seed=", 5))
		return add_number(item, value, UINT64_MAX, &c->seed);
	return bad(item, "local, mtu, seed or net....");
}

/* One option of packetdrill's; those that do not concern the stack are passed over. */
static int add_option(struct pkd_conf *c, const char *option)
{
	static const struct {
		const char *theirs, *ours;
	} names[] = {{"--local_ip=", "local="}, {"--mtu=", "mtu="}};
	char item[256];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		size_t len = strlen(names[i].theirs);

		if (strncmp(option, names[i].theirs, len))
			continue;
		snprintf(item, sizeof(item), "%s%s", names[i].ours, option + len);
		return add_flag(c, item);
	}
	return 0;
}

/* A script may begin with options, one a line. */
static int script_options(struct pkd_conf *c, const char *path)
{
	FILE *file = fopen(path, "r");
	char line[1024];
	int error = 0;

	if (!file)
		return 0;
	while (!error && fgets(line, sizeof(line), file)) {
		line[strcspn(line, " \t\r\n")] = '\0';
		if (!strncmp(line, "--", 2))
			error = add_option(c, line);
		else if (line[0] == '0' || line[0] == '+')
			break;
	}
	fclose(file);
	return error;
}

static int own_options(struct pkd_conf *c)
{
	FILE *file = fopen("/proc/self/cmdline", "r");
	char *text = malloc(ARGUMENTS_MAX);
	size_t len = file && text ? fread(text, 1, ARGUMENTS_MAX - 1, file) : 0;
	const char *last = NULL;
	int error = 0;

	for (size_t at = 0; at < len && !error; at += strlen(text + at) + 1) {
		text[len] = '\0';
		last = text + at;
		error = add_option(c, last);
	}
	if (!error && last && strlen(last) > 4 && !strcmp(last + strlen(last) - 4, ".pkt"))
		error = script_options(c, last);
	if (file)
		fclose(file);
	free(text);
	return error;
}

static bool has_family(const struct pkd_conf *c, bool ip4)
{
	for (unsigned i = 0; i < c->locals; i++)
		if (wire_addr_is4(&c->local[i]) == ip4)
			return true;
	return false;
}

/* packetdrill's own addresses, and those that its scripts' runner passes. */
static int defaults(struct pkd_conf *c)
{
	int error = 0;

	if (!has_family(c, true))
		error = add_local(c, "192.168.0.1/16") || add_local(c, "192.168.0.2/16");
	if (!error && !has_family(c, false))
		error = add_local(c, "fd3d:fa7b:d17d::/48") ||
			add_local(c, "fd3d:0a0b:17d6::1/48");
	return error;
}

int pkd_configure(struct pkd_conf *c, const char *flags)
{
	char *text = strdup(flags), *rest = NULL;
	int error = own_options(c);

	c->mtu = c->mtu ? c->mtu : 1500;
	for (char *item = strtok_r(text, ",", &rest); item && !error;
	     item = strtok_r(NULL, ",", &rest))
		error = add_flag(c, item);
	free(text);
	return error ? error : defaults(c);
}

/* Everybody is on the link: what lies behind it answers for every address. */
static int add_default_route(struct pkd *w, const struct wire_addr *any, unsigned bits)
{
	struct stk_route route = {.dst = *any, .bits = bits, .ifindex = PKD_IFINDEX};

	return stk_route_add(w->stk, w->now, &route);
}

int pkd_apply(struct pkd *w)
{
	struct stk_if_conf interface = {.name = "tun0", .mac = {2, 0, 0, 0, 0, 1}};
	const struct pkd_conf *c = &w->conf;
	int error;

	interface.mtu = c->mtu;
	if (stk_if_add(w->stk, w->now, &interface) != PKD_IFINDEX)
		return bad("mtu", "one that an interface can have");
	for (unsigned i = 0; i < c->locals; i++) {
		error = stk_addr_add(w->stk, w->now, PKD_IFINDEX, &c->local[i], c->bits[i]);
		if (error)
			return bad("local", "addresses of our own");
	}
	error = add_default_route(w, &wire_addr_any4, 96);
	error = error ? error : add_default_route(w, &wire_addr_any6, 0);
	if (error)
		return error;
	for (size_t at = 0; at < c->settings_len; at += strlen(c->settings + at) + 1) {
		char name[128];
		const char *value = strchr(c->settings + at, '=');

		snprintf(name, sizeof(name), "%.*s", (int)(value - (c->settings + at)),
			 c->settings + at);
		if (stk_set(w->stk, w->now, name, value + 1))
			return bad(c->settings + at, "a setting of the stack's and its value");
	}
	return 0;
}
