/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* The pages that are left, claimed and acknowledged by hand. */
#include "core/memory/round.h"

#include <string.h>

#include "tests/support/fake-tracker.h"
#include "tests/support/suite.h"

/* Two whole words and a part of one; a second region. */
#define LOW 200u
#define HIGH 64u
#define PAGE 70u

static FakeTracker *fake;
static GdwRound *work;
static GString *events;
static GdwRoundTotals totals;  /* of the last round that ended */
static GdwRoundTotals all[16]; /* of each, by its number */
static guint64 number;         /* of the round under way, from 1 on */

static void
on_event (GdwRoundEvent event, const GdwRoundTotals *ended, gpointer data)
{
  static const char *const names[] = { "", "low", "ended", "drained", "more", "quiet" };

  g_string_append_printf (events, " %s", names[event]);
  if (ended)
    totals = *ended;
  if (event == GDW_ROUND_ENDED)
    all[number++] = *ended;
}

static void
begin (guint n_links)
{
  fake = fake_tracker_new (LOW, HIGH, TRUE);
  ck_assert (gdw_tracking_start (fake->tracking, NULL));
  memset (fake->memory, 1, fake->size);
  events = g_string_new (NULL);
  number = 1;
  work = gdw_round_new (fake->regions, fake->tracking, n_links, on_event, NULL);
  gdw_round_fill (work);
}

static void
end (void)
{
  gdw_round_free (work);
  g_string_free (events, TRUE);
  fake_tracker_free (fake);
}

/* All that is to be had now, as one frame a claim. */
static GPtrArray *
claim_all (void)
{
  GPtrArray *list = g_ptr_array_new_with_free_func (g_free);
  g_autofree GdwBatch *batch = g_new0 (GdwBatch, 1);
  g_autofree GdwMemOut *out = g_new0 (GdwMemOut, 1);
  GError *error = NULL;

  while (gdw_round_claim (work, batch, G_MAXUINT64, &error)) {
    while (gdw_batch_cut (batch, fake->regions, GDW_MEM_RAW_MAX, out)) {
      GdwSent *sent = g_malloc0 (sizeof *sent + out->mem.n_runs * sizeof (GdwRun));

      sent->region = out->mem.region;
      sent->n_runs = out->mem.n_runs;
      memcpy (sent->runs, out->mem.runs, out->mem.n_runs * sizeof (GdwRun));
      for (guint i = 0; i < sent->n_runs; i++)
        sent->pages += sent->runs[i].count;
      gdw_round_cut (work, out->round, sent->pages, 1);
      g_ptr_array_add (list, sent);
    }
  }
  ck_assert_ptr_null (error);
  return list;
}

static guint64
pages_of (const GdwBatch *batch)
{
  guint64 pages = 0, at = 0, first, n;

  for (; gdw_bits_next_run (batch->claimed, at, batch->n_pages, &first, &n); at = first + n)
    pages += n;
  return pages;
}

static guint64
count (const GPtrArray *list)
{
  guint64 pages = 0;

  for (guint i = 0; i < list->len; i++)
    pages += ((GdwSent *) list->pdata[i])->pages;
  return pages;
}

static void
acknowledge (GPtrArray *list)
{
  for (guint i = 0; i < list->len; i++)
    gdw_round_acked (work, list->pdata[i]);
  g_ptr_array_unref (list);
}

static void
write_page (guint64 page)
{
  GdwPageset *fresh = gdw_pageset_new (fake->regions->pages, fake->regions->n);

  gdw_pageset_add (fresh, 0, page, 1);
  gdw_round_publish (work, fresh, NULL, FALSE);
  gdw_round_go_on (work, FALSE);
  ck_assert_uint_eq (gdw_pageset_count (fresh), 0);
  gdw_pageset_free (fresh);
}

static gboolean
damage (guint64 page, guint64 round, GError **error)
{
  GdwNak nak = { .region = 0, .n_pages = 1, .pages = { page } };

  return gdw_round_nak (work, &nak, round, error);
}

START_TEST (every_page_is_claimed_once)
{
  GPtrArray *sent;
  guint64 normal, zero;

  begin ((guint) _i);
  ck_assert_uint_eq (gdw_round_dirty_pages (work), LOW + HIGH);
  memset (fake->memory, 0, 10 << GDW_PAGE_SHIFT);
  sent = claim_all ();
  ck_assert_uint_eq (count (sent), LOW + HIGH);
  ck_assert_uint_eq (gdw_round_dirty_pages (work), 0);
  acknowledge (sent);
  gdw_round_counts (work, &normal, &zero);
  ck_assert_uint_eq (zero, 10);
  ck_assert_uint_eq (normal, LOW + HIGH - 10);
  ck_assert_uint_eq (totals.pages, LOW + HIGH);
  ck_assert_str_eq (events->str, " low ended");
  ck_assert_uint_eq (number, 2);
  end ();
}
END_TEST

/* A harvest that comes after the end of a round is what the next one waits for. */
START_TEST (a_round_waits_for_a_harvest)
{
  GPtrArray *sent;

  begin (1);
  acknowledge (claim_all ());
  sent = claim_all ();
  ck_assert_uint_eq (count (sent), 0);
  acknowledge (sent);
  write_page (PAGE);
  sent = claim_all ();
  ck_assert_uint_eq (count (sent), 1);
  ck_assert_uint_eq (((GdwSent *) sent->pdata[0])->runs[0].first, PAGE);
  acknowledge (sent);
  end ();
}
END_TEST

/* With several links an older copy must not overtake a newer one. */
START_TEST (a_page_under_way_is_not_claimed_again)
{
  GPtrArray *first, *second;

  begin (2);
  first = claim_all ();
  write_page (PAGE);
  second = claim_all ();
  ck_assert_uint_eq (count (second), 0);
  acknowledge (second);
  ck_assert_uint_eq (gdw_round_dirty_pages (work), 1);
  acknowledge (first);
  write_page (PAGE + 1);
  second = claim_all ();
  ck_assert_uint_eq (count (second), 2);
  acknowledge (second);
  end ();
}
END_TEST

/* No sweep looks for it: the acknowledgement makes it available. */
START_TEST (a_page_written_under_way_is_claimed_after_its_ack)
{
  GPtrArray *first, *second;

  begin (2);
  first = claim_all ();
  write_page (PAGE);
  gdw_round_final (work);
  second = claim_all ();
  ck_assert_uint_eq (count (second), 0);
  acknowledge (second);
  g_string_truncate (events, 0);
  acknowledge (first);
  ck_assert_str_eq (events->str, " more"); /* for the one frame that has the page */
  second = claim_all ();
  ck_assert_uint_eq (count (second), 1);
  acknowledge (second);
  ck_assert_str_eq (events->str, " more drained");
  end ();
}
END_TEST

/* One link keeps the order by itself. */
START_TEST (one_link_waits_for_no_acknowledgement)
{
  GPtrArray *first, *second;

  begin (1);
  first = claim_all ();
  write_page (PAGE);
  second = claim_all ();
  ck_assert_uint_eq (count (second), 1);
  acknowledge (first);
  acknowledge (second);
  end ();
}
END_TEST

static void
note_rearmed (gpointer data, guint64 first, guint64 n, const guint64 *bits)
{
  guint64 *rearmed = data, at, pages;

  for (guint64 from = 0; gdw_bits_next_run (bits, from, n, &at, &pages); from = at + pages)
    rearmed[0] = first + at, rearmed[1] += pages;
}

START_TEST (exactly_the_claimed_pages_are_rearmed)
{
  guint64 rearmed[2] = { 0 };

  begin (1);
  acknowledge (claim_all ());
  fake->on_rearm = note_rearmed;
  fake->data = rearmed;
  write_page (PAGE);
  acknowledge (claim_all ());
  ck_assert_uint_eq (rearmed[0], PAGE);
  ck_assert_uint_eq (rearmed[1], 1);
  end ();
}
END_TEST

START_TEST (a_rearm_that_fails_fails_the_claim)
{
  g_autofree GdwBatch *batch = g_new0 (GdwBatch, 1);
  g_autoptr (GError) error = NULL;

  begin (1);
  fake->fails = TRUE;
  ck_assert (!gdw_round_claim (work, batch, G_MAXUINT64, &error));
  ck_assert_str_eq (error->message, "tracker 'fake': rearm failed");
  end ();
}
END_TEST

/* A collect that reports the whole memory is published; how many pages that made dirty. */
static guint64
publish_all (gboolean last)
{
  GdwPageset *fresh = gdw_pageset_new (fake->regions->pages, fake->regions->n);
  guint64 added;

  gdw_pageset_fill (fresh);
  added = gdw_round_publish (work, fresh, NULL, last);
  gdw_pageset_free (fresh);
  return added;
}

static void
publish_inside_rearm (gpointer data, guint64 first, guint64 n, const guint64 *bits)
{
  guint64 *added = data;

  fake->on_rearm = NULL;
  gdw_round_collect (work);
  added[0] = publish_all (FALSE);
  gdw_round_collect (work);
  added[1] = publish_all (TRUE);
}

static void
begin_repeating (void)
{
  begin (1);
  gdw_round_free (work);
  fake->tracker.traits |= GDW_TRACKER_COLLECT_REPEATS;
  work = gdw_round_new (fake->regions, fake->tracking, 1, on_event, NULL);
  gdw_round_fill (work);
}

/* They are read with all that was written until then: reported once more they would be sent
 * twice. */
START_TEST (pages_that_are_being_rearmed_are_not_published)
{
  guint64 added[2] = { 99, 99 };

  begin_repeating ();
  fake->data = added;
  fake->on_rearm = publish_inside_rearm;
  g_ptr_array_unref (claim_all ());
  ck_assert_uint_eq (added[0], 0);
  ck_assert_uint_eq (added[1], 0);
  end ();
}
END_TEST

/* Re-armed while the tracker collected: it may have been written since, and is told again, but
 * for the last time. */
START_TEST (pages_that_were_rearmed_meanwhile_wait_for_the_next_collect)
{
  GdwPageset *none, *marks;

  begin_repeating ();
  gdw_round_collect (work);
  g_ptr_array_unref (claim_all ());
  if (_i) {
    ck_assert_uint_eq (publish_all (TRUE), LOW + HIGH);
  } else {
    none = gdw_pageset_new (fake->regions->pages, fake->regions->n);
    marks = gdw_pageset_new (fake->regions->pages, fake->regions->n);
    gdw_pageset_add (marks, 0, PAGE, 1);
    gdw_pageset_fill (none);
    /* The VMM's marks are taken once. */
    ck_assert_uint_eq (gdw_round_publish (work, none, marks, FALSE), 1);
    ck_assert_uint_eq (gdw_pageset_count (marks), 0);
    gdw_pageset_free (none);
    gdw_pageset_free (marks);
    gdw_round_collect (work);
    ck_assert_uint_eq (publish_all (FALSE), LOW + HIGH - 1);
  }
  end ();
}
END_TEST

START_TEST (a_damaged_page_is_dirty_again)
{
  GPtrArray *first, *second;

  begin (2);
  first = claim_all ();
  for (guint i = 0; i < 3; i++)
    ck_assert (damage (PAGE, 1, NULL));
  acknowledge (first);
  ck_assert_uint_eq (gdw_round_dirty_pages (work), 1);
  gdw_round_final (work);
  second = claim_all ();
  ck_assert_uint_eq (count (second), 1);
  acknowledge (second);
  end ();
}
END_TEST

/* While the guest is paused it cannot be the guest that changed it. */
START_TEST (damaged_twice_while_paused_is_an_error)
{
  g_autoptr (GError) error = NULL;

  begin (1);
  acknowledge (claim_all ());
  write_page (PAGE);
  gdw_round_final (work);
  ck_assert (damage (PAGE, number - 1, NULL));
  ck_assert (damage (PAGE, number, NULL));
  ck_assert (damage (PAGE + 1, number, NULL));
  ck_assert (!damage (PAGE, number, &error));
  ck_assert (g_error_matches (error, GDW_ERROR, GDW_ERROR_PROTOCOL));
  ck_assert (strstr (error->message, "page 70 of region 'low' arrived damaged twice") != NULL);
  end ();
}
END_TEST

START_TEST (it_is_drained_once_when_all_is_acknowledged)
{
  GPtrArray *sent;

  begin ((guint) _i);
  acknowledge (claim_all ());
  write_page (PAGE);
  g_string_truncate (events, 0);
  gdw_round_final (work);
  sent = claim_all ();
  ck_assert_uint_eq (count (sent), 1);
  ck_assert (strstr (events->str, "drained") == NULL);
  ck_assert (damage (PAGE, number, NULL));
  acknowledge (sent);
  ck_assert (strstr (events->str, "drained") == NULL);
  acknowledge (claim_all ());
  ck_assert (g_str_has_suffix (events->str, " drained"));
  ck_assert_uint_eq (totals.pages, 2);
  end ();
}
END_TEST

START_TEST (nothing_left_is_drained_at_once)
{
  begin (2);
  acknowledge (claim_all ());
  gdw_round_final (work);
  ck_assert (g_str_has_suffix (events->str, " ended drained"));
  end ();
}
END_TEST

/* The guest was given back: the next blackout is drained anew, and the first one left nothing.
 */
START_TEST (a_round_that_is_reopened_goes_on)
{
  begin (2);
  acknowledge (claim_all ());
  write_page (PAGE);
  gdw_round_final (work);
  ck_assert (damage (PAGE, number, NULL));
  acknowledge (claim_all ());
  ck_assert (gdw_round_is_drained (work));
  gdw_round_reopen (work);
  ck_assert (!gdw_round_is_drained (work));
  write_page (PAGE);
  ck_assert (damage (PAGE, number, NULL));
  ck_assert (damage (PAGE, number, NULL));
  g_string_truncate (events, 0);
  acknowledge (claim_all ());
  ck_assert_ptr_null (strstr (events->str, "drained"));
  write_page (PAGE);
  gdw_round_final (work);
  ck_assert (!gdw_round_is_drained (work));
  acknowledge (claim_all ());
  ck_assert (g_str_has_suffix (events->str, " drained"));
  ck_assert (gdw_round_is_drained (work));
  end ();
}
END_TEST

/* Harvests come all the time and tell of all memory: a sweep is a round all the same, little is
 * left of the first one all the same, and each later one asks for a harvest at its end. */
START_TEST (a_set_that_is_filled_up_all_the_time_does_not_hide_the_end)
{
  g_autofree GdwBatch *batch = g_new0 (GdwBatch, 1);
  const char *low, *over;

  begin (1);
  for (guint round = 1; round <= 3; round++) {
    g_string_truncate (events, 0);
    while (number == round) {
      ck_assert (gdw_round_claim (work, batch, G_MAXUINT64, NULL));
      gdw_round_cut (work, batch->round, pages_of (batch), 1);
      publish_all (FALSE);
      gdw_round_go_on (work, FALSE);
    }
    ck_assert_uint_eq (totals.pages, LOW + HIGH);
    low = strstr (events->str, "low");
    over = strstr (events->str, "ended");
    ck_assert_msg (low && over && low < over, "round %u:%s", round, events->str);
  }
  end ();
}
END_TEST

/* Another link claims the rest, and even goes round once more, while this one has cut nothing.
 */
START_TEST (pages_and_bytes_count_in_the_round_that_claimed_them)
{
  g_autofree GdwBatch *slow = g_new0 (GdwBatch, 1);
  guint64 pages;

  begin (2);
  ck_assert (gdw_round_claim (work, slow, 64, NULL));
  pages = pages_of (slow);
  ck_assert_uint_eq (pages, 64);
  acknowledge (claim_all ());
  write_page (HIGH + 1);
  acknowledge (claim_all ());
  ck_assert_msg (strstr (events->str, "ended") == NULL, "%s", events->str);
  if (_i) {
    gdw_round_give_back (work, slow);
    ck_assert_uint_eq (gdw_round_dirty_pages (work), pages);
    pages = 0;
  } else {
    gdw_round_cut (work, slow->round, pages, 1000);
  }
  ck_assert_uint_eq (number, 3);
  ck_assert_uint_eq (all[1].pages, LOW + HIGH - 64 + pages);
  ck_assert_uint_ge (all[1].bytes, pages ? 1001 : 1);
  ck_assert_uint_le (all[1].bytes, pages ? 1004 : 4);
  ck_assert_uint_eq (all[2].pages, 1);
  ck_assert_uint_eq (all[2].bytes, 1);
  end ();
}
END_TEST

START_TEST (a_round_waits_until_the_harvest_was_weighed)
{
  GdwPageset *fresh;

  begin (1);
  acknowledge (claim_all ());
  fresh = gdw_pageset_new (fake->regions->pages, fake->regions->n);
  gdw_pageset_add (fresh, 0, PAGE, 1);
  gdw_round_publish (work, fresh, NULL, FALSE);
  gdw_pageset_free (fresh);
  g_ptr_array_unref (claim_all ());
  ck_assert_uint_eq (gdw_round_dirty_pages (work), 1);
  gdw_round_go_on (work, FALSE);
  acknowledge (claim_all ());
  ck_assert_uint_eq (gdw_round_dirty_pages (work), 0);
  end ();
}
END_TEST

START_TEST (while_it_is_held_nobody_claims)
{
  g_autofree GdwBatch *batch = g_new0 (GdwBatch, 1);

  begin ((guint) _i);
  ck_assert (gdw_round_claim (work, batch, 64, NULL));
  g_string_truncate (events, 0);
  gdw_round_go_on (work, TRUE);
  g_ptr_array_unref (claim_all ());
  ck_assert_uint_eq (gdw_round_dirty_pages (work), LOW + HIGH - 64);
  ck_assert_str_eq (events->str, "");
  gdw_round_give_back (work, batch);
  ck_assert_str_eq (events->str, " quiet");
  gdw_round_go_on (work, TRUE);
  ck_assert_str_eq (events->str, " quiet quiet");
  gdw_round_go_on (work, FALSE);
  ck_assert_str_eq (events->str, " quiet quiet more");
  acknowledge (claim_all ());
  /* The pages that were given back lie behind the cursor. */
  ck_assert_uint_eq (totals.pages, LOW + HIGH - 64);
  end ();
}
END_TEST

/* The guest waits for the last pages: nothing holds them back. */
START_TEST (the_last_pages_are_not_held)
{
  begin (1);
  acknowledge (claim_all ());
  write_page (PAGE);
  gdw_round_go_on (work, TRUE);
  gdw_round_final (work);
  gdw_round_go_on (work, TRUE);
  acknowledge (claim_all ());
  ck_assert (g_str_has_suffix (events->str, " drained"));
  end ();
}
END_TEST

int
main (void)
{
  TCase *tc = tcase_create ("round"), *order = tcase_create ("order");

  tcase_add_loop_test (tc, every_page_is_claimed_once, 1, 4);
  tcase_add_test (tc, a_round_waits_for_a_harvest);
  tcase_add_test (order, a_page_under_way_is_not_claimed_again);
  tcase_add_test (order, a_page_written_under_way_is_claimed_after_its_ack);
  tcase_add_test (order, one_link_waits_for_no_acknowledgement);
  tcase_add_test (tc, exactly_the_claimed_pages_are_rearmed);
  tcase_add_test (tc, a_rearm_that_fails_fails_the_claim);
  tcase_add_test (tc, pages_that_are_being_rearmed_are_not_published);
  tcase_add_loop_test (tc, pages_that_were_rearmed_meanwhile_wait_for_the_next_collect, 0, 2);
  tcase_add_test (tc, a_damaged_page_is_dirty_again);
  tcase_add_test (tc, damaged_twice_while_paused_is_an_error);
  tcase_add_loop_test (tc, it_is_drained_once_when_all_is_acknowledged, 1, 3);
  tcase_add_test (tc, nothing_left_is_drained_at_once);
  tcase_add_test (tc, a_round_that_is_reopened_goes_on);
  tcase_add_test (tc, a_set_that_is_filled_up_all_the_time_does_not_hide_the_end);
  tcase_add_loop_test (tc, pages_and_bytes_count_in_the_round_that_claimed_them, 0, 2);
  tcase_add_test (tc, a_round_waits_until_the_harvest_was_weighed);
  tcase_add_loop_test (tc, while_it_is_held_nobody_claims, 1, 3);
  tcase_add_test (tc, the_last_pages_are_not_held);
  return suite_run ("round", tc, order, NULL);
}
