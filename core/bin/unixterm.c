/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unixterm: a terminal on a UNIX socket, that shows what comes as it comes. */
#include "core/bin/term.h"

static const char usage[] =
	"Usage: unixterm SOCKET\n"
	"A terminal for a management session, or anything that speaks lines, on a UNIX socket.\n"
	"Lines are edited, remembered and completed. When standard input is no terminal its lines\n"
	"are commands, and the exit status is 1 if one of them failed.\n"
	"\n"
	"  -h, --help\n"
	"  -V, --version\n";

int main(int argc, char **argv)
{
	struct term t = {.program = "unixterm"};

	return term_main(&t, argc, argv, usage);
}
