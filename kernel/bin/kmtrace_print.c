/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A call as a line of text: its name, and its arguments by what they mean. */
#include "kernel/bin/kmtrace.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#define STRING_MAX 32 /* characters shown of a string */

/* What the arguments of calls are, a letter each: d a number, x flags, o a mode, p an address,
 * s a string, b bytes whose length is the next argument, D the descriptor of a directory, v a list
 * of strings. A call that is not here is shown with six numbers.
 */
static const struct signature {
	const char *name, *arguments;
} signatures[] = {
	{"accept", "dpp"}, {"accept4", "dppx"}, {"access", "sd"}, {"alarm", "d"},
	{"arch_prctl", "xp"}, {"bind", "dpd"}, {"brk", "p"}, {"chdir", "s"}, {"chmod", "so"},
	{"chown", "sdd"}, {"chroot", "s"}, {"clock_gettime", "dp"}, {"clock_nanosleep", "dxpp"},
	{"clone", "xpppp"}, {"clone3", "pd"}, {"close", "d"}, {"close_range", "ddx"},
	{"connect", "dpd"}, {"creat", "so"}, {"dup", "d"}, {"dup2", "dd"}, {"dup3", "ddx"},
	{"epoll_create1", "x"}, {"epoll_ctl", "dddp"}, {"epoll_wait", "dpdd"},
	{"eventfd2", "dx"}, {"execve", "svp"}, {"execveat", "Dsvpx"}, {"exit", "d"},
	{"exit_group", "d"}, {"faccessat", "Dsd"}, {"faccessat2", "Dsdx"}, {"fadvise64", "dddd"},
	{"fchdir", "d"}, {"fchmod", "do"}, {"fchmodat", "Dso"}, {"fchown", "ddd"},
	{"fchownat", "Dsddx"}, {"fcntl", "ddp"}, {"flock", "dd"}, {"fork", ""}, {"fstat", "dp"},
	{"fstatfs", "dp"}, {"fsync", "d"}, {"ftruncate", "dd"}, {"futex", "pdxpp"},
	{"getcwd", "pd"}, {"getdents64", "dpd"}, {"getegid", ""}, {"geteuid", ""},
	{"getgid", ""}, {"getpeername", "dpp"}, {"getpgrp", ""}, {"getpid", ""}, {"getppid", ""},
	{"getrandom", "pdx"}, {"getrlimit", "dp"}, {"getsockname", "dpp"},
	{"getsockopt", "dddpp"}, {"gettid", ""}, {"getuid", ""}, {"getxattr", "sspd"},
	{"ioctl", "dxp"}, {"kill", "dd"}, {"link", "ss"}, {"linkat", "DsDsx"}, {"listen", "dd"},
	{"lseek", "ddd"}, {"lstat", "sp"}, {"madvise", "pdd"}, {"memfd_create", "sx"},
	{"mkdir", "so"}, {"mkdirat", "Dso"}, {"mknod", "soo"}, {"mmap", "pdxxdx"},
	{"mount", "sssxp"}, {"mprotect", "pdx"}, {"mremap", "pddxp"}, {"munmap", "pd"},
	{"nanosleep", "pp"}, {"newfstatat", "Dspx"}, {"open", "sxo"}, {"openat", "Dsxo"},
	{"openat2", "Dspd"}, {"pause", ""}, {"pipe", "p"}, {"pipe2", "px"}, {"poll", "pdd"},
	{"ppoll", "pdpp"}, {"prctl", "dxppp"}, {"pread64", "dpdd"}, {"prlimit64", "ddpp"},
	{"pselect6", "dppppp"}, {"pwrite64", "dbdd"}, {"read", "dpd"}, {"readlink", "spd"},
	{"readlinkat", "Dspd"}, {"readv", "dpd"}, {"recvfrom", "dpdxpp"}, {"recvmsg", "dpx"},
	{"rename", "ss"}, {"renameat", "DsDs"}, {"renameat2", "DsDsx"}, {"rmdir", "s"},
	{"rseq", "pdxx"}, {"rt_sigaction", "dppd"}, {"rt_sigprocmask", "dppd"},
	{"rt_sigreturn", ""}, {"rt_sigsuspend", "pd"}, {"sched_yield", ""}, {"select", "dpppp"},
	{"sendfile", "ddpd"}, {"sendmsg", "dpx"}, {"sendto", "dbdxpd"}, {"set_robust_list", "pd"},
	{"set_tid_address", "p"}, {"setgid", "d"}, {"setpgid", "dd"}, {"setsid", ""},
	{"setsockopt", "dddpd"}, {"setuid", "d"}, {"shutdown", "dd"}, {"socket", "ddd"},
	{"socketpair", "dddp"}, {"stat", "sp"}, {"statfs", "sp"}, {"statx", "Dsxxp"},
	{"symlink", "ss"}, {"symlinkat", "sDs"}, {"sysinfo", "p"}, {"tgkill", "ddd"},
	{"truncate", "sd"}, {"umask", "o"}, {"umount2", "sx"}, {"uname", "p"}, {"unlink", "s"},
	{"unlinkat", "Dsx"}, {"utimensat", "Dspx"}, {"vfork", ""}, {"wait4", "dpxp"},
	{"waitid", "ddpxp"}, {"write", "dbd"}, {"writev", "dpd"},
};

static int compare(const void *name, const void *signature)
{
	return strcmp(name, ((const struct signature *)signature)->name);
}

static const char *arguments_of(const char *name)
{
	const struct signature *s = bsearch(name, signatures,
					    sizeof(signatures) / sizeof(signatures[0]),
					    sizeof(signatures[0]), compare);

	return s ? s->arguments : "xxxxxx";
}

void print_name(uint32_t arch, unsigned long scno, char *name, size_t size)
{
	char *found = seccomp_syscall_resolve_num_arch(
		arch == AUDIT_ARCH_I386 ? SCMP_ARCH_X86 : SCMP_ARCH_X86_64, (int)scno);

	if (found)
		snprintf(name, size, "%s", found);
	else
		snprintf(name, size, "syscall_%lu", scno);
	free(found);
}

static void print_bytes(FILE *out, const char *bytes, size_t len, int more)
{
	fputc('"', out);
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)bytes[i];

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c == '\n')
			fputs("\\n", out);
		else if (isprint(c))
			fputc(c, out);
		else
			fprintf(out, "\\%03o", c);
	}
	fputs(more ? "\"..." : "\"", out);
}

/* A string of the traced process, or its address when it cannot be read. */
static void print_string(FILE *out, int device, int kmpid, unsigned long address)
{
	char text[STRING_MAX + 1];
	struct kmview_ioctl_data d = {.kmpid = kmpid, .addr = (long)address, .len = sizeof(text),
				      .localaddr = text};
	int n = address ? ioctl(device, KMVIEW_READSTRINGDATA, &d) : -1;

	if (!address)
		fputs("NULL", out);
	else if (n <= 0)
		fprintf(out, "%#lx", address);
	else if (text[n - 1] == '\0')
		print_bytes(out, text, (size_t)n - 1, 0);
	else
		print_bytes(out, text, n > STRING_MAX ? STRING_MAX : (size_t)n, 1);
}

static void print_buffer(FILE *out, int device, int kmpid, unsigned long address, unsigned long len)
{
	char bytes[STRING_MAX];
	struct kmview_ioctl_data d = {.kmpid = kmpid, .addr = (long)address, .localaddr = bytes};
	int n;

	d.len = len < sizeof(bytes) ? (int)len : (int)sizeof(bytes);
	n = ioctl(device, KMVIEW_READDATA, &d);
	if (n < 0)
		fprintf(out, "%#lx", address);
	else
		print_bytes(out, bytes, (size_t)n, len > (unsigned long)n);
}

static void print_list(FILE *out, int device, int kmpid, unsigned long address, size_t word)
{
	unsigned long item = 0;
	struct kmview_ioctl_data d = {.kmpid = kmpid, .len = (int)word, .localaddr = &item};

	fputc('[', out);
	for (unsigned i = 0; address; i++) {
		item = 0;
		d.addr = (long)(address + i * word);
		if (ioctl(device, KMVIEW_READDATA, &d) != (int)word || !item)
			break;
		if (i == 8) {
			fputs(", ...", out);
			break;
		}
		fputs(i ? ", " : "", out);
		print_string(out, device, kmpid, item);
	}
	fputc(']', out);
}

void print_call(FILE *out, int device, int kmpid, const struct kmview_event_ioctl_syscall *call)
{
	char name[64];
	const char *arguments;

	print_name(call->x.arch, call->scno, name, sizeof(name));
	arguments = arguments_of(name);
	fprintf(out, "%s%s(", call->x.arch == AUDIT_ARCH_I386 ? "i386:" : "", name);
	for (unsigned i = 0; arguments[i]; i++) {
		unsigned long a = call->args[i];

		fputs(i ? ", " : "", out);
		switch (arguments[i]) {
		case 's':
			print_string(out, device, kmpid, a);
			break;
		case 'b':
			print_buffer(out, device, kmpid, a, call->args[i + 1]);
			break;
		case 'v':
			print_list(out, device, kmpid, a,
				   call->x.arch == AUDIT_ARCH_I386 ? 4 : 8);
			break;
		case 'D':
			if ((int)a == AT_FDCWD)
				fputs("AT_FDCWD", out);
			else
				fprintf(out, "%d", (int)a);
			break;
		case 'd':
			fprintf(out, "%ld", (long)a == (long)(unsigned)a ? (long)(int)a : (long)a);
			break;
		case 'o':
			fprintf(out, a ? "0%lo" : "%lo", a);
			break;
		case 'p':
			if (!a)
				fputs("NULL", out);
			else
				fprintf(out, "%#lx", a);
			break;
		default:
			fprintf(out, "%#lx", a);
			break;
		}
	}
	fputc(')', out);
}

void print_result(FILE *out, long retval, long erno)
{
	const char *name = erno ? strerrorname_np((int)erno) : NULL;

	if (name)
		fprintf(out, " = -1 %s (%s)\n", name, strerror((int)erno));
	else if (erno)
		fprintf(out, " = -1 errno %ld\n", erno);
	else if (retval > 0xffff)
		fprintf(out, " = %#lx\n", (unsigned long)retval);
	else
		fprintf(out, " = %ld\n", retval);
}
