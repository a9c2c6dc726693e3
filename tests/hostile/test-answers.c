/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* A destination that answers a source wrongly before COMMIT: the guest stays, and runs. */
#include <string.h>

#include "script.h"
#include "sink.h"

static const struct {
  GdwHelloAck ack;
  const char *text;
} bad_acks[] = {
  { { 0, 0, 1 << 20, 1 << 20 }, "version 0" },
  { { 3, 0, 1 << 20, 1 << 20 }, "chose what was not offered: version 3" },
  { { 99, 0, 1 << 20, 1 << 20 }, "chose what was not offered: version 99" },
  { { 1, 2, 1 << 20, 1 << 20 }, "features 0x2" },
  { { 1, G_MAXUINT64, 1 << 20, 1 << 20 }, "features 0xffffffffffffffff" },
  { { 1, 0, 0, 1 << 20 }, "credit of 0 bytes" },
  { { 1, 0, 1 << 20, 0 }, "and 0 pages" },
};
#define N_BAD_ACKS 7

START_TEST (a_wrong_choice_is_refused)
{
  Sink *sink = sink_new (1);

  sink_welcome (sink, &bad_acks[_i].ack);
  sink_expect_kept (sink, bad_acks[_i].text, TRUE);
  ck_assert_uint_eq (sink->victim->pauses, 0);
  sink_free (sink);
}
END_TEST

/* With a credit of one byte there is one frame under way, not two. */
START_TEST (credit_is_respected)
{
  Sink *sink = sink_new (1);

  sink_welcome (sink, &(GdwHelloAck){ 1, 0, 1, 1 });
  sink_wait (sink, GDW_FRAME_MEM);
  /* A source that has credit left would have sent more before it asks for an answer. */
  while (!(sink->heard->frame.flags & GDW_FRAME_ACK_NOW)) {
    sink_wait (sink, GDW_FRAME_HEARTBEAT);
    ck_assert_uint_eq (sink->heard->frame.seq, sink->ack.seq + 1);
    break;
  }
  ck_assert_uint_eq (victim_status (sink->victim), GDW_STATUS_ACTIVE);
  sink_acknowledge (sink);
  sink_serve (sink, GDW_FRAME_PREPARE);
  peer_send_id (sink->peer, GDW_FRAME_PREPARED, sink->id);
  sink_serve (sink, GDW_FRAME_COMMIT);
  sink_answer (sink->peer, GDW_FRAME_COMMITTED, GDW_ANSWER_COMMITTED, "");
  sink_serve (sink, GDW_FRAME_CONFIRM);
  peer_half_close (sink->peer);
  sink_expect_gone (sink);
  sink_free (sink);
}
END_TEST

/* Frames at the wrong time. */

static void
say_prepared (Sink *sink)
{
  peer_send_id (sink->peer, GDW_FRAME_PREPARED, sink->id);
}

static void
say_other_prepared (Sink *sink)
{
  guint8 other[GDW_ID_BYTES] = "somebody else's ";

  peer_send_id (sink->peer, GDW_FRAME_PREPARED, other);
}

static void
say_committed (Sink *sink)
{
  sink_answer (sink->peer, GDW_FRAME_COMMITTED, GDW_ANSWER_COMMITTED, "");
}

static void
say_outcome (Sink *sink)
{
  sink_answer (sink->peer, GDW_FRAME_OUTCOME, GDW_ANSWER_COMMITTED, "");
}

static void
say_join_ack (Sink *sink)
{
  peer_send_id (sink->peer, GDW_FRAME_JOIN_ACK, sink->id);
}

static void
say_hello_ack (Sink *sink)
{
  sink_welcome (sink, &(GdwHelloAck){ 1, 0, 1 << 20, 1 << 20 });
}

static void
say_hello (Sink *sink)
{
  peer_send (sink->peer, GDW_FRAME_HELLO, script_hello (1));
}

static void
say_commit (Sink *sink)
{
  peer_send_id (sink->peer, GDW_FRAME_COMMIT, sink->id);
}

static void
say_confirm (Sink *sink)
{
  peer_send_id (sink->peer, GDW_FRAME_CONFIRM, sink->id);
}

static void
say_mem (Sink *sink)
{
  peer_send_frame (sink->peer, script_mem (sink->peer, 0, 0, 4));
}

static void
say_ack (Sink *sink)
{
  sink_acknowledge (sink);
}

static void
say_greedy_ack (Sink *sink)
{
  sink->ack.seq += 1000;
  sink_acknowledge (sink);
}

static void
say_endless_ack (Sink *sink)
{
  sink->ack = (GdwAck){ G_MAXUINT64, G_MAXUINT64, G_MAXUINT64 };
  sink_acknowledge (sink);
}

static void
nak_nowhere (Sink *sink)
{
  sink_nak (sink, sink->heard->frame.round, 0, RAM_PAGES);
}

static void
nak_no_region (Sink *sink)
{
  sink_nak (sink, sink->heard->frame.round, VICTIM_REGIONS, 0);
}

static void
nak_endless (Sink *sink)
{
  sink_nak (sink, sink->heard->frame.round, 1, G_MAXUINT64);
}

static void
nak_good (Sink *sink)
{
  sink_nak (sink, 1, 0, 1);
}

static void
nak_other_round (Sink *sink)
{
  sink_nak (sink, sink->heard->frame.round + 1, 0, 1);
}

static void
say_drained (Sink *sink)
{
  GByteArray *meta = g_byte_array_new ();

  gdw_link_number_encode (0, meta);
  peer_send (sink->peer, GDW_FRAME_LINK_DRAINED, meta);
}

static void
say_dead (Sink *sink)
{
  GByteArray *meta = g_byte_array_new ();

  gdw_link_number_encode (0, meta);
  peer_send (sink->peer, GDW_FRAME_LINK_DEAD, meta);
}

static void
say_unknown (Sink *sink)
{
  peer_send (sink->peer, 77, g_byte_array_new ());
}

static void
say_out_of_sequence (Sink *sink)
{
  sink->peer->tx_seq++;
  say_prepared (sink);
}

static void
say_garbage (Sink *sink)
{
  peer_send_bytes (sink->peer, (const guint8 *) "HTTP/1.1 200 OK, or so it says -----------",
                   42);
}

static const struct {
  SinkStep step;
  void (*say) (Sink *sink);
  const char *text;
} wrongs[] = {
  { HEARD_HELLO, say_prepared, "frame 'PREPARED' is refused" },
  { HEARD_MEM, say_prepared, "frame 'PREPARED' is refused" },
  { HEARD_PREPARE, say_other_prepared, "frame 'PREPARED' is refused" },
  { HEARD_HELLO, say_committed, "frame 'COMMITTED' is refused" },
  { HEARD_MEM, say_committed, "frame 'COMMITTED' is refused" },
  { HEARD_PREPARE, say_committed, "frame 'COMMITTED' is refused" },
  { HEARD_MEM, say_outcome, "frame 'OUTCOME' is refused" },
  { HEARD_PREPARE, say_outcome, "frame 'OUTCOME' is refused" },
  { HEARD_HELLO, say_join_ack, "frame 'JOIN-ACK' is refused" },
  { HEARD_MEM, say_join_ack, "frame 'JOIN-ACK' is refused" },
  { HEARD_MEM, say_hello_ack, "frame 'HELLO-ACK' is refused" },
  { HEARD_MEM, say_hello, "frame 'HELLO' is refused" },
  { HEARD_MEM, say_commit, "frame 'COMMIT' is refused" },
  { HEARD_PREPARE, say_commit, "frame 'COMMIT' is refused" },
  { HEARD_MEM, say_confirm, "frame 'CONFIRM' is refused" },
  { HEARD_MEM, say_mem, "frame 'MEM' is refused" },
  { HEARD_HELLO, say_ack, "frame 'ACK' is refused" },
  { HEARD_MEM, say_greedy_ack, "ACK" },
  { HEARD_MEM, say_endless_ack, "ACK" },
  { HEARD_PREPARE, say_endless_ack, "ACK" },
  { HEARD_HELLO, nak_good, "frame 'NAK' is refused" },
  { HEARD_MEM, nak_nowhere, "frame 'NAK'" },
  { HEARD_MEM, nak_no_region, "frame 'NAK'" },
  { HEARD_MEM, nak_endless, "frame 'NAK'" },
  { HEARD_PREPARE, nak_good, "NAK" },
  { HEARD_MEM, nak_other_round, "NAK" },
  { HEARD_HELLO, say_drained, "frame 'LINK-DRAINED'" },
  { HEARD_MEM, say_drained, "link 0 is not dead" },
  { HEARD_PREPARE, say_drained, "link 0 is not dead" },
  { HEARD_MEM, say_dead, "frame 'LINK-DEAD' is refused" },
  { HEARD_MEM, say_unknown, "frame '77'" },
  { HEARD_MEM, say_out_of_sequence, "out of sequence" },
  { HEARD_MEM, say_garbage, "does not speak godwit" },
};
#define N_WRONGS 33

START_TEST (a_frame_at_the_wrong_time_fails_both_sides)
{
  Sink *sink = sink_new (1);

  sink_reach (sink, wrongs[_i].step);
  wrongs[_i].say (sink);
  sink_expect_kept (sink, wrongs[_i].text, TRUE);
  sink_free (sink);
}
END_TEST

/* The reason that a destination gives is the source's, word for word. */
START_TEST (the_reason_arrives)
{
  static const char *const text = "destination: its memory melts: the test wants it; cool it";
  Sink *sink = sink_new (1);

  sink_reach (sink, _i);
  peer_send_error (sink->peer, GDW_FRAME_ERROR, text);
  peer_half_close (sink->peer);
  sink_expect_kept (sink, text, FALSE);
  ck_assert_str_eq (victim_error (sink->victim), text);
  sink_free (sink);
}
END_TEST

START_TEST (an_end_without_a_reason_is_one)
{
  Sink *sink = sink_new (1);

  sink_reach (sink, _i);
  sink_close (sink);
  sink_expect_kept (sink, "", FALSE);
  ck_assert_str_ne (victim_error (sink->victim), "");
  sink_free (sink);
}
END_TEST

/* It says that it lives, and takes nothing: the operator may leave. */
START_TEST (a_destination_that_never_reads_can_be_left)
{
  Sink *sink = sink_new (1);
  Victim *victim = sink->victim;

  sink_welcome (sink, &(GdwHelloAck){ 1, 0, 64 << 20, 1 << 24 });
  WAIT_UNTIL (victim_status (victim) == GDW_STATUS_ACTIVE);
  for (guint i = 1; i < 100; i++)
    peer_send (sink->peer, GDW_FRAME_HEARTBEAT, script_heartbeat (i, 0));
  ck_assert (gdw_migration_cancel (victim->migration, NULL));
  WAIT_UNTIL (victim->ended);
  ck_assert_uint_eq (victim_status (victim), GDW_STATUS_CANCELLED);
  ck_assert (victim->runs);
  sink_free (sink);
}
END_TEST

START_TEST (a_destination_that_is_silent_is_left)
{
  Victim *victim = victim_new (FALSE);
  Sink *sink;

  victim_set (victim, "x-peer-timeout", "200");
  sink = sink_new_for (victim, 1);
  if (_i)
    sink_welcome (sink, &(GdwHelloAck){ 1, 0, 64 << 20, 1 << 24 });
  sink_expect_kept (sink, "silent", TRUE);
  sink_free (sink);
}
END_TEST

/* A page that is refused is sent again; of the standing guest not a third time. */
START_TEST (damage_while_the_guest_stands_is_taken_once)
{
  Victim *victim = victim_new (FALSE);
  GdwErrorMsg msg;
  guint naks = 0;
  Sink *sink;

  g_atomic_int_set (&victim->rewrites, TRUE);
  sink = sink_new_for (victim, 1);
  sink_reach (sink, HEARD_STATE);
  /* The first copy may have been made before the last round. */
  while (sink_next (sink) != GDW_FRAME_ERROR) {
    if (sink->heard->frame.type != GDW_FRAME_MEM)
      continue;
    if (gdw_load_u64 (sink->heard->meta->data + 16) == 7) {
      sink_nak (sink, sink->heard->frame.round, 0, 7);
      naks++;
    }
    sink_acknowledge (sink);
  }

  ck_assert_uint_ge (naks, 2);
  sink_expect_kept (sink, "arrived damaged twice", FALSE);
  ck_assert (gdw_error_decode (sink->heard->meta->data, sink->heard->meta->len, &msg, NULL));
  ck_assert_str_eq (msg.text, victim_error (victim));
  gdw_error_clear (&msg);
  sink_free (sink);
}
END_TEST

/* While it runs, as often as the destination likes; and each time it comes again. */
START_TEST (damage_while_the_guest_runs_is_sent_again)
{
  Victim *victim = victim_new (FALSE);
  Sink *sink = NULL;
  guint again = 0;

  sink = sink_new_for (victim, 1);
  victim_set (victim, "downtime-limit", "0");
  sink_welcome (sink, &(GdwHelloAck){ 1, 0, 64 << 20, 1 << 24 });
  for (guint i = 0; i < 20; i++) {
    sink_wait (sink, GDW_FRAME_MEM);
    again += sink->heard->frame.round > 1;
    sink_nak (sink, sink->heard->frame.round, gdw_load_u32 (sink->heard->meta->data),
              gdw_load_u64 (sink->heard->meta->data + 16));
    sink_acknowledge (sink);
  }
  ck_assert_uint_gt (again, 0);
  victim_set (victim, "downtime-limit", "60000");
  sink_serve (sink, GDW_FRAME_PREPARE);
  peer_send_id (sink->peer, GDW_FRAME_PREPARED, sink->id);
  sink_serve (sink, GDW_FRAME_COMMIT);
  sink_answer (sink->peer, GDW_FRAME_COMMITTED, GDW_ANSWER_COMMITTED, "");
  sink_serve (sink, GDW_FRAME_CONFIRM);
  peer_half_close (sink->peer);
  sink_expect_gone (sink);
  sink_free (sink);
}
END_TEST

/* Clocks that are no clocks. */
START_TEST (heartbeats_may_say_anything)
{
  static const guint64 stamps[] = { 1, G_MAXINT64, (guint64) G_MAXINT64 + 1, G_MAXUINT64 };
  Sink *sink = sink_new (1);

  sink_reach (sink, HEARD_MEM);
  for (guint i = 0; i < G_N_ELEMENTS (stamps); i++) {
    peer_send (sink->peer, GDW_FRAME_HEARTBEAT, script_heartbeat (stamps[i], 0));
    peer_send (sink->peer, GDW_FRAME_HEARTBEAT, script_heartbeat (0, stamps[i]));
    peer_send (sink->peer, GDW_FRAME_HEARTBEAT, script_heartbeat (stamps[i], stamps[i]));
  }
  sink_serve (sink, GDW_FRAME_PREPARE);
  peer_send_id (sink->peer, GDW_FRAME_PREPARED, sink->id);
  sink_serve (sink, GDW_FRAME_COMMIT);
  sink_answer (sink->peer, GDW_FRAME_COMMITTED, GDW_ANSWER_COMMITTED, "");
  sink_serve (sink, GDW_FRAME_CONFIRM);
  peer_half_close (sink->peer);
  sink_expect_gone (sink);
  sink_free (sink);
}
END_TEST

/* The second of two links. */

static Peer *
second_link (Sink *sink)
{
  Peer *second;

  sink_welcome (sink, &(GdwHelloAck){ 1, 0, 64 << 20, 1 << 24 });
  second = peer_accept (sink->listener);
  peer_heard_free (peer_expect (second, GDW_FRAME_JOIN));
  return second;
}

START_TEST (a_second_link_that_is_refused_fails_both_sides)
{
  static const char *const text = "destination: a link is refused: the test wants it; do not";
  Sink *sink = sink_new (2);
  Peer *second = second_link (sink);

  if (_i == 0)
    peer_send_error (second, GDW_FRAME_ERROR, text);
  if (_i == 1)
    sink_answer (second, GDW_FRAME_COMMITTED, GDW_ANSWER_COMMITTED, "");
  peer_half_close (second);
  sink_expect_kept (
      sink, (const char *[]){ text, "frame 'COMMITTED' is refused", "link 1" }[_i], TRUE);
  peer_free (second);
  sink_free (sink);
}
END_TEST

/* Only the link that asked to join is answered so. */
START_TEST (a_join_is_answered_on_its_link)
{
  Sink *sink = sink_new (2);
  Peer *second = second_link (sink);

  peer_send_id (sink->peer, GDW_FRAME_JOIN_ACK, sink->id);
  sink_expect_kept (sink, "frame 'JOIN-ACK' is refused", TRUE);
  peer_free (second);
  sink_free (sink);
}
END_TEST

static void
add (TCase *tests)
{
  tcase_add_loop_test (tests, a_wrong_choice_is_refused, 0, N_BAD_ACKS);
  tcase_add_test (tests, credit_is_respected);
  tcase_add_loop_test (tests, a_frame_at_the_wrong_time_fails_both_sides, 0, N_WRONGS);
  tcase_add_loop_test (tests, the_reason_arrives, HEARD_HELLO, HEARD_COMMIT);
  tcase_add_loop_test (tests, an_end_without_a_reason_is_one, HEARD_HELLO, HEARD_COMMIT);
  tcase_add_test (tests, a_destination_that_never_reads_can_be_left);
  tcase_add_loop_test (tests, a_destination_that_is_silent_is_left, 0, 2);
  tcase_add_test (tests, damage_while_the_guest_stands_is_taken_once);
  tcase_add_test (tests, damage_while_the_guest_runs_is_sent_again);
  tcase_add_test (tests, heartbeats_may_say_anything);
  tcase_add_loop_test (tests, a_second_link_that_is_refused_fails_both_sides, 0, 3);
  tcase_add_test (tests, a_join_is_answered_on_its_link);
}

int
main (void)
{
  return hostile_main ("answers", add);
}
