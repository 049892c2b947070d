/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kmview from inside.
 *
 * A traced thread (struct kmv_thread) has a layer for each tracer it has (struct kmv_layer), the
 * innermost first: a tracer may itself be traced. The thread's own calls find it by its task in a
 * table; a tracer finds its layer by kmpid. When the thread enters a call, hook_*.c brings it to
 * call.c, which asks each layer's tracer in turn, sleeping in place, and does as answered.
 *
 * Locks: a tracer's lock guards its queue and everything of its layers that both sides touch. The
 * list of a thread's layers changes only by the thread itself (attach, exit) or before it runs
 * (fork). Under a tracer's lock nothing else is taken but the signal code's locks.
 */
#ifndef KMVIEW_IMPL_H
#define KMVIEW_IMPL_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/task_work.h>
#include <linux/types.h>
#include <linux/wait.h>

#include "kernel/uapi/kmview.h"

#define KMV_VERSION 2
#define KMV_SCNO_MAX 1024 /* numbers that a bitmap can name */

struct kmv_fdset;

/* Something that a tracer has yet to read; part of the layer that it is about. */
struct kmv_event {
	struct list_head list; /* empty: not queued */
	unsigned long tag;
	struct kmv_layer *layer;
};

struct kmv_tracer {
	struct kref ref;
	struct list_head all; /* of all tracers, for the exit of one */
	struct pid *tgid;     /* the process that opened the device */
	struct pid_namespace *pid_ns;
	struct mm_struct *mm; /* of the opener; compared, never used */

	spinlock_t lock;
	wait_queue_head_t wait;
	struct list_head events;
	struct list_head layers;
	unsigned long remaining; /* threads alive */
	bool gone;		 /* the tracer is: its threads die */

	struct rw_semaphore conf; /* guards what follows */
	unsigned int flags;
	unsigned long magic_addr, magic_count;
	u32 quiet[2][KMV_SCNO_MAX / 32]; /* calls that are not told; [1]: of i386 */
	struct ghosthash64 ghost;
};

/* Where a layer is. The thread leaves RUNNING to ask, and ANSWERED; an answer leaves ASKED, or a
 * deadly signal: then the thread is DYING, which nothing leaves.
 */
enum kmv_state {
	KMV_RUNNING,
	KMV_ASKED_ENTRY, /* the thread sleeps before its call */
	KMV_ASKED_EXIT,	 /* ... after it */
	KMV_ANSWERED,
	KMV_DYING,
};

struct kmv_layer {
	struct kref ref;
	struct kmv_tracer *tracer;
	struct kmv_thread *thread; /* NULL once the thread is gone */
	struct list_head in_tracer, in_thread;
	pid_t kmpid, umpid;
	struct kmv_event born, call, signal, dead;
	struct kmview_event_newthread birth;
	unsigned long remaining; /* when it died */

	enum kmv_state state;
	struct kmview_event_ioctl_syscall said; /* to the tracer: the call */
	long said_retval;
	unsigned int verb; /* the answer: one of KMVIEW_SYS... */
	struct kmview_event_ioctl_syscall modified;
	long retval;
	bool wants_exit; /* the tracer modified the call that runs */

	struct kmv_fdset *fds; /* NULL: none */
	bool chroot;
};

/* Registers of a call, whatever the architecture. */
struct kmv_call {
	u32 arch;
	unsigned long scno;
	unsigned long args[6];
	unsigned long pc, sp;
};

struct kmv_thread {
	struct kref ref;
	struct rcu_head rcu;
	struct hlist_node hash;
	struct task_struct *task;
	struct list_head layers; /* innermost first */
	unsigned long clone_flags; /* of the clone that runs */

	struct callback_head exit_work;
	bool exit_queued;
	bool restore; /* the arguments, after a call that was modified */
	struct kmv_call before, ran;

	/* hook_tracepoint.c */
	struct callback_head entry_work;
	long entry_scno;
	bool pass;
	struct kmv_call pass_call;
};

/* tracer.c */
struct kmv_tracer *kmv_tracer_create(void);
void kmv_tracer_put(struct kmv_tracer *);
void kmv_tracer_gone(struct kmv_tracer *);
void kmv_tracer_exits(struct task_struct *);
void kmv_post(struct kmv_tracer *, struct kmv_event *); /* with the lock held */
void kmv_unpost(struct kmv_event *);			/* with the lock held */
bool kmv_take(struct kmv_tracer *, struct kmview_event *, struct kmv_event **taken);
void kmv_give_back(struct kmv_tracer *, struct kmv_event *);
void kmv_taken(struct kmv_event *);

/* thread.c */
void kmv_threads_exit(void);
struct kmv_thread *kmv_current(void);
void kmv_thread_put(struct kmv_thread *);
int kmv_attach(struct kmv_tracer *);
void kmv_forked(struct task_struct *parent, struct task_struct *child);
void kmv_exits(struct task_struct *);
struct kmv_layer *kmv_layer_find(struct kmv_tracer *, pid_t kmpid); /* or ERR_PTR; a reference */
void kmv_layer_put(struct kmv_layer *);

/* call.c: what a thread does at its call. */
enum kmv_verdict {
	KMV_RUN,  /* the call, as the registers now say */
	KMV_SKIP, /* it: the registers hold its result */
};

enum kmv_verdict kmv_call_enter(struct kmv_thread *, struct pt_regs *, long scno);
void kmv_call_init(struct kmv_thread *);
void kmv_call_watch_exit(struct kmv_thread *); /* if somebody wants to know */

/* answer.c: what a tracer says. */
int kmv_answer(struct kmv_tracer *, unsigned int verb, const struct kmview_answer *);

/* filter.c */
bool kmv_wants(struct kmv_layer *, const struct kmv_call *);
int kmv_fd_add(struct kmv_layer *, int fd);
int kmv_fd_del(struct kmv_layer *, int fd);
struct kmv_fdset *kmv_fdset_inherit(struct kmv_fdset *, bool share, gfp_t, bool *failed);
void kmv_fdset_put(struct kmv_fdset *);

/* memory.c */
long kmv_memory(struct kmv_layer *, unsigned int cmd, const struct kmview_ioctl_data *);

/* device.c */
int kmv_device_init(void);
void kmv_device_exit(void);

/* hook_ftrace.c, hook_tracepoint.c, probe.c */
int kmv_hook_ftrace_init(void);
void kmv_hook_ftrace_exit(void);
void kmv_hook_tracepoint_prepare(struct kmv_thread *);
int kmv_hook_tracepoint_init(void);
void kmv_hook_tracepoint_exit(void);
int kmv_probe_init(void);
void kmv_probe_exit(void);
int kmv_tracepoint_add(const char *name, void *probe);
void kmv_tracepoint_remove(const char *name, void *probe);

#endif
