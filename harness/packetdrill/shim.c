/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sysctl, ip and tc for packetdrill's scripts: what concerns the stack under test goes there, the
 * rest succeeds and does nothing. It is called by their names:
 *
 *      sysctl [-q|-n|-e|-w] NAME[=VALUE] ...      ip [-4|-6] route add|change|replace PREFIX ...
 *      ip tcp_metrics flush [all]                 tc ... (queues are not modelled: succeeds)
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/packetdrill/pkd_client.h"

/* Slashes are dots, as in sysctl(8). */
static void plain_name(char *name)
{
	for (; *name; name++)
		if (*name == '/')
			*name = '.';
}

static int sysctl_one(char *item, bool quiet, bool values_only, bool ignore)
{
	char *value = strchr(item, '='), held[1024];
	int error;

	if (value)
		*value++ = '\0';
	plain_name(item);
	error = value ? pkd_client_set(item, value) : pkd_client_get(item, held, sizeof(held));
	if (error == -ENOENT && ignore)
		return 0;
	if (error) {
		fprintf(stderr, "sysctl: %s: %s\n", item, strerror(-error));
		return 1;
	}
	if (!quiet && !values_only)
		printf("%s = ", item);
	if (!quiet || !value)
		printf("%s\n", value ? value : held);
	return 0;
}

static int sysctl_main(int argc, char **argv)
{
	bool quiet = false, values_only = false, ignore = false;
	int failed = 0;

	for (int i = 1; i < argc; i++) {
		if (argv[i][0] == '-') {
			quiet = quiet || strchr(argv[i], 'q');
			values_only = values_only || strchr(argv[i], 'n');
			ignore = ignore || strchr(argv[i], 'e');
			continue;
		}
		failed |= sysctl_one(argv[i], quiet, values_only, ignore);
	}
	return failed;
}

/* ip route change 192.0.2.0/24 dev tun0 via 192.168.0.1 initcwnd 20: the words after the prefix. */
static int ip_main(int argc, char **argv)
{
	char request[1024] = "route";
	int at = 1, error;

	while (at < argc && argv[at][0] == '-')
		at++;
	if (at + 1 < argc && !strcmp(argv[at], "tcp_metrics") && !strcmp(argv[at + 1], "flush"))
		return pkd_client_ask("flush", NULL, 0) ? 2 : 0;
	if (at >= argc || (strcmp(argv[at], "route") && strcmp(argv[at], "ro") &&
			   strcmp(argv[at], "r")))
		return 0;
	if (at + 1 >= argc || !strcmp(argv[at + 1], "show") || !strcmp(argv[at + 1], "list") ||
	    !strcmp(argv[at + 1], "get"))
		return 0;
	for (at += 2; at < argc; at++) {
		size_t len = strlen(request);

		snprintf(request + len, sizeof(request) - len, " %s", argv[at]);
	}
	error = pkd_client_ask(request, NULL, 0);
	if (error)
		fprintf(stderr, "ip: %s: %s\n", request, strerror(-error));
	return error ? 2 : 0;
}

int main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/');

	name = name ? name + 1 : argv[0];
	if (!strcmp(name, "sysctl"))
		return sysctl_main(argc, argv);
	if (!strcmp(name, "ip"))
		return ip_main(argc, argv);
	if (!strcmp(name, "tc"))
		return 0;
	fprintf(stderr, "%s: is to be called as sysctl, ip or tc\n", name);
	return 1;
}
