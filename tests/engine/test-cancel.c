/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* migrate_cancel wherever a migration can be: the guest runs on, and the next attempt, to
 * another destination, is complete. */
#include "pair.h"

#include <string.h>

static void
cancel (Pair *pair)
{
  g_autoptr (GError) error = NULL;

  ck_assert_msg (gdw_migration_cancel (pair->source.migration, &error), "%s",
                 error ? error->message : "");
}

/* Both sides, or the source alone where the destination never heard of it. */
static void
expect_cancelled (Pair *pair, gboolean destination_knows)
{
  WAIT_UNTIL (pair->source.ended);
  ck_assert_msg (g_str_has_suffix (pair->source.events->str, " cancelled"), "%s",
                 pair->source.events->str);
  ck_assert_ptr_nonnull (strstr (pair->source.events->str, " cancelling"));
  pair_expect_kept (pair, GDW_STATUS_CANCELLED);
  ck_assert_str_eq (side_error (&pair->source),
                    "source: the migration was cancelled: the operator asked for it");
  if (!destination_knows)
    return;
  WAIT_UNTIL (pair->destination.ended);
  ck_assert_uint_eq (side_status (&pair->destination), GDW_STATUS_FAILED);
}

static void
expect_same_text (Pair *pair)
{
  ck_assert_str_eq (side_error (&pair->destination), side_error (&pair->source));
}

/* Held by a filter at the source.  @heard: the destination got HELLO, @told: and was told
 * why, since the link that would tell it is not the one that stands still. */
static const struct {
  const char *filters;
  guint links;
  gboolean heard, told;
} stalls[] = {
  { "|fault:at=CONNECT,kind=stall", 0, FALSE, FALSE },
  { "|fault:at=CONNECT,kind=stall,n=2", 2, TRUE, TRUE },
  { "|fault:at=HELLO,kind=stall", 0, FALSE, FALSE },
  { "|fault:at=HELLO-ACK,kind=stall", 0, TRUE, TRUE },
  { "|fault:at=JOIN,kind=stall", 2, TRUE, TRUE },
  { "|fault:at=JOIN-ACK,kind=stall", 2, TRUE, TRUE },
  { "|fault:at=MEM,kind=stall", 0, TRUE, FALSE },
  { "|fault:at=MEM,kind=stall,n=7", 4, TRUE, FALSE },
  { "|fault:at=ACK,kind=stall", 0, TRUE, TRUE },
  { "|fault:at=STATE,kind=stall", 0, TRUE, FALSE },
  { "|fault:at=PREPARE,kind=stall", 0, TRUE, FALSE },
  { "|fault:at=PREPARED,kind=stall", 0, TRUE, TRUE },
};

START_TEST (ends_a_stalled_frame)
{
  Pair *pair = pair_new (
      &(PairConfig){ .writers = 1, .rate = 20000, .links = stalls[_i].links });

  pair_begin (pair, stalls[_i].filters, "");
  WAIT_UNTIL (pair_fault_acted (pair));
  cancel (pair);
  ck_assert_uint_eq (side_status (&pair->source), GDW_STATUS_CANCELLING);
  cancel (pair);
  expect_cancelled (pair, stalls[_i].heard);
  if (stalls[_i].told)
    expect_same_text (pair);
  side_expect_good_guest (&pair->source);
  pair_expect_next_completes (pair);
  pair_free (pair);
}
END_TEST

/* The same at the destination: what it reads, and what it answers. */
static const char *const destination_stalls[] = {
  "|fault:at=CONNECT,kind=stall",   "|fault:at=HELLO,kind=stall",
  "|fault:at=HELLO-ACK,kind=stall", "|fault:at=MEM,kind=stall",
  "|fault:at=ACK,kind=stall",       "|fault:at=STATE,kind=stall",
  "|fault:at=PREPARE,kind=stall",   "|fault:at=PREPARED,kind=stall",
};

START_TEST (ends_a_destination_that_stands_still)
{
  Pair *pair = pair_new (&(PairConfig){ .writers = 1, .rate = 20000 });

  pair_begin (pair, "", destination_stalls[_i]);
  WAIT_UNTIL (pair_fault_acted (pair));
  cancel (pair);
  expect_cancelled (pair, FALSE);
  pair_expect_next_completes (pair);
  pair_free (pair);
}
END_TEST

/* In the middle of a callback of the host that answers only when it is cancelled. */
static const struct {
  Call call;
  gboolean at_destination;
  const char *events;
} held_calls[] = {
  { CALL_PAUSE, FALSE, " setup active cancelling cancelled" },
  { CALL_SAVE, FALSE, " setup active finish-migrate device cancelling running cancelled" },
  { CALL_FENCE, FALSE, " setup active finish-migrate device cancelling running cancelled" },
  { CALL_LOAD, TRUE, " setup active finish-migrate device cancelling running cancelled" },
};

START_TEST (ends_a_callback_of_the_host)
{
  Pair *pair = pair_new (&(PairConfig){ .writers = 1, .rate = 20000, .fences = TRUE });
  Side *side = held_calls[_i].at_destination ? &pair->destination : &pair->source;

  side->holds = BIT (held_calls[_i].call);
  pair_begin (pair, "", "");
  WAIT_UNTIL (side->held);
  cancel (pair);
  expect_cancelled (pair, TRUE);
  expect_same_text (pair);
  ck_assert_str_eq (pair->source.events->str, held_calls[_i].events);
  ck_assert (!pair->source.fenced);
  ck_assert_ptr_null (side->held);
  pair->source.holds = 0;
  pair_expect_next_completes (pair);
  pair_free (pair);
}
END_TEST

START_TEST (ends_the_hold_before_the_switchover)
{
  Pair *pair = pair_new (&(PairConfig){ .paused = _i });

  gdw_migration_set_capability (pair->source.migration, "pause-before-switchover", TRUE, NULL);
  pair_begin (pair, "", "");
  WAIT_UNTIL (side_status (&pair->source) == GDW_STATUS_PRE_SWITCHOVER);
  cancel (pair);
  expect_cancelled (pair, TRUE);
  expect_same_text (pair);
  ck_assert_str_eq (
      pair->source.events->str,
      _i ? " setup active finish-migrate pre-switchover cancelling paused cancelled"
         : " setup active finish-migrate pre-switchover cancelling running "
           "cancelled");
  gdw_migration_set_capability (pair->source.migration, "pause-before-switchover", FALSE, NULL);
  pair_expect_next_completes (pair);
  pair_free (pair);
}
END_TEST

/* From the first byte of COMMIT on it is too late. */
static const char *const late[] = { "|fault:at=COMMIT,kind=stall",
                                    "|fault:at=COMMITTED,kind=stall" };

START_TEST (has_no_effect_after_commit)
{
  Pair *pair = pair_new (&(PairConfig){ .fences = TRUE, .peer_timeout_ms = 3000 });
  g_autoptr (GError) error = NULL, again = NULL;
  g_autofree char *before = NULL;

  pair_begin (pair, late[_i], "");
  WAIT_UNTIL (pair_fault_acted (pair));
  before = g_strdup (pair->source.events->str);
  ck_assert (!gdw_migration_cancel (pair->source.migration, &error));
  ck_assert (g_error_matches (error, GDW_ERROR, GDW_ERROR_BUSY));
  ck_assert (strstr (error->message, "COMMIT was sent") != NULL);
  ck_assert (!gdw_migration_cancel (pair->source.migration, &again));
  ck_assert_str_eq (pair->source.events->str, before);
  pair_wait_ended (pair);
  ck_assert (strstr (pair->source.events->str, "cancel") == NULL);
  pair_free (pair);
}
END_TEST

START_TEST (of_nothing_is_no_error)
{
  Pair *pair = pair_new (&(PairConfig){ 0 });

  cancel (pair);
  ck_assert_str_eq (pair->source.events->str, "");
  pair_begin (pair, "|fault:at=MEM,kind=stall", "");
  WAIT_UNTIL (pair_fault_acted (pair));
  cancel (pair);
  expect_cancelled (pair, TRUE);
  cancel (pair);
  ck_assert_uint_eq (side_status (&pair->source), GDW_STATUS_CANCELLED);
  pair_expect_next_completes (pair);
  cancel (pair);
  ck_assert_uint_eq (side_status (&pair->source), GDW_STATUS_COMPLETED);
  pair_free (pair);
}
END_TEST

/* The program that embeds the engine may answer a signal at once. */
static void
cancel_at_event (Side *side, const char *event)
{
  static const char *const wanted[] = { "setup", "pass", "active", "finish-migrate", "device" };

  if (strcmp (event, wanted[side->hook_state]) == 0)
    ck_assert (gdw_migration_cancel (side->migration, NULL));
}

START_TEST (may_come_from_inside_a_signal)
{
  Pair *pair = pair_new (&(PairConfig){ .writers = 1, .rate = 20000 });

  pair->source.hook_state = _i;
  pair->source.on_event = cancel_at_event;
  pair_begin (pair, "", "");
  expect_cancelled (pair, TRUE);
  expect_same_text (pair);
  pair->source.on_event = NULL;
  side_expect_good_guest (&pair->source);
  pair_expect_next_completes (pair);
  pair_free (pair);
}
END_TEST

/* As soon as it can be said: a destination that is there is always reached, and fails. */
START_TEST (at_once_fails_a_destination_that_is_there)
{
  Pair *pair = pair_new (&(PairConfig){ .links = _i });

  pair_listen (pair, "");
  pair_migrate (pair, "");
  cancel (pair);
  expect_cancelled (pair, TRUE);
  expect_same_text (pair);
  ck_assert_str_eq (pair->destination.events->str, " setup active failed");
  pair_expect_next_completes (pair);
  pair_free (pair);
}
END_TEST

/* Cancelled while it waits: what it reached never knew of it, and takes the next source. */
START_TEST (before_a_link_leaves_the_destination_listening)
{
  Pair *pair = pair_new (&(PairConfig){ 0 });

  pair_begin (pair, "|fault:at=CONNECT,kind=stall", "");
  WAIT_UNTIL (pair_fault_acted (pair));
  cancel (pair);
  expect_cancelled (pair, FALSE);
  ck_assert_str_eq (pair->destination.events->str, " setup");
  pair->source.ended = 0;
  pair_migrate (pair, "");
  pair_wait_ended (pair);
  pair_expect_arrived (pair);
  pair_free (pair);
}
END_TEST

static void
add (Suite *suite)
{
  TCase *tests = add_case (suite, "cancel");

  tcase_add_loop_test (tests, ends_a_stalled_frame, 0, G_N_ELEMENTS (stalls));
  tcase_add_loop_test (tests, ends_a_destination_that_stands_still, 0,
                       G_N_ELEMENTS (destination_stalls));
  tcase_add_loop_test (tests, ends_a_callback_of_the_host, 0, G_N_ELEMENTS (held_calls));
  tcase_add_loop_test (tests, ends_the_hold_before_the_switchover, 0, 2);
  tcase_add_loop_test (tests, has_no_effect_after_commit, 0, G_N_ELEMENTS (late));
  tcase_add_test (tests, of_nothing_is_no_error);
  tcase_add_loop_test (tests, may_come_from_inside_a_signal, 0, 5);
  tcase_add_loop_test (tests, at_once_fails_a_destination_that_is_there, 0, 3);
  tcase_add_test (tests, before_a_link_leaves_the_destination_listening);
}

int
main (void)
{
  return engine_main ("cancel", add);
}
