/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include <godwit/error.h>
#include <godwit/filter.h>
#include <pthread.h>
#include <string.h>

#include "delay-queue.h"

#define READ_BYTES (256u << 10)
/* How long, besides the delay, a close waits for a wire that takes nothing. */
#define FLUSH_MS 500

enum { OPTION_MS };

typedef struct {
  gint64 delay_us;
} Delay;

typedef struct {
  const Delay *delay;
  const GdwNext *next; /* set once one of the threads runs */
  Queue in, out;
  gboolean reads, writes;   /* whether the threads run; read sets one, write the other */
  pthread_mutex_t starting; /* read and write may be the first at the same time */
  pthread_t reader, writer;
  GCancellable *stop;
} DelayLink;

/* Moves bytes from the wire into the queue. */
static gpointer
run_reader (gpointer data)
{
  DelayLink *link = data;
  GError *error = NULL;

  while (queue_wait_room (&link->in, link->stop, &error)) {
    Chunk *chunk = queue_chunk_new (READ_BYTES);
    struct iovec iov = { chunk->data, READ_BYTES };
    gssize count = link->next->read (link->next, &iov, 1, link->stop, &error);

    if (count <= 0) {
      g_free (chunk);
      break;
    }
    chunk->length = (gsize) count;
    chunk->due_us = g_get_monotonic_time () + link->delay->delay_us;
    queue_put (&link->in, g_realloc (chunk, sizeof *chunk + chunk->length));
  }
  queue_end (&link->in, error);
  return NULL;
}

static gboolean
write_due (DelayLink *link, gboolean *at_end, GError **error)
{
  struct iovec iov[QUEUE_BATCH];
  gssize count;
  guint n;

  if (!queue_wait_due (&link->out, link->stop, error))
    return FALSE;
  n = queue_peek (&link->out, iov);
  *at_end = n == 0;
  if (n == 0)
    return link->next->shutdown (link->next, error);
  count = link->next->write (link->next, iov, n, link->stop, error);
  if (count < 0)
    return FALSE;
  queue_drop (&link->out, (gsize) count);
  return TRUE;
}

/* Moves bytes from the queue onto the wire. */
static gpointer
run_writer (gpointer data)
{
  DelayLink *link = data;
  GError *error = NULL;
  gboolean at_end = FALSE;

  while (!at_end && write_due (link, &at_end, &error))
    ;
  queue_end (&link->out, error);
  queue_is_drained (&link->out);
  return NULL;
}

static gpointer
delay_open (const GdwFilterConfig *config, GError **error)
{
  Delay *delay = g_new0 (Delay, 1);

  delay->delay_us = (gint64) config->options[OPTION_MS].number * 1000;
  return delay;
}

static void
delay_close (gpointer self)
{
  g_free (self);
}

static void
link_free (DelayLink *link)
{
  queue_clear (&link->in);
  queue_clear (&link->out);
  pthread_mutex_destroy (&link->starting);
  g_object_unref (link->stop);
  g_free (link);
}

static gpointer
delay_link_open (gpointer self, gboolean incoming, GCancellable *cancellable, GError **error)
{
  DelayLink *link = g_new0 (DelayLink, 1);

  link->delay = self;
  link->stop = g_cancellable_new ();
  pthread_mutex_init (&link->starting, NULL);
  queue_init (&link->in);
  queue_init (&link->out);
  return link;
}

/* Starts a thread with the first call, because only then @next is known. */
static gboolean
start_thread (DelayLink *link, gboolean *runs, pthread_t *thread, gpointer (*run) (gpointer),
              const GdwNext *next, GError **error)
{
  int why = 0;

  if (*runs)
    return TRUE;
  pthread_mutex_lock (&link->starting);
  if (!link->next)
    link->next = next;
  why = pthread_create (thread, NULL, run, link);
  *runs = why == 0;
  pthread_mutex_unlock (&link->starting);
  if (why != 0)
    g_set_error (error, GDW_ERROR, GDW_ERROR_EXHAUSTED,
                 "filter 'delay': start of a thread failed: %s; raise the limit of threads",
                 g_strerror (why));
  return why == 0;
}

static gssize
delay_read (gpointer data, const GdwNext *next, const struct iovec *iov, guint n,
            GCancellable *cancellable, GError **error)
{
  DelayLink *link = data;
  struct iovec due[QUEUE_BATCH];
  gsize given = 0, skip = 0;
  guint from = 0, chunks;

  if (link->delay->delay_us == 0)
    return next->read (next, iov, n, cancellable, error);
  if (!start_thread (link, &link->reads, &link->reader, run_reader, next, error) ||
      !queue_wait_due (&link->in, cancellable, error))
    return -1;
  chunks = queue_peek (&link->in, due);
  if (chunks == 0) {
    /* The reader has ended, so nothing more comes in. */
    if (link->in.error)
      g_propagate_error (error, g_error_copy (link->in.error));
    return link->in.error ? -1 : 0;
  }
  for (guint i = 0; i < n && from < chunks;) {
    gsize length = MIN (iov[i].iov_len - skip, due[from].iov_len);

    memcpy ((guint8 *) iov[i].iov_base + skip, due[from].iov_base, length);
    given += length;
    skip += length;
    due[from].iov_base = (guint8 *) due[from].iov_base + length;
    due[from].iov_len -= length;
    if (due[from].iov_len == 0)
      from++;
    if (skip == iov[i].iov_len) {
      skip = 0;
      i++;
    }
  }
  queue_drop (&link->in, given);
  return (gssize) given;
}

static gssize
delay_write (gpointer data, const GdwNext *next, const struct iovec *iov, guint n,
             GCancellable *cancellable, GError **error)
{
  DelayLink *link = data;
  gsize total = 0, room = QUEUE_BYTES / 16;
  Chunk *chunk;

  if (link->delay->delay_us == 0)
    return next->write (next, iov, n, cancellable, error);
  if (!start_thread (link, &link->writes, &link->writer, run_writer, next, error) ||
      !queue_wait_room (&link->out, cancellable, error))
    return -1;
  for (guint i = 0; i < n; i++)
    total += iov[i].iov_len;
  chunk = queue_chunk_new (MIN (total, room));
  for (guint i = 0; i < n && chunk->passed < chunk->length; i++) {
    gsize length = MIN (iov[i].iov_len, chunk->length - chunk->passed);

    memcpy (chunk->data + chunk->passed, iov[i].iov_base, length);
    chunk->passed += length;
  }
  total = chunk->length;
  chunk->passed = 0;
  chunk->due_us = g_get_monotonic_time () + link->delay->delay_us;
  queue_put (&link->out, chunk);
  return (gssize) total;
}

static gboolean
delay_shutdown (gpointer data, const GdwNext *next, GError **error)
{
  DelayLink *link = data;
  gboolean writes;

  pthread_mutex_lock (&link->starting);
  writes = link->writes;
  pthread_mutex_unlock (&link->starting);
  if (!writes)
    return next->shutdown (next, error);
  /* The writer shuts down after the last byte. */
  queue_end (&link->out, NULL);
  return TRUE;
}

static void
delay_link_close (gpointer data)
{
  DelayLink *link = data;

  if (link->writes) {
    queue_end (&link->out, NULL);
    queue_flush (&link->out, (int) (link->delay->delay_us / 1000) + FLUSH_MS);
  }
  g_cancellable_cancel (link->stop);
  if (link->writes)
    pthread_join (link->writer, NULL);
  if (link->reads)
    pthread_join (link->reader, NULL);
  link_free (link);
}

static const GdwOption delay_options[] = {
  [OPTION_MS] = { .name = "ms",
                  .type = GDW_OPTION_UINT,
                  .min = 0,
                  .max = 10000,
                  .help = "milliseconds added to each direction" },
  { 0 },
};

GDW_DEFINE_FILTER (
        .plugin.name = "delay",
        .plugin.summary = "adds latency to each direction, and leaves the throughput",
        .plugin.options = delay_options, .open = delay_open, .close = delay_close,
        .link_open = delay_link_open, .link_close = delay_link_close, .read = delay_read,
        .write = delay_write, .shutdown = delay_shutdown, .keeps_bytes = TRUE);
