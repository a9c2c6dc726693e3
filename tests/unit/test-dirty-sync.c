/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* The dirty-sync thread, with a tracker that does what the test says. */
#include "core/memory/dirty-sync.h"

#include <pthread.h>
#include <string.h>

#include "tests/engine/wait.h"
#include "tests/support/fake-tracker.h"
#include "tests/support/suite.h"

#define PAGES 128u
#define PAGE 70u

typedef struct {
  FakeTracker *fake;
  GdwRound *round;
  GdwPageset *marks;
  GdwRingGate *gate;
  GdwDirtySync *sync;
  gboolean started, ended;
  guint harvested;
  GdwDirtySynced last;
  char *error;               /* of whatever came last */
  gboolean claimed_too_soon; /* atomic */
  gint came_back;            /* atomic: a vCPU from the gate */
} Fixture;

static void
note (Fixture *f, const GError *error)
{
  if (!error)
    return;
  g_free (f->error);
  f->error = g_strdup (error->message);
}

static void
on_started (const GError *error, gpointer data)
{
  ((Fixture *) data)->started = TRUE;
  note (data, error);
}

static void
on_synced (const GdwDirtySynced *result, const GError *error, gpointer data)
{
  ((Fixture *) data)->harvested++;
  ((Fixture *) data)->last = *result;
  note (data, error);
}

static void
on_ended (const GError *error, gpointer data)
{
  ((Fixture *) data)->ended = TRUE;
  note (data, error);
}

static const GdwDirtySyncOps ops = { on_started, on_synced, on_ended };

static void
on_event (GdwRoundEvent event, const GdwRoundTotals *totals, gpointer data)
{
}

/* Claims as a channel would now; nothing of it is under way afterwards. */
static guint64
claim (Fixture *f)
{
  g_autofree GdwBatch *batch = g_new0 (GdwBatch, 1);
  guint64 pages = 0, first, n;

  gdw_round_go_on (f->round, FALSE);
  while (gdw_round_claim (f->round, batch, G_MAXUINT64, NULL))
    for (guint64 at = 0; gdw_bits_next_run (batch->claimed, at, batch->n_pages, &first, &n);
         at = first + n)
      pages += n;
  return pages;
}

static void
set_up_with (Fixture *f, gboolean fails, gboolean at_rearm)
{
  *f = (Fixture){ .fake = fake_tracker_new (PAGES, 0, at_rearm) };
  f->fake->data = f;
  f->fake->fails = fails;
  f->gate = gdw_ring_gate_new ();
  f->round = gdw_round_new (f->fake->regions, f->fake->tracking, 1, on_event, NULL);
  gdw_round_fill (f->round);
  f->marks = gdw_pageset_new (f->fake->regions->pages, f->fake->regions->n);
  /* The case does without rearm, which is refused before the start. */
  f->fake->tracker.traits = GDW_TRACKER_REARMS_AT_COLLECT;
  ck_assert_uint_eq (claim (f), PAGES);
  if (at_rearm)
    f->fake->tracker.traits = GDW_TRACKER_REARMS_AT_REARM;
}

static void
set_up (Fixture *f, gboolean fails)
{
  set_up_with (f, fails, FALSE);
}

static void
start (Fixture *f)
{
  GdwDirtySyncConfig config = { .round = f->round,
                                .tracking = f->fake->tracking,
                                .marks = f->marks,
                                .regions = f->fake->regions,
                                .gate = f->gate,
                                .context = g_main_context_default (),
                                .ops = &ops,
                                .data = f };

  f->sync = gdw_dirty_sync_new (&config, NULL);
  ck_assert_ptr_nonnull (f->sync);
  WAIT_UNTIL (f->started);
}

static void
tear_down (Fixture *f)
{
  if (!f->ended)
    gdw_dirty_sync_stop (f->sync);
  WAIT_UNTIL (f->ended);
  gdw_dirty_sync_free (f->sync);
  gdw_ring_gate_free (f->gate);
  gdw_round_free (f->round);
  gdw_pageset_free (f->marks);
  fake_tracker_free (f->fake);
  g_free (f->error);
}

static void
dirty (Fixture *f, guint page)
{
  f->fake->dirty[page / 64] |= G_GUINT64_CONSTANT (1) << (page % 64);
}

START_TEST (it_collects_when_asked_and_only_then)
{
  Fixture f;

  set_up (&f, FALSE);
  dirty (&f, PAGE);
  start (&f);
  ck_assert_uint_eq (claim (&f), 0);
  ck_assert_int_eq (g_atomic_int_get (&f.fake->collected), 0);
  gdw_dirty_sync_request (f.sync);
  WAIT_UNTIL (f.harvested == 1);
  ck_assert_ptr_null (f.error);
  ck_assert_uint_eq (f.last.new_pages, 1);
  ck_assert_uint_eq (f.last.dirty_pages, 1);
  ck_assert (!f.last.final);
  ck_assert_uint_eq (claim (&f), 1);
  tear_down (&f);
}
END_TEST

static gboolean
give_one_range (gpointer self, void (*add) (gpointer core, const GdwPageRange *ranges, guint n),
                gpointer core, GError **error)
{
  GdwPageRange range = { PAGE, 2, 0, 0 };

  add (core, &range, 1);
  return TRUE;
}

/* Where the tracker has both, bits are not asked for. */
START_TEST (ranges_are_taken_before_bits)
{
  Fixture f;

  set_up (&f, FALSE);
  f.fake->tracker.collect_runs = give_one_range;
  dirty (&f, PAGE + 5);
  start (&f);
  gdw_dirty_sync_request (f.sync);
  WAIT_UNTIL (f.harvested == 1);
  ck_assert_uint_eq (f.last.new_pages, 2);
  ck_assert_int_eq (g_atomic_int_get (&f.fake->collected), 0);
  ck_assert_uint_eq (claim (&f), 2);
  tear_down (&f);
}
END_TEST

/* The VMM's own writes are added, and taken only once. */
START_TEST (marks_are_merged)
{
  Fixture f;

  set_up (&f, FALSE);
  start (&f);
  gdw_pageset_add (f.marks, 0, 3, 2);
  dirty (&f, PAGE);
  gdw_dirty_sync_request (f.sync);
  WAIT_UNTIL (f.harvested == 1);
  ck_assert_uint_eq (f.last.new_pages, 3);
  ck_assert_uint_eq (gdw_pageset_count (f.marks), 0);
  ck_assert_uint_eq (claim (&f), 3);
  gdw_dirty_sync_request (f.sync);
  WAIT_UNTIL (f.harvested == 2);
  ck_assert_uint_eq (f.last.new_pages, 0);
  tear_down (&f);
}
END_TEST

/* The bits are in, the pages are not re-armed yet: a channel that could claim one now would
 * read it too soon. */
static void
claim_inside_collect (gpointer data)
{
  Fixture *f = data;

  if (claim (f))
    g_atomic_int_set (&f->claimed_too_soon, TRUE);
}

START_TEST (nothing_is_published_before_collect_returns)
{
  Fixture f;

  set_up (&f, FALSE);
  start (&f);
  dirty (&f, PAGE);
  f.fake->on_collect = claim_inside_collect;
  gdw_dirty_sync_request (f.sync);
  WAIT_UNTIL (f.harvested == 1);
  ck_assert_msg (!g_atomic_int_get (&f.claimed_too_soon), "a page was claimed too soon");
  ck_assert_uint_eq (claim (&f), 1);
  tear_down (&f);
}
END_TEST

START_TEST (the_last_one_makes_the_round_final)
{
  Fixture f;
  GdwPageset *fresh;

  set_up (&f, FALSE);
  start (&f);
  dirty (&f, PAGE);
  gdw_dirty_sync_final (f.sync);
  WAIT_UNTIL (f.harvested == 1);
  ck_assert (f.last.final);
  ck_assert_uint_eq (claim (&f), 1);
  /* It does not wait for a harvest any more. */
  fresh = gdw_pageset_new (f.fake->regions->pages, 1);
  gdw_pageset_add (fresh, 0, PAGE, 1);
  gdw_round_publish (f.round, fresh, NULL, TRUE);
  gdw_pageset_free (fresh);
  ck_assert_uint_eq (claim (&f), 1);
  tear_down (&f);
}
END_TEST

START_TEST (a_collect_that_fails_is_told)
{
  Fixture f;

  set_up (&f, FALSE);
  start (&f);
  f.fake->fails = TRUE;
  gdw_dirty_sync_request (f.sync);
  WAIT_UNTIL (f.harvested == 1);
  ck_assert_str_eq (f.error, "tracker 'fake': collect failed");
  gdw_dirty_sync_stop (f.sync);
  WAIT_UNTIL (f.ended);
  ck_assert_str_eq (f.error, "tracker 'fake': stop failed");
  tear_down (&f);
}
END_TEST

static gint
collected (Fixture *f)
{
  return g_atomic_int_get (&f->fake->collected);
}

/* Asked for or not. */
START_TEST (it_collects_all_the_time_if_that_costs_the_guest_nothing)
{
  Fixture f;

  set_up_with (&f, FALSE, TRUE);
  dirty (&f, PAGE);
  start (&f);
  WAIT_UNTIL (collected (&f) > 3);
  ck_assert_uint_eq (claim (&f), 1);
  WAIT_UNTIL (f.harvested > 0);
  ck_assert (!f.last.asked);
  gdw_dirty_sync_request (f.sync);
  WAIT_UNTIL (f.last.asked);
  ck_assert_ptr_null (f.error);
  tear_down (&f);
}
END_TEST

/* Paused, or about to be: what is asked for is done, and nothing else.  Each collect was told.
 */
START_TEST (it_rests_when_the_guest_is_to_be_paused)
{
  Fixture f;
  gint n;

  set_up_with (&f, FALSE, TRUE);
  start (&f);
  WAIT_UNTIL (collected (&f) > 5);
  gdw_dirty_sync_rest (f.sync);
  gdw_dirty_sync_request (f.sync);
  WAIT_UNTIL (f.last.asked);
  n = collected (&f);
  f.last.asked = FALSE;
  gdw_dirty_sync_request (f.sync);
  WAIT_UNTIL (f.last.asked);
  ck_assert_int_eq (collected (&f), n + 1);
  gdw_dirty_sync_final (f.sync);
  WAIT_UNTIL (f.last.final);
  ck_assert_int_eq (collected (&f), n + 2);
  ck_assert_uint_eq (f.harvested, (guint) n + 2);
  tear_down (&f);
}
END_TEST

static gpointer
vcpu_thread (gpointer data)
{
  Fixture *f = data;

  gdw_ring_gate_wait (f->gate);
  g_atomic_int_set (&f->came_back, TRUE);
  return NULL;
}

static void
wait_at_gate (Fixture *f)
{
  pthread_t thread;

  g_atomic_int_set (&f->came_back, FALSE);
  ck_assert_int_eq (pthread_create (&thread, NULL, vcpu_thread, f), 0);
  WAIT_UNTIL (g_atomic_int_get (&f->came_back));
  pthread_join (thread, NULL);
}

/* All pages are there when somebody asks for them later. */
START_TEST (it_collects_at_once_for_a_full_ring)
{
  Fixture f;

  set_up (&f, FALSE);
  start (&f);
  for (guint page = 0; page < 20; page++) {
    dirty (&f, page);
    wait_at_gate (&f);
    ck_assert_int_ge (collected (&f), page + 1);
  }
  gdw_dirty_sync_request (f.sync);
  WAIT_UNTIL (f.last.asked);
  ck_assert_uint_eq (claim (&f), 20);
  tear_down (&f);
}
END_TEST

START_TEST (nobody_waits_for_a_collect_that_fails)
{
  Fixture f;

  set_up (&f, FALSE);
  start (&f);
  f.fake->fails = TRUE;
  wait_at_gate (&f);
  WAIT_UNTIL (f.harvested == 1);
  ck_assert_str_eq (f.error, "tracker 'fake': collect failed");
  wait_at_gate (&f);
  wait_at_gate (&f);
  gdw_dirty_sync_stop (f.sync);
  WAIT_UNTIL (f.ended);
  ck_assert_uint_eq (f.harvested, 1);
  wait_at_gate (&f);
  tear_down (&f);
}
END_TEST

START_TEST (a_start_that_fails_is_told_and_ends)
{
  Fixture f;

  set_up (&f, TRUE);
  start (&f);
  ck_assert_str_eq (f.error, "tracker 'fake': start failed");
  WAIT_UNTIL (f.ended);
  ck_assert_int_eq (f.fake->stopped, 0);
  tear_down (&f);
}
END_TEST

START_TEST (tracking_is_off_when_it_has_ended)
{
  Fixture f;

  set_up (&f, FALSE);
  start (&f);
  gdw_dirty_sync_stop (f.sync);
  WAIT_UNTIL (f.ended);
  ck_assert_int_eq (g_atomic_int_get (&f.fake->stopped), 1);
  ck_assert_ptr_null (f.error);
  tear_down (&f);
}
END_TEST

int
main (void)
{
  TCase *tc = tcase_create ("harvest"), *publish = tcase_create ("publish");

  tcase_set_timeout (tc, 60);
  tcase_add_test (tc, it_collects_when_asked_and_only_then);
  tcase_add_test (tc, ranges_are_taken_before_bits);
  tcase_add_test (tc, marks_are_merged);
  tcase_add_test (publish, nothing_is_published_before_collect_returns);
  tcase_add_test (tc, the_last_one_makes_the_round_final);
  tcase_add_test (tc, a_collect_that_fails_is_told);
  tcase_add_test (tc, it_collects_all_the_time_if_that_costs_the_guest_nothing);
  tcase_add_test (tc, it_rests_when_the_guest_is_to_be_paused);
  tcase_add_test (tc, it_collects_at_once_for_a_full_ring);
  tcase_add_test (tc, nobody_waits_for_a_collect_that_fails);
  tcase_add_test (tc, a_start_that_fails_is_told_and_ends);
  tcase_add_test (tc, tracking_is_off_when_it_has_ended);
  return suite_run ("dirty-sync", tc, publish, NULL);
}
