/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/packetdrill/pkd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/host/memory.h"
#include "harness/packetdrill/pkd_impl.h"

struct pkd *pkd_world;

static void world_free(void *userdata)
{
	struct pkd *w = userdata;
	struct vs_frame *f;
	int ifindex;

	if (!w || w != pkd_world)
		return;
	pkd_control_stop(w);
	pthread_mutex_lock(&w->lock);
	pkd_files_close(w);
	while ((f = stk_output(w->stk, &ifindex)))
		vs_frame_put(f);
	stk_destroy(w->stk);
	while (w->packets) {
		struct pkd_packet *next = w->packets->next;

		free(w->packets);
		w->packets = next;
	}
	vs_arena_fini(&w->arena);
	pkd_world = NULL;
	pthread_mutex_unlock(&w->lock);
	free(w);
}

static struct pkd *world_new(const char *flags)
{
	struct vs_pool_conf pool = {.bytes_max = 256 << 20};
	struct stk_conf conf = {.name = "packetdrill"};
	struct pkd *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->now = PKD_START;
	w->driver = pthread_self();
	w->packets_tail = &w->packets;
	w->control_fd = -1;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->released, NULL);
	host_arena_init(&w->arena, 0);
	if (pkd_configure(&w->conf, flags) || vs_pool_create(&w->pool, &pool, &w->arena))
		goto free_world;
	conf.seed = w->conf.seed;
	conf.pool = w->pool;
	if (stk_create(&w->stk, &conf, &w->arena))
		goto free_world;
	if (pkd_apply(w))
		goto free_stack;
	return w;
free_stack:
	stk_destroy(w->stk);
free_world:
	vs_arena_fini(&w->arena);
	free(w);
	return NULL;
}

__attribute__((visibility("default"))) void
packetdrill_interface_init(const char *flags, struct packetdrill_interface *i)
{
	struct pkd *w = world_new(flags ? flags : "");

	if (!w) {
		fprintf(stderr, "libvsq-packetdrill: cannot start\n");
		exit(1);
	}
	*i = (struct packetdrill_interface){
		.userdata = w,
		.free = world_free,
		.socket = pkd_socket,
		.bind = pkd_bind,
		.listen = pkd_listen,
		.accept = pkd_accept,
		.connect = pkd_connect,
		.read = pkd_read,
		.readv = pkd_readv,
		.recv = pkd_recv,
		.recvfrom = pkd_recvfrom,
		.recvmsg = pkd_recvmsg,
		.write = pkd_write,
		.writev = pkd_writev,
		.send = pkd_send,
		.sendto = pkd_sendto,
		.sendmsg = pkd_sendmsg,
		.fcntl = pkd_fcntl,
		.ioctl = pkd_ioctl,
		.close = pkd_close,
		.shutdown = pkd_shutdown,
		.getsockopt = pkd_getsockopt,
		.setsockopt = pkd_setsockopt,
		.poll = pkd_poll,
		.netdev_send = pkd_netdev_send,
		.netdev_receive = pkd_netdev_receive,
		.usleep = pkd_usleep,
		.gettimeofday = pkd_gettimeofday,
		.epoll_create = pkd_epoll_create,
		.epoll_ctl = pkd_epoll_ctl,
		.epoll_wait = pkd_epoll_wait,
		.pipe = pkd_pipe,
		.splice = pkd_splice,
	};
	pkd_world = w;
	if (pkd_control_start(w))
		fprintf(stderr, "libvsq-packetdrill: sysctl, ip and tc of scripts reach nobody\n");
}
