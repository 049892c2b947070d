/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * IPN, inter process networking: sockets on a bus with a name in the file system, where what one
 * process sends reaches the others as the network's policy says.  The Virtual Square book, ch. 6.
 *
 * AF_IPN has no number of its own: the module lives on that of AF_NETBEUI, which Linux does not
 * implement.  A program either defines IPN_STEALING before it includes this header and uses
 * AF_IPN, or tries AF_IPN first and AF_IPN_STOLEN next.
 */
#ifndef NET_AF_IPN_H
#define NET_AF_IPN_H

#ifdef __KERNEL__
#include <linux/ioctl.h>
#else
#include <sys/ioctl.h>
#include <sys/socket.h>
#endif

#ifndef AF_NETBEUI
#define AF_NETBEUI 13
#endif
#ifdef IPN_STEALING
#define AF_IPN AF_NETBEUI
#else
#define AF_IPN        0	/* not assigned: socket() fails with EAFNOSUPPORT */
#define AF_IPN_STOLEN AF_NETBEUI
#define PF_IPN_STOLEN AF_IPN_STOLEN
#endif
#define PF_IPN AF_IPN

/* Policies, the third argument of socket(). */
#define IPN_ANY          0	/* that of the network that is joined; a new one broadcasts */
#define IPN_BROADCAST    1	/* to everyone but the sender */
#define IPN_HUB          IPN_BROADCAST
#define IPN_VDESWITCH    2	/* an Ethernet switch, kvde_switch.ko */
#define IPN_SWITCH       IPN_VDESWITCH
#define IPN_VDESWITCH_L3 3
#define IPN_MPEGTS       8	/* MPEG transport streams by PID, mpegts.ko */
#define IPN_PROTOCOLS    32	/* policies are 1 to IPN_PROTOCOLS - 1 */

/* Socket options, of level 0.  Those with PREBIND make the network and are set before bind. */
#define IPN_SO_PREBIND          0x80
#define IPN_SO_PORT             0	/* int: the port to connect to, IPN_PORTNO_ANY by default */
#define IPN_SO_DESCR            1	/* text: what the node is, for people */
#define IPN_SO_CHANGE_NUMNODES  2	/* int: another maximum, of a network that is bound */
#define IPN_SO_HANDLE_OOB       3	/* int: whether the policy's messages are wanted */
#define IPN_SO_WANT_OOB_NUMNODES 4	/* int: tell when members change */
#define IPN_SO_MTU        (IPN_SO_PREBIND | 0)	/* int: bytes of the largest message (1514) */
#define IPN_SO_NUMNODES   (IPN_SO_PREBIND | 1)	/* int: nodes connected at most (32) */
#define IPN_SO_MSGPOOLSIZE (IPN_SO_PREBIND | 2)	/* int: messages waiting, per node or in all (8) */
#define IPN_SO_FLAGS      (IPN_SO_PREBIND | 3)	/* int: IPN_FLAG_ */
#define IPN_SO_MODE       (IPN_SO_PREBIND | 4)	/* int: permissions of its name (0777) */

#define IPN_PORTNO_ANY (-1)
#define IPN_DESCRLEN   128

#define IPN_FLAG_LOSSY    0	/* a node whose queue is full misses the message */
#define IPN_FLAG_LOSSLESS 1	/* a sender waits until there is room in the network's pool */

#define IPN_NUMNODES_MAX    4096
#define IPN_MTU_MAX         65536
#define IPN_MSGPOOLSIZE_MAX 65536

/*
 * Requests about interfaces.  CONN_NETDEV and JOIN_NETDEV need CAP_NET_ADMIN; struct ifreq says
 * the name in ifr_name, and in ifr_flags IPN_NODEFLAG_TAP or _GRAB.
 */
#define IPN_SETPERSIST_NETDEV _IOW('I', 200, int)	/* struct ifreq *, on an unbound socket */
#define IPN_CLRPERSIST_NETDEV _IOW('I', 201, int)	/* struct ifreq *, on an unbound socket */
#define IPN_CONN_NETDEV       _IOW('I', 202, int)	/* struct ifreq *, bound, not connected */
#define IPN_JOIN_NETDEV       _IOW('I', 203, int)	/* struct ifreq *, on an unbound socket */
#define IPN_SETPERSIST        _IOW('I', 204, int)	/* int, on a socket that has an interface */
/* Requests about character devices; they need CAP_MKNOD. */
#define IPN_REGISTER_CHRDEV   _IOWR('I', 205, struct chrdevreq)	/* on a bound socket */
#define IPN_UNREGISTER_CHRDEV _IO('I', 206)			/* on a bound socket */
#define IPN_CHRDEV_PERSIST    _IOW('I', 207, int)		/* int, on a bound socket */
#define IPN_JOIN_CHRDEV       _IOW('I', 208, struct chrdevreq)	/* on an unbound socket */

#define IPN_NODEFLAG_TAP  0x10	/* a new interface whose wire is the network */
#define IPN_NODEFLAG_GRAB 0x20	/* an interface whose frames the network takes, as a bridge does */

struct chrdevreq {
	unsigned int major;	/* 0: any; IPN writes the one it gave */
	unsigned int minor;	/* the first */
	int          count;
	char         name[64];	/* in /dev, with the number appended when there are several */
};

/* Messages of a policy (out of band) start with who sent them and what they are. */
#define IPN_OOB_NUMNODE_TAG 0
struct numnode_oob {
	int level;		/* 0: IPN itself */
	int tag;		/* IPN_OOB_NUMNODE_TAG */
	int numreaders;
	int numwriters;
};

#endif
