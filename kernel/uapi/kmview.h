/* SPDX-License-Identifier: LGPL-2.1-or-later WITH Linux-syscall-note */
/* kmview: system calls of a process and its offspring, told to and answered by a tracer. The
 * Virtual Square book, chapter 9. Numbers and layouts are those of the first kmview, so that its
 * tracers run; what came later is marked "new" and changes none of them.
 *
 * A tracer opens /dev/kmview (read only), forks, and its child calls KMVIEW_ATTACH and closes its
 * copy. From then on the child, and whoever it forks or clones, is traced for life: it dies when
 * the tracer dies or closes the device. What happens is read(2) as struct kmview_event, one a
 * read, or comes by KMVIEW_MAGICPOLL or KMVIEW_NEXT. A thread has at most one call waiting.
 *
 * Events name a thread by the tracer's number for it (umpid), requests by the module's (kmpid).
 */
#ifndef KMVIEW_H
#define KMVIEW_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define KMVIEW_EVENT_NONE	      0x00
#define KMVIEW_EVENT_NEWTHREAD	      0x01
#define KMVIEW_EVENT_TERMTHREAD	      0x02
#define KMVIEW_EVENT_SYSCALL_ENTRY    0x10
#define KMVIEW_EVENT_SOCKETCALL_ENTRY 0x11
#define KMVIEW_EVENT_SYSCALL_EXIT     0x20
#define KMVIEW_EVENT_SIGNAL	      0x30 /* new; with KMVIEW_FLAG_SIGNAL */

/* How an event names a thread: with the tracer's number; a request: with the module's. Beside it
 * stands, in what was padding, whose numbers the call uses: AUDIT_ARCH_X86_64 or AUDIT_ARCH_I386
 * of linux/audit.h (new; requests need not set it).
 */
#define KMVIEW_ID                                                                                  \
	union {                                                                                    \
		__kernel_pid_t umpid;                                                              \
		__kernel_pid_t kmpid;                                                              \
		unsigned long just_for_64bit_alignment;                                            \
		struct {                                                                           \
			__kernel_pid_t id;                                                         \
			__u32 arch;                                                                \
		};                                                                                 \
	}

struct kmview_event_newthread {
	__kernel_pid_t kmpid;
	__kernel_pid_t pid;
	__kernel_pid_t umppid; /* the umpid of the thread that made it; -1 for the first */
	unsigned long flags;   /* of clone(2) */
};

struct kmview_event_termthread {
	__kernel_pid_t umpid;
	unsigned long remaining; /* threads that this tracer still has */
};

struct kmview_event_ioctl_syscall {
	KMVIEW_ID x;
	unsigned long scno;
	unsigned long args[6];
	unsigned long pc;
	unsigned long sp;
};

/* A socketcall(2), its arguments already fetched: scno is the number in linux/net.h. */
struct kmview_event_socketcall {
	KMVIEW_ID x;
	unsigned long scno;
	unsigned long args[6];
	unsigned long pc;
	unsigned long sp;
	unsigned long addr; /* of the arguments; see KMVIEW_FLAG_SOCKETCALL */
};

struct kmview_event_ioctl_sysreturn {
	KMVIEW_ID x;
	long retval;
	union {
		long erno; /* 0, or an error: then the call returns -1 with this errno */
#ifndef errno /* what the book calls it, where the C library did not make it a macro */
		long errno;
#endif
	};
};

struct kmview_event_signal {
	__kernel_pid_t umpid;
};

struct kmview_event {
	unsigned long tag; /* KMVIEW_EVENT_... */
	union {
		struct kmview_event_newthread newthread;
		struct kmview_event_termthread termthread;
		struct kmview_event_ioctl_syscall syscall;
#if defined(__NR_socketcall)
		struct kmview_event_socketcall socketcall;
#endif
		struct kmview_event_ioctl_sysreturn sysreturn;
		struct kmview_event_signal signal;
	} x;
};

struct kmview_ioctl_umpid {
	__kernel_pid_t kmpid;
	__kernel_pid_t umpid;
};

struct kmview_ioctl_data {
	__kernel_pid_t kmpid;
	long addr; /* in the traced process */
	int len;
	void *localaddr;
};

struct kmview_magicpoll {
	long magicpoll_addr; /* struct kmview_event []; 0: none */
	long magicpoll_cnt;
};

struct kmview_fd {
	__kernel_pid_t kmpid;
	int fd;
};

/* Prefixes of absolute paths, by length and signature. deltalen is how much longer a prefix is
 * than the one before; GH_DUMMY bridges a longer gap, GH_TERMINATE ends the list.
 */
#define GH_SIZE	     64
#define GH_TERMINATE 255
#define GH_DUMMY     254

struct ghosthash64 {
	unsigned char deltalen[GH_SIZE];
	unsigned int hash[GH_SIZE];
};

/* KMVIEW_SET_FLAGS; only while nothing is traced (EACCES).
 *
 * SOCKETCALL        socketcall(2) comes as KMVIEW_EVENT_SOCKETCALL_ENTRY. On x86_64 there is no
 *                   such call: each has its own number and comes as KMVIEW_EVENT_SYSCALL_ENTRY.
 *                   Those of 32-bit programs come as socket calls, in struct
 *                   kmview_event_ioctl_syscall, whose size an old tracer knows: without addr.
 * FDSET             calls whose first argument is a descriptor are told only for descriptors
 *                   added with KMVIEW_ADDFD ...
 * EXCEPT_CLOSE      ... but close(2) and shutdown(2) always are ...
 * EXCEPT_FCHDIR     ... and fchdir(2) is
 * PATH_SYSCALL_SKIP calls with path names are told only for threads with KMVIEW_SET_CHROOT, and
 *                   for absolute paths that begin with a ghost mount's
 * SIGNAL (new)      KMVIEW_EVENT_SIGNAL when a signal with a handler comes to a thread whose call
 *                   waits for an answer: answer it (EINTR) or let the signal wait
 */
#define KMVIEW_FLAG_SOCKETCALL	      0x1
#define KMVIEW_FLAG_FDSET	      0x2
#define KMVIEW_FLAG_EXCEPT_CLOSE      0x4
#define KMVIEW_FLAG_EXCEPT_FCHDIR     0x8
#define KMVIEW_FLAG_PATH_SYSCALL_SKIP 0x10
#define KMVIEW_FLAG_SIGNAL	      0x20

/* New: answers given and events taken in one call, KMVIEW_NEXT. */
struct kmview_answer {
	unsigned long verb; /* KMVIEW_SYSRESUME, _SYSVIRTUALIZED, _SYSMODIFIED, ... or _UMPID */
	union {
		__kernel_pid_t kmpid; /* KMVIEW_SYSRESUME */
		struct kmview_ioctl_umpid umpid;
		struct kmview_event_ioctl_syscall syscall;
		struct kmview_event_ioctl_sysreturn sysreturn;
	} x;
};

struct kmview_next {
	__u64 answers; /* struct kmview_answer [] */
	__u64 events;  /* struct kmview_event [] */
	__u32 answers_count;
	__u32 events_count;
	__u32 answers_taken; /* out: fewer than answers_count only with an error */
	__u32 flags;	     /* KMVIEW_NEXT_NOWAIT: return 0 rather than wait */
};
#define KMVIEW_NEXT_NOWAIT 0x1

/* New: which calls are not told, for all numbers of an architecture. */
struct kmview_scbitmap {
	__u32 arch;  /* AUDIT_ARCH_X86_64, AUDIT_ARCH_I386 */
	__u32 count; /* of calls; those beyond are told */
	__u64 bits;  /* __u32 []: a set bit is a call that is not told */
};

#define KMVIEW_GET_VERSION    _IO('v', 1)
#define KMVIEW_SET_FLAGS      _IO('v', 2)
#define KMVIEW_MAGICPOLL      _IOR('v', 3, struct kmview_magicpoll)
#define KMVIEW_ATTACH	      _IO('v', 4)
#define KMVIEW_UMPID	      _IOR('v', 5, struct kmview_ioctl_umpid)
#define KMVIEW_GET_FLAGS      _IO('v', 6)
#define KMVIEW_SYSRESUME      _IO('v', 10)
#define KMVIEW_SYSVIRTUALIZED _IOR('v', 11, struct kmview_event_ioctl_sysreturn)
#define KMVIEW_SYSMODIFIED    _IOR('v', 12, struct kmview_event_ioctl_syscall)
#define KMVIEW_SYSRETURN      _IOR('v', 13, struct kmview_event_ioctl_sysreturn)
#define KMVIEW_SYSARGMOD      _IOR('v', 14, struct kmview_event_ioctl_syscall)
#define KMVIEW_READDATA	      _IOR('v', 20, struct kmview_ioctl_data)
#define KMVIEW_READSTRINGDATA _IOR('v', 21, struct kmview_ioctl_data)
#define KMVIEW_WRITEDATA      _IOR('v', 22, struct kmview_ioctl_data)
#define KMVIEW_ADDFD	      _IOR('v', 30, struct kmview_fd)
#define KMVIEW_DELFD	      _IOR('v', 31, struct kmview_fd)
#define KMVIEW_SYSCALLBITMAP  _IOR('v', 40, unsigned int)
#define KMVIEW_SET_CHROOT     _IO('v', 41)
#define KMVIEW_CLR_CHROOT     _IO('v', 42)
#define KMVIEW_GHOSTMOUNTS    _IOR('v', 43, struct ghosthash64)
#define KMVIEW_SCBITMAP	      _IOW('v', 44, struct kmview_scbitmap)
#define KMVIEW_NEXT	      _IOWR('v', 50, struct kmview_next)

#define MAXSYSCALL	    384
#define INT_PER_MAXSYSCALL  (MAXSYSCALL / (sizeof(unsigned int) * 8))
#define SYSCALLBITMAPEL(x)  ((x) >> 5)
#define SYSCALLBITMAPOFF(x) ((x) & 0x1f)

#ifndef __KERNEL__
static inline unsigned int scbitmap_isset(unsigned int *bitmap, int scno)
{
	if (scno < 0 || scno >= MAXSYSCALL)
		return 0;
	return bitmap[SYSCALLBITMAPEL(scno)] & 1U << SYSCALLBITMAPOFF(scno);
}

static inline void scbitmap_set(unsigned int *bitmap, int scno)
{
	if (scno >= 0 && scno < MAXSYSCALL)
		bitmap[SYSCALLBITMAPEL(scno)] |= 1U << SYSCALLBITMAPOFF(scno);
}

static inline void scbitmap_clr(unsigned int *bitmap, int scno)
{
	if (scno >= 0 && scno < MAXSYSCALL)
		bitmap[SYSCALLBITMAPEL(scno)] &= ~(1U << SYSCALLBITMAPOFF(scno));
}

static inline void scbitmap_fill(unsigned int *bitmap)
{
	for (unsigned int i = 0; i < INT_PER_MAXSYSCALL; i++)
		bitmap[i] = ~0U;
}

static inline void scbitmap_zero(unsigned int *bitmap)
{
	for (unsigned int i = 0; i < INT_PER_MAXSYSCALL; i++)
		bitmap[i] = 0;
}

static inline void ghosthash_new(struct ghosthash64 *gh)
{
	gh->deltalen[0] = GH_TERMINATE;
}

#endif

/* The signature of a prefix, a byte more. Numbers are signed, as the book's example shows: the
 * shift to the right keeps the sign.
 */
static inline unsigned int ghosthash_step(unsigned int sign, char c)
{
	return sign ^ ((sign << 5) + (unsigned int)((int)sign >> 2) + (unsigned int)(signed char)c);
}

static inline unsigned int ghosthash_sign(const char *path, unsigned int len)
{
	unsigned int sign = 0;

	for (unsigned int i = 0; i < len; i++)
		sign = ghosthash_step(sign, path[i]);
	return sign;
}

#endif
