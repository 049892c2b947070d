// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The family of sockets.  bind() makes a network or joins its management, which takes the x
 * permission of its node in the file system; connect() takes part, receiving with r and sending
 * with w.  There are no servers: listen() and accept() do not exist.  The Virtual Square book, 6.1.
 */
#include <linux/module.h>
#include <linux/namei.h>
#include <linux/security.h>
#include <linux/slab.h>
#include <linux/sockios.h>
#include <linux/uio.h>
#include <linux/un.h>

#include <asm/ioctls.h>

#include "kernel/ipn/ipn_impl.h"

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
#define ipn_mnt_ids(mnt) mnt_idmap(mnt)
#else
#define ipn_mnt_ids(mnt) mnt_user_ns(mnt)
#endif

static struct proto ipn_sk_proto = {
	.name = "IPN",
	.owner = THIS_MODULE,
	.obj_size = sizeof(struct ipn_sock),
};

/* The path in an address, which user space need not have ended. */
static int address_path(struct sockaddr *address, int len, char *path)
{
	struct sockaddr_un *sun = (struct sockaddr_un *)address;
	int size = len - (int)offsetof(struct sockaddr_un, sun_path);

	if (size <= 0 || len > (int)sizeof(*sun))
		return -EINVAL;
	if (sun->sun_family != AF_IPN)
		return -EAFNOSUPPORT;
	memcpy(path, sun->sun_path, size);
	path[size] = '\0';
	return path[0] ? 0 : -EINVAL;
}

/* inode_permission() denies root the x that nobody has; managing a network is not executing. */
static int manage_permission(const struct path *path)
{
	int error = inode_permission(ipn_mnt_ids(path->mnt), d_backing_inode(path->dentry),
				     MAY_EXEC);

	return error && capable(CAP_DAC_OVERRIDE) ? 0 : error;
}

static int lookup(const char *name, struct path *path)
{
	int error = kern_path(name, LOOKUP_FOLLOW, path);

	if (error)
		return error;
	if (S_ISSOCK(d_backing_inode(path->dentry)->i_mode))
		return 0;
	path_put(path);
	return -ENOTSOCK;
}

static int make_socket_file(const char *name, int mode, struct path *path)
{
	struct path parent;
	struct dentry *dentry = kern_path_create(AT_FDCWD, name, &parent, 0);
	umode_t type = S_IFSOCK | (mode & 0777 & ~current_umask());
	int error;

	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	error = security_path_mknod(&parent, dentry, type, 0);
	if (!error)
		error = vfs_mknod(ipn_mnt_ids(parent.mnt), d_inode(parent.dentry), dentry, type, 0);
	if (!error) {
		path->mnt = mntget(parent.mnt);
		path->dentry = dget(dentry);
	}
	done_path_create(&parent, dentry);
	return error;
}

/* The socket at NAME to manage: one that is there, or a new one. */
static int bind_path(const char *name, int mode, struct path *path)
{
	int error = lookup(name, path);

	if (error == -ENOENT) {
		error = make_socket_file(name, mode, path);
		if (!error)
			return 0;	/* the mode is for those that come later */
		if (error == -EEXIST)	/* someone was quicker */
			error = lookup(name, path);
	}
	if (error)
		return error == -ENOTSOCK ? -EADDRINUSE : error;
	error = manage_permission(path);
	if (error)
		path_put(path);
	return error;
}

/* Whether NODE may use a network of its protocol. */
static int check_protocol(const struct ipn_node *node, const struct ipn_network *ipnn)
{
	return node->protocol == IPN_ANY || node->protocol == ipnn->protocol ? 0 : -EPROTOTYPE;
}

static int ipn_bind(struct socket *sock, struct sockaddr *address, int len)
{
	static const struct ipn_prebind standard = {
		.mtu = IPN_MTU_DEFAULT, .numnodes = IPN_NUMNODES_DEFAULT,
		.msgpoolsize = IPN_MSGPOOLSIZE_DEFAULT, .mode = 0777,
	};
	char name[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1];
	struct ipn_node *node;
	struct ipn_network *ipnn;
	const struct ipn_prebind *pbp;
	struct path path;
	int error = address_path(address, len, name);

	if (error)
		return error;
	lock_sock(sock->sk);
	node = ipn_sk(sock)->node;
	error = node->ipn ? -EINVAL : 0;
	if (error)
		goto out;
	pbp = node->pbp ? node->pbp : &standard;
	error = bind_path(name, pbp->mode, &path);
	if (error)
		goto out;
	mutex_lock(&ipn_networks_mutex);
	ipnn = ipn_network_get(&path);
	if (ipnn) {
		path_put(&path);
		error = check_protocol(node, ipnn);
	} else {
		ipnn = ipn_network_create(&path, node->protocol, pbp);
		if (IS_ERR(ipnn)) {
			error = PTR_ERR(ipnn);
			ipnn = NULL;
			path_put(&path);
		}
	}
	mutex_unlock(&ipn_networks_mutex);
	if (!error) {
		ipn_node_join(node, ipnn);
		node->flags |= IPN_NODEFLAG_BOUND;
	} else if (ipnn) {
		ipn_network_put(ipnn);
	}
out:
	release_sock(sock->sk);
	return error;
}

/* Shuts what the permissions of PATH do not allow; -EACCES when nothing is left. */
static int restrict_node(struct ipn_node *node, const struct path *path)
{
	struct inode *inode = d_backing_inode(path->dentry);
	int shutdown = node->shutdown;

	if (inode_permission(ipn_mnt_ids(path->mnt), inode, MAY_READ))
		shutdown |= RCV_SHUTDOWN;
	if (inode_permission(ipn_mnt_ids(path->mnt), inode, MAY_WRITE))
		shutdown |= SEND_SHUTDOWN;
	if (shutdown == SHUTDOWN_MASK && node->shutdown != SHUTDOWN_MASK)
		return -EACCES;
	node->shutdown = shutdown;
	return 0;
}

/* A node that is not bound joins by name; gives its network with a reference in *IPNN. */
static int connect_by_name(struct ipn_node *node, struct sockaddr *address, int len,
			   struct ipn_network **ipnn)
{
	char name[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1];
	struct path path;
	int error = address_path(address, len, name);

	if (!error)
		error = lookup(name, &path);
	if (error)
		return error;
	mutex_lock(&ipn_networks_mutex);
	*ipnn = ipn_network_get(&path);
	mutex_unlock(&ipn_networks_mutex);
	error = *ipnn ? check_protocol(node, *ipnn) : -ECONNREFUSED;
	if (!error)
		error = restrict_node(node, &path);
	if (error && *ipnn)
		ipn_network_put(*ipnn);
	path_put(&path);
	return error;
}

/* A node that is bound may name its network again, but no other. */
static int connect_bound(struct ipn_node *node, struct sockaddr *address, int len)
{
	char name[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1];
	struct path path;
	int error;

	if (address && len) {
		error = address_path(address, len, name);
		if (!error)
			error = lookup(name, &path);
		if (error)
			return error;
		error = node->ipn->path.dentry && d_backing_inode(path.dentry) ==
			d_backing_inode(node->ipn->path.dentry) ? 0 : -EINVAL;
		path_put(&path);
		if (error)
			return error;
	}
	return node->ipn->path.dentry ? restrict_node(node, &node->ipn->path) : 0;
}

static int ipn_connect(struct socket *sock, struct sockaddr *address, int len, int flags)
{
	struct ipn_node *node;
	struct ipn_network *ipnn;
	int error, shutdown;

	lock_sock(sock->sk);
	node = ipn_sk(sock)->node;
	shutdown = node->shutdown;
	if (node->flags & IPN_NODEFLAG_CONNECTED) {
		error = -EISCONN;
	} else if (node->ipn) {
		error = connect_bound(node, address, len);
	} else {
		error = connect_by_name(node, address, len, &ipnn);
		if (!error)
			ipn_node_join(node, ipnn);
	}
	if (error)
		goto out;
	ipnn = node->ipn;
	mutex_lock(&ipnn->mutex);
	error = ipn_network_connect(ipnn, node);
	if (error && !(node->flags & IPN_NODEFLAG_BOUND)) {
		/* It did not get in: it is as it was. */
		list_del_init(&node->nodelist);
		node->ipn = NULL;
	}
	mutex_unlock(&ipnn->mutex);
	if (error) {
		node->shutdown = shutdown;
		if (!node->ipn)
			ipn_network_put(ipnn);
	} else {
		sock->state = SS_CONNECTED;
	}
out:
	release_sock(sock->sk);
	return error;
}

static int ipn_release(struct socket *sock)
{
	struct sock *sk = sock->sk;
	struct ipn_node *node;

	if (!sk)
		return 0;
	lock_sock(sk);
	node = ipn_sk(sock)->node;
	if (ipn_sk(sock)->replaced)
		ipn_node_free(ipn_sk(sock)->replaced);
	if (node->ipn && node->flags & IPN_NODEFLAG_PERSIST) {
		mutex_lock(&node->ipn->mutex);
		/* The interface may have gone meanwhile, and its persistence with it. */
		if (node->flags & IPN_NODEFLAG_PERSIST) {
			node->sk = NULL;
			mutex_unlock(&node->ipn->mutex);
			goto detached;
		}
		mutex_unlock(&node->ipn->mutex);
	}
	ipn_node_free(node);
detached:
	ipn_sk(sock)->node = NULL;
	sock_orphan(sk);
	sock->sk = NULL;
	release_sock(sk);
	sock_put(sk);
	return 0;
}

static int ipn_shutdown(struct socket *sock, int how)
{
	struct ipn_node *node;

	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	lock_sock(sock->sk);
	node = ipn_sk(sock)->node;
	/* SHUT_RD, SHUT_WR, SHUT_RDWR are 0 to 2; the bits are one more. */
	if (node->flags & IPN_NODEFLAG_CONNECTED) {
		mutex_lock(&node->ipn->mutex);
		ipn_network_shutdown(node->ipn, node, how + 1);
		mutex_unlock(&node->ipn->mutex);
	} else {
		node->shutdown |= how + 1;
	}
	release_sock(sock->sk);
	return 0;
}

static int ipn_sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
{
	struct ipn_node *node = READ_ONCE(ipn_sk(sock)->node);

	if (msg->msg_flags & MSG_OOB)
		return -EOPNOTSUPP;	/* only policies send them */
	if (!ipn_connected(node))
		return -ENOTCONN;
	if (node->flags & IPN_NODEFLAG_NETDEV)
		return -EOPNOTSUPP;	/* its interface speaks */
	if (READ_ONCE(node->shutdown) & SEND_SHUTDOWN) {
		if (!(msg->msg_flags & MSG_NOSIGNAL))
			send_sig(SIGPIPE, current, 0);
		return -EPIPE;
	}
	return ipn_node_send(node, &msg->msg_iter, len,
			     sock_sndtimeo(sock->sk, msg->msg_flags & MSG_DONTWAIT));
}

static int ipn_recvmsg(struct socket *sock, struct msghdr *msg, size_t len, int flags)
{
	struct ipn_node *node = READ_ONCE(ipn_sk(sock)->node);
	int out, got;

	if (!ipn_connected(node))
		return -ENOTCONN;
	if (node->flags & IPN_NODEFLAG_NETDEV)
		return -EOPNOTSUPP;
	got = ipn_node_receive(node, &msg->msg_iter, flags,
			       sock_rcvtimeo(sock->sk, flags & MSG_DONTWAIT), &out);
	msg->msg_flags |= out;
	return got;
}

static __poll_t ipn_poll(struct file *file, struct socket *sock, poll_table *wait)
{
	return ipn_node_poll(READ_ONCE(ipn_sk(sock)->node), file, wait);
}

static int ipn_getname(struct socket *sock, struct sockaddr *address, int peer)
{
	struct sockaddr_un *sun = (struct sockaddr_un *)address;
	struct ipn_network *ipnn;
	char *page, *name = "";
	int len;

	if (peer)
		return -EOPNOTSUPP;
	page = (char *)__get_free_page(GFP_KERNEL);
	if (!page)
		return -ENOMEM;
	lock_sock(sock->sk);
	ipnn = ipn_sk(sock)->node->ipn;
	if (ipnn && ipnn->path.dentry)
		name = d_path(&ipnn->path, page, PAGE_SIZE);
	sun->sun_family = AF_IPN;
	len = IS_ERR(name) ? 0 : strscpy(sun->sun_path, name, sizeof(sun->sun_path));
	release_sock(sock->sk);
	free_page((unsigned long)page);
	if (len < 0)
		len = sizeof(sun->sun_path) - 1;
	return offsetof(struct sockaddr_un, sun_path) + (len ? len + 1 : 0);
}

static int ipn_ioctl(struct socket *sock, unsigned int request, unsigned long arg)
{
	struct ipn_node *node;
	int error;

	switch (request) {
	case FIONREAD:
		return put_user(ipn_node_pending(READ_ONCE(ipn_sk(sock)->node)),
				(int __user *)arg);
	case IPN_SETPERSIST_NETDEV:
	case IPN_CLRPERSIST_NETDEV:
	case IPN_CONN_NETDEV:
	case IPN_JOIN_NETDEV:
	case IPN_SETPERSIST:
		return ipn_netdev_ioctl(sock, request, arg);
	case IPN_REGISTER_CHRDEV:
	case IPN_UNREGISTER_CHRDEV:
	case IPN_CHRDEV_PERSIST:
	case IPN_JOIN_CHRDEV:
		return ipn_chrdev_ioctl(sock, request, arg);
	}
	lock_sock(sock->sk);
	node = ipn_sk(sock)->node;
	error = -ENOIOCTLCMD;
	if (node->ipn && node->ipn->proto->ipn_p_ioctl) {
		mutex_lock(&node->ipn->mutex);
		error = node->ipn->proto->ipn_p_ioctl(node, request, arg);
		mutex_unlock(&node->ipn->mutex);
	}
	release_sock(sock->sk);
	return error;
}

static const struct proto_ops ipn_ops = {
	.family = AF_IPN,
	.owner = THIS_MODULE,
	.release = ipn_release,
	.bind = ipn_bind,
	.connect = ipn_connect,
	.socketpair = sock_no_socketpair,
	.accept = sock_no_accept,
	.getname = ipn_getname,
	.poll = ipn_poll,
	.ioctl = ipn_ioctl,
	.listen = sock_no_listen,
	.shutdown = ipn_shutdown,
	.setsockopt = ipn_setsockopt,
	.getsockopt = ipn_getsockopt,
	.sendmsg = ipn_sendmsg,
	.recvmsg = ipn_recvmsg,
	.mmap = sock_no_mmap,
};

static int ipn_create(struct net *net, struct socket *sock, int protocol, int kern)
{
	struct ipn_node *node;
	struct sock *sk;

	if (sock->type != SOCK_RAW)
		return -ESOCKTNOSUPPORT;
	if (protocol < 0 || protocol >= IPN_PROTOCOLS)
		return -EPROTONOSUPPORT;
	if (!ipn_proto_known(protocol))
		request_module("ipn-proto-%d", protocol);
	if (!ipn_proto_known(protocol))
		return -EPROTONOSUPPORT;
	sk = sk_alloc(net, PF_IPN, GFP_KERNEL, &ipn_sk_proto, kern);
	if (!sk)
		return -ENOMEM;
	sock_init_data(sock, sk);
	node = ipn_node_alloc(protocol);
	if (!node) {
		sock_orphan(sk);
		sock->sk = NULL;
		sock_put(sk);
		return -ENOMEM;
	}
	sock->ops = &ipn_ops;
	ipn_sk(sock)->node = node;
	ipn_sk(sock)->replaced = NULL;
	node->sk = ipn_sk(sock);
	return 0;
}

static const struct net_proto_family ipn_family = {
	.family = PF_IPN,
	.create = ipn_create,
	.owner = THIS_MODULE,
};

static void ipn_undo(int steps)
{
	static void (*const exits[])(void) = {
		ipn_node_exit, ipn_proto_exit, ipn_netdev_exit, ipn_chrdev_exit, ipn_seq_exit,
	};

	while (steps--)
		exits[steps]();
}

static int __init ipn_init(void)
{
	static int (*const inits[])(void) = {
		ipn_node_init, ipn_proto_init, ipn_netdev_init, ipn_chrdev_init, ipn_seq_init,
	};
	int step, error;

	for (step = 0; step < ARRAY_SIZE(inits); step++) {
		error = inits[step]();
		if (error) {
			ipn_undo(step);
			return error;
		}
	}
	error = proto_register(&ipn_sk_proto, 1);
	if (!error) {
		error = sock_register(&ipn_family);
		if (!error)
			return 0;
		proto_unregister(&ipn_sk_proto);
	}
	ipn_undo(step);
	return error;
}

static void __exit ipn_exit(void)
{
	sock_unregister(PF_IPN);
	ipn_undo(5);
	proto_unregister(&ipn_sk_proto);
}

module_init(ipn_init);
module_exit(ipn_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Inter process networking");
MODULE_ALIAS_NETPROTO(PF_IPN);
