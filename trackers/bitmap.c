/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* The plain dirty log: each collect copies the log and re-arms every page of it in
 * one step, whoever the page is sent by and when. */

#include <godwit/error.h>
#include <godwit/tracker.h>

typedef struct {
  const GdwDirtyLog *log;
  gboolean started;
  guint n_regions;
  guint64 *words; /* of each region */
  guint64 **got;  /* of each region: get overwrites, collect must only add */
} Bitmap;

static gpointer
bitmap_open (const GdwTrackerConfig *config, GError **error)
{
  const char *missing = NULL;
  if (config->dirty_log == NULL)
    missing = "this host keeps no dirty log; give it one, or use a tracker that needs none";
  else if (config->dirty_log->modes & GDW_DIRTY_LOG_RING)
    missing = "this VM has dirty rings and so no dirty bitmap; use tracker 'dirty-ring', or "
              "start the VM without --dirty-ring-size";
  else if (!(config->dirty_log->modes & GDW_DIRTY_LOG_PLAIN))
    missing = "the dirty log of this host has no plain mode; use a tracker for a mode it has";
  if (missing != NULL) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_UNSUPPORTED, "tracker 'bitmap': open failed: %s",
                 missing);
    return NULL;
  }

  Bitmap *self = g_new0 (Bitmap, 1);
  self->log = config->dirty_log;
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
bitmap_close (gpointer data)
{
  Bitmap *self = data;
  for (guint r = 0; r < self->n_regions; r++)
    g_free (self->got[r]);
  g_free (self->got);
  g_free (self->words);
  g_free (self);
}

static gboolean
bitmap_start (gpointer data, GError **error)
{
  Bitmap *self = data;
  self->started = self->log->enable (self->log->self, GDW_DIRTY_LOG_PLAIN, error);
  return self->started;
}

static gboolean
bitmap_collect (gpointer data, guint64 *const *bits, GError **error)
{
  Bitmap *self = data;
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
bitmap_stop (gpointer data, GError **error)
{
  Bitmap *self = data;
  gboolean started = self->started;
  self->started = FALSE;
  return !started || self->log->disable (self->log->self, error);
}

GDW_DEFINE_TRACKER (.plugin.name = "bitmap",
                    .plugin.summary = "the host's dirty log, re-armed as it is read",
                    .traits = GDW_TRACKER_REARMS_AT_COLLECT | GDW_TRACKER_REPORTS_READS,
                    .open = bitmap_open, .close = bitmap_close, .start = bitmap_start,
                    .collect = bitmap_collect, .stop = bitmap_stop);
