/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* The tables of phases, and the one function of each side that changes the phase. */
#include <check.h>
#include <string.h>

#include "core/base/thread.h"
#include "core/destination/private.h"
#include "core/source/private.h"
#include "tests/support/suite.h"

/* Written by hand, not taken from the tables. */
static const char *const source_moves[] = {
  "LINKING: STARTING ENDING",
  "STARTING: SENDING ENDING",
  "SENDING: PAUSING ENDING",
  "PAUSING: HOLDING SAVING ENDING",
  "HOLDING: SAVING ENDING",
  "SAVING: DRAINING RETURNING ENDING",
  "DRAINING: PREPARING RETURNING ENDING",
  "RETURNING: SENDING ENDING",
  "PREPARING: DRAINING FENCING ENDING",
  "FENCING: COMMITTING ENDING",
  "COMMITTING: COMMIT_LOST LEAVING",
  "COMMIT_LOST: ASKING LEAVING IN_DOUBT ENDING",
  "ASKING: LEAVING IN_DOUBT ENDING",
  "LEAVING: OVER",
  "IN_DOUBT: UNRESOLVED",
  "UNRESOLVED: OVER",
  "ENDING: OVER",
  "OVER:",
};
static const char *const destination_moves[] = {
  "LISTENING: RECEIVING FAILING",
  "RECEIVING: LOADING FAILING",
  "LOADING: PREPARED FAILING",
  "PREPARED: RESUMING FAILING",
  "RESUMING: ARRIVED",
  "ARRIVED: OVER",
  "FAILING: OVER",
  "OVER:",
};

/* The status that the attempt told last. */
static GdwStatus told;
static guint n_told, n_over;

static void
on_status (GdwStatus status, gpointer data)
{
  told = status;
  n_told++;
}

static void
on_over (gpointer data)
{
  n_over++;
}

static void
on_detach (gpointer data)
{
}

static const GdwAttemptOps ops = { .status = on_status, .detach = on_detach, .over = on_over };

static gboolean
listed (const char *const *moves, guint from, const char *to)
{
  g_auto (GStrv) words = g_strsplit (moves[from], " ", -1);

  return g_strv_contains ((const char *const *) words + 1, to);
}

static void
check_table (const GdwPhase *table, guint n, const char *side, const char *const *moves)
{
  for (guint from = 0; from < n; from++) {
    g_autofree char *name = g_strconcat (table[from].name, ":", NULL);

    ck_assert_msg (g_str_has_prefix (moves[from], name), "%s is not %s", moves[from], name);
    for (guint to = 0; to < n; to++) {
      g_autoptr (GError) error = NULL;
      gboolean ok = gdw_phase_check_move (table, side, from, to, &error);
      g_autofree char *both = g_strdup_printf ("%s: phase %s cannot become %s: ", side,
                                               table[from].name, table[to].name);

      ck_assert_msg (ok == listed (moves, from, table[to].name), "%s %s", name, table[to].name);
      ck_assert (ok || g_error_matches (error, GDW_ERROR, GDW_ERROR_FAILED));
      ck_assert (ok || g_str_has_prefix (error->message, both));
    }
  }
}

START_TEST (every_pair_is_as_listed)
{
  ck_assert_uint_eq (G_N_ELEMENTS (source_moves), GDW_SOURCE_N_PHASES);
  ck_assert_uint_eq (G_N_ELEMENTS (destination_moves), GDW_DESTINATION_N_PHASES);
  check_table (gdw_source_phases, GDW_SOURCE_N_PHASES, "source", source_moves);
  check_table (gdw_destination_phases, GDW_DESTINATION_N_PHASES, "destination",
               destination_moves);
}
END_TEST

static guint32
reachable (const GdwPhase *table, guint n, guint from)
{
  guint32 found = 1u << from, before;

  do {
    before = found;
    for (guint i = 0; i < n; i++)
      if (found & (1u << i))
        found |= table[i].next;
  } while (found != before);
  return found;
}

START_TEST (over_is_reached_from_everywhere)
{
  for (guint i = 0; i < GDW_SOURCE_N_PHASES; i++)
    ck_assert (reachable (gdw_source_phases, GDW_SOURCE_N_PHASES, i) & (1u << GDW_SOURCE_OVER));
  for (guint i = 0; i < GDW_DESTINATION_N_PHASES; i++)
    ck_assert (reachable (gdw_destination_phases, GDW_DESTINATION_N_PHASES, i) &
               (1u << GDW_DESTINATION_OVER));
}
END_TEST

/* A failure needs a move from every phase in which it is not dropped. */
START_TEST (a_failure_has_a_way_out)
{
  for (guint i = 0; i < GDW_SOURCE_N_PHASES; i++) {
    guint32 way = gdw_source_phase_is_before_commit (i)   ? 1u << GDW_SOURCE_ENDING
                  : gdw_source_phase_links_are_in_use (i) ? 1u << GDW_SOURCE_COMMIT_LOST
                                                          : 0;

    ck_assert ((gdw_source_phases[i].next & way) == way);
    ck_assert (!gdw_source_phase_is_before_commit (i) || gdw_source_phase_may_reclaim (i));
  }
  for (guint i = 0; i < GDW_DESTINATION_N_PHASES; i++)
    ck_assert (!gdw_destination_phase_is_before_commit (i) ||
               gdw_destination_phases[i].next & (1u << GDW_DESTINATION_FAILING));
}
END_TEST

static GdwSource *
make_source (GdwSourcePhase phase)
{
  static const GdwHost host = { .size = sizeof host };
  GdwSource *source = g_new0 (GdwSource, 1);

  n_told = n_over = 0;
  source->attempt.ops = &ops;
  source->attempt.context = g_main_context_default ();
  source->attempt.guest = gdw_guest_new (&host, g_main_context_default (), FALSE, NULL, NULL);
  source->cancellable = g_cancellable_new ();
  source->round_list = g_array_new (FALSE, FALSE, sizeof (GdwRoundInfo));
  source->link_list = g_array_new (FALSE, TRUE, sizeof (GdwLinkInfo));
  source->warnings = g_ptr_array_new_with_free_func (g_free);
  source->meter = gdw_meter_new (1);
  source->phase = phase;
  source->status = gdw_source_phases[phase].status;
  return source;
}

static void
free_source (GdwSource *source)
{
  GdwGuest *guest = source->attempt.guest;

  gdw_source_free (source);
  gdw_guest_free (guest);
}

static GdwDestination *
make_destination (GdwDestinationPhase phase)
{
  GdwDestination *destination = g_new0 (GdwDestination, 1);

  n_told = n_over = 0;
  destination->attempt.ops = &ops;
  destination->attempt.context = g_main_context_default ();
  destination->refs = 1;
  destination->host_cancellable = g_cancellable_new ();
  destination->accept_cancellable = g_cancellable_new ();
  destination->peers = g_ptr_array_new ();
  destination->sections = g_ptr_array_new ();
  destination->warnings = g_ptr_array_new_with_free_func (g_free);
  pthread_mutex_init (&destination->gate, NULL);
  pthread_mutex_init (&destination->arrivals_lock, NULL);
  gdw_cond_init (&destination->arrivals_changed);
  destination->phase = phase;
  destination->status = gdw_destination_phases[phase].status;
  return destination;
}

static void
check_told (const GdwPhase *from, const GdwPhase *to)
{
  gboolean changes = to->status != GDW_STATUS_NONE && to->status != from->status;

  ck_assert_uint_eq (n_told, changes);
  ck_assert (!changes || told == to->status);
}

START_TEST (an_allowed_move_shows_the_status_of_its_phase)
{
  for (guint from = 0; from < GDW_SOURCE_N_PHASES; from++)
    for (guint to = 0; to < GDW_SOURCE_N_PHASES; to++) {
      GdwSource *source;

      if (!(gdw_source_phases[from].next & (1u << to)))
        continue;
      source = make_source (from);
      ck_assert (gdw_source_enter (source, to));
      ck_assert_uint_eq (source->phase, to);
      check_told (&gdw_source_phases[from], &gdw_source_phases[to]);
      free_source (source);
    }
  for (guint from = 0; from < GDW_DESTINATION_N_PHASES; from++)
    for (guint to = 0; to < GDW_DESTINATION_N_PHASES; to++) {
      GdwDestination *destination;

      if (!(gdw_destination_phases[from].next & (1u << to)))
        continue;
      destination = make_destination (from);
      ck_assert (gdw_destination_enter (destination, to));
      ck_assert_uint_eq (destination->phase, to);
      check_told (&gdw_destination_phases[from], &gdw_destination_phases[to]);
      gdw_destination_free (destination);
    }
}
END_TEST

START_TEST (the_last_status_says_how_it_ended)
{
  const GdwPhase *over = &gdw_source_phases[GDW_SOURCE_OVER];

  ck_assert_uint_eq (gdw_phase_status (over, FALSE, FALSE), GDW_STATUS_FAILED);
  ck_assert_uint_eq (gdw_phase_status (over, TRUE, FALSE), GDW_STATUS_CANCELLED);
  ck_assert_uint_eq (gdw_phase_status (over, FALSE, TRUE), GDW_STATUS_COMPLETED);
}
END_TEST

START_TEST (a_source_that_makes_another_move_fails)
{
  for (GdwSourcePhase from = 0; gdw_source_phase_is_before_commit (from); from++) {
    GdwSource *source = make_source (from);

    ck_assert (!gdw_source_enter (source, GDW_SOURCE_OVER));
    while (!n_over)
      g_main_context_iteration (NULL, TRUE);
    ck_assert_uint_eq (source->phase, GDW_SOURCE_OVER);
    ck_assert_uint_eq (told, GDW_STATUS_FAILED);
    ck_assert_uint_eq (source->outcome, GDW_OUTCOME_SOURCE);
    ck_assert (g_error_matches (source->error, GDW_ERROR, GDW_ERROR_FAILED));
    ck_assert_ptr_nonnull (strstr (source->error->message, gdw_source_phases[from].name));
    ck_assert_ptr_nonnull (strstr (source->error->message, "OVER"));
    free_source (source);
  }
}
END_TEST

START_TEST (a_destination_that_makes_another_move_fails)
{
  for (GdwDestinationPhase from = 0; gdw_destination_phase_is_before_commit (from); from++) {
    GdwDestination *destination = make_destination (from);

    ck_assert (!gdw_destination_enter (destination, GDW_DESTINATION_ARRIVED));
    ck_assert_uint_eq (destination->phase, GDW_DESTINATION_OVER);
    ck_assert_uint_eq (n_over, 1);
    ck_assert_uint_eq (told, GDW_STATUS_FAILED);
    ck_assert_uint_eq (destination->verdict.decision, GDW_ABORTED);
    ck_assert_ptr_nonnull (
        strstr (destination->error->message, gdw_destination_phases[from].name));
    ck_assert_ptr_nonnull (strstr (destination->error->message, "ARRIVED"));
    gdw_destination_free (destination);
  }
}
END_TEST

/* Once the guest may be elsewhere the attempt ends as it was decided. */
START_TEST (a_wrong_move_after_commit_changes_nothing)
{
  GdwSource *source = make_source (GDW_SOURCE_LEAVING);
  GdwDestination *destination = make_destination (GDW_DESTINATION_RESUMING);

  ck_assert (!gdw_source_enter (source, GDW_SOURCE_ENDING));
  ck_assert_uint_eq (source->phase, GDW_SOURCE_LEAVING);
  ck_assert_uint_eq (source->warnings->len, 1);
  ck_assert (!gdw_destination_enter (destination, GDW_DESTINATION_FAILING));
  ck_assert_uint_eq (destination->phase, GDW_DESTINATION_RESUMING);
  ck_assert_uint_eq (destination->warnings->len, 1);
  ck_assert_uint_eq (n_told, 0);
  free_source (source);
  gdw_destination_free (destination);
}
END_TEST

int
main (void)
{
  TCase *tcase = tcase_create ("phases");

  tcase_set_timeout (tcase, 30);
  tcase_add_test (tcase, every_pair_is_as_listed);
  tcase_add_test (tcase, over_is_reached_from_everywhere);
  tcase_add_test (tcase, a_failure_has_a_way_out);
  tcase_add_test (tcase, an_allowed_move_shows_the_status_of_its_phase);
  tcase_add_test (tcase, the_last_status_says_how_it_ended);
  tcase_add_test (tcase, a_source_that_makes_another_move_fails);
  tcase_add_test (tcase, a_destination_that_makes_another_move_fails);
  tcase_add_test (tcase, a_wrong_move_after_commit_changes_nothing);
  return suite_run ("phases", tcase, NULL);
}
