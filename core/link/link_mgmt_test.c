/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/base/text.h"
#include "core/link/link_test.h"
#include "core/mgmt/mgmt.h"

struct console {
	struct world w;
	struct mgmt *mgmt;
	char bytes[8192];
	struct vs_text text;
};

static void console_open(struct console *c)
{
	world_open(&c->w, 1);
	assert_int_equal(mgmt_create(&c->mgmt, &(struct mgmt_conf){.prompt = "$ "}, &c->w.arena),
			 0);
	assert_int_equal(link_mgmt_add(c->w.link, c->mgmt), 0);
}

static void console_close(struct console *c)
{
	mgmt_destroy(c->mgmt);
	world_close(&c->w);
}

static int run(struct console *c, vs_time now, const char *line)
{
	vs_text_init(&c->text, c->bytes, sizeof(c->bytes));
	return mgmt_run(c->mgmt, now, line, &c->text);
}

static void showinfo_has_the_words_of_the_original(void **state)
{
	struct console c;

	(void)state;
	console_open(&c);
	assert_int_equal(run(&c, 0, "loss LR 20"), 0);
	assert_int_equal(run(&c, 0, "loss RL 10+2N"), 0);
	assert_int_equal(run(&c, 0, "bandwidth 128M"), 0);
	assert_int_equal(run(&c, 0, "mtu RL 1500"), 0);
	assert_int_equal(run(&c, 0, "showinfo"), 0);
	assert_string_equal(c.bytes, "WireFilter: bidirectional\n"
				     "Loss   L->R 20+0U   R->L 10+2N\n"
				     "Lburst L->R 0+0U   R->L 0+0U\n"
				     "Delay  L->R 0+0U   R->L 0+0U\n"
				     "Dup    L->R 0+0U   R->L 0+0U\n"
				     "Bandw  L->R 1.34218e+08+0U   R->L 1.34218e+08+0U\n"
				     "Speed  L->R 0+0U   R->L 0+0U\n"
				     "Noise  L->R 0+0U   R->L 0+0U\n"
				     "MTU    L->R 0     R->L 1500   \n"
				     "Cap.   L->R 0+0U   R->L 0+0U\n"
				     "Current Delay Queue size:   L->R 0      R->L 0   \n"
				     "Fifoness TRUE\n"
				     "Waiting packets in delay queues 0\n");
	console_close(&c);
}

static void edges_and_nodes_are_shown_as_the_original_does(void **state)
{
	struct console c;

	(void)state;
	console_open(&c);
	assert_int_equal(run(&c, 0, "markov-numnodes 3"), 0);
	assert_int_equal(run(&c, 0, "markov-name 1,deep fade"), 0);
	assert_int_equal(run(&c, 0, "setedge 0,1,2.5"), 0);
	assert_int_equal(run(&c, 0, "showedges 0"), 0);
	assert_string_equal(c.bytes, "Edge 0 ->0  \"\"->\"\" weigth 97.5\n"
				     "Edge 0 ->1  \"\"->\"deep fade\" weigth 2.5\n");
	assert_int_equal(run(&c, 0, "markov-setnode 1"), 0);
	assert_int_equal(run(&c, 0, "showcurrent"), 0);
	assert_string_equal(c.bytes, "Current Markov Node 1 \"deep fade\" (0,..,2)\n");
	assert_int_equal(run(&c, 0, "showinfo 3"), EINVAL);
	console_close(&c);
}

static void errors_say_what_was_found(void **state)
{
	struct console c;

	(void)state;
	console_open(&c);
	assert_int_equal(run(&c, 0, "delay 5[1]"), EINVAL);
	assert_non_null(strstr(c.bytes, "names node 1, but the nodes are 0 to 0"));
	console_close(&c);
}

static void json_tells_the_same_facts(void **state)
{
	struct console c;

	(void)state;
	console_open(&c);
	run(&c, 0, "delay LR 1.5+0.25N");
	assert_int_equal(run(&c, 0, "showinfo -j"), 0);
	assert_non_null(strstr(c.bytes, "\"delay\":{\"LR\":{\"value\":1.5,\"spread\":0.25,"
					"\"distribution\":\"N\"}"));
	assert_int_equal(run(&c, 0, "showcounters -j"), 0);
	assert_non_null(strstr(c.bytes, "\"drop_loss\":0"));
	console_close(&c);
}

static void a_listener_is_told_of_changes_and_keeps_the_clock_awake(void **state)
{
	struct mgmt_session *s;
	struct console c;
	const char *out;
	size_t len;

	(void)state;
	console_open(&c);
	assert_int_equal(mgmt_session_open(c.mgmt, &s), 0);
	run(&c, 0, "markov-numnodes 2");
	run(&c, 0, "setedge 0,1,100");
	run(&c, 0, "setedge 1,0,100");
	assert_int_equal(link_poll_at(c.w.link), VS_NEVER);
	mgmt_session_input(s, 0, "markov-debug 1\n", 15);
	mgmt_session_sent(s, mgmt_session_output(s, &out));
	assert_int_equal(link_poll_at(c.w.link), 100 * VS_MSEC);
	link_run(c.w.link, 200 * VS_MSEC);
	len = mgmt_session_output(s, &out);
	assert_int_equal(len, 46);
	assert_memory_equal(out, "3801 Node 0 \"\" -> 1 \"\"\n3800 Node 1 \"\" -> 0 \"\"\n", 46);
	mgmt_session_sent(s, len);
	mgmt_session_input(s, 0, "markov-debug\n", 13);
	assert_int_equal(link_poll_at(c.w.link), VS_NEVER);
	mgmt_session_close(s);
	console_close(&c);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(showinfo_has_the_words_of_the_original),
		cmocka_unit_test(edges_and_nodes_are_shown_as_the_original_does),
		cmocka_unit_test(errors_say_what_was_found),
		cmocka_unit_test(json_tells_the_same_facts),
		cmocka_unit_test(a_listener_is_told_of_changes_and_keeps_the_clock_awake),
	};

	return cmocka_run_group_tests_name("link management", tests, NULL, NULL);
}
