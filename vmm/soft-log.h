/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "memory.h"

/* The dirty log of software vCPUs: KVM's rules, in user space. */
typedef struct SoftLog SoftLog;

/* With @n_entries, each of @n_rings vCPUs has a ring of that many entries instead of a
 * bitmap. */
SoftLog *soft_log_new (const Memory *memory, guint n_rings, guint32 n_entries);
void soft_log_free (SoftLog *log);

/* The calling thread has just written the page at GPA. With rings it must be VCPU's thread, and
 * its ring must have room. */
void soft_log_mark (SoftLog *log, guint vcpu, guint64 gpa);

/* On the thread of VCPU. TRUE: its ring is full, and it must not go on. */
gboolean soft_log_full (SoftLog *log, guint vcpu);

/* The dirty log that trackers see.  The log owns it. */
const GdwDirtyLog *soft_log_vtable (SoftLog *log);
