/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/memory/tracker-select.h"

static GdwTracking *
open_one (GdwPlugins *plugins, const char *name, const GdwRegions *regions,
          const GdwDirtyLog *log, GError **error)
{
  const GdwPlugin *plugin = gdw_plugins_find (plugins, GDW_PLUGIN_TRACKER, name, error);

  if (!plugin)
    return NULL;
  return gdw_tracking_open ((const GdwTracker *) plugin, NULL, regions->table, regions->n, log,
                            error);
}

static gboolean
is_better (GdwTracking *a, GdwTracking *b)
{
  return !b || ((gdw_tracking_traits (a) & GDW_TRACKER_REARMS_AT_REARM) &&
                !(gdw_tracking_traits (b) & GDW_TRACKER_REARMS_AT_REARM));
}

static GdwTracking *
open_best (GdwPlugins *plugins, const GdwRegions *regions, const GdwDirtyLog *log,
           GError **error)
{
  g_autoptr (GPtrArray) list = gdw_plugins_list (plugins, error);
  g_autoptr (GString) reasons = g_string_new (NULL);
  GdwTracking *best = NULL;

  if (!list) {
    g_prefix_error (error, "tracker 'auto': none can be chosen: ");
    return NULL;
  }
  for (guint i = 0; i < list->len; i++) {
    const GdwPluginInfo *info = list->pdata[i];
    g_autoptr (GError) why = NULL;
    GdwTracking *tracking;

    if (info->kind != GDW_PLUGIN_TRACKER)
      continue;
    tracking = open_one (plugins, info->name, regions, log, &why);
    if (tracking && is_better (tracking, best)) {
      g_clear_pointer (&best, gdw_tracking_close);
      best = tracking;
    } else if (tracking) {
      gdw_tracking_close (tracking);
    } else {
      g_string_append_printf (reasons, "%s%s", reasons->len ? "; " : "", why->message);
    }
  }
  if (!best)
    g_set_error (error, GDW_ERROR, GDW_ERROR_UNSUPPORTED,
                 "tracker 'auto': no tracker works on this VM: %s",
                 reasons->len ? reasons->str : "none is installed; look at query-plugins");
  return best;
}

GdwTracking *
gdw_tracker_select (GdwPlugins *plugins, const char *name, const GdwRegions *regions,
                    const GdwDirtyLog *log, GError **error)
{
  if (g_strcmp0 (name, "auto") == 0)
    return open_best (plugins, regions, log, error);
  return open_one (plugins, name, regions, log, error);
}
