/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "delay-queue.h"

#include <time.h>

void
queue_init (Queue *queue)
{
  pthread_condattr_t attr;

  pthread_mutex_init (&queue->lock, NULL);
  pthread_condattr_init (&attr);
  pthread_condattr_setclock (&attr, CLOCK_MONOTONIC);
  pthread_cond_init (&queue->changed, &attr);
  pthread_condattr_destroy (&attr);
  g_queue_init (&queue->chunks);
}

void
queue_clear (Queue *queue)
{
  g_queue_clear_full (&queue->chunks, g_free);
  g_clear_error (&queue->error);
  pthread_cond_destroy (&queue->changed);
  pthread_mutex_destroy (&queue->lock);
}

static void
wake_up (GCancellable *cancellable, gpointer data)
{
  Queue *queue = data;

  pthread_mutex_lock (&queue->lock);
  pthread_cond_broadcast (&queue->changed);
  pthread_mutex_unlock (&queue->lock);
}

/* Under the lock.  Sleeps until something has changed or it is @until_us (0 = never). */
static void
sleep_until (Queue *queue, gint64 until_us)
{
  struct timespec when = { until_us / G_USEC_PER_SEC, until_us % G_USEC_PER_SEC * 1000 };

  if (until_us)
    pthread_cond_timedwait (&queue->changed, &queue->lock, &when);
  else
    pthread_cond_wait (&queue->changed, &queue->lock);
}

/* Under the lock.  TRUE: sleep until @until_us (0 = until something has changed).  FALSE:
 * continue. */
typedef gboolean (*Waits) (const Queue *queue, gint64 *until_us);

/* Returns FALSE with an error when cancelled. */
static gboolean
await (Queue *queue, Waits waits, GCancellable *cancellable, GError **error)
{
  gulong handler = 0;
  gint64 until_us;

  if (cancellable)
    handler = g_cancellable_connect (cancellable, G_CALLBACK (wake_up), queue, NULL);
  pthread_mutex_lock (&queue->lock);
  while (!g_cancellable_is_cancelled (cancellable) && waits (queue, &until_us))
    sleep_until (queue, until_us);
  pthread_mutex_unlock (&queue->lock);
  g_cancellable_disconnect (cancellable, handler);
  return !g_cancellable_set_error_if_cancelled (cancellable, error);
}

void
queue_put (Queue *queue, Chunk *chunk)
{
  pthread_mutex_lock (&queue->lock);
  g_queue_push_tail (&queue->chunks, chunk);
  queue->bytes += sizeof *chunk + chunk->length;
  pthread_cond_broadcast (&queue->changed);
  pthread_mutex_unlock (&queue->lock);
}

void
queue_end (Queue *queue, GError *error)
{
  pthread_mutex_lock (&queue->lock);
  queue->ended = TRUE;
  if (error && !queue->error)
    queue->error = error;
  else
    g_clear_error (&error);
  pthread_cond_broadcast (&queue->changed);
  pthread_mutex_unlock (&queue->lock);
}

static gboolean
is_full (const Queue *queue, gint64 *until_us)
{
  *until_us = 0;
  return queue->bytes >= QUEUE_BYTES && !queue->error;
}

gboolean
queue_wait_room (Queue *queue, GCancellable *cancellable, GError **error)
{
  gboolean failed;

  if (!await (queue, is_full, cancellable, error))
    return FALSE;
  pthread_mutex_lock (&queue->lock);
  failed = queue->error != NULL;
  if (failed)
    g_propagate_error (error, g_error_copy (queue->error));
  pthread_mutex_unlock (&queue->lock);
  return !failed;
}

static gboolean
is_early (const Queue *queue, gint64 *until_us)
{
  const Chunk *first = g_queue_peek_head ((GQueue *) &queue->chunks);

  *until_us = first ? first->due_us : 0;
  return first ? first->due_us > g_get_monotonic_time () : !queue->ended;
}

gboolean
queue_wait_due (Queue *queue, GCancellable *cancellable, GError **error)
{
  return await (queue, is_early, cancellable, error);
}

guint
queue_peek (Queue *queue, struct iovec *iov)
{
  gint64 now = g_get_monotonic_time ();
  guint n = 0;

  pthread_mutex_lock (&queue->lock);
  for (GList *l = queue->chunks.head; l && n < QUEUE_BATCH; l = l->next) {
    Chunk *chunk = l->data;

    if (chunk->due_us > now)
      break;
    iov[n].iov_base = chunk->data + chunk->passed;
    iov[n++].iov_len = chunk->length - chunk->passed;
  }
  pthread_mutex_unlock (&queue->lock);
  return n;
}

void
queue_drop (Queue *queue, gsize count)
{
  pthread_mutex_lock (&queue->lock);
  while (count > 0) {
    Chunk *chunk = g_queue_peek_head (&queue->chunks);
    gsize length = MIN (count, chunk->length - chunk->passed);

    chunk->passed += length;
    count -= length;
    if (chunk->passed == chunk->length) {
      queue->bytes -= sizeof *chunk + chunk->length;
      g_free (g_queue_pop_head (&queue->chunks));
    }
  }
  pthread_cond_broadcast (&queue->changed);
  pthread_mutex_unlock (&queue->lock);
}

Chunk *
queue_chunk_new (gsize length)
{
  Chunk *chunk = g_malloc (sizeof *chunk + length);

  chunk->length = length;
  chunk->passed = 0;
  return chunk;
}

void
queue_is_drained (Queue *queue)
{
  pthread_mutex_lock (&queue->lock);
  queue->drained = TRUE;
  pthread_cond_broadcast (&queue->changed);
  pthread_mutex_unlock (&queue->lock);
}

void
queue_flush (Queue *queue, int patience_ms)
{
  gsize before;

  pthread_mutex_lock (&queue->lock);
  do {
    gint64 until_us = g_get_monotonic_time () + patience_ms * (gint64) 1000;

    before = queue->bytes;
    while (!queue->drained && g_get_monotonic_time () < until_us)
      sleep_until (queue, until_us);
  } while (!queue->drained && queue->bytes < before);
  pthread_mutex_unlock (&queue->lock);
}
