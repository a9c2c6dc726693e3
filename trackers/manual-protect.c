/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* The dirty log with manual protection: collect only copies it, and rearm re-arms exactly the
 * pages that are about to be sent. */

#include "trackers/common/dirty-log.h"

static gpointer
manual_protect_open (const GdwTrackerConfig *config, GError **error)
{
  DirtyLog *self = dirty_log_open (
      config, "manual-protect", GDW_DIRTY_LOG_MANUAL,
      "the dirty log of this host has no manual mode; use tracker 'bitmap'", error);

  /* With all bits initially set nothing is protected at the start: each page is protected when
   * it is first sent. */
  if (self != NULL)
    self->mode |= self->log->modes & GDW_DIRTY_LOG_INITIALLY_SET;
  return self;
}

static gboolean
manual_protect_rearm (gpointer data, guint region, guint64 first, guint64 n,
                      const guint64 *bits, GError **error)
{
  DirtyLog *self = data;

  return self->log->clear (self->log->self, region, first, n, bits, error);
}

GDW_DEFINE_TRACKER (
        .plugin.name = "manual-protect",
        .plugin.summary = "the host's dirty log, each page re-armed when it is sent",
        .traits = GDW_TRACKER_REARMS_AT_REARM | GDW_TRACKER_COLLECT_REPEATS |
                  GDW_TRACKER_REPORTS_READS,
        .open = manual_protect_open, .close = dirty_log_close, .start = dirty_log_start,
        .collect = dirty_log_collect, .stop = dirty_log_stop, .rearm = manual_protect_rearm);
