/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/conformance.h>

#include "own-vcpu.h"
#include "vmm/host.h"

/* The reference VMM under the suite: its machine behind its GdwHost, as godwit-vmm has it. */
typedef struct {
  Host host;
  GdwHost gdw;     /* what host_init fills, with the next two */
  gboolean fenced; /* a lock that a VMM with disks would have */
  gboolean soft;
  OwnVcpu vcpu; /* of the VM that boots, on KVM */
} OwnVm;

/* The suite passes it to its callbacks. */
typedef struct {
  OwnVm vm, other;
  guint patience_s; /* for a guest that shall write */
} OwnPair;

/* @events: NULL for those of host.h. */
gboolean own_vm_open (OwnVm *vm, gboolean soft, gboolean ring, gboolean boots,
                      const MachineEvents *events, GError **error);
void own_vm_close (OwnVm *vm);

/* The callbacks. */
void own_pair_fill (OwnPair *pair, GdwConformanceHost *test);
