/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where x86 keeps a system call, 64-bit or i386's. */
#ifndef KMVIEW_REGS_H
#define KMVIEW_REGS_H

#include <asm/syscall.h>
#include <linux/audit.h>
#include <linux/compat.h>
#include <linux/ptrace.h>

#include "kernel/kmview/kmview_impl.h"

static inline void kmv_regs_get(struct kmv_call *call, struct pt_regs *regs, long scno)
{
	call->arch = in_ia32_syscall() ? AUDIT_ARCH_I386 : AUDIT_ARCH_X86_64;
	call->scno = scno;
	syscall_get_arguments(current, regs, call->args);
	call->pc = regs->ip;
	call->sp = regs->sp;
}

static inline void kmv_regs_set_args(struct pt_regs *regs, const struct kmv_call *call)
{
	if (call->arch == AUDIT_ARCH_I386) {
		regs->bx = (u32)call->args[0];
		regs->cx = (u32)call->args[1];
		regs->dx = (u32)call->args[2];
		regs->si = (u32)call->args[3];
		regs->di = (u32)call->args[4];
		regs->bp = (u32)call->args[5];
	} else {
		regs->di = call->args[0];
		regs->si = call->args[1];
		regs->dx = call->args[2];
		regs->r10 = call->args[3];
		regs->r8 = call->args[4];
		regs->r9 = call->args[5];
	}
}

/* -1 and an errno, as the book has it, or the value. */
static inline long kmv_result(long retval, long erno)
{
	return erno ? -erno : retval;
}

#endif
