/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unixcmd: one command to a management session; its data on standard output, its error as status.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/bin/peer.h"

#define ANSWER_MS 10000

static const char usage[] =
	"Usage: unixcmd -s SOCKET [-v] COMMAND...\n"
	"Runs one command in the management session of a VDE program (its option -M) and writes "
	"the\n"
	"data it answers. The exit status is 0, or the number of the error the command answered;\n"
	"255 when there was no answer.\n"
	"\n"
	"  -s SOCKET  management socket\n"
	"  -v         show the whole dialogue on standard error\n"
	"  -h, --help\n"
	"  -V, --version\n";

struct dialogue {
	bool verbose;
	bool asked;
	const char *text; /* of an error */
};

static void on_line(void *ctx, enum peer_line kind, const char *raw, const char *text)
{
	struct dialogue *d = ctx;

	if (d->verbose)
		fprintf(stderr, "%s\n", raw);
	if (kind == PEER_DATA && d->asked)
		puts(raw);
	if (kind == PEER_STATUS && strcmp(text, "Success") != 0 && !d->verbose)
		fprintf(stderr, "unixcmd: %s\n", text);
}

static int run(struct peer *p, struct dialogue *d, char **words, int count)
{
	char line[1024];
	size_t len = 0;

	for (int i = 0; i < count; i++) {
		size_t n = strlen(words[i]);

		if (len + n + 2 > sizeof(line)) {
			fputs("unixcmd: the command is longer than 1023 bytes\n", stderr);
			return 255;
		}
		memcpy(line + len, words[i], n);
		len += n;
		line[len++] = i + 1 < count ? ' ' : '\n';
	}
	peer_wait(p, ANSWER_MS, -1);
	d->asked = true;
	if (p->at_prompt && peer_send(p, line, len))
		peer_wait(p, ANSWER_MS, -1);
	if (!p->answered) {
		fputs("unixcmd: no answer\n", stderr);
		return 255;
	}
	return p->said_bye ? 0 : p->status < 0 || p->status > 254 ? 254 : p->status;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'}, {0}};
	struct dialogue d = {0};
	struct peer p = {.line = on_line, .ctx = &d};
	const char *path = NULL;
	int c, err;

	while ((c = getopt_long(argc, argv, "+s:vhV", options, NULL)) >= 0) {
		switch (c) {
		case 's':
			path = optarg;
			break;
		case 'v':
			d.verbose = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		case 'V':
			puts("unixcmd (vsq)");
			return 0;
		default:
			fputs(usage, stderr);
			return 255;
		}
	}
	if (!path || optind == argc) {
		fputs(usage, stderr);
		return 255;
	}
	err = peer_open(&p, path);
	if (err) {
		fprintf(stderr, "unixcmd: %s: %s\n", path, strerror(-err));
		return 255;
	}
	err = run(&p, &d, argv + optind, argc - optind);
	fflush(stdout);
	peer_close(&p);
	return err;
}
