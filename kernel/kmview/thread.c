// SPDX-License-Identifier: GPL-2.0-or-later
/* Traced threads: how they come to be traced, and who finds them. */
#include <linux/hashtable.h>
#include <linux/idr.h>
#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/thread_info.h>

#include "kernel/kmview/kmview_impl.h"

/* By task: only a task itself looks itself up, removes itself, or is added before it runs. */
static DEFINE_HASHTABLE(threads, 10);
static DEFINE_SPINLOCK(threads_lock);

static DEFINE_IDR(layers);
static DEFINE_SPINLOCK(layers_lock);

static atomic_t alive = ATOMIC_INIT(0);
static DECLARE_WAIT_QUEUE_HEAD(all_freed);

struct kmv_thread *kmv_current(void)
{
	struct kmv_thread *th;

	rcu_read_lock();
	hash_for_each_possible_rcu(threads, th, hash, (unsigned long)current)
		if (th->task == current) {
			rcu_read_unlock();
			return th;
		}
	rcu_read_unlock();
	return NULL;
}

static struct kmv_thread *thread_create(struct task_struct *task, gfp_t gfp)
{
	struct kmv_thread *th = kzalloc(sizeof(*th), gfp);

	if (!th)
		return NULL;
	kref_init(&th->ref);
	th->task = task;
	INIT_LIST_HEAD(&th->layers);
	kmv_call_init(th);
	kmv_hook_tracepoint_prepare(th);
	atomic_inc(&alive);
	return th;
}

static void thread_free_rcu(struct rcu_head *rcu)
{
	kfree(container_of(rcu, struct kmv_thread, rcu));
	if (atomic_dec_and_test(&alive))
		wake_up(&all_freed);
}

static void thread_free(struct kref *ref)
{
	struct kmv_thread *th = container_of(ref, struct kmv_thread, ref);

	call_rcu(&th->rcu, thread_free_rcu);
}

void kmv_thread_put(struct kmv_thread *th)
{
	kref_put(&th->ref, thread_free);
}

static void layer_free(struct kref *ref)
{
	struct kmv_layer *l = container_of(ref, struct kmv_layer, ref);

	kmv_fdset_put(l->fds);
	kmv_tracer_put(l->tracer);
	kfree(l);
}

void kmv_layer_put(struct kmv_layer *l)
{
	kref_put(&l->ref, layer_free);
}

static void event_init(struct kmv_event *e, unsigned long tag, struct kmv_layer *l)
{
	INIT_LIST_HEAD(&e->list);
	e->tag = tag;
	e->layer = l;
}

static struct kmv_layer *layer_create(struct kmv_tracer *t, struct kmv_thread *th, gfp_t gfp)
{
	struct kmv_layer *l = kzalloc(sizeof(*l), gfp);
	int id;

	if (!l)
		return NULL;
	kref_init(&l->ref);
	event_init(&l->born, KMVIEW_EVENT_NEWTHREAD, l);
	event_init(&l->call, KMVIEW_EVENT_SYSCALL_ENTRY, l);
	event_init(&l->signal, KMVIEW_EVENT_SIGNAL, l);
	event_init(&l->dead, KMVIEW_EVENT_TERMTHREAD, l);
	l->thread = th;
	l->umpid = -1;
	spin_lock(&layers_lock);
	id = idr_alloc(&layers, l, 1, 0, GFP_ATOMIC);
	spin_unlock(&layers_lock);
	if (id < 0) {
		kfree(l);
		return NULL;
	}
	l->kmpid = id;
	kref_get(&t->ref);
	l->tracer = t;
	return l;
}

static void layer_forget(struct kmv_layer *l)
{
	spin_lock(&layers_lock);
	idr_remove(&layers, l->kmpid);
	spin_unlock(&layers_lock);
}

/* The tracer learns of a new thread. False: it is gone, and the thread must die. */
static bool layer_begin(struct kmv_layer *l, pid_t parent, unsigned long flags)
{
	struct kmv_tracer *t = l->tracer;
	bool gone;

	l->birth = (struct kmview_event_newthread){
		.kmpid = l->kmpid, .umppid = parent, .flags = flags,
		.pid = __task_pid_nr_ns(l->thread->task, PIDTYPE_PID, t->pid_ns)};
	spin_lock(&t->lock);
	t->remaining++;
	list_add_tail(&l->in_tracer, &t->layers);
	kmv_post(t, &l->born);
	gone = t->gone;
	spin_unlock(&t->lock);
	return !gone;
}

struct kmv_layer *kmv_layer_find(struct kmv_tracer *t, pid_t kmpid)
{
	struct kmv_layer *l;

	spin_lock(&layers_lock);
	l = idr_find(&layers, kmpid);
	if (!l)
		l = ERR_PTR(-ESRCH);
	else if (l->tracer != t)
		l = ERR_PTR(-EPERM);
	else
		kref_get(&l->ref);
	spin_unlock(&layers_lock);
	return l;
}

static void thread_begin(struct kmv_thread *th)
{
	spin_lock(&threads_lock);
	hash_add_rcu(threads, &th->hash, (unsigned long)th->task);
	spin_unlock(&threads_lock);
	/* Its calls take the slow way, where the hook is; nobody else's do. */
	set_task_syscall_work(th->task, SYSCALL_AUDIT);
}

/* The calling process puts itself and its offspring under its parent, the tracer. */
int kmv_attach(struct kmv_tracer *t)
{
	struct kmv_thread *th = kmv_current();
	struct kmv_layer *l;
	bool child, first = !th;

	rcu_read_lock();
	child = task_tgid(rcu_dereference(current->real_parent)) == t->tgid;
	rcu_read_unlock();
	if (!child || !thread_group_empty(current))
		return -EPERM;
	if (th)
		list_for_each_entry(l, &th->layers, in_thread)
			if (l->tracer == t)
				return -EBUSY;
	if (first)
		th = thread_create(current, GFP_KERNEL_ACCOUNT);
	if (!th)
		return -ENOMEM;
	l = layer_create(t, th, GFP_KERNEL_ACCOUNT);
	if (!l) {
		if (first)
			kmv_thread_put(th);
		return -ENOMEM;
	}
	/* Whoever answers for a program's calls could lend itself what a set-user-ID one may do. */
	if (!capable(CAP_SYS_PTRACE))
		task_set_no_new_privs(current);
	list_add(&l->in_thread, &th->layers);
	if (!layer_begin(l, -1, 0))
		send_sig(SIGKILL, current, 1);
	if (first)
		thread_begin(th);
	return 0;
}

/* A layer for the child of a thread. */
static struct kmv_layer *layer_inherit(struct kmv_layer *l, struct kmv_thread *child)
{
	bool share = l->thread->clone_flags & CLONE_FILES, failed;
	struct kmv_layer *heir = layer_create(l->tracer, child, GFP_ATOMIC | __GFP_NOWARN);

	if (!heir)
		return NULL;
	spin_lock(&l->tracer->lock);
	heir->chroot = l->chroot;
	heir->fds = kmv_fdset_inherit(l->fds, share, GFP_ATOMIC | __GFP_NOWARN, &failed);
	spin_unlock(&l->tracer->lock);
	if (failed) {
		layer_forget(heir);
		kmv_layer_put(heir);
		return NULL;
	}
	return heir;
}

/* In the parent, before the child runs; nothing may sleep. A child that cannot be traced dies. */
void kmv_forked(struct task_struct *parent, struct task_struct *child)
{
	struct kmv_thread *of = parent == current ? kmv_current() : NULL, *th;
	struct kmv_layer *l, *heir;
	bool traced = true;

	if (!of)
		return;
	th = thread_create(child, GFP_ATOMIC | __GFP_NOWARN);
	if (!th) {
		send_sig(SIGKILL, child, 1);
		return;
	}
	list_for_each_entry(l, &of->layers, in_thread) {
		heir = layer_inherit(l, th);
		if (!heir) {
			traced = false;
			break;
		}
		list_add_tail(&heir->in_thread, &th->layers);
		if (!layer_begin(heir, l->umpid, of->clone_flags))
			traced = false;
	}
	thread_begin(th);
	if (!traced)
		send_sig(SIGKILL, child, 1);
}

static void layer_end(struct kmv_layer *l)
{
	struct kmv_tracer *t = l->tracer;

	layer_forget(l);
	spin_lock(&t->lock);
	kmv_unpost(&l->call);
	kmv_unpost(&l->signal);
	l->remaining = --t->remaining;
	list_del(&l->in_tracer);
	l->thread = NULL;
	kmv_post(t, &l->dead);
	spin_unlock(&t->lock);
	kmv_layer_put(l);
}

void kmv_exits(struct task_struct *task)
{
	struct kmv_thread *th = task == current ? kmv_current() : NULL;
	struct kmv_layer *l, *next;

	if (!th)
		return;
	spin_lock(&threads_lock);
	hash_del_rcu(&th->hash);
	spin_unlock(&threads_lock);
	list_for_each_entry_safe(l, next, &th->layers, in_thread) {
		list_del(&l->in_thread);
		layer_end(l);
	}
	kmv_thread_put(th);
}

/* Nobody can come to be traced any more; waits until nobody is. */
void kmv_threads_exit(void)
{
	wait_event(all_freed, !atomic_read(&alive));
	rcu_barrier();
	idr_destroy(&layers);
}
