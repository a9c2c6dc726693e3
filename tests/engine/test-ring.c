/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* vCPUs with dirty rings: those whose ring is full wait at the gate, and nothing waits for
 * them. */
#include "pair.h"

#include <sched.h>
#include <string.h>

#define ENTRIES 256u
#define WRITERS 2u

/* States of the hook that stops the dirty-sync thread in a collect. */
enum { PASS, HOLD, HELD };

static void
hold_reset (Side *side)
{
  if (!g_atomic_int_compare_and_exchange (&side->hook_state, HOLD, HELD))
    return;
  while (g_atomic_int_get (&side->hook_state) == HELD)
    sched_yield ();
}

static void
set_parameter (Pair *pair, const char *name, const char *value)
{
  ck_assert (gdw_migration_set_parameter (pair->source.migration, name, value, NULL));
}

/* A migration that goes on for long, of a guest that fills its rings at once. */
static Pair *
begin_slowly (guint32 entries)
{
  Pair *pair = pair_new (&(PairConfig){ .writers = WRITERS, .ring_entries = entries });

  pair->source.on_reset = hold_reset;
  set_parameter (pair, "max-bandwidth", "1000000");
  pair_begin (pair, "", "");
  WAIT_UNTIL (side_status (&pair->source) == GDW_STATUS_ACTIVE);
  return pair;
}

/* The dirty-sync thread is held, and a vCPU waits for it. */
static gint
hold_all (Pair *pair)
{
  Side *source = &pair->source;

  g_atomic_int_set (&source->hook_state, HOLD);
  WAIT_UNTIL (g_atomic_int_get (&source->hook_state) == HELD);
  WAIT_UNTIL (g_atomic_int_get (&source->came) > g_atomic_int_get (&source->left));
  return g_atomic_int_get (&source->left);
}

static void
let_harvest_go (Pair *pair)
{
  ck_assert_int_eq (g_atomic_int_get (&pair->source.hook_state), HELD);
  g_atomic_int_set (&pair->source.hook_state, PASS);
}

static void
complete (Pair *pair)
{
  set_parameter (pair, "max-bandwidth", "0");
  pair_wait_ended (pair);
  ck_assert_str_eq (side_info (&pair->source).tracker, "dirty-ring");
  pair_expect_arrived (pair);
}

START_TEST (a_guest_that_fills_its_rings_arrives)
{
  static const guint32 sizes[] = { 256, 1024, 65536 };
  Pair *pair = pair_new (
      &(PairConfig){ .writers = WRITERS, .ring_entries = sizes[_i / 2], .links = _i % 2 * 3 });

  pair_begin (pair, "", "");
  complete (pair);
  pair_free (pair);
}
END_TEST

START_TEST (a_full_ring_is_harvested_at_once)
{
  Pair *pair = begin_slowly (ENTRIES);

  WAIT_UNTIL (g_atomic_int_get (&pair->source.left) > 20);
  complete (pair);
  pair_free (pair);
}
END_TEST

START_TEST (cancel_opens_the_gate)
{
  Pair *pair = begin_slowly (ENTRIES);
  gint left = hold_all (pair);

  ck_assert (gdw_migration_cancel (pair->source.migration, NULL));
  WAIT_UNTIL (g_atomic_int_get (&pair->source.left) > left);
  let_harvest_go (pair);
  pair_wait_ended (pair);
  pair_expect_kept (pair, GDW_STATUS_CANCELLED);
  side_expect_good_guest (&pair->source);
  set_parameter (pair, "max-bandwidth", "0");
  pair_expect_next_completes (pair);
  pair_free (pair);
}
END_TEST

/* The operator's stop is answered although the dirty-sync thread stands still. */
START_TEST (stop_opens_the_gate_and_cont_shuts_it)
{
  Pair *pair = begin_slowly (ENTRIES);
  g_autofree char *stop = NULL, *cont = NULL;
  gint came;

  hold_all (pair);
  stop = side_stop (&pair->source);
  ck_assert_ptr_null (stop);
  ck_assert (!pair->source.runs);
  ck_assert_int_eq (g_atomic_int_get (&pair->source.came),
                    g_atomic_int_get (&pair->source.left));
  cont = side_cont (&pair->source);
  ck_assert_ptr_null (cont);
  /* The ring is full still: they come again, and stay. */
  WAIT_UNTIL (g_atomic_int_get (&pair->source.came) > g_atomic_int_get (&pair->source.left));
  came = g_atomic_int_get (&pair->source.came);
  let_harvest_go (pair);
  WAIT_UNTIL (g_atomic_int_get (&pair->source.came) > came);
  complete (pair);
  pair_free (pair);
}
END_TEST

/* From the call of pause on nobody waits, however long the pause takes, and nobody who comes
 * then asks for a sync. */
static void
hold_harvests_at_pause (Side *side, Call call)
{
  if (call == CALL_PAUSE)
    g_atomic_int_set (&side->hook_state, HOLD);
}

START_TEST (the_switchover_opens_the_gate)
{
  Pair *pair = pair_new (&(PairConfig){ .writers = WRITERS, .ring_entries = ENTRIES });
  Side *source = &pair->source;
  gint left;

  source->on_reset = hold_reset;
  source->on_call = hold_harvests_at_pause;
  source->holds = BIT (CALL_PAUSE);
  pair_begin (pair, "", "");
  WAIT_UNTIL (source->held);
  left = g_atomic_int_get (&source->left);
  WAIT_UNTIL (g_atomic_int_get (&source->left) > left + 100);
  g_atomic_int_set (&source->hook_state, PASS);
  source->on_call = NULL;
  source->holds = 0;
  side_release (source);
  complete (pair);
  pair_free (pair);
}
END_TEST

/* The guest is taken back with rings that were full when it stopped. */
START_TEST (a_guest_that_is_taken_back_goes_on)
{
  Pair *pair = pair_new (&(PairConfig){ .writers = WRITERS, .ring_entries = ENTRIES });

  pair_begin (pair, _i ? "|fault:at=PREPARE,kind=stall" : "|fault:at=STATE,kind=stall", "");
  WAIT_UNTIL (pair_fault_acted (pair));
  ck_assert (gdw_migration_cancel (pair->source.migration, NULL));
  pair_wait_ended (pair);
  pair_expect_kept (pair, GDW_STATUS_CANCELLED);
  side_expect_good_guest (&pair->source);
  pair_expect_next_completes (pair);
  pair_free (pair);
}
END_TEST

START_TEST (a_harvest_that_fails_opens_the_gate)
{
  Pair *pair = begin_slowly (ENTRIES);

  hold_all (pair);
  g_atomic_int_set (&pair->source.log_fails, TRUE);
  let_harvest_go (pair);
  pair_wait_ended (pair);
  g_atomic_int_set (&pair->source.log_fails, FALSE);
  ck_assert_str_eq (side_error (&pair->source),
                    "dirty log 'side': reset_rings failed: the test wants it; do not");
  pair_expect_kept (pair, GDW_STATUS_FAILED);
  set_parameter (pair, "max-bandwidth", "0");
  pair_expect_next_completes (pair);
  pair_free (pair);
}
END_TEST

/* The VMM ends while vCPUs use the rings. */
START_TEST (the_vmm_may_end_at_any_time)
{
  Pair *pair = begin_slowly (ENTRIES);

  WAIT_UNTIL (g_atomic_int_get (&pair->source.came) > 3);
  pair_free (pair);
}
END_TEST

START_TEST (without_a_migration_the_gate_is_open)
{
  Pair *pair = pair_new (&(PairConfig){ .writers = 1, .ring_entries = ENTRIES });

  gdw_migration_ring_full (pair->source.migration, 0);
  gdw_migration_ring_full (pair->destination.migration, 0);
  ck_assert_int_eq (g_atomic_int_get (&pair->source.came), 0);
  pair_free (pair);
}
END_TEST

START_TEST (the_vcpus_are_told_apart)
{
  Pair *pair = begin_slowly (4096);
  const GArray *rates;

  WAIT_UNTIL (side_info (&pair->source).vcpu_rates);
  rates = side_info (&pair->source).vcpu_rates;
  ck_assert_uint_eq (rates->len, WRITERS);
  WAIT_UNTIL (g_array_index (side_info (&pair->source).vcpu_rates, guint64, 0) > 0 &&
              g_array_index (side_info (&pair->source).vcpu_rates, guint64, 1) > 0);
  complete (pair);
  ck_assert_ptr_nonnull (side_info (&pair->source).vcpu_rates);
  pair_free (pair);
}
END_TEST

static void
add (Suite *suite)
{
  TCase *tests = add_case (suite, "ring");

  tcase_add_loop_test (tests, a_guest_that_fills_its_rings_arrives, 0, 6);
  tcase_add_test (tests, a_full_ring_is_harvested_at_once);
  tcase_add_test (tests, cancel_opens_the_gate);
  tcase_add_test (tests, stop_opens_the_gate_and_cont_shuts_it);
  tcase_add_test (tests, the_switchover_opens_the_gate);
  tcase_add_loop_test (tests, a_guest_that_is_taken_back_goes_on, 0, 2);
  tcase_add_test (tests, a_harvest_that_fails_opens_the_gate);
  tcase_add_test (tests, the_vmm_may_end_at_any_time);
  tcase_add_test (tests, without_a_migration_the_gate_is_open);
  tcase_add_test (tests, the_vcpus_are_told_apart);
}

int
main (void)
{
  return engine_main ("ring", add);
}
