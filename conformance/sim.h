/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/dirty-log.h>

#include "schedule.h"

/* The software host of the tracker tests: regions of any size, vCPUs that write when the test
 * says so, and a dirty log with KVM's rules that shows what happens between its steps. */

/* What a host may offer. */
typedef struct {
  const char *name;
  guint32 modes; /* GDW_DIRTY_LOG_*; 0: there is no log */
  guint32 ring_entries;
} SimKind;

/* Ends with one that has no name. */
extern const SimKind sim_kinds[];

typedef enum {
  SIM_ENABLE,
  SIM_DISABLE,
  SIM_GET,
  SIM_CLEAR,
  SIM_LOCATE,
  SIM_RESET_RINGS,
} SimCall;

typedef struct Sim Sim;
struct Sim {
  const SimKind *kind;
  guint n_regions, n_vcpus;
  const GdwRegion **regions;
  const GdwDirtyLog *log; /* or NULL */

  guint fails;         /* these calls fail: 1 << SimCall */
  gboolean fails_once; /* only the first of them */
  /* Or NULL.  In the middle of each call of the log, on the caller's thread. */
  void (*during) (gpointer data, SimCall call);
  gpointer data;
  Schedule *schedule; /* or NULL */

  struct SimLog *private;
};

/* @pages of each region; all of it is zero. */
Sim *sim_new (const SimKind *kind, const guint64 *pages, guint n_regions, guint n_vcpus);
void sim_free (Sim *sim);

static inline guint64
sim_pages (const Sim *sim, guint region)
{
  return gdw_region_pages (sim->regions[region]);
}

/* One 64-bit word of the page, as the vCPU and the migration see it. */
guint64 sim_read (const Sim *sim, guint region, guint64 page);

/* The vCPU stores VALUE there.  It waits while its ring is full.  A thread for each vCPU, or
 * one for all. */
void sim_write (Sim *sim, guint vcpu, guint region, guint64 page, guint64 value);

/* A write of this vCPU would not wait. */
gboolean sim_has_room (const Sim *sim, guint vcpu);

/* How the log was enabled, 0: it is off. */
guint32 sim_mode (const Sim *sim);
