/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "asked.h"

/* Call the callbacks of a host as a GdwMigration does, and collect the answers. */

Asked *vm_ask_pause (Vm *vm);
Asked *vm_ask_save (Vm *vm);
Asked *vm_ask_load (Vm *vm, const GPtrArray *sections); /* @sections must stay until the
                                                         * answer */
Asked *vm_ask_fence (Vm *vm);
Asked *vm_ask_check (Vm *vm);

/* Call and wait for the answer.  They return FALSE, and the test has failed, if there is an
 * error. */
gboolean vm_pause (Vm *vm);
gboolean vm_resume (Vm *vm);
gboolean vm_save (Vm *vm, GPtrArray **sections); /* GdwSection; a new reference */
gboolean vm_load (Vm *vm, const GPtrArray *sections);
gboolean vm_fence (Vm *vm);
gboolean vm_reacquire (Vm *vm);
gboolean vm_reset (Vm *vm);

/* Runs guest_check if the host has it and the guest is ready, and requires that no page is
 * bad. */
gboolean vm_is_good (Vm *vm);

/* Starts writes in the resumed guest, if the author provides the callback. */
gboolean vm_start_writes (Vm *vm);

/* Resumes the guest and starts its writes. */
gboolean vm_write_on (Vm *vm);

/* Returns the regions, at least one. */
const GdwRegion *vm_regions (Vm *vm, guint *n);

/* Pauses the guest and disables the dirty log, in whatever state a test left them. */
gboolean vm_settle (Vm *vm);
