/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/link/channel-private.h"

#include "core/base/invoke.h"
#include "core/base/thread.h"

/* The reader acknowledges unasked after so much. */
#define ACK_BYTES (4u << 20)
#define ACK_PAGES (1u << 20)
/* Control frames that the main thread has not seen yet. */
#define UNDELIVERED_MAX 64u
/* The longest round trip that is reported, since a peer may echo anything. */
#define RTT_MAX_US 60000000u

typedef struct {
  GdwChannel *channel;
  GdwFrame frame;
  GBytes *meta;
} Delivery;

static void
deliver (gpointer data)
{
  Delivery *delivery = data;
  const GdwChannelConfig *config = delivery->channel->config;

  if (!delivery->channel->gone)
    config->ops->frame (delivery->channel, &delivery->frame,
                        g_bytes_get_data (delivery->meta, NULL), config->data);
}

static void
free_delivery (gpointer data)
{
  Delivery *delivery = data;
  GdwChannel *channel = delivery->channel;

  pthread_mutex_lock (&channel->lock);
  channel->undelivered--;
  pthread_cond_signal (&channel->delivered);
  pthread_mutex_unlock (&channel->lock);
  g_bytes_unref (delivery->meta);
  gdw_channel_unref (delivery->channel);
  g_free (delivery);
}

static void
post_frame (GdwChannel *channel, const GdwFrame *frame)
{
  Delivery *delivery = g_new (Delivery, 1);

  pthread_mutex_lock (&channel->lock);
  while (channel->undelivered >= UNDELIVERED_MAX && !channel->stopped)
    pthread_cond_wait (&channel->delivered, &channel->lock);
  channel->undelivered++;
  pthread_mutex_unlock (&channel->lock);
  *delivery = (Delivery){ gdw_channel_ref (channel), *frame,
                          g_bytes_new (channel->rx_meta->data, channel->rx_meta->len) };
  gdw_invoke (channel->config->context, deliver, delivery, free_delivery);
}

static gboolean
refuse (GError **error, guint index, const GdwFrame *frame, const char *why)
{
  const char *name = gdw_frame_name (frame->type);
  g_autofree char *number = g_strdup_printf ("%u", frame->type);

  g_set_error (error, GDW_ERROR, GDW_ERROR_PROTOCOL,
               "link %u: frame '%s' is refused: %s; both sides must speak the same protocol",
               index, name ? name : number, why);
  return FALSE;
}

/* Keeps the shortest: the others have waited behind memory, or for a processor. */
static void
note_round_trip (GdwChannel *channel, guint64 us)
{
  guint rtt_us = CLAMP (us, 1, RTT_MAX_US);

  pthread_mutex_lock (&channel->lock);
  channel->rtt_us = channel->rtt_us ? MIN (channel->rtt_us, rtt_us) : rtt_us;
  pthread_mutex_unlock (&channel->lock);
  if (channel->config->meter)
    gdw_meter_round_trip (channel->config->meter, channel->index, rtt_us);
}

static gboolean
on_heartbeat (GdwChannel *channel, const GdwFrame *frame, GError **error)
{
  GdwHeartbeat beat;

  if (!gdw_heartbeat_decode (channel->rx_meta->data, frame->meta_len, &beat, error))
    return FALSE;
  if (beat.echo_us) {
    note_round_trip (channel, (guint64) g_get_monotonic_time () - beat.echo_us);
    return TRUE;
  }
  pthread_mutex_lock (&channel->lock);
  channel->echo_us = beat.stamp_us;
  pthread_cond_signal (&channel->wake);
  pthread_mutex_unlock (&channel->lock);
  return TRUE;
}

void
gdw_channel_note_acked (GdwChannel *channel, const GdwSent *sent)
{
  gint64 now_us = g_get_monotonic_time ();

  if (!channel->config->one_way)
    note_round_trip (channel, (guint64) (now_us - sent->sent_us));
  if (channel->config->meter)
    gdw_meter_acked (channel->config->meter, channel->index, sent->bytes,
                     sent->pages * GDW_PAGE_SIZE, sent->sent_us, now_us);
}

static gboolean
on_ack (GdwChannel *channel, const GdwFrame *frame, GError **error)
{
  GdwAck ack;
  GdwSent *sent;

  if (!gdw_ack_decode (channel->rx_meta->data, frame->meta_len, &ack, error))
    return FALSE;
  if (ack.seq > gdw_channel_last_mem (channel))
    return refuse (error, channel->index, frame, "it acknowledges what was not sent");
  for (;;) {
    pthread_mutex_lock (&channel->lock);
    sent = g_queue_peek_head (&channel->sent);
    if (sent && sent->seq <= ack.seq) {
      g_queue_pop_head (&channel->sent);
      channel->unacked_bytes -= sent->bytes;
      channel->unacked_pages -= sent->pages;
    } else {
      sent = NULL;
      pthread_cond_signal (&channel->wake);
    }
    pthread_mutex_unlock (&channel->lock);
    if (!sent)
      return TRUE;
    gdw_channel_note_acked (channel, sent);
    channel->config->ops->acked (channel, sent, channel->config->data);
    g_free (sent);
  }
}

static gboolean
brought (const GdwSent *sent, guint32 region, guint64 page)
{
  for (guint i = 0; sent->region == region && i < sent->n_runs; i++) {
    const GdwRun *run = &sent->runs[i];

    if (page >= run->first && page - run->first < run->count)
      return TRUE;
  }
  return FALSE;
}

/* Returns whether a copy of every page of @nak is under way on this link. */
static gboolean
is_under_way (GdwChannel *channel, const GdwNak *nak, guint32 round)
{
  gboolean all = TRUE;

  pthread_mutex_lock (&channel->lock);
  for (guint i = 0; all && i < nak->n_pages; i++) {
    GList *at = channel->sent.head;

    while (at && !(((GdwSent *) at->data)->round == round &&
                   brought (at->data, nak->region, nak->pages[i])))
      at = at->next;
    all = at != NULL;
  }
  pthread_mutex_unlock (&channel->lock);
  return all;
}

static gboolean
on_nak (GdwChannel *channel, const GdwFrame *frame, GError **error)
{
  const GdwChannelConfig *config = channel->config;
  GdwNak nak;

  if (!gdw_nak_decode (channel->rx_meta->data, frame->meta_len, config->region_pages,
                       config->n_regions, &nak, error))
    return FALSE;
  if (!is_under_way (channel, &nak, frame->round))
    return refuse (error, channel->index, frame, "it answers pages that are not under way");
  return config->ops->nak (channel, &nak, frame->round, config->data, error);
}

/* A peer that does not read its acknowledgements must not make us keep NAKs for ever. */
static gboolean
is_over_credit (GdwChannel *channel)
{
  gboolean over;

  pthread_mutex_lock (&channel->lock);
  over = channel->applied.bytes - channel->acked.bytes >
         channel->window_bytes + GDW_FRAME_PAYLOAD_MAX;
  pthread_mutex_unlock (&channel->lock);
  return over;
}

static gboolean
on_mem (GdwChannel *channel, const GdwFrame *frame, GError **error)
{
  const GdwChannelConfig *config = channel->config;
  guint64 pages = 0;

  if (is_over_credit (channel))
    return refuse (error, channel->index, frame, "the source sent more than its credit");
  if (!gdw_mem_decode (channel->rx_meta->data, frame->meta_len, frame->payload_len,
                       config->region_pages, config->n_regions, &channel->mem, error) ||
      !config->ops->mem (channel, frame, &channel->mem, config->data, error))
    return FALSE;
  for (guint i = 0; i < channel->mem.n_runs; i++)
    pages += channel->mem.runs[i].count;
  pthread_mutex_lock (&channel->lock);
  channel->applied.seq = channel->last_mem = frame->seq;
  channel->applied.bytes += frame->payload_len;
  channel->applied.pages += pages;
  if (channel->applied.bytes - channel->acked.bytes >= ACK_BYTES ||
      channel->applied.pages - channel->acked.pages >= ACK_PAGES) {
    channel->ack_due = TRUE;
    pthread_cond_signal (&channel->wake);
  }
  pthread_mutex_unlock (&channel->lock);
  return TRUE;
}

static void
acknowledge_now (GdwChannel *channel)
{
  pthread_mutex_lock (&channel->lock);
  channel->ack_due = TRUE;
  pthread_cond_signal (&channel->wake);
  pthread_mutex_unlock (&channel->lock);
}

/* Only one direction may send these frames, and only on an opened link. */
static gboolean
may_come (GdwChannel *channel, const GdwFrame *frame, GError **error)
{
  const GdwChannelOps *ops = channel->config->ops;
  gboolean open;
  guint index;

  pthread_mutex_lock (&channel->lock);
  open = channel->open;
  index = channel->index;
  pthread_mutex_unlock (&channel->lock);
  if (frame->type == GDW_FRAME_MEM && (!ops->mem || !open))
    return refuse (error, index, frame,
                   "this link carries no memory in this direction or not yet");
  if ((frame->type == GDW_FRAME_ACK || frame->type == GDW_FRAME_NAK) && (!ops->nak || !open))
    return refuse (error, index, frame, "nothing was sent that it could answer");
  if (channel->rx_commit)
    return refuse (error, index, frame, "it stands behind the trailer");
  if (frame->seq != channel->rx_seq + 1)
    return refuse (error, index, frame,
                   "it is out of sequence: a frame was lost, repeated or moved");
  return TRUE;
}

static gboolean
skip (GdwChannel *channel, guint32 bytes, GError **error)
{
  guint8 scratch[4096];

  while (bytes) {
    struct iovec iov = { scratch, MIN (bytes, sizeof scratch) };

    bytes -= iov.iov_len;
    if (!gdw_channel_read (channel, &iov, 1, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
dispatch (GdwChannel *channel, const GdwFrame *frame, GError **error)
{
  switch (frame->type) {
  case GDW_FRAME_HEARTBEAT:
    return on_heartbeat (channel, frame, error);
  case GDW_FRAME_ACK:
    return on_ack (channel, frame, error);
  case GDW_FRAME_NAK:
    return on_nak (channel, frame, error);
  case GDW_FRAME_MEM:
    return on_mem (channel, frame, error);
  default:
    post_frame (channel, frame);
    return TRUE;
  }
}

/* On a one-way link the source does not wait for an answer to HELLO, so the frames behind it
 * wait here until they are let in. */
static void
wait_until_open (GdwChannel *channel)
{
  pthread_mutex_lock (&channel->lock);
  while (!channel->open && !channel->stopped)
    pthread_cond_wait (&channel->delivered, &channel->lock);
  pthread_mutex_unlock (&channel->lock);
}

static gboolean
read_frame (GdwChannel *channel, GError **error)
{
  guint8 head[GDW_FRAME_HEADER_BYTES];
  struct iovec iov = { head, sizeof head };
  GdwFrame frame;

  if (!gdw_channel_read (channel, &iov, 1, error) || !gdw_frame_decode (head, &frame, error) ||
      !may_come (channel, &frame, error))
    return FALSE;
  if (!gdw_frame_name (frame.type)) {
    if (!(frame.flags & GDW_FRAME_OPTIONAL))
      return refuse (error, channel->index, &frame, "this side does not know it");
    channel->rx_seq = frame.seq;
    return skip (channel, frame.payload_len, error);
  }
  g_byte_array_set_size (channel->rx_meta, frame.meta_len);
  iov = (struct iovec){ channel->rx_meta->data, frame.meta_len };
  if (frame.meta_len && !gdw_channel_read (channel, &iov, 1, error))
    return FALSE;
  channel->rx_seq = frame.seq;
  if (!gdw_frame_check_meta (&frame, channel->rx_meta->data, error) ||
      !dispatch (channel, &frame, error))
    return FALSE;
  if (frame.flags & GDW_FRAME_ACK_NOW)
    acknowledge_now (channel);
  channel->rx_commit = channel->config->one_way && frame.type == GDW_FRAME_COMMIT;
  if (channel->config->one_way && frame.seq == 1)
    wait_until_open (channel);
  return TRUE;
}

static gboolean
is_finishing (GdwChannel *channel)
{
  gboolean finishing;

  pthread_mutex_lock (&channel->lock);
  finishing = channel->finishing;
  pthread_mutex_unlock (&channel->lock);
  return finishing;
}

/* A peer that has said nothing yet may read on after its end, so it is told the cause. */
static gboolean
ends_unknown (GdwChannel *channel, const GError *error)
{
  gboolean ends = g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CLOSED) ||
                  g_error_matches (error, GDW_ERROR, GDW_ERROR_IO);

  return ends && channel->config->ops->mem && !channel->config->one_way &&
         channel->rx_seq == 0 && !is_finishing (channel);
}

static void *
read_loop (void *data)
{
  GdwChannel *channel = data;
  GError *error = NULL;

  gdw_invoke (channel->config->context, gdw_channel_report_connected, gdw_channel_ref (channel),
              gdw_channel_unref);
  while (read_frame (channel, &error))
    ;
  if (ends_unknown (channel, error)) {
    g_clear_error (&error);
    gdw_channel_break (channel,
                       g_error_new (GDW_ERROR, GDW_ERROR_PEER,
                                    "destination: a connection was closed: the peer ended it "
                                    "before it had said who it is; look for a port scanner, or "
                                    "a health check"));
  } else if (!channel->rx_failed || g_error_matches (error, GDW_ERROR, GDW_ERROR_PLUGIN)) {
    gdw_channel_break (channel, error);
  } else if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CLOSED)) {
    gdw_channel_fail (channel, error);
  } else {
    g_clear_error (&error);
    if (channel->rx_commit)
      gdw_channel_finish (channel);
    else if (channel->config->one_way)
      gdw_channel_fail (channel, g_error_new (GDW_ERROR, GDW_ERROR_PROTOCOL,
                                              "link %u: the stream ends without its trailer: "
                                              "its writer did not finish, or it was cut short; "
                                              "save the guest again",
                                              channel->index));
    else if (!is_finishing (channel))
      gdw_channel_fail (channel,
                        g_error_new (GDW_ERROR, GDW_ERROR_PEER,
                                     "link %u: the other side closed the connection: it gave "
                                     "no reason; look at its log",
                                     channel->index));
  }
  gdw_channel_thread_ends (channel);
  return NULL;
}

gboolean
gdw_channel_start_reader (GdwChannel *channel, GError **error)
{
  g_autofree char *name = channel->config->ops->mem
                              ? g_strdup ("mig/dst/recv")
                              : g_strdup_printf ("mig/src/ack_%u", channel->index);

  return gdw_thread_start (&channel->reader, channel->config->threads, name, read_loop, channel,
                           error);
}
