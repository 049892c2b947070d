/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Stacks: made, run by a thread of their own, and ended. */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "core/host/memory.h"
#include "stack/lwip/lwip_impl.h"

#define POOL_BYTES ((size_t)256 << 20)

LWIP_EXPORT const struct ip_addr ip_addr_any;

static pthread_mutex_t stacks_lock = PTHREAD_MUTEX_INITIALIZER;
static struct stack *stacks;	     /* all of them */
static struct stack *default_stack;

static void lock(void *ctx)
{
	struct stack *stack = ctx;

	pthread_mutex_lock(&stack->lock);
}

void lwip_stack_unlock(struct stack *stack)
{
	struct lwip_notice *due = stack->due;

	stack->due = NULL;
	pthread_mutex_unlock(&stack->lock);
	if (due)
		lwip_notices_call(due);
}

static void unlock(void *ctx)
{
	lwip_stack_unlock(ctx);
}

vs_time lwip_stack_enter(struct stack *stack)
{
	lock(stack);
	return rt_read_clock(stack->rt);
}

void lwip_stack_leave(struct stack *stack)
{
	rt_serve(stack->rt);
	unlock(stack);
}

void lwip_stack_put(struct stack *stack)
{
	struct netif *netif;

	if (atomic_fetch_sub(&stack->users, 1) != 1)
		return;
	while ((netif = stack->netifs)) {
		stack->netifs = netif->next;
		free(netif);
	}
	free(stack->sockets);
	pthread_mutex_destroy(&stack->lock);
	free(stack);
}

static void on_event(void *ctx, int number, unsigned readiness)
{
	struct stack *stack = ctx;

	(void)readiness;
	if ((size_t)number < stack->sockets_size && stack->sockets[number])
		lwip_socket_show(stack->sockets[number]);
}

static void *run(void *ctx)
{
	struct stack *stack = ctx;

	lock(stack);
	rt_run(stack->rt);
	unlock(stack);
	return NULL;
}

/* The program's signals are for its own threads. */
static int start(struct stack *stack)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = -pthread_create(&stack->thread, NULL, run, stack);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error;
}

static void dismantle(struct stack *stack)
{
	if (stack->world)
		netif_destroy(stack->world);
	if (stack->stk)
		stk_destroy(stack->stk);
	rt_destroy(stack->rt);
	vs_arena_fini(&stack->arena);
}

static int build(struct stack *stack)
{
	struct vs_pool_conf pool = {.bytes_max = POOL_BYTES};
	struct stk_conf conf = {.seed = rt_seed(), .name = "lwip"};
	int error = rt_create(&stack->rt);

	if (error)
		return error;
	rt_guard(stack->rt, lock, unlock, stack);
	error = vs_pool_create(&stack->pool, &pool, &stack->arena);
	conf.pool = stack->pool;
	if (!error)
		error = stk_create(&stack->stk, &conf, &stack->arena);
	if (!error)
		error = netif_create(&stack->world, stack->rt, stack->stk, stack->pool, on_event,
				     stack);
	if (!error)
		error = start(stack);
	return error;
}

LWIP_EXPORT struct stack *lwip_add_stack(unsigned long flags)
{
	struct stack *stack;
	int error;

	if (flags & ~(unsigned long)LWIP_STACK_FLAG_FORWARDING) {
		errno = EINVAL;
		return NULL;
	}
	stack = calloc(1, sizeof(*stack));
	if (!stack)
		return NULL;
	pthread_mutex_init(&stack->lock, NULL);
	atomic_init(&stack->users, 1);
	stack->process = getpid();
	host_arena_init(&stack->arena, 0);
	error = build(stack);
	if (error) {
		dismantle(stack);
		lwip_stack_put(stack);
		errno = -error;
		return NULL;
	}
	lwip_stack_flags_set(stack, flags);
	pthread_mutex_lock(&stacks_lock);
	stack->next = stacks;
	stacks = stack;
	pthread_mutex_unlock(&stacks_lock);
	return stack;
}

LWIP_EXPORT struct stack *lwip_stack_new(void)
{
	return lwip_add_stack(0);
}

/* Takes a stack, or the first of all, from the list; NULL if it is not there. */
static struct stack *unlist(struct stack *wanted)
{
	struct stack **at = &stacks, *found;

	pthread_mutex_lock(&stacks_lock);
	while (*at && wanted && *at != wanted)
		at = &(*at)->next;
	found = *at;
	if (found) {
		*at = found->next;
		if (default_stack == found)
			default_stack = NULL;
	}
	pthread_mutex_unlock(&stacks_lock);
	return found;
}

/* Ends the thread, then what it ran. Sockets stay until they are closed, and answer EBADF. */
static void end(struct stack *stack)
{
	lock(stack);
	for (size_t i = 0; i < stack->sockets_size; i++)
		if (stack->sockets[i])
			lwip_socket_detach(stack->sockets[i]);
	rt_stop(stack->rt);
	lwip_stack_leave(stack);
	pthread_join(stack->thread, NULL);
	dismantle(stack);
	lwip_stack_put(stack);
}

LWIP_EXPORT void lwip_del_stack(struct stack *stack)
{
	stack = stack ? unlist(stack) : NULL;
	if (stack)
		end(stack);
}

LWIP_EXPORT void lwip_stack_free(struct stack *stack)
{
	lwip_del_stack(stack);
}

LWIP_EXPORT struct stack *lwip_stack_get(void)
{
	struct stack *stack;

	pthread_mutex_lock(&stacks_lock);
	stack = default_stack;
	pthread_mutex_unlock(&stacks_lock);
	return stack;
}

LWIP_EXPORT void lwip_stack_set(struct stack *stack)
{
	pthread_mutex_lock(&stacks_lock);
	default_stack = stack;
	pthread_mutex_unlock(&stacks_lock);
}

LWIP_EXPORT unsigned long lwip_stack_flags_get(struct stack *stack)
{
	unsigned long flags;

	lock(stack);
	flags = stack->flags;
	unlock(stack);
	return flags;
}

LWIP_EXPORT void lwip_stack_flags_set(struct stack *stack, unsigned long flags)
{
	vs_time now = lwip_stack_enter(stack);
	const char *forwarding = flags & LWIP_STACK_FLAG_FORWARDING ? "1" : "0";

	stack->flags = flags & LWIP_STACK_FLAG_FORWARDING;
	stk_set(stack->stk, now, "net.ipv4.ip_forward", forwarding);
	stk_set(stack->stk, now, "net.ipv6.conf.all.forwarding", forwarding);
	lwip_stack_leave(stack);
}

LWIP_EXPORT void lwip_init(void)
{
}

/* A child of fork() has the stacks but not their threads: it leaves them alone. */
__attribute__((destructor)) LWIP_EXPORT void lwip_fini(void)
{
	struct stack *stack;

	while ((stack = unlist(NULL)))
		if (stack->process == getpid())
			end(stack);
}

struct job {
	void (*thread)(void *arg);
	void *arg;
};

static void *work(void *ctx)
{
	struct job job = *(struct job *)ctx;

	free(ctx);
	job.thread(job.arg);
	return NULL;
}

LWIP_EXPORT void lwip_thread_new(void (*thread)(void *arg), void *arg)
{
	struct job *job = malloc(sizeof(*job));
	pthread_t id;

	if (!job)
		return;
	*job = (struct job){thread, arg};
	if (pthread_create(&id, NULL, work, job))
		free(job);
	else
		pthread_detach(id);
}
