/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/dirty-log.h>

G_BEGIN_DECLS

/* One KVM memory slot, exactly as the VMM set it with
 * KVM_SET_USER_MEMORY_REGION; logging is switched by setting it again with
 * KVM_MEM_LOG_DIRTY_PAGES added to @flags. */
typedef struct {
  guint32 slot;       /* number, address space in the upper 16 bits */
  guint32 flags;      /* as set by the VMM, without the log flag; KVM_MEM_READONLY stays */
  guint64 guest_addr; /* bytes */
  guint64 size;       /* bytes */
  guint8 *host_addr;
  guint region;          /* index of the region that holds it */
  guint64 region_offset; /* where in that region it begins, bytes, a multiple of 64 pages */
} GdwKvmSlot;

/* The dirty log of a KVM VM without dirty rings.  A region may lie in several slots, in any
 * order; a page of it that is in none is never reported.  Call on the thread that builds the
 * VM, when its slots are set.  @vm_fd stays the caller's and open until the free; @slots are
 * copied.  NULL with an error when this kernel has no dirty log. */
GdwDirtyLog *gdw_kvm_dirty_log_new (int vm_fd, const GdwKvmSlot *slots, guint n_slots,
                                    GError **error);

/* Give the VM a dirty ring of @n_entries entries for each vCPU: once, before the first vCPU,
 * and for as long as it lives.  @n_entries is a power of two, at least 256 (more on processors
 * that log pages by themselves) and at most what the kernel says, 65536 as a rule. A VM with
 * rings has no dirty bitmap, not even for the VMM's own slots.  From then on KVM_RUN may return
 * KVM_EXIT_DIRTY_RING_FULL: see gdw_migration_ring_full(). */
gboolean gdw_kvm_dirty_ring_enable (int vm_fd, guint32 n_entries, GError **error);

/* The dirty log of such a VM, with the same @n_entries.  Call on the thread that builds the VM,
 * when its slots are set and its vCPUs made, before the first of them runs.  @vcpu_fds: all of
 * them, in the order in which query-migrate lists them; they stay the caller's and open until
 * the free. */
GdwDirtyLog *gdw_kvm_dirty_ring_new (int vm_fd, const GdwKvmSlot *slots, guint n_slots,
                                     const int *vcpu_fds, guint n_vcpus, guint32 n_entries,
                                     GError **error);

/* Call it when no migration uses @log any more. */
void gdw_kvm_dirty_log_free (GdwDirtyLog *log);

G_END_DECLS
