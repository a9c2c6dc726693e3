/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "guarded.h"
#include "promise.h"
#include "sim.h"
#include "suite.h"

/* A tracker on the software host. */

#define TRIAL_REGIONS_MAX 8

typedef struct {
  const Subject *subject;
  const GdwTracker *tracker;
  Sim *sim;
  gpointer self;    /* the instance */
  gboolean started; /* as far as godwit knows */
  gboolean by_runs; /* asked by collect_runs instead of collect */
  guint64 **bits;   /* of each region, filled by collect; they end at a guard page */
  guint64 **wrote;  /* of each region, recorded by trial_write */
  guint64 value;    /* the last one written */
  guint rings_were_reset;

  Guarded list, sets[TRIAL_REGIONS_MAX];
  GdwTrackerConfig config;
} Trial;

/* The regions of a test and its vCPUs. */
typedef struct {
  guint64 pages[TRIAL_REGIONS_MAX]; /* up to the first 0 */
  guint vcpus;
} Shape;

/* Runs @test, with an instance that is not started, on each kind of host that the tracker
 * accepts, and once more by collect_runs if it has that. Skips the test if no such host has one
 * of these @modes (0: any). */
void trial_each (const Subject *subject, const Shape *shape, guint32 modes,
                 void (*test) (Trial *trial));

/* Opens the tracker.  Returns NULL with @error if it refuses this host. */
Trial *trial_new (const Subject *subject, const SimKind *kind, const Shape *shape,
                  GError **error);
void trial_free (Trial *trial);

/* Call the tracker, and fail the test if the callback fails. */
void trial_start (Trial *trial);
void trial_stop (Trial *trial);
void trial_collect (Trial *trial);
/* Re-arms the pages of @bits among the @n from @first on; does nothing if collect re-arms. */
void trial_rearm (Trial *trial, guint region, guint64 first, guint64 n, const guint64 *bits);

/* Does what godwit does: re-arms all reported pages, and forgets the reports. */
void trial_take (Trial *trial);
/* Takes reports until there are none. */
void trial_settle (Trial *trial);

/* Stores a new value there, and records it. */
void trial_write (Trial *trial, guint vcpu, guint region, guint64 page);

gboolean trial_has (const Trial *trial, guint region, guint64 page);
/* Requires that exactly the recorded pages are reported. */
void trial_expect_noted (const Trial *trial);
void trial_forget_noted (Trial *trial);
