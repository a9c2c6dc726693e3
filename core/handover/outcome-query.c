/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/handover/outcome-query.h"

#include <pthread.h>
#include <string.h>

#include "core/base/invoke.h"
#include "core/base/thread.h"

/* How often at first; twice as long after each question once the window is over; at most. */
#define RETRY_MS 250
#define RETRY_MAX_MS 60000
/* How long one question may take. */
#define ASK_MS 5000

struct GdwQuery {
  GdwStack *stack;
  GdwThreads *threads;
  GdwJoin join;
  GMainContext *context;
  const GdwQueryOps *ops;
  gpointer data;
  gint refs;     /* atomic: the owner's and one of the question under way */
  gboolean gone; /* the owner has no use for it any more */

  guint retry_ms;
  gint64 until_us; /* the end of the window */
  gboolean window_over;
  GSource *next, *deadline; /* timers */

  /* The question under way; they belong to its thread until it reports. */
  GCancellable *cancellable;
  pthread_t thread;
  gboolean asking;
  gboolean answered;
  GdwOutcomeMsg answer;
  GError *error;
};

static void begin (GdwQuery *query);

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

/* Whoever does not know the migration says nothing about the guest. */
static gboolean
is_decided (const GdwOutcomeMsg *answer)
{
  return answer->answer == GDW_ANSWER_COMMITTED || answer->answer == GDW_ANSWER_ABORTED;
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
  if (ok && is_decided (&query->answer))
    write_confirm (query, link, cancellable);
  gdw_link_close (link);
  return ok;
}

static void
unref (gpointer data)
{
  GdwQuery *query = data;

  if (!g_atomic_int_dec_and_test (&query->refs))
    return;
  gdw_outcome_clear (&query->answer);
  g_clear_error (&query->error);
  g_main_context_unref (query->context);
  g_free (query);
}

static gboolean
on_deadline (gpointer data)
{
  GdwQuery *query = data;

  gdw_timer_clear (&query->deadline);
  g_cancellable_cancel (query->cancellable);
  return G_SOURCE_REMOVE;
}

static gboolean
on_next (gpointer data)
{
  GdwQuery *query = data;

  gdw_timer_clear (&query->next);
  begin (query);
  return G_SOURCE_REMOVE;
}

/* The thread has ended, or could not start. */
static void
join (GdwQuery *query)
{
  gdw_timer_clear (&query->deadline);
  if (query->asking)
    pthread_join (query->thread, NULL);
  query->asking = FALSE;
  g_clear_object (&query->cancellable);
}

static void
ask_later (GdwQuery *query)
{
  gboolean in_time = g_get_monotonic_time () + RETRY_MS * 1000 <= query->until_us;
  gboolean knows_nothing = query->answered;

  if (knows_nothing)
    g_set_error_literal (&query->error, GDW_ERROR, GDW_ERROR_PEER,
                         "it does not know this migration");
  query->answered = FALSE;
  gdw_outcome_clear (&query->answer);
  if (query->window_over)
    query->retry_ms = MIN (query->retry_ms * 2, RETRY_MAX_MS);
  gdw_timer_set (&query->next, query->context, query->retry_ms, on_next, query);
  if (!query->window_over && (knows_nothing || !in_time)) {
    query->window_over = TRUE;
    query->ops->unanswered (query->error, query->data);
  }
}

static void
report (gpointer data)
{
  GdwQuery *query = data;

  if (query->gone)
    return;
  join (query);
  if (query->answered && is_decided (&query->answer))
    query->ops->answered (&query->answer, query->data);
  else
    ask_later (query);
}

static void *
ask (void *data)
{
  GdwQuery *query = data;

  query->answered = ask_once (query, query->cancellable, &query->error);
  gdw_invoke (query->context, report, query, unref);
  return NULL;
}

/* Asks once, on a thread of its own.  In the window the main loop ends it with the window. */
static void
begin (GdwQuery *query)
{
  gint64 left_ms = (query->until_us - g_get_monotonic_time ()) / 1000 + 1;

  g_clear_error (&query->error);
  query->cancellable = g_cancellable_new ();
  gdw_timer_set (&query->deadline, query->context,
                 query->window_over ? ASK_MS : (guint) MAX (left_ms, 1), on_deadline, query);
  g_atomic_int_inc (&query->refs);
  query->asking = gdw_thread_start (&query->thread, query->threads, "mig/src/ask", ask, query,
                                    &query->error);
  if (!query->asking)
    gdw_invoke (query->context, report, query, unref);
}

GdwQuery *
gdw_query_new (GdwStack *stack, GdwThreads *threads, const guint8 id[GDW_ID_BYTES],
               const guint8 token[GDW_TOKEN_BYTES], guint window_ms, GMainContext *context,
               const GdwQueryOps *ops, gpointer data)
{
  GdwQuery *query = g_new0 (GdwQuery, 1);

  query->stack = stack;
  query->threads = threads;
  memcpy (query->join.id, id, GDW_ID_BYTES);
  memcpy (query->join.token, token, GDW_TOKEN_BYTES);
  query->context = g_main_context_ref (context);
  query->ops = ops;
  query->data = data;
  query->refs = 1;
  query->retry_ms = RETRY_MS;
  query->until_us = g_get_monotonic_time () + window_ms * (gint64) 1000;
  begin (query);
  return query;
}

void
gdw_query_free (GdwQuery *query)
{
  if (!query)
    return;
  query->gone = TRUE;
  gdw_timer_clear (&query->next);
  if (query->cancellable)
    g_cancellable_cancel (query->cancellable);
  join (query);
  unref (query);
}
