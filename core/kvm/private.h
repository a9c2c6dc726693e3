/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/error.h>
#include <godwit/kvm.h>
#include <linux/kvm.h>

/* What the two dirty logs of KVM share: dirty-bitmap.c has the bitmap, dirty-ring.c the rings.
 */

/* All in pages, and relative to the region. */
typedef struct {
  GdwKvmSlot kvm;
  guint64 first, end;
} GdwLogSlot;

typedef struct {
  GdwDirtyLog log; /* what the caller holds */
  int vm_fd;
  guint32 mode; /* GDW_DIRTY_LOG_* while enabled, else 0 */
  guint n_slots;
  GdwLogSlot *slots; /* by region and place in it */
  guint last_slot;   /* where locate found the last one */
} GdwKvmLog;

/* FALSE, with an error. */
gboolean gdw_kvm_fail (GError **error, int code, const char *what, const char *why);

/* Without rings. */
GdwKvmLog *gdw_kvm_log_new (int vm_fd, guint32 modes, const GdwKvmSlot *slots, guint n_slots,
                            GError **error);

gboolean gdw_kvm_has_rings (int vm_fd);
