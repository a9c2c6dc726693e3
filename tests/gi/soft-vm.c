/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "tests/gi/soft-vm.h"

#include "vmm/host.h"

struct _SoftVm {
  GObject parent;
  Host host;
  GdwHost gdw;
};

G_DEFINE_FINAL_TYPE (SoftVm, soft_vm, G_TYPE_OBJECT)

/* The machine's threads tell the migration what they write: they end first. */
static void
soft_vm_finalize (GObject *object)
{
  SoftVm *vm = SOFT_VM (object);

  g_clear_pointer (&vm->host.machine, machine_free);
  host_stopped (&vm->host);
  run_log_close (&vm->host.run_log);
  g_clear_object (&vm->host.migration);
  G_OBJECT_CLASS (soft_vm_parent_class)->finalize (object);
}

static void
soft_vm_class_init (SoftVmClass *class)
{
  G_OBJECT_CLASS (class)->finalize = soft_vm_finalize;
}

static void
soft_vm_init (SoftVm *vm)
{
  vm->host.run_log.fd = -1;
}

SoftVm *
soft_vm_new (guint64 memory_bytes, const char *run_log, gboolean incoming, GError **error)
{
  g_autoptr (SoftVm) vm = g_object_new (SOFT_TYPE_VM, NULL);
  MachineConfig config = { .soft = TRUE,
                           .memory_bytes = memory_bytes,
                           .vcpus = 2,
                           .ws_bytes = memory_bytes / 4,
                           .rate = 2000,
                           .writers = 1,
                           .fill = TRUE };
  MachineEvents events = { .data = &vm->host,
                           .wrote = host_wrote,
                           .ring_full = host_ring_full };

  vm->host.machine = machine_new (&config, &events, error);
  if (!vm->host.machine || !run_log_open (&vm->host.run_log, run_log, error) ||
      (!incoming && !machine_boot (vm->host.machine, error)))
    return NULL;
  host_init (&vm->host, &vm->gdw);
  vm->gdw.quit = NULL; /* the process is the test's */
  return g_steal_pointer (&vm);
}

const GdwHost *
soft_vm_get_host (SoftVm *vm)
{
  return &vm->gdw;
}

void
soft_vm_set_migration (SoftVm *vm, GdwMigration *migration)
{
  g_set_object (&vm->host.migration, migration);
}
