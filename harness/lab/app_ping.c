/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ping: ICMP echo of either family. A request carries its number and its time, so answers need no
 * table of what was asked.
 */
#include <errno.h>
#include <string.h>

#include "core/wire/icmp.h"
#include "harness/lab/app.h"

#define STAMP_LEN 16
#define SIZE_MAX_PING 65000
#define PATIENCE (10 * VS_SEC) /* for the answer to the last request */

static int check(struct lab_app *app)
{
	if (app->p.size < STAMP_LEN || app->p.size > SIZE_MAX_PING)
		return lab_fail(app->lab, -EINVAL, "ping: size=%llu: it must be %d to %d",
				(unsigned long long)app->p.size, STAMP_LEN, SIZE_MAX_PING);
	if (app->p.interval <= 0)
		return lab_fail(app->lab, -EINVAL, "ping: interval=0: it must be more");
	return 0;
}

static void request(struct lab_app *app, vs_time now)
{
	struct vsq_lab *lab = app->lab;
	struct stk_addr to = {.addr = app->address};
	struct wire_icmp icmp = {
		.type = app->family == 4 ? WIRE_ICMP4_ECHO : WIRE_ICMP6_ECHO,
		.seq = (uint16_t)app->sent,
	};
	size_t head = wire_icmp_emit(lab->scratch, &icmp);
	ptrdiff_t sent;

	memcpy(lab->scratch + head, lab_pattern(lab, 0), app->p.size);
	memcpy(lab->scratch + head, &app->sent, 8);
	memcpy(lab->scratch + head + 8, &now, 8);
	sent = stk_send(app->from->stk, now, app->client, lab->scratch, head + app->p.size, 0, &to);
	app->sent++;
	if (sent < 0)
		app->errors++;
}

static void tick(struct lab_app *app, vs_time now)
{
	if (app->stopping || (app->p.count && app->sent == app->p.count)) {
		lab_app_done(app, now);
		return;
	}
	request(app, now);
	if (app->p.count && app->sent == app->p.count)
		lab_app_tick_at(app, now + PATIENCE);
	else
		lab_app_tick_at(app, vs_time_add(now, app->p.interval));
}

static void start(struct lab_app *app, vs_time now)
{
	app->client = lab_app_socket(app, now, app->from, STK_PING, LAB_CLIENT);
	if (app->client >= 0)
		tick(app, now);
}

static void answered(struct lab_app *app, vs_time now, const uint8_t *bytes, size_t len)
{
	uint64_t number;
	vs_time asked;

	if (len != WIRE_ICMP_LEN + app->p.size) {
		app->corrupted++;
		return;
	}
	memcpy(&number, bytes + WIRE_ICMP_LEN, 8);
	memcpy(&asked, bytes + WIRE_ICMP_LEN + 8, 8);
	if (number >= app->sent || asked > now ||
	    memcmp(bytes + WIRE_ICMP_LEN + STAMP_LEN, lab_pattern(app->lab, STAMP_LEN),
		   len - WIRE_ICMP_LEN - STAMP_LEN)) {
		app->corrupted++;
		return;
	}
	if (lab_app_arrived(app, number))
		lab_app_rtt(app, now, now - asked);
	if (app->p.count && app->received == app->p.count)
		lab_app_done(app, now);
}

static void event(struct lab_app *app, vs_time now, int fd, enum lab_role role, unsigned readiness)
{
	struct vsq_lab *lab = app->lab;
	int64_t error;
	ptrdiff_t got;

	(void)role;
	if ((readiness & STK_ERR) && !stk_option_get(app->from->stk, fd, STK_SO_ERROR, &error) &&
	    error)
		app->errors++;
	while ((got = stk_recv(app->from->stk, now, fd, lab->scratch, LAB_SCRATCH, 0, NULL)) > 0)
		answered(app, now, lab->scratch, (size_t)got);
}

static void stop(struct lab_app *app, vs_time now)
{
	lab_app_tick_at(app, now + PATIENCE);
}

static const char *const keys[] = {"count", "interval", "size", NULL};

const struct lab_app_kind lab_app_ping = {
	.name = "ping",
	.keys = keys,
	.to_anyone = true,
	.defaults = {.interval = VS_SEC, .size = 56},
	.tells = LAB_TELLS_MESSAGES | LAB_TELLS_RTT,
	.check = check,
	.start = start,
	.tick = tick,
	.stop = stop,
	.event = event,
};
