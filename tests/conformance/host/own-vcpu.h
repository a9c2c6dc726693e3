/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "vmm/memory.h"

/* A vCPU of the KVM machine, while that stands still: made to run a few instructions of the
 * tests, and put back where it was. */
typedef struct {
  int fd; /* of the machine */
  struct kvm_run *run;
  gsize run_bytes;
} OwnVcpu;

/* The first vCPU of the machine that was just made, of which there is no other. */
gboolean own_vcpu_open (OwnVcpu *vcpu, GError **error);
void own_vcpu_close (OwnVcpu *vcpu);

/* It stores the byte at @gpa that is there. */
gboolean own_vcpu_store (OwnVcpu *vcpu, const Memory *memory, guint64 gpa);
