/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* The operator's word: a paused guest, stop and cont on the way, the hold before the
 * switchover, and the limit of bandwidth. */
#include "pair.h"

#include <string.h>

static void
arrive (Pair *pair)
{
  pair_begin (pair, "", "");
  pair_wait_ended (pair);
  ck_assert_uint_eq (side_status (&pair->source), GDW_STATUS_COMPLETED);
  ck_assert_uint_eq (side_status (&pair->destination), GDW_STATUS_COMPLETED);
}

static void
allow_to_run (Pair *pair)
{
  g_autofree char *error = side_cont (&pair->destination);

  ck_assert_ptr_null (error);
  ck_assert (!pair->destination.runs);
  ck_assert_uint_eq (pair->destination.calls[CALL_RESUME], 0);
}

START_TEST (a_paused_guest_stays_paused)
{
  Pair *pair = pair_new (&(PairConfig){ .paused = TRUE });

  allow_to_run (pair);
  arrive (pair);
  ck_assert_str_eq (pair->destination.events->str, " setup active paused completed");
  ck_assert_uint_eq (pair->source.calls[CALL_PAUSE], 1);
  pair_expect_arrived (pair);
  pair_free (pair);
}
END_TEST

/* The operator at the destination has the last word, in both directions. */
START_TEST (the_destination_does_as_it_was_told)
{
  Pair *pair = pair_new (&(PairConfig){ 0 });
  g_autofree char *error = NULL;

  allow_to_run (pair);
  if (_i) {
    error = side_stop (&pair->destination);
    ck_assert_ptr_null (error);
  }
  arrive (pair);
  ck_assert_int_eq (pair->destination.runs, !_i);
  ck_assert_str_eq (pair->destination.events->str,
                    _i ? " setup active paused completed" : " setup active running completed");
  pair_free (pair);
}
END_TEST

/* P4: cont at a destination before COMMIT only changes what happens after it. */
START_TEST (cont_before_commit_runs_nothing)
{
  Pair *pair = pair_new (&(PairConfig){ .peer_timeout_ms = 3000 });

  pair_begin (pair, "", "|fault:at=PREPARED,kind=stall");
  WAIT_UNTIL (pair_fault_acted (pair));
  allow_to_run (pair);
  pair_wait_ended (pair);
  pair_expect_kept (pair, GDW_STATUS_FAILED);
  ck_assert_uint_eq (pair->destination.calls[CALL_RESUME], 0);
  pair_free (pair);
}
END_TEST

static Pair *
hold (const PairConfig *config)
{
  Pair *pair = pair_new (config);

  ck_assert (gdw_migration_set_capability (pair->source.migration, "pause-before-switchover",
                                           TRUE, NULL));
  ck_assert (!gdw_migration_continue (pair->source.migration, GDW_STATUS_PRE_SWITCHOVER, NULL));
  pair_begin (pair, "", "");
  WAIT_UNTIL (side_status (&pair->source) == GDW_STATUS_PRE_SWITCHOVER);
  ck_assert (!pair->source.runs && !pair->destination.runs);
  return pair;
}

START_TEST (the_hold_ends_at_the_operators_word)
{
  Pair *pair = hold (&(PairConfig){ .writers = 1 });
  g_autofree char *refused = side_cont (&pair->source);

  ck_assert_str_eq (refused, "Migration is not finalized yet");
  allow_to_run (pair);
  ck_assert (!gdw_migration_continue (pair->source.migration, GDW_STATUS_ACTIVE, NULL));
  ck_assert_uint_eq (pair->source.calls[CALL_SAVE], 0);
  ck_assert (gdw_migration_continue (pair->source.migration, GDW_STATUS_PRE_SWITCHOVER, NULL));
  ck_assert (!gdw_migration_continue (pair->source.migration, GDW_STATUS_PRE_SWITCHOVER, NULL));
  pair_wait_ended (pair);
  ck_assert_str_eq (pair->source.events->str,
                    " setup active finish-migrate pre-switchover device postmigrate completed");
  ck_assert (pair->destination.runs);
  side_expect_good_guest (&pair->destination);
  pair_free (pair);
}
END_TEST

START_TEST (stop_during_the_hold_is_for_the_destination)
{
  Pair *pair = hold (&(PairConfig){ 0 });
  g_autofree char *error = side_stop (&pair->source);

  ck_assert_ptr_null (error);
  allow_to_run (pair);
  ck_assert (gdw_migration_continue (pair->source.migration, GDW_STATUS_PRE_SWITCHOVER, NULL));
  pair_wait_ended (pair);
  ck_assert_str_eq (pair->destination.events->str, " setup active paused completed");
  pair_expect_arrived (pair);
  pair_free (pair);
}
END_TEST

START_TEST (stop_during_the_hold_outlives_a_cancel)
{
  Pair *pair = hold (&(PairConfig){ 0 });
  g_autofree char *error = side_stop (&pair->source);

  ck_assert_ptr_null (error);
  ck_assert (gdw_migration_cancel (pair->source.migration, NULL));
  pair_wait_ended (pair);
  ck_assert (!pair->source.runs);
  ck_assert_uint_eq (gdw_migration_get_run_state (pair->source.migration),
                     GDW_RUN_STATE_PAUSED);
  pair_free (pair);
}
END_TEST

/* stop and cont at the source while memory travels. */
START_TEST (stop_and_cont_while_active)
{
  Pair *pair = pair_new (&(PairConfig){ .writers = 1, .rate = 20000 });
  g_autofree char *stop = NULL, *cont = NULL;

  pair_begin (pair, "|fault:at=MEM,kind=stall,n=3", "");
  WAIT_UNTIL (pair_fault_acted (pair));
  stop = side_stop (&pair->source);
  ck_assert_ptr_null (stop);
  ck_assert (!pair->source.runs);
  cont = side_cont (&pair->source);
  ck_assert_ptr_null (cont);
  ck_assert (pair->source.runs);
  ck_assert_str_eq (pair->source.events->str, " setup active paused running");
  ck_assert (gdw_migration_cancel (pair->source.migration, NULL));
  pair_wait_ended (pair);
  pair_expect_kept (pair, GDW_STATUS_CANCELLED);
  pair_expect_next_completes (pair);
  pair_free (pair);
}
END_TEST

START_TEST (resolve_needs_something_to_resolve)
{
  Pair *pair = pair_new (&(PairConfig){ 0 });
  g_autofree char *error = side_resolve (&pair->source, TRUE);

  ck_assert (strstr (error, "there is nothing to resolve") != NULL);
  pair_free (pair);
}
END_TEST

/* Completed, and the destination is lost: the operator takes the guest back. */
START_TEST (resolve_here_runs_a_guest_that_was_gone)
{
  Pair *pair = pair_new (&(PairConfig){ .fences = TRUE });
  g_autofree char *error = NULL;

  arrive (pair);
  ck_assert (pair->source.fenced);
  side_close (&pair->destination);
  error = side_resolve (&pair->source, TRUE);
  ck_assert_ptr_null (error);
  ck_assert (pair->source.runs);
  ck_assert (!pair->source.fenced);
  side_expect_good_guest (&pair->source);
  pair_free (pair);
}
END_TEST

/* A guest that must not converge: small bandwidth and a limit of 1 ms; then it is let go. */
START_TEST (a_small_bandwidth_holds_until_it_is_lifted)
{
  Pair *pair = pair_new (&(PairConfig){ .writers = 1, .links = _i });
  GdwMigration *migration = pair->source.migration;

  ck_assert (gdw_migration_set_parameter (migration, "max-bandwidth", "8388608", NULL));
  ck_assert (gdw_migration_set_parameter (migration, "downtime-limit", "1", NULL));
  pair_begin (pair, "", "");
  WAIT_UNTIL (pair->source.rounds >= 2);
  ck_assert_uint_eq (side_status (&pair->source), GDW_STATUS_ACTIVE);
  ck_assert (pair->source.runs);
  ck_assert (gdw_migration_set_parameter (migration, "max-bandwidth", "0", NULL));
  ck_assert (gdw_migration_set_parameter (migration, "downtime-limit", "60000", NULL));
  pair_wait_ended (pair);
  pair_expect_arrived (pair);
  pair_free (pair);
}
END_TEST

START_TEST (a_held_bandwidth_does_not_hold_a_cancel)
{
  Pair *pair = pair_new (&(PairConfig){ .writers = 1 });
  GdwMigration *migration = pair->source.migration;

  ck_assert (gdw_migration_set_parameter (migration, "max-bandwidth", "1", NULL));
  pair_begin (pair, "", "");
  WAIT_UNTIL (side_info (&pair->source).transferred_bytes > MIB);
  ck_assert (gdw_migration_cancel (migration, NULL));
  pair_wait_ended (pair);
  pair_expect_kept (pair, GDW_STATUS_CANCELLED);
  ck_assert (gdw_migration_set_parameter (migration, "max-bandwidth", "0", NULL));
  pair_expect_next_completes (pair);
  pair_free (pair);
}
END_TEST

START_TEST (a_migration_under_way_is_not_blocked)
{
  Pair *pair = pair_new (&(PairConfig){ .writers = 1 });
  GdwMigration *migration = pair->source.migration;
  g_autoptr (GError) error = NULL;
  guint incoming = gdw_migration_block (pair->destination.migration, "gpu: no", NULL);

  ck_assert_uint_ne (incoming, 0);
  ck_assert (gdw_migration_set_parameter (migration, "max-bandwidth", "1", NULL));
  pair_begin (pair, "", "");
  WAIT_UNTIL (side_status (&pair->source) == GDW_STATUS_ACTIVE);
  ck_assert_uint_eq (gdw_migration_block (migration, "gpu: no", &error), 0);
  ck_assert_str_eq (
      error->message,
      "guest: its migration cannot be blocked: it is under way, and gpu: no; wait "
      "until it has ended, or cancel it");
  ck_assert (gdw_migration_cancel (migration, NULL));
  pair_wait_ended (pair);
  pair_expect_kept (pair, GDW_STATUS_CANCELLED);
  gdw_migration_unblock (migration, gdw_migration_block (migration, "gpu: no", NULL));
  ck_assert (gdw_migration_set_parameter (migration, "max-bandwidth", "0", NULL));
  pair_expect_next_completes (pair);
  pair_free (pair);
}
END_TEST

static void
add (Suite *suite)
{
  TCase *run = add_case (suite, "run"), *held = add_case (suite, "hold"),
        *limits = add_case (suite, "limits");

  tcase_add_test (run, a_paused_guest_stays_paused);
  tcase_add_loop_test (run, the_destination_does_as_it_was_told, 0, 2);
  tcase_add_test (run, cont_before_commit_runs_nothing);
  tcase_add_test (run, stop_and_cont_while_active);
  tcase_add_test (run, resolve_needs_something_to_resolve);
  tcase_add_test (run, resolve_here_runs_a_guest_that_was_gone);
  tcase_add_test (run, a_migration_under_way_is_not_blocked);
  tcase_add_test (held, the_hold_ends_at_the_operators_word);
  tcase_add_test (held, stop_during_the_hold_is_for_the_destination);
  tcase_add_test (held, stop_during_the_hold_outlives_a_cancel);
  tcase_add_loop_test (limits, a_small_bandwidth_holds_until_it_is_lifted, 1, 3);
  tcase_add_test (limits, a_held_bandwidth_does_not_hold_a_cancel);
}

int
main (void)
{
  return engine_main ("operator", add);
}
