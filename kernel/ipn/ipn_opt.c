// SPDX-License-Identifier: GPL-2.0-or-later
/* Socket options: those of the network to be made, of the network that is, of the node; what is
 * none of these is the policy's. */
#include <linux/slab.h>
#include <linux/sockptr.h>

#include "kernel/ipn/ipn_impl.h"

/* The options of a network to be made; the caller has lock_sock. */
static struct ipn_prebind *prebind(struct ipn_node *node)
{
	if (!node->pbp) {
		node->pbp = kzalloc(sizeof(*node->pbp), GFP_KERNEL);
		if (node->pbp) {
			node->pbp->mtu = IPN_MTU_DEFAULT;
			node->pbp->numnodes = IPN_NUMNODES_DEFAULT;
			node->pbp->msgpoolsize = IPN_MSGPOOLSIZE_DEFAULT;
			node->pbp->mode = 0777;
		}
	}
	return node->pbp;
}

static int set_within(int *to, int value, int min, int max)
{
	if (value < min || value > max)
		return -EINVAL;
	*to = value;
	return 0;
}

static int set_prebind(struct ipn_node *node, int name, int value)
{
	struct ipn_prebind *pbp;

	if (node->ipn)
		return -EISCONN;
	pbp = prebind(node);
	if (!pbp)
		return -ENOMEM;
	switch (name) {
	case IPN_SO_MTU:
		return set_within(&pbp->mtu, value, 1, IPN_MTU_MAX);
	case IPN_SO_NUMNODES:
		return set_within(&pbp->numnodes, value, 1, IPN_NUMNODES_MAX);
	case IPN_SO_MSGPOOLSIZE:
		return set_within(&pbp->msgpoolsize, value, 1, IPN_MSGPOOLSIZE_MAX);
	case IPN_SO_FLAGS:
		return set_within(&pbp->flags, value, IPN_FLAG_LOSSY, IPN_FLAG_LOSSLESS);
	case IPN_SO_MODE:
		return set_within(&pbp->mode, value, 0, 0777);
	}
	return -ENOPROTOOPT;
}

static int set_flag(struct ipn_node *node, unsigned int flag, int value)
{
	struct ipn_network *ipnn = node->ipn;

	if (ipnn)
		mutex_lock(&ipnn->mutex);
	if (value)
		WRITE_ONCE(node->flags, node->flags | flag);
	else
		WRITE_ONCE(node->flags, node->flags & ~flag);
	if (ipnn)
		mutex_unlock(&ipnn->mutex);
	return 0;
}

static int set_node(struct ipn_node *node, int name, int value)
{
	int error;

	switch (name) {
	case IPN_SO_PORT:
		if (node->flags & IPN_NODEFLAG_CONNECTED)
			return -EISCONN;
		return set_within(&node->portno, value, IPN_PORTNO_ANY, IPN_NUMNODES_MAX - 1);
	case IPN_SO_CHANGE_NUMNODES:
		if (!(node->flags & IPN_NODEFLAG_BOUND))
			return -EPERM;	/* only those that manage the network */
		mutex_lock(&node->ipn->mutex);
		error = ipn_network_resize(node->ipn, value);
		mutex_unlock(&node->ipn->mutex);
		return error;
	case IPN_SO_HANDLE_OOB:
		return set_flag(node, IPN_NODEFLAG_OOB, value);
	case IPN_SO_WANT_OOB_NUMNODES:
		return set_flag(node, IPN_NODEFLAG_OOB_NUMNODES, value);
	}
	return -ENOPROTOOPT;
}

static int set_descr(struct ipn_node *node, sockptr_t value, unsigned int len)
{
	char text[IPN_DESCRLEN] = "";

	if (len > sizeof(text))
		return -EINVAL;
	if (copy_from_sockptr(text, value, len))
		return -EFAULT;
	text[sizeof(text) - 1] = '\0';
	memcpy(node->descr, text, sizeof(text));
	return 0;
}

static int set_policys(struct ipn_node *node, int name, sockptr_t value, unsigned int len)
{
	struct ipn_network *ipnn = node->ipn;
	int error;

	if (!ipnn || !ipnn->proto->ipn_p_setsockopt || sockptr_is_kernel(value))
		return -ENOPROTOOPT;
	mutex_lock(&ipnn->mutex);
	error = ipnn->proto->ipn_p_setsockopt(node, name, value.user, len);
	mutex_unlock(&ipnn->mutex);
	return error;
}

int ipn_setsockopt(struct socket *sock, int level, int name, sockptr_t value, unsigned int len)
{
	struct ipn_node *node;
	int number = 0, error;

	if (level != 0)
		return -ENOPROTOOPT;
	if (name != IPN_SO_DESCR && len >= sizeof(number) &&
	    copy_from_sockptr(&number, value, sizeof(number)))
		return -EFAULT;
	lock_sock(sock->sk);
	node = ipn_sk(sock)->node;
	if (name == IPN_SO_DESCR)
		error = set_descr(node, value, len);
	else if (name >= IPN_SO_PREBIND && name <= IPN_SO_MODE)
		error = len < sizeof(number) ? -EINVAL : set_prebind(node, name, number);
	else if (name >= IPN_SO_PORT && name <= IPN_SO_WANT_OOB_NUMNODES)
		error = len < sizeof(number) ? -EINVAL : set_node(node, name, number);
	else
		error = set_policys(node, name, value, len);
	release_sock(sock->sk);
	return error;
}

/* A number about the node or its network: what is, or what would be. */
static int get_number(const struct ipn_node *node, int name, int *number)
{
	static const struct ipn_prebind standard = {
		IPN_MTU_DEFAULT, IPN_NUMNODES_DEFAULT, IPN_MSGPOOLSIZE_DEFAULT, 0, 0777,
	};
	const struct ipn_prebind *pbp = node->pbp ? node->pbp : &standard;
	const struct ipn_network *ipnn = node->ipn;

	switch (name) {
	case IPN_SO_PORT:
		*number = node->portno;
		return 0;
	case IPN_SO_HANDLE_OOB:
		*number = !!(node->flags & IPN_NODEFLAG_OOB);
		return 0;
	case IPN_SO_WANT_OOB_NUMNODES:
		*number = !!(node->flags & IPN_NODEFLAG_OOB_NUMNODES);
		return 0;
	case IPN_SO_MTU:
		*number = ipnn ? ipnn->mtu : pbp->mtu;
		return 0;
	case IPN_SO_NUMNODES:
	case IPN_SO_CHANGE_NUMNODES:
		*number = ipnn ? ipnn->maxports : pbp->numnodes;
		return 0;
	case IPN_SO_MSGPOOLSIZE:
		*number = ipnn ? ipnn->msgpool_size : pbp->msgpoolsize;
		return 0;
	case IPN_SO_FLAGS:
		*number = ipnn ? ipnn->flags : pbp->flags;
		return 0;
	case IPN_SO_MODE:
		*number = !ipnn ? pbp->mode : !ipnn->path.dentry ? 0 :
			d_backing_inode(ipnn->path.dentry)->i_mode & 0777;
		return 0;
	}
	return -ENOPROTOOPT;
}

static int get_policys(struct ipn_node *node, int name, char __user *value, int *len)
{
	struct ipn_network *ipnn = node->ipn;
	int error;

	if (!ipnn || !ipnn->proto->ipn_p_getsockopt)
		return -ENOPROTOOPT;
	mutex_lock(&ipnn->mutex);
	error = ipnn->proto->ipn_p_getsockopt(node, name, value, len);
	mutex_unlock(&ipnn->mutex);
	return error;
}

int ipn_getsockopt(struct socket *sock, int level, int name, char __user *value, int __user *lenp)
{
	struct ipn_node *node;
	int number, len, error;

	if (level != 0)
		return -ENOPROTOOPT;
	if (get_user(len, lenp))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;
	lock_sock(sock->sk);
	node = ipn_sk(sock)->node;
	if (name == IPN_SO_DESCR) {
		char text[IPN_DESCRLEN];

		memcpy(text, node->descr, sizeof(text));
		len = min_t(int, len, strlen(text) + 1);
		error = copy_to_user(value, text, len) ? -EFAULT : 0;
	} else {
		error = get_number(node, name, &number);
		if (!error) {
			len = min_t(int, len, sizeof(number));
			error = copy_to_user(value, &number, len) ? -EFAULT : 0;
		} else {
			error = get_policys(node, name, value, &len);
		}
	}
	release_sock(sock->sk);
	return error ? error : put_user(len, lenp) ? -EFAULT : 0;
}
