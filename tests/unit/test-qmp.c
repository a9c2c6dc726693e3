/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include <sys/stat.h>

#include "tests/support/qmp-client.h"
#include "tests/support/suite.h"

#define OK "{\"return\":{}}\n"
#define ERR(class, desc) "{\"error\":{\"class\":\"" class "\",\"desc\":\"" desc "\"}"
#define STOP_7 "{\"execute\":\"stop\",\"id\":7}"
#define OK_7 "{\"return\":{},\"id\":7}\n"
#define GENERIC(desc) ERR ("GenericError", desc)
#define NO_COMMAND(desc) ERR ("CommandNotFound", desc)
#define EXPECTING NO_COMMAND ("Expecting capabilities negotiation with 'qmp_capabilities'")
#define ALREADY NO_COMMAND ("Capabilities negotiation is already complete, command ignored")

static const struct {
  const char *sent;     /* all at once, then this side is shut */
  const char *expected; /* after the greeting; up to the end of the stream */
} rules[] = {
  /* negotiation */
  { "", "" },
  { "{\"execute\":\"query-version\",\"id\":1}", EXPECTING ",\"id\":1}\n" },
  { "{\"execute\":\"nope\"}", EXPECTING "}\n" },
  { NEGOTIATE, OK },
  { NEGOTIATE NEGOTIATE, OK ALREADY "}\n" },
  { "{\"execute\":\"qmp_capabilities\",\"arguments\":{\"enable\":[]}}", OK },
  { "{\"execute\":\"qmp_capabilities\",\"arguments\":{\"enable\":[\"nope\"]}}"
    "{\"execute\":\"query-version\"}",
    GENERIC ("Parameter '[0]' does not accept value 'nope'") "}\n" EXPECTING "}\n" },
  { "{\"execute\":\"qmp_capabilities\",\"arguments\":{\"enable\":\"oob\"}}",
    GENERIC ("Invalid parameter type for 'enable', expected: array") "}\n" },
  { "{\"execute\":\"qmp_capabilities\",\"arguments\":{\"enable\":[1]}}",
    GENERIC ("Invalid parameter type for 'enable[0]', expected: string") "}\n" },
  { NEGOTIATE_OOB NEGOTIATE_OOB, OK ALREADY "}\n" },
  /* out of band */
  { NEGOTIATE_OOB "{\"exec-oob\":\"query-yank\",\"id\":1}", OK "{\"return\":[],\"id\":1}\n" },
  { NEGOTIATE_OOB "{\"execute\":\"query-yank\",\"id\":1}", OK "{\"return\":[],\"id\":1}\n" },
  { "{\"exec-oob\":\"qmp_capabilities\",\"id\":1}",
    GENERIC ("QMP input member 'exec-oob' is unexpected") ",\"id\":1}\n" },
  { NEGOTIATE_OOB "{\"exec-oob\":\"qmp_capabilities\",\"id\":1}",
    OK GENERIC ("The command qmp_capabilities does not support OOB") ",\"id\":1}\n" },
  { NEGOTIATE_OOB "{\"exec-oob\":\"query-migrate\",\"id\":1}",
    OK GENERIC ("The command query-migrate does not support OOB") ",\"id\":1}\n" },
  { NEGOTIATE_OOB "{\"exec-oob\":\"nope\",\"id\":1}",
    OK NO_COMMAND ("The command nope has not been found") ",\"id\":1}\n" },
  { NEGOTIATE_OOB "{\"exec-oob\":1}{\"execute\":1}",
    OK GENERIC ("QMP input member 'exec-oob' must be a string") "}\n" GENERIC (
        "QMP input member 'execute' must be a string") "}\n" },
  { NEGOTIATE_OOB "{\"exec-oob\":\"query-yank\",\"execute\":\"stop\",\"id\":1}",
    OK GENERIC ("QMP input member 'execute' clashes with 'exec-oob'") ",\"id\":1}\n" },
  { NEGOTIATE_OOB "{\"exec-oob\":\"query-yank\",\"arguments\":{\"a\":1}}",
    OK GENERIC ("Parameter 'a' is unexpected") "}\n" },
  { NEGOTIATE_OOB "{\"id\":1}{\"exec-oob\":\"query-yank\",\"extra\":1}bad ",
    OK GENERIC ("QMP input lacks member 'execute'") ",\"id\":1}\n" GENERIC (
        "QMP input member 'extra' is unexpected") "}\n" GENERIC ("JSON parse error, invalid "
                                                                 "keyword 'bad'") "}\n" },
  { NEGOTIATE "{\"execute\":\"yank\",\"arguments\":{\"instances\":[]}}", OK OK },
  { NEGOTIATE "{\"execute\":\"yank\"}", OK GENERIC ("Parameter 'instances' is missing") "}\n" },
  { NEGOTIATE "{\"execute\":\"yank\",\"arguments\":{\"instances\":[{\"type\":\"nope\"}]}}",
    OK GENERIC ("Parameter 'type' does not accept value 'nope'") "}\n" },
  { NEGOTIATE_OOB "{\"exec-oob\":\"yank\",\"arguments\":{\"instances\":[{\"type\":"
                  "\"migration\"}]}}",
    OK ERR ("DeviceNotFound", "Instance not found") "}\n" },
  { "{\"execute\":\"qmp_capabilities\",\"arguments\":{\"x\":1}}",
    GENERIC ("Parameter 'x' is unexpected") "}\n" },
  /* the id */
  { NEGOTIATE "{\"execute\":\"stop\",\"id\":[1,\"x\",null]}",
    OK "{\"return\":{},\"id\":[1,\"x\",null]}\n" },
  { NEGOTIATE "{\"execute\":\"stop\",\"id\":{\"a\":1}}",
    OK "{\"return\":{},\"id\":{\"a\":1}}\n" },
  { NEGOTIATE "{\"execute\":\"stop\",\"id\":true}", OK "{\"return\":{},\"id\":true}\n" },
  { NEGOTIATE "{\"execute\":\"stop\",\"id\":-9223372036854775808}",
    OK "{\"return\":{},\"id\":-9223372036854775808}\n" },
  { NEGOTIATE "{\"execute\":\"stop\",\"id\":1.5}", OK "{\"return\":{},\"id\":1.5}\n" },
  { NEGOTIATE "{\"execute\":\"stop\",\"id\":\"\\ud83d\\ude00\"}",
    OK "{\"return\":{},\"id\":\"\U0001F600\"}\n" },
  { NEGOTIATE "{\"execute\":\"stop\",\"id\":\"\\u0000a\\u0000\\u0000\"}",
    OK "{\"return\":{},\"id\":\"\\u0000a\\u0000\\u0000\"}\n" },
  { NEGOTIATE "{\"execute\":\"stop\",\"id\":{\"\\u0000\":[]}}",
    OK "{\"return\":{},\"id\":{\"\\u0000\":[]}}\n" },
  { NEGOTIATE "{\"execute\":\"stop\\u0000\"}",
    OK NO_COMMAND ("The command stop\\u0000 has not been found") "}\n" },
  { NEGOTIATE "{\"execute\":\"migrate\",\"arguments\":{\"uri\":\"tcp:a:1\\u0000\"}}",
    OK GENERIC ("Parameter 'uri' has a NUL in it") "}\n" },
  { NEGOTIATE "{\"id\":null,\"execute\":\"stop\"}", OK "{\"return\":{},\"id\":null}\n" },
  { NEGOTIATE "{\"execute\":\"stop\",\"id\":18446744073709551615}",
    OK "{\"return\":{},\"id\":18446744073709551615}\n" },
  { NEGOTIATE "{\"execute\":\"nope\",\"id\":\"a\\u0001\"}",
    OK NO_COMMAND ("The command nope has not been found") ",\"id\":\"a\\u0001\"}\n" },
  /* what is no request */
  { NEGOTIATE "bad ", OK GENERIC ("JSON parse error, invalid keyword 'bad'") "}\n" },
  { NEGOTIATE "{\"execute\":bad,\"id\":1} {\"execute\":\"stop\"}",
    OK GENERIC ("JSON parse error, invalid keyword 'bad'") "}\n" OK },
  { NEGOTIATE " \r\n\t{ 'execute' :\n'stop', 'id':'\"' }\r\n",
    OK "{\"return\":{},\"id\":\"\\\"\"}\n" },
  { NEGOTIATE "}", OK GENERIC ("JSON parse error, expecting value") "}\n" },
  { NEGOTIATE "{\"a\":1,\"a\":2}", OK GENERIC ("JSON parse error, duplicate key") "}\n" },
  { NEGOTIATE "{\"execute\":\"stop\" \"id\":1}",
    OK GENERIC ("JSON parse error, expected separator in dict") "}\n" },
  { NEGOTIATE "null", OK GENERIC ("QMP input must be a JSON object") "}\n" },
  /* back in step: a control character, or a byte that no UTF-8 has, ends whatever there was */
  { NEGOTIATE "{\"execute\":\"stop"
              "\x01"
              "\"}" STOP_7,
    OK GENERIC ("JSON parse error, control character in string") "}\n" GENERIC (
        "JSON parse error, expecting value") "}\n" OK_7 },
  { NEGOTIATE "{\"a\":[[\"b\",{ "
              "\xff" STOP_7,
    OK GENERIC ("JSON parse error, key is not a string in object") "}\n" OK_7 },
  { NEGOTIATE "{\"a\":\"{["
              "\xff" STOP_7,
    OK GENERIC ("JSON parse error, invalid UTF-8 sequence in string") "}\n" OK_7 },
  { NEGOTIATE "\x02" STOP_7, OK GENERIC ("JSON parse error, stray '\\u0002'") "}\n" OK_7 },
  { NEGOTIATE "\xfe"
              "\xff"
              "text\n" STOP_7,
    OK GENERIC ("JSON parse error, stray '\uFFFD'") "}\n" GENERIC (
        "JSON parse error, stray '\uFFFD'") "}\n" OK_7 },
  { NEGOTIATE "12"
              "\xff" STOP_7,
    OK GENERIC ("QMP input must be a JSON object") "}\n" GENERIC (
        "JSON parse error, stray '\uFFFD'") "}\n" OK_7 },
  { NEGOTIATE "\"text\n" STOP_7,
    OK GENERIC ("JSON parse error, control character in string") "}\n" OK_7 },
  { NEGOTIATE "[1]", OK GENERIC ("QMP input must be a JSON object") "}\n" },
  { "1", GENERIC ("QMP input must be a JSON object") "}\n" },
  { NEGOTIATE "{}", OK GENERIC ("QMP input lacks member 'execute'") "}\n" },
  { NEGOTIATE "{\"execute\":1,\"id\":2}",
    OK GENERIC ("QMP input member 'execute' must be a string") ",\"id\":2}\n" },
  { NEGOTIATE "{\"execute\":\"stop\",\"arguments\":[]}",
    OK GENERIC ("QMP input member 'arguments' must be an object") "}\n" },
  { NEGOTIATE "{\"execute\":\"stop\",\"extra\":1,\"id\":3}",
    OK GENERIC ("QMP input member 'extra' is unexpected") ",\"id\":3}\n" },
  { NEGOTIATE "{\"exec-oob\":\"stop\",\"id\":4}",
    OK GENERIC ("QMP input member 'exec-oob' is unexpected") ",\"id\":4}\n" },
  { "{\"a\":" NEGOTIATE "," NEGOTIATE "}",
    GENERIC ("JSON parse error, key is not a string in object") "}\n" },
  /* commands and their arguments */
  { NEGOTIATE "{\"execute\":\"stop\",\"arguments\":{\"a\":1}}",
    OK GENERIC ("Parameter 'a' is unexpected") "}\n" },
  { NEGOTIATE "{\"execute\":\"migrate\",\"arguments\":{\"bogus\":1}}",
    OK GENERIC ("Parameter 'bogus' is unexpected") "}\n" },
  { NEGOTIATE "{\"execute\":\"migrate\",\"arguments\":{\"uri\":1}}",
    OK GENERIC ("Invalid parameter type for 'uri', expected: string") "}\n" },
  { NEGOTIATE "{\"execute\":\"migrate\"}",
    OK GENERIC ("need either 'uri' or 'channels' argument") "}\n" },
  { NEGOTIATE "{\"execute\":\"migrate\",\"arguments\":{\"uri\":\"tcp:a:1\",\"channels\":["
              "{\"channel-type\":\"main\",\"addr\":{\"transport\":\"file\",\"filename\":\"a\","
              "\"offset\":0}}]}}",
    OK GENERIC ("need either 'uri' or 'channels' argument") "}\n" },
  { NEGOTIATE "{\"execute\":\"migrate\",\"arguments\":{\"uri\":\"tcp:a:1\",\"resume\":true}}",
    OK GENERIC ("Cannot resume if there is no paused migration") "}\n" },
  { NEGOTIATE "{\"execute\":\"migrate-continue\",\"arguments\":{\"state\":"
              "\"pre-switchover\"}}",
    OK GENERIC ("Migration not in expected state: none") "}\n" },
  { NEGOTIATE "{\"execute\":\"migrate_cancel\"}{\"execute\":\"migrate_cancel\"}", OK OK OK },
  { NEGOTIATE "{\"execute\":\"query-migrate\"}", OK OK },
  { NEGOTIATE "{\"execute\":\"migrate-set-capabilities\",\"arguments\":{\"capabilities\":"
              "[{\"capability\":\"nope\",\"state\":true}]}}",
    OK GENERIC ("Parameter 'capability' does not accept value 'nope'") "}\n" },
  { NEGOTIATE "{\"execute\":\"migrate-set-capabilities\",\"arguments\":{\"capabilities\":"
              "[{\"capability\":\"multifd\",\"state\":true}]}}"
              "{\"execute\":\"query-migrate-capabilities\"}",
    OK OK "{\"return\":[{\"capability\":\"events\",\"state\":false},"
          "{\"capability\":\"multifd\",\"state\":true},"
          "{\"capability\":\"pause-before-switchover\",\"state\":false},"
          "{\"capability\":\"return-path\",\"state\":false},"
          "{\"capability\":\"validate-uuid\",\"state\":false}]}\n" },
  { NEGOTIATE "{\"execute\":\"migrate-set-parameters\",\"arguments\":{\"max-bandwidth\":"
              "\"1\"}}",
    OK GENERIC ("Parameter 'max-bandwidth' expects uint64") "}\n" },
  { NEGOTIATE "{\"execute\":\"migrate-set-parameters\",\"arguments\":{\"downtime-limit\":1,"
              "\"multifd-channels\":0}}{\"execute\":\"query-migrate-parameters\"}",
    OK GENERIC (
        "Parameter 'multifd_channels' expects a value between 1 and 255") "}\n"
                                                                          "{\"return\":{\"max-"
                                                                          "bandwidth\":0,"
                                                                          "\"avail-switchover-"
                                                                          "bandwidth\":0,"
                                                                          "\"downtime-limit\":"
                                                                          "300,"
                                                                          "\"multifd-"
                                                                          "channels\":2,"
                                                                          "\"tracker\":"
                                                                          "\"auto\",\"x-peer-"
                                                                          "timeout\":30000,\"x-"
                                                                          "max-downtime\":0}}"
                                                                          "\n" },
  { NEGOTIATE "{\"execute\":\"migrate-set-parameters\",\"arguments\":{\"max-bandwidth\":"
              "18446744073709551615,\"tracker\":\"bitmap\"}}"
              "{\"execute\":\"query-migrate-parameters\"}",
    OK OK "{\"return\":{\"max-bandwidth\":18446744073709551615,"
          "\"avail-switchover-bandwidth\":0,\"downtime-limit\":300,"
          "\"multifd-channels\":2,\"tracker\":\"bitmap\",\"x-peer-timeout\":30000,"
          "\"x-max-downtime\":0}}\n" },
  { NEGOTIATE "{\"execute\":\"query-status\"}",
    OK "{\"return\":{\"running\":false,\"status\":\"prelaunch\"}}\n" },
};

/* Receives up to the end of the stream, ends of lines as \n. */
static char *
receive_all (Client *client)
{
  GString *all = g_string_new (NULL);

  for (;;) {
    g_autofree char *line = receive (client);

    if (!line)
      return g_string_free (all, FALSE);
    g_string_append_printf (all, "%s\n", line);
  }
}

/* Byte by byte: each is read before the next is sent. */
static void
transmit_slowly (Client *client, const char *text)
{
  for (const char *p = text; *p; p++) {
    const char byte[] = { *p, '\0' };

    transmit (client, byte);
    while (g_main_context_iteration (NULL, FALSE))
      ;
  }
}

/* Each twice: what is sent comes at once, and byte by byte. */
START_TEST (each_rule_holds)
{
  guint rule = (guint) _i % G_N_ELEMENTS (rules);
  Client client = connect_raw (vm.path);
  g_autofree char *greeting = receive (&client);
  g_autofree char *answers = NULL;

  ck_assert (g_regex_match_simple (
      "^\\{\"QMP\":\\{\"version\":\\{\"qemu\":\\{\"major\":10,\"minor\":0,\"micro\":0\\},"
      "\"package\":\"godwit [0-9.]+\"\\},\"capabilities\":\\[\"oob\"\\]\\}\\}$",
      greeting, 0, 0));
  if (_i < (int) G_N_ELEMENTS (rules))
    transmit (&client, rules[rule].sent);
  else
    transmit_slowly (&client, rules[rule].sent);
  shutdown (client.fd, SHUT_WR);
  answers = receive_all (&client);
  ck_assert_str_eq (answers, rules[rule].expected);
  disconnect (&client);
}
END_TEST

START_TEST (commands_of_one_client_wait_for_each_other_and_for_no_other_client)
{
  Client one = connect_negotiated (), two = connect_negotiated ();

  transmit (&one, "{\"execute\":\"cont\"}");
  expect_event (&two, "\"RESUME\"");
  expect_event (&one, "\"RESUME\"");
  expect (&one, "{\"return\":{}}");

  vm.hold_pause = TRUE;
  transmit (&one, "{\"execute\":\"stop\",\"id\":1}{\"execute\":\"query-status\",\"id\":2}"
                  "{\"execute\":\"nope\",\"id\":3}");
  while (!vm.pausing)
    g_main_context_iteration (NULL, TRUE);
  transmit (&two, "{\"execute\":\"query-status\"}");
  expect (&two, "{\"return\":{\"running\":true,\"status\":\"running\"}}");
  ck_assert_int_eq (recv (one.fd, (char[1]){ 0 }, 1, MSG_PEEK), -1);

  gdw_reply_done (vm.pausing);
  expect_event (&one, "\"STOP\"");
  expect (&one, "{\"return\":{},\"id\":1}");
  expect (&one, "{\"return\":{\"running\":false,\"status\":\"paused\"},\"id\":2}");
  expect (&one, NO_COMMAND ("The command nope has not been found") ",\"id\":3}");
  expect_event (&two, "\"STOP\"");
  disconnect (&one);
  disconnect (&two);
}
END_TEST

START_TEST (only_who_has_negotiated_gets_events)
{
  Client listener = connect_negotiated (), stranger = connect_raw (vm.path);

  g_free (receive (&stranger));
  transmit (&listener, "{\"execute\":\"cont\"}");
  expect_event (&listener, "\"RESUME\"");
  expect (&listener, "{\"return\":{}}");
  transmit (&stranger, NEGOTIATE);
  expect (&stranger, "{\"return\":{}}");
  disconnect (&listener);
  disconnect (&stranger);
}
END_TEST

START_TEST (a_client_that_half_closes_gets_a_late_answer)
{
  Client client = connect_negotiated ();

  transmit (&client, "{\"execute\":\"cont\"}");
  expect_event (&client, "\"RESUME\"");
  expect (&client, "{\"return\":{}}");
  vm.hold_pause = TRUE;
  transmit (&client, "{\"execute\":\"stop\"}{\"execute\":\"stop\",\"id\":2}");
  shutdown (client.fd, SHUT_WR);
  while (!vm.pausing)
    g_main_context_iteration (NULL, TRUE);
  gdw_reply_done (vm.pausing);
  expect_event (&client, "\"STOP\"");
  expect (&client, "{\"return\":{}}");
  expect (&client, "{\"return\":{},\"id\":2}");
  expect (&client, NULL);
  disconnect (&client);
}
END_TEST

START_TEST (a_client_may_leave_before_its_answer)
{
  Client client = connect_negotiated (), other = connect_negotiated ();

  transmit (&client, "{\"execute\":\"cont\"}");
  expect_event (&client, "\"RESUME\"");
  expect_event (&other, "\"RESUME\"");
  vm.hold_pause = TRUE;
  transmit (&client, "{\"execute\":\"stop\"}");
  while (!vm.pausing)
    g_main_context_iteration (NULL, TRUE);
  disconnect (&client);
  gdw_reply_done (vm.pausing);
  expect_event (&other, "\"STOP\"");
  transmit (&other, "{\"execute\":\"query-status\"}");
  expect (&other, "{\"return\":{\"running\":false,\"status\":\"paused\"}}");
  disconnect (&other);
}
END_TEST

START_TEST (the_control_may_go_before_an_answer)
{
  Client client = connect_negotiated ();

  transmit (&client, "{\"execute\":\"cont\"}");
  expect_event (&client, "\"RESUME\"");
  expect (&client, "{\"return\":{}}");
  vm.hold_pause = TRUE;
  transmit (&client, "{\"execute\":\"stop\"}");
  while (!vm.pausing)
    g_main_context_iteration (NULL, TRUE);
  g_clear_pointer (&vm.control, gdw_control_free);
  expect (&client, NULL);
  gdw_reply_done (vm.pausing);
  while (gdw_migration_get_run_state (vm.migration) != GDW_RUN_STATE_PAUSED)
    g_main_context_iteration (NULL, TRUE);
  disconnect (&client);
}
END_TEST

START_TEST (a_client_that_does_not_read_is_dropped)
{
  Client deaf = connect_negotiated (), other = connect_negotiated ();

  /* Each answer is longer than 10 KiB. */
  for (int i = 0; i < 2000 && !deaf.closed; i++)
    transmit (&deaf, "{\"execute\":\"query-qmp-schema\"}");
  while (!deaf.closed)
    receive_some (&deaf);
  ck_assert_uint_lt (deaf.in->len, 8 * 1024 * 1024);
  transmit (&other, "{\"execute\":\"query-migrate\"}");
  expect (&other, "{\"return\":{}}");
  disconnect (&deaf);
  disconnect (&other);
}
END_TEST

/* A request of so many bytes, its id as long as it takes. */
static char *
make_request (gsize size)
{
  static const char head[] = "{\"execute\":\"query-migrate\",\"id\":\"", tail[] = "\"}";
  g_autofree char *filler = g_strnfill (size - strlen (head) - strlen (tail), 'x');

  return g_strconcat (head, filler, tail, NULL);
}

START_TEST (a_request_has_up_to_1_mib)
{
  Client client = connect_negotiated ();
  g_autofree char *largest = make_request (1024 * 1024);
  g_autofree char *larger = make_request (1024 * 1024 + 1);
  g_autofree char *answer = NULL;

  transmit (&client, largest);
  answer = receive (&client);
  ck_assert_msg (g_str_has_prefix (answer, "{\"return\":{},\"id\":\"xxx"), "%.60s", answer);
  transmit (&client, larger);
  expect (&client, GENERIC ("JSON parse error, token size limit exceeded: 1 MiB") "}");
  transmit (&client, "{\"execute\":\"query-migrate\"}");
  expect (&client, "{\"return\":{}}");
  disconnect (&client);
}
END_TEST

START_TEST (a_request_that_was_refused_can_be_broken_off)
{
  Client client = connect_negotiated ();
  g_autofree char *open = g_strnfill (65, '[');

  transmit (&client, open);
  expect (&client, GENERIC ("JSON parse error, nesting depth limit exceeded: 64 levels") "}");
  transmit (&client, "\"\xff{\"execute\":\"query-migrate\"}");
  expect (&client, "{\"return\":{}}");
  disconnect (&client);
}
END_TEST

START_TEST (a_request_has_up_to_64_levels)
{
  Client client = connect_negotiated ();

  for (guint depth = 63; depth <= 100000; depth = depth == 63 ? 64 : depth * 1000) {
    g_autofree char *open = g_strnfill (depth, '['), *shut = g_strnfill (depth, ']');
    g_autofree char *request = g_strconcat ("{\"execute\":\"query-migrate\",\"id\":", open,
                                            shut, "}", NULL);
    g_autofree char *good = g_strconcat ("{\"return\":{},\"id\":", open, shut, "}", NULL);

    transmit (&client, request);
    expect (&client, depth == 63 ? good
                                 : GENERIC ("JSON parse error, nesting depth limit "
                                            "exceeded: 64 levels") "}");
  }
  transmit (&client, "{\"execute\":\"query-migrate\"}");
  expect (&client, "{\"return\":{}}");
  disconnect (&client);
}
END_TEST

START_TEST (quit_is_answered_then_told_then_done)
{
  Client client = connect_negotiated ();

  transmit (&client, "{\"execute\":\"quit\",\"id\":1}{\"execute\":\"quit\",\"id\":2}");
  expect (&client, "{\"return\":{},\"id\":1}");
  expect (&client, "{\"return\":{},\"id\":2}");
  expect_event (&client, "\"SHUTDOWN\",\"data\":\\{\"guest\":false,"
                         "\"reason\":\"host-qmp-quit\"\\}");
  ck_assert_uint_eq (vm.quits, 1);
  disconnect (&client);
}
END_TEST

START_TEST (the_lists_have_what_is_built)
{
  Client client = connect_negotiated ();
  g_autofree char *commands = NULL;
  g_autofree char *schema = NULL;
  g_autofree char *version = NULL;

  transmit (&client, "{\"execute\":\"query-commands\"}");
  commands = receive (&client);
  ck_assert_ptr_nonnull (strstr (commands, "{\"name\":\"migrate-incoming\"}"));
  ck_assert_ptr_null (strstr (commands, "postcopy"));
  transmit (&client, "{\"execute\":\"query-qmp-schema\"}");
  schema = receive (&client);
  ck_assert_ptr_nonnull (
      strstr (schema, "{\"name\":\"migrate_cancel\",\"meta-type\":\"command\",\"arg-type\":"));
  transmit (&client, "{\"execute\":\"query-version\"}");
  version = receive (&client);
  ck_assert (g_str_has_prefix (version, "{\"return\":{\"qemu\":{\"major\":10,"));
  disconnect (&client);
}
END_TEST

START_TEST (a_stale_socket_is_replaced_and_nothing_else)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *file = NULL;
  g_autofree char *content = NULL;
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  g_autofree char *stale = NULL;
  int fd;
  struct stat status;
  Client client;

  ck_assert (!gdw_control_listen_qmp (vm.control, vm.path, &error));
  ck_assert_ptr_nonnull (strstr (error->message, vm.path));
  g_clear_error (&error);

  file = g_build_filename (vm.folder, "file", NULL);
  ck_assert (g_file_set_contents (file, "keep", -1, NULL));
  ck_assert (!gdw_control_listen_qmp (vm.control, file, &error));
  ck_assert (g_file_get_contents (file, &content, NULL, NULL));
  ck_assert_str_eq (content, "keep");
  g_unlink (file);

  stale = g_build_filename (vm.folder, "stale", NULL);
  ck_assert_uint_lt (g_strlcpy (address.sun_path, stale, sizeof address.sun_path),
                     sizeof address.sun_path);
  fd = socket (AF_UNIX, SOCK_STREAM, 0);
  ck_assert_int_eq (bind (fd, (struct sockaddr *) &address, sizeof address), 0);
  close (fd);
  ck_assert (gdw_control_listen_qmp (vm.control, stale, NULL));
  ck_assert_int_eq (stat (stale, &status), 0);
  ck_assert_int_eq (status.st_mode & 077, 0);
  client = connect_raw (stale);
  g_free (receive (&client));
  disconnect (&client);
}
END_TEST

int
main (void)
{
  TCase *tcase = tcase_create ("qmp");

  tcase_set_timeout (tcase, 30);
  tcase_add_checked_fixture (tcase, setup, teardown);
  tcase_add_loop_test (tcase, each_rule_holds, 0, 2 * G_N_ELEMENTS (rules));
  tcase_add_test (tcase, commands_of_one_client_wait_for_each_other_and_for_no_other_client);
  tcase_add_test (tcase, only_who_has_negotiated_gets_events);
  tcase_add_test (tcase, a_client_that_half_closes_gets_a_late_answer);
  tcase_add_test (tcase, a_client_may_leave_before_its_answer);
  tcase_add_test (tcase, the_control_may_go_before_an_answer);
  tcase_add_test (tcase, a_client_that_does_not_read_is_dropped);
  tcase_add_test (tcase, a_request_has_up_to_1_mib);
  tcase_add_test (tcase, a_request_that_was_refused_can_be_broken_off);
  tcase_add_test (tcase, a_request_has_up_to_64_levels);
  tcase_add_test (tcase, quit_is_answered_then_told_then_done);
  tcase_add_test (tcase, the_lists_have_what_is_built);
  tcase_add_test (tcase, a_stale_socket_is_replaced_and_nothing_else);
  return suite_run ("qmp", tcase, NULL);
}
