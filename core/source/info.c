/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* The source's part of query-migrate. */
#include "core/source/private.h"

static void
sum_up (GdwSource *source, GdwInfo *info)
{
  gdw_source_count_links (source);
  info->normal_pages = source->normal_pages;
  info->zero_pages = source->zero_pages;
  for (guint i = 0; i < source->link_list->len; i++)
    info->transferred_bytes += g_array_index (source->link_list, GdwLinkInfo, i).bytes;
  if (!source->round)
    return;
  gdw_round_counts (source->round, &info->normal_pages, &info->zero_pages);
  info->remaining_bytes = gdw_round_dirty_pages (source->round) * GDW_PAGE_SIZE;
}

/* What the links may carry now. */
static guint64
bandwidth (GdwSource *source, gint64 now_us)
{
  guint64 rate = gdw_meter_read (source->meter, now_us).rate;
  guint64 limit = source->attempt.parameters->max_bandwidth;

  return limit && !gdw_source_phase_guest_is_held (source->phase) ? MIN (rate, limit) : rate;
}

void
gdw_source_info (GdwSource *source, GdwInfo *info)
{
  gint64 end_us = source->end_us ? source->end_us : g_get_monotonic_time ();

  *info = source->blackout;
  info->outcome = source->outcome;
  info->error_desc = source->error ? source->error->message : NULL;
  info->tracker = source->tracker_name;
  info->transport = source->transport_name;
  info->n_links = gdw_source_open_links (source);
  info->total_time_ms = (end_us - source->begin_us) / 1000;
  info->setup_time_ms = source->active_us ? (source->active_us - source->begin_us) / 1000 : 0;
  info->downtime_ms = source->downtime_us / 1000;
  info->expected_downtime_us = source->expected_us == G_MAXUINT64 ? 0 : source->expected_us;
  info->total_bytes = source->total_pages * GDW_PAGE_SIZE;
  info->dirty_rate = source->dirty_rate;
  info->bandwidth = bandwidth (source, end_us);
  info->rounds = source->rounds;
  info->round_list = source->round_list;
  info->link_list = source->link_list;
  info->vcpu_rates = source->vcpu_rates;
  info->warnings = source->warnings;
  sum_up (source, info);
}

const GError *
gdw_source_error (GdwSource *source)
{
  return source->error;
}

const char *
gdw_source_id (GdwSource *source)
{
  return source->id_text;
}
