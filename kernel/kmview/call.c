// SPDX-License-Identifier: GPL-2.0-or-later
/* A traced thread at its system call: asks its tracers, innermost first, whether and how to make
 * it, and tells those who modified it, outermost first, what came of it.
 */
#include <linux/freezer.h>
#include <linux/sched/signal.h>
#include <uapi/linux/net.h>

#include "kernel/kmview/regs.h"

#include <asm/unistd.h>
#include <asm/unistd_32_ia32.h>

/* Asleep without weighing on the load, and frozen with the rest of the system. */
#define KMV_SLEEP (TASK_KILLABLE | TASK_NOLOAD | TASK_FREEZABLE)

/* Waits for the answer. With KMVIEW_FLAG_SIGNAL the tracer learns when a signal comes meanwhile;
 * a deadly one ends the wait. 0 or -EINTR.
 */
static int wait_answer(struct kmv_layer *l)
{
	struct kmv_tracer *t = l->tracer;
	bool tell = READ_ONCE(t->flags) & KMVIEW_FLAG_SIGNAL, answered;

	for (;;) {
		bool done, interrupted = false;

		set_current_state(tell ? TASK_INTERRUPTIBLE | TASK_FREEZABLE : KMV_SLEEP);
		spin_lock(&t->lock);
		done = l->state == KMV_ANSWERED || t->gone;
		if (!done && tell && signal_pending(current) && !fatal_signal_pending(current)) {
			if (task_sigpending(current) && list_empty(&l->signal.list))
				kmv_post(t, &l->signal);
			interrupted = true;
		}
		spin_unlock(&t->lock);
		if (done || fatal_signal_pending(current))
			break;
		if (interrupted) {
			tell = false; /* and from now on only deadly ones matter */
			continue;
		}
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	spin_lock(&t->lock);
	kmv_unpost(&l->call);
	kmv_unpost(&l->signal);
	answered = l->state == KMV_ANSWERED;
	l->state = answered ? KMV_RUNNING : KMV_DYING;
	spin_unlock(&t->lock);
	return answered ? 0 : -EINTR;
}

static int ask(struct kmv_layer *l, enum kmv_state state, unsigned long tag)
{
	struct kmv_tracer *t = l->tracer;

	spin_lock(&t->lock);
	l->state = state;
	l->call.tag = tag;
	kmv_post(t, &l->call);
	spin_unlock(&t->lock);
	return wait_answer(l);
}

static void describe(struct kmview_event_ioctl_syscall *said, const struct kmv_call *call)
{
	said->x.just_for_64bit_alignment = 0;
	said->x.arch = call->arch;
	said->scno = call->scno;
	memcpy(said->args, call->args, sizeof(said->args));
	said->pc = call->pc;
	said->sp = call->sp;
}

/* The i386 way to the socket calls: the call's number and where its arguments are. */
static bool describe_socketcall(struct kmview_event_ioctl_syscall *said)
{
	static const u8 counts[] = {0, 3, 3, 3, 2, 3, 3, 3, 4, 4, 4, 6, 6, 2, 5, 5, 3, 3, 4, 5, 4};
	unsigned long number = said->args[0];
	u32 args[6];

	if (number < SYS_SOCKET || number >= ARRAY_SIZE(counts) ||
	    copy_from_user(args, (void __user *)said->args[1], counts[number] * sizeof(u32)))
		return false;
	said->scno = number;
	memset(said->args, 0, sizeof(said->args));
	for (unsigned int i = 0; i < counts[number]; i++)
		said->args[i] = args[i];
	return true;
}

static unsigned long describe_entry(struct kmv_layer *l, const struct kmv_call *call)
{
	describe(&l->said, call);
	if ((READ_ONCE(l->tracer->flags) & KMVIEW_FLAG_SOCKETCALL) &&
	    call->arch == AUDIT_ARCH_I386 && call->scno == __NR_ia32_socketcall &&
	    describe_socketcall(&l->said))
		return KMVIEW_EVENT_SOCKETCALL_ENTRY;
	return KMVIEW_EVENT_SYSCALL_ENTRY;
}

/* The call becomes what the tracer says. What the program has in its registers is remembered: it
 * expects its arguments back. A new pc or sp is meant to stay.
 */
static void modify(struct kmv_thread *th, struct pt_regs *regs, struct kmv_call *call,
		   const struct kmview_event_ioctl_syscall *as)
{
	if (!th->restore)
		th->before = *call;
	th->restore = true;
	call->scno = as->scno;
	memcpy(call->args, as->args, sizeof(call->args));
	call->pc = as->pc;
	call->sp = as->sp;
	regs->orig_ax = call->scno;
	regs->ip = call->pc;
	regs->sp = call->sp;
	kmv_regs_set_args(regs, call);
}

/* The flags of a clone that is about to run; its tracers are told them. */
static unsigned long clone_flags(const struct kmv_call *call)
{
	bool i386 = call->arch == AUDIT_ARCH_I386;
	u64 flags = 0;

	if (call->scno == (i386 ? __NR_ia32_clone : __NR_clone))
		return call->args[0];
	if (call->scno == (i386 ? __NR_ia32_vfork : __NR_vfork))
		return CLONE_VFORK | CLONE_VM | SIGCHLD;
	if (call->scno == (i386 ? __NR_ia32_clone3 : __NR_clone3) &&
	    get_user(flags, (u64 __user *)call->args[0]))
		return 0;
	return flags ? flags : SIGCHLD;
}

/* The result of a call that is not made. With an errno by which the kernel restarts calls, it is
 * restarted, or not, as if the kernel had made it.
 */
static void skip(struct pt_regs *regs, long result)
{
	regs->ax = result;
	if (result > -512 || result < -516)
		regs->orig_ax = -1;
}

enum kmv_verdict kmv_call_enter(struct kmv_thread *th, struct pt_regs *regs, long scno)
{
	struct kmv_layer *l;
	struct kmv_call call;

	kmv_regs_get(&call, regs, scno);
	th->restore = false;
	list_for_each_entry(l, &th->layers, in_thread)
		l->wants_exit = false;
	list_for_each_entry(l, &th->layers, in_thread) {
		if (!kmv_wants(l, &call))
			continue;
		if (ask(l, KMV_ASKED_ENTRY, describe_entry(l, &call))) {
			skip(regs, -EINTR); /* which nobody will see */
			return KMV_SKIP;
		}
		switch (l->verb) {
		case KMVIEW_SYSVIRTUALIZED:
			skip(regs, l->retval);
			return KMV_SKIP;
		case KMVIEW_SYSMODIFIED:
			l->wants_exit = true;
			fallthrough;
		case KMVIEW_SYSARGMOD:
			modify(th, regs, &call, &l->modified);
			break;
		}
	}
	th->ran = call;
	th->clone_flags = clone_flags(&call);
	return KMV_RUN;
}

/* After these the registers are another program's, or another moment's. */
static bool replaced_registers(const struct kmv_call *ran, long result)
{
	bool i386 = ran->arch == AUDIT_ARCH_I386;
	unsigned long nr = ran->scno;

	if (nr == (i386 ? __NR_ia32_execve : __NR_execve) ||
	    nr == (i386 ? __NR_ia32_execveat : __NR_execveat))
		return !result;
	return nr == (i386 ? __NR_ia32_rt_sigreturn : __NR_rt_sigreturn) ||
	       (i386 && nr == __NR_ia32_sigreturn);
}

static void restore(struct kmv_thread *th, struct pt_regs *regs)
{
	kmv_regs_set_args(regs, &th->before);
	/* Should the kernel restart the call, it is the program's own. */
	if ((long)regs->orig_ax >= 0)
		regs->orig_ax = th->before.scno;
}

/* On the way back to user mode. */
static void call_exit(struct callback_head *head)
{
	struct kmv_thread *th = container_of(head, struct kmv_thread, exit_work);
	struct pt_regs *regs = current_pt_regs();
	struct kmv_layer *l;

	th->exit_queued = false;
	if (current->flags & PF_EXITING) {
		kmv_thread_put(th);
		return;
	}
	if (th->restore && !replaced_registers(&th->ran, regs->ax))
		restore(th, regs);
	th->restore = false;
	list_for_each_entry_reverse(l, &th->layers, in_thread) {
		if (!l->wants_exit)
			continue;
		l->wants_exit = false;
		describe(&l->said, &th->ran);
		l->said_retval = regs->ax;
		if (ask(l, KMV_ASKED_EXIT, KMVIEW_EVENT_SYSCALL_EXIT))
			break;
		if (l->verb == KMVIEW_SYSRETURN)
			skip(regs, l->retval);
		else if (l->verb == KMVIEW_SYSMODIFIED || l->verb == KMVIEW_SYSARGMOD) {
			memcpy(th->ran.args, l->modified.args, sizeof(th->ran.args));
			kmv_regs_set_args(regs, &th->ran);
		}
	}
	kmv_thread_put(th);
}

void kmv_call_watch_exit(struct kmv_thread *th)
{
	struct kmv_layer *l;
	bool watch = th->restore;

	list_for_each_entry(l, &th->layers, in_thread)
		watch |= l->wants_exit;
	if (!watch || th->exit_queued)
		return;
	kref_get(&th->ref);
	if (task_work_add(current, &th->exit_work, TWA_RESUME))
		kmv_thread_put(th);
	else
		th->exit_queued = true;
}

void kmv_call_init(struct kmv_thread *th)
{
	init_task_work(&th->exit_work, call_exit);
}
