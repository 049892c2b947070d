/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The dialogues are those of vde_switch 2.3.2, byte for byte, where it has the command. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/text.h"
#include "core/host/memory.h"
#include "core/mgmt/mgmt_impl.h"

#define GREETING "VDE switch V.2.3.2\n(C) Virtual Square Team\n\n"
#define PROMPT	 "\nvde$ "
#define DATA	 "0000 DATA END WITH '.'\n"
#define OK	 "1000 Success\n"
#define HEAD                                                                                       \
	"COMMAND PATH       SYNTAX          HELP\n"                                                \
	"------------       --------------  ------------\n"

struct fixture {
	struct vs_arena arena;
	struct mgmt *m;
	struct mgmt_session *s;
	const char *script;
	char out[1 << 20];
};

static int run_info(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	(void)owner, (void)args;
	mgmt_line(r, "Numports=%d", 32);
	mgmt_line(r, "HUB=false");
	mgmt_json_int(r, "numports", 32);
	mgmt_json_bool(r, "hub", false);
	mgmt_json_text(r, "now", now == 7 ? "seven \"\n\x01\xff" : "else");
	mgmt_json_open(r, "list", '[');
	mgmt_json_int(r, NULL, -1);
	mgmt_json_micro(r, NULL, 12500000);
	mgmt_json_micro(r, NULL, -1);
	mgmt_json_micro(r, NULL, INT64_MIN);
	mgmt_json_open(r, NULL, '{');
	return 0;
}

static int run_create(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	struct fixture *f = owner;
	uint64_t n;

	(void)now, (void)r;
	if (vs_parse_uint(args, 31, &n) != 0 || n == 0)
		return -EINVAL;
	mgmt_debug(f->m, 3021, "%02u", (unsigned)n);
	mgmt_debug(f->m, 3031, "Port %02u FD %2d", (unsigned)n, 6);
	return 0;
}

static int run_print(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	(void)owner, (void)now;
	if (!*args)
		return 0;
	mgmt_line(r, "%s", args);
	mgmt_json_text(r, "said", args);
	return *args == '!' ? -ENXIO : 0;
}

static int run_lines(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	uint64_t n = 0;

	(void)owner, (void)now;
	vs_parse_uint(args, 100000, &n);
	for (uint64_t i = 0; i < n; i++)
		mgmt_line(r, "line %llu of many, and every one is whole", (unsigned long long)i);
	return 0;
}

static const struct mgmt_command commands[] = {
	{"ds", "", "DATA SOCKET MENU", NULL, MGMT_MENU | MGMT_FIRST},
	{"ds/showinfo", "", "show ds info", run_info, MGMT_DATA | MGMT_FIRST},
	{"port", "", "PORT STATUS MENU", NULL, MGMT_MENU},
	{"port/showinfo", "", "show port info", run_info, MGMT_DATA},
	{"port/create", "N", "create the port N (inactive|notallocatable)", run_create, 0},
	{"port/print", "[N]", "print the port/endpoint table", run_print, MGMT_DATA},
	{"port/secret", "", "not shown", run_lines, MGMT_SECRET},
	{"showinfo", "", "show switch version and info", run_info, MGMT_DATA},
};

static const struct mgmt_category categories[] = {
	{"hash/+", "hash: new element", 3011},
	{"port/+", "new port", 3021},
	{"port/ep/+", "new endpoint", 3031},
};

/* What a reader of files does, with the script in memory. */
static int load(void *ctx, const char *path, int (*line)(void *, const char *, unsigned), void *to)
{
	struct fixture *f = ctx;
	unsigned number = 1;
	char text[256];

	if (strcmp(path, "rc") != 0)
		return -ENOENT;
	for (const char *p = f->script; *p; number++) {
		size_t len = strcspn(p, "\n");
		int error;

		memcpy(text, p, len);
		text[len] = '\0';
		error = line(to, text, number);
		if (error)
			return error;
		p += len + (p[len] == '\n');
	}
	return 0;
}

static void open_tree(struct fixture *f, size_t output_max, size_t arena_max)
{
	struct mgmt_conf conf = {.prompt = "vde$ ", .greeting = GREETING, .ctx = f, .load = load,
				 .output_max = output_max, .sessions_max = 3, .debug_max = 2};

	host_arena_init(&f->arena, arena_max);
	assert_int_equal(mgmt_create(&f->m, &conf, &f->arena), 0);
	assert_int_equal(mgmt_add(f->m, commands, sizeof(commands) / sizeof(commands[0]), f), 0);
	assert_int_equal(mgmt_add_categories(f->m, categories, 3, f), 0);
	assert_int_equal(mgmt_session_open(f->m, &f->s), 0);
}

static void setup(struct fixture *f)
{
	open_tree(f, 0, 0);
}

static void teardown(struct fixture *f)
{
	mgmt_destroy(f->m);
	assert_int_equal(f->arena.size_used, 0);
	vs_arena_fini(&f->arena);
}

/* Everything the session has to say, as text. */
static const char *said_by(struct fixture *f, struct mgmt_session *s)
{
	const char *bytes;
	size_t len, total = 0;

	while ((len = mgmt_session_output(s, &bytes)) > 0) {
		size_t part = len > 100 ? len / 2 : len; /* in pieces, as sockets take them */

		assert_true(total + part < sizeof(f->out));
		memcpy(f->out + total, bytes, part);
		total += part;
		mgmt_session_sent(s, part);
	}
	f->out[total] = '\0';
	assert_int_equal(strlen(f->out), total);
	return f->out;
}

static const char *said(struct fixture *f)
{
	return said_by(f, f->s);
}

static const char *ask(struct fixture *f, const char *line)
{
	mgmt_session_input(f->s, 7, line, strlen(line));
	return said(f);
}

static void greets_and_prompts_as_the_original(void **state)
{
	static struct fixture f;

	(void)state;
	setup(&f);
	assert_string_equal(said(&f), GREETING "vde$ ");
	assert_string_equal(ask(&f, "foo\n"), "1038 Function not implemented\n" PROMPT);
	assert_string_equal(ask(&f, "port\n"), "1038 Function not implemented\n" PROMPT);
	assert_string_equal(ask(&f, "port/pr\n"), "1038 Function not implemented\n" PROMPT);
	assert_string_equal(ask(&f, "\n  \n"), PROMPT PROMPT);
	assert_string_equal(ask(&f, "# hi\r\n"), PROMPT);
	assert_string_equal(ask(&f, "  port/showinfo  x\r\n"),
			    DATA "Numports=32\nHUB=false\n.\n" OK PROMPT);
	assert_string_equal(ask(&f, "port/create 40\n"), "1022 Invalid argument\n" PROMPT);
	assert_string_equal(ask(&f, "port/create 4\n"), OK PROMPT);
	assert_string_equal(ask(&f, "port/print\n"), DATA ".\n" OK PROMPT);
	assert_string_equal(ask(&f, "port/print !\n"),
			    DATA "!\n.\n1006 No such device or address\n" PROMPT);
	assert_string_equal(ask(&f, "logout x\n"), "9999 END OF SESSION");
	assert_true(mgmt_session_ended(f.s));
	assert_false(mgmt_shutdown_asked(f.m));
	teardown(&f);
}

static void help_is_the_table_of_the_original_whole_and_by_prefix(void **state)
{
	static struct fixture f;

	(void)state;
	setup(&f);
	said(&f);
	assert_string_equal(
		ask(&f, "help\n"),
		DATA HEAD
		"ds                 ============    DATA SOCKET MENU\n"
		"ds/showinfo                        show ds info\n"
		"help               [arg]           Help (limited to arg when specified)\n"
		"logout                             logout from this mgmt terminal\n"
		"shutdown                           shutdown of the switch\n"
		"showinfo                           show switch version and info\n"
		"load               path            load a configuration script\n"
		"debug              ============    DEBUG MENU\n"
		"debug/list                         list debug categories\n"
		"debug/add          dbgpath         enable debug info for a given category\n"
		"debug/del          dbgpath         disable debug info for a given category\n"
		"port               ============    PORT STATUS MENU\n"
		"port/showinfo                      show port info\n"
		"port/create        N               create the port N (inactive|notallocatable)\n"
		"port/print         [N]             print the port/endpoint table\n"
		".\n" OK PROMPT);
	assert_string_equal(
		ask(&f, "help port/pr\n"),
		DATA HEAD "port/print         [N]             print the port/endpoint table\n"
			  ".\n" OK PROMPT);
	assert_string_equal(ask(&f, "help xyz\n"), DATA HEAD ".\n" OK PROMPT);
	assert_string_equal(
		ask(&f, "help -j load\n"),
		DATA "{\"commands\":[{\"path\":\"load\",\"menu\":false,\"syntax\":\"path\","
		     "\"help\":\"load a configuration script\",\"data\":false}]}\n.\n" OK PROMPT);
	teardown(&f);
}

static void debug_categories_answer_as_the_original(void **state)
{
	static struct fixture f;

	(void)state;
	setup(&f);
	said(&f);
	assert_string_equal(ask(&f, "debug/add xyz\n"), "1022 Invalid argument\n" PROMPT);
	assert_string_equal(ask(&f, "debug/del\n"), "1002 No such file or directory\n" PROMPT);
	assert_string_equal(ask(&f, "debug/add hash/+\n"), OK PROMPT);
	assert_string_equal(ask(&f, "debug/add hash\n"), "1017 File exists\n" PROMPT);
	assert_string_equal(ask(&f, "debug/list\n"),
			    DATA "CATEGORY               TAG STATUS HELP\n"
				 "------------           --- ------ ----\n"
				 "hash/+                 011 ON     hash: new element\n"
				 "port/+                 021 OFF    new port\n"
				 "port/ep/+              031 OFF    new endpoint\n"
				 ".\n" OK PROMPT);
	assert_true(mgmt_debugging(f.m, 3011));
	assert_string_equal(ask(&f, "debug/del hash\n"), OK PROMPT);
	assert_false(mgmt_debugging(f.m, 3011));
	assert_string_equal(ask(&f, "debug/add port\n"), OK PROMPT);
	assert_string_equal(ask(&f, "port/create 5\n"),
			    "3021 port/+ 05\n3031 port/ep/+ Port 05 FD  6\n" OK PROMPT);
	mgmt_debug(f.m, 3031, "\"%s\"", "a name\nwith a line\x7f");
	assert_string_equal(said(&f), "3031 port/ep/+ \"a name?with a line?\"\n");
	teardown(&f);
}

static void debug_goes_to_those_who_listen_up_to_their_number(void **state)
{
	static struct fixture f;
	struct mgmt_session *other[2], *none;

	(void)state;
	setup(&f);
	assert_int_equal(mgmt_session_open(f.m, &other[0]), 0);
	assert_int_equal(mgmt_session_open(f.m, &other[1]), 0);
	assert_int_equal(mgmt_session_open(f.m, &none), -EMFILE);
	for (int i = 0; i < 2; i++) {
		mgmt_session_input(other[i], 0, "debug/add port/+\n", 17);
		said_by(&f, other[i]);
	}
	said(&f);
	assert_string_equal(ask(&f, "debug/add hash\n"), "1028 No space left on device\n" PROMPT);
	assert_string_equal(ask(&f, "port/create 5\n"), OK PROMPT);
	assert_string_equal(said_by(&f, other[1]), "3021 port/+ 05\n");
	mgmt_session_close(other[0]);
	assert_string_equal(ask(&f, "debug/add hash\n"), OK PROMPT);
	mgmt_remove(f.m, &f);
	assert_false(mgmt_debugging(f.m, 3011));
	mgmt_debug(f.m, 3011, "nobody");
	assert_string_equal(said_by(&f, other[1]), "");
	assert_string_equal(ask(&f, "port/create 5\n"), "1038 Function not implemented\n" PROMPT);
	assert_int_equal(mgmt_add_categories(f.m, categories, 3, &f), 0);
	assert_int_equal(mgmt_add_categories(f.m, categories, 1, &f), -EEXIST);
	assert_int_equal(mgmt_add(f.m, commands, 1, &f), 0);
	assert_int_equal(mgmt_add(f.m, commands, 1, &f), -EEXIST);
	teardown(&f);
}

static void a_slow_reader_loses_counted_debug_lines_and_whole_answers_never(void **state)
{
	static struct fixture f;

	(void)state;
	open_tree(&f, 200, 0);
	said(&f);
	ask(&f, "debug/add port/+\n");
	for (int i = 0; i < 100; i++)
		mgmt_debug(f.m, 3021, "%02d", i);
	mgmt_session_input(f.s, 0, "port/secret 2\n", 14); /* waits until there is room */
	said(&f);
	assert_non_null(strstr(f.out, "3021 port/+ 13\n3000 debug: 86 lines dropped\n" DATA));
	assert_non_null(strstr(f.out, "line 0 of many, and every one is whole\n"
				      "line 1 of many, and every one is whole\n.\n" OK PROMPT));
	mgmt_debug(f.m, 3021, "%02d", 7);
	assert_string_equal(said(&f), "3021 port/+ 07\n");
	teardown(&f);
}

static void a_reader_who_never_reads_is_sent_away_when_its_commands_fill_the_input(void **state)
{
	static struct fixture f;

	(void)state;
	open_tree(&f, 200, 0);
	for (int i = 0; i < 3000 && !mgmt_session_ended(f.s); i++)
		mgmt_session_input(f.s, 0, "port/print\n", 11);
	assert_true(mgmt_session_ended(f.s));
	assert_true(f.arena.size_used < 64 * 1024);
	said(&f);
	assert_non_null(strstr(f.out, "1105 No buffer space available (answers unread)\n"));
	teardown(&f);
}

static void long_lines_and_binary_are_errors_in_words(void **state)
{
	static struct fixture f;
	char line[3000];

	(void)state;
	setup(&f);
	said(&f);
	memset(line, 'x', sizeof(line));
	line[1023] = '\n';
	mgmt_session_input(f.s, 0, line, 1024);
	assert_string_equal(said(&f), "1038 Function not implemented\n" PROMPT);
	line[1023] = 'x';
	line[2998] = '\n';
	line[2999] = '\n';
	for (size_t i = 0; i < sizeof(line); i++)
		mgmt_session_input(f.s, 0, &line[i], 1);
	assert_string_equal(said(&f),
			    "1007 Argument list too long (a line has at most 1023 bytes)\n" PROMPT
			    PROMPT);
	mgmt_session_input(f.s, 0, "\0\n", 2);
	assert_string_equal(said(&f), "1022 Invalid argument (byte 0x00 in a command)\n" PROMPT);
	assert_string_equal(ask(&f, "help \x1b[A\n"),
			    "1022 Invalid argument (byte 0x1b in a command)\n" PROMPT);
	assert_string_equal(ask(&f, "help\tport/pr"), "");
	assert_string_equal(ask(&f, "int\n"),
			    DATA HEAD "port/print         [N]             print the port/endpoint "
				      "table\n.\n" OK PROMPT);
	teardown(&f);
}

static void json_is_one_valid_line_also_for_errors_and_plain_commands(void **state)
{
	static struct fixture f;

	(void)state;
	setup(&f);
	said(&f);
	assert_string_equal(
		ask(&f, "port/showinfo -j\n"),
		DATA "{\"numports\":32,\"hub\":false,\"now\":\"seven \\\"\\n\\u0001\xef\xbf\xbd\","
		     "\"list\":[-1,12.5,-0.000001,-9223372036854.775808,{}]}\n.\n" OK PROMPT);
	assert_string_equal(ask(&f, "port/create -j 77\n"),
			    DATA "{\"code\":1022,\"error\":\"Invalid argument\"}\n"
				 ".\n1022 Invalid argument\n" PROMPT);
	assert_string_equal(ask(&f, "nosuch -j\n"),
			    DATA "{\"code\":1038,\"error\":\"Function not implemented\"}\n"
				 ".\n1038 Function not implemented\n" PROMPT);
	assert_string_equal(ask(&f, "port/create -j 7\n"),
			    DATA "{\"lines\":[]}\n.\n" OK PROMPT);
	assert_string_equal(ask(&f, "port/secret -j 1\n"),
			    DATA "{\"lines\":[\"line 0 of many, and every one is whole\"]}\n"
				 ".\n" OK PROMPT);
	assert_string_equal(ask(&f, "port/print -jay\n"), DATA "-jay\n.\n" OK PROMPT);
	assert_string_equal(ask(&f, "port/print -j !x\n"),
			    DATA "{\"code\":1006,\"error\":\"No such device or address\","
				 "\"lines\":[\"!x\"]}\n.\n1006 No such device or address\n" PROMPT);
	teardown(&f);
}

static int run_relayed(void *owner, vs_time now, struct mgmt_reply *r, const char *args)
{
	(void)owner, (void)now;
	mgmt_line(r, "text");
	mgmt_json_answer(r, "{\"far\":[1]} and more", 11);
	return *args ? -EPERM : 0;
}

static void what_another_tree_answered_is_the_answer(void **state)
{
	static const struct mgmt_command relayed = {"relayed", "", "", run_relayed, 0};
	static struct fixture f;

	(void)state;
	setup(&f);
	said(&f);
	assert_int_equal(mgmt_add(f.m, &relayed, 1, &f), 0);
	assert_string_equal(ask(&f, "relayed\n"), DATA "text\n.\n" OK PROMPT);
	assert_string_equal(ask(&f, "relayed -j\n"), DATA "{\"far\":[1]}\n.\n" OK PROMPT);
	assert_string_equal(ask(&f, "relayed -j x\n"),
			    DATA "{\"far\":[1]}\n.\n1001 Operation not permitted\n" PROMPT);
	teardown(&f);
}

static void scripts_name_path_and_line_of_what_fails(void **state)
{
	static struct fixture f;
	char bytes[512];
	struct vs_text why;

	(void)state;
	setup(&f);
	said(&f);
	f.script = "# comment\n\nport/create 3\n  bogus \nport/showinfo\nport/create 99\n";
	assert_string_equal(ask(&f, "load rc\n"),
			    DATA "Numports=32\nHUB=false\n"
				 "rc:4:   bogus : Function not implemented\n"
				 "rc:6: port/create 99: Invalid argument\n"
				 ".\n1038 Function not implemented\n" PROMPT);
	assert_string_equal(ask(&f, "load /nonexist\n"), "1002 No such file or directory\n" PROMPT);
	assert_string_equal(ask(&f, "load\n"), "1002 No such file or directory\n" PROMPT);
	vs_text_init(&why, bytes, sizeof(bytes));
	assert_int_equal(mgmt_load(f.m, 0, "rc", true, &why), -ENOSYS);
	assert_string_equal(bytes, "rc:4:   bogus : Function not implemented\n");
	vs_text_init(&why, bytes, sizeof(bytes));
	assert_int_equal(mgmt_load(f.m, 0, "none", true, &why), -ENOENT);
	assert_string_equal(bytes, "none: No such file or directory\n");
	f.script = "load rc\n";
	vs_text_init(&why, bytes, sizeof(bytes));
	assert_int_equal(mgmt_load(f.m, 0, "rc", true, &why), -ELOOP);
	f.script = "logout\ndebug/add\nshutdown";
	vs_text_init(&why, bytes, sizeof(bytes));
	assert_int_equal(mgmt_load(f.m, 0, "rc", false, &why), -EINVAL);
	assert_string_equal(bytes, "rc:1: logout: Invalid argument\n"
				   "rc:2: debug/add: Invalid argument\n");
	assert_true(mgmt_shutdown_asked(f.m));
	teardown(&f);
}

static void commands_run_without_a_session(void **state)
{
	static struct fixture f;
	char bytes[256];
	struct vs_text text;

	(void)state;
	setup(&f);
	vs_text_init(&text, bytes, sizeof(bytes));
	assert_int_equal(mgmt_run(f.m, 0, "port/showinfo", &text), 0);
	assert_string_equal(bytes, "Numports=32\nHUB=false\n");
	vs_text_init(&text, bytes, sizeof(bytes));
	assert_int_equal(mgmt_run(f.m, 0, "port/create -j 99", &text), EINVAL);
	assert_string_equal(bytes, "{\"code\":1022,\"error\":\"Invalid argument\"}\n");
	assert_int_equal(mgmt_run(f.m, 0, "port/create 1", NULL), 0);
	assert_int_equal(mgmt_run(f.m, 0, " # nothing", NULL), 0);
	assert_int_equal(mgmt_run(f.m, 0, "what", NULL), ENOSYS);
	teardown(&f);
}

static void gather(void *ctx, const char *path)
{
	vs_text_add(ctx, "%s ", path);
}

static void completion_offers_commands_and_menus(void **state)
{
	static struct fixture f;
	char bytes[256];
	struct vs_text text;

	(void)state;
	setup(&f);
	vs_text_init(&text, bytes, sizeof(bytes));
	mgmt_complete(f.m, "po", gather, &text);
	assert_string_equal(bytes, "port/ port/showinfo port/create port/print ");
	vs_text_init(&text, bytes, sizeof(bytes));
	mgmt_complete(f.m, "s", gather, &text);
	assert_string_equal(bytes, "shutdown showinfo ");
	teardown(&f);
}

static void errors_have_the_words_of_the_c_library(void **state)
{
	char scratch[32];

	(void)state;
	assert_string_equal(mgmt_error_text(0, scratch), "Success");
	for (int code = 1; code < 134; code++) {
		const char *text = mgmt_error_text(code, scratch);

		if (text == scratch) {
			char words[32];

			snprintf(words, sizeof(words), "Unknown error %d", code);
			assert_string_equal(text, words);
		} else {
			assert_string_equal(text, strerror(code));
		}
	}
}

static void help_may_have_the_two_columns_of_wirefilter(void **state)
{
	static const struct mgmt_command two[] = {
		{"loss", "", "set loss percentage", run_info, 0},
		{"markov-time", "ms", "markov mode: transition period", run_info, 0},
	};
	static struct fixture f;
	struct mgmt_conf conf = {.prompt = "VDEwf$ ", .help_short = true};

	(void)state;
	host_arena_init(&f.arena, 0);
	assert_int_equal(mgmt_create(&f.m, &conf, &f.arena), 0);
	assert_int_equal(mgmt_add(f.m, two, 2, &f), 0);
	assert_int_equal(mgmt_session_open(f.m, &f.s), 0);
	assert_string_equal(said(&f), "VDEwf$ ");
	ask(&f, "help\n");
	assert_memory_equal(f.out, DATA "COMMAND      HELP\n------------ ------------\n", 66);
	assert_non_null(strstr(f.out, "\nloss         set loss percentage\n"));
	assert_non_null(strstr(f.out, "\nmarkov-time ms     markov mode: transition period\n"));
	assert_string_equal(ask(&f, "load rc\n"), "1038 Function not implemented\n\nVDEwf$ ");
	assert_string_equal(ask(&f, "shutdown\n"), "9999 END OF SESSION");
	assert_true(mgmt_shutdown_asked(f.m));
	teardown(&f);
}

static void a_full_arena_is_an_error_answer_not_a_torn_one(void **state)
{
	static struct fixture f;

	(void)state;
	open_tree(&f, 0, 1 << 20);
	said(&f);
	assert_string_equal(ask(&f, "port/secret 90000\n"),
			    "1012 Cannot allocate memory\n" PROMPT);
	assert_string_equal(ask(&f, "port/create 1\n"), OK PROMPT);
	teardown(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(greets_and_prompts_as_the_original),
		cmocka_unit_test(help_is_the_table_of_the_original_whole_and_by_prefix),
		cmocka_unit_test(debug_categories_answer_as_the_original),
		cmocka_unit_test(debug_goes_to_those_who_listen_up_to_their_number),
		cmocka_unit_test(a_slow_reader_loses_counted_debug_lines_and_whole_answers_never),
		cmocka_unit_test(
			a_reader_who_never_reads_is_sent_away_when_its_commands_fill_the_input),
		cmocka_unit_test(long_lines_and_binary_are_errors_in_words),
		cmocka_unit_test(json_is_one_valid_line_also_for_errors_and_plain_commands),
		cmocka_unit_test(what_another_tree_answered_is_the_answer),
		cmocka_unit_test(scripts_name_path_and_line_of_what_fails),
		cmocka_unit_test(commands_run_without_a_session),
		cmocka_unit_test(completion_offers_commands_and_menus),
		cmocka_unit_test(errors_have_the_words_of_the_c_library),
		cmocka_unit_test(help_may_have_the_two_columns_of_wirefilter),
		cmocka_unit_test(a_full_arena_is_an_error_answer_not_a_torn_one),
	};

	return cmocka_run_group_tests_name("mgmt", tests, NULL, NULL);
}
