/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* udp-cbr: datagrams at a constant bit rate. Each carries its number and its time, so the receiver
 * tells loss, order, copies and the delay of one way.
 */
#include <errno.h>
#include <string.h>

#include "harness/lab/app.h"

#define STAMP_LEN    16
#define SIZE_MAX_UDP 65000
#define PATIENCE     VS_SEC /* for the last datagram */

static int check(struct lab_app *app)
{
	struct lab_app_params *p = &app->p;

	if (p->size < STAMP_LEN || p->size > SIZE_MAX_UDP)
		return lab_fail(app->lab, -EINVAL, "udp-cbr: size=%llu: it must be %d to %d",
				(unsigned long long)p->size, STAMP_LEN, SIZE_MAX_UDP);
	if (!p->interval) {
		if (!p->rate)
			return lab_fail(app->lab, -EINVAL, "udp-cbr: rate=0: it must be more");
		p->interval = (vs_time)(p->size * 8 * (uint64_t)VS_SEC / p->rate);
	}
	if (p->interval <= 0)
		return lab_fail(app->lab, -EINVAL, "udp-cbr: more than a datagram each ns");
	if (p->bytes) {
		uint64_t count = (p->bytes + p->size - 1) / p->size;

		if (!p->count || count < p->count)
			p->count = count;
	}
	return 0;
}

static void tick(struct lab_app *app, vs_time now)
{
	struct vsq_lab *lab = app->lab;
	struct stk_addr to = lab_app_server_address(app);
	ptrdiff_t sent;

	if (app->stopping || (app->p.count && app->sent == app->p.count)) {
		lab_app_done(app, now);
		return;
	}
	memcpy(lab->scratch, lab_pattern(lab, 0), app->p.size);
	memcpy(lab->scratch, &app->sent, 8);
	memcpy(lab->scratch + 8, &now, 8);
	sent = stk_send(app->from->stk, now, app->client, lab->scratch, app->p.size, 0, &to);
	app->sent++;
	app->bytes_sent += app->p.size;
	if (sent < 0)
		app->errors++;
	if (app->p.count && app->sent == app->p.count)
		lab_app_tick_at(app, now + PATIENCE);
	else
		lab_app_tick_at(app, vs_time_add(now, app->p.interval));
}

static void start(struct lab_app *app, vs_time now)
{
	struct stk_addr at = lab_app_server_address(app);
	int err;

	app->server = lab_app_socket(app, now, app->to, STK_DGRAM, LAB_SERVER);
	if (app->server < 0)
		return;
	err = stk_bind(app->to->stk, app->server, &at);
	if (err) {
		lab_app_fail(app, now, "%s: UDP port %u: %s", app->to->name, at.port,
			     strerror(-err));
		return;
	}
	app->client = lab_app_socket(app, now, app->from, STK_DGRAM, LAB_CLIENT);
	if (app->client >= 0)
		tick(app, now);
}

static void received(struct lab_app *app, vs_time now, const uint8_t *bytes, size_t len)
{
	uint64_t number;
	vs_time sent;

	if (len == app->p.size) {
		memcpy(&number, bytes, 8);
		memcpy(&sent, bytes + 8, 8);
	}
	if (len != app->p.size || number >= app->sent || sent > now ||
	    memcmp(bytes + STAMP_LEN, lab_pattern(app->lab, STAMP_LEN), len - STAMP_LEN)) {
		app->corrupted++;
		return;
	}
	if (!lab_app_arrived(app, number))
		return;
	app->bytes_received += len;
	lab_bins_add(&app->goodput, now, (double)len * 8);
	lab_app_rtt(app, now, now - sent);
	if (app->p.count && app->received == app->p.count)
		lab_app_done(app, now);
}

static void event(struct lab_app *app, vs_time now, int fd, enum lab_role role, unsigned readiness)
{
	struct lab_node *node = role == LAB_SERVER ? app->to : app->from;
	struct vsq_lab *lab = app->lab;
	int64_t error;
	ptrdiff_t got;

	if ((readiness & STK_ERR) && !stk_option_get(node->stk, fd, STK_SO_ERROR, &error) && error)
		app->errors++;
	if (role != LAB_SERVER)
		return;
	while ((got = stk_recv(node->stk, now, fd, lab->scratch, LAB_SCRATCH, 0, NULL)) > 0)
		received(app, now, lab->scratch, (size_t)got);
}

static void stop(struct lab_app *app, vs_time now)
{
	lab_app_tick_at(app, now + PATIENCE);
}

static const char *const keys[] = {"rate", "interval", "size", "count", "bytes", "port", NULL};

const struct lab_app_kind lab_app_udp_cbr = {
	.name = "udp-cbr",
	.keys = keys,
	.defaults = {.rate = 1000000, .size = 1000},
	.tells = LAB_TELLS_MESSAGES | LAB_TELLS_BYTES | LAB_TELLS_DELAY,
	.check = check,
	.start = start,
	.tick = tick,
	.stop = stop,
	.event = event,
};
