/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Explicit Congestion Notification, RFC 3168 5: a queue that has grown beyond a threshold marks the
 * packets whose ends can be told (ECT), as an active queue management does; the others are left to
 * the queue's end. The threshold is a step, as RFC 8257 4.1 recommends it for a short queue.
 */
#include "core/link/link_impl.h"
#include "core/wire/eth.h"
#include "core/wire/ip.h"

struct vs_frame *link_mark(struct link_side *side, struct vs_frame *f)
{
	struct wire_eth eth;
	struct wire_ip ip;
	int at = wire_eth_parse(&eth, f->data, f->len);

	if (at < 0 || (eth.type != WIRE_TYPE_IP4 && eth.type != WIRE_TYPE_IP6) ||
	    wire_ip_parse(&ip, f->data + at, f->len - (size_t)at) < 0)
		return f;
	if ((ip.tclass & 3) == WIRE_ECN_NOT || (ip.tclass & 3) == WIRE_ECN_CE)
		return f;
	f = vs_frame_own(f);
	if (!f)
		return NULL;
	wire_ip_set_ecn(f->data + at, WIRE_ECN_CE);
	side->counters[LINK_MARKED]++;
	return f;
}
