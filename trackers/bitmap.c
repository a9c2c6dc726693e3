/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* The plain dirty log: each collect copies the log and re-arms every page of it in one step, no
 * matter when the page is sent. */

#include "trackers/common/dirty-log.h"

static gpointer
bitmap_open (const GdwTrackerConfig *config, GError **error)
{
  return dirty_log_open (
      config, "bitmap", GDW_DIRTY_LOG_PLAIN,
      "the dirty log of this host has no plain mode; use a tracker for a mode it has", error);
}

GDW_DEFINE_TRACKER (.plugin.name = "bitmap",
                    .plugin.summary = "the host's dirty log, re-armed as it is read",
                    .traits = GDW_TRACKER_REARMS_AT_COLLECT | GDW_TRACKER_REPORTS_READS,
                    .open = bitmap_open, .close = dirty_log_close, .start = dirty_log_start,
                    .collect = dirty_log_collect, .stop = dirty_log_stop);
