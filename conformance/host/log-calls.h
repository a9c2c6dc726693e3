/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "vm.h"

/* The dirty log of the host, called as a tracker does.  Each call is held to give FALSE
 * exactly with an error; FALSE here: the test has failed. */

/* A mode without which a test makes no sense; skips it. */
gboolean log_can (Try *t, guint32 mode);

/* The modes of bitmaps that it has, 0 at their end. */
typedef struct {
  guint32 mode[4];
} LogModes;
LogModes log_modes (const GdwDirtyLog *log);
const char *log_mode_name (guint32 mode);

gboolean log_enable (Vm *vm, guint32 mode);
gboolean log_disable (Vm *vm);

/* Into *@bits, of which all were set before; free it. */
gboolean log_get (Vm *vm, guint region, guint64 **bits);
gboolean log_clear (Vm *vm, guint region, guint64 first, guint64 n, const guint64 *bits);

static inline gboolean
bit_is_set (const guint64 *bits, guint64 page)
{
  return bits[page / 64] >> (page % 64) & 1;
}

/* Pages of @region at which mistakes show, and that vCPUs can write; they were written. */
GArray *log_write_some (Vm *vm, guint region);
gboolean log_write (Vm *vm, guint region, guint64 page);

/* get says of @page that it is @dirty. */
gboolean log_expect (Vm *vm, guint region, guint64 page, gboolean dirty, Promise promise,
                     const char *when);
