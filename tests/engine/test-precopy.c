/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* A migration that nothing disturbs. */
#include "pair.h"
#include "vmm/guest.h"

#include <string.h>

static const struct {
  const char *name;
  PairConfig config;
} moves[] = {
  { "idle, 1 link, anonymous", { 0 } },
  { "idle, 4 links, memfd", { .links = 4, .memfd = TRUE } },
  { "idle, empty, anonymous", { .empty = TRUE } },
  { "idle, empty, 4 links, memfd", { .empty = TRUE, .links = 4, .memfd = TRUE } },
  { "1 writer, 1 link, anonymous", { .writers = 1 } },
  { "1 writer, 4 links, memfd", { .writers = 1, .links = 4, .memfd = TRUE } },
  { "4 writers, 1 link, memfd", { .writers = 4, .rate = 40000, .memfd = TRUE } },
  { "4 writers, 4 links, anonymous", { .writers = 4, .rate = 40000, .links = 4 } },
  { "1 writer, bitmap, 2 links", { .writers = 1, .links = 2, .tracker = "bitmap" } },
};

START_TEST (arrives_whole)
{
  Pair *pair = pair_new (&moves[_i].config);

  pair_begin (pair, "", "");
  pair_wait_ended (pair);
  ck_assert_msg (strcmp (pair->source.events->str,
                         " setup active finish-migrate device postmigrate completed") == 0,
                 "%s: source:%s: %s", moves[_i].name, pair->source.events->str,
                 side_error (&pair->source));
  ck_assert_str_eq (pair->destination.events->str, " setup active paused completed");
  ck_assert_uint_eq (side_info (&pair->source).n_links, MAX (moves[_i].config.links, 1));
  pair_expect_arrived (pair);
  pair_free (pair);
}
END_TEST

START_TEST (runs_at_the_destination_at_once)
{
  Pair *pair = pair_new (&(PairConfig){ .writers = 1 });
  g_autofree char *error = side_cont (&pair->destination);

  ck_assert_ptr_null (error);
  pair_begin (pair, "", "");
  pair_wait_ended (pair);
  ck_assert_str_eq (pair->destination.events->str, " setup active running completed");
  ck_assert (pair->destination.runs && !pair->source.runs);
  side_expect_good_guest (&pair->destination);
  pair_free (pair);
}
END_TEST

/* Nothing is written: the whole memory in the first pass, the rest in the second. */
START_TEST (an_idle_guest_takes_few_passes)
{
  Pair *pair = pair_new (&(PairConfig){ .paused = TRUE });
  guint64 all = 16 * MIB + GUEST_ROM_PAGES * GDW_PAGE_SIZE;
  GdwInfo info;

  pair_begin (pair, "", "");
  pair_wait_ended (pair);
  info = side_info (&pair->source);
  ck_assert_uint_ge (pair->source.rounds, 2);
  ck_assert_uint_eq (info.rounds, pair->source.rounds);
  ck_assert_uint_eq (info.total_bytes, all);
  ck_assert_uint_eq (info.remaining_bytes, 0);
  ck_assert_uint_eq (info.normal_pages + info.zero_pages, all / GDW_PAGE_SIZE);
  ck_assert_uint_gt (info.zero_pages, 0);
  pair_expect_arrived (pair);
  pair_free (pair);
}
END_TEST

/* There and back again: the source's memory is made new first. */
START_TEST (the_guest_comes_back)
{
  Pair *pair = pair_new (&(PairConfig){ .writers = 1, .rate = 10000 });
  g_autoptr (GError) error = NULL;
  g_autofree char *uri = NULL;

  pair_begin (pair, "", "");
  pair_wait_ended (pair);
  pair_expect_arrived (pair);
  uri = g_strdup_printf ("unix:%s/back", pair->folder);
  ck_assert_msg (gdw_migration_incoming (pair->source.migration, uri, &error), "%s",
                 error ? error->message : "");
  WAIT_UNTIL (side_status (&pair->source) == GDW_STATUS_SETUP);
  ck_assert_uint_eq (pair->source.calls[CALL_RESET], 1);
  pair->source.ended = pair->destination.ended = 0;
  pair->destination.rounds = 0;
  ck_assert (gdw_migration_start (pair->destination.migration, uri, NULL));
  pair_wait_ended (pair);
  ck_assert_uint_eq (side_status (&pair->source), GDW_STATUS_COMPLETED);
  ck_assert (pair->source.runs && !pair->destination.runs);
  side_expect_good_guest (&pair->source);
  pair_free (pair);
}
END_TEST

/* The operator says stop while the VM is made new: the guest waits there. */
START_TEST (a_stop_while_the_vm_is_made_new_counts)
{
  Pair *pair = pair_new (&(PairConfig){ .writers = 1, .rate = 10000 });
  g_autofree char *uri = NULL, *error = NULL;

  pair_begin (pair, "", "");
  pair_wait_ended (pair);
  pair_expect_arrived (pair);
  uri = g_strdup_printf ("unix:%s/back", pair->folder);
  pair->source.holds = BIT (CALL_RESET);
  ck_assert (gdw_migration_incoming (pair->source.migration, uri, NULL));
  WAIT_UNTIL (pair->source.held);
  error = side_stop (&pair->source);
  ck_assert_ptr_null (error);
  pair->source.holds = 0;
  side_release (&pair->source);
  WAIT_UNTIL (side_status (&pair->source) == GDW_STATUS_SETUP);
  pair->source.ended = pair->destination.ended = 0;
  ck_assert (gdw_migration_start (pair->destination.migration, uri, NULL));
  pair_wait_ended (pair);
  ck_assert_uint_eq (side_status (&pair->source), GDW_STATUS_COMPLETED);
  ck_assert (!pair->source.runs && !pair->destination.runs);
  pair_free (pair);
}
END_TEST

/* P7, measured after one attempt has warmed the libraries up. */
START_TEST (an_attempt_leaks_no_descriptor_and_no_thread)
{
  Pair *pair = pair_new (&(PairConfig){ .links = 4 });
  guint descriptors, threads;

  pair_begin (pair, "|fault:at=STATE,kind=stall", "");
  WAIT_UNTIL (pair_fault_acted (pair));
  ck_assert (gdw_migration_cancel (pair->source.migration, NULL));
  pair_wait_ended (pair);
  pair_renew_destination (pair);
  descriptors = count_descriptors ();
  threads = count_threads ();
  pair_begin (pair, "", "");
  pair_wait_ended (pair);
  WAIT_UNTIL (count_threads () == threads);
  ck_assert_uint_eq (count_descriptors (), descriptors);
  pair_expect_arrived (pair);
  pair_free (pair);
}
END_TEST

static void
add (Suite *suite)
{
  TCase *tests = add_case (suite, "precopy");

  tcase_add_loop_test (tests, arrives_whole, 0, G_N_ELEMENTS (moves));
  tcase_add_test (tests, runs_at_the_destination_at_once);
  tcase_add_test (tests, an_idle_guest_takes_few_passes);
  tcase_add_test (tests, the_guest_comes_back);
  tcase_add_test (tests, a_stop_while_the_vm_is_made_new_counts);
  tcase_add_test (tests, an_attempt_leaks_no_descriptor_and_no_thread);
}

int
main (void)
{
  return engine_main ("precopy", add);
}
