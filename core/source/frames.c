/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* Control frames and other events of the channels. */
#include "core/source/private.h"

#include <string.h>

#define PACKAGE "godwit " GDW_VERSION

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
                     .regions = infos,
                     .machine = source->machine };

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

/* Nobody answers on a one-way link, so the source agrees with itself on all features and no
 * limits. */
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
  if (source->phase == GDW_SOURCE_ENDING && index == 0 && !source->one_way) {
    /* A destination that was reached fails as well, and knows why. */
    say_hello (source);
    gdw_source_say_farewell (source);
  } else if (source->phase != GDW_SOURCE_LINKING) {
    gdw_channel_stop (channel);
  } else if (index == 0) {
    say_hello (source);
    if (source->one_way)
      agree_alone (source);
  } else {
    say_join (source, index);
  }
}

/* Opens links one after the other, since transports connect one link at a time. */
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

  if (source->phase != GDW_SOURCE_LINKING || source->n_joined)
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
  if (source->phase != GDW_SOURCE_LINKING || index == 0 || index != source->n_joined ||
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

  if (source->phase != GDW_SOURCE_COMMITTING)
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
    if (source->phase != GDW_SOURCE_PREPARING || memcmp (id, source->id, sizeof id) != 0)
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

/* A COMMITTED that comes while the links end is proof, but CONFIRM has no way back, so the
 * source asks for the outcome all the same. */
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

  if (source->phase == GDW_SOURCE_COMMIT_LOST)
    on_late_frame (source, frame, meta);
  else if (gdw_source_phase_links_are_in_use (source->phase) &&
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
  .fill = gdw_source_fill,
  .acked = gdw_source_acked,
  .nak = gdw_source_nak,
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
