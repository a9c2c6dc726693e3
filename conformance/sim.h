/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/dirty-log.h>

#include "schedule.h"

/* The software host of the tracker tests: regions of any size, vCPUs that write when the test
 * says so, and a dirty log with KVM's rules that exposes the moments between its steps. */

/* The features of a host. */
typedef struct {
  const char *name;
  guint32 modes; /* GDW_DIRTY_LOG_*; 0: there is no log */
  guint32 ring_entries;
} SimKind;

/* Ends with an entry without a name. */
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
  /* Or NULL.  Called in the middle of each call of the log, on the caller's thread. */
  void (*during) (gpointer data, SimCall call);
  gpointer data;
  Schedule *schedule; /* or NULL */

  struct SimLog *private;
};

/* @pages of each region; all memory is zero. */
Sim *sim_new (const SimKind *kind, const guint64 *pages, guint n_regions, guint n_vcpus);
void sim_free (Sim *sim);

static inline guint64
sim_pages (const Sim *sim, guint region)
{
  return gdw_region_pages (sim->regions[region]);
}

/* Reads one 64-bit word of the page, as the vCPU and the migration see it. */
guint64 sim_read (const Sim *sim, guint region, guint64 page);

/* The vCPU stores VALUE there, and waits while its ring is full.  Use one thread per vCPU, or
 * one for all. */
void sim_write (Sim *sim, guint vcpu, guint region, guint64 page, guint64 value);

/* Tells whether this vCPU could write without waiting. */
gboolean sim_has_room (const Sim *sim, guint vcpu);

/* Returns the mode of the enabled log, or 0 if it is off. */
guint32 sim_mode (const Sim *sim);
