/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "asked.h"

/* The callbacks of a host, called as a GdwMigration does, and their answers. */

Asked *vm_ask_pause (Vm *vm);
Asked *vm_ask_save (Vm *vm);
Asked *vm_ask_load (Vm *vm, const GPtrArray *sections); /* which stay until it is answered */
Asked *vm_ask_fence (Vm *vm);
Asked *vm_ask_check (Vm *vm);

/* Called and answered, without an error; FALSE: the test has failed. */
gboolean vm_pause (Vm *vm);
gboolean vm_resume (Vm *vm);
gboolean vm_save (Vm *vm, GPtrArray **sections); /* GdwSection; a new reference */
gboolean vm_load (Vm *vm, const GPtrArray *sections);
gboolean vm_fence (Vm *vm);
gboolean vm_reacquire (Vm *vm);
gboolean vm_reset (Vm *vm);

/* guest_check, if the host has it and the guest is ready: no page is bad. */
gboolean vm_is_good (Vm *vm);

/* It was resumed: have it write, if the author knows how. */
gboolean vm_start_writes (Vm *vm);

/* Resume it, and have it write. */
gboolean vm_write_on (Vm *vm);

/* Its regions, one at least. */
const GdwRegion *vm_regions (Vm *vm, guint *n);

/* Whatever a test has left: paused, its dirty log disabled. */
gboolean vm_settle (Vm *vm);
