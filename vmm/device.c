/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

#include "device.h"

#include "guest-ram.h"

#include <string.h>

#define PERIOD_NS 10000000

static void
wrote (Device *device, guint64 gpa, guint64 size)
{
  const MachineEvents *events = device->parts.events;

  if (events->wrote)
    events->wrote (events->data, gpa, size);
}

/* Reports each write when it has landed and before the guest can know of it.  The number that
 * tells the guest is a separate write. */
GUEST_FN void
write_page (Device *device)
{
  const Memory *memory = device->parts.memory;
  guint64 seq = device->seq + 1;
  guint64 gpa = GUEST_RING + seq % GUEST_RING_PAGES * GUEST_PAGE;
  GuestControl *control = memory_at (memory, GUEST_CONTROL, sizeof *control);

  guest_fill_page (memory_at (memory, gpa, GUEST_PAGE), guest_ring_key (seq), FALSE);
  wrote (device, gpa, GUEST_PAGE);
  __atomic_store_n (&control->device_seq, seq, __ATOMIC_RELEASE);
  device->seq = seq;
  wrote (device, GUEST_CONTROL, GUEST_PAGE);
}

static void
device_begin (gpointer self)
{
  (void) self;
}

static void
device_run (gpointer self)
{
  Device *device = self;

  while (vcpu_threads_running (device->parts.threads)) {
    vcpu_threads_sleep (device->parts.threads, PERIOD_NS, &device->pokes);
    if (vcpu_threads_running (device->parts.threads))
      write_page (device);
  }
}

static const VcpuThreadsOps device_ops = { .begin = device_begin, .run = device_run };

gboolean
device_init (Device *device, const MachineParts *parts, GError **error)
{
  *device = (Device){ .parts = *parts };
  return vcpu_threads_add (parts->threads, &device_ops, device, "device", error);
}

GBytes *
device_save (const Device *device)
{
  guint64 seq = GUINT64_TO_LE (device->seq);

  return g_bytes_new (&seq, sizeof seq);
}

gboolean
device_load (Device *device, GBytes *bytes, GError **error)
{
  guint64 seq;

  if (g_bytes_get_size (bytes) != sizeof seq) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_HOST,
                 "device 'ring': loading its state failed: it has %" G_GSIZE_FORMAT
                 " bytes, not %" G_GSIZE_FORMAT "; is the source the same godwit-vmm?",
                 g_bytes_get_size (bytes), sizeof seq);
    return FALSE;
  }
  memcpy (&seq, g_bytes_get_data (bytes, NULL), sizeof seq);
  device->seq = GUINT64_FROM_LE (seq);
  return TRUE;
}
