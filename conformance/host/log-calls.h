/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "vm.h"

/* Calls of the host's dirty log, made as a tracker does.  Each call must return FALSE exactly
 * if it sets an error.  If these return FALSE the test has failed. */

/* Returns whether the log has a mode that the test needs; skips the test if not. */
gboolean log_can (Try *t, guint32 mode);

/* The bitmap modes of the log; 0 ends the list. */
typedef struct {
  guint32 mode[4];
} LogModes;
LogModes log_modes (const GdwDirtyLog *log);
const char *log_mode_name (guint32 mode);

gboolean log_enable (Vm *vm, guint32 mode);
gboolean log_disable (Vm *vm);

/* Sets all bits of *@bits, then calls get on it; free it. */
gboolean log_get (Vm *vm, guint region, guint64 **bits);
gboolean log_clear (Vm *vm, guint region, guint64 first, guint64 n, const guint64 *bits);

static inline gboolean
bit_is_set (const guint64 *bits, guint64 page)
{
  return bits[page / 64] >> (page % 64) & 1;
}

/* Writes those pages of @region where mistakes show and that vCPUs can write, and returns
 * them. */
GArray *log_write_some (Vm *vm, guint region);
gboolean log_write (Vm *vm, guint region, guint64 page);

/* Checks that get reports @page as @dirty. */
gboolean log_expect (Vm *vm, guint region, guint64 page, gboolean dirty, Promise promise,
                     const char *when);
