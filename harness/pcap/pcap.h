/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Captures: files of frames with their times. pcapng is written (draft-ietf-opsawg-pcapng), with
 * an interface per capture point, ns times and comments; pcapng and pcap are read.
 *
 * Every function returns 0 or -errno unless it says otherwise.
 */
#ifndef VSQ_PCAP_PCAP_H
#define VSQ_PCAP_PCAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/time.h"

#define CAP_FRAME_MAX 262144 /* captured bytes of one frame: libpcap's own bound */

/* Flags of a frame. */
#define CAP_IN	    0x1 /* was going into the capture point (pcapng: inbound) */
#define CAP_OUT	    0x2 /* was coming out of it */
#define CAP_DROPPED 0x4 /* written because it was dropped; counted in the interface's drops */

/* Writing. Output is buffered. The first error stays: later calls and cap_close() return it, so a
 * caller may look at cap_close() only.
 */
struct cap_writer;

/* Creates or truncates the file. comment describes the capture, or is NULL. */
int cap_create(struct cap_writer **, const char *path, const char *comment);

/* Adds a capture point of Ethernet frames, at any time before its first frame. Returns its number,
 * which counts from 0, or -errno.
 */
int cap_interface(struct cap_writer *, const char *name, const char *description);

/* Writes a frame seen at a virtual time. comment says what befell it, or is NULL. */
int cap_write(struct cap_writer *, int interface, vs_time time, const void *bytes, size_t len,
	      unsigned flags, const char *comment);

/* Hands buffered frames to the system, as for somebody who reads along. */
int cap_flush(struct cap_writer *);

/* Takes the writer: writes each interface's counts (frames written, of them dropped), closes. NULL
 * is fine.
 */
int cap_close(struct cap_writer *);

/* Reading. Frames come as Ethernet, whatever the capture's link type: "cooked" Linux captures
 * (SLL, SLL2), raw IP and BSD loopback get an Ethernet header with the addresses that are known
 * and 02:00:00:00:00:0{1,2} for those that are not. Other link types are refused.
 */
struct cap_reader;

struct cap_frame {
	vs_time time; /* ns since 1970, or since the run began in a capture of a virtual clock */
	const uint8_t *bytes; /* lent until the next call */
	uint32_t len;	      /* bytes captured */
	uint32_t wire_len;    /* bytes that were on the wire: more than len when it was cut */
	int interface;	      /* index of its capture point; 0 in a pcap file */
	unsigned flags;	      /* CAP_IN, CAP_OUT, CAP_DROPPED is not kept */
	const char *comment;  /* the first one, or NULL; lent until the next call */
};

/* Opens a capture. On an error, why[0..size) gets a sentence that names the file and what is wrong
 * in it.
 */
int cap_open(struct cap_reader **, const char *path, char *why, size_t size);

/* Reads the next frame. Returns 1, 0 at the end of the capture, or -errno with a sentence in
 * cap_error(); a file that ends inside a frame is -EBADMSG, and what came before it was good.
 */
int cap_next(struct cap_reader *, struct cap_frame *);
const char *cap_error(const struct cap_reader *);

/* Capture points seen so far, and their names ("" where the file gives none). */
int cap_interfaces(const struct cap_reader *);
const char *cap_interface_name(const struct cap_reader *, int interface);

void cap_reader_close(struct cap_reader *); /* takes it; NULL is fine */

#endif
