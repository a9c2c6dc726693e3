/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/tracker.h>

/* An open tracker behind the guard, which checks order and arguments.  A GDW_ERROR_PLUGIN names
 * a plugin that breaks its contract. */

typedef struct GdwTracking GdwTracking;

/* @options: "key=value,..." or NULL.  @regions and @log must live until the close. */
GdwTracking *gdw_tracking_open (const GdwTracker *tracker, const char *options,
                                const GdwRegion *const *regions, guint n_regions,
                                const GdwDirtyLog *log, GError **error);
/* Stops it first if it is started. */
void gdw_tracking_close (GdwTracking *tracking);
gboolean gdw_tracking_start (GdwTracking *tracking, GError **error);
gboolean gdw_tracking_collect (GdwTracking *tracking, guint64 *const *bits, GError **error);
/* The tracker has collect_runs, which is called instead of collect then.  Only ranges that lie
 * in a region come through to @add. */
gboolean gdw_tracking_gives_runs (GdwTracking *tracking);
gboolean gdw_tracking_collect_runs (GdwTracking *tracking,
                                    void (*add) (gpointer core, const GdwPageRange *ranges,
                                                 guint n),
                                    gpointer core, GError **error);
/* Harmless if not started. */
gboolean gdw_tracking_stop (GdwTracking *tracking, GError **error);
/* Does nothing and returns TRUE for a tracker that re-arms at collect. */
gboolean gdw_tracking_rearm (GdwTracking *tracking, guint region, guint64 first, guint64 n,
                             const guint64 *bits, GError **error);
/* Sets the function that runs on the dirty sync thread when a collect has made room in the
 * rings. Call it before start. */
void gdw_tracking_on_reset (GdwTracking *tracking, void (*reset) (gpointer data),
                            gpointer data);
/* See GdwTracker.vcpu_pages; 0 if the tracker does not know. */
guint gdw_tracking_vcpu_pages (GdwTracking *tracking, guint64 *pages, guint n);
const char *gdw_tracking_name (GdwTracking *tracking);
guint32 gdw_tracking_traits (GdwTracking *tracking);
