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
  guint64 **bits;   /* of each region, what collect filled; ends at a guard page */
  guint64 **wrote;  /* of each region, what trial_write has noted */
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

/* Run @test, with an instance that is not started, on each kind of host that the tracker
 * takes.  Skips the test if there is none of these @modes (0: of any). */
void trial_each (const Subject *subject, const Shape *shape, guint32 modes,
                 void (*test) (Trial *trial));

/* By hand.  NULL: the tracker refuses this host, with @error. */
Trial *trial_new (const Subject *subject, const SimKind *kind, const Shape *shape,
                  GError **error);
void trial_free (Trial *trial);

/* These fail the test where the callback fails. */
void trial_start (Trial *trial);
void trial_stop (Trial *trial);
void trial_collect (Trial *trial);
/* Of @n pages from @first on, those of @bits; nothing where collect re-arms. */
void trial_rearm (Trial *trial, guint region, guint64 first, guint64 n, const guint64 *bits);

/* As godwit does: re-arm all that is reported, and forget it. */
void trial_take (Trial *trial);
/* Take what there is until nothing is reported. */
void trial_settle (Trial *trial);

/* Store a new value there, and note it. */
void trial_write (Trial *trial, guint vcpu, guint region, guint64 page);

gboolean trial_has (const Trial *trial, guint region, guint64 page);
/* What is reported is what was noted, no less and no more. */
void trial_expect_noted (const Trial *trial);
void trial_forget_noted (Trial *trial);
