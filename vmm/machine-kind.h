/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "vcpu-threads.h"
#include "machine.h"

/* The parts of a machine; a kind borrows them for its life. */
typedef struct {
  guint vcpus;
  guint32 ring_entries; /* entries of each vCPU's dirty ring, 0: no ring */
  const Memory *memory;
  VcpuThreads *threads; /* the vCPUs become its members */
  const MachineEvents *events;
} MachineParts;

/* Runs on the thread of VCPU, whose ring is full.  Returns when there may be room again. */
void machine_ring_full (const MachineParts *parts, guint vcpu, guint64 *pokes);

/* A kind of machine: vCPUs and their dirty log.  Everything but open and close
 * is called while the vCPU threads stand still. */
typedef struct {
  gpointer (*open) (const MachineParts *parts, GError **error);
  void (*close) (gpointer self); /* the vCPU threads are gone */
  const GdwDirtyLog *(*dirty_log) (gpointer self);
  char *(*describe) (gpointer self);                /* what a saved vCPU depends on */
  guint64 (*clock_khz) (gpointer self);             /* of the clock that the guest looks at */
  gboolean (*boot) (gpointer self, GError **error); /* the image is in memory */
  GBytes *(*save) (gpointer self, guint vcpu, GError **error);
  gboolean (*load) (gpointer self, guint vcpu, GBytes *bytes, GError **error);
} MachineKind;

extern const MachineKind machine_kind_kvm;
extern const MachineKind machine_kind_soft;
