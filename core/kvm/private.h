/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/error.h>
#include <godwit/kvm.h>
#include <linux/kvm.h>

/* The two dirty logs of KVM share this: dirty-bitmap.c has the bitmap, dirty-ring.c the rings.
 */

/* Places are in pages, relative to the region. */
typedef struct {
  GdwKvmSlot kvm;
  guint64 first, end;
} GdwLogSlot;

typedef struct {
  GdwDirtyLog log; /* the caller holds this one */
  int vm_fd;
  guint32 mode; /* GDW_DIRTY_LOG_* while enabled, else 0 */
  guint n_slots;
  GdwLogSlot *slots; /* in the order of their regions and places */
  guint last_slot;   /* the slot that locate found last */
} GdwKvmLog;

/* Returns FALSE and sets the error. */
gboolean gdw_kvm_fail (GError **error, int code, const char *what, const char *why);

/* The new log has no rings. */
GdwKvmLog *gdw_kvm_log_new (int vm_fd, guint32 modes, const GdwKvmSlot *slots, guint n_slots,
                            GError **error);

gboolean gdw_kvm_has_rings (int vm_fd);
