/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/link/link_impl.h"
#include "core/link/link_test.h"

struct watch {
	int node;
	vs_time since;
	uint64_t ticks[4];    /* spent in each node */
	uint64_t moves[4][4]; /* from, to */
	vs_time period;
	uint64_t hash;
	unsigned changes;
};

static void watch_value(void *ctx, vs_time now, int port, const char *name, int64_t value)
{
	struct watch *w = ctx;

	if (strcmp(name, "markov.node"))
		return;
	assert_int_equal(port, -1);
	assert_int_equal(now % w->period, 0);
	w->ticks[w->node] += (uint64_t)((now - w->since) / w->period);
	w->moves[w->node][value]++;
	w->since = now;
	w->node = (int)value;
	w->hash = (w->hash ^ (uint64_t)now ^ (uint64_t)value) * 1099511628211u;
	w->changes++;
}

static void three_nodes(struct world *w)
{
	world_set(w, 0, "markov-numnodes", "3");
	world_set(w, 0, "markov-time", "1");
	world_set(w, 0, "markov-setedge", "0,1,2");
	world_set(w, 0, "markov-setedge", "0,2,0.5");
	world_set(w, 0, "markov-setedge", "1,0,40");
	world_set(w, 0, "markov-setedge", "1,2,60");
	world_set(w, 0, "markov-setedge", "2 0 10");
}

/* Leaving a node is a Bernoulli trial each period: given the time spent in a node, each kind of
 * move is binomial.
 */
static void moves_come_as_often_as_the_weights_say(void **state)
{
	static const double weight[3][3] = {{0, 2, 0.5}, {40, 0, 60}, {10, 0, 0}};
	struct watch watch = {.period = VS_MSEC};
	struct vs_trace trace = {.ctx = &watch, .value = watch_value};
	struct world w;

	(void)state;
	world_open_traced(&w, 11, &trace);
	three_nodes(&w);
	while (link_poll_at(w.link) <= 1000000 * VS_MSEC)
		link_run(w.link, link_poll_at(w.link));
	for (int from = 0; from < 3; from++)
		for (int to = 0; to < 3; to++) {
			double p = weight[from][to] / 100, n = (double)watch.ticks[from];
			double off = (double)watch.moves[from][to] - n * p;

			if (from == to)
				continue;
			if (off * off > 9 * n * p * (1 - p))
				fail_msg("%d -> %d: %g instead of %g", from, to,
					 (double)watch.moves[from][to], n * p);
		}
	/* The balance of the chain: 0.60 of node 0's share enters node 1, and so on. */
	assert_in_range(watch.ticks[0] / 1000, 830, 870);
	world_close(&w);
}

static void who_only_looks_sees_the_same_chain_as_who_watches(void **state)
{
	struct watch watch = {.period = VS_MSEC};
	struct vs_trace trace = {.ctx = &watch, .value = watch_value};
	struct world watched, idle;

	(void)state;
	world_open_traced(&watched, 5, &trace);
	world_open(&idle, 5);
	three_nodes(&watched);
	three_nodes(&idle);
	assert_int_equal(link_poll_at(idle.link), VS_NEVER);
	for (int i = 1; i < 500; i++) {
		vs_time now = i * 97 * VS_USEC * 100;

		while (link_poll_at(watched.link) <= now)
			link_run(watched.link, link_poll_at(watched.link));
		link_run(watched.link, now);
		link_run(idle.link, now);
		assert_int_equal(link_node(idle.link), link_node(watched.link));
		assert_int_equal(link_node(idle.link), watch.node);
	}
	assert_true(watch.changes > 100);
	world_close(&watched);
	world_close(&idle);
}

static void a_late_run_traces_each_change_at_its_own_time(void **state)
{
	struct watch watch[2] = {{.period = VS_MSEC}, {.period = VS_MSEC}};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct vs_trace trace = {.ctx = &watch[i], .value = watch_value};
		struct world w;

		world_open_traced(&w, 5, &trace);
		three_nodes(&w);
		if (i)
			while (link_poll_at(w.link) <= VS_SEC)
				link_run(w.link, link_poll_at(w.link));
		link_run(w.link, VS_SEC);
		world_close(&w);
	}
	assert_true(watch[0].changes > 0);
	assert_int_equal(watch[0].hash, watch[1].hash);
}

static void a_period_of_a_nanosecond_costs_only_its_changes(void **state)
{
	struct watch watch = {.period = 1};
	struct vs_trace trace = {.ctx = &watch, .value = watch_value};
	struct world w;

	(void)state;
	world_open_traced(&w, 9, &trace);
	world_set(&w, 0, "markov-numnodes", "2");
	world_set(&w, 0, "markov-time", "1ns");
	world_set(&w, 0, "markov-setedge", "0,1,0.000001");
	world_set(&w, 0, "markov-setedge", "1,0,0.000001");
	link_run(w.link, 100 * VS_SEC); /* 10^11 periods, a thousand changes */
	assert_in_range(watch.changes, 900, 1100);
	world_close(&w);
}

static void settings_follow_the_node(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, 1);
	world_set(&w, 0, "markov-numnodes", "5");
	world_set(&w, 0, "delay", "100[4]");
	world_set(&w, 0, "loss", "RL 100[4]");
	world_set(&w, 0, "delay", "LR 7[*]");
	world_set(&w, 0, "delay", "LR 9");
	for (int node = 0; node < 5; node++) {
		char text[8] = {(char)('0' + node)};

		world_set(&w, node * VS_SEC, "markov-setnode", text);
		world_send(&w, node * VS_SEC, LINK_LEFT, 60);
		assert_int_equal(world_next(&w, VS_NEVER, NULL, NULL),
				 node * VS_SEC + (node ? 7 : 9) * VS_MSEC);
	}
	world_send(&w, 5 * VS_SEC, LINK_RIGHT, 60);
	assert_int_equal(world_count(&w, 1, "drop_loss"), 1);
	world_close(&w);
}

static void resizing_keeps_the_rules_of_the_book(void **state)
{
	struct world w;
	const char *why;

	(void)state;
	world_open(&w, 1);
	three_nodes(&w);
	world_set(&w, 0, "markov-name", "1,fade");
	world_set(&w, 0, "markov-time", "1s");
	world_set(&w, 0, "markov-setnode", "1");
	/* New nodes have no edges and nobody leads to them. */
	world_set(&w, 0, "markov-numnodes", "4");
	assert_string_equal(link_node_name(w.link, 1), "fade");
	assert_string_equal(link_node_name(w.link, 3), "");
	assert_null(link_node_name(w.link, 4));
	assert_int_equal(link_chain_leaving(w.link, 3), 0);
	for (int from = 0; from < 4; from++)
		assert_int_equal(*link_weight(w.link, from, 3), 0);
	assert_int_equal(link_node(w.link), 1);
	/* Weights towards a node that goes fall to the loopback. */
	world_set(&w, 0, "markov-numnodes", "2");
	assert_int_equal(link_chain_leaving(w.link, 0), 2 * LINK_MICRO);
	assert_int_equal(link_chain_leaving(w.link, 1), 40 * LINK_MICRO);
	assert_int_equal(link_node(w.link), 1);
	/* When the current node goes, node 0 follows; and it does not come back. */
	world_set(&w, 0, "markov-numnodes", "1");
	assert_int_equal(link_node(w.link), 0);
	world_set(&w, 0, "markov-numnodes", "2");
	assert_int_equal(link_chain_leaving(w.link, 0), 0);
	assert_string_equal(link_node_name(w.link, 1), "");
	/* Never more than certainty. */
	world_set(&w, 0, "markov-numnodes", "3");
	world_set(&w, 0, "markov-setedge", "0,1,60");
	assert_int_equal(link_set(w.link, 0, "markov-setedge", "0,2,40.000001", &why), -EINVAL);
	assert_non_null(strstr(why, "40 are left"));
	world_set(&w, 0, "markov-setedge", "0,2,40");
	world_set(&w, 0, "markov-setedge", "0,1,0");
	assert_int_equal(link_set(w.link, 0, "markov-setedge", "0,0,10", &why), -EINVAL);
	world_close(&w);
}

static void a_certain_edge_is_taken_at_every_tick(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, 1);
	world_set(&w, 0, "markov-numnodes", "2");
	world_set(&w, 0, "markov-time", "10");
	world_set(&w, 0, "markov-setedge", "0,1,100");
	world_set(&w, 0, "markov-setedge", "1,0,100");
	for (int i = 0; i < 50; i++) {
		link_run(w.link, i * 10 * VS_MSEC);
		assert_int_equal(link_node(w.link), i % 2);
		link_run(w.link, i * 10 * VS_MSEC + 10 * VS_MSEC - 1);
		assert_int_equal(link_node(w.link), i % 2);
	}
	world_close(&w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(moves_come_as_often_as_the_weights_say),
		cmocka_unit_test(who_only_looks_sees_the_same_chain_as_who_watches),
		cmocka_unit_test(a_late_run_traces_each_change_at_its_own_time),
		cmocka_unit_test(a_period_of_a_nanosecond_costs_only_its_changes),
		cmocka_unit_test(settings_follow_the_node),
		cmocka_unit_test(resizing_keeps_the_rules_of_the_book),
		cmocka_unit_test(a_certain_edge_is_taken_at_every_tick),
	};

	return cmocka_run_group_tests_name("link markov", tests, NULL, NULL);
}
