/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* What the channels, the round and the dirty sync say to the source. */
#include "core/source/private.h"

#include <string.h>

#include "core/base/invoke.h"
#include "core/base/probe.h"

/* Of the rounds that query-migrate tells: the first and the last. */
#define ROUNDS_KEPT 128u
#define PACKAGE "godwit " GDW_VERSION

static gboolean
fill (GdwChannel *channel, GdwMemOut *out, gpointer data, GError **error)
{
  GdwSource *source = data;
  GdwBatch *batch = source->batches[gdw_channel_index (channel)];

  while (!gdw_batch_cut (batch, source->regions, out))
    if (!gdw_round_claim (source->round, batch, error)) {
      gdw_meter_looked (source->meter, FALSE);
      return FALSE;
    }
  gdw_meter_looked (source->meter, TRUE);
  out->last = gdw_round_dirty_pages (source->round) == 0;
  gdw_round_sent (source->round, GDW_FRAME_HEADER_BYTES + gdw_mem_size (&out->mem) +
                                     out->mem.n_raw * GDW_PAGE_SIZE);
  return TRUE;
}

static void
acked (GdwChannel *channel, const GdwSent *sent, gpointer data)
{
  GdwSource *source = data;

  __atomic_add_fetch (&source->acked_bytes, sent->bytes, __ATOMIC_RELAXED);
  gdw_meter_acked (source->meter, sent->bytes, sent->pages * GDW_PAGE_SIZE,
                   g_get_monotonic_time ());
  gdw_round_acked (source->round, sent);
}

static gboolean
nak (GdwChannel *channel, const GdwNak *damaged, guint32 number, gpointer data, GError **error)
{
  return gdw_round_nak (((GdwSource *) data)->round, damaged, number, error);
}

void
gdw_source_say (GdwSource *source, GdwFrameType type, GByteArray *meta)
{
  gdw_channel_send (source->channels[source->main_link], type, meta);
}

static void
say_hello (GdwSource *source)
{
  const GdwHost *host = gdw_guest_host (source->attempt.guest);
  g_autofree GdwRegionInfo *infos = g_new0 (GdwRegionInfo, source->regions->n);
  GByteArray *meta = g_byte_array_new ();
  GdwHello hello = { .version_min = GDW_STREAM_VERSION_MIN,
                     .version_max = GDW_STREAM_VERSION_MAX,
                     .offered = GDW_FEATURES_KNOWN,
                     .required = source->attempt.capabilities.validate_uuid
                                     ? GDW_FEATURE_VALIDATE_UUID
                                     : 0,
                     .n_links = source->n_links,
                     .package = (char *) PACKAGE,
                     .vm_name = (char *) host->name,
                     .uuid = (char *) host->uuid,
                     .n_regions = source->regions->n,
                     .regions = infos };

  for (guint i = 0; i < source->regions->n; i++) {
    const GdwRegion *region = &source->regions->list[i];

    infos[i] = (GdwRegionInfo){ (char *) region->name, region->guest_addr, region->size,
                                region->page_size };
  }
  memcpy (hello.id, source->id, GDW_ID_BYTES);
  memcpy (hello.token, source->token, GDW_TOKEN_BYTES);
  gdw_hello_encode (&hello, meta);
  gdw_source_say (source, GDW_FRAME_HELLO, meta);
}

static void
say_join (GdwSource *source, guint index)
{
  GByteArray *meta = g_byte_array_new ();
  GdwJoin join = { .link = index };

  memcpy (join.id, source->id, GDW_ID_BYTES);
  memcpy (join.token, source->token, GDW_TOKEN_BYTES);
  gdw_join_encode (&join, meta);
  gdw_channel_send (source->channels[index], GDW_FRAME_JOIN, meta);
}

/* Nobody says what he takes: everything, as fast as it is written. */
static void
agree_alone (GdwSource *source)
{
  source->agreed = (GdwHelloAck){ .version = GDW_STREAM_VERSION_MAX,
                                  .features = GDW_FEATURES_KNOWN,
                                  .window_bytes = G_MAXUINT64,
                                  .window_pages = G_MAXUINT64 };
  source->n_joined = 1;
  gdw_source_all_joined (source);
}

static void
connected (GdwChannel *channel, gpointer data)
{
  GdwSource *source = data;
  guint index = gdw_channel_index (channel);

  source->connected[index] = TRUE;
  if (source->phase != LINKING) {
    gdw_channel_stop (channel);
  } else if (index == 0) {
    say_hello (source);
    if (source->one_way)
      agree_alone (source);
  } else {
    say_join (source, index);
  }
}

static void
on_started (const GError *error, gpointer data)
{
  GdwSource *source = data;

  if (error) {
    gdw_source_fail (source, g_error_copy (error));
    return;
  }
  if (source->phase != STARTING)
    return;
  source->phase = SENDING;
  source->active_us = source->round_us = g_get_monotonic_time ();
  gdw_meter_begin (source->meter, source->active_us);
  g_atomic_int_set (&source->sending, TRUE);
  source->attempt.ops->round (++source->rounds, source->attempt.data);
  source->attempt.ops->status (GDW_STATUS_ACTIVE, source->attempt.data);
  for (guint i = 0; i < source->n_links; i++)
    if (source->links[i] == LINK_OPEN)
      gdw_channel_open (source->channels[i], source->agreed.window_bytes,
                        source->agreed.window_pages);
}

static void
on_synced (const GdwDirtySynced *result, const GError *error, gpointer data)
{
  GdwSource *source = data;

  if (error) {
    gdw_source_fail (source, g_error_copy (error));
    return;
  }
  gdw_probe_dirty_sync (source->id_text, result->new_pages, result->dirty_pages, result->us,
                        result->final);
  source->dirty_rate = result->final ? source->dirty_rate : result->dirty_rate;
  if (result->vcpu_rates) {
    g_clear_pointer (&source->vcpu_rates, g_array_unref);
    source->vcpu_rates = g_array_ref (result->vcpu_rates);
  }
  if (result->final) {
    source->final_done = TRUE;
    source->blackout.harvest_us = result->us;
    source->step_us = g_get_monotonic_time ();
    gdw_source_maybe_prepare (source);
  } else if (source->phase == SENDING) {
    gdw_source_consider (source, result->asked);
  }
}

static void
on_sync_ended (const GError *error, gpointer data)
{
  GdwSource *source = data;

  source->sync_ended = TRUE;
  if (error)
    g_ptr_array_add (source->warnings, g_strdup (error->message));
  gdw_source_proceed (source);
}

static const GdwDirtySyncOps sync_ops = { on_started, on_synced, on_sync_ended };

void
gdw_source_all_joined (GdwSource *source)
{
  GdwDirtySyncConfig config = { .round = source->round,
                                .tracking = source->tracking,
                                .marks = source->marks,
                                .regions = source->regions,
                                .gate = gdw_guest_ring_gate (source->attempt.guest),
                                .threads = source->attempt.threads,
                                .context = source->attempt.context,
                                .ops = &sync_ops,
                                .data = source };
  GError *error = NULL;

  source->phase = STARTING;
  source->sync = gdw_dirty_sync_new (&config, &error);
  if (!source->sync)
    gdw_source_fail (source, error);
}

/* One after the other: transports connect one link at a time. */
static void
next_link (GdwSource *source)
{
  if (source->n_joined < source->n_links)
    gdw_source_add_channel (source);
  else
    gdw_source_all_joined (source);
}

static gboolean
unexpected (const GdwFrame *frame, GError **error)
{
  g_set_error (error, GDW_ERROR, GDW_ERROR_PROTOCOL,
               "source: frame '%s' is refused: it was not expected now; both sides must speak "
               "the same protocol",
               gdw_frame_name (frame->type));
  return FALSE;
}

static gboolean
on_hello_ack (GdwSource *source, const GdwFrame *frame, const guint8 *meta, GError **error)
{
  GdwHelloAck *ack = &source->agreed;

  if (source->phase != LINKING || source->n_joined)
    return unexpected (frame, error);
  if (!gdw_hello_ack_decode (meta, frame->meta_len, ack, error))
    return FALSE;
  if (ack->version < GDW_STREAM_VERSION_MIN || ack->version > GDW_STREAM_VERSION_MAX ||
      (ack->features & ~GDW_FEATURES_KNOWN)) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_PROTOCOL,
                 "source: the destination chose what was not offered: version %u, features "
                 "0x%" G_GINT64_MODIFIER "x; use the same release on both sides",
                 ack->version, ack->features);
    return FALSE;
  }
  source->n_joined = 1;
  next_link (source);
  return TRUE;
}

static gboolean
on_join_ack (GdwSource *source, guint index, const GdwFrame *frame, const guint8 *meta,
             GError **error)
{
  guint8 id[GDW_ID_BYTES];

  if (!gdw_id_decode (meta, frame->meta_len, id, error))
    return FALSE;
  if (source->phase != LINKING || index == 0 || index != source->n_joined ||
      memcmp (id, source->id, sizeof id) != 0)
    return unexpected (frame, error);
  source->n_joined++;
  next_link (source);
  return TRUE;
}

static gboolean
on_peer_error (const GdwFrame *frame, const guint8 *meta, GError **error)
{
  GdwErrorMsg msg;

  if (gdw_error_decode (meta, frame->meta_len, &msg, error)) {
    g_set_error_literal (error, GDW_ERROR, GDW_ERROR_PEER, msg.text);
    gdw_error_clear (&msg);
  }
  return FALSE;
}

static gboolean
on_committed (GdwSource *source, const GdwFrame *frame, const guint8 *meta, GError **error)
{
  GdwOutcomeMsg msg;
  gboolean yes;

  if (source->phase != COMMITTING)
    return unexpected (frame, error);
  if (!gdw_outcome_decode (meta, frame->meta_len, &msg, error))
    return FALSE;
  yes = msg.answer == GDW_ANSWER_COMMITTED;
  if (yes)
    gdw_source_on_committed (source, msg.resume_us);
  gdw_outcome_clear (&msg);
  return yes || unexpected (frame, error);
}

static gboolean
dispatch (GdwSource *source, guint index, const GdwFrame *frame, const guint8 *meta,
          GError **error)
{
  guint8 id[GDW_ID_BYTES];

  switch (frame->type) {
  case GDW_FRAME_HELLO_ACK:
    return on_hello_ack (source, frame, meta, error);
  case GDW_FRAME_JOIN_ACK:
    return on_join_ack (source, index, frame, meta, error);
  case GDW_FRAME_PREPARED:
    if (!gdw_id_decode (meta, frame->meta_len, id, error))
      return FALSE;
    if (source->phase != PREPARING || memcmp (id, source->id, sizeof id) != 0)
      return unexpected (frame, error);
    gdw_source_on_prepared (source);
    return TRUE;
  case GDW_FRAME_COMMITTED:
    return on_committed (source, frame, meta, error);
  case GDW_FRAME_LINK_DRAINED:
    return gdw_source_on_link_drained (source, frame, meta, error);
  case GDW_FRAME_ERROR:
    return on_peer_error (frame, meta, error);
  default:
    return unexpected (frame, error);
  }
}

/* COMMITTED that comes while the links end is proof, but CONFIRM has no way back:
 * the question goes out all the same. */
static void
on_late_frame (GdwSource *source, const GdwFrame *frame, const guint8 *meta)
{
  GdwOutcomeMsg msg;

  if (frame->type != GDW_FRAME_COMMITTED ||
      !gdw_outcome_decode (meta, frame->meta_len, &msg, NULL))
    return;
  source->told_committed = msg.answer == GDW_ANSWER_COMMITTED;
  gdw_outcome_clear (&msg);
}

static void
on_frame (GdwChannel *channel, const GdwFrame *frame, const guint8 *meta, gpointer data)
{
  GdwSource *source = data;
  GError *error = NULL;

  if (source->phase == COMMIT_LOST)
    on_late_frame (source, frame, meta);
  else if (source->phase <= COMMITTING &&
           !dispatch (source, gdw_channel_index (channel), frame, meta, &error))
    gdw_source_fail (source, error);
}

static void
on_broken (GdwChannel *channel, const GError *error, gpointer data)
{
  gdw_source_fail (data, g_error_copy (error));
}

static void
on_closed (GdwChannel *channel, const GError *error, gpointer data)
{
  GdwSource *source = data;

  source->n_closed++;
  if (error)
    gdw_source_lose_link (source, gdw_channel_index (channel), error);
  gdw_source_go_on_alone (source);
  gdw_source_proceed (source);
}

static void
on_settled (GdwChannel *channel, gpointer data)
{
  gdw_source_on_settled (data);
}

const GdwChannelOps gdw_source_channel_ops = {
  .fill = fill,
  .acked = acked,
  .nak = nak,
  .connected = connected,
  .frame = on_frame,
  .settled = on_settled,
  .broken = on_broken,
  .closed = on_closed,
};

void
gdw_source_add_channel (GdwSource *source)
{
  guint index = source->n_created;
  GError *error = NULL;
  GdwChannel *channel = gdw_channel_new (&source->channel_config, index, NULL, &error);

  if (!channel && gdw_source_may_fall_back (index, error)) {
    gdw_source_fall_back (source, index, error);
    g_error_free (error);
    return;
  }
  if (!channel) {
    gdw_source_fail (source, error);
    return;
  }
  source->batches[index] = g_new0 (GdwBatch, 1);
  source->channels[index] = channel;
  source->n_created++;
}

void
gdw_source_kick (GdwSource *source)
{
  for (guint i = 0; i < source->n_created; i++)
    gdw_channel_kick (source->channels[i]);
}

typedef struct {
  GdwSource *source;
  GdwRoundTotals totals;
} RoundEnd;

static void
say_round_end (GdwSource *source, const RoundEnd *end)
{
  GByteArray *meta = g_byte_array_new ();
  GdwRoundEnd totals = { end->totals.pages, end->totals.bytes };

  gdw_round_end_encode (&totals, meta);
  gdw_source_say (source, GDW_FRAME_ROUND_END, meta);
}

static void
on_round_end (gpointer data)
{
  RoundEnd *end = data;
  GdwSource *source = end->source;
  gint64 now = g_get_monotonic_time ();
  GdwRoundInfo info = { end->totals.pages, end->totals.bytes, (now - source->round_us) / 1000,
                        end->totals.dirty_pages };

  source->round_us = now;
  if (source->round_list->len == ROUNDS_KEPT)
    g_array_remove_index (source->round_list, ROUNDS_KEPT / 2);
  g_array_append_val (source->round_list, info);
  gdw_probe_round (source->id_text, source->rounds, info.pages, info.bytes, info.ms,
                   info.dirty_pages);
  say_round_end (source, end);
  if (source->phase == SENDING)
    source->attempt.ops->round (++source->rounds, source->attempt.data);
}

static void
on_drained (gpointer data)
{
  GdwSource *source = data;

  source->drained = TRUE;
  gdw_source_maybe_prepare (source);
}

void
gdw_source_round_event (GdwRoundEvent event, const GdwRoundTotals *totals, gpointer data)
{
  GdwSource *source = data;
  gboolean sync = event == GDW_ROUND_LOW || (totals && totals->wants_harvest);

  if (sync && g_atomic_int_get (&source->sending))
    gdw_dirty_sync_request (source->sync);
  if (totals) {
    RoundEnd *end = g_new (RoundEnd, 1);

    *end = (RoundEnd){ source, *totals };
    gdw_invoke (source->attempt.context, on_round_end, end, g_free);
  }
  if (event == GDW_ROUND_DRAINED) {
    gdw_invoke (source->attempt.context, on_drained, source, NULL);
  } else if (event == GDW_ROUND_MORE) {
    gdw_source_kick (source);
  }
}
