/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* COMMIT on its way: who has the guest when a message is lost.  Never both sides (every Side
 * looks at each event), and one of them wherever there is somebody to ask. */
#include "pair.h"

#include <glib/gstdio.h>
#include <string.h>

#include "core/migration/migration-private.h"
#include "core/source/private.h"

#define PEER_TIMEOUT_MS 2000 /* a busy machine is no dead peer */

static Pair *
begin (const char *source_filters, const char *destination_filters)
{
  Pair *pair = pair_new (&(PairConfig){
      .writers = 1, .rate = 20000, .fences = TRUE, .peer_timeout_ms = PEER_TIMEOUT_MS });

  pair_begin (pair, source_filters, destination_filters);
  return pair;
}

/* COMMIT did not arrive whole: the question decides, and the source resumes. */
static const struct {
  const char *source, *destination;
} no_commit[] = {
  { "|fault:at=COMMIT,kind=drop", "" },
  { "|fault:at=COMMIT,kind=reset", "" },
  { "|fault:at=COMMIT,kind=short", "" },
  { "|fault:at=COMMIT,kind=flip", "" },
  { "|fault:at=COMMIT,kind=stall", "" },
  { "", "|fault:at=COMMIT,kind=drop" },
  { "", "|fault:at=COMMIT,kind=reset" },
  { "", "|fault:at=COMMIT,kind=stall" },
  /* An answer that is lost is asked for again. */
  { "|fault:at=COMMIT,kind=drop|fault:at=OUTCOME,kind=reset", "" },
  { "|fault:at=COMMIT,kind=drop|fault:at=OUTCOME,kind=short", "" },
};

START_TEST (a_commit_that_is_lost_lets_the_source_resume)
{
  Pair *pair = begin (no_commit[_i].source, no_commit[_i].destination);

  pair_wait_ended (pair);
  pair_expect_kept (pair, GDW_STATUS_FAILED);
  ck_assert_uint_eq (side_status (&pair->destination), GDW_STATUS_FAILED);
  ck_assert_uint_eq (gdw_migration_get_outcome (pair->destination.migration),
                     GDW_OUTCOME_SOURCE);
  ck_assert_uint_eq (pair->destination.calls[CALL_RESUME], 0);
  ck_assert_uint_eq (pair->source.calls[CALL_REACQUIRE], 1);
  side_expect_good_guest (&pair->source);
  pair_expect_next_completes (pair);
  pair_free (pair);
}
END_TEST

/* COMMIT arrived: the destination runs, whatever became of its answer. */
static const struct {
  const char *source, *destination;
} no_answer[] = {
  { "", "|fault:at=COMMITTED,kind=drop" },   { "", "|fault:at=COMMITTED,kind=reset" },
  { "", "|fault:at=COMMITTED,kind=short" },  { "", "|fault:at=COMMITTED,kind=flip" },
  { "", "|fault:at=COMMITTED,kind=stall" },  { "|fault:at=COMMITTED,kind=drop", "" },
  { "|fault:at=COMMITTED,kind=reset", "" },  { "|fault:at=COMMITTED,kind=stall", "" },
  { "|fault:at=COMMIT,kind=duplicate", "" }, { "", "|fault:at=COMMITTED,kind=duplicate" },
};

START_TEST (an_answer_that_is_lost_is_asked_for)
{
  Pair *pair = begin (no_answer[_i].source, no_answer[_i].destination);

  WAIT_UNTIL (pair->source.ended);
  WAIT_UNTIL (side_status (&pair->destination) == GDW_STATUS_COMPLETED);
  ck_assert_uint_eq (gdw_migration_get_outcome (pair->source.migration),
                     GDW_OUTCOME_DESTINATION);
  ck_assert_uint_eq (pair->source.calls[CALL_REACQUIRE], 0);
  pair_expect_arrived (pair);
  pair_free (pair);
}
END_TEST

/* CONFIRM is lost: the destination only listens longer. */
START_TEST (a_lost_confirm_costs_nothing)
{
  Pair *pair = begin ("|fault:at=CONFIRM,kind=drop", "");

  WAIT_UNTIL (pair->source.ended);
  WAIT_UNTIL (side_status (&pair->destination) == GDW_STATUS_COMPLETED);
  pair_expect_arrived (pair);
  pair_free (pair);
}
END_TEST

/* The listener is there, but cannot be found; or it can again. */
static void
hide_listener (Pair *pair, gboolean hidden)
{
  const char *path = pair->address + strlen ("unix:");
  g_autofree char *away = g_strconcat (path, ".away", NULL);

  ck_assert_int_eq (g_rename (hidden ? path : away, hidden ? away : path), 0);
}

/* The source paused its guest, and nobody can be asked. */
static Pair *
fall_in_doubt_at (const char *filters)
{
  Pair *pair = begin (filters, "");

  WAIT_UNTIL (pair_fault_acted (pair));
  hide_listener (pair, TRUE);
  WAIT_UNTIL (pair->source.ended);
  ck_assert_uint_eq (side_status (&pair->source), GDW_STATUS_FAILED);
  ck_assert_uint_eq (gdw_migration_get_outcome (pair->source.migration), GDW_OUTCOME_UNKNOWN);
  ck_assert (strstr (side_error (&pair->source), "the outcome is unknown") != NULL);
  ck_assert_uint_eq (gdw_migration_get_run_state (pair->source.migration),
                     GDW_RUN_STATE_PAUSED);
  ck_assert (!pair->source.runs && pair->source.fenced);
  return pair;
}

/* COMMIT is on its way, and the destination has given up. */
static Pair *
fall_in_doubt (void)
{
  Pair *pair = fall_in_doubt_at ("|fault:at=COMMIT,kind=stall");

  WAIT_UNTIL (pair->destination.ended);
  ck_assert_uint_eq (side_status (&pair->destination), GDW_STATUS_FAILED);
  return pair;
}

static gboolean
has_outcome (Side *side, GdwOutcome outcome)
{
  return gdw_migration_get_outcome (side->migration) == outcome;
}

/* The destination has told that it is over, and still answers. */
START_TEST (a_late_aborted_gives_the_guest_back)
{
  Pair *pair = fall_in_doubt ();
  g_autofree char *stopped = _i ? side_stop (&pair->source) : NULL;

  hide_listener (pair, FALSE);
  WAIT_UNTIL (has_outcome (&pair->source, GDW_OUTCOME_SOURCE));
  WAIT_UNTIL (!pair->source.fenced && pair->source.runs == !_i);
  ck_assert_uint_eq (side_status (&pair->source), GDW_STATUS_FAILED);
  ck_assert (g_str_has_prefix (side_error (&pair->source),
                               "destination: answered that the guest is here; before that: "));
  ck_assert_uint_eq (pair->source.ended, 1);
  ck_assert_uint_eq (pair->destination.calls[CALL_RESUME], 0);
  side_expect_good_guest (&pair->source);
  pair_expect_next_completes (pair);
  pair_free (pair);
}
END_TEST

START_TEST (a_late_committed_lets_it_go)
{
  Pair *pair = fall_in_doubt_at ("|fault:at=COMMITTED,kind=drop");
  g_autofree char *refused = NULL, *cont = NULL;

  ck_assert_uint_eq (pair->destination.ended, 0);
  hide_listener (pair, FALSE);
  WAIT_UNTIL (has_outcome (&pair->source, GDW_OUTCOME_DESTINATION));
  ck_assert_uint_eq (gdw_migration_get_run_state (pair->source.migration),
                     GDW_RUN_STATE_POSTMIGRATE);
  ck_assert_uint_eq (side_status (&pair->source), GDW_STATUS_FAILED);
  ck_assert (g_str_has_prefix (side_error (&pair->source),
                               "destination: answered that the guest is there; before that: "));
  refused = side_cont (&pair->source);
  ck_assert (strstr (refused, "x-migrate-resolve") != NULL);
  /* It was confirmed. */
  WAIT_UNTIL (pair->destination.ended);
  ck_assert_uint_eq (side_status (&pair->destination), GDW_STATUS_COMPLETED);
  ck_assert (pair_is_equal (pair));
  cont = side_cont (&pair->destination);
  ck_assert_ptr_null (cont);
  side_expect_good_guest (&pair->destination);
  ck_assert (!pair->source.runs);
  pair_free (pair);
}
END_TEST

/* The operator was first: nobody asks any more, and no answer counts. */
START_TEST (resolve_ends_the_asking)
{
  Pair *pair = fall_in_doubt ();
  g_autofree char *error = NULL;
  GdwSource *source = pair->source.migration->source;

  ck_assert_ptr_nonnull (source->query);
  error = side_resolve (&pair->source, _i);
  ck_assert_ptr_null (error);
  ck_assert_ptr_null (source->query);
  ck_assert_uint_eq (source->phase, GDW_SOURCE_OVER);
  hide_listener (pair, FALSE);
  ck_assert (has_outcome (&pair->source, _i ? GDW_OUTCOME_SOURCE : GDW_OUTCOME_DESTINATION));
  ck_assert_int_eq (pair->source.runs, _i);
  pair_free (pair);
}
END_TEST

START_TEST (a_guest_of_unknown_outcome_stays_paused)
{
  Pair *pair = fall_in_doubt ();
  g_autofree char *cont = side_cont (&pair->source);
  g_autoptr (GError) error = NULL, incoming = NULL;

  ck_assert (strstr (cont, "x-migrate-resolve") != NULL);
  ck_assert (!gdw_migration_start (pair->source.migration, pair->address, &error));
  ck_assert (strstr (error->message, "x-migrate-resolve") != NULL);
  ck_assert (!gdw_migration_incoming (pair->source.migration, pair->address, &incoming));
  ck_assert (!pair->source.runs);
  ck_assert (gdw_migration_cancel (pair->source.migration, NULL));
  ck_assert (!pair->source.runs);
  pair_free (pair);
}
END_TEST

START_TEST (resolve_here_takes_it_back)
{
  Pair *pair = fall_in_doubt ();
  g_autofree char *error = side_resolve (&pair->source, TRUE);

  ck_assert_ptr_null (error);
  ck_assert (pair->source.runs && !pair->source.fenced);
  ck_assert_uint_eq (gdw_migration_get_outcome (pair->source.migration), GDW_OUTCOME_SOURCE);
  side_expect_good_guest (&pair->source);
  pair_expect_next_completes (pair);
  pair_free (pair);
}
END_TEST

START_TEST (resolve_there_lets_it_go)
{
  Pair *pair = fall_in_doubt ();
  g_autofree char *error = side_resolve (&pair->source, FALSE), *cont = NULL;

  ck_assert_ptr_null (error);
  ck_assert (!pair->source.runs);
  ck_assert_uint_eq (gdw_migration_get_run_state (pair->source.migration),
                     GDW_RUN_STATE_POSTMIGRATE);
  cont = side_cont (&pair->source);
  ck_assert (strstr (cont, "x-migrate-resolve") != NULL);
  pair_free (pair);
}
END_TEST

/* The answer of publish counts, not what ended the attempt first. */
START_TEST (a_file_that_may_be_published_stays_in_doubt)
{
  Pair *pair = pair_new (&(PairConfig){ .writers = 1, .rate = 20000 });
  g_autofree char *path = g_strdup_printf ("%s/published", pair->folder);
  g_autofree char *error = NULL;

  pair->address = g_strdup_printf ("doubt:%s", path);
  pair_migrate (pair, "");
  WAIT_UNTIL (g_file_test (path, G_FILE_TEST_EXISTS));
  ck_assert (gdw_migration_yank (pair->source.migration));
  WAIT_UNTIL (pair->source.ended);
  ck_assert_uint_eq (side_status (&pair->source), GDW_STATUS_FAILED);
  ck_assert_uint_eq (gdw_migration_get_outcome (pair->source.migration), GDW_OUTCOME_UNKNOWN);
  ck_assert (!pair->source.runs);
  error = side_resolve (&pair->source, TRUE);
  ck_assert_ptr_null (error);
  side_expect_good_guest (&pair->source);
  pair_expect_next_completes (pair);
  pair_free (pair);
}
END_TEST

/* Either VMM ends, whatever it is in the middle of, and the other gets along. */
static const char *const moments[] = { "|fault:at=CONNECT,kind=stall",
                                       "|fault:at=HELLO,kind=stall",
                                       "|fault:at=MEM,kind=stall,n=3",
                                       "|fault:at=STATE,kind=stall",
                                       "|fault:at=PREPARED,kind=stall",
                                       "|fault:at=COMMITTED,kind=stall",
                                       "" /* the first pass */ };

static Pair *
begin_until (const char *filters)
{
  Pair *pair = begin (filters, "");

  WAIT_UNTIL (*filters ? pair_fault_acted (pair) : pair->source.rounds > 0);
  return pair;
}

START_TEST (the_source_may_close_at_any_time)
{
  Pair *pair = begin_until (moments[_i]);
  gboolean heard = side_status (&pair->destination) != GDW_STATUS_SETUP;

  side_close (&pair->source);
  WAIT_UNTIL (!heard || pair->destination.ended);
  pair_free (pair);
}
END_TEST

START_TEST (the_destination_may_close_at_any_time)
{
  Pair *pair = begin_until (moments[_i]);
  gboolean committed;

  committed = side_status (&pair->destination) == GDW_STATUS_COMPLETED;
  side_close (&pair->destination);
  if (!pair->source.rounds)
    ck_assert (gdw_migration_cancel (pair->source.migration, NULL));
  WAIT_UNTIL (pair->source.ended);
  ck_assert_int_eq (pair->source.runs, !committed);
  pair_free (pair);
}
END_TEST

static void
add (Suite *suite)
{
  TCase *lost = add_case (suite, "lost"), *doubt = add_case (suite, "doubt"),
        *gone = add_case (suite, "gone");

  pair_find_test_plugins ();
  tcase_add_loop_test (lost, a_commit_that_is_lost_lets_the_source_resume, 0,
                       G_N_ELEMENTS (no_commit));
  tcase_add_loop_test (lost, an_answer_that_is_lost_is_asked_for, 0, G_N_ELEMENTS (no_answer));
  tcase_add_test (lost, a_lost_confirm_costs_nothing);
  tcase_add_loop_test (doubt, a_late_aborted_gives_the_guest_back, 0, 2);
  tcase_add_test (doubt, a_late_committed_lets_it_go);
  tcase_add_loop_test (doubt, resolve_ends_the_asking, 0, 2);
  tcase_add_test (doubt, a_guest_of_unknown_outcome_stays_paused);
  tcase_add_test (doubt, resolve_here_takes_it_back);
  tcase_add_test (doubt, resolve_there_lets_it_go);
  tcase_add_test (doubt, a_file_that_may_be_published_stays_in_doubt);
  tcase_add_loop_test (gone, the_source_may_close_at_any_time, 0, G_N_ELEMENTS (moments));
  tcase_add_loop_test (gone, the_destination_may_close_at_any_time, 0, G_N_ELEMENTS (moments));
}

int
main (void)
{
  return engine_main ("handover", add);
}
