/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/channel-private.h"

#include <string.h>
#include <time.h>

/* What the writer does next. */
typedef enum {
  DO_CONTROL, /* the frame in *out */
  DO_ACK,
  DO_FILL,
  DO_HEARTBEAT,
  DO_FLUSH, /* a heartbeat that asks for an acknowledgement */
  DO_END
} Work;

/* Writes the header, @meta (frame->meta_len bytes), then @iov. */
static gboolean
write_frame (GdwChannel *channel, GdwFrame *frame, const guint8 *meta, const struct iovec *iov,
             guint n_iov, GError **error)
{
  guint8 head[GDW_FRAME_HEADER_BYTES];
  struct iovec all[GDW_MEM_RUNS_MAX + 2];
  guint n = 0;

  frame->seq = ++channel->tx_seq;
  gdw_frame_encode (frame, meta, head);
  all[n++] = (struct iovec){ head, sizeof head };
  if (frame->meta_len)
    all[n++] = (struct iovec){ (void *) meta, frame->meta_len };
  for (guint i = 0; i < n_iov; i++)
    all[n++] = iov[i];
  if (!gdw_link_write (channel->link, all, n, channel->cancellable, error))
    return FALSE;
  pthread_mutex_lock (&channel->lock);
  channel->sent_bytes += sizeof head + frame->payload_len;
  pthread_mutex_unlock (&channel->lock);
  channel->last_tx_us = g_get_monotonic_time ();
  return TRUE;
}

static gboolean
write_control (GdwChannel *channel, guint type, guint16 flags, const GByteArray *meta,
               GError **error)
{
  GdwFrame frame = {
    .type = type, .flags = flags, .payload_len = meta->len, .meta_len = meta->len
  };

  return write_frame (channel, &frame, meta->data, NULL, 0, error);
}

/* COMMIT: the point of no return is this write, unless the channel has ended. */
static gboolean
begin_commit (GdwChannel *channel)
{
  gboolean begun;

  pthread_mutex_lock (&channel->lock);
  begun = channel->commit_begun = !channel->stopped;
  pthread_mutex_unlock (&channel->lock);
  return begun;
}

static gboolean
do_control (GdwChannel *channel, GdwOut *out, GError **error)
{
  gboolean ok = TRUE;

  if (!out->commit || begin_commit (channel))
    ok = write_control (channel, out->type, out->flags, out->meta, error);
  g_byte_array_unref (out->meta);
  g_free (out);
  return ok;
}

static gboolean
do_ack (GdwChannel *channel, const GdwAck *ack, GError **error)
{
  g_autoptr (GByteArray) meta = g_byte_array_new ();

  gdw_ack_encode (ack, meta);
  return write_control (channel, GDW_FRAME_ACK, 0, meta, error);
}

static gboolean
do_heartbeat (GdwChannel *channel, guint16 flags, GError **error)
{
  g_autoptr (GByteArray) meta = g_byte_array_new ();
  GdwHeartbeat beat = { g_get_monotonic_time (), 0 };

  gdw_heartbeat_encode (&beat, meta);
  return write_control (channel, GDW_FRAME_HEARTBEAT, flags, meta, error);
}

/* The pages count as under way before the first byte leaves: the
 * acknowledgement may be faster than the return of write. */
static void
remember_sent (GdwChannel *channel, const GdwMemOut *out, guint64 bytes)
{
  gsize runs_bytes = out->mem.n_runs * sizeof (GdwRun);
  GdwSent *sent = g_malloc (sizeof *sent + runs_bytes);

  sent->seq = channel->tx_seq + 1;
  sent->bytes = bytes;
  sent->pages = 0;
  sent->region = out->mem.region;
  sent->n_runs = out->mem.n_runs;
  memcpy (sent->runs, out->mem.runs, runs_bytes);
  for (guint i = 0; i < sent->n_runs; i++)
    sent->pages += sent->runs[i].count;
  pthread_mutex_lock (&channel->lock);
  g_queue_push_tail (&channel->sent, sent);
  channel->unacked_bytes += bytes;
  channel->unacked_pages += sent->pages;
  channel->last_mem = sent->seq;
  channel->ack_asked = out->last;
  pthread_mutex_unlock (&channel->lock);
}

/* FALSE without an error: there was nothing to fill it with.  @written FALSE: the
 * link failed, not the filling. */
static gboolean
do_fill (GdwChannel *channel, gboolean *written, GError **error)
{
  const GdwChannelConfig *config = channel->config;
  GdwMemOut *out = &channel->out;
  guint8 *meta = channel->tx_meta;
  GdwFrame frame = { .type = GDW_FRAME_MEM };

  out->last = FALSE;
  if (!config->ops->fill (channel, out, config->data, error))
    return FALSE;
  frame.meta_len = gdw_mem_encode (&out->mem, meta);
  frame.payload_len = frame.meta_len + out->mem.n_raw * GDW_PAGE_SIZE;
  frame.round = out->round;
  frame.flags = out->last ? GDW_FRAME_ACK_NOW : 0;
  remember_sent (channel, out, GDW_FRAME_HEADER_BYTES + frame.payload_len);
  if (config->rate)
    gdw_rate_spend (config->rate, GDW_FRAME_HEADER_BYTES + frame.payload_len);
  *written = write_frame (channel, &frame, meta, out->iov, out->n_iov, error);
  return *written;
}

static void
wait_until (GdwChannel *channel, gint64 until_us)
{
  struct timespec when = { until_us / G_USEC_PER_SEC, until_us % G_USEC_PER_SEC * 1000 };

  pthread_cond_timedwait (&channel->wake, &channel->lock, &when);
}

static gboolean
has_credit (const GdwChannel *channel)
{
  return channel->unacked_bytes < channel->window_bytes &&
         channel->unacked_pages < channel->window_pages;
}

/* The lock is held.  @idle: the last fill found nothing, at @kicks. */
static gboolean
may_fill (GdwChannel *channel, gboolean idle, guint64 kicks, gint64 *wait_us)
{
  if (!channel->config->ops->fill || !channel->open || channel->finishing ||
      !has_credit (channel) || (idle && kicks == channel->kicks))
    return FALSE;
  *wait_us = channel->config->rate ? gdw_rate_wait_us (channel->config->rate) : 0;
  return *wait_us == 0;
}

/* Waits for something to do. */
static Work
next_work (GdwChannel *channel, gboolean idle, guint64 *kicks, GdwOut **out, GdwAck *ack)
{
  for (;;) {
    gint64 now = g_get_monotonic_time (), wait_us = 0;
    gint64 beat = channel->last_tx_us + channel->config->heartbeat_ms * 1000;

    if (channel->stopped)
      return DO_END;
    if ((*out = g_queue_pop_head (&channel->outbox)))
      return DO_CONTROL;
    if (channel->ack_due) {
      channel->ack_due = FALSE;
      *ack = channel->acked = channel->applied;
      return DO_ACK;
    }
    if (channel->finishing)
      return DO_END;
    if (may_fill (channel, idle, *kicks, &wait_us)) {
      *kicks = channel->kicks;
      return DO_FILL;
    }
    if (idle && channel->unacked_bytes && !channel->ack_asked) {
      channel->ack_asked = TRUE;
      return DO_FLUSH;
    }
    if (now >= beat)
      return DO_HEARTBEAT;
    wait_until (channel, wait_us ? MIN (beat, now + wait_us) : beat);
  }
}

/* FALSE: the link is broken. */
static gboolean
do_work (GdwChannel *channel, Work work, GdwOut *out, const GdwAck *ack, gboolean *idle,
         GError **error)
{
  g_autoptr (GError) why = NULL;
  gboolean ok = TRUE;

  if (work == DO_CONTROL)
    return do_control (channel, out, error);
  if (work == DO_ACK)
    return do_ack (channel, ack, error);
  if (work != DO_FILL)
    return do_heartbeat (channel, work == DO_FLUSH ? GDW_FRAME_ACK_NOW : 0, error);
  *idle = !do_fill (channel, &ok, &why);
  if (!ok)
    g_propagate_error (error, g_steal_pointer (&why));
  else if (why)
    gdw_channel_break (channel, g_steal_pointer (&why));
  return ok;
}

static gboolean
write_until_end (GdwChannel *channel, GError **error)
{
  gboolean idle = FALSE, ok = TRUE;
  guint64 kicks = 0;

  channel->last_tx_us = g_get_monotonic_time ();
  while (ok) {
    GdwOut *out = NULL;
    GdwAck ack;
    Work work;

    pthread_mutex_lock (&channel->lock);
    work = next_work (channel, idle, &kicks, &out, &ack);
    pthread_mutex_unlock (&channel->lock);
    if (work == DO_END)
      return TRUE;
    ok = do_work (channel, work, out, &ack, &idle, error);
  }
  return FALSE;
}

/* Connects if there is no link yet, then starts the reader. */
static gboolean
begin (GdwChannel *channel, GError **error)
{
  if (!channel->link)
    channel->link = gdw_stack_connect (channel->config->stack, channel->cancellable, error);
  if (!channel->link)
    return FALSE;
  pthread_mutex_lock (&channel->lock);
  channel->running++;
  pthread_create (&channel->reader, NULL, gdw_channel_read_loop, channel);
  channel->joined_reader = TRUE;
  pthread_mutex_unlock (&channel->lock);
  return TRUE;
}

void *
gdw_channel_write_loop (void *data)
{
  GdwChannel *channel = data;
  GError *error = NULL;

  if (!begin (channel, &error) || !write_until_end (channel, &error))
    gdw_channel_fail (channel, error);
  else
    gdw_link_shutdown (channel->link);
  gdw_channel_thread_ends (channel);
  return NULL;
}
