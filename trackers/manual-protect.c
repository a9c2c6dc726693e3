/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* The dirty log with manual protection: collect only copies it, and exactly the pages that are
 * about to be sent are re-armed. */

#include <godwit/error.h>
#include <godwit/tracker.h>

typedef struct {
  const GdwDirtyLog *log;
  guint32 mode;
  gboolean started;
  guint n_regions;
  guint64 *words; /* of each region */
  guint64 **got;  /* of each region: get overwrites, collect must only add */
} ManualProtect;

static gpointer
manual_protect_open (const GdwTrackerConfig *config, GError **error)
{
  const char *missing = NULL;
  if (config->dirty_log == NULL)
    missing = "this host keeps no dirty log; give it one, or use a tracker that needs none";
  else if (config->dirty_log->modes & GDW_DIRTY_LOG_RING)
    missing = "this VM has dirty rings and so no dirty bitmap; use tracker 'dirty-ring', or "
              "start the VM without --dirty-ring-size";
  else if (!(config->dirty_log->modes & GDW_DIRTY_LOG_MANUAL))
    missing = "the dirty log of this host has no manual mode; use tracker 'bitmap'";
  if (missing != NULL) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_UNSUPPORTED,
                 "tracker 'manual-protect': open failed: %s", missing);
    return NULL;
  }

  ManualProtect *self = g_new0 (ManualProtect, 1);
  self->log = config->dirty_log;
  /* Initially set, nothing is protected at the start: each page is when it is first sent. */
  self->mode = GDW_DIRTY_LOG_MANUAL | (self->log->modes & GDW_DIRTY_LOG_INITIALLY_SET);
  self->n_regions = config->n_regions;
  self->words = g_new0 (guint64, config->n_regions);
  self->got = g_new0 (guint64 *, config->n_regions);
  for (guint r = 0; r < config->n_regions; r++) {
    self->words[r] = GDW_BITMAP_WORDS (gdw_region_pages (config->regions[r]));
    self->got[r] = g_new0 (guint64, self->words[r]);
  }
  return self;
}

static void
manual_protect_close (gpointer data)
{
  ManualProtect *self = data;
  for (guint r = 0; r < self->n_regions; r++)
    g_free (self->got[r]);
  g_free (self->got);
  g_free (self->words);
  g_free (self);
}

static gboolean
manual_protect_start (gpointer data, GError **error)
{
  ManualProtect *self = data;
  self->started = self->log->enable (self->log->self, self->mode, error);
  return self->started;
}

static gboolean
manual_protect_collect (gpointer data, guint64 *const *bits, GError **error)
{
  ManualProtect *self = data;
  for (guint r = 0; r < self->n_regions; r++) {
    const guint64 *got = self->got[r];
    if (!self->log->get (self->log->self, r, self->got[r], error))
      return FALSE;
    for (guint64 i = 0; i < self->words[r]; i++)
      if (got[i] != 0)
        bits[r][i] |= got[i];
  }
  return TRUE;
}

static gboolean
manual_protect_rearm (gpointer data, guint region, guint64 first, guint64 n,
                      const guint64 *bits, GError **error)
{
  ManualProtect *self = data;
  return self->log->clear (self->log->self, region, first, n, bits, error);
}

static gboolean
manual_protect_stop (gpointer data, GError **error)
{
  ManualProtect *self = data;
  gboolean started = self->started;
  self->started = FALSE;
  return !started || self->log->disable (self->log->self, error);
}

GDW_DEFINE_TRACKER (.plugin.name = "manual-protect",
                    .plugin.summary =
                        "the host's dirty log, each page re-armed when it is sent",
                    .traits = GDW_TRACKER_REARMS_AT_REARM | GDW_TRACKER_COLLECT_REPEATS |
                              GDW_TRACKER_REPORTS_READS,
                    .open = manual_protect_open, .close = manual_protect_close,
                    .start = manual_protect_start, .collect = manual_protect_collect,
                    .stop = manual_protect_stop, .rearm = manual_protect_rearm);
