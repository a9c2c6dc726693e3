/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* The events that a command causes at once come before its answer: every byte of a monitor, in
 * order. */
#include "pair.h"

#include "tests/support/qmp-client.h"

#define ANSWER "{\"return\":{}}"
#define STATUS(name) "\"MIGRATION\",\"data\":\\{\"status\":\"" name "\"\\}"
#define PASS(number) "\"MIGRATION_PASS\",\"data\":\\{\"pass\":" number "\\}"
#define URI(command, uri) "{\"execute\":\"" command "\",\"arguments\":{\"uri\":\"" uri "\"}}"
#define CONTINUE                                                                               \
  "{\"execute\":\"migrate-continue\",\"arguments\":{\"state\":\"pre-switchover\"}}"
#define ASK "{\"execute\":\"query-status\"}"

static Pair *pair;
static Client asker, witness; /* of the same monitor */

static void
watch (Side *side, const char *name)
{
  ck_assert (gdw_migration_set_capability (side->migration, "events", TRUE, NULL));
  vm.path = g_build_filename (pair->folder, name, NULL);
  vm.control = gdw_control_new (side->migration);
  ck_assert (gdw_control_listen_qmp (vm.control, vm.path, NULL));
  asker = connect_negotiated ();
  witness = connect_negotiated ();
}

static void
unwatch (void)
{
  disconnect (&asker);
  disconnect (&witness);
  g_clear_pointer (&vm.control, gdw_control_free);
  g_clear_pointer (&vm.path, g_free);
}

static void
open_pair (void)
{
  pair = pair_new (&(PairConfig){ 0 });
}

static void
close_pair (void)
{
  unwatch ();
  pair_free (pair);
}

/* When @asker has the answer, @witness has had the events: it does not wait for them. */
static void
expect_told (const char *const *events, const char *answer)
{
  for (guint i = 0; events[i]; i++)
    expect_event (&asker, events[i]);
  expect (&asker, answer);
  while (recv (witness.fd, (char[1]){ 0 }, 1, MSG_PEEK) > 0)
    receive_some (&witness);
  for (guint i = 0; events[i]; i++) {
    ck_assert_msg (memchr (witness.in->str, '\n', witness.in->len) != NULL, "no %s", events[i]);
    expect_event (&witness, events[i]);
  }
}

#define EVENTS(...) ((const char *const[]){ __VA_ARGS__, NULL })

START_TEST (stop_and_cont)
{
  watch (&pair->source, "qmp");
  transmit (&asker, "{\"execute\":\"stop\"}");
  expect_told (EVENTS ("\"STOP\""), ANSWER);
  transmit (&asker, "{\"execute\":\"cont\"}");
  expect_told (EVENTS ("\"RESUME\""), ANSWER);
}
END_TEST

START_TEST (migrate_and_migrate_cancel)
{
  g_autofree char *uri = NULL;

  pair_listen (pair, "|fault:at=HELLO-ACK,kind=stall");
  watch (&pair->source, "qmp");
  uri = g_strdup_printf (URI ("migrate", "%s"), pair->address);
  /* The next command is there already, and waits for the answer too. */
  transmit (&asker, uri);
  transmit (&asker, "{\"execute\":\"migrate_cancel\",\"id\":1}");
  expect_told (EVENTS (STATUS ("setup")), ANSWER);
  expect_told (EVENTS (STATUS ("cancelling")), "{\"return\":{},\"id\":1}");
  expect_event (&asker, STATUS ("cancelled"));
  transmit (&asker, "{\"execute\":\"migrate_cancel\"}");
  expect (&asker, ANSWER);
}
END_TEST

/* While the guest still runs a busy machine may fit short rounds in before the decision: each
 * has the next number.  Returns the last one. */
static guint
expect_stop_after_rounds (void)
{
  for (guint round = 1;; round++) {
    g_autofree char *line = receive (&asker);
    g_autofree char *pass = g_strdup_printf (PASS ("%u"), round + 1);

    if (is_event (line, "\"STOP\""))
      return round;
    ck_assert_msg (is_event (line, pass), "round %u, and then %s", round, line);
  }
}

START_TEST (migrate_continue)
{
  g_autofree char *uri = NULL, *pass = NULL;

  ck_assert (gdw_migration_set_capability (pair->source.migration, "pause-before-switchover",
                                           TRUE, NULL));
  pair_listen (pair, "");
  watch (&pair->source, "qmp");
  uri = g_strdup_printf (URI ("migrate", "%s"), pair->address);
  transmit (&asker, uri);
  expect_event (&asker, STATUS ("setup"));
  expect (&asker, ANSWER);
  expect_event (&asker, PASS ("1"));
  expect_event (&asker, STATUS ("active"));
  pass = g_strdup_printf (PASS ("%u"), expect_stop_after_rounds () + 1);
  expect_event (&asker, STATUS ("pre-switchover"));
  while (!strstr (witness.in->str, "pre-switchover"))
    receive_some (&witness);
  g_string_truncate (witness.in, 0);
  transmit (&asker, CONTINUE);
  expect_told (EVENTS (STATUS ("device"), pass), ANSWER);
  expect_event (&asker, STATUS ("completed"));
  WAIT_UNTIL (pair->destination.ended);
  transmit (&asker, "{\"execute\":\"x-migrate-resolve\",\"arguments\":{\"run\":\"there\"}}");
  expect (&asker, ANSWER);
}
END_TEST

START_TEST (migrate_incoming)
{
  g_autofree char *uri = g_strdup_printf (URI ("migrate-incoming", "unix:%s/in"), pair->folder);

  watch (&pair->destination, "qmp");
  transmit (&asker, uri);
  expect_told (EVENTS (STATUS ("setup")), ANSWER);
}
END_TEST

/* An embedder's handlers are called from the main loop alone, not from within his call. */
START_TEST (no_signal_comes_from_within_a_call)
{
  watch (&pair->source, "qmp");
  g_string_truncate (pair->source.events, 0);
  pair_listen (pair, "|fault:at=HELLO-ACK,kind=stall");
  pair_migrate (pair, "");
  ck_assert_str_eq (pair->source.events->str, "");
  ck_assert (gdw_migration_cancel (pair->source.migration, NULL));
  ck_assert_str_eq (pair->source.events->str, "");
  WAIT_UNTIL (pair->source.ended);
  ck_assert_str_eq (pair->source.events->str, " setup cancelling cancelled");
}
END_TEST

/* The VM of a source that has completed is made new: from the answer on it is a destination
 * that is being set up, whatever it was before. */
START_TEST (a_vm_that_is_made_new_is_in_setup)
{
  g_autofree char *uri = g_strdup_printf (URI ("migrate-incoming", "unix:%s/in"), pair->folder);
  g_autofree char *info = NULL;

  pair_begin (pair, "", "");
  pair_wait_ended (pair);
  ck_assert_uint_eq (side_status (&pair->source), GDW_STATUS_COMPLETED);
  watch (&pair->source, "qmp");
  pair->source.holds = BIT (CALL_RESET);
  transmit (&asker, uri);
  expect_told (EVENTS (STATUS ("setup")), ANSWER);
  transmit (&asker, "{\"execute\":\"query-migrate\"}");
  info = receive (&asker);
  ck_assert_msg (strstr (info, "\"status\":\"setup\"") &&
                     strstr (info, "\"x-outcome\":\"none\""),
                 "%s", info);
  transmit (&asker, ASK);
  expect (&asker, "{\"return\":{\"running\":false,\"status\":\"postmigrate\"}}");
  pair->source.ended = 0;
  pair->source.holds = 0;
  side_release (&pair->source);
  if (_i) {
    WAIT_UNTIL (gdw_migration_get_run_state (pair->source.migration) ==
                GDW_RUN_STATE_INMIGRATE);
    ck_assert_uint_eq (side_status (&pair->source), GDW_STATUS_SETUP);
  }
}
END_TEST

static void
add (Suite *suite)
{
  TCase *events = add_case (suite, "events");

  tcase_add_checked_fixture (events, open_pair, close_pair);
  tcase_add_test (events, stop_and_cont);
  tcase_add_test (events, migrate_and_migrate_cancel);
  tcase_add_test (events, migrate_continue);
  tcase_add_test (events, migrate_incoming);
  tcase_add_test (events, no_signal_comes_from_within_a_call);
  tcase_add_loop_test (events, a_vm_that_is_made_new_is_in_setup, 0, 2);
}

int
main (void)
{
  return engine_main ("events", add);
}
