/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/link/channel-private.h"

#include <string.h>

#include "core/base/invoke.h"
#include "core/base/thread.h"
#include "core/link/crc32c.h"

#define READER_GRACE_US 200000
/* So often a link that is busy asks what has arrived: unasked, 4 MiB may be on their way and
 * look as if the link had not carried them. */
#define ASK_US 10000
#define FOREVER_US (G_MAXINT64 / 4)

/* The next piece of work for the writer. */
typedef struct {
  enum {
    CONTROL, /* the frame in @out */
    ACK,     /* send @ack */
    FILL,    /* a MEM frame, if there is anything to put in */
    BEAT,    /* answer @echo_us, or if 0 ask for an answer */
    FLUSH,   /* a heartbeat that asks for an acknowledgement */
    END
  } kind;
  GdwOut *out;
  GdwAck ack;
  guint64 echo_us;
} Task;

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
write_control (GdwChannel *channel, guint type, guint16 flags, guint32 round,
               const GByteArray *meta, GError **error)
{
  GdwFrame frame = { .type = type,
                     .flags = flags,
                     .round = round,
                     .payload_len = meta->len,
                     .meta_len = meta->len };

  return write_frame (channel, &frame, meta->data, NULL, 0, error);
}

/* COMMIT: this write is the point of no return, unless the channel has ended. */
static gboolean
begin_commit (GdwChannel *channel)
{
  gboolean begun;

  pthread_mutex_lock (&channel->lock);
  begun = channel->commit_begun = !channel->stopped;
  pthread_mutex_unlock (&channel->lock);
  return begun;
}

static void
report_settled (gpointer data)
{
  GdwChannel *channel = data;

  if (!channel->gone)
    channel->config->ops->settled (channel, channel->config->data);
}

/* Nothing takes the stream back once it has its name. */
static gboolean
settle (GdwChannel *channel, const GdwOut *out, GError **error)
{
  gboolean ok;

  if (out->commit) {
    char *remark;

    gdw_link_shutdown (channel->link);
    ok = gdw_link_publish (channel->link, channel->cancellable, error);
    remark = ok ? gdw_link_remark (channel->link) : NULL;
    pthread_mutex_lock (&channel->lock);
    channel->published = ok;
    channel->in_doubt = !ok && g_error_matches (*error, GDW_ERROR, GDW_ERROR_IN_DOUBT);
    channel->remark = remark;
    pthread_mutex_unlock (&channel->lock);
  } else {
    ok = gdw_link_sync (channel->link, channel->cancellable, error);
  }
  if (ok)
    gdw_invoke (channel->config->context, report_settled, gdw_channel_ref (channel),
                gdw_channel_unref);
  return ok;
}

/* The reading end of a one-way link has no peer to speak to. */
static gboolean
is_mute (const GdwChannel *channel)
{
  return channel->config->one_way && channel->config->ops->mem;
}

static gboolean
do_control (GdwChannel *channel, GdwOut *out, GError **error)
{
  gboolean ok = TRUE;

  if (!is_mute (channel) && (!out->commit || begin_commit (channel)))
    ok = write_control (channel, out->type, 0, out->round, out->meta, error) &&
         (!out->settle || settle (channel, out, error));
  g_byte_array_unref (out->meta);
  g_free (out);
  return ok;
}

static gboolean
do_ack (GdwChannel *channel, const GdwAck *ack, GError **error)
{
  g_autoptr (GByteArray) meta = g_byte_array_new ();

  gdw_ack_encode (ack, meta);
  return is_mute (channel) || write_control (channel, GDW_FRAME_ACK, 0, 0, meta, error);
}

static gboolean
do_heartbeat (GdwChannel *channel, const Task *task, GError **error)
{
  g_autoptr (GByteArray) meta = g_byte_array_new ();
  GdwHeartbeat beat = { task->echo_us ? 0 : g_get_monotonic_time (), task->echo_us };

  gdw_heartbeat_encode (&beat, meta);
  return write_control (channel, GDW_FRAME_HEARTBEAT,
                        task->kind == FLUSH ? GDW_FRAME_ACK_NOW : 0, 0, meta, error);
}

/* The pages count as under way before the first byte leaves: the
 * acknowledgement may be faster than the return of write. */
static void
remember_sent (GdwChannel *channel, const GdwMemOut *out, guint64 bytes)
{
  gsize runs_bytes = out->mem.n_runs * sizeof (GdwRun);
  GdwSent *sent = g_malloc (sizeof *sent + runs_bytes);

  sent->seq = channel->tx_seq + 1;
  sent->sent_us = g_get_monotonic_time ();
  sent->bytes = bytes;
  sent->pages = 0;
  sent->round = out->round;
  sent->region = out->mem.region;
  sent->n_runs = out->mem.n_runs;
  memcpy (sent->runs, out->mem.runs, runs_bytes);
  for (guint i = 0; i < sent->n_runs; i++)
    sent->pages += sent->runs[i].count;
  if (channel->config->meter)
    gdw_meter_sent (channel->config->meter, channel->index, bytes, sent->pages * GDW_PAGE_SIZE,
                    sent->sent_us);
  pthread_mutex_lock (&channel->lock);
  g_queue_push_tail (&channel->sent, sent);
  channel->unacked_bytes += bytes;
  channel->unacked_pages += sent->pages;
  channel->last_mem = sent->seq;
  channel->ack_asked = out->last;
  pthread_mutex_unlock (&channel->lock);
}

/* Counts what is about to be sent against max-bandwidth.  The frame asks for an acknowledgement
 * if none may follow it for a while, or none has asked lately. */
static void
spend (GdwChannel *channel, GdwMemOut *out, guint64 bytes)
{
  const GdwChannelConfig *config = channel->config;
  gint64 now_us = g_get_monotonic_time ();

  if (config->rate) {
    gdw_rate_spend (config->rate, bytes);
    out->last |= gdw_rate_wait_us (config->rate) > 0;
  }
  out->last |= now_us - channel->asked_us >= ASK_US;
  out->last &= !config->one_way;
  if (out->last)
    channel->asked_us = now_us;
}

/* The guest may change a page during the write, so send a copy, and checksum the copy. */
static void
copy_pages (GdwChannel *channel, GdwMemOut *out)
{
  guint8 *to = channel->copy;

  for (guint i = 0; i < out->n_iov; i++) {
    memcpy (to, out->iov[i].iov_base, out->iov[i].iov_len);
    to += out->iov[i].iov_len;
  }
  for (guint i = 0; i < out->mem.n_raw; i++)
    out->mem.crcs[i] = gdw_crc32c (0, channel->copy + i * GDW_PAGE_SIZE, GDW_PAGE_SIZE);
  out->iov[0] = (struct iovec){ channel->copy, out->mem.n_raw * GDW_PAGE_SIZE };
  out->n_iov = out->mem.n_raw > 0;
}

/* One-way: a frame counts as taken once it is written. */
static void
acknowledge_sent (GdwChannel *channel)
{
  GdwSent *sent;

  pthread_mutex_lock (&channel->lock);
  sent = g_queue_pop_head (&channel->sent);
  channel->unacked_bytes -= sent->bytes;
  channel->unacked_pages -= sent->pages;
  pthread_mutex_unlock (&channel->lock);
  gdw_channel_note_acked (channel, sent);
  channel->config->ops->acked (channel, sent, channel->config->data);
  g_free (sent);
}

/* FALSE without an error: there was nothing to send.  FALSE with an error: @written tells a
 * failed fill (TRUE) from a failed link (FALSE). */
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
  if (config->one_way)
    copy_pages (channel, out);
  frame.meta_len = gdw_mem_encode (&out->mem, meta);
  frame.payload_len = frame.meta_len + out->mem.n_raw * GDW_PAGE_SIZE;
  frame.round = out->round;
  spend (channel, out, GDW_FRAME_HEADER_BYTES + frame.payload_len);
  frame.flags = out->last ? GDW_FRAME_ACK_NOW : 0;
  remember_sent (channel, out, GDW_FRAME_HEADER_BYTES + frame.payload_len);
  *written = write_frame (channel, &frame, meta, out->iov, out->n_iov, error);
  if (*written && config->one_way)
    acknowledge_sent (channel);
  return *written;
}

/* Under the lock. */
static gboolean
has_credit (const GdwChannel *channel)
{
  GdwMeter *meter = channel->config->meter;
  guint64 window = channel->window_bytes;

  if (meter)
    window = MIN (window, gdw_meter_window (meter, channel->index, g_get_monotonic_time ()));
  return channel->unacked_bytes < window && channel->unacked_pages < channel->window_pages;
}

/* Under the lock.  An idle channel waits for a kick. */
static gboolean
may_fill (GdwChannel *channel, gint64 *wait_us)
{
  if (!channel->config->ops->fill || !channel->open || channel->finishing ||
      !has_credit (channel) || (channel->idle && channel->kicks_seen == channel->kicks))
    return FALSE;
  *wait_us = channel->config->rate ? gdw_rate_wait_us (channel->config->rate) : 0;
  return *wait_us == 0;
}

/* Under the lock.  Finds the most urgent task.  FALSE: there is none now. */
static gboolean
find_task (GdwChannel *channel, Task *task, gint64 *wait_us)
{
  if (channel->stopped) {
    task->kind = END;
  } else if ((task->out = g_queue_pop_head (&channel->outbox))) {
    task->kind = CONTROL;
  } else if (channel->ack_due) {
    task->kind = ACK;
    channel->ack_due = FALSE;
    task->ack = channel->acked = channel->applied;
  } else if (channel->finishing) {
    task->kind = END;
  } else if (channel->echo_us) {
    task->kind = BEAT;
    task->echo_us = channel->echo_us;
    channel->echo_us = 0;
  } else if (channel->probe) {
    task->kind = BEAT;
    channel->probe = FALSE;
  } else if (may_fill (channel, wait_us)) {
    task->kind = FILL;
    channel->kicks_seen = channel->kicks;
  } else if (channel->unacked_bytes && !channel->ack_asked &&
             (channel->idle || !has_credit (channel))) {
    task->kind = FLUSH;
    channel->ack_asked = TRUE;
  } else {
    return FALSE;
  }
  return TRUE;
}

static void
wait_for_task (GdwChannel *channel, Task *task)
{
  gint64 beat_us = channel->config->one_way
                       ? FOREVER_US
                       : channel->last_tx_us + channel->config->heartbeat_ms * 1000;
  gint64 now = g_get_monotonic_time (), wait_us = 0;

  *task = (Task){ .kind = BEAT };
  pthread_mutex_lock (&channel->lock);
  while (!find_task (channel, task, &wait_us) && now < beat_us) {
    gdw_cond_wait_until (&channel->wake, &channel->lock,
                         wait_us ? MIN (beat_us, now + wait_us) : beat_us);
    now = g_get_monotonic_time ();
    wait_us = 0;
  }
  pthread_mutex_unlock (&channel->lock);
}

/* FALSE: the link is broken. */
static gboolean
do_task (GdwChannel *channel, const Task *task, GError **error)
{
  g_autoptr (GError) why = NULL;
  gboolean ok = TRUE;

  if (task->kind == CONTROL)
    return do_control (channel, task->out, error);
  if (task->kind == ACK)
    return do_ack (channel, &task->ack, error);
  if (task->kind != FILL)
    return do_heartbeat (channel, task, error);
  channel->idle = !do_fill (channel, &ok, &why);
  if (!ok)
    g_propagate_error (error, g_steal_pointer (&why));
  else if (why)
    gdw_channel_break (channel, g_steal_pointer (&why));
  return ok;
}

static gboolean
write_until_end (GdwChannel *channel, GError **error)
{
  Task task;

  channel->last_tx_us = g_get_monotonic_time ();
  for (;;) {
    wait_for_task (channel, &task);
    if (task.kind == END)
      return TRUE;
    if (!do_task (channel, &task, error))
      return FALSE;
  }
}

/* Connects if there is no link yet, shakes hands, then starts the reader.  The owner of
 * the channel counts the time from its creation and stops it at the deadline. */
static gboolean
begin (GdwChannel *channel, GError **error)
{
  if (!channel->link)
    channel->link = gdw_stack_connect (channel->config->stack, channel->cancellable, error);
  if (!channel->link || !gdw_link_handshake (channel->link, channel->cancellable, error))
    return FALSE;
  if (channel->config->one_way && !channel->config->ops->mem) {
    channel->copy = g_malloc ((gsize) GDW_MEM_RAW_MAX * GDW_PAGE_SIZE);
    gdw_invoke (channel->config->context, gdw_channel_report_connected,
                gdw_channel_ref (channel), gdw_channel_unref);
    return TRUE;
  }
  pthread_mutex_lock (&channel->lock);
  channel->joined_reader = gdw_channel_start_reader (channel, error);
  channel->running += channel->joined_reader;
  pthread_mutex_unlock (&channel->lock);
  return channel->joined_reader;
}

/* A peer that closed may have said why: give the reader time to read it. */
static void
let_reader_end (GdwChannel *channel)
{
  gint64 until_us = g_get_monotonic_time () + READER_GRACE_US;

  pthread_mutex_lock (&channel->lock);
  while (channel->joined_reader && !channel->stopped && g_get_monotonic_time () < until_us)
    gdw_cond_wait_until (&channel->wake, &channel->lock, until_us);
  pthread_mutex_unlock (&channel->lock);
}

static void *
write_loop (void *data)
{
  GdwChannel *channel = data;
  GError *error = NULL;

  if (!begin (channel, &error) || !write_until_end (channel, &error)) {
    let_reader_end (channel);
    gdw_channel_fail (channel, error);
  } else {
    gdw_link_shutdown (channel->link);
  }
  gdw_channel_thread_ends (channel);
  return NULL;
}

gboolean
gdw_channel_start_writer (GdwChannel *channel, GError **error)
{
  g_autofree char *name = channel->config->ops->mem
                              ? g_strdup ("mig/dst/ack")
                              : g_strdup_printf ("mig/src/send_%u", channel->index);

  return gdw_thread_start (&channel->writer, channel->config->threads, name, write_loop,
                           channel, error);
}
