/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A module with every fault that the verdict knows: what is written to /proc/faulty chooses one.
 * It shows that a guest's test cannot pass over a kernel that complains.
 */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Faults on demand, for the tests of the guest harness");

static bool refuse;
module_param(refuse, bool, 0);
MODULE_PARM_DESC(refuse, "fail to load");

static struct kmem_cache *cache;
static DEFINE_MUTEX(held);

/* A cache with a constructor is merged with no other, so what is left in it shows. */
static void unmerged(void *object)
{
}

static void oops(void)
{
	int *nowhere = NULL;

	OPTIMIZER_HIDE_VAR(nowhere);
	*nowhere = 1;
}

static void hang(void)
{
	local_irq_disable();
	for (;;)
		cpu_relax();
}

static void sleep_forever(void)
{
	mutex_lock(&held);
	mutex_lock(&held);
}

static void leak(void)
{
	void *lost = kmem_cache_alloc(cache, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(lost);
}

/* What a debugging kernel would print, said by one that cannot find it. */
static void say(const char *text)
{
	pr_warn("%s\n", text);
}

static ssize_t faulty_write(struct file *file, const char __user *from, size_t size, loff_t *at)
{
	char what[64] = "";

	if (size >= sizeof(what) || copy_from_user(what, from, size))
		return -EINVAL;
	strim(what);
	if (!strcmp(what, "bug"))
		BUG();
	else if (!strcmp(what, "warning"))
		WARN(1, "a warning on demand");
	else if (!strcmp(what, "oops"))
		oops();
	else if (!strcmp(what, "panic"))
		panic("a panic on demand");
	else if (!strcmp(what, "hang"))
		hang();
	else if (!strcmp(what, "sleep"))
		sleep_forever();
	else if (!strcmp(what, "leak"))
		leak();
	else if (!strcmp(what, "hold"))
		__module_get(THIS_MODULE);
	else if (!strncmp(what, "say ", 4))
		say(what + 4);
	else
		return -EINVAL;
	return size;
}

static const struct proc_ops faulty_ops = { .proc_write = faulty_write };

static int __init faulty_init(void)
{
	if (refuse)
		return -ENODEV;
	cache = kmem_cache_create("faulty", 192, 0, 0, unmerged);
	if (!cache)
		return -ENOMEM;
	if (!proc_create("faulty", 0200, NULL, &faulty_ops)) {
		kmem_cache_destroy(cache);
		return -ENOMEM;
	}
	return 0;
}

static void __exit faulty_exit(void)
{
	remove_proc_entry("faulty", NULL);
	kmem_cache_destroy(cache);
}

module_init(faulty_init);
module_exit(faulty_exit);
