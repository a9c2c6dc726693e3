/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "memory.h"

/* A virtual machine: guest memory, vCPUs that run the workload of workload.h, and one device.
 * There are two kinds, on KVM (kvm.c) and with threads as vCPUs (soft.c).  Calls come on the
 * thread of its GMainContext, where answers arrive, too; no call blocks. */
typedef struct Machine Machine;

typedef struct {
  gboolean soft; /* no KVM */
  guint64 memory_bytes;
  MemoryBackend backend;
  guint vcpus;
  guint64 ring_entries;   /* of a dirty ring for each vCPU, 0: a dirty bitmap */
  const char *guest_file; /* a build of the boot guest, or NULL for the built-in one */

  /* The workload of a guest that is booted here. */
  guint64 ws_bytes;
  guint64 ws_from; /* where the working set begins, in RAM without its hole; 0: at 2 MiB */
  guint64 rate;    /* pages per second of all writers together, 0 = no limit */
  guint writers;
  gboolean fill;   /* write all memory first, */
  gboolean zero;   /* with zeros instead of noise */
  gboolean chatty; /* heart-beats and passes on the serial port */
} MachineConfig;

/* The machine's events; each is optional and is called on any thread. */
typedef struct {
  gpointer data;
  void (*serial) (gpointer data, char c);
  /* The VMM itself has written guest memory; the guest does not know yet. */
  void (*wrote) (gpointer data, guint64 gpa, guint64 size);
  /* A vCPU cannot go on and stands still. */
  void (*died) (gpointer data, const char *why);
  /* The dirty ring of the calling vCPU's thread is full.  Returns when the vCPU may try to go
   * on, and at once when it must stand still. */
  void (*ring_full) (gpointer data, guint vcpu);
} MachineEvents;

typedef struct {
  guint64 passes; /* of the slowest writer over its part of the working set */
  guint64 pages_written;
  guint64 longest_gap_us; /* between two looks of a vCPU at its clock */
} MachineStats;

typedef struct {
  MachineStats stats;
  guint64 pages_checked;
  guint64 pages_bad;
  guint64 first_bad; /* guest-physical address, if any is bad */
} MachineCheck;

typedef void (*MachineDone) (gpointer data, const GError *error);
typedef void (*MachineChecked) (gpointer data, const MachineCheck *check, const GError *error);
typedef void (*MachineSection) (gpointer data, const char *name, guint32 version,
                                GBytes *bytes);

/* The new machine is paused, its memory is zero, and it has nothing to run yet.  @events is
 * copied. */
/* TRUE if KVM can make a VM: a /dev/kvm that exists need not work. */
gboolean machine_has_kvm (void);

Machine *machine_new (const MachineConfig *config, const MachineEvents *events, GError **error);

/* Stops it first.  No answer must be outstanding. */
void machine_free (Machine *machine);

/* Its memory.  The regions stay where they are until the free. */
Memory *machine_memory (Machine *machine);

/* What saved state depends on, in words: equal on two machines if and only if one can load the
 * state of the other.  To be freed. */
char *machine_describe (Machine *machine);

/* The dirty log of its vCPUs' writes.  The machine owns it. */
const GdwDirtyLog *machine_dirty_log (Machine *machine);

/* Put the guest there, ready to start. */
gboolean machine_boot (Machine *machine, GError **error);

/* Answers when neither the vCPUs nor the device can write guest memory. */
void machine_pause (Machine *machine, MachineDone done, gpointer data);
void machine_resume (Machine *machine);
gboolean machine_is_running (Machine *machine);

/* While paused.  Saves the state of the vCPUs and of the device as sections, and loads it.
 * Sections to load may come from an enemy. */
gboolean machine_save (Machine *machine, MachineSection section, gpointer data, GError **error);
gboolean machine_load (Machine *machine, const GdwSection *sections, guint n_sections,
                       GError **error);

/* While paused.  Makes the machine new again, ready for machine_boot or machine_load. */
void machine_reset (Machine *machine, MachineDone done, gpointer data);

/* Check every page of the workload: the guest does it while it runs, else the VMM. A pause or a
 * resume during the check ends it with an error. */
void machine_check (Machine *machine, GCancellable *cancellable, MachineChecked done,
                    gpointer data);

/* Tells the writers to hold, or to go on. */
void machine_hold (Machine *machine, gboolean hold);

/* FALSE: there is no guest, or it is not ready. */
gboolean machine_stats (Machine *machine, MachineStats *stats, GError **error);
