/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "memory.h"

/* The dirty log of software vCPUs: KVM's rules, in user space. */
typedef struct SoftLog SoftLog;

/* With @n_entries, a ring of so many for each of @n_rings vCPUs, instead of a bitmap. */
SoftLog *soft_log_new (const Memory *memory, guint n_rings, guint32 n_entries);
void soft_log_free (SoftLog *log);

/* The page at GPA was written by the calling thread, just before; with rings, that is VCPU's,
 * and its ring has room. */
void soft_log_mark (SoftLog *log, guint vcpu, guint64 gpa);

/* VCPU must not go on: its ring is full.  On its thread. */
gboolean soft_log_full (SoftLog *log, guint vcpu);

/* What trackers see; of the log. */
const GdwDirtyLog *soft_log_vtable (SoftLog *log);
