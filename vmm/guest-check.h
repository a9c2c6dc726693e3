/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "machine.h"

#include <gio/gio.h>

/* The guest's own check of every page, made by the VMM over the memory of a
 * machine that stands still.  Any thread; soon after @cancel fires it ends
 * with a result that means nothing.  Nothing in guest memory is trusted. */
gboolean guest_check_memory (const Memory *memory, guint vcpus, guint64 device_seq,
                             GCancellable *cancel, MachineCheck *check, GError **error);

/* What the vCPUs' state in guest memory adds up to, also while they run.
 * FALSE: there is no guest whose writers divide the memory sensibly. */
gboolean guest_check_stats (const Memory *memory, guint vcpus, guint64 clock_khz,
                            MachineStats *stats, GError **error);
