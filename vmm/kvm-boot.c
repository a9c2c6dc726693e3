/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

#include "kvm.h"

#include "guest.h"

#include <string.h>
#include <sys/ioctl.h>

/* Present, writable, open to CPL 3, and already accessed and dirty: the processor never writes
 * the tables again. */
#define TABLE UINT64_C (0x27)
#define PAGE_2M UINT64_C (0xe7)

#define CR0 0x80050033 /* PG AM WP NE ET MP PE */
#define CR4 0x620      /* PAE OSFXSR OSXMMEXCPT */
#define EFER 0xd01     /* NX LMA LME SCE */
#define GIB (UINT64_C (1) << 30)

gboolean
kvm_boot_tables (const Memory *memory, GError **error)
{
  const GdwRegion *last = &memory->regions[memory->n_regions - 1]; /* the ROM at least */
  guint64 gibs = (last->guest_addr + last->size + GIB - 1) / GIB;
  guint64 max = (GUEST_PAGE_TABLES_END - GUEST_PAGE_TABLES) / GUEST_PAGE - 2;
  guint64 *pml4 = memory_at (memory, GUEST_PAGE_TABLES, (max + 2) * GUEST_PAGE);
  guint64 *pdpt = pml4 + 512, *pd = pdpt + 512;

  if (gibs > max) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_INVALID,
                 "kvm: the boot guest has page tables for %" G_GUINT64_FORMAT
                 " GiB only; use less --memory, or --accel soft",
                 max - 1);
    return FALSE;
  }
  memset (pml4, 0, (max + 2) * GUEST_PAGE);
  pml4[0] = (GUEST_PAGE_TABLES + GUEST_PAGE) | TABLE;
  for (guint64 i = 0; i < gibs; i++) {
    pdpt[i] = (GUEST_PAGE_TABLES + (2 + i) * GUEST_PAGE) | TABLE;
    for (guint64 j = 0; j < 512; j++)
      pd[i * 512 + j] = (i * GIB + j * (2 << 20)) | PAGE_2M;
  }
  memset (memory_at (memory, GUEST_TSS, GUEST_TSS_LIMIT + 1), 0, GUEST_TSS_LIMIT + 1);
  return TRUE;
}

static gboolean
set_sregs (KvmVcpu *vcpu, GError **error)
{
  struct kvm_segment code = {
    .limit = ~0u, .selector = 0x33, .type = 11, .present = 1, .dpl = 3, .s = 1, .l = 1, .g = 1
  };
  struct kvm_segment data = {
    .limit = ~0u, .selector = 0x2b, .type = 3, .present = 1, .dpl = 3, .db = 1, .s = 1, .g = 1
  };
  struct kvm_sregs sregs;

  if (ioctl (vcpu->fd, KVM_GET_SREGS, &sregs) < 0)
    return kvm_fail (error, "KVM_GET_SREGS", "");
  sregs.cs = code;
  sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
  sregs.tr = (struct kvm_segment){
    .base = GUEST_TSS, .limit = GUEST_TSS_LIMIT, .selector = 0x40, .type = 11, .present = 1
  };
  sregs.cr0 = CR0;
  sregs.cr3 = GUEST_PAGE_TABLES;
  sregs.cr4 = CR4;
  sregs.efer = EFER;
  if (ioctl (vcpu->fd, KVM_SET_SREGS, &sregs) < 0)
    return kvm_fail (error, "KVM_SET_SREGS", "");
  return TRUE;
}

gboolean
kvm_boot_vcpu (KvmVcpu *vcpu, guint64 entry, GError **error)
{
  struct kvm_mp_state runnable = { KVM_MP_STATE_RUNNABLE };
  struct kvm_regs regs = { .rip = entry,
                           .rdi = vcpu->index,
                           .rsp = GUEST_STACKS + (vcpu->index + 1) * GUEST_STACK_BYTES,
                           .rflags = 2 };

  if (!set_sregs (vcpu, error))
    return FALSE;
  if (ioctl (vcpu->fd, KVM_SET_MP_STATE, &runnable) < 0)
    return kvm_fail (error, "KVM_SET_MP_STATE", "");
  if (ioctl (vcpu->fd, KVM_SET_REGS, &regs) < 0)
    return kvm_fail (error, "KVM_SET_REGS", "");
  return TRUE;
}
