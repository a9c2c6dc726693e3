/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/godwit.h>

G_BEGIN_DECLS

/**
 * SoftVm:
 *
 * The software machine of the reference VMM, for a test in another language: what a VMM with a
 * part in C gives to it.
 */
#define SOFT_TYPE_VM (soft_vm_get_type ())
G_DECLARE_FINAL_TYPE (SoftVm, soft_vm, SOFT, VM, GObject)

/**
 * soft_vm_new:
 * @memory_bytes: of its guest
 * @run_log: (nullable): a file that tells when the guest ran
 * @incoming: no guest is booted here
 */
SoftVm *soft_vm_new (guint64 memory_bytes, const char *run_log, gboolean incoming,
                     GError **error);

/**
 * soft_vm_get_host:
 *
 * Returns: (transfer none): for gdw_migration_new(), as long as the VM lives
 */
const GdwHost *soft_vm_get_host (SoftVm *vm);

/**
 * soft_vm_set_migration:
 * @migration: who is told what the device writes; before the guest runs
 *
 * Holds a reference on it.
 */
void soft_vm_set_migration (SoftVm *vm, GdwMigration *migration);

G_END_DECLS
