/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "core/guest/ring-gate.h"
#include "core/memory/round.h"
#include "core/base/thread.h"
#include "plugins/tracking.h"

/* The thread that collects dirty pages, off the main loop and off the channels.  It starts the
 * tracker, collects, adds the pages that the VMM marked, publishes to the round, and at the end
 * stops the tracker, which takes long.
 *
 * It collects when asked, and at once for a vCPU whose ring is full.  It also collects all the
 * time if a collect costs the guest nothing, because pages are re-armed elsewhere. */
typedef struct GdwDirtySync GdwDirtySync;

typedef struct {
  gboolean asked;  /* it answers a request */
  gboolean paused; /* it answers gdw_dirty_sync_paused */
  gboolean final;
  guint64 new_pages;   /* pages that became dirty since the last result */
  guint64 dirty_pages; /* pages left to send after it */
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

/* All of it must live until the free. */
typedef struct {
  GdwRound *round;
  GdwTracking *tracking;
  GdwPageset *marks; /* pages written by the VMM, added by any thread */
  const GdwRegions *regions;
  GdwRingGate *gate;
  GdwThreads *threads; /* its thread belongs to it, or NULL */
  GMainContext *context;
  const GdwDirtySyncOps *ops;
  gpointer data;
} GdwDirtySyncConfig;

/* Starts the thread, which starts the tracker. */
GdwDirtySync *gdw_dirty_sync_new (const GdwDirtySyncConfig *config, GError **error);

/* Call it after ended. */
void gdw_dirty_sync_free (GdwDirtySync *sync);

/* Any thread.  Collect soon.  Several requests before the collect begins count as one. */
void gdw_dirty_sync_request (GdwDirtySync *sync);

/* Main thread.  The guest is being paused: leave what it writes from now on to the last dirty
 * sync. */
void gdw_dirty_sync_rest (GdwDirtySync *sync);

/* Main thread.  The guest will run on: end the rest.  No last dirty sync is under way. */
void gdw_dirty_sync_go_on (GdwDirtySync *sync);

/* Main thread, guest paused.  Collect at once: what was written until the pause is known then,
 * and is sent once. */
void gdw_dirty_sync_paused (GdwDirtySync *sync);

/* Main thread, guest paused.  Do the last dirty sync; then the round is final. */
void gdw_dirty_sync_final (GdwDirtySync *sync);

/* Main thread, once.  Stop the tracker and end. */
void gdw_dirty_sync_stop (GdwDirtySync *sync);
