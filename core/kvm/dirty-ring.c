/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/kvm/private.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define MIN_ENTRIES 256u

G_STATIC_ASSERT (sizeof (GdwDirtyEntry) == sizeof (struct kvm_dirty_gfn));
G_STATIC_ASSERT (GDW_DIRTY_ENTRY_DIRTY == KVM_DIRTY_GFN_F_DIRTY);
G_STATIC_ASSERT (GDW_DIRTY_ENTRY_RESET == KVM_DIRTY_GFN_F_RESET);

/* The largest ring in bytes, 0 if there is none; @cap is the capability to enable. */
static guint64
largest_ring (int vm_fd, guint32 *cap)
{
  static const guint32 caps[] = { KVM_CAP_DIRTY_LOG_RING_ACQ_REL, KVM_CAP_DIRTY_LOG_RING };

  for (guint i = 0; i < G_N_ELEMENTS (caps); i++) {
    int bytes = ioctl (vm_fd, KVM_CHECK_EXTENSION, caps[i]);

    *cap = caps[i];
    if (bytes > 0)
      return (guint64) bytes;
  }
  return 0;
}

gboolean
gdw_kvm_dirty_ring_enable (int vm_fd, guint32 n_entries, GError **error)
{
  guint32 ring_cap;
  guint64 max = largest_ring (vm_fd, &ring_cap) / sizeof (GdwDirtyEntry);
  struct kvm_enable_cap cap = { .cap = ring_cap,
                                .args = { (guint64) n_entries * sizeof (GdwDirtyEntry) } };

  if (max == 0)
    return gdw_kvm_fail (error, GDW_ERROR_UNSUPPORTED, "making dirty rings",
                         "this kernel has none; do without, or use Linux 5.11 or newer");
  if (n_entries < MIN_ENTRIES || n_entries > max || (n_entries & (n_entries - 1))) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_INVALID,
                 "dirty log 'kvm': making dirty rings of %u entries failed: it must be a power "
                 "of two from %u to %" G_GUINT64_FORMAT "; choose another size",
                 n_entries, MIN_ENTRIES, max);
    return FALSE;
  }
  if (ioctl (vm_fd, KVM_ENABLE_CAP, &cap) == 0)
    return TRUE;
  g_set_error (error, GDW_ERROR, GDW_ERROR_HOST,
               "dirty log 'kvm': making dirty rings of %u entries failed: %s; do it once, "
               "before the first vCPU, and choose more entries (at most %" G_GUINT64_FORMAT
               ") where the processor logs pages by itself",
               n_entries, g_strerror (errno), max);
  return FALSE;
}

/* Entries come in runs of one slot, so begin with the last slot found. */
static gboolean
ring_locate (gpointer log, guint32 slot, guint64 offset, guint *region, guint64 *page,
             GError **error)
{
  GdwKvmLog *self = log;

  for (guint i = 0; i < self->n_slots; i++) {
    guint at = (self->last_slot + i) % self->n_slots;
    const GdwLogSlot *found = &self->slots[at];

    if (found->kvm.slot != slot)
      continue;
    self->last_slot = at;
    if (offset >= found->end - found->first)
      break;
    *region = found->kvm.region;
    *page = found->first + offset;
    return TRUE;
  }
  g_set_error (error, GDW_ERROR, GDW_ERROR_HOST,
               "dirty log 'kvm': page %" G_GUINT64_FORMAT
               " of slot %u was written and is in no region; give all slots to "
               "gdw_kvm_dirty_ring_new",
               offset, slot);
  return FALSE;
}

static gboolean
ring_reset (gpointer log, guint64 *n_pages, GError **error)
{
  GdwKvmLog *self = log;
  int n = ioctl (self->vm_fd, KVM_RESET_DIRTY_RINGS, 0);

  if (n < 0)
    return gdw_kvm_fail (error, GDW_ERROR_HOST, "resetting the rings", g_strerror (errno));
  *n_pages = (guint64) n;
  return TRUE;
}

static gboolean
map_rings (GdwKvmLog *self, const int *vcpu_fds, guint n_vcpus, guint32 n_entries,
           GError **error)
{
  off_t place = (off_t) KVM_DIRTY_LOG_PAGE_OFFSET * sysconf (_SC_PAGESIZE);

  self->log.rings = g_new0 (GdwDirtyRing, n_vcpus);
  for (guint i = 0; i < n_vcpus; i++) {
    void *at = mmap (NULL, n_entries * sizeof (GdwDirtyEntry), PROT_READ | PROT_WRITE,
                     MAP_SHARED, vcpu_fds[i], place);

    if (at == MAP_FAILED)
      return gdw_kvm_fail (error, GDW_ERROR_HOST, "mapping the ring of a vCPU",
                           g_strerror (errno));
    self->log.rings[self->log.n_rings++] = (GdwDirtyRing){ .entries = at,
                                                           .n_entries = n_entries };
  }
  return TRUE;
}

GdwDirtyLog *
gdw_kvm_dirty_ring_new (int vm_fd, const GdwKvmSlot *slots, guint n_slots, const int *vcpu_fds,
                        guint n_vcpus, guint32 n_entries, GError **error)
{
  GdwKvmLog *self;

  if (!gdw_kvm_has_rings (vm_fd)) {
    gdw_kvm_fail (error, GDW_ERROR_UNSUPPORTED, "mapping the rings",
                  "this VM has none; call gdw_kvm_dirty_ring_enable before its first vCPU");
    return NULL;
  }
  self = gdw_kvm_log_new (vm_fd, GDW_DIRTY_LOG_RING, slots, n_slots, error);
  if (self == NULL)
    return NULL;
  self->log.locate = ring_locate;
  self->log.reset_rings = ring_reset;
  if (map_rings (self, vcpu_fds, n_vcpus, n_entries, error))
    return &self->log;
  gdw_kvm_dirty_log_free (&self->log);
  return NULL;
}
