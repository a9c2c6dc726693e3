/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "control/control.h"

#include "control/address.h"

#include <string.h>

static GdwQMigrationStats *
make_stats (GdwControl *control, const GdwInfo *info)
{
  guint64 precopy = MIN (control->precopy_bytes, info->transferred_bytes);
  GdwQMigrationStats *stats = g_new0 (GdwQMigrationStats, 1);

  stats->transferred = info->transferred_bytes;
  stats->remaining = info->remaining_bytes;
  stats->total = info->total_bytes;
  stats->duplicate = info->zero_pages;
  stats->normal = info->normal_pages;
  stats->normal_bytes = info->normal_pages * GDW_PAGE_SIZE;
  stats->dirty_pages_rate = info->dirty_rate;
  stats->mbps = (double) info->bandwidth * 8 / 1e6;
  stats->dirty_sync_count = info->rounds;
  stats->page_size = GDW_PAGE_SIZE;
  stats->multifd_bytes = info->n_links > 1 ? info->transferred_bytes : 0;
  stats->pages_per_second = info->bandwidth / GDW_PAGE_SIZE;
  stats->precopy_bytes = precopy;
  stats->downtime_bytes = info->transferred_bytes - precopy;
  return stats;
}

static GdwQMigrationBlackout *
make_blackout (const GdwInfo *info)
{
  GdwQMigrationBlackout *blackout = g_new0 (GdwQMigrationBlackout, 1);

  blackout->pause_us = info->pause_us;
  blackout->state_us = info->state_us;
  blackout->harvest_us = info->harvest_us;
  blackout->pages_us = info->pages_us;
  blackout->handover_us = info->handover_us;
  blackout->resume_us = info->resume_us;
  return blackout;
}

static GPtrArray *
make_rounds (const GArray *rounds)
{
  GPtrArray *list = g_ptr_array_new_with_free_func (
      (GDestroyNotify) gdw_q_migration_round_free);

  for (guint i = 0; i < rounds->len; i++) {
    const GdwRoundInfo *from = &g_array_index (rounds, GdwRoundInfo, i);
    GdwQMigrationRound *round = g_new0 (GdwQMigrationRound, 1);

    *round = (GdwQMigrationRound){ .pages = from->pages,
                                   .bytes = from->bytes,
                                   .ms = from->ms,
                                   .dirty_pages = from->dirty_pages };
    g_ptr_array_add (list, round);
  }
  return list;
}

static GPtrArray *
make_links (const GArray *links)
{
  GPtrArray *list = g_ptr_array_new_with_free_func ((GDestroyNotify) gdw_q_migration_link_free);

  for (guint i = 0; i < links->len; i++) {
    const GdwLinkInfo *from = &g_array_index (links, GdwLinkInfo, i);
    GdwQMigrationLink *link = g_new0 (GdwQMigrationLink, 1);

    *link = (GdwQMigrationLink){ .id = i, .bytes = from->bytes, .lost = from->lost };
    g_ptr_array_add (list, link);
  }
  return list;
}

static GPtrArray *
make_vcpu_rates (const GArray *rates)
{
  GPtrArray *list = g_ptr_array_new_with_free_func (
      (GDestroyNotify) gdw_q_vcpu_dirty_rate_free);

  for (guint i = 0; i < rates->len; i++) {
    GdwQVcpuDirtyRate *rate = g_new0 (GdwQVcpuDirtyRate, 1);

    rate->id = i;
    rate->dirty_pages_rate = g_array_index (rates, guint64, i);
    g_ptr_array_add (list, rate);
  }
  return list;
}

static GPtrArray *
copy_texts (const GPtrArray *texts)
{
  GPtrArray *list = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < texts->len; i++)
    g_ptr_array_add (list, g_strdup (g_ptr_array_index (texts, i)));
  return list;
}

/* Adds the statistics that a source reports from active on, unless it failed or was
 * cancelled. */
static void
add_progress (GdwControl *control, GdwQMigrationInfo *to, const GdwInfo *info)
{
  gboolean completed = info->status == GDW_STATUS_COMPLETED;

  to->ram = make_stats (control, info);
  to->total_time = info->total_time_ms;
  to->setup_time = info->setup_time_ms;
  to->has_total_time = to->has_setup_time = TRUE;
  to->has_downtime = completed;
  to->downtime = info->downtime_ms;
  to->has_expected_downtime = !completed && info->expected_downtime_us > 0;
  to->expected_downtime = info->expected_downtime_us / 1000;
  to->has_x_predicted_downtime = info->expected_downtime_us > 0;
  to->x_predicted_downtime = info->expected_downtime_us;
  to->blackout = completed ? make_blackout (info) : NULL;
}

GPtrArray *
gdw_cmd_query_migrationthreads (GdwControl *control, GError **error)
{
  g_autoptr (GArray) threads = gdw_migration_list_threads (control->migration);
  GPtrArray *list = g_ptr_array_new_with_free_func (
      (GDestroyNotify) gdw_q_migration_thread_info_free);

  for (guint i = 0; i < threads->len; i++) {
    const GdwThreadInfo *from = &g_array_index (threads, GdwThreadInfo, i);
    GdwQMigrationThreadInfo *info = g_new0 (GdwQMigrationThreadInfo, 1);

    info->name = g_strdup (from->name);
    info->thread_id = from->id;
    g_ptr_array_add (list, info);
  }
  return list;
}

static gboolean
is_under_way (GdwStatus status)
{
  return status == GDW_STATUS_ACTIVE || status == GDW_STATUS_PRE_SWITCHOVER ||
         status == GDW_STATUS_DEVICE || status == GDW_STATUS_CANCELLING;
}

GdwQMigrationInfo *
gdw_cmd_query_migrate (GdwControl *control, GError **error)
{
  const GdwInfo *info = gdw_migration_info (control->migration);
  GdwQMigrationInfo *to = g_new0 (GdwQMigrationInfo, 1);
  GdwQSocketAddress *address = info->local_address
                                   ? gdw_control_address_socket (info->local_address)
                                   : NULL;
  g_autoptr (GPtrArray) reasons = NULL;

  if (address) {
    to->socket_address = g_ptr_array_new_with_free_func (
        (GDestroyNotify) gdw_q_socket_address_free);
    g_ptr_array_add (to->socket_address, address);
  }
  reasons = gdw_migration_blocked_reasons (control->migration);
  if (reasons->len)
    to->blocked_reasons = copy_texts (reasons);
  if (info->status == GDW_STATUS_NONE)
    return to;
  to->has_status = to->has_x_outcome = TRUE;
  to->status = (GdwQMigrationStatus) gdw_visit_enum (&gdw_q_type_migration_status,
                                                     gdw_status_name (info->status));
  to->x_outcome = (GdwQMigrationOutcome) info->outcome;
  if (!info->incoming && (is_under_way (info->status) || info->status == GDW_STATUS_COMPLETED))
    add_progress (control, to, info);
  if (info->status == GDW_STATUS_FAILED)
    to->error_desc = g_strdup (info->error_desc);
  to->x_tracker = g_strdup (info->tracker);
  to->x_transport = g_strdup (info->transport);
  to->x_links = info->n_links;
  to->has_x_links = info->n_links > 0;
  if (info->link_list && info->link_list->len)
    to->x_link_stats = make_links (info->link_list);
  if (info->round_list && info->round_list->len)
    to->x_rounds = make_rounds (info->round_list);
  if (info->vcpu_rates)
    to->x_vcpu_dirty_rates = make_vcpu_rates (info->vcpu_rates);
  if (info->warnings && info->warnings->len)
    to->x_warnings = copy_texts (info->warnings);
  return to;
}

G_STATIC_ASSERT ((int) GDW_OUTCOME_NONE == (int) GDW_Q_MIGRATION_OUTCOME_NONE);
G_STATIC_ASSERT ((int) GDW_OUTCOME_SOURCE == (int) GDW_Q_MIGRATION_OUTCOME_SOURCE);
G_STATIC_ASSERT ((int) GDW_OUTCOME_DESTINATION == (int) GDW_Q_MIGRATION_OUTCOME_DESTINATION);
G_STATIC_ASSERT ((int) GDW_OUTCOME_UNKNOWN == (int) GDW_Q_MIGRATION_OUTCOME_UNKNOWN);
