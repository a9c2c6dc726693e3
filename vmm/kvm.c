/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

#include "kvm.h"

#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define TSS_PAGES 0xfffbd000ul /* for old VMX: three pages that no guest memory covers */
#define MAX_VCPUS ((GUEST_STATE - GUEST_STACKS) / GUEST_STACK_BYTES)
#define LOW_SLOT (UINT64_C (1) << 20)
#define MAX_CPUID 256
#define MAX_MSRS 1024

static gboolean
set_slot (Kvm *kvm, const GdwKvmSlot *slot, GError **error)
{
  struct kvm_userspace_memory_region memory = { .slot = slot->slot,
                                                .flags = slot->flags,
                                                .guest_phys_addr = slot->guest_addr,
                                                .memory_size = slot->size,
                                                .userspace_addr = (guintptr) slot->host_addr };

  return ioctl (kvm->vm_fd, KVM_SET_USER_MEMORY_REGION, &memory) == 0 ||
         kvm_fail (error, "KVM_SET_USER_MEMORY_REGION", "; use less --memory");
}

/* Slots and regions differ: low memory has two slots, as in a VMM that puts something in
 * between. */
static gboolean
add_slots (Kvm *kvm, GError **error)
{
  const Memory *memory = kvm->parts.memory;
  gboolean read_only = ioctl (kvm->vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_READONLY_MEM) > 0;
  GdwKvmSlot slots[MEMORY_REGIONS + 1];
  guint n = 0;

  for (guint i = 0; i < memory->n_regions; i++) {
    const GdwRegion *r = &memory->regions[i];

    for (guint64 at = 0; at < r->size; at += slots[n++].size) {
      guint64 size = i == MEMORY_LOW && at == 0 ? LOW_SLOT : r->size - at;

      slots[n] = (GdwKvmSlot){ .slot = n,
                               .flags = i == MEMORY_ROM && read_only ? KVM_MEM_READONLY : 0,
                               .guest_addr = r->guest_addr + at,
                               .size = size,
                               .host_addr = r->host_addr + at,
                               .region = i,
                               .region_offset = at };
      if (!set_slot (kvm, &slots[n], error))
        return FALSE;
    }
  }
  kvm->n_slots = n;
  kvm->slots = g_memdup2 (slots, sizeof slots);
  return TRUE;
}

/* Rings belong to vCPUs, which exist by now. */
static gboolean
add_dirty_log (Kvm *kvm, GError **error)
{
  guint32 entries = kvm->parts.ring_entries;
  g_autofree int *fds = g_new (int, kvm->n_vcpus);

  for (guint i = 0; i < kvm->n_vcpus; i++)
    fds[i] = kvm->vcpus[i].fd;
  kvm->dirty_log = entries
                       ? gdw_kvm_dirty_ring_new (kvm->vm_fd, kvm->slots, kvm->n_slots, fds,
                                                 kvm->n_vcpus, entries, error)
                       : gdw_kvm_dirty_log_new (kvm->vm_fd, kvm->slots, kvm->n_slots, error);
  return kvm->dirty_log != NULL;
}

/* The words of CPUID that say which state and instructions there are.  Others differ from core
 * to core. */
static const struct {
  guint32 function;
  gboolean eax, ebx, ecx, edx;
} feature_words[] = {
  { 0x1, FALSE, FALSE, TRUE, TRUE },
  { 0x7, FALSE, TRUE, TRUE, TRUE },
  { 0xd, TRUE, FALSE, FALSE, TRUE },
  { 0x80000001, FALSE, FALSE, TRUE, TRUE },
};

static char *
sum_features (const Kvm *kvm, const struct kvm_cpuid2 *cpuid)
{
  guint32 words[G_N_ELEMENTS (feature_words) * 4 + 1] = { 0 };
  g_autofree char *sum = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (feature_words); i++)
    for (guint j = 0; j < cpuid->nent; j++) {
      const struct kvm_cpuid_entry2 *entry = &cpuid->entries[j];

      if (entry->function != feature_words[i].function || entry->index != 0)
        continue;
      words[i * 4] = feature_words[i].eax ? entry->eax : 0;
      words[i * 4 + 1] = feature_words[i].ebx ? entry->ebx : 0;
      words[i * 4 + 2] = feature_words[i].ecx ? entry->ecx : 0;
      words[i * 4 + 3] = feature_words[i].edx ? entry->edx : 0;
    }
  words[G_N_ELEMENTS (words) - 1] = kvm->xsave_bytes;
  sum = g_compute_checksum_for_data (G_CHECKSUM_SHA256, (const guint8 *) words, sizeof words);
  return g_strndup (sum, 8);
}

static gboolean
set_cpuid (Kvm *kvm, KvmVcpu *vcpu, GError **error)
{
  g_autofree struct kvm_cpuid2 *cpuid = g_malloc0 (sizeof *cpuid +
                                                   MAX_CPUID * sizeof cpuid->entries[0]);

  cpuid->nent = MAX_CPUID;
  if (ioctl (kvm->kvm_fd, KVM_GET_SUPPORTED_CPUID, cpuid) < 0)
    return kvm_fail (error, "KVM_GET_SUPPORTED_CPUID", "");
  if (ioctl (vcpu->fd, KVM_SET_CPUID2, cpuid) < 0)
    return kvm_fail (error, "KVM_SET_CPUID2", "");
  if (!kvm->features)
    kvm->features = sum_features (kvm, cpuid);
  return TRUE;
}

static gboolean
add_vcpu (Kvm *kvm, guint index, GError **error)
{
  KvmVcpu *vcpu = &kvm->vcpus[index];
  g_autofree char *name = g_strdup_printf ("vcpu-%u", index);
  int run_bytes = ioctl (kvm->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
  int khz;

  *vcpu = (KvmVcpu){ .parts = kvm->parts, .index = index, .run_bytes = run_bytes };
  vcpu->fd = ioctl (kvm->vm_fd, KVM_CREATE_VCPU, index);
  if (vcpu->fd < 0)
    return kvm_fail (error, "KVM_CREATE_VCPU", "; use fewer --vcpus");
  kvm->n_vcpus++;
  vcpu->run = mmap (NULL, vcpu->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
  if (vcpu->run == MAP_FAILED) {
    vcpu->run = NULL;
    return kvm_fail (error, "mapping a vCPU", "");
  }
  khz = ioctl (vcpu->fd, KVM_GET_TSC_KHZ, 0);
  vcpu->clock_khz = khz > 0 ? khz : 1000000;
  return set_cpuid (kvm, vcpu, error) &&
         vcpu_threads_add (kvm->parts.threads, &kvm_vcpu_ops, vcpu, name, error);
}

static void
kvm_close (gpointer self)
{
  Kvm *kvm = self;

  if (kvm->dirty_log)
    gdw_kvm_dirty_log_free (kvm->dirty_log);
  for (guint i = 0; i < kvm->n_vcpus; i++) {
    if (kvm->vcpus[i].run)
      munmap (kvm->vcpus[i].run, kvm->vcpus[i].run_bytes);
    close (kvm->vcpus[i].fd);
  }
  if (kvm->vm_fd >= 0)
    close (kvm->vm_fd);
  if (kvm->kvm_fd >= 0)
    close (kvm->kvm_fd);
  g_free (kvm->slots);
  g_free (kvm->msrs);
  g_free (kvm->features);
  g_free (kvm->vcpus);
  g_free (kvm);
}

gboolean
machine_has_kvm (void)
{
  int kvm_fd = open ("/dev/kvm", O_RDWR | O_CLOEXEC);
  int vm_fd = kvm_fd >= 0 ? ioctl (kvm_fd, KVM_CREATE_VM, 0) : -1;

  if (vm_fd >= 0)
    close (vm_fd);
  if (kvm_fd >= 0)
    close (kvm_fd);
  return vm_fd >= 0;
}

static gboolean
open_vm (Kvm *kvm, GError **error)
{
  int xsave;

  kvm->kvm_fd = open ("/dev/kvm", O_RDWR | O_CLOEXEC);
  if (kvm->kvm_fd < 0)
    return kvm_fail (error, "opening /dev/kvm",
                     "; join the group that owns it, or use --accel soft");
  if (ioctl (kvm->kvm_fd, KVM_GET_API_VERSION, 0) != KVM_API_VERSION) {
    errno = EPROTO;
    return kvm_fail (error, "KVM_GET_API_VERSION", "; use --accel soft");
  }
  kvm->vm_fd = ioctl (kvm->kvm_fd, KVM_CREATE_VM, 0);
  if (kvm->vm_fd < 0)
    return kvm_fail (error, "KVM_CREATE_VM", "; use --accel soft");
  ioctl (kvm->vm_fd, KVM_SET_TSS_ADDR, TSS_PAGES);
  xsave = ioctl (kvm->vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_XSAVE2);
  kvm->xsave_bytes = MAX (xsave, (int) sizeof (struct kvm_xsave));
  kvm->msrs->nmsrs = MAX_MSRS;
  if (ioctl (kvm->kvm_fd, KVM_GET_MSR_INDEX_LIST, kvm->msrs) < 0)
    return kvm_fail (error, "KVM_GET_MSR_INDEX_LIST", "");
  if (kvm->parts.ring_entries &&
      !gdw_kvm_dirty_ring_enable (kvm->vm_fd, kvm->parts.ring_entries, error))
    return FALSE;
  return add_slots (kvm, error);
}

static gpointer
kvm_open (const MachineParts *parts, GError **error)
{
  Kvm *kvm;

  if (parts->vcpus > MAX_VCPUS) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_INVALID,
                 "kvm: the boot guest has stacks for %u vcpus only; use fewer --vcpus, or "
                 "--accel soft",
                 MAX_VCPUS);
    return NULL;
  }
  kvm = g_new0 (Kvm, 1);

  kvm->parts = *parts;
  kvm->kvm_fd = kvm->vm_fd = -1;
  kvm->vcpus = g_new0 (KvmVcpu, parts->vcpus);
  kvm->msrs = g_malloc0 (sizeof *kvm->msrs + MAX_MSRS * sizeof kvm->msrs->indices[0]);
  kvm_vcpu_setup_signal ();
  if (!open_vm (kvm, error))
    goto fail;
  for (guint i = 0; i < parts->vcpus; i++)
    if (!add_vcpu (kvm, i, error))
      goto fail;
  if (!add_dirty_log (kvm, error))
    goto fail;
  return kvm;
fail:
  kvm_close (kvm);
  return NULL;
}

static const GdwDirtyLog *
kvm_dirty_log (gpointer self)
{
  return ((Kvm *) self)->dirty_log;
}

static char *
kvm_describe (gpointer self)
{
  return g_strdup_printf ("kvm (CPU features %s)", ((Kvm *) self)->features);
}

static guint64
kvm_clock_khz (gpointer self)
{
  return ((Kvm *) self)->vcpus[0].clock_khz;
}

static gboolean
kvm_boot (gpointer self, GError **error)
{
  Kvm *kvm = self;
  const GuestConfig *config = memory_at (kvm->parts.memory, GUEST_IMAGE + 16, sizeof *config);

  if (!kvm_boot_tables (kvm->parts.memory, error))
    return FALSE;
  for (guint i = 0; i < kvm->n_vcpus; i++)
    if (!kvm_boot_vcpu (&kvm->vcpus[i], config->entry, error))
      return FALSE;
  return TRUE;
}

static GBytes *
kvm_save (gpointer self, guint vcpu, GError **error)
{
  Kvm *kvm = self;

  return kvm_state_save (kvm, &kvm->vcpus[vcpu], error);
}

static gboolean
kvm_load (gpointer self, guint vcpu, GBytes *bytes, GError **error)
{
  Kvm *kvm = self;

  return kvm_state_load (kvm, &kvm->vcpus[vcpu], bytes, error);
}

const MachineKind machine_kind_kvm = {
  .open = kvm_open,
  .close = kvm_close,
  .dirty_log = kvm_dirty_log,
  .describe = kvm_describe,
  .clock_khz = kvm_clock_khz,
  .boot = kvm_boot,
  .save = kvm_save,
  .load = kvm_load,
};
