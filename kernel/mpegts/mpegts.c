/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A policy for MPEG transport streams: one process feeds the packets of a multiplex, each other
 * one receives those of the two program identifiers that it asked for, as video and audio.  The
 * Virtual Square book, figure 6.2.
 *
 * ioctl(s, 4444, PID1 << 16 | PID2) on a connected socket asks; 8192 stands for every PID.  Who
 * has not asked gets PID 0, the list of programs.
 */
#include <linux/module.h>
#include <sys/af_ipn.h>

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("IPN policy: MPEG transport streams by program identifier");
MODULE_ALIAS("ipn-proto-8");

#define MPEGTS_SET_PIDS 4444
#define SYNC            0x47
#define HEADER          4
#define PID_ANY         8192

static int mpegts_newport(struct ipn_node *newport)
{
	newport->proto_private = NULL;
	return newport->portno == IPN_PORTNO_ANY ? 0 : newport->portno;
}

static int mpegts_handlemsg(struct ipn_node *from, struct msgpool_item *msg, int depth)
{
	struct ipn_node *to;
	unsigned int pid;

	if (msg->len < HEADER || msg->data[0] != SYNC)
		return 0;
	pid = (msg->data[1] << 8 | msg->data[2]) & 0x1fff;
	list_for_each_entry_rcu(to, &from->ipn->connectqueue, nodelist) {
		unsigned long wanted = (unsigned long)READ_ONCE(to->proto_private);
		unsigned int first = wanted >> 16 & 0xffff, second = wanted & 0xffff;

		if (to != from && (first == PID_ANY || second == PID_ANY ||
				   first == pid || second == pid))
			ipn_proto_sendmsg(to, msg, depth);
	}
	return 0;
}

static int mpegts_ioctl(struct ipn_node *port, unsigned int request, unsigned long arg)
{
	if (request != MPEGTS_SET_PIDS)
		return -EOPNOTSUPP;
	WRITE_ONCE(port->proto_private, (void *)arg);
	return 0;
}

static struct ipn_protocol mpegts = {
	.ipn_p_newport = mpegts_newport,
	.ipn_p_handlemsg = mpegts_handlemsg,
	.ipn_p_ioctl = mpegts_ioctl,
};

static int __init mpegts_init(void)
{
	return ipn_proto_register(IPN_MPEGTS, &mpegts);
}

static void __exit mpegts_exit(void)
{
	ipn_proto_deregister(IPN_MPEGTS);
}

module_init(mpegts_init);
module_exit(mpegts_exit);
