/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

#include "kvm.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

/* A saved vCPU is a row of items, each a head and its bytes, in the order in which KVM wants
 * them back: the clock and the mode before the items that depend on them, the general registers
 * last. */
typedef struct {
  guint32 tag;
  guint32 bytes;
} ItemHead;

typedef struct {
  const char *name;
  unsigned long get, set; /* 0: the item has its own functions */
  guint32 bytes;          /* 0: the size varies */
} Item;

enum { TSC_KHZ, SREGS, XCRS, XSAVE, MSRS, VCPU_EVENTS, DEBUGREGS, MP_STATE, REGS, N_ITEMS };

static const Item items[N_ITEMS] = {
  [TSC_KHZ] = { "TSC_KHZ", 0, 0, sizeof (guint32) },
  [SREGS] = { "SREGS", KVM_GET_SREGS, KVM_SET_SREGS, sizeof (struct kvm_sregs) },
  [XCRS] = { "XCRS", KVM_GET_XCRS, KVM_SET_XCRS, sizeof (struct kvm_xcrs) },
  [XSAVE] = { "XSAVE", KVM_GET_XSAVE2, KVM_SET_XSAVE, 0 },
  [MSRS] = { "MSRS", 0, 0, 0 },
  [VCPU_EVENTS] = { "VCPU_EVENTS", KVM_GET_VCPU_EVENTS, KVM_SET_VCPU_EVENTS,
                    sizeof (struct kvm_vcpu_events) },
  [DEBUGREGS] = { "DEBUGREGS", KVM_GET_DEBUGREGS, KVM_SET_DEBUGREGS,
                  sizeof (struct kvm_debugregs) },
  [MP_STATE] = { "MP_STATE", KVM_GET_MP_STATE, KVM_SET_MP_STATE, sizeof (struct kvm_mp_state) },
  [REGS] = { "REGS", KVM_GET_REGS, KVM_SET_REGS, sizeof (struct kvm_regs) },
};

#define MSR_BATCH 64u /* KVM takes fewer than 256 at once */
#define MSR_MAX 1024u

typedef struct {
  struct kvm_msrs head;
  struct kvm_msr_entry entries[MSR_BATCH];
} MsrBatch;

/* KVM_GET_MSRS or KVM_SET_MSRS, skipping each that KVM refuses.  Returns how many it took;
 * ENTRIES keeps those, in front. */
static guint
msr_ioctl (KvmVcpu *vcpu, unsigned long request, struct kvm_msr_entry *entries, guint n)
{
  guint taken = 0;

  for (guint at = 0; at < n;) {
    MsrBatch batch = { .head.nmsrs = MIN (n - at, MSR_BATCH) };
    int done;

    memcpy (batch.entries, entries + at, batch.head.nmsrs * sizeof *entries);
    done = ioctl (vcpu->fd, request, &batch);
    if (done < 0)
      break;
    memmove (entries + taken, batch.entries, done * sizeof *entries);
    taken += done;
    at += (guint) done < batch.head.nmsrs ? done + 1 : done;
  }
  return taken;
}

static void
put (GByteArray *out, guint item, gconstpointer data, guint32 bytes)
{
  ItemHead head = { GUINT32_TO_LE (item), GUINT32_TO_LE (bytes) };

  g_byte_array_append (out, (const guint8 *) &head, sizeof head);
  g_byte_array_append (out, data, bytes);
}

static void
put_msrs (GByteArray *out, Kvm *kvm, KvmVcpu *vcpu)
{
  g_autofree struct kvm_msr_entry *entries = g_new0 (struct kvm_msr_entry,
                                                     MAX (kvm->msrs->nmsrs, 1));

  for (guint i = 0; i < kvm->msrs->nmsrs; i++)
    entries[i].index = kvm->msrs->indices[i];
  put (out, MSRS, entries,
       msr_ioctl (vcpu, KVM_GET_MSRS, entries, kvm->msrs->nmsrs) * sizeof *entries);
}

GBytes *
kvm_state_save (Kvm *kvm, KvmVcpu *vcpu, GError **error)
{
  g_autoptr (GByteArray) out = g_byte_array_new ();
  guint32 khz = GUINT32_TO_LE (vcpu->clock_khz);

  put (out, TSC_KHZ, &khz, sizeof khz);
  for (guint i = SREGS; i < N_ITEMS; i++) {
    guint32 bytes = i == XSAVE ? kvm->xsave_bytes : items[i].bytes;
    g_autofree guint8 *data = g_malloc0 (bytes + 1);

    if (i == MSRS) {
      put_msrs (out, kvm, vcpu);
      continue;
    }
    if (ioctl (vcpu->fd, items[i].get, data) < 0) {
      kvm_fail (error, items[i].name, "");
      return NULL;
    }
    put (out, i, data, bytes);
  }
  return g_byte_array_free_to_bytes (g_steal_pointer (&out));
}

static gboolean
bad (GError **error, KvmVcpu *vcpu, const char *what, const char *why)
{
  g_set_error (error, GDW_ERROR, GDW_ERROR_HOST,
               "vcpu %u: loading its %s failed: %s; is the source the same godwit-vmm on "
               "the same kind of machine?",
               vcpu->index, what, why);
  return FALSE;
}

static gboolean
load_msrs (KvmVcpu *vcpu, const guint8 *data, guint32 bytes, GError **error)
{
  guint n = bytes / sizeof (struct kvm_msr_entry);
  g_autofree struct kvm_msr_entry *entries = NULL;

  if (bytes % sizeof (struct kvm_msr_entry) || n > MSR_MAX)
    return bad (error, vcpu, "MSRS", "the section is damaged");
  entries = g_memdup2 (data, bytes);
  msr_ioctl (vcpu, KVM_SET_MSRS, entries, n);
  return TRUE;
}

/* Guests tell time by differences, so another clock rate that this host can't
 * give is no reason to refuse. */
static void
load_khz (KvmVcpu *vcpu, const guint8 *data)
{
  guint32 khz;

  memcpy (&khz, data, sizeof khz);
  khz = GUINT32_FROM_LE (khz);
  if (khz && khz != vcpu->clock_khz && ioctl (vcpu->fd, KVM_SET_TSC_KHZ, khz) == 0)
    vcpu->clock_khz = khz;
}

static gboolean
load_item (Kvm *kvm, KvmVcpu *vcpu, guint i, const guint8 *data, guint32 bytes, GError **error)
{
  guint32 want = i == XSAVE ? kvm->xsave_bytes : items[i].bytes;
  g_autofree guint8 *copy = NULL;

  if (i == MSRS)
    return load_msrs (vcpu, data, bytes, error);
  if (bytes != want)
    return bad (error, vcpu, items[i].name, "it has another size here");
  if (i == TSC_KHZ) {
    load_khz (vcpu, data);
    return TRUE;
  }
  copy = g_memdup2 (data, bytes); /* aligned */
  if (ioctl (vcpu->fd, items[i].set, copy) < 0)
    return bad (error, vcpu, items[i].name, g_strerror (errno));
  return TRUE;
}

gboolean
kvm_state_load (Kvm *kvm, KvmVcpu *vcpu, GBytes *bytes, GError **error)
{
  gsize left;
  const guint8 *at = g_bytes_get_data (bytes, &left);

  for (guint i = 0; i < N_ITEMS; i++) {
    ItemHead head;
    guint32 size;

    if (left < sizeof head)
      return bad (error, vcpu, items[i].name, "the section is too short");
    memcpy (&head, at, sizeof head);
    size = GUINT32_FROM_LE (head.bytes);
    if (GUINT32_FROM_LE (head.tag) != i || size > left - sizeof head)
      return bad (error, vcpu, items[i].name, "the section is damaged");
    if (!load_item (kvm, vcpu, i, at + sizeof head, size, error))
      return FALSE;
    at += sizeof head + size;
    left -= sizeof head + size;
  }
  return left == 0 || bad (error, vcpu, "state", "the section is too long");
}
