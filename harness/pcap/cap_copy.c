/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cap_copy FROM TO: reads a capture of any kind and writes it as pcapng, keeping capture points,
 * times, directions and comments. For tests, which compare what tcpdump and tshark say of both.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "harness/pcap/pcap.h"

/* Describes the capture points that the reader has met since. */
static int copy_interfaces(const struct cap_reader *r, struct cap_writer *w, int *known)
{
	for (; *known < cap_interfaces(r); ++*known) {
		int n = cap_interface(w, cap_interface_name(r, *known), NULL);

		if (n < 0)
			return n;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct cap_reader *r;
	struct cap_writer *w;
	struct cap_frame f;
	char why[512];
	int known = 0, got, error;

	if (argc != 3) {
		fprintf(stderr, "usage: cap_copy FROM TO\n");
		return 2;
	}
	if (cap_open(&r, argv[1], why, sizeof(why))) {
		fprintf(stderr, "cap_copy: %s\n", why);
		return 2;
	}
	error = cap_create(&w, argv[2], NULL);
	if (error) {
		fprintf(stderr, "cap_copy: %s: %s\n", argv[2], strerror(-error));
		cap_reader_close(r);
		return 2;
	}
	while ((got = cap_next(r, &f)) > 0)
		if (copy_interfaces(r, w, &known) ||
		    cap_write(w, f.interface, f.time, f.bytes, f.len, f.flags, f.comment))
			break;
	if (got < 0)
		fprintf(stderr, "cap_copy: %s\n", cap_error(r));
	cap_reader_close(r);
	error = cap_close(w);
	if (error)
		fprintf(stderr, "cap_copy: %s: %s\n", argv[2], strerror(-error));
	return error || got < 0 ? 1 : 0;
}
