/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "vm.h"

/* The destination of a guest that never runs there: a VM with only memory.  When all memory has
 * arrived the sink compares it with that of the VM under test, which is paused then, and
 * refuses the state, so that the guest continues where it is. */
typedef struct {
  Vm *vm; /* under test */
  GdwHost host;
  GdwRegion *regions;
  guint n_regions;
  GdwMigration *migration;
  char *folder, *uri;
  gboolean compared, ended;
  guint64 n_differ;
  guint64 differs_at; /* guest address of the first page */
} Sink;

gboolean sink_open (Sink *sink, Vm *vm);
void sink_close (Sink *sink);
