/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include <godwit/error.h>
#include <godwit/tracker.h>

typedef struct {
  const GdwDirtyLog *log;
  const GdwRegion *const *regions;
  guint n_regions;
} Mine;

static gpointer
mine_open (const GdwTrackerConfig *config, GError **error)
{
  Mine *self;

  if (!config->dirty_log || !(config->dirty_log->modes & GDW_DIRTY_LOG_PLAIN)) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_UNSUPPORTED,
                 "tracker 'mine': open failed: there is no plain dirty log; take another");
    return NULL;
  }
  self = g_new0 (Mine, 1);
  self->log = config->dirty_log;
  self->regions = config->regions;
  self->n_regions = config->n_regions;
  return self;
}

static void
mine_close (gpointer self)
{
  g_free (self);
}

static gboolean
mine_start (gpointer data, GError **error)
{
  Mine *self = data;

  return self->log->enable (self->log->self, GDW_DIRTY_LOG_PLAIN, error);
}

static gboolean
mine_collect (gpointer data, guint64 *const *bits, GError **error)
{
  Mine *self = data;

  for (guint r = 0; r < self->n_regions; r++) {
    guint64 n_words = GDW_BITMAP_WORDS (gdw_region_pages (self->regions[r]));
    g_autofree guint64 *got = g_new (guint64, n_words);

    if (!self->log->get (self->log->self, r, got, error))
      return FALSE;
    for (guint64 i = 0; i < n_words; i++)
      bits[r][i] |= got[i];
  }
  return TRUE;
}

static gboolean
mine_stop (gpointer data, GError **error)
{
  Mine *self = data;

  return self->log->disable (self->log->self, error);
}

GDW_DEFINE_TRACKER (.plugin.name = "mine", .plugin.summary = "the dirty log of the host",
                    .traits = GDW_TRACKER_REARMS_AT_COLLECT | GDW_TRACKER_REPORTS_READS,
                    .open = mine_open, .close = mine_close, .start = mine_start,
                    .collect = mine_collect, .stop = mine_stop);
