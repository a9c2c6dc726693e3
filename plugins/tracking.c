/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "plugins/tracking.h"

#include <godwit/error.h>

#include "plugins/guard.h"
#include "plugins/options.h"

struct GdwTracking {
  const GdwTracker *tracker;
  gpointer self;
  GdwValue *values;
  const GdwRegion *const *regions;
  guint n_regions;
  gint started; /* atomic: rearm runs on other threads */
  gint busy;    /* in start, collect or stop */
  void (*reset) (gpointer data);
  gpointer reset_data;
};

static gboolean
refuse (GdwTracking *tracking, const char *what, const char *why, GError **error)
{
  g_set_error (error, GDW_ERROR, GDW_ERROR_BUSY, "tracker '%s': %s failed: %s",
               tracking->tracker->plugin.name, what, why);
  return FALSE;
}

static void
rings_were_reset (gpointer core)
{
  GdwTracking *tracking = core;

  if (tracking->reset)
    tracking->reset (tracking->reset_data);
}

GdwTracking *
gdw_tracking_open (const GdwTracker *tracker, const char *options,
                   const GdwRegion *const *regions, guint n_regions, const GdwDirtyLog *log,
                   GError **error)
{
  GdwTracking *tracking = g_new0 (GdwTracking, 1);
  GdwTrackerConfig config = { .size = sizeof config,
                              .regions = regions,
                              .n_regions = n_regions,
                              .dirty_log = log,
                              .rings_were_reset = rings_were_reset,
                              .core = tracking };
  GError *failure = NULL;

  tracking->tracker = tracker;
  tracking->regions = regions;
  tracking->n_regions = n_regions;
  tracking->values = gdw_options_parse (&tracker->plugin, options, error);
  if (!tracking->values) {
    g_free (tracking);
    return NULL;
  }
  config.options = tracking->values;
  tracking->self = tracker->open (&config, &failure);
  if (gdw_guard_result (&tracker->plugin, "open", tracking->self != NULL, failure, error))
    return tracking;
  if (tracking->self)
    tracker->close (tracking->self);
  gdw_options_free (&tracker->plugin, tracking->values);
  g_free (tracking);
  return NULL;
}

void
gdw_tracking_close (GdwTracking *tracking)
{
  if (!tracking)
    return;
  gdw_tracking_stop (tracking, NULL);
  tracking->tracker->close (tracking->self);
  gdw_options_free (&tracking->tracker->plugin, tracking->values);
  g_free (tracking);
}

gboolean
gdw_tracking_start (GdwTracking *tracking, GError **error)
{
  const GdwPlugin *plugin = &tracking->tracker->plugin;
  GError *failure = NULL;
  gboolean ok;

  if (!gdw_guard_enter (plugin, "start", &tracking->busy, error))
    return FALSE;
  if (g_atomic_int_get (&tracking->started)) {
    ok = refuse (tracking, "start", "it is started; stop it first", error);
  } else {
    ok = tracking->tracker->start (tracking->self, &failure);
    ok = gdw_guard_result (plugin, "start", ok, failure, error);
    g_atomic_int_set (&tracking->started, ok);
  }
  g_atomic_int_set (&tracking->busy, 0);
  return ok;
}

/* Bits past the end of a region would send pages that do not exist. */
static gboolean
check_bits (GdwTracking *tracking, guint64 *const *bits, GError **error)
{
  for (guint i = 0; i < tracking->n_regions; i++) {
    guint64 pages = gdw_region_pages (tracking->regions[i]);

    if (pages % 64 != 0 && bits[i][pages / 64] >> (pages % 64) != 0) {
      g_set_error (
          error, GDW_ERROR, GDW_ERROR_PLUGIN,
          "tracker '%s': collect failed: it set bits past the end of region '%s'; this "
          "is a fault of the plugin",
          tracking->tracker->plugin.name, tracking->regions[i]->name);
      return FALSE;
    }
  }
  return TRUE;
}

static gboolean
begin_collect (GdwTracking *tracking, const char *what, GError **error)
{
  if (!gdw_guard_enter (&tracking->tracker->plugin, what, &tracking->busy, error))
    return FALSE;
  if (g_atomic_int_get (&tracking->started))
    return TRUE;
  g_atomic_int_set (&tracking->busy, 0);
  return refuse (tracking, what, "it is not started; start it first", error);
}

gboolean
gdw_tracking_collect (GdwTracking *tracking, guint64 *const *bits, GError **error)
{
  GError *failure = NULL;
  gboolean ok;

  if (!begin_collect (tracking, "collect", error))
    return FALSE;
  ok = tracking->tracker->collect (tracking->self, bits, &failure);
  ok = gdw_guard_result (&tracking->tracker->plugin, "collect", ok, failure, error) &&
       check_bits (tracking, bits, error);
  g_atomic_int_set (&tracking->busy, 0);
  return ok;
}

gboolean
gdw_tracking_gives_runs (GdwTracking *tracking)
{
  return tracking->tracker->collect_runs != NULL;
}

/* On the way from a tracker to core. */
typedef struct {
  GdwTracking *tracking;
  void (*add) (gpointer core, const GdwPageRange *ranges, guint n);
  gpointer core;
  GError *error; /* about the first wrong range */
} Runs;

static gboolean
check_range (GdwTracking *tracking, const GdwPageRange *range, GError **error)
{
  guint64 pages = range->region < tracking->n_regions
                      ? gdw_region_pages (tracking->regions[range->region])
                      : 0;

  if (range->n > 0 && range->first < pages && range->n <= pages - range->first)
    return TRUE;
  g_set_error (error, GDW_ERROR, GDW_ERROR_PLUGIN,
               "tracker '%s': collect_runs failed: it gave %" G_GUINT64_FORMAT
               " pages from %" G_GUINT64_FORMAT " of region %u, which has %" G_GUINT64_FORMAT
               "; this is a fault of the plugin",
               tracking->tracker->plugin.name, range->n, range->first, range->region, pages);
  return FALSE;
}

static void
pass_runs (gpointer data, const GdwPageRange *ranges, guint n)
{
  Runs *runs = data;

  for (guint i = 0; i < n && runs->error == NULL; i++)
    check_range (runs->tracking, &ranges[i], &runs->error);
  if (runs->error == NULL)
    runs->add (runs->core, ranges, n);
}

gboolean
gdw_tracking_collect_runs (GdwTracking *tracking,
                           void (*add) (gpointer core, const GdwPageRange *ranges, guint n),
                           gpointer core, GError **error)
{
  Runs runs = { .tracking = tracking, .add = add, .core = core };
  GError *failure = NULL;
  gboolean ok;

  if (!begin_collect (tracking, "collect_runs", error))
    return FALSE;
  ok = tracking->tracker->collect_runs (tracking->self, pass_runs, &runs, &failure);
  ok = gdw_guard_result (&tracking->tracker->plugin, "collect_runs", ok, failure, error);
  g_atomic_int_set (&tracking->busy, 0);
  if (runs.error == NULL)
    return ok;
  if (ok)
    g_propagate_error (error, runs.error);
  else
    g_error_free (runs.error);
  return FALSE;
}

gboolean
gdw_tracking_stop (GdwTracking *tracking, GError **error)
{
  const GdwPlugin *plugin = &tracking->tracker->plugin;
  GError *failure = NULL;
  gboolean ok = TRUE;

  if (!gdw_guard_enter (plugin, "stop", &tracking->busy, error))
    return FALSE;
  if (g_atomic_int_compare_and_exchange (&tracking->started, 1, 0)) {
    ok = tracking->tracker->stop (tracking->self, &failure);
    ok = gdw_guard_result (plugin, "stop", ok, failure, error);
  }
  g_atomic_int_set (&tracking->busy, 0);
  return ok;
}

gboolean
gdw_tracking_rearm (GdwTracking *tracking, guint region, guint64 first, guint64 n,
                    const guint64 *bits, GError **error)
{
  const GdwTracker *tracker = tracking->tracker;
  GError *failure = NULL;
  guint64 pages;
  gboolean ok;

  if (!(tracker->traits & GDW_TRACKER_REARMS_AT_REARM) || n == 0)
    return TRUE;
  if (!g_atomic_int_get (&tracking->started))
    return refuse (tracking, "rearm", "it is not started; start it first", error);
  pages = region < tracking->n_regions ? gdw_region_pages (tracking->regions[region]) : 0;
  if (first % 64 != 0 || first >= pages || n > pages - first ||
      (n % 64 != 0 && first + n != pages)) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_INVALID,
                 "tracker '%s': rearm failed: %" G_GUINT64_FORMAT
                 " pages from %" G_GUINT64_FORMAT " of region %u are not whole words of it",
                 tracker->plugin.name, n, first, region);
    return FALSE;
  }
  ok = tracker->rearm (tracking->self, region, first, n, bits, &failure);
  return gdw_guard_result (&tracker->plugin, "rearm", ok, failure, error);
}

void
gdw_tracking_on_reset (GdwTracking *tracking, void (*reset) (gpointer data), gpointer data)
{
  tracking->reset = reset;
  tracking->reset_data = data;
}

guint
gdw_tracking_vcpu_pages (GdwTracking *tracking, guint64 *pages, guint n)
{
  const GdwTracker *tracker = tracking->tracker;

  if (!tracker->vcpu_pages || !g_atomic_int_get (&tracking->started))
    return 0;
  return tracker->vcpu_pages (tracking->self, pages, n);
}

const char *
gdw_tracking_name (GdwTracking *tracking)
{
  return tracking->tracker->plugin.name;
}

guint32
gdw_tracking_traits (GdwTracking *tracking)
{
  return tracking->tracker->traits;
}
