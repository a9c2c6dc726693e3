/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/tracker.h>

/* A tracker over the bitmaps of the host's dirty log.  Apart from open, these are its
 * callbacks.
 */
typedef struct {
  const GdwDirtyLog *log;
  guint32 mode; /* that start enables */
  gboolean started;
  guint n_regions;
  guint64 *words; /* of each region */
  guint64 **got;  /* of each region: get overwrites, collect must only add */
} DirtyLog;

/* For tracker @name.  @mode is GDW_DIRTY_LOG_PLAIN or _MANUAL; @missing says what is wrong with
 * a log that lacks it, and what to use instead. */
DirtyLog *dirty_log_open (const GdwTrackerConfig *config, const char *name, guint32 mode,
                          const char *missing, GError **error);
void dirty_log_close (gpointer self);

gboolean dirty_log_start (gpointer self, GError **error);
gboolean dirty_log_collect (gpointer self, guint64 *const *bits, GError **error);
gboolean dirty_log_stop (gpointer self, GError **error);
