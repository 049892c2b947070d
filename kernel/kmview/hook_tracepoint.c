// SPDX-License-Identifier: GPL-2.0-or-later
/* Mode "tracepoint", where ftrace cannot be used: the raw_syscalls:sys_enter tracepoint, which
 * must not sleep. The probe makes the call void (number -1), and a task work on the way back to
 * user mode asks the tracers. If the call is to be made, the thread goes back onto its system call
 * instruction, with a mark by which the probe lets it pass.
 *
 * Every system call of every process pays for the tracepoint (about 95 instructions) while this
 * mode is on.
 */
#include <linux/tracepoint.h>

#include "kernel/kmview/regs.h"

#define INSN_LEN 2 /* syscall, int 0x80 */

static bool may_pass(struct kmv_thread *th, const struct pt_regs *regs, long scno)
{
	if (!th->pass)
		return false;
	if (th->pass_call.pc == regs->ip && th->pass_call.sp == regs->sp &&
	    th->pass_call.scno == scno) {
		th->pass = false;
		return true;
	}
	/* A signal's handler may come first, further down the stack; above, the call was left. */
	if (regs->sp > th->pass_call.sp)
		th->pass = false;
	return false;
}

static void on_enter(void *data, struct pt_regs *regs, long scno)
{
	struct kmv_thread *th = kmv_current();

	if (!th || scno == -1)
		return;
	if (may_pass(th, regs, scno)) {
		kmv_call_watch_exit(th);
		return;
	}
	kref_get(&th->ref);
	th->entry_scno = scno;
	if (task_work_add(current, &th->entry_work, TWA_RESUME)) {
		kmv_thread_put(th); /* it exits */
		return;
	}
	regs->orig_ax = -1;
}

static void entry(struct callback_head *head)
{
	struct kmv_thread *th = container_of(head, struct kmv_thread, entry_work);
	struct pt_regs *regs = current_pt_regs();
	long scno = th->entry_scno;

	if (current->flags & PF_EXITING) {
		kmv_thread_put(th);
		return;
	}
	regs->orig_ax = scno;
	if (kmv_call_enter(th, regs, scno) == KMV_RUN) {
		kmv_regs_get(&th->pass_call, regs, regs->orig_ax);
		th->pass = true;
		regs->ax = regs->orig_ax;
		regs->orig_ax = -1;
		regs->ip -= INSN_LEN;
	} else {
		th->pass = false;
		kmv_call_watch_exit(th);
	}
	kmv_thread_put(th);
}

void kmv_hook_tracepoint_prepare(struct kmv_thread *th)
{
	init_task_work(&th->entry_work, entry);
}

int kmv_hook_tracepoint_init(void)
{
	return kmv_tracepoint_add("sys_enter", on_enter);
}

void kmv_hook_tracepoint_exit(void)
{
	kmv_tracepoint_remove("sys_enter", on_enter);
	tracepoint_synchronize_unregister();
}
