/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* Writes of the VMM itself, and how memory is counted. */
#include "pair.h"

#include <string.h>

#define STATIC_PAGE (8 * MIB) /* outside the working set */

static void
finish (Pair *pair)
{
  pair_wait_ended (pair);
  ck_assert_uint_eq (side_status (&pair->source), GDW_STATUS_COMPLETED);
  ck_assert_msg (pair_is_equal (pair), "the memory of the two sides differs");
}

/* Marks made at any time arrive: before the start they are nobody's, memory is sent whole. */
START_TEST (writes_of_the_vmm_arrive)
{
  Pair *pair = pair_new (&(PairConfig){ .writers = 1, .links = _i });
  Side *source = &pair->source;

  side_device_writes (source, STATIC_PAGE, 1);
  ck_assert (
      gdw_migration_set_capability (source->migration, "pause-before-switchover", TRUE, NULL));
  pair_begin (pair, "", "");
  for (guint value = 1; side_status (source) != GDW_STATUS_PRE_SWITCHOVER; value++) {
    for (guint page = 0; page < 64; page++)
      side_device_writes (source, STATIC_PAGE + page * GDW_PAGE_SIZE, (guint8) value);
    g_main_context_iteration (NULL, TRUE);
  }
  side_device_writes (source, STATIC_PAGE, 77);
  ck_assert (gdw_migration_continue (source->migration, GDW_STATUS_PRE_SWITCHOVER, NULL));
  finish (pair);
  ck_assert_uint_eq (*side_page (&pair->destination, STATIC_PAGE), 77);
  side_device_writes (source, STATIC_PAGE, 78); /* nobody listens, no harm */
  pair_free (pair);
}
END_TEST

/* Other threads mark while an attempt begins, is cancelled, and another runs. */
typedef struct {
  Side *side;
  gint stop;
} Marker;

static gpointer
mark_until_stop (gpointer data)
{
  Marker *marker = data;

  while (!g_atomic_int_get (&marker->stop))
    gdw_migration_mark_dirty (marker->side->migration, STATIC_PAGE, 3 * GDW_PAGE_SIZE);
  return NULL;
}

START_TEST (marks_may_come_from_any_thread_at_any_time)
{
  Pair *pair = pair_new (&(PairConfig){ 0 });
  Marker marker = { .side = &pair->source };
  GThread *threads[2];

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("marker", mark_until_stop, &marker);
  for (guint i = 0; i < 3; i++) {
    pair_begin (pair, "|fault:at=PREPARED,kind=stall", "");
    WAIT_UNTIL (pair_fault_acted (pair));
    ck_assert (gdw_migration_cancel (pair->source.migration, NULL));
    pair_wait_ended (pair);
    pair_renew_destination (pair);
  }
  pair_begin (pair, "", "");
  pair_wait_ended (pair);
  g_atomic_int_set (&marker.stop, TRUE);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  pair_expect_arrived (pair);
  pair_free (pair);
}
END_TEST

START_TEST (marks_outside_of_memory_are_nobodys)
{
  Pair *pair = pair_new (&(PairConfig){ 0 });

  pair_begin (pair, "|fault:at=MEM,kind=stall,n=2,for=1", "");
  WAIT_UNTIL (pair_fault_acted (pair));
  gdw_migration_mark_dirty (pair->source.migration, 16 * MIB - 1, 2);
  gdw_migration_mark_dirty (pair->source.migration, 1024 * MIB, MIB);
  gdw_migration_mark_dirty (pair->source.migration, 0, 0);
  finish (pair);
  pair_expect_arrived (pair);
  pair_free (pair);
}
END_TEST

/* Memory that was never touched costs a few bytes. */
START_TEST (cost_follows_populated_memory)
{
  Pair *pair = pair_new (&(PairConfig){ .empty = TRUE, .paused = TRUE, .memfd = _i });
  GdwInfo info;

  pair_begin (pair, "", "");
  finish (pair);
  info = side_info (&pair->source);
  ck_assert_uint_lt (info.transferred_bytes, MIB);
  ck_assert_uint_ge (info.zero_pages, 14 * MIB / GDW_PAGE_SIZE);
  pair_expect_arrived (pair);
  pair_free (pair);
}
END_TEST

/* Many small runs: every other page is zero, a frame is full of runs long before it is full
 * of pages, and credit is asked for all the time. */
START_TEST (many_small_runs)
{
  Pair *pair = pair_new (&(PairConfig){ .links = _i });

  for (guint64 gpa = 2 * MIB; gpa < 16 * MIB; gpa += 2 * GDW_PAGE_SIZE)
    memset (side_page (&pair->source, gpa), 0, GDW_PAGE_SIZE);
  pair_begin (pair, "", "");
  finish (pair);
  ck_assert_uint_ge (side_info (&pair->source).zero_pages, 7 * MIB / GDW_PAGE_SIZE);
  pair_free (pair);
}
END_TEST

START_TEST (a_long_way_slows_nothing_down_to_a_standstill)
{
  Pair *pair = pair_new (&(PairConfig){ .writers = 1, .rate = 5000, .links = _i });

  pair_begin (pair, "|delay:ms=5", "|delay:ms=5");
  finish (pair);
  pair_expect_arrived (pair);
  pair_free (pair);
}
END_TEST

static void
add (Suite *suite)
{
  TCase *marks = add_case (suite, "marks"), *runs = add_case (suite, "runs");

  tcase_add_loop_test (marks, writes_of_the_vmm_arrive, 1, 3);
  tcase_add_test (marks, marks_may_come_from_any_thread_at_any_time);
  tcase_add_test (marks, marks_outside_of_memory_are_nobodys);
  tcase_add_loop_test (runs, cost_follows_populated_memory, 0, 2);
  tcase_add_loop_test (runs, many_small_runs, 1, 4);
  tcase_add_loop_test (runs, a_long_way_slows_nothing_down_to_a_standstill, 1, 3);
}

int
main (void)
{
  return engine_main ("memory", add);
}
