/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* A promise about the downtime: a blackout that takes longer than x-max-downtime gives the
 * guest back, and in the end the migration fails. */
#include "pair.h"

#include <string.h>

#include "core/migration/migration-private.h"
#include "core/source/private.h"

#define SHORT "20" /* ms: what is held takes longer */
#define LONG "3000"

#define BLACKOUT " finish-migrate device"
#define GIVEN_BACK BLACKOUT " running"

static Pair *
new_pair (const char *tracker, guint links, const char *max_downtime)
{
  Pair *pair = pair_new (&(PairConfig){
      .writers = 1, .rate = 20000, .links = links, .fences = TRUE, .tracker = tracker });

  ck_assert (gdw_migration_set_parameter (pair->source.migration, "x-max-downtime",
                                          max_downtime, NULL));
  return pair;
}

static guint
count_returns (Side *side)
{
  GdwInfo info = side_info (side);
  guint n = 0;

  for (guint i = 0; i < info.warnings->len; i++)
    n += strstr (info.warnings->pdata[i], "was paused for longer than x-max-downtime (" SHORT
                                          " ms): it runs on, and so does precopy (") != NULL;
  return n;
}

/* The host's save_state never ends. */
START_TEST (three_times_it_is_given_back)
{
  Pair *pair = new_pair (NULL, 0, SHORT);

  pair->source.holds = BIT (CALL_SAVE);
  pair_begin (pair, "", "");
  pair_wait_ended (pair);
  pair_expect_kept (pair, GDW_STATUS_FAILED);
  ck_assert_str_eq (pair->source.events->str,
                    " setup active" GIVEN_BACK " active" GIVEN_BACK " active" GIVEN_BACK
                    " active" GIVEN_BACK " failed");
  ck_assert_uint_eq (count_returns (&pair->source), 3);
  ck_assert_ptr_nonnull (
      strstr (side_error (&pair->source),
              "source: the guest was paused for longer than x-max-downtime (" SHORT
              " ms), and was given back three times before"));
  ck_assert_str_eq (side_error (&pair->destination), side_error (&pair->source));
  side_expect_good_guest (&pair->source);
  pair->source.holds = 0;
  ck_assert (gdw_migration_set_parameter (pair->source.migration, "x-max-downtime", "0", NULL));
  pair_expect_next_completes (pair);
  pair_free (pair);
}
END_TEST

/* Once it is back there is time enough. */
static void
raise_limit (Side *side, const char *event)
{
  if (strcmp (event, "running") != 0)
    return;
  side->holds = 0;
  g_atomic_int_set (&side->hook_state, FALSE);
  ck_assert (gdw_migration_set_parameter (side->migration, "x-max-downtime", "0", NULL));
}

/* There is a page left to send after the pause, and nothing is sent until the guest is back. */
static void
leave_a_page (Side *side, Call call)
{
  guint64 gpa = 8 * MIB;

  if (call != CALL_SAVE || side->calls[CALL_SAVE] > 1)
    return;
  g_atomic_int_set (&side->hook_state, TRUE);
  side_vcpu_writes (side, gpa, *side_page (side, gpa));
}

static void
wait_for_guest (Side *side, guint region, guint64 first, guint64 n, const guint64 *bits)
{
  while (g_atomic_int_get (&side->hook_state))
    g_thread_yield ();
}

static const struct {
  const char *tracker;
  guint links;
  gboolean while_draining; /* else while it is saved */
} returns[] = {
  { "bitmap", 0, FALSE },         { "bitmap", 4, FALSE },        { "manual-protect", 0, FALSE },
  { "manual-protect", 4, FALSE }, { "manual-protect", 0, TRUE }, { "manual-protect", 4, TRUE },
};

START_TEST (precopy_goes_on_to_the_end)
{
  Pair *pair = new_pair (returns[_i].tracker, returns[_i].links, SHORT);

  pair->source.on_event = raise_limit;
  if (returns[_i].while_draining) {
    pair->source.on_call = leave_a_page;
    pair->source.on_clear = wait_for_guest;
  } else {
    pair->source.holds = BIT (CALL_SAVE);
  }
  pair_begin (pair, "", "");
  pair_wait_ended (pair);
  ck_assert_str_eq (pair->source.events->str,
                    " setup active" GIVEN_BACK " active" BLACKOUT " postmigrate completed");
  ck_assert_uint_eq (count_returns (&pair->source), 1);
  ck_assert_uint_eq (pair->source.calls[CALL_SAVE], 2);
  pair_expect_arrived (pair);
  pair_free (pair);
}
END_TEST

/* From PREPARE on it only fails. */
static const struct {
  guint at_source, at_destination; /* BIT (Call) that is held */
  const char *destination;
} late[] = {
  { 0, BIT (CALL_LOAD), "" },
  { BIT (CALL_FENCE), 0, "" },
  { 0, 0, "|fault:at=COMMIT,kind=stall" },
};

START_TEST (after_prepare_it_fails)
{
  Pair *pair = new_pair (NULL, 0, LONG);

  pair->source.holds = late[_i].at_source;
  pair->destination.holds = late[_i].at_destination;
  pair_begin (pair, "", late[_i].destination);
  WAIT_UNTIL (pair->source.ended);
  pair_expect_kept (pair, GDW_STATUS_FAILED);
  ck_assert_str_eq (pair->source.events->str, " setup active" GIVEN_BACK " failed");
  ck_assert_ptr_nonnull (
      strstr (side_error (&pair->source), " ms), and PREPARE was sent; raise it"));
  ck_assert_uint_eq (count_returns (&pair->source), 0);
  side_expect_good_guest (&pair->source);
  pair->source.holds = pair->destination.holds = 0;
  pair_expect_next_completes (pair);
  pair_free (pair);
}
END_TEST

/* The operator's time before migrate-continue does not count. */
START_TEST (the_wait_before_the_switchover_does_not_count)
{
  Pair *pair = new_pair (NULL, 0, LONG);
  GdwMigration *migration = pair->source.migration;

  ck_assert (gdw_migration_set_capability (migration, "pause-before-switchover", TRUE, NULL));
  pair_begin (pair, "", "");
  WAIT_UNTIL (side_status (&pair->source) == GDW_STATUS_PRE_SWITCHOVER);
  ck_assert_ptr_null (migration->source->overrun);
  ck_assert (gdw_migration_continue (migration, GDW_STATUS_PRE_SWITCHOVER, NULL));
  ck_assert_ptr_nonnull (migration->source->overrun);
  pair_wait_ended (pair);
  pair_expect_arrived (pair);
  pair_free (pair);
}
END_TEST

static void
cancel_it (Side *side, const char *event)
{
  if (strcmp (event, "running") == 0)
    ck_assert (gdw_migration_cancel (side->migration, NULL));
}

START_TEST (it_can_be_cancelled_while_it_is_given_back)
{
  Pair *pair = new_pair (NULL, 0, SHORT);

  pair->source.holds = BIT (CALL_SAVE);
  pair->source.on_event = cancel_it;
  pair_begin (pair, "", "");
  pair_wait_ended (pair);
  pair_expect_kept (pair, GDW_STATUS_CANCELLED);
  pair->source.holds = 0;
  pair->source.on_event = NULL;
  side_expect_good_guest (&pair->source);
  ck_assert (gdw_migration_set_parameter (pair->source.migration, "x-max-downtime", "0", NULL));
  pair_expect_next_completes (pair);
  pair_free (pair);
}
END_TEST

static void
add (Suite *suite)
{
  TCase *tests = add_case (suite, "downtime");

  tcase_add_test (tests, three_times_it_is_given_back);
  tcase_add_loop_test (tests, precopy_goes_on_to_the_end, 0, G_N_ELEMENTS (returns));
  tcase_add_loop_test (tests, after_prepare_it_fails, 0, G_N_ELEMENTS (late));
  tcase_add_test (tests, the_wait_before_the_switchover_does_not_count);
  tcase_add_test (tests, it_can_be_cancelled_while_it_is_given_back);
}

int
main (void)
{
  return engine_main ("downtime", add);
}
