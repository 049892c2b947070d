/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/bin/switch_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "core/base/text.h"
#include "core/host/process.h"

enum { OPT_MACADDR = 256, OPT_PRIORITY, OPT_HASHSIZE, OPT_DIRMODE, OPT_MGMTMODE, OPT_MGMTGROUP };

static const char short_options[] = "hvn:xFs:m:g:dp:f:M:D:t:";

static const struct option long_options[] = {
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'v'},
	{"numports", required_argument, NULL, 'n'},
	{"hub", no_argument, NULL, 'x'},
	{"fstp", no_argument, NULL, 'F'},
	{"macaddr", required_argument, NULL, OPT_MACADDR},
	{"priority", required_argument, NULL, OPT_PRIORITY},
	{"hashsize", required_argument, NULL, OPT_HASHSIZE},
	{"sock", required_argument, NULL, 's'},
	{"vdesock", required_argument, NULL, 's'},
	{"unix", required_argument, NULL, 's'},
	{"mode", required_argument, NULL, 'm'},
	{"mod", required_argument, NULL, 'm'},
	{"dirmode", required_argument, NULL, OPT_DIRMODE},
	{"group", required_argument, NULL, 'g'},
	{"daemon", no_argument, NULL, 'd'},
	{"pidfile", required_argument, NULL, 'p'},
	{"rcfile", required_argument, NULL, 'f'},
	{"mgmt", required_argument, NULL, 'M'},
	{"mgmtmode", required_argument, NULL, OPT_MGMTMODE},
	{"mgmtgroup", required_argument, NULL, OPT_MGMTGROUP},
	{"debugclients", required_argument, NULL, 'D'},
	{"tap", required_argument, NULL, 't'},
	{NULL, 0, NULL, 0},
};

static const char help[] =
	"Usage: vde_switch [OPTIONS]\n"
	"Runs a VDE switch.\n"
	"  -h, --help               show this help and exit\n"
	"  -v, --version            show the version and exit\n"
	"  -n, --numports N         number of ports (default 32)\n"
	"  -x, --hub                be a hub: every frame goes to every port\n"
	"  -F, --fstp               fast spanning tree protocol\n"
	"      --macaddr MAC        the switch's own address\n"
	"      --priority N         priority for the spanning tree\n"
	"      --hashsize N         size of the hash table, a power of two\n"
	"  -s, --sock DIR           directory of the switch's sockets (also --vdesock, --unix;\n"
	"                           default /var/run/vde.ctl for root, else /tmp/vde.ctl)\n"
	"  -m, --mode MODE          permissions of the sockets, octal (also --mod; default 0600)\n"
	"      --dirmode MODE       permissions of the directory, octal\n"
	"  -g, --group GROUP        group that owns directory and sockets\n"
	"  -d, --daemon             run in the background\n"
	"  -p, --pidfile FILE       write the process id to FILE\n"
	"  -f, --rcfile FILE        commands to run first (default ~/.vde2/vde_switch.rc,\n"
	"                           ~/.vderc, /etc/vde2/vde_switch.rc: the first there is)\n"
	"  -M, --mgmt SOCK          management socket\n"
	"      --mgmtmode MODE      its permissions, octal (default 0600)\n"
	"      --mgmtgroup GROUP    its group\n"
	"  -D, --debugclients N     management sessions that may listen to debug output\n"
	"  -t, --tap TAP            join the host's TAP interface; may be given several times\n";

static int complain(const char *option, const char *value, const char *allowed)
{
	process_log(LOG_ERR, "%s: '%s' is not %s", option, value, allowed);
	return -EINVAL;
}

static int parse_mac(const char *text, uint8_t mac[6])
{
	unsigned b[6];
	int end = 0;

	if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5],
		   &end) != 6 ||
	    text[end])
		return complain("--macaddr", text, "an address like 02:00:5e:10:00:01");
	if (b[0] & 1)
		return complain("--macaddr", text, "an address of one station");
	for (int i = 0; i < 6; i++)
		mac[i] = (uint8_t)b[i];
	return 0;
}

static int parse_number(const char *option, const char *text, unsigned min, unsigned max,
			unsigned *out)
{
	char allowed[64];
	uint64_t value;

	if (vs_parse_uint(text, max, &value) || value < min) {
		snprintf(allowed, sizeof(allowed), "a number from %u to %u", min, max);
		return complain(option, text, allowed);
	}
	*out = (unsigned)value;
	return 0;
}

static int parse_mode(const char *option, const char *text, mode_t *mode)
{
	if (process_parse_mode(text, mode))
		return complain(option, text, "an octal mode");
	return 0;
}

static int parse_group(const char *option, const char *text, gid_t *gid)
{
	uint32_t id;

	if (process_group_id(text, &id))
		return complain(option, text, "a group of this system");
	*gid = id;
	return 0;
}

static int parse_tap(struct switch_options *o, const char *name)
{
	if (o->taps_count == SWITCH_TAPS_MAX) {
		process_log(LOG_ERR, "--tap: at most %d", SWITCH_TAPS_MAX);
		return -EINVAL;
	}
	o->taps[o->taps_count++] = name;
	return 0;
}

static int parse_option(struct switch_options *o, int option, const char *value)
{
	unsigned number = 0;
	int error = 0;

	switch (option) {
	case 'n':
		return parse_number("--numports", value, 1, SWITCH_PORTS_MAX, &o->ports);
	case 'x':
		o->hub = true;
		return 0;
	case 'F':
		o->fstp = true;
		return 0;
	case OPT_MACADDR:
		o->mac_given = true;
		return parse_mac(value, o->mac);
	case OPT_PRIORITY:
		error = parse_number("--priority", value, 0, 0xffff, &number);
		o->priority = (uint16_t)number;
		return error;
	case OPT_HASHSIZE:
		return parse_number("--hashsize", value, 1, 1u << 24, &o->hash_size);
	case 's':
		o->dir = value;
		return 0;
	case 'm':
		return parse_mode("--mode", value, &o->mode);
	case OPT_DIRMODE:
		return parse_mode("--dirmode", value, &o->dir_mode);
	case 'g':
		return parse_group("--group", value, &o->gid);
	case 'd':
		o->daemon = true;
		return 0;
	case 'p':
		o->pid_file = value;
		return 0;
	case 'f':
		o->rc_file = value;
		return 0;
	case 'M':
		o->mgmt = value;
		return 0;
	case OPT_MGMTMODE:
		return parse_mode("--mgmtmode", value, &o->mgmt_mode);
	case OPT_MGMTGROUP:
		return parse_group("--mgmtgroup", value, &o->mgmt_gid);
	case 'D':
		return parse_number("--debugclients", value, 1, 1024, &o->debug_max);
	case 't':
		return parse_tap(o, value);
	case 'h':
		fputs(help, stdout);
		return 1;
	case 'v':
		printf("%s\n%s\n", SWITCH_VERSION, SWITCH_COPYRIGHT);
		return 1;
	}
	fputs("Try 'vde_switch --help'.\n", stderr);
	return -EINVAL;
}

int switch_options_parse(struct switch_options *o, int argc, char **argv)
{
	int option;

	*o = (struct switch_options){
		.mode = 0600,
		.dir_mode = (mode_t)-1,
		.gid = (gid_t)-1,
		.mgmt_mode = 0600,
		.mgmt_gid = (gid_t)-1,
	};
	while ((option = getopt_long_only(argc, argv, short_options, long_options, NULL)) != -1) {
		int done = parse_option(o, option, optarg);

		if (done)
			return done;
	}
	if (optind < argc)
		return complain("argument", argv[optind], "known; every argument is an option");
	/* Who may use the sockets may enter the directory; what is made in it keeps its group. */
	if (o->dir_mode == (mode_t)-1)
		o->dir_mode = 02000 | o->mode | (o->mode & 0444) >> 2;
	return 0;
}
