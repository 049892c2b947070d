/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vdeterm: a terminal for vde_switch, wirefilter and their kind, without the protocol's codes. */
#include "core/bin/term.h"

static const char usage[] =
	"Usage: vdeterm SOCKET\n"
	"A terminal for the management session of a VDE program (its option -M). The numeric "
	"codes\n"
	"are hidden. Lines are edited, remembered and completed. When standard input is no "
	"terminal\n"
	"its lines are commands, data goes to standard output, errors to standard error, and the\n"
	"exit status is 1 if a command failed.\n"
	"\n"
	"  -h, --help\n"
	"  -V, --version\n";

int main(int argc, char **argv)
{
	struct term t = {.program = "vdeterm", .plain = true};

	return term_main(&t, argc, argv, usage);
}
