/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/link/channel-private.h"

#include "core/base/invoke.h"
#include "core/base/thread.h"

static void
free_out (gpointer data)
{
  GdwOut *out = data;

  g_byte_array_unref (out->meta);
  g_free (out);
}

GdwChannel *
gdw_channel_ref (GdwChannel *channel)
{
  g_atomic_int_inc (&channel->refs);
  return channel;
}

void
gdw_channel_unref (gpointer data)
{
  GdwChannel *channel = data;

  if (!g_atomic_int_dec_and_test (&channel->refs))
    return;
  g_queue_clear_full (&channel->outbox, free_out);
  g_queue_clear_full (&channel->sent, g_free);
  g_byte_array_unref (channel->rx_meta);
  g_free (channel->copy);
  g_free (channel->remark);
  g_clear_error (&channel->error);
  g_object_unref (channel->cancellable);
  pthread_cond_destroy (&channel->wake);
  pthread_cond_destroy (&channel->delivered);
  pthread_mutex_destroy (&channel->lock);
  g_free (channel);
}

guint
gdw_channel_index (const GdwChannel *channel)
{
  return channel->index;
}

void
gdw_channel_set_index (GdwChannel *channel, guint index)
{
  pthread_mutex_lock (&channel->lock);
  channel->index = index;
  pthread_mutex_unlock (&channel->lock);
}

/* Under the lock.  Appends to the outbox and wakes the writer; takes @meta. */
static void
enqueue (GdwChannel *channel, GdwFrameType type, guint32 round, gboolean commit,
         gboolean settle, GByteArray *meta)
{
  GdwOut *out = g_new (GdwOut, 1);

  *out = (GdwOut){ type, round, commit, settle, meta };
  g_queue_push_tail (&channel->outbox, out);
  pthread_cond_signal (&channel->wake);
}

void
gdw_channel_send (GdwChannel *channel, GdwFrameType type, GByteArray *meta)
{
  pthread_mutex_lock (&channel->lock);
  enqueue (channel, type, 0, FALSE, FALSE, meta);
  pthread_mutex_unlock (&channel->lock);
}

void
gdw_channel_send_commit (GdwChannel *channel, GByteArray *meta)
{
  pthread_mutex_lock (&channel->lock);
  enqueue (channel, GDW_FRAME_COMMIT, 0, TRUE, FALSE, meta);
  pthread_mutex_unlock (&channel->lock);
}

void
gdw_channel_settle (GdwChannel *channel, GdwFrameType type, GByteArray *meta)
{
  pthread_mutex_lock (&channel->lock);
  enqueue (channel, type, 0, type == GDW_FRAME_COMMIT, TRUE, meta);
  pthread_mutex_unlock (&channel->lock);
}

gboolean
gdw_channel_published (GdwChannel *channel)
{
  return channel->published;
}

gboolean
gdw_channel_is_in_doubt (GdwChannel *channel)
{
  return channel->in_doubt;
}

const char *
gdw_channel_remark (GdwChannel *channel)
{
  return channel->remark;
}

void
gdw_channel_send_nak (GdwChannel *channel, const GdwNak *nak, guint32 round)
{
  GByteArray *meta = g_byte_array_new ();

  gdw_nak_encode (nak, meta);
  pthread_mutex_lock (&channel->lock);
  enqueue (channel, GDW_FRAME_NAK, round, FALSE, FALSE, meta);
  pthread_mutex_unlock (&channel->lock);
}

gboolean
gdw_channel_commit_begun (GdwChannel *channel)
{
  return channel->commit_begun;
}

void
gdw_channel_open (GdwChannel *channel, guint64 window_bytes, guint64 window_pages)
{
  pthread_mutex_lock (&channel->lock);
  channel->open = TRUE;
  channel->probe = channel->config->ops->fill && !channel->config->one_way;
  channel->window_bytes = window_bytes;
  channel->window_pages = window_pages;
  pthread_cond_signal (&channel->wake);
  pthread_cond_signal (&channel->delivered);
  pthread_mutex_unlock (&channel->lock);
}

void
gdw_channel_kick (GdwChannel *channel)
{
  pthread_mutex_lock (&channel->lock);
  channel->kicks++;
  pthread_cond_signal (&channel->wake);
  pthread_mutex_unlock (&channel->lock);
}

void
gdw_channel_finish (GdwChannel *channel)
{
  pthread_mutex_lock (&channel->lock);
  channel->finishing = TRUE;
  pthread_cond_signal (&channel->wake);
  pthread_mutex_unlock (&channel->lock);
}

static void
stop_locked (GdwChannel *channel)
{
  channel->stopped = TRUE;
  pthread_cond_signal (&channel->wake);
  pthread_cond_signal (&channel->delivered);
}

void
gdw_channel_stop (GdwChannel *channel)
{
  pthread_mutex_lock (&channel->lock);
  stop_locked (channel);
  pthread_mutex_unlock (&channel->lock);
  g_cancellable_cancel (channel->cancellable);
}

void
gdw_channel_fail (GdwChannel *channel, GError *error)
{
  /* The guard's verdict is on the plugin, which serves the other links too. */
  gboolean of_link = !g_error_matches (error, GDW_ERROR, GDW_ERROR_PLUGIN);

  pthread_mutex_lock (&channel->lock);
  if (!channel->error && !channel->stopped) {
    channel->error = g_steal_pointer (&error);
    channel->link_failed = of_link;
  }
  stop_locked (channel);
  pthread_mutex_unlock (&channel->lock);
  g_clear_error (&error);
  g_cancellable_cancel (channel->cancellable);
}

gboolean
gdw_channel_link_failed (GdwChannel *channel)
{
  return channel->link_failed;
}

GdwSent *
gdw_channel_take_unacked (GdwChannel *channel)
{
  return g_queue_pop_head (&channel->sent);
}

void
gdw_channel_report_connected (gpointer data)
{
  GdwChannel *channel = data;

  if (!channel->gone && channel->config->ops->connected)
    channel->config->ops->connected (channel, channel->config->data);
}

static void
report_broken (gpointer data)
{
  GdwChannel *channel = data;

  if (!channel->gone)
    channel->config->ops->broken (channel, channel->error, channel->config->data);
}

void
gdw_channel_break (GdwChannel *channel, GError *error)
{
  GdwErrorMsg msg = { .code = error->domain == GDW_ERROR ? (guint) error->code
                                                         : GDW_ERROR_FAILED,
                      .phase = (char *) "link",
                      .text = error->message };
  GByteArray *meta = g_byte_array_new ();

  gdw_error_encode (&msg, meta);
  pthread_mutex_lock (&channel->lock);
  if (!channel->error && !channel->stopped)
    channel->error = g_steal_pointer (&error);
  enqueue (channel, GDW_FRAME_ERROR, 0, FALSE, FALSE, meta);
  channel->finishing = TRUE;
  pthread_mutex_unlock (&channel->lock);
  if (!error)
    gdw_invoke (channel->config->context, report_broken, gdw_channel_ref (channel),
                gdw_channel_unref);
  g_clear_error (&error);
}

static void
report_closed (gpointer data)
{
  GdwChannel *channel = data;

  if (!channel->gone)
    channel->config->ops->closed (channel, channel->error, channel->config->data);
}

void
gdw_channel_thread_ends (GdwChannel *channel)
{
  GdwLink *link = NULL;
  gboolean last;

  pthread_mutex_lock (&channel->lock);
  last = --channel->running == 0;
  if (last)
    link = g_steal_pointer (&channel->link);
  pthread_mutex_unlock (&channel->lock);
  if (link)
    gdw_link_close (link);
  if (last)
    gdw_invoke (channel->config->context, report_closed, gdw_channel_ref (channel),
                gdw_channel_unref);
}

gboolean
gdw_channel_read (GdwChannel *channel, struct iovec *iov, guint n, GError **error)
{
  gboolean ok = gdw_link_read (channel->link, iov, n, channel->cancellable, error);

  channel->rx_failed |= !ok;
  return ok;
}

guint64
gdw_channel_sent_bytes (GdwChannel *channel)
{
  guint64 bytes;

  pthread_mutex_lock (&channel->lock);
  bytes = channel->sent_bytes;
  pthread_mutex_unlock (&channel->lock);
  return bytes;
}

guint64
gdw_channel_last_mem (GdwChannel *channel)
{
  guint64 seq;

  pthread_mutex_lock (&channel->lock);
  seq = channel->last_mem;
  pthread_mutex_unlock (&channel->lock);
  return seq;
}

void
gdw_channel_probe (GdwChannel *channel)
{
  pthread_mutex_lock (&channel->lock);
  channel->probe = !channel->config->one_way;
  pthread_cond_signal (&channel->wake);
  pthread_mutex_unlock (&channel->lock);
}

guint
gdw_channel_rtt_us (GdwChannel *channel)
{
  guint rtt;

  pthread_mutex_lock (&channel->lock);
  rtt = channel->rtt_us;
  pthread_mutex_unlock (&channel->lock);
  return rtt;
}

gint64
gdw_channel_last_received_us (GdwChannel *channel)
{
  gint64 last_us = 0;

  pthread_mutex_lock (&channel->lock);
  if (channel->joined_reader && channel->link)
    gdw_link_received (channel->link, &last_us);
  pthread_mutex_unlock (&channel->lock);
  return MAX (last_us, channel->created_us);
}
