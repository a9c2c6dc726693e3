/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

/* A buffer that ends where nothing can be read or written: one byte too far is a crash, which
 * costs the test. */
typedef struct {
  guint8 *data;
  gsize size;
  guint8 *map;
  gsize map_size;
} Guarded;

/* Of zeros; @size at least 1. */
Guarded guarded_new (gsize size);
void guarded_free (Guarded *guarded);
