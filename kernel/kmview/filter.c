// SPDX-License-Identifier: GPL-2.0-or-later
/* Which calls a tracer wants to be told of: not those of its bitmaps, and by descriptor and path
 * name as its flags say.
 */
#include <linux/bitmap.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <uapi/linux/net.h>

#include "kernel/kmview/regs.h"
#include "kernel/kmview/syscalls.h"

#define FDS_MAX	 (1U << 20) /* what Linux lets a process have */
#define FDS_STEP 1024U

/* Descriptors; of a thread, or of several that share their files. The tracer's lock guards it. */
struct kmv_fdset {
	struct kref ref;
	unsigned int size;
	unsigned long bits[];
};

static struct kmv_fdset *fdset_create(unsigned int size, gfp_t gfp)
{
	struct kmv_fdset *set = kzalloc(struct_size(set, bits, BITS_TO_LONGS(size)), gfp);

	if (set) {
		kref_init(&set->ref);
		set->size = size;
	}
	return set;
}

static void fdset_free(struct kref *ref)
{
	kfree(container_of(ref, struct kmv_fdset, ref));
}

void kmv_fdset_put(struct kmv_fdset *set)
{
	if (set)
		kref_put(&set->ref, fdset_free);
}

struct kmv_fdset *kmv_fdset_inherit(struct kmv_fdset *set, bool share, gfp_t gfp, bool *failed)
{
	struct kmv_fdset *copy;

	*failed = false;
	if (!set)
		return NULL;
	if (share) {
		kref_get(&set->ref);
		return set;
	}
	copy = fdset_create(set->size, gfp);
	if (copy)
		bitmap_copy(copy->bits, set->bits, set->size);
	*failed = !copy;
	return copy;
}

/* Those that share the set keep sharing it: it grows in the place of the old one for all. */
static void replace_everywhere(struct kmv_tracer *t, struct kmv_fdset *old, struct kmv_fdset *set)
{
	struct kmv_layer *l;

	list_for_each_entry(l, &t->layers, in_tracer)
		if (l->fds == old) {
			kref_get(&set->ref);
			l->fds = set;
			kmv_fdset_put(old);
		}
}

int kmv_fd_add(struct kmv_layer *l, int fd)
{
	struct kmv_tracer *t = l->tracer;
	struct kmv_fdset *set, *old;

	if (fd < 0 || fd >= FDS_MAX)
		return -EBADF;
	set = fdset_create(round_up((unsigned int)fd + 1, FDS_STEP), GFP_KERNEL_ACCOUNT);
	if (!set)
		return -ENOMEM;
	spin_lock(&t->lock);
	old = l->fds;
	if (!old) {
		kref_get(&set->ref);
		l->fds = set;
	} else if (fd >= old->size) {
		bitmap_copy(set->bits, old->bits, old->size);
		kref_get(&old->ref);
		replace_everywhere(t, old, set);
		kmv_fdset_put(old);
	}
	__set_bit(fd, l->fds->bits);
	spin_unlock(&t->lock);
	kmv_fdset_put(set);
	return 0;
}

int kmv_fd_del(struct kmv_layer *l, int fd)
{
	if (fd < 0 || fd >= FDS_MAX)
		return -EBADF;
	spin_lock(&l->tracer->lock);
	if (l->fds && fd < l->fds->size)
		__clear_bit(fd, l->fds->bits);
	spin_unlock(&l->tracer->lock);
	return 0;
}

static bool has_fd(struct kmv_layer *l, unsigned long fd)
{
	bool has;

	spin_lock(&l->tracer->lock);
	has = l->fds && fd < l->fds->size && test_bit(fd, l->fds->bits);
	spin_unlock(&l->tracer->lock);
	return has;
}

/* A path name in user space, a character at a time. */
struct path_reader {
	const char __user *from;
	unsigned int at, got;
	char piece[64];
};

/* The next character, 0 at the end, or -EFAULT. */
static int next_char(struct path_reader *r)
{
	if (r->at == r->got) {
		long n = strncpy_from_user(r->piece, r->from, sizeof(r->piece));

		if (n < 0)
			return n;
		r->from += n;
		r->at = 0;
		r->got = n < sizeof(r->piece) ? n + 1 : n; /* with its NUL */
	}
	return (unsigned char)r->piece[r->at++];
}

/* Whether a path begins with one of the prefixes; it is read only as far as they reach. What
 * cannot be read is left to the tracer.
 */
static bool is_ghost(const struct ghosthash64 *gh, const char __user *path)
{
	struct path_reader r = {.from = path};
	unsigned int sign = 0;

	for (unsigned int i = 0; i < GH_SIZE && gh->deltalen[i] != GH_TERMINATE; i++) {
		for (unsigned int k = 0; k < gh->deltalen[i]; k++) {
			int c = next_char(&r);

			if (c <= 0)
				return c < 0;
			sign = ghosthash_step(sign, c);
		}
		if (gh->deltalen[i] != GH_DUMMY && sign == gh->hash[i])
			return true;
	}
	return false;
}

static bool wants_path(struct kmv_layer *l, const struct kmv_call *call, unsigned int class,
		       unsigned int n)
{
	struct kmv_tracer *t = l->tracer;
	const char __user *path = (const char __user *)call->args[n];
	bool fdset = t->flags & KMVIEW_FLAG_FDSET, by_fd = false;
	char first;

	if (class & KMV_AT)
		by_fd = fdset && has_fd(l, call->args[n - 1]);
	if (get_user(first, path))
		return by_fd; /* the kernel says EFAULT as well as anybody */
	return first == '/' ? is_ghost(&t->ghost, path) : by_fd;
}

static bool wants_fd(struct kmv_layer *l, const struct kmv_call *call, unsigned int class)
{
	unsigned int flags = l->tracer->flags;

	if ((class & KMV_FD_CLOSE) && (flags & KMVIEW_FLAG_EXCEPT_CLOSE))
		return true;
	if ((class & KMV_FD_FCHDIR) && (flags & KMVIEW_FLAG_EXCEPT_FCHDIR))
		return true;
	return has_fd(l, call->args[0]);
}

/* socketcall(2): its first argument in memory is the descriptor, if it has one. */
static bool wants_socketcall(struct kmv_layer *l, const struct kmv_call *call)
{
	u32 fd;

	if (call->args[0] == SYS_SOCKET || call->args[0] == SYS_SOCKETPAIR ||
	    get_user(fd, (u32 __user *)call->args[1]))
		return true;
	return has_fd(l, fd);
}

static bool wants(struct kmv_layer *l, const struct kmv_call *call)
{
	struct kmv_tracer *t = l->tracer;
	unsigned int class;

	if (call->scno < KMV_SCNO_MAX &&
	    t->quiet[call->arch == AUDIT_ARCH_I386][call->scno / 32] & 1U << call->scno % 32)
		return false;
	class = kmv_syscall_class(call->arch, call->scno);
	if ((t->flags & KMVIEW_FLAG_PATH_SYSCALL_SKIP) && (class & KMV_PATHS) && !l->chroot) {
		for (unsigned int n = 0; n < 6; n++)
			if ((class & KMV_PATH(n)) && wants_path(l, call, class, n))
				return true;
		return false;
	}
	if (!(t->flags & KMVIEW_FLAG_FDSET))
		return true;
	if (class & KMV_FD)
		return wants_fd(l, call, class);
	if (class & KMV_FD_MAPPED)
		return !(call->args[3] & MAP_ANONYMOUS) && has_fd(l, call->args[4]);
	if (class & KMV_FD_SOCKETCALL)
		return wants_socketcall(l, call);
	return true;
}

bool kmv_wants(struct kmv_layer *l, const struct kmv_call *call)
{
	bool answer;

	down_read(&l->tracer->conf);
	answer = wants(l, call);
	up_read(&l->tracer->conf);
	return answer;
}
