/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "core/round.h"

/* The thread that collects dirty pages, off the main loop and off the channels. It
 * starts the tracker, collects when asked, adds what the VMM marked, publishes
 * to the round, and stops the tracker, which takes long, at the end. */
typedef struct GdwHarvest GdwHarvest;

typedef struct {
  gboolean final;
  guint64 new_pages;   /* clean before, dirty now */
  guint64 dirty_pages; /* left to send after it */
  guint64 dirty_rate;  /* pages/s since the one before */
  guint64 us;          /* how long it took */
} GdwHarvested;

typedef struct {
  /* Main thread. */
  void (*started) (const GError *error, gpointer data);
  void (*harvested) (const GdwHarvested *result, const GError *error, gpointer data);
  void (*ended) (const GError *error, gpointer data); /* tracking is off */
} GdwHarvestOps;

/* @marks: pages written by the VMM, added by any thread.  Starts the thread, which
 * starts the tracker. */
GdwHarvest *gdw_harvest_new (GdwRound *round, GdwTracking *tracking, GdwPageset *marks,
                             const GdwRegions *regions, GMainContext *context,
                             const GdwHarvestOps *ops, gpointer data, GError **error);

/* After ended. */
void gdw_harvest_free (GdwHarvest *harvest);

/* Any thread.  Collect soon; several requests before it begins are one. */
void gdw_harvest_request (GdwHarvest *harvest);

/* Main thread, guest paused: the last one, then the round is final. */
void gdw_harvest_final (GdwHarvest *harvest);

/* Main thread: stop the tracker and end.  Once. */
void gdw_harvest_stop (GdwHarvest *harvest);
