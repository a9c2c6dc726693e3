/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "tests/support/qmp-client.h"
#include "tests/support/suite.h"

#define STATUS(id) "{\"execute\":\"query-status\",\"id\":" #id "}"
#define PAUSED(id) "{\"return\":{\"running\":false,\"status\":\"paused\"},\"id\":" #id "}"
#define YANK(id) "{\"exec-oob\":\"query-yank\",\"id\":" #id "}"
#define NONE(id) "{\"return\":[],\"id\":" #id "}"
#define STOPPED "{\"return\":{},\"id\":0}"

/* Everything that can be done without the answer to stop has been done. */
static void
settle (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static void
expect_nothing (Client *client)
{
  settle ();
  ck_assert_uint_eq (client->in->len, 0);
  ck_assert_int_eq (recv (client->fd, (char[1]){ 0 }, 1, MSG_PEEK), -1);
}

START_TEST (what_is_out_of_band_waits_for_nothing)
{
  Client client = connect_stopping (NEGOTIATE_OOB, STATUS (1) YANK (2) STATUS (3));

  expect (&client, NONE (2));
  expect_nothing (&client);
  transmit (&client, YANK (4));
  expect (&client, NONE (4));
  gdw_reply_done (vm.pausing);
  expect_event (&client, "\"STOP\"");
  expect (&client, STOPPED);
  expect (&client, PAUSED (1));
  expect (&client, PAUSED (3));
  disconnect (&client);
}
END_TEST

START_TEST (an_error_out_of_band_waits_for_nothing)
{
  Client client = connect_stopping (NEGOTIATE_OOB, "{\"exec-oob\":\"stop\",\"id\":1}");

  expect (&client, "{\"error\":{\"class\":\"GenericError\",\"desc\":"
                   "\"The command stop does not support OOB\"},\"id\":1}");
  gdw_reply_done (vm.pausing);
  expect_event (&client, "\"STOP\"");
  expect (&client, STOPPED);
  disconnect (&client);
}
END_TEST

START_TEST (what_is_no_json_keeps_its_place)
{
  Client client = connect_stopping (NEGOTIATE_OOB, "bad " STATUS (1) YANK (2));

  expect (&client, NONE (2));
  expect_nothing (&client);
  gdw_reply_done (vm.pausing);
  expect_event (&client, "\"STOP\"");
  expect (&client, STOPPED);
  expect (&client, "{\"error\":{\"class\":\"GenericError\",\"desc\":"
                   "\"JSON parse error, invalid keyword 'bad'\"}}");
  expect (&client, PAUSED (1));
  disconnect (&client);
}
END_TEST

START_TEST (nothing_overtakes_for_who_has_not_asked)
{
  Client client = connect_stopping (NEGOTIATE, YANK (1));

  expect_nothing (&client);
  gdw_reply_done (vm.pausing);
  expect_event (&client, "\"STOP\"");
  expect (&client, STOPPED);
  expect (&client, "{\"error\":{\"class\":\"GenericError\",\"desc\":"
                   "\"QMP input member 'exec-oob' is unexpected\"},\"id\":1}");
  disconnect (&client);
}
END_TEST

START_TEST (nothing_is_read_behind_eight_that_wait)
{
  Client client = connect_stopping (NEGOTIATE_OOB, STATUS (1) STATUS (2) STATUS (3) STATUS (4)
                                                       STATUS (5) STATUS (6) STATUS (7));

  transmit (&client, YANK (10));
  expect (&client, NONE (10));
  transmit (&client, STATUS (8) YANK (11));
  expect_nothing (&client);
  gdw_reply_done (vm.pausing);
  expect_event (&client, "\"STOP\"");
  expect (&client, STOPPED);
  expect (&client, PAUSED (1));
  expect (&client, NONE (11));
  for (int id = 2; id <= 8; id++) {
    g_autofree char *paused = g_strdup_printf (
        "{\"return\":{\"running\":false,\"status\":\"paused\"},\"id\":%d}", id);

    expect (&client, paused);
  }
  disconnect (&client);
}
END_TEST

START_TEST (who_half_closes_gets_all_answers)
{
  Client client = connect_stopping (NEGOTIATE_OOB, STATUS (1) YANK (2) STATUS (3));

  shutdown (client.fd, SHUT_WR);
  expect (&client, NONE (2));
  settle ();
  gdw_reply_done (vm.pausing);
  expect_event (&client, "\"STOP\"");
  expect (&client, STOPPED);
  expect (&client, PAUSED (1));
  expect (&client, PAUSED (3));
  expect (&client, NULL);
  disconnect (&client);
}
END_TEST

START_TEST (who_leaves_takes_what_waits_along)
{
  Client client = connect_stopping (NEGOTIATE_OOB, "{\"execute\":\"cont\"}" STATUS (2) "bad ");
  Client other;

  settle ();
  disconnect (&client);
  settle ();
  gdw_reply_done (vm.pausing);
  while (gdw_migration_get_run_state (vm.migration) != GDW_RUN_STATE_PAUSED)
    g_main_context_iteration (NULL, TRUE);
  other = connect_negotiated ();
  transmit (&other, STATUS (1));
  expect (&other, PAUSED (1));
  disconnect (&other);
}
END_TEST

START_TEST (a_client_beside_it_waits_as_before)
{
  Client client = connect_stopping (NEGOTIATE_OOB, YANK (1));
  Client other = connect_negotiated ();

  transmit (&other, STATUS (2) YANK (3));
  expect (&client, NONE (1));
  expect (&other, "{\"return\":{\"running\":true,\"status\":\"running\"},\"id\":2}");
  expect (&other, "{\"error\":{\"class\":\"GenericError\",\"desc\":"
                  "\"QMP input member 'exec-oob' is unexpected\"},\"id\":3}");
  gdw_reply_done (vm.pausing);
  expect_event (&other, "\"STOP\"");
  disconnect (&other);
  disconnect (&client);
}
END_TEST

int
main (void)
{
  TCase *tcase = tcase_create ("oob");

  tcase_set_timeout (tcase, 30);
  tcase_add_checked_fixture (tcase, setup, teardown);
  tcase_add_test (tcase, what_is_out_of_band_waits_for_nothing);
  tcase_add_test (tcase, an_error_out_of_band_waits_for_nothing);
  tcase_add_test (tcase, what_is_no_json_keeps_its_place);
  tcase_add_test (tcase, nothing_overtakes_for_who_has_not_asked);
  tcase_add_test (tcase, nothing_is_read_behind_eight_that_wait);
  tcase_add_test (tcase, who_half_closes_gets_all_answers);
  tcase_add_test (tcase, who_leaves_takes_what_waits_along);
  tcase_add_test (tcase, a_client_beside_it_waits_as_before);
  return suite_run ("qmp-oob", tcase, NULL);
}
