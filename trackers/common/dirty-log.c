/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "dirty-log.h"

#include <godwit/error.h>

DirtyLog *
dirty_log_open (const GdwTrackerConfig *config, const char *name, guint32 mode,
                const char *missing, GError **error)
{
  DirtyLog *self;

  if (config->dirty_log == NULL)
    missing = "this host keeps no dirty log; give it one, or use a tracker that needs none";
  else if (config->dirty_log->modes & GDW_DIRTY_LOG_RING)
    missing = "this VM has dirty rings and so no dirty bitmap; use tracker 'dirty-ring', or "
              "start the VM without --dirty-ring-size";
  else if (config->dirty_log->modes & mode)
    missing = NULL;
  if (missing != NULL) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_UNSUPPORTED, "tracker '%s': open failed: %s", name,
                 missing);
    return NULL;
  }

  self = g_new0 (DirtyLog, 1);
  self->log = config->dirty_log;
  self->mode = mode;
  self->n_regions = config->n_regions;
  self->words = g_new0 (guint64, config->n_regions);
  self->got = g_new0 (guint64 *, config->n_regions);
  for (guint r = 0; r < config->n_regions; r++) {
    self->words[r] = GDW_BITMAP_WORDS (gdw_region_pages (config->regions[r]));
    self->got[r] = g_new0 (guint64, self->words[r]);
  }
  return self;
}

void
dirty_log_close (gpointer data)
{
  DirtyLog *self = data;

  for (guint r = 0; r < self->n_regions; r++)
    g_free (self->got[r]);
  g_free (self->got);
  g_free (self->words);
  g_free (self);
}

gboolean
dirty_log_start (gpointer data, GError **error)
{
  DirtyLog *self = data;

  self->started = self->log->enable (self->log->self, self->mode, error);
  return self->started;
}

gboolean
dirty_log_collect (gpointer data, guint64 *const *bits, GError **error)
{
  DirtyLog *self = data;

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

gboolean
dirty_log_stop (gpointer data, GError **error)
{
  DirtyLog *self = data;
  gboolean started = self->started;

  self->started = FALSE;
  return !started || self->log->disable (self->log->self, error);
}
