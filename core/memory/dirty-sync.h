/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "core/guest/ring-gate.h"
#include "core/memory/round.h"
#include "core/base/thread.h"
#include "plugins/tracking.h"

/* The thread that collects dirty pages, off the main loop and off the channels. It
 * starts the tracker, collects, adds what the VMM marked, publishes to the round,
 * and stops the tracker, which takes long, at the end.
 *
 * It collects when asked.  If a collect costs the guest nothing, because pages are re-armed
 * elsewhere, it also does so all the time; and at once for a vCPU whose ring is full. */
typedef struct GdwDirtySync GdwDirtySync;

typedef struct {
  gboolean asked; /* the answer to a request */
  gboolean final;
  guint64 new_pages;   /* clean before, dirty now, since the last of these */
  guint64 dirty_pages; /* left to send after it */
  guint64 dirty_rate;  /* pages/s, over 0.1 s or since the request before */
  guint64 us;          /* how long the collect took */
  GArray *vcpu_rates;  /* of guint64, pages/s of each vCPU; NULL: nothing new */
} GdwDirtySynced;

typedef struct {
  /* Main thread. */
  void (*started) (const GError *error, gpointer data);
  void (*synced) (const GdwDirtySynced *result, const GError *error, gpointer data);
  void (*ended) (const GError *error, gpointer data); /* tracking is off */
} GdwDirtySyncOps;

/* What it works with, until the free. */
typedef struct {
  GdwRound *round;
  GdwTracking *tracking;
  GdwPageset *marks; /* pages written by the VMM, added by any thread */
  const GdwRegions *regions;
  GdwRingGate *gate;
  GdwThreads *threads; /* that its thread is one of, or NULL */
  GMainContext *context;
  const GdwDirtySyncOps *ops;
  gpointer data;
} GdwDirtySyncConfig;

/* Starts the thread, which starts the tracker. */
GdwDirtySync *gdw_dirty_sync_new (const GdwDirtySyncConfig *config, GError **error);

/* After ended. */
void gdw_dirty_sync_free (GdwDirtySync *sync);

/* Any thread.  Collect soon; several requests before it begins are one. */
void gdw_dirty_sync_request (GdwDirtySync *sync);

/* Main thread: the guest is being paused, what was written since is for the last one. */
void gdw_dirty_sync_rest (GdwDirtySync *sync);

/* Main thread, guest paused: the last one, then the round is final. */
void gdw_dirty_sync_final (GdwDirtySync *sync);

/* Main thread: stop the tracker and end.  Once. */
void gdw_dirty_sync_stop (GdwDirtySync *sync);
