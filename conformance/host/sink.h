/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "vm.h"

/* Where a guest goes that does not arrive: a VM of memory alone.  When all has come it
 * compares its memory with that of the VM under test, which stands still then, and refuses the
 * state, so that the guest goes on where it is. */
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
