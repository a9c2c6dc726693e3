/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "delay-queue.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

gboolean
queue_init (Queue *queue)
{
  pthread_mutex_init (&queue->lock, NULL);
  g_queue_init (&queue->chunks);
  queue->wake[QUEUE_PUTS] = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  queue->wake[QUEUE_TAKES] = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  return queue->wake[QUEUE_PUTS] >= 0 && queue->wake[QUEUE_TAKES] >= 0;
}

void
queue_clear (Queue *queue)
{
  g_queue_clear_full (&queue->chunks, g_free);
  g_clear_error (&queue->error);
  for (guint i = 0; i < 2; i++) {
    if (queue->wake[i] >= 0)
      close (queue->wake[i]);
  }
  pthread_mutex_destroy (&queue->lock);
}

void
queue_notify (int fd)
{
  guint64 one = 1;

  while (write (fd, &one, sizeof one) < 0 && errno == EINTR)
    ;
}

/* Sleep until @fd is notified or @ms (-1 = for ever) are over; FALSE once cancelled. */
static gboolean
await (int fd, int ms, GCancellable *cancellable, GError **error)
{
  GPollFD fds[2] = { { .fd = fd, .events = G_IO_IN } };
  gboolean wakes = cancellable && g_cancellable_make_pollfd (cancellable, &fds[1]);
  guint64 count;

  if (cancellable && !wakes)
    ms = ms < 0 ? 20 : MIN (ms, 20);
  if (!g_cancellable_is_cancelled (cancellable))
    g_poll (fds, wakes ? 2 : 1, ms);
  if (wakes)
    g_cancellable_release_fd (cancellable);
  while (read (fd, &count, sizeof count) < 0 && errno == EINTR)
    ;
  return !g_cancellable_set_error_if_cancelled (cancellable, error);
}

void
queue_put (Queue *queue, Chunk *chunk)
{
  pthread_mutex_lock (&queue->lock);
  g_queue_push_tail (&queue->chunks, chunk);
  queue->bytes += sizeof *chunk + chunk->length;
  pthread_mutex_unlock (&queue->lock);
  queue_notify (queue->wake[QUEUE_TAKES]);
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
  pthread_mutex_unlock (&queue->lock);
  queue_notify (queue->wake[QUEUE_TAKES]);
  queue_notify (queue->wake[QUEUE_PUTS]);
}

gboolean
queue_wait_room (Queue *queue, GCancellable *cancellable, GError **error)
{
  for (;;) {
    gboolean room, failed;

    pthread_mutex_lock (&queue->lock);
    room = queue->bytes < QUEUE_BYTES;
    failed = queue->error != NULL;
    if (failed)
      g_propagate_error (error, g_error_copy (queue->error));
    pthread_mutex_unlock (&queue->lock);
    if (failed)
      return FALSE;
    if (room)
      return TRUE;
    if (!await (queue->wake[QUEUE_PUTS], -1, cancellable, error))
      return FALSE;
  }
}

/* Milliseconds until the first chunk is due, 0 when it is or the queue has ended empty, -1
 * when it is empty. */
static int
queue_wait_ms (Queue *queue)
{
  const Chunk *first;
  gint64 left;
  int ms;

  pthread_mutex_lock (&queue->lock);
  first = g_queue_peek_head (&queue->chunks);
  left = first ? first->due_us - g_get_monotonic_time () : 0;
  ms = first ? (int) MAX (0, (left + 999) / 1000) : queue->ended ? 0 : -1;
  pthread_mutex_unlock (&queue->lock);
  return ms;
}

gboolean
queue_wait_due (Queue *queue, GCancellable *cancellable, GError **error)
{
  int ms;

  while ((ms = queue_wait_ms (queue)) != 0) {
    if (!await (queue->wake[QUEUE_TAKES], ms, cancellable, error))
      return FALSE;
  }
  return TRUE;
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
  pthread_mutex_unlock (&queue->lock);
  queue_notify (queue->wake[QUEUE_PUTS]);
}

Chunk *
queue_chunk_new (gsize length)
{
  Chunk *chunk = g_malloc (sizeof *chunk + length);

  chunk->length = length;
  chunk->passed = 0;
  return chunk;
}

gsize
queue_bytes (Queue *queue)
{
  gsize bytes;

  pthread_mutex_lock (&queue->lock);
  bytes = queue->bytes;
  pthread_mutex_unlock (&queue->lock);
  return bytes;
}
