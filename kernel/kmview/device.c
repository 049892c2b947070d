// SPDX-License-Identifier: GPL-2.0-or-later
/* /dev/kmview: what a tracer reads and asks. */
#include <linux/fdtable.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "kernel/kmview/regs.h"

#define KMVIEW_MINOR 233 /* assigned to kmview */
#define ALL_FLAGS                                                                                  \
	(KMVIEW_FLAG_SOCKETCALL | KMVIEW_FLAG_FDSET | KMVIEW_FLAG_EXCEPT_CLOSE |                   \
	 KMVIEW_FLAG_EXCEPT_FCHDIR | KMVIEW_FLAG_PATH_SYSCALL_SKIP | KMVIEW_FLAG_SIGNAL)

static int kmv_open(struct inode *inode, struct file *file)
{
	file->private_data = kmv_tracer_create();
	return file->private_data ? 0 : -ENOMEM;
}

static int kmv_release(struct inode *inode, struct file *file)
{
	kmv_tracer_gone(file->private_data);
	kmv_tracer_put(file->private_data);
	return 0;
}

static int is_file(const void *wanted, struct file *file, unsigned int fd)
{
	return file == wanted;
}

/* The tracer closed its last descriptor: its children's copies do not keep it alive. */
static int kmv_flush(struct file *file, fl_owner_t id)
{
	struct kmv_tracer *t = file->private_data;

	if (task_tgid(current) == t->tgid && current->files &&
	    !iterate_fd(current->files, 0, is_file, file))
		kmv_tracer_gone(t);
	return 0;
}

static bool is_tracer(struct kmv_tracer *t)
{
	return task_tgid(current) == t->tgid;
}

/* Bytes that an event has: what follows them in struct kmview_event means nothing. */
static size_t event_size(const struct kmview_event *e)
{
	switch (e->tag) {
	case KMVIEW_EVENT_NEWTHREAD:
		return offsetofend(struct kmview_event, x.newthread);
	case KMVIEW_EVENT_TERMTHREAD:
		return offsetofend(struct kmview_event, x.termthread);
	case KMVIEW_EVENT_SYSCALL_EXIT:
		return offsetofend(struct kmview_event, x.sysreturn);
	case KMVIEW_EVENT_SIGNAL:
		return offsetofend(struct kmview_event, x.signal);
	}
	return offsetofend(struct kmview_event, x.syscall);
}

/* Events in a row into user space. After a new thread's no other follows: the tracer gives it its
 * number first. How many, or -EFAULT and none is lost.
 */
static long copy_events(struct kmv_tracer *t, struct kmview_event __user *to, unsigned long count)
{
	struct kmview_event event;
	struct kmv_event *taken;
	unsigned long n = 0;

	while (n < count && kmv_take(t, &event, &taken)) {
		if (copy_to_user(&to[n], &event, sizeof(event))) {
			kmv_give_back(t, taken);
			return n ? n : -EFAULT;
		}
		kmv_taken(taken);
		n++;
		if (event.tag == KMVIEW_EVENT_NEWTHREAD)
			break;
	}
	return n;
}

static bool has_events(struct kmv_tracer *t)
{
	return !list_empty_careful(&t->events) || READ_ONCE(t->gone);
}

static ssize_t kmv_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	struct kmv_tracer *t = file->private_data;
	struct kmview_event event;
	struct kmv_event *taken;
	size_t size;

	if (!is_tracer(t))
		return -EPERM;
	if (count < sizeof(event))
		return -EINVAL;
	while (!kmv_take(t, &event, &taken)) {
		if (READ_ONCE(t->gone))
			return 0;
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		if (wait_event_interruptible(t->wait, has_events(t)))
			return -ERESTARTSYS;
	}
	size = event_size(&event);
	if (copy_to_user(buf, &event, size)) {
		kmv_give_back(t, taken);
		return -EFAULT;
	}
	kmv_taken(taken);
	return size;
}

/* With KMVIEW_MAGICPOLL the events are in the tracer's buffer when its poll returns. */
static __poll_t kmv_poll(struct file *file, struct poll_table_struct *wait)
{
	struct kmv_tracer *t = file->private_data;
	struct kmview_event __user *to;
	unsigned long tag = KMVIEW_EVENT_NONE, count;
	long n;

	poll_wait(file, &t->wait, wait);
	if (!has_events(t))
		return 0;
	if (READ_ONCE(t->gone))
		return EPOLLHUP;
	down_read(&t->conf);
	to = (struct kmview_event __user *)t->magic_addr;
	count = t->magic_count;
	up_read(&t->conf);
	if (!to || !count || current->mm != t->mm)
		return EPOLLIN | EPOLLRDNORM;
	n = copy_events(t, to, count);
	if (n < 0 || (n < count && copy_to_user(&to[n].tag, &tag, sizeof(tag))))
		return EPOLLERR;
	return n ? EPOLLIN | EPOLLRDNORM : 0;
}

static long untraced_only(struct kmv_tracer *t, long value, unsigned int *set)
{
	long error = 0;

	down_write(&t->conf);
	spin_lock(&t->lock);
	if (t->remaining)
		error = -EACCES;
	else
		*set = value;
	spin_unlock(&t->lock);
	up_write(&t->conf);
	return error;
}

static long set_magicpoll(struct kmv_tracer *t, const void __user *arg)
{
	struct kmview_magicpoll m;

	if (copy_from_user(&m, arg, sizeof(m)))
		return -EFAULT;
	if (m.magicpoll_cnt < 0 || (m.magicpoll_addr && !m.magicpoll_cnt))
		return -EINVAL;
	down_write(&t->conf);
	t->magic_addr = m.magicpoll_addr;
	t->magic_count = m.magicpoll_cnt;
	up_write(&t->conf);
	return 0;
}

static long set_bitmap(struct kmv_tracer *t, bool i386, const void __user *bits, unsigned int count)
{
	u32 *quiet;
	long error = 0;

	if (count > KMV_SCNO_MAX || count % 32)
		return -EINVAL;
	quiet = memdup_user(bits, count / 8);
	if (IS_ERR(quiet))
		return PTR_ERR(quiet);
	down_write(&t->conf);
	memset(t->quiet[i386], 0, sizeof(t->quiet[i386]));
	memcpy(t->quiet[i386], quiet, count / 8);
	up_write(&t->conf);
	kfree(quiet);
	return error;
}

static long set_scbitmap(struct kmv_tracer *t, const void __user *arg)
{
	struct kmview_scbitmap b;

	if (copy_from_user(&b, arg, sizeof(b)))
		return -EFAULT;
	if (b.arch != AUDIT_ARCH_X86_64 && b.arch != AUDIT_ARCH_I386)
		return -EINVAL;
	return set_bitmap(t, b.arch == AUDIT_ARCH_I386, u64_to_user_ptr(b.bits), b.count);
}

static long set_ghosts(struct kmv_tracer *t, const void __user *arg)
{
	struct ghosthash64 gh;

	if (copy_from_user(&gh, arg, sizeof(gh)))
		return -EFAULT;
	down_write(&t->conf);
	t->ghost = gh;
	up_write(&t->conf);
	return 0;
}

static long set_chroot(struct kmv_tracer *t, pid_t kmpid, bool chroot)
{
	struct kmv_layer *l = kmv_layer_find(t, kmpid);

	if (IS_ERR(l))
		return PTR_ERR(l);
	WRITE_ONCE(l->chroot, chroot);
	kmv_layer_put(l);
	return 0;
}

static long change_fd(struct kmv_tracer *t, unsigned int cmd, const void __user *arg)
{
	struct kmview_fd fd;
	struct kmv_layer *l;
	long error;

	if (copy_from_user(&fd, arg, sizeof(fd)))
		return -EFAULT;
	l = kmv_layer_find(t, fd.kmpid);
	if (IS_ERR(l))
		return PTR_ERR(l);
	error = cmd == KMVIEW_ADDFD ? kmv_fd_add(l, fd.fd) : kmv_fd_del(l, fd.fd);
	kmv_layer_put(l);
	return error;
}

static long access_memory(struct kmv_tracer *t, unsigned int cmd, const void __user *arg)
{
	struct kmview_ioctl_data d;
	struct kmv_layer *l;
	long done;

	if (copy_from_user(&d, arg, sizeof(d)))
		return -EFAULT;
	l = kmv_layer_find(t, d.kmpid);
	if (IS_ERR(l))
		return PTR_ERR(l);
	done = kmv_memory(l, cmd, &d);
	kmv_layer_put(l);
	return done;
}

/* What a request that is an answer carries in user space; the rest is its argument itself. */
static size_t answer_size(unsigned int cmd)
{
	switch (cmd) {
	case KMVIEW_UMPID:
		return sizeof(struct kmview_ioctl_umpid);
	case KMVIEW_SYSVIRTUALIZED:
	case KMVIEW_SYSRETURN:
		return sizeof(struct kmview_event_ioctl_sysreturn);
	case KMVIEW_SYSMODIFIED:
	case KMVIEW_SYSARGMOD:
		return sizeof(struct kmview_event_ioctl_syscall);
	}
	return 0;
}

static long answer_one(struct kmv_tracer *t, unsigned int cmd, unsigned long arg)
{
	struct kmview_answer a = {.verb = cmd};
	size_t size = answer_size(cmd);

	if (!size)
		a.x.kmpid = arg;
	else if (copy_from_user(&a.x, (const void __user *)arg, size))
		return -EFAULT;
	return kmv_answer(t, cmd, &a);
}

/* One answer of a row. 0, also when the thread died before it came; or -errno. */
static long answer_of_row(struct kmv_tracer *t, const struct kmview_answer __user *from)
{
	struct kmview_answer a;
	size_t size;
	long error;

	if (get_user(a.verb, &from->verb))
		return -EFAULT;
	size = a.verb == KMVIEW_SYSRESUME ? sizeof(a.x.kmpid)
	       : a.verb <= U32_MAX	  ? answer_size(a.verb)
					  : 0;
	if (!size)
		return -EINVAL;
	if (copy_from_user(&a.x, &from->x, size))
		return -EFAULT;
	error = kmv_answer(t, a.verb, &a);
	return error == -ESRCH ? 0 : error;
}

/* Answers, then events: one call a turn. How many events, or -errno: then answers_taken says how
 * many answers were.
 */
static long next(struct kmv_tracer *t, struct file *file, struct kmview_next __user *arg)
{
	struct kmview_next n;
	const struct kmview_answer __user *answers;
	long error = 0, events;

	if (copy_from_user(&n, arg, sizeof(n)))
		return -EFAULT;
	if (n.flags & ~KMVIEW_NEXT_NOWAIT)
		return -EINVAL;
	answers = u64_to_user_ptr(n.answers);
	for (n.answers_taken = 0; n.answers_taken < n.answers_count; n.answers_taken++) {
		error = answer_of_row(t, &answers[n.answers_taken]);
		if (error)
			break;
	}
	if (put_user(n.answers_taken, &arg->answers_taken))
		return -EFAULT;
	if (error || !n.events_count)
		return error;
	cond_resched(); /* who has just been answered often asks again at once */
	for (;;) {
		events = copy_events(t, u64_to_user_ptr(n.events), n.events_count);
		if (events || (n.flags & KMVIEW_NEXT_NOWAIT) || READ_ONCE(t->gone))
			return events;
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		/* Not restarted: the answers are given. */
		if (wait_event_interruptible(t->wait, has_events(t)))
			return -EINTR;
	}
}

static long kmv_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct kmv_tracer *t = file->private_data;
	void __user *user = (void __user *)arg;

	if (cmd == KMVIEW_GET_VERSION)
		return KMV_VERSION;
	if (cmd == KMVIEW_ATTACH)
		return kmv_attach(t);
	if (!is_tracer(t))
		return -EPERM;
	switch (cmd) {
	case KMVIEW_SET_FLAGS:
		if (arg & ~(unsigned long)ALL_FLAGS)
			return -EINVAL;
		return untraced_only(t, arg, &t->flags);
	case KMVIEW_GET_FLAGS:
		return t->flags;
	case KMVIEW_MAGICPOLL:
		return set_magicpoll(t, user);
	case KMVIEW_UMPID:
	case KMVIEW_SYSRESUME:
	case KMVIEW_SYSVIRTUALIZED:
	case KMVIEW_SYSMODIFIED:
	case KMVIEW_SYSRETURN:
	case KMVIEW_SYSARGMOD:
		return answer_one(t, cmd, arg);
	case KMVIEW_READDATA:
	case KMVIEW_READSTRINGDATA:
	case KMVIEW_WRITEDATA:
		return access_memory(t, cmd, user);
	case KMVIEW_ADDFD:
	case KMVIEW_DELFD:
		return change_fd(t, cmd, user);
	case KMVIEW_SYSCALLBITMAP:
		return set_bitmap(t, false, user, MAXSYSCALL);
	case KMVIEW_SCBITMAP:
		return set_scbitmap(t, user);
	case KMVIEW_SET_CHROOT:
	case KMVIEW_CLR_CHROOT:
		return set_chroot(t, arg, cmd == KMVIEW_SET_CHROOT);
	case KMVIEW_GHOSTMOUNTS:
		return set_ghosts(t, user);
	case KMVIEW_NEXT:
		return next(t, file, user);
	}
	return -ENOTTY;
}

static const struct file_operations kmv_fops = {
	.owner = THIS_MODULE,
	.open = kmv_open,
	.flush = kmv_flush,
	.release = kmv_release,
	.read = kmv_read,
	.poll = kmv_poll,
	.unlocked_ioctl = kmv_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice kmv_device = {
	.minor = KMVIEW_MINOR,
	.name = "kmview",
	.fops = &kmv_fops,
	.mode = 0666, /* a tracer has only its own offspring */
};

int kmv_device_init(void)
{
	return misc_register(&kmv_device);
}

void kmv_device_exit(void)
{
	misc_deregister(&kmv_device);
}
