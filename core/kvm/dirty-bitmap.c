/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/kvm/private.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

gboolean
gdw_kvm_fail (GError **error, int code, const char *what, const char *why)
{
  g_set_error (error, GDW_ERROR, code, "dirty log 'kvm': %s failed: %s", what, why);
  return FALSE;
}

static gboolean
fail_slot (GError **error, const GdwKvmSlot *slot, const char *what)
{
  int err = errno;
  g_autofree char *whole = g_strdup_printf ("%s of slot %u", what, slot->slot);

  return gdw_kvm_fail (error, GDW_ERROR_HOST, whole, g_strerror (err));
}

static gboolean
set_logging (GdwKvmLog *self, const GdwKvmSlot *slot, gboolean on, GError **error)
{
  struct kvm_userspace_memory_region memory = {
    .slot = slot->slot,
    .flags = slot->flags | (on ? KVM_MEM_LOG_DIRTY_PAGES : 0),
    .guest_phys_addr = slot->guest_addr,
    .memory_size = slot->size,
    .userspace_addr = (guintptr) slot->host_addr,
  };

  if (ioctl (self->vm_fd, KVM_SET_USER_MEMORY_REGION, &memory) == 0)
    return TRUE;
  return fail_slot (error, slot, on ? "switching logging on" : "switching logging off");
}

/* The VM switches between plain and manual, not a slot; a VM with rings has neither mode. */
static gboolean
set_protect (GdwKvmLog *self, guint32 mode, GError **error)
{
  struct kvm_enable_cap cap = { .cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 };

  if (!(self->log.modes & GDW_DIRTY_LOG_MANUAL))
    return TRUE;
  if (mode & GDW_DIRTY_LOG_MANUAL)
    cap.args[0] |= KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE;
  if (mode & GDW_DIRTY_LOG_INITIALLY_SET)
    cap.args[0] |= KVM_DIRTY_LOG_INITIALLY_SET;
  if (ioctl (self->vm_fd, KVM_ENABLE_CAP, &cap) == 0)
    return TRUE;
  return gdw_kvm_fail (error, GDW_ERROR_HOST, "choosing how pages are protected",
                       g_strerror (errno));
}

static gboolean
kvm_enable (gpointer log, guint32 mode, GError **error)
{
  GdwKvmLog *self = log;

  if (self->mode != 0)
    return gdw_kvm_fail (error, GDW_ERROR_BUSY, "enable", "it is enabled; disable it first");
  if ((mode & ~self->log.modes) ||
      (mode != GDW_DIRTY_LOG_PLAIN && mode != GDW_DIRTY_LOG_RING &&
       (mode & ~GDW_DIRTY_LOG_INITIALLY_SET) != GDW_DIRTY_LOG_MANUAL))
    return gdw_kvm_fail (error, GDW_ERROR_UNSUPPORTED, "enable",
                         "this kernel or the log has no such mode; use one it declares");
  if (!set_protect (self, mode, error))
    return FALSE;
  for (guint i = 0; i < self->n_slots; i++)
    if (!set_logging (self, &self->slots[i].kvm, TRUE, error)) {
      while (i-- > 0)
        set_logging (self, &self->slots[i].kvm, FALSE, NULL);
      set_protect (self, GDW_DIRTY_LOG_PLAIN, NULL);
      return FALSE;
    }
  self->mode = mode;
  return TRUE;
}

/* Goes on after a failure: each slot that stays logged costs the guest a fault a page. */
static gboolean
kvm_disable (gpointer log, GError **error)
{
  GdwKvmLog *self = log;
  g_autoptr (GError) first = NULL;

  if (self->mode == 0)
    return TRUE;
  for (guint i = 0; i < self->n_slots; i++)
    set_logging (self, &self->slots[i].kvm, FALSE, first ? NULL : &first);
  /* Restore the default: the VMM may log slots of its own, for example a frame buffer. */
  set_protect (self, GDW_DIRTY_LOG_PLAIN, first ? NULL : &first);
  self->mode = 0;
  if (first == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&first));
  return FALSE;
}

static gboolean
expect_bitmap (GdwKvmLog *self, const char *what, GError **error)
{
  return !(self->log.modes & GDW_DIRTY_LOG_RING) ||
         gdw_kvm_fail (error, GDW_ERROR_UNSUPPORTED, what,
                       "this VM has dirty rings; harvest them");
}

/* The slots of @region: [at, result); an error if there are none. */
static guint
find_slots (GdwKvmLog *self, guint region, guint *at, GError **error)
{
  guint i = 0;

  while (i < self->n_slots && self->slots[i].kvm.region != region)
    i++;
  *at = i;
  while (i < self->n_slots && self->slots[i].kvm.region == region)
    i++;
  if (i == *at)
    g_set_error (error, GDW_ERROR, GDW_ERROR_NOT_FOUND,
                 "dirty log 'kvm': region %u has no slot: its writes would be lost; give all "
                 "slots to gdw_kvm_dirty_log_new",
                 region);
  return i;
}

static gboolean
kvm_get (gpointer log, guint region, guint64 *bits, GError **error)
{
  GdwKvmLog *self = log;
  guint at, end;
  guint64 word = 0;

  if (!expect_bitmap (self, "get", error))
    return FALSE;
  if (self->mode == 0)
    return gdw_kvm_fail (error, GDW_ERROR_BUSY, "get", "it is not enabled; enable it first");
  end = find_slots (self, region, &at, error);
  if (at == end)
    return FALSE;
  for (; at < end; at++) {
    const GdwLogSlot *slot = &self->slots[at];
    guint64 first = slot->first / 64;
    struct kvm_dirty_log get;

    memset (bits + word, 0, (first - word) * sizeof *bits);
    word = GDW_BITMAP_WORDS (slot->end);
    get = (struct kvm_dirty_log){ .slot = slot->kvm.slot, .dirty_bitmap = bits + first };
    if (ioctl (self->vm_fd, KVM_GET_DIRTY_LOG, &get) != 0)
      return fail_slot (error, &slot->kvm, "get");
  }
  return TRUE;
}

/* Clears pages [first, first + n) of the slot; bits[0] holds the first of them. */
static gboolean
clear_slot (GdwKvmLog *self, const GdwLogSlot *slot, guint64 first, guint64 n,
            const guint64 *bits, GError **error)
{
  guint64 from = 0, to = GDW_BITMAP_WORDS (n);
  struct kvm_clear_dirty_log clear;

  while (from < to && bits[from] == 0)
    from++;
  if (from == to)
    return TRUE; /* even an empty call costs half a microsecond */
  while (bits[to - 1] == 0)
    to--;
  clear = (struct kvm_clear_dirty_log){
    .slot = slot->kvm.slot,
    .first_page = first + from * 64,
    .num_pages = (guint32) (MIN (to * 64, n) - from * 64),
    .dirty_bitmap = (void *) (bits + from),
  };
  if (ioctl (self->vm_fd, KVM_CLEAR_DIRTY_LOG, &clear) != 0)
    return fail_slot (error, &slot->kvm, "clear");
  return TRUE;
}

static gboolean
kvm_clear (gpointer log, guint region, guint64 first, guint64 n, const guint64 *bits,
           GError **error)
{
  GdwKvmLog *self = log;
  guint at, end;

  if (!expect_bitmap (self, "clear", error))
    return FALSE;
  if (!(self->mode & GDW_DIRTY_LOG_MANUAL))
    return gdw_kvm_fail (error, GDW_ERROR_BUSY, "clear",
                         "it is not enabled in manual mode; do that first");
  if (first % 64 != 0)
    return gdw_kvm_fail (error, GDW_ERROR_INVALID, "clear",
                         "its start is no multiple of 64 pages; begin at one");
  end = find_slots (self, region, &at, error);
  if (at == end)
    return FALSE;
  for (; at < end; at++) {
    const GdwLogSlot *slot = &self->slots[at];
    guint64 from = MAX (first, slot->first), to = MIN (first + n, slot->end);

    if (from < to && !clear_slot (self, slot, from - slot->first, to - from,
                                  bits + (from - first) / 64, error))
      return FALSE;
  }
  return TRUE;
}

static int
compare_slots (const void *a, const void *b)
{
  const GdwLogSlot *x = a, *y = b;

  if (x->kvm.region != y->kvm.region)
    return x->kvm.region < y->kvm.region ? -1 : 1;
  return x->first < y->first ? -1 : x->first > y->first;
}

static gboolean
take_slots (GdwKvmLog *self, const GdwKvmSlot *slots, guint n_slots, GError **error)
{
  self->n_slots = n_slots;
  self->slots = g_new0 (GdwLogSlot, n_slots);
  for (guint i = 0; i < n_slots; i++) {
    const GdwKvmSlot *slot = &slots[i];
    const char *wrong = NULL;

    if (slot->size == 0 || slot->size % GDW_PAGE_SIZE != 0)
      wrong = "its size is no multiple of a page";
    else if (slot->region_offset % (64 * GDW_PAGE_SIZE) != 0)
      wrong = "its place in the region is no multiple of 64 pages";
    if (wrong != NULL) {
      g_set_error (error, GDW_ERROR, GDW_ERROR_INVALID,
                   "dirty log 'kvm': slot %u cannot be logged: %s; set other slots", slot->slot,
                   wrong);
      return FALSE;
    }
    self->slots[i].kvm = *slot;
    self->slots[i].first = slot->region_offset >> GDW_PAGE_SHIFT;
    self->slots[i].end = (slot->region_offset + slot->size) >> GDW_PAGE_SHIFT;
  }
  qsort (self->slots, n_slots, sizeof *self->slots, compare_slots);
  for (guint i = 1; i < n_slots; i++) {
    const GdwLogSlot *a = &self->slots[i - 1], *b = &self->slots[i];

    if (a->kvm.region == b->kvm.region && a->end > b->first) {
      g_set_error (error, GDW_ERROR, GDW_ERROR_INVALID,
                   "dirty log 'kvm': slots %u and %u overlap: one page has one log; give each "
                   "piece of memory once",
                   a->kvm.slot, b->kvm.slot);
      return FALSE;
    }
  }
  return TRUE;
}

/* Asks for a slot that no VM has: a VM with a ring refuses before it looks at the slot. */
gboolean
gdw_kvm_has_rings (int vm_fd)
{
  guint64 bits = 0;
  struct kvm_dirty_log get = { .slot = G_MAXUINT16, .dirty_bitmap = &bits };

  return ioctl (vm_fd, KVM_GET_DIRTY_LOG, &get) != 0 && errno == ENXIO;
}

GdwKvmLog *
gdw_kvm_log_new (int vm_fd, guint32 modes, const GdwKvmSlot *slots, guint n_slots,
                 GError **error)
{
  GdwKvmLog *self = g_new0 (GdwKvmLog, 1);

  self->vm_fd = vm_fd;
  self->log = (GdwDirtyLog){
    .size = sizeof (GdwDirtyLog),
    .self = self,
    .modes = modes,
    .enable = kvm_enable,
    .disable = kvm_disable,
    .get = kvm_get,
    .clear = kvm_clear,
  };
  if (take_slots (self, slots, n_slots, error))
    return self;
  gdw_kvm_dirty_log_free (&self->log);
  return NULL;
}

GdwDirtyLog *
gdw_kvm_dirty_log_new (int vm_fd, const GdwKvmSlot *slots, guint n_slots, GError **error)
{
  int protect = ioctl (vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2);
  guint32 modes = GDW_DIRTY_LOG_PLAIN;
  GdwKvmLog *self;

  if (protect < 0) {
    gdw_kvm_fail (error, GDW_ERROR_INVALID, "asking what this VM can do", g_strerror (errno));
    return NULL;
  }
  if (gdw_kvm_has_rings (vm_fd)) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_UNSUPPORTED,
                 "dirty log 'kvm': this VM has a dirty ring: a VM has one or the other; use "
                 "gdw_kvm_dirty_ring_new, or build it without a ring");
    return NULL;
  }

  if (protect & KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE)
    modes |= GDW_DIRTY_LOG_MANUAL;
  if (protect & KVM_DIRTY_LOG_INITIALLY_SET)
    modes |= GDW_DIRTY_LOG_INITIALLY_SET;
  self = gdw_kvm_log_new (vm_fd, modes, slots, n_slots, error);
  return self != NULL ? &self->log : NULL;
}

/* Harmless without rings. */
static void
unmap_rings (GdwKvmLog *self)
{
  for (guint i = 0; i < self->log.n_rings; i++)
    munmap (self->log.rings[i].entries, self->log.rings[i].n_entries * sizeof (GdwDirtyEntry));
  g_free (self->log.rings);
}

void
gdw_kvm_dirty_log_free (GdwDirtyLog *log)
{
  GdwKvmLog *self;

  if (log == NULL)
    return;
  self = log->self;
  unmap_rings (self);
  g_free (self->slots);
  g_free (self);
}
