/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "machine.h"

#include <gio/gio.h>

/* Any thread.  The VMM makes the guest's own check of every page, over the memory of a machine
 * that stands still.  Soon after @cancel fires it ends, with a result that means nothing.  It
 * trusts nothing in guest memory. */
gboolean guest_check_memory (const Memory *memory, guint vcpus, guint64 device_seq,
                             GCancellable *cancel, MachineCheck *check, GError **error);

/* Adds up the vCPUs' state in guest memory, even while they run.  FALSE: there is no guest
 * whose writers divide the memory sensibly. */
gboolean guest_check_stats (const Memory *memory, guint vcpus, guint64 clock_khz,
                            MachineStats *stats, GError **error);
