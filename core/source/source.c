/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* Orders to an outgoing attempt, and questions about it, from outside. */
#include "core/source/private.h"

#include <errno.h>
#include <unistd.h>

#include "core/memory/tracker-select.h"

static guint
count_links (GdwSource *source)
{
  guint wanted = source->attempt.parameters->multifd_channels;

  if (!source->attempt.capabilities.multifd &&
      !(gdw_stack_traits (source->stack) & GDW_TRANSPORT_MANY_LINKS))
    return 1;
  if (wanted > gdw_stack_max_links (source->stack))
    gdw_source_warn (source, "transport '%s': it carries %u links, not the %u asked for",
                     source->transport_name, gdw_stack_max_links (source->stack), wanted);
  return MIN (wanted, gdw_stack_max_links (source->stack));
}

static gboolean
open_all (GdwSource *source, const GdwAddress *address, GError **error)
{
  const GdwHost *host = gdw_guest_host (source->attempt.guest);
  const GdwRegion *list;
  guint n = 0;

  source->stack = gdw_attempt_open_stack (&source->attempt, address, error);
  if (!source->stack)
    return FALSE;
  source->transport_name = g_strdup (gdw_stack_transport (source->stack));
  list = host->regions (host->vm, &n);
  if (!(source->regions = gdw_regions_copy (list, n, error)) ||
      !(source->machine = gdw_guest_machine (source->attempt.guest, error)))
    return FALSE;
  source->tracking = gdw_tracker_select (source->attempt.plugins,
                                         source->attempt.parameters->tracker, source->regions,
                                         host->dirty_log, error);
  if (!source->tracking)
    return FALSE;
  source->tracker_name = g_strdup (gdw_tracking_name (source->tracking));
  gdw_attempt_warn_of_plugins (&source->attempt, source->warnings);
  source->total_pages = source->regions->total_pages;
  source->one_way = !(gdw_stack_traits (source->stack) & GDW_TRANSPORT_TWO_WAY);
  source->n_links = count_links (source);
  return TRUE;
}

static gboolean
make_secrets (GdwSource *source, GError **error)
{
  GString *text = g_string_new (NULL);

  if (getentropy (source->id, sizeof source->id) != 0 ||
      getentropy (source->token, sizeof source->token) != 0) {
    g_string_free (text, TRUE);
    g_set_error (error, GDW_ERROR, GDW_ERROR_FAILED,
                 "source: random numbers for the migration's token are missing: %s; "
                 "allow the system call getrandom",
                 g_strerror (errno));
    return FALSE;
  }
  for (guint i = 0; i < GDW_ID_BYTES; i++)
    g_string_append_printf (text, "%02x", source->id[i]);
  source->id_text = g_string_free (text, FALSE);
  return TRUE;
}

/* The destination shows signs of life, but the paused guest waits in vain. */
static gboolean
is_stuck (GdwSource *source, gint64 now, gint64 limit_us)
{
  gint64 acked = __atomic_load_n (&source->acked_bytes, __ATOMIC_RELAXED);
  gboolean waits = source->phase == GDW_SOURCE_DRAINING ||
                   source->phase == GDW_SOURCE_PREPARING ||
                   source->phase == GDW_SOURCE_COMMITTING;

  if (!waits || source->phase != source->watched_phase || acked != source->watched_bytes) {
    source->watched_phase = source->phase;
    source->watched_bytes = acked;
    source->watched_us = now;
  }
  /* Gives up a silent link, if there are several, before it gives up the attempt. */
  if (gdw_source_open_links (source) > 1)
    limit_us += limit_us / 2;
  return now - source->watched_us >= limit_us;
}

static void
check_progress (GdwSource *source, gint64 limit_us)
{
  if (!is_stuck (source, g_get_monotonic_time (), limit_us))
    return;
  gdw_source_fail (source,
                   g_error_new (GDW_ERROR, GDW_ERROR_TIMEOUT,
                                "source: the destination did not %s within %" G_GINT64_FORMAT
                                " ms, with the guest paused: it is stuck; look at its log, or "
                                "raise x-peer-timeout",
                                source->phase == GDW_SOURCE_DRAINING    ? "take the last pages"
                                : source->phase == GDW_SOURCE_PREPARING ? "take the state over"
                                                                        : "answer COMMIT",
                                limit_us / 1000));
}

static gboolean
on_tick (gpointer data)
{
  GdwSource *source = data;
  gint64 limit_us = source->attempt.parameters->x_peer_timeout * (gint64) 1000;

  if (gdw_source_phase_links_are_in_use (source->phase) && !source->one_way &&
      !gdw_source_check_links (source, limit_us))
    check_progress (source, limit_us);
  /* The link that was left the last pages may have become slow since. */
  if (source->phase == GDW_SOURCE_DRAINING)
    gdw_source_kick (source);
  return G_SOURCE_CONTINUE;
}

GdwSource *
gdw_source_new (const GdwAttempt *attempt, const GdwAddress *address, GError **error)
{
  GdwSource *source = g_new0 (GdwSource, 1);

  source->attempt = *attempt;
  source->status = GDW_STATUS_SETUP;
  source->cancellable = g_cancellable_new ();
  source->round_list = g_array_new (FALSE, FALSE, sizeof (GdwRoundInfo));
  source->link_list = g_array_new (FALSE, TRUE, sizeof (GdwLinkInfo));
  source->warnings = g_ptr_array_new_with_free_func (g_free);
  source->begin_us = g_get_monotonic_time ();
  if (!open_all (source, address, error) || !make_secrets (source, error)) {
    gdw_source_free (source);
    return NULL;
  }
  source->marks = gdw_pageset_new (source->regions->pages, source->regions->n);
  source->meter = gdw_meter_new (source->n_links);
  source->rate = gdw_rate_new (attempt->parameters->max_bandwidth);
  source->round = gdw_round_new (source->regions, source->tracking, source->n_links,
                                 gdw_source_round_event, source);
  source->channel_config = (GdwChannelConfig){
    .ops = &gdw_source_channel_ops,
    .data = source,
    .threads = attempt->threads,
    .context = attempt->context,
    .stack = source->stack,
    .region_pages = source->regions->pages,
    .n_regions = source->regions->n,
    .rate = source->rate,
    .meter = source->meter,
    .one_way = source->one_way,
    .heartbeat_ms = CLAMP (attempt->parameters->x_peer_timeout / 4, 10, 1000),
  };
  return source;
}

void
gdw_source_begin (GdwSource *source)
{
  gdw_timer_set (&source->tick, source->attempt.context, source->channel_config.heartbeat_ms,
                 on_tick, source);
  gdw_source_add_channel (source);
}

gboolean
gdw_source_cancel (GdwSource *source, GError **error)
{
  if (source->phase == GDW_SOURCE_ENDING || gdw_source_is_over (source))
    return TRUE;
  if (!gdw_source_phase_is_before_commit (source->phase)) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_BUSY,
                 "source: the migration cannot be cancelled: COMMIT was sent and the guest may "
                 "run at the destination; wait for the outcome");
    return FALSE;
  }
  source->cancelled = TRUE;
  gdw_source_fail (source, g_error_new (G_IO_ERROR, G_IO_ERROR_CANCELLED,
                                        "source: the migration was cancelled: the operator "
                                        "asked for it"));
  return TRUE;
}

void
gdw_source_yank (GdwSource *source)
{
  if (gdw_source_phase_is_tidying (source->phase))
    gdw_source_stop_links (source);
  else
    gdw_source_fail (source,
                     g_error_new_literal (GDW_ERROR, GDW_ERROR_FAILED,
                                          "source: the links were cut: the operator said yank; "
                                          "look at the network, then migrate again"));
}

void
gdw_source_follow (GdwSource *source)
{
  if (!source->rate)
    return;
  gdw_rate_set (source->rate, source->attempt.parameters->max_bandwidth);
  gdw_source_kick (source);
  /* Weighs a new limit now instead of at the end of the round. */
  if (source->phase == GDW_SOURCE_SENDING && source->rounds > 1)
    gdw_dirty_sync_request (source->sync);
}

gboolean
gdw_source_is_over (GdwSource *source)
{
  return gdw_source_phase_is_done (source->phase);
}

gboolean
gdw_source_is_switching (GdwSource *source)
{
  return gdw_source_phase_guest_is_held (source->phase);
}

gboolean
gdw_source_is_prepared (GdwSource *source)
{
  return gdw_source_phase_is_prepared (source->phase);
}

void
gdw_source_mark (GdwSource *source, guint64 guest_addr, guint64 size)
{
  guint64 first, n;

  for (guint i = 0; i < source->regions->n; i++)
    if (gdw_regions_clip (source->regions, i, guest_addr, size, &first, &n))
      gdw_pageset_add (source->marks, i, first, n);
}

void
gdw_source_free (GdwSource *source)
{
  if (!source)
    return;
  gdw_source_free_workers (source);
  gdw_meter_free (source->meter);
  g_clear_error (&source->error);
  g_object_unref (source->cancellable);
  g_array_unref (source->round_list);
  g_array_unref (source->link_list);
  g_clear_pointer (&source->vcpu_rates, g_array_unref);
  g_ptr_array_unref (source->warnings);
  g_free (source->tracker_name);
  g_free (source->transport_name);
  g_free (source->machine);
  g_free (source->id_text);
  g_free (source);
}
