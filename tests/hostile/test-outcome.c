/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* Questions for the outcome to a destination: from whom, when, how often, with which right. */
#include <string.h>

#include "script.h"

static Peer *
come (Victim *victim)
{
  return peer_connect (victim->uri + strlen ("unix:"));
}

/* Asks on a link of its own and leaves without a word; gives the answer. */
static guint
ask (Victim *victim, const guint8 *id, const guint8 *token, char **why)
{
  Peer *peer = come (victim);
  g_autoptr (Heard) heard = NULL;
  GdwOutcomeMsg msg;
  guint answer;

  peer_send (peer, GDW_FRAME_QUERY_OUTCOME, script_query (id, token));
  heard = peer_expect (peer, GDW_FRAME_OUTCOME);
  ck_assert (gdw_outcome_decode (heard->meta->data, heard->meta->len, &msg, NULL));
  answer = msg.answer;
  if (why)
    *why = g_strdup (msg.text);
  gdw_outcome_clear (&msg);
  peer_free (peer);
  return answer;
}

/* The source's COMMIT is late: the question has decided. */
START_TEST (a_question_decides)
{
  Victim *victim = victim_new (TRUE);
  g_autoptr (GPtrArray) script = NULL;
  g_autoptr (Heard) heard = NULL;
  g_autofree char *why = NULL;
  GdwOutcomeMsg msg;
  Peer *peer, *asker;
  guint at = (const guint[]){ AT_RAM, AT_STATE, AT_PREPARE, AT_COMMIT }[_i];

  victim_listen (victim);
  peer = script_begin (victim, &script, at);
  asker = come (victim);
  peer_send (asker, GDW_FRAME_QUERY_OUTCOME, script_query (script_id, script_token));
  heard = peer_expect (asker, GDW_FRAME_OUTCOME);
  ck_assert (gdw_outcome_decode (heard->meta->data, heard->meta->len, &msg, NULL));
  ck_assert_uint_eq (msg.answer, GDW_ANSWER_ABORTED);
  why = g_strdup (msg.text);
  gdw_outcome_clear (&msg);
  peer->tx_seq = at;
  peer_send_id (peer, GDW_FRAME_COMMIT, script_id);
  script_expect_refused (victim, peer, why);
  WAIT_UNTIL (victim->statuses->len && strstr (victim->statuses->str, "failed"));
  script_expect_never_ran (victim);
  peer_free (peer);
  peer_free (asker);
  WAIT_UNTIL (victim->ended);
  script_expect_never_ran (victim);
  victim_free (victim);
}
END_TEST

/* A peer without the token learns nothing and decides nothing. */
START_TEST (a_question_without_the_token_changes_nothing)
{
  Victim *victim = victim_new (TRUE);
  g_autoptr (GPtrArray) script = NULL;
  guint8 bad[GDW_TOKEN_BYTES] = "a secret token ?";
  Peer *peer;

  victim_listen (victim);
  ck_assert_uint_eq (ask (victim, script_id, script_token, NULL), GDW_ANSWER_UNKNOWN_ID);
  peer = script_begin (victim, &script, AT_COMMIT);
  for (guint i = 0; i < GDW_TOKEN_BYTES; i++) {
    memcpy (bad, script_token, sizeof bad);
    bad[i] ^= 1;
    ck_assert_uint_eq (ask (victim, script_id, bad, NULL), GDW_ANSWER_UNKNOWN_ID);
    memcpy (bad, script_id, sizeof bad);
    bad[i] ^= 1;
    ck_assert_uint_eq (ask (victim, bad, script_token, NULL), GDW_ANSWER_UNKNOWN_ID);
  }
  ck_assert_uint_eq (victim_status (victim), GDW_STATUS_ACTIVE);
  script_play (peer, script, AT_COMMIT, SCRIPT_FRAMES);
  script_expect_arrived (victim);
  peer_free (peer);
  victim_free (victim);
}
END_TEST

/* After COMMIT the answer is the same as often as it is asked for, also when the first link
 * has died before it said COMMITTED to anybody. */
START_TEST (a_committed_destination_says_so_until_it_is_confirmed)
{
  Victim *victim = victim_new (TRUE);
  g_autoptr (GPtrArray) script = NULL;
  guint8 wrong[GDW_TOKEN_BYTES] = "what a stranger ";
  Peer *peer, *asker;

  victim_listen (victim);
  peer = script_begin (victim, &script, AT_COMMIT);
  ck_assert (peer_send_bytes (peer, ((GByteArray *) script->pdata[AT_COMMIT])->data,
                              ((GByteArray *) script->pdata[AT_COMMIT])->len));
  if (_i == 0)
    peer_heard_free (peer_expect (peer, GDW_FRAME_COMMITTED));
  peer_free (peer);
  WAIT_UNTIL (victim_status (victim) == GDW_STATUS_COMPLETED);
  for (guint i = 0; i < 3; i++)
    ck_assert_uint_eq (ask (victim, script_id, script_token, NULL), GDW_ANSWER_COMMITTED);
  ck_assert_uint_eq (ask (victim, script_id, wrong, NULL), GDW_ANSWER_UNKNOWN_ID);
  script_expect_arrived (victim);
  asker = come (victim);
  peer_send (asker, GDW_FRAME_QUERY_OUTCOME, script_query (script_id, script_token));
  peer_heard_free (peer_expect (asker, GDW_FRAME_OUTCOME));
  ck_assert_uint_eq (victim->ended, 0);
  peer_send_id (asker, GDW_FRAME_CONFIRM, script_id);
  peer_half_close (asker);
  ck_assert_ptr_null (peer_last_words (asker));
  WAIT_UNTIL (victim->ended);
  peer_free (asker);
  script_expect_arrived (victim);
  victim_free (victim);
}
END_TEST

/* CONFIRM counts only from the source, with its id, and after the decision. */
START_TEST (a_confirmation_by_a_stranger_is_nothing)
{
  Victim *victim = victim_new (TRUE);
  g_autoptr (GPtrArray) script = NULL;
  guint8 wrong[GDW_TOKEN_BYTES] = "what a stranger ";
  g_autofree char *told = NULL;
  Peer *peer, *stranger;

  victim_listen (victim);
  peer = script_begin (victim, &script, AT_CONFIRM);
  stranger = come (victim);
  peer_send_id (stranger, GDW_FRAME_CONFIRM, script_id);
  told = peer_last_words (stranger);
  ck_assert_ptr_nonnull (strstr (told, "frame 'CONFIRM' is refused"));
  peer_free (stranger);
  /* One who asked without the token, and goes on. */
  stranger = come (victim);
  peer_send (stranger, GDW_FRAME_QUERY_OUTCOME, script_query (script_id, wrong));
  peer_heard_free (peer_expect (stranger, GDW_FRAME_OUTCOME));
  peer_send_id (stranger, GDW_FRAME_CONFIRM, script_id);
  g_free (peer_last_words (stranger));
  peer_free (stranger);
  /* The source, of another migration. */
  peer->tx_seq = AT_CONFIRM;
  peer_send_id (peer, GDW_FRAME_CONFIRM, wrong);
  ck_assert_uint_eq (ask (victim, script_id, script_token, NULL), GDW_ANSWER_COMMITTED);
  ck_assert_uint_eq (victim->ended, 0);
  peer_send_id (peer, GDW_FRAME_CONFIRM, script_id);
  peer_half_close (peer);
  WAIT_UNTIL (victim->ended);
  script_expect_arrived (victim);
  peer_free (peer);
  victim_free (victim);
}
END_TEST

START_TEST (a_confirmation_before_the_decision_is_nothing)
{
  Victim *victim = victim_new (TRUE);
  g_autoptr (GPtrArray) script = NULL;
  Peer *peer;

  victim_listen (victim);
  peer = script_begin (victim, &script, AT_STATE);
  peer->tx_seq = AT_STATE;
  peer_send_id (peer, GDW_FRAME_CONFIRM, script_id);
  script_hand_over (peer, 1, &(guint64){ AT_ROM + 1 });
  script_expect_arrived (victim);
  peer_free (peer);
  victim_free (victim);
}
END_TEST

/* COMMIT again and other things that a mad source says afterwards: it stays decided. */
START_TEST (what_comes_after_commit_changes_nothing)
{
  Victim *victim = victim_new (TRUE);
  g_autoptr (GPtrArray) script = NULL;
  guint8 before[GDW_PAGE_SIZE];
  Peer *peer;

  victim_listen (victim);
  peer = script_begin (victim, &script, AT_CONFIRM);
  memcpy (before, victim_page (victim, 0, 0), sizeof before);
  peer->tx_seq = AT_CONFIRM;
  peer_send_id (peer, GDW_FRAME_COMMIT, script_id);
  peer_send_error (peer, GDW_FRAME_ABORT, "too late");
  peer_send (peer, GDW_FRAME_PREPARE, script_prepare (0, 1, &(guint64){ 0 }));
  peer_send_frame (peer, script_zero (peer, 0, 0, RAM_PAGES));
  g_free (peer_last_words (peer));
  peer_free (peer);
  ck_assert_uint_eq (ask (victim, script_id, script_token, NULL), GDW_ANSWER_COMMITTED);
  ck_assert_mem_eq (before, victim_page (victim, 0, 0), sizeof before);
  script_expect_arrived (victim);
  victim_free (victim);
}
END_TEST

/* The links die after PREPARED: the source may have said COMMIT, and asks. */
START_TEST (a_prepared_destination_that_failed_still_answers)
{
  Victim *victim = victim_new (TRUE);
  g_autoptr (GPtrArray) script = NULL;
  g_autofree char *why = NULL;
  Peer *peer;

  victim_listen (victim);
  peer = script_begin (victim, &script, AT_COMMIT);
  peer_free (peer);
  victim_expect_failed (victim, "the other side closed");
  ck_assert_uint_eq (ask (victim, script_id, script_token, &why), GDW_ANSWER_ABORTED);
  ck_assert_str_eq (why, victim_error (victim));
  script_expect_never_ran (victim);
  WAIT_UNTIL (victim->ended);
  victim_free (victim);
}
END_TEST

static void
add (TCase *tests)
{
  tcase_add_loop_test (tests, a_question_decides, 0, 4);
  tcase_add_test (tests, a_question_without_the_token_changes_nothing);
  tcase_add_loop_test (tests, a_committed_destination_says_so_until_it_is_confirmed, 0, 2);
  tcase_add_test (tests, a_confirmation_by_a_stranger_is_nothing);
  tcase_add_test (tests, a_confirmation_before_the_decision_is_nothing);
  tcase_add_test (tests, what_comes_after_commit_changes_nothing);
  tcase_add_test (tests, a_prepared_destination_that_failed_still_answers);
}

int
main (void)
{
  return hostile_main ("outcome", add);
}
