/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a frame costs in the switch alone: nanoseconds of one core for each frame that enters, with
 * all its copies pulled and put. Prints a table; it decides nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/arena.h"
#include "core/mgmt/mgmt.h"
#include "core/switch/switch.h"

static void *get(size_t size)
{
	return calloc(1, size);
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void check(int error, const char *what)
{
	if (error < 0) {
		fprintf(stderr, "%s: error %d\n", what, -error);
		exit(1);
	}
}

/* Ports from 1 to count; stations on them in turn; the even ports tagged in VLAN 5 if asked. */
static void measure(const char *name, unsigned count, unsigned stations, int flood, int tagged)
{
	struct vsw_conf conf = {.ports = count + 1, .hash_size = 2048};
	struct vs_arena arena;
	struct vs_pool *pool;
	struct vsw *sw;
	struct mgmt *m;
	unsigned long frames = 3000000 / (flood ? count : 1), copies = 0;
	double begin, best = 1e18;

	vs_arena_init(&arena, get, free, 0);
	check(vs_pool_create(&pool, &(struct vs_pool_conf){0}, &arena), "pool");
	check(vsw_create(&sw, &conf, &arena), "switch");
	check(mgmt_create(&m, &(struct mgmt_conf){0}, &arena), "console");
	check(vsw_mgmt_add(sw, m), "console");
	check(vsw_vlan_create(sw, 5), "vlan");
	for (unsigned i = 1; i <= count; i++) {
		check(vsw_attach(sw, 0, &(struct vsw_guest){.port = (int)i}), "port");
		if (tagged)
			check(i % 2 ? vsw_port_set_vlan(sw, 0, i, 5) : vsw_vlan_add_port(sw, 5, i),
			      "member");
	}
	for (int round = 0; round < 5; round++) {
		begin = now_ns();
		for (unsigned long i = 0; i < frames; i++) {
			unsigned from = (unsigned)(i % stations), to = (from + 1) % stations;
			uint8_t bytes[60] = {2, 0, 0, 0, (uint8_t)(to >> 8), (uint8_t)to,
					     2, 0, 0, 0, (uint8_t)(from >> 8), (uint8_t)from};
			struct vs_frame *f;
			int endpoint;

			if (flood)
				memset(bytes, 0xff, 6);
			/* Stations sit on ports in turn; even ports send with their tag. */
			if (tagged && from % count % 2)
				memcpy(bytes + 12, "\x81\x00\x00\x05", 4);
			f = vs_frame_from(pool, bytes, sizeof(bytes));
			vsw_input(sw, (vs_time)i, (int)(from % count), f);
			while ((f = vsw_output(sw, &endpoint))) {
				vs_frame_put(f);
				copies++;
			}
		}
		begin = (now_ns() - begin) / (double)frames;
		best = begin < best ? begin : best;
	}
	printf("%-40s %8.1f ns/frame %8.1f copies/frame\n", name, best,
	       (double)copies / (double)frames / 5);
	vsw_destroy(sw);
	vs_arena_fini(&arena);
}

int main(void)
{
	measure("unicast, 2 ports", 2, 2, 0, 0);
	measure("unicast, 8 ports, 1000 stations", 8, 1000, 0, 0);
	measure("unicast, 8 ports, 50000 stations", 8, 50000, 0, 0);
	measure("unicast, tag put in and taken out", 2, 2, 0, 1);
	measure("flood, 8 ports", 8, 8, 1, 0);
	measure("flood, 8 ports, half of them tagged", 8, 8, 1, 1);
	measure("flood, 100 ports", 100, 100, 1, 0);
	measure("flood, 4000 ports", 4000, 4000, 1, 0);
	return 0;
}
