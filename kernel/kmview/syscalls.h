/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which arguments of a system call are descriptors and path names. */
#ifndef KMVIEW_SYSCALLS_H
#define KMVIEW_SYSCALLS_H

#include <linux/types.h>

/* The low six bits: arguments that are path names. */
#define KMV_PATH(n)    (1U << (n))
#define KMV_PATHS      0x3fU
#define KMV_AT	       0x040U /* before each path stands the directory's descriptor */
#define KMV_FD	       0x080U /* the first argument is a descriptor */
#define KMV_FD_CLOSE   0x100U /* ... that is closed, or shut down */
#define KMV_FD_FCHDIR  0x200U
#define KMV_FD_MAPPED  0x400U /* the fifth is a descriptor, unless the map is anonymous */
#define KMV_FD_SOCKETCALL 0x800U /* the first of those in memory is, for most */

unsigned int kmv_syscall_class(u32 arch, unsigned long scno);

#endif
