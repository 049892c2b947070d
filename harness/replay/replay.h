/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Replay: the frames of a capture enter an engine at their own times, and what comes out is
 * compared with what was expected. Python binds this very file with cffi, so it holds declarations
 * only.
 *
 * Each function returns 0 when nothing differs, 1 when something does, or -errno (-ENOENT,
 * -EBADMSG: a capture cannot be read; -EINVAL: a setting; -ENOMEM). account[0..size) gets text of
 * whole lines: counts when nothing differs, the first difference in words, or what is wrong.
 *
 * Captures are pcap or pcapng. Paths that may be NULL: out (the outcome is not kept), expect (there
 * is nothing to compare with).
 */
#ifndef VSQ_REPLAY_REPLAY_H
#define VSQ_REPLAY_REPLAY_H

#include <stddef.h>
#include <stdint.h>

#define VSQ_API __attribute__((visibility("default")))

/* Into a switch. A capture of several interfaces has a port for each, from 1 on, and frames marked
 * as outgoing do not enter; one of a single interface has a port for each station (source address)
 * in the order they appear. settings are management commands, a line each ("vlan/create 10"), run
 * after the stations have joined. The outcome has an interface per port ("port 1" ...): frames that
 * left, and frames dropped, with a comment that says why.
 */
VSQ_API int vsq_replay_switch(const char *capture, const char *settings, const char *out,
			      const char *expect, int64_t tolerance, char *account, size_t size);

/* Into a link. Of a capture of several interfaces the first is the left end and the second the
 * right one; of a single interface the first source address is left and all others are right.
 * settings are parameters in wirefilter's notation, a line each ("loss LR 10"). The outcome has the
 * interfaces "left" and "right": frames as they left there, and frames dropped where they entered.
 */
VSQ_API int vsq_replay_link(const char *capture, const char *settings, uint64_t seed,
			    const char *out, const char *expect, int64_t tolerance, char *account,
			    size_t size);

/* Compares two captures, interface by interface where both name theirs, else as one sequence.
 * Frames must be equal, in equal order, at times that differ by tolerance ns at most (negative:
 * times do not matter). Frames marked as going in, such as the dropped ones of an outcome, are
 * passed over.
 */
VSQ_API int vsq_replay_compare(const char *outcome, const char *expect, int64_t tolerance,
			       char *account, size_t size);

/* Into a host: our stack takes the place of the host that has address in the capture. What the
 * others sent to it is played to it, and its application does what the captured one did: it listens
 * or connects, sends the same bytes when it has received what came before them, and closes when it
 * closed. What the stack answers is compared with what the captured host answered:
 *
 *   TCP   the flags, MSS and kinds of options of SYNs; the bytes of the stream; in which order
 *         data, FIN and RST stand to what was received; what was acknowledged in the end
 *   UDP   each datagram
 *   ICMP  each echo reply whole; each error by type, code and the packet it is about
 *   ARP, ND  each answer to a request for the host
 *
 * Not compared: how a stream is cut into segments, how often it is sent again, pure
 * acknowledgements and windows, fragmentation, identifiers, TTL, times, and the host's own
 * requests for neighbours and groups.
 *
 * The others' frames come at their captured times, but not before the host has sent what they
 * acknowledge; acknowledgement numbers, SACK blocks and echoed timestamps are moved by the
 * difference between the captured host's numbers and the stack's; their checksums are made anew.
 * While the stack has sent less, as its congestion window is smaller, the frame waits and bare
 * acknowledgements of what was sent stand in for it.
 * Connections that began before the capture, or of which it lacks frames (bytes that were
 * acknowledged are not in it), are left out and counted.
 *
 * settings are the stack's ("net.ipv4.tcp_sack 0"), a line each; "mtu 1400" is the interface's
 * (else 1500, or more where the captured host's MSS shows more).
 * The outcome has the interfaces "host" (both directions, as it really went) and no other.
 */
VSQ_API int vsq_replay_host(const char *capture, const char *address, const char *settings,
			    uint64_t seed, const char *out, char *account, size_t size);

#endif
