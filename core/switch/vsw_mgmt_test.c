/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Consoles: answers are those of vde_switch 2.3.2, byte for byte, but where it was careless; those
 * places are named.
 */
#include "core/mgmt/mgmt.h"
#include "core/switch/vsw_test_impl.h"

#define OK   "1000 Success\n\nvde$ "
#define DATA "0000 DATA END WITH '.'\n"
#define BAD  "1022 Invalid argument\n\nvde$ "
#define NONE "1006 No such device or address\n\nvde$ "

#define IDLE                                                                                       \
	" Current User: NONE Access Control: (User: NONE - Group: NONE)\n"                         \
	" IN:  pkts          0          bytes                    0\n"                              \
	" OUT: pkts          0          bytes                    0\n"

struct console {
	struct bench b;
	struct mgmt *m;
	struct mgmt_session *s;
	char out[65536];
};

static int user_id(void *ctx, const char *name, uint32_t *id)
{
	(void)ctx;
	*id = 0;
	return strcmp(name, "root") == 0 ? 0 : -ENOENT;
}

static void user_name(void *ctx, uint32_t id, char name[VSW_NAME_MAX])
{
	(void)ctx;
	snprintf(name, VSW_NAME_MAX, id == 0 ? "root" : "%u", (unsigned)id);
}

static const char *said(struct console *c)
{
	const char *bytes;
	size_t len = mgmt_session_output(c->s, &bytes);

	assert_true(len < sizeof(c->out));
	memcpy(c->out, bytes, len);
	c->out[len] = '\0';
	mgmt_session_sent(c->s, len);
	return c->out;
}

static const char *ask(struct console *c, const char *line)
{
	mgmt_session_input(c->s, c->b.now, line, strlen(line));
	mgmt_session_input(c->s, c->b.now, "\n", 1);
	return said(c);
}

static void setup(struct console *c)
{
	struct vsw_conf conf = {.user_id = user_id, .group_id = user_id, .user_name = user_name,
				.group_name = user_name, .mac = {0, 0xff, 0x52, 0x98, 0x49, 4}};

	bench_init(&c->b, conf);
	assert_int_equal(mgmt_create(&c->m, &(struct mgmt_conf){.prompt = "vde$ "}, &c->b.arena),
			 0);
	assert_int_equal(vsw_mgmt_add(c->b.sw, c->m), 0);
	assert_int_equal(mgmt_session_open(c->m, &c->s), 0);
	said(c);
}

static void teardown(struct console *c)
{
	vsw_mgmt_remove(c->b.sw);
	assert_string_equal(ask(c, "port/showinfo"), "1038 Function not implemented\n\nvde$ ");
	send_plain(&c->b, 0, 1, 0); /* tells nobody */
	mgmt_destroy(c->m);
	bench_fini(&c->b);
}

static void ports_are_created_and_shown_as_the_original_does(void **state)
{
	static struct console c;

	(void)state;
	setup(&c);
	assert_string_equal(ask(&c, "port/showinfo"),
			    DATA "Numports=32\nHUB=false\ncounters=true\n.\n" OK);
	assert_string_equal(ask(&c, "port/print"), DATA ".\n" OK);
	assert_string_equal(ask(&c, "debug/add port/+"), OK);
	assert_string_equal(ask(&c, "port/create 5"), "3021 port/+ 05\n" OK);
	assert_string_equal(ask(&c, "port/create 5"), "1017 File exists\n\nvde$ ");
	assert_string_equal(ask(&c, "port/create 40"), BAD);
	assert_string_equal(ask(&c, "port/createauto"),
			    "3021 port/+ 01\n" DATA "Port 0001\n.\n" OK);
	assert_string_equal(
		ask(&c, "port/allprint"),
		DATA "Port 0001 untagged_vlan=0000 INACTIVE - NOT Unnamed Allocatable\n" IDLE
		     "Port 0005 untagged_vlan=0000 INACTIVE - NOT Unnamed Allocatable\n" IDLE
		     ".\n" OK);
	assert_string_equal(ask(&c, "port/print 5"), DATA ".\n" NONE);
	assert_string_equal(ask(&c, "port/print 9"), DATA ".\n" NONE);
	assert_string_equal(ask(&c, "port/print 99"), DATA ".\n" BAD);
	assert_string_equal(ask(&c, "port/setuser 5 root"), OK);
	assert_string_equal(ask(&c, "port/setuser 5 nosuch"), BAD);
	assert_string_equal(ask(&c, "port/setuser 5 1000"), OK);
	assert_string_equal(ask(&c, "port/setuser 5"), BAD);
	assert_string_equal(ask(&c, "port/setgroup 5 root"), OK);
	assert_string_equal(ask(&c, "port/allocatable 5 1"), OK);
	assert_string_equal(
		ask(&c, "port/allprint 5"),
		DATA "Port 0005 untagged_vlan=0000 INACTIVE - Unnamed Allocatable\n"
		     " Current User: NONE Access Control: (User: 1000 - Group: root)\n"
		     " IN:  pkts          0          bytes                    0\n"
		     " OUT: pkts          0          bytes                    0\n.\n" OK);
	assert_string_equal(ask(&c, "port/setuser 5 NONE"), OK);
	assert_string_equal(ask(&c, "port/setnumports 4"), "1098 Address already in use\n\nvde$ ");
	assert_string_equal(ask(&c, "port/setnumports 40"), OK);
	assert_string_equal(ask(&c, "port/setnumports 0"), BAD);
	assert_string_equal(ask(&c, "port/sethub 1"), OK);
	assert_string_equal(ask(&c, "port/showinfo"),
			    DATA "Numports=40\nHUB=true\ncounters=true\n.\n" OK);
	assert_string_equal(ask(&c, "port/epclose 5 3"), NONE);
	assert_string_equal(ask(&c, "port/resetcounter"), OK);
	assert_string_equal(ask(&c, "port/resetcounter 99"), BAD);
	assert_string_equal(ask(&c, "port/remove 5"), OK);
	assert_string_equal(ask(&c, "port/remove 5"), NONE);
	assert_string_equal(ask(&c, "port/remove 55"), BAD);
	teardown(&c);
}

static void arguments_are_read_strictly_where_the_original_shrugged(void **state)
{
	static struct console c;
	static const char *const bad[] = {
		"port/create",	     "port/create 0",	 "port/create 5x",    "port/create 5 6",
		"port/sethub 3",     "port/sethub",	 "port/allocatable 5 7", "port/setvlan 5",
		"port/setvlan 5 -1", "port/setvlan 5 99999999999999999999", "hash/setexpire abc",
		"hash/setexpire 0",  "hash/setgcint 0",	 "hash/setsize 0",    "hash/setminper",
		"vlan/create 4095",  "vlan/create 5000", "vlan/create 0",     "vlan/create abc",
		"vlan/create",	     "vlan/remove 4095", "port/mirror 1 2",   "port/mirror 1 2 up",
		"port/setuser 5 4294967295", "port/setnumports 65537", "fstp/setfstp 2",
	};

	(void)state;
	setup(&c);
	ask(&c, "port/create 1");
	ask(&c, "port/create 2");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_string_equal(ask(&c, bad[i]), BAD);
	assert_string_equal(ask(&c, "port/print abc"), DATA ".\n" BAD);
	assert_string_equal(ask(&c, "port/showinfo x"), DATA ".\n" BAD);
	assert_string_equal(ask(&c, "port/resetcounter 9"), NONE);
	assert_string_equal(ask(&c, "fstp/setfstp 1"), "1095 Operation not supported\n\nvde$ ");
	assert_string_equal(ask(&c, "fstp/setfstp 0"), OK);
	assert_string_equal(ask(&c, "fstp/showinfo"),
			    DATA "MAC 00:ff:52:98:49:04 Priority 32768 (0x8000)\nFSTP=false\n"
				 ".\n" OK);
	teardown(&c);
}

static void vlans_are_shown_as_the_original_does(void **state)
{
	static struct console c;

	(void)state;
	setup(&c);
	assert_string_equal(ask(&c, "vlan/print"), DATA "VLAN 0000\n.\n" OK);
	ask(&c, "port/create 5");
	assert_string_equal(ask(&c, "port/setvlan 5 3"), NONE);
	assert_string_equal(ask(&c, "vlan/create 3"), OK);
	assert_string_equal(ask(&c, "vlan/create 3"), "1017 File exists\n\nvde$ ");
	assert_string_equal(ask(&c, "port/setvlan 5 3"), OK);
	plug(&c.b, 1);
	assert_string_equal(ask(&c, "vlan/addport 0 5"), OK);
	assert_string_equal(ask(&c, "vlan/addport 3 1"), OK);
	assert_string_equal(ask(&c, "vlan/allprint"),
			    DATA "VLAN 0000\n"
				 " -- Port 0001 tagged=0 active=1 status=Forwarding\n"
				 " -- Port 0005 tagged=1 active=0 status=Learning\n"
				 "VLAN 0003\n"
				 " -- Port 0001 tagged=1 active=1 status=Forwarding\n"
				 " -- Port 0005 tagged=0 active=0 status=Learning\n.\n" OK);
	assert_string_equal(ask(&c, "vlan/print 3"),
			    DATA "VLAN 0003\n"
				 " -- Port 0001 tagged=1 active=1 status=Forwarding\n.\n" OK);
	assert_string_equal(ask(&c, "vlan/print 9"), DATA ".\n" NONE);
	assert_string_equal(ask(&c, "vlan/print -j 0"),
			    DATA "{\"vlans\":[{\"vlan\":0,\"ports\":[{\"port\":1,\"tagged\":false,"
				 "\"active\":true,\"status\":\"Forwarding\"}]}]}\n.\n" OK);
	vsw_set_state(c.b.sw, 3, 1, VSW_BLOCKING);
	assert_string_equal(ask(&c, "vlan/print 3"),
			    DATA "VLAN 0003\n"
				 " -- Port 0001 tagged=1 active=1 status=Discarding\n.\n" OK);
	vsw_set_state(c.b.sw, 3, 1, VSW_LEARNING);
	assert_string_equal(ask(&c, "vlan/print 3"),
			    DATA "VLAN 0003\n"
				 " -- Port 0001 tagged=1 active=1 status=Learning\n.\n" OK);
	assert_string_equal(ask(&c, "vlan/remove 3"), "1098 Address already in use\n\nvde$ ");
	assert_string_equal(ask(&c, "vlan/delport 3 1"), OK);
	assert_string_equal(ask(&c, "port/setvlan 5 4095"), OK);
	assert_string_equal(ask(&c, "vlan/remove 3"), OK);
	assert_string_equal(ask(&c, "vlan/remove 77"), NONE);
	teardown(&c);
}

static void endpoints_and_counters_are_shown_as_the_original_does(void **state)
{
	static struct console c;
	struct vsw_guest guest = {.any = true, .user = 0, .module = "unix prog",
				  .descr = "vdeplug: user=root pid=24837"};

	(void)state;
	setup(&c);
	assert_string_equal(ask(&c, "debug/add port"), OK);
	assert_int_equal(vsw_attach(c.b.sw, 0, &guest), 0);
	assert_string_equal(said(&c), "3021 port/+ 01\n3031 port/ep/+ Port 01 FD  0\n"
				      "3023 port/descr Port 01 FD  0 -> \"vdeplug: user=root "
				      "pid=24837\"\n");
	plug(&c.b, 2);
	said(&c);
	send_plain(&c.b, 0, 1, 0);
	assert_string_equal(
		ask(&c, "port/print 1"),
		DATA "Port 0001 untagged_vlan=0000 ACTIVE - Unnamed Allocatable\n"
		     " Current User: root Access Control: (User: NONE - Group: NONE)\n"
		     " IN:  pkts          1          bytes                   60\n"
		     " OUT: pkts          0          bytes                    0\n"
		     "  -- endpoint ID 0000 module unix prog   : vdeplug: user=root pid=24837\n"
		     ".\n" OK);
	assert_string_equal(ask(&c, "port/mirror 1 2 both"), OK);
	assert_string_equal(
		ask(&c, "port/print -j 1"),
		DATA "{\"ports\":[{\"port\":1,\"untagged_vlan\":0,\"active\":true,"
		     "\"allocatable\":true,\"current_user\":\"root\",\"user\":\"NONE\","
		     "\"group\":\"NONE\",\"mirror_in\":2,\"mirror_out\":2,\"rx_frames\":1,"
		     "\"rx_bytes\":60,\"tx_frames\":0,\"tx_bytes\":0,\"rx_drops\":0,"
		     "\"tx_drops\":0,\"endpoints\":[{\"id\":0,\"module\":\"unix prog\","
		     "\"descr\":\"vdeplug: user=root pid=24837\"}]}]}\n.\n" OK);
	assert_string_equal(ask(&c, "port/resetcounter 1"), OK);
	assert_int_equal(c.b.sw->ports[1].counters[VSW_PORT_RX_FRAMES], 0);
	assert_int_equal(c.b.sw->ports[2].counters[VSW_PORT_TX_FRAMES], 1);
	assert_string_equal(ask(&c, "port/epclose 1 1"), NONE);
	assert_string_equal(ask(&c, "port/remove 1"), "1098 Address already in use\n\nvde$ ");
	assert_string_equal(ask(&c, "port/epclose 1 0"),
			    "3032 port/ep/- Port 01 FD  0\n3022 port/- 01\n" OK);
	assert_string_equal(ask(&c, "port/remove 1"), OK);
	assert_non_null(strstr(ask(&c, "port/counters"),
			       "\nforwarded                               1\n"));
	teardown(&c);
}

static void the_hash_menu_answers_as_the_original_does(void **state)
{
	static struct console c;

	(void)state;
	setup(&c);
	assert_string_equal(ask(&c, "hash/showinfo"),
			    DATA "Hash size 128\nGC interval 2 secs\nGC expire 100 secs\n"
				 "Min persistence 3 secs\n.\n" OK);
	assert_string_equal(ask(&c, "hash/setsize 5000"), OK);
	assert_string_equal(ask(&c, "hash/setgcint 3"), OK);
	assert_string_equal(ask(&c, "hash/setexpire 7"), OK);
	assert_string_equal(ask(&c, "hash/setminper 0"), OK);
	assert_string_equal(ask(&c, "hash/showinfo"),
			    DATA "Hash size 8192\nGC interval 3 secs\nGC expire 7 secs\n"
				 "Min persistence 0 secs\n.\n" OK);
	assert_string_equal(ask(&c, "hash/print"), DATA ".\n" OK);
	ask(&c, "debug/add hash");
	plug(&c.b, 1);
	plug(&c.b, 2);
	vsw_vlan_create(c.b.sw, 300);
	vsw_vlan_add_port(c.b.sw, 300, 2);
	send_plain(&c.b, 0, 1, 0);
	send_tagged(&c.b, 1, 2, 0, 300);
	assert_string_equal(said(&c), "3011 hash/+ 02:00:00:00:00:01 VLAN 00:00 Port 1\n"
				      "3011 hash/+ 02:00:00:00:00:02 VLAN 01:2c Port 2\n");
	c.b.now = 2 * VS_SEC + VS_SEC / 2;
	ask(&c, "hash/find 2:0:0:0:0:1");
	assert_non_null(strstr(c.out, " Addr: 02:00:00:00:00:01 VLAN 0000 to port: 001  age 2 "
				      "secs\n.\n" OK));
	ask(&c, "hash/find 02-00-00-00-00-02 300");
	assert_non_null(strstr(c.out, " Addr: 02:00:00:00:00:02 VLAN 0300 to port: 002  age 2 "
				      "secs\n"));
	assert_string_equal(ask(&c, "hash/find -j 2:0:0:0:0:2 300"),
			    DATA "{\"stations\":[{\"addr\":\"02:00:00:00:00:02\",\"vlan\":300,"
				 "\"port\":2,\"age\":2.5}]}\n.\n" OK);
	assert_string_equal(ask(&c, "hash/find 00:11:22:33:44:55"),
			    DATA ".\n1019 No such device\n\nvde$ ");
	assert_string_equal(ask(&c, "hash/find 00:11:22:33:44"), DATA ".\n" BAD);
	assert_string_equal(ask(&c, "hash/find zz"), DATA ".\n" BAD);
	assert_string_equal(ask(&c, "hash/find"), DATA ".\n" BAD);
	c.b.now = 9 * VS_SEC;
	vsw_run(c.b.sw, c.b.now);
	assert_string_equal(said(&c), "3012 hash/- 02:00:00:00:00:02 VLAN 01:2c Port 2\n"
				      "3012 hash/- 02:00:00:00:00:01 VLAN 00:00 Port 1\n");
	teardown(&c);
}

static void packets_are_printed_for_who_asks(void **state)
{
	static struct console c;

	(void)state;
	setup(&c);
	plug(&c.b, 1);
	plug(&c.b, 2);
	ask(&c, "debug/add packet");
	send_plain(&c.b, 0, 1, 0);
	said(&c);
	assert_memory_equal(c.out, "3051 packet/in Port 01 FD  0 02:00:00:00:00:01 > ", 49);
	assert_non_null(strstr(c.out, "\n3052 packet/out Port 02 FD  1 02:00:00:00:00:01 > "));
	teardown(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ports_are_created_and_shown_as_the_original_does),
		cmocka_unit_test(arguments_are_read_strictly_where_the_original_shrugged),
		cmocka_unit_test(vlans_are_shown_as_the_original_does),
		cmocka_unit_test(endpoints_and_counters_are_shown_as_the_original_does),
		cmocka_unit_test(the_hash_menu_answers_as_the_original_does),
		cmocka_unit_test(packets_are_printed_for_who_asks),
	};

	return cmocka_run_group_tests_name("vsw_mgmt", tests, NULL, NULL);
}
