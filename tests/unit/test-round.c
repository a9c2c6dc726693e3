/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* The cursor over the dirty pages, driven by hand: no link, no thread. */
#include "core/round.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGES 4096u

typedef struct {
  GdwRegions *regions;
  GdwTracking *tracking;
  GdwRound *round;
  GdwPageset *fresh;
  guint low, ended, drained, more;
  GdwRoundTotals last;
  guint8 *memory;
} Fixture;

static Fixture f;

static gpointer
fake_open (const GdwTrackerConfig *config, GError **error)
{
  return &f;
}

static void
fake_close (gpointer self)
{
}

static gboolean
fake_start (gpointer self, GError **error)
{
  return TRUE;
}

static gboolean
fake_collect (gpointer self, guint64 *const *bits, GError **error)
{
  return TRUE;
}

static const GdwTracker fake = { GDW_PLUGIN_HEAD (GdwTracker, GDW_PLUGIN_TRACKER),
                                 .plugin.name = "fake",
                                 .plugin.summary = "of the test",
                                 .traits = GDW_TRACKER_REARMS_AT_COLLECT,
                                 .open = fake_open,
                                 .close = fake_close,
                                 .start = fake_start,
                                 .collect = fake_collect,
                                 .stop = fake_start };

static void
notify (GdwRoundEvent event, const GdwRoundTotals *totals, gpointer data)
{
  f.low += event == GDW_ROUND_LOW;
  f.ended += event == GDW_ROUND_ENDED;
  f.drained += event == GDW_ROUND_DRAINED;
  f.more += event == GDW_ROUND_MORE;
  if (totals)
    f.last = *totals;
}

static void
open_round (guint n_links)
{
  f.round = gdw_round_new (f.regions, f.tracking, n_links, notify, NULL);
}

static void
setup (void)
{
  GdwRegion region = {
    .name = "ram", .size = PAGES * GDW_PAGE_SIZE, .page_size = GDW_PAGE_SIZE, .fd = -1
  };

  f = (Fixture){ 0 };
  f.memory = mmap (NULL, region.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                   0);
  ck_assert (f.memory != MAP_FAILED);
  for (guint i = 0; i < PAGES; i++)
    f.memory[i * GDW_PAGE_SIZE] = 1;
  region.host_addr = f.memory;
  f.regions = gdw_regions_copy (&region, 1, NULL);
  f.tracking = gdw_tracking_open (&fake, NULL, f.regions->table, 1, NULL, NULL);
  ck_assert (gdw_tracking_start (f.tracking, NULL));
  f.fresh = gdw_pageset_new (f.regions->pages, 1);
}

static void
teardown (void)
{
  gdw_round_free (f.round);
  gdw_pageset_free (f.fresh);
  gdw_tracking_close (f.tracking);
  gdw_regions_free (f.regions);
  munmap (f.memory, PAGES * GDW_PAGE_SIZE);
}

static void
acknowledge (const GdwMem *mem)
{
  gsize bytes = mem->n_runs * sizeof (GdwRun);
  GdwSent *sent = g_malloc0 (sizeof *sent + bytes);

  sent->region = mem->region;
  sent->n_runs = mem->n_runs;
  memcpy (sent->runs, mem->runs, bytes);
  for (guint i = 0; i < mem->n_runs; i++)
    sent->pages += mem->runs[i].count;
  gdw_round_acked (f.round, sent);
  g_free (sent);
}

/* Claims all that can be claimed now; gives how many pages were sent. */
static guint64
send_all (gboolean acked)
{
  g_autofree GdwMemOut *out = g_new0 (GdwMemOut, 1);
  g_autofree GdwBatch *batch = g_new0 (GdwBatch, 1);
  guint64 pages = 0;

  while (gdw_round_claim (f.round, batch, NULL))
    while (gdw_batch_cut (batch, f.regions, out)) {
      for (guint i = 0; i < out->mem.n_runs; i++)
        pages += out->mem.runs[i].count;
      if (acked)
        acknowledge (&out->mem);
    }
  return pages;
}

static void
publish (guint64 first, guint64 n)
{
  if (n)
    gdw_pageset_add (f.fresh, 0, first, n);
  gdw_round_publish (f.round, f.fresh);
}

START_TEST (a_round_sends_each_page_once_and_waits_for_a_harvest)
{
  open_round (_i);
  ck_assert_uint_eq (send_all (TRUE), PAGES);
  ck_assert_uint_eq (f.low, 1);
  ck_assert_uint_eq (f.ended, 1);
  ck_assert_uint_eq (f.last.pages, PAGES);
  ck_assert_uint_eq (send_all (TRUE), 0);
  publish (100, 5);
  ck_assert_uint_eq (gdw_round_number (f.round), 2);
  ck_assert_uint_eq (send_all (TRUE), 5);
}
END_TEST

/* A guest that stands still but must not be switched over yet: somebody has to
 * look again, or nobody ever does. */
START_TEST (a_round_that_ends_with_nothing_dirty_asks_for_a_harvest)
{
  open_round (1);
  send_all (TRUE);
  publish (0, 0);
  for (guint i = 2; i < 6; i++) {
    ck_assert_uint_eq (send_all (TRUE), 0);
    ck_assert_uint_eq (f.low, i);
    publish (0, 0);
  }
  ck_assert_uint_eq (f.ended, 1); /* a round in which nothing was sent is none */
}
END_TEST

START_TEST (a_harvest_during_the_round_lets_the_next_begin_and_ask)
{
  g_autofree GdwBatch *batch = g_new0 (GdwBatch, 1);
  g_autofree GdwMemOut *out = g_new0 (GdwMemOut, 1);

  open_round (1);
  while (!f.low && gdw_round_claim (f.round, batch, NULL))
    while (gdw_batch_cut (batch, f.regions, out))
      acknowledge (&out->mem);
  publish (0, 0);
  send_all (TRUE);
  ck_assert_uint_eq (f.ended, 1);
  ck_assert_uint_eq (f.low, 2);
}
END_TEST

/* The cursor stands behind them when the guest is paused. */
START_TEST (final_pages_behind_the_cursor_are_sent)
{
  g_autofree GdwBatch *batch = g_new0 (GdwBatch, 1);
  g_autofree GdwMemOut *out = g_new0 (GdwMemOut, 1);

  open_round (1);
  send_all (TRUE);
  publish (2000, 1);
  ck_assert (gdw_round_claim (f.round, batch, NULL));
  ck_assert (gdw_batch_cut (batch, f.regions, out));
  publish (10, 3);
  gdw_round_final (f.round);
  ck_assert_uint_eq (f.drained, 0);
  ck_assert_uint_eq (send_all (TRUE), 3);
  ck_assert_uint_eq (f.drained, 0);
  acknowledge (&out->mem);
  ck_assert_uint_eq (f.drained, 1);
  ck_assert_uint_eq (f.last.pages, 3);
}
END_TEST

START_TEST (final_with_nothing_left_is_drained_at_once)
{
  open_round (2);
  send_all (TRUE);
  publish (0, 0);
  gdw_round_final (f.round);
  ck_assert_uint_eq (f.drained, 1);
}
END_TEST

/* With several links an older copy could overtake; with one it cannot. */
START_TEST (a_page_under_way_is_sent_again_on_one_link_only)
{
  open_round (_i);
  ck_assert_uint_eq (send_all (FALSE), PAGES);
  publish (7, 1);
  ck_assert_uint_eq (send_all (FALSE), _i == 1 ? 1 : 0);
  ck_assert_uint_eq (gdw_round_dirty_pages (f.round), _i == 1 ? 0 : 1);
}
END_TEST

static gboolean
damage (guint64 page, guint64 number, GError **error)
{
  g_autofree GdwNak *nak = g_new0 (GdwNak, 1);

  nak->n_pages = 1;
  nak->pages[0] = page;
  return gdw_round_nak (f.round, nak, number, error);
}

START_TEST (a_damaged_copy_is_sent_again)
{
  open_round (1);
  send_all (TRUE);
  ck_assert (damage (9, 1, NULL));
  ck_assert (damage (9, 1, NULL));
  ck_assert_uint_eq (gdw_round_dirty_pages (f.round), 1);
  publish (0, 0);
  ck_assert_uint_eq (send_all (TRUE), 1);
}
END_TEST

START_TEST (a_copy_made_while_paused_may_be_damaged_once)
{
  g_autoptr (GError) error = NULL;
  guint64 live, paused;

  open_round (1);
  send_all (TRUE);
  live = gdw_round_number (f.round);
  gdw_round_final (f.round);
  paused = gdw_round_number (f.round);
  for (guint i = 0; i < 3; i++) /* late news of live copies */
    ck_assert (damage (9, live - 1, NULL));
  ck_assert_uint_eq (send_all (FALSE), 1);
  ck_assert (damage (9, paused, NULL));
  ck_assert_uint_eq (send_all (FALSE), 1);
  ck_assert (!damage (9, paused, &error));
  ck_assert_str_eq (error->message,
                    "source: page 9 of region 'ram' arrived damaged twice while the guest was "
                    "paused; check the network and the memory of both hosts");
}
END_TEST

START_TEST (holes_and_zero_pages_cost_nothing)
{
  g_autofree GdwMemOut *out = g_new0 (GdwMemOut, 1);
  g_autofree GdwBatch *batch = g_new0 (GdwBatch, 1);
  guint raw = 0;

  madvise (f.memory, 1000 * GDW_PAGE_SIZE, MADV_DONTNEED);
  f.memory[2000 * GDW_PAGE_SIZE] = 0;
  open_round (1);
  while (gdw_round_claim (f.round, batch, NULL))
    while (gdw_batch_cut (batch, f.regions, out))
      raw += out->mem.n_raw;
  ck_assert_uint_eq (raw, PAGES - 1001);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("round");
  TCase *tc = tcase_create ("round");
  SRunner *runner;

  tcase_set_timeout (tc, 30);
  tcase_add_checked_fixture (tc, setup, teardown);
  tcase_add_loop_test (tc, a_round_sends_each_page_once_and_waits_for_a_harvest, 1, 5);
  tcase_add_test (tc, a_round_that_ends_with_nothing_dirty_asks_for_a_harvest);
  tcase_add_test (tc, a_harvest_during_the_round_lets_the_next_begin_and_ask);
  tcase_add_test (tc, final_pages_behind_the_cursor_are_sent);
  tcase_add_test (tc, final_with_nothing_left_is_drained_at_once);
  tcase_add_loop_test (tc, a_page_under_way_is_sent_again_on_one_link_only, 1, 3);
  tcase_add_test (tc, a_damaged_copy_is_sent_again);
  tcase_add_test (tc, a_copy_made_while_paused_may_be_damaged_once);
  tcase_add_test (tc, holes_and_zero_pages_cost_nothing);
  suite_add_tcase (suite, tc);
  runner = srunner_create (suite);
  srunner_set_tap (runner, "-");
  srunner_run_all (runner, CK_SILENT);
  srunner_free (runner);
  return 0;
}
