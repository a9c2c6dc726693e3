/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/handover/outcome-query.h"

#include <pthread.h>
#include <string.h>

#include "core/base/invoke.h"
#include "core/base/thread.h"

#define RETRY_MS 250

struct GdwQuery {
  GdwStack *stack;
  GdwJoin join;
  gint64 until_us;
  GMainContext *context;
  GdwQueryDone done;
  gpointer data;
  pthread_t thread;
  gboolean asking, answered;
  GdwOutcomeMsg answer;
  GError *error; /* the last */
};

static gboolean
write_frame (GdwLink *link, GdwFrameType type, guint64 seq, const GByteArray *meta,
             GCancellable *cancellable, GError **error)
{
  guint8 head[GDW_FRAME_HEADER_BYTES];
  GdwFrame frame = {
    .type = type, .seq = seq, .payload_len = meta->len, .meta_len = meta->len
  };
  struct iovec iov[2];

  gdw_frame_encode (&frame, meta->data, head);
  iov[0] = (struct iovec){ head, sizeof head };
  iov[1] = (struct iovec){ meta->data, meta->len };
  return gdw_link_write (link, iov, 2, cancellable, error);
}

static gboolean
write_question (GdwQuery *query, GdwLink *link, GCancellable *cancellable, GError **error)
{
  g_autoptr (GByteArray) meta = g_byte_array_new ();

  gdw_query_encode (&query->join, meta);
  return write_frame (link, GDW_FRAME_QUERY_OUTCOME, 1, meta, cancellable, error);
}

/* Lets the destination stop listening.  Without this message it goes on listening. */
static void
write_confirm (GdwQuery *query, GdwLink *link, GCancellable *cancellable)
{
  g_autoptr (GByteArray) meta = g_byte_array_new ();

  gdw_id_encode (query->join.id, meta);
  if (write_frame (link, GDW_FRAME_CONFIRM, 2, meta, cancellable, NULL))
    gdw_link_shutdown (link);
}

/* Reads frames until OUTCOME and skips others, such as heartbeats. */
static gboolean
read_answer (GdwQuery *query, GdwLink *link, GCancellable *cancellable, GError **error)
{
  guint8 head[GDW_FRAME_HEADER_BYTES], meta[4096];
  GdwFrame frame;

  do {
    struct iovec iov = { head, sizeof head };

    if (!gdw_link_read (link, &iov, 1, cancellable, error) ||
        !gdw_frame_decode (head, &frame, error))
      return FALSE;
    if (frame.payload_len > sizeof meta || frame.payload_len != frame.meta_len) {
      g_set_error (error, GDW_ERROR, GDW_ERROR_PROTOCOL,
                   "frame 'OUTCOME': it is refused: it is too long; both sides must speak the "
                   "same protocol");
      return FALSE;
    }
    iov = (struct iovec){ meta, frame.payload_len };
    if (frame.payload_len && !gdw_link_read (link, &iov, 1, cancellable, error))
      return FALSE;
    if (!gdw_frame_check_meta (&frame, meta, error))
      return FALSE;
  } while (frame.type != GDW_FRAME_OUTCOME);
  return gdw_outcome_decode (meta, frame.meta_len, &query->answer, error);
}

static gboolean
cancel_at_deadline (gpointer data)
{
  g_cancellable_cancel (data);
  return G_SOURCE_REMOVE;
}

static gboolean
ask_once (GdwQuery *query, GCancellable *cancellable, GError **error)
{
  GdwLink *link = gdw_stack_connect (query->stack, cancellable, error);
  gboolean ok;

  if (!link)
    return FALSE;
  ok = gdw_link_handshake (link, cancellable, error) &&
       write_question (query, link, cancellable, error) &&
       read_answer (query, link, cancellable, error);
  if (ok)
    write_confirm (query, link, cancellable);
  gdw_link_close (link);
  return ok;
}

static void
report (gpointer data)
{
  GdwQuery *query = data;

  query->done (query->answered ? &query->answer : NULL, query->error, query->data);
}

/* The main loop ends the window: it fires the cancellable. */
static void *
ask (void *data)
{
  GdwQuery *query = data;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  GSource *deadline = g_timeout_source_new (
      MAX (query->until_us - g_get_monotonic_time (), 0) / 1000 + 1);

  g_source_set_callback (deadline, cancel_at_deadline, g_object_ref (cancellable),
                         g_object_unref);
  g_source_attach (deadline, query->context);
  for (;;) {
    g_clear_error (&query->error);
    query->answered = ask_once (query, cancellable, &query->error);
    if (query->answered || g_get_monotonic_time () + RETRY_MS * 1000 > query->until_us)
      break;
    g_usleep (RETRY_MS * 1000);
  }
  g_source_destroy (deadline);
  g_source_unref (deadline);
  gdw_invoke (query->context, report, query, NULL);
  return NULL;
}

GdwQuery *
gdw_query_new (GdwStack *stack, GdwThreads *threads, const guint8 id[GDW_ID_BYTES],
               const guint8 token[GDW_TOKEN_BYTES], guint window_ms, GMainContext *context,
               GdwQueryDone done, gpointer data)
{
  GdwQuery *query = g_new0 (GdwQuery, 1);

  query->stack = stack;
  memcpy (query->join.id, id, GDW_ID_BYTES);
  memcpy (query->join.token, token, GDW_TOKEN_BYTES);
  query->until_us = g_get_monotonic_time () + window_ms * (gint64) 1000;
  query->context = g_main_context_ref (context);
  query->done = done;
  query->data = data;
  query->asking = gdw_thread_start (&query->thread, threads, "mig/src/ask", ask, query,
                                    &query->error);
  if (!query->asking)
    gdw_invoke (context, report, query, NULL);
  return query;
}

void
gdw_query_free (GdwQuery *query)
{
  if (!query)
    return;
  if (query->asking)
    pthread_join (query->thread, NULL);
  gdw_outcome_clear (&query->answer);
  g_clear_error (&query->error);
  g_main_context_unref (query->context);
  g_free (query);
}
