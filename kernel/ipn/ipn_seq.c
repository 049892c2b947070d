// SPDX-License-Identifier: GPL-2.0-or-later
/* /proc/net/ipn: every network, and every node of it on a line of its own that starts with a tab.
 * Networks belong to names in the file system, so each network namespace shows all of them. */
#include <linux/netdevice.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <net/net_namespace.h>

#include "kernel/ipn/ipn_impl.h"

static void show_node(struct seq_file *seq, const struct ipn_node *node)
{
	const struct net_device *dev;

	seq_printf(seq, "\tport=%d dir=%s%s uid=%u queued=%d oob=%d dropped=%lu", node->portno,
		   node->shutdown & RCV_SHUTDOWN ? "" : "r",
		   node->shutdown & SEND_SHUTDOWN ? "" : "w",
		   from_kuid_munged(seq_user_ns(seq), node->uid), READ_ONCE(node->msgcount),
		   READ_ONCE(node->oobcount), READ_ONCE(node->dropped));
	rcu_read_lock();
	dev = READ_ONCE(node->netdev);
	if (dev)
		seq_printf(seq, " %s=%s", node->flags & IPN_NODEFLAG_TAP ? "tap" : "grab",
			   dev->name);
	rcu_read_unlock();
	if (node->chrdev)
		seq_printf(seq, " chrdev=%u:%u", MAJOR(node->chrdev), MINOR(node->chrdev));
	if (node->flags & IPN_NODEFLAG_PERSIST)
		seq_puts(seq, " persist");
	if (node->descr[0]) {
		seq_puts(seq, " descr=");
		seq_escape(seq, node->descr, " \t\n\\");
	}
	seq_putc(seq, '\n');
}

static int ipn_show(struct seq_file *seq, void *nothing)
{
	struct ipn_network *ipnn;
	struct ipn_node *node;

	mutex_lock(&ipn_networks_mutex);
	list_for_each_entry(ipnn, &ipn_networks, hnext) {
		mutex_lock(&ipnn->mutex);
		if (ipnn->path.dentry)
			seq_path(seq, &ipnn->path, " \t\n\\");
		else
			seq_puts(seq, "-");
		seq_printf(seq, " protocol=%d flags=%s maxports=%d mtu=%d pool=%d pending=%d "
			   "readers=%d writers=%d\n", ipnn->protocol,
			   ipnn->flags & IPN_FLAG_LOSSLESS ? "lossless" : "lossy", ipnn->maxports,
			   ipnn->mtu, ipnn->msgpool_size, atomic_read(&ipnn->msgpool_nelem),
			   ipnn->numreaders, ipnn->numwriters);
		list_for_each_entry(node, &ipnn->connectqueue, nodelist)
			show_node(seq, node);
		mutex_unlock(&ipnn->mutex);
	}
	mutex_unlock(&ipn_networks_mutex);
	return 0;
}

static int __net_init seq_net_init(struct net *net)
{
	return proc_create_net_single("ipn", 0444, net->proc_net, ipn_show, NULL) ? 0 : -ENOMEM;
}

static void __net_exit seq_net_exit(struct net *net)
{
	remove_proc_entry("ipn", net->proc_net);
}

static struct pernet_operations pernet = { .init = seq_net_init, .exit = seq_net_exit };

int ipn_seq_init(void)
{
	return register_pernet_subsys(&pernet);
}

void ipn_seq_exit(void)
{
	unregister_pernet_subsys(&pernet);
}
