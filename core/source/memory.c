/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* Pages: the callbacks of the channels, the round and the dirty sync. */
#include "core/source/private.h"

#include "core/base/probe.h"

/* How many rounds query-migrate lists: the first ones and the last ones. */
#define ROUNDS_KEPT 128u

/* How many pages the link may claim now. */
static guint64
may_claim (GdwSource *source, guint link, gboolean last)
{
  gint64 now_us = g_get_monotonic_time ();
  guint64 left = gdw_round_dirty_pages (source->round) * GDW_PAGE_SIZE;

  return (last ? gdw_meter_share (source->meter, link, left, now_us)
               : gdw_meter_claim (source->meter, link, now_us)) /
         GDW_PAGE_SIZE;
}

/* The guest waits for the last pages: any link may carry what another has not cut yet. */
static gboolean
claim (GdwSource *source, guint link, GError **error)
{
  GdwBatch *batch = source->batches[link];
  gboolean last = !g_atomic_int_get (&source->sending);
  guint64 most_pages = may_claim (source, link, last);

  if (most_pages == 0 || !gdw_round_claim (source->round, batch, most_pages, error))
    return FALSE;
  batch->last = last;
  return TRUE;
}

gboolean
gdw_source_fill (GdwChannel *channel, GdwMemOut *out, gpointer data, GError **error)
{
  GdwSource *source = data;
  guint link = gdw_channel_index (channel);
  GdwBatch *batch = source->batches[link];
  guint64 most_raw = gdw_meter_frame (source->meter, link, g_get_monotonic_time ()) /
                     GDW_PAGE_SIZE;
  guint64 pages = 0;

  if (!batch->last && !g_atomic_int_get (&source->sending))
    gdw_round_give_back (source->round, batch);
  while (!gdw_batch_cut (batch, source->regions, MIN (most_raw, GDW_MEM_RAW_MAX), out))
    if (!claim (source, link, error))
      return FALSE;
  out->last = gdw_round_dirty_pages (source->round) == 0;
  for (guint i = 0; i < out->mem.n_runs; i++)
    pages += out->mem.runs[i].count;
  gdw_round_cut (source->round, out->round, pages,
                 GDW_FRAME_HEADER_BYTES + gdw_mem_size (&out->mem) +
                     out->mem.n_raw * GDW_PAGE_SIZE);
  return TRUE;
}

void
gdw_source_acked (GdwChannel *channel, const GdwSent *sent, gpointer data)
{
  GdwSource *source = data;

  __atomic_add_fetch (&source->acked_bytes, sent->bytes, __ATOMIC_RELAXED);
  gdw_round_acked (source->round, sent);
  /* A link that left the last pages to others may be the next that is done. */
  if (source->n_links > 1 && !g_atomic_int_get (&source->sending) &&
      gdw_round_dirty_pages (source->round))
    gdw_source_kick (source);
}

gboolean
gdw_source_nak (GdwChannel *channel, const GdwNak *damaged, guint32 number, gpointer data,
                GError **error)
{
  return gdw_round_nak (((GdwSource *) data)->round, damaged, number, error);
}

static void
on_started (const GError *error, gpointer data)
{
  GdwSource *source = data;

  if (error) {
    gdw_source_fail (source, g_error_copy (error));
    return;
  }
  if (source->phase != GDW_SOURCE_STARTING)
    return;
  source->active_us = source->round_us = g_get_monotonic_time ();
  source->attempt.ops->round (++source->rounds, source->attempt.data);
  if (!gdw_source_enter (source, GDW_SOURCE_SENDING))
    return;
  g_atomic_int_set (&source->sending, TRUE);
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
  source->sync_us = result->us;
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
    gdw_source_maybe_return (source);
  } else if (result->paused) {
    gdw_round_go_on (source->round, FALSE);
  } else if (source->phase == GDW_SOURCE_SENDING) {
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

  if (!gdw_source_enter (source, GDW_SOURCE_STARTING))
    return;
  source->sync = gdw_dirty_sync_new (&config, &error);
  if (!source->sync)
    gdw_source_fail (source, error);
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
  if (source->phase == GDW_SOURCE_SENDING)
    source->attempt.ops->round (++source->rounds, source->attempt.data);
}

static void
on_drained (gpointer data)
{
  gdw_source_maybe_prepare (data);
}

/* The links are empty: the time to see how long the way is, and what is dirty. */
static void
on_quiet (gpointer data)
{
  GdwSource *source = data;

  if (source->phase != GDW_SOURCE_SENDING)
    return;
  gdw_channel_probe (source->channels[source->main_link]);
  gdw_dirty_sync_request (source->sync);
}

void
gdw_source_round_event (GdwRoundEvent event, const GdwRoundTotals *totals, gpointer data)
{
  GdwSource *source = data;

  if (event == GDW_ROUND_LOW && g_atomic_int_get (&source->sending))
    gdw_dirty_sync_request (source->sync);
  if (totals) {
    RoundEnd *end = g_new (RoundEnd, 1);

    *end = (RoundEnd){ source, *totals };
    gdw_invoke (source->attempt.context, on_round_end, end, g_free);
  }
  if (event == GDW_ROUND_DRAINED) {
    gdw_invoke (source->attempt.context, on_drained, source, NULL);
  } else if (event == GDW_ROUND_QUIET) {
    gdw_invoke (source->attempt.context, on_quiet, source, NULL);
  } else if (event == GDW_ROUND_MORE) {
    gdw_source_kick (source);
  }
}
