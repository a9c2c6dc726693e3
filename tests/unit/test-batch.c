/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* Claimed pages cut into frames. */
#include "core/memory/batch.h"

#include <string.h>

#include "core/link/crc32c.h"
#include "tests/support/fake-tracker.h"
#include "tests/support/suite.h"

#define LOW 2048u
#define HIGH 100u

static FakeTracker *fake;
static GdwBatch *batch;
static GdwMemOut *out;

static void
setup (void)
{
  fake = fake_tracker_new (LOW, HIGH, FALSE);
  batch = g_new0 (GdwBatch, 1);
  out = g_new0 (GdwMemOut, 1);
}

static void
teardown (void)
{
  g_free (out);
  g_free (batch);
  fake_tracker_free (fake);
}

static guint8 *
page_at (guint64 page)
{
  return fake->memory + (page << GDW_PAGE_SHIFT);
}

/* Claims [first, first + n) of region @region. */
static void
claim (guint region, guint64 first, guint64 n, gboolean look_for_holes)
{
  batch->region = region;
  batch->first = first & ~63ull;
  batch->n_pages = MIN ((first + n - batch->first + 63) & ~63ull,
                        fake->regions->pages[region] - batch->first);
  batch->round = 5;
  batch->look_for_holes = look_for_holes;
  memset (batch->claimed, 0, sizeof batch->claimed);
  for (guint64 i = first - batch->first; i < first - batch->first + n; i++)
    batch->claimed[i / 64] |= G_GUINT64_CONSTANT (1) << (i % 64);
  gdw_batch_prepare (batch, fake->regions);
}

static gboolean
cut (void)
{
  return gdw_batch_cut (batch, fake->regions, GDW_MEM_RAW_MAX, out);
}

static void
expect_run (guint i, guint64 first, guint32 count, guint32 kind)
{
  ck_assert_uint_lt (i, out->mem.n_runs);
  ck_assert_uint_eq (out->mem.runs[i].first, first);
  ck_assert_uint_eq (out->mem.runs[i].count, count);
  ck_assert_uint_eq (out->mem.runs[i].kind, kind);
}

START_TEST (one_byte_is_not_zero)
{
  static const guint at[] = { 0, 7, 63, 64, 2048, 4095 };

  ck_assert (gdw_page_is_zero (page_at (0)));
  for (guint i = 0; i < G_N_ELEMENTS (at); i++) {
    page_at (0)[at[i]] = 1;
    ck_assert (!gdw_page_is_zero (page_at (0)));
    page_at (0)[at[i]] = 0;
  }
  ck_assert (gdw_page_is_zero (page_at (0)));
}
END_TEST

START_TEST (raw_and_zero_pages_become_runs)
{
  memset (page_at (70), 1, 3 << GDW_PAGE_SHIFT);
  memset (page_at (75), 2, 1 << GDW_PAGE_SHIFT);
  claim (0, 69, 8, _i);
  ck_assert (cut ());
  ck_assert_uint_eq (out->mem.region, 0);
  ck_assert_uint_eq (out->round, 5);
  ck_assert_uint_eq (out->mem.n_runs, 5);
  expect_run (0, 69, 1, GDW_RUN_ZERO);
  expect_run (1, 70, 3, GDW_RUN_RAW);
  expect_run (2, 73, 2, GDW_RUN_ZERO);
  expect_run (3, 75, 1, GDW_RUN_RAW);
  expect_run (4, 76, 1, GDW_RUN_ZERO);
  ck_assert_uint_eq (out->mem.n_raw, 4);
  ck_assert_uint_eq (out->mem.crcs[3], gdw_crc32c (0, page_at (75), GDW_PAGE_SIZE));
  ck_assert_uint_eq (out->n_iov, 2);
  ck_assert_ptr_eq (out->iov[0].iov_base, page_at (70));
  ck_assert_uint_eq (out->iov[0].iov_len, 3 * GDW_PAGE_SIZE);
  ck_assert_ptr_eq (out->iov[1].iov_base, page_at (75));
  ck_assert (!cut ());
}
END_TEST

START_TEST (pages_that_were_not_claimed_are_left_out)
{
  memset (fake->memory, 1, fake->size);
  claim (0, 0, 64, FALSE);
  batch->claimed[0] = 0x8000000000000005u;
  ck_assert (cut ());
  ck_assert_uint_eq (out->mem.n_runs, 3);
  expect_run (0, 0, 1, GDW_RUN_RAW);
  expect_run (1, 2, 1, GDW_RUN_RAW);
  expect_run (2, 63, 1, GDW_RUN_RAW);
  ck_assert (!cut ());
}
END_TEST

START_TEST (a_frame_has_a_most_of_raw_pages)
{
  memset (fake->memory, 1, fake->size);
  claim (0, 0, 600, FALSE);
  for (guint i = 0; i < 3; i++) {
    guint32 count = MIN (GDW_MEM_RAW_MAX, 600 - i * GDW_MEM_RAW_MAX);

    ck_assert (cut ());
    expect_run (0, i * GDW_MEM_RAW_MAX, count, GDW_RUN_RAW);
    ck_assert_uint_eq (out->mem.n_raw, count);
  }
  ck_assert (!cut ());
}
END_TEST

/* Every other page, all zero: as many runs as pages, and none of them raw. */
START_TEST (a_frame_has_a_most_of_runs)
{
  guint64 page = 0;

  claim (0, 0, LOW, FALSE);
  for (guint i = 0; i < LOW / 64; i++)
    batch->claimed[i] = 0x5555555555555555u;
  while (cut ()) {
    ck_assert_uint_eq (out->mem.n_runs, GDW_MEM_RUNS_MAX);
    for (guint i = 0; i < out->mem.n_runs; i++, page += 2)
      expect_run (i, page, 1, GDW_RUN_ZERO);
  }
  ck_assert_uint_eq (page, LOW);
}
END_TEST

/* The region ends inside a word; memory that nobody touched is one run. */
START_TEST (holes_up_to_the_end_of_a_region)
{
  page_at (LOW + 1)[0] = 1;
  claim (1, 0, HIGH, TRUE);
  ck_assert (cut ());
  ck_assert_uint_eq (out->mem.region, 1);
  ck_assert_uint_eq (out->mem.n_runs, 3);
  expect_run (1, 1, 1, GDW_RUN_RAW);
  expect_run (2, 2, HIGH - 2, GDW_RUN_ZERO);
  ck_assert (!cut ());
}
END_TEST

int
main (void)
{
  TCase *tc = tcase_create ("batch");

  tcase_add_checked_fixture (tc, setup, teardown);
  tcase_add_test (tc, one_byte_is_not_zero);
  tcase_add_loop_test (tc, raw_and_zero_pages_become_runs, 0, 2);
  tcase_add_test (tc, pages_that_were_not_claimed_are_left_out);
  tcase_add_test (tc, a_frame_has_a_most_of_raw_pages);
  tcase_add_test (tc, a_frame_has_a_most_of_runs);
  tcase_add_test (tc, holes_up_to_the_end_of_a_region);
  return suite_run ("batch", tc, NULL);
}
