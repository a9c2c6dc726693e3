/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "own-vm.h"

#include <string.h>

#include "vmm/guest-ram.h"
#include "vmm/soft-log.h"

#define MIB (UINT64_C (1) << 20)
#define MEMORY (8 * MIB)
#define WORKING_SET (4 * MIB)
#define VCPUS 2u
#define RATE 20000u
#define RING_ENTRIES 256u

static GuestControl *
control_of (OwnVm *vm)
{
  return memory_at (machine_memory (vm->host.machine), GUEST_CONTROL, sizeof (GuestControl));
}

static guint64
written_by (OwnVm *vm, guint vcpu)
{
  const GuestVcpu *state = memory_at (machine_memory (vm->host.machine),
                                      GUEST_STATE + vcpu * sizeof *state, sizeof *state);

  return __atomic_load_n (&state->written, __ATOMIC_SEQ_CST);
}

static guint64
device_seq (OwnVm *vm)
{
  return __atomic_load_n (&control_of (vm)->device_seq, __ATOMIC_ACQUIRE);
}

/* The host of vmm/host.c has no disks; this is what one with disks adds. */

static void
fence (gpointer data, GdwReply *reply, GCancellable *cancellable)
{
  OwnVm *vm = (OwnVm *) data;

  vm->fenced = TRUE;
  gdw_reply_done (reply);
}

static void
reacquire (gpointer data, GdwReply *reply)
{
  OwnVm *vm = (OwnVm *) data;

  vm->fenced = FALSE;
  gdw_reply_done (reply);
}

gboolean
own_vm_open (OwnVm *vm, gboolean soft, gboolean ring, gboolean boots,
             const MachineEvents *events, GError **error)
{
  const MachineConfig config = { .soft = soft,
                                 .memory_bytes = MEMORY,
                                 .backend = MEMORY_MEMFD,
                                 .vcpus = VCPUS,
                                 .ring_entries = ring ? RING_ENTRIES : 0,
                                 .ws_bytes = WORKING_SET,
                                 .writers = VCPUS,
                                 .rate = RATE,
                                 .fill = TRUE };
  const MachineEvents usual = { .data = &vm->host,
                                .wrote = host_wrote,
                                .ring_full = host_ring_full };

  *vm = (OwnVm){ .soft = soft };
  vm->host.machine = machine_new (&config, events ? events : &usual, error);
  if (!vm->host.machine || (boots && !machine_boot (vm->host.machine, error)) ||
      (boots && !soft && !own_vcpu_open (&vm->vcpu, error)))
    return FALSE;
  if (!run_log_open (&vm->host.run_log, NULL, error))
    return FALSE;
  host_init (&vm->host, &vm->gdw);
  vm->gdw.name = boots ? "own" : "other";
  vm->gdw.fence = fence; /* the Host is first in the OwnVm */
  vm->gdw.reacquire = reacquire;
  return TRUE;
}

static void
was_stopped (gpointer data, const GError *error)
{
  *(gboolean *) data = TRUE;
}

void
own_vm_close (OwnVm *vm)
{
  gboolean still = FALSE;

  if (!vm->host.machine)
    return;
  machine_pause (vm->host.machine, was_stopped, &still);
  while (!still)
    g_main_context_iteration (NULL, TRUE);
  own_vcpu_close (&vm->vcpu);
  machine_free (vm->host.machine);
}

/* The callbacks of the suite. */

static gboolean
tick (gpointer data)
{
  return G_SOURCE_CONTINUE;
}

static void
iterate (void)
{
  guint source = g_timeout_add (1, tick, NULL);

  g_main_context_iteration (NULL, TRUE);
  g_source_remove (source);
}

static gboolean
start_writes (gpointer data, gboolean other)
{
  OwnPair *pair = data;
  OwnVm *vm = other ? &pair->other : &pair->vm;
  guint64 written[VCPUS], seq = device_seq (vm);
  gint64 end_us = g_get_monotonic_time () + pair->patience_s * G_USEC_PER_SEC;

  for (guint i = 0; i < VCPUS; i++)
    written[i] = written_by (vm, i);
  for (guint i = 0; i < VCPUS; i++)
    while (written_by (vm, i) == written[i] || device_seq (vm) == seq) {
      if (g_get_monotonic_time () > end_us)
        return FALSE;
      iterate ();
    }
  return TRUE;
}

/* KVM keeps a vCPU from the ROM. */
static gboolean
vcpu_writes (gpointer data, guint region, guint64 page)
{
  OwnPair *pair = data;
  Machine *machine = pair->vm.host.machine;
  const Memory *memory = machine_memory (machine);
  const GdwRegion *r = &memory->regions[region];
  volatile guint8 *byte = r->host_addr + page * GDW_PAGE_SIZE;
  guint64 gpa = r->guest_addr + page * GDW_PAGE_SIZE;

  if (!pair->vm.soft)
    return region != MEMORY_ROM && own_vcpu_store (&pair->vm.vcpu, memory, gpa);
  *byte = *byte;
  soft_log_mark (machine_dirty_log (machine)->self, 0, gpa);
  return TRUE;
}

static void
set_migration (gpointer data, GdwMigration *migration)
{
  ((OwnPair *) data)->vm.host.migration = migration;
}

/* It writes all the time: the next page is one that it wrote since. */
static void
device_writes (gpointer data, guint64 *guest_addr, guint64 *size)
{
  OwnPair *pair = data;
  guint64 seq = device_seq (&pair->vm);

  while (device_seq (&pair->vm) == seq)
    iterate ();
  *guest_addr = GUEST_RING + (seq + 1) % GUEST_RING_PAGES * GUEST_PAGE;
  *size = GUEST_PAGE;
}

/* A vCPU of KVM is a row of items; the model specific registers have the clock in them. */
#define ITEM_MSRS 4u

static gboolean
sections_equal (gpointer data, const char *name, GBytes *before, GBytes *after)
{
  gsize size, size_after;
  const guint8 *a = g_bytes_get_data (before, &size),
               *b = g_bytes_get_data (after, &size_after);

  if (size != size_after)
    return FALSE;
  if (!g_str_has_prefix (name, "vcpu-"))
    return memcmp (a, b, size) == 0;
  for (gsize at = 0; at + 8 <= size;) {
    guint32 head[2];

    memcpy (head, a + at, sizeof head);
    if (memcmp (a + at, b + at, sizeof head) != 0 || head[1] > size - at - 8)
      return FALSE;
    if (head[0] != ITEM_MSRS && memcmp (a + at, b + at, 8 + head[1]) != 0)
      return FALSE;
    at += 8 + head[1];
  }
  return TRUE;
}

void
own_pair_fill (OwnPair *pair, GdwConformanceHost *test)
{
  test->data = pair;
  test->start_writes = start_writes;
  test->vcpu_writes = vcpu_writes;
  test->set_migration = set_migration;
  test->device_writes = device_writes;
  test->sections_equal = pair->vm.soft ? NULL : sections_equal;
}
