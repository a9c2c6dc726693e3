/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "control/metrics.h"

static const double bounds[GDW_BLACKOUT_BUCKETS] = { 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                                     0.5,   1,    2.5,   5,    10 };

void
gdw_control_count (GdwControl *control, const GdwInfo *info)
{
  GdwTally *tally = &control->tally;
  double seconds = (double) info->downtime_ms / 1000;
  guint i = 0;

  tally->completed += info->status == GDW_STATUS_COMPLETED;
  tally->failed += info->status == GDW_STATUS_FAILED;
  tally->cancelled += info->status == GDW_STATUS_CANCELLED;
  if (info->incoming || info->status != GDW_STATUS_COMPLETED)
    return;
  while (i < GDW_BLACKOUT_BUCKETS && seconds > bounds[i])
    i++;
  tally->buckets[i]++;
  tally->blackout_seconds += seconds;
}

static void
head (GString *to, const char *name, const char *type, const char *help)
{
  g_string_append_printf (to, "# HELP godwit_%s %s\n# TYPE godwit_%s %s\n", name, help, name,
                          type);
}

/* Writes the shortest form that reads back equal, with a point in every locale. */
static void
value (GString *to, const char *name, const char *labels, double number)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  g_ascii_dtostr (text, sizeof text, number);
  g_string_append_printf (to, "godwit_%s%s %s\n", name, labels, text);
}

static void
gauge (GString *to, const char *name, const char *help, double number)
{
  head (to, name, "gauge", help);
  value (to, name, "", number);
}

static void
add_states (GString *to, GdwControl *control, const GdwInfo *info)
{
  head (to, "build_info", "gauge", "The version, always 1.");
  value (to, "build_info", "{version=\"" GDW_VERSION "\"}", 1);
  head (to, "migration_status", "gauge", "1 for the status of the last migration, else 0.");
  for (guint i = 0; i < GDW_STATUS_N; i++) {
    g_autofree char *label = g_strdup_printf ("{status=\"%s\"}", gdw_status_name (i));

    value (to, "migration_status", label, info->status == i);
  }
  gauge (to, "guest_running", "1 while the guest runs here.",
         gdw_migration_get_run_state (control->migration) == GDW_RUN_STATE_RUNNING);
}

static void
add_progress (GString *to, const GdwInfo *info)
{
  gauge (to, "migration_memory_bytes", "Guest memory.", (double) info->total_bytes);
  gauge (to, "migration_remaining_bytes", "Memory still to be transferred.",
         (double) info->remaining_bytes);
  gauge (to, "migration_transferred_bytes", "Bytes sent or received by the last migration.",
         (double) info->transferred_bytes);
  gauge (to, "migration_normal_pages", "Pages transferred with their content.",
         (double) info->normal_pages);
  gauge (to, "migration_zero_pages", "Pages transferred as zero.", (double) info->zero_pages);
  gauge (to, "migration_rounds", "Precopy rounds begun.", (double) info->rounds);
  gauge (to, "migration_links", "Links in use.", info->n_links);
  gauge (to, "migration_dirty_bytes_per_second", "Memory that the guest dirties.",
         (double) info->dirty_rate * GDW_PAGE_SIZE);
  gauge (to, "migration_bandwidth_bytes_per_second", "Throughput of all links.",
         (double) info->bandwidth);
  head (to, "migration_expected_downtime_seconds", "gauge",
        "Expected pause if the switchover came now; present while active, once known.");
  if (info->status == GDW_STATUS_ACTIVE && info->expected_downtime_us)
    value (to, "migration_expected_downtime_seconds", "",
           (double) info->expected_downtime_us / 1e6);
  gauge (to, "migration_duration_seconds", "Time since the last migration began.",
         (double) info->total_time_ms / 1000);
}

static void
add_links (GString *to, const GArray *links)
{
  head (to, "migration_link_bytes", "gauge",
        "Bytes written to each link by the last migration.");
  for (guint i = 0; links && i < links->len; i++) {
    g_autofree char *label = g_strdup_printf ("{link=\"%u\"}", i);

    value (to, "migration_link_bytes", label,
           (double) g_array_index (links, GdwLinkInfo, i).bytes);
  }
}

static void
add_blackout (GString *to, const GdwInfo *info)
{
  const struct {
    const char *label;
    guint64 us;
  } parts[] = {
    { "{part=\"pause\"}", info->pause_us },       { "{part=\"state\"}", info->state_us },
    { "{part=\"harvest\"}", info->harvest_us },   { "{part=\"pages\"}", info->pages_us },
    { "{part=\"handover\"}", info->handover_us }, { "{part=\"resume\"}", info->resume_us }
  };
  head (to, "migration_blackout_part_seconds", "gauge",
        "The parts of the last migration's pause.");
  for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
    value (to, "migration_blackout_part_seconds", parts[i].label, (double) parts[i].us / 1e6);
}

static void
add_tally (GString *to, const GdwTally *tally)
{
  guint64 sum = 0;

  head (to, "migrations_total", "counter", "Migrations that have ended, in either direction.");
  value (to, "migrations_total", "{result=\"completed\"}", (double) tally->completed);
  value (to, "migrations_total", "{result=\"failed\"}", (double) tally->failed);
  value (to, "migrations_total", "{result=\"cancelled\"}", (double) tally->cancelled);
  head (to, "blackout_seconds", "histogram",
        "How long guests were paused in migrations from here.");
  for (guint i = 0; i <= GDW_BLACKOUT_BUCKETS; i++) {
    char bound[G_ASCII_DTOSTR_BUF_SIZE];
    g_autofree char *label = NULL;

    if (i < GDW_BLACKOUT_BUCKETS)
      g_ascii_formatd (bound, sizeof bound, "%g", bounds[i]);
    label = g_strdup_printf ("{le=\"%s\"}", i < GDW_BLACKOUT_BUCKETS ? bound : "+Inf");
    sum += tally->buckets[i];
    value (to, "blackout_seconds_bucket", label, (double) sum);
  }
  value (to, "blackout_seconds_sum", "", tally->blackout_seconds);
  value (to, "blackout_seconds_count", "", (double) sum);
}

char *
gdw_control_metrics (GdwControl *control)
{
  GString *to = g_string_new (NULL);
  const GdwInfo *info = gdw_migration_info (control->migration);

  add_states (to, control, info);
  add_progress (to, info);
  add_links (to, info->link_list);
  add_blackout (to, info);
  add_tally (to, &control->tally);
  return g_string_free (to, FALSE);
}
