// SPDX-License-Identifier: GPL-2.0-or-later
/* Character devices of a network: opening one connects a node, read() and write() receive and send.
 * Which network a device belongs to is under the mutex of the networks. */
#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "kernel/ipn/ipn_impl.h"

#define COUNT_MAX 1024

struct ipn_chrdev {
	struct cdev *cdev;
	dev_t        first;
	int          count;
};

static struct class *class;

static bool covers(const struct ipn_network *ipnn, dev_t dev)
{
	const struct ipn_chrdev *chrdev = ipnn->chrdev;

	return chrdev && MAJOR(dev) == MAJOR(chrdev->first) &&
		MINOR(dev) - MINOR(chrdev->first) < chrdev->count;
}

/* The network of a device with a reference, or NULL; under the mutex of the networks. */
static struct ipn_network *network_of(dev_t dev)
{
	struct ipn_network *ipnn;

	list_for_each_entry(ipnn, &ipn_networks, hnext)
		if (covers(ipnn, dev)) {
			ipnn->refcnt++;
			return ipnn;
		}
	return NULL;
}

static int chrdev_open(struct inode *inode, struct file *file)
{
	struct ipn_network *ipnn;
	struct ipn_node *node;
	int error;

	mutex_lock(&ipn_networks_mutex);
	ipnn = network_of(inode->i_rdev);
	mutex_unlock(&ipn_networks_mutex);
	if (!ipnn)
		return -ENXIO;
	node = ipn_node_alloc(ipnn->protocol);
	if (!node) {
		ipn_network_put(ipnn);
		return -ENOMEM;
	}
	node->chrdev = inode->i_rdev;
	if (!(file->f_mode & FMODE_READ))
		node->shutdown |= RCV_SHUTDOWN;
	if (!(file->f_mode & FMODE_WRITE))
		node->shutdown |= SEND_SHUTDOWN;
	ipn_node_join(node, ipnn);
	mutex_lock(&ipnn->mutex);
	error = ipn_network_connect(ipnn, node);
	mutex_unlock(&ipnn->mutex);
	if (error) {
		ipn_node_free(node);
		return error;
	}
	file->private_data = node;
	return stream_open(inode, file);
}

static int chrdev_release(struct inode *inode, struct file *file)
{
	ipn_node_free(file->private_data);
	return 0;
}

static long waiting(const struct kiocb *iocb)
{
	return iocb->ki_filp->f_flags & O_NONBLOCK || iocb->ki_flags & IOCB_NOWAIT ?
		0 : MAX_SCHEDULE_TIMEOUT;
}

static ssize_t chrdev_read(struct kiocb *iocb, struct iov_iter *to)
{
	int out;

	return ipn_node_receive(iocb->ki_filp->private_data, to, 0, waiting(iocb), &out);
}

static ssize_t chrdev_write(struct kiocb *iocb, struct iov_iter *from)
{
	return ipn_node_send(iocb->ki_filp->private_data, from, iov_iter_count(from),
			     waiting(iocb));
}

static __poll_t chrdev_poll(struct file *file, poll_table *wait)
{
	return ipn_node_poll(file->private_data, file, wait);
}

static long chrdev_policys_ioctl(struct file *file, unsigned int request, unsigned long arg)
{
	struct ipn_node *node = file->private_data;
	long error = -ENOTTY;

	if (!node->ipn->proto->ipn_p_ioctl)
		return error;
	mutex_lock(&node->ipn->mutex);
	error = node->ipn->proto->ipn_p_ioctl(node, request, arg);
	mutex_unlock(&node->ipn->mutex);
	return error;
}

static const struct file_operations operations = {
	.owner = THIS_MODULE,
	.open = chrdev_open,
	.release = chrdev_release,
	.read_iter = chrdev_read,
	.write_iter = chrdev_write,
	.poll = chrdev_poll,
	.unlocked_ioctl = chrdev_policys_ioctl,
};

static void destroy_devices(dev_t first, int count)
{
	while (count--)
		device_destroy(class, first + count);
}

/* The devices' names in sysfs, by which udev makes those in /dev. */
static int create_devices(const struct chrdevreq *request, dev_t first)
{
	int i;

	for (i = 0; i < request->count; i++) {
		char name[sizeof(request->name) + 12];
		struct device *device;

		if (request->count == 1)
			strscpy(name, request->name, sizeof(name));
		else
			snprintf(name, sizeof(name), "%s%d", request->name, i);
		device = class_find_device_by_name(class, name);
		if (device) {
			put_device(device);
			device = ERR_PTR(-EEXIST);
		} else {
			device = device_create(class, NULL, first + i, NULL, "%s", name);
		}
		if (IS_ERR(device)) {
			destroy_devices(first, i);
			return PTR_ERR(device);
		}
	}
	return 0;
}

static int register_chrdev_of(struct ipn_network *ipnn, struct chrdevreq *request)
{
	struct ipn_chrdev *chrdev;
	int error;

	if (ipnn->chrdev)
		return -EBUSY;
	if (request->count < 1 || request->count > COUNT_MAX || request->major > 511 ||
	    request->minor > MINORMASK - request->count ||
	    strnlen(request->name, sizeof(request->name)) == sizeof(request->name) ||
	    !request->name[0] || strpbrk(request->name, "/! "))
		return -EINVAL;
	chrdev = kzalloc(sizeof(*chrdev), GFP_KERNEL);
	if (!chrdev)
		return -ENOMEM;
	chrdev->count = request->count;
	chrdev->first = MKDEV(request->major, request->minor);
	if (request->major)
		error = register_chrdev_region(chrdev->first, chrdev->count, request->name);
	else
		error = alloc_chrdev_region(&chrdev->first, request->minor, chrdev->count,
					    request->name);
	if (error)
		goto fail;
	error = -ENOMEM;
	chrdev->cdev = cdev_alloc();
	if (!chrdev->cdev)
		goto unregister;
	chrdev->cdev->ops = &operations;
	chrdev->cdev->owner = THIS_MODULE;
	error = create_devices(request, chrdev->first);
	if (error)
		goto put;
	ipnn->chrdev = chrdev;
	error = cdev_add(chrdev->cdev, chrdev->first, chrdev->count);
	if (!error) {
		request->major = MAJOR(chrdev->first);
		return 0;
	}
	ipnn->chrdev = NULL;
	destroy_devices(chrdev->first, chrdev->count);
put:
	kobject_put(&chrdev->cdev->kobj);
unregister:
	unregister_chrdev_region(chrdev->first, chrdev->count);
fail:
	kfree(chrdev);
	return error;
}

void ipn_chrdev_free(struct ipn_network *ipnn)
{
	struct ipn_chrdev *chrdev = ipnn->chrdev;

	if (!chrdev)
		return;
	ipnn->chrdev = NULL;
	destroy_devices(chrdev->first, chrdev->count);
	cdev_del(chrdev->cdev);
	unregister_chrdev_region(chrdev->first, chrdev->count);
	kfree(chrdev);
}

static int join_chrdev(struct ipn_node *node, const struct chrdevreq *request)
{
	struct ipn_network *ipnn;

	if (node->ipn)
		return -EISCONN;
	if (request->major > 511 || request->minor > MINORMASK)
		return -EINVAL;
	mutex_lock(&ipn_networks_mutex);
	ipnn = network_of(MKDEV(request->major, request->minor));
	mutex_unlock(&ipn_networks_mutex);
	if (!ipnn)
		return -EADDRNOTAVAIL;
	if (node->protocol != IPN_ANY && node->protocol != ipnn->protocol) {
		ipn_network_put(ipnn);
		return -EPROTOTYPE;
	}
	ipn_node_join(node, ipnn);
	node->flags |= IPN_NODEFLAG_BOUND;
	return 0;
}

/* Requests that manage the devices of a bound node's network. */
static int manage(struct ipn_node *node, unsigned int request, struct chrdevreq *what, bool on)
{
	struct ipn_network *ipnn = node->ipn;
	bool release = false;
	int error = 0;

	if (!(node->flags & IPN_NODEFLAG_BOUND))
		return -EINVAL;
	mutex_lock(&ipn_networks_mutex);
	if (request == IPN_REGISTER_CHRDEV) {
		error = register_chrdev_of(ipnn, what);
	} else if (!ipnn->chrdev) {
		error = -ENODEV;
	} else {
		if (request == IPN_UNREGISTER_CHRDEV) {
			ipn_chrdev_free(ipnn);
			on = false;
		}
		release = ipnn->chrdev_persistent && !on;
		if (!ipnn->chrdev_persistent && on)
			ipnn->refcnt++;
		ipnn->chrdev_persistent = on;
	}
	mutex_unlock(&ipn_networks_mutex);
	if (release)
		ipn_network_put(ipnn);
	return error;
}

int ipn_chrdev_ioctl(struct socket *sock, unsigned int request, unsigned long arg)
{
	struct chrdevreq what = { 0 };
	bool wants = request == IPN_REGISTER_CHRDEV || request == IPN_JOIN_CHRDEV;
	int error;

	if (!capable(CAP_MKNOD))
		return -EPERM;
	if (wants && copy_from_user(&what, (void __user *)arg, sizeof(what)))
		return -EFAULT;
	lock_sock(sock->sk);
	if (request == IPN_JOIN_CHRDEV)
		error = join_chrdev(ipn_sk(sock)->node, &what);
	else
		error = manage(ipn_sk(sock)->node, request, &what, arg);
	release_sock(sock->sk);
	if (!error && request == IPN_REGISTER_CHRDEV &&
	    copy_to_user((void __user *)arg, &what, sizeof(what)))
		error = -EFAULT;
	return error;
}

int ipn_chrdev_init(void)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
	class = class_create("ipn");
#else
	class = class_create(THIS_MODULE, "ipn");
#endif
	return PTR_ERR_OR_ZERO(class);
}

/* A persistent network that nothing else keeps; its reference is the caller's now. */
static struct ipn_network *take_persistent(void)
{
	struct ipn_network *ipnn, *found = NULL;

	mutex_lock(&ipn_networks_mutex);
	list_for_each_entry(ipnn, &ipn_networks, hnext)
		if (ipnn->chrdev_persistent) {
			ipnn->chrdev_persistent = false;
			found = ipnn;
			break;
		}
	mutex_unlock(&ipn_networks_mutex);
	return found;
}

void ipn_chrdev_exit(void)
{
	struct ipn_network *ipnn;

	while ((ipnn = take_persistent()))
		ipn_network_put(ipnn);
	/* Other networks with devices are kept by interfaces, which come next; their devices cannot
	 * outlive the class. */
	mutex_lock(&ipn_networks_mutex);
	list_for_each_entry(ipnn, &ipn_networks, hnext)
		ipn_chrdev_free(ipnn);
	mutex_unlock(&ipn_networks_mutex);
	class_destroy(class);
}
