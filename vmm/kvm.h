/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "machine-kind.h"

#include <linux/kvm.h>

/* The files of the KVM machine share this. */

typedef struct {
  MachineParts parts;
  guint index;
  int fd;
  struct kvm_run *run;
  gsize run_bytes;
  guint64 pokes; /* see vcpu_threads_sleep() */
  guint64 clock_khz;
} KvmVcpu;

typedef struct {
  MachineParts parts;
  int kvm_fd;
  int vm_fd;
  guint n_vcpus; /* made so far */
  KvmVcpu *vcpus;
  guint xsave_bytes;
  char *features;            /* a checksum of those of the CPU that the guest sees */
  struct kvm_msr_list *msrs; /* those that make up the state of a vCPU */
  GdwKvmSlot *slots;
  guint n_slots;
  GdwDirtyLog *dirty_log;
} Kvm;

/* kvm.c: a GError for errno */
gboolean kvm_fail (GError **error, const char *what, const char *todo);

/* kvm-boot.c: page tables and TSS for vCPUs that start at CPL 3, and the start of one vCPU. */
gboolean kvm_boot_tables (const Memory *memory, GError **error);
gboolean kvm_boot_vcpu (KvmVcpu *vcpu, guint64 entry, GError **error);

/* kvm-vcpu.c */
extern const VcpuThreadsOps kvm_vcpu_ops;
void kvm_vcpu_setup_signal (void);

/* kvm-state.c */
GBytes *kvm_state_save (Kvm *kvm, KvmVcpu *vcpu, GError **error);
gboolean kvm_state_load (Kvm *kvm, KvmVcpu *vcpu, GBytes *bytes, GError **error);
