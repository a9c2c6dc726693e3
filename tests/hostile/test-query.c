/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* A destination that does not answer COMMIT, and what it says when it is asked. */
#include <string.h>

#include "script.h"
#include "sink.h"

START_TEST (a_good_destination_gets_the_guest)
{
  Sink *sink = sink_new (1);

  sink_reach (sink, HEARD_COMMIT);
  sink_answer (sink->peer, GDW_FRAME_COMMITTED, GDW_ANSWER_COMMITTED, "");
  sink_serve (sink, GDW_FRAME_CONFIRM);
  peer_half_close (sink->peer);
  sink_expect_gone (sink);
  sink_free (sink);
}
END_TEST

static void
say_error (Sink *sink)
{
  peer_send_error (sink->peer, GDW_FRAME_ERROR, "destination: it fell over: the test wants it");
}

static void
say_aborted (Sink *sink)
{
  sink_answer (sink->peer, GDW_FRAME_COMMITTED, GDW_ANSWER_ABORTED, "no");
}

static void
say_unknown (Sink *sink)
{
  sink_answer (sink->peer, GDW_FRAME_COMMITTED, GDW_ANSWER_UNKNOWN_ID, "no");
}

static void
say_outcome (Sink *sink)
{
  sink_answer (sink->peer, GDW_FRAME_OUTCOME, GDW_ANSWER_ABORTED, "no");
}

static void
say_prepared (Sink *sink)
{
  peer_send_id (sink->peer, GDW_FRAME_PREPARED, sink->id);
}

static void
say_garbage (Sink *sink)
{
  peer_send_bytes (sink->peer, (const guint8 *) "HTTP/1.1 200 OK, or so it says -----------",
                   42);
}

static void
say_nothing (Sink *sink)
{
  sink_close (sink);
}

/* Whatever is heard of link 0 in place of COMMITTED, the source does not run its guest by
 * itself: it asks. */
START_TEST (only_the_answer_decides)
{
  static void (*const says[]) (Sink * sink) = { say_error,   say_aborted,  say_unknown,
                                                say_outcome, say_prepared, say_garbage,
                                                say_nothing };
  static const guint answers[] = { GDW_ANSWER_COMMITTED, GDW_ANSWER_ABORTED,
                                   GDW_ANSWER_UNKNOWN_ID };

  for (guint i = 0; i < G_N_ELEMENTS (answers); i++) {
    Sink *sink = sink_new (1);
    Peer *asker;

    sink_reach (sink, HEARD_COMMIT);
    says[_i](sink);
    asker = sink_question (sink);
    ck_assert (!sink->victim->runs);
    peer_send (asker, GDW_FRAME_HEARTBEAT, script_heartbeat (1, 0));
    sink_answer (asker, GDW_FRAME_OUTCOME, answers[i], "the test says so");
    if (answers[i] == GDW_ANSWER_COMMITTED) {
      peer_heard_free (peer_expect (asker, GDW_FRAME_CONFIRM));
      sink_expect_gone (sink);
    } else if (answers[i] == GDW_ANSWER_ABORTED) {
      sink_expect_kept (sink, "", FALSE);
    } else {
      sink_expect_unknown (sink);
    }
    peer_free (asker);
    sink_free (sink);
  }
}
END_TEST
#define N_SAYS 7

static void
answer_garbage (Peer *peer)
{
  peer_send_bytes (peer, (const guint8 *) "HTTP/1.1 200 OK, or so it says -----------", 42);
}

static void
answer_nonsense (Peer *peer)
{
  sink_answer (peer, GDW_FRAME_OUTCOME, 4, "");
}

static void
answer_long (Peer *peer)
{
  GByteArray *meta = g_byte_array_new ();
  GByteArray *frame;

  g_byte_array_set_size (meta, 1000000);
  memset (meta->data, 0, meta->len);
  frame = peer_frame (peer, 77, GDW_FRAME_OPTIONAL, meta);
  peer_send_frame (peer, frame);
}

static void
answer_nothing (Peer *peer)
{
  peer_half_close (peer);
}

static void
answer_error (Peer *peer)
{
  peer_send_error (peer, GDW_FRAME_ERROR, "destination: it is busy");
  peer_half_close (peer);
}

/* The source asks again after a bad answer. */
START_TEST (a_bad_answer_is_none)
{
  static void (*const bad[]) (Peer * peer) = { answer_garbage, answer_nonsense, answer_long,
                                               answer_nothing, answer_error };
  Sink *sink = sink_new (1);
  Peer *asker;

  sink_reach (sink, HEARD_COMMIT);
  sink_close (sink);
  asker = sink_question (sink);
  bad[_i](asker);
  peer_free (asker);
  ck_assert (!sink->victim->runs);
  asker = sink_question (sink);
  sink_answer (asker, GDW_FRAME_OUTCOME, GDW_ANSWER_COMMITTED, "");
  sink_expect_gone (sink);
  peer_free (asker);
  sink_free (sink);
}
END_TEST
#define N_BAD 5

/* The destination has gone; or it listens, and says nothing. */
START_TEST (without_an_answer_it_is_unknown)
{
  Sink *sink = sink_new (1);
  Peer *asker = NULL;

  sink_reach (sink, HEARD_COMMIT);
  if (_i == 0)
    sink_close_listener (sink);
  sink_close (sink);
  if (_i == 1)
    asker = sink_question (sink);
  sink_expect_unknown (sink);
  if (asker)
    peer_free (asker);
  sink_free (sink);
}
END_TEST

/* It accepts COMMIT and is silent, with the links open. */
START_TEST (a_silent_destination_is_asked)
{
  Victim *victim = victim_new (FALSE);
  Sink *sink;
  Peer *asker;

  victim_set (victim, "x-peer-timeout", "300");
  sink = sink_new_for (victim, 1);
  sink_reach (sink, HEARD_COMMIT);
  asker = sink_question (sink);
  ck_assert (!victim->runs);
  sink_answer (asker, GDW_FRAME_OUTCOME, GDW_ANSWER_ABORTED, "never heard of COMMIT");
  sink_expect_kept (sink, "", FALSE);
  peer_free (asker);
  sink_free (sink);
}
END_TEST

static void
add (TCase *tests)
{
  tcase_add_test (tests, a_good_destination_gets_the_guest);
  tcase_add_loop_test (tests, only_the_answer_decides, 0, N_SAYS);
  tcase_add_loop_test (tests, a_bad_answer_is_none, 0, N_BAD);
  tcase_add_loop_test (tests, without_an_answer_it_is_unknown, 0, 2);
  tcase_add_test (tests, a_silent_destination_is_asked);
}

int
main (void)
{
  return hostile_main ("query", add);
}
