/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How kmtrace shows a call. */
#ifndef VSQ_KERNEL_BIN_KMTRACE_H
#define VSQ_KERNEL_BIN_KMTRACE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "kernel/uapi/kmview.h"

/* The name of a call, or "syscall_NUMBER". */
void print_name(uint32_t arch, unsigned long scno, char *name, size_t size);

/* "name(arguments)": what is a string there is read through the device. kmpid says whose. */
void print_call(FILE *out, int device, int kmpid, const struct kmview_event_ioctl_syscall *);
void print_result(FILE *out, long retval, long erno);

#endif
