/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "sink.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static const GdwHelloAck good_ack = { 1, 0, 64 << 20, 1 << 24 };

Sink *
sink_new_for (Victim *victim, guint links)
{
  Sink *sink = g_new0 (Sink, 1);
  GdwHello hello;

  sink->victim = victim;
  sink->path = g_strconcat (victim->folder, "/there", NULL);
  sink->listener = peer_listen (sink->path);
  victim_migrate (victim, sink->path, links);
  sink->peer = peer_accept (sink->listener);
  sink->heard = peer_expect (sink->peer, GDW_FRAME_HELLO);
  ck_assert (gdw_hello_decode (sink->heard->meta->data, sink->heard->meta->len, &hello, NULL));
  ck_assert_uint_eq (hello.n_links, links);
  ck_assert_uint_eq (hello.n_regions, VICTIM_REGIONS);
  memcpy (sink->id, hello.id, sizeof sink->id);
  memcpy (sink->token, hello.token, sizeof sink->token);
  gdw_hello_clear (&hello);
  return sink;
}

Sink *
sink_new (guint links)
{
  return sink_new_for (victim_new (FALSE), links);
}

void
sink_close (Sink *sink)
{
  g_clear_pointer (&sink->peer, peer_free);
}

void
sink_close_listener (Sink *sink)
{
  if (sink->listener < 0)
    return;
  close (sink->listener);
  sink->listener = -1;
  ck_assert_int_eq (g_unlink (sink->path), 0);
}

void
sink_free (Sink *sink)
{
  sink_close (sink);
  sink_close_listener (sink);
  victim_free (sink->victim);
  g_clear_pointer (&sink->heard, peer_heard_free);
  g_free (sink->path);
  g_free (sink);
}

gboolean
sink_welcome (Sink *sink, const GdwHelloAck *ack)
{
  GByteArray *meta = g_byte_array_new ();

  gdw_hello_ack_encode (ack, meta);
  return peer_send (sink->peer, GDW_FRAME_HELLO_ACK, meta);
}

static void
count_mem (Sink *sink)
{
  const guint64 pages[] = { RAM_PAGES, ROM_PAGES };
  g_autofree GdwMem *mem = g_new (GdwMem, 1);
  const Heard *heard = sink->heard;

  ck_assert (gdw_mem_decode (heard->meta->data, heard->meta->len, heard->frame.payload_len,
                             pages, VICTIM_REGIONS, mem, NULL));
  sink->ack.seq = heard->frame.seq;
  sink->ack.bytes += heard->frame.payload_len;
  for (guint i = 0; i < mem->n_runs; i++)
    sink->ack.pages += mem->runs[i].count;
}

void
sink_acknowledge (Sink *sink)
{
  GByteArray *meta = g_byte_array_new ();

  gdw_ack_encode (&sink->ack, meta);
  peer_send (sink->peer, GDW_FRAME_ACK, meta);
}

void
sink_nak (Sink *sink, guint32 round, guint region, guint64 page)
{
  GByteArray *meta = g_byte_array_new (), *frame;

  gdw_nak_encode (&(GdwNak){ region, 1, { page } }, meta);
  frame = peer_frame (sink->peer, GDW_FRAME_NAK, 0, meta);
  gdw_store_u32 (frame->data + 24, round);
  peer_seal (frame);
  peer_send_frame (sink->peer, frame);
}

static gboolean
take_one (Sink *sink)
{
  Heard *heard = peer_next (sink->peer);

  if (!heard)
    return FALSE;
  g_clear_pointer (&sink->heard, peer_heard_free);
  sink->heard = heard;
  if (heard->frame.type == GDW_FRAME_MEM)
    count_mem (sink);
  return TRUE;
}

guint
sink_next (Sink *sink)
{
  WAIT_UNTIL (take_one (sink) || !peer_read (sink->peer));
  return sink->heard->frame.type;
}

/* TRUE if @type or the end has come. */
static gboolean
take (Sink *sink, guint type, gboolean acknowledge)
{
  peer_read (sink->peer);
  while (take_one (sink)) {
    const GdwFrame *frame = &sink->heard->frame;

    if (acknowledge && (frame->type == GDW_FRAME_MEM || frame->flags & GDW_FRAME_ACK_NOW))
      sink_acknowledge (sink);
    if (frame->type == type)
      return TRUE;
  }
  return sink->peer->ended;
}

static void
expect_heard (Sink *sink, guint type)
{
  ck_assert_msg (sink->heard && sink->heard->frame.type == type,
                 "the source did not say %s: %s", gdw_frame_name (type),
                 victim_error (sink->victim));
}

void
sink_serve (Sink *sink, guint type)
{
  WAIT_UNTIL (take (sink, type, TRUE));
  expect_heard (sink, type);
}

void
sink_wait (Sink *sink, guint type)
{
  WAIT_UNTIL (take (sink, type, FALSE));
  expect_heard (sink, type);
}

void
sink_reach (Sink *sink, SinkStep step)
{
  static const guint types[] = { GDW_FRAME_HELLO, GDW_FRAME_MEM, GDW_FRAME_STATE,
                                 GDW_FRAME_PREPARE, GDW_FRAME_COMMIT };

  if (step == HEARD_HELLO)
    return;
  sink_welcome (sink, &good_ack);
  if (step == HEARD_COMMIT) {
    sink_serve (sink, GDW_FRAME_PREPARE);
    peer_send_id (sink->peer, GDW_FRAME_PREPARED, sink->id);
  }
  sink_serve (sink, types[step]);
}

Peer *
sink_question (Sink *sink)
{
  Peer *peer = peer_accept (sink->listener);
  g_autoptr (Heard) heard = peer_expect (peer, GDW_FRAME_QUERY_OUTCOME);
  GdwJoin query;

  ck_assert (gdw_query_decode (heard->meta->data, heard->meta->len, &query, NULL));
  ck_assert_mem_eq (query.id, sink->id, sizeof sink->id);
  ck_assert_mem_eq (query.token, sink->token, sizeof sink->token);
  return peer;
}

gboolean
sink_answer (Peer *peer, guint type, guint answer, const char *text)
{
  GByteArray *meta = g_byte_array_new ();
  GdwOutcomeMsg msg = { .answer = answer, .text = (char *) text };

  gdw_outcome_encode (&msg, meta);
  return peer_send (peer, type, meta);
}

void
sink_expect_kept (Sink *sink, const char *text, gboolean told)
{
  Victim *victim = sink->victim;
  g_autofree char *words = told ? peer_last_words (sink->peer) : NULL;

  if (sink->peer)
    peer_half_close (sink->peer);
  WAIT_UNTIL (victim->ended);
  ck_assert_uint_eq (victim_status (victim), GDW_STATUS_FAILED);
  victim_expect_failed (victim, text);
  if (told)
    ck_assert_str_eq (words, victim_error (victim));
  ck_assert (victim->runs);
  ck_assert_uint_eq (victim->resumes, victim->pauses + 1);
  ck_assert_uint_eq (gdw_migration_get_run_state (victim->migration), GDW_RUN_STATE_RUNNING);
  ck_assert_uint_eq (gdw_migration_get_outcome (victim->migration), GDW_OUTCOME_SOURCE);
}

static void
on_refused (GdwMigration *migration, const GError *error, gpointer data)
{
  *(char **) data = g_strdup (error ? error->message : "it was not refused");
}

static void
expect_stands_still (Sink *sink)
{
  Victim *victim = sink->victim;
  g_autofree char *refused = NULL;

  WAIT_UNTIL (victim->ended);
  ck_assert (!victim->runs);
  ck_assert_uint_eq (victim->resumes, 1);
  gdw_migration_cont (victim->migration, on_refused, &refused);
  WAIT_UNTIL (refused);
  ck_assert_msg (strstr (refused, "x-migrate-resolve") != NULL, "%s", refused);
}

void
sink_expect_unknown (Sink *sink)
{
  expect_stands_still (sink);
  victim_expect_failed (sink->victim, "the outcome is unknown");
  ck_assert_uint_eq (gdw_migration_get_outcome (sink->victim->migration), GDW_OUTCOME_UNKNOWN);
}

void
sink_expect_gone (Sink *sink)
{
  expect_stands_still (sink);
  ck_assert_uint_eq (victim_status (sink->victim), GDW_STATUS_COMPLETED);
  ck_assert_uint_eq (gdw_migration_get_outcome (sink->victim->migration),
                     GDW_OUTCOME_DESTINATION);
}
