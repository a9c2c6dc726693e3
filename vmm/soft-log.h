/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "memory.h"

/* The dirty log of software vCPUs: KVM's rules, in user space. */
typedef struct SoftLog SoftLog;

SoftLog *soft_log_new (const Memory *memory);
void soft_log_free (SoftLog *log);

/* The page at GPA was written by the calling thread, just before. */
void soft_log_mark (SoftLog *log, guint64 gpa);

/* What trackers see; of the log. */
const GdwDirtyLog *soft_log_vtable (SoftLog *log);
