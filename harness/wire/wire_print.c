/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wire_print FILE: prints each frame of a capture as a line, as tcpdump -n -e -t -r does. */
#include <stdio.h>

#include "core/wire/print.h"
#include "harness/pcap/pcap.h"

int main(int argc, char **argv)
{
	struct cap_reader *r;
	struct cap_frame f;
	char why[512], line[1024];
	struct vs_text t;
	int got;

	if (argc != 2) {
		fprintf(stderr, "usage: wire_print FILE\n");
		return 2;
	}
	if (cap_open(&r, argv[1], why, sizeof(why))) {
		fprintf(stderr, "wire_print: %s\n", why);
		return 2;
	}
	while ((got = cap_next(r, &f)) > 0) {
		vs_text_init(&t, line, sizeof(line));
		wire_print(&t, f.bytes, f.len);
		puts(line);
	}
	if (got < 0)
		fprintf(stderr, "wire_print: %s\n", cap_error(r));
	cap_reader_close(r);
	return got < 0;
}
