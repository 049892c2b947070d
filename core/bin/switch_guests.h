/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Guests: programs that join a switch through its directory. The Virtual Square book, section 4.8.
 *
 * The control socket DIR/ctl takes one request per connection; the answer is the address of a data
 * socket of the guest's own, DIR/PPP.N for port PPP. The connection's end is the guest's end.
 */
#ifndef VSQ_BIN_SWITCH_GUESTS_H
#define VSQ_BIN_SWITCH_GUESTS_H

#include <sys/types.h>

#include "core/bin/switch_ports.h"
#include "core/host/dgram.h"
#include "core/host/rt.h"
#include "core/switch/switch.h"

struct guests;

struct guests_conf {
	struct rt *rt;
	struct vsw *sw;
	struct ports *ports;
	struct dgram_rx *rx;
	const char *dir; /* made if it is not there, and removed at the end */
	mode_t mode;	 /* of the sockets */
	mode_t dir_mode;
	gid_t gid; /* (gid_t)-1: as it comes */
};

/* Opens the control socket. 0 or -errno, with *what, a phrase for the message. */
int guests_create(struct guests **, const struct guests_conf *, const char **what);

/* Closes every connection and removes the sockets, and the directory when it is empty. */
void guests_destroy(struct guests *);

/* Closes the connection of an endpoint that the engine has closed. */
void guests_endpoint_closed(struct guests *, int endpoint);

const char *guests_dir(const struct guests *); /* absolute */

#endif
