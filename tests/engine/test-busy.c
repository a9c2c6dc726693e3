/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* A guest that never stops writing half of its memory, over a link that is slower: it is
 * switched over as soon as the limit allows it. */
#include "pair.h"

#include "core/migration/migration-private.h"
#include "core/source/private.h"

#define WORKING_SET_MIB 8
#define BANDWIDTH "16777216"
#define ROUNDS_MAX 2

static const struct {
  const char *tracker;
  guint32 ring_entries;
} trackers[] = { { "manual-protect", 0 }, { "bitmap", 0 }, { "dirty-ring", 65536 } };

/* Sweeps begun when the guest was paused. */
static guint64 rounds_at_pause;

static void
note_pause (Side *side, Call call)
{
  if (call == CALL_PAUSE && side_status (side) == GDW_STATUS_ACTIVE)
    rounds_at_pause = side_info (side).rounds;
}

static void
set_parameter (Pair *pair, const char *name, const char *value)
{
  ck_assert (gdw_migration_set_parameter (pair->source.migration, name, value, NULL));
}

static Pair *
begin (guint number, guint links, const char *limit_ms)
{
  Pair *pair = pair_new (&(PairConfig){ .writers = 1,
                                        .links = links,
                                        .working_set = WORKING_SET_MIB * MIB,
                                        .tracker = trackers[number].tracker,
                                        .ring_entries = trackers[number].ring_entries });

  rounds_at_pause = 0;
  pair->source.on_call = note_pause;
  set_parameter (pair, "max-bandwidth", BANDWIDTH);
  set_parameter (pair, "downtime-limit", limit_ms);
  pair_begin (pair, "", "");
  return pair;
}

/* Without a switchover it is over as soon as it has gone round too often. */
static void
expect_paused_by (Pair *pair, guint64 rounds)
{
  WAIT_UNTIL (rounds_at_pause || side_info (&pair->source).rounds > rounds);
  ck_assert_msg (rounds_at_pause && rounds_at_pause <= rounds,
                 "%s: not switched over within %" G_GUINT64_FORMAT " rounds",
                 side_info (&pair->source).tracker, rounds);
  pair_wait_ended (pair);
  ck_assert_uint_gt (side_info (&pair->source).expected_downtime_us, 0);
  pair_expect_arrived (pair);
  pair_free (pair);
}

START_TEST (it_is_switched_over_soon)
{
  Pair *pair = begin ((guint) _i, 0, "60000");

  expect_paused_by (pair, ROUNDS_MAX);
}
END_TEST

START_TEST (so_it_is_over_several_links)
{
  Pair *pair = begin ((guint) _i, 4, "60000");

  expect_paused_by (pair, ROUNDS_MAX);
}
END_TEST

/* Half a second is what it needs; it has a millisecond, until the operator gives more. */
START_TEST (it_stays_until_the_limit_allows_it)
{
  Pair *pair = begin ((guint) _i, 0, "1");
  Side *source = &pair->source;
  guint64 rounds;

  WAIT_UNTIL (source->rounds >= 4);
  ck_assert_uint_eq (side_status (source), GDW_STATUS_ACTIVE);
  ck_assert_uint_eq (rounds_at_pause, 0);
  ck_assert_uint_gt (side_info (source).expected_downtime_us, 1000);
  set_parameter (pair, "downtime-limit", "60000");
  rounds = side_info (source).rounds;
  expect_paused_by (pair, rounds + ROUNDS_MAX);
}
END_TEST

/* It would write all of it once more, and the guest would wait for both copies. */
START_TEST (nothing_is_sent_while_it_is_being_paused)
{
  Pair *pair = begin ((guint) _i, 0, "60000");
  Side *source = &pair->source;
  g_autofree GdwBatch *batch = g_new0 (GdwBatch, 1);
  GdwRound *round;

  source->holds = BIT (CALL_PAUSE);
  WAIT_UNTIL (source->held);
  round = source->migration->source->round;
  ck_assert_uint_gt (gdw_round_dirty_pages (round), 0);
  ck_assert (!gdw_round_claim (round, batch, G_MAXUINT64, NULL));
  side_release (source);
  pair_wait_ended (pair);
  pair_expect_arrived (pair);
  pair_free (pair);
}
END_TEST

static void
add (Suite *suite)
{
  TCase *tests = add_case (suite, "busy"), *pausing = add_case (suite, "pausing");

  tcase_add_loop_test (tests, it_is_switched_over_soon, 0, G_N_ELEMENTS (trackers));
  tcase_add_loop_test (tests, so_it_is_over_several_links, 0, G_N_ELEMENTS (trackers));
  tcase_add_loop_test (pausing, nothing_is_sent_while_it_is_being_paused, 0,
                       G_N_ELEMENTS (trackers));
  tcase_add_loop_test (tests, it_stays_until_the_limit_allows_it, 0, G_N_ELEMENTS (trackers));
}

int
main (void)
{
  return engine_main ("busy", add);
}
